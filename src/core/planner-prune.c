/*
 * Deletions of a series, and what the doubts about them are told from.
 */
#include "core/planner-internal.h"

#include "base/array.h"
#include "core/zone.h"

#include <errno.h>
#include <string.h>

static bool zone_has_name(const struct zone *zone, const char *name, size_t len) {
        return strlen(zone_name(zone)) == len && memcmp(zone_name(zone), name, len) == 0;
}

/* The zone of that name: the file's, or one that is known beside it. */
static bool find_zone(const struct planner *p, const char *name, size_t len,
                      const struct zone **ret_zone) {
        *ret_zone = NULL;
        if (zone_has_name(NULL, name, len))
                return true;
        for (size_t i = 0; i < p->file->n_zones && !*ret_zone; i++)
                if (zone_has_name(p->file->zones[i], name, len))
                        *ret_zone = p->file->zones[i];
        for (size_t i = 0; p->standing && i < p->standing->n_zones && !*ret_zone; i++)
                if (zone_has_name(p->standing->zones[i], name, len))
                        *ret_zone = p->standing->zones[i];
        return *ret_zone;
}

/* Whether it is a matter of the zone what it keeps. */
static bool keep_has_periods(const struct keep *keep) {
        for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++)
                if (keep->count[rule] > 0)
                        return true;
        return false;
}

/* Reads a rule from a tag. Of periods in a zone that is not to be had nobody knows what they keep, so the rule
 * keeps all, as "none" does. Returns whether it is a rule. */
static bool rule_parse(const struct planner *p, const char *text, struct keep *ret_keep,
                       const struct zone **ret_zone) {
        const char *name;
        bool has_keep;
        size_t len;

        if (keep_tag_parse(text, strlen(text), &has_keep, ret_keep, &name, &len) != 0)
                return false;
        if (!find_zone(p, name, len, ret_zone) && keep_has_periods(ret_keep))
                *ret_keep = (struct keep){};
        return true;
}

void planner_accepted(const struct planner *p, const struct series *s,
                      struct accepted *ret_accepted) {
        struct accepted accepted = {};
        const char *text = NULL;

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
                if (rule_parse(p, text, &accepted.keep, &accepted.zone))
                        accepted.text = text;
                else
                        accepted.differs = s->policy->has_keep;
        }
        *ret_accepted = accepted;
}

/* What of a series the accepted rules keep within the horizon. */
struct kept {
        bool *by_accepted; /* [n_members] */
        size_t n;
};

static void kept_deinit(struct kept *kept) {
        free(kept->by_accepted);
}

static void keep_member(struct kept *kept, size_t i) {
        kept->n += !kept->by_accepted[i];
        kept->by_accepted[i] = true;
}

static struct retention_future series_future(const struct planner *p, const struct series *s,
                                             int64_t jitter_s) {
        return (struct retention_future){
                .schedule = s->disk ? &s->policy->schedule : NULL,
                .jitter_s = jitter_s,
                .now = p->now,
                .horizon = utc_add_seconds(p->now, DOUBT_POLICY_HORIZON_S),
                .zone = s->policy->zone,
        };
}

static int keep_by_accepted(const struct planner *p, const struct series *s, int64_t jitter_s,
                            const struct accepted *accepted, struct kept *kept) {
        struct retention_floors floors = {s->policy->min_keep, s->policy->min_age_s};
        struct retention_future future = series_future(p, s, jitter_s);
        _cleanup_(freep) struct utc *deaths = calloc(s->n_members + 1, sizeof(*deaths));
        int r;

        if (!deaths)
                return -ENOMEM;
        r = retention_deaths(s->points, s->n_members, &accepted->keep, accepted->zone, &floors,
                             &future, deaths);
        for (size_t i = 0; i < s->n_members && r == 0; i++)
                if (deaths[i].ticks == UTC_NEVER.ticks)
                        keep_member(kept, i);
        return r;
}

static bool is_complete(const struct planner *p, const struct snapshot_row *row) {
        return (row->flags & ROW_COMPLETE) && !snapshot_row_is_future(row, p->now);
}

/*
 * The newest complete one of that name with a rule, if snapshots of another name were taken between
 * those of this one: two policies that ran side by side and are one now. Where a policy was renamed, all
 * of the old name are older, but for a slot that two daemons took while one had reloaded; and the newest
 * of the series tells the rule for both.
 */
