#include "core/explain.h"

#include "base/duration.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/series.h"
#include "core/targets.h"

#include <errno.h>
#include <string.h>

struct explainer {
        const struct policy_file *file;
        const struct world_view *view;
        struct utc now;
        struct utc horizon;
        struct standing standing;
        const struct disk_row **disks; /* those with a generation, by its number */
        size_t n_disks;
        struct series_scratch scratch;
        struct utc *deaths;      /* room for items_max */
        struct explained *items; /* of the series last asked for */
        size_t items_max;
};

struct explainer *explainer_free(struct explainer *explainer) {
        if (!explainer)
                return NULL;

        free(explainer->disks);
        series_scratch_deinit(&explainer->scratch);
        free(explainer->deaths);
        free(explainer->items);
        free(explainer);
        return NULL;
}

static int compare_disks(const void *a, const void *b) {
        const struct disk_row *x = *(const struct disk_row *const *)a;
        const struct disk_row *y = *(const struct disk_row *const *)b;

        return CMP(x->generation, y->generation) ?: CMP(x, y); /* both are of the view's array */
}

int explainer_new(const struct policy_file *file, const struct world_view *view, struct utc now,
                  struct explainer **ret_explainer) {
        _cleanup_(explainer_freep) struct explainer *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->file = file;
        e->view = view;
        e->now = now;
        e->horizon = utc_from_seconds(MIN(utc_seconds(now) + EXPLAIN_HORIZON_S, UTC_MAX_SECONDS));

        e->disks = calloc(view->n_disks + 1, sizeof(*e->disks));
        if (!e->disks)
                return -ENOMEM;

        for (size_t i = 0; i < view->n_disks; i++)
                if (view->disks[i].generation != 0)
                        e->disks[e->n_disks++] = &view->disks[i];
        if (e->n_disks > 0)
                qsort(e->disks, e->n_disks, sizeof(*e->disks), compare_disks);

        *ret_explainer = take_ptr(e);
        return 0;
}

static int reserve_items(struct explainer *e, size_t n) {
        struct explained *items;
        struct utc *deaths;

        if (n <= e->items_max)
                return 0;

        deaths = reallocarray(e->deaths, n, sizeof(*deaths));
        if (!deaths)
                return -ENOMEM;
        e->deaths = deaths;

        items = reallocarray(e->items, n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        e->items = items;

        e->items_max = n;
        return 0;
}

void explainer_know(struct explainer *e, const struct standing *standing) {
        e->standing = *standing;
}

/* When one that failed goes. What nobody has seen so before is seen so now. */
static struct utc failed_end(const struct explainer *e, const struct snapshot_row *row) {
        struct failure seen_now = {.unique_id = row->unique_id, .since = e->now};
        struct utc end;
        bool found;

        (void)failure_place(e->standing.failures, e->standing.n_failures, &row->unique_id, &found);
        end = found ? failure_end(e->standing.failures, e->standing.n_failures, row)
                    : failure_end(&seen_now, 1, row);
        return (struct utc){MAX(end.ticks, e->now.ticks)};
}

/* When the planner deletes it, given what the rules say. */
static struct utc death_of(const struct explainer *e, const struct policy *policy,
                           const struct snapshot_row *row, struct utc by_rule) {
        /* Without a uniqueId the re-read could not tell it from another, and without a date nobody knows how
         * young it is, so it is never deleted. */
        if (policy->prune == PRUNE_OFF || !policy->has_keep || guid_is_nil(&row->unique_id) ||
            !utc_is_set(row->time_created))
                return UTC_NEVER;
        return row->flags & ROW_FAILED ? failed_end(e, row) : by_rule;
}

/* A series that was read; that of a gone disk gets no more snapshots. */
static int explain_series(struct explainer *e, const struct series *s, struct utc frozen_until,
                          struct explained_series *ret_series) {
        const struct policy *policy = s->policy;
        struct retention_floors floors = {policy->min_keep, policy->min_age_s};
        const struct keep *keep = policy->has_keep ? &policy->keep : NULL;
        struct retention_future future = {
                .schedule = s->disk ? &policy->schedule : NULL,
                .now = e->now,
                .horizon = e->horizon,
                .zone = policy->zone,
        };
        int r;

        r = reserve_items(e, s->n_members);
        r = r ?: schedule_jitter_below(s->key.generation, policy->jitter_s, &future.jitter_s);
        r = r
                    ?: retention_judge(s->points, s->n_members, keep, policy->zone, &floors, e->now,
                                       e->scratch.verdicts);
        r = r
                    ?: retention_deaths(s->points, s->n_members, keep, policy->zone, &floors,
                                        &future, e->deaths);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);
                struct utc death = death_of(e, policy, row, e->deaths[i]);

                e->items[i] = (struct explained){
                        .row = row,
                        .verdict = e->scratch.verdicts[i],
                        .death = {MAX(death.ticks, frozen_until.ticks)},
                };
        }
        *ret_series = (struct explained_series){
                .policy = s->policy_index,
                .disk = s->disk,
                .frozen_until = frozen_until,
                .prune_off = policy->prune == PRUNE_OFF,
                .items = e->items,
                .n = s->n_members,
        };
        return 0;
}

