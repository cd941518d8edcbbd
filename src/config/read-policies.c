/*
 * The sections defaults, safety and policies: what holds for a disk once a target names a policy.
 *
 * A policy begins as a copy of the template, which defaults and safety have filled in, and its own
 * keys then write over it. The table's order reads the template first, whatever the file's order.
 */
#include "config/readers.h"

#include "config/tree.h"
#include "config/values.h"
#include "config/walk.h"

#include "base/duration.h"
#include "base/macros.h"
#include "core/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int read_template(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        if (node_get(node, "snapshot_group"))
                reader->group_given = true;
        return read_map(reader, key, node, reader->template->policies);
}

static int copy_tags(const struct policy_tags *from, struct policy_tags *to) {
        if (from->n == 0)
                return 0;
        to->items = calloc(from->n, sizeof(*to->items));
        if (!to->items)
                return -ENOMEM;
        for (size_t i = 0; i < from->n; i++) {
                struct policy_tag *tag = &to->items[to->n++];

                tag->name = strdup(from->items[i].name);
                tag->value = strdup(from->items[i].value);
                if (!tag->name || !tag->value)
                        return -ENOMEM;
        }
        return 0;
}

/* A word, or {private: ID}; either takes the place of what defaults say. */
int read_network(struct reader *reader, const struct key *key, const struct node *node,
                 void *object) {
        struct policy *policy = object;
        int kind = (int)policy->network_access, r;

        if (node->kind == NODE_MAP)
                return read_map(reader, key, node, policy);
        if (node->kind != NODE_SCALAR)
                return node->kind == NODE_BROKEN ? 0 : reader_complain_kind(reader, key, node);

        r = read_word(reader, key, node, &kind);
        if (r < 0)
                return r;
        free(policy->disk_access);
        policy->disk_access = NULL;
        policy->network_access = (enum network_access)kind;
        return 0;
}

int read_disk_access(struct reader *reader, const struct key *key, const struct node *node,
                     void *object) {
        struct policy *policy = object;
        struct resource_id id;
        bool is_text = false;
        char *copy;
        int r;

        if (node->kind == NODE_BROKEN)
                return 0;
        if (node->kind != NODE_SCALAR)
                return reader_complain_kind(reader, key, node);
        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;

        r = resource_id_parse(node->text, node->len, &id);
        if (r < 0)
                return r;
        if (r > 0 || id.type != RESOURCE_DISK_ACCESS)
                return value_complain(reader, key, node, NULL, "is not a disk access's id");
        copy = strndup(node->text, node->len);
        if (!copy)
                return -ENOMEM;
        free(policy->disk_access);
        policy->disk_access = copy;
        policy->network_access = NETWORK_PRIVATE;
        return 0;
}

/* Fills an empty policy; what is half done on failure is freed with the file. */
static int policy_inherit(const struct policy *template, struct policy *policy) {
        policy->jitter_s = template->jitter_s;
        policy->catch_up = template->catch_up;
        policy->zone = template->zone;
        policy->redundancy = template->redundancy;
        policy->network_access = template->network_access;
        policy->prune = template->prune;
        policy->min_keep = template->min_keep;
        policy->min_age_s = template->min_age_s;
        policy->max_delete_percent = template->max_delete_percent;
        policy->stale_stop = template->stale_stop;
        policy->freeze_s = template->freeze_s;
        policy->gone = template->gone;

        if (template->zone_name) {
                policy->zone_name = strdup(template->zone_name);
                if (!policy->zone_name)
                        return -ENOMEM;
        }
        if (template->snapshot_group) {
                policy->snapshot_group = strdup(template->snapshot_group);
                if (!policy->snapshot_group)
                        return -ENOMEM;
        }
        if (template->disk_access) {
                policy->disk_access = strdup(template->disk_access);
                if (!policy->disk_access)
                        return -ENOMEM;
        }
        return copy_tags(&template->tags, &policy->tags);
}

