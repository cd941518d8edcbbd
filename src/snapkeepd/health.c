/*
 * How all of it is, and each series: what is wrong, in sentences, and how bad that is.
 */
#include "snapkeepd/health.h"

#include "base/str.h"
#include "snapkeepd/answers.h"

#include <stdarg.h>

/* What somebody else has deleted is told for so long. Chosen: whoever is on duty once a day sees it. */
#define VANISHED_TOLD_S SEC_PER_DAY

#define DOUBTS_OF_SERIES                                                                           \
        (DOUBT_BIT(DOUBT_STALE) | DOUBT_BIT(DOUBT_PEER) | DOUBT_BIT(DOUBT_INTERNAL))

const char *health_name(enum health health) {
        switch (health) {
        case HEALTH_OK:
                return "ok";
        case HEALTH_WARNING:
                return "warning";
        case HEALTH_CRITICAL:
                return "critical";
        case HEALTH_UNKNOWN:
                break;
        }
        return "unknown";
}

static int health_rank(enum health health) {
        switch (health) {
        case HEALTH_OK:
                return 0;
        case HEALTH_WARNING:
                return 1;
        case HEALTH_UNKNOWN:
                return 2;
        case HEALTH_CRITICAL:
                break;
        }
        return 3;
}

enum health health_worse(enum health a, enum health b) {
        return health_rank(a) >= health_rank(b) ? a : b;
}

_printf_(4, 5) static void worsen(enum health *health, enum health to, struct strbuf *reasons,
                                  const char *format, ...) {
        va_list ap;

        *health = health_worse(*health, to);
        if (reasons->len > 0)
                strbuf_append_str(reasons, ", ");
        va_start(ap, format);
        strbuf_vappendf(reasons, format, ap);
        va_end(ap);
}

enum health series_health(const struct series_state *series, struct strbuf *reasons) {
        /* Paused, asked, gone: told once and of all, not of each series. */
        uint32_t doubts = series->blocked & (DOUBT_BIT(_DOUBT_N) - 1);
        enum health health = HEALTH_OK;

        if (series->late)
                worsen(&health, HEALTH_CRITICAL, reasons, "newest older than rpo");
        if (series->missed > 0)
                worsen(&health, HEALTH_WARNING, reasons, "slots missed: %u", series->missed);
        if (series->chain >= CHAIN_WARNING)
                worsen(&health, series->chain >= CHAIN_CRITICAL ? HEALTH_CRITICAL : HEALTH_WARNING,
                       reasons, "%zu of %d snapshots in the chain", series->chain, CHAIN_MAX);
        for (enum doubt doubt = 0; doubt < _DOUBT_N; doubt++)
                if (doubts & DOUBT_BIT(doubt))
                        worsen(&health, doubt == DOUBT_INTERNAL ? HEALTH_CRITICAL : HEALTH_WARNING,
                               reasons, "doubt %s", doubt_name(doubt));
        if (series->no_snapshot)
                worsen(&health, HEALTH_OK, reasons, "cannot be snapshotted");
        if (series->deferred)
                worsen(&health, HEALTH_OK, reasons, "deferred");
        if (series->gone)
                worsen(&health, HEALTH_OK, reasons, "disk gone");
        return health;
}

static enum health doubt_health(uint32_t bit) {
        /* Fewer disks than expected is an alarm: what is not found is not backed up. */
        if (bit & (DOUBT_BIT(DOUBT_TARGETS) | DOUBT_BIT(DOUBT_INTERNAL)))
                return HEALTH_CRITICAL;
        return bit & BLOCK_GONE ? HEALTH_OK : HEALTH_WARNING;
}

static enum health finding_health(enum finding_kind kind) {
        switch (kind) {
        case FINDING_NO_ATTEMPT:
                return HEALTH_CRITICAL;
        case FINDING_MISTAKEN:
        case FINDING_FUTURE:
        case FINDING_DISK_MISSING:
        case FINDING_NO_GENERATION:
                return HEALTH_WARNING;
        case FINDING_UNCLAIMED:
        case FINDING_NO_SNAPSHOT:
        case FINDING_MOVED:
        case FINDING_GONE:
        case FINDING_DEFERRED:
                break;
        }
        return HEALTH_OK;
}

_printf_(3, 4) static void find(struct verdict_on_all *all, enum health health, const char *format,
                                ...) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        va_list ap;

        if (health == HEALTH_OK)
                return;
        all->health = health_worse(all->health, health);
        if (!all->w || all->n_reasons++ >= HEALTH_REASONS_MAX)
                return;
        va_start(ap, format);
        strbuf_vappendf(&text, format, ap);
        va_end(ap);
        if (text.error)
                all->w->out->error = text.error;
        json_write_string(all->w, NULL, strbuf_str(&text));
}

static void find_doubt(const struct engine_doubt *doubt, void *data) {
        struct verdict_on_all *all = data;

        all->n_doubts++;
        /* Those of a series are in its own health, and may be as many as there are disks. */
        if (doubt->bit & DOUBTS_OF_SERIES)
                return;
        /* "everything is paused" names its scope itself. */
        if (str_starts_with(doubt->reason, doubt->scope))
                find(all, doubt_health(doubt->bit), "%s", doubt->reason);
        else
                find(all, doubt_health(doubt->bit), "%s: %s", doubt->scope, doubt->reason);
}

