/*
 * loop: the real clock and the real reactor, over one libuv loop.
 *
 * A turn is: timers, the hook of loop_before_wait(), waiting for events, their callbacks, then
 * every source scheduled up to there once. What is scheduled while those run has its run in the
 * next turn, which does not wait. A loop with nothing scheduled and no deadline due sleeps: it has
 * no tick of its own.
 *
 * Deadlines are timerfds, created when a source is first armed: on CLOCK_BOOTTIME, since libuv's
 * own timers stand still in suspend; on CLOCK_REALTIME with TFD_TIMER_CANCEL_ON_SET, since a
 * schedule must hear of clock steps at once and not when a timer of the old time runs out.
 *
 * One thread. Nothing here may be called from another one, or from a signal handler.
 */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "base/reactor.h"

#include <stdint.h>

struct loop;
struct loop_watch;

/* What a watched descriptor is ready for; also what is asked for. */
enum {
        LOOP_READABLE = 1 << 0,
        LOOP_WRITABLE = 1 << 1,
        LOOP_FAILED = 1 << 2, /* reported alone, never asked for; the watch has stopped */
};

typedef void (*loop_signal_fn)(int signum, void *data);
typedef void (*loop_watch_fn)(unsigned events, void *data);
typedef void (*loop_hook_fn)(void *data);

/* Returns 0, -ENOMEM, or another negative errno when the system has no descriptors left. */
int loop_new(struct loop **ret_loop);

/*
 * Ends the loop: every handle is closed once, freed in its close callback, and the loop runs until
 * it is empty. Sources, watches and signal handlers that are still there go with it, without a
 * call; so whoever owns one is freed before its loop. Never from inside a callback. Copes with
 * NULL, returns NULL.
 */
struct loop *loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free)

/* Both live as long as the loop. */
struct clock *loop_clock(struct loop *loop);
struct reactor *loop_reactor(struct loop *loop);

/* Turns so far. It stands still while the loop sleeps, and while a callback hangs: what feeds a
 * watchdog arms a deadline, and is called only when the loop turns. */
uint64_t loop_turns(const struct loop *loop);

/* Runs turns until loop_stop(); also when nothing is there that could ever wake it, since a signal
 * may. Returns 0, or a negative errno when called from inside itself (-EBUSY). */
int loop_run(struct loop *loop);

/* The turn under way is the last. Called before loop_run(), that returns at once. */
void loop_stop(struct loop *loop);

/* Calls @fn in a turn whenever @signum arrives; several that arrive at once may be one call. The
 * later handler of a signal replaces the earlier one. Returns 0 or a negative errno. */
int loop_on_signal(struct loop *loop, int signum, loop_signal_fn fn, void *data);

/* Calls @fn in every turn right before the loop would wait: the place to ask a library what it
 * wants polled. It may schedule and arm. There is one hook; NULL takes it away. */
void loop_before_wait(struct loop *loop, loop_hook_fn fn, void *data);

/*
 * Watches @fd, which the caller owns and keeps open until loop_watch_free(), for LOOP_READABLE and
 * LOOP_WRITABLE as last said by loop_watch_set(); at first for nothing. @fd is made non-blocking.
 * The callback may do anything, freeing its watch included. Level-triggered.
 *
 * Returns 0, -EEXIST for a descriptor watched already, -EPERM for one that cannot be polled (a
 * regular file), or another negative errno.
 */
int loop_watch_new(struct loop *loop, int fd, loop_watch_fn fn, void *data,
                   struct loop_watch **ret_watch);
/* After this the callback does not run any more and @fd may be closed. Copes with NULL, returns
 * NULL. */
struct loop_watch *loop_watch_free(struct loop_watch *watch);
DEFINE_CLEANUP(struct loop_watch *, loop_watch_free)
/* Costs nothing when @events is what is watched already. Returns 0 or a negative errno. */
int loop_watch_set(struct loop_watch *watch, unsigned events);
