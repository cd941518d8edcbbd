/*
 * Orders for extra backups: each answer that there can be, once whatever is retried, and what becomes of them.
 */
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define DAY_S SEC_PER_DAY

static char order[ENGINE_HASH_SIZE];

static void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        engine_begin();
        /* Of this test, and not of slots. */
        engine_pass(10);
        f.requests[HTTP_PUT] = 0;
}

static int backup_of(const char *disk, int64_t keep_s, const char *reason, const char *policy) {
        return engine_backup(f.engine, disk, keep_s, reason, policy, "root", order);
}

static int backup(int64_t keep_s) {
        return backup_of("db01", keep_s, "before an upgrade", "");
}

static struct engine_order now_is(void) {
        struct engine_order found;

        assert_true(engine_order(f.engine, order, &found));
        return found;
}

static void assert_ended(int line, enum order_state state, const char *text) {
        struct engine_order found = now_is();

        if (found.state != state || !strstr(found.text, text))
                fail_msg("line %d: %s, \"%s\", in place of %s, \"%s\"", line,
                         order_state_name(found.state), found.text, order_state_name(state), text);
}

static size_t backups(void) {
        size_t n = 0;

        for (size_t i = 0; i < f.n_snaps; i++)
                n += f.snaps[i].until[0] != '\0';
        return n;
}

static void rule(enum http_method method, const char *url, int times, int status,
                 const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .times = times, .status = status, .body = body};
}

/* Taken, told, listed, and gone when its date has passed. */
static void test_taken(void **state) {
        struct series_key key = {"prod-backup", "backup of gold", GENERATION, "westeurope"};
        char prefix[NAMING_PREFIX_SIZE], name[SNAPSHOT_NAME_SIZE], first[ENGINE_HASH_SIZE];

        begin();
        assert_int_equal(backup(3600), 0);
        assert_int_equal(now_is().kind, ORDER_BACKUP);
        assert_string_equal(order_kind_name(ORDER_BACKUP), "backup");
        assert_int_equal(naming_prefix("db01", &key, prefix), 0);
        naming_snapshot(prefix, utc_from_seconds(START_S + 60), 1, name);
        assert_string_equal(now_is().snapshot.name, name);
        assert_string_equal(now_is().snapshot.group, "rg-snapshots");
        assert_true(said("a backup of disk db01 is to be taken and kept until "
                         "2026-11-02T01:01:00Z (before an upgrade), says root"));
        /* the same again is the same, another date is another */
        strcpy(first, order);
        assert_int_equal(backup(3600), 0);
        assert_string_equal(order, first);
        assert_int_equal(backup(7200), ENGINE_E_BUSY);
        engine_pass(5);
        strcpy(order, first);
        assert_ended(__LINE__, ORDER_DONE, "is complete, kept until 2026-11-02T01:01:00Z");
        assert_int_equal(backups(), 1);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_string_equal(snap_find(name)->until, "20261102T010100Z");

        /* what is there is found, and not taken again */
        assert_int_equal(backup(3600), 0);
        engine_pass(5);
        assert_ended(__LINE__, ORDER_DONE, "is complete");
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_int_equal(backup(7200), 0);
        engine_pass(5);
        assert_ended(__LINE__, ORDER_FAILED, "(NameTaken): another snapshot has its name");
        assert_int_equal(f.requests[HTTP_PUT], 1);

        engine_pass(3400);
        assert_non_null(snap_find(name));
        engine_pass(600);
        assert_null(snap_find(name));
        assert_true(said("is deleted (backup kept until 2026-11-02T01:01:00Z)"));
        engine_end();
}

static void test_refused(void **state) {
        static const struct {
                int line;
                const char *disk, *reason, *policy;
                int64_t keep_s;
                int outcome;
        } rows[] = {
                {__LINE__, "db02", "x", "", DAY_S, ENGINE_E_UNKNOWN},
                {__LINE__, "rg-other/db01", "x", "", DAY_S, ENGINE_E_UNKNOWN},
                {__LINE__, "a/b/c", "x", "", DAY_S, ENGINE_E_INVALID},
                {__LINE__, "", "x", "", DAY_S, ENGINE_E_INVALID},
                {__LINE__, SNAPSHOTS_ID "/x", "x", "", DAY_S, ENGINE_E_INVALID},
                {__LINE__, "db01", "", "", DAY_S, ENGINE_E_INVALID},
                {__LINE__, "db01", "two\nlines", "", DAY_S, ENGINE_E_INVALID},
                {__LINE__, "db01", "x", "", 3599, ENGINE_E_INVALID},
                {__LINE__, "db01", "x", "", 3650 * DAY_S + 1, ENGINE_E_INVALID},
                {__LINE__, "db01", "x", "", INT64_MAX, ENGINE_E_INVALID},
                {__LINE__, "db01", "x", "", -DAY_S, ENGINE_E_INVALID},
                {__LINE__, "db01", "x", "silver", DAY_S, ENGINE_E_UNMANAGED},
                {__LINE__, "RG-APP/DB01", "x", "gold", 3600, 0},
                {__LINE__, DISK_ID, "x", "", 3650 * DAY_S, ENGINE_E_BUSY},
        };

        fixture_init();
        engine_begin();
        assert_int_equal(backup(DAY_S), ENGINE_E_NOT_READ);
        engine_pass(10);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (backup_of(rows[i].disk, rows[i].keep_s, rows[i].reason, rows[i].policy) !=
                    rows[i].outcome)
                        fail_msg("row at line %d", rows[i].line);
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        engine_pass(60);
        assert_int_equal(backup(DAY_S), ENGINE_E_PAUSED);
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        assert_int_equal(backup(DAY_S), 0);
        engine_end();
}

