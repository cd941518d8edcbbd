/*
 * Strings of the protocols: ASCII alone, whatever the locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline char ascii_lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool ascii_is_alnum(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_digit(char c) {
        return c >= '0' && c <= '9';
}

bool str_equal_nocase(const char *a, const char *b);
/* A total order, by bytes after folding A-Z. */
int str_compare_nocase(const char *a, const char *b);
bool str_starts_with(const char *text, const char *prefix);
bool str_starts_with_nocase(const char *text, const char *prefix);
void str_lower(char *text);

/* Matches @text whole against @pattern without case; '*' stands for any run of characters, and is
 * the only wildcard (resource group names may hold '?'-less brackets and dots). Linear in memory,
 * at worst the product of the lengths in time. */
bool str_matches_glob_nocase(const char *pattern, const char *text);

/* Bytes of the character at @text that may be shown to people; 0 where there is none (RFC 3629 section 4),
 * or one that steers a terminal or misleads the eye: C0, DEL, C1, separators of lines, marks and
 * overrides of direction. @len is at least 1. */
size_t str_shown_bytes(const char *text, size_t len);

/* Parses a decimal number of digits alone (no sign, no space, no leading zero but "0" itself).
 * Returns 0, -EINVAL, or -ERANGE when it is above @max. */
int str_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret_value);

/*
 * The memory cannot be told from fresh memory afterwards, whatever the optimizer thinks. For
 * secrets. Copes with NULL.
 */
void memory_wipe(void *memory, size_t len);
/* Wipes and frees a string; returns NULL. */
char *str_wipe_free(char *secret);

/* Edit distance (Levenshtein), for "did you mean"; @limit and above are reported as @limit. */
unsigned str_distance(const char *a, const char *b, unsigned limit);
