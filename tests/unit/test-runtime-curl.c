/*
 * The transport over libcurl, against a server on loopback that misbehaves in every way a test can
 * arrange. TLS has its own test (tests/integration/tls.py).
 */
#include "base/macros.h"
#include "base/str.h"
#include "runtime/curl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http-server.h"

#define MSEC NSEC_PER_MSEC
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const char GZIP_HELLO[] =
        "\037\213\010\000\000\000\000\000\002\003\313\110\315\311\311\127\310\100"
        "\047\001\343\121\075\215\027\000\000\000";

static const char GZIP_ZEROS[] =
        "\037\213\010\000\000\000\000\000\002\003\355\301\001\001\000\000\000\200"
        "\220\376\257\356\010\012\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\152\353\216"
        "\227\327\000\000\001\000";

static char many[8192], flood[8192], large_headers[HTTP_HEADER_BYTES_MAX * 2];
static char long_line[128 * 1024], large_body[4096], gzip_hello[512], gzip_zeros[512];
static size_t gzip_hello_len, gzip_zeros_len;

/* The table is filled in by main(), since some replies are made there. */
static struct server_script scripts[32];

/* ---- one call and what came of it ---- */

struct bench {
        struct server *server;
        struct loop *loop;
        struct transport *transport;
        struct reactor_source *guard; /* ends a test that hangs */
        int waiting;
};

struct result {
        struct bench *bench;
        struct transport_call *call;
        struct http_reply *reply;
        struct transport_call *cancel; /* done by the callback */
        const char *then;              /* another GET, done by the callback */
        struct result *then_result;
        bool inside; /* transport_send() has not returned yet */
};

static void guard_run(enum reactor_reason reason, void *data) {
        fail_msg("the loop hangs");
}

static void bench_begin(struct bench *b, unsigned parallel) {
        const struct curl_options options = {.parallel = parallel};

        *b = (struct bench){.server = server_start(scripts)};
        assert_int_equal(loop_new(&b->loop), 0);
        assert_int_equal(curl_transport_new(b->loop, &options, &b->transport), 0);
        assert_int_equal(reactor_source_new(loop_reactor(b->loop), guard_run, NULL, &b->guard), 0);
        assert_int_equal(
                reactor_arm_mono(loop_reactor(b->loop), b->guard,
                                 mono_add_ns(clock_mono(loop_clock(b->loop)), 10 * NSEC_PER_SEC)),
                0);
}

static void bench_end(struct bench *b) {
        b->transport = curl_transport_free(b->transport);
        b->guard = reactor_source_free(loop_reactor(b->loop), b->guard);
        b->loop = loop_free(b->loop);
        server_stop(b->server);
}

static struct http_request *request_new(struct bench *b, enum http_method method,
                                        const char *path) {
        struct http_request *request = http_request_new(method);

        assert_non_null(request);
        assert_true(asprintf(&request->url, "http://127.0.0.1:%d%s", server_port(b->server), path) >
                    0);
        request->body_max = 1000;
        request->connect_timeout_ns = 5 * NSEC_PER_SEC;
        request->silence_timeout_ns = 5 * NSEC_PER_SEC;
        request->total_timeout_ns = 5 * NSEC_PER_SEC;
        return request;
}

static struct http_request *request_to(struct bench *b, const char *url) {
        struct http_request *request = request_new(b, HTTP_GET, "");

        free(request->url);
        request->url = strdup(url);
        return request;
}

static void send_it(struct bench *b, struct http_request *request, struct result *result);

static void on_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct result *result = data;
        struct bench *b = result->bench;

        assert_ptr_equal(call, result->call);
        assert_false(result->inside);
        assert_null(result->reply);
        result->reply = reply;
        if (result->cancel) {
                transport_cancel(b->transport, result->cancel);
                b->waiting--;
        }
        if (result->then)
                send_it(b, request_new(b, HTTP_GET, result->then), result->then_result);
        if (--b->waiting == 0)
                loop_stop(b->loop);
}

static void send_it(struct bench *b, struct http_request *request, struct result *result) {
        result->bench = b;
        result->inside = true;
        b->waiting++;
        assert_int_equal(transport_send(b->transport, request, on_done, result, &result->call), 0);
        result->inside = false;
}

static void wait_all(struct bench *b) {
        if (b->waiting > 0)
                loop_run(b->loop);
}

static struct http_reply *exchange(struct bench *b, struct http_request *request) {
        struct result result = {};

