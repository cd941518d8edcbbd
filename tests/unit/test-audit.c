/*
 * What an audit says of plans that are as they should be, and of such as no planner of ours makes: here the
 * world or the policy is another than the one they were made of.
 */
#include "core/audit.h"

#include "base/macros.h"

#include "view-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DATE "20261101T000000Z"

static struct {
        size_t n;
        char rule[80]; /* of the last one */
} told;

static void tell(const char *generation, const char *rule, void *data) {
        assert_string_equal(generation, GENERATION_1);
        told.n++;
        snprintf(told.rule, sizeof(told.rule), "%s", rule);
}

static void audit(const struct fixture *f) {
        told.n = 0;
        told.rule[0] = '\0';
        assert_int_equal(audit_plan(&f->file, &f->view, f->plan, utc_from_seconds(NOW), tell, NULL),
                         0);
}

static void plan(struct fixture *f) {
        view_make(f);
        assert_int_equal(
                planner_run(&f->file, &f->view, &f->standing, utc_from_seconds(NOW), &f->plan), 0);
}

static struct action *first_deletion(struct fixture *f) {
        for (size_t i = 0; i < f->plan->n_actions; i++)
                if (f->plan->actions[i].kind == ACTION_DELETE)
                        return &f->plan->actions[i];
        assert_true(false);
        return NULL;
}

/* Six complete ones, of which the three oldest go. */
static void six(struct fixture *f) {
        setup(f);
        for (int64_t i = 0; i < 6; i++)
                add(f, 9 - i, ROW_COMPLETE);
        plan(f);
        assert_int_equal(f->plan->series[0].deletes, 3);
}

static void nothing(struct fixture *f, struct snapshot_row *victim) {
}

static void hold(struct fixture *f, struct snapshot_row *victim) {
        victim->flags |= ROW_HELD;
}

static void take_tags(struct fixture *f, struct snapshot_row *victim) {
        victim->flags &= (uint16_t)~ROW_TAGGED;
}

static void take_owner(struct fixture *f, struct snapshot_row *victim) {
        victim->flags &= (uint16_t)~ROW_CLAIMS;
}

static void make_full(struct fixture *f, struct snapshot_row *victim) {
        victim->flags &= (uint16_t)~ROW_INCREMENTAL;
}

static void rename_it(struct fixture *f, struct snapshot_row *victim) {
        victim->flags &= (uint16_t)~ROW_NAMED;
}

static void adopt(struct fixture *f, struct snapshot_row *victim) {
        rename_it(f, victim);
        victim->flags |= ROW_ADOPTED;
}

static void give_away(struct fixture *f, struct snapshot_row *victim) {
        victim->policy = number(f, "silver");
}

static void rename_policy(struct fixture *f, struct snapshot_row *victim) {
        static char *formerly[] = {NULL};

        formerly[0] = text("silver");
        f->policy.formerly = formerly;
        f->policy.n_formerly = 1;
        give_away(f, victim);
}

static void move(struct fixture *f, struct snapshot_row *victim) {
        victim->group = number(f, "rg-other");
}

static void copy_away(struct fixture *f, struct snapshot_row *victim) {
        victim->region = (uint16_t)number(f, "northeurope");
}

static void begin_again(struct fixture *f, struct snapshot_row *victim) {
        victim->flags = (uint16_t)((victim->flags & ~ROW_COMPLETE) | ROW_UNDERWAY);
}

static void fail_it(struct fixture *f, struct snapshot_row *victim) {
        victim->flags = (uint16_t)((victim->flags & ~ROW_COMPLETE) | ROW_FAILED);
}

static void keep_longer(struct fixture *f, struct snapshot_row *victim) {
        f->policy.min_age_s = 9 * EVERY;
}

static void keep_as_long(struct fixture *f, struct snapshot_row *victim) {
        f->policy.min_age_s = NOW - utc_seconds(f->rows[2].time_created);
}

static void take_time(struct fixture *f, struct snapshot_row *victim) {
        victim->time_created = UTC_NONE;
}

static void date_ahead(struct fixture *f, struct snapshot_row *victim) {
        victim->slot = utc_from_seconds(NOW + 1);
}

static void take_rule(struct fixture *f, struct snapshot_row *victim) {
        f->policy.has_keep = false;
}

static void turn_off(struct fixture *f, struct snapshot_row *victim) {
        f->policy.prune = PRUNE_OFF;
}

static void keep_four(struct fixture *f, struct snapshot_row *victim) {
        f->policy.min_keep = 4;
}

static void keep_three(struct fixture *f, struct snapshot_row *victim) {
        f->policy.min_keep = 3;
}

static void lose_one(struct fixture *f, struct snapshot_row *victim) {
        keep_three(f, victim);
        fail_it(f, &f->rows[4]);
}

static void shift_one(struct fixture *f, struct snapshot_row *victim) {
        keep_three(f, victim);
        f->rows[4].time_created = utc_from_seconds(NOW + 3600);
}

static void take_newest(struct fixture *f, struct snapshot_row *victim) {
        first_deletion(f)->unique_id = f->rows[5].unique_id;
}

static void take_unlisted(struct fixture *f, struct snapshot_row *victim) {
        first_deletion(f)->unique_id = guid_from_random(7, 7);
}

static void list_twice(struct fixture *f, struct snapshot_row *victim) {
        f->rows[f->n] = f->rows[f->n - 1];
        f->rows[f->n].unique_id = victim->unique_id;
        f->rows[f->n].group = number(f, "rg-other");
        f->view.n_snapshots = ++f->n;
}

