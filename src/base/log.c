#include "base/log.h"

#include <stdio.h>
#include <string.h>

const char *log_field_key(enum log_field_name name) {
        switch (name) {
        case LOG_POLICY:
                return "SNAPKEEP_POLICY";
        case LOG_DISK:
                return "SNAPKEEP_DISK";
        case LOG_GENERATION:
                return "SNAPKEEP_GENERATION";
        case LOG_SNAPSHOT:
                return "SNAPKEEP_SNAPSHOT";
        case LOG_SLOT:
                return "SNAPKEEP_SLOT";
        case LOG_OPERATION:
                return "SNAPKEEP_OPERATION";
        case LOG_STATE:
                return "SNAPKEEP_STATE";
        case LOG_REASON:
                return "SNAPKEEP_REASON";
        case LOG_RULE:
                return "SNAPKEEP_RULE";
        case LOG_ARM_CODE:
                return "SNAPKEEP_ARM_CODE";
        case LOG_REQUEST_ID:
                return "SNAPKEEP_REQUEST_ID";
        case LOG_ATTEMPT:
                return "SNAPKEEP_ATTEMPT";
        case LOG_DURATION_MS:
                return "SNAPKEEP_DURATION_MS";
        case LOG_RETRY_AT:
                return "SNAPKEEP_RETRY_AT";
        case _LOG_FIELD_N:
                break;
        }
        return "?";
}

const char *log_level_name(enum log_level level) {
        switch (level) {
        case LOG_LEVEL_ERR:
                return "error";
        case LOG_LEVEL_WARNING:
                return "warning";
        case LOG_LEVEL_NOTICE:
                return "notice";
        case LOG_LEVEL_INFO:
                return "info";
        case LOG_LEVEL_DEBUG:
                return "debug";
        }
        return "?";
}

void log_begin(struct log_entry *entry, enum log_level level) {
        entry->level = level;
        entry->event = NULL;
        entry->message = "";
        entry->used = 0;
        memset(entry->fields, 0, sizeof(entry->fields));
}

/* Formats into the entry's bytes. Text that does not fit is cut, its last three bytes "...". */
_printf_(2, 0) static const
        char *log_vtext(struct log_entry *entry, const char *format, va_list ap) {
        size_t left = sizeof(entry->bytes) - entry->used;
        char *text = entry->bytes + entry->used;
        int n;

        if (left < 8)
                return "...";
        n = vsnprintf(text, left, format, ap);
        if (n < 0)
                return "?";
        if ((size_t)n >= left) {
                memcpy(text + left - 4, "...", 4);
                entry->used = sizeof(entry->bytes);
        } else
                entry->used += (size_t)n + 1;
        return text;
}

void log_event(struct log_entry *entry, enum log_event event) {
        entry->event = event_entry(event);
}

const char *log_lacks(const struct log_entry *entry) {
        for (int i = 0; entry->event && i < _LOG_FIELD_N; i++)
                if ((entry->event->fields & LOG_BIT(i)) && !entry->fields[i])
                        return log_field_key((enum log_field_name)i);
        return NULL;
}

void log_field(struct log_entry *entry, enum log_field_name name, const char *value) {
        if (value)
                log_fieldf(entry, name, "%s", value);
}

void log_fieldf(struct log_entry *entry, enum log_field_name name, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        entry->fields[name] = log_vtext(entry, format, ap);
        va_end(ap);
}

_printf_(3, 0) static void log_vcommit(struct log *log, struct log_entry *entry, const char *format,
                                       va_list ap) {
        if (entry->level > log->most)
                return;
        entry->message = log_vtext(entry, format, ap);
        log->ops->write(log, entry);
}

void log_commit(struct log *log, struct log_entry *entry, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_vcommit(log, entry, format, ap);
        va_end(ap);
}

void log_tell(struct log *log, enum log_level level, enum log_event event, const char *format,
              ...) {
        struct log_entry entry;
        va_list ap;

        log_begin(&entry, level);
        log_event(&entry, event);
        va_start(ap, format);
        log_vcommit(log, &entry, format, ap);
        va_end(ap);
}

void log_say(struct log *log, enum log_level level, const char *format, ...) {
        struct log_entry entry;
        va_list ap;

        log_begin(&entry, level);
        va_start(ap, format);
        log_vcommit(log, &entry, format, ap);
        va_end(ap);
}
