/*
 * Budgets: stories of requests and replies on a clock that the test sets, and what may go when.
 */
#include "azure/budget.h"
#include "base/macros.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HALF 500
/* Far from zero, and on no edge of a slot. */
#define T0 (INT64_C(100000) * NSEC_PER_SEC + 700 * NSEC_PER_MSEC)
#define CREATES "HighCostSnapshotCreateHydrate"

static struct budget_ask create = {BUDGET_KIND_CREATE, BUDGET_RANK_CREATE, "westeurope"};
static struct budget_ask copy = {BUDGET_KIND_CREATE, BUDGET_RANK_COPY, "westeurope"};
static struct budget_ask poll = {BUDGET_KIND_GET, BUDGET_RANK_POLL, "westeurope"};
static struct budget_ask reread = {BUDGET_KIND_GET, BUDGET_RANK_PRUNE, "westeurope"};
static struct budget_ask list = {BUDGET_KIND_LIST, BUDGET_RANK_POLL, NULL};
static struct budget_ask delete = {BUDGET_KIND_DELETE, BUDGET_RANK_PRUNE, "westeurope"};

static struct budget *budget;
static struct mono now;
static const struct arm_error fine = {.retry_after_ns = -1};

static int setup(void **state) {
        now.ns = T0;
        return budget_new(HALF, &budget);
}

static int teardown(void **state) {
        budget = budget_free(budget);
        return 0;
}

static void again(unsigned share) {
        budget_free(budget);
        now.ns = T0;
        assert_int_equal(budget_new(share, &budget), 0);
}

static bool may(const struct budget_ask *ask) {
        return budget_when(budget, ask, now).ns == now.ns;
}

static void take(struct budget_ask *ask) {
        assert_int_equal(budget_take(budget, ask, /* chance= */ UINT32_MAX, now), 0);
}

/* A reply with one header, or none. */
static void answer(const struct budget_ask *ask, const char *name, const char *value,
                   const struct arm_error *error) {
        struct http_reply reply = {.outcome = TRANSPORT_REPLY, .status = 202};

        if (name)
                assert_int_equal(http_headers_add_str(&reply.headers, name, value), 0);
        budget_see(budget, ask, &reply, error, now);
        http_headers_deinit(&reply.headers);
}

static void answer_left(const struct budget_ask *ask, uint32_t left3, uint32_t left30) {
        char value[160];

        snprintf(value, sizeof(value),
                 "Microsoft.Compute/" CREATES "3Min;%u,Microsoft.Compute/" CREATES "30Min;%u",
                 left3, left30);
        answer(ask, "x-ms-ratelimit-remaining-resource", value, &fine);
}

/* Goes as soon as it may, and is answered at once. */
static void go(struct budget_ask *ask) {
        now = budget_when(budget, ask, now);
        take(ask);
        answer(ask, NULL, NULL, &fine);
}

static double seconds(void) {
        return (double)(now.ns - T0) / NSEC_PER_SEC;
}

