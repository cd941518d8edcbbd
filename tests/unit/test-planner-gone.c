/*
 * Disks that are gone or were moved, and generations that an operator retires.
 */
#include "base/macros.h"
#include "core/planner.h"

#include "view-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GONE_SINCE (NOW - SEC_PER_DAY)

static void run(struct fixture *f, const struct generation_standing *known, int64_t now) {
        struct standing standing = {.generations = known, .n_generations = 1};

        view_make(f);
        f->plan = plan_free(f->plan);
        assert_int_equal(
                planner_run(&f->file, &f->view, &standing, utc_from_seconds(now), &f->plan), 0);
}

static size_t found(const struct fixture *f, enum finding_kind kind) {
        for (size_t i = 0; i < f->plan->n_findings; i++)
                if (f->plan->findings[i].kind == kind)
                        return f->plan->findings[i].count;
        return 0;
}

/* Six complete ones of a disk that is in no listing, of which the policy keeps three. */
static void orphaned(struct fixture *f, const char *disk) {
        setup(f);
        f->n_disks = 0;
        f->policy.gone = GONE_APPLY;
        f->policy.freeze_s = SEC_PER_DAY;
        f->orphan = (struct orphan){.generation = number(f, GENERATION_1), .disk = number(f, disk)};
        f->n_orphans = 1;
        for (int64_t i = 0; i < 6; i++)
                add(f, 9 + i, ROW_COMPLETE);
}

#define DISK SUBSCRIPTION "/rg-app/db01"

