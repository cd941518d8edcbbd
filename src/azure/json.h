/*
 * json: hostile JSON to trusted values.
 *
 * cJSON accepts too much: NUL in strings, duplicate keys, numbers it cannot hold, other case,
 * trailing bytes. One scan before it checks UTF-8, NUL, control characters, number grammar, depth,
 * size and duplicate keys; nothing reaches cJSON that the scan refused, and only case-sensitive
 * getters of this header read what it made. Numbers are integers here; ids never pass a double.
 */
#pragma once

#include "azure/page.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cJSON's; who looks inside it includes <cjson/cJSON.h>. */
struct cJSON;

#define JSON_DEPTH_MAX 64
/* "ARM drops provider answers above 8 MB" (FACTS section 5); one resource is far below. */
#define JSON_DOCUMENT_MAX (8U << 20)
/* Chosen: members of one object; Azure's largest have some dozens, 50 tags. */
#define JSON_MEMBERS_MAX 4096
/* Chosen: a tag's name has 512 characters at most. In bytes, unescaped. */
#define JSON_KEY_MAX 4096
/* The longest number Azure sends has 19 digits. */
#define JSON_NUMBER_MAX 40

/* Scans one whole document without making anything of it. Returns 0, JSON_E_*, or -ENOMEM. */
int json_scan(const char *bytes, size_t len, size_t *reterr_offset);

/* Scans and parses one whole document. Returns 0, JSON_E_* with *reterr_offset, or -ENOMEM. */
int json_parse(const char *bytes, size_t len, struct cJSON **ret_json, size_t *reterr_offset);

/* The same of a whole body that is one object: JSON_E_SHAPE if it is none. */
int json_parse_object(const char *bytes, size_t len, struct cJSON **ret_json);

/* Parses what was scanned before, as page.h's elements are. NULL is -ENOMEM. */
struct cJSON *json_parse_scanned(const char *bytes, size_t len);

void json_freep(struct cJSON **json);

/* Whether there is no member of exactly that name, or it is null: Azure writes either. */
bool json_is_absent(const struct cJSON *json, const char *name);

/* The values of an array or the members of an object, one after another; NULL at the end, and for what
 * is neither. A loop over them is linear. */
const struct cJSON *json_first(const struct cJSON *json);
const struct cJSON *json_next(const struct cJSON *value);

/* Getters: the member of exactly that name and of that type, or NULL/false. @json may be NULL. */
const struct cJSON *json_object(const struct cJSON *json, const char *name);
const struct cJSON *json_array(const struct cJSON *json, const char *name);
const char *json_string(const struct cJSON *json, const char *name);
bool json_bool(const struct cJSON *json, const char *name, bool *ret_value);
/* A whole number, or a string of digits (the identity service writes those), below 2^53 either way:
 * beyond it a double no longer tells neighbours apart. */
bool json_integer(const struct cJSON *json, const char *name, int64_t *ret_value);
/* The same of a value itself, such as an array's; NULL is none. */
bool json_integer_of(const struct cJSON *value, int64_t *ret_value);
/* 0 to 100, fractions cut. */
bool json_percent(const struct cJSON *json, const char *name, unsigned *ret_value);

/* Wipes every string of the tree, and frees it. For replies with a token. Copes with NULL. */
void json_wipe_free(struct cJSON *json);
