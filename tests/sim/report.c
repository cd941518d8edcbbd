/*
 * What all runs came to, and whether that is enough to have shown anything.
 */
#include "story.h"

#include <stdio.h>

/* What a long run must come to (the short one: each kind once). */
#define LONG_FAULTS 10000
#define LONG_WORDS 500
#define LONG_DOUBTS 500
#define LONG_DELETIONS 1000000
#define LONG_SHAPES 1000
#define LONG_EVALUATED 100000
#define SHORT_EVALUATED 100

void counts_add(struct story_counts *sum, const struct story_counts *more) {
        sum->runs += more->runs;
        sum->cycles += more->cycles;
        sum->requests += more->requests;
        sum->creations += more->creations;
        sum->deletions += more->deletions;
        sum->kills += more->kills;
        for (int i = 0; i < _EVENT_N; i++)
                sum->events[i] += more->events[i];
        for (int i = 0; i < _NETWORK_FAULT_N; i++)
                sum->faults[i] += more->faults[i];
        for (int i = 0; i < _SHAPE_N; i++)
                sum->shapes[i] += more->shapes[i];
        for (int i = 0; i < _PROMISE_N; i++) {
                sum->evaluated[i] += more->evaluated[i];
                sum->tempted[i] += more->tempted[i];
        }
        for (int i = 0; i < _DOUBT_N; i++) {
                sum->doubts.begun[i] += more->doubts.begun[i];
                sum->doubts.ended[i] += more->doubts.ended[i];
        }
}

void report_print(const struct story_counts *c) {
        printf("# %llu runs, %llu cycles, %llu requests, %llu created, %llu deleted, %llu kills\n",
               (unsigned long long)c->runs, (unsigned long long)c->cycles,
               (unsigned long long)c->requests, (unsigned long long)c->creations,
               (unsigned long long)c->deletions, (unsigned long long)c->kills);
        printf("# faults of the network:");
        for (int i = NETWORK_NO_FAULT + 1; i < _NETWORK_FAULT_N; i++)
                printf(" %s %llu", network_fault_name((enum network_fault)i),
                       (unsigned long long)c->faults[i]);
        printf("\n# events:");
        for (int i = 0; i < _EVENT_N; i++)
                printf(" %s %llu", event_name((enum event_kind)i),
                       (unsigned long long)c->events[i]);
        printf("\n# runs with:");
        for (int i = 0; i < _SHAPE_N; i++)
                printf(" %s %llu", shape_name((enum story_shape)i),
                       (unsigned long long)c->shapes[i]);
        printf("\n# doubts (begun/ended):");
        for (int i = 0; i < _DOUBT_N; i++)
                printf(" %s %llu/%llu", doubt_name((enum doubt)i),
                       (unsigned long long)c->doubts.begun[i],
                       (unsigned long long)c->doubts.ended[i]);
        printf("\n# checks (evaluated):");
        for (int i = 0; i < _PROMISE_N; i++)
                printf(" %s %llu", promise_name((enum promise)i),
                       (unsigned long long)c->evaluated[i]);
        printf("\n# checks (tempted):");
        for (int i = 0; i < _PROMISE_N; i++)
                if (c->tempted[i] > 0)
                        printf(" %s %llu", promise_name((enum promise)i),
                               (unsigned long long)c->tempted[i]);
        printf("\n");
}

void report_json(const struct story_counts *c, struct strbuf *out) {
        struct json_writer w = {.out = out, .pretty = true};

        json_open(&w, NULL, '{');
        json_write_int(&w, "runs", (int64_t)c->runs);
        json_write_int(&w, "cycles", (int64_t)c->cycles);
        json_write_int(&w, "requests", (int64_t)c->requests);
        json_write_int(&w, "creations", (int64_t)c->creations);
        json_write_int(&w, "deletions", (int64_t)c->deletions);
        json_write_int(&w, "kills", (int64_t)c->kills);
        json_open(&w, "faults", '{');
        for (int i = NETWORK_NO_FAULT + 1; i < _NETWORK_FAULT_N; i++)
                json_write_int(&w, network_fault_name((enum network_fault)i),
                               (int64_t)c->faults[i]);
        json_close(&w);
        json_open(&w, "events", '{');
        for (int i = 0; i < _EVENT_N; i++)
                json_write_int(&w, event_name((enum event_kind)i), (int64_t)c->events[i]);
        json_close(&w);
        json_open(&w, "shapes", '{');
        for (int i = 0; i < _SHAPE_N; i++)
                json_write_int(&w, shape_name((enum story_shape)i), (int64_t)c->shapes[i]);
        json_close(&w);
        json_open(&w, "doubts", '{');
        for (int i = 0; i < _DOUBT_N; i++) {
                json_open(&w, doubt_name((enum doubt)i), '{');
                json_write_int(&w, "begun", (int64_t)c->doubts.begun[i]);
                json_write_int(&w, "ended", (int64_t)c->doubts.ended[i]);
                json_close(&w);
        }
        json_close(&w);
        json_open(&w, "checks", '{');
        for (int i = 0; i < _PROMISE_N; i++)
                json_write_int(&w, promise_name((enum promise)i), (int64_t)c->evaluated[i]);
        json_close(&w);
        json_close(&w);
}

static bool enough(const char *what, const char *name, uint64_t n, uint64_t wanted) {
        if (n >= wanted)
                return true;
        printf("# not enough: %s %s, %llu of %llu\n", what, name, (unsigned long long)n,
               (unsigned long long)wanted);
        return false;
}

bool report_is_enough(const struct story_counts *c, bool long_run) {
        bool ok = true;

        for (int i = NETWORK_NO_FAULT + 1; i < _NETWORK_FAULT_N; i++)
                ok &= enough("fault", network_fault_name((enum network_fault)i), c->faults[i],
                             long_run ? LONG_FAULTS : 1);
        for (int i = 0; i < _EVENT_N; i++)
                ok &= enough("event", event_name((enum event_kind)i), c->events[i],
                             !long_run               ? 1
                             : i < _EVENT_FIRST_WORD ? LONG_FAULTS
                                                     : LONG_WORDS);
        for (int i = 0; i < _SHAPE_N; i++)
                ok &= enough("runs with", shape_name((enum story_shape)i), c->shapes[i],
                             long_run ? LONG_SHAPES : 1);
        for (int i = 0; i < _DOUBT_N; i++) {
                ok &= enough("doubt raised", doubt_name((enum doubt)i), c->doubts.begun[i],
                             long_run ? LONG_DOUBTS : 1);
                ok &= enough("doubt ended", doubt_name((enum doubt)i), c->doubts.ended[i],
                             long_run ? LONG_DOUBTS : 1);
        }
        for (int i = 0; i < _PROMISE_N; i++)
                ok &= enough("check", promise_name((enum promise)i), c->evaluated[i],
                             long_run ? LONG_EVALUATED : SHORT_EVALUATED);
        if (long_run)
                ok &= enough("deletions", "", c->deletions, LONG_DELETIONS);
        return ok;
}
