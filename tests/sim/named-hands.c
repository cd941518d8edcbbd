/*
 * Hands beside ours: people who delete, re-tag and hold, others' snapshots, disks that are made again
 * and moved, second daemons.
 */
#include "named.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* A day of hourly snapshots is behind, and its round over. */
static void begin_day(struct tale *tale, struct rig *rig, const struct intent *want) {
        tale_begin(tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(tale, want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(tale, tale_ours(tale, "disk-1") == want->last, "the day did not begin well");
        tale_hush(tale);
}

/* Each is an alarm, once, also where the due slot takes the name again before anybody has looked. */
void named_deleted_by_hand(struct rig *rig) {
        static const struct {
                const char *disk;
                size_t nth;
        } victims[] = {{"disk-1", 2}, {"disk-1", 3}, {"disk-1", 3}, {"disk-2", 5}};
        struct intent want = tale_hourly();
        struct tale tale;

        /* The disks' rounds are minutes apart, so that one's listing shows the other's loss in time. */
        tale_begin(&tale, rig);
        want.jitter_s = 1800;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 40 * MINUTE_NS);
        for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
                struct tale_pick pick = tale_pick(&tale, victims[i].disk, victims[i].nth);

                tale_must(&tale, service_delete(rig->service, sim_true_utc(rig->sim), pick.id));
        }
        /* Who looks what became of them comes later than who takes the slot anew. */
        network_set_fault_kinds(rig->network, 1U << SERVICE_REQUEST_GET_SNAPSHOT);
        network_set_fault(rig->network, NETWORK_SLOW, 1000000);
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "error snapshot") == ARRAY_SIZE(victims),
                    "%u alarms for %zu", tale_said(&tale, "error snapshot"), ARRAY_SIZE(victims));
        tale_expect(&tale, engine_counts(rig->nodes[0].engine)->vanished == ARRAY_SIZE(victims),
                    "%u were counted", (unsigned)engine_counts(rig->nodes[0].engine)->vanished);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 && tale_ours(&tale, "disk-2") == 6,
                    "%zu and %zu are there in place of 6 and 6", tale_ours(&tale, "disk-1"),
                    tale_ours(&tale, "disk-2"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* A slot that is not its name's makes it mistaken, a lost owner a stranger's: both stay for ever. */
void named_retagged_by_hand(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale_pick mistaken, disowned;
        struct tale tale;
        struct utc now;

        begin_day(&tale, rig, &want);
        now = sim_true_utc(rig->sim);
        mistaken = tale_pick(&tale, "disk-1", 1);
        disowned = tale_pick(&tale, "disk-1", 2);
        tale_must(&tale, service_set_tag(rig->service, now, disowned.id, "snapkeep-owner", NULL));
        tale_must(&tale, service_set_tag(rig->service, now, mistaken.id, "snapkeep-slot",
                                         "20200101T000000Z"));
        rig_run(rig, 24 * HOUR_NS);
        tale_expect(&tale, tale_lives(&tale, mistaken.serial) && tale_lives(&tale, disowned.serial),
                    "one that is not ours any more is gone");
        tale_expect(&tale, tale_said(&tale, "1 snapshot with our owner tag but not our name") == 1,
                    "the mistaken one was told %u times",
                    tale_said(&tale, "1 snapshot with our owner tag but not our name"));
        tale_expect(&tale, tale_said(&tale, "it was not us") == 0, "a false alarm: vanished");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 7, "%zu are there in place of 6 and one",
                    tale_ours(&tale, "disk-1"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Who holds which snapshot when. */
struct holder {
        struct tale tale;      /* first: the rig's hook data */
        struct tale_pick held; /* id "": nobody yet */
};

/* The first victim's re-read arrives: a moment before, somebody has set the hold. */
static void hold_at_reread(enum network_hook when, const struct network_event *event,
                           struct rig *rig) {
        struct holder *holder = rig->hook_data;
        const struct service_resource *oldest;
        char path[600];

        if (when != NETWORK_BEFORE_EFFECT || event->kind != SERVICE_REQUEST_GET_SNAPSHOT ||
            holder->held.id[0])
                return;
        oldest = rig_ours(rig, "disk-1", 0);
        if (!oldest || tale_ours(&holder->tale, "disk-1") <= 6)
                return;
        snprintf(path, sizeof(path), "/%s?", oldest->name);
        if (!strstr(event->url, path))
                return;
        holder->held = tale_pick(&holder->tale, "disk-1", 0);
        tale_must(&holder->tale, service_merge_tag(rig->service, sim_true_utc(rig->sim),
                                                   holder->held.id, "snapkeep-hold", "audit"));
}

/* The hold takes ten minutes, and the first victim's re-read shows it only by its state. */
void named_held_slowly(struct rig *rig) {
        struct intent want = tale_hourly();
        struct holder holder = {};

        begin_day(&holder.tale, rig, &want);
        service_options(rig->service)->tagging_ns = 10 * MINUTE_NS;
        rig->hook = hold_at_reread;
        rig_run(rig, 4 * HOUR_NS);
        rig->hook = NULL;
        tale_expect(&holder.tale, holder.held.id[0], "nobody read a victim again");
        tale_expect(&holder.tale, tale_lives(&holder.tale, holder.held.serial),
                    "one is gone that was about to be held");
        tale_expect(&holder.tale,
                    tale_said(&holder.tale, "state is no longer what the plan saw") == 1,
                    "the change was told %u times",
                    tale_said(&holder.tale, "state is no longer what the plan saw"));
        tale_settle(&holder.tale);
        tale_expect(&holder.tale, tale_ours(&holder.tale, "disk-1") == 7,
                    "%zu are there in place of 6 and one", tale_ours(&holder.tale, "disk-1"));
        tale_end(&holder.tale);
}

void named_held_by_hand(struct rig *rig) {
        struct intent want = tale_hourly();
        struct holder holder = {};

        begin_day(&holder.tale, rig, &want);
        rig->hook = hold_at_reread;
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&holder.tale, holder.held.id[0], "nobody read a victim again");
        tale_expect(&holder.tale, tale_lives(&holder.tale, holder.held.serial),
                    "a held one is gone");
        tale_expect(&holder.tale,
                    tale_said(&holder.tale, "tags is no longer what the plan saw") == 1,
                    "the change was told %u times",
                    tale_said(&holder.tale, "tags is no longer what the plan saw"));
        tale_expect(&holder.tale, tale_ours(&holder.tale, "disk-1") == 7,
                    "%zu are there in place of 6 and one", tale_ours(&holder.tale, "disk-1"));

        tale_must(&holder.tale, service_set_tag(rig->service, sim_true_utc(rig->sim),
                                                holder.held.id, "snapkeep-hold", NULL));
        rig_run(rig, HOUR_NS);
        tale_expect(&holder.tale, !tale_lives(&holder.tale, holder.held.serial),
                    "one whose hold is gone stays");
        rig->hook = NULL;
        tale_settle(&holder.tale);
        tale_end(&holder.tale);
}

/* The daemon is ordered to hold what it has read again and not deleted yet, and what its DELETE is on the
 * way to. */
struct orderer {
        struct tale tale; /* first: the rig's hook data */
        struct tale_pick held, late;
        bool held_taken, late_taken;
};

static bool is_about(const struct network_event *event, const struct service_resource *r) {
        char path[600];

        snprintf(path, sizeof(path), "/%s?", r->name);
        return strstr(event->url, path) != NULL;
}

static void order_between(enum network_hook when, const struct network_event *event,
                          struct rig *rig) {
        struct orderer *orderer = rig->hook_data;
        const struct service_resource *oldest = NULL;
        size_t nth = orderer->held.id[0] ? 1 : 0;

        if (orderer->late.id[0] || tale_ours(&orderer->tale, "disk-1") <= 6 + nth)
                return;
        if (event->kind == SERVICE_REQUEST_GET_SNAPSHOT ||
            event->kind == SERVICE_REQUEST_DELETE_SNAPSHOT)
                oldest = rig_ours(rig, "disk-1", nth);
        if (!oldest || !is_about(event, oldest))
                return;
        if (event->kind == SERVICE_REQUEST_GET_SNAPSHOT && when == NETWORK_AFTER_EFFECT &&
            nth == 0) {
                orderer->held = tale_pick(&orderer->tale, "disk-1", nth);
                orderer->held_taken = rig_hold(&rig->nodes[0], orderer->held.id, "audit");
        } else if (event->kind == SERVICE_REQUEST_DELETE_SNAPSHOT &&
                   when == NETWORK_BEFORE_EFFECT) {
                orderer->late = tale_pick(&orderer->tale, "disk-1", nth);
                orderer->late_taken = rig_hold(&rig->nodes[0], orderer->late.id, "audit");
        }
}

void named_held_by_order(struct rig *rig) {
        static const char *const nothing[] = {NULL};
        struct intent want = tale_hourly();
        struct orderer orderer = {};
        struct tale *tale = &orderer.tale;

        begin_day(tale, rig, &want);
        rig->hook = order_between;
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(tale, orderer.held_taken && tale_lives(tale, orderer.held.serial),
                    "one that was to be held is gone");
        tale_expect(tale, tale_said(tale, "is held: audit") == 1, "the hold was told %u times",
                    tale_said(tale, "is held: audit"));
        tale_expect(tale, tale_said(tale, "its deletion is held back (hold)") == 1,
                    "its deletion was not held back");
        tale_expect(tale,
                    orderer.late.id[0] && !orderer.late_taken &&
                            !tale_lives(tale, orderer.late.serial),
                    "a hold was taken while the DELETE was on its way");
        tale_expect(tale, tale_ours(tale, "disk-1") == 7, "%zu are there in place of 6 and one",
                    tale_ours(tale, "disk-1"));
        rig->hook = NULL;

        rig_add_snapshot(rig, "by-hand", "disk-1", nothing);
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(tale, !rig_hold(&rig->nodes[0], "by-hand", "audit"), "a stranger was taken");
        tale_expect(tale, rig_release(&rig->nodes[0], orderer.held.id), "no release");
        rig_run(rig, HOUR_NS);
        tale_expect(tale, tale_said(tale, "is released, its hold was: audit") == 1,
                    "the release was told %u times",
                    tale_said(tale, "is released, its hold was: audit"));
        tale_expect(tale, !tale_lives(tale, orderer.held.serial), "one that was released stays");
        tale_settle(tale);
        tale_end(tale);
}

#define SNAPSHOT_ID(name)                                                                          \
        "/subscriptions/" SERVICE_SUBSCRIPTION                                                     \
        "/resourceGroups/rg-snapshots/providers/Microsoft.Compute/snapshots/" name

/* One that a hand took becomes ours and goes by the rule; what cannot be ours stays as it is. */
void named_adopted_by_order(struct rig *rig) {
        static const char *const theirs[] = {"snapkeep-owner", "staging-backup", NULL};
        struct service_snapshot_spec full = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = "full",
                .source_id = rig_disk_id("disk-1"),
                .full = true,
                .time_created = UTC_NONE,
        };
        struct intent want = tale_hourly();
        struct rig_node *node = &rig->nodes[0];
        struct tale tale;

        begin_day(&tale, rig, &want);
        rig_add_by_hand(rig, "by-hand", "disk-1");
        rig_add_snapshot(rig, "theirs", "disk-1", theirs);
        tale_must(&tale, service_add_snapshot(rig->service, sim_true_utc(rig->sim), &full, NULL));
        tale_expect(&tale, !rig_adopt(node, SNAPSHOT_ID("by-hand"), ""), "it was not listed yet");
        rig_run(rig, HOUR_NS);
        tale_expect(&tale, rig_adopt(node, SNAPSHOT_ID("by-hand"), ""), "it is not adopted");
        tale_expect(&tale, !rig_adopt(node, SNAPSHOT_ID("full"), ""), "a full one was taken");
        tale_expect(&tale, rig_adopt(node, SNAPSHOT_ID("theirs"), "gold"), "nobody looks");
        rig_run(rig, 5 * MINUTE_NS);
        tale_expect(&tale,
                    tale_said(&tale, "by-hand is ours from here on, under gold") == 1 &&
                            tale_said(&tale, "it belongs to staging-backup") == 1,
                    "what became of them was not told");
        rig_run(rig, HOUR_NS);
        tale_expect(&tale,
                    service_find(rig->service, SNAPSHOT_ID("by-hand")) &&
                            tale_ours(&tale, "disk-1") == 6,
                    "it does not count with the others: %zu", tale_ours(&tale, "disk-1"));
        rig_run(rig, 8 * HOUR_NS);
        tale_expect(&tale, !service_find(rig->service, SNAPSHOT_ID("by-hand")),
                    "it stays when the rule has let it go");
        tale_expect(&tale,
                    service_find(rig->service, SNAPSHOT_ID("full")) &&
                            service_find(rig->service, SNAPSHOT_ID("theirs")),
                    "what is not ours is gone");
        tale_settle(&tale);
        tale_end(&tale);
}

/* What an operator had taken beside the schedule: once, and until its date, whatever the rule; its date and a
 * hold are kept like any other's, and the slots go on as if it were not there. */
void named_backup_by_order(struct rig *rig) {
        struct intent want = tale_hourly();
        struct rig_node *node = &rig->nodes[0];
        struct tale tale;

        begin_day(&tale, rig, &want);
        tale_expect(&tale, !rig_backup(node, "disk-9", 4 * SEC_PER_HOUR, ""), "of no disk");
        tale_expect(&tale, !rig_backup(node, "disk-1", 4 * SEC_PER_HOUR, "iron"), "of no policy");
        tale_expect(&tale, rig_backup(node, "disk-1", 4 * SEC_PER_HOUR, ""), "it is not taken");
        tale_expect(&tale, rig_backup(node, "disk-1", 4 * SEC_PER_HOUR, "gold"),
                    "the same is another");
        tale_expect(&tale, !rig_backup(node, "disk-1", 5 * SEC_PER_HOUR, ""),
                    "another date has the same name");
        rig_run(rig, 2 * MINUTE_NS);
        tale_expect(&tale, tale_said(&tale, "is complete, kept until") == 1, "it was told %u times",
                    tale_said(&tale, "is complete, kept until"));
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 7, "%zu are there in place of 6 and one",
                    tale_ours(&tale, "disk-1"));
        tale_expect(&tale, rig_backup(node, "disk-1", 40 * SEC_PER_HOUR, ""), "no second one");
        rig_run(rig, MINUTE_NS);
        /* Two of it are listed or were ordered of late, which may be the same. */
        for (int i = 0; i < 4; i++) {
                (void)rig_backup(node, "disk-1", 40 * SEC_PER_HOUR, "");
                rig_run(rig, MINUTE_NS / 2);
        }
        tale_expect(&tale, tale_ours(&tale, "disk-1") <= 6 + 4, "%zu leave no room for slots",
                    tale_ours(&tale, "disk-1"));

        rig_run(rig, 3 * HOUR_NS + 40 * MINUTE_NS);
        tale_expect(&tale, tale_said(&tale, "is deleted (backup kept until") == 0,
                    "one went before its date");
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "is deleted (backup kept until") == 1,
                    "its date has passed");
        rig_run(rig, 40 * HOUR_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 && rig->checks.deletions > 40,
                    "%zu are there in place of 6", tale_ours(&tale, "disk-1"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* Under prune: off it stays, and so it does while too few of the series are there. */
void named_backup_stays(struct rig *rig) {
        struct intent want = tale_hourly();
        struct rig_node *node = &rig->nodes[0];
        struct tale tale;

        want.min_keep = 6;
        want.off = true;
        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 40 * MINUTE_NS);
        tale_expect(&tale, rig_backup(node, "disk-1", SEC_PER_HOUR, ""), "it is not taken");
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "and beyond, since prune is off") == 1, "not told");
        want.off = false;
        tale_rewrite(&tale, 1, &want, NULL);
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "is deleted (backup kept until") == 0,
                    "it went while the series is below min_keep");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "is deleted (backup kept until") == 1,
                    "it does not go");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Ours in all, but in a group that no policy names. */
