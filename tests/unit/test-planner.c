/*
 * The planner: what is created, what goes, what is left alone, on worlds made by hand.
 */
#include "base/macros.h"
#include "core/naming.h"
#include "core/planner.h"

#include "view-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void run(struct fixture *f, int64_t now) {
        view_make(f);
        f->plan = plan_free(f->plan);
        assert_int_equal(
                planner_run(&f->file, &f->view, &f->standing, utc_from_seconds(now), &f->plan), 0);
}

static size_t count(const struct fixture *f, enum action_kind kind) {
        size_t n = 0;

        for (size_t i = 0; i < f->plan->n_actions; i++)
                n += f->plan->actions[i].kind == kind;
        return n;
}

static size_t found(const struct fixture *f, enum finding_kind kind) {
        for (size_t i = 0; i < f->plan->n_findings; i++)
                if (f->plan->findings[i].kind == kind)
                        return f->plan->findings[i].count;
        return 0;
}

static void test_first(void **state) {
        struct fixture f;
        struct strbuf tags = {};

        setup(&f);
        run(&f, NOW + 7);
        assert_int_equal(f.plan->n_actions, 1);
        assert_int_equal(f.plan->actions[0].kind, ACTION_CREATE);
        assert_int_equal(utc_seconds(f.plan->actions[0].slot), NOW);
        assert_string_equal(f.plan->actions[0].group, "rg-snapshots");
        assert_string_equal(f.plan->actions[0].reason, "slot 2026-11-23T02:15:00Z is due");
        assert_string_equal(f.plan->actions[0].disk.name, "db01");
        assert_int_equal(utc_seconds(f.plan->next), NOW + EVERY);

        action_tags(&f.file, &f.plan->actions[0], false, &tags);
        assert_int_equal(tags.error, 0);
        static const char expected[] = "snapkeep-version\0001\0"
                                       "snapkeep-owner\0prod-backup\0"
                                       "snapkeep-policy\0gold\0"
                                       "snapkeep-slot\00020261123T021500Z\0"
                                       "snapkeep-generation\0" GENERATION_1 "\0"
                                       "snapkeep-disk\0" SUBSCRIPTION "/rg-app/db01\0"
                                       "snapkeep-keep\0last=3;pick=first;zone=UTC";
        assert_int_equal(tags.len, sizeof(expected));
        assert_memory_equal(tags.data, expected, sizeof(expected));
        strbuf_deinit(&tags);
        teardown(&f);
}

/* States of the due slot's own snapshot, and what is made of them. */
static void test_slot(void **state) {
        static const struct {
                int line;
                unsigned flags;
                int64_t created_s; /* after the slot */
                size_t creates;
                unsigned attempt;
        } rows[] = {
                {__LINE__, ROW_COMPLETE, 2, 0, 0},
                {__LINE__, ROW_UNDERWAY, 2, 0, 0},
                {__LINE__, ROW_COMPLETE, 600, 0, 0}, /* our clock is behind: filled all the same */
                {__LINE__, ROW_COMPLETE, -60, 0, 0},
                {__LINE__, ROW_COMPLETE, -61, 1, 2}, /* older than its slot: does not fill it */
                {__LINE__, ROW_FAILED, 2, 1, 2},     /* its name stays taken */
                {__LINE__, ROW_LEAVING, 2, 1, 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                add(&f, 0, rows[i].flags)->time_created = utc_from_seconds(NOW + rows[i].created_s);
                run(&f, NOW + 9);
                if (count(&f, ACTION_CREATE) != rows[i].creates)
                        fail_msg("row at line %d", rows[i].line);
                if (rows[i].creates && f.plan->actions[0].attempt != rows[i].attempt)
                        fail_msg("row at line %d: attempt %u", rows[i].line,
                                 f.plan->actions[0].attempt);
                teardown(&f);
        }
}

static void test_attempts_run_out(void **state) {
        struct fixture f;

        setup(&f);
        for (unsigned i = 1; i <= 9; i++)
                add(&f, 0, ROW_FAILED)->attempt = (uint8_t)i;
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_CREATE), 0);
        assert_int_equal(found(&f, FINDING_NO_ATTEMPT), 1);
        teardown(&f);
}

