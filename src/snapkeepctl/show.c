#include "snapkeepctl/show.h"

#include "base/json_writer.h"
#include "snapkeepctl/direct.h"
#include "snapkeepctl/output.h"

#include <stdio.h>
#include <string.h>

const char *state_name(const struct snapshot_row *row) {
        return row->flags & ROW_COMPLETE   ? "complete"
               : row->flags & ROW_FAILED   ? "failed"
               : row->flags & ROW_UNDERWAY ? "underway"
                                           : "leaving";
}

static void write_id(struct json_writer *w, const char *member, enum resource_type type,
                     const struct world_view *view, const char *group, const char *name) {
        struct resource_id id = {.type = type};
        char text[RESOURCE_ID_TEXT_SIZE];

        snprintf(id.subscription, sizeof(id.subscription), "%s", view->subscription);
        snprintf(id.group, sizeof(id.group), "%s", group);
        snprintf(id.name, sizeof(id.name), "%s", name);
        json_write_clean(w, member, resource_id_format(&id, text));
}

static void write_maybe(struct json_writer *w, const char *member, const char *value) {
        if (*value)
                json_write_clean(w, member, value);
        else
                json_write_null(w, member);
}

void show_row_members(struct json_writer *w, const struct world_view *view,
                      const struct snapshot_row *row) {
        const char *group = view_str(view, row->group);
        char name[SNAPSHOT_NAME_SIZE];

        snapshot_row_name(view, row, name);
        write_id(w, "id", RESOURCE_SNAPSHOT, view, group, name);
        json_write_string(w, "subscription", view->subscription);
        json_write_clean(w, "group", group);
        json_write_clean(w, "name", name);
        write_maybe(w, "generation", view_str(view, row->generation));
        json_write_clean(w, "region", view_str(view, row->region));
        write_maybe(w, "policy", view_str(view, row->policy));
        json_write_utc(w, "slot", row->slot);
        json_write_utc(w, "created", row->time_created);
        json_write_string(w, "state", state_name(row));
        json_write_int(w, "percent", row->percent);
        json_write_bool(w, "held", row->flags & ROW_HELD);
}

void show_disk_member(struct json_writer *w, const struct world_view *view,
                      const struct disk_row *disk) {
        if (disk)
                write_id(w, "disk", RESOURCE_DISK, view, view_str(view, disk->group),
                         view_str(view, disk->name));
        else
                json_write_null(w, "disk");
}

void show_fate_members(struct json_writer *w, const struct explained *explained,
                       const struct strbuf *reasons) {
        json_open(w, "kept_by", '[');
        json_write_parts(w, reasons);
        json_close(w);
        json_write_utc(w, "goes", explained->death);
}

void show_subscriptions(struct json_writer *w, const struct direct *direct) {
        json_open(w, "subscriptions", '[');
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                struct world_view view;

                json_open(w, NULL, '{');
                if (engine_view(direct->engine, i, &view)) {
                        json_write_string(w, "id", view.subscription);
                        json_write_utc(w, "read", view.begin);
                } else {
                        json_write_null(w, "id");
                        json_write_null(w, "read");
                }
                json_close(w);
        }
        json_close(w);
}

void show_findings_member(struct json_writer *w, const struct direct *direct) {
        json_open(w, "findings", '[');
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_findings; j++) {
                        const struct finding *finding = &plan->findings[j];
                        _cleanup_(strbuf_deinit) struct strbuf text = {};

                        finding_append(finding, &text);
                        json_open(w, NULL, '{');
                        json_write_string(w, "kind", finding_name(finding->kind));
                        json_write_int(w, "count", (int64_t)finding->count);
                        json_write_clean(w, "subject", finding->subject);
                        json_write_clean(w, "text", strbuf_str(&text));
                        json_close(w);
                }
        }
        json_close(w);
}

void show_findings(struct strbuf *out, const struct direct *direct) {
        for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++) {
                const struct plan *plan = engine_plan(direct->engine, i);

                for (size_t j = 0; plan && j < plan->n_findings; j++) {
                        _cleanup_(strbuf_deinit) struct strbuf text = {};

                        finding_append(&plan->findings[j], &text);
                        strbuf_append_str(out, "Notice: ");
                        append_clean(out, strbuf_str(&text), text.len);
                        strbuf_append_char(out, '\n');
                }
        }
}

static const char *put(char *buffer, const char *word) {
        stpcpy(buffer, word);
        return buffer;
}

const char *maybe_time_text(struct utc time, bool in_utc, char *buffer) {
        if (utc_is_set(time))
                return time_text(time, in_utc, buffer);
        return put(buffer, "-");
}

const char *goes_text(const struct explained *explained, struct utc now, bool in_utc,
                      char *buffer) {
        if (explained->row->flags & ROW_LEAVING)
                return put(buffer, "now");
        if (explained->death.ticks != UTC_NEVER.ticks)
                return explained->death.ticks <= now.ticks
                               ? put(buffer, "now")
                               : time_text(explained->death, in_utc, buffer);
        return put(buffer, explained->row->flags & ROW_UNDERWAY ? "-" : "never");
}
