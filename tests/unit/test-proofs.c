/*
 * Proofs at load: one table of files and what is said of them, and the peak against series that are
 * run slot by slot.
 */
#include "base/macros.h"
#include "core/calendar.h"
#include "core/proofs.h"
#include "zone-fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H SEC_PER_HOUR
#define D SEC_PER_DAY
#define SUB "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
#define OTHER_SUB "1b1f6471-1bf0-4dda-aec3-cb9272f09590"

static struct utc now_of_tests(void) {
        return utc_from_seconds(civil_to_days(2026, 11, 23) * D);
}

/* A policy in short: a schedule is "1h", "24h+2h" or a calendar event; a bar parts items. */
struct short_policy {
        const char *schedule;
        const char *keep; /* NULL: none */
        int64_t jitter, rpo;
        bool no_catch_up;
        const char *zone;
        enum prune_mode prune; /* PRUNE_OFF is 0: see AUTO */
        int64_t min_age;
        uint32_t min_keep;
};

struct short_target {
        size_t policy;
        const char *disk; /* "group/name", or NULL for a match */
        const char *subscription;
        const char *groups[3];
        const char *tag, *except; /* "name=value" */
};

static void build_item(const char *text, struct schedule_item *item) {
        char *end;
        long hours = strtol(text, &end, 10);

        *item = (struct schedule_item){.kind = SCHEDULE_EVERY};
        if (end != text && (*end == 'h' || *end == 'm' || *end == 's')) {
                item->period_s = hours * (*end == 'h' ? H : *end == 'm' ? 60 : 1);
                if (end[1] == '+')
                        item->offset_s = strtol(end + 2, NULL, 10) * 60;
                return;
        }
        item->kind = SCHEDULE_CALENDAR;
        if (calendar_parse(text, strlen(text), &item->calendar, NULL, NULL) != 0)
                fail_msg("no schedule: %s", text);
}

static void build_schedule(const char *text, struct schedule *schedule) {
        char part[128];

        schedule->items = calloc(8, sizeof(*schedule->items));
        for (;;) {
                size_t len = strcspn(text, "|");

                memcpy(part, text, len);
                part[len] = '\0';
                build_item(part, &schedule->items[schedule->n++]);
                if (!text[len])
                        return;
                text += len + 1;
        }
}

static void build_policy(const struct short_policy *from, struct policy_file *file,
                         struct policy *policy) {
        size_t at;

        *policy = (struct policy){
                .jitter_s = from->jitter,
                .catch_up = !from->no_catch_up,
                .rpo_s = from->rpo,
                .prune = from->prune,
                .min_keep = from->min_keep,
                .min_age_s = from->min_age,
                .has_keep = from->keep,
        };
        policy->name = strdup("p");
        policy->snapshot_group = strdup("rg-snapshots");
        build_schedule(from->schedule, &policy->schedule);
        if (from->keep && from->keep[0] &&
            keep_parse(from->keep, strlen(from->keep), &policy->keep, &at) != 0)
                fail_msg("no keep: %s", from->keep);
        if (from->zone) {
                policy->zone = file->zones[file->n_zones++] = zone_fixture(from->zone);
                policy->zone_name = strdup("Europe/Stockholm");
        }
}

static void build_tag(const char *text, struct policy_tags *tags) {
        const char *equals = strchr(text, '=');

        tags->items = calloc(1, sizeof(*tags->items));
        tags->items[tags->n++] =
                (struct policy_tag){strndup(text, (size_t)(equals - text)), strdup(equals + 1)};
}

static void build_target(const struct short_target *from, struct target *target) {
        const char *sub = from->subscription ? from->subscription : SUB;

        target->policy = from->policy;
        if (from->disk) {
                const char *slash = strchr(from->disk, '/');
                struct resource_id *id = calloc(1, sizeof(*id));

                strcpy(id->subscription, sub);
                memcpy(id->group, from->disk, (size_t)(slash - from->disk));
                strcpy(id->name, slash + 1);
                target->disks = id;
                target->n_disks = 1;
                return;
        }
        target->subscription = strdup(sub);
        target->groups = calloc(ARRAY_SIZE(from->groups), sizeof(char *));
        while (target->n_groups < ARRAY_SIZE(from->groups) && from->groups[target->n_groups]) {
                target->groups[target->n_groups] = strdup(from->groups[target->n_groups]);
                target->n_groups++;
        }
        if (from->tag)
                build_tag(from->tag, &target->tags);
        if (from->except)
                build_tag(from->except, &target->except_tags);
}

