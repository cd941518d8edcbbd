/*
 * GUIDs, interned strings, the digest, HTTP values and log entries.
 */
#include "base/guid.h"
#include "base/intern.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/sha256.h"
#include "base/transport.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_guid(void **state) {
        char buffer[GUID_TEXT_SIZE];
        struct guid a, b;

        assert_int_equal(guid_parse("DBF7DD5E-5e67-4796-90b2-b2a1dc97a7fb", 36, &a), 0);
        assert_string_equal(guid_format(&a, buffer), "dbf7dd5e-5e67-4796-90b2-b2a1dc97a7fb");
        assert_int_equal(guid_parse(buffer, 36, &b), 0);
        assert_int_equal(guid_compare(&a, &b), 0);
        assert_int_equal(guid_parse("dbf7dd5e-5e67-4796-90b2-b2a1dc97a7f", 35, &b), -EINVAL);
        assert_int_equal(guid_parse("dbf7dd5e05e67-4796-90b2-b2a1dc97a7fb", 36, &b), -EINVAL);
        assert_int_equal(guid_parse("gbf7dd5e-5e67-4796-90b2-b2a1dc97a7fb", 36, &b), -EINVAL);
        a = guid_from_random(UINT64_MAX, UINT64_MAX);
        assert_string_equal(guid_format(&a, buffer), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void test_intern(void **state) {
        _cleanup_(intern_freep) struct intern *intern = NULL;
        uint32_t first, again, number;
        const char *address;
        char text[16];

        assert_int_equal(intern_new(&intern), 0);
        assert_int_equal(intern_add(intern, "westus!", 6, &first), 0);
        assert_int_equal(first, 1);
        address = intern_str(intern, first);
        for (uint32_t i = 0; i < 5000; i++) {
                int n = snprintf(text, sizeof(text), "rg-%u", i);

                assert_int_equal(intern_add(intern, text, (size_t)n, &number), 0);
                assert_int_equal(number, i + 2);
        }
        assert_int_equal(intern_add(intern, "westus", 6, &again), 0);
        assert_int_equal(again, first);
        assert_ptr_equal(intern_str(intern, first), address);
        assert_string_equal(intern_str(intern, 4001), "rg-3999");
        assert_int_equal(intern_find(intern, "rg-17"), 19);
        assert_int_equal(intern_find(intern, "rg-9999"), 0);
        assert_string_equal(intern_str(intern, 0), "");
}

static void test_sha256(void **state) {
        /* Reference: printf 'abc\0' | sha256sum; the second is printf 'a\0bc\0'. */
        static const char *const one[] = {"abc"}, *const two[] = {"a", "bc"};
        uint8_t digest[SHA256_SIZE];

        assert_int_equal(sha256_fields(one, 1, digest), 0);
        assert_memory_equal(digest, "\xdc\x11\x14\xcd", 4);
        assert_int_equal(sha256_fields(two, 2, digest), 0);
        assert_memory_not_equal(digest, "\xdc\x11\x14\xcd", 4);
        assert_int_equal(sha256_bytes("abc", 4, digest), 0);
        assert_memory_equal(digest, "\xdc\x11\x14\xcd", 4);
        assert_int_equal(sha256_bytes("a\0b", 3, digest), 0); /* printf 'a\0b' | sha256sum */
        assert_memory_equal(digest, "\x59\xb2\x71\xae", 4);
}

static void test_headers(void **state) {
        struct http_headers headers = {};

        assert_int_equal(http_headers_add(&headers, "Retry-After: 17", 11, "17 ", 2), 0);
        assert_string_equal(http_headers_get(&headers, "retry-after"), "17");
        assert_null(http_headers_get(&headers, "retry"));
        for (int i = 1; i < HTTP_HEADERS_MAX; i++)
                assert_int_equal(http_headers_add_str(&headers, "x", "y"), 0);
        assert_int_equal(http_headers_add_str(&headers, "x", "y"), -E2BIG);
        http_headers_deinit(&headers);
        assert_int_equal(headers.n, 0);
}

struct test_log {
        struct log log;
        unsigned n;
        char text[LOG_ENTRY_BYTES];
        char disk[LOG_ENTRY_BYTES];
};

static void test_log_write(struct log *log, const struct log_entry *entry) {
        struct test_log *t = container_of(log, struct test_log, log);

        t->n++;
        snprintf(t->text, sizeof(t->text), "%s", entry->message);
        snprintf(t->disk, sizeof(t->disk), "%s", entry->fields[LOG_DISK] ?: "");
}

static void test_log(void **state) {
        static const struct log_ops ops = {.write = test_log_write};
        struct test_log t = {.log = {&ops, LOG_LEVEL_INFO}};
        struct log_entry entry;
        char big[LOG_ENTRY_BYTES + 100];

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_commit(&t.log, &entry, "dropped");
        assert_int_equal(t.n, 0);

        log_begin(&entry, LOG_LEVEL_INFO);
        log_field(&entry, LOG_DISK, "s/g/d");
        log_field(&entry, LOG_POLICY, NULL);
        assert_null(entry.fields[LOG_POLICY]);
        log_commit(&t.log, &entry, "snapshot %d", 7);
        assert_string_equal(t.text, "snapshot 7");
        assert_string_equal(t.disk, "s/g/d");

        /* What does not fit is cut and says so; an entry that is full already still has a text. */
        memset(big, 'x', sizeof(big));
        big[sizeof(big) - 1] = '\0';
        log_begin(&entry, LOG_LEVEL_INFO);
        log_field(&entry, LOG_DISK, big);
        log_commit(&t.log, &entry, "after");
        assert_int_equal(strlen(t.disk), LOG_ENTRY_BYTES - 1);
        assert_string_equal(t.disk + strlen(t.disk) - 3, "...");
        assert_string_equal(t.text, "...");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_guid),   cmocka_unit_test(test_intern),
                cmocka_unit_test(test_sha256), cmocka_unit_test(test_headers),
                cmocka_unit_test(test_log),
        };

        return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
