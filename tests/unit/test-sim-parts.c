/*
 * The small parts of sim: streams, store, zones, trace.
 */
#include "base/macros.h"
#include "sim/random.h"
#include "sim/store.h"
#include "sim/trace.h"
#include "sim/zones.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Pinned: a change would make every seed ever reported another one. */
static void test_streams(void **state) {
        struct sim_stream a = sim_stream_init(1, 2, 3), b = sim_stream_init(1, 2, 4);
        struct sim_random *random;
        uint64_t first;

        assert_true(sim_mix(1, 2) == UINT64_C(0xbf7f6a7a7887b1ee));
        assert_true(sim_hash_str(SIM_HASH_START, "a") == UINT64_C(0xaf63dc4c8601ec8c));
        assert_true(sim_hash_nocase(SIM_HASH_START, "A", 1) == UINT64_C(0xaf63dc4c8601ec8c));
        assert_true(sim_stream_u64(&a) != sim_stream_u64(&b));
        assert_int_equal(sim_stream_below(&a, 0), 0);
        for (int i = 0; i < 1000; i++)
                assert_true(sim_stream_below(&a, 7) < 7);

        /* Draws of one purpose do not shift another's. */
        assert_int_equal(sim_random_new(9, 1, &random), 0);
        first = random_u64(sim_random_interface(random), RANDOM_BACKOFF);
        random = sim_random_free(random);
        assert_int_equal(sim_random_new(9, 1, &random), 0);
        random_u64(sim_random_interface(random), RANDOM_REQUEST_ID);
        assert_true(random_u64(sim_random_interface(random), RANDOM_BACKOFF) == first);
        sim_random_free(random);
}

static void assert_file(struct store *store, const char *name, const char *expected) {
        _cleanup_(freep) char *bytes = NULL;
        size_t len;
        int r = store_read(store, name, &bytes, &len);

        if (!expected) {
                assert_int_equal(r, -ENOENT);
                return;
        }
        assert_int_equal(r, 0);
        assert_int_equal(len, strlen(expected));
        assert_string_equal(bytes, expected);
}

static void test_store(void **state) {
        struct sim_store *sim;
        struct store *store;
        char *bytes;
        size_t len;

        assert_int_equal(sim_store_new(1, 1, &sim), 0);
        store = sim_store_interface(sim);
        assert_file(store, "a", NULL);
        assert_int_equal(store_write(store, "a", "one", 3), 0);
        assert_int_equal(store_write(store, "../a", "x", 1), -EINVAL);
        assert_int_equal(store_write(store, "a/b", "x", 1), -EINVAL);
        sim_store_fail(sim, 1, -ENOSPC);
        assert_int_equal(store_write(store, "a", "two", 3), -ENOSPC);
        assert_file(store, "a", "one");
        assert_int_equal(store_write(store, "a", "two", 3), 0);
        sim_store_crash(sim); /* what returned 0 survives */
        assert_file(store, "a", "two");
        assert_int_equal(store_remove(store, "b"), 0);
        assert_int_equal(sim_store_files(sim), 1);
        assert_true(sim_store_damage(sim, 7));
        assert_file(store, "a", "t");
        assert_int_equal(store_write(store, "b", "b", 1), 0);
        assert_int_equal(store_rename(store, "a", "b"), -EEXIST);
        assert_int_equal(store_rename(store, "none", "c"), -ENOENT);
        assert_int_equal(store_rename(store, "a", "a/b"), -EINVAL);
        sim_store_fail(sim, 1, -EROFS);
        assert_int_equal(store_rename(store, "a", "c"), -EROFS);
        assert_int_equal(store_rename(store, "a", "c"), 0);
        sim_store_crash(sim);
        assert_file(store, "a", NULL);
        assert_file(store, "b", "b");
        assert_file(store, "c", "t");
        sim_store_fail_reads(sim, 1, -EMFILE);
        assert_int_equal(store_read(store, "c", &bytes, &len), -EMFILE);
        assert_file(store, "c", "t");
        sim_store_lose(sim);
        assert_false(sim_store_damage(sim, 7));
        assert_file(store, "a", NULL);
        sim_store_free(sim);
}

/* A crash after a removal, and in a write: both ends occur, and nothing between. */
static void test_store_tears(void **state) {
        unsigned back = 0, old = 0;

        for (unsigned seed = 0; seed < 64; seed++) {
                _cleanup_(sim_store_freep) struct sim_store *sim = NULL;
                _cleanup_(freep) char *bytes = NULL;
                struct store *store;
                size_t len;

                assert_int_equal(sim_store_new(seed, 1, &sim), 0);
                store = sim_store_interface(sim);
                store_write(store, "a", "old", 3);
                store_remove(store, "a");
                assert_file(store, "a", NULL);
                sim_store_crash(sim);
                back += sim_store_files(sim);

                store_write(store, "b", "old", 3);
                sim_store_tear_next(sim);
                assert_int_equal(store_write(store, "b", "new", 3), -EIO);
                sim_store_crash(sim);
                assert_int_equal(store_read(store, "b", &bytes, &len), 0);
                assert_true(strcmp(bytes, "old") == 0 || strcmp(bytes, "new") == 0);
                old += strcmp(bytes, "old") == 0;
        }
        assert_in_range(back, 10, 54);
        assert_in_range(old, 10, 54);
}

