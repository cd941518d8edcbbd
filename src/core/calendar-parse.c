/*
 * The parser of calendar events. Apart from the searches, since this half answers to systemd's
 * grammar and the other to DESIGN's rules of clock changes.
 */
#include "base/array.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/calendar-internal.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct parser {
        const char *text;
        size_t len, at;
        size_t error_position;
        const char *error_message;
};

static const struct {
        const char *name, *expression;
} shorthands[] = {
        {"minutely", "*-*-* *:*:00"},
        {"hourly", "*-*-* *:00:00"},
        {"daily", "*-*-* 00:00:00"},
        {"weekly", "Mon *-*-* 00:00:00"},
        {"monthly", "*-*-01 00:00:00"},
        {"quarterly", "*-01,04,07,10-01 00:00:00"},
        {"semiannually", "*-01,07-01 00:00:00"},
        {"semi-annually", "*-01,07-01 00:00:00"},
        {"biannually", "*-01,07-01 00:00:00"},
        {"bi-annually", "*-01,07-01 00:00:00"},
        {"yearly", "*-01-01 00:00:00"},
        {"annually", "*-01-01 00:00:00"},
        {"anually", "*-01-01 00:00:00"}, /* systemd still takes its own old misspelling */
};

static int fail_at(struct parser *p, size_t position, int e, const char *message) {
        p->error_position = position;
        p->error_message = message;
        return e;
}

static int fail(struct parser *p, const char *message) {
        return fail_at(p, p->at, CALENDAR_E_SYNTAX, message);
}

/* The next byte, NUL at the end; a NUL in the text is refused before. */
static char peek(const struct parser *p) {
        return p->at < p->len ? p->text[p->at] : '\0';
}

static char peek_second(const struct parser *p) {
        return p->at + 1 < p->len ? p->text[p->at + 1] : '\0';
}

static void skip_spaces(struct parser *p) {
        while (peek(p) == ' ')
                p->at++;
}

