/*
 * A listing that has an element which cannot be decoded: deletions wait, creates go on, and what the world
 * lacks for it proves nothing.
 */
#include "core/planner.h"
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define SUB_2 "22222222-1111-4111-8111-111111111111"
#define STRANGER                                                                                   \
        "{\"id\":\"" SNAPSHOTS_ID "/theirs\",\"location\":\"w\",\"tags\":{\"a\":null},"            \
        "\"properties\":{}}"
#define ODD_DISK(id)                                                                               \
        "{\"id\":\"" id "\",\"location\":\"westeurope\",\"tags\":{\"a\":null},\"properties\":{"    \
        "\"uniqueId\":\"" GENERATION "\"}}"
#define OTHER_ID "/subscriptions/" SUB "/resourceGroups/rg-app" COMPUTE "/disks/other"
#define THEIRS SNAPSHOTS_ID "/theirs: the member tags is missing or wrong"
/* A state and more: the whole cannot be decoded. */
#define ODD_STATE "Succeeded\",\"completionPercent\":\"many"

static uint32_t bits;
static char hash[ENGINE_HASH_SIZE], reason[1000];

static void see_doubt(const struct engine_doubt *doubt, void *data) {
        bits |= doubt->bit;
        if (doubt->hash)
                strcpy(hash, doubt->hash);
        if (doubt->bit == DOUBT_BIT(DOUBT_LISTING))
                snprintf(reason, sizeof(reason), "%s", doubt->reason);
}

static uint32_t doubts(void) {
        bits = 0;
        reason[0] = '\0';
        engine_doubts(f.engine, see_doubt, NULL);
        return bits;
}

static size_t times_said(const char *part) {
        size_t n = 0;

        for (const char *at = strbuf_str(&f.said); (at = strstr(at, part)); at++)
                n++;
        return n;
}

static void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .status = status, .body = body, .kept_from = true};
}

/* What is remembered over restarts. */
static char *written;

static int store_get(struct store *s, const char *name, char **ret_bytes, size_t *ret_len) {
        if (!written)
                return -ENOENT;
        *ret_bytes = strdup(written);
        *ret_len = strlen(written);
        return *ret_bytes ? 0 : -ENOMEM;
}

static int store_put(struct store *s, const char *name, const char *bytes, size_t len) {
        free(written);
        written = strndup(bytes, len);
        assert_non_null(written);
        return 0;
}

static int store_drop(struct store *s, const char *name) {
        return 0;
}

static const struct store_ops store_ops = {store_get, store_put, store_drop};
static struct store store = {&store_ops};

/* Of ours, the newest of the slot before the one that is due. */
static void begin(int n) {
        fixture_init();
        free(written);
        written = NULL;
        f.store = &store;
        for (int i = n; i > 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static bool looked;

static void note_look(void) {
        looked = true;
}

static void check_look(void) {
        assert_true(looked);
        looked = false;
}

/* Somebody's snapshot: from a start on all is backed up, after a look at each name, and nothing deleted; all
 * comes right when it is gone. It is told once, and stands in the status. */
static void test_creates_go_on(void **state) {
        begin(4);
        f.odd_snapshot = STRANGER;
        f.get_part = "-2026";
        f.at_get = note_look;
        f.at_put = check_look;
        engine_begin();
        engine_pass(3600);
        assert_int_equal(engine_counts(f.engine)->created, 13);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING));
        assert_non_null(strstr(reason, "0 disks and 1 snapshot in the listing cannot be read, the "
                                       "first " THEIRS));
        assert_int_equal(times_said(THEIRS), 1);
        assert_true(engine_is_well(f.engine)); /* every disk has its backups */
        assert_false(said("cannot be read, nothing is deleted in it"));

        f.odd_snapshot = NULL;
        f.at_put = NULL;
        engine_pass(3600);
        assert_int_equal(doubts(), 0);
        assert_true(f.requests[HTTP_DELETE] > 10);
        engine_end();
}

