/*
 * Regions and subscriptions beside one another: who waits for whom when one is throttled, slow or fails.
 */
#include "days-fixture.h"

/* ---- regions ---- */

#define DISK(name, location, digit)                                                                \
        "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg-app" COMPUTE "/disks/" name            \
        "\",\"name\":\"" name "\",\"location\":\"" location                                        \
        "\",\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":"                      \
        "\"6fd33d6a-a035-4cac-a58d-31443622371" digit "\",\"diskState\":\"Attached\","             \
        "\"provisioningState\":\"Succeeded\"}}"

/* A region that is told to wait keeps nobody of another from going, and all of its own: those that come
 * after one that waits are not asked for one by one. */
static void test_regions(void **state) {
        enum {
                B = 1, /* in this slot it is the first */
                C,
                D,
                A
        };

        fixture_init();
        f.file.parallel = 2;
        f.item.period_s = 3600;
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[" DISK("b", "westeurope", "1") "," DISK("c", "northeurope", "2") "," DISK(
                     "d", "westeurope", "3") "," DISK("a", "westeurope", "4") "]}");
        rule(HTTP_PUT, "/snapshots/b-", 429, ERROR("TooManyRequests"));
        rule(HTTP_PUT, "/snapshots/c-", 403, ERROR("AuthorizationFailed"));
        rule(HTTP_PUT, "/snapshots/d-", 403, ERROR("AuthorizationFailed"));
        rule(HTTP_PUT, "/snapshots/b-", 403, ERROR("AuthorizationFailed"));
        for (int i = B; i <= A; i++)
                f.rules[i].kept_from = true;
        f.rules[B].times = 1;
        f.rules[B].header = "Retry-After: 60\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0";
        engine_begin();
        engine_pass(50);
        assert_int_equal(f.met[B], 1);
        assert_true(f.met[C] > 0);
        assert_int_equal(f.met[D] + f.met[A], 0);
        engine_pass(1800); /* by the longest of Azure's windows */
        assert_true(f.met[D] > 0 && f.met[A] > 0);
        engine_end();
}

/* What is told to wait keeps no listing from coming, by which the others are confirmed. */
static void test_throttled_create(void **state) {
        fixture_init();
        f.item.period_s = 3600;
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[" DISK("db01", "westeurope", "8") "," DISK("c", "northeurope", "2") "]}");
        rule(HTTP_PUT, "/snapshots/c-", 429, ERROR("TooManyRequests"));
        f.rules[1].kept_from = true;
        f.rules[1].header = "Retry-After: 1200\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0";
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[1], 1);
        assert_int_equal(engine_counts(f.engine)->created, 1);
        engine_end();
}

/* Nor does one that was not sent yet, since its region was closed while it was looked at; and the slots of other
 * regions do not wait for it. */
static void test_throttled_region(void **state) {
        fixture_init();
        f.policy.has_keep = false;
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[" DISK("c", "northeurope", "2") "," DISK(
                     "d", "northeurope", "3") "," DISK("db01", "westeurope", "8") "]}");
        rule(HTTP_PUT, "/snapshots/c-", 429, ERROR("TooManyRequests"));
        f.rules[1].kept_from = true;
        f.rules[1].header = "Retry-After: 850\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0";
        f.silent = "/snapshots/d-";
        engine_begin();
        engine_pass(1);
        assert_int_equal(f.met[1], 1);
        f.silent = NULL;
        engine_pass(840);
        assert_int_equal(f.met[1], 1);
        assert_int_equal(engine_counts(f.engine)->created, 3);
        engine_end();
}

/* After a wait that long another daemon may have been there, and somebody holds what it took: it is looked at
 * before the same name is written again, which would take the hold away. */
