/*
 * What each snapshot is, why it stays and when it goes, on worlds made by hand. The planner is run at
 * the dates of death: what is said is what would happen.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/explain.h"
#include "core/naming.h"
#include "core/planner.h"

#include "view-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void begin(struct fixture *f, int64_t now) {
        view_make(f);
        f->explainer = explainer_free(f->explainer);
        assert_int_equal(explainer_new(&f->file, &f->view, utc_from_seconds(now), &f->explainer),
                         0);
        explainer_know(f->explainer, &f->standing);
}

/* The series of the fixture's disk, and the one of it at @index. */
static const struct explained *explain(struct fixture *f, size_t index,
                                       struct explained_series *series) {
        assert_int_equal(explainer_series(f->explainer, 0, &f->disks[0], series), 0);
        assert_true(index < series->n);
        return &series->items[index];
}

static void expect_reasons(int line, struct fixture *f, size_t index, const char *expected) {
        struct explained_series series;
        const struct explained *one = explain(f, index, &series);
        struct strbuf reasons = {};

        explained_append(f->explainer, &series, one, &reasons);
        if (strcmp(strbuf_str(&reasons), expected) != 0)
                fail_msg("line %d: \"%s\" in place of \"%s\"", line, strbuf_str(&reasons),
                         expected);
        strbuf_deinit(&reasons);
}

/* Whether the planner deletes the row at @now. */
static bool planned(const struct fixture *f, const struct snapshot_row *row, int64_t now) {
        struct plan *plan;
        char name[SNAPSHOT_NAME_SIZE];
        bool found = false;

        assert_int_equal(
                planner_run(&f->file, &f->view, &f->standing, utc_from_seconds(now), &plan), 0);
        snapshot_row_name(&f->view, row, name);
        for (size_t i = 0; i < plan->n_actions; i++)
                found |= plan->actions[i].kind == ACTION_DELETE &&
                         strcmp(plan->actions[i].name, name) == 0;
        plan_free(plan);
        return found;
}

/* Which rule keeps each of five, and when it lets go. */
static void test_series(void **state) {
        static const struct {
                int line;
                const char *reasons;
                int64_t death; /* slots after NOW; -1 for at once */
        } rows[] = {
                /* the oldest first; no slot is due at NOW, the next is NOW + EVERY */
                {__LINE__, "superseded", -1},        {__LINE__, "superseded", -1},
                {__LINE__, "last 3/3", 1},           {__LINE__, "last 2/3", 2},
                {__LINE__, "last 1/3, min_keep", 3},
        };
        struct explained_series series;
        struct fixture f;

        setup(&f);
        for (int64_t i = 0; i < 5; i++)
                add(&f, i, ROW_COMPLETE);
        begin(&f, NOW + 9);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct explained *one = explain(&f, i, &series);
                int64_t death = rows[i].death < 0 ? NOW + 9 : NOW + rows[i].death * EVERY;

                expect_reasons(rows[i].line, &f, i, rows[i].reasons);
                if (utc_seconds(one->death) != death)
                        fail_msg("row at line %d: %lld", rows[i].line,
                                 (long long)(utc_seconds(one->death) - NOW));
        }
        assert_int_equal(series.n, 5);
        assert_false(series.prune_off);
        assert_ptr_equal(series.disk, &f.disks[0]);
        teardown(&f);
}

/* What the explainer says goes at once is what the planner deletes, and no more. */
static void test_agrees_with_planner(void **state) {
        for (unsigned seed = 0; seed < 200; seed++) {
                static const unsigned states[] = {ROW_COMPLETE, ROW_COMPLETE, ROW_FAILED,
                                                  ROW_UNDERWAY, ROW_LEAVING};
                struct explained_series series;
                struct fixture f;
                unsigned bits = seed * 2654435761U;
                int64_t now = NOW + 9 + (int64_t)(seed % 5) * 2 * SEC_PER_DAY;

                setup(&f);
                f.policy.min_age_s = seed % 3 == 0 ? 4 * EVERY : 0;
                f.policy.min_keep = 1 + seed % 4;
                f.policy.prune = seed % 7 == 0 ? PRUNE_OFF : PRUNE_AUTO;
                f.policy.has_keep = seed % 11 != 0;
                for (int64_t i = 0; i < 12; i++, bits = bits * 1664525U + 1013904223U) {
                        struct snapshot_row *row =
                                add(&f, i, states[(bits >> 24) % ARRAY_SIZE(states)]);

                        if ((bits >> 20) % 8 == 0)
                                row->flags |= ROW_HELD;
                        if ((bits >> 16) % 8 == 0)
                                row->unique_id = (struct guid){};
                }
                begin(&f, now);
                assert_int_equal(explainer_series(f.explainer, 0, &f.disks[0], &series), 0);
                for (size_t i = 0; i < series.n; i++) {
                        bool goes = series.items[i].death.ticks <= utc_from_seconds(now).ticks;

                        if (goes != planned(&f, series.items[i].row, now))
                                fail_msg("seed %u, snapshot %zu: explained %d", seed, i, goes);
                }
                teardown(&f);
        }
}

