/*
 * The engine's days beside its conversations: what is said in a line of use, the watchdog, starts and ends
 * in the middle of work, and clocks that nobody vouches for.
 */
#include "days-fixture.h"

static void expect_summary(int line, const char *expected) {
        _cleanup_(strbuf_deinit) struct strbuf summary = {};

        engine_summary(f.engine, &summary);
        if (strcmp(strbuf_str(&summary), expected) != 0)
                fail_msg("line %d: \"%s\"", line, strbuf_str(&summary));
}

/* ---- a line of use ---- */

static void test_summary(void **state) {
        begin();
        f.policy.rpo_s = 600;
        engine_begin();
        engine_pass(30);
        expect_summary(__LINE__, "1 disk, newest 87 s, next db01 00:05Z");
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        engine_pass(90 * 60);
        expect_summary(__LINE__, "1 disk, newest 91 min, everything is paused; 1 late: db01");
        engine_pass(90 * 60);
        expect_summary(__LINE__, "1 disk, newest 3 h, everything is paused; 1 late: db01");
        engine_pass(2 * SEC_PER_DAY);
        expect_summary(__LINE__, "1 disk, newest 2 d, everything is paused; 1 late: db01");
        expect_said(__LINE__,
                    "error: disk db01 under gold has no backup as young as its rpo of 10m: "
                    "the newest complete one is of 2026-11-02T00:00:02Z",
                    true);
        engine_end();

        /* More than a day ahead it is told by its date. */
        begin();
        f.item.period_s = 7 * SEC_PER_DAY;
        engine_begin();
        engine_pass(30);
        expect_summary(__LINE__, "1 disk, newest 87 s, next db01 2026-11-05T00:00:00Z");
        engine_end();
}

/* A disk that never had a backup is late once listings agree that it has none. */
static void test_never(void **state) {
        fixture_init();
        f.policy.rpo_s = 600;
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        f.rules[0].kept_from = true;
        engine_begin();
        engine_pass(60);
        expect_said(__LINE__, "has no backup as young as", false);
        engine_pass(3600);
        expect_said(__LINE__,
                    "error: disk db01 under gold has no backup as young as its rpo of 10m: "
                    "there is none",
                    true);
        engine_end();
}

#define UNAVAILABLE 503, ERROR("ServiceUnavailable")

/* That Azure cannot be read makes no backup younger: the rpo is told to be broken when it is, long before
 * the next slot. */
static void test_late_unread(void **state) {
        begin();
        f.item.period_s = SEC_PER_DAY;
        f.policy.rpo_s = 26 * 3600;
        engine_begin();
        engine_pass(12 * 3600);
        rule(HTTP_GET, "/disks?", UNAVAILABLE);
        rule(HTTP_PUT, "/snapshots/", UNAVAILABLE);
        f.rules[1].kept_from = true;
        engine_pass(13 * 3600 + 1800);
        expect_said(__LINE__, "has no backup as young as", false);
        engine_pass(3600);
        expect_said(__LINE__,
                    "error: disk db01 under gold has no backup as young as its rpo of 1d2h", true);
        assert_true(engine_plan(f.engine, 0)->series[0].late);
        f.rules[0].times = f.met[0];
        snap_add_ours(START_S + SEC_PER_DAY);
        engine_pass(3600);
        expect_said(__LINE__, "disk db01 under gold is within its rpo again", true);
        engine_end();
}

/* Nor is a disk that has none yet as young as it was: it is told when its rpo is over, and not by the next listing. */
static void test_never_unread(void **state) {
        fixture_init();
        f.policy.rpo_s = 2 * 3600;
        rule(HTTP_GET, "/disks?", 200, NULL);
        f.rules[0].body =
                "{\"value\":[{\"id\":\"" DISK_ID "\",\"name\":\"db01\",\"location\":\"westeurope\","
                "\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" GENERATION
                "\",\"timeCreated\":\"2026-11-01T23:30:00Z\",\"diskState\":\"Attached\","
                "\"provisioningState\":\"Succeeded\"}}]}";
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        f.rules[1].kept_from = true;
        engine_begin();
        engine_pass(2400);
        rule(HTTP_GET, "/snapshots?", 429, ERROR("TooManyRequests"));
        f.rules[2].header = "Retry-After: 36000";
        engine_pass(2900);
        expect_said(__LINE__, "has no backup as young as", false);
        engine_pass(900);
        expect_said(__LINE__,
                    "error: disk db01 under gold has no backup as young as its rpo of 2h: "
                    "there is none",
                    true);
        assert_true(engine_plan(f.engine, 0)->series[0].late);
        engine_end();
}

