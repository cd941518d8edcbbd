/*
 * checks: the promises, stated by brute force over the service model's truth (DESIGN section 1).
 *
 * They share nothing with the engine but base: what a scenario wants stands in its intents; names,
 * civil time, retention, schedules and doubts are worked out here again, in another way. They hear of
 * three things: effects at the service (checks_step), what passes a daemon's wire (checks_sent,
 * checks_heard, checks_arrived), and what a daemon says (checks_logged, checks_status). After each
 * effect only what it concerns is looked at, never the whole world.
 *
 * What a daemon cannot know it is not blamed for: others' hands may have changed the world since its
 * listing. How long ago that may have been is CHECKS_SIGHT_S and what the listings lag behind.
 *
 * Each check counts how often it was evaluated on something that could have failed: a deletion that
 * went, a status that was given. The first broken promise is kept, and ends the run.
 */
#pragma once

#include "base/guid.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/time.h"
#include "base/transport.h"
#include "sim/network.h"
#include "sim/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of the promise in DESIGN section 1 comes first. */
enum promise {
        PROMISE_ONLY_OURS,    /* 1: a deletion hits what is ours, and claimed or retired */
        PROMISE_NEVER_LAST,   /* 2: it leaves the newest complete and min_keep of them */
        PROMISE_KEPT,         /* 2: it leaves what the rule or its date keeps, and min_age */
        PROMISE_HELD,         /* 2: a hold that the re-read could show stays */
        PROMISE_FAILED,       /* 2: failed ones go after 7 days and not before */
        PROMISE_EXACTLY_ONCE, /* 3: no slot has two */
        PROMISE_SLOT,     /* 3: what is created is of a slot that is due or ordered, in its group */
        PROMISE_TRUTH,    /* 5: the newest a daemon speaks of is the newest there is */
        PROMISE_RPO,      /* 5: a daemon says that the rpo is broken when it is, and only then */
        PROMISE_VANISHED, /* 5: ours that vanished by other hands is an alarm */
        PROMISE_EXPLAINED,   /* 6: a deletion is logged with its rule */
        PROMISE_CLOCK,       /* 7: none while our clock is off ARM's */
        PROMISE_LISTING,     /* 7: none after a page failed, until two clean sweeps */
        PROMISE_TARGETS,     /* 7: none where a target is too small */
        PROMISE_STALE,       /* 7: none where slots were missed in a row */
        PROMISE_POLICY,      /* 7: none that only a rule not accepted asks for */
        PROMISE_MASS,        /* 7: no more in a day than was gained, and some */
        PROMISE_PEER,        /* 7: none where rules alternate */
        PROMISE_INTERNAL,    /* 7: none where an invariant was broken */
        PROMISE_GONE,        /* 5: none of a gone disk that is frozen or kept */
        PROMISE_ASKED,       /* none while paused, or may have been by a state that nobody can read,
                                or before the question of ask is answered */
        PROMISE_REREAD,      /* 7: a DELETE follows a GET that showed the victim as listed */
        PROMISE_SURVIVORS,   /* 7: and GETs of those min_keep relies on, where they are due */
        PROMISE_RETRY_AFTER, /* 8: nobody is asked before its Retry-After */
        PROMISE_BURST,       /* 8: 7 of a disk in 5 minutes, 500 of a chain: nobody asks for more */
        PROMISE_BUDGETS,     /* 8: no more than our share of any bucket, and none is run empty */
        PROMISE_CREATES,     /* 7: a doubt stops no creation */
        PROMISE_IT_ENDS,     /* 9: once faults stop, slots are filled and nothing is over */
        PROMISE_TURNS,       /* 9: no daemon asks for turn after turn in one moment */
        PROMISE_SILENT,      /* 10: no secret in a log */
        _PROMISE_N,
};

/* "only-ours" and so on: what tests/mutants.list calls them. */
const char *promise_name(enum promise promise);

#define CHECKS_NODES_MAX 2
/* A sweep goes every 15 minutes; one that fails or is slow may be missed. */
#define CHECKS_SIGHT_S INT64_C(3600)

/* Times of a day, for calendars: the slots are at @minute of each hour in @hours of each day in
 * @days. "Mon..Fri 02,14:30" is days 0x1f, hours 1 << 2 | 1 << 14, minute 30. */
struct intent_calendar {
        uint8_t days;   /* bit 0: Monday */
        uint32_t hours; /* bit 0: midnight */
        int minute;
};

/* What is wanted of one policy, in place of its policy file. Strings are borrowed; zeroes mean "not
 * there", so that a scenario names what it uses. */
