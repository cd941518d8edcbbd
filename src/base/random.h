/*
 * random: unpredictable numbers in life, repeatable ones in simulation. An interface.
 *
 * Every purpose is a stream of its own, so that taking a draw away from one does not shift another.
 */
#pragma once

#include <stdint.h>

enum random_purpose {
        RANDOM_BACKOFF,    /* spreads retries */
        RANDOM_REQUEST_ID, /* x-ms-client-request-id */
        RANDOM_SPACING,    /* of requests, where budgets run low */
        RANDOM_JWT_ID,     /* jti of a client assertion */
        _RANDOM_PURPOSE_N,
};

struct random;

struct random_ops {
        uint64_t (*u64)(struct random *random, enum random_purpose purpose);
};

struct random {
        const struct random_ops *ops;
};

static inline uint64_t random_u64(struct random *random, enum random_purpose purpose) {
        return random->ops->u64(random, purpose);
}

/* 0 <= result < @bound; 0 for a bound of 0. The bias of the remainder is below 2^-40 for the
 * bounds used here (nanoseconds of minutes), far below what jitter could notice. */
static inline uint64_t random_below(struct random *random, enum random_purpose purpose,
                                    uint64_t bound) {
        return bound == 0 ? 0 : random_u64(random, purpose) % bound;
}
