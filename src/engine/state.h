/*
 * state: what is remembered across restarts beside the cloud: pauses, acks, since when disks are gone
 * and snapshots have failed, which disks no policy selected any more while they were there, sizes of
 * fleets, deletions of the last day and the doubt that they raised, accepted rules (DESIGN section 1,
 * promise 4).
 *
 * It is one small file in the store, read at the start and replaced whole after a change. Lost, torn, changed by
 * anybody else, or of a newer version, it is empty but for a pause that can be read: then only questions are asked
 * again, freezes and the days of failed snapshots begin anew, and the day's deletions are counted from the start.
 * It may have paused deletions, which is the engine's to mind. What could not be used is set aside, and not written
 * over.
 *
 * The file is JSON with members in a fixed order, one record a line, so that people can read it and two equal states
 * are equal bytes; the last line has a hash of the others. Every value of it is checked as if a stranger had written
 * it.
 */
#pragma once

#include "base/macros.h"
#include "base/store.h"
#include "core/doubts.h"
#include "core/failures.h"
#include "core/planner.h"
#include "core/policy.h"
#include "core/resource_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_FILE "state"
/* One that could not be read, or is not what was written, is called "state-unread-1" from then on, or the like: it may
 * be readable tomorrow, or by another version. */
#define STATE_UNREAD_FILE "state-unread-"
#define STATE_UNREAD_NAME_SIZE sizeof(STATE_UNREAD_FILE "1")
/* Chosen: a digit. Each is of a start at which something was wrong, and waits for a person. */
#define STATE_UNREAD_MAX 9
/* Chosen ceilings: of ten thousand disks in a few policies all may be gone, and as many before, and each have
 * a failed one; acks are made by hand. */
#define STATE_GONE_MAX 20000
#define STATE_UNSELECTED_MAX 10000
#define STATE_FAILURES_MAX 10000
#define STATE_ACKS_MAX 1000
#define STATE_FLEETS_MAX 10000
/* Chosen: what is taken out of a policy file and put back within a month finds what was missing of it. */
#define STATE_FLEET_DAYS 30
#define STATE_DELETIONS_MAX 10000
#define STATE_RULES_MAX 1000
#define STATE_MASSES_MAX 1000

/* The kind of what nobody has accepted yet: doubt policy asks about this rule. */
#define STATE_ASKED ((enum doubt)(_DOUBT_N + 1))

/*
 * What an operator has accepted, once. That of a rule is of the step from the rule accepted before: it stands
 * while that is what snapshots carry, and is forgotten when the policy goes by another rule with nothing in
 * doubt.
 */
struct state_ack {
        enum doubt kind;    /* POLICY, MASS; _DOUBT_N: the question of prune: ask; STATE_ASKED */
        char *policy;       /* owned */
        char *rule;         /* owned; POLICY, ASKED: the file's rule; else NULL */
        uint64_t allowance; /* MASS: how many deletions, those that were made since not counted */
        struct utc at;
};

/* A disk that a listing no longer has, or has in another place than snapshots of it say: then both instants
 * are UTC_NONE. They are about the one place, and what is not found in another proves nothing. */
struct state_gone {
        char generation[GUID_TEXT_SIZE];
        char *disk;       /* owned; "subscription/group/name": where it was last; NULL: not known */
        struct utc seen;  /* it was there then; UTC_NONE without disk */
        struct utc first; /* the first 404 in this absence */
        struct utc since; /* the second one, an hour or more later; UTC_NONE: not proven yet */
};

/* A target's size; the key is a hash of what it selects (target_key()), so that a policy file with
 * targets in another order finds its own. */
struct state_fleet {
        char key[17];
        struct fleet fleet;
};

/* Deletions of a policy in one hour, of snapshots that were created in one hour. */
struct state_deletions {
        char *policy; /* owned */
        int64_t hour; /* since 1970-01-01T00Z */
        int64_t born; /* the hour of creation; 0: more than DOUBT_MASS_GAIN_S before the deletion */
        uint64_t count;
};

