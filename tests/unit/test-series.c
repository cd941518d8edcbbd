/*
 * Which snapshots are in a series, by name and tag, and what is read off it.
 */
#include "base/macros.h"
#include "core/series.h"

#include "view-fixture.h"

#include <stdio.h>

static void test_claims(void **state) {
        static char *formerly[] = {NULL, NULL};
        struct policy policy = {.name = text("gold"), .formerly = formerly, .n_formerly = 2};

        formerly[0] = text("silver");
        formerly[1] = text("Bronze");
        assert_true(policy_claims(&policy, "gold"));
        assert_true(policy_claims(&policy, "silver"));
        assert_true(policy_claims(&policy, "Bronze"));
        assert_false(policy_claims(&policy, "bronze"));
        assert_false(policy_claims(&policy, "iron"));
        policy.n_formerly = 0;
        assert_false(policy_claims(&policy, "silver"));
}

static void test_ours(void **state) {
        static const struct {
                int line;
                unsigned flags;
                bool ours;
        } rows[] = {
                {__LINE__, ROW_TAGGED | ROW_NAMED | ROW_INCREMENTAL, true},
                {__LINE__, ROW_TAGGED | ROW_ADOPTED | ROW_INCREMENTAL, true},
                {__LINE__, ROW_TAGGED | ROW_NAMED | ROW_ADOPTED | ROW_INCREMENTAL, true},
                {__LINE__, ROW_TAGGED | ROW_INCREMENTAL, false},
                {__LINE__, ROW_NAMED | ROW_INCREMENTAL, false},
                {__LINE__, ROW_ADOPTED | ROW_INCREMENTAL | ROW_CLAIMS, false},
                {__LINE__, ROW_TAGGED | ROW_ADOPTED | ROW_CLAIMS, false},
                {__LINE__, ROW_TAGGED | ROW_NAMED, false},
                {__LINE__, 0, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_row row = {.flags = (uint16_t)rows[i].flags};

                if (snapshot_row_is_ours(&row) != rows[i].ours)
                        fail_msg("row at line %d", rows[i].line);
        }
}

/* Five of one disk: its own, one of the old name, a stranger's policy, an adopted one, another region. */
static void five(struct fixture *f) {
        static char *formerly[] = {NULL};
        struct snapshot_row *row;

        setup(f);
        formerly[0] = text("silver");
        f->policy.formerly = formerly;
        f->policy.n_formerly = 1;
        add(f, 0, ROW_COMPLETE);
        add(f, 1, ROW_COMPLETE)->policy = number(f, "silver");
        add(f, 2, ROW_COMPLETE)->policy = number(f, "iron");
        row = add(f, 3, ROW_COMPLETE | ROW_ADOPTED);
        row->flags &= (uint16_t)~ROW_NAMED;
        row->name = number(f, "by-hand");
        add(f, 4, ROW_COMPLETE)->region = (uint16_t)number(f, "northeurope");
        view_make(f);
}

static void test_read(void **state) {
        struct series_scratch scratch = {};
        struct series s;
        struct fixture f;

        five(&f);
        assert_int_equal(series_read(&f.file, &f.view, 0, &f.disks[0], &scratch, &s), 0);
        assert_int_equal(s.n_members, 3);
        assert_ptr_equal(series_row(&s, 0), row_of(&f, 3));
        assert_ptr_equal(series_row(&s, 1), row_of(&f, 1));
        assert_ptr_equal(series_row(&s, 2), row_of(&f, 0));

        /* The same when the disk is gone, a region at a time. */
        assert_int_equal(series_read_orphan(&f.file, &f.view, 0, f.disks[0].generation,
                                            f.disks[0].region, &scratch, &s),
                         0);
        assert_int_equal(s.n_members, 3);
        assert_null(s.disk);
        assert_string_equal(s.key.generation, GENERATION_1);
        assert_int_equal(series_read_orphan(&f.file, &f.view, 0, f.disks[0].generation,
                                            number(&f, "northeurope"), &scratch, &s),
                         0);
        assert_int_equal(s.n_members, 1);
        assert_int_equal(series_read_orphan(&f.file, &f.view, 0, number(&f, GENERATION_2),
                                            f.disks[0].region, &scratch, &s),
                         0);
        assert_int_equal(s.n_members, 0);
        series_scratch_deinit(&scratch);
        teardown(&f);
}

/* Backups are of the series by policy, region and group, and no members of it. */
static void test_backups(void **state) {
        struct series_scratch scratch = {};
        struct utc until;
        struct series_state sum;
        struct series s;
        struct fixture f;

        five(&f);
        for (size_t i = 0; i < f.n; i++)
                f.rows[i].flags |= ROW_BACKUP;
        view_make(&f);
        assert_int_equal(series_read(&f.file, &f.view, 0, &f.disks[0], &scratch, &s), 0);
        assert_int_equal(s.n_members, 0);
        assert_true(series_has_backup(&s, row_of(&f, 0)));
        assert_true(series_has_backup(&s, row_of(&f, 1)));
        assert_false(series_has_backup(&s, row_of(&f, 2)));
        assert_true(series_has_backup(&s, row_of(&f, 3)));
        assert_false(series_has_backup(&s, row_of(&f, 4)));
        row_of(&f, 1)->group = number(&f, "rg-other");
        assert_false(series_has_backup(&s, row_of(&f, 1)));
        series_sum_up(&s, utc_from_seconds(NOW), &sum);
        assert_int_equal(sum.complete, 0);
        assert_int_equal(sum.chain, 4);
        assert_false(utc_is_set(sum.newest));
        assert_false(utc_is_set(series_newest_filled(&s, utc_from_seconds(NOW))));
        assert_false(utc_is_set(series_newest_complete(&s, utc_from_seconds(NOW))));

        /* Without a date that can be read it stays. */
        assert_false(snapshot_row_until(&f.view, row_of(&f, 0), &until));
        row_of(&f, 0)->keep = keep_number(&f, "20261201T000000Z");
        assert_true(snapshot_row_until(&f.view, row_of(&f, 0), &until));
        assert_int_equal(series_backup_end(&s, row_of(&f, 0), 1).ticks, until.ticks);
        assert_int_equal(series_backup_end(&s, row_of(&f, 0), 0).ticks, UTC_NEVER.ticks);
        f.policy.min_age_s = 30 * SEC_PER_DAY;
        assert_int_equal(utc_seconds(series_backup_end(&s, row_of(&f, 0), 1)),
                         NOW + 2 + 30 * SEC_PER_DAY);
        series_scratch_deinit(&scratch);
        teardown(&f);
}

static void test_find(void **state) {
        char name[SNAPSHOT_NAME_SIZE];
        struct fixture f;

        five(&f);
        snapshot_row_name(&f.view, row_of(&f, 0), name);
        assert_ptr_equal(view_find_snapshot(&f.view, f.disks[0].generation, "RG-SNAPSHOTS", name),
                         row_of(&f, 0));
        assert_null(view_find_snapshot(&f.view, f.disks[0].generation, "rg-other", name));
        assert_null(view_find_snapshot(&f.view, number(&f, GENERATION_2), "rg-snapshots", name));
        assert_ptr_equal(
                view_find_snapshot(&f.view, f.disks[0].generation, "rg-snapshots", "BY-hand"),
                row_of(&f, 3));
        assert_null(view_find_snapshot(&f.view, f.disks[0].generation, "rg-snapshots", "by-han"));
        teardown(&f);
}

/* A name is taken by whatever has it, derived or written by hand, in the group that it would be in. */
static void test_free_attempt(void **state) {
        struct utc slot = utc_from_seconds(NOW);
        struct series_scratch scratch = {};
        struct snapshot_row *row;
        struct series s;
        struct fixture f;
        char name[SNAPSHOT_NAME_SIZE];

        setup(&f);
        add(&f, 0, ROW_LEAVING);
        add(&f, 0, ROW_FAILED)->attempt = 2;
        add(&f, 1, ROW_COMPLETE)->attempt = 4; /* another slot's */
        /* The third by hand, with no tags and another slot than its name says. */
        row = add(&f, 7, ROW_COMPLETE);
        snprintf(name, sizeof(name), "%s-20261123T021500z-3", intern_str(f.strings, row->name));
        row->name = number(&f, name);
        row->flags &= (uint16_t) ~(ROW_NAMED | ROW_TAGGED);
        row->slot = UTC_NONE;
        view_make(&f);
        assert_int_equal(series_read(&f.file, &f.view, 0, &f.disks[0], &scratch, &s), 0);
        assert_int_equal(series_free_attempt(&s, slot), 4);

        for (size_t i = 0; i < f.n; i++)
                if (!(f.rows[i].flags & ROW_NAMED))
                        f.rows[i].group = number(&f, "rg-other");
        assert_int_equal(series_free_attempt(&s, slot), 3);
        series_scratch_deinit(&scratch);
        teardown(&f);
}

/* The newest is by its point in time, and none of the future. */
static void test_sum_up(void **state) {
        struct series_scratch scratch = {};
        struct series_state sum;
        struct series s;
        struct fixture f;

        setup(&f);
        add(&f, 1, ROW_COMPLETE);
        add(&f, 2, ROW_COMPLETE)->time_created = utc_from_seconds(NOW - 5);
        add(&f, 0, ROW_FAILED | ROW_HELD);
        add(&f, 0, ROW_UNDERWAY)->attempt = 2;
        add(&f, 3, ROW_COMPLETE)->time_created = utc_from_seconds(NOW + 61);
        add(&f, -1, ROW_COMPLETE)->time_created = utc_from_seconds(NOW);
        add(&f, 4, ROW_LEAVING)->flags &= (uint16_t)~ROW_INCREMENTAL; /* no part of the chain */
        view_make(&f);
        assert_int_equal(series_read(&f.file, &f.view, 0, &f.disks[0], &scratch, &s), 0);
        series_sum_up(&s, utc_from_seconds(NOW), &sum);
        assert_int_equal(sum.chain, 6);
        assert_int_equal(sum.complete, 2);
        assert_int_equal(sum.underway, 1);
        assert_int_equal(sum.failed, 1);
        assert_int_equal(sum.held, 1);
        assert_int_equal(utc_seconds(sum.newest), NOW - 5);

        /* Two good clocks differ by seconds. */
        series_sum_up(&s, utc_from_seconds(NOW + 1), &sum);
        assert_int_equal(utc_seconds(sum.newest), NOW + 61);
        series_scratch_deinit(&scratch);
        teardown(&f);
}

/* What somebody took between two slots is no slot's. */
static void test_adopted_fills_no_slot(void **state) {
        static const struct {
                int line;
                int64_t after_s; /* the last slot but one */
                int64_t filled_ago;
        } rows[] = {
                {__LINE__, 0, 1},
                {__LINE__, 1, 2},
                {__LINE__, EVERY - 1, 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct series_scratch scratch = {};
                struct utc complete;
                struct snapshot_row *row;
                struct fixture f;
                struct series s;

                setup(&f);
                add(&f, 2, ROW_COMPLETE);
                row = add(&f, 1, ROW_COMPLETE | ROW_ADOPTED);
                row->flags &= (uint16_t)~ROW_NAMED;
                row->name = number(&f, "by-hand");
                row->slot = utc_add_seconds(row->slot, rows[i].after_s);
                row->time_created = row->slot;
                view_make(&f);
                assert_int_equal(series_read(&f.file, &f.view, 0, &f.disks[0], &scratch, &s), 0);
                assert_int_equal(s.n_members, 2);
                complete = series_newest_complete(&s, utc_from_seconds(NOW));
                if (utc_seconds(series_newest_filled(&s, utc_from_seconds(NOW))) !=
                            NOW - rows[i].filled_ago * EVERY ||
                    utc_seconds(complete) != NOW - rows[i].filled_ago * EVERY)
                        fail_msg("row at line %d", rows[i].line);
                series_scratch_deinit(&scratch);
                teardown(&f);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_claims),
                cmocka_unit_test(test_ours),
                cmocka_unit_test(test_adopted_fills_no_slot),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_backups),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_free_attempt),
                cmocka_unit_test(test_sum_up),
        };

        return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
