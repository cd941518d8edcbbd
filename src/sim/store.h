/*
 * sim/store: struct store of base in memory.
 *
 * A write is durable when it returns, as the interface says. What a crash may tear is therefore
 * this: a removal, which nobody synced, may be undone; and a crash in the middle of a write leaves
 * the old content or the new one, the seed deciding.
 */
#pragma once

#include "base/macros.h"
#include "base/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_store;

int sim_store_new(uint64_t seed, unsigned node, struct sim_store **ret_store);
struct sim_store *sim_store_free(struct sim_store *store);
DEFINE_CLEANUP(struct sim_store *, sim_store_free)

/* Borrowed; lives as long as @store. */
struct store *sim_store_interface(struct sim_store *store);

/* The process dies: removals since the last crash may come back. */
void sim_store_crash(struct sim_store *store);
/* The machine is lost: all files are gone. */
void sim_store_lose(struct sim_store *store);
/* Every file is cut off, @how saying after how many of its bytes: never after all. Returns whether there
 * was one. */
bool sim_store_damage(struct sim_store *store, uint64_t how);
/* The next @n writes, removals and renames return @error (negative errno, such as -ENOSPC) and change
 * nothing. */
void sim_store_fail(struct sim_store *store, unsigned n, int error);
/* The same of reads, which fail for a while, the files being whole. */
void sim_store_fail_reads(struct sim_store *store, unsigned n, int error);
/* The next write returns -EIO as if the process had died in it: old content or new. */
void sim_store_tear_next(struct sim_store *store);

/* Files there are, and writes, removals and renames that succeeded. */
size_t sim_store_files(const struct sim_store *store);
uint64_t sim_store_changes(const struct sim_store *store);
