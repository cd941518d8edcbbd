/*
 * What the state remembers of targets and the sizes of their fleets; and the whole state without memory:
 * each allocation fails once, and nothing is half-done.
 */
#include "state-fixture.h"

static char gold[] = "gold", silver[] = "silver";
static char sub_a[] = "00000000-0000-0000-0000-00000000000a",
            sub_b[] = "00000000-0000-0000-0000-00000000000b";
static char rg_1[] = "rg-1*", rg_1_upper[] = "RG-1*", rg_2[] = "rg-2";
static char tier[] = "tier", tier_upper[] = "Tier", app[] = "app", one[] = "1", a[] = "a",
            a_upper[] = "A", ab[] = "ab", b1[] = "b 1", empty[] = "";
static char *groups_12[] = {rg_1, rg_2}, *groups_21[] = {rg_2, rg_1_upper}, *groups_1[] = {rg_1};
static struct policy_tag tags_ta[] = {{tier, a}, {app, one}},
                         tags_at[] = {{app, one}, {tier_upper, a}},
                         tags_other[] = {{tier, a_upper}, {app, one}}, tags_ab[] = {{ab, one}},
                         tags_a_b1[] = {{a, b1}}, tags_a[] = {{a, empty}};
static struct resource_id disks[] = {
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "rg", "d1"},
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "rg", "d2"},
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "RG", "D1"},
};

/* Targets of one number select the same, those of others do not. */
static const struct {
        int line;
        int number;
        struct target target;
} key_rows[] = {
        {__LINE__, 0, {.policy = 0, .subscription = sub_a}},
        {__LINE__, 0, {.policy = 0, .subscription = sub_a, .expect = 5}},
        {__LINE__, 1, {.policy = 1, .subscription = sub_a}},
        {__LINE__, 2, {.policy = 0, .subscription = sub_b}},
        {__LINE__, 3, {.policy = 0, .subscription = sub_a, .groups = groups_12, .n_groups = 2}},
        {__LINE__, 3, {.policy = 0, .subscription = sub_a, .groups = groups_21, .n_groups = 2}},
        {__LINE__, 4, {.policy = 0, .subscription = sub_a, .groups = groups_1, .n_groups = 1}},
        {__LINE__, 5, {.policy = 0, .subscription = sub_a, .tags = {tags_ta, 2}}},
        {__LINE__, 5, {.policy = 0, .subscription = sub_a, .tags = {tags_at, 2}}},
        {__LINE__, 6, {.policy = 0, .subscription = sub_a, .tags = {tags_other, 2}}},
        {__LINE__, 7, {.policy = 0, .subscription = sub_a, .except_tags = {tags_ta, 2}}},
        {__LINE__, 8, {.policy = 0, .subscription = sub_a, .tags = {tags_ab, 1}}},
        {__LINE__, 9, {.policy = 0, .subscription = sub_a, .tags = {tags_a_b1, 1}}},
        {__LINE__, 10, {.policy = 0, .subscription = sub_a, .tags = {tags_a, 1}}},
        {__LINE__, 11, {.policy = 0, .disks = &disks[0], .n_disks = 1}},
        {__LINE__, 11, {.policy = 0, .disks = &disks[2], .n_disks = 1}},
        {__LINE__, 12, {.policy = 0, .disks = &disks[0], .n_disks = 2}},
        {__LINE__, 12, {.policy = 0, .disks = &disks[1], .n_disks = 2}},
        {__LINE__, 13, {.policy = 0, .disks = &disks[1], .n_disks = 1}},
};

static int key_of(size_t row, char key[static 17]) {
        struct policy policies[] = {{.name = gold}, {.name = silver}};
        struct target targets[] = {{.policy = 1}, key_rows[row].target};
        const struct policy_file file = {
                .policies = policies, .n_policies = 2, .targets = targets, .n_targets = 2};

        return target_key(&file, 1, file.policies[file.targets[1].policy].name, key);
}

static void test_target_keys(void **unused) {
        for (size_t i = 0; i < ARRAY_SIZE(key_rows); i++) {
                char key[17], other[17];

                assert_int_equal(key_of(i, key), 0);
                assert_int_equal(strspn(key, "0123456789abcdef"), 16);
                assert_int_equal(key[16], '\0');
                for (size_t j = 0; j < i; j++) {
                        assert_int_equal(key_of(j, other), 0);
                        if ((key_rows[i].number == key_rows[j].number) != !strcmp(key, other))
                                fail_msg("rows at lines %d and %d", key_rows[i].line,
                                         key_rows[j].line);
                }
        }
}

/* What one key has is another's, in order; what that one has of its own it keeps. */
static void test_fleet_renamed(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        static const char *const keys[] = {"5555555555555555", "1111111111111111",
                                           "3333333333333333"};
        struct state_fleet *fleet;

        for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
                assert_int_equal(state_fleet_get(&state, keys[i], &fleet), 0);
                fleet->fleet.missing_from = i + 1;
        }
        state.changed = false;
        state_fleet_rename(&state, "2222222222222222", "4444444444444444");
        state_fleet_rename(&state, keys[0], keys[1]);
        assert_false(state.changed);
        assert_int_equal(state.n_fleets, 3);

        state_fleet_rename(&state, keys[1], "9999999999999999");
        assert_true(state.changed);
        state_fleet_rename(&state, keys[0], "2222222222222222");
        assert_int_equal(state.n_fleets, 3);
        assert_string_equal(state.fleets[0].key, "2222222222222222");
        assert_int_equal(state.fleets[0].fleet.missing_from, 1);
        assert_string_equal(state.fleets[1].key, keys[2]);
        assert_int_equal(state.fleets[1].fleet.missing_from, 3);
        assert_string_equal(state.fleets[2].key, "9999999999999999");
        assert_int_equal(state.fleets[2].fleet.missing_from, 2);
}

