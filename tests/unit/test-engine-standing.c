/*
 * How long holds what an operator said, and how long a doubt: a retirement, an accepted rule, an applied
 * plan, and doubts over sweeps, restarts and subscriptions.
 */
#include "core/planner.h"
#include "engine/engine-internal.h"

#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define SUB_2 "22222222-1111-4111-8111-111111111111"
#define LIST_DISKS(subscription) "subscriptions/" subscription COMPUTE "/disks?"
#define LIST_SNAPSHOTS(subscription) "subscriptions/" subscription COMPUTE "/snapshots?"
#define DISKS(subscription, generation, tags)                                                      \
        "{\"value\":[{\"id\":\"/subscriptions/" subscription "/resourceGroups/rg-app" COMPUTE      \
        "/disks/db01\",\"name\":\"db01\",\"location\":\"westeurope\",\"tags\":{" tags "},"         \
        "\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" generation "\","      \
        "\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"
#define NOTHING "{\"value\":[]}"
#define TAGGED DISKS(SUB, GENERATION, "\"backup\":\"gold\"")
#define SILVERED DISKS(SUB, GENERATION, "\"backup\":\"silver\"")
#define UNTAGGED DISKS(SUB, GENERATION, "")

/* Of ours, of which the newest fills the slot that is due. */
static void begin(int n) {
        fixture_init();
        for (int i = n - 1; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .status = status, .body = body, .kept_from = true};
}

/* What is remembered over restarts. */
static char *written; /* NULL: nothing was */

static int store_get(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
        if (!written)
                return -ENOENT;
        *ret_bytes = strdup(written);
        *ret_len = strlen(written);
        return *ret_bytes ? 0 : -ENOMEM;
}

static bool disk_full;

static int store_put(struct store *store, const char *name, const char *bytes, size_t len) {
        if (disk_full)
                return -ENOSPC;
        free(written);
        written = strndup(bytes, len);
        assert_non_null(written);
        return 0;
}

static int store_drop(struct store *store, const char *name) {
        return 0;
}

static int store_move(struct store *store, const char *name, const char *other) {
        return -EROFS;
}

static const struct store_ops store_ops = {store_get, store_put, store_drop, store_move};
static struct store store = {&store_ops};

static void remember(void) {
        free(written);
        written = NULL;
        f.store = &store;
}

static struct {
        uint32_t bits;
        char hash[ENGINE_HASH_SIZE]; /* the last one's */
} seen;

static void see_doubt(const struct engine_doubt *doubt, void *data) {
        seen.bits |= doubt->bit;
        if (doubt->hash)
                strcpy(seen.hash, doubt->hash);
}

static uint32_t doubts(void) {
        memset(&seen, 0, sizeof(seen));
        engine_doubts(f.engine, see_doubt, NULL);
        return seen.bits;
}

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
                         narrow = {.count = {[KEEP_LAST] = 2}};

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
        static const char old[] = "daily=400;pick=first;zone=UTC";

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
        assert_int_equal(look(&(struct keep){.count = {[KEEP_LAST] = 1}}, old, /* ack= */ false),
                         DOUBT_BIT(DOUBT_POLICY));
        days_later(3);
        assert_int_equal(look(&narrow, old, /* ack= */ false), 0);
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

#define UNREAD 403, ERROR("AuthorizationFailed")

/* What lists the disks of the second subscription: the first rule. */
static void set_second(int status, const char *body) {
        f.rules[0].status = status;
        f.rules[0].body = body;
}

/* One target with disks in two subscriptions; of the second nothing but its disks matters. */
static void begin_two(void) {
        static struct resource_id ids[2] = {{RESOURCE_DISK, SUB, "rg-app", "db01"},
                                            {RESOURCE_DISK, SUB_2, "rg-app", "db01"}};

        begin(6);
        remember();
        f.item.period_s = 1800;
        f.target = (struct target){.disks = ids, .n_disks = 2};
        rule(HTTP_GET, LIST_DISKS(SUB_2), 200, DISKS(SUB_2, OTHER_GENERATION, ""));
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB_2), 200, NOTHING);
        rule(HTTP_GET, SUB_2 "/resourceGroups", UNREAD);
        rule(HTTP_PUT, SUB_2, UNREAD);
}

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

