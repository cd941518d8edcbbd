/*
 * What keeps actions from going: doubts that the planner finds, full chains, bursts, accepted rules,
 * and what stands beside the world.
 */
#include "base/macros.h"
#include "base/str.h"
#include "core/naming.h"
#include "core/planner.h"

#include "view-fixture.h"
#include "zone-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STALE DOUBT_BIT(DOUBT_STALE)
#define PEER DOUBT_BIT(DOUBT_PEER)
#define INTERNAL DOUBT_BIT(DOUBT_INTERNAL)

static void run_with(struct fixture *f, const struct standing *standing, int64_t now) {
        view_make(f);
        f->plan = plan_free(f->plan);
        assert_int_equal(planner_run(&f->file, &f->view, standing, utc_from_seconds(now), &f->plan),
                         0);
}

static void run(struct fixture *f, int64_t now) {
        run_with(f, NULL, now);
}

/* The only create, or NULL. */
static const struct action *create_of(const struct fixture *f) {
        const struct action *create = NULL;

        for (size_t i = 0; i < f->plan->n_actions; i++)
                if (f->plan->actions[i].kind == ACTION_CREATE) {
                        assert_null(create);
                        create = &f->plan->actions[i];
                }
        return create;
}

static size_t found(const struct fixture *f, enum finding_kind kind) {
        for (size_t i = 0; i < f->plan->n_findings; i++)
                if (f->plan->findings[i].kind == kind)
                        return f->plan->findings[i].count;
        return 0;
}

