/*
 * The engine's turns: which operations go on, which rest or wait for room, and when the next turn is to be.
 * What a subscription begins in a turn is round.c.
 */
#include "engine/engine-internal.h"

#include <utlist.h>

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

bool subscription_has_room(const struct subscription *s, size_t beside) {
        size_t parallel = s->engine->file->parallel;

        return s->engine->n_operations < parallel && s->n_operations - beside < parallel;
}

void engine_queue(struct engine *engine, struct operation *op) {
        op->runnable = true;
        op->wake = clock_mono(engine->services.clock);
        DL_APPEND(engine->waiting, op);
        engine_wake(engine);
}

/* Those that wait for room, in their order: none of them deletes. */
static void engine_admit_waiting(struct engine *engine) {
        struct operation *op, *next;

        DL_FOREACH_SAFE (engine->waiting, op, next) {
                if (engine->n_operations >= engine->file->parallel)
                        return;
                if (!subscription_has_room(op->subscription, op->subscription->deleting))
                        continue;
                DL_DELETE(engine->waiting, op);
                engine_add(engine, op);
        }
}

/* Whether it waits for the token that everybody waits for: in its room nothing else could go. */
static bool awaits_common_token(const struct engine *engine, const struct operation *op) {
        return op->call.awaits_token && op->token == engine->token;
}

/*
 * One that waits for a moment gives its room to other subscriptions, until that has come: one that is told
 * to wait for an hour would have all of it. So does what waits for the token of deletions alone, which may
 * take minutes to fail. Returns whether it does now.
 */
static bool engine_rest(struct engine *engine, struct operation *op, struct mono now) {
        if (op->apart || op->runnable || now.ns >= op->wake.ns ||
            op->call.state == CALL_IN_FLIGHT || awaits_common_token(engine, op))
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

/* Whether something waits for a budget alone. A subscription that could not be read and is to be let alone has failed
 * as any other: that its next try waits for Azure's word, an hour maybe, keeps no round from being over. */
static bool waits_for_budget(const struct subscription *s, struct mono now) {
        return s->permit_at.ns != MONO_NEVER.ns &&
               !(s->failing && now.ns < budget_closed_until(s->budget, NULL).ns);
}

/* Nothing is under way, and nothing waits for a budget alone. */
static bool engine_is_settled(const struct engine *engine, struct mono now) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (engine->subscriptions[i].parked ||
                    waits_for_budget(&engine->subscriptions[i], now))
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

void engine_run(enum reactor_reason reason, void *data) {
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

void engine_token_changed(void *data) {
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