static void copy_to_another_group(struct tale *tale) {
        const struct service_resource *r = rig_ours(tale->rig, "disk-1", 0);
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .source_id = rig_disk_id("disk-1"),
        };

        tale_expect(tale, r != NULL, "there is none to copy");
        if (!r)
                return;
        spec.name = r->name;
        spec.time_created = r->time_created;
        spec.tags = r->tags;
        spec.n_tags = r->n_tags;
        tale_must(tale, service_add_snapshot(tale->rig->service, sim_true_utc(tale->rig->sim),
                                             &spec, NULL));
}

void named_strangers(struct rig *rig) {
        static const char *const tags[] = {"snapkeep-version",
                                           "1",
                                           "snapkeep-owner",
                                           TALE_OWNER,
                                           "snapkeep-policy",
                                           "gold",
                                           "snapkeep-slot",
                                           "20261101T000000Z",
                                           "snapkeep-keep",
                                           "last=6;pick=first;zone=UTC",
                                           "snapkeep-generation",
                                           "@",
                                           "snapkeep-disk",
                                           "x/rg-app/disk-1",
                                           NULL};
        struct intent want = tale_hourly();
        struct tale tale;
        size_t effects;

        begin_day(&tale, rig, &want);
        copy_to_another_group(&tale);
        tale_add_strangers(&tale, "disk-1", 30);
        rig_add_snapshot(rig, "with-our-tags", "disk-1", tags);
        for (int i = 1; i <= 5; i++)
                rig_add_ours(rig, "disk-1", "staging-backup", "gold", "last=1;pick=first;zone=UTC",
                             tale_hour(&tale) - i * SEC_PER_DAY);
        effects = service_effects(rig->service);
        rig_run(rig, 48 * HOUR_NS);

        tale_expect(&tale, tale_count(&tale, NULL, NULL) == 6 + 30 + 1 + 5 + 1,
                    "%zu are there in place of 43", tale_count(&tale, NULL, NULL));
        for (size_t i = effects; i < service_effects(rig->service); i++) {
                const struct service_effect *effect = service_effect_at(rig->service, i);

                tale_expect(&tale, effect->kind != SERVICE_EFFECT_TAGGED, "%s was tagged",
                            effect->resource->name);
        }
        tale_expect(&tale,
                    tale_said(&tale, "1 snapshot with our owner tag") == 1 &&
                            tale_said(&tale, "1 snapshot of ours that no policy") == 1,
                    "what is like ours was told %u and %u times",
                    tale_said(&tale, "1 snapshot with our owner tag"),
                    tale_said(&tale, "1 snapshot of ours that no policy"));
        tale_settle(&tale);
        tale_end(&tale);
}

