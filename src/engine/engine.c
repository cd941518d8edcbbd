#include "engine/engine.h"

#include "azure/replies.h"
#include "base/array.h"
#include "core/zone.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Chosen: ceiling of subscriptions in one policy file. */
#define SUBSCRIPTIONS_MAX 1000

/* What one subscription has been asked for, and whether its listings are in doubt. That they lag need not be kept:
 * until two agree, survivors are read. */
struct estate_subscription {
        char id[GUID_TEXT_SIZE];
        struct budget *budget; /* owned; NULL: taken over */
        struct sweep_doubt listing;
};

struct engine_estate {
        struct state state;
        struct arm_clock arm_clock;
        struct sweep_doubt clock;
        struct known *known; /* hash by generation: whose invariants are broken */
        struct token_closed token, pruner;
        struct estate_subscription *subscriptions;
        size_t n_subscriptions;
};

void engine_wake(struct engine *engine) {
        if (!engine->started)
                return;
        reactor_schedule(engine->services.reactor, engine->run);
        engine->due.ns = MIN(engine->due.ns, clock_mono(engine->services.clock).ns);
}

void engine_add(struct engine *engine, struct operation *op) {
        DL_APPEND(engine->operations, op);
        engine->n_operations += !op->apart;
        op->subscription->n_operations += !op->apart;
        engine->turn = (size_t)(op->subscription - engine->subscriptions) + 1;
}

/* It ends, or is parked. */
static void engine_remove(struct engine *engine, struct operation *op) {
        DL_DELETE(engine->operations, op);
        engine->n_operations -= !op->apart;
        op->subscription->n_operations -= !op->apart;
}

bool subscription_has_room(const struct subscription *s) {
        size_t parallel = s->engine->file->parallel;

        return s->engine->n_operations < parallel && s->n_operations < parallel;
}

void engine_queue(struct engine *engine, struct operation *op) {
        op->runnable = true;
        op->wake = clock_mono(engine->services.clock);
        DL_APPEND(engine->waiting, op);
        engine_wake(engine);
}

/* Those that wait for room, in their order. */
static void engine_admit_waiting(struct engine *engine) {
        struct operation *op, *next;

        DL_FOREACH_SAFE (engine->waiting, op, next) {
                if (engine->n_operations >= engine->file->parallel)
                        return;
                if (!subscription_has_room(op->subscription))
                        continue;
                DL_DELETE(engine->waiting, op);
                engine_add(engine, op);
        }
}

struct utc engine_now(const struct engine *engine) {
        return arm_clock_now(&engine->arm_clock, clock_mono(engine->services.clock),
                             clock_utc(engine->services.clock));
}

bool engine_knows_time(const struct engine *engine) {
        const struct arm_clock *clock = &engine->arm_clock;

        return clock->set || (engine->clock.stands && !clock->has_candidate);
}

void engine_stands(const struct engine *engine, struct standing *ret_standing) {
        *ret_standing = (struct standing){
                .generations = engine->generations,
                .n_generations = engine->n_generations,
                .unselected = engine->state.unselected,
                .n_unselected = engine->state.n_unselected,
                .failures = engine->state.failures,
                .n_failures = engine->state.n_failures,
        };
}

struct mono engine_mono_of(const struct engine *engine, struct utc at, struct mono now) {
        int64_t ticks, ns;

        if (at.ticks == UTC_NEVER.ticks)
                return MONO_NEVER;
        ticks = at.ticks - engine_now(engine).ticks;
        if (__builtin_mul_overflow(ticks, NSEC_PER_TICK, &ns))
                return MONO_NEVER;
        return mono_add_ns(now, ns);
}

void engine_see_reply(struct engine *engine, const struct http_reply *reply, struct mono sent,
                      struct mono now) {
        struct utc date;

        if (arm_reply_date(reply, &date) == 0 &&
            !arm_clock_see(&engine->arm_clock, date, sent, now, clock_utc(engine->services.clock)))
                engine_doubt_clock(engine, date);
}

/*
 * One that waits for a moment gives its room to other subscriptions, until that has come: one that is told
 * to wait for an hour would have all of it. Returns whether it does now.
 */
static bool engine_rest(struct engine *engine, struct operation *op, struct mono now) {
        if (op->apart || op->runnable || now.ns >= op->wake.ns ||
            op->call.state == CALL_IN_FLIGHT || op->call.awaits_token)
                return false;
        op->resting = true;
        engine->n_operations--;
        engine->n_resting++;
        return true;
}

