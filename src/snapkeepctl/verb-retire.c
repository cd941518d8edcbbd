/*
 * snapkeepctl retire: deletes the series of a generation that nothing selects, to their end.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/remote.h"

#include <string.h>

static enum status show(const struct request *request, const struct bus_answer *plan) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        unsigned long long n = plan->number;
        struct json_writer w;

        if (request->json) {
                json_begin(&w, &out);
                json_write_clean(&w, "generation", request->argument);
                json_write_int(&w, "snapshots", (int64_t)plan->number);
                json_write_clean(&w, "hash", plan->text);
                json_write_bool(&w, "retired", request->hash);
                json_end(&w);
                return write_out(&out);
        }
        if (request->hash)
                strbuf_appendf(&out, "retired: %llu snapshot%s of generation ", n,
                               n == 1 ? "" : "s");
        else
                strbuf_appendf(&out,
                               "%llu snapshot%s would go, to the last one that no policy and "
                               "target select, of generation ",
                               n, n == 1 ? "" : "s");
        append_clean(&out, request->argument, strlen(request->argument));
        strbuf_append_str(&out, request->hash
                                        ? "; they are deleted one after the other, each read again "
                                          "before.\nHeld ones stay, and what a policy and target "
                                          "select.\nThey are shown until Azure is listed again.\n"
                                        : "\n\"snapkeepctl list --unclaimed\" shows what is "
                                          "in it. Nothing was done; this does it:\n"
                                          "  snapkeepctl retire ");
        if (!request->hash) {
                append_clean(&out, request->argument, strlen(request->argument));
                strbuf_append_str(&out, " --hash ");
                append_clean(&out, plan->text, strlen(plan->text));
                strbuf_append_char(&out, '\n');
        }
        return write_out(&out);
}

static enum status run(const struct request *request) {
        const union bus_value in[] = {{.string = request->argument}, {.string = request->hash}};
        _cleanup_(bus_answer_deinit) struct bus_answer plan = {}, done = {};
        _cleanup_(remote_close) struct remote remote = {};
        enum status status;

        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_call(&remote, MANAGER_RETIRE_PLAN, in, &plan);
        /* The daemon compares the hash: with it what is deleted is what was shown. */
        if (status == STATUS_DONE && request->hash)
                status = remote_call(&remote, MANAGER_RETIRE, in, &done);
        return status == STATUS_DONE ? show(request, &plan) : status;
}

const struct verb verb_retire = {
        .name = "retire",
        .usage = "GENERATION [--hash HASH]",
        .summary = "delete what is ours of a generation and nothing selects",
        .help = "Deletes all snapshots of ours of a generation, the uniqueId of a disk, that\n"
                "no policy and target select, to the last one: no floor keeps any, a hold\n"
                "does. Of a disk that a policy selects those are what \"list --unclaimed\"\n"
                "shows of it; what the policy has stays. Without --hash nothing is done: it\n"
                "says how many would go, and the hash to repeat it with.\n",
        .options = OPTION_HASH,
        .argument = "GENERATION",
        .argument_required = true,
        .orders = true,
        .run = run,
};