/*
 * The keep rule that a policy was last seen to go by with nothing in doubt. Snapshots carry it too, but
 * a listing that is filtered by rights does not show them; the rule of a file that is changed
 * meanwhile would look accepted.
 */
struct state_rule {
        char *policy;      /* owned */
        char *rule;        /* owned; as keep_append() writes it */
        uint64_t complete; /* snapshots that the policy had then, less those deleted since */
};

struct state {
        bool paused;       /* creations and deletions */
        bool paused_prune; /* deletions alone; with @paused: they stay so beyond it, until resumed */
        bool paused_lost; /* @paused_prune, and nobody asked for it: what was kept could not be read. It ends by
                           * resume alone, whatever pauses come and go */
        struct utc
                paused_until; /* UTC_NEVER: until resumed; meaningful while one of the two is set */
        struct state_ack *acks;
        size_t n_acks, acks_capacity;
        struct state_gone *gone; /* sorted by generation */
        size_t n_gone, gone_capacity;
        struct unselected *unselected; /* sorted by generation, then policy */
        size_t n_unselected, unselected_capacity;
        struct failure *failures; /* sorted by uniqueId */
        size_t n_failures, failures_capacity;
        struct state_fleet *fleets;
        size_t n_fleets, fleets_capacity;
        struct state_deletions *deletions; /* oldest first */
        size_t n_deletions, deletions_capacity;
        char **masses; /* owned, sorted; policies of which doubt mass stands */
        size_t n_masses, masses_capacity;
        struct state_rule *rules; /* sorted by policy */
        size_t n_rules, rules_capacity;
        bool changed;       /* since it was read or written */
        bool pause_unsaved; /* what was said of pauses is not written */
        bool unread; /* the store has a file that could not be read, and nothing is written over it */
};

enum {
        STATE_E_DAMAGED =
                1,     /* the file cannot be understood; the state has no more than its pause */
        STATE_E_NEWER, /* written by a newer version; the same */
        STATE_E_ASIDE, /* there is none, for one was set aside and no other was written since */
};

void state_deinit(struct state *state);

/* Fills @ret_state, which is empty when there is no file. @store NULL: nothing is kept. Returns 0,
 * STATE_E_*, or a negative errno of the store, after which it is empty; the state is usable after each. */
int state_load(struct store *store, struct state *ret_state);
/* Writes it when it has changed, and sets aside before what could not be read. Returns 0 or a negative errno; changed
 * stays set after a failure. */
int state_save(struct state *state, struct store *store);
/* Gives a file that could not be read another name, which is @ret_name; "" when there is none. Returns 0, -EEXIST when
 * all STATE_UNREAD_MAX are taken, or a negative errno of the store, and then it is as it was. */
int state_set_aside(struct state *state, struct store *store,
                    char ret_name[static STATE_UNREAD_NAME_SIZE]);

/* Finds or adds, and sets changed when it adds. Return 0, -ENOMEM, or -E2BIG at the ceiling. */
int state_gone_get(struct state *state, const char *generation, struct state_gone **ret_gone);
int state_fleet_get(struct state *state, const char *key, struct state_fleet **ret_fleet);
/* NULL when there is none. */
const struct state_gone *state_gone_find(const struct state *state, const char *generation);
void state_gone_forget(struct state *state, const char *generation);
/* The disk was at @disk at the instant @seen. What is remembered of another place, or of none, is over when that
 * was no later. Adds. Returns 0, -ENOMEM, or -E2BIG at the ceiling. */
int state_gone_see(struct state *state, const char *generation, const char *disk, struct utc seen);
/* Its absence is over, and where it was last stays. */
void state_gone_end(struct state *state, const char *generation);

/* Remembers that the policy does not select the generation, whose disk is listed. Copies. Returns 0, -ENOMEM,
 * or -E2BIG at the ceiling. */
int state_unselected_note(struct state *state, const char *generation, const char *policy);
/* Forgets the @at-th. */
void state_unselected_forget(struct state *state, size_t at);

