/*
 * The section targets: which disks each policy is for.
 */
#include "config/readers.h"

#include "config/tree.h"
#include "config/values.h"
#include "config/walk.h"

#include "base/str.h"
#include "core/policy.h"
#include "core/resource_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No policy was found for a target; an error was said. */
#define POLICY_UNKNOWN SIZE_MAX

static int read_disk(struct reader *reader, const struct key *key, const struct node *node,
                     struct resource_id *ret_id) {
        bool is_text = false;
        int r;

        if (node->kind == NODE_BROKEN)
                return 0;
        if (node->kind != NODE_SCALAR)
                return reader_complain_kind(reader, key, node);
        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;

        r = resource_id_parse(node->text, node->len, ret_id);
        if (r < 0)
                return r;
        if (r > 0)
                return value_complain_because(reader, key, node, "is not a disk's id",
                                              resource_id_problem(r));
        if (ret_id->type != RESOURCE_DISK)
                return value_complain(reader, key, node, NULL, "is a snapshot's id");
        return 0;
}

int read_disks(struct reader *reader, const struct key *key, const struct node *node,
               void *object) {
        struct target *target = object;
        struct key one = *key;
        bool is_list;
        int r;

        r = value_is_list(reader, key, node, &is_list);
        if (r < 0 || !is_list)
                return r;
        one.form = FORM_ONE;
        target->disks = calloc(node->n, sizeof(*target->disks));
        if (!target->disks)
                return -ENOMEM;

        for (const struct node *item = node->first; item; item = item->next) {
                size_t mark = reader_enter_item(reader, target->n_disks);

                r = read_disk(reader, &one, item, &target->disks[target->n_disks++]);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        return 0;
}

int read_groups(struct reader *reader, const struct key *key, const struct node *node,
                void *object) {
        struct target *target = object;

        return read_texts(reader, key, node, &target->groups, &target->n_groups);
}

static int read_target(struct reader *reader, const struct key *key, const struct node *node,
                       struct target *target) {
        bool disks = node_get(node, "disks"), match = node_get(node, "match"),
             vms = node_get(node, "vms");
        int r;

        target->policy = POLICY_UNKNOWN;
        if (node->kind == NODE_BROKEN)
                return 0;
        if (node->kind != NODE_MAP)
                return reader_complain_kind(reader, key, node);
        r = read_map(reader, key, node, target);
        if (r < 0)
                return r;
        target->may_be_empty = node_get(node, "expect") && target->expect == 0;
        if (target->policy != POLICY_UNKNOWN)
                reader->origins[target->policy].has_target = true;

        if (disks && match)
                return reader_complain(reader, node, "a target of its own for each", NULL,
                                       "disks and match exclude each other");
        if (!disks && !match && !vms)
                return reader_complain(reader, node, "disks or match", NULL, "names no disks");
        return 0;
}

/* One disk by id, where it stands in the file and in the targets. */
struct place {
        size_t policy, target, index;
        const struct node *node;
        struct resource_id *id;
};

static int compare_places(const void *va, const void *vb) {
        const struct place *a = va, *b = vb;

        return CMP(a->policy, b->policy) ?: resource_id_compare(a->id, b->id)
                       ?: CMP(a->target, b->target) ?: CMP(a->index, b->index);
}

static size_t collect_places(const struct policy_file *file, const struct node *targets,
                             struct place *places) {
        const struct node *node = targets->first;
        size_t n = 0;

        for (size_t t = 0; t < file->n_targets; t++, node = node->next) {
                const struct target *target = &file->targets[t];
                const struct node *disks = node_get(node, "disks");
                const struct node *item = disks ? disks->first : NULL;

                for (size_t i = 0; i < target->n_disks; i++, item = item->next)
                        if (target->policy != POLICY_UNKNOWN && target->disks[i].name[0])
                                places[n++] = (struct place){target->policy, t, i, item,
                                                             &target->disks[i]};
        }
        return n;
}

/* Takes the disks out whose name was emptied. */
static void compact_disks(struct target *target) {
        size_t kept = 0;

        for (size_t i = 0; i < target->n_disks; i++)
                if (target->disks[i].name[0])
                        target->disks[kept++] = target->disks[i];
        target->n_disks = kept;
}

/* A disk that is there twice for one policy counts once, with a warning. Leaves no disk that could
 * not be read. */
static int drop_repeated_disks(struct reader *reader, const struct node *targets) {
        _cleanup_(freep) struct place *places = NULL;
        struct policy_file *file = reader->file;
        size_t n = 0, first = 0;

        for (size_t t = 0; t < file->n_targets; t++)
                n += file->targets[t].n_disks;
        if (n == 0)
                return 0;
        places = calloc(n, sizeof(*places));
        if (!places)
                return -ENOMEM;
        n = collect_places(file, targets, places);
        qsort(places, n, sizeof(*places), compare_places);

        for (size_t i = 1; i < n; i++) {
                struct place *place = &places[i];
                size_t mark;
                int r;

                if (place->policy != places[first].policy ||
                    resource_id_compare(place->id, places[first].id) != 0) {
                        first = i;
                        continue;
                }
                mark = reader_enter_item(reader, place->target);
                reader_enter(reader, "disks");
                reader_enter_item(reader, place->index);
                r = reader_warn(
                        reader, place->node,
                        "the disk is listed for policy %s on line %u already; it counts once",
                        file->policies[place->policy].name, places[first].node->line);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
                place->node = NULL;
        }

        for (size_t i = 0; i < n; i++)
                if (!places[i].node)
                        places[i].id->name[0] = '\0';
        for (size_t t = 0; t < file->n_targets; t++)
                compact_disks(&file->targets[t]);
        return 0;
}

/* Whether some of the target's disks are in the group, as far as the file can tell. */
static bool target_reaches_group(const struct target *target, const char *group) {
        for (size_t i = 0; i < target->n_disks; i++)
                if (str_equal_nocase(target->disks[i].group, group))
                        return true;
        for (size_t i = 0; i < target->n_groups; i++)
                if (target->groups[i] && str_matches_glob_nocase(target->groups[i], group))
                        return true;
        return false;
}

/* Who may delete a group's disks may then delete their snapshots with them. */
static int warn_of_own_group(struct reader *reader, const struct node *targets) {
        const struct policy_file *file = reader->file;
        const struct node *node = targets->first;

        for (size_t t = 0; t < file->n_targets; t++, node = node->next) {
                const struct target *target = &file->targets[t];
                const char *group = target->policy == POLICY_UNKNOWN
                                            ? NULL
                                            : file->policies[target->policy].snapshot_group;
                size_t mark;
                int r;

                if (!group || !target_reaches_group(target, group))
                        continue;
                mark = reader_enter_item(reader, t);
                r = reader_warn(reader, node,
                                "the group of the snapshots, %s, is that of disks too: deleting "
                                "the group would delete both",
                                group);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        return 0;
}

int read_targets(struct reader *reader, const struct key *key, const struct node *node,
                 void *object) {
        struct policy_file *file = object;
        struct key one = *key;
        bool is_list;
        int r;

        r = value_is_list(reader, key, node, &is_list);
        if (r < 0 || !is_list)
                return r;
        one.form = FORM_ONE;
        file->targets = calloc(node->n, sizeof(*file->targets));
        if (!file->targets)
                return -ENOMEM;

        for (const struct node *item = node->first; item; item = item->next) {
                size_t mark = reader_enter_item(reader, file->n_targets);

                r = read_target(reader, &one, item, &file->targets[file->n_targets++]);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        r = drop_repeated_disks(reader, node);
        return r ?: warn_of_own_group(reader, node);
}
