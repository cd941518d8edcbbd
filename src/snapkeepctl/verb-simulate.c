/*
 * snapkeepctl simulate: a policy run by the real engine over a simulated Azure, before it meets disks
 * that matter. verb-simulate.h says what the parts are.
 */
#include "snapkeepctl/verb-simulate.h"
#include "base/str.h"
#include "config/policy_reader.h"
#include "runtime/file.h"
#include "runtime/zoneinfo.h"
#include "snapkeep-config.h"
#include "snapkeepctl/args.h"
#include "snapkeepctl/output.h"
#include "snapkeepd/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The machine that the engine runs on. */
#define NODE 1
/* How soon the operator answers what prune: ask asks. Chosen: soon, since what comes after is what
 * people want to see. */
#define ANSWER_NS (3600 * NSEC_PER_SEC)
#define ANSWERS_AT_ONCE 64
#define WHO "simulate"

/* So often in a million requests each kind of fault strikes. */
static const struct {
        const char *name;
        uint32_t per_million;
} fault_rates[_SIMULATE_FAULTS_N] = {
        [SIMULATE_FAULTS_NONE] = {"none", 0},
        [SIMULATE_FAULTS_SOME] = {"some", 300},
        [SIMULATE_FAULTS_MANY] = {"many", 5000},
};

const char *simulate_faults_name(enum simulate_faults faults) {
        return fault_rates[faults].name;
}

/* Life. */

static int read_secret(struct secrets *secrets, enum secrets_kind kind, const char *name,
                       char **ret_text) {
        *ret_text = strdup(SERVICE_SECRET);
        return *ret_text ? 0 : -ENOMEM;
}

static void simulate_deinit(struct simulate *simulate) {
        engine_free(simulate->engine);
        simulate_tally_deinit(simulate);
        if (simulate->sim)
                sim_event_disarm(simulate->sim, &simulate->answer);
        network_link_free(simulate->link);
        sim_store_free(simulate->store);
        sim_random_free(simulate->random);
        sim_node_free(simulate->node);
        network_free(simulate->network);
        service_free(simulate->service);
        sim_free(simulate->sim);
        policy_file_free(simulate->file);
}

static int make_world(struct simulate *simulate) {
        static const struct secrets_ops secrets_ops = {.read = read_secret};
        struct service_options service_options = service_options_default();
        struct network_options network_options = network_options_default();
        int r;

        service_options.seed = (uint64_t)simulate->seed;
        service_options.rates = 1;
        network_options.seed = (uint64_t)simulate->seed;
        simulate->secrets.ops = &secrets_ops;
        r = sim_new(utc_from_seconds(SIMULATE_START), &simulate->sim);
        r = r ?: service_new(&service_options, &simulate->service);
        r = r
                    ?: network_new(simulate->sim, simulate->service, /* trace= */ NULL,
                                   &network_options, &simulate->network);
        r = r ?: sim_node_new(simulate->sim, NODE, /* wall_offset_ns= */ 0, &simulate->node);
        r = r ?: network_link_new(simulate->network, simulate->node, &simulate->link);
        r = r ?: sim_random_new((uint64_t)simulate->seed, NODE, &simulate->random);
        r = r ?: sim_store_new((uint64_t)simulate->seed, NODE, &simulate->store);
        if (r < 0)
                return r;
        for (int fault = NETWORK_NO_FAULT + 1; fault < _NETWORK_FAULT_N; fault++)
                network_set_fault(simulate->network, (enum network_fault)fault,
                                  fault_rates[simulate->faults].per_million);
        return 0;
}

static int make_engine(struct simulate *simulate) {
        struct services services = {
                .clock = sim_node_clock(simulate->node),
                .reactor = sim_node_reactor(simulate->node),
                .transport = network_link_transport(simulate->link),
                .random = sim_random_interface(simulate->random),
                .secrets = &simulate->secrets,
                .store = sim_store_interface(simulate->store),
                .log = &simulate->log,
        };
        struct engine_options options = {
                .version = SNAPKEEP_VERSION,
                .settled = simulate_settled,
                .data = simulate,
        };

        return engine_new(&services, simulate->file, &options, &simulate->engine);
}

/* The operator says yes to prune: ask. */

struct answers {
        char hash[ANSWERS_AT_ONCE][ENGINE_HASH_SIZE];
        size_t n;
};

