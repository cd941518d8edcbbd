#include "core/audit.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The deletions of a plan, those of one series beside each other. */
struct deletions {
        struct guid *ids; /* within a series in the order of guid_compare() */
        size_t *begin;    /* [n_series + 1]: those of no series are the last ones */
};

static void deletions_deinit(struct deletions *deletions) {
        free(deletions->ids);
        free(deletions->begin);
}

static size_t series_of(const struct plan *plan, const struct action *action) {
        return action->series == ACTION_NO_SERIES ? plan->n_series : action->series;
}

static int deletions_collect(const struct plan *plan, struct deletions *deletions) {
        size_t sum = 0;

        deletions->ids = calloc(plan->n_actions + 1, sizeof(*deletions->ids));
        deletions->begin = calloc(plan->n_series + 2, sizeof(*deletions->begin));
        if (!deletions->ids || !deletions->begin)
                return -ENOMEM;

        /* begin[i] counts the deletions of series i, then is where they begin, then where they end, which is
         * where the next ones begin. */
        for (size_t i = 0; i < plan->n_actions; i++)
                if (plan->actions[i].kind == ACTION_DELETE)
                        deletions->begin[series_of(plan, &plan->actions[i])]++;
        for (size_t i = 0; i <= plan->n_series; i++) {
                size_t n = deletions->begin[i];

                deletions->begin[i] = sum;
                sum += n;
        }
        for (size_t i = 0; i < plan->n_actions; i++)
                if (plan->actions[i].kind == ACTION_DELETE)
                        deletions->ids[deletions->begin[series_of(plan, &plan->actions[i])]++] =
                                plan->actions[i].unique_id;
        memmove(deletions->begin + 1, deletions->begin,
                (plan->n_series + 1) * sizeof(*deletions->begin));
        deletions->begin[0] = 0;
        for (size_t i = 0; i <= plan->n_series; i++)
                guids_sort(deletions->ids + deletions->begin[i],
                           deletions->begin[i + 1] - deletions->begin[i]);
        return 0;
}

static bool is_ours(const struct snapshot_row *row) {
        return (row->flags & ROW_CLAIMS) && (row->flags & ROW_TAGGED) &&
               (row->flags & ROW_INCREMENTAL) && (row->flags & (ROW_NAMED | ROW_ADOPTED));
}

static bool is_of_policy(const struct world_view *view, const struct policy *policy,
                         const struct snapshot_row *row) {
        const char *name = view_str(view, row->policy);
        bool of_it = strcmp(name, policy->name) == 0;

        for (size_t i = 0; i < policy->n_formerly && !of_it; i++)
                of_it = strcmp(name, policy->formerly[i]) == 0;
        return of_it && is_ours(row) &&
               str_equal_nocase(view_str(view, row->group), policy->snapshot_group);
}

/* Complete, a point of the series, and not of the future beyond the seconds by which two good clocks differ: what
 * floors are counted of. */
static bool is_point(const struct snapshot_row *row, struct utc now) {
        return (row->flags & ROW_COMPLETE) && !(row->flags & ROW_BACKUP) &&
               row->slot.ticks <= now.ticks &&
               row->time_created.ticks <= utc_add_seconds(now, SCHEDULE_EARLY_MAX_S).ticks;
}

static const char *victim_breach(const struct world_view *view, const struct policy *policy,
                                 const struct snapshot_row *row, struct utc now) {
        struct utc until;

        if (row->flags & ROW_HELD)
                return "one that is held would go";
        if (row->flags & ROW_FAILED)
                return NULL;
        if (!(row->flags & ROW_COMPLETE))
                return "one that is neither complete nor failed would go";
        if (!utc_is_set(row->time_created) || row->slot.ticks > now.ticks ||
            row->time_created.ticks > utc_add_seconds(now, -policy->min_age_s).ticks)
                return "one that is younger than min_age would go";
        if (!(row->flags & ROW_BACKUP))
                return policy->has_keep ? NULL : "one would go without a rule";
        return snapshot_row_until(view, row, &until) && until.ticks <= now.ticks
                       ? NULL
                       : "a backup would go before its date";
}

/* What a series has, and what of it would go. */
struct count {
        size_t gone, points_gone, points_left, backups_gone;
        struct utc newest_gone, newest_left;
};

