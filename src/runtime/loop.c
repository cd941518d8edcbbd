#include "runtime/loop.h"

#include <assert.h>
#include <errno.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* Why a source stands in the queue, as bits; the lower one is delivered first. */
enum {
        PENDING_CLOCK_CHANGED = 1 << 0,
        PENDING_SCHEDULED = 1 << 1,
};

/* No deadline: what both timers are compared with. */
#define TIMER_OFF INT64_MIN

/* One timerfd and its poll handle. The handle polls from its first use to the end: a timerfd that
 * is disarmed never becomes readable, and stopping the poll would cost a system call each time. */
struct loop_timer {
        uv_poll_t poll;
        struct reactor_source *source;
        int clock;
        int fd;           /* -1 until first armed */
        bool polling;     /* the handle is started */
        int64_t deadline; /* in the units of its clock; TIMER_OFF when disarmed */
};

TAILQ_HEAD(source_queue, reactor_source);
TAILQ_HEAD(source_list, reactor_source);
TAILQ_HEAD(watch_list, loop_watch);
TAILQ_HEAD(signal_list, loop_signal);

struct reactor_source {
        struct loop *loop;
        reactor_fn fn;
        void *data;
        unsigned pending;           /* PENDING_ */
        struct source_queue *queue; /* the loop's ready or running one; NULL when in none */
        unsigned handles;           /* open handles; the last close callback frees the source */
        struct loop_timer mono, utc;
        TAILQ_ENTRY(reactor_source) in_queue;
        TAILQ_ENTRY(reactor_source) in_loop;
};

struct loop_watch {
        uv_poll_t poll;
        struct loop *loop;
        loop_watch_fn fn;
        void *data;
        unsigned events;
        TAILQ_ENTRY(loop_watch) in_loop;
};

struct loop_signal {
        uv_signal_t handle;
        loop_signal_fn fn;
        void *data;
        int signum;
        TAILQ_ENTRY(loop_signal) in_loop;
};

struct loop {
        uv_loop_t uv;
        struct clock clock;
        struct reactor reactor;
        uv_prepare_t prepare;
        uv_check_t check;
        uv_idle_t idle; /* active while a source is ready: the loop then does not wait */
        struct source_queue ready, running;
        struct source_list sources;
        struct watch_list watches;
        struct signal_list signals;
        loop_hook_fn hook; /* or NULL */
        void *hook_data;
        uint64_t turns;
        bool is_running;
};

static struct timespec clock_read(clockid_t id) {
        struct timespec ts;

        /* Fails for clocks that do not exist, which these are not. */
        if (clock_gettime(id, &ts) < 0)
                assert(!"no such clock");
        return ts;
}

static struct mono loop_clock_mono(struct clock *clock) {
        struct timespec ts = clock_read(CLOCK_BOOTTIME);

        return (struct mono){ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec};
}

static struct utc loop_clock_utc(struct clock *clock) {
        struct timespec ts = clock_read(CLOCK_REALTIME);

        return (struct utc){ts.tv_sec * TICKS_PER_SEC + ts.tv_nsec / NSEC_PER_TICK};
}

static const struct clock_ops loop_clock_ops = {
        .mono = loop_clock_mono,
        .utc = loop_clock_utc,
};

/* ---- sources ---- */

static void source_unqueue(struct reactor_source *source) {
        if (source->queue)
                TAILQ_REMOVE(source->queue, source, in_queue);
        source->queue = NULL;
}

static void loop_on_idle(uv_idle_t *handle) {
        /* Its being active is all it does. */
}

static void source_mark(struct reactor_source *source, unsigned reason) {
        struct loop *loop = source->loop;

        source->pending |= reason;
        if (source->queue)
                return;
        source->queue = &loop->ready;
        TAILQ_INSERT_TAIL(&loop->ready, source, in_queue);
        uv_idle_start(&loop->idle, loop_on_idle); /* does nothing when active; cannot fail */
}

/* Arms or disarms; a @deadline of TIMER_OFF disarms. Returns 0 or a negative errno. */
static int timer_set(struct loop_timer *timer, int64_t deadline, struct timespec at) {
        bool on = deadline != TIMER_OFF;
        struct itimerspec spec = {.it_value = on ? at : (struct timespec){}};
        int flags = 0, r;

        if (on)
                flags = TFD_TIMER_ABSTIME |
                        (timer->clock == CLOCK_REALTIME ? TFD_TIMER_CANCEL_ON_SET : 0);

        r = timerfd_settime(timer->fd, flags, &spec, NULL) < 0 ? -errno : 0;
        if (r == 0)
                timer->deadline = deadline;
        return r;
}

