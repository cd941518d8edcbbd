#include "core/zone-rule.h"

#include "base/str.h"
#include "base/time.h"

/* RFC 8536 section 3.3.1: hours of a transition's time; those of an offset are POSIX's 0 to 24. */
#define RULE_TIME_HOURS_MAX 167
#define RULE_OFFSET_HOURS_MAX 24

/* Dates of the Gregorian calendar, weekdays included, repeat after 400 years. */
#define GREGORIAN_YEARS 400
#define GREGORIAN_SECONDS (INT64_C(146097) * SEC_PER_DAY)

/* A year's transition lies within its year but for the extended hours, the offset, and J and n
 * days; nine days cover them on either side. */
#define RULE_SLACK_SECONDS (9 * SEC_PER_DAY)

/* The years whose transitions may lie within ZONE_CHANGES_FROM and ZONE_CHANGES_UNTIL. */
#define FIRST_YEAR (-1)
#define LAST_YEAR 10001

struct cursor {
        const char *p, *end;
};

static bool cursor_take(struct cursor *c, char wanted) {
        if (c->p == c->end || *c->p != wanted)
                return false;

        c->p++;
        return true;
}

static bool cursor_number(struct cursor *c, int min, int max, int *ret_value) {
        int value = 0;
        const char *start = c->p;

        while (c->p < c->end && ascii_is_digit(*c->p) && c->p - start < 3)
                value = value * 10 + (*c->p++ - '0');
        if (c->p == start || value < min || value > max)
                return false;

        *ret_value = value;
        return true;
}

/* Three or more letters, or "<+03>": three or more letters, digits and signs in brackets. */
static bool cursor_name(struct cursor *c) {
        bool quoted = cursor_take(c, '<');
        const char *start = c->p;

        while (c->p < c->end) {
                char l = ascii_lower(*c->p);

                if (!(l >= 'a' && l <= 'z') &&
                    !(quoted && (ascii_is_digit(l) || l == '+' || l == '-')))
                        break;
                c->p++;
        }
        if (c->p - start < 3)
                return false;
        return !quoted || cursor_take(c, '>');
}

/* "[+-]h[h[h]][:mm[:ss]]" in seconds. */
static bool cursor_time(struct cursor *c, int hours_max, int32_t *ret_seconds) {
        int hours, minutes = 0, seconds = 0, sign = 1;

        if (cursor_take(c, '-'))
                sign = -1;
        else
                (void)cursor_take(c, '+');

        if (!cursor_number(c, 0, hours_max, &hours))
                return false;
        if (cursor_take(c, ':')) {
                if (!cursor_number(c, 0, 59, &minutes))
                        return false;
                if (cursor_take(c, ':') && !cursor_number(c, 0, 59, &seconds))
                        return false;
        }

        *ret_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
        return true;
}

static bool cursor_date(struct cursor *c, struct zone_rule_date *ret_date) {
        struct zone_rule_date date = {.time = 2 * 3600};

        if (cursor_take(c, 'M')) {
                date.kind = ZONE_RULE_MONTH;
                if (!cursor_number(c, 1, 12, &date.month) || !cursor_take(c, '.') ||
                    !cursor_number(c, 1, 5, &date.week) || !cursor_take(c, '.') ||
                    !cursor_number(c, 0, 6, &date.day))
                        return false;
        } else if (cursor_take(c, 'J')) {
                date.kind = ZONE_RULE_JULIAN;
                if (!cursor_number(c, 1, 365, &date.day))
                        return false;
        } else {
                date.kind = ZONE_RULE_ORDINAL;
                if (!cursor_number(c, 0, 365, &date.day))
                        return false;
        }
        if (cursor_take(c, '/') && !cursor_time(c, RULE_TIME_HOURS_MAX, &date.time))
                return false;

        *ret_date = date;
        return true;
}

/* Days since 1970 of the rule's day in @year. */
static int64_t date_day(const struct zone_rule_date *date, int64_t year) {
        int64_t first;
        int day;

        switch (date->kind) {
        case ZONE_RULE_JULIAN:
                /* From 1 March on, day n is counted from there, over 29 February or not. */
                if (date->day < 60)
                        return civil_to_days(year, 1, 1) + date->day - 1;
                return civil_to_days(year, 3, 1) + date->day - 60;
        case ZONE_RULE_ORDINAL:
                return civil_to_days(year, 1, 1) + date->day;
        case ZONE_RULE_MONTH:
                break;
        }
        first = civil_to_days(year, date->month, 1);
        /* civil_weekday() has 0 for Monday, the rule 0 for Sunday. */
        day = (date->day + 6 - civil_weekday(first) + 7) % 7 + (date->week - 1) * 7;
        if (day >= civil_days_in_month(year, date->month))
                day -= 7;
        return first + day;
}

/* The instant of the change: its time is told in the offset that ends there. */
static int64_t rule_start(const struct zone_rule *rule, int64_t year) {
        return date_day(&rule->start, year) * SEC_PER_DAY + rule->start.time - rule->standard;
}

static int64_t rule_end(const struct zone_rule *rule, int64_t year) {
        return date_day(&rule->end, year) * SEC_PER_DAY + rule->end.time - rule->daylight;
}

static int64_t year_of(int64_t seconds) {
        return civil_from_seconds(seconds).year;
}

