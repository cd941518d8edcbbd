/*
 * meter: a transport that counts what goes through it to another one, for monitoring. It changes
 * nothing.
 */
#pragma once

#include "azure/error.h"
#include "base/clock.h"
#include "base/transport.h"

struct meter;

#define METER_METHODS (HTTP_DELETE + 1)
#define METER_CLASSES (ARM_PROTOCOL + 1)

/* Since the daemon's start: it outlives reloads. */
struct meter_counts {
        uint64_t requests[METER_METHODS]; /* by enum http_method */
        uint64_t replies[METER_CLASSES];  /* by enum arm_class; where none came, TRANSIENT */
        double throttled_s;               /* the waits that throttled replies asked for, added up */
};

typedef void (*meter_busy_fn)(void *data);

/* @counts and @clock are borrowed; so is @below, which ends later. @busy is called after each request
 * that goes out. Returns NULL when memory is out. */
struct meter *meter_new(struct transport *below, struct clock *clock, struct meter_counts *counts,
                        meter_busy_fn busy, void *data);
/* No call is under way any more. Copes with NULL, returns NULL. */
struct meter *meter_free(struct meter *meter);
struct transport *meter_transport(struct meter *meter);