static void stranger(struct snapshot_row *row) {
        row->flags &= (uint16_t) ~(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
        row->slot = UTC_NONE;
}

/* Slots missed in a row, at NOW + 9: the slot of NOW is due, those before it are missed. */
static void test_stale(void **state) {
        enum {
                PLAIN,
                REFUSED,
                UPLOADED,
                UNDER_WAY,
                AND_UNDER_WAY, /* one of the newest slot beside the complete one */
                INTERNALLY,
        };
        static const struct {
                int line;
                int what;
                int64_t newest;    /* slots ago; -1: none */
                int64_t created_s; /* of the disk, seconds before NOW */
                unsigned stale_stop;
                unsigned missed;
                uint32_t doubts;
        } rows[] = {
                {__LINE__, PLAIN, 0, 0, 2, 0, 0},
                {__LINE__, PLAIN, 1, 0, 2, 0, 0},
                {__LINE__, PLAIN, 2, 0, 2, 1, 0},
                {__LINE__, PLAIN, 3, 0, 2, 2, STALE},
                {__LINE__, PLAIN, 4, 0, 2, 3, STALE},
                {__LINE__, PLAIN, 9, 0, 2, 3, STALE}, /* counted no further */
                {__LINE__, PLAIN, 2, 0, 1, 1, STALE},
                {__LINE__, PLAIN, 3, 0, 3, 2, 0},
                {__LINE__, UNDER_WAY, 1, 0, 2, 0, 0},
                {__LINE__, UNDER_WAY, 3, 0, 2, 2, STALE},
                /* one under way ends it when it is complete, and not before */
                {__LINE__, AND_UNDER_WAY, 2, 0, 2, 0, 0},
                {__LINE__, AND_UNDER_WAY, 3, 0, 2, 0, STALE},
                {__LINE__, AND_UNDER_WAY, 3, 0, 3, 0, 0},
                {__LINE__, AND_UNDER_WAY, 4, 0, 3, 0, STALE},
                /* none: missed since the disk is there, and nothing to lose */
                {__LINE__, PLAIN, -1, 2 * EVERY, 2, 1, 0},
                {__LINE__, PLAIN, -1, 2 * EVERY + 1, 2, 2, 0},
                {__LINE__, PLAIN, -1, 900 * EVERY, 2, 3, 0},
                {__LINE__, PLAIN, -1, -3, 2, 0, 0},
                /* what is not missed, though it is not there */
                {__LINE__, REFUSED, 4, 0, 2, 3, 0},
                {__LINE__, UPLOADED, 4, 0, 2, 0, 0},
                {__LINE__, INTERNALLY, 0, 0, 2, 0, INTERNAL},
                {__LINE__, INTERNALLY, 3, 0, 2, 2, INTERNAL | STALE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct generation_standing known = {.generation = GENERATION_1,
                                                    .refused = rows[i].what == REFUSED,
                                                    .internal = rows[i].what == INTERNALLY,
                                                    .gone_since = UTC_NONE};
                struct standing standing = {.generations = &known, .n_generations = 1};
                const struct series_state *series;
                struct fixture f;

                setup(&f);
                f.policy.stale_stop = rows[i].stale_stop;
                f.disks[0].time_created = utc_from_seconds(NOW - rows[i].created_s);
                f.disks[0].flags = rows[i].what == UPLOADED ? DISK_NO_SNAPSHOT : 0;
                if (rows[i].newest >= 0)
                        add(&f, rows[i].newest,
                            rows[i].what == UNDER_WAY ? ROW_UNDERWAY : ROW_COMPLETE);
                if (rows[i].what == AND_UNDER_WAY)
                        add(&f, 0, ROW_UNDERWAY);
                run_with(&f, &standing, NOW + 9);
                series = &f.plan->series[0];
                if (series->missed != rows[i].missed || series->doubts != rows[i].doubts ||
                    series->blocked != rows[i].doubts ||
                    series->no_snapshot != (rows[i].what == UPLOADED))
                        fail_msg("row at line %d: missed %u, doubts %x", rows[i].line,
                                 series->missed, series->doubts);
                teardown(&f);
        }
}

/* Several are under way, some for long: none of them ends what began before the next. */
static void test_stale_underway(void **state) {
        static const struct {
                int line;
                const char *slots; /* the newest first: 'c'omplete, 'u'nder way, '-' none */
                uint32_t doubts;
        } rows[] = {
                {__LINE__, "uc", 0},         {__LINE__, "uuuuuc", 0},
                {__LINE__, "u--c", STALE},   {__LINE__, "u--uc", STALE},
                {__LINE__, "uu--uc", STALE}, {__LINE__, "u-u-u-c", 0},
                {__LINE__, "c--u", 0},       {__LINE__, "uc--uc", 0},
                {__LINE__, "u--u", 0}, /* nothing to lose yet */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                for (size_t j = 0; rows[i].slots[j]; j++)
                        if (rows[i].slots[j] != '-')
                                add(&f, (int64_t)j,
                                    rows[i].slots[j] == 'c' ? ROW_COMPLETE : ROW_UNDERWAY);
                run(&f, NOW + 9);
                if (f.plan->series[0].doubts != rows[i].doubts)
                        fail_msg("row at line %d: %x", rows[i].line, f.plan->series[0].doubts);
                teardown(&f);
        }
}

/* A doubt blocks what is deleted, and never what is created. */
static void test_stale_blocks(void **state) {
        struct fixture f;

        setup(&f);
        for (int64_t i = 3; i < 9; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 4);
        for (size_t i = 0; i < 4; i++) {
                const struct action *action = &f.plan->actions[i];

                assert_int_equal(action->series, 0);
                assert_int_equal(action->blocked, action->kind == ACTION_DELETE ? STALE : 0);
        }
        assert_int_equal(f.plan->series[0].deletes, 3);
        teardown(&f);
}

static void test_late(void **state) {
        static const struct {
                int line;
                int64_t rpo_s;
                int64_t age_ticks; /* of the newest complete one; -1: none */
                int64_t disk_age_ticks;
                bool uploaded, late;
        } rows[] = {
                {__LINE__, 900, 900 * TICKS_PER_SEC, 0, false, false},
                {__LINE__, 900, 900 * TICKS_PER_SEC + 1, 0, false, true},
                {__LINE__, 900, 900 * TICKS_PER_SEC + 1, 0, true, false},
                {__LINE__, 0, 900 * TICKS_PER_SEC + 1, 0, false, false},
                {__LINE__, 900, -1, 900 * TICKS_PER_SEC, false, false},
                {__LINE__, 900, -1, 900 * TICKS_PER_SEC + 1, false, true},
                {__LINE__, 900, -1, 900 * TICKS_PER_SEC + 1, true, false},
                {__LINE__, 0, -1, 900 * TICKS_PER_SEC + 1, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct utc now = utc_from_seconds(NOW + 9);
                struct fixture f;

                setup(&f);
                f.policy.rpo_s = rows[i].rpo_s;
                f.disks[0].time_created = (struct utc){now.ticks - rows[i].disk_age_ticks};
                f.disks[0].flags = rows[i].uploaded ? DISK_NO_SNAPSHOT : 0;
                /* None of these is a complete one of the past. */
                add(&f, 1, ROW_FAILED)->time_created = now;
                add(&f, 2, ROW_UNDERWAY)->time_created = now;
                add(&f, -3, ROW_COMPLETE)->time_created = now;
                if (rows[i].age_ticks >= 0)
                        add(&f, 4, ROW_COMPLETE)->time_created =
                                (struct utc){now.ticks - rows[i].age_ticks};
                run(&f, NOW + 9);
                if (f.plan->series[0].late != rows[i].late)
                        fail_msg("row at line %d", rows[i].line);
                teardown(&f);
        }
}

/* A disk of no known age, and nothing of it. */
static void test_late_unknown(void **state) {
        struct fixture f;

        setup(&f);
        f.policy.rpo_s = 900;
        f.disks[0].time_created = UTC_NONE;
        run(&f, NOW);
        assert_true(f.plan->series[0].late);
        assert_int_equal(f.plan->series[0].missed, 0);
        teardown(&f);
}

static void test_full(void **state) {
        enum {
                OURS,
                STRANGERS,
                LEAVING,
                WHOLE,
                ELSEWHERE,
        };
        static const struct {
                int line;
                size_t n;
                int what;
                uint32_t blocked;
        } rows[] = {
                {__LINE__, 499, OURS, 0},
                {__LINE__, 500, OURS, BLOCK_FULL},
                {__LINE__, 501, OURS, BLOCK_FULL},
                {__LINE__, 500, STRANGERS, BLOCK_FULL},
                {__LINE__, 500, LEAVING, BLOCK_FULL},
                {__LINE__, 500, WHOLE, 0},
                {__LINE__, 500, ELSEWHERE, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                f.policy.prune = PRUNE_OFF;
                for (size_t j = 0; j < rows[i].n; j++) {
                        struct snapshot_row *row = add(&f, 2 + (int64_t)j, ROW_COMPLETE);

                        switch (rows[i].what) {
                        case STRANGERS:
                                stranger(row);
                                break;
                        case LEAVING:
                                row->flags ^= ROW_COMPLETE | ROW_LEAVING;
                                break;
                        case WHOLE:
                                row->flags &= (uint16_t)~ROW_INCREMENTAL;
                                break;
                        case ELSEWHERE:
                                row->region = (uint16_t)number(&f, "northeurope");
                                break;
                        default:
                                break;
                        }
                }
                run(&f, NOW + 9);
                assert_non_null(create_of(&f));
                if (create_of(&f)->blocked != rows[i].blocked)
                        fail_msg("row at line %d: %x", rows[i].line, create_of(&f)->blocked);
                teardown(&f);
        }
}

/* Snapshots of a disk in the last minutes, at NOW + 9. */
static void test_burst(void **state) {
        static const struct {
                int line;
                int64_t age_s[9]; /* 0 ends them */
                uint32_t blocked;
                int64_t until_s; /* after NOW + 9; 0: the next slot */
        } rows[] = {
                {__LINE__, {1, 2, 3, 4, 5, 299}, 0, 0},
                {__LINE__, {1, 2, 3, 4, 5, 6, 299}, BLOCK_BURST, 1},
                {__LINE__, {1, 2, 3, 4, 5, 6, 300}, 0, 0},
                {__LINE__, {1, 2, 3, 4, 5, 6, 100}, BLOCK_BURST, 200},
                /* of eight the oldest two must have left */
                {__LINE__, {1, 2, 3, 4, 5, 6, 299, 298}, BLOCK_BURST, 2},
                {__LINE__, {299, 298, 1, 2, 3, 4, 5, 6}, BLOCK_BURST, 2},
                {__LINE__, {299, 296, 297, 298, 294, 295, 293, 290}, BLOCK_BURST, 2},
                /* a minute ahead is a clock, more is none of these minutes */
                {__LINE__, {-60, 2, 3, 4, 5, 6, 100}, BLOCK_BURST, 200},
                {__LINE__, {-61, 2, 3, 4, 5, 6, 100}, 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int what = 0; what < 3; what++) {
                        int64_t now = NOW + 9;
                        uint32_t blocked = what == 1 ? 0 : rows[i].blocked;
                        int64_t until =
                                rows[i].until_s && blocked ? now + rows[i].until_s : NOW + EVERY;
                        struct fixture f;

                        setup(&f);
                        f.policy.prune = PRUNE_OFF;
                        for (size_t j = 0; j < 9 && rows[i].age_s[j] != 0; j++) {
                                struct snapshot_row *row = add(&f, 2 + (int64_t)j, ROW_COMPLETE);

                                row->time_created = utc_from_seconds(now - rows[i].age_s[j]);
                                if (what == 1) /* full ones are no part of the limit */
                                        row->flags &= (uint16_t)~ROW_INCREMENTAL;
                                if (what == 2)
                                        stranger(row);
                        }
                        run(&f, now);
                        assert_non_null(create_of(&f));
                        if (create_of(&f)->blocked != blocked ||
                            utc_seconds(f.plan->next) != MIN(until, NOW + EVERY))
                                fail_msg("row at line %d, %d: %x until %d", rows[i].line, what,
                                         create_of(&f)->blocked,
                                         (int)(utc_seconds(f.plan->next) - now));
                        teardown(&f);
                }
}

/* Several policies of one disk share its limits: what one is to create counts for the next. */
static void test_shared_limits(void **state) {
        static const struct {
                int line;
                size_t chain, burst, pending;
                size_t free;      /* creates that are not blocked */
                uint32_t blocked; /* of the others */
                size_t deferred;
        } rows[] = {
                {__LINE__, 497, 0, 0, 3, 0, 0},
                {__LINE__, 498, 0, 0, 2, BLOCK_FULL, 0},
                {__LINE__, 500, 0, 0, 0, BLOCK_FULL, 0},
                {__LINE__, 10, 4, 0, 3, 0, 0},
                {__LINE__, 10, 5, 0, 2, BLOCK_BURST, 0},
                {__LINE__, 10, 6, 0, 1, BLOCK_BURST, 0},
                /* what is blocked adds nothing: the chain has room for one still */
                {__LINE__, 499, 7, 0, 0, BLOCK_BURST, 0},
                {__LINE__, 3, 0, 1, 2, 0, 1},
                {__LINE__, 3, 0, 3, 0, 0, 3},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy policies[3];
                struct target targets[3];
                size_t n_free = 0;
                struct fixture f;

                setup(&f);
                for (size_t j = 0; j < 3; j++) {
                        static const char *const names[] = {"a", "b", "c"};

                        policies[j] = f.policy;
                        policies[j].name = text(names[j]);
                        policies[j].prune = PRUNE_OFF;
                        targets[j] = f.target;
                        targets[j].policy = j;
                }
                f.file.policies = policies;
                f.file.targets = targets;
                f.file.n_policies = f.file.n_targets = 3;
                for (size_t j = 0; j < rows[i].chain; j++) {
                        struct snapshot_row *row = add(&f, 2 + (int64_t)j, ROW_COMPLETE);

                        row->time_created =
                                utc_from_seconds(NOW - (j < rows[i].burst ? 100 : 5000));
                        if (j < rows[i].pending)
                                row->flags ^= ROW_COMPLETE | ROW_UNDERWAY;
                }
                if (rows[i].chain == 3)
                        f.disks[0].flags = DISK_COUNTS_PERCENT;
                run(&f, NOW + 9);
                for (size_t j = 0; j < f.plan->n_actions; j++) {
                        n_free += f.plan->actions[j].blocked == 0;
                        if ((f.plan->actions[j].blocked | rows[i].blocked) != rows[i].blocked)
                                fail_msg("row at line %d: %x", rows[i].line,
                                         f.plan->actions[j].blocked);
                }
                if (n_free != rows[i].free || f.plan->n_actions != 3 - rows[i].deferred)
                        fail_msg("row at line %d: %zu free of %zu", rows[i].line, n_free,
                                 f.plan->n_actions);
                assert_int_equal(found(&f, FINDING_DEFERRED), rows[i].deferred > 0);
                teardown(&f);
        }
}

/* And no other disk's. */
static void test_own_limits(void **state) {
        struct fixture f;

        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[1].name = number(&f, "db02");
        f.disks[1].generation = number(&f, GENERATION_2);
        f.disks[1].flags = DISK_COUNTS_PERCENT;
        f.n_disks = 2;
        add(&f, 9, ROW_UNDERWAY)->generation = f.disks[1].generation;
        add(&f, 9, ROW_UNDERWAY)->generation = f.disks[1].generation;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 2);
        assert_int_equal(found(&f, FINDING_DEFERRED), 0);

        /* Each counts in what is found. */
        f.disks[0].flags = f.disks[1].flags = DISK_NO_SNAPSHOT;
        run(&f, NOW + 9);
        assert_int_equal(found(&f, FINDING_NO_SNAPSHOT), 2);
        teardown(&f);
}

static void test_deferred(void **state) {
        static const struct {
                int line;
                uint32_t disk_flags;
                size_t pending;
                bool due, deferred;
        } rows[] = {
                {__LINE__, DISK_COUNTS_PERCENT, 2, true, false},
                {__LINE__, DISK_COUNTS_PERCENT, 3, true, true},
                {__LINE__, DISK_COUNTS_PERCENT, 4, true, true},
                {__LINE__, 0, 4, true, false},
                {__LINE__, DISK_COUNTS_PERCENT, 4, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (int strangers = 0; strangers < 2; strangers++) {
                        struct fixture f;
                        bool creates = rows[i].due && !rows[i].deferred;

                        setup(&f);
                        f.disks[0].flags = rows[i].disk_flags;
                        add(&f, rows[i].due ? 9 : 0, ROW_COMPLETE);
                        for (size_t j = 0; j < rows[i].pending; j++) {
                                struct snapshot_row *row = add(&f, 10 + (int64_t)j, ROW_UNDERWAY);

                                if (strangers)
                                        stranger(row);
                        }
                        run(&f, NOW + 9);
                        if ((create_of(&f) != NULL) != creates ||
                            f.plan->series[0].deferred != rows[i].deferred ||
                            found(&f, FINDING_DEFERRED) != rows[i].deferred ||
                            utc_is_set(f.plan->series[0].due) != rows[i].due)
                                fail_msg("row at line %d", rows[i].line);
                        /* Nine slots are missed, but who waits for Azure is not stale. */
                        assert_int_equal(f.plan->series[0].doubts, creates ? STALE : 0);
                        teardown(&f);
                }
}

/* What no copy is made of keeps no slot waiting for ever: the disk was of an ordinary kind when these were taken, and
 * they have no percentage, nor ever will. What is being copied may take days. */
static void test_never_copied(void **state) {
        static const struct {
                int line;
                int64_t age_s;
                uint8_t percent;
                bool deferred;
        } rows[] = {
                {__LINE__, SEC_PER_DAY - 10, 0, true}, {__LINE__, SEC_PER_DAY + 10, 0, false},
                {__LINE__, 5 * SEC_PER_DAY, 0, false}, {__LINE__, 5 * SEC_PER_DAY, 1, true},
                {__LINE__, INT64_MAX, 0, true}, /* created nobody knows when */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                setup(&f);
                f.disks[0].flags = DISK_COUNTS_PERCENT;
                for (int64_t j = 0; j < PLANNER_PENDING_MAX; j++) {
                        struct snapshot_row *row = add(&f, 2 + j, ROW_UNDERWAY);

                        stranger(row);
                        row->percent = rows[i].percent;
                        row->time_created = rows[i].age_s == INT64_MAX
                                                    ? UTC_NONE
                                                    : utc_from_seconds(NOW - rows[i].age_s);
                }
                run(&f, NOW);
                if (f.plan->series[0].deferred != rows[i].deferred ||
                    (create_of(&f) != NULL) == rows[i].deferred)
                        fail_msg("row at line %d", rows[i].line);
                teardown(&f);
        }
}

#define LAST_3 "last=3;pick=first;zone=UTC"
#define LAST_9 "last=9;pick=first;zone=UTC"
#define NONE "none;pick=first;zone=UTC"

/* Ten complete ones; the file keeps three. What the newest carries is what was accepted. */
static void test_accepted(void **state) {
        enum {
                PLAIN,
                NO_KEEP,
                OFF,
                FLOOR,
                YOUNG,
                SLOW,
        };
        static const struct {
                int line;
                int what;
                const char *newest, *older; /* tags; NULL: none readable */
                const char *accepted;       /* of the create; NULL: the file's */
                size_t beyond;
        } rows[] = {
                {__LINE__, PLAIN, NULL, NULL, NULL, 0},
                {__LINE__, PLAIN, LAST_3, LAST_9, NULL, 0},
                /* another pick of last is another text, and keeps the same */
                {__LINE__, PLAIN, "last=3;pick=last;zone=UTC", NULL, "last=3;pick=last;zone=UTC",
                 0},
                {__LINE__, PLAIN, "last=3;pick=first;zone=Asia/Tokyo", NULL,
                 "last=3;pick=first;zone=Asia/Tokyo", 0},
                /* In thirty days all of these die under either. */
                {__LINE__, PLAIN, LAST_9, LAST_3, LAST_9, 0},
                {__LINE__, PLAIN, "last=100000;pick=first;zone=UTC", NULL,
                 "last=100000;pick=first;zone=UTC", 10},
                {__LINE__, PLAIN, NULL, LAST_9, LAST_9, 0},
                {__LINE__, PLAIN, NONE, LAST_3, NONE, 10},
                {__LINE__, PLAIN, "yearly=2;pick=first;zone=UTC", NULL,
                 "yearly=2;pick=first;zone=UTC", 1}, /* the first of the year */
                {__LINE__, PLAIN, "rubbish", LAST_3, NONE, 10},
                {__LINE__, OFF, NONE, NULL, NONE, 10},
                {__LINE__, NO_KEEP, "last=100000;pick=first;zone=UTC", NULL,
                 "last=100000;pick=first;zone=UTC", 0},
                {__LINE__, NO_KEEP, "rubbish", NULL, NULL, 0},
                {__LINE__, FLOOR, NONE, NULL, NONE, 0},
                {__LINE__, YOUNG, NONE, NULL, NONE, 0},
                /* Yearly slots: nothing comes in thirty days that would push a third out. */
                {__LINE__, SLOW, NONE, NULL, NONE, 7},
                {__LINE__, SLOW, LAST_9, NULL, LAST_9, 6},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct action *create;
                struct strbuf tags = {};
                struct fixture f;
                const char *carried;

                setup(&f);
                f.policy.has_keep = rows[i].what != NO_KEEP;
                f.policy.prune = rows[i].what == OFF ? PRUNE_OFF : PRUNE_AUTO;
                f.policy.min_keep = rows[i].what == FLOOR ? 20000 : 1;
                f.policy.min_age_s = rows[i].what == YOUNG ? 31 * SEC_PER_DAY : 0;
                for (int64_t j = 0; j < 10; j++)
                        add(&f, j + 1, ROW_COMPLETE);
                if (rows[i].newest)
                        f.rows[0].keep = keep_number(&f, rows[i].newest);
                for (size_t j = 1; j < 10 && rows[i].older; j++)
                        f.rows[j].keep = keep_number(&f, rows[i].older);
                /* Neither what is not complete nor what is of the future was accepted. */
                add(&f, 0, ROW_FAILED)->keep = keep_number(&f, "last=77;pick=first;zone=UTC");
                add(&f, -9, ROW_COMPLETE)->keep = keep_number(&f, "last=78;pick=first;zone=UTC");
                if (rows[i].what == SLOW)
                        f.item.period_s = 366 * SEC_PER_DAY;

                run(&f, NOW + 9);
                if (f.plan->policies[0].beyond != rows[i].beyond)
                        fail_msg("row at line %d: beyond %zu", rows[i].line,
                                 f.plan->policies[0].beyond);
                create = create_of(&f);
                if (!create) {
                        assert_int_equal(rows[i].what, SLOW);
                        teardown(&f);
                        continue;
                }
                carried = create->accepted;
                if (!carried != !rows[i].accepted ||
                    (carried && strcmp(carried, rows[i].accepted) != 0))
                        fail_msg("row at line %d: accepted %s", rows[i].line,
                                 carried ? carried : "nothing");

                for (int asked = 0; asked < 2; asked++) {
                        const char *expected = carried && !asked         ? carried
                                               : rows[i].what == NO_KEEP ? NONE
                                                                         : LAST_3;

                        action_tags(&f.file, create, asked, &tags);
                        assert_non_null(memmem(tags.data, tags.len, TAG_KEEP, sizeof(TAG_KEEP)));
                        assert_string_equal(
                                (char *)memmem(tags.data, tags.len, TAG_KEEP, sizeof(TAG_KEEP)) +
                                        sizeof(TAG_KEEP),
                                expected);
                        strbuf_clear(&tags);
                }
                strbuf_deinit(&tags);
                teardown(&f);
        }
}

/* Two a day, of which each day of a zone keeps the first: that is another one in another zone. What was
 * accepted was so in its own. */
static void test_accepted_zone(void **state) {
        enum {
                NOWHERE,  /* of nobody's */
                STANDING, /* known beside the file */
                FILES,    /* another policy's */
                POLICYS,  /* and the accepted one is UTC */
                FORMER,   /* an old name's, beside the policy's own */
        };
        static const struct {
                int line, what;
                const char *accepted;
                size_t beyond;
        } rows[] = {
                {__LINE__, NOWHERE, "daily=60;pick=first;zone=UTC", 0},
                {__LINE__, STANDING, "daily=60;pick=first;zone=Test/Fixture", 10},
                {__LINE__, FILES, "daily=60;pick=first;zone=Test/Fixture", 10},
                {__LINE__, POLICYS, "daily=60;pick=first;zone=UTC", 9},
                {__LINE__, POLICYS, "daily=60;pick=first;zone=Test/Fixture", 0},
                {__LINE__, STANDING, "daily=3;pick=first;zone=Test/Fixture", 0},
                {__LINE__, STANDING, "daily=3;pick=first;zone=Test/Fixtur", 10},
                {__LINE__, STANDING, "daily=3;pick=first;zone=Test/Fixtures", 10},
                {__LINE__, NOWHERE, "daily=3;pick=first;zone=Test/Fixture", 10},
                {__LINE__, NOWHERE, "yearly=3;pick=first;zone=Test/Fixture", 10},
                /* without periods a zone says nothing */
                {__LINE__, NOWHERE, "last=3,within=86400s;pick=first;zone=Test/Fixture", 0},
                {__LINE__, FORMER, "daily=3;pick=first;zone=Test/Fixture", 3},
                {__LINE__, FORMER, "daily=3;pick=first;zone=Test/Fixtures", 8},
        };
        struct zone *zone = zone_fixture("CET-1");
        const struct zone *zones[] = {zone};
        char *formerly[] = {text("silver")};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct standing standing = {};
                struct fixture f;

                setup(&f);
                f.item.period_s = 12 * SEC_PER_HOUR;
                f.item.offset_s = 11 * SEC_PER_HOUR;
                f.policy.keep = (struct keep){.count = {[KEEP_DAILY] = 60}};
                for (int64_t j = 0; j < 20; j++) {
                        /* at 11:00 and 23:00 UTC: noon and midnight there */
                        struct snapshot_row *row = add(&f, 0, ROW_COMPLETE);

                        row->slot = utc_from_seconds(NOW / SEC_PER_DAY * SEC_PER_DAY -
                                                     SEC_PER_HOUR - j * 12 * SEC_PER_HOUR);
                        row->time_created = row->slot;
                        row->keep = keep_number(&f, rows[i].accepted);
                }
                if (rows[i].what == STANDING || rows[i].what == FORMER) {
                        standing.zones = zones;
                        standing.n_zones = 1;
                }
                if (rows[i].what == FILES || rows[i].what == POLICYS) {
                        f.file.zones = &zone;
                        f.file.n_zones = 1;
                }
                if (rows[i].what == POLICYS) {
                        f.policy.zone = zone;
                        f.policy.zone_name = text("Test/Fixture");
                }
                if (rows[i].what == FORMER) {
                        f.policy.formerly = formerly;
                        f.policy.n_formerly = 1;
                        for (size_t j = 1; j < 20; j++)
                                f.rows[j].policy = number(&f, "silver");
                        f.rows[0].keep = f.rows[10].keep =
                                keep_number(&f, "daily=60;pick=first;zone=UTC");
                        f.rows[10].policy = number(&f, "gold");
                }
                run_with(&f, &standing, NOW + 9);
                assert_int_equal(f.plan->policies[0].complete, 20);
                if (f.plan->policies[0].beyond != rows[i].beyond)
                        fail_msg("row at line %d: beyond %zu", rows[i].line,
                                 f.plan->policies[0].beyond);
                teardown(&f);
        }
        zone_free(zone);
}

/* Rules of a series by the times of creation, whatever the slots; unreadable ones count for nothing. */
static void test_peer(void **state) {
        static const struct {
                int line;
                const char *rules; /* by time; '-' has none */
                const char *other; /* 'f' for one that has failed, 'a' for an adopted one */
                uint32_t doubts;
        } rows[] = {
                {__LINE__, "AAAA", "    ", 0},
                {__LINE__, "AABB", "    ", 0},
                {__LINE__, "AABA", "    ", PEER},
                {__LINE__, "A-BA", "    ", PEER},
                {__LINE__, "A--A", "    ", 0},
                {__LINE__, "AABA", "  f ", PEER}, /* a failed one was meant too */
                {__LINE__, "ABCD", "    ", 0},
                /* taken between two of ours, and adopted under a later rule */
                {__LINE__, "ABAB", " a  ", 0},
                {__LINE__, "AABA", "  a ", 0},
                {__LINE__, "ABAB", "a   ", PEER},
        };

        for (size_t n = 0; n < ARRAY_SIZE(rows) * 4; n++) {
                size_t i = n % ARRAY_SIZE(rows);
                struct fixture f;

                setup(&f);
                for (size_t j = 0; j < 4; j++) {
                        /* The rule of the others is that of the oldest slot, of the newest, or between. */
                        static const int64_t slots_ago[4][4] = {
                                {0, 2, 1, 3}, {1, 2, 3, 0}, {2, 3, 0, 1}, {0, 3, 1, 2}};
                        char rule[] = "last=1;pick=first;zone=_";
                        struct snapshot_row *row =
                                add(&f, slots_ago[n / ARRAY_SIZE(rows)][j], ROW_COMPLETE);

                        row->time_created = utc_from_seconds(NOW + (int64_t)j);
                        if (rows[i].other[j] == 'f')
                                row->flags ^= ROW_COMPLETE | ROW_FAILED;
                        if (rows[i].other[j] == 'a')
                                row->flags |= ROW_ADOPTED;
                        rule[sizeof(rule) - 2] = rows[i].rules[j];
                        if (rows[i].rules[j] != '-')
                                row->keep = keep_number(&f, rule);
                }
                /* A rule of nobody knows when, for which alone all would be put in order. */
                if (n % 2 == 0) {
                        add(&f, 9, ROW_COMPLETE)->time_created = UTC_NONE;
                        f.rows[4].keep = keep_number(&f, "last=1;pick=first;zone=Z");
                }
                run(&f, NOW + 9);
                if (f.plan->series[0].doubts != rows[i].doubts)
                        fail_msg("row at line %d: %x", rows[i].line, f.plan->series[0].doubts);
                run(&f, NOW + 3 + SEC_PER_DAY);
                if (f.plan->series[0].doubts & PEER)
                        fail_msg("row at line %d, a day later", rows[i].line);
                teardown(&f);
        }
}

static void test_tally(void **state) {
        static const int64_t day = DOUBT_MASS_GAIN_S / EVERY;
        struct utc now = utc_from_seconds(NOW + 9);
        struct policy_tally *tally;
        struct fixture f;

        setup(&f);
        add(&f, 0, ROW_COMPLETE)->time_created = now;
        add(&f, 1, ROW_COMPLETE)->time_created = (struct utc){now.ticks + 1}; /* not yet */
        add(&f, day + 2, ROW_COMPLETE)->time_created = utc_add_seconds(now, -DOUBT_MASS_GAIN_S);
        add(&f, day + 3, ROW_COMPLETE)->time_created =
                (struct utc){utc_add_seconds(now, -DOUBT_MASS_GAIN_S).ticks + 1};
        add(&f, day + 4, ROW_FAILED)->time_created = now;
        add(&f, day + 5, ROW_COMPLETE)->time_created = now;
        add(&f, day + 6, ROW_COMPLETE)->policy = number(&f, "silver");
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_policies, 1);
        tally = &f.plan->policies[0];
        assert_int_equal(tally->complete, 5);
        assert_int_equal(tally->gained, 3);
        /* Slot 1 is dated in the future, if by a tick: 0 and the two a day old stay. */
        assert_int_equal(tally->deletes, 1);
        assert_int_equal(f.plan->series[0].deletes, 1);
        assert_int_equal(tally->beyond, 0);
        assert_int_equal(tally->listed, 5);
        assert_int_equal(tally->differing, 0);
        teardown(&f);
}

/* What is listed counts whether or not its disk is selected, and under names that were; a rule that the
 * newest does not carry is told by the one that is remembered. */
static void test_listed(void **state) {
        const char *const remembered[] = {"last=9;pick=first;zone=UTC"};
        struct standing standing = {.rules = remembered};
        const struct policy_tally *tally;
        char *formerly[] = {(char *)(uintptr_t) "silver"};
        struct fixture f;

        setup(&f);
        add(&f, 1, ROW_COMPLETE);
        add(&f, 2, ROW_FAILED);
        add(&f, 3, ROW_COMPLETE)->policy = number(&f, "silver");
        add(&f, 4, ROW_COMPLETE)->policy = number(&f, "bronze");
        add(&f, 5, ROW_COMPLETE)->generation = number(&f, "another-life");
        add(&f, 6, ROW_COMPLETE)->flags &= (uint16_t)~ROW_NAMED;
        run(&f, NOW);
        tally = &f.plan->policies[0];
        assert_int_equal(tally->complete, 1);
        assert_int_equal(tally->listed, 2);
        assert_int_equal(tally->differing, 0);

        f.policy.formerly = formerly;
        f.policy.n_formerly = 1;
        run_with(&f, &standing, NOW);
        tally = &f.plan->policies[0];
        assert_int_equal(tally->listed, 3);
        assert_int_equal(tally->differing, 1);
        f.policy.formerly = NULL;
        f.policy.n_formerly = 0;
        teardown(&f);
}

/* The ones that min_keep relies on: the newest by slot and instant, none of the future. */
static void test_survivors(void **state) {
        const struct series_state *series;
        struct fixture f;

        setup(&f);
        f.policy.min_keep = 3;
        f.policy.keep.count[KEEP_LAST] = 4;
        for (int64_t i = 0; i < 5; i++)
                add(&f, 2 * i, i == 1 ? ROW_FAILED : ROW_COMPLETE);
        add(&f, 4, ROW_COMPLETE)->attempt = 2;
        f.rows[f.n - 1].time_created = utc_from_seconds(NOW - 4 * EVERY + 1); /* before the other */
        add(&f, -2, ROW_COMPLETE);
        run(&f, NOW + 9);
        series = &f.plan->series[0];
        assert_int_equal(series->deletes, 1);
        assert_int_equal(series->n_survivors, 3);
        for (size_t i = 0; i < 3; i++) {
                const struct snapshot_row *row =
                        &f.rows[f.plan->survivors[series->first_survivor + i]];

                assert_int_equal((NOW - utc_seconds(row->slot)) / EVERY, i == 2 ? 0 : 4);
                assert_true(row->flags & ROW_COMPLETE);
        }

        /* Nothing to delete: nothing to read again. */
        f.policy.keep.count[KEEP_LAST] = 9;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->series[0].deletes, 0);
        assert_int_equal(f.plan->n_survivors, 0);
        teardown(&f);
}

/* Each row is one thing that stands; where it arrives. One delete of each of two policies, and a
 * create of the second. */
static void test_settle(void **state) {
        static const struct {
                int line;
                uint32_t all, subscription, policies[2], targets[3];
                uint32_t deletes[2], create;
        } rows[] = {
                {__LINE__, 0, 0, {0, 0}, {0, 0, 0}, {0, 0}, 0},
                {__LINE__, 1, 0, {0, 0}, {0, 0, 0}, {1, 1}, 0},
                {__LINE__, BLOCK_PAUSED, 0, {0, 0}, {0, 0, 0}, {BLOCK_PAUSED, BLOCK_PAUSED}, 0},
                {__LINE__,
                 BLOCK_PAUSED_ALL | 1,
                 0,
                 {0, 0},
                 {0, 0, 0},
                 {BLOCK_PAUSED_ALL | 1, BLOCK_PAUSED_ALL | 1},
                 BLOCK_PAUSED_ALL},
                {__LINE__, 0, 2, {0, 0}, {0, 0, 0}, {2, 2}, 0},
                {__LINE__,
                 0,
                 BLOCK_PAUSED_ALL,
                 {0, 0},
                 {0, 0, 0},
                 {BLOCK_PAUSED_ALL, BLOCK_PAUSED_ALL},
                 0},
                {__LINE__, 0, 0, {BLOCK_ASK, 0}, {0, 0, 0}, {BLOCK_ASK, 0}, 0},
                {__LINE__, 0, 0, {0, 16}, {0, 0, 0}, {0, 16}, 0},
                {__LINE__, 0, 0, {0, 0}, {4, 0, 0}, {4, 0}, 0},
                {__LINE__, 0, 0, {0, 0}, {0, 4, 0}, {0, 4}, 0},
                {__LINE__, 0, 0, {0, 0}, {0, 0, 4}, {4, 0}, 0}, /* two targets of the first */
                {__LINE__, 1, 2, {16, 32}, {4, 0, 0}, {23, 35}, 0},
        };
        struct policy policies[2];
        struct target targets[3];
        struct fixture f;

        setup(&f);
        f.policy.keep.count[KEEP_LAST] = 1;
        policies[0] = policies[1] = f.policy;
        policies[1].name = text("silver");
        targets[0] = targets[1] = targets[2] = f.target;
        targets[1].policy = 1;
        f.file.policies = policies;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 3;
        for (int64_t i = 0; i < 2; i++) {
                add(&f, i, ROW_COMPLETE);
                add(&f, i + 1, ROW_COMPLETE)->policy = number(&f, "silver");
        }
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 3);
        assert_int_equal(f.plan->n_series, 2);
        assert_int_equal(f.plan->n_found, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(f.plan->found[i], 1);
        assert_int_equal(f.plan->series[0].n_targets, 2);
        assert_int_equal(f.plan->selectors[f.plan->series[0].first_target], 0);
        assert_int_equal(f.plan->selectors[f.plan->series[0].first_target + 1], 2);
        assert_int_equal(f.plan->series[1].n_targets, 1);
        assert_int_equal(f.plan->selectors[f.plan->series[1].first_target], 1);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct standing standing = {
                        .all = rows[i].all,
                        .subscription = rows[i].subscription,
                        .policies = rows[i].policies,
                        .targets = rows[i].targets,
                };

                plan_settle(f.plan, &standing);
                for (size_t j = 0; j < f.plan->n_actions; j++) {
                        const struct action *action = &f.plan->actions[j];
                        uint32_t expected = action->kind == ACTION_CREATE
                                                    ? rows[i].create
                                                    : rows[i].deletes[action->policy];

                        if (action->blocked != expected)
                                fail_msg("row at line %d, action %zu: %x", rows[i].line, j,
                                         action->blocked);
                }
                for (size_t j = 0; j < 2; j++)
                        if (f.plan->series[j].blocked != rows[i].deletes[j])
                                fail_msg("row at line %d, series %zu: %x", rows[i].line, j,
                                         f.plan->series[j].blocked);
        }
        /* What no longer stands blocks no longer. */
        plan_settle(f.plan, NULL);
        for (size_t j = 0; j < f.plan->n_actions; j++)
                assert_int_equal(f.plan->actions[j].blocked, 0);
        teardown(&f);
}

/* What the planner found itself stays, however often it is settled; doubts of others never block a
 * create. */
static void test_settle_own(void **state) {
        struct standing standing = {.all = DOUBT_BIT(DOUBT_CLOCK), .subscription = 2};
        struct fixture f;

        /* A full chain does not miss the slots that it refuses. */
        for (int64_t n = CHAIN_MAX - 1; n <= CHAIN_MAX; n++) {
                uint32_t full = n == CHAIN_MAX ? BLOCK_FULL : 0, stale = full ? 0 : STALE;

                setup(&f);
                for (int64_t i = 0; i < n; i++)
                        add(&f, i + 3, ROW_COMPLETE);
                run(&f, NOW + 9);
                for (int i = 0; i < 2; i++) {
                        plan_settle(f.plan, &standing);
                        assert_int_equal(create_of(&f)->blocked, full);
                        assert_int_equal(f.plan->actions[1].blocked, stale | 3);
                        plan_settle(f.plan, NULL);
                        assert_int_equal(create_of(&f)->blocked, full);
                        assert_int_equal(f.plan->actions[1].blocked, stale);
                }
                teardown(&f);
        }
}

/* A target that names a disk twice, and by a match too, has found it once. */
static void test_found(void **state) {
        struct resource_id ids[3] = {{.type = RESOURCE_DISK, .subscription = SUBSCRIPTION}};
        struct fixture f;

        setup(&f);
        strcpy(ids[0].group, "RG-APP");
        strcpy(ids[0].name, "DB01");
        ids[1] = ids[2] = ids[0];
        strcpy(ids[2].name, "db99");
        f.target.disks = ids;
        f.target.n_disks = 3;
        f.disks[1] = f.disks[0];
        f.disks[1].name = number(&f, "db02");
        f.disks[1].generation = number(&f, GENERATION_2);
        f.n_disks = 2;
        run(&f, NOW);
        assert_int_equal(f.plan->found[0], 2);
        assert_int_equal(f.plan->n_series, 2);
        assert_int_equal(f.plan->n_selectors, 2);

        f.target.subscription = NULL;
        run(&f, NOW);
        assert_int_equal(f.plan->found[0], 1);
        assert_int_equal(f.plan->n_series, 1);
        assert_string_equal(f.plan->series[0].disk.name, "db01");
        teardown(&f);
}

/* The hash is of what is done, not of why, and not of what blocks it. */
static void test_hash(void **state) {
        char first[PLAN_HASH_SIZE], other[PLAN_HASH_SIZE];
        struct fixture f;

        setup(&f);
        run(&f, NOW - 1);
        assert_int_equal(plan_hash(f.plan, first), 0);
        for (int64_t i = 1; i < 6; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(plan_hash(f.plan, other), 0);
        assert_int_equal(strlen(other), 64);
        assert_string_not_equal(first, other);

        memcpy(first, other, sizeof(first));
        f.policy.keep.pick = PICK_LAST; /* another reason */
        f.policy.stale_stop = 1;
        run(&f, NOW + 10);
        plan_settle(f.plan, &(struct standing){.all = BLOCK_PAUSED_ALL});
        assert_int_equal(plan_hash(f.plan, other), 0);
        assert_string_equal(first, other);
        for (size_t i = 0; i < f.plan->n_actions; i++) {
                str_lower(f.plan->actions[i].group);
                str_lower(f.plan->actions[i].name);
        }
        assert_int_equal(plan_hash(f.plan, other), 0);
        assert_string_equal(first, other);

        for (size_t i = 0; i < f.plan->n_actions; i++)
                for (int what = 0; what < 5; what++) {
                        struct action *action = &f.plan->actions[i], kept = *action;

                        switch (what) {
                        case 0:
                                action->unique_id.bytes[15] ^= 1;
                                break;
                        case 1:
                                action->slot = utc_add_seconds(action->slot, 1);
                                break;
                        case 2:
                                action->name[0] ^= 1;
                                break;
                        case 3:
                                action->group[0] ^= 1;
                                break;
                        default:
                                action->kind = action->kind == ACTION_CREATE ? ACTION_DELETE
                                                                             : ACTION_CREATE;
                                break;
                        }
                        assert_int_equal(plan_hash(f.plan, other), 0);
                        assert_string_not_equal(first, other);
                        *action = kept;
                }
        f.plan->n_actions--;
        assert_int_equal(plan_hash(f.plan, other), 0);
        assert_string_not_equal(first, other);
        f.plan->n_actions++;
        teardown(&f);
}

static void test_ask(void **state) {
        struct fixture f;

        setup(&f);
        f.policy.prune = PRUNE_ASK;
        for (int64_t i = 0; i < 5; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 2);
        assert_int_equal(f.plan->policies[0].deletes, 2);
        f.policy.prune = PRUNE_OFF;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 0);
        teardown(&f);
}

/* An old name's snapshots are judged with the others, and adopted ones too. */
static void test_formerly(void **state) {
        static char *formerly[] = {NULL};
        struct fixture f;

        setup(&f);
        formerly[0] = text("silver");
        for (int64_t i = 0; i < 5; i++)
                add(&f, i, ROW_COMPLETE);
        f.rows[4].policy = number(&f, "silver");
        f.rows[3].flags |= ROW_ADOPTED;
        f.rows[3].flags &= (uint16_t)~ROW_NAMED;
        f.rows[3].name = number(&f, "by-hand");
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 1);
        assert_string_equal(f.plan->actions[0].name, "by-hand");
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 1);

        f.policy.formerly = formerly;
        f.policy.n_formerly = 1;
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_actions, 2);
        assert_int_equal(found(&f, FINDING_UNCLAIMED), 0);
        teardown(&f);
}

