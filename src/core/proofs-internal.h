/*
 * What the parts of proofs share.
 */
#pragma once

#include "core/proofs.h"

/* How far calendar events are walked. */
#define WALK_SPAN_S (2 * 366 * SEC_PER_DAY)
#define WALK_LEAST 100
#define WALK_MOST 20000

/* How many slots there can be in a time: of one policy, for windows of any length. */
struct slot_counter {
        const struct schedule *schedule;
        int64_t *slots; /* owned: those of the calendar events, walked; NULL without events */
        size_t n;
        int64_t span_s; /* what the walk covered */
};

int slot_counter_init(struct slot_counter *counter, const struct policy *policy, struct utc now);
void slot_counter_deinit(struct slot_counter *counter);
/* The most slots that lie in any @window_s seconds, 1 or more, its end left out. Never less. */
uint64_t slot_counter_most(const struct slot_counter *counter, int64_t window_s);

uint64_t peak_bound(const struct policy *policy, const struct slot_counter *counter);

_printf_(4, 5) int proofs_add(struct proofs *proofs, enum proof_severity severity, size_t policy,
                              const char *format, ...);

/* Which disks are selected by which policies, and what that comes to. */
int proofs_check_fleet(struct proofs *proofs, const struct policy_file *file,
                       const struct proof_fleet *fleet);