static void timer_disarm(struct loop_timer *timer) {
        if (timer->fd >= 0 && timer->deadline != TIMER_OFF)
                (void)timer_set(timer, TIMER_OFF, (struct timespec){});
        timer->deadline = TIMER_OFF;
}

static void timer_on_poll(uv_poll_t *handle, int status, int events) {
        struct loop_timer *timer = container_of(handle, struct loop_timer, poll);
        struct reactor_source *source = timer->source;
        enum reactor_reason reason = REACTOR_ELAPSED;
        uint64_t ticks;

        if (status < 0) { /* libuv has stopped the handle; the next arming starts it again */
                timer->polling = false;
                return;
        }

        if (read(timer->fd, &ticks, sizeof(ticks)) < 0) {
                /* Armed anew between becoming readable and here: not due any more. */
                if (errno != ECANCELED)
                        return;
                reason = REACTOR_CLOCK_CHANGED;
        }
        if (timer->deadline == TIMER_OFF)
                return;

        /* A step cancels nothing in the kernel: the old deadline would still wake the loop. */
        if (reason == REACTOR_CLOCK_CHANGED)
                timer_disarm(timer);
        timer->deadline = TIMER_OFF;
        source->fn(reason, source->data);
}

static int timer_open(struct loop_timer *timer) {
        struct reactor_source *source = timer->source;
        int fd, r;

        if (timer->fd < 0) {
                fd = timerfd_create(timer->clock, TFD_NONBLOCK | TFD_CLOEXEC);
                if (fd < 0)
                        return -errno;
                r = uv_poll_init(&source->loop->uv, &timer->poll, fd);
                if (r < 0) {
                        close(fd);
                        return r;
                }
                timer->fd = fd;
                source->handles++;
        }
        if (!timer->polling) {
                r = uv_poll_start(&timer->poll, UV_READABLE, timer_on_poll);
                if (r < 0)
                        return r;
                timer->polling = true;
        }
        return 0;
}

/* A timerfd takes zero for "off", and nothing below it. */
static struct timespec timer_spec(int64_t seconds, int64_t ns) {
        if (seconds < 0 || (seconds == 0 && ns == 0))
                return (struct timespec){.tv_nsec = 1};
        return (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
}

static int loop_arm_mono(struct reactor *reactor, struct reactor_source *source,
                         struct mono deadline) {
        struct loop_timer *timer = &source->mono;
        int64_t ns = MAX(deadline.ns, INT64_C(1));
        int r;

        if (deadline.ns == MONO_NEVER.ns) {
                timer_disarm(timer);
                return 0;
        }
        if (timer->deadline == ns)
                return 0;

        r = timer_open(timer);
        if (r < 0)
                return r;
        return timer_set(timer, ns, timer_spec(ns / NSEC_PER_SEC, ns % NSEC_PER_SEC));
}

static int loop_arm_utc(struct reactor *reactor, struct reactor_source *source,
                        struct utc deadline) {
        struct loop_timer *timer = &source->utc;
        int64_t seconds = utc_seconds(deadline);
        int r;

        if (!utc_is_set(deadline)) {
                timer_disarm(timer);
                source->pending &= ~PENDING_CLOCK_CHANGED;
                if (!source->pending)
                        source_unqueue(source);
                return 0;
        }
        if (timer->deadline == deadline.ticks)
                return 0;

        r = timer_open(timer);
        if (r < 0)
                return r;

        /* UTC_NEVER is the year 31197: the kernel cuts it to the end of its own time, 2262. */
        r = timer_set(
                timer, deadline.ticks,
                timer_spec(seconds, (deadline.ticks - seconds * TICKS_PER_SEC) * NSEC_PER_TICK));
        if (r != -ECANCELED)
                return r;

        /* The clock was stepped while the timer was armed before, and that was not read yet; the
         * call took the notice away, so it has to be given here. */
        timer->deadline = deadline.ticks;
        source_mark(source, PENDING_CLOCK_CHANGED);
        return 0;
}

static void loop_schedule(struct reactor *reactor, struct reactor_source *source) {
        source_mark(source, PENDING_SCHEDULED);
}

static int loop_source_new(struct reactor *reactor, reactor_fn fn, void *data,
                           struct reactor_source **ret_source) {
        struct loop *loop = container_of(reactor, struct loop, reactor);
        struct reactor_source *source = calloc(1, sizeof(*source));

        if (!source)
                return -ENOMEM;

