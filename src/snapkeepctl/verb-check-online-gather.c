/*
 * What is to be asked of in a subscription, by the policy and what was read: the groups that snapshots go
 * to and those of selected disks, and the encryption sets of these.
 */
#include "snapkeepctl/verb-check-online.h"

#include "base/array.h"
#include "base/str.h"
#include "core/targets.h"
#include "engine/engine.h"

#include <errno.h>
#include <string.h>

bool online_view(const struct online *online, size_t subscription, struct world_view *ret_view) {
        return engine_view(online->direct.engine, subscription, ret_view);
}

static bool target_is_about(const struct target *target, const char *subscription) {
        if (target->subscription && strcmp(target->subscription, subscription) == 0)
                return true;
        for (size_t i = 0; i < target->n_disks; i++)
                if (strcmp(target->disks[i].subscription, subscription) == 0)
                        return true;
        return false;
}

bool online_target_is_read(const struct online *online, size_t target) {
        for (size_t i = 0; i < online->n_subscriptions; i++)
                if (!online->subscriptions[i].read &&
                    target_is_about(&online->file->targets[target], online->subscriptions[i].id))
                        return false;
        return true;
}

bool online_policy_is_read(const struct online *online, size_t policy) {
        for (size_t t = 0; t < online->file->n_targets; t++)
                if (online->file->targets[t].policy == policy && !online_target_is_read(online, t))
                        return false;
        return true;
}

enum online_answer online_group_exists(const struct online_group *group) {
        bool there = group->exists == ONLINE_YES || group->n_disks > 0;
        bool gone = group->exists == ONLINE_NO;

        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                there |= group->rights[i].known;
                gone |= group->rights[i].no_group;
        }
        return gone ? ONLINE_NO : there ? ONLINE_YES : ONLINE_UNKNOWN;
}

uint32_t online_lacks(const struct online_rights *rights) {
        return rights->known ? rights->needed & ~rights->allowed : 0;
}

static int group_of(struct online *online, size_t subscription, const char *name,
                    struct online_group **ret_group) {
        struct online_group *group;
        int r;

        /* From the end: disks come sorted by group. */
        for (size_t i = online->n_groups; i-- > 0;)
                if (online->groups[i]->subscription == subscription &&
                    str_equal_nocase(online->groups[i]->name, name)) {
                        *ret_group = online->groups[i];
                        return 0;
                }
        r = array_grow(&online->groups, online->n_groups, &online->groups_capacity,
                       sizeof(*online->groups), ONLINE_GROUPS_MAX);
        if (r < 0)
                return r;
        group = calloc(1, sizeof(*group));
        if (!group)
                return -ENOMEM;
        online->groups[online->n_groups++] = group;
        group->subscription = subscription;
        group->name = strdup(name);
        if (!group->name)
                return -ENOMEM;
        *ret_group = group;
        return 0;
}

static int set_of(struct online *online, size_t subscription, const char *text) {
        struct online_set *set;
        int r;

        for (size_t i = 0; i < online->n_sets; i++)
                if (str_equal_nocase(online->sets[i]->text, text)) {
                        online->sets[i]->n_disks++;
                        return 0;
                }
        r = array_grow(&online->sets, online->n_sets, &online->sets_capacity, sizeof(*online->sets),
                       ONLINE_SETS_MAX);
        if (r < 0)
                return r;
        set = calloc(1, sizeof(*set));
        if (!set)
                return -ENOMEM;
        online->sets[online->n_sets++] = set;
        set->subscription = subscription;
        set->n_disks = 1;
        set->text = strdup(text);
        if (!set->text)
                return -ENOMEM;
        r = encryption_set_id_parse(text, &set->id);
        if (r != 0)
                strbuf_appendf(&set->problem, ": %s", resource_id_problem(r));
        return 0;
}

/* The groups that the policies' snapshots of this subscription go to. */
static int add_snapshot_groups(struct online *online, size_t subscription) {
        const struct policy_file *file = online->file;

        for (size_t t = 0; t < file->n_targets; t++) {
                const struct target *target = &file->targets[t];
                const struct policy *policy = &file->policies[target->policy];
                struct online_group *group;
                int r;

                if (!target_is_about(target, online->subscriptions[subscription].id))
                        continue;
                r = group_of(online, subscription, policy->snapshot_group, &group);
                if (r < 0)
                        return r;
                if (!(group->where & RIGHT_AT_SNAPSHOTS))
                        group->policy = target->policy;
                group->where |= RIGHT_AT_SNAPSHOTS;
                group->prunes |= policy->prune != PRUNE_OFF;
        }
        return 0;
}

/* Unlisted, they are known by their ids alone. */
static int add_named_groups(struct online *online, size_t subscription) {
        const struct policy_file *file = online->file;

        for (size_t t = 0; t < file->n_targets; t++)
                for (size_t i = 0; i < file->targets[t].n_disks; i++) {
                        const struct resource_id *disk = &file->targets[t].disks[i];
                        struct online_group *group;
                        int r;

                        if (strcmp(disk->subscription, online->subscriptions[subscription].id) != 0)
                                continue;
                        r = group_of(online, subscription, disk->group, &group);
                        if (r < 0)
                                return r;
                        group->where |= RIGHT_AT_DISKS;
                }
        return 0;
}

static int add_disk(struct online *online, size_t subscription, const struct world_view *view,
                    const struct disk_row *disk) {
        const struct policy_file *file = online->file;
        struct online_group *group;
        bool selected = false;
        int r;

        for (size_t t = 0; t < file->n_targets; t++)
                online->targets[t] += target_matches(&file->targets[t], view, disk);
        for (size_t p = 0; p < file->n_policies; p++) {
                bool selects = policy_selects(file, p, view, disk);

                online->policies[p] += selects;
                selected |= selects;
        }
        if (!selected)
                return 0;
        online->subscriptions[subscription].n_selected++;
        r = group_of(online, subscription, view_str(view, disk->group), &group);
        if (r < 0)
                return r;
        group->where |= RIGHT_AT_DISKS;
        group->n_disks++;
        return disk->encryption_set
                       ? set_of(online, subscription, view_str(view, disk->encryption_set))
                       : 0;
}

static int add_disks(struct online *online, size_t subscription) {
        const struct policy_file *file = online->file;
        struct world_view view;
        int r;

        if (!online_view(online, subscription, &view))
                return add_named_groups(online, subscription);

        for (size_t i = 0; i < view.n_disks; i++) {
                r = add_disk(online, subscription, &view, &view.disks[i]);
                if (r < 0)
                        return r;
        }
        for (size_t t = 0; t < file->n_targets; t++)
                for (size_t i = 0; i < file->targets[t].n_disks; i++) {
                        const struct resource_id *id = &file->targets[t].disks[i];
                        const struct disk_row *disk =
                                strcmp(id->subscription, view.subscription) == 0
                                        ? view_find_disk(&view, id->group, id->name)
                                        : NULL;

                        online->targets[t] +=
                                disk && !target_matches(&file->targets[t], &view, disk);
                }
        return 0;
}

int online_gather(struct online *online, size_t subscription) {
        return add_snapshot_groups(online, subscription) ?: add_disks(online, subscription);
}
