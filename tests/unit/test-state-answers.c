/*
 * What the state answers about rules, gone disks, acks, allowances and deletions.
 */
#include "state-fixture.h"

static void test_rules(void **unused) {
        _cleanup_(state_deinit) struct state state = {};

        assert_null(state_rule_find(&state, "gold"));
        state_rule_uncount(&state, "gold");
        assert_false(state.changed);
        assert_int_equal(state_rule_set(&state, "gold", "", 1), -E2BIG);
        assert_int_equal(state_rule_set(&state, "gold", "a\n", 1), -E2BIG);
        assert_int_equal(state_rule_set(&state, "gold", X256 "x", 1), -E2BIG);
        assert_int_equal(state.n_rules, 0);

        assert_int_equal(state_rule_set(&state, "gold", "last=3", 2), 0);
        assert_true(state.changed);
        state.changed = false;
        assert_int_equal(state_rule_set(&state, "gold", "last=3", 2), 0);
        assert_false(state.changed); /* as it was */
        state_rule_uncount(&state, "silver");
        assert_false(state.changed);
        state_rule_uncount(&state, "gold");
        assert_true(state.changed);
        assert_int_equal(state_rule_find(&state, "gold")->complete, 1);
        state_rule_uncount(&state, "gold");
        state_rule_uncount(&state, "gold");
        assert_int_equal(state_rule_find(&state, "gold")->complete, 0);

        state.changed = false;
        assert_int_equal(state_rule_set(&state, "gold", "last=4", UINT64_MAX), 0);
        assert_true(state.changed);
        assert_int_equal(state.n_rules, 1);
        assert_string_equal(state_rule_find(&state, "gold")->rule, "last=4");
        assert_int_equal(state_rule_find(&state, "gold")->complete, 9007199254740991);
}

static void test_gone(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        struct state_gone *gone, *same;

        assert_null(state_gone_find(&state, GEN1));
        state_gone_forget(&state, GEN1);
        assert_false(state.changed);
        assert_int_equal(state_gone_get(&state, GEN2, &gone), 0);
        assert_true(state.changed);
        assert_false(utc_is_set(gone->first));
        assert_false(utc_is_set(gone->since));
        gone->first = utc_from_seconds(5);
        assert_int_equal(state_gone_get(&state, GEN1, &gone), 0);
        state.changed = false;
        assert_int_equal(state_gone_get(&state, GEN2, &same), 0);
        assert_false(state.changed);
        assert_int_equal(utc_seconds(same->first), 5);
        assert_int_equal(state.n_gone, 2);
        assert_string_equal(state.gone[0].generation, GEN1);

        /* An absence is of one place, and what was known of an older one is nothing. */
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/c", utc_from_seconds(5)), 0);
        gone = &state.gone[0];
        gone->first = gone->since = utc_from_seconds(9);
        assert_int_equal(state_gone_see(&state, GEN1, "A/B/c", utc_from_seconds(8)), 0);
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/d", utc_from_seconds(4)), 0);
        assert_string_equal(gone->disk, "a/b/c");
        assert_int_equal(utc_seconds(gone->since), 9);
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/d", utc_from_seconds(6)), 0);
        assert_string_equal(gone->disk, "a/b/d");
        assert_false(utc_is_set(gone->first));
        assert_false(utc_is_set(gone->since));
        gone->first = utc_from_seconds(9);
        state_gone_end(&state, GEN1);
        assert_false(utc_is_set(gone->first));
        assert_string_equal(gone->disk, "a/b/d");

        state_gone_forget(&state, GEN1);
        assert_true(state.changed);
        assert_null(state_gone_find(&state, GEN1));
        assert_int_equal(utc_seconds(state_gone_find(&state, GEN2)->first), 5);
        assert_int_equal(state.n_gone, 1);
}

static void test_acks(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);

        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "last=3", 0, noon), 0);
        assert_true(state.changed);
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "Gold", "last=3"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gol", "last=3"));
        assert_false(state_is_acked(&state, _DOUBT_N, "gold", NULL));
        assert_int_equal(state_allowance(&state, "gold", noon), 0);

        /* A later one of the same kind and policy takes its place; others stand beside it. */
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "last=2", 0, noon), 0);
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "silver", "last=3", 0, noon), 0);
        assert_int_equal(state_ack(&state, _DOUBT_N, "gold", NULL, 0, noon), 0);
        assert_int_equal(state.n_acks, 3);
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "silver", "last=3"));
        assert_true(state_is_acked(&state, _DOUBT_N, "gold", NULL));

        /* What no tag can carry is not accepted, and takes nothing away. */
        state.changed = false;
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", X256 "x", 0, noon), -E2BIG);
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "", 0, noon), -E2BIG);
        assert_false(state.changed);
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));

        /* Forgotten, it takes no other with it. */
        state_ack_forget(&state, DOUBT_POLICY, "iron");
        assert_false(state.changed);
        state_ack_forget(&state, DOUBT_POLICY, "gold");
        assert_true(state.changed);
        assert_int_equal(state.n_acks, 2);
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "silver", "last=3"));
        assert_true(state_is_acked(&state, _DOUBT_N, "gold", NULL));
}