/* Whether it may go on. A sweep begins without room, too; and what is overdue ends, and asks for nothing. */
static bool engine_may_go_on(const struct engine *engine, const struct operation *op,
                             struct mono now) {
        return !op->resting || engine->n_operations < engine->file->parallel ||
               op == op->subscription->sweep || now.ns >= op->deadline.ns;
}

static void engine_end_rest(struct engine *engine, struct operation *op) {
        engine->n_operations += op->resting;
        engine->n_resting -= op->resting;
        op->resting = false;
}

/* Before anything new begins: what rests has a deadline, and would not come to its turn while others have
 * more to do. */
static void engine_end_rests(struct engine *engine, struct mono now) {
        struct operation *op;

        DL_FOREACH (engine->operations, op) {
                if (!op->resting || now.ns < op->wake.ns || !engine_may_go_on(engine, op, now))
                        continue;
                engine_end_rest(engine, op);
                op->runnable = true;
        }
}

/* Steps what can be stepped. An operation that has ended is told of, then freed. Returns whether any
 * has, since then there is room, or more to do. */
static bool engine_step(struct engine *engine, struct mono now) {
        struct operation *op, *next;
        bool ended = false;

        DL_FOREACH_SAFE (engine->operations, op, next) {
                enum op_verdict verdict = OP_CONTINUE;

                if ((!op->runnable && now.ns < op->wake.ns) || !engine_may_go_on(engine, op, now))
                        continue;
                engine_end_rest(engine, op);
                op->runnable = false;
                while (verdict == OP_CONTINUE)
                        verdict = op->ops->step(op, now);
                if (verdict == OP_AWAIT && !op->parked) {
                        ended |= engine_rest(engine, op, now);
                        continue;
                }
                if (op->parked) {
                        engine_remove(engine, op);
                        DL_APPEND(op->subscription->parked, op);
                        op->subscription->wanted_at.ns =
                                MIN(op->subscription->wanted_at.ns, op->wanted.ns);
                        ended = true;
                        continue;
                }

                arm_error_withhold(&op->error, op->call.bearer);
                op->ops->ended(op, now);
                engine_remove(engine, op);
                operation_free(op);
                ended = true;
        }
        return ended;
}

/* The moment that ends a pause, or MONO_NEVER. */
static struct mono engine_pause_end(const struct engine *engine, struct mono now) {
        if ((!engine->state.paused && !engine->state.paused_prune) || !engine_knows_time(engine))
                return MONO_NEVER;
        return engine_mono_of(engine, engine->state.paused_until, now);
}

/* The earliest moment at which something waits on the monotonic clock. */
static struct mono engine_next_wake(const struct engine *engine, struct mono now) {
        struct mono wake = engine_pause_end(engine, now);
        struct operation *op;

        /* Those for which there is no room go on when there is some, or end when they are overdue. */
        DL_FOREACH (engine->operations, op) {
                bool may = now.ns < op->wake.ns || engine_may_go_on(engine, op, now);

                wake.ns = MIN(wake.ns, may ? op->wake.ns : op->deadline.ns);
        }
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                wake.ns = MIN(wake.ns, subscription_next_wake(&engine->subscriptions[i], now).ns);
        if (engine->state_failing)
                wake.ns = MIN(wake.ns, engine->state_again.ns);
        return wake;
}

/* Nothing is under way, and nothing waits for a budget alone. */
static bool engine_is_settled(const struct engine *engine, struct mono now) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (engine->subscriptions[i].parked ||
                    engine->subscriptions[i].permit_at.ns != MONO_NEVER.ns)
                        return false;
        return engine->n_operations + engine->n_resting == 0 && !engine->waiting;
}

/* After a suspend the worlds are as old as another life's: what came due meanwhile may be done. After a
 * pause of everything, too. */
static void engine_slept(struct engine *engine, struct mono now) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_slept(&engine->subscriptions[i], now);
}

void engine_clock_stepped(struct engine *engine) {
        engine_slept(engine, clock_mono(engine->services.clock));
        engine_wake(engine);
}