        send_it(b, request, &result);
        wait_all(b);
        assert_non_null(result.reply);
        return result.reply;
}

static struct http_reply *get(struct bench *b, const char *path) {
        return exchange(b, request_new(b, HTTP_GET, path));
}

/* ---- replies and failures, as a table ---- */

static void test_outcomes(void **state) {
        static const struct {
                int line;
                const char *path;
                enum transport_outcome outcome;
                int status;
                const char *body;             /* or NULL */
                int64_t silence_ms, total_ms; /* 0: seconds */
                const char *detail;           /* a part of it */
        } rows[] = {
                {__LINE__, "/ok", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                {__LINE__, "/ok?api-version=2024-03-02", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                {__LINE__, "/nowhere", TRANSPORT_REPLY, 404, "none\n", 0, 0, NULL},
                {__LINE__, "/empty", TRANSPORT_REPLY, 204, NULL, 0, 0, NULL},
                {__LINE__, "/to-the-end", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                {__LINE__, "/chunked", TRANSPORT_REPLY, 200, "hello world", 0, 0, NULL},
                {__LINE__, "/gzip", TRANSPORT_REPLY, 200, "hello hello hello hello", 0, 0, NULL},
                {__LINE__, "/gzip-broken", TRANSPORT_LOST, 200, NULL, 0, 0, ""},
                {__LINE__, "/gzip-zeros", TRANSPORT_TOO_LARGE, 200, NULL, 0, 0, "above 1000 bytes"},
                {__LINE__, "/body-1000", TRANSPORT_REPLY, 200, large_body, 0, 0, NULL},
                {__LINE__, "/body-1001", TRANSPORT_TOO_LARGE, 200, NULL, 0, 0, "above 1000 bytes"},
                {__LINE__, "/many", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                {__LINE__, "/flood", TRANSPORT_TOO_LARGE, 200, NULL, 0, 0, "128 headers"},
                {__LINE__, "/large-headers", TRANSPORT_TOO_LARGE, 200, NULL, 0, 0, "65536 bytes"},
                {__LINE__, "/long-line", TRANSPORT_TOO_LARGE, 200, NULL, 0, 0, ""},
                {__LINE__, "/redirect", TRANSPORT_REPLY, 302, NULL, 0, 0, NULL},
                {__LINE__, "/continue", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                {__LINE__, "/trailers", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                /* as far apart as a machine may be slow */
                {__LINE__, "/drip", TRANSPORT_REPLY, 200, "hello", 800, 0, NULL},
                {__LINE__, "/drip", TRANSPORT_TIMEOUT, 200, NULL, 0, 500, "not done within 0.5 s"},
                {__LINE__, "/silent", TRANSPORT_TIMEOUT, 200, NULL, 500, 0,
                 "nothing moved for 0.5 s"},
                {__LINE__, "/dumb", TRANSPORT_TIMEOUT, 0, NULL, 100, 0, "nothing moved for 0.1 s"},
                {__LINE__, "/close", TRANSPORT_LOST, 0, NULL, 0, 0, "Empty reply"},
                {__LINE__, "/reset", TRANSPORT_LOST, 0, NULL, 0, 0, "reset"},
                {__LINE__, "/cut", TRANSPORT_LOST, 202, NULL, 0, 0, "45 bytes"},
                {__LINE__, "/reset-after", TRANSPORT_REPLY, 200, "hello", 0, 0, NULL},
                /* first on the connection that was reset, then, libcurl's doing, on another */
                {__LINE__, "/cut", TRANSPORT_LOST, 202, NULL, 0, 0, ""},
                {__LINE__, "/cut-head", TRANSPORT_LOST, 0, NULL, 0, 0, ""},
                {__LINE__, "/no-http", TRANSPORT_LOST, 0, NULL, 0, 0, "HTTP/0.9"},
        };
        struct http_request *request;
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                request = request_new(&b, HTTP_GET, rows[i].path);
                if (rows[i].silence_ms > 0)
                        request->silence_timeout_ns = rows[i].silence_ms * MSEC;
                if (rows[i].total_ms > 0)
                        request->total_timeout_ns = rows[i].total_ms * MSEC;
                reply = exchange(&b, request);

                if (reply->outcome != rows[i].outcome || reply->status != rows[i].status)
                        fail_msg("row at line %d: %s, status %d, %s", rows[i].line,
                                 transport_outcome_name(reply->outcome), reply->status,
                                 reply->detail ? reply->detail : "no detail");
                if (!rows[i].body != !reply->body ||
                    (rows[i].body && strcmp(rows[i].body, reply->body) != 0))
                        fail_msg("row at line %d: body %s", rows[i].line,
                                 reply->body ? reply->body : "(none)");
                if (reply->body && strlen(reply->body) != reply->body_len)
                        fail_msg("row at line %d: length %zu", rows[i].line, reply->body_len);
                if ((reply->outcome == TRANSPORT_REPLY) != !reply->detail)
                        fail_msg("row at line %d: detail %s", rows[i].line, reply->detail);
                if (rows[i].detail && !strstr(reply->detail, rows[i].detail))
                        fail_msg("row at line %d: detail %s", rows[i].line, reply->detail);
                /* libcurl's word on the connection before is not the reason for this one's end. */
                if (strcmp(rows[i].path, "/cut") == 0 && strstr(reply->detail, "reset"))
                        fail_msg("row at line %d: detail %s", rows[i].line, reply->detail);
                http_reply_free(reply);
        }
        bench_end(&b);
}

static void test_headers(void **state) {
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        reply = get(&b, "/many");
        assert_int_equal(reply->headers.n, 101);
        assert_string_equal(http_headers_get(&reply->headers, "x-header-099"), "value 99");
        http_reply_free(reply);

        reply = get(&b, "/continue");
        assert_null(http_headers_get(&reply->headers, "X-Interim"));
        assert_string_equal(http_headers_get(&reply->headers, "Retry-After"), "17");
        http_reply_free(reply);

        reply = get(&b, "/trailers");
        assert_string_equal(http_headers_get(&reply->headers, "X-First"), "yes");
        assert_null(http_headers_get(&reply->headers, "X-Trailer"));
        http_reply_free(reply);

        reply = get(&b, "/redirect");
        assert_string_equal(http_headers_get(&reply->headers, "Location"), "/ok");
        assert_int_equal(server_requests(b.server), 4); /* and nobody went there */
        http_reply_free(reply);
        bench_end(&b);
}

/* On a kept connection libcurl has no deadline of its own to wake us: the time for silence must
 * have been armed when it began. */
static void test_silence(void **state) {
        struct http_request *request;
        struct http_reply *reply;
        struct mono begin;
        struct bench b;

        bench_begin(&b, 0);
        http_reply_free(get(&b, "/ok"));
        http_reply_free(get(&b, "/late")); /* those of the connecting are over */
        request = request_new(&b, HTTP_GET, "/dumb");
        request->silence_timeout_ns = 50 * MSEC;
        begin = clock_mono(loop_clock(b.loop));
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_TIMEOUT);
        assert_non_null(strstr(reply->detail, "nothing moved"));
        assert_true(clock_mono(loop_clock(b.loop)).ns - begin.ns < NSEC_PER_SEC);
        http_reply_free(reply);
        bench_end(&b);
}

static void dawdle(void *data) {
        const struct timespec ts = {.tv_nsec = 30 * MSEC};

        nanosleep(&ts, NULL);
}

/* The reply and the RST behind it are both there before we look. */
static void test_reset_behind_reply(void **state) {
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        loop_before_wait(b.loop, dawdle, NULL);
        reply = get(&b, "/reset-at-once");
        if (reply->outcome != TRANSPORT_REPLY)
                fail_msg("%s: %s", transport_outcome_name(reply->outcome), reply->detail);
        assert_string_equal(reply->body, "hello");
        http_reply_free(reply);
        bench_end(&b);
}

/* ---- what is sent ---- */

static void test_requests(void **state) {
        static const struct {
                int line;
                enum http_method method;
                const char *body, *type, *starts, *has, *ends;
        } rows[] = {
                {__LINE__, HTTP_GET, NULL, NULL, "GET /ok HTTP/1.1\r\n", "", "\r\n\r\n"},
                {__LINE__, HTTP_DELETE, NULL, NULL, "DELETE /ok HTTP/1.1\r\n", "", "\r\n\r\n"},
                {__LINE__, HTTP_POST, NULL, NULL, "POST /ok HTTP/1.1\r\n", "Content-Length: 0\r\n",
                 "\r\n\r\n"},
                {__LINE__, HTTP_PUT, NULL, NULL, "PUT /ok HTTP/1.1\r\n", "Content-Length: 0\r\n",
                 "\r\n\r\n"},
                {__LINE__, HTTP_PUT, "{}", "application/json", "PUT /ok HTTP/1.1\r\n",
                 "Content-Type: application/json\r\n", "\r\n\r\n{}"},
                {__LINE__, HTTP_PATCH, "{\"a\":1}", "application/json", "PATCH /ok HTTP/1.1\r\n",
                 "Content-Length: 7\r\n", "\r\n\r\n{\"a\":1}"},
                {__LINE__, HTTP_DELETE, "x", NULL, "DELETE /ok HTTP/1.1\r\n",
                 "Content-Length: 1\r\n", "\r\n\r\nx"},
        };
        struct http_request *request;
        struct http_reply *reply;
        const char *sent;
        struct bench b;

        bench_begin(&b, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                request = request_new(&b, rows[i].method, "/ok");
                if (rows[i].body) {
                        request->body = strdup(rows[i].body);
                        request->body_len = strlen(rows[i].body);
                }
                if (rows[i].type)
                        http_headers_add_str(&request->headers, "Content-Type", rows[i].type);
                http_headers_add_str(&request->headers, "Authorization", "Bearer abc");
                http_headers_add_str(&request->headers, "X-Empty", "");
                reply = exchange(&b, request);
                assert_int_equal(reply->outcome, TRANSPORT_REPLY);
                http_reply_free(reply);

                sent = server_request(b.server, i);
                if (!str_starts_with(sent, rows[i].starts) || !strstr(sent, rows[i].has) ||
                    strcmp(sent + strlen(sent) - strlen(rows[i].ends), rows[i].ends) != 0 ||
                    !strstr(sent, "\r\nAuthorization: Bearer abc\r\n") ||
                    !strstr(sent, "\r\nX-Empty:\r\n") ||
                    !strstr(sent, "\r\nAccept-Encoding: gzip\r\n") ||
                    strcasestr(sent, "\r\nExpect:") || strcasestr(sent, "form-urlencoded") ||
                    strcasestr(sent, "\r\nUser-Agent:") || strcasestr(sent, "\r\nCookie") ||
                    (!rows[i].type && strcasestr(sent, "\r\nContent-Type:")) ||
                    (!rows[i].has[0] && strcasestr(sent, "\r\nContent-Length:")))
                        fail_msg("row at line %d: %s", rows[i].line, sent);
        }
        assert_int_equal(server_connections(b.server), 1); /* all over one */
        bench_end(&b);
}

/* A body above what a socket takes at once, and above the MiB where libcurl would ask for leave. */
static void test_large_upload(void **state) {
        struct http_request *request;
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        request = request_new(&b, HTTP_PUT, "/ok");
        request->body_len = 3 << 19;
        request->body = malloc(request->body_len);
        assert_non_null(request->body);
        memset(request->body, 'u', request->body_len);
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_REPLY);
        assert_null(strcasestr(server_request(b.server, 0), "Expect:"));
        http_reply_free(reply);
        bench_end(&b);
}

static void test_refused_requests(void **state) {
        static const struct {
                int line;
                const char *url, *name, *value;
        } rows[] = {
                {__LINE__, "ftp://127.0.0.1/", NULL, NULL},
                {__LINE__, "127.0.0.1", NULL, NULL},
                {__LINE__, "", NULL, NULL},
                {__LINE__, "http://127.0.0.1/a b", NULL, NULL},
                {__LINE__, "http://127.0.0.1/\r\nX: y", NULL, NULL},
                {__LINE__, "http://127.0.0.1/", "A", "b\r\nX: y"},
                {__LINE__, "http://127.0.0.1/", "A\nB", "c"},
                {__LINE__, "http://127.0.0.1/", "A:", "c"},
                {__LINE__, "http://127.0.0.1/", "", "c"},
        };
        struct transport_call *call = NULL;
        struct bench b;

        bench_begin(&b, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_request *request = http_request_new(HTTP_GET);

                request->url = strdup(rows[i].url);
                if (rows[i].name)
                        http_headers_add_str(&request->headers, rows[i].name, rows[i].value);
                if (transport_send(b.transport, request, on_done, NULL, &call) != -EINVAL || call)
                        fail_msg("row at line %d", rows[i].line);
                http_request_free(request); /* stayed ours */
        }
        bench_end(&b);
}

/* ---- not sent ---- */

static void test_not_sent(void **state) {
        struct http_request *request;
        struct http_reply *reply;
        int fd, port;
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        struct mono begin;
        struct bench b;

        bench_begin(&b, 0);

        /* A port that is bound and not listened to refuses. */
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
        port = ntohs(address.sin_port);
        request = request_new(&b, HTTP_PUT, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "http://127.0.0.1:%d/x?sig=secret", port) > 0);
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_int_equal(reply->status, 0);
        assert_non_null(strstr(reply->detail, "onnect"));
        assert_null(strstr(reply->detail, "secret"));
        http_reply_free(reply);

        /* Who takes the connection and says nothing to the TLS greeting. */
        assert_int_equal(listen(fd, 1), 0);
        request = request_new(&b, HTTP_PUT, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "https://127.0.0.1:%d/", port) > 0);
        request->connect_timeout_ns = 100 * MSEC;
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_non_null(strstr(reply->detail, "no connection within 0.1 s"));
        http_reply_free(reply);

        /* The same when it is to be sent before. */
        request = request_new(&b, HTTP_PUT, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "https://127.0.0.1:%d/", port) > 0);
        request->send_within_ns = 100 * MSEC;
        begin = clock_mono(loop_clock(b.loop));
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_true(clock_mono(loop_clock(b.loop)).ns - begin.ns < NSEC_PER_SEC);
        assert_non_null(strstr(reply->detail, "not its turn within 0.1 s"));
        http_reply_free(reply);

        /* The same when the whole is over first. */
        request = request_new(&b, HTTP_PUT, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "https://127.0.0.1:%d/", port) > 0);
        request->total_timeout_ns = 50 * MSEC;
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        http_reply_free(reply);
        close(fd);

        /* Our server does not speak TLS. */
        request = request_new(&b, HTTP_PUT, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "https://127.0.0.1:%d/", server_port(b.server)) > 0);
        /* Long enough that a deadline of libcurl's comes between. */
        request->connect_timeout_ns = 300 * MSEC;
        begin = clock_mono(loop_clock(b.loop));
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_true(clock_mono(loop_clock(b.loop)).ns - begin.ns < NSEC_PER_SEC);
        assert_non_null(strstr(reply->detail, "no connection within 0.3 s"));
        http_reply_free(reply);

        /* Names in URLs are for people who leak passwords. */
        request = request_new(&b, HTTP_GET, "/ok");
        free(request->url);
        assert_true(asprintf(&request->url, "http://me:secret@127.0.0.1:%d/ok",
                             server_port(b.server)) > 0);
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_null(strstr(reply->detail, "secret"));
        http_reply_free(reply);
        assert_int_equal(server_requests(b.server), 0);
        bench_end(&b);
}

