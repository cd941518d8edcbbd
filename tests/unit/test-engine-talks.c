/*
 * The engine's conversations, one odd answer a row: what it makes of it, and what it says. The simulated
 * years have the common faults; here are the answers that a service hardly ever gives.
 */
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
/* Of what is asked for, made in time, with something of it changed. */
#define SNAPSHOT(source, unique_id, created, more)                                                 \
        "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"name\":\"" NAME                                   \
        "\",\"location\":\"westeurope\",\"tags\":{},\"properties\":{\"creationData\":{"            \
        "\"createOption\":\"Copy\",\"sourceUniqueId\":\"" source "\"},\"uniqueId\":\"" unique_id   \
        "\",\"timeCreated\":\"" created "\"," more "}}"
#define SOME_ID "00000000-0000-4000-8000-0000000000ff"
#define IN_TIME "2026-11-02T00:01:00Z"
#define GOOD "\"incremental\":true,\"provisioningState\":\"Succeeded\""
#define POLL ARM "/subscriptions/" SUB COMPUTE "/locations/we/operations/1?api-version=1"
#define POLL_HEADER "Azure-AsyncOperation: " POLL

struct row {
        int line;
        const char *expect; /* said */
        const char *forbid; /* not said; NULL: nothing */
        uint64_t created;   /* as counted, after ten minutes */
        struct rule rules[4];
        const char *new_state;
};

static void run_rows(const struct row *rows, size_t n, void (*prepare)(void)) {
        for (size_t i = 0; i < n; i++) {
                const struct row *row = &rows[i];
                uint64_t created;

                fixture_init();
                prepare();
                f.new_state = row->new_state;
                for (size_t k = 0; k < ARRAY_SIZE(row->rules) && row->rules[k].url; k++)
                        f.rules[f.n_rules++] = row->rules[k];
                engine_begin();
                engine_pass(200);
                created = engine_counts(f.engine)->created;
                for (size_t k = 0; k < f.n_rules; k++)
                        if (f.met[k] == 0)
                                fail_msg("row at line %d: rule %zu was never met\n%s", row->line, k,
                                         strbuf_str(&f.said));
                if (!said(row->expect) || (row->forbid && said(row->forbid)) ||
                    created != row->created)
                        fail_msg("row at line %d: created %d, said\n%s", row->line, (int)created,
                                 strbuf_str(&f.said));
                engine_end();
        }
}

static void nothing(void) {
}

/* Soon after a start the name may exist, and a GET says that it does not. */
static void not_there_yet(void) {
        f.rules[f.n_rules++] = (struct rule){
                HTTP_GET, "/snapshots/", 1, 404, 0, NULL, ERROR("ResourceNotFound"), false};
}

