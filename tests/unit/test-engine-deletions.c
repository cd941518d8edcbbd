/*
 * Deletions that an operator accepted and that do not go after all, or go under another name of the
 * policy; and a DELETE that waits for its turn while somebody says stop.
 */
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
/* More than are free of the doubt mass, of which the policy keeps two. */
#define SNAPSHOTS 16

static struct {
        char *bytes; /* NULL: nothing was written */
        size_t len;
} disk;

static int store_get(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
        if (!disk.bytes)
                return -ENOENT;
        *ret_bytes = strndup(disk.bytes, disk.len);
        *ret_len = disk.len;
        return *ret_bytes ? 0 : -ENOMEM;
}

static int store_put(struct store *store, const char *name, const char *bytes, size_t len) {
        free(disk.bytes);
        disk.bytes = strndup(bytes, len);
        disk.len = len;
        assert_non_null(disk.bytes);
        return 0;
}

static int store_drop(struct store *store, const char *name) {
        return 0;
}

static void disk_forget(void) {
        free(disk.bytes);
        disk.bytes = NULL;
}

static const struct store_ops store_ops = {store_get, store_put, store_drop};
static struct store store = {&store_ops};

/* The newest fills the slot that is due; the others are older than what the day has gained. */
static void begin(int n) {
        fixture_init();
        for (int i = n - 1; i > 0; i--)
                snap_add_ours(START_S - 2 * SEC_PER_DAY - i * EVERY_S);
        snap_add_ours(START_S);
}

static void rule(enum http_method method, const char *url, int times, int status,
                 const char *header, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){.method = method,
                                             .url = url,
                                             .times = times,
                                             .status = status,
                                             .header = header,
                                             .body = body,
                                             .kept_from = true};
}

static uint32_t bits;
static char hash[ENGINE_HASH_SIZE];

static void see_doubt(const struct engine_doubt *doubt, void *data) {
        bits |= doubt->bit;
        if (doubt->hash)
                strcpy(hash, doubt->hash);
}

static uint32_t doubts(void) {
        bits = 0;
        engine_doubts(f.engine, see_doubt, NULL);
        return bits;
}

static void accept_mass(void) {
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_int_equal(engine_ack(f.engine, hash, "root"), 0);
        assert_int_equal(doubts(), 0);
}

/* One of those that were accepted cannot be read again, or not deleted, for an hour: it stays accepted, and goes
 * when it can be, without another question. */
static void test_accepted_later(void **state) {
        static const enum http_method methods[] = {HTTP_GET, HTTP_DELETE};

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
                begin(SNAPSHOTS);
                f.policy.max_delete_percent = 1;
                rule(methods[i], f.snaps[3].name, 0, 403, NULL, ERROR("AuthorizationFailed"));
                engine_begin();
                engine_pass(60);
                accept_mass();
                engine_pass(60);
                assert_true(f.met[0] > 0);
                assert_int_equal(engine_counts(f.engine)->deleted, SNAPSHOTS - 3);
                assert_int_equal(doubts(), 0);
                engine_pass(3600);
                assert_int_equal(doubts(), 0);
                f.rules[0].times = f.met[0];
                engine_pass(3600);
                assert_int_equal(doubts(), 0);
                assert_int_equal(f.n_snaps, 2 + 1); /* the newest is what the next listing
                                                       supersedes one by */
                engine_end();
        }
}

/* None of what was accepted can be deleted for an hour: it is accepted still. */
static void test_accepted_not_done(void **state) {
        begin(SNAPSHOTS);
        f.policy.max_delete_percent = 1;
        rule(HTTP_DELETE, "/snapshots/", 0, 403, NULL, ERROR("AuthorizationFailed"));
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        assert_int_equal(engine_ack(f.engine, hash, "root"), 0);
        engine_pass(3600);
        assert_true(f.met[0] >= SNAPSHOTS - 2);
        assert_int_equal(engine_counts(f.engine)->deleted, 0);
        assert_int_equal(doubts(), 0);
        engine_end();
}

