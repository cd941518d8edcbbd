/*
 * How long holds what an operator said, and how long a doubt: masses, an accepted rule, targets that were
 * not read, an applied plan; over sweeps, restarts and subscriptions.
 */
#include "standing-fixture.h"

/* ---- masses ---- */

/* What is deleted of the day's gains is none from then on: else until the next listing of its subscription the others
 * could delete as many more as they have gains to weigh them against. */
static void test_mass_of_what_was_gained(void **state) {
        begin(6);
        f.item.period_s = 40 * SEC_PER_DAY;
        engine_begin();
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_DELETE], 4);
        engine_settle(f.engine);
        assert_int_equal(engine_plan(f.engine, 0)->policies[0].gained, 6);
        assert_int_equal(f.engine->policies[0].tally.gained, 2);
        engine_pass(3700);
        assert_int_equal(engine_plan(f.engine, 0)->policies[0].gained, 2);
        assert_int_equal(f.engine->policies[0].tally.gained, 2);
        engine_end();

        /* Those that stay are gains as before. */
        begin(6);
        f.item.period_s = 40 * SEC_PER_DAY;
        rule(HTTP_DELETE, "/snapshots/", 403, "{\"error\":{\"code\":\"AuthorizationFailed\"}}");
        engine_begin();
        engine_pass(60);
        assert_true(f.met[0] > 0);
        assert_int_equal(f.n_snaps, 6);
        engine_settle(f.engine);
        assert_int_equal(f.engine->policies[0].tally.gained, 6);
        engine_end();
}

/* A doubt of too many deletions waits for its ack over a restart and another name of the policy, though
 * what was gained meanwhile would not raise it again. */
static void test_mass_over_restarts(void **state) {
        static char *formerly[] = {NULL};
        const int64_t now = START_S + SEC_PER_DAY;

        fixture_init();
        remember();
        f.item.period_s = 40 * SEC_PER_DAY;
        f.policy.min_age_s = SEC_PER_DAY;
        for (int i = 14; i >= 0; i--)
                snap_add_ours(START_S - i * SEC_PER_DAY);
        engine_begin();
        engine_pass(200);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
        engine_end();

        f.now_ns = (SEC_PER_DAY + 60) * NSEC_PER_SEC;
        for (int i = 5; i >= 0; i--)
                snap_add_ours(now - i * EVERY_S);
        for (int i = 0; i < 2; i++) {
                formerly[0] = text("gold");
                if (i == 1) {
                        f.policy.name = text("platinum");
                        f.policy.formerly = formerly;
                        f.policy.n_formerly = 1;
                }
                engine_begin();
                /* An act has what stands worked out, before anything was read. */
                assert_int_equal(engine_resume(f.engine, "root"), 0);
                engine_pass(200);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                if (i == 1) {
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                        engine_pass(200);
                        assert_int_equal(doubts(), 0);
                        assert_true(f.requests[HTTP_DELETE] > 10);
                        assert_non_null(strstr(written, "\"masses\":[\n],"));
                }
                engine_end();
        }
        free(written);
        written = NULL;
}

/* What a listing lacks may come back: the doubt waits for it, over a restart too, though in the meantime it
 * holds nothing back, and what was gained since would not raise it again. */
