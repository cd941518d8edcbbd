/*
 * The values that cross the seam: requests, replies, headers.
 */
#include "base/transport.h"

#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

const char *http_method_name(enum http_method method) {
        switch (method) {
        case HTTP_GET:
                return "GET";
        case HTTP_PUT:
                return "PUT";
        case HTTP_POST:
                return "POST";
        case HTTP_PATCH:
                return "PATCH";
        case HTTP_DELETE:
                return "DELETE";
        }
        return "?";
}

const char *transport_outcome_name(enum transport_outcome outcome) {
        switch (outcome) {
        case TRANSPORT_REPLY:
                return "reply";
        case TRANSPORT_NOT_SENT:
                return "not sent";
        case TRANSPORT_LOST:
                return "reply lost";
        case TRANSPORT_TIMEOUT:
                return "timed out";
        case TRANSPORT_TOO_LARGE:
                return "reply too large";
        case TRANSPORT_BODY_REFUSED:
                return "reply unreadable";
        }
        return "?";
}

int http_headers_add(struct http_headers *headers, const char *name, size_t name_len,
                     const char *value, size_t value_len) {
        struct http_header header;
        int r;

        r = array_grow(&headers->items, headers->n, &headers->capacity, sizeof(*headers->items),
                       HTTP_HEADERS_MAX);
        if (r < 0)
                return r;

        header = (struct http_header){strndup(name, name_len), strndup(value, value_len)};
        if (!header.name || !header.value) {
                free(header.name);
                str_wipe_free(header.value);
                return -ENOMEM;
        }
        headers->items[headers->n++] = header;
        return 0;
}

int http_headers_add_str(struct http_headers *headers, const char *name, const char *value) {
        return http_headers_add(headers, name, strlen(name), value, strlen(value));
}

const char *http_headers_get(const struct http_headers *headers, const char *name) {
        for (size_t i = 0; i < headers->n; i++)
                if (str_equal_nocase(headers->items[i].name, name))
                        return headers->items[i].value;
        return NULL;
}

void http_headers_deinit(struct http_headers *headers) {
        for (size_t i = 0; i < headers->n; i++) {
                free(headers->items[i].name);
                str_wipe_free(headers->items[i].value);
        }
        free(headers->items);
        *headers = (struct http_headers){};
}

struct http_request *http_request_new(enum http_method method) {
        struct http_request *request = calloc(1, sizeof(*request));

        if (request)
                request->method = method;
        return request;
}

struct http_request *http_request_copy(const struct http_request *request) {
        _cleanup_(http_request_freep) struct http_request *copy = http_request_new(request->method);

        if (!copy)
                return NULL;

        *copy = *request;
        copy->headers = (struct http_headers){};
        copy->body = NULL;
        copy->url = strdup(request->url);
        if (!copy->url)
                return NULL;
        if (request->body) {
                copy->body = malloc(request->body_len + 1);
                if (!copy->body)
                        return NULL;
                memcpy(copy->body, request->body, request->body_len);
                copy->body[request->body_len] = '\0';
        }
        for (size_t i = 0; i < request->headers.n; i++)
                if (http_headers_add_str(&copy->headers, request->headers.items[i].name,
                                         request->headers.items[i].value) < 0)
                        return NULL;
        return take_ptr(copy);
}

struct http_request *http_request_free(struct http_request *request) {
        if (!request)
                return NULL;

        http_headers_deinit(&request->headers);
        memory_wipe(request->body, request->body_len);
        free(request->body);
        free(request->url);
        free(request);
        return NULL;
}

struct http_reply *http_reply_free(struct http_reply *reply) {
        if (!reply)
                return NULL;

        http_headers_deinit(&reply->headers);
        memory_wipe(reply->body, reply->body_len);
        free(reply->body);
        free(reply->detail);
        free(reply);
        return NULL;
}
