/*
 * What outlives a clock that steps, a restart and a reload, and what does not.
 */
#include "standing-fixture.h"

/* ---- the clock ---- */

/* Two clean sweeps, one after the other: two subscriptions that are read side by side are one look, and one
 * of which a page failed is none. */
static void test_clock_over_subscriptions(void **state) {
        begin_two();
        f.item.period_s = SEC_PER_DAY;
        engine_begin();
        engine_pass(2000);
        f.date_off_s = 600;
        while (!(doubts() & DOUBT_BIT(DOUBT_CLOCK)))
                assert_true(engine_turn(INT64_MAX - 1));
        engine_pass(300); /* what was under way ends */
        f.date_off_s = 0;
        sweep(2);
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        sweep(2);
        assert_int_equal(doubts() & DOUBT_BIT(DOUBT_CLOCK), 0);
        engine_end();

        begin(4);
        f.item.period_s = SEC_PER_DAY;
        engine_begin();
        engine_pass(2000);
        f.date_off_s = 600;
        while (!(doubts() & DOUBT_BIT(DOUBT_CLOCK)))
                assert_true(engine_turn(INT64_MAX - 1));
        engine_pass(300);
        f.date_off_s = 0;
        sweep(1);
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB), 500, ERROR("InternalServerError"));
        f.rules[0].times = 1;
        sweep(1);
        assert_int_equal(f.met[0], 1);
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        sweep(1);
        assert_int_equal(doubts() & DOUBT_BIT(DOUBT_CLOCK), 0);
        engine_end();
        free(written);
        written = NULL;
}

/* What a plan lets go by a Date that was weeks ahead stays when the other subscription's sweeps have ended the
 * doubt: another listing comes first, and by its time nothing is old enough. */
static void test_plan_of_another_time(void **state) {
        begin_two();
        f.item.period_s = SEC_PER_DAY;
        f.policy.min_age_s = 30 * SEC_PER_DAY;
        f.policy.stale_stop = 100; /* days that are missed, by that Date */
        engine_begin();
        engine_pass(2000);
        f.date_off_s = 40 * SEC_PER_DAY;
        while (!(doubts() & DOUBT_BIT(DOUBT_CLOCK)))
                assert_true(engine_turn(INT64_MAX - 1));
        engine_pass(300);
        sweep(2);
        engine_pass(10);
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        f.date_off_s = 0;
        for (int i = 0; i < 3; i++) {
                subscription_look_anew(&f.engine->subscriptions[1]);
                engine_pass(30);
        }
        assert_int_equal(doubts() & DOUBT_BIT(DOUBT_CLOCK), 0);
        engine_pass(3600);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
        free(written);
        written = NULL;
}

/* ---- a start with a clock that is ahead ---- */

/* Before any Date of ARM's our clock says nothing of what is remembered: no pause is over by it, and no
 * deletion is a day old. A machine that comes up a day ahead, and has no network at first. */
static void test_start_with_a_wrong_clock(void **state) {
        for (int failing = 0; failing < 2; failing++) {
                begin(4);
                remember();
                f.item.period_s = SEC_PER_DAY;
                engine_begin();
                engine_pass(600);
                assert_true(f.requests[HTTP_DELETE] > 0);
                assert_non_null(strstr(written, "\"count\":2}"));
                assert_int_equal(engine_pause(f.engine, /* all= */ true,
                                              utc_add_seconds(engine_now(f.engine), 7200), "root"),
                                 0);
                engine_pass(60);
                engine_end();

                f.now_ns += 2 * SEC_PER_DAY * NSEC_PER_SEC;
                f.date_off_s = -2 * SEC_PER_DAY;
                if (failing) {
                        rule(HTTP_GET, LIST_DISKS(SUB), 503, ERROR("ServiceUnavailable"));
                        f.rules[0].outcome = TRANSPORT_NOT_SENT;
                }
                engine_begin();
                engine_pass(1800);
                f.rules[0].times = f.met[0];
                engine_pass(1800);
                assert_true(doubts() & BLOCK_PAUSED_ALL);
                assert_non_null(strstr(written, "\"count\":2}"));
                engine_pass(3600);
                assert_false(doubts() & BLOCK_PAUSED_ALL);
                engine_end();
        }
        free(written);
        written = NULL;
}

struct pauses {
        const char *reason;
        unsigned n;
};

