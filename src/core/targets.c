#include "core/targets.h"

#include "base/str.h"

#include <string.h>

/* Walks "name\nvalue\n…" (rows.h). Returns the value's start and length, or NULL. */
static const char *row_tag(const char *tags, const char *name, size_t *ret_len) {
        while (*tags) {
                const char *value = strchr(tags, '\n') + 1, *end = strchr(value, '\n');
                size_t len = (size_t)(value - tags) - 1;

                if (strlen(name) == len && str_starts_with_nocase(tags, name)) {
                        *ret_len = (size_t)(end - value);
                        return value;
                }
                tags = end + 1;
        }
        return NULL;
}

static bool row_has_tag(const char *tags, const struct policy_tag *tag) {
        size_t len;
        const char *value = row_tag(tags, tag->name, &len);

        return value && strlen(tag->value) == len && memcmp(value, tag->value, len) == 0;
}

static bool target_matches_group(const struct target *target, const char *subscription,
                                 const char *group) {
        bool in_group = target->n_groups == 0;

        if (!target->subscription || strcmp(target->subscription, subscription) != 0)
                return false;

        for (size_t i = 0; i < target->n_groups && !in_group; i++)
                in_group = str_matches_glob_nocase(target->groups[i], group);
        return in_group;
}

bool target_matches(const struct target *target, const struct world_view *view,
                    const struct disk_row *disk) {
        const char *tags = view_str(view, disk->tags);

        if (!target_matches_group(target, view->subscription, view_str(view, disk->group)))
                return false;

        for (size_t i = 0; i < target->tags.n; i++)
                if (!row_has_tag(tags, &target->tags.items[i]))
                        return false;
        for (size_t i = 0; i < target->except_tags.n; i++)
                if (row_has_tag(tags, &target->except_tags.items[i]))
                        return false;
        return true;
}

bool target_selects_gone(const struct target *target, const struct resource_id *id) {
        for (size_t i = 0; i < target->n_disks; i++)
                if (resource_id_compare(&target->disks[i], id) == 0)
                        return true;
        return target_matches_group(target, id->subscription, id->group);
}

bool policy_selects_gone(const struct policy_file *file, size_t policy,
                         const struct resource_id *id) {
        for (size_t i = 0; i < file->n_targets; i++)
                if (file->targets[i].policy == policy && target_selects_gone(&file->targets[i], id))
                        return true;
        return false;
}

static bool target_names(const struct target *target, const struct world_view *view,
                         const struct disk_row *disk) {
        for (size_t i = 0; i < target->n_disks; i++)
                if (strcmp(target->disks[i].subscription, view->subscription) == 0 &&
                    str_equal_nocase(target->disks[i].group, view_str(view, disk->group)) &&
                    str_equal_nocase(target->disks[i].name, view_str(view, disk->name)))
                        return true;
        return false;
}

bool policy_selects(const struct policy_file *file, size_t policy, const struct world_view *view,
                    const struct disk_row *disk) {
        for (size_t i = 0; i < file->n_targets; i++) {
                const struct target *target = &file->targets[i];

                if (target->policy == policy &&
                    (target_names(target, view, disk) || target_matches(target, view, disk)))
                        return true;
        }
        return false;
}

/* Takes "subscription/group/name" apart. */
bool orphan_disk_id(const struct world_view *view, const struct orphan *orphan,
                    struct resource_id *ret_id) {
        const char *text = view_str(view, orphan->disk), *group = strchr(text, '/');
        const char *name = group ? strchr(group + 1, '/') : NULL;
        struct resource_id id = {.type = RESOURCE_DISK};
        struct guid subscription;
        size_t group_len;

        if (!name || guid_parse(text, (size_t)(group - text), &subscription) < 0)
                return false;
        group_len = (size_t)(name - group) - 1;
        if (group_len == 0 || group_len >= RESOURCE_GROUP_SIZE || name[1] == '\0' ||
            strlen(name + 1) > RESOURCE_NAME_MAX)
                return false;

        guid_format(&subscription, id.subscription);
        memcpy(id.group, group + 1, group_len);
        stpcpy(id.name, name + 1);
        if (!resource_group_is_valid(id.group))
                return false;
        *ret_id = id;
        return true;
}

const struct disk_row *view_find_disk(const struct world_view *view, const char *group,
                                      const char *name) {
        size_t low = 0, high = view->n_disks;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct disk_row *disk = &view->disks[middle];
                int order = str_compare_nocase(view_str(view, disk->group), group)
                                    ?: str_compare_nocase(view_str(view, disk->name), name);

                if (order == 0)
                        return disk;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}
