/*
 * snapkeepctl plan: what would be created and deleted now, and why. Nothing is done.
 */
#include "base/json_writer.h"
#include "runtime/file.h"
#include "snapkeepctl/asked.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/plan-show.h"

#include <string.h>
#include <sys/stat.h>

/* The new file is renamed into its place. As root, who gives orders, that would take away /dev/null or
 * /dev/stdout from everybody. */
static bool is_replaceable(const char *path) {
        struct stat st;

        return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

/* A file for "apply": what a person reads there is what the hash stands for. */
static enum status write_file(const struct request *request, const struct cJSON *plan) {
        _cleanup_(strbuf_deinit) struct strbuf bytes = {}, out = {};
        size_t creates, deletes, blocked, blocked_deletes;
        struct json_writer w = {.out = &bytes, .pretty = true};
        int r;

        if (!*json_text(plan, "hash")) {
                say("not every subscription was read yet, and what is not known cannot be applied: "
                    "%s is not written",
                    request->output);
                return STATUS_TROUBLE;
        }
        if (!is_replaceable(request->output)) {
                say("cannot write %s: it is there, and is no regular file; without -o the plan "
                    "goes to standard output, with --json as JSON",
                    request->output);
                return STATUS_TROUBLE;
        }
        json_open(&w, NULL, '{');
        json_write_int(&w, "version", 1);
        plan_write(plan, &w);
        json_close(&w);
        r = bytes.error ?: file_replace(request->output, strbuf_str(&bytes), bytes.len, 0644, true);
        if (r < 0) {
                say("cannot write %s: %s", request->output, strerrordesc_np(-r) ?: "error");
                return STATUS_TROUBLE;
        }

        plan_count(plan, "create", &creates, &blocked);
        plan_count(plan, "delete", &deletes, &blocked_deletes);
        if (request->json) {
                json_begin(&w, &out);
                json_write_clean(&w, "file", request->output);
                json_write_clean(&w, "hash", json_text(plan, "hash"));
                json_write_int(&w, "creates", (int64_t)creates);
                json_write_int(&w, "deletes", (int64_t)deletes);
                json_write_int(&w, "deletes_held_back", (int64_t)blocked_deletes);
                json_end(&w);
                return write_out(&out);
        }
        strbuf_appendf(&out, "%zu to create, %zu to delete, of which %zu held back, hash ", creates,
                       deletes, blocked_deletes);
        append_clean(&out, json_text(plan, "hash"), strlen(json_text(plan, "hash")));
        strbuf_append_char(&out, '\n');
        return write_out(&out);
}

static enum status show(const struct request *request, const struct cJSON *plan) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status = STATUS_DONE;
        struct json_writer w;

        if (request->output)
                return write_file(request, plan);
        if (request->json) {
                json_begin(&w, &out);
                plan_write(plan, &w);
                json_end(&w);
        } else
                status = plan_append(plan, request->utc, &out);
        return status == STATUS_DONE ? write_out(&out) : status;
}

static enum status ask(const struct request *request, struct asked *asked) {
        _cleanup_(json_freep) struct cJSON *plan = NULL;
        enum status status;

        status = asked_open(request, asked);
        if (status == STATUS_DONE)
                status = asked_list(asked, MANAGER_PLAN, "actions", &plan);
        /* Where nothing was read, "nothing" is no answer. */
        if (status == STATUS_DONE && (request->json || request->output || !asked_is_blind(plan)))
                status = show(request, plan);
        return status == STATUS_DONE ? asked_end(asked, plan) : status;
}

static enum status run(const struct request *request) {
        struct asked asked = {};
        enum status status;

        status = ask(request, &asked);
        asked_close(&asked);
        return status;
}

const struct verb verb_plan = {
        .name = "plan",
        .usage = "[-o FILE] [--direct [--policy FILE]]",
        .summary = "show what would be created and deleted now, and do nothing",
        .help = "Shows the plan of the running daemon, or with --direct reads Azure once from\n"
                "here and shows the plan that the daemon would make of it: the snapshots to\n"
                "create, then those to delete, each with its reason and with what holds it\n"
                "back; and what an operator should know beside. Nothing is done. The daemon\n"
                "reads each snapshot again before it deletes it. On a narrow terminal the\n"
                "snapshot's name, never cut, is a line under its row.\n"
                "\n"
                "With -o the plan goes into a file, as JSON, with its hash and a sentence for\n"
                "each action: for people to read and for \"snapkeepctl apply\".\n",
        .options = OPTION_POLICY | OPTION_DIRECT | OPTION_OUTPUT,
        .run = run,
};
