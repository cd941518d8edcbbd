/*
 * snapkeepctl status: how it is, for people and for monitoring.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "base/str.h"
#include "core/resource_id.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/remote.h"
#include "snapkeepctl/table.h"
#include "snapkeepd/answers.h"

#include <string.h>
#include <time.h>

/* Chosen: what fits on a screen or two; of more, those in order are counted and not shown. */
#define SERIES_SHOWN_MAX 40
/* Chosen: a daemon is not asked more often than something can have changed. */
#define WATCH_S 5
/* Chosen: below the ten seconds that monitoring systems wait for a check. */
#define PATIENCE_US (8 * UINT64_C(1000000))

struct view {
        const struct request *request;
        struct cJSON *status, *series, *doubts;
        enum health health;    /* of all, or of the disk that was asked for */
        struct strbuf problem; /* why there is no answer */
};

static void view_deinit(struct view *view) {
        json_freep(&view->status);
        json_freep(&view->series);
        json_freep(&view->doubts);
        strbuf_deinit(&view->problem);
}

static enum health health_of(const struct cJSON *json) {
        for (enum health health = HEALTH_OK; health < HEALTH_UNKNOWN; health++)
                if (strcmp(json_text(json, "health"), health_name(health)) == 0)
                        return health;
        return HEALTH_UNKNOWN;
}

/* Whether the row is of the disk that was asked for: by its name, GROUP/NAME, or its id. */
static bool is_wanted(const struct view *view, const struct cJSON *row) {
        const char *id = json_text(row, "disk"), *wanted = view->request->argument;
        struct resource_id disk;
        const char *slash;

        if (!wanted || str_equal_nocase(id, wanted))
                return true;
        if (resource_id_parse(id, strlen(id), &disk) != 0)
                return false;
        slash = strchr(wanted, '/');
        if (!slash)
                return str_equal_nocase(disk.name, wanted);
        return str_equal_nocase(disk.name, slash + 1) &&
               strlen(disk.group) == (size_t)(slash - wanted) &&
               str_starts_with_nocase(wanted, disk.group);
}

/* ---- text ---- */

static const struct column series_columns[] = {
        {.title = "HEALTH"},
        {.title = "DISK", .names = true, .whole = 3},
        {.title = "POLICY", .may_cut = true},
        {.title = "NEWEST"},
        {.title = "NEXT", .drop = 2},
        {.title = "COMPLETE", .right = true, .drop = 3},
        {.title = "HELD", .right = true, .drop = 1},
        {.title = "WHAT", .below = true, .whole = 3},
};

static void add_series(struct table *table, const struct cJSON *row, bool in_utc) {
        _cleanup_(strbuf_deinit) struct strbuf reasons = {};
        const char *id = json_text(row, "disk");
        char time[TIME_TEXT_SIZE];
        struct resource_id disk;

        json_joined(row, "reasons", &reasons);
        table_cell(table, "%s", json_text(row, "health"));
        if (resource_id_parse(id, strlen(id), &disk) == 0)
                table_cell(table, "%s/%s", disk.group, disk.name);
        else
                table_cell(table, "%s", id);
        table_cell(table, "%s", json_text(row, "policy"));
        table_cell(table, "%s", json_time_text(row, "newest", in_utc, time));
        table_cell(table, "%s", json_time_text(row, "next", in_utc, time));
        table_cell(table, "%lld", (long long)json_number(row, "complete"));
        table_cell(table, "%lld", (long long)json_number(row, "held"));
        table_cell(table, "%s", strbuf_str(&reasons));
}

static enum status append_series(struct view *view, struct strbuf *out) {
        bool all =
                view->request->argument || json_number(view->series, "total") <= SERIES_SHOWN_MAX;
        const struct cJSON *row;
        size_t n_left_out = 0;
        enum status status = STATUS_DONE;
        struct table table;

        table_init(&table, series_columns, ARRAY_SIZE(series_columns), "");
        for (row = json_first(json_array(view->series, "series")); row; row = json_next(row)) {
                if (!is_wanted(view, row))
                        continue;
                if (!all && health_of(row) == HEALTH_OK) {
                        n_left_out++;
                        continue;
                }
                add_series(&table, row, view->request->utc);
        }
        if (table.n_cells > 0) {
                strbuf_append_char(out, '\n');
                status = table_print(&table, out);
        }
        if (n_left_out > 0)
                strbuf_appendf(out, "%zu series are in order and not shown\n", n_left_out);
        table_deinit(&table);
        return status;
}

static void append_line(struct strbuf *out, const char *indent, const char *text) {
        strbuf_append_str(out, indent);
        append_clean(out, text, strlen(text));
        strbuf_append_char(out, '\n');
}

