/*
 * The command line of azure-sim.
 */
#pragma once

#include "sim/service.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

union address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

struct listener_options {
        const char *text; /* as given; NULL: no such listener */
        union address address;
        const char *port_file; /* NULL: none */
};

struct options {
        struct listener_options http, https;
        const char *tls_cert, *tls_key;
        const char *arc_key; /* a file; NULL: no Arc agent */
        const char *world;   /* a file; NULL: @disks */
        const char *faults;  /* a file of rules as sim/faults.h has them; NULL: none */
        const char *record;  /* a file that record.h writes; NULL: none */
        size_t disks;
        int64_t latency_ns;
        struct service_options service;
};

enum options_verdict {
        OPTIONS_RUN,
        OPTIONS_DONE,  /* help or version was written */
        OPTIONS_WRONG, /* the complaint was written */
};

/* Borrows from @argv. */
enum options_verdict options_read(int argc, char **argv, struct options *ret_options);