/* What is believed before any reply: half of FACTS section 9's numbers, and no more in any window. */
static void test_share(void **state) {
        static int64_t at[9000];
        static const struct {
                int line;
                struct budget_ask *ask;
                unsigned share;
                size_t n, burst;      /* requests; so many go at once */
                size_t three, thirty; /* at most in these windows */
        } rows[] = {
                {__LINE__, &create, 500, 9000, 100, 500, 4000},
                {__LINE__, &create, 100, 3000, 20, 100, 800},
                {__LINE__, &create, 1000, 9000, 200, 1000, 8000},
                {__LINE__, &delete, 500, 9000, 100, 1500, 12000},
                {__LINE__, &list, 500, 2000, 61, 120, 960},
                {__LINE__, &reread, 500, 9000, 94, 7500, 60000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t three = 0, thirty = 0, burst = 0;

                again(rows[i].share);
                for (size_t n = 0; n < rows[i].n; n++) {
                        size_t k;

                        go(rows[i].ask);
                        at[n] = now.ns;
                        burst += now.ns == T0;
                        for (k = n + 1; k > 0 && at[k - 1] > now.ns - 180 * NSEC_PER_SEC; k--)
                                ;
                        three = MAX(three, n + 1 - k);
                        for (; k > 0 && at[k - 1] > now.ns - 1800 * NSEC_PER_SEC; k--)
                                ;
                        thirty = MAX(thirty, n + 1 - k);
                }
                if (three > rows[i].three || thirty > rows[i].thirty || burst != rows[i].burst)
                        fail_msg("line %d: %zu at once, %zu in 3 minutes, %zu in 30", rows[i].line,
                                 burst, three, thirty);
        }
}

/* A backlog uses it: 20,000 creates at half of 8,000 in 30 minutes. */
static void test_backlog(void **state) {
        double used;

        for (int i = 0; i < 20000; i++)
                go(&create);
        used = 20000 / (seconds() / 1800 * 4000);
        if (used < 0.95)
                fail_msg("%.3f of our share is used in %.0f s", used, seconds());
}

/* From half of it on they are spaced, chance making it up to half shorter. */
static void test_spacing(void **state) {
        static const struct {
                int line;
                uint32_t chance;
                int64_t ms; /* of 1500, which 120 in 3 minutes are */
        } rows[] = {
                {__LINE__, 0, 1500},
                {__LINE__, UINT32_MAX, 750},
                {__LINE__, UINT32_MAX / 2, 1125},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t gap_ms;

                again(HALF);
                for (int n = 0; n < 60; n++) {
                        assert_true(may(&list));
                        go(&list);
                }
                assert_int_equal(budget_take(budget, &list, rows[i].chance, now), 0);
                gap_ms = (budget_when(budget, &list, now).ns - now.ns) / NSEC_PER_MSEC;
                if (gap_ms < rows[i].ms - 1 || gap_ms > rows[i].ms + 1)
                        fail_msg("line %d: %lld ms", rows[i].line, (long long)gap_ms);
        }
}

/* The headers' forms, and what is believed after one reply that says 99 and 899 are left. */
static void test_headers(void **state) {
        static const struct {
                int line;
                const char *name, *value;
                uint32_t size[2]; /* believed */
        } rows[] = {
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3Min;99,Microsoft.Compute/" CREATES "30Min;899",
                 {100, 900}},
                {__LINE__,
                 "X-MS-RateLimit-Remaining-Resource",
                 "microsoft.compute/" CREATES "3min;99, Microsoft.Compute/" CREATES "30Min;899",
                 {100, 900}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "30Min;899",
                 {1000, 900}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/LowCostGet3Min;7,Microsoft.Compute/" CREATES "3Min;99",
                 {100, 8000}},
                /* more than was ever recorded */
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3Min;19999",
                 {20000, 8000}},
                /* of others, and of nothing that is known */
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/LowCostGet3Min;7",
                 {1000, 8000}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Network/" CREATES "3Min;99",
                 {1000, 8000}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3MinX;99",
                 {1000, 8000}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3Min;",
                 {1000, 8000}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3Min;99x",
                 {1000, 8000}},
                {__LINE__,
                 "x-ms-ratelimit-remaining-resource",
                 "Microsoft.Compute/" CREATES "3Min99",
                 {1000, 8000}},
                {__LINE__, "x-ms-ratelimit-remaining-resource", ",;,", {1000, 8000}},
                {__LINE__, NULL, NULL, {1000, 8000}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                again(HALF);
                take(&create);
                answer(&create, rows[i].name, rows[i].value, &fine);
                for (int w = 0; w < 2; w++)
                        if (budget_believed(budget, &create, w) != rows[i].size[w])
                                fail_msg("line %d: %u is believed", rows[i].line,
                                         budget_believed(budget, &create, w));
        }
}

