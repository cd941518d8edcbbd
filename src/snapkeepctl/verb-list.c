/*
 * snapkeepctl list: the snapshots by generation, why each is kept and when it goes.
 */
#include "base/json_writer.h"
#include "core/targets.h"
#include "snapkeepctl/direct.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/show.h"
#include "snapkeepctl/table.h"

#include <errno.h>

struct list {
        const struct request *request;
        const struct direct *direct;
        struct strbuf out;
        struct json_writer json;
        size_t n_series;
        size_t n[EXPLAIN_STRANGER + 1]; /* by kind */

        /* of the subscription under way */
        struct world_view view;
        struct explainer *explainer;
        bool *claimed; /* [view.n_snapshots]: in a series */
};

static const struct column series_columns[] = {
        {.title = "SLOT"},
        {.title = "STATE"},
        {.title = "KEPT BY", .may_cut = true},
        {.title = "GOES"},
        {.title = "CREATED", .drop = 1},
        {.title = "NAME", .may_cut = true, .drop = 2},
};

static enum status list_series_text(struct list *list, const struct explained_series *series) {
        const struct world_view *view = &list->view;
        bool in_utc = list->request->utc;
        char text[TIME_TEXT_SIZE], name[SNAPSHOT_NAME_SIZE];
        enum status status;
        struct table table;

        strbuf_append_str(&list->out, list->n_series > 1 ? "\n" : "");
        strbuf_appendf(&list->out, "%s/%s  policy %s  generation %s  %zu snapshot%s%s\n",
                       view_str(view, series->disk->group), view_str(view, series->disk->name),
                       list->direct->file->policies[series->policy].name,
                       view_str(view, series->disk->generation), series->n,
                       series->n == 1 ? "" : "s", series->prune_off ? "  prune is off" : "");
        if (series->n == 0)
                return STATUS_DONE;

        table_init(&table, series_columns, ARRAY_SIZE(series_columns), "  ");
        for (size_t i = series->n; i-- > 0;) {
                const struct explained *one = &series->items[i];
                _cleanup_(strbuf_deinit) struct strbuf reasons = {};

                explained_append(list->explainer, series, one, &reasons);
                table_cell(&table, "%s", time_text(one->row->slot, in_utc, text));
                table_cell(&table, "%s", state_name(one->row));
                table_cell(&table, "%s", strbuf_str(&reasons));
                table_cell(&table, "%s", goes_text(one, list->direct->now, in_utc, text));
                table_cell(&table, "%s", maybe_time_text(one->row->time_created, in_utc, text));
                table_cell(&table, "%s", snapshot_row_name(view, one->row, name));
        }
        status = table_print(&table, &list->out);
        table_deinit(&table);
        return status;
}

static enum status list_series_json(struct list *list, const struct explained_series *series) {
        enum status status = STATUS_DONE;

        for (size_t i = series->n; i-- > 0 && status == STATUS_DONE;) {
                _cleanup_(strbuf_deinit) struct strbuf reasons = {};

                explained_append(list->explainer, series, &series->items[i], &reasons);
                json_open(&list->json, NULL, '{');
                json_write_string(&list->json, "kind", explain_kind_name(EXPLAIN_OURS));
                show_row_members(&list->json, &list->view, series->items[i].row);
                show_disk_member(&list->json, &list->view, series->disk);
                show_fate_members(&list->json, &series->items[i], &reasons);
                json_write_null(&list->json, "why");
                json_close(&list->json);
                status = write_some(&list->out);
        }
        return status;
}

/* Shows the series unless those that nothing selects are asked for, and marks its snapshots. */
static enum status list_series(struct list *list, size_t policy, const struct disk_row *disk) {
        struct explained_series series;
        bool again = false;
        int r;

        r = explainer_series(list->explainer, policy, disk, &series);
        if (r < 0)
                return say_errno("explain the snapshots", r);

        /* A disk that was moved may be listed twice for a while, and its snapshots are shown once. */
        for (size_t i = 0; i < series.n; i++) {
                size_t index = (size_t)(series.items[i].row - list->view.snapshots);

                again |= list->claimed[index];
                list->n[EXPLAIN_OURS] += !list->claimed[index];
                list->claimed[index] = true;
        }
        list->n_series++;
        if (again || list->request->unclaimed)
                return STATUS_DONE;
        return list->request->json ? list_series_json(list, &series)
                                   : list_series_text(list, &series);
}

