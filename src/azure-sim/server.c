#include "azure-sim/server.h"

#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Headers of a request and of its reply; operation URLs of Azure's may have 3 KiB. */
#define CONNECTION_MEMORY 65536
/* A world that is posted may be large; what ARM takes, the model itself limits. */
#define BODY_MAX (64U << 20)
/* The journal is for simulations; here it would only grow. */
#define EFFECTS_KEPT 10000

struct utc server_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (struct utc){(int64_t)ts.tv_sec * TICKS_PER_SEC + ts.tv_nsec / NSEC_PER_TICK};
}

static int64_t timespec_ns(const struct timespec *ts) {
        return (int64_t)ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static struct timespec monotonic_after(int64_t ns) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        ns += timespec_ns(&ts);
        return (struct timespec){ns / NSEC_PER_SEC, ns % NSEC_PER_SEC};
}

/* Exchanges. */

static struct exchange *exchange_free(struct exchange *exchange) {
        if (!exchange)
                return NULL;

        if (exchange->server->hold.held == exchange)
                exchange->server->hold.held = NULL;
        if (exchange->previous)
                exchange->previous->next = exchange->next;
        else if (exchange->server->exchanges == exchange)
                exchange->server->exchanges = exchange->next;
        if (exchange->next)
                exchange->next->previous = exchange->previous;
        http_reply_free(exchange->reply);
        free(exchange->uri);
        free(exchange->body);
        free(exchange);
        return NULL;
}

/* libmicrohttpd calls this first, with the URI as it came: the handler only sees it decoded. */
static void *on_uri(void *data, const char *uri, struct MHD_Connection *connection) {
        struct server *server = data;
        struct exchange *exchange;

        exchange = calloc(1, sizeof(*exchange));
        if (!exchange)
                return NULL;

        exchange->server = server;
        exchange->connection = connection;
        exchange->uri = strdup(uri);
        if (!exchange->uri) {
                free(exchange);
                return NULL;
        }
        exchange->next = server->exchanges;
        if (exchange->next)
                exchange->next->previous = exchange;
        server->exchanges = exchange;
        return exchange;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code) {
        *exchange = exchange_free(*exchange);
}

static enum MHD_Result exchange_take_body(struct exchange *exchange, const char *bytes,
                                          size_t *len) {
        if (exchange->body_len + *len > BODY_MAX)
                exchange->too_large = true;
        if (exchange->too_large) {
                *len = 0;
                return MHD_YES;
        }
        if (exchange->body_len + *len + 1 > exchange->body_size) {
                size_t size = MAX((exchange->body_len + *len + 1) * 2, (size_t)1024);
                char *body = realloc(exchange->body, size);

                if (!body)
                        return MHD_NO;
                exchange->body = body;
                exchange->body_size = size;
        }
        memcpy(exchange->body + exchange->body_len, bytes, *len);
        exchange->body_len += *len;
        exchange->body[exchange->body_len] = '\0';
        *len = 0;
        return MHD_YES;
}

static enum MHD_Result exchange_send(struct exchange *exchange) {
        struct http_reply *reply = exchange->reply;
        struct MHD_Response *response;
        enum MHD_Result result;

        response = MHD_create_response_from_buffer(reply->body_len, reply->body ?: NULL,
                                                   MHD_RESPMEM_MUST_COPY);
        if (!response)
                return MHD_NO;

        for (size_t i = 0; i < reply->headers.n; i++)
                MHD_add_response_header(response, reply->headers.items[i].name,
                                        reply->headers.items[i].value);
        result = MHD_queue_response(exchange->connection, (unsigned)reply->status, response);
        MHD_destroy_response(response);
        return result;
}

/* Sends a page of the server's own. */
static enum MHD_Result exchange_refuse(struct exchange *exchange, int status, const char *code) {
        if (service_error_reply(exchange->server->service, server_now(), status, code, code, -1,
                                &exchange->reply) < 0)
                return MHD_NO;
        exchange->state = EXCHANGE_READY;
        return exchange_send(exchange);
}

static enum MHD_Result add_header(void *data, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
        struct http_headers *headers = data;

        return http_headers_add_str(headers, name, value ?: "") < 0 ? MHD_NO : MHD_YES;
}