/* The only disk of a target is gone, which leaves it too small: what would be pruned of it stays. */
static void test_gone_is_held(void **state) {
        begin(6);
        f.no_disk = true;
        f.target.expect = 1;
        f.policy.freeze_s = 3600;
        f.policy.gone = GONE_APPLY;
        engine_begin();
        engine_pass(6 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        assert_int_equal(doubts(), DOUBT_BIT(DOUBT_TARGETS));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
        engine_pass(60);
        assert_true(f.requests[HTTP_DELETE] > 0);
        engine_end();
}

/* The disk was moved into a subscription that cannot be read since the start: nobody can say that it is
 * gone, and it is not. One that no subscription has is, once all are read. */
static void test_gone_while_unread(void **state) {
        for (int there = 0; there < 2; there++) {
                begin_two();
                set_second(UNREAD);
                f.no_disk = true;
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(6 * 3600);
                assert_false(said("is gone"));
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                set_second(200, there ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                engine_pass(6 * 3600);
                assert_int_equal(said("is gone, its snapshots are frozen"), !there);
                assert_int_equal(f.requests[HTTP_DELETE] > 0, !there);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* The same where the other subscription was read once, and cannot be read when the disk moves there: it fails,
 * or has to be let alone for a while. */
static void test_gone_while_another_fails(void **state) {
        for (int way = 0; way < 4; way++) {
                bool there = way & 1, throttled = way & 2;

                begin_two();
                set_second(200, NOTHING);
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(2 * 3600);
                set_second(throttled ? 429 : 403,
                           throttled ? ERROR("TooManyRequests") : ERROR("AuthorizationFailed"));
                f.rules[0].header = throttled ? "Retry-After: 36000" : NULL;
                engine_pass(3600);
                f.no_disk = true;
                engine_pass(6 * 3600);
                assert_false(said("is gone"));
                set_second(200, there ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                f.rules[0].header = NULL;
                engine_pass(8 * 3600);
                assert_int_equal(said("is gone, its snapshots are frozen"), !there);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* Of what is not listed any more, snapshots and disk, nothing is remembered: an absence that was seen once
 * and can be proven no more is nothing that sweeps go on learning about. */
static void test_absence_forgotten(void **state) {
        static const char kept[] = "{\"generation\":\"" GENERATION "\",";
        unsigned long long before;

        for (int hidden = 0; hidden < 2; hidden++) {
                begin(4);
                remember();
                f.item.period_s = SEC_PER_DAY;
                f.no_disk = true;
                engine_begin();
                engine_pass(1000);
                assert_non_null(strstr(written, kept));
                f.n_snaps = 0; /* somebody has taken them all away */
                if (hidden)
                        rule(HTTP_GET, "/snapshots/", 403, ERROR("AuthorizationFailed"));
                engine_pass(2000);
                assert_null(strstr(written, kept));
                engine_pass(4 * 3600);
                before = engine_counts(f.engine)->sweeps;
                engine_pass(4 * 3600);
                assert_int_equal(engine_counts(f.engine)->sweeps - before, 4);
                f.date_off_s = 600;
                engine_pass(3700);
                assert_true(doubts() & DOUBT_BIT(DOUBT_CLOCK));
                f.date_off_s = 0;
                engine_pass(2000);
                assert_int_equal(doubts() & DOUBT_BIT(DOUBT_CLOCK), 0);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* The disk is once not found, goes on in another subscription, and is found nowhere again: two looks an hour
 * apart are asked for anew, where it was last. */
static void test_absence_elsewhere(void **state) {
        begin_two();
        f.item.period_s = SEC_PER_DAY;
        set_second(200, NOTHING);
        f.no_disk = true;
        rule(HTTP_GET, "/disks/db01", 404, ERROR("ResourceNotFound"));
        engine_begin();
        engine_pass(1000);
        assert_true(f.met[4] == 1);
        set_second(200, DISKS(SUB_2, GENERATION, ""));
        engine_pass(2 * 3600);
        f.rules[2] = (struct rule){.method = HTTP_GET,
                                   .url = SUB_2 "/resourceGroups/rg-app" COMPUTE "/disks/db01",
                                   .status = 404,
                                   .body = ERROR("ResourceNotFound"),
                                   .kept_from = true};
        for (int i = 0; i < 2; i++) {
                set_second(200, NOTHING);
                f.met[2] = 0;
                for (int j = 0; j < 180 && f.met[2] == 0; j++)
                        engine_pass(60);
                assert_int_equal(f.met[2], 1);
                assert_int_equal(f.met[4], 1);
                assert_false(said("is gone, its snapshots are frozen"));
                if (i == 0) {
                        set_second(200, DISKS(SUB_2, GENERATION, ""));
                        engine_pass(2 * 3600);
                }
        }
        engine_pass(3 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        engine_end();
        free(written);
        written = NULL;
}

#define TAKEN_THERE                                                                                \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-snapshots" COMPUTE       \
        "/snapshots/s\",\"name\":\"s\",\"location\":\"westeurope\",\"tags\":{"                     \
        "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"prod-backup\",\"snapkeep-policy\":"       \
        "\"gold\",\"snapkeep-slot\":\"20261102T000000Z\",\"snapkeep-disk\":\"" SUB_2               \
        "/rg-app/db01\",\"snapkeep-generation\":\"" GENERATION                                     \
        "\",\"snapkeep-keep\":\"last=2;pick=first;zone=UTC\"},\"properties\":{\"creationData\":{"  \
        "\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION                               \
        "\"},\"incremental\":true,\"timeCreated\":\"2026-11-02T00:00:10Z\","                       \
        "\"provisioningState\":\"Succeeded\","                                                     \
        "\"uniqueId\":\"00000000-0000-4000-8000-0000000000ff\"}}]}"

/* The disk went on in another subscription, of which the listing lacks it by now: that nothing is found where
 * it was before says nothing, and only that there is nothing where it was last does. */
static void test_gone_where_it_was_last(void **state) {
        static const struct {
                int line;
                bool taken;  /* there is a snapshot that was taken there */
                bool listed; /* the disk was listed there at first */
                bool late;   /* only once it had not been found where it was before */
                bool gone;   /* there is nothing */
        } rows[] = {
                {__LINE__, .taken = true},
                {__LINE__, .listed = true},
                {__LINE__, .taken = true, .listed = true},
                {__LINE__, .taken = true, .late = true},
                {__LINE__, .taken = true, .gone = true},
                {__LINE__, .listed = true, .gone = true},
                {__LINE__, .taken = true, .listed = true, .gone = true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin_two();
                f.no_disk = true;
                f.policy.freeze_s = SEC_PER_DAY / 2;
                f.policy.gone = GONE_APPLY;
                set_second(200, rows[i].listed ? DISKS(SUB_2, GENERATION, "") : NOTHING);
                if (rows[i].taken && !rows[i].late)
                        f.rules[1].body = TAKEN_THERE;
                if (rows[i].gone) {
                        f.rules[2].status = 404;
                        f.rules[2].body = ERROR("ResourceNotFound");
                }
                engine_begin();
                engine_pass(3 * 3600);
                if (said("is gone, its snapshots are frozen") !=
                    (rows[i].late || (rows[i].gone && !rows[i].listed)))
                        fail_msg("row at line %d: gone at first", rows[i].line);
                set_second(200, NOTHING);
                if (rows[i].late)
                        f.rules[1].body = TAKEN_THERE;
                engine_pass(3600);
                engine_end();

                engine_begin();
                engine_pass(3600);
                if (doubts() & DOUBT_BIT(DOUBT_TARGETS))
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(SEC_PER_DAY);
                if ((f.requests[HTTP_DELETE] > 0) != rows[i].gone)
                        fail_msg("row at line %d: %zu deleted", rows[i].line,
                                 f.requests[HTTP_DELETE]);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* A tag may be longer than any id, and end in the middle of a letter where it is cut: what is remembered of it can be
 * read again. */
static void test_gone_where_a_tag_is_long(void **state) {
        static const char part[] = "rg-app/db01";
        _cleanup_(strbuf_deinit) struct strbuf body = {};
        const char *at = strstr(TAKEN_THERE, part);

        strbuf_append(&body, TAKEN_THERE, (size_t)(at - TAKEN_THERE));
        strbuf_append_char(&body, 'x');
        for (int i = 0; i < 256; i++)
                strbuf_append_str(&body, "\xe7\x9b\xa4");
        strbuf_append_str(&body, at + strlen(part));
        begin_two();
        f.no_disk = true;
        set_second(200, NOTHING);
        f.rules[1].body = TAKEN_THERE;
        f.rules[2].status = 404;
        f.rules[2].body = ERROR("ResourceNotFound");
        engine_begin();
        engine_pass(3 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        memcpy(strstr(body.data, "T00:00:10Z"), "T02:00:10Z", strlen("T02:00:10Z"));
        f.rules[1].body = strbuf_str(&body);
        engine_pass(3 * 3600);
        assert_non_null(strstr(written, "\xe7\x9b\xa4"));
        engine_end();

        engine_begin();
        assert_false(said("the state that was kept is damaged"));
        engine_end();
        free(written);
        written = NULL;
}

#define MOVED                                                                                      \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg-other" COMPUTE             \
        "/disks/moved\",\"name\":\"moved\",\"location\":\"westeurope\",\"sku\":{\"name\":"         \
        "\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" GENERATION                              \
        "\",\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"

/* So it is where the disk moved within its subscription, and no snapshot was taken of it since. */
static void test_gone_where_it_went(void **state) {
        begin(6);
        f.item.period_s = SEC_PER_DAY;
        f.no_disk = true;
        rule(HTTP_GET, LIST_DISKS(SUB), 200, MOVED);
        rule(HTTP_GET, "/disks/moved", UNREAD);
        engine_begin();
        engine_pass(1000);
        set_second(200, NOTHING);
        engine_pass(6 * 3600);
        assert_true(f.met[1] > 0);
        assert_false(said("is gone, its snapshots are frozen"));
        f.rules[1].status = 404;
        f.rules[1].body = ERROR("ResourceNotFound");
        engine_pass(6 * 3600);
        assert_true(said("is gone, its snapshots are frozen"));
        engine_end();
}

#define THEIRS                                                                                     \
        "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-theirs" COMPUTE          \
        "/snapshots/s\",\"name\":\"s\",\"location\":\"westeurope\",\"properties\":{"               \
        "\"creationData\":{\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION             \
        "\"},\"incremental\":true,\"timeCreated\":\"2026-11-02T00:00:10Z\","                       \
        "\"provisioningState\":\"Succeeded\","                                                     \
        "\"uniqueId\":\"00000000-0000-4000-8000-0000000000fe\"}}]}"

/* The disk went to another subscription, where its policy did not select it, and is gone from there: what there is of
 * it where it was before is nobody's, and stays. */
static void test_gone_unselected_elsewhere(void **state) {
        static struct resource_id other = {RESOURCE_DISK, SUB_2, "rg-app", "db02"};

        for (int form = 0; form < 4; form++) {
                bool selected = form & 1;
                struct target targets[2];

                begin_two();
                if (form & 2)
                        f.rules[1].body = THEIRS;
                targets[0] = (struct target){.subscription = text(SUB)};
                targets[1] = selected ? (struct target){.subscription = text(SUB_2)}
                                      : (struct target){.disks = &other, .n_disks = 1};
                f.file.targets = targets;
                f.file.n_targets = 2;
                set_second(200, DISKS(SUB_2, GENERATION, ""));
                f.rules[2].status = 404;
                f.rules[2].body = ERROR("ResourceNotFound");
                f.no_disk = true;
                f.policy.freeze_s = 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(2 * 3600);
                assert_false(said("is gone, its snapshots are frozen"));
                for (int sweep = 0; sweep < 2; sweep++) {
                        /* and not the other */
                        subscription_look_anew(&f.engine->subscriptions[1]);
                        engine_pass(30);
                        set_second(200, NOTHING);
                }
                engine_pass(3 * 3600);
                assert_true(said("is gone, its snapshots are frozen"));
                if (doubts() & DOUBT_BIT(DOUBT_TARGETS))
                        assert_int_equal(engine_ack(f.engine, seen.hash, "root"), 0);
                engine_pass(3 * 3600);
                assert_int_equal(f.requests[HTTP_DELETE] > 0, selected);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* A plan lets go what the rule drops of a disk that is gone; then another disk is seen to have its name, or it is
 * listed in another subscription, which took longer to read. It is not known to be gone any more, and nothing
 * goes. */
static void test_gone_no_more(void **state) {
        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
                if (elsewhere) {
                        begin_two();
                        set_second(200, NOTHING);
                } else {
                        begin(6);
                        remember();
                }
                f.no_disk = true;
                f.policy.freeze_s = 6 * 3600;
                f.policy.gone = GONE_APPLY;
                engine_begin();
                engine_pass(3 * 3600);
                assert_true(said("is gone, its snapshots are frozen"));
                engine_end();

                f.now_ns += SEC_PER_DAY * NSEC_PER_SEC;
                if (elsewhere)
                        set_second(200, DISKS(SUB_2, GENERATION, ""));
                else
                        rule(HTTP_GET, "/disks/db01", 200,
                             "{\"id\":\"" DISK_ID "\",\"location\":\"westeurope\","
                             "\"properties\":{\"uniqueId\":\"" OTHER_GENERATION "\"}}");
                f.silent = elsewhere ? LIST_DISKS(SUB_2) : "-20261101T"; /* the victims */
                engine_begin();
                engine_pass(5);
                assert_int_equal(engine_plan(f.engine, 0)->n_actions, 4);
                f.silent = NULL;
                engine_pass(200);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                /* What had begun is given up, and nothing else begins. */
                assert_int_equal(said("its deletion is held back (listing)"), !elsewhere);
                engine_end();
        }
        free(written);
        written = NULL;
}

/* ---- copies ---- */

/* A copy of the oldest one into another subscription. What Azure tells of its source: the uniqueId, or in its
 * first seconds the id alone, or that with an empty uniqueId. @odd: it cannot be decoded. */
enum told {
        TOLD_UNIQUE_ID,
        TOLD_ID,
        TOLD_ID_AND_EMPTY,
        _TOLD_N,
};

static const char *copy(const char *name, const char *percent, enum told told, bool odd) {
        static char body[2000];
        char source[500];

        if (told != TOLD_UNIQUE_ID)
                snprintf(source, sizeof(source), "%s\"sourceResourceId\":\"%s/%s\"",
                         told == TOLD_ID
                                 ? ""
                                 : "\"sourceUniqueId\":\"00000000-0000-0000-0000-000000000000\",",
                         SNAPSHOTS_ID, name);
        else
                strcpy(source, "\"sourceUniqueId\":\"00000000-0000-4000-8000-000000000001\"");
        snprintf(body, sizeof(body),
                 "{\"value\":[{\"id\":\"/subscriptions/" SUB_2 "/resourceGroups/rg-dr" COMPUTE
                 "/snapshots/dr\",\"name\":\"dr\",\"location\":\"northeurope\",%s\"properties\":{"
                 "\"creationData\":{\"createOption\":\"CopyStart\",%s},\"incremental\":true,"
                 "\"timeCreated\":\"2026-11-02T00:00:00Z\",\"provisioningState\":\"Succeeded\","
                 "\"completionPercent\":%s,"
                 "\"uniqueId\":\"10000000-0000-4000-8000-000000000001\"}}]}",
                 odd ? "\"tags\":{\"a\":null}," : "", source, percent);
        return body;
}

/* The source of a copy into another subscription stays until that is made. */
static void test_copied_elsewhere(void **state) {
        for (int form = 0; form < 2 * _TOLD_N; form++) {
                enum told told = form / 2;
                bool odd = form % 2;
                char name[SNAPSHOT_NAME_SIZE];

                begin_two();
                strcpy(name, f.snaps[0].name);
                f.rules[1].body = copy(name, "40", told, odd);
                engine_begin();
                engine_pass(7200);
                assert_true(f.requests[HTTP_DELETE] >= 3);
                assert_non_null(snap_find(name));
                f.rules[1].body = copy(name, "100", told, odd);
                engine_pass(7200);
                assert_null(snap_find(name));
                engine_end();
                free(written);
                written = NULL;
        }
}

/* So it does after a start, where nobody knows of the copy before the other subscription is read. One that cannot
 * be read holds nothing back. */
static void test_copied_where_not_read(void **state) {
        char name[SNAPSHOT_NAME_SIZE];

        begin_two();
        strcpy(name, f.snaps[0].name);
        f.rules[1].body = copy(name, "40", TOLD_UNIQUE_ID, /* odd= */ false);
        f.silent = LIST_SNAPSHOTS(SUB_2);
        engine_begin();
        engine_pass(300);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        f.silent = NULL;
        engine_pass(300);
        assert_true(f.requests[HTTP_DELETE] >= 3);
        assert_non_null(snap_find(name));
        engine_end();

        begin_two();
        f.rules[1].status = 403;
        f.rules[1].body = ERROR("AuthorizationFailed");
        engine_begin();
        engine_pass(300);
        assert_true(f.requests[HTTP_DELETE] >= 3);
        engine_end();
        free(written);
        written = NULL;
}

/* ---- the clock ---- */

static unsigned long long sweeps(void) {
        return engine_counts(f.engine)->sweeps;
}

/* Until @n more sweeps of any subscription have ended. */
static void sweep(unsigned n) {
        unsigned long long until = sweeps() + n;

        while (sweeps() < until)
                assert_true(engine_turn(INT64_MAX - 1));
}

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

/* ---- retirement ---- */

/* A target that goes by a tag, and a disk without it: as the first rule. */
static void begin_untagged(void) {
        static struct policy_tag tag;

        tag = (struct policy_tag){text("backup"), text("gold")};
        begin(4);
        f.target.tags = (struct policy_tags){&tag, 1};
        rule(HTTP_GET, LIST_DISKS(SUB), 200, UNTAGGED);
}

static void retire(size_t expected) {
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        assert_int_equal(n, expected);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
}

/* The disk is tagged again, backed up, and untagged by mistake: what was taken since is not what was
 * retired. @held: one of those that were is still there meanwhile. */
static void retire_and_return(bool held) {
        size_t n;

        begin_untagged();
        engine_begin();
        engine_pass(60);
        retire(4);
        if (held)
                f.snaps[1].hold = "audit";
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, held);
        f.rules[0].body = TAGGED;
        engine_pass(6 * 3600);
        assert_int_equal(said("its retirement is over"), held);
        for (size_t i = 0; i < f.n_snaps; i++)
                f.snaps[i].hold = NULL;
        n = f.n_snaps;
        assert_true(n >= 2);
        f.rules[0].body = UNTAGGED;
        engine_pass(6 * 3600);
        assert_true(f.n_snaps >= n);
        engine_end();
}

static void test_retire_ends(void **state) {
        retire_and_return(/* held= */ false);
        retire_and_return(/* held= */ true);
}

/* One that a listing shows after the hash was given is not among those that were hashed; nor is one that
 * was held then and is released. */
static void test_retire_is_exact(void **state) {
        char seen_late[SNAPSHOT_NAME_SIZE], held[SNAPSHOT_NAME_SIZE];

        begin_untagged();
        f.snaps[1].hold = "audit";
        strcpy(held, f.snaps[1].name);
        engine_begin();
        engine_pass(60);
        retire(3);
        strcpy(seen_late, snap_add_ours(START_S - 9 * EVERY_S)->name);
        snap_find(held)->hold = NULL;
        engine_pass(3 * 3600);
        assert_int_equal(f.n_snaps, 2);
        assert_non_null(snap_find(seen_late));
        assert_non_null(snap_find(held));
        retire(2);
        engine_pass(60);
        assert_int_equal(f.n_snaps, 0);
        engine_end();
}

static void break_now(void) {
        engine_invariant_broken(f.engine, GENERATION, "a test");
}

/* An invariant that is broken holds back what is retired, too, also while a victim is read again. */
static void test_retire_internal(void **state) {
        begin_untagged();
        f.get_part = ""; /* any */
        f.at_get = break_now;
        engine_begin();
        engine_pass(60);
        assert_false(said("an invariant"));
        retire(4);
        engine_pass(3 * 3600);
        assert_true(said("an invariant"));
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        engine_end();
}

/* A second policy, and a target by tag for each. @tag: the one that the disk has. */
static void begin_two_policies(const char *tag) {
        static struct policy_tag tags[2];
        static struct policy policies[2];
        static struct target targets[2];

        begin(3);
        policies[0] = policies[1] = f.policy;
        policies[0].min_keep = 3;
        policies[1].name = text("silver");
        for (size_t i = 0; i < 2; i++) {
                tags[i] = (struct policy_tag){text("backup"), policies[i].name};
                targets[i] = f.target;
                targets[i].policy = i;
                targets[i].tags = (struct policy_tags){&tags[i], 1};
        }
        f.file.policies = policies;
        f.file.n_policies = 2;
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_GET, LIST_DISKS(SUB), 200, tag);
}

static size_t count_under(const char *policy) {
        size_t n = 0;

        for (size_t i = 0; i < f.n_snaps; i++)
                n += strcmp(f.snaps[i].policy ?: "gold", policy) == 0;
        return n;
}

/* A disk that went from one policy to another leaves snapshots that nothing selects: these go at the
 * operator's word, and none of those of the policy that it is under. */
static void test_retire_unclaimed(void **state) {
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        begin_two_policies(SILVERED);
        for (int i = 0; i < 2; i++)
                snap_add_under("silver", START_S - i * EVERY_S);
        snap_add_under("iron", START_S - SEC_PER_DAY);
        f.snaps[1].hold = "audit";
        engine_begin();
        engine_pass(60);
        retire(3);
        engine_pass(60);
        assert_int_equal(count_under("gold"), 1);
        assert_int_equal(count_under("iron"), 0);
        assert_int_equal(count_under("silver"), 2);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        assert_true(said("is deleted (retired by the operator"));
        assert_false(said("its retirement is over"));

        /* What is held is not retired, and nothing else is left to be. */
        engine_pass(1000);
        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), ENGINE_E_SELECTED);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), ENGINE_E_SELECTED);
        for (size_t i = 0; i < f.n_snaps; i++)
                f.snaps[i].hold = NULL;
        engine_pass(3600);
        assert_int_equal(count_under("gold"), 1);
        engine_end();
}

/* The disk goes back to the policy that had left them before they are gone: it is over. */
static void test_retire_ends_claimed(void **state) {
        begin_two_policies(SILVERED);
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        engine_begin();
        engine_pass(60);
        retire(3);
        engine_pass(60);
        assert_int_equal(f.requests[HTTP_DELETE], 3);
        f.rules[0].body = TAGGED;
        engine_pass(3600);
        assert_true(said("its retirement is over"));
        /* It goes away once more, and the lock too. */
        f.rules[0].body = SILVERED;
        engine_pass(3600);
        f.rules[1].times = f.met[1];
        engine_pass(6 * 3600);
        assert_true(count_under("gold") >= 2);
        engine_end();
}

/* In the midst of a round, whose own listing is of snapshots alone, the disks are listed before anything is
 * deleted, also when that listing is under way: one of them may be another policy's by now. */
static void test_retire_lists_disks(void **state) {
        for (int i = 0; i < 4; i++) {
                bool listing = i % 2, returns = i / 2;
                size_t n;

                begin_two_policies(SILVERED);
                engine_begin();
                engine_pass(60);
                n = f.requests[HTTP_PUT];
                while (f.requests[HTTP_PUT] == n ||
                       (listing && (f.n_flights == 0 ||
                                    !strstr(f.flights[0]->request->url, LIST_SNAPSHOTS(SUB)))))
                        assert_true(engine_turn(INT64_MAX - 1));
                if (returns)
                        f.rules[0].body = TAGGED;
                retire(3);
                engine_pass(60);
                assert_int_equal(count_under("gold"), returns ? 3 : 0);
                assert_int_equal(said("its retirement is over"), returns);
                engine_end();
        }
}

/* A create that fails has the disks listed anew; what is retired does not wait for that. */
static void test_retire_beside_failures(void **state) {
        begin_two_policies(SILVERED);
        snap_add_under("silver", START_S);
        f.file.parallel = 1;
        rule(HTTP_PUT, "/snapshots/", 403, ERROR("AuthorizationFailed"));
        engine_begin();
        engine_pass(239);
        f.now_ns += 6 * NSEC_PER_SEC / 10;
        retire(3);
        engine_pass(5);
        assert_int_equal(f.requests[HTTP_PUT], 1);
        assert_int_equal(count_under("gold"), 0);
        engine_end();
}

/* A disk that was moved is selected in the subscription that it is in, and its snapshots are in the other:
 * a DELETE that waits meanwhile does not go out. */
static void test_retire_ends_elsewhere(void **state) {
        static struct resource_id elsewhere = {RESOURCE_DISK, SUB_2, "rg-app", "db01"};
        const struct plan *plan;
        struct target targets[2];
        size_t n;

        begin_untagged();
        targets[0] = f.target;
        targets[1] = (struct target){.disks = &elsewhere, .n_disks = 1};
        f.file.targets = targets;
        f.file.n_targets = 2;
        rule(HTTP_GET, LIST_DISKS(SUB_2), 200, NOTHING);
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB_2), 200, NOTHING);
        rule(HTTP_PUT, SUB_2, 403, ERROR("AuthorizationFailed"));
        rule(HTTP_DELETE, "/snapshots/", 409, ERROR("ScopeLocked"));
        engine_begin();
        engine_pass(60);
        retire(4);
        engine_pass(60);
        n = f.requests[HTTP_DELETE];
        assert_int_equal(n, 4);
        f.rules[1].body = DISKS(SUB_2, GENERATION, "");
        while (!said("its retirement is over"))
                assert_true(engine_turn(INT64_MAX - 1));
        /* What was planned before says so until it is planned anew. */
        plan = engine_plan(f.engine, 0);
        assert_int_equal(plan->n_actions, 4);
        for (size_t i = 0; i < plan->n_actions; i++)
                assert_true(plan->actions[i].retired && plan->actions[i].blocked != 0);
        n = f.requests[HTTP_DELETE];
        f.rules[4].times = f.met[4];
        engine_pass(3 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], n);
        f.rules[1].body = NOTHING;
        engine_pass(3 * 3600);
        assert_int_equal(f.requests[HTTP_DELETE], n);
        assert_int_equal(f.n_snaps, 4);
        engine_end();
}

/* The disk went to another subscription, of which nobody has listed the disks since: its listing comes first, and
 * the retirement is over. One that cannot be read says nothing. */
static void test_retire_lists_elsewhere(void **state) {
        for (int readable = 0; readable < 2; readable++) {
                begin_two();
                set_second(200, NOTHING);
                f.no_disk = true;
                engine_begin();
                engine_pass(60);
                set_second(readable ? 200 : 403,
                           readable ? DISKS(SUB_2, GENERATION, "") : ERROR("AuthorizationFailed"));
                f.silent = LIST_DISKS(SUB_2);
                retire(6);
                engine_pass(20);
                assert_int_equal(f.requests[HTTP_DELETE], 0);
                f.silent = NULL;
                engine_pass(200);
                assert_int_equal(f.requests[HTTP_DELETE], readable ? 0 : 6);
                assert_int_equal(said("its retirement is over"), readable);
                engine_end();
        }
        free(written);
        written = NULL;
}

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
                cmocka_unit_test(test_mass_of_what_was_gained),
                cmocka_unit_test(test_mass_over_restarts),
                cmocka_unit_test(test_mass_over_a_filter),
                cmocka_unit_test(test_ack_is_of_one_step),
                cmocka_unit_test(test_policy_waits),
                cmocka_unit_test(test_policy_waits_unlisted),
                cmocka_unit_test(test_rule_after_a_peer),
                cmocka_unit_test(test_two_become_one),
                cmocka_unit_test(test_targets_unread),
                cmocka_unit_test(test_targets_are_these),
                cmocka_unit_test(test_targets_formerly),
                cmocka_unit_test(test_targets_edited),
                cmocka_unit_test(test_gone_is_held),
                cmocka_unit_test(test_gone_while_unread),
                cmocka_unit_test(test_gone_while_another_fails),
                cmocka_unit_test(test_gone_where_it_was_last),
                cmocka_unit_test(test_gone_where_a_tag_is_long),
                cmocka_unit_test(test_gone_where_it_went),
                cmocka_unit_test(test_gone_unselected_elsewhere),
                cmocka_unit_test(test_gone_no_more),
                cmocka_unit_test(test_absence_forgotten),
                cmocka_unit_test(test_absence_elsewhere),
                cmocka_unit_test(test_copied_elsewhere),
                cmocka_unit_test(test_copied_where_not_read),
                cmocka_unit_test(test_clock_over_subscriptions),
                cmocka_unit_test(test_plan_of_another_time),
                cmocka_unit_test(test_apply_is_once),
                cmocka_unit_test(test_apply_is_once_of_a_policy),
                cmocka_unit_test(test_retire_ends),
                cmocka_unit_test(test_retire_is_exact),
                cmocka_unit_test(test_retire_internal),
                cmocka_unit_test(test_retire_ends_claimed),
                cmocka_unit_test(test_retire_ends_elsewhere),
                cmocka_unit_test(test_retire_lists_elsewhere),
                cmocka_unit_test(test_retire_beside_failures),
                cmocka_unit_test(test_retire_lists_disks),
                cmocka_unit_test(test_retire_unclaimed),
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

        return cmocka_run_group_tests_name("engine-standing", tests, NULL, NULL);
}
