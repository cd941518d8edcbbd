/*
 * A world made by hand for tests of the decisions: one policy on one disk, and snapshots of ours by
 * the slot; tests change what they are about.
 */
#pragma once

#include "core/explain.h"
#include "core/naming.h"
#include "core/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SUBSCRIPTION "11111111-1111-4111-8111-111111111111"
#define GENERATION_1 "6fd33d6a-a035-4cac-a58d-314436223718"
#define GENERATION_2 "6fd33d6a-a035-4cac-a58d-314436223719"
#define NOW INT64_C(1795400100) /* 2026-11-23T02:15:00Z, a multiple of 300 */
#define EVERY INT64_C(300)
/* A whole chain, and some more. */
#define FIXTURE_ROWS 520
#define FIXTURE_KEEPS 8

static inline char *text(const char *constant) {
        return (char *)(uintptr_t)constant;
}

struct fixture {
        struct policy_file file;
        struct policy policy;
        struct target target;
        struct schedule_item item;
        struct intern *strings;
        struct disk_row disks[2];
        size_t n_disks;
        struct snapshot_row rows[FIXTURE_ROWS];
        size_t n;
        uint32_t keeps[FIXTURE_KEEPS];
        size_t n_keeps;
        struct orphan orphan;
        size_t n_orphans;
        struct world_view view;
        int64_t seen_s; /* when what has failed was first listed so; 0: at its creation */
        struct failure failures[FIXTURE_ROWS];
        struct standing standing; /* of failures alone */
        struct explainer *explainer;
        struct plan *plan;
};

static inline uint32_t number(struct fixture *f, const char *string) {
        uint32_t n;

        assert_int_equal(intern_add(f->strings, string, strlen(string), &n), 0);
        return n;
}

static inline void setup(struct fixture *f) {
        *f = (struct fixture){};
        f->item = (struct schedule_item){.kind = SCHEDULE_EVERY, .period_s = EVERY};
        f->policy = (struct policy){
                .name = text("gold"),
                .schedule = {&f->item, 1},
                .catch_up = true,
                .has_keep = true,
                .keep = {.count = {[KEEP_LAST] = 3}},
                .zone_name = text("UTC"),
                .snapshot_group = text("rg-snapshots"),
                .prune = PRUNE_AUTO,
                .min_keep = 1,
                .max_delete_percent = 20,
                .stale_stop = 2,
                .freeze_s = 30 * SEC_PER_DAY,
        };
        f->target = (struct target){.subscription = text(SUBSCRIPTION)};
        f->file = (struct policy_file){
                .owner = text("prod-backup"),
                .policies = &f->policy,
                .n_policies = 1,
                .targets = &f->target,
                .n_targets = 1,
        };
        assert_int_equal(intern_new(&f->strings), 0);
        f->disks[0] = (struct disk_row){
                .name = number(f, "db01"),
                .group = number(f, "rg-app"),
                .generation = number(f, GENERATION_1),
                .region = number(f, "westeurope"),
                .location = number(f, "westeurope"),
                .tags = number(f, "backup\ngold\n"),
        };
        f->n_disks = 1;
        f->n_keeps = 1;
}

static inline void teardown(struct fixture *f) {
        explainer_free(f->explainer);
        plan_free(f->plan);
        intern_free(f->strings);
}

/* The number of a keep tag's text, for rows. */
static inline uint16_t keep_number(struct fixture *f, const char *string) {
        uint32_t n = number(f, string);

        for (size_t i = 1; i < f->n_keeps; i++)
                if (f->keeps[i] == n)
                        return (uint16_t)i;
        assert_true(f->n_keeps < FIXTURE_KEEPS);
        f->keeps[f->n_keeps] = n;
        return (uint16_t)f->n_keeps++;
}

/* A snapshot of ours of the slot so many slots before NOW. */
static inline struct snapshot_row *add(struct fixture *f, int64_t slots_ago, unsigned flags) {
        struct snapshot_row *row = &f->rows[f->n];
        struct series_key key = {"prod-backup", "gold", GENERATION_1, "westeurope"};
        char prefix[NAMING_PREFIX_SIZE];
        struct utc slot = utc_from_seconds(NOW - slots_ago * EVERY);

        assert_true(f->n < FIXTURE_ROWS);
        assert_int_equal(naming_prefix("db01", &key, prefix), 0);
        *row = (struct snapshot_row){
                .unique_id = guid_from_random(1, f->n),
                .slot = slot,
                .time_created = utc_add_seconds(slot, 2),
                .tag_hash = f->n,
                .name = number(f, prefix),
                .group = number(f, "RG-Snapshots"),
                .generation = number(f, GENERATION_1),
                .policy = number(f, "gold"),
                .region = (uint16_t)number(f, "westeurope"),
                .attempt = 1,
                .percent = 100,
                .flags = (uint16_t)(flags | ROW_INCREMENTAL | ROW_TAGGED | ROW_NAMED | ROW_CLAIMS),
        };
        f->n++;
        return row;
}

/* An extra backup of that time, which is kept until @until: in the form of slots. */
static inline struct snapshot_row *add_backup(struct fixture *f, int64_t slots_ago, unsigned flags,
                                              const char *until) {
        struct snapshot_row *row = add(f, slots_ago, flags | ROW_BACKUP);

        row->keep = keep_number(f, until);
        return row;
}

/* Views are sorted (rows.h). */
static inline int row_compare(const void *a, const void *b) {
        const struct snapshot_row *x = a, *y = b;

        return CMP(x->generation, y->generation)
                       ?: CMP(x->slot.ticks, y->slot.ticks)
                       ?: CMP(x->time_created.ticks, y->time_created.ticks)
                       ?: guid_compare(&x->unique_id, &y->unique_id);
}

static inline int failure_compare(const void *a, const void *b) {
        const struct failure *x = a, *y = b;

        return guid_compare(&x->unique_id, &y->unique_id);
}

/* What has failed is remembered to have. */
static inline void failures_make(struct fixture *f) {
        size_t n = 0;

        for (size_t i = 0; i < f->n; i++) {
                if (!(f->rows[i].flags & ROW_FAILED))
                        continue;
                f->failures[n].unique_id = f->rows[i].unique_id;
                f->failures[n++].since =
                        f->seen_s ? utc_from_seconds(f->seen_s) : f->rows[i].time_created;
        }
        qsort(f->failures, n, sizeof(*f->failures), failure_compare);
        f->standing = (struct standing){.failures = f->failures, .n_failures = n};
}

/* Sorts the rows and makes the view of all there is. */
static inline void view_make(struct fixture *f) {
        qsort(f->rows, f->n, sizeof(*f->rows), row_compare);
        failures_make(f);
        f->view = (struct world_view){
                .subscription = SUBSCRIPTION,
                .strings = f->strings,
                .snapshots = f->rows,
                .n_snapshots = f->n,
                .disks = f->disks,
                .n_disks = f->n_disks,
                .orphans = &f->orphan,
                .n_orphans = f->n_orphans,
                .keeps = f->keeps,
                .n_keeps = f->n_keeps,
        };
}

/* The row of the slot so many slots before NOW, after view_make() has moved it. */
static inline struct snapshot_row *row_of(struct fixture *f, int64_t slots_ago) {
        for (size_t i = 0; i < f->n; i++)
                if (utc_seconds(f->rows[i].slot) == NOW - slots_ago * EVERY)
                        return &f->rows[i];
        fail_msg("no row of %lld slots ago", (long long)slots_ago);
        return NULL;
}
