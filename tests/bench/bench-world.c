/*
 * The world that DESIGN section 10 speaks of: 10 subscriptions, 10,000 disks, 500,000 snapshots, 1,000
 * a page. CPU of a first sweep, of a sweep an hour later in which each disk has one snapshot more and
 * one less, and of its plan; the peak of memory. Prints figures; none of them fails.
 *
 * Pages arrive in pieces of 16 KiB, as curl hands them on, and are written as they are read, so that
 * the peak is that of the worlds.
 */
#include "azure/page.h"
#include "azure/world.h"
#include "base/strbuf.h"
#include "base/zones.h"
#include "config/diagnostics.h"
#include "config/policy_reader.h"
#include "core/naming.h"
#include "core/planner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SUBSCRIPTIONS 10
#define DISKS 1000 /* of each */
#define CHAIN 50
#define PAGE 1000
#define PIECE 16384
#define OWNER "prod-backup"
#define KEEP "last=50;pick=first;zone=UTC"
/* 2026-11-02T00:00:00Z */
#define START INT64_C(1793577600)

/* No policy here names a zone but UTC, which needs no file. */
static int no_zones(struct zones *zones, const char *name, char **ret_bytes, size_t *ret_len) {
        return -ENOENT;
}

struct arrival {
        struct page *page;
        struct strbuf piece;
};

static double cpu_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double peak_mib(void) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (double)usage.ru_maxrss / 1024;
}

static void must(int r) {
        if (r != 0) {
                fprintf(stderr, "the benchmark cannot go on: %d\n", r);
                exit(1);
        }
}

static void arrive(struct arrival *arrival, bool last) {
        const char *bytes = strbuf_str(&arrival->piece);
        size_t at = 0, len = arrival->piece.len;

        for (; len - at >= PIECE || (last && at < len); at += MIN((size_t)PIECE, len - at))
                must(page_feed(arrival->page, bytes + at, MIN((size_t)PIECE, len - at)));
        memmove(arrival->piece.data, bytes + at, len - at);
        arrival->piece.len -= at;
}

static void page_begin(struct arrival *arrival, struct world *world, page_element_fn add,
                       const struct page_guess *guess) {
        must(page_new(add, world, &arrival->page));
        page_expect(arrival->page, guess);
        strbuf_append_str(&arrival->piece, "{\"value\":[");
}

static void page_end(struct arrival *arrival) {
        const char *link;

        strbuf_append_str(&arrival->piece, "],\"nextLink\":null}");
        arrive(arrival, /* last= */ true);
        must(page_finish(arrival->page, &link));
        arrival->page = page_free(arrival->page);
}

/* Members as in a recorded listing. */
static void append_disk(struct strbuf *out, const char *subscription, unsigned disk) {
        strbuf_appendf(out,
                       "{\"name\":\"disk-%04u\",\"id\":\"/subscriptions/%s/resourceGroups/rg-app/"
                       "providers/Microsoft.Compute/disks/disk-%04u\",\"type\":\"Microsoft.Compute/"
                       "disks\",\"location\":\"westeurope\",\"tags\":{\"backup\":\"gold\"},\"sku\":"
                       "{\"name\":\"Premium_LRS\",\"tier\":\"Premium\"},\"properties\":{"
                       "\"creationData\":{\"createOption\":\"Empty\"},\"diskSizeGB\":64,"
                       "\"timeCreated\":\"2026-01-02T03:04:05.6789012+00:00\","
                       "\"provisioningState\":\"Succeeded\",\"diskState\":\"Attached\","
                       "\"uniqueId\":\"%08x-0000-4000-8000-%s\"}}",
                       disk, subscription, disk, disk, subscription + 24);
}

