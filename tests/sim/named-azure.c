/*
 * Azure: away, throttled, without rights, behind, full, locked, and in the way.
 */
#include "named.h"

#include <stdio.h>
#include <string.h>

void named_azure_away(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted, requests;
        struct tale tale;

        tale_begin(&tale, rig);
        want.rpo_s = 2 * SEC_PER_HOUR;
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        requests = network_requests(rig->network);

        tale_hush(&tale);
        tale_must(&tale,
                  service_set_away(rig->service, NULL, SERVICE_AWAY_503, 0,
                                   utc_add_seconds(sim_true_utc(rig->sim), 7 * SEC_PER_DAY)));
        rig_run(rig, 7 * DAY_NS);
        tale_expect(&tale, rig->checks.creations == created && rig->checks.deletions == deleted,
                    "something happened though Azure was away");
        tale_expect(&tale, tale_said(&tale, "cannot be read") == 1,
                    "it was told %u times that Azure cannot be read",
                    tale_said(&tale, "cannot be read"));
        tale_expect(&tale, tale_said(&tale, "has no backup as young as its rpo") == 2,
                    "a broken rpo was told %u times for two disks",
                    tale_said(&tale, "has no backup as young as its rpo"));
        tale_expect(&tale, tale_said(&tale, "could not be taken") == 2,
                    "failed creates were told %u times for two disks",
                    tale_said(&tale, "could not be taken"));
        /* Each disk's create and the listing, six tries each, once in a quarter of an hour. */
        requests = network_requests(rig->network) - requests;
        tale_expect(&tale, requests < 7 * 24 * 4 * 3 * 6 * 2, "%llu requests in the week",
                    (unsigned long long)requests);

        rig_run(rig, 20 * MINUTE_NS);
        tale_expect(&tale, rig->checks.creations == created + 2, "%llu created when it came back",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale,
                    tale_said(&tale, "can be read again") == 1 &&
                            tale_said(&tale, "is within its rpo again") == 2,
                    "the end was not told");
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 2 && !tale_doubts(&tale, DOUBT_STALE),
                    "doubt stale did not stand for both disks, or does not end");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* The disk's slots of the hours since, as long as they may not have been pruned, are all there. */
static void expect_hours(struct tale *tale, const char *id, int64_t hours, const char *why) {
        struct rig *rig = tale->rig;
        const struct service_resource *disk = service_find(rig->service, id);
        int64_t newest_s = tale_hour(tale);
        size_t n = 0;

        for (size_t i = 0; disk && i < service_resources(rig->service); i++) {
                const struct service_resource *r = service_resource_at(rig->service, i);

                n += r->kind == SERVICE_SNAPSHOT && !utc_is_set(r->deleted_at) &&
                     guid_compare(&r->source_unique_id, &disk->unique_id) == 0 &&
                     utc_seconds(r->time_created) >= newest_s - (hours - 1) * SEC_PER_HOUR;
        }
        tale_expect(tale, (int64_t)n == hours, "%zu of %lld slots while the other subscription %s",
                    n, (long long)hours, why);
}