/* A snapshot that is to be created, from the PUT to the check of what is there. */
static void test_create(void **state) {
        static const struct row rows[] = {
                {__LINE__, "is complete", "could not", 1, {}},
                {__LINE__,
                 "[AuthorizationFailed]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 403, 0, NULL, ERROR("AuthorizationFailed"), true}}},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 1, 409, 0, NULL, ERROR("Conflict"), true}}},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 1, 0, TRANSPORT_NOT_SENT, NULL, NULL, true}}},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 1, 0, TRANSPORT_LOST, NULL, NULL, false}}},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 1, 0, TRANSPORT_LOST, NULL, NULL, true}}},
                /* the token stays at home */
                {__LINE__,
                 "[ForeignLink]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0,
                   "Azure-AsyncOperation: https://evil.example/x", "{}", true}}},
                {__LINE__,
                 "is complete",
                 "[ForeignLink]",
                 1,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, "Location: https://evil.example/x", "{}",
                   false}}},
                /* accepted, and nothing was made: what stands under the name is looked at */
                {__LINE__,
                 "[WrongSource]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   SNAPSHOT(OTHER_GENERATION, SOME_ID, IN_TIME, GOOD), false}}},
                {__LINE__,
                 "of the disk with uniqueId none",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"properties\":{"
                   "\"provisioningState\":\"Succeeded\",\"creationData\":{\"createOption\":"
                   "\"Copy\"}}}",
                   false}}},
                {__LINE__,
                 "[NotIncremental]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME,
                            "\"incremental\":false,\"provisioningState\":\"Succeeded\""),
                   false}}},
                {__LINE__,
                 "[WrongTime]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, "2026-11-01T00:00:00Z", GOOD), false}}},
                {__LINE__,
                 "[CopyFailed]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME,
                            GOOD ",\"copyCompletionError\":{\"errorCode\":"
                                 "\"CopySourceNotFound\",\"errorMessage\":\"m\"}"),
                   false}}},
                {__LINE__,
                 "[ProvisioningFailed]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME,
                            "\"incremental\":true,\"provisioningState\":\"Canceled\""),
                   false}}},
                /* it is there, though no listing has it */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, "Retry-After: 3",
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME,
                            "\"incremental\":true,\"provisioningState\":\"Updating\""),
                   false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}}},
                {__LINE__,
                 "its data still being copied",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD ",\"completionPercent\":10"),
                   false}}},
                {__LINE__,
                 "[AuthorizationFailed]",
                 NULL,
                 0,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 0, 403, 0, NULL, ERROR("AuthorizationFailed"), false}}},
                /* no answer, and another that is none; then it turns out never to have arrived */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 1, 202, 0, NULL, "{}", true},
                  {HTTP_GET, "/snapshots/", 1, 500, 0, NULL, ERROR("InternalServerError"), false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL, "{\"id\":", false},
                  {HTTP_GET, "/snapshots/", 1, 404, 0, NULL, ERROR("ResourceNotFound"), false}}},
        };

        run_rows(rows, ARRAY_SIZE(rows), not_there_yet);
}

/* The listing shows it under way: its operation is asked. */
static void test_poll(void **state) {
#define PUT_202                                                                                    \
        { HTTP_PUT, "/snapshots/", 0, 202, 0, POLL_HEADER, "{}", false }
/* Signed URLs of operations were recorded with 3,228 bytes: they are followed to the letter. */
#define X10(x) x x x x x x x x x x
#define SIGNED POLL "&t=" X10("%2F1a=") "&c=" X10(X10(X10("MII"))) "&s=" X10("-_~") "&h=END"
#define LOCATION_202                                                                               \
        { HTTP_PUT, "/snapshots/", 0, 202, 0, "Location: " POLL "&monitor=true", "{}", false }
#define POLLED "/operations/1?api-version=1&monitor=true"
        static const struct row rows[] = {
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_PUT, "/snapshots/", 0, 202, 0, "Azure-AsyncOperation: " SIGNED, "{}",
                   false},
                  {HTTP_GET, SIGNED, 1, 200, 0, NULL, "{\"status\":\"Succeeded\"}", false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
                /* Location alone: 202 is under way, then comes the resource itself, or nothing */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {LOCATION_202,
                  {HTTP_GET, POLLED, 1, 202, 0, NULL, "", false},
                  {HTTP_GET, POLLED, 1, 200, 0, NULL, SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD),
                   false}},
                 "Updating"},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {LOCATION_202,
                  {HTTP_GET, POLLED, 1, 204, 0, NULL, "", false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 1, 200, 0, NULL, "{\"status\":\"InProgress\"}", false},
                  {HTTP_GET, "/operations/", 1, 200, 0, NULL,
                   "{\"status\":\"Succeeded\",\"properties\":{\"output\":{\"id\":\"" SNAPSHOTS_ID
                   "/s\",\"location\":\"westeurope\",\"properties\":{\"creationData\":{"
                   "\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION
                   "\"},\"uniqueId\":\"" SOME_ID "\",\"timeCreated\":\"" IN_TIME "\"," GOOD "}}}}",
                   false}},
                 "Updating"},
                /* without the resource, which is looked at then; and with one that is none */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 1, 200, 0, NULL, "{\"status\":\"Succeeded\"}", false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 1, 200, 0, NULL,
                   "{\"status\":\"Succeeded\",\"properties\":{\"output\":{\"id\":1}}}", false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
                {__LINE__,
                 "[OperationFailed]",
                 NULL,
                 0,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 0, 200, 0, NULL, "{\"status\":\"Canceled\"}", false}},
                 "Updating"},
                {__LINE__,
                 "[DiskBroken]",
                 NULL,
                 0,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 0, 200, 0, NULL,
                   "{\"status\":\"Failed\",\"error\":{\"code\":\"DiskBroken\",\"message\":\"m\"}}",
                   false}},
                 "Updating"},
                /* an answer that cannot be read says nothing of the operation */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 1, 200, 0, NULL, "<html>", false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {PUT_202,
                  {HTTP_GET, "/operations/", 1, 404, 0, NULL, ERROR("NotFound"), false},
                  {HTTP_GET, "/snapshots/", 1, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, IN_TIME, GOOD), false}},
                 "Updating"},
        };

        run_rows(rows, ARRAY_SIZE(rows), not_there_yet);
}

