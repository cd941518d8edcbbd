/*
 * policy_reader: the policy file's bytes to the typed policy (DESIGN section 3).
 *
 * The file is untrusted text written by people. It is read whole or not at all: either every key
 * was understood and checked, or there is no policy, and the diagnostics name each place that must
 * be mended, not only the first. Steps, each a file of its own:
 *
 *         text.h    UTF-8, control characters, size
 *         tree.h    YAML's events to a small bounded tree; no aliases, tags, second documents
 *         keys.h    the one table of keys: types, units, defaults, ranges, what is supported
 *         walk.h    the tree read by the table
 *
 * Nothing here opens a file: the caller has the bytes, and zone files come through zones.h.
 */
#pragma once

#include "config/diagnostics.h"

#include <stddef.h>

struct policy_file;
struct strbuf;
struct zones;

/* Largest policy file. Chosen: 5,000 disks listed by their ids fit, and parsing it takes well under
 * a second. A caller reads at most one byte more than this and lets config_load() refuse it. */
#define CONFIG_FILE_MAX (1U << 20)

enum {
        CONFIG_E_INVALID = 1, /* the diagnostics hold at least one error */
};

/*
 * Reads the policy in @len bytes. @file_name is only for the diagnostics, which are cleared first.
 * Zones are read through @zones, which is not kept. On success the caller owns *ret_file, and the
 * diagnostics hold warnings or nothing.
 *
 * Returns 0, CONFIG_E_INVALID, or -ENOMEM.
 */
int config_load(const char *bytes, size_t len, const char *file_name, struct zones *zones,
                struct policy_file **ret_file, struct diagnostics *diagnostics);

/*
 * Appends the JSON Schema (draft 2020-12) of the policy, made from the table of keys. It tells an
 * editor shapes, words and ranges; what a schema cannot say (zones, references, the strict forms of
 * YAML) only config_load() checks. Keys that are not supported yet are listed and refused.
 */
void config_schema(struct strbuf *out);
