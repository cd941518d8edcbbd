/*
 * snapkeepctl explain: what one snapshot is, which rule keeps it, when it goes.
 */
#include "base/duration.h"
#include "base/json_writer.h"
#include "core/wanted.h"
#include "snapkeepctl/direct.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/show.h"
#include "snapkeepd/answers.h"

#include <string.h>

/* Chosen: what is shown of the snapshots that an ambiguous name could mean. */
#define CANDIDATES_SHOWN 10

struct found {
        size_t subscription;
        struct world_view view;
        const struct snapshot_row *row;
        size_t n;
};

static enum status read_wanted(const char *text, struct wanted *wanted) {
        int r;

        r = wanted_parse(text, RESOURCE_SNAPSHOT, wanted);
        if (r == 0)
                return STATUS_DONE;
        if (r == WANTED_E_SHAPE)
                say("explain: a snapshot is given as NAME, GROUP/NAME or its whole ARM id");
        else
                say("explain: this is not a snapshot's ARM id%s",
                    r == WANTED_E_TYPE ? ": it is a disk's" : "");
        return STATUS_USAGE;
}

static bool row_is_wanted(const struct world_view *view, const struct snapshot_row *row,
                          const struct wanted *wanted) {
        char name[SNAPSHOT_NAME_SIZE];

        return wanted_is(wanted, view->subscription, view_str(view, row->group),
                         snapshot_row_name(view, row, name));
}

static void find(const struct direct *direct, const struct wanted *wanted, struct found *found) {
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                struct world_view view;

                if (!engine_view(direct->engine, i, &view))
                        continue;
                for (size_t j = 0; j < view.n_snapshots; j++) {
                        if (!row_is_wanted(&view, &view.snapshots[j], wanted))
                                continue;
                        if (found->n++ == 0) {
                                found->subscription = i;
                                found->view = view;
                                found->row = &view.snapshots[j];
                        }
                }
        }
}

static void say_candidates(const struct direct *direct, const struct wanted *wanted, size_t n) {
        size_t shown = 0;

        say("explain: %zu snapshots have this name; give one of them whole:", n);
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                struct world_view view;

                if (!engine_view(direct->engine, i, &view))
                        continue;
                for (size_t j = 0; j < view.n_snapshots && shown < CANDIDATES_SHOWN; j++) {
                        struct resource_id id = {.type = RESOURCE_SNAPSHOT};
                        char text[RESOURCE_ID_TEXT_SIZE];

                        if (!row_is_wanted(&view, &view.snapshots[j], wanted))
                                continue;
                        shown++;
                        stpcpy(id.subscription, view.subscription);
                        stpcpy(id.group, view_str(&view, view.snapshots[j].group));
                        snapshot_row_name(&view, &view.snapshots[j], id.name);
                        say("  %s", resource_id_format(&id, text));
                }
        }
}

/* All that is known of the snapshot. */
struct answer {
        const struct direct *direct;
        const struct found *found;
        struct explained_row what;
        struct explained fate; /* of ours */
        struct strbuf reasons; /* of ours */
        struct strbuf why;     /* of the others */
};

static int explain(const struct direct *direct, const struct found *found, struct answer *answer) {
        _cleanup_(explainer_freep) struct explainer *explainer = NULL;
        struct explained_series series;
        int r;

        r = explainer_new(direct->file, &found->view, direct->now, &explainer);
        if (r < 0)
                return r;

        explainer_row(explainer, found->row, &answer->what);
        answer_append_why(&(struct answer_source){.engine = direct->engine, .file = direct->file},
                          found->subscription, &found->view, explainer, found->row, &answer->what,
                          &answer->why);
        if (answer->what.kind != EXPLAIN_OURS)
                return 0;
        if (found->row->flags & ROW_BACKUP) {
                answer->fate.row = found->row;
                return explainer_backup(explainer, &answer->what, found->row, &answer->reasons,
                                        &answer->fate.death);
        }

        r = explainer_series_of(explainer, &answer->what, found->row, &series);
        if (r < 0)
                return r;
        for (size_t i = 0; i < series.n; i++)
                if (series.items[i].row == found->row) {
                        answer->fate = series.items[i];
                        explained_append(explainer, &series, &series.items[i], &answer->reasons);
                }
        return 0;
}

static void answer_json(const struct answer *answer, struct strbuf *out) {
        const struct found *found = answer->found;
        struct json_writer w;

        json_begin(&w, out);
        json_write_utc(&w, "now", answer->direct->now);
        json_write_string(&w, "kind", explain_kind_name(answer->what.kind));
        show_row_members(&w, &found->view, found->row);
        show_disk_member(&w, &found->view, answer->what.disk);
        if (answer->what.kind == EXPLAIN_OURS) {
                show_fate_members(&w, &answer->fate, &answer->reasons);
                json_write_null(&w, "why");
        } else {
                json_open(&w, "kept_by", '[');
                json_write_string(&w, NULL, explain_kind_name(answer->what.kind));
                json_close(&w);
                json_write_null(&w, "goes");
                json_write_clean(&w, "why", strbuf_str(&answer->why));
        }
        json_end(&w);
}

_printf_(3, 4) static void line(struct strbuf *out, const char *title, const char *format, ...) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(&text, format, ap);
        va_end(ap);
        strbuf_appendf(out, "%-11s ", title);
        append_clean(out, strbuf_str(&text), text.len);
        strbuf_append_char(out, '\n');
        if (text.error)
                out->error = text.error;
}