static void test_proxy(void **state) {
        struct http_request *request;
        struct http_reply *reply;
        char proxy[64];
        struct bench b;

        bench_begin(&b, 0);
        (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server_port(b.server));
        setenv("https_proxy", proxy, 1);
        reply = exchange(&b, request_to(&b, "https://management.invalid/ok"));
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_true(str_starts_with(server_request(b.server, 0),
                                    "CONNECT management.invalid:443 HTTP/1.1\r\n"));
        http_reply_free(reply);

        /* A proxy that is not there, with a password in its URL. */
        setenv("https_proxy", "bogus://me:secret@127.0.0.1:1/?q=secret", 1);
        reply = exchange(&b, request_to(&b, "https://management.invalid/ok"));
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_null(strstr(reply->detail, "secret"));
        assert_non_null(strstr(reply->detail, "proxy"));
        http_reply_free(reply);
        request = request_to(&b, "https://management.invalid/ok");
        request->direct = true;
        reply = exchange(&b, request);
        assert_int_equal(reply->outcome, TRANSPORT_NOT_SENT);
        assert_null(strstr(reply->detail, "proxy"));
        http_reply_free(reply);
        unsetenv("https_proxy");

        /* Plain http, which is to this machine alone, never meets one. */
        setenv("http_proxy", "http://127.0.0.1:1", 1);
        setenv("all_proxy", "http://127.0.0.1:1", 1);
        reply = get(&b, "/ok");
        assert_int_equal(reply->outcome, TRANSPORT_REPLY);
        http_reply_free(reply);
        unsetenv("http_proxy");
        unsetenv("all_proxy");
        bench_end(&b);
}

