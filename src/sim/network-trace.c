/*
 * What the trace has of a request: a line as it is sent and one as its reply is delivered, written without
 * format strings, since runs are long.
 */
#include "sim/network-private.h"

#include "sim/text.h"

static void trace_line(const struct transport_call *call) {
        struct network *network = call->network;

        sim_trace_write(network->trace, call->event.node, strbuf_str(&network->line),
                        network->line.len);
}

void call_trace_sending(const struct transport_call *call) {
        const struct http_request *request = call->request;
        struct strbuf *line = &call->network->line;

        if (!call->network->trace)
                return;

        strbuf_clear(line);
        SIM_APPEND(line, "> ");
        sim_append_number(line, call->event.number, 1);
        strbuf_append_char(line, ' ');
        strbuf_append_str(line, http_method_name(request->method));
        strbuf_append_char(line, ' ');
        strbuf_append_str(line, request->url);
        strbuf_append_char(line, ' ');
        sim_append_number(line, request->body_len, 1);
        SIM_APPEND(line, " bytes #");
        sim_append_hex(line, sim_hash_bulk(SIM_HASH_START, request->body ?: "", request->body_len));
        if (call->event.fault != NETWORK_NO_FAULT) {
                SIM_APPEND(line, " fault ");
                strbuf_append_str(line, network_fault_name(call->event.fault));
        }
        trace_line(call);
}

void call_trace_delivery(const struct transport_call *call, uint64_t hash) {
        const struct http_reply *reply = call->reply;
        struct strbuf *line = &call->network->line;

        if (!call->network->trace)
                return;

        strbuf_clear(line);
        SIM_APPEND(line, "< ");
        sim_append_number(line, call->event.number, 1);
        strbuf_append_char(line, ' ');
        if (reply->outcome == TRANSPORT_REPLY)
                sim_append_number(line, (uint64_t)reply->status, 1);
        else
                strbuf_append_str(line, transport_outcome_name(reply->outcome));
        SIM_APPEND(line, " in ");
        sim_append_number(line, (uint64_t)(sim_mono(call->network->sim).ns - call->sent.ns), 1);
        SIM_APPEND(line, " ns");
        if (reply->outcome == TRANSPORT_REPLY) {
                SIM_APPEND(line, ", ");
                sim_append_number(line, reply->body_len, 1);
                SIM_APPEND(line, " bytes #");
                sim_append_hex(line, hash);
        }
        trace_line(call);
}
