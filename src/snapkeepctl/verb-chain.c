/*
 * snapkeepctl chain: all snapshots of one disk, everybody's, as Azure counts them.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/asked.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/rows-show.h"
#include "snapkeepctl/table.h"

#include <string.h>

static const struct column columns[] = {
        {.title = "CREATED"},
        {.title = "STATE"},
        {.title = "WHOSE", .names = true, .whole = 3},
        {.title = "SLOT", .drop = 1},
        {.title = "GOES", .drop = 2},
        {.title = "HELD", .may_cut = true},
        {.title = "COUNTS", .drop = 3},
        {.title = "NAME", .below = true, .whole = 1},
};

static void add_row(const struct request *request, struct table *table, const struct cJSON *answer,
                    const struct cJSON *row) {
        bool is_ours = strcmp(json_text(row, "kind"), "ours") == 0, counts = false, held = false;
        const char *hold = json_text(row, "hold");
        char text[TIME_TEXT_SIZE];

        json_bool(row, "counts", &counts);
        json_bool(row, "held", &held);
        table_cell(table, "%s", json_time_text(row, "created", request->utc, text));
        table_cell(table, "%s", json_text(row, "state"));
        table_cell(table, "%s%s", is_ours ? "policy " : "",
                   json_text(row, is_ours ? "claimed_by" : "kind"));
        table_cell(table, "%s", json_time_text(row, "slot", request->utc, text));
        table_cell(table, "%s", is_ours ? row_goes_text(row, answer, request->utc, text) : "-");
        table_cell(table, "%s", *hold ? hold : held ? "yes" : "-");
        table_cell(table, "%s", counts ? "yes" : "no");
        table_cell(table, "%s/%s", json_text(row, "group"), json_text(row, "name"));
}

/* The rows of a chain come one behind the other; moves *row behind them. */
static enum status show_chain(const struct request *request, const struct cJSON *answer,
                              const struct cJSON *chain, int64_t number, const struct cJSON **row,
                              struct strbuf *out) {
        const char *generation = json_text(chain, "generation"),
                   *region = json_text(chain, "region");
        enum status status = STATUS_DONE;
        struct table table;

        strbuf_append_str(out, number > 0 ? "\n" : "");
        append_short_id(out, json_text(chain, "disk"));
        strbuf_append_str(out, "  generation ");
        append_clean(out, generation, strlen(generation));
        strbuf_append_str(out, "  ");
        append_clean(out, region, strlen(region));
        strbuf_appendf(out, "  %lld of %lld in the chain\n", (long long)json_number(chain, "chain"),
                       (long long)json_number(chain, "limit"));
        table_init(&table, columns, ARRAY_SIZE(columns), "  ");
        for (; *row && json_number(*row, "of") == number; *row = json_next(*row))
                add_row(request, &table, answer, *row);
        if (table.n_cells > 0)
                status = table_print(&table, out);
        table_deinit(&table);
        return status;
}

static void write_chain(struct json_writer *w, const struct cJSON *chain, int64_t number,
                        const struct cJSON **row) {
        static const char *const nothing[] = {NULL}, *const without[] = {"of", NULL};

        json_open(w, NULL, '{');
        json_copy_members(w, chain, nothing);
        json_open(w, "snapshots", '[');
        for (; *row && json_number(*row, "of") == number; *row = json_next(*row)) {
                json_open(w, NULL, '{');
                json_copy_members(w, *row, without);
                json_close(w);
        }
        json_close(w);
        json_close(w);
}

static enum status show(const struct request *request, const struct cJSON *answer) {
        const struct cJSON *chain = json_first(json_array(answer, "chains"));
        const struct cJSON *row = json_first(json_array(answer, "snapshots"));
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status = STATUS_DONE;
        struct json_writer w;
        int64_t number = 0;

        if (request->json) {
                json_begin(&w, &out);
                json_write_string(&w, "now", json_text(answer, "now"));
                json_open(&w, "chains", '[');
        }
        for (; chain && status == STATUS_DONE; chain = json_next(chain), number++)
                if (request->json)
                        write_chain(&w, chain, number, &row);
                else
                        status = show_chain(request, answer, chain, number, &row, &out);
        if (request->json) {
                json_close(&w);
                json_end(&w);
        }
        return status == STATUS_DONE ? write_out(&out) : status;
}

struct chain_pages {
        const struct request *request;
        struct asked *asked;
};

static enum status chain_page(size_t offset, struct cJSON **ret_page, void *data) {
        struct chain_pages *pages = data;
        const union bus_value in[] = {
                {.string = pages->request->argument}, {.number = offset}, {.number = 0}};

        return asked_json(pages->asked, MANAGER_LIST_CHAINS, in, ret_page);
}

static enum status ask(const struct request *request, struct asked *asked) {
        _cleanup_(json_freep) struct cJSON *answer = NULL, *all = NULL;
        enum status status;

        status = asked_open(request, asked);
        if (status == STATUS_DONE)
                status = asked_json(asked, MANAGER_STATUS, NULL, &all);
        if (status == STATUS_DONE && asked_is_blind(all))
                return asked_end(asked, all);
        if (status == STATUS_DONE)
                status = pages_read("snapshots", chain_page,
                                    &(struct chain_pages){.request = request, .asked = asked},
                                    &answer);
        if (status == STATUS_DONE)
                status = show(request, answer);
        return status == STATUS_DONE ? asked_end(asked, all) : status;
}

static enum status run(const struct request *request) {
        struct asked asked = {};
        enum status status;

        status = ask(request, &asked);
        asked_close(&asked);
        return status;
}

const struct verb verb_chain = {
        .name = "chain",
        .usage = "DISK [--direct [--policy FILE]]",
        .summary = "show all snapshots of a disk, everybody's",
        .help = "Shows every snapshot of the disk's generation, the newest first, whoever\n"
                "made it: a policy of ours, or unclaimed, mistaken or stranger, as\n"
                "\"snapkeepctl explain\" tells them apart; when those of ours go; why it is\n"
                "held, or \"yes\" without a reason; and whether it counts for the 500 that\n"
                "Azure allows a disk: those that are incremental and in the disk's region do.\n"
                "The running daemon tells it, of what it last read; with --direct Azure is\n"
                "read once from here. DISK is a name, GROUP/NAME or an ARM id. On a narrow\n"
                "terminal the name, never cut, is a line under its row, and SLOT, GOES and\n"
                "COUNTS go, in this order; a reason of HELD is cut.\n",
        .options = OPTION_POLICY | OPTION_DIRECT,
        .argument = "DISK",
        .argument_required = true,
        .run = run,
};