static void test_gone(void **state) {
        enum {
                APPLY,
                KEEP,
                OFF,
                UNPROVEN,
                UNKNOWN,
                INTERNAL,
                FLOOR,
                YOUNG,
                RULE,
        };
        static const struct {
                int line;
                int what;
                int64_t now_s; /* after the freeze's end */
                size_t series, deletes, frozen, unclaimed;
                uint32_t blocked;
        } rows[] = {
                {__LINE__, APPLY, -1, 1, 0, 6, 0, BLOCK_GONE},
                {__LINE__, APPLY, 0, 1, 3, 0, 0, 0},
                {__LINE__, KEEP, -1, 1, 0, 6, 0, BLOCK_GONE},
                {__LINE__, KEEP, 999 * SEC_PER_DAY, 1, 0, 6, 0, BLOCK_GONE},
                {__LINE__, OFF, 0, 1, 0, 0, 0, 0},
                {__LINE__, UNPROVEN, 0, 0, 0, 0, 6, 0},
                {__LINE__, UNKNOWN, 0, 0, 0, 0, 6, 0},
                {__LINE__, INTERNAL, 0, 1, 3, 0, 0, DOUBT_BIT(DOUBT_INTERNAL)},
                {__LINE__, FLOOR, 0, 1, 1, 0, 0, 0},
                {__LINE__, YOUNG, 0, 1, 0, 0, 0, 0},
                {__LINE__, RULE, 0, 1, 4, 0, 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct generation_standing known = {
                        .generation = GENERATION_1,
                        .internal = rows[i].what == INTERNAL,
                        .gone_since =
                                rows[i].what == UNPROVEN ? UTC_NONE : utc_from_seconds(GONE_SINCE)};
                const struct series_state *series;
                struct fixture f;

                orphaned(&f, DISK);
                if (rows[i].what == KEEP)
                        f.policy.gone = GONE_KEEP;
                if (rows[i].what == OFF)
                        f.policy.prune = PRUNE_OFF;
                if (rows[i].what == UNKNOWN)
                        strcpy(known.generation, GENERATION_2);
                if (rows[i].what == FLOOR)
                        f.policy.min_keep = 5;
                if (rows[i].what == YOUNG)
                        f.policy.min_age_s = SEC_PER_DAY;
                if (rows[i].what == RULE)
                        f.policy.keep.count[KEEP_LAST] = 2;
                f.policy.rpo_s = 1;
                run(&f, &known, NOW + rows[i].now_s);
                if (f.plan->n_series != rows[i].series || f.plan->n_actions != rows[i].deletes ||
                    found(&f, FINDING_GONE) != rows[i].frozen ||
                    found(&f, FINDING_UNCLAIMED) != rows[i].unclaimed)
                        fail_msg("row at line %d: %zu series, %zu actions", rows[i].line,
                                 f.plan->n_series, f.plan->n_actions);
                for (size_t j = 0; j < f.plan->n_actions; j++) {
                        assert_int_equal(f.plan->actions[j].kind, ACTION_DELETE);
                        assert_int_equal(f.plan->actions[j].blocked, rows[i].blocked);
                        assert_int_equal(f.plan->actions[j].series, 0);
                        assert_int_equal(f.plan->actions[j].policy, 0);
                        assert_false(f.plan->actions[j].retired);
                }
                /* Only the end of a freeze is waited for. */
                assert_int_equal(f.plan->next.ticks, rows[i].what == APPLY && rows[i].now_s < 0
                                                             ? utc_from_seconds(NOW).ticks
                                                             : UTC_NEVER.ticks);
                if (rows[i].series == 0) {
                        teardown(&f);
                        continue;
                }
                series = &f.plan->series[0];
                assert_true(series->gone);
                assert_string_equal(series->disk.subscription, SUBSCRIPTION);
                assert_string_equal(series->disk.group, "rg-app");
                assert_string_equal(series->disk.name, "db01");
                assert_string_equal(series->generation, GENERATION_1);
                assert_int_equal(series->complete, 6);
                assert_int_equal(series->blocked, rows[i].blocked);
                assert_int_equal(series->deletes, rows[i].deletes);
                assert_false(series->late);
                assert_int_equal(series->missed, 0);
                assert_false(utc_is_set(series->due));
                assert_int_equal(series->n_survivors, rows[i].deletes > 0 ? f.policy.min_keep : 0);
                assert_int_equal(f.plan->policies[0].deletes, rows[i].deletes);
                teardown(&f);
        }
}

/* Members and backups of what is frozen are counted, the first rows among them. */
static void test_frozen_backups(void **state) {
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct fixture f;

        orphaned(&f, DISK);
        add_backup(&f, 99, ROW_COMPLETE, "20261123T011500Z"); /* the oldest row */
        add_backup(&f, 1, ROW_COMPLETE, "20261123T011500Z");
        run(&f, &known, NOW - 1);
        assert_int_equal(found(&f, FINDING_GONE), 8);
        assert_int_equal(f.plan->n_actions, 0);
        run(&f, &known, NOW);
        assert_int_equal(found(&f, FINDING_GONE), 0);
        assert_int_equal(f.plan->n_actions, 5);
        for (size_t i = 0; i < f.plan->n_actions; i++)
                assert_string_equal(f.plan->actions[i].subscription, SUBSCRIPTION);
        teardown(&f);
}

/* Which targets still speak for a disk that is gone. */
static void test_gone_selected(void **state) {
        static const struct {
                int line;
                const char *disk;         /* the tag */
                const char *named;        /* a target's id, or NULL */
                const char *subscription; /* a target's match, or NULL */
                const char *group;        /* its glob, or NULL */
                const char *tag;          /* its tag: not asked for */
                bool selected;
        } rows[] = {
                {__LINE__, DISK, NULL, SUBSCRIPTION, NULL, NULL, true},
                {__LINE__, DISK, NULL, SUBSCRIPTION, "RG-*", NULL, true},
                {__LINE__, DISK, NULL, SUBSCRIPTION, "rg-db*", NULL, false},
                {__LINE__, DISK, NULL, SUBSCRIPTION, "rg-app", "backup", true},
                {__LINE__, DISK, NULL, NULL, NULL, NULL, false},
                {__LINE__, DISK, NULL, "11111111-1111-4111-8111-111111111112", NULL, NULL, false},
                {__LINE__, DISK, "DB01", NULL, NULL, NULL, true},
                {__LINE__, DISK, "db02", NULL, NULL, NULL, false},
                /* what a tag can be */
                {__LINE__, "11111111-1111-4111-8111-111111111112/rg-app/db01", NULL, SUBSCRIPTION,
                 NULL, NULL, false},
                {__LINE__, "", NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__, SUBSCRIPTION, NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__, SUBSCRIPTION "/rg-app", NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__, SUBSCRIPTION "/rg-app/", NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__, SUBSCRIPTION "//db01", NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__, "me/rg-app/db01", NULL, SUBSCRIPTION, NULL, NULL, false},
                /* as long as may be, and longer */
                {__LINE__,
                 SUBSCRIPTION "/a123456789b123456789c123456789d123456789e123456789f123456789g123456"
                              "789h123456789i123456789/db01",
                 NULL, SUBSCRIPTION, NULL, NULL, true},
                {__LINE__,
                 SUBSCRIPTION "/rg-app/a123456789b123456789c123456789d123456789e123456789f123456789"
                              "g123456789h123456789",
                 NULL, SUBSCRIPTION, NULL, NULL, true},
                {__LINE__,
                 SUBSCRIPTION "/a123456789b123456789c123456789d123456789e123456789f123456789g123456"
                              "789h123456789i1234567890/db01",
                 NULL, SUBSCRIPTION, NULL, NULL, false},
                {__LINE__,
                 SUBSCRIPTION "/rg-app/a123456789b123456789c123456789d123456789e123456789f123456789"
                              "g123456789h1234567890",
                 NULL, SUBSCRIPTION, NULL, NULL, false},
        };
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct policy_tag tag = {text("backup"), text("gold")};
        char *groups[1];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct resource_id id = {.type = RESOURCE_DISK, .subscription = SUBSCRIPTION};
                struct fixture f;

                orphaned(&f, rows[i].disk);
                strcpy(id.group, "RG-App");
                strcpy(id.name, rows[i].named ? rows[i].named : "");
                groups[0] = text(rows[i].group);
                f.target = (struct target){
                        .disks = &id,
                        .n_disks = rows[i].named != NULL,
                        .subscription = text(rows[i].subscription),
                        .groups = groups,
                        .n_groups = rows[i].group != NULL,
                        .tags = {&tag, rows[i].tag != NULL},
                };
                run(&f, &known, NOW);
                if (f.plan->n_series != rows[i].selected ||
                    f.plan->n_actions != (rows[i].selected ? 3 : 0) ||
                    found(&f, FINDING_UNCLAIMED) != (rows[i].selected ? 0 : 6))
                        fail_msg("row at line %d: %zu series", rows[i].line, f.plan->n_series);
                teardown(&f);
        }
}

