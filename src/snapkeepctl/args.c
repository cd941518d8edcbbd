#include "snapkeepctl/args.h"

#include "base/macros.h"
#include "base/str.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <string.h>

/* Chosen: further off it is another word. */
#define NEAR_LIMIT 4

static const struct option {
        const char *name;
        unsigned bit;
        const char *value; /* its name, or NULL for a switch */
        size_t offset;     /* of bool or const char * in struct request */
        const char *help;
} options[] = {
        {"policy", OPTION_POLICY, "FILE", offsetof(struct request, policy),
         "the policy; " POLICY_DEFAULT_PATH " otherwise"},
        {"direct", OPTION_DIRECT, NULL, offsetof(struct request, direct),
         "ask Azure from here, as the policy's identity"},
        {"online", OPTION_ONLINE, NULL, offsetof(struct request, online),
         "ask Azure too, from here, as the policy's identity"},
        {"unclaimed", OPTION_UNCLAIMED, NULL, offsetof(struct request, unclaimed),
         "those of ours that no policy and target select"},
        {"keep", OPTION_KEEP, "SPEC", offsetof(struct request, keep),
         "the rule, as last=6,daily=30,within=2d"},
        {"pick", OPTION_PICK, "first|last", offsetof(struct request, pick),
         "which of a period stands for it; first otherwise"},
        {"timezone", OPTION_TIMEZONE, "ZONE", offsetof(struct request, timezone),
         "an IANA name; UTC otherwise"},
        {"from", OPTION_FROM, "TIME", offsetof(struct request, from),
         "strictly after this RFC 3339 instant; now otherwise"},
        {"now", OPTION_NOW, "TIME", offsetof(struct request, now),
         "as if it were this RFC 3339 instant"},
        {"count", OPTION_COUNT, "N", offsetof(struct request, count), "how many; 5 otherwise"},
        {"since", OPTION_SINCE, "TIME", offsetof(struct request, since),
         "back to this RFC 3339 instant"},
        {"watch", OPTION_WATCH, NULL, offsetof(struct request, watch),
         "show it anew every 5 seconds, until interrupted"},
        {"output", OPTION_OUTPUT, "FILE", offsetof(struct request, output),
         "write it to this file, also as -o FILE"},
        {"prune", OPTION_PRUNE, NULL, offsetof(struct request, prune),
         "deletions alone; snapshots go on being taken"},
        {"until", OPTION_UNTIL, "TIME", offsetof(struct request, until),
         "ends by itself at this RFC 3339 instant"},
        {"hash", OPTION_HASH, "HASH", offsetof(struct request, hash),
         "what was shown, and is to be done"},
        {"reason", OPTION_REASON, "TEXT", offsetof(struct request, reason),
         "why, for whoever finds it later"},
        {"under", OPTION_UNDER, "POLICY", offsetof(struct request, under),
         "of several that select the disk, this one"},
        {"days", OPTION_DAYS, "N", offsetof(struct request, days), "so many days; 30 otherwise"},
        {"seed", OPTION_SEED, "N", offsetof(struct request, seed),
         "of chance: names, latencies, faults; 1 otherwise"},
        {"disks", OPTION_DISKS, "N", offsetof(struct request, disks),
         "disks of each match; 3, or what it expects, otherwise"},
        {"faults", OPTION_FAULTS, "none|some|many", offsetof(struct request, faults),
         "how often requests go wrong; none otherwise"},
        {"json", OPTION_JSON, NULL, offsetof(struct request, json),
         "JSON, an object with \"version\": 1, times in UTC"},
        {"utc", OPTION_UTC, NULL, offsetof(struct request, utc), "show times in UTC"},
        {"help", OPTION_HELP, NULL, offsetof(struct request, help), "show this"},
};

/* What an option is in one verb, where it is another thing there. */
static const struct {
        const char *verb;
        unsigned bit;
        const char *value, *help;
} special[] = {
        {"backup", OPTION_KEEP, "TIME", "so long, from 1h to ten years, as 30d; 30d otherwise"},
        {"history", OPTION_COUNT, "N", "how many; 40 otherwise"},
};

void near_try(struct near *near, const char *name) {
        unsigned limit = MIN((unsigned)strlen(name) / 2 + 1, (unsigned)NEAR_LIMIT), distance;

        distance = str_distance(near->word, name, limit);
        if (distance >= limit || (near->best && distance >= near->distance))
                return;
        near->best = name;
        near->distance = distance;
}

static const struct option *find_option(const char *name, size_t len) {
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
                        return &options[i];
        return NULL;
}

static enum status refuse_option(const struct verb *verb, const char *word, size_t len) {
        _cleanup_(freep) char *name = strndup(word, len);
        struct near near = {.word = name};

