/*
 * What happens in a generated run, event by event: each begins, and those that last end.
 */
#include "play.h"

#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_S (365 * SEC_PER_DAY)
#define FAILED_WRITES 1000

struct utc play_now(const struct play *play) {
        return sim_true_utc(play->rig.sim);
}

struct rig_node *event_node(struct play *play, const struct story_event *event) {
        return &play->rig.nodes[event->pick % play->rig.n_nodes];
}

unsigned event_disk(const struct play *play, const struct story_event *event) {
        return (unsigned)(event->pick >> 8) % play->story->n_disks;
}

const char *event_subscription(const struct play *play, const struct story_event *event) {
        return play->story->wants[0].two_subscriptions && event_pick(event, 20) % 3 == 0
                       ? CHECKS_OTHER_SUBSCRIPTION
                       : SERVICE_SUBSCRIPTION;
}

bool event_is_everywhere(const struct story_event *event) {
        return event_pick(event, 1) % 3 == 0 &&
               (event->kind == EVENT_AWAY_500 || event->kind == EVENT_AWAY_503 ||
                event->kind == EVENT_THROTTLED);
}

char *event_subject(struct play *play, const struct story_event *event) {
        return play->subjects[event - play->story->events];
}

/* A number of the event's own, for each question another. */
uint64_t event_pick(const struct story_event *event, unsigned question) {
        return sim_mix(event->pick, question);
}

/* The network. */

void play_noise(struct play *play, uint32_t factor) {
        struct network *network = play->rig.network;

        network_stop_faults(network);
        if (factor == 0 || play->story->noise == 0)
                return;
        for (int fault = NETWORK_NOT_SENT; fault < _NETWORK_FAULT_N; fault++) {
                uint32_t rate = 220;

                /* Few requests are fit for these. */
                if (fault == NETWORK_FAILED_CREATE || fault == NETWORK_STUCK_OPERATION ||
                    fault == NETWORK_CONFLICT || fault == NETWORK_FAILED_COPY)
                        rate = 6000;
                network_set_fault(network, (enum network_fault)fault,
                                  MIN(rate * factor * play->story->noise, 200000U));
        }
}

/* Policy files. */

void play_reload(struct play *play, unsigned node, const char *const old[STORY_POLICIES_MAX]) {
        struct strbuf text = {};

        for (unsigned i = 0; i < play->story->n_policies; i++) {
                struct intent intent = play->wants[node][i];

                intent.nodes = 1U << node;
                checks_intend(&play->rig.checks, &intent, old ? old[i] : NULL, play_now(play));
        }
        story_policy(play->wants[node], play->story->n_policies, &text);
        rig_reload(&play->rig.nodes[node], strbuf_str(&text));
        strbuf_deinit(&text);
}

static void reload_all(struct play *play, const char *const old[STORY_POLICIES_MAX]) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                play_reload(play, k, old);
}

static void scale(uint32_t *count, uint64_t by_tenths) {
        if (*count > 0)
                *count = (uint32_t)MAX(UINT64_C(1), *count * by_tenths / 10);
}

static bool change_keep(struct play *play, const struct story_event *event, bool cut) {
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        uint64_t tenths = cut ? 1 + event_pick(event, 2) % 8 : 13 + event_pick(event, 2) % 20;

        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                /* Small enough to stay within chains that are quick to list. */
                if (!cut && want->last + want->hourly + want->daily > 24)
                        return false;
                scale(&want->last, tenths);
                scale(&want->hourly, tenths);
                scale(&want->daily, tenths);
                if (!cut) {
                        want->last++;
                        continue;
                }
                want->within_s =
                        want->within_s > 0 && event_pick(event, 3) % 2 ? 0 : want->within_s;
                if (event_pick(event, 4) % 2 == 0)
                        want->weekly = want->monthly = want->yearly = 0;
        }
        reload_all(play, NULL);
        return true;
}

static bool rename_policy(struct play *play, const struct story_event *event, bool formerly) {
        static const char *const names[STORY_POLICIES_MAX][8] = {
                {"gold", "gold-2", "gold-3", "gold-4", "gold-5", "gold-6", "gold-7", "gold-8"},
                {"silver", "silver-2", "silver-3", "silver-4", "silver-5", "silver-6", "silver-7",
                 "silver-8"},
        };
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        const char *old[STORY_POLICIES_MAX] = {};
        const char *name;

        if (play->turns[policy] + 1 == ARRAY_SIZE(names[0]))
                return false;
        old[policy] = play->wants[0][policy].policy;
        name = names[policy][++play->turns[policy]];
        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                want->formerly[1] = formerly ? want->formerly[0] : NULL;
                want->formerly[0] = formerly ? old[policy] : NULL;
                want->policy = name;
        }
        reload_all(play, old);
        return true;
}

