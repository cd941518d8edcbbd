/*
 * The engine's small parts: ARM's clock, and what is told once.
 */
#include "base/macros.h"
#include "engine/arm_clock.h"
#include "engine/backoff.h"
#include "engine/conditions.h"
#include "engine/engine-internal.h"
#include "engine/operation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0 INT64_C(1793577600)

static struct utc at_ms(int64_t ms) {
        return (struct utc){T0 * TICKS_PER_SEC + ms * 10000};
}

static struct mono mono_ms(int64_t ms) {
        return (struct mono){(1000000 + ms) * NSEC_PER_MSEC};
}

/* A story of replies: at @now_ms a reply to what was sent at @sent_ms says @date_s, our clock @wall_ms. */
static void test_arm_clock(void **state) {
        static const struct {
                int line;
                bool fresh; /* a new clock */
                int64_t sent_ms, now_ms, date_s, wall_ms;
                bool agrees;
                int64_t arm_ms; /* what ARM's time is then */
        } rows[] = {
                /* ours agrees: believed at once, and ARM's time is a lower bound */
                {__LINE__, true, 0, 100, 0, 100, true, 0},
                {__LINE__, false, 400, 500, 0, 500, true,
                 400}, /* within the second: ours goes on */
                {__LINE__, false, 1000, 1100, 1, 1100, true, 1000},
                {__LINE__, false, 2000, 2100, 2, 2100, true, 2000},
                /* exactly a minute early, late and a bit more */
                {__LINE__, true, 0, 0, 60, 0, true, 60000},
                {__LINE__, true, 0, 0, 61, 0, false, 0},
                {__LINE__, true, 0, 0, 0, 61000, true, 0},
                {__LINE__, true, 0, 0, 0, 61001, false, 61001},
                {__LINE__, true, 0, 500, 0, 61500, true,
                 0}, /* the exchange's time is allowed for */
                /* a first one that nobody agrees with, then one that does */
                {__LINE__, true, 0, 0, 3600, 0, false, 0},
                {__LINE__, false, 10000, 10000, 3610, 10000, false, 3610000},
                {__LINE__, false, 11000, 11000, 3611, 11000, false, 3611000},
                /* one odd Date moves nothing; two do */
                {__LINE__, false, 12000, 12000, 31536000, 12000, false, 3612000},
                {__LINE__, false, 13000, 13000, 3613, 13000, false, 3613000},
                {__LINE__, false, 14000, 14000, 31536000, 14000, false, 3614000},
                {__LINE__, false, 15000, 15000, 31536001, 15000, false, 31536001000},
                /* our own clock is no witness once ARM's is known */
                {__LINE__, false, 16000, 16000, 16, 16000, true, 31536002000},
                {__LINE__, false, 17000, 17000, 17, 17000, true, 17000},
                /* years apart, without overflow */
                {__LINE__, true, 0, 0, INT64_C(200000000000), 0, false, 0},
                {__LINE__, false, 0, 0, -INT64_C(60000000000), 0, false, 0},
        };
        struct arm_clock clock = {};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool agrees;
                struct utc arm;

                if (rows[i].fresh)
                        clock = (struct arm_clock){};
                agrees = arm_clock_see(&clock, utc_from_seconds(T0 + rows[i].date_s),
                                       mono_ms(rows[i].sent_ms), mono_ms(rows[i].now_ms),
                                       at_ms(rows[i].wall_ms));
                arm = arm_clock_now(&clock, mono_ms(rows[i].now_ms), at_ms(rows[i].wall_ms));
                if (agrees != rows[i].agrees || arm.ticks != at_ms(rows[i].arm_ms).ticks)
                        fail_msg("line %d: agrees %d, ARM's time is off by %lld ms", rows[i].line,
                                 agrees,
                                 (long long)(arm.ticks - at_ms(rows[i].arm_ms).ticks) / 10000);
        }
}

static char told[1024];

static void tell(struct log *log, const struct log_entry *entry) {
        strncat(told, entry->message, sizeof(told) - strlen(told) - 1);
        strncat(told, ";", sizeof(told) - strlen(told) - 1);
}

static void raise_one(struct conditions *conditions, const char *key, int doubt) {
        char text[32], over[32];

        snprintf(text, sizeof(text), "%s", key);
        snprintf(over, sizeof(over), "%s over", key);
        condition_raise(conditions,
                        &(struct condition_sight){.key = key,
                                                  .level = LOG_LEVEL_WARNING,
                                                  .doubt = doubt,
                                                  .reason = "test",
                                                  .text = text,
                                                  .over = over},
                        utc_from_seconds(T0));
}

