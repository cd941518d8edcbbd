/*
 * Zones for tests of the policy reader: Europe/Stockholm and one whose file is damaged, so that no
 * test depends on the zones installed.
 */
#pragma once

#include "zone-fixture.h"

#include "base/zones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fixture_zones_read(struct zones *zones, const char *name, char **ret_bytes,
                              size_t *ret_len) {
        char bytes[256], *copy;
        size_t len = 0;

        (void)zones;
        if (strstr(name, "..") || name[0] == '/')
                return -EINVAL;
        if (strcmp(name, "Europe/Stockholm") == 0) {
                len = zone_fixture_block(bytes);
                len += zone_fixture_block(bytes + len);
                memcpy(bytes + len, "\n" ZONE_STOCKHOLM "\n", strlen(ZONE_STOCKHOLM) + 2);
                len += strlen(ZONE_STOCKHOLM) + 2;
        } else if (strcmp(name, "Test/Damaged") == 0)
                memcpy(bytes, "TZif", len = 4);
        else
                return strcmp(name, "Test/Unreadable") == 0 ? -EIO : -ENOENT;

        copy = malloc(len);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, bytes, len);
        *ret_bytes = copy;
        *ret_len = len;
        return 0;
}

static const struct zones_ops fixture_zones_ops = {.read = fixture_zones_read};
static struct zones fixture_zones = {.ops = &fixture_zones_ops};
