/*
 * Hostile JSON: the rules of json.h in tables, each document also in pieces of one byte.
 */
#include "azure/json.h"
#include "azure/scan.h"
#include "base/json_writer.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define TEXT(t) t, sizeof(t) - 1

/* The same judgement, one byte at a time. */
static int scan_bytewise(const char *bytes, size_t len) {
        enum scan_event event;
        struct scan scan;
        int r = 0;

        scan_init(&scan, /* watch= */ 2);
        for (size_t i = 0; i < len && r == 0; i++) {
                size_t pos = 0;

                do
                        r = scan_run(&scan, bytes + i, 1, &pos, &event);
                while (r == 0 && event != SCAN_MORE);
        }
        if (r == 0)
                r = scan_finish(&scan);
        scan_deinit(&scan);
        return r;
}

static void check_scan(int line, const char *bytes, size_t len, int expected) {
        size_t offset = 0;
        int r;

        r = json_scan(bytes, len, &offset);
        if (r != expected)
                fail_msg("row at line %d: %d at %zu, not %d", line, r, offset, expected);
        if (r == 0) {
                _cleanup_(json_freep) cJSON *json = NULL;

                if (json_parse(bytes, len, &json, &offset) != 0)
                        fail_msg("row at line %d: accepted, and not parsed", line);
        }
        if (offset > len)
                fail_msg("row at line %d: offset %zu of %zu", line, offset, len);
        r = scan_bytewise(bytes, len);
        if (r != expected)
                fail_msg("row at line %d in single bytes: %d, not %d", line, r, expected);
}