/* One of two subscriptions fails in each way for hours; the other one has every slot at its hour. */
void named_one_away(struct rig *rig) {
        static const struct {
                enum service_away away;
                const char *why;
        } ways[] = {
                {SERVICE_AWAY_500, "fails"},         {SERVICE_AWAY_503, "is away"},
                {SERVICE_THROTTLED, "is throttled"}, {SERVICE_UNKNOWN, "is unknown"},
                {SERVICE_DISABLED, "is disabled"},
        };
        struct intent want = tale_hourly();
        char id[256];
        struct tale tale;

        tale_begin(&tale, rig);
        want.two_subscriptions = true;
        rig_two_subscriptions(rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        (void)snprintf(id, sizeof(id),
                       "/subscriptions/" CHECKS_OTHER_SUBSCRIPTION "/resourceGroups/rg-app/"
                       "providers/Microsoft.Compute/disks/disk-2");
        tale_must(&tale, service_move_disk(rig->service, sim_true_utc(rig->sim),
                                           rig_disk_id("disk-2"), CHECKS_OTHER_SUBSCRIPTION,
                                           /* new_group= */ NULL, /* new_name= */ NULL));
        tale_daemon(&tale, &want);
        rig_run(rig, 20 * MINUTE_NS);
        for (size_t i = 0; i < ARRAY_SIZE(ways) && !rig->checks.broken; i++) {
                tale_must(&tale, service_set_away(rig->service, SERVICE_SUBSCRIPTION, ways[i].away,
                                                  /* retry_after_s= */ 600,
                                                  utc_add_seconds(sim_true_utc(rig->sim),
                                                                  4 * SEC_PER_HOUR)));
                rig_run(rig, 4 * HOUR_NS);
                expect_hours(&tale, id, 4, ways[i].why);
                rig_run(rig, 2 * HOUR_NS);
        }
        tale_settle(&tale);
        tale_end(&tale);
}

void named_throttled_day(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted, throttled;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;

        tale_hush(&tale);
        tale_must(&tale, service_set_away(rig->service, SERVICE_SUBSCRIPTION, SERVICE_THROTTLED,
                                          /* retry_after_s= */ 300,
                                          utc_add_seconds(sim_true_utc(rig->sim), SEC_PER_DAY)));
        rig_run(rig, DAY_NS);
        throttled = service_counts(rig->service).throttled;
        /* What is under way when the first is throttled is, too: two creates and a listing. */
        tale_expect(&tale, throttled >= 20 && throttled <= 3 * SEC_PER_DAY / 300,
                    "%llu requests were throttled in a day of 300 s each",
                    (unsigned long long)throttled);
        tale_expect(&tale, rig->checks.creations == created && rig->checks.deletions == deleted,
                    "something happened though all was throttled");

        /* The newest slot of each disk, and the one before it where that was being tried. */
        rig_run(rig, 20 * MINUTE_NS);
        created = rig->checks.creations - created;
        tale_expect(&tale, created >= 2 && created <= 4, "%llu created when it was over",
                    (unsigned long long)created);
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* A tag of a stranger's snapshot is null, over a restart: all is backed up, and nothing deleted until it is
 * gone. */
void named_odd_element(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        char id[300];
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        tale_add_strangers(&tale, "disk-1", 2);
        rig_run(rig, 10 * HOUR_NS + 20 * MINUTE_NS);

        tale_hush(&tale);
        snprintf(id, sizeof(id),
                 "/subscriptions/%s/resourceGroups/rg-snapshots/providers/Microsoft.Compute/"
                 "snapshots/stranger-1",
                 SERVICE_SUBSCRIPTION);
        tale_must(&tale, service_deform(rig->service, id, true));
        rig_run(rig, 2 * HOUR_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_kill(&rig->nodes[0], MINUTE_NS);
        rig_run(rig, 10 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 20, "%llu created in place of 20",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, rig->checks.deletions == deleted, "something was deleted");
        tale_expect(&tale, tale_doubts(&tale, DOUBT_LISTING), "doubt listing does not stand");
        tale_expect(&tale, tale_said(&tale, "stranger-1: the member tags is missing or wrong") == 2,
                    "it was told %u times in two lives",
                    tale_said(&tale, "stranger-1: the member tags is missing or wrong"));

        tale_must(&tale, service_deform(rig->service, id, false));
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, !tale_doubts(&tale, DOUBT_LISTING), "doubt listing does not end");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* Listings are empty and answer 200; nothing is gone and nothing vanished. */
static void role_story(struct rig *rig, const char *group, enum service_rights rights,
                       uint64_t creations, enum doubt doubt) {
        static const char *const disks[] = {"disk-1", "disk-2", "disk-3", "disk-4"};
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        for (size_t i = 0; i < ARRAY_SIZE(disks); i++)
                rig_add_disk(rig, disks[i]);
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;

        tale_hush(&tale);
        rig->checks.rights_cut = true;
        tale_must(&tale, service_set_rights(rig->service, SERVICE_SUBSCRIPTION, group, rights));
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, tale_begun(&tale, doubt) == 1, "doubt %s began %llu times",
                    doubt_name(doubt), (unsigned long long)tale_begun(&tale, doubt));
        tale_expect(&tale, rig->checks.creations == created + creations, "%llu created, not %llu",
                    (unsigned long long)(rig->checks.creations - created),
                    (unsigned long long)creations);
        tale_expect(&tale, rig->checks.deletions == deleted, "something was deleted");
        tale_expect(&tale, tale_said(&tale, "it was not us") == 0, "a false alarm: vanished");
        tale_expect(&tale, tale_said(&tale, "snapshots are frozen") == 0,
                    "a disk is taken for gone");

        tale_must(&tale, service_set_rights(rig->service, SERVICE_SUBSCRIPTION, group,
                                            group ? SERVICE_RIGHTS_INHERITED : SERVICE_RIGHTS_ALL));
        rig_run(rig, 2 * HOUR_NS);
        rig->checks.rights_cut = false;
        for (enum doubt d = 0; d < _DOUBT_N; d++)
                tale_expect(&tale, !tale_doubts(&tale, d), "doubt %s does not end", doubt_name(d));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

void named_role_removed(struct rig *rig) {
        role_story(rig, NULL, SERVICE_RIGHTS_NONE, 0, DOUBT_TARGETS);
}

/* Snapshots alone are not listed: each slot is filled all the same, and once. */
void named_role_unlisted(struct rig *rig) {
        role_story(rig, "rg-snapshots", SERVICE_RIGHTS_UNLISTED, 4 * 5, DOUBT_LISTING);
}

void named_listing_behind(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        want.every_s = 900;
        rig->checks.lag_s = 600;
        tale_must(&tale, service_set_listing_lag(rig->service, sim_true_utc(rig->sim),
                                                 SERVICE_SUBSCRIPTION, 600 * NSEC_PER_SEC));
        rig_run(rig, 11 * MINUTE_NS);
        tale_daemon(&tale, &want);
        rig_run(rig, 24 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == 97, "%llu created for 97 slots",
                    (unsigned long long)rig->checks.creations);
        tale_expect(&tale, rig->checks.deletions >= 88, "%llu deleted in a day",
                    (unsigned long long)rig->checks.deletions);
        tale_expect(&tale, tale_said(&tale, "it was not us") == 0, "a false alarm: vanished");
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "something failed by the lag");
        tale_expect(&tale, tale_said(&tale, "was gone already") == 0, "deleted twice by the lag");

        tale_must(&tale, service_set_listing_lag(rig->service, sim_true_utc(rig->sim),
                                                 SERVICE_SUBSCRIPTION, -1));
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* Held in the minute in which its daemon dies; the next one's listings do not have it yet. */
void named_hold_behind(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale_pick held;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig->checks.lag_s = 600;
        tale_must(&tale, service_set_listing_lag(rig->service, sim_true_utc(rig->sim),
                                                 SERVICE_SUBSCRIPTION, 600 * NSEC_PER_SEC));
        rig_run(rig, 11 * MINUTE_NS);
        tale_daemon(&tale, &want);
        rig_run(rig, 3 * HOUR_NS - 10 * MINUTE_NS);
        held = tale_pick(&tale, "disk-1", tale_ours(&tale, "disk-1") - 1);
        rig_kill(&rig->nodes[0], NSEC_PER_SEC);
        tale_must(&tale, service_set_tag(rig->service, sim_true_utc(rig->sim), held.id,
                                         "snapkeep-hold", "audit"));
        rig_run(rig, 12 * HOUR_NS);
        tale_expect(&tale, tale_lives(&tale, held.serial), "what was held is gone");
        tale_expect(&tale, service_counts(rig->service).repeated == 0, "a name was written again");

        tale_must(&tale, service_set_listing_lag(rig->service, sim_true_utc(rig->sim),
                                                 SERVICE_SUBSCRIPTION, -1));
        tale_settle(&tale);
        tale_end(&tale);
}

/* No room for the next one: told once, no missed slot, and what may go goes before it is taken. */
void named_quota(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 5 * MINUTE_NS);
        rig_pause(&rig->nodes[0], /* all= */ false, 14 * HOUR_NS);
        rig_run(rig, 9 * HOUR_NS + 15 * MINUTE_NS);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 10, "%zu were made in ten slots",
                    tale_ours(&tale, "disk-1"));

        created = rig->checks.creations;
        tale_hush(&tale);
        tale_must(&tale, service_set_quota(rig->service, SERVICE_SUBSCRIPTION, 10));
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created, "created above the quota");
        tale_expect(&tale, tale_said(&tale, "could not be taken") == 1,
                    "the refusal was told %u times", tale_said(&tale, "could not be taken"));
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 0, "a quota is no missed slot");

        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, tale_slot(&tale, "disk-1", tale_hour(&tale), 0) != NULL,
                    "no room was made for the due slot");
        tale_settle(&tale);
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 6, "%zu stay in place of 6",
                    tale_ours(&tale, "disk-1"));
        tale_end(&tale);
}