/* Four of ours, of which the two oldest go once the slot of 00:00 is filled, which it is. */
static void old_ones(void) {
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

/* When the first request with this in its line was sent, in seconds; -1: none was. */
static long sent_at(const char *method, const char *part) {
        for (const char *line = strbuf_str(&f.sent), *end; (end = strchr(line, '\n'));
             line = end + 1) {
                const char *at = strstr(line, method), *in = strstr(line, part);

                if (at && at < end && in && in < end)
                        return strtol(line, NULL, 10);
        }
        return -1;
}

/* Retry-After of the PUT's answer: neither the operation nor the snapshot is asked for earlier. */
static void test_asks_in_time(void **state) {
        static const char *const headers[][2] = {
                {POLL_HEADER "\nRetry-After: 40", "/operations/"},
                {"Retry-After: 40", "/snapshots/db01"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                long put;

                fixture_init();
                f.trace = true;
                f.new_state = "Updating";
                f.item.period_s = 86400;
                /* no look before the PUT */
                f.now_ns += 1000 * NSEC_PER_SEC;
                f.policy.jitter_s = 0;
                f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                                     .url = "/snapshots/",
                                                     .status = 202,
                                                     .header = headers[i][0]};
                f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                                     .url = "/operations/",
                                                     .status = 200,
                                                     .body = "{\"status\":\"InProgress\"}"};
                engine_begin();
                engine_pass(120);
                put = sent_at(" PUT ", "/snapshots/");
                assert_true(put > 0);
                {
                        const char *after = strstr(strbuf_str(&f.sent), " PUT ");
                        struct strbuf rest = {};
                        long asked;

                        strbuf_append_str(&rest, strchr(after, '\n') + 1);
                        strbuf_deinit(&f.sent);
                        f.sent = rest;
                        asked = sent_at(" GET ", headers[i][1]);
                        if (asked < put + 40)
                                fail_msg("row %zu: asked at %ld, sent at %ld", i, asked, put);
                }
                engine_end();
        }
}

/* No token goes to another host, also where only its operation could tell how far a snapshot is. */
static void test_elsewhere(void **state) {
        fixture_init();
        f.trace = true;
        f.new_state = "Updating";
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_PUT,
                                             .url = "/snapshots/",
                                             .status = 202,
                                             .header = "Location: https://evil.example/x"};
        engine_begin();
        engine_pass(120);
        assert_non_null(strstr(strbuf_str(&f.sent), " PUT "));
        assert_null(strstr(strbuf_str(&f.sent), "evil.example"));
        engine_end();
}

