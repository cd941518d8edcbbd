/*
 * planner: what would be done now, and why. The one place that decides to create or to delete.
 *
 * A pure function of the policy, the world, what stands beside it, and now. The plan owns all it
 * holds. What is shown is what would happen: the engine admits actions of a plan and adds none of its
 * own.
 *
 * Planning has two halves, since some doubts are about all subscriptions together: planner_run()
 * works out one subscription's actions and tallies; plan_settle() then says which actions are blocked,
 * and may be called again whenever what stands has changed.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/doubts.h"
#include "core/failures.h"
#include "core/policy.h"
#include "core/rows.h"

enum action_kind {
        ACTION_CREATE, /* a snapshot of the disk for the slot */
        ACTION_DELETE, /* one of ours that the policy no longer keeps, or an old failed one */
};

#define ACTION_NO_SERIES SIZE_MAX
#define ACTION_NO_POLICY SIZE_MAX

struct action {
        enum action_kind kind;
        size_t policy;    /* index into the policy file; ACTION_NO_POLICY: retired, of no policy */
        size_t series;    /* index into the plan's series, or ACTION_NO_SERIES */
        uint32_t blocked; /* DOUBT_BIT()s and BLOCK_*: 0 may be admitted; set by plan_settle() */
        bool failed;      /* delete: for that alone, and the re-read must find it so; in no tally */
        bool retired;     /* delete: the operator retires it, floors do not hold */
        char subscription[GUID_TEXT_SIZE];
        char group[RESOURCE_GROUP_SIZE]; /* the snapshot's */
        char name[SNAPSHOT_NAME_SIZE];
        char generation[GUID_TEXT_SIZE];
        uint32_t
                region; /* the snapshot's, canonical: a string of the view, while that lives; or 0 */
        struct utc slot;
        unsigned attempt;
        char *reason; /* owned; for people: "slot is due", "superseded: last 3 keeps newer ones" */

        /* create */
        struct resource_id disk;
        char *location; /* owned; as the disk's listing has it */
        char *accepted; /* owned; the keep rule last accepted, as the newest of the series carries
                           it, when it is another than the file's; NULL: the file's */

        /* delete: what the re-read must find again */
        struct guid unique_id;
        struct utc time_created;
        uint64_t tag_hash;
        bool complete; /* as it was listed; a retired one may be in any state */
};

/* What an operator should know beside the actions. */
enum finding_kind {
        FINDING_MISTAKEN,      /* snapshots with our owner tag that are not ours: never touched */
        FINDING_UNCLAIMED,     /* snapshots of ours that no policy and target select: kept */
        FINDING_FUTURE,        /* dated in the future: ignored for due slots, never deleted */
        FINDING_DISK_MISSING,  /* a target's id is in no listing */
        FINDING_NO_ATTEMPT,    /* all nine names of the due slot are taken */
        FINDING_NO_GENERATION, /* a selected disk without a uniqueId */
        FINDING_NO_SNAPSHOT,   /* a selected disk that cannot be snapshotted, being uploaded */
        FINDING_MOVED,         /* disks that go on under another id than their snapshots name */
        FINDING_GONE,          /* snapshots of disks that are gone, frozen or kept */
        FINDING_DEFERRED,      /* disks whose slot waits for three pending snapshots */
};

struct finding {
        enum finding_kind kind;
        size_t count;  /* snapshots or disks it speaks of */
        char *subject; /* owned: "subscription/group/name" of one, the first in order */
};

/* A word: "mistaken", "disk-missing". */
const char *finding_name(enum finding_kind kind);
/* A sentence for people, without a full stop: "3 snapshots carry our tags ...". */
void finding_append(const struct finding *finding, struct strbuf *out);

/* One series that policy and target select, for tables and status. */
struct series_state {
        size_t policy;
        struct resource_id disk;
        char generation[GUID_TEXT_SIZE];
        size_t complete; /* those of the future left out */
        size_t underway, failed, held;
        size_t chain;      /* incremental snapshots of the generation in the region, everybody's */
        struct utc newest; /* point in time of the newest complete one, or UTC_NONE */
        struct utc
                since; /* what an rpo counts from: that one, or without any the disk's date; or UTC_NONE */
        struct utc due;   /* slot that is due now, or UTC_NONE */
        struct utc next;  /* start of the next slot after now, jitter included, or UTC_NEVER */
        unsigned missed;  /* slots in a row, counted no further than stale_stop + 1 */
        bool late;        /* rpo: the newest complete one is older, or there is none in that time */
        bool deferred;    /* the due slot waits: three of the disk are pending */
        bool no_snapshot; /* the disk cannot be snapshotted: outside rpo and missed slots */
        bool gone;        /* the disk is gone: no slots, no rpo; @disk is the id it had */
        uint32_t doubts;  /* STALE, PEER, INTERNAL, BLOCK_GONE as planner_run() found them */
        uint32_t blocked; /* all that keeps its deletions from going; plan_settle() */
        size_t deletes;   /* planned for it */
        /* The complete ones that min_keep relies on, when something is to be deleted: plan->survivors
         * from here. */
        size_t first_survivor, n_survivors;
        size_t first_target, n_targets; /* the targets that select it: plan->selectors from here */
};

/* Snapshots of ours of a listed disk under a policy that selects it no more. */
struct plan_unselected {
        uint32_t generation; /* a string of the view */
        uint32_t policy;
};

/* Ultra and Premium SSD v2: pending snapshots of a disk (FACTS section 4). */
#define PLANNER_PENDING_MAX 3

