/*
 * Zones for tests, made from a POSIX rule, so that no test depends on the zones installed.
 */
#pragma once

#include "core/zone.h"

#include <assert.h>
#include <string.h>

#define ZONE_STOCKHOLM "CET-1CEST,M3.5.0,M10.5.0/3"
#define ZONE_NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define ZONE_LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
/* St. John's until 2011: at a minute after midnight it was a minute after eleven once more. */
#define ZONE_OVER_MIDNIGHT "NST3:30NDT2:30,M3.2.0/0:01,M11.1.0/0:01"
#define ZONE_KATHMANDU "<+0545>-5:45"

/* One block of RFC 8536 without transitions, and one type of local time, UTC. */
static inline size_t zone_fixture_block(char *out) {
        static const unsigned char header[44] = {
                'T', 'Z', 'i', 'f', '2', [39] = 1 /* typecnt */, [43] = 4 /* charcnt */,
        };

        memcpy(out, header, sizeof(header));
        memset(out + 44, 0, 6);
        memcpy(out + 50, "UTC", 4);
        return 54;
}

static inline struct zone *zone_fixture(const char *rule) {
        struct zone *zone = NULL;
        char bytes[256];
        size_t len;
        int r;

        len = zone_fixture_block(bytes);
        len += zone_fixture_block(bytes + len);
        bytes[len++] = '\n';
        assert(len + strlen(rule) + 1 <= sizeof(bytes));
        memcpy(bytes + len, rule, strlen(rule));
        len += strlen(rule);
        bytes[len++] = '\n';

        r = zone_parse(bytes, len, "Test/Fixture", &zone);
        assert(r == 0);
        return zone;
}