static const struct column unclaimed_columns[] = {
        {.title = "SLOT"},
        {.title = "STATE"},
        {.title = "POLICY", .may_cut = true},
        {.title = "WHY", .may_cut = true},
        {.title = "CREATED", .drop = 1},
        {.title = "NAME", .may_cut = true},
};

static void list_unclaimed(struct list *list, const struct snapshot_row *row,
                           const struct explained_row *what, struct table *table) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        bool in_utc = list->request->utc;
        char text[TIME_TEXT_SIZE], name[SNAPSHOT_NAME_SIZE];

        explained_row_append(list->explainer, row, what, &why);
        if (list->request->json) {
                json_open(&list->json, NULL, '{');
                json_write_string(&list->json, "kind", explain_kind_name(what->kind));
                show_row_members(&list->json, &list->view, row);
                show_disk_member(&list->json, &list->view, what->disk);
                json_open(&list->json, "kept_by", '[');
                json_write_string(&list->json, NULL, "unclaimed");
                json_close(&list->json);
                json_write_null(&list->json, "goes");
                json_write_clean(&list->json, "why", strbuf_str(&why));
                json_close(&list->json);
                return;
        }
        table_cell(table, "%s", maybe_time_text(row->slot, in_utc, text));
        table_cell(table, "%s", state_name(row));
        table_cell(table, "%s", view_str(&list->view, row->policy));
        table_cell(table, "%s", strbuf_str(&why));
        table_cell(table, "%s", maybe_time_text(row->time_created, in_utc, text));
        table_cell(table, "%s/%s", view_str(&list->view, row->group),
                   snapshot_row_name(&list->view, row, name));
}

/* What is in no series: counted, and shown when it is asked for. */
static enum status list_rest(struct list *list) {
        enum status status = STATUS_DONE;
        struct table table;

        table_init(&table, unclaimed_columns, ARRAY_SIZE(unclaimed_columns), "");
        for (size_t i = 0; i < list->view.n_snapshots && status == STATUS_DONE; i++) {
                const struct snapshot_row *row = &list->view.snapshots[i];
                struct explained_row what;

                if (list->claimed[i])
                        continue;
                explainer_row(list->explainer, row, &what);
                list->n[what.kind]++;
                if (what.kind == EXPLAIN_UNCLAIMED && list->request->unclaimed)
                        list_unclaimed(list, row, &what, &table);
                status = write_some(&list->out);
        }
        if (status == STATUS_DONE && table.n_cells > 0)
                status = table_print(&table, &list->out);
        table_deinit(&table);
        return status;
}

static enum status list_view(struct list *list) {
        const struct policy_file *file = list->direct->file;
        enum status status = STATUS_DONE;

        for (size_t d = 0; d < list->view.n_disks; d++)
                for (size_t p = 0; p < file->n_policies && status == STATUS_DONE; p++)
                        if (list->view.disks[d].generation != 0 &&
                            policy_selects(file, p, &list->view, &list->view.disks[d]))
                                status = list_series(list, p, &list->view.disks[d]);
        return status == STATUS_DONE ? list_rest(list) : status;
}

static enum status list_subscription(struct list *list, size_t i) {
        enum status status;
        int r;

        if (!engine_view(list->direct->engine, i, &list->view))
                return STATUS_DONE;

        r = explainer_new(list->direct->file, &list->view, list->direct->now, &list->explainer);
        if (r < 0)
                return say_errno("explain the snapshots", r);
        list->claimed = calloc(list->view.n_snapshots + 1, sizeof(*list->claimed));
        status = list->claimed ? list_view(list) : say_errno("explain the snapshots", -ENOMEM);

        free(list->claimed);
        list->claimed = NULL;
        list->explainer = explainer_free(list->explainer);
        return status;
}