/* Two regions are two series, each with its floor; another policy's are nobody's. */
static void test_gone_regions(void **state) {
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct fixture f;

        orphaned(&f, DISK);
        for (size_t i = 0; i < 3; i++)
                f.rows[2 * i].region = (uint16_t)number(&f, "northeurope");
        add(&f, 99, ROW_COMPLETE)->policy = number(&f, "iron");
        f.policy.keep.count[KEEP_LAST] = 2;
        run(&f, &known, NOW);
        assert_int_equal(f.plan->n_series, 2);
        assert_int_equal(f.plan->n_actions, 2);
        assert_int_equal(f.plan->series[0].complete, 3);
        assert_int_equal(f.plan->series[0].deletes, 1);
        assert_int_equal(f.plan->series[1].deletes, 1);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 1);
        teardown(&f);
}

/* Nothing comes any more, so a rule that the file has and nobody accepted kills what is over it now,
 * and no more. */
static void test_gone_accepted(void **state) {
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct fixture f;

        orphaned(&f, DISK);
        for (size_t i = 0; i < f.n; i++)
                f.rows[i].keep = keep_number(&f, "last=5;pick=first;zone=UTC");
        run(&f, &known, NOW);
        assert_int_equal(f.plan->policies[0].beyond, 2);
        assert_int_equal(f.plan->policies[0].complete, 6);
        assert_int_equal(f.plan->policies[0].gained, 6);

        /* What is frozen is no part of the policy's sums. */
        run(&f, &known, NOW - 1);
        assert_int_equal(f.plan->policies[0].beyond, 0);
        assert_int_equal(f.plan->policies[0].complete, 0);
        teardown(&f);
}

