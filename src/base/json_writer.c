#include "base/json_writer.h"

#include <assert.h>
#include <stdint.h>

void json_append_quoted(struct strbuf *out, const char *text) {
        strbuf_append_char(out, '"');
        while (*text) {
                size_t plain = 0;

                while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
                       text[plain] != '\\')
                        plain++;
                strbuf_append(out, text, plain);
                text += plain;
                if (*text == '\0')
                        break;
                if (*text == '"' || *text == '\\')
                        strbuf_appendf(out, "\\%c", *text);
                else
                        strbuf_appendf(out, "\\u%04x", (unsigned)(unsigned char)*text);
                text++;
        }
        strbuf_append_char(out, '"');
}

static void break_line(struct json_writer *w) {
        if (!w->pretty)
                return;
        strbuf_append_char(w->out, '\n');
        for (unsigned i = 0; i < w->depth; i++)
                strbuf_append_str(w->out, "  ");
}

/* What stands before every value: the comma, the line, the name. */
static void begin(struct json_writer *w, const char *name) {
        if (w->depth > 0) {
                bool *more = &w->more[w->depth - 1];

                if (*more)
                        strbuf_append_char(w->out, ',');
                *more = true;
                break_line(w);
        }
        if (name) {
                json_append_quoted(w->out, name);
                strbuf_append_str(w->out, w->pretty ? ": " : ":");
        }
}

void json_open(struct json_writer *w, const char *name, char bracket) {
        assert(w->depth < JSON_WRITER_DEPTH_MAX);

        begin(w, name);
        strbuf_append_char(w->out, bracket);
        w->more[w->depth] = false;
        w->close[w->depth++] = bracket == '{' ? '}' : ']';
}

void json_close(struct json_writer *w) {
        assert(w->depth > 0);

        w->depth--;
        if (w->more[w->depth])
                break_line(w);
        strbuf_append_char(w->out, w->close[w->depth]);
        if (w->depth == 0 && w->pretty)
                strbuf_append_char(w->out, '\n');
}

void json_write_string(struct json_writer *w, const char *name, const char *value) {
        begin(w, name);
        json_append_quoted(w->out, value);
}

void json_write_int(struct json_writer *w, const char *name, int64_t value) {
        uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
        char text[20];
        size_t at = sizeof(text);

        begin(w, name);
        do {
                text[--at] = (char)('0' + left % 10);
                left /= 10;
        } while (left > 0);
        if (value < 0)
                strbuf_append_char(w->out, '-');
        strbuf_append(w->out, text + at, sizeof(text) - at);
}

void json_write_bool(struct json_writer *w, const char *name, bool value) {
        begin(w, name);
        strbuf_append_str(w->out, value ? "true" : "false");
}

void json_write_null(struct json_writer *w, const char *name) {
        begin(w, name);
        strbuf_append_str(w->out, "null");
}

void json_write_utc(struct json_writer *w, const char *name, struct utc value) {
        char text[UTC_TEXT_SIZE];

        if (!utc_is_set(value) || value.ticks == UTC_NEVER.ticks)
                json_write_null(w, name);
        else
                json_write_string(w, name, utc_format(value, text));
}
