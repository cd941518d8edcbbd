/*
 * The simulation's runner: TAP by default, one seed and its trace on request.
 *
 *         simulation                             all scenarios, a seed each run
 *         simulation --runs N                    N seeds of each
 *         simulation --scenario walking --seed 7 --trace     one run, every line of its trace
 *         simulation --hashes N                  the trace hashes of N seeds, nothing else
 *         simulation --generated N [--first-seed S] [--shard i/n] [--jobs J] [--json]
 *                                                N generated runs, on J processes; with --shard
 *                                                the i-th (from 1) of n parts of them
 *         simulation --generated N --criteria        and fails when too little of anything was seen
 *         simulation --generated N --long-criteria   with the numbers of a long run
 *         simulation --scenario generated --seed 7 [--trace] [--shrink]
 *         simulation --backlog N                 N disks due at once under Azure's own rates: figures
 *         simulation --requests                  what a cycle costs at 1, 10, 100 and 1,000 disks
 */
#include "generated.h"
#include "named.h"
#include "scenarios.h"

#include "base/strbuf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct totals {
        uint64_t evaluated[_PROMISE_N];
        uint64_t creations, deletions, faults, kills, requests;
};

static void add_up(struct totals *totals, const struct rig *rig) {
        for (int i = 0; i < _PROMISE_N; i++)
                totals->evaluated[i] += rig->checks.evaluated[i];
        totals->creations += rig->checks.creations;
        totals->deletions += rig->checks.deletions;
        totals->faults += network_faults(rig->network);
        totals->kills += rig->n_kills;
        totals->requests += network_requests(rig->network);
}

/* What a person needs to begin: seed, scenario, time, promise, the last lines. */
static void tell_failure(const struct rig *rig) {
        char now[UTC_TEXT_SIZE];

        printf("# scenario %s, seed %llu, at %s\n# broken: %s\n", rig->scenario,
               (unsigned long long)rig->seed, utc_format(sim_true_utc(rig->sim), now),
               rig->checks.what);
        rig_print_tail(rig);
        printf("# replay: simulation --scenario %s --seed %llu --trace\n", rig->scenario,
               (unsigned long long)rig->seed);
}

/* Runs one seed. Returns whether all promises were kept. */
static bool run_one(const struct scenario *scenario, uint64_t seed, bool echo,
                    struct totals *totals, uint64_t *ret_hash) {
        struct rig rig;
        bool kept;

        rig_init(&rig, scenario->name, seed, echo);
        scenario->run(&rig);
        add_up(totals, &rig);
        *ret_hash = sim_trace_hash(rig.trace);
        kept = !rig.checks.broken;
        if (!kept)
                tell_failure(&rig);
        rig_deinit(&rig);
        return kept;
}

static int print_hashes(uint64_t n) {
        uint64_t hash;

        for (size_t i = 0; i < n_scenarios; i++)
                for (uint64_t seed = 1; seed <= (scenarios[i].runs == 1 ? 1 : n); seed++) {
                        struct totals totals = {};

                        if (!run_one(&scenarios[i], seed, false, &totals, &hash))
                                return 1;
                        printf("%s %llu %016llx\n", scenarios[i].name, (unsigned long long)seed,
                               (unsigned long long)hash);
                }
        for (uint64_t seed = 1; seed <= n; seed++) {
                struct story_counts counts = {};

                if (!generated_one(seed, false, false, &counts, &hash))
                        return 1;
                printf("generated %llu %016llx\n", (unsigned long long)seed,
                       (unsigned long long)hash);
        }
        return 0;
}

static int print_generated(uint64_t seed, bool echo, bool shrink) {
        struct story_counts counts = {};
        uint64_t hash;
        bool kept = generated_one(seed, echo, shrink, &counts, &hash);

        printf("generated %llu %016llx\n", (unsigned long long)seed, (unsigned long long)hash);
        report_print(&counts);
        return kept ? 0 : 1;
}

static int print_one(const char *name, uint64_t seed, bool echo) {
        for (size_t i = 0; i < n_scenarios; i++)
                if (strcmp(scenarios[i].name, name) == 0) {
                        struct totals totals = {};
                        uint64_t hash;
                        bool kept = run_one(&scenarios[i], seed, echo, &totals, &hash);

                        printf("%s %llu %016llx: %llu requests, %llu faults, %llu kills, %llu "
                               "created, %llu deleted\n",
                               name, (unsigned long long)seed, (unsigned long long)hash,
                               (unsigned long long)totals.requests,
                               (unsigned long long)totals.faults, (unsigned long long)totals.kills,
                               (unsigned long long)totals.creations,
                               (unsigned long long)totals.deletions);
                        return kept ? 0 : 1;
                }
        fprintf(stderr, "no scenario is called %s\n", name);
        return 2;
}

