#include "engine/engine.h"

#include "base/array.h"
#include "base/intern.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Chosen: ceiling of subscriptions in one policy file. */
#define SUBSCRIPTIONS_MAX 1000

void engine_wake(struct engine *engine) {
        if (engine->started)
                reactor_schedule(engine->services.reactor, engine->run);
}

void subscription_close(struct subscription *s, struct mono until) {
        if (until.ns > s->closed_until.ns)
                s->closed_until = until;
}

struct memory *subscription_memory(struct subscription *s, const struct action *action) {
        char key[16 + GUID_TEXT_SIZE + RESOURCE_GROUP_MAX + SNAPSHOT_NAME_SIZE + 3];
        struct memory *memory;
        size_t len;

        len = (size_t)snprintf(key, sizeof(key), "%s %s/%s",
                               action->kind == ACTION_CREATE ? "create" : "delete", action->group,
                               action->name);
        HASH_FIND(hh, s->memories, key, len, memory);
        if (memory)
                return memory;

        memory = calloc(1, sizeof(*memory) + len + 1);
        if (!memory)
                return NULL;
        memcpy(memory->key, key, len + 1);
        HASH_ADD_KEYPTR(hh, s->memories, memory->key, len, memory);
        if (!memory->hh.tbl) {
                free(memory);
                return NULL;
        }
        return memory;
}

/* Forgets what is neither running nor waiting: the world speaks for it. */
static void subscription_forget_old(struct subscription *s, struct mono now) {
        struct memory *memory, *next;

        HASH_ITER (hh, s->memories, memory, next) {
                if (memory->running || memory->done || memory->told ||
                    now.ns < memory->not_before.ns)
                        continue;
                HASH_DEL(s->memories, memory);
                free(memory);
        }
}

void subscription_take_world(struct subscription *s, struct world *world, struct mono begin) {
        struct memory *memory, *next;

        if (s->failing)
                log_say(s->engine->services.log, LOG_LEVEL_NOTICE,
                        "subscription %s can be read again, after %u failures", s->id,
                        s->backoff.failures);
        s->failing = false;
        backoff_reset(&s->backoff);

        /* Nothing was under way while it was read: what was done before is in it, or to be seen. */
        HASH_ITER (hh, s->memories, memory, next)
                memory->done = false;

        s->plan = plan_free(s->plan);
        world_free(s->world);
        s->world = world;
        s->touched = false;
        s->may_delete = true;
        s->next_sweep = mono_add_ns(begin, ENGINE_SWEEP_S * NSEC_PER_SEC);
}

void subscription_sweep_failed(struct subscription *s, struct mono now) {
        s->failing = true;
        s->may_delete = false;
        s->sweep_again = backoff_next(&s->backoff, BACKOFF_ITEM_FIRST_NS, BACKOFF_ITEM_CAP_NS, -1,
                                      s->engine->services.random, now);
}