/* What was accepted is a number: more than that is asked about again. */
static void test_accepted_no_more(void **state) {
        begin(SNAPSHOTS);
        f.policy.max_delete_percent = 1;
        engine_begin();
        engine_pass(60);
        accept_mass();
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        for (int i = 0; i < SNAPSHOTS; i++)
                snap_add_ours(START_S - 9 * SEC_PER_DAY - i * EVERY_S);
        engine_pass(1000);
        assert_int_equal(doubts(), BLOCK_PAUSED | DOUBT_BIT(DOUBT_MASS));
        engine_end();
}

/* An answer is to what was asked: as many other deletions, later, are another question. */
static void test_accepted_others(void **state) {
        char before[ENGINE_HASH_SIZE];

        begin(SNAPSHOTS);
        f.policy.max_delete_percent = 1;
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        strcpy(before, hash);
        engine_end();

        /* the same, to another daemon */
        begin(SNAPSHOTS);
        f.policy.max_delete_percent = 1;
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        assert_string_equal(hash, before);
        f.snaps[0].serial = 777; /* another one of its name */
        engine_clock_stepped(f.engine);
        engine_pass(100);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        assert_string_not_equal(hash, before);
        assert_int_equal(engine_ack(f.engine, before, "root"), ENGINE_E_UNKNOWN);
        assert_int_equal(engine_ack(f.engine, hash, "root"), 0);
        engine_end();
}

/* One whose time is over while its DELETE is on the way counts: it may have come out. */
static void test_overdue_counts(void **state) {
        disk_forget();
        begin(3);
        f.item.period_s = 40 * SEC_PER_DAY;
        f.store = &store;
        engine_begin();
        while (f.requests[HTTP_DELETE] == 0)
                assert_true(engine_turn(INT64_MAX - 1));
        f.silent = "/snapshots/";
        engine_pass(700);
        assert_true(said("could not be deleted"));
        assert_non_null(strstr(disk.bytes, "\"count\":1}"));
        f.silent = NULL;
        engine_end();
        disk_forget();
}

/* One whose token was refused is sent again with the next one, which others may have by then, and not when somebody
 * has said stop since. */
static void test_stopped_on_its_way(void **state) {
        begin(4);
        rule(HTTP_DELETE, "/snapshots/", 2, 401, NULL, ERROR("ExpiredAuthenticationToken"));
        engine_begin();
        while (f.requests[HTTP_DELETE] < 2)
                assert_true(engine_turn(INT64_MAX - 1));
        assert_int_equal(f.n_flights, 2);
        rule(HTTP_GET, "oauth2", 0, 200, NULL,
             "{\"access_token\":\"abd\",\"expires_in\":\"3599\",\"token_type\":\"Bearer\"}");
        f.silent = f.flights[1]->request->url;
        f.silent = strstr(f.silent, "/snapshots/");
        f.silent = strndupa(f.silent, strcspn(f.silent, "?"));
        while (f.requests[HTTP_DELETE] < 3)
                assert_true(engine_turn(INT64_MAX - 1));
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        f.silent = NULL;
        engine_pass(60);
        assert_int_equal(f.met[0], 2);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        assert_int_equal(f.n_snaps, 3);
        engine_end();
}

/* The host had this machine stand still while victims were read again, for days by the clock that is set right then,
 * and hands have deleted what min_keep relies on: it was read before, and nothing goes on the strength of that. */
static void test_stopped_by_a_step(void **state) {
        begin(4);
        f.item.period_s = SEC_PER_DAY;
        f.silent = "-20261030T"; /* the victims */
        engine_begin();
        engine_pass(5);
        assert_int_equal(f.n_flights, 2);
        f.n_snaps = 2;
        engine_clock_stepped(f.engine);
        f.silent = NULL;
        engine_pass(1);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_true(said("its deletion is held back (listing)"));
        engine_pass(1000);
        assert_int_equal(f.n_snaps, 2); /* with that of the slot */
        engine_end();
}