/* A lock on one keeps that one, a lock on the group keeps all; creation goes on. */
void named_lock(struct rig *rig) {
        static const char group[] =
                "/subscriptions/" SERVICE_SUBSCRIPTION "/resourceGroups/rg-snapshots";
        struct intent want = tale_hourly();
        struct tale_pick locked;
        struct tale tale;
        uint64_t deleted;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);

        locked = tale_pick(&tale, "disk-1", 0);
        tale_hush(&tale);
        tale_must(&tale, service_lock(rig->service, sim_true_utc(rig->sim), locked.id, true));
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, tale_lives(&tale, locked.serial), "a locked one is gone");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 7, "%zu are there in place of 6 and one",
                    tale_ours(&tale, "disk-1"));
        tale_expect(&tale, tale_said(&tale, "could not be deleted") == 1,
                    "the lock was told %u times", tale_said(&tale, "could not be deleted"));

        tale_must(&tale, service_lock(rig->service, sim_true_utc(rig->sim), locked.id, false));
        rig_run(rig, 2 * HOUR_NS);
        tale_expect(&tale, !tale_lives(&tale, locked.serial), "one whose lock is gone stays");

        deleted = rig->checks.deletions;
        tale_must(&tale, service_lock(rig->service, sim_true_utc(rig->sim), group, true));
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, rig->checks.deletions == deleted, "deleted in a locked group");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 10, "%zu are there in place of 6 and four",
                    tale_ours(&tale, "disk-1"));
        tale_must(&tale, service_lock(rig->service, sim_true_utc(rig->sim), group, false));
        tale_settle(&tale);
        tale_end(&tale);
}

