/*
 * Time: a month away, clocks that change, clocks that are wrong.
 */
#include "checks-internal.h"
#include "named.h"

#include <stdio.h>
#include <string.h>

static int64_t date(int64_t year, int month, int day, int64_t hour) {
        return civil_to_days(year, month, day) * SEC_PER_DAY + hour * SEC_PER_HOUR;
}

/* Nothing is there yet, and nothing happens until then. */
static void skip_to(struct rig *rig, int64_t time_s) {
        rig_run(rig, (time_s - utc_seconds(sim_true_utc(rig->sim))) * NSEC_PER_SEC);
}

struct goal {
        uint64_t creations;
};

static bool has_created(const struct rig *rig, void *data) {
        return rig->checks.creations >= ((const struct goal *)data)->creations;
}

/* One snapshot of the newest missed slot, and nothing goes before it is there. */
void named_month_down(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct goal goal;
        struct tale tale;
        size_t had;

        tale_begin(&tale, rig);
        want.daily = 7;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_faults(&tale, 2000);
        tale_daemon(&tale, &want);
        rig_run(rig, 2 * DAY_NS + ROUND_NS);
        network_stop_faults(rig->network);
        rig_run(rig, HOUR_NS);

        rig_kill(&rig->nodes[0], -1);
        had = tale_count(&tale, TALE_OWNER, NULL);
        rig_run(rig, 30 * DAY_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, NULL) == had, "something went unattended");

        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        tale_hush(&tale);
        goal.creations = created + 2;
        rig_start(&rig->nodes[0]);
        tale_expect(&tale, rig_run_until(rig, 5 * MINUTE_NS, has_created, &goal),
                    "the newest missed slot was not caught up");
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted before it had created");
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created + 2, "%llu created after the month",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_slot(&tale, "disk-1", tale_hour(&tale), 0) != NULL,
                    "it was not the newest slot's");
        tale_expect(&tale, tale_said(&tale, "(stale)") == 4 && !tale_doubts(&tale, DOUBT_STALE),
                    "doubt stale was told %u times in place of begin and end of two",
                    tale_said(&tale, "(stale)"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Exactly these slots, each but the first taken within minutes. */
static void expect_slots(struct tale *tale, const int64_t *slots, size_t n) {
        char text[UTC_TEXT_SIZE];

        for (size_t i = 0; i < n; i++) {
                const struct service_resource *r = tale_slot(tale, "disk-1", slots[i], 0);

                utc_format(utc_from_seconds(slots[i]), text);
                tale_expect(tale, r != NULL, "slot %s has no snapshot", text);
                tale_expect(tale, !r || i == 0 || utc_seconds(r->time_created) < slots[i] + 600,
                            "slot %s was taken late", text);
        }
        tale_expect(tale, tale_ours(tale, "disk-1") == n, "%zu snapshots in place of %zu",
                    tale_ours(tale, "disk-1"), n);
}

static struct intent in_stockholm(void) {
        struct intent want = tale_hourly();

        want.zone = RIG_ZONE;
        want.zone_posix = RIG_ZONE_POSIX;
        return want;
}

/* A daily 02:30 through the change: three days before @noon and after, at these hours UTC. */
static void daily_at_half_past_two(struct rig *rig, int64_t from_s, const int64_t *slots,
                                   size_t n) {
        struct intent want = in_stockholm();
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 10;
        want.calendar = (struct intent_calendar){0x7f, 1 << 2, 30};
        want.every_s = 0;
        skip_to(rig, from_s);
        rig_add_disk(rig, "disk-1");
        tale_faults(&tale, 1000);
        tale_daemon(&tale, &want);
        /* The checks' own calendar has no 02:30 on such a day; the slots are counted below. */
        rig->checks.intents[0].calendar = (struct intent_calendar){};
        rig_run(rig, 4 * DAY_NS);
        expect_slots(&tale, slots, n);
        tale_end(&tale);
}

/* 02:30 does not exist on 28 March 2027: the slot is at the gap's end, 03:00 of summer time. */
void named_spring_daily(struct rig *rig) {
        const int64_t slots[] = {
                date(2027, 3, 26, 1) + 1800, date(2027, 3, 27, 1) + 1800, date(2027, 3, 28, 1),
                date(2027, 3, 29, 0) + 1800, date(2027, 3, 30, 0) + 1800,
        };

        daily_at_half_past_two(rig, date(2027, 3, 26, 12), slots, ARRAY_SIZE(slots));
}

/* 02:30 comes twice on 31 October 2027: the slot is in the first pass. */
void named_autumn_daily(struct rig *rig) {
        const int64_t slots[] = {
                date(2027, 10, 29, 0) + 1800, date(2027, 10, 30, 0) + 1800,
                date(2027, 10, 31, 0) + 1800, date(2027, 11, 1, 1) + 1800,
                date(2027, 11, 2, 1) + 1800,
        };

        daily_at_half_past_two(rig, date(2027, 10, 29, 12), slots, ARRAY_SIZE(slots));
}

/* Every hour at that minute, two days; of thirty hours the snapshots stay, whatever they are called. */
static void every_hour(struct rig *rig, int64_t from_s, int minute) {
        struct intent want = in_stockholm();
        int64_t slots[30], last_s = from_s + 2 * SEC_PER_DAY - SEC_PER_HOUR + minute * 60;
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 1;
        want.hourly = 30;
        want.calendar = (struct intent_calendar){0x7f, 0xffffff, minute};
        want.every_s = 0;
        skip_to(rig, from_s);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 2 * DAY_NS - MINUTE_NS);
        for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
                slots[i] = last_s - (int64_t)(ARRAY_SIZE(slots) - 1 - i) * SEC_PER_HOUR;
        expect_slots(&tale, slots, ARRAY_SIZE(slots));
        /* At a quarter of a day's start the slot before it is due, or the one of that instant. */
        tale_expect(&tale, rig->checks.creations == 48 + (minute > 0), "%llu created in 48 hours",
                    (unsigned long long)rig->checks.creations);
        tale_end(&tale);
}

/* The hour that is skipped ends where the next one begins: one slot. */
void named_spring_hourly(struct rig *rig) {
        every_hour(rig, date(2027, 3, 27, 6), 0);
}

/* The hour that comes twice has a slot each time. */
void named_autumn_hourly(struct rig *rig) {
        every_hour(rig, date(2027, 10, 30, 6), 30);
}

/* An hour of a wrong clock, and a restart under it. */
static void clock_off(struct rig *rig, int64_t by_ns) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.deletions > 0, "nothing was there to delete");
        created = rig->checks.creations;
        deleted = rig->checks.deletions;

        tale_hush(&tale);
        rig_step_clock(&rig->nodes[0], by_ns);
        rig_run(rig, 45 * MINUTE_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_CLOCK) && tale_said(&tale, "(clock)") == 1,
                    "doubt clock was told %u times", tale_said(&tale, "(clock)"));
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, 15 * MINUTE_NS);
        tale_expect(&tale, tale_doubts(&tale, DOUBT_CLOCK), "doubt clock ended by a restart");
        tale_expect(&tale, rig->checks.creations == created + 1, "%llu created in that hour",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_slot(&tale, "disk-1", tale_hour(&tale), 0) != NULL,
                    "its slot was not ARM's");
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted by a wrong clock");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 7, "%zu are there in place of 7",
                    tale_ours(&tale, "disk-1"));

        rig_step_clock(&rig->nodes[0], -by_ns);
        rig_run(rig, SWEEPS_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_CLOCK), "doubt clock does not end");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu are there in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

