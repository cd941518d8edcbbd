/*
 * Names: the derived form to the letter, and what is taken for it and what is not.
 */
#include "base/macros.h"
#include "core/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct series_key key = {
        .owner = "prod-backup",
        .policy = "gold",
        .generation = "6fd33d6a-a035-4cac-a58d-314436223718",
        .region = "westeurope",
};

/* printf '%s\0' prod-backup 6fd33d6a-a035-4cac-a58d-314436223718 gold westeurope | sha256sum */
#define HEX "ed27ce3be3bdbbc1"

static void test_form(void **state) {
        struct utc slot = utc_from_seconds(1795400100); /* 2026-11-23T02:15:00Z */
        char prefix[NAMING_PREFIX_SIZE], name[81], region[32];

        assert_int_equal(naming_prefix("db01-data", &key, prefix), 0);
        naming_snapshot(prefix, slot, 1, name);
        assert_string_equal(name, "db01-data-" HEX "-20261123T021500Z");
        naming_snapshot(prefix, slot, 2, name);
        assert_string_equal(name, "db01-data-" HEX "-20261123T021500Z-2");

        /* Others become '_'; at most 40; the whole never above 80. */
        assert_int_equal(naming_prefix("d.b\xc3\xa5", &key, prefix), 0);
        assert_string_equal(prefix, "d_b__-" HEX);
        assert_int_equal(naming_prefix("d_b-c", &key, prefix), 0);
        assert_string_equal(prefix, "d_b-c-" HEX);
        /* A snapshot's name begins with a letter or digit. */
        assert_int_equal(naming_prefix("_d_b", &key, prefix), 0);
        assert_string_equal(prefix, "xd_b-" HEX);
        assert_int_equal(naming_prefix("-d", &key, prefix), 0);
        assert_string_equal(prefix, "xd-" HEX);
        assert_int_equal(
                naming_prefix("a234567890b234567890c234567890d234567890e234567890", &key, prefix),
                0);
        assert_string_equal(prefix, "a234567890b234567890c234567890d234567890-" HEX);
        naming_snapshot(prefix, slot, 9, name);
        assert_true(strlen(name) <= 80);

        naming_region("West Europe", region);
        assert_string_equal(region, "westeurope");
}

/* One field of the key more or less, and it is another series. */
static void test_series(void **state) {
        struct series_key other = key, joined = key;
        char a[NAMING_PREFIX_SIZE], b[NAMING_PREFIX_SIZE];
        const char **fields[] = {&other.owner, &other.policy, &other.generation, &other.region};

        assert_int_equal(naming_prefix("d", &key, a), 0);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                const char *kept = *fields[i];

                *fields[i] = "other";
                assert_int_equal(naming_prefix("d", &other, b), 0);
                assert_string_not_equal(a, b);
                *fields[i] = kept;
        }

        /* The ends of fields count: "gold" "westeurope" is not "goldw" "esteurope". */
        joined.policy = "goldw";
        joined.region = "esteurope";
        assert_int_equal(naming_prefix("d", &joined, b), 0);
        assert_string_not_equal(a, b);
}

static void test_parse(void **state) {
        static const struct {
                int line;
                const char *name;
                int r;
                unsigned attempt;
                size_t prefix_len;
        } rows[] = {
                {__LINE__, "db01-data-" HEX "-20261123T021500Z", 0, 1, 26},
                {__LINE__, "DB01-DATA-" HEX "-20261123t021500z", 0, 1, 26},
                {__LINE__, "db01-data-" HEX "-20261123T021500Z-2", 0, 2, 26},
                {__LINE__, "db01-data-" HEX "-20261123T021500Z-9", 0, 9, 26},
                {__LINE__, "moved-" HEX "-20261123T021500Z", 0, 1, 22},
                {__LINE__, "db01-data-" HEX "-20261123T021500Z-1", NAMING_E_OTHER, 0, 0},
                {__LINE__, "db01-data-" HEX "-20261123T021500Z-10", NAMING_E_OTHER, 0, 0},
                {__LINE__, "db01-data-" HEX "-20261123T021500Z-x", NAMING_E_OTHER, 0, 0},
                {__LINE__, "db01_data-" HEX "-20261123T021500Z", 0, 1, 26},
                {__LINE__, "db01-data-" HEX "-20261123T021501Z", NAMING_E_OTHER, 0, 0},
                {__LINE__, "db01-data-0" HEX "-20261123T021500Z", NAMING_E_OTHER, 0, 0},
                {__LINE__, "-" HEX "-20261123T021500Z", NAMING_E_OTHER, 0, 0},
                {__LINE__, HEX "-20261123T021500Z", NAMING_E_OTHER, 0, 0},
                {__LINE__, "db.01-" HEX "-20261123T021500Z", NAMING_E_OTHER, 0, 0},
                {__LINE__, "a234567890b234567890c234567890d234567890-" HEX "-20261123T021500Z", 0,
                 1, 57},
                {__LINE__, "a234567890b234567890c234567890d234567890e-" HEX "-20261123T021500Z",
                 NAMING_E_OTHER, 0, 0},
                {__LINE__, "", NAMING_E_OTHER, 0, 0},
                {__LINE__, "-2", NAMING_E_OTHER, 0, 0},
        };
        struct utc slot = utc_from_seconds(1795400100);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned attempt = 0;
                size_t len = 0;
                int r = naming_parse(rows[i].name, &key, slot, &len, &attempt);

                if (r != rows[i].r || attempt != rows[i].attempt || len != rows[i].prefix_len)
                        fail_msg("row at line %d: r %d, attempt %u, prefix %zu", rows[i].line, r,
                                 attempt, len);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_form),
                cmocka_unit_test(test_series),
                cmocka_unit_test(test_parse),
        };

        return cmocka_run_group_tests_name("naming", tests, NULL, NULL);
}
