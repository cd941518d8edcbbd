#include "core/retention-period.h"

#include <assert.h>

static int64_t floor_div(int64_t value, int64_t divisor) {
        int64_t q = value / divisor;

        return value % divisor < 0 ? q - 1 : q;
}

struct period period_of(enum keep_rule rule, int64_t seconds, int32_t offset) {
        int64_t local = seconds + offset, days = floor_div(local, SEC_PER_DAY);
        struct civil civil;

        switch (rule) {
        case KEEP_HOURLY:
                /* Two passes of a repeated hour have two offsets. Taken back to UTC they are also in
                 * their order. */
                return (struct period){floor_div(local, SEC_PER_HOUR) * SEC_PER_HOUR - offset,
                                       offset};
        case KEEP_DAILY:
                return (struct period){days, 0};
        case KEEP_WEEKLY:
                /* Weeks of Monday to Sunday are those of ISO 8601, whatever year they are given to:
                 * no need for the number. 1970-01-01 was a Thursday. */
                return (struct period){floor_div(days + 3, 7), 0};
        case KEEP_MONTHLY:
                civil = civil_from_days(days);
                return (struct period){civil.year * 12 + civil.month - 1, 0};
        case KEEP_YEARLY:
                return (struct period){civil_from_days(days).year, 0};
        case KEEP_LAST:
        case _KEEP_RULE_N:
                break;
        }
        assert(!"not a rule of periods");
        return (struct period){};
}

int period_compare(const struct period *a, const struct period *b) {
        int c = CMP(a->number, b->number);

        return c != 0 ? c : CMP(a->offset, b->offset);
}
