/*
 * budget: how much may still be asked of one subscription, and when the next request may go.
 *
 * Azure counts requests in two places (FACTS section 9). ARM has three buckets a subscription, for
 * reads, writes and deletes, which fill again steadily. Microsoft.Compute has some a region, each for
 * a few kinds of calls, counted in windows of 3 and of 30 minutes that begin with the first call.
 * Every request draws from one bucket of ARM and from both windows of one of Compute's.
 *
 * What a bucket holds is believed as the recordings had it until replies say otherwise: each has
 * x-ms-ratelimit-remaining-* headers with what is left. The highest that is seen since a window began,
 * with what was asked since then, is what it holds; more is believed at once, less when two windows in
 * which replies came have shown no more. ARM's buckets have no windows: there it is the highest of two
 * times of 3 minutes, and never less than the recordings had. Two rules follow, and both must allow a
 * request:
 *
 *   - Our share. In no time as long as the window do we ask for more than our share of it, whatever
 *     the phase of Azure's own windows: what was asked is counted in slots of a sixtieth.
 *   - Never to zero. What was left at the last reply, less what is under way, stays above a reserve:
 *     others draw from the same buckets, and what they take is theirs.
 *
 * Where requests of several ranks draw from one bucket, each rank leaves room for those before it:
 * create, copy, poll, prune. From half of our share of a window on, requests are spaced by its own
 * pace, by chance a little shorter, so that a backlog is a stream and no row of bursts.
 *
 * A 429 closes what it speaks of until its Retry-After. Where the provider's shows its bucket empty, that
 * is the bucket of this kind in this region; else it is the subscription. Sending earlier would start the
 * wait anew. A request whose region is not known waits for those of all regions, and they for it.
 *
 * It is a value of the caller's: no clock and no chance of its own. A daemon that starts believes
 * that it has asked for nothing yet; the headers of its first replies tell what its predecessor left.
 */
#pragma once

#include "azure/error.h"
#include "base/macros.h"
#include "base/time.h"
#include "base/transport.h"

#include <stdbool.h>
#include <stdint.h>

/* What a request is, as Azure counts it. */
enum budget_kind {
        BUDGET_KIND_LIST,   /* a page of a listing */
        BUDGET_KIND_GET,    /* one disk or snapshot */
        BUDGET_KIND_POLL,   /* an operation */
        BUDGET_KIND_CREATE, /* PUT of a snapshot */
        BUDGET_KIND_DELETE,
        BUDGET_KIND_TAG, /* PATCH of a tags resource */
        _BUDGET_KIND_N,
};

/* What it is for, the most urgent first. */
enum budget_rank {
        BUDGET_RANK_CREATE,
        BUDGET_RANK_COPY, /* to another region */
        BUDGET_RANK_POLL, /* what became of it: listings, operations */
        BUDGET_RANK_PRUNE,
};

struct budget_ask {
        enum budget_kind kind;
        enum budget_rank rank;
        const char *region; /* canonical (core/naming.h); NULL or "" where it is not known: requests
                               without one have buckets of their own */
        uint64_t ticket;    /* the budget's, from budget_take() on */
};

/* Chosen: regions beyond these share the buckets of the unknown one. */
#define BUDGET_REGIONS_MAX 100
/* Chosen, where a 429 has no Retry-After: half of what the contract gives operations (FACTS section 3). */
#define BUDGET_CLOSED_NS (30 * NSEC_PER_SEC)

struct budget;

/* @share_permille of each bucket is ours, 1 to 1000; 0: nothing is held back but what a 429 closes,
 * for an Azure that is simulated without limits. Returns 0 or -ENOMEM. */
int budget_new(unsigned share_permille, struct budget **ret_budget);
/* Another share, from now on: what was asked for, and what is closed, stays so. */
void budget_set_share(struct budget *budget, unsigned share_permille);
/* Copes with NULL, returns NULL. */
struct budget *budget_free(struct budget *budget);
DEFINE_CLEANUP(struct budget *, budget_free)

/* When such a request may go: @now, or the moment to ask again. */
struct mono budget_when(const struct budget *budget, const struct budget_ask *ask, struct mono now);
/* A 429 forbids it until then, also with a permit; @ask NULL: all requests. In the past: it is open. */
struct mono budget_closed_until(const struct budget *budget, const struct budget_ask *ask);

/* A permit is taken: the request counts from here on. @chance is any number, each as likely. Returns 0,
 * or -ENOMEM when the region is new and memory is out: then it may not go. */
int budget_take(struct budget *budget, struct budget_ask *ask, uint32_t chance, struct mono now);
/* The same request has its reply. @error is what arm_error_classify() made of it. */
void budget_see(struct budget *budget, const struct budget_ask *ask, const struct http_reply *reply,
                const struct arm_error *error, struct mono now);
/* It was given up, sent or not: nobody will know what it cost. */
void budget_drop(struct budget *budget, const struct budget_ask *ask);

/* For tests and figures: what the window's bucket is believed to hold; 0: 3 minutes, 1: 30. */
uint32_t budget_believed(const struct budget *budget, const struct budget_ask *ask, int window);
