/*
 * zone: a time zone read from TZif bytes (RFC 8536 and its successor RFC 9636).
 *
 * A zone is a value: made once from the bytes of a file, never changed, so that several zones live
 * in one process and nothing depends on TZ. Who fetches the bytes is base/zones.h's affair.
 *
 * Instants are seconds since 1970-01-01T00:00:00Z, leap seconds ignored; local times are civil
 * times counted in the same way. After the last transition of the file the rule of its footer
 * goes on for ever, and instants before the first have the file's first type, as the RFC says.
 *
 * It knows offsets alone: no abbreviations, and no "is it daylight saving time", which no schedule
 * may depend on (Europe/Dublin has it in winter).
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone;

enum {
        ZONE_E_DAMAGED = 1,  /* not TZif, cut, or it contradicts itself or RFC 8536 */
        ZONE_E_VERSION,      /* version 1: 32-bit times and no rule for the future */
        ZONE_E_LEAP_SECONDS, /* it counts leap seconds ("right/..."): not POSIX's times */
        ZONE_E_NO_RULE,      /* the footer is empty: what holds after the table is unspecified */
};

/* RFC 8536 section 3.2: "utoff SHOULD be more than -25 hours and less than 26 hours". A file
 * beyond that is refused, so that the searches below are bounded. */
#define ZONE_OFFSET_MIN (-89999)
#define ZONE_OFFSET_MAX 93599
/* Two instants of one local time are never further apart than this. */
#define ZONE_SPAN_MAX (ZONE_OFFSET_MAX - ZONE_OFFSET_MIN)

/* 0000-01-01T00:00:00Z and 10000-12-31T23:59:59Z: a year more on either side than struct utc has,
 * so that also its first and last local times are converted by what holds around them. */
#define ZONE_CHANGES_FROM INT64_C(-62167219200)
#define ZONE_CHANGES_UNTIL INT64_C(253433923199)

/* A moment at which the offset changes. Transitions that change only the abbreviation are none. */
struct zone_change {
        int64_t at;     /* the first instant with the offset @after */
        int32_t before; /* seconds east of UTC until then */
        int32_t after;
};

enum zone_local {
        ZONE_LOCAL_ONCE,     /* an ordinary time */
        ZONE_LOCAL_GAP,      /* clocks never show it: they were put forward over it */
        ZONE_LOCAL_REPEATED, /* clocks show it more than once: they were put back */
};

/*
 * Reads the @len bytes of a TZif file of version 2 or later; @name is copied. Nothing is taken on
 * trust: a file is either sound as a whole or refused.
 *
 * Returns 0, ZONE_E_*, or -ENOMEM.
 */
int zone_parse(const char *bytes, size_t len, const char *name, struct zone **ret_zone);
struct zone *zone_free(struct zone *zone);
DEFINE_CLEANUP(struct zone *, zone_free)

/* A sentence part such as "the file is damaged" for ZONE_E_*. */
const char *zone_problem(int e);

/* All of these take NULL for UTC. */

/* The name given to zone_parse(), "UTC" for NULL. */
const char *zone_name(const struct zone *zone);

/* Seconds east of UTC at the instant; 0 for NULL, which is UTC. */
int32_t zone_offset(const struct zone *zone, int64_t seconds);

/* The first change strictly after @after, the last one at or before @at. Return false when there
 * is none; those outside the years 0 to 10000 are not looked for. */
bool zone_next_change(const struct zone *zone, int64_t after, struct zone_change *ret_change);
bool zone_previous_change(const struct zone *zone, int64_t at, struct zone_change *ret_change);

/*
 * The first instant at which clocks show @local or later. For a repeated time that is its first
 * pass; for a time in a gap it is the gap's end. Never decreases as @local grows. @local lies in
 * the years 0 to 10000.
 */
int64_t zone_first_instant(const struct zone *zone, int64_t local);

/*
 * The latest local time that clocks have shown up to and including @at: @at's own, but in the
 * second pass of a repeated hour, where it is the end of the first. The counterpart of
 * zone_first_instant(), whose answer lies at or before @at for exactly the local times up to this.
 */
int64_t zone_latest_local(const struct zone *zone, int64_t at);

/*
 * All about one local time: *ret_first is zone_first_instant(), *ret_last the last instant that
 * shows @local (in a gap, again its end). Either may be NULL.
 */
enum zone_local zone_local_to_instants(const struct zone *zone, int64_t local, int64_t *ret_first,
                                       int64_t *ret_last);
