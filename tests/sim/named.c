/*
 * What the named scenarios are told with: a daemon for what is wanted, its log, and questions about
 * what lives.
 */
#include "named.h"
#include "story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tale_begin(struct tale *tale, struct rig *rig) {
        *tale = (struct tale){.rig = rig};
}

void tale_end(struct tale *tale) {
        for (unsigned i = 0; i < tale->rig->n_nodes; i++)
                sim_log_watch(tale->rig->nodes[i].log, NULL, NULL);
        strbuf_deinit(&tale->said);
}

void tale_expect(struct tale *tale, bool is_so, const char *format, ...) {
        struct checks *checks = &tale->rig->checks;
        va_list ap;
        int n;

        if (is_so || checks->broken)
                return;
        checks->broken = true;
        checks->promise = _PROMISE_N;
        n = snprintf(checks->what, sizeof(checks->what), "the story: ");
        va_start(ap, format);
        vsnprintf(checks->what + n, sizeof(checks->what) - (size_t)n, format, ap);
        va_end(ap);
}

void tale_must(struct tale *tale, int r) {
        tale_expect(tale, r == 0, "the service refuses the story: %d", r);
}

struct intent tale_hourly(void) {
        return (struct intent){
                .owner = TALE_OWNER,
                .policy = "gold",
                .every_s = SEC_PER_HOUR,
                .last = 6,
                .min_keep = 3,
                .group = "rg-snapshots",
                .selects = "gold",
                .stale_stop = 2,
                .max_delete_percent = 20,
                .freeze_s = 30 * SEC_PER_DAY,
        };
}

/* The policy file that wants it. The caller frees. */
static char *policy_text(const struct intent *want) {
        struct strbuf out = {};
        char *text;

        story_policy(want, 1, &out);
        if (strbuf_take(&out, &text) != 0)
                abort();
        return text;
}

/* In place of the rig's own watch, which it goes on serving. */
static void hear(const struct log_entry *entry, void *data) {
        struct rig_node *node = data;
        struct tale *tale = node->rig->hook_data;

        checks_logged(&node->rig->checks, node->number, entry, sim_true_utc(node->rig->sim));
        if (entry->level < LOG_LEVEL_DEBUG)
                strbuf_appendf(&tale->said, "%u %s %s\n", node->number,
                               log_level_name(entry->level), entry->message);
}

static void add_node(struct tale *tale, const char *policy) {
        struct rig *rig = tale->rig;

        rig->hook_data = tale;
        rig_add_node(rig, policy);
        sim_log_watch(rig->nodes[rig->n_nodes - 1].log, hear, &rig->nodes[rig->n_nodes - 1]);
}

void tale_daemon(struct tale *tale, const struct intent *want) {
        struct rig *rig = tale->rig;
        char *text = policy_text(want);
        struct intent intent = *want;

        intent.nodes = 1U << rig->n_nodes;
        checks_intend(&rig->checks, &intent, NULL, sim_true_utc(rig->sim));
        if (want->two_identities)
                rig_two_identities(rig);
        add_node(tale, text);
        free(text);
}

void tale_twin(struct tale *tale) {
        struct intent intent = tale->rig->checks.intents[0];

        intent.nodes = 1U << tale->rig->n_nodes;
        checks_intend(&tale->rig->checks, &intent, NULL, sim_true_utc(tale->rig->sim));
        add_node(tale, tale->rig->nodes[0].policy);
}

void tale_rewrite(struct tale *tale, unsigned node, const struct intent *want,
                  const char *renamed) {
        struct rig *rig = tale->rig;
        char *text = policy_text(want);
        struct intent intent = *want;

        intent.nodes = 1U << (node - 1);
        checks_intend(&rig->checks, &intent, renamed, sim_true_utc(rig->sim));
        rig_reload(&rig->nodes[node - 1], text);
        free(text);
}

unsigned tale_said(const struct tale *tale, const char *what) {
        const char *at = strbuf_str(&tale->said);
        unsigned n = 0;

        while ((at = strstr(at, what))) {
                n++;
                at += strcspn(at, "\n");
        }
        return n;
}

void tale_hush(struct tale *tale) {
        strbuf_clear(&tale->said);
}

uint64_t tale_begun(const struct tale *tale, enum doubt doubt) {
        return rig_count_doubts(tale->rig).begun[doubt];
}

uint64_t tale_ended(const struct tale *tale, enum doubt doubt) {
        return rig_count_doubts(tale->rig).ended[doubt];
}

bool tale_doubts(const struct tale *tale, enum doubt doubt) {
        return rig_doubts(&tale->rig->nodes[0], DOUBT_BIT(doubt));
}

