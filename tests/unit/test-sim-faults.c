/*
 * Faults on demand: what rules say, which request they strike, and what it meets.
 */
#include "test-sim-rig.h"

#include "sim/faults.h"

static struct faults *faults;

static int setup_faults(void **state) {
        assert_int_equal(faults_new(&faults), 0);
        return setup(state);
}

static int teardown_faults(void **state) {
        faults = faults_free(faults);
        return teardown(state);
}

static void load(const char *text) {
        _cleanup_(freep) char *what = NULL;

        if (faults_load(faults, text, strlen(text), &what) != 0)
                fail_msg("%s: %s", text, what);
}

/* 'x' where one is struck. */
static void check_pattern(const char *rules, const char *pattern) {
        load(rules);
        for (size_t i = 0; pattern[i]; i++) {
                struct fault fault = faults_strike(faults, HTTP_PUT, ORIGIN SNAPS "/s" V);

                if ((fault.effect != FAULT_NONE) != (pattern[i] == 'x'))
                        fail_msg("%s: request %zu of %s", rules, i, pattern);
        }
}

static void test_counting(void **state) {
        check_pattern("{\"faults\":[]}", "----");
        check_pattern("{\"faults\":[{\"fault\":\"internal\"}]}", "xxxx");
        check_pattern("{\"faults\":[{\"fault\":\"internal\",\"after\":2}]}", "--xxx");
        check_pattern("{\"faults\":[{\"fault\":\"internal\",\"every\":3}]}", "--x--x--x");
        check_pattern("{\"faults\":[{\"fault\":\"internal\",\"times\":2}]}", "xx---");
        check_pattern("{\"faults\":[{\"fault\":\"internal\",\"after\":1,\"every\":2,\"times\":2}]}",
                      "--x-x---");
        /* The second rule begins where the first has ended. */
        check_pattern("{\"faults\":[{\"fault\":\"html\",\"times\":1},"
                      "{\"fault\":\"internal\",\"times\":2}]}",
                      "xxx--");
        assert_int_equal(faults_struck(faults), 4 + 3 + 3 + 2 + 2 + 3);
}

static void test_fitting(void **state) {
        static const struct {
                int line;
                const char *rule;
                bool put, get; /* struck: PUT of a snapshot, GET of a disk */
        } rows[] = {
                {__LINE__, "\"request\":\"put_snapshot\"", true, false},
                {__LINE__, "\"request\":\"get_disk\"", false, true},
                {__LINE__, "\"method\":\"GET\"", false, true},
                {__LINE__, "\"url\":\"*/SNAPSHOTS/*\"", true, false},
                {__LINE__, "\"url\":\"snapshots\"", false, false},
                {__LINE__, "\"method\":\"PUT\",\"url\":\"*/rg-app/*\"", false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf rules = {};
                bool put, get;

                strbuf_appendf(&rules, "{\"faults\":[{\"fault\":\"locked\",%s}]}", rows[i].rule);
                load(strbuf_str(&rules));
                put = faults_strike(faults, HTTP_PUT, ORIGIN SNAPS "/s" V).effect != FAULT_NONE;
                get = faults_strike(faults, HTTP_GET, ORIGIN DISK V).effect != FAULT_NONE;
                if (put != rows[i].put || get != rows[i].get)
                        fail_msg("row at line %d", rows[i].line);
        }
}

static void test_complaints(void **state) {
        static const struct {
                int line;
                const char *text, *what;
        } rows[] = {
                {__LINE__, "", "faults[0]: an object with the list \"faults\" is expected"},
                {__LINE__, "{\"faults\":{}}",
                 "faults[0]: an object with the list \"faults\" is expected"},
                {__LINE__, "{\"faults\":[7]}", "faults[0]: an object is expected"},
                {__LINE__, "{\"faults\":[{}]}", "faults[0].fault: the name of a fault is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\"},{\"fault\":\"htlm\"}]}",
                 "faults[1].fault: the name of a fault is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"request\":\"puts\"}]}",
                 "faults[0].request: a kind of request as in /sim/stats is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"method\":\"get\"}]}",
                 "faults[0].method: a method is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"every\":0}]}",
                 "faults[0].every: a whole number from 1 is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"after\":1.5}]}",
                 "faults[0].after: a whole number from 0 is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"url\":7}]}",
                 "faults[0].url: a pattern of URLs is expected"},
                {__LINE__, "{\"faults\":[{\"fault\":\"html\",\"often\":1}]}",
                 "faults[0].often: fault, request, method, url, after, every, times or retry_after "
                 "is expected"},
        };

        load("{\"faults\":[{\"fault\":\"internal\"}]}");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(freep) char *what = NULL;

                assert_int_equal(faults_load(faults, rows[i].text, strlen(rows[i].text), &what),
                                 FAULTS_E_INVALID);
                if (strcmp(what, rows[i].what) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, what);
        }
        /* The rules before stand. */
        assert_int_equal(faults_strike(faults, HTTP_GET, ORIGIN DISK V).effect, FAULT_REPLY);
}

