/*
 * What single looks at Azure say beside the usual: snapshots that a listing lacks and that are there
 * in another state, survivors that are not what was listed, disks that come back, subscriptions that
 * cannot be read.
 */
#include "core/planner.h"
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define OTHER_SUB "11111111-1111-4111-8111-111111111112"
/* The one that is asked for, as @unique_id of the source, with more of its properties. */
#define SNAPSHOT(unique_id, source, more)                                                          \
        "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"westeurope\",\"properties\":{"       \
        "\"uniqueId\":\"" unique_id "\",\"creationData\":{\"createOption\":\"Copy\","              \
        "\"sourceUniqueId\":\"" source "\"}," more "}}"
#define FIRST "00000000-0000-4000-8000-000000000001"
#define FOURTH "00000000-0000-4000-8000-000000000004"

/* Four of ours, of which the newest fills the slot that is due. */
static void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static void expect_said(int line, const char *part, bool expected) {
        if (said(part) != expected)
                fail_msg("row at line %d: \"%s\" was %ssaid\n%.700s", line, part,
                         expected ? "not " : "", strbuf_str(&f.said));
}

static struct rule *rule(enum http_method method, const char *url, int times, int status,
                         const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules] = (struct rule){
                .method = method, .url = url, .times = times, .status = status, .body = body};
        return &f.rules[f.n_rules++];
}

/* One that no listing has is there all the same, in whatever state: the listing is wrong. One that is
 * leaving is as good as gone; and of one without a uniqueId nobody knows. */
