#include "runtime/statedir.h"

#include "base/str.h"
#include "runtime/file_at.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct statedir {
        struct store store;
        int directory; /* -1 with @error */
        int error;     /* of every call; 0: none */
};

static bool name_is_valid(const char *name) {
        if (name[0] == '\0' || name[0] == '.' || strlen(name) > STATEDIR_NAME_MAX)
                return false;
        for (; *name; name++)
                if (!ascii_is_alnum(*name) && *name != '-' && *name != '.')
                        return false;
        return true;
}

static int statedir_read(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
        struct statedir *dir = container_of(store, struct statedir, store);

        if (!name_is_valid(name))
                return -EINVAL;
        if (dir->error < 0)
                return dir->error;
        return file_read_at(dir->directory, name, O_NOFOLLOW, STORE_FILE_MAX, ret_bytes, ret_len);
}

static int statedir_sync(struct statedir *dir) {
        return fsync(dir->directory) < 0 ? -errno : 0;
}

static int statedir_write(struct store *store, const char *name, const char *bytes, size_t len) {
        struct statedir *dir = container_of(store, struct statedir, store);
        char temporary[STATEDIR_NAME_MAX + sizeof(".NAME.new")];
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        if (len > STORE_FILE_MAX)
                return -E2BIG;
        if (dir->error < 0)
                return dir->error;

        (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
        r = file_replace_at(dir->directory, name, temporary, bytes, len, 0600, /* sync= */ true);
        return r < 0 ? r : statedir_sync(dir);
}

static int statedir_remove(struct store *store, const char *name) {
        struct statedir *dir = container_of(store, struct statedir, store);

        if (!name_is_valid(name))
                return -EINVAL;
        if (dir->error < 0)
                return dir->error;
        if (unlinkat(dir->directory, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        return statedir_sync(dir);
}

static int statedir_rename(struct store *store, const char *name, const char *other) {
        struct statedir *dir = container_of(store, struct statedir, store);
        struct stat st;

        if (!name_is_valid(name) || !name_is_valid(other))
                return -EINVAL;
        if (dir->error < 0)
                return dir->error;
        /* Not every file system has RENAME_NOREPLACE, and nobody else writes here. */
        if (fstatat(dir->directory, other, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        if (errno != ENOENT || renameat(dir->directory, name, dir->directory, other) < 0)
                return -errno;
        return statedir_sync(dir);
}

static const struct store_ops statedir_ops = {
        .read = statedir_read,
        .write = statedir_write,
        .remove = statedir_remove,
        .rename = statedir_rename,
};

static int statedir_make(int directory, int error, struct store **ret_store) {
        struct statedir *dir = malloc(sizeof(*dir));

        if (!dir)
                return -ENOMEM;
        *dir = (struct statedir){{&statedir_ops}, directory, error};
        *ret_store = &dir->store;
        return 0;
}

int statedir_new(const char *path, struct store **ret_store) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        /* Some file systems have no locks; there nobody is told. */
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
                close(fd);
                return -EBUSY;
        }
        r = statedir_make(fd, /* error= */ 0, ret_store);
        if (r < 0)
                close(fd);
        return r;
}

int statedir_new_closed(int error, struct store **ret_store) {
        return statedir_make(/* directory= */ -1, error, ret_store);
}

struct store *statedir_free(struct store *store) {
        struct statedir *dir;

        if (!store)
                return NULL;
        dir = container_of(store, struct statedir, store);
        if (dir->directory >= 0)
                close(dir->directory);
        free(dir);
        return NULL;
}
