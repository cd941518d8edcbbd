/*
 * sim/time: virtual time. One heap of events, keyed by (instant, sequence), drives everything in a
 * simulation; nothing happens between two events, and an event runs only from sim_step() and
 * sim_run_until(), never from inside another call.
 *
 * There is one elapsed time for all (struct mono, from 0) and one true calendar time (its start plus
 * the elapsed time), which is the service's. A node is a machine: its wall clock is the true time
 * plus an offset of its own, which a step changes; its reactor delivers to its sources; it can be
 * suspended and resumed. A crash is the death of the process, not of the node: whoever kills frees
 * the engine, whose sources go with it (sim/network.h cuts its requests, sim/store.h tears its files).
 */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "base/reactor.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SIM_E_LIVELOCK = 1, /* SIM_EVENTS_AT_ONCE_MAX events ran and time did not move */
};

/* Chosen: a round of ten thousand disks that all act in one instant needs a tenth of it. */
#define SIM_EVENTS_AT_ONCE_MAX 2000000

struct sim;
struct sim_node;

/* @true_start is the true calendar time at mono 0. */
int sim_new(struct utc true_start, struct sim **ret_sim);
/* Every node and every event's owner must be gone before. */
struct sim *sim_free(struct sim *sim);
DEFINE_CLEANUP(struct sim *, sim_free)

struct mono sim_mono(const struct sim *sim);
/* The time of the service and of the checks, whatever the nodes' clocks say. */
struct utc sim_true_utc(const struct sim *sim);
/* The instant of the next event, or MONO_NEVER. */
struct mono sim_next(const struct sim *sim);
/* How many events have run. */
uint64_t sim_events(const struct sim *sim);

/* Runs the next event, moving time to it. Returns whether there was one. */
bool sim_step(struct sim *sim);
/* Runs all events up to and at @until, then moves time to it. Returns 0 or SIM_E_LIVELOCK. */
int sim_run_until(struct sim *sim, struct mono until);
/* The same, for @ns from now. */
int sim_run_for(struct sim *sim, int64_t ns);

/*
 * An event of the simulation's own (arrivals, scenario verbs), embedded in its owner and zeroed with
 * sim_event_init(). It runs once per arming; arming again moves it.
 */
typedef void (*sim_event_fn)(void *data);

struct sim_event {
        sim_event_fn fn;
        void *data;
        struct sim_node *node; /* held back while this node is suspended; NULL for none */
        int64_t at_ns;
        uint64_t sequence;
        size_t slot; /* place in the heap plus 1; 0 when not armed */
        bool parked; /* due, but its node is suspended */
};

void sim_event_init(struct sim_event *event, struct sim_node *node, sim_event_fn fn, void *data);
/* An instant that has passed counts as now. Returns 0 or -ENOMEM; MONO_NEVER disarms. */
int sim_event_arm(struct sim *sim, struct sim_event *event, struct mono at);
void sim_event_disarm(struct sim *sim, struct sim_event *event);
bool sim_event_is_armed(const struct sim_event *event);

/* @number tells nodes apart in faults, streams and traces. @wall_offset_ns is its clock's error. */
int sim_node_new(struct sim *sim, unsigned number, int64_t wall_offset_ns,
                 struct sim_node **ret_node);
/* Frees the sources that are left, too. */
struct sim_node *sim_node_free(struct sim_node *node);
DEFINE_CLEANUP(struct sim_node *, sim_node_free)

/* Borrowed; live as long as the node. */
struct clock *sim_node_clock(struct sim_node *node);
struct reactor *sim_node_reactor(struct sim_node *node);
struct sim *sim_node_sim(const struct sim_node *node);
unsigned sim_node_number(const struct sim_node *node);

/* Moves the node's wall clock by @ns; every armed utc source hears REACTOR_CLOCK_CHANGED. */
void sim_node_step_clock(struct sim_node *node, int64_t ns);
/* Error of the node's wall clock against true time. */
int64_t sim_node_clock_error_ns(const struct sim_node *node);

/* Nothing of the node runs until it is resumed; then what came due runs in its order, after
 * REACTOR_CLOCK_CHANGED to every armed utc source. Suspending a suspended node changes nothing. */
void sim_node_suspend(struct sim_node *node);
void sim_node_resume(struct sim_node *node);
bool sim_node_is_suspended(const struct sim_node *node);

/* Sources alive on the node: 0 after an engine was freed, or it leaks. */
size_t sim_node_sources(const struct sim_node *node);
