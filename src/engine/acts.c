/*
 * What stands, for people, and what they say to it: ack, apply, pause.
 */
#include "base/sha256.h"
#include "core/retention.h"
#include "core/series.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int engine_question_hash(const struct engine *engine, const char *kind, const char *scope,
                         const char *detail, char ret_hash[static ENGINE_HASH_SIZE]) {
        const char *fields[] = {engine->file->owner, kind, scope, detail};
        uint8_t digest[SHA256_SIZE];
        int r;

        r = sha256_fields(fields, ARRAY_SIZE(fields), digest);
        if (r < 0)
                return r;
        for (size_t i = 0; i < (ENGINE_HASH_SIZE - 1) / 2; i++)
                sprintf(&ret_hash[2 * i], "%02x", digest[i]);
        return 0;
}

/* Tells one, whose condition among @conditions has this key; @hash may be empty. */
static void tell_keyed(const struct engine *engine, const struct conditions *conditions,
                       const char *key, engine_doubt_fn fn, void *data, uint32_t bit,
                       const char *scope, const char *reason, const char *hash) {
        struct engine_doubt doubt = {
                .bit = bit,
                .scope = scope,
                .reason = reason,
                .hash = hash && hash[0] ? hash : NULL,
        };

        doubt.since = condition_since(conditions, key);
        if (bit < DOUBT_BIT(_DOUBT_N))
                doubt.end = doubt_end((enum doubt)__builtin_ctz(bit));
        else if (bit == BLOCK_ASK)
                doubt.end = "ends with an ack";
        else
                doubt.end = engine->state.paused_until.ticks == UTC_NEVER.ticks ||
                                            (bit == BLOCK_PAUSED && engine->state.paused_lost)
                                    ? "ends with resume"
                                    : "ends then, or with resume";
        fn(&doubt, data);
}

/* The same for what is wider than a series. */
static void tell(const struct engine *engine, engine_doubt_fn fn, void *data, uint32_t bit,
                 const char *scope, const char *reason, const char *hash) {
        _cleanup_(strbuf_deinit) struct strbuf key = {};

        doubt_key(bit, scope, &key);
        tell_keyed(engine, &engine->conditions, strbuf_str(&key), fn, data, bit, scope, reason,
                   hash);
}

/*
 * Folds what a question is about into one number, whatever the order: so many of them may be as there are
 * snapshots. No secret, and nobody's to choose: by chance two sets are the same once in 2^64.
 */
static uint64_t fold(uint64_t sum, const void *bytes, size_t len) {
        const unsigned char *at = bytes;
        uint64_t one = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < len; i++)
                one = (one ^ at[i]) * UINT64_C(0x100000001b3);
        one = (one ^ (one >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        return sum + (one ^ (one >> 31));
}

/* The very deletions that doubt mass counts: as many others are another question. */
static uint64_t fold_deletions(const struct engine *engine, size_t p) {
        uint64_t sum = 0;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                for (size_t j = 0; plan && j < plan->n_actions; j++) {
                        const struct action *action = &plan->actions[j];

                        if (action->kind == ACTION_DELETE && action->policy == p &&
                            !action->retired && !action->failed)
                                sum = fold(sum, &action->unique_id, sizeof(action->unique_id));
                }
        }
        return sum;
}

/* The very disks that the target has. */
static uint64_t fold_disks(const struct engine *engine, size_t t) {
        uint64_t sum = 0;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                for (size_t j = 0; plan && j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];

                        for (size_t k = 0; !series->gone && k < series->n_targets; k++)
                                if (plan->selectors[series->first_target + k] == t)
                                        sum = fold(sum, series->generation,
                                                   strlen(series->generation));
                }
        }
        return sum;
}

static void policy_hash(const struct engine *engine, size_t p, enum doubt doubt,
                        char ret_hash[static ENGINE_HASH_SIZE]) {
        const struct policy *policy = &engine->file->policies[p];
        _cleanup_(strbuf_deinit) struct strbuf detail = {};
        const char *kind = "ask";

        ret_hash[0] = '\0';
        if (doubt == DOUBT_POLICY) {
                kind = "policy";
                keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, &detail);
        } else if (doubt == DOUBT_MASS) {
                kind = "mass";
                strbuf_appendf(&detail, "%zu %016llx", engine->policies[p].tally.deletes,
                               (unsigned long long)fold_deletions(engine, p));
        }
        if (detail.error ||
            engine_question_hash(engine, kind, policy->name, strbuf_str(&detail), ret_hash) < 0)
                ret_hash[0] = '\0';
}