static void test_conditions(void **state) {
        static const struct log_ops ops = {.write = tell};
        struct log log = {.ops = &ops, .most = LOG_LEVEL_INFO};
        uint64_t begun[2] = {}, ended[2] = {};
        struct conditions conditions = {.log = &log, .begun = begun, .ended = ended};

        conditions_begin(&conditions);
        raise_one(&conditions, "a", 1);
        raise_one(&conditions, "b", CONDITION_NO_DOUBT);
        conditions_finish(&conditions);
        assert_string_equal(told, "a;b;");
        assert_int_equal(condition_since(&conditions, "a").ticks, utc_from_seconds(T0).ticks);
        assert_false(utc_is_set(condition_since(&conditions, "c")));

        /* Silent while it lasts. */
        conditions_begin(&conditions);
        raise_one(&conditions, "a", 1);
        raise_one(&conditions, "b", CONDITION_NO_DOUBT);
        conditions_finish(&conditions);
        assert_string_equal(told, "a;b;");

        /* One ends, one comes; the end is told once. */
        conditions_begin(&conditions);
        raise_one(&conditions, "b", CONDITION_NO_DOUBT);
        raise_one(&conditions, "c", 0);
        conditions_finish(&conditions);
        assert_string_equal(told, "a;b;c;a over;");
        conditions_begin(&conditions);
        raise_one(&conditions, "b", CONDITION_NO_DOUBT);
        raise_one(&conditions, "c", 0);
        conditions_finish(&conditions);
        assert_string_equal(told, "a;b;c;a over;");
        assert_int_equal(begun[1], 1);
        assert_int_equal(ended[1], 1);
        assert_int_equal(begun[0], 1);
        assert_int_equal(ended[0], 0);
        conditions_deinit(&conditions);
}

static uint64_t chance; /* what is drawn next */

static uint64_t draw(struct random *random, enum random_purpose purpose) {
        return chance;
}

/* Doubled each time, at most the cap, of which the upper half is by chance; never before what was asked. */
static void test_backoff(void **state) {
        static const struct random_ops ops = {.u64 = draw};
        static const struct {
                int line;
                unsigned failures;
                int64_t retry_after_ms; /* below 0: none */
                uint64_t chance;
                int64_t delay_ms; /* of 1 s at first, 60 s at most */
        } rows[] = {
                {__LINE__, 0, -1, 0, 500},
                {__LINE__, 0, -1, 500 * NSEC_PER_MSEC, 1000},
                {__LINE__, 1, -1, 0, 1000},
                {__LINE__, 3, -1, 0, 4000},
                {__LINE__, 6, -1, 0, 30000},
                {__LINE__, 1000, -1, 0, 30000},
                {__LINE__, 1000, -1, 30000 * NSEC_PER_MSEC, 60000},
                {__LINE__, 0, 7000, 0, 7000},
                {__LINE__, 0, 7000, 500 * NSEC_PER_MSEC, 7500},
                {__LINE__, 6, 7000, 0, 30000},
                {__LINE__, 0, 0, 0, 500},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct backoff backoff = {.failures = rows[i].failures};
                struct random random = {.ops = &ops};
                struct mono at;

                chance = rows[i].chance;
                at = backoff_next(
                        &backoff, NSEC_PER_SEC, 60 * NSEC_PER_SEC,
                        rows[i].retry_after_ms < 0 ? -1 : rows[i].retry_after_ms * NSEC_PER_MSEC,
                        &random, mono_ms(0));
                if (at.ns != mono_ms(rows[i].delay_ms).ns ||
                    backoff.failures != rows[i].failures + 1)
                        fail_msg("line %d: %lld ms", rows[i].line,
                                 (long long)((at.ns - mono_ms(0).ns) / NSEC_PER_MSEC));
        }
}

/* However many slots fail in a day without answers, no more of them are remembered than there is room for: the
 * oldest of a series gives way, and a series that has none is left out. */
static void test_given_up(void **state) {
        struct engine engine = {};
        struct operation op = {.engine = &engine};
        struct memory first = {}, second = {};
        struct action action = {.reason = (char *)(uintptr_t) "slot is due"};

        for (int i = 0; i < 10100; i++) {
                action.slot = utc_from_seconds(T0 + i);
                given_up_note(&first, &op, &action);
                given_up_note(&first, &op, &action); /* each once */
        }
        assert_int_equal(engine.n_given_up, 10000);
        action.slot = utc_from_seconds(T0 + 99);
        given_up_end(&engine, &first, &action);
        assert_int_equal(engine.n_given_up, 10000);
        given_up_note(&second, &op, &action);
        assert_null(second.given_up);
        action.slot = utc_from_seconds(T0 + 100);
        given_up_end(&engine, &first, &action);
        assert_int_equal(engine.n_given_up, 9999);
        given_up_note(&second, &op, &action);
        assert_non_null(second.given_up);
        given_up_forget(&engine, &first);
        given_up_forget(&engine, &second);
        assert_int_equal(engine.n_given_up, 0);
}

/* As every destructor it takes what was never made. */
static void test_nothing(void **state) {
        operation_free(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arm_clock),  cmocka_unit_test(test_backoff),
                cmocka_unit_test(test_conditions), cmocka_unit_test(test_given_up),
                cmocka_unit_test(test_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
