/*
 * Zone files made byte by byte, for tests of what reads them. A test that only wants a rule takes
 * zone-fixture.h.
 */
#pragma once

#include "base/time.h"
#include "core/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX 4096

struct file {
        char bytes[FILE_MAX];
        size_t len;
};

struct type {
        int32_t offset;
        unsigned char is_dst, name;
};

struct transition {
        int64_t at;
        unsigned char type;
};

static void put(struct file *f, const void *bytes, size_t n) {
        assert_true(f->len + n <= sizeof(f->bytes));
        memcpy(f->bytes + f->len, bytes, n);
        f->len += n;
}

static void put_be(struct file *f, int64_t value, size_t size) {
        for (size_t i = size; i > 0; i--) {
                char byte = (char)((uint64_t)value >> 8 * (i - 1));

                put(f, &byte, 1);
        }
}

/* The counts in the order of RFC 8536: isut, isstd, leap, times, types, chars. */
static void put_header(struct file *f, char version, const uint32_t counts[6]) {
        put(f, "TZif", 4);
        put(f, &version, 1);
        put(f, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
        for (size_t i = 0; i < 6; i++)
                put_be(f, counts[i], 4);
}

/* A whole file; the first block has one type and nothing else, as a reader of 64 bits skips it. */
static struct file file_make(const struct transition *transitions, size_t n_transitions,
                             const struct type *types, size_t n_types, const char *footer) {
        const uint32_t first[6] = {0, 0, 0, 0, 1, 4};
        const uint32_t second[6] = {(uint32_t)n_types,       (uint32_t)n_types, 0,
                                    (uint32_t)n_transitions, (uint32_t)n_types, 8};
        struct file f = {0};

        put_header(&f, '2', first);
        put(&f, "\0\0\0\0\0\0UTC\0", 10);
        put_header(&f, '2', second);
        for (size_t i = 0; i < n_transitions; i++)
                put_be(&f, transitions[i].at, 8);
        for (size_t i = 0; i < n_transitions; i++)
                put(&f, &transitions[i].type, 1);
        for (size_t i = 0; i < n_types; i++) {
                put_be(&f, types[i].offset, 4);
                put(&f, &types[i].is_dst, 1);
                put(&f, &types[i].name, 1);
        }
        put(&f, "AAA\0BBB\0", 8);
        for (size_t i = 0; i < 2 * n_types; i++)
                put(&f, "\0", 1);
        put(&f, "\n", 1);
        put(&f, footer, strlen(footer));
        put(&f, "\n", 1);
        return f;
}

/* An hour forward in March 2000, back in October, then the rule without daylight saving time. */
static const struct type some_types[] = {{3600, 0, 0}, {7200, 1, 4}};
static const struct transition some_transitions[] = {{954032400, 1}, {972781200, 0}};

static inline struct file some_file(void) {
        return file_make(some_transitions, 2, some_types, 2, "CET-1");
}

static inline struct zone *from_rule(const char *rule) {
        static const struct type type = {0, 0, 0};
        struct file f = file_make(NULL, 0, &type, 1, rule);
        struct zone *zone = NULL;

        assert_int_equal(zone_parse(f.bytes, f.len, rule, &zone), 0);
        return zone;
}

static inline int64_t instant(const char *text) {
        struct utc t;

        assert_int_equal(utc_parse(text, strlen(text), &t), 0);
        return utc_seconds(t);
}