/* The doubt about a target holds what it selects of gone disks, too; one about another does not. */
static void test_gone_targets(void **state) {
        static const struct {
                int line;
                uint32_t blocks[5]; /* of the targets */
                uint32_t blocked;
        } rows[] = {
                {__LINE__, {0, 0, 0, 0, 0}, 0}, {__LINE__, {1, 0, 0, 0, 0}, 1}, /* by its group */
                {__LINE__, {0, 1, 0, 0, 0}, 0},                                 /* another group */
                {__LINE__, {0, 0, 1, 0, 0}, 1},                                 /* by its id */
                {__LINE__, {0, 0, 0, 1, 0}, 0}, /* of another policy */
                {__LINE__, {0, 0, 0, 0, 1}, 1}, /* by a tag that it may have had */
        };
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct resource_id id = {RESOURCE_DISK, SUBSCRIPTION, "rg-app", "db01"};
        struct policy_tag tag = {text("backup"), text("gold")};
        char *here[] = {text("rg-a*")}, *there[] = {text("rg-b*")};
        struct policy policies[2];
        struct target targets[5];
        struct fixture f;

        orphaned(&f, DISK);
        policies[0] = policies[1] = f.policy;
        policies[1].name = text("silver");
        targets[0] = targets[1] = targets[3] = targets[4] = f.target;
        targets[0].groups = here;
        targets[1].groups = there;
        targets[0].n_groups = targets[1].n_groups = 1;
        targets[2] = (struct target){.disks = &id, .n_disks = 1};
        targets[3].policy = 1;
        targets[4].tags = (struct policy_tags){&tag, 1};
        f.file.policies = policies;
        f.file.n_policies = ARRAY_SIZE(policies);
        f.file.targets = targets;
        f.file.n_targets = ARRAY_SIZE(targets);
        run(&f, &known, NOW);
        assert_int_equal(f.plan->n_series, 1);
        assert_int_equal(f.plan->series[0].n_targets, 3);
        assert_int_equal(f.plan->n_actions, 3);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                plan_settle(f.plan, &(struct standing){.targets = rows[i].blocks});
                for (size_t j = 0; j < f.plan->n_actions; j++)
                        if (f.plan->actions[j].blocked != rows[i].blocked)
                                fail_msg("row at line %d", rows[i].line);
        }
        teardown(&f);
}

/* What of listed disks is of a policy that selects them no more, each once. */
static void test_unselected(void **state) {
        enum {
                SELECTED,
                UNSELECTED,
                RENAMED,
                OTHER_POLICY,
                OTHER_GROUP,
                OTHER_REGION,
                ORPHAN,
                MISTAKEN,
                NO_SOURCE,
        };
        static const struct {
                int line, what;
                bool found;
        } rows[] = {
                {__LINE__, SELECTED, false},    {__LINE__, UNSELECTED, true},
                {__LINE__, RENAMED, true},      {__LINE__, OTHER_POLICY, false},
                {__LINE__, OTHER_GROUP, false}, {__LINE__, OTHER_REGION, false},
                {__LINE__, ORPHAN, false},      {__LINE__, MISTAKEN, false},
                {__LINE__, NO_SOURCE, false},
        };
        struct generation_standing known = {.generation = GENERATION_2, .gone_since = UTC_NONE};
        struct policy_tag tag = {text("backup"), text("gold")};
        char *formerly[] = {text("iron")};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy policies[2];
                struct target targets[2];
                struct fixture f;

                setup(&f);
                f.target.tags = (struct policy_tags){&tag, 1};
                if (rows[i].what != SELECTED && rows[i].what != OTHER_REGION)
                        f.disks[0].tags = number(&f, "backup\nsilver\n");
                /* Another of the group is selected, and is first in the listing. */
                f.disks[1] = f.disks[0];
                f.disks[0].name = number(&f, "db00");
                f.disks[0].generation = number(&f, GENERATION_2);
                f.disks[0].tags = number(&f, "backup\ngold\n");
                f.n_disks = 2;
                /* A policy that all are of has nothing to do with it. */
                policies[0] = f.policy;
                policies[1] = f.policy;
                policies[0].name = text("all");
                targets[0] = targets[1] = f.target;
                targets[0].tags.n = 0;
                targets[1].policy = 1;
                f.file = (struct policy_file){.owner = text("prod-backup"),
                                              .policies = policies,
                                              .n_policies = 2,
                                              .targets = targets,
                                              .n_targets = 2};
                for (int64_t j = 0; j < 3; j++) {
                        struct snapshot_row *row = add(&f, j, ROW_COMPLETE);

                        if (rows[i].what == RENAMED)
                                row->policy = number(&f, "iron");
                        if (rows[i].what == OTHER_POLICY)
                                row->policy = number(&f, "zinc");
                        if (rows[i].what == OTHER_GROUP)
                                row->group = number(&f, "rg-other");
                        if (rows[i].what == OTHER_REGION)
                                row->region = (uint16_t)number(&f, "northeurope");
                        if (rows[i].what == MISTAKEN)
                                row->flags &= (uint16_t)~ROW_NAMED;
                        if (rows[i].what == NO_SOURCE)
                                row->generation = 0;
                }
                add(&f, 3, ROW_COMPLETE)->policy = number(&f, "all");
                add(&f, 4, ROW_COMPLETE)->generation = number(&f, GENERATION_2);
                policies[1].formerly = formerly;
                policies[1].n_formerly = 1;
                if (rows[i].what == ORPHAN) {
                        f.n_disks = 1;
                        f.orphan = (struct orphan){.generation = number(&f, GENERATION_1),
                                                   .disk = number(&f, DISK)};
                        f.n_orphans = 1;
                }
                run(&f, &known, NOW + 9);
                if (f.plan->n_unselected != rows[i].found)
                        fail_msg("row at line %d: %zu", rows[i].line, f.plan->n_unselected);
                if (rows[i].found) {
                        assert_int_equal(f.plan->unselected[0].generation,
                                         number(&f, GENERATION_1));
                        assert_int_equal(f.plan->unselected[0].policy, 1);
                }
                teardown(&f);
        }
}