static void test_prune(void **state) {
        struct fixture f;

        setup(&f);
        for (int64_t i = 0; i < 6; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_CREATE), 0);
        assert_int_equal(count(&f, ACTION_DELETE), 3);
        /* The oldest first, and with what the re-read must find. */
        assert_int_equal(utc_seconds(f.plan->actions[0].slot), NOW - 5 * EVERY);
        assert_int_equal(f.plan->actions[0].tag_hash, 5);
        assert_string_equal(f.plan->actions[0].group, "RG-Snapshots");
        assert_string_equal(f.plan->actions[0].reason,
                            "superseded under last=3;pick=first;zone=UTC");

        f.policy.prune = PRUNE_OFF;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 0);

        f.policy.prune = PRUNE_AUTO;
        f.policy.has_keep = false;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 0);

        f.policy.has_keep = true;
        f.policy.min_age_s = 4 * EVERY;
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE),
                         2); /* of 3 and a little, 4 and 5 slots: two are old enough */

        f.policy.min_age_s = 0;
        f.policy.min_keep = 6;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 0);
        teardown(&f);
}

#define OVER "20261123T021500Z" /* NOW */

/* A backup goes by its own date and the floors, and by nothing else. */
static void test_backup_goes(void **state) {
        static const struct {
                int line;
                unsigned flags;
                const char *until;
                int64_t now_s, min_age_s;
                unsigned min_keep;
                bool off, no_keep, goes;
        } rows[] = {
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 1, false, false, true},
                {__LINE__, ROW_COMPLETE, OVER, -1, 0, 1, false, false, false},
                {__LINE__, ROW_COMPLETE, "20261123T021501Z", 0, 0, 1, false, false, false},
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 2, false, true, true},
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 1, true, false, false},
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 1, true, true, false},
                {__LINE__, ROW_COMPLETE | ROW_HELD, OVER, 0, 0, 1, false, false, false},
                {__LINE__, ROW_UNDERWAY, OVER, 0, 0, 1, false, false, false},
                {__LINE__, ROW_LEAVING, OVER, 0, 0, 1, false, false, false},
                {__LINE__, ROW_COMPLETE, "", 0, 0, 1, false, false, false},
                {__LINE__, ROW_COMPLETE, "tomorrow", 0, 0, 1, false, false, false},
                /* ten slots old, and two seconds younger */
                {__LINE__, ROW_COMPLETE, OVER, 0, 10 * EVERY, 1, false, false, false},
                {__LINE__, ROW_COMPLETE, OVER, 2, 10 * EVERY, 1, false, false, true},
                /* three members, of which none may be missing; no backup is one */
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 3, false, false, true},
                {__LINE__, ROW_COMPLETE, OVER, 0, 0, 4, false, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;
                size_t goes = 0;

                setup(&f);
                f.policy.prune = rows[i].off ? PRUNE_OFF : PRUNE_AUTO;
                f.policy.has_keep = !rows[i].no_keep;
                f.policy.min_age_s = rows[i].min_age_s;
                f.policy.min_keep = rows[i].min_keep;
                for (int64_t k = 1; k < 4; k++)
                        add(&f, k, ROW_COMPLETE);
                add_backup(&f, 10, rows[i].flags, rows[i].until);
                run(&f, NOW + rows[i].now_s);
                for (size_t k = 0; k < f.plan->n_actions; k++) {
                        const struct action *action = &f.plan->actions[k];

                        goes += action->kind == ACTION_DELETE &&
                                strcmp(action->reason, "backup kept until 2026-11-23T02:15:00Z") ==
                                        0;
                }
                if (count(&f, ACTION_DELETE) != rows[i].goes || goes != rows[i].goes)
                        fail_msg("row at line %d: %zu go", rows[i].line, count(&f, ACTION_DELETE));
                /* the doubts count it, and what min_keep relies on is read */
                assert_int_equal(f.plan->policies[0].deletes, rows[i].goes);
                assert_int_equal(f.plan->series[0].deletes, rows[i].goes);
                if (rows[i].goes)
                        assert_int_equal(f.plan->series[0].n_survivors, MIN(rows[i].min_keep, 3U));
                assert_int_equal(found(&f, FINDING_UNCLAIMED), 0);
                assert_int_equal(found(&f, FINDING_MISTAKEN), 0);
                teardown(&f);
        }
}

