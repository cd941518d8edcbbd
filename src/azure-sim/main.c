/*
 * azure-sim: the simulated Azure behind HTTP on loopback, for tests, demos and benchmarks.
 */
#include "azure-sim/options.h"
#include "azure-sim/server.h"

#include "base/strbuf.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Complains. */
static int read_text(const char *path, struct strbuf *text) {
        char buffer[65536];
        FILE *file;
        size_t n;
        bool failed;
        int r;

        file = fopen(path, "re");
        if (!file) {
                r = -errno;
                fprintf(stderr, "azure-sim: %s: %s\n", path, strerror(-r));
                return r;
        }
        while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
                strbuf_append(text, buffer, n);
        failed = ferror(file) != 0;
        (void)fclose(file); /* only read */
        if (failed || text->error) {
                fprintf(stderr, "azure-sim: %s: cannot be read\n", path);
                return -EIO;
        }
        return 0;
}

/* @r is what a loader returned, @what its complaint. */
static int loaded(int r, const char *path, const char *what) {
        if (r <= 0)
                return r;
        fprintf(stderr, "azure-sim: %s: %s\n", path, what);
        return -EINVAL;
}

static int load_world(struct service *service, const char *path) {
        _cleanup_(strbuf_deinit) struct strbuf text = {.max = 1U << 30};
        _cleanup_(freep) char *what = NULL;
        int r;

        r = read_text(path, &text);
        if (r < 0)
                return r;
        r = service_load(service, server_now(), strbuf_str(&text), text.len, &what);
        return loaded(r, path, what);
}

static int load_faults(struct faults *faults, const char *path) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        _cleanup_(freep) char *what = NULL;
        int r;

        r = read_text(path, &text);
        if (r < 0)
                return r;
        r = faults_load(faults, strbuf_str(&text), text.len, &what);
        return loaded(r, path, what);
}

/* The file of the Arc agent's challenge, and what must be in the answer. */
static int load_arc_key(struct service *service, const char *path) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        int r;

        r = read_text(path, &text);
        return r ?: service_set_arc_key(service, path, strbuf_str(&text));
}

static int signals_open(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until a signal comes. */
static int serve(struct server *server, int signal_fd) {
        for (;;) {
                struct pollfd fds[SERVER_POLL_FDS + 1];
                int timeout_ms;
                size_t n;

                n = server_poll_fds(server, fds, &timeout_ms);
                fds[n] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
                if (poll(fds, n + 1, timeout_ms) < 0 && errno != EINTR)
                        return -errno;
                if (fds[n].revents != 0)
                        return 0;
                server_run(server, fds, n);
        }
}

static int run(const struct options *options) {
        _cleanup_(service_freep) struct service *service = NULL;
        _cleanup_(faults_freep) struct faults *faults = NULL;
        struct server server = {.options = options};
        int r, signal_fd;

        r = service_new(&options->service, &service);
        if (r < 0)
                return r;
        r = options->world ? load_world(service, options->world)
                           : service_populate(service, server_now(), options->disks);
        if (r == 0 && options->arc_key)
                r = load_arc_key(service, options->arc_key);
        if (r != 0)
                return r;
        r = faults_new(&faults);
        if (r == 0 && options->faults)
                r = load_faults(faults, options->faults);
        if (r < 0)
                return r;

        signal_fd = signals_open();
        if (signal_fd < 0)
                return -errno;
        server.service = service;
        server.faults = faults;
        r = server_start(&server);
        if (r == 0)
                r = serve(&server, signal_fd);
        server_stop(&server);
        close(signal_fd);
        return r;
}

int main(int argc, char **argv) {
        struct options options;
        int r;

        switch (options_read(argc, argv, &options)) {
        case OPTIONS_DONE:
                return EXIT_SUCCESS;
        case OPTIONS_WRONG:
                return 2;
        case OPTIONS_RUN:
                break;
        }
        r = run(&options);
        if (r != 0)
                fprintf(stderr, "azure-sim: cannot go on: %s\n", strerror(r < 0 ? -r : EINVAL));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
