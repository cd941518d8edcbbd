#include "base/strbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void strbuf_deinit(struct strbuf *s) {
        free(s->data);
        *s = (struct strbuf){.max = s->max};
}

void strbuf_clear(struct strbuf *s) {
        s->len = 0;
        s->error = 0;
        if (s->data)
                s->data[0] = '\0';
}

static size_t strbuf_ceiling(const struct strbuf *s) {
        return s->max ? s->max : STRBUF_MAX_DEFAULT;
}

static bool strbuf_grow(struct strbuf *s, size_t more) {
        size_t max = strbuf_ceiling(s), size;
        char *data;

        if (s->error)
                return false;
        if (more > max || s->len > max - more) {
                s->error = -E2BIG;
                return false;
        }
        if (s->len + more + 1 <= s->size)
                return true;

        size = MAX(s->len + more + 1, s->size * 2);
        size = MAX(size, (size_t)64);
        data = realloc(s->data, size);
        if (!data) {
                s->error = -ENOMEM;
                return false;
        }
        s->data = data;
        s->size = size;
        return true;
}

/* Mostly there is room already; texts are written in many small pieces. */
static inline bool has_room(const struct strbuf *s, size_t more) {
        return !s->error && more < s->size - s->len && s->len + more <= strbuf_ceiling(s);
}

bool strbuf_reserve(struct strbuf *s, size_t more) {
        return has_room(s, more) || strbuf_grow(s, more);
}

void strbuf_append(struct strbuf *s, const void *bytes, size_t len) {
        if (!strbuf_reserve(s, len))
                return;
        if (len > 0)
                memcpy(s->data + s->len, bytes, len);
        s->len += len;
        s->data[s->len] = '\0';
}

void strbuf_append_str(struct strbuf *s, const char *text) {
        strbuf_append(s, text, strlen(text));
}

void strbuf_append_char(struct strbuf *s, char c) {
        if (!strbuf_reserve(s, 1))
                return;
        s->data[s->len++] = c;
        s->data[s->len] = '\0';
}

void strbuf_vappendf(struct strbuf *s, const char *format, va_list ap) {
        size_t room = s->data ? s->size - s->len : 0;
        va_list again;
        int n;

        /* Into the room there is: mostly that is enough, and what did not fit tells how much would. */
        if (s->error)
                return;
        va_copy(again, ap);
        n = vsnprintf(room > 0 ? s->data + s->len : NULL, room, format, again);
        va_end(again);
        if (n < 0) {
                if (room > 0)
                        s->data[s->len] = '\0';
                s->error = -EINVAL;
                return;
        }
        if ((size_t)n >= room || s->len + (size_t)n > strbuf_ceiling(s)) {
                if (room > 0)
                        s->data[s->len] = '\0';
                if (!strbuf_reserve(s, (size_t)n))
                        return;
                vsnprintf(s->data + s->len, (size_t)n + 1, format, ap);
        }
        s->len += (size_t)n;
}

void strbuf_appendf(struct strbuf *s, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(s, format, ap);
        va_end(ap);
}

const char *strbuf_str(const struct strbuf *s) {
        return s->data ? s->data : "";
}

int strbuf_take(struct strbuf *s, char **ret_text) {
        int r;

        strbuf_append(s, "", 0); /* an empty text is a text too */
        r = s->error;
        if (r < 0) {
                strbuf_deinit(s);
                return r;
        }

        *ret_text = s->data;
        *s = (struct strbuf){.max = s->max};
        return 0;
}
