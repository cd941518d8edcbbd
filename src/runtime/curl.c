#include "runtime/curl.h"

#include "base/str.h"
#include "runtime/curl_call.h"
#include "runtime/curl_memory.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

/* A descriptor of libcurl's and what it wants to hear of it. */
struct curl_socket {
        struct curl_transport *transport;
        curl_socket_t fd;
        struct loop_watch *watch;
        unsigned events; /* LOOP_, as libcurl last asked for */
        TAILQ_ENTRY(curl_socket) in_transport;
};

/* Scheme, host and port of a URL: who shares a bound of requests under way. */
struct curl_host {
        char *origin;
        unsigned running;
        struct call_queue waiting;
        TAILQ_ENTRY(curl_host) in_transport;
};

TAILQ_HEAD(socket_list, curl_socket);
TAILQ_HEAD(host_list, curl_host);

struct curl_transport {
        struct transport transport;
        struct loop *loop;
        CURLM *multi;
        char *ca; /* or NULL */
        unsigned parallel;
        struct host_list hosts; /* with a call running or waiting; a handful */
        struct call_queue running, finished;
        struct socket_list sockets;
        struct curl_socket *served;     /* whose event is being handled; NULL once it is gone */
        struct reactor_source *wake;    /* deadlines, libcurl's and the calls' */
        struct reactor_source *deliver; /* hands the finished out */
        struct mono now;                /* read at the edge of the turn */
        struct mono
                quiet; /* when a call that was sent last had no answer for too long; 0 ns: none had */
        struct mono curl_deadline;
        struct mono armed; /* of @wake: never after the next deadline, perhaps before it */
        bool in_curl;      /* libcurl may be calling back: nothing may be asked of it */
        bool delivering;
};

static struct curl_transport *curl_transport_from(struct transport *transport) {
        return container_of(transport, struct curl_transport, transport);
}

static void read_clock(struct curl_transport *t) {
        t->now = clock_mono(loop_clock(t->loop));
}

struct mono curl_transport_now(const struct curl_transport *t) {
        return t->now;
}

/* Deadlines mostly move away, byte by byte, and only an earlier one is worth a system call; the
 * wake-up that comes too early arms the right one. */
static void wake_at(struct curl_transport *t, struct mono deadline) {
        if (deadline.ns >= t->armed.ns)
                return;
        if (reactor_arm_mono(loop_reactor(t->loop), t->wake, deadline) == 0)
                t->armed = deadline;
        else /* a busy loop is better than one that sleeps over a deadline */
                reactor_schedule(loop_reactor(t->loop), t->wake);
}

void curl_transport_expect(struct curl_transport *t, struct mono deadline) {
        wake_at(t, deadline);
}

/* ---- hosts: who may go, who waits ---- */

