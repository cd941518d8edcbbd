#include "snapkeepd/answers.h"

#include "azure/world.h"
#include "base/str.h"
#include "snapkeep-config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: an operator reads some, and finds all by the lists. */
#define REASONS_MAX 20

#define DOUBTS_OF_SERIES                                                                           \
        (DOUBT_BIT(DOUBT_STALE) | DOUBT_BIT(DOUBT_PEER) | DOUBT_BIT(DOUBT_INTERNAL))

/* ---- health ---- */

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

/* What is wrong with all of it; sentences only where a writer is given. */
struct verdict_on_all {
        struct json_writer *w; /* or NULL */
        enum health health;
        size_t n_reasons; /* told and untold */
        size_t n_doubts;
        size_t series[HEALTH_UNKNOWN + 1];
        size_t n_series;
        size_t n_gone; /* of these, of disks that are gone */
};

_printf_(3, 4) static void find(struct verdict_on_all *all, enum health health, const char *format,
                                ...) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        va_list ap;

        if (health == HEALTH_OK)
                return;
        all->health = health_worse(all->health, health);
        if (!all->w || all->n_reasons++ >= REASONS_MAX)
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

static const char *are(size_t n) {
        return n == 1 ? "is" : "are";
}

static void judge_all(const struct answer_source *source, struct verdict_on_all *all) {
        size_t n = engine_n_subscriptions(source->engine), n_unread = 0;
        bool unreadable = false;

        for (size_t i = 0; i < n; i++) {
                const struct plan *plan = engine_plan(source->engine, i);
                const char *id, *why;

                if (plan)
                        find_in_plan(all, plan);
                else
                        n_unread++;
                if (!engine_unreadable(source->engine, i, &id, &why))
                        continue;
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
        engine_doubts(source->engine, find_doubt, all);
        if (source->refused)
                find(all, HEALTH_WARNING,
                     "the policy file was refused at the last reload, and the daemon would not "
                     "start with it; the policy before it stays in force, and the journal has the "
                     "errors");
        if (engine_is_forgetful(source->engine))
                find(all, HEALTH_WARNING,
                     "the state cannot be written, and a restart would forget pauses and acks");
        if (n_unread > 0)
                find(all, HEALTH_UNKNOWN, "%zu of %zu subscription%s %s not read yet", n_unread, n,
                     n == 1 ? "" : "s", n_unread == 1 ? "was" : "were");
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

        judge_all(source, &all);
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

/* ---- parts ---- */

static void begin(struct json_writer *w, struct strbuf *out) {
        *w = (struct json_writer){.out = out};
        json_open(w, NULL, '{');
        json_write_int(w, "version", 1);
}

static void write_maybe(struct json_writer *w, const char *name, const char *value) {
        if (value && *value)
                json_write_string(w, name, value);
        else
                json_write_null(w, name);
}

void answer_write_parts(struct json_writer *w, const char *name, const struct strbuf *joined) {
        _cleanup_(strbuf_deinit) struct strbuf one = {};
        const char *text = strbuf_str(joined);

        json_open(w, name, '[');
        while (*text) {
                const char *end = strstr(text, ", ") ?: strchr(text, '\0');

                strbuf_clear(&one);
                strbuf_append(&one, text, (size_t)(end - text));
                json_write_string(w, NULL, strbuf_str(&one));
                text = *end ? end + 2 : end;
        }
        json_close(w);
        if (joined->error || one.error)
                w->out->error = joined->error ?: one.error;
}

static void write_blocked(struct json_writer *w, uint32_t blocked) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        blocks_append(blocked, &text);
        answer_write_parts(w, "blocked", &text);
}

static const char *policy_name(const struct policy_file *file, size_t policy) {
        return policy == ACTION_NO_POLICY ? NULL : file->policies[policy].name;
}

static void write_page(struct json_writer *w, size_t total, size_t offset) {
        json_write_int(w, "total", (int64_t)total);
        json_write_int(w, "offset", (int64_t)offset);
}

size_t answer_page_rows(size_t count) {
        return count == 0 || count > ANSWER_ROWS_MAX ? ANSWER_ROWS_MAX : count;
}

void answer_subscriptions(struct json_writer *w, const struct engine *engine) {
        json_open(w, "subscriptions", '[');
        for (size_t i = 0; i < engine_n_subscriptions(engine); i++) {
                const struct world_unread *unread = engine_unread(engine, i);
                struct world_view view;
                const char *id, *why;

                json_open(w, NULL, '{');
                if (engine_view(engine, i, &view)) {
                        json_write_string(w, "id", view.subscription);
                        json_write_utc(w, "read", view.begin);
                } else {
                        json_write_null(w, "id");
                        json_write_null(w, "read");
                }
                json_write_bool(w, "failing", engine_unreadable(engine, i, &id, &why));
                json_write_int(w, "unread_disks", unread ? (int64_t)unread->n_disks : 0);
                json_write_int(w, "unread_snapshots", unread ? (int64_t)unread->n_snapshots : 0);
                json_close(w);
        }
        json_close(w);
}

void answer_findings(struct json_writer *w, const struct engine *engine) {
        json_open(w, "findings", '[');
        for (size_t i = 0; i < engine_n_subscriptions(engine); i++) {
                const struct plan *plan = engine_plan(engine, i);

                for (size_t j = 0; plan && j < plan->n_findings; j++) {
                        const struct finding *finding = &plan->findings[j];
                        _cleanup_(strbuf_deinit) struct strbuf text = {};

                        finding_append(finding, &text);
                        if (text.error)
                                w->out->error = text.error;
                        json_open(w, NULL, '{');
                        json_write_string(w, "kind", finding_name(finding->kind));
                        json_write_int(w, "count", (int64_t)finding->count);
                        json_write_string(w, "subject", finding->subject);
                        json_write_string(w, "text", strbuf_str(&text));
                        json_close(w);
                }
        }
        json_close(w);
}

struct utc answer_next(const struct engine *engine) {
        struct utc next = UTC_NEVER;

        for (size_t i = 0; i < engine_n_subscriptions(engine); i++) {
                const struct plan *plan = engine_plan(engine, i);

                if (plan)
                        next.ticks = MIN(next.ticks, plan->next.ticks);
        }
        return next;
}

/* ---- status ---- */

static void write_counts(struct json_writer *w, const struct engine_counts *counts) {
        json_open(w, "counts", '{');
        json_write_int(w, "created", (int64_t)counts->created);
        json_write_int(w, "deleted", (int64_t)counts->deleted);
        json_write_int(w, "create_failures", (int64_t)counts->create_failures);
        json_write_int(w, "delete_failures", (int64_t)counts->delete_failures);
        json_write_int(w, "sweeps", (int64_t)counts->sweeps);
        json_write_int(w, "sweep_failures", (int64_t)counts->sweep_failures);
        json_close(w);
}

void answer_status(const struct answer_source *source, struct strbuf *out) {
        _cleanup_(strbuf_deinit) struct strbuf summary = {};
        struct json_writer w;
        struct verdict_on_all all = {.w = &w};

        engine_summary(source->engine, &summary);
        if (summary.error)
                out->error = summary.error;

        begin(&w, out);
        json_write_string(&w, "daemon", SNAPKEEP_VERSION);
        json_write_string(&w, "owner", source->file->owner);
        json_write_utc(&w, "now", engine_now(source->engine));
        json_write_string(&w, "summary", strbuf_str(&summary));
        json_open(&w, "reasons", '[');
        judge_all(source, &all);
        json_close(&w);
        json_write_int(&w, "reasons_left_out",
                       all.n_reasons > REASONS_MAX ? (int64_t)(all.n_reasons - REASONS_MAX) : 0);
        json_write_string(&w, "health", health_name(all.health));
        json_write_int(&w, "n_doubts", (int64_t)all.n_doubts);
        json_open(&w, "n_series", '{');
        json_write_int(&w, "total", (int64_t)all.n_series);
        json_write_int(&w, "ok", (int64_t)all.series[HEALTH_OK]);
        json_write_int(&w, "warning", (int64_t)all.series[HEALTH_WARNING]);
        json_write_int(&w, "critical", (int64_t)all.series[HEALTH_CRITICAL]);
        json_close(&w);
        json_write_utc(&w, "next", answer_next(source->engine));
        write_counts(&w, engine_counts(source->engine));
        answer_subscriptions(&w, source->engine);
        answer_findings(&w, source->engine);
        json_close(&w);
}

/* ---- series ---- */

void answer_stamp(struct json_writer *w, const struct answer_source *source) {
        uint64_t stamp = 0;
        char text[17];

        for (size_t i = 0; i < engine_n_subscriptions(source->engine); i++) {
                struct world_view view;

                stamp *= 1000003;
                if (engine_view(source->engine, i, &view))
                        stamp += (uint64_t)view.begin.ticks;
        }
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)stamp);
        json_write_string(w, "hash", text);
}