/* Runs @fn with the first, the second, ... allocation failing until none does. */
static unsigned sweep(int (*fn)(void)) {
        for (unsigned n = 0;; n++) {
                int r;

                countdown = n;
                failed = false;
                r = fn();
                countdown = -1;
                if (!failed) {
                        assert_int_equal(r, 0);
                        return n;
                }
                if (r != -ENOMEM)
                        fail_msg("allocation %u: %d", n, r);
        }
}

/* What the tests of one act begin with. */
static struct state sample;
static struct strbuf sample_file;

static int run_load(void) {
        struct memory_store m = MEMORY_STORE;
        struct state state;
        int r;

        put(&m, sample_file.data, sample_file.len);
        r = state_load(&m.store, &state);
        state.unread = false;
        if (r != 0)
                assert_empty(&state);
        state_deinit(&state);
        memory_store_deinit(&m);
        return r;
}

static int run_save(void) {
        struct memory_store m = MEMORY_STORE;
        int r;

        sample.changed = true;
        r = state_save(&sample, &m.store);
        assert_int_equal(sample.changed, r != 0);
        assert_int_equal(m.writes, r == 0);
        memory_store_deinit(&m);
        return r;
}

static int run_ack(void) {
        struct state state = {};
        int r;

        r = state_ack(&state, DOUBT_POLICY, "gold", "last=1", 0, utc_from_seconds(NOON));
        assert_int_equal(state.n_acks, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_ack_again(void) {
        int r;

        r = state_ack(&sample, DOUBT_POLICY, "gold", "last=1", 0, utc_from_seconds(NOON));
        if (r != 0)
                assert_true(state_is_acked(&sample, DOUBT_POLICY, "gold", "last=3, \"x\""));
        return r;
}

static int run_gone(void) {
        struct state state = {};
        struct state_gone *gone;
        int r;

        r = state_gone_get(&state, GEN1, &gone);
        assert_int_equal(state.changed, r == 0);
        r = r ?: state_gone_see(&state, GEN1, "a/b/c", utc_from_seconds(5));
        state_deinit(&state);
        return r;
}

static int run_unselected(void) {
        struct state state = {};
        int r;

        r = state_unselected_note(&state, GEN1, "gold");
        assert_int_equal(state.n_unselected, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_fleet(void) {
        struct state state = {};
        struct state_fleet *fleet;
        int r;

        r = state_fleet_get(&state, KEY1, &fleet);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_count(void) {
        struct state state = {};
        int r;

        r = state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(NOON));
        assert_int_equal(state.n_deletions, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_rule(void) {
        struct state state = {};
        int r;

        r = state_rule_set(&state, "gold", "last=3", 1);
        assert_int_equal(state.n_rules, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_key(void) {
        char key[17];

        return key_of(12, key);
}

static int run_key_of_tags(void) {
        char key[17];

        return key_of(7, key);
}

static void test_sweep(void **unused) {
        static const struct {
                int line;
                int (*fn)(void);
                unsigned least; /* allocations: a sweep over none proves nothing */
        } rows[] = {
                {__LINE__, run_load, 45},      {__LINE__, run_save, 3},
                {__LINE__, run_ack, 3},        {__LINE__, run_gone, 2},
                {__LINE__, run_unselected, 2}, {__LINE__, run_fleet, 1},
                {__LINE__, run_count, 2},      {__LINE__, run_rule, 2},
                {__LINE__, run_key, 5},        {__LINE__, run_key_of_tags, 7},
                {__LINE__, run_ack_again, 2},
        };

        fill(&sample, false);
        seal(full_file, strlen(full_file), &sample_file);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned n = sweep(rows[i].fn);

                if (n < rows[i].least)
                        fail_msg("row at line %d: %u", rows[i].line, n);
        }
        state_deinit(&sample);
        strbuf_deinit(&sample_file);
}

/* Of targets that are edited again and again nothing is kept for ever: the ceiling would stop the doubt. */
static void test_fleets_expire(void **state_) {
        static char keys[][17] = {"0000000000000001"};
        const struct utc then = utc_from_seconds(INT64_C(1793577600)),
                         later = utc_add_seconds(then, STATE_FLEET_DAYS * SEC_PER_DAY);
        struct state_fleet *fleet;
        struct state state = {};

        for (int i = 1; i <= 3; i++) {
                char key[17];

                snprintf(key, sizeof(key), "%016d", i);
                assert_int_equal(state_fleet_get(&state, key, &fleet), 0);
                fleet_see(&fleet->fleet, 12, i == 3 ? utc_add_seconds(then, SEC_PER_DAY) : then);
        }
        state.changed = false;
        state_expire_fleets(&state, keys, 1, later);
        assert_int_equal(state.n_fleets, 3);
        assert_false(state.changed);
        state_expire_fleets(&state, keys, 1, utc_add_seconds(later, SEC_PER_DAY));
        assert_true(state.changed);
        assert_int_equal(state.n_fleets, 2);
        assert_string_equal(state.fleets[0].key, "0000000000000001");
        assert_string_equal(state.fleets[1].key, "0000000000000003");
        state_deinit(&state);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_target_keys),
                cmocka_unit_test(test_fleet_renamed),
                cmocka_unit_test(test_fleets_expire),
                cmocka_unit_test(test_sweep),
        };

        return cmocka_run_group_tests_name("state-fleets", tests, NULL, NULL);
}
