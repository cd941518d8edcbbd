/*
 * The round of a subscription (DESIGN section 6): what is due is created, one listing confirms it and
 * shows what is superseded, that is read again and deleted, and the next listing confirms the
 * deletions.
 *
 * Level-triggered: each look does the next thing that is missing. Creates come first and from the last
 * world there is, however old: names keep them from being made twice. Deletes are admitted from a
 * world that was read whole and is fresh, and that nothing has contradicted since; our own creates
 * since then only add to what stays.
 */
#include "core/audit.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

/* DESIGN section 5: a clock is in doubt when it is "more than a minute off". */
#define ROUND_STEP_S 60
/* How long from a PUT's answer to a listing that shows it Succeeded, before anything is known: small
 * snapshots took 0.1 to 2.4 s (FACTS section 1). */
#define ROUND_SETTLE_FIRST_NS (2 * NSEC_PER_SEC)
#define ROUND_SETTLE_LEAST_NS (1 * NSEC_PER_SEC)
#define ROUND_SETTLE_MOST_NS (120 * NSEC_PER_SEC)
/* Slots that start so soon after each other share a round, for so long at most. Chosen: half a minute
 * is nothing to a backup, and ten minutes bound how old "under way" can be. */
#define ROUND_GAP_S 30
#define ROUND_MOST_NS (600 * NSEC_PER_SEC)
/* Chosen: what two hours of sweeps have not taught takes long, a clock that is left wrong for one. */
#define ROUND_SOON_MOST 8
/* A world older than this is no ground to delete on (DESIGN section 5, doubt listing). Chosen: two
 * sweeps that should have been and were not. */
#define ROUND_STALE_NS (2 * ENGINE_SWEEP_S * NSEC_PER_SEC)
/* For so long a listing that was due when an rpo was broken may take to say otherwise. Chosen: no operator
 * goes by minutes. */
#define ROUND_LATE_NS (300 * NSEC_PER_SEC)
/* What is deleted goes by a listing that came to its end no longer ago than this. Chosen: longer than any
 * round but a huge one, whose rest goes by the next listing. From its end, since one that takes longer than
 * that would be no ground for any deletion, and nobody would be told why; one that is stale is in doubt. */
#define ROUND_FRESH_NS (ENGINE_SWEEP_SOON_S * NSEC_PER_SEC)

/* What was done in the instant in which the listing began may not be in it. */
static bool is_touched(const struct subscription *s) {
        return s->touched_at.ns >= s->begin.ns;
}

static void subscription_go_on(struct subscription *s, struct operation *op, struct mono now) {
        DL_DELETE(s->parked, op);
        op->parked = false;
        op->deadline = mono_add_ns(op->deadline, now.ns - op->parked_at.ns);
        engine_queue(s->engine, op);
}

void subscription_unpark(struct subscription *s, struct mono before, struct mono now) {
        struct operation *op, *next;

        s->wanted_at = MONO_NEVER;
        DL_FOREACH_SAFE (s->parked, op, next)
                if (op->parked_at.ns >= before.ns)
                        s->wanted_at.ns = MIN(s->wanted_at.ns, op->wanted.ns);
                else
                        subscription_go_on(s, op, now);
}

/* When the first of those that are parked asks for itself, as far as that is known. */
static struct mono wanted_alone_at(const struct subscription *s) {
        return s->sweep || s->failing ? s->wanted_at
                                      : mono_add_ns(s->wanted_at, ROUND_GAP_S * NSEC_PER_SEC);
}

/* The same of this one: a listing that has just begun is waited for, and one that is about to. */
static struct mono operation_wanted_alone_at(const struct subscription *s,
                                             const struct operation *op) {
        struct mono until = op->wanted;

        if (s->sweep && op->parked_at.ns < s->sweep->began.ns)
                until.ns =
                        MAX(until.ns, mono_add_ns(s->sweep->began, ROUND_GAP_S * NSEC_PER_SEC).ns);
        else if (!s->sweep && !s->failing)
                until = mono_add_ns(until, ROUND_GAP_S * NSEC_PER_SEC);
        return until;
}