static void test_allowance(void **unused) {
        static const struct {
                int line;
                int64_t ticks; /* after the ack */
                uint64_t allowance;
        } rows[] = {
                {__LINE__, 0, 30},
                {__LINE__, -1, 0},
                {__LINE__, 1, 30},
                {__LINE__, SEC_PER_DAY * TICKS_PER_SEC, 30},
                {__LINE__, SEC_PER_DAY * TICKS_PER_SEC + 1, 0},
        };
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);

        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 500, noon), 0);
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 30, noon), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct utc now = {noon.ticks + rows[i].ticks};

                if (state_allowance(&state, "gold", now) != rows[i].allowance)
                        fail_msg("row at line %d", rows[i].line);
                assert_int_equal(state_allowance(&state, "silver", now), 0);
        }
}

/* One by one, while the ack counts; what comes back is no more than was taken. */
static void test_spent_allowance(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);
        const struct utc late = utc_add_seconds(noon, SEC_PER_DAY + 1);

        assert_false(state_spend_allowance(&state, "gold", noon));
        state_return_allowance(&state, "gold", noon);
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 2, noon), 0);
        assert_false(state_spend_allowance(&state, "silver", noon));
        assert_false(state_spend_allowance(&state, "gold", late));
        state.changed = false;
        assert_true(state_spend_allowance(&state, "gold", noon));
        assert_true(state.changed);
        assert_true(state_spend_allowance(&state, "gold", noon));
        assert_false(state_spend_allowance(&state, "gold", noon));
        assert_int_equal(state_allowance(&state, "gold", noon), 0);
        state.changed = false;
        state_return_allowance(&state, "gold", noon);
        assert_true(state.changed);
        assert_int_equal(state_allowance(&state, "gold", noon), 1);

        /* It was another ack's. */
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 5, late), 0);
        state_return_allowance(&state, "gold", noon);
        assert_int_equal(state_allowance(&state, "gold", late), 5);
}

/* All hours of one policy, and no other's. */
static void test_forgotten_deletions(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON),
                         old = utc_add_seconds(noon, -SEC_PER_DAY * 9);

        state_forget_deletions(&state, "gold");
        assert_false(state.changed);
        for (int hour = 0; hour < 3; hour++) {
                struct utc at = utc_add_seconds(noon, hour * SEC_PER_HOUR);

                assert_int_equal(state_count_deletions(&state, "gold", old, 2, at), 0);
                assert_int_equal(state_count_deletions(&state, "silver", old, 1, at), 0);
        }
        state.changed = false;
        state_forget_deletions(&state, "bronze");
        assert_false(state.changed);
        state_forget_deletions(&state, "gold");
        assert_true(state.changed);
        assert_int_equal(state.n_deletions, 3);
        assert_int_equal(
                state_deletions_since(&state, "gold", utc_add_seconds(noon, 2 * SEC_PER_HOUR)), 0);
        assert_int_equal(
                state_deletions_since(&state, "silver", utc_add_seconds(noon, 2 * SEC_PER_HOUR)),
                3);
}