/* It counts for nothing: fills no slot, moves nothing out of the rule, is no floor's and no gain. */
static void test_backup_counts_for_nothing(void **state) {
        struct fixture f;

        setup(&f);
        f.policy.keep.count[KEEP_LAST] = 2;
        add_backup(&f, 0, ROW_COMPLETE, "20270101T000000Z");
        add_backup(&f, 3, ROW_COMPLETE, "20270101T000000Z");
        for (int64_t i = 1; i < 3; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_CREATE), 1);
        assert_int_equal(utc_seconds(f.plan->actions[0].slot), NOW);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        assert_int_equal(f.plan->series[0].complete, 2);
        assert_int_equal(f.plan->series[0].chain, 4);
        assert_int_equal(f.plan->policies[0].complete, 2);
        assert_int_equal(f.plan->policies[0].listed, 4); /* of its name, which deletions are, too */
        assert_int_equal(f.plan->policies[0].gained, 2);
        assert_int_equal(utc_seconds(f.plan->series[0].newest), NOW - EVERY + 2);

        /* Only backups are there: none of them goes, nor does the one that is over. */
        f.n = 0;
        add_backup(&f, 10, ROW_COMPLETE, OVER);
        add_backup(&f, 11, ROW_COMPLETE, OVER);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 0);

        /* One that failed goes like the others that did, and one of the future is told of. */
        f.n = 0;
        f.policy.has_keep = false;
        add(&f, 1, ROW_COMPLETE);
        add_backup(&f, 10, ROW_FAILED, "20270101T000000Z");
        add_backup(&f, -10, ROW_COMPLETE, "20270101T000000Z");
        run(&f, NOW + 7 * SEC_PER_DAY - 10 * EVERY - 1000);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        run(&f, NOW + 9);
        assert_int_equal(found(&f, FINDING_FUTURE), 1);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        f.rows[0].slot = f.rows[0].time_created = utc_from_seconds(NOW - 7 * SEC_PER_DAY);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        assert_int_equal(f.plan->policies[0].failures, 1);
        teardown(&f);
}

/* A disk that was moved is listed under two ids: one deletion, and no more. */
static void test_backup_of_two(void **state) {
        struct fixture f;

        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[1].group = number(&f, "rg-new");
        f.n_disks = 2;
        f.policy.min_keep = 0;
        add_backup(&f, 10, ROW_FAILED, OVER)->time_created =
                utc_from_seconds(NOW - 8 * SEC_PER_DAY);
        f.rows[0].slot = utc_from_seconds(NOW - 8 * SEC_PER_DAY);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        teardown(&f);
}

/* What is not complete neither counts nor goes, and a hold stays. */
static void test_prune_states(void **state) {
        struct fixture f;

        setup(&f);
        add(&f, 0, ROW_UNDERWAY);
        add(&f, 1, ROW_FAILED);
        for (int64_t i = 2; i < 6; i++)
                add(&f, i, ROW_COMPLETE);
        f.rows[f.n - 1].flags |= ROW_HELD;
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE),
                         0); /* 2, 3 and 4 are the last three; 5 is held */
        teardown(&f);
}

static void test_failed_go(void **state) {
        struct fixture f;

        setup(&f);
        add(&f, 0, ROW_COMPLETE);
        add(&f, 7 * SEC_PER_DAY / EVERY, ROW_FAILED)->time_created =
                utc_from_seconds(NOW - 7 * SEC_PER_DAY + 1);
        run(&f, NOW);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        run(&f, NOW + 1);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        assert_string_equal(f.plan->actions[0].reason, "failed more than 7 days ago");
        assert_true(f.plan->actions[0].failed);
        assert_int_equal(f.plan->policies[0].deletes, 0);
        assert_int_equal(f.plan->policies[0].failures, 1);

        /* Neither with pruning off, nor when somebody holds it; and never a complete one of that age. */
        f.policy.prune = PRUNE_OFF;
        run(&f, NOW + 1);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        f.policy.prune = PRUNE_AUTO;
        f.rows[f.n - 1].flags |= ROW_HELD;
        f.rows[0].flags |= ROW_HELD; /* the view is sorted: one of the two has failed */
        run(&f, NOW + 1);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        for (size_t i = 0; i < f.n; i++)
                f.rows[i].flags =
                        (uint16_t)((f.rows[i].flags & ~(unsigned)(ROW_HELD | ROW_FAILED)) |
                                   ROW_COMPLETE);
        run(&f, NOW + 1);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        teardown(&f);
}

