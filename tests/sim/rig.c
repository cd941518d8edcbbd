/*
 * The machines of a rig, their lives and deaths. What is told to daemons is in rig-operator.c, what
 * hands do to Azure in rig-hands.c, what passes a wire in rig-wire.c.
 */
#include "rig-internal.h"

#include "config/diagnostics.h"
#include "config/policy_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Random streams of the rig's own. */
enum {
        STREAM_KILLS = 100
};

/* Chosen: systemd's RestartSec, more or less. */
#define RESTART_NS (5 * NSEC_PER_SEC)

void rig_must(int r) {
        if (r != 0) {
                fprintf(stderr, "the rig cannot go on: %d\n", r);
                abort();
        }
}

static int rig_secret(struct secrets *secrets, enum secrets_kind kind, const char *name,
                      char **ret_text) {
        if (kind != SECRETS_CREDENTIAL || strcmp(name, "arm-secret") != 0)
                return -ENOENT;
        *ret_text = strdup(SERVICE_SECRET);
        return *ret_text ? 0 : -ENOMEM;
}

static void rig_echo(const char *line, size_t len, void *data) {
        printf("%.*s\n", (int)len, line);
}

static void node_log(const struct log_entry *entry, void *data) {
        struct rig_node *node = data;

        checks_logged(&node->rig->checks, node->number, entry, sim_true_utc(node->rig->sim));
}

static void node_load(struct rig_node *node) {
        struct diagnostics diagnostics = {};
        int r;

        r = config_load(node->policy, strlen(node->policy), "policy.yaml",
                        sim_zones_interface(node->rig->zones), &node->file, &diagnostics);
        if (r != 0) {
                struct strbuf text = {};

                diagnostics_format(&diagnostics, &text);
                fprintf(stderr, "%s%s", strbuf_str(&text), node->policy);
                rig_must(r);
        }
        diagnostics_deinit(&diagnostics);
}

/* What a daemon believes, whenever it has come to rest. */
static void node_settled(void *data) {
        rig_compare_status(data);
}

void rig_start(struct rig_node *node) {
        struct services services = {
                .clock = sim_node_clock(node->machine),
                .reactor = sim_node_reactor(node->machine),
                .transport = node->rig->unchecked ? network_link_transport(node->link)
                                                  : &node->transport,
                .random = sim_random_interface(node->random),
                .secrets = &node->secrets,
                .store = sim_store_interface(node->store),
                .log = sim_log_interface(node->log),
                .zones = sim_zones_interface(node->rig->zones),
        };
        struct engine_options options = {
                .version = "sim",
                .settled = node->rig->unchecked ? NULL : node_settled,
                .data = node,
        };
        struct rig *rig = node->rig;

        if (node->engine)
                return;

        sim_event_disarm(rig->sim, &node->restart);
        node_load(node);
        sim_trace_say(rig->trace, node->number, "starts");
        checks_started(&rig->checks, node->number, sim_mono(rig->sim), sim_true_utc(rig->sim));
        node->damaged &= sim_store_changes(node->store) == node->damaged_change;
        if (node->damaged)
                checks_state_unread(&rig->checks, node->number, sim_true_utc(rig->sim));
        rig_must(engine_new(&services, node->file, &options, &node->engine));
        engine_start(node->engine);
}

static void node_restart(void *data) {
        rig_start(data);
}

/* Adds what the engine has counted to what is kept, before it goes. An invariant that broke unasked
 * ends the simulation (DESIGN section 5). */
static void node_end(struct rig_node *node) {
        const struct engine_counts *counts = engine_counts(node->engine);

        for (int i = 0; i < _DOUBT_N; i++) {
                node->rig->doubts.begun[i] += counts->doubts_begun[i];
                node->rig->doubts.ended[i] += counts->doubts_ended[i];
        }
        if (counts->doubts_begun[DOUBT_INTERNAL] > counts->doubts_ended[DOUBT_INTERNAL])
                node->rig->doubts.ended[DOUBT_INTERNAL] +=
                        counts->doubts_begun[DOUBT_INTERNAL] - counts->doubts_ended[DOUBT_INTERNAL];
        checks_died(&node->rig->checks, node->number);
        node->engine = engine_free(node->engine);
        node->file = policy_file_free(node->file);
}

