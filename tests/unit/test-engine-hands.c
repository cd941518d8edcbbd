/*
 * What an operator says to the engine, and what single looks at Azure tell it: each answer, the odd
 * ones too.
 */
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define DISK(unique_id)                                                                            \
        "{\"id\":\"" DISK_ID "\",\"name\":\"db01\",\"location\":\"westeurope\",\"properties\":{"   \
        "\"uniqueId\":\"" unique_id "\"}}"

/* Four of ours, of which the newest fills the slot that is due. */
static void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static void expect_said(int line, const char *part, bool expected) {
        if (said(part) != expected)
                fail_msg("line %d: \"%s\" was %ssaid\n%s", line, part, expected ? "not " : "",
                         strbuf_str(&f.said));
}

#define assert_said(part) expect_said(__LINE__, part, true)
#define assert_not_said(part) expect_said(__LINE__, part, false)

static void rule(enum http_method method, const char *url, int times, int status,
                 const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .times = times, .status = status, .body = body};
}

struct seen_doubt {
        uint32_t bits;
        char hash[ENGINE_HASH_SIZE]; /* the last one's */
        char scope[128];
        bool since;
};

static void see_doubt(const struct engine_doubt *doubt, void *data) {
        struct seen_doubt *seen = data;

        seen->bits |= doubt->bit;
        seen->since = utc_is_set(doubt->since);
        assert_non_null(doubt->end);
        snprintf(seen->scope, sizeof(seen->scope), "%s", doubt->scope);
        if (doubt->hash)
                strcpy(seen->hash, doubt->hash);
}

static struct seen_doubt doubts(void) {
        struct seen_doubt seen = {};

        engine_doubts(f.engine, see_doubt, &seen);
        return seen;
}

/* With the disks away no series carries another rule than the file's: that accepts nothing. */
static void test_rule_without_disks(void **state) {
        begin();
        f.item.period_s = 40 * SEC_PER_DAY; /* what is there is not superseded within 30 days */
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts().bits, 0);
        f.policy.keep.count[KEEP_LAST] = 1;
        engine_pass(3600);
        assert_int_equal(doubts().bits, DOUBT_BIT(DOUBT_POLICY));

        rule(HTTP_GET, "/disks/db01", 0, 200, DISK(GENERATION));
        f.no_disk = true;
        engine_pass(3 * 3600);
        assert_int_equal(doubts().bits & DOUBT_BIT(DOUBT_POLICY), 0);
        f.no_disk = false;
        rule(HTTP_GET, "/snapshots?", 0, 200, "{\"value\":[]}");
        engine_pass(3600);
        assert_true(doubts().bits & DOUBT_BIT(DOUBT_POLICY));
        engine_end();
}

/* What is carried is remembered while the doubt stands, by one that has just begun, too. */
static void test_rule_without_snapshots(void **state) {
        begin();
        f.item.period_s = 40 * SEC_PER_DAY;
        f.policy.keep.count[KEEP_LAST] = 1;
        engine_begin();
        engine_pass(900);
        assert_int_equal(doubts().bits, DOUBT_BIT(DOUBT_POLICY));
        rule(HTTP_GET, "/snapshots?", 0, 200, "{\"value\":[]}");
        engine_pass(3600);
        assert_true(doubts().bits & DOUBT_BIT(DOUBT_POLICY));
        engine_end();
}

/* Before anything was read nobody can say anything. */
static void test_not_read(void **state) {
        char hash[PLAN_HASH_SIZE], short_hash[ENGINE_HASH_SIZE];
        _cleanup_(strbuf_deinit) struct strbuf summary = {};
        struct world_view view;
        size_t n;

        begin();
        engine_begin();
        assert_int_equal(engine_plan_hash(f.engine, hash), ENGINE_E_NOT_READ);
        assert_int_equal(engine_apply(f.engine, "x", "root"), ENGINE_E_NOT_READ);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, short_hash),
                         ENGINE_E_NOT_READ);
        assert_int_equal(engine_retire(f.engine, GENERATION, "x", "root"), ENGINE_E_NOT_READ);
        assert_int_equal(engine_ack(f.engine, "x", "root"), ENGINE_E_UNKNOWN);
        assert_false(engine_is_well(f.engine));
        assert_null(engine_plan(f.engine, 0));
        assert_false(engine_view(f.engine, 0, &view));
        engine_summary(f.engine, &summary);
        assert_string_equal(strbuf_str(&summary), "0 disks, 1 of 1 subscription not read yet");
        engine_end();
}