static bool has_slot(const struct rig *rig, void *data) {
        struct tale *tale = data;

        return tale_slot(tale, "disk-1", tale_hour(tale), 0) != NULL;
}

static bool ends_with(const char *text, const char *end) {
        size_t n = strlen(text), m = strlen(end);

        return n >= m && strcmp(text + n - m, end) == 0;
}

/* For a day every DELETE is accepted, and nothing goes: of each that is told once, and its end once. */
void named_delete_undone(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t deleted;
        unsigned told;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        tale_hush(&tale);
        deleted = rig->checks.deletions;
        network_set_fault(rig->network, NETWORK_FAILED_DELETE, 1000000);
        rig_run(rig, 23 * HOUR_NS);
        told = tale_said(&tale, "could not be deleted");
        tale_expect(&tale, rig->checks.deletions == deleted, "something went");
        tale_expect(
                &tale, told >= 10 && told <= 23,
                "that a DELETE came to nothing was told %u times, a snapshot an hour is superseded",
                told);
        tale_expect(&tale, tale_said(&tale, "nothing is left to do") == 0,
                    "an end was told of what is still there");

        network_set_fault(rig->network, NETWORK_FAILED_DELETE, 0);
        rig_run(rig, 3 * HOUR_NS);
        /* Those that were accepted count, and what is planned of them once more. */
        rig_ack(&rig->nodes[0], DOUBT_BIT(DOUBT_MASS));
        tale_settle(&tale);
        tale_expect(&tale, tale_said(&tale, "could not be deleted") == told,
                    "a deletion that Azure did was told to have failed");
        tale_expect(&tale, tale_said(&tale, "nothing is left to do of it, after ") == told,
                    "the end was told %u times, of %u failures",
                    tale_said(&tale, "nothing is left to do of it, after "), told);
        tale_end(&tale);
}

