/*
 * calendar: calendar events of systemd.time(7), "Mon..Fri 02:30" and the like.
 *
 * A calendar is a value: made once from its text and never changed but for the zone it is bound
 * to. The grammar is the one that systemd 252 accepts, whole. What differs:
 *
 * - Fractions of a second are refused.
 * - A zone may be named that is not installed: there are no files here, so the form alone decides,
 *   and whoever binds it says that it is missing.
 * - Two oversights of systemd's are not copied: it refuses "1,2,...,9" after '~', since it counts
 *   the month shorter for each value, and "5..5" in seconds.
 * - Nor are three slips of its search (all seen against 252): an open repetition such as "4/17"
 *   that runs over a month's end may jump over the next one's beginning, '~' may be a day off in a
 *   month with a clock change, and where a month begins within a gap it may find nothing more.
 *
 * Where a date does not exist in a month it is skipped, as "*-*-31" is in June.
 *
 * Clock changes (DESIGN section 4) are where we differ from systemd, which loses runs there:
 *
 * - A time that clocks skip elapses at the end of the gap, whether it lasts half an hour (Lord
 *   Howe) or a day (Apia, 30 December 2011). All times of one gap, and the time at its end, are
 *   one instant.
 * - A time that clocks show twice elapses in both passes when the hour part is '*', and in the
 *   first alone otherwise. "0/1" and "0..23" are not '*': they name the hours of the day, and each
 *   has its one run.
 *
 * Nothing elapses before 1970-01-01T00:00:00Z or after the local year 2199, as systemd has it.
 * Both searches take microseconds for any expression, also for one that never elapses.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

struct zone;
struct strbuf;
struct calendar;

/* Chosen: the longest sensible expression has some dozens of characters; this leaves room for six
 * parts of many values. */
#define CALENDAR_TEXT_MAX 4096
/* Values in one part, "1,2,5": systemd's CALENDARSPEC_COMPONENTS_MAX is 240, and counts from 0. */
#define CALENDAR_VALUES_MAX 241
/* Calendar years that an expression may name, systemd's MIN_YEAR and MAX_YEAR. */
#define CALENDAR_YEAR_MIN 1970
#define CALENDAR_YEAR_MAX 2199

enum {
        CALENDAR_E_SYNTAX = 1, /* not of the grammar */
        CALENDAR_E_RANGE,      /* a number that its place does not allow */
        CALENDAR_E_FRACTION,   /* a fraction of a second */
        CALENDAR_E_TOO_LONG,   /* above CALENDAR_TEXT_MAX or CALENDAR_VALUES_MAX */
};

/*
 * Parses exactly @len bytes, which need no NUL. On failure *reterr_position is the offset of the
 * byte that cannot stand (@len for a text that ends too early), and *reterr_message says what is
 * wrong, as "the hour is 0 to 23"; a static text. Either may be NULL.
 *
 * Returns 0, CALENDAR_E_*, or -ENOMEM, which sets neither.
 */
int calendar_parse(const char *text, size_t len, struct calendar **ret_calendar,
                   size_t *reterr_position, const char **reterr_message);
struct calendar *calendar_free(struct calendar *calendar);
DEFINE_CLEANUP(struct calendar *, calendar_free)

/* The zone name that the expression itself carries, or NULL. "UTC" is always written so. */
const char *calendar_zone_name(const struct calendar *calendar);
/* Where that name begins in the text, for a message that it is not installed; 0 without one. */
size_t calendar_zone_position(const struct calendar *calendar);
/* Gives the calendar the zone that it names, borrowed for its life. From then on it is used in
 * place of the argument of the searches. Not needed for "UTC", which needs no file. */
void calendar_bind_zone(struct calendar *calendar, const struct zone *zone);

/*
 * Appends the normalized form, letter by letter that of `systemd-analyze calendar`:
 * "Mon..Fri *-*-* 02:30:00". Parsing it gives an equal calendar and the same form again.
 */
void calendar_format(const struct calendar *calendar, struct strbuf *out);

/* False for an expression that matches no date at all ("*-02-30", "Sun 2026-03-30"): an error
 * where it is read. One whose dates have all passed elapses in this sense. */
bool calendar_elapses(const struct calendar *calendar);

/*
 * The first instant strictly after @after, the last one at or before @at; whole seconds. @zone is
 * for expressions that carry none of their own (bound above, or "UTC"); NULL is UTC. The instants
 * that the one walks through are those of the other, backward.
 *
 * Return false when there is none within the years 1970 to 2199.
 */
bool calendar_next(const struct calendar *calendar, const struct zone *zone, struct utc after,
                   struct utc *ret_time);
bool calendar_previous(const struct calendar *calendar, const struct zone *zone, struct utc at,
                       struct utc *ret_time);