static void test_throttled_and_held(void **state) {
        begin();
        f.n_snaps--;
        f.item.period_s = SEC_PER_DAY;
        rule(HTTP_PUT, "/snapshots/", 429, ERROR("TooManyRequests"));
        f.rules[0].times = 1;
        f.rules[0].kept_from = true;
        f.rules[0].header = "Retry-After: 1200";
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        snap_add_ours(START_S)->hold = "audit";
        engine_pass(1800);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_true(said("T000000Z is complete (slot"));
        engine_end();
}

/* The same where it was not sent, since others had closed the budget by then. */
static void test_unsent_and_held(void **state) {
        const char *at;
        int puts = 0;

        fixture_init();
        f.item.period_s = SEC_PER_DAY;
        f.trace = true;
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[" DISK("db01", "westeurope", "8") "," DISK("c", "westeurope", "2") "]}");
        rule(HTTP_PUT, "/snapshots/c-", 429, ERROR("TooManyRequests"));
        f.rules[1].kept_from = true;
        f.rules[1].header = "Retry-After: 1200";
        rule(HTTP_PUT, "/snapshots/db01-", 401, ERROR("ExpiredAuthenticationToken"));
        f.rules[2].times = 1;
        f.rules[2].kept_from = true;
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[1], 1);
        assert_int_equal(f.met[2], 1);
        snap_add_ours(START_S)->hold = "audit";
        engine_pass(1300);
        for (at = f.sent.data; (at = strstr(at, " PUT ")); at++)
                puts += strncmp(strrchr(strndupa(at, strcspn(at, "?")), '/'), "/db01-", 6) == 0;
        assert_int_equal(puts, 1);
        assert_true(said("T000000Z is complete (slot"));
        engine_end();
}

/* Nor does a deletion that is told to wait longer than it may: it ends with what was said, and slots go on. */
static void test_throttled_delete(void **state) {
        begin();
        rule(HTTP_DELETE, "/snapshots/", 429, ERROR("TooManyRequests"));
        f.rules[0].kept_from = true;
        f.rules[0].header = "Retry-After: 1200\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/DeleteDisks3Min;0";
        engine_begin();
        engine_pass(6 * EVERY_S);
        assert_false(said("[Deadline]"));
        assert_true(said("could not be deleted, will try again at 2026-11-02T00:21:0"));
        assert_int_equal(engine_counts(f.engine)->created, 6);
        engine_end();
}

/* Nor do those that are told to wait for some minutes, again and again: the listing that they hold up holds up no
 * slot. */
static void test_throttled_deletes(void **state) {
        static const char *const waits[] = {"60", "120", "240", "420"};
        char header[200];

        for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
                begin();
                rule(HTTP_DELETE, "/snapshots/", 429, ERROR("TooManyRequests"));
                f.rules[0].kept_from = true;
                snprintf(header, sizeof(header),
                         "Retry-After: %s\nx-ms-failure-cause: service\n"
                         "x-ms-ratelimit-remaining-resource: "
                         "Microsoft.Compute/DeleteDisks3Min;0",
                         waits[i]);
                f.rules[0].header = header;
                engine_begin();
                engine_pass(12 * EVERY_S);
                if (f.requests[HTTP_PUT] != 12)
                        fail_msg("%s s: %zu of 12", waits[i], f.requests[HTTP_PUT]);
                engine_end();
        }
}

static int64_t page_s;

static void page_here(void) {
        f.now_ns += page_s * NSEC_PER_SEC;
}

/* A listing that takes long is one all the same, as long as its pages come: what is superseded goes by it, and
 * one that takes longer than a page may does not begin from the first one for ever. */
static void test_long_listings(void **state) {
        for (page_s = 480; page_s <= 1200; page_s += 720) {
                begin();
                f.item.period_s = SEC_PER_DAY;
                f.at_list = page_here;
                engine_begin();
                engine_pass(6 * 3600);
                assert_false(said("[Deadline]"));
                assert_int_equal(f.n_snaps, 2);
                engine_end();
        }
}

static int throttled_before;

/* One page of each listing is throttled once. */
static void throttle_once(void) {
        f.rules[0].times = f.met[0] + (f.met[0] == throttled_before);
        throttled_before = f.met[0];
}

