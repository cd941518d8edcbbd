/*
 * The answer of a simulation: tables for people, JSON for programs.
 */
#include "base/duration.h"
#include "base/json_writer.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/table.h"
#include "snapkeepctl/verb-simulate.h"

#include <string.h>

/* Chosen: what a screen has beside the rest. */
#define DAYS_SHOWN 16
#define STANDING_SHOWN 10
#define BAR_WIDTH 24

static const char *when_name(enum simulate_when when) {
        switch (when) {
        case LIMIT_OPEN:
                return "open";
        case LIMIT_MET:
                return "met";
        case LIMIT_AHEAD:
                return "ahead";
        case LIMIT_NEVER:
                return "never";
        }
        return "?";
}

/* From 1; the instant is within the run or after it. */
static unsigned day_of(struct utc at) {
        return (unsigned)((utc_seconds(at) - SIMULATE_START) / SEC_PER_DAY) + 1;
}

static struct utc day_begin(unsigned day) {
        return utc_add_seconds(utc_from_seconds(SIMULATE_START), (int64_t)day * SEC_PER_DAY);
}

static uint64_t count_created(const struct simulate *simulate) {
        uint64_t n = 0;

        for (size_t i = 0; i < simulate->file->n_policies; i++)
                n += simulate->policies[i].created;
        return n;
}

static size_t count_subscriptions(const struct simulate *simulate) {
        return engine_n_subscriptions(simulate->engine);
}

static int64_t longest_wait_s(const struct simulate *simulate) {
        int64_t longest = 0;

        for (size_t i = 0; i < simulate->file->n_policies; i++)
                longest = MAX(longest, simulate->policies[i].longest_wait_ns);
        return (longest + NSEC_PER_SEC - 1) / NSEC_PER_SEC;
}

/* JSON. */

static void write_uint(struct json_writer *w, const char *name, uint64_t value) {
        json_write_int(w, name, (int64_t)MIN(value, (uint64_t)INT64_MAX));
}

static void write_disk_id(struct json_writer *w, const char *name, const struct simulate *simulate,
                          size_t disk) {
        char text[RESOURCE_ID_TEXT_SIZE];

        json_write_string(w, name, resource_id_format(&simulate->disks[disk].id, text));
}

static void write_disks(struct json_writer *w, const struct simulate *simulate) {
        json_open(w, "disks", '[');
        for (size_t i = 0; i < simulate->n_disks; i++) {
                const struct simulate_disk *disk = &simulate->disks[i];

                json_open(w, NULL, '{');
                write_disk_id(w, "id", simulate, i);
                json_write_string(w, "sku", disk->sku);
                json_open(w, "policies", '[');
                for (size_t j = 0; j < disk->n_series; j++)
                        json_write_string(
                                w, NULL,
                                simulate->file
                                        ->policies[simulate->series[disk->first_series + j].policy]
                                        .name);
                json_close(w);
                write_uint(w, "chain", disk->chain);
                json_close(w);
        }
        json_close(w);
}

