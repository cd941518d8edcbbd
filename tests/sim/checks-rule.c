/*
 * Civil time by glibc, slots by looking at one hour after the other, and retention by counting: each
 * the plain way, and none as core does it.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_PER_WEEK (7 * SEC_PER_DAY)

/* glibc's zone is the process's; it is set when another is asked for. */
static void use_zone(const char *posix) {
        static const char *current;

        if (!posix)
                posix = "UTC0";
        if (current && strcmp(current, posix) == 0)
                return;
        if (setenv("TZ", posix, 1) != 0)
                abort();
        tzset();
        current = posix;
}

static struct tm local_time(const char *posix, int64_t time_s) {
        time_t t = (time_t)time_s;
        struct tm tm;

        use_zone(posix);
        if (!localtime_r(&t, &tm))
                abort();
        return tm;
}

static int64_t days_of(const struct tm *tm) {
        return civil_to_days(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday);
}

void civil_periods(const char *posix, int64_t time_s, int64_t ret_period[static _PERIOD_N]) {
        struct tm tm = local_time(posix, time_s);
        int64_t days = days_of(&tm);

        /* The hour that autumn repeats is two: they differ in their offset. */
        ret_period[PERIOD_HOUR] =
                (days * 24 + tm.tm_hour) * 1000 + (14 * 3600 - tm.tm_gmtoff) / 900;
        ret_period[PERIOD_DAY] = days;
        /* 1970-01-01 was a Thursday; weeks begin on Monday and know nothing of years. */
        ret_period[PERIOD_WEEK] = (days + 3 + 7 * 200000) / 7;
        ret_period[PERIOD_MONTH] = ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon;
        ret_period[PERIOD_YEAR] = (int64_t)tm.tm_year + 1900;
}

bool is_slot(const struct intent *intent, int64_t slot_s) {
        struct tm tm;

        if (intent->every_s > 0)
                return slot_s % intent->every_s == 0;
        if (intent->calendar.hours == 0)
                return true;
        tm = local_time(intent->zone_posix, slot_s);
        return tm.tm_sec == 0 && tm.tm_min == intent->calendar.minute &&
               intent->calendar.hours & 1U << tm.tm_hour &&
               intent->calendar.days & 1U << ((tm.tm_wday + 6) % 7);
}

int64_t next_slot(const struct intent *intent, int64_t after_s) {
        int64_t t;

        if (intent->every_s > 0)
                return (after_s / intent->every_s + 1) * intent->every_s;
        if (intent->calendar.hours == 0)
                return 0;
        /* All zones here are whole hours from UTC. */
        t = after_s - after_s % 3600 + intent->calendar.minute * 60;
        if (t <= after_s)
                t += 3600;
        for (int64_t end = t + SECONDS_PER_WEEK + SEC_PER_DAY; t < end; t += 3600)
                if (is_slot(intent, t))
                        return t;
        return 0;
}

/* Rules. */

bool intent_keeps_all(const struct intent *intent) {
        return intent->off || (intent->last == 0 && intent->hourly == 0 && intent->daily == 0 &&
                               intent->weekly == 0 && intent->monthly == 0 && intent->yearly == 0 &&
                               intent->within_s == 0);
}

static uint32_t *rule_count(struct intent *intent, size_t rule) {
        uint32_t *const counts[] = {&intent->last,   &intent->hourly,  &intent->daily,
                                    &intent->weekly, &intent->monthly, &intent->yearly};

        return counts[rule];
}

static const char *const rule_names[] = {"last", "hourly", "daily", "weekly", "monthly", "yearly"};

