/*
 * The derived name. Checking a name means deriving it again: the tags say which series and slot a
 * snapshot claims, and only the name that follows from them is believed.
 */
#include "core/naming.h"

#include "base/sha256.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void naming_region(const char *location, char *out) {
        for (; *location; location++)
                if (*location != ' ')
                        *out++ = ascii_lower(*location);
        *out = '\0';
}

/* The hexadecimal digits of a series. Each field is hashed with its end (sha256.h), so that no two
 * series share their bytes. */
static int series_hex(const struct series_key *key, char ret_hex[static NAMING_SERIES_HEX + 1]) {
        const char *fields[] = {key->owner, key->generation, key->policy, key->region};
        static const char digits[] = "0123456789abcdef";
        uint8_t digest[SHA256_SIZE];
        int r;

        r = sha256_fields(fields, ARRAY_SIZE(fields), digest);
        if (r < 0)
                return r;

        for (size_t i = 0; i < NAMING_SERIES_HEX / 2; i++) {
                ret_hex[2 * i] = digits[digest[i] >> 4];
                ret_hex[2 * i + 1] = digits[digest[i] & 0xf];
        }
        ret_hex[NAMING_SERIES_HEX] = '\0';
        return 0;
}

size_t naming_disk(const char *disk_name, char ret_part[static NAMING_DISK_MAX + 1]) {
        size_t n = 0;

        for (; disk_name[n] && n < NAMING_DISK_MAX; n++) {
                char c = disk_name[n];

                ret_part[n] = (ascii_is_alnum(c) || c == '_' || c == '-') ? c : '_';
        }
        /* A snapshot's name begins with a letter or digit (FACTS section 1), a disk's with any. */
        if (n > 0 && !ascii_is_alnum(ret_part[0]))
                ret_part[0] = 'x';
        ret_part[n] = '\0';
        return n;
}

int naming_prefix(const char *disk_name, const struct series_key *key,
                  char ret_prefix[static NAMING_PREFIX_SIZE]) {
        char hex[NAMING_SERIES_HEX + 1], prefix[NAMING_PREFIX_SIZE];
        size_t n;
        int r;

        r = series_hex(key, hex);
        if (r < 0)
                return r;

        n = naming_disk(disk_name, prefix);
        prefix[n++] = '-';
        memcpy(prefix + n, hex, sizeof(hex));
        memcpy(ret_prefix, prefix, n + sizeof(hex));
        return 0;
}

void naming_snapshot(const char *prefix, struct utc slot, unsigned attempt, char *ret_name) {
        char *end = stpcpy(ret_name, prefix);

        assert(attempt >= 1 && attempt <= NAMING_ATTEMPT_MAX);

        *end++ = '-';
        utc_format_slot(slot, end);
        end += UTC_SLOT_SIZE - 1;
        if (attempt > 1) {
                *end++ = '-';
                *end++ = (char)('0' + attempt);
                *end = '\0';
        }
}

int naming_parse(const char *name, const struct series_key *key, struct utc slot,
                 size_t *ret_prefix_len, unsigned *ret_attempt) {
        char hex[NAMING_SERIES_HEX + 1], tail[1 + NAMING_SERIES_HEX + 1 + UTC_SLOT_SIZE];
        char slot_text[UTC_SLOT_SIZE];
        size_t len = strlen(name), tail_len, prefix_len;
        unsigned attempt = 1;
        int r;

        r = series_hex(key, hex);
        if (r < 0)
                return r;
        tail_len = (size_t)sprintf(tail, "-%s-%s", hex, utc_format_slot(slot, slot_text));

        if (len >= 2 && name[len - 2] == '-' && name[len - 1] >= '2' && name[len - 1] <= '9') {
                attempt = (unsigned)(name[len - 1] - '0');
                len -= 2;
        }
        if (len <= tail_len || len - tail_len > NAMING_DISK_MAX)
                return NAMING_E_OTHER;

        prefix_len = len - tail_len;
        for (size_t i = 0; i < prefix_len; i++)
                if (!ascii_is_alnum(name[i]) && name[i] != '_' && name[i] != '-')
                        return NAMING_E_OTHER;
        if (!str_starts_with_nocase(name + prefix_len, tail))
                return NAMING_E_OTHER;

        *ret_prefix_len = prefix_len + 1 + NAMING_SERIES_HEX;
        *ret_attempt = attempt;
        return 0;
}