/* A failed one goes by its age, to the second on which the planner takes it. */
static void test_failed(void **state) {
        struct explained_series series;
        const struct explained *one;
        struct fixture f;
        int64_t death;

        setup(&f);
        add(&f, 1, ROW_FAILED);
        add(&f, 0, ROW_COMPLETE);
        begin(&f, NOW + 9);
        one = explain(&f, 0, &series);
        death = utc_seconds(one->death);
        assert_int_equal(death, NOW - EVERY + 2 + 7 * SEC_PER_DAY);
        expect_reasons(__LINE__, &f, 0, "failed, goes 7 days after it was first seen so");
        assert_false(planned(&f, one->row, death - 1));
        assert_true(planned(&f, one->row, death));

        begin(&f, death + 77);
        one = explain(&f, 0, &series);
        assert_int_equal(utc_seconds(one->death), death + 77);

        f.seen_s = NOW + 3600;
        begin(&f, NOW + 7200);
        one = explain(&f, 0, &series);
        assert_int_equal(utc_seconds(one->death), NOW + 3600 + 7 * SEC_PER_DAY);
        assert_false(planned(&f, one->row, NOW + 3600 + 7 * SEC_PER_DAY - 1));
        assert_true(planned(&f, one->row, NOW + 3600 + 7 * SEC_PER_DAY));

        /* What nobody has seen so before is seen so now. */
        explainer_know(f.explainer, &(struct standing){});
        one = explain(&f, 0, &series);
        assert_int_equal(utc_seconds(one->death), NOW + 7200 + 7 * SEC_PER_DAY);

        f.rows[0].flags |= ROW_HELD;
        begin(&f, death + 77);
        one = explain(&f, 0, &series);
        assert_int_equal(one->death.ticks, UTC_NEVER.ticks);
        expect_reasons(__LINE__, &f, 0, "held, not complete");
        teardown(&f);
}

