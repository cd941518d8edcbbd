#include "snapkeepd/metrics.h"

#include "snapkeep-config.h"

#include <string.h>

/* ---- the format ---- */

static void append_head(struct strbuf *out, const char *name, const char *type, const char *help) {
        strbuf_appendf(out, "# HELP snapkeep_%s %s\n# TYPE snapkeep_%s %s\n", name, help, name,
                       type);
}

static void append_label(struct strbuf *out, const char *separator, const char *name,
                         const char *value) {
        strbuf_appendf(out, "%s%s=\"", separator, name);
        for (const char *p = value; *p; p++)
                switch (*p) {
                case '\\':
                case '"':
                        strbuf_append_char(out, '\\');
                        strbuf_append_char(out, *p);
                        break;
                case '\n':
                        strbuf_append_str(out, "\\n");
                        break;
                default:
                        strbuf_append_char(out, *p);
                }
        strbuf_append_char(out, '"');
}

static void append_one(struct strbuf *out, const char *name, const char *label, const char *value,
                       uint64_t number) {
        strbuf_appendf(out, "snapkeep_%s", name);
        if (label) {
                append_label(out, "{", label, value);
                strbuf_append_char(out, '}');
        }
        strbuf_appendf(out, " %llu\n", (unsigned long long)number);
}

/* ---- series ---- */

struct series_metric {
        const char *name, *help;
        /* Returns whether this series has it. */
        bool (*get)(const struct series_state *series, const struct policy *policy,
                    int64_t *ret_value);
};

static bool get_newest(const struct series_state *series, const struct policy *policy,
                       int64_t *ret_value) {
        *ret_value = utc_seconds(series->newest);
        return utc_is_set(series->newest);
}

static bool get_next(const struct series_state *series, const struct policy *policy,
                     int64_t *ret_value) {
        *ret_value = utc_seconds(series->next);
        return series->next.ticks != UTC_NEVER.ticks;
}

static bool get_rpo(const struct series_state *series, const struct policy *policy,
                    int64_t *ret_value) {
        *ret_value = policy->rpo_s;
        return policy->rpo_s > 0;
}

static bool get_late(const struct series_state *series, const struct policy *policy,
                     int64_t *ret_value) {
        *ret_value = series->late;
        return policy->rpo_s > 0;
}

static bool get_missed(const struct series_state *series, const struct policy *policy,
                       int64_t *ret_value) {
        *ret_value = series->missed;
        return true;
}

static bool get_complete(const struct series_state *series, const struct policy *policy,
                         int64_t *ret_value) {
        *ret_value = (int64_t)series->complete;
        return true;
}

static bool get_held(const struct series_state *series, const struct policy *policy,
                     int64_t *ret_value) {
        *ret_value = (int64_t)series->held;
        return true;
}

static bool get_chain(const struct series_state *series, const struct policy *policy,
                      int64_t *ret_value) {
        *ret_value = (int64_t)series->chain;
        return true;
}

static const struct series_metric series_metrics[] = {
        {"series_newest_timestamp_seconds",
         "Point in time of the newest complete snapshot; absent without one.", get_newest},
        {"series_next_timestamp_seconds", "When the next slot starts.", get_next},
        {"series_rpo_seconds", "What the policy says the age may be.", get_rpo},
        {"series_late", "1 while the newest complete snapshot is older than the rpo.", get_late},
        {"series_missed_slots", "Slots missed in a row.", get_missed},
        {"series_complete_snapshots", "Complete snapshots of the series.", get_complete},
        {"series_held_snapshots", "Snapshots of the series that a hold keeps.", get_held},
        {"series_chain_snapshots",
         "Incremental snapshots of the disk in the region, everybody's; Azure allows 500.",
         get_chain},
};

static void append_series(struct strbuf *out, const struct series_metric *metric,
                          const struct series_state *series, const struct policy *policy) {
        int64_t value;

        if (!metric->get(series, policy, &value))
                return;
        strbuf_appendf(out, "snapkeep_%s", metric->name);
        append_label(out, "{", "policy", policy->name);
        append_label(out, ",", "subscription", series->disk.subscription);
        append_label(out, ",", "group", series->disk.group);
        append_label(out, ",", "disk", series->disk.name);
        /* A disk that was made anew is another one beside its old self. */
        append_label(out, ",", "generation", series->generation);
        strbuf_appendf(out, "} %lld\n", (long long)value);
}