/* The seven days begin when it was first seen so: what was complete for long may fail today. */
static void test_failed_late(void **state) {
        struct fixture f;

        setup(&f);
        add(&f, 0, ROW_COMPLETE);
        add(&f, 30 * SEC_PER_DAY / EVERY, ROW_FAILED);
        f.seen_s = NOW - 7 * SEC_PER_DAY + 1;
        run(&f, NOW);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        run(&f, NOW + 1);
        assert_int_equal(count(&f, ACTION_DELETE), 1);

        /* One that is not remembered has not begun; nor where nothing stands at all. */
        f.standing.n_failures = 0;
        f.plan = plan_free(f.plan);
        assert_int_equal(
                planner_run(&f.file, &f.view, &f.standing, utc_from_seconds(NOW + 9), &f.plan), 0);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        f.plan = plan_free(f.plan);
        assert_int_equal(planner_run(&f.file, &f.view, NULL, utc_from_seconds(NOW + 9), &f.plan),
                         0);
        assert_int_equal(count(&f, ACTION_DELETE), 0);

        /* Nor does one that is complete again, remembered or not. */
        view_make(&f);
        f.rows[0].flags ^= ROW_FAILED | ROW_COMPLETE;
        f.plan = plan_free(f.plan);
        assert_int_equal(
                planner_run(&f.file, &f.view, &f.standing, utc_from_seconds(NOW + 9), &f.plan), 0);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        f.rows[0].flags ^= ROW_FAILED | ROW_COMPLETE;

        /* Remembered by a clock that was behind: seven days from its creation all the same. */
        f.rows[0].time_created = utc_from_seconds(NOW - 7 * SEC_PER_DAY + 5);
        f.seen_s = NOW - 20 * SEC_PER_DAY;
        run(&f, NOW + 4);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        run(&f, NOW + 5);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        teardown(&f);
}

