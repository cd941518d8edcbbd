/*
 * The heartbeat's calls and the meter's counts, over a transport of the test's own.
 */
#include "base/str.h"
#include "snapkeepd/heartbeat.h"
#include "snapkeepd/meter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- what is below ---- */

static struct {
        struct transport transport;
        struct secrets secrets;
        struct log log;
        struct clock clock;
        struct host host;
        const char *secret; /* NULL: there is no such credential */
        struct strbuf urls; /* of the calls, each with a blank behind */
        struct strbuf said;
        transport_done_fn done; /* of the call under way, or NULL */
        void *data;
        bool fails; /* a send does not even begin */
        unsigned n_busy;
} f;

static int below_send(struct transport *transport, struct http_request *request,
                      transport_done_fn done, void *data, struct transport_call **ret_call) {
        if (f.fails)
                return -EMFILE;
        assert_null(f.done);
        strbuf_appendf(&f.urls, "%s ", request->url);
        http_request_free(request);
        f.done = done;
        f.data = data;
        *ret_call = (struct transport_call *)&f;
        return 0;
}

static void below_cancel(struct transport *transport, struct transport_call *call) {
        assert_non_null(f.done);
        f.done = NULL;
}

static int read_secret(struct secrets *secrets, enum secrets_kind kind, const char *name,
                       char **ret_text) {
        assert_int_equal(kind, SECRETS_CREDENTIAL);
        assert_string_equal(name, "hb");
        if (!f.secret)
                return -ENOENT;
        *ret_text = strdup(f.secret);
        return 0;
}

static void write_entry(struct log *log, const struct log_entry *entry) {
        assert_non_null(entry->event);
        strbuf_appendf(&f.said, "%s: %s\n", entry->event->name, entry->message);
}

static struct mono now_mono(struct clock *clock) {
        return (struct mono){NSEC_PER_SEC};
}

static struct utc now_utc(struct clock *clock) {
        return utc_from_seconds(1700000000);
}

static int set_up(void **state) {
        static const struct transport_ops transport_ops = {below_send, below_cancel};
        static const struct secrets_ops secrets_ops = {read_secret};
        static const struct log_ops log_ops = {write_entry};
        static const struct clock_ops clock_ops = {now_mono, now_utc};

        memset(&f, 0, sizeof(f));
        f.transport.ops = &transport_ops;
        f.secrets.ops = &secrets_ops;
        f.log = (struct log){.ops = &log_ops, .most = LOG_LEVEL_DEBUG};
        f.clock.ops = &clock_ops;
        f.host = (struct host){.secrets = &f.secrets, .log = &f.log};
        f.secret = "https://hc.example/key";
        return 0;
}

static int tear_down(void **state) {
        strbuf_deinit(&f.urls);
        strbuf_deinit(&f.said);
        return 0;
}

/* The reply of the call under way; status 0: none came. */
static void answer(int status) {
        struct http_reply *reply = calloc(1, sizeof(*reply));
        transport_done_fn done = f.done;

        assert_non_null(reply);
        assert_non_null(done);
        reply->outcome = status > 0 ? TRANSPORT_REPLY : TRANSPORT_NOT_SENT;
        reply->status = status;
        f.done = NULL;
        done((struct transport_call *)&f, reply, f.data);
}

static void check_urls(const char *urls) {
        assert_string_equal(strbuf_str(&f.urls), urls);
        strbuf_clear(&f.urls);
}

static void check_said(const char *text) {
        assert_string_equal(strbuf_str(&f.said), text);
        strbuf_clear(&f.said);
}

/* ---- the heartbeat ---- */

static char credential[] = "hb";

#define URL "https://hc.example/key"
#define ALL (HEARTBEAT_START | HEARTBEAT_OK | HEARTBEAT_FAIL)