struct intent {
        const char *owner;
        const char *policy;
        int64_t every_s; /* 0: by the calendar below, if that has hours; neither: not checked */
        struct intent_calendar calendar;
        int64_t jitter_s;       /* at most */
        uint32_t last;          /* all counts and within 0: nothing is ever deleted */
        uint32_t hourly, daily; /* in the zone, the first of a period standing for it */
        uint32_t weekly, monthly, yearly;
        int64_t within_s;
        bool pick_last;
        const char *zone;       /* of retention's periods, the policy file's name; NULL: UTC */
        const char *zone_posix; /* the same zone for glibc, RIG_ZONE_POSIX; NULL: UTC */
        uint32_t min_keep;
        int64_t min_age_s;
        const char *group; /* of the snapshots */
        const char *formerly[2];
        unsigned stale_stop;         /* 0: not checked */
        unsigned max_delete_percent; /* 0: mass and policy are not checked */
        int64_t freeze_s;
        bool gone_apply; /* on_disk_gone: then: apply */
        bool ask;        /* prune: ask */
        bool off;        /* prune: off */
        int64_t rpo_s;
        const char *disk_access; /* network_access: {private: this}; NULL: as by default */
        unsigned share_permille; /* limits.api_share in thousandths; 0: 500 */
        bool two_identities;     /* create: the machine's; prune: RIG_PRUNER by its secret */
        /* The one target: disks in rg-app, with the tag backup of this value. NULL: all of rg-app. */
        const char *selects;
        unsigned expect;        /* fewer disks: doubt targets. 0: none */
        bool two_subscriptions; /* the same is selected in CHECKS_OTHER_SUBSCRIPTION, too */
        /* When and where it holds. */
        unsigned nodes;   /* bit 0: the first node; 0: all */
        struct utc since; /* zero: from the start */
        struct utc ended; /* zero: not yet */
};

#define INTENTS_MAX 128

/* What the checks remember of a snapshot that lives, beside the service's own record. */
struct seen_snapshot;
struct seen_chain;
struct seen_gone;
struct seen_deletion;
struct seen_explain;
struct seen_order;

/* Of Compute's: creations, deletions and listings. */
#define CHECKS_BUCKETS 3

/* SERVICE_SUBSCRIPTION, and another where a story has two. */
#define CHECKS_PLACES 2
#define CHECKS_OTHER_SUBSCRIPTION "22222222-1111-4111-8111-111111111111"

#define CHECKS_LISTINGS 16

/* What they know that it knows of one subscription. */
struct seen_place {
        struct mono dirty; /* the last page that failed */
        bool is_dirty;
        unsigned clean; /* whole sweeps since */
        bool walk_failed, walk_open;
        struct mono walk_begin;
        struct utc walk_begin_utc, swept_utc; /* begin of the walk, and of the last whole one */
        int64_t swept_lag_s;                  /* what listings lagged then */
        struct utc page_utc,
                listed_utc; /* its last page was made; the same of the last whole one */
        struct utc first_utc,
                begun_utc; /* its first page was made; the same of the last whole one */
        struct {
                struct utc heard,
                        begun; /* when the last whole ones were read, and their first page made */
        } listings[CHECKS_LISTINGS];
        size_t n_listings;
        bool page_ok, page_last; /* of the listing's page that is on its way back */
        bool filtered;           /* the last whole listing was made while rights were cut */
        struct mono not_before;  /* Retry-After */
        struct mono
                kind_not_before[_SERVICE_REQUEST_KIND_N]; /* of one empty bucket of calls alone */
        unsigned largest;                                 /* of the target, while it ran */
        struct seen_asked {
                struct mono *at; /* owned: when it sent a request of that bucket, oldest first */
                size_t n, capacity;
        } asked[CHECKS_BUCKETS]; /* since it was started */
};

/* What the checks know that a daemon knows. */
struct seen_node {
        bool alive;
        unsigned life; /* counts its starts */
        struct mono started;
        struct utc started_utc; /* true time */
        int64_t clock_error_ns;
        struct mono off_since; /* an answer with a Date off our clock was heard; MONO_NEVER: not */
        struct seen_place places[CHECKS_PLACES];
        bool paused, paused_all;
        struct utc paused_until;
        struct utc state_lost_at; /* what it remembered before is forgotten */
        struct utc clock_odd_at;  /* last listing while its clock or ARM's was off */
        struct utc misled_until; /* a Date that was off was heard, and may be believed until then */
        struct utc state_odd_at; /* what it remembered before may be forgotten */
        bool unread; /* it has started on a state that it could not read, and nobody has resumed since */
        struct utc unread_at;
        struct utc targets_acked;
        struct guid internal; /* nil: none */
};

struct checks {
        struct intent intents[INTENTS_MAX];
        size_t n_intents;
        size_t seen; /* effects looked at */
        uint64_t evaluated[_PROMISE_N];
        uint64_t tempted[_PROMISE_N];  /* a deletion was wanted, and this promise forbade it */
        uint64_t creations, deletions; /* by our hands */
        uint64_t exhausted;            /* buckets that were seen empty */
        bool broken;
        enum promise promise; /* that is broken */
        char what[512];       /* the first broken promise, for people */

        int64_t grace_s; /* how long a slot that has started may take to be filled, at the end */
        int64_t lag_s;   /* listings show the world of so long ago, at most, of late */
        struct utc hindered; /* until then creations may be late: set by whoever injects faults */
        /* By subscription: nothing that hinders creations has been injected since. */
        struct utc creates_from[CHECKS_PLACES];
        bool words_due;       /* all is calm: what vanishes must be told within hours */
        bool rights_cut;      /* listings are filtered, or were a sight ago */
        struct utc zone_lost; /* no zone but UTC is installed since; UTC_NEVER: they are */
        bool strangers_spend; /* others draw from the buckets, too: 429 is nobody's fault */