/* Never more slots than before: the run has its bound. */
static bool reschedule(struct play *play, const struct story_event *event) {
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);

        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                if (want->every_s > 0 && want->every_s < 43200)
                        want->every_s = 43200;
                else if (want->every_s > 0)
                        want->every_s = play->story->wants[policy].every_s ?: 86400;
                else
                        want->calendar.minute = (want->calendar.minute + 10) % 60;
        }
        reload_all(play, NULL);
        return true;
}

static void set_zone(struct play *play, const char *zone, const char *posix) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                for (unsigned i = 0; i < play->story->n_policies; i++) {
                        play->wants[k][i].zone = zone;
                        play->wants[k][i].zone_posix = posix;
                }
        reload_all(play, NULL);
}

static bool lose_zone(struct play *play) {
        if (!play->wants[0][0].zone)
                return false;
        rig_lose_zone(&play->rig);
        set_zone(play, NULL, NULL);
        return true;
}

static bool narrow(struct play *play, const char *selects) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                for (unsigned i = 0; i < play->story->n_policies; i++)
                        play->wants[k][i].selects = selects;
        reload_all(play, NULL);
        return true;
}

static void two_minds(struct play *play, unsigned policy, bool begin) {
        unsigned node = play->rig.n_nodes - 1;

        struct intent *want = &play->wants[node][policy];

        want->last = begin ? want->last + 1 : MAX(want->last, 2U) - 1;
        play_reload(play, node, NULL);
}

/* Disks. */

void play_add_disk(struct play *play, unsigned disk) {
        char name[32];
        struct service_tag tag = {(char *)(uintptr_t) "backup", (char *)(uintptr_t) "gold"};
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = name,
                .sku = play->story->skus[disk],
                .encryption_set = play->story->encrypted[disk] ? STORY_SET : NULL,
                .max_shares = play->story->shared[disk] ? 2 : 0,
                .tags = &tag,
                .n_tags = 1,
        };

        snprintf(name, sizeof(name), "disk-%u", disk + 1);
        if (service_add_disk(play->rig.service, play_now(play), &spec, NULL) == 0)
                snprintf(play->disks[disk], sizeof(play->disks[disk]), "%s", rig_disk_id(name));
}

/* To where the disk is now. */
static void note_place(struct play *play, unsigned disk, const char *subscription,
                       const char *group, const char *name) {
        snprintf(play->disks[disk], PLAY_DISK_ID_SIZE,
                 "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/disks/%s",
                 subscription, group, name);
}

/* To the other subscription, under its name and in its group. */
static bool disk_changes_subscription(struct play *play, const struct story_event *event) {
        unsigned disk = event_disk(play, event);
        const struct service_resource *r = service_find(play->rig.service, play->disks[disk]);
        const char *to;
        char name[40];

        if (!play->story->wants[0].two_subscriptions || !r || strcmp(r->group, "rg-app") != 0)
                return false;
        to = checks_place(r->subscription) == 0 ? CHECKS_OTHER_SUBSCRIPTION : SERVICE_SUBSCRIPTION;
        snprintf(name, sizeof(name), "%s", r->name);
        if (service_move_disk(play->rig.service, play_now(play), play->disks[disk], to, NULL,
                              NULL) != 0)
                return false;
        note_place(play, disk, to, "rg-app", name);
        return true;
}

static bool disk_moves(struct play *play, const struct story_event *event, bool back) {
        const struct service_resource *r =
                service_find(play->rig.service, play->disks[event_disk(play, event)]);
        bool here = r && checks_place(r->subscription) == 0;
        unsigned disk = event_disk(play, event);
        char name[32], moved[40];
        const char *group = back ? "rg-app" : event_pick(event, 1) % 3 == 0 ? "rg-other" : "rg-app";
        const char *to = back ? name : moved;

        snprintf(name, sizeof(name), "disk-%u", disk + 1);
        snprintf(moved, sizeof(moved), "%s-moved", name);
        if (service_move_disk(play->rig.service, play_now(play), play->disks[disk], NULL, group,
                              to) != 0)
                return false;
        note_place(play, disk, here ? SERVICE_SUBSCRIPTION : CHECKS_OTHER_SUBSCRIPTION, group, to);
        return true;
}

