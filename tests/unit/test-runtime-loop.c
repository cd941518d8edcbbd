/*
 * The real loop: order of turns, both kinds of deadline, freeing from inside, watches, signals, and
 * that an idle loop sleeps.
 */
#include "base/macros.h"
#include "runtime/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MSEC NSEC_PER_MSEC

struct probe {
        struct loop *loop;
        struct reactor_source *source;
        char *trace; /* letters appended as things happen */
        char letter;
        int left; /* further runs it asks for */
        bool stop, free_self;
        struct probe *victim; /* freed when this one runs */
        enum reactor_reason reason;
        struct mono at;
        uint64_t turn;
};

static void probe_run(enum reactor_reason reason, void *data) {
        struct probe *p = data;
        size_t len = strlen(p->trace);

        p->trace[len] = p->letter;
        p->trace[len + 1] = '\0';
        p->reason = reason;
        p->at = clock_mono(loop_clock(p->loop));
        p->turn = loop_turns(p->loop);
        if (p->victim)
                p->victim->source = reactor_source_free(loop_reactor(p->loop), p->victim->source);
        if (p->left-- > 0)
                reactor_schedule(loop_reactor(p->loop), p->source);
        if (p->free_self)
                p->source = reactor_source_free(loop_reactor(p->loop), p->source);
        if (p->stop)
                loop_stop(p->loop);
}

static void probe_init(struct probe *p, struct loop *loop, char *trace, char letter) {
        *p = (struct probe){.loop = loop, .trace = trace, .letter = letter};
        assert_int_equal(reactor_source_new(loop_reactor(loop), probe_run, p, &p->source), 0);
}

static struct mono in_ms(struct loop *loop, int64_t ms) {
        return mono_add_ns(clock_mono(loop_clock(loop)), ms * MSEC);
}

static struct utc utc_in_ms(struct loop *loop, int64_t ms) {
        return (struct utc){clock_utc(loop_clock(loop)).ticks + ms * (TICKS_PER_SEC / 1000)};
}

static void test_schedule_order(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        char trace[64] = "";
        struct probe a, b, c, end;

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&a, loop, trace, 'a');
        probe_init(&b, loop, trace, 'b');
        probe_init(&c, loop, trace, 'c');
        probe_init(&end, loop, trace, '.');
        a.left = 2;
        end.stop = true;

        reactor_schedule(loop_reactor(loop), c.source);
        reactor_schedule(loop_reactor(loop), a.source);
        reactor_schedule(loop_reactor(loop), b.source);
        reactor_schedule(loop_reactor(loop), c.source); /* the second counts as none */
        assert_string_equal(trace, "");                 /* never from inside the call */
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 20)), 0);
        assert_int_equal(loop_run(loop), 0);

        /* In the order of the calls; what schedules itself has one run a turn. */
        assert_string_equal(trace, "cabaa.");
        assert_int_equal(a.turn, c.turn + 2);
}

static void test_mono(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct probe late, past, never, moved, end;
        struct mono begin, deadline;
        char trace[64] = "";

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&late, loop, trace, 'l');
        probe_init(&past, loop, trace, 'p');
        probe_init(&never, loop, trace, 'n');
        probe_init(&moved, loop, trace, 'm');
        probe_init(&end, loop, trace, '.');
        end.stop = true;

        begin = clock_mono(loop_clock(loop));
        deadline = mono_add_ns(begin, 30 * MSEC);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), late.source, deadline), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), past.source, (struct mono){-5}), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), never.source, begin), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), never.source, MONO_NEVER), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), moved.source, begin), 0);
        assert_int_equal(
                reactor_arm_mono(loop_reactor(loop), moved.source, mono_add_ns(begin, 15 * MSEC)),
                0);
        assert_int_equal(
                reactor_arm_mono(loop_reactor(loop), end.source, mono_add_ns(begin, 60 * MSEC)), 0);
        assert_int_equal(loop_run(loop), 0);

        assert_string_equal(trace, "pml.");
        assert_int_equal(late.reason, REACTOR_ELAPSED);
        assert_true(late.at.ns >= deadline.ns);
        assert_true(moved.at.ns >= begin.ns + 15 * MSEC);
}

