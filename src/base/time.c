/*
 * The proleptic Gregorian calendar and the text forms of instants. Our own since libc's functions
 * read TZ and the locale, and pure code may know neither.
 */
#include "base/time.h"

#include "base/macros.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int64_t civil_to_days(int64_t year, int month, int day) {
        int64_t era, year_of_era, day_of_year, day_of_era;

        assert(month >= 1 && month <= 12);

        /* Years are counted from March, so that the leap day is the last of its year. */
        if (month <= 2)
                year--;
        era = (year >= 0 ? year : year - 399) / 400;
        year_of_era = year - era * 400;
        day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_days(int64_t days) {
        int64_t era, day_of_era, year_of_era, day_of_year, shifted_month;
        struct civil civil = {};

        days += 719468;
        era = (days >= 0 ? days : days - 146096) / 146097;
        day_of_era = days - era * 146097;
        year_of_era =
                (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        shifted_month = (5 * day_of_year + 2) / 153;

        civil.day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
        civil.month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
        civil.year = year_of_era + era * 400 + (civil.month <= 2);
        return civil;
}

int64_t civil_to_seconds(const struct civil *civil) {
        return civil_to_days(civil->year, civil->month, civil->day) * SEC_PER_DAY +
               civil->hour * SEC_PER_HOUR + civil->minute * SEC_PER_MINUTE + civil->second;
}

struct civil civil_from_seconds(int64_t seconds) {
        int64_t days, rest;
        struct civil civil;

        days = seconds / SEC_PER_DAY;
        rest = seconds % SEC_PER_DAY;
        if (rest < 0) {
                days--;
                rest += SEC_PER_DAY;
        }

        civil = civil_from_days(days);
        civil.hour = (int)(rest / SEC_PER_HOUR);
        civil.minute = (int)(rest / SEC_PER_MINUTE % 60);
        civil.second = (int)(rest % 60);
        return civil;
}

int civil_weekday(int64_t days) {
        int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */

        return (int)(weekday < 0 ? weekday + 7 : weekday);
}

int civil_days_in_month(int64_t year, int month) {
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        assert(month >= 1 && month <= 12);
        return days[month - 1] + (month == 2 && leap);
}

/* Reads exactly @n digits at @p. Returns the number or -1. */
static int digits(const char *p, int n) {
        int value = 0;

        for (int i = 0; i < n; i++) {
                if (p[i] < '0' || p[i] > '9')
                        return -1;
                value = value * 10 + (p[i] - '0');
        }
        return value;
}

/* Checks the ranges of a civil time that was read from text, and converts it. */
static int civil_checked_seconds(const struct civil *civil, int64_t *ret_seconds) {
        if (civil->year < 1 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
            civil->day > civil_days_in_month(civil->year, civil->month))
                return -EINVAL;
        if (civil->hour < 0 || civil->hour > 23 || civil->minute < 0 || civil->minute > 59 ||
            civil->second < 0 || civil->second > 59)
                return -EINVAL;

        *ret_seconds = civil_to_seconds(civil);
        return 0;
}

int utc_parse(const char *text, size_t len, struct utc *ret_time) {
        struct civil civil;
        int64_t seconds, ticks = 0, scale = TICKS_PER_SEC / 10;
        size_t i = 19;
        int r;

        if (len < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
            text[13] != ':' || text[16] != ':')
                return -EINVAL;

        civil = (struct civil){
                .year = digits(text, 4),
                .month = digits(text + 5, 2),
                .day = digits(text + 8, 2),
                .hour = digits(text + 11, 2),
                .minute = digits(text + 14, 2),
                .second = digits(text + 17, 2),
        };
        r = civil_checked_seconds(&civil, &seconds);
        if (r < 0)
                return r;

        if (text[i] == '.') {
                size_t first = ++i;

                for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
                        ticks += (text[i] - '0') * scale;
                        scale /= 10;
                }
                if (i == first)
                        return -EINVAL;
        }

        if (i + 1 == len && (text[i] == 'Z' || text[i] == 'z')) {
                /* as it is */
        } else if (i + 6 == len && (text[i] == '+' || text[i] == '-') && text[i + 3] == ':') {
                int hours = digits(text + i + 1, 2), minutes = digits(text + i + 4, 2);
                int64_t offset;

                if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
                        return -EINVAL;
                offset = hours * SEC_PER_HOUR + minutes * SEC_PER_MINUTE;
                seconds += text[i] == '+' ? -offset : offset;
        } else
                return -EINVAL;

        if (seconds < UTC_MIN_SECONDS || seconds > UTC_MAX_SECONDS)
                return -EINVAL;
        *ret_time = (struct utc){seconds * TICKS_PER_SEC + ticks};
        return 0;
}