/* Every fault by its name; what answers has a status of a refusal and what it promises. */
static void test_every_fault(void **state) {
        unsigned replies = 0, others = 0;

        for (size_t i = 0; fault_name(i); i++) {
                _cleanup_(http_reply_freep) struct http_reply *made = NULL;
                _cleanup_(strbuf_deinit) struct strbuf rules = {};
                struct fault fault;

                strbuf_appendf(&rules, "{\"faults\":[{\"fault\":\"%s\",\"retry_after\":7}]}",
                               fault_name(i));
                load(strbuf_str(&rules));
                fault = faults_strike(faults, HTTP_PUT, ORIGIN SNAPS "/s" V);
                assert_int_not_equal(fault.effect, FAULT_NONE);
                if (fault.effect != FAULT_REPLY && fault.effect != FAULT_REPLY_AFTER) {
                        others++;
                        continue;
                }
                assert_int_equal(fault_reply(&fault, service, now, &made), 0);
                assert_true(made->status >= 400);
                assert_string_equal(http_headers_get(&made->headers, "Retry-After"), "7");
                replies++;
        }
        assert_true(replies >= 40 && others >= 7);
}

static void test_replies(void **state) {
        static const struct {
                int line;
                const char *name;
                int status;
                const char *code, *retry_after;
        } rows[] = {
                {__LINE__, "token-expired", 401, "ExpiredAuthenticationToken", NULL},
                {__LINE__, "linked-forbidden", 403, "LinkedAuthorizationFailed", NULL},
                {__LINE__, "key-disabled", 400, "KeyVaultKeyNotEnabled", NULL},
                {__LINE__, "key-forbidden", 400, "KeyVaultAccessForbidden", NULL},
                {__LINE__, "full", 409, "SnapshotsLimitReached", NULL},
                {__LINE__, "throttled", 429, "TooManyRequests", "2"},
                {__LINE__, "throttled-silently", 429, "TooManyRequests", NULL},
                {__LINE__, "numeric-code", 429, "429", "2"},
                {__LINE__, "internal-after", 500, "InternalServerError", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(http_reply_freep) struct http_reply *made = NULL;
                _cleanup_(strbuf_deinit) struct strbuf rules = {};
                const char *wait;
                struct fault fault;
                cJSON *json;

                strbuf_appendf(&rules, "{\"faults\":[{\"fault\":\"%s\"}]}", rows[i].name);
                load(strbuf_str(&rules));
                fault = faults_strike(faults, HTTP_PUT, ORIGIN SNAPS "/s" V);
                assert_int_equal(fault_reply(&fault, service, now, &made), 0);
                json = cJSON_Parse(made->body);
                wait = http_headers_get(&made->headers, "Retry-After");
                if (made->status != rows[i].status ||
                    strcmp(cJSON_GetStringValue(
                                   cJSON_GetObjectItem(cJSON_GetObjectItem(json, "error"), "code")),
                           rows[i].code) != 0 ||
                    strcmp(wait ?: "", rows[i].retry_after ?: "") != 0)
                        fail_msg("row at line %d: %d %s", rows[i].line, made->status, made->body);
                cJSON_Delete(json);
        }
}

static void test_odd_body(void **state) {
        struct fault fault;

        pass(1000);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        load("{\"faults\":[{\"fault\":\"odd-null\"}]}");
        fault = faults_strike(faults, HTTP_GET, ORIGIN DISK V);
        assert_int_equal(fault.effect, FAULT_ODD_BODY);
        assert_int_equal(fault_spoil(&fault, reply), 0);
        assert_string_equal(reply->body, "null");
        assert_int_equal(reply->body_len, 4);
        assert_non_null(header("Date"));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_faults, teardown_faults)
        static const struct CMUnitTest tests[] = {
                CASE(test_counting),    CASE(test_fitting), CASE(test_complaints),
                CASE(test_every_fault), CASE(test_replies), CASE(test_odd_body),
        };

        return cmocka_run_group_tests_name("sim-faults", tests, NULL, NULL);
}