/* When such a disk is gone, nobody can read its tags any more: what is remembered decides. */
static void test_gone_unselected(void **state) {
        static const struct {
                int line;
                const char *generations[3], *policies[3]; /* remembered */
                size_t n;
                bool claimed;
        } rows[] = {
                {__LINE__, {}, {}, 0, true},
                {__LINE__, {GENERATION_1}, {"gold"}, 1, false},
                {__LINE__, {GENERATION_1}, {"iron"}, 1, false}, /* a name that it had */
                {__LINE__, {GENERATION_1}, {"zinc"}, 1, true},
                {__LINE__, {GENERATION_2}, {"gold"}, 1, true},
                {__LINE__, {GENERATION_1, GENERATION_1}, {"zinc", "gold"}, 2, false},
                {__LINE__, {"0", GENERATION_1, GENERATION_2}, {"a", "gold", "b"}, 3, false},
                {__LINE__, {"0", "1", GENERATION_1}, {"a", "b", "gold"}, 3, false},
                {__LINE__, {"0", GENERATION_2, "7"}, {"a", "gold", "gold"}, 3, true},
        };
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        char *formerly[] = {text("iron")};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct unselected unselected[3] = {};
                struct standing standing = {.generations = &known,
                                            .n_generations = 1,
                                            .unselected = unselected,
                                            .n_unselected = rows[i].n};
                struct fixture f;

                orphaned(&f, DISK);
                f.policy.formerly = formerly;
                f.policy.n_formerly = 1;
                for (size_t j = 0; j < rows[i].n; j++) {
                        strcpy(unselected[j].generation, rows[i].generations[j]);
                        unselected[j].policy = text(rows[i].policies[j]);
                }
                view_make(&f);
                assert_int_equal(
                        planner_run(&f.file, &f.view, &standing, utc_from_seconds(NOW), &f.plan),
                        0);
                if (f.plan->n_series != rows[i].claimed ||
                    f.plan->n_actions != (rows[i].claimed ? 3 : 0) ||
                    found(&f, FINDING_UNCLAIMED) != (rows[i].claimed ? 0 : 6))
                        fail_msg("row at line %d: %zu actions", rows[i].line, f.plan->n_actions);
                teardown(&f);
        }
}

static void test_moved(void **state) {
        static const struct {
                int line;
                bool newest, older, future, moved;
        } rows[] = {
                {__LINE__, false, false, false, false},
                {__LINE__, true, false, false, true},
                {__LINE__, true, true, false, true},
                {__LINE__, false, true, false, false}, /* it has gone on under its id since */
                {__LINE__, false, false, true, false},
        };
        struct generation_standing known = {.generation = GENERATION_2, .gone_since = UTC_NONE};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                run(&f, &known, NOW + 9);
                assert_int_equal(found(&f, FINDING_MOVED), 0);
                add(&f, 0, ROW_COMPLETE | (rows[i].newest ? ROW_MOVED : 0));
                run(&f, &known, NOW + 9);
                assert_int_equal(found(&f, FINDING_MOVED), rows[i].newest);
                add(&f, 1, ROW_COMPLETE | (rows[i].older ? ROW_MOVED : 0));
                add(&f, -5, ROW_COMPLETE | (rows[i].future ? ROW_MOVED : 0));
                run(&f, &known, NOW + 9);
                if (found(&f, FINDING_MOVED) != rows[i].moved)
                        fail_msg("row at line %d", rows[i].line);
                teardown(&f);
        }
}

