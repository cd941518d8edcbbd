/*
 * Deletions of a series, and what the doubts about them are told from.
 */
#include "core/planner-internal.h"

#include "base/array.h"

#include <errno.h>
#include <string.h>

void planner_accepted(const struct planner *p, const struct series *s,
                      struct accepted *ret_accepted) {
        struct accepted accepted = {};
        const char *text = NULL, *zone;
        size_t zone_len;
        bool has_keep;

        /* The members are in the order of slots. What a person adopted carries what that person wrote,
         * which is no ack. */
        for (size_t i = s->n_members; i-- > 0 && !text;) {
                const struct snapshot_row *row = series_row(s, i);

                if ((row->flags & (ROW_COMPLETE | ROW_ADOPTED)) == ROW_COMPLETE &&
                    !snapshot_row_is_future(row, p->now))
                        text = view_keep(s->view, row);
        }

        /* What a listing hides may carry another rule than the file's. */
        accepted.carried = text != NULL;
        if (!text && p->standing && p->standing->rules)
                text = p->standing->rules[s->policy_index];
        if (text && strcmp(text, p->rules[s->policy_index]) != 0) {
                accepted.differs = true;
                if (keep_tag_parse(text, strlen(text), &has_keep, &accepted.keep, &zone,
                                   &zone_len) == 0)
                        accepted.text = text;
                else
                        accepted.differs = s->policy->has_keep;
        }
        *ret_accepted = accepted;
}

/* Counts those that the file's rule lets die within the horizon, and the accepted one does not. */
static int count_beyond(const struct planner *p, const struct series *s, int64_t jitter_s,
                        const struct accepted *accepted, size_t *count) {
        const struct policy *policy = s->policy;
        struct retention_floors floors = {policy->min_keep, policy->min_age_s};
        struct retention_future future = {
                .schedule = s->disk ? &policy->schedule : NULL,
                .jitter_s = jitter_s,
                .now = p->now,
                .horizon = utc_add_seconds(p->now, DOUBT_POLICY_HORIZON_S),
        };
        _cleanup_(freep) struct utc *by_file = NULL, *by_accepted = NULL;
        int r;

        by_file = calloc(s->n_members + 1, sizeof(*by_file));
        by_accepted = calloc(s->n_members + 1, sizeof(*by_accepted));
        if (!by_file || !by_accepted)
                return -ENOMEM;

        r = retention_deaths(s->points, s->n_members, &policy->keep, policy->zone, &floors, &future,
                             by_file);
        if (r < 0)
                return r;
        r = retention_deaths(s->points, s->n_members, &accepted->keep, policy->zone, &floors,
                             &future, by_accepted);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_members; i++)
                *count += by_file[i].ticks != UTC_NEVER.ticks &&
                          by_accepted[i].ticks == UTC_NEVER.ticks;
        return 0;
}

int planner_tally(struct planner *p, const struct series *s, int64_t jitter_s,
                  const struct accepted *accepted, const struct series_state *state) {
        struct policy_tally *tally = &p->plan->policies[s->policy_index];
        int64_t begin = utc_add_seconds(p->now, -DOUBT_MASS_GAIN_S).ticks;

        tally->complete += state->complete;
        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                tally->gained += (row->flags & ROW_COMPLETE) && row->time_created.ticks > begin &&
                                 row->time_created.ticks <= p->now.ticks;
        }

        tally->differing += s->disk && accepted->differs;
        tally->agreeing += s->disk && accepted->carried && !accepted->differs;
        if (s->disk && accepted->carried && accepted->differs)
                tally->accepted = accepted->text;
        /* Also with prune off: who turns it on again is not to find that a rule was accepted in the
         * meantime that nobody was asked about. */
        if (!accepted->differs || !s->policy->has_keep)
                return 0;
        return count_beyond(p, s, jitter_s, accepted, &tally->beyond);
}

void planner_count_listed(struct planner *p) {
        const struct world_view *view = p->view;

        for (size_t k = 0; k < p->file->n_policies; k++) {
                const struct policy *policy = &p->file->policies[k];

                for (size_t n = 0; n <= policy->n_formerly; n++) {
                        const char *name = n == 0 ? policy->name : policy->formerly[n - 1];
                        uint32_t number = intern_find(view->strings, name);

                        for (size_t i = 0; number != 0 && i < view->n_snapshots; i++)
                                p->plan->policies[k].listed +=
                                        view->snapshots[i].policy == number &&
                                        (view->snapshots[i].flags & ROW_COMPLETE) &&
                                        snapshot_row_is_ours(&view->snapshots[i]);
                }
        }
}