/* Without a uniqueId the re-read could not tell it from another: it stays. */
static void test_nameless(void **state) {
        struct fixture f;

        setup(&f);
        for (int64_t i = 0; i < 4; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        for (size_t i = 0; i < f.n; i++)
                f.rows[i].unique_id = (struct guid){};
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        teardown(&f);
}

/* Without a date nobody knows how young it is: it stays, also where any age will do. */
static void test_undated(void **state) {
        struct fixture f;

        setup(&f);
        f.policy.min_age_s = 0;
        for (int64_t i = 0; i < 4; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 1);
        f.rows[0].time_created = UTC_NONE;
        run(&f, NOW + 9);
        assert_int_equal(count(&f, ACTION_DELETE), 0);
        teardown(&f);
}

/* Promise 1: what is not ours is neither counted nor touched. Each row makes one of six not ours. */
static void test_only_ours(void **state) {
        enum {
                STRANGER,
                UNNAMED,
                UNTAGGED,
                FULL,
                OTHER_GROUP,
                OTHER_POLICY,
                OTHER_REGION,
                OTHER_LIFE,
                _N
        };

        for (int kind = 0; kind < _N; kind++) {
                struct fixture f;
                struct snapshot_row *row;

                setup(&f);
                for (int64_t i = 0; i < 3; i++)
                        add(&f, i, ROW_COMPLETE);
                row = add(&f, 8, ROW_COMPLETE);
                switch (kind) {
                case STRANGER:
                        row->flags &= ~(unsigned)(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
                        row->slot = UTC_NONE;
                        break;
                case UNNAMED:
                        row->flags &= ~(unsigned)ROW_NAMED;
                        break;
                case UNTAGGED:
                        row->flags &= ~(unsigned)ROW_TAGGED;
                        break;
                case FULL:
                        row->flags &= ~(unsigned)ROW_INCREMENTAL;
                        break;
                case OTHER_GROUP:
                        row->group = number(&f, "rg-other");
                        break;
                case OTHER_POLICY:
                        row->policy = number(&f, "silver");
                        break;
                case OTHER_REGION:
                        row->region = (uint16_t)number(&f, "northeurope");
                        break;
                default:
                        row->generation = number(&f, GENERATION_2);
                        break;
                }
                run(&f, NOW + 9);
                if (f.plan->n_actions != 0)
                        fail_msg("kind %d is acted on", kind);
                teardown(&f);
        }
}

static void test_findings(void **state) {
        struct fixture f;
        struct resource_id missing = {.type = RESOURCE_DISK, .subscription = SUBSCRIPTION};

        setup(&f);
        strcpy(missing.group, "rg-app");
        strcpy(missing.name, "db99");
        f.target.disks = &missing;
        f.target.n_disks = 1;
        add(&f, 0, ROW_COMPLETE);
        add(&f, -2, ROW_COMPLETE); /* of a slot to come */
        add(&f, 1, ROW_COMPLETE)->flags &= ~(unsigned)ROW_NAMED;
        add(&f, 2, ROW_COMPLETE)->generation = number(&f, GENERATION_2);
        run(&f, NOW + 9);
        assert_int_equal(found(&f, FINDING_FUTURE), 1);
        assert_int_equal(found(&f, FINDING_MISTAKEN), 1);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 1);
        assert_int_equal(found(&f, FINDING_DISK_MISSING), 1);
        assert_int_equal(f.plan->n_actions, 0);
        assert_int_equal(f.plan->series[0].chain, 3);
        assert_int_equal(f.plan->series[0].complete, 1);

        f.disks[0].flags = DISK_NO_SNAPSHOT;
        run(&f, NOW + EVERY);
        assert_int_equal(found(&f, FINDING_NO_SNAPSHOT), 1);
        assert_int_equal(f.plan->n_actions, 0);

        f.disks[0].generation = 0;
        run(&f, NOW + EVERY);
        assert_int_equal(found(&f, FINDING_NO_GENERATION), 1);
        assert_int_equal(f.plan->n_actions, 0);
        teardown(&f);
}

static void test_targets(void **state) {
        static char *groups[] = {NULL};
        struct policy_tag tag = {NULL, NULL}, except = {NULL, NULL};
        struct {
                int line;
                const char *group, *name, *value, *except_name, *except_value;
                bool selected;
        } rows[] = {
                {__LINE__, NULL, NULL, NULL, NULL, NULL, true},
                {__LINE__, "RG-*", NULL, NULL, NULL, NULL, true},
                {__LINE__, "rg-db*", NULL, NULL, NULL, NULL, false},
                {__LINE__, NULL, "Backup", "gold", NULL, NULL, true},
                {__LINE__, NULL, "backup", "Gold", NULL, NULL, false}, /* values keep their case */
                {__LINE__, NULL, "backu", "gold", NULL, NULL, false},
                {__LINE__, NULL, NULL, NULL, "backup", "gold", false},
                {__LINE__, NULL, NULL, NULL, "backup", "off", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                groups[0] = (char *)(uintptr_t)rows[i].group;
                tag = (struct policy_tag){(char *)(uintptr_t)rows[i].name,
                                          (char *)(uintptr_t)rows[i].value};
                except = (struct policy_tag){(char *)(uintptr_t)rows[i].except_name,
                                             (char *)(uintptr_t)rows[i].except_value};
                f.target.groups = groups;
                f.target.n_groups = rows[i].group != NULL;
                f.target.tags = (struct policy_tags){&tag, rows[i].name != NULL};
                f.target.except_tags = (struct policy_tags){&except, rows[i].except_name != NULL};
                run(&f, NOW);
                if ((f.plan->n_series == 1) != rows[i].selected)
                        fail_msg("row at line %d", rows[i].line);
                teardown(&f);
        }
}

/* Whether both plans create the same and wait for the same, and say the same of the series' slots. */
static bool creates_equal(const struct plan *a, const struct plan *b) {
        size_t i = 0, j = 0;

        if (a->next.ticks != b->next.ticks || a->n_series != b->n_series)
                return false;
        for (size_t k = 0; k < a->n_series; k++)
                if (a->series[k].due.ticks != b->series[k].due.ticks ||
                    a->series[k].next.ticks != b->series[k].next.ticks ||
                    a->series[k].doubts != b->series[k].doubts ||
                    a->series[k].deferred != b->series[k].deferred)
                        return false;
        /* Creates come first in both. */
        for (; i < a->n_actions && a->actions[i].kind == ACTION_CREATE; i++, j++)
                if (j >= b->n_actions || b->actions[j].kind != ACTION_CREATE ||
                    strcmp(a->actions[i].name, b->actions[j].name) != 0 ||
                    a->actions[i].slot.ticks != b->actions[j].slot.ticks ||
                    a->actions[i].series != b->actions[j].series ||
                    a->actions[i].blocked != b->actions[j].blocked)
                        return false;
        return j >= b->n_actions || b->actions[j].kind != ACTION_CREATE;
}

/* A plan that is advanced creates what a new one would, step by step over every kind of wait, and
 * deletes what it did before. */
static void test_advance(void **state) {
        static const struct {
                int line;
                int64_t jitter_s;
                size_t burst;   /* others' snapshots of the disk within the burst's window */
                size_t pending; /* under way, of an Ultra disk */
        } rows[] = {
                {__LINE__, 0, 0, 0},
                {__LINE__, 200, 0, 0},
                {__LINE__, 0, CHAIN_BURST_MAX, 0},
                {__LINE__, 0, 0, PLANNER_PENDING_MAX},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;
                struct plan *plan = NULL;
                size_t deletes;

                setup(&f);
                f.policy.jitter_s = rows[i].jitter_s;
                f.disks[1] = f.disks[0];
                f.disks[1].name = number(&f, "db02");
                f.disks[1].generation = number(&f, GENERATION_2);
                f.n_disks = 2;
                f.disks[0].flags = rows[i].pending ? DISK_COUNTS_PERCENT : 0;
                for (int64_t slot = 1; slot < 6; slot++)
                        add(&f, slot, ROW_COMPLETE);
                for (size_t j = 0; j < rows[i].burst + rows[i].pending; j++) {
                        struct snapshot_row *row =
                                add(&f, 0, rows[i].pending ? ROW_UNDERWAY : ROW_COMPLETE);

                        row->flags &= (uint16_t) ~(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
                        row->time_created = utc_from_seconds(NOW - 60 + (int64_t)j);
                }
                view_make(&f);
                assert_int_equal(
                        planner_run(&f.file, &f.view, NULL, utc_from_seconds(NOW - 10), &plan), 0);
                deletes = 0;
                for (size_t j = 0; j < plan->n_actions; j++)
                        deletes += plan->actions[j].kind == ACTION_DELETE;
                assert_true(deletes > 0);

                for (int64_t now = NOW - 10; now < NOW + 4 * EVERY; now += 5) {
                        size_t still = 0;

                        if (plan->next.ticks <= utc_from_seconds(now).ticks)
                                assert_int_equal(planner_advance(&f.file, &f.view, NULL,
                                                                 utc_from_seconds(now), plan),
                                                 0);
                        run(&f, now);
                        if (!creates_equal(plan, f.plan))
                                fail_msg("line %d: %lld s after the slot the advanced plan creates "
                                         "something else",
                                         rows[i].line, (long long)(now - NOW));
                        for (size_t j = 0; j < plan->n_actions; j++)
                                still += plan->actions[j].kind == ACTION_DELETE;
                        assert_int_equal(still, deletes);
                }
                plan_free(plan);
                teardown(&f);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first),
                cmocka_unit_test(test_slot),
                cmocka_unit_test(test_attempts_run_out),
                cmocka_unit_test(test_prune),
                cmocka_unit_test(test_backup_goes),
                cmocka_unit_test(test_backup_counts_for_nothing),
                cmocka_unit_test(test_backup_of_two),
                cmocka_unit_test(test_prune_states),
                cmocka_unit_test(test_failed_go),
                cmocka_unit_test(test_failed_late),
                cmocka_unit_test(test_nameless),
                cmocka_unit_test(test_undated),
                cmocka_unit_test(test_only_ours),
                cmocka_unit_test(test_findings),
                cmocka_unit_test(test_targets),
                cmocka_unit_test(test_advance),
        };

        return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
