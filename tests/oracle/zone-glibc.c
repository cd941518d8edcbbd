/*
 * Zones against glibc: every zone installed, every change of offset from 1900 to 2100, from UTC to
 * local time and back. glibc reads the same files with code of its own, and TZ is set for each.
 *
 * The changes looked at are ours; a steady walk through the years finds those we might not know
 * of. With --long the walk takes hours instead of days and goes on to 2300, where both sides
 * have nothing but the rule of the footer.
 */
#include "base/macros.h"
#include "base/time.h"
#include "zone-file.h"

#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FIRST_YEAR 1900
#define LAST_YEAR 2101
#define LAST_YEAR_LONG 2300

/* Odd, so that the walk meets all times of the day. */
#define STEP_SECONDS (5 * SEC_PER_DAY - 1021)
#define STEP_SECONDS_LONG (6 * SEC_PER_HOUR - 61)

static int64_t until, step = STEP_SECONDS;
static size_t n_zones, n_changes, n_instants, n_locals;

static struct tm glibc_local(int64_t at) {
        time_t t = at;
        struct tm tm;

        if (!localtime_r(&t, &tm))
                fail_msg("localtime_r(%" PRId64 ")", at);
        return tm;
}

static void check_offset(const struct zone *zone, int64_t at) {
        long expected = glibc_local(at).tm_gmtoff;
        int32_t offset = zone_offset(zone, at);

        n_instants++;
        if (offset != expected)
                fail_msg("%s at %" PRId64 ": ours %d, glibc's %ld", zone_name(zone), at,
                         (int)offset, expected);
}

/* What mktime() makes of @local, told whether it is summer time or asked to find out. */
static int64_t glibc_instant(int64_t local, int is_dst) {
        struct civil c = civil_from_seconds(local);
        struct tm tm = {
                .tm_year = (int)c.year - 1900,
                .tm_mon = c.month - 1,
                .tm_mday = c.day,
                .tm_hour = c.hour,
                .tm_min = c.minute,
                .tm_sec = c.second,
                .tm_isdst = is_dst,
        };

        return mktime(&tm);
}

static bool glibc_shows(int64_t at, int64_t local) {
        return at + glibc_local(at).tm_gmtoff == local;
}

static void check_local(const struct zone *zone, int64_t local, const struct zone_change *change) {
        int64_t candidates[] = {
                local - change->before,  local - change->after,   glibc_instant(local, -1),
                glibc_instant(local, 0), glibc_instant(local, 1),
        };
        int64_t first, last, glibc_first = INT64_MAX, glibc_last = INT64_MIN;
        enum zone_local expected, kind;

        n_locals++;
        for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
                if (!glibc_shows(candidates[i], local))
                        continue;
                glibc_first = MIN(glibc_first, candidates[i]);
                glibc_last = MAX(glibc_last, candidates[i]);
        }

        if (glibc_first == INT64_MAX) {
                expected = ZONE_LOCAL_GAP;
                glibc_first = glibc_last = change->at;
        } else {
                expected = glibc_first == glibc_last ? ZONE_LOCAL_ONCE : ZONE_LOCAL_REPEATED;
        }

        kind = zone_local_to_instants(zone, local, &first, &last);
        if (kind != expected || first != glibc_first || last != glibc_last)
                fail_msg("%s local %" PRId64 " near %" PRId64 ": ours %d %" PRId64 " %" PRId64
                         ", glibc's %d %" PRId64 " %" PRId64,
                         zone_name(zone), local, change->at, (int)kind, first, last, (int)expected,
                         glibc_first, glibc_last);
        if (zone_first_instant(zone, local) != first)
                fail_msg("%s local %" PRId64 ": two answers", zone_name(zone), local);
        if (zone_latest_local(zone, first) < local || zone_latest_local(zone, first - 1) >= local)
                fail_msg("%s local %" PRId64 ": the latest local time", zone_name(zone), local);
}

