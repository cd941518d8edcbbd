/*
 * curl: the real transport, over libcurl's multi socket interface and a loop.
 *
 * One multi handle with one cache of connections, so that connections are kept alive and HTTP/2
 * streams shared; the CA store is loaded once a day and process. TLS is 1.2 or later, peer and host
 * name are verified always. HTTP/2 is used over TLS where the server offers it, gzip where it has
 * it. No redirects, no cookies, no .netrc, no user names in URLs; http and https alone. A proxy is
 * taken from the environment (http_proxy, https_proxy, all_proxy, no_proxy) unless the request says
 * direct.
 *
 * The outcome NOT_SENT is exact: it is given when libcurl never came to the point where it begins
 * to write the request, all of name, connection, proxy tunnel and TLS lying before it. libcurl
 * repeats a request by itself when a kept connection turns out dead; that is let through for GET
 * alone, all others end as LOST, since nobody can know what the first one did.
 *
 * Time-outs are kept here, not by libcurl, on CLOCK_BOOTTIME, and begin when a request is let out
 * of the queue for its host, but for send_within_ns, which has the queue in it; one of 0 or above an
 * hour is an hour. Silence begins when the request is written; bytes of a body count one by one, headers
 * by lines. The reply of a failure has the status and headers that came, and no body. A connection on which
 * an answer did not come in time is not used again.
 *
 * SIGPIPE is ignored in the whole process from the first curl_transport_new() on: OpenSSL writes to
 * sockets without asking for silence.
 */
#pragma once

#include "base/macros.h"
#include "base/transport.h"
#include "runtime/loop.h"

/* Chosen: the policy's own default of limits.parallel. */
#define CURL_PARALLEL_DEFAULT 16U
/* Chosen: more connections to one service help nobody. */
#define CURL_PARALLEL_MAX 256U

struct curl_options {
        const char *ca;    /* file with the PEM certificates that are trusted in place of the
                              system's; NULL for the system's. Copied. */
        unsigned parallel; /* requests under way per host and port; later ones wait their turn.
                              0 stands for the default, too many for the most */
};

/* @options NULL stands for all defaults. @loop must outlive the transport. Returns 0, -ENOMEM,
 * -ENOSYS when libcurl was built without what this needs (TLS, an own thread or library for names),
 * or another negative errno. */
int curl_transport_new(struct loop *loop, const struct curl_options *options,
                       struct transport **ret_transport);

/* Calls under way are forgotten as by transport_cancel(). Not from inside a done callback or a
 * sink. Copes with NULL, returns NULL. */
struct transport *curl_transport_free(struct transport *transport);
DEFINE_CLEANUP(struct transport *, curl_transport_free)