void named_clock_ahead(struct rig *rig) {
        clock_off(rig, 365 * DAY_NS);
}

void named_clock_behind(struct rig *rig) {
        clock_off(rig, -365 * DAY_NS);
}

enum {
        DENSE_DISKS = 100,
        DENSE_SLOTS = 24,
        DENSE_EVERY_S = 300,
};

/* Slots of a hundred disks spread over all of a short interval, so that some disk's begins every few
 * seconds: each is taken within its interval. Then people order things, which are looked at at once and
 * keep no slot waiting; and then answers are so slow that some PUT is always under way. */
void named_dense_slots(struct rig *rig) {
        struct intent want = tale_hourly();
        char name[16];
        struct tale tale;
        int64_t begin_s;

        tale_begin(&tale, rig);
        want.every_s = DENSE_EVERY_S;
        want.jitter_s = DENSE_EVERY_S - 1;
        want.last = 100;
        for (unsigned i = 1; i <= DENSE_DISKS; i++) {
                (void)snprintf(name, sizeof(name), "disk-%u", i);
                rig_add_disk(rig, name);
        }
        tale_daemon(&tale, &want);
        rig_run(rig, DENSE_EVERY_S * NSEC_PER_SEC);
        begin_s = utc_seconds(sim_true_utc(rig->sim)) / DENSE_EVERY_S * DENSE_EVERY_S;
        for (unsigned i = 1; i <= DENSE_SLOTS; i++) {
                rig_run(rig, 100 * NSEC_PER_SEC);
                if (i == DENSE_SLOTS * 2 / 3) {
                        network_set_fault_kinds(rig->network, 1U << SERVICE_REQUEST_PUT_SNAPSHOT);
                        network_set_fault(rig->network, NETWORK_SLOW, 1000000);
                } else if (i > DENSE_SLOTS / 3 && i < DENSE_SLOTS * 2 / 3)
                        tale_must(&tale, engine_pause(rig->nodes[0].engine, /* all= */ false,
                                                      UTC_NEVER, "somebody"));
                rig_run(rig, (DENSE_EVERY_S - 100) * NSEC_PER_SEC);
        }

        rig_run(rig, DENSE_EVERY_S * NSEC_PER_SEC);
        for (unsigned i = 1; i <= DENSE_DISKS; i++)
                for (int64_t slot = 0; slot < DENSE_SLOTS; slot++) {
                        int64_t slot_s = begin_s + slot * DENSE_EVERY_S;
                        const struct service_resource *r;

                        (void)snprintf(name, sizeof(name), "disk-%u", i);
                        r = tale_slot(&tale, name, slot_s, 0);
                        tale_expect(&tale, r != NULL, "slot %d of disk %s was not taken", (int)slot,
                                    name);
                        tale_expect(&tale,
                                    !r || utc_seconds(r->time_created) <
                                                    slot_s + want.jitter_s + DENSE_EVERY_S,
                                    "slot %d of disk %s was late", (int)slot, name);
                }
        tale_expect(&tale, tale_said(&tale, "(stale)") == 0, "missed slots were told");
        tale_settle(&tale);
        tale_end(&tale);
}