/* One generation under two ids, or claimed by two policies: it is judged once. */
static void test_judged_once(void **state) {
        struct fixture f;

        setup(&f);
        f.disks[1] = f.disks[0];
        f.disks[1].group = number(&f, "rg-new");
        f.n_disks = 2;
        for (int64_t i = 0; i < 5; i++)
                add(&f, i, ROW_COMPLETE);
        run(&f, NOW + 9);
        assert_int_equal(f.plan->n_series, 2);
        assert_int_equal(f.plan->n_actions, 2);
        assert_int_equal(f.plan->policies[0].complete, 5);
        teardown(&f);
}

/* Two policies that ran side by side become one: what goes under the other's name goes by the rule that it
 * carries until somebody has accepted the file's for it, though the newest of all carries that. */
static void test_accepted_beside(void **state) {
        static const struct {
                int line;
                int64_t shift;     /* of those of the old name, into the past */
                const char *rule;  /* that they carry */
                const char *newer; /* the newest of them, when it is another */
                size_t beyond;
        } rows[] = {
                /* the file keeps one of them too */
                {__LINE__, 0, NONE, NULL, 4},
                {__LINE__, 0, "rubbish", NULL, 4},
                {__LINE__, 0, "last=2;pick=first;zone=UTC", NULL, 1},
                {__LINE__, 0, LAST_3, NULL, 0},
                {__LINE__, 0, NONE, LAST_3, 0},
                {__LINE__, 0, LAST_3, NONE, 4},
                {__LINE__, 0, NULL, NULL, 0},
                /* one between, and none: then the one took the name of the other */
                {__LINE__, 8, NONE, NULL, 5},
                {__LINE__, 9, NONE, NULL, 0},
                {__LINE__, 11, NONE, NULL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                static char *formerly[] = {NULL, NULL};
                struct fixture f;

                formerly[0] = text("bronze");
                formerly[1] = text("silver");
                setup(&f);
                f.policy.formerly = formerly;
                f.policy.n_formerly = 2;
                f.item.period_s = 366 * SEC_PER_DAY; /* nothing comes */
                for (int64_t j = 0; j < 6; j++)
                        add(&f, 2 * j, ROW_COMPLETE)->keep = keep_number(&f, LAST_3);
                for (int64_t j = 0; j < 3; j++) { /* the one whose name silver took */
                        struct snapshot_row *row = add(&f, 40 + j, ROW_COMPLETE);

                        row->policy = number(&f, "bronze");
                        row->keep = keep_number(&f, LAST_3);
                }
                for (int64_t j = 0; j < 5; j++) {
                        struct snapshot_row *row = add(&f, 2 * j + 1 + rows[i].shift, ROW_COMPLETE);

                        row->policy = number(&f, "silver");
                        if (rows[i].rule)
                                row->keep = keep_number(&f, rows[i].rule);
                        if (j == 0 && rows[i].newer)
                                row->keep = keep_number(&f, rows[i].newer);
                }
                run(&f, NOW + 9);
                if (f.plan->policies[0].beyond != rows[i].beyond)
                        fail_msg("row at line %d: beyond %zu", rows[i].line,
                                 f.plan->policies[0].beyond);
                assert_int_equal(
                        f.plan->policies[0].former.ticks,
                        rows[i].beyond == 0
                                ? 0
                                : utc_from_seconds(NOW + 2 - (1 + rows[i].shift) * EVERY).ticks);
                assert_int_equal(f.plan->policies[0].differing, 0);
                teardown(&f);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stale),
                cmocka_unit_test(test_stale_underway),
                cmocka_unit_test(test_stale_blocks),
                cmocka_unit_test(test_late),
                cmocka_unit_test(test_late_unknown),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_burst),
                cmocka_unit_test(test_shared_limits),
                cmocka_unit_test(test_own_limits),
                cmocka_unit_test(test_deferred),
                cmocka_unit_test(test_never_copied),
                cmocka_unit_test(test_accepted),
                cmocka_unit_test(test_accepted_beside),
                cmocka_unit_test(test_accepted_zone),
                cmocka_unit_test(test_peer),
                cmocka_unit_test(test_tally),
                cmocka_unit_test(test_listed),
                cmocka_unit_test(test_survivors),
                cmocka_unit_test(test_settle),
                cmocka_unit_test(test_settle_own),
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_hash),
                cmocka_unit_test(test_ask),
                cmocka_unit_test(test_formerly),
                cmocka_unit_test(test_judged_once),
        };

        return cmocka_run_group_tests_name("planner-doubts", tests, NULL, NULL);
}