static void count_row(const struct snapshot_row *row, bool goes, struct utc now,
                      struct count *count) {
        count->gone += goes;
        count->backups_gone += goes && (row->flags & ROW_BACKUP) && (row->flags & ROW_COMPLETE);
        if (!is_point(row, now))
                return;
        if (goes) {
                count->points_gone++;
                count->newest_gone.ticks = MAX(count->newest_gone.ticks, row->slot.ticks);
        } else {
                count->points_left++;
                count->newest_left.ticks = MAX(count->newest_left.ticks, row->slot.ticks);
        }
}

static const char *count_breach(const struct policy *policy, const struct count *count, size_t n) {
        if (policy->prune == PRUNE_OFF)
                return "something would go with prune off";
        if (count->gone < n)
                return "one that is not ours, or of another series, would go";
        if (count->points_gone + count->backups_gone == 0)
                return NULL;
        if (count->points_left < MAX(policy->min_keep, 1U))
                return "fewer than min_keep would stay";
        return count->points_gone > 0 && count->newest_gone.ticks > count->newest_left.ticks
                       ? "the newest would go"
                       : NULL;
}

/* Whoever is listed twice, as on its way to another group, counts where it is of the series. */
static const char *series_breach(const struct policy *policy, const struct world_view *view,
                                 const char *generation, const struct guid *ids, size_t n,
                                 struct utc now) {
        struct count count = {.newest_gone = UTC_NONE, .newest_left = UTC_NONE};
        const struct snapshot_row *rows, *first = NULL;
        size_t n_rows;

        view_generation(view, intern_find(view->strings, generation), &rows, &n_rows);
        for (size_t i = 0; i < n_rows && !first; i++)
                if (guids_have(ids, n, &rows[i].unique_id) && is_of_policy(view, policy, &rows[i]))
                        first = &rows[i];
        for (size_t i = 0; first && i < n_rows; i++) {
                bool goes = guids_have(ids, n, &rows[i].unique_id);
                const char *rule = NULL;

                if (rows[i].region != first->region || !is_of_policy(view, policy, &rows[i]))
                        continue;
                if (goes)
                        rule = victim_breach(view, policy, &rows[i], now);
                if (rule)
                        return rule;
                count_row(&rows[i], goes, now, &count);
        }
        return count_breach(policy, &count, n);
}

/* What is retired, to the last: no floor is asked. */
static const char *retired_breach(const struct world_view *view, const struct action *action) {
        const struct snapshot_row *rows;
        size_t n;

        if (!action->retired)
                return "one would go of no series, and nobody retires it";
        view_generation(view, intern_find(view->strings, action->generation), &rows, &n);
        for (size_t i = 0; i < n; i++)
                if (guid_compare(&rows[i].unique_id, &action->unique_id) == 0 &&
                    is_ours(&rows[i]) && !(rows[i].flags & (ROW_HELD | ROW_LEAVING)))
                        return NULL;
        return "one that is held or not ours would be retired";
}

int audit_plan(const struct policy_file *file, const struct world_view *view,
               const struct plan *plan, struct utc now, audit_fn fn, void *data) {
        _cleanup_(deletions_deinit) struct deletions deletions = {};
        int r;

        r = deletions_collect(plan, &deletions);
        if (r < 0)
                return r;

        for (size_t i = 0; i < plan->n_series; i++) {
                const struct series_state *series = &plan->series[i];
                size_t n = deletions.begin[i + 1] - deletions.begin[i];
                const char *rule;

                if (n == 0 || (series->doubts & DOUBT_BIT(DOUBT_INTERNAL)))
                        continue;
                rule = series_breach(&file->policies[series->policy], view, series->generation,
                                     deletions.ids + deletions.begin[i], n, now);
                if (rule)
                        fn(series->generation, rule, data);
        }
        for (size_t i = 0; i < plan->n_actions; i++) {
                const struct action *action = &plan->actions[i];
                const char *rule = NULL;

                if (action->kind == ACTION_DELETE && action->series == ACTION_NO_SERIES)
                        rule = retired_breach(view, action);
                if (rule)
                        fn(action->generation, rule, data);
        }
        return 0;
}
