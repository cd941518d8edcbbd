/*
 * snapkeepctl ack, pause, resume, reload: orders to the running daemon that need no look before.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/input.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/remote.h"

#include <string.h>

/* What was done, as @text or as JSON. */
static enum status say_done(const struct request *request, const char *text) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct json_writer w;

        if (request->json) {
                json_begin(&w, &out);
                json_write_bool(&w, "done", true);
                json_write_clean(&w, "text", text);
                json_end(&w);
        } else {
                append_clean(&out, text, strlen(text));
                strbuf_append_char(&out, '\n');
        }
        return write_out(&out);
}

/* Gives the order; once it is done, says so. */
static enum status order(const struct request *request, struct remote *remote,
                         enum manager_method method, const union bus_value *in, const char *text) {
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        enum status status;

        status = remote_call(remote, method, in, &answer);
        return status == STATUS_DONE ? say_done(request, text) : status;
}

static enum status simple_order(const struct request *request, enum manager_method method,
                                const union bus_value *in, const char *text) {
        _cleanup_(remote_close) struct remote remote = {};
        enum status status;

        status = remote_open(&remote);
        return status == STATUS_DONE ? order(request, &remote, method, in, text) : status;
}

/* ---- ack ---- */

static const struct cJSON *find_doubt(const struct cJSON *doubts, const char *hash) {
        const struct cJSON *doubt = json_first(json_array(doubts, "doubts"));

        while (doubt && strcmp(json_text(doubt, "hash"), hash) != 0)
                doubt = json_next(doubt);
        return doubt;
}

/* The doubt is looked up first, so that what was accepted can be said in words. */
static enum status run_ack(const struct request *request) {
        const union bus_value in[] = {{.string = request->argument}};
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        _cleanup_(remote_close) struct remote remote = {};
        _cleanup_(json_freep) struct cJSON *doubts = NULL;
        const struct cJSON *doubt;
        enum status status;

        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_list(&remote, MANAGER_LIST_DOUBTS, "doubts", &doubts);
        if (status != STATUS_DONE)
                return status;

        doubt = find_doubt(doubts, request->argument);
        if (doubt)
                strbuf_appendf(&text, "accepted: %s: %s", json_text(doubt, "scope"),
                               json_text(doubt, "reason"));
        else /* the daemon refuses it in its own words */
                strbuf_append_str(&text, "accepted");
        if (text.error)
                return say_errno("write the answer", text.error);
        return order(request, &remote, MANAGER_ACK, in, strbuf_str(&text));
}

const struct verb verb_ack = {
        .name = "ack",
        .usage = "HASH",
        .summary = "accept what a doubt or question asks",
        .help = "Accepts the doubt or question that \"snapkeepctl status\" shows with this\n"
                "hash, so that its deletions go on. A hash is of what is asked: with mass of\n"
                "so many deletions, with targets of so many disks, and when these grow it is\n"
                "another; with policy of the new rule, and with prune: ask of the first\n"
                "deletion of a policy, however many there are by now: \"snapkeepctl plan\"\n"
                "shows them. Of these doubts \"snapkeepctl apply\" accepts what was read and no\n"
                "more. No other can be accepted; no floor and no hold is lifted by it.\n",
        .argument = "HASH",
        .argument_required = true,
        .orders = true,
        .run = run_ack,
};

/* ---- pause, resume ---- */

/* A pause is of all, and comes before what is of one disk: on the first page. */
static enum status first_doubts(struct remote *remote, struct cJSON **ret_doubts) {
        static const union bus_value page[] = {{.number = 0}, {.number = 0}};

        return remote_json(remote, MANAGER_LIST_DOUBTS, page, ret_doubts);
}

/* What else is to be known of the pauses that stand: that for a state which could not be read stands beside another,
 * and one that could not be written ends with a restart. Both are about the state. */