static void test_retired(void **state) {
        enum {
                UNSELECTED,
                SELECTED,
                ORPHAN,
                NOT_RETIRED,
                INTERNAL,
        };
        static const struct {
                int line;
                int what;
                size_t deletes, with_policy, unclaimed;
        } rows[] = {
                {__LINE__, UNSELECTED, 4, 3, 4},
                /* What is in another group and of another policy is in no series. */
                {__LINE__, SELECTED, 2, 1, 0},
                {__LINE__, ORPHAN, 4, 3, 4},
                {__LINE__, NOT_RETIRED, 0, 0, 8},
                {__LINE__, INTERNAL, 0, 0, 8},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct guid ids[10];
                struct generation_standing known = {
                        .generation = GENERATION_1,
                        .retired = ids,
                        .internal = rows[i].what == INTERNAL,
                        .gone_since = rows[i].what == ORPHAN ? utc_from_seconds(1) : UTC_NONE};
                struct standing standing = {
                        .all = 1,
                        .subscription = 2,
                        .policies = (const uint32_t[]){4},
                        .targets = (const uint32_t[]){8},
                };
                struct fixture f;
                size_t with_policy = 0;

                if (rows[i].what == ORPHAN)
                        orphaned(&f, DISK);
                else
                        setup(&f);
                f.n = 0;
                f.target.subscription = rows[i].what == SELECTED || rows[i].what == ORPHAN
                                                ? text(SUBSCRIPTION)
                                                : NULL;
                f.policy.prune = PRUNE_OFF;
                /* Retired: complete, failed, in another group, of another policy. */
                add(&f, 0, ROW_COMPLETE);
                add(&f, 1, ROW_FAILED);
                add(&f, 2, ROW_COMPLETE)->group = number(&f, "rg-other");
                add(&f, 3, ROW_COMPLETE)->policy = number(&f, "iron");
                /* Left: held, on its way out, without an id. */
                add(&f, 4, ROW_COMPLETE | ROW_HELD);
                add(&f, 5, ROW_LEAVING);
                add(&f, 6, ROW_COMPLETE)->unique_id = (struct guid){};
                /* Not ours at all. */
                add(&f, 7, ROW_COMPLETE)->flags &= (uint16_t)~ROW_NAMED;
                add(&f, 8, ROW_COMPLETE)->generation = number(&f, GENERATION_2);
                f.rows[8].flags &= (uint16_t) ~(ROW_TAGGED | ROW_CLAIMS);
                for (size_t j = 0; j < f.n && rows[i].what != NOT_RETIRED; j++)
                        ids[known.n_retired++] = f.rows[j].unique_id;
                guids_sort(ids, known.n_retired);
                /* Come since the operator saw them. */
                add(&f, 9, ROW_COMPLETE);

                run(&f, &known, NOW + 9);
                if (f.plan->n_actions != rows[i].deletes ||
                    found(&f, FINDING_UNCLAIMED) != rows[i].unclaimed)
                        fail_msg("row at line %d: %zu actions, %zu unclaimed", rows[i].line,
                                 f.plan->n_actions, found(&f, FINDING_UNCLAIMED));
                plan_settle(f.plan, &standing);
                for (size_t j = 0; j < f.plan->n_actions; j++) {
                        const struct action *action = &f.plan->actions[j];

                        assert_int_equal(action->kind, ACTION_DELETE);
                        assert_true(action->retired);
                        assert_int_equal(action->series, ACTION_NO_SERIES);
                        assert_string_equal(action->reason, "retired by the operator");
                        assert_string_equal(action->generation, GENERATION_1);
                        assert_int_equal(action->blocked, 3);
                        assert_true(action->policy == 0 || action->policy == ACTION_NO_POLICY);
                        with_policy += action->policy == 0;
                        assert_false(guid_is_nil(&action->unique_id));
                }
                assert_int_equal(with_policy, rows[i].with_policy);
                assert_int_equal(f.plan->policies[0].deletes, 0);
                teardown(&f);
        }
}

