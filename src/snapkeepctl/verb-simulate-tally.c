/*
 * The count of what happens. Slots, chains and deletions come from the journal of the simulated
 * service, which is the truth of this world, and not from what the engine says of itself; of the
 * engine are the doubts and the words.
 */
#include "base/array.h"
#include "base/str.h"
#include "core/naming.h"
#include "snapkeepctl/verb-simulate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of bursts, see DESIGN section 5; of budgets, per subscription: FACTS section 9. */
const struct simulate_limit_word simulate_limit_words[_LIMIT_N] = {
        [LIMIT_CHAIN_WARNING] = {"chain_warning", "snapshots of a disk: status warns",
                                 CHAIN_WARNING},
        [LIMIT_CHAIN_CRITICAL] = {"chain_critical", "snapshots of a disk: critical",
                                  CHAIN_CRITICAL},
        [LIMIT_CHAIN_FULL] = {"chain_full", "snapshots of a disk: Azure takes no more", CHAIN_MAX},
        [LIMIT_BURST] = {"burst", "snapshots of a disk in 5 minutes", CHAIN_BURST_MAX},
        [LIMIT_ARM_READS] = {"arm_reads", "reads at once, 25 a second come back", 250},
        [LIMIT_ARM_WRITES] = {"arm_writes", "writes at once, 10 a second come back", 200},
        [LIMIT_ARM_DELETES] = {"arm_deletes", "deletions at once, 10 a second come back", 200},
        [LIMIT_CREATES_3MIN] = {"creates_3min", "snapshots created in 3 minutes", 1000},
        [LIMIT_CREATES_30MIN] = {"creates_30min", "snapshots created in 30 minutes", 8000},
        [LIMIT_DELETES_3MIN] = {"deletes_3min", "deletions in 3 minutes", 3000},
        [LIMIT_DELETES_30MIN] = {"deletes_30min", "deletions in 30 minutes", 24000},
        [LIMIT_GETS_3MIN] = {"gets_3min", "single reads in 3 minutes", 15000},
        [LIMIT_GETS_30MIN] = {"gets_30min", "single reads in 30 minutes", 120000},
        [LIMIT_LISTS_3MIN] = {"lists_3min", "listings in 3 minutes", 240},
        [LIMIT_LISTS_30MIN] = {"lists_30min", "listings in 30 minutes", 1920},
};

/* Where the service says what is left of a budget; a header of its own, or a word in the common one. */
#define LEFT_PREFIX "x-ms-ratelimit-remaining-"
static const struct {
        const char *header; /* after LEFT_PREFIX */
        const char *word;   /* before the number, or NULL */
        enum simulate_limit_kind kind;
} budgets[] = {
        {"subscription-reads", NULL, LIMIT_ARM_READS},
        {"subscription-writes", NULL, LIMIT_ARM_WRITES},
        {"subscription-deletes", NULL, LIMIT_ARM_DELETES},
        {"resource", "HighCostSnapshotCreateHydrate3Min;", LIMIT_CREATES_3MIN},
        {"resource", "HighCostSnapshotCreateHydrate30Min;", LIMIT_CREATES_30MIN},
        {"resource", "DeleteDisks3Min;", LIMIT_DELETES_3MIN},
        {"resource", "DeleteDisks30Min;", LIMIT_DELETES_30MIN},
        {"resource", "LowCostGet3Min;", LIMIT_GETS_3MIN},
        {"resource", "LowCostGet30Min;", LIMIT_GETS_30MIN},
        {"resource", "HighCostGet3Min;", LIMIT_LISTS_3MIN},
        {"resource", "HighCostGet30Min;", LIMIT_LISTS_30MIN},
};

const char *simulate_reason_name(unsigned reason) {
        static const char *const names[_REASON_N] = {
                [REASON_WITHIN] = "within",
                [REASON_MIN_KEEP] = "min_keep",
                [REASON_MIN_AGE] = "min_age",
                [REASON_NO_KEEP] = "no_keep",
                [REASON_PRUNE_OFF] = "prune_off",
                [REASON_SUPERSEDED] = "superseded",
                [REASON_NOT_COMPLETE] = "not_complete",
        };

        return reason < REASON_WITHIN ? keep_rule_name((enum keep_rule)reason) : names[reason];
}

