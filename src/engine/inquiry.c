/*
 *         START -> ANSWER -> DONE
 *         ANSWER -> ANSWER on the next page; ANSWER -> ANSWER again, what may pass
 *         any -> FAILED
 */
#include "engine/inquiry.h"

#include "azure/requests.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>

/* Chosen: for whoever waits before a terminal; the tries of operation_retry() fit. */
#define INQUIRY_LIFE_NS (180 * NSEC_PER_SEC)

enum inquiry_state {
        INQUIRY_AWAIT_START,
        INQUIRY_AWAIT_ANSWER,
        INQUIRY_DONE,
        INQUIRY_FAILED,
};

struct inquiry {
        struct operation op;
        enum inquiry_state state;
        struct http_request *request; /* owned until it is sent */
        unsigned pages;
        inquiry_fn fn;
        void *data;
};

static const char *inquiry_state_name(enum inquiry_state state) {
        switch (state) {
        case INQUIRY_AWAIT_START:
                return "start";
        case INQUIRY_AWAIT_ANSWER:
                return "answer";
        case INQUIRY_DONE:
                return "done";
        case INQUIRY_FAILED:
                return "failed";
        }
        return "?";
}

static void inquiry_enter(struct inquiry *inquiry, enum inquiry_state state) {
        struct log_entry entry;

        assert(inquiry->state != INQUIRY_DONE && inquiry->state != INQUIRY_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "inquiry");
        log_field(&entry, LOG_STATE, inquiry_state_name(state));
        log_commit(inquiry->op.engine->services.log, &entry, "inquiry in %s: %s -> %s",
                   inquiry->op.subscription->id, inquiry_state_name(inquiry->state),
                   inquiry_state_name(state));
        inquiry->state = state;
}

static enum op_verdict inquiry_send(struct inquiry *inquiry, struct http_request *request,
                                    struct mono now) {
        inquiry_enter(inquiry, INQUIRY_AWAIT_ANSWER);
        return operation_call(&inquiry->op, request, BUDGET_KIND_GET, BUDGET_RANK_POLL, MONO_NEVER,
                              now);
}

static enum op_verdict inquiry_read(struct inquiry *inquiry, struct mono now) {
        struct operation *op = &inquiry->op;
        const struct inquiry_answer answer = {.error = &op->call.error, .reply = op->call.reply};
        const char *next = inquiry->fn(&answer, inquiry->data);

        backoff_reset(&op->backoff);
        if (!next)
                return operation_succeed(op);
        if (!endpoint_owns(&op->engine->file->cloud, next))
                return operation_fail_with(op, ARM_PROTOCOL, "ForeignLink",
                                           "the next page is at another host than "
                                           "azure.cloud.arm, no token goes there");
        if (++inquiry->pages >= INQUIRY_PAGES_MAX)
                return operation_fail_with(op, ARM_PROTOCOL, "EndlessListing", "more than %d pages",
                                           INQUIRY_PAGES_MAX);
        return inquiry_send(inquiry, arm_poll(next), now);
}

static enum op_verdict inquiry_continue(struct inquiry *inquiry, struct mono now) {
        switch (inquiry->op.call.error.class) {
        case ARM_OK:
                return inquiry_read(inquiry, now);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return operation_retry(&inquiry->op, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_NOT_FOUND:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                break;
        }
        return operation_fail(&inquiry->op);
}

static enum op_verdict inquiry_step(struct operation *op, struct mono now) {
        struct inquiry *inquiry = container_of(op, struct inquiry, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (inquiry->state) {
        case INQUIRY_AWAIT_START:
                return inquiry_send(inquiry, take_ptr(inquiry->request), now);
        case INQUIRY_AWAIT_ANSWER:
                return inquiry_continue(inquiry, now);
        case INQUIRY_DONE:
        case INQUIRY_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void inquiry_ended(struct operation *op, struct mono now) {
        struct inquiry *inquiry = container_of(op, struct inquiry, op);
        const struct inquiry_answer answer = {
                .error = &op->error,
                .no_token = op->error.class == ARM_AUTH && !op->call.reply,
        };

        inquiry_enter(inquiry, op->outcome == OP_SUCCEEDED ? INQUIRY_DONE : INQUIRY_FAILED);
        if (op->outcome != OP_SUCCEEDED)
                inquiry->fn(&answer, inquiry->data);
}

static void inquiry_free(struct operation *op) {
        http_request_free(container_of(op, struct inquiry, op)->request);
}

const char *engine_subscription(const struct engine *engine, size_t i) {
        return engine->subscriptions[i].id;
}

int engine_inquire(struct engine *engine, size_t i, bool as_pruner, struct http_request *request,
                   inquiry_fn fn, void *data) {
        static const struct operation_ops ops = {
                .name = "inquiry",
                .step = inquiry_step,
                .ended = inquiry_ended,
                .free = inquiry_free,
        };
        struct inquiry *inquiry = request ? calloc(1, sizeof(*inquiry)) : NULL;

        if (!inquiry) {
                http_request_free(request);
                return -ENOMEM;
        }
        operation_init(&inquiry->op, &ops, engine, &engine->subscriptions[i],
                       clock_mono(engine->services.clock), INQUIRY_LIFE_NS);
        if (as_pruner)
                inquiry->op.token = engine->pruner;
        inquiry->request = request;
        inquiry->fn = fn;
        inquiry->data = data;
        engine_queue(engine, &inquiry->op);
        return 0;
}
