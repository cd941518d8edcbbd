#include "scenarios.h"
#include "named.h"

#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_HEAD                                                                                \
        "version: 1\n"                                                                             \
        "owner: prod-backup\n"                                                                     \
        "azure:\n"                                                                                 \
        "  cloud: {arm: https://arm.example, login: https://login.example, imds: "                 \
        "http://169.254.169.254}\n"                                                                \
        "  identity: managed\n"                                                                    \
        "defaults: {snapshot_group: rg-snapshots, timezone: UTC}\n"

#define POLICY_TARGETS                                                                             \
        "targets:\n"                                                                               \
        "  - {policy: gold, match: {subscription: " SERVICE_SUBSCRIPTION ", groups: [rg-app]}}\n"

static const struct intent gold = {
        .owner = "prod-backup",
        .policy = "gold",
        .every_s = 300,
        .last = 3,
        .min_keep = 2,
        .group = "rg-snapshots",
};

static const char gold_policy[] =
        POLICY_HEAD "safety: {prune: auto, min_keep: 2, min_age: 0s}\n"
                    "policies:\n"
                    "  gold: {schedule: {every: 5m}, jitter: 0s, keep: {last: 3}}\n" POLICY_TARGETS;

/* Twenty minutes are four slots: min_age keeps more than last does. */
static const struct intent aged = {
        .owner = "prod-backup",
        .policy = "gold",
        .every_s = 300,
        .last = 2,
        .min_keep = 1,
        .min_age_s = 1200,
        .group = "rg-snapshots",
};

static const char aged_policy[] =
        POLICY_HEAD "safety: {prune: auto, min_keep: 1, min_age: 20m}\n"
                    "policies:\n"
                    "  gold: {schedule: {every: 5m}, jitter: 2m, keep: {last: 2}}\n" POLICY_TARGETS;

/* Hours and days on top, slots by a calendar event. */
static const struct intent tiered = {
        .owner = "prod-backup",
        .policy = "gold",
        .every_s = 900,
        .last = 2,
        .hourly = 5,
        .daily = 3,
        .min_keep = 1,
        .group = "rg-snapshots",
};

static const char tiered_policy[] =
        POLICY_HEAD "safety: {prune: auto, min_keep: 1, min_age: 0s}\n"
                    "policies:\n"
                    "  gold: {schedule: {calendar: '*:0/15'}, jitter: 1m, keep: {last: 2, hourly: "
                    "5, daily: 3}}\n" POLICY_TARGETS;

/* Others' snapshots among ours: nothing of ours may touch them. */
static void add_strangers(struct rig *rig) {
        static const char *const none[] = {NULL};
        static const char *const other_owner[] = {"snapkeep-version",
                                                  "1",
                                                  "snapkeep-owner",
                                                  "staging-backup",
                                                  "snapkeep-policy",
                                                  "gold",
                                                  "snapkeep-slot",
                                                  "20261101T000000Z",
                                                  "snapkeep-keep",
                                                  "last=3;pick=first;zone=UTC",
                                                  NULL};
        static const char *const our_tags[] = {"snapkeep-version",
                                               "1",
                                               "snapkeep-owner",
                                               "prod-backup",
                                               "snapkeep-policy",
                                               "gold",
                                               "snapkeep-slot",
                                               "20261101T000000Z",
                                               "snapkeep-keep",
                                               "last=3;pick=first;zone=UTC",
                                               "snapkeep-generation",
                                               "@",
                                               "snapkeep-disk",
                                               "x/rg-app/disk-1",
                                               NULL};
        static const char *const owner_alone[] = {"snapkeep-owner", "prod-backup", NULL};

        rig_add_snapshot(rig, "by-hand", "disk-1", none);
        rig_add_snapshot(rig, "of-another-owner", "disk-1", other_owner);
        rig_add_snapshot(rig, "with-our-tags", "disk-1", our_tags);
        rig_add_snapshot(rig, "with-our-owner", "disk-1", owner_alone);
}

static void all_faults(struct rig *rig, uint32_t per_million) {
        for (int fault = NETWORK_NOT_SENT; fault < _NETWORK_FAULT_N; fault++)
                network_set_fault(rig->network, (enum network_fault)fault, per_million);
}

/*
 * The walking path: three disks, half a day of faults and kills, one disk made again under its name,
 * then calm, in which everything must come right.
 */
