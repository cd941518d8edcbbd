#include "azure/request.h"

#include "azure/json.h"

struct http_request *request_new(enum http_method method, struct strbuf *url,
                                 enum request_size size) {
        _cleanup_(http_request_freep) struct http_request *request = http_request_new(method);
        bool listing = size == REQUEST_LISTING;
        int r;

        if (!request) {
                strbuf_deinit(url);
                return NULL;
        }
        r = strbuf_take(url, &request->url);
        if (r < 0)
                return NULL;

        request->connect_timeout_ns = REQUEST_CONNECT_NS;
        request->silence_timeout_ns = REQUEST_SILENCE_NS;
        request->total_timeout_ns = listing ? REQUEST_LISTING_NS : REQUEST_SINGLE_NS;
        request->body_max = listing ? REQUEST_LISTING_MAX : JSON_DOCUMENT_MAX;

        r = http_headers_add_str(&request->headers, "Accept", "application/json");
        if (r < 0)
                return NULL;
        return take_ptr(request);
}
