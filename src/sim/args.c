#include "sim/args.h"

#include <cjson/cJSON.h>
#include <errno.h>

struct sim_args {
        cJSON *object;
};

int sim_args_new(const char *json, size_t len, struct sim_args **ret_args) {
        _cleanup_(sim_args_freep) struct sim_args *args = NULL;

        args = calloc(1, sizeof(*args));
        if (!args)
                return -ENOMEM;

        args->object = cJSON_ParseWithLength(json, len);
        if (!cJSON_IsObject(args->object))
                return -EINVAL;

        *ret_args = take_ptr(args);
        return 0;
}

struct sim_args *sim_args_free(struct sim_args *args) {
        if (!args)
                return NULL;

        cJSON_Delete(args->object);
        free(args);
        return NULL;
}

const char *sim_args_string(const struct sim_args *args, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args->object, name));
}

int64_t sim_args_number(const struct sim_args *args, const char *name, int64_t otherwise) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(args->object, name);
        double value;

        if (!cJSON_IsNumber(item))
                return otherwise;
        value = item->valuedouble;
        if (!(value >= 0 && value <= 9007199254740992.0) || (double)(int64_t)value != value)
                return otherwise;
        return (int64_t)value;
}