static void write_policy(struct json_writer *w, const struct simulate *simulate, size_t i) {
        const struct simulate_policy *tally = &simulate->policies[i];

        json_open(w, NULL, '{');
        json_write_string(w, "name", simulate->file->policies[i].name);
        write_uint(w, "disks", tally->disks);
        write_uint(w, "slots", tally->slots);
        write_uint(w, "taken", tally->taken);
        write_uint(w, "missed", tally->missed);
        write_uint(w, "open", tally->slots - tally->taken - tally->missed);
        write_uint(w, "created", tally->created);
        write_uint(w, "failed", tally->failed);
        write_uint(w, "deleted", tally->deleted);
        write_uint(w, "alive", tally->alive);
        json_open(w, "kept_by", '{');
        for (unsigned reason = 0; reason < _REASON_N; reason++)
                if (tally->reasons[reason] > 0)
                        write_uint(w, simulate_reason_name(reason), tally->reasons[reason]);
        json_close(w);
        json_write_int(w, "longest_wait_s",
                       (tally->longest_wait_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
        json_close(w);
}

static enum status write_by_day(struct json_writer *w, const struct simulate *simulate) {
        enum status status = STATUS_DONE;

        json_open(w, "by_day", '[');
        for (unsigned i = 0; i < simulate->n_days && status == STATUS_DONE; i++) {
                const struct simulate_day *day = &simulate->by_day[i];

                json_open(w, NULL, '{');
                json_write_int(w, "day", (int64_t)i + 1);
                json_write_utc(w, "from", day_begin(i));
                write_uint(w, "shortest", day->shortest);
                write_uint(w, "median", day->median);
                write_uint(w, "longest", day->longest);
                write_uint(w, "alive", day->alive);
                write_uint(w, "created", day->created);
                write_uint(w, "deleted", day->deleted);
                write_uint(w, "requests", day->requests);
                json_close(w);
                status = write_some(w->out);
        }
        json_close(w);
        return status;
}

static void write_requests(struct json_writer *w, const struct simulate *simulate) {
        struct service_counts counts = service_counts(simulate->service);
        uint64_t cycles = count_created(simulate), requests = network_requests(simulate->network);

        json_open(w, "requests", '{');
        write_uint(w, "total", requests);
        json_open(w, "by_kind", '{');
        for (enum service_request_kind kind = 0; kind < _SERVICE_REQUEST_KIND_N; kind++)
                if (counts.by_kind[kind] > 0)
                        write_uint(w, service_request_kind_name(kind), counts.by_kind[kind]);
        json_close(w);
        if (cycles > 0)
                json_write_decimal(w, "per_cycle", (double)requests / (double)cycles);
        else
                json_write_null(w, "per_cycle");
        json_open(w, "by_status", '{');
        for (size_t i = 0; i < ARRAY_SIZE(counts.by_status); i++) {
                char class[] = {(char)('0' + i), 'x', 'x', '\0'};

                if (counts.by_status[i] > 0)
                        write_uint(w, class, counts.by_status[i]);
        }
        json_close(w);
        write_uint(w, "repeated", counts.repeated);
        write_uint(w, "throttled", counts.throttled);
        write_uint(w, "faults", network_faults(simulate->network));
        json_close(w);
        json_open(w, "queue", '{');
        write_uint(w, "longest", simulate->most_waiting);
        json_write_utc(w, "longest_at",
                       simulate->most_waiting > 0 ? simulate->most_waiting_at : UTC_NONE);
        json_write_int(w, "longest_wait_s", longest_wait_s(simulate));
        write_uint(w, "most_in_flight", simulate->most_in_flight);
        json_close(w);
}

static void write_doubts(struct json_writer *w, const struct simulate *simulate) {
        const struct engine_counts *counts = engine_counts(simulate->engine);

        json_open(w, "doubts", '[');
        for (enum doubt doubt = 0; doubt < _DOUBT_N; doubt++) {
                if (counts->doubts_begun[doubt] == 0)
                        continue;
                json_open(w, NULL, '{');
                json_write_string(w, "doubt", doubt_name(doubt));
                write_uint(w, "begun", counts->doubts_begun[doubt]);
                write_uint(w, "ended", counts->doubts_ended[doubt]);
                json_write_utc(w, "first", simulate->doubts_first[doubt]);
                json_close(w);
        }
        json_close(w);
        json_open(w, "standing", '[');
        for (size_t i = 0; i < simulate->n_standing; i++) {
                const struct simulate_standing *one = &simulate->standing[i];

                json_open(w, NULL, '{');
                json_write_clean(w, "kind", one->kind);
                json_write_clean(w, "scope", one->scope);
                json_write_clean(w, "reason", one->reason);
                json_write_clean(w, "end", one->end);
                json_close(w);
        }
        json_close(w);
        write_uint(w, "answered", simulate->answered);
}

static void write_told(struct json_writer *w, const struct simulate *simulate) {
        json_open(w, "told", '[');
        for (size_t i = 0; i < simulate->n_told; i++) {
                const struct simulate_told *told = &simulate->told[i];

                json_open(w, NULL, '{');
                json_write_string(w, "level", log_level_name(told->level));
                json_write_clean(w, "reason", told->reason);
                write_uint(w, "count", told->count);
                json_write_utc(w, "first", told->first);
                json_write_clean(w, "message", told->message);
                json_close(w);
        }
        json_close(w);
}

static void write_limits(struct json_writer *w, const struct simulate *simulate) {
        json_open(w, "limits", '[');
        for (enum simulate_limit_kind kind = 0; kind < _LIMIT_N; kind++) {
                const struct simulate_limit *limit = &simulate->limits[kind];
                bool known = limit->when == LIMIT_MET || limit->when == LIMIT_AHEAD;

                json_open(w, NULL, '{');
                json_write_string(w, "name", simulate_limit_words[kind].name);
                write_uint(w, "limit", simulate_limit_words[kind].max);
                write_uint(w, "most", limit->most);
                json_write_string(w, "state", when_name(limit->when));
                if (known)
                        json_write_int(w, "day", day_of(limit->at));
                else
                        json_write_null(w, "day");
                json_write_utc(w, "at", known ? limit->at : UTC_NONE);
                json_write_utc(w, "not_before", limit->when == LIMIT_OPEN ? limit->at : UTC_NONE);
                if (known && kind < LIMIT_FIRST_BUDGET)
                        write_disk_id(w, "disk", simulate, limit->disk);
                else
                        json_write_null(w, "disk");
                json_close(w);
        }
        json_close(w);
}

enum status simulate_show_json(const struct simulate *simulate) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;
        struct json_writer w;

        json_begin(&w, &out);
        json_write_clean(&w, "file", simulate->path);
        json_write_bool(&w, "accepted", !simulate->refused);
        json_write_int(&w, "seed", simulate->seed);
        json_write_int(&w, "days", simulate->days);
        json_write_string(&w, "faults", simulate_faults_name(simulate->faults));
        json_write_utc(&w, "from", utc_from_seconds(SIMULATE_START));
        json_write_utc(&w, "to", simulate->end);
        write_disks(&w, simulate);
        json_open(&w, "policies", '[');
        for (size_t i = 0; i < simulate->file->n_policies; i++)
                write_policy(&w, simulate, i);
        json_close(&w);
        status = write_by_day(&w, simulate);
        if (status != STATUS_DONE)
                return status;
        write_requests(&w, simulate);
        write_doubts(&w, simulate);
        write_told(&w, simulate);
        write_limits(&w, simulate);
        json_end(&w);
        return write_out(&out);
}

/* Text. */

static enum status print_table(struct table *table, struct strbuf *out) {
        enum status status = table_print(table, out);

        table_deinit(table);
        return status;
}

static void print_head(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
        size_t n = count_subscriptions(simulate);

        append_clean(out, simulate->path, strlen(simulate->path));
        strbuf_appendf(out,
                       ": %u day%s from %s to %s, seed %lld, faults: %s\n%zu disk%s in %zu "
                       "subscription%s, without snapshots at the start\n\n",
                       simulate->days, simulate->days == 1 ? "" : "s",
                       time_text(utc_from_seconds(SIMULATE_START), in_utc, from),
                       time_text(simulate->end, in_utc, to), (long long)simulate->seed,
                       simulate_faults_name(simulate->faults), simulate->n_disks,
                       simulate->n_disks == 1 ? "" : "s", n, n == 1 ? "" : "s");
}

static void append_reasons(const struct simulate_policy *tally, struct strbuf *out) {
        for (unsigned reason = 0; reason < _REASON_N; reason++)
                if (tally->reasons[reason] > 0)
                        strbuf_appendf(out, "%s%s %llu", out->len > 0 ? ", " : "",
                                       simulate_reason_name(reason),
                                       (unsigned long long)tally->reasons[reason]);
}

static enum status print_policies(const struct simulate *simulate, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "POLICY", .may_cut = true}, {.title = "DISKS", .right = true},
                {.title = "SLOTS", .right = true},    {.title = "TAKEN", .right = true},
                {.title = "MISSED", .right = true},   {.title = "DELETED", .right = true},
                {.title = "ALIVE", .right = true},    {.title = "KEPT BY", .may_cut = true},
        };
        struct table table;

        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (size_t i = 0; i < simulate->file->n_policies; i++) {
                const struct simulate_policy *tally = &simulate->policies[i];
                _cleanup_(strbuf_deinit) struct strbuf reasons = {};

                append_reasons(tally, &reasons);
                table_cell(&table, "%s", simulate->file->policies[i].name);
                table_cell(&table, "%zu", tally->disks);
                table_cell(&table, "%llu", (unsigned long long)tally->slots);
                table_cell(&table, "%llu", (unsigned long long)tally->taken);
                table_cell(&table, "%llu", (unsigned long long)tally->missed);
                table_cell(&table, "%llu", (unsigned long long)tally->deleted);
                table_cell(&table, "%llu", (unsigned long long)tally->alive);
                table_cell(&table, "%s", reasons.len > 0 ? strbuf_str(&reasons) : "-");
        }
        return print_table(&table, out);
}