/* What Azure allows a disk in five minutes, of which slots have the rest. */
static void test_room(void **state) {
        size_t taken = 0;

        begin();
        for (int i = 0; i < 6; i++) {
                int r = backup(DAY_S);

                assert_true(r == 0 || r == ENGINE_E_BURST);
                taken += r == 0;
                engine_pass(60);
        }
        assert_true(taken >= 2 && taken <= 4);
        assert_int_equal(backups(), taken);
        engine_pass(400);
        assert_int_equal(backup(DAY_S), 0);
        engine_end();
}

/* What is accepted again and again, and never there, ends as well. */
static void test_never_seen(void **state) {
        begin();
        rule(HTTP_PUT, "/snapshots/", 0, 202, NULL);
        f.rules[0].kept_from = true;
        assert_int_equal(backup(DAY_S), 0);
        engine_pass(200);
        assert_ended(__LINE__, ORDER_FAILED, "could not be taken, or is not complete (NotSeen)");
        assert_in_range(f.requests[HTTP_PUT], 4, 8);
        engine_end();
}

/* Three of a Premium SSD v2 disk that no copy is made of, as they were taken while it was of an ordinary kind. */
static void test_never_copied(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        f.item.period_s = 3600;
        rule(HTTP_GET, "/snapshots?", 0, 200, NULL);
        list_chain(PLANNER_PENDING_MAX, &listing);
        rule(HTTP_GET, "/disks?", 0, 200,
             "{\"value\":[{\"id\":\"" DISK_ID "\",\"name\":\"db01\",\"location\":\"westeurope\","
             "\"sku\":{\"name\":\"PremiumV2_LRS\"},"
             "\"properties\":{\"uniqueId\":\"" GENERATION
             "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}");
        engine_begin();
        engine_pass(10);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_int_equal(backup(DAY_S), 0);
        engine_end();
}

