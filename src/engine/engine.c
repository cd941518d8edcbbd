/*
 * An engine from its beginning to its end, with what it takes over from the one before it and leaves to the
 * one that follows; and what time it has.
 */
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

struct utc engine_now(const struct engine *engine) {
        return arm_clock_now(&engine->arm_clock, clock_mono(engine->services.clock),
                             clock_utc(engine->services.clock));
}

bool engine_knows_time(const struct engine *engine) {
        const struct arm_clock *clock = &engine->arm_clock;

        return clock->set || (engine->clock.stands && !clock->has_candidate);
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
 * everything that could be read lasts as long as it would have. The file itself stays, for whoever can read it
 * later. */
static void forget_state(struct engine *engine, int r) {
        char aside[STATE_UNREAD_NAME_SIZE], kept[160] = "";
        const char *why = r == STATE_E_DAMAGED ? "is damaged"
                          : r == STATE_E_NEWER ? "is of a newer version"
                          : r == STATE_E_ASIDE ? "was set aside when it could not be read, and no "
                                                 "other was written since"
                                               : strerrordesc_np(-r);
        int r_aside;

        engine->state.paused_prune = true;
        engine->state.paused_lost = true;
        if (!engine->state.paused)
                engine->state.paused_until = UTC_NEVER;
        engine->state.changed = true;
        r_aside = state_set_aside(&engine->state, engine->services.store, aside);
        if (r_aside < 0)
                snprintf(kept, sizeof(kept),
                         "; it stays as it is, and nothing is written before it can be kept under "
                         "another name (%s)",
                         strerrordesc_np(-r_aside));
        else if (aside[0])
                snprintf(kept, sizeof(kept), "; it is kept as %s", aside);
        log_tell(engine->services.log, LOG_LEVEL_WARNING, LOG_EVENT_STATE_FORGOTTEN,
                 "the state that was kept %s%s; acks are forgotten, freezes begin anew, and "
                 "deletions are paused until snapkeepctl resume%s%s",
                 r < 0 ? "cannot be read: " : "", why, kept,
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