static void engine_add(struct engine *engine, struct operation *op) {
        DL_APPEND(engine->operations, op);
        engine->n_operations++;
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

/* Whether the world is to be read before anything else is done, and could be now. */
static bool sweep_is_wanted(const struct subscription *s, struct mono now) {
        return !s->world || s->touched || now.ns >= s->next_sweep.ns;
}

static void subscription_plan(struct subscription *s, struct mono now) {
        struct world_view view = world_view(s->world);
        struct engine *engine = s->engine;
        int r;

        r = planner_run(engine->file, &view, clock_utc(engine->services.clock), &s->plan);
        if (r < 0) {
                log_say(engine->services.log, LOG_LEVEL_WARNING,
                        "subscription %s cannot be planned: %s, will try again at the next sweep",
                        s->id, strerrordesc_np(-r));
                return;
        }
        report_findings(s);

        /* What is under way is looked for again before long: it is no backup until it is complete. */
        for (size_t i = 0; i < s->plan->n_series; i++)
                if (s->plan->series[i].underway > 0)
                        s->next_sweep.ns =
                                MIN(s->next_sweep.ns,
                                    mono_add_ns(now, ENGINE_LOOK_AGAIN_S * NSEC_PER_SEC).ns);
}

/* Begins the action unless it is under way or waiting for its time. Returns whether it began. */
static bool subscription_admit(struct subscription *s, const struct action *action,
                               struct mono now) {
        struct memory *memory = subscription_memory(s, action);
        struct operation *op;
        int r;

        if (!memory || memory->running || memory->done || now.ns < memory->not_before.ns)
                return false;

        r = action->kind == ACTION_CREATE ? snapshot_new(s->engine, s, action, now, &op)
                                          : prune_new(s->engine, s, action, now, &op);
        if (r < 0)
                return false;

        memory->running = true;
        memory->not_before = now;
        s->running++;
        if (action->kind == ACTION_CREATE)
                s->touched = true;
        engine_add(s->engine, op);
        return true;
}

/* Admits what the plan holds of one kind, as far as there is room. Returns whether any of the kind
 * began, is under way, or waits for room. */
static bool subscription_admit_kind(struct subscription *s, enum action_kind kind,
                                    struct mono now) {
        bool busy = false;

        for (size_t i = 0; i < s->plan->n_actions; i++) {
                const struct action *action = &s->plan->actions[i];
                struct memory *memory;

                if (action->kind != kind)
                        continue;
                memory = subscription_memory(s, action);
                if (!memory || memory->done || (!memory->running && now.ns < memory->not_before.ns))
                        continue;
                busy = true;
                if (s->engine->n_operations >= s->engine->file->parallel)
                        break;
                subscription_admit(s, action, now);
        }
        return busy;
}

/*
 * The next thing that is missing. Creates come before deletes, and deletes are admitted from a world
 * that was read whole and that no create of ours has changed since.
 */
static void subscription_tick(struct subscription *s, struct mono now) {
        if (s->sweep || now.ns < s->closed_until.ns)
                return;

        if (s->world && !s->plan)
                subscription_plan(s, now);

        if (s->plan && now.ns < s->next_sweep.ns && !s->engine->options.look_only &&
            subscription_admit_kind(s, ACTION_CREATE, now))
                return;

        if (sweep_is_wanted(s, now)) {
                if (s->running == 0 && now.ns >= s->sweep_again.ns)
                        subscription_begin_sweep(s, now);
                return;
        }

        if (s->plan && s->may_delete && !s->engine->options.look_only)
                subscription_admit_kind(s, ACTION_DELETE, now);
}

/* Steps what can be stepped. An operation that has ended is told of, then freed. Returns whether any
 * has, since then there is room, or more to do. */
static bool engine_step(struct engine *engine, struct mono now) {
        struct operation *op, *next;
        bool ended = false;

        DL_FOREACH_SAFE (engine->operations, op, next) {
                enum op_verdict verdict = OP_CONTINUE;

                if (!op->runnable && now.ns < op->wake.ns)
                        continue;
                op->runnable = false;
                while (verdict == OP_CONTINUE)
                        verdict = op->ops->step(op, now);
                if (verdict == OP_AWAIT)
                        continue;

                arm_error_withhold(&op->error, op->call.bearer);
                op->ops->ended(op, now);
                DL_DELETE(engine->operations, op);
                engine->n_operations--;
                operation_free(op);
                ended = true;
        }
        return ended;
}

/* The earliest moment at which something waits on the monotonic clock. */
static struct mono engine_next_wake(const struct engine *engine, struct mono now) {
        struct mono wake = MONO_NEVER;
        struct operation *op;

        DL_FOREACH (engine->operations, op) {
                wake.ns = MIN(wake.ns, op->wake.ns);
        }
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];
                struct memory *memory, *next;

                if (s->sweep)
                        continue;
                if (now.ns < s->closed_until.ns) {
                        wake.ns = MIN(wake.ns, s->closed_until.ns);
                        continue;
                }
                if (s->running == 0)
                        wake.ns = MIN(wake.ns, sweep_is_wanted(s, now) ? s->sweep_again.ns
                                                                       : s->next_sweep.ns);
                HASH_ITER (hh, s->memories, memory, next) {
                        if (!memory->running && memory->told && memory->not_before.ns > now.ns)
                                wake.ns = MIN(wake.ns, memory->not_before.ns);
                }
        }
        return wake;
}

/* Slots are instants of the wall clock; what is due by then is planned then. */
static void engine_arm_slots(struct engine *engine) {
        struct utc next = UTC_NEVER;

        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (engine->subscriptions[i].plan)
                        next.ticks = MIN(next.ticks, engine->subscriptions[i].plan->next.ticks);
        reactor_arm_utc(engine->services.reactor, engine->slots, next);
}

/* Nothing is under way, and nothing waits for a throttled scope alone. */
static bool engine_is_settled(const struct engine *engine, struct mono now) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (now.ns < engine->subscriptions[i].closed_until.ns)
                        return false;
        return engine->n_operations == 0;
}

static void engine_run(enum reactor_reason reason, void *data) {
        struct engine *engine = data;
        struct mono now = clock_mono(engine->services.clock);
        bool ended;

        engine_step(engine, now);
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];

                subscription_forget_old(s, now);
                subscription_tick(s, now);
        }
        /* What was begun in this turn sends in this turn. */
        ended = engine_step(engine, now);

        reactor_arm_mono(engine->services.reactor, engine->run, engine_next_wake(engine, now));
        engine_arm_slots(engine);
        if (ended)
                engine_wake(engine);
        else if (engine_is_settled(engine, now) && engine->options.settled)
                engine->options.settled(engine->options.data);
}

