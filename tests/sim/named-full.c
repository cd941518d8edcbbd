/*
 * A chain that is full: 500 snapshots, most of them others'. Creation fails and is reported, nothing
 * outside the policy goes for room; while a doubt stands nothing goes at all, and when it has ended
 * pruning comes first, then creation.
 */
#include "named.h"

#include <stdio.h>
#include <string.h>

#define OURS 60
#define KEPT 55
#define STRANGERS (SERVICE_CHAIN_MAX - OURS)

static struct intent full_want(void) {
        struct intent want = tale_hourly();

        want.last = KEPT;
        return want;
}

/* The chain is full, five of ours could go, and the operator has them wait. */
static void begin_full_chain(struct tale *tale, struct rig *rig, int64_t every_s,
                             const char *keep) {
        tale_begin(tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_add_strangers(tale, "disk-1", STRANGERS);
        tale_add_ours(tale, "disk-1", OURS, every_s, keep);
        rig_run(rig, 30 * MINUTE_NS);
}

static void begin_full(struct tale *tale, struct rig *rig) {
        struct intent want = full_want();

        begin_full_chain(tale, rig, SEC_PER_HOUR, "last=55;pick=first;zone=UTC");
        rig_add_disk(rig, "disk-2");
        rig_add_disk(rig, "disk-3");
        rig_add_disk(rig, "disk-4");
        tale_daemon(tale, &want);
        rig_pause(&rig->nodes[0], /* all= */ false, HOUR_NS);
        rig_run(rig, 5 * MINUTE_NS);
}

/* Five hours of the doubt. */
static void stay_full(struct tale *tale, enum doubt doubt) {
        struct rig *rig = tale->rig;

        tale_expect(tale, tale_doubts(tale, doubt), "no doubt %s", doubt_name(doubt));
        rig_unpause(&rig->nodes[0]);
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(tale, tale_doubts(tale, doubt), "doubt %s ended too soon", doubt_name(doubt));
        tale_expect(tale, tale_ours(tale, "disk-1") == OURS, "%zu of ours are there in place of %d",
                    tale_ours(tale, "disk-1"), OURS);
        tale_expect(tale, tale_count(tale, "", NULL) == STRANGERS, "%zu of %d strangers stay",
                    tale_count(tale, "", NULL), STRANGERS);
        tale_expect(tale, tale_said(tale, "disk-1 has 500 of 500 snapshots in its chain") == 1,
                    "the full chain was told %u times",
                    tale_said(tale, "disk-1 has 500 of 500 snapshots in its chain"));
        tale_expect(tale,
                    !rig_disk(rig, "disk-2") ||
                            tale_slot(tale, "disk-2", tale_hour(tale), 0) != NULL,
                    "a doubt stopped another disk's creation");
}

/* Of this disk something was deleted before anything was created. */
static void end_full(struct tale *tale) {
        struct guid generation = rig_disk(tale->rig, "disk-1")->unique_id;
        size_t deleted = 0, created = 0;

        for (size_t i = 0; i < service_effects(tale->rig->service); i++) {
                const struct service_effect *effect = service_effect_at(tale->rig->service, i);

                if (effect->resource->kind != SERVICE_SNAPSHOT || effect->client == 0 ||
                    guid_compare(&effect->resource->source_unique_id, &generation) != 0)
                        continue;
                deleted += effect->kind == SERVICE_EFFECT_DELETED;
                created += effect->kind == SERVICE_EFFECT_CREATED;
                tale_expect(tale, deleted > 0, "created before anything was pruned");
        }
        tale_expect(tale, deleted > 0 && created > 0, "%zu deleted and %zu created in the end",
                    deleted, created);
        tale_expect(tale, tale_count(tale, "", NULL) == STRANGERS, "%zu of %d strangers stay",
                    tale_count(tale, "", NULL), STRANGERS);
        tale_expect(tale, tale_slot(tale, "disk-1", tale_hour(tale), 0) != NULL,
                    "the newest slot is not filled");
}

static void finish_full(struct tale *tale, size_t kept) {
        tale_settle(tale);
        end_full(tale);
        tale_expect(tale, tale_ours(tale, "disk-1") == kept, "%zu stay in place of %zu",
                    tale_ours(tale, "disk-1"), kept);
        tale_end(tale);
}

/* No doubt but the operator's pause. */
void named_full(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        rig_pause(&rig->nodes[0], /* all= */ false, DAY_NS);
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == OURS, "%zu of ours in place of %d",
                    tale_ours(&tale, "disk-1"), OURS);
        tale_expect(&tale, tale_said(&tale, "disk-1 has 500 of 500 snapshots in its chain") == 1,
                    "the full chain was told %u times",
                    tale_said(&tale, "disk-1 has 500 of 500 snapshots in its chain"));
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 0, "a full chain is no missed slot");
        rig_unpause(&rig->nodes[0]);
        finish_full(&tale, KEPT);
}