static void engine_run(enum reactor_reason reason, void *data) {
        struct engine *engine = data;
        struct mono now = clock_mono(engine->services.clock);
        size_t first;
        bool ended;

        if (now.ns - ENGINE_GRACE_NS > engine->due.ns)
                engine_slept(engine, now);
        engine_step(engine, now);
        if (now.ns >= engine_pause_end(engine, now).ns)
                engine_settle(engine);
        if (engine->was_paused && !engine->state.paused)
                engine_slept(engine, now);
        engine->was_paused = engine->state.paused;
        engine_end_rests(engine, now);
        /* Who had room last has it last: one that always wants it is not to have what becomes free. */
        first = engine->turn;
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_tick(&engine->subscriptions[(first + i) % engine->n_subscriptions],
                                  now);
        engine_admit_waiting(engine);
        /* What was begun in this turn sends in this turn. */
        ended = engine_step(engine, now);
        engine_save(engine, now);

        engine->due = engine_next_wake(engine, now);
        reactor_arm_mono(engine->services.reactor, engine->run, engine->due);
        if (ended)
                engine_wake(engine);
        else if (engine_is_settled(engine, now) && engine->options.settled)
                engine->options.settled(engine->options.data);
}

static void engine_token_changed(void *data) {
        struct engine *engine = data;
        struct mono now = clock_mono(engine->services.clock);
        struct operation *op;

        DL_FOREACH (engine->operations, op) {
                /* Not those that wait out a failure. */
                if (op->call.state == CALL_WAITING && op->call.awaits_token) {
                        op->runnable = true;
                        op->wake.ns = MIN(op->wake.ns, now.ns);
                }
        }
        engine_wake(engine);
}

static int engine_add_tokens(struct engine *engine) {
        const struct engine_estate *estate = engine->options.estate;
        const struct policy_file *file = engine->file;
        struct token_options options = {
                .cloud = &file->cloud,
                .identity = &file->identity,
                .user_agent = engine->user_agent,
                .effect = file->two_identities ? "nothing can be read or created in Azure"
                                               : "nothing can be read or done in Azure",
                .changed = engine_token_changed,
                .data = engine,
        };
        int r;

        r = token_new(&engine->services, &options, &engine->token);
        if (r < 0)
                return r;
        if (estate)
                token_follow(engine->token, &estate->token);
        if (!file->two_identities) {
                engine->pruner = engine->token;
                return 0;
        }
        options.identity = &file->pruner;
        options.effect = "nothing can be deleted";
        r = token_new(&engine->services, &options, &engine->pruner);
        if (r == 0 && estate)
                token_follow(engine->pruner, &estate->pruner);
        return r;
}

/* What Azure has closed stays closed, and what was asked for counts on. A doubt ends with as many sweeps as it
 * lacks. */
static void engine_take_over(struct engine_estate *estate, struct subscription *s) {
        for (size_t i = 0; i < estate->n_subscriptions; i++) {
                struct estate_subscription *old = &estate->subscriptions[i];

                if (!old->budget || strcmp(old->id, s->id) != 0)
                        continue;
                budget_free(s->budget);
                s->budget = take_ptr(old->budget);
                budget_set_share(s->budget, subscription_share(s));
                s->listing = old->listing;
        }
}

static int engine_add_subscription(struct engine *engine, const char *id, size_t *capacity) {
        struct subscription *s;
        int r;

        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (strcmp(engine->subscriptions[i].id, id) == 0)
                        return 0;

        r = array_grow(&engine->subscriptions, engine->n_subscriptions, capacity,
                       sizeof(*engine->subscriptions), SUBSCRIPTIONS_MAX);
        if (r < 0)
                return r;

        s = &engine->subscriptions[engine->n_subscriptions];
        *s = (struct subscription){.engine = engine};
        stpcpy(s->id, id);
        engine->n_subscriptions++;
        r = subscription_init(s);
        if (r == 0 && engine->options.estate)
                engine_take_over(engine->options.estate, s);
        return r;
}

