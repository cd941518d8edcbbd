/*
 * What of the plan may begin now: creates and deletions, each when its time, its survivors and the budget
 * allow it.
 */
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>

/* When its request that changes something may go. */
static struct mono action_permit(const struct subscription *s, const struct action *action,
                                 const char *region, struct mono now) {
        struct budget_ask ask = {.region = region};

        ask.kind = action->kind == ACTION_CREATE ? BUDGET_KIND_CREATE : BUDGET_KIND_DELETE;
        ask.rank = action->kind == ACTION_CREATE ? BUDGET_RANK_CREATE : BUDGET_RANK_PRUNE;
        return budget_when(s->budget, &ask, now);
}

/*
 * Whether the snapshot may exist although the world does not show it: listings lag, are in doubt or no
 * longer show what they did; a try may have had its effect; a life before this one may have taken it, of
 * which a listing says as little as rights let it; or another daemon was in time while this one slept or
 * was late, or took it while ours failed.
 */
static bool action_may_be_done(const struct subscription *s, const struct action *action,
                               const struct memory *memory) {
        if (s->lagging > 0 || s->listing.stands || s->vanishing > 0 || memory->maybe_done ||
            memory->backoff.failures > 0)
                return true;
        if (action->slot.ticks < s->awake_from.ticks)
                return true;
        return engine_now(s->engine).ticks - action->slot.ticks >
               ENGINE_SWEEP_SOON_S * TICKS_PER_SEC;
}

/* The conversation of the action; a create's has its permit, unless it begins with a look. Returns 0 or
 * -ENOMEM. */
static int action_begin(struct subscription *s, const struct action *action, const char *region,
                        bool look_first, struct mono now, struct operation **ret_op) {
        struct operation *op;
        int r;

        r = action->kind == ACTION_CREATE ? snapshot_new(s->engine, s, action, look_first, now, &op)
                                          : prune_new(s->engine, s, action, now, &op);
        if (r < 0)
                return r;

        op->region = strdup(region);
        r = op->region ? 0 : -ENOMEM;
        if (r == 0 && action->kind == ACTION_CREATE && !look_first)
                r = operation_reserve(op, BUDGET_KIND_CREATE, BUDGET_RANK_CREATE, now);
        if (r < 0) {
                operation_free(op);
                return r;
        }
        *ret_op = op;
        return 0;
}

static void subscription_admit(struct subscription *s, const struct action *action,
                               const char *region, struct memory *memory, struct mono now) {
        struct operation *op;

        if (action_begin(s, action, region, action_may_be_done(s, action, memory), now, &op) < 0)
                return;

        memory->running = true;
        memory->astray = false;
        memory->not_before = now;
        if (action->kind == ACTION_DELETE)
                s->deleting++;
        engine_add(s->engine, op);
}

bool subscription_admit_kind(struct subscription *s, enum action_kind kind, struct mono now) {
        struct world_view view = world_view(s->world);
        uint32_t waits = 0;
        bool busy = false;

        for (size_t i = 0; i < s->plan->n_actions; i++) {
                const struct action *action = &s->plan->actions[i];
                const char *region;
                struct memory *memory;
                struct mono permit;

                if (action->kind != kind || action->blocked != 0)
                        continue;
                /* While another slot of the series is under way, the memory is of that one. */
                memory = s->tries[i] ?: subscription_memory(s, action);
                if (memory && !memory->running)
                        s->tries[i] = memory;
                if (!memory || memory->running || memory->done || now.ns < memory->not_before.ns ||
                    (memory->astray && s->disks_at.ns == 0) ||
                    (kind == ACTION_DELETE && memory->failed_in == s->serial))
                        continue;
                busy = true;
                if (!subscription_has_room(s))
                        break;
                if (kind == ACTION_DELETE && action->series != ACTION_NO_SERIES &&
                    !subscription_survivors_stand(s, action->series, now))
                        continue;
                if (waits != 0 && action->region == waits)
                        continue;
                region = action->region != 0 ? view_str(&view, action->region) : "";
                permit = action_permit(s, action, region, now);
                if (permit.ns > now.ns) {
                        s->permit_at.ns = MIN(s->permit_at.ns, permit.ns);
                        if (kind == ACTION_CREATE && s->one_region)
                                break;
                        waits = action->region; /* so does all that goes there */
                        continue;
                }
                subscription_admit(s, action, region, memory, now);
        }
        return busy;
}
