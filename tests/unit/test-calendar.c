/*
 * Calendar events: tables of the grammar, and both searches against the definition in calendar.h,
 * minute by minute around every kind of clock change. The comparison with systemd is
 * tests/oracle/calendar.py.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "core/calendar.h"
#include "core/zone.h"
#include "zone-fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct calendar *parse(const char *text) {
        struct calendar *calendar = NULL;
        const char *message = "";
        size_t position = 0;

        if (calendar_parse(text, strlen(text), &calendar, &position, &message) != 0)
                fail_msg("%s: %s at %zu", text, message, position);
        return calendar;
}

static void test_normal_form(void **state) {
        static const struct {
                int line;
                const char *text, *form;
        } rows[] = {
                /* systemd.time(7), "Examples for valid timestamps and their normalized form" */
                {__LINE__, "Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00"},
                {__LINE__, "Mon,Sun 12-*-* 2,1:23", "Mon,Sun 2012-*-* 01,02:23:00"},
                {__LINE__, "Wed *-1", "Wed *-*-01 00:00:00"},
                {__LINE__, "Wed..Wed,Wed *-1", "Wed *-*-01 00:00:00"},
                {__LINE__, "Wed, 17:48", "Wed *-*-* 17:48:00"},
                {__LINE__, "Wed..Sat,Tue 12-10-15 1:2:3", "Tue..Sat 2012-10-15 01:02:03"},
                {__LINE__, "*-*-7 0:0:0", "*-*-07 00:00:00"},
                {__LINE__, "10-15", "*-10-15 00:00:00"},
                {__LINE__, "monday *-12-* 17:00", "Mon *-12-* 17:00:00"},
                {__LINE__, "Mon,Fri *-*-3,1,2 *:30:45", "Mon,Fri *-*-01,02,03 *:30:45"},
                {__LINE__, "12,14,13,12:20,10,30", "*-*-* 12,13,14:10,20,30:00"},
                {__LINE__, "12..14:10,20,30", "*-*-* 12..14:10,20,30:00"},
                {__LINE__, "mon,fri *-1/2-1,3 *:30:45", "Mon,Fri *-01/2-01,03 *:30:45"},
                {__LINE__, "03-05 08:05:40", "*-03-05 08:05:40"},
                {__LINE__, "08:05:40", "*-*-* 08:05:40"},
                {__LINE__, "05:40", "*-*-* 05:40:00"},
                {__LINE__, "Sat,Sun 12-05 08:05:40", "Sat,Sun *-12-05 08:05:40"},
                {__LINE__, "Sat,Sun 08:05:40", "Sat,Sun *-*-* 08:05:40"},
                {__LINE__, "2003-03-05 05:40", "2003-03-05 05:40:00"},
                {__LINE__, "2003-02..04-05", "2003-02..04-05 00:00:00"},
                {__LINE__, "2003-03-05 05:40 UTC", "2003-03-05 05:40:00 UTC"},
                {__LINE__, "2003-03-05", "2003-03-05 00:00:00"},
                {__LINE__, "03-05", "*-03-05 00:00:00"},
                {__LINE__, "hourly", "*-*-* *:00:00"},
                {__LINE__, "daily", "*-*-* 00:00:00"},
                {__LINE__, "daily UTC", "*-*-* 00:00:00 UTC"},
                {__LINE__, "monthly", "*-*-01 00:00:00"},
                {__LINE__, "weekly", "Mon *-*-* 00:00:00"},
                {__LINE__, "weekly Pacific/Auckland", "Mon *-*-* 00:00:00 Pacific/Auckland"},
                {__LINE__, "yearly", "*-01-01 00:00:00"},
                {__LINE__, "annually", "*-01-01 00:00:00"},
                {__LINE__, "*:2/3", "*-*-* *:02/3:00"},
                /* the other shorthands, in any case */
                {__LINE__, "MINUTELY", "*-*-* *:*:00"},
                {__LINE__, "quarterly", "*-01,04,07,10-01 00:00:00"},
                {__LINE__, "Semiannually", "*-01,07-01 00:00:00"},
                {__LINE__, "bi-annually", "*-01,07-01 00:00:00"},
                /* weekdays */
                {__LINE__, "Mon..Sun", "*-*-* 00:00:00"},
                {__LINE__, "SUNDAY,tuesday", "Tue,Sun *-*-* 00:00:00"},
                {__LINE__, "Mon-Wed 5:00", "Mon..Wed *-*-* 05:00:00"},
                {__LINE__, "Mon,", "Mon *-*-* 00:00:00"},
                {__LINE__, "Mon,  UTC", "Mon *-*-* 00:00:00 UTC"},
                {__LINE__, "Mon,Tue", "Mon,Tue *-*-* 00:00:00"},
                {__LINE__, "Mon..Wed,Fri..Sun", "Mon..Wed,Fri..Sun *-*-* 00:00:00"},
                /* the end of the month */
                {__LINE__, "*-*~1", "*-*~01 00:00:00"},
                {__LINE__, "02~3", "*-02~03 00:00:00"},
                {__LINE__, "Mon *-05~07/1", "Mon *-05~07/1 00:00:00"},
                {__LINE__, "*-*~2..4", "*-*~02..04 00:00:00"},
                {__LINE__, "*-*~*", "*-*-* 00:00:00"},
                {__LINE__, "*-*~1,10,20", "*-*~01,10,20 00:00:00"}, /* systemd: an oversight */
                /* ranges and repetitions that end early, or are a value */
                {__LINE__, "0:0:0..59/70", "*-*-* 00:00:00"},
                {__LINE__, "0:0..59/7", "*-*-* 00:00..56/7:00"},
                {__LINE__, "5..5:0", "*-*-* 05:00:00"},
                {__LINE__, "0:0:5..5", "*-*-* 00:00:05"}, /* systemd: an oversight */
                {__LINE__, "1..3/1:0", "*-*-* 01..03:00:00"},
                {__LINE__, "*:*:*", "*-*-* *:*:*"},
                {__LINE__, "*:*:0/1", "*-*-* *:*:*"},
                {__LINE__, "*:*:0..59", "*-*-* *:*:00..59"},
                {__LINE__, "0:0:57,20,0/1,23", "*-*-* 00:00:*"}, /* all, and some of them */
                {__LINE__, "0/1,5:0", "*-*-* 00/1,05:00:00"},    /* among seconds alone */
                {__LINE__, "5,5/2,5:0", "*-*-* 05,05/2:00:00"},
                /* years of two digits, and leading zeros */
                {__LINE__, "69-1-1", "2069-01-01 00:00:00"},
                {__LINE__, "70-1-1", "1970-01-01 00:00:00"},
                {__LINE__, "99..01-1-1", "1999..2001-01-01 00:00:00"},
                {__LINE__, "0-1-1", "2000-01-01 00:00:00"},
                {__LINE__, "00012-01-01 007:0", "2012-01-01 07:00:00"},
                {__LINE__, "2194/5-1-1", "2194/5-01-01 00:00:00"},
                /* the epoch */
                {__LINE__, "@1234", "1970-01-01 00:20:34 UTC"},
                {__LINE__, "@ +5 UTC", "1970-01-01 00:00:05 UTC"},
                {__LINE__, "Mon @7258118399", "Mon 2199-12-31 23:59:59 UTC"},
                {__LINE__, "@5 Europe/Stockholm", "1970-01-01 00:00:05 UTC"},
                /* spaces, where they may stand */
                {__LINE__, "Mon   *-1-1   5:0", "Mon *-01-01 05:00:00"},
                {__LINE__, "5-5 ", "*-05-05 00:00:00"},
                /* zones by their form; only UTC is taken in any case */
                {__LINE__, "daily utc", "*-*-* 00:00:00 UTC"},
                {__LINE__, "daily Etc/GMT+3", "*-*-* 00:00:00 Etc/GMT+3"},
                {__LINE__, "daily CET", "*-*-* 00:00:00 CET"},
                {__LINE__, "daily America/Port-au-Prince", "*-*-* 00:00:00 America/Port-au-Prince"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(calendar_freep) struct calendar *calendar = parse(rows[i].text),
                                                          *again = NULL;
                struct strbuf s = {0}, t = {0};

                calendar_format(calendar, &s);
                if (strcmp(strbuf_str(&s), rows[i].form) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, strbuf_str(&s));

                again = parse(strbuf_str(&s));
                calendar_format(again, &t);
                assert_string_equal(strbuf_str(&s), strbuf_str(&t));
                strbuf_deinit(&s);
                strbuf_deinit(&t);
        }
}