/* The end of a fetch lets go those that wait for a token, not one that waits out a failure. */
static void test_token_wakes_none(void **state) {
        char order[ENGINE_HASH_SIZE];
        size_t asked;

        fixture_init();
        old_ones();
        f.policy.prune = PRUNE_OFF;
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                             .url = f.snaps[0].name,
                                             .times = 1,
                                             .status = 401,
                                             .body = ERROR("ExpiredAuthenticationToken")};
        f.rules[f.n_rules++] =
                (struct rule){.method = HTTP_GET, .url = "/snapshots?", .times = 1, .status = 200};
        engine_begin();
        engine_pass(60);
        f.rules[1].times = 0;
        f.rules[1].status = 0;
        f.rules[1].outcome = TRANSPORT_NOT_SENT;
        while (f.met[1] < 5) /* the next one comes seconds later */
                assert_true(engine_turn(2000 * NSEC_PER_SEC));
        asked = f.requests[HTTP_GET];
        assert_int_equal(engine_hold(f.engine, f.snaps[0].name, "audit", "me", order), 0);
        engine_pass(1);
        assert_int_equal(f.met[0], 1);
        assert_true(f.requests[HTTP_GET] > asked + 2); /* refused, a token, and again */
        assert_int_equal(f.met[1], 5);
        engine_end();
}

/* The victim is read again, and is not what it was, or cannot be had. */
static void test_prune(void **state) {
        static const struct row rows[] = {
                {__LINE__, "is deleted (superseded", "could not", 0, {}},
                {__LINE__,
                 "its uniqueId is no longer",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T23", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, SOME_ID, "2026-11-02T00:00:30Z", GOOD), false}}},
                {__LINE__,
                 "its sourceUniqueId is no longer",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T234500Z", 0, 200, 0, NULL,
                   SNAPSHOT(OTHER_GENERATION, "00000000-0000-4000-8000-000000000001",
                            "2026-11-01T23:45:02Z", GOOD),
                   false},
                  {HTTP_GET, "-20261101T235000Z", 0, 403, 0, NULL, ERROR("AuthorizationFailed"),
                   false}}},
                {__LINE__,
                 "its tags is no longer",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T234500Z", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, "00000000-0000-4000-8000-000000000001",
                            "2026-11-01T23:45:02Z", GOOD),
                   false},
                  {HTTP_GET, "-20261101T235000Z", 0, 403, 0, NULL, ERROR("AuthorizationFailed"),
                   false}}},
                /* older than the listing and not in it: the listing is wrong */
                {__LINE__,
                 "shows another timeCreated than the listing",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T234500Z", 0, 200, 0, NULL,
                   SNAPSHOT(GENERATION, "00000000-0000-4000-8000-000000000001",
                            "2026-11-01T23:45:03Z", GOOD),
                   false},
                  {HTTP_GET, "-20261101T235000Z", 0, 403, 0, NULL, ERROR("AuthorizationFailed"),
                   false}}},
                {__LINE__,
                 "its id is no longer",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T23", 0, 200, 0, NULL,
                   "{\"id\":\"" SNAPSHOTS_ID "/another\",\"location\":\"w\",\"properties\":{}}",
                   false}}},
                {__LINE__,
                 "its uniqueId is no longer",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T23", 0, 200, 0, NULL,
                   "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"properties\":{}}",
                   false}}},
                {__LINE__,
                 "was gone already",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T23", 0, 404, 0, NULL, ERROR("ResourceNotFound"), false}}},
                {__LINE__,
                 "[AuthorizationFailed]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "-20261101T23", 0, 403, 0, NULL, ERROR("AuthorizationFailed"),
                   false}}},
                {__LINE__,
                 "is deleted (superseded",
                 "could not",
                 0,
                 {{HTTP_GET, "-20261101T23", 1, 500, 0, NULL, ERROR("InternalServerError"), false},
                  {HTTP_GET, "-20261101T23", 1, 200, 0, NULL, "[1]", false}}},
                {__LINE__,
                 "[ScopeLocked]",
                 "is deleted (",
                 0,
                 {{HTTP_DELETE, "-20261101T23", 0, 409, 0, NULL, ERROR("ScopeLocked"), true}}},
                /* the DELETE worked and its answer was lost: the second look finds nothing */
                {__LINE__,
                 "is deleted (superseded",
                 "could not",
                 0,
                 {{HTTP_DELETE, "-20261101T23", 2, 0, TRANSPORT_LOST, NULL, NULL, false}}},
                {__LINE__,
                 "was gone already",
                 "could not",
                 0,
                 {{HTTP_DELETE, "-20261101T23", 2, 0, TRANSPORT_NOT_SENT, NULL, NULL, false}}},
        };

        run_rows(rows, ARRAY_SIZE(rows), old_ones);
}