static void target_hash(const struct engine *engine, size_t t,
                        char ret_hash[static ENGINE_HASH_SIZE]) {
        char found[40];

        /* Who accepts what nobody has counted would accept whatever comes to light. */
        ret_hash[0] = '\0';
        if (!target_is_read(engine, &engine->file->targets[t]))
                return;
        snprintf(found, sizeof(found), "%u %016llx", engine->found[t],
                 (unsigned long long)fold_disks(engine, t));
        if (engine_question_hash(engine, "targets", engine->target_keys[t], found, ret_hash) < 0)
                ret_hash[0] = '\0';
}

static void policy_doubts(const struct engine *engine, size_t p, engine_doubt_fn fn, void *data) {
        const struct policy *policy = &engine->file->policies[p];
        const struct policy_standing *standing = &engine->policies[p];
        char scope[sizeof("policy ") + POLICY_NAME_MAX], reason[200], hash[ENGINE_HASH_SIZE];

        snprintf(scope, sizeof(scope), "policy %s", policy->name);
        if (engine->policy_blocks[p] & DOUBT_BIT(DOUBT_POLICY)) {
                if (standing->hidden)
                        snprintf(reason, sizeof(reason),
                                 "its keep is another than the rule accepted before, and not all "
                                 "of the snapshots that it had are listed, but %zu",
                                 standing->tally.listed);
                else
                        snprintf(reason, sizeof(reason),
                                 "its keep would within 30 days delete %zu of %zu snapshots that "
                                 "the rule accepted before keeps, %s %u percent",
                                 standing->tally.beyond, standing->tally.complete,
                                 doubt_policy_stands(&standing->tally, policy->max_delete_percent)
                                         ? "more than"
                                         : "which was more than",
                                 policy->max_delete_percent);
                policy_hash(engine, p, DOUBT_POLICY, hash);
                tell(engine, fn, data, DOUBT_BIT(DOUBT_POLICY), scope, reason, hash);
        }
        if (engine->policy_blocks[p] & DOUBT_BIT(DOUBT_MASS)) {
                snprintf(reason, sizeof(reason),
                         "%zu deletions are planned after %zu within a day, in which it gained %zu "
                         "of %zu snapshots",
                         standing->tally.deletes, standing->deleted, standing->tally.gained,
                         standing->tally.complete);
                policy_hash(engine, p, DOUBT_MASS, hash);
                tell(engine, fn, data, DOUBT_BIT(DOUBT_MASS), scope, reason, hash);
        }
        if (engine->policy_blocks[p] & BLOCK_ASK) {
                snprintf(reason, sizeof(reason), "its first deletions, %zu, wait for an answer",
                         standing->tally.deletes + standing->tally.failures);
                policy_hash(engine, p, _DOUBT_N, hash);
                tell(engine, fn, data, BLOCK_ASK, scope, reason, hash);
        }
}

static void target_doubt(const struct engine *engine, size_t t, engine_doubt_fn fn, void *data) {
        const struct target *target = &engine->file->targets[t];
        const struct fleet *fleet = engine_fleet(engine, t);
        const char *many = engine->found[t] == 1 ? "" : "s";
        char scope[sizeof("targets[4294967295] of policy ") + POLICY_NAME_MAX], reason[200];
        char hash[ENGINE_HASH_SIZE];

        if (!(engine->target_blocks[t] & DOUBT_BIT(DOUBT_TARGETS)))
                return;

        snprintf(scope, sizeof(scope), "targets[%zu] of policy %s", t,
                 engine->file->policies[target->policy].name);
        if (!target_is_read(engine, target))
                snprintf(reason, sizeof(reason),
                         "disks were missing, and they cannot be counted, nor what is left of them "
                         "be accepted, before all of its subscriptions are read");
        else if (!target_is_whole(engine, target))
                snprintf(reason, sizeof(reason),
                         "it finds %u disk%s, fewer than it should, and others of its "
                         "subscriptions cannot be read",
                         engine->found[t], many);
        else if (fleet && fleet->missing_from > 0)
                snprintf(reason, sizeof(reason),
                         "it finds %u disk%s, and found %u within 7 days before", engine->found[t],
                         many, fleet->missing_from);
        else
                snprintf(reason, sizeof(reason), "it finds %u disk%s and expects %u or more",
                         engine->found[t], many, target->expect);
        target_hash(engine, t, hash);
        tell(engine, fn, data, DOUBT_BIT(DOUBT_TARGETS), scope, reason, hash);
}

