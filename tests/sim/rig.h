/*
 * rig: a simulated fleet: Azure, and one or more daemons with the real engine, azure, core and
 * config code on virtual machines of their own. Scenarios and generated runs drive it, checks watch
 * it.
 *
 * A story is told like this:
 *
 *         rig->checks.intents[rig->checks.n_intents++] = gold;    what is wanted, for the checks
 *         rig_add_disk(rig, "disk-1");
 *         rig_add_node(rig, gold_policy);                         the same, for the daemon
 *         rig_run(rig, 6 * HOUR_NS);                              checked after every event
 *         checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
 *
 * In between it may use every verb of sim/service.h (with sim_true_utc(rig->sim) as their instant),
 * sim/network.h and sim/store.h on rig->service, rig->network and node->store. What a daemon is told
 * by its operator goes through the rig_ functions below, since the checks must know of it.
 */
#pragma once

#include "checks.h"

#include "engine/engine.h"
#include "sim/network.h"
#include "sim/random.h"
#include "sim/service.h"
#include "sim/store.h"
#include "sim/time.h"
#include "sim/trace.h"
#include "sim/zones.h"

#define RIG_NODES_MAX CHECKS_NODES_MAX
/* Events in one instant with nothing sent, arrived or answered between them. Chosen: a listing that ends a
 * round has one for each of its disks, 1,001 with a thousand; generated runs have 2. */
#define RIG_TURNS_MAX 20000
/* 2026-11-02T00:00:00Z, a Monday. */
#define RIG_START INT64_C(1793577600)
/* A zone of the fixtures, and the same for glibc: what Europe/Stockholm has had since 1996. */
/* The application that deletes where a policy has two identities. It may do no more than that; the
 * machine's own identity may then do all else (rig_two_identities()). */
#define RIG_PRUNER "44444444-4444-4444-8444-444444444444"
#define RIG_ZONE "Europe/Stockholm"
#define RIG_ZONE_POSIX "CET-1CEST,M3.5.0,M10.5.0/3"

struct rig;
struct watched;

/* One machine with a daemon, which may be dead. */
struct rig_node {
        struct rig *rig;
        unsigned number; /* from 1, as in effects and events */
        struct sim_node *machine;
        struct network_link *link;
        struct transport transport; /* before the link's: tells the checks what is sent and heard */
        struct watched *watched;    /* calls under way */
        struct sim_random *random;
        struct sim_store *store;
        bool damaged;            /* its files were cut off, and nothing was written since */
        uint64_t damaged_change; /* sim_store_changes() then */
        struct sim_log *log;
        struct secrets secrets;
        struct policy_file *file;
        struct engine *engine; /* NULL while it is dead */
        struct sim_event restart;
        char *policy; /* text of its policy file */
};

/* What the engines' own counters said, those of dead ones too. */
struct rig_doubts {
        uint64_t begun[_DOUBT_N], ended[_DOUBT_N];
};

struct rig {
        uint64_t seed;
        const char *scenario;
        struct sim *sim;
        struct service *service;
        struct sim_trace *trace;
        struct network *network;
        struct sim_zones *zones;
        struct sim_stream kills; /* when daemons die */
        uint32_t kill_per_million;
        uint64_t kill_at; /* this request's daemon dies; 0 for none */
        enum network_hook kill_when;
        int64_t kill_down_ns; /* how long it is dead then */
        unsigned n_kills;
        bool unchecked;          /* of daemons added from here on: nothing is checked or traced */
        enum log_level log_most; /* of daemons added from here on; 0: LOG_LEVEL_DEBUG */
        /* Called at the service's side of each request after the checks; NULL for none. */
        void (*hook)(enum network_hook when, const struct network_event *event, struct rig *rig);
        void *hook_data;
        struct rig_node nodes[RIG_NODES_MAX];
        unsigned n_nodes;
        struct rig_doubts doubts;     /* of engines that have ended: ask rig_count_doubts() */
        unsigned invariants_expected; /* engine_invariant_broken() was called so often by us */
        struct mono turns_at;         /* when the last event ran, */
        uint64_t turns_wire;          /* what had passed the wires by then, */
        unsigned turns;               /* and how many before it since either changed */
        uint64_t passed;              /* arrivals at the service, and replies that were read */
        struct checks checks;
};

/* Life. All of it aborts when memory is out. */

/* Time begins at RIG_START, with the empty groups rg-app and rg-snapshots in SERVICE_SUBSCRIPTION.
 * @echo: every line of the trace goes to standard output. */
void rig_init(struct rig *rig, const char *scenario, uint64_t seed, bool echo);
/* The same at another time. */
void rig_init_at(struct rig *rig, const char *scenario, uint64_t seed, bool echo, struct utc start);
void rig_deinit(struct rig *rig);

/* Runs event by event for that long, checking after each. Stops where a promise is broken. */
void rig_run(struct rig *rig, int64_t ns);
/* The same until @done says so; at most @ns. Returns whether it did. */
bool rig_run_until(struct rig *rig, int64_t ns, bool (*done)(const struct rig *rig, void *data),
                   void *data);