static void test_utc(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct probe soon, old, step, off, end;
        char trace[64] = "";
        struct utc deadline;

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&soon, loop, trace, 's');
        probe_init(&old, loop, trace, 'o');
        probe_init(&step, loop, trace, '!');
        probe_init(&off, loop, trace, 'x');
        probe_init(&end, loop, trace, '.');
        end.stop = true;

        deadline = utc_in_ms(loop, 25);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), soon.source, deadline), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), old.source, (struct utc){-1}), 0);
        /* Waits for steps alone, of which there are none here; and takes the place of a deadline.
         * */
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), step.source, deadline), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), step.source, UTC_NEVER), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), off.source, deadline), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), off.source, UTC_NONE), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 60)), 0);
        assert_int_equal(loop_run(loop), 0);

        assert_string_equal(trace, "os.");
        assert_int_equal(soon.reason, REACTOR_ELAPSED);
        assert_true(clock_utc(loop_clock(loop)).ticks >= deadline.ticks);
}

/*
 * A step of the clock cannot be had in a test, since the whole machine would take part. The kernel
 * reports one by ECANCELED, from read(2) and, when it was not read yet, from timerfd_settime(2),
 * which has armed the timer all the same; these two stand in front of libc's.
 */
static bool step_at_read, step_at_settime;

ssize_t read(int fd, void *buffer, size_t size) {
        if (step_at_read && size == sizeof(uint64_t)) {
                step_at_read = false;
                errno = ECANCELED;
                return -1;
        }
        return syscall(SYS_read, fd, buffer, size);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old) {
        long r = syscall(SYS_timerfd_settime, fd, flags, spec, old);

        if (r == 0 && step_at_settime && flags & TFD_TIMER_CANCEL_ON_SET) {
                step_at_settime = false;
                errno = ECANCELED;
                return -1;
        }
        return (int)r;
}

static void test_step(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct probe p, end;
        char trace[64] = "";

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&p, loop, trace, 'p');
        probe_init(&end, loop, trace, '.');
        end.stop = true;

        /* Noticed when the timer is read: one call, and the deadline does not come as well. */
        step_at_read = true;
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, utc_in_ms(loop, 10)), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 40)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "p.");
        assert_int_equal(p.reason, REACTOR_CLOCK_CHANGED);

        /* Noticed when it is armed: told in the next turn, and disarmed likewise. A run that was
         * scheduled besides is one of its own. */
        step_at_settime = true;
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, utc_in_ms(loop, 10)), 0);
        reactor_schedule(loop_reactor(loop), p.source);
        assert_string_equal(trace, "p.");
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 40)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "p.pp.");
        assert_int_equal(p.reason, REACTOR_SCHEDULED);

        /* And disarming takes the notice back. */
        step_at_settime = true;
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, utc_in_ms(loop, 10)), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, UTC_NONE), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 40)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "p.pp..");

        /* Armed again, it works as before. */
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, utc_in_ms(loop, 10)), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 40)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "p.pp..p.");
        assert_int_equal(p.reason, REACTOR_ELAPSED);
}

/* The same source with both deadlines and a scheduled run: three calls. */
static void test_all_kinds(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct probe p, end;
        char trace[64] = "";

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&p, loop, trace, 'p');
        probe_init(&end, loop, trace, '.');
        end.stop = true;
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), p.source, in_ms(loop, 10)), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), p.source, utc_in_ms(loop, 20)), 0);
        reactor_schedule(loop_reactor(loop), p.source);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 50)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "ppp.");
}

static void test_free_inside(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct probe killer, victim, own, timed, end;
        char trace[64] = "";

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&killer, loop, trace, 'k');
        probe_init(&victim, loop, trace, 'v');
        probe_init(&own, loop, trace, 'o');
        probe_init(&timed, loop, trace, 't');
        probe_init(&end, loop, trace, '.');
        killer.victim = &victim;
        own.free_self = timed.free_self = true;
        timed.left = 1; /* schedules itself and is gone before that runs */
        end.stop = true;

        /* The victim stands in the same queue, behind, and has both timers open. */
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), victim.source, in_ms(loop, 10)), 0);
        assert_int_equal(reactor_arm_utc(loop_reactor(loop), victim.source, utc_in_ms(loop, 10)),
                         0);
        reactor_schedule(loop_reactor(loop), killer.source);
        reactor_schedule(loop_reactor(loop), victim.source);
        reactor_schedule(loop_reactor(loop), own.source);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), timed.source, in_ms(loop, 5)), 0);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 30)), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_string_equal(trace, "kot.");
        assert_null(reactor_source_free(loop_reactor(loop), NULL));
}

static int64_t cpu_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Nothing to do means no turns at all, and the hook sees each wait. */
static void count_hook(void *data) {
        ++*(int *)data;
}

