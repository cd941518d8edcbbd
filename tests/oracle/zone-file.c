#include "zone-file.h"

#include "base/zones.h"

#include <errno.h>
#include <stdio.h>

int zone_file_read(const char *name, struct zone **ret_zone) {
        static char bytes[ZONES_FILE_MAX];
        char path[512];
        size_t n;
        FILE *f;

        if (snprintf(path, sizeof(path), "%s/%s", ZONE_FILE_ROOT, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;

        f = fopen(path, "re");
        if (!f)
                return -errno;

        n = fread(bytes, 1, sizeof(bytes), f);
        if (ferror(f) || !feof(f)) {
                fclose(f);
                return -EIO;
        }
        fclose(f);
        return zone_parse(bytes, n, name, ret_zone);
}
