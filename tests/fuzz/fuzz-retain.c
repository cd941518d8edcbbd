/*
 * Fuzz target: a SPEC as `snapkeepctl retain --keep` takes it, and the rule over any points.
 *
 * The input is a line with the SPEC, five bytes (pick and zone, min_keep, min_age in hours, now in
 * hours after the first point, and what the schedule is), then points of six bytes: four of seconds
 * after the point before, one of minutes from slot to instant, one of state. Beside the sanitizers,
 * the laws are checked on whatever comes out.
 */
#include "../unit/zone-fixture.h"
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/retention.h"
#include "core/schedule.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 300
#define POINT_SIZE 6
#define HEAD_SIZE 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays on in every build, as the product's own assertions do. */
static void must(bool law) {
        if (!law)
                abort();
}

/* What was taken can be written, and what is written is taken again as the same, without its tail. */
static void check_spec(const char *text, size_t len, struct keep *keep) {
        static const struct keep untouched = {.count = {77}, .within_s = -7};
        struct strbuf out = {}, again = {};
        struct keep same;
        size_t at = SIZE_MAX;
        int r;

        *keep = untouched;
        r = keep_parse(text, len, keep, &at);
        must(keep_problem(r));
        if (r != 0) {
                must(at <= len && memcmp(keep, &untouched, sizeof(*keep)) == 0);
                *keep = (struct keep){.count = {3}};
                return;
        }

        must(!keep_is_empty(keep));
        keep_append(keep, NULL, &out);
        r = keep_parse(strbuf_str(&out), strcspn(strbuf_str(&out), ";"), &same, &at);
        must(r == 0 && memcmp(keep, &same, sizeof(same)) == 0);
        keep_append(&same, NULL, &again);
        must(strcmp(strbuf_str(&out), strbuf_str(&again)) == 0);
        strbuf_deinit(&out);
        strbuf_deinit(&again);
}

static size_t read_points(const uint8_t *data, size_t size, int64_t seconds,
                          struct retention_point *points) {
        size_t n = 0;

        for (; size >= POINT_SIZE && n < POINTS_MAX; data += POINT_SIZE, size -= POINT_SIZE) {
                uint32_t step;

                memcpy(&step, data, sizeof(step));
                seconds += (int32_t)step % 40000000;
                points[n++] = (struct retention_point){
                        utc_from_seconds(seconds),
                        utc_from_seconds(seconds + (int8_t)data[4] * SEC_PER_MINUTE),
                        data[5] & 3U,
                };
        }
        return n;
}

static void check_rule(const struct retention_point *points, size_t n, const struct keep *keep,
                       const struct zone *zone, const struct retention_floors *floors,
                       const struct retention_future *future) {
        static struct retention_point left[POINTS_MAX];
        static struct verdict once[POINTS_MAX + 1], twice[POINTS_MAX + 1];
        static struct utc when[POINTS_MAX + 1];
        struct strbuf text = {};
        size_t n_left = 0;

        must(retention_judge(points, n, keep, zone, floors, future->now, once) == 0);
        for (size_t i = 0; i < n; i++) {
                must((once[i].kept_by & VERDICT_NOT_COMPLETE) ||
                     (points[i].state & POINT_COMPLETE));
                strbuf_clear(&text);
                verdict_append(&once[i], keep, &text);
                must(text.error == 0 && text.len > 0);
                if (once[i].kept_by)
                        left[n_left++] = points[i];
        }
        strbuf_deinit(&text);

        must(retention_judge(left, n_left, keep, zone, floors, future->now, twice) == 0);
        for (size_t i = 0; i < n_left; i++)
                must(twice[i].kept_by != 0);

        must(retention_deaths(points, n, keep, zone, floors, future, when) == 0);
        for (size_t i = 0; i < n; i++) {
                must(when[i].ticks >= future->now.ticks);
                must((when[i].ticks == future->now.ticks) == (once[i].kept_by == 0));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct retention_point points[POINTS_MAX];
        const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
        size_t len = newline ? (size_t)(newline - data) : size, n;
        struct zone *zone = NULL;
        struct keep keep;

        check_spec((const char *)data, len, &keep);
        if (!newline || size - len - 1 < HEAD_SIZE)
                return 0;

        data += len + 1;
        size -= len + 1;
        n = read_points(data + HEAD_SIZE, size - HEAD_SIZE, 1767139200, points);
        keep.pick = data[0] & 1 ? PICK_LAST : PICK_FIRST;
        if (data[0] & 2)
                zone = zone_fixture(data[0] & 4 ? ZONE_LORD_HOWE : ZONE_STOCKHOLM);

        /* A count of many thousand years is a forecast of as long. */
        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++)
                keep.count[rule] = MIN(keep.count[rule], 500U);

        struct schedule_item item = {SCHEDULE_EVERY, 1 + (int64_t)data[4] * 600, 0, NULL};
        struct schedule schedule = {&item, 1};
        struct retention_floors floors = {data[1], data[2] * SEC_PER_HOUR};
        struct retention_future future = {
                .schedule = &schedule,
                .jitter_s = data[1],
                .now = utc_from_seconds(1767139200 + data[3] * SEC_PER_HOUR),
        };

        future.horizon = utc_add_seconds(future.now, 400 * SEC_PER_DAY);
        check_rule(points, n, &keep, zone, &floors, &future);
        zone_free(zone);
        return 0;
}
