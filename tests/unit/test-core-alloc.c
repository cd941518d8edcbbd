/*
 * What else core allocates, while memory runs out (test-retention-alloc.c has the common ways): files
 * of an unusual kind, explanations, calendars and zones.
 */
#include "alloc-fixture.h"
#include "base/macros.h"
#include "core/calendar.h"
#include "core/proofs.h"
#include "core/zone.h"
#include "view-fixture.h"
#include "zone-file.h"

static struct fixture world;
static struct standing standing;

/* ---- plans ---- */

static struct resource_id named[2];
static struct generation_standing known;

/* Plans, and goes on with the plan five minutes later; neither leaves half a plan behind. */
static int run_planner(void) {
        struct plan *plan = NULL;
        int r = planner_run(&world.file, &world.view, &standing, utc_from_seconds(NOW + 9), &plan);

        if (r < 0) {
                assert_null(plan);
                return r;
        }
        assert_int_equal(plan->n_series, 2);
        r = planner_advance(&world.file, &world.view, &standing, utc_from_seconds(NOW + EVERY + 9),
                            plan);
        if (r == 0)
                assert_int_equal(plan->actions[0].kind, ACTION_CREATE);
        plan_free(plan);
        return r;
}

/* A disk by its id, with jitter, and one that is missing; a disk that is gone and frozen. */
static void test_planner(void **state) {
        struct fixture *f = &world;

        setup(f);
        named[0] = (struct resource_id){RESOURCE_DISK, SUBSCRIPTION, "rg-app", "db01"};
        named[1] = (struct resource_id){RESOURCE_DISK, SUBSCRIPTION, "rg-app", "db99"};
        f->target.disks = named;
        f->target.n_disks = 2;
        f->policy.jitter_s = 5;
        add(f, 0, ROW_COMPLETE);
        for (int64_t i = 1; i < 4; i++) {
                struct snapshot_row *row = add(f, i, ROW_COMPLETE);

                row->generation = number(f, GENERATION_2);
                row->keep = keep_number(f, i == 2 ? "last=8;pick=first;zone=UTC"
                                                  : "last=9;pick=first;zone=UTC");
        }
        f->orphan = (struct orphan){.generation = number(f, GENERATION_2),
                                    .disk = number(f, SUBSCRIPTION "/rg-app/x")};
        f->n_orphans = 1;
        known = (struct generation_standing){.generation = GENERATION_2,
                                             .gone_since = utc_from_seconds(NOW)};
        standing = (struct standing){.generations = &known, .n_generations = 1};
        view_make(f);
        sweep(run_planner, 20);
        teardown(f);
}

/* Retired, and so to its end. */
static int run_retired(void) {
        struct plan *plan = NULL;
        int r = planner_run(&world.file, &world.view, &standing, utc_from_seconds(NOW + 9), &plan);

        assert_int_equal(plan != NULL, r == 0);
        if (r == 0) {
                assert_int_equal(plan->n_actions, 3);
                assert_true(plan->actions[0].retired);
        }
        plan_free(plan);
        return r;
}

static void test_retired(void **state) {
        struct fixture *f = &world;
        struct guid ids[3];

        setup(f);
        f->n_disks = 0;
        for (int64_t i = 1; i < 4; i++)
                add(f, i, ROW_COMPLETE);
        for (size_t i = 0; i < f->n; i++)
                ids[i] = f->rows[i].unique_id;
        guids_sort(ids, f->n);
        known = (struct generation_standing){.generation = GENERATION_1,
                                             .gone_since = UTC_NONE,
                                             .retired = ids,
                                             .n_retired = f->n};
        standing = (struct standing){.generations = &known, .n_generations = 1};
        view_make(f);
        sweep(run_retired, 5);
        teardown(f);
}

/* ---- dates of death ---- */

/* Kept by the floor alone, until so many have come after it. */
static int run_death(void) {
        static struct schedule_item item = {SCHEDULE_EVERY, SEC_PER_DAY, 0, NULL};
        static const struct schedule schedule = {&item, 1};
        static const struct keep keep = {.within_s = 1};
        const struct retention_point points[2] = {
                {utc_from_seconds(1), utc_from_seconds(1), POINT_COMPLETE},
                {utc_from_seconds(5), utc_from_seconds(5), POINT_COMPLETE},
        };
        const struct retention_floors floors = {.min_keep = 40};
        const struct retention_future future = {&schedule, 0, utc_from_seconds(9), UTC_NEVER};
        struct utc when = UTC_NONE;
        int r = retention_death(points, 2, 0, &keep, NULL, &floors, &future, &when);

        assert_int_equal(utc_seconds(when), r == 0 ? 39 * SEC_PER_DAY : utc_seconds(UTC_NONE));
        return r;
}

static void test_death(void **state) {
        sweep(run_death, 4);
}

/* ---- explanations ---- */

