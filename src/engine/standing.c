/*
 * What stands beside the worlds: doubts, questions and pauses, worked out over all subscriptions and
 * laid on their plans (DESIGN section 5).
 */
#include "base/array.h"
#include "core/retention.h"
#include "core/zone.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* DESIGN section 5: doubts clock and listing end with two clean sweeps. */
#define STANDING_CLEAN_SWEEPS 2
/* Chosen: policies and what was before them name a few, and a tag may name any. */
#define STANDING_ZONES_MAX 100
/* After a failed write of the state. */
#define STANDING_SAVE_AGAIN_NS (300 * NSEC_PER_SEC)

void sweep_doubt_raise(struct engine *engine, struct sweep_doubt *doubt, const char *format, ...) {
        va_list ap;

        doubt->clean = 0;
        doubt->at = clock_mono(engine->services.clock);
        if (doubt->stands)
                return;
        doubt->stands = true;
        doubt->since = engine_now(engine);
        va_start(ap, format);
        vsnprintf(doubt->reason, sizeof(doubt->reason), format, ap);
        va_end(ap);
}

void sweep_doubt_swept(struct sweep_doubt *doubt, struct mono begin, bool clean, struct mono now) {
        if (!doubt->stands || !clean || begin.ns <= doubt->at.ns)
                return;
        /* Sweeps of two subscriptions side by side show the same moment, and are one look at it. */
        doubt->at = now;
        if (++doubt->clean >= STANDING_CLEAN_SWEEPS)
                doubt->stands = false;
}

void engine_doubt_clock(struct engine *engine, struct utc date) {
        char theirs[UTC_TEXT_SIZE], ours[UTC_TEXT_SIZE];
        bool stood = engine->clock.stands;

        sweep_doubt_raise(engine, &engine->clock, "our clock says %s, ARM's Date is %s",
                          utc_format(clock_utc(engine->services.clock), ours),
                          utc_format(date, theirs));
        if (!stood)
                engine_settle(engine);
}

void engine_swept(struct engine *engine, struct mono begin, bool clean, struct mono now) {
        if (!engine->arm_clock.set)
                sweep_doubt_raise(
                        engine, &engine->clock,
                        "no reply of ARM has a Date that our clock or another agrees with");
        sweep_doubt_swept(&engine->clock, begin, clean, now);
}

struct known *engine_known(struct engine *engine, const char *generation) {
        struct known *known;

        HASH_FIND_STR(engine->known, generation, known);
        if (known)
                return known;

        known = calloc(1, sizeof(*known));
        if (!known)
                return NULL;
        stpcpy(known->generation, generation);
        HASH_ADD_STR(engine->known, generation, known);
        if (!known->hh.tbl) {
                free(known);
                return NULL;
        }
        return known;
}

static int generation_compare(const void *a, const void *b) {
        const struct generation_standing *x = a, *y = b;

        return strcmp(x->generation, y->generation);
}

/* Those of @known come first, each once, so that nothing retired is added to another. */
static int add_generation(struct engine *engine, const struct generation_standing *standing) {
        int r;

        for (size_t i = 0; i < engine->n_generations; i++) {
                struct generation_standing *other = &engine->generations[i];

                if (strcmp(other->generation, standing->generation) != 0)
                        continue;
                other->internal |= standing->internal;
                other->refused |= standing->refused;
                if (utc_is_set(standing->gone_since))
                        other->gone_since = standing->gone_since;
                return 0;
        }

        r = array_grow(&engine->generations, engine->n_generations, &engine->generations_capacity,
                       sizeof(*engine->generations), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        engine->generations[engine->n_generations++] = *standing;
        return 0;
}

/* The few generations of which anything is known beside the world. */
static int collect_generations(struct engine *engine) {
        struct known *known, *next;
        int r;

        engine->n_generations = 0;
        HASH_ITER (hh, engine->known, known, next) {
                struct generation_standing standing = {
                        .internal = known->internal,
                        .refused = known->refused,
                        .retired = known->retired,
                        .n_retired = known->n_retired,
                        .gone_since = UTC_NONE,
                };

                stpcpy(standing.generation, known->generation);
                r = add_generation(engine, &standing);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < engine->state.n_gone; i++) {
                struct generation_standing standing = {
                        .gone_since = engine->state.gone[i].since,
                };

                stpcpy(standing.generation, engine->state.gone[i].generation);
                r = add_generation(engine, &standing);
                if (r < 0)
                        return r;
        }
        if (engine->n_generations > 0)
                qsort(engine->generations, engine->n_generations, sizeof(*engine->generations),
                      generation_compare);
        return 0;
}

static void end_pause(struct engine *engine) {
        struct state *state = &engine->state;

        if ((!state->paused && !state->paused_prune) || !engine_knows_time(engine) ||
            state->paused_until.ticks > engine_now(engine).ticks)
                return;
        state->paused_prune = state->paused && state->paused_prune;
        state->paused_lost = state->paused_prune && state->paused_lost;
        state->paused = false;
        state->paused_until = UTC_NEVER;
        state->changed = true;
        log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_PAUSE_OVER,
                 state->paused_prune
                         ? "the pause of everything is over, deletions stay paused until "
                           "snapkeepctl resume"
                         : "the pause is over");
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_look_anew(&engine->subscriptions[i]);
}