/* A listing under way takes longer than some can wait for it, or for the next one; or it cannot begin, since the
 * last one failed, or what is on its way has no answer. They ask for themselves, or the slots of their series
 * would be missed. */
static void subscription_unpark_wanted(struct subscription *s, struct mono now) {
        struct operation *op, *next;

        s->wanted_at = MONO_NEVER;
        DL_FOREACH_SAFE (s->parked, op, next) {
                struct mono until = operation_wanted_alone_at(s, op);

                if (now.ns < until.ns)
                        s->wanted_at.ns = MIN(s->wanted_at.ns, s->sweep ? until.ns : op->wanted.ns);
                else
                        subscription_go_on(s, op, now);
        }
}

static void subscription_drop_plan(struct subscription *s) {
        s->plan = plan_free(s->plan);
        free(s->witnesses);
        s->witnesses = NULL;
        free(s->tries);
        s->tries = NULL;
        s->serial++;
        memset(s->spent, 0, s->engine->file->n_policies * sizeof(*s->spent));
        memset(s->retired, 0, s->engine->file->n_policies * sizeof(*s->retired));
        memset(s->lost, 0, s->engine->file->n_policies * sizeof(*s->lost));
}

void subscription_learn(struct subscription *s, bool settled) {
        if (settled)
                s->settled++;
        else
                s->unsettled++;
}

/* How long the last round's snapshots took says how long the next ones are given. */
static void subscription_settle_time(struct subscription *s) {
        if (s->unsettled > 0)
                s->settle_ns = MIN(s->settle_ns * 2, ROUND_SETTLE_MOST_NS);
        else if (s->settled > 0)
                s->settle_ns = MAX(s->settle_ns * 15 / 16, ROUND_SETTLE_LEAST_NS);
        s->settled = s->unsettled = 0;
}

void subscription_touch(struct subscription *s, struct mono now) {
        if (!is_touched(s)) {
                s->touched_first = now;
                subscription_settle_time(s);
        }
        s->look_again_ns = ENGINE_LOOK_AGAIN_S * NSEC_PER_SEC;
        s->touched_at = now;
}

/* Nothing of the plan was tried yet, as it now is. */
static int subscription_alloc_tries(struct subscription *s) {
        const struct plan *plan = s->plan;

        s->one_region = true;
        for (size_t i = 1; i < plan->n_actions && plan->actions[i].kind == ACTION_CREATE; i++)
                s->one_region &= plan->actions[i].region == plan->actions[0].region;

        free(s->tries);
        s->tries = calloc(plan->n_actions + 1, sizeof(*s->tries));
        return s->tries ? 0 : -ENOMEM;
}

static void say_breach(const char *generation, const char *rule, void *data) {
        engine_invariant_broken(data, generation, rule);
}

static int subscription_plan_now(struct subscription *s) {
        struct world_view view = world_view(s->world);
        struct engine *engine = s->engine;
        struct utc now = engine_now(engine);
        struct standing standing;
        int r;

        r = engine_standing(engine, s, &standing);
        if (r < 0)
                return r;
        r = planner_run(engine->file, &view, &standing, now, &s->plan);
        if (r < 0)
                return r;
        s->plan_now = now;
        s->planned_at = clock_mono(engine->services.clock);
        s->serial++;
        subscription_note_unselected(s);

        s->witnesses = calloc(s->plan->n_series + 1, sizeof(*s->witnesses));
        r = subscription_alloc_tries(s);
        r = r ?: audit_plan(engine->file, &view, s->plan, now, say_breach, engine);
        if (!s->witnesses || r < 0) {
                subscription_drop_plan(s);
                return -ENOMEM;
        }
        return 0;
}

void subscription_look_anew(struct subscription *s) {
        s->deletes_left = false;
        s->next_sweep.ns = 0;
        engine_wake(s->engine);
}

/* Whether the next sweeps are to teach something. */
static bool is_learning(const struct subscription *s) {
        const struct state *state = &s->engine->state;
        bool absent = false;

        for (size_t i = 0; i < state->n_gone && !absent; i++)
                absent = utc_is_set(state->gone[i].first) && !utc_is_set(state->gone[i].since);
        return s->listing.stands || s->engine->clock.stands || s->lagging > 0 || !s->agreed ||
               absent;
}

