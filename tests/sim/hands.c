/*
 * What hands do to snapshots in a generated run: delete, hold, lock, read, re-tag, add, copy and adopt, and
 * what they order the daemons to do.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_SNAPSHOTS "/subscriptions/" SERVICE_SUBSCRIPTION "/resourceGroups/rg-snapshots"

/* One of ours that lives, by the event's number; NULL when there is none. */
static struct seen_snapshot *ours_of(struct play *play, uint64_t number, bool complete) {
        struct seen_snapshot *found[512];
        size_t n = 0;

        checks_step(&play->rig.checks, play->rig.service, play_now(play));
        for (struct seen_chain *chain = play->rig.checks.chains; chain; chain = chain->next)
                for (size_t i = 0; i < chain->n && n < ARRAY_SIZE(found); i++)
                        if (chain->items[i]->shaped && chain->items[i]->r->created_by_client != 0 &&
                            (!complete ||
                             service_resource_is_complete(chain->items[i]->r, play_now(play))))
                                found[n++] = chain->items[i];
        return n > 0 ? found[number % n] : NULL;
}

bool hand_deletes(struct play *play, const struct story_event *event) {
        unsigned n = 1 + (unsigned)(event_pick(event, 1) % 7), done = 0;

        for (unsigned i = 0; i < n; i++) {
                struct seen_snapshot *s =
                        ours_of(play, event_pick(event, 10 + i), /* complete= */ true);

                done += s && service_delete(play->rig.service, play_now(play), s->r->id) == 0;
        }
        return done > 0;
}

static bool hand_retags(struct play *play, const struct story_event *event) {
        static const struct {
                const char *name, *value;
        } changes[] = {{"snapkeep-owner", "somebody-else"},
                       {"snapkeep-policy", "bronze"},
                       {"snapkeep-slot", NULL},
                       {"snapkeep-version", NULL},
                       {"cost-center", "4711"},
                       {"snapkeep-generation", "none"}};
        size_t change = event_pick(event, 1) % ARRAY_SIZE(changes);
        struct seen_snapshot *s = ours_of(play, event_pick(event, 2), /* complete= */ false);

        return s && service_set_tag(play->rig.service, play_now(play), s->r->id,
                                    changes[change].name, changes[change].value) == 0;
}

/* The event's disk, if it is in its group and a snapshot of it is complete at once: one that a hand
 * makes of an Ultra or Premium SSD v2 disk would copy for ever in the model. */
static const struct service_resource *plain_disk_of(const struct play *play,
                                                    const struct story_event *event) {
        const struct service_resource *disk =
                service_find(play->rig.service, play->disks[event_disk(play, event)]);

        return disk && strcmp(disk->group, "rg-app") == 0 &&
                               checks_place(disk->subscription) == 0 && !strstr(disk->sku, "V2") &&
                               !strstr(disk->sku, "Ultra")
                       ? disk
                       : NULL;
}

/* In all that can be seen like one of ours, but for one thing. */
static bool hand_adds(struct play *play, const struct story_event *event) {
        static const char *const nothing[] = {NULL};
        static const char *const other_owner[] = {"snapkeep-version",
                                                  "1",
                                                  "snapkeep-owner",
                                                  "staging-backup",
                                                  "snapkeep-policy",
                                                  "gold",
                                                  "snapkeep-slot",
                                                  "20261001T000000Z",
                                                  "snapkeep-keep",
                                                  "last=1;pick=first;zone=UTC",
                                                  "snapkeep-generation",
                                                  "@",
                                                  "snapkeep-disk",
                                                  "x/rg-app/disk-1",
                                                  NULL};
        static const char *const our_tags[] = {"snapkeep-version",
                                               "1",
                                               "snapkeep-owner",
                                               "prod-backup",
                                               "snapkeep-policy",
                                               "gold",
                                               "snapkeep-slot",
                                               "20261001T000000Z",
                                               "snapkeep-keep",
                                               "last=1;pick=first;zone=UTC",
                                               "snapkeep-generation",
                                               "@",
                                               "snapkeep-disk",
                                               "x/rg-app/disk-1",
                                               NULL};
        static const char *const owner_alone[] = {"snapkeep-owner", "prod-backup", NULL};
        static const char *const *const sets[] = {nothing, other_owner, our_tags, owner_alone};
        const struct service_resource *disk = plain_disk_of(play, event);
        char name[64];

        if (!disk)
                return false;
        snprintf(name, sizeof(name), "stranger-%llu", (unsigned long long)++play->serial);
        rig_add_snapshot(&play->rig, name, disk->name,
                         sets[event_pick(event, 1) % ARRAY_SIZE(sets)]);
        return true;
}