static void test_mass_over_a_filter(void **state) {
        enum {
                VICTIMS = 13
        };
        struct snap victims[VICTIMS];

        for (int i = 0; i < 2; i++) {
                fixture_init();
                remember();
                f.item.period_s = 50 * SEC_PER_DAY; /* none is due in these days */
                f.policy.min_age_s = SEC_PER_DAY;
                for (int k = VICTIMS + 1; k >= 0; k--)
                        snap_add_ours(START_S - k * SEC_PER_DAY);
                engine_begin();
                engine_pass(200);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));

                memcpy(victims, f.snaps, sizeof(victims));
                f.n_snaps -= VICTIMS;
                memmove(f.snaps, f.snaps + VICTIMS, f.n_snaps * sizeof(*f.snaps));
                engine_pass(3 * 3600);
                assert_int_equal(doubts(), 0);
                if (i == 1) {
                        engine_end();
                        engine_begin();
                }
                engine_pass(26 * 3600);
                assert_int_equal(doubts(), 0);

                for (int k = 5; k >= 0; k--)
                        snap_add_ours(START_S + 29 * 3600 - k * EVERY_S);
                memcpy(f.snaps + f.n_snaps, victims, sizeof(victims));
                f.n_snaps += VICTIMS;
                engine_pass(2 * 3600);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_MASS));
                assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(200);
                assert_true(f.requests[HTTP_DELETE] > 10);
                engine_end();
                free(written);
                written = NULL;
        }
}

/* ---- an accepted rule ---- */

static const struct keep wide = {.count = {[KEEP_DAILY] = 400}},
                         narrow = {.count = {[KEEP_LAST] = 2}},
                         narrowest = {.count = {[KEEP_LAST] = 1}};
static const char old[] = "daily=400;pick=first;zone=UTC";

/* The last ten days, as if nothing had been deleted; it is so many days later. */
static void days_later(int days) {
        int64_t today;

        f.now_ns = (f.now_ns / NSEC_PER_SEC / SEC_PER_DAY + days) * SEC_PER_DAY * NSEC_PER_SEC +
                   60 * NSEC_PER_SEC;
        today = START_S + f.now_ns / NSEC_PER_SEC / SEC_PER_DAY * SEC_PER_DAY;
        f.n_snaps = 0;
        for (int i = 9; i >= 0; i--)
                snap_add_ours(today - i * SEC_PER_DAY);
}

/* A daemon starts, looks, and ends. Returns what stood. */
static uint32_t look(const struct keep *keep, const char *carried, bool ack) {
        uint32_t stood;

        f.policy.keep = *keep;
        f.keep_text = carried;
        f.requests[HTTP_DELETE] = 0;
        engine_begin();
        engine_pass(200);
        stood = doubts();
        if (ack) {
                assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(200);
                assert_int_equal(doubts(), 0);
        }
        engine_end();
        return stood;
}

/* The step from one rule to another that was accepted once is not accepted when it is taken again, after
 * the old rule was back; until then it is, over restarts and while old snapshots carry the old rule. */
static void test_ack_is_of_one_step(void **state) {
        fixture_init();
        remember();
        f.item.period_s = 40 * SEC_PER_DAY; /* nothing comes meanwhile */
        days_later(0);
        assert_int_equal(look(&narrow, old, /* ack= */ true), DOUBT_BIT(DOUBT_POLICY));
        assert_true(f.requests[HTTP_DELETE] > 0);
        for (int i = 0; i < 3; i++) {
                days_later(2);
                assert_int_equal(look(&narrow, old, /* ack= */ false), 0);
                assert_true(f.requests[HTTP_DELETE] > 0);
        }

        days_later(3);
        assert_int_equal(look(&wide, old, /* ack= */ false), 0);
        days_later(3);
        assert_int_equal(look(&narrow, old, /* ack= */ true), DOUBT_BIT(DOUBT_POLICY));

        /* What is only asked for takes no ack back: back at the rule that was accepted, it still is. */
        days_later(3);
        assert_int_equal(look(&narrowest, old, /* ack= */ false), DOUBT_BIT(DOUBT_POLICY));
        days_later(3);
        assert_int_equal(look(&narrow, old, /* ack= */ false), 0);
        free(written);
        written = NULL;
}