/* Every word with a hash that is not, or no longer, the one. */
static void test_words(void **state) {
        char hash[PLAN_HASH_SIZE], short_hash[ENGINE_HASH_SIZE];
        _cleanup_(strbuf_deinit) struct strbuf summary = {};
        struct seen_doubt seen;
        size_t n;

        begin();
        f.policy.prune = PRUNE_ASK;
        engine_begin();
        engine_pass(60);
        seen = doubts();
        assert_int_equal(seen.bits, BLOCK_ASK);
        assert_string_equal(seen.scope, "policy gold");
        assert_true(seen.since);
        assert_int_equal(engine_ack(f.engine, "0123456789abcdef", "root"), ENGINE_E_UNKNOWN);
        assert_int_equal(engine_plan_hash(f.engine, hash), 0);
        assert_int_equal(engine_apply(f.engine, "0123", "root"), ENGINE_E_CHANGED);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, short_hash),
                         ENGINE_E_SELECTED);
        assert_int_equal(engine_retire_plan(f.engine, OTHER_GENERATION, &n, short_hash),
                         ENGINE_E_UNKNOWN);
        /* apply overrides doubts, and not the question of prune: ask */
        engine_pass(60);
        assert_not_said("is deleted (");
        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
        engine_pass(60);
        assert_said("is deleted (superseded");
        /* Whoever reads it later has the number by which it went, and no other place for it. */
        assert_said("asks of policy gold (ask: its first deletions, 2, wait for an answer) is "
                    "accepted, says root");
        assert_int_equal(doubts().bits, 0);
        engine_summary(f.engine, &summary);
        assert_non_null(strstr(strbuf_str(&summary), "1 disk, newest "));
        assert_non_null(strstr(strbuf_str(&summary), ", next db01 00:05Z"));
        engine_end();
}

/* Selected by nothing, it goes to the end at the operator's word; what is held stays. */
static void test_retire(void **state) {
        static struct resource_id disk = {RESOURCE_DISK, SUB, "rg-app", "another"};
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        begin();
        f.target = (struct target){.disks = &disk, .n_disks = 1};
        f.snaps[1].hold = "audit";
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        assert_int_equal(n, 3);
        assert_int_equal(engine_retire(f.engine, GENERATION, "0", "root"), ENGINE_E_CHANGED);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
        engine_pass(60);
        assert_int_equal(f.n_snaps, 1);
        assert_string_equal(f.snaps[0].hold, "audit");
        engine_pass(1000); /* until the next sweep */
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), ENGINE_E_UNKNOWN);
        engine_end();
}

/* A pause ends by word, or by itself. */
static void test_pause(void **state) {
        const char *listed, *looked, *put;

        begin();
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ false,
                                      utc_add_seconds(fixture_utc(), 200), "root"),
                         0);
        engine_pass(100);
        assert_int_equal(doubts().bits, BLOCK_PAUSED);
        assert_said("deletions are paused until 2026-11-02T00:04:20Z, or until a restart, since "
                    "there is no state directory; ends then, or with resume");
        assert_not_said("is deleted (");
        engine_pass(400); /* the slot of 00:05 makes it look */
        assert_said("the pause is over");
        assert_said("is deleted (");
        engine_end();

        begin();
        f.n_snaps = 0;
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        engine_pass(1000);
        assert_int_equal(doubts().bits, BLOCK_PAUSED_ALL);
        assert_said("everything is paused until resumed");
        assert_int_equal(f.requests[HTTP_PUT], 0);
        /* Another daemon may have been there meanwhile: a new listing shows it, or a look. */
        f.trace = true;
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(100);
        listed = strstr(strbuf_str(&f.sent), "/snapshots?");
        looked = strstr(strbuf_str(&f.sent), "T001500Z?");
        put = strstr(strbuf_str(&f.sent), " PUT ");
        assert_true(listed && looked && put && listed < looked && looked < put);
        engine_end();
}

