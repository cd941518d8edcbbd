/*
 * load: how many snapshots a policy creates in each hour of the coming day, and a chart of it.
 */
#pragma once

#include "base/time.h"
#include "core/policy.h"
#include "core/proofs.h"

struct strbuf;

#define LOAD_HOURS 24

struct load {
        struct utc begin; /* the hour under way, from its beginning, in UTC */
        uint64_t creates[LOAD_HOURS];
};

/* By the slots, without jitter; a target with a match counts as one disk. */
void load_make(const struct policy_file *file, const struct proofs *proofs, struct utc now,
               struct load *ret_load);

/* When the hour begins. */
struct utc load_hour(const struct load *load, size_t hour);

/* A line for each hour, or for a run of hours that are alike. */
void load_chart(const struct load *load, bool in_utc, struct strbuf *out);
