#include "snapkeepctl/show.h"

#include "base/json_writer.h"
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
        write_maybe(w, "hold", view_hold(view, row) ?: "");
        json_write_bool(w, "backup", row->flags & ROW_BACKUP);
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

const char *maybe_time_text(struct utc time, bool in_utc, char *buffer) {
        if (utc_is_set(time))
                return time_text(time, in_utc, buffer);
        return strcpy(buffer, "-");
}
