/*
 * clock: where "now" comes from. An interface: runtime reads the kernel, sim has virtual time.
 *
 * Time is an argument everywhere else: a step reads the clock at its edge and hands the values
 * down. Nobody keeps an old "now".
 */
#pragma once

#include "base/time.h"

struct clock;

struct clock_ops {
        struct mono (*mono)(struct clock *clock);
        struct utc (*utc)(struct clock *clock);
};

struct clock {
        const struct clock_ops *ops;
};

/* CLOCK_BOOTTIME: goes on in suspend, never steps. */
static inline struct mono clock_mono(struct clock *clock) {
        return clock->ops->mono(clock);
}

/* CLOCK_REALTIME: what the machine believes; may step either way at any time. */
static inline struct utc clock_utc(struct clock *clock) {
        return clock->ops->utc(clock);
}