/* Pages of listings come from two replicas for a day, of which one is twenty minutes behind: what one listing had
 * the next one lacks, and the one after it has again, what is deleted included. No slot is lost by that, nothing is
 * taken for vanished, and what is superseded goes. */
void named_replicas(struct rig *rig) {
        struct intent want = tale_hourly();
        uint64_t created, deleted;
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        service_options(rig->service)->page_size = 3;
        service_options(rig->service)->empty_pages = 20;
        rig->checks.lag_s = 1200;
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 20 * MINUTE_NS);
        tale_must(&tale, service_set_listing_flaps(rig->service, sim_true_utc(rig->sim),
                                                   SERVICE_SUBSCRIPTION, 1200 * NSEC_PER_SEC));
        tale_hush(&tale);
        created = rig->checks.creations;
        deleted = rig->checks.deletions;
        rig_run(rig, 24 * HOUR_NS);
        tale_expect(&tale, rig->checks.creations == created + 2 * 24, "%llu created of 48",
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, rig->checks.deletions >= deleted + 2 * 20, "%llu deleted of 48",
                    (unsigned long long)(rig->checks.deletions - deleted));
        tale_expect(&tale, tale_begun(&tale, DOUBT_LISTING) > 0,
                    "nobody saw the listings contradict");
        tale_expect(&tale, tale_said(&tale, "not us who deleted it") == 0,
                    "one that a replica lacked was told to have vanished");
        tale_must(&tale, service_set_listing_lag(rig->service, sim_true_utc(rig->sim),
                                                 SERVICE_SUBSCRIPTION, -1));
        rig_run(rig, 4 * HOUR_NS);
        tale_settle(&tale);
        tale_expect(&tale, tale_begun(&tale, DOUBT_MASS) == 0,
                    "one that a replica had once more was counted twice");
        tale_end(&tale);
}

/* The slot is taken again as -2; the leftover counts for nothing and goes after seven days. */
void named_failed_leftover(struct rig *rig) {
        const struct service_resource *failed, *second;
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t serial;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 50 * MINUTE_NS);
        rig_run(rig, 10 * MINUTE_NS);
        network_set_fault(rig->network, NETWORK_FAILED_CREATE, 1000000);
        tale_expect(&tale, rig_run_until(rig, 5 * MINUTE_NS, has_slot, &tale), "nothing was tried");
        network_stop_faults(rig->network);
        rig_run(rig, 30 * MINUTE_NS);

        failed = tale_slot(&tale, "disk-1", tale_hour(&tale), 0);
        second = tale_slot(&tale, "disk-1", tale_hour(&tale), 1);
        tale_expect(&tale, failed && failed->fails, "the first attempt did not fail");
        tale_expect(&tale,
                    second && ends_with(second->name, "-2") &&
                            service_resource_is_complete(second, sim_true_utc(rig->sim)),
                    "no second attempt is complete");
        tale_expect(&tale, tale_ours(&tale, "disk-1") == 7, "%zu are there in place of 6 and one",
                    tale_ours(&tale, "disk-1"));

        serial = failed ? failed->serial : 0;
        rig_run(rig, 7 * DAY_NS - 35 * MINUTE_NS);
        tale_expect(&tale, tale_lives(&tale, serial), "the leftover went before its seven days");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, !tale_lives(&tale, serial), "the leftover is there for ever");
        tale_settle(&tale);
        tale_end(&tale);
}

/* One that was complete for days, and is kept by the rule, fails by an update: seven days to look at it
 * begin with that. */
