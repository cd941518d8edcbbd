/*
 * engine: keeps the plan of every subscription true, one round after the other.
 *
 * What it does follows from what is there, not from where it was: its run looks at each
 * subscription and does the next thing that is missing. Without a world it reads one; with slots due
 * it creates; after it has created it reads again; from a world that nothing of ours has changed
 * since it deletes what the plan names. Then it sleeps until the next slot, retry or sweep.
 *
 * It decides nothing about snapshots: planner_run() does, and the engine admits its actions.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/planner.h"
#include "core/policy.h"
#include "engine/services.h"

struct engine;

/* Chosen: disks come and go, hands hold and tag; a sweep at least this often sees it. A page of a
 * listing costs one of about 240 in 3 minutes (FACTS section 9). */
#define ENGINE_SWEEP_S 900
/* Chosen: while a snapshot is under way that we found and did not make, or whose data the service is
 * still copying, which takes minutes. */
#define ENGINE_LOOK_AGAIN_S 60

/* Counts since the start. */
struct engine_counts {
        uint64_t created;
        uint64_t deleted;
        uint64_t create_failures;
        uint64_t delete_failures;
        uint64_t sweep_failures;
        uint64_t sweeps;
};

/* Called from the reactor's turn when nothing is under way and nothing can be begun right now. */
typedef void (*engine_settled_fn)(void *data);

struct engine_options {
        const char *version; /* for the User-Agent */
        bool look_only;      /* reads and plans, admits nothing: for those who only want to see */
        engine_settled_fn settled;
        void *data;
};

/* @file is borrowed and outlives the engine. Nothing happens before engine_start(). Returns 0 or a
 * negative errno. */
int engine_new(const struct services *services, const struct policy_file *file,
               const struct engine_options *options, struct engine **ret_engine);
/* In silence, at any moment: requests in flight are forgotten. Copes with NULL, returns NULL. */
struct engine *engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free)

void engine_start(struct engine *engine);

/* Whether every subscription was read, and nothing that is due has failed since. */
bool engine_is_well(const struct engine *engine);
const struct engine_counts *engine_counts(const struct engine *engine);
/* One line of use: "20 disks, newest 12 s, next db01-data 14:00:00Z". */
void engine_summary(const struct engine *engine, struct strbuf *out);

/* The last plan of the @i-th subscription, or NULL when it was not read yet; @i below the count. */
size_t engine_n_subscriptions(const struct engine *engine);
const struct plan *engine_plan(const struct engine *engine, size_t i);
/* What the plan was made from, borrowed until the reactor's next turn. False as above. */
bool engine_view(const struct engine *engine, size_t i, struct world_view *ret_view);
