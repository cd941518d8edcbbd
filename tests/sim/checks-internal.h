/*
 * What the checks' own files share.
 *
 *         checks.c            records of what lives, kept by the journal; what they are asked
 *         checks-rule.c       civil time, slots and retention by brute force
 *         checks-deletion.c   a deletion that went: promises 1, 2, 6, and the doubts told by truth
 *         checks-doubts.c     doubts policy, mass, targets, stale and peer
 *         checks-creation.c   a creation: promises 3 and 8
 *         checks-wire.c       what a daemon sent and heard: promises 7 and 8
 *         checks-words.c      what it says: promises 5, 6 and 10
 *         checks-end.c        promise 9
 */
#pragma once

#include "checks.h"

#define TAG_TEXT_MAX 257
#define POINTS_MAX 1400
/* Chosen: hands are slow; older changes are before every listing. */
#define TAG_CHANGES_MAX 8

enum period {
        PERIOD_HOUR,
        PERIOD_DAY,
        PERIOD_WEEK,
        PERIOD_MONTH,
        PERIOD_YEAR,
        _PERIOD_N,
};

/* What a daemon saw of a snapshot by a GET. */
struct look {
        struct utc arrived;  /* true time of the GET at the service; zero: never */
        bool held;           /* what its reply showed */
        bool changing;       /* and that somebody was changing it: Updating, though complete */
        struct mono heard;   /* when it read it; 0: not yet */
        struct utc heard_of; /* @arrived of the reply that was read */
        bool heard_held;
        bool heard_changing;
};

struct seen_snapshot {
        const struct service_resource *r;
        struct seen_chain *chain;
        bool shaped; /* carries our tags, and the name or the adoption that goes with them */
        bool early; /* the same, and made before its slot: by a Date that was off, or by somebody who
                        had the name before us. It is nobody's */
        bool backup; /* says that it is an extra one with a date of its own, which is no member */
        int64_t until_s;
        bool held; /* by our hold tag */
        char policy[TAG_TEXT_MAX], keep[TAG_TEXT_MAX], owner[TAG_TEXT_MAX];
        int64_t slot_s;
        int64_t period[_PERIOD_N];
        const char *period_zone; /* that they are of */
        struct utc tagged_at;    /* somebody changed its tags; zero: never */
        bool adopt_ordered;      /* a daemon was told to make it ours */
        bool release_ordered;    /* a daemon was told to end its hold */
        bool told_held;          /* a daemon said that it is held, and no hand ended that */
        uint64_t tags;           /* a hash of all of them */
        struct {
                struct utc at;
                uint64_t before;    /* the hash until then */
        } changes[TAG_CHANGES_MAX]; /* the last ones, oldest first */
        size_t n_changes;
        struct look looks[CHECKS_NODES_MAX];
        struct mono delete_sent[CHECKS_NODES_MAX];
        struct utc delete_sent_utc[CHECKS_NODES_MAX];
        bool explained;                       /* a rule was logged for it */
        unsigned listed_in[CHECKS_NODES_MAX]; /* by node: the last life that has listed it */
        /* By node: when it had listed it failed for certain, and has done so ever since; zero: it has not. */
        struct {
                bool once;
                struct utc at;
        } failed[CHECKS_NODES_MAX];
};

/* All snapshots of one life of a disk that live in one subscription. Incremental ones do not move: a disk
 * that does leaves a chain that is no series of it any more, and a slot may be in both: a name in one
 * subscription says nothing of another. */
struct seen_chain {
        struct seen_chain *next;
        struct guid generation;
        unsigned place;                      /* of the subscription, as in struct seen_node */
        const struct service_resource *disk; /* NULL: none lives */
        struct utc disk_gone_at;             /* meaningful then; zero: there never was one */
        struct utc disk_changed;             /* tags or place */
        struct seen_snapshot **items;
        size_t n, capacity;
        struct utc refused; /* a create was refused for a limit or a quota; zero: never */
};

