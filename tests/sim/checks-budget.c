/*
 * What a daemon asks for, counted by brute force against our share of Compute's buckets, and whether any
 * bucket was run empty. One region is all that simulated fleets have.
 */
#include "checks-internal.h"

#include <stdio.h>
#include <stdlib.h>

/* FACTS section 9: in 3 and in 30 minutes. Both kinds of listing draw from one bucket. */
static const struct {
        enum service_request_kind kinds[2];
        size_t max[2];
} buckets[CHECKS_BUCKETS] = {
        {{SERVICE_REQUEST_PUT_SNAPSHOT, SERVICE_REQUEST_PUT_SNAPSHOT}, {1000, 8000}},
        {{SERVICE_REQUEST_DELETE_SNAPSHOT, SERVICE_REQUEST_DELETE_SNAPSHOT}, {3000, 24000}},
        {{SERVICE_REQUEST_LIST_DISKS, SERVICE_REQUEST_LIST_SNAPSHOTS}, {240, 1920}},
};

static const int64_t windows_ns[2] = {180 * NSEC_PER_SEC, 1800 * NSEC_PER_SEC};

static size_t share_permille(const struct checks *c) {
        return c->n_intents > 0 && c->intents[0].share_permille > 0 ? c->intents[0].share_permille
                                                                    : 500;
}

void checks_asked(struct checks *c, struct seen_place *place, enum service_request_kind kind,
                  struct mono now) {
        for (int b = 0; b < CHECKS_BUCKETS; b++) {
                struct seen_asked *asked = &place->asked[b];

                if (buckets[b].kinds[0] != kind && buckets[b].kinds[1] != kind)
                        continue;
                checks_grow(&asked->at, asked->n, &asked->capacity, sizeof(*asked->at));
                asked->at[asked->n++] = now;
                c->evaluated[PROMISE_BUDGETS]++;
                for (int w = 0; w < 2; w++) {
                        size_t ours = buckets[b].max[w] * share_permille(c) / 1000;

                        if (asked->n > ours &&
                            now.ns - asked->at[asked->n - 1 - ours].ns < windows_ns[w])
                                checks_broken(c, PROMISE_BUDGETS,
                                              "%zu requests of kind %s in %lld minutes, and %zu "
                                              "are ours",
                                              ours + 1, service_request_kind_name(kind),
                                              (long long)(windows_ns[w] / NSEC_PER_SEC / 60), ours);
                }
        }
}

void checks_exhausted(struct checks *c) {
        uint64_t exhausted = service_counts(c->service).exhausted;

        if (exhausted > c->exhausted && !c->strangers_spend)
                checks_broken(c, PROMISE_BUDGETS, "a bucket was run empty, and nobody else asks");
        c->exhausted = exhausted;
}

void checks_asked_clear(struct seen_node *node) {
        for (int i = 0; i < CHECKS_PLACES * CHECKS_BUCKETS; i++) {
                struct seen_asked *asked =
                        &node->places[i / CHECKS_BUCKETS].asked[i % CHECKS_BUCKETS];

                free(asked->at);
                *asked = (struct seen_asked){};
        }
}
