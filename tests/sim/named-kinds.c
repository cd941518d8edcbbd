/*
 * Kinds of disks: encrypted with a customer's key, shared by machines, still being uploaded, and with names
 * that few have.
 */
#include "named.h"

#include <stdio.h>
#include <string.h>

#define SET                                                                                        \
        "/subscriptions/" SERVICE_SUBSCRIPTION                                                     \
        "/resourceGroups/rg-app/providers/Microsoft.Compute/diskEncryptionSets/des-1"

static void add_kind(struct tale *tale, const char *name, struct service_disk_spec spec) {
        struct service_tag tag = {(char *)(uintptr_t) "backup", (char *)(uintptr_t) "gold"};

        spec.subscription = SERVICE_SUBSCRIPTION;
        spec.group = "rg-app";
        spec.name = name;
        spec.tags = &tag;
        spec.n_tags = 1;
        tale_must(tale,
                  service_add_disk(tale->rig->service, sim_true_utc(tale->rig->sim), &spec, NULL));
}

static void add_encrypted(struct tale *tale) {
        add_kind(tale, "disk-1", (struct service_disk_spec){.encryption_set = SET});
        add_kind(tale, "disk-2", (struct service_disk_spec){.encryption_set = SET});
        rig_add_disk(tale->rig, "disk-3");
}

/* Two disks have the key in common, a third has none: one alarm, that names the set, for as long as it
 * lasts; nothing is deleted of what cannot be renewed; and a restart tells it anew. */
void named_key_disabled(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, puts;
        struct tale tale;

        tale_begin(&tale, rig);
        add_encrypted(&tale);
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        tale_expect(&tale, created == 27, "%llu created in nine slots of three disks",
                    (unsigned long long)created);

        tale_hush(&tale);
        puts = service_counts(rig->service).by_kind[SERVICE_REQUEST_PUT_SNAPSHOT];
        tale_must(&tale, service_set_key(rig->service, SET, SERVICE_KEY_DISABLED));
        rig_run(rig, 8 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 8, "%llu created beside the key",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale,
                    tale_said(&tale, "error the disk encryption set " SET " cannot use") == 1,
                    "the key was told %u times", tale_said(&tale, "cannot use its key, no"));
        tale_expect(&tale, tale_said(&tale, "(code KeyVaultKeyNotEnabled, status 400)") == 3,
                    "the code was told %u times: by the alarm and by each disk",
                    tale_said(&tale, "(code KeyVaultKeyNotEnabled, status 400)"));
        tale_expect(&tale,
                    tale_said(&tale, "; the disk's encryption set cannot use its key: "
                                     "enable the key") == 3,
                    "the remedy is missing");
        tale_expect(&tale, tale_said(&tale, "fails any more for the key") == 0,
                    "its end was told too early");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu of disk-1 are left",
                    tale_ours(&tale, "disk-1"));
        /* Each slot begins with quick tries, which come to be one in a quarter of an hour. */
        puts = service_counts(rig->service).by_kind[SERVICE_REQUEST_PUT_SNAPSHOT] - puts;
        tale_expect(&tale, puts <= 8 + 2 * 8 * 7, "%llu PUTs in eight hours",
                    (unsigned long long)puts);

        rig_kill(&rig->nodes[0], 5 * NSEC_PER_SEC);
        rig_run(rig, HOUR_NS + ROUND_NS);
        tale_expect(&tale, tale_said(&tale, "cannot use its key, no") == 2,
                    "a restart told it %u times", tale_said(&tale, "cannot use its key, no") - 1);

        tale_hush(&tale);
        tale_must(&tale, service_set_key(rig->service, SET, SERVICE_KEY_USABLE));
        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale,
                    tale_said(&tale, "no snapshot fails any more for the key of the disk "
                                     "encryption set " SET) == 1,
                    "its end was told %u times", tale_said(&tale, "fails any more for the key"));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The set itself may not be read: no alarm of a key, but the right that is missing and who has it. */
