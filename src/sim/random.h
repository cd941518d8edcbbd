/*
 * sim/random: numbers that repeat. Streams are seeded by (seed, node, purpose), so that a draw more
 * in one of them shifts none of the others; and sim_mix() is a pure function for decisions that must
 * not depend on what was drawn before.
 *
 * The generator is splitmix64 (S. Vigna, public domain): one word of state and equal everywhere.
 */
#pragma once

#include "base/macros.h"
#include "base/random.h"

#include <stddef.h>
#include <stdint.h>

/* The start of sim_hash(): FNV-1a, 64 bits. */
#define SIM_HASH_START UINT64_C(0xcbf29ce484222325)

/* A well mixed word of the two; chain calls for more than two. */
uint64_t sim_mix(uint64_t a, uint64_t b);
/* FNV-1a over bytes, goes on from @hash. */
uint64_t sim_hash(uint64_t hash, const void *bytes, size_t len);
/* For much: eight bytes at a time, and other values than sim_hash(). */
uint64_t sim_hash_bulk(uint64_t hash, const void *bytes, size_t len);
uint64_t sim_hash_str(uint64_t hash, const char *text);
/* The same with A-Z folded. */
uint64_t sim_hash_nocase(uint64_t hash, const char *text, size_t len);

struct sim_stream {
        uint64_t state;
};

/* @purpose is any number of the caller's; equal arguments give equal streams. */
struct sim_stream sim_stream_init(uint64_t seed, uint64_t node, uint64_t purpose);
uint64_t sim_stream_u64(struct sim_stream *stream);
/* 0 <= result < @bound; 0 for a bound of 0. */
uint64_t sim_stream_below(struct sim_stream *stream, uint64_t bound);

/* struct random of base for one node. */
struct sim_random;

int sim_random_new(uint64_t seed, unsigned node, struct sim_random **ret_random);
struct sim_random *sim_random_free(struct sim_random *random);
DEFINE_CLEANUP(struct sim_random *, sim_random_free)

/* Borrowed; lives as long as @random. */
struct random *sim_random_interface(struct sim_random *random);
