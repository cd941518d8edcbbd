/*
 * What stands beside the worlds: doubts, questions and pauses, worked out over all subscriptions and
 * laid on their plans (DESIGN section 5).
 */
#include "base/array.h"
#include "base/sha256.h"
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

static void fill_standing(const struct engine *engine, const struct subscription *s,
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

/* The rule that is remembered of the policy, under a name that it had before if need be. */
static const struct state_rule *known_rule(const struct engine *engine,
                                           const struct policy *policy) {
        const struct state_rule *rule = state_rule_find(&engine->state, policy->name);

        for (size_t i = 0; i < policy->n_formerly && !rule; i++)
                rule = state_rule_find(&engine->state, policy->formerly[i]);
        return rule;
}

int engine_standing(struct engine *engine, const struct subscription *s,
                    struct standing *ret_standing) {
        int r;

        r = collect_generations(engine);
        if (r < 0)
                return r;
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                const struct state_rule *rule = known_rule(engine, &engine->file->policies[p]);

                engine->rules[p] = rule ? rule->rule : NULL;
        }
        read_zones(engine, s);
        fill_standing(engine, s, ret_standing);
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
                        policy_tally_add(&engine->policies[p].tally, &tally);
                        engine->policies[p].spent += s->spent[p] + s->retired[p];
                }
                for (size_t t = 0; t < file->n_targets; t++)
                        engine->found[t] += s->plan->found[t];
        }
}

/* The file's keep rule as new snapshots would carry it. */
static void append_rule(const struct policy *policy, struct strbuf *out) {
        keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, out);
}

/* Whether the worlds hold all of the policy that they should by what is remembered of it. */
static bool all_is_listed(const struct engine *engine, const struct policy_standing *standing,
                          const struct state_rule *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (!engine->subscriptions[i].plan || engine->subscriptions[i].listing.stands)
                        return false;
        return !known || standing->tally.listed >= known->complete + standing->spent;
}

/* Whether it stood in the process before, under a name that the policy had then. */
static bool mass_stood(const struct engine *engine, const struct policy *policy) {
        bool stood = state_mass_stands(&engine->state, policy->name);

        for (size_t i = 0; i < policy->n_formerly && !stood; i++)
                stood = state_mass_stands(&engine->state, policy->formerly[i]);
        return stood;
}

void engine_end_mass(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];

        engine->policies[p].mass = false;
        state_mass_forget(&engine->state, policy->name);
        for (size_t i = 0; i < policy->n_formerly; i++)
                state_mass_forget(&engine->state, policy->formerly[i]);
}

/*
 * Once it stands it stands until an ack, or until nothing is asked for any more, and over restarts: that
 * other disks gain in the meantime does not make the deletions less of a surprise. By a part of the
 * listings alone nothing is over, though there be nothing to hold back: what a listing lacks comes back.
 */
static bool mass_stands(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];
        struct policy_standing *standing = &engine->policies[p];

        if (mass_stood(engine, policy) ||
            doubt_mass_stands(&standing->tally, standing->deleted, standing->allowance,
                              policy->max_delete_percent))
                standing->mass = true;
        if (standing->tally.deletes == 0) {
                if (all_is_listed(engine, standing, known_rule(engine, policy)))
                        engine_end_mass(engine, p);
                return false; /* nothing is held back */
        }
        /* Unwritten, it stands as long as this process. */
        if (standing->mass)
                (void)state_mass_note(&engine->state, policy->name);
        return standing->mass;
}

/* Whether no target of the policy lacks disks: those that are not listed may carry another rule. */
static bool all_targets_stand(const struct engine *engine, const struct policy *policy) {
        for (size_t t = 0; t < engine->file->n_targets; t++)
                if (&engine->file->policies[engine->file->targets[t].policy] == policy &&
                    engine->target_blocks[t] != 0)
                        return false;
        return true;
}

/* With how many of the policy are listed, all of them; the next listing is to show as many. NULL: there is
 * no rule to remember. Unwritten, it only makes us ask. */
static void remember_rule(struct engine *engine, const struct policy *policy,
                          const struct policy_standing *standing, const char *rule) {
        if (rule)
                (void)state_rule_set(&engine->state, policy->name, rule,
                                     standing->tally.listed -
                                             MIN(standing->tally.listed, standing->spent));
}

