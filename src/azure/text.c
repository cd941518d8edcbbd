#include "azure/text.h"

#include "base/str.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Chosen: no word of a message is a token of so few characters, and no token is shorter. */
#define TOKEN_MIN 16

struct sink {
        char *out;
        size_t size, len;
        bool full;
};

static void put(struct sink *sink, const char *bytes, size_t n) {
        if (sink->full || n >= sink->size - sink->len) {
                sink->full = true; /* a later, shorter character must not follow a gap */
                return;
        }
        memcpy(sink->out + sink->len, bytes, n);
        sink->len += n;
}

/* The length of the well-formed UTF-8 character at @text, or 0 (RFC 3629 section 4). */
static size_t utf8_len(const unsigned char *text, size_t left) {
        size_t n = text[0] < 0x80   ? 1
                   : text[0] < 0xc2 ? 0
                   : text[0] < 0xe0 ? 2
                   : text[0] < 0xf0 ? 3
                                    : 4;

        if (n == 0 || text[0] > 0xf4 || n > left)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return n;
}

/* C0, DEL, C1, line and paragraph separators, marks and overrides of direction. */
static bool is_control(const unsigned char *c, size_t n) {
        if (n == 1)
                return c[0] < 0x20 || c[0] == 0x7f;
        if (n == 2)
                return c[0] == 0xc2 && c[1] < 0xa0;
        if (n == 3 && c[0] == 0xe2 && c[1] == 0x80)
                return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
        return n == 3 && c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

static bool ends_word(char c) {
        return (unsigned char)c <= ' ' || c == 0x7f || strchr("\"'<>()[]{},;|\\`", c);
}

static size_t word_len(const char *text, size_t left) {
        size_t n = 0;

        while (n < left && !ends_word(text[n]))
                n++;
        return n;
}

/* Letters of base64url and the dots between the parts of a JWT, and of base64. */
static size_t token_len(const char *text, size_t left) {
        size_t n = 0;

        while (n < left &&
               (ascii_is_alnum(text[n]) || (text[n] != '\0' && strchr("-_.~+/=", text[n]))))
                n++;
        return n;
}

static bool begins(const char *text, size_t left, const char *prefix) {
        size_t n = strlen(prefix);

        if (left < n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (ascii_lower(text[i]) != ascii_lower(prefix[i]))
                        return false;
        return true;
}

/*
 * Whether a secret begins at text[at]: how many bytes are copied, how many are dropped after them,
 * and what stands for those.
 */
static bool secret_at(const char *text, size_t len, size_t at, size_t *ret_keep, size_t *ret_drop,
                      const char **ret_note) {
        const char *here = text + at;
        size_t left = len - at, n;

        if (here[0] == '?') {
                n = word_len(here, left);
                *ret_keep = 1;
                *ret_drop = n - 1;
                *ret_note = "...";
                return memchr(here, '=', n) != NULL;
        }
        if (begins(here, left, "sig=") || begins(here, left, "sig%3d")) {
                *ret_keep = here[3] == '=' ? 4 : 6;
                *ret_drop = word_len(here + *ret_keep, left - *ret_keep);
                *ret_note = "...";
                return true;
        }
        *ret_note = "(token left out)";
        if (left > 3 && memcmp(here, "eyJ", 3) == 0) {
                *ret_keep = 0;
                *ret_drop = token_len(here, left);
                return *ret_drop >= TOKEN_MIN;
        }
        if (begins(here, left, "bearer ")) {
                *ret_keep = 7;
                *ret_drop = token_len(here + 7, left - 7);
                return *ret_drop >= TOKEN_MIN;
        }
        return false;
}

void text_sanitize(const char *text, size_t len, char *out, size_t size) {
        struct sink sink = {.out = out, .size = size};

        assert(size > 0);
        for (size_t i = 0; i < len && !sink.full;) {
                const unsigned char *c = (const unsigned char *)text + i;
                size_t keep, drop, n;
                const char *note;

                if (secret_at(text, len, i, &keep, &drop, &note)) {
                        put(&sink, text + i, keep);
                        put(&sink, note, strlen(note));
                        i += keep + drop;
                        continue;
                }

                n = utf8_len(c, len - i);
                if (n == 0)
                        put(&sink, "?", 1);
                else if (is_control(c, n))
                        put(&sink, " ", 1);
                else
                        put(&sink, text + i, n);
                i += n ? n : 1;
        }
        out[sink.len] = '\0';
}

void text_sanitize_code(const char *text, char *out, size_t size) {
        size_t n = 0;

        for (; text[n] && n < size - 1; n++)
                out[n] = ascii_is_alnum(text[n]) || strchr("._-", text[n]) ? text[n] : '_';
        out[n] = '\0';
}