        source->loop = loop;
        source->fn = fn;
        source->data = data;
        source->mono = (struct loop_timer){.source = source, .clock = CLOCK_BOOTTIME, .fd = -1};
        source->utc = (struct loop_timer){.source = source, .clock = CLOCK_REALTIME, .fd = -1};
        source->mono.deadline = source->utc.deadline = TIMER_OFF;
        TAILQ_INSERT_TAIL(&loop->sources, source, in_loop);
        *ret_source = source;
        return 0;
}

static void timer_on_close(uv_handle_t *handle) {
        struct loop_timer *timer = container_of((uv_poll_t *)handle, struct loop_timer, poll);
        struct reactor_source *source = timer->source;

        close(timer->fd);
        if (--source->handles == 0)
                free(source);
}

static void loop_source_free(struct reactor *reactor, struct reactor_source *source) {
        struct loop *loop = source->loop;

        source_unqueue(source);
        TAILQ_REMOVE(&loop->sources, source, in_loop);
        if (source->handles == 0) {
                free(source);
                return;
        }
        if (source->mono.fd >= 0)
                uv_close((uv_handle_t *)&source->mono.poll, timer_on_close);
        if (source->utc.fd >= 0)
                uv_close((uv_handle_t *)&source->utc.poll, timer_on_close);
}

static const struct reactor_ops loop_reactor_ops = {
        .source_new = loop_source_new,
        .source_free = loop_source_free,
        .schedule = loop_schedule,
        .arm_mono = loop_arm_mono,
        .arm_utc = loop_arm_utc,
};

/* ---- the turn ---- */

static void source_run(struct reactor_source *source) {
        enum reactor_reason reason = REACTOR_SCHEDULED;

        source_unqueue(source);
        if (source->pending & PENDING_CLOCK_CHANGED) {
                source->pending &= ~PENDING_CLOCK_CHANGED;
                timer_disarm(&source->utc);
                reason = REACTOR_CLOCK_CHANGED;
        } else
                source->pending = 0;
        if (source->pending) /* before the call, which may free the source */
                source_mark(source, source->pending);
        source->fn(reason, source->data);
}

static void loop_on_check(uv_check_t *handle) {
        struct loop *loop = container_of(handle, struct loop, check);
        struct reactor_source *source;

        loop->turns++;

        TAILQ_FOREACH(source, &loop->ready, in_queue)
        source->queue = &loop->running;
        TAILQ_CONCAT(&loop->running, &loop->ready, in_queue);

        while ((source = TAILQ_FIRST(&loop->running)))
                source_run(source);
        if (TAILQ_EMPTY(&loop->ready))
                uv_idle_stop(&loop->idle);
}

static void loop_on_prepare(uv_prepare_t *handle) {
        struct loop *loop = container_of(handle, struct loop, prepare);

        if (loop->hook)
                loop->hook(loop->hook_data);
}

/* ---- signals ---- */

static void signal_on_close(uv_handle_t *handle) {
        free(container_of((uv_signal_t *)handle, struct loop_signal, handle));
}

static void signal_on_signal(uv_signal_t *handle, int signum) {
        struct loop_signal *handler = container_of(handle, struct loop_signal, handle);

        handler->fn(signum, handler->data);
}

int loop_on_signal(struct loop *loop, int signum, loop_signal_fn fn, void *data) {
        struct loop_signal *handler;
        int r;

        TAILQ_FOREACH(handler, &loop->signals, in_loop)
        if (handler->signum == signum) {
                handler->fn = fn;
                handler->data = data;
                return 0;
        }

        handler = calloc(1, sizeof(*handler));
        if (!handler)
                return -ENOMEM;
        r = uv_signal_init(&loop->uv, &handler->handle);
        if (r < 0) {
                free(handler);
                return r;
        }
        r = uv_signal_start(&handler->handle, signal_on_signal, signum);
        if (r < 0) {
                uv_close((uv_handle_t *)&handler->handle, signal_on_close);
                return r;
        }

        handler->fn = fn;
        handler->data = data;
        handler->signum = signum;
        TAILQ_INSERT_TAIL(&loop->signals, handler, in_loop);
        return 0;
}

/* ---- life ---- */

int loop_new(struct loop **ret_loop) {
        struct loop *loop = calloc(1, sizeof(*loop));
        int r;

        if (!loop)
                return -ENOMEM;

        r = uv_loop_init(&loop->uv);
        if (r < 0) {
                free(loop);
                return r;
        }

        loop->clock.ops = &loop_clock_ops;
        loop->reactor.ops = &loop_reactor_ops;
        TAILQ_INIT(&loop->ready);
        TAILQ_INIT(&loop->running);
        TAILQ_INIT(&loop->sources);
        TAILQ_INIT(&loop->watches);
        TAILQ_INIT(&loop->signals);

        /* None of these can fail. The check handle is what keeps an empty loop waiting. */
        uv_prepare_init(&loop->uv, &loop->prepare);
        uv_check_init(&loop->uv, &loop->check);
        uv_idle_init(&loop->uv, &loop->idle);
        uv_prepare_start(&loop->prepare, loop_on_prepare);
        uv_check_start(&loop->check, loop_on_check);

        *ret_loop = loop;
        return 0;
}

struct loop *loop_free(struct loop *loop) {
        struct reactor_source *source;
        struct loop_signal *handler;
        struct loop_watch *watch;
        int r;