/* While it lasts, what was created is asked for singly when the next slot comes: none is missed. */
static void test_slots_beside_long_listings(void **state) {
        begin();
        f.policy.has_keep = false;
        rule(HTTP_GET, "/snapshots?", 429, ERROR("TooManyRequests"));
        f.rules[0].header =
                "Retry-After: 400\nx-ms-failure-cause: service\n"
                "x-ms-ratelimit-remaining-resource: Microsoft.Compute/HighCostGet3Min;0";
        f.rules[0].times = 1;
        throttled_before = 0;
        f.at_list = throttle_once;
        engine_begin();
        engine_pass(3600);
        assert_true(f.met[0] > 5);
        assert_in_range(f.requests[HTTP_PUT], 10, 12);
        engine_end();
}

/* Nor is one where the listing fails for hours and is asked for ever more rarely. */
static void test_slots_beside_failing_listings(void **state) {
        begin();
        f.policy.has_keep = false;
        engine_begin();
        engine_pass(60);
        rule(HTTP_GET, "/snapshots?", 500, ERROR("InternalServerError"));
        engine_pass(24 * EVERY_S);
        assert_true(said("cannot be read"));
        assert_int_equal(f.requests[HTTP_PUT], 24);
        engine_end();
}

/* One that is older than two hours when it has come to its end is in doubt, which has a name. */
static void test_stale_listings(void **state) {
        static const char *const pages[] = {
                "{\"value\":[],\"nextLink\":\"" ARM "/snapshots?b\"}",
                "{\"value\":[],\"nextLink\":\"" ARM "/snapshots?c\"}",
                "{\"value\":[],\"nextLink\":\"" ARM "/snapshots?d\"}",
                "{\"value\":[],\"nextLink\":\"" ARM "/snapshots?e\"}",
        };

        begin();
        f.item.period_s = SEC_PER_DAY;
        page_s = 1700;
        for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
                rule(HTTP_GET, "/snapshots?", 200, pages[i]);
                f.rules[i].times = 1;
        }
        f.at_list = page_here;
        engine_begin();
        for (int i = 0; i < 300 && !said("the last listing is older than 120 minutes"); i++)
                assert_true(engine_turn(INT64_MAX - 1));
        assert_true(said("the last listing is older than 120 minutes"));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* Where the creates of one disk fail for a reason of its own, those of another tell that the group of the
 * snapshots is missing, and that is told of the policy. */
static void test_group_missing_beside(void **state) {
        const char *subscription = NULL;
        const struct policy *policy;

        fixture_init();
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[" DISK("a", "westeurope", "1") "," DISK("b", "westeurope", "2") "]}");
        rule(HTTP_PUT, "/snapshots/b-", 403, ERROR("AuthorizationFailed"));
        rule(HTTP_PUT, "/snapshots/a-", 404, ERROR("ResourceGroupNotFound"));
        for (int i = 1; i < 3; i++)
                f.rules[i].kept_from = true;
        engine_begin();
        assert_null(engine_lacks_group(f.engine, &subscription));
        engine_pass(120);
        policy = engine_lacks_group(f.engine, &subscription);
        assert_non_null(policy);
        assert_string_equal(policy->name, "gold");
        assert_string_equal(subscription, SUB);
        f.rules[2].url = "/snapshots/b-";
        engine_pass(2 * 3600);
        assert_null(engine_lacks_group(f.engine, &subscription));
        engine_end();
}

/* ---- subscriptions ---- */

#define FIRST_SUB "00000000-1111-4111-8111-111111111111"

