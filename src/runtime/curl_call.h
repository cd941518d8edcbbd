/*
 * curl_call: one request in the hands of libcurl: its options, what came back so far, and what it
 * all amounts to. The part of the transport that knows nothing of sockets, queues and turns
 * (curl.c).
 */
#pragma once

#include "base/strbuf.h"
#include "base/time.h"
#include "base/transport.h"
#include "runtime/head.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>

/* Chosen: a time-out that a request left at 0, and the most any has. Nothing waits for ever. */
#define CALL_TIMEOUT_MAX_NS (3600 * NSEC_PER_SEC)

/* Chosen: what a sink's request may bring when it is no 200, and is collected: an error's text. */
#define CALL_ERROR_BODY_MAX (1U << 20)

/* What ended a call before libcurl did, or inside one of our callbacks. */
enum call_failure {
        CALL_FAILURE_NONE,
        CALL_FAILURE_LATE, /* it would go out later than it may */
        CALL_FAILURE_CONNECT_TIMEOUT,
        CALL_FAILURE_SILENCE_TIMEOUT,
        CALL_FAILURE_TOTAL_TIMEOUT,
        CALL_FAILURE_HEADERS_TOO_LARGE,
        CALL_FAILURE_BODY_TOO_LARGE,
        CALL_FAILURE_SINK,
        CALL_FAILURE_REPEATED, /* libcurl was about to send a second time */
        CALL_FAILURE_MEMORY,
};

/* WAITING -> RUNNING -> FINISHED -> DELIVERING; WAITING -> FINISHED when it could not be begun */
enum call_state {
        CALL_WAITING,  /* for its turn at the host */
        CALL_RUNNING,  /* in the multi handle */
        CALL_FINISHED, /* has its reply, waits for the reactor's turn */
        CALL_DELIVERING,
};

struct curl_transport;
struct curl_host;

struct transport_call {
        enum call_state state;
        struct curl_transport *transport;
        struct curl_host *host;
        struct http_request *request; /* owned */
        struct http_reply *reply;     /* owned; made at once, so that the end needs no memory */
        transport_done_fn done;
        void *data;
        TAILQ_ENTRY(transport_call) in_queue; /* of the state, but for DELIVERING */

        CURL *easy;                /* while RUNNING */
        struct curl_slist *fields; /* likewise */
        char error[CURL_ERROR_SIZE];
        struct mono given; /* to the transport */
        struct mono begun;
        struct mono active; /* when the last byte was seen to move */
        curl_off_t moved;   /* bytes of bodies, as libcurl counts them */
        bool sent;          /* libcurl is about to write the request, or did */
        bool named;         /* at the end: the name was resolved */
        enum call_failure failure;
        struct head head;
        struct strbuf body;
        size_t body_seen; /* decoded, whoever takes it */
};

TAILQ_HEAD(call_queue, transport_call);

/* How a call is to be made. */
struct call_options {
        const char *ca; /* or NULL */
        bool fresh;     /* by a connection of its own, not by one that is there */
};

/* Consumes @request on success only. Returns 0, -EINVAL for a URL or header that cannot be sent, or
 * -ENOMEM. */
int call_new(struct http_request *request, transport_done_fn done, void *data,
             struct transport_call **ret_call);
/* Not while RUNNING. Copes with NULL, returns NULL. */
struct transport_call *call_free(struct transport_call *call);

/* Makes the easy handle. Returns 0 or -ENOMEM. */
int call_prepare(struct transport_call *call, const struct call_options *options);
/* Gives the easy handle back, which is in no multi handle any more. */
void call_release(struct transport_call *call);

/* When the call ends if nothing happens until then. */
struct mono call_deadline(const struct transport_call *call);
/* Which of the deadlines has passed at @now; NONE when none has. */
enum call_failure call_overdue(const struct transport_call *call, struct mono now);

/* Writes the reply, from @code and from what the callbacks noted. */
void call_conclude(struct transport_call *call, CURLcode code);

/* The time of the transport's turn, for the callbacks. In curl.c. */
struct mono curl_transport_now(const struct curl_transport *transport);
/* A deadline that may be earlier than all before. In curl.c. */
void curl_transport_expect(struct curl_transport *transport, struct mono deadline);