/* Every subscription that a target names, in the order of the file. */
static int engine_add_subscriptions(struct engine *engine) {
        size_t capacity = 0;
        int r;

        for (size_t t = 0; t < engine->file->n_targets; t++) {
                const struct target *target = &engine->file->targets[t];

                if (target->subscription) {
                        r = engine_add_subscription(engine, target->subscription, &capacity);
                        if (r < 0)
                                return r;
                }
                for (size_t i = 0; i < target->n_disks; i++) {
                        r = engine_add_subscription(engine, target->disks[i].subscription,
                                                    &capacity);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* A policy that was renamed has the targets that it had, and what was missing of them still is. */
static int take_over_fleets(struct engine *engine) {
        const struct policy_file *file = engine->file;

        for (size_t t = 0; t < file->n_targets; t++) {
                const struct policy *policy = &file->policies[file->targets[t].policy];

                for (size_t i = 0; i < policy->n_formerly; i++) {
                        char key[sizeof(engine->target_keys[t])];
                        int r;

                        r = target_key(file, t, policy->formerly[i], key);
                        if (r < 0)
                                return r;
                        state_fleet_rename(&engine->state, key, engine->target_keys[t]);
                }
        }
        return 0;
}

/* There is a state, and nobody can read it: deletions may have been paused by it, so they are now. A pause of
 * everything that could be read lasts as long as it would have. */
static void forget_state(struct engine *engine, int r) {
        const char *why = r == STATE_E_DAMAGED ? "is damaged"
                          : r == STATE_E_NEWER ? "is of a newer version"
                                               : strerrordesc_np(-r);

        engine->state.paused_prune = true;
        engine->state.paused_lost = true;
        if (!engine->state.paused)
                engine->state.paused_until = UTC_NEVER;
        engine->state.changed = true;
        log_tell(engine->services.log, LOG_LEVEL_WARNING, LOG_EVENT_STATE_FORGOTTEN,
                 "the state that was kept %s%s; acks are forgotten, freezes begin anew, and "
                 "deletions are paused until snapkeepctl resume%s",
                 r < 0 ? "cannot be read: " : "", why,
                 engine->state.paused ? "; the pause of everything goes on" : "");
}

/* Room for what stands, and what the state directory remembers of it. */
static int engine_init_standing(struct engine *engine) {
        const struct policy_file *file = engine->file;
        int r;

        engine->conditions = (struct conditions){
                .log = engine->services.log,
                .begun = engine->counts.doubts_begun,
                .ended = engine->counts.doubts_ended,
        };
        engine->policy_blocks = calloc(file->n_policies + 1, sizeof(*engine->policy_blocks));
        engine->policies = calloc(file->n_policies + 1, sizeof(*engine->policies));
        engine->rules = calloc(file->n_policies + 1, sizeof(*engine->rules));
        engine->target_blocks = calloc(file->n_targets + 1, sizeof(*engine->target_blocks));
        engine->targets_begun = calloc(file->n_targets + 1, sizeof(*engine->targets_begun));
        engine->target_keys = calloc(file->n_targets + 1, sizeof(*engine->target_keys));
        engine->found = calloc(file->n_targets + 1, sizeof(*engine->found));
        if (!engine->policy_blocks || !engine->policies || !engine->rules ||
            !engine->target_blocks || !engine->targets_begun || !engine->target_keys ||
            !engine->found)
                return -ENOMEM;

        for (size_t t = 0; t < file->n_targets; t++) {
                r = target_key(file, t, file->policies[file->targets[t].policy].name,
                               engine->target_keys[t]);
                if (r < 0)
                        return r;
        }

        if (engine->options.estate) {
                engine->state = engine->options.estate->state;
                engine->options.estate->state = (struct state){};
                engine->arm_clock = engine->options.estate->arm_clock;
                engine->clock = engine->options.estate->clock;
                engine->known = take_ptr(engine->options.estate->known);
                return take_over_fleets(engine);
        }
        r = state_load(engine->services.store, &engine->state);
        if (r == -ENOMEM)
                return r; /* the file is as it was: it is for the next start to read */
        if (r != 0)
                forget_state(engine, r);
        return take_over_fleets(engine);
}

int engine_new(const struct services *services, const struct policy_file *file,
               const struct engine_options *options, struct engine **ret_engine) {
        _cleanup_(engine_freep) struct engine *engine = calloc(1, sizeof(*engine));
        int r;

        if (!engine)
                return -ENOMEM;
        engine->services = *services;
        engine->file = file;
        engine->options = *options;

        if (asprintf(&engine->user_agent, "snapkeep/%s (%s)", options->version, file->owner) < 0) {
                engine->user_agent = NULL;
                return -ENOMEM;
        }
        r = engine_init_standing(engine);
        if (r < 0)
                return r;
        r = engine_add_subscriptions(engine);
        if (r < 0)
                return r;
        r = engine_add_tokens(engine);
        if (r < 0)
                return r;
        engine->options.estate = NULL; /* it may go */
        engine->due = MONO_NEVER;
        r = reactor_source_new(services->reactor, engine_run, engine, &engine->run);
        if (r < 0)
                return r;

        *ret_engine = take_ptr(engine);
        return 0;
}

/* Their requests in flight are forgotten, and what they cost is taken for spent. */
static void engine_drop_operations(struct engine *engine) {
        struct operation *op, *next;

        DL_FOREACH_SAFE (engine->operations, op, next) {
                DL_DELETE(engine->operations, op);
                operation_free(op);
        }
        DL_FOREACH_SAFE (engine->waiting, op, next) {
                DL_DELETE(engine->waiting, op);
                operation_free(op);
        }
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_drop_parked(&engine->subscriptions[i]);
}

static void known_free(struct known **hash, struct known *known) {
        HASH_DEL(*hash, known);
        free(known->retired);
        free(known);
}

/* Only an invariant that is broken is so until a restart. */
static struct known *leave_known(struct engine *engine) {
        struct known *known, *next;

        HASH_ITER (hh, engine->known, known, next) {
                if (!known->internal) {
                        known_free(&engine->known, known);
                        continue;
                }
                free(known->retired);
                known->retired = NULL;
                known->n_retired = 0;
                known->refused = known->keyless = false;
        }
        return take_ptr(engine->known);
}

void engine_tell_unfinished(const struct engine *engine, const char *why) {
        engine_leave_retirements(engine, why);
        engine_leave_orders(engine, why);
}

struct engine_estate *engine_leave(struct engine *engine) {
        _cleanup_(engine_estate_freep) struct engine_estate *estate = NULL;

        engine_tell_unfinished(engine, "the policy is reloaded");
        estate = calloc(1, sizeof(*estate));
        if (!estate)
                return NULL;
        estate->subscriptions = calloc(engine->n_subscriptions + 1, sizeof(*estate->subscriptions));
        if (!estate->subscriptions)
                return NULL;

        engine_drop_operations(engine);
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];
                struct estate_subscription *left = &estate->subscriptions[i];

                stpcpy(left->id, s->id);
                left->budget = take_ptr(s->budget);
                left->listing = s->listing;
        }
        estate->n_subscriptions = engine->n_subscriptions;
        estate->known = leave_known(engine);
        token_leave(engine->token, &estate->token);
        token_leave(engine->pruner, &estate->pruner);
        estate->arm_clock = engine->arm_clock;
        estate->clock = engine->clock;
        estate->state = engine->state;
        engine->state = (struct state){};
        return take_ptr(estate);
}

struct engine_estate *engine_estate_free(struct engine_estate *estate) {
        struct known *known, *next;

        if (!estate)
                return NULL;
        for (size_t i = 0; i < estate->n_subscriptions; i++)
                budget_free(estate->subscriptions[i].budget);
        free(estate->subscriptions);
        HASH_ITER (hh, estate->known, known, next)
                known_free(&estate->known, known);
        state_deinit(&estate->state);
        free(estate);
        return NULL;
}

struct engine *engine_free(struct engine *engine) {
        struct known *known, *following;

        if (!engine)
                return NULL;

        engine_drop_operations(engine);
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_deinit(&engine->subscriptions[i]);
        free(engine->subscriptions);
        HASH_ITER (hh, engine->known, known, following)
                known_free(&engine->known, known);
        engine_forget_applied(engine);
        orders_deinit(engine);
        conditions_deinit(&engine->conditions);
        state_deinit(&engine->state);
        free(engine->policy_blocks);
        free(engine->policies);
        free(engine->rules);
        for (size_t i = 0; i < engine->n_zones; i++)
                zone_free(engine->zones[i]);
        free(engine->zones);
        free(engine->target_blocks);
        free(engine->targets_begun);
        free(engine->target_keys);
        free(engine->found);
        free(engine->generations);
        if (engine->pruner != engine->token)
                token_free(engine->pruner);
        token_free(engine->token);
        reactor_source_free(engine->services.reactor, engine->run);
        free(engine->user_agent);
        free(engine);
        return NULL;
}

void engine_start(struct engine *engine) {
        engine->started = true;
        engine_wake(engine);
}

bool engine_gets_on(const struct engine *engine) {
        struct mono now = clock_mono(engine->services.clock);
        const struct operation *op;

        DL_FOREACH (engine->operations, op) {
                if (now.ns - ENGINE_GRACE_NS > op->deadline.ns)
                        return false;
        }
        return !engine->started || now.ns - ENGINE_GRACE_NS <= engine->due.ns;
}

bool engine_is_forgetful(const struct engine *engine) {
        return engine->state_failing;
}

const struct engine_counts *engine_counts(const struct engine *engine) {
        return &engine->counts;
}

bool engine_is_well(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                if (!s->world || !s->plan || s->failing || s->n_told > 0 ||
                    world_unread(s->world)->lacks_disk)
                        return false;
        }
        return true;
}

