/*
 * log: one event, one entry: a sentence for people, fields for machines. An interface: runtime
 * sends entries to the journal or writes them to the console, sim puts them into the trace.
 *
 *         struct log_entry entry;
 *
 *         log_begin(&entry, LOG_LEVEL_INFO);
 *         log_field(&entry, LOG_DISK, disk->name);
 *         log_fieldf(&entry, LOG_ATTEMPT, "%u", attempt);
 *         log_commit(log, &entry, "snapshot of %s is complete", disk->name);
 *
 * An entry lives on the stack and never fails: text that does not fit is cut, and said so by "...".
 * The fields are DESIGN section 7's; their names are given here once.
 *
 * Only engine, runtime and the programs log above debug; everything below returns. Never a token,
 * a secret, an authorization header or a signed URL.
 */
#pragma once

#include "base/events.h"
#include "base/macros.h"

#include <stdarg.h>
#include <stddef.h>

/* The values are syslog's, since the journal wants those. */
enum log_level {
        LOG_LEVEL_ERR = 3,     /* we gave up and a human must act */
        LOG_LEVEL_WARNING = 4, /* survived, and the text says how it goes on */
        LOG_LEVEL_NOTICE = 5,  /* the state of the service changed */
        LOG_LEVEL_INFO = 6,    /* work done */
        LOG_LEVEL_DEBUG = 7,   /* transitions */
};

enum log_field_name {
        LOG_POLICY,
        LOG_DISK,       /* subscription/group/disk */
        LOG_GENERATION, /* the disk's uniqueId */
        LOG_SNAPSHOT,   /* subscription/group/snapshot */
        LOG_SLOT,
        LOG_OPERATION, /* inventory, snapshot, prune */
        LOG_STATE,
        LOG_REASON,
        LOG_RULE, /* the rule that allowed a deletion */
        LOG_ARM_CODE,
        LOG_REQUEST_ID, /* x-ms-client-request-id, as in Azure's activity log */
        LOG_ATTEMPT,
        LOG_DURATION_MS,
        LOG_RETRY_AT,
        _LOG_FIELD_N,
};

#define LOG_BIT(name) (1U << (name))

/* "SNAPKEEP_POLICY" and so on. */
const char *log_field_key(enum log_field_name name);
const char *log_level_name(enum log_level level);

#define LOG_ENTRY_BYTES 4096

struct log_entry {
        enum log_level level;
        const struct event_entry *event;  /* NULL for what nobody acts on or searches for */
        const char *message;              /* in @bytes, or static */
        const char *fields[_LOG_FIELD_N]; /* in @bytes; NULL where not set */
        size_t used;
        char bytes[LOG_ENTRY_BYTES];
};

struct log;

struct log_ops {
        void (*write)(struct log *log, const struct log_entry *entry);
};

struct log {
        const struct log_ops *ops;
        enum log_level most; /* entries of a higher number are dropped before they are written */
};

void log_begin(struct log_entry *entry, enum log_level level);
/* Makes it an entry of that event, with its MESSAGE_ID. */
void log_event(struct log_entry *entry, enum log_event event);
/* The first field that its event asks for and that the entry has not, or NULL. */
const char *log_lacks(const struct log_entry *entry);
/* A later value of the same field replaces the earlier one. NULL leaves it unset. */
void log_field(struct log_entry *entry, enum log_field_name name, const char *value);
_printf_(3, 4) void log_fieldf(struct log_entry *entry, enum log_field_name name,
                               const char *format, ...);
/* Writes the entry with its sentence, which begins small and ends without a full stop. */
_printf_(3, 4) void log_commit(struct log *log, struct log_entry *entry, const char *format, ...);

/* Entries without fields, with an event and without. */
_printf_(4, 5) void log_tell(struct log *log, enum log_level level, enum log_event event,
                             const char *format, ...);
_printf_(3, 4) void log_say(struct log *log, enum log_level level, const char *format, ...);
