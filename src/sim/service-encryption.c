/*
 * Disk encryption sets: whose key a disk and its snapshots are encrypted with, and what a snapshot
 * comes to when that key cannot be used.
 *
 * Codes are those that people report; which status they come with is UNCONFIRMED.
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

static struct encryption_set *set_find(const struct service *service, const char *id) {
        for (struct encryption_set *set = service->encryption_sets; set; set = set->next)
                if (str_equal_nocase(set->id, id))
                        return set;
        return NULL;
}

int service_set_key(struct service *service, const char *id, enum service_key key) {
        struct encryption_set *set = set_find(service, id);

        if (!set) {
                set = calloc(1, sizeof(*set));
                if (!set || service_set_string(&set->id, id) < 0) {
                        free(set);
                        return -ENOMEM;
                }
                set->next = service->encryption_sets;
                service->encryption_sets = set;
        }
        set->key = key;
        return 0;
}

void service_keys_free(struct service *service) {
        while (service->encryption_sets) {
                struct encryption_set *set = service->encryption_sets;

                service->encryption_sets = set->next;
                free(set->id);
                free(set);
        }
}

bool service_has_key(const struct service *service, const struct service_resource *disk,
                     struct answer *answer) {
        const struct encryption_set *set =
                disk->encryption_set ? set_find(service, disk->encryption_set) : NULL;
        const char *name = disk->encryption_set ? strrchr(disk->encryption_set, '/') : NULL;

        name = name ? name + 1 : "";
        switch (set ? set->key : SERVICE_KEY_USABLE) {
        case SERVICE_KEY_USABLE:
                return true;
        case SERVICE_KEY_DISABLED:
                answer_error(answer, 400, "service", "KeyVaultKeyNotEnabled",
                             "The key of disk encryption set '%s' is not enabled.", name);
                break;
        case SERVICE_KEY_FORBIDDEN:
                answer_error(answer, 400, "service", "KeyVaultAccessForbidden",
                             "Unable to access key vault resource to enable encryption at rest. "
                             "Please grant get, wrap and unwrap key permissions to disk encryption "
                             "set '%s'.",
                             name);
                break;
        case SERVICE_KEY_UNREADABLE:
                answer_error(answer, 403, "gateway", "LinkedAuthorizationFailed",
                             "The client '%s' has permission to perform action "
                             "'Microsoft.Compute/snapshots/write'; however, it does not have "
                             "permission to perform action "
                             "'Microsoft.Compute/diskEncryptionSets/read' on the linked scope "
                             "'%s'.",
                             answer->client, disk->encryption_set);
                break;
        case SERVICE_KEY_GONE:
                answer_error(answer, 404, "service", "DiskEncryptionSetNotFound",
                             "The disk encryption set '%s' does not exist.", name);
                break;
        }
        return false;
}

/* Whether a disk that is there names it, whatever it stands like. */
static bool set_is_named(const struct service *service, const char *id) {
        for (size_t i = 0; i < service->n_rows; i++) {
                const struct service_resource *row = service->rows[i];

                if (row->encryption_set && !utc_is_set(row->deleted_at) &&
                    str_equal_nocase(row->encryption_set, id))
                        return true;
        }
        return false;
}

/* autoKeyRotationError, as the specification's example has it; with which code is UNCONFIRMED. */
static void append_rotation_error(struct strbuf *body, enum service_key key) {
        if (key == SERVICE_KEY_DISABLED)
                strbuf_append_str(body, ",\"autoKeyRotationError\":{\"code\":"
                                        "\"KeyVaultKeyNotEnabled\",\"message\":\"The key is not "
                                        "enabled.\"}");
        else if (key == SERVICE_KEY_FORBIDDEN)
                strbuf_append_str(body,
                                  ",\"autoKeyRotationError\":{\"code\":"
                                  "\"KeyVaultAccessForbidden\",\"message\":\"Unable to access "
                                  "the key vault resource.\"}");
}

int service_encryption_get(const struct service *service, const struct route *route,
                           struct answer *answer) {
        _cleanup_(strbuf_deinit) struct strbuf id = {};
        const struct encryption_set *set;
        enum service_key key;

        strbuf_appendf(&id,
                       "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/"
                       "diskEncryptionSets/%s",
                       answer->subscription->id, route->group, route->name);
        set = set_find(service, strbuf_str(&id));
        key = set ? set->key : SERVICE_KEY_USABLE;
        if (key == SERVICE_KEY_GONE || (!set && !set_is_named(service, strbuf_str(&id))))
                return answer_error(answer, 404, "gateway", "ResourceNotFound",
                                    "The Resource 'Microsoft.Compute/diskEncryptionSets/%s' under "
                                    "resource group '%s' was not found.",
                                    route->name, route->group);
        if (key == SERVICE_KEY_UNREADABLE)
                return answer_error(answer, 403, "gateway", "AuthorizationFailed",
                                    "The client '%s' with object id '%s' does not have "
                                    "authorization to perform action "
                                    "'Microsoft.Compute/diskEncryptionSets/read' over scope '%s' "
                                    "or the scope is invalid.",
                                    answer->client, answer->client, strbuf_str(&id));

        answer->status = 200;
        strbuf_append_str(&answer->body, "{\"id\":");
        json_append_quoted(&answer->body, strbuf_str(&id));
        strbuf_append_str(&answer->body, ",\"name\":");
        json_append_quoted(&answer->body, route->name);
        strbuf_append_str(
                &answer->body,
                ",\"type\":\"Microsoft.Compute/diskEncryptionSets\",\"location\":\"" SERVICE_REGION
                "\",\"properties\":{\"provisioningState\":\"Succeeded\","
                "\"encryptionType\":\"EncryptionAtRestWithCustomerKey\","
                "\"rotationToLatestKeyVersionEnabled\":true");
        append_rotation_error(&answer->body, key);
        strbuf_append_str(&answer->body, "}}");
        return 0;
}

int service_encryption_read(const cJSON *properties, struct service_resource *resource,
                            struct answer *answer) {
        const cJSON *encryption = cJSON_GetObjectItemCaseSensitive(properties, "encryption");
        const char *type = json_get_string(encryption, "type");
        const char *set = json_get_string(encryption, "diskEncryptionSetId");
        bool platform = !type || strcmp(type, "EncryptionAtRestWithPlatformKey") == 0;

        if (!encryption)
                return 0;
        if (platform == (set != NULL)) {
                answer_error(answer, 400, "service", "InvalidParameter",
                             "The value of parameter encryption is invalid.");
                return 1;
        }
        return service_set_string(&resource->encryption_set, set);
}