static void test_unlisted(void **state) {
        static const struct {
                int line;
                const char *body;
                const char *expect;
                uint64_t vanished;
        } rows[] = {
                {__LINE__,
                 SNAPSHOT(FIRST, GENERATION,
                          "\"incremental\":true,\"provisioningState\":\"Failed\""),
                 "which the listing lacks", 0},
                {__LINE__,
                 SNAPSHOT(FIRST, GENERATION,
                          "\"incremental\":true,\"provisioningState\":\"Updating\""),
                 "which the listing lacks", 0},
                {__LINE__, SNAPSHOT(FIRST, OTHER_GENERATION, "\"provisioningState\":\"Succeeded\""),
                 "which the listing lacks", 0},
                {__LINE__,
                 SNAPSHOT(FIRST, GENERATION,
                          "\"incremental\":true,\"provisioningState\":\"Deleting\""),
                 "it was not us who deleted it", 1},
                {__LINE__,
                 "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"properties\":{"
                 "\"provisioningState\":\"Succeeded\"}}",
                 "no look at it has shown why", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.policy.has_keep = false;
                engine_begin();
                engine_pass(60);
                rule(HTTP_GET, "-20261101T234500Z", 0, 200, rows[i].body);
                memmove(&f.snaps[0], &f.snaps[1], --f.n_snaps * sizeof(f.snaps[0]));
                engine_pass(900);
                assert_true(f.met[0] > 0);
                expect_said(rows[i].line, rows[i].expect, true);
                if (engine_counts(f.engine)->vanished != rows[i].vanished)
                        fail_msg("row at line %d", rows[i].line);
                engine_end();
        }
}

/* Another daemon of the same mind saw a new one complete before us, and deleted what it superseded: no alarm. */
static void test_superseded_by_a_peer(void **state) {
        begin();
        f.item.period_s = 40 * SEC_PER_DAY;
        engine_begin();
        engine_pass(900);
        assert_int_equal(f.n_snaps, 2);
        assert_int_equal(engine_plan(f.engine, 0)->n_actions, 0);
        if (f.snaps[1].slot_s == START_S)
                f.snaps[0] = f.snaps[1];
        f.n_snaps = 1;
        snap_add_ours(START_S + EVERY_S);
        engine_clock_stepped(f.engine);
        engine_pass(60);
        assert_int_equal(engine_plan(f.engine, 0)->series[0].complete, 2);
        assert_int_equal(engine_counts(f.engine)->vanished, 0);
        expect_said(__LINE__, "no longer listed", false);
        engine_end();
}

/* One that somebody deletes is as good as gone, and the alarm does not wait until it is. */
static void test_being_deleted(void **state) {
        begin();
        f.policy.has_keep = false;
        engine_begin();
        engine_pass(60);
        f.snaps[0].state = "Deleting";
        engine_clock_stepped(f.engine);
        engine_pass(60);
        expect_said(__LINE__, "gone, and it was not us who deleted it", true);
        engine_pass(4000);
        assert_int_equal(engine_counts(f.engine)->vanished, 1);
        engine_end();
}

/* What min_keep relies on is re-read, and nothing goes unless it is the complete one of the listing. */
static void test_survivors(void **state) {
#define GOOD "\"incremental\":true,\"provisioningState\":\"Succeeded\""
#define MORE_TAGS(version, owner, policy, slot, generation, more)                                  \
        ",\"tags\":{\"snapkeep-version\":\"" version "\",\"snapkeep-owner\":\"" owner              \
        "\",\"snapkeep-policy\":\"" policy "\",\"snapkeep-slot\":\"" slot                          \
        "\",\"Snapkeep-Generation\":\"" generation "\"" more "}"
#define DISK ",\"snapkeep-disk\":\"" SUB "/rg-app/db01\""
#define KEEP ",\"snapkeep-keep\":\"last=2;pick=first;zone=UTC\""
#define ADOPTED(unique_id) ",\"snapkeep-adopted\":\"" unique_id "\""
#define TAGS(version, owner, policy, slot, generation)                                             \
        MORE_TAGS(version, owner, policy, slot, generation, DISK KEEP)
#define OURS_WITH(slot, more) MORE_TAGS("1", "prod-backup", "gold", slot, GENERATION, more)
#define SLOT "20261102T000000Z"
#define ADOPTED_SLOT "20261102T000002Z"
#define OURS TAGS("1", "prod-backup", "gold", SLOT, GENERATION)
#define SURVIVOR(unique_id, source, more, tags)                                                    \
        "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"westeurope\"" tags                   \
        ",\"properties\":{"                                                                        \
        "\"uniqueId\":\"" unique_id "\",\"creationData\":{\"createOption\":\"Copy\","              \
        "\"sourceUniqueId\":\"" source "\"}," more "}}"
        static const struct {
                int line;
                const char *body;
                bool stands;
                bool adopted; /* as it was listed */
        } rows[] = {
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD, OURS), true},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          OURS_WITH(ADOPTED_SLOT, DISK KEEP ADOPTED(FOURTH))),
                 true, true},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          OURS_WITH(ADOPTED_SLOT,
                                    DISK KEEP ADOPTED(
                                            FOURTH) ",\"snapkeep-until\":\"20261202T000000Z\"")),
                 true, true},
                /* somebody has taken away what made it ours, or made a backup of it */
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD, OURS_WITH(ADOPTED_SLOT, DISK KEEP)),
                 false, true},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          OURS_WITH(ADOPTED_SLOT, DISK KEEP ADOPTED(FIRST))),
                 false, true},
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD, OURS_WITH(SLOT, KEEP)), false},
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD, OURS_WITH(SLOT, DISK)), false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          OURS_WITH(SLOT, DISK KEEP ",\"snapkeep-until\":\"20261202T000000Z\"")),
                 false},
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD ",\"completionPercent\":100", OURS),
                 true},
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD ",\"completionPercent\":99.5", OURS),
                 false},
                {__LINE__, SURVIVOR(FIRST, GENERATION, GOOD, OURS), false},
                {__LINE__, SURVIVOR(FOURTH, OTHER_GENERATION, GOOD, OURS), false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION,
                          "\"incremental\":false,\"provisioningState\":\"Succeeded\"", OURS),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION,
                          "\"incremental\":true,\"provisioningState\":\"Failed\"", OURS),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION,
                          GOOD ",\"copyCompletionError\":{\"errorCode\":\"CopySourceNotFound\","
                               "\"errorMessage\":\"m\"}",
                          OURS),
                 false},
                {__LINE__,
                 "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\"" OURS ",\"properties\":{"
                 "\"uniqueId\":\"" FOURTH "\"," GOOD "}}",
                 false},
                /* somebody has made it another's since */
                {__LINE__, SURVIVOR(FOURTH, GENERATION, GOOD, ""), false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          TAGS("2", "prod-backup", "gold", SLOT, GENERATION)),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD, TAGS("1", "test", "gold", SLOT, GENERATION)),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          TAGS("1", "prod-backup", "bronze", SLOT, GENERATION)),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          TAGS("1", "prod-backup", "gold", "20261102T000500Z", GENERATION)),
                 false},
                {__LINE__,
                 SURVIVOR(FOURTH, GENERATION, GOOD,
                          TAGS("1", "prod-backup", "gold", SLOT, OTHER_GENERATION)),
                 false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                for (size_t j = 0; j < f.n_snaps; j++)
                        if (f.snaps[j].slot_s == START_S)
                                f.snaps[j].adopted = rows[i].adopted;
                rule(HTTP_GET, "-20261102T000000Z?", 0, 200, rows[i].body);
                engine_begin();
                engine_pass(200);
                assert_true(f.met[0] > 0);
                expect_said(rows[i].line, "is deleted (superseded", rows[i].stands);
                expect_said(rows[i].line, "not the complete one that was listed", !rows[i].stands);
                if ((f.requests[HTTP_DELETE] > 0) != rows[i].stands)
                        fail_msg("row at line %d: %zu deleted", rows[i].line,
                                 f.requests[HTTP_DELETE]);
                engine_end();
        }
