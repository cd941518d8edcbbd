/*
 * snapkeepctl plan: what would be created and deleted now, and why. Nothing is done.
 */
#include "base/json_writer.h"
#include "snapkeepctl/direct.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/show.h"
#include "snapkeepctl/table.h"

#include <string.h>

static const char *kind_name(enum action_kind kind) {
        switch (kind) {
        case ACTION_CREATE:
                return "create";
        case ACTION_DELETE:
                break;
        }
        return "delete";
}

static void write_action(struct json_writer *w, const struct policy_file *file,
                         const struct action *action) {
        struct resource_id id = {.type = RESOURCE_SNAPSHOT};
        char text[RESOURCE_ID_TEXT_SIZE];

        stpcpy(id.subscription, action->subscription);
        stpcpy(id.group, action->group);
        stpcpy(id.name, action->name);
        json_open(w, NULL, '{');
        json_write_string(w, "do", kind_name(action->kind));
        json_write_string(w, "policy", file->policies[action->policy].name);
        json_write_clean(w, "snapshot", resource_id_format(&id, text));
        json_write_string(w, "generation", action->generation);
        json_write_utc(w, "slot", action->slot);
        json_write_int(w, "attempt", action->attempt);
        json_write_clean(w, "reason", action->reason);
        if (action->kind == ACTION_CREATE)
                json_write_clean(w, "disk", resource_id_format(&action->disk, text));
        else
                json_write_null(w, "disk");
        json_write_utc(w, "created",
                       action->kind == ACTION_DELETE ? action->time_created : UTC_NONE);
        json_close(w);
}

static struct utc next_start(const struct direct *direct) {
        struct utc next = UTC_NEVER;

        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                if (plan)
                        next.ticks = MIN(next.ticks, plan->next.ticks);
        }
        return next;
}

static enum status print_json(const struct direct *direct) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status = STATUS_DONE;
        struct json_writer w;

        json_begin(&w, &out);
        json_write_string(&w, "owner", direct->file->owner);
        json_write_utc(&w, "now", direct->now);
        show_subscriptions(&w, direct);
        json_open(&w, "actions", '[');
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_actions && status == STATUS_DONE; j++) {
                        write_action(&w, direct->file, &plan->actions[j]);
                        status = write_some(&out);
                }
        }
        json_close(&w);
        json_write_utc(&w, "next", next_start(direct));
        show_findings_member(&w, direct);
        json_end(&w);
        return status == STATUS_DONE ? write_out(&out) : status;
}

static const struct column columns[] = {
        {.title = "POLICY", .may_cut = true},          {.title = "SLOT"},
        {.title = "REASON", .may_cut = true},          {.title = "SNAPSHOT", .may_cut = true},
        {.title = "DISK", .may_cut = true, .drop = 1},
};
#define COLUMNS_OF_DELETE (ARRAY_SIZE(columns) - 1) /* without the disk, which may be gone */

static void add_action(struct table *table, const struct direct *direct,
                       const struct action *action, bool in_utc) {
        char text[TIME_TEXT_SIZE];

        table_cell(table, "%s", direct->file->policies[action->policy].name);
        table_cell(table, "%s", time_text(action->slot, in_utc, text));
        table_cell(table, "%s", action->reason);
        table_cell(table, "%s/%s", action->group, action->name);
        if (action->kind == ACTION_CREATE)
                table_cell(table, "%s/%s", action->disk.group, action->disk.name);
}

/* The actions of one kind, with their number as heading. */
static enum status print_kind(const struct direct *direct, enum action_kind kind, bool in_utc,
                              struct strbuf *out) {
        enum status status = STATUS_DONE;
        struct table table;
        size_t n = 0;

        table_init(&table, columns, kind == ACTION_CREATE ? ARRAY_SIZE(columns) : COLUMNS_OF_DELETE,
                   "  ");
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_actions; j++)
                        if (plan->actions[j].kind == kind) {
                                add_action(&table, direct, &plan->actions[j], in_utc);
                                n++;
                        }
        }
        if (n > 0) {
                strbuf_appendf(out, "To %s: %zu snapshot%s\n", kind_name(kind), n,
                               n == 1 ? "" : "s");
                status = table_print(&table, out);
                strbuf_append_char(out, '\n');
        } else
                strbuf_appendf(out, "To %s: nothing\n", kind_name(kind));
        table_deinit(&table);
        return status;
}

static enum status print_text(const struct direct *direct, bool in_utc) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct utc next = next_start(direct);
        char text[TIME_TEXT_SIZE];
        enum status status;

        status = print_kind(direct, ACTION_CREATE, in_utc, &out);
        if (status == STATUS_DONE)
                status = print_kind(direct, ACTION_DELETE, in_utc, &out);
        if (status != STATUS_DONE)
                return status;

        if (next.ticks != UTC_NEVER.ticks)
                strbuf_appendf(&out, "The next slot starts at %s.\n",
                               time_text(next, in_utc, text));
        show_findings(&out, direct);
        return write_out(&out);
}

static enum status run(const struct request *request) {
        _cleanup_(direct_close) struct direct direct = {};
        enum status status;

        status = direct_open(request, &direct);
        if (status != STATUS_DONE)
                return status;
        if (request->json)
                status = print_json(&direct);
        else if (!direct_is_blind(&direct))
                status = print_text(&direct, request->utc);
        return status == STATUS_DONE ? direct_end(&direct) : status;
}

const struct verb verb_plan = {
        .name = "plan",
        .usage = "--direct [--policy FILE]",
        .summary = "show what would be created and deleted now, and do nothing",
        .help = "Reads Azure once and shows the plan that the daemon would make of it: the "
                "snapshots to\n"
                "create, then those to delete, each with its reason; and what an operator should "
                "know\n"
                "beside. Nothing is done. The daemon reads each snapshot again before it deletes "
                "it.\n",
        .options = OPTION_POLICY | OPTION_DIRECT,
        .run = run,
};
