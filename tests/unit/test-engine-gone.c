/*
 * When a disk is gone, and what is held until that is proven; and what copies hold of it.
 */
#include "standing-fixture.h"

/* ---- a disk that is gone ---- */

/* The only disk of a target is gone, which leaves it too small: what would be pruned of it stays. */
static void test_gone_is_held(void **state) {
        begin(6);
        f.no_disk = true;
        f.target.expect = 1;
        f.policy.freeze_s = 3600;
        f.policy.gone = GONE_APPLY;
        engine_begin();
        engine_pass(6 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
        engine_pass(60);
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();
}

/* The disk was moved into a subscription that cannot be read since the start: nobody can say that it is
 * gone, and it is not. One that no subscription has is, once all are read. */
static void test_gone_while_unread(void **state) {
        for (int there = 0; there < 2; there++) {
                begin_two();
                set_second(UNREAD);
                f.no_disk = true;
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(6 * 3600);
                assert_false(said("is gone"));
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                set_second(200, there ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                engine_pass(6 * 3600);
                assert_int_equal(said("is gone, its snapshots are frozen"), !there);
                assert_int_equal(f.requests[HTTP_DELETE] > 0, !there);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* The same where the other subscription was read once, and cannot be read when the disk moves there: it fails,
 * or has to be let alone for a while. */
static void test_gone_while_another_fails(void **state) {
        for (int way = 0; way < 4; way++) {
                bool there = way & 1, throttled = way & 2;

                begin_two();
                set_second(200, NOTHING);
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(2 * 3600);
                set_second(throttled ? 429 : 403,
                           throttled ? ERROR("TooManyRequests") : ERROR("AuthorizationFailed"));
                f.rules[0].header = throttled ? "Retry-After: 36000" : NULL;
                engine_pass(3600);
                f.no_disk = true;
                engine_pass(6 * 3600);
                assert_false(said("is gone"));
                set_second(200, there ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                f.rules[0].header = NULL;
                engine_pass(8 * 3600);
                assert_int_equal(said("is gone, its snapshots are frozen"), !there);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* Of what is not listed any more, snapshots and disk, nothing is remembered: an absence that was seen once
 * and can be proven no more is nothing that sweeps go on learning about. */
static void test_absence_forgotten(void **state) {
        static const char kept[] = "{\"generation\":\"" GENERATION "\",";
        unsigned long long before;

        for (int hidden = 0; hidden < 2; hidden++) {
                begin(4);
                remember();
                f.item.period_s = SEC_PER_DAY;
                f.no_disk = true;
                engine_begin();
                engine_pass(1000);
                assert_non_null(strstr(written, kept));
                f.n_snaps = 0; /* somebody has taken them all away */
                if (hidden)
                        rule(HTTP_GET, "/snapshots/", 403, ERROR("AuthorizationFailed"));
                engine_pass(2000);
                assert_null(strstr(written, kept));
                engine_pass(4 * 3600);
                before = engine_counts(f.engine)->sweeps;
                engine_pass(4 * 3600);
                assert_int_equal(engine_counts(f.engine)->sweeps - before, 4);
                f.date_off_s = 600;
                engine_pass(3700);
                assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
                f.date_off_s = 0;
                engine_pass(2000);
                assert_int_equal(doubts() & DOUBT_BIT(DOUBT_CLOCK), 0);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* The disk is once not found, goes on in another subscription, and is found nowhere again: two looks an hour
 * apart are asked for anew, where it was last. */
static void test_absence_elsewhere(void **state) {
        begin_two();
        f.item.period_s = SEC_PER_DAY;
        set_second(200, NOTHING);
        f.no_disk = true;
        rule(HTTP_GET, "/disks/db01", 404, ERROR("ResourceNotFound"));
        engine_begin();
        engine_pass(1000);
        assert_true(f.met[4] == 1);
        set_second(200, DISKS(SUB_2, GENERATION, ""));
        engine_pass(2 * 3600);
        f.rules[2] = (struct rule){.method = HTTP_GET,
                                   .url = SUB_2 "/resourceGroups/rg-app" COMPUTE "/disks/db01",
                                   .status = 404,
                                   .body = ERROR("ResourceNotFound"),
                                   .kept_from = true};
        for (int i = 0; i < 2; i++) {
                set_second(200, NOTHING);
                f.met[2] = 0;
                for (int j = 0; j < 180 && f.met[2] == 0; j++)
                        engine_pass(60);
                assert_int_equal(f.met[2], 1);
                assert_int_equal(f.met[4], 1);
                assert_false(said("is gone, its snapshots are frozen"));
                if (i == 0) {
                        set_second(200, DISKS(SUB_2, GENERATION, ""));
                        engine_pass(2 * 3600);
                }
        }
        engine_pass(3 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        engine_end();
        free(written);
        written = NULL;
}

#define TAKEN_THERE                                                                                \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-snapshots" COMPUTE       \
        "/snapshots/s\",\"name\":\"s\",\"location\":\"westeurope\",\"tags\":{"                     \
        "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"prod-backup\",\"snapkeep-policy\":"       \
        "\"gold\",\"snapkeep-slot\":\"20261102T000000Z\",\"snapkeep-disk\":\"" SUB_2               \
        "/rg-app/db01\",\"snapkeep-generation\":\"" GENERATION                                     \
        "\",\"snapkeep-keep\":\"last=2;pick=first;zone=UTC\"},\"properties\":{\"creationData\":{"  \
        "\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION                               \
        "\"},\"incremental\":true,\"timeCreated\":\"2026-11-02T00:00:10Z\","                       \
        "\"provisioningState\":\"Succeeded\","                                                     \
        "\"uniqueId\":\"00000000-0000-4000-8000-0000000000ff\"}}]}"

/* The disk went on in another subscription, of which the listing lacks it by now: that nothing is found where
 * it was before says nothing, and only that there is nothing where it was last does. */
static void test_gone_where_it_was_last(void **state) {
        static const struct {
                int line;
                bool taken;  /* there is a snapshot that was taken there */
                bool listed; /* the disk was listed there at first */
                bool late;   /* only once it had not been found where it was before */
                bool gone;   /* there is nothing */
        } rows[] = {
                {__LINE__, .taken = true},
                {__LINE__, .listed = true},
                {__LINE__, .taken = true, .listed = true},
                {__LINE__, .taken = true, .late = true},
                {__LINE__, .taken = true, .gone = true},
                {__LINE__, .listed = true, .gone = true},
                {__LINE__, .taken = true, .listed = true, .gone = true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin_two();
                f.no_disk = true;
                f.policy.freeze_s = SEC_PER_DAY / 2;
                f.policy.gone = GONE_APPLY;
                set_second(200, rows[i].listed ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                if (rows[i].taken && !rows[i].late)
                        f.rules[1].body = TAKEN_THERE;
                if (rows[i].gone) {
                        f.rules[2].status = 404;
                        f.rules[2].body = ERROR("ResourceNotFound");
                }
                engine_begin();
                engine_pass(3 * 3600);
                if (said("is gone, its snapshots are frozen") !=
                    (rows[i].late || (rows[i].gone && !rows[i].listed)))
                        fail_msg("row at line %d: gone at first", rows[i].line);
                set_second(200, NOTHING);
                if (rows[i].late)
                        f.rules[1].body = TAKEN_THERE;
                engine_pass(3600);
                engine_end();

                engine_begin();
                engine_pass(3600);
                if (doubts() & DOUBT_BIT(DOUBT_TARGETS))
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(SEC_PER_DAY);
                if ((f.requests[HTTP_DELETE] > 0) != rows[i].gone)
                        fail_msg("row at line %d: %zu deleted", rows[i].line,
                                 f.requests[HTTP_DELETE]);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* A tag may be longer than any id, and end in the middle of a letter where it is cut: what is remembered of it can be
 * read again. */
static void test_gone_where_a_tag_is_long(void **state) {
        static const char part[] = "rg-app/db01";
        _cleanup_(strbuf_deinit) struct strbuf body = {};
        const char *at = strstr(TAKEN_THERE, part);

        strbuf_append(&body, TAKEN_THERE, (size_t)(at - TAKEN_THERE));
        strbuf_append_char(&body, 'x');
        for (int i = 0; i < 256; i++)
                strbuf_append_str(&body, "\xe7\x9b\xa4");
        strbuf_append_str(&body, at + strlen(part));
        begin_two();
        f.no_disk = true;
        set_second(200, NOTHING);
        f.rules[1].body = TAKEN_THERE;
        f.rules[2].status = 404;
        f.rules[2].body = ERROR("ResourceNotFound");
        engine_begin();
        engine_pass(3 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        memcpy(strstr(body.data, "T00:00:10Z"), "T02:00:10Z", strlen("T02:00:10Z"));
        f.rules[1].body = strbuf_str(&body);
        engine_pass(3 * 3600);
        assert_non_null(strstr(written, "\xe7\x9b\xa4"));
        engine_end();

        engine_begin();
        assert_false(said("the state that was kept is damaged"));
        engine_end();
        free(written);
        written = NULL;
}

#define MOVED                                                                                      \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg-other" COMPUTE             \
        "/disks/moved\",\"name\":\"moved\",\"location\":\"westeurope\",\"sku\":{\"name\":"         \
        "\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" GENERATION                              \
        "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"

/* So it is where the disk moved within its subscription, and no snapshot was taken of it since. */
static void test_gone_where_it_went(void **state) {
        begin(6);
        f.item.period_s = SEC_PER_DAY;
        f.no_disk = true;
        rule(HTTP_GET, LIST_DISKS(SUB), 200, MOVED);
        rule(HTTP_GET, "/disks/moved", UNREAD);
        engine_begin();
        engine_pass(1000);
        set_second(200, NOTHING);
        engine_pass(6 * 3600);
        assert_true(f.met[1] > 0);
        assert_false(said("is gone, its snapshots are frozen"));
        f.rules[1].status = 404;
        f.rules[1].body = ERROR("ResourceNotFound");
        engine_pass(6 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        engine_end();
}

#define THEIRS                                                                                     \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-theirs" COMPUTE          \
        "/snapshots/s\",\"name\":\"s\",\"location\":\"westeurope\",\"properties\":{"               \
        "\"creationData\":{\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION             \
        "\"},\"incremental\":true,\"timeCreated\":\"2026-11-02T00:00:10Z\","                       \
        "\"provisioningState\":\"Succeeded\","                                                     \
        "\"uniqueId\":\"00000000-0000-4000-8000-0000000000fe\"}}]}"

/* The disk went to another subscription, where its policy did not select it, and is gone from there: what there is of
 * it where it was before is nobody's, and stays. */
static void test_gone_unselected_elsewhere(void **state) {
        static struct resource_id other = {RESOURCE_DISK, SUB_2, "rg-app", "db02"};

        for (int form = 0; form < 4; form++) {
                bool selected = form & 1;
                struct target targets[2];

                begin_two();
                if (form & 2)
                        f.rules[1].body = THEIRS;
                targets[0] = (struct target){.subscription = text(SUB)};
                targets[1] = selected ? (struct target){.subscription = text(SUB_2)}
                                      : (struct target){.disks = &other, .n_disks = 1};
                f.file.targets = targets;
                f.file.n_targets = 2;
                set_second(200, DISKS(SUB_2, GENERATION, ""));
                f.rules[2].status = 404;
                f.rules[2].body = ERROR("ResourceNotFound");
                f.no_disk = true;
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(2 * 3600);
                assert_false(said("is gone, its snapshots are frozen"));
                for (int sweep = 0; sweep < 2; sweep++) {
                        /* and not the other */
                        subscription_look_anew(&f.engine->subscriptions[1]);
                        engine_pass(30);
                        set_second(200, NOTHING);
                }
                engine_pass(3 * 3600);
                assert_true(said("is gone, its snapshots are frozen"));
                if (doubts() & DOUBT_BIT(DOUBT_TARGETS))
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(3 * 3600);
                assert_int_equal(f.requests[HTTP_DELETE] > 0, selected);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* A plan lets go what the rule drops of a disk that is gone; then another disk is seen to have its name, or it is
 * listed in another subscription, which took longer to read. It is not known to be gone any more, and nothing
 * goes. */
static void test_gone_no_more(void **state) {
        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
                if (elsewhere) {
                        begin_two();
                        set_second(200, NOTHING);
                } else {
                        begin(6);
                        remember();
                }
                f.no_disk = true;
                f.policy.freeze_s = 6 * 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(3 * 3600);
                assert_true(said("is gone, its snapshots are frozen"));
                engine_end();

                f.now_ns += SEC_PER_DAY * NSEC_PER_SEC;
                if (elsewhere)
                        set_second(200, DISKS(SUB_2, GENERATION, ""));
                else
                        rule(HTTP_GET, "/disks/db01", 200,
                             "{\"id\":\"" DISK_ID "\",\"location\":\"westeurope\","
                             "\"properties\":{\"uniqueId\":\"" OTHER_GENERATION "\"}}");
                f.silent = elsewhere ? LIST_DISKS(SUB_2) : "-20261101T"; /* the victims */
                engine_begin();
                engine_pass(5);
                assert_int_equal(engine_plan(f.engine, 0)->n_actions, 4);
                f.silent = NULL;
                engine_pass(200);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                /* What had begun is given up, and nothing else begins. */
                assert_int_equal(said("its deletion is held back (listing)"), !elsewhere);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* ---- copies ---- */

/* A copy of the oldest one into another subscription. What Azure tells of its source: the uniqueId, or in its
 * first seconds the id alone, or that with an empty uniqueId. @odd: it cannot be decoded. */
enum told {
        TOLD_UNIQUE_ID,
        TOLD_ID,
        TOLD_ID_AND_EMPTY,
        _TOLD_N,
};

static const char *copy(const char *name, const char *percent, enum told told, bool odd) {
        static char body[2000];
        char source[500];

        if (told != TOLD_UNIQUE_ID)
                snprintf(source, sizeof(source), "%s\"sourceResourceId\":\"%s/%s\"",
                         told == TOLD_ID
                                 ? ""
                                 : "\"sourceUniqueId\":\"00000000-0000-0000-0000-000000000000\",",
                         SNAPSHOTS_ID, name);
        else
                strcpy(source, "\"sourceUniqueId\":\"00000000-0000-4000-8000-000000000001\"");
        snprintf(body, sizeof(body),
                 "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-dr" COMPUTE
                 "/snapshots/dr\",\"name\":\"dr\",\"location\":\"northeurope\",%s\"properties\":{"
                 "\"creationData\":{\"createOption\":\"CopyStart\",%s},\"incremental\":true,"
                 "\"timeCreated\":\"2026-11-02T00:00:00Z\",\"provisioningState\":\"Succeeded\","
                 "\"completionPercent\":%s,"
                 "\"uniqueId\":\"10000000-0000-4000-8000-000000000001\"}}]}",
                 odd ? "\"tags\":{\"a\":null}," : "", source, percent);
        return body;
}

/* The source of a copy into another subscription stays until that is made. */
static void test_copied_elsewhere(void **state) {
        for (int form = 0; form < 2 * _TOLD_N; form++) {
                enum told told = form / 2;
                bool odd = form % 2;
                char name[SNAPSHOT_NAME_SIZE];

                begin_two();
                strcpy(name, f.snaps[0].name);
                f.rules[1].body = copy(name, "40", told, odd);
                engine_begin();
                engine_pass(7200);
                assert_true(f.requests[HTTP_DELETE] >= 3);
                assert_non_null(snap_find(name));
                f.rules[1].body = copy(name, "100", told, odd);
                engine_pass(7200);
                assert_null(snap_find(name));
                engine_end();
                free(written);
                written = NULL;
        }
}

/* So it does after a start, where nobody knows of the copy before the other subscription is read. One that cannot
 * be read holds nothing back. */
static void test_copied_where_not_read(void **state) {
        char name[SNAPSHOT_NAME_SIZE];

        begin_two();
        strcpy(name, f.snaps[0].name);
        f.rules[1].body = copy(name, "40", TOLD_UNIQUE_ID, /* odd= */ false);
        f.silent = LIST_SNAPSHOTS(SUB_2);
        engine_begin();
        engine_pass(300);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        f.silent = NULL;
        engine_pass(300);
        assert_true(f.requests[HTTP_DELETE] >= 3);
        assert_non_null(snap_find(name));
        engine_end();

        begin_two();
        f.rules[1].status = 403;
        f.rules[1].body = ERROR("AuthorizationFailed");
        engine_begin();
        engine_pass(300);
        assert_true(f.requests[HTTP_DELETE] >= 3);
        engine_end();
        free(written);
        written = NULL;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gone_is_held),
                cmocka_unit_test(test_gone_while_unread),
                cmocka_unit_test(test_gone_while_another_fails),
                cmocka_unit_test(test_gone_where_it_was_last),
                cmocka_unit_test(test_gone_where_a_tag_is_long),
                cmocka_unit_test(test_gone_where_it_went),
                cmocka_unit_test(test_gone_unselected_elsewhere),
                cmocka_unit_test(test_gone_no_more),
                cmocka_unit_test(test_absence_forgotten),
                cmocka_unit_test(test_absence_elsewhere),
                cmocka_unit_test(test_copied_elsewhere),
                cmocka_unit_test(test_copied_where_not_read),
        };

        return cmocka_run_group_tests_name("engine-gone", tests, NULL, NULL);
}
