/*
 * What a daemon holds does not grow with its days: the bytes that come free when it ends, after a hundred
 * rounds and after ten thousand.
 */
#include "rig.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISKS 10
#define EVERY_NS (900 * NSEC_PER_SEC)
/* Chosen: an array's last doubling, a word of the log that is longer; no entry a round. */
#define SLACK 4096

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

/* Bytes that the daemon holds after so many rounds. */
static size_t held_after(unsigned rounds) {
        struct rig *rig = calloc(1, sizeof(*rig));
        size_t before;
        uint64_t created;

        if (!rig)
                abort();
        rig_init(rig, "steady", /* seed= */ 1, /* echo= */ false);
        rig->unchecked = true;
        for (unsigned i = 0; i < DISKS; i++) {
                char name[16];

                snprintf(name, sizeof(name), "disk-%u", i);
                rig_add_disk(rig, name);
        }
        rig_add_node(rig, policy);
        for (unsigned i = 0; i < rounds; i++) {
                rig_run(rig, EVERY_NS);
                if (i % 96 == 95) {
                        service_forget(rig->service, sim_true_utc(rig->sim));
                        rig->checks.seen = 0;
                }
        }
        created = engine_counts(rig->nodes[0].engine)->created;
        if (created < (uint64_t)DISKS * rounds) {
                printf("Bail out! %llu snapshots in %u rounds\n", (unsigned long long)created,
                       rounds);
                exit(EXIT_FAILURE);
        }
        before = mallinfo2().uordblks;
        rig_kill(&rig->nodes[0], -1);
        before -= mallinfo2().uordblks;
        rig_deinit(rig);
        free(rig);
        return before;
}

int main(void) {
        size_t early = held_after(100), late = held_after(10000);
        bool steady = late <= early + SLACK;

        printf("1..1\n%sok 1 - ten thousand rounds hold what a hundred do\n", steady ? "" : "not ");
        printf("# %d disks: %zu bytes after 100 rounds, %zu after 10000\n", DISKS, early, late);
        return steady ? EXIT_SUCCESS : EXIT_FAILURE;
}