static void show_series_member(struct list *list) {
        struct json_writer *w = &list->json;
        char id[RESOURCE_ID_TEXT_SIZE];

        json_open(w, "series", '[');
        for (size_t i = 0; i < engine_n_subscriptions(list->direct->engine); i++) {
                const struct plan *plan = engine_plan(list->direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];

                        json_open(w, NULL, '{');
                        json_write_string(w, "policy",
                                          list->direct->file->policies[series->policy].name);
                        json_write_clean(w, "disk", resource_id_format(&series->disk, id));
                        json_write_string(w, "generation", series->generation);
                        json_write_int(w, "complete", (int64_t)series->complete);
                        json_write_int(w, "underway", (int64_t)series->underway);
                        json_write_int(w, "failed", (int64_t)series->failed);
                        json_write_int(w, "held", (int64_t)series->held);
                        json_write_int(w, "chain", (int64_t)series->chain);
                        json_write_utc(w, "newest", series->newest);
                        json_write_utc(w, "due", series->due);
                        json_write_utc(w, "next", series->next);
                        json_close(w);
                }
        }
        json_close(w);
}

static void end_json(struct list *list) {
        struct json_writer *w = &list->json;

        json_close(w);
        json_open(w, "counts", '{');
        for (enum explain_kind kind = EXPLAIN_OURS; kind <= EXPLAIN_STRANGER; kind++)
                json_write_int(w, explain_kind_name(kind), (int64_t)list->n[kind]);
        json_close(w);
        show_findings_member(w, list->direct);
        json_end(w);
}

static void end_text(struct list *list) {
        bool shown = list->request->unclaimed ? list->n[EXPLAIN_UNCLAIMED] > 0 : list->n_series > 0;

        strbuf_appendf(&list->out,
                       "%s%zu snapshots of ours in %zu series; beside them %zu unclaimed, %zu "
                       "mistaken, %zu "
                       "of others\n",
                       shown ? "\n" : "", list->n[EXPLAIN_OURS], list->n_series,
                       list->n[EXPLAIN_UNCLAIMED], list->n[EXPLAIN_MISTAKEN],
                       list->n[EXPLAIN_STRANGER]);
        if (list->n[EXPLAIN_UNCLAIMED] > 0 && !list->request->unclaimed)
                strbuf_append_str(&list->out, "Those unclaimed are shown by \"snapkeepctl list "
                                              "--unclaimed\".\n");
        show_findings(&list->out, list->direct);
}

static enum status list_all(struct list *list) {
        size_t n = engine_n_subscriptions(list->direct->engine);
        enum status status = STATUS_DONE;

        if (list->request->json) {
                json_begin(&list->json, &list->out);
                json_write_string(&list->json, "owner", list->direct->file->owner);
                json_write_utc(&list->json, "now", list->direct->now);
                show_subscriptions(&list->json, list->direct);
                show_series_member(list);
                json_open(&list->json, "snapshots", '[');
        }
        for (size_t i = 0; i < n && status == STATUS_DONE; i++)
                status = list_subscription(list, i);
        if (status != STATUS_DONE)
                return status;

        if (list->request->json)
                end_json(list);
        else
                end_text(list);
        return write_out(&list->out);
}

static enum status run(const struct request *request) {
        _cleanup_(direct_close) struct direct direct = {};
        struct list list = {.request = request, .direct = &direct};
        enum status status;

        status = direct_open(request, &direct);
        if (status != STATUS_DONE)
                return status;
        if (!direct_is_blind(&direct) || request->json)
                status = list_all(&list);
        strbuf_deinit(&list.out);
        return status == STATUS_DONE ? direct_end(&direct) : status;
}

const struct verb verb_list = {
        .name = "list",
        .usage = "--direct [--policy FILE] [--unclaimed]",
        .summary = "show the snapshots, why each is kept and when it goes",
        .help = "Reads Azure once and shows the snapshots of each disk's generation and policy, "
                "the newest\n"
                "first: the slot, the state (complete, underway, failed, leaving), the rules and "
                "floors\n"
                "that keep it, the date on which they will no longer, when it was created, and its "
                "name.\n"
                "A date is what follows if all slots to come are filled; it is \"never\" without a "
                "keep\n"
                "rule, with prune off, while held, or beyond 100 years.\n"
                "\n"
                "With --unclaimed those of ours are shown that no policy and target select. They "
                "are kept.\n"
                "On a narrow terminal columns are left out; in a pipe or file none are.\n",
        .options = OPTION_POLICY | OPTION_DIRECT | OPTION_UNCLAIMED,
        .run = run,
};
