/*
 * simulate: what the files of the verb share: a policy file run over a made-up fleet in the simulated
 * Azure, in virtual time and in this process.
 *
 *         verb-simulate.c        the verb: its options, the run, progress
 *         verb-simulate-fleet.c  disks and groups that the targets select
 *         verb-simulate-tally.c  what happens, counted as it happens, from the service's own truth
 *         verb-simulate-ahead.c  limits that are met after the last day, or never
 *         verb-simulate-show.c   the answer
 *
 * Nothing in it depends on this machine's clock, randomness or network: the same policy, zone files
 * and seed give the same answer, byte for byte.
 */
#pragma once

#include "core/doubts.h"
#include "core/policy.h"
#include "engine/engine.h"
#include "sim/network.h"
#include "sim/random.h"
#include "sim/service.h"
#include "sim/store.h"
#include "sim/time.h"
#include "snapkeepctl/ctl.h"

/* 2026-11-02T00:00:00Z, a Monday. One for all runs, since the answer is to be the same tomorrow. */
#define SIMULATE_START INT64_C(1793577600)
/* Chosen: a hundred years, and more disks than a target is looked at with; both end in minutes. */
#define SIMULATE_DAYS_MAX 36500
#define SIMULATE_DISKS_MAX 10000
#define SIMULATE_DAYS_DEFAULT 30
#define SIMULATE_DISKS_DEFAULT 3
#define SIMULATE_SERIES_MAX 1000000

enum simulate_faults {
        SIMULATE_FAULTS_NONE,
        SIMULATE_FAULTS_SOME,
        SIMULATE_FAULTS_MANY,
        _SIMULATE_FAULTS_N,
};

enum simulate_limit_kind {
        LIMIT_CHAIN_WARNING,
        LIMIT_CHAIN_CRITICAL,
        LIMIT_CHAIN_FULL,
        LIMIT_BURST,
        LIMIT_FIRST_BUDGET,
        LIMIT_ARM_READS = LIMIT_FIRST_BUDGET,
        LIMIT_ARM_WRITES,
        LIMIT_ARM_DELETES,
        LIMIT_CREATES_3MIN,
        LIMIT_CREATES_30MIN,
        LIMIT_DELETES_3MIN,
        LIMIT_DELETES_30MIN,
        LIMIT_GETS_3MIN,
        LIMIT_GETS_30MIN,
        LIMIT_LISTS_3MIN,
        LIMIT_LISTS_30MIN,
        _LIMIT_N,
};

enum simulate_when {
        LIMIT_OPEN,  /* not met before @at, and not known further */
        LIMIT_MET,   /* in the run, at @at */
        LIMIT_AHEAD, /* after the run, at @at, when all goes on as the policy says */
        LIMIT_NEVER, /* the policy cannot come to it */
};

struct simulate_limit {
        enum simulate_when when;
        struct utc at;
        uint64_t most; /* what it came to in the run */
        size_t disk;   /* LIMIT_CHAIN_*, LIMIT_BURST: the first one to meet it */
};

/* A name for programs, words for people, and the most that is allowed. */
struct simulate_limit_word {
        const char *name, *text;
        uint64_t max;
};
extern const struct simulate_limit_word simulate_limit_words[_LIMIT_N];

struct simulate;

struct simulate_disk {
        struct resource_id id;
        struct guid unique_id;
        char generation[GUID_TEXT_SIZE];
        const char *sku;                    /* static */
        size_t first_series, n_series;      /* in simulate->series, in the order of the policies */
        size_t chain;                       /* snapshots alive */
        struct utc recent[CHAIN_BURST_MAX]; /* a ring of the last ones' creation */
        uint64_t n_created;
};

struct simulate_key {
        struct guid unique_id;
        size_t disk;
};

/* A disk under a policy. */
struct simulate_series {
        struct simulate *simulate;
        size_t disk, policy;
        int64_t jitter_s;
        struct sim_event due;      /* the start of @next */
        struct utc next;           /* slot */
        struct utc slot, previous; /* the one under way and the one before; UTC_NONE for none */
        bool filled, previous_filled;
        bool waiting;                   /* its start has come, and no PUT yet */
        struct utc started;             /* since then */
        struct retention_point *points; /* owned: what is alive at the end, oldest first */
        size_t n_points, points_capacity;
};