static bool disk_event(struct play *play, const struct story_event *event) {
        const char *id = play->disks[event_disk(play, event)];
        struct service *service = play->rig.service;
        const struct service_resource *r = service_find(service, id);

        if (!r)
                return false;
        switch ((int)event->kind) {
        case EVENT_DISK_DELETED:
                return service_delete(service, play_now(play), id) == 0;
        case EVENT_DISK_REMADE:
                return service_recreate_disk(service, play_now(play), id, NULL) == 0;
        case EVENT_DISK_RESIZED:
                return service_resize_disk(service, play_now(play), id, r->size_gib * 2) == 0;
        case EVENT_DISK_MOVED:
                return strcmp(r->group, "rg-app") == 0 && !strstr(r->name, "moved") &&
                       checks_place(r->subscription) == 0 &&
                       disk_moves(play, event, /* back= */ false);
        case EVENT_DISK_LOCKED:
                event_take(play, event, id);
                return service_lock(service, play_now(play), id, true) == 0;
        case EVENT_DISK_UNTAGGED:
        case EVENT_DISK_RETIRED:
                event_take(play, event, id);
                return service_set_tag(service, play_now(play), id, "backup",
                                       event_pick(event, 1) % 2 ? NULL : "off") == 0;
        }
        return false;
}

/* The service. */

static const char *rights_group(const struct story_event *event) {
        static const char *const groups[] = {"rg-snapshots", "rg-app", NULL};

        return groups[event_pick(event, 1) % ARRAY_SIZE(groups)];
}

static bool set_rights(struct play *play, const struct story_event *event,
                       enum service_rights rights) {
        play->rig.checks.rights_cut = true;
        play->rights_until_s =
                MAX(play->rights_until_s, event->at_s + event->length_s + CHECKS_SIGHT_S);
        return service_set_rights(play->rig.service, event_subscription(play, event),
                                  rights_group(event), rights) == 0;
}

static bool set_away(struct play *play, const struct story_event *event, enum service_away away) {
        /* For the subscription, or for all of ARM where that can be. */
        const char *subscription =
                event_is_everywhere(event) ? NULL : event_subscription(play, event);

        return service_set_away(play->rig.service, subscription, away,
                                5 + (int64_t)(event_pick(event, 2) % 600),
                                utc_add_seconds(play_now(play), event->length_s)) == 0;
}

static bool set_key(struct play *play, const struct story_event *event) {
        static const enum service_key keys[] = {SERVICE_KEY_DISABLED, SERVICE_KEY_FORBIDDEN,
                                                SERVICE_KEY_UNREADABLE};
        bool any = false;

        for (unsigned i = 0; i < play->story->n_disks; i++)
                any |= play->story->encrypted[i];
        return any && service_set_key(play->rig.service, STORY_SET,
                                      keys[event_pick(event, 1) % ARRAY_SIZE(keys)]) == 0;
}

/* What they take is back when the windows that it was taken from are over. */
static bool begin_spending(struct play *play, const struct story_event *event) {
        play->spends = event;
        play->rig.checks.strangers_spend = true;
        play->spend_until_s =
                MAX(play->spend_until_s, event->at_s + event->length_s + SEC_PER_HOUR);
        return true;
}

/* Of some kinds of request so many that the daemons see little left, or nothing. */
void strangers_spend(struct play *play) {
        static const struct {
                enum service_request_kind kind;
                const char *region; /* listings count in none */
                uint32_t most;      /* in 3 minutes (FACTS section 9) */
        } drawn[] = {
                {SERVICE_REQUEST_PUT_SNAPSHOT, SERVICE_REGION, 1000},
                {SERVICE_REQUEST_DELETE_SNAPSHOT, SERVICE_REGION, 3000},
                {SERVICE_REQUEST_LIST_SNAPSHOTS, "", 240},
                {SERVICE_REQUEST_GET_SNAPSHOT, SERVICE_REGION, 15000},
        };
        static const unsigned parts[] = {1, 2, 5, 20, 60};

        for (unsigned i = 0; i < ARRAY_SIZE(drawn); i++) {
                uint64_t pick = event_pick(play->spends, 10 + i);

                if (pick % 2 == 0)
                        rig_must(
                                service_spend(play->rig.service, play_now(play),
                                              SERVICE_SUBSCRIPTION, drawn[i].region, drawn[i].kind,
                                              drawn[i].most / parts[pick / 2 % ARRAY_SIZE(parts)]));
        }
}