static void test_rounds(void **state) {
        const struct policy_heartbeat config = {.credential = credential, .events = ALL};
        struct heartbeat *heartbeat = heartbeat_new(&f.host, &f.transport, &config);

        heartbeat_begin(heartbeat);
        check_urls(URL "/start ");
        heartbeat_end(heartbeat, true); /* waits for its turn */
        check_urls("");
        answer(200);
        check_urls(URL " ");
        answer(204);
        heartbeat_begin(heartbeat);
        heartbeat_end(heartbeat, true);
        heartbeat_end(heartbeat, false); /* the latest counts */
        answer(200);
        check_urls(URL "/start " URL "/fail ");
        answer(200);
        assert_null(f.done);
        check_said("");

        /* Two rounds while the first call takes its time: the end of the first is not told as that of the
         * second. */
        heartbeat_begin(heartbeat);
        heartbeat_end(heartbeat, true);
        heartbeat_begin(heartbeat);
        answer(200);
        answer(200);
        answer(200);
        check_urls(URL "/start " URL " " URL "/start ");
        heartbeat_begin(heartbeat);
        heartbeat_end(heartbeat, true);
        heartbeat_begin(heartbeat);
        heartbeat_end(heartbeat, false);
        answer(200);
        answer(200);
        answer(200);
        check_urls(URL "/start " URL "/start " URL "/fail ");
        assert_null(f.done);

        heartbeat_begin(heartbeat);
        heartbeat_free(heartbeat); /* what is under way is forgotten */
        assert_null(f.done);
        heartbeat_begin(NULL);
        heartbeat_end(NULL, true);
}

static void test_chosen_events(void **state) {
        const struct policy_heartbeat config = {.credential = credential, .events = HEARTBEAT_FAIL};
        struct heartbeat *heartbeat = heartbeat_new(&f.host, &f.transport, &config);

        heartbeat_begin(heartbeat);
        heartbeat_end(heartbeat, true);
        check_urls("");
        heartbeat_end(heartbeat, false);
        check_urls(URL "/fail ");
        answer(200);
        heartbeat_free(heartbeat);
}

/* Told once, and its end; the URL never. */
static void test_failures(void **state) {
        const struct policy_heartbeat config = {.credential = credential, .events = HEARTBEAT_OK};
        struct heartbeat *heartbeat = heartbeat_new(&f.host, &f.transport, &config);

        heartbeat_end(heartbeat, true);
        answer(503);
        check_said(
                "heartbeat-failed: the heartbeat could not be sent: status 503; backups go on, and "
                "the next round tries again\n");
        heartbeat_end(heartbeat, true);
        answer(0);
        f.fails = true;
        heartbeat_end(heartbeat, true);
        f.fails = false;
        check_said("");
        heartbeat_end(heartbeat, true);
        answer(200);
        check_said("heartbeat-again: the heartbeat is heard again\n");
        heartbeat_free(heartbeat);
}

static void test_urls(void **state) {
        static const struct {
                int line;
                const char *secret, *url, *problem;
        } rows[] = {
                {__LINE__, "https://h/a/", "https://h/a ", NULL},
                {__LINE__, "https://h/a\n", "https://h/a ", NULL},
                {__LINE__, "http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x ", NULL},
                {__LINE__, "https://h/a?b=c", "https://h/a?b=c ", NULL},
                {__LINE__, "http://h.example/x", "", "does not hold an https URL"},
                {__LINE__, "https://user@h/x", "", "does not hold an https URL"},
                {__LINE__, "ftp://h/x", "", "does not hold an https URL"},
                {__LINE__, "h/x", "", "does not hold an https URL"},
                {__LINE__, "", "", "does not hold an https URL"},
                {__LINE__, "https://h/a b", "", "holds a blank"},
                {__LINE__, "https://h/a\r\nX: y", "", "holds a blank"},
                {__LINE__, NULL, "", "LoadCredential="},
        };
        const struct policy_heartbeat config = {.credential = credential, .events = HEARTBEAT_OK};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct heartbeat *heartbeat = heartbeat_new(&f.host, &f.transport, &config);

                f.secret = rows[i].secret;
                heartbeat_end(heartbeat, true);
                if (strcmp(strbuf_str(&f.urls), rows[i].url) != 0)
                        fail_msg("line %d: called %s", rows[i].line, strbuf_str(&f.urls));
                if (!rows[i].problem && f.said.len > 0)
                        fail_msg("line %d: %s", rows[i].line, strbuf_str(&f.said));
                if (rows[i].problem && !strstr(strbuf_str(&f.said), rows[i].problem))
                        fail_msg("line %d: said %s", rows[i].line, strbuf_str(&f.said));
                if (f.done)
                        answer(200);
                strbuf_clear(&f.urls);
                strbuf_clear(&f.said);
                heartbeat_free(heartbeat);
        }
}