static void test_zones(void **state) {
        _cleanup_(sim_zones_freep) struct sim_zones *sim = NULL;
        static const char *const wrong[] = {"", "/UTC", "a//b", "../UTC", "a/../b", "a/", "a b"};
        struct zones *zones;
        char *bytes;
        size_t len;

        assert_int_equal(sim_zones_new(&sim), 0);
        zones = sim_zones_interface(sim);
        assert_int_equal(zones_read(zones, "UTC", &bytes, &len), 0);
        assert_int_equal(len, 54 * 2 + 6);
        assert_memory_equal(bytes, "TZif2", 5);
        assert_memory_equal(bytes + 54, "TZif2", 5);
        assert_int_equal(bytes[39], 1); /* one type */
        assert_int_equal(bytes[43], 4); /* four characters */
        assert_memory_equal(bytes + len - 6, "\nUTC0\n", 6);
        free(bytes);
        assert_int_equal(zones_read(zones, "Europe/Stockholm", &bytes, &len), -ENOENT);
        assert_int_equal(sim_zones_add(sim, "Europe/Stockholm", "xyz", 3), 0);
        assert_int_equal(sim_zones_add(sim, "Europe/Stockholm", "abc", 3), 0);
        assert_int_equal(zones_read(zones, "Europe/Stockholm", &bytes, &len), 0);
        assert_string_equal(bytes, "abc");
        free(bytes);
        sim_zones_remove(sim, "Europe/Stockholm");
        assert_int_equal(zones_read(zones, "Europe/Stockholm", &bytes, &len), -ENOENT);
        sim_zones_remove(sim, "Europe/Stockholm");
        assert_int_equal(zones_read(zones, "UTC", &bytes, &len), 0);
        free(bytes);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(zones_read(zones, wrong[i], &bytes, &len), -EINVAL);
}

static void test_trace(void **state) {
        _cleanup_(sim_freep) struct sim *sim = NULL;
        _cleanup_(sim_trace_freep) struct sim_trace *trace = NULL;
        _cleanup_(sim_log_freep) struct sim_log *log = NULL;
        struct log_entry entry;
        uint64_t hash;

        assert_int_equal(sim_new(utc_from_seconds(0), &sim), 0);
        assert_int_equal(sim_trace_new(sim, NULL, NULL, &trace), 0);
        assert_int_equal(sim_log_new(trace, 2, LOG_LEVEL_INFO, &log), 0);
        assert_null(sim_trace_tail(trace, 0));
        sim_run_until(sim, (struct mono){1500000007});
        sim_trace_say(trace, 1, "hello\n%d", 5);
        assert_string_equal(sim_trace_tail(trace, 0), "+1.500000007 n1 hello?5");
        hash = sim_hash_bulk(SIM_HASH_START, "+1.500000007 n1 hello?5", 23);
        assert_true(sim_trace_hash(trace) == hash);

        log_begin(&entry, LOG_LEVEL_WARNING);
        log_field(&entry, LOG_DISK, "s/g/d");
        log_commit(sim_log_interface(log), &entry, "lost %s", "it");
        log_say(sim_log_interface(log), LOG_LEVEL_DEBUG, "not written");
        assert_string_equal(sim_trace_tail(trace, 0),
                            "+1.500000007 n2 warning lost it SNAPKEEP_DISK=s/g/d");
        assert_string_equal(sim_trace_tail(trace, 1), "+1.500000007 n1 hello?5");
        assert_int_equal(sim_trace_lines(trace), 2);
        assert_int_equal(sim_log_count(log, LOG_LEVEL_WARNING), 1);
        for (int i = 0; i < SIM_TRACE_TAIL; i++)
                sim_trace_say(trace, 1, "%d", i);
        assert_string_equal(sim_trace_tail(trace, SIM_TRACE_TAIL - 1), "+1.500000007 n1 0");
        assert_null(sim_trace_tail(trace, SIM_TRACE_TAIL));
        hash = sim_trace_hash(trace);
        sim_trace_write(trace, 3, "a\tb", 3);
        assert_string_equal(sim_trace_tail(trace, 0), "+1.500000007 n3 a?b");
        hash = sim_hash_bulk(hash, "+1.500000007 n3 a?b", 19);
        assert_true(sim_trace_hash(trace) == hash);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_streams),     cmocka_unit_test(test_store),
                cmocka_unit_test(test_store_tears), cmocka_unit_test(test_zones),
                cmocka_unit_test(test_trace),
        };

        return cmocka_run_group_tests_name("sim-parts", tests, NULL, NULL);
}
