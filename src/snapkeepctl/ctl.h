/*
 * ctl: what snapkeepctl's verbs share: what was asked, and how it ends.
 *
 * A verb is a file verb-NAME.c with one struct verb. args.h makes the request from the command line,
 * main.c finds the verb. Results go to stdout and nothing else does; all that is said to people about
 * errors goes to stderr (output.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define POLICY_DEFAULT_PATH "/etc/snapkeep/policy.yaml"

enum status {
        STATUS_DONE = 0,
        STATUS_TROUBLE = 1, /* not in order: invalid policy, Azure unreadable, output not written */
        STATUS_USAGE = 2,   /* wrong usage or wrong input */
        STATUS_UNKNOWN = 3, /* status: it cannot be told, see struct verb */
        STATUS_NO_DAEMON = 4, /* the daemon does not run, or does not answer */
};

/* Options, one bit each; a verb says which it takes. */
enum {
        OPTION_POLICY = 1 << 0,
        OPTION_DIRECT = 1 << 1,
        OPTION_UNCLAIMED = 1 << 2,
        OPTION_TIMEZONE = 1 << 3,
        OPTION_FROM = 1 << 4,
        OPTION_COUNT = 1 << 5,
        OPTION_KEEP = 1 << 6,
        OPTION_PICK = 1 << 7,
        OPTION_NOW = 1 << 8,
        OPTION_JSON = 1 << 9,
        OPTION_UTC = 1 << 10,
        OPTION_HELP = 1 << 11,
        OPTION_OUTPUT = 1 << 12,
        OPTION_PRUNE = 1 << 13,
        OPTION_UNTIL = 1 << 14,
        OPTION_HASH = 1 << 15,
        OPTION_DAYS = 1 << 16,
        OPTION_SEED = 1 << 17,
        OPTION_DISKS = 1 << 18,
        OPTION_FAULTS = 1 << 19,
        OPTION_SINCE = 1 << 20,
        OPTION_WATCH = 1 << 21,
        OPTION_REASON = 1 << 22,
        OPTION_UNDER = 1 << 23,
        OPTION_ONLINE = 1 << 24,
};
/* What every verb takes. */
#define OPTIONS_GLOBAL ((unsigned)(OPTION_JSON | OPTION_UTC | OPTION_HELP))

/* Chosen: of verbs that take several. */
#define ARGUMENTS_MAX 100

struct verb;

struct request {
        const struct verb *verb;
        unsigned given; /* OPTION_* */
        bool json, utc, direct, online, unclaimed, prune, watch, help;
        /* NULL when not given */
        const char *policy, *timezone, *from, *count, *keep, *pick, *now, *output, *until, *hash;
        const char *days, *seed, *disks, *faults, *since, *reason, *under;
        const char *argument; /* the first, or NULL */
        const char *arguments[ARGUMENTS_MAX];
        size_t n_arguments;
};

struct verb {
        const char *name;
        const char *usage;    /* what follows the name; a line goes on under it */
        const char *summary;  /* one line of `snapkeepctl --help` */
        const char *help;     /* paragraphs for `snapkeepctl NAME --help` */
        unsigned options;     /* OPTION_*, beside the global ones */
        const char *argument; /* "EXPR", or NULL when there is none */
        bool argument_required;
        bool orders;         /* changes what is or will be in Azure, or what the daemon does */
        bool arguments_many; /* up to ARGUMENTS_MAX of them */
        bool monitors; /* its exit status is one of Nagios' conventions: 0 ok, 1 warning, 2 critical,
                          3 for all that keeps it from being told, wrong usage included */
        enum status (*run)(const struct request *request);
};

extern const struct verb verb_ack, verb_adopt, verb_apply, verb_backup, verb_calendar, verb_chain,
        verb_check, verb_explain, verb_history, verb_hold, verb_list, verb_pause, verb_plan,
        verb_release, verb_reload, verb_resume, verb_retain, verb_retire, verb_schema,
        verb_simulate, verb_status;
