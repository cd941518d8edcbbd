/*
 * A plan once it is made: what it owns, what blocks it, its hash, the tags of what it creates.
 */
#include "core/planner.h"

#include "base/sha256.h"
#include "base/str.h"
#include "core/naming.h"
#include "core/series.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void action_deinit(struct action *action) {
        free(action->reason);
        free(action->location);
        free(action->accepted);
        action->reason = action->location = action->accepted = NULL;
}

struct resource_id action_snapshot_id(const struct action *action) {
        struct resource_id id = {.type = RESOURCE_SNAPSHOT};

        stpcpy(id.subscription, action->subscription);
        stpcpy(id.group, action->group);
        stpcpy(id.name, action->name);
        return id;
}

int action_copy(const struct action *action, struct action *ret_copy) {
        struct action copy = *action;

        copy.reason = strdup(action->reason);
        copy.location = action->location ? strdup(action->location) : NULL;
        copy.accepted = action->accepted ? strdup(action->accepted) : NULL;
        if (!copy.reason || (action->location && !copy.location) ||
            (action->accepted && !copy.accepted)) {
                action_deinit(&copy);
                return -ENOMEM;
        }
        *ret_copy = copy;
        return 0;
}

struct plan *plan_free(struct plan *plan) {
        if (!plan)
                return NULL;

        for (size_t i = 0; i < plan->n_actions; i++)
                action_deinit(&plan->actions[i]);
        for (size_t i = 0; i < plan->n_findings; i++)
                free(plan->findings[i].subject);
        free(plan->actions);
        free(plan->findings);
        free(plan->series);
        free(plan->survivors);
        free(plan->selectors);
        free(plan->claimed);
        free(plan->unselected);
        free(plan->policies);
        free(plan->found);
        free(plan);
        return NULL;
}

const struct generation_standing *standing_generation(const struct standing *standing,
                                                      const char *generation) {
        size_t low = 0, high = standing ? standing->n_generations : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(standing->generations[middle].generation, generation);

                if (order == 0)
                        return &standing->generations[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

bool standing_is_unselected(const struct standing *standing, const char *generation,
                            const struct policy *policy) {
        size_t low = 0, high = standing ? standing->n_unselected : 0, n = high;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(standing->unselected[middle].generation, generation) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < n && strcmp(standing->unselected[low].generation, generation) == 0; low++)
                if (policy_claims(policy, standing->unselected[low].policy))
                        return true;
        return false;
}

/* All that keeps the deletions of the series from going. */
static uint32_t series_blocks(const struct plan *plan, const struct series_state *state,
                              const struct standing *standing) {
        uint32_t blocked = state->doubts;

        if (!standing)
                return blocked;

        blocked |= standing->all | standing->subscription;
        if (standing->policies)
                blocked |= standing->policies[state->policy];
        for (size_t i = 0; i < state->n_targets && standing->targets; i++)
                blocked |= standing->targets[plan->selectors[state->first_target + i]];
        return blocked;
}

void plan_settle(struct plan *plan, const struct standing *standing) {
        uint32_t all = standing ? standing->all : 0;

        for (size_t i = 0; i < plan->n_series; i++)
                plan->series[i].blocked = series_blocks(plan, &plan->series[i], standing);

        for (size_t i = 0; i < plan->n_actions; i++) {
                struct action *action = &plan->actions[i];

                switch (action->kind) {
                case ACTION_CREATE:
                        action->blocked &= BLOCK_FULL | BLOCK_BURST; /* planner_run() found them */
                        action->blocked |= all & BLOCK_PAUSED_ALL;
                        break;
                case ACTION_DELETE:
                        if (action->series == ACTION_NO_SERIES)
                                action->blocked = all | (standing ? standing->subscription : 0);
                        else
                                action->blocked = plan->series[action->series].blocked;
                        break;
                }
        }
}

static void append_tag(struct strbuf *out, const char *name, const char *value) {
        strbuf_append(out, name, strlen(name) + 1);
        strbuf_append(out, value, strlen(value) + 1);
}

void series_tags(const struct policy_file *file, size_t policy_index, struct utc slot,
                 const char *generation, const struct resource_id *disk, const char *accepted,
                 struct strbuf *out) {
        const struct policy *policy = &file->policies[policy_index];
        char slot_text[UTC_SLOT_SIZE];

        append_tag(out, TAG_VERSION, TAG_VERSION_VALUE);
        append_tag(out, TAG_OWNER, file->owner);
        append_tag(out, TAG_POLICY, policy->name);
        append_tag(out, TAG_SLOT, utc_format_slot(slot, slot_text));
        append_tag(out, TAG_GENERATION, generation);

        strbuf_append(out, TAG_DISK, sizeof(TAG_DISK));
        strbuf_appendf(out, "%s/%s/%s", disk->subscription, disk->group, disk->name);
        strbuf_append_char(out, '\0');

        strbuf_append(out, TAG_KEEP, sizeof(TAG_KEEP));
        if (accepted)
                strbuf_append_str(out, accepted);
        else
                keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, out);
        strbuf_append_char(out, '\0');
}

void action_tags(const struct policy_file *file, const struct action *action, bool rule_is_accepted,
                 struct strbuf *out) {
        const struct policy *policy = &file->policies[action->policy];

        assert(action->kind == ACTION_CREATE);

        series_tags(file, action->policy, action->slot, action->generation, &action->disk,
                    rule_is_accepted ? NULL : action->accepted, out);
        for (size_t i = 0; i < policy->tags.n; i++)
                append_tag(out, policy->tags.items[i].name, policy->tags.items[i].value);
}

/* Hashes the action onto what was hashed before it, so that no list of a million strings is made.
 * Ids are compared without case, so they are hashed without. */
static int hash_action(const struct action *action, char hash[static PLAN_HASH_SIZE]) {
        struct resource_id snapshot = action_snapshot_id(action), disk = action->disk;
        char id[GUID_TEXT_SIZE], slot[UTC_SLOT_SIZE];
        const char *fields[] = {
                hash,
                action->kind == ACTION_CREATE ? "create" : "delete",
                snapshot.subscription,
                snapshot.group,
                snapshot.name,
                guid_format(&action->unique_id, id),
                utc_is_set(action->slot) ? utc_format_slot(action->slot, slot) : "",
                disk.group,
                disk.name,
        };
        uint8_t digest[SHA256_SIZE];
        int r;

        str_lower(snapshot.group);
        str_lower(snapshot.name);
        str_lower(disk.group);
        str_lower(disk.name);
        r = sha256_fields(fields, ARRAY_SIZE(fields), digest);
        if (r < 0)
                return r;

        for (size_t i = 0; i < sizeof(digest); i++)
                snprintf(hash + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

int plan_hash(const struct plan *plan, char ret_hash[static PLAN_HASH_SIZE]) {
        char hash[PLAN_HASH_SIZE];
        int r;

        /* The hash of nothing, in the same form. */
        memset(hash, '0', sizeof(hash) - 1);
        hash[sizeof(hash) - 1] = '\0';
        for (size_t i = 0; i < plan->n_actions; i++) {
                r = hash_action(&plan->actions[i], hash);
                if (r < 0)
                        return r;
        }
        memcpy(ret_hash, hash, sizeof(hash));
        return 0;
}