/* Nor that Azure wants no requests for long. */
static void test_late_closed(void **state) {
        begin();
        f.item.period_s = SEC_PER_DAY;
        f.policy.rpo_s = 2 * 3600;
        engine_begin();
        engine_pass(3000);
        rule(HTTP_GET, "/disks?", 429, ERROR("TooManyRequests"));
        f.rules[0].header = "Retry-After: 36000";
        engine_pass(3600);
        expect_said(__LINE__, "has no backup as young as", false);
        engine_pass(1200);
        expect_said(__LINE__, "error: disk db01 under gold has no backup as young as its rpo of 2h",
                    true);
        engine_end();
}

/* A disk that is gone is not looked for without end because its last backup is old. */
static void test_gone_is_no_haste(void **state) {
        size_t n;

        begin();
        f.item.period_s = SEC_PER_DAY;
        f.policy.rpo_s = 2 * 3600;
        engine_begin();
        engine_pass(60);
        f.no_disk = true;
        engine_pass(12 * 3600);
        n = f.requests[HTTP_GET];
        engine_pass(3600);
        assert_in_range(f.requests[HTTP_GET] - n, 1, 20);
        engine_end();
}

/* A key that cannot be used, of a disk whose listing names no encryption set: told by the disk, until a
 * snapshot of it succeeds. */
static void test_key(void **state) {
        fixture_init();
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("KeyVaultKeyNotFound"));
        f.rules[0].kept_from = true;
        engine_begin();
        engine_pass(60);
        expect_said(__LINE__, "error: the disk encryption set of disk db01 cannot use its key",
                    true);
        f.rules[0].times = f.met[0];
        engine_pass(2000);
        expect_said(__LINE__,
                    "no snapshot fails any more for the key of the disk encryption set of "
                    "disk db01",
                    true);
        engine_end();
}

/* ---- starts and ends ---- */

/* What is said before the start is heeded after it, and wakes nobody before. */
static void test_before_start(void **state) {
        begin();
        assert_int_equal(engine_make(), 0);
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        for (size_t i = 0; i < SOURCES_MAX; i++)
                assert_false(f.sources[i].scheduled);
        assert_true(engine_gets_on(f.engine)); /* it is not expected to */
        engine_start(f.engine);
        engine_pass(600);
        assert_int_equal(f.requests[HTTP_PUT] + f.requests[HTTP_DELETE], 0);
        assert_true(f.requests[HTTP_GET] > 0);
        engine_end();
}