#undef SURVIVOR
#undef OURS
#undef OURS_WITH
#undef ADOPTED_SLOT
#undef ADOPTED
#undef SLOT
#undef DISK
#undef KEEP
#undef TAGS
#undef MORE_TAGS
#undef GOOD
}

static void slow_answer(void) {
        f.now_ns += 90 * NSEC_PER_SEC;
}

/* What survivors said is believed for a minute: while a deletion takes longer than that, the next one
 * asks again. */
static void test_survivors_again(void **state) {
        begin();
        f.file.parallel = 1;
        f.item.period_s = 86400;
        rule(HTTP_GET, "-20261102T000000Z?", 0, 0, NULL);
        f.at_delete = slow_answer;
        engine_begin();
        engine_pass(600);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        assert_int_equal(f.met[0], 2);
        engine_end();
}

static int n_gets;

static void count_get(void) {
        n_gets++;
}

/* The survivors are asked for before the victims, which an answer of over ten seconds would save. */
static void slow_survivor(void) {
        if (n_gets++ < 2)
                slow_answer();
}

/* Their age is that of the last answer: with many and slow ones, one after the other, there is time to
 * act on them. */
static void test_slow_survivors(void **state) {
        n_gets = 0;
        begin();
        f.file.parallel = 1;
        f.policy.min_keep = 2;
        f.item.period_s = 86400;
        f.get_part = "-2026110";
        f.at_get = slow_survivor;
        engine_begin();
        engine_pass(1200);
        assert_int_equal(n_gets, 4);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        engine_end();
}

/* One that cannot be read says nothing, and the deletions that rely on it wait: that is told once, and that it is
 * over. */
static void test_unread_survivor(void **state) {
        static const char said_once[] =
                "-20261101T234500Z could not be deleted, will try again at 2026-11-02T00:15:5";
        const char *at;

        begin();
        f.policy.min_keep = 2;
        f.item.period_s = 86400;
        rule(HTTP_GET, "-20261102T000000Z?", 0, 403, ERROR("AuthorizationFailed"));
        engine_begin();
        engine_pass(3 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        at = strstr(strbuf_str(&f.said), said_once);
        assert_non_null(at);
        assert_non_null(strstr(at, "-20261102T000000Z, which min_keep relies on, cannot be read"));
        assert_null(strstr(at + strlen(said_once), "could not be deleted"));
        assert_true(engine_counts(f.engine)->delete_failures > 1);
        assert_false(engine_is_well(f.engine));
        f.rules[f.n_rules - 1].times = f.met[f.n_rules - 1];
        engine_pass(3600);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        assert_true(said("-20261101T234500Z is deleted after "));
        assert_true(engine_is_well(f.engine));
        engine_end();
}

/* One that fails once is asked for again at once, and not with the next try of the deletions. */
static void test_survivor_asked_again(void **state) {
        begin();
        f.policy.min_keep = 2;
        f.item.period_s = 86400;
        rule(HTTP_GET, "-20261102T000000Z?", 1, 503, ERROR("ServerBusy"));
        engine_begin();
        engine_pass(300);
        assert_int_equal(f.met[f.n_rules - 1], 1);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        assert_false(said("could not be deleted"));
        engine_end();
}

/* Enough stay, and yet they are read: two listings that agree two seconds after a start prove nothing. */
static void test_survivors_after_a_start(void **state) {
        begin();
        f.n_snaps--;
        f.item.period_s = 86400;
        rule(HTTP_GET, "-20261102T000000Z?", 0, 0, NULL);
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        assert_int_equal(f.met[0], 2); /* before it was created, and before they went */
        engine_end();
}

/* Nor do listings of a subscription that was seen to lack what a GET has shown. */
static void test_survivors_while_lagging(void **state) {
        begin();
        f.policy.prune = PRUNE_OFF;
        f.item.period_s = 1800;
        engine_begin();
        engine_pass(1700);
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                             .url = "-20261102T003000Z?",
                                             .status = 202,
                                             .body = "{}",
                                             .kept_from = true};
        rule(HTTP_GET, "-20261102T003000Z?", 1, 200,
             "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"name\":\"" NAME
             "\",\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"
             "\"Copy\",\"sourceUniqueId\":\"" GENERATION "\"},\"uniqueId\":"
             "\"00000000-0000-4000-8000-0000000000ff\",\"timeCreated\":\"2026-11-02T00:30:01Z\","
             "\"incremental\":true,\"provisioningState\":\"Succeeded\"}}");
        engine_pass(200);
        assert_int_equal(f.met[1], 1);
        rule(HTTP_GET, "-20261102T010000Z?", 0, 0, NULL);
        f.policy.prune = PRUNE_AUTO;
        engine_pass(1750);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        assert_int_equal(f.met[2], 2); /* before it was created, and before they went */
        engine_end();
}