/* The @i-th of @n rows out of all days, the first and the last among them. */
static unsigned shown_day(const struct simulate *simulate, unsigned i, unsigned n) {
        return n < 2 ? 0 : (unsigned)((uint64_t)i * (simulate->n_days - 1) / (n - 1));
}

static enum status print_days(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "DAY", .right = true},      {.title = "FROM", .drop = 2},
                {.title = "SHORTEST", .right = true}, {.title = "MEDIAN", .right = true},
                {.title = "LONGEST", .right = true},  {.title = "LONGEST, OF 500", .drop = 1},
                {.title = "CREATED", .right = true},  {.title = "DELETED", .right = true},
        };
        unsigned n = MIN(simulate->n_days, (unsigned)DAYS_SHOWN);
        struct table table;

        strbuf_append_str(out, "\nThe chains of the disks, at the ends of days:\n");
        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (unsigned i = 0; i < n; i++) {
                unsigned number = shown_day(simulate, i, n);
                const struct simulate_day *day = &simulate->by_day[number];
                size_t bar = MIN((day->longest * BAR_WIDTH + CHAIN_MAX - 1) / CHAIN_MAX,
                                 (size_t)BAR_WIDTH);
                char from[TIME_TEXT_SIZE];

                table_cell(&table, "%u", number + 1);
                table_cell(&table, "%.10s", time_text(day_begin(number), /* in_utc= */ true, from));
                table_cell(&table, "%zu", day->shortest);
                table_cell(&table, "%zu", day->median);
                table_cell(&table, "%zu", day->longest);
                table_cell(&table, "%.*s", (int)bar, "########################");
                table_cell(&table, "%llu", (unsigned long long)day->created);
                table_cell(&table, "%llu", (unsigned long long)day->deleted);
        }
        return print_table(&table, out);
}