void rig_kill(struct rig_node *node, int64_t after_ns) {
        struct rig *rig = node->rig;

        if (!node->engine)
                return;

        sim_trace_say(rig->trace, node->number, "is killed");
        sim_network_crash(node->link);
        rig_check_invariants(node);
        node_end(node);
        sim_store_crash(node->store);
        rig->n_kills++;
        if (after_ns >= 0)
                rig_must(sim_event_arm(rig->sim, &node->restart,
                                       mono_add_ns(sim_mono(rig->sim), after_ns)));
}

void rig_reload(struct rig_node *node, const char *policy) {
        char *copy = strdup(policy);

        if (!copy)
                abort();
        free(node->policy);
        node->policy = copy;
        sim_trace_say(node->rig->trace, node->number, "gets another policy");
        if (!node->engine)
                return;

        rig_check_invariants(node);
        node_end(node);
        rig_start(node);
}

void rig_step_clock(struct rig_node *node, int64_t ns) {
        sim_trace_say(node->rig->trace, node->number, "clock steps by %lld ns", (long long)ns);
        sim_node_step_clock(node->machine, ns);
        checks_clock(&node->rig->checks, node->number, sim_node_clock_error_ns(node->machine));
}

void rig_suspend(struct rig_node *node) {
        sim_trace_say(node->rig->trace, node->number, "is suspended");
        sim_node_suspend(node->machine);
}

void rig_resume(struct rig_node *node) {
        sim_trace_say(node->rig->trace, node->number, "is resumed");
        sim_node_resume(node->machine);
}

static void restart_soon(struct rig_node *node) {
        rig_must(sim_event_arm(node->rig->sim, &node->restart,
                               mono_add_ns(sim_mono(node->rig->sim), RESTART_NS)));
}

void rig_lose_state(struct rig_node *node) {
        bool alive = node->engine;

        rig_kill(node, -1);
        sim_store_lose(node->store);
        node->damaged = false;
        checks_state_lost(&node->rig->checks, node->number, /* certain= */ true,
                          sim_true_utc(node->rig->sim));
        if (alive)
                restart_soon(node);
}

bool rig_damage_state(struct rig_node *node, uint64_t how) {
        bool alive = node->engine, any;

        rig_kill(node, -1);
        any = sim_store_damage(node->store, how);
        if (any) {
                sim_trace_say(node->rig->trace, node->number, "finds its state cut off");
                node->damaged = true;
                node->damaged_change = sim_store_changes(node->store);
                checks_state_lost(&node->rig->checks, node->number, /* certain= */ true,
                                  sim_true_utc(node->rig->sim));
        }
        if (alive)
                restart_soon(node);
        return any;
}

void rig_unread_state(struct rig_node *node, int error) {
        rig_kill(node, -1);
        sim_trace_say(node->rig->trace, node->number, "cannot read its state");
        sim_store_fail_reads(node->store, 1, error);
        node->damaged = true;
        node->damaged_change = sim_store_changes(node->store);
        checks_state_lost(&node->rig->checks, node->number, /* certain= */ true,
                          sim_true_utc(node->rig->sim));
        restart_soon(node);
}

void rig_put_state_back(struct rig_node *node) {
        struct store *store = sim_store_interface(node->store);

        rig_kill(node, -1);
        rig_must(store_remove(store, "state"));
        rig_must(store_rename(store, "state-unread-1", "state"));
        restart_soon(node);
}

static void rig_hook(enum network_hook when, const struct network_event *event, void *data) {
        struct rig *rig = data;
        bool dies = rig->kill_at == event->number && rig->kill_when == when;

        rig->passed++;
        if (when == NETWORK_AFTER_EFFECT && !rig->unchecked)
                checks_arrived(&rig->checks, event, sim_mono(rig->sim), sim_true_utc(rig->sim));
        if (rig->hook)
                rig->hook(when, event, rig);

        /* One draw for each side of each request, whether it can kill or not. */
        dies |= sim_stream_below(&rig->kills, 1000000) < rig->kill_per_million;
        if (dies)
                rig_kill(&rig->nodes[event->node - 1],
                         rig->kill_down_ns > 0 ? rig->kill_down_ns : RESTART_NS);
}