#define AUTO .prune = PRUNE_AUTO
#define ONCE .schedule = "1h", .keep = "last=3", AUTO
#define K(n)                                                                                       \
        { .schedule = "1h", .keep = "last=" #n, AUTO }

static const struct row {
        int line;
        struct short_policy policies[4];
        struct short_target targets[4];
        struct proof_fleet fleet;
        /* Each begins with 'E' or 'W', then a part of the text that must be there; in their order,
         * and there are no others. */
        const char *findings[4];
        unsigned share; /* api_share in thousandths; 0: 500 */
} rows[] = {
        {__LINE__,
         {{.schedule = "1h",
           .keep = "last=6,hourly=48,daily=30,weekly=12,monthly=24,"
                   "yearly=7,within=2d",
           .jitter = 300,
           .rpo = 5400,
           .min_keep = 3,
           .min_age = D,
           AUTO}},
         {{0, "rg/db01"}},
         {},
         {NULL}},

        /* The rpo. */
        {__LINE__, {{ONCE, .rpo = 61 * 60}}, {}, {}, {NULL}},
        {__LINE__,
         {{ONCE, .rpo = 3600}},
         {},
         {},
         {"Ethe rpo of 1h cannot be kept: slots lie up to 1h apart"}},
        {__LINE__,
         {{ONCE, .rpo = 65 * 60, .jitter = 300}},
         {},
         {},
         {"Ejitter is up to 5m, so the newest snapshot is up to 1h5m old"}},
        {__LINE__, {{ONCE, .rpo = 65 * 60 + 1, .jitter = 300}}, {}, {}, {NULL}},
        /* A day of 25 hours. */
        {__LINE__,
         {{.schedule = "02:00", .keep = "last=3", .rpo = 25 * H, .zone = ZONE_STOCKHOLM, AUTO}},
         {},
         {},
         {"Eslots lie up to 1d1h apart"}},
        {__LINE__,
         {{.schedule = "02:00", .keep = "last=3", .rpo = 25 * H + 1, .zone = ZONE_STOCKHOLM, AUTO}},
         {},
         {},
         {NULL}},
        /* Over the weekend. */
        {__LINE__,
         {{.schedule = "Mon..Fri 02:30", .keep = "last=3", .rpo = 26 * H, AUTO}},
         {},
         {},
         {"Eslots lie up to 3d apart"}},
        /* A union has the gaps that none of its items has. */
        {__LINE__,
         {{.schedule = "24h|24h+600", .keep = "last=3", .rpo = 14 * H, AUTO}},
         {},
         {},
         {"Eslots lie up to 14h apart"}},
        {__LINE__,
         {{ONCE, .rpo = 90 * 60, .no_catch_up = true}},
         {},
         {},
         {"Wcatch_up: none with an rpo of 1h30m", NULL}},

        /* Slots that never come, or that end. */
        {__LINE__,
         {{.schedule = "*-02-30", .keep = "last=3", AUTO}},
         {},
         {},
         {"Ethe schedule never elapses"}},
        {__LINE__,
         {{.schedule = "2020-01-01", .keep = "last=3", AUTO}},
         {},
         {},
         {"Wthe schedule is over"}},
        {__LINE__,
         {{.schedule = "1h|2026-01-01", .keep = "last=3", .rpo = 2 * H, AUTO}},
         {},
         {},
         {"Witem 2 of 2 of the schedule is over"}},
        {__LINE__,
         {{.schedule = "1h|*-02-30", .keep = "last=3", AUTO}},
         {},
         {},
         {"Eitem 2 of 2 of the schedule never elapses"}},
        {__LINE__,
         {{.schedule = "2027-*-01", .keep = "last=3", AUTO}},
         {},
         {},
         {"Wits last slot is 2027-12-01T00:00:00Z, 12 from now on"}},

        /* It does not go on as densely as it ends: one slot is one, and two are two. */
        {__LINE__,
         {{.schedule = "2027-01-01", .keep = "within=30d", AUTO}},
         {},
         {},
         {"Wits last slot is 2027-01-01T00:00:00Z, 1 from now on"}},
        {__LINE__,
         {{.schedule = "2027-01-01 00:00,01", .keep = "within=30d", AUTO}},
         {},
         {},
         {"Wits last slot is 2027-01-01T00:01:00Z, 2 from now on"}},
        /* What is left of it does not hide what there was: a snapshot an hour until today. */
        {__LINE__,
         {{.schedule = "2026-01..11-* *:00", .keep = "within=30d", AUTO}},
         {},
         {},
         {"Ecan come to 722 snapshots", "Wits last slot is 2026-11-30T23:00:00Z, 191 from now on"}},
        {__LINE__, {{.schedule = "2199-*-01", .keep = "last=3", AUTO}}, {}, {}, {NULL}},
        /* One slot and no more: there is no interval that an rpo, a queue or a full chain could be
         * told by. */
        {__LINE__,
         {{.schedule = "2027-01-01", .rpo = H, AUTO}},
         {{0}},
         {.disks_per_match = 4001},
         {"Wits last slot is 2027-01-01T00:00:00Z, 1 from now on"}},

        /* Drift. */
        {__LINE__,
         {{.schedule = "24h", .keep = "last=3", .zone = ZONE_STOCKHOLM, AUTO}},
         {},
         {},
         {"Wevery: 24h keeps its hour in UTC and drifts against local midnight: in "
          "Europe/Stockholm it is at 01:00 or at 02:00"}},
        {__LINE__,
         {{.schedule = "168h+1350", .keep = "last=3", .zone = ZONE_STOCKHOLM, AUTO}},
         {},
         {},
         {"Wevery: 1w keeps its hour in UTC and drifts against local midnight: in "
          "Europe/Stockholm it is at 23:30 or at 00:30"}},
        {__LINE__, {{.schedule = "24h", .keep = "last=3", AUTO}}, {}, {}, {NULL}},
        {__LINE__,
         {{.schedule = "24h", .keep = "last=3", .zone = ZONE_KATHMANDU, AUTO}},
         {},
         {},
         {NULL}},
        {__LINE__,
         {{.schedule = "12h", .keep = "last=3", .zone = ZONE_STOCKHOLM, AUTO}},
         {},
         {},
         {NULL}},

        /* Nothing is ever deleted. */
        {__LINE__,
         {{.schedule = "6h", AUTO}},
         {},
         {},
         {"Wno keep: nothing is ever deleted; at 4 slots a day a chain is full, with 500 "
          "snapshots, after 125 days"}},
        {__LINE__,
         {{.schedule = "6h", .keep = "last=3"}},
         {},
         {},
         {"Wprune: off: nothing is ever deleted"}},
        {__LINE__, {{.schedule = "6h", .keep = "", AUTO}}, {}, {}, {"Wno keep: nothing is ever"}},

        /* The peak: one more than is kept, before the oldest goes. */
        {__LINE__, {K(398)}, {}, {}, {NULL}},
        {__LINE__, {K(399)}, {}, {}, {"Wcan come to 400 snapshots;"}},
        {__LINE__, {K(499)}, {}, {}, {"Wcan come to 500 snapshots;"}},
        {__LINE__, {K(500)}, {}, {}, {"Ecan come to 501 snapshots;"}},
        {__LINE__, {K(499)}, {}, {.held = 1}, {"Ecan come to 501 snapshots;"}},
        {__LINE__,
         {{.schedule = "15m", .keep = "last=3", .min_age = 6 * D, AUTO}},
         {},
         {},
         {"Ecan come to 578 snapshots;"}},
        {__LINE__, {{.schedule = "15m", .keep = "within=6d", AUTO}}, {}, {}, {"Ecan come to 578"}},
        /* Two policies of one disk; then of different ones; then of what may be one. */
        {__LINE__,
         {K(300), K(300)},
         {{0, "rg/a"}, {1, "RG/A"}},
         {},
         {"Ecan come to 602 snapshots, summed over the 2 policies of disk"}},
        {__LINE__, {K(300), K(300)}, {{0, "rg/a"}, {1, "rg/b"}}, {}, {NULL}},
        {__LINE__, {K(300), K(300)}, {{0, "rg/a"}, {1, "rg/a", OTHER_SUB}}, {}, {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, "rg-x/a"}, {1, NULL, NULL, {"rg-*"}}},
         {},
         {"Wcan come to 602 snapshots, summed over the 2 policies of disk rg-x/a"}},
        {__LINE__, {K(300), K(300)}, {{0, "rg-x/a"}, {1, NULL, NULL, {"rg-y*"}}}, {}, {NULL}},
        {__LINE__, {K(300), K(300)}, {{0, "rg-x/a"}, {1, NULL, OTHER_SUB, {"rg-*"}}}, {}, {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, NULL, {"rg-*"}}, {1}},
         {},
         {"Wcan come to 602 snapshots, summed over 2 policies that may select the same disk"}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, NULL, {"rg-*"}}, {1, NULL, NULL, {"*-x"}}},
         {},
         {"Wcan come to 602 snapshots"}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, NULL, {"rg-*"}}, {1, NULL, NULL, {"rh-*"}}},
         {},
         {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, NULL, {"*-a"}}, {1, NULL, NULL, {"*-b", "B"}}},
         {},
         {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, NULL, {"*"}}, {1, NULL, OTHER_SUB, {"*"}}},
         {},
         {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, .tag = "b=x"}, {1, NULL, .tag = "B=y"}},
         {},
         {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, .tag = "b=x"}, {1, NULL, .except = "b=x"}},
         {},
         {NULL}},
        {__LINE__,
         {K(300), K(300)},
         {{0, NULL, .except = "b=x"}, {1, NULL, .tag = "b=y"}},
         {},
         {"Wcan come to 602 snapshots"}},
        /* A pair that is sure does not hide a larger one that may be. */
        {__LINE__,
         {K(150), K(100), K(400)},
         {{0, "rg/a"}, {1, "rg/a"}, {0, NULL, NULL, {"x"}}, {2, NULL, NULL, {"x"}}},
         {},
         {"Wcan come to 552 snapshots, summed over 2", "Wcan come to 401"}},

        /* The first policy comes first, whatever is found later of it. */
        {__LINE__,
         {K(500), {ONCE, .rpo = H}},
         {},
         {},
         {"Ecan come to 501 snapshots;", "Ethe rpo of 1h cannot be kept"}},

        /* Seven in five minutes. */
        {__LINE__, {{.schedule = "45s", .keep = "last=9", AUTO}}, {}, {}, {NULL}},
        {__LINE__,
         {{.schedule = "42s", .keep = "last=9", AUTO}},
         {},
         {},
         {"Eup to 8 snapshots of a disk in 5 minutes; Azure allows 7"}},
        {__LINE__,
         {{.schedule = "1m", .keep = "last=9", AUTO},
          {.schedule = "*:*:00,01,02", .keep = "last=9", AUTO}},
         {{0, "rg/a"}, {1, "rg/a"}},
         {},
         {"Eup to 20 snapshots of a disk in 5 minutes, summed",
          "Eup to 15 snapshots of a disk in 5 minutes;"}},

        /* Load. */
        {__LINE__, {{ONCE}}, {{0}}, {.disks_per_match = 7999}, {NULL}},
        {__LINE__,
         {{ONCE}},
         {{0}},
         {.disks_per_match = 8001},
         {"E133.3 creations a minute in subscription " SUB
          " (8001 disks, counted once a policy); the budget is 133.3"}},
        {__LINE__, {{ONCE}}, {{0}}, {.disks_per_match = 8001}, {NULL}, .share = 600},
        {__LINE__, {{ONCE}}, {{0}, {0, NULL, OTHER_SUB}}, {.disks_per_match = 7000}, {NULL}},
        {__LINE__,
         {{ONCE, .rpo = 90 * 60}},
         {{0}},
         {.disks_per_match = 4001},
         {"E4001 disks of one subscription are due at once, and at 133 creations a minute the last "
          "waits 30 minutes; the rpo leaves 30"}},
        /* What the rpo leaves no room for without a queue is told once. */
        {__LINE__,
         {{ONCE, .rpo = H}},
         {{0}},
         {.disks_per_match = 4001},
         {"Ethe rpo of 1h cannot be kept"}},
        {__LINE__,
         {{.schedule = "5m", .keep = "last=398", AUTO}},
         {{0}},
         {.disks_per_match = 600},
         {"Wa sweep of the largest subscription takes about 7 minutes (241 pages at 32 a minute)"}},

        /* The disk's own group, and disks selected twice. */
        {__LINE__,
         {{ONCE}},
         {{0, "RG-Snapshots/a"}},
         {},
         {"Wsnapshot_group rg-snapshots is the own group of 1 disks (a)"}},
        {__LINE__,
         {{ONCE}},
         {{0, NULL, NULL, {"x", "rg-snapshots"}}},
         {},
         {"Wsnapshot_group rg-snapshots is also a group"}},
        {__LINE__,
         {{ONCE}},
         {{0, "rg/a"}, {0, "RG/a"}, {0, "rg/b"}},
         {},
         {"W1 disk is selected more than once; it counts once"}},
};

