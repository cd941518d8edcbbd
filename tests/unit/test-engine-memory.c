/*
 * What the engine remembers: a start with a state that cannot be used, one that cannot be written, and what
 * is left behind.
 */
#include "days-fixture.h"

static struct {
        const char *bytes; /* NULL: @r */
        int r;
        int r_write, r_rename;
        unsigned writes;
        char written[1000];
        char aside[40]; /* the name that the file has since; "": its own */
} disk;

static int store_get(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
        if (strcmp(name, "state") != 0)
                return strcmp(name, disk.aside) == 0 ? -EIO : -ENOENT;
        if (!disk.bytes)
                return disk.r;
        *ret_bytes = strdup(disk.bytes);
        *ret_len = strlen(disk.bytes);
        return *ret_bytes ? 0 : -ENOMEM;
}

static int store_put(struct store *store, const char *name, const char *bytes, size_t len) {
        disk.writes++;
        assert_true(len < sizeof(disk.written));
        *stpncpy(disk.written, bytes, len) = '\0';
        return disk.r_write;
}

static int store_drop(struct store *store, const char *name) {
        return 0;
}

static int store_move(struct store *store, const char *name, const char *other) {
        assert_string_equal(name, "state");
        if (disk.r_rename < 0 || (!disk.bytes && disk.r == -ENOENT))
                return disk.r_rename ?: -ENOENT;
        assert_string_equal(disk.aside, ""); /* there is but one */
        stpcpy(disk.aside, other);
        disk.bytes = NULL;
        disk.r = -ENOENT;
        return 0;
}

static const struct store_ops store_ops = {store_get, store_put, store_drop, store_move};
static struct store store = {&store_ops};

#define PAUSED(until) "\"pause\":{\"all\":true,\"prune\":false,\"until\":" until "},\n"

/* A state that cannot be used is told of, and the daemon starts all the same. It may have held a pause of
 * deletions: they wait for the operator's word, and the status says for how long that nobody asked for it. */