/* When the rpo will be broken by what is known, which is in the past for no series: what is late is told,
 * and a disk that is gone, or cannot be snapshotted, has no rpo. */
static struct utc late_at(const struct subscription *s, const struct series_state *series) {
        const struct policy *policy = &s->engine->file->policies[series->policy];

        if (policy->rpo_s == 0 || series->late || series->gone || series->no_snapshot ||
            !utc_is_set(series->since))
                return UTC_NEVER;
        return utc_add_seconds(series->since, policy->rpo_s + 1);
}

/* By when a rpo that is broken is told by the old listing, if there is no newer one. */
static void subscription_set_late(struct subscription *s, struct mono now) {
        struct utc first = UTC_NEVER;

        for (size_t i = 0; i < s->plan->n_series; i++)
                first.ticks = MIN(first.ticks, late_at(s, &s->plan->series[i]).ticks);
        s->late_at = engine_mono_of(s->engine, first, now);
        if (s->late_at.ns != MONO_NEVER.ns)
                s->late_at = mono_add_ns(s->late_at, ROUND_LATE_NS);
}

/* What cannot be read makes no backup younger. */
static void subscription_see_late(struct subscription *s, struct mono now) {
        for (size_t i = 0; i < s->plan->n_series; i++)
                if (late_at(s, &s->plan->series[i]).ticks <= engine_now(s->engine).ticks)
                        s->plan->series[i].late = true;
        subscription_set_late(s, now);
        report_plan(s);
}

/* When the world is to be read again, if no round does before. */
static void subscription_set_sweep(struct subscription *s, struct mono now) {
        bool soon = is_learning(s) && s->soon < ROUND_SOON_MOST;
        int64_t after_s = soon ? ENGINE_SWEEP_SOON_S : ENGINE_SWEEP_S;
        struct mono next = mono_add_ns(s->begin, after_s * NSEC_PER_SEC);
        size_t underway = 0;

        s->soon = is_learning(s) ? s->soon + 1 : 0;
        for (size_t i = 0; i < s->plan->n_series; i++) {
                const struct series_state *series = &s->plan->series[i];

                underway += series->underway;
                /* An rpo is not told to be broken on the word of an old listing. */
                next.ns = MIN(next.ns, engine_mono_of(s->engine, late_at(s, series), now).ns);
        }

        if (underway == 0)
                s->look_again_ns = ENGINE_LOOK_AGAIN_S * NSEC_PER_SEC;
        else {
                /* It is no backup until it is complete. */
                next.ns = MIN(next.ns, mono_add_ns(now, s->look_again_ns).ns);
                s->look_again_ns = MIN(s->look_again_ns * 2, ENGINE_SWEEP_SOON_S * NSEC_PER_SEC);
        }
        /* One that had begun before shows nothing of what has been since. */
        s->next_sweep = s->begin.ns < s->awake_at.ns ? s->begin : next;
}

static void subscription_plan(struct subscription *s, struct mono now) {
        int r;

        r = subscription_plan_now(s);
        if (r < 0) {
                if (!s->unplanned)
                        log_tell(s->engine->services.log, LOG_LEVEL_WARNING,
                                 LOG_EVENT_SUBSCRIPTION_UNPLANNED,
                                 "subscription %s cannot be planned: %s, will go on trying", s->id,
                                 strerrordesc_np(-r));
                s->unplanned = true;
                return;
        }
        if (s->unplanned)
                log_tell(s->engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_SUBSCRIPTION_READABLE,
                         "subscription %s can be planned again", s->id);
        s->unplanned = false;

        subscription_set_sweep(s, now);
        engine_end_retirements(s->engine);
        subscription_set_late(s, now);
        engine_settle(s->engine);
        report_plan(s);
}