int planner_delete(struct planner *p, const struct snapshot_row *row, struct strbuf *reason,
                   struct action **ret_action) {
        struct action *action;
        int r;

        r = planner_add_action(p, ACTION_DELETE, view_str(p->view, row->generation), &action);
        if (r < 0) {
                strbuf_deinit(reason);
                return r;
        }

        stpcpy(action->group, view_str(p->view, row->group));
        snapshot_row_name(p->view, row, action->name);
        action->region = row->region;
        action->slot = row->slot;
        action->attempt = row->attempt;
        action->unique_id = row->unique_id;
        action->time_created = row->time_created;
        action->tag_hash = row->tag_hash;
        action->complete = row->flags & ROW_COMPLETE;
        *ret_action = action;
        return strbuf_take(reason, &action->reason);
}

/* Whether an unsuccessful one has been seen long enough for people to look at. */
static bool failed_is_old(const struct planner *p, const struct snapshot_row *row) {
        const struct standing *standing = p->standing;

        return standing &&
               failure_end(standing->failures, standing->n_failures, row).ticks <= p->now.ticks;
}

/* Notes the complete ones that min_keep relies on. */
static int add_survivors(struct planner *p, const struct series *s, struct series_state *state) {
        struct plan *plan = p->plan;

        state->first_survivor = plan->n_survivors;
        for (size_t i = 0; i < s->n_members; i++) {
                int r;

                if (!(p->scratch.verdicts[i].kept_by & VERDICT_MIN_KEEP))
                        continue;
                r = array_grow(&plan->survivors, plan->n_survivors, &plan->survivors_capacity,
                               sizeof(*plan->survivors), PLAN_ACTIONS_MAX);
                if (r < 0)
                        return r;
                plan->survivors[plan->n_survivors++] =
                        (uint32_t)(series_row(s, i) - p->view->snapshots);
        }
        state->n_survivors = plan->n_survivors - state->first_survivor;
        return 0;
}

/* Each by its own date, whatever the rule (series.h). The mass of deletions counts them. */
static int prune_backups(struct planner *p, const struct series *s, struct series_state *state) {
        struct policy_tally *tally = &p->plan->policies[s->policy_index];
        char text[UTC_TEXT_SIZE];
        struct utc until;
        int r;

        for (size_t i = 0; i < s->n_rows; i++) {
                const struct snapshot_row *row = &s->rows[i];
                struct strbuf reason = {};
                struct action *action;
                bool over;

                if (!series_has_backup(s, row) || guid_is_nil(&row->unique_id))
                        continue;
                over = series_backup_end(s, row, state->complete).ticks <= p->now.ticks;
                if (over && snapshot_row_until(s->view, row, &until))
                        strbuf_appendf(&reason, "backup kept until %s", utc_format(until, text));
                else if (failed_is_old(p, row))
                        strbuf_append_str(&reason, "failed more than 7 days ago");
                else
                        continue;
                r = planner_delete(p, row, &reason, &action);
                if (r < 0)
                        return r;
                action->policy = s->policy_index;
                action->series = (size_t)(state - p->plan->series);
                action->failed = !over;
                tally->deletes += over;
                tally->failures += !over;
                state->deletes++;
        }
        return 0;
}

static int prune_members(struct planner *p, const struct series *s, struct series_state *state) {
        struct policy_tally *tally = &p->plan->policies[s->policy_index];
        int r;

        r = series_judge(s, p->now, &p->scratch);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);
                struct strbuf reason = {};
                struct action *action;

                /* Without a uniqueId the re-read could not tell it from another. */
                if (guid_is_nil(&row->unique_id))
                        continue;

                if (p->scratch.verdicts[i].kept_by == 0) {
                        strbuf_append_str(&reason, "superseded under ");
                        strbuf_append_str(&reason, p->rules[s->policy_index]);
                } else if (failed_is_old(p, row))
                        strbuf_append_str(&reason, "failed more than 7 days ago");
                else
                        continue;

                r = planner_delete(p, row, &reason, &action);
                if (r < 0)
                        return r;
                action->policy = s->policy_index;
                action->series = (size_t)(state - p->plan->series);
                action->failed = p->scratch.verdicts[i].kept_by != 0;
                tally->deletes += !action->failed;
                tally->failures += action->failed;
                state->deletes++;
        }
        return 0;
}

/* Of a policy without keep: marks the members that its floor relies on. */
static int judge_floor(struct planner *p, const struct series *s) {
        struct retention_floors floors = {.min_keep = s->policy->min_keep};
        struct keep newest = {.count = {[KEEP_LAST] = 1}};

        return retention_judge(s->points, s->n_members, &newest, s->policy->zone, &floors, p->now,
                               p->scratch.verdicts);
}

int planner_prune(struct planner *p, const struct series *s, struct series_state *state) {
        int r = 0;

        if (s->policy->prune == PRUNE_OFF)
                return 0;

        if (s->policy->has_keep)
                r = prune_members(p, s, state);
        r = r ?: prune_backups(p, s, state);
        if (r < 0 || state->deletes == 0)
                return r;
        if (!s->policy->has_keep)
                r = judge_floor(p, s);
        return r ?: add_survivors(p, s, state);
}
