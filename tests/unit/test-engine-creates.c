/*
 * Creates that come out late, or not as was asked: given up and found again, a quota, reasons, full chains;
 * and orders that are ambiguous.
 */
#include "days-fixture.h"

/* ---- creates that come out late ---- */

static void finish(size_t i) {
        assert_string_equal(f.snaps[i].state, "Updating");
        f.snaps[i].state = "Succeeded";
}

/* Given up while the service still makes it; the next slot is taken, and then this one is there, too. */
static void test_given_up(void **state) {
        size_t first;

        begin();
        f.policy.has_keep = false;
        f.n_snaps--;
        first = f.n_snaps;
        f.new_state = "Updating";
        engine_begin();
        engine_pass(1750);
        f.new_state = NULL;
        engine_pass(250);
        assert_true(said("could not be taken"));
        assert_true(said("T003000Z is complete after 1 failures"));
        assert_false(said("though it was given up"));
        engine_pass(1000);
        assert_false(said("though it was given up"));

        finish(first);
        engine_pass(1000);
        assert_true(said("T000000Z is complete, though it was given up (slot"));
        assert_int_equal(engine_counts(f.engine)->created, f.n_snaps - first);
        strbuf_clear(&f.said);
        engine_pass(1000);
        assert_false(said("though it was given up"));
        engine_end();
}

/* What a Premium SSD v2 disk's snapshot says nothing of is not told to be done: its data are being copied. */
static void test_no_percentage(void **state) {
        fixture_init();
        f.policy.has_keep = false;
        f.item.period_s = SEC_PER_DAY;
        rule(HTTP_GET, "/disks?", 200,
             "{\"value\":[{\"id\":\"" DISK_ID "\",\"name\":\"db01\",\"location\":\"westeurope\","
             "\"sku\":{\"name\":\"PremiumV2_LRS\"},"
             "\"properties\":{\"uniqueId\":\"" GENERATION
             "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}");
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_true(said("T000000Z is accepted, its data still being copied"));
        assert_false(said("T000000Z is complete"));
        engine_end();
}

/* Two in a row, and each has its line. */
static void test_two_given_up(void **state) {
        size_t first;

        begin();
        f.policy.has_keep = false;
        f.n_snaps--;
        first = f.n_snaps;
        f.new_state = "Updating";
        engine_begin();
        engine_pass(3550);
        f.new_state = NULL;
        engine_pass(250);
        finish(first);
        finish(first + 1);
        engine_pass(1000);
        assert_true(said("T000000Z is complete, though it was given up (slot"));
        assert_true(said("T003000Z is complete, though it was given up (slot"));
        assert_int_equal(engine_counts(f.engine)->created, f.n_snaps - first);
        engine_end();
}

/* A PUT that has no effect again and again, and of which no answer says so, is given up and told: neither is Azure
 * asked without a pause, nor all taken for well meanwhile. */
