/*
 * Heads of replies, line by line.
 */
#include "base/macros.h"
#include "runtime/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The lines of @text, each ended by '\n', one after the other. Returns the first that is not 0. */
static int feed(struct head *head, const char *text) {
        while (*text) {
                size_t len = strcspn(text, "\n");
                int r;

                len += text[len] == '\n';
                r = head_line(head, text, len);
                if (r != 0)
                        return r;
                text += len;
        }
        return 0;
}

/* "name=value;" of all headers. */
static const char *flat(const struct head *head, char *buffer, size_t size) {
        size_t len = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < head->headers.n; i++)
                len += (size_t)snprintf(buffer + len, size - len, "%s=%s;",
                                        head->headers.items[i].name, head->headers.items[i].value);
        return buffer;
}

static void test_heads(void **state) {
        static const struct {
                int line;
                const char *text;
                int status;
                const char *headers;
        } rows[] = {
                {__LINE__, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, "A=b;"},
                {__LINE__, "HTTP/2 204 \r\nA:b\r\n\r\n", 204, "A=b;"},
                {__LINE__, "HTTP/1.1 200\nA:  b c \t\n\n", 200, "A=b c;"},
                {__LINE__, "HTTP/1.1 200 OK\r\nA:\r\nA: 2\r\n\r\n", 200, "A=;A=2;"},
                {__LINE__, "HTTP/1.1 200 OK\r\nA: b:c\r\n\r\n", 200, "A=b:c;"},
                /* interim heads leave nothing behind */
                {__LINE__, "HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 201 C\r\nA: b\r\n\r\n",
                 201, "A=b;"},
                {__LINE__,
                 "HTTP/1.1 103 E\r\nX: 1\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 404 N\r\n\r\n", 404,
                 ""},
                {__LINE__, "HTTP/1.1 100 Continue\r\nX: 1\r\n", 0, "X=1;"},
                /* trailers, even one that looks like a head */
                {__LINE__, "HTTP/1.1 200 OK\r\nA: b\r\n\r\nA: c\r\nHTTP/1.1 500 X\r\n", 200,
                 "A=b;"},
                /* folded */
                {__LINE__, "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td \r\n\r\n", 200, "A=b c d;"},
                {__LINE__, "HTTP/1.1 200 OK\r\nA:\r\n b\r\n\r\n", 200, "A=b;"},
                {__LINE__, "HTTP/1.1 200 OK\r\n folded: first\r\n\r\n", 200, ""},
                {__LINE__, "HTTP/1.1 200 OK\r\nA: b\r\n  \r\nC: d\r\n\r\n", 200, "A=b;C=d;"},
                /* no headers */
                {__LINE__, "HTTP/1.1 200 OK\r\nnothing\r\n: x\r\nA b: x\r\nA : x\r\n\r\n", 200, ""},
                /* no status lines */
                {__LINE__, "ICY 200 OK\r\nA: b\r\n", 0, ""},
                {__LINE__, "HTTP/1.1\r\n", 0, ""},
                {__LINE__, "HTTP/1.1 20\r\n", 0, ""},
                {__LINE__, "HTTP/1.1 2000 OK\r\n", 0, ""},
                {__LINE__, "HTTP/1.1 099 OK\r\n", 0, ""},
                {__LINE__, "HTTP/1.1 2x0 OK\r\n", 0, ""},
                {__LINE__, "\r\n", 0, ""},
        };
        char buffer[256];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct head head = {};
                int r = feed(&head, rows[i].text);

                flat(&head, buffer, sizeof(buffer));
                if (r != 0 || head_status(&head) != rows[i].status ||
                    strcmp(buffer, rows[i].headers) != 0)
                        fail_msg("row at line %d: r %d, status %d, headers %s", rows[i].line, r,
                                 head_status(&head), buffer);
                head_deinit(&head);
        }
}

static void test_ceilings(void **state) {
        static char large[HTTP_HEADER_BYTES_MAX + 1];
        struct head head = {};

        assert_int_equal(feed(&head, "HTTP/1.1 200 OK\r\n"), 0);
        for (int i = 0; i < HTTP_HEADERS_MAX; i++)
                assert_int_equal(feed(&head, "A: b\r\n"), 0);
        assert_int_equal(feed(&head, "A: b\r\n"), HEAD_E_TOO_LARGE);
        head_deinit(&head);

        /* To the byte; and a restart does not begin to count anew. */
        memset(large, 'a', sizeof(large));
        assert_int_equal(feed(&head, "HTTP/1.1 200 OK\r\n"), 0);
        assert_int_equal(head_line(&head, large, sizeof(large) - 1 - 17), 0);
        assert_int_equal(head.bytes, HTTP_HEADER_BYTES_MAX);
        head_restart(&head);
        assert_int_equal(head_line(&head, "", 0), 0);
        assert_int_equal(head_line(&head, "x", 1), HEAD_E_TOO_LARGE);
        head_deinit(&head);

        assert_int_equal(head_line(&head, large, sizeof(large)), HEAD_E_TOO_LARGE);
        head_deinit(&head);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_heads),
                cmocka_unit_test(test_ceilings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
