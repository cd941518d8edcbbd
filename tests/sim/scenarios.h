/*
 * scenarios: named stories, each a few lines over the rig.
 */
#pragma once

#include "rig.h"

struct scenario {
        const char *name;
        unsigned runs; /* seeds in an ordinary test run; 1 when the seed changes nothing */
        void (*run)(struct rig *rig);
};

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

/* Every request of a round, killed before and after its effect. Returns how many rounds were killed;
 * stops at the first broken promise, which is then in *ret_what (512 bytes) with the request. */
unsigned scenario_kill_every_request(uint64_t seed, char *ret_what, size_t size);