/* One that comes while the listing is in doubt for something else is told all the same, and so is another. */
static void test_told(void **state) {
        begin(4);
        rule(HTTP_GET, "/snapshots?", 500, ERROR("InternalServerError"));
        f.rules[0].times = 1;
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING));
        assert_string_equal(reason, "a page of the listing failed");
        f.odd_snapshot = STRANGER;
        engine_pass(600);
        assert_int_equal(times_said(THEIRS), 1);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING));
        assert_non_null(strstr(reason, THEIRS));
        f.odd_disk = ODD_DISK(OTHER_ID);
        engine_pass(1800);
        assert_int_equal(times_said(THEIRS), 1);
        assert_int_equal(times_said("1 disk and 1 snapshot in"), 1);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING));
        assert_non_null(strstr(reason, OTHER_ID ": the member tags is missing or wrong; such a "
                                                "disk is backed up as it was read last, or not"));
        engine_end();
}

/* A disk that was read before goes on being backed up. After a restart nobody knows of it, and the status has it:
 * it is not gone, whatever a look says, and its target has fewer disks than it should. */
static void test_disk(void **state) {
        begin(4);
        f.target.expect = 1;
        f.policy.freeze_s = 3600;
        f.policy.gone = GONE_APPLY;
        engine_begin();
        engine_pass(60);
        f.no_disk = true;
        f.odd_disk = ODD_DISK(DISK_ID);
        engine_pass(3600 - 120);
        assert_int_equal(engine_counts(f.engine)->created, 12);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING));
        assert_true(engine_is_well(f.engine));
        engine_end();

        f.requests[HTTP_DELETE] = 0;
        rule(HTTP_GET, "/disks/db01", 404, ERROR("ResourceNotFound"));
        engine_begin();
        engine_pass(6 * 3600);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_LISTING) | DOUBT_BIT(DOUBT_TARGETS));
        assert_non_null(strstr(reason, DISK_ID));
        assert_false(engine_is_well(f.engine));
        assert_true(said("it finds 0 disks, fewer than it should, and others of its subscriptions "
                         "cannot be read"));
        assert_int_equal(f.met[0], 0);
        assert_null(strstr(written, "\"gone\":[\n{"));
        f.n_rules = 0;
        f.no_disk = false;
        f.odd_disk = NULL;
        engine_pass(3 * 3600);
        assert_int_equal(doubts(), 0);
        assert_true(engine_is_well(f.engine));
        assert_true(engine_counts(f.engine)->created > 8);
        engine_end();
}

