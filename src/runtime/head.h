/*
 * head: reads the head of a reply, line by line as libcurl hands it over, into a list of headers.
 *
 * A reply may have several heads: interim ones (100 Continue, 103 Early Hints) come before the
 * final one, and only that is kept. Lines after it are trailers of the body, and dropped: what a
 * server says after the fact must not replace what it said before (RFC 9110 section 6.5.1).
 *
 * It is its own file for the fuzzer: all of it is hostile text.
 */
#pragma once

#include "base/transport.h"

#include <stdbool.h>
#include <stddef.h>

enum {
        HEAD_E_TOO_LARGE =
                1, /* more than HTTP_HEADERS_MAX headers or HTTP_HEADER_BYTES_MAX bytes, the
                                 interim heads and the trailers counted in */
};

enum head_state {
        HEAD_AWAIT_STATUS,
        HEAD_AWAIT_FIELD,
        HEAD_DONE,
};

struct head {
        enum head_state state;
        int status;   /* of the head that is being read or was kept; 0 before */
        size_t bytes; /* of all lines */
        struct http_headers headers;
};

/* A zeroed struct head is ready for the first line. */
void head_deinit(struct head *head);
/* Back to the start, for a request that is sent again; the count of bytes goes on. */
void head_restart(struct head *head);

/* Status of the final head, or 0 when none has begun. */
int head_status(const struct head *head);

/*
 * Takes one line with its line end. A line that is no header (no colon, an empty name or one with
 * blanks in it) is passed over; values are trimmed; a folded line is joined to its header by a
 * blank (RFC 9112 section 5.2).
 *
 * Returns 0, HEAD_E_TOO_LARGE or -ENOMEM.
 */
int head_line(struct head *head, const char *line, size_t len);
