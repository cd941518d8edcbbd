/*
 * snapkeepctl chain: all snapshots of one disk, everybody's, as Azure counts them.
 */
#include "base/json_writer.h"
#include "core/doubts.h"
#include "core/explain.h"
#include "core/planner.h"
#include "core/wanted.h"
#include "snapkeepctl/direct.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/show.h"
#include "snapkeepctl/table.h"

#include <errno.h>

struct chains {
        const struct request *request;
        struct wanted wanted;
        const struct direct *direct;
        struct strbuf out;
        struct json_writer json;
        size_t n; /* shown */

        /* of the subscription under way */
        struct world_view view;
        struct explainer *explainer;
};

static const struct column columns[] = {
        {.title = "CREATED"},
        {.title = "STATE"},
        {.title = "WHOSE", .may_cut = true},
        {.title = "SLOT", .drop = 2},
        {.title = "COUNTS", .drop = 1},
        {.title = "NAME", .may_cut = true},
};

/* Azure's limit is on the incremental ones of a region. */
static bool row_counts(const struct snapshot_row *row, const struct disk_row *disk) {
        return (row->flags & ROW_INCREMENTAL) && row->region == disk->region;
}

static void add_text(struct chains *chains, const struct disk_row *disk,
                     const struct snapshot_row *row, struct table *table) {
        bool in_utc = chains->request->utc;
        char text[TIME_TEXT_SIZE], name[SNAPSHOT_NAME_SIZE];
        struct explained_row what;

        explainer_row(chains->explainer, row, &what);
        table_cell(table, "%s", maybe_time_text(row->time_created, in_utc, text));
        table_cell(table, "%s", state_name(row));
        if (what.kind == EXPLAIN_OURS)
                table_cell(table, "policy %s", chains->direct->file->policies[what.policy].name);
        else
                table_cell(table, "%s", explain_kind_name(what.kind));
        table_cell(table, "%s", maybe_time_text(row->slot, in_utc, text));
        table_cell(table, "%s", row_counts(row, disk) ? "yes" : "no");
        table_cell(table, "%s/%s", view_str(&chains->view, row->group),
                   snapshot_row_name(&chains->view, row, name));
}

static void add_json(struct chains *chains, const struct disk_row *disk,
                     const struct snapshot_row *row) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct json_writer *w = &chains->json;
        struct explained_row what;

        explainer_row(chains->explainer, row, &what);
        explained_row_append(chains->explainer, row, &what, &why);
        json_open(w, NULL, '{');
        json_write_string(w, "kind", explain_kind_name(what.kind));
        show_row_members(w, &chains->view, row);
        json_write_bool(w, "counts", row_counts(row, disk));
        if (why.len > 0)
                json_write_clean(w, "why", strbuf_str(&why));
        else
                json_write_null(w, "why");
        json_close(w);
}

static enum status show_chain(struct chains *chains, const struct disk_row *disk) {
        const struct world_view *view = &chains->view;
        const struct snapshot_row *rows;
        enum status status = STATUS_DONE;
        size_t n, n_counted = 0;
        struct table table;

        view_generation(view, disk->generation, &rows, &n);
        for (size_t i = 0; i < n; i++)
                n_counted += row_counts(&rows[i], disk);

        if (chains->request->json) {
                json_open(&chains->json, NULL, '{');
                show_disk_member(&chains->json, view, disk);
                json_write_string(&chains->json, "generation", view_str(view, disk->generation));
                json_write_string(&chains->json, "region", view_str(view, disk->region));
                json_write_int(&chains->json, "chain", (int64_t)n_counted);
                json_write_int(&chains->json, "limit", CHAIN_MAX);
                json_open(&chains->json, "snapshots", '[');
                for (size_t i = n; i-- > 0;)
                        add_json(chains, disk, &rows[i]);
                json_close(&chains->json);
                json_close(&chains->json);
                return STATUS_DONE;
        }

        strbuf_appendf(&chains->out, "%s%s/%s  generation %s  %s  %zu of %d in the chain\n",
                       chains->n > 0 ? "\n" : "", view_str(view, disk->group),
                       view_str(view, disk->name), view_str(view, disk->generation),
                       view_str(view, disk->region), n_counted, CHAIN_MAX);
        table_init(&table, columns, ARRAY_SIZE(columns), "  ");
        for (size_t i = n; i-- > 0;)
                add_text(chains, disk, &rows[i], &table);
        if (n > 0)
                status = table_print(&table, &chains->out);
        table_deinit(&table);
        return status;
}

static enum status show_subscription(struct chains *chains, size_t i) {
        enum status status = STATUS_DONE;
        int r;

        if (!engine_view(chains->direct->engine, i, &chains->view))
                return STATUS_DONE;
        r = explainer_new(chains->direct->file, &chains->view, chains->direct->now,
                          &chains->explainer);
        if (r < 0)
                return say_errno("explain the snapshots", r);
        for (size_t d = 0; d < chains->view.n_disks && status == STATUS_DONE; d++) {
                const struct disk_row *disk = &chains->view.disks[d];

                if (disk->generation == 0 || !wanted_is(&chains->wanted, chains->view.subscription,
                                                        view_str(&chains->view, disk->group),
                                                        view_str(&chains->view, disk->name)))
                        continue;
                status = show_chain(chains, disk);
                chains->n++;
        }
        chains->explainer = explainer_free(chains->explainer);
        return status;
}

static enum status show_all(struct chains *chains) {
        size_t n = engine_n_subscriptions(chains->direct->engine);
        enum status status = STATUS_DONE;

        if (chains->request->json) {
                json_begin(&chains->json, &chains->out);
                json_write_utc(&chains->json, "now", chains->direct->now);
                json_open(&chains->json, "chains", '[');
        }
        for (size_t i = 0; i < n && status == STATUS_DONE; i++)
                status = show_subscription(chains, i);
        if (status != STATUS_DONE)
                return status;
        if (chains->request->json) {
                json_close(&chains->json);
                json_end(&chains->json);
        }
        if (chains->n == 0)
                say("no disk %s is in the subscriptions that the policy names",
                    chains->request->argument);
        status = write_out(&chains->out);
        return status == STATUS_DONE && chains->n == 0 ? STATUS_TROUBLE : status;
}

static enum status run(const struct request *request) {
        _cleanup_(direct_close) struct direct direct = {};
        struct chains chains = {.request = request, .direct = &direct};
        enum status status;

        if (wanted_parse(request->argument, RESOURCE_DISK, &chains.wanted) != 0) {
                say("chain: a disk is given as NAME, GROUP/NAME or its whole ARM id");
                return STATUS_USAGE;
        }
        status = direct_open(request, &direct);
        if (status != STATUS_DONE)
                return status;
        if (!direct_is_blind(&direct) || request->json)
                status = show_all(&chains);
        strbuf_deinit(&chains.out);
        return status == STATUS_DONE ? direct_end(&direct) : status;
}

const struct verb verb_chain = {
        .name = "chain",
        .usage = "DISK --direct [--policy FILE]",
        .summary = "show all snapshots of a disk, everybody's",
        .help = "Reads Azure once and shows every snapshot of the disk's generation, the newest "
                "first, whoever\n"
                "made it: a policy of ours, or unclaimed, mistaken or stranger, as \"snapkeepctl "
                "explain\" tells\n"
                "them apart; and whether it counts for the 500 that Azure allows a disk: those "
                "that are\n"
                "incremental and in the disk's region do. DISK is a name, GROUP/NAME or an ARM "
                "id.\n",
        .options = OPTION_POLICY | OPTION_DIRECT,
        .argument = "DISK",
        .argument_required = true,
        .run = run,
};