static void test_never_seen(void **state) {
        static const struct {
                int line;
                int status;
                enum transport_outcome outcome;
                const char *body, *said;
        } rows[] = {
                {__LINE__, 503, 0, ERROR("ServiceUnavailable"), "m [ServiceUnavailable]"},
                {__LINE__, 500, 0, "<html>", "[]"},
                {__LINE__, 0, TRANSPORT_LOST, NULL, "cut [reply lost]"},
                {__LINE__, 0, TRANSPORT_TIMEOUT, NULL, "cut [timed out]"},
                {__LINE__, 202, 0, NULL, "Azure accepted it, and does not show it [NotSeen]"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.policy.has_keep = false;
                f.n_snaps--;
                f.item.period_s = SEC_PER_DAY;
                rule(HTTP_PUT, "/snapshots/", rows[i].status, rows[i].body);
                f.rules[0].outcome = rows[i].outcome;
                f.rules[0].kept_from = true;
                engine_begin();
                engine_pass(3600);
                expect_said(rows[i].line, "could not be taken, will try again at", true);
                expect_said(rows[i].line, rows[i].said, true);
                if (engine_is_well(f.engine) || f.requests[HTTP_PUT] < 6 ||
                    f.requests[HTTP_PUT] > 100)
                        fail_msg("row at line %d: %zu requests", rows[i].line,
                                 f.requests[HTTP_PUT]);
                f.n_rules = 0;
                engine_pass(1200);
                expect_said(rows[i].line, "T000000Z is complete after", true);
                assert_true(engine_is_well(f.engine));
                engine_end();
        }
}

/* The same before another slot: it ends the failure. */
static void test_given_up_is_found(void **state) {
        size_t first;

        begin();
        f.policy.has_keep = false;
        f.n_snaps--;
        first = f.n_snaps;
        f.new_state = "Updating";
        f.item.period_s = 86400;
        engine_begin();
        engine_pass(1900);
        assert_true(said("could not be taken"));
        finish(first);
        engine_pass(3600);
        assert_true(said("T000000Z is complete after 1 failures (slot"));
        assert_false(said("nothing is left to do of it"));
        assert_int_equal(f.n_snaps, first + 1);
        engine_end();
}

/* The machine slept while the answer to a PUT was on its way: it may have come out, and is told when it has. */
static void test_slept_at_a_create(void **state) {
        begin();
        f.policy.has_keep = false;
        f.item.period_s = SEC_PER_DAY;
        f.n_snaps--;
        engine_begin();
        while (f.n_flights == 0 || f.flights[0]->request->method != HTTP_PUT)
                assert_true(engine_turn(INT64_MAX - 1));
        snap_add_ours(START_S);
        f.now_ns += 3600 * NSEC_PER_SEC;
        engine_pass(600);
        assert_true(said("[Deadline]"));
        assert_true(said("T000000Z is complete after 1 failures (slot"));
        assert_int_equal(engine_counts(f.engine)->created, 1);
        engine_end();
}

/* What came out is of another disk: it is not tried under another name before the disks are listed. */
static void test_made_again(void **state) {
        struct series_key key = {"prod-backup", "gold", GENERATION, "westeurope"};
        char prefix[NAMING_PREFIX_SIZE], name[SNAPSHOT_NAME_SIZE];
        _cleanup_(strbuf_deinit) struct strbuf one = {}, listing = {};

        begin();
        f.n_snaps--;
        f.item.period_s = 86400;
        assert_int_equal(naming_prefix("db01", &key, prefix), 0);
        naming_snapshot(prefix, utc_from_seconds(START_S), 1, name);
        strbuf_appendf(&one,
                       "{\"id\":\"" SNAPSHOTS_ID "/%s\",\"name\":\"%s\",\"location\":"
                       "\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":\"Copy\","
                       "\"sourceUniqueId\":\"" OTHER_GENERATION "\"},\"incremental\":true,"
                       "\"timeCreated\":\"2026-11-02T00:01:00Z\",\"provisioningState\":"
                       "\"Succeeded\",\"uniqueId\":\"00000000-0000-4000-8000-0000000000ff\"}}",
                       name, name);
        strbuf_appendf(&listing, "{\"value\":[%s]}", one.data);
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET, .url = "/snapshots?", .times = 1};
        rule(HTTP_GET, "/snapshots?", 200, listing.data);
        strcat(name, "?");
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET, .url = name, .times = 1};
        rule(HTTP_GET, name, 200, one.data);
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET, .url = "/disks?", .times = 1};
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                             .url = "/disks?",
                                             .times = 6,
                                             .status = 500,
                                             .body = ERROR("InternalServerError")};
        f.rules[f.n_rules++] = (struct rule){
                .method = HTTP_PUT, .url = name, .times = 1, .status = 202, .kept_from = true};
        engine_begin();
        while (f.met[5] < 6) {
                engine_pass(10);
                assert_true(f.requests[HTTP_PUT] <= 1);
        }
        assert_true(said("[WrongSource]"));
        engine_pass(300);
        assert_int_equal(f.requests[HTTP_PUT], 2);
        engine_end();
}

/* ---- a quota ---- */

/* Slots that a quota keeps from being filled are not missed, and what passes by itself in between does
 * not change that; another refusal does. */
static void test_quota_and_others(void **state) {
        begin();
        f.n_snaps--;
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                             .url = "/snapshots/",
                                             .times = 1,
                                             .status = 409,
                                             .body = ERROR("QuotaExceeded"),
                                             .kept_from = true};
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                             .url = "/snapshots/",
                                             .outcome = TRANSPORT_NOT_SENT,
                                             .kept_from = true};
        engine_begin();
        engine_pass(1500);
        assert_true(said("[QuotaExceeded]"));
        assert_true(f.met[1] > 2);
        assert_false(said("(stale)"));
        f.rules[1].outcome = TRANSPORT_REPLY;
        f.rules[1].status = 403;
        f.rules[1].body = ERROR("AuthorizationFailed");
        engine_pass(1500);
        assert_true(said("(stale)"));
        engine_end();
}

/* ---- reasons ---- */

/* What was told to fail for something that passes, and then fails for something that does not, is told again:
 * nobody else would say what is to be done. Of a create, and of a listing. */
static void test_other_reason(void **state) {
        begin();
        f.n_snaps--;
        f.item.period_s = SEC_PER_DAY;
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                             .url = "/snapshots/",
                                             .times = 6,
                                             .outcome = TRANSPORT_NOT_SENT,
                                             .kept_from = true};
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        f.rules[1].kept_from = true;
        engine_begin();
        engine_pass(1800);
        expect_said(__LINE__, "could not be taken, will try again at 2026-11-02T00:0", true);
        expect_said(__LINE__, "cut [not sent]", true);
        expect_said(__LINE__, "m [AuthorizationFailed]", true);
        strbuf_clear(&f.said);
        engine_pass(3600);
        expect_said(__LINE__, "m [AuthorizationFailed]", false);
        engine_end();

        begin();
        f.item.period_s = SEC_PER_DAY;
        engine_begin();
        engine_pass(60);
        f.rules[f.n_rules++] = (struct rule){
                .method = HTTP_GET, .url = "/disks?", .times = 6, .outcome = TRANSPORT_NOT_SENT};
        rule(HTTP_GET, "/disks?", 403, ERROR("AuthorizationFailed"));
        engine_pass(2 * 3600);
        expect_said(__LINE__, "cut [not sent]", true);
        expect_said(__LINE__, "m [AuthorizationFailed]", true);
        strbuf_clear(&f.said);
        engine_pass(3600);
        expect_said(__LINE__, "m [AuthorizationFailed]", false);
        engine_end();
}

