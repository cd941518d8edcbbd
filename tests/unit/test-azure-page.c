/*
 * Pages: any chunking gives the same elements and the same end, whatever is guessed of them.
 */
#include "azure/json.h"
#include "azure/page.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define STOP 4711

/* Elements as "a,b," by their "n"; "stop" ends the page. */
static int collect(const char *bytes, size_t len, void *data) {
        _cleanup_(json_freep) cJSON *element = json_parse_scanned(bytes, len);
        const char *n = json_string(element, "n");
        struct strbuf *seen = data;

        strbuf_append_str(seen, n ? n : "?");
        strbuf_append_char(seen, ',');
        return n && strcmp(n, "stop") == 0 ? STOP : 0;
}

/* Guesses: that elements are so long, and that those are known whose bytes are these. */
static size_t guessed, n_known;

static size_t guess_length(void *data) {
        return guessed;
}

static int guess_known(const char *bytes, size_t len, void *data) {
        static const char *const known[] = {"{\"n\":\"a\"}", "{\"n\":\"b\"}"};
        struct strbuf *seen = data;

        assert_int_equal(len, guessed);
        assert_int_equal(bytes[0], '{');
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (len == strlen(known[i]) && memcmp(bytes, known[i], len) == 0) {
                        strbuf_append_str(seen, i == 0 ? "a," : "b,");
                        n_known++;
                        return 1;
                }
        return 0;
}

/* Feeds pieces of @piece bytes, the first of @first. Returns as page_finish(). */
static int run(const char *text, size_t len, size_t first, size_t piece, struct strbuf *seen,
               char ret_link[64]) {
        static const struct page_guess guess = {guess_length, guess_known};
        _cleanup_(page_freep) struct page *page = NULL;
        const char *link = "untouched";
        size_t at = 0;
        int r = 0;

        strbuf_clear(seen);
        assert_int_equal(page_new(collect, seen, &page), 0);
        if (guessed > 0)
                page_expect(page, &guess);
        while (at < len && r == 0) {
                size_t n = MIN(at == 0 && first > 0 ? first : piece, len - at);

                r = page_feed(page, text + at, n);
                at += n;
        }
        if (r != 0) {
                /* It stays in its error, whatever comes. */
                assert_int_equal(page_feed(page, "{\"value\":[]}", 12), r);
                assert_int_equal(page_finish(page, &link), r);
                assert_string_equal(link, "untouched");
                return r;
        }

        r = page_finish(page, &link);
        if (r == 0)
                strcpy(ret_link, link ? link : "(last)");
        else
                assert_string_equal(link, "untouched");
        return r;
}

static void check(int line, const char *text, size_t len, int r, const char *elements,
                  const char *link) {
        /* None, that of the elements, and all around it. */
        static const size_t guesses[] = {0, 9, 1, 2, 5, 8, 10, 19, 20, 100};
        struct strbuf seen = {};

        for (size_t i = 0; i < ARRAY_SIZE(guesses) * (len + 1) * 3; i++) {
                size_t first = i / 3 % (len + 1), piece = i % 3 + 1;
                char got[64] = "";
                int e;

                guessed = guesses[i / 3 / (len + 1)];
                e = run(text, len, first, first == 0 ? piece : len, &seen, got);
                if (e != r)
                        fail_msg("row at line %d, cut %zu/%zu, guess %zu: %d", line, first, piece,
                                 guessed, e);
                if (strcmp(strbuf_str(&seen), elements) != 0)
                        fail_msg("row at line %d, cut %zu/%zu, guess %zu: %s", line, first, piece,
                                 guessed, strbuf_str(&seen));
                if (r == 0 && strcmp(got, link) != 0)
                        fail_msg("row at line %d, cut %zu/%zu, guess %zu: %s", line, first, piece,
                                 guessed, got);
        }
        guessed = 0;
        strbuf_deinit(&seen);
}

#define TEXT(t) t, sizeof(t) - 1

