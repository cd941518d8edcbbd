/*
 * server: the service model behind libmicrohttpd, in one thread.
 *
 * Every daemon of libmicrohttpd is run from the program's own loop: server_poll_fds() says what to
 * wait for and server_run() does what has come. A reply that waits (latency, hold) has its
 * connection suspended, so that no other waits with it.
 */
#pragma once

#include "azure-sim/options.h"
#include "azure-sim/record.h"

#include "base/macros.h"
#include "sim/faults.h"
#include "sim/service.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct MHD_Connection;
struct MHD_Daemon;
struct server;

enum exchange_state {
        EXCHANGE_READING, /* the request is not whole */
        EXCHANGE_HELD_BEFORE,
        EXCHANGE_HELD_AFTER,
        EXCHANGE_WAITING, /* for its latency */
        EXCHANGE_READY,   /* the reply may go */
        EXCHANGE_GONE,    /* its client went away while it was held */
};

/* One request and its reply. */
struct exchange {
        struct server *server;
        struct MHD_Connection *connection;
        char *uri;             /* as it came, with its query */
        bool connection_known; /* the handler has been called, and @tls is right */
        bool tls;
        char *body;
        size_t body_len, body_size;
        bool too_large;
        enum exchange_state state;
        bool released; /* a hold has been lifted: it is not held again */
        struct timespec due;
        struct http_reply *reply;
        struct exchange *previous, *next;
};

enum hold_when {
        HOLD_NONE,
        HOLD_BEFORE,
        HOLD_AFTER,
};

struct hold {
        enum hold_when when; /* HOLD_NONE: none is armed */
        uint64_t left;       /* requests until the one that is held, itself included */
        struct exchange *held;
};

struct server {
        struct service *service;
        const struct options *options;
        struct MHD_Daemon *daemons[2]; /* http, https; NULL where not wanted */
        char *tls_cert, *tls_key;
        struct faults *faults;
        struct record *record; /* NULL: nothing is recorded */
        struct hold hold;
        struct exchange *exchanges; /* all that are under way */
};

/* Its fields must be zero but for service, faults and options. Complaints go to stderr. Returns 0 or a
 * negative errno. */
int server_start(struct server *server);
/* Ends all connections. */
void server_stop(struct server *server);

#define SERVER_POLL_FDS 3
/* Fills in what to wait for and returns how many; *ret_timeout_ms as poll() takes it. */
size_t server_poll_fds(struct server *server, struct pollfd fds[static SERVER_POLL_FDS],
                       int *ret_timeout_ms);
/* After poll(), with what it wrote. */
void server_run(struct server *server, const struct pollfd *fds, size_t n);

/* Lets the held request go on, or disarms the hold. */
void server_release(struct server *server);

struct utc server_now(void);

/* control.c: answers a request below /sim/. Returns 0 or -ENOMEM. */
int control_handle(struct server *server, const char *method, const char *path, const char *body,
                   size_t body_len, struct http_reply **ret_reply);
