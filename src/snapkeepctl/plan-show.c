#include "snapkeepctl/plan-show.h"

#include "azure/json.h"
#include "base/json_writer.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/remote.h"
#include "snapkeepctl/rows-show.h"
#include "snapkeepctl/table.h"

#include <string.h>

/* The snapshot is what "hold" takes. A delete has no disk, which may be gone. */
static const struct column columns[] = {
        {.title = "DISK", .may_cut = true, .drop = 1},
        {.title = "POLICY", .may_cut = true},
        {.title = "SLOT"},
        {.title = "REASON", .may_cut = true},
        {.title = "HELD BACK BY", .may_cut = true},
        {.title = "SNAPSHOT", .below = true, .whole = 1},
};

static void add_action(struct table *table, const struct cJSON *action, bool in_utc) {
        _cleanup_(strbuf_deinit) struct strbuf blocked = {}, id = {};
        char time[TIME_TEXT_SIZE];

        json_joined(action, "blocked", &blocked);
        if (table->n_columns == ARRAY_SIZE(columns)) {
                append_short_id(&id, json_text(action, "disk"));
                table_cell(table, "%s", strbuf_str(&id));
                strbuf_clear(&id);
        }
        append_short_id(&id, json_text(action, "snapshot"));
        table_cell(table, "%s", *json_text(action, "policy") ? json_text(action, "policy") : "-");
        table_cell(table, "%s", json_time_text(action, "slot", in_utc, time));
        table_cell(table, "%s", json_text(action, "reason"));
        table_cell(table, "%s", blocked.len > 0 ? strbuf_str(&blocked) : "-");
        table_cell(table, "%s", strbuf_str(&id));
}

static bool is_done(const struct cJSON *action) {
        bool done;

        return json_bool(action, "done", &done) && done;
}

/* Whether it is of the kind, and is left to do. */
static bool is_kind(const struct cJSON *action, const char *kind) {
        return strcmp(json_text(action, "do"), kind) == 0 && !is_done(action);
}

/* What was done since the world was read is in the plan until a listing confirms it. */
static void append_done(const struct cJSON *plan, struct strbuf *out) {
        const struct cJSON *action;
        size_t n = 0;

        for (action = json_first(json_array(plan, "actions")); action; action = json_next(action))
                n += is_done(action);
        if (n > 0)
                strbuf_appendf(out,
                               "%zu more %s done since Azure was read, as the next listing is to "
                               "confirm.\n",
                               n, n == 1 ? "was" : "were");
}

void plan_count(const struct cJSON *plan, const char *kind, size_t *ret_n, size_t *ret_blocked) {
        const struct cJSON *action;
        size_t n = 0, blocked = 0;

        for (action = json_first(json_array(plan, "actions")); action; action = json_next(action)) {
                n += is_kind(action, kind);
                blocked += is_kind(action, kind) && json_first(json_array(action, "blocked"));
        }
        *ret_n = n;
        *ret_blocked = blocked;
}

static enum status append_kind(const struct cJSON *plan, const char *kind, size_t first_column,
                               bool in_utc, struct strbuf *out) {
        const struct cJSON *action;
        enum status status;
        struct table table;
        size_t n, blocked;

        plan_count(plan, kind, &n, &blocked);
        if (n == 0) {
                strbuf_appendf(out, "To %s: nothing\n", kind);
                return STATUS_DONE;
        }
        table_init(&table, columns + first_column, ARRAY_SIZE(columns) - first_column, "  ");
        for (action = json_first(json_array(plan, "actions")); action; action = json_next(action))
                if (is_kind(action, kind))
                        add_action(&table, action, in_utc);
        strbuf_appendf(out, "To %s: %zu snapshot%s", kind, n, n == 1 ? "" : "s");
        if (blocked > 0)
                strbuf_appendf(out, ", of which %zu %s held back", blocked,
                               blocked == 1 ? "is" : "are");
        strbuf_append_char(out, '\n');
        status = table_print(&table, out);
        strbuf_append_char(out, '\n');
        table_deinit(&table);
        return status;
}

enum status plan_append(const struct cJSON *plan, bool in_utc, struct strbuf *out) {
        char next[TIME_TEXT_SIZE];
        enum status status;

        status = append_kind(plan, "create", 0, in_utc, out);
        if (status == STATUS_DONE)
                status = append_kind(plan, "delete", 1, in_utc, out);
        if (status != STATUS_DONE)
                return status;

        append_done(plan, out);
        if (*json_text(plan, "next"))
                strbuf_appendf(out, "The next slot starts at %s.\n",
                               json_time_text(plan, "next", in_utc, next));
        append_findings(out, plan);
        return STATUS_DONE;
}

void plan_write(const struct cJSON *plan, struct json_writer *w) {
        static const char *const not_ours[] = {"version", "total", "offset", NULL};

        json_copy_members(w, plan, not_ours);
}
