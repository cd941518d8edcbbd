/*
 * inquiry: a question to Azure beside the engine's own work, asked by whoever runs it: one GET, and
 * the pages behind it. It goes by the door of all requests (operation.h): budget, token and headers
 * are the engine's.
 *
 * For programs that want to know and do nothing: with look_only the engine settles again when all
 * inquiries have ended.
 */
#pragma once

#include "azure/error.h"
#include "base/transport.h"
#include "engine/engine.h"

/* Chosen: what is asked for has few pages, and who sends more is broken. */
#define INQUIRY_PAGES_MAX 100

struct inquiry_answer {
        const struct arm_error *error;  /* ARM_OK: @reply is a page with a body */
        const struct http_reply *reply; /* NULL when none came, and at the end of a failure */
        bool no_token;                  /* nothing was asked, or not again: there is no token */
};

/*
 * Takes a page and returns the URL of the next, which is copied, or NULL when that was all: then, and
 * after an error, it is not called again. A link to another host than ARM's is an error. Called from the
 * reactor's turn; it may begin further inquiries.
 */
typedef const char *(*inquiry_fn)(const struct inquiry_answer *answer, void *data);

/* The id of the @i-th subscription, read or not; @i below engine_n_subscriptions(). */
const char *engine_subscription(const struct engine *engine, size_t i);

/*
 * Asks in the @i-th subscription. Takes @request over; NULL is out of memory. @as_pruner: with the
 * identity for deletions. What fails and may pass is tried again, a few times. @data must live until the
 * engine is freed or the last call. Returns 0 or -ENOMEM.
 */
int engine_inquire(struct engine *engine, size_t i, bool as_pruner, struct http_request *request,
                   inquiry_fn fn, void *data);