/* The old life's forty stay, whatever the rule says of the new one's. */
void named_disk_remade(struct rig *rig) {
        struct intent want = tale_hourly();
        struct guid before;
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 10;
        rig_add_disk(rig, "disk-1");
        before = rig_disk(rig, "disk-1")->unique_id;
        tale_add_ours(&tale, "disk-1", 40, 600, "last=10;pick=first;zone=UTC");
        tale_must(&tale, service_recreate_disk(rig->service, sim_true_utc(rig->sim),
                                               rig_disk_id("disk-1"), NULL));
        tale_faults(&tale, 1000);
        tale_daemon(&tale, &want);
        rig_run(rig, 48 * HOUR_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &before) == 40, "%zu of the old 40 stay",
                    tale_count(&tale, TALE_OWNER, &before));
        tale_expect(&tale, tale_said(&tale, "40 snapshots of ours that no policy") == 1,
                    "the unclaimed ones were told %u times",
                    tale_said(&tale, "40 snapshots of ours that no policy"));
        tale_expect(&tale, tale_said(&tale, "snapshots are frozen") == 0,
                    "a disk is taken for gone");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 10, "%zu of the new one in place of 10",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The same disk by another name: its series goes on, and the move is told. */
void named_disk_moved(struct rig *rig) {
        struct intent want = tale_hourly();
        const struct service_resource *newest;
        uint64_t created;
        struct tale tale;

        begin_day(&tale, rig, &want);
        created = rig->checks.creations;
        tale_must(&tale, service_move_disk(rig->service, sim_true_utc(rig->sim),
                                           rig_disk_id("disk-1"), NULL, NULL, "disk-moved"));
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 4, "%llu created in four hours",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_ours(&tale, "disk-moved") == 6, "%zu of both names in place of 6",
                    tale_ours(&tale, "disk-moved"));
        newest = tale_slot(&tale, "disk-moved", tale_hour(&tale), 0);
        tale_expect(&tale, newest && str_starts_with(newest->name, "disk-moved-"),
                    "the newest has not the new name");
        tale_expect(&tale, tale_said(&tale, "under another id") <= 2, "the move was told %u times",
                    tale_said(&tale, "under another id"));
        tale_expect(&tale, tale_said(&tale, "1 disk under another id") >= 1,
                    "the move was not told");
        tale_settle(&tale);
        tale_end(&tale);
}