/*
 * A zone file (RFC 8536) of version 2 that holds no transitions, only the rule that goes on for ever
 * in its footer: a header and a block of one type, the same again with 64-bit times, the rule.
 */
void rig_restore_zone(struct rig *rig) {
#define ZONE_BLOCK                                                                                 \
        "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                      \
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"                                         \
        "\0\0\x0e\x10\0\0CET\0"
        static const char bytes[] = ZONE_BLOCK ZONE_BLOCK "\n" RIG_ZONE_POSIX "\n";

        rig_must(sim_zones_add(rig->zones, RIG_ZONE, bytes, sizeof(bytes) - 1));
        checks_zone(&rig->checks, /* lost= */ false, sim_true_utc(rig->sim));
}

void rig_lose_zone(struct rig *rig) {
        sim_zones_remove(rig->zones, RIG_ZONE);
        checks_zone(&rig->checks, /* lost= */ true, sim_true_utc(rig->sim));
}

void rig_init_at(struct rig *rig, const char *scenario, uint64_t seed, bool echo,
                 struct utc start) {
        struct service_options service_options = service_options_default();
        struct network_options network_options = network_options_default();

        *rig = (struct rig){.seed = seed, .scenario = scenario};
        service_options.seed = seed;
        service_options.rates = 1;
        network_options.seed = seed;
        rig->kills = sim_stream_init(seed, 0, STREAM_KILLS);
        rig_must(sim_new(start, &rig->sim));
        rig_must(service_new(&service_options, &rig->service));
        rig_must(sim_trace_new(rig->sim, echo ? rig_echo : NULL, NULL, &rig->trace));
        rig_must(network_new(rig->sim, rig->service, rig->trace, &network_options, &rig->network));
        rig_must(sim_zones_new(&rig->zones));
        network_set_hook(rig->network, rig_hook, rig);
        checks_init(&rig->checks, rig->service);
        rig_restore_zone(rig);

        rig_must(service_add_client(rig->service, &(struct service_client_spec){
                                                          .tenant = SERVICE_TENANT,
                                                          .client = RIG_PRUNER,
                                                          .secret = SERVICE_SECRET,
                                                          .expires = UTC_NEVER,
                                                  }));
        rig_must(service_add_group(rig->service, SERVICE_SUBSCRIPTION, "rg-app", SERVICE_REGION));
        rig_must(service_add_group(rig->service, SERVICE_SUBSCRIPTION, "rg-snapshots",
                                   SERVICE_REGION));
}

void rig_two_subscriptions(struct rig *rig) {
        rig_must(service_add_group(rig->service, CHECKS_OTHER_SUBSCRIPTION, "rg-app",
                                   SERVICE_REGION));
        rig_must(service_add_group(rig->service, CHECKS_OTHER_SUBSCRIPTION, "rg-snapshots",
                                   SERVICE_REGION));
        rig_must(service_add_group(rig->service, CHECKS_OTHER_SUBSCRIPTION, "rg-other",
                                   SERVICE_REGION));
}

void rig_two_identities(struct rig *rig) {
        rig_must(service_set_role(rig->service, SERVICE_CLIENT, SERVICE_ROLE_CREATOR));
        rig_must(service_set_role(rig->service, RIG_PRUNER, SERVICE_ROLE_PRUNER));
}

void rig_init(struct rig *rig, const char *scenario, uint64_t seed, bool echo) {
        rig_init_at(rig, scenario, seed, echo, utc_from_seconds(RIG_START));
}