int utc_parse_slot(const char *text, size_t len, struct utc *ret_time) {
        struct civil civil;
        int64_t seconds;
        int r;

        if (len != UTC_SLOT_SIZE - 1 || text[8] != 'T' || text[15] != 'Z')
                return -EINVAL;

        civil = (struct civil){
                .year = digits(text, 4),
                .month = digits(text + 4, 2),
                .day = digits(text + 6, 2),
                .hour = digits(text + 9, 2),
                .minute = digits(text + 11, 2),
                .second = digits(text + 13, 2),
        };
        r = civil_checked_seconds(&civil, &seconds);
        if (r < 0)
                return r;

        *ret_time = utc_from_seconds(seconds);
        return 0;
}

int utc_parse_http_date(const char *text, struct utc *ret_time) {
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        static const char weekdays[] = "MonTueWedThuFriSatSun";
        struct civil civil;
        int64_t seconds;
        int r;

        if (strlen(text) != 29 || memcmp(text + 3, ", ", 2) != 0 || text[7] != ' ' ||
            text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':' ||
            memcmp(text + 25, " GMT", 4) != 0)
                return -EINVAL;

        civil = (struct civil){
                .year = digits(text + 12, 4),
                .day = digits(text + 5, 2),
                .hour = digits(text + 17, 2),
                .minute = digits(text + 20, 2),
                .second = digits(text + 23, 2),
        };
        for (int i = 0; i < 12; i++)
                if (memcmp(text + 8, months + i * 3, 3) == 0)
                        civil.month = i + 1;
        r = civil_checked_seconds(&civil, &seconds);
        if (r < 0)
                return r;

        if (memcmp(text,
                   weekdays + civil_weekday(civil_to_days(civil.year, civil.month, civil.day)) * 3,
                   3) != 0)
                return -EINVAL;
        *ret_time = utc_from_seconds(seconds);
        return 0;
}

/* The last @n decimal digits of @value. Returns their end. */
static char *append_digits(char *out, int value, int n) {
        for (int i = n; i-- > 0; value /= 10)
                out[i] = (char)('0' + value % 10);
        return out + n;
}

const char *utc_format(struct utc time, char buffer[static UTC_TEXT_SIZE]) {
        int64_t seconds = utc_seconds(time), fraction = time.ticks - seconds * TICKS_PER_SEC;
        struct civil c = civil_from_seconds(seconds);
        const struct {
                char before;
                int value;
        } parts[] = {{'-', c.month}, {'-', c.day}, {'T', c.hour}, {':', c.minute}, {':', c.second}};
        char *end = append_digits(buffer, (int)c.year, 4);

        assert(seconds >= UTC_MIN_SECONDS && seconds <= UTC_MAX_SECONDS);

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                *end++ = parts[i].before;
                end = append_digits(end, parts[i].value, 2);
        }
        if (fraction) {
                *end++ = '.';
                end = append_digits(end, (int)fraction, 7);
        }
        *end++ = 'Z';
        *end = '\0';
        return buffer;
}

const char *utc_format_slot(struct utc time, char buffer[static UTC_SLOT_SIZE]) {
        int64_t seconds = utc_seconds(time);
        struct civil c = civil_from_seconds(seconds);
        char *end = buffer;

        assert(seconds >= UTC_MIN_SECONDS && seconds <= UTC_MAX_SECONDS);

        /* By hand: a name is derived for every row of a listing. */
        end = append_digits(end, (int)c.year, 4);
        end = append_digits(end, c.month, 2);
        end = append_digits(end, c.day, 2);
        *end++ = 'T';
        end = append_digits(end, c.hour, 2);
        end = append_digits(end, c.minute, 2);
        end = append_digits(end, c.second, 2);
        *end++ = 'Z';
        *end = '\0';
        return buffer;
}