struct plan {
        struct action *actions; /* creates first, then deletes; oldest slots first; a total order */
        size_t n_actions;
        size_t actions_capacity;
        struct finding *findings; /* at most one of a kind */
        size_t n_findings, findings_capacity;
        struct series_state *series; /* in the order of the disks, then of the policies; then those
                                        of gone disks */
        size_t n_series, series_capacity;
        uint32_t *survivors; /* rows of the view */
        size_t n_survivors, survivors_capacity;
        uint32_t *selectors; /* indices of targets */
        size_t n_selectors, selectors_capacity;
        /* [n_snapshots] of the view: in a series of a listed disk that policy and target select. What is
         * ours and is not is unclaimed, but for what goes on by the rule of a gone disk. */
        bool *claimed;
        struct plan_unselected *unselected; /* by generation number; each once */
        size_t n_unselected, unselected_capacity;
        struct policy_tally *policies; /* [n_policies] of the file */
        size_t n_policies;
        uint32_t *found; /* [n_targets] of the file: disks that each target selects here */
        size_t n_found;
        struct utc
                next; /* the earliest next of all series, or of a wait such as the burst's end, or
                            UTC_NEVER */
};

/* Chosen: ten thousand disks, each in a few policies, and a first prune of everything. */
#define PLAN_ACTIONS_MAX 1000000

/* What is known of one generation beside the world. */
struct generation_standing {
        char generation[GUID_TEXT_SIZE];
        bool internal;         /* an invariant about it was broken */
        bool refused;          /* its last create failed for the 500 or a quota: not missed */
        struct utc gone_since; /* its disk is gone since; UTC_NONE: not known to be */
        /* Unique ids of the snapshots of it that the operator retires, hash and all, and of no others:
         * in the order of guid_compare(). One that is claimed does not go. */
        const struct guid *retired;
        size_t n_retired;
};

/* While its disk was listed, none of the policy's targets selected the generation: what is said of targets
 * by tags cannot be told from a disk that is gone. */
struct unselected {
        char generation[GUID_TEXT_SIZE];
        char *policy; /* owned by who remembers it; a name that the policy has or had */
};

/* What stands beside the world, from earlier looks and from people. All is borrowed. */
struct standing {
        uint32_t all;             /* clock, paused: of everything */
        uint32_t subscription;    /* listing: of this subscription */
        const uint32_t *policies; /* [n_policies]: policy, mass, ask; NULL: none */
        const uint32_t *targets;  /* [n_targets]: targets; NULL: none */
        const struct generation_standing *generations; /* sorted by generation; NULL: none */
        size_t n_generations;
        const struct unselected *unselected; /* sorted by generation; NULL: none */
        size_t n_unselected;
        /* [n_policies]: the keep rule last accepted, NULL where none is remembered; or NULL. It stands
         * for what no listed snapshot of a series tells. */
        const char *const *rules;
        /* Those that such rules and the snapshots' name, and the file does not; or NULL. */
        const struct zone *const *zones;
        size_t n_zones;
        const struct failure
                *failures; /* sorted; NULL: none. One that is not among them does not go */
        size_t n_failures;
};

/* The generation's, or NULL. */
const struct generation_standing *standing_generation(const struct standing *standing,
                                                      const char *generation);
/* Whether the policy did not select the generation when its disk was listed last. */
bool standing_is_unselected(const struct standing *standing, const char *generation,
                            const struct policy *policy);

/*
 * Plans for one subscription. @standing may be NULL: nothing stands. Of it only generations,
 * unselected ones, rules, zones and failures are looked at here. Nothing is blocked before plan_settle() but by what planner_run() finds itself.
 * Returns 0 or -ENOMEM or -E2BIG.
 */
int planner_run(const struct policy_file *file, const struct world_view *view,
                const struct standing *standing, struct utc now, struct plan **ret_plan);
/*
 * Slots that came since the plan was made of the same @view: creates are planned anew for the series
 * whose next start has come by @now, or whose create waited for the burst or for pending ones. All
 * else, deletions above all, stays as it was found, since a later moment only lets more go. The
 * actions may move, and plan_settle() is due afterwards. Takes little more than there is due.
 *
 * Returns 0, or -ENOMEM or -E2BIG; then the plan is to be thrown away.
 */
int planner_advance(const struct policy_file *file, const struct world_view *view,
                    const struct standing *standing, struct utc now, struct plan *plan);
/* Sets blocked of every action and series from all that stands. A create is blocked by
 * BLOCK_PAUSED_ALL, a full chain and the burst alone, never by a doubt. A retired action is of no
 * series' doubts, only of those of all and of the subscription. */
void plan_settle(struct plan *plan, const struct standing *standing);
struct plan *plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_free)

/* The id of the snapshot that the action creates or deletes. */
struct resource_id action_snapshot_id(const struct action *action);
/* A copy with strings of its own; returns 0 or -ENOMEM. */
int action_copy(const struct action *action, struct action *ret_copy);
void action_deinit(struct action *action);

/* Appends the tags by which a snapshot is a member of the series: name, NUL, value, NUL for each. The
 * keep rule is @accepted, or the policy's when that is NULL. */
void series_tags(const struct policy_file *file, size_t policy, struct utc slot,
                 const char *generation, const struct resource_id *disk, const char *accepted,
                 struct strbuf *out);
/* Appends the tags of the snapshot that @action creates, ours and the policy's, at most 50: name,
 * NUL, value, NUL for each. The keep rule is action->accepted, or the policy's when that is NULL or
 * @rule_is_accepted. */
void action_tags(const struct policy_file *file, const struct action *action, bool rule_is_accepted,
                 struct strbuf *out);

/* The SHA-256, as 64 hex digits and NUL, of all that the plan would do: kinds, ids, unique ids,
 * slots; not of blocks and reasons. Two plans that would do the same have the same. Returns 0 or
 * -ENOMEM. */
#define PLAN_HASH_SIZE 65
int plan_hash(const struct plan *plan, char ret_hash[static PLAN_HASH_SIZE]);