/* Another subscription before the fixture's, with @n disks that are due at once. */
static void begin_beside(int n, struct strbuf *disks) {
        static struct target targets[2];

        fixture_init();
        targets[0] = (struct target){.subscription = text(FIRST_SUB)};
        targets[1] = f.target;
        f.file.targets = targets;
        f.file.n_targets = 2;
        f.item.period_s = 3600;
        strbuf_append_str(disks, "{\"value\":[");
        for (int i = 0; i < n; i++)
                strbuf_appendf(disks,
                               "%s{\"id\":\"/subscriptions/" FIRST_SUB
                               "/resourceGroups/rg-app" COMPUTE "/disks/app%02d\",\"name\":"
                               "\"app%02d\",\"location\":\"westeurope\",\"sku\":{\"name\":"
                               "\"Premium_LRS\"},\"properties\":{\"uniqueId\":"
                               "\"6fd33d6a-a035-4cac-a58d-3143362237%02d\",\"diskState\":"
                               "\"Attached\",\"provisioningState\":\"Succeeded\"}}",
                               i > 0 ? "," : "", i, i, i);
        strbuf_append_str(disks, "]}");
        rule(HTTP_GET, FIRST_SUB COMPUTE "/disks?", 200, strbuf_str(disks));
        rule(HTTP_GET, FIRST_SUB COMPUTE "/snapshots?", 200, "{\"value\":[]}");
}

/* A reload opens no subscription that Azure has closed, and closes no other. */
static void test_reload_beside(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};

        begin_beside(1, &disks);
        f.rules[0].status = 429;
        f.rules[0].body = ERROR("TooManyRequests");
        f.rules[0].header = "Retry-After: 1800";
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[0], 1);
        engine_reload();
        engine_pass(900);
        assert_int_equal(f.met[0], 1);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        engine_pass(1800);
        assert_true(f.met[0] > 1);
        engine_end();
}

/* What is throttled for long in one takes no room from the other. */
static void test_throttled_beside(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};

        begin_beside(20, &disks);
        f.item.period_s = EVERY_S;
        snap_add_ours(START_S); /* so that the others come first */
        f.file.parallel = 4;
        rule(HTTP_PUT, "/snapshots/app", 429, ERROR("TooManyRequests"));
        f.rules[2].kept_from = true;
        f.rules[2].header = "Retry-After: 1200\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0";
        engine_begin();
        engine_pass(EVERY_S);
        assert_int_equal(f.met[2], 4);
        assert_int_equal(f.requests[HTTP_PUT], 5);
        assert_int_equal(engine_counts(f.engine)->created, 1);
        engine_end();
}

/* What becomes free goes to each in turn: one that always wants it does not get it all. */
static void test_turns(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};
        const char *at, *ours;
        int before = 0;

        begin_beside(20, &disks);
        f.file.parallel = 1;
        f.trace = true;
        engine_begin();
        engine_pass(60);
        ours = strstr(f.sent.data, "/snapshots/db01-");
        assert_non_null(ours);
        for (at = f.sent.data; (at = strstr(at, " PUT ")) && at < ours; at++)
                before++;
        assert_in_range(before, 1, 2); /* and ours */
        assert_int_equal(f.requests[HTTP_PUT], 21);
        engine_end();
}

static void take_a_second(void) {
        f.now_ns += NSEC_PER_SEC;
}

/* What was told to wait goes on when that is over, and not when all others have what they want. */
static void test_rest_ends(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};
        int before = 0, ours = 0;

        begin_beside(60, &disks);
        f.file.parallel = 1;
        f.trace = true;
        f.at_put = take_a_second;
        rule(HTTP_PUT, "/snapshots/db01-", 429, ERROR("TooManyRequests"));
        f.rules[2].times = 1;
        f.rules[2].kept_from = true;
        f.rules[2].header = "Retry-After: 5";
        rule(HTTP_PUT, "/snapshots/app", 403, ERROR("AuthorizationFailed"));
        f.rules[3].kept_from = true;
        engine_begin();
        engine_pass(60);
        for (const char *at = f.sent.data; ours < 2 && (at = strstr(at, " PUT ")); at++) {
                const char *name = strrchr(strndupa(at, strcspn(at, "?")), '/');

                ours += strncmp(name, "/db01-", 6) == 0;
                before += ours == 1; /* one a second */
        }
        assert_int_equal(ours, 2);
        assert_in_range(before, 2, 12);
        engine_end();
}

