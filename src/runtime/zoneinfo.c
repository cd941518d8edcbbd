#include "runtime/zoneinfo.h"

#include "base/str.h"
#include "runtime/file_at.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct zoneinfo {
        struct zones zones;
        char *directory;
};

/* Without '.' there is no "..", and no part is empty. */
static bool name_is_valid(const char *name) {
        char before = '/';

        if (strlen(name) > ZONEINFO_NAME_MAX)
                return false;
        for (; *name; before = *name++) {
                if (*name == '/' && before == '/')
                        return false;
                if (!ascii_is_alnum(*name) && !strchr("_+-/", *name))
                        return false;
        }
        return before != '/';
}

static int zoneinfo_read(struct zones *zones, const char *name, char **ret_bytes, size_t *ret_len) {
        struct zoneinfo *zoneinfo = container_of(zones, struct zoneinfo, zones);
        int fd, r;

        if (!name_is_valid(name))
                return -EINVAL;

        fd = open(zoneinfo->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_read_at(fd, name, 0, ZONES_FILE_MAX, ret_bytes, ret_len);
        close(fd);
        /* "Europe" is no zone, and neither is "UTC/x". */
        return r == -EISDIR || r == -ENOTDIR ? -ENOENT : r;
}

static const struct zones_ops zoneinfo_ops = {
        .read = zoneinfo_read,
};

int zoneinfo_new(const char *directory, struct zones **ret_zones) {
        struct zoneinfo *zoneinfo = calloc(1, sizeof(*zoneinfo));

        if (!zoneinfo)
                return -ENOMEM;
        zoneinfo->zones.ops = &zoneinfo_ops;
        zoneinfo->directory = strdup(directory ?: ZONEINFO_DIRECTORY);
        if (!zoneinfo->directory) {
                free(zoneinfo);
                return -ENOMEM;
        }
        *ret_zones = &zoneinfo->zones;
        return 0;
}

struct zones *zoneinfo_free(struct zones *zones) {
        struct zoneinfo *zoneinfo;

        if (!zones)
                return NULL;
        zoneinfo = container_of(zones, struct zoneinfo, zones);
        free(zoneinfo->directory);
        free(zoneinfo);
        return NULL;
}