/* One header each, as some replies have them. */
static void test_two_headers(void **state) {
        struct http_reply reply = {.outcome = TRANSPORT_REPLY, .status = 202};

        take(&create);
        assert_int_equal(http_headers_add_str(&reply.headers, "x-ms-ratelimit-remaining-resource",
                                              "Microsoft.Compute/" CREATES "3Min;99"),
                         0);
        assert_int_equal(http_headers_add_str(&reply.headers, "x-ms-ratelimit-remaining-resource",
                                              "Microsoft.Compute/" CREATES "30Min;899"),
                         0);
        budget_see(budget, &create, &reply, &fine, now);
        http_headers_deinit(&reply.headers);
        assert_int_equal(budget_believed(budget, &create, 0), 100);
        assert_int_equal(budget_believed(budget, &create, 1), 900);
}

/* The buckets of March 2020, seen from within: 240 and 1920. Azure's window begins with a call. */
static void test_smaller(void **state) {
        int64_t began[2] = {T0, T0};
        uint32_t left[2] = {240, 1920};
        uint32_t least = 240;

        for (int i = 0; i < 3000; i++) {
                now = budget_when(budget, &create, now);
                for (int w = 0; w < 2; w++) {
                        if (now.ns - began[w] >= (w == 0 ? 180 : 1800) * NSEC_PER_SEC) {
                                began[w] = now.ns;
                                left[w] = w == 0 ? 240 : 1920;
                        }
                        assert_true(left[w] > 0);
                        left[w]--;
                }
                take(&create);
                answer_left(&create, left[0], left[1]);
                least = MIN(least, left[0]);
        }
        assert_in_range(least, 120, 130);
        assert_true(3000 / (seconds() / 1800 * 960) > 0.95);
}

/* Others have emptied both windows while we asked for nothing: that does not make them small. */
static void test_emptied(void **state) {
        take(&create);
        answer_left(&create, 999, 7999);
        now.ns += 3600 * NSEC_PER_SEC;
        take(&create);
        answer_left(&create, 0, 0);
        assert_int_equal(budget_believed(budget, &create, 0), 1000);
        assert_int_equal(budget_believed(budget, &create, 1), 8000);
}

/* A start in the middle of that takes them for small; the first reply of a full one ends that, and what
 * was spaced by so little does not wait. */
static void test_emptied_before(void **state) {
        take(&create);
        answer_left(&create, 0, 0);
        assert_int_equal(budget_believed(budget, &create, 1), 1);
        now.ns += 1860 * NSEC_PER_SEC;
        assert_true(may(&create));
        take(&create);
        assert_false(may(&create));
        answer_left(&create, 999, 7999);
        assert_int_equal(budget_believed(budget, &create, 1), 8000);
        assert_true(may(&create));
}

/* Others take all but a few: these stay, until the window must have ended. */
static void test_never_to_zero(void **state) {
        take(&create);
        answer_left(&create, 999, 7999);
        take(&create);
        answer_left(&create, 22, 7000);
        assert_true(may(&create)); /* 22, and a reserve of a fiftieth of 1000 */
        take(&create);
        assert_true(may(&create));
        take(&create); /* two are under way */
        assert_false(may(&create));
        assert_int_equal(budget_when(budget, &create, now).ns, T0 + 180 * NSEC_PER_SEC);
        now.ns += 10 * NSEC_PER_SEC;
        answer_left(&create, 21, 6999);
        answer_left(&create, 20, 6998);
        assert_int_equal(budget_when(budget, &create, now).ns, T0 + 180 * NSEC_PER_SEC);
        now.ns = T0 + 180 * NSEC_PER_SEC;
        assert_true(may(&create));

        /* what is lost may have been counted */
        again(HALF);
        take(&create);
        answer_left(&create, 999, 7999);
        take(&create);
        answer_left(&create, 22, 7000);
        for (int i = 0; i < 2; i++) {
                assert_true(may(&create));
                take(&create);
                budget_drop(budget, &create);
        }
        assert_false(may(&create));
}

