/*
 * named: the scenarios with names, each a short story of one thing that happens to a fleet. Beside
 * the promises, which the checks watch in every step, each asserts its own story: which doubt stood,
 * what was created, what stayed, what the log said and how often.
 *
 *         tale_begin(&tale, rig);
 *         rig_add_disk(rig, "disk-1");
 *         tale_daemon(&tale, &hourly, NULL);
 *         rig_run(rig, 6 * HOUR_NS);
 *         tale_expect(&tale, rig->checks.deletions == 0, "...");
 *         tale_end(&tale);
 *
 * Slots are hourly where nothing else is said, so that a day is short to tell.
 */
#pragma once

#include "scenarios.h"

#include "base/strbuf.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)
#define TALE_OWNER "prod-backup"
/* From a slot's start until its round is over: created, listed, pruned, confirmed. */
#define ROUND_NS (10 * MINUTE_NS)
/* Until what hands have done is seen, when nothing else is listed for. */
#define SIGHT_NS (65 * MINUTE_NS)
/* Until two clean sweeps are over while a doubt waits for them. */
#define SWEEPS_NS (46 * MINUTE_NS)

struct tale {
        struct rig *rig;
        struct strbuf said; /* what the daemons logged above debug: "1 warning …", a line each */
};

void tale_begin(struct tale *tale, struct rig *rig);
void tale_end(struct tale *tale);

/* Ends the run as a broken promise does. */
_printf_(3, 4) void tale_expect(struct tale *tale, bool is_so, const char *format, ...);

/* The service takes the hand's verb. */
void tale_must(struct tale *tale, int r);

/* Every slot on the hour; keep: {last: 6}, min_keep: 3, and no other floor. */
struct intent tale_hourly(void);
/* Adds a machine whose daemon wants this, and tells the checks. */
void tale_daemon(struct tale *tale, const struct intent *want);
/* A second machine with the first one's policy file. */
void tale_twin(struct tale *tale);
/* The daemon of that node (from 1) gets a file that wants this, in place of what it had wanted under
 * its name, or under @renamed. */
void tale_rewrite(struct tale *tale, unsigned node, const struct intent *want, const char *renamed);

/* Lines of the log with this in them, since the last tale_hush(). */
unsigned tale_said(const struct tale *tale, const char *what);
void tale_hush(struct tale *tale);

/* How often the doubt began and ended in all daemons. */
uint64_t tale_begun(const struct tale *tale, enum doubt doubt);
uint64_t tale_ended(const struct tale *tale, enum doubt doubt);
/* Whether it stands in the first daemon. */
bool tale_doubts(const struct tale *tale, enum doubt doubt);

/* What lives. */

/* Snapshots with that owner tag (NULL: anybody's, "": without one) of the generation (NULL: all). */
size_t tale_count(const struct tale *tale, const char *owner, const struct guid *generation);
/* Ours of the disk as it is now. */
size_t tale_ours(const struct tale *tale, const char *disk);
/* Ours of the disk for that slot, whole or failed; NULL: none. @nth of several, 0 for the first. */
const struct service_resource *tale_slot(const struct tale *tale, const char *disk, int64_t slot_s,
                                         unsigned nth);
/* One that a hand takes: it may be gone when it is asked for again. */
struct tale_pick {
        uint64_t serial;
        char id[512];
};
/* The @nth oldest complete one of the disk by slot, whoever owns it; the story needs it to be there. */
struct tale_pick tale_pick(struct tale *tale, const char *disk, size_t nth);
bool tale_lives(const struct tale *tale, uint64_t serial);
/* The slot of now for an hourly schedule. */
int64_t tale_hour(const struct tale *tale);

/* Azure and its hands. */

/* All faults of the network but those that leave something behind: tales count what is there. */
void tale_faults(struct tale *tale, uint32_t per_million);
/* @n of ours, complete, for the slots before the present one, @every_s apart, with this rule. */
void tale_add_ours(struct tale *tale, const char *disk, unsigned n, int64_t every_s,
                   const char *keep);
/* @n without any tag, made before the present, one every 10 minutes. */
void tale_add_strangers(struct tale *tale, const char *disk, unsigned n);
/* Everything comes right within two hours and the checks agree. */
void tale_settle(struct tale *tale);

/* A backlog under Azure's own rates: @disks due at once, for @nodes daemons of that share each. Prints
 * the curve when asked to. */
struct backlog {
        uint64_t created, throttled; /* until the last of them; 429s */
        double seconds;              /* from the first creation to the last */
        double used;                 /* of our share of 8,000 in 30 minutes; 1 is all of it */
};
void backlog_run(struct rig *rig, unsigned disks, unsigned nodes, unsigned share_permille,
                 bool print, struct backlog *ret_backlog);

