/*
 * What the daemon answers: health where there is nothing to be well, pages of lists whose world is
 * another by the next page.
 */
#include "engine-fixture.h"
#include "snapkeepd/answers.h"
#include "snapkeepd/metrics.h"

#define SUB_2 "22222222-1111-4111-8111-111111111111"

static struct answer_source source_of(void) {
        return (struct answer_source){.engine = f.engine, .file = &f.file};
}

/* The value of the first member of the name: a string. */
static void member(const struct strbuf *json, const char *name, char ret_value[static 128]) {
        char quoted[64];
        const char *found;

        (void)snprintf(quoted, sizeof(quoted), "\"%s\":\"", name);
        found = strstr(strbuf_str(json), quoted);
        if (!found)
                fail_msg("no %s in %s", quoted, strbuf_str(json));
        found += strlen(quoted);
        assert_true(strcspn(found, "\"") < 128);
        *stpncpy(ret_value, found, strcspn(found, "\"")) = '\0';
}

static void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        engine_begin();
        engine_pass(60);
}

typedef void (*list_fn)(const struct answer_source *source, size_t offset, size_t count,
                        struct strbuf *out);

static int read_snapshots(const struct answer_source *source, size_t offset, size_t count,
                          struct strbuf *out) {
        return answer_snapshots(source, offset, count, out);
}

static void list_snapshots(const struct answer_source *source, size_t offset, size_t count,
                           struct strbuf *out) {
        assert_int_equal(read_snapshots(source, offset, count, out), 0);
}

/* Rows of two worlds are no list: one would be there twice, and another not at all. */
static void test_pages(void **state) {
        static const list_fn lists[] = {answer_series, answer_doubts, list_snapshots};

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                char first[128], second[128], third[128];
                struct strbuf page = {};
                struct answer_source source;

                begin();
                source = source_of();
                lists[i](&source, 0, 1, &page);
                member(&page, "hash", first);
                strbuf_clear(&page);
                lists[i](&source, 1, 1, &page);
                member(&page, "hash", second);
                assert_string_equal(first, second);

                engine_pass(EVERY_S); /* a slot, and a listing after it */
                strbuf_clear(&page);
                lists[i](&source, 1, 1, &page);
                member(&page, "hash", third);
                assert_string_not_equal(first, third);
                strbuf_deinit(&page);
                engine_end();
        }
}

/* A mistake in every target, or a right that lacks, must not look like a fleet in order. */
static void test_nothing_selected(void **state) {
        struct strbuf status = {};
        struct answer_source source;
        char health[128];

        fixture_init();
        engine_begin();
        source = source_of();
        assert_int_equal(answer_health(&source), HEALTH_UNKNOWN); /* not read yet */
        engine_pass(60);
        assert_int_equal(answer_health(&source), HEALTH_OK);
        engine_end();

        fixture_init();
        f.no_disk = true;
        engine_begin();
        source = source_of();
        engine_pass(60);
        assert_int_equal(answer_health(&source), HEALTH_WARNING);
        answer_status(&source, &status);
        member(&status, "health", health);
        assert_string_equal(health, "warning");
        if (!strstr(strbuf_str(&status), "no target selects any disk that is there"))
                fail_msg("%s", strbuf_str(&status));
        strbuf_deinit(&status);
        engine_end();
}

/* A tag mistyped in one target of several: the disks that are found must not hide those that are not. */
static void test_empty_target(void **state) {
        static const char sentence[] =
                "\"targets[1] of policy gold selects no disk that is there, so what it means is "
                "not backed up";
        static const enum health healths[] = {HEALTH_WARNING, HEALTH_OK, HEALTH_CRITICAL};
        char *nowhere = text("rg-prdo-*");
        struct target targets[] = {
                {.subscription = text(SUB)},
                {.subscription = text(SUB), .groups = &nowhere, .n_groups = 1},
        };

        for (int row = 0; row < 3; row++) {
                struct strbuf status = {};
                struct answer_source source;

                fixture_init();
                f.file.targets = targets;
                f.file.n_targets = 2;
                targets[1].may_be_empty = row == 1;
                targets[1].expect = row == 2;
                engine_begin();
                source = source_of();
                answer_status(&source, &status);
                assert_null(strstr(strbuf_str(&status), sentence)); /* nobody has counted yet */
                strbuf_clear(&status);
                engine_pass(60);
                answer_status(&source, &status);
                if (!strstr(strbuf_str(&status), sentence) != (row != 0))
                        fail_msg("row %d: %s", row, strbuf_str(&status));
                assert_int_equal(answer_health(&source), healths[row]);
                strbuf_deinit(&status);
                engine_end();
        }
}

