/*
 * record: every request and its reply, a line of JSON each, for tests that hold them against what
 * Microsoft specifies:
 *
 *     {"request": {"method", "url", "headers": {}, "body"},
 *      "response": {"status", "headers": {}, "body"}}
 *
 * A body is its text, null where there is none. The token endpoints are left out, since both sides of
 * them are secrets, and so is every Authorization header.
 */
#pragma once

#include "sim/service.h"

struct record;

/* Truncates the file. Returns 0 or a negative errno. */
int record_open(const char *path, struct record **ret_record);
struct record *record_free(struct record *record);

/* The line is in the file when this returns. Copes with @record NULL. Returns 0 or a negative errno. */
int record_exchange(struct record *record, const struct service_call *call,
                    const struct http_reply *reply);
