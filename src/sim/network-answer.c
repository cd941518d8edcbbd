/*
 * What a call is answered at the service's side, by what befalls it: with its effect or without.
 */
#include "sim/network-private.h"

#define STUCK_OPERATION_NS (3600 * NSEC_PER_SEC)

/* 0: as others do. */
static int64_t call_operation_ns(const struct transport_call *call) {
        if (call->event.fault == NETWORK_FAILED_DELETE && call_ask(call, ASK_SHAPE) % 2 == 0)
                return STUCK_OPERATION_NS / 2;
        return call->event.fault == NETWORK_STUCK_OPERATION ? STUCK_OPERATION_NS : 0;
}

static int call_effect(struct transport_call *call, struct utc now) {
        enum network_fault fault = call->event.fault;
        struct service_call service_call = {
                .method = call->request->method,
                .url = call->request->url,
                .headers = &call->request->headers,
                .body = call->request->body,
                .body_len = call->request->body_len,
                .client = call->event.node,
                .fail_operation = fault == NETWORK_FAILED_CREATE || fault == NETWORK_FAILED_DELETE,
                .fail_copy = fault == NETWORK_FAILED_COPY,
                .operation_ns = call_operation_ns(call),
        };

        return service_handle(call->network->service, now, &service_call, &call->reply);
}

int call_replace_reply(struct transport_call *call, enum transport_outcome outcome,
                       const char *detail) {
        call->reply = http_reply_free(call->reply);
        return call_reply_new(outcome, detail, &call->reply);
}

/* What befalls the reply on its way back, its effect having happened. */
static int call_befall(struct transport_call *call, struct utc now) {
        struct network *network = call->network;

        if (call->event.fault == NETWORK_LOST_AFTER)
                return call_replace_reply(call, TRANSPORT_LOST, "connection reset by peer");
        if (call->event.fault == NETWORK_TIMEOUT_AFTER)
                return call_replace_reply(call, TRANSPORT_TIMEOUT, "no reply in time");
        if (call->event.fault == NETWORK_ERROR_500_AFTER) {
                call->reply = http_reply_free(call->reply);
                return service_error_reply(network->service, now, 500, "InternalServerError",
                                           "Encountered internal server error.", -1, &call->reply);
        }
        if (call->event.fault == NETWORK_ODD_BODY)
                return call_make_odd(call);
        if (call->event.fault == NETWORK_ODD_DATE)
                return call_make_odd_date(call, network->service, now);
        return 0;
}

int call_answer(struct transport_call *call) {
        struct network *network = call->network;
        struct utc now = sim_true_utc(network->sim);
        int64_t seconds;
        int r;

        switch (call->event.fault) {
        case NETWORK_NOT_SENT:
                return call_reply_new(TRANSPORT_NOT_SENT, "connection refused", &call->reply);
        case NETWORK_LOST_BEFORE:
                return call_reply_new(TRANSPORT_LOST, "connection reset by peer", &call->reply);
        case NETWORK_TIMEOUT_BEFORE:
                return call_reply_new(TRANSPORT_TIMEOUT, "no reply in time", &call->reply);
        case NETWORK_THROTTLED:
                seconds = call_ask(call, ASK_SHAPE) % 8 == 0
                                  ? -1
                                  : 1 + (int64_t)(call_ask(call, ASK_RETRY_AFTER) % 30);
                return service_error_reply(network->service, now, 429, "TooManyRequests",
                                           "Too many requests.", seconds, &call->reply);
        case NETWORK_ERROR_500:
                return service_error_reply(network->service, now, 500, "InternalServerError",
                                           "Encountered internal server error.", -1, &call->reply);
        case NETWORK_ERROR_503:
                return call_make_503(call, network->service, now);
        case NETWORK_UNAUTHORIZED:
                return service_error_reply(network->service, now, 401, "ExpiredAuthenticationToken",
                                           "The access token expiry UTC time is earlier than "
                                           "current UTC time.",
                                           -1, &call->reply);
        case NETWORK_FORBIDDEN:
                return service_error_reply(network->service, now, 403, "AuthorizationFailed",
                                           "The client does not have authorization to perform the "
                                           "action, or the scope is invalid.",
                                           -1, &call->reply);
        case NETWORK_NOT_FOUND_GROUP:
                return call_make_404(call, network->service, now);
        case NETWORK_CONFLICT:
                return call_make_409(call, network->service, now);
        case NETWORK_TIMEOUT_408:
                return service_error_reply(network->service, now, 408, "RequestTimeout",
                                           "The request timed out.", -1, &call->reply);
        case NETWORK_NO_FAULT:
        case NETWORK_LOST_AFTER:
        case NETWORK_TIMEOUT_AFTER:
        case NETWORK_ERROR_500_AFTER:
        case NETWORK_CUT_BODY:
        case NETWORK_ODD_BODY:
        case NETWORK_SLOW:
        case NETWORK_FAILED_CREATE:
        case NETWORK_FAILED_DELETE:
        case NETWORK_STUCK_OPERATION:
        case NETWORK_ODD_DATE:
        case NETWORK_FAILED_COPY:
        case _NETWORK_FAULT_N:
                break;
        }

        r = call_effect(call, now);
        return r < 0 ? r : call_befall(call, now);
}
