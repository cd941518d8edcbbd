/*
 * snapkeepctl retain: the rule of a policy, run over instants on stdin. Made for scripts, and to try a
 * rule out before a policy has it.
 */
#include "base/array.h"
#include "base/json_writer.h"
#include "core/retention.h"
#include "snapkeepctl/input.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Chosen: beyond any chain (500) and any year of minutes (525,600), and small in memory. */
#define POINTS_MAX 1000000
#define LINES_MAX 1000000
#define LINE_MAX_BYTES 4096

struct input {
        struct retention_point *points;
        size_t n, capacity;
        size_t line; /* the one under way, from 1 */
        size_t used;
        char text[LINE_MAX_BYTES];
};

struct question {
        struct keep keep;
        struct zone *zone; /* NULL is UTC */
        struct utc now;
        struct input input;
        struct verdict *verdicts; /* of the points of the input */
};

static void question_deinit(struct question *q) {
        zone_free(q->zone);
        free(q->input.points);
        free(q->verdicts);
}

static enum status refuse_line(const struct input *input, size_t column, const char *message) {
        say("standard input:%zu:%zu: error: %s", input->line, column + 1, message);
        return STATUS_USAGE;
}

/* The line that is in input->text. Blanks around the instant do not count; nor does a line of blanks
 * alone, or one that begins with '#'. */
static enum status take_line(struct input *input) {
        size_t begin = 0, end = input->used, fault;
        struct utc instant;
        int r;

        while (end > 0 && strchr(" \t\r", input->text[end - 1]) && input->text[end - 1])
                end--;
        while (begin < end && (input->text[begin] == ' ' || input->text[begin] == '\t'))
                begin++;
        if (begin == end || input->text[begin] == '#')
                return STATUS_DONE;

        if (utc_parse(input->text + begin, end - begin, &instant) < 0) {
                fault = time_fault(input->text + begin, end - begin);
                if (fault == end - begin && fault >= 20)
                        return refuse_line(input, begin,
                                           "there is no such instant within the years 1 to 9999");
                return refuse_line(input, begin + fault,
                                   "not an RFC 3339 instant such as 2026-11-23T02:30:00Z");
        }

        r = array_grow(&input->points, input->n, &input->capacity, sizeof(*input->points),
                       POINTS_MAX);
        if (r < 0)
                return say_errno("hold the instants", r);
        input->points[input->n++] = (struct retention_point){
                .slot = utc_from_seconds(utc_seconds(instant)),
                .instant = instant,
                .state = POINT_COMPLETE,
        };
        return STATUS_DONE;
}

static enum status take_bytes(struct input *input, const char *bytes, size_t len) {
        while (len > 0) {
                const char *end = memchr(bytes, '\n', len);
                size_t part = end ? (size_t)(end - bytes) : len;
                enum status status;

                if (input->line > LINES_MAX)
                        return refuse_line(input, 0, "more than 1000000 lines");
                if (part > sizeof(input->text) - input->used)
                        return refuse_line(input, sizeof(input->text),
                                           "the line is longer than 4096 bytes");
                memcpy(input->text + input->used, bytes, part);
                input->used += part;
                if (!end)
                        return STATUS_DONE;

                status = take_line(input);
                if (status != STATUS_DONE)
                        return status;
                input->line++;
                input->used = 0;
                bytes += part + 1;
                len -= part + 1;
        }
        return STATUS_DONE;
}

static enum status read_input(struct input *input) {
        char bytes[16384];
        enum status status;

        input->line = 1;
        for (;;) {
                ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return say_errno("read standard input", -errno);
                if (n == 0)
                        return take_line(input);
                status = take_bytes(input, bytes, (size_t)n);
                if (status != STATUS_DONE)
                        return status;
        }
}

static enum status read_question(const struct request *request, struct question *q) {
        enum status status;
        size_t at;
        int r;

        if (!request->keep) {
                say("retain needs --keep SPEC, such as --keep last=6,daily=30");
                return STATUS_USAGE;
        }
        r = keep_parse(request->keep, strlen(request->keep), &q->keep, &at);
        if (r != 0) {
                say_at("--keep", request->keep, at, keep_problem(r));
                return STATUS_USAGE;
        }
        if (request->pick && strcmp(request->pick, "last") == 0)
                q->keep.pick = PICK_LAST;
        else if (request->pick && strcmp(request->pick, "first") != 0) {
                say("--pick %s: it is first or last", request->pick);
                return STATUS_USAGE;
        }
        status = zone_option(request->timezone, &q->zone);
        if (status == STATUS_DONE)
                status = time_option("--now", request->now, &q->now);
        if (status == STATUS_DONE)
                status = read_input(&q->input);
        return status;
}

