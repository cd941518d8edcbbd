/*
 * What story_play() and the events share: a story while it is told.
 */
#pragma once

#include "checks-internal.h"
#include "rig-internal.h"
#include "story.h"

#define PLAY_DISK_ID_SIZE 256
#define PLAY_ID_SIZE 512

struct play {
        const struct story *story;
        struct rig rig;
        bool begun[STORY_EVENTS_MAX];
        struct intent wants[RIG_NODES_MAX][STORY_POLICIES_MAX]; /* what each daemon's file says */
        char disks[STORY_DISKS_MAX][PLAY_DISK_ID_SIZE];         /* where each is; "": it is not */
        char subjects[STORY_EVENTS_MAX][PLAY_ID_SIZE]; /* what an event that lasts has taken */
        unsigned turns[STORY_POLICIES_MAX];            /* of names */
        int64_t calm_s;                                /* since the start: when all is over */
        int64_t lag_until_s, rights_until_s, spend_until_s;
        const struct story_event *spends; /* strangers draw by its numbers; NULL: none do */
        unsigned fail_copies;             /* so many of the next background copies */
        bool hold_at_read;                /* the next snapshot that is read */
        enum network_hook hold_when;
        char held_at_read[PLAY_ID_SIZE];
        const struct story_event *order; /* to hold what is read or deleted next; NULL: none */
        uint64_t serial;                 /* of names for strangers */
        struct story_counts *counts;
};

/* The event begins. Returns whether it did: some find nothing to happen to. */
bool event_begin(struct play *play, const struct story_event *event);
void event_end(struct play *play, const struct story_event *event);
/* What other clients ask beside a request of ours, by play->spends. */
void strangers_spend(struct play *play);
/* Makes the disk, tagged, in rg-app. */
void play_add_disk(struct play *play, unsigned disk);
/* Faults' rates: @factor 0 for none. */
void play_noise(struct play *play, uint32_t factor);
/* The node's file becomes what it is to want, and the checks hear of it. @old: the policies' names
 * before, NULL for unchanged. */
void play_reload(struct play *play, unsigned node, const char *const old[STORY_POLICIES_MAX]);
/* All that hands and faults hold is let go. */
void play_calm(struct play *play);

/* Of an event: which daemon's machine, which disk, what it has taken, and a number of its own for each
 * question that it has. */
struct rig_node *event_node(struct play *play, const struct story_event *event);
unsigned event_disk(const struct play *play, const struct story_event *event);
/* Where what the service does is of one subscription. */
const char *event_subscription(const struct play *play, const struct story_event *event);
/* Whether it is of all ARM. */
bool event_is_everywhere(const struct story_event *event);
/* Remembers what it takes. */
void event_take(struct play *play, const struct story_event *event, const char *id);
char *event_subject(struct play *play, const struct story_event *event);
uint64_t event_pick(const struct story_event *event, unsigned question);
struct utc play_now(const struct play *play);

/* hands.c: each says whether it found something to happen to. */
bool hand_deletes(struct play *play, const struct story_event *event);
bool hand_retags(struct play *play, const struct story_event *event);
bool hand_adds(struct play *play, const struct story_event *event);
bool hand_adopts(struct play *play, const struct story_event *event);
/* Holds, locks or opens a SAS. */
bool hand_begins(struct play *play, const struct story_event *event);
bool hand_fails_copy(struct play *play);
bool hand_copies(struct play *play, const struct story_event *event);
/* An order to a daemon to hold one of ours; what it waits for, when it comes; and the end of the hold. */
bool hand_orders_hold(struct play *play, const struct story_event *event);
void hand_orders_now(struct play *play, enum network_hook when, const struct network_event *event);
/* Adds a stranger's, and has a daemon adopt it later. */
bool hand_adds_to_adopt(struct play *play, const struct story_event *event);
bool hand_orders_backups(struct play *play, const struct story_event *event);
void hand_orders_adopt(struct play *play, const struct story_event *event);
void hand_orders_release(struct play *play, const struct story_event *event);
