/*
 * snapkeepctl calendar: when a calendar event elapses. Made for scripts: an instant a line.
 */
#include "base/json_writer.h"
#include "base/str.h"
#include "core/calendar.h"
#include "snapkeepctl/input.h"
#include "snapkeepctl/output.h"

#include <string.h>

#define COUNT_DEFAULT 5
/* Chosen: every minute of two years. */
#define COUNT_MAX 1000000

struct question {
        struct calendar *calendar;
        struct zone *zone;  /* of --timezone; NULL is UTC */
        struct zone *bound; /* of the expression itself, or NULL */
        struct utc from;
        uint64_t count;
};

static void question_deinit(struct question *q) {
        calendar_free(q->calendar);
        zone_free(q->bound);
        zone_free(q->zone);
}

static enum status read_expression(const char *text, struct question *q) {
        const char *problem, *name;
        enum status status;
        size_t position;
        int r;

        r = calendar_parse(text, strlen(text), &q->calendar, &position, &problem);
        if (r < 0)
                return say_errno("read the calendar event", r);
        if (r > 0) {
                say_at("calendar event", text, position, problem);
                return STATUS_USAGE;
        }

        name = calendar_zone_name(q->calendar);
        status = zone_load(name, &q->bound, &problem);
        if (status == STATUS_USAGE) {
                _cleanup_(strbuf_deinit) struct strbuf message = {};

                strbuf_appendf(&message, "the time zone %s", problem);
                say_at("calendar event", text, calendar_zone_position(q->calendar),
                       strbuf_str(&message));
        }
        if (status != STATUS_DONE)
                return status;
        if (q->bound)
                calendar_bind_zone(q->calendar, q->bound);

        if (!calendar_elapses(q->calendar)) {
                say_at("calendar event", text, 0, "it never comes: there is no such date");
                return STATUS_USAGE;
        }
        return STATUS_DONE;
}

static enum status read_question(const struct request *request, struct question *q) {
        enum status status;

        q->count = COUNT_DEFAULT;
        if (request->count &&
            (str_parse_u64(request->count, strlen(request->count), COUNT_MAX, &q->count) < 0 ||
             q->count == 0)) {
                say_at("--count", request->count, 0,
                       "a whole number from 1 to 1000000 is expected");
                return STATUS_USAGE;
        }
        status = time_option("--from", request->from, &q->from);
        if (status == STATUS_DONE)
                status = zone_option(request->timezone, &q->zone);
        if (status == STATUS_DONE)
                status = read_expression(request->argument, q);
        return status;
}

static void begin_json(struct json_writer *w, struct strbuf *out, const struct question *q) {
        _cleanup_(strbuf_deinit) struct strbuf normal = {};

        calendar_format(q->calendar, &normal);
        if (normal.error)
                out->error = normal.error;
        json_begin(w, out);
        json_write_string(w, "expression", strbuf_str(&normal));
        json_write_string(w, "timezone", calendar_zone_name(q->calendar) ?: zone_name(q->zone));
        json_open(w, "instants", '[');
}

static enum status run(const struct request *request) {
        _cleanup_(question_deinit) struct question q = {};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct json_writer w;
        enum status status;
        uint64_t n = 0;
        struct utc at;

        status = read_question(request, &q);
        if (status != STATUS_DONE)
                return status;

        if (request->json)
                begin_json(&w, &out, &q);
        at = q.from;
        while (n < q.count && status == STATUS_DONE && calendar_next(q.calendar, q.zone, at, &at)) {
                char text[UTC_TEXT_SIZE];

                n++;
                if (request->json)
                        json_write_utc(&w, NULL, at);
                else
                        strbuf_appendf(&out, "%s\n", utc_format(at, text));
                status = write_some(&out);
        }
        if (request->json) {
                json_close(&w);
                json_end(&w);
        }
        if (status == STATUS_DONE)
                status = write_out(&out);
        if (status != STATUS_DONE || n == q.count)
                return status;

        if (n == 0)
                say("calendar: the event never elapses again after that instant");
        else
                say("calendar: the event elapses only %llu more time%s after that instant",
                    (unsigned long long)n, n == 1 ? "" : "s");
        return STATUS_TROUBLE;
}

const struct verb verb_calendar = {
        .name = "calendar",
        .usage = "EXPR [--timezone ZONE] [--from TIME] [--count N]",
        .summary = "print when a calendar event elapses",
        .help = "Prints the next instants of a calendar event of systemd.time(7), such as\n"
                "\"Mon..Fri 02:30\": one RFC 3339 instant in UTC a line, and nothing else. A\n"
                "zone at the end of the expression is used in place of --timezone. An\n"
                "expression with blanks needs quotes.\n"
                "\n"
                "At a clock change a time that is skipped elapses when the clocks have gone\n"
                "on; one that comes twice elapses twice when the hour is '*', and once\n"
                "otherwise.\n"
                "\n"
                "When there are fewer instants than asked for, those are printed and the exit\n"
                "status is 1.\n",
        .options = OPTION_TIMEZONE | OPTION_FROM | OPTION_COUNT,
        .argument = "EXPR",
        .argument_required = true,
        .run = run,
};
