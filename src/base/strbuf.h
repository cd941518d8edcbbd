/*
 * strbuf: a growing string with a ceiling.
 *
 * Errors stick: after the first failure every append does nothing, so that a caller builds a whole
 * text and asks once. strbuf_take() is that question.
 */
#pragma once

#include "base/macros.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
        char *data;  /* NUL ended once anything was appended; NULL before */
        size_t len;  /* without the NUL */
        size_t size; /* allocated */
        size_t max;  /* ceiling of len; 0 stands for STRBUF_MAX_DEFAULT */
        int error;   /* 0, -ENOMEM, or -E2BIG when the ceiling was met */
};

/* Chosen: no text this program builds for people or requests comes near it. */
#define STRBUF_MAX_DEFAULT (64U << 20)

/* A zeroed struct strbuf is a valid, empty one. */
void strbuf_deinit(struct strbuf *s);
/* Empties it, keeps the memory, forgets an error. */
void strbuf_clear(struct strbuf *s);

/* Makes room for @more bytes at once, where a caller knows how many will come. Returns whether there
 * is. */
bool strbuf_reserve(struct strbuf *s, size_t more);
void strbuf_append(struct strbuf *s, const void *bytes, size_t len);
void strbuf_append_str(struct strbuf *s, const char *text);
void strbuf_append_char(struct strbuf *s, char c);
_printf_(2, 3) void strbuf_appendf(struct strbuf *s, const char *format, ...);
_printf_(2, 0) void strbuf_vappendf(struct strbuf *s, const char *format, va_list ap);

/* The text so far, "" when nothing was appended. Valid until the next call on @s. */
const char *strbuf_str(const struct strbuf *s);

/* Hands the text to the caller (never NULL) and leaves @s empty. Returns 0, -ENOMEM or -E2BIG. */
int strbuf_take(struct strbuf *s, char **ret_text);
