/*
 * zones: the bytes of time zone files. An interface: runtime reads /usr/share/zoneinfo, sim and
 * tests have fixtures. core/zone.h understands the bytes.
 */
#pragma once

#include <stddef.h>

/* Chosen: the largest zone file in tzdata 2026 is under 4 KiB. */
#define ZONES_FILE_MAX 65536

struct zones;

struct zones_ops {
        int (*read)(struct zones *zones, const char *name, char **ret_bytes, size_t *ret_len);
};

struct zones {
        const struct zones_ops *ops;
};

/* Reads the file of an IANA name such as "Europe/Stockholm". A name that is no relative path of
 * plain parts is refused. The caller owns *ret_bytes. Returns 0, -EINVAL for such a name, -ENOENT
 * for a zone that is not installed, -E2BIG above ZONES_FILE_MAX, or another negative errno. */
static inline int zones_read(struct zones *zones, const char *name, char **ret_bytes,
                             size_t *ret_len) {
        return zones->ops->read(zones, name, ret_bytes, ret_len);
}
