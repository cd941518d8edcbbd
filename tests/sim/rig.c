#include "rig.h"

#include "base/macros.h"
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

static void must(int r) {
        if (r != 0) {
                fprintf(stderr, "the rig cannot go on: %d\n", r);
                abort();
        }
}

static int rig_secret(struct secrets *secrets, const char *name, char **ret_text) {
        if (strcmp(name, "arm-secret") != 0)
                return -ENOENT;
        *ret_text = strdup(SERVICE_SECRET);
        return *ret_text ? 0 : -ENOMEM;
}

static void rig_echo(const char *line, size_t len, void *data) {
        printf("%.*s\n", (int)len, line);
}

static void node_start(struct rig_node *node) {
        struct services services = {
                .clock = sim_node_clock(node->machine),
                .reactor = sim_node_reactor(node->machine),
                .transport = network_link_transport(node->link),
                .random = sim_random_interface(node->random),
                .secrets = &node->secrets,
                .log = sim_log_interface(node->log),
        };
        struct diagnostics diagnostics = {};
        int r;

        r = config_load(node->policy, strlen(node->policy), "policy.yaml",
                        sim_zones_interface(node->rig->zones), &node->file, &diagnostics);
        if (r != 0) {
                struct strbuf text = {};

                diagnostics_format(&diagnostics, &text);
                fprintf(stderr, "%s", strbuf_str(&text));
                must(r);
        }
        diagnostics_deinit(&diagnostics);

        sim_trace_say(node->rig->trace, sim_node_number(node->machine), "starts");
        must(engine_new(&services, node->file, &(struct engine_options){.version = "sim"},
                        &node->engine));
        engine_start(node->engine);
}

static void node_restart(void *data) {
        struct rig_node *node = data;

        if (!node->engine)
                node_start(node);
}

void rig_kill(struct rig_node *node, int64_t after_ns) {
        if (!node->engine)
                return;

        sim_trace_say(node->rig->trace, sim_node_number(node->machine), "is killed");
        sim_network_crash(node->link);
        node->engine = engine_free(node->engine);
        node->file = policy_file_free(node->file);
        node->rig->n_kills++;
        must(sim_event_arm(node->rig->sim, &node->restart,
                           mono_add_ns(sim_mono(node->rig->sim), after_ns)));
}

static void rig_hook(enum network_hook when, const struct network_event *event, void *data) {
        struct rig *rig = data;
        bool dies = rig->kill_at == event->number && rig->kill_when == when;

        /* One draw for each side of each request, whether it can kill or not. */
        dies |= sim_stream_below(&rig->kills, 1000000) < rig->kill_per_million;
        if (dies)
                rig_kill(&rig->nodes[event->node - 1], 5 * NSEC_PER_SEC);
}

void rig_init(struct rig *rig, const char *scenario, uint64_t seed, bool echo) {
        struct service_options service_options = service_options_default();
        struct network_options network_options = network_options_default();

        *rig = (struct rig){.seed = seed, .scenario = scenario};
        service_options.seed = seed;
        network_options.seed = seed;
        rig->kills = sim_stream_init(seed, 0, STREAM_KILLS);
        must(sim_new(utc_from_seconds(RIG_START), &rig->sim));
        must(service_new(&service_options, &rig->service));
        must(sim_trace_new(rig->sim, echo ? rig_echo : NULL, NULL, &rig->trace));
        must(network_new(rig->sim, rig->service, rig->trace, &network_options, &rig->network));
        must(sim_zones_new(&rig->zones));
        network_set_hook(rig->network, rig_hook, rig);

        must(service_add_group(rig->service, SERVICE_SUBSCRIPTION, "rg-app", SERVICE_REGION));
        must(service_add_group(rig->service, SERVICE_SUBSCRIPTION, "rg-snapshots", SERVICE_REGION));
}

void rig_deinit(struct rig *rig) {
        for (unsigned i = 0; i < rig->n_nodes; i++) {
                struct rig_node *node = &rig->nodes[i];

                engine_free(node->engine);
                policy_file_free(node->file);
                sim_event_disarm(rig->sim, &node->restart);
                if (sim_node_sources(node->machine) != 0 || network_link_calls(node->link) != 0) {
                        fprintf(stderr, "an engine left sources or calls behind\n");
                        abort();
                }
                network_link_free(node->link);
                sim_log_free(node->log);
                sim_random_free(node->random);
                sim_node_free(node->machine);
                free(node->policy);
        }
        network_free(rig->network);
        sim_zones_free(rig->zones);
        sim_trace_free(rig->trace);
        service_free(rig->service);
        sim_free(rig->sim);
}

void rig_add_node(struct rig *rig, const char *policy) {
        static const struct secrets_ops secrets_ops = {.read = rig_secret};
        struct rig_node *node = &rig->nodes[rig->n_nodes++];
        unsigned number = rig->n_nodes;

        node->rig = rig;
        node->secrets.ops = &secrets_ops;
        node->policy = strdup(policy);
        if (!node->policy)
                abort();
        must(sim_node_new(rig->sim, number, /* wall_offset_ns= */ 0, &node->machine));
        must(network_link_new(rig->network, node->machine, &node->link));
        must(sim_random_new(rig->seed, number, &node->random));
        must(sim_log_new(rig->trace, number, LOG_LEVEL_DEBUG, &node->log));
        sim_event_init(&node->restart, NULL, node_restart, node);
        node_start(node);
}

void rig_run(struct rig *rig, int64_t ns) {
        struct mono until = mono_add_ns(sim_mono(rig->sim), ns);

        while (!rig->checks.broken && sim_next(rig->sim).ns <= until.ns) {
                sim_step(rig->sim);
                checks_step(&rig->checks, rig->service, sim_true_utc(rig->sim));
        }
        if (!rig->checks.broken)
                must(sim_run_until(rig->sim, until));
}

void rig_add_disk(struct rig *rig, const char *name) {
        struct service_tag tag = {(char *)(uintptr_t) "backup", (char *)(uintptr_t) "gold"};
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = name,
                .tags = &tag,
                .n_tags = 1,
        };

        must(service_add_disk(rig->service, sim_true_utc(rig->sim), &spec, NULL));
}

void rig_add_snapshot(struct rig *rig, const char *name, const char *disk,
                      const char *const *tags) {
        struct service_tag set[16];
        char source[256], generation[GUID_TEXT_SIZE];
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = name,
                .source_id = source,
                .tags = set,
        };

        snprintf(source, sizeof(source),
                 "/subscriptions/" SERVICE_SUBSCRIPTION
                 "/resourceGroups/rg-app/providers/Microsoft.Compute/disks/%s",
                 disk);
        guid_format(&service_find(rig->service, source)->unique_id, generation);
        for (size_t i = 0; tags[i]; i += 2) {
                const char *value = strcmp(tags[i + 1], "@") == 0 ? generation : tags[i + 1];

                set[spec.n_tags++] =
                        (struct service_tag){(char *)(uintptr_t)tags[i], (char *)(uintptr_t)value};
        }
        must(service_add_snapshot(rig->service, sim_true_utc(rig->sim), &spec, NULL));
}
