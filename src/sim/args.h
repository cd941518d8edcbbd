/*
 * sim/args: the members of a small JSON object, for programs that may not read JSON themselves.
 */
#pragma once

#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>

struct sim_args;

/* Returns 0, -ENOMEM or -EINVAL for what is no JSON object. */
int sim_args_new(const char *json, size_t len, struct sim_args **ret_args);
struct sim_args *sim_args_free(struct sim_args *args);
DEFINE_CLEANUP(struct sim_args *, sim_args_free)

/* The member, or NULL when it is absent or no string. Borrowed. */
const char *sim_args_string(const struct sim_args *args, const char *name);
/* The member, or @otherwise when it is absent or no whole number from 0 to 2^53. */
int64_t sim_args_number(const struct sim_args *args, const char *name, int64_t otherwise);