static bool method_read(const char *name, enum http_method *ret_method) {
        static const enum http_method methods[] = {HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_PATCH,
                                                   HTTP_DELETE};

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                if (strcmp(http_method_name(methods[i]), name) == 0) {
                        *ret_method = methods[i];
                        return true;
                }
        return false;
}

/* The request's effect, if any, and its reply, with what strikes it. Returns 0, -ECONNRESET for a
 * connection that is to break, or another negative errno. */
static int exchange_meet(struct exchange *exchange, struct service_call *call) {
        struct server *server = exchange->server;
        struct fault fault = faults_strike(server->faults, call->method, call->url);
        int r;

        if (fault.effect == FAULT_LOST_BEFORE)
                return -ECONNRESET;
        if (fault.effect == FAULT_REPLY)
                return fault_reply(&fault, server->service, server_now(), &exchange->reply);

        call->fail_operation = fault.effect == FAULT_OPERATION;
        r = service_handle(server->service, server_now(), call, &exchange->reply);
        if (r < 0)
                return r;
        if (fault.effect == FAULT_LOST_AFTER)
                return -ECONNRESET;
        if (fault.effect == FAULT_ODD_BODY)
                return fault_spoil(&fault, exchange->reply);
        if (fault.effect == FAULT_REPLY_AFTER) {
                exchange->reply = http_reply_free(exchange->reply);
                return fault_reply(&fault, server->service, server_now(), &exchange->reply);
        }
        return 0;
}

static int exchange_apply(struct exchange *exchange, enum http_method method) {
        struct server *server = exchange->server;
        _cleanup_(http_headers_deinit) struct http_headers headers = {};
        _cleanup_(strbuf_deinit) struct strbuf url = {};
        struct service_call call;
        const char *host;
        int r;

        if (MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_header, &headers) <
            0)
                return -ENOMEM;
        host = http_headers_get(&headers, "Host") ?: "localhost";
        strbuf_appendf(&url, "%s://%s%s", exchange->tls ? "https" : "http", host, exchange->uri);
        if (url.error)
                return url.error;

        call = (struct service_call){
                .method = method,
                .url = strbuf_str(&url),
                .headers = &headers,
                .body = exchange->body,
                .body_len = exchange->body_len,
        };
        r = exchange_meet(exchange, &call);
        if (service_effects(server->service) > EFFECTS_KEPT)
                service_forget(server->service, server_now());
        return r < 0 ? r : record_exchange(server->record, &call, exchange->reply);
}

/* Whether the hold takes this request now. */
static bool hold_takes(struct exchange *exchange, enum hold_when when) {
        struct hold *hold = &exchange->server->hold;

        if (exchange->released || hold->when != when || hold->left != 1)
                return false;
        hold->when = HOLD_NONE;
        hold->held = exchange;
        exchange->state = when == HOLD_BEFORE ? EXCHANGE_HELD_BEFORE : EXCHANGE_HELD_AFTER;
        MHD_suspend_connection(exchange->connection);
        return true;
}

static enum MHD_Result exchange_go(struct exchange *exchange, const char *method_name) {
        struct server *server = exchange->server;
        enum http_method method;

        if (!method_read(method_name, &method))
                return exchange_refuse(exchange, 405, "HttpMethodNotAllowed");

        if (hold_takes(exchange, HOLD_BEFORE))
                return MHD_YES;
        if (exchange_apply(exchange, method) < 0)
                return MHD_NO;
        if (hold_takes(exchange, HOLD_AFTER))
                return MHD_YES;
        if (!exchange->released && server->hold.when != HOLD_NONE)
                server->hold.left--;

