/*
 * sim/network: struct transport of base over the service model, in virtual time, with faults.
 *
 * A request leaves at once, takes effect at the service after half of its latency and is answered
 * after the other half. What befalls it is a pure function of (seed, node, what is asked, how often
 * this node has asked it), decided for each kind of fault by itself: taking one fault away shifts no
 * other. "What is asked" is method and path; for the URLs of operations and tokens and for listings
 * it is the kind alone, since their paths are not the client's.
 *
 * A link is the wire of one node. It outlives the node's process: sim_network_crash() cuts all that
 * is under way, the engine may then cancel its calls and be freed, and a new engine may use the link.
 */
#pragma once

#include "base/macros.h"
#include "base/transport.h"
#include "sim/service.h"
#include "sim/time.h"
#include "sim/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum network_fault {
        NETWORK_NO_FAULT,
        NETWORK_NOT_SENT,        /* no connection: no effect */
        NETWORK_LOST_BEFORE,     /* the connection breaks: no effect */
        NETWORK_LOST_AFTER,      /* the connection breaks: the effect has happened */
        NETWORK_TIMEOUT_BEFORE,  /* silence until the caller's time-out: no effect */
        NETWORK_TIMEOUT_AFTER,   /* the same, and the effect has happened */
        NETWORK_THROTTLED,       /* 429, mostly with Retry-After: no effect */
        NETWORK_ERROR_500,       /* InternalServerError: no effect */
        NETWORK_ERROR_500_AFTER, /* the same, and the effect has happened */
        NETWORK_ERROR_503,       /* an empty body, an HTML page or ServerTimeout: no effect */
        NETWORK_UNAUTHORIZED,    /* 401 ExpiredAuthenticationToken: no effect */
        NETWORK_CUT_BODY,        /* the body ends early, the connection with it; effect happened */
        NETWORK_ODD_BODY,        /* a whole reply with a body nobody expects; effect happened */
        NETWORK_SLOW,            /* a hundred times the latency */
        NETWORK_FAILED_CREATE,   /* a PUT's operation ends Failed, its resource too */
        NETWORK_STUCK_OPERATION, /* a PUT's or DELETE's operation runs for an hour */
        NETWORK_FORBIDDEN,       /* a passing 403 AuthorizationFailed: no effect */
        NETWORK_NOT_FOUND_GROUP, /* a passing 404 ResourceGroupNotFound or of a proxy: no effect */
        NETWORK_CONFLICT,        /* 409 of what changes something: no effect */
        NETWORK_TIMEOUT_408,     /* 408: no effect */
        NETWORK_ODD_DATE,        /* the Date of the reply is a year, ten minutes or 75 s off;
                                effect happened */
        NETWORK_FAILED_COPY,     /* the background copy of a PUT's snapshot stops half way */
        NETWORK_FAILED_DELETE, /* a DELETE is accepted, its operation fails, and the resource stays */
        _NETWORK_FAULT_N,
};

const char *network_fault_name(enum network_fault fault);

struct network_options {
        uint64_t seed;
        int64_t latency_min_ns, latency_max_ns; /* of the whole exchange */
        size_t chunk_max;                       /* bodies reach sinks in pieces of 1 to this */
};

/* 20 to 200 ms, pieces up to 4096 bytes, seed 1. */
struct network_options network_options_default(void);

struct network;
struct network_link;

/* What happened to one request: handed to hooks, kept for faults. */
struct network_event {
        uint64_t number; /* counts all requests of the network from 1, in the order of sending */
        unsigned node;
        uint64_t request; /* hash of what is asked */
        uint32_t nth;     /* how often this node had asked it before */
        enum network_fault fault;
        enum service_request_kind kind;
        enum http_method method;
        const char *url;                /* borrowed, only while the hook runs; NULL in the list */
        const struct http_reply *reply; /* borrowed, only in the hook after the effect; else NULL */
};

enum network_hook {
        NETWORK_BEFORE_EFFECT,
        NETWORK_AFTER_EFFECT, /* also called, with reply NULL, for what never had an effect */
};

/*
 * Called at the service's side of each request. It may change the world, step clocks, and crash any
 * link: crashed before the effect, this request has none; crashed after it, the effect stays and
 * the reply is never delivered. It runs from the event loop, never from inside engine code.
 */
typedef void (*network_hook_fn)(enum network_hook when, const struct network_event *event,
                                void *data);

/* @trace may be NULL. All are borrowed and must outlive the network. */
int network_new(struct sim *sim, struct service *service, struct sim_trace *trace,
                const struct network_options *options, struct network **ret_network);
/* Links must be gone before. */
struct network *network_free(struct network *network);
DEFINE_CLEANUP(struct network *, network_free)

/* The node's deliveries wait while it is suspended. Requests under way go on. */
int network_link_new(struct network *network, struct sim_node *node,
                     struct network_link **ret_link);
/* Every call must have ended or been cancelled, or the link crashed. */
struct network_link *network_link_free(struct network_link *link);
DEFINE_CLEANUP(struct network_link *, network_link_free)

/* Borrowed; lives as long as the link. */
struct transport *network_link_transport(struct network_link *link);
/* Calls whose end the node has not seen. */
size_t network_link_calls(const struct network_link *link);

/* The node's process dies: what is under way lands or not, the seed deciding, and no reply is
 * delivered any more. Its calls may still be cancelled, or are freed with the link. */
void sim_network_crash(struct network_link *link);
/* While cut, every request of the node is NOT_SENT; what is under way is lost. */
void network_link_cut(struct network_link *link, bool cut);

/* How often in a million requests each fault strikes; may change at any time. Faults that fit no
 * request of its kind (a failed create on a GET) do not strike. */
void network_set_fault(struct network *network, enum network_fault fault, uint32_t per_million);
/* All to 0. */
void network_stop_faults(struct network *network);
/* Of these kinds of request alone; bit (1 << enum service_request_kind). Default: all. */
void network_set_fault_kinds(struct network *network, uint32_t kinds);

/* The @number-th request (network_event's) meets the fault, whatever the rates say. -ENOMEM or 0. */
int network_force(struct network *network, uint64_t number, enum network_fault fault);
/* The fault (node, request, nth) does not strike: for shrinking a failure. -ENOMEM or 0. */
int network_spare(struct network *network, unsigned node, uint64_t request, uint32_t nth);

/* Requests so far, and the faults that struck, oldest first. */
uint64_t network_requests(const struct network *network);
size_t network_faults(const struct network *network);
const struct network_event *network_fault_at(const struct network *network, size_t index);

void network_set_hook(struct network *network, network_hook_fn fn, void *data);