static uint32_t pause_blocks(const struct engine *engine) {
        if (engine->state.paused)
                return BLOCK_PAUSED | BLOCK_PAUSED_ALL;
        return engine->state.paused_prune ? BLOCK_PAUSED : 0;
}

void engine_fill_standing(const struct engine *engine, const struct subscription *s,
                          struct standing *ret_standing) {
        *ret_standing = (struct standing){
                .all = pause_blocks(engine) | (engine->clock.stands ? DOUBT_BIT(DOUBT_CLOCK) : 0),
                .subscription = s->listing.stands ? DOUBT_BIT(DOUBT_LISTING) : 0,
                .policies = engine->policy_blocks,
                .targets = engine->target_blocks,
                .generations = engine->generations,
                .n_generations = engine->n_generations,
                .unselected = engine->state.unselected,
                .n_unselected = engine->state.n_unselected,
                .rules = engine->rules,
                .zones = (const struct zone *const *)engine->zones,
                .n_zones = engine->n_zones,
                .failures = engine->state.failures,
                .n_failures = engine->state.n_failures,
        };
}

static bool has_zone(struct zone *const *zones, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(zone_name(zones[i]), name) == 0)
                        return true;
        return false;
}

/* The zone that a rule's periods are of, where the file has another by now. One that is not to be had is
 * asked for again with the next plan; till then nobody knows what the rule keeps. */
static void read_zone(struct engine *engine, const char *rule) {
        _cleanup_(zone_freep) struct zone *zone = NULL;
        _cleanup_(freep) char *name = NULL, *bytes = NULL;
        const char *text;
        struct keep keep;
        bool has_keep;
        size_t len;

        if (!engine->services.zones ||
            keep_tag_parse(rule, strlen(rule), &has_keep, &keep, &text, &len) != 0)
                return;
        name = strndup(text, len);
        if (!name || strcmp(name, "UTC") == 0 ||
            has_zone(engine->file->zones, engine->file->n_zones, name) ||
            has_zone(engine->zones, engine->n_zones, name))
                return;
        if (zones_read(engine->services.zones, name, &bytes, &len) < 0 ||
            zone_parse(bytes, len, name, &zone) != 0 ||
            array_grow(&engine->zones, engine->n_zones, &engine->zones_capacity,
                       sizeof(struct zone *), STANDING_ZONES_MAX) < 0)
                return;
        engine->zones[engine->n_zones++] = take_ptr(zone);
}

/* Those of all rules that the plan is to be held against. */
static void read_zones(struct engine *engine, const struct subscription *s) {
        struct world_view view = world_view(s->world);

        for (size_t i = 1; i < view.n_keeps; i++)
                read_zone(engine, view_str(&view, view.keeps[i]));
        for (size_t p = 0; p < engine->file->n_policies; p++)
                if (engine->rules[p])
                        read_zone(engine, engine->rules[p]);
}

int engine_standing(struct engine *engine, const struct subscription *s,
                    struct standing *ret_standing) {
        int r;

        r = collect_generations(engine);
        if (r < 0)
                return r;
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                const struct state_rule *rule =
                        engine_known_rule(engine, &engine->file->policies[p]);

                engine->rules[p] = rule ? rule->rule : NULL;
        }
        read_zones(engine, s);
        engine_fill_standing(engine, s, ret_standing);
        return 0;
}

/* What was deleted and accepted within a day, under the names that it had before too. */
static void sum_up_day(const struct engine *engine, const struct policy *policy, struct utc now,
                       struct policy_standing *ret_standing) {
        const struct state *state = &engine->state;

        ret_standing->deleted = state_deletions_since(state, policy->name, now);
        ret_standing->allowance = state_allowance(state, policy->name, now);
        for (size_t i = 0; i < policy->n_formerly; i++) {
                ret_standing->deleted += state_deletions_since(state, policy->formerly[i], now);
                ret_standing->allowance += state_allowance(state, policy->formerly[i], now);
        }
}

