/*
 * Replies that no service made, and how bodies reach a caller.
 */
#include "sim/network-private.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

int call_reply_new(enum transport_outcome outcome, const char *detail,
                   struct http_reply **ret_reply) {
        _cleanup_(http_reply_freep) struct http_reply *reply = NULL;

        reply = calloc(1, sizeof(*reply));
        if (!reply)
                return -ENOMEM;

        reply->outcome = outcome;
        if (detail) {
                reply->detail = strdup(detail);
                if (!reply->detail)
                        return -ENOMEM;
        }
        *ret_reply = take_ptr(reply);
        return 0;
}

static int reply_set_body(struct http_reply *reply, const char *bytes, size_t len) {
        char *body;

        body = malloc(len + 1);
        if (!body)
                return -ENOMEM;

        if (len > 0)
                memcpy(body, bytes, len);
        body[len] = '\0';
        free(reply->body);
        reply->body = body;
        reply->body_len = len;
        return 0;
}

static const char html_page[] =
        "<!DOCTYPE html><html><head><title>Service unavailable</title></head><body>"
        "<h2>Our services aren't available right now</h2></body></html>";

/* As recorded: JSON, an HTML page, or nothing. */
int call_make_503(struct transport_call *call, struct service *service, struct utc now) {
        uint64_t shape = call_ask(call, ASK_SHAPE) % 3;
        int r;

        r = service_error_reply(service, now, 503, "ServerTimeout", "The request timed out.", -1,
                                &call->reply);
        if (r < 0 || shape == 0)
                return r;
        return shape == 1 ? reply_set_body(call->reply, html_page, sizeof(html_page) - 1)
                          : reply_set_body(call->reply, "", 0);
}

int call_make_404(struct transport_call *call, struct service *service, struct utc now) {
        bool has_group = strstr(call->request->url, "/resourceGroups/") != NULL;
        int r;

        r = service_error_reply(service, now, 404, "ResourceGroupNotFound",
                                "The resource group could not be found.", -1, &call->reply);
        if (r < 0 || (has_group && call_ask(call, ASK_SHAPE) % 2 == 0))
                return r;
        return reply_set_body(call->reply, html_page, sizeof(html_page) - 1);
}

int call_make_409(struct transport_call *call, struct service *service, struct utc now) {
        static const char *const codes[] = {"Conflict", "OperationNotAllowed",
                                            "AnotherOperationInProgress"};

        return service_error_reply(
                service, now, 409, codes[call_ask(call, ASK_SHAPE) % ARRAY_SIZE(codes)],
                "The operation is not allowed at this moment.", -1, &call->reply);
}

int call_make_odd_date(struct transport_call *call, struct service *service, struct utc now) {
        static const int64_t off_s[] = {365 * SEC_PER_DAY, 600, 75};
        int64_t ticks = now.ticks + service_clock_error(service) / NSEC_PER_TICK;
        uint64_t shape = call_ask(call, ASK_SHAPE);
        int64_t off = off_s[shape / 2 % ARRAY_SIZE(off_s)] * TICKS_PER_SEC;
        char text[SERVICE_DATE_SIZE];

        ticks += shape % 2 == 0 ? off : -off;
        service_format_date((struct utc){ticks}, text);
        for (size_t i = 0; i < call->reply->headers.n; i++) {
                struct http_header *header = &call->reply->headers.items[i];
                char *value;

                if (!str_equal_nocase(header->name, "Date"))
                        continue;
                value = strdup(text);
                if (!value)
                        return -ENOMEM;
                free(header->value);
                header->value = value;
        }
        return 0;
}

/* A body nobody expects in place of the right one. */
int call_make_odd(struct transport_call *call) {
        static const struct {
                const char *bytes;
                size_t len;
        } shapes[] = {
                {"", 0},
                {"null", 4},
                {"[]", 2},
                {"{\"value\":{}}", 12},
                {"{\"value\":[{}]}", 14},
                {"{\"value\":[],\"value\":[]}", 23},
                {"{\"a\":\"\0\"}", 9},
                {"{\"a\":1e999}", 11},
                {html_page, sizeof(html_page) - 1},
        };
        uint64_t shape = call_ask(call, ASK_SHAPE) % (ARRAY_SIZE(shapes) + 2);

        if (shape == ARRAY_SIZE(shapes)) /* half of it, as a whole body */
                return reply_set_body(call->reply, call->reply->body, call->reply->body_len / 2);
        if (shape == ARRAY_SIZE(shapes) + 1) { /* deeper than any parser should go */
                char deep[4096];

                memset(deep, '[', sizeof(deep));
                return reply_set_body(call->reply, deep, sizeof(deep));
        }
        return reply_set_body(call->reply, shapes[shape].bytes, shapes[shape].len);
}

static void reply_fail(struct http_reply *reply, enum transport_outcome outcome,
                       const char *detail) {
        memory_wipe(reply->body, reply->body_len);
        free(reply->body);
        free(reply->detail);
        reply->body = NULL;
        reply->body_len = 0;
        reply->outcome = outcome;
        reply->detail = strdup(detail);
}

/* Hands the body to the sink, in pieces. Returns what the sink said. */
static int call_feed_sink(struct transport_call *call, size_t chunk_max, size_t len) {
        struct sim_stream stream = {call_ask(call, ASK_CHUNKS)};
        struct http_reply *reply = call->reply;
        size_t max = MAX(chunk_max, (size_t)1);

        for (size_t at = 0; at < len;) {
                size_t piece = 1 + (size_t)sim_stream_below(&stream, max);
                int r;

                piece = MIN(piece, len - at);
                r = call->request->sink(reply->body + at, piece, call->request->sink_data);
                if (r != 0)
                        return r;
                at += piece;
        }
        return 0;
}

/* The body as the caller gets it: cut, too large, into the sink, or with the reply. */
void call_shape_body(struct transport_call *call, size_t chunk_max) {
        struct http_reply *reply = call->reply;
        bool cut = call->event.fault == NETWORK_CUT_BODY;
        bool to_sink = call->request->sink && reply->status == 200;
        size_t len = reply->body_len, arrives;

        if (reply->outcome != TRANSPORT_REPLY)
                return;
        arrives = cut && len > 0 ? (size_t)(call_ask(call, ASK_CUT) % len) : len;
        if (arrives > call->request->body_max) {
                if (to_sink && call_feed_sink(call, chunk_max, call->request->body_max) != 0)
                        reply_fail(reply, TRANSPORT_BODY_REFUSED, "the body was refused");
                else
                        reply_fail(reply, TRANSPORT_TOO_LARGE, "the body is too large");
                return;
        }
        if (to_sink && call_feed_sink(call, chunk_max, arrives) != 0) {
                reply_fail(reply, TRANSPORT_BODY_REFUSED, "the body was refused");
                return;
        }
        if (cut) {
                reply_fail(reply, TRANSPORT_LOST, "the body ended early");
                return;
        }
        if (to_sink) {
                memory_wipe(reply->body, reply->body_len);
                free(reply->body);
                reply->body = NULL;
                reply->body_len = 0;
        }
}
