/*
 * sim/trace: everything that crosses an interface of a simulation, as lines of text, with a running
 * hash. One seed gives one trace, byte for byte, whatever compiler, sanitizer and address layout:
 * lines hold virtual times, names, numbers, statuses and hashes of bodies, and never an address, a
 * floating point number or text of the system's.
 *
 *         +12.500000000 n1 > PUT https://arm.sim/subscriptions/... 312 bytes #9f...
 *         +12.612000000 n1 < 202 in 112000000 ns 678 bytes #41...
 *         +12.612000000 n1 info snapshot of disk-1 is under way SNAPKEEP_DISK=...
 *
 * Authorization headers and bodies are not written.
 */
#pragma once

#include "base/log.h"
#include "base/macros.h"
#include "sim/time.h"

#include <stddef.h>
#include <stdint.h>

struct sim_trace;

/* Lines that are remembered for sim_trace_tail(). */
#define SIM_TRACE_TAIL 256

/* Takes each line, without a newline. */
typedef void (*sim_trace_fn)(const char *line, size_t len, void *data);

/* @fn may be NULL: only hash and tail are kept. */
int sim_trace_new(struct sim *sim, sim_trace_fn fn, void *data, struct sim_trace **ret_trace);
struct sim_trace *sim_trace_free(struct sim_trace *trace);
DEFINE_CLEANUP(struct sim_trace *, sim_trace_free)

/* Writes one line for a node; @node 0 stands for the world. Copes with @trace NULL. */
_printf_(3, 4) void sim_trace_say(struct sim_trace *trace, unsigned node, const char *format, ...);

/* The same with a line that is there already. */
void sim_trace_write(struct sim_trace *trace, unsigned node, const char *text, size_t len);

/* Over all lines, in their order. */
uint64_t sim_trace_hash(const struct sim_trace *trace);
uint64_t sim_trace_lines(const struct sim_trace *trace);
/* The @n-th line from the end, 0 being the last; NULL when it is not remembered. Borrowed until the
 * next line. */
const char *sim_trace_tail(const struct sim_trace *trace, size_t n);

/* struct log of base whose entries go into the trace. */
struct sim_log;

int sim_log_new(struct sim_trace *trace, unsigned node, enum log_level most,
                struct sim_log **ret_log);
struct sim_log *sim_log_free(struct sim_log *log);
DEFINE_CLEANUP(struct sim_log *, sim_log_free)

struct log *sim_log_interface(struct sim_log *log);
/* Entries of this level so far. */
uint64_t sim_log_count(const struct sim_log *log, enum log_level level);
/* Called with every entry, before it goes into the trace: for checks of what is said. NULL: none. */
typedef void (*sim_log_fn)(const struct log_entry *entry, void *data);
void sim_log_watch(struct sim_log *log, sim_log_fn fn, void *data);