/*
 * One of ours is listed failed at @now: remembered since then, unless it is already. Returns 0, -ENOMEM, or
 * -E2BIG at the ceiling.
 */
int state_failure_note(struct state *state, const struct guid *unique_id,
                       const struct guid *subscription, struct utc now);
/* Forgets the @at-th. */
void state_failure_forget(struct state *state, size_t at);

/* The key of the @target-th target: all that it selects by, and its policy's name, which @policy is or
 * was. Returns 0 or -ENOMEM. */
int target_key(const struct policy_file *file, size_t target, const char *policy,
               char ret_key[static 17]);
/* What is remembered of the target of one key is of another, unless something is remembered of that. */
void state_fleet_rename(struct state *state, const char *from, const char *to);

/* Forgets the fleets that were seen last more than STATE_FLEET_DAYS before @now, and are of none of the @n targets
 * of these keys: of those that the policy file had. For good, so not by a clock in doubt. */
void state_expire_fleets(struct state *state, char (*keys)[17], size_t n, struct utc now);

/* Accepts; an earlier ack of the same policy and kind goes. Copies. Returns 0, -ENOMEM, -E2BIG. */
int state_ack(struct state *state, enum doubt kind, const char *policy, const char *rule,
              uint64_t allowance, struct utc now);
/* Whether this rule (POLICY, ASKED) or the question of ask (_DOUBT_N, @rule NULL) was accepted. */
bool state_is_acked(const struct state *state, enum doubt kind, const char *policy,
                    const char *rule);
/* When the one of that kind was given; UTC_NONE: there is none. */
struct utc state_acked_at(const struct state *state, enum doubt kind, const char *policy);
void state_ack_forget(struct state *state, enum doubt kind, const char *policy);
/* MASS: what was accepted within DOUBT_MASS_WINDOW_S before @now and is not spent. */
uint64_t state_allowance(const struct state *state, const char *policy, struct utc now);
/* Spends one of it on a deletion, which is then not to be counted among the day's. Returns whether one was
 * left. */
bool state_spend_allowance(struct state *state, const char *policy, struct utc now);
/* Gives one back that was spent on a deletion that did not happen; not to an ack after @spent. */
void state_return_allowance(struct state *state, const char *policy, struct utc spent);

/* Counts deletions of snapshots that were created at @created. @policy may be of a tag. Returns 0, -ENOMEM, -E2BIG, or
 * -EINVAL for what no policy can be called: no policy gains or loses by it. */
int state_count_deletions(struct state *state, const char *policy, struct utc created,
                          uint64_t count, struct utc now);
/* Forgets those that lie outside the window around @now: for good, so not by a clock in doubt. */
void state_expire_deletions(struct state *state, struct utc now);
/* None of them counts any more. */
void state_forget_deletions(struct state *state, const char *policy);
/* Takes one back that was counted at @counted and did not happen. */
void state_uncount_deletion(struct state *state, const char *policy, struct utc created,
                            struct utc counted);
/*
 * Of the hours that lie within DOUBT_MASS_WINDOW_S before @now, the one it begins in included. What was
 * created within DOUBT_MASS_GAIN_S and deleted again is not counted: it was gained and lost, and the
 * tally, which counts what is there, has not counted it as gained.
 */
uint64_t state_deletions_since(const struct state *state, const char *policy, struct utc now);
/* Doubt mass of the policy stands; notes that it does: 0, -ENOMEM, -E2BIG; and that it has ended. */
bool state_mass_stands(const struct state *state, const char *policy);
int state_mass_note(struct state *state, const char *policy);
void state_mass_forget(struct state *state, const char *policy);
/* NULL when there is none. */
const struct state_rule *state_rule_find(const struct state *state, const char *policy);
/* Remembers it in place of an earlier one. Copies. Returns 0, -ENOMEM, -E2BIG. */
int state_rule_set(struct state *state, const char *policy, const char *rule, uint64_t complete);
/* One of its snapshots is deleted, and need not be listed any more. */
void state_rule_uncount(struct state *state, const char *policy);
