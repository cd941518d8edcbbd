/*
 * arm_clock: what time it is at ARM, by the Date of its replies and the time elapsed since.
 *
 * Slots, ages and plans go by it and never by the machine's own clock, which may be stepped, set wrong
 * or forgotten by a host that slept (DESIGN section 4: "No slot lies after ARM's own Date"). It is a
 * lower bound: a Date is cut to the second and some milliseconds old when it is read.
 *
 * One reply alone does not move it by more than a minute: a second one must agree. Our own clock counts
 * as a witness for the first.
 */
#pragma once

#include "base/time.h"

#include <stdbool.h>

/* DESIGN section 5, doubt clock: "more than a minute off the Date of ARM". */
#define ARM_CLOCK_OFF_S 60

struct arm_clock {
        bool set;
        struct utc at; /* ARM's time at @mono, at least */
        struct mono mono;
        bool has_candidate; /* a reply said something else, and no second one has agreed yet */
        struct utc candidate;
        struct mono candidate_mono;
};

/* Takes in the Date of a reply to what was sent at @sent and is read at @now, @wall being our clock.
 * Returns whether our clock is within a minute of it. */
bool arm_clock_see(struct arm_clock *clock, struct utc date, struct mono sent, struct mono now,
                   struct utc wall);
/* @wall when it was never set. */
struct utc arm_clock_now(const struct arm_clock *clock, struct mono now, struct utc wall);
