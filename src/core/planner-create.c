/*
 * Slots: which snapshot is due, what keeps it from being made at once, and how late the series is.
 */
#include "core/planner-internal.h"

#include <errno.h>
#include <string.h>

/* Everybody's of the disk that are pending, with those that this plan adds. */
static bool too_many_pending(const struct planner *p, const struct series *s) {
        size_t pending = p->creates;

        if (!(s->disk->flags & DISK_COUNTS_PERCENT))
                return false;
        for (size_t i = 0; i < s->n_rows; i++)
                pending += snapshot_row_is_pending(&s->rows[i], p->now);
        return pending >= PLANNER_PENDING_MAX;
}

/*
 * Whether the disk had all the snapshots it may have in so short a time, with those that this plan
 * adds; then *ret_until is when one more may be made. Only the newest CHAIN_BURST_MAX can matter.
 */
static bool is_burst(const struct planner *p, const struct series *s, struct utc *ret_until) {
        int64_t newest[CHAIN_BURST_MAX]; /* the newest first */
        int64_t begin = utc_add_seconds(p->now, -CHAIN_BURST_S).ticks;
        int64_t latest = utc_add_seconds(p->now, SCHEDULE_EARLY_MAX_S).ticks;
        size_t n = 0;

        /* Seconds between slots are for where no such limit is (policy.h). */
        if (p->file->demo)
                return false;

        /* Those that are planned are the newest of all. */
        for (; n < p->creates && n < CHAIN_BURST_MAX; n++)
                newest[n] = p->now.ticks;
        for (size_t i = 0; i < s->n_rows; i++) {
                int64_t created = s->rows[i].time_created.ticks;
                size_t at;

                if (!(s->rows[i].flags & ROW_INCREMENTAL) || created <= begin || created > latest)
                        continue;
                for (at = n; at > 0 && newest[at - 1] < created; at--)
                        if (at < CHAIN_BURST_MAX)
                                newest[at] = newest[at - 1];
                if (at < CHAIN_BURST_MAX)
                        newest[at] = created;
                n = MIN(n + 1, CHAIN_BURST_MAX);
        }
        if (n < CHAIN_BURST_MAX)
                return false;
        *ret_until = utc_add_seconds((struct utc){newest[n - 1]}, CHAIN_BURST_S);
        return true;
}

/* What keeps a create from going at once. */
static uint32_t create_blocks(struct planner *p, const struct series *s,
                              const struct series_state *state) {
        uint32_t blocked = 0;
        struct utc until;

        if (state->chain + p->creates >= CHAIN_MAX)
                blocked |= BLOCK_FULL;
        if (is_burst(p, s, &until)) {
                blocked |= BLOCK_BURST;
                planner_wait_until(p, until);
        }
        return blocked;
}

/* The rule that the snapshot is to carry while the file's is not accepted; none for the file's. */
static int fill_accepted(const struct series *s, const struct accepted *accepted,
                         struct action *action) {
        struct strbuf none = {};

        if (!accepted->differs)
                return 0;
        if (!accepted->text) {
                keep_append(NULL, s->policy->zone_name, &none);
                return strbuf_take(&none, &action->accepted);
        }
        action->accepted = strdup(accepted->text);
        return action->accepted ? 0 : -ENOMEM;
}

static int plan_create(struct planner *p, const struct series *s, const struct accepted *accepted,
                       const struct series_state *state) {
        struct action *action;
        unsigned attempt;
        char text[UTC_TEXT_SIZE];
        struct strbuf reason = {};
        int r;

        attempt = series_free_attempt(s, state->due);
        if (attempt == 0)
                return planner_find_disk(p, FINDING_NO_ATTEMPT, s->disk);

        r = planner_add_action(p, ACTION_CREATE, s->key.generation, &action);
        if (r < 0)
                return r;

        action->policy = s->policy_index;
        action->series = (size_t)(state - p->plan->series);
        stpcpy(action->group, s->policy->snapshot_group);
        naming_snapshot(s->prefix, state->due, attempt, action->name);
        action->slot = state->due;
        action->attempt = attempt;
        action->disk = state->disk;
        action->region = s->disk->region;
        action->location = strdup(view_str(p->view, s->disk->location));
        if (!action->location)
                return -ENOMEM;
        r = fill_accepted(s, accepted, action);
        if (r < 0)
                return r;

        action->blocked = create_blocks(p, s, state);
        p->creates += action->blocked == 0;

        strbuf_appendf(&reason, "slot %s is due", utc_format(state->due, text));
        if (attempt > 1)
                strbuf_appendf(&reason, ", attempt %u", attempt);
        return strbuf_take(&reason, &action->reason);
}

/* Whether the rpo is broken. A disk without a date gives no reason to think it young: UTC_NONE is before all. */
static bool is_late(const struct planner *p, const struct series *s,
                    const struct series_state *state) {
        return s->policy->rpo_s > 0 &&
               state->since.ticks < utc_add_seconds(p->now, -s->policy->rpo_s).ticks;
}

/*
 * Slots missed in a row, now or before a snapshot that is under way, of which there may be several: the doubt
 * ends when one is complete. Slots that the chain's limit or a quota refuses are not missed, since pruning is what makes
 * room; and a series without a snapshot has nothing to lose.
 */
static bool is_stale(const struct planner *p, const struct series *s, int64_t jitter_s,
                     const struct series_state *state) {
        const struct policy *policy = s->policy;
        const struct generation_standing *known =
                standing_generation(p->standing, s->key.generation);
        struct utc filled, underway;

        if (s->n_members == 0 || state->deferred || state->chain >= CHAIN_MAX ||
            (known && known->refused))
                return false;
        if (state->missed >= policy->stale_stop)
                return true;

        for (filled = series_newest_complete(s, p->now); utc_is_set(filled); filled = underway) {
                underway = series_underway_after(s, filled, p->now);
                if (utc_is_set(underway) &&
                    schedule_missed(&policy->schedule, policy->zone, jitter_s, filled,
                                    utc_add_seconds(underway, jitter_s),
                                    policy->stale_stop) >= policy->stale_stop)
                        return true;
        }
        return false;
}

int planner_create(struct planner *p, const struct series *s, int64_t jitter_s,
                   const struct accepted *accepted, struct series_state *state) {
        const struct policy *policy = s->policy;
        struct utc filled = series_newest_filled(s, p->now);
        int r = 0;

        if (s->disk->flags & DISK_NO_SNAPSHOT) {
                state->no_snapshot = true;
                return planner_find_disk(p, FINDING_NO_SNAPSHOT, s->disk);
        }

        state->since = utc_is_set(state->newest) ? state->newest : s->disk->time_created;
        state->late = is_late(p, s, state);
        state->missed = schedule_missed(&policy->schedule, policy->zone, jitter_s,
                                        utc_is_set(filled) ? filled : s->disk->time_created, p->now,
                                        policy->stale_stop + 1);
        if (!schedule_next_start(&policy->schedule, policy->zone, jitter_s, p->now, &state->next))
                state->next = UTC_NEVER;
        planner_wait_until(p, state->next);

        if (schedule_due(&policy->schedule, policy->zone, jitter_s, policy->catch_up, filled,
                         p->now, &state->due)) {
                state->deferred = too_many_pending(p, s);
                r = state->deferred ? planner_find_disk(p, FINDING_DEFERRED, s->disk)
                                    : plan_create(p, s, accepted, state);
        }

        if (is_stale(p, s, jitter_s, state))
                state->doubts |= DOUBT_BIT(DOUBT_STALE);
        return r;
}
