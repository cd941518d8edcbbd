#include "core/wanted.h"

#include "base/str.h"

#include <string.h>

static int read_id(const char *text, enum resource_type type, struct wanted *wanted) {
        struct resource_id id;

        if (resource_id_parse(text, strlen(text), &id) != 0)
                return WANTED_E_ID;
        if (id.type != type)
                return WANTED_E_TYPE;
        memcpy(wanted->subscription, id.subscription, sizeof(id.subscription));
        memcpy(wanted->group, id.group, sizeof(id.group));
        memcpy(wanted->name, id.name, sizeof(id.name));
        return 0;
}

int wanted_parse(const char *text, enum resource_type type, struct wanted *ret_wanted) {
        const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
        size_t group_len = slash ? (size_t)(slash - text) : 0;
        struct wanted wanted = {};
        int r = 0;

        if (slash == text)
                r = read_id(text, type, &wanted);
        else if (!*name || strchr(name, '/') || group_len >= RESOURCE_GROUP_SIZE ||
                 strlen(name) > RESOURCE_NAME_MAX)
                r = WANTED_E_SHAPE;
        else {
                memcpy(wanted.group, text, group_len);
                stpcpy(wanted.name, name);
        }
        if (r == 0)
                *ret_wanted = wanted;
        return r;
}

bool wanted_is(const struct wanted *wanted, const char *subscription, const char *group,
               const char *name) {
        if (*wanted->subscription && strcmp(wanted->subscription, subscription) != 0)
                return false;
        return str_equal_nocase(wanted->name, name) &&
               (!*wanted->group || str_equal_nocase(wanted->group, group));
}
