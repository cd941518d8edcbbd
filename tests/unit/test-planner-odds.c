/*
 * The planner where a policy file is not of the usual kind: disks by their ids and in other
 * subscriptions, schedules that end, demos, tags of one's own, names that two policies claim.
 */
#include "base/macros.h"
#include "core/adopt.h"
#include "core/calendar.h"
#include "core/planner.h"
#include "core/targets.h"

#include "view-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OTHER_SUBSCRIPTION "11111111-1111-4111-8111-111111111112"

static void run(struct fixture *f, const struct standing *standing, int64_t now) {
        view_make(f);
        f->plan = plan_free(f->plan);
        assert_int_equal(planner_run(&f->file, &f->view, standing, utc_from_seconds(now), &f->plan),
                         0);
}

static size_t found(const struct fixture *f, enum finding_kind kind) {
        for (size_t i = 0; i < f->plan->n_findings; i++)
                if (f->plan->findings[i].kind == kind)
                        return f->plan->findings[i].count;
        return 0;
}

static struct resource_id disk_id(const char *subscription, const char *group, const char *name) {
        struct resource_id id = {.type = RESOURCE_DISK};

        strcpy(id.subscription, subscription);
        strcpy(id.group, group);
        strcpy(id.name, name);
        return id;
}

/* A target that names disks: the case of names does not matter, the subscription does; what is not
 * listed is missing, once and not in every subscription. What the planner plans the explainer has as
 * ours, and the other way around. */
static void test_named(void **state) {
        static const struct {
                int line;
                const char *subscription, *group, *name;
                size_t series, missing;
        } rows[] = {
                {__LINE__, SUBSCRIPTION, "rg-app", "db01", 1, 0},
                {__LINE__, SUBSCRIPTION, "RG-App", "DB01", 1, 0},
                {__LINE__, SUBSCRIPTION, "rg-app", "db02", 0, 1},
                {__LINE__, SUBSCRIPTION, "rg-db", "db01", 0, 1},
                {__LINE__, OTHER_SUBSCRIPTION, "rg-app", "db01", 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct resource_id ids[2] = {
                        disk_id(OTHER_SUBSCRIPTION, "rg-app", "db01"),
                        disk_id(rows[i].subscription, rows[i].group, rows[i].name),
                };
                struct explained_row what;
                struct fixture f;

                setup(&f);
                add(&f, 0, ROW_COMPLETE);
                f.target = (struct target){.disks = &ids[1], .n_disks = 1};
                run(&f, NULL, NOW + 9);
                assert_int_equal(f.plan->n_series, rows[i].series);
                f.target = (struct target){.disks = ids, .n_disks = 2};
                run(&f, NULL, NOW + 9);
                if (f.plan->n_series != rows[i].series ||
                    found(&f, FINDING_DISK_MISSING) != rows[i].missing ||
                    found(&f, FINDING_UNCLAIMED) != (rows[i].series ? 0 : 1))
                        fail_msg("row at line %d: %zu series, %zu missing", rows[i].line,
                                 f.plan->n_series, found(&f, FINDING_DISK_MISSING));

                assert_int_equal(
                        explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                        0);
                explainer_row(f.explainer, &f.rows[0], &what);
                if (what.kind != (rows[i].series ? EXPLAIN_OURS : EXPLAIN_UNCLAIMED) ||
                    what.why != (rows[i].series ? 0 : EXPLAIN_NO_TARGET))
                        fail_msg("row at line %d: explained %d, %x", rows[i].line, what.kind,
                                 what.why);
                teardown(&f);
        }
}

/* Each of many is found by its id, and none that is not there. */
static void test_found_of_many(void **state) {
        enum {
                MANY = 40
        };
        struct disk_row disks[MANY];
        struct fixture f;
        char name[16];

        setup(&f);
        for (size_t i = 0; i < MANY; i++) {
                disks[i] = f.disks[0];
                disks[i].group = number(&f, i < MANY / 2 ? "rg-app" : "RG-db");
                snprintf(name, sizeof(name), "db%02zu", i % (MANY / 2) * 2);
                disks[i].name = number(&f, name);
        }
        view_make(&f);
        f.view.disks = disks;
        for (size_t n = 0; n <= MANY; n++) {
                f.view.n_disks = n;
                for (size_t i = 0; i < MANY; i++) {
                        const char *group = i < MANY / 2 ? "RG-APP" : "rg-db";

                        snprintf(name, sizeof(name), "DB%02zu", i % (MANY / 2) * 2);
                        assert_ptr_equal(view_find_disk(&f.view, group, name),
                                         i < n ? &disks[i] : NULL);
                        snprintf(name, sizeof(name), "db%02zu", i % (MANY / 2) * 2 + 1);
                        assert_null(view_find_disk(&f.view, group, name));
                }
        }
        teardown(&f);
}

/* Another policy's target does not select for this one; nor does a tag whose name is as long. */
static void test_not_selected(void **state) {
        struct policy_tag tag = {text("backuq"), text("gold")};
        char *groups[] = {text("rg-db"), text("rg-app")};
        struct explained_row what;
        struct policy two[2];
        struct fixture f;

        setup(&f);
        two[0] = f.policy;
        two[1] = f.policy;
        two[1].name = text("silver");
        f.file.policies = two;
        f.file.n_policies = 2;
        f.target.policy = 1;
        add(&f, 0, ROW_COMPLETE);
        run(&f, NULL, NOW + 9);
        assert_int_equal(f.plan->n_series, 1);
        assert_int_equal(f.plan->series[0].policy, 1);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 1);
        assert_int_equal(explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                         0);
        explainer_row(f.explainer, &f.rows[0], &what);
        assert_int_equal(what.kind, EXPLAIN_UNCLAIMED);
        assert_int_equal(what.why, EXPLAIN_NO_TARGET);

        /* The second of the groups is the disk's. */
        f.target.policy = 0;
        f.target.groups = groups;
        f.target.n_groups = 2;
        run(&f, NULL, NOW + 9);
        assert_int_equal(f.plan->n_series, 1);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 0);

        f.target.tags = (struct policy_tags){&tag, 1};
        run(&f, NULL, NOW + 9);
        assert_int_equal(f.plan->n_series, 0);
        teardown(&f);
}