/* Who stops all for an hour gives no deletion free that another has stopped until he says so. */
static void test_pause_in_a_pause(void **state) {
        for (int all = 0; all < 2; all++) {
                begin();
                engine_begin();
                assert_int_equal(engine_pause(f.engine, all, UTC_NEVER, "root"), 0);
                engine_pass(100);
                assert_int_equal(engine_pause(f.engine, /* all= */ true,
                                              utc_add_seconds(fixture_utc(), 600), "other"),
                                 0);
                engine_pass(300);
                assert_int_equal(doubts().bits, BLOCK_PAUSED_ALL);
                assert_int_equal(said(", and deletions beyond it until resumed"), !all);
                engine_pass(4000);
                assert_int_equal(doubts().bits, all ? 0 : BLOCK_PAUSED);
                assert_int_equal(said("is deleted ("), all);
                assert_int_equal(engine_resume(f.engine, "root"), 0);
                engine_pass(400);
                assert_said("is deleted (");
                engine_end();
        }
}

static void pause_now(void) {
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
}

static void break_now(void) {
        engine_invariant_broken(f.engine, GENERATION, "a test");
}

static void step_date(void) {
        f.date_off_s = 3600;
}

/* What comes to stand while a victim is read again holds its DELETE back too. */
static void test_held_back_late(void **state) {
        static const struct {
                int line;
                void (*at_get)(void);
        } rows[] = {
                {__LINE__, pause_now},
                {__LINE__, break_now},
                {__LINE__, step_date},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.get_part = "-20261101T23"; /* no survivor, but what is to go */
                f.at_get = rows[i].at_get;
                engine_begin();
                engine_pass(200);
                if (f.requests[HTTP_DELETE] > 0 || !said("re-read"))
                        fail_msg("line %d: %zu were deleted\n%s", rows[i].line,
                                 f.requests[HTTP_DELETE], strbuf_str(&f.said));
                engine_end();
        }
}

/* One of ours is no longer listed: what a GET of it says makes the difference. */
static void test_vanished(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                const char *expect;
                uint64_t vanished;
        } rows[] = {
                {__LINE__, 404, ERROR("ResourceNotFound"), "it was not us who deleted it", 1},
                {__LINE__, 403, ERROR("AuthorizationFailed"), "no look at it has shown why", 0},
                {__LINE__, 404, ERROR("ResourceGroupNotFound"), "no look at it has shown why", 0},
                {__LINE__, 500, ERROR("InternalServerError"), "no look at it has shown why", 0},
                {__LINE__, 200, "[]", "no look at it has shown why", 0},
                /* the name is another's by now */
                {__LINE__, 200,
                 "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"properties\":{"
                 "\"uniqueId\":\"00000000-0000-4000-8000-0000000000ff\"}}",
                 "it was not us who deleted it", 1},
                /* the very one */
                {__LINE__, 200,
                 "{\"id\":\"" SNAPSHOTS_ID "/" NAME
                 "\",\"location\":\"w\",\"properties\":{\"uniqueId\":"
                 "\"00000000-0000-4000-8000-000000000001\",\"incremental\":true,"
                 "\"provisioningState\":\"Succeeded\",\"creationData\":{\"createOption\":\"Copy\","
                 "\"sourceUniqueId\":\"" GENERATION "\"}}}",
                 "which the listing lacks", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.policy.has_keep = false;
                engine_begin();
                engine_pass(60);
                rule(HTTP_GET, f.snaps[0].name, 0, rows[i].status, rows[i].body);
                f.rules[0].url = "-20261101T234500Z";
                memmove(&f.snaps[0], &f.snaps[1], --f.n_snaps * sizeof(f.snaps[0]));
                engine_pass(900);
                expect_said(rows[i].line, rows[i].expect, true);
                if (engine_counts(f.engine)->vanished != rows[i].vanished)
                        fail_msg("row at line %d", rows[i].line);
                engine_end();
        }
}