/* An operator gives a stranger our tags and its own number: from then on it is ours. */
static bool hand_adopts(struct play *play, const struct story_event *event) {
        const struct intent *want = &play->wants[0][0];
        const struct service_resource *disk = plain_disk_of(play, event);
        char own[GUID_TEXT_SIZE], slot[UTC_SLOT_SIZE], name[64], rule[TAG_TEXT_MAX];
        const char *tags[] = {"snapkeep-version",
                              "1",
                              "snapkeep-owner",
                              want->owner,
                              "snapkeep-policy",
                              want->policy,
                              "snapkeep-slot",
                              slot,
                              "snapkeep-keep",
                              rule,
                              "snapkeep-generation",
                              "@",
                              "snapkeep-disk",
                              SERVICE_SUBSCRIPTION "/rg-app/disk-1",
                              NULL};
        const struct service_resource *r;
        char id[PLAY_ID_SIZE];

        if (!disk)
                return false;
        intent_rule(want, rule);
        utc_format_slot(utc_from_seconds(utc_seconds(play_now(play)) / 60 * 60), slot);
        snprintf(name, sizeof(name), "by-hand-%llu", (unsigned long long)++play->serial);
        rig_add_snapshot(&play->rig, name, disk->name, tags);
        snprintf(id, sizeof(id), GROUP_SNAPSHOTS "/providers/Microsoft.Compute/snapshots/%s", name);
        r = service_find(play->rig.service, id);
        return r && service_set_tag(play->rig.service, play_now(play), id, "snapkeep-adopted",
                                    guid_format(&r->unique_id, own)) == 0;
}

/* Holds, locks or opens a SAS. */
static bool hand_begins(struct play *play, const struct story_event *event) {
        bool complete = event->kind == EVENT_HAND_READS;
        struct seen_snapshot *s = ours_of(play, event_pick(event, 1), complete);
        struct service *service = play->rig.service;
        int r = 0;

        if (!s)
                return false;
        event_take(play, event, s->r->id);
        if (event->kind == EVENT_HAND_HOLDS)
                r = service_merge_tag(service, play_now(play), s->r->id, "snapkeep-hold", "audit");
        else if (event->kind == EVENT_HAND_LOCKS)
                r = service_lock(service, play_now(play), s->r->id, true);
        else
                r = service_grant(service, play_now(play), s->r->id, event->length_s);
        return r == 0;
}

static void hand_lets_go(struct play *play, const struct story_event *event) {
        service_set_tag(play->rig.service, play_now(play), event_subject(play, event),
                        "snapkeep-hold", NULL);
}

static void hand_unlocks(struct play *play, const struct story_event *event) {
        service_lock(play->rig.service, play_now(play), event_subject(play, event), false);
}

static void hand_revokes(struct play *play, const struct story_event *event) {
        service_revoke(play->rig.service, play_now(play), event_subject(play, event));
}

static bool hand_holds_at_read(struct play *play, const struct story_event *event) {
        play->hold_at_read = true;
        play->hold_when = event_pick(event, 1) % 2 ? NETWORK_BEFORE_EFFECT : NETWORK_AFTER_EFFECT;
        return true;
}

static void hand_lets_go_what_was_read(struct play *play, const struct story_event *event) {
        if (play->held_at_read[0])
                service_set_tag(play->rig.service, play_now(play), play->held_at_read,
                                "snapkeep-hold", NULL);
}

/* Orders a daemon to hold one of ours: at once, or when what it waits for comes (hand_orders_now()). */
static bool hand_orders_hold(struct play *play, const struct story_event *event) {
        struct seen_snapshot *s = ours_of(play, event_pick(event, 1), /* complete= */ true);

        if (event_pick(event, 2) % 3 > 0) {
                play->order = event;
                return true;
        }
        if (!s || !rig_hold(event_node(play, event), s->r->id, "audit"))
                return false;
        event_take(play, event, s->r->id);
        return true;
}

/* Just before or just after the effect of that request, to the daemon that has sent it or to the other. */
void hand_orders_now(struct play *play, enum network_hook when, const struct network_event *event) {
        const struct story_event *order = play->order;
        enum service_request_kind wanted = event_pick(order, 3) % 3
                                                   ? SERVICE_REQUEST_GET_SNAPSHOT
                                                   : SERVICE_REQUEST_DELETE_SNAPSHOT;
        enum network_hook moment =
                event_pick(order, 4) % 2 ? NETWORK_BEFORE_EFFECT : NETWORK_AFTER_EFFECT;
        unsigned node =
                event_pick(order, 5) % 2 ? event->node - 1 : event_node(play, order)->number - 1;
        const char *path = event->url ? strstr(event->url, "/subscriptions/") : NULL;
        char id[PLAY_ID_SIZE];

        if (event->kind != wanted || when != moment || !path)
                return;
        snprintf(id, sizeof(id), "%.*s", (int)strcspn(path, "?"), path);
        play->order = NULL;
        if (rig_hold(&play->rig.nodes[node], id, "audit"))
                event_take(play, order, id);
}