/* That for a lost state stands beside any other. Who finds it is to know that nobody asked for it, and what he
 * ends. */
static void pauses(const struct engine *engine, engine_doubt_fn fn, void *data) {
        const struct state *state = &engine->state;
        const char *restart = "";
        char reason[200], until[UTC_TEXT_SIZE];

        /* Who is to rely on it is to know. */
        if (!engine->services.store)
                restart = ", or until a restart, since there is no state directory";
        else if (state->pause_unsaved && engine->state_failing)
                restart = ", or until a restart, since the state cannot be written";
        if (state->paused || (state->paused_prune && !state->paused_lost)) {
                snprintf(reason, sizeof(reason), "%s paused until %s%s%s",
                         state->paused ? "everything is" : "deletions are",
                         state->paused_until.ticks == UTC_NEVER.ticks
                                 ? "resumed"
                                 : utc_format(state->paused_until, until),
                         state->paused && state->paused_prune && !state->paused_lost
                                 ? ", and deletions beyond it until resumed"
                                 : "",
                         restart);
                tell(engine, fn, data, state->paused ? BLOCK_PAUSED_ALL : BLOCK_PAUSED,
                     "everything", reason, NULL);
        }
        if (state->paused_lost)
                tell(engine, fn, data, BLOCK_PAUSED, "everything",
                     "deletions are paused until resumed, since the state that was kept could not "
                     "be read and may have had a pause",
                     NULL);
}

void engine_wide_doubts(const struct engine *engine, engine_doubt_fn fn, void *data) {
        char scope[sizeof("subscription ") + GUID_TEXT_SIZE];

        pauses(engine, fn, data);
        if (engine->clock.stands)
                tell(engine, fn, data, DOUBT_BIT(DOUBT_CLOCK), "everything", engine->clock.reason,
                     NULL);
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                if (!s->listing.stands)
                        continue;
                snprintf(scope, sizeof(scope), "subscription %s", s->id);
                tell(engine, fn, data, DOUBT_BIT(DOUBT_LISTING), scope, s->listing.reason, NULL);
        }
        for (size_t t = 0; t < engine->file->n_targets; t++)
                target_doubt(engine, t, fn, data);
        for (size_t p = 0; p < engine->file->n_policies; p++)
                policy_doubts(engine, p, fn, data);
}

void engine_doubts(const struct engine *engine, engine_doubt_fn fn, void *data) {
        engine_wide_doubts(engine, fn, data);
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                for (size_t j = 0; s->plan && j < s->plan->n_series; j++)
                        series_doubts(s, &s->plan->series[j], fn, data);
        }
}

void series_key(const struct subscription *s, const struct series_state *series, const char *what,
                struct strbuf *out) {
        strbuf_appendf(out, "%s %s/%s", what, series->generation,
                       s->engine->file->policies[series->policy].name);
}

void series_doubts(const struct subscription *s, const struct series_state *series,
                   engine_doubt_fn fn, void *data) {
        const struct policy *policy = &s->engine->file->policies[series->policy];
        char scope[RESOURCE_NAME_MAX + sizeof(" under ") + POLICY_NAME_MAX], missed[80];
        const struct {
                enum doubt doubt;
                const char *reason;
        } kinds[] = {
                {DOUBT_STALE, missed},
                {DOUBT_PEER,
                 "its snapshots carry two keep rules in turn: two daemons with different "
                 "policies"},
                {DOUBT_INTERNAL, "an invariant of snapkeepd is broken"},
        };

        snprintf(scope, sizeof(scope), "%s under %s", series->disk.name, policy->name);
        snprintf(missed, sizeof(missed), "%u or more slots in a row were missed",
                 policy->stale_stop);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_(strbuf_deinit) struct strbuf key = {};

                if (!(series->doubts & DOUBT_BIT(kinds[i].doubt)))
                        continue;
                series_key(s, series, doubt_name(kinds[i].doubt), &key);
                tell_keyed(s->engine, &s->conditions, strbuf_str(&key), fn, data,
                           DOUBT_BIT(kinds[i].doubt), scope, kinds[i].reason, NULL);
        }
}

/* What was said holds from here, also for a daemon that dies now. */
static void act_takes_effect(struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_look_anew(&engine->subscriptions[i]);
        engine_settle(engine);
        engine->state_again.ns = 0; /* whoever said it may stop the daemon next */
        engine_save(engine, clock_mono(engine->services.clock));
        engine_wake(engine);
}

static void told_by(struct engine *engine, const char *who, const char *what) {
        log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_ORDER, "%s, says %s", what, who);
}