void named_full_clock(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        rig_step_clock(&rig->nodes[0], 2 * HOUR_NS);
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_CLOCK);
        rig_step_clock(&rig->nodes[0], -2 * HOUR_NS);
        finish_full(&tale, KEPT);
}

/* No listing comes through: the last one is all there is to create from. */
void named_full_listing(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        network_set_fault_kinds(rig->network, 1U << SERVICE_REQUEST_LIST_SNAPSHOTS);
        network_set_fault(rig->network, NETWORK_ERROR_503, 1000000);
        rig_run(rig, SIGHT_NS);
        stay_full(&tale, DOUBT_LISTING);
        finish_full(&tale, KEPT);
}

void named_full_targets(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim),
                                         rig_disk_id("disk-3"), "backup", NULL));
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_TARGETS);
        tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim),
                                         rig_disk_id("disk-3"), "backup", "gold"));
        finish_full(&tale, KEPT);
}

/* Slots missed while the daemon was down; the first one that fails for the 500 makes room. */
void named_full_stale(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        rig_kill(&rig->nodes[0], 5 * HOUR_NS);
        rig_run(rig, 5 * HOUR_NS);
        rig_unpause(&rig->nodes[0]);
        finish_full(&tale, KEPT);
}

void named_full_policy(struct rig *rig) {
        struct intent want = full_want();
        struct tale tale;

        want.last = 0;
        want.daily = KEPT;
        begin_full_chain(&tale, rig, SEC_PER_DAY, "daily=55;pick=first;zone=UTC");
        tale_daemon(&tale, &want);
        rig_pause(&rig->nodes[0], /* all= */ false, HOUR_NS);
        rig_run(rig, 5 * MINUTE_NS);
        want.daily = 5;
        tale_hush(&tale); /* the daemon of the new file tells anew */
        tale_rewrite(&tale, 1, &want, NULL);
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_POLICY);
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_POLICY)) == 1,
                    "doubt policy takes no ack");
        rig_run(rig, 5 * MINUTE_NS);
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        /* Five days, of which today's is of midnight, and the three of min_keep. */
        finish_full(&tale, 5 + 2);
}

void named_full_mass(struct rig *rig) {
        struct intent want = full_want();
        struct tale tale;

        want.last = 30;
        begin_full_chain(&tale, rig, SEC_PER_HOUR, "last=30;pick=first;zone=UTC");
        rig_run(rig, 2 * DAY_NS); /* none of them counts as gained */
        tale_daemon(&tale, &want);
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_MASS);
        tale_expect(&tale, rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS)) == 1,
                    "doubt mass takes no ack");
        finish_full(&tale, 30);
}

/* The last three carry two rules in turn; a day after the last change one rule has ruled. */
void named_full_peer(struct rig *rig) {
        static const char *const rules[] = {"last=54;pick=first;zone=UTC",
                                            "last=55;pick=first;zone=UTC"};
        struct intent want = full_want();
        struct tale tale;

        begin_full_chain(&tale, rig, SEC_PER_HOUR, rules[1]);
        for (size_t i = 0; i < 3; i++)
                tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim),
                                                 tale_pick(&tale, "disk-1", OURS - 1 - i).id,
                                                 "snapkeep-keep", rules[(i + 1) % 2]));
        tale_daemon(&tale, &want);
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_PEER);
        rig_run(rig, 20 * HOUR_NS);
        finish_full(&tale, KEPT);
}

/* Of the disk that it is about nothing goes until a restart; of the other one what is superseded does. */
void named_internal(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        rig_break_invariant(&rig->nodes[0], &rig_disk(rig, "disk-1")->unique_id);
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6 + 5 && tale_ours(&tale, "disk-2") == 6,
                    "%zu and %zu stay in place of 11 and 6", tale_ours(&tale, "disk-1"),
                    tale_ours(&tale, "disk-2"));
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        rig_run(rig, HOUR_NS);
        tale_settle(&tale);
        tale_end(&tale);
}

void named_full_internal(struct rig *rig) {
        struct tale tale;

        begin_full(&tale, rig);
        rig_break_invariant(&rig->nodes[0], &rig_disk(rig, "disk-1")->unique_id);
        rig_run(rig, 20 * MINUTE_NS);
        stay_full(&tale, DOUBT_INTERNAL);
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        finish_full(&tale, KEPT);
}