        if (!loop)
                return NULL;
        assert(!loop->is_running);

        while ((source = TAILQ_FIRST(&loop->sources)))
                loop_source_free(&loop->reactor, source);
        while ((watch = TAILQ_FIRST(&loop->watches)))
                loop_watch_free(watch);
        while ((handler = TAILQ_FIRST(&loop->signals))) {
                TAILQ_REMOVE(&loop->signals, handler, in_loop);
                uv_close((uv_handle_t *)&handler->handle, signal_on_close);
        }
        uv_close((uv_handle_t *)&loop->prepare, NULL);
        uv_close((uv_handle_t *)&loop->check, NULL);
        uv_close((uv_handle_t *)&loop->idle, NULL);

        /* Once more when a loop_stop() was left over, which ends the first run before it began. */
        while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
                ;
        r = uv_loop_close(&loop->uv);
        assert(r == 0);
        free(loop);
        return NULL;
}

struct clock *loop_clock(struct loop *loop) {
        return &loop->clock;
}

struct reactor *loop_reactor(struct loop *loop) {
        return &loop->reactor;
}

uint64_t loop_turns(const struct loop *loop) {
        return loop->turns;
}

int loop_run(struct loop *loop) {
        if (loop->is_running)
                return -EBUSY;

        loop->is_running = true;
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        loop->is_running = false;
        return 0;
}

void loop_stop(struct loop *loop) {
        uv_stop(&loop->uv);
}

void loop_before_wait(struct loop *loop, loop_hook_fn fn, void *data) {
        loop->hook = fn;
        loop->hook_data = data;
}

/* ---- watches ---- */

static void watch_on_close(uv_handle_t *handle) {
        free(container_of((uv_poll_t *)handle, struct loop_watch, poll));
}

static void watch_on_poll(uv_poll_t *handle, int status, int events) {
        struct loop_watch *watch = container_of(handle, struct loop_watch, poll);
        unsigned ready = 0;

        if (status < 0) {
                /* libuv has stopped the handle: POLLERR, which a refused connection shows. */
                watch->events = 0;
                ready = LOOP_FAILED;
        } else {
                if (events & UV_READABLE)
                        ready |= LOOP_READABLE;
                if (events & UV_WRITABLE)
                        ready |= LOOP_WRITABLE;
        }
        watch->fn(ready, watch->data);
}

int loop_watch_new(struct loop *loop, int fd, loop_watch_fn fn, void *data,
                   struct loop_watch **ret_watch) {
        struct loop_watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        r = uv_poll_init(&loop->uv, &watch->poll, fd);
        if (r < 0) {
                free(watch);
                return r;
        }

        watch->loop = loop;
        watch->fn = fn;
        watch->data = data;
        TAILQ_INSERT_TAIL(&loop->watches, watch, in_loop);
        *ret_watch = watch;
        return 0;
}

struct loop_watch *loop_watch_free(struct loop_watch *watch) {
        if (!watch)
                return NULL;

        TAILQ_REMOVE(&watch->loop->watches, watch, in_loop);
        /* Takes the descriptor out of the poll set here and not in the callback. */
        uv_close((uv_handle_t *)&watch->poll, watch_on_close);
        return NULL;
}

int loop_watch_set(struct loop_watch *watch, unsigned events) {
        int wanted = 0, r;

        if (events == watch->events)
                return 0;
        if (events & LOOP_READABLE)
                wanted |= UV_READABLE;
        if (events & LOOP_WRITABLE)
                wanted |= UV_WRITABLE;

        r = wanted ? uv_poll_start(&watch->poll, wanted, watch_on_poll)
                   : uv_poll_stop(&watch->poll);
        if (r == 0)
                watch->events = events;
        return r;
}