/* What had disks and has lost them is the doubt's, once; and who accepts that is not told again. */
static void test_target_emptied(void **state) {
        char *app = text("rg-app"), *other = text("rg-other");
        struct target targets[] = {
                {.subscription = text(SUB)},
                {.subscription = text(SUB), .groups = &app, .n_groups = 1},
        };
        struct strbuf status = {};
        struct answer_source source;
        char ack[ENGINE_HASH_SIZE];
        const char *hash;

        fixture_init();
        f.file.targets = targets;
        f.file.n_targets = 2;
        engine_begin();
        source = source_of();
        engine_pass(60);
        assert_int_equal(answer_health(&source), HEALTH_OK);

        targets[1].groups = &other; /* as if the disk had moved to another group */
        engine_pass(8000);
        answer_status(&source, &status);
        /* By the path that "snapkeepctl check" has for it: it is the first of its policy's, or another. */
        assert_non_null(strstr(strbuf_str(&status),
                               "targets[1] of policy gold: it finds 0 disks, and "
                               "found 1 within 7 days"));
        assert_null(strstr(strbuf_str(&status), "targets[1] of policy gold selects no disk"));

        strbuf_clear(&status);
        answer_doubts(&source, 0, 0, &status);
        hash = strstr(strstr(strbuf_str(&status), "\"doubt\":\"targets\""), "\"hash\":\"");
        assert_non_null(hash);
        *stpncpy(ack, hash + strlen("\"hash\":\""), sizeof(ack) - 1) = '\0';
        assert_int_equal(engine_ack(f.engine, ack, "root"), 0);
        engine_pass(60);
        strbuf_clear(&status);
        answer_status(&source, &status);
        if (strstr(strbuf_str(&status), "targets[1]"))
                fail_msg("%s", strbuf_str(&status));
        assert_int_equal(answer_health(&source), HEALTH_OK);
        strbuf_deinit(&status);
        engine_end();
}

/* Nor one whose every disk is gone. */
static void test_all_gone(void **state) {
        struct strbuf doubts = {};
        struct answer_source source;
        char ack[ENGINE_HASH_SIZE];
        const char *hash;

        begin();
        source = source_of();
        f.no_disk = true;
        engine_pass(8000);
        assert_true(said("is gone, its snapshots are frozen"));
        assert_int_equal(answer_health(&source), HEALTH_CRITICAL); /* the target has lost it */
        answer_series(&source, 0, 0, &doubts);
        if (!strstr(strbuf_str(&doubts), "\"reasons\":[\"doubt targets\",\"disk gone\"]"))
                fail_msg("%s", strbuf_str(&doubts));
        strbuf_clear(&doubts);
        engine_summary(f.engine, &doubts);
        if (strncmp(strbuf_str(&doubts), "0 disks, 1 gone, newest ", 24) != 0)
                fail_msg("%s", strbuf_str(&doubts));
        strbuf_clear(&doubts);
        answer_doubts(&source, 0, 0, &doubts);
        hash = strstr(strbuf_str(&doubts), "\"doubt\":\"targets\"");
        assert_non_null(hash);
        hash = strstr(hash, "\"hash\":\"");
        assert_non_null(hash);
        *stpncpy(ack, hash + strlen("\"hash\":\""), sizeof(ack) - 1) = '\0';
        assert_int_equal(engine_ack(f.engine, ack, "root"), 0);
        engine_pass(60);
        assert_int_equal(answer_health(&source), HEALTH_WARNING);
        strbuf_deinit(&doubts);
        engine_end();
}

/* The group that snapshots go to is not there: nothing of its policy is backed up, whether it has an rpo or not, until
 * somebody makes it. */
static void test_no_group(void **state) {
        struct strbuf status = {};
        struct answer_source source;

        fixture_init();
        f.rules[f.n_rules++] = (struct rule){
                .method = HTTP_PUT,
                .url = "/snapshots/",
                .status = 404,
                .body = "{\"error\":{\"code\":\"ResourceGroupNotFound\",\"message\":\"m\"}}",
                .kept_from = true};
        engine_begin();
        source = source_of();
        engine_pass(60);
        assert_int_equal(answer_health(&source), HEALTH_CRITICAL);
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status), "the resource group rg-snapshots, where snapshots of "
                                         "policy gold go, is not there"))
                fail_msg("%s", strbuf_str(&status));
        f.n_rules = 0;
        engine_pass(1200);
        assert_int_equal(answer_health(&source), HEALTH_OK);
        strbuf_deinit(&status);
        engine_end();
}