void named_key_unreadable(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        add_encrypted(&tale);
        tale_daemon(&tale, &want);
        rig_run(rig, 2 * HOUR_NS + 20 * MINUTE_NS);

        tale_hush(&tale);
        tale_must(&tale, service_set_key(rig->service, SET, SERVICE_KEY_UNREADABLE));
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale,
                    tale_said(&tale,
                              "the identity needs the right Microsoft.Compute/diskEncryptionSets/"
                              "read on " SET ", which the role Reader has") == 2,
                    "the right was told %u times for two disks",
                    tale_said(&tale, "the identity needs the right"));
        tale_expect(&tale, tale_said(&tale, "cannot use its key, no") == 0,
                    "a missing right is taken for a key");

        tale_must(&tale, service_set_key(rig->service, SET, SERVICE_KEY_FORBIDDEN));
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "cannot use its key, no") == 1,
                    "a key that is out of reach was told %u times",
                    tale_said(&tale, "cannot use its key, no"));
        tale_must(&tale, service_set_key(rig->service, SET, SERVICE_KEY_USABLE));
        tale_settle(&tale);
        tale_end(&tale);
}

/* A shared disk is one like the others ("Azure Disk Backup support matrix", Microsoft Learn, has shared
 * disks among those it takes incremental snapshots of). */
void named_shared(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        add_kind(&tale, "disk-1", (struct service_disk_spec){.max_shares = 3});
        add_kind(&tale, "disk-2",
                 (struct service_disk_spec){.max_shares = 2, .sku = "UltraSSD_LRS"});
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == 18, "%llu created in nine slots of two disks",
                    (unsigned long long)rig->checks.creations);
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "a shared disk was refused");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 && tale_ours(&tale, "disk-2") == 6,
                    "%zu and %zu stay in place of 6", tale_ours(&tale, "disk-1"),
                    tale_ours(&tale, "disk-2"));
        tale_end(&tale);
}

/* Each disk without its data is told by name, once, also one that comes while another waits; none is
 * asked for, and none is late or missed. */
void named_uploading(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        want.rpo_s = 2 * SEC_PER_HOUR;
        rig_add_disk(rig, "disk-1");
        add_kind(&tale, "disk-2", (struct service_disk_spec){.uploading = true});
        tale_daemon(&tale, &want);
        rig_run(rig, 3 * HOUR_NS + 20 * MINUTE_NS);
        add_kind(&tale, "disk-3", (struct service_disk_spec){.uploading = true});
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale,
                    tale_said(&tale, "warning disk disk-2 is being uploaded") == 1 &&
                            tale_said(&tale, "warning disk disk-3 is being uploaded") == 1,
                    "told %u and %u times", tale_said(&tale, "disk disk-2 is being uploaded"),
                    tale_said(&tale, "disk disk-3 is being uploaded"));
        tale_expect(&tale, tale_said(&tale, "being uploaded") == 2, "it was told of others, too");
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "asked for what cannot be had");
        tale_expect(&tale, tale_said(&tale, "has no backup as young") == 0, "it counts in the rpo");
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 0, "its slots count as missed");

        tale_must(&tale,
                  service_end_upload(rig->service, sim_true_utc(rig->sim), rig_disk_id("disk-2")));
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "notice disk disk-2 can be snapshotted") == 1,
                    "its end was told %u times", tale_said(&tale, "can be snapshotted"));
        tale_expect(&tale, tale_ours(&tale, "disk-2") > 0, "none was taken of disk-2");
        tale_must(&tale,
                  service_end_upload(rig->service, sim_true_utc(rig->sim), rig_disk_id("disk-3")));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Azure says of no disk with what its name begins or ends, but of snapshots: one name of the kind takes no
 * backup from the others, nor from its own disk. */
void named_odd_names(struct rig *rig) {
        static const char *const names[] = {"_scratch", "-data", "data-"};
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                add_kind(&tale, names[i], (struct service_disk_spec){});
        tale_daemon(&tale, &want);
        rig_run(rig, 9 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu of disk-1",
                    tale_ours(&tale, "disk-1"));
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                tale_expect(&tale, tale_ours(&tale, names[i]) == 6, "%zu of %s",
                            tale_ours(&tale, names[i]), names[i]);
        tale_settle(&tale);
        tale_end(&tale);
}