static void test_state(void **state) {
        static const char why[] =
                "deletions are paused until resumed, since the state that was kept "
                "could not be read and may have had a pause; ends with resume";
        static const struct {
                int line;
                const char *bytes;
                int r;
                const char *expect; /* NULL: nothing of it */
        } rows[] = {
                {__LINE__, NULL, -ENOENT, NULL},
                {__LINE__, NULL, -EIO,
                 "warning: the state that was kept cannot be read: Input/output error; acks are "
                 "forgotten, "
                 "freezes begin anew, and deletions are paused until snapkeepctl resume"},
                {__LINE__, "{\"version\":1,\n\"pause\":", 0,
                 "warning: the state that was kept is damaged; acks are forgotten"},
                {__LINE__, "{\"version\":3,\n", 0,
                 "warning: the state that was kept is of a newer version; acks are"},
        };

        static const struct {
                int line;
                const char *bytes, *expect;
                bool ends;
        } paused[] = {
                {__LINE__, "{\"version\":3,\n" PAUSED("null") "\"others\":1}",
                 "is of a newer version; "
                 "acks are forgotten, freezes begin anew, and deletions are paused until "
                 "snapkeepctl resume; it is kept as state-unread-1; the pause of everything goes "
                 "on",
                 false},
                {__LINE__, "{\"version\":1,\n" PAUSED("\"2026-11-02T00:30:00Z\"") "\"acks\":[\nx",
                 "is damaged; acks are", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.store = &store;
                disk = (typeof(disk)){.bytes = rows[i].bytes, .r = rows[i].r};
                engine_begin();
                expect_said(rows[i].line, rows[i].expect ?: "the state that was kept",
                            rows[i].expect != NULL);
                engine_pass(200);
                expect_said(rows[i].line, "is deleted (superseded", rows[i].expect == NULL);
                expect_said(rows[i].line, why, rows[i].expect != NULL);
                if (rows[i].expect) { /* the same after a restart */
                        engine_end();
                        begin();
                        f.store = &store;
                        disk.bytes = disk.written;
                        engine_begin();
                        engine_pass(200);
                        expect_said(rows[i].line, "the state that was kept is", false);
                        expect_said(rows[i].line, why, true);
                        expect_said(rows[i].line, "is deleted (superseded", false);
                        assert_int_equal(engine_resume(f.engine, "operator"), 0);
                }
                engine_pass(200);
                expect_said(rows[i].line, "is deleted (superseded", true);
                assert_true(disk.writes > 0);
                engine_end();
        }

        /* A pause of everything is the second line, and holds whatever is behind it: as long as it would have, and
         * that of deletions until the operator's word. */
        for (size_t i = 0; i < ARRAY_SIZE(paused); i++) {
                begin();
                f.store = &store;
                disk = (typeof(disk)){.bytes = paused[i].bytes};
                engine_begin();
                expect_said(paused[i].line, paused[i].expect, true);
                engine_pass(1500);
                assert_int_equal(engine_counts(f.engine)->created, 0);
                expect_said(paused[i].line, "is over", false);
                engine_pass(1500);
                assert_int_equal(engine_counts(f.engine)->created > 0, paused[i].ends);
                expect_said(paused[i].line,
                            "the pause of everything is over, deletions stay paused",
                            paused[i].ends);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                assert_int_equal(engine_resume(f.engine, "operator"), 0);
                engine_pass(900);
                assert_true(f.requests[HTTP_DELETE] > 0);
                engine_end();
        }

        /* No memory to read it with: it is left to the next start, unharmed. */
        begin();
        f.store = &store;
        disk = (typeof(disk)){.r = -ENOMEM};
        assert_int_equal(engine_make(), -ENOMEM);
        assert_int_equal(disk.writes, 0);
        engine_end();
}

/* What cannot be read is not written over: it may be readable tomorrow, and hold what nobody remembers. It is kept
 * under another name, that the journal says. Where that cannot be done, nothing is written. */
static void test_state_set_aside(void **state) {
        static const struct {
                int line;
                const char *bytes;
                int r;
        } rows[] = {
                {__LINE__, NULL, -EIO},
                {__LINE__, NULL, -EACCES},
                {__LINE__, NULL, -EMFILE},
                {__LINE__, "{\"version\":1,\n\"pause\":", 0},
                {__LINE__, "{\"version\":3,\n", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                f.store = &store;
                disk = (typeof(disk)){.bytes = rows[i].bytes, .r = rows[i].r};
                engine_begin();
                expect_said(rows[i].line, "snapkeepctl resume; it is kept as state-unread-1", true);
                engine_pass(200);
                assert_string_equal(disk.aside, "state-unread-1");
                assert_true(disk.writes > 0);
                engine_end();

                /* It ended between the two: of what it held as little is known as before. */
                begin();
                f.store = &store;
                disk.bytes = NULL;
                disk.r = -ENOENT;
                engine_begin();
                expect_said(rows[i].line,
                            "warning: the state that was kept was set aside when it could not be "
                            "read, and no other was written since; acks are forgotten, freezes "
                            "begin anew, and deletions are paused until snapkeepctl resume",
                            true);
                engine_pass(200);
                expect_said(rows[i].line, "is deleted (superseded", false);
                engine_end();

                begin();
                f.store = &store;
                disk = (typeof(disk)){.bytes = rows[i].bytes, .r = rows[i].r, .r_rename = -EROFS};
                engine_begin();
                expect_said(rows[i].line,
                            "snapkeepctl resume; it stays as it is, and nothing is written before "
                            "it can be kept under another name (Read-only file system)",
                            true);
                engine_pass(200);
                expect_said(rows[i].line, "the state cannot be written: Read-only file system",
                            true);
                assert_int_equal(disk.writes, 0);
                disk.r_rename = 0;
                engine_pass(900);
                expect_said(rows[i].line, "the state can be written again", true);
                assert_string_equal(disk.aside, "state-unread-1");
                assert_true(disk.writes > 0);
                engine_end();
        }
}

/* What an operator pauses beside it, or for some time, takes nothing from the pause for a state that is lost: nobody
 * has said of that what may go. */
static void test_pause_beside_a_lost_state(void **state) {
        static const struct {
                int line;
                bool all, bounded;
        } rows[] = {
                {__LINE__, false, true},
                {__LINE__, false, false},
                {__LINE__, true, true},
                {__LINE__, true, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool goes_on = !rows[i].all || rows[i].bounded;
                struct utc until;

                begin();
                f.store = &store;
                disk = (typeof(disk)){.bytes = "{\"version\":1,\n\"pause\":"};
                engine_begin();
                engine_pass(200);
                until = utc_add_seconds(engine_now(f.engine), 900);
                assert_int_equal(engine_pause(f.engine, rows[i].all,
                                              rows[i].bounded ? until : UTC_NEVER, "root"),
                                 0);
                engine_pass(1900);
                if (f.requests[HTTP_DELETE] > 0)
                        fail_msg("row at line %d", rows[i].line);
                engine_end();

                /* The same after a restart, and until somebody resumes. */
                begin();
                f.store = &store;
                disk.bytes = disk.written;
                engine_begin();
                engine_pass(1900);
                expect_said(rows[i].line,
                            "deletions are paused until resumed, since the state that was kept "
                            "could not be read and may have had a pause; ends with resume",
                            true);
                expect_said(rows[i].line, "everything is paused until resumed; ends with resume",
                            !goes_on);
                if (f.requests[HTTP_DELETE] > 0 || (f.requests[HTTP_PUT] > 0) != goes_on)
                        fail_msg("row at line %d", rows[i].line);
                assert_int_equal(engine_resume(f.engine, "root"), 0);
                engine_pass(900);
                if (f.requests[HTTP_DELETE] == 0)
                        fail_msg("row at line %d", rows[i].line);
                engine_end();
        }
}

/* What cannot be written is told once, tried every five minutes, and told when it can be. */
static void test_unwritable(void **state) {
        unsigned writes;

        begin();
        f.store = &store;
        disk = (typeof(disk)){.r = -ENOENT, .r_write = -ENOSPC};
        engine_begin();
        engine_pass(60);
        expect_said(__LINE__, "the state cannot be written: No space left on device", true);
        strbuf_clear(&f.said);
        writes = disk.writes;
        engine_pass(1500);
        expect_said(__LINE__, "the state cannot be written", false);
        assert_in_range(disk.writes - writes, 3, 6);
        disk.r_write = 0;
        engine_pass(400);
        expect_said(__LINE__, "the state can be written again", true);
        engine_end();
}

/* A slot that is due is left while its chain is full, or the disk had seven in five minutes; but by nobody's fault
 * while everything is paused. */
static void test_left(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        rule(HTTP_GET, "/snapshots?", 200, NULL);
        list_chain(500, &listing);
        engine_begin();
        engine_pass(10);
        assert_int_equal(engine_counts(f.engine)->created, 0);
        assert_true(engine_is_well(f.engine));
        assert_true(engine_leaves_due(f.engine));
        f.n_rules = 0;
        engine_pass(3600);
        assert_true(engine_counts(f.engine)->created > 0);
        assert_false(engine_leaves_due(f.engine));
        engine_end();

        fixture_init();
        for (int i = 0; i < 7; i++) {
                char name[] = "theirs-0";

                name[7] = (char)('0' + i);
                snap_add(name, START_S);
        }
        engine_begin();
        engine_pass(10);
        assert_int_equal(engine_counts(f.engine)->created, 0);
        assert_true(engine_leaves_due(f.engine));
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        engine_pass(600);
        assert_false(engine_leaves_due(f.engine));
        engine_end();
}

/* So it is while three of the disk are pending; and while all names of the slot are taken, by tries that failed: that
 * is no end of their failure. */
static void test_left_by_disk(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf listing = {};

        fixture_init();
        f.policy.has_keep = false;
        f.item.period_s = SEC_PER_DAY;
        rule(HTTP_GET, "/disks?", 200, NULL);
        rule(HTTP_GET, "/snapshots?", 200, NULL);
        list_chain(3, &listing);
        for (char *at = listing.data; (at = strstr(at, "2026-10-02T00:01"));)
                memcpy(at, "2026-11-02T00:00", strlen("2026-11-02T00:00"));
        f.rules[1].body = listing.data;
        f.rules[0].body =
                "{\"value\":[{\"id\":\"" DISK_ID "\",\"name\":\"db01\",\"location\":\"westeurope\","
                "\"sku\":{\"name\":\"PremiumV2_LRS\"},\"properties\":{\"uniqueId\":\"" GENERATION
                "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}";
        engine_begin();
        engine_pass(10);
        assert_int_equal(engine_counts(f.engine)->created, 0);
        assert_true(engine_plan(f.engine, 0)->series[0].deferred);
        assert_true(engine_leaves_due(f.engine));
        engine_end();

        begin();
        f.n_snaps--;
        f.policy.has_keep = false;
        f.item.period_s = SEC_PER_DAY;
        f.new_state = "Failed";
        engine_begin();
        engine_pass(6 * 3600);
        assert_int_equal(f.requests[HTTP_PUT], 9);
        assert_true(said("whose due slot has all its names taken"));
        assert_false(said("nothing is left to do of it"));
        assert_false(engine_is_well(f.engine));
        assert_true(engine_leaves_due(f.engine));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_state),
                cmocka_unit_test(test_state_set_aside),
                cmocka_unit_test(test_pause_beside_a_lost_state),
                cmocka_unit_test(test_unwritable),
                cmocka_unit_test(test_left),
                cmocka_unit_test(test_left_by_disk),
        };

        return cmocka_run_group_tests_name("engine-memory", tests, NULL, NULL);
}