static void append_all_series(struct strbuf *out, const struct answer_source *source) {
        for (size_t m = 0; m < ARRAY_SIZE(series_metrics); m++) {
                append_head(out, series_metrics[m].name, "gauge", series_metrics[m].help);
                for (size_t i = 0; i < engine_n_subscriptions(source->engine); i++) {
                        const struct plan *plan = engine_plan(source->engine, i);

                        for (size_t j = 0; plan && j < plan->n_series; j++)
                                append_series(out, &series_metrics[m], &plan->series[j],
                                              &source->file->policies[plan->series[j].policy]);
                }
        }
}

/* ---- the daemon ---- */

/* All that engine_doubts() tells of. */
static const uint32_t doubt_bits[] = {
        DOUBT_BIT(DOUBT_CLOCK),
        DOUBT_BIT(DOUBT_LISTING),
        DOUBT_BIT(DOUBT_TARGETS),
        DOUBT_BIT(DOUBT_STALE),
        DOUBT_BIT(DOUBT_POLICY),
        DOUBT_BIT(DOUBT_MASS),
        DOUBT_BIT(DOUBT_PEER),
        DOUBT_BIT(DOUBT_INTERNAL),
        BLOCK_PAUSED,
        BLOCK_PAUSED_ALL,
        BLOCK_ASK,
};

static void count_doubt(const struct engine_doubt *doubt, void *data) {
        uint64_t *n = data;

        for (size_t i = 0; i < ARRAY_SIZE(doubt_bits); i++)
                n[i] += doubt->bit == doubt_bits[i];
}

static void append_doubts(struct strbuf *out, const struct engine *engine) {
        uint64_t n[ARRAY_SIZE(doubt_bits)] = {};

        engine_doubts(engine, count_doubt, n);
        append_head(out, "doubts", "gauge", "What keeps deletions from going, by its kind.");
        for (size_t i = 0; i < ARRAY_SIZE(doubt_bits); i++) {
                _cleanup_(strbuf_deinit) struct strbuf name = {};

                blocks_append(doubt_bits[i], &name);
                if (name.error)
                        out->error = name.error;
                append_one(out, "doubts", "doubt", strbuf_str(&name), n[i]);
        }
}

static void append_counts(struct strbuf *out, const struct engine_counts *counts) {
        append_head(out, "snapshots_created_total", "counter",
                    "Snapshots taken since the policy was loaded.");
        append_one(out, "snapshots_created_total", NULL, NULL, counts->created);
        append_head(out, "snapshots_deleted_total", "counter",
                    "Snapshots deleted since the policy was loaded.");
        append_one(out, "snapshots_deleted_total", NULL, NULL, counts->deleted);
        append_head(out, "snapshots_vanished_total", "counter",
                    "Snapshots of ours that somebody else deleted, since the policy was loaded.");
        append_one(out, "snapshots_vanished_total", NULL, NULL, counts->vanished);
        append_head(out, "sweeps_total", "counter",
                    "Readings of a subscription since the policy was loaded.");
        append_one(out, "sweeps_total", NULL, NULL, counts->sweeps);
        append_head(out, "failures_total", "counter",
                    "What did not come out since the policy was loaded, each try.");
        append_one(out, "failures_total", "operation", "create", counts->create_failures);
        append_one(out, "failures_total", "operation", "delete", counts->delete_failures);
        append_one(out, "failures_total", "operation", "sweep", counts->sweep_failures);
}

static void append_traffic(struct strbuf *out, const struct meter_counts *counts) {
        append_head(out, "requests_total", "counter", "Requests sent, by method.");
        for (int i = 0; i < METER_METHODS; i++)
                append_one(out, "requests_total", "method", http_method_name((enum http_method)i),
                           counts->requests[i]);
        append_head(out, "replies_total", "counter",
                    "What came of them, by class of refusal; ok is none.");
        for (int i = 0; i < METER_CLASSES; i++)
                append_one(out, "replies_total", "class", arm_class_name((enum arm_class)i),
                           counts->replies[i]);
        append_head(out, "throttled_seconds_total", "counter",
                    "Waits that Azure asked for when it throttled us, added up.");
        strbuf_appendf(out, "snapkeep_throttled_seconds_total %.3f\n", counts->throttled_s);
}

void metrics_append(const struct answer_source *source, const struct meter_counts *counts,
                    struct strbuf *out) {
        append_head(out, "build_info", "gauge", "Always 1; the version is in the label.");
        append_one(out, "build_info", "version", SNAPKEEP_VERSION, 1);
        append_head(out, "health", "gauge", "0 ok, 1 warning, 2 critical, 3 not all was read yet.");
        append_one(out, "health", NULL, NULL, (uint64_t)answer_health(source));
        append_doubts(out, source->engine);
        append_all_series(out, source);
        append_counts(out, engine_counts(source->engine));
        append_traffic(out, counts);
}
