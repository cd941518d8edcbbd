/*
 * What an operator says to a daemon and reads from it.
 */
#include "rig-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHO "operator"
/* Chosen: far more than a handful of policies and targets can raise. */
#define HASHES_MAX 64

struct hashes {
        uint32_t wanted;
        bool stands;
        char hash[HASHES_MAX][ENGINE_HASH_SIZE];
        char policy[HASHES_MAX][POLICY_NAME_MAX + 1];
        uint32_t bit[HASHES_MAX];
        size_t n;
};

static void collect(const struct engine_doubt *doubt, void *data) {
        struct hashes *hashes = data;
        const char *policy = doubt->scope;

        if (!(doubt->bit & hashes->wanted))
                return;
        hashes->stands = true;
        if (!doubt->hash || hashes->n == HASHES_MAX)
                return;
        if (strncmp(policy, "policy ", 7) == 0)
                policy += 7;
        snprintf(hashes->hash[hashes->n], ENGINE_HASH_SIZE, "%s", doubt->hash);
        snprintf(hashes->policy[hashes->n], sizeof(hashes->policy[0]), "%.*s", POLICY_NAME_MAX,
                 policy);
        hashes->bit[hashes->n++] = doubt->bit;
}

/* Planned deletions of the policy (NULL: all) in the daemon's plans. */
static size_t planned(const struct rig_node *node, const char *policy) {
        size_t n = 0;

        for (size_t i = 0; i < engine_n_subscriptions(node->engine); i++) {
                const struct plan *plan = engine_plan(node->engine, i);

                for (size_t j = 0; plan && j < plan->n_actions; j++) {
                        const struct action *action = &plan->actions[j];

                        n += action->kind == ACTION_DELETE && action->policy != ACTION_NO_POLICY &&
                             (!policy ||
                              strcmp(node->file->policies[action->policy].name, policy) == 0);
                }
        }
        return n;
}

static enum checks_ack ack_of(uint32_t bit) {
        if (bit == DOUBT_BIT(DOUBT_POLICY))
                return CHECKS_ACK_RULE;
        if (bit == DOUBT_BIT(DOUBT_MASS))
                return CHECKS_ACK_MASS;
        if (bit == DOUBT_BIT(DOUBT_TARGETS))
                return CHECKS_ACK_TARGETS;
        return CHECKS_ACK_ASK;
}

unsigned rig_ack(struct rig_node *node, uint32_t bits) {
        struct rig *rig = node->rig;
        struct hashes hashes = {.wanted = bits};
        unsigned acked = 0;

        if (!node->engine)
                return 0;

        engine_doubts(node->engine, collect, &hashes);
        for (size_t i = 0; i < hashes.n; i++) {
                size_t n = planned(node, hashes.policy[i]);
                int r = engine_ack(node->engine, hashes.hash[i], WHO);

                /* One ack may have answered another's question. */
                if (r == ENGINE_E_UNKNOWN)
                        continue;
                rig_must(r);
                acked++;
                checks_acked(&rig->checks, node->number, ack_of(hashes.bit[i]), hashes.policy[i], n,
                             sim_true_utc(rig->sim));
        }
        return acked;
}

unsigned rig_ack_all(struct rig_node *node) {
        return rig_ack(node, UINT32_MAX);
}

bool rig_doubts(const struct rig_node *node, uint32_t bits) {
        struct hashes hashes = {.wanted = bits};

        if (node->engine)
                engine_doubts(node->engine, collect, &hashes);
        return hashes.stands;
}

void rig_pause(struct rig_node *node, bool all, int64_t ns) {
        struct rig *rig = node->rig;
        /* The daemon judges by its own time, and so does who says "until". */
        struct utc until, truly = {sim_true_utc(rig->sim).ticks + ns / NSEC_PER_TICK};

        if (!node->engine)
                return;
        until = (struct utc){engine_now(node->engine).ticks + ns / NSEC_PER_TICK};
        rig_must(engine_pause(node->engine, all, until, WHO));
        /* One that was given by a clock behind is over sooner once that is right again. */
        checks_paused(&rig->checks, node->number, all, until.ticks < truly.ticks ? until : truly);
}

void rig_unpause(struct rig_node *node) {
        if (!node->engine)
                return;
        rig_must(engine_resume(node->engine, WHO));
        checks_resumed(&node->rig->checks, node->number);
}