static void count_pause(const struct engine_doubt *doubt, void *data) {
        struct pauses *pauses = data;

        pauses->n += (doubt->bit & (BLOCK_PAUSED | BLOCK_PAUSED_ALL)) &&
                     strcmp(doubt->reason, pauses->reason) == 0;
}

static unsigned pauses_with(const char *reason) {
        struct pauses pauses = {.reason = reason};

        engine_doubts(f.engine, count_pause, &pauses);
        return pauses.n;
}

/* One that is said is written at once, also soon after a write that failed: the daemon may be stopped
 * next. Where it cannot be, whoever asks hears that a restart would end it. */
static void test_pause_after_full_disk(void **state) {
        begin(4);
        remember();
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        assert_true(said("everything is paused until resumed;"));
        assert_false(said("until a restart"));
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        disk_full = true;
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        assert_null(strstr(written, "\"pause\":{"));
        assert_int_equal(
                pauses_with("deletions are paused until resumed, or until a restart, since "
                            "the state cannot be written"),
                1);
        engine_pass(60);
        disk_full = false;
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        assert_non_null(strstr(written, "\"pause\":{"));
        assert_int_equal(pauses_with("deletions are paused until resumed"), 1);
        assert_true(said("the state can be written again"));

        /* What cannot be written later takes nothing from it. */
        disk_full = true;
        strbuf_clear(&f.said);
        f.no_disk = true;
        engine_pass(3 * 3600);
        assert_true(said("the state cannot be written"));
        assert_int_equal(pauses_with("deletions are paused until resumed"), 1);
        disk_full = false;
        engine_end();
        free(written);
        written = NULL;
}

/* Where no reply has a Date, ours is what there is. */
static void test_pause_without_dates(void **state) {
        begin(4);
        f.no_date = true;
        engine_begin();
        engine_pass(60);
        assert_int_equal(engine_pause(f.engine, /* all= */ true,
                                      utc_add_seconds(engine_now(f.engine), 3600), "root"),
                         0);
        engine_reload();
        engine_pass(3500);
        assert_true(doubts() & BLOCK_PAUSED_ALL);
        engine_pass(120);
        assert_false(doubts() & BLOCK_PAUSED_ALL);
        engine_end();
}

/* ---- a reload ---- */

/* What an operator said holds on over a reload, whether it could be written or not. */
static void test_reload_keeps_state(void **state) {
        for (int stored = 0; stored < 2; stored++) {
                begin(4);
                if (stored)
                        remember();
                engine_begin();
                engine_pass(60);
                disk_full = true;
                assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
                engine_pass(60);
                f.requests[HTTP_PUT] = f.requests[HTTP_DELETE] = 0;
                engine_reload();
                engine_pass(3600);
                assert_true(doubts() & BLOCK_PAUSED_ALL);
                assert_int_equal(f.requests[HTTP_PUT] + f.requests[HTTP_DELETE], 0);

                /* It is written as soon as there is room. */
                disk_full = false;
                engine_pass(600);
                assert_int_equal(stored, written && strstr(written, "\"pause\":{") ? 1 : 0);
                assert_int_equal(engine_resume(f.engine, "root"), 0);
                engine_pass(60);
                assert_int_equal(f.requests[HTTP_PUT], 1);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* Nor is a doubt over for it: that of a listing ends with two clean sweeps, and an invariant that is broken is so
 * until a restart. */
static void test_reload_keeps_doubts(void **state) {
        begin(4);
        f.item.period_s = SEC_PER_DAY;
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB), 500, ERROR("InternalServerError"));
        f.rules[0].times = 1;
        engine_begin();
        engine_pass(60);
        assert_true(doubts() & DOUBT_BIT(DOUBT_LISTING));
        engine_reload();
        engine_pass(60);
        assert_true(doubts() & DOUBT_BIT(DOUBT_LISTING));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_pass(3600);
        assert_int_equal(doubts(), 0);
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();

        begin(4);
        f.item.period_s = SEC_PER_DAY;
        engine_begin();
        engine_invariant_broken(f.engine, GENERATION, "of a test");
        engine_reload();
        engine_pass(3600);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
        f.requests[HTTP_DELETE] = 0;
        engine_begin();
        engine_pass(3600);
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();
}

