#include "runtime/entropy.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

static int entropy_draw(uint64_t *ret_value) {
        ssize_t n;

        do
                n = getrandom(ret_value, sizeof(*ret_value), 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0; /* up to 256 bytes come whole (random(4)) */
}

static uint64_t entropy_u64(struct random *random, enum random_purpose purpose) {
        uint64_t value = 0;
        int r = entropy_draw(&value);

        /* entropy_open() drew once; the kernel takes nothing back from a process. */
        assert(r == 0);
        return value;
}

static const struct random_ops entropy_ops = {
        .u64 = entropy_u64,
};

int entropy_open(struct random **ret_random) {
        static struct random entropy = {.ops = &entropy_ops};
        uint64_t value;
        int r = entropy_draw(&value);

        if (r < 0)
                return r;
        *ret_random = &entropy;
        return 0;
}
