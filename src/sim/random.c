#include "sim/random.h"

#include "base/str.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* The finalizer of splitmix64. */
static uint64_t scramble(uint64_t z) {
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

uint64_t sim_mix(uint64_t a, uint64_t b) {
        return scramble(scramble(a + GOLDEN) ^ (b + GOLDEN * 2));
}

uint64_t sim_hash(uint64_t hash, const void *bytes, size_t len) {
        const unsigned char *p = bytes;

        for (size_t i = 0; i < len; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
        return hash;
}

uint64_t sim_hash_bulk(uint64_t hash, const void *bytes, size_t len) {
        const unsigned char *p = bytes;
        size_t whole = len / 8 * 8;

        for (size_t i = 0; i < whole; i += 8) {
                uint64_t word;

                memcpy(&word, p + i, sizeof(word));
                hash = (hash ^ le64toh(word)) * GOLDEN;
                hash ^= hash >> 32;
        }
        return sim_hash(hash ^ len, p + whole, len - whole);
}

uint64_t sim_hash_str(uint64_t hash, const char *text) {
        return sim_hash(hash, text, strlen(text));
}

uint64_t sim_hash_nocase(uint64_t hash, const char *text, size_t len) {
        for (size_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char)ascii_lower(text[i])) * UINT64_C(0x100000001b3);
        return hash;
}

struct sim_stream sim_stream_init(uint64_t seed, uint64_t node, uint64_t purpose) {
        return (struct sim_stream){sim_mix(sim_mix(seed, node), purpose)};
}

uint64_t sim_stream_u64(struct sim_stream *stream) {
        stream->state += GOLDEN;
        return scramble(stream->state);
}

uint64_t sim_stream_below(struct sim_stream *stream, uint64_t bound) {
        return bound == 0 ? 0 : sim_stream_u64(stream) % bound;
}

struct sim_random {
        struct random random;
        struct sim_stream streams[_RANDOM_PURPOSE_N];
};

static uint64_t sim_random_u64(struct random *random, enum random_purpose purpose) {
        struct sim_random *sim = container_of(random, struct sim_random, random);

        return sim_stream_u64(&sim->streams[purpose]);
}

int sim_random_new(uint64_t seed, unsigned node, struct sim_random **ret_random) {
        static const struct random_ops ops = {.u64 = sim_random_u64};
        struct sim_random *random;

        random = calloc(1, sizeof(*random));
        if (!random)
                return -ENOMEM;

        random->random.ops = &ops;
        for (unsigned i = 0; i < _RANDOM_PURPOSE_N; i++)
                random->streams[i] = sim_stream_init(seed, node, i);

        *ret_random = random;
        return 0;
}

struct sim_random *sim_random_free(struct sim_random *random) {
        free(random);
        return NULL;
}

struct random *sim_random_interface(struct sim_random *random) {
        return &random->random;
}
