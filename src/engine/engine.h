/*
 * engine: keeps the plan of every subscription true, one round after the other.
 *
 * What it does follows from what is there, not from where it was: its run looks at each
 * subscription and does the next thing that is missing. Without a world it reads one; with slots due
 * it creates; after it has created it reads again; from a world that nothing of ours has changed
 * since it deletes what the plan names. Then it sleeps until the next slot, retry or sweep.
 *
 * It decides nothing about snapshots: planner_run() does, and the engine admits its actions.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/planner.h"
#include "core/policy.h"
#include "engine/services.h"

struct engine;

/* Chosen: disks come and go, hands hold and tag; a sweep at least this often sees it. A page of a
 * listing costs one of about 240 in 3 minutes (FACTS section 9). */
#define ENGINE_SWEEP_S 3600
/* While something is to be learned: after a start, while a doubt that sweeps end stands, a listing lags,
 * or a disk seems gone. DESIGN section 5 has listings 15 minutes apart agree. */
#define ENGINE_SWEEP_SOON_S 900
/* How old a listing of disks may be that a round goes by; sweeps read them anew. */
#define ENGINE_DISKS_S 900
/* Chosen: while a snapshot is under way that we found and did not make, or whose data the service is
 * still copying, which takes minutes; each time twice as long, up to ENGINE_SWEEP_SOON_S. */
#define ENGINE_LOOK_AGAIN_S 60

/*
 * Acting, on an operator's word. Each is told in the log with @who, a user's name or "-". They come from
 * the reactor's turn like everything else.
 */

enum {
        ENGINE_E_UNKNOWN = 1, /* no doubt or question with this hash stands; no such generation */
        ENGINE_E_CHANGED,     /* the plan is no longer the one of this hash */
        ENGINE_E_SELECTED,    /* the generation is selected by a policy and target */
        ENGINE_E_NOT_READ,    /* a subscription was not read yet: nobody can say */
        ENGINE_E_AMBIGUOUS,   /* several snapshots have this name */
        ENGINE_E_NOT_OURS,    /* the snapshot is not ours: it is never changed */
        ENGINE_E_LEAVING,     /* it is being deleted */
        ENGINE_E_BUSY,        /* another order about it is under way, or too many are */
        ENGINE_E_INVALID,     /* an argument makes no sense */
        ENGINE_E_OURS,        /* these as ADOPT_E_* of core/adopt.h */
        ENGINE_E_FULL,
        ENGINE_E_INCOMPLETE,
        ENGINE_E_UNMANAGED,
        ENGINE_E_POLICIES,
        ENGINE_E_GROUP,
        ENGINE_E_SLOT,
        ENGINE_E_BURST,  /* the disk has as many snapshots of late as orders may add to */
        ENGINE_E_CHAIN,  /* its chain has all it may have */
        ENGINE_E_PAUSED, /* everything is paused */
};

/* What an ack answers: an operator reads it in status and says so with this hash. */
#define ENGINE_HASH_SIZE 17

/* A doubt, a question, a pause: all that keeps deletions from going, for status. Strings are borrowed
 * until the call returns. */
struct engine_doubt {
        uint32_t bit;      /* DOUBT_BIT() or BLOCK_* */
        const char *scope; /* "policy gold", "subscription 1111…", "db01-data under gold", "all" */
        const char *reason; /* a sentence with its numbers, without a full stop */
        const char *end;    /* how it ends */
        const char *hash;   /* what to ack, or NULL */
        struct utc since;   /* when it was told; UTC_NONE: it was not yet */
};
typedef void (*engine_doubt_fn)(const struct engine_doubt *doubt, void *data);
/* Visits all that stands, in a fixed order. */
void engine_doubts(const struct engine *engine, engine_doubt_fn fn, void *data);

/* Accepts what the doubt or question of this hash asks. Returns 0, ENGINE_E_UNKNOWN, or -errno. */
int engine_ack(struct engine *engine, const char *hash, const char *who);
/* No deletions, and with @all no creations, until @until (UTC_NEVER: until resumed), in place of a pause before; but
 * deletions that were paused until resumed stay so beyond the end of a pause of all. */
int engine_pause(struct engine *engine, bool all, struct utc until, const char *who);
int engine_resume(struct engine *engine, const char *who);
/* Accepts the deletions that doubts policy, mass and targets hold back in the plans as they are, when
 * engine_plan_hash() is @hash: exactly those, and while these very doubts stand. Returns 0, ENGINE_E_CHANGED, ENGINE_E_NOT_READ, or
 * -errno. */
int engine_apply(struct engine *engine, const char *hash, const char *who);
/* Of all subscriptions' plans together. Returns 0, ENGINE_E_NOT_READ, or -ENOMEM. */
int engine_plan_hash(const struct engine *engine, char ret_hash[static PLAN_HASH_SIZE]);
/* What retire would delete of the generation: how many of ours that no policy and target select, and the
 * hash to say. Returns 0, ENGINE_E_UNKNOWN: there are none of ours, ENGINE_E_SELECTED: all but held ones are
 * selected, ENGINE_E_NOT_READ, or -errno. */