bool engine_leaves_due(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                for (size_t a = 0; plan && a < plan->n_actions; a++)
                        if (plan->actions[a].kind == ACTION_CREATE &&
                            (plan->actions[a].blocked & (BLOCK_FULL | BLOCK_BURST)))
                                return true;
        }
        return false;
}

/* "12 s", "12 min", "12 h", "12 d": rounded down, as ages are told. */
static void append_age(int64_t seconds, struct strbuf *out) {
        if (seconds < 120)
                strbuf_appendf(out, "%lld s", (long long)MAX(seconds, 0));
        else if (seconds < 2 * 3600)
                strbuf_appendf(out, "%lld min", (long long)seconds / 60);
        else if (seconds < 2 * SEC_PER_DAY)
                strbuf_appendf(out, "%lld h", (long long)seconds / 3600);
        else
                strbuf_appendf(out, "%lld d", (long long)(seconds / SEC_PER_DAY));
}

/* The time of day alone where it is within a day: "14:00Z". */
static void append_soon(struct utc at, struct utc now, struct strbuf *out) {
        char text[UTC_TEXT_SIZE];

        utc_format(utc_from_seconds(utc_seconds(at)), text);
        if (at.ticks < utc_add_seconds(now, SEC_PER_DAY).ticks)
                strbuf_appendf(out, "%.5sZ", strchr(text, 'T') + 1);
        else
                strbuf_append_str(out, text);
}