static int read_schedule_item(struct reader *reader, const struct key *key, const struct node *node,
                              struct schedule_item *item) {
        const struct node *every = node_get(node, "every"), *offset = node_get(node, "offset"),
                          *calendar = node_get(node, "calendar");
        int r;

        r = read_map(reader, key, node, item);
        if (r < 0 || node->kind != NODE_MAP)
                return r;

        item->kind = calendar ? SCHEDULE_CALENDAR : SCHEDULE_EVERY;
        if (every && calendar)
                return reader_complain(reader, calendar, "a list of two, for both", NULL,
                                       "every and calendar exclude each other");
        if (!every && !calendar)
                return reader_complain(reader, node, "every: a duration such as 1h", NULL,
                                       "says no time");
        if (offset && calendar)
                return reader_complain(reader, offset, NULL, NULL,
                                       "offset belongs to every, not to calendar");
        if (every && item->period_s > 0 && item->offset_s >= item->period_s)
                return reader_complain(reader, offset, "less than every", NULL,
                                       "offset is not shorter than every");
        return 0;
}

int read_schedule(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        struct schedule *schedule = &((struct policy *)object)->schedule;
        const struct node *item = node;
        size_t n = 1;
        int r;

        if (node->kind == NODE_SCALAR || (node->kind == NODE_LIST && node->n == 0))
                return reader_complain_kind(reader, key, node);
        if (node->kind == NODE_LIST) {
                item = node->first;
                n = node->n;
        }

        schedule->items = calloc(n, sizeof(*schedule->items));
        if (!schedule->items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++, item = item->next) {
                size_t mark = reader->path.len;

                if (node->kind == NODE_LIST)
                        mark = reader_enter_item(reader, i);
                schedule->n++;
                if (item->kind == NODE_MAP)
                        r = read_schedule_item(reader, key, item, &schedule->items[i]);
                else
                        r = reader_complain_kind(reader, key, item);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        return 0;
}

int read_keep(struct reader *reader, const struct key *key, const struct node *node, void *object) {
        struct policy *policy = object;
        size_t rules;
        int r;

        r = read_map(reader, key, node, &policy->keep);
        if (r < 0 || node->kind != NODE_MAP)
                return r;

        policy->has_keep = true;
        rules = node->n / 2 - (node_get(node, "pick") != NULL);
        if (rules == 0)
                return reader_complain(reader, node,
                                       "at least one rule; without keep nothing is ever deleted",
                                       NULL, "no rule says what to keep");
        return 0;
}

int read_formerly(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        struct policy *policy = object;

        return read_texts(reader, key, node, &policy->formerly, &policy->n_formerly);
}

/* A name that a policy has or had, and where the file says so. */
struct claim {
        const char *name;
        const struct node *node;
        size_t policy, index; /* of formerly; 0 for the policy's own name */
        bool own;
};

/* By name; the own name first, then as they stand in the file. */
static int compare_claims(const void *va, const void *vb) {
        const struct claim *a = va, *b = vb;

        return strcmp(a->name, b->name) ?: CMP(b->own, a->own) ?: CMP(a->policy, b->policy)
                       ?: CMP(a->index, b->index);
}

static size_t collect_claims(const struct reader *reader, struct claim *claims) {
        size_t n = 0;

        for (size_t p = 0; p < reader->file->n_policies; p++) {
                const struct policy *policy = &reader->file->policies[p];
                const struct node *name = reader->origins[p].name;
                const struct node *list = node_get(name->next, "formerly");
                const struct node *item = list ? list->first : NULL;

                claims[n++] = (struct claim){policy->name, name, p, 0, true};
                for (size_t i = 0; i < policy->n_formerly; i++, item = item->next)
                        if (policy->formerly[i])
                                claims[n++] =
                                        (struct claim){policy->formerly[i], item, p, i, false};
        }
        return n;
}

static int complain_claim(struct reader *reader, const struct claim *first,
                          const struct claim *claim) {
        const struct policy *policies = reader->file->policies;
        size_t mark = reader_enter(reader, policies[claim->policy].name);
        int r;

        reader_enter(reader, "formerly");
        reader_enter_item(reader, claim->index);
        if (first->policy == claim->policy && first->own)
                r = reader_complain(reader, claim->node, "an earlier name", NULL,
                                    "\"%s\" is the policy's own name", claim->name);
        else if (first->policy == claim->policy)
                r = reader_complain(reader, claim->node, NULL, NULL,
                                    "\"%s\" is listed already, on line %u", claim->name,
                                    first->node->line);
        else if (first->own)
                r = reader_complain(reader, claim->node, "a name that no policy has any more", NULL,
                                    "\"%s\" is the policy on line %u, whose series are its own",
                                    claim->name, first->node->line);
        else
                r = reader_complain(reader, claim->node, "one policy to take over its series", NULL,
                                    "\"%s\" is a former name of policy %s too, on line %u",
                                    claim->name, policies[first->policy].name, first->node->line);
        reader_leave(reader, mark);
        return r;
}

/* A series belongs to one policy: two that claimed it would prune it by two rules. */
static int check_claims(struct reader *reader) {
        _cleanup_(freep) struct claim *claims = NULL;
        size_t n = reader->file->n_policies, first = 0;

        for (size_t p = 0; p < reader->file->n_policies; p++)
                n += reader->file->policies[p].n_formerly;
        claims = calloc(n + 1, sizeof(*claims));
        if (!claims)
                return -ENOMEM;
        n = collect_claims(reader, claims);
        qsort(claims, n, sizeof(*claims), compare_claims);

        for (size_t i = 1; i < n; i++) {
                int r;

                if (strcmp(claims[i].name, claims[first].name) != 0) {
                        first = i;
                        continue;
                }
                r = complain_claim(reader, &claims[first], &claims[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Jitter moves starts within an interval; at its length it would run into the next slot. */
static int check_jitter(struct reader *reader, const struct node *node,
                        const struct policy *policy) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        const struct node *where = node_get(node, "jitter") ?: node_get(node, "schedule");
        int64_t shortest = INT64_MAX;

        for (size_t i = 0; i < policy->schedule.n; i++)
                if (policy->schedule.items[i].kind == SCHEDULE_EVERY &&
                    policy->schedule.items[i].period_s > 0)
                        shortest = MIN(shortest, policy->schedule.items[i].period_s);
        if (policy->jitter_s < shortest)
                return 0;

        strbuf_append_str(&text, "jitter of ");
        duration_append(policy->jitter_s, &text);
        strbuf_append_str(&text, " is not shorter than the interval of ");
        duration_append(shortest, &text);
        if (text.error)
                return -ENOMEM;
        return reader_complain(reader, where, NULL, NULL, "%s", strbuf_str(&text));
}

/* Whether none of its items was refused. */
static bool schedule_is_whole(const struct schedule *schedule) {
        for (size_t i = 0; i < schedule->n; i++)
                if (schedule->items[i].kind == SCHEDULE_EVERY ? schedule->items[i].period_s <= 0
                                                              : !schedule->items[i].calendar)
                        return false;
        return schedule->n > 0;
}

static int read_policy(struct reader *reader, const struct key *key, const struct entry *entry,
                       struct policy *policy) {
        const char *name = entry->key->text;
        int r;

        r = name_check(reader, entry->key);
        if (r < 0)
                return r;
        policy->name = strdup(name);
        if (!policy->name)
                return -ENOMEM;

        r = policy_inherit(reader->template->policies, policy);
        if (r < 0 || entry->value->kind == NODE_BROKEN)
                return r;
        if (entry->value->kind != NODE_MAP)
                return reader_complain(reader, entry->value, "a mapping with schedule and keep",
                                       NULL, "a policy is not a single value or a list");
        r = read_map(reader, key, entry->value, policy);
        r = r ?: check_jitter(reader, entry->value, policy);
        if (r < 0)
                return r;
        /* What a calendar event's shortest interval allows takes a walk to find: once and not a plan. */
        if (policy->jitter_s > 0 && schedule_is_whole(&policy->schedule))
                policy->jitter_s =
                        schedule_jitter_bound(&policy->schedule, policy->zone, policy->jitter_s);

        if (!policy->snapshot_group && !reader->group_given &&
            !node_get(entry->value, "snapshot_group"))
                return reader_complain(
                        reader, entry->key,
                        "the name of an existing resource group, in defaults or here", NULL,
                        "snapshot_group is missing");
        return 0;
}

int read_policies(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        _cleanup_(entries_deinit) struct entries entries = {};
        struct policy_file *file = object;
        int r;

        if (node->kind != NODE_MAP || node->n == 0)
                return reader_complain_kind(reader, key, node);
        r = entries_read(reader, node, /* nocase= */ false, &entries);
        if (r < 0 || entries.n == 0)
                return r;

        file->policies = calloc(entries.n, sizeof(*file->policies));
        reader->origins = calloc(entries.n, sizeof(*reader->origins));
        if (!file->policies || !reader->origins)
                return -ENOMEM;

        for (size_t i = 0; i < entries.n; i++) {
                size_t mark = reader_enter(reader, entries.items[i].key->text);

                reader->origins[i].name = entries.items[i].key;
                file->n_policies++;
                r = read_policy(reader, key, &entries.items[i], &file->policies[i]);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        return check_claims(reader);
}