/* What goes wrong is told to a path of its own, also where the URL has a query: behind that, the service
 * would hear that all is well. */
static void test_query(void **state) {
        static const struct {
                int line;
                const char *secret, *url, *problem;
        } rows[] = {
                {__LINE__, "https://h/a", "https://h/a/fail ", NULL},
                {__LINE__, "https://h/a/?create=1", "https://h/a/fail?create=1 ", NULL},
                {__LINE__, "https://h/push/k?status=up&ping=/",
                 "https://h/push/k/fail?status=up&ping=/ ", NULL},
                {__LINE__, "https://h/a#b", "", "holds a fragment (#)"},
                {__LINE__, "https://h/a?b#c", "", "holds a fragment (#)"},
        };
        const struct policy_heartbeat config = {.credential = credential, .events = HEARTBEAT_FAIL};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct heartbeat *heartbeat = heartbeat_new(&f.host, &f.transport, &config);

                f.secret = rows[i].secret;
                heartbeat_end(heartbeat, false);
                if (strcmp(strbuf_str(&f.urls), rows[i].url) != 0)
                        fail_msg("line %d: called %s", rows[i].line, strbuf_str(&f.urls));
                if (!strstr(strbuf_str(&f.said), rows[i].problem ?: ""))
                        fail_msg("line %d: said %s", rows[i].line, strbuf_str(&f.said));
                if (f.done)
                        answer(200);
                strbuf_clear(&f.urls);
                strbuf_clear(&f.said);
                heartbeat_free(heartbeat);
        }
}

/* ---- the meter ---- */

static void count_busy(void *data) {
        f.n_busy++;
}

static unsigned n_done;

static void meter_done(struct transport_call *call, struct http_reply *reply, void *data) {
        n_done++;
        http_reply_free(reply);
}

static int send_one(struct meter *meter, enum http_method method,
                    struct transport_call **ret_call) {
        struct http_request *request = http_request_new(method);
        int r;

        request->url = strdup("https://arm/x");
        r = transport_send(meter_transport(meter), request, meter_done, NULL, ret_call);
        if (r < 0)
                http_request_free(request);
        return r;
}

static void test_meter(void **state) {
        struct meter_counts counts = {};
        struct meter *meter = meter_new(&f.transport, &f.clock, &counts, count_busy, NULL);
        struct transport_call *call;
        struct http_reply *throttled;
        transport_done_fn done;

        n_done = 0;
        assert_int_equal(send_one(meter, HTTP_PUT, &call), 0);
        answer(202);
        assert_int_equal(send_one(meter, HTTP_GET, &call), 0);
        answer(0);
        assert_int_equal(counts.requests[HTTP_PUT], 1);
        assert_int_equal(counts.requests[HTTP_GET], 1);
        assert_int_equal(counts.replies[ARM_OK], 1);
        assert_int_equal(counts.replies[ARM_TRANSIENT], 1);
        assert_int_equal(n_done, 2);
        assert_int_equal(f.n_busy, 2);

        /* The wait that a refusal asks for. */
        assert_int_equal(send_one(meter, HTTP_GET, &call), 0);
        throttled = calloc(1, sizeof(*throttled));
        throttled->outcome = TRANSPORT_REPLY;
        throttled->status = 429;
        assert_int_equal(http_headers_add_str(&throttled->headers, "Retry-After", "17"), 0);
        done = f.done;
        f.done = NULL;
        done((struct transport_call *)&f, throttled, f.data);
        assert_int_equal(counts.replies[ARM_THROTTLED], 1);
        assert_true(counts.throttled_s > 16.9 && counts.throttled_s < 17.1);

        /* What is cancelled has no reply, and what could not be begun was no request. */
        assert_int_equal(send_one(meter, HTTP_DELETE, &call), 0);
        transport_cancel(meter_transport(meter), call);
        assert_null(f.done);
        f.fails = true;
        assert_int_equal(send_one(meter, HTTP_DELETE, &call), -EMFILE);
        assert_int_equal(counts.requests[HTTP_DELETE], 1);
        assert_int_equal(n_done, 3);
        meter_free(meter);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rounds, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_chosen_events, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_urls, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_query, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_meter, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
