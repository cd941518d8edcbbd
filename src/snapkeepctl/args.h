/*
 * args: the command line of a verb. Options may stand before and behind the argument, as "--name value"
 * or "--name=value"; "--" ends them. Whole names only, so that a new option never changes what an old
 * script means; one that takes a value stands once.
 */
#pragma once

#include "snapkeepctl/ctl.h"

struct strbuf;

/* Reads what follows the verb. What is wrong has been said. Returns STATUS_DONE or STATUS_USAGE. */
enum status args_parse(const struct verb *verb, size_t n, char *const *args,
                       struct request *ret_request);

/* Appends the options' part of a verb's help; with NULL what every verb takes. */
void args_help(const struct verb *verb, struct strbuf *out);

/* Appends " Did you mean …?" with that of the names that is near @word, if one is. */
struct near {
        const char *word;
        const char *best; /* NULL at first */
        unsigned distance;
};
void near_try(struct near *near, const char *name);
