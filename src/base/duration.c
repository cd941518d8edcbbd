#include "base/duration.h"

#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* From the largest to the smallest: the order in which they may stand. */
static const struct {
        char name;
        int64_t seconds;
} units[] = {
        {'w', 7 * SEC_PER_DAY}, {'d', SEC_PER_DAY}, {'h', SEC_PER_HOUR},
        {'m', SEC_PER_MINUTE},  {'s', 1},
};

/* Units of systemd.time(7) that are longer than any fixed number of days, and English words. */
static bool unit_is_calendar(const char *text, size_t len) {
        static const char *const names[] = {"M",  "y",   "mo",   "mon",   "month", "months",
                                            "yr", "yrs", "year", "years", "Y"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
                        return true;
        return false;
}

int duration_parse(const char *text, size_t len, int64_t *ret_seconds) {
        size_t at = 0, next_unit = 0;
        int64_t sum = 0;

        if (len == 0)
                return DURATION_E_SHAPE;

        while (at < len) {
                size_t digits = at, unit;
                uint64_t number = 0;
                size_t i;

                while (at < len && ascii_is_digit(text[at]))
                        at++;
                unit = at;
                if (unit == digits)
                        return DURATION_E_SHAPE;
                if (unit == len)
                        return DURATION_E_NO_UNIT;
                while (at < len && ascii_is_alnum(text[at]) && !ascii_is_digit(text[at]))
                        at++;
                if (at == unit)
                        return DURATION_E_SHAPE;

                for (i = 0; i < ARRAY_SIZE(units); i++)
                        if (at - unit == 1 && text[unit] == units[i].name)
                                break;
                if (i == ARRAY_SIZE(units))
                        return unit_is_calendar(text + unit, at - unit) ? DURATION_E_CALENDAR
                                                                        : DURATION_E_UNIT;
                if (i < next_unit)
                        return DURATION_E_ORDER;
                next_unit = i + 1;

                /* Leading zeros are refused with the other shapes: "010m" is not worth a guess. */
                switch (str_parse_u64(text + digits, unit - digits,
                                      (uint64_t)(DURATION_MAX_S / units[i].seconds), &number)) {
                case 0:
                        break;
                case -ERANGE:
                        return DURATION_E_RANGE;
                default:
                        return DURATION_E_SHAPE;
                }
                sum += (int64_t)number * units[i].seconds;
                if (sum > DURATION_MAX_S)
                        return DURATION_E_RANGE;
        }
        *ret_seconds = sum;
        return 0;
}

const char *duration_problem(int e) {
        switch (e) {
        case DURATION_E_NO_UNIT:
                return "is a number without a unit";
        case DURATION_E_CALENDAR:
                return "counts months or years, which have no fixed length (30d and 365d have)";
        case DURATION_E_UNIT:
                return "has a unit that is none of s, m, h, d and w";
        case DURATION_E_ORDER:
                return "has a unit twice or the smaller unit first";
        case DURATION_E_RANGE:
                return "is too long";
        default:
                return "is not a duration";
        }
}

void duration_append(int64_t seconds, struct strbuf *out) {
        bool any = false;

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                int64_t n = seconds / units[i].seconds;

                /* Weeks only where they say it whole: 30d is plainer than 4w2d. */
                if (units[i].name == 'w' && seconds % units[i].seconds != 0)
                        continue;
                if (n == 0)
                        continue;
                strbuf_appendf(out, "%lld%c", (long long)n, units[i].name);
                seconds -= n * units[i].seconds;
                any = true;
        }
        if (!any)
                strbuf_append_str(out, "0s");
}
