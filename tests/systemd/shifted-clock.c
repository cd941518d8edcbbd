/*
 * shifted-clock: a clock that a test sets, for a program that knows nothing of it (LD_PRELOAD).
 *
 * The program's time runs $SHIFTED_CLOCK_RATE times as fast as the machine's, from the instant
 * $SHIFTED_CLOCK_EPOCH on (seconds since 1970, the same for all that are to agree). $SHIFTED_CLOCK_FILE
 * holds two numbers of seconds: how far the wall clock is moved, and how far the time that goes on in
 * suspend. A file that is renamed to its name is seen within 10 ms and is a step: timers of
 * CLOCK_BOOTTIME become due by the new time, and timers of CLOCK_REALTIME are cancelled as
 * timerfd_create(2) has it. A real step does the same, but needs a machine of its own. libfaketime
 * knows no timer that is cancelled, nor which clock a timerfd has.
 *
 * Covered is what snapkeepd, azure-sim and their libraries call: clock_gettime(), gettimeofday(),
 * time(), timerfds with absolute deadlines, and the time-outs of poll() and epoll. CLOCK_MONOTONIC is
 * hastened and never moved, as it stands still in suspend.
 */

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define FDS_MAX 1024

struct timer {
        bool used, cancelled, cancels;
        clockid_t clock;
        struct itimerspec spec; /* as the program set it; all zero: disarmed */
};

static int64_t rate = 1, wall_epoch, mono_epoch, boot_epoch;
static _Atomic int64_t wall_shift, boot_shift;
static const char *shift_file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timer timers[FDS_MAX];

static int64_t to_ns(struct timespec ts) {
        return ts.tv_sec * SECOND + ts.tv_nsec;
}

static struct timespec from_ns(int64_t ns) {
        return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

static int64_t machine_time(clockid_t clock) {
        struct timespec ts = {};

        syscall(SYS_clock_gettime, clock, &ts);
        return to_ns(ts);
}

/* Where @clock began to be hastened, and how far it is moved. False: it is left alone. */
static bool clock_of(clockid_t clock, clockid_t *ret_base, int64_t *ret_epoch, int64_t *ret_shift) {
        switch (clock) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
                *ret_base = CLOCK_REALTIME;
                *ret_epoch = wall_epoch;
                *ret_shift = wall_shift;
                return true;
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_COARSE:
                *ret_base = CLOCK_MONOTONIC;
                *ret_epoch = mono_epoch;
                *ret_shift = 0;
                return true;
        case CLOCK_BOOTTIME:
                *ret_base = CLOCK_BOOTTIME;
                *ret_epoch = boot_epoch;
                *ret_shift = boot_shift;
                return true;
        default:
                return false;
        }
}

/* ---- timers; all of it under the lock ---- */

/* Gives the kernel the instant of its own clock at which the program's reaches the deadline. */
static int timer_arm(int fd) {
        struct timer *timer = &timers[fd];
        struct itimerspec spec = timer->spec;
        int64_t deadline = to_ns(spec.it_value), epoch, shift;
        clockid_t base;

        if (deadline && clock_of(timer->clock, &base, &epoch, &shift)) {
                if (spec.it_value.tv_sec > INT64_MAX / SECOND - 1) /* never */
                        deadline = INT64_MAX / 2;
                deadline = epoch + (deadline - shift - epoch) / rate;
                spec.it_value = from_ns(deadline > 0 ? deadline : 1);
        }
        return (int)syscall(SYS_timerfd_settime, fd, deadline ? TFD_TIMER_ABSTIME : 0, &spec, NULL);
}

static void timer_step(int fd, bool wall_moved) {
        static const struct itimerspec at_once = {.it_value = {.tv_nsec = 1}};
        struct timer *timer = &timers[fd];

        if (!timer->used || !to_ns(timer->spec.it_value))
                return;
        if (wall_moved && timer->cancels) {
                timer->cancelled = true;
                syscall(SYS_timerfd_settime, fd, 0, &at_once, NULL);
        } else if (!timer->cancelled)
                timer_arm(fd);
}

