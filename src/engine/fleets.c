/*
 * Doubt targets: how many disks each target has, all subscriptions together, and how many it is to have by
 * the file and by what the state remembers (DESIGN section 5).
 */
#include "engine/engine-internal.h"

#include <string.h>

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

uint32_t engine_target_blocks(struct engine *engine, size_t t) {
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
