/*
 * file: whole files, read with a ceiling and replaced in one step.
 *
 * For what the operator names: the policy, a CA, a metrics file. The state directory has its own,
 * stricter rules (statedir.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
        FILE_E_MISSING = 1, /* the file or a directory on the way to it does not exist */
        FILE_E_NOT_REGULAR, /* a directory, a device, a pipe, a socket */
        FILE_E_TOO_LARGE,   /* above the ceiling */
};

/* Chosen by systemd: the most a credential may have. */
#define FILE_CREDENTIAL_MAX (1U << 20)

/*
 * Reads the file, links followed. The caller owns *ret_bytes, which has a NUL beyond its length and
 * may hold others. Never waits, also not where a pipe lies in place of the file.
 *
 * Returns 0, FILE_E_MISSING, FILE_E_NOT_REGULAR, FILE_E_TOO_LARGE, or a negative errno when it
 * cannot be read (-EACCES, -EIO, -ENOMEM).
 */
int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len);

/* The same of an open descriptor of any kind up to its end, waiting for what does not come at once:
 * standard input. Returns 0, FILE_E_TOO_LARGE, or a negative errno. */
int file_read_stream(int fd, size_t max, char **ret_bytes, size_t *ret_len);

/* What a result of these functions means, to follow a path and a colon: "does not exist". Static.
 * */
const char *file_error_text(int r);

/*
 * Replaces the file's content in one step, so that a reader sees the old file or the new one, by
 * way of a temporary in the same directory (@path with ".new" behind). A link at @path is replaced,
 * not followed. With @sync the new content survives a crash of the machine once this returns 0;
 * without, a crash may leave an old or an empty file: for metrics and the like.
 *
 * Returns 0 or a negative errno, the old content then being whole.
 */
int file_replace(const char *path, const char *bytes, size_t len, unsigned mode, bool sync);

/*
 * Reads the credential @name (letters, digits, '-', '_' and '.', not first) from @directory, which
 * is $CREDENTIALS_DIRECTORY as main found it, or NULL. The caller owns *ret_bytes and frees it by
 * str_wipe_free(), or memory_wipe() and free() when it may hold a NUL.
 *
 * Returns 0, -EINVAL for such a name, -ENOENT when there is no such credential or no directory,
 * -E2BIG above FILE_CREDENTIAL_MAX, -EBADF for what is no regular file, or another negative errno.
 */
int file_read_credential(const char *directory, const char *name, char **ret_bytes,
                         size_t *ret_len);
