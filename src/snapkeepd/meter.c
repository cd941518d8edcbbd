#include "snapkeepd/meter.h"

#include <errno.h>
#include <stdlib.h>

struct meter {
        struct transport transport;
        struct transport *below;
        struct clock *clock;
        struct meter_counts *counts;
        meter_busy_fn busy;
        void *data;
};

/* A call of ours: what is handed up in place of the one below. */
struct metered {
        struct meter *meter;
        struct transport_call *below;
        transport_done_fn done;
        void *data;
};

/* Nobody looks into it but this file: the type is opaque, and the transport's own. */
static struct transport_call *call_of(struct metered *metered) {
        return (struct transport_call *)metered;
}

static void count_reply(struct meter *meter, const struct http_reply *reply) {
        struct arm_error error;

        arm_error_classify(reply, clock_utc(meter->clock), &error);
        meter->counts->replies[error.class]++;
        if (error.class == ARM_THROTTLED && error.retry_after_ns > 0)
                meter->counts->throttled_s += (double)error.retry_after_ns / 1e9;
}

static void metered_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct metered *metered = data;

        count_reply(metered->meter, reply);
        metered->done(call_of(metered), reply, metered->data);
        free(metered);
}

static int meter_send(struct transport *transport, struct http_request *request,
                      transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct meter *meter = container_of(transport, struct meter, transport);
        struct metered *metered = malloc(sizeof(*metered));
        enum http_method method = request->method;
        int r;

        if (!metered)
                return -ENOMEM;
        *metered = (struct metered){.meter = meter, .done = done, .data = data};
        r = transport_send(meter->below, request, metered_done, metered, &metered->below);
        if (r < 0) {
                free(metered);
                return r;
        }
        meter->counts->requests[method]++;
        *ret_call = call_of(metered);
        meter->busy(meter->data);
        return 0;
}

static void meter_cancel(struct transport *transport, struct transport_call *call) {
        struct meter *meter = container_of(transport, struct meter, transport);
        struct metered *metered = (struct metered *)call;

        transport_cancel(meter->below, metered->below);
        free(metered);
}

struct meter *meter_new(struct transport *below, struct clock *clock, struct meter_counts *counts,
                        meter_busy_fn busy, void *data) {
        static const struct transport_ops ops = {.send = meter_send, .cancel = meter_cancel};
        struct meter *meter = malloc(sizeof(*meter));

        if (meter)
                *meter = (struct meter){
                        .transport = {.ops = &ops},
                        .below = below,
                        .clock = clock,
                        .counts = counts,
                        .busy = busy,
                        .data = data,
                };
        return meter;
}

struct meter *meter_free(struct meter *meter) {
        free(meter);
        return NULL;
}

struct transport *meter_transport(struct meter *meter) {
        return &meter->transport;
}