/* From seconds that must not matter to a year. */
static int64_t step_of(const struct story_event *event) {
        static const int64_t steps[] = {20,    50, 75, 600, 3600, 7200, 90000, 40 * SEC_PER_DAY,
                                        YEAR_S};

        return steps[event_pick(event, 1) % ARRAY_SIZE(steps)] * NSEC_PER_SEC;
}

static bool state_event(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        if (event->kind == EVENT_STATE_LOST) {
                rig_lose_state(node);
                return true;
        }
        if (event->kind == EVENT_STATE_DAMAGED)
                return rig_damage_state(node, event_pick(event, 1));
        checks_state_lost(&play->rig.checks, node->number, /* certain= */ false, play_now(play));
        if (event->kind == EVENT_STATE_FAILS)
                sim_store_fail(node->store, FAILED_WRITES, -ENOSPC);
        else
                sim_store_tear_next(node->store);
        return true;
}

/* The operator. */

/* A generation that no target selects, of which there are some of ours. */
static bool retire(struct play *play, const struct story_event *event) {
        for (struct seen_chain *chain = play->rig.checks.chains; chain; chain = chain->next)
                if (chain->n > 0 &&
                    (!chain->disk || !intent_selects(&play->wants[0][0], chain->disk)) &&
                    rig_retire(event_node(play, event), &chain->generation))
                        return true;
        return false;
}

static bool break_invariant(struct play *play, const struct story_event *event) {
        const struct service_resource *disk =
                service_find(play->rig.service, play->disks[event_disk(play, event)]);

        if (!disk || !event_node(play, event)->engine)
                return false;
        rig_break_invariant(event_node(play, event), &disk->unique_id);
        return true;
}