static int ack_policy(struct engine *engine, size_t p, enum doubt doubt) {
        const struct policy *policy = &engine->file->policies[p];
        _cleanup_(strbuf_deinit) struct strbuf rule = {};
        uint64_t allowance = 0;
        int r;

        if (doubt == DOUBT_POLICY)
                keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, &rule);
        if (rule.error)
                return rule.error;
        if (doubt == DOUBT_MASS)
                allowance = engine->policies[p].tally.deletes;
        r = state_ack(&engine->state, doubt, policy->name,
                      doubt == DOUBT_POLICY ? strbuf_str(&rule) : NULL, allowance,
                      engine_now(engine));
        if (r < 0 || doubt != DOUBT_MASS)
                return r;

        /* What has gone before was seen when the question was answered, and is no surprise any more. */
        state_forget_deletions(&engine->state, policy->name);
        for (size_t i = 0; i < policy->n_formerly; i++)
                state_forget_deletions(&engine->state, policy->formerly[i]);
        engine_end_mass(engine, p);
        return 0;
}

/* What the hash asks, accepted. ENGINE_E_UNKNOWN when nothing does. */
static int ack_find(struct engine *engine, const char *hash) {
        static const struct {
                uint32_t bit;
                enum doubt doubt;
        } kinds[] = {
                {DOUBT_BIT(DOUBT_POLICY), DOUBT_POLICY},
                {DOUBT_BIT(DOUBT_MASS), DOUBT_MASS},
                {BLOCK_ASK, _DOUBT_N},
        };
        char other[ENGINE_HASH_SIZE];

        for (size_t p = 0; p < engine->file->n_policies; p++)
                for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                        if (!(engine->policy_blocks[p] & kinds[k].bit))
                                continue;
                        policy_hash(engine, p, kinds[k].doubt, other);
                        if (other[0] && strcmp(hash, other) == 0)
                                return ack_policy(engine, p, kinds[k].doubt);
                }
        for (size_t t = 0; t < engine->file->n_targets; t++) {
                struct state_fleet *fleet;
                int r;

                if (!(engine->target_blocks[t] & DOUBT_BIT(DOUBT_TARGETS)))
                        continue;
                target_hash(engine, t, other);
                if (!other[0] || strcmp(hash, other) != 0)
                        continue;
                r = state_fleet_get(&engine->state, engine->target_keys[t], &fleet);
                if (r < 0)
                        return r;
                fleet_accept(&fleet->fleet, engine->found[t], engine_now(engine));
                engine->state.changed = true;
                return 0;
        }
        return ENGINE_E_UNKNOWN;
}

struct asked {
        const char *hash;
        struct strbuf text; /* of what it stands for */
};

static void note_asked(const struct engine_doubt *doubt, void *data) {
        struct asked *asked = data;

        if (!doubt->hash || strcmp(doubt->hash, asked->hash) != 0)
                return;
        strbuf_appendf(&asked->text, " of %s (", doubt->scope);
        blocks_append(doubt->bit, &asked->text);
        strbuf_appendf(&asked->text, ": %s)", doubt->reason);
}

int engine_ack(struct engine *engine, const char *hash, const char *who) {
        _cleanup_(strbuf_deinit) struct strbuf what = {};
        struct asked asked = {.hash = hash};
        int r;

        /* The number that it stands for has grown since the doubt was told, and its hash is in no other entry. */
        engine_wide_doubts(engine, note_asked, &asked);
        strbuf_appendf(&what, "what %.16s asks%s is accepted", hash, strbuf_str(&asked.text));
        r = asked.text.error ?: what.error;
        strbuf_deinit(&asked.text);
        r = r ?: ack_find(engine, hash);
        if (r != 0)
                return r;
        told_by(engine, who, strbuf_str(&what));
        act_takes_effect(engine);
        return 0;
}

int engine_pause(struct engine *engine, bool all, struct utc until, const char *who) {
        struct state *state = &engine->state;
        /* That deletions stay paused until somebody resumes them is nothing that an hour's pause of all ends; and what
         * may have been paused in a lost state nobody has seen. */
        bool stays = state->paused_lost ||
                     (all && until.ticks != UTC_NEVER.ticks && state->paused_prune &&
                      (state->paused || state->paused_until.ticks == UTC_NEVER.ticks));

        state->paused = all;
        state->paused_prune = !all || stays;
        state->paused_until = all || !state->paused_lost ? until : UTC_NEVER;
        state->changed = state->pause_unsaved = true;
        told_by(engine, who, all ? "everything is paused" : "deletions are paused");
        act_takes_effect(engine);
        return 0;
}