void intent_rule(const struct intent *intent, char ret_text[static TAG_TEXT_MAX]) {
        struct intent copy = *intent;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rule_names); i++)
                if (*rule_count(&copy, i) > 0)
                        n += (size_t)snprintf(ret_text + n, TAG_TEXT_MAX - n, "%s%s=%u",
                                              n > 0 ? "," : "", rule_names[i],
                                              *rule_count(&copy, i));
        if (intent->within_s > 0)
                n += (size_t)snprintf(ret_text + n, TAG_TEXT_MAX - n, "%swithin=%llds",
                                      n > 0 ? "," : "", (long long)intent->within_s);
        if (n == 0)
                n += (size_t)snprintf(ret_text, TAG_TEXT_MAX, "none");
        snprintf(ret_text + n, TAG_TEXT_MAX - n, ";pick=%s;zone=%s",
                 intent->pick_last ? "last" : "first", intent->zone ?: "UTC");
}

/* Chosen: a DELETE that was sent before may land so much later. */
#define ZONE_LOST_S 300

static bool is_of_lost_zone(const struct checks *c, const char *text, const struct intent *rule,
                            struct utc at) {
        return !strstr(text, ";zone=UTC") && c->zone_lost.ticks != UTC_NEVER.ticks &&
               at.ticks > utc_add_seconds(c->zone_lost, ZONE_LOST_S).ticks &&
               (rule->hourly > 0 || rule->daily > 0 || rule->weekly > 0 || rule->monthly > 0 ||
                rule->yearly > 0);
}

bool rule_parse(const struct checks *c, const char *text, const struct intent *intent,
                struct utc at, struct intent *ret_intent) {
        const char *p = text;

        *ret_intent = *intent;
        for (size_t i = 0; i < ARRAY_SIZE(rule_names); i++)
                *rule_count(ret_intent, i) = 0;
        ret_intent->within_s = 0;
        ret_intent->pick_last = strstr(text, ";pick=last") != NULL;
        /* Generated runs know one zone beside UTC, and scenarios bring their own as the file's. */
        if (!intent->zone || !strstr(text, intent->zone))
                ret_intent->zone_posix = strstr(text, ";zone=UTC") ? NULL : intent->zone_posix;
        while (*p && *p != ';') {
                size_t len = strcspn(p, "=,;");
                bool known = len == 6 && strncmp(p, "within", 6) == 0;

                if (len == 4 && strncmp(p, "none", 4) == 0)
                        break;
                if (p[len] != '=')
                        return false;
                if (known)
                        ret_intent->within_s = strtoll(p + len + 1, NULL, 10);
                for (size_t i = 0; i < ARRAY_SIZE(rule_names) && !known; i++)
                        if (strlen(rule_names[i]) == len && strncmp(rule_names[i], p, len) == 0) {
                                *rule_count(ret_intent, i) =
                                        (uint32_t)strtoul(p + len + 1, NULL, 10);
                                known = true;
                        }
                if (!known)
                        return false;
                p += strcspn(p, ",;");
                p += *p == ',';
        }
        if (is_of_lost_zone(c, text, ret_intent, at)) {
                for (size_t i = 0; i < ARRAY_SIZE(rule_names); i++)
                        *rule_count(ret_intent, i) = 0;
                ret_intent->within_s = 0;
        }
        return true;
}

/* Points. */

static void snapshot_periods(struct seen_snapshot *s, const char *posix) {
        const char *zone = posix ?: "UTC0";

        if (s->period_zone && strcmp(s->period_zone, zone) == 0)
                return;
        civil_periods(posix, s->slot_s, s->period);
        s->period_zone = zone;
}

static bool is_future(const struct checks *c, int64_t slot_s, struct utc instant, struct utc at) {
        /* By the service's own clock, which wrote the instants. */
        struct utc now = {at.ticks + service_clock_error(c->service) / NSEC_PER_TICK +
                          SEC_PER_MINUTE * TICKS_PER_SEC};

        return instant.ticks > now.ticks || slot_s > utc_seconds(now);
}

size_t collect_points(struct checks *c, const struct seen_chain *chain, const struct intent *intent,
                      struct utc at, int64_t gone_s, struct point *points) {
        return collect_unknown(c, chain, intent, at, gone_s, 0, points);
}

