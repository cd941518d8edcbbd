/*
 * What is done to the disks in a generated run: they are deleted, made again, moved, locked and re-tagged.
 */
#include "play.h"

#include <stdio.h>
#include <string.h>

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

static bool begin_disk_event(struct play *play, const struct story_event *event) {
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

static void add_again(struct play *play, const struct story_event *event) {
        play_add_disk(play, event_disk(play, event));
}

static void move_back(struct play *play, const struct story_event *event) {
        disk_moves(play, event, /* back= */ true);
}

static void unlock(struct play *play, const struct story_event *event) {
        service_lock(play->rig.service, play_now(play), event_subject(play, event), false);
}

static void tag_again(struct play *play, const struct story_event *event) {
        service_set_tag(play->rig.service, play_now(play), event_subject(play, event), "backup",
                        "gold");
}

static void retire_and_tag_again(struct play *play, const struct story_event *event) {
        const struct service_resource *r =
                service_find(play->rig.service, event_subject(play, event));

        if (r)
                /* A dead daemon takes no word. */
                (void)rig_retire(event_node(play, event), &r->unique_id);
        tag_again(play, event);
}

static void perhaps_return(struct play *play, const struct story_event *event) {
        if (event_pick(event, 1) % 2)
                disk_changes_subscription(play, event);
}

const struct event_script disk_events[_EVENT_N] = {
        [EVENT_DISK_DELETED] = {begin_disk_event, add_again},
        [EVENT_DISK_REMADE] = {.begin = begin_disk_event},
        [EVENT_DISK_RESIZED] = {.begin = begin_disk_event},
        [EVENT_DISK_MOVED] = {begin_disk_event, move_back},
        [EVENT_DISK_LOCKED] = {begin_disk_event, unlock},
        [EVENT_DISK_UNTAGGED] = {begin_disk_event, tag_again},
        [EVENT_DISK_RETIRED] = {begin_disk_event, retire_and_tag_again},
        [EVENT_DISK_MOVED_AWAY] = {disk_changes_subscription, perhaps_return},
};
