/*
 * Our retention as a filter, for comparison with other programs:
 *
 *         retain-driver SPEC first|last ZONE
 *
 * reads instants in RFC 3339, one a line, all complete and none of the future, and writes for each in
 * the same order `keep INSTANT rule...` or `drop INSTANT`.
 */
#include "core/retention.h"
#include "zone-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 100000

static struct retention_point points[POINTS_MAX];
static struct verdict verdicts[POINTS_MAX];

static size_t read_points(void) {
        char line[128];
        size_t n = 0;

        while (n < POINTS_MAX && fgets(line, sizeof(line), stdin)) {
                struct utc time;

                if (utc_parse(line, strcspn(line, "\n"), &time) < 0) {
                        fprintf(stderr, "no instant: %s", line);
                        exit(2);
                }
                points[n++] = (struct retention_point){time, time, POINT_COMPLETE};
        }
        return n;
}

static void write_verdict(const struct retention_point *point, const struct verdict *verdict) {
        char text[UTC_TEXT_SIZE];

        printf("%s %s", verdict->kept_by ? "keep" : "drop", utc_format(point->slot, text));
        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++)
                if (verdict->kept_by & VERDICT_RULE(rule))
                        printf(" %s", keep_rule_name(rule));
        if (verdict->kept_by & VERDICT_WITHIN)
                printf(" within");
        putchar('\n');
}

int main(int argc, char **argv) {
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct keep keep;
        size_t n, at;

        if (argc != 4 || keep_parse(argv[1], strlen(argv[1]), &keep, &at) != 0 ||
            zone_file_read(argv[3], &zone) != 0) {
                fprintf(stderr, "usage: retain-driver SPEC first|last ZONE\n");
                return 2;
        }
        keep.pick = strcmp(argv[2], "last") == 0 ? PICK_LAST : PICK_FIRST;

        n = read_points();
        if (retention_judge(points, n, &keep, zone, NULL, UTC_NEVER, verdicts) < 0)
                return 1;
        for (size_t i = 0; i < n; i++)
                write_verdict(&points[i], &verdicts[i]);
        return 0;
}