/* Each row is one thing that keeps a superseded one for good. */
static void test_stays(void **state) {
        enum {
                PRUNE,
                NO_KEEP,
                PRUNE_NO_KEEP,
                HELD,
                NO_ID,
                UNDERWAY,
                FUTURE,
                FAILED_TIMELESS,
                TIMELESS,
        };
        static const struct {
                int line, what;
                const char *reasons;
        } rows[] = {
                {__LINE__, PRUNE, "prune is off, superseded"},
                {__LINE__, NO_KEEP, "no keep rule"},
                {__LINE__, PRUNE_NO_KEEP, "no keep rule"},
                {__LINE__, FAILED_TIMELESS, "not complete"},
                {__LINE__, HELD, "held"},
                {__LINE__, NO_ID, "superseded, kept since Azure gives it no uniqueId"},
                {__LINE__, TIMELESS, "superseded, kept since Azure gives it no timeCreated"},
                {__LINE__, UNDERWAY, "not complete"},
                {__LINE__, FUTURE, "dated in the future"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct explained_series series;
                const struct explained *one;
                struct snapshot_row *row;
                struct fixture f;
                bool future = rows[i].what == FUTURE;

                setup(&f);
                for (int64_t j = 0; j < 3; j++)
                        add(&f, j, ROW_COMPLETE);
                row = add(&f, future ? -5 : 8, ROW_COMPLETE);
                if (rows[i].what == PRUNE || rows[i].what == PRUNE_NO_KEEP)
                        f.policy.prune = PRUNE_OFF;
                if (rows[i].what == NO_KEEP || rows[i].what == PRUNE_NO_KEEP)
                        f.policy.has_keep = false;
                if (rows[i].what == FAILED_TIMELESS) {
                        row->flags = (row->flags & ~(unsigned)ROW_COMPLETE) | ROW_FAILED;
                        row->time_created = UTC_NONE;
                }
                if (rows[i].what == TIMELESS) {
                        f.policy.min_age_s = 0;
                        row->time_created = UTC_NONE;
                }
                if (rows[i].what == HELD)
                        row->flags |= ROW_HELD;
                if (rows[i].what == NO_ID)
                        row->unique_id = (struct guid){};
                if (rows[i].what == UNDERWAY)
                        row->flags = (row->flags & ~(unsigned)ROW_COMPLETE) | ROW_UNDERWAY;
                begin(&f, NOW + 9);
                expect_reasons(rows[i].line, &f, future ? 3 : 0, rows[i].reasons);
                one = explain(&f, future ? 3 : 0, &series);
                if (one->death.ticks != UTC_NEVER.ticks)
                        fail_msg("row at line %d has a date", rows[i].line);
                assert_int_equal(series.prune_off, f.policy.prune == PRUNE_OFF);
                teardown(&f);
        }
}

/* Changes one snapshot that is ours, or the world around it; what it is then, and why. */
static void test_rows(void **state) {
        enum {
                NOTHING,
                STRANGER,
                UNTAGGED,
                UNNAMED,
                FULL,
                FULL_UNNAMED,
                OTHER_POLICY,
                OTHER_GROUP,
                OTHER_LIFE,
                NO_SOURCE,
                OTHER_REGION,
                NO_TARGET,
                OTHER_GROUP_NO_TARGET,
                ADOPTED,
                ADOPTED_FULL,
                FORMERLY,
                TOO_OLD,
                TOO_OLD_FULL,
        };
        static const struct {
                int line, what;
                enum explain_kind kind;
                unsigned why;
                const char *text;
        } rows[] = {
                {__LINE__, NOTHING, EXPLAIN_OURS, 0, ""},
                {__LINE__, STRANGER, EXPLAIN_STRANGER, EXPLAIN_NO_OWNER,
                 "it has no tag snapkeep-owner of \"prod-backup\""},
                {__LINE__, UNTAGGED, EXPLAIN_MISTAKEN, EXPLAIN_BAD_TAGS,
                 "its tags are not a whole, well-formed set of ours, or they name another source "
                 "than its "
                 "own"},
                {__LINE__, UNNAMED, EXPLAIN_MISTAKEN, EXPLAIN_OTHER_NAME,
                 "its name is not the one that its tags give"},
                {__LINE__, FULL, EXPLAIN_MISTAKEN, EXPLAIN_FULL,
                 "it is a full snapshot and not an incremental one"},
                {__LINE__, FULL_UNNAMED, EXPLAIN_MISTAKEN, EXPLAIN_FULL | EXPLAIN_OTHER_NAME,
                 "its name is not the one that its tags give; and it is a full snapshot and not an "
                 "incremental one"},
                {__LINE__, OTHER_POLICY, EXPLAIN_UNCLAIMED, EXPLAIN_NO_POLICY,
                 "the policy file has no policy \"silver\""},
                {__LINE__, OTHER_GROUP, EXPLAIN_UNCLAIMED, EXPLAIN_OTHER_GROUP,
                 "it is in group rg-other, and the policy's snapshot_group is rg-snapshots"},
                {__LINE__, OTHER_LIFE, EXPLAIN_UNCLAIMED, EXPLAIN_NO_DISK,
                 "no disk that is listed has its generation"},
                {__LINE__, NO_SOURCE, EXPLAIN_UNCLAIMED, EXPLAIN_NO_DISK,
                 "no disk that is listed has its generation"},
                {__LINE__, OTHER_REGION, EXPLAIN_UNCLAIMED, EXPLAIN_OTHER_REGION,
                 "it is in region northeurope, and the disk in westeurope"},
                {__LINE__, NO_TARGET, EXPLAIN_UNCLAIMED, EXPLAIN_NO_TARGET,
                 "no target of policy \"gold\" selects the disk rg-app/db01"},
                {__LINE__, OTHER_GROUP_NO_TARGET, EXPLAIN_UNCLAIMED,
                 EXPLAIN_OTHER_GROUP | EXPLAIN_NO_TARGET,
                 "it is in group rg-other, and the policy's snapshot_group is rg-snapshots; and no "
                 "target of "
                 "policy \"gold\" selects the disk rg-app/db01"},
                {__LINE__, ADOPTED, EXPLAIN_OURS, 0, ""},
                {__LINE__, ADOPTED_FULL, EXPLAIN_MISTAKEN, EXPLAIN_FULL,
                 "it is a full snapshot and not an incremental one"},
                {__LINE__, FORMERLY, EXPLAIN_OURS, 0, ""},
                {__LINE__, TOO_OLD, EXPLAIN_MISTAKEN, EXPLAIN_TOO_OLD,
                 "it was taken before the slot that its tags give: somebody had the name before "
                 "us"},
                {__LINE__, TOO_OLD_FULL, EXPLAIN_MISTAKEN, EXPLAIN_TOO_OLD | EXPLAIN_FULL,
                 "it is a full snapshot and not an incremental one; and it was taken before the "
                 "slot that its tags give: somebody had the name before us"},
        };
        static char *formerly[] = {NULL};
        static char *groups[] = {NULL};

        groups[0] = text("rg-db*");
        formerly[0] = text("silver");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct strbuf why = {};
                struct explained_series series;
                struct explained_row what;
                struct snapshot_row *row;
                struct fixture f;
                bool no_target = rows[i].what == NO_TARGET || rows[i].what == OTHER_GROUP_NO_TARGET;

                setup(&f);
                row = add(&f, 0, ROW_COMPLETE);
                switch (rows[i].what) {
                case STRANGER:
                        row->flags &= ~(unsigned)(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
                        break;
                case UNTAGGED:
                        row->flags &= ~(unsigned)(ROW_TAGGED | ROW_NAMED);
                        break;
                case UNNAMED:
                        row->flags &= ~(unsigned)ROW_NAMED;
                        break;
                case FULL:
                        row->flags &= ~(unsigned)ROW_INCREMENTAL;
                        break;
                case TOO_OLD_FULL:
                        row->flags &= ~(unsigned)ROW_INCREMENTAL;
                        __attribute__((fallthrough));
                case TOO_OLD:
                        row->time_created = utc_add_seconds(row->slot, -61);
                        break;
                case FULL_UNNAMED:
                        row->flags &= ~(unsigned)(ROW_INCREMENTAL | ROW_NAMED);
                        break;
                case ADOPTED_FULL:
                        row->flags &= (uint16_t)~ROW_INCREMENTAL;
                        __attribute__((fallthrough));
                case ADOPTED:
                        row->flags &= (uint16_t)~ROW_NAMED;
                        row->flags |= ROW_ADOPTED;
                        row->name = number(&f, "by-hand");
                        break;
                case FORMERLY:
                        f.policy.formerly = formerly;
                        f.policy.n_formerly = 1;
                        __attribute__((fallthrough));
                case OTHER_POLICY:
                        row->policy = number(&f, "silver");
                        break;
                case OTHER_LIFE:
                        row->generation = number(&f, GENERATION_2);
                        break;
                case NO_SOURCE:
                        row->generation = 0;
                        f.disks[1] = f.disks[0];
                        f.disks[1].generation =
                                0; /* neither has one, and that does not join them */
                        f.n_disks = 2;
                        break;
                case OTHER_REGION:
                        row->region = (uint16_t)number(&f, "northeurope");
                        break;
                default:
                        break;
                }
                if (rows[i].what == OTHER_GROUP || rows[i].what == OTHER_GROUP_NO_TARGET)
                        row->group = number(&f, "rg-other");
                f.target.groups = groups;
                f.target.n_groups = no_target;

                begin(&f, NOW + 9);
                explainer_row(f.explainer, row, &what);
                explained_row_append(f.explainer, row, &what, &why);
                if (what.kind != rows[i].kind || what.why != rows[i].why ||
                    strcmp(strbuf_str(&why), rows[i].text) != 0)
                        fail_msg("row at line %d: %s, %x, \"%s\"", rows[i].line,
                                 explain_kind_name(what.kind), what.why, strbuf_str(&why));
                strbuf_deinit(&why);

                /* And the series has it just then. */
                if (!no_target) {
                        assert_int_equal(explainer_series(f.explainer, 0, &f.disks[0], &series), 0);
                        if (series.n != (rows[i].kind == EXPLAIN_OURS))
                                fail_msg("row at line %d: %zu in the series", rows[i].line,
                                         series.n);
                }
                teardown(&f);
        }
}

/* A moved disk is listed under both names: the one that is selected explains it. */
static void test_moved(void **state) {
        static char *groups[] = {NULL};
        struct explained_row what;
        struct fixture f;

        groups[0] = text("rg-new");
        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[1].group = number(&f, "rg-new");
        f.n_disks = 2;
        f.target.groups = groups;
        f.target.n_groups = 1;
        add(&f, 0, ROW_COMPLETE);
        begin(&f, NOW + 9);
        explainer_row(f.explainer, &f.rows[0], &what);
        assert_int_equal(what.kind, EXPLAIN_OURS);
        assert_ptr_equal(what.disk, &f.disks[1]);
        teardown(&f);
}

/* Jitter moves deaths as it moves starts; nothing lies beyond the horizon or the calendar. */
static void test_future(void **state) {
        struct explained_series series;
        const struct explained *one;
        struct fixture f;
        int64_t jitter;

        setup(&f);
        f.policy.jitter_s = 200;
        add(&f, 0, ROW_COMPLETE);
        f.policy.keep.count[KEEP_LAST] = 1;
        begin(&f, NOW + 250);
        one = explain(&f, 0, &series);
        assert_int_equal(schedule_jitter(&f.policy.schedule, NULL, GENERATION_1, 200, &jitter), 0);
        assert_true(jitter > 0);
        assert_int_equal(utc_seconds(one->death), NOW + EVERY + jitter);

        f.policy.keep = (struct keep){.count = {[KEEP_YEARLY] = 101}};
        begin(&f, NOW + 250);
        one = explain(&f, 0, &series);
        assert_int_equal(one->death.ticks, UTC_NEVER.ticks);

        f.policy.keep.count[KEEP_YEARLY] = 50;
        begin(&f, NOW + 250);
        one = explain(&f, 0, &series);
        assert_true(one->death.ticks != UTC_NEVER.ticks);

        f.n = 0;
        begin(&f, UTC_MAX_SECONDS);
        assert_int_equal(explainer_series(f.explainer, 0, &f.disks[0], &series), 0);
        assert_int_equal(series.n, 0);
        teardown(&f);
}

/* What is said of a backup is what the planner does with it. */
static void test_backup(void **state) {
        static const struct {
                int line;
                unsigned flags;
                bool off, no_keep;
                unsigned min_keep;
                int64_t min_age_s;
                const char *until, *text;
                int64_t death_s; /* after NOW; -1: never */
        } rows[] = {
                {__LINE__, ROW_COMPLETE, false, false, 1, 0, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z", 3600},
                {__LINE__, ROW_COMPLETE, false, true, 1, 0, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z", 3600},
                {__LINE__, ROW_COMPLETE, false, false, 1, 0, "20261123T011500Z",
                 "backup until 2026-11-23T01:15:00Z", 0},
                {__LINE__, ROW_COMPLETE, false, false, 1, 2 * 3600, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z", 2 * 3600 - 10 * EVERY + 2},
                {__LINE__, ROW_COMPLETE | ROW_HELD, false, false, 1, 0, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z, held", -1},
                {__LINE__, ROW_UNDERWAY, false, false, 1, 0, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z", -1},
                {__LINE__, ROW_COMPLETE, true, false, 1, 0, "20261123T031500Z",
                 "prune is off, backup until 2026-11-23T03:15:00Z", -1},
                {__LINE__, ROW_COMPLETE, false, false, 3, 0, "20261123T031500Z",
                 "backup until 2026-11-23T03:15:00Z, kept while its series is below min_keep", -1},
                {__LINE__, ROW_COMPLETE, false, false, 1, 0, "", "backup", -1},
                {__LINE__, ROW_FAILED, false, true, 1, 0, "20261123T031500Z",
                 "backup, failed, goes 7 days after it was first seen so",
                 7 * SEC_PER_DAY - 10 * EVERY + 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf reasons = {};
                struct explained_row what;
                struct utc death;
                struct fixture f;

                setup(&f);
                f.policy.prune = rows[i].off ? PRUNE_OFF : PRUNE_AUTO;
                f.policy.has_keep = !rows[i].no_keep;
                f.policy.min_keep = rows[i].min_keep;
                f.policy.min_age_s = rows[i].min_age_s;
                add(&f, 0, ROW_COMPLETE);
                add(&f, 1, ROW_COMPLETE);
                add_backup(&f, 10, rows[i].flags, rows[i].until);
                begin(&f, NOW);
                explainer_row(f.explainer, row_of(&f, 10), &what);
                assert_int_equal(what.kind, EXPLAIN_OURS);
                assert_int_equal(
                        explainer_backup(f.explainer, &what, row_of(&f, 10), &reasons, &death), 0);
                if (strcmp(strbuf_str(&reasons), rows[i].text) != 0 ||
                    (rows[i].death_s < 0 ? death.ticks != UTC_NEVER.ticks
                                         : utc_seconds(death) != NOW + rows[i].death_s))
                        fail_msg("row at line %d: \"%s\", %lld", rows[i].line, strbuf_str(&reasons),
                                 (long long)utc_seconds(death) - NOW);
                teardown(&f);
        }
}

/* Where the rule runs on over what is left of a gone disk, each has its date, and it is the planner's. */
static void test_gone(void **state) {
        enum {
                APPLY,
                KEEP,
                UNPROVEN,
                RETIRED,
                OTHER_TARGET,
                NO_ID,
                OTHER_GENERATION,
                UNTAGGED,
                OFF,
        };
        static const struct {
                int line, what;
                enum explain_kind kind;
                int64_t now_s; /* after the freeze's end */
                const char *oldest, *newest;
        } rows[] = {
                {__LINE__, APPLY, EXPLAIN_OURS, -1,
                 "disk gone, frozen until 2026-11-23T02:15:00Z, superseded",
                 "disk gone, frozen until 2026-11-23T02:15:00Z, last 1/3, min_keep"},
                {__LINE__, APPLY, EXPLAIN_OURS, 0, "disk gone, superseded",
                 "disk gone, last 1/3, min_keep"},
                {__LINE__, OFF, EXPLAIN_OURS, 0, "prune is off, disk gone, superseded",
                 "prune is off, disk gone, last 1/3, min_keep"},
                {__LINE__, KEEP, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, UNPROVEN, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, RETIRED, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, OTHER_TARGET, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, NO_ID, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, OTHER_GENERATION, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
                {__LINE__, UNTAGGED, EXPLAIN_UNCLAIMED, 0, NULL, NULL},
        };
        static char *groups[] = {NULL};
        struct unselected unselected = {GENERATION_1, text("gold")};
        struct guid retired;

        groups[0] = text("rg-db*");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct generation_standing known = {
                        .generation = GENERATION_1,
                        .gone_since = utc_from_seconds(NOW - SEC_PER_DAY),
                };
                int64_t now = NOW + rows[i].now_s;
                struct explained_series series;
                struct explained_row what;
                struct fixture f;
                bool unproven;

                setup(&f);
                f.n_disks = 0;
                f.policy.gone = rows[i].what == KEEP ? GONE_KEEP : GONE_APPLY;
                f.policy.freeze_s = SEC_PER_DAY;
                f.policy.prune = rows[i].what == OFF ? PRUNE_OFF : PRUNE_AUTO;
                f.policy.jitter_s = 200;
                f.orphan = (struct orphan){
                        .generation = number(&f, GENERATION_1),
                        .disk = number(&f, rows[i].what == NO_ID ? "rg-app/db01"
                                                                 : SUBSCRIPTION "/rg-app/db01"),
                };
                f.n_orphans = 1;
                for (int64_t j = 0; j < 5; j++)
                        add(&f, 9 + j, ROW_COMPLETE);
                add(&f, 20, ROW_FAILED);
                add_backup(&f, 30, ROW_COMPLETE, "20261123T011500Z");
                if (rows[i].what == UNPROVEN)
                        known.gone_since = UTC_NONE;
                retired = f.rows[4].unique_id;
                if (rows[i].what == RETIRED)
                        known.retired = &retired, known.n_retired = 1;
                if (rows[i].what == OTHER_TARGET)
                        f.target.groups = groups, f.target.n_groups = 1;
                if (rows[i].what == OTHER_GENERATION)
                        strcpy(known.generation, GENERATION_2);
                begin(&f, now);
                f.standing.generations = &known;
                f.standing.n_generations = 1;
                f.standing.unselected = &unselected;
                f.standing.n_unselected = rows[i].what == UNTAGGED;
                explainer_know(f.explainer, &f.standing);

                explainer_row(f.explainer, row_of(&f, 9), &what);
                /* Nobody has looked for this disk yet, as in a process that has just begun to look. */
                unproven = rows[i].what == UNPROVEN || rows[i].what == OTHER_GENERATION;
                if (what.kind != rows[i].kind ||
                    what.why != (what.kind == EXPLAIN_OURS ? 0
                                 : unproven                ? EXPLAIN_NO_DISK | EXPLAIN_UNPROVEN
                                                           : EXPLAIN_NO_DISK))
                        fail_msg("row at line %d: kind %d, why %x", rows[i].line, what.kind,
                                 what.why);
                if (what.kind != EXPLAIN_OURS) {
                        struct strbuf why = {};

                        explained_row_append(f.explainer, row_of(&f, 9), &what, &why);
                        assert_string_equal(strbuf_str(&why),
                                            unproven ? "no disk that is listed has its generation; "
                                                       "and once its disk is sure to be gone "
                                                       "the rule of policy \"gold\" goes on after "
                                                       "1d (on_disk_gone)"
                                                     : "no disk that is listed has its generation");
                        strbuf_deinit(&why);
                        for (size_t j = 0; j < f.n; j++)
                                assert_int_equal(
                                        planned(&f, &f.rows[j], NOW + 900 * SEC_PER_DAY),
                                        rows[i].what == RETIRED &&
                                                guid_compare(&f.rows[j].unique_id, &retired) == 0);
                        teardown(&f);
                        continue;
                }

                assert_null(what.disk);
                assert_int_equal(explainer_series_of(f.explainer, &what, row_of(&f, 9), &series),
                                 0);
                assert_int_equal(series.n, 6);
                assert_null(series.disk);
                for (size_t j = 0; j < series.n; j++) {
                        const struct explained *one = &series.items[j];
                        bool goes = one->death.ticks != UTC_NEVER.ticks;

                        assert_int_equal(goes, rows[i].what != OFF && j < 3);
                        assert_int_equal(goes, planned(&f, one->row, NOW + 900 * SEC_PER_DAY));
                        if (!goes)
                                continue;
                        assert_true(planned(&f, one->row, utc_seconds(one->death)));
                        assert_true(one->death.ticks == utc_from_seconds(now).ticks ||
                                    !planned(&f, one->row, utc_seconds(one->death) - 1));
                }
                for (size_t newest = 0; newest < 2; newest++) {
                        struct strbuf reasons = {};

                        explained_append(f.explainer, &series,
                                         &series.items[newest ? series.n - 1 : 1], &reasons);
                        assert_string_equal(strbuf_str(&reasons),
                                            newest ? rows[i].newest : rows[i].oldest);
                        strbuf_deinit(&reasons);
                }
                explainer_row(f.explainer, row_of(&f, 30), &what);
                assert_int_equal(what.kind, EXPLAIN_OURS);
                {
                        struct strbuf reasons = {};
                        struct utc death;

                        assert_int_equal(explainer_backup(f.explainer, &what, row_of(&f, 30),
                                                          &reasons, &death),
                                         0);
                        assert_int_equal(death.ticks, rows[i].what == OFF
                                                              ? UTC_NEVER.ticks
                                                              : utc_from_seconds(NOW).ticks);
                        assert_non_null(strstr(strbuf_str(&reasons), "disk gone, "));
                        strbuf_deinit(&reasons);
                }
                teardown(&f);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_series), cmocka_unit_test(test_agrees_with_planner),
                cmocka_unit_test(test_failed), cmocka_unit_test(test_stays),
                cmocka_unit_test(test_rows),   cmocka_unit_test(test_moved),
                cmocka_unit_test(test_future), cmocka_unit_test(test_backup),
                cmocka_unit_test(test_gone),
        };

        return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
