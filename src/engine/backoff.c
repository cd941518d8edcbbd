#include "engine/backoff.h"

#include "base/macros.h"

struct mono backoff_next(struct backoff *backoff, int64_t first_ns, int64_t cap_ns,
                         int64_t retry_after_ns, struct random *random, struct mono now) {
        int64_t delay_ns = first_ns;

        for (unsigned i = 0; i < backoff->failures && delay_ns < cap_ns; i++)
                delay_ns *= 2;
        delay_ns = MIN(delay_ns, cap_ns);
        backoff->failures++;

        delay_ns = delay_ns / 2 +
                   (int64_t)random_below(random, RANDOM_BACKOFF, (uint64_t)(delay_ns / 2 + 1));
        if (retry_after_ns >= 0) {
                /* Behind what was asked, and still spread. */
                int64_t spread =
                        (int64_t)random_below(random, RANDOM_BACKOFF, (uint64_t)(first_ns / 2 + 1));

                delay_ns = MAX(delay_ns, retry_after_ns + spread);
        }
        return mono_add_ns(now, delay_ns);
}
