#include "engine/operation.h"

#include "azure/requests.h"
#include "base/str.h"
#include "engine/engine-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void operation_init(struct operation *op, const struct operation_ops *ops, struct engine *engine,
                    struct subscription *subscription, struct mono now, int64_t life_ns) {
        op->ops = ops;
        op->engine = engine;
        op->subscription = subscription;
        op->token = engine->token;
        op->began = now;
        op->deadline = mono_add_ns(now, life_ns);
        op->wake = now;
        op->runnable = true;
}

/* The permit will not be used, or nobody will know whether it was. */
static void call_release(struct operation *op) {
        if (op->call.permitted)
                budget_drop(op->subscription->budget, &op->call.ask);
        op->call.permitted = false;
}

/* Forgets the reply and the bearer; the request stays for operation_retry(). */
static void call_clear(struct operation *op) {
        struct call *call = &op->call;

        if (call->flight) {
                transport_cancel(op->engine->services.transport, call->flight);
                call_release(op);
        }
        call->flight = NULL;
        call->reply = http_reply_free(call->reply);
        call->bearer = str_wipe_free(call->bearer);
        call->state = CALL_IDLE;
}

void operation_free(struct operation *op) {
        if (!op)
                return;

        call_clear(op);
        call_release(op);
        http_request_free(op->call.request);
        free(op->region);
        op->ops->free(op);
        free(op);
}

static void call_done(struct transport_call *flight, struct http_reply *reply, void *data) {
        struct operation *op = data;

        op->call.flight = NULL;
        op->call.reply = reply;
        op->runnable = true;
        engine_wake(op->engine);
}

/* Ends the call with an error of ours, nothing having been sent. */
static enum op_verdict call_end_with(struct operation *op, enum arm_class class, const char *code,
                                     const char *message) {
        struct call *call = &op->call;

        call_release(op);
        call->error = (struct arm_error){.class = class, .retry_after_ns = -1};
        snprintf(call->error.code, sizeof(call->error.code), "%s", code);
        snprintf(call->error.message, sizeof(call->error.message), "%s", message);
        call->state = CALL_ENDED;
        return OP_CONTINUE;
}

static int call_dress(struct operation *op, struct http_request *request) {
        struct call *call = &op->call;
        struct random *random = op->engine->services.random;
        _cleanup_(freep) char *authorization = NULL;
        uint64_t high, low;
        struct guid id;
        int r;

        /* In two statements: the order in which arguments are worked out is the compiler's. */
        high = random_u64(random, RANDOM_REQUEST_ID);
        low = random_u64(random, RANDOM_REQUEST_ID);
        id = guid_from_random(high, low);
        guid_format(&id, call->request_id);

        if (asprintf(&authorization, "Bearer %s", call->bearer) < 0) {
                authorization = NULL; /* undefined by then */
                return -ENOMEM;
        }
        r = http_headers_add_str(&request->headers, "Authorization", authorization);
        memory_wipe(authorization, strlen(authorization));
        r = r
                    ?: http_headers_add_str(&request->headers, "x-ms-client-request-id",
                                            call->request_id);
        r = r ?: http_headers_add_str(&request->headers, "User-Agent", op->engine->user_agent);
        return r;
}

static int call_take_permit(struct operation *op, struct mono now) {
        struct call *call = &op->call;
        uint32_t chance;
        int r;

        if (call->permitted)
                return 0;
        chance = (uint32_t)random_u64(op->engine->services.random, RANDOM_SPACING);
        r = budget_take(op->subscription->budget, &call->ask, chance, now);
        if (r < 0)
                return r;
        call->permitted = true;
        return 0;
}

/* When it may go, as its budget has it. */
static struct mono call_permit(const struct operation *op, struct mono now) {
        const struct budget *budget = op->subscription->budget;
        const struct call *call = &op->call;

        return call->permitted ? budget_closed_until(budget, &call->ask)
                               : budget_when(budget, &call->ask, now);
}