static void append_pauses(const struct cJSON *doubts, struct strbuf *out) {
        const struct cJSON *doubt = json_first(json_array(doubts, "doubts"));

        for (; doubt; doubt = json_next(doubt))
                if (strstr(json_text(doubt, "doubt"), "paused") &&
                    strstr(json_text(doubt, "reason"), "state"))
                        strbuf_appendf(out, "; %s", json_text(doubt, "reason"));
}

static enum status run_pause(const struct request *request) {
        union bus_value in[] = {{.boolean = !request->prune}, {.number = 0}};
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        _cleanup_(json_freep) struct cJSON *doubts = NULL;
        _cleanup_(remote_close) struct remote remote = {};
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        char until_text[TIME_TEXT_SIZE];
        enum status status;
        struct utc until;

        strbuf_append_str(&text, request->prune ? "no deletions" : "no snapshots and no deletions");
        if (request->until) {
                status = time_option("--until", request->until, &until);
                if (status != STATUS_DONE)
                        return status;
                if (until.ticks <= clock_now().ticks) {
                        say("--until %s has passed already", request->until);
                        return STATUS_USAGE;
                }
                in[1].number = (uint64_t)(until.ticks / (TICKS_PER_SEC / 1000000));
                strbuf_appendf(&text, " until %s", time_text(until, request->utc, until_text));
        } else
                strbuf_append_str(&text, " until \"snapkeepctl resume\"");
        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_call(&remote, MANAGER_PAUSE, in, &answer);
        if (status == STATUS_DONE)
                status = first_doubts(&remote, &doubts);
        if (status != STATUS_DONE)
                return status;
        append_pauses(doubts, &text);
        if (text.error)
                return say_errno("write the answer", text.error);
        return say_done(request, strbuf_str(&text));
}

const struct verb verb_pause = {
        .name = "pause",
        .usage = "[--prune] [--until TIME]",
        .summary = "let the daemon create and delete nothing",
        .help = "Lets the daemon create and delete nothing, until \"snapkeepctl resume\" or the\n"
                "instant of --until; with --prune delete nothing. What is under way in Azure\n"
                "goes on. A pause outlives restarts, and status warns while it lasts. A\n"
                "second pause takes the place of the first; but deletions that were paused\n"
                "until resume stay so when a pause of everything is over, and those that the\n"
                "daemon has paused for a state that it could not read wait for resume,\n"
                "whatever pauses come and go.\n",
        .options = OPTION_PRUNE | OPTION_UNTIL,
        .orders = true,
        .run = run_pause,
};

static bool is_paused(const struct cJSON *doubts) {
        const struct cJSON *doubt = json_first(json_array(doubts, "doubts"));

        while (doubt && !strstr(json_text(doubt, "doubt"), "paused"))
                doubt = json_next(doubt);
        return doubt;
}

/* The daemon's answer is the same where there is nothing to end. */
static enum status run_resume(const struct request *request) {
        _cleanup_(remote_close) struct remote remote = {};
        _cleanup_(json_freep) struct cJSON *doubts = NULL;
        enum status status;

        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = first_doubts(&remote, &doubts);
        return status == STATUS_DONE
                       ? order(request, &remote, MANAGER_RESUME, /* in= */ NULL,
                               is_paused(doubts) ? "the pause is over" : "there was no pause")
                       : status;
}

const struct verb verb_resume = {
        .name = "resume",
        .usage = "",
        .summary = "end a pause",
        .help = "Ends a pause. Of the slots missed in it the newest is caught up with, where\n"
                "the policy says so.\n",
        .orders = true,
        .run = run_resume,
};

/* ---- reload ---- */

static enum status run_reload(const struct request *request) {
        return simple_order(request, MANAGER_RELOAD, /* in= */ NULL, "the policy was reloaded");
}

const struct verb verb_reload = {
        .name = "reload",
        .usage = "",
        .summary = "let the daemon read its policy again",
        .help = "Lets the daemon read its policy file again, and waits until it is in force.\n"
                "A wrong one is refused with its first error, and the old one stays in force;\n"
                "the journal has all errors.\n",
        .orders = true,
        .run = run_reload,
};