/* ---- connections ---- */

/* A kept connection that dies under the next request. */
static void test_dead_connection(void **state) {
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        reply = get(&b, "/once");
        assert_int_equal(reply->outcome, TRANSPORT_REPLY);
        http_reply_free(reply);
        reply = get(&b, "/once"); /* asked again by libcurl on a new one */
        assert_int_equal(reply->outcome, TRANSPORT_REPLY);
        http_reply_free(reply);
        assert_int_equal(server_requests(b.server), 3);
        assert_int_equal(server_connections(b.server), 2);

        reply = exchange(&b, request_new(&b, HTTP_PUT, "/once"));
        assert_int_equal(reply->outcome, TRANSPORT_LOST);
        assert_non_null(strstr(reply->detail, "kept connection"));
        http_reply_free(reply);
        assert_int_equal(server_requests(b.server), 4); /* once, whatever it did */
        bench_end(&b);
}

static void test_parallel(void **state) {
        struct result results[6];
        struct bench b;

        for (unsigned parallel = 1; parallel <= 3; parallel += 2) {
                memset(results, 0, sizeof(results));
                bench_begin(&b, parallel);
                for (size_t i = 0; i < ARRAY_SIZE(results); i++)
                        send_it(&b, request_new(&b, HTTP_GET, "/slow"), &results[i]);
                wait_all(&b);
                for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                        assert_int_equal(results[i].reply->outcome, TRANSPORT_REPLY);
                        http_reply_free(results[i].reply);
                }
                assert_int_equal(server_most_at_once(b.server), parallel);
                assert_true(server_connections(b.server) <= parallel);
                bench_end(&b);
        }
}

