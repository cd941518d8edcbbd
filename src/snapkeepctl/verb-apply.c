/*
 * snapkeepctl apply: lets the daemon do the deletions of a plan that was read and agreed to.
 */
#include "base/json_writer.h"
#include "base/str.h"
#include "core/planner.h"
#include "runtime/file.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/plan-show.h"
#include "snapkeepctl/remote.h"

#include <string.h>

/* Chosen: a plan of some ten thousand actions; json.h's own ceiling. */
#define PLAN_FILE_MAX JSON_DOCUMENT_MAX

static bool is_hash(const char *text) {
        return strlen(text) == PLAN_HASH_SIZE - 1 &&
               strspn(text, "0123456789abcdef") == PLAN_HASH_SIZE - 1;
}

static enum status read_plan(const char *path, struct cJSON **ret_plan) {
        _cleanup_(freep) char *bytes = NULL;
        enum status status;
        size_t len;
        int r;

        r = file_read(path, PLAN_FILE_MAX, &bytes, &len);
        if (r != 0) {
                say("%s: %s", path, file_error_text(r));
                return STATUS_USAGE;
        }
        /* A NUL ends it here, and what is before it then is no whole document. */
        status = json_read(bytes, path, ret_plan);
        if (status == STATUS_DONE && !is_hash(json_text(*ret_plan, "hash"))) {
                say("%s is no plan: \"snapkeepctl plan -o FILE\" writes one", path);
                status = STATUS_USAGE;
        }
        return status == STATUS_TROUBLE ? STATUS_USAGE : status;
}

static enum status refuse_changed(const char *path, const struct cJSON *theirs,
                                  const struct cJSON *ours) {
        size_t creates, deletes, new_creates, new_deletes, blocked;

        plan_count(theirs, "create", &creates, &blocked);
        plan_count(theirs, "delete", &deletes, &blocked);
        plan_count(ours, "create", &new_creates, &blocked);
        plan_count(ours, "delete", &new_deletes, &blocked);
        say("the plan has changed since %s was written, from %zu creates and %zu deletes to %zu "
            "and "
            "%zu: nothing was done. Write it again by \"snapkeepctl plan -o FILE\" and read it.",
            path, creates, deletes, new_creates, new_deletes);
        return STATUS_TROUBLE;
}

/*
 * Whether the file has the actions that its hash stands for. Who takes a line out of it means that this is not
 * to be done, and the daemon, which hears of the hash alone, would do it.
 */
static bool is_whole(const struct cJSON *theirs, const struct cJSON *ours) {
        const struct cJSON *a = json_first(json_array(theirs, "actions"));
        const struct cJSON *b = json_first(json_array(ours, "actions"));

        for (; a && b; a = json_next(a), b = json_next(b))
                if (strcmp(json_text(a, "do"), json_text(b, "do")) != 0 ||
                    !str_equal_nocase(json_text(a, "snapshot"), json_text(b, "snapshot")))
                        return false;
        return !a && !b;
}

static enum status refuse_edited(const char *path) {
        say("%s was edited: its actions are not those that its hash stands for, and a plan is "
            "accepted as a whole. Nothing was done. \"snapkeepctl hold\" keeps a snapshot.",
            path);
        return STATUS_USAGE;
}

static bool is_ackable(const char *blocked) {
        static const char *const ackable[] = {"policy", "mass", "targets"};

        for (size_t i = 0; i < ARRAY_SIZE(ackable); i++)
                if (strcmp(blocked, ackable[i]) == 0)
                        return true;
        return false;
}

static bool is_among(const struct cJSON *blocked, const char *name) {
        for (; blocked; blocked = json_next(blocked))
                if (strcmp(json_value_text(blocked), name) == 0)
                        return true;
        return false;
}

/* What apply would lift of a deletion that the file, which has the same actions, does not say is held back by it:
 * it began since, and who read the file has not read of it. NULL: there is none. */
static const char *later_doubt(const struct cJSON *theirs, const struct cJSON *ours) {
        const struct cJSON *a = json_first(json_array(theirs, "actions"));
        const struct cJSON *b = json_first(json_array(ours, "actions"));

        for (; a && b; a = json_next(a), b = json_next(b)) {
                const struct cJSON *known = json_first(json_array(a, "blocked"));
                const struct cJSON *blocked = json_first(json_array(b, "blocked"));

                for (; blocked; blocked = json_next(blocked))
                        if (is_ackable(json_value_text(blocked)) &&
                            !is_among(known, json_value_text(blocked)))
                                return json_value_text(blocked);
        }
        return NULL;
}

static enum status refuse_later(const char *path, const char *doubt) {
        say("the doubt %s began since %s was written: nothing was done. Write it again by "
            "\"snapkeepctl plan -o FILE\" and read it.",
            doubt, path);
        return STATUS_TROUBLE;
}

