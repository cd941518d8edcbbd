/*
 * story: a generated run, as a list of what happens. story_generate() is a pure function of the seed;
 * story_play() tells it on a rig, with all checks. In between the list may be shortened: an event
 * taken away shifts no other, since each brings its own numbers.
 *
 * A story has 1 to 4 disks, one or two policies, subscriptions and daemons, 27 days in which everything
 * happens and three of calm in which all must come right. It has at most STORY_CYCLES_MAX slots.
 */
#pragma once

#include "rig.h"

#include "base/json_writer.h"

#define STORY_CYCLES_MAX 500
#define STORY_DAYS 30
#define STORY_CALM_DAYS 3
#define STORY_DISKS_MAX 4
#define STORY_POLICIES_MAX 2
#define STORY_EVENTS_MAX 256
#define STORY_SPARED_MAX 4096

#define STORY_SET                                                                                  \
        "/subscriptions/" SERVICE_SUBSCRIPTION                                                     \
        "/resourceGroups/rg-app/providers/Microsoft.Compute/diskEncryptionSets/des-1"

enum event_kind {
        /* The network: rates of all its faults. */
        EVENT_NOISE,
        EVENT_CREATES_FAIL, /* every snapshot ends Failed, and all else goes on */
        EVENT_CUT,
        /* The service. */
        EVENT_LAG,
        EVENT_FLAPS,     /* some pages lag and some do not */
        EVENT_UNLISTED,  /* listings filtered: of disks, of snapshots, or both */
        EVENT_NO_RIGHTS, /* and single requests refused */
        EVENT_READ_ONLY,
        EVENT_FORBIDDEN,
        EVENT_AWAY_500,
        EVENT_AWAY_503,
        EVENT_THROTTLED,
        EVENT_UNKNOWN,
        EVENT_DISABLED,
        EVENT_QUOTA,
        EVENT_KEY, /* of the encryption set that some disks have: disabled, out of reach, unreadable */
        EVENT_STRANGERS_SPEND, /* other clients draw from Azure's buckets with every request of ours */
        EVENT_TOKENS,          /* all handed out so far expire */
        EVENT_SERVICE_CLOCK,
        /* Machines. */
        EVENT_CLOCK_FORWARD,
        EVENT_CLOCK_BACK,
        EVENT_SUSPEND,
        EVENT_KILL,
        EVENT_KILL_BEFORE, /* at the next request but some, before its effect */
        EVENT_KILL_AFTER,
        EVENT_STATE_LOST,
        EVENT_STATE_FAILS,
        EVENT_STATE_TORN,
        EVENT_STATE_DAMAGED, /* cut off while the daemon is down; when it ends somebody resumes */
        /* Policy files. */
        EVENT_KEEP_CUT,
        EVENT_KEEP_RELAXED,
        EVENT_RENAMED,      /* with formerly */
        EVENT_RENAMED_BARE, /* without */
        EVENT_RESCHEDULED,
        EVENT_NARROWED,
        EVENT_TWO_MINDS, /* one daemon has another rule for a while; with one daemon: it alternates */
        /* Disks. */
        EVENT_DISK_DELETED, /* and made again later, under its name */
        EVENT_DISK_REMADE,
        EVENT_DISK_RESIZED,
        EVENT_DISK_MOVED,
        EVENT_DISK_LOCKED,
        EVENT_DISK_UNTAGGED,
        EVENT_DISK_RETIRED, /* untagged, retired when that ends, and given its tag back at once */
        /* Hands on snapshots. */
        EVENT_STRANGERS,
        EVENT_HAND_DELETES,
        EVENT_HAND_HOLDS,
        EVENT_HAND_HOLDS_AT_READ, /* between the re-read's arrival and the DELETE, or just before */
        EVENT_HAND_RETAGS,
        EVENT_HAND_LOCKS,
        EVENT_HAND_READS,  /* opens a SAS */
        EVENT_HAND_COPIES, /* to another region, which takes so long; the copy may have our tags */
        EVENT_COPY_FAILS,
        /* The operator: words, not faults. */
        EVENT_ACK,
        EVENT_PAUSE,
        EVENT_PAUSE_ALL,
        EVENT_APPLY,
        EVENT_RETIRE,
        EVENT_ADOPT,
        EVENT_INVARIANT,
        EVENT_PRUNER_REFUSED, /* the identity for deletions has no role; where there are two */
        EVENT_ORDER_HOLD,     /* at once, or when a daemon has read a victim again or deletes it */
        EVENT_ORDER_ADOPT, /* a hand adds one, and when the event ends a daemon is told to adopt it */
        EVENT_ORDER_BACKUP, /* of one daemon, or of each at once */
        /* Of the world, where there are two subscriptions: to the other one, and back or not. */
        EVENT_DISK_MOVED_AWAY,
        EVENT_ZONE_LOST, /* of the file, which has UTC in place of it until it is installed again */
        _EVENT_N,
        _EVENT_FIRST_WORD = EVENT_ACK,
};

