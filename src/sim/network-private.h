/*
 * What the files of the network share. Nobody else includes this.
 */
#pragma once

#include "base/strbuf.h"
#include "sim/network.h"
#include "sim/random.h"

/* What the seed is asked, besides the faults, whose questions are their own numbers. */
enum question {
        ASK_LATENCY = 1000,
        ASK_LANDING,
        ASK_CHUNKS,
        ASK_RETRY_AFTER,
        ASK_SHAPE,
        ASK_CUT,
};

struct call_list {
        struct transport_call *first, *last;
        size_t n;
};

struct forced {
        uint64_t number;
        enum network_fault fault;
};

struct spared {
        unsigned node;
        uint64_t request;
        uint32_t nth;
};

struct network {
        struct sim *sim;
        struct service *service;
        struct sim_trace *trace;
        struct network_options options;
        uint32_t per_million[_NETWORK_FAULT_N];
        uint32_t kinds;
        uint64_t requests;
        struct call_list orphans;
        struct forced *forced;
        size_t n_forced, forced_capacity;
        struct spared *spared;
        size_t n_spared, spared_capacity;
        struct network_event *faults;
        size_t n_faults, faults_capacity;
        network_hook_fn hook;
        void *hook_data;
        struct strbuf line; /* of the trace, in the making */
};

struct transport_call {
        struct network *network;
        struct network_link *link; /* NULL for an orphan */
        struct http_request *request;
        struct http_reply *reply; /* once it is known */
        transport_done_fn done;
        void *data;
        struct sim_event arrival, delivery;
        struct network_event event;
        uint64_t draw; /* of (seed, node, request, nth): all its luck */
        int64_t latency_ns;
        struct mono sent;
        bool busy; /* its arrival is running */
        bool dead; /* its process has crashed: nothing is delivered */
        struct transport_call *previous, *next;
};

static inline uint64_t call_ask(const struct transport_call *call, enum question question) {
        return sim_mix(call->draw, question);
}

/* network-fault.c: what befalls a request. */

/* By what was forced, else by its draw unless it is spared. */
enum network_fault network_decide(const struct transport_call *call);
/* Keeps it for network_fault_at(), as far as there is memory. */
void network_note_fault(struct network *network, const struct network_event *event);

/* network-answer.c: what a call is answered, and whether it has its effect. */

/* Makes its reply at the service's side, with its effect where it has one. Returns 0 or -ENOMEM. */
int call_answer(struct transport_call *call);
/* An outcome in place of the reply that it has, if it has one. @detail is copied. Returns 0 or -ENOMEM. */
int call_replace_reply(struct transport_call *call, enum transport_outcome outcome,
                       const char *detail);

/* network-trace.c: the lines of the trace, where there is one. */

void call_trace_sending(const struct transport_call *call);
/* @hash: of the body as it was before it was shaped. */
void call_trace_delivery(const struct transport_call *call, uint64_t hash);

/* network-reply.c: what a reply looks like. */

/* An outcome without a reply. @detail is copied. */
int call_reply_new(enum transport_outcome outcome, const char *detail,
                   struct http_reply **ret_reply);
/* As recorded: JSON, an HTML page, or nothing. */
int call_make_503(struct transport_call *call, struct service *service, struct utc now);
/* ResourceGroupNotFound where a group was asked for, or a proxy's HTML page. */
int call_make_404(struct transport_call *call, struct service *service, struct utc now);
int call_make_409(struct transport_call *call, struct service *service, struct utc now);
/* Its Date, a year before or after the service's. */
int call_make_odd_date(struct transport_call *call, struct service *service, struct utc now);
/* A body nobody expects in place of the right one. */
int call_make_odd(struct transport_call *call);
/* The body as the caller gets it: cut, too large, into the sink, or with the reply. */
void call_shape_body(struct transport_call *call, size_t chunk_max);
