/*
 * What findings and kinds are called: sentences of their own, right for one and for many.
 */
#include "base/macros.h"
#include "core/explain.h"
#include "core/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_findings(void **state) {
        static const struct {
                int line;
                enum finding_kind kind;
                const char *name, *one, *many;
        } rows[] = {
                {__LINE__, FINDING_MISTAKEN, "mistaken",
                 "1 snapshot with our owner tag but not our name, source, group or time, left "
                 "alone: x",
                 "2 snapshots with our owner tag but not our name, source, group or time, left "
                 "alone: x "
                 "and another"},
                {__LINE__, FINDING_UNCLAIMED, "unclaimed",
                 "1 snapshot of ours that no policy and target select, kept: x",
                 "2 snapshots of ours that no policy and target select, kept: x and another"},
                {__LINE__, FINDING_FUTURE, "future",
                 "1 snapshot of ours dated in the future, ignored for due slots and kept: x",
                 "2 snapshots of ours dated in the future, ignored for due slots and kept: x and "
                 "another"},
                {__LINE__, FINDING_DISK_MISSING, "disk-missing",
                 "1 disk named by a target and not listed by Azure: x",
                 "2 disks named by a target and not listed by Azure: x and another"},
                {__LINE__, FINDING_NO_ATTEMPT, "no-attempt",
                 "1 disk whose due slot has all its names taken: x",
                 "2 disks whose due slot has all its names taken: x and another"},
                {__LINE__, FINDING_NO_GENERATION, "no-generation",
                 "1 disk listed without a uniqueId: x",
                 "2 disks listed without a uniqueId: x and another"},
                {__LINE__, FINDING_NO_SNAPSHOT, "no-snapshot",
                 "1 disk being uploaded, which cannot be snapshotted yet: x",
                 "2 disks being uploaded, which cannot be snapshotted yet: x and another"},
                {__LINE__, FINDING_MOVED, "moved",
                 "1 disk under another id than the newest snapshot's tag has: x",
                 "2 disks under another id than the newest snapshot's tag has: x and another"},
                {__LINE__, FINDING_GONE, "gone", "1 snapshot of disks that are gone, kept: x",
                 "2 snapshots of disks that are gone, kept: x and another"},
                {__LINE__, FINDING_DEFERRED, "deferred",
                 "1 disk whose slot waits for pending snapshots: x",
                 "2 disks whose slot waits for pending snapshots: x and another"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t count = 1; count <= 2; count++) {
                        char subject[] = "x";
                        struct finding finding = {.kind = rows[i].kind, .count = count};
                        _cleanup_(strbuf_deinit) struct strbuf out = {};

                        finding.subject = subject;
                        finding_append(&finding, &out);
                        if (strcmp(finding_name(rows[i].kind), rows[i].name) != 0 ||
                            strcmp(strbuf_str(&out), count == 1 ? rows[i].one : rows[i].many) != 0)
                                fail_msg("row at line %d: %s", rows[i].line, strbuf_str(&out));
                }
}

static void test_many(void **state) {
        char subject[] = "x";
        struct finding finding = {.kind = FINDING_GONE, .count = 3, .subject = subject};
        _cleanup_(strbuf_deinit) struct strbuf out = {};

        finding_append(&finding, &out);
        assert_string_equal(strbuf_str(&out),
                            "3 snapshots of disks that are gone, kept: x and others");
}

static void test_explained(void **state) {
        assert_string_equal(explain_kind_name(EXPLAIN_OURS), "ours");
        assert_string_equal(explain_kind_name(EXPLAIN_UNCLAIMED), "unclaimed");
        assert_string_equal(explain_kind_name(EXPLAIN_MISTAKEN), "mistaken");
        assert_string_equal(explain_kind_name(EXPLAIN_STRANGER), "stranger");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_findings),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_explained),
        };

        return cmocka_run_group_tests_name("plan-words", tests, NULL, NULL);
}