/* The disk may be the one of another subscription that cannot be decoded: it is not gone. */
static void test_disk_elsewhere(void **state) {
        static struct resource_id ids[2] = {{RESOURCE_DISK, SUB, "rg-app", "db01"},
                                            {RESOURCE_DISK, SUB_2, "rg-app", "db01"}};

        begin(6);
        f.item.period_s = SEC_PER_DAY;
        f.target = (struct target){.disks = ids, .n_disks = 2};
        f.policy.freeze_s = 3600;
        f.policy.gone = GONE_APPLY;
        f.no_disk = true;
        rule(HTTP_GET, "subscriptions/" SUB_2 COMPUTE "/disks?", 200,
             "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-app" COMPUTE
             "/disks/db01\"}]}");
        rule(HTTP_GET, "subscriptions/" SUB_2 COMPUTE "/snapshots?", 200, "{\"value\":[]}");
        rule(HTTP_GET, "/disks/db01", 404, ERROR("ResourceNotFound"));
        engine_begin();
        engine_pass(6 * 3600);
        assert_int_equal(f.met[2], 0);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        f.rules[0].body = "{\"value\":[]}";
        engine_pass(6 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        engine_end();
}

/* One of ours that cannot be decoded has not vanished; of what has, only a look says so, and what the rule drops
 * anyway is no alarm. */
static void test_vanished(void **state) {
        begin(4);
        f.item.period_s = SEC_PER_DAY;
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(60);
        assert_int_equal(engine_plan(f.engine, 0)->policies[0].deletes, 3);
        f.snaps[3].state = f.snaps[0].state = ODD_STATE;
        engine_pass(2 * 3600);
        assert_int_equal(engine_counts(f.engine)->vanished, 0);
        assert_false(said("not us"));
        assert_true(doubts() & DOUBT_BIT(DOUBT_LISTING));
        assert_null(strstr(written, "\"deletions\":[\n{"));
        snap_drop(&f.snaps[1]); /* superseded */
        engine_pass(2 * 3600);
        assert_int_equal(engine_counts(f.engine)->vanished, 0);
        assert_non_null(strstr(written, "\"deletions\":[\n{"));
        engine_end();
}

/* Another rule that all that is listed carries is accepted: unless not all can be read. */
static void test_policy(void **state) {
        for (int odd = 0; odd < 2; odd++) {
                begin(6);
                f.item.period_s = 40 * SEC_PER_DAY;
                f.keep_text = "last=6;pick=first;zone=UTC";
                f.policy.keep.count[KEEP_LAST] = 6;
                engine_begin();
                engine_pass(60);
                assert_int_equal(doubts(), 0);
                engine_end();

                f.keep_text = "last=5;pick=first;zone=UTC";
                f.policy.keep.count[KEEP_LAST] = 5;
                if (odd)
                        f.snaps[0].state = ODD_STATE;
                engine_begin();
                engine_pass(60);
                assert_int_equal(!!(doubts() & DOUBT_BIT(DOUBT_POLICY)), odd);
                engine_end();
        }
}

static void hide(size_t n) {
        for (size_t i = 0; i < n; i++)
                f.snaps[i].state = ODD_STATE;
}

/* Doubt mass is not over for a listing of which nothing that would be deleted can be read. */
static void test_mass(void **state) {
        begin(0);
        f.item.period_s = 40 * SEC_PER_DAY;
        f.policy.min_age_s = SEC_PER_DAY;
        for (int i = 14; i >= 0; i--)
                snap_add_ours(START_S - i * SEC_PER_DAY);
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        hide(13);
        engine_pass(2 * 3600);
        for (size_t i = 0; i < 13; i++)
                f.snaps[i].state = "Succeeded";
        for (int i = 1; i < 7; i++)
                snap_add_ours(START_S - i * EVERY_S);
        engine_pass(2 * 3600);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* What is remembered of snapshots is not forgotten while they cannot be read: since when one has failed, or that
 * the disk of all of them was not found; and the failure to delete them is not over. */
static void test_remembered(void **state) {
        begin(4);
        f.item.period_s = SEC_PER_DAY;
        f.snaps[0].state = "Failed";
        rule(HTTP_DELETE, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        engine_begin();
        engine_pass(60);
        assert_non_null(strstr(written, "\"failures\":[\n{"));
        assert_true(said("could not be deleted"));
        hide(3);
        engine_pass(2 * 3600);
        assert_non_null(strstr(written, "\"failures\":[\n{"));
        assert_false(said("nothing is left to do of it"));
        engine_end();

        begin(4);
        f.item.period_s = SEC_PER_DAY;
        f.no_disk = true;
        engine_begin();
        engine_pass(60);
        assert_non_null(strstr(written, "\"gone\":[\n{"));
        hide(4);
        engine_pass(2 * 3600);
        assert_non_null(strstr(written, "\"gone\":[\n{"));
        engine_end();
}

/* What an operator retires is retired also when it can be read again. */
static void test_retired(void **state) {
        static struct resource_id id = {RESOURCE_DISK, SUB, "rg-app", "other"};
        size_t n;

        begin(4);
        f.target = (struct target){.disks = &id, .n_disks = 1};
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        hide(4);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
        engine_pass(3600);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        for (size_t i = 0; i < 4; i++)
                f.snaps[i].state = "Succeeded";
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 0);
        engine_end();
}

static int forget(void **state) {
        free(written);
        written = NULL;
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_creates_go_on, forget),
                cmocka_unit_test_teardown(test_told, forget),
                cmocka_unit_test_teardown(test_disk, forget),
                cmocka_unit_test_teardown(test_disk_elsewhere, forget),
                cmocka_unit_test_teardown(test_vanished, forget),
                cmocka_unit_test_teardown(test_policy, forget),
                cmocka_unit_test_teardown(test_mass, forget),
                cmocka_unit_test_teardown(test_remembered, forget),
                cmocka_unit_test_teardown(test_retired, forget),
        };

        return cmocka_run_group_tests_name("engine-unread", tests, NULL, NULL);
}
