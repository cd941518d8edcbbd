/*
 * secrets: what proves who we are, and where this machine keeps it. An interface: runtime reads files
 * and the environment, sim has planted ones.
 *
 * A secret is read each time it is needed and wiped after it: nobody keeps one. So a file that
 * somebody renews, as Kubernetes does with its tokens, is seen at the next need.
 */
#pragma once

#include <stddef.h>

/* systemd's own ceiling for one credential is 1 MiB; chosen: ours are passwords and keys. */
#define SECRETS_MAX 65536
/* Where the Arc agent lays its keys, how their names end, and how long they are at most: as
 * Microsoft's SDKs demand it (FACTS section 8, "Arc"). */
#define SECRETS_ARC_DIRECTORY "/var/opt/azcmagent/tokens"
#define SECRETS_ARC_ENDING ".key"
#define SECRETS_ARC_MAX 4096

enum secrets_kind {
        SECRETS_CREDENTIAL, /* a systemd credential, by its name */
        SECRETS_VARIABLE,   /* a variable of the environment, by its name */
        SECRETS_FILE,       /* a file, by its absolute path; links are followed, since Kubernetes
                               swaps its tokens by one */
        SECRETS_ARC_KEY,    /* a key of the Arc agent, by the file's name in its directory; a link
                               there is none of the agent's, and is refused */
};

struct secrets;

struct secrets_ops {
        int (*read)(struct secrets *secrets, enum secrets_kind kind, const char *name,
                    char **ret_text);
};

struct secrets {
        const struct secrets_ops *ops;
};

/*
 * The caller owns *ret_text, NUL ended and without a newline at its end, and frees it with
 * str_wipe_free(). Returns 0, -ENOENT when there is none of that name (an empty variable is none),
 * -EINVAL when it holds a NUL or the name is none of its kind, -E2BIG, -EBADF for what is no regular
 * file, -ELOOP for a link, or another negative errno.
 */
static inline int secrets_read(struct secrets *secrets, enum secrets_kind kind, const char *name,
                               char **ret_text) {
        return secrets->ops->read(secrets, kind, name, ret_text);
}