size_t collect_unknown(struct checks *c, const struct seen_chain *chain,
                       const struct intent *intent, struct utc at, int64_t gone_s, unsigned node,
                       struct point *points) {
        size_t n = 0;

        for (size_t i = 0; i < chain->n && n < POINTS_MAX; i++) {
                struct seen_snapshot *s = chain->items[i];

                if (!s->shaped || s->backup || strcmp(s->owner, intent->owner) != 0 ||
                    !intent_claims(intent, s->policy) ||
                    !str_equal_nocase(s->r->group, intent->group) ||
                    !service_resource_is_complete(s->r, at) ||
                    is_future(c, s->slot_s, s->r->time_created, at))
                        continue;
                snapshot_periods(s, intent->zone_posix);
                points[n] = (struct point){s->slot_s, s->r->time_created, {}, s, s->looks};
                memcpy(points[n++].period, s->period, sizeof(s->period));
        }
        for (size_t i = 0; gone_s > 0 && i < c->n_gone && n < POINTS_MAX; i++) {
                struct seen_gone *g = &c->gone[i];

                if (g->at.ticks <= utc_add_seconds(at, -gone_s).ticks || g->place != chain->place ||
                    guid_compare(&g->generation, &chain->generation) != 0 ||
                    (node > 0 && g->by == node) || strcmp(g->owner, intent->owner) != 0 ||
                    !intent_claims(intent, g->policy) || is_future(c, g->slot_s, g->instant, at))
                        continue;
                points[n] = (struct point){
                        .slot_s = g->slot_s, .instant = g->instant, .looks = g->looks};
                civil_periods(intent->zone_posix, g->slot_s, points[n++].period);
        }
        return n;
}

bool point_is_newer(const struct point *a, const struct point *b) {
        return a->slot_s > b->slot_s ||
               (a->slot_s == b->slot_s && a->instant.ticks > b->instant.ticks);
}

/* Whether the point stands for its period, and that is one of the newest @count that have a point. */
static bool stands_for_period(const struct point *points, size_t n, const struct point *point,
                              enum period period, uint32_t count, bool pick_last) {
        size_t newer = 0;

        for (size_t i = 0; i < n; i++) {
                const struct point *o = &points[i];
                bool counted = false;

                if (o == point)
                        continue;
                if (o->period[period] == point->period[period] &&
                    (pick_last ? point_is_newer(o, point) : point_is_newer(point, o)))
                        return false;
                if (o->period[period] <= point->period[period])
                        continue;
                for (size_t j = 0; j < i && !counted; j++)
                        counted = points[j].period[period] == o->period[period];
                newer += !counted;
                if (newer >= count)
                        return false;
        }
        return newer < count;
}

const char *rule_keeps(const struct intent *intent, const struct point *points, size_t n,
                       const struct point *point, struct utc now, bool floors) {
        static const char *const period_names[] = {
                "it stands for its hour", "it stands for its day", "it stands for its week",
                "it stands for its month", "it stands for its year"};
        const uint32_t counts[_PERIOD_N] = {intent->hourly, intent->daily, intent->weekly,
                                            intent->monthly, intent->yearly};
        struct utc newest = point->instant;
        size_t newer = 0;

        if (intent_keeps_all(intent))
                return "its policy keeps all";
        for (size_t i = 0; i < n; i++) {
                newer += &points[i] != point && point_is_newer(&points[i], point);
                newest.ticks = MAX(newest.ticks, points[i].instant.ticks);
        }
        if (newer < intent->last)
                return "it is one of the last";
        if (floors && newer < intent->min_keep)
                return "it is one of min_keep";
        if (floors && now.ticks < utc_add_seconds(point->instant, intent->min_age_s).ticks)
                return "it is younger than min_age";
        if (intent->within_s > 0 &&
            point->instant.ticks > utc_add_seconds(newest, -intent->within_s).ticks)
                return "it is within";
        for (int p = 0; p < _PERIOD_N; p++)
                if (counts[p] > 0 && stands_for_period(points, n, point, (enum period)p, counts[p],
                                                       intent->pick_last))
                        return period_names[p];
        return NULL;
}
