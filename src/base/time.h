/*
 * Instants, in two types that do not mix, and the text forms the project uses.
 *
 * struct utc is the calendar's time, in Azure's own resolution of 100 ns ticks, counted from
 * 1970-01-01T00:00:00Z, leap seconds ignored (POSIX). It covers the years 0001 to 9999: anything
 * else is refused where it is read. struct mono is CLOCK_BOOTTIME: it never steps and goes on in
 * suspend; deadlines and the lives of tokens are measured in it. Neither is ever read from a clock
 * here: clock.h does that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define TICKS_PER_SEC INT64_C(10000000)
#define NSEC_PER_TICK INT64_C(100)
#define SEC_PER_MINUTE INT64_C(60)
#define SEC_PER_HOUR INT64_C(3600)
#define SEC_PER_DAY INT64_C(86400)

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.9999999Z: what RFC 3339 can write. */
#define UTC_MIN_SECONDS INT64_C(-62135596800)
#define UTC_MAX_SECONDS INT64_C(253402300799)

struct utc {
        int64_t ticks;
};

struct mono {
        int64_t ns;
};

/* No instant: sorts before every real one. */
#define UTC_NONE ((struct utc){INT64_MIN})
/* A deadline that never comes. */
#define MONO_NEVER ((struct mono){INT64_MAX})
#define UTC_NEVER ((struct utc){INT64_MAX})

/* "2026-11-23T02:15:00.1234567Z" and its NUL; without a fraction where it is zero. */
#define UTC_TEXT_SIZE 32
/* "20261123T021500Z" and its NUL: the form of slots in names and tags. */
#define UTC_SLOT_SIZE 17

static inline struct utc utc_from_seconds(int64_t seconds) {
        return (struct utc){seconds * TICKS_PER_SEC};
}

static inline bool utc_is_set(struct utc t) {
        return t.ticks != INT64_MIN;
}

/* Whole seconds, rounded towards the past, also before 1970. */
static inline int64_t utc_seconds(struct utc t) {
        int64_t s = t.ticks / TICKS_PER_SEC;

        return t.ticks % TICKS_PER_SEC < 0 ? s - 1 : s;
}

static inline struct utc utc_add_seconds(struct utc t, int64_t seconds) {
        return (struct utc){t.ticks + seconds * TICKS_PER_SEC};
}

static inline struct mono mono_add_ns(struct mono t, int64_t ns) {
        int64_t sum;

        if (__builtin_add_overflow(t.ns, ns, &sum))
                return ns < 0 ? (struct mono){INT64_MIN} : MONO_NEVER;
        return (struct mono){sum};
}

/* A calendar date and time of day without a zone. month and day count from 1. */
struct civil {
        int64_t year;
        int month, day, hour, minute, second;
};

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. Months outside
 * 1..12 are the caller's fault; days may run over. Algorithm: H. Hinnant, "chrono-compatible
 * low-level date algorithms". */
int64_t civil_to_days(int64_t year, int month, int day);
struct civil civil_from_days(int64_t days);
int64_t civil_to_seconds(const struct civil *civil);
struct civil civil_from_seconds(int64_t seconds);
/* 0 is Monday, 6 is Sunday. */
int civil_weekday(int64_t days);
int civil_days_in_month(int64_t year, int month);

/*
 * Parses RFC 3339 as Azure writes it: "2023-05-26T02:55:15.7249065+00:00", fraction of 0 to 7
 * digits (more are accepted and cut, as the service writes 7), 'Z' or a numeric offset. A leap
 * second ":60" is refused. Takes exactly @len bytes.
 *
 * Returns 0, or -EINVAL; *ret_time is then untouched.
 */
int utc_parse(const char *text, size_t len, struct utc *ret_time);

/* Parses "20261123T021500Z" of exactly @len bytes. Returns 0 or -EINVAL. */
int utc_parse_slot(const char *text, size_t len, struct utc *ret_time);

/* Parses the date of an HTTP header, "Fri, 26 May 2023 02:55:10 GMT" (RFC 9110 section 5.6.7, the
 * preferred form alone, with the right weekday). Returns 0 or -EINVAL. */
int utc_parse_http_date(const char *text, struct utc *ret_time);

/* Write and return @buffer. A time outside the years 0001 to 9999 is an assertion. */
const char *utc_format(struct utc time, char buffer[static UTC_TEXT_SIZE]);
const char *utc_format_slot(struct utc time, char buffer[static UTC_SLOT_SIZE]);