/* A pause beyond what the monotonic clock can tell lasts. */
static void test_far_pause(void **state) {
        begin();
        engine_begin();
        assert_int_equal(
                engine_pause(f.engine, /* all= */ false, utc_from_seconds(UTC_MAX_SECONDS), "root"),
                0);
        engine_pass(2000);
        expect_said(__LINE__, "the pause is over", false);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* An engine has its ceiling of subscriptions, and is not made beyond it. */
static void test_many_subscriptions(void **state) {
        static struct resource_id disks[1001];

        for (size_t n = ARRAY_SIZE(disks) - 1; n <= ARRAY_SIZE(disks); n++) {
                fixture_init();
                for (size_t i = 0; i < n; i++) {
                        disks[i] = (struct resource_id){RESOURCE_DISK, "", "rg-app", "db01"};
                        snprintf(disks[i].subscription, sizeof(disks[i].subscription),
                                 "11111111-1111-4111-8111-%012zx", i);
                }
                f.target = (struct target){.disks = disks, .n_disks = n};
                assert_int_equal(engine_make(), n > 1000 ? -E2BIG : 0);
                engine_end();
        }
}

static void end_here(void) {
        f.now_ns += 3600 * NSEC_PER_SEC;
        assert_false(engine_gets_on(f.engine));
}

/* A conversation that should have ended an hour ago and is still there: the loop stands still. When it
 * goes on, it ends, and says that it took too long. */
static void test_overdue(void **state) {
        begin();
        f.get_part = "-20261101T2345";
        f.at_get = end_here;
        engine_begin();
        engine_pass(20);
        f.at_get = NULL;
        expect_said(__LINE__, "it did not come to an end in time [Deadline]", true);
        engine_pass(1);
        assert_true(engine_gets_on(f.engine));
        engine_end();
}

/* Freed in the middle of its work, with looks that wait for room: nothing is left behind. */
static void test_freed(void **state) {
        fixture_init();
        for (int i = 7; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        f.policy.has_keep = false;
        f.file.parallel = 1;
        engine_begin();
        engine_pass(60);
        memmove(&f.snaps[0], &f.snaps[f.n_snaps - 1], sizeof(f.snaps[0]));
        f.n_snaps = 1; /* seven are missed at once */
        while (f.n_flights == 0 || !strstr(f.flights[0]->request->url, "-20261101T23"))
                assert_true(engine_turn(INT64_MAX - 1));
        assert_int_equal(f.n_flights, 1);
        engine_end();
}

/* ---- clocks ---- */

/* Without a Date of ARM nobody vouches for our clock: nothing goes. */
static void test_no_date(void **state) {
        begin();
        f.no_date = true;
        engine_begin();
        engine_pass(200);
        expect_said(__LINE__, "no reply of ARM has a Date that our clock or another agrees with",
                    true);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        f.no_date = false;
        engine_pass(3600);
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();
}

/* The machine stood still, as guests do, and the monotonic clock with it: a step of our clock is all that tells,
 * and ARM is asked for its time at once. What has come due is made, and looked at before: another daemon may
 * have been in time. The second time it is in the middle of a round, which goes by the disks it knows. */
static void test_stood_still(void **state) {
        static const char name[] = "/db01-ed27ce3be3bdbbc1-20261102T020000Z";

        for (int round = 0; round < 2; round++) {
                const char *look, *put;

                begin();
                f.n_snaps -= round;
                f.item.period_s = 3600;
                f.trace = true;
                engine_begin();
                engine_pass(1);
                while (round == 1 && !said("create -> listing"))
                        assert_true(engine_turn(INT64_MAX - 1));
                engine_pass(round == 0 ? 60 : 0);
                f.date_off_s = 2 * 3600;
                engine_clock_stepped(f.engine);
                engine_pass(10);
                look = strstr(f.sent.data, name);
                assert_non_null(look);
                assert_int_equal(strncmp(look - strlen("GET " ARM SNAPSHOTS_ID), "GET ", 4), 0);
                put = strstr(look + 1, name);
                assert_non_null(put);
                assert_int_equal(strncmp(put - strlen("PUT " ARM SNAPSHOTS_ID), "PUT ", 4), 0);
                engine_end();
        }
}

/* What is to be created is no part of what an apply accepts. */
static void test_apply(void **state) {
        char hash[PLAN_HASH_SIZE];

        begin();
        f.n_snaps--; /* the slot of midnight is due */
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        f.rules[0].kept_from = true;
        f.policy.max_delete_percent = 0;
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_plan(f.engine, 0)->actions[0].kind, ACTION_CREATE);
        assert_int_equal(engine_plan_hash(f.engine, hash), 0);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
        engine_pass(60);
        assert_int_equal(engine_counts(f.engine)->created, 0);
        engine_end();
}

/* A doubt that comes after an apply was accepted by nobody, whatever the apply let go. */
static void test_apply_before_the_doubt(void **state) {
        char hash[PLAN_HASH_SIZE];

        begin();
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        f.rules[0].kept_from = true;
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_plan_hash(f.engine, hash), 0);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
        engine_pass(60);
        f.rules[0].times = f.met[0]; /* the lock is gone, and so are disks that the target had */
        f.target.expect = 2;
        engine_pass(2 * 3600);
        assert_true(said("it finds 1 disk and expects 2 or more"));
        assert_false(said("delete -> done"));

        assert_int_equal(engine_plan_hash(f.engine, hash), 0);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
        engine_pass(900);
        assert_true(said("delete -> done"));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_summary),     cmocka_unit_test(test_never),
                cmocka_unit_test(test_late_unread), cmocka_unit_test(test_never_unread),
                cmocka_unit_test(test_late_closed), cmocka_unit_test(test_gone_is_no_haste),
                cmocka_unit_test(test_key),         cmocka_unit_test(test_before_start),
                cmocka_unit_test(test_far_pause),   cmocka_unit_test(test_many_subscriptions),
                cmocka_unit_test(test_overdue),     cmocka_unit_test(test_freed),
                cmocka_unit_test(test_no_date),     cmocka_unit_test(test_stood_still),
                cmocka_unit_test(test_apply),       cmocka_unit_test(test_apply_before_the_doubt),
        };

        return cmocka_run_group_tests_name("engine-days", tests, NULL, NULL);
}