/* The policy gets another name in the middle of it: what was accepted of it is accepted. */
static void test_accepted_formerly(void **state) {
        static char *formerly[] = {NULL};

        disk_forget();
        begin(SNAPSHOTS);
        f.store = &store;
        f.policy.max_delete_percent = 1;
        engine_begin();
        engine_pass(60);
        accept_mass();
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_non_null(strstr(disk.bytes, "\"policy\":\"gold\",\"rule\":null,\"allowance\":14,"));
        engine_end();

        formerly[0] = text("gold");
        f.policy.name = text("platinum");
        f.policy.formerly = formerly;
        f.policy.n_formerly = 1;
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), BLOCK_PAUSED);
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(200);
        assert_int_equal(engine_counts(f.engine)->deleted, SNAPSHOTS - 2);
        assert_false(said("(mass)"));
        /* and no more than that was accepted */
        assert_non_null(strstr(disk.bytes, "\"policy\":\"gold\",\"rule\":null,\"allowance\":0,"));
        engine_end();
        disk_forget();
}

/* Its token was refused, and it waits for another: a DELETE that waits is stopped by a pause as if it
 * were not on its way. */
static void test_stopped_waiting(void **state) {
        begin(4);
        rule(HTTP_DELETE, "/snapshots/", 1, 401, NULL, ERROR("ExpiredAuthenticationToken"));
        f.file.parallel = 1;
        engine_begin();
        while (f.met[0] == 0 || f.n_flights == 0)
                assert_true(engine_turn(INT64_MAX - 1));
        assert_non_null(strstr(f.flights[0]->request->url, "oauth2"));
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(200);
        assert_int_equal(f.requests[HTTP_DELETE], 1);
        assert_int_equal(f.n_snaps, 4);
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(1000);
        assert_true(f.requests[HTTP_DELETE] > 1);
        engine_end();
}

/* One that had failed is deleted if it still has when it is read again, and not if its data is there
 * after all, or may be. */
