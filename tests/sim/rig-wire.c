/*
 * The wire of a node as the checks hear it: a transport that hands all to the link's and tells, at
 * the daemon's side, what is sent and what is heard.
 */
#include "rig-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watched {
        struct rig_node *node;
        struct watched *prev, *next;
        struct transport_call *call;
        transport_done_fn done;
        void *data;
        enum http_method method;
        char *url;
};

static void watched_free(struct watched *w) {
        if (w->prev)
                w->prev->next = w->next;
        else
                w->node->watched = w->next;
        if (w->next)
                w->next->prev = w->prev;
        free(w->url);
        free(w);
}

static void wire_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct watched *w = data;
        struct rig *rig = w->node->rig;
        transport_done_fn done = w->done;
        void *their_data = w->data;

        rig->passed++;
        checks_heard(&rig->checks, w->node->number, w->method, w->url, reply, sim_mono(rig->sim),
                     sim_true_utc(rig->sim));
        watched_free(w);
        done(call, reply, their_data);
}

static int wire_send(struct transport *transport, struct http_request *request,
                     transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct rig_node *node = container_of(transport, struct rig_node, transport);
        struct watched *w = calloc(1, sizeof(*w));
        struct rig *rig = node->rig;
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct watched){
                .node = node,
                .done = done,
                .data = data,
                .method = request->method,
                .url = strdup(request->url),
                .next = node->watched,
        };
        if (w->next)
                w->next->prev = w;
        node->watched = w;

        r = w->url ? transport_send(network_link_transport(node->link), request, wire_done, w,
                                    &w->call)
                   : -ENOMEM;
        if (r < 0) {
                watched_free(w);
                return r;
        }
        checks_sent(&rig->checks, node->number, w->method, w->url, sim_mono(rig->sim),
                    sim_true_utc(rig->sim));
        *ret_call = w->call;
        return 0;
}

static void wire_cancel(struct transport *transport, struct transport_call *call) {
        struct rig_node *node = container_of(transport, struct rig_node, transport);

        for (struct watched *w = node->watched; w; w = w->next)
                if (w->call == call) {
                        watched_free(w);
                        break;
                }
        transport_cancel(network_link_transport(node->link), call);
}

void rig_watch_wire(struct rig_node *node) {
        static const struct transport_ops ops = {.send = wire_send, .cancel = wire_cancel};

        node->transport.ops = &ops;
}