void named_failed_update(struct rig *rig) {
        const struct service_resource *oldest;
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t serial;

        want.daily = 30;
        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        tale_daemon(&tale, &want);
        rig_run(rig, 9 * DAY_NS + 20 * MINUTE_NS);
        oldest = rig_ours(rig, "disk-1", 0);
        for (size_t i = 1; i < tale_ours(&tale, "disk-1"); i++) {
                const struct service_resource *other = rig_ours(rig, "disk-1", i);

                if (!oldest || other->created_at.ticks < oldest->created_at.ticks)
                        oldest = other;
        }
        tale_expect(&tale,
                    oldest && utc_add_seconds(oldest->created_at, 8 * SEC_PER_DAY).ticks <
                                      sim_true_utc(rig->sim).ticks,
                    "none is old");
        serial = oldest ? oldest->serial : 0;
        if (oldest)
                tale_must(&tale,
                          service_fail_update(rig->service, sim_true_utc(rig->sim), oldest->id));

        rig_run(rig, 7 * DAY_NS - 5 * MINUTE_NS);
        tale_expect(&tale, tale_lives(&tale, serial), "it went before its seven days");
        rig_run(rig, 3 * HOUR_NS);
        tale_expect(&tale, !tale_lives(&tale, serial), "it is there for ever");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Another's snapshot has the name of the coming slot. */
static uint64_t take_name(struct tale *tale, const char *source) {
        const struct service_resource *ours = rig_ours(tale->rig, "disk-1", 0), *theirs = NULL;
        struct utc now = sim_true_utc(tale->rig->sim);
        char name[128] = "", slot[UTC_SLOT_SIZE];
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = name,
                .source_id = rig_disk_id(source),
        };

        if (!ours)
                return 0;
        utc_format_slot(utc_from_seconds(tale_hour(tale) + SEC_PER_HOUR), slot);
        snprintf(name, sizeof(name), "%.*s-%s", (int)(strrchr(ours->name, '-') - ours->name),
                 ours->name, slot);
        tale_must(tale, service_add_snapshot(tale->rig->service, now, &spec, &theirs));
        return theirs ? theirs->serial : 0;
}

/* One of the same disk or of another one is seen, and the slot filled by -2. */
void named_name_taken(struct rig *rig) {
        static const char *const sources[] = {"disk-1", "disk-2"};
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 40 * MINUTE_NS);
        for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
                uint64_t theirs = take_name(&tale, sources[i]);
                const struct service_resource *r;

                tale_hush(&tale);
                rig_run(rig, HOUR_NS);
                /* The PUT has put our tags on theirs, when it is of the same disk. */
                r = tale_slot(&tale, "disk-1", tale_hour(&tale), i == 0);
                tale_expect(&tale, r && ends_with(r->name, "-2"),
                            "the slot whose name is taken is not filled");
                rig_run(rig, 8 * HOUR_NS);
                tale_expect(&tale, tale_lives(&tale, theirs), "another's snapshot is gone");
        }
        tale_settle(&tale);
        tale_end(&tale);
}

static size_t pending_of(const struct rig *rig, const char *disk) {
        struct utc now = sim_true_utc(rig->sim);
        const struct service_resource *source = rig_disk(rig, disk);
        size_t n = 0;

        for (size_t i = 0; i < service_resources(rig->service); i++) {
                const struct service_resource *r = service_resource_at(rig->service, i);

                n += r->kind == SERVICE_SNAPSHOT && !utc_is_set(r->deleted_at) &&
                     guid_compare(&r->source_unique_id, &source->unique_id) == 0 &&
                     !service_resource_is_complete(r, now);
        }
        return n;
}