static void find_in_plan(struct verdict_on_all *all, const struct plan *plan) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        for (size_t i = 0; i < plan->n_series; i++) {
                strbuf_clear(&text);
                all->series[series_health(&plan->series[i], &text)]++;
                all->n_series++;
                all->n_gone += plan->series[i].gone;
        }
        for (size_t i = 0; i < plan->n_findings; i++) {
                strbuf_clear(&text);
                finding_append(&plan->findings[i], &text);
                find(all, finding_health(plan->findings[i].kind), "%s", strbuf_str(&text));
        }
        if (text.error && all->w)
                all->w->out->error = text.error;
}

/* Whether it has an rpo or not: nothing of the policy is backed up there, and nobody but a person makes the group. */
static void find_lacking_group(const struct answer_source *source, struct verdict_on_all *all) {
        const char *subscription;
        const struct policy *policy = engine_lacks_group(source->engine, &subscription);

        if (policy)
                find(all, HEALTH_CRITICAL,
                     "the resource group %s, where snapshots of policy %s go, is not there in "
                     "subscription %s, and none is taken: create it, or name another",
                     policy->snapshot_group, policy->name, subscription);
}

/* A pattern or a tag mistyped: the disks that other targets find must not hide it. */
static void find_empty_targets(const struct answer_source *source, struct verdict_on_all *all) {
        const struct policy_file *file = source->file;

        for (size_t t = 0; t < file->n_targets; t++)
                if (engine_target_is_empty(source->engine, t))
                        find(all, HEALTH_WARNING,
                             "targets[%zu] of policy %s selects no disk that is there, so what it "
                             "means is not backed up; mend its match, or allow it by expect: "
                             "\">=0\"",
                             t, file->policies[file->targets[t].policy].name);
}

/* A backup that somebody has deleted is there no more, and nothing that happens later makes up for it: who watches
 * health alone is to hear of it. */
static void find_vanished(const struct answer_source *source, struct verdict_on_all *all) {
        const struct engine_counts *counts = engine_counts(source->engine);
        char at[UTC_TEXT_SIZE];

        if (counts->vanished == 0 ||
            engine_now(source->engine).ticks >=
                    utc_add_seconds(counts->vanished_at, VANISHED_TOLD_S).ticks)
                return;
        find(all, HEALTH_WARNING,
             "%llu snapshot%s of ours %s deleted by somebody else since the policy was loaded, the "
             "last one seen to be gone at %s; the journal has them",
             (unsigned long long)counts->vanished, counts->vanished == 1 ? "" : "s",
             counts->vanished == 1 ? "was" : "were", utc_format(counts->vanished_at, at));
}

static const char *are(size_t n) {
        return n == 1 ? "is" : "are";
}

void health_judge_all(const struct answer_source *source, struct verdict_on_all *all) {
        size_t n = engine_n_subscriptions(source->engine), n_unread = 0;
        bool unreadable = false, awaited = false;

        for (size_t i = 0; i < n; i++) {
                const struct plan *plan = engine_plan(source->engine, i);
                struct world_view view;
                const char *id, *why;

                if (plan)
                        find_in_plan(all, plan);
                else
                        n_unread++;
                if (!engine_unreadable(source->engine, i, &id, &why)) {
                        awaited |= !engine_view(source->engine, i, &view);
                        continue;
                }
                unreadable = true;
                find(all, plan ? HEALTH_WARNING : HEALTH_UNKNOWN,
                     "subscription %s cannot be read, will go on trying%s", id, why);
        }
        if (all->series[HEALTH_CRITICAL] > 0)
                find(all, HEALTH_CRITICAL, "%zu of %zu series %s critical",
                     all->series[HEALTH_CRITICAL], all->n_series,
                     are(all->series[HEALTH_CRITICAL]));
        if (all->series[HEALTH_WARNING] > 0)
                find(all, HEALTH_WARNING, "%zu of %zu series %s in a state of warning",
                     all->series[HEALTH_WARNING], all->n_series, are(all->series[HEALTH_WARNING]));
        find_lacking_group(source, all);
        engine_doubts(source->engine, find_doubt, all);
        find_vanished(source, all);
        if (source->refused)
                find(all, HEALTH_WARNING,
                     "the policy file was refused at the last reload, and the daemon would not "
                     "start with it; the policy before it stays in force, and the journal has the "
                     "errors");
        if (engine_is_forgetful(source->engine))
                find(all, HEALTH_WARNING,
                     "the state cannot be written, and a restart would forget pauses and acks");
        if (n_unread > 0)
                find(all, HEALTH_UNKNOWN, "%zu of %zu subscription%s %s not read yet%s", n_unread,
                     n, n == 1 ? "" : "s", n_unread == 1 ? "was" : "were",
                     n_unread == n || !awaited ? ""
                     : n_unread == 1
                             ? ", and before it was, or has failed, nothing is deleted of any other"
                             : ", and before each was, or has failed, nothing is deleted of any "
                               "other");
        else if (!unreadable && !engine_is_well(source->engine))
                find(all, HEALTH_WARNING,
                     "something that was due has failed, or a disk cannot be read, and is tried "
                     "again; the journal has it");
        /* A pattern that fits nothing, or a right that lacks, on a machine that has not seen more. */
        if (n_unread == 0 && all->n_series == all->n_gone)
                find(all, HEALTH_WARNING,
                     "no target selects any disk that is there: nothing is backed up");
        else
                find_empty_targets(source, all);
}

enum health answer_health(const struct answer_source *source) {
        struct verdict_on_all all = {};

        health_judge_all(source, &all);
        return all.health;
}

static void count_doubt(const struct engine_doubt *doubt, void *data) {
        ++*(size_t *)data;
}

size_t answer_n_doubts(const struct answer_source *source) {
        size_t n = 0;

        engine_doubts(source->engine, count_doubt, &n);
        return n;
}