/* A pause says itself of what it is. */
static void test_paused(void **state) {
        struct strbuf status = {};
        struct answer_source source;

        begin();
        source = source_of();
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status), "\"reasons\":[\"everything is paused until resumed, or "
                                         "until a restart, since there is no state directory\"]"))
                fail_msg("%s", strbuf_str(&status));

        /* The sentence that monitoring shows names no next snapshot, which will not be taken. */
        strbuf_clear(&status);
        engine_summary(f.engine, &status);
        assert_string_equal(strbuf_str(&status), "1 disk, newest 117 s, everything is paused");
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        strbuf_clear(&status);
        engine_summary(f.engine, &status);
        assert_string_equal(strbuf_str(&status), "1 disk, newest 117 s, next db01 00:05Z");
        strbuf_deinit(&status);
        engine_end();
}

/* A pause that somebody has forgotten, and a question that nobody answers, fill chains as a doubt does: whoever
 * watches figures alone is to see them. */
static void test_metrics(void **state) {
        static const char *const kinds[] = {"clock",  "listing",    "targets", "stale",
                                            "policy", "mass",       "peer",    "internal",
                                            "paused", "all paused", "ask"};
        static const struct {
                int line;
                bool pause, all;
                enum prune_mode prune;
                const char *stands;
        } rows[] = {
                {__LINE__, false, false, PRUNE_AUTO, NULL},
                {__LINE__, true, false, PRUNE_AUTO, "paused"},
                {__LINE__, true, true, PRUNE_AUTO, "all paused"},
                {__LINE__, false, false, PRUNE_ASK, "ask"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct meter_counts counts = {};
                struct strbuf metrics = {};
                struct answer_source source;
                char line[100];

                fixture_init();
                f.policy.prune = rows[i].prune;
                for (int j = 3; j >= 0; j--)
                        snap_add_ours(START_S - j * EVERY_S);
                engine_begin();
                engine_pass(60);
                source = source_of();
                if (rows[i].pause)
                        assert_int_equal(engine_pause(f.engine, rows[i].all, UTC_NEVER, "root"), 0);
                metrics_append(&source, &counts, &metrics);
                for (size_t j = 0; j < ARRAY_SIZE(kinds); j++) {
                        bool stands = rows[i].stands && strcmp(kinds[j], rows[i].stands) == 0;

                        (void)snprintf(line, sizeof(line), "\nsnapkeep_doubts{doubt=\"%s\"} %d\n",
                                       kinds[j], stands);
                        if (!strstr(strbuf_str(&metrics), line))
                                fail_msg("row at line %d: no %s in %s", rows[i].line, line,
                                         strbuf_str(&metrics));
                }
                strbuf_deinit(&metrics);
                engine_end();
        }
}

/* Whoever finds a hold is to see why it is there before he ends it. */
static void test_hold_reason(void **state) {
        struct strbuf rows = {};
        struct answer_source source;

        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S)->hold = i == 1 ? "audit, case 7" : NULL;
        engine_begin();
        engine_pass(60);
        source = source_of();
        assert_int_equal(answer_snapshots(&source, 0, 0, &rows), 0);
        if (!strstr(strbuf_str(&rows), "\"held\":true,\"hold\":\"audit, case 7\"") ||
            !strstr(strbuf_str(&rows), "\"held\":false,\"hold\":null"))
                fail_msg("%s", strbuf_str(&rows));
        strbuf_clear(&rows);
        assert_int_equal(answer_chains(&source, "db01", 0, 0, &rows), 0);
        assert_non_null(strstr(strbuf_str(&rows), "\"hold\":\"audit, case 7\""));
        strbuf_deinit(&rows);
        engine_end();
}