/* A snapshot that lived a while ago: a daemon may still count it. */
struct seen_gone {
        struct guid generation;
        unsigned place;
        char owner[TAG_TEXT_MAX], policy[TAG_TEXT_MAX];
        int64_t slot_s;
        struct utc instant, at;
        int64_t period[_PERIOD_N];
        const char *period_zone;
        struct look looks[CHECKS_NODES_MAX]; /* by node; none where a daemon has deleted it */
        unsigned by;                         /* the node that has; 0: none did */
};

/* Creations and deletions by us, for the doubt mass. */
struct seen_deletion {
        struct utc at;
        struct utc stamped; /* when it was made, by the service's clock; not of a deletion */
        char policy[TAG_TEXT_MAX];
        unsigned node, place;
        bool created;
        bool adopted; /* neither created nor deleted: others' until then */
        /* By node: the life in which it had listed what was deleted, and whether that life has listed the
         * world since. A peer's deletions are known by nothing else. */
        unsigned listed_in[CHECKS_NODES_MAX];
        bool known[CHECKS_NODES_MAX];
};

/* Something that must be said in the log. */
struct seen_explain {
        char name[128];
        unsigned node;
        struct utc at;
        bool vanished; /* else a deletion of ours */
};

/* A backup that an operator ordered, of one daemon or of two in the same minute. */
struct seen_order {
        char name[128];
        int64_t keep_s;
        struct utc at;
        bool over; /* we have deleted it */
};

/* More than a round deletes at once. */
#define CHECKS_TOLD_MAX 256
/* A snapshot made more than a minute before its slot does not fill it (DESIGN section 2). */
#define CHECKS_EARLY_S 60

#define ACKS_MAX 256

struct checks_acks {
        struct {
                unsigned node;
                enum checks_ack ack;
                char what[TAG_TEXT_MAX]; /* the policy; "": all */
                char rule[TAG_TEXT_MAX]; /* RULE: the file's then */
                size_t n;
                struct utc at;
        } items[ACKS_MAX];
        size_t n;
};

/* How large the selection of disks was, and when that changed. */
struct checks_fleet {
        struct utc changed;
};

/* A point for retention. */
struct point {
        int64_t slot_s;
        struct utc instant;
        int64_t period[_PERIOD_N];
        struct seen_snapshot *who; /* NULL: it is gone, or to come */
        const struct look *looks;  /* by node; NULL: it is to come */
};

/* checks.c */

_printf_(3, 4) void checks_broken(struct checks *c, enum promise promise, const char *format, ...);
/* Room for one more; aborts when memory is out. */
void checks_grow(void *items, size_t n, size_t *capacity, size_t size);
const char *checks_tag(const struct service_resource *r, const char *name);
struct seen_snapshot *checks_seen(const struct checks *c, const struct service_resource *r);
unsigned checks_place(const char *subscription);
struct seen_chain *checks_chain(const struct checks *c, const struct guid *generation,
                                unsigned place);
/* Whether the disk lives in another subscription than the chain's. */
bool checks_has_moved(const struct checks *c, const struct seen_chain *chain);
/* The intent that claims the policy tag at the node (0: any) at that time, or NULL. */
const struct intent *checks_intent(const struct checks *c, unsigned node, const char *owner,
                                   const char *policy, struct utc at);
bool intent_holds(const struct intent *intent, unsigned node, struct utc at);
bool intent_claims(const struct intent *intent, const char *policy);
bool intent_selects(const struct intent *intent, const struct service_resource *disk);
/* Selected disks that live in the subscription. */
unsigned checks_count_fleet(const struct checks *c, const struct intent *intent, unsigned place);
bool checks_is_failed(const struct service_resource *r, struct utc at);
/* Since when, of one that has. */
struct utc checks_failed_since(const struct service_resource *r);
/* Whether the operator said so to the node; the newest such word's time and number. */
bool checks_was_acked(const struct checks *c, unsigned node, enum checks_ack ack, const char *what,
                      const char *rule, struct utc after);

/* Whether the node's operator has it retired, by a word that came @after: one that no policy and target of
 * the node's selects, as far as its daemon can know @at that time. */