/* The same disk in another subscription, where its incremental snapshots cannot go: it has a series there,
 * and those that it left are no disk's that is gone. They stay, and are told once. */
void named_disk_moved_away(struct rig *rig) {
        struct intent want = tale_hourly();
        struct guid generation;
        uint64_t created;
        struct tale tale;

        want.two_subscriptions = true;
        want.freeze_s = 6 * SEC_PER_HOUR;
        want.gone_apply = true;
        rig_two_subscriptions(rig);
        begin_day(&tale, rig, &want);
        generation = rig_disk(rig, "disk-1")->unique_id;
        /* Two more than its rule keeps. */
        rig_pause(&rig->nodes[0], /* all= */ false, 10 * HOUR_NS);
        rig_run(rig, 2 * HOUR_NS);
        created = rig->checks.creations;
        tale_must(&tale, service_move_disk(rig->service, sim_true_utc(rig->sim),
                                           rig_disk_id("disk-1"), CHECKS_OTHER_SUBSCRIPTION,
                                           /* new_group= */ NULL, /* new_name= */ NULL));
        rig_run(rig, 4 * HOUR_NS);
        rig_unpause(&rig->nodes[0]);
        /* Its target has lost the only disk. */
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_TARGETS)) == 1, "no doubt");
        tale_expect(&tale, rig->checks.creations >= created + 4, "%llu created in four hours",
                    (unsigned long long)(rig->checks.creations - created));
        rig_run(rig, 48 * HOUR_NS);
        tale_expect(&tale, tale_count(&tale, TALE_OWNER, &generation) == 14,
                    "%zu of both subscriptions in place of 8 and 6",
                    tale_count(&tale, TALE_OWNER, &generation));
        tale_expect(&tale, tale_said(&tale, "8 snapshots of ours that no policy") == 1,
                    "what it left was told %u times",
                    tale_said(&tale, "8 snapshots of ours that no policy"));
        tale_expect(&tale, tale_said(&tale, "snapshots are frozen") == 0, "it is taken for gone");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Each prunes its own. */