bool event_begin(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);
        struct rig *rig = &play->rig;
        int64_t lag_s;

        switch (event->kind) {
        case EVENT_NOISE:
                play_noise(play, 4 + (uint32_t)(event_pick(event, 1) % 40));
                return true;
        case EVENT_CREATES_FAIL:
                network_set_fault(rig->network, NETWORK_FAILED_CREATE, 1000000);
                return true;
        case EVENT_CUT:
                network_link_cut(node->link, true);
                return true;
        case EVENT_LAG:
                lag_s = 60 + (int64_t)(event_pick(event, 1) % 1200);
                /* That of another subscription may be longer, and go on. */
                rig->checks.lag_s = MAX(rig->checks.lag_s, lag_s);
                play->lag_until_s =
                        MAX(play->lag_until_s, event->at_s + event->length_s + CHECKS_SIGHT_S);
                return service_set_listing_lag(rig->service, play_now(play),
                                               event_subscription(play, event),
                                               lag_s * NSEC_PER_SEC) == 0;
        case EVENT_UNLISTED:
                return set_rights(play, event, SERVICE_RIGHTS_UNLISTED);
        case EVENT_NO_RIGHTS:
                return set_rights(play, event, SERVICE_RIGHTS_NONE);
        case EVENT_READ_ONLY:
                return set_rights(play, event, SERVICE_RIGHTS_READ);
        case EVENT_FORBIDDEN:
                return service_forbid(rig->service, event_subscription(play, event), true) == 0;
        case EVENT_AWAY_500:
                return set_away(play, event, SERVICE_AWAY_500);
        case EVENT_AWAY_503:
                return set_away(play, event, SERVICE_AWAY_503);
        case EVENT_THROTTLED:
                return set_away(play, event, SERVICE_THROTTLED);
        case EVENT_UNKNOWN:
                return set_away(play, event, SERVICE_UNKNOWN);
        case EVENT_DISABLED:
                return set_away(play, event, SERVICE_DISABLED);
        case EVENT_QUOTA:
                return service_set_quota(rig->service, event_subscription(play, event), 1) == 0;
        case EVENT_KEY:
                return set_key(play, event);
        case EVENT_STRANGERS_SPEND:
                return begin_spending(play, event);
        case EVENT_TOKENS:
                service_expire_tokens(rig->service);
                return true;
        case EVENT_SERVICE_CLOCK:
                service_set_clock_error(rig->service, event_pick(event, 2) % 2 ? step_of(event)
                                                                               : -step_of(event));
                return true;
        case EVENT_CLOCK_FORWARD:
                rig_step_clock(node, step_of(event));
                return true;
        case EVENT_CLOCK_BACK:
                rig_step_clock(node, -step_of(event));
                return true;
        case EVENT_SUSPEND:
                rig_suspend(node);
                return true;
        case EVENT_KILL:
                if (!node->engine)
                        return false;
                rig_kill(node, event->length_s * NSEC_PER_SEC);
                return true;
        case EVENT_KILL_BEFORE:
        case EVENT_KILL_AFTER:
                rig->kill_at = network_requests(rig->network) + 1 + event_pick(event, 1) % 40;
                rig->kill_when = event->kind == EVENT_KILL_BEFORE ? NETWORK_BEFORE_EFFECT
                                                                  : NETWORK_AFTER_EFFECT;
                rig->kill_down_ns = event->length_s * NSEC_PER_SEC;
                return true;
        case EVENT_STATE_LOST:
        case EVENT_STATE_FAILS:
        case EVENT_STATE_TORN:
        case EVENT_STATE_DAMAGED:
                return state_event(play, event);
        case EVENT_KEEP_CUT:
                return change_keep(play, event, /* cut= */ true);
        case EVENT_KEEP_RELAXED:
                return change_keep(play, event, /* cut= */ false);
        case EVENT_RENAMED:
                return rename_policy(play, event, /* formerly= */ true);
        case EVENT_RENAMED_BARE:
                return rename_policy(play, event, /* formerly= */ false);
        case EVENT_RESCHEDULED:
                return reschedule(play, event);
        case EVENT_NARROWED:
                return narrow(play, "none-such");
        case EVENT_TWO_MINDS:
                two_minds(play, (unsigned)(event_pick(event, 1) % play->story->n_policies), true);
                return true;
        case EVENT_DISK_DELETED:
        case EVENT_DISK_REMADE:
        case EVENT_DISK_RESIZED:
        case EVENT_DISK_MOVED:
        case EVENT_DISK_LOCKED:
        case EVENT_DISK_UNTAGGED:
        case EVENT_DISK_RETIRED:
                return disk_event(play, event);
        case EVENT_STRANGERS:
                return hand_adds(play, event);
        case EVENT_HAND_DELETES:
                return hand_deletes(play, event);
        case EVENT_HAND_RETAGS:
                return hand_retags(play, event);
        case EVENT_HAND_HOLDS:
        case EVENT_HAND_LOCKS:
        case EVENT_HAND_READS:
                return hand_begins(play, event);
        case EVENT_HAND_HOLDS_AT_READ:
                play->hold_at_read = true;
                play->hold_when =
                        event_pick(event, 1) % 2 ? NETWORK_BEFORE_EFFECT : NETWORK_AFTER_EFFECT;
                return true;
        case EVENT_HAND_COPIES:
                return hand_copies(play, event);
        case EVENT_COPY_FAILS:
                /* Counted when it strikes: copies are under way for minutes only. */
                play->fail_copies++;
                return false;
        case EVENT_ACK:
                return rig_ack_all(node) > 0;
        case EVENT_PAUSE:
        case EVENT_PAUSE_ALL:
                rig_pause(node, event->kind == EVENT_PAUSE_ALL, event->length_s * NSEC_PER_SEC);
                return true;
        case EVENT_APPLY:
                return rig_apply(node);
        case EVENT_RETIRE:
                return retire(play, event);
        case EVENT_ADOPT:
                return hand_adopts(play, event);
        case EVENT_INVARIANT:
                return break_invariant(play, event);
        case EVENT_PRUNER_REFUSED:
                return play->story->wants[0].two_identities &&
                       service_set_role(rig->service, RIG_PRUNER, SERVICE_ROLE_NONE) == 0;
        case EVENT_ORDER_HOLD:
                return hand_orders_hold(play, event);
        case EVENT_ORDER_ADOPT:
                return hand_adds_to_adopt(play, event);
        case EVENT_ORDER_BACKUP:
                return hand_orders_backups(play, event);
        case EVENT_ZONE_LOST:
                return lose_zone(play);
        case EVENT_DISK_MOVED_AWAY:
                return disk_changes_subscription(play, event);
        case _EVENT_N:
                break;
        }
        abort();
}