static int64_t latest(const struct zone_rule *rule,
                      int64_t (*event)(const struct zone_rule *rule, int64_t year), int64_t year,
                      int64_t seconds) {
        int64_t best = INT64_MIN;

        /* Years up to the one after and from two before: extended hours reach over a new year. */
        for (int64_t y = year + 1; y >= year - 2; y--) {
                int64_t t = event(rule, y);

                if (t <= seconds && t > best)
                        best = t;
        }
        return best;
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t seconds) {
        int64_t year, start, end;

        if (!rule->changes)
                return rule->standard;

        /* Far out the same weekdays and dates come round every 400 years. */
        if (seconds < ZONE_CHANGES_FROM || seconds > ZONE_CHANGES_UNTIL)
                seconds %= GREGORIAN_SECONDS;

        year = year_of(seconds);
        start = latest(rule, rule_start, year, seconds);
        end = latest(rule, rule_end, year, seconds);

        /* Where both fall together daylight saving time goes on: that is how a rule says "all the
         * year", its end being the next start (RFC 8536 section 3.3.1). */
        return start >= end ? rule->daylight : rule->standard;
}

static bool is_change(const struct zone_rule *rule, int64_t at, struct zone_change *ret_change) {
        struct zone_change change = {
                .at = at,
                .before = zone_rule_offset(rule, at - 1),
                .after = zone_rule_offset(rule, at),
        };

        if (change.before == change.after)
                return false;

        *ret_change = change;
        return true;
}

bool zone_rule_next_change(const struct zone_rule *rule, int64_t after,
                           struct zone_change *ret_change) {
        struct zone_change best = {.at = INT64_MAX}, change;

        if (!rule->changes || after >= ZONE_CHANGES_UNTIL)
                return false;
        after = MAX(after, ZONE_CHANGES_FROM - 1);

        for (int64_t year = year_of(after) - 2; year <= LAST_YEAR; year++) {
                int64_t events[] = {rule_start(rule, year), rule_end(rule, year)};

                if (best.at <= civil_to_days(year, 1, 1) * SEC_PER_DAY - RULE_SLACK_SECONDS)
                        break;
                for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                        if (events[i] > after && events[i] < best.at &&
                            is_change(rule, events[i], &change))
                                best = change;
        }
        if (best.at > ZONE_CHANGES_UNTIL)
                return false;

        *ret_change = best;
        return true;
}

bool zone_rule_previous_change(const struct zone_rule *rule, int64_t at,
                               struct zone_change *ret_change) {
        struct zone_change best = {.at = INT64_MIN}, change;

        if (!rule->changes || at < ZONE_CHANGES_FROM)
                return false;
        at = MIN(at, ZONE_CHANGES_UNTIL);

        for (int64_t year = year_of(at) + 1; year >= FIRST_YEAR; year--) {
                int64_t events[] = {rule_start(rule, year), rule_end(rule, year)};

                if (best.at >= civil_to_days(year + 1, 1, 1) * SEC_PER_DAY + RULE_SLACK_SECONDS)
                        break;
                for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                        if (events[i] <= at && events[i] > best.at &&
                            is_change(rule, events[i], &change))
                                best = change;
        }
        if (best.at < ZONE_CHANGES_FROM)
                return false;

        *ret_change = best;
        return true;
}

/* Whether a rule with daylight saving time ever changes the offset: "all the year" does not, and
 * searching for its next change would then walk to the end of time on every call. */
static bool rule_changes(const struct zone_rule *rule) {
        struct zone_change change;

        for (int64_t year = 2000; year < 2000 + GREGORIAN_YEARS; year++)
                if (is_change(rule, rule_start(rule, year), &change) ||
                    is_change(rule, rule_end(rule, year), &change))
                        return true;
        return false;
}

int zone_rule_parse(const char *text, size_t len, struct zone_rule *ret_rule) {
        struct cursor c = {.p = text, .end = text + len};
        struct zone_rule rule = {0};
        int32_t west, constant;

        if (!cursor_name(&c) || !cursor_time(&c, RULE_OFFSET_HOURS_MAX, &west))
                return ZONE_E_DAMAGED;
        rule.standard = rule.daylight = -west;
        if (c.p == c.end) {
                *ret_rule = rule;
                return 0;
        }

        if (!cursor_name(&c))
                return ZONE_E_DAMAGED;
        rule.daylight = rule.standard + 3600;
        if (c.p < c.end && *c.p != ',') {
                if (!cursor_time(&c, RULE_OFFSET_HOURS_MAX, &west))
                        return ZONE_E_DAMAGED;
                rule.daylight = -west;
        }
        /* POSIX leaves a missing date to the implementation; RFC 8536 does not allow it. */
        if (!cursor_take(&c, ',') || !cursor_date(&c, &rule.start) || !cursor_take(&c, ',') ||
            !cursor_date(&c, &rule.end) || c.p != c.end)
                return ZONE_E_DAMAGED;

        /* Asked with the dates in force, then told once and for all where they change nothing. */
        rule.changes = true;
        constant = zone_rule_offset(&rule, 0);
        rule.changes = rule_changes(&rule);
        if (!rule.changes)
                rule.standard = rule.daylight = constant;

        *ret_rule = rule;
        return 0;
}