/* A check that was hardly evaluated has shown nothing. Those that need more than these scenarios have
 * are counted in the generated runs' report. */
static bool report(const struct totals *totals) {
        static const enum promise wanted[] = {PROMISE_ONLY_OURS, PROMISE_NEVER_LAST,
                                              PROMISE_KEPT,      PROMISE_EXACTLY_ONCE,
                                              PROMISE_REREAD,    PROMISE_IT_ENDS};
        bool enough = true;

        printf("# %llu requests, %llu faults, %llu kills, %llu created, %llu deleted\n",
               (unsigned long long)totals->requests, (unsigned long long)totals->faults,
               (unsigned long long)totals->kills, (unsigned long long)totals->creations,
               (unsigned long long)totals->deletions);
        for (int i = 0; i < _PROMISE_N; i++)
                printf("# %s: evaluated %llu times\n", promise_name((enum promise)i),
                       (unsigned long long)totals->evaluated[i]);
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
                enough &= totals->evaluated[wanted[i]] >= 100;
        return enough;
}

static int run_all(uint64_t runs) {
        struct totals totals = {};
        unsigned number = 0, failed = 0, killed;
        char what[600];
        bool ok;

        printf("1..%zu\n", n_scenarios + 2);
        for (size_t i = 0; i < n_scenarios; i++) {
                uint64_t seeds = scenarios[i].runs == 1 ? 1 : runs ? runs : scenarios[i].runs, hash;

                ok = true;
                for (uint64_t seed = 1; seed <= seeds && ok; seed++)
                        ok = run_one(&scenarios[i], seed, false, &totals, &hash);
                failed += !ok;
                printf("%sok %u - %s, %llu seeds\n", ok ? "" : "not ", ++number, scenarios[i].name,
                       (unsigned long long)seeds);
                fflush(stdout);
        }

        killed = scenario_kill_every_request(1, what, sizeof(what));
        ok = !what[0] && killed >= 20;
        failed += !ok;
        if (what[0])
                printf("# %s\n", what);
        printf("%sok %u - kill at every request of a round, %u kills\n", ok ? "" : "not ", ++number,
               killed);

        ok = report(&totals);
        failed += !ok;
        printf("%sok %u - every check was evaluated often enough\n", ok ? "" : "not ", ++number);
        return failed ? 1 : 0;
}

enum criteria {
        CRITERIA_NONE,
        CRITERIA_SHORT,
        CRITERIA_LONG,
};

static int run_generated(const struct generated *g, enum criteria criteria, bool json) {
        struct story_counts counts = {};
        struct strbuf text = {};
        clock_t began = clock();
        uint64_t failed;
        bool ok;

        printf("1..2\n");
        failed = generated_run(g, &counts);
        printf("%sok 1 - %llu generated runs, %llu broke a promise\n", failed ? "not " : "",
               (unsigned long long)counts.runs, (unsigned long long)failed);
        report_print(&counts);
        if (json) {
                report_json(&counts, &text);
                printf("%s\n", strbuf_str(&text));
                strbuf_deinit(&text);
        }
        if (g->jobs <= 1 && clock() > began)
                printf("# %.0f cycles a minute\n",
                       (double)counts.cycles * 60 * CLOCKS_PER_SEC / (double)(clock() - began));
        ok = criteria == CRITERIA_NONE || report_is_enough(&counts, criteria == CRITERIA_LONG);
        printf("%sok 2 - everything happened often enough to have shown something\n",
               ok ? "" : "not ");
        return failed || !ok;
}

static int print_backlog(unsigned disks) {
        struct backlog backlog;
        struct rig rig;
        bool kept;

        rig_init(&rig, "backlog", 1, /* echo= */ false);
        backlog_run(&rig, disks, /* nodes= */ 1, /* share_permille= */ 500, /* print= */ true,
                    &backlog);
        kept = !rig.checks.broken;
        if (!kept)
                tell_failure(&rig);
        printf("# %u disks, %llu snapshots in %.0f s: %.1f %% of our half of 8,000 in 30 minutes, "
               "%llu answers 429\n",
               disks, (unsigned long long)backlog.created, backlog.seconds, 100 * backlog.used,
               (unsigned long long)backlog.throttled);
        rig_deinit(&rig);
        return kept && backlog.throttled == 0 && backlog.used >= 0.95 ? 0 : 1;
}

