#include "runtime/file.h"

#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "runtime/file_at.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* As read(2), and waits for a descriptor that somebody made non-blocking. */
static ssize_t read_some(int fd, char *bytes, size_t len) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t n;

        for (;;) {
                n = read(fd, bytes, len);
                if (n >= 0)
                        return n;
                if (errno == EAGAIN)
                        (void)poll(&ready, 1, -1);
                else if (errno != EINTR)
                        return -errno;
        }
}

/* Another buffer, twice the size at most; the old one may hold a secret and is wiped. */
static int buffer_grow(char **bytes, size_t len, size_t *size, size_t most) {
        size_t bigger = MIN(MAX(*size * 2, (size_t)4096), most);
        char *other = malloc(bigger);

        if (!other)
                return -ENOMEM;
        if (len > 0)
                memcpy(other, *bytes, len);
        memory_wipe(*bytes, len);
        free(*bytes);
        *bytes = other;
        *size = bigger;
        return 0;
}

int file_read_fd(int fd, size_t hint, size_t max, char **ret_bytes, size_t *ret_len) {
        /* Above the length: one byte for the NUL, and one whose arrival means too much. */
        size_t size = MIN(hint, max) + 2, len = 0;
        char *bytes = malloc(size);
        ssize_t n = 1;
        int r = 0;

        if (!bytes)
                return -ENOMEM;

        while (n > 0 && r == 0 && len <= max) {
                if (len + 1 == size)
                        r = buffer_grow(&bytes, len, &size, max + 2);
                if (r == 0) {
                        n = read_some(fd, bytes + len, size - len - 1);
                        if (n < 0)
                                r = (int)n;
                        else
                                len += (size_t)n;
                }
        }
        if (r == 0 && len > max)
                r = -E2BIG;
        if (r < 0) {
                memory_wipe(bytes, len);
                free(bytes);
                return r;
        }

        bytes[len] = '\0';
        *ret_bytes = bytes;
        *ret_len = len;
        return 0;
}

int file_read_at(int directory, const char *name, int flags, size_t max, char **ret_bytes,
                 size_t *ret_len) {
        struct stat st;
        int fd, r = 0;

        /* O_NONBLOCK: the opening of a pipe would wait for a writer. It means nothing to files. */
        fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
        if (fd < 0) /* ENXIO: a socket, or a device with nothing behind it */
                return errno == ENXIO ? -EBADF : -errno;

        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (S_ISDIR(st.st_mode))
                r = -EISDIR;
        else if (!S_ISREG(st.st_mode))
                r = -EBADF;
        else if ((uintmax_t)st.st_size > max)
                r = -E2BIG;
        if (r == 0)
                r = file_read_fd(fd, (size_t)st.st_size, max, ret_bytes, ret_len);
        close(fd);
        return r;
}

/* The errors of file_at.h that have a name in file.h. */
static int outcome(int r) {
        switch (r) {
        case -ENOENT:
        case -ENOTDIR:
                return FILE_E_MISSING;
        case -EISDIR:
        case -EBADF:
                return FILE_E_NOT_REGULAR;
        case -E2BIG:
                return FILE_E_TOO_LARGE;
        }
        return r;
}

int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len) {
        return outcome(file_read_at(AT_FDCWD, path, 0, max, ret_bytes, ret_len));
}

int file_read_stream(int fd, size_t max, char **ret_bytes, size_t *ret_len) {
        int r = file_read_fd(fd, 4096, max, ret_bytes, ret_len);

        return r == -E2BIG ? FILE_E_TOO_LARGE : r;
}

const char *file_error_text(int r) {
        switch (r) {
        case 0:
                return "success";
        case FILE_E_MISSING:
                return "does not exist";
        case FILE_E_NOT_REGULAR:
                return "is not a regular file";
        case FILE_E_TOO_LARGE:
                return "is too large";
        }
        return strerrordesc_np(-r) ?: "unknown error";
}

/* ---- writing ---- */

static int write_all(int fd, const char *bytes, size_t len) {
        ssize_t n;

        while (len > 0) {
                n = write(fd, bytes, len);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        bytes += n;
                        len -= (size_t)n;
                }
        }
        return 0;
}

int file_replace_at(int directory, const char *name, const char *temporary, const char *bytes,
                    size_t len, unsigned mode, bool sync) {
        int fd, r;

        if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return -errno;

        r = write_all(fd, bytes, len);
        if (r == 0 && fchmod(fd, mode) < 0) /* whatever the umask is */
                r = -errno;
        if (r == 0 && sync && fsync(fd) < 0)
                r = -errno;
        /* Some file systems report at close what they could not write. */
        if (close(fd) < 0 && r == 0 && errno != EINTR)
                r = -errno;
        if (r == 0 && renameat(directory, temporary, directory, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(directory, temporary, 0);
        return r;
}

static int sync_parent(const char *path) {
        const char *slash = strrchr(path, '/');
        char *parent;
        int fd, r = 0;

        parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
        if (!parent)
                return -ENOMEM;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        free(parent);
        if (fd < 0)
                return -errno;
        if (fsync(fd) < 0)
                r = -errno;
        close(fd);
        return r;
}

int file_replace(const char *path, const char *bytes, size_t len, unsigned mode, bool sync) {
        struct strbuf temporary = {};
        int r;

        strbuf_appendf(&temporary, "%s.new", path);
        r = temporary.error;
        if (r == 0)
                r = file_replace_at(AT_FDCWD, path, strbuf_str(&temporary), bytes, len, mode, sync);
        strbuf_deinit(&temporary);
        if (r == 0 && sync)
                r = sync_parent(path);
        return r;
}

/* ---- credentials ---- */

static bool credential_name_is_valid(const char *name) {
        if (name[0] == '\0' || name[0] == '.' || strlen(name) > 255)
                return false;
        for (; *name; name++)
                if (!ascii_is_alnum(*name) && !strchr("-_.", *name))
                        return false;
        return true;
}

int file_read_credential(const char *directory, const char *name, char **ret_bytes,
                         size_t *ret_len) {
        int fd, r;

        if (!credential_name_is_valid(name))
                return -EINVAL;
        if (!directory)
                return -ENOENT;

        fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_read_at(fd, name, 0, FILE_CREDENTIAL_MAX, ret_bytes, ret_len);
        close(fd);
        return r == -EISDIR ? -EBADF : r;
}
