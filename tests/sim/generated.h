/*
 * generated: many generated runs.
 */
#pragma once

#include "story.h"

struct generated {
        uint64_t runs, first_seed;
        uint64_t shard, shards; /* the shard-th (from 0) of so many equal parts of the runs */
        uint64_t jobs;          /* processes */
        uint64_t failures_max;  /* a process stops after so many */
        bool shrink;            /* the first failure of each process */
};

/* Returns how many runs broke a promise; adds to @counts. */
uint64_t generated_run(const struct generated *generated, struct story_counts *counts);
/* One run. Returns whether all promises were kept; a failure is told on standard output. */
bool generated_one(uint64_t seed, bool echo, bool shrink, struct story_counts *counts,
                   uint64_t *ret_hash);
