#include "azure/encryption_set.h"

#include "azure/json.h"
#include "azure/replies.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define TYPE "diskEncryptionSets"
#define PROVIDER "/providers/Microsoft.Compute/"

/* Where the type stands in the id, or NULL. */
static const char *find_type(const char *text) {
        for (const char *p = text; (p = strchr(p, '/')); p++)
                if (str_starts_with_nocase(p, PROVIDER TYPE "/"))
                        return p + strlen(PROVIDER);
        return NULL;
}

/* Its parts are named by the rules of a disk's, whose id is the same but for the type. */
int encryption_set_id_parse(const char *text, struct encryption_set_id *ret_id) {
        const char *type = find_type(text);
        char as_disk[RESOURCE_ID_TEXT_SIZE];
        struct resource_id id;
        int len, r;

        if (!type)
                return RESOURCE_ID_E_SHAPE;
        len = snprintf(as_disk, sizeof(as_disk), "%.*sdisks%s", (int)(type - text), text,
                       type + strlen(TYPE));
        if (len < 0 || (size_t)len >= sizeof(as_disk))
                return RESOURCE_ID_E_SHAPE;
        r = resource_id_parse(as_disk, (size_t)len, &id);
        if (r != 0)
                return r;

        strcpy(ret_id->subscription, id.subscription);
        strcpy(ret_id->group, id.group);
        strcpy(ret_id->name, id.name);
        return 0;
}

static int bad_member(const char *member, const char **reterr_member) {
        *reterr_member = member;
        return REPLY_E_MEMBER;
}

/* The member as text, "" when it is not there. False: it is something else. */
static bool read_text(const cJSON *json, const char *name, const char **ret_text) {
        const char *text = json_string(json, name);

        *ret_text = text ?: "";
        return text || json_is_absent(json, name);
}

static int decode(const cJSON *json, struct encryption_set_reply *ret_set,
                  const char **reterr_member) {
        struct encryption_set_reply set = {};
        const cJSON *properties = json_object(json, "properties");
        const cJSON *error = json_object(properties, "autoKeyRotationError");

        if (!properties)
                return bad_member("properties", reterr_member);
        if ((!error && !json_is_absent(properties, "autoKeyRotationError")) ||
            !read_text(error, "code", &set.error_code) ||
            !read_text(error, "message", &set.error_message))
                return bad_member("autoKeyRotationError", reterr_member);
        set.has_rotation_error = error != NULL;
        *ret_set = set;
        return 0;
}

int encryption_set_reply_parse(const char *bytes, size_t len, struct encryption_set_reply *ret_set,
                               const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        struct encryption_set_reply set;
        int r;

        r = json_parse_object(bytes, len, &json);
        if (r != 0)
                return r;
        r = decode(json, &set, reterr_member);
        if (r != 0)
                return r;

        set.json = take_ptr(json);
        *ret_set = set;
        return 0;
}

void encryption_set_reply_deinit(struct encryption_set_reply *set) {
        cJSON_Delete(set->json);
        *set = (struct encryption_set_reply){};
}