        if (!name)
                return say_errno("read the command line", -ENOMEM);
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (options[i].bit & (verb->options | OPTIONS_GLOBAL))
                        near_try(&near, options[i].name);
        if (find_option(name, len))
                say("%s does not take --%s. Try \"snapkeepctl %s --help\".", verb->name, name,
                    verb->name);
        else if (near.best)
                say("%s: unknown option --%s; did you mean --%s?", verb->name, name, near.best);
        else
                say("%s: unknown option --%s. Try \"snapkeepctl %s --help\".", verb->name, name,
                    verb->name);
        return STATUS_USAGE;
}

/* Reads the option at @args, *at being its place; moves to a value of its own. */
static enum status read_option(const struct verb *verb, size_t n, char *const *args, size_t *at,
                               struct request *request) {
        const char *word = strcmp(args[*at], "-o") == 0 ? "output" : args[*at] + 2;
        const char *equals = strchr(word, '=');
        size_t len = equals ? (size_t)(equals - word) : strlen(word);
        const struct option *option = find_option(word, len);
        const char *value = NULL;

        if (!option || !(option->bit & (verb->options | OPTIONS_GLOBAL)))
                return refuse_option(verb, word, len);

        if (!option->value) {
                if (equals) {
                        say("%s: --%s takes no value", verb->name, option->name);
                        return STATUS_USAGE;
                }
                *(bool *)((char *)request + option->offset) = true;
                request->given |= option->bit;
                return STATUS_DONE;
        }

        if (request->given & option->bit) {
                say("%s: --%s is given twice", verb->name, option->name);
                return STATUS_USAGE;
        }
        if (equals)
                value = equals + 1;
        else if (*at + 1 < n)
                value = args[++*at];
        if (!value || !*value) {
                say("%s: --%s needs a value, %s", verb->name, option->name, option->value);
                return STATUS_USAGE;
        }
        *(const char **)((char *)request + option->offset) = value;
        request->given |= option->bit;
        return STATUS_DONE;
}

static enum status read_argument(const struct verb *verb, const char *word,
                                 struct request *request) {
        if (!verb->argument)
                say("%s takes no argument, and there is \"%s\". Try \"snapkeepctl %s --help\".",
                    verb->name, word, verb->name);
        else if (verb->arguments_many && request->n_arguments == ARGUMENTS_MAX)
                say("%s takes at most %d of %s", verb->name, ARGUMENTS_MAX, verb->argument);
        else if (request->argument && !verb->arguments_many)
                say("%s takes one %s, and \"%s\" is a second; one with blanks needs quotes",
                    verb->name, verb->argument, word);
        else {
                request->arguments[request->n_arguments++] = word;
                request->argument = request->arguments[0];
                return STATUS_DONE;
        }
        return STATUS_USAGE;
}

enum status args_parse(const struct verb *verb, size_t n, char *const *args,
                       struct request *ret_request) {
        struct request request = {.verb = verb};
        bool options_end = false;

        for (size_t i = 0; i < n; i++) {
                const char *word = args[i];
                enum status status;

                if (!options_end && strcmp(word, "--") == 0) {
                        options_end = true;
                        continue;
                }
                if (!options_end && strcmp(word, "-h") == 0) {
                        request.help = true;
                        continue;
                }
                if (!options_end && (strncmp(word, "--", 2) == 0 || strcmp(word, "-o") == 0))
                        status = read_option(verb, n, args, &i, &request);
                else if (!options_end && word[0] == '-' && word[1] != '\0') {
                        say("%s: unknown option %s. Try \"snapkeepctl %s --help\".", verb->name,
                            word, verb->name);
                        status = STATUS_USAGE;
                } else
                        status = read_argument(verb, word, &request);
                if (status != STATUS_DONE)
                        return status;
        }

        if (verb->argument_required && !request.argument && !request.help) {
                say("%s needs %s %s. Try \"snapkeepctl %s --help\".", verb->name,
                    verb->arguments_many ? "at least one" : "one", verb->argument, verb->name);
                return STATUS_USAGE;
        }
        *ret_request = request;
        return STATUS_DONE;
}

void args_help(const struct verb *verb, struct strbuf *out) {
        unsigned wanted = OPTIONS_GLOBAL | (verb ? verb->options : 0);

        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                struct option option = options[i];
                int width = 26 - 4 - (int)strlen(option.name);

                if (!(option.bit & wanted))
                        continue;
                for (size_t j = 0; verb && j < ARRAY_SIZE(special); j++)
                        if (special[j].bit == option.bit &&
                            strcmp(special[j].verb, verb->name) == 0) {
                                option.value = special[j].value;
                                option.help = special[j].help;
                        }
                strbuf_appendf(out, "  --%s %-*s%s\n", option.name, width - 1, option.value ?: "",
                               option.help);
        }
}