static void print_requests(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        struct service_counts counts = service_counts(simulate->service);
        uint64_t cycles = count_created(simulate), requests = network_requests(simulate->network);
        char at[TIME_TEXT_SIZE];
        bool begun = false;

        strbuf_appendf(out, "\n%llu requests", (unsigned long long)requests);
        if (cycles > 0)
                strbuf_appendf(out, ", %.2f for each snapshot", (double)requests / (double)cycles);
        strbuf_append_str(out, ":");
        for (enum service_request_kind kind = 0; kind < _SERVICE_REQUEST_KIND_N; kind++) {
                if (counts.by_kind[kind] == 0)
                        continue;
                strbuf_appendf(out, "%s %s %llu", begun ? "," : "", service_request_kind_name(kind),
                               (unsigned long long)counts.by_kind[kind]);
                begun = true;
        }
        strbuf_appendf(out, "\n%llu throttled, %llu with a fault, at most %zu at once\n",
                       (unsigned long long)counts.throttled,
                       (unsigned long long)network_faults(simulate->network),
                       simulate->most_in_flight);
        if (simulate->most_waiting == 0)
                return;
        strbuf_appendf(out,
                       "the longest queue: %zu snapshot%s due and not yet asked for, at %s; "
                       "the longest wait: ",
                       simulate->most_waiting, simulate->most_waiting == 1 ? "" : "s",
                       time_text(simulate->most_waiting_at, in_utc, at));
        duration_append(longest_wait_s(simulate), out);
        strbuf_append_char(out, '\n');
}