void subscription_take_world(struct subscription *s, struct world *world, struct mono begin,
                             bool clean, struct mono now) {
        bool whole = world_is_whole(world);

        if (s->failing)
                log_tell(s->engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_SUBSCRIPTION_READABLE,
                         "subscription %s can be read again, after %u failures", s->id,
                         s->backoff.failures);
        s->failing = false;
        free(s->unreadable);
        s->unreadable = NULL;
        backoff_reset(&s->backoff);
        if (!clean)
                subscription_doubt(s, "a page of the listing failed");
        if (!whole)
                subscription_doubt_unread(s, world_unread(world));

        if (!s->world)
                s->awake_from = world_view(world).begin;
        else if (s->begin.ns < s->awake_at.ns && begin.ns >= s->awake_at.ns)
                s->awake_from = engine_now(s->engine); /* what it was before may have stood still */
        subscription_compare(s, world, begin, now);
        subscription_drop_plan(s);
        world_free(s->world);
        s->world = world;
        s->begin = begin;
        s->read_at = now;
        s->deletes_left = false;
        s->may_delete = true;
        s->next_sweep = mono_add_ns(begin, ENGINE_SWEEP_SOON_S * NSEC_PER_SEC);
        subscription_clear_done(s, now);

        engine_swept(s->engine, begin, clean, now);
        sweep_doubt_swept(&s->listing, begin, clean && whole, now);
        subscription_note_failures(s, clean && whole);
        subscription_plan(s, now);
        if (s->plan) {
                subscription_check_deletions(s);
                subscription_find_given_up(s, now);
                subscription_end_failures(s);
        }
        subscription_seek_orphans(s, now);
        subscription_unpark(s, begin, now);
}

void subscription_sweep_failed(struct subscription *s, struct mono now) {
        s->failing = true;
        s->may_delete = false;
        s->sweep_again = backoff_next(&s->backoff, BACKOFF_ITEM_FIRST_NS, BACKOFF_ITEM_CAP_NS, -1,
                                      s->engine->services.random, now);
        subscription_doubt(s, "the last listing failed");
        engine_settle(s->engine);
        /* Those that wait for a listing ask for themselves. */
        subscription_unpark(s, now, now);
}

static void subscription_begin_sweep(struct subscription *s, struct mono now) {
        struct operation *op;

        if (inventory_new(s->engine, s, now, &op) < 0) {
                subscription_sweep_failed(s, now);
                return;
        }
        s->sweep = op;
        engine_add(s->engine, op);
}

/* When the world is to be read, at the earliest. */
static struct mono sweep_due(const struct subscription *s, struct mono now) {
        struct mono due = s->next_sweep, next;
        int64_t settled_ns, latest_ns;

        if (!s->world)
                return s->sweep_again;
        /* The round's own listing comes when its last create is made; the next one that is due anyway
         * does not wait for a backlog. */
        if (is_touched(s) && !s->creating) {
                settled_ns = mono_add_ns(s->touched_at, s->settle_ns).ns;
                latest_ns = mono_add_ns(s->touched_first, ROUND_MOST_NS).ns;
                due.ns = settled_ns;
                next = s->plan ? engine_mono_of(s->engine, s->plan->next, now) : MONO_NEVER;
                if (!s->engine->file->demo && next.ns - now.ns < ROUND_GAP_S * NSEC_PER_SEC &&
                    now.ns - s->touched_first.ns < ROUND_MOST_NS)
                        due.ns = MAX(due.ns, next.ns);
                /* One that was wanted before the round began is wanted to show what the round does; and
                 * so is one that would come while its last snapshots are being made: with slots an hour
                 * apart the hourly sweep falls together with each round. */
                if (s->next_sweep.ns == 0 || s->next_sweep.ns > s->touched_first.ns)
                        due.ns = MIN(due.ns, MAX(s->next_sweep.ns, settled_ns));
                due.ns = MIN(due.ns, latest_ns);
        }
        /* A series whose next slot begins can take it once the one before is confirmed. */
        due.ns = MIN(due.ns, s->wanted_at.ns);
        due.ns = MAX(due.ns, s->sweep_again.ns);
        return due;
}

static bool world_is_stale(const struct subscription *s, struct mono now) {
        return now.ns - s->begin.ns > ROUND_STALE_NS;
}