/* Replies that are lost, or say no; what the region has not; what was there and is not any more. */
static void test_answers(void **state) {
        static const struct {
                int line;
                enum http_method method;
                int times, status;
                const char *body;
                enum order_state end;
                const char *text;
                size_t n;
        } rows[] = {
                {__LINE__, HTTP_PUT, 1, 503, ERROR("ServerBusy"), ORDER_DONE, "is complete", 1},
                {__LINE__, HTTP_PUT, 1, 409, ERROR("Conflict"), ORDER_DONE, "is complete", 1},
                {__LINE__, HTTP_PUT, 1, 202, "<html>", ORDER_DONE, "is complete", 1},
                {__LINE__, HTTP_PUT, 0, 403, ERROR("AuthorizationFailed"), ORDER_FAILED,
                 "could not be taken (code AuthorizationFailed", 1},
                {__LINE__, HTTP_GET, 1, 503, ERROR("ServerBusy"), ORDER_DONE, "is complete", 1},
                {__LINE__, HTTP_GET, 1, 200, "{}", ORDER_DONE, "is complete", 1},
                {__LINE__, HTTP_GET, 0, 403, ERROR("AuthorizationFailed"), ORDER_FAILED,
                 "could not be taken (code AuthorizationFailed", 0},
                {__LINE__, HTTP_GET, 0, 404, ERROR("ResourceGroupNotFound"), ORDER_FAILED,
                 "could not be taken (code ResourceGroupNotFound", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                rule(rows[i].method, "/snapshots/db01-", rows[i].times, rows[i].status,
                     rows[i].body);
                assert_int_equal(backup(DAY_S), 0);
                engine_pass(100);
                assert_ended(rows[i].line, rows[i].end, rows[i].text);
                if (backups() != rows[i].n)
                        fail_msg("line %d: %zu are there", rows[i].line, backups());
                engine_end();
        }
}

/* A region without zones has it all the same where that was left to us; it has the policy's tags. */
static void test_without_zones(void **state) {
        struct policy_tag tag = {text("cost"), text("42")};

        for (int auto_zones = 0; auto_zones < 2; auto_zones++) {
                begin();
                f.policy.redundancy = auto_zones ? REDUNDANCY_AUTO : REDUNDANCY_ZRS;
                f.policy.tags = (struct policy_tags){&tag, 1};
                rule(HTTP_PUT, "/snapshots/db01-", 1, 400, ERROR("SkuNotAvailable"));
                f.rules[0].kept_from = true;
                assert_int_equal(backup(DAY_S), 0);
                engine_pass(60);
                assert_ended(__LINE__, auto_zones ? ORDER_DONE : ORDER_FAILED,
                             auto_zones ? "is complete" : "SkuNotAvailable");
                assert_int_equal(f.requests[HTTP_PUT], 1 + auto_zones);
                engine_end();
        }
}

#define DISK(group, properties)                                                                    \
        "{\"id\":\"/subscriptions/" SUB "/resourceGroups/" group COMPUTE "/disks/db01\","          \
        "\"name\":\"db01\",\"location\":\"westeurope\",\"sku\":{\"name\":\"Premium_LRS\"},"        \
        "\"properties\":{" properties "\"diskState\":\"Attached\",\"provisioningState\":"          \
        "\"Succeeded\"}}"

/* Two of a name are told apart by their group; one without a uniqueId has no series. */
static void test_which(void **state) {
        fixture_init();
        rule(HTTP_GET, "/disks?", 0, 200,
             "{\"value\":[" DISK("rg-app", "\"uniqueId\":\"" GENERATION "\",") "," DISK("rg-b",
                                                                                        "") "]}");
        engine_begin();
        engine_pass(10);
        assert_int_equal(backup(DAY_S), ENGINE_E_AMBIGUOUS);
        assert_int_equal(backup_of("rg-b/db01", DAY_S, "x", ""), ENGINE_E_UNMANAGED);
        assert_int_equal(backup_of("rg-app/db01", DAY_S, "x", ""), 0);
        engine_end();
}

/* Azure gives a disk 500. */
static void test_full(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        f.item.period_s = 30 * DAY_S;
        rule(HTTP_GET, "/snapshots?", 0, 200, "");
        list_chain(500, &listing);
        engine_begin();
        engine_pass(10);
        assert_int_equal(backup(DAY_S), ENGINE_E_CHAIN);
        engine_end();
}

/* A reply that is lost after its effect: it is found. */
static void test_lost(void **state) {
        begin();
        rule(HTTP_PUT, "/snapshots/db01-", 1, 0, NULL);
        f.rules[0].outcome = TRANSPORT_LOST;
        assert_int_equal(backup(DAY_S), 0);
        engine_pass(30);
        assert_ended(__LINE__, ORDER_DONE, "is complete");
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_int_equal(backups(), 1);
        engine_end();
}

static void drop_backup(void) {
        for (size_t i = 0; i < f.n_snaps; i++)
                if (f.snaps[i].until[0]) {
                        snap_drop(&f.snaps[i]);
                        return;
                }
}

/* One that is copied for long says how far it is; who deletes it meanwhile had a reason. */
static void test_under_way(void **state) {
        begin();
        f.new_state = "Updating";
        assert_int_equal(backup(DAY_S), 0);
        engine_pass(60);
        assert_int_equal(now_is().state, ORDER_RUNNING);
        assert_non_null(strstr(now_is().text, "is under way, 0 % of its data copied"));
        drop_backup();
        engine_pass(100);
        assert_ended(__LINE__, ORDER_FAILED, "it is not there any more, or its date has passed");
        assert_int_equal(backups(), 0);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        engine_end();

        begin();
        f.new_state = "Failed";
        assert_int_equal(backup(DAY_S), 0);
        engine_pass(60);
        assert_ended(__LINE__, ORDER_FAILED, "or is not complete (ProvisioningFailed)");
        engine_end();
}

/* Why it failed is told in Azure's own words, where its operation has any. */
static void test_why(void **state) {
        static const struct {
                int line;
                const char *url;
                int status;
                const char *body, *text;
                int asked;
        } rows[] = {
                {__LINE__, ARM "/ops/1", 200,
                 "{\"status\":\"Failed\",\"error\":{\"code\":\"QuotaExceeded\",\"message\":\"no "
                 "room\"}}",
                 "or is not complete (QuotaExceeded): no room; ask Azure for a higher quota", 1},
                {__LINE__, ARM "/ops/1", 200, "{\"status\":\"Canceled\"}",
                 "or is not complete (ProvisioningFailed): the service gave it up", 1},
                {__LINE__, ARM "/ops/1", 200, "{\"status\":\"Succeeded\"}", "(ProvisioningFailed)",
                 1},
                {__LINE__, ARM "/ops/1", 200, "<html>", "(ProvisioningFailed)", 1},
                {__LINE__, ARM "/ops/1", 404, ERROR("NotFound"), "(ProvisioningFailed)", 1},
                {__LINE__, "https://other.example/ops/1", 200, "{}", "(ProvisioningFailed)", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char header[100];

                begin();
                f.new_state = "Failed";
                rule(HTTP_PUT, "/snapshots/db01-", 0, 0, NULL);
                snprintf(header, sizeof(header), "Azure-AsyncOperation: %s", rows[i].url);
                f.rules[0].header = header;
                rule(HTTP_GET, "/ops/1", 0, rows[i].status, rows[i].body);
                assert_int_equal(backup(DAY_S), 0);
                engine_pass(60);
                assert_ended(rows[i].line, ORDER_FAILED, rows[i].text);
                assert_int_equal(f.met[1], rows[i].asked);
                engine_end();
        }
}

/* With prune off it stays, and whoever ordered it is told so. */
static void test_prune_off(void **state) {
        begin();
        f.policy.prune = PRUNE_OFF;
        assert_int_equal(backup(3600), 0);
        engine_pass(10);
        assert_ended(__LINE__, ORDER_DONE, "and beyond, since prune is off");
        engine_pass(3 * 3600);
        assert_int_equal(backups(), 1);
        engine_end();
}

/* A PUT that has waited long for its budget would replace the tags of what another daemon took meanwhile, by
 * the same order, and somebody holds. */
static void test_waited_and_held(void **state) {
        struct snap *snap;
        char name[SNAPSHOT_NAME_SIZE];
        size_t puts;

        begin();
        f.trace = true;
        rule(HTTP_PUT, "/snapshots/db01-", 1, 429, ERROR("TooManyRequests"));
        f.rules[0].kept_from = true;
        f.rules[0].header = "Retry-After: 1800\nx-ms-failure-cause: service\n"
                            "x-ms-ratelimit-remaining-resource: "
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0";
        engine_pass(240);
        puts = f.requests[HTTP_PUT];
        assert_int_equal(f.met[0], 1);
        assert_int_equal(backup(DAY_S), 0);
        strcpy(name, now_is().snapshot.name);
        engine_pass(600);
        assert_int_equal(f.requests[HTTP_PUT], puts);
        snap = snap_add(name, utc_seconds(now_is().since) / 60 * 60);
        snprintf(snap->until, sizeof(snap->until), "%s", "20261103T000500Z");
        snap->hold = "audit";
        engine_pass(2400);
        assert_ended(__LINE__, ORDER_DONE, "is complete");
        for (const char *at = f.sent.data; (at = strstr(at, " PUT ")); at++)
                assert_null(strstr(strndupa(at, strcspn(at, "\n")), name));
        engine_end();
}

/* One whose time is over while its PUT is on the way may be there. */
static void test_overdue(void **state) {
        begin();
        f.policy.has_keep = false;
        f.item.period_s = 40 * DAY_S;
        engine_pass(3600);
        f.silent = "?api-version=2024-03-02";
        assert_int_equal(backup(2 * DAY_S), 0);
        engine_pass(1);
        assert_int_equal(f.n_flights, 1);
        f.silent = NULL;
        while (f.requests[HTTP_PUT] == 0)
                assert_true(engine_turn(INT64_MAX - 1));
        f.silent = "/snapshots/db01-";
        engine_pass(25 * 3600);
        assert_ended(__LINE__, ORDER_FAILED, "could not be taken, or is not complete");
        f.silent = NULL;
        engine_end();
}

/* By another's hand: an alarm before its date, and none after. */
static void test_vanished(void **state) {
        for (int late = 0; late < 2; late++) {
                begin();
                f.policy.min_keep = late ? 100 : 1; /* it stays beyond its date */
                assert_int_equal(backup(3600), 0);
                engine_pass(late ? 5000 : 1000);
                assert_int_equal(backups(), 1);
                drop_backup();
                engine_pass(1000);
                if (said("of ours is gone, and it was not us who deleted it") == (late == 1))
                        fail_msg("an alarm %s its date", late ? "after" : "before");
                engine_end();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken),         cmocka_unit_test(test_refused),
                cmocka_unit_test(test_room),          cmocka_unit_test(test_never_copied),
                cmocka_unit_test(test_never_seen),    cmocka_unit_test(test_answers),
                cmocka_unit_test(test_without_zones), cmocka_unit_test(test_which),
                cmocka_unit_test(test_full),          cmocka_unit_test(test_lost),
                cmocka_unit_test(test_under_way),     cmocka_unit_test(test_why),
                cmocka_unit_test(test_prune_off),     cmocka_unit_test(test_waited_and_held),
                cmocka_unit_test(test_overdue),       cmocka_unit_test(test_vanished),
        };

        return cmocka_run_group_tests_name("engine-backup", tests, NULL, NULL);
}