/* Whether it was asked about in the process before, under a name that the policy had then. */
static bool keep_was_doubted(const struct engine *engine, const struct policy *policy,
                             const char *rule) {
        bool asked = state_is_acked(&engine->state, STATE_ASKED, policy->name, rule);

        for (size_t i = 0; i < policy->n_formerly && !asked; i++)
                asked = state_is_acked(&engine->state, STATE_ASKED, policy->formerly[i], rule);
        return asked;
}

static void end_keep_doubt(struct engine *engine, const struct policy *policy,
                           struct policy_standing *standing) {
        standing->doubted = false;
        state_ack_forget(&engine->state, STATE_ASKED, policy->name);
        for (size_t i = 0; i < policy->n_formerly; i++)
                state_ack_forget(&engine->state, STATE_ASKED, policy->formerly[i]);
}

/*
 * Whether the file's keep would delete too much, or was seen to and still asks for some of it. While it is
 * held back snapshots pile up, and with new disks there are more of them: what would be deleted comes to be
 * a smaller part, and no less of a surprise, also after a restart. By a part of the listings alone nothing
 * is seen, and nothing is over: what a listing lacks comes back.
 */
static bool keep_is_doubted(struct engine *engine, const struct policy *policy,
                            struct policy_standing *standing, const char *rule, bool listed) {
        bool stands = doubt_policy_stands(&standing->tally, policy->max_delete_percent);
        bool asked = state_is_acked(&engine->state, STATE_ASKED, policy->name, rule);

        standing->doubted |= asked || keep_was_doubted(engine, policy, rule) || (stands && listed);
        if (standing->tally.beyond == 0 && listed)
                end_keep_doubt(engine, policy, standing);
        else if (standing->doubted && !asked)
                /* Unwritten, it stands as long as this process. */
                (void)state_ack(&engine->state, STATE_ASKED, policy->name, rule, /* allowance= */ 0,
                                engine_now(engine));
        return stands || standing->doubted;
}

/*
 * Doubt policy. Without a listing of all that the policy had, the tally says nothing: then a rule that
 * is not the one remembered is as doubtful as one that would delete too much, unless all series carry
 * it. In the state, the rule gives way to the file's when nothing is in doubt, or on an ack; and the ack
 * of another rule is forgotten when nothing is in doubt.
 */
static bool policy_is_doubted(struct engine *engine, const struct policy *policy,
                              struct policy_standing *standing) {
        const struct state_rule *known = known_rule(engine, policy);
        /* Another daemon has accepted it, or this one before it lost its memory: nobody else writes it. */
        bool whole = standing->tally.differing == 0 && all_targets_stand(engine, policy) &&
                     engine_is_whole(engine);
        bool carried = whole && standing->tally.agreeing > 0;
        bool listed = all_is_listed(engine, standing, known), acked, agreed;
        /* What was accepted before, also for a daemon that has lost its memory. */
        const char *kept = known ? known->rule : standing->tally.accepted;
        _cleanup_(strbuf_deinit) struct strbuf rule = {};

        /* Without memory what stood goes on standing. */
        append_rule(policy, &rule);
        if (rule.error)
                return standing->hidden || standing->doubted ||
                       doubt_policy_stands(&standing->tally, policy->max_delete_percent);
        standing->hidden = false;

        acked = state_is_acked(&engine->state, DOUBT_POLICY, policy->name, rule.data) &&
                state_acked_at(&engine->state, DOUBT_POLICY, policy->name).ticks >=
                        standing->tally.former.ticks;
        if (!acked && keep_is_doubted(engine, policy, standing, rule.data, listed)) {
                if (listed)
                        remember_rule(engine, policy, standing, kept);
                standing->hidden = standing->tally.beyond == 0;
                return true;
        }
        if (!acked && !carried && !listed && known && strcmp(known->rule, rule.data) != 0) {
                standing->hidden = true;
                return true;
        }
        end_keep_doubt(engine, policy, standing);
        /* What was acked is the step to another rule; to take it once more is to be asked again. */
        if (!acked)
                state_ack_forget(&engine->state, DOUBT_POLICY, policy->name);
        /* A rule that no snapshot carries yet may give way to another before one does, and what is
         * compared is what they carry. */
        agreed = acked || carried || (whole && !known);
        if (listed)
                remember_rule(engine, policy, standing, agreed ? rule.data : kept);
        else if ((acked || carried) && known)
                (void)state_rule_set(&engine->state, policy->name, rule.data, known->complete);
        return false;
}