/* Sends as soon as budget and token allow. */
static enum op_verdict call_try_send(struct operation *op, struct mono now) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        struct call *call = &op->call;
        struct engine *engine = op->engine;
        const struct arm_error *error;
        struct mono retry, permit;
        const char *bearer;
        int r;

        call->awaits_token = false;
        /* One that was admitted before the operator said so, and waited. */
        if (call->ask.kind == BUDGET_KIND_CREATE && engine->state.paused)
                return call_end_with(op, ARM_TRANSIENT, "Paused", "everything is paused");

        permit = call_permit(op, now);
        if (MAX(now.ns, permit.ns) >= call->send_before.ns) {
                call_end_with(op, ARM_TRANSIENT, "NotSentInTime",
                              "the request could not be sent in time");
                call->error.retry_after_ns = MAX(permit.ns - now.ns, (int64_t)0);
                return OP_CONTINUE;
        }
        if (now.ns < permit.ns)
                return operation_sleep(op, permit);

        switch (token_get(op->token, now, &bearer, &error, &retry)) {
        case TOKEN_READY:
                break;
        case TOKEN_PENDING:
                call->awaits_token = true;
                return operation_sleep(op, MONO_NEVER);
        case TOKEN_FAILED:
                call_release(op);
                call->error = *error;
                call->error.class = ARM_AUTH;
                call->state = CALL_ENDED;
                call->error.retry_after_ns = MAX(retry.ns - now.ns, (int64_t)0);
                return OP_CONTINUE;
        }

        str_wipe_free(call->bearer);
        call->bearer = strdup(bearer);
        request = http_request_copy(call->request);
        if (!call->bearer || !request)
                return call_end_with(op, ARM_TRANSIENT, "ENOMEM", "out of memory");
        if (call->send_before.ns != MONO_NEVER.ns)
                request->send_within_ns = call->send_before.ns - now.ns;
        r = call_take_permit(op, now);
        r = r ?: call_dress(op, request);
        r = r ?: transport_send(engine->services.transport, request, call_done, op, &call->flight);
        if (r < 0)
                return call_end_with(op, ARM_TRANSIENT, strerrorname_np(-r) ?: "Error",
                                     strerrordesc_np(-r));
        request = NULL; /* consumed */

        call->sent = now;
        call->state = CALL_IN_FLIGHT;
        return operation_sleep(op, MONO_NEVER);
}

/* The reply is there: classify it, and try once more with another token when this one was refused. */
static enum op_verdict call_read(struct operation *op, struct mono now) {
        struct call *call = &op->call;

        arm_error_classify(call->reply, engine_now(op->engine), &call->error);
        budget_see(op->subscription->budget, &call->ask, call->reply, &call->error, now);
        call->permitted = false;
        if (call->error.class == ARM_OK)
                engine_see_reply(op->engine, call->reply, call->sent, now);
        if (call->error.class == ARM_AUTH && !call->renewed) {
                call->renewed = true;
                token_refuse(op->token, call->bearer);
                call_clear(op);
                /* In the next turn, as one that waits: its operation may have reasons by now not to send it. */
                call->state = CALL_WAITING;
                op->runnable = true;
                op->wake = now;
                engine_wake(op->engine);
                return OP_AWAIT;
        }
        call->state = CALL_ENDED;
        return OP_CONTINUE;
}

enum op_verdict operation_preflight(struct operation *op, struct mono now) {
        if (now.ns >= op->deadline.ns)
                return operation_fail_with(op, ARM_TRANSIENT, "Deadline",
                                           "it did not come to an end in time");

        switch (op->call.state) {
        case CALL_IDLE:
        case CALL_ENDED:
                return now.ns >= op->wake.ns ? OP_CONTINUE : OP_AWAIT;
        case CALL_WAITING:
                return now.ns >= op->wake.ns ? call_try_send(op, now) : OP_AWAIT;
        case CALL_IN_FLIGHT:
                return op->call.reply ? call_read(op, now) : OP_AWAIT;
        }
        assert(!"a call in no state");
        return OP_DONE;
}

