/*
 * The simulation's runner: TAP by default, one seed and its trace on request.
 *
 *         simulation                             all scenarios, a seed each run
 *         simulation --runs N                    N seeds of each
 *         simulation --scenario walking --seed 7 --trace     one run, every line of its trace
 *         simulation --hashes N                  the trace hashes of N seeds, nothing else
 */
#include "scenarios.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        for (size_t n = 40; n-- > 0;)
                if (sim_trace_tail(rig->trace, n))
                        printf("#   %s\n", sim_trace_tail(rig->trace, n));
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
        for (size_t i = 0; i < n_scenarios; i++)
                for (uint64_t seed = 1; seed <= (scenarios[i].runs == 1 ? 1 : n); seed++) {
                        struct totals totals = {};
                        uint64_t hash;

                        if (!run_one(&scenarios[i], seed, false, &totals, &hash))
                                return 1;
                        printf("%s %llu %016llx\n", scenarios[i].name, (unsigned long long)seed,
                               (unsigned long long)hash);
                }
        return 0;
}

static int print_one(const char *name, uint64_t seed, bool echo) {
        for (size_t i = 0; i < n_scenarios; i++)
                if (strcmp(scenarios[i].name, name) == 0) {
                        struct totals totals = {};
                        uint64_t hash;
                        bool kept = run_one(&scenarios[i], seed, echo, &totals, &hash);

                        printf("%s %llu %016llx: %llu requests, %llu faults, %llu kills, %llu "
                               "created, "
                               "%llu deleted\n",
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

/* A check that was hardly evaluated has shown nothing. */
static bool report(const struct totals *totals) {
        bool enough = true;

        printf("# %llu requests, %llu faults, %llu kills, %llu created, %llu deleted\n",
               (unsigned long long)totals->requests, (unsigned long long)totals->faults,
               (unsigned long long)totals->kills, (unsigned long long)totals->creations,
               (unsigned long long)totals->deletions);
        for (int i = 0; i < _PROMISE_N; i++) {
                printf("# %s: evaluated %llu times\n", promise_name((enum promise)i),
                       (unsigned long long)totals->evaluated[i]);
                enough &= totals->evaluated[i] >= 100;
        }
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

int main(int argc, char **argv) {
        enum {
                OPT_SCENARIO = 256,
                OPT_SEED,
                OPT_RUNS,
                OPT_TRACE,
                OPT_HASHES
        };
        static const struct option options[] = {
                {"scenario", required_argument, NULL, OPT_SCENARIO},
                {"seed", required_argument, NULL, OPT_SEED},
                {"runs", required_argument, NULL, OPT_RUNS},
                {"trace", no_argument, NULL, OPT_TRACE},
                {"hashes", required_argument, NULL, OPT_HASHES},
                {},
        };
        const char *scenario = NULL;
        uint64_t seed = 1, runs = 0, hashes = 0;
        bool trace = false;
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
                default:
                        return 2;
                }

        if (hashes)
                return print_hashes(hashes);
        return scenario ? print_one(scenario, seed, trace) : run_all(runs);
}
