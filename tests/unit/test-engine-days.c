/*
 * The engine's days beside its conversations: a start with a state that cannot be used, what is said
 * in a line of use, the watchdog, ends in the middle of work, and clocks that nobody vouches for.
 */
#include "engine-fixture.h"

#include "core/planner.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"

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

static void expect_summary(int line, const char *expected) {
        _cleanup_(strbuf_deinit) struct strbuf summary = {};

        engine_summary(f.engine, &summary);
        if (strcmp(strbuf_str(&summary), expected) != 0)
                fail_msg("line %d: \"%s\"", line, strbuf_str(&summary));
}

static void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.rules[f.n_rules++] =
                (struct rule){.method = method, .url = url, .status = status, .body = body};
}

/* ---- what is remembered ---- */

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
        rule(HTTP_PUT, "/snapshots/a-", 403, ERROR("AuthorizationFailed"));
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
                cmocka_unit_test(test_state),
                cmocka_unit_test(test_state_set_aside),
                cmocka_unit_test(test_pause_beside_a_lost_state),
                cmocka_unit_test(test_unwritable),
                cmocka_unit_test(test_left),
                cmocka_unit_test(test_left_by_disk),
                cmocka_unit_test(test_summary),
                cmocka_unit_test(test_never),
                cmocka_unit_test(test_late_unread),
                cmocka_unit_test(test_never_unread),
                cmocka_unit_test(test_late_closed),
                cmocka_unit_test(test_gone_is_no_haste),
                cmocka_unit_test(test_key),
                cmocka_unit_test(test_before_start),
                cmocka_unit_test(test_far_pause),
                cmocka_unit_test(test_many_subscriptions),
                cmocka_unit_test(test_overdue),
                cmocka_unit_test(test_freed),
                cmocka_unit_test(test_no_date),
                cmocka_unit_test(test_stood_still),
                cmocka_unit_test(test_apply),
                cmocka_unit_test(test_apply_before_the_doubt),
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
                cmocka_unit_test(test_regions),
                cmocka_unit_test(test_throttled_delete),
                cmocka_unit_test(test_throttled_deletes),
                cmocka_unit_test(test_long_listings),
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
                cmocka_unit_test(test_ambiguous),
                cmocka_unit_test(test_order_words),
        };

        return cmocka_run_group_tests_name("engine-days", tests, NULL, NULL);
}