static void write_series(struct json_writer *w, const struct policy_file *file,
                         const struct series_state *series) {
        _cleanup_(strbuf_deinit) struct strbuf reasons = {};
        char id[RESOURCE_ID_TEXT_SIZE];
        enum health health;

        health = series_health(series, &reasons);
        json_open(w, NULL, '{');
        json_write_string(w, "policy", file->policies[series->policy].name);
        json_write_string(w, "disk", resource_id_format(&series->disk, id));
        json_write_string(w, "generation", series->generation);
        json_write_string(w, "health", health_name(health));
        answer_write_parts(w, "reasons", &reasons);
        json_write_int(w, "complete", (int64_t)series->complete);
        json_write_int(w, "underway", (int64_t)series->underway);
        json_write_int(w, "failed", (int64_t)series->failed);
        json_write_int(w, "held", (int64_t)series->held);
        json_write_int(w, "chain", (int64_t)series->chain);
        json_write_utc(w, "newest", series->newest);
        json_write_utc(w, "due", series->due);
        json_write_utc(w, "next", series->next);
        json_write_int(w, "missed", series->missed);
        json_write_bool(w, "late", series->late);
        json_write_bool(w, "deferred", series->deferred);
        json_write_bool(w, "can_snapshot", !series->no_snapshot);
        json_write_bool(w, "gone", series->gone);
        json_write_int(w, "deletes", (int64_t)series->deletes);
        write_blocked(w, series->blocked);
        json_close(w);
}