void named_two_owners(struct rig *rig) {
        struct intent want = tale_hourly(), theirs = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        theirs.owner = "staging-backup";
        theirs.last = 4;
        rig_add_disk(rig, "disk-1");
        tale_faults(&tale, 2000);
        tale_daemon(&tale, &want);
        tale_daemon(&tale, &theirs);
        rig_run(rig, 2 * DAY_NS + 20 * MINUTE_NS);
        for (size_t i = 0; i < service_effects(rig->service); i++) {
                const struct service_effect *effect = service_effect_at(rig->service, i);
                const char *owner = service_tag_get(effect->resource, "snapkeep-owner");

                if (effect->kind == SERVICE_EFFECT_DELETED && effect->client != 0)
                        tale_expect(&tale,
                                    strcmp(owner, effect->client == 1 ? TALE_OWNER
                                                                      : "staging-backup") == 0,
                                    "daemon %u deleted %s of %s", effect->client,
                                    effect->resource->name, owner);
        }
        tale_expect(&tale, tale_begun(&tale, DOUBT_PEER) == 0, "two owners were taken for peers");
        tale_settle(&tale);
        tale_expect(&tale,
                    tale_ours(&tale, "disk-1") == 6 &&
                            tale_count(&tale, "staging-backup", NULL) == 4,
                    "%zu and %zu in place of 6 and 4", tale_ours(&tale, "disk-1"),
                    tale_count(&tale, "staging-backup", NULL));
        tale_end(&tale);
}

