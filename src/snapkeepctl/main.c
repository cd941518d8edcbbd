/*
 * snapkeepctl: finds the verb and lets it run.
 */
#include "snapkeep-config.h"

#include "base/macros.h"
#include "snapkeepctl/args.h"
#include "snapkeepctl/output.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb *const verbs[] = {
        &verb_status,   &verb_check,  &verb_schema,   &verb_list,   &verb_chain,  &verb_plan,
        &verb_explain,  &verb_apply,  &verb_ack,      &verb_hold,   &verb_backup, &verb_release,
        &verb_adopt,    &verb_pause,  &verb_resume,   &verb_retire, &verb_reload, &verb_history,
        &verb_calendar, &verb_retain, &verb_simulate,
};

static const char status_help[] =
        "Exit status: 0 done; 1 not in order: an invalid policy, Azure that cannot be\n"
        "read, output that cannot be written, orders that are refused; 2 wrong usage\n"
        "or input; 4 the daemon does not run.\n";
static const char monitor_help[] =
        "Exit status: 0 ok; 1 warning; 2 critical; 3 unknown, which is also a daemon\n"
        "that does not run and wrong usage.\n";

static enum status help(void) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};

        strbuf_append_str(
                &out, "Usage: snapkeepctl VERB [OPTION...]\n"
                      "\n"
                      "The command line of Snapkeep: policies, schedules and snapshots of Azure\n"
                      "managed disks.\n"
                      "\n"
                      "Verbs:\n");
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                strbuf_appendf(&out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
        strbuf_append_str(&out, "\nOptions of every verb:\n");
        args_help(NULL, &out);
        strbuf_append_str(&out,
                          "\nWithout a verb:\n"
                          "  --version             show the version\n"
                          "\n"
                          "Times are local unless --utc says otherwise; calendar, retain and all\n"
                          "JSON are in UTC.\n");
        strbuf_append_str(&out, status_help);
        return write_out(&out);
}

static enum status verb_help(const struct verb *verb) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};

        strbuf_appendf(&out, "Usage: snapkeepctl %s%s%s\n\n%s\n", verb->name,
                       *verb->usage ? " " : "", verb->usage, verb->help);
        args_help(verb, &out);
        strbuf_append_char(&out, '\n');
        strbuf_append_str(&out, verb->monitors ? monitor_help : status_help);
        return write_out(&out);
}

static enum status refuse(const char *word) {
        struct near near = {.word = word};
        bool is_order = false;

        /* What is proposed may be typed by who meant another thing: an order never is. */
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
                const char *before = near.best;

                near_try(&near, verbs[i]->name);
                if (near.best != before)
                        is_order = verbs[i]->orders;
        }
        if (near.best && !is_order)
                say("unknown verb \"%s\"; did you mean \"%s\"?", word, near.best);
        else
                say("unknown verb \"%s\". Try \"snapkeepctl --help\".", word);
        return STATUS_USAGE;
}

/* What stands before the verb. */
static enum status run_first(const char *word) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        struct near near = {.word = word};

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
                return help();
        if (strcmp(word, "--version") == 0) {
                strbuf_append_str(&out, "snapkeepctl " SNAPKEEP_VERSION "\n");
                return write_out(&out);
        }

        near_try(&near, "--help");
        near_try(&near, "--version");
        if (near.best)
                say("unknown option %s; did you mean %s?", word, near.best);
        else
                say("unknown option %s before the verb; options of a verb follow it", word);
        return STATUS_USAGE;
}

static enum status run(size_t n, char *const *args) {
        struct request request;
        enum status status;

        if (n == 0) {
                say("which verb? Try \"snapkeepctl --help\".");
                return STATUS_USAGE;
        }
        if (args[0][0] == '-')
                return run_first(args[0]);

        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
                if (strcmp(verbs[i]->name, args[0]) != 0)
                        continue;
                status = args_parse(verbs[i], n - 1, args + 1, &request);
                if (status != STATUS_DONE)
                        return verbs[i]->monitors ? STATUS_UNKNOWN : status;
                return request.help ? verb_help(verbs[i]) : verbs[i]->run(&request);
        }
        return refuse(args[0]);
}

/* A descriptor 0, 1 or 2 that was closed would go to the next file or socket that is opened, and our
 * output with it. What is put there instead fails on first use. */
static void fill_descriptors(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 &&
                    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
                        _exit(STATUS_TROUBLE);
}

int main(int argc, char **argv) {
        enum status status, closed;

        fill_descriptors();
        (void)signal(SIGPIPE, SIG_IGN); /* the write says EPIPE */

        status = run(argc > 0 ? (size_t)argc - 1 : 0, argv + 1);
        closed = close_out();
        return (int)(status != STATUS_DONE ? status : closed);
}