static struct policy_file *build_file(const struct row *row) {
        struct policy_file *file = calloc(1, sizeof(*file));

        file->owner = strdup("o");
        file->api_share_permille = row->share ?: 500;
        file->zones = calloc(4, sizeof(*file->zones));
        file->policies = calloc(4, sizeof(*file->policies));
        file->targets = calloc(4, sizeof(*file->targets));
        while (file->n_policies < 4 && row->policies[file->n_policies].schedule) {
                build_policy(&row->policies[file->n_policies], file,
                             &file->policies[file->n_policies]);
                file->n_policies++;
        }
        for (size_t i = 0; i < 4; i++) {
                const struct short_target *t = &row->targets[i];

                if (i > 0 && !t->disk && !t->subscription && !t->groups[0] && !t->tag &&
                    !t->except && t->policy == 0)
                        break;
                if (i == 0 && !t->disk && !t->groups[0] && !t->tag && !t->except &&
                    row->fleet.disks_per_match == 0)
                        break;
                build_target(t, &file->targets[file->n_targets++]);
        }
        return file;
}

static void test_findings(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy_file *file = build_file(&rows[i]);
                struct proofs *proofs = NULL;
                bool error = false;
                size_t n = 0;

                assert_int_equal(proofs_run(file, &rows[i].fleet, now_of_tests(), &proofs), 0);
                for (; n < ARRAY_SIZE(rows[i].findings) && rows[i].findings[n]; n++) {
                        const char *expected = rows[i].findings[n];

                        error = error || expected[0] == 'E';
                        if (n >= proofs->n_findings ||
                            proofs->findings[n].severity !=
                                    (expected[0] == 'E' ? PROOF_ERROR : PROOF_WARNING) ||
                            !strstr(proofs->findings[n].text, expected + 1))
                                fail_msg("row at line %d: finding %zu of %zu: %s", rows[i].line, n,
                                         proofs->n_findings,
                                         n < proofs->n_findings ? proofs->findings[n].text
                                                                : "none");
                }
                if (proofs->n_findings != n)
                        fail_msg("row at line %d: one more: %s", rows[i].line,
                                 proofs->findings[n].text);
                assert_int_equal(proofs_failed(proofs), error);
                proofs_free(proofs);
                policy_file_free(file);
        }
        assert_null(proofs_free(NULL));
}