        if (server->options->latency_ns > 0) {
                exchange->state = EXCHANGE_WAITING;
                exchange->due = monotonic_after(server->options->latency_ns);
                MHD_suspend_connection(exchange->connection);
                return MHD_YES;
        }
        exchange->state = EXCHANGE_READY;
        return exchange_send(exchange);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **exchange_pointer) {
        struct exchange *exchange = *exchange_pointer;

        if (!exchange)
                return MHD_NO;
        if (!exchange->connection_known) {
                const union MHD_ConnectionInfo *info;

                exchange->connection_known = true;
                info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
                exchange->tls = info && info->daemon == exchange->server->daemons[1];
                return MHD_YES;
        }
        if (*len > 0)
                return exchange_take_body(exchange, bytes, len);
        if (exchange->too_large)
                return exchange_refuse(exchange, 413, "RequestContentTooLarge");

        switch (exchange->state) {
        case EXCHANGE_READING:
                if (str_starts_with(exchange->uri, "/sim/")) {
                        if (control_handle(exchange->server, method, path, exchange->body ?: "",
                                           exchange->body_len, &exchange->reply) < 0)
                                return MHD_NO;
                        exchange->state = EXCHANGE_READY;
                        return exchange_send(exchange);
                }
                return exchange_go(exchange, method);
        case EXCHANGE_HELD_BEFORE: /* and released */
                return exchange_go(exchange, method);
        case EXCHANGE_HELD_AFTER:
        case EXCHANGE_WAITING:
        case EXCHANGE_READY:
                exchange->state = EXCHANGE_READY;
                return exchange_send(exchange);
        case EXCHANGE_GONE:
                break;
        }
        return MHD_NO;
}

/* The server. */

static int read_file(const char *path, char **ret_text) {
        _cleanup_(strbuf_deinit) struct strbuf text = {.max = BODY_MAX};
        char buffer[4096];
        FILE *file;
        size_t n;
        bool failed;

        file = fopen(path, "re");
        if (!file) {
                fprintf(stderr, "azure-sim: %s: %s\n", path, strerror(errno));
                return -errno;
        }
        while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
                strbuf_append(&text, buffer, n);
        failed = ferror(file) != 0;
        (void)fclose(file); /* only read */
        if (failed)
                return -EIO;
        return strbuf_take(&text, ret_text);
}

/* Whole or not at all: whoever waits for the file must not read half of it. */
static int write_port_file(const char *path, unsigned port) {
        _cleanup_(strbuf_deinit) struct strbuf temporary = {};
        FILE *file;
        int r = 0;

        strbuf_appendf(&temporary, "%s.new", path);
        if (temporary.error)
                return temporary.error;
        file = fopen(strbuf_str(&temporary), "we");
        if (!file)
                return -errno;
        if (fprintf(file, "%u\n", port) < 0)
                r = -EIO;
        if (fclose(file) != 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(strbuf_str(&temporary), path) < 0)
                r = -errno;
        return r;
}

static int listener_start(struct server *server, int index,
                          const struct listener_options *listener) {
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
        struct MHD_OptionItem tls[] = {
                {MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls_cert},
                {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls_key},
                {MHD_OPTION_END, 0, NULL},
        };
        struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
        const union MHD_DaemonInfo *info;
        struct MHD_Daemon *daemon;
        int r = 0;

        if (index == 1)
                flags |= MHD_USE_TLS;
        if (listener->address.any.sa_family == AF_INET6)
                flags |= MHD_USE_IPv6;
        daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
                                  &listener->address.any, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
                                  server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                                  MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY,
                                  index == 1 ? tls : none, MHD_OPTION_END);
        if (!daemon) {
                fprintf(stderr, "azure-sim: cannot listen on %s\n", listener->text);
                return -EADDRNOTAVAIL;
        }
        server->daemons[index] = daemon;

        info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
        if (!info)
                return -EIO;
        printf("azure-sim: listening on port %u (%s)\n", (unsigned)info->port,
               index == 1 ? "https" : "http");
        (void)fflush(stdout); /* for people; the port file is what counts */
        if (listener->port_file)
                r = write_port_file(listener->port_file, info->port);
        if (r < 0)
                fprintf(stderr, "azure-sim: %s: %s\n", listener->port_file, strerror(-r));
        return r;
}

int server_start(struct server *server) {
        const struct options *options = server->options;
        int r;

        if (options->record) {
                r = record_open(options->record, &server->record);
                if (r < 0) {
                        fprintf(stderr, "azure-sim: %s: %s\n", options->record, strerror(-r));
                        return r;
                }
        }
        if (options->https.text) {
                r = read_file(options->tls_cert, &server->tls_cert);
                if (r < 0)
                        return r;
                r = read_file(options->tls_key, &server->tls_key);
                if (r < 0)
                        return r;
                r = listener_start(server, 1, &options->https);
                if (r < 0)
                        return r;
        }
        if (!options->http.text)
                return 0;
        return listener_start(server, 0, &options->http);
}