static void test_failed_read_again(void **state) {
        static const struct {
                int line;
                const char *at_get;
                bool stays;
                const char *said;
        } cases[] = {
                {__LINE__, "Failed", false, "is deleted"},
                {__LINE__, "Canceled", false, "is deleted"},
                {__LINE__, "Succeeded\",\"copyCompletionError\":{\"errorCode\":\"x\"},\"x\":\"",
                 false, "is deleted"},
                {__LINE__, "Succeeded", true, "its state is no longer what the plan saw, it stays"},
                {__LINE__, "Updating", true, "its state is no longer what the plan saw, it stays"},
                {__LINE__, "Deleting", true, "was gone already"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct strbuf name = {};

                begin(2);
                f.item.period_s = SEC_PER_DAY;
                strbuf_append_str(&name, snap_add_ours(START_S - 8 * SEC_PER_DAY)->name);
                snap_find(name.data)->state = "Failed";
                f.get_part = name.data;
                f.get_state = cases[i].at_get;
                engine_begin();
                engine_pass(9 * SEC_PER_DAY);
                if (!snap_find(name.data) != !cases[i].stays || !said(cases[i].said))
                        fail_msg("line %d: %s", cases[i].line,
                                 snap_find(name.data) ? "it stays" : "it is deleted");
                engine_end();
                strbuf_deinit(&name);
        }
}

static int64_t slow_ns;

static void answer_slowly(void) {
        f.now_ns += slow_ns;
}

/* What was read is as old as the request for it: a service that takes longer than ten seconds to show a
 * victim loses none, which is told, and tried again later. */
static void test_slow_reread(void **state) {
        static const struct {
                int line;
                int64_t slow_ns;
                bool goes;
        } cases[] = {
                /* the answer itself takes a tenth of a second */
                {__LINE__, 9 * NSEC_PER_SEC + 800 * NSEC_PER_MSEC, true},
                {__LINE__, 9 * NSEC_PER_SEC + 900 * NSEC_PER_MSEC, false},
                {__LINE__, 25 * NSEC_PER_SEC, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct strbuf name = {};

                begin(4);
                f.item.period_s = SEC_PER_DAY;
                strbuf_append_str(&name, f.snaps[0].name);
                f.get_part = name.data;
                f.at_get = answer_slowly;
                slow_ns = cases[i].slow_ns;
                rule(HTTP_DELETE, name.data, 0, 0, NULL, NULL);
                f.rules[0].kept_from = false;
                engine_begin();
                engine_pass(800);
                if (f.met[0] != cases[i].goes || !snap_find(name.data) != cases[i].goes)
                        fail_msg("line %d: %d DELETEs", cases[i].line, f.met[0]);
                assert_true(said("the service took more than 10 s to show it") != cases[i].goes);
                assert_int_equal(engine_counts(f.engine)->delete_failures, !cases[i].goes);
                f.at_get = NULL;
                engine_pass(7200);
                assert_null(snap_find(name.data));
                /* nor does the DELETE wait for a connection longer than that; what changes nothing may */
                assert_int_equal(f.send_within_ns[HTTP_DELETE],
                                 10 * NSEC_PER_SEC - NSEC_PER_SEC / 10);
                assert_int_equal(f.send_within_ns[HTTP_GET], 0);
                engine_end();
                strbuf_deinit(&name);
        }
}

#define DISKS(tags)                                                                                \
        "{\"value\":[{\"id\":\"" DISK_ID                                                           \
        "\",\"name\":\"db01\",\"location\":\"westeurope\",\"tags\":{" tags                         \
        "},\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" GENERATION          \
        "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"

/* What is retired is not missed afterwards: the disk is selected again, and a rule that keeps more raises
 * no doubt since what was listed before is not. One that had failed was not among it, and a held one stays. */
static void test_retired_not_missed(void **state) {
        struct policy_tag tag = {text("backup"), text("gold")};
        size_t n;

        disk_forget();
        begin(9);
        f.store = &store;
        f.snaps[0].state = "Failed";
        f.snaps[4].hold = "audit";
        f.policy.keep.count[KEEP_LAST] = 10;
        f.target.tags = (struct policy_tags){&tag, 1};
        rule(HTTP_GET, "/disks?", 0, 200, NULL, DISKS("\"backup\":\"gold\""));
        engine_begin();
        engine_pass(60);
        assert_non_null(strstr(disk.bytes, "\"complete\":8}"));
        f.rules[0].body = DISKS("");
        engine_pass(3700);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
        engine_pass(60);
        assert_non_null(strstr(disk.bytes, "\"complete\":1}"));
        /* Nor is it before the next listing, when what stands is worked out anew. */
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(1);
        assert_int_equal(f.n_snaps, 1);
        assert_non_null(strstr(disk.bytes, "\"complete\":1}"));
        engine_end();

        f.rules[0].body = DISKS("\"backup\":\"gold\"");
        f.policy.keep.count[KEEP_LAST] = 12;
        engine_begin();
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(1000);
        assert_int_equal(doubts(), 0);
        assert_true(f.n_snaps > 1);
        engine_end();
        disk_forget();
}

/* Of nine days, all kept by the rule. */
static struct snap *begin_days(void) {
        disk_forget();
        fixture_init();
        f.store = &store;
        f.policy.keep.count[KEEP_LAST] = SNAPSHOTS_MAX;
        f.item.period_s = SEC_PER_DAY;
        for (int i = 9; i >= 0; i--)
                snap_add_ours(START_S - i * SEC_PER_DAY);
        return &f.snaps[0];
}

/* An update of an old one fails: its seven days begin then, and go on over a restart. */
static void test_failed_late(void **state) {
        char name[SNAPSHOT_NAME_SIZE];

        strcpy(name, begin_days()->name);
        engine_begin();
        engine_pass(200);
        snap_find(name)->state = "Failed";
        engine_pass(3 * SEC_PER_DAY);
        engine_end();
        assert_non_null(strstr(disk.bytes, "\"since\":\"2026-11-02T00:"));
        engine_begin();
        engine_pass(4 * SEC_PER_DAY - SEC_PER_HOUR);
        assert_non_null(snap_find(name));
        engine_pass(3 * SEC_PER_HOUR);
        assert_null(snap_find(name));
        assert_true(said("is to go (failed more than 7 days ago)"));
        assert_int_equal(engine_counts(f.engine)->deleted, 1);
        engine_pass(2 * SEC_PER_HOUR);
        assert_non_null(strstr(disk.bytes, "\"failures\":[\n],\n"));
        engine_end();
        disk_forget();
}

/* They begin anew when the memory is lost, and when it was listed with another state in between. */
static void test_failed_anew(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                char name[SNAPSHOT_NAME_SIZE];

                strcpy(name, begin_days()->name);
                snap_find(name)->state = "Failed";
                engine_begin();
                engine_pass(6 * SEC_PER_DAY);
                if (i == 0) {
                        engine_end();
                        disk_forget();
                        engine_begin();
                } else {
                        snap_find(name)->state = "Succeeded";
                        engine_pass(2 * SEC_PER_HOUR);
                        snap_find(name)->state = "Failed";
                }
                engine_pass(7 * SEC_PER_DAY - SEC_PER_HOUR);
                assert_non_null(snap_find(name));
                engine_pass(6 * SEC_PER_HOUR);
                assert_null(snap_find(name));
                engine_end();
                disk_forget();
        }
}

/* A listing of which a page failed lacks it and proves nothing; a clean one forgets it. */
static void test_failed_unlisted(void **state) {
        struct snap snap;
        uint64_t sweeps;

        for (unsigned i = 0; i < 2; i++) {
                snap = *begin_days();
                snap.state = "Failed";
                snap_find(snap.name)->state = "Failed";
                engine_begin();
                engine_pass(6 * SEC_PER_DAY);
                snap_drop(snap_find(snap.name));
                if (i == 0)
                        rule(HTTP_GET, "/snapshots?", 1, 503, NULL, ERROR("ServiceUnavailable"));
                sweeps = engine_counts(f.engine)->sweeps;
                while (engine_counts(f.engine)->sweeps == sweeps)
                        assert_true(engine_turn(INT64_MAX - 1));
                assert_int_equal(f.met[0], i == 0);
                f.snaps[f.n_snaps++] = snap;
                engine_pass(SEC_PER_DAY + 2 * SEC_PER_HOUR);
                assert_true(!snap_find(snap.name) == (i == 0));
                engine_end();
                disk_forget();
        }
}

/* A clock in doubt says nothing of when it was. */
static void test_failed_by_another_clock(void **state) {
        char name[SNAPSHOT_NAME_SIZE];

        strcpy(name, begin_days()->name);
        snap_find(name)->state = "Failed";
        f.date_off_s = -30 * SEC_PER_DAY;
        engine_begin();
        engine_pass(SEC_PER_HOUR);
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        assert_true(!disk.bytes || strstr(disk.bytes, "\"failures\":[\n],\n"));
        f.date_off_s = 0;
        engine_pass(SEC_PER_DAY);
        assert_int_equal(doubts(), 0);
        assert_non_null(strstr(disk.bytes, "\"since\":\"2026-11-02T0"));
        assert_non_null(snap_find(name));
        engine_end();
        disk_forget();
}

/* Not found twice says that a disk is gone where an hour lies between, whatever a start has forgotten of when
 * it was asked for. */
static void test_gone_over_a_start(void **state) {
        disk_forget();
        begin(3);
        f.store = &store;
        f.no_disk = true;
        rule(HTTP_GET, "/disks/db01", 0, 404, NULL, ERROR("ResourceNotFound"));
        engine_begin();
        engine_pass(600);
        assert_int_equal(f.met[0], 1);
        engine_end();
        engine_begin();
        engine_pass(600);
        assert_int_equal(f.met[0], 2);
        assert_null(strstr(strbuf_str(&f.said), "is gone, its"));
        engine_pass(7200);
        assert_non_null(strstr(strbuf_str(&f.said), "is gone, its"));
        engine_end();
}

static unsigned times_said(const char *what) {
        unsigned n = 0;

        for (const char *p = strbuf_str(&f.said); (p = strstr(p, what)); p += strlen(what))
                n++;
        return n;
}

/* Azure accepts each DELETE and does none: that is a failure, told once, until a listing lacks what was to go. */
static void test_accepted_undone(void **state) {
        begin(3);
        f.item.period_s = 40 * SEC_PER_DAY;
        rule(HTTP_DELETE, "/snapshots/", 0, 202, NULL, "");
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[0], 1);
        assert_false(said("could not be deleted"));
        engine_pass(5 * 3600);
        assert_int_equal(times_said("could not be deleted, will try again at "), 1);
        assert_true(said("[NotDeleted]"));
        assert_true(f.met[0] >= 2);
        assert_int_equal(f.n_snaps, 3);
        assert_false(said("nothing is left to do of it"));

        f.rules[0].times = f.met[0];
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 2);
        assert_int_equal(times_said("nothing is left to do of it, after "), 1);
        assert_int_equal(times_said("could not be deleted"), 1);
        engine_end();
}