static int run_explainer(void) {
        struct explainer *e = NULL;
        struct explained_series series = {};
        struct explained_row what;
        struct strbuf reasons = {};
        struct utc death;
        int r = explainer_new(&world.file, &world.view, utc_from_seconds(NOW + 9), &e);

        if (r < 0) {
                assert_null(e);
                return r;
        }
        r = explainer_series(e, 0, &world.disks[0], &series);
        assert_int_equal(series.n, r == 0 ? 5 : 0);
        if (r == 0) {
                explainer_row(e, &world.view.snapshots[0], &what);
                r = explainer_backup(e, &what, &world.view.snapshots[0], &reasons, &death);
                r = r ?: reasons.error;
        }
        strbuf_deinit(&reasons);
        explainer_free(e);
        return r;
}

static void test_explainer(void **state) {
        struct fixture *f = &world;

        setup(f);
        f->policy.jitter_s = 5;
        for (int64_t i = 0; i < 5; i++)
                add(f, i, ROW_COMPLETE);
        add_backup(f, 10, ROW_COMPLETE, "20270101T000000Z");
        view_make(f);
        sweep(run_explainer, 12);
        teardown(f);
}

/* ---- proofs ---- */

static const struct policy_file *file;
static size_t n_findings;

static int run_proofs(void) {
        static const struct proof_fleet fleet = {.disks_per_match = 9000};
        struct proofs *proofs = NULL;
        int r = proofs_run(file, &fleet, utc_from_seconds(NOW), &proofs);

        assert_int_equal(proofs != NULL, r == 0);
        if (r == 0)
                assert_int_equal(proofs->n_findings, n_findings);
        proofs_free(proofs);
        return r;
}

/* Every kind of finding that takes memory of its own to tell. */
static void test_proofs(void **state) {
        struct schedule_item items[] = {
                {.kind = SCHEDULE_CALENDAR},
                {.kind = SCHEDULE_CALENDAR},
        };
        struct fixture *f = &world;

        assert_int_equal(calendar_parse("*-02-30", 7, &items[0].calendar, NULL, NULL), 0);
        assert_int_equal(calendar_parse("*-*-* 2:30", 10, &items[1].calendar, NULL, NULL), 0);
        setup(f);
        f->policy.schedule = (struct schedule){items, 2};
        f->file.api_share_permille = 500;
        file = &f->file;
        n_findings = 1; /* an item never elapses */
        sweep(run_proofs, 9);

        /* Slots that end; then what the fleet comes to: too many at once, for the rpo too. */
        calendar_free(items[0].calendar);
        assert_int_equal(calendar_parse("2027-01-01", 10, &items[0].calendar, NULL, NULL), 0);
        f->policy.schedule.n = 1;
        sweep(run_proofs, 9);
        f->policy.schedule = (struct schedule){&f->item, 1};
        f->policy.rpo_s = EVERY + 60;
        n_findings = 2;
        sweep(run_proofs, 9);
        for (size_t i = 0; i < ARRAY_SIZE(items); i++)
                calendar_free(items[i].calendar);
        teardown(f);
}

static int run_peak(void) {
        uint64_t peak = 77;
        int r = proof_peak(&world.policy, utc_from_seconds(NOW), &peak);

        assert_int_equal(peak, r == 0 ? 4 : 77);
        return r;
}

static void test_peak(void **state) {
        setup(&world);
        sweep(run_peak, 1);
        teardown(&world);
}

/* ---- texts and files ---- */

static const char *expression;

static int run_calendar(void) {
        struct calendar *calendar = NULL;
        int r = calendar_parse(expression, strlen(expression), &calendar, NULL, NULL);

        assert_int_equal(calendar != NULL, r == 0);
        calendar_free(calendar);
        return r;
}

static void test_calendar(void **state) {
        static const char *const expressions[] = {
                "@1395716396",
                "Mon",
                "Mon,Wed..Fri *-*-1,15 8..18/2:00,30:15 Europe/Stockholm",
                "*-*~3/1 2:30 UTC",
                "daily",
        };

        for (size_t i = 0; i < ARRAY_SIZE(expressions); i++) {
                expression = expressions[i];
                sweep(run_calendar, 1);
        }
}

static int run_zone(void) {
        struct file f = file_make(some_transitions, 2, some_types, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
        struct zone *zone = NULL;
        int r = zone_parse(f.bytes, f.len, "Europe/Stockholm", &zone);

        assert_int_equal(zone != NULL, r == 0);
        zone_free(zone);
        return r;
}

static void test_zone(void **state) {
        sweep(run_zone, 2);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_planner),  cmocka_unit_test(test_retired),
                cmocka_unit_test(test_death),    cmocka_unit_test(test_explainer),
                cmocka_unit_test(test_proofs),   cmocka_unit_test(test_peak),
                cmocka_unit_test(test_calendar), cmocka_unit_test(test_zone),
        };

        return cmocka_run_group_tests_name("core-alloc", tests, NULL, NULL);
}