/* Who was shown the question about one rule accepts no other that has taken its place meanwhile. */
static void test_ack_is_of_this_rule(void **state) {
        char hash[ENGINE_HASH_SIZE];

        fixture_init();
        remember();
        f.item.period_s = 40 * SEC_PER_DAY;
        days_later(0);
        assert_int_equal(look(&narrow, old, /* ack= */ false), DOUBT_BIT(DOUBT_POLICY));
        strcpy(hash, seen.hash);

        f.policy.keep = narrowest;
        engine_begin();
        engine_pass(200);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_POLICY));
        assert_string_not_equal(seen.hash, hash);
        assert_int_equal(engine_ack(f.engine, hash, "root"), ENGINE_E_UNKNOWN);
        engine_pass(200);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
        free(written);
        written = NULL;
}

/* What is held back piles up, and what would be deleted becomes a smaller part of it: that is no ack, nor is
 * a restart, or another name of the policy. */
static void test_policy_waits(void **state) {
        static char *formerly[] = {NULL};

        formerly[0] = text("gold");
        for (int round = 0; round < 4; round++) {
                fixture_init();
                remember();
                f.item.period_s = 40 * SEC_PER_DAY;
                f.keep_text = "daily=400;pick=first;zone=UTC";
                f.policy.keep = (struct keep){.count = {[KEEP_DAILY] = 7}};
                days_later(0);
                engine_begin();
                engine_pass(200);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_POLICY));
                for (int i = 1; i <= 10; i++)
                        snap_add_ours(START_S + i * EVERY_S);
                if (round >= 2) {
                        engine_end();
                        f.now_ns += 5000 * NSEC_PER_SEC;
                        if (round == 3) {
                                f.policy.name = text("platinum");
                                f.policy.formerly = formerly;
                                f.policy.n_formerly = 1;
                        }
                        engine_begin();
                }
                engine_pass(5000);
                assert_int_equal(engine_plan(f.engine, 0)->policies[0].complete, 20);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_POLICY));
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                if (round == 1) { /* another daemon writes the rule, which was accepted there */
                        f.keep_text = "daily=7;pick=first;zone=UTC";
                        engine_pass(5000);
                } else {
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                        engine_pass(200);
                }
                assert_int_equal(doubts(), 0);
                /* All but the newest of one day, and three days. */
                assert_int_equal(f.requests[HTTP_DELETE], 12);
                assert_null(strstr(written, "\"kind\":\"asked\""));
                engine_end();
        }
        free(written);
        written = NULL;
}

/* What silver took beside gold, some days ago, goes by silver's rule when gold takes it over: nobody has
 * accepted gold's for it, not even who did so for gold before. */
static void test_two_become_one(void **state) {
        static char *formerly[] = {NULL};

        fixture_init();
        remember();
        f.item.period_s = 40 * SEC_PER_DAY;
        days_later(0);
        assert_int_equal(look(&narrow, "daily=400;pick=first;zone=UTC", /* ack= */ true),
                         DOUBT_BIT(DOUBT_POLICY));

        days_later(5);
        f.n_snaps = 0;
        for (int i = 9; i >= 1; i--)
                snap_add_under("silver", START_S + (4 - i) * SEC_PER_DAY + 300)->keep =
                        "daily=400;pick=first;zone=UTC";
        for (int i = 11; i >= 0; i -= 11)
                snap_add_ours(START_S + (5 - i) * SEC_PER_DAY);
        assert_int_equal(look(&narrow, NULL, /* ack= */ false), 0);
        assert_int_equal(f.requests[HTTP_DELETE], 0);

        formerly[0] = text("silver");
        f.policy.formerly = formerly;
        f.policy.n_formerly = 1;
        assert_int_equal(look(&narrow, NULL, /* ack= */ false), DOUBT_BIT(DOUBT_POLICY));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_int_equal(look(&narrow, NULL, /* ack= */ true), DOUBT_BIT(DOUBT_POLICY));
        assert_int_equal(f.requests[HTTP_DELETE], 9);
        assert_int_equal(look(&narrow, NULL, /* ack= */ false), 0);
        free(written);
        written = NULL;
}

/* ---- targets, unread ---- */

