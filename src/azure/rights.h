/*
 * rights: the actions that our requests need, and what a caller may do in a resource group.
 *
 * The table is the one place where an action is written down: the custom roles in conf/roles are held
 * against it and against the requests (tests/unit/test-roles.c), and "check --online" compares it with
 * what Azure answers.
 *
 * Azure answers with one element a role that reaches the group, from above or in it. An action is allowed
 * when a pattern in actions of one element fits it and none in notActions of the same element does: what
 * one role leaves out another may give ("Azure role definitions", "NotActions", Microsoft Learn, read
 * 2026-11). Deny assignments, locks and Azure Policy are none of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

enum right {
        RIGHT_READ_RIGHTS,
        RIGHT_COPY_DISK,
        RIGHT_READ_DISK,
        RIGHT_POLL,
        RIGHT_DELETE_SNAPSHOT,
        RIGHT_READ_SNAPSHOT,
        RIGHT_WRITE_SNAPSHOT,
        _RIGHT_N,
};

#define RIGHT_BIT(right) (UINT32_C(1) << (right))

/* On the encryption set of a disk that has one, and in no role: most fleets have none (FACTS section 10,
 * "CMK"). */
#define ENCRYPTION_SET_READ_ACTION "Microsoft.Compute/diskEncryptionSets/read"

/* Who needs it: the identity for all but deletions, and the one for these. */
enum {
        RIGHT_CREATOR = 1 << 0,
        RIGHT_PRUNER = 1 << 1,
};

/* Where it is needed. What the check itself asks for is needed nowhere. */
enum {
        RIGHT_AT_DISKS = 1 << 0,     /* the disks' groups */
        RIGHT_AT_SNAPSHOTS = 1 << 1, /* the groups that snapshots go to */
};

struct right_row {
        const char *action;
        unsigned who;   /* RIGHT_CREATOR, RIGHT_PRUNER */
        unsigned where; /* RIGHT_AT_* */
        bool doubtful;  /* in the role, and nobody has seen Azure refuse for want of it */
};

extern const struct right_row right_rows[_RIGHT_N];

/* Bits of what is needed by @who (any of) at a place that is @where (all of). */
uint32_t rights_needed(unsigned who, unsigned where);

/* Whether a pattern of a role fits the action: without case, '*' for any run of characters, a '/' too. */
bool action_matches(const char *pattern, const char *action);

/* Chosen: an action is some words with slashes between. */
#define RIGHT_PATTERN_MAX 512

/* One page of the answer. */
struct permissions_reply {
        uint32_t allowed;      /* RIGHT_BIT()s; pages add up */
        const char *next_link; /* NULL on the last page; borrowed from the tree */
        struct cJSON *json;    /* owned */
};

/* Returns 0, JSON_E_* (page.h), REPLY_E_MEMBER (replies.h) with *reterr_member, or -ENOMEM. */
int permissions_reply_parse(const char *bytes, size_t len, struct permissions_reply *ret_reply,
                            const char **reterr_member);
void permissions_reply_deinit(struct permissions_reply *reply);