/* A schedule of which no slot is to come: what is due is made, and then nothing is waited for. */
static void test_last_slot(void **state) {
        struct schedule_item item = {.kind = SCHEDULE_CALENDAR};
        struct fixture f;

        assert_int_equal(calendar_parse("2026-11-23 02:15", 16, &item.calendar, NULL, NULL), 0);
        setup(&f);
        f.policy.schedule.items = &item;
        run(&f, NULL, NOW - 9);
        assert_int_equal(f.plan->n_actions, 0);
        assert_int_equal(utc_seconds(f.plan->next), NOW);
        run(&f, NULL, NOW + 9);
        assert_int_equal(f.plan->n_actions, 1);
        assert_int_equal(utc_seconds(f.plan->actions[0].slot), NOW);
        assert_int_equal(f.plan->series[0].next.ticks, UTC_NEVER.ticks);

        add(&f, 0, ROW_COMPLETE);
        run(&f, NULL, NOW + 9);
        assert_int_equal(f.plan->n_actions, 0);
        assert_int_equal(f.plan->next.ticks, UTC_NEVER.ticks);
        calendar_free(item.calendar);
        teardown(&f);
}

/* Azure's seven in five minutes are none of azure-sim's, where a demo makes one a second. */
static void test_demo(void **state) {
        struct fixture f;

        for (int demo = 0; demo < 2; demo++) {
                setup(&f);
                f.file.demo = demo;
                f.policy.prune = PRUNE_OFF;
                for (int64_t i = 0; i < CHAIN_BURST_MAX; i++)
                        add(&f, 1 + i, ROW_COMPLETE)->time_created = utc_from_seconds(NOW - i);
                run(&f, NULL, NOW + 9);
                assert_int_equal(f.plan->n_actions, 1);
                assert_int_equal(f.plan->actions[0].blocked, demo ? 0 : BLOCK_BURST);
                teardown(&f);
        }
}

/* The tags of the policy come after ours, as they are written. */
static void test_own_tags(void **state) {
        static const char last[] = "owner-team\0platform\0cost\0";
        struct policy_tag tags[] = {
                {text("owner-team"), text("platform")},
                {text("cost"), text("")},
        };
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct fixture f;

        setup(&f);
        f.policy.tags = (struct policy_tags){tags, 2};
        run(&f, NULL, NOW + 9);
        action_tags(&f.file, &f.plan->actions[0], false, &out);
        assert_int_equal(out.error, 0);
        assert_true(out.len > sizeof(last));
        assert_memory_equal(out.data + out.len - sizeof(last), last, sizeof(last));
        teardown(&f);
}

