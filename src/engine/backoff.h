/*
 * backoff: when to try again. The one retry policy of the engine: doubling, capped, jittered, and
 * never earlier than the service asked.
 */
#pragma once

#include "base/random.h"
#include "base/time.h"

#include <stdbool.h>

/* Chosen. Within an operation: the conversation goes on in seconds or the operation gives up. */
#define BACKOFF_CALL_FIRST_NS (1 * NSEC_PER_SEC)
#define BACKOFF_CALL_CAP_NS (60 * NSEC_PER_SEC)
#define BACKOFF_CALL_TRIES 6
/* Chosen. Between operations: a snapshot that failed is tried again within its interval, and what
 * only a person can mend does not load the service. */
#define BACKOFF_ITEM_FIRST_NS (15 * NSEC_PER_SEC)
#define BACKOFF_ITEM_CAP_NS (900 * NSEC_PER_SEC)
/* Chosen. What somebody holds by a lock is left alone for longer. */
#define BACKOFF_HOLD_CAP_NS (3600 * NSEC_PER_SEC)

struct backoff {
        unsigned failures; /* in a row */
};

/*
 * Counts a failure and tells the next try: @first_ns doubled for each failure before, at most
 * @cap_ns, of which the upper half is spread by chance (a fleet that failed together shall not come
 * back together); @retry_after_ns, when it is not negative, is a lower bound that is never undercut.
 */
struct mono backoff_next(struct backoff *backoff, int64_t first_ns, int64_t cap_ns,
                         int64_t retry_after_ns, struct random *random, struct mono now);

static inline void backoff_reset(struct backoff *backoff) {
        backoff->failures = 0;
}
