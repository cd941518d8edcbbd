/*
 * snapkeepctl history: what the daemon did and met, from the journal.
 */
#include "base/array.h"
#include "base/json_writer.h"
#include "base/macros.h"
#include "base/str.h"
#include "core/naming.h"
#include "core/wanted.h"
#include "runtime/history.h"
#include "snapkeepctl/input.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/table.h"

#include <string.h>

#define UNIT "snapkeepd.service"
/* Chosen: a screen. */
#define COUNT_DEFAULT 40
#define COUNT_MAX 100000

/* The generations that the disk has had, by what the journal has of it. Chosen: far more lives than the
 * disks of a name have. */
#define GENERATIONS_MAX 10000

struct history_view {
        const struct request *request;
        struct wanted wanted; /* the disk, where one was asked for */
        char (*generations)[GUID_TEXT_SIZE];
        size_t n_generations, generations_capacity;
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
        {.title = "WHAT", .below = true},
};

/* "subscription/group/name", as the fields of the log have it. */
static bool disk_is_wanted(const struct wanted *wanted, const char *path) {
        char subscription[GUID_TEXT_SIZE], group[RESOURCE_GROUP_MAX + 1];
        const char *first = strchr(path, '/'), *last = strrchr(path, '/');

        if (!first || first == last || (size_t)(first - path) >= sizeof(subscription) ||
            (size_t)(last - first - 1) >= sizeof(group))
                return false;
        *stpncpy(subscription, path, (size_t)(first - path)) = '\0';
        *stpncpy(group, first + 1, (size_t)(last - first - 1)) = '\0';
        return wanted_is(wanted, subscription, group, last + 1);
}

/* Whether it is the name that we give to a snapshot of such a disk. A disk "db" has others than "db-01". */
static bool snapshot_is_wanted(const struct wanted *wanted, const char *path) {
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        char disk[NAMING_DISK_MAX + 1];
        size_t len = naming_disk(wanted->name, disk);

        return str_starts_with_nocase(name, disk) && name[len] == '-' &&
               strspn(name + len + 1, "0123456789abcdefABCDEF") == NAMING_SERIES_HEX &&
               name[len + 1 + NAMING_SERIES_HEX] == '-';
}

static bool generation_is_wanted(const struct history_view *view, const char *generation) {
        for (size_t i = 0; i < view->n_generations; i++)
                if (str_equal_nocase(view->generations[i], generation))
                        return true;
        return false;
}

/*
 * Whether it is about the disk: by its field, by its generation, as what is told of a snapshot that is
 * deleted or vanishes has it, and else by the name that a snapshot has from it. Where a group was given
 * too, that name may be of another disk, and says nothing once a generation is known.
 */
static bool is_wanted(const struct history_view *view, const struct history_entry *entry) {
        const char *disk = entry->fields[LOG_DISK], *snapshot = entry->fields[LOG_SNAPSHOT];
        const char *generation = entry->fields[LOG_GENERATION];

        if (!view->request->argument)
                return true;
        if (disk)
                return disk_is_wanted(&view->wanted, disk);
        if (generation && generation_is_wanted(view, generation))
                return true;
        return snapshot && (!*view->wanted.group || view->n_generations == 0) &&
               snapshot_is_wanted(&view->wanted, snapshot);
}

/* What is told of a snapshot names its disk by the generation alone, and comes before what names both. */
static bool learn(const struct history_entry *entry, void *data) {
        const char *disk = entry->fields[LOG_DISK], *generation = entry->fields[LOG_GENERATION];
        struct history_view *view = data;
        int r;

        if (!disk || !generation || strlen(generation) != GUID_TEXT_SIZE - 1 ||
            !disk_is_wanted(&view->wanted, disk) || generation_is_wanted(view, generation))
                return true;
        r = array_grow(&view->generations, view->n_generations, &view->generations_capacity,
                       sizeof(*view->generations), GENERATIONS_MAX);
        if (r < 0) {
                view->status = say_errno("read the journal", r);
                return false;
        }
        stpcpy(view->generations[view->n_generations++], generation);
        return true;
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

static enum status read_options(const struct request *request, uint64_t *count, struct utc *since,
                                struct wanted *wanted) {
        if (request->count &&
            (str_parse_u64(request->count, strlen(request->count), COUNT_MAX, count) < 0 ||
             *count == 0)) {
                say_at("--count", request->count, 0, "a whole number from 1 to 100000 is expected");
                return STATUS_USAGE;
        }
        if (request->argument && wanted_parse(request->argument, RESOURCE_DISK, wanted) != 0) {
                say("history: a disk is given as NAME, GROUP/NAME or its whole ARM id");
                return STATUS_USAGE;
        }
        return request->since ? time_option("--since", request->since, since) : STATUS_DONE;
}

static enum status say_unread(int r) {
        if (r < 0)
                return say_errno("read the journal", r);
        say("there is no journal here, or you may not read it: root and the members of the group "
            "systemd-journal may");
        return STATUS_TROUBLE;
}

static enum status show_all(struct history_view *view, struct utc since) {
        uint64_t most = view->left;
        int r = 0;

        if (view->request->argument)
                r = history_read(UNIT, UTC_NONE, learn, view);
        if (r != 0)
                return say_unread(r);
        if (view->status != STATUS_DONE)
                return view->status;
        if (view->request->json) {
                json_begin(&view->json, &view->out);
                json_open(&view->json, "events", '[');
        }
        r = history_read(UNIT, since, show, view);
        if (r != 0)
                return say_unread(r);
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
                say("nothing of it is in the journal");
        return write_out(&view->out);
}

static enum status run(const struct request *request) {
        struct history_view view = {.request = request, .left = COUNT_DEFAULT};
        struct utc since = UTC_NONE;
        enum status status;

        status = read_options(request, &view.left, &since, &view.wanted);
        if (status != STATUS_DONE)
                return status;
        table_init(&view.table, columns, ARRAY_SIZE(columns), "");
        status = show_all(&view, since);
        table_deinit(&view.table);
        strbuf_deinit(&view.out);
        free(view.generations);
        return status;
}

const struct verb verb_history = {
        .name = "history",
        .usage = "[DISK] [--count N] [--since TIME]",
        .summary = "show past snapshots, deletions, failures and orders",
        .help = "Shows what the daemon told the journal: snapshots taken and deleted, what\n"
                "failed, what stood in the way for a while, orders and reloads; the newest\n"
                "first. With DISK (a name, GROUP/NAME or an ARM id) only what is about that\n"
                "disk. The words are those of snapkeepd(8), EVENTS; \"journalctl -x -u\n"
                "snapkeepd\" explains each. On a narrow terminal what it told is a line under\n"
                "its row.\n",
        .options = OPTION_COUNT | OPTION_SINCE,
        .argument = "DISK",
        .run = run,
};