/* A retirement is of the policy under which it was said: by another it ends, and that is told. */
static void test_reload_ends_retirements(void **state) {
        begin_untagged();
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        rule(HTTP_GET, "/providers/Microsoft.Authorization/locks", 200, NOTHING);
        engine_begin();
        engine_pass(60);
        retire(4);
        engine_pass(600);
        assert_false(said("the retirement of generation"));
        engine_reload();
        assert_true(said("the retirement of generation " GENERATION " is over"));
        f.rules[f.n_rules - 2].times = f.met[f.n_rules - 2];
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 4);
        engine_end();

        /* One that is done is over already. */
        begin_untagged();
        engine_begin();
        engine_pass(60);
        retire(4);
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 0);
        engine_reload();
        assert_false(said("the retirement of generation"));
        engine_end();
}

/* What Azure has closed until a while from now is not asked again because the policy was reloaded. */
static void test_reload_keeps_retry_after(void **state) {
        size_t n;

        begin(4);
        rule(HTTP_GET, LIST_DISKS(SUB), 429, ERROR("TooManyRequests"));
        f.rules[0].header = "Retry-After: 600";
        f.rules[0].times = 1;
        engine_begin();
        engine_pass(30);
        assert_int_equal(f.met[0], 1);
        f.trace = true;
        for (int i = 0; i < 3; i++) {
                engine_reload();
                engine_pass(100);
                assert_null(strstr(strbuf_str(&f.sent), ARM));
        }
        n = f.requests[HTTP_GET];
        engine_pass(600);
        assert_true(f.requests[HTTP_GET] > n);
        assert_non_null(engine_plan(f.engine, 0));
        engine_end();
}

/* Nor is the service of the identity; one of another kind is asked at once. */
static void test_reload_keeps_retry_after_of_tokens(void **state) {
        for (int other = 0; other < 2; other++) {
                begin(4);
                rule(HTTP_GET, "oauth2/token", 429, "{}");
                f.rules[0].header = "Retry-After: 600";
                f.rules[0].times = 1;
                engine_begin();
                engine_pass(30);
                assert_int_equal(f.met[0], 1);
                f.trace = true;
                for (int i = 0; i < 3; i++) {
                        f.estate = engine_leave(f.engine);
                        f.engine = engine_free(f.engine);
                        f.file.identity.kind = other ? IDENTITY_ARC : IDENTITY_MANAGED;
                        engine_begin();
                        f.estate = engine_estate_free(f.estate);
                        engine_pass(100);
                        assert_int_equal(f.sent.len > 0, other);
                }
                engine_pass(600);
                assert_true(other || engine_plan(f.engine, 0));
                engine_end();
        }
}

/* By a clock of ours that is a day ahead a pause of an hour would be over. */
static void test_reload_keeps_time(void **state) {
        begin(4);
        f.date_off_s = -SEC_PER_DAY;
        engine_begin();
        engine_pass(2000);
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        assert_int_equal(engine_pause(f.engine, /* all= */ true,
                                      utc_add_seconds(engine_now(f.engine), 3600), "root"),
                         0);
        engine_reload();
        engine_pass(1800);
        assert_true(doubts() & BLOCK_PAUSED_ALL);
        engine_pass(1900);
        assert_false(doubts() & BLOCK_PAUSED_ALL);

        /* The clock is set, and the doubt has its two sweeps before it all the same. */
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        f.date_off_s = 0;
        engine_reload();
        while (!engine_plan(f.engine, 0))
                assert_true(engine_turn(INT64_MAX - 1));
        assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        engine_pass(7200);
        assert_false(doubts() & DOUBT_BIT(DOUBT_CLOCK));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_clock_over_subscriptions),
                cmocka_unit_test(test_plan_of_another_time),
                cmocka_unit_test(test_start_with_a_wrong_clock),
                cmocka_unit_test(test_pause_after_full_disk),
                cmocka_unit_test(test_pause_without_dates),
                cmocka_unit_test(test_reload_keeps_state),
                cmocka_unit_test(test_reload_keeps_doubts),
                cmocka_unit_test(test_reload_ends_retirements),
                cmocka_unit_test(test_reload_keeps_retry_after),
                cmocka_unit_test(test_reload_keeps_retry_after_of_tokens),
                cmocka_unit_test(test_reload_keeps_time),
        };

        return cmocka_run_group_tests_name("engine-restart", tests, NULL, NULL);
}
