/*
 * How fast time passes in the simulation: cycles (a snapshot created, one pruned) a minute of CPU, with
 * all checks and the trace of the daemon's words, and without. Chains of 5 by an hourly sweep of slots
 * that come every 15 minutes (DESIGN section 10). Prints figures; none of them fails but a promise that
 * breaks.
 */
#include "tests/sim/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DISKS 20
#define DAYS 10

static const struct intent gold = {
        .owner = "prod-backup",
        .policy = "gold",
        .every_s = 900,
        .last = 5,
        .min_keep = 2,
        .group = "rg-snapshots",
};

static const char policy[] =
        "version: 1\n"
        "owner: prod-backup\n"
        "azure:\n"
        "  cloud: {arm: https://arm.example, login: https://login.example, imds: "
        "http://169.254.169.254}\n"
        "  identity: managed\n"
        "defaults: {snapshot_group: rg-snapshots, timezone: UTC}\n"
        "safety: {prune: auto, min_keep: 2, min_age: 0s}\n"
        "policies:\n"
        "  gold: {schedule: {every: 15m}, jitter: 0s, keep: {last: 5}}\n"
        "targets:\n"
        "  - {policy: gold, match: {subscription: " SERVICE_SUBSCRIPTION ", groups: [rg-app]}}\n";

static double cpu_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Returns whether all promises were kept. */
static bool measure(bool unchecked, int days) {
        struct rig *rig = calloc(1, sizeof(*rig));
        const struct service_counts *counts;
        struct service_counts sum;
        uint64_t cycles;
        double began;
        bool kept;

        if (!rig)
                abort();
        rig_init(rig, "bench", /* seed= */ 1, /* echo= */ false);
        rig->unchecked = unchecked;
        rig->checks.intents[rig->checks.n_intents++] = gold;
        for (unsigned i = 0; i < DISKS; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%u", i);
                rig_add_disk(rig, name);
        }
        rig_add_node(rig, policy);

        began = cpu_now();
        for (int day = 0; day < days; day++) {
                rig_run(rig, SEC_PER_DAY * NSEC_PER_SEC);
                service_forget(rig->service, sim_true_utc(rig->sim));
                rig->checks.seen = 0;
        }
        sum = service_counts(rig->service);
        counts = &sum;
        cycles = counts->by_kind[SERVICE_REQUEST_DELETE_SNAPSHOT];
        printf("%-15s %9.0f cycles a minute: %llu in %.2f s, with %.2f requests each, of which "
               "%.2f "
               "are listings\n",
               unchecked ? "without checks" : "with all checks",
               (double)cycles * 60 / (cpu_now() - began), (unsigned long long)cycles,
               cpu_now() - began, (double)counts->requests / (double)cycles,
               (double)(counts->by_kind[SERVICE_REQUEST_LIST_SNAPSHOTS] +
                        counts->by_kind[SERVICE_REQUEST_LIST_DISKS]) /
                       (double)cycles);
        if (rig->checks.broken)
                printf("broken: %s: %s\n", promise_name(rig->checks.promise), rig->checks.what);
        kept = !rig->checks.broken;
        rig_deinit(rig);
        free(rig);
        return kept;
}

int main(void) {
        bool kept = measure(/* unchecked= */ false, DAYS);

        return measure(/* unchecked= */ true, DAYS) && kept ? EXIT_SUCCESS : EXIT_FAILURE;
}
