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
        }
        return false;
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