/* Why a snapshot is there at the end; one may have several reasons. */
enum simulate_reason {
        REASON_FIRST_RULE, /* REASON_FIRST_RULE + enum keep_rule */
        REASON_WITHIN = REASON_FIRST_RULE + _KEEP_RULE_N,
        REASON_MIN_KEEP,
        REASON_MIN_AGE,
        REASON_NO_KEEP,
        REASON_PRUNE_OFF,
        REASON_SUPERSEDED, /* goes in a later round, or is held back */
        REASON_NOT_COMPLETE,
        _REASON_N,
};
const char *simulate_reason_name(unsigned reason);

struct simulate_policy {
        size_t disks;
        uint64_t slots, taken, missed; /* the rest of the slots are open */
        uint64_t created, failed, deleted, alive;
        int64_t longest_wait_ns; /* from the start of a slot to its PUT */
        uint64_t reasons[_REASON_N];
};

struct simulate_day {
        size_t shortest, median, longest; /* chains, at its end */
        uint64_t alive, created, deleted, requests;
};

/* A kind of warnings and errors that the daemon would have logged. */
#define SIMULATE_TOLD_MAX 32
struct simulate_told {
        enum log_level level;
        char *reason, *message; /* owned; the first one's */
        uint64_t count;
        struct utc first;
};

struct simulate_standing {
        char *kind, *scope, *reason, *end; /* owned */
};

struct simulate {
        const char *path;
        int64_t seed;
        unsigned days;
        size_t disks_per_match;
        enum simulate_faults faults;
        bool refused; /* the daemon would not take the policy: it cannot work as written */
        struct policy_file *file;

        struct sim *sim;
        struct service *service;
        struct network *network;
        struct sim_node *node;
        struct network_link *link;
        struct sim_random *random;
        struct sim_store *store;
        struct secrets secrets;
        struct log log;
        struct engine *engine;
        struct sim_event answer; /* the operator's, to prune: ask */

        struct simulate_disk *disks; /* in the order of the file */
        size_t n_disks, disks_capacity;
        struct simulate_series *series; /* by disk, then by policy */
        size_t n_series;
        struct simulate_policy *policies; /* [file->n_policies] */
        struct simulate_day *by_day;      /* [days] */
        unsigned n_days;                  /* so many are over */
        size_t *lengths;                  /* [n_disks], to sort */
        struct simulate_key *keys;        /* [n_disks], by unique id */
        struct simulate_limit limits[_LIMIT_N];
        size_t effects;    /* of the journal, taken in */
        uint64_t requests; /* of the days that are over */
        size_t waiting;    /* series whose slot waits for its PUT */
        size_t most_waiting, most_in_flight;
        struct utc most_waiting_at, most_in_flight_at;
        uint64_t doubts_seen[_DOUBT_N];
        struct utc doubts_first[_DOUBT_N];
        uint64_t answered; /* questions of prune: ask */
        struct simulate_told told[SIMULATE_TOLD_MAX];
        size_t n_told;
        uint64_t told_left_out;
        struct simulate_standing *standing;
        size_t n_standing, standing_capacity;
        struct utc end;
        int error; /* of what runs in events, which return nothing; sticks */
};

/* "none", "some", "many". */
const char *simulate_faults_name(enum simulate_faults faults);

/* Makes what the targets select, and what the identity asks for, in simulate->service; then disks,
 * series and policies are there. Returns 0 or a negative errno. */
int simulate_make_fleet(struct simulate *simulate);

/* Begins to count: hooks, log, the events of the slots. Before the engine starts. */
int simulate_begin_tally(struct simulate *simulate);
/* Whenever the engine has come to rest. */
void simulate_settled(void *data);
/* A day is over. */
void simulate_end_day(struct simulate *simulate);
/* The run is over: open slots, what is alive and why, what stands. Returns 0 or a negative errno. */
int simulate_end_tally(struct simulate *simulate);
void simulate_tally_deinit(struct simulate *simulate);

/* The limits that were not met in the run. Returns 0 or a negative errno. */
int simulate_look_ahead(struct simulate *simulate);

/* What keeps a series' snapshots: the policy's rule, or NULL where all is kept. */
static inline const struct keep *simulate_rule(const struct policy *policy) {
        return policy->has_keep && policy->prune != PRUNE_OFF ? &policy->keep : NULL;
}

enum status simulate_show_text(const struct simulate *simulate, bool in_utc);
enum status simulate_show_json(const struct simulate *simulate);
