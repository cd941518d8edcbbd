/*
 * The parts below the policy reader: durations, scalars, URLs, text, diagnostics, the table of keys
 * and its schema; and files made to be too much.
 */
#include "policies/fixture.h"

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/policy_reader.h"
#include "config/scalar.h"
#include "config/text.h"
#include "config/tree.h"
#include "config/url.h"
#include "config/values.h"

#include "base/duration.h"
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_duration(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                int64_t seconds;
                const char *back; /* what duration_append() writes; NULL for the same */
        } rows[] = {
                {__LINE__, "0s", 0, 0, NULL},
                {__LINE__, "30s", 0, 30, NULL},
                {__LINE__, "5m", 0, 300, NULL},
                {__LINE__, "90m", 0, 5400, "1h30m"},
                {__LINE__, "1h30m", 0, 5400, NULL},
                {__LINE__, "24h", 0, 86400, "1d"},
                {__LINE__, "2d", 0, 172800, NULL},
                {__LINE__, "1w", 0, 604800, NULL},
                {__LINE__, "7d", 0, 604800, "1w"},
                {__LINE__, "30d", 0, 2592000, NULL},
                {__LINE__, "1w2d3h4m5s", 0, 788645, "9d3h4m5s"},
                {__LINE__, "0h0m", 0, 0, "0s"},
                {__LINE__, "36500d", 0, DURATION_MAX_S, NULL},
                {__LINE__, "36501d", DURATION_E_RANGE, 0, NULL},
                {__LINE__, "36500d1s", DURATION_E_RANGE, 0, NULL},
                {__LINE__, "99999999999999999999s", DURATION_E_RANGE, 0, NULL},
                {__LINE__, "", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "h", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "5 m", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, " 5m", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "-5m", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "05m", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "1.5h", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "1:30", DURATION_E_SHAPE, 0, NULL},
                {__LINE__, "5", DURATION_E_NO_UNIT, 0, NULL},
                {__LINE__, "1h30", DURATION_E_NO_UNIT, 0, NULL},
                {__LINE__, "5M", DURATION_E_CALENDAR, 0, NULL},
                {__LINE__, "1y", DURATION_E_CALENDAR, 0, NULL},
                {__LINE__, "2months", DURATION_E_CALENDAR, 0, NULL},
                {__LINE__, "5min", DURATION_E_UNIT, 0, NULL},
                {__LINE__, "5ms", DURATION_E_UNIT, 0, NULL},
                {__LINE__, "5H", DURATION_E_UNIT, 0, NULL},
                {__LINE__, "30m1h", DURATION_E_ORDER, 0, NULL},
                {__LINE__, "1h1h", DURATION_E_ORDER, 0, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf back = {};
                int64_t seconds = -1;
                int r = duration_parse(rows[i].text, strlen(rows[i].text), &seconds);

                if (r != rows[i].r || seconds != (r == 0 ? rows[i].seconds : -1))
                        fail_msg("row at line %d: r %d, %lld s", rows[i].line, r,
                                 (long long)seconds);
                if (r != 0)
                        continue;
                duration_append(seconds, &back);
                if (strcmp(strbuf_str(&back), rows[i].back ?: rows[i].text) != 0)
                        fail_msg("row at line %d: written as %s", rows[i].line, strbuf_str(&back));
        }

        /* Every whole second of a day, and what is around a few weeks, comes back. */
        for (int64_t s = 0; s < 3 * 604800 + 100; s += s < 86400 ? 1 : 97) {
                _cleanup_(strbuf_deinit) struct strbuf text = {};
                int64_t seconds = -1;

                duration_append(s, &text);
                assert_int_equal(duration_parse(strbuf_str(&text), text.len, &seconds), 0);
                assert_int_equal(seconds, s);
        }
}

