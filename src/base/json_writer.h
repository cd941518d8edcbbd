/*
 * json_writer: JSON text, member by member, into a strbuf. Writing alone; reading hostile JSON is
 * azure/json.h's.
 *
 *         struct json_writer w = {.out = &text};
 *
 *         json_open(&w, NULL, '{');
 *         json_write_string(&w, "name", "db01");
 *         json_open(&w, "slots", '[');
 *         json_write_int(&w, NULL, 7);
 *         json_close(&w);
 *         json_close(&w);
 *
 * @name is NULL for the outermost value and for elements of arrays. Errors stick in the strbuf.
 */
#pragma once

#include "base/strbuf.h"
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* Chosen: our own documents are a handful deep; deeper is a mistake of the caller's. */
#define JSON_WRITER_DEPTH_MAX 16

struct json_writer {
        struct strbuf *out;
        bool pretty; /* lines, indented by two */
        unsigned depth;
        bool more[JSON_WRITER_DEPTH_MAX]; /* something stands in this level already */
        char close[JSON_WRITER_DEPTH_MAX];
};

/* @bracket is '{' or '['. */
void json_open(struct json_writer *w, const char *name, char bracket);
void json_close(struct json_writer *w);

void json_write_string(struct json_writer *w, const char *name, const char *value);
void json_write_int(struct json_writer *w, const char *name, int64_t value);
void json_write_bool(struct json_writer *w, const char *name, bool value);
void json_write_null(struct json_writer *w, const char *name);
/* RFC 3339 in UTC; null for UTC_NONE and UTC_NEVER. */
void json_write_utc(struct json_writer *w, const char *name, struct utc value);

/* The quoted form of @text, which must be UTF-8, for who writes JSON by other means. */
void json_append_quoted(struct strbuf *out, const char *text);