static void test_idle_sleeps(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        char trace[64] = "";
        struct probe once, end;
        int hooks = 0;
        int64_t cpu;

        assert_int_equal(loop_new(&loop), 0);
        probe_init(&once, loop, trace, 'a');
        probe_init(&end, loop, trace, '.');
        end.stop = true;
        loop_before_wait(loop, count_hook, &hooks);
        reactor_schedule(loop_reactor(loop), once.source);
        assert_int_equal(reactor_arm_mono(loop_reactor(loop), end.source, in_ms(loop, 100)), 0);
        cpu = cpu_ns();
        assert_int_equal(loop_run(loop), 0);
        cpu = cpu_ns() - cpu;

        assert_string_equal(trace, "a.");
        assert_true(loop_turns(loop) <= 3);
        assert_int_equal(hooks, (int)loop_turns(loop));
        assert_true(cpu < 50 * MSEC);
}

struct watcher {
        struct loop *loop;
        struct loop_watch *watch;
        unsigned events;
        int fd, runs;
};

static void watcher_run(unsigned events, void *data) {
        struct watcher *w = data;
        char byte;

        w->events |= events;
        w->runs++;
        if (events & LOOP_READABLE && read(w->fd, &byte, 1) == 1)
                return;
        w->watch = loop_watch_free(w->watch);
        loop_stop(w->loop);
}

static void test_watch(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct loop_watch *again = NULL;
        struct watcher w = {};
        FILE *regular;
        int fds[2];

        assert_int_equal(loop_new(&loop), 0);
        assert_int_equal(pipe(fds), 0);
        w.loop = loop;
        w.fd = fds[0];
        assert_int_equal(loop_watch_new(loop, fds[0], watcher_run, &w, &w.watch), 0);
        assert_int_equal(loop_watch_set(w.watch, LOOP_READABLE), 0);
        assert_int_equal(loop_watch_set(w.watch, LOOP_READABLE), 0);
        assert_int_equal(loop_watch_new(loop, fds[0], watcher_run, &w, &again), -EEXIST);

        assert_int_equal(write(fds[1], "xy", 2), 2);
        close(fds[1]);
        assert_int_equal(loop_run(loop), 0);
        assert_int_equal(w.runs, 3); /* two bytes, and the end */
        assert_null(w.watch);
        close(fds[0]);

        /* The write end of a pipe nobody reads is an error, not an event. */
        assert_int_equal(pipe(fds), 0);
        close(fds[0]);
        w = (struct watcher){.loop = loop, .fd = fds[1]};
        assert_int_equal(loop_watch_new(loop, fds[1], watcher_run, &w, &w.watch), 0);
        assert_int_equal(loop_watch_set(w.watch, LOOP_WRITABLE), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_int_equal(w.events, LOOP_FAILED);
        close(fds[1]);

        regular = tmpfile();
        assert_non_null(regular);
        assert_int_equal(loop_watch_new(loop, fileno(regular), watcher_run, &w, &again), -EPERM);
        (void)fclose(regular);
}

static int last_signal;

static void signal_run(int signum, void *data) {
        last_signal = signum;
        loop_stop(data);
}

static void signal_wrong(int signum, void *data) {
        fail_msg("the replaced handler ran");
}

static void test_signal(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;

        assert_int_equal(loop_new(&loop), 0);
        assert_int_equal(loop_on_signal(loop, SIGUSR1, signal_wrong, loop), 0);
        assert_int_equal(loop_on_signal(loop, SIGUSR1, signal_run, loop), 0);
        assert_true(loop_on_signal(loop, 12345, signal_run, loop) < 0);
        assert_int_equal(kill(getpid(), SIGUSR1), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_int_equal(last_signal, SIGUSR1);
}

static void nested_run(enum reactor_reason reason, void *data) {
        struct loop *loop = data;

        assert_int_equal(loop_run(loop), -EBUSY);
        loop_stop(loop);
}

static void test_stop(void **state) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct reactor_source *source;

        assert_null(loop_free(NULL));
        assert_int_equal(loop_new(&loop), 0);
        assert_int_equal(reactor_source_new(loop_reactor(loop), nested_run, loop, &source), 0);

        loop_stop(loop);
        assert_int_equal(loop_run(loop), 0); /* at once */
        assert_int_equal(loop_turns(loop), 0);
        reactor_schedule(loop_reactor(loop), source);
        assert_int_equal(loop_run(loop), 0);
        assert_int_equal(loop_turns(loop), 1);
        loop_stop(loop); /* left over when the loop is freed */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_schedule_order),
                cmocka_unit_test(test_mono),
                cmocka_unit_test(test_utc),
                cmocka_unit_test(test_all_kinds),
                cmocka_unit_test(test_step),
                cmocka_unit_test(test_free_inside),
                cmocka_unit_test(test_idle_sleeps),
                cmocka_unit_test(test_watch),
                cmocka_unit_test(test_signal),
                cmocka_unit_test(test_stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
