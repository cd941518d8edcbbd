/*
 * Budgets: a backlog under Azure's own rates, and others who draw from the same buckets.
 */
#include "named.h"

#include <stdio.h>
#include <string.h>

/* What is ours of the 8,000 creations in 30 minutes (FACTS section 9), a second. */
static double ours_per_second(unsigned share_permille) {
        return 8000.0 * share_permille / 1000 / 1800;
}

static void add_disks(struct rig *rig, unsigned n) {
        for (unsigned i = 1; i <= n; i++) {
                char name[32];

                snprintf(name, sizeof(name), "disk-%05u", i);
                rig_add_disk(rig, name);
        }
}

/* One snapshot a day, each disk's first being due at once. */
static struct intent daily(unsigned share_permille) {
        struct intent want = tale_hourly();

        want.every_s = SEC_PER_DAY;
        want.share_permille = share_permille;
        return want;
}

struct creations {
        uint64_t wanted;
};

static bool are_created(const struct rig *rig, void *data) {
        const struct creations *creations = data;

        return rig->checks.creations >= creations->wanted;
}

/* Prints a line for each ten minutes. */
static void print_curve(uint64_t minutes, uint64_t created, uint64_t before, double allowed) {
        int bar = allowed > 0 ? (int)(40 * (double)(created - before) / allowed) : 0;

        printf("# %4llu min  %6llu created  %5llu in 10 min  %.*s\n", (unsigned long long)minutes,
               (unsigned long long)created, (unsigned long long)(created - before), bar,
               "########################################################################");
}

void backlog_run(struct rig *rig, unsigned disks, unsigned nodes, unsigned share_permille,
                 bool print, struct backlog *ret_backlog) {
        double ours = ours_per_second(share_permille);
        struct creations all = {.wanted = disks};
        struct intent want = daily(share_permille);
        struct tale tale;
        int64_t began;
        double seconds;

        rig->log_most = LOG_LEVEL_INFO;
        tale_begin(&tale, rig);
        add_disks(rig, disks);
        tale_daemon(&tale, &want);
        for (unsigned i = 1; i < nodes; i++)
                tale_twin(&tale);

        rig_run_until(rig, HOUR_NS, are_created, &(struct creations){.wanted = 1});
        began = sim_mono(rig->sim).ns;
        for (uint64_t minutes = 0, before = 0; !rig->checks.broken && minutes < 24 * 60;) {
                bool done = rig_run_until(rig, 10 * MINUTE_NS, are_created, &all);

                minutes += 10;
                if (print)
                        print_curve(minutes, rig->checks.creations, before, ours * 600 * nodes);
                before = rig->checks.creations;
                if (done)
                        break;
        }
        seconds = (double)(sim_mono(rig->sim).ns - began) / NSEC_PER_SEC;
        *ret_backlog = (struct backlog){
                .created = rig->checks.creations,
                .throttled = service_counts(rig->service).throttled,
                .seconds = seconds,
                .used = (double)rig->checks.creations / (seconds * ours * nodes),
        };
        rig_run(rig, HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "some could not be taken");
        tale_end(&tale);
}

/* All of them, and nobody answered 429; @used is the least part of our share that was to be used. */
static void expect_backlog(struct rig *rig, const struct backlog *backlog, unsigned disks,
                           double used) {
        struct tale tale;

        tale_begin(&tale, rig);
        tale_expect(&tale, backlog->created == disks, "%llu of %u created",
                    (unsigned long long)backlog->created, disks);
        tale_expect(&tale, backlog->throttled == 0, "%llu were answered 429",
                    (unsigned long long)backlog->throttled);
        tale_expect(&tale, backlog->used >= used, "%.3f of our share was used", backlog->used);
        tale_end(&tale);
}

/* A fiftieth of Azure's budget is ours: the first day of a thousand disks takes three hours, and what is
 * made waits for the next listing longer than a create has to live. */
void named_backlog(struct rig *rig) {
        struct backlog backlog;

        backlog_run(rig, 1000, 1, 20, false, &backlog);
        expect_backlog(rig, &backlog, 1000, 0.95);
}

/* Two daemons that both ask for all of it, half of the whole being each's: what the other takes shows in
 * what is left. */
void named_backlog_of_two(struct rig *rig) {
        struct backlog backlog;

        backlog_run(rig, 1200, 2, 500, false, &backlog);
        expect_backlog(rig, &backlog, 1200, 0);
}

/* Others leave a hundred of the creations, then none. */
void named_strangers_spend(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, throttled;
        struct utc spent;
        struct tale tale;

        tale_begin(&tale, rig);
        add_disks(rig, 20);
        want.rpo_s = 2 * SEC_PER_HOUR;
        tale_daemon(&tale, &want);
        rig_run(rig, 4 * HOUR_NS + 59 * MINUTE_NS);
        rig->checks.strangers_spend = true;
        created = rig->checks.creations;
        tale_must(&tale, service_spend(rig->service, sim_true_utc(rig->sim), SERVICE_SUBSCRIPTION,
                                       SERVICE_REGION, SERVICE_REQUEST_PUT_SNAPSHOT, 900));
        rig_run(rig, ROUND_NS);
        tale_expect(&tale, rig->checks.creations == created + 20, "%llu created beside strangers",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, service_counts(rig->service).throttled == 0, "a 429 with 100 left");

        rig_run(rig, HOUR_NS - ROUND_NS);
        created = rig->checks.creations;
        tale_hush(&tale);
        spent = sim_true_utc(rig->sim);
        tale_must(&tale, service_spend(rig->service, spent, SERVICE_SUBSCRIPTION, SERVICE_REGION,
                                       SERVICE_REQUEST_PUT_SNAPSHOT, 8000));
        rig_run(rig, 20 * MINUTE_NS);
        throttled = service_counts(rig->service).throttled;
        tale_expect(&tale, rig->checks.creations == created, "created from an empty bucket");
        tale_expect(&tale, throttled > 0 && throttled <= 16,
                    "%llu were answered 429: more than were under way",
                    (unsigned long long)throttled);
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, service_counts(rig->service).throttled == throttled,
                    "an empty bucket was asked again");
        tale_expect(&tale, rig->checks.creations == created + 20,
                    "%llu created once the bucket was full again",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 0, "waiting counts as missed");
        rig_run(rig, 2 * HOUR_NS);
        rig->checks.strangers_spend = false;
        tale_settle(&tale);
        tale_end(&tale);
}
