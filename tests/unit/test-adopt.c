/*
 * What may become ours at an operator's word, and into which series.
 */
#include "base/macros.h"
#include "core/adopt.h"

#include "view-fixture.h"

static struct fixture f;
static struct policy policies[2];

/* One that a hand took, ten slots ago, and two of ours. */
static struct snapshot_row *begin(void) {
        struct snapshot_row *row;

        setup(&f);
        add(&f, 1, ROW_COMPLETE);
        add(&f, 2, ROW_COMPLETE);
        row = add(&f, 10, ROW_COMPLETE);
        row->flags &= (uint16_t) ~(ROW_TAGGED | ROW_NAMED | ROW_CLAIMS);
        row->name = number(&f, "by-hand");
        row->slot = UTC_NONE;
        row->policy = 0;
        return row;
}

static void is_full(struct snapshot_row *row) {
        row->flags &= (uint16_t)~ROW_INCREMENTAL;
}

static void is_underway(struct snapshot_row *row) {
        row->flags = (uint16_t)((row->flags & ~ROW_COMPLETE) | ROW_UNDERWAY);
}

static void has_no_id(struct snapshot_row *row) {
        row->unique_id = (struct guid){};
}

static void has_no_time(struct snapshot_row *row) {
        row->time_created = UTC_NONE;
}

static void is_of_the_future(struct snapshot_row *row) {
        row->time_created = utc_from_seconds(NOW + 1);
}

static void is_of_another_life(struct snapshot_row *row) {
        row->generation = number(&f, GENERATION_2);
}

static void has_no_source(struct snapshot_row *row) {
        row->generation = 0;
        f.disks[0].generation = 0;
}

static void is_elsewhere(struct snapshot_row *row) {
        row->region = (uint16_t)number(&f, "northeurope");
}

static void is_in_another_group(struct snapshot_row *row) {
        row->group = number(&f, "rg-app");
}

static void is_of_a_slot_of_ours(struct snapshot_row *row) {
        row->time_created = utc_from_seconds(NOW - EVERY);
}

static void is_ours(struct snapshot_row *row) {
        row->flags |= ROW_TAGGED | ROW_NAMED | ROW_CLAIMS;
        row->slot = row->time_created;
        row->policy = number(&f, "gold");
}

static void is_mistaken(struct snapshot_row *row) {
        row->flags |= ROW_CLAIMS;
}

static void nothing_selects_it(struct snapshot_row *row) {
        f.target.subscription = NULL;
}

static void two_policies(struct snapshot_row *row) {
        static struct target targets[2];

        policies[0] = f.policy;
        policies[1] = f.policy;
        policies[1].name = text("silver");
        targets[0] = targets[1] = f.target;
        targets[1].policy = 1;
        f.file.policies = policies;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 2;
}

static void test_judge(void **state) {
        static const struct {
                int line;
                void (*change)(struct snapshot_row *row);
                const char *policy;
                int outcome;
                size_t index;
        } rows[] = {
                {__LINE__, NULL, "", 0, 0},
                {__LINE__, NULL, "gold", 0, 0},
                {__LINE__, NULL, "silver", ADOPT_E_UNMANAGED, 0},
                {__LINE__, is_mistaken, "", 0, 0},
                {__LINE__, is_ours, "", ADOPT_E_OURS, 0},
                {__LINE__, is_full, "", ADOPT_E_FULL, 0},
                {__LINE__, is_underway, "", ADOPT_E_INCOMPLETE, 0},
                {__LINE__, has_no_id, "", ADOPT_E_INCOMPLETE, 0},
                {__LINE__, has_no_time, "", ADOPT_E_INCOMPLETE, 0},
                {__LINE__, is_of_the_future, "", ADOPT_E_INCOMPLETE, 0},
                {__LINE__, is_of_another_life, "", ADOPT_E_UNMANAGED, 0},
                {__LINE__, has_no_source, "", ADOPT_E_UNMANAGED, 0},
                {__LINE__, is_elsewhere, "", ADOPT_E_UNMANAGED, 0},
                {__LINE__, nothing_selects_it, "", ADOPT_E_UNMANAGED, 0},
                {__LINE__, is_in_another_group, "", ADOPT_E_GROUP, 0},
                {__LINE__, is_of_a_slot_of_ours, "", ADOPT_E_SLOT, 0},
                {__LINE__, two_policies, "", ADOPT_E_POLICIES, 0},
                {__LINE__, two_policies, "silver", 0, 1},
                {__LINE__, two_policies, "gold", 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_row *row = begin();
                struct guid own;
                struct adoption adoption = {.policy = 99};
                int outcome;

                if (rows[i].change)
                        rows[i].change(row);
                own = row->unique_id;
                view_make(&f);
                for (row = f.rows; guid_compare(&row->unique_id, &own) != 0;)
                        row++;
                outcome = adopt_judge(&f.file, &f.view, row, rows[i].policy, utc_from_seconds(NOW),
                                      &adoption);
                if (outcome != rows[i].outcome)
                        fail_msg("line %d: %d", rows[i].line, outcome);
                if (outcome == 0 && (adoption.policy != rows[i].index || adoption.disk != f.disks ||
                                     utc_seconds(adoption.slot) != NOW - 10 * EVERY + 2))
                        fail_msg("line %d: another series or slot", rows[i].line);
                teardown(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judge),
        };

        return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