/* Somebody has opened it since the listing; or it is on its way out already. */
static void opened(void) {
        old_ones();
        f.get_part = "-20261101T23";
        f.get_state = "Succeeded\",\"diskState\":\"ActiveSAS";
}

/* The listing takes it in any case. */
static void opened_in_small_letters(void) {
        opened();
        f.get_state = "Succeeded\",\"diskState\":\"activeSas";
}

static void leaving(void) {
        old_ones();
        f.get_part = "-20261101T23";
        f.get_state = "Deleting";
}

/* Its tags are being changed, as for a hold, and a GET has those of before until that is done. */
static void changing(void) {
        old_ones();
        f.get_part = "-20261101T23";
        f.get_state = "Updating";
}

static void test_prune_state(void **state) {
        static const struct row sas[] = {
                {__LINE__, "somebody has a SAS open on it", "is deleted (", 0, {}},
        };
        static const struct row deleting[] = {
                {__LINE__, "was gone already", "is deleted (", 0, {}},
        };

        static const struct row updating[] = {
                {__LINE__,
                 "its state is no longer what the plan saw, it stays",
                 "is deleted (",
                 0,
                 {}},
        };

        run_rows(updating, ARRAY_SIZE(updating), changing);
        run_rows(sas, ARRAY_SIZE(sas), opened);
        run_rows(sas, ARRAY_SIZE(sas), opened_in_small_letters);
        run_rows(deleting, ARRAY_SIZE(deleting), leaving);
}

/* Listings that lead astray, or say nothing. */
static void test_sweep(void **state) {
        static const struct row rows[] = {
                {__LINE__,
                 "[ForeignLink]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/disks?", 0, 200, 0, NULL,
                   "{\"value\":[],\"nextLink\":\"https://evil.example/subscriptions\"}", false}}},
                {__LINE__,
                 "lead in a circle",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/snapshots?", 0, 200, 0, NULL,
                   "{\"value\":[],\"nextLink\":\"" ARM "/snapshots?page=2\"}", false}}},
                {__LINE__,
                 "[UnreadablePage]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/snapshots?", 0, 200, 0, NULL, "{\"value\":[}", false}}},
                {__LINE__,
                 "[UnreadablePage]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/snapshots?", 0, 200, 0, NULL, "{\"value\":[", false}}},
                /* one of somebody's, beside which all others count: which, and for what */
                {__LINE__,
                 "the first " SNAPSHOTS_ID "/theirs: the member incremental is missing or wrong",
                 "is deleted (",
                 1,
                 {{HTTP_GET, "/snapshots?", 0, 200, 0, NULL,
                   "{\"value\":[{\"id\":\"" SNAPSHOTS_ID "/theirs\",\"location\":\"w\","
                   "\"properties\":{\"incremental\":\"yes\"}}]}",
                   false}}},
                {__LINE__,
                 "[UnreadablePage]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/disks?", 0, 200, 0, NULL, "{\"value\":[{\"id\":7}]}", false}}},
                {__LINE__,
                 "[UnreadablePage]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/disks?", 0, 200, 0, NULL, "{\"value\":[7]}", false}}},
                {__LINE__,
                 "[AuthorizationFailed]",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/disks?", 0, 403, 0, NULL, ERROR("AuthorizationFailed"), false}}},
                /* the second try is whole; a page failed all the same */
                {__LINE__,
                 "a page of the listing failed",
                 "is deleted (",
                 0,
                 {{HTTP_GET, "/snapshots?", 1, 0, TRANSPORT_LOST, NULL, NULL, false}}},
                {__LINE__,
                 "is deleted (superseded",
                 "a page of the listing failed",
                 0,
                 {{HTTP_GET, "/snapshots?", 1, 429, 0, "Retry-After: 5", ERROR("TooManyRequests"),
                   false}}},
        };

        run_rows(rows, ARRAY_SIZE(rows), old_ones);
}

