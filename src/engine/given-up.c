/*
 * Creates that were given up and may come out yet: their PUT had its effect, and nobody could see it in
 * time. The series has gone on with its next slot by then, so that no operation is left to tell of them.
 */
#include "engine/engine-internal.h"

#include <string.h>

/* Chosen: what no listing has shown for a day never arrived. */
#define GIVEN_UP_LIFE_NS (SEC_PER_DAY * NSEC_PER_SEC)
/* Of all series. Chosen: one of each of ten thousand disks, some 8 MiB; a day without answers would have one for
 * each of their slots. */
#define GIVEN_UP_MAX 10000

struct given_up {
        struct given_up *next;
        struct action action;
        struct mono began;
        bool underway; /* as listed last */
};

/* Takes the one at @link out. */
static void given_up_drop(struct engine *engine, struct given_up **link) {
        struct given_up *given_up = *link;

        *link = given_up->next;
        engine->n_given_up--;
        action_deinit(&given_up->action);
        free(given_up);
}

void given_up_forget(struct engine *engine, struct memory *memory) {
        while (memory->given_up)
                given_up_drop(engine, &memory->given_up);
}

/* Whether there is room for one more, the oldest of the series making it if need be. */
static bool given_up_has_room(struct engine *engine, struct memory *memory) {
        struct given_up **link = &memory->given_up;

        while (*link && (*link)->next)
                link = &(*link)->next;
        if (engine->n_given_up >= GIVEN_UP_MAX && *link)
                given_up_drop(engine, link);
        return engine->n_given_up < GIVEN_UP_MAX;
}

void given_up_end(struct engine *engine, struct memory *memory, const struct action *action) {
        struct given_up **link = &memory->given_up;

        while (*link)
                if ((*link)->action.slot.ticks == action->slot.ticks)
                        given_up_drop(engine, link);
                else
                        link = &(*link)->next;
}

void given_up_note(struct memory *memory, const struct operation *op, const struct action *action) {
        struct engine *engine = op->engine;
        struct given_up *given_up;

        given_up_end(engine, memory, action);
        /* Without memory, and beyond the ceiling, a message is lost, nothing else. */
        if (!given_up_has_room(engine, memory))
                return;
        given_up = calloc(1, sizeof(*given_up));
        if (!given_up || action_copy(action, &given_up->action) < 0) {
                free(given_up);
                return;
        }
        given_up->began = op->began;
        given_up->next = memory->given_up;
        memory->given_up = given_up;
        engine->n_given_up++;
}

bool given_up_is_underway(const struct memory *memory) {
        for (const struct given_up *given_up = memory->given_up; given_up;
             given_up = given_up->next)
                if (given_up->underway)
                        return true;
        return false;
}

/* What the world shows of one; while it shows nothing, or that it is being made, it is waited for.
 * Returns whether it came out. */
static bool given_up_look(struct subscription *s, struct memory *memory, struct given_up *given_up,
                          struct mono now) {
        const struct action *action = &given_up->action;
        const struct snapshot_row *row = subscription_find_row(s, action);

        if (row && action_is_filled_by(action, row)) {
                bool is_last = memory->told && memory->slot.ticks == action->slot.ticks;

                report_found(s, action, is_last ? memory->backoff.failures : 0, given_up->began,
                             now);
                if (is_last) {
                        subscription_tell(s, memory, false);
                        backoff_reset(&memory->backoff);
                }
                return true;
        }
        given_up->underway = row && (row->flags & ROW_UNDERWAY);
        return false;
}

static void memory_find_given_up(struct subscription *s, struct memory *memory, struct mono now) {
        struct given_up **link = &memory->given_up;

        while (*link) {
                bool is_tried_again =
                        memory->running && memory->slot.ticks == (*link)->action.slot.ticks;

                /* One that is tried again tells of itself. */
                if (!is_tried_again && (given_up_look(s, memory, *link, now) ||
                                        now.ns - (*link)->began.ns > GIVEN_UP_LIFE_NS))
                        given_up_drop(s->engine, link);
                else
                        link = &(*link)->next;
        }
}

void subscription_find_given_up(struct subscription *s, struct mono now) {
        struct memory *memory, *next;

        HASH_ITER (hh, s->memories, memory, next)
                memory_find_given_up(s, memory, now);
}