static void run_walking(struct rig *rig) {
        struct utc now;

        rig->checks.intents[rig->checks.n_intents++] = gold;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        rig_add_disk(rig, "disk-3");
        add_strangers(rig);
        all_faults(rig, 4000);
        rig->kill_per_million = 3000;
        rig_add_node(rig, gold_policy);
        rig_run(rig, 6 * HOUR_NS);

        now = sim_true_utc(rig->sim);
        if (service_recreate_disk(rig->service, now,
                                  "/subscriptions/" SERVICE_SUBSCRIPTION
                                  "/resourceGroups/rg-app/providers/Microsoft.Compute/disks/disk-2",
                                  NULL) != 0)
                abort();
        rig_run(rig, 6 * HOUR_NS);

        network_stop_faults(rig->network);
        rig->kill_per_million = 0;
        rig_run(rig, 2 * HOUR_NS + 4 * MINUTE_NS);
        checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}

/* Nothing goes wrong: for what a good day costs and shows. */
static void run_calm(struct rig *rig) {
        rig->checks.intents[rig->checks.n_intents++] = gold;
        rig_add_disk(rig, "disk-1");
        add_strangers(rig);
        rig_add_node(rig, gold_policy);
        rig_run(rig, 24 * HOUR_NS + 4 * MINUTE_NS);
        checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}

/* The same policy on two machines: names keep them from doing anything twice. */
static void run_two_daemons(struct rig *rig) {
        rig->checks.intents[rig->checks.n_intents++] = aged;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        add_strangers(rig);
        all_faults(rig, 2000);
        rig->kill_per_million = 1000;
        rig_add_node(rig, aged_policy);
        rig_add_node(rig, aged_policy);
        rig_run(rig, 12 * HOUR_NS);

        network_stop_faults(rig->network);
        rig->kill_per_million = 0;
        rig_run(rig, 2 * HOUR_NS + 4 * MINUTE_NS);
        checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}

/* Five days of slots by the calendar and a rule of three tiers. */
static void run_tiers(struct rig *rig) {
        rig->checks.intents[rig->checks.n_intents++] = tiered;
        rig_add_disk(rig, "disk-1");
        add_strangers(rig);
        all_faults(rig, 3000);
        rig->kill_per_million = 2000;
        rig_add_node(rig, tiered_policy);
        rig_run(rig, 120 * HOUR_NS);

        network_stop_faults(rig->network);
        rig->kill_per_million = 0;
        rig_run(rig, 4 * HOUR_NS);
        /* A deletion counts before it is sent, twice when the daemon dies between: that may be a doubt. */
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        rig_run(rig, 2 * HOUR_NS + 4 * MINUTE_NS);
        checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}