/* One that a target selects is not retired, whichever of many it is and in whatever order they are listed. */
static void test_retired_of_many(void **state) {
        enum {
                N = 7
        };
        for (size_t retired = 0; retired < N; retired++)
                for (int backwards = 0; backwards < 2; backwards++) {
                        struct generation_standing known = {.gone_since = UTC_NONE};
                        char generations[N][GUID_TEXT_SIZE];
                        struct disk_row disks[N];
                        struct snapshot_row *row;
                        struct fixture f;

                        setup(&f);
                        for (size_t i = 0; i < N; i++) {
                                size_t at = backwards ? N - 1 - i : i;
                                char name[] = "db0_";

                                name[3] = (char)('0' + at);
                                strcpy(generations[i], GENERATION_2);
                                generations[i][0] = (char)('0' + i);
                                disks[at] = f.disks[0];
                                disks[at].name = number(&f, name);
                                disks[at].generation = number(&f, generations[i]);
                        }
                        row = add(&f, 0, ROW_COMPLETE);
                        row->generation = number(&f, generations[retired]);
                        strcpy(known.generation, generations[retired]);
                        known.retired = &row->unique_id;
                        known.n_retired = 1;
                        view_make(&f);
                        f.view.disks = disks;
                        f.view.n_disks = N;
                        assert_int_equal(planner_run(&f.file, &f.view,
                                                     &(struct standing){.generations = &known,
                                                                        .n_generations = 1},
                                                     utc_from_seconds(NOW + 9), &f.plan),
                                         0);
                        assert_int_equal(f.plan->n_series, N);
                        for (size_t i = 0; i < f.plan->n_actions; i++)
                                assert_int_equal(f.plan->actions[i].kind, ACTION_CREATE);
                        teardown(&f);
                }
}

/* Of a disk that a policy selects the unclaimed ones alone, which are those that explain finds so. */
static void test_retired_unclaimed(void **state) {
        static const struct {
                int line;
                const char *policy, *group, *region;
                unsigned flags;
                bool claimed;
        } rows[] = {
                {__LINE__, "silver", "rg-snapshots", "westeurope", ROW_COMPLETE, true},
                {__LINE__, "silver", "RG-snapshots", "westeurope", ROW_FAILED, true},
                {__LINE__, "silver", "rg-snapshots", "westeurope", ROW_COMPLETE | ROW_BACKUP, true},
                {__LINE__, "copper", "rg-snapshots", "westeurope", ROW_COMPLETE, true},
                {__LINE__, "silver", "rg-other", "westeurope", ROW_COMPLETE, false},
                {__LINE__, "silver", "rg-snapshots", "northeurope", ROW_COMPLETE, false},
                {__LINE__, "gold", "rg-snapshots", "westeurope", ROW_COMPLETE, false},
                {__LINE__, "gold", "rg-snapshots", "westeurope", ROW_FAILED, false},
                {__LINE__, "gold", "rg-snapshots", "westeurope", ROW_UNDERWAY, false},
                {__LINE__, "gold", "rg-snapshots", "westeurope", ROW_COMPLETE | ROW_BACKUP, false},
                {__LINE__, "iron", "rg-snapshots", "westeurope", ROW_COMPLETE, false},
        };
        static char *formerly[] = {NULL};

        formerly[0] = text("copper");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct generation_standing known = {.generation = GENERATION_1,
                                                    .gone_since = UTC_NONE};
                struct explained_row what;
                struct policy two[2];
                struct fixture f;
                struct snapshot_row *row;
                struct guid id;
                size_t retired = 0;

                setup(&f);
                two[0] = two[1] = f.policy;
                two[1].name = text("silver");
                two[1].formerly = formerly;
                two[1].n_formerly = 1;
                f.file.policies = two;
                f.file.n_policies = 2;
                f.target.policy = 1;
                row = add(&f, 0, rows[i].flags);
                row->policy = number(&f, rows[i].policy);
                row->group = number(&f, rows[i].group);
                row->region = (uint16_t)number(&f, rows[i].region);
                id = row->unique_id;
                known.retired = &id;
                known.n_retired = 1;
                run(&f, &known, NOW + 9);

                for (size_t j = 0; j < f.plan->n_actions; j++)
                        retired += f.plan->actions[j].retired;
                if (retired != (rows[i].claimed ? 0 : 1) || f.plan->claimed[0] != rows[i].claimed ||
                    found(&f, FINDING_UNCLAIMED) != 0)
                        fail_msg("row at line %d: %zu retired, claimed %d", rows[i].line, retired,
                                 f.plan->claimed[0]);
                assert_int_equal(
                        explainer_new(&f.file, &f.view, utc_from_seconds(NOW + 9), &f.explainer),
                        0);
                explainer_row(f.explainer, &f.rows[0], &what);
                assert_int_equal(what.kind, rows[i].claimed ? EXPLAIN_OURS : EXPLAIN_UNCLAIMED);
                teardown(&f);
        }
}

/* The disk of a generation of which one policy's leftovers are retired is gone: what another policy has of it
 * goes on by that policy's rule meanwhile, and what is retired by no rule. */