bool rig_apply(struct rig_node *node) {
        struct rig *rig = node->rig;
        char hash[PLAN_HASH_SIZE];
        size_t n;

        if (!node->engine || engine_plan_hash(node->engine, hash) != 0)
                return false;
        n = planned(node, NULL);
        if (engine_apply(node->engine, hash, WHO) != 0)
                return false;
        checks_acked(&rig->checks, node->number, CHECKS_ACK_APPLY, NULL, n, sim_true_utc(rig->sim));
        return true;
}

bool rig_retire(struct rig_node *node, const struct guid *generation) {
        struct rig *rig = node->rig;
        char text[GUID_TEXT_SIZE], hash[ENGINE_HASH_SIZE];
        size_t n;

        guid_format(generation, text);
        if (!node->engine || engine_retire_plan(node->engine, text, &n, hash) != 0 || n == 0 ||
            engine_retire(node->engine, text, hash, WHO) != 0)
                return false;
        checks_acked(&rig->checks, node->number, CHECKS_ACK_RETIRE, text, n,
                     sim_true_utc(rig->sim));
        return true;
}

bool rig_hold(struct rig_node *node, const char *id, const char *reason) {
        char order[ENGINE_HASH_SIZE];

        return node->engine && engine_hold(node->engine, id, reason, WHO, order) == 0;
}

bool rig_release(struct rig_node *node, const char *id) {
        char order[ENGINE_HASH_SIZE];

        if (!node->engine || engine_release(node->engine, id, WHO, order) != 0)
                return false;
        checks_step(&node->rig->checks, node->rig->service, sim_true_utc(node->rig->sim));
        checks_released(&node->rig->checks, service_find(node->rig->service, id));
        return true;
}

bool rig_adopt(struct rig_node *node, const char *id, const char *policy) {
        char order[ENGINE_HASH_SIZE];

        if (!node->engine || engine_adopt(node->engine, id, policy, WHO, order) != 0)
                return false;
        checks_step(&node->rig->checks, node->rig->service, sim_true_utc(node->rig->sim));
        checks_adopted(&node->rig->checks, service_find(node->rig->service, id));
        return true;
}

bool rig_backup(struct rig_node *node, const char *disk, int64_t keep_s, const char *policy) {
        char id[ENGINE_HASH_SIZE];
        struct engine_order order;

        if (!node->engine ||
            engine_backup(node->engine, disk, keep_s, "before an upgrade", policy, WHO, id) != 0)
                return false;
        if (!engine_order(node->engine, id, &order))
                rig_must(-ENOENT);
        checks_backup_ordered(&node->rig->checks, order.snapshot.name, keep_s,
                              sim_true_utc(node->rig->sim));
        return true;
}

void rig_break_invariant(struct rig_node *node, const struct guid *generation) {
        char text[GUID_TEXT_SIZE];

        if (!node->engine)
                return;
        node->rig->invariants_expected++;
        engine_invariant_broken(node->engine, guid_format(generation, text), "broken on purpose");
        checks_internal(&node->rig->checks, node->number, generation);
}

void rig_check_invariants(const struct rig_node *node) {
        if (node->engine &&
            engine_counts(node->engine)->invariants_broken > node->rig->invariants_expected) {
                fprintf(stderr, "an invariant of the engine is broken: scenario %s, seed %llu\n",
                        node->rig->scenario, (unsigned long long)node->rig->seed);
                abort();
        }
}

void rig_compare_status(struct rig_node *node) {
        struct rig *rig = node->rig;

        /* What hands did right before, too. */
        checks_step(&rig->checks, rig->service, sim_true_utc(rig->sim));
        for (size_t i = 0; i < engine_n_subscriptions(node->engine); i++) {
                const struct plan *plan = engine_plan(node->engine, i);
                struct world_view view;

                if (!plan || !engine_view(node->engine, i, &view))
                        continue;
                for (size_t j = 0; j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];
                        struct checks_status status = {
                                .subscription = view.subscription,
                                .policy = node->file->policies[series->policy].name,
                                .newest = series->newest,
                                .begin = view.begin,
                                .late = series->late,
                        };

                        if (guid_parse(series->generation, strlen(series->generation),
                                       &status.generation) == 0)
                                checks_status(&rig->checks, node->number, &status,
                                              sim_true_utc(rig->sim));
                }
        }
}