const char *event_name(enum event_kind kind);

struct story_event {
        enum event_kind kind;
        int64_t at_s; /* since the start */
        int64_t length_s;
        uint64_t pick; /* what the event chooses by */
};

struct story_spared {
        unsigned node;
        uint64_t request;
        uint32_t nth;
};

struct story {
        uint64_t seed;
        int64_t start_s;
        int days; /* less when shrunk */
        unsigned n_disks, n_policies, n_nodes;
        const char *skus[STORY_DISKS_MAX];
        bool encrypted[STORY_DISKS_MAX]; /* with the key of STORY_SET */
        bool shared[STORY_DISKS_MAX];
        struct intent wants[STORY_POLICIES_MAX];
        size_t page_size;                                       /* of listings; 0: as by default */
        uint32_t empty_pages;                                   /* in 100, before the real one */
        bool bare_accepted, no_operation_urls, repeated_is_200; /* sim/service.h */
        int64_t tagging_s; /* a change of tags is an operation of so long; 0: done at once */
        uint32_t noise;    /* faults' rates, a multiple of the least; 0 when shrunk */
        struct story_event events[STORY_EVENTS_MAX];
        size_t n_events;
        struct story_spared *spared; /* [STORY_SPARED_MAX], or NULL */
        size_t n_spared;
};

/* What of Azure's answers is another way in some runs, from their begin to their end. */
enum story_shape {
        SHAPE_PAGES,
        SHAPE_EMPTY_PAGES,
        SHAPE_BARE_ACCEPTED,
        SHAPE_NO_OPERATION_URLS,
        SHAPE_REPEATED_200,
        _SHAPE_N,
};

const char *shape_name(enum story_shape shape);
bool story_has_shape(const struct story *story, enum story_shape shape);

/* What a run came to. */
struct story_counts {
        uint64_t runs, cycles, requests, creations, deletions, kills;
        uint64_t events[_EVENT_N];
        uint64_t faults[_NETWORK_FAULT_N];
        uint64_t shapes[_SHAPE_N]; /* runs */
        uint64_t evaluated[_PROMISE_N], tempted[_PROMISE_N];
        struct rig_doubts doubts;
};

struct story_result {
        bool broken;
        enum promise promise;
        char what[512];
        int64_t at_s; /* since the start */
        uint64_t hash;
        struct story_spared *struck; /* the faults that struck; owned */
        size_t n_struck;
};

void story_generate(uint64_t seed, struct story *ret_story);
/* @counts is added to. @echo: the trace goes to standard output. @tail: the last lines go there when a
 * promise is broken. */
void story_play(const struct story *story, bool echo, bool tail, struct story_counts *counts,
                struct story_result *ret_result);
void story_result_deinit(struct story_result *result);
/* The policy file of such wants. */
void story_policy(const struct intent *wants, size_t n, struct strbuf *out);
/* For people: what is in it. */
void story_print(const struct story *story);

/* Takes away what the failure does not need. Plays at most @tries. */
void story_shrink(struct story *story, const struct story_result *failure, unsigned tries);

/* report.c */
void counts_add(struct story_counts *sum, const struct story_counts *more);
void report_print(const struct story_counts *counts);
void report_json(const struct story_counts *counts, struct strbuf *out);
/* Prints what is missing and returns whether nothing is. */
bool report_is_enough(const struct story_counts *counts, bool long_run);
