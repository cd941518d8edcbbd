/*
 * The daemon's status, its series, doubts and plan, and the parts that its other answers share.
 */
#include "snapkeepd/answers.h"

#include "azure/world.h"
#include "snapkeep-config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
                bool failing = engine_unreadable(engine, i, &id, &why);

                json_open(w, NULL, '{');
                json_write_string(w, "id", id);
                if (engine_view(engine, i, &view))
                        json_write_utc(w, "read", view.begin);
                else
                        json_write_null(w, "read");
                json_write_bool(w, "failing", failing);
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
        health_judge_all(source, &all);
        json_close(&w);
        json_write_int(&w, "reasons_left_out",
                       all.n_reasons > HEALTH_REASONS_MAX
                               ? (int64_t)(all.n_reasons - HEALTH_REASONS_MAX)
                               : 0);
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
                          const struct action *action, bool done) {
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
        if (done)
                strbuf_append_str(out, "; done, as the next listing is to confirm");
        else if (action->blocked) {
                strbuf_append_str(out, "; not now, held back by: ");
                blocks_append(action->blocked, out);
        }
}

void answer_action(struct json_writer *w, const struct policy_file *file,
                   const struct action *action, bool done) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        struct resource_id id = action_snapshot_id(action);
        char id_text[RESOURCE_ID_TEXT_SIZE];

        append_action(&text, file, action, done);
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
        json_write_bool(w, "done", done);
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

                for (size_t j = 0; plan && j < plan->n_actions; j++, at++) {
                        const struct action *action = &plan->actions[j];

                        if (at >= offset && at - offset < rows)
                                answer_action(&w, source->file, action,
                                              engine_has_done(source->engine, i, action));
                }
        }
        json_close(&w);
        write_page(&w, at, offset);
        json_write_utc(&w, "next", answer_next(source->engine));
        answer_findings(&w, source->engine);
        json_close(&w);
        return 0;
}