/* After a suspend or a pause from what a new listing shows, unless it cannot be had: the disk may have
 * another name, or be another. */
static bool may_create(const struct subscription *s, struct mono now) {
        if (!s->plan || s->engine->options.look_only)
                return false;
        if (s->begin.ns < s->awake_at.ns)
                return s->failing;
        /* While one is due nothing new begins, so that it can; but deletions that are told to wait may keep it for
         * minutes, and none of them begins meanwhile. */
        return s->sweep || s->failing || s->deleting > 0 || now.ns < sweep_due(s, now).ns;
}

void subscription_slept(struct subscription *s, struct mono now) {
        s->awake_from = engine_now(s->engine);
        s->awake_at = now;
        s->disks_at.ns =
                0; /* and two replies tell ARM's time for certain, where one could be off */
        s->may_delete = false; /* what min_keep relies on was read in another time */
        subscription_look_anew(s);
}

/* Whether each other subscription was read since the start, or could not be. Before that nobody knows whether a copy
 * there is being made of what would be deleted here. */
static bool others_are_known(const struct subscription *s) {
        for (size_t i = 0; i < s->engine->n_subscriptions; i++) {
                const struct subscription *other = &s->engine->subscriptions[i];

                if (other != s && !other->world && !other->failing)
                        return false;
        }
        return true;
}

static bool may_delete(const struct subscription *s, struct mono now) {
        return s->plan && s->may_delete && !s->engine->options.look_only &&
               now.ns - s->read_at.ns <= ROUND_FRESH_NS;
}

/* A slot has come: its create joins the plan, and the deletions stay in it. */
static void subscription_advance(struct subscription *s) {
        struct world_view view = world_view(s->world);
        struct engine *engine = s->engine;
        struct standing standing;
        int r;

        r = engine_standing(engine, s, &standing);
        r = r ?: planner_advance(engine->file, &view, &standing, engine_now(engine), s->plan);
        r = r ?: subscription_alloc_tries(s);
        if (r < 0) {
                subscription_drop_plan(s); /* made anew by the next look */
                return;
        }
        subscription_settle(s);
        report_plan(s);
}

/* Whether the plan was made by another time of ARM's than it is now: what had passed may not have, and what is
 * of the future now may be what it keeps. The doubt about the clock that another subscription's sweeps end
 * holds its deletions back no longer. */
static bool clock_has_stepped(const struct subscription *s, struct mono now) {
        int64_t elapsed = (now.ns - s->planned_at.ns) / NSEC_PER_TICK;
        int64_t step = engine_now(s->engine).ticks - s->plan_now.ticks - elapsed;

        return step < -ROUND_STEP_S * TICKS_PER_SEC || step > ROUND_STEP_S * TICKS_PER_SEC;
}

void subscription_tick(struct subscription *s, struct mono now) {
        bool creates, lists;

        s->permit_at = MONO_NEVER;
        if (s->plan && s->may_delete && clock_has_stepped(s, now)) {
                s->may_delete = false;
                subscription_look_anew(s);
        }
        if (s->plan && s->plan->next.ticks <= engine_now(s->engine).ticks)
                subscription_advance(s);
        if (s->plan && now.ns >= s->late_at.ns)
                subscription_see_late(s, now);
        if (now.ns < budget_closed_until(s->budget, NULL).ns) {
                s->creating = false;
                s->permit_at = budget_closed_until(s->budget, NULL);
                return;
        }

        if (s->world && !s->plan)
                subscription_plan(s, now);
        if (s->world && world_is_stale(s, now) && !s->listing.stands) {
                subscription_doubt(s, "the last listing is older than %d minutes",
                                   (int)(ROUND_STALE_NS / NSEC_PER_SEC / 60));
                engine_settle(s->engine);
        }

        creates = may_create(s, now); /* by what the last look left under way */
        s->creating = creates && subscription_admit_kind(s, ACTION_CREATE, now);
        lists = !s->sweep && now.ns >= sweep_due(s, now).ns;
        if (lists && s->putting == 0 && s->deleting == 0) {
                subscription_begin_sweep(s, now);
                return;
        }
        if (now.ns >= wanted_alone_at(s).ns)
                subscription_unpark_wanted(s, now);
        if (s->sweep || lists)
                return;
        if (s->creating || s->vanishing > 0 || !others_are_known(s))
                return;
        if (may_delete(s, now))
                s->deletes_left = subscription_admit_kind(s, ACTION_DELETE, now);
        else if (s->deletes_left && s->may_delete)
                subscription_look_anew(s); /* the listing has grown too old for the rest */
}