/* A slot has come, or the wall clock was stepped: plans are made anew of the worlds that are there. */
static void engine_slots(enum reactor_reason reason, void *data) {
        struct engine *engine = data;
        struct utc now = clock_utc(engine->services.clock);

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];

                if (!s->plan ||
                    (reason != REACTOR_CLOCK_CHANGED && s->plan->next.ticks > now.ticks))
                        continue;
                s->plan = plan_free(s->plan);
                s->may_delete = false;
        }
        if (reason == REACTOR_CLOCK_CHANGED)
                log_say(engine->services.log, LOG_LEVEL_NOTICE,
                        "the wall clock was stepped, slots are planned anew");
        engine_wake(engine);
}

static void engine_token_changed(void *data) {
        struct engine *engine = data;
        struct mono now = clock_mono(engine->services.clock);
        struct operation *op;

        DL_FOREACH (engine->operations, op) {
                if (op->call.state == CALL_WAITING) {
                        op->runnable = true;
                        op->wake.ns = MIN(op->wake.ns, now.ns);
                }
        }
        engine_wake(engine);
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

        s = &engine->subscriptions[engine->n_subscriptions++];
        *s = (struct subscription){.engine = engine};
        stpcpy(s->id, id);
        return 0;
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
        r = engine_add_subscriptions(engine);
        if (r < 0)
                return r;
        r = token_new(&engine->services, &file->cloud, &file->identity, engine->user_agent,
                      engine_token_changed, engine, &engine->token);
        if (r < 0)
                return r;
        r = reactor_source_new(services->reactor, engine_run, engine, &engine->run);
        if (r < 0)
                return r;
        r = reactor_source_new(services->reactor, engine_slots, engine, &engine->slots);
        if (r < 0)
                return r;

        *ret_engine = take_ptr(engine);
        return 0;
}

struct engine *engine_free(struct engine *engine) {
        struct operation *op, *next;

        if (!engine)
                return NULL;

        DL_FOREACH_SAFE (engine->operations, op, next) {
                DL_DELETE(engine->operations, op);
                operation_free(op);
        }
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];
                struct memory *memory, *following;

                HASH_ITER (hh, s->memories, memory, following) {
                        HASH_DEL(s->memories, memory);
                        free(memory);
                }
                plan_free(s->plan);
                world_free(s->world);
                free(s->findings_told);
        }
        free(engine->subscriptions);
        token_free(engine->token);
        reactor_source_free(engine->services.reactor, engine->run);
        reactor_source_free(engine->services.reactor, engine->slots);
        free(engine->user_agent);
        free(engine);
        return NULL;
}

void engine_start(struct engine *engine) {
        engine->started = true;
        engine_wake(engine);
}

const struct engine_counts *engine_counts(const struct engine *engine) {
        return &engine->counts;
}

bool engine_is_well(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];
                struct memory *memory, *next;

                if (!s->world || !s->plan || s->failing)
                        return false;
                HASH_ITER (hh, s->memories, memory, next) {
                        if (memory->told)
                                return false;
                }
        }
        return true;
}

void engine_summary(const struct engine *engine, struct strbuf *out) {
        struct utc now = clock_utc(engine->services.clock), newest = UTC_NONE;
        const struct series_state *soonest = NULL;
        size_t n_series = 0, n_unread = 0;
        char next[UTC_TEXT_SIZE];

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                n_unread += !plan;
                for (size_t j = 0; plan && j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];

                        n_series++;
                        newest.ticks = MAX(newest.ticks, series->newest.ticks);
                        if (!soonest || series->next.ticks < soonest->next.ticks)
                                soonest = series;
                }
        }

        strbuf_appendf(out, "%zu series", n_series);
        if (n_unread > 0)
                strbuf_appendf(out, ", %zu of %zu subscriptions not read yet", n_unread,
                               engine->n_subscriptions);
        if (utc_is_set(newest))
                strbuf_appendf(out, ", newest %lld s ago",
                               (long long)(utc_seconds(now) - utc_seconds(newest)));
        if (soonest && soonest->next.ticks != UTC_NEVER.ticks)
                strbuf_appendf(out, ", next %s %s", soonest->disk.name,
                               utc_format(soonest->next, next));
}

size_t engine_n_subscriptions(const struct engine *engine) {
        return engine->n_subscriptions;
}

const struct plan *engine_plan(const struct engine *engine, size_t i) {
        return engine->subscriptions[i].plan;
}

bool engine_view(const struct engine *engine, size_t i, struct world_view *ret_view) {
        if (!engine->subscriptions[i].world)
                return false;
        *ret_view = world_view(engine->subscriptions[i].world);
        return true;
}