#define STREAM_FLEET 300
/* Of the slot that is being taken, and what the rounds of two intervals have yet to delete. */
#define FLEET_LEFT_OVER 3

/* Every disk has a snapshot of the newest slot that had an interval's time, and few more than the rule keeps. */
static void expect_newest(struct tale *tale, const struct intent *want) {
        int64_t now_s = utc_seconds(sim_true_utc(tale->rig->sim));
        int64_t slot_s = (now_s - want->jitter_s - want->every_s) / want->every_s * want->every_s;

        checks_step(&tale->rig->checks, tale->rig->service, sim_true_utc(tale->rig->sim));
        for (const struct seen_chain *chain = tale->rig->checks.chains; chain;
             chain = chain->next) {
                int64_t newest_s = 0;

                if (!chain->disk)
                        continue;
                for (size_t i = 0; i < chain->n; i++)
                        newest_s = MAX(newest_s, chain->items[i]->slot_s);
                tale_expect(tale, chain->n <= want->last + FLEET_LEFT_OVER, "%s has %zu of %u",
                            chain->disk->name, chain->n, want->last);
                tale_expect(tale, newest_s >= slot_s, "%s has nothing of the last %d s",
                            chain->disk->name, (int)(now_s - newest_s));
        }
}

/* Many disks at a short interval, of which one begins every few seconds, with pruning in between: wide
 * where generated runs are long. Sometimes in two subscriptions, with a daemon that dies, or with answers so
 * slow that some PUT is always under way. */
void named_dense_fleet(struct rig *rig) {
        static const int64_t intervals_s[] = {300, 600, 900};
        struct sim_stream s = sim_stream_init(rig->seed, 0, STREAM_FLEET);
        unsigned disks = 30 + (unsigned)sim_stream_below(&s, 70), rounds = 4;
        struct intent want = tale_hourly();
        bool dies, is_slow;
        struct tale tale;

        tale_begin(&tale, rig);
        want.every_s = intervals_s[sim_stream_below(&s, ARRAY_SIZE(intervals_s))];
        want.jitter_s = (int64_t)sim_stream_below(&s, (uint64_t)want.every_s);
        want.min_keep = 1 + (unsigned)sim_stream_below(&s, 2);
        want.last = want.min_keep + (unsigned)sim_stream_below(&s, 3);
        want.two_subscriptions = sim_stream_below(&s, 3) == 0;
        dies = sim_stream_below(&s, 2) == 0;
        is_slow = sim_stream_below(&s, 3) == 0;
        if (want.two_subscriptions)
                rig_two_subscriptions(rig);
        for (unsigned i = 1; i <= disks; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "disk-%u", i);
                rig_add_disk(rig, name);
                if (want.two_subscriptions && i % 3 == 0)
                        tale_must(&tale,
                                  service_move_disk(rig->service, sim_true_utc(rig->sim),
                                                    rig_disk_id(name), CHECKS_OTHER_SUBSCRIPTION,
                                                    /* new_group= */ NULL, /* new_name= */ NULL));
        }
        tale_daemon(&tale, &want);
        if (is_slow) {
                network_set_fault_kinds(rig->network, 1U << SERVICE_REQUEST_PUT_SNAPSHOT);
                network_set_fault(rig->network, NETWORK_SLOW, 1000000);
        }
        rig_run(rig, 2 * want.every_s * NSEC_PER_SEC);
        for (unsigned i = 0; i < rounds && !rig->checks.broken; i++) {
                int64_t begin_s = (int64_t)sim_stream_below(&s, (uint64_t)want.every_s);

                rig_run(rig, begin_s * NSEC_PER_SEC);
                if (dies && i % 3 == 0)
                        rig_kill(&rig->nodes[0],
                                 (1 + (int64_t)sim_stream_below(&s, 20)) * NSEC_PER_SEC);
                rig_run(rig, 2 * want.every_s * NSEC_PER_SEC);
                expect_newest(&tale, &want);
        }
        tale_expect(&tale, rig->checks.deletions >= disks, "%llu deleted of %u disks",
                    (unsigned long long)rig->checks.deletions, disks);
        tale_expect(&tale, tale_said(&tale, "(stale)") == 0, "missed slots were told");
        rig->checks.grace_s = want.every_s;
        if (!rig->checks.broken)
                checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
        tale_end(&tale);
}
