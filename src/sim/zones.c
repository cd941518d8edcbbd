#include "sim/zones.h"

#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct fixture {
        char *name;
        char *bytes;
        size_t len;
};

struct sim_zones {
        struct zones zones;
        struct fixture *fixtures;
        size_t n, capacity;
};

/* TZif version 2 (RFC 8536): a header and a block of one type, "UTC", offset 0; the same again with
 * 64-bit times; and the footer. */
#define UTC_BLOCK                                                                                  \
        "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                      \
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"                                         \
        "\0\0\0\0\0\0UTC\0"
static const char utc_file[] = UTC_BLOCK UTC_BLOCK "\nUTC0\n";

/* A relative path of plain parts. */
static bool name_is_valid(const char *name) {
        const char *part = name;

        for (;;) {
                size_t len = strcspn(part, "/");

                if (len == 0 || part[0] == '.')
                        return false;
                for (size_t i = 0; i < len; i++)
                        if (!ascii_is_alnum(part[i]) && !strchr("_+-.", part[i]))
                                return false;
                if (part[len] == '\0')
                        return true;
                part += len + 1;
        }
}

static struct fixture *zones_find(struct sim_zones *zones, const char *name) {
        for (size_t i = 0; i < zones->n; i++)
                if (strcmp(zones->fixtures[i].name, name) == 0)
                        return &zones->fixtures[i];
        return NULL;
}

static int sim_zones_read(struct zones *interface, const char *name, char **ret_bytes,
                          size_t *ret_len) {
        struct sim_zones *zones = container_of(interface, struct sim_zones, zones);
        struct fixture *fixture;
        char *copy;

        if (!name_is_valid(name))
                return -EINVAL;
        fixture = zones_find(zones, name);
        if (!fixture)
                return -ENOENT;

        copy = malloc(fixture->len + 1);
        if (!copy)
                return -ENOMEM;

        if (fixture->len > 0)
                memcpy(copy, fixture->bytes, fixture->len);
        copy[fixture->len] = '\0';
        *ret_bytes = copy;
        *ret_len = fixture->len;
        return 0;
}

int sim_zones_new(struct sim_zones **ret_zones) {
        static const struct zones_ops ops = {.read = sim_zones_read};
        _cleanup_(sim_zones_freep) struct sim_zones *zones = NULL;
        int r;

        zones = calloc(1, sizeof(*zones));
        if (!zones)
                return -ENOMEM;

        zones->zones.ops = &ops;
        r = sim_zones_add(zones, "UTC", utc_file, sizeof(utc_file) - 1);
        if (r < 0)
                return r;

        *ret_zones = take_ptr(zones);
        return 0;
}

struct sim_zones *sim_zones_free(struct sim_zones *zones) {
        if (!zones)
                return NULL;

        for (size_t i = 0; i < zones->n; i++) {
                free(zones->fixtures[i].name);
                free(zones->fixtures[i].bytes);
        }
        free(zones->fixtures);
        free(zones);
        return NULL;
}

int sim_zones_add(struct sim_zones *zones, const char *name, const void *bytes, size_t len) {
        _cleanup_(freep) char *copy = NULL, *name_copy = NULL;
        struct fixture *fixture;
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        if (len > ZONES_FILE_MAX)
                return -E2BIG;

        copy = malloc(len + 1);
        if (!copy)
                return -ENOMEM;
        if (len > 0)
                memcpy(copy, bytes, len);

        fixture = zones_find(zones, name);
        if (fixture) {
                free(fixture->bytes);
                fixture->bytes = take_ptr(copy);
                fixture->len = len;
                return 0;
        }

        name_copy = strdup(name);
        if (!name_copy)
                return -ENOMEM;
        r = array_grow(&zones->fixtures, zones->n, &zones->capacity, sizeof(*zones->fixtures),
                       SIM_ZONES_MAX);
        if (r < 0)
                return r;

        zones->fixtures[zones->n++] = (struct fixture){take_ptr(name_copy), take_ptr(copy), len};
        return 0;
}

void sim_zones_remove(struct sim_zones *zones, const char *name) {
        struct fixture *fixture = zones_find(zones, name);

        if (!fixture)
                return;
        free(fixture->name);
        free(fixture->bytes);
        *fixture = zones->fixtures[--zones->n];
}

struct zones *sim_zones_interface(struct sim_zones *zones) {
        return &zones->zones;
}
