/*
 * checks: the promises, stated by brute force over the service model's truth (DESIGN section 1).
 *
 * They share nothing with the engine but base: what a scenario wants stands in the intent, names and
 * retention are worked out here again, in another way. Each promise counts how often it was
 * evaluated on something that could have failed.
 */
#pragma once

#include "base/time.h"
#include "sim/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum promise {
        PROMISE_ONLY_OURS,  /* 1: a deletion of ours hits what is ours */
        PROMISE_NEVER_LAST, /* 2: it leaves the newest complete, min_keep, and what the rule keeps */
        PROMISE_EXACTLY_ONCE, /* 3: no slot has two */
        PROMISE_IT_ENDS, /* 9: once faults stop, every slot due is filled and nothing is over */
        _PROMISE_N,
};

const char *promise_name(enum promise promise);

/* What the scenario wants of one policy, in place of its policy file. */
struct intent {
        const char *owner;
        const char *policy;
        int64_t every_s;
        uint32_t last;          /* with hourly and daily 0 too: nothing is ever deleted */
        uint32_t hourly, daily; /* in UTC, the first of a period standing for it */
        uint32_t min_keep;
        int64_t min_age_s;
        const char *group; /* of the snapshots */
};

#define INTENTS_MAX 4

struct checks {
        struct intent intents[INTENTS_MAX];
        size_t n_intents;
        size_t seen; /* effects looked at */
        uint64_t evaluated[_PROMISE_N];
        uint64_t creations, deletions; /* by our hands */
        bool broken;
        char what[512]; /* the first broken promise, for people */
};

/* Looks at what has happened since the last call. */
void checks_step(struct checks *checks, const struct service *service, struct utc now);

/* After faults have stopped for long: every disk in rg-app has its newest slot, and each series holds
 * what its rule keeps and no more. */
void checks_settled(struct checks *checks, const struct service *service, struct utc now);
