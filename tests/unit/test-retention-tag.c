/*
 * The keep tag: what is written is read back, and nothing else is read.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Whether the text is read, and then whether it is what the reading would be written as. */
static bool reads(const char *text, size_t len, bool *ret_same) {
        struct strbuf again = {};
        char zone[300];
        const char *zone_text;
        struct keep keep = {.within_s = -7};
        bool has_keep = true;
        size_t zone_len;

        if (keep_tag_parse(text, len, &has_keep, &keep, &zone_text, &zone_len) != 0) {
                assert_int_equal(keep.within_s, -7);
                return false;
        }
        assert_true(zone_len < sizeof(zone));
        memcpy(zone, zone_text, zone_len);
        zone[zone_len] = '\0';
        keep_append(has_keep ? &keep : NULL, zone, &again);
        *ret_same = again.len == len && memcmp(again.data, text, len) == 0;
        strbuf_deinit(&again);
        return true;
}

static void test_tables(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
        } rows[] = {
                {__LINE__, "last=6;pick=first;zone=UTC", 0},
                {__LINE__, "last=6,daily=30,within=172800s;pick=last;zone=Europe/Stockholm", 0},
                {__LINE__,
                 "last=1,hourly=2,daily=3,weekly=4,monthly=5,yearly=100000,within=3153600000s;"
                 "pick=last;zone=America/Port-au-Prince",
                 0},
                {__LINE__, "within=1s;pick=first;zone=Etc/GMT+1", 0},
                {__LINE__, "none;pick=first;zone=America/North_Dakota/Center", 0},
                {__LINE__, "", KEEP_E_EMPTY},
                {__LINE__, ";pick=first;zone=UTC", KEEP_E_EMPTY},
                {__LINE__, "none", KEEP_E_RULE},
                {__LINE__, "none;pick=last;zone=UTC", KEEP_E_VALUE}, /* nothing to pick */
                {__LINE__, "none,last=6;pick=first;zone=UTC", KEEP_E_RULE},
                {__LINE__, "daily=30,last=6;pick=first;zone=UTC", KEEP_E_RULE}, /* one order */
                {__LINE__, "last=6,last=6;pick=first;zone=UTC", KEEP_E_RULE},
                {__LINE__, "last=6,;pick=first;zone=UTC", KEEP_E_RULE},
                {__LINE__, ",last=6;pick=first;zone=UTC", KEEP_E_EMPTY},
                {__LINE__, "last=6, daily=1;pick=first;zone=UTC", KEEP_E_RULE},
                {__LINE__, "last=0;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "last=06;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "last=;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "last=+6;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "last=100001;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "last=99999999999999999999;pick=first;zone=UTC", KEEP_E_COUNT},
                {__LINE__, "within=2d;pick=first;zone=UTC", KEEP_E_DURATION},
                {__LINE__, "within=0s;pick=first;zone=UTC", KEEP_E_DURATION},
                {__LINE__, "within=3153600001s;pick=first;zone=UTC", KEEP_E_DURATION},
                {__LINE__, "Last=6;pick=first;zone=UTC", KEEP_E_EMPTY},
                {__LINE__, "last=6;pick=best;zone=UTC", KEEP_E_VALUE},
                {__LINE__, "last=6;pick=first", KEEP_E_VALUE},
                {__LINE__, "last=6;pick=first;zone=", KEEP_E_VALUE},
                {__LINE__, "last=6;pick=first;zone=UTC;zone=UTC", KEEP_E_VALUE},
                {__LINE__, "last=6;pick=first;zone=UTC ", KEEP_E_VALUE},
                {__LINE__, "last=6;zone=UTC;pick=first", KEEP_E_RULE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *zone;
                struct keep keep;
                bool has_keep, same = true;
                size_t zone_len;
                int r = keep_tag_parse(rows[i].text, strlen(rows[i].text), &has_keep, &keep, &zone,
                                       &zone_len);

                if (r != rows[i].r)
                        fail_msg("row at line %d: r %d", rows[i].line, r);
                if (r == 0 && (!reads(rows[i].text, strlen(rows[i].text), &same) || !same))
                        fail_msg("row at line %d is written otherwise", rows[i].line);
        }
}

static unsigned next_random(uint64_t *seed) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(*seed >> 33);
}

static void random_keep(uint64_t *seed, struct keep *ret_keep) {
        *ret_keep = (struct keep){.pick = next_random(seed) % 2 ? PICK_LAST : PICK_FIRST};
        for (size_t rule = 0; rule < _KEEP_RULE_N; rule++)
                if (next_random(seed) % 2)
                        ret_keep->count[rule] =
                                next_random(seed) % (next_random(seed) % 2 ? 12 : KEEP_COUNT_MAX);
        if (next_random(seed) % 2)
                ret_keep->within_s = next_random(seed);
}

static void test_round_trip(void **state) {
        static const char *const zones[] = {NULL, "UTC", "Europe/Stockholm", "Etc/GMT-14"};

        for (uint64_t round = 0; round < 5000; round++) {
                struct strbuf text = {};
                struct keep keep, back;
                const char *zone = zones[round % ARRAY_SIZE(zones)], *zone_back;
                uint64_t seed = round;
                size_t zone_len;
                bool has_keep;

                random_keep(&seed, &keep);
                keep_append(&keep, zone, &text);
                assert_int_equal(keep_tag_parse(text.data, text.len, &has_keep, &back, &zone_back,
                                                &zone_len),
                                 0);
                assert_int_equal(has_keep, !keep_is_empty(&keep));
                assert_int_equal(zone_len, strlen(zone ?: "UTC"));
                assert_memory_equal(zone_back, zone ?: "UTC", zone_len);
                if (has_keep)
                        assert_memory_equal(&back, &keep, sizeof(keep));
                strbuf_deinit(&text);
        }
}

/* One byte more, less or other: refused, or a text that would have been written. */
static void test_mutations(void **state) {
        static const char bytes[] = "0192as,;=+ _/\n\0z";
        size_t read = 0, refused = 0;

        for (uint64_t round = 0; round < 300; round++) {
                struct strbuf text = {};
                struct keep keep;
                uint64_t seed = round;

                random_keep(&seed, &keep);
                keep_append(&keep, "Europe/Rome", &text);
                for (size_t at = 0; at < text.len; at++)
                        for (int how = 0; how < 3; how++) {
                                char changed[400];
                                bool same = true;
                                char byte = bytes[next_random(&seed) % (sizeof(bytes) - 1)];
                                size_t len = text.len - (how == 0) + (how == 2);
                                size_t rest = at + (how != 2);

                                assert_true(len < sizeof(changed));
                                memcpy(changed, text.data, at);
                                if (how > 0)
                                        changed[at] = byte;
                                memcpy(changed + at + (how > 0), text.data + rest, text.len - rest);
                                if (!reads(changed, len, &same))
                                        refused++;
                                else if (!same)
                                        fail_msg("read though written otherwise: %.*s", (int)len,
                                                 changed);
                                else
                                        read++;
                        }
                strbuf_deinit(&text);
        }
        assert_true(read > 1000 && refused > 1000);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_mutations),
        };

        return cmocka_run_group_tests_name("retention-tag", tests, NULL, NULL);
}