/* Whether the doubt is of more than one disk, or of the one that was asked for. */
static bool concerns(const struct view *view, const struct cJSON *doubt) {
        static const char *const of_series[] = {"stale", "peer", "internal"};
        const char *scope = json_text(doubt, "scope");
        const struct cJSON *row;
        bool is_wide = true;

        for (size_t i = 0; i < ARRAY_SIZE(of_series); i++)
                is_wide &= strcmp(json_text(doubt, "doubt"), of_series[i]) != 0;
        if (is_wide || !view->request->argument)
                return true;
        /* The scope of such a doubt is "DISK under POLICY". */
        for (row = json_first(json_array(view->series, "series")); row; row = json_next(row)) {
                const char *slash = strrchr(json_text(row, "disk"), '/');

                if (is_wanted(view, row) && slash && str_starts_with(scope, slash + 1) &&
                    str_starts_with(scope + strlen(slash + 1), " under "))
                        return true;
        }
        return false;
}

static void append_doubt(const struct cJSON *doubt, bool in_utc, struct strbuf *out) {
        const char *scope = json_text(doubt, "scope"), *reason = json_text(doubt, "reason");
        _cleanup_(strbuf_deinit) struct strbuf line = {};
        char since[TIME_TEXT_SIZE];

        strbuf_appendf(&line, "%s: ", json_text(doubt, "doubt"));
        /* "everything is paused" names its scope itself. */
        if (!str_starts_with(reason, scope))
                strbuf_appendf(&line, "%s: ", scope);
        strbuf_appendf(&line, "%s; %s", reason, json_text(doubt, "end"));
        if (*json_text(doubt, "since"))
                strbuf_appendf(&line, " (since %s)", json_time_text(doubt, "since", in_utc, since));
        append_line(out, "", strbuf_str(&line));
        if (*json_text(doubt, "hash"))
                append_line(out, "  to accept it: snapkeepctl ack ", json_text(doubt, "hash"));
}

static void append_doubts(const struct view *view, struct strbuf *out) {
        const struct cJSON *doubt;
        size_t n = 0;

        for (doubt = json_first(json_array(view->doubts, "doubts")); doubt;
             doubt = json_next(doubt)) {
                if (!concerns(view, doubt) || n++ >= SERIES_SHOWN_MAX)
                        continue;
                strbuf_append_str(out, n == 1 ? "\nWhat keeps deletions from going:\n" : "");
                append_doubt(doubt, view->request->utc, out);
        }
        if (n > SERIES_SHOWN_MAX)
                strbuf_appendf(out, "and %zu more; --json has all\n", n - SERIES_SHOWN_MAX);
}

static void append_reasons(const struct view *view, struct strbuf *out) {
        const struct cJSON *reasons = json_array(view->status, "reasons");
        int64_t n_left_out = json_number(view->status, "reasons_left_out");
        const struct cJSON *reason;

        for (reason = json_first(reasons); reason; reason = json_next(reason))
                append_line(out, "  ", json_value_text(reason));
        if (n_left_out > 0)
                strbuf_appendf(out, "  and %lld more\n", (long long)n_left_out);
}

static enum status show_text(struct view *view) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;

        /* The first line is what a monitoring system shows. */
        strbuf_appendf(&out, "%s: ", health_name(view->health));
        if (view->request->argument)
                append_line(&out, "disk ", view->request->argument);
        else {
                append_line(&out, "", json_text(view->status, "summary"));
                append_reasons(view, &out);
        }
        status = append_series(view, &out);
        if (status != STATUS_DONE)
                return status;
        append_doubts(view, &out);
        return write_out(&out);
}

/* ---- JSON ---- */

static enum status show_json(struct view *view) {
        static const char *const without[] = {"version", "health", NULL};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        const struct cJSON *row;
        struct json_writer w;

        json_begin(&w, &out);
        json_write_string(&w, "health", health_name(view->health));
        json_copy_members(&w, view->status, without);
        json_open(&w, "series", '[');
        for (row = json_first(json_array(view->series, "series")); row; row = json_next(row))
                if (is_wanted(view, row))
                        json_copy(&w, NULL, row);
        json_close(&w);
        json_open(&w, "doubts", '[');
        for (row = json_first(json_array(view->doubts, "doubts")); row; row = json_next(row))
                if (concerns(view, row))
                        json_copy(&w, NULL, row);
        json_close(&w);
        json_end(&w);
        return write_out(&out);
}

/* ---- no answer ---- */

