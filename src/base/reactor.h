/*
 * reactor: runs a callback later. An interface: runtime is a libuv loop, sim an event heap.
 *
 * A source is one callback with at most one deadline of each kind and at most one scheduled run.
 * Everything happens in one thread, and no callback runs from inside a call made here: it runs
 * from the reactor's own turn. A callback may do anything to any source, its own included.
 *
 * Callbacks do not think (STYLE section 7): they note what happened; the work is done by whoever
 * scheduled itself, once per turn.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"

enum reactor_reason {
        REACTOR_SCHEDULED,     /* reactor_schedule() was called */
        REACTOR_ELAPSED,       /* a deadline has come; it is disarmed before the call */
        REACTOR_CLOCK_CHANGED, /* the wall clock was stepped while a utc deadline was armed, which
                                  is disarmed before the call: read the clock, arm again. A resume
                                  from suspend arrives so too. */
};

typedef void (*reactor_fn)(enum reactor_reason reason, void *data);

struct reactor;
struct reactor_source;

struct reactor_ops {
        int (*source_new)(struct reactor *reactor, reactor_fn fn, void *data,
                          struct reactor_source **ret_source);
        void (*source_free)(struct reactor *reactor, struct reactor_source *source);
        void (*schedule)(struct reactor *reactor, struct reactor_source *source);
        int (*arm_mono)(struct reactor *reactor, struct reactor_source *source,
                        struct mono deadline);
        int (*arm_utc)(struct reactor *reactor, struct reactor_source *source, struct utc deadline);
};

struct reactor {
        const struct reactor_ops *ops;
};

/* Returns 0, or a negative errno when the system has no more timers or memory. */
static inline int reactor_source_new(struct reactor *reactor, reactor_fn fn, void *data,
                                     struct reactor_source **ret_source) {
        return reactor->ops->source_new(reactor, fn, data, ret_source);
}

/* After this the callback does not run any more. Copes with NULL, returns NULL. */
static inline struct reactor_source *reactor_source_free(struct reactor *reactor,
                                                         struct reactor_source *source) {
        if (source)
                reactor->ops->source_free(reactor, source);
        return NULL;
}

/* Runs the callback once in this turn or the next; calls before that run count as one. */
static inline void reactor_schedule(struct reactor *reactor, struct reactor_source *source) {
        reactor->ops->schedule(reactor, source);
}

/* Sets the one deadline on CLOCK_BOOTTIME; MONO_NEVER disarms it. A deadline that has passed runs
 * in the next turn. Returns 0 or a negative errno. */
static inline int reactor_arm_mono(struct reactor *reactor, struct reactor_source *source,
                                   struct mono deadline) {
        return reactor->ops->arm_mono(reactor, source, deadline);
}

/* Sets the one deadline on CLOCK_REALTIME, with notice of clock steps; UTC_NEVER waits for steps
 * alone and UTC_NONE disarms. Returns 0 or a negative errno. */
static inline int reactor_arm_utc(struct reactor *reactor, struct reactor_source *source,
                                  struct utc deadline) {
        return reactor->ops->arm_utc(reactor, source, deadline);
}
