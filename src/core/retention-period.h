/*
 * Calendar periods of a local time, for retention alone.
 */
#pragma once

#include "core/retention.h"

#include <stdint.h>

/*
 * One hour, day, week, month or year. Periods of one rule are ordered as they come in time.
 */
struct period {
        int64_t number; /* of days, weeks, months, years; of an hour its first second in UTC */
        int32_t offset; /* of an hour its offset from UTC; otherwise 0 */
};

/* The period of @rule (not KEEP_LAST) that holds the instant, where the offset from UTC then is
 * @offset seconds. */
struct period period_of(enum keep_rule rule, int64_t seconds, int32_t offset);
int period_compare(const struct period *a, const struct period *b);
