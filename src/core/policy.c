#include "core/policy.h"

#include "base/str.h"
#include "base/strbuf.h"
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
        free(policy->disk_access);
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

const char *identity_kind_name(enum identity_kind kind) {
        switch (kind) {
        case IDENTITY_MANAGED:
                return "managed";
        case IDENTITY_ARC:
                return "arc";
        case IDENTITY_WORKLOAD:
                return "workload";
        case IDENTITY_SECRET:
                return "secret";
        case IDENTITY_CERTIFICATE:
                return "certificate";
        case IDENTITY_ENVIRONMENT:
                return "environment";
        }
        return "?";
}

void policy_identity_append(const struct policy_identity *identity, struct strbuf *out) {
        const char *which = identity->client_id ?: identity->object_id ?: identity->resource_id;

        switch (identity->kind) {
        case IDENTITY_MANAGED:
                strbuf_appendf(out, "the managed identity%s%s of the virtual machine",
                               which ? " " : "", which ?: "");
                return;
        case IDENTITY_ARC:
                strbuf_append_str(out, "the identity of the Azure Arc machine");
                return;
        case IDENTITY_WORKLOAD:
                strbuf_append_str(out, "the workload identity of the environment");
                return;
        case IDENTITY_ENVIRONMENT:
                strbuf_append_str(out, "whom the AZURE_ variables of the environment name");
                return;
        case IDENTITY_SECRET:
        case IDENTITY_CERTIFICATE:
                strbuf_appendf(out,
                               "the client %s of tenant %s, by the %s in the credential \"%s\"",
                               identity->client_id, identity->tenant,
                               identity_kind_name(identity->kind), identity->credential);
                return;
        }
}

static void policy_identity_deinit(struct policy_identity *identity) {
        free(identity->client_id);
        free(identity->object_id);
        free(identity->resource_id);
        free(identity->tenant);
        free(identity->credential);
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
        policy_identity_deinit(&file->identity);
        policy_identity_deinit(&file->pruner);
        free(file->heartbeat.credential);
        free(file->textfile);
        free(file);
        return NULL;
}