/* A disk that was once seen to be gone, and then is listed again: two looks an hour apart are asked for
 * anew. Another subscription, in which nothing is, does not matter to it. */
static void test_returns(void **state) {
        struct resource_id others[2] = {
                {RESOURCE_DISK, OTHER_SUB, "rg-app", "db02"},
                {RESOURCE_DISK, OTHER_SUB, "rg-app", "db03"},
        };
        struct target targets[2];

        begin();
        targets[0] = f.target;
        targets[1] = (struct target){.disks = others, .n_disks = 2};
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_GET, OTHER_SUB, 0, 200, "{\"value\":[]}");
        engine_begin();
        assert_int_equal(engine_n_subscriptions(f.engine), 2);
        engine_pass(60);
        f.no_disk = true;
        rule(HTTP_GET, "/disks/db01", 0, 404, ERROR("ResourceNotFound"));
        while (f.met[1] == 0)
                engine_pass(60);
        f.no_disk = false;
        engine_pass(5000); /* the disks are listed once an hour */
        assert_int_equal(f.met[1], 1);

        f.no_disk = true;
        while (f.met[1] == 1)
                engine_pass(60);
        expect_said(__LINE__, "is gone, its snapshots are frozen", false);
        while (f.met[1] == 2)
                engine_pass(60);
        expect_said(__LINE__, "is gone, its snapshots are frozen", true);
        engine_end();
}

#define GONE_DISKS 60

static char *listing_of_gone(void) {
        struct strbuf out = {};
        char *bytes;

        strbuf_append_str(&out, "{\"value\":[");
        for (int i = 0; i < GONE_DISKS; i++)
                strbuf_appendf(
                        &out,
                        "%s{\"id\":\"" SNAPSHOTS_ID
                        "/s%d\",\"name\":\"s%d\",\"location\":\"westeurope\",\"tags\":{"
                        "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"prod-backup\","
                        "\"snapkeep-policy\":\"gold\",\"snapkeep-slot\":\"20261001T000000Z\","
                        "\"snapkeep-disk\":\"" SUB "/rg-app/gone%02d\",\"snapkeep-generation\":"
                        "\"6fd33d6a-a035-4cac-a58d-3144362238%02x\","
                        "\"snapkeep-keep\":\"last=2;pick=first;zone=UTC\"},\"properties\":{"
                        "\"creationData\":{\"createOption\":\"Copy\",\"sourceUniqueId\":"
                        "\"6fd33d6a-a035-4cac-a58d-3144362238%02x\"},\"incremental\":true,"
                        "\"timeCreated\":\"2026-10-01T00:00:02Z\","
                        "\"provisioningState\":\"Succeeded\","
                        "\"uniqueId\":\"00000000-0000-4000-8000-%012x\"}}",
                        i ? "," : "", i, i, i, i, i, i + 1);
        strbuf_append_str(&out, "]}");
        assert_int_equal(strbuf_take(&out, &bytes), 0);
        return bytes;
}

