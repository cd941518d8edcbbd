#include "core/series.h"

#include "base/intern.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

void series_scratch_deinit(struct series_scratch *scratch) {
        free(scratch->points);
        free(scratch->verdicts);
        free(scratch->members);
        *scratch = (struct series_scratch){};
}

/* Makes room for @n members. */
static int scratch_reserve(struct series_scratch *scratch, size_t n) {
        struct retention_point *points;
        struct verdict *verdicts;
        uint32_t *members;

        if (n <= scratch->capacity)
                return 0;

        points = reallocarray(scratch->points, n, sizeof(*points));
        if (!points)
                return -ENOMEM;
        scratch->points = points;

        verdicts = reallocarray(scratch->verdicts, n, sizeof(*verdicts));
        if (!verdicts)
                return -ENOMEM;
        scratch->verdicts = verdicts;

        members = reallocarray(scratch->members, n, sizeof(*members));
        if (!members)
                return -ENOMEM;
        scratch->members = members;

        scratch->capacity = n;
        return 0;
}

bool snapshot_row_is_ours(const struct snapshot_row *row) {
        unsigned needed = ROW_TAGGED | ROW_INCREMENTAL;

        if ((row->flags & needed) != needed)
                return false;
        return (row->flags & ROW_ADOPTED) || ((row->flags & ROW_NAMED) && snapshot_row_fills(row));
}

bool snapshot_row_fills(const struct snapshot_row *row) {
        return !utc_is_set(row->time_created) || schedule_fills(row->slot, row->time_created);
}

bool snapshot_row_is_future(const struct snapshot_row *row, struct utc now) {
        return row->slot.ticks > now.ticks ||
               row->time_created.ticks > utc_add_seconds(now, SCHEDULE_EARLY_MAX_S).ticks;
}

bool snapshot_row_is_pending(const struct snapshot_row *row, struct utc now) {
        return (row->flags & ROW_UNDERWAY) &&
               (row->percent > 0 || !utc_is_set(row->time_created) ||
                row->time_created.ticks > utc_add_seconds(now, -SERIES_PENDING_S).ticks);
}

bool policy_claims(const struct policy *policy, const char *name) {
        if (strcmp(policy->name, name) == 0)
                return true;
        for (size_t i = 0; i < policy->n_formerly; i++)
                if (strcmp(policy->formerly[i], name) == 0)
                        return true;
        return false;
}

bool policy_goes_on(const struct policy *policy, const struct world_view *view,
                    const struct snapshot_row *row) {
        return snapshot_row_is_ours(row) && policy_claims(policy, view_str(view, row->policy)) &&
               str_equal_nocase(view_str(view, row->group), policy->snapshot_group);
}

bool policy_is_retired(const struct policy *policy, const struct world_view *view,
                       uint32_t generation, uint32_t region,
                       const struct generation_standing *known) {
        const struct snapshot_row *rows;
        size_t n;

        view_generation(view, generation, &rows, &n);
        for (size_t i = 0; i < n && known->n_retired > 0; i++)
                if (rows[i].region == region && policy_goes_on(policy, view, &rows[i]) &&
                    guids_have(known->retired, known->n_retired, &rows[i].unique_id))
                        return true;
        return false;
}

/* Whether the row is ours and of the series' policy and region. */
static bool is_of_series(const struct series *s, const struct snapshot_row *row) {
        return policy_goes_on(s->policy, s->view, row) &&
               strcmp(view_str(s->view, row->region), s->key.region) == 0;
}

static bool series_has(const struct series *s, const struct snapshot_row *row) {
        return !(row->flags & ROW_BACKUP) && is_of_series(s, row);
}

bool series_has_backup(const struct series *s, const struct snapshot_row *row) {
        return (row->flags & ROW_BACKUP) && is_of_series(s, row);
}