/* What another of its name, which came after it, was asked to do says nothing of that. */
static void test_accepted_another(void **state) {
        int64_t slot_s;

        begin(3);
        f.item.period_s = 40 * SEC_PER_DAY;
        rule(HTTP_DELETE, "/snapshots/", 1, 202, NULL, "");
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[0], 1);
        slot_s = f.snaps[0].slot_s;
        snap_drop(&f.snaps[0]);
        snap_add_ours(slot_s);
        engine_pass(5 * 3600);
        assert_int_equal(f.n_snaps, 2);
        assert_false(said("could not be deleted"));
        engine_end();
}

/* One that we have deleted and that a listing shows once more is found gone, and counts once. */
static void test_accepted_listed(void **state) {
        disk_forget();
        begin(3);
        f.item.period_s = 40 * SEC_PER_DAY;
        f.store = &store;
        rule(HTTP_DELETE, "/snapshots/", 0, 202, NULL, "");
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.met[0], 1);
        assert_non_null(strstr(disk.bytes, "\"count\":1}"));
        rule(HTTP_GET, f.snaps[0].name, 0, 404, NULL, ERROR("ResourceNotFound"));
        engine_pass(2 * 3600);
        assert_true(said("was gone already"));
        assert_non_null(strstr(disk.bytes, "\"count\":1}"));
        engine_end();
        disk_forget();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_accepted_later),
                cmocka_unit_test(test_accepted_not_done),
                cmocka_unit_test(test_accepted_no_more),
                cmocka_unit_test(test_accepted_others),
                cmocka_unit_test(test_accepted_formerly),
                cmocka_unit_test(test_stopped_waiting),
                cmocka_unit_test(test_stopped_by_a_step),
                cmocka_unit_test(test_stopped_on_its_way),
                cmocka_unit_test(test_overdue_counts),
                cmocka_unit_test(test_failed_read_again),
                cmocka_unit_test(test_slow_reread),
                cmocka_unit_test(test_retired_not_missed),
                cmocka_unit_test(test_failed_late),
                cmocka_unit_test(test_failed_anew),
                cmocka_unit_test(test_failed_unlisted),
                cmocka_unit_test(test_failed_by_another_clock),
                cmocka_unit_test(test_gone_over_a_start),
                cmocka_unit_test(test_accepted_undone),
                cmocka_unit_test(test_accepted_another),
                cmocka_unit_test(test_accepted_listed),
        };

        return cmocka_run_group_tests_name("engine-deletions", tests, NULL, NULL);
}