static void note_limit(struct simulate *simulate, enum simulate_limit_kind kind, uint64_t value,
                       size_t disk, struct utc now) {
        struct simulate_limit *limit = &simulate->limits[kind];

        limit->most = MAX(limit->most, value);
        if (limit->when == LIMIT_MET || value < simulate_limit_words[kind].max)
                return;
        *limit = (struct simulate_limit){LIMIT_MET, now, limit->most, disk};
}

/* Budgets. */

static void note_left(struct simulate *simulate, enum simulate_limit_kind kind, const char *number,
                      struct utc now) {
        uint64_t max = simulate_limit_words[kind].max, left;

        if (str_parse_u64(number, strspn(number, "0123456789"), UINT32_MAX, &left) == 0)
                note_limit(simulate, kind, max - MIN(left, max), SIZE_MAX, now);
}

static void note_budgets(struct simulate *simulate, const struct http_reply *reply,
                         struct utc now) {
        for (size_t i = 0; i < reply->headers.n; i++) {
                const struct http_header *header = &reply->headers.items[i];

                if (!str_starts_with_nocase(header->name, LEFT_PREFIX))
                        continue;
                for (size_t j = 0; j < ARRAY_SIZE(budgets); j++) {
                        const char *at = header->value;

                        if (!str_equal_nocase(header->name + strlen(LEFT_PREFIX),
                                              budgets[j].header))
                                continue;
                        if (budgets[j].word) {
                                at = strstr(at, budgets[j].word);
                                if (!at)
                                        continue;
                                at += strlen(budgets[j].word);
                        }
                        note_left(simulate, budgets[j].kind, at, now);
                }
        }
}

/* The journal. */

static int key_compare(const void *a, const void *b) {
        const struct simulate_key *x = a, *y = b;

        return guid_compare(&x->unique_id, &y->unique_id);
}

static struct simulate_disk *find_disk(const struct simulate *simulate, const struct guid *id) {
        struct simulate_key key = {*id, 0};
        const struct simulate_key *found;

        found = bsearch(&key, simulate->keys, simulate->n_disks, sizeof(key), key_compare);
        return found ? &simulate->disks[found->disk] : NULL;
}

static struct simulate_series *find_series(const struct simulate *simulate,
                                           const struct service_resource *snapshot) {
        const struct simulate_disk *disk = find_disk(simulate, &snapshot->source_unique_id);
        const char *policy = service_tag_get(snapshot, TAG_POLICY);

        for (size_t i = 0; disk && policy && i < disk->n_series; i++) {
                struct simulate_series *series = &simulate->series[disk->first_series + i];

                if (strcmp(simulate->file->policies[series->policy].name, policy) == 0)
                        return series;
        }
        return NULL;
}

/* Whether it will be complete, or is. */
static bool comes_out(const struct service_resource *snapshot) {
        return !snapshot->fails && !utc_is_set(snapshot->copy_failed_at);
}

static bool read_slot(const struct service_resource *snapshot, struct utc *ret_slot) {
        const char *text = service_tag_get(snapshot, TAG_SLOT);

        return text && utc_parse_slot(text, strlen(text), ret_slot) == 0;
}

static void fill_slot(struct simulate_series *series, const struct service_resource *snapshot) {
        struct simulate_policy *policy = &series->simulate->policies[series->policy];
        struct utc slot;

        if (!read_slot(snapshot, &slot))
                return;
        if (slot.ticks == series->slot.ticks && !series->filled) {
                series->filled = true;
                policy->taken++;
        } else if (slot.ticks == series->previous.ticks && !series->previous_filled) {
                /* Its PUT was under way when the next slot started. */
                series->previous_filled = true;
                policy->taken++;
                policy->missed--;
        }
}

static void end_wait(struct simulate_series *series, struct utc now) {
        struct simulate_policy *policy = &series->simulate->policies[series->policy];

        if (!series->waiting)
                return;
        series->waiting = false;
        series->simulate->waiting--;
        policy->longest_wait_ns =
                MAX(policy->longest_wait_ns, (now.ticks - series->started.ticks) * NSEC_PER_TICK);
}