/* More than can be asked for: a doubt, and nothing is deleted. */
static void test_many_vanished(void **state) {
        fixture_init();
        for (int i = 14; i > 0; i--)
                snap_add_ours(START_S - 2 * SEC_PER_DAY - i * EVERY_S);
        snap_add_ours(START_S);
        f.policy.has_keep = false;
        engine_begin();
        engine_pass(60);
        f.snaps[0] = f.snaps[14];
        f.n_snaps = 1;
        engine_pass(600);
        assert_said("14 snapshots of ours are no longer listed");
        assert_int_equal(engine_counts(f.engine)->vanished, 10);
        /* All of them count in what may be deleted, those that nobody looked at too. */
        f.policy.has_keep = true;
        engine_pass(3600);
        assert_said("deletions are planned after 14 within a day");
        engine_end();
}

/* Of those that nobody looked at none counts as deleted where one of the others is there, and each does where none
 * is, also after that. */
static void test_many_vanished_or_not(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        for (int i = 14; i > 0; i--)
                snap_add_ours(START_S - 2 * SEC_PER_DAY - i * EVERY_S);
        snap_add_ours(START_S);
        f.item.period_s = 40 * SEC_PER_DAY;
        f.policy.has_keep = false;
        engine_begin();
        engine_pass(60);
        strbuf_append_str(&listing, "{\"value\":[");
        append_snap(&f.snaps[14], "Succeeded", &listing);
        strbuf_append_str(&listing, "]}");
        rule(HTTP_GET, "/snapshots?", 0, 200, strbuf_str(&listing));
        f.snaps[1] = f.snaps[14];
        f.n_snaps = 2;
        engine_clock_stepped(f.engine);
        engine_pass(60);
        assert_said("14 snapshots of ours are no longer listed");
        assert_int_equal(engine_counts(f.engine)->vanished, 9);
        f.rules[0].times = f.met[0];
        for (int i = 14; i > 0; i--)
                snap_add_ours(START_S - 3 * SEC_PER_DAY - i * EVERY_S);
        f.policy.has_keep = true;
        engine_pass(3600);
        assert_said("deletions are planned after 9 within a day");

        f.policy.has_keep = false;
        engine_pass(3700); /* nothing is planned any more */
        f.snaps[0] = f.snaps[1];
        f.n_snaps = 1;
        engine_pass(3600);
        for (int i = 14; i > 0; i--)
                snap_add_ours(START_S - 4 * SEC_PER_DAY - i * EVERY_S);
        f.policy.has_keep = true;
        strbuf_clear(&f.said);
        engine_pass(7200);
        assert_said("deletions are planned after 24 within a day");
        engine_end();
}

/* The disk of ours is in no listing: 404 of its own id, twice and an hour apart, says that it is gone. */
static void test_gone(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                const char *expect; /* after two hours */
                const char *forbid;
        } rows[] = {
                {__LINE__, 404, ERROR("ResourceNotFound"), "is gone, its snapshots are frozen",
                 "which the listing lacks"},
                {__LINE__, 404, ERROR("ResourceGroupNotFound"), "looks", "is gone, its"},
                {__LINE__, 404, ERROR("NotFound"), "looks", "is gone, its"},
                {__LINE__, 404, ERROR("DiskNotFound"), "looks", "is gone, its"},
                {__LINE__, 403, ERROR("AuthorizationFailed"), "looks", "is gone, its"},
                {__LINE__, 200, DISK(GENERATION), "a GET shows disk db01, which the listing lacks",
                 "is gone, its"},
                {__LINE__, 200, DISK(OTHER_GENERATION), "looks", "which the listing lacks"},
                {__LINE__, 200, "{", "looks", "is gone, its"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                engine_begin();
                engine_pass(60);
                f.no_disk = true;
                rule(HTTP_GET, "/disks/db01", 0, rows[i].status, rows[i].body);
                engine_pass(8000);
                if (f.met[0] == 0)
                        fail_msg("row at line %d: nobody asked\n%s", rows[i].line,
                                 strbuf_str(&f.said));
                if (strcmp(rows[i].expect, "looks") != 0)
                        expect_said(rows[i].line, rows[i].expect, true);
                expect_said(rows[i].line, rows[i].forbid, false);
                engine_end();
        }
}