static void take_question(const struct engine_doubt *doubt, void *data) {
        struct answers *answers = data;

        if (doubt->bit == BLOCK_ASK && doubt->hash && answers->n < ANSWERS_AT_ONCE)
                snprintf(answers->hash[answers->n++], ENGINE_HASH_SIZE, "%s", doubt->hash);
}

static void answer(void *data) {
        struct simulate *simulate = data;
        struct answers answers = {};
        int r;

        engine_doubts(simulate->engine, take_question, &answers);
        for (size_t i = 0; i < answers.n; i++)
                simulate->answered += engine_ack(simulate->engine, answers.hash[i], WHO) == 0;
        r = sim_event_arm(simulate->sim, &simulate->answer,
                          mono_add_ns(sim_mono(simulate->sim), ANSWER_NS));
        if (r < 0)
                simulate->error = r;
}

static int begin_answers(struct simulate *simulate) {
        sim_event_init(&simulate->answer, NULL, answer, simulate);
        for (size_t i = 0; i < simulate->file->n_policies; i++)
                if (simulate->file->policies[i].prune == PRUNE_ASK)
                        return sim_event_arm(simulate->sim, &simulate->answer,
                                             (struct mono){ANSWER_NS});
        return 0;
}

/* The run. */

/* To people who wait at a terminal, when another whole percent is done. */
static void show_progress(const struct simulate *simulate, bool end) {
        unsigned days = MAX(simulate->days, 1U);
        unsigned before = simulate->n_days > 0 ? (simulate->n_days - 1) * 100 / days : 0;
        unsigned percent = simulate->n_days * 100 / days;

        if (!isatty(STDERR_FILENO))
                return;
        if (end)
                fprintf(stderr, "\r\033[K");
        else if (percent != before)
                fprintf(stderr, "\rday %u of %u, %u %%", simulate->n_days, simulate->days, percent);
}

/* Returns 0, SIM_E_LIVELOCK or a negative errno. */
static int run_days(struct simulate *simulate) {
        int r = 0;

        while (simulate->n_days < simulate->days && r == 0) {
                int64_t end_ns = (int64_t)(simulate->n_days + 1) * SEC_PER_DAY * NSEC_PER_SEC;

                /* A day ends before the next one's first instant. */
                r = sim_run_until(simulate->sim, (struct mono){end_ns - 1});
                r = r ?: simulate->error;
                if (r == 0)
                        simulate_end_day(simulate);
                show_progress(simulate, /* end= */ false);
        }
        show_progress(simulate, /* end= */ true);
        return r;
}

/* As run_days(). */
static int simulate_run(struct simulate *simulate) {
        int r;

        simulate->end = utc_add_seconds(utc_from_seconds(SIMULATE_START),
                                        (int64_t)simulate->days * SEC_PER_DAY);
        r = make_world(simulate);
        r = r ?: simulate_make_fleet(simulate);
        r = r ?: simulate_begin_tally(simulate);
        r = r ?: make_engine(simulate);
        r = r ?: begin_answers(simulate);
        if (r < 0)
                return r;

        engine_start(simulate->engine);
        r = run_days(simulate);
        r = r ?: simulate_end_tally(simulate);
        return r ?: simulate_look_ahead(simulate);
}

/* The policy. One that is understood and cannot work as written is run all the same: that is what
 * simulations are for. */

static enum status load_refused(struct simulate *simulate, struct zones *zones) {
        _cleanup_(diagnostics_deinit) struct diagnostics again = {};
        _cleanup_(freep) char *bytes = NULL;
        size_t len;
        int r;

        r = file_read(simulate->path, CONFIG_FILE_MAX + 1, &bytes, &len);
        if (r == 0)
                r = config_load(bytes, len, simulate->path, zones, &simulate->file, &again);
        if (r < 0)
                return say_errno("read the policy", r);
        simulate->refused = true;
        if (r == 0)
                return STATUS_DONE;
        say("%s cannot be used", simulate->path);
        return STATUS_TROUBLE;
}

static enum status load_policy(struct simulate *simulate) {
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(zoneinfo_freep) struct zones *zones = NULL;
        enum status status = STATUS_DONE;
        int r;

        r = zoneinfo_new(NULL, &zones);
        r = r
                    ?: policy_load(simulate->path, zones, utc_from_seconds(SIMULATE_START),
                                   &simulate->file, &diagnostics);
        if (r < 0)
                return say_errno("read the policy", r);

