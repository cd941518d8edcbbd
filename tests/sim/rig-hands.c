/*
 * What people do to Azure by hand.
 */
#include "checks-internal.h"
#include "rig-internal.h"

#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_SIZE 256

const char *rig_disk_id(const char *name) {
        static char ids[4][ID_SIZE];
        static unsigned turn;
        char *id = ids[turn++ % ARRAY_SIZE(ids)];

        snprintf(id, ID_SIZE,
                 "/subscriptions/" SERVICE_SUBSCRIPTION
                 "/resourceGroups/rg-app/providers/Microsoft.Compute/disks/%s",
                 name);
        return id;
}

const struct service_resource *rig_disk(const struct rig *rig, const char *name) {
        return service_find(rig->service, rig_disk_id(name));
}

void rig_add_disk(struct rig *rig, const char *name) {
        struct service_tag tag = {(char *)(uintptr_t) "backup", (char *)(uintptr_t) "gold"};
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = name,
                .tags = &tag,
                .n_tags = 1,
        };

        rig_must(service_add_disk(rig->service, sim_true_utc(rig->sim), &spec, NULL));
}

void rig_add_snapshot(struct rig *rig, const char *name, const char *disk,
                      const char *const *tags) {
        struct service_tag set[16];
        char generation[GUID_TEXT_SIZE];
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = name,
                .source_id = rig_disk_id(disk),
                .tags = set,
        };

        guid_format(&rig_disk(rig, disk)->unique_id, generation);
        for (size_t i = 0; tags[i]; i += 2) {
                const char *value = strcmp(tags[i + 1], "@") == 0 ? generation : tags[i + 1];

                set[spec.n_tags++] =
                        (struct service_tag){(char *)(uintptr_t)tags[i], (char *)(uintptr_t)value};
        }
        rig_must(service_add_snapshot(rig->service, sim_true_utc(rig->sim), &spec, NULL));
}

void rig_add_by_hand(struct rig *rig, const char *name, const char *disk) {
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = name,
                .source_id = rig_disk_id(disk),
                .time_created = UTC_NONE,
        };

        rig_must(service_add_snapshot(rig->service, sim_true_utc(rig->sim), &spec, NULL));
}

void rig_add_ours(struct rig *rig, const char *disk, const char *owner, const char *policy,
                  const char *keep, int64_t slot_s) {
        const struct service_resource *source = rig_disk(rig, disk);
        char generation[GUID_TEXT_SIZE], slot[UTC_SLOT_SIZE], name[128], place[ID_SIZE];
        uint8_t digest[SHA256_SIZE];
        size_t n;

        guid_format(&source->unique_id, generation);
        utc_format_slot(utc_from_seconds(slot_s), slot);
        rig_must(sha256_fields((const char *const[]){owner, generation, policy, source->region}, 4,
                               digest));
        n = (size_t)snprintf(name, sizeof(name), "%.40s-", disk);
        for (int i = 0; i < 8; i++)
                n += (size_t)snprintf(name + n, sizeof(name) - n, "%02x", digest[i]);
        snprintf(name + n, sizeof(name) - n, "-%s", slot);
        snprintf(place, sizeof(place), SERVICE_SUBSCRIPTION "/rg-app/%s", disk);

        {
                const char *const pairs[][2] = {
                        {"snapkeep-version", "1"},   {"snapkeep-owner", owner},
                        {"snapkeep-policy", policy}, {"snapkeep-slot", slot},
                        {"snapkeep-disk", place},    {"snapkeep-generation", generation},
                        {"snapkeep-keep", keep},
                };
                struct service_tag tags[ARRAY_SIZE(pairs)];
                struct service_snapshot_spec spec = {
                        .subscription = SERVICE_SUBSCRIPTION,
                        .group = "rg-snapshots",
                        .name = name,
                        .source_id = rig_disk_id(disk),
                        .time_created = utc_from_seconds(slot_s + 2),
                        .tags = tags,
                        .n_tags = ARRAY_SIZE(tags),
                };

                for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
                        tags[i] = (struct service_tag){(char *)(uintptr_t)pairs[i][0],
                                                       (char *)(uintptr_t)pairs[i][1]};
                rig_must(service_add_snapshot(rig->service, sim_true_utc(rig->sim), &spec, NULL));
        }
}

const struct service_resource *rig_ours(struct rig *rig, const char *disk, size_t nth) {
        const struct service_resource *source = rig_disk(rig, disk), *best = NULL;
        const struct seen_chain *chain;
        struct utc now = sim_true_utc(rig->sim);
        int64_t after = INT64_MIN;

        checks_step(&rig->checks, rig->service, now);
        chain = source ? checks_chain(&rig->checks, &source->unique_id, 0) : NULL;
        for (size_t k = 0; chain && k <= nth; k++) {
                int64_t least = INT64_MAX;

                best = NULL;
                for (size_t i = 0; i < chain->n; i++) {
                        const struct seen_snapshot *s = chain->items[i];

                        if (s->shaped && !s->backup && service_resource_is_complete(s->r, now) &&
                            s->slot_s > after && s->slot_s < least) {
                                least = s->slot_s;
                                best = s->r;
                        }
                }
                if (!best)
                        return NULL;
                after = least;
        }
        return best;
}
