#include "core/policy.h"

#include "base/str.h"
#include "core/zone.h"

#include <stdlib.h>

void policy_tags_deinit(struct policy_tags *tags) {
        for (size_t i = 0; i < tags->n; i++) {
                free(tags->items[i].name);
                free(tags->items[i].value);
        }
        free(tags->items);
        *tags = (struct policy_tags){};
}

const char *policy_tags_get(const struct policy_tags *tags, const char *name) {
        for (size_t i = 0; i < tags->n; i++)
                if (str_equal_nocase(tags->items[i].name, name))
                        return tags->items[i].value;
        return NULL;
}

static void policy_deinit(struct policy *policy) {
        free(policy->name);
        schedule_deinit(&policy->schedule);
        free(policy->zone_name);
        free(policy->snapshot_group);
        for (size_t i = 0; i < policy->n_formerly; i++)
                free(policy->formerly[i]);
        free(policy->formerly);
        policy_tags_deinit(&policy->tags);
}

static void target_deinit(struct target *target) {
        for (size_t i = 0; i < target->n_groups; i++)
                free(target->groups[i]);
        free(target->groups);
        free(target->disks);
        free(target->subscription);
        policy_tags_deinit(&target->tags);
        policy_tags_deinit(&target->except_tags);
}

struct policy_file *policy_file_free(struct policy_file *file) {
        if (!file)
                return NULL;

        for (size_t i = 0; i < file->n_policies; i++)
                policy_deinit(&file->policies[i]);
        free(file->policies);
        for (size_t i = 0; i < file->n_targets; i++)
                target_deinit(&file->targets[i]);
        free(file->targets);
        for (size_t i = 0; i < file->n_zones; i++)
                zone_free(file->zones[i]);
        free(file->zones);

        free(file->owner);
        free(file->cloud.arm);
        free(file->cloud.login);
        free(file->cloud.imds);
        free(file->cloud.ca);
        free(file->identity.client_id);
        free(file->identity.tenant);
        free(file->identity.credential);
        free(file);
        return NULL;
}
