/*
 * verb-check-online: what Azure says of a policy: whether there are tokens, whether its subscriptions can
 * be read, which disks its targets select, whether the groups of its snapshots are there, what the
 * identities may do there, and how the encryption sets of the disks stand.
 *
 * Every request is a GET. What cannot be asked, since something before it is wrong, is left unknown and
 * is no finding of its own. The parts: -gather.c finds out what is to be asked of, -ask.c puts the questions,
 * -judge.c makes findings of the answers, -show.c shows them.
 */
#pragma once

#include "azure/encryption_set.h"
#include "azure/rights.h"
#include "config/diagnostics.h"
#include "core/policy.h"
#include "core/rows.h"
#include "snapkeepctl/direct.h"

/* Chosen: far beyond what an operator would wait for; each is a request. */
#define ONLINE_GROUPS_MAX 20000
#define ONLINE_SETS_MAX 10000

struct json_writer;

/* Which of the policy's identities; without a second one the first does both. */
enum online_who {
        ONLINE_CREATOR,
        ONLINE_PRUNER,
        _ONLINE_WHO_N,
};

struct online_identity {
        const struct policy_identity *identity; /* NULL: there is no such one */
        bool asked;
        bool has_token;
        struct strbuf as;      /* who asks, and by what */
        struct strbuf problem; /* why there is no token */
};

struct online_subscription {
        const char *id; /* borrowed from the engine */
        bool read;
        bool answers;          /* more may be asked of it */
        const char *class;     /* of the failure (arm_class_name()); static; NULL without one */
        struct strbuf problem; /* " (code X, status N): message; remedy" */
        size_t n_disks, n_selected, n_snapshots;
};

enum online_answer {
        ONLINE_UNKNOWN,
        ONLINE_YES,
        ONLINE_NO,
};

struct online_rights {
        uint32_t needed; /* RIGHT_BIT()s */
        uint32_t allowed;
        bool asked;
        bool known;     /* the last page came */
        bool forbidden; /* to ask for them */
        bool no_group;
        struct strbuf next; /* link to the page that follows */
        struct strbuf problem;
};

struct online_group {
        size_t subscription;
        char *name;
        unsigned where;            /* RIGHT_AT_* */
        bool prunes;               /* a policy deletes there */
        size_t policy;             /* RIGHT_AT_SNAPSHOTS: the first that writes there */
        uint32_t n_disks;          /* selected ones */
        enum online_answer exists; /* as a GET in it has it: online_group_exists() */
        bool forbidden;            /* to read in it */
        struct strbuf problem;
        struct online_rights rights[_ONLINE_WHO_N];
};

enum online_set_state {
        ONLINE_SET_UNKNOWN,
        ONLINE_SET_OK,
        ONLINE_SET_MISSING,
        ONLINE_SET_FORBIDDEN, /* to read */
        ONLINE_SET_FAILING,   /* to rotate its key */
};

struct online_set {
        size_t subscription;
        char *text; /* as the disks have it */
        struct encryption_set_id id;
        uint32_t n_disks;
        enum online_set_state state;
        struct strbuf problem;
};

struct online {
        struct direct direct;
        const struct policy_file *file;
        struct online_identity identities[_ONLINE_WHO_N];
        struct online_subscription *subscriptions;
        size_t n_subscriptions;
        /* Pointers, since answers come to them while others are added. */
        struct online_group **groups;
        size_t n_groups, groups_capacity;
        struct online_set **sets;
        size_t n_sets, sets_capacity;
        size_t n_asked;   /* beside the sweeps */
        size_t *policies; /* [n_policies]: disks that it selects */
        size_t *targets;  /* [n_targets]: disks that it finds */
        struct diagnostics findings;
};

/* Asks and judges. What is wrong with this machine has been said; what is wrong with Azure or the policy
 * is a finding, and STATUS_DONE. @file outlives it; @path is for the findings. */
enum status online_open(struct policy_file *file, const char *path, struct online *online);
void online_close(struct online *online);

/* -ask.c: all questions, in their order. */
enum status online_ask(struct online *online);

/* -gather.c: notes the groups and sets of a subscription whose sweep is over, and counts what is selected.
 * Returns 0, -ENOMEM, or -E2BIG. */
int online_gather(struct online *online, size_t subscription);
/* What could be read of a subscription, or false. */
bool online_view(const struct online *online, size_t subscription, struct world_view *ret_view);
/* What of the rights the identity that is asked lacks; 0 also where that is not known. */
uint32_t online_lacks(const struct online_rights *rights);
/* Whether all subscriptions were read that the target, or one of the policy's, is about. */
bool online_target_is_read(const struct online *online, size_t target);
bool online_policy_is_read(const struct online *online, size_t policy);
/* By all that was answered about it. */
enum online_answer online_group_exists(const struct online_group *group);

/* -judge.c: findings of all that was answered. Returns 0 or -ENOMEM. */
int online_judge(struct online *online);

/* -show.c: tables for people, and the member "online". */
enum status online_show(const struct online *online, struct strbuf *out);
void online_write(const struct online *online, struct json_writer *w);
