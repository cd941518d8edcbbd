/*
 * transport: one HTTP request out, one reply or one named failure back. This is the seam of the
 * program: runtime puts libcurl below it, sim a model of Azure; all above it runs unchanged in both.
 *
 * The transport follows no redirects, keeps no cookies, retries nothing, and knows nothing of Azure.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

enum http_method {
        HTTP_GET,
        HTTP_PUT,
        HTTP_POST,
        HTTP_PATCH,
        HTTP_DELETE,
};

const char *http_method_name(enum http_method method);

struct http_header {
        char *name;
        char *value;
};

/* In the order sent or received. A name may come more than once. */
struct http_headers {
        struct http_header *items; /* owned, as are the strings */
        size_t n, capacity;
};

/* Chosen: four times what ARM answers with; a reply with more is refused. */
#define HTTP_HEADERS_MAX 128
/* Signed operation URLs were recorded with 3,228 bytes. */
#define HTTP_HEADER_BYTES_MAX 65536

/* Copies @value_len bytes of each. Returns 0, -ENOMEM or -E2BIG (more than HTTP_HEADERS_MAX). */
int http_headers_add(struct http_headers *headers, const char *name, size_t name_len,
                     const char *value, size_t value_len);
int http_headers_add_str(struct http_headers *headers, const char *name, const char *value);
/* The first header of the name, without case, or NULL. The value is borrowed. */
const char *http_headers_get(const struct http_headers *headers, const char *name);
/* Wipes the values, since one may be a token. */
void http_headers_deinit(struct http_headers *headers);

/*
 * Takes the next bytes of a body of status 200. Runs inside the transport: it may decode and store,
 * never call the transport. Not 0 ends the transfer as TRANSPORT_BODY_REFUSED.
 */
typedef int (*transport_sink_fn)(const char *bytes, size_t len, void *data);

struct http_request {
        enum http_method method;
        char *url; /* absolute, http or https */
        struct http_headers headers;
        char *body; /* NULL for none */
        size_t body_len;
        size_t body_max;            /* ceiling of the reply's body, decoded */
        int64_t connect_timeout_ns; /* until connected, TLS included */
        int64_t silence_timeout_ns; /* longest time without a byte in either direction */
        int64_t total_timeout_ns;   /* the whole exchange: one byte a second does not hold us */
        int64_t send_within_ns;     /* from transport_send() until it is written, its turn at the
                                       host included; later it is NOT_SENT. 0: whenever it is its turn */
        bool direct; /* never through a proxy, as plain http is: the link-local identity service */
        transport_sink_fn sink; /* NULL: the body is collected into the reply */
        void *sink_data;        /* must live until the call ended or was cancelled */
};

struct http_request *http_request_new(enum http_method method);
/* A copy with strings of its own; the sink is the same. NULL when memory is out. */
struct http_request *http_request_copy(const struct http_request *request);
/* Wipes body and headers. Copes with NULL, returns NULL. */
struct http_request *http_request_free(struct http_request *request);
DEFINE_CLEANUP(struct http_request *, http_request_free)

enum transport_outcome {
        TRANSPORT_REPLY,    /* a whole reply, of whatever status */
        TRANSPORT_NOT_SENT, /* nothing reached the other side: no name, no connection, TLS refused */
        TRANSPORT_LOST, /* sent at least in part, and no whole reply came: the effect is unknown */
        TRANSPORT_TIMEOUT,      /* sent, and one of the time-outs passed: the effect is unknown */
        TRANSPORT_TOO_LARGE,    /* body or headers above the ceiling: the effect is unknown */
        TRANSPORT_BODY_REFUSED, /* the sink ended it */
};

const char *transport_outcome_name(enum transport_outcome outcome);

struct http_reply {
        enum transport_outcome outcome;
        int status; /* 0 when no status line came */
        struct http_headers headers;
        char *body; /* NUL ended beyond body_len; NULL when a sink took it or none came */
        size_t body_len;
        char *detail; /* for people: what went wrong below, "certificate has expired"; NULL on a reply */
};

/* Wipes the body, which may hold a token. Copes with NULL, returns NULL. */
struct http_reply *http_reply_free(struct http_reply *reply);
DEFINE_CLEANUP(struct http_reply *, http_reply_free)

struct transport;
struct transport_call;

/* Called exactly once a call unless it was cancelled, from the reactor's turn, never from inside
 * transport_send(). Takes @reply over. @call is gone when it returns. */
typedef void (*transport_done_fn)(struct transport_call *call, struct http_reply *reply,
                                  void *data);

struct transport_ops {
        int (*send)(struct transport *transport, struct http_request *request,
                    transport_done_fn done, void *data, struct transport_call **ret_call);
        void (*cancel)(struct transport *transport, struct transport_call *call);
};

struct transport {
        const struct transport_ops *ops;
};

/* Takes @request over on success. Returns 0 or a negative errno when it could not even be begun. */
static inline int transport_send(struct transport *transport, struct http_request *request,
                                 transport_done_fn done, void *data,
                                 struct transport_call **ret_call) {
        return transport->ops->send(transport, request, done, data, ret_call);
}

/* Forgets the call: @done is not called any more. What was sent may still have its effect. */
static inline void transport_cancel(struct transport *transport, struct transport_call *call) {
        transport->ops->cancel(transport, call);
}