void answer_series(const struct answer_source *source, size_t offset, size_t count,
                   struct strbuf *out) {
        size_t rows = answer_page_rows(count), at = 0;
        struct json_writer w;

        begin(&w, out);
        json_write_utc(&w, "now", engine_now(source->engine));
        answer_stamp(&w, source);
        json_open(&w, "series", '[');
        for (size_t i = 0; i < engine_n_subscriptions(source->engine); i++) {
                const struct plan *plan = engine_plan(source->engine, i);

                for (size_t j = 0; plan && j < plan->n_series; j++, at++)
                        if (at >= offset && at - offset < rows)
                                write_series(&w, source->file, &plan->series[j]);
        }
        json_close(&w);
        write_page(&w, at, offset);
        json_close(&w);
}

/* ---- doubts ---- */

struct doubts_page {
        struct json_writer w;
        size_t offset, rows, at;
};

static void write_doubt(const struct engine_doubt *doubt, void *data) {
        _cleanup_(strbuf_deinit) struct strbuf name = {};
        struct doubts_page *page = data;
        struct json_writer *w = &page->w;
        size_t at = page->at++;

        if (at < page->offset || at - page->offset >= page->rows)
                return;
        blocks_append(doubt->bit, &name);
        if (name.error)
                w->out->error = name.error;
        json_open(w, NULL, '{');
        json_write_string(w, "doubt", strbuf_str(&name));
        json_write_string(w, "scope", doubt->scope);
        json_write_string(w, "reason", doubt->reason);
        json_write_string(w, "end", doubt->end);
        write_maybe(w, "hash", doubt->hash);
        json_write_utc(w, "since", doubt->since);
        json_close(w);
}

