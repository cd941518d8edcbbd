/*
 * http-server: a server on loopback for tests of the transport, as rude as it is told to be.
 *
 * A table says what to do for a path: bytes to send, whole or drop by drop, and how to end. It runs
 * in threads of its own and notes what it was asked.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum server_after {
        SERVER_KEEP,  /* waits for the next request */
        SERVER_CLOSE, /* a clean end */
        SERVER_RESET, /* RST */
        SERVER_HANG,  /* keeps quiet until the client goes */
};

struct server_script {
        const char *path;
        const char *reply;
        size_t len;       /* 0: up to the NUL */
        unsigned drip_ms; /* after each byte of the body; 0: all at once */
        enum server_after after;
        bool only_first;    /* applies to the first request of a connection; later ones are met by a
                            clean end without a reply */
        unsigned wait_ms;   /* before the reply */
        unsigned linger_ms; /* after it */
};

#define CONNECTIONS_MAX 128
#define REQUESTS_MAX 512
#define REQUEST_MAX (2 << 20)

struct connection {
        struct server *server;
        pthread_t thread;
        int fd;
};

struct server {
        const struct server_script *scripts;
        int fd, port;
        pthread_t thread;
        pthread_mutex_t lock; /* guards what follows */
        struct connection connections[CONNECTIONS_MAX];
        size_t n_connections;
        char *requests[REQUESTS_MAX];
        size_t n_requests, at_once, most_at_once;
        bool stopping;
};

static void sleep_ms(unsigned ms) {
        struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

        nanosleep(&ts, NULL);
}

/* A whole request, by Content-Length. Returns whether one came. */
static bool request_read(int fd, char *buffer) {
        size_t len = 0, want = 0;
        char *end, *length;
        ssize_t n;

        for (;;) {
                n = recv(fd, buffer + len, REQUEST_MAX - 1 - len, 0);
                if (n <= 0)
                        return false;
                len += (size_t)n;
                buffer[len] = '\0';
                if (want == 0) {
                        end = strstr(buffer, "\r\n\r\n");
                        if (!end)
                                continue;
                        length = strcasestr(buffer, "\r\nContent-Length:");
                        want = (size_t)(end + 4 - buffer) +
                               (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
                }
                if (len >= want)
                        return true;
        }
}

static const struct server_script *script_find(const struct server *server, const char *request) {
        const char *path = strchr(request, ' ');
        size_t len;

        assert(path);
        path++;
        if (strncmp(path, "http://", 7) == 0) /* we are the proxy */
                path = strchr(path + 7, '/');
        len = strcspn(path, " ?");
        for (const struct server_script *s = server->scripts; s->path; s++)
                if (strlen(s->path) == len && memcmp(s->path, path, len) == 0)
                        return s;
        return NULL;
}

static void reply_send(int fd, const struct server_script *script) {
        size_t len = script->len ? script->len : strlen(script->reply), head = len;
        const char *body = memmem(script->reply, len, "\r\n\r\n", 4);

        if (script->drip_ms > 0 && body)
                head = (size_t)(body + 4 - script->reply);
        (void)!send(fd, script->reply, head, MSG_NOSIGNAL);
        for (; head < len; head++) {
                sleep_ms(script->drip_ms);
                if (send(fd, script->reply + head, 1, MSG_NOSIGNAL) < 0)
                        return;
        }
}

static void note(struct server *server, const char *request) {
        pthread_mutex_lock(&server->lock);
        assert(server->n_requests < REQUESTS_MAX);
        server->requests[server->n_requests++] = strdup(request);
        if (++server->at_once > server->most_at_once)
                server->most_at_once = server->at_once;
        pthread_mutex_unlock(&server->lock);
}

static void note_end(struct server *server) {
        pthread_mutex_lock(&server->lock);
        server->at_once--;
        pthread_mutex_unlock(&server->lock);
}

static void *connection_serve(void *data) {
        static const struct server_script missing = {
                .reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n"};
        struct connection *c = data;
        const struct linger linger = {.l_onoff = 1};
        const struct server_script *script;
        char *buffer = malloc(REQUEST_MAX);

        for (size_t n = 0; buffer && request_read(c->fd, buffer); n++) {
                note(c->server, buffer);
                script = script_find(c->server, buffer);
                script = script ? script : &missing;
                if (script->only_first && n > 0) {
                        note_end(c->server);
                        break;
                }
                if (script->wait_ms > 0)
                        sleep_ms(script->wait_ms);
                note_end(c->server);
                reply_send(c->fd, script);
                if (script->after == SERVER_HANG)
                        (void)!recv(c->fd, buffer, 1, 0);
                if (script->linger_ms > 0)
                        sleep_ms(script->linger_ms);
                if (script->after == SERVER_RESET)
                        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
                if (script->after != SERVER_KEEP)
                        break;
        }
        free(buffer);

        pthread_mutex_lock(&c->server->lock);
        close(c->fd);
        c->fd = -1;
        pthread_mutex_unlock(&c->server->lock);
        return NULL;
}

static void *server_accept(void *data) {
        struct server *server = data;
        struct connection *c;
        int fd;

        while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                pthread_mutex_lock(&server->lock);
                assert(server->n_connections < CONNECTIONS_MAX);
                c = &server->connections[server->n_connections++];
                *c = (struct connection){.server = server, .fd = fd};
                if (server->stopping)
                        shutdown(fd, SHUT_RDWR);
                assert(pthread_create(&c->thread, NULL, connection_serve, c) == 0);
                pthread_mutex_unlock(&server->lock);
        }
        return NULL;
}

/* @scripts ends with an entry without a path; borrowed. */
static struct server *server_start(const struct server_script *scripts) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct server *server = calloc(1, sizeof(*server));
        socklen_t len = sizeof(address);

        assert(server);
        server->scripts = scripts;
        pthread_mutex_init(&server->lock, NULL);
        server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(server->fd >= 0);
        assert(bind(server->fd, (struct sockaddr *)&address, len) == 0);
        assert(listen(server->fd, 64) == 0);
        assert(getsockname(server->fd, (struct sockaddr *)&address, &len) == 0);
        server->port = ntohs(address.sin_port);
        assert(pthread_create(&server->thread, NULL, server_accept, server) == 0);
        return server;
}