int explainer_series(struct explainer *e, size_t policy, const struct disk_row *disk,
                     struct explained_series *ret_series) {
        struct series s;
        int r;

        r = series_read(e->file, e->view, policy, disk, &e->scratch, &s);
        return r ?: explain_series(e, &s, UTC_NONE, ret_series);
}

/* That of the row, whether or not its disk is there. */
static int read_series_of(struct explainer *e, const struct explained_row *what,
                          const struct snapshot_row *row, struct series *ret_series) {
        if (what->disk)
                return series_read(e->file, e->view, what->policy, what->disk, &e->scratch,
                                   ret_series);
        return series_read_orphan(e->file, e->view, what->policy, row->generation, row->region,
                                  &e->scratch, ret_series);
}

int explainer_series_of(struct explainer *e, const struct explained_row *what,
                        const struct snapshot_row *row, struct explained_series *ret_series) {
        struct series s;
        int r;

        r = read_series_of(e, what, row, &s);
        return r ?: explain_series(e, &s, what->frozen_until, ret_series);
}

/* Of one whose disk is gone. */
static void append_gone(const struct explainer *e, struct utc frozen_until, struct strbuf *out) {
        char text[UTC_TEXT_SIZE];

        if (!utc_is_set(frozen_until))
                return;
        strbuf_append_str(out, "disk gone, ");
        if (frozen_until.ticks > e->now.ticks)
                strbuf_appendf(out, "frozen until %s, ", utc_format(frozen_until, text));
}

void explained_append(const struct explainer *e, const struct explained_series *series,
                      const struct explained *explained, struct strbuf *out) {
        const struct policy *policy = &e->file->policies[series->policy];

        if (series->prune_off && policy->has_keep)
                strbuf_append_str(out, "prune is off, ");
        append_gone(e, series->frozen_until, out);
        if ((explained->row->flags & ROW_FAILED) && explained->death.ticks != UTC_NEVER.ticks) {
                strbuf_append_str(out, "failed, goes 7 days after it was first seen so");
                return;
        }
        verdict_append(&explained->verdict, policy->has_keep ? &policy->keep : NULL, out);
        if (explained->verdict.kept_by != 0)
                return;
        if (guid_is_nil(&explained->row->unique_id))
                strbuf_append_str(out, ", kept since Azure gives it no uniqueId");
        else if (!utc_is_set(explained->row->time_created))
                strbuf_append_str(out, ", kept since Azure gives it no timeCreated");
}

int explainer_backup(struct explainer *e, const struct explained_row *what,
                     const struct snapshot_row *row, struct strbuf *out, struct utc *ret_death) {
        const struct policy *policy = &e->file->policies[what->policy];
        struct series_state state;
        char text[UTC_TEXT_SIZE];
        struct utc until, end;
        struct series s;
        int r;

        r = read_series_of(e, what, row, &s);
        if (r < 0)
                return r;

        series_sum_up(&s, e->now, &state);
        end = row->flags & ROW_FAILED ? failed_end(e, row)
                                      : series_backup_end(&s, row, state.complete);
        *ret_death =
                policy->prune == PRUNE_OFF || guid_is_nil(&row->unique_id)
                        ? UTC_NEVER
                        : (struct utc){MAX(MAX(end.ticks, e->now.ticks), what->frozen_until.ticks)};

        if (policy->prune == PRUNE_OFF)
                strbuf_append_str(out, "prune is off, ");
        append_gone(e, what->frozen_until, out);
        if (row->flags & ROW_FAILED) {
                strbuf_append_str(out, "backup, failed, goes 7 days after it was first seen so");
                return 0;
        }
        strbuf_append_str(out, "backup");
        if (snapshot_row_until(e->view, row, &until))
                strbuf_appendf(out, " until %s", utc_format(until, text));
        if (row->flags & ROW_HELD)
                strbuf_append_str(out, ", held");
        if (state.complete < MAX(policy->min_keep, 1U))
                strbuf_append_str(out, ", kept while its series is below min_keep");
        return 0;
}

