/*
 * file_at: the two things done with files, relative to an open directory: read whole, replace
 * whole. file.h, statedir.h and zoneinfo.h are made of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the regular file @name of @directory (AT_FDCWD for the current one) by open(2) flags @flags
 * on top of the obvious. The memory of an unfinished read is wiped.
 *
 * Returns 0, -ENOENT, -E2BIG above @max, -EISDIR, -EBADF for another thing that is no file, -ELOOP
 * for a link under O_NOFOLLOW, or another negative errno.
 */
int file_read_at(int directory, const char *name, int flags, size_t max, char **ret_bytes,
                 size_t *ret_len);
/* Reads an open descriptor to its end. @hint is the expected length. */
int file_read_fd(int fd, size_t hint, size_t max, char **ret_bytes, size_t *ret_len);

/* Writes @temporary in @directory and renames it to @name. With @sync the file is synced before;
 * the directory is the caller's. A @temporary left over is replaced. Returns 0 or a negative errno.
 * */
int file_replace_at(int directory, const char *name, const char *temporary, const char *bytes,
                    size_t len, unsigned mode, bool sync);