static void *watch(void *unused) {
        const struct timespec pause = {.tv_nsec = 10000000};

        for (;; syscall(SYS_nanosleep, &pause, NULL)) {
                FILE *file = fopen(shift_file, "re");
                long long wall, boot;
                int n = file ? fscanf(file, "%lld %lld", &wall, &boot) : 0;
                bool moved;

                if (file)
                        fclose(file);
                if (n != 2 || (wall * SECOND == wall_shift && boot * SECOND == boot_shift))
                        continue;

                pthread_mutex_lock(&lock);
                moved = wall * SECOND != wall_shift;
                wall_shift = wall * SECOND;
                boot_shift = boot * SECOND;
                for (int fd = 0; fd < FDS_MAX; fd++)
                        timer_step(fd, moved);
                pthread_mutex_unlock(&lock);
        }
        return unused;
}

__attribute__((constructor)) static void begin(void) {
        const char *rate_text = getenv("SHIFTED_CLOCK_RATE"),
                   *epoch = getenv("SHIFTED_CLOCK_EPOCH");
        sigset_t all, before;
        pthread_t thread;

        shift_file = getenv("SHIFTED_CLOCK_FILE");
        if (!shift_file || !rate_text || !epoch)
                return;
        rate = atoll(rate_text);
        wall_epoch = atoll(epoch) * SECOND;
        mono_epoch = machine_time(CLOCK_MONOTONIC);
        boot_epoch = machine_time(CLOCK_BOOTTIME);
        /* The program's signals are for the threads that it knows. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (rate < 1 || pthread_create(&thread, NULL, watch, NULL) != 0)
                abort();
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- what stands before libc ---- */

int clock_gettime(clockid_t clock, struct timespec *ret) {
        int64_t epoch, shift;
        clockid_t base;

        if (!clock_of(clock, &base, &epoch, &shift))
                return (int)syscall(SYS_clock_gettime, clock, ret);
        *ret = from_ns(epoch + (machine_time(base) - epoch) * rate + shift);
        return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        *ret = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
        return 0;
}

time_t time(time_t *ret) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        if (ret)
                *ret = ts.tv_sec;
        return ts.tv_sec;
}

int timerfd_create(clockid_t clock, int flags) {
        int fd = (int)syscall(SYS_timerfd_create, clock, flags);

        if (fd < 0)
                return fd;
        if (fd >= FDS_MAX)
                abort();
        pthread_mutex_lock(&lock);
        timers[fd] = (struct timer){.used = true, .clock = clock};
        pthread_mutex_unlock(&lock);
        return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old) {
        bool cancelled;
        int r;

        if (old || spec->it_interval.tv_sec || spec->it_interval.tv_nsec ||
            (to_ns(spec->it_value) && !(flags & TFD_TIMER_ABSTIME)))
                abort(); /* nobody does */

        pthread_mutex_lock(&lock);
        cancelled = timers[fd].cancelled;
        timers[fd].cancelled = false;
        timers[fd].cancels = flags & TFD_TIMER_CANCEL_ON_SET;
        timers[fd].spec = *spec;
        r = timer_arm(fd);
        pthread_mutex_unlock(&lock);
        if (r == 0 && cancelled && (flags & TFD_TIMER_CANCEL_ON_SET)) {
                errno = ECANCELED; /* and is armed, as in the kernel */
                return -1;
        }
        return r;
}

ssize_t read(int fd, void *buffer, size_t size) {
        bool cancelled = false;
        ssize_t n;

        if (fd < 0 || fd >= FDS_MAX || !timers[fd].used)
                return syscall(SYS_read, fd, buffer, size);

        pthread_mutex_lock(&lock);
        n = syscall(SYS_read, fd, buffer, size);
        if (timers[fd].cancelled) {
                cancelled = true;
                timers[fd].cancelled = false;
                timer_arm(fd);
        }
        pthread_mutex_unlock(&lock);
        if (cancelled) {
                errno = ECANCELED;
                return -1;
        }
        return n;
}

int close(int fd) {
        if (fd >= 0 && fd < FDS_MAX) {
                pthread_mutex_lock(&lock);
                timers[fd] = (struct timer){};
                pthread_mutex_unlock(&lock);
        }
        return (int)syscall(SYS_close, fd);
}

/* A time-out, in milliseconds, by the machine's time; never 0 for what was not. */
static int hastened(int timeout) {
        return timeout <= 0 ? timeout : (int)((timeout + rate - 1) / rate);
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
        return (int)syscall(SYS_poll, fds, n, hastened(timeout));
}

/* What _FORTIFY_SOURCE makes of poll(), in programs; here it is off. */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size) {
        return poll(fds, n, timeout);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask) {
        return (int)syscall(SYS_epoll_pwait, fd, events, max, hastened(timeout), mask, 8);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout) {
        return epoll_pwait(fd, events, max, timeout, NULL);
}