/* A day of @disks with a slot an hour, each of which prunes one: what was asked of Azure. */
struct requests {
        unsigned disks;
        unsigned chain;               /* K: snapshots that stay of each */
        size_t page;                  /* P: rows of a listing's page */
        struct service_counts counts; /* of that day */
};
void requests_run(struct rig *rig, unsigned disks, struct requests *ret_requests);
double requests_per_cycle(const struct requests *requests);
void requests_print(const struct requests *requests);

/* The rows of the table in scenarios.c. */
void named_month_down(struct rig *rig);
void named_spring_daily(struct rig *rig);
void named_spring_hourly(struct rig *rig);
void named_autumn_daily(struct rig *rig);
void named_autumn_hourly(struct rig *rig);
void named_clock_ahead(struct rig *rig);
void named_clock_behind(struct rig *rig);
void named_dense_slots(struct rig *rig);
void named_dense_fleet(struct rig *rig);

void named_azure_away(struct rig *rig);
void named_one_away(struct rig *rig);
void named_throttled_day(struct rig *rig);
void named_odd_element(struct rig *rig);
void named_role_removed(struct rig *rig);
void named_role_unlisted(struct rig *rig);
void named_listing_behind(struct rig *rig);
void named_quota(struct rig *rig);
void named_lock(struct rig *rig);
void named_delete_undone(struct rig *rig);
void named_replicas(struct rig *rig);
void named_failed_leftover(struct rig *rig);
void named_failed_update(struct rig *rig);
void named_name_taken(struct rig *rig);
void named_ultra_pending(struct rig *rig);
void named_pruner_refused(struct rig *rig);
void named_pruner_unknown(struct rig *rig);

void named_backlog(struct rig *rig);
void named_backlog_of_two(struct rig *rig);
void named_strangers_spend(struct rig *rig);

void named_requests_of_one(struct rig *rig);
void named_requests_of_ten(struct rig *rig);
void named_requests_of_a_hundred(struct rig *rig);
void named_requests_of_pages(struct rig *rig);

void named_key_disabled(struct rig *rig);
void named_key_unreadable(struct rig *rig);
void named_odd_names(struct rig *rig);
void named_shared(struct rig *rig);
void named_uploading(struct rig *rig);

void named_no_zones(struct rig *rig);
void named_private(struct rig *rig);

void named_deleted_by_hand(struct rig *rig);
void named_retagged_by_hand(struct rig *rig);
void named_held_by_hand(struct rig *rig);
void named_held_slowly(struct rig *rig);
void named_hold_behind(struct rig *rig);
void named_held_by_order(struct rig *rig);
void named_adopted_by_order(struct rig *rig);
void named_backup_by_order(struct rig *rig);
void named_backup_stays(struct rig *rig);
void named_strangers(struct rig *rig);
void named_disk_remade(struct rig *rig);
void named_disk_moved(struct rig *rig);
void named_disk_moved_away(struct rig *rig);
void named_two_owners(struct rig *rig);
void named_two_daemons(struct rig *rig);
void named_two_minds(struct rig *rig);

void named_wrong_tag(struct rig *rig);
void named_wrong_tag_acked(struct rig *rig);
void named_expected(struct rig *rig);
void named_policy_cut(struct rig *rig);
void named_policy_zone(struct rig *rig);
void named_policy_zone_alike(struct rig *rig);
void named_policy_zone_lost(struct rig *rig);
void named_policy_cut_unlisted(struct rig *rig);
void named_policy_cut_slowly(struct rig *rig);
void named_policy_cut_hourly(struct rig *rig);
void named_mass(struct rig *rig);
void named_renamed(struct rig *rig);
void named_renamed_bare(struct rig *rig);
void named_ask(struct rig *rig);
void named_pause_while_throttled(struct rig *rig);
void named_pause(struct rig *rig);
void named_state_damaged(struct rig *rig);
void named_state_unread(struct rig *rig);
void named_gone_keep(struct rig *rig);
void named_gone_apply(struct rig *rig);
void named_gone_untagged(struct rig *rig);
void named_retire(struct rig *rig);
void named_retire_unclaimed(struct rig *rig);

void named_internal(struct rig *rig);
void named_full(struct rig *rig);
void named_full_clock(struct rig *rig);
void named_full_listing(struct rig *rig);
void named_full_targets(struct rig *rig);
void named_full_stale(struct rig *rig);
void named_full_policy(struct rig *rig);
void named_full_mass(struct rig *rig);
void named_full_peer(struct rig *rig);
void named_full_internal(struct rig *rig);