static void append_snapshot(struct strbuf *out, const char *subscription, const char *prefix,
                            unsigned disk, int64_t slot_s) {
        struct utc slot = utc_from_seconds(slot_s);
        char name[SNAPSHOT_NAME_SIZE], text[UTC_SLOT_SIZE];

        naming_snapshot(prefix, slot, 1, name);
        utc_format_slot(slot, text);
        strbuf_appendf(
                out,
                "{\"name\":\"%s\",\"id\":\"/subscriptions/%s/resourceGroups/rg-snapshots/providers/"
                "Microsoft.Compute/snapshots/%s\",\"type\":\"Microsoft.Compute/snapshots\","
                "\"location\":\"westeurope\",\"tags\":{\"snapkeep-version\":\"1\","
                "\"snapkeep-owner\":\"" OWNER "\",\"snapkeep-policy\":\"gold\",\"snapkeep-slot\":"
                "\"%s\",\"snapkeep-disk\":\"%s/rg-app/disk-%04u\",\"snapkeep-generation\":\"%08x-"
                "0000-4000-8000-%s\",\"snapkeep-keep\":\"" KEEP "\"},\"sku\":{\"name\":"
                "\"Standard_ZRS\",\"tier\":\"Standard\"},\"properties\":{\"creationData\":{"
                "\"createOption\":\"Copy\",\"sourceResourceId\":\"/subscriptions/%s/resourceGroups/"
                "rg-app/providers/Microsoft.Compute/disks/disk-%04u\",\"sourceUniqueId\":\"%08x-"
                "0000-4000-8000-%s\"},\"diskSizeGB\":64,\"encryption\":{\"type\":"
                "\"EncryptionAtRestWithPlatformKey\"},\"incremental\":true,\"networkAccessPolicy\":"
                "\"DenyAll\",\"publicNetworkAccess\":\"Disabled\",\"timeCreated\":\"%.4s-%.2s-%.2sT"
                "%.2s:%.2s:03.1234567+00:00\",\"provisioningState\":\"Succeeded\",\"diskState\":"
                "\"Unattached\",\"diskSizeBytes\":68719476736,\"uniqueId\":\"%08x-%04x-4000-9000-"
                "%s\"}}",
                name, subscription, name, text, subscription, disk, disk, subscription + 24,
                subscription, disk, disk, subscription + 24, text, text + 4, text + 6, text + 9,
                text + 11, disk, (unsigned)(slot_s / 3600 & 0xffff), subscription + 24);
}

static void prefix_of(const char *subscription, unsigned disk, char *ret_prefix) {
        char generation[GUID_TEXT_SIZE], name[16];
        struct series_key key = {OWNER, "gold", generation, "westeurope"};

        snprintf(generation, sizeof(generation), "%08x-0000-4000-8000-%s", disk, subscription + 24);
        snprintf(name, sizeof(name), "disk-%04u", disk);
        must(naming_prefix(name, &key, ret_prefix));
}

/* One sweep of a subscription; *cpu grows by what it took beside writing the pages. */
static struct world *sweep(const char *subscription, int64_t now_s, const struct world *before,
                           double *cpu) {
        struct arrival arrival = {};
        struct world *world;
        double began;
        size_t n = 0;

        must(world_new(subscription, OWNER, utc_from_seconds(now_s), &world));
        if (before)
                must(world_expect(world, before));

        page_begin(&arrival, world, world_add_disk, &world_guess_disks);
        for (unsigned disk = 0; disk < DISKS; disk++) {
                strbuf_append_str(&arrival.piece, disk > 0 ? "," : "");
                append_disk(&arrival.piece, subscription, disk);
        }
        page_end(&arrival);

        page_begin(&arrival, world, world_add_snapshot, &world_guess_snapshots);
        for (unsigned disk = 0; disk < DISKS; disk++) {
                char prefix[NAMING_PREFIX_SIZE];

                prefix_of(subscription, disk, prefix);
                for (int i = CHAIN; i-- > 0; n++) {
                        if (n > 0 && n % PAGE == 0) {
                                page_end(&arrival);
                                page_begin(&arrival, world, world_add_snapshot,
                                           &world_guess_snapshots);
                        } else
                                strbuf_append_str(&arrival.piece, n > 0 ? "," : "");
                        append_snapshot(&arrival.piece, subscription, prefix, disk,
                                        now_s - i * SEC_PER_HOUR);
                        if (arrival.piece.len < PIECE)
                                continue;
                        began = cpu_now();
                        arrive(&arrival, /* last= */ false);
                        *cpu += cpu_now() - began;
                }
        }
        began = cpu_now();
        page_end(&arrival);
        must(world_finish(world));
        *cpu += cpu_now() - began;
        strbuf_deinit(&arrival.piece);
        return world;
}