int engine_resume(struct engine *engine, const char *who) {
        engine->state.paused = engine->state.paused_prune = engine->state.paused_lost = false;
        engine->state.changed = true;
        told_by(engine, who, "nothing is paused any more");
        act_takes_effect(engine);
        return 0;
}

int engine_plan_hash(const struct engine *engine, char ret_hash[static PLAN_HASH_SIZE]) {
        _cleanup_(freep) const char **fields = NULL;
        _cleanup_(freep) char(*hashes)[PLAN_HASH_SIZE] = NULL;
        uint8_t digest[SHA256_SIZE];
        int r;

        fields = calloc(engine->n_subscriptions + 1, sizeof(*fields));
        hashes = calloc(engine->n_subscriptions + 1, sizeof(*hashes));
        if (!fields || !hashes)
                return -ENOMEM;
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                if (!engine->subscriptions[i].plan)
                        return ENGINE_E_NOT_READ;
                r = plan_hash(engine->subscriptions[i].plan, hashes[i]);
                if (r < 0)
                        return r;
                fields[i] = hashes[i];
        }
        r = sha256_fields(fields, engine->n_subscriptions, digest);
        if (r < 0)
                return r;
        for (size_t i = 0; i < SHA256_SIZE; i++)
                sprintf(&ret_hash[2 * i], "%02x", digest[i]);
        return 0;
}

/* The deletions of the plan. Returns 0 or -ENOMEM, some of them then being there. */
static int apply_plan(struct engine *engine, const struct plan *plan) {
        for (size_t i = 0; i < plan->n_actions; i++) {
                const struct action *action = &plan->actions[i];
                struct applied *applied;

                if (action->kind != ACTION_DELETE || !(action->blocked & DOUBTS_ACKABLE))
                        continue;
                applied = calloc(1, sizeof(*applied));
                if (!applied)
                        return -ENOMEM;
                applied->unique_id = action->unique_id;
                applied->accepted = action->blocked & DOUBTS_ACKABLE;
                applied->begun = engine->n_begun;
                HASH_ADD(hh, engine->applied, unique_id, sizeof(applied->unique_id), applied);
                if (!applied->hh.tbl) {
                        free(applied);
                        return -ENOMEM;
                }
        }
        return 0;
}

int engine_apply(struct engine *engine, const char *hash, const char *who) {
        char present[PLAN_HASH_SIZE];
        int r;

        r = engine_plan_hash(engine, present);
        if (r != 0)
                return r;
        if (strcmp(present, hash) != 0)
                return ENGINE_E_CHANGED;

        /* What was applied before holds no more, and what it let go is held back as it stands. */
        engine_forget_applied(engine);
        for (size_t i = 0; i < engine->n_subscriptions && r == 0; i++) {
                subscription_settle(&engine->subscriptions[i]);
                r = apply_plan(engine, engine->subscriptions[i].plan);
        }
        if (r < 0) {
                /* Half of it is not what was said. */
                engine_forget_applied(engine);
                return r;
        }
        told_by(engine, who, "the plan is accepted as it is");
        act_takes_effect(engine);
        return 0;
}

void engine_forget_applied(struct engine *engine) {
        struct applied *applied, *next;

        HASH_ITER (hh, engine->applied, applied, next) {
                HASH_DEL(engine->applied, applied);
                free(applied);
        }
}

void engine_invariant_broken(struct engine *engine, const char *generation, const char *rule) {
        struct known *known = engine_known(engine, generation);

        engine->counts.invariants_broken++;
        if (!known) {
                /* Nobody could remember which: so nothing is deleted before the next sweeps. */
                for (size_t i = 0; i < engine->n_subscriptions; i++)
                        subscription_doubt(&engine->subscriptions[i], "%s", rule);
                return;
        }
        if (!known->internal)
                log_tell(
                        engine->services.log, LOG_LEVEL_ERR, LOG_EVENT_INVARIANT_BROKEN,
                        "an invariant about generation %s is broken (%s), nothing of it is deleted "
                        "until a restart",
                        generation, rule);
        known->internal = true;
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];

                /* From here, and not from the next plan on. */
                for (size_t j = 0; s->plan && j < s->plan->n_series; j++)
                        if (strcmp(s->plan->series[j].generation, generation) == 0)
                                s->plan->series[j].doubts |= DOUBT_BIT(DOUBT_INTERNAL);
                subscription_settle(s);
                subscription_look_anew(s);
        }
}