bool checks_is_retired(const struct checks *c, unsigned node, const struct seen_snapshot *s,
                       struct utc after, struct utc at);

/* The hash of its tags as they were then. */
uint64_t tags_at(const struct seen_snapshot *snapshot, struct utc at);

/* checks-rule.c */

/* 0 when there is none: the intent has no schedule. */
int64_t next_slot(const struct intent *intent, int64_t after_s);
bool is_slot(const struct intent *intent, int64_t slot_s);
void civil_periods(const char *posix, int64_t time_s, int64_t ret_period[static _PERIOD_N]);
bool intent_keeps_all(const struct intent *intent);
/* The text of snapkeep-keep that the intent's rule has. */
void intent_rule(const struct intent *intent, char ret_text[static TAG_TEXT_MAX]);
/* The rule of such a text, in a copy of @intent. Of periods in a zone that no daemon can have at @at it keeps
 * all. False when it cannot be read. */
bool rule_parse(const struct checks *c, const char *text, const struct intent *intent,
                struct utc at, struct intent *ret_intent);
/* Complete members of the intent's series in the chain that count; @gone_s: those that are gone since
 * less than that, too. Returns how many. */
/* How long after its listing, and after its survivors were read, a round may still delete. */
#define ROUND_S 2100

/* By slot, then by instant: the order in which newer ones are counted. */
bool point_is_newer(const struct point *a, const struct point *b);
size_t collect_points(struct checks *c, const struct seen_chain *chain, const struct intent *intent,
                      struct utc at, int64_t gone_s, struct point *points);
/* The same, as far as the node cannot know of what is gone: without those that it has deleted itself. */
size_t collect_unknown(struct checks *c, const struct seen_chain *chain,
                       const struct intent *intent, struct utc at, int64_t gone_s, unsigned node,
                       struct point *points);
/* Why the rule and its floors keep the point at @now, or NULL. @floors: min_keep, min_age. */
const char *rule_keeps(const struct intent *intent, const struct point *points, size_t n,
                       const struct point *point, struct utc now, bool floors);

/* checks-deletion.c */
void check_deletion(struct checks *c, const struct service_effect *effect,
                    struct seen_snapshot *snapshot);

/* checks-doubts.c */

/* Of the series of @snapshot under @intent: what forbids its deletion by the node, if anything. Sets
 * which promise that is. */
const char *doubt_forbids(struct checks *c, unsigned node, const struct seen_snapshot *snapshot,
                          const struct intent *intent, struct utc sent, struct utc at,
                          enum promise *ret_promise);
/* Whether the rule in the file must not go into tags: too much more would go by it, and nobody has
 * accepted that. @slack snapshots are not minded. */
bool rule_is_doubted(struct checks *c, unsigned node, const struct intent *intent, struct utc at,
                     size_t slack);
/* The rule that the newest complete one of the series carries, but @but. NULL: none. */
const char *accepted_rule(struct checks *c, const struct seen_chain *chain,
                          const struct intent *intent, struct utc at,
                          const struct seen_snapshot *but);

/* checks-creation.c */
/* Remembers what a policy has gained: a creation of the node's, or what others made and is adopted. */
void checks_gain(struct checks *c, const struct seen_snapshot *s, unsigned node, struct utc at);
/* A PUT of the node's was refused, for a limit perhaps: @body says. */
void check_refusal(struct checks *c, unsigned node, unsigned place, const char *body,
                   struct utc at);
void check_creation(struct checks *c, const struct service_effect *effect,
                    struct seen_snapshot *snapshot);

/* checks-budget.c */
void checks_asked(struct checks *c, struct seen_place *place, enum service_request_kind kind,
                  struct mono now);
void checks_asked_clear(struct seen_node *node);
/* After any event. */
void checks_exhausted(struct checks *c);

/* checks-words.c */
void expect_words(struct checks *c, unsigned node, const char *name, bool vanished, struct utc at);
void check_words(struct checks *c, struct utc now);
