/*
 * The normal form of calendar events: values in order and in their bounds, and the text that is
 * systemd's, letter by letter.
 */
#include "base/strbuf.h"
#include "core/calendar-internal.h"

const char *const calendar_weekdays[7] = {
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};

static const struct {
        int min, max;
        const char *problem;        /* a value out of range */
        const char *repeat_problem; /* a repetition that cannot happen once */
} parts[_CALENDAR_PART_N] = {
        [CALENDAR_YEAR] = {CALENDAR_YEAR_MIN, CALENDAR_YEAR_MAX, "the year is 1970 to 2199",
                           "the repetition goes beyond the year 2199"},
        [CALENDAR_MONTH] = {1, 12, "the month is 1 to 12", "the repetition goes beyond month 12"},
        [CALENDAR_DAY] = {1, 31, "the day is 1 to 31", "the repetition goes beyond day 31"},
        [CALENDAR_HOUR] = {0, 23, "the hour is 0 to 23", "the repetition goes beyond hour 23"},
        [CALENDAR_MINUTE] = {0, 59, "the minute is 0 to 59",
                             "the repetition goes beyond minute 59"},
        [CALENDAR_SECOND] = {0, 59, "the second is 0 to 59",
                             "the repetition goes beyond second 59"},
};

/* Days from the end exist in every month only up to the 28th last. */
#define END_OF_MONTH_MAX 28

/* "12" is 2012, "89" is 1989. */
static int fix_year(int year) {
        if (year < 0 || year >= 100)
                return year;
        return year < 70 ? year + 2000 : year + 1900;
}

static int value_compare(const void *a, const void *b) {
        const struct calendar_value *x = a, *y = b;
        int r;

        r = CMP(x->start, y->start);
        if (r == 0)
                r = CMP(x->stop, y->stop);
        return r != 0 ? r : CMP(x->repeat, y->repeat);
}

static void normalize_chain(struct calendar_chain *chain, bool years) {
        size_t n = 0;

        for (size_t i = 0; i < chain->n; i++) {
                struct calendar_value *v = &chain->items[i];

                if (years) {
                        v->start = fix_year(v->start);
                        v->stop = fix_year(v->stop);
                }
                /* A range ends where its last repetition does, and one that has none is a value. */
                if (v->stop > v->start && v->repeat > 0)
                        v->stop -= (v->stop - v->start) % v->repeat;
                if (v->stop == v->start) {
                        v->stop = -1;
                        v->repeat = 0;
                }
        }

        if (chain->n == 0)
                return;

        qsort(chain->items, chain->n, sizeof(*chain->items), value_compare);
        for (size_t i = 0; i < chain->n; i++)
                if (i == 0 || value_compare(&chain->items[i], &chain->items[n - 1]) != 0)
                        chain->items[n++] = chain->items[i];
        chain->n = n;
}

/* What is wrong with the value, NULL when nothing is. */
static const char *value_problem(enum calendar_part part, bool from_end,
                                 const struct calendar_value *v) {
        int min = parts[part].min, max = from_end ? END_OF_MONTH_MAX : parts[part].max;

        if (v->start < min || v->start > max || v->stop > max)
                return from_end ? "the day from the month's end is 1 to 28" : parts[part].problem;
        if (v->stop >= 0)
                return v->stop < v->start ? "a range ends before it begins" : NULL;

        /* At least one repetition must fit. From the month's end they go towards it: "~7/1" is the
         * last seven days. */
        if (from_end)
                return v->start - v->repeat < min ? "the repetition goes beyond the month's end"
                                                  : NULL;
        return v->repeat > max - v->start ? parts[part].repeat_problem : NULL;
}

/* Whether the value is what '*' is among seconds: all of them. */
static bool is_every_second(const struct calendar_value *v) {
        return v->start == 0 && v->stop < 0 && v->repeat == 1;
}

/* '*' and more in a list of seconds is '*'. */
static void merge_seconds(struct calendar_chain *chain) {
        for (size_t i = 0; i < chain->n; i++) {
                if (!is_every_second(&chain->items[i]))
                        continue;
                chain->items[0] = chain->items[i];
                chain->n = 1;
        }
}

int calendar_normalize(struct calendar *calendar, size_t *reterr_position,
                       const char **reterr_message) {
        if (calendar->chains[CALENDAR_DAY].n == 0)
                calendar->end_of_month = false;

        for (int i = 0; i < _CALENDAR_PART_N; i++) {
                struct calendar_chain *chain = &calendar->chains[i];

                normalize_chain(chain, i == CALENDAR_YEAR);
                for (size_t k = 0; k < chain->n; k++) {
                        const char *problem = value_problem(
                                (enum calendar_part)i, i == CALENDAR_DAY && calendar->end_of_month,
                                &chain->items[k]);

                        if (!problem)
                                continue;
                        *reterr_position = chain->items[k].position;
                        *reterr_message = problem;
                        return CALENDAR_E_RANGE;
                }
        }
        merge_seconds(&calendar->chains[CALENDAR_SECOND]);
        return 0;
}

static void format_weekdays(unsigned weekdays, struct strbuf *out) {
        bool comma = false;

        for (int i = 0; i < 7; i++) {
                int last = i;

                if (!(weekdays & 1U << i))
                        continue;
                while (last < 6 && weekdays & 1U << (last + 1))
                        last++;

                strbuf_appendf(out, "%s%.3s", comma ? "," : "", calendar_weekdays[i]);
                if (last > i)
                        strbuf_appendf(out, "%s%.3s", last > i + 1 ? ".." : ",",
                                       calendar_weekdays[last]);
                comma = true;
                i = last;
        }
        strbuf_append_char(out, ' ');
}

static void format_chain(const struct calendar *calendar, enum calendar_part part,
                         struct strbuf *out) {
        const struct calendar_chain *chain = &calendar->chains[part];
        int width = part == CALENDAR_YEAR ? 4 : 2;

        if (chain->n == 0 || (part == CALENDAR_SECOND && is_every_second(&chain->items[0]))) {
                strbuf_append_char(out, '*');
                return;
        }

        for (size_t i = 0; i < chain->n; i++) {
                const struct calendar_value *v = &chain->items[i];

                strbuf_appendf(out, "%s%0*d", i > 0 ? "," : "", width, v->start);
                if (v->stop >= 0)
                        strbuf_appendf(out, "..%0*d", width, v->stop);
                if (v->repeat > 0 && !(v->stop >= 0 && v->repeat == 1))
                        strbuf_appendf(out, "/%d", v->repeat);
        }
}

void calendar_format(const struct calendar *calendar, struct strbuf *out) {
        static const char separators[_CALENDAR_PART_N] = {'-', '-', ' ', ':', ':', '\0'};

        if (calendar->weekdays != CALENDAR_WEEKDAYS_ALL)
                format_weekdays(calendar->weekdays, out);

        for (int i = 0; i < _CALENDAR_PART_N; i++) {
                format_chain(calendar, (enum calendar_part)i, out);
                if (i == CALENDAR_MONTH && calendar->end_of_month)
                        strbuf_append_char(out, '~');
                else if (separators[i])
                        strbuf_append_char(out, separators[i]);
        }

        if (calendar->zone_name) {
                strbuf_append_char(out, ' ');
                strbuf_append_str(out, calendar->zone_name);
        }
}
