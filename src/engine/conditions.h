/*
 * conditions: what is out of order for a while, told when it begins and when it is over.
 *
 * Whoever knows what is so goes through it in passes: conditions_begin(), condition_raise() for each
 * that holds now, conditions_finish(). One that was not raised before is told; one that is not raised
 * any more is told to be over. Between the two it is silent, however often it is raised.
 */
#pragma once

#include "base/hash_table.h"
#include "base/log.h"
#include "base/time.h"

#include <stdint.h>

struct condition;

#define CONDITION_NO_DOUBT (-1)

struct conditions {
        struct log *log;          /* borrowed */
        uint64_t *begun, *ended;  /* borrowed counters, indexed by sight.doubt */
        struct condition *raised; /* hash by key */
        unsigned pass;
};

/* One sighting. Strings are borrowed until the call returns; those that are NULL have no field. */
struct condition_sight {
        const char *key; /* what makes it the same one: "late <generation>/gold" */
        enum log_level level;
        int doubt;          /* what to count it as, or CONDITION_NO_DOUBT */
        const char *reason; /* SNAPKEEP_REASON: a word */
        const char *policy, *disk, *generation;
        const char *text; /* a sentence without a full stop; a change of it alone is not told */
        const char *over; /* the sentence for the end; NULL: the end is not told */
};

void conditions_deinit(struct conditions *conditions);
void conditions_begin(struct conditions *conditions);
/* At @now. Where memory is out it is told each time. */
void condition_raise(struct conditions *conditions, const struct condition_sight *sight,
                     struct utc now);
/* Since when it is raised; UTC_NONE when it is not. */
struct utc condition_since(const struct conditions *conditions, const char *key);
/* Tells what is over. */
void conditions_finish(struct conditions *conditions);