static void take_created(struct simulate *simulate, const struct service_effect *effect) {
        const struct service_resource *snapshot = effect->resource;
        struct simulate_disk *disk = find_disk(simulate, &snapshot->source_unique_id);
        struct simulate_series *series = find_series(simulate, snapshot);
        size_t index, burst = 0;

        if (!disk || !series)
                return;
        index = (size_t)(disk - simulate->disks);
        disk->chain++;
        for (enum simulate_limit_kind kind = LIMIT_CHAIN_WARNING; kind <= LIMIT_CHAIN_FULL; kind++)
                note_limit(simulate, kind, disk->chain, index, effect->at);

        disk->recent[disk->n_created++ % CHAIN_BURST_MAX] = effect->at;
        for (size_t i = 0; i < MIN(disk->n_created, (uint64_t)CHAIN_BURST_MAX); i++)
                burst += disk->recent[i].ticks > utc_add_seconds(effect->at, -CHAIN_BURST_S).ticks;
        note_limit(simulate, LIMIT_BURST, burst, index, effect->at);

        simulate->policies[series->policy].created++;
        simulate->by_day[simulate->n_days].created++;
        end_wait(series, effect->at);
        if (comes_out(snapshot))
                fill_slot(series, snapshot);
        else
                simulate->policies[series->policy].failed++;
}

static void take_deleted(struct simulate *simulate, const struct service_effect *effect) {
        struct simulate_disk *disk = find_disk(simulate, &effect->resource->source_unique_id);
        struct simulate_series *series = find_series(simulate, effect->resource);

        if (!disk || !series)
                return;
        disk->chain--;
        simulate->policies[series->policy].deleted++;
        simulate->by_day[simulate->n_days].deleted++;
}

static void take_effects(struct simulate *simulate) {
        for (; simulate->effects < service_effects(simulate->service); simulate->effects++) {
                const struct service_effect *effect =
                        service_effect_at(simulate->service, simulate->effects);

                if (effect->resource->kind != SERVICE_SNAPSHOT)
                        continue;
                switch (effect->kind) {
                case SERVICE_EFFECT_CREATED:
                        take_created(simulate, effect);
                        break;
                case SERVICE_EFFECT_DELETED:
                        take_deleted(simulate, effect);
                        break;
                case SERVICE_EFFECT_REPEATED:
                case SERVICE_EFFECT_TAGGED:
                        break;
                }
        }
}

static void hook(enum network_hook when, const struct network_event *event, void *data) {
        struct simulate *simulate = data;
        struct utc now = sim_true_utc(simulate->sim);
        size_t in_flight = network_link_calls(simulate->link);

        if (when == NETWORK_BEFORE_EFFECT) {
                if (in_flight > simulate->most_in_flight) {
                        simulate->most_in_flight = in_flight;
                        simulate->most_in_flight_at = now;
                }
                return;
        }
        take_effects(simulate);
        if (event->reply)
                note_budgets(simulate, event->reply, now);
}

/* Slots. */

static void arm_next(struct simulate_series *series) {
        const struct policy *policy = &series->simulate->file->policies[series->policy];
        struct utc start = utc_from_seconds(SIMULATE_START), at;
        int r;

        if (!schedule_next(&policy->schedule, policy->zone,
                           utc_is_set(series->slot) ? series->slot
                                                    : utc_add_seconds(start, -series->jitter_s - 1),
                           &series->next)) {
                series->next = UTC_NEVER;
                return;
        }
        at = utc_add_seconds(series->next, series->jitter_s);
        if (at.ticks >= series->simulate->end.ticks)
                return;
        r = sim_event_arm(series->simulate->sim, &series->due,
                          (struct mono){(at.ticks - start.ticks) * NSEC_PER_TICK});
        if (r < 0)
                series->simulate->error = r;
}

static void begin_slot(struct simulate_series *series, struct utc slot) {
        struct simulate *simulate = series->simulate;
        struct simulate_policy *policy = &simulate->policies[series->policy];
        struct utc now = sim_true_utc(simulate->sim);

        policy->missed += utc_is_set(series->slot) && !series->filled;
        series->previous = series->slot;
        series->previous_filled = series->filled;
        series->slot = slot;
        series->filled = false;
        series->started = now;
        policy->slots++;
        simulate->waiting += !series->waiting;
        series->waiting = true;
        if (simulate->waiting > simulate->most_waiting) {
                simulate->most_waiting = simulate->waiting;
                simulate->most_waiting_at = now;
        }
}

static void slot_due(void *data) {
        struct simulate_series *series = data;

        begin_slot(series, series->next);
        arm_next(series);
}

/* A series without snapshots is due at once: the newest slot before the start is caught up with. */
static void first_slot(struct simulate_series *series) {
        const struct policy *policy = &series->simulate->file->policies[series->policy];
        struct utc slot;

        sim_event_init(&series->due, NULL, slot_due, series);
        if (schedule_due(&policy->schedule, policy->zone, series->jitter_s, policy->catch_up,
                         UTC_NONE, utc_from_seconds(SIMULATE_START), &slot))
                begin_slot(series, slot);
        arm_next(series);
}