/* What waits for room when its time is over ends without it: that others have all there is for so long is no
 * reason to take the loop for one that hangs. */
static void test_rest_without_room(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};

        begin_beside(1, &disks);
        f.file.parallel = 1;
        f.item.period_s = 900;
        rule(HTTP_PUT, "/snapshots/app", 429, ERROR("TooManyRequests"));
        f.rules[2].kept_from = true;
        f.rules[2].header = "Retry-After: 1200";
        engine_begin();
        engine_pass(600);
        f.silent = "/snapshots/db01-";
        engine_pass(1140);
        assert_int_equal(f.n_flights, 1);
        assert_false(said("[Deadline]"));
        for (int i = 0; i < 8; i++) {
                engine_pass(60);
                if (!engine_gets_on(f.engine))
                        fail_msg("it hangs after %lld s", (long long)(f.now_ns / NSEC_PER_SEC));
        }
        assert_true(said("app00-"));
        assert_true(said("[Deadline]"));
        f.silent = NULL;
        engine_end();
}

/* Where there are more disks than the budget has creates for in a slot, it is not always the same ones that
 * have none. */
static void test_fewer_than_slots(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};
        char part[32];

        begin_beside(30, &disks);
        f.item.period_s = EVERY_S;
        f.file.api_share_permille = 10;
        f.trace = true;
        rule(HTTP_PUT, "/snapshots/app", 403, ERROR("AuthorizationFailed"));
        f.rules[2].kept_from = true;
        engine_begin();
        engine_pass(EVERY_S - 60);
        assert_true(f.met[2] < 20);
        engine_pass(SEC_PER_DAY);
        for (int i = 0; i < 30; i++) {
                snprintf(part, sizeof(part), "/snapshots/app%02d-", i);
                if (!strstr(f.sent.data, part))
                        fail_msg("%s was never tried", part);
        }
        engine_end();
}

/* What waits after a conflict takes none either, and is as many as ever: not all that is due. */
static void test_conflicts_beside(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf disks = {};
        char part[32];
        int tried = 0;

        begin_beside(20, &disks);
        f.file.parallel = 4;
        f.trace = true;
        rule(HTTP_PUT, "/snapshots/app", 409, ERROR("AnotherOperationInProgress"));
        f.rules[2].kept_from = true;
        engine_begin();
        engine_pass(3);
        for (int i = 0; i < 20; i++) {
                snprintf(part, sizeof(part), "/snapshots/app%02d-", i);
                tried += strstr(f.sent.data, part) != NULL;
        }
        assert_int_equal(tried, 4);
        assert_non_null(strstr(f.sent.data, "/snapshots/db01-"));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_regions),
                cmocka_unit_test(test_throttled_delete),
                cmocka_unit_test(test_throttled_deletes),
                cmocka_unit_test(test_long_listings),
                cmocka_unit_test(test_group_missing_beside),
                cmocka_unit_test(test_stale_listings),
                cmocka_unit_test(test_slots_beside_long_listings),
                cmocka_unit_test(test_slots_beside_failing_listings),
                cmocka_unit_test(test_throttled_create),
                cmocka_unit_test(test_throttled_region),
                cmocka_unit_test(test_throttled_and_held),
                cmocka_unit_test(test_unsent_and_held),
                cmocka_unit_test(test_reload_beside),
                cmocka_unit_test(test_throttled_beside),
                cmocka_unit_test(test_turns),
                cmocka_unit_test(test_rest_ends),
                cmocka_unit_test(test_rest_without_room),
                cmocka_unit_test(test_conflicts_beside),
                cmocka_unit_test(test_fewer_than_slots),
        };

        return cmocka_run_group_tests_name("engine-beside", tests, NULL, NULL);
}