/* Replies overtake each other: that is no new window, and the lower number holds. */
static void test_overtaking(void **state) {
        for (int i = 0; i < 4; i++)
                take(&create);
        answer_left(&create, 997, 7997);
        answer_left(&create, 999, 7999);
        answer_left(&create, 996, 7996);
        answer_left(&create, 998, 7998);
        assert_int_equal(budget_believed(budget, &create, 0), 999);
        now.ns += 100 * NSEC_PER_SEC;
        take(&create);
        answer_left(&create, 995, 7995);
        assert_int_equal(budget_believed(budget, &create, 0), 1000);
        /* had one begun here, it would count anew */
        now.ns += 10 * NSEC_PER_SEC;
        take(&create);
        answer_left(&create, 21, 7994);
        take(&create);
        assert_int_equal(budget_when(budget, &create, now).ns, T0 + 180 * NSEC_PER_SEC);
}

/* ARM's bucket: 200, filling at 10 a second; ours is half of both. */
static void test_arm(void **state) {
        static const char name[] = "x-ms-ratelimit-remaining-subscription-writes";
        struct budget_ask there = {BUDGET_KIND_CREATE, BUDGET_RANK_CREATE, "northeurope"};

        for (int i = 0; i < 100; i++) {
                assert_true(may(&create));
                take(&create);
                answer(&create, NULL, NULL, &fine);
        }
        /* empty, for another region too; a fifth of a second a request */
        assert_in_range(budget_when(budget, &there, now).ns - now.ns, 200 * NSEC_PER_MSEC,
                        201 * NSEC_PER_MSEC);
        assert_true(may(&delete));
        assert_true(may(&list));
        now.ns += NSEC_PER_SEC;
        for (int i = 0; i < 5; i++) {
                assert_true(may(&create));
                take(&create);
        }
        assert_false(may(&create));

        /* others are at it */
        again(HALF);
        take(&create);
        answer(&create, name, "4", &fine);
        assert_int_equal(budget_when(budget, &create, now).ns, T0 + 1300 * NSEC_PER_MSEC);
        now.ns += 1300 * NSEC_PER_MSEC;
        take(&create);
        answer(&create, name, "25", &fine);
        assert_true(may(&create));
        for (int i = 0; i < 9; i++)
                take(&create);
        assert_in_range(budget_when(budget, &create, now).ns - now.ns, 100 * NSEC_PER_MSEC,
                        101 * NSEC_PER_MSEC);
}

/* The older scheme: so many an hour, of which nothing comes back for long. */
static void test_arm_stalls(void **state) {
        unsigned asked = 0;

        for (uint32_t left = 20; left > 0 && now.ns < T0 + 1000 * NSEC_PER_SEC; left--) {
                char text[16];

                now = budget_when(budget, &create, now);
                take(&create);
                snprintf(text, sizeof(text), "%u", left);
                answer(&create, "x-ms-ratelimit-remaining-subscription-writes", text, &fine);
                asked++;
        }
        if (now.ns < T0 + 300 * NSEC_PER_SEC)
                fail_msg("%u asked in %.1f s", asked, seconds());
}

/* A bucket of another scheme, or of nobody knows what, was told of: the one that is there all the time is
 * taken for what it is soon after, and does not wait for what the other would hold. */
static void test_arm_shrinks(void **state) {
        static const struct {
                int line;
                struct budget_ask *ask;
                const char *name, *told;
                int size, refill; /* of the one that is there */
        } rows[] = {
                {__LINE__, &delete, "x-ms-ratelimit-remaining-subscription-deletes", "14999", 200,
                 10},
                {__LINE__, &list, "x-ms-ratelimit-remaining-subscription-reads", "11999", 250, 25},
                {__LINE__, &create, "x-ms-ratelimit-remaining-subscription-writes",
                 "99999999999999999999", 200, 10},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                double left = rows[i].size;
                struct mono before;

                again(HALF);
                take(rows[i].ask);
                answer(rows[i].ask, rows[i].name, rows[i].told, &fine);
                for (before = now; now.ns < T0 + 7200 * NSEC_PER_SEC; before = now) {
                        char text[16];

                        now.ns += 10 * NSEC_PER_SEC;
                        now = budget_when(budget, rows[i].ask, now);
                        if (before.ns > T0 + 600 * NSEC_PER_SEC &&
                            now.ns - before.ns > 60 * NSEC_PER_SEC)
                                fail_msg("line %d: after %.0f s it waits for %.0f s", rows[i].line,
                                         seconds(), (double)(now.ns - before.ns) / NSEC_PER_SEC);
                        left += (double)(now.ns - before.ns) / NSEC_PER_SEC * rows[i].refill;
                        left = MIN(left, rows[i].size) - 1;
                        take(rows[i].ask);
                        snprintf(text, sizeof(text), "%d", (int)left);
                        answer(rows[i].ask, rows[i].name, text, &fine);
                }
        }
}

