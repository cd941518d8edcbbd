/*
 * A planner of ours that is wrong: what it would have deleted stays, and people are told.
 */
#include "engine-fixture.h"

#define SNAPSHOTS 8

int __real_planner_run(const struct policy_file *file, const struct world_view *view,
                       const struct standing *standing, struct utc now, struct plan **ret_plan);
int __wrap_planner_run(const struct policy_file *file, const struct world_view *view,
                       const struct standing *standing, struct utc now, struct plan **ret_plan);

static bool is_wrong; /* the newest one goes in place of another */

int __wrap_planner_run(const struct policy_file *file, const struct world_view *view,
                       const struct standing *standing, struct utc now, struct plan **ret_plan) {
        int r;

        r = __real_planner_run(file, view, standing, now, ret_plan);
        for (size_t i = 0; r == 0 && is_wrong && i < (*ret_plan)->n_actions; i++) {
                struct action *action = &(*ret_plan)->actions[i];
                const struct snapshot_row *newest = &view->snapshots[view->n_snapshots - 1];

                if (action->kind != ACTION_DELETE)
                        continue;
                snapshot_row_name(view, newest, action->name);
                action->unique_id = newest->unique_id;
                action->time_created = newest->time_created;
                action->tag_hash = newest->tag_hash;
                action->slot = newest->slot;
                break;
        }
        return r;
}

static uint32_t bits;

static void see_doubt(const struct engine_doubt *doubt, void *data) {
        bits |= doubt->bit;
}

static uint32_t doubts(void) {
        bits = 0;
        engine_doubts(f.engine, see_doubt, NULL);
        return bits;
}

static void begin(void) {
        fixture_init();
        f.item.period_s = 3600;
        for (int i = SNAPSHOTS; i > 0; i--)
                snap_add_ours(START_S - 2 * SEC_PER_DAY - i * EVERY_S);
        snap_add_ours(START_S);
}

/* Nothing of the generation is deleted until a restart; what it takes goes on, and sweeps do as well. */
static void test_wrong_plan(void **state) {
        size_t gets;

        begin();
        is_wrong = true;
        engine_begin();
        engine_pass(4 * 3600);
        assert_true(
                said("is broken (the newest would go), nothing of it is deleted until a restart"));
        assert_true(doubts() & DOUBT_BIT(DOUBT_INTERNAL));
        assert_int_equal(engine_counts(f.engine)->invariants_broken, 1);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_true(f.requests[HTTP_PUT] > 0);

        /* Each sweep would find it again: it is no reason to sweep at once. */
        gets = f.requests[HTTP_GET];
        engine_pass(4 * 3600);
        assert_true(f.requests[HTTP_GET] - gets < 200);

        is_wrong = false;
        engine_pass(4 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();

        engine_begin();
        engine_pass(4 * 3600);
        assert_false(doubts() & DOUBT_BIT(DOUBT_INTERNAL));
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_plan),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
