#include "sim/trace.h"

#include "base/strbuf.h"
#include "sim/random.h"
#include "sim/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct sim_trace {
        struct sim *sim;
        sim_trace_fn fn;
        void *data;
        uint64_t hash, lines;
        struct strbuf tail[SIM_TRACE_TAIL]; /* line i is in i modulo the size */
};

struct sim_log {
        struct log log;
        struct sim_trace *trace;
        unsigned node;
        uint64_t counts[LOG_LEVEL_DEBUG + 1];
        sim_log_fn fn;
        void *data;
};

int sim_trace_new(struct sim *sim, sim_trace_fn fn, void *data, struct sim_trace **ret_trace) {
        struct sim_trace *trace;

        trace = calloc(1, sizeof(*trace));
        if (!trace)
                return -ENOMEM;

        trace->sim = sim;
        trace->fn = fn;
        trace->data = data;
        trace->hash = SIM_HASH_START;
        *ret_trace = trace;
        return 0;
}

struct sim_trace *sim_trace_free(struct sim_trace *trace) {
        if (!trace)
                return NULL;

        for (size_t i = 0; i < SIM_TRACE_TAIL; i++)
                strbuf_deinit(&trace->tail[i]);
        free(trace);
        return NULL;
}

/* Begins the next line with the time and the node. */
static struct strbuf *trace_begin(struct sim_trace *trace, unsigned node) {
        struct strbuf *line = &trace->tail[trace->lines % SIM_TRACE_TAIL];
        int64_t ns = sim_mono(trace->sim).ns;

        strbuf_clear(line);
        strbuf_append_char(line, '+');
        sim_append_number(line, (uint64_t)(ns / NSEC_PER_SEC), 1);
        strbuf_append_char(line, '.');
        sim_append_number(line, (uint64_t)(ns % NSEC_PER_SEC), 9);
        strbuf_append_str(line, " n");
        sim_append_number(line, node, 1);
        strbuf_append_char(line, ' ');
        return line;
}

/* A line that memory was short for is still a line, so that the count tells; a simulation goes on
 * from there to fail by itself. */
static void trace_end(struct sim_trace *trace, struct strbuf *line) {
        if (line->error)
                strbuf_clear(line);
        for (size_t i = 0; i < line->len; i++)
                if ((unsigned char)line->data[i] < 0x20)
                        line->data[i] = '?';

        trace->hash = sim_hash_bulk(trace->hash, strbuf_str(line), line->len);
        trace->lines++;
        if (trace->fn)
                trace->fn(strbuf_str(line), line->len, trace->data);
}

void sim_trace_say(struct sim_trace *trace, unsigned node, const char *format, ...) {
        struct strbuf *line;
        va_list ap;

        if (!trace)
                return;

        line = trace_begin(trace, node);
        va_start(ap, format);
        strbuf_vappendf(line, format, ap);
        va_end(ap);
        trace_end(trace, line);
}

void sim_trace_write(struct sim_trace *trace, unsigned node, const char *text, size_t len) {
        struct strbuf *line;

        if (!trace)
                return;

        line = trace_begin(trace, node);
        strbuf_append(line, text, len);
        trace_end(trace, line);
}

uint64_t sim_trace_hash(const struct sim_trace *trace) {
        return trace->hash;
}

uint64_t sim_trace_lines(const struct sim_trace *trace) {
        return trace->lines;
}

const char *sim_trace_tail(const struct sim_trace *trace, size_t n) {
        if (n >= SIM_TRACE_TAIL || n >= trace->lines)
                return NULL;
        return strbuf_str(&trace->tail[(trace->lines - 1 - n) % SIM_TRACE_TAIL]);
}

static void sim_log_write(struct log *interface, const struct log_entry *entry) {
        struct sim_log *log = container_of(interface, struct sim_log, log);
        struct strbuf *line;

        if (entry->level <= LOG_LEVEL_DEBUG)
                log->counts[entry->level]++;
        if (log->fn)
                log->fn(entry, log->data);
        if (!log->trace)
                return;

        line = trace_begin(log->trace, log->node);
        strbuf_append_str(line, log_level_name(entry->level));
        strbuf_append_char(line, ' ');
        strbuf_append_str(line, entry->message);
        for (unsigned i = 0; i < _LOG_FIELD_N; i++) {
                if (!entry->fields[i])
                        continue;
                strbuf_append_char(line, ' ');
                strbuf_append_str(line, log_field_key((enum log_field_name)i));
                strbuf_append_char(line, '=');
                strbuf_append_str(line, entry->fields[i]);
        }
        trace_end(log->trace, line);
}

int sim_log_new(struct sim_trace *trace, unsigned node, enum log_level most,
                struct sim_log **ret_log) {
        static const struct log_ops ops = {.write = sim_log_write};
        struct sim_log *log;

        log = calloc(1, sizeof(*log));
        if (!log)
                return -ENOMEM;

        log->log = (struct log){.ops = &ops, .most = most};
        log->trace = trace;
        log->node = node;
        *ret_log = log;
        return 0;
}

struct sim_log *sim_log_free(struct sim_log *log) {
        free(log);
        return NULL;
}

struct log *sim_log_interface(struct sim_log *log) {
        return &log->log;
}

uint64_t sim_log_count(const struct sim_log *log, enum log_level level) {
        return log->counts[level];
}

void sim_log_watch(struct sim_log *log, sim_log_fn fn, void *data) {
        log->fn = fn;
        log->data = data;
}
