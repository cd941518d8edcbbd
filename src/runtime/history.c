#include "runtime/history.h"

#include "base/strbuf.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define TICKS_PER_USEC (TICKS_PER_SEC / 1000000)

struct history {
        sd_journal *journal;
        struct strbuf bytes; /* the entry's values, NUL ended */
        size_t at[_LOG_FIELD_N], message;
};

static int add_match(sd_journal *journal, const char *name, const char *value) {
        _cleanup_(strbuf_deinit) struct strbuf match = {};

        strbuf_appendf(&match, "%s=%s", name, value);
        return match.error ?: sd_journal_add_match(journal, match.data, match.len);
}

static int history_open(const char *unit, sd_journal **ret_journal) {
        sd_journal *journal;
        int r;

        r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r < 0)
                return r;
        /* What may not be read is left out without an error. */
        if (sd_journal_has_persistent_files(journal) <= 0 &&
            sd_journal_has_runtime_files(journal) <= 0) {
                sd_journal_close(journal);
                return HISTORY_E_HIDDEN;
        }
        /* Matches of one field are alternatives. */
        r = add_match(journal, "_SYSTEMD_UNIT", unit);
        for (int i = 0; i < _LOG_EVENT_N && r >= 0; i++)
                r = add_match(journal, "MESSAGE_ID", event_entry((enum log_event)i)->id);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        if (r < 0) {
                sd_journal_close(journal);
                return r;
        }
        *ret_journal = journal;
        return 0;
}

/* Where the field's value begins among the bytes; 0 when the entry has none: a byte stands before. */
static size_t keep_field(struct history *history, const char *name) {
        size_t len, skip = strlen(name) + 1, at = history->bytes.len;
        const void *data;

        if (sd_journal_get_data(history->journal, name, &data, &len) < 0 || len < skip)
                return 0;
        strbuf_append(&history->bytes, (const char *)data + skip, len - skip);
        strbuf_append_char(&history->bytes, '\0');
        return at;
}

static const char *kept(const struct history *history, size_t at) {
        return at > 0 ? history->bytes.data + at : NULL;
}

static const struct event_entry *event_of(const char *id) {
        for (int i = 0; id && i < _LOG_EVENT_N; i++)
                if (strcmp(event_entry((enum log_event)i)->id, id) == 0)
                        return event_entry((enum log_event)i);
        return NULL;
}

/* Returns 1 to go on, 0 to end, or a negative errno. */
static int tell_entry(struct history *history, struct utc since, history_fn fn, void *data) {
        struct history_entry entry = {};
        size_t id, priority;
        uint64_t usec;
        const char *level;
        int r;

        r = sd_journal_get_realtime_usec(history->journal, &usec);
        if (r < 0)
                return r;
        entry.at = (struct utc){(int64_t)usec * TICKS_PER_USEC};
        /* What is before it in the journal may be later all the same: a clock was set in between. */
        if (entry.at.ticks < since.ticks)
                return 1;

        strbuf_clear(&history->bytes);
        strbuf_append_char(&history->bytes, '-');
        id = keep_field(history, "MESSAGE_ID");
        priority = keep_field(history, "PRIORITY");
        history->message = keep_field(history, "MESSAGE");
        for (int i = 0; i < _LOG_FIELD_N; i++)
                history->at[i] = keep_field(history, log_field_key((enum log_field_name)i));
        if (history->bytes.error)
                return history->bytes.error;

        entry.event = event_of(kept(history, id));
        if (!entry.event)
                return 1;
        level = kept(history, priority) ?: "6";
        entry.level = level[0] >= '3' && level[0] <= '7' ? (enum log_level)(level[0] - '0')
                                                         : LOG_LEVEL_INFO;
        entry.message = kept(history, history->message) ?: "";
        for (int i = 0; i < _LOG_FIELD_N; i++)
                entry.fields[i] = kept(history, history->at[i]);
        return fn(&entry, data) ? 1 : 0;
}

int history_read(const char *unit, struct utc since, history_fn fn, void *data) {
        struct history history = {};
        int r;

        r = history_open(unit, &history.journal);
        if (r != 0)
                return r;
        while ((r = sd_journal_previous(history.journal)) > 0) {
                r = tell_entry(&history, since, fn, data);
                if (r <= 0)
                        break;
        }
        sd_journal_close(history.journal);
        strbuf_deinit(&history.bytes);
        return r < 0 ? r : 0;
}