static bool is_suspended(const struct exchange *exchange) {
        return exchange->state == EXCHANGE_WAITING || exchange->server->hold.held == exchange;
}

void server_stop(struct server *server) {
        /* libmicrohttpd insists that nothing is suspended when it stops. */
        for (struct exchange *e = server->exchanges; e; e = e->next) {
                if (!is_suspended(e))
                        continue;
                e->state = EXCHANGE_GONE;
                MHD_resume_connection(e->connection);
        }
        server->hold.held = NULL;
        for (int i = 0; i < 2; i++) {
                if (!server->daemons[i])
                        continue;
                MHD_run(server->daemons[i]);
                MHD_stop_daemon(server->daemons[i]);
                server->daemons[i] = NULL;
        }
        free(server->tls_cert);
        str_wipe_free(server->tls_key);
        server->tls_cert = server->tls_key = NULL;
        server->record = record_free(server->record);
}

static int64_t due_in_ms(const struct server *server) {
        struct timespec now = monotonic_after(0);
        int64_t least = -1;

        for (const struct exchange *e = server->exchanges; e; e = e->next) {
                int64_t ns;

                if (e->state != EXCHANGE_WAITING)
                        continue;
                ns = MAX(timespec_ns(&e->due) - timespec_ns(&now), 0);
                ns = (ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
                least = least < 0 ? ns : MIN(least, ns);
        }
        return least;
}

size_t server_poll_fds(struct server *server, struct pollfd fds[static SERVER_POLL_FDS],
                       int *ret_timeout_ms) {
        int64_t timeout = due_in_ms(server);
        const union MHD_ConnectionInfo *held;
        size_t n = 0;

        for (int i = 0; i < 2; i++) {
                const union MHD_DaemonInfo *info;
                MHD_UNSIGNED_LONG_LONG ms;

                if (!server->daemons[i])
                        continue;
                info = MHD_get_daemon_info(server->daemons[i], MHD_DAEMON_INFO_EPOLL_FD);
                if (info)
                        fds[n++] = (struct pollfd){.fd = info->epoll_fd, .events = POLLIN};
                if (MHD_get_timeout(server->daemons[i], &ms) == MHD_YES)
                        timeout = timeout < 0 ? (int64_t)ms : MIN(timeout, (int64_t)ms);
        }
        /* libmicrohttpd does not watch a suspended connection. */
        if (server->hold.held) {
                held = MHD_get_connection_info(server->hold.held->connection,
                                               MHD_CONNECTION_INFO_CONNECTION_FD);
                if (held)
                        fds[n++] = (struct pollfd){.fd = held->connect_fd, .events = POLLRDHUP};
        }
        *ret_timeout_ms = (int)MIN(timeout, 60000);
        return n;
}

static void server_resume_due(struct server *server) {
        struct timespec now = monotonic_after(0);

        for (struct exchange *e = server->exchanges; e; e = e->next) {
                if (e->state != EXCHANGE_WAITING || timespec_ns(&e->due) > timespec_ns(&now))
                        continue;
                e->state = EXCHANGE_READY;
                MHD_resume_connection(e->connection);
        }
}

void server_run(struct server *server, const struct pollfd *fds, size_t n) {
        struct exchange *held = server->hold.held;
        size_t n_daemons = (server->daemons[0] != NULL) + (server->daemons[1] != NULL);

        if (held && n > n_daemons && fds[n_daemons].revents != 0) {
                held->state = EXCHANGE_GONE;
                server->hold.held = NULL;
                MHD_resume_connection(held->connection);
        }
        server_resume_due(server);
        for (int i = 0; i < 2; i++)
                if (server->daemons[i])
                        MHD_run(server->daemons[i]);
}

void server_release(struct server *server) {
        struct exchange *held = server->hold.held;

        server->hold = (struct hold){};
        if (!held)
                return;
        held->released = true;
        MHD_resume_connection(held->connection);
}