static size_t origin_len(const char *url) {
        const char *authority = strstr(url, "://") + 3; /* call_new() has seen to it */

        return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static int host_get(struct curl_transport *t, const char *url, struct curl_host **ret_host) {
        char *origin = strndup(url, origin_len(url));
        struct curl_host *host;

        if (!origin)
                return -ENOMEM;
        str_lower(origin);

        TAILQ_FOREACH(host, &t->hosts, in_transport)
        if (strcmp(host->origin, origin) == 0) {
                free(origin);
                *ret_host = host;
                return 0;
        }

        host = calloc(1, sizeof(*host));
        if (!host) {
                free(origin);
                return -ENOMEM;
        }
        host->origin = origin;
        TAILQ_INIT(&host->waiting);
        TAILQ_INSERT_TAIL(&t->hosts, host, in_transport);
        *ret_host = host;
        return 0;
}

static void host_drop_unused(struct curl_transport *t, struct curl_host *host) {
        if (host->running > 0 || !TAILQ_EMPTY(&host->waiting))
                return;
        TAILQ_REMOVE(&t->hosts, host, in_transport);
        free(host->origin);
        free(host);
}

/* Whether a call is running that may be on a connection that has gone quiet. */
static bool some_may_be_quiet(const struct curl_transport *t) {
        const struct transport_call *call;

        TAILQ_FOREACH(call, &t->running, in_queue)
        if (call->begun.ns <= t->quiet.ns)
                return true;
        return false;
}

/* WAITING, or new, to RUNNING. The call is in no queue before, and in none after a failure. */
static int call_start(struct curl_transport *t, struct transport_call *call) {
        const struct call_options options = {.ca = t->ca, .fresh = some_may_be_quiet(t)};
        int r;

        r = call_prepare(call, &options);
        if (r < 0)
                return r;
        if (curl_multi_add_handle(t->multi, call->easy) != CURLM_OK) {
                call_release(call);
                return -ENOMEM;
        }

        call->state = CALL_RUNNING;
        call->begun = call->active = t->now;
        call->host->running++;
        TAILQ_INSERT_TAIL(&t->running, call, in_queue);
        wake_at(t, call_deadline(call));
        return 0;
}

/* The call is in no queue and not with libcurl. */
static void call_finish(struct curl_transport *t, struct transport_call *call, CURLcode code) {
        call->state = CALL_FINISHED;
        call->host = NULL;
        call_conclude(call, code);
        TAILQ_INSERT_TAIL(&t->finished, call, in_queue);
        reactor_schedule(loop_reactor(t->loop), t->deliver);
}

static void host_start_waiting(struct curl_transport *t, struct curl_host *host) {
        struct transport_call *call;

        while (host->running < t->parallel && (call = TAILQ_FIRST(&host->waiting))) {
                TAILQ_REMOVE(&host->waiting, call, in_queue);
                if (call_start(t, call) < 0) {
                        call->failure = CALL_FAILURE_MEMORY;
                        call_finish(t, call, CURLE_OUT_OF_MEMORY);
                }
        }
        host_drop_unused(t, host);
}

/* Takes a RUNNING call out of libcurl and out of its queue. */
static void call_withdraw(struct curl_transport *t, struct transport_call *call) {
        t->in_curl = true;
        curl_multi_remove_handle(t->multi, call->easy);
        call_release(call);
        t->in_curl = false;
        TAILQ_REMOVE(&t->running, call, in_queue);
        call->host->running--;
}

static void call_end(struct curl_transport *t, struct transport_call *call, CURLcode code) {
        struct curl_host *host = call->host;

        call_withdraw(t, call);
        call_finish(t, call, code);
        host_start_waiting(t, host);
}

/* ---- libcurl's turns ---- */

static void collect(struct curl_transport *t) {
        struct transport_call *call;
        CURLMsg *message;
        CURLcode code;
        int left;

        while ((message = curl_multi_info_read(t->multi, &left))) {
                if (message->msg != CURLMSG_DONE)
                        continue;
                code = message->data.result; /* the message goes with the handle */
                call = NULL;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
                call_end(t, call, code);
        }
}

static void act(struct curl_transport *t, curl_socket_t fd, int events) {
        int running;

        read_clock(t);
        t->in_curl = true;
        /* Its failures say that some callback failed, which ours do not. */
        (void)curl_multi_socket_action(t->multi, fd, events, &running);
        t->in_curl = false;
        collect(t);
}

static void socket_on_event(unsigned events, void *data) {
        struct curl_socket *socket = data;
        struct curl_transport *t = socket->transport;
        int what = 0;

        if (events & LOOP_READABLE)
                what |= CURL_CSELECT_IN;
        if (events & LOOP_WRITABLE)
                what |= CURL_CSELECT_OUT;
        /* With an error alone libcurl gives up unseen what the other side sent before it reset the
         * connection, a whole reply perhaps; asked to read as well, it comes upon the error itself.
         * */
        if (events & LOOP_FAILED)
                what |= CURL_CSELECT_ERR | (socket->events & LOOP_READABLE ? CURL_CSELECT_IN : 0) |
                        (socket->events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0);

        t->served = socket;
        act(t, socket->fd, what);
        /* libuv stops watching at an error. libcurl does not know that, and keeps quiet about a
         * socket whose wishes did not change. */
        if (t->served && events & LOOP_FAILED)
                (void)loop_watch_set(socket->watch, socket->events);
        t->served = NULL;
}

static void socket_free(struct curl_transport *t, struct curl_socket *socket) {
        if (t->served == socket)
                t->served = NULL;
        TAILQ_REMOVE(&t->sockets, socket, in_transport);
        loop_watch_free(socket->watch);
        free(socket);
}

static struct curl_socket *socket_new(struct curl_transport *t, curl_socket_t fd) {
        struct curl_socket *socket = calloc(1, sizeof(*socket));

        if (!socket)
                return NULL;
        socket->transport = t;
        socket->fd = fd;
        if (loop_watch_new(t->loop, fd, socket_on_event, socket, &socket->watch) < 0) {
                free(socket);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&t->sockets, socket, in_transport);
        return socket;
}

/* What libcurl wants to hear of @fd. Always 0: at anything else libcurl gives the whole multi
 * handle up for good. A socket that cannot be watched makes its own call time out instead. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data) {
        struct curl_transport *t = data;
        struct curl_socket *socket = socket_data;

        if (what == CURL_POLL_REMOVE) {
                if (socket)
                        socket_free(t, socket);
                return 0;
        }

        if (!socket) {
                socket = socket_new(t, fd);
                if (!socket)
                        return 0;
                if (curl_multi_assign(t->multi, fd, socket) != CURLM_OK) {
                        socket_free(t, socket);
                        return 0;
                }
        }
        socket->events = 0;
        if (what & CURL_POLL_IN)
                socket->events |= LOOP_READABLE;
        if (what & CURL_POLL_OUT)
                socket->events |= LOOP_WRITABLE;
        (void)loop_watch_set(socket->watch, socket->events);
        return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *data) {
        struct curl_transport *t = data;

        if (timeout_ms < 0) {
                t->curl_deadline = MONO_NEVER;
                return 0;
        }
        read_clock(t);
        t->curl_deadline = mono_add_ns(t->now, timeout_ms * NSEC_PER_MSEC);
        if (timeout_ms == 0)
                reactor_schedule(loop_reactor(t->loop), t->wake);
        else
                wake_at(t, t->curl_deadline);
        return 0;
}

/*
 * A call that was sent had no answer. Its connection may lead nowhere any more, as one does whose state a gateway
 * has lost, or behind which a server hangs. One of HTTP/2 would be kept and used, for as long as the kernel
 * does not find out: it is closed behind the last of its calls, and none is added to it meanwhile.
 */
static void call_is_quiet(struct curl_transport *t, struct transport_call *call) {
        t->quiet = t->now;
        /* Cannot fail: a flag. */
        (void)curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
}

static void end_overdue(struct curl_transport *t) {
        struct transport_call *call, *next;
        enum call_failure failure;

        for (call = TAILQ_FIRST(&t->running); call; call = next) {
                next = TAILQ_NEXT(call, in_queue); /* ending one only appends others */
                failure = call_overdue(call, t->now);
                if (failure == CALL_FAILURE_NONE)
                        continue;
                call->failure = failure;
                if (call->sent)
                        call_is_quiet(t, call);
                call_end(t, call, CURLE_OPERATION_TIMEDOUT);
        }
}

static void on_wake(enum reactor_reason reason, void *data) {
        struct curl_transport *t = data;
        struct transport_call *call;
        bool unarmed;

        if (reason == REACTOR_ELAPSED)
                t->armed = MONO_NEVER;
        unarmed = t->armed.ns == MONO_NEVER.ns; /* before libcurl arms what it alone wants */

        read_clock(t);
        end_overdue(t); /* first, so that it is we who say which time is up */
        if (t->curl_deadline.ns <= t->now.ns) {
                t->curl_deadline = MONO_NEVER;
                act(t, CURL_SOCKET_TIMEOUT, 0);
        }

        if (!unarmed)
                return;
        wake_at(t, t->curl_deadline);
        TAILQ_FOREACH(call, &t->running, in_queue)
        wake_at(t, call_deadline(call));
}

/* ---- the transport ---- */

static void on_deliver(enum reactor_reason reason, void *data) {
        struct curl_transport *t = data;
        struct transport_call *call;

        t->delivering = true;
        while ((call = TAILQ_FIRST(&t->finished))) {
                TAILQ_REMOVE(&t->finished, call, in_queue);
                call->state = CALL_DELIVERING;
                call->done(call, take_ptr(call->reply), call->data);
                call_free(call);
        }
        t->delivering = false;
}

static int curl_send(struct transport *transport, struct http_request *request,
                     transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct curl_transport *t = curl_transport_from(transport);
        struct transport_call *call;
        int r;

        assert(!t->in_curl);
        r = call_new(request, done, data, &call);
        if (r < 0)
                return r;

        read_clock(t);
        call->transport = t;
        call->given = t->now;
        r = host_get(t, request->url, &call->host);
        if (r == 0) {
                if (call->host->running < t->parallel)
                        r = call_start(t, call);
                else
                        TAILQ_INSERT_TAIL(&call->host->waiting, call, in_queue);
                if (r < 0)
                        host_drop_unused(t, call->host);
        }
        if (r < 0) {
                call->request = NULL; /* stays the caller's */
                call_free(call);
                return r;
        }

        *ret_call = call;
        return 0;
}

static void curl_cancel(struct transport *transport, struct transport_call *call) {
        struct curl_transport *t = curl_transport_from(transport);
        struct curl_host *host = call->host;

        assert(!t->in_curl);
        switch (call->state) {
        case CALL_DELIVERING:
                return; /* is being freed by on_deliver() */
        case CALL_FINISHED:
                TAILQ_REMOVE(&t->finished, call, in_queue);
                break;
        case CALL_WAITING:
                TAILQ_REMOVE(&host->waiting, call, in_queue);
                host_drop_unused(t, host);
                break;
        case CALL_RUNNING:
                read_clock(t);
                call_withdraw(t, call);
                host_start_waiting(t, host);
                break;
        }
        call_free(call);
}

static const struct transport_ops curl_transport_ops = {
        .send = curl_send,
        .cancel = curl_cancel,
};

/* Once in a process and never undone: what it makes is libcurl's and OpenSSL's for good. */
static int global_init(void) {
        static bool done;
        const curl_version_info_data *info;
        int r;

        if (done)
                return 0;
        r = curl_memory_init();
        if (r < 0)
                return r;
        info = curl_version_info(CURLVERSION_NOW);
        if (!(info->features & CURL_VERSION_SSL) || !(info->features & CURL_VERSION_ASYNCHDNS))
                return -ENOSYS;
        (void)signal(SIGPIPE, SIG_IGN); /* fails for numbers that are no signal */
        done = true;
        return 0;
}

static int multi_init(struct curl_transport *t) {
        CURLMcode code;

        t->multi = curl_multi_init();
        if (!t->multi)
                return -ENOMEM;
        code = curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        if (code == CURLM_OK)
                code = curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
        if (code == CURLM_OK)
                code = curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
        if (code == CURLM_OK)
                code = curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
        /* By itself libcurl keeps four connections per request under way, so that at the end of a
         * burst it closes what the next one wants. Those of some other hosts come on top. */
        if (code == CURLM_OK)
                code = curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)t->parallel + 16);
        if (code == CURLM_OK)
                code = curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
        return code == CURLM_OK ? 0 : -ENOMEM;
}