/* What the policies hold and want, all subscriptions together, and how many disks targets have. */
static void sum_up(struct engine *engine) {
        const struct policy_file *file = engine->file;
        struct utc now = engine_now(engine);

        if (!engine->clock.stands && engine_knows_time(engine)) {
                state_expire_deletions(&engine->state, now);
                state_expire_fleets(&engine->state, engine->target_keys, file->n_targets, now);
        }
        for (size_t p = 0; p < file->n_policies; p++) {
                struct policy_standing *policy = &engine->policies[p];

                policy->tally = (struct policy_tally){};
                policy->spent = 0;
                sum_up_day(engine, &file->policies[p], now, policy);
        }
        for (size_t t = 0; t < file->n_targets; t++)
                engine->found[t] = 0;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                if (!s->plan)
                        continue;
                for (size_t p = 0; p < file->n_policies; p++) {
                        struct policy_tally tally = s->plan->policies[p];

                        tally.deletes -= MIN(tally.deletes, s->spent[p]);
                        tally.gained -= MIN(tally.gained, s->lost[p]);
                        policy_tally_add(&engine->policies[p].tally, &tally);
                        engine->policies[p].spent += s->spent[p] + s->retired[p];
                }
                for (size_t t = 0; t < file->n_targets; t++)
                        engine->found[t] += s->plan->found[t];
        }
}

void doubt_key(uint32_t bit, const char *scope, struct strbuf *out) {
        blocks_append(bit, out);
        strbuf_appendf(out, " %s", scope);
}

static void tell_doubt(const struct engine_doubt *doubt, void *data) {
        struct engine *engine = data;
        _cleanup_(strbuf_deinit) struct strbuf key = {}, text = {}, over = {}, names = {};

        blocks_append(doubt->bit, &names);
        doubt_key(doubt->bit, doubt->scope, &key);
        strbuf_appendf(&text, "nothing is deleted of %s (%s): %s; %s", doubt->scope,
                       strbuf_str(&names), doubt->reason, doubt->end);
        if (doubt->hash)
                strbuf_appendf(&text, " (snapkeepctl ack %s)", doubt->hash);
        strbuf_appendf(&over, "deletions of %s are no longer held back (%s)", doubt->scope,
                       strbuf_str(&names));
        if (key.error || text.error || names.error)
                return;
        condition_raise(&engine->conditions,
                        &(struct condition_sight){
                                .key = key.data,
                                .level = LOG_LEVEL_WARNING,
                                .doubt = doubt->bit < DOUBT_BIT(_DOUBT_N)
                                                 ? __builtin_ctz(doubt->bit)
                                                 : CONDITION_NO_DOUBT,
                                .reason = names.data,
                                .text = text.data,
                                .over = strbuf_str(&over),
                        },
                        engine_now(engine));
}

/* A doubt that begins is another than the one before it. */
static void number_doubt(struct engine *engine, enum doubt doubt, uint32_t stood, uint32_t stands,
                         uint64_t *begun) {
        if ((stands & ~stood) & DOUBT_BIT(doubt))
                *begun = ++engine->n_begun;
}

void engine_settle(struct engine *engine) {
        end_pause(engine);
        sum_up(engine);
        for (size_t t = 0; t < engine->file->n_targets; t++) {
                uint32_t stood = engine->target_blocks[t];

                engine->target_blocks[t] = engine_target_blocks(engine, t);
                number_doubt(engine, DOUBT_TARGETS, stood, engine->target_blocks[t],
                             &engine->targets_begun[t]);
        }
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                struct policy_standing *policy = &engine->policies[p];
                uint32_t stood = engine->policy_blocks[p];

                engine->policy_blocks[p] = engine_policy_blocks(engine, p);
                number_doubt(engine, DOUBT_POLICY, stood, engine->policy_blocks[p],
                             &policy->policy_begun);
                number_doubt(engine, DOUBT_MASS, stood, engine->policy_blocks[p],
                             &policy->mass_begun);
        }

        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_settle(&engine->subscriptions[i]);

        conditions_begin(&engine->conditions);
        engine_wide_doubts(engine, tell_doubt, engine);
        conditions_finish(&engine->conditions);
}

void engine_save(struct engine *engine, struct mono now) {
        int r;

        if (!engine->services.store || !engine->state.changed || now.ns < engine->state_again.ns)
                return;

        r = state_save(&engine->state, engine->services.store);
        if (r < 0) {
                engine->state_again = mono_add_ns(now, STANDING_SAVE_AGAIN_NS);
                if (!engine->state_failing)
                        log_tell(engine->services.log, LOG_LEVEL_WARNING,
                                 LOG_EVENT_STATE_UNWRITABLE,
                                 "the state cannot be written: %s; pauses, acks and the like are "
                                 "lost with a restart, will try again every 5 minutes",
                                 strerrordesc_np(-r));
        } else if (engine->state_failing)
                log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_STATE_WRITABLE,
                         "the state can be written again");
        engine->state_failing = r < 0;
}
