/*
 * journal: where log entries go in life: natively to the journal, with all fields, or as lines to
 * the terminal.
 *
 * A console line is "2026-11-23T02:15:00Z warning: sentence  disk=prod/rg/db01 attempt=2": UTC, the
 * fields after two blanks and dimmed on a terminal. Control characters are replaced, since names
 * and messages come from elsewhere and must not steer a terminal or fake a second line.
 *
 * A journal that does not take an entry gets nothing better from us than the line on stderr.
 */
#pragma once

#include "base/log.h"
#include "base/macros.h"

#include <stdbool.h>

struct log_options {
        const char *identifier; /* SYSLOG_IDENTIFIER, "snapkeepd"; borrowed for the log's life */
        enum log_level most;    /* entries of a higher number are dropped */
        const char *journal_stream; /* $JOURNAL_STREAM as main found it, or NULL */
        bool no_color;              /* $NO_COLOR is set and not empty */
};

/* To the journal when stderr is a stream of it, else to the console on stderr. Returns 0 or
 * -ENOMEM. */
int log_new_auto(const struct log_options *options, struct log **ret_log);
int log_new_journal(const struct log_options *options, struct log **ret_log);
/* Lines to @fd, which stays the caller's. Dimmed when it is a terminal and color is welcome. */
int log_new_console(const struct log_options *options, int fd, struct log **ret_log);
/* Copes with NULL, returns NULL. */
struct log *log_free(struct log *log);
DEFINE_CLEANUP(struct log *, log_free)

/* Whether @fd is the stream that @journal_stream ("device:inode", or NULL) names, as
 * sd_journal_print (3) asks to be found out. */
bool journal_is_stream(int fd, const char *journal_stream);