/* Who reads a list is to know that something is not in it, or that it is of long ago. */
static void test_gaps(void **state) {
        static const char odd[] = "{\"id\":\"" SNAPSHOTS_ID "/theirs\",\"location\":\"w\","
                                  "\"tags\":{\"a\":null},\"properties\":{}}";
        struct strbuf status = {};
        struct answer_source source;

        fixture_init();
        f.odd_snapshot = odd;
        engine_begin();
        source = source_of();
        engine_pass(60);
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status),
                    "\"failing\":false,\"unread_disks\":0,\"unread_snapshots\":1}]"))
                fail_msg("%s", strbuf_str(&status));

        f.odd_snapshot = NULL;
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                             .url = "/snapshots?",
                                             .status = 403,
                                             .body = "{}",
                                             .kept_from = true};
        engine_pass(3600);
        strbuf_clear(&status);
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status), "\"failing\":true,"))
                fail_msg("%s", strbuf_str(&status));

        /* One that cannot be decoded may be the very disk that is asked for. */
        f.n_rules = 0;
        f.no_disk = true;
        f.odd_disk = "{\"id\":\"" DISK_ID "\",\"location\":\"w\",\"tags\":{\"a\":null},"
                     "\"properties\":{}}";
        engine_pass(3600);
        assert_int_equal(answer_chains(&source, "other", 0, 0, &status), ENGINE_E_NOT_READ);
        f.odd_disk = NULL;
        engine_pass(3600);
        assert_int_equal(answer_chains(&source, "other", 0, 0, &status), ENGINE_E_UNKNOWN);
        strbuf_deinit(&status);
        engine_end();
}

/* What was deleted stays in world and plan until the next listing, which may be an hour away: nobody is to
 * believe that it is there and goes. */
static void test_done(void **state) {
        struct answer_source source;
        struct strbuf out = {};
        size_t n = 0;

        fixture_init();
        f.item.period_s = 8 * SEC_PER_DAY;
        for (int i = 5; i >= 0; i--)
                snap_add_ours(START_S - i * SEC_PER_DAY);
        engine_begin();
        source = source_of();
        engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root");
        engine_pass(60);
        assert_int_equal(answer_plan(&source, 0, 0, &out), 0);
        assert_non_null(strstr(strbuf_str(&out), "\"do\":\"delete\""));
        assert_null(strstr(strbuf_str(&out), "\"done\":true"));

        engine_resume(f.engine, "root");
        engine_pass(120);
        assert_int_equal(f.requests[HTTP_DELETE], 4);
        strbuf_clear(&out);
        assert_int_equal(answer_plan(&source, 0, 0, &out), 0);
        for (const char *at = strbuf_str(&out); (at = strstr(at, "\"do\":\"delete\"")); at++)
                n++;
        assert_int_equal(n, 4);
        if (strstr(strbuf_str(&out), "\"done\":false") ||
            !strstr(strbuf_str(&out), "; done, as the next listing is to confirm\""))
                fail_msg("%s", strbuf_str(&out));
        strbuf_clear(&out);
        assert_int_equal(answer_snapshots(&source, 0, 0, &out), 0);
        n = 0;
        for (const char *at = strbuf_str(&out); (at = strstr(at, "\"state\":\"leaving\"")); at++)
                n++;
        if (n != 4)
                fail_msg("%s", strbuf_str(&out));

        engine_pass(2 * 3600);
        strbuf_clear(&out);
        assert_int_equal(answer_plan(&source, 0, 0, &out), 0);
        assert_null(strstr(strbuf_str(&out), "\"do\":\"delete\""));
        strbuf_deinit(&out);
        engine_end();
}

/* Somebody else's hand in our backups is an alarm also for who is told by status alone, for a day. */
static void test_vanished(void **state) {
        static const char sentence[] =
                "\"1 snapshot of ours was deleted by somebody else since the "
                "policy was loaded, the last one seen to be gone at 2026-11-";
        struct strbuf status = {};
        struct answer_source source;

        begin();
        source = source_of();
        assert_int_equal(answer_health(&source), HEALTH_OK);
        memmove(&f.snaps[f.n_snaps - 2], &f.snaps[f.n_snaps - 1], sizeof(f.snaps[0]));
        f.n_snaps--;
        engine_pass(900);
        assert_true(said("is gone, and it was not us who deleted it"));
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status), sentence))
                fail_msg("%s", strbuf_str(&status));
        assert_int_equal(answer_health(&source), HEALTH_WARNING);

        engine_pass(23 * 3600);
        assert_int_equal(answer_health(&source), HEALTH_WARNING);
        engine_pass(3600);
        assert_int_equal(answer_health(&source), HEALTH_OK);
        strbuf_deinit(&status);
        engine_end();
}

/* What a disk leaves in the subscription that it was moved from nothing deletes, retire neither: whoever lists it
 * is told so, and where the disk is. */