void engine_summary(const struct engine *engine, struct strbuf *out) {
        const struct series_state *soonest = NULL, *late = NULL, *before = NULL;
        struct utc now = engine_now(engine), newest = UTC_NONE;
        size_t n_disks = 0, n_gone = 0, n_late = 0, n_unread = 0;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                n_unread += !plan;
                for (size_t j = 0; plan && j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];

                        /* The series of a disk stand together. */
                        if (!before || strcmp(before->generation, series->generation) != 0) {
                                n_disks += !series->gone;
                                n_gone += series->gone;
                        }
                        before = series;
                        newest.ticks = MAX(newest.ticks, series->newest.ticks);
                        if (!soonest || series->next.ticks < soonest->next.ticks)
                                soonest = series;
                        n_late += series->late;
                        if (series->late && !late)
                                late = series;
                }
        }

        strbuf_appendf(out, "%zu disk%s", n_disks, n_disks == 1 ? "" : "s");
        if (n_gone > 0)
                strbuf_appendf(out, ", %zu gone", n_gone);
        if (n_unread > 0)
                strbuf_appendf(out, ", %zu of %zu subscription%s not read yet", n_unread,
                               engine->n_subscriptions, engine->n_subscriptions == 1 ? "" : "s");
        if (utc_is_set(newest)) {
                strbuf_append_str(out, ", newest ");
                append_age(utc_seconds(now) - utc_seconds(newest), out);
        }
        if (engine->state.paused)
                strbuf_append_str(out, ", everything is paused");
        else if (soonest && soonest->next.ticks != UTC_NEVER.ticks) {
                strbuf_appendf(out, ", next %s ", soonest->disk.name);
                append_soon(soonest->next, now, out);
        }
        if (late)
                strbuf_appendf(out, "; %zu late: %s%s", n_late, late->disk.name,
                               n_late > 1 ? ", …" : "");
}

size_t engine_n_subscriptions(const struct engine *engine) {
        return engine->n_subscriptions;
}

const struct plan *engine_plan(const struct engine *engine, size_t i) {
        return engine->subscriptions[i].plan;
}

bool engine_unreadable(const struct engine *engine, size_t i, const char **ret_id,
                       const char **ret_why) {
        const struct subscription *s = &engine->subscriptions[i];

        *ret_id = s->id;
        *ret_why = s->unreadable ?: "";
        return s->failing;
}

const struct world_unread *engine_unread(const struct engine *engine, size_t i) {
        const struct world *world = engine->subscriptions[i].world;

        return world ? world_unread(world) : NULL;
}

bool engine_view(const struct engine *engine, size_t i, struct world_view *ret_view) {
        if (!engine->subscriptions[i].world)
                return false;
        *ret_view = world_view(engine->subscriptions[i].world);
        return true;
}