struct utc series_backup_end(const struct series *s, const struct snapshot_row *row,
                             size_t complete) {
        struct utc until;

        if (!(row->flags & ROW_COMPLETE) || (row->flags & ROW_HELD) ||
            !utc_is_set(row->time_created) || !snapshot_row_until(s->view, row, &until) ||
            complete < MAX(s->policy->min_keep, 1U))
                return UTC_NEVER;
        return (struct utc){
                MAX(until.ticks, utc_add_seconds(row->time_created, s->policy->min_age_s).ticks)};
}

static struct retention_point row_point(const struct snapshot_row *row) {
        struct retention_point point = {.slot = row->slot, .instant = row->time_created};

        if (row->flags & ROW_COMPLETE)
                point.state |= POINT_COMPLETE;
        if (row->flags & ROW_HELD)
                point.state |= POINT_HELD;
        return point;
}

/* A series without members yet, of no disk. */
static struct series series_of(const struct policy_file *file, const struct world_view *view,
                               size_t policy, uint32_t generation, uint32_t region) {
        return (struct series){
                .view = view,
                .policy_index = policy,
                .policy = &file->policies[policy],
                .key =
                        {
                                .owner = file->owner,
                                .policy = file->policies[policy].name,
                                .generation = view_str(view, generation),
                                .region = view_str(view, region),
                        },
        };
}

static int series_collect(struct series *s, uint32_t generation, struct series_scratch *scratch) {
        int r;

        view_generation(s->view, generation, &s->rows, &s->n_rows);
        r = scratch_reserve(scratch, s->n_rows);
        if (r < 0)
                return r;

        s->points = scratch->points;
        s->members = scratch->members;
        for (size_t i = 0; i < s->n_rows; i++)
                if (series_has(s, &s->rows[i])) {
                        s->points[s->n_members] = row_point(&s->rows[i]);
                        s->members[s->n_members++] = (uint32_t)i;
                }
        return 0;
}

int series_read(const struct policy_file *file, const struct world_view *view, size_t policy,
                const struct disk_row *disk, struct series_scratch *scratch,
                struct series *ret_series) {
        struct series s = series_of(file, view, policy, disk->generation, disk->region);
        int r;

        s.disk = disk;
        r = naming_prefix(view_str(view, disk->name), &s.key, s.prefix);
        r = r ?: series_collect(&s, disk->generation, scratch);
        if (r < 0)
                return r;

        *ret_series = s;
        return 0;
}

int series_read_orphan(const struct policy_file *file, const struct world_view *view, size_t policy,
                       uint32_t generation, uint32_t region, struct series_scratch *scratch,
                       struct series *ret_series) {
        struct series s = series_of(file, view, policy, generation, region);
        int r;

        r = series_collect(&s, generation, scratch);
        if (r < 0)
                return r;

        *ret_series = s;
        return 0;
}

void series_sum_up(const struct series *s, struct utc now, struct series_state *ret_state) {
        struct series_state state = {
                .policy = s->policy_index,
                .disk = {.type = RESOURCE_DISK},
                .newest = UTC_NONE,
                .since = UTC_NONE,
                .due = UTC_NONE,
                .next = UTC_NEVER,
        };

        stpcpy(state.disk.subscription, s->view->subscription);
        if (s->disk) {
                stpcpy(state.disk.group, view_str(s->view, s->disk->group));
                stpcpy(state.disk.name, view_str(s->view, s->disk->name));
        }
        stpcpy(state.generation, s->key.generation);

        for (size_t i = 0; i < s->n_rows; i++)
                state.chain += (s->rows[i].flags & ROW_INCREMENTAL) &&
                               strcmp(view_str(s->view, s->rows[i].region), s->key.region) == 0;
        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);
                bool complete = (row->flags & ROW_COMPLETE) && !snapshot_row_is_future(row, now);

                state.complete += complete;
                state.underway += !!(row->flags & ROW_UNDERWAY);
                state.failed += !!(row->flags & ROW_FAILED);
                state.held += !!(row->flags & ROW_HELD);
                if (complete && row->time_created.ticks > state.newest.ticks)
                        state.newest = row->time_created;
        }
        *ret_state = state;
}

