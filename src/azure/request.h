/*
 * What the files that make requests share: one request, with the time-outs and ceilings of its kind.
 */
#pragma once

#include "azure/requests.h"
#include "base/strbuf.h"

enum request_size {
        REQUEST_SINGLE, /* one resource, one operation, one token */
        REQUEST_LISTING,
};

/* Takes @url over, also when it fails. NULL when memory is out. */
struct http_request *request_new(enum http_method method, struct strbuf *url,
                                 enum request_size size);