/* Seconds between slots are the demo's right; Azure's limits are then azure-sim's. */
static void test_demo(void **state) {
        static const struct row row = {.policies = {{.schedule = "1s", .keep = "last=9", AUTO}}};
        struct policy_file *file = build_file(&row);
        struct proofs *proofs;

        file->demo = true;
        assert_int_equal(proofs_run(file, NULL, now_of_tests(), &proofs), 0);
        assert_int_equal(proofs->n_findings, 1);
        assert_false(proofs_failed(proofs));
        proofs_free(proofs);
        policy_file_free(file);
}

static void test_figures(void **state) {
        struct policy_file *file = build_file(&rows[0]);
        struct proofs *proofs;

        assert_int_equal(proofs_run(file, NULL, now_of_tests(), &proofs), 0);
        assert_int_equal(proofs->n_policies, 1);
        assert_int_equal(proofs->policies[0].disks, 1);
        assert_int_equal(proofs->policies[0].shortest_s, H);
        assert_int_equal(proofs->policies[0].longest_s, H);
        assert_true(proofs->policies[0].slots_per_day == 24.0);
        assert_int_equal(proofs->policies[0].burst, 1);
        /* 48 hourly ones are in the run of 49; of 30 days one more is at least; of 12 weeks 4; none
         * of 24 months; one of 7 years is a month: 49 + 29 + 8 + 24 + 6, and the one just made. */
        assert_int_equal(proofs->policies[0].peak, 117);
        assert_int_equal(proofs->sweep_requests, 2);
        assert_int_equal(proofs->sweep_s, 4);
        proofs_free(proofs);
        policy_file_free(file);
}