/* Whether the row fills its slot: complete or under way, and not older than it. An adopted one is of the
 * second in which somebody took it, which mostly is no slot: the one before it stays due. */
static bool fills_slot(const struct series *s, const struct snapshot_row *row) {
        struct utc slot;

        if (!(row->flags & (ROW_COMPLETE | ROW_UNDERWAY)) || !snapshot_row_fills(row))
                return false;
        return !(row->flags & ROW_ADOPTED) ||
               (schedule_previous(&s->policy->schedule, s->policy->zone, row->slot, &slot) &&
                slot.ticks == row->slot.ticks);
}

struct utc series_newest_filled(const struct series *s, struct utc now) {
        struct utc newest = UTC_NONE;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                if (fills_slot(s, row) && row->slot.ticks <= now.ticks &&
                    row->slot.ticks > newest.ticks)
                        newest = row->slot;
        }
        return newest;
}

struct utc series_newest_complete(const struct series *s, struct utc now) {
        struct utc newest = UTC_NONE;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                if ((row->flags & ROW_COMPLETE) && fills_slot(s, row) &&
                    row->slot.ticks <= now.ticks)
                        newest.ticks = MAX(newest.ticks, row->slot.ticks);
        }
        return newest;
}

struct utc series_underway_after(const struct series *s, struct utc after, struct utc now) {
        /* Members are in the order of their slots. */
        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                if ((row->flags & ROW_UNDERWAY) && fills_slot(s, row) &&
                    row->slot.ticks > after.ticks && row->slot.ticks <= now.ticks)
                        return row->slot;
        }
        return UTC_NONE;
}

static bool is_in_group(const struct series *s, const struct snapshot_row *row) {
        return str_equal_nocase(view_str(s->view, row->group), s->policy->snapshot_group);
}

/* By one of the disk's own snapshots, whoever made it. */
static bool disk_has_name(const struct series *s, struct utc slot, const char *name) {
        char other[SNAPSHOT_NAME_SIZE];

        for (size_t i = 0; i < s->n_rows; i++) {
                const struct snapshot_row *row = &s->rows[i];

                /* A derived name ends with its slot; most need not be written out. */
                if ((row->flags & ROW_NAMED) && row->slot.ticks != slot.ticks)
                        continue;
                if (str_equal_nocase(name, snapshot_row_name(s->view, row, other)) &&
                    is_in_group(s, row))
                        return true;
        }
        return false;
}

/* By a snapshot of another disk, which somebody called so: its whole name is among the strings, so
 * that all rows are looked at only where there is one. */
static bool stranger_has_name(const struct series *s, const char *name) {
        uint32_t number = intern_find(s->view->strings, name);

        for (size_t i = 0; number != 0 && i < s->view->n_snapshots; i++) {
                const struct snapshot_row *row = &s->view->snapshots[i];

                if (!(row->flags & ROW_NAMED) && row->name == number && is_in_group(s, row))
                        return true;
        }
        return false;
}

unsigned series_free_attempt(const struct series *s, struct utc slot) {
        char name[SNAPSHOT_NAME_SIZE];

        for (unsigned attempt = 1; attempt <= NAMING_ATTEMPT_MAX; attempt++) {
                naming_snapshot(s->prefix, slot, attempt, name);
                if (!disk_has_name(s, slot, name) && !stranger_has_name(s, name))
                        return attempt;
        }
        return 0;
}

int series_judge(const struct series *s, struct utc now, struct series_scratch *scratch) {
        const struct policy *policy = s->policy;
        struct retention_floors floors = {policy->min_keep, policy->min_age_s};
        bool prunes = policy->has_keep && policy->prune != PRUNE_OFF;

        return retention_judge(s->points, s->n_members, prunes ? &policy->keep : NULL, policy->zone,
                               &floors, now, scratch->verdicts);
}