/* The clocks of a call that waits for its turn do not run. */
static void test_waiting_has_time(void **state) {
        struct result results[4] = {};
        struct bench b;

        bench_begin(&b, 1);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                struct http_request *request = request_new(&b, HTTP_GET, "/slow");

                request->connect_timeout_ns = request->total_timeout_ns = 70 * MSEC;
                send_it(&b, request, &results[i]);
        }
        wait_all(&b);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                assert_int_equal(results[i].reply->outcome, TRANSPORT_REPLY);
                http_reply_free(results[i].reply);
        }
        bench_end(&b);
}

/* One that is of no use later does not go out later: neither when its turn comes, nor when there is a connection. */
static void test_send_within(void **state) {
        static const int64_t within[] = {0, 1, 20 * MSEC, 5 * NSEC_PER_SEC};
        struct result first = {}, others[ARRAY_SIZE(within)] = {};
        struct bench b;

        bench_begin(&b, 1);
        send_it(&b, request_new(&b, HTTP_GET, "/slow"), &first);
        for (size_t i = 0; i < ARRAY_SIZE(within); i++) {
                struct http_request *request = request_new(&b, HTTP_DELETE, "/ok");

                request->send_within_ns = within[i];
                send_it(&b, request, &others[i]);
        }
        wait_all(&b);
        for (size_t i = 0; i < ARRAY_SIZE(within); i++) {
                bool late = i == 1 || i == 2;

                if (others[i].reply->outcome != (late ? TRANSPORT_NOT_SENT : TRANSPORT_REPLY))
                        fail_msg("%zu: %s", i, transport_outcome_name(others[i].reply->outcome));
                if (late && !strstr(others[i].reply->detail, "not its turn within 0.0 s"))
                        fail_msg("%zu: %s", i, others[i].reply->detail);
                http_reply_free(others[i].reply);
        }
        http_reply_free(first.reply);
        assert_int_equal(server_requests(b.server), 3);
        bench_end(&b);
}