        say_diagnostics(&diagnostics);
        if (!simulate->file)
                status = load_refused(simulate, zones);
        if (status == STATUS_DONE && simulate->refused)
                say("the daemon refuses this policy; it is simulated all the same");
        return status;
}

/* Options. */

static enum status read_number(const char *name, const char *text, uint64_t least, uint64_t most,
                               uint64_t otherwise, uint64_t *ret_number) {
        *ret_number = otherwise;
        if (!text ||
            (str_parse_u64(text, strlen(text), most, ret_number) == 0 && *ret_number >= least))
                return STATUS_DONE;
        say("simulate: --%s is a whole number from %llu to %llu, and \"%s\" is none", name,
            (unsigned long long)least, (unsigned long long)most, text);
        return STATUS_USAGE;
}

static enum status read_faults(const char *text, enum simulate_faults *ret_faults) {
        struct near near = {.word = text};

        *ret_faults = SIMULATE_FAULTS_NONE;
        for (enum simulate_faults i = 0; text && i < _SIMULATE_FAULTS_N; i++) {
                near_try(&near, fault_rates[i].name);
                if (strcmp(text, fault_rates[i].name) == 0) {
                        *ret_faults = i;
                        return STATUS_DONE;
                }
        }
        if (!text)
                return STATUS_DONE;
        if (near.best)
                say("simulate: --faults is none, some or many; did you mean %s?", near.best);
        else
                say("simulate: --faults is none, some or many, and not \"%s\"", text);
        return STATUS_USAGE;
}

static enum status run(const struct request *request) {
        _cleanup_(simulate_deinit) struct simulate simulate = {};
        enum status status, written;
        uint64_t days, seed, disks;
        int r;

        status = read_number("days", request->days, 1, SIMULATE_DAYS_MAX, SIMULATE_DAYS_DEFAULT,
                             &days);
        if (status == STATUS_DONE)
                status = read_number("seed", request->seed, 0, INT64_MAX, 1, &seed);
        if (status == STATUS_DONE)
                status = read_number("disks", request->disks, 1, SIMULATE_DISKS_MAX,
                                     SIMULATE_DISKS_DEFAULT, &disks);
        if (status == STATUS_DONE)
                status = read_faults(request->faults, &simulate.faults);
        if (status != STATUS_DONE)
                return status;

        simulate.days = (unsigned)days;
        simulate.seed = (int64_t)seed;
        simulate.disks_per_match = disks;
        simulate.path = request->policy ?: POLICY_DEFAULT_PATH;
        status = load_policy(&simulate);
        if (status != STATUS_DONE)
                return status;

        r = simulate_run(&simulate);
        if (r < 0)
                return say_errno("simulate", r);
        if (r == SIM_E_LIVELOCK) {
                say("the simulation does not get beyond day %u: something is done again and again",
                    simulate.n_days + 1);
                return STATUS_TROUBLE;
        }
        written = request->json ? simulate_show_json(&simulate)
                                : simulate_show_text(&simulate, request->utc);
        return simulate.refused ? STATUS_TROUBLE : written;
}

const struct verb verb_simulate = {
        .name = "simulate",
        .usage = "[--policy FILE] [--days N] [--seed N] [--disks N]\n"
                 "                            [--faults none|some|many]",
        .summary = "run a policy over a simulated Azure, and show what comes of it",
        .help = "Runs the daemon's own engine on the policy over a simulated Azure, in\n"
                "virtual time and without a network. Disks that targets name are made as they\n"
                "are named, for a match a few that it selects; none has a snapshot at the\n"
                "start, 2026-11-02 in UTC. Shown are the slots taken and missed, the length\n"
                "of the chains day by day, deletions, what is there at the end and why,\n"
                "requests, doubts, what the daemon would have logged, and for each limit the\n"
                "first day on which it is met, also after the last day where rule and\n"
                "schedule alone decide. A question of prune: ask is answered with yes within\n"
                "an hour; nothing else is.\n"
                "\n"
                "The same policy, time zone files, options and seed give the same output,\n"
                "byte for byte. A policy that is understood but cannot work as written is\n"
                "simulated too, with the exit status 1.\n",
        .options = OPTION_POLICY | OPTION_DAYS | OPTION_SEED | OPTION_DISKS | OPTION_FAULTS,
        .run = run,
};