void rig_deinit(struct rig *rig) {
        for (unsigned i = 0; i < rig->n_nodes; i++) {
                struct rig_node *node = &rig->nodes[i];

                engine_free(node->engine);
                policy_file_free(node->file);
                sim_event_disarm(rig->sim, &node->restart);
                if (sim_node_sources(node->machine) != 0 || network_link_calls(node->link) != 0 ||
                    node->watched) {
                        fprintf(stderr, "an engine left sources or calls behind\n");
                        abort();
                }
                network_link_free(node->link);
                sim_log_free(node->log);
                sim_store_free(node->store);
                sim_random_free(node->random);
                sim_node_free(node->machine);
                free(node->policy);
        }
        network_free(rig->network);
        sim_zones_free(rig->zones);
        sim_trace_free(rig->trace);
        checks_deinit(&rig->checks);
        service_free(rig->service);
        sim_free(rig->sim);
}

void rig_add_node(struct rig *rig, const char *policy) {
        static const struct secrets_ops secrets_ops = {.read = rig_secret};
        struct rig_node *node = &rig->nodes[rig->n_nodes++];
        unsigned number = rig->n_nodes;

        node->rig = rig;
        node->number = number;
        node->secrets.ops = &secrets_ops;
        node->policy = strdup(policy);
        if (!node->policy)
                abort();
        rig_must(sim_node_new(rig->sim, number, /* wall_offset_ns= */ 0, &node->machine));
        rig_must(network_link_new(rig->network, node->machine, &node->link));
        rig_must(sim_random_new(rig->seed, number, &node->random));
        rig_must(sim_store_new(rig->seed, number, &node->store));
        rig_must(sim_log_new(rig->unchecked ? NULL : rig->trace, number,
                             rig->log_most ?: LOG_LEVEL_DEBUG, &node->log));
        if (!rig->unchecked)
                sim_log_watch(node->log, node_log, node);
        rig_watch_wire(node);
        sim_event_init(&node->restart, NULL, node_restart, node);
        rig_start(node);
}

/* Time moves on, or something passes a wire: else somebody asks for turn after turn, and would for ever. */
static void rig_count_turns(struct rig *rig) {
        uint64_t wire = network_requests(rig->network) + rig->passed;
        struct mono now = sim_mono(rig->sim);

        rig->turns = now.ns == rig->turns_at.ns && wire == rig->turns_wire ? rig->turns + 1 : 0;
        rig->turns_at = now;
        rig->turns_wire = wire;
        checks_turns(&rig->checks, rig->turns, RIG_TURNS_MAX);
}

bool rig_run_until(struct rig *rig, int64_t ns, bool (*done)(const struct rig *rig, void *data),
                   void *data) {
        struct mono until = mono_add_ns(sim_mono(rig->sim), ns);

        while (!rig->checks.broken && sim_next(rig->sim).ns <= until.ns) {
                sim_step(rig->sim);
                rig_count_turns(rig);
                if (!rig->unchecked)
                        checks_step(&rig->checks, rig->service, sim_true_utc(rig->sim));
                if (done && done(rig, data))
                        return true;
        }
        if (!rig->checks.broken)
                rig_must(sim_run_until(rig->sim, until));
        for (unsigned i = 0; i < rig->n_nodes; i++)
                rig_check_invariants(&rig->nodes[i]);
        return false;
}

void rig_run(struct rig *rig, int64_t ns) {
        rig_run_until(rig, ns, NULL, NULL);
}

struct rig_doubts rig_count_doubts(const struct rig *rig) {
        struct rig_doubts sum = rig->doubts;

        for (unsigned n = 0; n < rig->n_nodes; n++) {
                const struct engine *engine = rig->nodes[n].engine;

                for (int i = 0; engine && i < _DOUBT_N; i++) {
                        sum.begun[i] += engine_counts(engine)->doubts_begun[i];
                        sum.ended[i] += engine_counts(engine)->doubts_ended[i];
                }
        }
        return sum;
}

void rig_print_tail(const struct rig *rig) {
        for (size_t n = 40; n-- > 0;)
                if (sim_trace_tail(rig->trace, n))
                        printf("#   %s\n", sim_trace_tail(rig->trace, n));
}