static void test_retired_beside_gone(void **state) {
        struct generation_standing known = {.generation = GENERATION_1,
                                            .gone_since = utc_from_seconds(GONE_SINCE)};
        struct explained_row what;
        struct target targets[2];
        struct policy two[2];
        struct guid ids[6];
        struct fixture f;
        size_t retired = 0, by_rule = 0;

        orphaned(&f, DISK);
        for (size_t i = 0; i < 6; i++)
                ids[i] = f.rows[i].unique_id;
        guids_sort(ids, 6);
        known.retired = ids;
        known.n_retired = 6;
        /* Held when the word was said. */
        add(&f, 40, ROW_COMPLETE | ROW_HELD);
        for (int64_t i = 0; i < 5; i++)
                add(&f, 20 + i, ROW_COMPLETE)->policy = number(&f, "silver");
        two[0] = two[1] = f.policy;
        two[1].name = text("silver");
        targets[0] = targets[1] = f.target;
        targets[1].policy = 1;
        f.file.policies = two;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 2;
        run(&f, &known, NOW);

        for (size_t i = 0; i < f.plan->n_actions; i++) {
                const struct action *action = &f.plan->actions[i];

                retired += action->retired && action->policy == 0;
                by_rule += !action->retired && action->policy == 1;
        }
        assert_int_equal(f.plan->n_actions, 8);
        assert_int_equal(retired, 6);
        assert_int_equal(by_rule, 2);
        assert_int_equal(f.plan->n_series, 1);
        assert_int_equal(f.plan->series[0].policy, 1);
        assert_true(f.plan->series[0].gone);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 1);

        assert_int_equal(explainer_new(&f.file, &f.view, utc_from_seconds(NOW), &f.explainer), 0);
        f.standing.generations = &known;
        f.standing.n_generations = 1;
        explainer_know(f.explainer, &f.standing);
        explainer_row(f.explainer, row_of(&f, 20), &what);
        assert_int_equal(what.kind, EXPLAIN_OURS);
        explainer_row(f.explainer, row_of(&f, 9), &what);
        assert_int_equal(what.kind, EXPLAIN_UNCLAIMED);
        explainer_row(f.explainer, row_of(&f, 40), &what);
        assert_int_equal(what.kind, EXPLAIN_UNCLAIMED);
        teardown(&f);
}

/* A generation that no snapshot of the view has. */
static void test_retired_elsewhere(void **state) {
        struct generation_standing known = {.generation = GENERATION_2, .gone_since = UTC_NONE};
        struct fixture f;

        setup(&f);
        f.target.subscription = NULL;
        known.retired = &add(&f, 0, ROW_COMPLETE)->unique_id;
        known.n_retired = 1;
        f.rows[0].generation = 0; /* a number that no string has is nobody's */
        run(&f, &known, NOW);
        assert_int_equal(f.plan->n_actions, 0);
        teardown(&f);
}

static void test_standing(void **state) {
        struct generation_standing known[3] = {
                {.generation = "a"}, {.generation = "c"}, {.generation = "e"}};
        struct standing standing = {.generations = known, .n_generations = 3};

        for (size_t n = 0; n <= 3; n++) {
                standing.n_generations = n;
                for (char c = 'a'; c <= 'f'; c++) {
                        char name[2] = {c, '\0'};
                        size_t place = (size_t)(c - 'a') / 2;
                        bool there = (c - 'a') % 2 == 0 && place < n;

                        assert_ptr_equal(standing_generation(&standing, name),
                                         there ? &known[place] : NULL);
                }
        }
        assert_null(standing_generation(NULL, "a"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_gone_selected),
                cmocka_unit_test(test_frozen_backups),
                cmocka_unit_test(test_gone_regions),
                cmocka_unit_test(test_gone_accepted),
                cmocka_unit_test(test_gone_targets),
                cmocka_unit_test(test_unselected),
                cmocka_unit_test(test_gone_unselected),
                cmocka_unit_test(test_moved),
                cmocka_unit_test(test_retired),
                cmocka_unit_test(test_retired_beside_gone),
                cmocka_unit_test(test_retired_elsewhere),
                cmocka_unit_test(test_retired_unclaimed),
                cmocka_unit_test(test_retired_of_many),
                cmocka_unit_test(test_standing),
        };

        return cmocka_run_group_tests_name("planner-gone", tests, NULL, NULL);
}
