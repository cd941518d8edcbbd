/*
 * statedir: the store in a directory, the service's StateDirectory.
 *
 * A file is replaced by writing ".NAME.new", syncing it, renaming it over NAME and syncing the
 * directory: after a crash there is the old content or the new one. A left-over ".NAME.new" is
 * replaced by the next write. Only regular files are read, symbolic links are never followed: the
 * directory belongs to us, so anything else in it is an attack or a mistake. Files are mode 0600.
 */
#pragma once

#include "base/macros.h"
#include "base/store.h"

/* Chosen: with the temporary's affixes still below the 255 of every file system. */
#define STATEDIR_NAME_MAX 200

/*
 * Opens the directory, which must exist (systemd or tmpfiles makes it); it may be a link, as
 * /var/lib/NAME is under DynamicUser=. Later changes of the path do not matter. It is locked as long as it is open,
 * for two daemons would each write over what the other remembers.
 *
 * Returns 0, -ENOENT, -ENOTDIR, -EBUSY when another has it open, -ENOMEM, or another negative errno. The store's own calls return
 * -EINVAL for a name that store.h does not allow (one that begins with '.' included), and -EISDIR,
 * -ELOOP or -EBADF for a directory, a link, or another thing that is no file.
 */
int statedir_new(const char *path, struct store **ret_store);
/* One that is there and could not be opened: each call of a name that is allowed returns @error, negative. So
 * what it holds is not taken for nothing, nor written over when it can be opened. Returns 0 or -ENOMEM. */
int statedir_new_closed(int error, struct store **ret_store);
struct store *statedir_free(struct store *store);
DEFINE_CLEANUP(struct store *, statedir_free)