/* ---- cancelling ---- */

static void test_cancel(void **state) {
        struct result first = {}, running = {}, waiting = {}, next = {};
        struct bench b;

        /* From a done callback: one that is under way, and a new one sent. */
        bench_begin(&b, 2);
        send_it(&b, request_new(&b, HTTP_GET, "/dumb"), &running);
        send_it(&b, request_new(&b, HTTP_GET, "/ok"), &first);
        send_it(&b, request_new(&b, HTTP_GET, "/ok"), &waiting);
        first.cancel = running.call;
        first.then = "/gzip";
        first.then_result = &next;
        wait_all(&b);
        assert_null(running.reply);
        if (!first.reply || !next.reply || !waiting.reply) {
                fail();
                return; /* for the analyzer */
        }
        assert_int_equal(first.reply->outcome, TRANSPORT_REPLY);
        assert_int_equal(next.reply->outcome, TRANSPORT_REPLY);
        assert_int_equal(waiting.reply->outcome, TRANSPORT_REPLY);
        http_reply_free(first.reply);
        http_reply_free(next.reply);
        http_reply_free(waiting.reply);
        bench_end(&b);

        /* One that waits, from outside; and none of those left when the transport goes. */
        first = running = waiting = next = (struct result){};
        bench_begin(&b, 1);
        send_it(&b, request_new(&b, HTTP_GET, "/slow"), &running);
        send_it(&b, request_new(&b, HTTP_GET, "/ok"), &waiting);
        send_it(&b, request_new(&b, HTTP_GET, "/ok"), &next);
        transport_cancel(b.transport, waiting.call);
        b.waiting--;
        wait_all(&b);
        assert_null(waiting.reply);
        http_reply_free(running.reply);
        http_reply_free(next.reply);
        running.reply = NULL;
        assert_int_equal(server_requests(b.server), 2);
        send_it(&b, request_new(&b, HTTP_GET, "/slow"), &running);
        send_it(&b, request_new(&b, HTTP_GET, "/ok"), &waiting);
        bench_end(&b);
        assert_null(running.reply);
        assert_null(waiting.reply);
}