/* Twenty times the rates of Azure: believed as soon as they are told. */
static void test_larger(void **state) {
        take(&create);
        answer_left(&create, 19999, 159999);
        take(&create);
        answer(&create, "x-ms-ratelimit-remaining-subscription-writes", "3999", &fine);
        for (int i = 0; i < 9000; i++)
                go(&create);
        assert_true(seconds() < 100);
}

/* Who is more urgent finds room where others must wait. */
static void test_ranks(void **state) {
        static struct budget_ask *const asks[] = {&create, &copy};
        static struct budget_ask *const reads[] = {&poll, &reread};

        while (may(asks[1])) {
                take(asks[1]);
                answer(asks[1], NULL, NULL, &fine);
        }
        assert_true(may(asks[0]));
        while (may(reads[1])) {
                take(reads[1]);
                answer(reads[1], NULL, NULL, &fine);
        }
        assert_true(may(reads[0]));
        while (may(reads[0])) {
                take(reads[0]);
                answer(reads[0], NULL, NULL, &fine);
        }
        assert_true(may(&(struct budget_ask){BUDGET_KIND_GET, BUDGET_RANK_CREATE, "westeurope"}));
}

/* What a 429 closes, and until when. */
static void test_closed(void **state) {
        static const struct {
                int line;
                enum arm_cause cause;
                const char *left;
                int64_t retry_after_s; /* below 0: none */
                int64_t closed_s;
                bool others; /* are closed too */
        } rows[] = {
                {__LINE__, ARM_CAUSE_SERVICE, "3Min;0", 17, 17, false},
                {__LINE__, ARM_CAUSE_SERVICE, "30Min;0", 17, 17, false},
                {__LINE__, ARM_CAUSE_SERVICE, "3Min;0", -1, 30, false},
                {__LINE__, ARM_CAUSE_SERVICE, "3Min;1", 17, 17, true},
                {__LINE__, ARM_CAUSE_SERVICE, "", 17, 17, true},
                {__LINE__, ARM_CAUSE_GATEWAY, "3Min;0", 5, 5, true},
                {__LINE__, ARM_CAUSE_UNKNOWN, "", 5, 5, true},
                {__LINE__, ARM_CAUSE_UNKNOWN, "", -1, 30, true},
        };

        for (unsigned share = 0; share <= HALF; share += HALF)
                for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                        struct budget_ask there = create;
                        struct arm_error error = {.class = ARM_THROTTLED, .cause = rows[i].cause};
                        int64_t closed_ns = rows[i].closed_s * NSEC_PER_SEC;
                        char value[80];

                        again(share);
                        there.region = "northeurope";
                        error.retry_after_ns = rows[i].retry_after_s < 0
                                                       ? -1
                                                       : rows[i].retry_after_s * NSEC_PER_SEC;
                        take(&create);
                        take(&create);
                        snprintf(value, sizeof(value), "Microsoft.Compute/" CREATES "%s",
                                 rows[i].left);
                        answer(&create, "x-ms-ratelimit-remaining-resource", value, &error);
                        if (budget_closed_until(budget, &create).ns != T0 + closed_ns ||
                            budget_when(budget, &create, now).ns < T0 + closed_ns ||
                            may(&there) == rows[i].others || may(&list) == rows[i].others ||
                            (budget_closed_until(budget, NULL).ns > T0) != rows[i].others)
                                fail_msg("line %d: closed until %lld", rows[i].line,
                                         (long long)(budget_when(budget, &create, now).ns - T0));
                        /* a shorter one does not shorten it */
                        now.ns += NSEC_PER_SEC;
                        error.retry_after_ns = NSEC_PER_SEC;
                        answer(&create, NULL, NULL, &error);
                        assert_int_equal(budget_closed_until(budget, &create).ns, T0 + closed_ns);
                        /* and what does not say that its bucket is empty closes all */
                        assert_true(budget_closed_until(budget, NULL).ns >= T0 + 2 * NSEC_PER_SEC);
                }
}

