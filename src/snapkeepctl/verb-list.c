/*
 * snapkeepctl list: the snapshots by generation, why each is kept and when it goes.
 */
#include "base/intern.h"
#include "base/json_writer.h"
#include "base/macros.h"
#include "core/explain.h"
#include "snapkeepctl/asked.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/rows-show.h"
#include "snapkeepctl/table.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

struct list {
        const struct request *request;
        struct asked asked;
        cJSON *status, *series; /* answers */
        cJSON *first;           /* page of snapshots */
        cJSON *group;           /* rows of one generation, as far as they came */
        struct strbuf out;
        struct json_writer json;
        struct table unclaimed;
        size_t n_shown;                 /* series with rows */
        struct intern *shown;           /* these, each as append_key() has it */
        size_t n[EXPLAIN_STRANGER + 1]; /* rows by kind */
};

static const struct column series_columns[] = {
        {.title = "SLOT"},
        {.title = "STATE"},
        {.title = "KEPT BY", .may_cut = true},
        {.title = "GOES"},
        {.title = "CREATED", .drop = 1},
        {.title = "NAME", .below = true, .whole = 1},
};

/* The generation is what "retire" takes, and the name what "explain" does. */
static const struct column unclaimed_columns[] = {
        {.title = "SLOT", .drop = 4},
        {.title = "STATE", .drop = 3},
        {.title = "POLICY", .names = true, .whole = 4, .drop = 5},
        {.title = "WHY", .may_cut = true, .drop = 2},
        {.title = "CREATED", .drop = 1},
        {.title = "DISK", .may_cut = true},
        {.title = "GENERATION"},
        {.title = "NAME", .below = true, .whole = 3},
};

static void append_title(struct list *list, const char *disk, const char *policy,
                         const char *generation, size_t n) {
        struct strbuf *out = &list->out;

        strbuf_append_str(out, list->n_shown++ > 0 ? "\n" : "");
        append_short_id(out, disk);
        strbuf_append_str(out, "  policy ");
        append_clean(out, policy, strlen(policy));
        strbuf_append_str(out, "  generation ");
        append_clean(out, generation, strlen(generation));
        strbuf_appendf(out, "  %zu snapshot%s\n", n, n == 1 ? "" : "s");
}

static void add_row(struct list *list, struct table *table, const cJSON *row) {
        _cleanup_(strbuf_deinit) struct strbuf reasons = {};
        bool in_utc = list->request->utc;
        char text[TIME_TEXT_SIZE];

        append_kept_by(&reasons, row);
        table_cell(table, "%s", json_time_text(row, "slot", in_utc, text));
        table_cell(table, "%s", json_text(row, "state"));
        table_cell(table, "%s", strbuf_str(&reasons));
        table_cell(table, "%s", row_goes_text(row, list->first, in_utc, text));
        table_cell(table, "%s", json_time_text(row, "created", in_utc, text));
        table_cell(table, "%s", json_text(row, "name"));
}

static void append_key(struct strbuf *out, const char *generation, const char *policy) {
        strbuf_appendf(out, "%s %s", generation, policy);
}

static enum status note_shown(struct list *list, const char *generation, const char *policy) {
        _cleanup_(strbuf_deinit) struct strbuf key = {};
        uint32_t number;
        int r;

        append_key(&key, generation, policy);
        r = key.error ?: intern_add(list->shown, key.data, key.len, &number);
        return r < 0 ? say_errno("show the snapshots", r) : STATUS_DONE;
}

/* Those of the group that this policy claims, the newest first, taken out of it. */
static enum status show_series(struct list *list, const char *policy) {
        enum status status = STATUS_DONE;
        const cJSON *first = list->group->child;
        cJSON *row, *before;
        struct table table;
        size_t n = 0;

        for (row = list->group->child; row; row = row->next)
                n += strcmp(json_text(row, "claimed_by"), policy) == 0;
        if (!list->request->json) {
                append_title(list, json_text(first, "disk"), policy, json_text(first, "generation"),
                             n);
                status = note_shown(list, json_text(first, "generation"), policy);
        }
        table_init(&table, series_columns, ARRAY_SIZE(series_columns), "  ");
        /* The first one's prev is the last one. */
        for (row = list->group->child ? list->group->child->prev : NULL; row; row = before) {
                before = row == list->group->child ? NULL : row->prev;
                if (strcmp(json_text(row, "claimed_by"), policy) != 0)
                        continue;
                if (list->request->json)
                        json_copy(&list->json, NULL, row);
                else
                        add_row(list, &table, row);
        }
        if (!list->request->json && status == STATUS_DONE)
                status = table_print(&table, &list->out);
        table_deinit(&table);
        return status == STATUS_DONE ? write_some(&list->out) : status;
}

static void forget_series(struct list *list, const char *policy) {
        cJSON *row = list->group->child, *next;

        for (; row; row = next) {
                next = row->next;
                if (strcmp(json_text(row, "claimed_by"), policy) == 0)
                        cJSON_Delete(cJSON_DetachItemViaPointer(list->group, row));
        }
}