static const char *kind_sentence(const struct explained_row *what) {
        switch (what->kind) {
        case EXPLAIN_OURS:
                return "ours";
        case EXPLAIN_UNCLAIMED:
                return what->why & EXPLAIN_UNPROVEN
                               ? "unclaimed: ours, and no disk is there for it; it is kept as yet"
                               : "unclaimed: ours, and no policy and target select it; it is kept";
        case EXPLAIN_MISTAKEN:
                return "mistaken: it has our owner tag and is not ours; it is never touched";
        case EXPLAIN_STRANGER:
                break;
        }
        return "somebody else's; it is never touched";
}

static void append_fate(const struct answer *answer, bool in_utc, struct strbuf *out) {
        const struct policy *policy = &answer->direct->file->policies[answer->what.policy];
        const struct explained *fate = &answer->fate;
        _cleanup_(strbuf_deinit) struct strbuf keep = {}, age = {};
        char text[TIME_TEXT_SIZE];

        keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, &keep);
        line(out, "rule:", "%s",
             fate->row->flags & ROW_BACKUP ? "its own date" : strbuf_str(&keep));
        duration_append(policy->min_age_s, &age);
        line(out, "floors:", "min_keep %u, min_age %s", policy->min_keep, strbuf_str(&age));
        line(out, fate->death.ticks <= answer->direct->now.ticks ? "goes by:" : "kept by:", "%s",
             strbuf_str(&answer->reasons));
        if (fate->row->flags & ROW_LEAVING)
                line(out, "goes:", "now, it is being deleted");
        else if (fate->row->flags & ROW_UNDERWAY)
                line(out, "goes:", "no date yet, since it is not complete");
        else if (fate->death.ticks == UTC_NEVER.ticks)
                line(out, "goes:", "never, as things are");
        else if (fate->death.ticks <= answer->direct->now.ticks)
                line(out, "goes:", "with the next deletions");
        else
                line(out, "goes:", "%s, if all slots to come are filled",
                     time_text(fate->death, in_utc, text));
}

static void answer_text(const struct answer *answer, bool in_utc, struct strbuf *out) {
        const struct world_view *view = &answer->found->view;
        const struct snapshot_row *row = answer->found->row;
        char text[TIME_TEXT_SIZE], name[SNAPSHOT_NAME_SIZE];

        line(out, "snapshot:", "%s/%s", view_str(view, row->group),
             snapshot_row_name(view, row, name));
        line(out, "is:", "%s", kind_sentence(&answer->what));
        if (answer->why.len > 0)
                line(out, "because:", "%s", strbuf_str(&answer->why));
        if (answer->what.disk)
                line(out, "disk:", "%s/%s", view_str(view, answer->what.disk->group),
                     view_str(view, answer->what.disk->name));
        line(out, "generation:", "%s",
             row->generation ? view_str(view, row->generation) : "not known");
        if (row->flags & ROW_TAGGED) {
                line(out, "policy:", "%s", view_str(view, row->policy));
                line(out, "slot:", "%s", time_text(row->slot, in_utc, text));
        }
        line(out, "created:", "%s", maybe_time_text(row->time_created, in_utc, text));
        line(out, "state:", "%s, %u %%%s", state_name(row), row->percent,
             row->flags & ROW_HELD ? ", held" : "");
        if (row->flags & ROW_HELD)
                line(out, "hold:", "%s",
                     view_hold(view, row) ?: "an open export, or a copy that is made of it");
        if (answer->what.kind == EXPLAIN_OURS)
                append_fate(answer, in_utc, out);
}

static enum status answer_one(const struct request *request, const struct direct *direct,
                              const struct found *found) {
        struct answer answer = {.direct = direct, .found = found};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;
        int r;

        r = explain(direct, found, &answer);
        if (r == 0 && request->json)
                answer_json(&answer, &out);
        else if (r == 0)
                answer_text(&answer, request->utc, &out);
        status = r < 0 ? say_errno("explain the snapshot", r) : write_out(&out);
        strbuf_deinit(&answer.reasons);
        strbuf_deinit(&answer.why);
        return status;
}

static enum status run(const struct request *request) {
        _cleanup_(direct_close) struct direct direct = {};
        struct wanted wanted = {};
        struct found found = {};
        enum status status;

        status = read_wanted(request->argument, &wanted);
        if (status == STATUS_DONE)
                status = direct_open(request, &direct);
        if (status != STATUS_DONE)
                return status;

        find(&direct, &wanted, &found);
        if (found.n == 1) {
                status = answer_one(request, &direct, &found);
                return status == STATUS_DONE ? direct_end(&direct) : status;
        }
        if (found.n > 1) {
                say_candidates(&direct, &wanted, found.n);
                return STATUS_USAGE;
        }
        if (!direct_is_blind(&direct))
                say("explain: no snapshot %s in the subscriptions of the policy's targets; "
                    "\"snapkeepctl list "
                    "--direct\" shows ours",
                    request->argument);
        direct_end(&direct);
        return STATUS_TROUBLE;
}

const struct verb verb_explain = {
        .name = "explain",
        .usage = "SNAPSHOT --direct [--policy FILE]",
        .summary = "say what a snapshot is, which rule keeps it, and when it goes",
        .help = "SNAPSHOT is a name, GROUP/NAME or a whole ARM id, without regard to case.\n"
                "Says whether it is ours, and if not, why not; the rules and floors that keep\n"
                "it; and the date on which they will no longer.\n"
                "\n"
                "The exit status is 1 when there is no such snapshot, and 2 when several have\n"
                "the name.\n",
        .options = OPTION_POLICY | OPTION_DIRECT,
        .argument = "SNAPSHOT",
        .argument_required = true,
        .run = run,
};