/*
 * Every class to its behaviour (azure/error.h), in each conversation: asked again by the conversation
 * itself, after a second or when Retry-After is over; or left, and tried again by a later one. What
 * answers so answers always. Seven seconds are less than the first pause between conversations.
 */
enum again {
        AT_ONCE, /* with another token, and then left */
        SOON,
        LATER,
};

static void test_classes(void **state) {
        static const struct {
                int line;
                int status;
                const char *header, *body;
                enum again put, list, reread, delete;
        } rows[] = {
                {__LINE__, 429, "Retry-After: 2", ERROR("TooManyRequests"), SOON, SOON, SOON, SOON},
                {__LINE__, 409, NULL, ERROR("AnotherOperationInProgress"), SOON, SOON, SOON, SOON},
                {__LINE__, 500, NULL, ERROR("InternalServerError"), SOON, SOON, SOON, SOON},
                {__LINE__, 503, NULL, "", SOON, SOON, SOON, SOON},
                {__LINE__, 403, NULL, "<html>no</html>", SOON, SOON, SOON, SOON},
                {__LINE__, 401, NULL, ERROR("ExpiredAuthenticationToken"), AT_ONCE, AT_ONCE,
                 AT_ONCE, AT_ONCE},
                {__LINE__, 403, NULL, ERROR("AuthorizationFailed"), LATER, LATER, LATER, LATER},
                {__LINE__, 404, NULL, ERROR("ResourceNotFound"), LATER, LATER, LATER, LATER},
                {__LINE__, 404, NULL, ERROR("ResourceGroupNotFound"), LATER, LATER, LATER, LATER},
                {__LINE__, 409, NULL, ERROR("ScopeLocked"), LATER, LATER, LATER, LATER},
                {__LINE__, 409, NULL, ERROR("OperationNotAllowed"), LATER, LATER, LATER, LATER},
                {__LINE__, 409, NULL, ERROR("SnapshotsLimitReached"), LATER, LATER, LATER, LATER},
                {__LINE__, 400, NULL, ERROR("InvalidParameter"), LATER, LATER, LATER, LATER},
        };
        static const struct {
                enum http_method method;
                const char *url;
        } asked[] = {
                {HTTP_PUT, "/snapshots/"},
                {HTTP_GET, "/disks?"},
                {HTTP_GET, "-20261101T23"},
                {HTTP_DELETE, "-20261101T23"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t k = 0; k < ARRAY_SIZE(asked); k++) {
                        const enum again expected[] = {rows[i].put, rows[i].list, rows[i].reread,
                                                       rows[i].delete};
                        int first, met;

                        fixture_init();
                        old_ones();
                        f.rules[f.n_rules++] = (struct rule){
                                asked[k].method, asked[k].url, 0,   rows[i].status, TRANSPORT_REPLY,
                                rows[i].header,  rows[i].body, true};
                        engine_begin();
                        for (int s = 0; s < 600 && f.met[0] == 0; s++)
                                engine_pass(1);
                        first = f.met[0];
                        engine_pass(6);
                        met = f.met[0];
                        if (first == 0 || (expected[k] == SOON && met < first + 1) ||
                            (expected[k] == AT_ONCE && met % 2 != 0) ||
                            (expected[k] != SOON && met > first))
                                fail_msg("row at line %d, request %zu: asked %d times, then %d\n%s",
                                         rows[i].line, k, first, met, strbuf_str(&f.said));
                        engine_end();
                }
}

static void principal(void) {
        f.file.identity = (struct policy_identity){.kind = IDENTITY_SECRET,
                                                   .client_id = text("client-1"),
                                                   .tenant = text("tenant-1"),
                                                   .credential = text("arm-secret")};
        secret_plant(SECRETS_CREDENTIAL, "arm-secret", "sim-secret");
}

static void principal_without_secret(void) {
        principal();
        f.secrets_planted[0].text = NULL;
}

/* Who gives no token to whom, and why. */
static void test_token(void **state) {
        static const struct row rows[] = {
                {__LINE__, "is complete", "no token", 1, {}},
                {__LINE__,
                 "no token from the identity service at http://169.254.169.254",
                 NULL,
                 0,
                 {{HTTP_GET, "/metadata/identity", 0, 0, TRANSPORT_NOT_SENT, NULL, NULL, false}}},
                {__LINE__,
                 "does this machine have the identity",
                 NULL,
                 0,
                 {{HTTP_GET, "/metadata/identity", 0, 400, 0, NULL,
                   "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
                   false}}},
                {__LINE__,
                 "[UnreadableToken]",
                 NULL,
                 0,
                 {{HTTP_GET, "/metadata/identity", 0, 200, 0, NULL, "{\"expires_in\":\"1\"}",
                   false}}},
                /* what passes by itself is waited for, and then told */
                {__LINE__,
                 "is complete",
                 "no token",
                 1,
                 {{HTTP_GET, "/metadata/identity", 2, 503, 0, NULL, "", false}}},
                {__LINE__,
                 "gives tokens again",
                 NULL,
                 1,
                 {{HTTP_GET, "/metadata/identity", 6, 503, 0, NULL, "", false}}},
                /* refused once: another is fetched, and nobody hears of it */
                {__LINE__,
                 "is complete",
                 "could not",
                 1,
                 {{HTTP_GET, "/disks?", 1, 401, 0, NULL, ERROR("ExpiredAuthenticationToken"),
                   false}}},
        };
        static const struct row secrets[] = {
                {__LINE__, "is complete", "no token", 1, {}},
                {__LINE__,
                 "no token for the client client-1 of tenant tenant-1",
                 "sim-secret",
                 0,
                 {{HTTP_POST, "/oauth2/", 0, 401, 0, NULL,
                   "{\"error\":\"invalid_client\",\"error_description\":\"sim-secret is old\"}",
                   false}}},
                {__LINE__,
                 "is the secret in the systemd credential \"arm-secret\" right",
                 NULL,
                 0,
                 {{HTTP_POST, "/oauth2/", 0, 400, 0, NULL, "{\"error\":\"invalid_request\"}",
                   false}}},
        };
        static const struct row missing[] = {
                {__LINE__, "the systemd credential \"arm-secret\" cannot be read", NULL, 0, {}},
        };

        run_rows(rows, ARRAY_SIZE(rows), nothing);
        run_rows(secrets, ARRAY_SIZE(secrets), principal);
        run_rows(missing, ARRAY_SIZE(missing), principal_without_secret);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_elsewhere),
                cmocka_unit_test(test_asks_in_time),
                cmocka_unit_test(test_token_wakes_none),
                cmocka_unit_test(test_create),
                cmocka_unit_test(test_poll),
                cmocka_unit_test(test_prune),
                cmocka_unit_test(test_prune_state),
                cmocka_unit_test(test_sweep),
                cmocka_unit_test(test_token),
                cmocka_unit_test(test_classes),
        };

        return cmocka_run_group_tests_name("engine-talks", tests, NULL, NULL);
}
