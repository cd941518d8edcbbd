/*
 * Heads of replies: lines as libcurl hands them over, in any bytes. What was kept must keep to the
 * ceilings and be text that can be looked up.
 */
#include "base/macros.h"
#include "runtime/head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds) {
        if (!holds)
                abort();
}

static void check(const struct head *head, size_t fed) {
        size_t bytes = 0;

        demand(head->headers.n <= HTTP_HEADERS_MAX);
        demand(head->bytes <= HTTP_HEADER_BYTES_MAX && head->bytes <= fed);
        demand(head_status(head) == 0 || (head_status(head) >= 200 && head_status(head) <= 999));
        for (size_t i = 0; i < head->headers.n; i++) {
                const char *name = head->headers.items[i].name;
                const char *value = head->headers.items[i].value;

                demand(name[0] && !strpbrk(name, " \t:\r\n"));
                demand(value[0] != ' ' && value[0] != '\t');
                demand(http_headers_get(&head->headers, name) != NULL);
                bytes += strlen(name) + strlen(value);
        }
        demand(bytes <= head->bytes); /* nothing is made up */
}

/* A first byte with its lowest bit set restarts the head in the middle, as a repeated GET does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        bool restart = size > 0 && data[0] & 1;
        struct head head = {};
        size_t fed = 0;

        for (size_t at = size > 0; at < size;) {
                const char *line = (const char *)data + at;
                const char *end = memchr(line, '\n', size - at);
                size_t len = end ? (size_t)(end + 1 - line) : size - at;

                fed += len;
                if (head_line(&head, line, len) != 0)
                        break;
                at += len;
                if (restart && at > size / 2) {
                        restart = false;
                        head_restart(&head);
                }
        }
        check(&head, fed);
        head_deinit(&head);
        return 0;
}
