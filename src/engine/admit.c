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

/* One look through the plan for what of a kind may begin. */
struct admission {
        struct subscription *s;
        enum action_kind kind;
        struct mono now;
        struct world_view view;
        uint32_t waits; /* region that waits for the budget, the last one found; 0: none */
        bool busy;      /* some began or wait */
        bool full;      /* no more can begin */
};

static void admission_try(struct admission *a, size_t i) {
        struct subscription *s = a->s;
        const struct action *action = &s->plan->actions[i];
        const char *region;
        struct memory *memory;
        struct mono permit;

        if (action->kind != a->kind || action->blocked != 0)
                return;
        /* While another slot of the series is under way, the memory is of that one. */
        memory = s->tries[i] ?: subscription_memory(s, action);
        if (memory && !memory->running)
                s->tries[i] = memory;
        if (!memory || memory->running || memory->done || a->now.ns < memory->not_before.ns ||
            (memory->astray && s->disks_at.ns == 0) ||
            (a->kind == ACTION_DELETE && memory->failed_in == s->serial))
                return;
        a->busy = true;
        a->full =
                !subscription_has_room(s, /* beside= */ a->kind == ACTION_CREATE ? s->deleting : 0);
        if (a->full)
                return;
        if (a->kind == ACTION_DELETE && action->series != ACTION_NO_SERIES &&
            !subscription_survivors_stand(s, action->series, a->now))
                return;
        if (a->waits != 0 && action->region == a->waits)
                return;
        region = action->region != 0 ? view_str(&a->view, action->region) : "";
        permit = action_permit(s, action, region, a->now);
        if (permit.ns > a->now.ns) {
                s->permit_at.ns = MIN(s->permit_at.ns, permit.ns);
                a->full = a->kind == ACTION_CREATE && s->one_region;
                a->waits = action->region; /* so does all that goes there */
                return;
        }
        subscription_admit(s, action, region, memory, a->now);
}

/*
 * With which of @n creates of one slot to begin: with another in each slot, as by chance. Where there is not
 * room for all before the next slot, those that come last have none; always the same ones they would be in
 * the order of their names.
 */
static size_t slot_first(const struct action *action, size_t n) {
        uint64_t slot = (uint64_t)(action->slot.ticks / TICKS_PER_SEC);

        return action->kind == ACTION_CREATE
                       ? (size_t)((slot * UINT64_C(0x9e3779b97f4a7c15) >> 32) % n)
                       : 0;
}

bool subscription_admit_kind(struct subscription *s, enum action_kind kind, struct mono now) {
        struct admission a = {.s = s, .kind = kind, .now = now, .view = world_view(s->world)};
        const struct plan *plan = s->plan;

        for (size_t begin = 0, end; begin < plan->n_actions && !a.full; begin = end) {
                const struct action *action = &plan->actions[begin];
                size_t first;

                end = begin + 1;
                while (end < plan->n_actions && plan->actions[end].kind == action->kind &&
                       plan->actions[end].slot.ticks == action->slot.ticks)
                        end++;
                first = slot_first(action, end - begin);
                for (size_t i = 0; i < end - begin && !a.full; i++)
                        admission_try(&a, begin + (first + i) % (end - begin));
        }
        return a.busy;
}
