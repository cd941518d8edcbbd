/*
 * How long holds what an operator said, and how long a doubt: a retirement, an accepted rule, an applied
 * plan, and doubts over sweeps, restarts and subscriptions.
 */
#include "core/planner.h"
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define SUB_2 "22222222-1111-4111-8111-111111111111"
#define LIST_DISKS(subscription) "subscriptions/" subscription COMPUTE "/disks?"
#define LIST_SNAPSHOTS(subscription) "subscriptions/" subscription COMPUTE "/snapshots?"
#define DISKS(subscription, generation, tags)                                                      \
        "{\"value\":[{\"id\":\"/subscriptions/" subscription "/resourceGroups/rg-app" COMPUTE      \
        "/disks/db01\",\"name\":\"db01\",\"location\":\"westeurope\",\"tags\":{" tags "},"         \
        "\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" generation "\","      \
        "\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"
#define NOTHING "{\"value\":[]}"
#define TAGGED DISKS(SUB, GENERATION, "\"backup\":\"gold\"")
#define UNTAGGED DISKS(SUB, GENERATION, "")

/* Of ours, of which the newest fills the slot that is due. */
static void begin(int n) {
        fixture_init();
        for (int i = n - 1; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .status = status, .body = body, .kept_from = true};
}

/* ---- retirement ---- */

/* A target that goes by a tag, and a disk without it: as the first rule. */
static void begin_untagged(void) {
        static struct policy_tag tag;

        tag = (struct policy_tag){text("backup"), text("gold")};
        begin(4);
        f.target.tags = (struct policy_tags){&tag, 1};
        rule(HTTP_GET, LIST_DISKS(SUB), 200, UNTAGGED);
}

static void retire(size_t expected) {
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        assert_int_equal(n, expected);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
}

/* The disk is tagged again, backed up, and untagged by mistake: what was taken since is not what was
 * retired. @held: one of those that were is still there meanwhile. */
static void retire_and_return(bool held) {
        size_t n;

        begin_untagged();
        engine_begin();
        engine_pass(60);
        retire(4);
        if (held)
                f.snaps[1].hold = "audit";
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, held);
        f.rules[0].body = TAGGED;
        engine_pass(6 * 3600);
        assert_int_equal(said("its retirement is over"), held);
        for (size_t i = 0; i < f.n_snaps; i++)
                f.snaps[i].hold = NULL;
        n = f.n_snaps;
        assert_true(n >= 2);
        f.rules[0].body = UNTAGGED;
        engine_pass(6 * 3600);
        assert_true(f.n_snaps >= n);
        engine_end();
}

static void test_retire_ends(void **state) {
        retire_and_return(/* held= */ false);
        retire_and_return(/* held= */ true);
}

/* One that a listing shows after the hash was given is not among those that were hashed; nor is one that
 * was held then and is released. */
static void test_retire_is_exact(void **state) {
        char seen_late[SNAPSHOT_NAME_SIZE], held[SNAPSHOT_NAME_SIZE];

        begin_untagged();
        f.snaps[1].hold = "audit";
        strcpy(held, f.snaps[1].name);
        engine_begin();
        engine_pass(60);
        retire(3);
        strcpy(seen_late, snap_add_ours(START_S - 9 * EVERY_S)->name);
        snap_find(held)->hold = NULL;
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 2);
        assert_non_null(snap_find(seen_late));
        assert_non_null(snap_find(held));
        retire(2);
        engine_pass(60);
        assert_int_equal(f.n_snaps, 0);
        engine_end();
}

/* A disk that was moved is selected in the subscription that it is in, and its snapshots are in the other:
 * a DELETE that waits meanwhile does not go out. */
static void test_retire_ends_elsewhere(void **state) {
        static struct resource_id elsewhere = {RESOURCE_DISK, SUB_2, "rg-app", "db01"};
        const struct plan *plan;
        struct target targets[2];
        size_t n;

        begin_untagged();
        targets[0] = f.target;
        targets[1] = (struct target){.disks = &elsewhere, .n_disks = 1};
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_GET, LIST_DISKS(SUB_2), 200, NOTHING);
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB_2), 200, NOTHING);
        rule(HTTP_PUT, SUB_2, 403, ERROR("AuthorizationFailed"));
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        engine_begin();
        engine_pass(60);
        retire(4);
        engine_pass(60);
        n = f.requests[HTTP_DELETE];
        assert_int_equal(n, 4);
        f.rules[1].body = DISKS(SUB_2, GENERATION, "");
        while (!said("its retirement is over"))
                assert_true(engine_turn(INT64_MAX - 1));
        /* What was planned before says so until it is planned anew. */
        plan = engine_plan(f.engine, 0);
        assert_int_equal(plan->n_actions, 4);
        for (size_t i = 0; i < plan->n_actions; i++)
                assert_true(plan->actions[i].retired && plan->actions[i].blocked != 0);
        n = f.requests[HTTP_DELETE];
        f.rules[4].times = f.met[4];
        engine_pass(3 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], n);
        f.rules[1].body = NOTHING;
        engine_pass(3 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], n);
        assert_int_equal(f.n_snaps, 4);
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_retire_ends),
                cmocka_unit_test(test_retire_is_exact),
                cmocka_unit_test(test_retire_ends_elsewhere),
        };

        return cmocka_run_group_tests_name("engine-standing", tests, NULL, NULL);
}