static void server_stop(struct server *server) {
        pthread_mutex_lock(&server->lock);
        server->stopping = true;
        shutdown(server->fd, SHUT_RDWR);
        pthread_mutex_unlock(&server->lock);
        pthread_join(server->thread, NULL);

        for (size_t i = 0; i < server->n_connections; i++) {
                pthread_mutex_lock(&server->lock);
                if (server->connections[i].fd >= 0)
                        shutdown(server->connections[i].fd, SHUT_RDWR);
                pthread_mutex_unlock(&server->lock);
                pthread_join(server->connections[i].thread, NULL);
        }
        for (size_t i = 0; i < server->n_requests; i++)
                free(server->requests[i]);
        close(server->fd);
        pthread_mutex_destroy(&server->lock);
        free(server);
}

static int server_port(const struct server *server) {
        return server->port;
}

/* The n-th request, from 0, as it came: head and body; NULL when there is none. Valid to the stop.
 * */
static const char *server_request(struct server *server, size_t n) {
        const char *request;

        pthread_mutex_lock(&server->lock);
        request = n < server->n_requests ? server->requests[n] : NULL;
        pthread_mutex_unlock(&server->lock);
        return request;
}

static size_t server_requests(struct server *server) {
        size_t n;

        pthread_mutex_lock(&server->lock);
        n = server->n_requests;
        pthread_mutex_unlock(&server->lock);
        return n;
}

static size_t server_connections(struct server *server) {
        size_t n;

        pthread_mutex_lock(&server->lock);
        n = server->n_connections;
        pthread_mutex_unlock(&server->lock);
        return n;
}

/* Most requests that were under way at once. */
static size_t server_most_at_once(struct server *server) {
        size_t n;

        pthread_mutex_lock(&server->lock);
        n = server->most_at_once;
        pthread_mutex_unlock(&server->lock);
        return n;
}