/* Whether apply accepts anything of the action. Appends what holds it back all the same, until that ends. */
static bool is_accepted(const struct cJSON *action, struct strbuf *rest) {
        const struct cJSON *blocked = json_first(json_array(action, "blocked"));
        bool accepted = false;

        if (strcmp(json_text(action, "do"), "delete") != 0)
                return false;
        for (; blocked; blocked = json_next(blocked)) {
                if (is_ackable(json_value_text(blocked)))
                        accepted = true;
                else
                        strbuf_appendf(rest, "%s%s", rest->len > 0 ? ", " : "",
                                       json_value_text(blocked));
        }
        return accepted;
}

/* The daemon's sentence, of the plan before it was accepted, with what still holds the action back. */
static void append_sentence(struct strbuf *out, const char *text, const struct strbuf *rest) {
        static const char held_back[] = "; not now, held back by: ";
        const char *end = strstr(text, held_back) ?: strchr(text, '\0');

        strbuf_append(out, text, (size_t)(end - text));
        if (rest->len > 0)
                strbuf_appendf(out, "%s%s", held_back, strbuf_str(rest));
        if (rest->error)
                out->error = rest->error;
}

static void write_accepted(struct json_writer *w, const struct cJSON *action,
                           const struct strbuf *sentence) {
        static const char *const without[] = {"text", NULL};

        json_open(w, NULL, '{');
        json_copy_members(w, action, without);
        json_write_clean(w, "text", strbuf_str(sentence));
        json_close(w);
}

static size_t append_accepted(const struct cJSON *plan, struct strbuf *out, struct json_writer *w) {
        const struct cJSON *action;
        size_t n = 0;

        for (action = json_first(json_array(plan, "actions")); action; action = json_next(action)) {
                _cleanup_(strbuf_deinit) struct strbuf rest = {}, sentence = {};

                if (!is_accepted(action, &rest))
                        continue;
                n++;
                append_sentence(&sentence, json_text(action, "text"), &rest);
                if (w)
                        write_accepted(w, action, &sentence);
                else {
                        strbuf_append_str(out, "  ");
                        append_clean(out, strbuf_str(&sentence), sentence.len);
                        strbuf_append_char(out, '\n');
                }
                if (sentence.error)
                        out->error = sentence.error;
        }
        return n;
}

/* What was accepted, in the daemon's own words. */
static enum status show(const struct request *request, const struct cJSON *plan) {
        _cleanup_(strbuf_deinit) struct strbuf list = {}, out = {};
        struct json_writer w;
        size_t n;

        if (request->json) {
                json_begin(&w, &out);
                json_write_clean(&w, "hash", json_text(plan, "hash"));
                json_open(&w, "accepted", '[');
                append_accepted(plan, &out, &w);
                json_close(&w);
                json_end(&w);
                return write_out(&out);
        }
        n = append_accepted(plan, &list, NULL);
        if (n == 0)
                strbuf_append_str(&out, "Nothing in this plan is held back by the doubts policy, "
                                        "mass or targets: there is nothing to accept.\n");
        else
                strbuf_appendf(&out, "%zu deletion%s accepted, once:\n%s", n, n == 1 ? "" : "s",
                               strbuf_str(&list));
        out.error = out.error ?: list.error;
        return write_out(&out);
}

static enum status run(const struct request *request) {
        _cleanup_(json_freep) struct cJSON *theirs = NULL, *ours = NULL;
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        _cleanup_(remote_close) struct remote remote = {};
        union bus_value in[1];
        enum status status;
        const char *later;

        status = read_plan(request->argument, &theirs);
        if (status == STATUS_DONE)
                status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_list(&remote, MANAGER_PLAN, "actions", &ours);
        if (status != STATUS_DONE)
                return status;
        if (strcmp(json_text(theirs, "hash"), json_text(ours, "hash")) != 0)
                return refuse_changed(request->argument, theirs, ours);
        if (!is_whole(theirs, ours))
                return refuse_edited(request->argument);
        later = later_doubt(theirs, ours);
        if (later)
                return refuse_later(request->argument, later);

        /* The daemon compares the hash once more: between these two calls the plan may change. */
        in[0].string = json_text(theirs, "hash");
        status = remote_call(&remote, MANAGER_APPLY, in, &answer);
        return status == STATUS_DONE ? show(request, ours) : status;
}

const struct verb verb_apply = {
        .name = "apply",
        .usage = "FILE",
        .summary = "let the daemon do the deletions of a plan that was read",
        .help = "Reads a file of \"snapkeepctl plan -o FILE\" and lets the daemon do those of\n"
                "its deletions that the doubts policy, mass and targets hold back, once, and\n"
                "says which they are. It refuses when the plan is another by now, or one of\n"
                "these doubts has begun since, or the file was edited: a plan is accepted as\n"
                "a whole. No floor, no hold and no other doubt is lifted by it; creates, and\n"
                "deletions that nothing holds back, the daemon does by itself.\n",
        .argument = "FILE",
        .argument_required = true,
        .orders = true,
        .run = run,
};
