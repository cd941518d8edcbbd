/*
 * intern: a set of strings, each stored once and known by a small number.
 *
 * Numbers count from 1 in the order of first sight; 0 is "no string" and reads as "". Listings
 * repeat the same groups, regions, owners and policies hundreds of thousands of times; rows carry
 * the numbers. Strings stay until the whole set is freed, and their addresses do not move.
 */
#pragma once

#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>

struct intern;

int intern_new(struct intern **ret_intern);
struct intern *intern_free(struct intern *intern);
DEFINE_CLEANUP(struct intern *, intern_free)

/* Adds the string of @len bytes (no NUL inside) unless it is there. Returns 0, -ENOMEM, or -E2BIG
 * past 2^32 - 1 strings. */
int intern_add(struct intern *intern, const char *text, size_t len, uint32_t *ret_number);
/* The number of the string, or 0 when it was never added. */
uint32_t intern_find(const struct intern *intern, const char *text);
const char *intern_str(const struct intern *intern, uint32_t number);