/* The one line, or object, that a monitoring system shows. */
static void show_unknown(const struct view *view) {
        const char *text = view->problem.len > 0 ? strbuf_str(&view->problem)
                                                 : "the answer of snapkeepd cannot be read";
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct json_writer w;

        if (view->request->json) {
                json_begin(&w, &out);
                json_write_string(&w, "health", health_name(HEALTH_UNKNOWN));
                json_write_clean(&w, "summary", text);
                json_end(&w);
        } else {
                strbuf_appendf(&out, "%s: ", health_name(HEALTH_UNKNOWN));
                append_line(&out, "", text);
        }
        (void)write_out(&out);
}

/* ---- the verb ---- */

static enum status ask(struct view *view) {
        _cleanup_(remote_close) struct remote remote = {.problem = &view->problem};
        enum status status;

        status = remote_open(&remote);
        if (status == STATUS_DONE) {
                bus_client_set_patience(remote.client, PATIENCE_US);
                status = remote_json(&remote, MANAGER_STATUS, /* in= */ NULL, &view->status);
        }
        if (status == STATUS_DONE)
                status = remote_list(&remote, MANAGER_LIST_SERIES, "series", &view->series);
        if (status == STATUS_DONE)
                status = remote_list(&remote, MANAGER_LIST_DOUBTS, "doubts", &view->doubts);
        return status;
}

/* What is of everything is in no row: a disk is no better off than all of them. */
static bool holds_everything(const struct view *view) {
        const struct cJSON *doubt = json_first(json_array(view->doubts, "doubts"));

        while (doubt && strcmp(json_text(doubt, "scope"), "everything") != 0)
                doubt = json_next(doubt);
        return doubt;
}

/* The health of what was asked for. Of a disk that nothing selects nobody can say. */
static bool judge(struct view *view) {
        const struct cJSON *row;
        size_t n = 0;

        view->health = view->request->argument ? HEALTH_OK : health_of(view->status);
        if (!view->request->argument)
                return true;
        for (row = json_first(json_array(view->series, "series")); row; row = json_next(row))
                if (is_wanted(view, row)) {
                        view->health = health_worse(view->health, health_of(row));
                        n++;
                }
        if (holds_everything(view))
                view->health = health_worse(view->health, HEALTH_WARNING);
        if (n == 0)
                strbuf_appendf(&view->problem,
                               "no disk %s is among those that the policy's targets select%s",
                               view->request->argument,
                               health_of(view->status) == HEALTH_UNKNOWN ? ", of what was read yet"
                                                                         : "");
        return n > 0;
}

static enum status run_once(const struct request *request) {
        _cleanup_(view_deinit) struct view view = {.request = request};

        if (ask(&view) != STATUS_DONE || !judge(&view)) {
                show_unknown(&view);
                return STATUS_UNKNOWN;
        }
        if ((request->json ? show_json(&view) : show_text(&view)) != STATUS_DONE)
                return STATUS_UNKNOWN;
        switch (view.health) {
        case HEALTH_OK:
                return STATUS_DONE;
        case HEALTH_WARNING:
                return STATUS_TROUBLE;
        case HEALTH_CRITICAL:
                return STATUS_USAGE;
        case HEALTH_UNKNOWN:
                break;
        }
        return STATUS_UNKNOWN;
}

/* On a terminal each takes the place of the one before it; in a pipe a line parts them. */
static enum status run(const struct request *request) {
        static const struct timespec pause = {.tv_sec = WATCH_S};

        if (!request->watch)
                return run_once(request);
        for (;;) {
                _cleanup_(strbuf_deinit) struct strbuf clear = {};

                strbuf_append_str(&clear, terminal_width() > 0 ? "\x1b[H\x1b[2J" : "\n");
                if (write_out(&clear) != STATUS_DONE)
                        return STATUS_UNKNOWN;
                (void)run_once(request);
                (void)nanosleep(&pause, NULL);
        }
}

const struct verb verb_status = {
        .name = "status",
        .usage = "[DISK] [--watch]",
        .summary = "show health, age, next slot and doubts",
        .help = "Shows how the daemon finds its work: the first line says it in one word and\n"
                "one sentence, then come the reasons, the disks with their newest complete\n"
                "snapshot and next slot, and all that keeps deletions from going, with how it\n"
                "ends. Of more than 40 disks only those not in order are shown. With DISK (a\n"
                "name, GROUP/NAME or an ARM id) the answer is about that disk alone.\n"
                "\n"
                "Critical is a disk whose newest complete snapshot is older than its rpo, a\n"
                "chain near Azure's limit, a target with fewer disks than it should have, or\n"
                "a snapshot group that is missing; a warning is what needs a look; unknown is\n"
                "what was not read yet. On a narrow terminal what is wrong with a disk is a\n"
                "line under its row.\n",
        .options = OPTION_WATCH,
        .argument = "DISK",
        .monitors = true,
        .run = run,
};