static void test_pages(void **state) {
        static const struct {
                int line;
                const char *text;
                size_t len;
                int r;
                const char *elements, *link;
        } rows[] = {
                {__LINE__, TEXT("{\"value\":[]}"), 0, "", "(last)"},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},{\"n\":\"b\"}]}"), 0, "a,b,", "(last)"},
                {__LINE__,
                 TEXT(" { \"value\" : [ {\"n\":\"a\"} , {\"n\":\"b\"} ] , \"nextLink\" : "
                      "\"https://h/x?a=b\" } "),
                 0, "a,b,", "https://h/x?a=b"},
                {__LINE__, TEXT("{\"nextLink\":\"first\",\"value\":[{\"n\":\"a\"}]}"), 0, "a,",
                 "first"},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":\"l\"}"), 0, "",
                 "l"}, /* empty, goes on */
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":null}"), 0, "", "(last)"},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":\"\"}"), 0, "", "(last)"},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":\"a\\u0026b\\/c\"}"), 0, "", "a&b/c"},
                {__LINE__, TEXT("\xef\xbb\xbf{\"value\":[{\"n\":\"a\"}]}"), 0, "a,", "(last)"},
                {__LINE__, TEXT("{\"v\\u0061lue\":[{\"n\":\"a\"}]}"), 0, "a,", "(last)"},
                /* What else is there is passed over, whatever its names. */
                {__LINE__,
                 TEXT("{\"x\":{\"value\":[{\"n\":\"no\"}],\"nextLink\":5},\"y\":[[1],{}],"
                      "\"value\":[{\"n\":\"a\",\"d\":{\"value\":[{\"n\":\"no\"}]}}],\"z\":1.5}"),
                 0, "a,", "(last)"},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}],\"z\":[{\"n\":\"no\"}]}"), 0, "a,",
                 "(last)"},

                /* An empty name is not what stood in its place before. */
                {__LINE__,
                 TEXT("{\"x\":{\"value\":1},\"\":[{\"n\":\"no\"}],\"value\":[{\"n\":\"a\"}]}"), 0,
                 "a,", "(last)"},

                {__LINE__, TEXT(""), JSON_E_SYNTAX, "", ""},
                {__LINE__, TEXT("{}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("[]"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("\"value\""), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"Value\":[]}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"error\":{\"code\":\"X\"}}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":null}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":{}}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":[5]}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},[]]}"), JSON_E_SHAPE, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},null]}"), JSON_E_SHAPE, "a,", ""},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":5}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":[\"x\"]}"), JSON_E_SHAPE, "", ""},
                {__LINE__, TEXT("{\"value\":[],\"value\":[]}"), JSON_E_DUPLICATE, "", ""},
                {__LINE__, TEXT("{\"value\":[],\"nextLink\":\"a\",\"nextLink\":\"b\"}"),
                 JSON_E_DUPLICATE, "", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},{\"n\":\"b\",\"n\":\"c\"}]}"),
                 JSON_E_DUPLICATE, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}]} x"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}]}{}"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}]"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a"), JSON_E_SYNTAX, "", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"}],}"), JSON_E_SYNTAX, "a,", ""},
                {__LINE__, TEXT("<html>"), JSON_E_SYNTAX, "", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\0\"}]}"), JSON_E_NUL, "", ""},
                {__LINE__, TEXT("{\"value\":[{\"n\":\"\xff\"}]}"), JSON_E_UTF8, "", ""},
                {__LINE__, TEXT("{\"value\":[],\"x\":\"\xff\"}"), JSON_E_UTF8, "", ""},
                {__LINE__, TEXT("{\"value\":[],\"x\":{\"a\":1,\"a\":2}}"), JSON_E_DUPLICATE, "",
                 ""},
                /* The element function's own word. */
                {__LINE__, TEXT("{\"value\":[{\"n\":\"a\"},{\"n\":\"stop\"},{\"n\":\"b\"}]}"), STOP,
                 "a,stop,", ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check(rows[i].line, rows[i].text, rows[i].len, rows[i].r, rows[i].elements,
                      rows[i].link);
        assert_true(n_known > 1000);
}

/* {"value":[{"n":"xxx…"}]} with an element of exactly @size bytes. */
static int run_sized(size_t size, const char *head, const char *before, const char *after,
                     const char *tail) {
        struct strbuf s = {}, seen = {};
        char link[64];
        int r;

        strbuf_append_str(&s, head);
        strbuf_append_str(&s, before);
        for (size_t i = strlen(before) + strlen(after); i < size; i++)
                strbuf_append_char(&s, 'x');
        strbuf_append_str(&s, after);
        strbuf_append_str(&s, tail);
        r = run(strbuf_str(&s), s.len, 0, 4096, &seen, link);
        strbuf_deinit(&s);
        strbuf_deinit(&seen);
        return r;
}

static void test_ceilings(void **state) {
        assert_int_equal(run_sized(PAGE_ELEMENT_MAX, "{\"value\":[", "{\"m\":\"", "\"}", "]}"), 0);
        assert_int_equal(run_sized(PAGE_ELEMENT_MAX + 1, "{\"value\":[", "{\"m\":\"", "\"}", "]}"),
                         JSON_E_SIZE);
        /* One that never ends does not grow beyond it either. */
        assert_int_equal(run_sized(PAGE_ELEMENT_MAX + 1, "{\"value\":[", "{\"m\":\"", "", ""),
                         JSON_E_SIZE);
        assert_int_equal(
                run_sized(PAGE_LINK_MAX + 1, "{\"value\":[],\"nextLink\":", "\"", "\"", "}"),
                JSON_E_SIZE);
}

/* A page has no ceiling of its own: what is not kept may be long. */
static void test_long_page(void **state) {
        _cleanup_(page_freep) struct page *page = NULL;
        struct strbuf seen = {}, chunk = {};
        const char *link = "";

        for (size_t i = 0; i < 1000; i++)
                strbuf_append_str(&chunk, "{\"n\":\"a\",\"tags\":{\"a\":\"b\",\"c\":\"d\"}},\n");
        assert_int_equal(page_new(collect, &seen, &page), 0);
        assert_int_equal(page_feed(page, TEXT("{\"value\":[")), 0);
        for (size_t i = 0; i < 400; i++) {
                assert_int_equal(page_feed(page, chunk.data, chunk.len), 0);
                assert_int_equal(seen.len, 2000);
                strbuf_clear(&seen);
        }
        assert_int_equal(page_feed(page, TEXT("{\"n\":\"z\"}]}")), 0);
        assert_int_equal(page_finish(page, &link), 0);
        assert_null(link);
        assert_string_equal(strbuf_str(&seen), "z,");
        assert_true(400 * chunk.len > JSON_DOCUMENT_MAX);
        strbuf_deinit(&seen);
        strbuf_deinit(&chunk);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),
                cmocka_unit_test(test_ceilings),
                cmocka_unit_test(test_long_page),
        };

        return cmocka_run_group_tests_name("azure-page", tests, NULL, NULL);
}
