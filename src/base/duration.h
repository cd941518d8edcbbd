/*
 * duration: spans of time as policies write them, "90m", "2d", "1h30m".
 *
 * Numbers with the units w, d, h, m and s, the larger first, each at most once, without spaces: a
 * part of systemd.time(7) in which every text has one meaning. A unit is always there. d is 24
 * hours, w is 7 d. Months and years are refused, since they have no fixed length; so are fractions
 * and parts of a second, since slots are whole seconds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* 100 years of 365 d. Chosen: no rule means more, and sums of a few never overflow. */
#define DURATION_MAX_S (INT64_C(36500) * 86400)

enum {
        DURATION_E_SHAPE = 1, /* not numbers with units */
        DURATION_E_NO_UNIT,   /* a number without one at the end */
        DURATION_E_CALENDAR,  /* a month or a year */
        DURATION_E_UNIT,      /* another unit */
        DURATION_E_ORDER,     /* a unit twice, or the smaller first */
        DURATION_E_RANGE,     /* above DURATION_MAX_S */
};

/* Parses exactly @len bytes. Returns 0 or DURATION_E_*. */
int duration_parse(const char *text, size_t len, int64_t *ret_seconds);
/* A sentence part such as "has a number without a unit" for DURATION_E_*. */
const char *duration_problem(int e);
/* Appends the shortest text that parses to @seconds: "1h30m", "0s". */
void duration_append(int64_t seconds, struct strbuf *out);