/* Two policies that claim one name, which config refuses: of a disk that is gone, too, a snapshot is
 * judged once. */
static void test_claimed_twice(void **state) {
        static char *formerly[] = {NULL};
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(NOW - SEC_PER_DAY)};
        struct standing standing = {.generations = &known, .n_generations = 1};
        struct policy two[2];
        struct target targets[2];
        struct fixture f;

        formerly[0] = text("gold");
        setup(&f);
        two[0] = f.policy;
        two[0].gone = GONE_APPLY;
        two[0].freeze_s = 0;
        two[1] = two[0];
        two[1].name = text("silver");
        two[1].formerly = formerly;
        two[1].n_formerly = 1;
        targets[0] = targets[1] = f.target;
        targets[1].policy = 1;
        f.file.policies = two;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 2;
        f.n_disks = 0;
        f.orphan = (struct orphan){.generation = number(&f, GENERATION_1),
                                   .disk = number(&f, SUBSCRIPTION "/rg-app/x")};
        f.n_orphans = 1;
        for (int64_t i = 0; i < 6; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, &standing, NOW + 9);
        assert_int_equal(f.plan->n_series, 2);
        assert_int_equal(f.plan->n_actions, 3);
        assert_int_equal(f.plan->policies[0].complete, 6);
        assert_int_equal(f.plan->policies[1].complete, 0);
        teardown(&f);
}

/* One generation listed twice, where the first disk is no worse than the second: the first stays the
 * one that a snapshot is told to be of. */
static void test_explained_disk(void **state) {
        struct explained_row what;
        struct fixture f;

        for (int better = 0; better < 2; better++) {
                char *groups[] = {text(better ? "rg-app" : "rg-none")};

                setup(&f);
                f.disks[1] = f.disks[0];
                f.disks[1].group = number(&f, "rg-new");
                f.n_disks = 2;
                f.target.groups = groups;
                f.target.n_groups = 1;
                add(&f, 0, ROW_COMPLETE);
                view_make(&f);
                assert_int_equal(
                        explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                        0);
                explainer_row(f.explainer, &f.rows[0], &what);
                assert_int_equal(what.kind, better ? EXPLAIN_OURS : EXPLAIN_UNCLAIMED);
                assert_ptr_equal(what.disk, &f.disks[0]);
                teardown(&f);
        }

        /* The second disk is another one; then there is none at all. */
        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[0].generation = number(&f, GENERATION_2);
        f.n_disks = 2;
        add(&f, 0, ROW_COMPLETE);
        view_make(&f);
        assert_int_equal(explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                         0);
        explainer_row(f.explainer, &f.rows[0], &what);
        assert_int_equal(what.kind, EXPLAIN_OURS);
        assert_ptr_equal(what.disk, &f.disks[1]);
        f.explainer = explainer_free(f.explainer);
        f.n_disks = 0;
        view_make(&f);
        assert_int_equal(explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                         0);
        explainer_row(f.explainer, &f.rows[0], &what);
        assert_int_equal(what.kind, EXPLAIN_UNCLAIMED);
        assert_int_equal(what.why, EXPLAIN_NO_DISK);
        teardown(&f);
}

/* A disk under two ids for a while has one series, into which somebody's snapshot is adopted. */
static void test_adopted_of_two(void **state) {
        struct adoption adoption;
        struct snapshot_row *row;
        struct fixture f;

        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[1].group = number(&f, "rg-new");
        f.n_disks = 2;
        row = add(&f, 5, ROW_COMPLETE);
        row->flags &= (uint16_t) ~(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
        view_make(&f);
        assert_int_equal(
                adopt_judge(&f.file, &f.view, &f.rows[0], "", utc_from_seconds(NOW), &adoption), 0);
        assert_ptr_equal(adoption.disk, &f.disks[0]);
        assert_int_equal(adoption.policy, 0);
        teardown(&f);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_named),          cmocka_unit_test(test_found_of_many),
                cmocka_unit_test(test_not_selected),   cmocka_unit_test(test_last_slot),
                cmocka_unit_test(test_demo),           cmocka_unit_test(test_own_tags),
                cmocka_unit_test(test_claimed_twice),  cmocka_unit_test(test_explained_disk),
                cmocka_unit_test(test_adopted_of_two),
        };

        return cmocka_run_group_tests_name("planner-odds", tests, NULL, NULL);
}
