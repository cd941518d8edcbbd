/*
 * calendar-internal: what the parser (calendar-parse.c) and the searches (calendar.c) share.
 */
#pragma once

#include "core/calendar.h"

#include <stdint.h>

enum calendar_part {
        CALENDAR_YEAR,
        CALENDAR_MONTH,
        CALENDAR_DAY,
        CALENDAR_HOUR,
        CALENDAR_MINUTE,
        CALENDAR_SECOND,
        _CALENDAR_PART_N,
};

/* "start", "start/repeat", "start..stop" or "start..stop/repeat". */
struct calendar_value {
        int start;
        int stop;        /* -1 when there is none */
        int repeat;      /* 0 when there is none; a range has 1 at least */
        size_t position; /* in the text, for errors of range */
};

struct calendar_chain {
        struct calendar_value *items; /* owned; none is '*', but see below */
        size_t n, capacity;
};

/* With year '*' also the local year 1969 is looked at, which zones west of Greenwich still have
 * after 1970-01-01T00:00:00Z. */
#define CALENDAR_YEAR_FIRST (CALENDAR_YEAR_MIN - 1)

struct calendar {
        /* As written, in normal order. A second of '*' is the one value 0/1, as in systemd, so that
         * "0/1" is written as '*' again. */
        struct calendar_chain chains[_CALENDAR_PART_N];
        unsigned weekdays; /* bit 0 is Monday; all seven when none was named */
        bool end_of_month; /* days count from the month's end, 1 is the last */
        char *zone_name;   /* owned, NULL when there is none */
        size_t zone_position;
        const struct zone *zone; /* bound, borrowed */

        /* The same as sets, one bit a value, for the searches. */
        uint64_t years[4];        /* bit 0 is CALENDAR_YEAR_FIRST */
        uint32_t months;          /* bit 0 is January */
        uint32_t days[4];         /* bit 0 is the first; for months of 28, 29, 30, 31 days */
        uint32_t weekday_days[7]; /* days that suit, for months that begin on Monday, ... */
        uint32_t hours;
        uint64_t minutes, seconds;
        int first_time, last_time; /* seconds of the day */
};

#define CALENDAR_WEEKDAYS_ALL 0x7fU
extern const char *const calendar_weekdays[7]; /* "Monday" and so on */

/* Puts the values in order and checks them. Returns 0 or CALENDAR_E_RANGE with both reterr_. */
int calendar_normalize(struct calendar *calendar, size_t *reterr_position,
                       const char **reterr_message);

/* Fills the sets from the chains, which have been checked. */
void calendar_compile(struct calendar *calendar);