int engine_retire_plan(const struct engine *engine, const char *generation, size_t *ret_n,
                       char ret_hash[static ENGINE_HASH_SIZE]);
/* Deletes these to the last, floors or not; holds stay. No others: what a listing shows later, and what
 * was held then, is to be retired anew. It is over when none of them is listed any more, when a policy and
 * target select one of them, and with this engine: by another policy it is to be said anew. Returns also
 * ENGINE_E_CHANGED. */
int engine_retire(struct engine *engine, const char *generation, const char *hash, const char *who);

/* Orders that run at once, the most. Their requests and those for tokens come on top of limits.parallel:
 * whoever sends has room for so many more, so that none waits there while what it goes by grows old.
 * Chosen: far more than people ask for at once, and a token of each identity. */
#define ENGINE_ORDERS_MAX 32
#define ENGINE_APART_MAX (ENGINE_ORDERS_MAX + 2)

/*
 * Orders that take requests to Azure. They are given and run on; engine_order() says how they stand, and
 * for an hour how they ended. A pause does not stop them. @snapshot is its name, GROUP/NAME or ARM id.
 */
enum order_kind {
        ORDER_HOLD,    /* our hold tag, with a reason: it stays, whatever the rule says */
        ORDER_RELEASE, /* the hold tag goes */
        ORDER_ADOPT,   /* our tags, so that it is ours */
        ORDER_BACKUP,  /* one is taken */
};
enum order_state {
        ORDER_RUNNING,
        ORDER_DONE, /* read back from Azure */
        ORDER_FAILED,
};
const char *order_kind_name(enum order_kind kind);
const char *order_state_name(enum order_state state);

struct engine_order {
        const char *id;
        enum order_kind kind;
        enum order_state state;
        struct resource_id snapshot;
        const char *text; /* how it gets on, "" at first; how it ended, without a full stop */
        struct utc since;
};
/* Strings are borrowed until the reactor's next turn. False: there is no such order, or no longer. */
bool engine_order(const struct engine *engine, const char *id, struct engine_order *ret_order);

/*
 * Return 0, ENGINE_E_UNKNOWN (no such snapshot in what was read last), NOT_READ, AMBIGUOUS, NOT_OURS,
 * LEAVING (also while a DELETE of ours may be on its way), BUSY, INVALID, or -ENOMEM. The same order,
 * given again while it runs, is that one. @reason has 1 to 256 bytes and no control characters.
 */
int engine_hold(struct engine *engine, const char *snapshot, const char *reason, const char *who,
                char ret_order[static ENGINE_HASH_SIZE]);
int engine_release(struct engine *engine, const char *snapshot, const char *who,
                   char ret_order[static ENGINE_HASH_SIZE]);
/* Into the series of that policy; "": of the only one that selects the disk. Returns also ENGINE_E_OURS
 * to ENGINE_E_SLOT, and never NOT_OURS. One with another's owner tag fails, once that was read. */
int engine_adopt(struct engine *engine, const char *snapshot, const char *policy, const char *who,
                 char ret_order[static ENGINE_HASH_SIZE]);

/* A snapshot of the disk now, of no slot and no member of its series (series.h), kept for so long from the
 * minute on; @disk as snapshots are named, @policy as above. Its name is the minute's: the same order
 * within it is the same one, another is refused. It counts for what Azure allows a disk and its chain,
 * and leaves room in both for slots. Doubts stop it as little as they stop slots. Returns 0,
 * ENGINE_E_UNKNOWN (no such disk), NOT_READ, AMBIGUOUS, INVALID, UNMANAGED, POLICIES, PAUSED, BURST, CHAIN,
 * BUSY, or -ENOMEM. */
#define ENGINE_BACKUP_LEAST_S SEC_PER_HOUR
#define ENGINE_BACKUP_MOST_S (3650 * SEC_PER_DAY)
int engine_backup(struct engine *engine, const char *disk, int64_t keep_s, const char *reason,
                  const char *policy, const char *who, char ret_order[static ENGINE_HASH_SIZE]);

/* An invariant about a generation is broken: its deletions stop until a restart. Simulation aborts. */
void engine_invariant_broken(struct engine *engine, const char *generation, const char *rule);

/* Counts since the start. */
struct engine_counts {
        uint64_t created;
        uint64_t deleted;
        uint64_t create_failures;
        uint64_t delete_failures;
        uint64_t sweep_failures;
        uint64_t sweeps;
        uint64_t doubts_begun[_DOUBT_N], doubts_ended[_DOUBT_N];
        uint64_t invariants_broken;
        uint64_t vanished;      /* of ours, gone and not by us */
        struct utc vanished_at; /* when that was seen last; of 0 vanished nothing */
};

/* Called from the reactor's turn when nothing is under way and nothing can be begun right now. */
typedef void (*engine_settled_fn)(void *data);

/*
 * What an engine leaves to the one that follows it in this process, by another policy: the state, which
 * may be in no store yet, or never; the time by ARM, and whether ours is in doubt; the budgets of its
 * subscriptions, with what Azure has closed, and whether their listings are in doubt; whose invariants
 * are broken; and until when its identities' services are not to be asked.
 */