static void test_plain_texts(void **state) {
        static const char *const texts[] = {
                "a",
                "gold",
                "Europe/Stockholm",
                "1h",
                "90m",
                "1-2",
                "10.0.0.0/8",
                "0xyz",
                "x0",
                "12345678-1234-1234-1234-123456789012",
                "-",
                "+",
                ".",
                "e5",
                "2026",
                "daily",
                "Mon",
                "nope",
                "offset",
                "yesterday",
                "2026-1",
                "2026-1-1x",
                "1:a",
                "rg-*",
                "0b2",
                "-a",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (strcmp(texts[i], "2026") != 0 && scalar_surprise(texts[i]))
                        fail_msg("\"%s\" %s", texts[i], scalar_surprise(texts[i]));
        assert_non_null(scalar_surprise("2026"));
        assert_non_null(scalar_surprise("2026-1-1"));
        assert_non_null(scalar_surprise("2026-11-23T02:15:00Z"));
        assert_non_null(scalar_surprise("-5"));
        assert_non_null(scalar_surprise("08"));
        assert_non_null(scalar_surprise("190:20:30.15"));
}

static void test_url(void **state) {
        static const struct {
                int line;
                const char *url;
                bool imds;
                int r;
        } rows[] = {
                {__LINE__, "https://management.azure.com", false, 0},
                {__LINE__, "https://management.azure.com/", false, 0},
                {__LINE__, "https://management.azure.com:443", false, 0},
                {__LINE__, "http://127.0.0.1:8470", false, 0},
                {__LINE__, "http://127.255.0.9", false, 0},
                {__LINE__, "http://localhost:1", false, 0},
                {__LINE__, "http://[::1]:8470/", false, 0},
                {__LINE__, "https://[2001:db8::1]", false, 0},
                {__LINE__, "http://169.254.169.254", true, 0},
                {__LINE__, "http://169.254.169.254", false, URL_E_PLAIN},
                {__LINE__, "http://169.254.169.253", true, URL_E_PLAIN},
                {__LINE__, "http://169.254.169.254.evil.example", true, URL_E_PLAIN},
                {__LINE__, "http://127.0.0.1.evil.example", false, URL_E_PLAIN},
                {__LINE__, "http://127.1", false, URL_E_PLAIN},
                {__LINE__, "http://127.0.0.01", false, URL_E_PLAIN},
                {__LINE__, "http://127.0.0.256", false, URL_E_PLAIN},
                {__LINE__, "http://128.0.0.1", false, URL_E_PLAIN},
                {__LINE__, "http://localhost.evil.example", false, URL_E_PLAIN},
                {__LINE__, "http://xlocalhost", false, URL_E_PLAIN},
                {__LINE__, "http://[::2]", false, URL_E_PLAIN},
                {__LINE__, "http://localhost@evil.example", false, URL_E_USER},
                {__LINE__, "http://127.0.0.1#@evil.example", false, URL_E_USER},
                {__LINE__, "http://127.0.0.1?x", false, URL_E_PATH},
                {__LINE__, "https://a/b", false, URL_E_PATH},
                {__LINE__, "https://a//", false, URL_E_PATH},
                {__LINE__, "https://a?", false, URL_E_PATH},
                {__LINE__, "https://a#x", false, URL_E_PATH},
                {__LINE__, "https://a:", false, URL_E_PORT},
                {__LINE__, "https://a:0", false, URL_E_PORT},
                {__LINE__, "https://a:65536", false, URL_E_PORT},
                {__LINE__, "https://a:1:2", false, URL_E_PORT},
                {__LINE__, "https://", false, URL_E_HOST},
                {__LINE__, "https:///", false, URL_E_HOST},
                {__LINE__, "https://-a", false, URL_E_HOST},
                {__LINE__, "https://a.", false, URL_E_HOST},
                {__LINE__, "https://a b", false, URL_E_HOST},
                {__LINE__, "https://a\\b", false, URL_E_HOST},
                {__LINE__, "https://[::1", false, URL_E_HOST},
                {__LINE__, "https://[::1]x", false, URL_E_HOST},
                {__LINE__, "https://[]", false, URL_E_HOST},
                {__LINE__, "https://[::z]", false, URL_E_HOST},
                {__LINE__, "HTTPS://a", false, URL_E_SCHEME},
                {__LINE__, "ftp://a", false, URL_E_SCHEME},
                {__LINE__, "", false, URL_E_SCHEME},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (url_check_base(rows[i].url, rows[i].imds) != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line,
                                 url_check_base(rows[i].url, rows[i].imds));
        assert_int_equal(url_base_len("https://a/"), 9);
        assert_int_equal(url_base_len("https://a"), 9);
}

/* Every character there is, by an encoder of our own. */
static void test_utf8(void **state) {
        for (uint32_t c = 0; c < 0x110000; c++) {
                char bytes[4];
                uint32_t back = UINT32_MAX;
                size_t n;

                if (c < 0x80) {
                        bytes[0] = (char)c;
                        n = 1;
                } else if (c < 0x800) {
                        bytes[0] = (char)(0xc0 | c >> 6);
                        bytes[1] = (char)(0x80 | (c & 63));
                        n = 2;
                } else if (c < 0x10000) {
                        bytes[0] = (char)(0xe0 | c >> 12);
                        bytes[1] = (char)(0x80 | (c >> 6 & 63));
                        bytes[2] = (char)(0x80 | (c & 63));
                        n = 3;
                } else {
                        bytes[0] = (char)(0xf0 | c >> 18);
                        bytes[1] = (char)(0x80 | (c >> 12 & 63));
                        bytes[2] = (char)(0x80 | (c >> 6 & 63));
                        bytes[3] = (char)(0x80 | (c & 63));
                        n = 4;
                }
                if (c >= 0xd800 && c < 0xe000) {
                        assert_int_equal(utf8_decode(bytes, n, &back), 0);
                        continue;
                }
                assert_int_equal(utf8_decode(bytes, n, &back), n);
                assert_int_equal(back, c);
                for (size_t cut = 1; cut < n; cut++)
                        assert_int_equal(utf8_decode(bytes, cut, &back), 0);
                assert_int_equal(text_utf16_len(bytes, n), c >= 0x10000 ? 2 : 1);
        }
        assert_true(text_is_plain("caf\xc3\xa9", 5));
        assert_false(text_is_plain("a\nb", 3));
        assert_false(text_is_plain("a\xff", 2));
}

static void test_diagnostics(void **state) {
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        char *end;

        /* Backwards, three to a line, so that the order has something to do. */
        for (uint32_t i = 0; i < DIAGNOSTICS_MAX + 7; i++)
                diagnostics_add(&diagnostics, i % 4 == 3 ? SEVERITY_WARNING : SEVERITY_ERROR,
                                1 + (DIAGNOSTICS_MAX - i) / 3 % 1000, 1, i % 2 ? "b" : "a",
                                "wrong \x1b[31m\xc2\x9b", NULL, NULL);
        diagnostics_sort(&diagnostics);
        assert_int_equal(diagnostics.n, DIAGNOSTICS_MAX);
        assert_int_equal(diagnostics.n_left_out, 7);
        assert_int_equal(diagnostics.n_errors + diagnostics.n_warnings, DIAGNOSTICS_MAX + 7);
        for (size_t i = 1; i < diagnostics.n; i++) {
                assert_true(diagnostics.items[i - 1].line <= diagnostics.items[i].line);
                /* Of one line the first added stays first: a and b alternate. */
                if (diagnostics.items[i - 1].line == diagnostics.items[i].line)
                        assert_string_not_equal(diagnostics.items[i - 1].path,
                                                diagnostics.items[i].path);
        }

        strbuf_clear(&text);
        diagnostics.file_name = strdup("a\nb");
        diagnostics_format(&diagnostics, &text);
        assert_null(strchr(strbuf_str(&text), '\x1b'));
        assert_true(strncmp(strbuf_str(&text), "a\\x0ab:1:1: error: ", 19) == 0);
        assert_non_null(strstr(strbuf_str(&text), "wrong \\x1b[31m\\x9b\n"));
        end = strstr(text.data, "a\\x0ab: and ");
        assert_non_null(end);
        assert_string_equal(end, "a\\x0ab: and 6 more errors and 1 more warning\n");

        strbuf_clear(&text);
        diagnostic_quote("12345678901234567890123456789012345678901234567890123456789\xc3\xa9", 61,
                         &text);
        assert_string_equal(strbuf_str(&text),
                            "\"12345678901234567890123456789012345678901234567890123456789...\"");
}

/* A grammar check of RFC 8259 that counts what it needs; not a parser. */
struct json {
        const char *at;
        unsigned depth;
};

static bool json_value(struct json *json);

static void json_space(struct json *json) {
        json->at += strspn(json->at, " \n");
}

static bool json_text(struct json *json) {
        if (*json->at++ != '"')
                return false;
        for (; *json->at && *json->at != '"'; json->at++) {
                if ((unsigned char)*json->at < 0x20 || (unsigned char)*json->at > 0x7e)
                        return false;
                if (*json->at == '\\' && !strchr("\"\\", *++json->at))
                        return false;
        }
        return *json->at++ == '"';
}

static bool json_members(struct json *json, char end, bool names) {
        json->at++;
        json_space(json);
        if (*json->at == end) {
                json->at++;
                return true;
        }
        for (;;) {
                json_space(json);
                if (names) {
                        if (!json_text(json))
                                return false;
                        json_space(json);
                        if (*json->at++ != ':')
                                return false;
                }
                if (!json_value(json))
                        return false;
                json_space(json);
                if (*json->at == end) {
                        json->at++;
                        return true;
                }
                if (*json->at++ != ',')
                        return false;
        }
}

static bool json_value(struct json *json) {
        bool ok;

        json_space(json);
        if (++json->depth > 64)
                return false;
        if (*json->at == '{')
                ok = json_members(json, '}', true);
        else if (*json->at == '[')
                ok = json_members(json, ']', false);
        else if (*json->at == '"')
                ok = json_text(json);
        else {
                size_t n = strspn(json->at, "-0123456789.truefals");

                ok = n > 0;
                json->at += n;
        }
        json->depth--;
        return ok;
}

/* Visits every row, planned ones too. Returns how many there were. */
static size_t each_key(const struct key *map, bool reachable,
                       void (*visit)(const struct key *key, bool reachable, void *data),
                       void *data) {
        size_t n = 0;

        for (size_t i = 0; i < map->keys.n; i++) {
                const struct key *key = &map->keys.items[i];
                bool here = reachable && key->support == SUPPORTED;

                visit(key, here, data);
                n += 1 + each_key(key, here, visit, data);
        }
        return n;
}

static void check_in_schema(const struct key *key, bool reachable, void *data) {
        char name[128];

        (void)reachable;
        snprintf(name, sizeof(name), "\"%s\": {", key->name);
        if (!strstr(data, name))
                fail_msg("%s is not in the schema", key->name);
        if (!strstr(data, key->description))
                fail_msg("the description of %s is not in the schema", key->name);
}

static unsigned count_of(const char *text, const char *word) {
        unsigned n = 0;

        for (; (text = strstr(text, word)); text++)
                n++;
        return n;
}

static void test_schema(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf schema = {};
        struct json json = {};
        char *text;

        config_schema(&schema);
        assert_int_equal(schema.error, 0);
        json.at = text = schema.data;
        assert_true(json_value(&json));
        assert_string_equal(json.at, "\n");
        assert_in_range(each_key(&policy_key, true, check_in_schema, text), 70, 200);

        /* In defaults, and without its default in every policy. */
        assert_int_equal(count_of(text, "\"timezone\": {"), 2);
        assert_int_equal(count_of(text, "\"default\": \"UTC\""), 1);
        assert_int_equal(count_of(text, "\"default\": 16"), 1);
        assert_int_equal(count_of(text, "\"default\": false"), 1);
        /* Keys that are planned are refused here as well. */
        assert_true(count_of(text, "\"not\": {") > 0);
}

/* What flipping a row to SUPPORTED relies on: each row is whole. */
static void check_row(const struct key *key, bool reachable, void *data) {
        bool has_reader = key->read || key->type == KEY_MAP || value_reader(key->type);

        (void)data;
        assert_non_null(key->name);
        assert_non_null(key->description);
        assert_null(strchr(key->description, '"'));
        if (reachable && !has_reader)
                fail_msg("%s is supported and nothing reads it", key->name);
        if (reachable && key->form != FORM_ONE && !key->read)
                fail_msg("%s is supported and nothing reads its list", key->name);
        if ((key->type == KEY_COUNT || key->type == KEY_DURATION) && key->max <= 0)
                fail_msg("%s has no range", key->name);
        if (key->type == KEY_WORD && !key->words)
                fail_msg("%s has no words", key->name);
        for (const struct key_word *word = key->words; word && word->name; word++)
                if (reachable && word->support == SUPPORTED && word->value < 0)
                        fail_msg("%s: %s is supported and has no value", key->name, word->name);
}

static void test_table(void **state) {
        each_key(&policy_key, true, check_row, NULL);
}

static int load(const char *text, size_t len, struct diagnostics *diagnostics) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;

        return config_load(text, len, "f", &fixture_zones, &file, diagnostics);
}

/* Files that are too much: each is refused, and what is said stays readable. */
static void test_too_much(void **state) {
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        _cleanup_(freep) char *huge = NULL;

        /* 100 MB, refused without a look at them */
        huge = malloc(100 << 20);
        assert_non_null(huge);
        assert_int_equal(load(huge, 100 << 20, &diagnostics), CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, 1);
        assert_string_equal(diagnostics.items[0].message,
                            "the file is larger than 1 MiB, the most a policy may have");

        /* more errors than are kept */
        for (unsigned i = 0; i < 3000; i++)
                strbuf_appendf(&text, "key%u: 1\n", i);
        assert_int_equal(load(strbuf_str(&text), text.len, &diagnostics), CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, DIAGNOSTICS_MAX);
        assert_int_equal(diagnostics.n_errors, 3003); /* version, owner, policies */
        strbuf_clear(&text);
        diagnostics_format(&diagnostics, &text);
        assert_non_null(strstr(strbuf_str(&text), "f: and 2003 more errors\n"));

        /* "billion laughs": nothing expands */
        strbuf_clear(&text);
        strbuf_append_str(&text, "a0: &a0 [lol, lol]\n");
        for (unsigned i = 1; i < 30; i++)
                strbuf_appendf(&text, "a%u: &a%u [*a%u, *a%u, *a%u]\n", i, i, i - 1, i - 1, i - 1);
        assert_int_equal(load(strbuf_str(&text), text.len, &diagnostics), CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, 30 + 3 * 29 + 30 + 3); /* anchors, aliases, keys, missing */

        /* deeper than any key */
        strbuf_clear(&text);
        for (unsigned i = 0; i < 100000; i++)
                strbuf_append_char(&text, '[');
        assert_int_equal(load(strbuf_str(&text), text.len, &diagnostics), CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, 1);
        assert_string_equal(diagnostics.items[0].message, "nested deeper than any key of a policy");

        /* more nodes than are kept */
        strbuf_clear(&text);
        strbuf_append_str(&text, "owner: [");
        for (unsigned i = 0; i < TREE_NODES_MAX; i++)
                strbuf_append_str(&text, "a,");
        strbuf_append_str(&text, "]\n");
        assert_int_equal(load(strbuf_str(&text), text.len, &diagnostics), CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, 1);
        assert_string_equal(diagnostics.items[0].message,
                            "the file has more than 100000 keys and values");

        /* names as long as the file, in paths and quotes of many messages */
        strbuf_clear(&text);
        strbuf_append_str(&text, "policies: {\"");
        for (unsigned i = 0; i < 500000; i++)
                strbuf_append_char(&text, 'x');
        strbuf_append_str(&text, "\": {");
        for (unsigned i = 0; i < 2000; i++)
                strbuf_appendf(&text, "k%u: 1, ", i);
        strbuf_append_str(&text, "}}\n");
        assert_int_equal(load(strbuf_str(&text), text.len, &diagnostics), CONFIG_E_INVALID);
        for (size_t i = 0; i < diagnostics.n; i++)
                assert_true(strlen(diagnostics.items[i].path) < 200);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_duration),    cmocka_unit_test(test_plain_texts),
                cmocka_unit_test(test_url),         cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_diagnostics), cmocka_unit_test(test_schema),
                cmocka_unit_test(test_table),       cmocka_unit_test(test_too_much),
        };

        return cmocka_run_group_tests_name("config-parts", tests, NULL, NULL);
}