/* A week of one policy on two machines: every slot once, and neither doubts the other. */
void named_two_daemons(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        tale_twin(&tale);
        tale_faults(&tale, 1000);
        rig->kill_per_million = 500;
        rig_run(rig, 7 * DAY_NS + 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == 7 * 24 + 1, "%llu created for 169 slots",
                    (unsigned long long)rig->checks.creations);
        tale_expect(&tale, tale_begun(&tale, DOUBT_PEER) == 0, "one policy was taken for two");
        tale_expect(&tale, tale_said(&tale, "it was not us") == 0, "the peer's deletions alarm");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* A week of two policies: doubt peer stops both, until one has ruled alone for a day. */
void named_two_minds(struct rig *rig) {
        struct intent want = tale_hourly(), theirs = tale_hourly();
        struct rig_node *ours = &rig->nodes[0];
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        want.last = 20;
        theirs.last = 22;
        rig_add_disk(rig, "disk-1");
        tale_add_ours(&tale, "disk-1", 20, SEC_PER_HOUR, "last=20;pick=first;zone=UTC");
        tale_daemon(&tale, &want);
        tale_daemon(&tale, &theirs);
        rig_run(rig, 4 * DAY_NS);
        tale_expect(&tale,
                    rig_doubts(ours, DOUBT_BIT(DOUBT_PEER)) &&
                            rig_doubts(&rig->nodes[1], DOUBT_BIT(DOUBT_PEER)),
                    "no doubt peer in both after four days");
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_run(rig, 3 * DAY_NS);
        tale_expect(&tale, rig->checks.creations == created + 72, "%llu created in three days",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted in doubt of the peer");

        rig_kill(&rig->nodes[1], -1);
        rig->checks.intents[1].ended = sim_true_utc(rig->sim);
        rig_run(rig, 25 * HOUR_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_PEER), "doubt peer outlives the peer");
        tale_expect(&tale, tale_doubts(&tale, DOUBT_MASS), "a week's leftovers go in one go");
        tale_expect(&tale, rig_ack(ours, DOUBT_BIT(DOUBT_MASS)) == 1, "doubt mass takes no ack");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 20, "%zu stay in place of 20",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}