/* Sends call.request, from the beginning. */
static enum op_verdict call_begin(struct operation *op, struct mono now) {
        enum op_verdict verdict;

        call_clear(op);
        op->call.state = CALL_WAITING;
        verdict = call_try_send(op, now);
        if (verdict == OP_CONTINUE) {
                /* Ended at once, unsent: its step reads the error in the next round. */
                op->runnable = true;
                op->wake = now;
                engine_wake(op->engine);
                verdict = OP_AWAIT;
        }
        return verdict;
}

int operation_reserve(struct operation *op, enum budget_kind kind, enum budget_rank rank,
                      struct mono now) {
        op->call.ask = (struct budget_ask){.kind = kind, .rank = rank, .region = op->region};
        return call_take_permit(op, now);
}

enum op_verdict operation_call(struct operation *op, struct http_request *request,
                               enum budget_kind kind, enum budget_rank rank,
                               struct mono send_before, struct mono now) {
        http_request_free(op->call.request);
        op->call.request = request;
        if (op->call.permitted)
                assert(op->call.ask.kind == kind);
        else
                op->call.ask =
                        (struct budget_ask){.kind = kind, .rank = rank, .region = op->region};
        op->call.send_before = send_before;
        op->call.renewed = false;
        if (!request)
                return operation_fail_with(op, ARM_TRANSIENT, "ENOMEM", "out of memory");
        return call_begin(op, now);
}

enum op_verdict operation_sleep(struct operation *op, struct mono until) {
        op->wake = MIN(until.ns, op->deadline.ns) == until.ns ? until : op->deadline;
        return OP_AWAIT;
}

enum op_verdict operation_pause(struct operation *op, struct mono now) {
        struct mono until;

        if (op->backoff.failures + 1 >= BACKOFF_CALL_TRIES)
                return operation_fail(op);

        until = backoff_next(&op->backoff, BACKOFF_CALL_FIRST_NS, BACKOFF_CALL_CAP_NS,
                             op->call.error.retry_after_ns, op->engine->services.random, now);
        /* It would only be overdue then, and nobody would be told of whom it had waited for. */
        if (until.ns >= op->deadline.ns)
                return operation_fail(op);
        call_clear(op);
        return operation_sleep(op, until);
}

enum op_verdict operation_retry(struct operation *op, struct mono now) {
        enum op_verdict verdict = operation_pause(op, now);

        if (verdict == OP_AWAIT)
                op->call.state =
                        CALL_WAITING; /* operation_preflight() sends when op->wake has come */
        return verdict;
}

enum op_verdict operation_park(struct operation *op, struct mono wanted, struct mono now) {
        call_clear(op);
        op->call.request = http_request_free(op->call.request); /* a thousand of them may wait */
        op->parked = true;
        op->parked_at = now;
        op->wanted = wanted;
        return operation_sleep(op, MONO_NEVER);
}

enum op_verdict operation_succeed(struct operation *op) {
        op->outcome = OP_SUCCEEDED;
        return OP_DONE;
}

enum op_verdict operation_fail(struct operation *op) {
        op->outcome = OP_FAILED;
        op->error = op->call.error;
        return OP_DONE;
}

enum op_verdict operation_fail_with(struct operation *op, enum arm_class class, const char *code,
                                    const char *format, ...) {
        va_list ap;

        op->outcome = OP_FAILED;
        op->error = (struct arm_error){.class = class, .retry_after_ns = -1};
        snprintf(op->error.code, sizeof(op->error.code), "%s", code);
        va_start(ap, format);
        vsnprintf(op->error.message, sizeof(op->error.message), format, ap);
        va_end(ap);
        return OP_DONE;
}
