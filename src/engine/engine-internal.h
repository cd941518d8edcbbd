/*
 * What the engine's own files share: the engine, its subscriptions, and the memory of failures.
 */
#pragma once

#include "azure/world.h"
#include "base/hash_table.h"
#include "engine/engine.h"
#include "engine/operation.h"
#include "engine/token.h"

#include <assert.h>

/* What is remembered of one action that did not come out, or whose effect is not seen yet. Lost
 * with the process, it only makes us ask again. */
struct memory {
        UT_hash_handle hh;
        struct backoff backoff;
        struct mono not_before; /* not admitted earlier */
        bool running;
        bool done;  /* succeeded since the world was read, which does not show it */
        bool told;  /* the failure is in the log */
        char key[]; /* "create group/name" or "delete group/name" */
};

struct subscription {
        struct engine *engine;
        char id[GUID_TEXT_SIZE];
        struct world *world; /* NULL until the first whole sweep */
        struct plan *plan;   /* of that world; NULL when it is to be made */
        bool may_delete;     /* the plan is the first of its world: its deletions may be admitted */
        bool touched;        /* a create was begun since the world's begin */
        size_t running;      /* actions under way */
        struct operation *sweep;
        struct mono next_sweep;   /* the next one at the latest */
        struct mono sweep_again;  /* after a failure, not before */
        struct backoff backoff;   /* of sweeps */
        bool failing;             /* the last sweep failed */
        struct mono closed_until; /* throttled: nothing is sent before */
        struct memory *memories;
        char *findings_told; /* the findings as last logged, so that each change is told once */
};

struct engine {
        struct services services;
        const struct policy_file *file;
        char *user_agent;
        struct token *token;
        struct reactor_source *run;   /* the engine's own turn, and its mono deadline */
        struct reactor_source *slots; /* the next slot on the wall clock, and clock steps */
        struct operation *operations; /* utlist, in the order they were begun */
        size_t n_operations;
        struct subscription *subscriptions;
        size_t n_subscriptions;
        struct engine_counts counts;
        struct engine_options options;
        bool started;
};

/* Have the engine run in the reactor's next turn. */
void engine_wake(struct engine *engine);

/* Nothing is sent to the subscription before @until; an earlier closing is not shortened. */
void subscription_close(struct subscription *s, struct mono until);

/* The memory of an action, made when it is not there. NULL when memory is out. */
struct memory *subscription_memory(struct subscription *s, const struct action *action);

/* Takes a whole new world over. */
void subscription_take_world(struct subscription *s, struct world *world, struct mono begin);
void subscription_sweep_failed(struct subscription *s, struct mono now);

/* report.c: what the log says of an action's end; counts it and sets when it may be tried again. */
void report_action(struct operation *op, const struct action *action, const char *success,
                   struct mono now);
void report_sweep_failure(struct operation *op, struct mono now);
void report_findings(struct subscription *s);
