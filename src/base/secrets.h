/*
 * secrets: credentials by name. An interface: runtime reads systemd's credentials directory, sim
 * has planted ones.
 *
 * A secret is read each time it is needed and wiped after it: nobody keeps one.
 */
#pragma once

#include <stddef.h>

/* systemd's own ceiling for one credential is 1 MiB; chosen: ours are passwords and keys. */
#define SECRETS_MAX 65536

struct secrets;

struct secrets_ops {
        int (*read)(struct secrets *secrets, const char *name, char **ret_text);
};

struct secrets {
        const struct secrets_ops *ops;
};

/* The caller owns *ret_text, NUL ended and without a newline at its end, and frees it with
 * str_wipe_free(). Returns 0, -ENOENT when there is no credential of that name, -EINVAL when it
 * holds a NUL or the name is no plain one, -E2BIG, or another negative errno. */
static inline int secrets_read(struct secrets *secrets, const char *name, char **ret_text) {
        return secrets->ops->read(secrets, name, ret_text);
}