/* Those that lasted: what they took is given back. Things may have gone meanwhile. */
void event_end(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);
        struct service *service = play->rig.service;
        const char *subject = event_subject(play, event);
        const struct service_resource *r;

        switch ((int)event->kind) {
        case EVENT_NOISE:
        case EVENT_CREATES_FAIL:
                play_noise(play, 1);
                break;
        case EVENT_CUT:
                network_link_cut(node->link, false);
                break;
        case EVENT_LAG:
                service_set_listing_lag(service, play_now(play), event_subscription(play, event),
                                        -1);
                break;
        case EVENT_UNLISTED:
        case EVENT_NO_RIGHTS:
        case EVENT_READ_ONLY:
                service_set_rights(service, event_subscription(play, event), rights_group(event),
                                   SERVICE_RIGHTS_INHERITED);
                break;
        case EVENT_FORBIDDEN:
                service_forbid(service, event_subscription(play, event), false);
                break;
        case EVENT_QUOTA:
                service_set_quota(service, event_subscription(play, event), 0);
                break;
        case EVENT_KEY:
                rig_must(service_set_key(service, STORY_SET, SERVICE_KEY_USABLE));
                break;
        case EVENT_STRANGERS_SPEND:
                play->spends = NULL;
                break;
        case EVENT_SERVICE_CLOCK:
                service_set_clock_error(service, 0);
                break;
        case EVENT_CLOCK_FORWARD:
        case EVENT_CLOCK_BACK:
                rig_step_clock(node, -sim_node_clock_error_ns(node->machine));
                break;
        case EVENT_SUSPEND:
                rig_resume(node);
                break;
        case EVENT_STATE_FAILS:
        case EVENT_STATE_TORN:
                sim_store_fail(node->store, 0, 0);
                checks_state_lost(&play->rig.checks, node->number, /* certain= */ false,
                                  play_now(play));
                break;
        case EVENT_NARROWED:
                narrow(play, "gold");
                break;
        case EVENT_TWO_MINDS:
                two_minds(play, (unsigned)(event_pick(event, 1) % play->story->n_policies), false);
                break;
        case EVENT_DISK_DELETED:
                play_add_disk(play, event_disk(play, event));
                break;
        case EVENT_DISK_MOVED:
                disk_moves(play, event, /* back= */ true);
                break;
        case EVENT_DISK_LOCKED:
        case EVENT_HAND_LOCKS:
                service_lock(service, play_now(play), subject, false);
                break;
        case EVENT_DISK_RETIRED:
                r = service_find(service, subject);
                if (r)
                        (void)rig_retire(node, &r->unique_id); /* a dead daemon takes no word */
                service_set_tag(service, play_now(play), subject, "backup", "gold");
                break;
        case EVENT_DISK_UNTAGGED:
                service_set_tag(service, play_now(play), subject, "backup", "gold");
                break;
        case EVENT_HAND_HOLDS:
                service_set_tag(service, play_now(play), subject, "snapkeep-hold", NULL);
                break;
        case EVENT_HAND_HOLDS_AT_READ:
                if (play->held_at_read[0])
                        service_set_tag(service, play_now(play), play->held_at_read,
                                        "snapkeep-hold", NULL);
                break;
        case EVENT_HAND_READS:
                service_revoke(service, play_now(play), subject);
                break;
        case EVENT_PAUSE:
        case EVENT_PAUSE_ALL:
        case EVENT_STATE_DAMAGED:
                rig_unpause(node);
                break;
        case EVENT_INVARIANT:
                rig_kill(node, 5 * NSEC_PER_SEC);
                break;
        case EVENT_PRUNER_REFUSED:
                rig_must(service_set_role(service, RIG_PRUNER, SERVICE_ROLE_PRUNER));
                break;
        case EVENT_ORDER_HOLD:
                hand_orders_release(play, event);
                break;
        case EVENT_ORDER_ADOPT:
                hand_orders_adopt(play, event);
                break;
        case EVENT_ZONE_LOST:
                rig_restore_zone(&play->rig);
                set_zone(play, RIG_ZONE, RIG_ZONE_POSIX);
                break;
        case EVENT_DISK_MOVED_AWAY:
                if (event_pick(event, 1) % 2)
                        disk_changes_subscription(play, event);
                break;
        default: /* the others do not last, or end by themselves */
                break;
        }
}