/* Both are finished in one turn, and the first callback forgets the second. */
static void test_cancel_finished(void **state) {
        struct result first = {}, second = {};
        struct http_request *request;
        struct bench b;

        bench_begin(&b, 2);
        for (int i = 0; i < 2; i++) {
                request = request_new(&b, HTTP_GET, "/dumb");
                request->total_timeout_ns = 50 * MSEC;
                send_it(&b, request, i == 0 ? &first : &second);
        }
        first.cancel = second.call;
        second.cancel = first.call; /* whoever comes first */
        wait_all(&b);
        assert_true(!first.reply != !second.reply);
        http_reply_free(first.reply);
        http_reply_free(second.reply);
        bench_end(&b);
}

/* ---- sinks ---- */

struct sink {
        char bytes[64];
        size_t len, refuse_at;
};

static int sink_take(const char *bytes, size_t len, void *data) {
        struct sink *sink = data;

        if (sink->refuse_at > 0 && sink->len + len >= sink->refuse_at)
                return -EBADMSG;
        assert_true(sink->len + len < sizeof(sink->bytes));
        memcpy(sink->bytes + sink->len, bytes, len);
        sink->len += len;
        return 0;
}

static void test_sink(void **state) {
        static const struct {
                int line;
                const char *path;
                size_t refuse_at;
                enum transport_outcome outcome;
                const char *sunk, *body;
        } rows[] = {
                {__LINE__, "/chunked", 0, TRANSPORT_REPLY, "hello world", NULL},
                {__LINE__, "/gzip", 0, TRANSPORT_REPLY, "hello hello hello hello", NULL},
                {__LINE__, "/nowhere", 0, TRANSPORT_REPLY, "", "none\n"}, /* not a 200 */
                {__LINE__, "/chunked", 1, TRANSPORT_BODY_REFUSED, "", NULL},
                {__LINE__, "/drip", 3, TRANSPORT_BODY_REFUSED, "he", NULL},
        };
        struct http_request *request;
        struct http_reply *reply;
        struct bench b;

        bench_begin(&b, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct sink sink = {.refuse_at = rows[i].refuse_at};

                request = request_new(&b, HTTP_GET, rows[i].path);
                request->sink = sink_take;
                request->sink_data = &sink;
                reply = exchange(&b, request);
                if (reply->outcome != rows[i].outcome || strcmp(sink.bytes, rows[i].sunk) != 0 ||
                    !reply->body != !rows[i].body ||
                    (reply->body && strcmp(reply->body, rows[i].body) != 0))
                        fail_msg("row at line %d: %s, sunk %s", rows[i].line,
                                 transport_outcome_name(reply->outcome), sink.bytes);
                http_reply_free(reply);
        }
        bench_end(&b);
}

/* ---- the table ---- */

static size_t with_body(char *buffer, size_t size, const char *body, size_t len) {
        int n = snprintf(buffer, size,
                         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                         len);

        memcpy(buffer + n, body, len);
        return (size_t)n + len;
}

static void with_length(char *buffer, size_t size, const char *body, int len) {
        (void)snprintf(buffer, size, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%.*s", len, len,
                       body);
}

static void headers_fill(char *buffer, size_t size, int n, const char *value) {
        size_t len = (size_t)snprintf(buffer, size, "HTTP/1.1 200 OK\r\n");

        for (int i = 0; i < n; i++)
                len += (size_t)snprintf(buffer + len, size - len, "X-Header-%03d: %s %d\r\n", i,
                                        value, i);
        (void)snprintf(buffer + len, size - len, "Content-Length: 5\r\n\r\nhello");
}

