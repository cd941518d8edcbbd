/*
 * history: what the journal has of the daemon's events, the newest first.
 *
 * Only entries that journald itself says are of the unit count, so that no other program can tell lies
 * about backups; and only events (base/events.h), told by their MESSAGE_ID. A reader without the right
 * to see them is told so, and not that there are none.
 */
#pragma once

#include "base/log.h"
#include "base/time.h"

#include <stdbool.h>

/* Strings are borrowed until the call returns. */
struct history_entry {
        struct utc at;
        enum log_level level;
        const struct event_entry *event;
        const char *message;
        const char *fields[_LOG_FIELD_N]; /* NULL where the entry has it not */
};

/* Returns false to end. */
typedef bool (*history_fn)(const struct history_entry *entry, void *data);

enum {
        HISTORY_E_HIDDEN = 1, /* no file of the journal is there, or none that we may read */
};

/* Goes back from the newest to @since. @unit is "snapkeepd.service". Returns 0, HISTORY_E_HIDDEN, or a
 * negative errno. */
int history_read(const char *unit, struct utc since, history_fn fn, void *data);