int curl_transport_new(struct loop *loop, const struct curl_options *options,
                       struct transport **ret_transport) {
        static const struct curl_options defaults;
        struct curl_transport *t;
        int r;

        options = options ?: &defaults;
        r = global_init();
        if (r < 0)
                return r;
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;

        t->transport.ops = &curl_transport_ops;
        t->loop = loop;
        t->parallel = MIN(options->parallel ?: CURL_PARALLEL_DEFAULT, CURL_PARALLEL_MAX);
        t->curl_deadline = t->armed = MONO_NEVER;
        TAILQ_INIT(&t->hosts);
        TAILQ_INIT(&t->running);
        TAILQ_INIT(&t->finished);
        TAILQ_INIT(&t->sockets);

        if (options->ca) {
                t->ca = strdup(options->ca);
                r = t->ca ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = reactor_source_new(loop_reactor(loop), on_wake, t, &t->wake);
        if (r == 0)
                r = reactor_source_new(loop_reactor(loop), on_deliver, t, &t->deliver);
        if (r == 0)
                r = multi_init(t);
        if (r < 0) {
                curl_transport_free(&t->transport);
                return r;
        }

        *ret_transport = &t->transport;
        return 0;
}

struct transport *curl_transport_free(struct transport *transport) {
        struct curl_transport *t;
        struct transport_call *call;
        struct curl_socket *socket;
        struct curl_host *host;

        if (!transport)
                return NULL;
        t = curl_transport_from(transport);
        assert(!t->in_curl && !t->delivering);

        /* The waiting first, so that none of them takes the place of one that runs. */
        TAILQ_FOREACH(host, &t->hosts, in_transport)
        while ((call = TAILQ_FIRST(&host->waiting))) {
                TAILQ_REMOVE(&host->waiting, call, in_queue);
                call_free(call);
        }
        while ((call = TAILQ_FIRST(&t->running)))
                curl_cancel(transport, call);
        while ((call = TAILQ_FIRST(&t->finished)))
                curl_cancel(transport, call);

        t->in_curl = true;
        curl_multi_cleanup(t->multi); /* copes with NULL; may still call on_socket() */
        t->in_curl = false;

        while ((socket = TAILQ_FIRST(&t->sockets)))
                socket_free(t, socket);
        reactor_source_free(loop_reactor(t->loop), t->wake);
        reactor_source_free(loop_reactor(t->loop), t->deliver);
        free(t->ca);
        free(t);
        return NULL;
}
