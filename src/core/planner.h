/*
 * planner: what would be done now, and why. The one place that decides to create or to delete.
 *
 * A pure function of the policy, the world and now. The plan owns all it holds. What is shown is
 * what would happen: the engine admits actions of a plan and adds none of its own.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/policy.h"
#include "core/rows.h"

enum action_kind {
        ACTION_CREATE, /* a snapshot of the disk for the slot */
        ACTION_DELETE, /* one of ours that the policy no longer keeps, or an old failed one */
};

struct action {
        enum action_kind kind;
        size_t policy; /* index into the policy file */
        char subscription[GUID_TEXT_SIZE];
        char group[RESOURCE_GROUP_MAX + 1]; /* the snapshot's */
        char name[SNAPSHOT_NAME_SIZE];
        char generation[GUID_TEXT_SIZE];
        struct utc slot;
        unsigned attempt;
        char *reason; /* owned; for people: "slot is due", "superseded: last 3 keeps newer ones" */

        /* create */
        struct resource_id disk;
        char *location; /* owned; as the disk's listing has it */

        /* delete: what the re-read must find again */
        struct guid unique_id;
        struct utc time_created;
        uint64_t tag_hash;
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
};

struct finding {
        enum finding_kind kind;
        size_t count;  /* snapshots or disks it speaks of */
        char *subject; /* owned: "subscription/group/name" of one, the first in order */
};

/* A sentence for people, without a full stop: "3 snapshots carry our tags ...". */
void finding_append(const struct finding *finding, struct strbuf *out);

/* One series that policy and target select, for tables and status. */
struct series_state {
        size_t policy;
        struct resource_id disk;
        char generation[GUID_TEXT_SIZE];
        size_t complete, underway, failed, held;
        size_t chain;      /* incremental snapshots of the generation in the region, everybody's */
        struct utc newest; /* point in time of the newest complete one, or UTC_NONE */
        struct utc due;    /* slot that is due now, or UTC_NONE */
        struct utc next;   /* start of the next slot after now, jitter included, or UTC_NEVER */
};

/* "Failed ones of ours go after 7 days" (DESIGN section 4): long enough for a person to look. */
#define PLANNER_FAILED_LIFE_S (7 * SEC_PER_DAY)

struct plan {
        struct action *actions; /* creates first, then deletes; oldest slots first; a total order */
        size_t n_actions;
        size_t actions_capacity;
        struct finding *findings; /* at most one of a kind */
        size_t n_findings, findings_capacity;
        struct series_state *series; /* in the order of the disks, then of the policies */
        size_t n_series, series_capacity;
        struct utc next; /* the earliest next of all series, or UTC_NEVER */
};

/* Chosen: ten thousand disks, each in a few policies, and a first prune of everything. */
#define PLAN_ACTIONS_MAX 1000000

/* Plans for one subscription. Returns 0 or -ENOMEM or -E2BIG. */
int planner_run(const struct policy_file *file, const struct world_view *view, struct utc now,
                struct plan **ret_plan);
struct plan *plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_free)

/* The id of the snapshot that the action creates or deletes. */
struct resource_id action_snapshot_id(const struct action *action);
/* A copy with strings of its own; returns 0 or -ENOMEM. */
int action_copy(const struct action *action, struct action *ret_copy);
void action_deinit(struct action *action);

/* Appends the tags of the snapshot that @action creates, ours and the policy's, at most 50: name,
 * NUL, value, NUL for each. The keep rule is the policy's. */
void action_tags(const struct policy_file *file, const struct action *action, struct strbuf *out);
