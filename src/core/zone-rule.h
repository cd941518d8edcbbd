/*
 * zone-rule: the rule for the future in the footer of a TZif file: POSIX's TZ string with the
 * extensions of RFC 8536 section 3.3.1 (times of -167 to 167 hours). Part of zone; nobody else
 * needs it.
 */
#pragma once

#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zone_rule_day {
        ZONE_RULE_JULIAN,  /* Jn: 1 to 365, 29 February is never counted */
        ZONE_RULE_ORDINAL, /* n: 0 to 365, 29 February is counted */
        ZONE_RULE_MONTH,   /* Mm.w.d: the w-th day d of month m, 5 for the last */
};

struct zone_rule_date {
        enum zone_rule_day kind;
        int month, week;
        int day;      /* day of the year, or of the week with 0 for Sunday */
        int32_t time; /* local seconds since that day's midnight, -167 h to 167 h */
};

struct zone_rule {
        int32_t standard;                 /* seconds east of UTC */
        int32_t daylight;                 /* the same as @standard without daylight saving time */
        bool changes;                     /* whether the offset changes in any year */
        struct zone_rule_date start, end; /* valid when @changes */
};

/* Parses exactly @len bytes. Returns 0 or ZONE_E_DAMAGED. */
int zone_rule_parse(const char *text, size_t len, struct zone_rule *ret_rule);

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t seconds);

/* As their namesakes in zone.h, as if the rule held always. */
bool zone_rule_next_change(const struct zone_rule *rule, int64_t after,
                           struct zone_change *ret_change);
bool zone_rule_previous_change(const struct zone_rule *rule, int64_t at,
                               struct zone_change *ret_change);
