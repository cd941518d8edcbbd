#include "engine/arm_clock.h"

#include "base/macros.h"

static struct utc utc_after(struct utc at, struct mono then, struct mono now) {
        return (struct utc){at.ticks + (now.ns - then.ns) / NSEC_PER_TICK};
}

/* How far @at lies outside of what a reply with this Date can mean at @now: ARM wrote it between @sent
 * and @now, and cut it to the second. In ticks; negative: before, positive: after, 0: within. */
static int64_t date_error(struct utc at, struct utc date, struct mono sent, struct mono now) {
        int64_t early = date.ticks - at.ticks;
        int64_t late = -early - TICKS_PER_SEC - (now.ns - sent.ns) / NSEC_PER_TICK;

        if (early > 0)
                return -early;
        return MAX(late, (int64_t)0);
}

static bool date_agrees(struct utc at, struct utc date, struct mono sent, struct mono now) {
        int64_t error = date_error(at, date, sent, now);

        return error >= -ARM_CLOCK_OFF_S * TICKS_PER_SEC &&
               error <= ARM_CLOCK_OFF_S * TICKS_PER_SEC;
}

bool arm_clock_see(struct arm_clock *clock, struct utc date, struct mono sent, struct mono now,
                   struct utc wall) {
        bool ours = date_agrees(wall, date, sent, now);
        bool known =
                clock->set && date_agrees(utc_after(clock->at, clock->mono, now), date, sent, now);
        bool seconded = clock->has_candidate &&
                        date_agrees(utc_after(clock->candidate, clock->candidate_mono, now), date,
                                    sent, now);

        if (known || seconded || (ours && !clock->set)) {
                struct utc at = date;

                /* Within the second: the later of two lower bounds is the better one. */
                if (known &&
                    date_error(utc_after(clock->at, clock->mono, now), date, sent, now) == 0)
                        at = utc_after(clock->at, clock->mono, now);
                clock->set = true;
                clock->at = at;
                clock->mono = now;
                clock->has_candidate = false;
                return ours;
        }

        clock->has_candidate = true;
        clock->candidate = date;
        clock->candidate_mono = now;
        return ours;
}

struct utc arm_clock_now(const struct arm_clock *clock, struct mono now, struct utc wall) {
        return clock->set ? utc_after(clock->at, clock->mono, now) : wall;
}
