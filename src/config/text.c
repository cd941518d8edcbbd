#include "config/text.h"

#include "config/diagnostics.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>

/* Chosen: a file in another encoding has hundreds of these, and a few show which it is. */
#define TEXT_PROBLEMS_MAX 20

size_t utf8_decode(const char *text, size_t len, uint32_t *ret_character) {
        /* By length: the bits of the first byte that are data, and the smallest value that needs
         * the length, since a longer form of a character is refused (RFC 3629 section 3). */
        static const unsigned char data_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        unsigned char first = (unsigned char)text[0];
        uint32_t character;
        size_t n;

        n = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (n == 0 || n > len || first >= 0xf8)
                return 0;

        character = first & data_bits[n];
        for (size_t i = 1; i < n; i++) {
                unsigned char c = (unsigned char)text[i];

                if ((c & 0xc0) != 0x80)
                        return 0;
                character = character << 6 | (c & 0x3f);
        }
        if (character < smallest[n] || character > 0x10ffff ||
            (character >= 0xd800 && character <= 0xdfff))
                return 0;
        *ret_character = character;
        return n;
}

bool character_is_plain(uint32_t c) {
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
                return false;
        if (c == 0x2028 || c == 0x2029)
                return false;
        /* Unicode's explicit directional marks: embeddings, overrides and isolates. */
        if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
                return false;
        return c != 0xfeff && (c & 0xfffe) != 0xfffe;
}

bool text_is_plain(const char *text, size_t len) {
        for (size_t at = 0; at < len;) {
                uint32_t character;
                size_t n;

                n = utf8_decode(text + at, len - at, &character);
                if (n == 0 || !character_is_plain(character))
                        return false;
                at += n;
        }
        return true;
}

size_t text_utf16_len(const char *text, size_t len) {
        size_t units = 0;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];

                units += (c & 0xc0) != 0x80; /* each first byte is a character */
                units += c >= 0xf0;          /* above U+FFFF it takes a second unit */
        }
        return units;
}

static void complain(struct diagnostics *diagnostics, uint32_t line, uint32_t column,
                     const char *message, const char *expected) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, line, column, "", message, expected, NULL);
}

static bool check_beginning(const char *bytes, size_t len, struct diagnostics *diagnostics) {
        if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
                complain(diagnostics, 1, 1, "the file begins with a byte order mark",
                         "UTF-8 without one");
                return false;
        }
        if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
                complain(diagnostics, 1, 1, "the file is UTF-16", "UTF-8");
                return false;
        }
        return true;
}

bool text_check(const char *bytes, size_t len, struct diagnostics *diagnostics) {
        uint32_t line = 1, column = 1;
        unsigned problems = 0;

        if (!check_beginning(bytes, len, diagnostics))
                return false;

        for (size_t at = 0; at < len && problems < TEXT_PROBLEMS_MAX; column++) {
                uint32_t c = 0;
                size_t n;

                n = utf8_decode(bytes + at, len - at, &c);
                if (n == 0) {
                        complain(diagnostics, line, column, "a byte that is not UTF-8", NULL);
                        problems++;
                        n = 1;
                } else if (c == '\0') {
                        complain(diagnostics, line, column, "a NUL byte: this is not a text file",
                                 NULL);
                        return false;
                } else if (c == '\n') {
                        line++;
                        column = 0;
                } else if (c == '\r' && at + 1 < len && bytes[at + 1] == '\n') {
                        /* the first half of a line end */
                } else if (c != '\t' && !character_is_plain(c)) {
                        char message[64];

                        snprintf(message, sizeof(message), "a control character (U+%04X)", c);
                        complain(diagnostics, line, column, message, NULL);
                        problems++;
                }
                at += n;
        }
        return problems == 0;
}