/* Adds a stranger's; when the event ends a daemon is told to adopt it. */
static bool hand_adds_to_adopt(struct play *play, const struct story_event *event) {
        const struct service_resource *disk = plain_disk_of(play, event);
        char name[64], id[PLAY_ID_SIZE];

        if (!disk)
                return false;
        snprintf(name, sizeof(name), "to-adopt-%llu", (unsigned long long)++play->serial);
        rig_add_by_hand(&play->rig, name, disk->name);
        snprintf(id, sizeof(id), GROUP_SNAPSHOTS "/providers/Microsoft.Compute/snapshots/%s", name);
        event_take(play, event, id);
        return true;
}

/* Mostly for hours, so that its date comes while the run goes on. */
static bool hand_orders_backups(struct play *play, const struct story_event *event) {
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        int64_t hours = 1 + (int64_t)(event_pick(event, 2) % (event_pick(event, 3) % 3 ? 30 : 300));
        const char *disk = play->disks[event_disk(play, event)];
        bool taken = false;

        for (unsigned k = 0; disk[0] && k < play->rig.n_nodes; k++) {
                struct rig_node *node = &play->rig.nodes[k];
                /* The other daemon hears of another date, now and then: the name is the same. */
                int64_t keep_s = (hours + (event_pick(event, 5 + k) % 4 == 0)) * SEC_PER_HOUR;

                if (node != event_node(play, event) && event_pick(event, 4) % 2)
                        continue;
                taken |= rig_backup(node, disk, keep_s, play->wants[k][policy].policy);
        }
        return taken;
}

/* It may be refused: the disk is gone or selected no more, or the daemon is dead. */
static void hand_orders_adopt(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        (void)rig_adopt(node, event_subject(play, event), play->wants[node->number - 1][0].policy);
}

/* Where no daemon takes the order, a hand does it. */
static void hand_orders_release(struct play *play, const struct story_event *event) {
        const char *id = event_subject(play, event);

        if (play->order == event)
                play->order = NULL;
        if (id[0] && !rig_release(event_node(play, event), id))
                (void)service_set_tag(play->rig.service, play_now(play), id, "snapkeep-hold", NULL);
}

static bool hand_copies(struct play *play, const struct story_event *event) {
        struct seen_snapshot *s = ours_of(play, event_pick(event, 1), /* complete= */ true);
        bool tagged = event_pick(event, 2) % 3 == 0;
        char name[64];
        struct service_snapshot_spec spec = {
                .group = event_pick(event, 3) % 2 ? "rg-snapshots" : "rg-other",
                .name = name,
                .region = "northeurope",
                .create_option = "CopyStart",
                .copy_ns = event->length_s * NSEC_PER_SEC,
        };

        if (!s)
                return false;
        snprintf(name, sizeof(name), "copy-by-hand-%llu", (unsigned long long)++play->serial);
        spec.subscription = s->r->subscription;
        spec.source_id = s->r->id;
        spec.source_unique_id = s->r->unique_id;
        spec.tags = tagged ? s->r->tags : NULL;
        spec.n_tags = tagged ? s->r->n_tags : 0;
        return service_add_snapshot(play->rig.service, play_now(play), &spec, NULL) == 0;
}

/* Copies of Ultra and Premium SSD v2 snapshots are under way for minutes: the newest may be. */
bool hand_fails_copy(struct play *play) {
        for (struct seen_chain *chain = play->rig.checks.chains; chain; chain = chain->next)
                for (size_t i = chain->n; i-- > 0;) {
                        const struct service_resource *r = chain->items[i]->r;

                        /* Asked with each request: most are told by their time alone. */
                        if (play_now(play).ticks < r->copied_at.ticks &&
                            service_fail_copy(play->rig.service, play_now(play), r->id) == 0)
                                return true;
                }
        return false;
}

static bool copy_fails(struct play *play, const struct story_event *event) {
        /* Counted when it strikes: copies are under way for minutes only. */
        play->fail_copies++;
        return false;
}

const struct event_script hand_events[_EVENT_N] = {
        [EVENT_STRANGERS] = {.begin = hand_adds},
        [EVENT_HAND_DELETES] = {.begin = hand_deletes},
        [EVENT_HAND_HOLDS] = {hand_begins, hand_lets_go},
        [EVENT_HAND_HOLDS_AT_READ] = {hand_holds_at_read, hand_lets_go_what_was_read},
        [EVENT_HAND_RETAGS] = {.begin = hand_retags},
        [EVENT_HAND_LOCKS] = {hand_begins, hand_unlocks},
        [EVENT_HAND_READS] = {hand_begins, hand_revokes},
        [EVENT_HAND_COPIES] = {.begin = hand_copies},
        [EVENT_COPY_FAILS] = {.begin = copy_fails},
        [EVENT_ADOPT] = {.begin = hand_adopts},
        [EVENT_ORDER_HOLD] = {hand_orders_hold, hand_orders_release},
        [EVENT_ORDER_ADOPT] = {hand_adds_to_adopt, hand_orders_adopt},
        [EVENT_ORDER_BACKUP] = {.begin = hand_orders_backups},
};