/* Of many gone disks each has its turn: all are proven gone within a day, and asked for again after. */
static void test_many_gone(void **state) {
        char *listing = listing_of_gone(), part[64];
        const char *at;

        fixture_init();
        f.no_disk = true;
        rule(HTTP_GET, "/snapshots?", 0, 200, listing);
        engine_begin();
        engine_pass(SEC_PER_DAY);
        for (int i = 0; i < GONE_DISKS; i++) {
                snprintf(part, sizeof(part), "disk gone%02d (", i);
                expect_said(__LINE__, part, true);
        }
        f.trace = true;
        engine_pass(SEC_PER_DAY);
        for (int i = 0; i < GONE_DISKS; i++) {
                snprintf(part, sizeof(part), "/disks/gone%02d?", i);
                at = strstr(strbuf_str(&f.sent), part);
                if (!at || !strstr(at + 1, part))
                        fail_msg("%s is not asked for twice a day", part);
        }
        engine_end();
        free(listing);
}

/* A tag of a stranger's making names no disk: nobody is asked for it, and nothing is deleted. */
static void test_tag_of_no_disk(void **state) {
        static const char *const tags[] = {"",
                                           "rg-app",
                                           "rg-app/db01",
                                           SUB "/rg-app/db01/x",
                                           "x/rg-app/db01",
                                           OTHER_SUB "/rg-app/db01"};

        for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
                static const char place[] = SUB "/rg-app/db01";
                _cleanup_(strbuf_deinit) struct strbuf good = {}, listing = {};
                const char *at, *from;

                begin();
                strbuf_append_str(&good, "{\"value\":[");
                for (size_t k = 0; k < f.n_snaps; k++) {
                        strbuf_append_str(&good, k > 0 ? "," : "");
                        append_snap(&f.snaps[k], "Succeeded", &good);
                }
                strbuf_append_str(&good, "]}");
                for (from = strbuf_str(&good); (at = strstr(from, "\"" SUB "/rg-app/db01\""));
                     from = at + 1 + strlen(place)) {
                        strbuf_append(&listing, from, (size_t)(at + 1 - from));
                        strbuf_append_str(&listing, tags[i]);
                }
                strbuf_append_str(&listing, from);
                f.no_disk = true;
                rule(HTTP_GET, "/snapshots?", 0, 200, strbuf_str(&listing));
                rule(HTTP_GET, "/disks/", 0, 404, ERROR("ResourceNotFound"));
                engine_begin();
                engine_pass(8000);
                if (f.met[1] > 0 || f.requests[HTTP_DELETE] > 0)
                        fail_msg("tag %zu: %d asked, %zu deleted", i, f.met[1],
                                 f.requests[HTTP_DELETE]);
                engine_end();
        }
}

/* GET says that a victim is gone, and the listings go on having it: they lag, and what min_keep relies
 * on is read before anything else goes, which is not done where listings can be trusted. */
static void test_gone_and_listed(void **state) {
        int gets[2];

        for (int lags = 0; lags < 2; lags++) {
                begin();
                if (lags)
                        rule(HTTP_GET, "-20261101T234500Z", 0, 404, ERROR("ResourceNotFound"));
                engine_begin();
                engine_pass(3000);
                expect_said(__LINE__, "was gone already", lags);
                f.get_part = "-20261102T";
                f.at_get = count_get;
                n_gets = 0;
                engine_pass(1800);
                gets[lags] = n_gets;
                engine_end();
        }
        assert_int_equal(gets[0], 1800 / EVERY_S);
        assert_true(gets[1] >= 2 * 1800 / EVERY_S);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unlisted),
                cmocka_unit_test(test_superseded_by_a_peer),
                cmocka_unit_test(test_being_deleted),
                cmocka_unit_test(test_survivors),
                cmocka_unit_test(test_survivors_again),
                cmocka_unit_test(test_unread_survivor),
                cmocka_unit_test(test_survivor_asked_again),
                cmocka_unit_test(test_survivors_after_a_start),
                cmocka_unit_test(test_survivors_while_lagging),
                cmocka_unit_test(test_slow_survivors),
                cmocka_unit_test(test_returns),
                cmocka_unit_test(test_gone_and_listed),
                cmocka_unit_test(test_many_gone),
                cmocka_unit_test(test_tag_of_no_disk),
        };

        return cmocka_run_group_tests_name("engine-looks", tests, NULL, NULL);
}