/* A generation is whole: its series, one after the other. */
static enum status end_group(struct list *list) {
        enum status status = STATUS_DONE;

        while (list->group->child && status == STATUS_DONE) {
                _cleanup_(freep) char *policy = strdup(json_text(list->group->child, "claimed_by"));

                if (!policy)
                        return say_errno("show the snapshots", -ENOMEM);
                status = show_series(list, policy);
                forget_series(list, policy);
        }
        return status;
}

static void add_unclaimed(struct list *list, const cJSON *row) {
        _cleanup_(strbuf_deinit) struct strbuf disk = {};
        struct table *table = &list->unclaimed;
        bool in_utc = list->request->utc;
        char text[TIME_TEXT_SIZE];

        if (list->request->json) {
                json_copy(&list->json, NULL, row);
                return;
        }
        table_cell(table, "%s", json_time_text(row, "slot", in_utc, text));
        table_cell(table, "%s", json_text(row, "state"));
        table_cell(table, "%s", json_text(row, "policy"));
        table_cell(table, "%s", json_text(row, "why"));
        table_cell(table, "%s", json_time_text(row, "created", in_utc, text));
        append_short_id(&disk, json_text(row, "disk"));
        table_cell(table, "%s", disk.len > 0 ? strbuf_str(&disk) : "-");
        table_cell(table, "%s", json_text(row, "generation"));
        table_cell(table, "%s/%s", json_text(row, "group"), json_text(row, "name"));
}

static enum explain_kind kind_of(const cJSON *row) {
        enum explain_kind kind = EXPLAIN_OURS;

        while (kind < EXPLAIN_STRANGER &&
               strcmp(json_text(row, "kind"), explain_kind_name(kind)) != 0)
                kind++;
        return kind;
}

/* Takes the rows of a page; those of a generation come one behind the other. */
static enum status list_page(struct list *list, cJSON *page) {
        cJSON *rows = cJSON_GetObjectItemCaseSensitive(page, "snapshots");
        enum status status = STATUS_DONE;

        while (rows && rows->child && status == STATUS_DONE) {
                cJSON *row = cJSON_DetachItemViaPointer(rows, rows->child);
                enum explain_kind kind = kind_of(row);

                list->n[kind]++;
                if (list->group->child && strcmp(json_text(list->group->child, "generation"),
                                                 json_text(row, "generation")) != 0)
                        status = end_group(list);
                if (kind == EXPLAIN_OURS && !list->request->unclaimed) {
                        cJSON_AddItemToArray(list->group, row);
                        continue;
                }
                if (kind == EXPLAIN_UNCLAIMED && list->request->unclaimed) {
                        add_unclaimed(list, row);
                        status = status == STATUS_DONE ? write_some(&list->out) : status;
                }
                cJSON_Delete(row);
        }
        return status;
}

/* A daemon's world may be another between two pages: they are read whole before anything is shown. In
 * this process it stays, and each page is shown and forgotten. */
static enum status first_page(struct list *list, cJSON **ret_page) {
        static const union bus_value in[] = {{.number = 0}, {.number = 0}};

        if (!list->asked.is_direct)
                return asked_list(&list->asked, MANAGER_LIST_SNAPSHOTS, "snapshots", ret_page);
        return asked_json(&list->asked, MANAGER_LIST_SNAPSHOTS, in, ret_page);
}

static enum status other_pages(struct list *list, size_t offset, size_t total) {
        enum status status = STATUS_DONE;

        while (offset < total && status == STATUS_DONE) {
                const union bus_value in[] = {{.number = offset}, {.number = 0}};
                _cleanup_(json_freep) cJSON *page = NULL;
                size_t n;

                status = asked_json(&list->asked, MANAGER_LIST_SNAPSHOTS, in, &page);
                if (status != STATUS_DONE)
                        return status;
                n = (size_t)cJSON_GetArraySize(json_array(page, "snapshots"));
                if (n == 0)
                        return say_errno("show the snapshots", -EPROTO);
                offset += n;
                status = list_page(list, page);
        }
        return status;
}

static bool series_bool(const cJSON *series, const char *name) {
        bool value;

        return json_bool(series, name, &value) && value;
}

/* Whether it had rows, also such as count for nothing: a backup, or what is leaving. */
static bool is_shown(const struct list *list, const cJSON *series) {
        _cleanup_(strbuf_deinit) struct strbuf key = {};

        append_key(&key, json_text(series, "generation"), json_text(series, "policy"));
        return !key.error && intern_find(list->shown, strbuf_str(&key)) != 0;
}

/* Those that have none, and how many there are in all. */
static size_t end_series(struct list *list) {
        const cJSON *series = json_first(json_array(list->series, "series"));
        size_t n = 0;

        for (; series; series = json_next(series)) {
                if (series_bool(series, "gone"))
                        continue;
                n++;
                if (!list->request->json && !list->request->unclaimed && !is_shown(list, series))
                        append_title(list, json_text(series, "disk"), json_text(series, "policy"),
                                     json_text(series, "generation"), 0);
        }
        return n;
}