/* A request whose region is not known waits for all regions, and they for it. */
static void test_closed_somewhere(void **state) {
        struct arm_error error = {.class = ARM_THROTTLED,
                                  .cause = ARM_CAUSE_SERVICE,
                                  .retry_after_ns = 17 * NSEC_PER_SEC};
        static const char empty[] = "Microsoft.Compute/LowCostGet3Min;0";
        struct budget_ask west = {BUDGET_KIND_GET, BUDGET_RANK_POLL, "westeurope"};
        struct budget_ask north = {BUDGET_KIND_GET, BUDGET_RANK_POLL, "northeurope"};
        struct budget_ask somewhere = {BUDGET_KIND_GET, BUDGET_RANK_POLL, NULL};
        struct budget_ask elsewhere = {BUDGET_KIND_GET, BUDGET_RANK_POLL, "nowhere"};

        for (unsigned share = 0; share <= HALF; share += HALF) {
                again(share);
                take(&west);
                take(&north);
                take(&somewhere);
                answer(&west, "x-ms-ratelimit-remaining-resource", empty, &error);
                assert_false(may(&west));
                assert_false(may(&somewhere));
                assert_true(may(&north));
                assert_true(may(&elsewhere));
                assert_true(may(&create));
                now.ns += 10 * NSEC_PER_SEC;
                answer(&somewhere, "x-ms-ratelimit-remaining-resource", empty, &error);
                now.ns += 10 * NSEC_PER_SEC;
                assert_int_equal(budget_closed_until(budget, &north).ns, T0 + 27 * NSEC_PER_SEC);
                assert_int_equal(budget_closed_until(budget, &west).ns, T0 + 27 * NSEC_PER_SEC);
                assert_int_equal(budget_closed_until(budget, &elsewhere).ns,
                                 T0 + 27 * NSEC_PER_SEC);
                assert_false(may(&north));
                assert_true(may(&create));
        }
}

/* Without a share nothing is held back. */
static void test_unpaced(void **state) {
        again(0);
        for (int i = 0; i < 20000; i++) {
                assert_true(may(&create));
                take(&create);
                answer_left(&create, 0, 0);
        }
}

/* More regions than there is room for share the unknown one's buckets. */
static void test_regions(void **state) {
        for (int i = 0; i < 2 * BUDGET_REGIONS_MAX; i++) {
                char name[16];
                struct budget_ask ask = {BUDGET_KIND_GET, BUDGET_RANK_POLL, name};

                snprintf(name, sizeof(name), "region%d", i);
                take(&ask);
                answer(&ask, "x-ms-ratelimit-remaining-resource",
                       "Microsoft.Compute/LowCostGet3Min;99", &fine);
                assert_int_equal(budget_believed(budget, &ask, 0), 100);
        }
        assert_int_equal(
                budget_believed(budget, &(struct budget_ask){BUDGET_KIND_GET, 0, "elsewhere"}, 0),
                100);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_share),
                CASE(test_backlog),
                CASE(test_spacing),
                CASE(test_headers),
                CASE(test_two_headers),
                CASE(test_smaller),
                CASE(test_emptied),
                CASE(test_emptied_before),
                CASE(test_never_to_zero),
                CASE(test_overtaking),
                CASE(test_arm),
                CASE(test_arm_stalls),
                CASE(test_arm_shrinks),
                CASE(test_larger),
                CASE(test_ranks),
                CASE(test_closed),
                CASE(test_closed_somewhere),
                CASE(test_unpaced),
                CASE(test_regions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