/* A date that is forty days behind does not begin the freeze, which would be over with it. */
static void test_gone_by_another_clock(void **state) {
        begin();
        engine_begin();
        engine_pass(60);
        f.no_disk = true;
        f.date_off_s = -40 * SEC_PER_DAY;
        rule(HTTP_GET, "/disks/db01", 0, 404, ERROR("ResourceNotFound"));
        engine_pass(5 * 3600);
        assert_true(f.met[0] > 1);
        assert_not_said("is gone, its snapshots are frozen");
        f.date_off_s = 0;
        engine_pass(5 * 3600);
        assert_said("is gone, its snapshots are frozen");
        engine_end();
}

/* What min_keep relies on is not there: nothing goes. */
static void test_survivors(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                const char *expect;
        } rows[] = {
                {__LINE__, 404, ERROR("ResourceNotFound"), "shows that it is gone"},
                {__LINE__, 403, ERROR("AuthorizationFailed"), ""},
                {__LINE__, 200,
                 "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"properties\":{}}",
                 "not the complete one that was listed"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                rule(HTTP_GET, "-20261102T000000Z?", 0, rows[i].status, rows[i].body);
                engine_begin();
                engine_pass(200);
                assert_true(f.met[0] > 0);
                expect_said(rows[i].line, rows[i].expect, true);
                expect_said(rows[i].line, "is deleted (", false);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                engine_end();
        }
}

/* An invariant about it is broken: nothing of it goes, which is told once. */
static void test_invariant(void **state) {
        begin();
        engine_begin();
        engine_invariant_broken(f.engine, GENERATION, "a test says so");
        engine_invariant_broken(f.engine, GENERATION, "a test says so again");
        engine_pass(200);
        assert_int_equal(engine_counts(f.engine)->invariants_broken, 2);
        assert_said("(a test says so), nothing of it is deleted until a restart");
        assert_not_said("says so again");
        assert_not_said("is deleted (");
        assert_int_equal(doubts().bits, DOUBT_BIT(DOUBT_INTERNAL));
        engine_end();
}

/* What a watchdog goes by: a turn that is not run, and one that is. */
static void test_gets_on(void **state) {
        begin();
        engine_begin();
        assert_true(engine_gets_on(f.engine));
        f.now_ns += ENGINE_GRACE_NS + 1; /* the reactor has forgotten it */
        assert_false(engine_gets_on(f.engine));
        engine_pass(1);
        assert_true(engine_gets_on(f.engine));
        engine_pass(600);
        assert_true(engine_gets_on(f.engine));
        f.now_ns += ENGINE_SWEEP_S * NSEC_PER_SEC + ENGINE_GRACE_NS; /* past a sweep that is due */
        assert_false(engine_gets_on(f.engine));
        engine_pass(1);
        assert_true(engine_gets_on(f.engine));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_not_read),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_retire),
                cmocka_unit_test(test_pause),
                cmocka_unit_test(test_pause_in_a_pause),
                cmocka_unit_test(test_held_back_late),
                cmocka_unit_test(test_vanished),
                cmocka_unit_test(test_many_vanished),
                cmocka_unit_test(test_many_vanished_or_not),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_gone_by_another_clock),
                cmocka_unit_test(test_survivors),
                cmocka_unit_test(test_invariant),
                cmocka_unit_test(test_gets_on),
                cmocka_unit_test(test_rule_without_disks),
                cmocka_unit_test(test_rule_without_snapshots),
        };

        return cmocka_run_group_tests_name("engine-hands", tests, NULL, NULL);
}
