/*
 * A retirement: what it takes, what stays, what it waits for, and when it ends.
 */
#include "standing-fixture.h"

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

static void break_now(void) {
        engine_invariant_broken(f.engine, GENERATION, "a test");
}

/* An invariant that is broken holds back what is retired, too, also while a victim is read again. */
static void test_retire_internal(void **state) {
        begin_untagged();
        f.get_part = ""; /* any */
        f.at_get = break_now;
        engine_begin();
        engine_pass(60);
        assert_false(said("an invariant"));
        retire(4);
        engine_pass(3 * 3600);
        assert_true(said("an invariant"));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* A second policy, and a target by tag for each. @tag: the one that the disk has. */
static void begin_two_policies(const char *tag) {
        static struct policy_tag tags[2];
        static struct policy policies[2];
        static struct target targets[2];

        begin(3);
        policies[0] = policies[1] = f.policy;
        policies[0].min_keep = 3;
        policies[1].name = text("silver");
        for (size_t i = 0; i < 2; i++) {
                tags[i] = (struct policy_tag){text("backup"), policies[i].name};
                targets[i] = f.target;
                targets[i].policy = i;
                targets[i].tags = (struct policy_tags){&tags[i], 1};
        }
        f.file.policies = policies;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_GET, LIST_DISKS(SUB), 200, tag);
}

static size_t count_under(const char *policy) {
        size_t n = 0;

        for (size_t i = 0; i < f.n_snaps; i++)
                n += strcmp(f.snaps[i].policy ?: "gold", policy) == 0;
        return n;
}

/* A disk that went from one policy to another leaves snapshots that nothing selects: these go at the
 * operator's word, and none of those of the policy that it is under. */
static void test_retire_unclaimed(void **state) {
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        begin_two_policies(SILVERED);
        for (int i = 0; i < 2; i++)
                snap_add_under("silver", START_S - i * EVERY_S);
        snap_add_under("iron", START_S - SEC_PER_DAY);
        f.snaps[1].hold = "audit";
        engine_begin();
        engine_pass(60);
        retire(3);
        engine_pass(60);
        assert_int_equal(count_under("gold"), 1);
        assert_int_equal(count_under("iron"), 0);
        assert_int_equal(count_under("silver"), 2);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        assert_true(said("is deleted (retired by the operator"));
        assert_false(said("its retirement is over"));

        /* What is held is not retired, and nothing else is left to be. */
        engine_pass(1000);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), ENGINE_E_SELECTED);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), ENGINE_E_SELECTED);
        for (size_t i = 0; i < f.n_snaps; i++)
                f.snaps[i].hold = NULL;
        engine_pass(3600);
        assert_int_equal(count_under("gold"), 1);
        engine_end();
}

/* The disk goes back to the policy that had left them before they are gone: it is over. */
static void test_retire_ends_claimed(void **state) {
        begin_two_policies(SILVERED);
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        engine_begin();
        engine_pass(60);
        retire(3);
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        f.rules[0].body = TAGGED;
        engine_pass(3600);
        assert_true(said("its retirement is over"));
        /* It goes away once more, and the lock too. */
        f.rules[0].body = SILVERED;
        engine_pass(3600);
        f.rules[1].times = f.met[1];
        engine_pass(6 * 3600);
        assert_true(count_under("gold") >= 2);
        engine_end();
}

/* In the midst of a round, whose own listing is of snapshots alone, the disks are listed before anything is
 * deleted, also when that listing is under way: one of them may be another policy's by now. */
static void test_retire_lists_disks(void **state) {
        for (int i = 0; i < 4; i++) {
                bool listing = i % 2, returns = i / 2;
                size_t n;

                begin_two_policies(SILVERED);
                engine_begin();
                engine_pass(60);
                n = f.requests[HTTP_PUT];
                while (f.requests[HTTP_PUT] == n ||
                       (listing && (f.n_flights == 0 ||
                                    !strstr(f.flights[0]->request->url, LIST_SNAPSHOTS(SUB)))))
                        assert_true(engine_turn(INT64_MAX - 1));
                if (returns)
                        f.rules[0].body = TAGGED;
                retire(3);
                engine_pass(60);
                assert_int_equal(count_under("gold"), returns ? 3 : 0);
                assert_int_equal(said("its retirement is over"), returns);
                engine_end();
        }
}

/* A create that fails has the disks listed anew; what is retired does not wait for that. */
static void test_retire_beside_failures(void **state) {
        begin_two_policies(SILVERED);
        snap_add_under("silver", START_S);
        f.file.parallel = 1;
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        engine_begin();
        engine_pass(239);
        f.now_ns += 6 * NSEC_PER_SEC / 10;
        retire(3);
        engine_pass(5);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_int_equal(count_under("gold"), 0);
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

/* The disk went to another subscription, of which nobody has listed the disks since: its listing comes first, and
 * the retirement is over. One that cannot be read says nothing. */
static void test_retire_lists_elsewhere(void **state) {
        for (int readable = 0; readable < 2; readable++) {
                begin_two();
                set_second(200, NOTHING);
                f.no_disk = true;
                engine_begin();
                engine_pass(60);
                set_second(readable ? 200 : 403,
                           readable ? DISKS(SUB_2, GENERATION, "") : ERROR("AuthorizationFailed"));
                f.silent = LIST_DISKS(SUB_2);
                retire(6);
                engine_pass(20);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                f.silent = NULL;
                engine_pass(200);
                assert_int_equal(f.requests[HTTP_DELETE], readable ? 0 : 6);
                assert_int_equal(said("its retirement is over"), readable);
                engine_end();
        }
        free(written);
        written = NULL;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_retire_ends),
                cmocka_unit_test(test_retire_is_exact),
                cmocka_unit_test(test_retire_internal),
                cmocka_unit_test(test_retire_ends_claimed),
                cmocka_unit_test(test_retire_ends_elsewhere),
                cmocka_unit_test(test_retire_lists_elsewhere),
                cmocka_unit_test(test_retire_beside_failures),
                cmocka_unit_test(test_retire_lists_disks),
                cmocka_unit_test(test_retire_unclaimed),
        };

        return cmocka_run_group_tests_name("engine-retire", tests, NULL, NULL);
}
