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