const char *explain_kind_name(enum explain_kind kind) {
        switch (kind) {
        case EXPLAIN_OURS:
                return "ours";
        case EXPLAIN_UNCLAIMED:
                return "unclaimed";
        case EXPLAIN_MISTAKEN:
                return "mistaken";
        case EXPLAIN_STRANGER:
                break;
        }
        return "stranger";
}

/* The first disk of the generation in the order of the index, or its end. */
static size_t first_disk(const struct explainer *e, uint32_t generation) {
        size_t low = 0, high = e->n_disks;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (e->disks[middle]->generation < generation)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The policy whose series has snapshots of this policy tag. */
static size_t find_policy(const struct policy_file *file, const char *name) {
        for (size_t i = 0; i < file->n_policies; i++)
                if (policy_claims(&file->policies[i], name))
                        return i;
        return EXPLAIN_NONE;
}

/* What is wrong with the one disk for a snapshot of this region and policy. */
static unsigned disk_problems(const struct explainer *e, const struct snapshot_row *row,
                              const struct disk_row *disk, size_t policy) {
        unsigned why = 0;

        if (strcmp(view_str(e->view, disk->region), view_str(e->view, row->region)) != 0)
                why |= EXPLAIN_OTHER_REGION;
        if (policy != EXPLAIN_NONE && !policy_selects(e->file, policy, e->view, disk))
                why |= EXPLAIN_NO_TARGET;
        return why;
}

/* A disk that was moved may be listed twice for a while: the better of them counts. */
static unsigned disks_problems(const struct explainer *e, const struct snapshot_row *row,
                               struct explained_row *what) {
        unsigned best = EXPLAIN_NO_DISK;

        for (size_t i = first_disk(e, row->generation);
             i < e->n_disks && e->disks[i]->generation == row->generation; i++) {
                unsigned why = disk_problems(e, row, e->disks[i], what->policy);

                if (what->disk && why != 0)
                        continue;
                what->disk = e->disks[i];
                best = why;
        }
        return best;
}

/* Since when the disk of the generation is known to be gone: UTC_NONE, not yet. */
static struct utc gone_since(const struct explainer *e, uint32_t generation) {
        const struct generation_standing *known =
                standing_generation(&e->standing, view_str(e->view, generation));

        return known ? known->gone_since : UTC_NONE;
}

/* Whether the policy's rule runs on over the row, whose disk is listed nowhere, once that is known to be gone. As
 * planner_gone() has it. */
static bool rule_runs_on(const struct explainer *e, const struct snapshot_row *row,
                         size_t policy_index) {
        const struct policy *policy = &e->file->policies[policy_index];
        const char *generation = view_str(e->view, row->generation);
        const struct generation_standing *known = standing_generation(&e->standing, generation);
        const struct orphan *orphan = view_find_orphan(e->view, row->generation);
        struct resource_id id;

        if (policy->gone != GONE_APPLY ||
            (known && policy_is_retired(policy, e->view, row->generation, row->region, known)) ||
            standing_is_unselected(&e->standing, generation, policy))
                return false;
        return orphan && orphan_disk_id(e->view, orphan, &id) &&
               policy_selects_gone(e->file, policy_index, &id);
}

void explainer_row(const struct explainer *e, const struct snapshot_row *row,
                   struct explained_row *ret_row) {
        struct explained_row what = {.policy = EXPLAIN_NONE, .frozen_until = UTC_NONE};
        unsigned disk_why;

        if (row->flags & ROW_TAGGED)
                what.policy = find_policy(e->file, view_str(e->view, row->policy));
        disk_why = disks_problems(e, row, &what);

        if (!(row->flags & ROW_CLAIMS)) {
                what.kind = EXPLAIN_STRANGER;
                what.why = EXPLAIN_NO_OWNER;
        } else if (!snapshot_row_is_ours(row)) {
                what.kind = EXPLAIN_MISTAKEN;
                if (!(row->flags & ROW_TAGGED))
                        what.why |= EXPLAIN_BAD_TAGS;
                else if (!(row->flags & (ROW_NAMED | ROW_ADOPTED)))
                        what.why |= EXPLAIN_OTHER_NAME;
                else if (!(row->flags & ROW_ADOPTED) && !snapshot_row_fills(row))
                        what.why |= EXPLAIN_TOO_OLD;
                if (!(row->flags & ROW_INCREMENTAL))
                        what.why |= EXPLAIN_FULL;
        } else {
                what.why = disk_why;
                if (what.policy == EXPLAIN_NONE)
                        what.why |= EXPLAIN_NO_POLICY;
                else if (!str_equal_nocase(view_str(e->view, row->group),
                                           e->file->policies[what.policy].snapshot_group))
                        what.why |= EXPLAIN_OTHER_GROUP;
                if (what.why == EXPLAIN_NO_DISK && rule_runs_on(e, row, what.policy)) {
                        struct utc since = gone_since(e, row->generation);

                        what.why = utc_is_set(since) ? 0 : EXPLAIN_NO_DISK | EXPLAIN_UNPROVEN;
                        if (utc_is_set(since))
                                what.frozen_until = utc_add_seconds(
                                        since, e->file->policies[what.policy].freeze_s);
                }
                what.kind = what.why == 0 ? EXPLAIN_OURS : EXPLAIN_UNCLAIMED;
        }
        *ret_row = what;
}

void explained_row_append(const struct explainer *e, const struct snapshot_row *row,
                          const struct explained_row *explained, struct strbuf *out) {
        const struct disk_row *disk = explained->disk;
        const char *joint = "";

        for (unsigned bit = 1; bit <= EXPLAIN_UNPROVEN; bit <<= 1) {
                if (!(explained->why & bit))
                        continue;
                strbuf_append_str(out, joint);
                joint = "; and ";
                switch (bit) {
                case EXPLAIN_NO_OWNER:
                        strbuf_appendf(out, "it has no tag snapkeep-owner of \"%s\"",
                                       e->file->owner);
                        break;
                case EXPLAIN_BAD_TAGS:
                        strbuf_append_str(
                                out, "its tags are not a whole, well-formed set of ours, or they "
                                     "name another source than its own");
                        break;
                case EXPLAIN_OTHER_NAME:
                        strbuf_append_str(out, "its name is not the one that its tags give");
                        break;
                case EXPLAIN_TOO_OLD:
                        strbuf_append_str(out, "it was taken before the slot that its tags give: "
                                               "somebody had the name before us");
                        break;
                case EXPLAIN_FULL:
                        strbuf_append_str(out, "it is a full snapshot and not an incremental one");
                        break;
                case EXPLAIN_NO_POLICY:
                        strbuf_appendf(out, "the policy file has no policy \"%s\"",
                                       view_str(e->view, row->policy));
                        break;
                case EXPLAIN_OTHER_GROUP:
                        strbuf_appendf(out,
                                       "it is in group %s, and the policy's snapshot_group is %s",
                                       view_str(e->view, row->group),
                                       e->file->policies[explained->policy].snapshot_group);
                        break;
                case EXPLAIN_NO_DISK:
                        strbuf_append_str(out, "no disk that is listed has its generation");
                        break;
                case EXPLAIN_UNPROVEN:
                        strbuf_appendf(out,
                                       "once its disk is sure to be gone the rule of policy "
                                       "\"%s\" goes on after ",
                                       e->file->policies[explained->policy].name);
                        duration_append(e->file->policies[explained->policy].freeze_s, out);
                        strbuf_append_str(out, " (on_disk_gone)");
                        break;
                case EXPLAIN_OTHER_REGION:
                        strbuf_appendf(out, "it is in region %s, and the disk in %s",
                                       view_str(e->view, row->region),
                                       view_str(e->view, disk->region));
                        break;
                default:
                        strbuf_appendf(out, "no target of policy \"%s\" selects the disk %s/%s",
                                       e->file->policies[explained->policy].name,
                                       view_str(e->view, disk->group),
                                       view_str(e->view, disk->name));
                        break;
                }
        }
}