static void test_moved_from(void **state) {
        static const char sentence[] =
                "\"why\":\"its disk was moved and goes on under policy gold as " SUB_2
                "/rg-app/db01: retire leaves it, and what nobody needs of it is for people to "
                "delete\"";
        static struct resource_id there = {RESOURCE_DISK, SUB_2, "rg-app", "db01"};

        for (int selected = 0; selected < 2; selected++) {
                struct target targets[2];
                struct answer_source source;
                struct strbuf out = {};
                char hash[ENGINE_HASH_SIZE];
                size_t n = 0;

                fixture_init();
                for (int i = 3; i >= 0; i--)
                        snap_add_ours(START_S - i * EVERY_S);
                f.no_disk = true;
                stpcpy(there.name, selected ? "db01" : "db02");
                targets[0] = f.target;
                targets[1] = (struct target){.disks = &there, .n_disks = 1};
                f.file.targets = targets;
                f.file.n_targets = 2;
                f.rules[f.n_rules++] = (struct rule){
                        .method = HTTP_GET,
                        .url = SUB_2 COMPUTE "/disks?",
                        .status = 200,
                        .body = "{\"value\":[{\"id\":\"/subscriptions/" SUB_2
                                "/resourceGroups/rg-app" COMPUTE
                                "/disks/db01\",\"name\":\"db01\",\"location\":\"westeurope\","
                                "\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":"
                                "\"" GENERATION "\",\"diskState\":\"Attached\","
                                "\"provisioningState\":\"Succeeded\"}}]}",
                        .kept_from = true};
                f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                                     .url = SUB_2 COMPUTE "/snapshots?",
                                                     .status = 200,
                                                     .body = "{\"value\":[]}",
                                                     .kept_from = true};
                engine_begin();
                source = source_of();
                engine_pass(60);
                assert_int_equal(answer_snapshots(&source, 0, 0, &out), 0);
                for (const char *at = strbuf_str(&out); (at = strstr(at, sentence)); at++)
                        n++;
                if (n != (selected ? 4U : 0U))
                        fail_msg("selected %d: %s", selected, strbuf_str(&out));
                assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash),
                                 selected ? ENGINE_E_SELECTED : 0);
                strbuf_deinit(&out);
                engine_end();
        }
}

/* Before another subscription was read, or has failed, nobody knows what is copied there, and nothing is
 * deleted of this one: whoever asks why finds it, and which. */
static void test_waits_for_another(void **state) {
        static const char sentence[] =
                "1 of 2 subscriptions was not read yet, and before it was, or "
                "has failed, nothing is deleted of any other";
        static struct resource_id ids[2] = {{RESOURCE_DISK, SUB, "rg-app", "db01"},
                                            {RESOURCE_DISK, SUB_2, "rg-app", "db01"}};
        struct strbuf status = {};
        struct answer_source source;

        fixture_init();
        for (int i = 7; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        f.target = (struct target){.disks = ids, .n_disks = 2};
        f.silent = SUB_2;
        engine_begin();
        source = source_of();
        engine_pass(20);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        answer_status(&source, &status);
        if (!strstr(strbuf_str(&status), sentence) ||
            !strstr(strbuf_str(&status), "{\"id\":\"" SUB_2 "\",\"read\":null,\"failing\":false,"))
                fail_msg("%s", strbuf_str(&status));

        engine_pass(1800);
        strbuf_clear(&status);
        answer_status(&source, &status);
        assert_true(f.requests[HTTP_DELETE] > 0);
        if (!strstr(strbuf_str(&status), "\"1 of 2 subscriptions was not read yet\"") ||
            !strstr(strbuf_str(&status), "{\"id\":\"" SUB_2 "\",\"read\":null,\"failing\":true,"))
                fail_msg("%s", strbuf_str(&status));
        strbuf_deinit(&status);
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),          cmocka_unit_test(test_nothing_selected),
                cmocka_unit_test(test_all_gone),       cmocka_unit_test(test_hold_reason),
                cmocka_unit_test(test_paused),         cmocka_unit_test(test_empty_target),
                cmocka_unit_test(test_target_emptied), cmocka_unit_test(test_no_group),
                cmocka_unit_test(test_gaps),           cmocka_unit_test(test_metrics),
                cmocka_unit_test(test_done),           cmocka_unit_test(test_waits_for_another),
                cmocka_unit_test(test_moved_from),     cmocka_unit_test(test_vanished),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