static void print_doubts(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        const struct engine_counts *counts = engine_counts(simulate->engine);
        bool any = false;

        for (enum doubt doubt = 0; doubt < _DOUBT_N; doubt++) {
                char first[TIME_TEXT_SIZE];

                if (counts->doubts_begun[doubt] == 0)
                        continue;
                strbuf_appendf(out, "%s  %s: begun %llu times, ended %llu times, first at %s\n",
                               any ? "" : "\nDoubts, which keep snapshots from being deleted:\n",
                               doubt_name(doubt), (unsigned long long)counts->doubts_begun[doubt],
                               (unsigned long long)counts->doubts_ended[doubt],
                               time_text(simulate->doubts_first[doubt], in_utc, first));
                any = true;
        }
        if (!any)
                strbuf_append_str(out, "\nNo doubt kept a snapshot from being deleted.\n");
        if (simulate->answered > 0)
                strbuf_appendf(out, "%llu question%s of prune: ask %s answered with yes.\n",
                               (unsigned long long)simulate->answered,
                               simulate->answered == 1 ? "" : "s",
                               simulate->answered == 1 ? "was" : "were");
        for (size_t i = 0; i < MIN(simulate->n_standing, (size_t)STANDING_SHOWN); i++) {
                const struct simulate_standing *one = &simulate->standing[i];

                strbuf_append_str(out, i == 0 ? "At the end there stand:\n" : "");
                strbuf_appendf(out, "  %s, %s: %s; %s\n", one->kind, one->scope, one->reason,
                               one->end);
        }
        if (simulate->n_standing > STANDING_SHOWN)
                strbuf_appendf(out, "  and %zu more\n", simulate->n_standing - STANDING_SHOWN);
}

static void print_told(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        for (size_t i = 0; i < simulate->n_told; i++) {
                const struct simulate_told *told = &simulate->told[i];
                char first[TIME_TEXT_SIZE];

                if (i == 0)
                        strbuf_append_str(out, "\nThe daemon would have logged:\n");
                strbuf_appendf(out,
                               "  %s %s, %llu time%s, first at %s: ", log_level_name(told->level),
                               told->reason, (unsigned long long)told->count,
                               told->count == 1 ? "" : "s", time_text(told->first, in_utc, first));
                append_clean(out, told->message, strlen(told->message));
                strbuf_append_char(out, '\n');
        }
        if (simulate->told_left_out > 0)
                strbuf_appendf(out, "  and %llu entries more\n",
                               (unsigned long long)simulate->told_left_out);
}

static enum status print_limits(const struct simulate *simulate, bool in_utc, struct strbuf *out) {
        static const struct column columns[] = {
                {.title = "LIMIT", .right = true},  {.title = "OF", .may_cut = true},
                {.title = "MOST", .right = true},   {.title = "FIRST MET"},
                {.title = "DISK", .may_cut = true},
        };
        struct table table;

        strbuf_append_str(out, "\nLimits, with the most that the run came to:\n");
        table_init(&table, columns, ARRAY_SIZE(columns), "");
        for (enum simulate_limit_kind kind = 0; kind < _LIMIT_N; kind++) {
                const struct simulate_limit *limit = &simulate->limits[kind];
                bool known = limit->when == LIMIT_MET || limit->when == LIMIT_AHEAD;
                char at[TIME_TEXT_SIZE];

                table_cell(&table, "%llu", (unsigned long long)simulate_limit_words[kind].max);
                table_cell(&table, "%s", simulate_limit_words[kind].text);
                table_cell(&table, "%llu", (unsigned long long)limit->most);
                if (known)
                        table_cell(&table, "day %u, %s%s", day_of(limit->at),
                                   time_text(limit->at, in_utc, at),
                                   limit->when == LIMIT_AHEAD ? ", if it goes on so" : "");
                else if (limit->when == LIMIT_NEVER)
                        table_cell(&table, "never");
                else
                        table_cell(&table, "not within %u days",
                                   day_of(utc_add_seconds(limit->at, -1)));
                table_cell(&table, "%s",
                           known && kind < LIMIT_FIRST_BUDGET ? simulate->disks[limit->disk].id.name
                                                              : "-");
        }
        return print_table(&table, out);
}

enum status simulate_show_text(const struct simulate *simulate, bool in_utc) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;

        print_head(simulate, in_utc, &out);
        status = print_policies(simulate, &out);
        if (status == STATUS_DONE)
                status = print_days(simulate, in_utc, &out);
        if (status != STATUS_DONE)
                return status;
        print_requests(simulate, in_utc, &out);
        print_doubts(simulate, in_utc, &out);
        print_told(simulate, in_utc, &out);
        status = print_limits(simulate, in_utc, &out);
        return status == STATUS_DONE ? write_out(&out) : status;
}