/* The words. */

static void tell(struct log *log, const struct log_entry *entry) {
        struct simulate *simulate = container_of(log, struct simulate, log);
        const char *reason = entry->fields[LOG_REASON] ?: entry->fields[LOG_OPERATION] ?: "other";
        struct simulate_told *told;

        for (size_t i = 0; i < simulate->n_told; i++)
                if (simulate->told[i].level == entry->level &&
                    strcmp(simulate->told[i].reason, reason) == 0) {
                        simulate->told[i].count++;
                        return;
                }
        if (simulate->n_told == SIMULATE_TOLD_MAX) {
                simulate->told_left_out++;
                return;
        }
        told = &simulate->told[simulate->n_told++];
        *told = (struct simulate_told){
                .level = entry->level,
                .reason = strdup(reason),
                .message = strdup(entry->message),
                .count = 1,
                .first = sim_true_utc(simulate->sim),
        };
        if (!told->reason || !told->message) {
                simulate->error = -ENOMEM;
                free(told->reason);
                free(told->message);
                simulate->n_told--;
        }
}

void simulate_settled(void *data) {
        struct simulate *simulate = data;
        const struct engine_counts *counts = engine_counts(simulate->engine);

        for (int i = 0; i < _DOUBT_N; i++) {
                if (counts->doubts_begun[i] > simulate->doubts_seen[i] &&
                    simulate->doubts_seen[i] == 0)
                        simulate->doubts_first[i] = sim_true_utc(simulate->sim);
                simulate->doubts_seen[i] = counts->doubts_begun[i];
        }
}

/* Life. */

int simulate_begin_tally(struct simulate *simulate) {
        static const struct log_ops log_ops = {.write = tell};

        simulate->log = (struct log){.ops = &log_ops, .most = LOG_LEVEL_WARNING};
        simulate->by_day = calloc(simulate->days + 1, sizeof(*simulate->by_day));
        simulate->lengths = calloc(simulate->n_disks + 1, sizeof(*simulate->lengths));
        simulate->keys = calloc(simulate->n_disks + 1, sizeof(*simulate->keys));
        if (!simulate->by_day || !simulate->lengths || !simulate->keys)
                return -ENOMEM;

        for (size_t i = 0; i < simulate->n_disks; i++)
                simulate->keys[i] = (struct simulate_key){simulate->disks[i].unique_id, i};
        if (simulate->n_disks > 0)
                qsort(simulate->keys, simulate->n_disks, sizeof(*simulate->keys), key_compare);
        simulate->effects = service_effects(simulate->service);
        network_set_hook(simulate->network, hook, simulate);
        for (size_t i = 0; i < simulate->n_series; i++)
                first_slot(&simulate->series[i]);
        return simulate->error;
}

static int length_compare(const void *a, const void *b) {
        return CMP(*(const size_t *)a, *(const size_t *)b);
}

void simulate_end_day(struct simulate *simulate) {
        struct simulate_day *day = &simulate->by_day[simulate->n_days];
        size_t n = simulate->n_disks;

        day->requests = network_requests(simulate->network) - simulate->requests;
        simulate->requests += day->requests;
        for (size_t i = 0; i < n; i++) {
                simulate->lengths[i] = simulate->disks[i].chain;
                day->alive += simulate->lengths[i];
        }
        if (n > 0) {
                qsort(simulate->lengths, n, sizeof(*simulate->lengths), length_compare);
                day->shortest = simulate->lengths[0];
                day->median = simulate->lengths[(n - 1) / 2];
                day->longest = simulate->lengths[n - 1];
        }
        simulate->n_days++;

        /* The journal and what is deleted would grow for years. */
        take_effects(simulate);
        service_forget(simulate->service, sim_true_utc(simulate->sim));
        simulate->effects = service_effects(simulate->service);
}

/* The end. */

static int add_point(struct simulate_series *series, const struct service_resource *snapshot,
                     struct utc now) {
        struct utc slot;
        int r;

        if (!read_slot(snapshot, &slot))
                return 0;
        r = array_grow(&series->points, series->n_points, &series->points_capacity,
                       sizeof(*series->points), SIMULATE_SERIES_MAX);
        if (r < 0)
                return r;
        series->points[series->n_points++] = (struct retention_point){
                .slot = slot,
                .instant = snapshot->time_created,
                .state = service_resource_is_complete(snapshot, now) ? POINT_COMPLETE : 0,
        };
        return 0;
}

