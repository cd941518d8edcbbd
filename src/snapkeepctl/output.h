/*
 * output: text out of the program. Whatever comes from elsewhere, names, tags, messages, arguments,
 * loses its control characters on the way, so that it cannot steer a terminal or fake a line.
 */
#pragma once

#include "base/strbuf.h"
#include "base/time.h"
#include "snapkeepctl/ctl.h"

struct diagnostics;
struct json_writer;

/* Appends the text with control characters and bytes that are no UTF-8 as '?'. */
void append_clean(struct strbuf *out, const char *text, size_t len);
/* The columns of a terminal that clean UTF-8 takes: names of resource groups, tags and reasons may have
 * letters of any script. The same in every locale. */
size_t clean_width(const char *text, size_t len);

/* "snapkeepctl: …" and a line end, on stderr. */
_printf_(1, 2) void say(const char *format, ...);
/* The same for what is out of order here: "cannot …: No space left". Returns STATUS_TROUBLE. */
enum status say_errno(const char *what, int r);
/* All of them on stderr, a line each. */
void say_diagnostics(const struct diagnostics *diagnostics);
/* Says @message, shows @text and under it a caret at the byte @position. */
void say_at(const char *what, const char *text, size_t position, const char *message);

/*
 * Writes the text to stdout and empties it. Says what hinders, but for a reader that has gone, which
 * knows. Returns STATUS_DONE or STATUS_TROUBLE.
 */
enum status write_out(struct strbuf *text);
/* The same once there is much, so that large answers do not pile up; else nothing. */
enum status write_some(struct strbuf *text);
/* Closes stdout: on some file systems a full disk shows only then. */
enum status close_out(void);

/* Columns of the terminal that stdout is, or 0 when it is none. */
size_t terminal_width(void);
/* Whether stdout may have bold letters: a terminal, and neither NO_COLOR nor a dumb one. */
bool terminal_is_fancy(void);

struct utc clock_now(void);

/* "2026-11-23T02:15:00Z", or with the machine's own offset: "2026-11-23T03:15:00+01:00"; whole
 * seconds. Writes and returns @buffer. */
#define TIME_TEXT_SIZE 64
const char *time_text(struct utc time, bool in_utc, char buffer[static TIME_TEXT_SIZE]);

/* The numbers that the writer of base has no call for: three places after the point. */
void json_write_decimal(struct json_writer *w, const char *name, double value);
/* A string of any bytes, cleaned. */
void json_write_clean(struct json_writer *w, const char *name, const char *value);
/* Elements of an array from reasons as core joins them, "last 2/6, daily 3/30". */
void json_write_parts(struct json_writer *w, const struct strbuf *reasons);
/* Opens the object with its member "version"; on a terminal it is laid out for people. */
void json_begin(struct json_writer *w, struct strbuf *out);
/* Closes the object and ends the line. */
void json_end(struct json_writer *w);