void answer_doubts(const struct answer_source *source, size_t offset, size_t count,
                   struct strbuf *out) {
        struct doubts_page page = {.offset = offset, .rows = answer_page_rows(count)};

        begin(&page.w, out);
        json_write_utc(&page.w, "now", engine_now(source->engine));
        answer_stamp(&page.w, source);
        json_open(&page.w, "doubts", '[');
        engine_doubts(source->engine, write_doubt, &page);
        json_close(&page.w);
        write_page(&page.w, page.at, offset);
        json_close(&page.w);
}

/* ---- plan ---- */

static const char *kind_name(enum action_kind kind) {
        switch (kind) {
        case ACTION_CREATE:
                return "create";
        case ACTION_DELETE:
                break;
        }
        return "delete";
}

/* The whole action as a sentence. */
static void append_action(struct strbuf *out, const struct policy_file *file,
                          const struct action *action) {
        const char *policy = policy_name(file, action->policy);
        char at[UTC_TEXT_SIZE];

        strbuf_appendf(out, "%s snapshot %s/%s of slot %s", kind_name(action->kind), action->group,
                       action->name, utc_format(action->slot, at));
        if (action->kind == ACTION_CREATE)
                strbuf_appendf(out, " of disk %s/%s", action->disk.group, action->disk.name);
        else if (utc_is_set(action->time_created))
                strbuf_appendf(out, ", created %s", utc_format(action->time_created, at));
        if (policy)
                strbuf_appendf(out, ", policy %s", policy);
        strbuf_appendf(out, ": %s", action->reason);
        if (action->blocked) {
                strbuf_append_str(out, "; not now, held back by: ");
                blocks_append(action->blocked, out);
        }
}

void answer_action(struct json_writer *w, const struct policy_file *file,
                   const struct action *action) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        struct resource_id id = action_snapshot_id(action);
        char id_text[RESOURCE_ID_TEXT_SIZE];

        append_action(&text, file, action);
        if (text.error)
                w->out->error = text.error;
        json_open(w, NULL, '{');
        json_write_string(w, "do", kind_name(action->kind));
        write_maybe(w, "policy", policy_name(file, action->policy));
        json_write_string(w, "snapshot", resource_id_format(&id, id_text));
        json_write_string(w, "generation", action->generation);
        json_write_utc(w, "slot", action->slot);
        json_write_int(w, "attempt", action->attempt);
        json_write_string(w, "reason", action->reason);
        if (action->kind == ACTION_CREATE)
                json_write_string(w, "disk", resource_id_format(&action->disk, id_text));
        else
                json_write_null(w, "disk");
        json_write_utc(w, "created",
                       action->kind == ACTION_DELETE ? action->time_created : UTC_NONE);
        json_write_bool(w, "retired", action->retired);
        write_blocked(w, action->blocked);
        json_write_string(w, "text", strbuf_str(&text));
        json_close(w);
}

int answer_plan(const struct answer_source *source, size_t offset, size_t count,
                struct strbuf *out) {
        size_t rows = answer_page_rows(count), at = 0;
        char hash[PLAN_HASH_SIZE];
        struct json_writer w;
        int r;

        r = engine_plan_hash(source->engine, hash);
        if (r < 0)
                return r;

        begin(&w, out);
        json_write_string(&w, "owner", source->file->owner);
        json_write_utc(&w, "now", engine_now(source->engine));
        if (r == 0)
                json_write_string(&w, "hash", hash);
        else
                json_write_null(&w, "hash");
        answer_subscriptions(&w, source->engine);
        json_open(&w, "actions", '[');
        for (size_t i = 0; i < engine_n_subscriptions(source->engine); i++) {
                const struct plan *plan = engine_plan(source->engine, i);

                for (size_t j = 0; plan && j < plan->n_actions; j++, at++)
                        if (at >= offset && at - offset < rows)
                                answer_action(&w, source->file, &plan->actions[j]);
        }
        json_close(&w);
        write_page(&w, at, offset);
        json_write_utc(&w, "next", answer_next(source->engine));
        answer_findings(&w, source->engine);
        json_close(&w);
        return 0;
}