struct engine_estate;

struct engine_options {
        const char *version; /* for the User-Agent */
        bool look_only;      /* reads and plans, admits nothing: for those who only want to see */
        engine_settled_fn settled;
        void *data;
        /* Of the engine before, emptied also by a failure; NULL: what the store has is read. */
        struct engine_estate *estate;
};

/* @file is borrowed and outlives the engine. Nothing happens before engine_start(). Returns 0 or a
 * negative errno. */
int engine_new(const struct services *services, const struct policy_file *file,
               const struct engine_options *options, struct engine **ret_engine);
/* In silence, at any moment: requests in flight are forgotten. Copes with NULL, returns NULL. */
struct engine *engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free)

/* Tells of what operators have said and it will not see to its end, retirements and orders: it is to be freed,
 * since "@why: …". */
void engine_tell_unfinished(const struct engine *engine, const char *why);
/* Takes it out of an engine, which has told so, and then is only to be freed. NULL when memory is out. */
struct engine_estate *engine_leave(struct engine *engine);
/* Copes with NULL, returns NULL. */
struct engine_estate *engine_estate_free(struct engine_estate *estate);
DEFINE_CLEANUP(struct engine_estate *, engine_estate_free)

/* This machine's clock was set, or the machine stood still and its monotonic clock with it, as a guest's does:
 * then slots came due of which nothing here tells but ARM's Date, and the worlds are read at once. */
void engine_clock_stepped(struct engine *engine);

void engine_start(struct engine *engine);

/*
 * Whether the engine gets on: it has run when it meant to, and nothing under way is past its own
 * deadline. False: it hangs though the reactor turns. For a watchdog. Chosen: a minute of grace, in
 * which the largest plan is made many times over.
 */
#define ENGINE_GRACE_NS (60 * NSEC_PER_SEC)
bool engine_gets_on(const struct engine *engine);
/* Whether a target of the policy file, all of whose subscriptions were read, selects no disk, though neither
 * its expect nor an operator's ack says that it may, and no doubt is told of it. */
bool engine_target_is_empty(const struct engine *engine, size_t target);
/* Whether every subscription was read, with all of its disks but those that go on being backed up as they were
 * read last, and nothing that is due has failed since. */
bool engine_is_well(const struct engine *engine);
/* Whether a slot that is due is left, as its chain is full, its disk had all that Azure allows for some minutes or has
 * as many pending as it may, or all names of it are taken. It is taken as soon as there is room; one that does not wait
 * for that has not done all. */
bool engine_leaves_due(const struct engine *engine);
/* The first policy of which slots are left since Azure does not have the group that its snapshots go to, and in which
 * subscription, borrowed until the reactor's next turn; or NULL. */
const struct policy *engine_lacks_group(const struct engine *engine, const char **ret_subscription);
/* Whether what is to outlive a restart could not be written. */
bool engine_is_forgetful(const struct engine *engine);
const struct engine_counts *engine_counts(const struct engine *engine);
/* One line of use: "42 disks, newest 12 min, next db01-data 14:00Z; 1 late: db02". */
void engine_summary(const struct engine *engine, struct strbuf *out);

/* The instant that plans are made for: ARM's Date and what elapsed since; our own clock before any. */
struct utc engine_now(const struct engine *engine);

/* Since when snapshots of ours are listed failed and disks are gone, as the newest plan has it, and nothing
 * else: borrowed until the reactor's next turn. */
void engine_stands(const struct engine *engine, struct standing *ret_standing);

/* The last plan of the @i-th subscription, or NULL when it was not read yet; @i below the count. */
size_t engine_n_subscriptions(const struct engine *engine);
const struct plan *engine_plan(const struct engine *engine, size_t i);
/* Whether the last attempt to read it failed. *ret_id is the subscription, whether or not; then *ret_why is what
 * the service said and the remedy, to follow a sentence, or "" when there was no memory for it; both are
 * borrowed until the reactor's next turn. */
bool engine_unreadable(const struct engine *engine, size_t i, const char **ret_id,
                       const char **ret_why);
/* What of its listings cannot be decoded (azure/world.h), which no view has: borrowed until the reactor's
 * next turn, NULL when it was not read yet. */
const struct world_unread *engine_unread(const struct engine *engine, size_t i);
/* Whether it was done since the subscription was read: plan and world are as they were before, until the next
 * listing confirms it. The action is one of its plan; a snapshot is of its world. */
bool engine_has_done(const struct engine *engine, size_t i, const struct action *action);
bool engine_has_deleted(const struct engine *engine, size_t i, const char *group, const char *name);
/* The series that snapshots of this generation and policy tag in the i-th subscription are a part of, when their disk
 * was moved to another and its policy selects it there; NULL: in none. The plan of the i-th knows nothing of it. */
const struct series_state *engine_goes_on(const struct engine *engine, size_t i,
                                          const char *generation, const char *policy);
/* What the plan was made from, borrowed until the reactor's next turn. False as above. */
bool engine_view(const struct engine *engine, size_t i, struct world_view *ret_view);
