/*
 * The wire between nodes and the service, with what can befall a request on it.
 *
 * A call has two events: its arrival at the service, which belongs to the world, and its delivery,
 * which belongs to the node. A call whose owner is gone (cancelled, crashed) but whose request is
 * still to arrive is an orphan and kept by the network.
 */
#include "sim/network.h"

#include "base/strbuf.h"
#include "sim/network-private.h"
#include "sim/random.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Chosen: what a caller without a time-out of its own gets, as the kernel would give up too. */
#define TIMEOUT_DEFAULT_NS (300 * NSEC_PER_SEC)
#define SLOW_FACTOR 100

/* How often a node has asked what: open addressing, 0 is free. */
struct asked {
        uint64_t request;
        uint32_t times;
};

struct network_link {
        struct transport transport;
        struct network *network;
        struct sim_node *node;
        struct call_list calls;
        bool cut;
        struct asked *asked;
        size_t n_asked, asked_size;
};

struct network_options network_options_default(void) {
        return (struct network_options){
                .seed = 1,
                .latency_min_ns = 20 * NSEC_PER_MSEC,
                .latency_max_ns = 200 * NSEC_PER_MSEC,
                .chunk_max = 4096,
        };
}

static void list_add(struct call_list *list, struct transport_call *call) {
        call->previous = list->last;
        call->next = NULL;
        if (list->last)
                list->last->next = call;
        else
                list->first = call;
        list->last = call;
        list->n++;
}

static void list_remove(struct call_list *list, struct transport_call *call) {
        if (call->previous)
                call->previous->next = call->next;
        else
                list->first = call->next;
        if (call->next)
                call->next->previous = call->previous;
        else
                list->last = call->previous;
        list->n--;
}

static void call_free(struct transport_call *call) {
        sim_event_disarm(call->network->sim, &call->arrival);
        sim_event_disarm(call->network->sim, &call->delivery);
        list_remove(call->link ? &call->link->calls : &call->network->orphans, call);
        http_request_free(call->request);
        http_reply_free(call->reply);
        free(call);
}

/* The owner is done with the call. What is still to arrive goes on without it. */
static void call_release(struct transport_call *call) {
        sim_event_disarm(call->network->sim, &call->delivery);
        if (!call->busy && !sim_event_is_armed(&call->arrival)) {
                call_free(call);
                return;
        }
        if (call->link) {
                list_remove(&call->link->calls, call);
                call->link = NULL;
                list_add(&call->network->orphans, call);
        }
}

/* A request that was under way when its owner vanished lands or not. */
static void call_flip_landing(struct transport_call *call) {
        if (call_ask(call, ASK_LANDING) % 2 == 0)
                sim_event_disarm(call->network->sim, &call->arrival);
}

/* The hash of what is asked. */
static uint64_t request_hash(enum service_request_kind kind, enum http_method method,
                             const char *url) {
        const char *path = strstr(url, "://");
        uint64_t hash = sim_hash_str(SIM_HASH_START, service_request_kind_name(kind));

        switch (kind) {
        case SERVICE_REQUEST_TOKEN:
        case SERVICE_REQUEST_DISCOVER:
        case SERVICE_REQUEST_LIST_SUBSCRIPTIONS:
        case SERVICE_REQUEST_LIST_TENANTS:
        case SERVICE_REQUEST_LIST_DISKS:
        case SERVICE_REQUEST_LIST_SNAPSHOTS:
        case SERVICE_REQUEST_LIST_VMS:
        case SERVICE_REQUEST_GET_OPERATION:
        case SERVICE_REQUEST_OTHER:
        case _SERVICE_REQUEST_KIND_N:
                return hash;
        case SERVICE_REQUEST_GET_DISK:
        case SERVICE_REQUEST_PUT_DISK:
        case SERVICE_REQUEST_PATCH_DISK:
        case SERVICE_REQUEST_DELETE_DISK:
        case SERVICE_REQUEST_GET_SNAPSHOT:
        case SERVICE_REQUEST_PUT_SNAPSHOT:
        case SERVICE_REQUEST_PATCH_SNAPSHOT:
        case SERVICE_REQUEST_DELETE_SNAPSHOT:
        case SERVICE_REQUEST_GET_TAGS:
        case SERVICE_REQUEST_PATCH_TAGS:
        case SERVICE_REQUEST_GET_VM:
        case SERVICE_REQUEST_GET_GROUP:
        case SERVICE_REQUEST_GET_SUBSCRIPTION:
        case SERVICE_REQUEST_BEGIN_ACCESS:
        case SERVICE_REQUEST_END_ACCESS:
        case SERVICE_REQUEST_GET_PERMISSIONS:
        case SERVICE_REQUEST_GET_ENCRYPTION_SET:
                break;
        }
        path = path ? strchr(path + 3, '/') : NULL;
        if (path)
                hash = sim_hash_nocase(hash, path, strcspn(path, "?"));
        return hash;
}