/* Adds CHECKS_OTHER_SUBSCRIPTION, with rg-other beside the same empty groups. */
void rig_two_subscriptions(struct rig *rig);
/* From here on the machine's identity may not delete, and the pruner nothing else. */
void rig_two_identities(struct rig *rig);

/* The last lines of the trace, as comments of TAP. */
void rig_print_tail(const struct rig *rig);

/* Machines. rig->nodes[0] is the first one added. */

/* A machine with a daemon on that policy text; the daemon starts at once. */
void rig_add_node(struct rig *rig, const char *policy);
/* The daemon dies: what it had in flight lands or not, its store is torn. It is started again
 * @after_ns later; below 0: not by itself. Nothing when it is dead. */
void rig_kill(struct rig_node *node, int64_t after_ns);
/* Starts a dead daemon now. */
void rig_start(struct rig_node *node);
/* The daemon gets another policy file, as by SIGHUP: its engine is replaced; dead ones start on it.
 * The text must be right. */
void rig_reload(struct rig_node *node, const char *policy);
/* RIG_ZONE is not installed any more, or is again. Daemons that have it keep it until they start again, which
 * one with the zone in its file then cannot. */
void rig_lose_zone(struct rig *rig);
void rig_restore_zone(struct rig *rig);
/* The machine's wall clock moves by @ns; back by the same with the sign changed. */
void rig_step_clock(struct rig_node *node, int64_t ns);
/* The machine sleeps and wakes; the service goes on. */
void rig_suspend(struct rig_node *node);
void rig_resume(struct rig_node *node);
/* All files of the state directory are gone; the daemon, if alive, dies and is started again. */
void rig_lose_state(struct rig_node *node);
/* They are cut off somewhere (@how says where), and whatever starts on them cannot read them; the same
 * else. Returns whether there were any. */
bool rig_damage_state(struct rig_node *node, uint64_t how);
/* They are whole, and the next start cannot read them (@error, a negative errno). */
void rig_unread_state(struct rig_node *node, int error);
/* A person stops the daemon, puts back what it set aside first, and starts it. */
void rig_put_state_back(struct rig_node *node);

/* The operator's words. Each does nothing on a dead daemon. */

/* Acks every doubt and question that stands and can be acked; how many. */
unsigned rig_ack_all(struct rig_node *node);
/* The same for one kind alone: DOUBT_BIT()s and BLOCK_ASK. */
unsigned rig_ack(struct rig_node *node, uint32_t bits);
/* Whether one of these (DOUBT_BIT()s, BLOCK_*) stands. */
bool rig_doubts(const struct rig_node *node, uint32_t bits);
void rig_pause(struct rig_node *node, bool all, int64_t ns);
void rig_unpause(struct rig_node *node);
/* Applies the plan as it is. Returns whether it was taken. */
bool rig_apply(struct rig_node *node);
/* Retires the generation. Returns whether it was taken. */
bool rig_retire(struct rig_node *node, const struct guid *generation);
/* Orders the snapshot of that ARM id to be held, or released. Returns whether that was taken. */
bool rig_hold(struct rig_node *node, const char *id, const char *reason);
bool rig_release(struct rig_node *node, const char *id);
/* Orders a backup of the disk (a name, or its id) under the policy. Returns whether it was taken. */
bool rig_backup(struct rig_node *node, const char *disk, int64_t keep_s, const char *policy);
/* Orders it to be adopted under the policy; "": the only one that selects its disk. */
bool rig_adopt(struct rig_node *node, const char *id, const char *policy);
/* engine_invariant_broken(), which is expected then. */
void rig_break_invariant(struct rig_node *node, const struct guid *generation);

/* Engines' doubts so far, those of living engines included. */
struct rig_doubts rig_count_doubts(const struct rig *rig);

/* Azure's hands. Names are of SERVICE_SUBSCRIPTION's groups rg-app and rg-snapshots. */

/* A Premium_LRS disk with the tag backup=gold. */
void rig_add_disk(struct rig *rig, const char *name);
/* The ARM id of a disk in rg-app, in a buffer that the next call but three overwrites. */
const char *rig_disk_id(const char *name);
/* The living disk of that name in rg-app, or NULL. */
const struct service_resource *rig_disk(const struct rig *rig, const char *name);
/* A snapshot that is not ours, with these tags (name, value, …, NULL). The value "@" stands for the
 * disk's generation. */
void rig_add_snapshot(struct rig *rig, const char *name, const char *disk, const char *const *tags);
/* One that somebody takes of the disk now, without tags. */
void rig_add_by_hand(struct rig *rig, const char *name, const char *disk);
/* One that is ours in all: tags and derived name, complete, made at its slot. @slot_s is before the
 * present; @policy and @keep as in the tags ("last=3;pick=first;zone=UTC"). */
void rig_add_ours(struct rig *rig, const char *disk, const char *owner, const char *policy,
                  const char *keep, int64_t slot_s);
/* The @nth (0: the oldest) of ours that lives and is complete, by slot; NULL when there are fewer. */
const struct service_resource *rig_ours(struct rig *rig, const char *disk, size_t nth);