static void begin_json(struct list *list) {
        struct json_writer *w = &list->json;

        json_begin(w, &list->out);
        json_copy(w, "owner", cJSON_GetObjectItemCaseSensitive(list->status, "owner"));
        json_copy(w, "now", cJSON_GetObjectItemCaseSensitive(list->first, "now"));
        json_copy(w, "subscriptions", json_array(list->status, "subscriptions"));
        json_copy(w, "series", json_array(list->series, "series"));
        json_open(w, "snapshots", '[');
}

static void end_json(struct list *list) {
        struct json_writer *w = &list->json;

        json_close(w);
        json_open(w, "counts", '{');
        for (enum explain_kind kind = EXPLAIN_OURS; kind <= EXPLAIN_STRANGER; kind++)
                json_write_int(w, explain_kind_name(kind), (int64_t)list->n[kind]);
        json_close(w);
        json_copy(w, "findings", json_array(list->status, "findings"));
        json_end(w);
}

static enum status end_text(struct list *list) {
        bool has_table = list->unclaimed.n_cells > 0;
        enum status status = STATUS_DONE;
        size_t n_series = end_series(list);

        if (has_table)
                status = table_print(&list->unclaimed, &list->out);
        strbuf_appendf(&list->out,
                       "%s%zu snapshot%s of ours in %zu series; beside them %zu unclaimed, %zu "
                       "mistaken, %zu of others\n",
                       has_table || list->n_shown > 0 ? "\n" : "", list->n[EXPLAIN_OURS],
                       list->n[EXPLAIN_OURS] == 1 ? "" : "s", n_series, list->n[EXPLAIN_UNCLAIMED],
                       list->n[EXPLAIN_MISTAKEN], list->n[EXPLAIN_STRANGER]);
        if (list->n[EXPLAIN_UNCLAIMED] > 0 && !list->request->unclaimed)
                strbuf_append_str(&list->out, "Those unclaimed are shown by \"snapkeepctl list "
                                              "--unclaimed\".\n");
        append_findings(&list->out, list->status);
        return status;
}

static enum status list_all(struct list *list) {
        enum status status;
        size_t n;

        table_init(&list->unclaimed, unclaimed_columns, ARRAY_SIZE(unclaimed_columns), "");
        list->group = cJSON_CreateArray();
        if (!list->group || intern_new(&list->shown) < 0)
                return say_errno("show the snapshots", -ENOMEM);
        status = first_page(list, &list->first);
        if (status != STATUS_DONE)
                return status;
        n = (size_t)cJSON_GetArraySize(json_array(list->first, "snapshots"));
        if (list->request->json)
                begin_json(list);
        status = list_page(list, list->first);
        if (status == STATUS_DONE)
                status = other_pages(list, n, (size_t)json_number(list->first, "total"));
        if (status == STATUS_DONE)
                status = end_group(list);
        if (status != STATUS_DONE)
                return status;
        if (list->request->json)
                end_json(list);
        else
                status = end_text(list);
        return status == STATUS_DONE ? write_out(&list->out) : status;
}

static enum status ask(struct list *list) {
        enum status status;

        status = asked_open(list->request, &list->asked);
        if (status == STATUS_DONE)
                status = asked_json(&list->asked, MANAGER_STATUS, NULL, &list->status);
        if (status == STATUS_DONE)
                status = asked_list(&list->asked, MANAGER_LIST_SERIES, "series", &list->series);
        if (status == STATUS_DONE && (list->request->json || !asked_is_blind(list->status)))
                status = list_all(list);
        return status == STATUS_DONE ? asked_end(&list->asked, list->status) : status;
}

static enum status run(const struct request *request) {
        struct list list = {.request = request};
        enum status status;

        status = ask(&list);
        json_freep(&list.status);
        json_freep(&list.series);
        json_freep(&list.first);
        json_freep(&list.group);
        intern_free(list.shown);
        table_deinit(&list.unclaimed);
        strbuf_deinit(&list.out);
        asked_close(&list.asked);
        return status;
}

const struct verb verb_list = {
        .name = "list",
        .usage = "[--unclaimed] [--direct [--policy FILE]]",
        .summary = "show the snapshots, why each is kept and when it goes",
        .help = "Shows the snapshots of each disk's generation and policy, the newest first:\n"
                "the slot, the state (complete, underway, failed, leaving), the rules and\n"
                "floors that keep it, the date on which they will no longer, when it was\n"
                "created, and its name. The running daemon tells it, of what it last read;\n"
                "with --direct Azure is read once from here. A date is what follows if all\n"
                "slots to come are filled; it is \"never\" without a keep rule, with prune off,\n"
                "while held, or beyond 100 years.\n"
                "\n"
                "With --unclaimed those of ours are shown that no policy and target select,\n"
                "with their generation, which retire takes. They are kept. On a narrow\n"
                "terminal CREATED goes first, and the name, never cut, is a line under its\n"
                "row; with --unclaimed CREATED, WHY, STATE, SLOT and POLICY go, in this\n"
                "order. In a pipe or file each row is one line with all.\n",
        .options = OPTION_POLICY | OPTION_DIRECT | OPTION_UNCLAIMED,
        .run = run,
};