static int asked_grow(struct network_link *link) {
        size_t size = link->asked_size ? link->asked_size * 2 : 64;
        struct asked *asked;

        if (link->n_asked * 2 < link->asked_size)
                return 0;

        asked = calloc(size, sizeof(*asked));
        if (!asked)
                return -ENOMEM;

        for (size_t i = 0; i < link->asked_size; i++) {
                size_t slot = link->asked[i].request & (size - 1);

                if (link->asked[i].request == 0)
                        continue;
                while (asked[slot].request != 0)
                        slot = (slot + 1) & (size - 1);
                asked[slot] = link->asked[i];
        }
        free(link->asked);
        link->asked = asked;
        link->asked_size = size;
        return 0;
}

/* How often the node had asked it before. */
static int link_ask(struct network_link *link, uint64_t request, uint32_t *ret_nth) {
        size_t slot;
        int r;

        r = asked_grow(link);
        if (r < 0)
                return r;

        request = request ?: 1;
        slot = request & (link->asked_size - 1);
        while (link->asked[slot].request != 0 && link->asked[slot].request != request)
                slot = (slot + 1) & (link->asked_size - 1);
        if (link->asked[slot].request == 0) {
                link->asked[slot].request = request;
                link->n_asked++;
        }
        *ret_nth = link->asked[slot].times++;
        return 0;
}

static void call_hook(struct transport_call *call, enum network_hook when) {
        struct network *network = call->network;
        struct network_event event = call->event;

        if (!network->hook)
                return;
        event.url = call->request->url;
        event.reply = when == NETWORK_AFTER_EFFECT && call->reply &&
                                      call->reply->outcome == TRANSPORT_REPLY
                              ? call->reply
                              : NULL;
        network->hook(when, &event, network->hook_data);
}

static int64_t call_timeout_ns(const struct transport_call *call) {
        int64_t ns = call->request->total_timeout_ns > 0 ? call->request->total_timeout_ns
                                                         : TIMEOUT_DEFAULT_NS;

        if (call->request->silence_timeout_ns > 0)
                ns = MIN(ns, call->request->silence_timeout_ns);
        return ns;
}

/* When the node hears of it. A reply that would come too late is a time-out. */
static int call_plan_delivery(struct transport_call *call) {
        struct mono limit = mono_add_ns(call->sent, call_timeout_ns(call));
        struct mono at = mono_add_ns(call->sent, call->latency_ns);
        int r;

        if (call->reply->outcome != TRANSPORT_TIMEOUT && at.ns >= limit.ns) {
                r = call_replace_reply(call, TRANSPORT_TIMEOUT, "no reply in time");
                if (r < 0)
                        return r;
        }
        if (call->reply->outcome == TRANSPORT_TIMEOUT)
                at = limit;
        return sim_event_arm(call->network->sim, &call->delivery, at);
}

/* At the service. Without memory the simulation cannot go on truthfully. */
static void call_arrive(void *data) {
        struct transport_call *call = data;
        bool landed_without_owner = call->dead || !call->link;
        struct http_reply *lost;

        call->busy = true;
        call_hook(call, NETWORK_BEFORE_EFFECT);
        /* A crash in the hook comes before the effect. */
        if (landed_without_owner || (!call->dead && call->link)) {
                /* The reply of a link that was cut meanwhile is there already. */
                lost = take_ptr(call->reply);
                if (call_answer(call) < 0)
                        abort();
                call_hook(call, NETWORK_AFTER_EFFECT);
                if (lost) {
                        http_reply_free(call->reply);
                        call->reply = lost;
                }
        }
        call->busy = false;

        if (!call->link)
                call_free(call);
        else if (!call->dead && !sim_event_is_armed(&call->delivery) &&
                 call_plan_delivery(call) < 0)
                abort();
}

/* At the node. */

static void call_deliver(void *data) {
        struct transport_call *call = data;
        uint64_t hash = 0;

        if (call->reply->body)
                hash = sim_hash_bulk(SIM_HASH_START, call->reply->body, call->reply->body_len);
        if (call->reply->outcome == TRANSPORT_REPLY)
                call_trace_delivery(call, hash);
        call_shape_body(call, call->network->options.chunk_max);
        if (call->reply->outcome != TRANSPORT_REPLY)
                call_trace_delivery(call, hash);

        /* Out of the link's list before the owner runs, who may count, crash or free the link;
         * allocated until it has run, since it knows the call by its address. */
        list_remove(&call->link->calls, call);
        call->link = NULL;
        list_add(&call->network->orphans, call);
        call->busy = true;
        call->done(call, take_ptr(call->reply), call->data);
        call->busy = false;
        call_release(call);
}

/* The interface. */