static uint32_t policy_blocks(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];
        struct policy_standing *standing = &engine->policies[p];
        uint32_t blocks = 0;

        if (policy_is_doubted(engine, policy, standing))
                blocks |= DOUBT_BIT(DOUBT_POLICY);
        if (mass_stands(engine, p))
                blocks |= DOUBT_BIT(DOUBT_MASS);
        if (policy->prune == PRUNE_ASK && standing->tally.deletes + standing->tally.failures > 0 &&
            !state_is_acked(&engine->state, _DOUBT_N, policy->name, NULL))
                blocks |= BLOCK_ASK;
        return blocks;
}

static bool target_names(const struct target *target, const struct subscription *s) {
        bool named = target->subscription && strcmp(target->subscription, s->id) == 0;

        for (size_t d = 0; d < target->n_disks && !named; d++)
                named = strcmp(target->disks[d].subscription, s->id) == 0;
        return named;
}

bool target_is_read(const struct engine *engine, const struct target *target) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (target_names(target, &engine->subscriptions[i]) &&
                    !engine->subscriptions[i].plan)
                        return false;
        return true;
}

bool target_is_whole(const struct engine *engine, const struct target *target) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                if (target_names(target, s) && s->world && world_unread(s->world)->n_disks > 0)
                        return false;
        }
        return true;
}

const struct fleet *engine_fleet(const struct engine *engine, size_t target) {
        for (size_t i = 0; i < engine->state.n_fleets; i++)
                if (strcmp(engine->state.fleets[i].key, engine->target_keys[target]) == 0)
                        return &engine->state.fleets[i].fleet;
        return NULL;
}

/* What goes on standing of a target that cannot be counted: what stood in this process or, by what the
 * state remembers, in one before. */
static uint32_t uncounted_blocks(const struct engine *engine, size_t t) {
        const struct fleet *fleet = engine_fleet(engine, t);

        return engine->target_blocks[t] |
               (fleet && doubt_targets_stood(fleet, engine->file->targets[t].expect)
                        ? DOUBT_BIT(DOUBT_TARGETS)
                        : 0);
}

bool engine_target_is_empty(const struct engine *engine, size_t target) {
        const struct fleet *fleet = engine_fleet(engine, target);

        return engine->found[target] == 0 &&
               target_is_read(engine, &engine->file->targets[target]) &&
               !engine->file->targets[target].may_be_empty && !engine->target_blocks[target] &&
               !(fleet && fleet->has_accepted);
}

/* Those that are found are there, and what it lacks may be what cannot be read: enough are enough, and what is
 * remembered of its size stays as it is. */
static uint32_t partly_counted_blocks(const struct engine *engine, size_t t) {
        const struct fleet *known = engine_fleet(engine, t);
        struct fleet fleet = known ? *known : (struct fleet){};

        fleet_see(&fleet, engine->found[t], UTC_NONE);
        return doubt_targets_stands(&fleet, engine->found[t], engine->file->targets[t].expect)
                       ? DOUBT_BIT(DOUBT_TARGETS)
                       : 0;
}

static uint32_t target_blocks(struct engine *engine, size_t t) {
        const struct target *target = &engine->file->targets[t];
        struct state_fleet *fleet;
        struct fleet before;

        if (!target_is_read(engine, target))
                return uncounted_blocks(engine, t);
        if (!target_is_whole(engine, target))
                return partly_counted_blocks(engine, t);
        if (state_fleet_get(&engine->state, engine->target_keys[t], &fleet) < 0)
                return engine->target_blocks[t];

        before = fleet->fleet;
        /* By a clock in doubt what was found before would be too old to count. */
        fleet_see(&fleet->fleet, engine->found[t],
                  engine->clock.stands ? UTC_NONE : engine_now(engine));
        if (!fleet_equals(&before, &fleet->fleet))
                engine->state.changed = true;
        return doubt_targets_stands(&fleet->fleet, engine->found[t], target->expect)
                       ? DOUBT_BIT(DOUBT_TARGETS)
                       : 0;
}