/* What stood goes on standing while nobody can count the disks, and no ack ends it before; and what did not
 * stand does not begin. */
static void test_targets_unread(void **state) {
        static const struct {
                int line;
                uint32_t expect;
                bool lost; /* the second disk, before the restart */
                bool ack;  /* what stands then, before the restart */
                uint32_t stands;
        } rows[] = {
                {__LINE__, 0, true, false, DOUBT_BIT(DOUBT_TARGETS)},
                {__LINE__, 0, true, true, 0},
                {__LINE__, 0, false, false, 0},
                {__LINE__, 2, false, false, 0},
                {__LINE__, 3, false, false, DOUBT_BIT(DOUBT_TARGETS)},
                {__LINE__, 3, false, true, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char hash[ENGINE_HASH_SIZE];
                size_t deleted;

                begin_two();
                f.target.expect = rows[i].expect;
                engine_begin();
                assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
                engine_pass(900);
                if (rows[i].lost)
                        set_second(200, NOTHING);
                engine_pass(2 * 3600);
                assert_int_equal(!!(doubts() & DOUBT_BIT(DOUBT_TARGETS)),
                                 rows[i].lost || rows[i].expect == 3);
                strcpy(hash, seen.hash);
                if (rows[i].ack)
                        assert_int_equal(engine_ack(f.engine, hash, "root"), 0);
                assert_int_equal(engine_resume(f.engine, "root"), 0);
                engine_end();

                set_second(UNREAD);
                f.requests[HTTP_DELETE] = 0;
                engine_begin();
                engine_pass(3600);
                if ((doubts() & DOUBT_BIT(DOUBT_TARGETS)) != rows[i].stands)
                        fail_msg("row at line %d: %x stand", rows[i].line, doubts());
                deleted = f.requests[HTTP_DELETE];
                assert_int_equal(deleted > 0, rows[i].stands == 0);
                if (rows[i].lost && rows[i].stands) {
                        assert_true(said("they cannot be counted"));
                        set_second(200, DISKS(SUB_2, OTHER_GENERATION, ""));
                        engine_pass(2 * 3600);
                } else if (rows[i].stands) {
                        /* Who accepts what nobody has counted accepts whatever comes to light. */
                        assert_string_equal(seen.hash, "");
                        assert_int_equal(engine_ack(f.engine, hash, "root"), ENGINE_E_UNKNOWN);
                        engine_pass(3600);
                        assert_true(doubts() & DOUBT_BIT(DOUBT_TARGETS));
                        assert_int_equal(f.requests[HTTP_DELETE], 0);
                        set_second(200, DISKS(SUB_2, OTHER_GENERATION, ""));
                        engine_pass(3600);
                        assert_true(doubts() & DOUBT_BIT(DOUBT_TARGETS));
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                        engine_pass(3600);
                }
                assert_int_equal(doubts() & DOUBT_BIT(DOUBT_TARGETS), 0);
                assert_true(f.requests[HTTP_DELETE] > 0);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* What a target lacks it lacks as well when its policy gets another name, and again its old one; the disks
 * that are there say nothing of those that are not. */
static void test_targets_formerly(void **state) {
        static char *formerly[] = {NULL};

        begin_two();
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(900);
        set_second(200, NOTHING);
        engine_pass(2 * 3600);
        assert_true(doubts() & DOUBT_BIT(DOUBT_TARGETS));
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_end();

        f.policy.formerly = formerly;
        f.policy.n_formerly = 1;
        for (int i = 0; i < 2; i++) {
                formerly[0] = text(i == 0 ? "gold" : "platinum");
                f.policy.name = text(i == 0 ? "platinum" : "gold");
                f.requests[HTTP_DELETE] = 0;
                engine_begin();
                engine_pass(3600);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                if (i == 1) {
                        set_second(200, DISKS(SUB_2, OTHER_GENERATION, ""));
                        engine_pass(2 * 3600);
                        assert_int_equal(doubts(), 0);
                        assert_true(f.requests[HTTP_DELETE] > 0);
                }
                engine_end();
        }
        free(written);
        written = NULL;
}

/* What is remembered of a target that was edited goes with time, once all is well known. */
static void test_targets_edited(void **state) {
        begin(2);
        remember();
        f.item.period_s = 3600;
        engine_begin();
        engine_pass(60);
        f.target.expect = 0;
        f.target.groups = (char *[]){text("rg-*")};
        f.target.n_groups = 1;
        engine_reload();
        engine_pass(2 * 3600);
        assert_non_null(strstr(strstr(written, "\"key\"") + 1, "\"key\""));
        f.now_ns += 40 * SEC_PER_DAY * NSEC_PER_SEC;
        engine_pass(2 * 3600);
        assert_null(strstr(strstr(written, "\"key\"") + 1, "\"key\""));
        engine_end();
        free(written);
        written = NULL;
}

/* ---- an applied plan ---- */

static void apply(void) {
        char hash[PLAN_HASH_SIZE];

        assert_int_equal(engine_plan_hash(f.engine, hash), 0);
        assert_int_equal(engine_apply(f.engine, hash, "root"), 0);
}

/* A target that may lack disks, beside one that does not; what is to be deleted is locked: as the first
 * rule. */
static void begin_locked(struct target targets[static 2]) {
        begin(4);
        f.item.period_s = SEC_PER_DAY; /* no snapshot comes meanwhile */
        targets[0] = targets[1] = f.target;
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        rule(HTTP_GET, "/providers/Microsoft.Authorization/locks", 200, NOTHING);
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), 0);
        targets[0].expect = 2;
        engine_pass(2 * 3600);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
}

static void unlock(void) {
        f.rules[0].times = f.met[0];
        f.requests[HTTP_DELETE] = 0;
        engine_pass(8 * 3600);
}

/* What was applied is accepted as long as the doubt stands, and no longer: one that begins after it has
 * ended, or about another target of the same disk, was accepted by nobody. */
static void test_apply_is_once(void **state) {
        struct target targets[2];
        const struct plan *plan;

        begin_locked(targets);
        apply();
        /* Nothing else is let go with it. */
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        plan = engine_plan(f.engine, 0);
        assert_int_equal(plan->n_actions, 2);
        for (size_t i = 0; i < plan->n_actions; i++)
                assert_int_equal(plan->actions[i].blocked, BLOCK_PAUSED);
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        unlock();
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        assert_int_equal(f.n_snaps, 2);
        engine_end();

        begin_locked(targets);
        apply();
        targets[0].expect = 1;
        engine_pass(2 * 3600);
        assert_int_equal(doubts(), 0);
        targets[0].expect = 2;
        engine_pass(2 * 3600);
        unlock();
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        apply();
        engine_pass(3600);
        assert_int_equal(f.requests[HTTP_DELETE], 2);
        engine_end();

        begin_locked(targets);
        apply();
        targets[1].expect = 2;
        engine_pass(2 * 3600);
        unlock();
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* The same of a policy's doubts. */
static void test_apply_is_once_of_a_policy(void **state) {
        for (int again = 0; again < 2; again++) {
                fixture_init();
                f.item.period_s = 40 * SEC_PER_DAY;
                f.keep_text = "daily=400;pick=first;zone=UTC";
                f.policy.keep = wide;
                days_later(0);
                rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
                engine_begin();
                engine_pass(60);
                f.policy.keep = narrow;
                engine_pass(2 * 3600);
                assert_int_equal(doubts(), DOUBT_BIT(DOUBT_POLICY));
                apply();
                engine_pass(900);
                if (again) {
                        f.policy.keep = wide;
                        engine_pass(2 * 3600);
                        assert_int_equal(doubts(), 0);
                        f.policy.keep = narrow;
                        engine_pass(2 * 3600);
                }
                unlock();
                assert_int_equal(f.requests[HTTP_DELETE], again ? 0 : 8);
                engine_end();
        }
}

/* ---- peers, and what was not listed ---- */

/* What another daemon of the same mind has deleted is not missed: all is listed without it, and another rule is
 * taken for what it is. */
static void test_rule_after_a_peer(void **state) {
        begin(6);
        f.item.period_s = 40 * SEC_PER_DAY;
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        engine_pass(60);
        assert_int_equal(engine_plan(f.engine, 0)->policies[0].deletes, 4);
        memmove(f.snaps, &f.snaps[4], 2 * sizeof(f.snaps[0]));
        f.n_snaps = 2;
        engine_pass(2 * 3600);
        assert_int_equal(engine_counts(f.engine)->vanished, 0);
        f.policy.keep.count[KEEP_LAST] = 3;
        engine_reload();
        engine_pass(60);
        assert_int_equal(doubts(), BLOCK_PAUSED);
        engine_end();
}

/* Nor is it over for a listing that shows none of what it would delete, though that comes back when there is so
 * much more that it would not be raised any more. */
static void test_policy_waits_unlisted(void **state) {
        struct snap hidden[3];

        begin(8);
        f.keep_text = "last=8;pick=first;zone=UTC";
        f.policy.keep.count[KEEP_LAST] = 6;
        f.item.period_s = 40 * SEC_PER_DAY;
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_POLICY));
        memcpy(hidden, f.snaps, sizeof(hidden));
        memmove(f.snaps, &f.snaps[3], 5 * sizeof(f.snaps[0]));
        f.n_snaps = 5;
        engine_pass(2 * 3600);
        assert_true(doubts() & DOUBT_BIT(DOUBT_POLICY));
        memcpy(&f.snaps[5], hidden, sizeof(hidden));
        f.n_snaps = 8;
        for (int i = 0; i < 4; i++)
                snap_add_ours(START_S - 2 * SEC_PER_DAY - i * EVERY_S);
        engine_pass(2 * 3600);
        assert_true(doubts() & DOUBT_BIT(DOUBT_POLICY));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* Who accepts that disks are missing accepts what is left, and not as many others at another time. */
static void test_targets_are_these(void **state) {
        char before[ENGINE_HASH_SIZE];

        begin(1);
        f.target.expect = 2;
        rule(HTTP_GET, LIST_DISKS(SUB), 200, DISKS(SUB, GENERATION, ""));
        engine_begin();
        engine_pass(60);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        strcpy(before, seen.hash);
        engine_pass(3600);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        assert_string_equal(seen.hash, before);
        f.rules[0].body = DISKS(SUB, OTHER_GENERATION, "");
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        engine_pass(3600);
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        assert_string_not_equal(seen.hash, before);
        assert_int_equal(engine_ack(f.engine, before, "root"), ENGINE_E_UNKNOWN);
        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
        assert_int_equal(doubts(), 0);
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mass_of_what_was_gained),
                cmocka_unit_test(test_mass_over_restarts),
                cmocka_unit_test(test_mass_over_a_filter),
                cmocka_unit_test(test_ack_is_of_one_step),
                cmocka_unit_test(test_ack_is_of_this_rule),
                cmocka_unit_test(test_policy_waits),
                cmocka_unit_test(test_policy_waits_unlisted),
                cmocka_unit_test(test_rule_after_a_peer),
                cmocka_unit_test(test_two_become_one),
                cmocka_unit_test(test_targets_unread),
                cmocka_unit_test(test_targets_are_these),
                cmocka_unit_test(test_targets_formerly),
                cmocka_unit_test(test_targets_edited),
                cmocka_unit_test(test_apply_is_once),
                cmocka_unit_test(test_apply_is_once_of_a_policy),
        };

        return cmocka_run_group_tests_name("engine-standing", tests, NULL, NULL);
}