        /* The checks' own. */
        struct service *service;
        struct seen_node nodes[CHECKS_NODES_MAX];
        struct seen_snapshot **by_serial;
        size_t n_by_serial;
        struct seen_chain *chains;
        struct seen_gone *gone;
        size_t n_gone, gone_capacity;
        struct seen_deletion *deletions_done;
        size_t n_deletions_done, deletions_done_capacity;
        struct seen_explain *told; /* CHECKS_TOLD_MAX, the last ones with a rule, in a ring */
        size_t n_told;
        struct seen_explain *explain;
        size_t n_explain, explain_capacity;
        struct seen_order *orders; /* of backups, all there were */
        size_t n_orders, orders_capacity;
        struct checks_acks *acks;
        struct checks_fleet *fleet;
};

void checks_init(struct checks *checks, struct service *service);
void checks_deinit(struct checks *checks);

/* The node (0: all) wants this from @now on, in place of what it wanted under its name, or of
 * @renamed when that is given. */
void checks_intend(struct checks *checks, const struct intent *intent, const char *renamed,
                   struct utc now);

/* Looks at what has happened since the last call. */
void checks_step(struct checks *checks, const struct service *service, struct utc now);

/* After faults have stopped for long: every selected disk has its newest slot, and each series holds
 * what its rule keeps and no more. */
void checks_settled(struct checks *checks, const struct service *service, struct utc now);

/* Slots that were due well before @now, with nothing in the way of creations since
 * checks->creates_from of their subscription, have their snapshots, whatever doubts stand. */
void checks_creates(struct checks *checks, struct utc now);

/* From the rig, after each event: @turns that came before it in the same instant, with nothing sent or
 * answered between them, of @max that may. */
void checks_turns(struct checks *checks, unsigned turns, unsigned max);

/* From the rig: what passes the wire. @url and @reply are borrowed. */
void checks_sent(struct checks *checks, unsigned node, enum http_method method, const char *url,
                 struct mono now, struct utc utc);
void checks_heard(struct checks *checks, unsigned node, enum http_method method, const char *url,
                  const struct http_reply *reply, struct mono now, struct utc utc);
/* At the service's side, after the effect. */
void checks_arrived(struct checks *checks, const struct network_event *event, struct mono now,
                    struct utc utc);
/* A daemon began or ended; its clock is off true time by so much from here on. */
void checks_started(struct checks *checks, unsigned node, struct mono now, struct utc utc);
void checks_died(struct checks *checks, unsigned node);
void checks_clock(struct checks *checks, unsigned node, int64_t error_ns);
/* What it says. */
void checks_logged(struct checks *checks, unsigned node, const struct log_entry *entry,
                   struct utc utc);

/* One series in a daemon's status. */
struct checks_status {
        const char *subscription;
        const char *policy;
        struct guid generation;
        struct utc newest; /* UTC_NONE: none */
        struct utc begin;  /* of the world it was told from, by the daemon's clock */
        bool late;
};
void checks_status(struct checks *checks, unsigned node, const struct checks_status *status,
                   struct utc utc);

/* The operator's words, told by the rig. */
void checks_paused(struct checks *checks, unsigned node, bool all, struct utc until);
void checks_resumed(struct checks *checks, unsigned node);
/* The rule in the file was accepted, the question of ask answered, @n deletions or the fleet. @policy
 * NULL: of all. */
enum checks_ack {
        CHECKS_ACK_RULE,
        CHECKS_ACK_ASK,
        CHECKS_ACK_MASS,
        CHECKS_ACK_TARGETS,
        CHECKS_ACK_RETIRE, /* @policy is the generation */
        CHECKS_ACK_APPLY,
};
void checks_acked(struct checks *checks, unsigned node, enum checks_ack ack, const char *policy,
                  size_t n, struct utc utc);
/* A daemon is to end its hold. */
void checks_released(struct checks *checks, const struct service_resource *snapshot);
/* A daemon is to make it ours. */
void checks_adopted(struct checks *checks, const struct service_resource *snapshot);
/* A daemon is to take a backup of this name, and to keep it for so long. */
void checks_backup_ordered(struct checks *checks, const char *name, int64_t keep_s, struct utc utc);
void checks_internal(struct checks *checks, unsigned node, const struct guid *generation);
/* What the daemon had written of its state is gone, or, when not @certain, may be: its acks, counts,
 * pauses and freezes. */
void checks_state_lost(struct checks *checks, unsigned node, bool certain, struct utc utc);
/* Zones are installed no more, or are again; daemons are started again at once. */
void checks_zone(struct checks *checks, bool lost, struct utc utc);
/* It starts on a state that cannot be read, in which a pause may have stood. */
void checks_state_unread(struct checks *checks, unsigned node, struct utc utc);