/* What stands of the series now and began after the deletion was accepted. */
static uint32_t begun_since(const struct engine *engine, const struct plan *plan,
                            const struct series_state *series, uint64_t begun) {
        const struct policy_standing *policy = &engine->policies[series->policy];
        uint32_t later = 0;

        if (policy->policy_begun > begun)
                later |= DOUBT_BIT(DOUBT_POLICY);
        if (policy->mass_begun > begun)
                later |= DOUBT_BIT(DOUBT_MASS);
        for (size_t i = 0; i < series->n_targets; i++) {
                uint32_t target = plan->selectors[series->first_target + i];

                if (engine->target_blocks[target] && engine->targets_begun[target] > begun)
                        later |= DOUBT_BIT(DOUBT_TARGETS);
        }
        return later;
}

/* What was accepted together with the deletion, one of the plan's, and stands since. */
static uint32_t applied_accepted(const struct engine *engine, const struct plan *plan,
                                 const struct action *action) {
        struct applied *applied;

        HASH_FIND(hh, engine->applied, &action->unique_id, sizeof(action->unique_id), applied);
        if (!applied || action->series == ACTION_NO_SERIES)
                return 0;
        return applied->accepted &
               ~begun_since(engine, plan, &plan->series[action->series], applied->begun);
}

/* A deletion that was accepted one by one is not held back by what stood then. */
static void allow_applied(const struct engine *engine, struct plan *plan) {
        for (size_t i = 0; engine->applied && i < plan->n_actions; i++) {
                struct action *action = &plan->actions[i];

                if (action->kind == ACTION_DELETE && action->blocked != 0)
                        action->blocked &= ~applied_accepted(engine, plan, action);
        }
}

/* What an operator no longer retires since the plan was made, or nobody has looked for what selects it. */
static void block_unretired(const struct subscription *s) {
        for (size_t i = 0; i < s->plan->n_actions; i++) {
                struct action *action = &s->plan->actions[i];

                if (action->retired && !subscription_retires(s, action))
                        action->blocked |= DOUBT_BIT(DOUBT_LISTING);
        }
}

/* Whether a copy in another subscription is being made of it, and would fail without it. */
static bool is_copied_elsewhere(const struct subscription *s, const struct action *action) {
        struct resource_id id = action_snapshot_id(action);

        for (size_t i = 0; i < s->engine->n_subscriptions; i++) {
                const struct subscription *other = &s->engine->subscriptions[i];

                if (other != s && other->world &&
                    world_copies(other->world, &action->unique_id, &id))
                        return true;
        }
        return false;
}

static bool is_held(const struct subscription *s, const struct action *action) {
        return subscription_orders_hold(s, &action->unique_id) || is_copied_elsewhere(s, action);
}

/* What an operator has said shall stay, or another subscription needs: its own listing does not show it
 * held, or not yet. */
static void block_held(const struct subscription *s) {
        for (size_t i = 0; i < s->plan->n_actions; i++) {
                struct action *action = &s->plan->actions[i];

                if (action->kind == ACTION_DELETE && is_held(s, action))
                        action->blocked |= BLOCK_HOLD;
        }
}

uint32_t subscription_blocks(const struct subscription *s, const struct action *action,
                             uint64_t serial) {
        struct standing standing;
        uint32_t blocked;

        fill_standing(s->engine, s, &standing);
        blocked = standing.all | standing.subscription;
        if (!s->plan || s->serial != serial || !s->may_delete ||
            (action->retired && !subscription_retires(s, action)))
                return blocked | DOUBT_BIT(DOUBT_LISTING);
        if (action->series != ACTION_NO_SERIES)
                blocked |= s->plan->series[action->series].blocked;
        blocked &= ~applied_accepted(s->engine, s->plan, action);
        if (is_held(s, action))
                blocked |= BLOCK_HOLD;
        return blocked;
}

void doubt_key(uint32_t bit, const char *scope, struct strbuf *out) {
        blocks_append(bit, out);
        strbuf_appendf(out, " %s", scope);
}

void subscription_settle(struct subscription *s) {
        struct standing standing;

        if (!s->plan)
                return;
        fill_standing(s->engine, s, &standing);
        plan_settle(s->plan, &standing);
        allow_applied(s->engine, s->plan);
        block_held(s);
        block_unretired(s);
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

                engine->target_blocks[t] = target_blocks(engine, t);
                number_doubt(engine, DOUBT_TARGETS, stood, engine->target_blocks[t],
                             &engine->targets_begun[t]);
        }
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                struct policy_standing *policy = &engine->policies[p];
                uint32_t stood = engine->policy_blocks[p];

                engine->policy_blocks[p] = policy_blocks(engine, p);
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