/* Bounds worked out by hand, for what no run would show: a bound that is too low by one alignment. */
static void test_peak_figures(void **state) {
        static const struct {
                int line;
                const char *schedule, *keep;
                uint64_t peak;
        } peaks[] = {
                {__LINE__, "24h", "last=5", 6},
                {__LINE__, "24h", "daily=7", 8},
                /* Seven days need not hold a whole week; eight do, but for the first of it. */
                {__LINE__, "24h", "daily=7,weekly=2", 10},
                {__LINE__, "24h", "daily=8,weekly=2", 10},
                /* The run is up to 9. At 8 it shares 3 days and no week, 8 + 4 + 5; at 9 it shares 4
                 * and one, 9 + 3 + 4. The worst is not the longest. */
                {__LINE__, "24h", "daily=7,weekly=5,within=8d", 18},
                /* A week is part of no month, a month of a year. */
                {__LINE__, "24h", "weekly=50,monthly=12", 63},
                {__LINE__, "24h", "monthly=13,yearly=5", 18},
                /* Too long a run to be gone through: the days are added as if it had none. */
                {__LINE__, "1s", "daily=3,within=2d", 2 * 86400 + 1 + 3 + 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(peaks); i++) {
                struct row row = {
                        .policies = {{.schedule = peaks[i].schedule, .keep = peaks[i].keep, AUTO}}};
                struct policy_file *file = build_file(&row);
                uint64_t peak;

                assert_int_equal(proof_peak(&file->policies[0], now_of_tests(), &peak), 0);
                if (peak != peaks[i].peak)
                        fail_msg("row at line %d: %" PRIu64, peaks[i].line, peak);
                policy_file_free(file);
        }
}

static uint64_t draw(uint64_t *state) {
        uint64_t z = *state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

static uint64_t below(uint64_t *state, uint64_t bound) {
        return draw(state) % bound;
}

/* Runs a series for @slots slots: each gets its snapshot, sometimes late, then the rule prunes. */
static uint64_t run_series(const struct policy *policy, struct utc begin, unsigned slots,
                           uint64_t *rng) {
        enum {
                N = 4000
        };
        struct retention_floors floors = {policy->min_keep, policy->min_age_s};
        struct retention_point *points = calloc(N, sizeof(*points));
        struct verdict *verdicts = calloc(N, sizeof(*verdicts));
        uint64_t most = 0;
        size_t n = 0, left;
        struct utc slot = begin, next;

        while (slots-- > 0 && schedule_next(&policy->schedule, policy->zone, slot, &slot)) {
                struct utc instant = slot;

                if (!schedule_next(&policy->schedule, policy->zone, slot, &next))
                        break;
                if (below(rng, 8) == 0)
                        continue; /* missed */
                if (below(rng, 8) == 0)
                        instant.ticks += (int64_t)below(rng, (uint64_t)(next.ticks - slot.ticks));
                assert_true(n < N);
                points[n++] = (struct retention_point){slot, instant, POINT_COMPLETE};
                most = MAX(most, n);
                assert_int_equal(retention_judge(points, n, &policy->keep, policy->zone, &floors,
                                                 instant, verdicts),
                                 0);
                left = 0;
                for (size_t i = 0; i < n; i++)
                        if (verdicts[i].kept_by)
                                points[left++] = points[i];
                n = left;
        }
        free(points);
        free(verdicts);
        return most;
}

/* Never too low, and not so high that it says nothing. */
static void test_peak_bound(void **state) {
        static const char *const schedules[] = {
                "15m",
                "1h",
                "2h",
                "3h",
                "6h",
                "8h",
                "24h",
                "48h",
                "168h",
                "1h|24h+30",
                "6h|24h+60",
                "02:30",
                "Mon..Fri 8..18:00",
                "*:0/20",
                "Sat 03:00",
                "*-*-1,15 04:00",
        };
        static const char *const zones[] = {NULL, ZONE_STOCKHOLM, ZONE_LORD_HOWE, ZONE_NEW_YORK};
        uint64_t rng = 1, sum_bound = 0, sum_most = 0;

        for (int run = 0; run < 250; run++) {
                struct row row = {
                        .policies = {{.schedule = schedules[below(&rng, ARRAY_SIZE(schedules))],
                                      .zone = zones[below(&rng, ARRAY_SIZE(zones))],
                                      .keep = "last=1",
                                      AUTO}}};
                struct policy_file *file = build_file(&row);
                struct policy *policy = &file->policies[0];
                struct utc begin = utc_add_seconds(now_of_tests(), (int64_t)below(&rng, 400 * D));
                uint64_t bound, most;

                policy->keep.pick = (enum keep_pick)below(&rng, 2);
                policy->keep.count[KEEP_LAST] = below(&rng, 2) ? 1 + (uint32_t)below(&rng, 20) : 0;
                for (size_t rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++)
                        policy->keep.count[rule] =
                                below(&rng, 2)
                                        ? 1 + (uint32_t)below(&rng, rule == KEEP_YEARLY ? 4 : 40)
                                        : 0;
                if (keep_is_empty(&policy->keep) || below(&rng, 3) == 0)
                        policy->keep.within_s = 1 + (int64_t)below(&rng, 3 * D);
                policy->min_keep = (uint32_t)below(&rng, 5);
                policy->min_age_s = below(&rng, 2) ? (int64_t)below(&rng, 2 * D) : 0;

                assert_int_equal(proof_peak(policy, begin, &bound), 0);
                most = run_series(policy, begin, 700, &rng);
                if (most > bound)
                        fail_msg("run %d, %s: %" PRIu64 " alive, the bound is %" PRIu64, run,
                                 row.policies[0].schedule, most, bound);
                sum_bound += bound;
                sum_most += most;
                policy_file_free(file);
        }
        /* Short runs do not fill the long tiers, so that this is no measure of the bound alone. */
        if (sum_bound > 2 * sum_most)
                fail_msg("bounds of %" PRIu64 " for %" PRIu64, sum_bound, sum_most);
}

/* The design's own policy, over two years: all tiers but the years are full, and the bound is near. */
static void test_peak_gold(void **state) {
        struct policy_file *file = build_file(&rows[0]);
        uint64_t bound, most, rng = 7;

        assert_int_equal(proof_peak(&file->policies[0], now_of_tests(), &bound), 0);
        most = run_series(&file->policies[0], now_of_tests(), 2 * 8766, &rng);
        assert_in_range(most, bound * 8 / 10, bound);
        policy_file_free(file);
}

/* Small rules over long times, in which every alignment of weeks, months and years comes up. */
static void test_peak_tight(void **state) {
        static const char *const keeps[] = {
                "daily=1,weekly=1",
                "daily=7,weekly=2",
                "daily=8,monthly=2",
                "weekly=2,monthly=2,yearly=2",
                "daily=31,weekly=5,monthly=2,yearly=1",
                "hourly=24,daily=2",
                "hourly=25,daily=2,within=1d",
                "last=7,daily=3,weekly=2",
                "daily=32,monthly=3",
                "monthly=13,yearly=3",
        };
        static const char *const schedules[] = {"24h", "12h", "6h", "02:30", "Mon..Fri 12:00"};
        uint64_t rng = 3;

        for (size_t i = 0; i < ARRAY_SIZE(keeps) * ARRAY_SIZE(schedules) * 2; i++) {
                struct row row = {
                        .policies = {{.schedule = schedules[i / 2 % ARRAY_SIZE(schedules)],
                                      .keep = keeps[i / 2 / ARRAY_SIZE(schedules)],
                                      .zone = ZONE_STOCKHOLM,
                                      AUTO}}};
                struct policy_file *file = build_file(&row);
                uint64_t bound, most;

                file->policies[0].keep.pick = (enum keep_pick)(i % 2);
                assert_int_equal(proof_peak(&file->policies[0], now_of_tests(), &bound), 0);
                most = run_series(&file->policies[0], now_of_tests(), 1500, &rng);
                if (most > bound)
                        fail_msg("%s, %s: %" PRIu64 " alive, the bound is %" PRIu64,
                                 row.policies[0].schedule, row.policies[0].keep, most, bound);
                policy_file_free(file);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_findings),   cmocka_unit_test(test_demo),
                cmocka_unit_test(test_figures),    cmocka_unit_test(test_peak_figures),
                cmocka_unit_test(test_peak_bound), cmocka_unit_test(test_peak_gold),
                cmocka_unit_test(test_peak_tight),
        };

        return cmocka_run_group_tests_name("proofs", tests, NULL, NULL);
}