const struct scenario scenarios[] = {
        {"walking", 200, run_walking},
        {"two-daemons", 50, run_two_daemons},
        {"tiers", 20, run_tiers},
        {"calm", 1, run_calm},
        {"month-down", 3, named_month_down},
        {"spring-daily", 2, named_spring_daily},
        {"spring-hourly", 1, named_spring_hourly},
        {"autumn-daily", 2, named_autumn_daily},
        {"autumn-hourly", 1, named_autumn_hourly},
        {"clock-ahead", 1, named_clock_ahead},
        {"clock-behind", 1, named_clock_behind},
        {"dense-slots", 1, named_dense_slots},
        {"dense-fleet", 6, named_dense_fleet},
        {"azure-away", 1, named_azure_away},
        {"one-away", 1, named_one_away},
        {"throttled-day", 1, named_throttled_day},
        {"odd-element", 1, named_odd_element},
        {"role-removed", 1, named_role_removed},
        {"role-unlisted", 1, named_role_unlisted},
        {"listing-behind", 1, named_listing_behind},
        {"quota", 1, named_quota},
        {"lock", 1, named_lock},
        {"delete-undone", 1, named_delete_undone},
        {"replicas", 4, named_replicas},
        {"failed-leftover", 1, named_failed_leftover},
        {"failed-update", 1, named_failed_update},
        {"name-taken", 1, named_name_taken},
        {"ultra-pending", 1, named_ultra_pending},
        {"backlog", 1, named_backlog},
        {"backlog-of-two", 1, named_backlog_of_two},
        {"strangers-spend", 12, named_strangers_spend},
        {"requests-of-one", 1, named_requests_of_one},
        {"requests-of-ten", 1, named_requests_of_ten},
        {"requests-of-a-hundred", 1, named_requests_of_a_hundred},
        {"requests-of-pages", 1, named_requests_of_pages},
        {"key-disabled", 1, named_key_disabled},
        {"key-unreadable", 1, named_key_unreadable},
        {"odd-names", 1, named_odd_names},
        {"shared", 1, named_shared},
        {"uploading", 1, named_uploading},
        {"no-zones", 1, named_no_zones},
        {"private", 1, named_private},
        {"pruner-refused", 1, named_pruner_refused},
        {"pruner-unknown", 1, named_pruner_unknown},
        {"deleted-by-hand", 1, named_deleted_by_hand},
        {"retagged-by-hand", 1, named_retagged_by_hand},
        {"held-by-hand", 1, named_held_by_hand},
        {"held-slowly", 1, named_held_slowly},
        {"hold-behind", 1, named_hold_behind},
        {"held-by-order", 1, named_held_by_order},
        {"adopted-by-order", 1, named_adopted_by_order},
        {"backup-by-order", 2, named_backup_by_order},
        {"backup-stays", 2, named_backup_stays},
        {"strangers", 1, named_strangers},
        {"disk-remade", 2, named_disk_remade},
        {"disk-moved", 1, named_disk_moved},
        {"disk-moved-away", 1, named_disk_moved_away},
        {"two-owners", 3, named_two_owners},
        {"two-daemons-week", 5, named_two_daemons},
        {"two-minds", 1, named_two_minds},
        {"wrong-tag", 1, named_wrong_tag},
        {"wrong-tag-acked", 1, named_wrong_tag_acked},
        {"expected", 1, named_expected},
        {"policy-cut", 1, named_policy_cut},
        {"policy-zone", 1, named_policy_zone},
        {"policy-zone-alike", 1, named_policy_zone_alike},
        {"policy-zone-lost", 1, named_policy_zone_lost},
        {"policy-cut-unlisted", 1, named_policy_cut_unlisted},
        {"policy-cut-slowly", 1, named_policy_cut_slowly},
        {"policy-cut-hourly", 1, named_policy_cut_hourly},
        {"mass", 1, named_mass},
        {"renamed", 1, named_renamed},
        {"renamed-bare", 1, named_renamed_bare},
        {"ask", 1, named_ask},
        {"pause", 1, named_pause},
        {"state-damaged", 5, named_state_damaged},
        {"state-unread", 2, named_state_unread},
        {"pause-while-throttled", 1, named_pause_while_throttled},
        {"gone-keep", 1, named_gone_keep},
        {"gone-apply", 1, named_gone_apply},
        {"gone-untagged", 1, named_gone_untagged},
        {"retire", 1, named_retire},
        {"retire-unclaimed", 2, named_retire_unclaimed},
        {"internal", 1, named_internal},
        {"full", 1, named_full},
        {"full-clock", 1, named_full_clock},
        {"full-listing", 1, named_full_listing},
        {"full-targets", 1, named_full_targets},
        {"full-stale", 1, named_full_stale},
        {"full-policy", 1, named_full_policy},
        {"full-mass", 1, named_full_mass},
        {"full-peer", 1, named_full_peer},
        {"full-internal", 1, named_full_internal},
};
const size_t n_scenarios = ARRAY_SIZE(scenarios);

/* A start with slots due and snapshots to delete: every kind of request is in its round. */
static void prepare_round(struct rig *rig) {
        rig->checks.intents[rig->checks.n_intents++] = gold;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        add_strangers(rig);
        rig_add_node(rig, gold_policy);
        rig_run(rig, 24 * MINUTE_NS);
}

unsigned scenario_kill_every_request(uint64_t seed, char *ret_what, size_t size) {
        static const enum network_hook sides[] = {NETWORK_BEFORE_EFFECT, NETWORK_AFTER_EFFECT};
        unsigned rounds = 0;

        ret_what[0] = '\0';
        for (size_t side = 0; side < ARRAY_SIZE(sides); side++)
                for (uint64_t request = 1;; request++) {
                        struct rig rig;
                        uint64_t first;
                        bool more;

                        rig_init(&rig, "kill-every-request", seed, /* echo= */ false);
                        prepare_round(&rig);
                        first = network_requests(rig.network);
                        rig.kill_at = first + request;
                        rig.kill_when = sides[side];
                        /* The round at minute 25, and what a restart does of it. */
                        rig_run(&rig, 4 * MINUTE_NS);
                        more = rig.n_kills > 0;
                        checks_settled(&rig.checks, rig.service, sim_true_utc(rig.sim));
                        if (rig.checks.broken)
                                snprintf(ret_what, size, "killed %s request %llu: %s",
                                         sides[side] == NETWORK_BEFORE_EFFECT ? "before" : "after",
                                         (unsigned long long)request, rig.checks.what);
                        rig_deinit(&rig);
                        if (ret_what[0])
                                return rounds;
                        if (!more)
                                break;
                        rounds++;
                }
        return rounds;
}
