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

/* Seconds that must not matter, to a year. */
int64_t event_step_ns(const struct story_event *event);

/* How the events of one kind begin and end. The tables have a row at each kind that is theirs: of the service
 * and the network, of machines, files and disks, of what an operator says, and of hands on snapshots and an
 * operator's orders about them. */
struct event_script {
        /* Returns whether it did. */
        bool (*begin)(struct play *play, const struct story_event *event);
        /* What it took is given back; things may have gone meanwhile. NULL: it does not last, or ends by
         * itself. */
        void (*end)(struct play *play, const struct story_event *event);
};

extern const struct event_script service_events[_EVENT_N], machine_events[_EVENT_N],
        policy_events[_EVENT_N], disk_events[_EVENT_N], operator_events[_EVENT_N],
        hand_events[_EVENT_N];

/* hands.c, beside its events */

bool hand_deletes(struct play *play, const struct story_event *event);
/* A background copy that is under way fails. Returns whether there was one. */
bool hand_fails_copy(struct play *play);
/* At a request of a daemon: the order to hold that waits for it. */
void hand_orders_now(struct play *play, enum network_hook when, const struct network_event *event);
