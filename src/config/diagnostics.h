/*
 * diagnostics: what is wrong with a policy file, for the people who mend it.
 *
 * A diagnostic says where (file:line:column and key path), what, and how to mend it. All are
 * collected, up to a ceiling; beyond it they are counted. Texts hold no control character, whatever
 * the file held, so that they may go to a terminal and the journal, and never the value of a key
 * that could be a secret.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Chosen: more than anybody reads, and small in memory. */
#define DIAGNOSTICS_MAX 1000
/* Chosen: what is quoted out of the file is cut to this many bytes. */
#define DIAGNOSTIC_QUOTE_MAX 60

enum severity {
        SEVERITY_ERROR,
        SEVERITY_WARNING,
};

struct diagnostic {
        enum severity severity;
        uint32_t line, column; /* from 1; 0 when it is about the whole file */
        char *path;      /* "policies.gold.keep.daily", "targets[0].disks[2]"; "" for the file */
        char *message;   /* "unknown key" */
        char *expected;  /* "a duration such as 90m or 2d", or NULL */
        char *near_miss; /* the word probably meant, or NULL */
};

struct diagnostics {
        char *file_name;          /* owned */
        struct diagnostic *items; /* owned; ordered by place once config_load() is done */
        size_t n, capacity;
        size_t n_errors, n_warnings; /* those beyond the ceiling too */
        size_t n_left_out;           /* not among the items */
        int error;                   /* 0 or -ENOMEM; sticks */
};

/* A zeroed struct diagnostics is a valid, empty one. */
void diagnostics_deinit(struct diagnostics *diagnostics);

/*
 * Adds one; @expected and @near_miss may be NULL, all texts are copied. Control characters are
 * escaped. A failed allocation sticks in @diagnostics and counts the diagnostic as left out, so
 * that an error is never lost in silence.
 */
void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, uint32_t line,
                     uint32_t column, const char *path, const char *message, const char *expected,
                     const char *near_miss);
/* Orders them by line and column; those of one place keep their order. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* Appends one line without its end:
 * policy.yaml:12:9: error: policies.gold.keep.dialy: unknown key; did you mean "daily"? */
void diagnostic_format(const struct diagnostic *diagnostic, const char *file_name,
                       struct strbuf *out);
/* Appends all, a line each, and "policy.yaml: 17 more errors and 2 more warnings" at the ceiling. */
void diagnostics_format(const struct diagnostics *diagnostics, struct strbuf *out);

/* Append @len bytes of the file's text fit for a message: control characters escaped, cut to
 * DIAGNOSTIC_QUOTE_MAX at a character's border, with "..." for the rest; and the first within
 * quotes. */
void diagnostic_quote(const char *text, size_t len, struct strbuf *out);
void diagnostic_cut(const char *text, size_t len, struct strbuf *out);
