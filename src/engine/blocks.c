/*
 * What holds each deletion back: laid on the plans each time that what stands is worked out, and asked
 * once more before a DELETE goes out. A deletion that was accepted one by one (apply) passes by what stood
 * then.
 */
#include "engine/engine-internal.h"

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

/* Whether it goes since its disk was gone when the plan was made, and nobody knows any more that it is: the disk is
 * listed elsewhere by now, or was found, or another one is where it was. */
static bool is_no_more_gone(const struct subscription *s, const struct action *action) {
        const struct state_gone *gone;

        if (action->series == ACTION_NO_SERIES || !s->plan->series[action->series].gone)
                return false;
        gone = state_gone_find(&s->engine->state, action->generation);
        return !gone || !utc_is_set(gone->since);
}

/* Until the next plan, which has it as it is. */
static void block_no_more_gone(const struct subscription *s) {
        for (size_t i = 0; i < s->plan->n_actions; i++) {
                struct action *action = &s->plan->actions[i];

                if (is_no_more_gone(s, action))
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

        engine_fill_standing(s->engine, s, &standing);
        blocked = standing.all | standing.subscription;
        if (!s->plan || s->serial != serial || !s->may_delete ||
            (action->retired && !subscription_retires(s, action)) || is_no_more_gone(s, action))
                return blocked | DOUBT_BIT(DOUBT_LISTING);
        if (action->series != ACTION_NO_SERIES)
                blocked |= s->plan->series[action->series].blocked;
        blocked &= ~applied_accepted(s->engine, s->plan, action);
        if (is_held(s, action))
                blocked |= BLOCK_HOLD;
        return blocked;
}

void subscription_settle(struct subscription *s) {
        struct standing standing;

        if (!s->plan)
                return;
        engine_fill_standing(s->engine, s, &standing);
        plan_settle(s->plan, &standing);
        allow_applied(s->engine, s->plan);
        block_held(s);
        block_unretired(s);
        block_no_more_gone(s);
}
