/*
 * Retention, dates of death, plans and proofs while memory runs out: every allocation fails once,
 * alone and with all after it. Each time the answer is -ENOMEM, nothing was written, and nothing
 * leaks; what is said when nothing fails is said whole.
 */
#include "alloc-fixture.h"
#include "base/macros.h"
#include "core/proofs.h"
#include "view-fixture.h"
#include "zone-fixture.h"

static struct schedule_item item = {SCHEDULE_EVERY, SEC_PER_DAY, 0, NULL};
static struct schedule schedule = {&item, 1};
static const struct keep keep = {.count = {40, 9, 300, 3, 2, 1}, .within_s = 5};

static int run_judge(void) {
        struct retention_point points[3] = {{.state = POINT_COMPLETE}};
        struct verdict verdicts[3] = {{.kept_by = 77}, {.kept_by = 77}, {.kept_by = 77}};
        int r = retention_judge(points, 3, &keep, NULL, NULL, utc_from_seconds(9), verdicts);

        assert_true(r == 0 || verdicts[0].kept_by == 77);
        return r;
}

static int run_deaths(void) {
        struct retention_point points[3] = {{.state = POINT_COMPLETE}};
        struct retention_future future = {&schedule, 0, utc_from_seconds(9), UTC_NEVER};
        struct utc when = UTC_NONE;
        int r = retention_death(points, 3, 0, &keep, NULL, NULL, &future, &when);

        assert_int_equal(utc_is_set(when), r == 0);
        return r;
}

static struct policy_file *file;

static int run_proofs(void) {
        struct proofs *proofs = NULL;
        int r = proofs_run(file, NULL, utc_from_seconds(INT64_C(1795392000)), &proofs);

        if (r == 0)
                assert_int_equal(proofs->n_findings, 6);
        else
                assert_null(proofs);
        proofs_free(proofs);
        return r;
}

static void test_judge(void **state) {
        sweep(run_judge, 2);
}

static void test_deaths(void **state) {
        sweep(run_deaths, 8);
}

static void test_proofs(void **state) {
        struct resource_id disks[3] = {
                {RESOURCE_DISK, "0b1f6471-1bf0-4dda-aec3-cb9272f09590", "rg", "a"},
                {RESOURCE_DISK, "0b1f6471-1bf0-4dda-aec3-cb9272f09590", "rg", "a"},
                {RESOURCE_DISK, "0b1f6471-1bf0-4dda-aec3-cb9272f09590", "rg", "b"},
        };
        char name[] = "p", group[] = "rg", zone[] = "Europe/Stockholm";
        struct policy policy = {
                .name = name,
                .schedule = schedule,
                .has_keep = true,
                .keep = {.count = {500}},
                .zone_name = zone,
                .zone = zone_fixture(ZONE_STOCKHOLM),
                .rpo_s = 3600,
                .snapshot_group = group,
                .prune = PRUNE_AUTO,
        };
        struct target target = {.disks = disks, .n_disks = 3};
        struct policy_file all = {.policies = &policy,
                                  .n_policies = 1,
                                  .targets = &target,
                                  .n_targets = 1,
                                  .api_share_permille = 500};

        /* The rpo, catch_up, the drift, the peak, a disk twice, its own group. */
        file = &all;
        sweep(run_proofs, 20);
        zone_free((struct zone *)(uintptr_t)policy.zone);
}

static struct fixture world;
static struct standing standing;

/* One of each kind of action and finding, and every doubt that takes memory to see. */
static int run_planner(void) {
        struct plan *plan = NULL;
        struct action copy;
        int r = planner_run(&world.file, &world.view, &standing, utc_from_seconds(NOW + 9), &plan);

        if (r < 0) {
                assert_null(plan);
                return r;
        }
        assert_int_equal(plan->n_actions, 6);
        assert_int_equal(plan->n_findings, 4);
        assert_int_equal(plan->n_survivors, 2);
        assert_string_equal(plan->actions[0].accepted, "last=9;pick=first;zone=UTC");
        assert_true(plan->series[0].doubts & DOUBT_BIT(DOUBT_PEER));
        r = action_copy(&plan->actions[0], &copy);
        if (r == 0) {
                assert_string_equal(copy.accepted, plan->actions[0].accepted);
                assert_string_equal(copy.location, "westeurope");
                assert_string_not_equal(copy.reason, "");
                action_deinit(&copy);
        }
        plan_free(plan);
        return r;
}

static void test_planner(void **state) {
        struct generation_standing known[2] = {
                {.generation = GENERATION_1, .gone_since = UTC_NONE},
                {.generation = GENERATION_2, .gone_since = utc_from_seconds(1)},
        };
        struct fixture *f = &world;

        setup(f);
        f->policy.gone = GONE_APPLY;
        f->policy.jitter_s = 5;
        for (int64_t i = 0; i < 10; i++)
                add(f, i < 6 ? i + 1 : 20 + i, ROW_COMPLETE)->keep = keep_number(
                        f, i == 1 ? "last=8;pick=first;zone=UTC" : "last=9;pick=first;zone=UTC");
        for (size_t i = 6; i < 10; i++)
                f->rows[i].generation = number(f, GENERATION_2);
        f->rows[9].group = number(f, "rg-other");
        f->rows[5].keep = 0;
        /* Of six three go, and two failed ones; of the gone disk's three in the group none. */
        f->rows[0].flags |= ROW_MOVED;
        add(f, 8 * SEC_PER_DAY / EVERY, ROW_FAILED);
        add(f, 9 * SEC_PER_DAY / EVERY, ROW_FAILED);
        add(f, -9, ROW_COMPLETE);
        add(f, 11, ROW_COMPLETE)->flags &= (uint16_t)~ROW_NAMED;
        f->orphan = (struct orphan){.generation = number(f, GENERATION_2),
                                    .disk = number(f, SUBSCRIPTION "/rg-app/x")};
        f->n_orphans = 1;
        f->policy.min_keep = 2;
        standing = (struct standing){.generations = known, .n_generations = 2};
        view_make(f);
        standing.failures = f->failures;
        standing.n_failures = 2;
        sweep(run_planner, 20);
        teardown(f);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judge),
                cmocka_unit_test(test_deaths),
                cmocka_unit_test(test_planner),
                cmocka_unit_test(test_proofs),
        };

        return cmocka_run_group_tests_name("retention-alloc", tests, NULL, NULL);
}
