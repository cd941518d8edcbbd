/*
 * rig: a simulated fleet: Azure, and one or more daemons with the real engine, azure, core and
 * config code on virtual machines of their own. Scenarios drive it, checks watch it.
 */
#pragma once

#include "checks.h"

#include "engine/engine.h"
#include "sim/network.h"
#include "sim/random.h"
#include "sim/service.h"
#include "sim/time.h"
#include "sim/trace.h"
#include "sim/zones.h"

#define RIG_NODES_MAX 2
/* 2026-11-02T00:00:00Z, a Monday. */
#define RIG_START INT64_C(1793577600)

struct rig;

/* One machine with a daemon, which may be dead. */
struct rig_node {
        struct rig *rig;
        struct sim_node *machine;
        struct network_link *link;
        struct sim_random *random;
        struct sim_log *log;
        struct secrets secrets;
        struct policy_file *file;
        struct engine *engine; /* NULL while it is dead */
        struct sim_event restart;
        char *policy; /* text of its policy file */
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
        unsigned n_kills;
        struct rig_node nodes[RIG_NODES_MAX];
        unsigned n_nodes;
        struct checks checks;
};

/* @echo: every line of the trace goes to standard output. Aborts when memory is out, as all here. */
void rig_init(struct rig *rig, const char *scenario, uint64_t seed, bool echo);
void rig_deinit(struct rig *rig);

/* A machine with a daemon on that policy text; the daemon starts at once. */
void rig_add_node(struct rig *rig, const char *policy);
/* The daemon dies: what it had in flight lands or not. It is started again @after_ns later. */
void rig_kill(struct rig_node *node, int64_t after_ns);

/* Runs event by event for that long, checking after each. */
void rig_run(struct rig *rig, int64_t ns);

/* Azure's hands. Names are of SERVICE_SUBSCRIPTION's group rg-app and rg-snapshots. */
void rig_add_disk(struct rig *rig, const char *name);
/* A snapshot that is not ours, with these tags (name, value, …, NULL). The value "@" stands for the
 * disk's generation. */
void rig_add_snapshot(struct rig *rig, const char *name, const char *disk, const char *const *tags);