static void hold_back(struct fixture *f, struct snapshot_row *victim) {
        hold(f, victim);
        f->plan->series[0].doubts |= DOUBT_BIT(DOUBT_INTERNAL);
}

static void take_series(struct fixture *f, struct snapshot_row *victim) {
        first_deletion(f)->series = ACTION_NO_SERIES;
}

static void retire(struct fixture *f, struct snapshot_row *victim) {
        take_series(f, victim);
        first_deletion(f)->retired = true;
}

static void retire_held(struct fixture *f, struct snapshot_row *victim) {
        retire(f, victim);
        hold(f, victim);
}

static void retire_strangers(struct fixture *f, struct snapshot_row *victim) {
        retire(f, victim);
        take_owner(f, victim);
}

static void test_plans(void **state) {
        static const struct {
                int line;
                void (*change)(struct fixture *f, struct snapshot_row *victim);
                const char *rule; /* NULL: nothing is broken */
        } rows[] = {
                {__LINE__, nothing, NULL},
                {__LINE__, hold, "one that is held would go"},
                {__LINE__, take_tags, "one that is not ours, or of another series, would go"},
                {__LINE__, take_owner, "one that is not ours, or of another series, would go"},
                {__LINE__, make_full, "one that is not ours, or of another series, would go"},
                {__LINE__, rename_it, "one that is not ours, or of another series, would go"},
                {__LINE__, adopt, NULL},
                {__LINE__, give_away, "one that is not ours, or of another series, would go"},
                {__LINE__, rename_policy, NULL},
                {__LINE__, move, "one that is not ours, or of another series, would go"},
                {__LINE__, copy_away, "one that is not ours, or of another series, would go"},
                {__LINE__, begin_again, "one that is neither complete nor failed would go"},
                {__LINE__, fail_it, NULL},
                {__LINE__, keep_longer, "one that is younger than min_age would go"},
                {__LINE__, keep_as_long, NULL},
                {__LINE__, take_time, "one that is younger than min_age would go"},
                {__LINE__, date_ahead, "one that is younger than min_age would go"},
                {__LINE__, take_rule, "one would go without a rule"},
                {__LINE__, turn_off, "something would go with prune off"},
                {__LINE__, keep_three, NULL},
                {__LINE__, keep_four, "fewer than min_keep would stay"},
                {__LINE__, lose_one, "fewer than min_keep would stay"},
                {__LINE__, shift_one, "fewer than min_keep would stay"},
                {__LINE__, take_newest, "the newest would go"},
                {__LINE__, take_unlisted, "one that is not ours, or of another series, would go"},
                {__LINE__, list_twice, NULL},
                {__LINE__, hold_back, NULL},
                {__LINE__, take_series, "one would go of no series, and nobody retires it"},
                {__LINE__, retire, NULL},
                {__LINE__, retire_held, "one that is held or not ours would be retired"},
                {__LINE__, retire_strangers, "one that is held or not ours would be retired"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fixture f;

                six(&f);
                rows[i].change(&f, &f.rows[0]);
                audit(&f);
                if (told.n != (rows[i].rule != NULL) || strcmp(told.rule, rows[i].rule ?: "") != 0)
                        fail_msg("row at line %d: %zu told, \"%s\"", rows[i].line, told.n,
                                 told.rule);
                teardown(&f);
        }
}

/* Extra backups go by their own date, and only while min_keep points of the series are there. */
static void test_backups(void **state) {
        for (int what = 0; what < 5; what++) {
                struct fixture f;

                setup(&f);
                for (int64_t i = 0; i < 3; i++)
                        add(&f, 3 - i, ROW_COMPLETE);
                add_backup(&f, 9, ROW_COMPLETE, DATE);
                plan(&f);
                assert_int_equal(f.plan->series[0].deletes, 1);
                if (what == 1)
                        f.rows[0].keep = keep_number(&f, "20271101T000000Z");
                if (what == 2)
                        f.policy.min_keep = 4;
                if (what == 3)
                        f.policy.has_keep = false;
                if (what == 4) { /* Azure's clock is two seconds ahead */
                        f.policy.min_keep = 3;
                        f.rows[3].time_created = utc_from_seconds(NOW + 2);
                }
                audit(&f);
                assert_string_equal(told.rule, what == 1   ? "a backup would go before its date"
                                               : what == 2 ? "fewer than min_keep would stay"
                                                           : "");
                teardown(&f);
        }
}

/* Each series by itself: what is broken in one does not hide in the other. */
static void test_two_series(void **state) {
        struct fixture f;

        six(&f);
        assert_int_equal(f.plan->n_series, 1);
        for (int which = 0; which < 2; which++) {
                struct series_state series[2] = {f.plan->series[0], f.plan->series[0]};
                struct series_state *own = f.plan->series;

                /* The other one has nothing to delete. */
                f.plan->series = series;
                f.plan->n_series = 2;
                for (size_t i = 0; i < f.plan->n_actions; i++)
                        f.plan->actions[i].series = (size_t)which;
                f.policy.min_keep = 4;
                audit(&f);
                assert_int_equal(told.n, 1);
                f.policy.min_keep = 1;
                audit(&f);
                assert_int_equal(told.n, 0);
                f.plan->series = own;
                f.plan->n_series = 1;
        }
        teardown(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plans),
                cmocka_unit_test(test_backups),
                cmocka_unit_test(test_two_series),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
