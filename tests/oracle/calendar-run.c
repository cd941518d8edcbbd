/*
 * calendar-run: our calendar over a pipe, for calendar.py. One request a line, fields between
 * tabs, one answer a line:
 *
 *         parse <expression>
 *                 ok <normalized form> | error <code> <position> <message>
 *         next <zone> <after> <until> <most> <expression>
 *                 ok <instant> <instant> ... | error ...
 *
 * "next" lists the instants after @after up to the first at or beyond @until, @most at the most,
 * and before it answers walks back over them with calendar_previous(), which must meet the same.
 */
#include "base/strbuf.h"
#include "core/calendar.h"
#include "zone-file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 6
#define INSTANTS_MAX 100000

static int64_t instants[INSTANTS_MAX];

/* Zones stay read: a run asks for the same few thousands of times. */
static struct zone *zone_cached(const char *name) {
        static struct {
                char name[64];
                struct zone *zone;
        } cache[64];
        struct zone *zone = NULL;
        size_t i;
        int r;

        for (i = 0; i < ARRAY_SIZE(cache) && cache[i].zone; i++)
                if (strcmp(cache[i].name, name) == 0)
                        return cache[i].zone;

        r = zone_file_read(name, &zone);
        if (r != 0 || i == ARRAY_SIZE(cache)) {
                fprintf(stderr, "zone %s: %d\n", name, r);
                exit(1);
        }
        snprintf(cache[i].name, sizeof(cache[i].name), "%s", name);
        cache[i].zone = zone;
        return zone;
}

static struct calendar *parse(const char *text) {
        struct calendar *calendar = NULL;
        const char *message = NULL;
        size_t position = 0;
        int r;

        r = calendar_parse(text, strlen(text), &calendar, &position, &message);
        if (r != 0)
                printf("error\t%d\t%zu\t%s\n", r, position, message ? message : "");
        return calendar;
}

static void answer_parse(const char *text) {
        _cleanup_(calendar_freep) struct calendar *calendar = parse(text);
        struct strbuf s = {0};

        if (!calendar)
                return;

        calendar_format(calendar, &s);
        printf("ok\t%s\n", strbuf_str(&s));
        strbuf_deinit(&s);
}

/* Whether calendar_previous() walks back over @instants to @after, from each and from between. */
static bool is_inverse(const struct calendar *calendar, const struct zone *zone, int64_t after,
                       size_t n) {
        struct utc t;

        for (size_t i = 0; i < n; i++) {
                if (!calendar_previous(calendar, zone, utc_from_seconds(instants[i]), &t) ||
                    utc_seconds(t) != instants[i])
                        return false;
                if (calendar_previous(calendar, zone, utc_from_seconds(instants[i] - 1), &t)
                            ? utc_seconds(t) != (i > 0 ? instants[i - 1] : utc_seconds(t))
                            : i > 0)
                        return false;
                if (i == 0 && utc_seconds(t) > after && utc_seconds(t) != instants[0])
                        return false;
        }
        return true;
}

static void answer_next(char *const fields[static FIELDS_MAX]) {
        _cleanup_(calendar_freep) struct calendar *calendar = parse(fields[5]);
        int64_t after = strtoll(fields[2], NULL, 10), until = strtoll(fields[3], NULL, 10);
        size_t n = 0, most = strtoul(fields[4], NULL, 10);
        const struct zone *zone = zone_cached(fields[1]);
        struct utc t = utc_from_seconds(after);

        if (!calendar)
                return;
        if (calendar_zone_name(calendar) && strcmp(calendar_zone_name(calendar), "UTC") != 0)
                calendar_bind_zone(calendar, zone_cached(calendar_zone_name(calendar)));

        while (n < most && n < INSTANTS_MAX && calendar_next(calendar, zone, t, &t)) {
                instants[n++] = utc_seconds(t);
                if (utc_seconds(t) >= until)
                        break;
        }
        if (!is_inverse(calendar, zone, after, n)) {
                printf("error\t0\t0\tprevious is not the inverse of next\n");
                return;
        }

        printf("ok");
        for (size_t i = 0; i < n; i++)
                printf("\t%" PRId64, instants[i]);
        printf("\n");
}

int main(void) {
        static char line[65536];

        while (fgets(line, sizeof(line), stdin)) {
                char *fields[FIELDS_MAX] = {line};
                size_t n = 1;

                line[strcspn(line, "\n")] = 0;
                /* The expression is the last field and may hold tabs itself. */
                while (n < (strncmp(line, "parse", 5) == 0 ? 2 : FIELDS_MAX)) {
                        char *tab = strchr(fields[n - 1], '\t');

                        if (!tab)
                                break;
                        *tab = 0;
                        fields[n++] = tab + 1;
                }

                if (n == 2 && strcmp(line, "parse") == 0)
                        answer_parse(fields[1]);
                else if (n == FIELDS_MAX && strcmp(line, "next") == 0)
                        answer_next(fields);
                else
                        return 2;
                fflush(stdout);
        }
        return 0;
}