static const struct snapshot_row *find_beside(const struct planner *p, const struct series *s,
                                              uint32_t name) {
        const struct snapshot_row *newest = NULL;
        struct utc oldest = UTC_NEVER;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                if (row->policy != name || row->keep == 0 || row->flags & ROW_ADOPTED ||
                    !is_complete(p, row))
                        continue;
                oldest.ticks = MIN(oldest.ticks, row->slot.ticks);
                newest = row;
        }
        for (size_t i = 0; i < s->n_members && newest; i++) {
                const struct snapshot_row *other = series_row(s, i);

                if (other->policy == name || !is_complete(p, other) ||
                    other->slot.ticks >= newest->slot.ticks)
                        continue;
                for (size_t j = i; j < s->n_members; j++)
                        if (series_row(s, j)->policy == other->policy &&
                            is_complete(p, series_row(s, j)) &&
                            series_row(s, j)->slot.ticks > oldest.ticks)
                                return newest;
        }
        return NULL;
}

/* Those of an old name by the rule that they carry, and among themselves, since nobody has accepted
 * another for them: the policy's own snapshots go by the policy's, and say nothing of theirs. */
static int keep_by_former(const struct planner *p, const struct series *s, uint32_t name,
                          struct policy_tally *tally, struct kept *kept) {
        const struct snapshot_row *newest = find_beside(p, s, name);
        const char *text = newest ? view_keep(s->view, newest) : NULL;
        _cleanup_(freep) struct retention_point *points = NULL;
        _cleanup_(freep) struct verdict *verdicts = NULL;
        const struct zone *zone = NULL;
        struct keep keep = {};
        size_t n = 0;
        int r;

        if (!text || strcmp(text, p->rules[s->policy_index]) == 0)
                return 0;
        if (!rule_parse(p, text, &keep, &zone))
                keep = (struct keep){}; /* keeps all */

        points = calloc(s->n_members + 1, sizeof(*points));
        verdicts = calloc(s->n_members + 1, sizeof(*verdicts));
        if (!points || !verdicts)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_members; i++)
                if (series_row(s, i)->policy == name)
                        points[n++] = s->points[i];
        r = retention_judge(points, n, &keep, zone, /* floors= */ NULL, p->now, verdicts);
        if (r < 0)
                return r;
        n = 0;
        for (size_t i = 0; i < s->n_members; i++)
                if (series_row(s, i)->policy == name && verdicts[n++].kept_by != 0)
                        keep_member(kept, i);
        tally->former.ticks = MAX(tally->former.ticks, newest->time_created.ticks);
        return 0;
}

/* Counts those that the file's rule lets die within the horizon, and an accepted one does not. */
static int count_beyond(const struct planner *p, const struct series *s, int64_t jitter_s,
                        const struct accepted *accepted, struct policy_tally *tally) {
        const struct policy *policy = s->policy;
        struct retention_floors floors = {policy->min_keep, policy->min_age_s};
        struct retention_future future = series_future(p, s, jitter_s);
        _cleanup_(kept_deinit) struct kept kept = {};
        _cleanup_(freep) struct utc *by_file = NULL;
        int r = 0;

        by_file = calloc(s->n_members + 1, sizeof(*by_file));
        kept.by_accepted = calloc(s->n_members + 1, sizeof(*kept.by_accepted));
        if (!by_file || !kept.by_accepted)
                return -ENOMEM;

        if (accepted->differs)
                r = keep_by_accepted(p, s, jitter_s, accepted, &kept);
        for (size_t i = 0; i < policy->n_formerly && r == 0; i++) {
                uint32_t name = intern_find(s->view->strings, policy->formerly[i]);

                r = name != 0 ? keep_by_former(p, s, name, tally, &kept) : 0;
        }
        if (r < 0 || kept.n == 0)
                return r;

        r = retention_deaths(s->points, s->n_members, &policy->keep, policy->zone, &floors, &future,
                             by_file);
        for (size_t i = 0; i < s->n_members && r == 0; i++)
                tally->beyond += by_file[i].ticks != UTC_NEVER.ticks && kept.by_accepted[i];
        return r;
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
        if (!s->policy->has_keep || (!accepted->differs && s->policy->n_formerly == 0))
                return 0;
        return count_beyond(p, s, jitter_s, accepted, tally);
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

                /* Without a uniqueId the re-read could not tell it from another, and without a date
                 * nobody knows how young it is. */
                if (guid_is_nil(&row->unique_id) || !utc_is_set(row->time_created))
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