static void test_errors(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                size_t position;
                const char *message; /* a part of it */
        } rows[] = {
                {__LINE__, "", CALENDAR_E_SYNTAX, 0, "expected a calendar event"},
                {__LINE__, " ", CALENDAR_E_SYNTAX, 0, "a space cannot begin"},
                {__LINE__, "UTC", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, " UTC", CALENDAR_E_SYNTAX, 0, "a space cannot begin"},
                {__LINE__, "fortnightly", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, "xaily", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, "Xon 5:00", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, " daily", CALENDAR_E_SYNTAX, 0, "a space cannot begin"},
                {__LINE__, "daily ", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, "daily UTC UTC", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, "*-*-* 5:5:0.5", CALENDAR_E_FRACTION, 11, "fractions of a second"},
                {__LINE__, "5:5:0.0", CALENDAR_E_FRACTION, 5, "fractions of a second"},
                {__LINE__, "5:5:1..2.5", CALENDAR_E_FRACTION, 8, "fractions of a second"},
                {__LINE__, "5:5:1/2.5", CALENDAR_E_FRACTION, 7, "fractions of a second"},
                {__LINE__, "5:5.5:0", CALENDAR_E_SYNTAX, 3, "unexpected"},
                {__LINE__, "24:00", CALENDAR_E_RANGE, 0, "hour is 0 to 23"},
                {__LINE__, "1,2,24:00", CALENDAR_E_RANGE, 4, "hour is 0 to 23"},
                {__LINE__, "23:60", CALENDAR_E_RANGE, 3, "minute is 0 to 59"},
                {__LINE__, "23:0:60", CALENDAR_E_RANGE, 5, "second is 0 to 59"},
                {__LINE__, "23:0:60,0/1", CALENDAR_E_RANGE, 5, "second is 0 to 59"},
                {__LINE__, "23:0:9999", CALENDAR_E_RANGE, 5, "too large"},
                {__LINE__, "*-13-1", CALENDAR_E_RANGE, 2, "month is 1 to 12"},
                {__LINE__, "0-1", CALENDAR_E_RANGE, 0, "month is 1 to 12"},
                {__LINE__, "*-*-32", CALENDAR_E_RANGE, 4, "day is 1 to 31"},
                {__LINE__, "*-*-0", CALENDAR_E_RANGE, 4, "day is 1 to 31"},
                {__LINE__, "*-*~29", CALENDAR_E_RANGE, 4, "month's end is 1 to 28"},
                {__LINE__, "1960-1-1", CALENDAR_E_RANGE, 0, "year is 1970 to 2199"},
                {__LINE__, "2200-1-1", CALENDAR_E_RANGE, 0, "year is 1970 to 2199"},
                {__LINE__, "100-1-1", CALENDAR_E_RANGE, 0, "year is 1970 to 2199"},
                {__LINE__, "2195/5-1-1", CALENDAR_E_RANGE, 0, "beyond the year 2199"},
                {__LINE__, "*-*-1/31", CALENDAR_E_RANGE, 4, "beyond day 31"},
                {__LINE__, "*:0/60", CALENDAR_E_RANGE, 2, "beyond minute 59"},
                {__LINE__, "*-*~1/2", CALENDAR_E_RANGE, 4, "beyond the month's end"},
                {__LINE__, "*:0/0", CALENDAR_E_RANGE, 4, "repetition of 0"},
                {__LINE__, "2..1:0", CALENDAR_E_RANGE, 0, "ends before it begins"},
                {__LINE__, "69..71-1-1", CALENDAR_E_RANGE, 0, "ends before it begins"},
                {__LINE__, "18446744073709551617:00", CALENDAR_E_RANGE, 0, "too large"},
                {__LINE__, "Sat..Mon", CALENDAR_E_SYNTAX, 5, "ends before it begins"},
                {__LINE__, "Mon..", CALENDAR_E_SYNTAX, 5, "two ends"},
                {__LINE__, "Mon.. 5:00", CALENDAR_E_SYNTAX, 5, "two ends"},
                {__LINE__, "Mon..Tue..Wed", CALENDAR_E_SYNTAX, 8, "two ends"},
                {__LINE__, "Mon.Tue", CALENDAR_E_SYNTAX, 3, "'..'"},
                {__LINE__, "Mon,,Tue", CALENDAR_E_SYNTAX, 4, "name of a weekday"},
                {__LINE__, "Mond 5:00", CALENDAR_E_SYNTAX, 3, "after a weekday"},
                {__LINE__, "Mon, Tue", CALENDAR_E_SYNTAX, 5, "expected a date or a time"},
                {__LINE__, "Mon 5", CALENDAR_E_SYNTAX, 5, "':' after the hour"},
                {__LINE__, "5", CALENDAR_E_SYNTAX, 1, "':' after the hour"},
                {__LINE__, "5:", CALENDAR_E_SYNTAX, 2, "number"},
                {__LINE__, "5:5 ", CALENDAR_E_SYNTAX, 3, "':' or the end"},
                {__LINE__, "5:5:5:5", CALENDAR_E_SYNTAX, 5, "the end"},
                {__LINE__, "1-2-3-4", CALENDAR_E_SYNTAX, 5, "end of the date"},
                {__LINE__, "*~1-1", CALENDAR_E_SYNTAX, 3, "end of the date"},
                {__LINE__, "1,*:0", CALENDAR_E_SYNTAX, 2, "'*' stands alone"},
                {__LINE__, "*/2:0", CALENDAR_E_SYNTAX, 1, "expected '-'"},
                {__LINE__, "*:*/2", CALENDAR_E_SYNTAX, 3, "':' or the end"},
                {__LINE__, "+1:00", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
                {__LINE__, "5x:00", CALENDAR_E_SYNTAX, 1, "unexpected"},
                {__LINE__, "@-5", CALENDAR_E_SYNTAX, 1, "number"},
                {__LINE__, "@5 5:00", CALENDAR_E_SYNTAX, 2, "nothing may follow"},
                {__LINE__, "@7258118400", CALENDAR_E_RANGE, 0, "year is 1970 to 2199"},
                {__LINE__, "@99999999999999999999", CALENDAR_E_RANGE, 1, "too large"},
                {__LINE__, "daily Europe/Stock.holm", CALENDAR_E_SYNTAX, 18, "time zone"},
                {__LINE__, "daily Europe/", CALENDAR_E_SYNTAX, 12, "time zone"},
                {__LINE__, "daily Europe//Paris", CALENDAR_E_SYNTAX, 12, "time zone"},
                {__LINE__, "daily /etc/passwd", CALENDAR_E_SYNTAX, 0, "expected weekdays"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct calendar *calendar = NULL;
                const char *message = NULL;
                size_t position = 999;
                int r = calendar_parse(rows[i].text, strlen(rows[i].text), &calendar, &position,
                                       &message);

                if (r != rows[i].r || position != rows[i].position || !message ||
                    !strstr(message, rows[i].message) || calendar)
                        fail_msg("row at line %d: %d at %zu: %s", rows[i].line, r, position,
                                 message ? message : "-");
        }
}

static void test_limits(void **state) {
        struct calendar *calendar = NULL;
        char text[CALENDAR_TEXT_MAX + 2];
        const char *message = NULL;
        size_t position = 0;
        struct strbuf s = {0};

        for (int i = 0; i < CALENDAR_VALUES_MAX; i++)
                strbuf_appendf(&s, "%s5", i > 0 ? "," : "");
        strbuf_append_str(&s, ":00");
        assert_int_equal(calendar_parse(strbuf_str(&s), s.len, &calendar, NULL, NULL), 0);
        calendar = calendar_free(calendar);

        strbuf_clear(&s);
        for (int i = 0; i < CALENDAR_VALUES_MAX + 1; i++)
                strbuf_appendf(&s, "%s5", i > 0 ? "," : "");
        strbuf_append_str(&s, ":00");
        assert_int_equal(calendar_parse(strbuf_str(&s), s.len, &calendar, &position, &message),
                         CALENDAR_E_TOO_LONG);
        assert_int_equal(position, 2 * CALENDAR_VALUES_MAX);
        strbuf_deinit(&s);

        memset(text, '0', sizeof(text));
        assert_int_equal(calendar_parse(text, sizeof(text), &calendar, NULL, NULL),
                         CALENDAR_E_TOO_LONG);
        assert_int_equal(calendar_parse("daily\0", 6, &calendar, &position, NULL),
                         CALENDAR_E_SYNTAX);
        assert_int_equal(position, 5);
        /* Exactly @len bytes: what follows is not looked at. */
        assert_int_equal(calendar_parse("5:00x", 4, &calendar, NULL, NULL), 0);
        calendar = calendar_free(calendar);
        assert_null(calendar_free(NULL));
}

static void test_elapses(void **state) {
        static const struct {
                int line;
                const char *text;
                bool elapses;
        } rows[] = {
                {__LINE__, "daily", true},
                {__LINE__, "*-02-29", true},
                {__LINE__, "*-02-30", false},
                {__LINE__, "*-02,04,06,09,11-31", false},
                {__LINE__, "2026-02-29", false},
                {__LINE__, "2100-02-29", false}, /* no leap year */
                {__LINE__, "2000-02-29", true},
                {__LINE__, "Sun 2026-03-29", true},
                {__LINE__, "Mon 2026-03-29", false},
                {__LINE__, "Mon *-02-29", true},
                {__LINE__, "Thu @0", true},
                {__LINE__, "Fri @0", false},
                {__LINE__, "1970-01-01", true}, /* long past, but it did */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(calendar_freep) struct calendar *calendar = parse(rows[i].text);
                struct utc t;

                if (calendar_elapses(calendar) != rows[i].elapses ||
                    calendar_next(calendar, NULL, UTC_NONE, &t) != rows[i].elapses ||
                    calendar_previous(calendar, NULL, UTC_NEVER, &t) != rows[i].elapses)
                        fail_msg("row at line %d", rows[i].line);
        }
}

static struct utc instant(const char *text) {
        struct utc t;

        assert_int_equal(utc_parse(text, strlen(text), &t), 0);
        return t;
}

static void test_next(void **state) {
        static const struct {
                int line;
                const char *text, *after, *next; /* next NULL: none */
        } rows[] = {
                {__LINE__, "daily", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
                {__LINE__, "daily", "2026-02-27T23:59:59.9999999Z", "2026-02-28T00:00:00Z"},
                {__LINE__, "daily", "2026-02-28T00:00:00.0000001Z", "2026-03-01T00:00:00Z"},
                {__LINE__, "*-02-29", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
                {__LINE__, "*-02-29", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
                {__LINE__, "Mon *-02-29", "2026-01-01T00:00:00Z", "2044-02-29T00:00:00Z"},
                {__LINE__, "*-02~1", "2024-02-01T00:00:00Z", "2024-02-29T00:00:00Z"},
                {__LINE__, "*-02~1", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"},
                {__LINE__, "*-*~7/3", "2026-02-22T00:00:00Z", "2026-02-25T00:00:00Z"},
                {__LINE__, "*-*~2..9/3", "2026-01-23T00:00:00Z", "2026-01-24T00:00:00Z"},
                {__LINE__, "*-*~2..9/3", "2026-01-27T00:00:00Z", "2026-01-30T00:00:00Z"},
                {__LINE__, "Mon *-05~07/1", "2026-05-01T00:00:00Z", "2026-05-25T00:00:00Z"},
                {__LINE__, "*-*-31", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"},
                /* systemd 252 goes from here to 2 February */
                {__LINE__, "*-*-2/20,18/8", "2075-12-26T00:00:00Z", "2076-01-02T00:00:00Z"},
                {__LINE__, "Mon", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"},
                {__LINE__, "*-12-31 23:59:59", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"},
                {__LINE__, "0/5:7", "2026-01-01T20:07:00Z", "2026-01-02T00:07:00Z"},
                {__LINE__, "*:*:30", "2026-01-01T20:59:30Z", "2026-01-01T21:00:30Z"},
                {__LINE__, "2026-*-1 8,9:0", "2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z"},
                {__LINE__, "2026-*-1 8,9:0", "2026-12-01T09:00:00Z", NULL},
                /* the ends of time */
                {__LINE__, "daily", "1960-05-05T05:05:05Z", "1970-01-01T00:00:00Z"},
                {__LINE__, "daily", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"},
                {__LINE__, "daily", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
                {__LINE__, "daily", "2199-12-30T23:00:00Z", "2199-12-31T00:00:00Z"},
                {__LINE__, "daily", "2199-12-31T00:00:00Z", NULL},
                {__LINE__, "*:*:*", "2199-12-31T23:59:58Z", "2199-12-31T23:59:59Z"},
                {__LINE__, "*:*:*", "2199-12-31T23:59:59Z", NULL},
                {__LINE__, "daily", "9999-12-31T23:59:59Z", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(calendar_freep) struct calendar *calendar = parse(rows[i].text);
                char buffer[UTC_TEXT_SIZE];
                struct utc t = UTC_NONE;
                bool found = calendar_next(calendar, NULL, instant(rows[i].after), &t);

                if (found != !!rows[i].next || (found && t.ticks != instant(rows[i].next).ticks))
                        fail_msg("row at line %d: %s", rows[i].line,
                                 found ? utc_format(t, buffer) : "none");
        }
}

static void test_previous(void **state) {
        static const struct {
                int line;
                const char *text, *at, *previous; /* previous NULL: none */
        } rows[] = {
                {__LINE__, "daily", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"},
                {__LINE__, "daily", "2026-02-28T23:59:59.9999999Z", "2026-02-28T00:00:00Z"},
                {__LINE__, "*-02-29", "2027-01-01T00:00:00Z", "2024-02-29T00:00:00Z"},
                {__LINE__, "*-*~1", "2026-03-30T00:00:00Z", "2026-02-28T00:00:00Z"},
                {__LINE__, "*-*-31", "2026-05-30T00:00:00Z", "2026-03-31T00:00:00Z"},
                {__LINE__, "Mon", "2026-01-01T00:00:00Z", "2025-12-29T00:00:00Z"},
                {__LINE__, "0/5:7", "2026-01-02T00:06:59Z", "2026-01-01T20:07:00Z"},
                {__LINE__, "*:*:30", "2026-01-01T21:00:29Z", "2026-01-01T20:59:30Z"},
                {__LINE__, "2026-*-1 8,9:0", "2026-01-01T07:00:00Z", NULL},
                {__LINE__, "daily", "1969-12-31T23:59:59Z", NULL},
                {__LINE__, "daily", "1960-01-01T00:00:00Z", NULL},
                {__LINE__, "daily", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
                {__LINE__, "daily", "9999-12-31T23:59:59Z", "2199-12-31T00:00:00Z"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(calendar_freep) struct calendar *calendar = parse(rows[i].text);
                char buffer[UTC_TEXT_SIZE];
                struct utc t = UTC_NONE;
                bool found = calendar_previous(calendar, NULL, instant(rows[i].at), &t);

                if (found != !!rows[i].previous ||
                    (found && t.ticks != instant(rows[i].previous).ticks))
                        fail_msg("row at line %d: %s", rows[i].line,
                                 found ? utc_format(t, buffer) : "none");
        }
}

static void test_own_zone(void **state) {
        _cleanup_(zone_freep) struct zone *stockholm = zone_fixture(ZONE_STOCKHOLM);
        _cleanup_(zone_freep) struct zone *new_york = zone_fixture(ZONE_NEW_YORK);
        _cleanup_(calendar_freep) struct calendar *plain = parse("12:00"),
                                                  *utc = parse("12:00 utc"),
                                                  *named = parse("12:00 Europe/Stockholm");
        struct utc t, after = instant("2026-07-01T00:00:00Z");

        assert_null(calendar_zone_name(plain));
        assert_int_equal(calendar_zone_position(plain), 0);
        assert_string_equal(calendar_zone_name(utc), "UTC");
        assert_string_equal(calendar_zone_name(named), "Europe/Stockholm");
        assert_int_equal(calendar_zone_position(named), 6);

        assert_true(calendar_next(plain, new_york, after, &t));
        assert_int_equal(t.ticks, instant("2026-07-01T16:00:00Z").ticks);
        assert_true(calendar_next(utc, new_york, after, &t));
        assert_int_equal(t.ticks, instant("2026-07-01T12:00:00Z").ticks);
        calendar_bind_zone(named, stockholm);
        assert_true(calendar_next(named, new_york, after, &t));
        assert_int_equal(t.ticks, instant("2026-07-01T10:00:00Z").ticks);
        assert_true(calendar_previous(named, new_york, after, &t));
        assert_int_equal(t.ticks, instant("2026-06-30T10:00:00Z").ticks);
}

/* A generated event of whole minutes: its text and, independent of the parser, its members. */
struct event {
        char text[256];
        unsigned weekdays;
        bool any_hour;
        uint32_t hours;
        uint64_t minutes;
        int day; /* of the month; 0 for any, -1 for the last, and so on */
};

static uint64_t draw(uint64_t *state, uint64_t below) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state % below;
}

static uint64_t draw_list(uint64_t *state, unsigned below, struct strbuf *out) {
        uint64_t set = 0;
        size_t n = 1 + draw(state, 4);

        for (size_t i = 0; i < n; i++) {
                unsigned value = (unsigned)draw(state, below);

                strbuf_appendf(out, "%s%u", i > 0 ? "," : "", value);
                set |= UINT64_C(1) << value;
        }
        return set;
}

static struct event draw_event(uint64_t *state) {
        static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        struct event e = {.weekdays = 0x7f};
        struct strbuf s = {0};

        if (draw(state, 3) == 0) {
                unsigned from = (unsigned)draw(state, 7),
                         to = from + (unsigned)draw(state, 7 - from);

                strbuf_appendf(&s, "%s..%s ", names[from], names[to]);
                e.weekdays = 0;
                for (unsigned i = from; i <= to; i++)
                        e.weekdays |= 1U << i;
        }
        if (draw(state, 5) == 0) {
                e.day = draw(state, 2) ? -1 - (int)draw(state, 9) : 1 + (int)draw(state, 31);
                strbuf_appendf(&s, e.day < 0 ? "*-*~%d " : "*-*-%d ", abs(e.day));
        }

        e.any_hour = draw(state, 2);
        if (e.any_hour) {
                e.hours = 0xffffff;
                strbuf_append_str(&s, "*");
        } else {
                /* Clocks change at night. */
                e.hours = (uint32_t)draw_list(state, draw(state, 2) ? 4 : 24, &s);
        }
        strbuf_append_str(&s, ":");
        e.minutes = draw_list(state, 60, &s);

        snprintf(e.text, sizeof(e.text), "%s", strbuf_str(&s));
        strbuf_deinit(&s);
        return e;
}

static bool event_has(const struct event *e, int64_t local) {
        struct civil c = civil_from_seconds(local);
        int64_t day = civil_to_days(c.year, c.month, c.day);

        return c.second == 0 && e->minutes & UINT64_C(1) << c.minute &&
               e->hours & UINT32_C(1) << c.hour && e->weekdays & 1U << civil_weekday(day) &&
               (e->day == 0 || e->day == c.day ||
                e->day == c.day - civil_days_in_month(c.year, c.month) - 1);
}

/* Walks the minutes and lists what the two rules say, knowing offsets and nothing else. */
static size_t list_by_definition(const struct event *e, const struct zone *zone, int64_t from,
                                 int64_t to, int64_t *ret_instants, size_t max) {
        int64_t shown = from + zone_offset(zone, from);
        size_t n = 0;

        for (int64_t at = from + 60; at <= to; at += 60) {
                int64_t local = at + zone_offset(zone, at);
                bool in = event_has(e, local) && (e->any_hour || local > shown);

                /* Everything after what was shown and up to what is: a minute, or a gap. */
                for (int64_t l = shown + 60; l <= local && !in; l += 60)
                        in = event_has(e, l);
                if (in) {
                        assert_true(n < max);
                        ret_instants[n++] = at;
                }
                shown = MAX(shown, local);
        }
        return n;
}

static void check_event(const struct event *e, const struct zone *zone, int64_t from, int64_t to) {
        _cleanup_(calendar_freep) struct calendar *calendar = parse(e->text);
        static int64_t expected[20000];
        size_t n = list_by_definition(e, zone, from, to, expected, ARRAY_SIZE(expected)), i = 0;
        struct utc t = utc_from_seconds(from), p;

        for (i = 0; calendar_next(calendar, zone, t, &t) && utc_seconds(t) <= to; i++) {
                if (i >= n || utc_seconds(t) != expected[i])
                        fail_msg("%s: next %zu is %" PRId64 ", not %" PRId64, e->text, i,
                                 utc_seconds(t), i < n ? expected[i] : 0);
        }
        if (i != n)
                fail_msg("%s: %zu instants, not %zu", e->text, i, n);

        /* The same from every second beside them, backward. */
        for (i = 0; i < n; i++) {
                if (!calendar_previous(calendar, zone, utc_from_seconds(expected[i]), &p) ||
                    utc_seconds(p) != expected[i])
                        fail_msg("%s: %" PRId64 " is not its own last", e->text, expected[i]);
                if (i > 0 &&
                    (!calendar_previous(calendar, zone, utc_from_seconds(expected[i] - 1), &p) ||
                     utc_seconds(p) != expected[i - 1]))
                        fail_msg("%s: before %" PRId64 " is %" PRId64, e->text, expected[i],
                                 utc_seconds(p));
        }
}

static void test_definition(void **state) {
        static const char *const rules[] = {
                "UTC0",
                ZONE_STOCKHOLM,
                ZONE_NEW_YORK,
                ZONE_LORD_HOWE,
                "IST-1GMT0,M10.5.0,M3.5.0/1",          /* Dublin */
                "CST5CDT,M3.2.0/0,M11.1.0/1",          /* Havana: at midnight */
                "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01", /* St John's until 2011 */
                "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3",    /* Troll: two hours */
                "<-10>10<+14>-14,J364/0,J40/0",        /* Apia's step forward, and one back */
                /* forward by a day, and back by it a day later: both fall together */
                "AAA12BBB-12,J100/0,J102/0",
        };
        uint64_t random = 88172645463325252U;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                _cleanup_(zone_freep) struct zone *zone = zone_fixture(rules[i]);
                struct zone_change change = {.at = utc_seconds(instant("2026-01-01T00:00:00Z"))};

                for (int k = 0; k < 2; k++) {
                        (void)zone_next_change(zone, change.at, &change);
                        for (int e = 0; e < 30; e++, n++) {
                                struct event event = draw_event(&random);

                                check_event(&event, zone, change.at - 3 * SEC_PER_DAY,
                                            change.at + 5 * SEC_PER_DAY);
                        }
                }
        }
        assert_int_equal(n, 600);
}

/* No text may make the searches slow: these look through all the years. Nothing is timed; a search
 * second by second would not end before the run's own time limit. */
static void test_bounded(void **state) {
        static const char *const texts[] = {
                "*-02-30",
                "*-02,04,06,09,11-31 *:*:*",
                "Mon *-02-29 00:00",
                "2199-12-31 23:59:59",
                "Fri 1970/229-01-01 *:*:0/59",
        };
        _cleanup_(zone_freep) struct zone *zone = zone_fixture(ZONE_STOCKHOLM);

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_(calendar_freep) struct calendar *calendar = parse(texts[i]);
                struct utc t;

                for (int k = 0; k < 1000; k++) {
                        bool next = calendar_next(calendar, zone, utc_from_seconds(k), &t);

                        assert_true(!next || calendar_elapses(calendar));
                        next = calendar_previous(calendar, zone, utc_from_seconds(7258114799), &t);
                        assert_true(next == calendar_elapses(calendar));
                }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normal_form), cmocka_unit_test(test_errors),
                cmocka_unit_test(test_limits),      cmocka_unit_test(test_elapses),
                cmocka_unit_test(test_next),        cmocka_unit_test(test_previous),
                cmocka_unit_test(test_own_zone),    cmocka_unit_test(test_definition),
                cmocka_unit_test(test_bounded),
        };

        return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