static void count_reasons(struct simulate_policy *tally, const struct policy *policy,
                          const struct verdict *verdict) {
        static const struct {
                unsigned bit;
                enum simulate_reason reason;
        } reasons[] = {
                {VERDICT_WITHIN, REASON_WITHIN},
                {VERDICT_MIN_KEEP, REASON_MIN_KEEP},
                {VERDICT_MIN_AGE, REASON_MIN_AGE},
                {VERDICT_NOT_COMPLETE, REASON_NOT_COMPLETE},
        };

        if (verdict->kept_by & VERDICT_NO_RULE)
                tally->reasons[policy->prune == PRUNE_OFF ? REASON_PRUNE_OFF : REASON_NO_KEEP]++;
        tally->reasons[REASON_SUPERSEDED] += verdict->kept_by == 0;
        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++)
                tally->reasons[REASON_FIRST_RULE + rule] +=
                        (verdict->kept_by & VERDICT_RULE(rule)) != 0;
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
                tally->reasons[reasons[i].reason] += (verdict->kept_by & reasons[i].bit) != 0;
}

static int judge_series(struct simulate_series *series, struct utc now) {
        struct simulate *simulate = series->simulate;
        const struct policy *policy = &simulate->file->policies[series->policy];
        struct simulate_policy *tally = &simulate->policies[series->policy];
        _cleanup_(freep) struct verdict *verdicts = NULL;
        int r;

        verdicts = calloc(series->n_points + 1, sizeof(*verdicts));
        if (!verdicts)
                return -ENOMEM;
        r = retention_judge(series->points, series->n_points, simulate_rule(policy), policy->zone,
                            &(struct retention_floors){policy->min_keep, policy->min_age_s}, now,
                            verdicts);
        if (r < 0)
                return r;
        for (size_t i = 0; i < series->n_points; i++)
                count_reasons(tally, policy, &verdicts[i]);
        tally->alive += series->n_points;
        return 0;
}

static void take_standing(const struct engine_doubt *doubt, void *data) {
        struct simulate *simulate = data;
        struct strbuf kind = {};
        struct simulate_standing *one;
        int r;

        r = array_grow(&simulate->standing, simulate->n_standing, &simulate->standing_capacity,
                       sizeof(*simulate->standing), SIMULATE_SERIES_MAX);
        if (r < 0) {
                simulate->error = r;
                return;
        }
        blocks_append(doubt->bit, &kind);
        one = &simulate->standing[simulate->n_standing++];
        *one = (struct simulate_standing){
                .scope = strdup(doubt->scope),
                .reason = strdup(doubt->reason),
                .end = strdup(doubt->end),
        };
        r = strbuf_take(&kind, &one->kind);
        if (r < 0 || !one->scope || !one->reason || !one->end)
                simulate->error = -ENOMEM;
}

int simulate_end_tally(struct simulate *simulate) {
        struct utc now = sim_true_utc(simulate->sim);
        int r = 0;

        simulate_settled(simulate);
        for (size_t i = 0; i < service_resources(simulate->service) && r == 0; i++) {
                const struct service_resource *resource = service_resource_at(simulate->service, i);
                struct simulate_series *series;

                if (resource->kind != SERVICE_SNAPSHOT || utc_is_set(resource->deleted_at))
                        continue;
                series = find_series(simulate, resource);
                if (series)
                        r = add_point(series, resource, now);
        }
        for (size_t i = 0; i < simulate->n_series && r == 0; i++)
                r = judge_series(&simulate->series[i], now);
        if (r < 0)
                return r;
        engine_doubts(simulate->engine, take_standing, simulate);
        return simulate->error;
}

void simulate_tally_deinit(struct simulate *simulate) {
        for (size_t i = 0; i < simulate->n_series; i++) {
                sim_event_disarm(simulate->sim, &simulate->series[i].due);
                free(simulate->series[i].points);
        }
        for (size_t i = 0; i < simulate->n_told; i++) {
                free(simulate->told[i].reason);
                free(simulate->told[i].message);
        }
        for (size_t i = 0; i < simulate->n_standing; i++) {
                free(simulate->standing[i].kind);
                free(simulate->standing[i].scope);
                free(simulate->standing[i].reason);
                free(simulate->standing[i].end);
        }
        free(simulate->standing);
        free(simulate->series);
        free(simulate->disks);
        free(simulate->policies);
        free(simulate->by_day);
        free(simulate->lengths);
        free(simulate->keys);
}