static bool is_snapshot_of(const struct service_resource *r, const char *owner,
                           const struct guid *generation) {
        const char *tag;

        if (r->kind != SERVICE_SNAPSHOT || utc_is_set(r->deleted_at) ||
            (generation && guid_compare(&r->source_unique_id, generation) != 0))
                return false;
        tag = service_tag_get(r, "snapkeep-owner");
        return !owner || strcmp(tag ?: "", owner) == 0;
}

size_t tale_count(const struct tale *tale, const char *owner, const struct guid *generation) {
        struct service *service = tale->rig->service;
        size_t n = 0;

        for (size_t i = 0; i < service_resources(service); i++)
                n += is_snapshot_of(service_resource_at(service, i), owner, generation);
        return n;
}

size_t tale_ours(const struct tale *tale, const char *disk) {
        const struct service_resource *r = rig_disk(tale->rig, disk);

        return r ? tale_count(tale, TALE_OWNER, &r->unique_id) : 0;
}

const struct service_resource *tale_slot(const struct tale *tale, const char *disk, int64_t slot_s,
                                         unsigned nth) {
        const struct service_resource *source = rig_disk(tale->rig, disk);
        struct service *service = tale->rig->service;
        char slot[UTC_SLOT_SIZE];

        utc_format_slot(utc_from_seconds(slot_s), slot);
        for (size_t i = 0; source && i < service_resources(service); i++) {
                const struct service_resource *r = service_resource_at(service, i);

                if (is_snapshot_of(r, TALE_OWNER, &source->unique_id) &&
                    strcmp(service_tag_get(r, "snapkeep-slot") ?: "", slot) == 0 && nth-- == 0)
                        return r;
        }
        return NULL;
}

struct tale_pick tale_pick(struct tale *tale, const char *disk, size_t nth) {
        const struct service_resource *r = rig_ours(tale->rig, disk, nth);
        struct tale_pick pick = {};

        tale_expect(tale, r != NULL, "%s has no snapshot number %zu", disk, nth);
        if (r) {
                pick.serial = r->serial;
                snprintf(pick.id, sizeof(pick.id), "%s", r->id);
        }
        return pick;
}

bool tale_lives(const struct tale *tale, uint64_t serial) {
        struct service *service = tale->rig->service;

        for (size_t i = 0; i < service_resources(service); i++)
                if (service_resource_at(service, i)->serial == serial)
                        return !utc_is_set(service_resource_at(service, i)->deleted_at);
        return false;
}

int64_t tale_hour(const struct tale *tale) {
        int64_t now_s = utc_seconds(sim_true_utc(tale->rig->sim));

        return now_s - now_s % SEC_PER_HOUR;
}

void tale_faults(struct tale *tale, uint32_t per_million) {
        for (int fault = NETWORK_NOT_SENT; fault < _NETWORK_FAULT_N; fault++)
                network_set_fault(tale->rig->network, (enum network_fault)fault, per_million);
        network_set_fault(tale->rig->network, NETWORK_ODD_DATE, 0);
        network_set_fault(tale->rig->network, NETWORK_STUCK_OPERATION, 0);
        network_set_fault(tale->rig->network, NETWORK_FAILED_CREATE, 0);
}

void tale_add_ours(struct tale *tale, const char *disk, unsigned n, int64_t every_s,
                   const char *keep) {
        int64_t now_s = utc_seconds(sim_true_utc(tale->rig->sim));
        int64_t newest = (now_s - 1) / every_s * every_s;

        for (unsigned i = n; i-- > 0;)
                rig_add_ours(tale->rig, disk, TALE_OWNER, "gold", keep, newest - i * every_s);
}

void tale_add_strangers(struct tale *tale, const char *disk, unsigned n) {
        struct utc now = sim_true_utc(tale->rig->sim);
        char name[32];

        for (unsigned i = 0; i < n; i++) {
                struct service_snapshot_spec spec = {
                        .subscription = SERVICE_SUBSCRIPTION,
                        .group = "rg-snapshots",
                        .name = name,
                        .source_id = rig_disk_id(disk),
                        .time_created = utc_add_seconds(now, -600 * (int64_t)(n - i)),
                };

                snprintf(name, sizeof(name), "stranger-%u", i);
                if (service_add_snapshot(tale->rig->service, now, &spec, NULL) != 0)
                        abort();
        }
}

void tale_settle(struct tale *tale) {
        struct rig *rig = tale->rig;
        int64_t now_s = utc_seconds(sim_true_utc(rig->sim));

        network_stop_faults(rig->network);
        rig->kill_per_million = 0;
        rig_run(rig, (2 * SEC_PER_HOUR - now_s % SEC_PER_HOUR) * NSEC_PER_SEC + ROUND_NS);
        checks_settled(&rig->checks, rig->service, sim_true_utc(rig->sim));
}