static void test_deletions(void **unused) {
        /* Counted at 12:59:59 on day 0: the hour of 12. */
        static const struct {
                int line;
                int64_t seconds; /* since noon of day 0 */
                uint64_t count;
        } rows[] = {
                {__LINE__, 3599, 7},
                {__LINE__, 0, 7},
                {__LINE__, -1, 7}, /* a clock that went back a little */
                {__LINE__, SEC_PER_DAY, 7},
                {__LINE__, SEC_PER_DAY + 3599, 7}, /* the window begins in that hour */
                {__LINE__, SEC_PER_DAY + 3600, 0},
                {__LINE__, -SEC_PER_DAY, 7},
                {__LINE__, -SEC_PER_DAY - 1, 0}, /* one that was far ahead */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_deinit) struct state state = {};
                struct utc now = utc_from_seconds(NOON + rows[i].seconds);

                assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 3,
                                                       utc_from_seconds(NOON + 3599)),
                                 0);
                assert_int_equal(
                        state_count_deletions(&state, "gold", LONG_AGO, 4, utc_from_seconds(NOON)),
                        0);
                assert_int_equal(state.n_deletions, 1);
                if (state_deletions_since(&state, "gold", now) != rows[i].count)
                        fail_msg("row at line %d", rows[i].line);
                assert_int_equal(state_deletions_since(&state, "silver", now), 0);

                /* What has left the window is forgotten when it is asked for, and nothing else. */
                state.changed = false;
                assert_int_equal(state_count_deletions(&state, "silver", LONG_AGO, 0, now), 0);
                assert_int_equal(state.n_deletions, 1);
                state_expire_deletions(&state, now);
                assert_int_equal(state.n_deletions, rows[i].count ? 1 : 0);
                assert_int_equal(state.changed, rows[i].count == 0);
                assert_int_equal(state_count_deletions(&state, "silver", LONG_AGO, 1, now), 0);
                assert_true(state.changed);
                assert_int_equal(state_deletions_since(&state, "silver", now), 1);
                assert_int_equal(state_deletions_since(&state, "gold", now), rows[i].count);
        }
}

/* What was gained within the window and lost again is neither. */
static void test_deletions_of_young(void **unused) {
        static const struct {
                int line;
                int64_t age_s;   /* of the snapshot when it is deleted, at noon */
                int64_t after_s; /* the look, after noon */
                uint64_t count;
        } rows[] = {
                {__LINE__, DOUBT_MASS_GAIN_S, 0, 5},
                {__LINE__, DOUBT_MASS_GAIN_S - 1, 0, 5}, /* hours are told apart, no less */
                {__LINE__, SEC_PER_DAY, 0, 0},
                {__LINE__, SEC_PER_DAY, 3599, 0},
                {__LINE__, SEC_PER_DAY, 3600, 5}, /* by now it would no longer be gained */
                {__LINE__, 3600, 0, 0},
                {__LINE__, 3600, SEC_PER_DAY - 1, 0},
                {__LINE__, 3600, SEC_PER_DAY, 5},
                {__LINE__, 0, 0, 0},
                {__LINE__, 0, SEC_PER_DAY + 3599, 0},
                {__LINE__, 0, SEC_PER_DAY + 3600, 0}, /* the deletion has left the window */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_deinit) struct state state = {};
                const struct utc noon = utc_from_seconds(NOON);

                assert_int_equal(state_count_deletions(&state, "gold",
                                                       utc_add_seconds(noon, -rows[i].age_s), 5,
                                                       noon),
                                 0);
                if (state_deletions_since(&state, "gold", utc_add_seconds(noon, rows[i].after_s)) !=
                    rows[i].count)
                        fail_msg("row at line %d", rows[i].line);
        }
}

/* Of a snapshot that carries what no policy can be called, whoever wrote that: it counts for no policy, and would make
 * a file that the next start takes for damaged. */
static void test_deletions_of_no_policy(void **unused) {
        static const char *const names[] = {"",      "go ld",      "-gold", "g\xc3\xb6ld",
                                            "g\xc3", "gold\nlead", X64 "x"};
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {.changed = true}, again = {};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)state_count_deletions(&state, names[i], LONG_AGO, 1, utc_from_seconds(NOON));
        assert_int_equal(state_count_deletions(&state, X64, LONG_AGO, 1, utc_from_seconds(NOON)),
                         0);
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_int_equal(state_load(&m.store, &again), 0);
        assert_int_equal(again.n_deletions, 1);
}

/* Hours before 1970 are hours too. */
static void test_deletions_early(void **unused) {
        _cleanup_(state_deinit) struct state state = {};

        assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-1)),
                         0);
        assert_int_equal(
                state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-3600)), 0);
        assert_int_equal(
                state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-3601)), 0);
        assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(0)),
                         0);
        assert_int_equal(state.n_deletions, 3);
        assert_int_equal(state.deletions[0].hour, -2);
        assert_int_equal(state.deletions[1].hour, -1);
        assert_int_equal(state.deletions[1].count, 2);
        assert_int_equal(state.deletions[2].hour, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_acks),
                cmocka_unit_test(test_allowance),
                cmocka_unit_test(test_spent_allowance),
                cmocka_unit_test(test_forgotten_deletions),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_deletions),
                cmocka_unit_test(test_deletions_of_young),
                cmocka_unit_test(test_deletions_of_no_policy),
                cmocka_unit_test(test_deletions_early),
        };

        return cmocka_run_group_tests_name("state-answers", tests, NULL, NULL);
}
