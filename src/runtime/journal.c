/* The place in our source is no help to an operator, and would differ from build to build. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "runtime/journal.h"

#include "base/str.h"
#include "base/strbuf.h"
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

struct journal {
        struct log log;
        const char *identifier;
        int fd;   /* of the console */
        bool dim; /* the console is a terminal that wants color */
};

#define PREFIX "SNAPKEEP_"

/* Appends text that comes from anywhere, as one line that steers no terminal. In the journal, too: an
 * entry that is no text journalctl shows as "[80B blob data]". */
static void append_harmless(struct strbuf *s, const char *text) {
        const char *begin = text, *end = text + strlen(text);

        while (text < end) {
                size_t n = str_shown_bytes(text, (size_t)(end - text));

                text += n;
                if (n > 0)
                        continue;
                strbuf_append(s, begin, (size_t)(text - begin));
                strbuf_append_char(s, *text == '\n' || *text == '\t' ? ' ' : '?');
                begin = ++text;
        }
        strbuf_append(s, begin, (size_t)(end - begin));
}

/* ---- console ---- */

/* "SNAPKEEP_ARM_CODE" as "arm-code"; values with blanks in quotes. */
static void append_field(struct strbuf *s, enum log_field_name name, const char *value) {
        const char *quote = value[0] == '\0' || strpbrk(value, " \t\n=\"") ? "\"" : "";

        for (const char *p = log_field_key(name) + strlen(PREFIX); *p; p++)
                strbuf_append_char(s, *p == '_' ? '-' : ascii_lower(*p));
        strbuf_appendf(s, "=%s", quote);
        append_harmless(s, value);
        strbuf_append_str(s, quote);
}

static void console_write(struct log *log, const struct log_entry *entry) {
        struct journal *journal = container_of(log, struct journal, log);
        struct strbuf line = {};
        char now[UTC_TEXT_SIZE];
        bool any = false;
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        strbuf_appendf(&line, "%s %s: ", utc_format(utc_from_seconds(ts.tv_sec), now),
                       log_level_name(entry->level));
        append_harmless(&line, entry->message);
        for (int i = 0; i < _LOG_FIELD_N; i++) {
                if (!entry->fields[i])
                        continue;
                strbuf_append_str(&line, any ? " " : journal->dim ? "  \x1b[2m" : "  ");
                append_field(&line, (enum log_field_name)i, entry->fields[i]);
                any = true;
        }
        if (any && journal->dim)
                strbuf_append_str(&line, "\x1b[0m");
        strbuf_append_char(&line, '\n');

        /* One call, so that lines of several programs do not mix. A console that cannot be written
         * has nobody to tell. */
        if (!line.error && write(journal->fd, line.data, line.len) < 0)
                errno = 0;
        strbuf_deinit(&line);
}

static const struct log_ops console_ops = {
        .write = console_write,
};

/* ---- the journal ---- */

/* MESSAGE, PRIORITY, MESSAGE_ID, SYSLOG_IDENTIFIER, and the fields. */
#define FIELDS_MAX (4 + _LOG_FIELD_N)

struct fields {
        struct strbuf bytes;
        size_t begin[FIELDS_MAX + 1]; /* since the bytes move while they grow */
        size_t n;
};

static void fields_add(struct fields *fields, const char *key, const char *value) {
        if (!value)
                return;
        strbuf_appendf(&fields->bytes, "%s=", key);
        append_harmless(&fields->bytes, value);
        fields->begin[++fields->n] = fields->bytes.len;
}

static void journal_write(struct log *log, const struct log_entry *entry) {
        struct journal *journal = container_of(log, struct journal, log);
        struct iovec vec[FIELDS_MAX];
        struct fields fields = {};
        char priority[16];
        int r;

        (void)snprintf(priority, sizeof(priority), "%d", (int)entry->level);
        fields_add(&fields, "MESSAGE", entry->message);
        fields_add(&fields, "PRIORITY", priority);
        fields_add(&fields, "MESSAGE_ID", entry->event ? entry->event->id : NULL);
        fields_add(&fields, "SYSLOG_IDENTIFIER", journal->identifier);
        for (int i = 0; i < _LOG_FIELD_N; i++)
                fields_add(&fields, log_field_key((enum log_field_name)i), entry->fields[i]);

        r = fields.bytes.error;
        if (r == 0) {
                for (size_t i = 0; i < fields.n; i++) {
                        vec[i].iov_base = fields.bytes.data + fields.begin[i];
                        vec[i].iov_len = fields.begin[i + 1] - fields.begin[i];
                }
                r = sd_journal_sendv(vec, (int)fields.n);
        }
        strbuf_deinit(&fields.bytes);
        if (r < 0)
                console_write(log, entry);
}

static const struct log_ops journal_ops = {
        .write = journal_write,
};

/* ---- life ---- */

bool journal_is_stream(int fd, const char *journal_stream) {
        uint64_t device, inode;
        const char *colon;
        struct stat st;

        if (!journal_stream)
                return false;
        colon = strchr(journal_stream, ':');
        if (!colon ||
            str_parse_u64(journal_stream, (size_t)(colon - journal_stream), UINT64_MAX, &device) <
                    0 ||
            str_parse_u64(colon + 1, strlen(colon + 1), UINT64_MAX, &inode) < 0)
                return false;
        if (fstat(fd, &st) < 0)
                return false;
        return (uint64_t)st.st_dev == device && (uint64_t)st.st_ino == inode;
}

static int journal_new(const struct log_options *options, const struct log_ops *ops, int fd,
                       struct log **ret_log) {
        struct journal *journal = calloc(1, sizeof(*journal));

        if (!journal)
                return -ENOMEM;
        journal->log = (struct log){.ops = ops, .most = options->most};
        journal->identifier = options->identifier;
        journal->fd = fd;
        journal->dim = !options->no_color && isatty(fd);
        *ret_log = &journal->log;
        return 0;
}

int log_new_journal(const struct log_options *options, struct log **ret_log) {
        return journal_new(options, &journal_ops, STDERR_FILENO, ret_log);
}

int log_new_console(const struct log_options *options, int fd, struct log **ret_log) {
        return journal_new(options, &console_ops, fd, ret_log);
}

int log_new_auto(const struct log_options *options, struct log **ret_log) {
        if (journal_is_stream(STDERR_FILENO, options->journal_stream))
                return log_new_journal(options, ret_log);
        return log_new_console(options, STDERR_FILENO, ret_log);
}

struct log *log_free(struct log *log) {
        if (log)
                free(container_of(log, struct journal, log));
        return NULL;
}