static int compare_points(const void *a, const void *b) {
        const struct retention_point *x = a, *y = b;

        return CMP(y->instant.ticks, x->instant.ticks);
}

/* Newest first, each once: of one that came twice a script that goes by what is printed would be told to
 * drop what it is told to keep. */
static void sort_points(struct input *input) {
        size_t n = 0;

        if (input->n > 0)
                qsort(input->points, input->n, sizeof(*input->points), compare_points);
        for (size_t i = 0; i < input->n; i++)
                if (n == 0 || input->points[i].instant.ticks != input->points[n - 1].instant.ticks)
                        input->points[n++] = input->points[i];
        input->n = n;
}

static int judge(struct question *q) {
        struct input *input = &q->input;

        sort_points(input);
        q->verdicts = calloc(input->n + 1, sizeof(*q->verdicts));
        if (!q->verdicts)
                return -ENOMEM;
        return retention_judge(input->points, input->n, &q->keep, q->zone, /* floors= */ NULL,
                               q->now, q->verdicts);
}

static enum status print_lines(const struct question *q) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status = STATUS_DONE;

        for (size_t i = 0; i < q->input.n && status == STATUS_DONE; i++) {
                const struct verdict *verdict = &q->verdicts[i];
                char text[UTC_TEXT_SIZE];

                strbuf_appendf(&out, "%s %s", verdict->kept_by == 0 ? "drop" : "keep",
                               utc_format(q->input.points[i].instant, text));
                if (verdict->kept_by != 0) {
                        strbuf_append_char(&out, ' ');
                        verdict_append(verdict, &q->keep, &out);
                }
                strbuf_append_char(&out, '\n');
                status = write_some(&out);
        }
        return status == STATUS_DONE ? write_out(&out) : status;
}

static enum status print_json(const struct question *q) {
        _cleanup_(strbuf_deinit) struct strbuf out = {}, rule = {};
        enum status status = STATUS_DONE;
        struct json_writer w;

        keep_append(&q->keep, zone_name(q->zone), &rule);
        json_begin(&w, &out);
        json_write_string(&w, "keep", strbuf_str(&rule));
        json_write_utc(&w, "now", q->now);
        json_open(&w, "instants", '[');
        for (size_t i = 0; i < q->input.n && status == STATUS_DONE; i++) {
                const struct verdict *verdict = &q->verdicts[i];

                json_open(&w, NULL, '{');
                json_write_utc(&w, "instant", q->input.points[i].instant);
                json_write_bool(&w, "keep", verdict->kept_by != 0);
                json_open(&w, "reasons", '[');
                if (verdict->kept_by != 0) {
                        strbuf_clear(&rule);
                        verdict_append(verdict, &q->keep, &rule);
                        json_write_parts(&w, &rule);
                }
                json_close(&w);
                json_close(&w);
                status = write_some(&out);
        }
        json_close(&w);
        json_end(&w);
        return status == STATUS_DONE ? write_out(&out) : status;
}

static enum status run(const struct request *request) {
        _cleanup_(question_deinit) struct question q = {};
        enum status status;
        int r;

        status = read_question(request, &q);
        if (status != STATUS_DONE)
                return status;
        r = judge(&q);
        if (r < 0)
                return say_errno("judge the instants", r);
        return request->json ? print_json(&q) : print_lines(&q);
}

const struct verb verb_retain = {
        .name = "retain",
        .usage = "--keep SPEC [--pick first|last] [--timezone ZONE]\n"
                 "                          [--now TIME]",
        .summary = "try a keep rule on instants from standard input",
        .help = "Reads RFC 3339 instants from standard input, one a line, and prints for\n"
                "each, the newest first, \"keep INSTANT REASON, ...\" or \"drop INSTANT\".\n"
                "Instants are printed in UTC; each stands for one complete snapshot of that\n"
                "slot. Blank lines, and lines that begin with '#', do not count; nor do\n"
                "blanks around an instant. One that comes twice counts and is printed once.\n"
                "\n"
                "SPEC is rules with commas between: last, hourly, daily, weekly, monthly,\n"
                "yearly with a count, and within with a duration: last=6,daily=30,within=2d.\n"
                "Floors (min_keep, min_age) are not applied. What is later than --now is kept\n"
                "as dated in the future and counts for nothing.\n"
                "\n"
                "At most 1000000 lines of 4096 bytes. After wrong input nothing is printed.\n",
        .options = OPTION_KEEP | OPTION_PICK | OPTION_TIMEZONE | OPTION_NOW,
        .run = run,
};
