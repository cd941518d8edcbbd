/*
 * snapkeepctl history: what the daemon did and met, from the journal.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "base/str.h"
#include "runtime/history.h"
#include "snapkeepctl/input.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/table.h"

#include <string.h>
#include <strings.h>

#define UNIT "snapkeepd.service"
/* Chosen: a screen. */
#define COUNT_DEFAULT 40
#define COUNT_MAX 100000
/* A snapshot's name begins with at most so much of its disk's (DESIGN section 4). */
#define NAME_DISK_MAX 40

struct history_view {
        const struct request *request;
        uint64_t left;
        struct strbuf out;
        struct json_writer json;
        struct table table;
        enum status status;
};

static const struct column columns[] = {
        {.title = "TIME"},
        {.title = "EVENT"},
        {.title = "POLICY", .may_cut = true, .drop = 1},
        {.title = "WHAT", .may_cut = true},
};

/* The last parts of "subscription/group/name" against a name or GROUP/NAME. */
static bool is_named(const char *path, const char *wanted) {
        const char *name = strrchr(path, '/'), *group = strchr(path, '/');

        if (!name || !group)
                return false;
        return str_equal_nocase(strchr(wanted, '/') ? group + 1 : name + 1, wanted);
}

/* Whether it is about the disk: by its field, or by the name of one of its snapshots. */
static bool is_wanted(const struct history_view *view, const struct history_entry *entry) {
        const char *wanted = view->request->argument, *disk = entry->fields[LOG_DISK];
        const char *snapshot = entry->fields[LOG_SNAPSHOT], *name;
        size_t len;

        if (!wanted)
                return true;
        if (disk)
                return is_named(disk, wanted);
        if (!snapshot)
                return false;
        wanted = strrchr(wanted, '/') ? strrchr(wanted, '/') + 1 : wanted;
        name = strrchr(snapshot, '/') ? strrchr(snapshot, '/') + 1 : snapshot;
        len = MIN(strlen(wanted), (size_t)NAME_DISK_MAX);
        return strncasecmp(name, wanted, len) == 0 && name[len] == '-';
}

static void show_json(struct history_view *view, const struct history_entry *entry) {
        struct json_writer *w = &view->json;

        json_open(w, NULL, '{');
        json_write_utc(w, "at", entry->at);
        json_write_string(w, "event", entry->event->name);
        json_write_string(w, "level", log_level_name(entry->level));
        json_write_clean(w, "message", entry->message);
        json_open(w, "fields", '{');
        for (int i = 0; i < _LOG_FIELD_N; i++)
                if (entry->fields[i])
                        json_write_clean(w, log_field_key((enum log_field_name)i),
                                         entry->fields[i]);
        json_close(w);
        json_close(w);
}

static void show_row(struct history_view *view, const struct history_entry *entry) {
        char text[TIME_TEXT_SIZE];

        table_cell(&view->table, "%s", time_text(entry->at, view->request->utc, text));
        table_cell(&view->table, "%s", entry->event->name);
        table_cell(&view->table, "%s", entry->fields[LOG_POLICY] ?: "-");
        table_cell(&view->table, "%s", entry->message);
}

static bool show(const struct history_entry *entry, void *data) {
        struct history_view *view = data;

        if (!is_wanted(view, entry))
                return true;
        (view->request->json ? show_json : show_row)(view, entry);
        if (view->request->json)
                view->status = write_some(&view->out);
        return view->status == STATUS_DONE && --view->left > 0;
}

static enum status read_options(const struct request *request, uint64_t *count, struct utc *since) {
        if (request->count &&
            (str_parse_u64(request->count, strlen(request->count), COUNT_MAX, count) < 0 ||
             *count == 0)) {
                say_at("--count", request->count, 0, "a whole number from 1 to 100000 is expected");
                return STATUS_USAGE;
        }
        return request->since ? time_option("--since", request->since, since) : STATUS_DONE;
}

static enum status show_all(struct history_view *view, struct utc since) {
        uint64_t most = view->left;
        int r;

        if (view->request->json) {
                json_begin(&view->json, &view->out);
                json_open(&view->json, "events", '[');
        }
        r = history_read(UNIT, since, show, view);
        if (r < 0)
                return say_errno("read the journal", r);
        if (view->status != STATUS_DONE)
                return view->status;
        if (view->request->json) {
                json_close(&view->json);
                json_end(&view->json);
        } else if (view->table.n_cells > 0) {
                view->status = table_print(&view->table, &view->out);
                if (view->status != STATUS_DONE)
                        return view->status;
        }
        if (view->left == most)
                say("nothing of it is in the journal, or you may not read it: root and the members "
                    "of "
                    "the group systemd-journal may");
        return write_out(&view->out);
}

static enum status run(const struct request *request) {
        struct history_view view = {.request = request, .left = COUNT_DEFAULT};
        struct utc since = UTC_NONE;
        enum status status;

        status = read_options(request, &view.left, &since);
        if (status != STATUS_DONE)
                return status;
        table_init(&view.table, columns, ARRAY_SIZE(columns), "");
        status = show_all(&view, since);
        table_deinit(&view.table);
        strbuf_deinit(&view.out);
        return status;
}

const struct verb verb_history = {
        .name = "history",
        .usage = "[DISK] [--count N] [--since TIME]",
        .summary = "show past snapshots, deletions, failures and orders",
        .help = "Shows what the daemon told the journal: snapshots taken and deleted, what failed, "
                "what\n"
                "stood in the way for a while, orders and reloads; the newest first. With DISK (a "
                "name or\n"
                "GROUP/NAME) only what is about that disk. The words are those of snapkeepd(8), "
                "EVENTS;\n"
                "\"journalctl -x -u snapkeepd\" explains each.\n",
        .options = OPTION_COUNT | OPTION_SINCE,
        .argument = "DISK",
        .run = run,
};