static struct policy_file *policy_load(void) {
        static const struct zones_ops zones_ops = {.read = no_zones};
        struct zones zones = {.ops = &zones_ops};
        struct diagnostics diagnostics = {};
        struct policy_file *file = NULL;
        struct strbuf text = {};

        strbuf_append_str(
                &text, "version: 1\nowner: " OWNER "\nazure: {cloud: public, identity: managed}\n"
                       "defaults: {snapshot_group: rg-snapshots, timezone: UTC}\n"
                       "policies:\n  gold: {schedule: {every: 1h}, jitter: 0s, keep: {last: 50}}\n"
                       "targets:\n");
        for (unsigned i = 0; i < SUBSCRIPTIONS; i++)
                strbuf_appendf(&text,
                               "  - {policy: gold, match: {subscription: "
                               "00000000-0000-0000-0000-%012u, groups: [rg-app]}}\n",
                               i + 1);
        if (config_load(text.data, text.len, "policy.yaml", &zones, &file, &diagnostics) != 0) {
                strbuf_clear(&text);
                diagnostics_format(&diagnostics, &text);
                fputs(strbuf_str(&text), stderr);
                exit(1);
        }
        diagnostics_deinit(&diagnostics);
        strbuf_deinit(&text);
        return file;
}

int main(void) {
        struct policy_file *file = policy_load();
        struct world *worlds[SUBSCRIPTIONS] = {};
        char subscription[GUID_TEXT_SIZE];
        double plan_cpu = 0, advance_cpu = 0;
        size_t n_actions = 0;

        printf("%d subscriptions, %d disks, %d snapshots, %d a page\n", SUBSCRIPTIONS,
               SUBSCRIPTIONS * DISKS, SUBSCRIPTIONS * DISKS * CHAIN, PAGE);
        for (int round = 0; round < 2; round++) {
                double cpu = 0;

                for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
                        struct world *world;

                        snprintf(subscription, sizeof(subscription),
                                 "00000000-0000-0000-0000-%012u", i + 1);
                        world = sweep(subscription, START + round * SEC_PER_HOUR, worlds[i], &cpu);
                        assert(world_view(world).n_snapshots == DISKS * CHAIN);
                        world_free(worlds[i]);
                        worlds[i] = world;
                }
                printf("%s sweep: %.2f s of CPU, peak %.1f MiB\n", round == 0 ? "first" : "a later",
                       cpu, peak_mib());
        }

        for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
                struct world_view view = world_view(worlds[i]);
                struct utc now = utc_from_seconds(START + 2 * SEC_PER_HOUR);
                _cleanup_(plan_freep) struct plan *plan = NULL;
                double began = cpu_now();

                must(planner_run(file, &view, NULL, now, &plan));
                plan_cpu += cpu_now() - began;
                n_actions += plan->n_actions;
                began = cpu_now();
                must(planner_advance(file, &view, NULL, utc_add_seconds(now, 60), plan));
                advance_cpu += cpu_now() - began;
        }
        printf("plan: %.2f s of CPU for %zu actions, then %.4f s where nothing is due\n", plan_cpu,
               n_actions, advance_cpu);
        printf("peak of all: %.1f MiB\n", peak_mib());

        for (unsigned i = 0; i < SUBSCRIPTIONS; i++)
                world_free(worlds[i]);
        policy_file_free(file);
        return 0;
}