/* Copies that take five hours: at most three are under way, later slots wait, and none is missed. */
void named_ultra_pending(struct rig *rig) {
        struct service_tag gold = {(char *)(uintptr_t) "backup", (char *)(uintptr_t) "gold"};
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "disk-1",
                .sku = "UltraSSD_LRS",
                .tags = &gold,
                .n_tags = 1,
        };
        struct intent want = tale_hourly();
        uint64_t created;
        struct tale tale;

        tale_begin(&tale, rig);
        tale_must(&tale, service_add_disk(rig->service, sim_true_utc(rig->sim), &spec, NULL));
        tale_daemon(&tale, &want);
        rig_run(rig, 8 * HOUR_NS + 40 * MINUTE_NS);
        tale_expect(&tale, pending_of(rig, "disk-1") == 0, "copies of minutes are pending");

        service_options(rig->service)->copy_ns = 5 * HOUR_NS;
        created = rig->checks.creations;
        rig_run(rig, 5 * HOUR_NS);
        tale_expect(&tale, pending_of(rig, "disk-1") == 3 && rig->checks.creations == created + 3,
                    "%zu pending, %llu created", pending_of(rig, "disk-1"),
                    (unsigned long long)(rig->checks.creations - created));
        tale_expect(&tale, tale_said(&tale, "waits for pending snapshots") == 1,
                    "the deferred slot was told %u times",
                    tale_said(&tale, "waits for pending snapshots"));
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "asked for what cannot be had");
        tale_expect(&tale, tale_begun(&tale, DOUBT_STALE) == 0, "deferred slots count as missed");

        service_options(rig->service)->copy_ns = 6 * MINUTE_NS;
        rig_run(rig, 4 * HOUR_NS);
        tale_expect(&tale, tale_said(&tale, "it is over: 1 disk whose slot waits") == 1,
                    "the end of the wait was not told once");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Living snapshots of disk-1 and disk-2 that are stored so, and read so over the network. */
static size_t stored_so(const struct rig *rig, const char *sku, const char *network) {
        size_t n = 0;

        for (size_t i = 0; i < service_resources(rig->service); i++) {
                const struct service_resource *r = service_resource_at(rig->service, i);

                n += r->kind == SERVICE_SNAPSHOT && !utc_is_set(r->deleted_at) &&
                     (!sku || strcmp(r->sku, sku) == 0) &&
                     (!network || strcmp(r->network_access, network) == 0);
        }
        return n;
}

/* The region takes back its zones: the next snapshots are locally redundant, which costs a refusal each
 * for those that were under way together, and none after them. */
void named_no_zones(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;
        uint64_t puts;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        rig_add_disk(rig, "disk-2");
        tale_daemon(&tale, &want);
        rig_run(rig, 3 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, stored_so(rig, "Standard_ZRS", NULL) == 8, "%zu are zone-redundant",
                    stored_so(rig, "Standard_ZRS", NULL));

        service_options(rig->service)->no_zones = true;
        puts = service_counts(rig->service).by_kind[SERVICE_REQUEST_PUT_SNAPSHOT];
        rig_run(rig, 2 * HOUR_NS);
        puts = service_counts(rig->service).by_kind[SERVICE_REQUEST_PUT_SNAPSHOT] - puts;
        tale_expect(&tale, stored_so(rig, "Standard_LRS", NULL) == 4, "%zu are locally redundant",
                    stored_so(rig, "Standard_LRS", NULL));
        tale_expect(&tale, puts <= 4 + 2, "%llu PUTs for 4", (unsigned long long)puts);
        tale_expect(&tale, tale_said(&tale, "are locally redundant there") == 1,
                    "it was told %u times", tale_said(&tale, "are locally redundant there"));
        tale_expect(&tale, tale_said(&tale, "could not be") == 0, "it counts as a failure");
        tale_settle(&tale);
        tale_end(&tale);
}

/* Through private links alone. */
void named_private(struct rig *rig) {
        struct intent want = tale_hourly();
        struct tale tale;

        tale_begin(&tale, rig);
        rig_add_disk(rig, "disk-1");
        want.disk_access = "/subscriptions/" SERVICE_SUBSCRIPTION
                           "/resourceGroups/rg-app/providers/Microsoft.Compute/diskAccesses/da";
        tale_daemon(&tale, &want);
        rig_run(rig, 4 * HOUR_NS + 20 * MINUTE_NS);
        tale_expect(&tale, stored_so(rig, NULL, "AllowPrivate") == 5, "%zu of 5 are private",
                    stored_so(rig, NULL, "AllowPrivate"));
        tale_settle(&tale);
        tale_end(&tale);
}
