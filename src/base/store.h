/*
 * store: the few small files that may be lost. An interface: runtime keeps them in the state
 * directory, sim in memory, where a crash tears what was not synced.
 *
 * The cloud is the record (DESIGN section 1, promise 4); what is here, lost, only makes us ask
 * again. A file is read whole and replaced whole: after a crash it is the old or the new one.
 */
#pragma once

#include <stddef.h>

/* Chosen: pauses, acks and sizes of ten thousand disks fit many times over. */
#define STORE_FILE_MAX (20U << 20)

struct store;

struct store_ops {
        int (*read)(struct store *store, const char *name, char **ret_bytes, size_t *ret_len);
        int (*write)(struct store *store, const char *name, const char *bytes, size_t len);
        int (*remove)(struct store *store, const char *name);
        int (*rename)(struct store *store, const char *name, const char *other);
};

struct store {
        const struct store_ops *ops;
};

/* @name is letters, digits, '-' and '.', and no path. The caller owns *ret_bytes, which has a NUL
 * beyond its length. Returns 0, -ENOENT, -E2BIG above STORE_FILE_MAX, or another negative errno. */
static inline int store_read(struct store *store, const char *name, char **ret_bytes,
                             size_t *ret_len) {
        return store->ops->read(store, name, ret_bytes, ret_len);
}

/* Returns 0 once the new content would survive a crash of the machine, or a negative errno, the
 * old content then being whole. */
static inline int store_write(struct store *store, const char *name, const char *bytes,
                              size_t len) {
        return store->ops->write(store, name, bytes, len);
}

/* Returns 0, also when there is no such file, or a negative errno. */
static inline int store_remove(struct store *store, const char *name) {
        return store->ops->remove(store, name);
}

/* Without reading it, so that it goes with what cannot be read, too. Returns 0 once that would survive a crash of the
 * machine, -ENOENT, -EEXIST where there is one of the other name, or another negative errno. */
static inline int store_rename(struct store *store, const char *name, const char *other) {
        return store->ops->rename(store, name, other);
}
