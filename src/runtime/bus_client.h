/*
 * bus_client: calls of one interface on the system's D-Bus, each of which waits for its answer. For
 * command lines; what has a loop serves by bus.h.
 */
#pragma once

#include "base/macros.h"
#include "runtime/bus.h"

struct bus_client;

enum {
        BUS_E_NO_BUS = 1, /* none is there, or it does not let us in */
        BUS_E_NO_SERVICE, /* nobody has the name */
        BUS_E_DENIED,     /* the bus policy does not let us call that */
        BUS_E_SILENT,     /* no answer in time, or the service ended before it */
        BUS_E_REFUSED,    /* an answer, with a name and a sentence */
};

/* What a call brought; all is owned. */
struct bus_answer {
        char *text;      /* the 's', or NULL */
        uint64_t number; /* the 't' */
        char *error;     /* REFUSED: the name, whole; else NULL */
        char *message;   /* of any refusal; NULL when there is none */
};

void bus_answer_deinit(struct bus_answer *answer);

/* @interface is static; its methods are not looked at. Returns 0, BUS_E_NO_BUS, or -ENOMEM. */
int bus_client_open(const struct bus_interface *interface, struct bus_client **ret_client);
struct bus_client *bus_client_free(struct bus_client *client);
DEFINE_CLEANUP(struct bus_client *, bus_client_free)

/* How long a call waits for its answer, in place of half a minute. */
void bus_client_set_patience(struct bus_client *client, uint64_t patience_us);

/*
 * Calls @method, by the name and the signatures that it has in the interface, and waits. The service
 * is not started for it. Returns 0, BUS_E_*, or a negative errno; *ret_answer is set also after
 * BUS_E_*.
 */
int bus_client_call(struct bus_client *client, const struct bus_method *method,
                    const union bus_value *in, struct bus_answer *ret_answer);
