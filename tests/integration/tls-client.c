/*
 * tls-client: requests through the program's own transport, for tls.py to look at.
 *
 *         tls-client [--ca FILE] [--put] [--together | --every MS] URL...
 *
 * One line a URL in their order: "OUTCOME|STATUS|BODY|DETAIL", '-' for what is missing. With
 * --together all are under way at once, with --every one more begins after so long, else one after the
 * other.
 */
#include "base/macros.h"
#include "runtime/curl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result {
        struct loop *loop;
        struct http_reply *reply;
        int *left;
};

static void on_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct result *result = data;

        result->reply = reply;
        if (--*result->left == 0)
                loop_stop(result->loop);
}

static int request_send(struct transport *transport, enum http_method method, const char *url,
                        struct result *result) {
        _cleanup_(http_request_freep) struct http_request *request = http_request_new(method);
        struct transport_call *call;
        int r;

        if (!request || !(request->url = strdup(url)))
                return -1;
        if (http_headers_add_str(&request->headers, "Authorization", "Bearer T0KEN") < 0)
                return -1;
        request->body_max = 1000;
        request->connect_timeout_ns = request->silence_timeout_ns = 3 * NSEC_PER_SEC;
        request->total_timeout_ns = 5 * NSEC_PER_SEC;
        r = transport_send(transport, request, on_done, result, &call);
        if (r == 0)
                request = NULL; /* consumed */
        return r;
}

static void on_elapsed(enum reactor_reason reason, void *data) {
        loop_stop(data);
}

/* Lets the loop run for so long, whatever ends meanwhile. */
static int run_for(struct loop *loop, struct reactor_source *source, long ms) {
        struct mono until = mono_add_ns(clock_mono(loop_clock(loop)), ms * NSEC_PER_MSEC);
        int r = 0;

        while (r == 0 && clock_mono(loop_clock(loop)).ns < until.ns) {
                r = reactor_arm_mono(loop_reactor(loop), source, until);
                r = r ?: loop_run(loop);
        }
        return r;
}

int main(int argc, char **argv) {
        static const struct option long_options[] = {
                {"ca", required_argument, NULL, 'c'},
                {"put", no_argument, NULL, 'p'},
                {"together", no_argument, NULL, 't'},
                {"every", required_argument, NULL, 'e'},
                {},
        };
        _cleanup_(loop_freep) struct loop *loop = NULL;
        _cleanup_(curl_transport_freep) struct transport *transport = NULL;
        struct curl_options options = {};
        enum http_method method = HTTP_GET;
        bool together = false;
        struct result results[32] = {};
        struct reactor_source *elapsed = NULL;
        int c, left = 0, n;
        long every_ms = 0;

        while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                if (c == 'c')
                        options.ca = optarg;
                else if (c == 'p')
                        method = HTTP_PUT;
                else if (c == 't')
                        together = true;
                else if (c == 'e')
                        every_ms = strtol(optarg, NULL, 10);
                else
                        return 2;
        }
        n = argc - optind;
        if (n > (int)ARRAY_SIZE(results) || loop_new(&loop) < 0 ||
            curl_transport_new(loop, &options, &transport) < 0 ||
            reactor_source_new(loop_reactor(loop), on_elapsed, loop, &elapsed) < 0)
                return 2;

        for (int i = 0; i < n; i++) {
                results[i] = (struct result){.loop = loop, .left = &left};
                left++;
                if (request_send(transport, method, argv[optind + i], &results[i]) < 0)
                        return 2;
                if (every_ms > 0) {
                        if (run_for(loop, elapsed, every_ms) < 0)
                                return 2;
                } else if (!together)
                        loop_run(loop);
        }
        while (left > 0)
                loop_run(loop);
        reactor_source_free(loop_reactor(loop), elapsed);

        for (int i = 0; i < n; i++) {
                const struct http_reply *reply = results[i].reply;

                printf("%s|%d|%s|%s\n", transport_outcome_name(reply->outcome), reply->status,
                       reply->body ? reply->body : "-", reply->detail ? reply->detail : "-");
                http_reply_free(results[i].reply);
        }
        return 0;
}