static void scripts_fill(void) {
        static char value[1001], body_1000[2048], body_1001[2048], gzip_broken[512];
        static const struct server_script fixed[] = {
                {"/ok", OK},
                {"/empty", "HTTP/1.1 204 No Content\r\n\r\n"},
                {"/to-the-end", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
                 .after = SERVER_CLOSE},
                {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"},
                {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"},
                {"/continue", "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 200 OK\r\n"
                              "Retry-After:  17 \r\nContent-Length: 5\r\n\r\nhello"},
                {"/trailers",
                 "HTTP/1.1 200 OK\r\nX-First: yes\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n0\r\nX-Trailer: no\r\n\r\n"},
                {"/drip", OK, .drip_ms = 200},
                {"/slow", OK, .wait_ms = 40},
                {"/late", OK, .wait_ms = 300},
                {"/silent", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                 .after = SERVER_HANG},
                {"/dumb", "", .after = SERVER_HANG},
                {"/close", "", .after = SERVER_CLOSE},
                {"/reset", "", .after = SERVER_RESET},
                {"/reset-after", OK, .after = SERVER_RESET, .linger_ms = 20},
                {"/reset-at-once", OK, .after = SERVER_RESET},
                {"/cut", "HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\nhello",
                 .after = SERVER_CLOSE},
                {"/cut-head", "HTTP/1.1 2", .after = SERVER_CLOSE},
                {"/no-http", "hello\n", .after = SERVER_CLOSE},
                {"/once", OK, .only_first = true},
        };
        size_t n = ARRAY_SIZE(fixed);

        memcpy(scripts, fixed, sizeof(fixed));

        gzip_hello_len =
                with_body(gzip_hello, sizeof(gzip_hello), GZIP_HELLO, sizeof(GZIP_HELLO) - 1);
        gzip_zeros_len =
                with_body(gzip_zeros, sizeof(gzip_zeros), GZIP_ZEROS, sizeof(GZIP_ZEROS) - 1);
        scripts[n++] = (struct server_script){"/gzip", gzip_hello, gzip_hello_len};
        scripts[n++] = (struct server_script){"/gzip-zeros", gzip_zeros, gzip_zeros_len};
        memcpy(gzip_broken, gzip_hello, gzip_hello_len);
        gzip_broken[gzip_hello_len - 6] ^= 1; /* in the checksum */
        scripts[n++] = (struct server_script){"/gzip-broken", gzip_broken, gzip_hello_len};

        headers_fill(many, sizeof(many), 100, "value");
        headers_fill(flood, sizeof(flood), HTTP_HEADERS_MAX, "value");
        memset(value, 'v', sizeof(value) - 1);
        headers_fill(large_headers, sizeof(large_headers), 100, value);
        scripts[n++] = (struct server_script){"/many", many};
        scripts[n++] = (struct server_script){"/flood", flood};
        scripts[n++] = (struct server_script){"/large-headers", large_headers};
        memset(long_line, 'l', sizeof(long_line) - 1);
        memcpy(long_line, "HTTP/1.1 200 OK\r\nX: ", 20); /* NOLINT: amid the rest */
        scripts[n++] = (struct server_script){"/long-line", long_line};

        memset(large_body, 'b', 1001);
        with_length(body_1001, sizeof(body_1001), large_body, 1001);
        large_body[1000] = '\0';
        with_length(body_1000, sizeof(body_1000), large_body, 1000);
        scripts[n++] = (struct server_script){"/body-1000", body_1000};
        scripts[n++] = (struct server_script){"/body-1001", body_1001};
        assert(n < ARRAY_SIZE(scripts));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_headers),
                cmocka_unit_test(test_silence),
                cmocka_unit_test(test_reset_behind_reply),
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_large_upload),
                cmocka_unit_test(test_refused_requests),
                cmocka_unit_test(test_not_sent),
                cmocka_unit_test(test_proxy),
                cmocka_unit_test(test_dead_connection),
                cmocka_unit_test(test_parallel),
                cmocka_unit_test(test_send_within),
                cmocka_unit_test(test_waiting_has_time),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_finished),
                cmocka_unit_test(test_sink),
        };

        /* Whoever runs the tests may have a proxy. */
        unsetenv("http_proxy");
        unsetenv("https_proxy");
        unsetenv("HTTPS_PROXY");
        unsetenv("all_proxy");
        unsetenv("ALL_PROXY");
        unsetenv("no_proxy");
        unsetenv("NO_PROXY");
        scripts_fill();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