static bool starts_with(const struct parser *p, const char *word, size_t n) {
        if (p->len - p->at < n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (ascii_lower(p->text[p->at + i]) != ascii_lower(word[i]))
                        return false;
        return true;
}

/* Takes a weekday's name, short or long, and returns 0 to 6, or -1. */
static int take_weekday(struct parser *p) {
        for (int i = 0; i < 7; i++) {
                const char *name = calendar_weekdays[i];
                size_t n = starts_with(p, name, strlen(name)) ? strlen(name) : 3;

                if (!starts_with(p, name, n))
                        continue;

                p->at += n;
                return i;
        }
        return -1;
}

/* "Mon", "Mon,Wed..Fri", "monday-friday" (an old form of the range), and the spaces after. A comma
 * may trail. Leaves weekdays 0 when there are none. */
static int parse_weekdays(struct parser *p, struct calendar *calendar) {
        int from = -1; /* the beginning of an open range */

        for (bool first = true;; first = false) {
                size_t start = p->at;
                int day = take_weekday(p);

                if (day < 0)
                        return first ? 0 : fail(p, "expected the name of a weekday");
                if (!strchr("-., ", peek(p)))
                        return fail(p, "expected ',', '..' or a space after a weekday");
                if (from > day)
                        return fail_at(p, start, CALENDAR_E_SYNTAX,
                                       "a range of weekdays ends before it begins");

                for (int i = from < 0 ? day : from; i <= day; i++)
                        calendar->weekdays |= 1U << i;

                if (peek(p) == '.' || peek(p) == '-') {
                        size_t n = peek(p) == '.' ? 2 : 1;

                        if (from >= 0)
                                return fail(p, "a range of weekdays has two ends");
                        if (n == 2 && peek_second(p) != '.')
                                return fail(p, "expected '..'");
                        from = day;
                        p->at += n;
                } else if (peek(p) == ',') {
                        from = -1;
                        p->at++;
                } else {
                        from = -1;
                }

                if (peek(p) == '\0' || peek(p) == ' ') {
                        if (from >= 0)
                                return fail(p, "a range of weekdays has two ends");
                        skip_spaces(p);
                        return 0;
                }
        }
}

static int parse_number(struct parser *p, int64_t max, int64_t *ret_value) {
        size_t start = p->at;
        int64_t value = 0;

        if (!ascii_is_digit(peek(p)))
                return fail(p, peek(p) == '*' ? "'*' stands alone" : "expected a number");

        while (ascii_is_digit(peek(p))) {
                value = value * 10 + (peek(p) - '0');
                if (value > max)
                        return fail_at(p, start, CALENDAR_E_RANGE, "the number is too large");
                p->at++;
        }

        *ret_value = value;
        return 0;
}

static int parse_plain(struct parser *p, bool seconds, int *ret_value) {
        int64_t value;
        int r;

        /* systemd counts seconds in microseconds, in an int as well. */
        r = parse_number(p, seconds ? INT_MAX / 1000000 : INT_MAX, &value);
        if (r != 0)
                return r;

        /* One '.' is the decimal point, two are a range. */
        if (seconds && peek(p) == '.' && peek_second(p) != '.')
                return fail_at(p, p->at, CALENDAR_E_FRACTION,
                               "fractions of a second are not supported");

        *ret_value = (int)value;
        return 0;
}

static int parse_value(struct parser *p, bool seconds, struct calendar_value *ret_value) {
        struct calendar_value value = {.stop = -1, .position = p->at};
        int r;

        r = parse_plain(p, seconds, &value.start);
        if (r != 0)
                return r;

        if (peek(p) == '.' && peek_second(p) == '.') {
                p->at += 2;
                r = parse_plain(p, seconds, &value.stop);
                if (r != 0)
                        return r;
                value.repeat = 1;
        }

        if (peek(p) == '/') {
                size_t start = ++p->at;

                r = parse_plain(p, seconds, &value.repeat);
                if (r != 0)
                        return r;
                if (value.repeat == 0)
                        return fail_at(p, start, CALENDAR_E_RANGE, "a repetition of 0 never ends");
        }

        *ret_value = value;
        return 0;
}

static int chain_append(struct parser *p, struct calendar_chain *chain,
                        const struct calendar_value *value) {
        int r;

        r = array_grow(&chain->items, chain->n, &chain->capacity, sizeof(*chain->items),
                       CALENDAR_VALUES_MAX);
        if (r == -E2BIG)
                return fail_at(p, value->position, CALENDAR_E_TOO_LONG,
                               "too many values in one part");
        if (r < 0)
                return r;

        chain->items[chain->n++] = *value;
        return 0;
}

/* '*', or values with commas between. What follows must be able to follow a part. */
static int parse_chain(struct parser *p, bool seconds, struct calendar_chain *chain) {
        struct calendar_value value = {.stop = -1, .repeat = 1, .position = p->at};
        int r;

        if (peek(p) == '*') {
                p->at++;
                return seconds ? chain_append(p, chain, &value) : 0;
        }

        for (;;) {
                r = parse_value(p, seconds, &value);
                if (r != 0)
                        return r;

                r = chain_append(p, chain, &value);
                if (r != 0)
                        return r;

                if (peek(p) != ',')
                        break;
                p->at++;
        }

        if (!strchr(" -~:", peek(p)))
                return fail(p, "unexpected character");
        return 0;
}

static void chain_move(struct calendar_chain *to, struct calendar_chain *from) {
        free(to->items);
        *to = *from;
        *from = (struct calendar_chain){0};
}

static void chain_deinit(struct calendar_chain *chain) {
        free(chain->items);
        *chain = (struct calendar_chain){0};
}

static int chain_constant(struct parser *p, struct calendar_chain *chain, int value) {
        return chain_append(
                p, chain, &(struct calendar_value){.start = value, .stop = -1, .position = p->at});
}

/* "@1395716396": one second, always in UTC. Spaces and '+' are what strtoul() allows. */
static int parse_epoch(struct parser *p, struct calendar *calendar) {
        size_t position = p->at++;
        struct civil c;
        int64_t seconds;
        int r;

        while (peek(p) == ' ' || (peek(p) >= '\t' && peek(p) <= '\r'))
                p->at++;
        if (peek(p) == '+')
                p->at++;

        r = parse_number(p, UTC_MAX_SECONDS, &seconds);
        if (r != 0)
                return r;
        if (p->at < p->len)
                return fail(p, "nothing may follow the seconds since the epoch");

        c = civil_from_seconds(seconds);
        if (c.year > CALENDAR_YEAR_MAX)
                return fail_at(p, position, CALENDAR_E_RANGE, "the year is 1970 to 2199");

        int values[_CALENDAR_PART_N] = {(int)c.year, c.month, c.day, c.hour, c.minute, c.second};

        for (int i = 0; i < _CALENDAR_PART_N; i++) {
                r = chain_constant(p, &calendar->chains[i], values[i]);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* "Y-M-D" or "M-D", '~' before the day for the month's end, and the spaces after. A time in its
 * place is left alone. */
static int parse_date(struct parser *p, struct calendar *calendar) {
        struct calendar_chain found[3] = {0};
        size_t start = p->at;
        int r = 0, n = 0;

        for (;;) {
                r = parse_chain(p, /* seconds= */ false, &found[n++]);
                if (r != 0)
                        break;

                if (n == 1 && (peek(p) == '\0' || peek(p) == ':')) {
                        p->at = start;
                        break;
                }
                if (n > 1 && (peek(p) == '\0' || peek(p) == ' ')) {
                        skip_spaces(p);
                        for (int i = 0; i < n; i++)
                                chain_move(&calendar->chains[CALENDAR_DAY - i], &found[n - 1 - i]);
                        break;
                }
                if (n == 3 || calendar->end_of_month || (peek(p) != '-' && peek(p) != '~')) {
                        r = fail(p, n == 1 ? "expected '-', '~' or ':'"
                                           : "expected the end of the date");
                        break;
                }
                calendar->end_of_month = peek(p) == '~';
                p->at++;
        }

        for (size_t i = 0; i < ARRAY_SIZE(found); i++)
                chain_deinit(&found[i]);
        return r;
}

/* "H:M" or "H:M:S", to the end of the text; nothing is midnight. */
static int parse_time(struct parser *p, struct calendar *calendar) {
        int r;

        if (peek(p) == '\0') {
                for (int i = CALENDAR_HOUR; i <= CALENDAR_SECOND; i++) {
                        r = chain_constant(p, &calendar->chains[i], 0);
                        if (r != 0)
                                return r;
                }
                return 0;
        }

        for (int i = CALENDAR_HOUR; i <= CALENDAR_SECOND; i++) {
                r = parse_chain(p, i == CALENDAR_SECOND, &calendar->chains[i]);
                if (r != 0)
                        return r;

                if (peek(p) == '\0' && i == CALENDAR_MINUTE)
                        return chain_constant(p, &calendar->chains[CALENDAR_SECOND], 0);
                if (i == CALENDAR_SECOND)
                        break;
                if (peek(p) != ':')
                        return fail(p, i == CALENDAR_HOUR ? "expected ':' after the hour"
                                                          : "expected ':' or the end");
                p->at++;
        }
        return p->at < p->len ? fail(p, "expected the end") : 0;
}

/* "Mon, Tue": a mistake in the weekdays, and better called so than an unknown zone. */
static bool is_weekday_word(const struct parser *p, size_t start) {
        struct parser word = {.text = p->text, .len = p->len, .at = start};

        return take_weekday(&word) >= 0 && strchr("-.,", peek(&word));
}

static bool is_zone_char(char c) {
        return ascii_is_alnum(c) || c == '_' || c == '-' || c == '+' || c == '/';
}

/*
 * Cuts a last word that can only be a zone. systemd asks the file system whether a zone of that
 * name exists; here the form decides. A word that begins with a letter after a space is never part
 * of an expression otherwise, as weekdays come first.
 */
static int take_zone(struct parser *p, struct calendar *calendar) {
        size_t start = p->len;

        while (start > 0 && p->text[start - 1] != ' ')
                start--;
        if (start == 0 || start == p->len || ascii_lower(p->text[start]) < 'a' ||
            ascii_lower(p->text[start]) > 'z' || is_weekday_word(p, start))
                return 0;

        for (size_t i = start; i < p->len; i++)
                if (!is_zone_char(p->text[i]) ||
                    (p->text[i] == '/' && (i + 1 == p->len || p->text[i + 1] == '/')))
                        return fail_at(p, i, CALENDAR_E_SYNTAX, "not the name of a time zone");

        calendar->zone_name = strndup(p->text + start, p->len - start);
        if (!calendar->zone_name)
                return -ENOMEM;

        /* This one name is taken in any case, and written in capitals. */
        if (str_equal_nocase(calendar->zone_name, "UTC"))
                memcpy(calendar->zone_name, "UTC", 3);
        calendar->zone_position = start;
        p->len = start - 1;
        return 0;
}

static int parse_expression(struct parser *p, struct calendar *calendar) {
        int r;

        r = parse_weekdays(p, calendar);
        if (r != 0)
                return r;
        if (calendar->weekdays == 0)
                calendar->weekdays = CALENDAR_WEEKDAYS_ALL;
        if (peek(p) != '\0' && peek(p) != '@' && peek(p) != '*' && !ascii_is_digit(peek(p)))
                return fail(p, p->at == 0 ? "expected weekdays, a date, a time or a word like daily"
                                          : "expected a date or a time");

        if (peek(p) == '@') {
                r = parse_epoch(p, calendar);
                if (r != 0)
                        return r;

                /* A zone beside it changes nothing: the epoch is told in UTC. */
                free(calendar->zone_name);
                calendar->zone_position = 0;
                calendar->zone_name = strdup("UTC");
                return calendar->zone_name ? 0 : -ENOMEM;
        }

        if (peek(p) != '\0') {
                r = parse_date(p, calendar);
                if (r != 0)
                        return r;
        }
        return parse_time(p, calendar);
}

static int parse_text(struct parser *p, struct calendar *calendar) {
        const char *nul = memchr(p->text, 0, p->len);
        int r;

        if (p->len > CALENDAR_TEXT_MAX)
                return fail_at(p, CALENDAR_TEXT_MAX, CALENDAR_E_TOO_LONG,
                               "the expression is too long");
        if (nul)
                return fail_at(p, (size_t)(nul - p->text), CALENDAR_E_SYNTAX,
                               "unexpected character");

        if (peek(p) == ' ')
                return fail(p, "a space cannot begin the expression");

        r = take_zone(p, calendar);
        if (r != 0)
                return r;
        if (p->len == 0)
                return fail(p, "expected a calendar event");

        for (size_t i = 0; i < ARRAY_SIZE(shorthands); i++) {
                struct parser whole;

                if (strlen(shorthands[i].name) != p->len ||
                    !starts_with(p, shorthands[i].name, p->len))
                        continue;

                whole = (struct parser){.text = shorthands[i].expression,
                                        .len = strlen(shorthands[i].expression)};
                return parse_expression(&whole, calendar);
        }
        return parse_expression(p, calendar);
}

int calendar_parse(const char *text, size_t len, struct calendar **ret_calendar,
                   size_t *reterr_position, const char **reterr_message) {
        _cleanup_(calendar_freep) struct calendar *calendar = NULL;
        struct parser p = {.text = text, .len = len};
        int r;

        calendar = calloc(1, sizeof(*calendar));
        if (!calendar)
                return -ENOMEM;

        r = parse_text(&p, calendar);
        if (r == 0)
                r = calendar_normalize(calendar, &p.error_position, &p.error_message);
        if (r > 0) {
                if (reterr_position)
                        *reterr_position = p.error_position;
                if (reterr_message)
                        *reterr_message = p.error_message;
        }
        if (r != 0)
                return r;

        calendar_compile(calendar);
        *ret_calendar = take_ptr(calendar);
        return 0;
}

struct calendar *calendar_free(struct calendar *calendar) {
        if (!calendar)
                return NULL;

        for (int i = 0; i < _CALENDAR_PART_N; i++)
                chain_deinit(&calendar->chains[i]);
        free(calendar->zone_name);
        free(calendar);
        return NULL;
}