static void check_change(const struct zone *zone, const struct zone_change *change) {
        int64_t low = change->at + MIN(change->before, change->after);
        int64_t high = change->at + MAX(change->before, change->after);
        const int64_t locals[] = {low - 60, low - 1, low,      low + 1,  (low + high) / 2,
                                  high - 1, high,    high + 1, high + 60};
        static const int deltas[] = {-60, -1, 0, 1, 60};
        struct zone_change again;

        n_changes++;
        if (glibc_local(change->at - 1).tm_gmtoff == glibc_local(change->at).tm_gmtoff)
                fail_msg("%s at %" PRId64 ": no change for glibc", zone_name(zone), change->at);
        if (!zone_previous_change(zone, change->at, &again) || again.at != change->at ||
            again.before != change->before || again.after != change->after)
                fail_msg("%s at %" PRId64 ": not found backward", zone_name(zone), change->at);

        for (size_t i = 0; i < ARRAY_SIZE(deltas); i++)
                check_offset(zone, change->at + deltas[i]);
        for (size_t i = 0; i < ARRAY_SIZE(locals); i++)
                check_local(zone, locals[i], change);
}

static void check_zone(const char *path, const struct zone *zone) {
        int64_t from = civil_to_days(FIRST_YEAR, 1, 1) * SEC_PER_DAY, at = from;
        struct zone_change change;

        if (setenv("TZ", path, 1) != 0)
                fail_msg("setenv");
        tzset();

        while (zone_next_change(zone, at, &change) && change.at < until) {
                check_change(zone, &change);
                at = change.at;
        }
        for (at = from; at < until; at += step)
                check_offset(zone, at);
        n_zones++;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        const char *name = path + strlen(ZONE_FILE_ROOT) + 1;
        struct zone *zone = NULL;
        char magic[5] = "", tz[512];
        FILE *f;
        int r;

        /* "posix" repeats the whole tree, "right" counts leap seconds. */
        if (type == FTW_D && (strcmp(name - 1, "/posix") == 0 || strcmp(name - 1, "/right") == 0))
                return FTW_SKIP_SUBTREE;
        if (type != FTW_F)
                return FTW_CONTINUE;

        f = fopen(path, "re");
        assert_non_null(f);
        (void)!fread(magic, 1, 4, f);
        fclose(f);
        if (strcmp(magic, "TZif") != 0)
                return FTW_CONTINUE;

        r = zone_file_read(name, &zone);
        if (r != 0)
                fail_msg("%s: %d", name, r);

        snprintf(tz, sizeof(tz), ":%s", path);
        check_zone(tz, zone);
        zone_free(zone);
        return FTW_CONTINUE;
}

static void test_all(void **state) {
        /* Not FTW_PHYS: names that are links to other zones are zones as well. */
        assert_int_equal(nftw(ZONE_FILE_ROOT, visit, 16, FTW_ACTIONRETVAL), 0);
        print_message("# %zu zones, %zu changes, %zu instants, %zu local times\n", n_zones,
                      n_changes, n_instants, n_locals);
        /* Debian's tzdata has over 400; fewer would mean that nothing was looked at. */
        assert_true(n_zones > 300 && n_changes > 30000);
}

/* Leap seconds are refused, not ignored: an offset from such a file would be seconds off. */
static void test_right(void **state) {
        struct zone *zone = NULL;

        if (access(ZONE_FILE_ROOT "/right/Europe/Stockholm", R_OK) != 0) {
                print_message("# no right/ tree is installed\n");
                skip();
        }
        assert_int_equal(zone_file_read("right/Europe/Stockholm", &zone), ZONE_E_LEAP_SECONDS);
}

int main(int argc, char *argv[]) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_right),
        };
        bool is_long = argc > 1 && strcmp(argv[1], "--long") == 0;

        until = civil_to_days(is_long ? LAST_YEAR_LONG : LAST_YEAR, 1, 1) * SEC_PER_DAY;
        if (is_long)
                step = STEP_SECONDS_LONG;
        return cmocka_run_group_tests_name("zone-glibc", tests, NULL, NULL);
}