static void test_scan(void **state) {
        static const struct {
                int line;
                const char *text;
                size_t len;
                int r;
        } rows[] = {
                {__LINE__, TEXT("{}"), 0},
                {__LINE__, TEXT(" \t\r\n{ \"a\" : [ 1 , -2.5e+3 , true , false , null ] } \n"), 0},
                {__LINE__, TEXT("[]"), 0},
                {__LINE__, TEXT("[[],{}]"), 0},
                {__LINE__, TEXT("\"\""), 0},
                {__LINE__, TEXT("12"), 0},
                {__LINE__, TEXT("0"), 0},
                {__LINE__, TEXT("-0.0E-0"), 0},
                {__LINE__, TEXT("{\"\":0}"), 0},
                {__LINE__, TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\""), 0},
                {__LINE__, TEXT("\"\\ud83d\\ude00 \xf0\x9f\x98\x80 \xc3\xa5 \xe2\x82\xac \x7f\""),
                 0},
                {__LINE__, TEXT("\xef\xbb\xbf{}"), 0}, /* a byte order mark */
                {__LINE__, TEXT("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"), 0},
                {__LINE__, TEXT("{\"x\":{\"b\":1},\"b\":{\"x\":2}}"), 0}, /* of another object */
                {__LINE__, TEXT("{\"a\":1,\"A\":2}"), 0}, /* other case is another key */

                {__LINE__, TEXT(""), JSON_E_SYNTAX},
                {__LINE__, TEXT(" "), JSON_E_SYNTAX},
                {__LINE__, TEXT("\xef\xbb\xbf"), JSON_E_SYNTAX},
                {__LINE__, TEXT("\xef\xbb{}"), JSON_E_SYNTAX},
                {__LINE__, TEXT(" \xef\xbb \xbf{}"), JSON_E_SYNTAX},
                {__LINE__, TEXT(" \xef\xbb\xbf{}"), JSON_E_SYNTAX}, /* a mark is first or nowhere */
                {__LINE__, TEXT("\xef\xbb\xbf\xef\xbb\xbf{}"), JSON_E_SYNTAX},
                {__LINE__,
                 TEXT("\xef\xbb\xbf"
                      "1"),
                 0},
                {__LINE__, TEXT("\xef\xbb\xbf {}"), 0},
                {__LINE__, TEXT("{}\xef\xbb\xbf"), JSON_E_SYNTAX},
                {__LINE__, TEXT("<!DOCTYPE html><html></html>"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\""), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":1"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":\"b"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":tru"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{}}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{} {}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{}x"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{},"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1 2"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[1,]"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[,1]"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[1 2]"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[1 2"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[[]@"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[\"a\"x"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":1 2"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":[1:"), JSON_E_SYNTAX},
                {__LINE__, TEXT("[1}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":1]"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":1,}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\" 1}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{a:1}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{'a':1}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("{\"a\":1 /* c */}"), JSON_E_SYNTAX},
                {__LINE__, TEXT("True"), JSON_E_SYNTAX},
                {__LINE__, TEXT("nul"), JSON_E_SYNTAX},
                {__LINE__, TEXT("nulll"), JSON_E_SYNTAX},
                {__LINE__, TEXT("NaN"), JSON_E_SYNTAX},
                {__LINE__, TEXT("\"a\nb\""), JSON_E_SYNTAX},
                {__LINE__, TEXT("\"\\x41\""), JSON_E_SYNTAX},
                {__LINE__, TEXT("\"\\u00g0\""), JSON_E_SYNTAX},
                {__LINE__, TEXT("\"\\u004\""), JSON_E_SYNTAX},
                {__LINE__, TEXT("[\x80]"), JSON_E_SYNTAX},

                {__LINE__, TEXT("01"), JSON_E_SYNTAX},
                {__LINE__, TEXT("-"), JSON_E_SYNTAX},
                {__LINE__, TEXT("-01"), JSON_E_SYNTAX},
                {__LINE__, TEXT("+1"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1."), JSON_E_SYNTAX},
                {__LINE__, TEXT(".5"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1.e3"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1e"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1e+"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1e1.5"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1e5e5"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1.5.5"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1-1"), JSON_E_SYNTAX},
                {__LINE__, TEXT("0x10"), JSON_E_SYNTAX},
                {__LINE__, TEXT("1e250"), 0},
                {__LINE__, TEXT("1e251"), JSON_E_SIZE},
                {__LINE__, TEXT("1e-999999999999"), JSON_E_SIZE},
                {__LINE__, TEXT("1234567890123456789012345678901234567890"), 0},
                {__LINE__, TEXT("12345678901234567890123456789012345678901"), JSON_E_SIZE},

                {__LINE__, TEXT("\"a\0b\""), JSON_E_NUL},
                {__LINE__, TEXT("{\"id\":\"/subscriptions/\\u0000x\"}"), JSON_E_NUL},
                {__LINE__, TEXT("{\"a\\u0000\":1}"), JSON_E_NUL},
                {__LINE__, TEXT("{}\0"), JSON_E_NUL},
                {__LINE__, TEXT("\0"), JSON_E_NUL},
                {__LINE__, TEXT("\"\\\0\""), JSON_E_NUL},
                {__LINE__, TEXT("1\0"), JSON_E_NUL},

                {__LINE__, TEXT("\"\x80\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\xc0\xaf\""), JSON_E_UTF8},         /* overlong '/' */
                {__LINE__, TEXT("\"\xe0\x80\xaf\""), JSON_E_UTF8},     /* and longer */
                {__LINE__, TEXT("\"\xf0\x80\x80\xaf\""), JSON_E_UTF8}, /* and longer */
                {__LINE__, TEXT("\"\xed\xa0\x80\""), JSON_E_UTF8},     /* a surrogate */
                {__LINE__, TEXT("\"\xf4\x90\x80\x80\""), JSON_E_UTF8}, /* above U+10FFFF */
                {__LINE__, TEXT("\"\xf5\x80\x80\x80\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\xff\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\xc3\""), JSON_E_UTF8}, /* cut by the quote */
                {__LINE__, TEXT("\"\xe2\x82\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\xc3\xc3\xa5\""), JSON_E_UTF8},
                {__LINE__, TEXT("{\"\xc3\":1}"), JSON_E_UTF8},
                {__LINE__, TEXT("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xf0\x90\x80\x80\""), 0},
                {__LINE__, TEXT("\"\\ud83d\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\\ud83dx\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\\ud83d\\n\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\\ud83d\\u0041\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\\ud83d\\ud83d\""), JSON_E_UTF8},
                {__LINE__, TEXT("\"\\ude00\""), JSON_E_UTF8},

                {__LINE__, TEXT("{\"a\":1,\"a\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"a\":1,\"b\":{},\"a\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"a\":1,\"\\u0061\":1}"), JSON_E_DUPLICATE}, /* unescaped */
                {__LINE__, TEXT("{\"\":1,\"\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"\xc3\xa5\":1,\"\\u00e5\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"\xe2\x82\xac\":1,\"\\u20ac\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"\\n\":1,\"\\u000a\":1}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("{\"x\":{\"a\":1,\"b\":2,\"a\":3}}"), JSON_E_DUPLICATE},
                {__LINE__, TEXT("[{\"a\":{\"a\":1},\"b\":[{\"c\":1}],\"c\":1,\"b\":1}]"),
                 JSON_E_DUPLICATE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_scan(rows[i].line, rows[i].text, rows[i].len, rows[i].r);
}

static char *repeat(const char *head, const char *text, size_t n, const char *tail) {
        struct strbuf s = {};
        char *all;

        strbuf_append_str(&s, head);
        for (size_t i = 0; i < n; i++)
                strbuf_append_str(&s, text);
        strbuf_append_str(&s, tail);
        assert_int_equal(strbuf_take(&s, &all), 0);
        return all;
}

static void check_made(int line, char *text, int expected) {
        check_scan(line, text, strlen(text), expected);
        free(text);
}

/* Plain bytes are skipped eight at a time: each byte in each place among them, and after another that
 * may borrow from it. */
static void test_plain_runs(void **state) {
        for (size_t len = 1; len <= 20; len++)
                for (size_t at = 0; at < len; at++)
                        for (unsigned c = 0; c < 256; c++) {
                                char text[24], before = c & 1 ? ' ' : '\x7f';
                                size_t offset = 0;
                                int r;

                                text[0] = '"';
                                memset(text + 1, before, len);
                                text[1 + at] = (char)c;
                                text[1 + len] = '"';
                                r = json_scan(text, len + 2, &offset);
                                if (r != scan_bytewise(text, len + 2))
                                        fail_msg("byte %u at %zu of %zu: %d", c, at, len, r);
                                if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')
                                        assert_int_equal(r, 0);
                                else if (c != '\\')
                                        assert_int_not_equal(r, 0);
                        }
}

static void test_ceilings(void **state) {
        struct strbuf s = {};
        char *text, *deep;

        /* Depth: 64 are allowed, 10,000 are refused at the 65th and not by the stack. */
        deep = repeat("", "[", JSON_DEPTH_MAX, "");
        check_made(__LINE__, repeat(deep, "]", JSON_DEPTH_MAX, ""), 0);
        free(deep);
        check_made(__LINE__, repeat("", "[", JSON_DEPTH_MAX + 1, ""), JSON_E_DEPTH);
        check_made(__LINE__, repeat("", "[", 10000, ""), JSON_E_DEPTH);
        check_made(__LINE__, repeat("", "{\"a\":", 10000, ""), JSON_E_DEPTH);

        /* A number of 400 digits. */
        check_made(__LINE__, repeat("{\"diskSizeBytes\":", "9", 400, "}"), JSON_E_SIZE);

        /* The length of a key. */
        check_made(__LINE__, repeat("{\"", "k", JSON_KEY_MAX, "\":1}"), 0);
        check_made(__LINE__, repeat("{\"", "k", JSON_KEY_MAX + 1, "\":1}"), JSON_E_SIZE);
        check_made(__LINE__, repeat("{\"", "\\u00e5", JSON_KEY_MAX / 2 + 1, "\":1}"), JSON_E_SIZE);

        /* Members of an object, and a repetition of the first among them. */
        for (unsigned n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
                strbuf_append_str(&s, "{\"0\":0");
                for (unsigned i = 1; i < n; i++)
                        strbuf_appendf(&s, ",\"%u\":0", i);
                strbuf_append_str(&s, "}");
                assert_int_equal(strbuf_take(&s, &text), 0);
                check_made(__LINE__, text, n == JSON_MEMBERS_MAX ? 0 : JSON_E_SIZE);
        }
        strbuf_append_str(&s, "{\"0\":0");
        for (unsigned i = 1; i < 1000; i++)
                strbuf_appendf(&s, ",\"%u\":{\"0\":[],\"%u\":0}", i, i);
        strbuf_append_str(&s, ",\"0\":0}");
        assert_int_equal(strbuf_take(&s, &text), 0);
        check_made(__LINE__, text, JSON_E_DUPLICATE);
}

static void test_document_size(void **state) {
        char *text = malloc(JSON_DOCUMENT_MAX + 1);
        size_t offset;

        assert_non_null(text);
        memset(text, ' ', JSON_DOCUMENT_MAX + 1);
        memcpy(text, "{}", 2);
        assert_int_equal(json_scan(text, JSON_DOCUMENT_MAX, &offset), 0);
        assert_int_equal(json_scan(text, JSON_DOCUMENT_MAX + 1, &offset), JSON_E_SIZE);
        free(text);
}

static void test_offset(void **state) {
        size_t offset = 99;

        assert_int_equal(json_scan(TEXT("{\"a\":x}"), &offset), JSON_E_SYNTAX);
        assert_int_equal(offset, 5);
        offset = 99;
        assert_int_equal(json_scan(TEXT("{}"), &offset), 0);
        assert_int_equal(offset, 99); /* reterr_ only on failure */
        assert_int_equal(json_scan(TEXT("{\"a\":1"), &offset), JSON_E_SYNTAX);
        assert_int_equal(offset, 6);
}

static void test_problems(void **state) {
        for (int e = JSON_E_SYNTAX; e <= JSON_E_SHAPE; e++)
                for (int f = e + 1; f <= JSON_E_SHAPE + 1; f++)
                        assert_string_not_equal(json_problem(e), json_problem(f));
}

static void test_getters(void **state) {
        static const char text[] =
                "{\"s\":\"text\",\"n\":null,\"o\":{\"k\":\"v\"},\"t\":true,\"f\":false,\"i\":42,"
                "\"neg\":-7,\"digits\":\"3599\",\"padded\":\"03599\",\"frac\":1.5,\"whole\":2.0,"
                "\"big\":9007199254740991,\"bigger\":9007199254740992,\"huge\":1e200,"
                "\"bigtext\":\"9007199254740991\",\"biggertext\":\"9007199254740992\","
                "\"p0\":0,\"p\":99.999,\"p100\":100.0,\"p101\":100.5,\"pn\":-0.5,\"a\":[1]}";
        _cleanup_(json_freep) cJSON *json = NULL;
        unsigned percent;
        size_t offset;
        int64_t i;
        bool b;

        assert_int_equal(json_parse(TEXT(text), &json, &offset), 0);

        assert_string_equal(json_string(json, "s"), "text");
        assert_null(json_string(json, "S")); /* other case */
        assert_null(json_string(json, "n"));
        assert_null(json_string(json, "i"));
        assert_null(json_string(NULL, "s"));
        assert_non_null(json_object(json, "o"));
        assert_null(json_object(json, "a"));
        assert_null(json_object(json, "s"));
        assert_string_equal(json_string(json_object(json, "o"), "k"), "v");

        assert_true(json_is_absent(json, "n"));
        assert_true(json_is_absent(json, "none"));
        assert_true(json_is_absent(NULL, "none"));
        assert_false(json_is_absent(json, "f"));

        assert_true(json_bool(json, "t", &b) && b);
        assert_true(json_bool(json, "f", &b) && !b);
        assert_false(json_bool(json, "i", &b));
        assert_false(json_bool(json, "n", &b));

        assert_true(json_integer(json, "i", &i) && i == 42);
        assert_true(json_integer(json, "neg", &i) && i == -7);
        assert_true(json_integer(json, "digits", &i) && i == 3599);
        assert_true(json_integer(json, "whole", &i) && i == 2);
        assert_true(json_integer(json, "big", &i) && i == INT64_C(9007199254740991));
        assert_true(json_integer(json, "bigtext", &i) && i == INT64_C(9007199254740991));
        assert_false(json_integer(json, "bigger", &i));
        assert_false(json_integer(json, "biggertext", &i));
        assert_false(json_integer(json, "huge", &i));
        assert_false(json_integer(json, "frac", &i));
        assert_false(json_integer(json, "padded", &i));
        assert_false(json_integer(json, "s", &i));
        assert_false(json_integer(json, "t", &i));
        assert_false(json_integer(json, "none", &i));

        assert_true(json_percent(json, "p0", &percent) && percent == 0);
        assert_true(json_percent(json, "p", &percent) && percent == 99); /* cut, not rounded */
        assert_true(json_percent(json, "p100", &percent) && percent == 100);
        assert_false(json_percent(json, "p101", &percent));
        assert_false(json_percent(json, "pn", &percent));
        assert_false(json_percent(json, "digits", &percent));
        assert_false(json_percent(json, "huge", &percent));
}

/* What the house writes, it reads back the same. */
static void test_written(void **state) {
        static const char *const texts[] = {
                "",  "plain", "\"quoted\\\"", "a\nb\tc\x01\x1f\x7f", "\xc3\xa5\xf0\x9f\x98\x80",
                "/", "\\",    "\"",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_(json_freep) cJSON *json = NULL;
                struct strbuf s = {};
                size_t offset;

                strbuf_append_str(&s, "{\"k\":");
                json_append_quoted(&s, texts[i]);
                strbuf_append_str(&s, "}");
                assert_int_equal(json_parse(strbuf_str(&s), s.len, &json, &offset), 0);
                assert_string_equal(json_string(json, "k"), texts[i]);
                strbuf_deinit(&s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scan),     cmocka_unit_test(test_ceilings),
                cmocka_unit_test(test_offset),   cmocka_unit_test(test_document_size),
                cmocka_unit_test(test_problems), cmocka_unit_test(test_getters),
                cmocka_unit_test(test_written),  cmocka_unit_test(test_plain_runs),
        };

        return cmocka_run_group_tests_name("azure-json", tests, NULL, NULL);
}
