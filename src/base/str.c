#include "base/str.h"

#include "base/macros.h"

#include <errno.h>
#include <string.h>

int str_compare_nocase(const char *a, const char *b) {
        while (*a && ascii_lower(*a) == ascii_lower(*b)) {
                a++;
                b++;
        }
        return CMP((unsigned char)ascii_lower(*a), (unsigned char)ascii_lower(*b));
}

bool str_equal_nocase(const char *a, const char *b) {
        /* Ids are mostly written as they were before. */
        while (*a && (*a == *b || ascii_lower(*a) == ascii_lower(*b))) {
                a++;
                b++;
        }
        return *a == *b;
}

bool str_starts_with(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_starts_with_nocase(const char *text, const char *prefix) {
        while (*prefix)
                if (ascii_lower(*text++) != ascii_lower(*prefix++))
                        return false;
        return true;
}

void str_lower(char *text) {
        for (; *text; text++)
                *text = ascii_lower(*text);
}

bool str_matches_glob_nocase(const char *pattern, const char *text) {
        const char *star = NULL, *resume = NULL;

        /* On a mismatch the last star takes one character more; earlier stars need no second try,
         * since what they matched leaves the later part the longest text possible. */
        while (*text) {
                if (*pattern == '*') {
                        star = pattern++;
                        resume = text;
                } else if (ascii_lower(*pattern) == ascii_lower(*text)) {
                        pattern++;
                        text++;
                } else if (star) {
                        pattern = star + 1;
                        text = ++resume;
                } else
                        return false;
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}

/* Bytes of the well-formed character, or 0. */
static size_t character_bytes(const unsigned char *s, size_t len) {
        size_t n = s[0] < 0x80                   ? 1
                   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                   : (s[0] & 0xf0) == 0xe0       ? 3
                   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                 : 0;

        if (n == 0 || n > len)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
            (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
                return 0;
        return n;
}

size_t str_shown_bytes(const char *text, size_t len) {
        const unsigned char *s = (const unsigned char *)text;
        size_t n = character_bytes(s, len);
        bool steers = false;

        if (n == 1)
                steers = s[0] < 0x20 || s[0] == 0x7f;
        else if (n == 2)
                steers = s[0] == 0xc2 && s[1] < 0xa0;
        else if (n == 3 && s[0] == 0xe2 && s[1] == 0x80)
                steers = s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
        else if (n == 3 && s[0] == 0xe2 && s[1] == 0x81)
                steers = s[2] >= 0xa6 && s[2] <= 0xa9;
        return steers ? 0 : n;
}

int str_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret_value) {
        uint64_t value = 0;

        if (len == 0 || (len > 1 && text[0] == '0'))
                return -EINVAL;
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_digit(text[i]))
                        return -EINVAL;

        for (size_t i = 0; i < len; i++) {
                uint64_t digit = (uint64_t)(text[i] - '0');

                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, digit, &value) || value > max)
                        return -ERANGE;
        }
        *ret_value = value;
        return 0;
}

void memory_wipe(void *memory, size_t len) {
        if (!memory)
                return;
        explicit_bzero(memory, len);
}

char *str_wipe_free(char *secret) {
        if (secret)
                memory_wipe(secret, strlen(secret));
        free(secret);
        return NULL;
}

unsigned str_distance(const char *a, const char *b, unsigned limit) {
        unsigned row[64];
        size_t la = strlen(a), lb = strlen(b);

        if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
                return limit;

        for (size_t j = 0; j <= lb; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= la; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= lb; j++) {
                        unsigned above = row[j];
                        unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);

                        row[j] = MIN(MIN(row[j - 1], above) + 1, replaced);
                        diagonal = above;
                }
        }
        return MIN(row[lb], limit);
}