static int print_requests(void) {
        static const unsigned fleets[] = {1, 10, 100, 1000};

        for (size_t i = 0; i < ARRAY_SIZE(fleets); i++) {
                struct requests requests;
                struct rig rig;

                rig_init(&rig, "requests", 1, /* echo= */ false);
                rig.unchecked = true; /* figures, and the scenarios of that name have the checks */
                requests_run(&rig, fleets[i], &requests);
                requests_print(&requests);
                rig_deinit(&rig);
        }
        return 0;
}

/* "2/8": the second of eight. */
static bool parse_shard(const char *text, struct generated *g) {
        char *end;
        unsigned long long i = strtoull(text, &end, 10);

        if (*end != '/' || i == 0)
                return false;
        g->shards = strtoull(end + 1, NULL, 10);
        g->shard = i - 1;
        return g->shard < g->shards;
}

int main(int argc, char **argv) {
        enum {
                OPT_SCENARIO = 256,
                OPT_SEED,
                OPT_RUNS,
                OPT_TRACE,
                OPT_HASHES,
                OPT_GENERATED,
                OPT_FIRST_SEED,
                OPT_SHARD,
                OPT_JOBS,
                OPT_JSON,
                OPT_CRITERIA,
                OPT_LONG_CRITERIA,
                OPT_SHRINK,
                OPT_FAILURES,
                OPT_BACKLOG,
                OPT_REQUESTS,
        };
        static const struct option options[] = {
                {"scenario", required_argument, NULL, OPT_SCENARIO},
                {"seed", required_argument, NULL, OPT_SEED},
                {"runs", required_argument, NULL, OPT_RUNS},
                {"trace", no_argument, NULL, OPT_TRACE},
                {"hashes", required_argument, NULL, OPT_HASHES},
                {"generated", required_argument, NULL, OPT_GENERATED},
                {"first-seed", required_argument, NULL, OPT_FIRST_SEED},
                {"shard", required_argument, NULL, OPT_SHARD},
                {"jobs", required_argument, NULL, OPT_JOBS},
                {"json", no_argument, NULL, OPT_JSON},
                {"criteria", no_argument, NULL, OPT_CRITERIA},
                {"long-criteria", no_argument, NULL, OPT_LONG_CRITERIA},
                {"shrink", no_argument, NULL, OPT_SHRINK},
                {"failures", required_argument, NULL, OPT_FAILURES},
                {"backlog", required_argument, NULL, OPT_BACKLOG},
                {"requests", no_argument, NULL, OPT_REQUESTS},
                {},
        };
        struct generated g = {
                .first_seed = 1, .shards = 1, .jobs = 1, .failures_max = 1, .shrink = true};
        enum criteria criteria = CRITERIA_NONE;
        const char *scenario = NULL;
        uint64_t seed = 1, runs = 0, hashes = 0;
        bool trace = false, json = false, shrink = false;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case OPT_SCENARIO:
                        scenario = optarg;
                        break;
                case OPT_SEED:
                        seed = strtoull(optarg, NULL, 10);
                        break;
                case OPT_RUNS:
                        runs = strtoull(optarg, NULL, 10);
                        break;
                case OPT_TRACE:
                        trace = true;
                        break;
                case OPT_HASHES:
                        hashes = strtoull(optarg, NULL, 10);
                        break;
                case OPT_GENERATED:
                        g.runs = strtoull(optarg, NULL, 10);
                        break;
                case OPT_FIRST_SEED:
                        g.first_seed = strtoull(optarg, NULL, 10);
                        break;
                case OPT_SHARD:
                        if (!parse_shard(optarg, &g))
                                return 2;
                        break;
                case OPT_JOBS:
                        g.jobs = strtoull(optarg, NULL, 10);
                        break;
                case OPT_JSON:
                        json = true;
                        break;
                case OPT_CRITERIA:
                        criteria = CRITERIA_SHORT;
                        break;
                case OPT_LONG_CRITERIA:
                        criteria = CRITERIA_LONG;
                        break;
                case OPT_SHRINK:
                        shrink = true;
                        break;
                case OPT_FAILURES:
                        g.failures_max = strtoull(optarg, NULL, 10);
                        g.shrink = false;
                        break;
                case OPT_BACKLOG:
                        return print_backlog((unsigned)strtoul(optarg, NULL, 10));
                case OPT_REQUESTS:
                        return print_requests();
                default:
                        return 2;
                }

        if (hashes)
                return print_hashes(hashes);
        if (g.runs)
                return run_generated(&g, criteria, json);
        if (scenario && strcmp(scenario, "generated") == 0)
                return print_generated(seed, trace, shrink);
        return scenario ? print_one(scenario, seed, trace) : run_all(runs);
}