/* ---- chains ---- */

/* A chain that grows from long to critical is not said to be shorter. */
static void test_chain_grows(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        f.item.period_s = 30 * SEC_PER_DAY;
        rule(HTTP_GET, "/snapshots?", 200, "");
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        f.rules[1].kept_from = true;
        list_chain(420, &listing);
        engine_begin();
        engine_pass(60);
        expect_said(__LINE__, "warning: disk db01 has 420 of 500 snapshots in its chain", true);
        list_chain(455, &listing);
        engine_pass(3600);
        expect_said(__LINE__, "error: disk db01 has 455 of 500 snapshots in its chain", true);
        expect_said(__LINE__, "is shorter again", false);
        list_chain(420, &listing);
        engine_pass(3600);
        expect_said(__LINE__, "the chain of disk db01 is not critical any more", true);
        expect_said(__LINE__, "is shorter again", false);
        list_chain(10, &listing);
        engine_pass(3600);
        expect_said(__LINE__, "the chain of disk db01 is shorter again", true);
        list_chain(480, &listing);
        engine_pass(3600);
        expect_said(__LINE__, "error: disk db01 has 480 of 500 snapshots in its chain", true);
        expect_said(__LINE__, "warning: disk db01 has 480", false);
        engine_end();
}

/* ---- orders ---- */

/* A name that two snapshots have, in two groups, is none to give an order by; with its group it is. */
static void test_ambiguous(void **state) {
        static const char other[] = "rg-snapshotz";
        _cleanup_(strbuf_deinit) struct strbuf listing = {};
        char order[ENGINE_HASH_SIZE], path[SNAPSHOT_NAME_SIZE + 16];
        char *at;

        begin();
        f.policy.has_keep = false;
        strbuf_append_str(&listing, "{\"value\":[");
        append_snap(&f.snaps[0], "Succeeded", &listing);
        at = listing.data;
        while ((at = strstr(at, "rg-snapshots")))
                memcpy(at, other, strlen(other));
        for (size_t i = 0; i < f.n_snaps; i++) {
                strbuf_append_char(&listing, ',');
                append_snap(&f.snaps[i], "Succeeded", &listing);
        }
        strbuf_append_str(&listing, "]}");
        rule(HTTP_GET, "/snapshots?", 200, strbuf_str(&listing));
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_hold(f.engine, f.snaps[0].name, "audit", "root", order),
                         ENGINE_E_AMBIGUOUS);
        assert_int_equal(engine_hold(f.engine, f.snaps[1].name, "audit", "root", order), 0);
        snprintf(path, sizeof(path), "rg-snapshots/%s", f.snaps[0].name);
        assert_int_equal(engine_hold(f.engine, path, "audit", "root", order), 0);
        engine_end();
}

static void test_order_words(void **state) {
        assert_string_equal(order_state_name(ORDER_RUNNING), "running");
        assert_string_equal(order_state_name(ORDER_DONE), "done");
        assert_string_equal(order_state_name(ORDER_FAILED), "failed");
}

/* A subscription that is to be let alone for an hour cannot be read for that hour: that is told, and the round is
 * over, as with any other failure. Who waits for its end, once or for a heartbeat, does not wait for Azure. */
static void test_settles_while_throttled(void **state) {
        for (int throttled = 0; throttled < 2; throttled++) {
                fixture_init();
                f.rules[f.n_rules++] = (struct rule){
                        .method = HTTP_GET,
                        .url = "/disks?",
                        .status = throttled ? 429 : 403,
                        .body = "{\"error\":{\"code\":\"SubscriptionRequestsThrottled\","
                                "\"message\":\"m\"}}",
                        .header = throttled ? "Retry-After: 3000" : NULL,
                        .kept_from = true};
                engine_begin();
                engine_pass(900);
                assert_true(said("cannot be read"));
                if (f.settled == 0)
                        fail_msg("throttled %d", throttled);
                assert_true(!throttled || f.met[0] == 1); /* it is let alone */
                engine_end();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settles_while_throttled),
                cmocka_unit_test(test_given_up),
                cmocka_unit_test(test_no_percentage),
                cmocka_unit_test(test_two_given_up),
                cmocka_unit_test(test_never_seen),
                cmocka_unit_test(test_given_up_is_found),
                cmocka_unit_test(test_slept_at_a_create),
                cmocka_unit_test(test_made_again),
                cmocka_unit_test(test_quota_and_others),
                cmocka_unit_test(test_other_reason),
                cmocka_unit_test(test_chain_grows),
                cmocka_unit_test(test_ambiguous),
                cmocka_unit_test(test_order_words),
        };

        return cmocka_run_group_tests_name("engine-creates", tests, NULL, NULL);
}