struct mono subscription_next_wake(const struct subscription *s, struct mono now) {
        struct mono wake = s->permit_at, closed = budget_closed_until(s->budget, NULL);
        struct memory *memory, *next;

        if (now.ns < closed.ns)
                return (struct mono){s->plan ? MIN(closed.ns, s->late_at.ns) : closed.ns};

        if (s->plan)
                wake.ns = MIN(MIN(wake.ns, s->late_at.ns),
                              engine_mono_of(s->engine, s->plan->next, now).ns);
        wake.ns = MIN(wake.ns, wanted_alone_at(s).ns);
        if (!s->sweep && s->putting == 0 && s->deleting == 0)
                wake.ns = MIN(wake.ns, sweep_due(s, now).ns);
        if (s->world && !s->listing.stands)
                wake.ns = MIN(wake.ns, mono_add_ns(s->begin, ROUND_STALE_NS + 1).ns);
        if (s->n_told == 0)
                return wake;
        HASH_ITER (hh, s->memories, memory, next)
                if (!memory->running && memory->told && memory->not_before.ns > now.ns)
                        wake.ns = MIN(wake.ns, memory->not_before.ns);
        return wake;
}

bool subscription_knows_disks(const struct subscription *s, struct mono now) {
        return s->world && s->disks_at.ns > 0 && is_touched(s) && !s->listing.stands &&
               !s->engine->clock.stands && now.ns - s->disks_at.ns < ENGINE_DISKS_S * NSEC_PER_SEC;
}

unsigned subscription_share(const struct subscription *s) {
        const struct policy_file *file = s->engine->file;

        return file->demo ? 0 : file->api_share_permille;
}

int subscription_init(struct subscription *s) {
        const struct policy_file *file = s->engine->file;

        s->settle_ns = ROUND_SETTLE_FIRST_NS;
        s->look_again_ns = ENGINE_LOOK_AGAIN_S * NSEC_PER_SEC;
        s->conditions = (struct conditions){
                .log = s->engine->services.log,
                .begun = s->engine->counts.doubts_begun,
                .ended = s->engine->counts.doubts_ended,
        };
        s->permit_at = s->wanted_at = s->late_at = MONO_NEVER;
        s->spent = calloc(file->n_policies + 1, sizeof(*s->spent));
        s->retired = calloc(file->n_policies + 1, sizeof(*s->retired));
        s->lost = calloc(file->n_policies + 1, sizeof(*s->lost));
        s->unasked = calloc(file->n_policies + 1, sizeof(*s->unasked));
        if (!s->spent || !s->retired || !s->lost || !s->unasked)
                return -ENOMEM;
        return budget_new(subscription_share(s), &s->budget);
}

void subscription_drop_parked(struct subscription *s) {
        struct operation *op, *next;

        DL_FOREACH_SAFE (s->parked, op, next) {
                DL_DELETE(s->parked, op);
                operation_free(op);
        }
}

void subscription_deinit(struct subscription *s) {
        struct memory *memory, *following;

        HASH_ITER (hh, s->memories, memory, following) {
                HASH_DEL(s->memories, memory);
                given_up_forget(s->engine, memory);
                free(memory);
        }
        conditions_deinit(&s->conditions);
        plan_free(s->plan);
        world_free(s->world);
        free(s->witnesses);
        free(s->tries);
        free(s->spent);
        free(s->retired);
        free(s->lost);
        free(s->unasked);
        strbuf_deinit(&s->no_zones);
        free(s->unreadable);
        budget_free(s->budget);
}