static int link_send(struct transport *transport, struct http_request *request,
                     transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct network_link *link = container_of(transport, struct network_link, transport);
        struct network *network = link->network;
        struct transport_call *call;
        int64_t range;
        int r;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;

        call->network = network;
        call->link = link;
        call->done = done;
        call->data = data;
        call->sent = sim_mono(network->sim);
        call->event.node = sim_node_number(link->node);
        call->event.method = request->method;
        call->event.kind = service_request_kind_of(request->method, request->url);
        call->event.request = request_hash(call->event.kind, request->method, request->url);
        sim_event_init(&call->arrival, NULL, call_arrive, call);
        sim_event_init(&call->delivery, link->node, call_deliver, call);

        r = link_ask(link, call->event.request, &call->event.nth);
        if (r < 0) {
                free(call);
                return r;
        }
        call->event.number = network->requests + 1;
        call->draw = sim_mix(sim_mix(network->options.seed, call->event.node),
                             sim_mix(call->event.request, call->event.nth));
        call->event.fault = link->cut ? NETWORK_NOT_SENT : network_decide(call);
        range = MAX(network->options.latency_max_ns - network->options.latency_min_ns, 0) + 1;
        call->latency_ns = network->options.latency_min_ns +
                           (int64_t)(call_ask(call, ASK_LATENCY) % (uint64_t)range);
        if (call->event.fault == NETWORK_SLOW)
                call->latency_ns *= SLOW_FACTOR;
        r = sim_event_arm(network->sim, &call->arrival,
                          mono_add_ns(call->sent, call->latency_ns / 2));
        if (r < 0) {
                free(call);
                return r;
        }

        network->requests++;
        call->request = request;
        list_add(&link->calls, call);
        call_trace_sending(call);
        if (call->event.fault != NETWORK_NO_FAULT && !link->cut)
                network_note_fault(network, &call->event);
        *ret_call = call;
        return 0;
}

static void link_cancel(struct transport *transport, struct transport_call *call) {
        assert(call->link == container_of(transport, struct network_link, transport));
        if (!call->dead && !call->busy) {
                sim_trace_say(call->network->trace, call->event.node, "cancel %" PRIu64,
                              call->event.number);
                call_flip_landing(call);
        }
        call_release(call);
}

int network_new(struct sim *sim, struct service *service, struct sim_trace *trace,
                const struct network_options *options, struct network **ret_network) {
        struct network *network;

        network = calloc(1, sizeof(*network));
        if (!network)
                return -ENOMEM;

        network->sim = sim;
        network->service = service;
        network->trace = trace;
        network->options = *options;
        network->kinds = UINT32_MAX;
        *ret_network = network;
        return 0;
}

struct network *network_free(struct network *network) {
        if (!network)
                return NULL;

        while (network->orphans.first)
                call_free(network->orphans.first);
        free(network->forced);
        free(network->spared);
        free(network->faults);
        strbuf_deinit(&network->line);
        free(network);
        return NULL;
}

int network_link_new(struct network *network, struct sim_node *node,
                     struct network_link **ret_link) {
        static const struct transport_ops ops = {.send = link_send, .cancel = link_cancel};
        struct network_link *link;

        link = calloc(1, sizeof(*link));
        if (!link)
                return -ENOMEM;

        link->transport.ops = &ops;
        link->network = network;
        link->node = node;
        *ret_link = link;
        return 0;
}

struct network_link *network_link_free(struct network_link *link) {
        if (!link)
                return NULL;

        while (link->calls.first)
                call_release(link->calls.first);
        free(link->asked);
        free(link);
        return NULL;
}

struct transport *network_link_transport(struct network_link *link) {
        return &link->transport;
}

size_t network_link_calls(const struct network_link *link) {
        size_t n = 0;

        for (const struct transport_call *call = link->calls.first; call; call = call->next)
                n += !call->dead;
        return n;
}

void sim_network_crash(struct network_link *link) {
        struct network *network = link->network;

        sim_trace_say(network->trace, sim_node_number(link->node), "crash");
        for (struct transport_call *call = link->calls.first; call; call = call->next) {
                if (call->dead)
                        continue;
                call->dead = true;
                sim_event_disarm(network->sim, &call->delivery);
                call_flip_landing(call);
        }
}

void network_link_cut(struct network_link *link, bool cut) {
        struct network *network = link->network;

        link->cut = cut;
        sim_trace_say(network->trace, sim_node_number(link->node), cut ? "cut" : "uncut");
        if (!cut)
                return;
        for (struct transport_call *call = link->calls.first; call; call = call->next) {
                if (call->dead)
                        continue;
                if (call_replace_reply(call, TRANSPORT_LOST, "network is unreachable") < 0 ||
                    sim_event_arm(network->sim, &call->delivery, sim_mono(network->sim)) < 0)
                        abort();
                call_flip_landing(call);
        }
}

uint64_t network_requests(const struct network *network) {
        return network->requests;
}

void network_set_hook(struct network *network, network_hook_fn fn, void *data) {
        network->hook = fn;
        network->hook_data = data;
}
