/*
 * The network in virtual time: what each fault does to reply and effect, crashes at every point, and
 * the one promise all of it stands on: a seed gives one trace.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "sim/network.h"
#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "https://arm.sim"
#define GROUP ORIGIN "/subscriptions/" SERVICE_SUBSCRIPTION "/resourceGroups/rg-app"
#define DISKS GROUP "/providers/Microsoft.Compute/disks"
#define V "?api-version=2024-03-02"
#define NEW_DISK                                                                                   \
        "{\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"         \
        "\"Empty\"},\"diskSizeGB\":8}}"

struct world {
        struct sim *sim;
        struct service *service;
        struct sim_trace *trace;
        struct network *network;
        struct sim_node *node;
        struct network_link *link;
        struct transport *transport;
        char token[2048];
        /* The last reply. */
        unsigned done;
        enum transport_outcome outcome;
        int status;
        char date[64];
        struct mono at;
        struct strbuf body; /* of the reply or of the sink */
        unsigned pieces;
        size_t refuse_after;
        struct transport_call *call;
};

static void on_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct world *w = data;

        w->done++;
        w->outcome = reply->outcome;
        w->status = reply->status;
        snprintf(w->date, sizeof(w->date), "%s", http_headers_get(&reply->headers, "Date") ?: "");
        w->at = sim_mono(w->sim);
        if (reply->body)
                strbuf_append(&w->body, reply->body, reply->body_len);
        if (reply->status == 200 && strstr(strbuf_str(&w->body), "access_token")) {
                const char *start = strstr(strbuf_str(&w->body), ":\"") + 2;

                snprintf(w->token, sizeof(w->token), "Bearer %.*s", (int)strcspn(start, "\""),
                         start);
        }
        http_reply_free(reply);
}

static int on_sink(const char *bytes, size_t len, void *data) {
        struct world *w = data;

        w->pieces++;
        strbuf_append(&w->body, bytes, len);
        return w->refuse_after && w->body.len >= w->refuse_after ? -1 : 0;
}

static struct http_request *request_new(struct world *w, enum http_method method, const char *url,
                                        const char *body) {
        struct http_request *request = http_request_new(method);

        assert_non_null(request);
        request->url = strdup(url);
        request->body_max = 1 << 20;
        request->total_timeout_ns = 60 * NSEC_PER_SEC;
        if (body) {
                request->body = strdup(body);
                request->body_len = strlen(body);
        }
        assert_int_equal(http_headers_add_str(&request->headers, "Metadata", "true"), 0);
        assert_int_equal(http_headers_add_str(&request->headers, "Authorization", w->token), 0);
        return request;
}

static void send(struct world *w, enum http_method method, const char *url, const char *body) {
        strbuf_clear(&w->body);
        assert_int_equal(transport_send(w->transport, request_new(w, method, url, body), on_done, w,
                                        &w->call),
                         0);
}

static void get_token(struct world *w) {
        send(w, HTTP_GET, "http://imds/metadata/identity/oauth2/token?api-version=1&resource=r",
             NULL);
        assert_int_equal(sim_run_for(w->sim, 10 * NSEC_PER_SEC), 0);
}

static void begin(struct world *w, uint64_t seed) {
        struct network_options options = network_options_default();
        struct service_options service = service_options_default();

        options.seed = service.seed = seed;
        *w = (struct world){};
        assert_int_equal(sim_new(utc_from_seconds(1795392000), &w->sim), 0);
        assert_int_equal(service_new(&service, &w->service), 0);
        assert_int_equal(service_populate(w->service, sim_true_utc(w->sim), 3), 0);
        assert_int_equal(sim_trace_new(w->sim, NULL, NULL, &w->trace), 0);
        assert_int_equal(network_new(w->sim, w->service, w->trace, &options, &w->network), 0);
        assert_int_equal(sim_node_new(w->sim, 1, 0, &w->node), 0);
        assert_int_equal(network_link_new(w->network, w->node, &w->link), 0);
        w->transport = network_link_transport(w->link);
        get_token(w);
        assert_true(w->token[0] != '\0');
        w->done = 0;
}

static void end(struct world *w) {
        network_link_free(w->link);
        sim_node_free(w->node);
        network_free(w->network);
        sim_trace_free(w->trace);
        service_free(w->service);
        sim_free(w->sim);
        strbuf_deinit(&w->body);
}

static bool has_disk(const struct world *w, const char *name) {
        char id[256];

        snprintf(id, sizeof(id), "%s/%s", &DISKS[strlen(ORIGIN)], name);
        return service_find(w->service, id) != NULL;
}

static void test_faults(void **state) {
        static const struct {
                int line;
                enum network_fault fault;
                enum transport_outcome outcome;
                int status;
                bool effect;
                int64_t after_s; /* not before */
        } rows[] = {
                {__LINE__, NETWORK_NO_FAULT, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_NOT_SENT, TRANSPORT_NOT_SENT, 0, false, 0},
                {__LINE__, NETWORK_LOST_BEFORE, TRANSPORT_LOST, 0, false, 0},
                {__LINE__, NETWORK_LOST_AFTER, TRANSPORT_LOST, 0, true, 0},
                {__LINE__, NETWORK_TIMEOUT_BEFORE, TRANSPORT_TIMEOUT, 0, false, 60},
                {__LINE__, NETWORK_TIMEOUT_AFTER, TRANSPORT_TIMEOUT, 0, true, 60},
                {__LINE__, NETWORK_THROTTLED, TRANSPORT_REPLY, 429, false, 0},
                {__LINE__, NETWORK_ERROR_500, TRANSPORT_REPLY, 500, false, 0},
                {__LINE__, NETWORK_ERROR_500_AFTER, TRANSPORT_REPLY, 500, true, 0},
                {__LINE__, NETWORK_ERROR_503, TRANSPORT_REPLY, 503, false, 0},
                {__LINE__, NETWORK_UNAUTHORIZED, TRANSPORT_REPLY, 401, false, 0},
                {__LINE__, NETWORK_CUT_BODY, TRANSPORT_LOST, 202, true, 0},
                {__LINE__, NETWORK_ODD_BODY, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_SLOW, TRANSPORT_REPLY, 202, true, 2},
                {__LINE__, NETWORK_FAILED_CREATE, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_STUCK_OPERATION, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_FORBIDDEN, TRANSPORT_REPLY, 403, false, 0},
                {__LINE__, NETWORK_NOT_FOUND_GROUP, TRANSPORT_REPLY, 404, false, 0},
                {__LINE__, NETWORK_CONFLICT, TRANSPORT_REPLY, 409, false, 0},
                {__LINE__, NETWORK_TIMEOUT_408, TRANSPORT_REPLY, 408, false, 0},
                {__LINE__, NETWORK_ODD_DATE, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_FAILED_COPY, TRANSPORT_REPLY, 202, true, 0},
                {__LINE__, NETWORK_FAILED_DELETE, TRANSPORT_REPLY, 202, true, 0},
        };

        char good[32] = ""; /* the Date to the minute, or two */

        assert_int_equal(ARRAY_SIZE(rows), _NETWORK_FAULT_N);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool odd_date = rows[i].fault == NETWORK_ODD_DATE;
                struct mono sent;
                struct world w;

                begin(&w, 5);
                network_force(w.network, 2, rows[i].fault);
                sent = sim_mono(w.sim);
                send(&w, HTTP_PUT, DISKS "/new" V, NEW_DISK);
                assert_int_equal(w.done, 0);
                assert_int_equal(network_link_calls(w.link), 1);
                sim_run_for(w.sim, 100 * NSEC_PER_SEC);
                assert_int_equal(network_link_calls(w.link), 0);
                if (w.done != 1 || w.outcome != rows[i].outcome || w.status != rows[i].status ||
                    has_disk(&w, "new") != rows[i].effect ||
                    w.at.ns - sent.ns < rows[i].after_s * NSEC_PER_SEC)
                        fail_msg("row at line %d: %s %d", rows[i].line,
                                 transport_outcome_name(w.outcome), w.status);
                assert_int_equal(network_faults(w.network), rows[i].fault != NETWORK_NO_FAULT);
                if (rows[i].fault == NETWORK_NO_FAULT)
                        snprintf(good, sizeof(good), "%.20s", w.date);
                if (w.outcome == TRANSPORT_REPLY && !strstr(w.date, good) != odd_date)
                        fail_msg("row at line %d: %s", rows[i].line, w.date);
                end(&w);
        }
}

/* Of a disk's PUT in a group either of Azure and of a proxy, by the seed; of a subscription's listing
 * no group can be missing. A failed copy is one of a disk that has copies. */
static void test_shapes_of_faults(void **state) {
        static const char snapshot[] =
                "{\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"
                "\"Copy\",\"sourceResourceId\":\"/subscriptions/" SERVICE_SUBSCRIPTION
                "/resourceGroups/rg-app/providers/Microsoft.Compute/disks/ultra\"},"
                "\"incremental\":true}}";
        struct service_disk_spec ultra = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "ultra",
                .sku = "UltraSSD_LRS",
        };
        unsigned html = 0, json = 0;
        struct world w;

        begin(&w, 5);
        network_set_fault(w.network, NETWORK_NOT_FOUND_GROUP, 1000000);
        for (int i = 0; i < 20; i++) {
                send(&w, HTTP_GET,
                     i < 10 ? DISKS "/disk-0001" V
                            : ORIGIN "/subscriptions/" SERVICE_SUBSCRIPTION
                                     "/providers/Microsoft.Compute/disks" V,
                     NULL);
                sim_run_for(w.sim, NSEC_PER_SEC);
                assert_int_equal(w.status, 404);
                html += strstr(strbuf_str(&w.body), "<html>") != NULL;
                if (i >= 10)
                        assert_non_null(strstr(strbuf_str(&w.body), "<html>"));
                json += strstr(strbuf_str(&w.body), "\"ResourceGroupNotFound\"") != NULL;
        }
        assert_true(json > 0 && json < 10 && html == 20 - json);
        /* Tokens are not ARM's. */
        network_set_fault(w.network, NETWORK_FORBIDDEN, 1000000);
        network_set_fault(w.network, NETWORK_CONFLICT, 1000000);
        network_set_fault(w.network, NETWORK_ODD_DATE, 1000000);
        get_token(&w);
        assert_int_equal(w.status, 200);
        assert_non_null(strstr(w.date, " 2026 "));

        network_stop_faults(w.network);
        assert_int_equal(service_add_disk(w.service, sim_true_utc(w.sim), &ultra, NULL), 0);
        network_set_fault(w.network, NETWORK_FAILED_COPY, 1000000);
        send(&w, HTTP_PUT, GROUP "/providers/Microsoft.Compute/snapshots/s" V, snapshot);
        sim_run_for(w.sim, 1000 * NSEC_PER_SEC);
        assert_int_equal(w.status, 202);
        send(&w, HTTP_GET, GROUP "/providers/Microsoft.Compute/snapshots/s" V, NULL);
        sim_run_for(w.sim, NSEC_PER_SEC);
        assert_non_null(strstr(strbuf_str(&w.body), "\"completionPercent\":50.0,"));
        assert_non_null(strstr(strbuf_str(&w.body), "\"copyCompletionError\""));
        end(&w);
}

static void test_operations_of_faults(void **state) {
        const struct service_resource *disk;
        struct world w;

        begin(&w, 5);
        network_force(w.network, 2, NETWORK_FAILED_CREATE);
        network_force(w.network, 3, NETWORK_STUCK_OPERATION);
        send(&w, HTTP_PUT, DISKS "/failed" V, NEW_DISK);
        send(&w, HTTP_PUT, DISKS "/stuck" V, NEW_DISK);
        sim_run_for(w.sim, 3000 * NSEC_PER_SEC);
        disk = service_find(w.service, &(DISKS "/failed")[strlen(ORIGIN)]);
        assert_int_equal(service_resource_state(disk, sim_true_utc(w.sim)), SERVICE_FAILED);
        disk = service_find(w.service, &(DISKS "/stuck")[strlen(ORIGIN)]);
        assert_int_equal(service_resource_state(disk, sim_true_utc(w.sim)), SERVICE_UPDATING);
        sim_run_for(w.sim, 700 * NSEC_PER_SEC);
        assert_int_equal(service_resource_state(disk, sim_true_utc(w.sim)), SERVICE_SUCCEEDED);
        end(&w);
}

/* One is as it was, at once or after it was Deleting for half an hour; one that is stuck is gone for us and stays
 * as long as its operation runs. */
static void test_deletions_of_faults(void **state) {
        unsigned at_once = 0, later = 0;

        for (uint64_t seed = 1; seed <= 8; seed++) {
                const struct service_resource *disk;
                struct world w;

                begin(&w, seed);
                network_force(w.network, 2, NETWORK_FAILED_DELETE);
                send(&w, HTTP_DELETE, DISKS "/disk-0001" V, NULL);
                sim_run_for(w.sim, 100 * NSEC_PER_SEC);
                assert_int_equal(w.status, 202);
                disk = service_find(w.service, &(DISKS "/disk-0001")[strlen(ORIGIN)]);
                assert_non_null(disk);
                at_once += service_resource_state(disk, sim_true_utc(w.sim)) == SERVICE_SUCCEEDED;
                later += service_resource_state(disk, sim_true_utc(w.sim)) == SERVICE_DELETING;
                sim_run_for(w.sim, 1800 * NSEC_PER_SEC);
                assert_int_equal(service_resource_state(disk, sim_true_utc(w.sim)),
                                 SERVICE_SUCCEEDED);

                network_force(w.network, 3, NETWORK_STUCK_OPERATION);
                send(&w, HTTP_DELETE, DISKS "/disk-0001" V, NULL);
                sim_run_for(w.sim, 3000 * NSEC_PER_SEC);
                assert_false(has_disk(&w, "disk-0001"));
                get_token(&w);
                send(&w, HTTP_GET, DISKS "/disk-0001" V, NULL);
                sim_run_for(w.sim, NSEC_PER_SEC);
                assert_non_null(strstr(strbuf_str(&w.body), "\"Deleting\""));
                sim_run_for(w.sim, 700 * NSEC_PER_SEC);
                send(&w, HTTP_GET, DISKS "/disk-0001" V, NULL);
                sim_run_for(w.sim, NSEC_PER_SEC);
                assert_int_equal(w.status, 404);
                end(&w);
        }
        assert_true(at_once > 0 && later > 0);
}

static void send_to_sink(struct world *w, size_t body_max) {
        struct http_request *request = request_new(w, HTTP_GET, DISKS V, NULL);

        strbuf_clear(&w->body);
        w->pieces = 0;
        request->sink = on_sink;
        request->sink_data = w;
        request->body_max = body_max;
        assert_int_equal(transport_send(w->transport, request, on_done, w, &w->call), 0);
        sim_run_for(w->sim, 100 * NSEC_PER_SEC);
}

static void test_sinks(void **state) {
        struct world w;
        size_t len;

        begin(&w, 3);
        send(&w, HTTP_GET, DISKS V, NULL);
        sim_run_for(w.sim, NSEC_PER_SEC);
        len = w.body.len;
        assert_true(len > 1000);
        send_to_sink(&w, len);
        assert_int_equal(w.outcome, TRANSPORT_REPLY);
        assert_int_equal(w.body.len, len);
        assert_string_equal(strbuf_str(&w.body) + len - 2, "]}");
        send_to_sink(&w, len - 1);
        assert_int_equal(w.outcome, TRANSPORT_TOO_LARGE);
        assert_int_equal(w.body.len, len - 1);
        w.refuse_after = 1;
        send_to_sink(&w, len);
        assert_int_equal(w.outcome, TRANSPORT_BODY_REFUSED);
        assert_int_equal(w.pieces, 1);
        w.refuse_after = 0;
        network_force(w.network, network_requests(w.network) + 1, NETWORK_CUT_BODY);
        send_to_sink(&w, len);
        assert_int_equal(w.outcome, TRANSPORT_LOST);
        assert_true(w.body.len < len);
        /* An error's body is collected, not handed to the sink. */
        network_force(w.network, network_requests(w.network) + 1, NETWORK_ERROR_500);
        send_to_sink(&w, len);
        assert_int_equal(w.pieces, 0);
        assert_non_null(strstr(strbuf_str(&w.body), "InternalServerError"));
        end(&w);
}

/* A cancelled or crashed request lands or not: both occur, and no reply comes. */
static void test_cancel_and_crash(void **state) {
        unsigned landed[2] = {};

        for (uint64_t seed = 0; seed < 60; seed++) {
                bool crash = seed % 2 == 1;
                struct world w;

                begin(&w, seed);
                send(&w, HTTP_PUT, DISKS "/new" V, NEW_DISK);
                if (crash)
                        sim_network_crash(w.link);
                else
                        transport_cancel(w.transport, w.call);
                assert_int_equal(network_link_calls(w.link), 0);
                sim_run_for(w.sim, 100 * NSEC_PER_SEC);
                assert_int_equal(w.done, 0);
                landed[crash] += has_disk(&w, "new");
                if (crash) /* as an engine that is freed does */
                        transport_cancel(w.transport, w.call);
                /* The next process uses the same wire. */
                send(&w, HTTP_GET, DISKS V, NULL);
                sim_run_for(w.sim, 100 * NSEC_PER_SEC);
                assert_int_equal(w.done, 1);
                assert_int_equal(w.status, 200);
                end(&w);
        }
        assert_in_range(landed[0], 5, 25);
        assert_in_range(landed[1], 5, 25);
}

struct killer {
        struct world *w;
        enum network_hook when;
        unsigned calls;
        bool cancels, had_reply;
};

static void on_hook(enum network_hook when, const struct network_event *event, void *data) {
        struct killer *killer = data;

        killer->calls++;
        assert_int_equal(event->kind, SERVICE_REQUEST_PUT_DISK);
        assert_int_equal(strncmp(event->url, DISKS, strlen(DISKS)), 0);
        if (when != killer->when)
                return;
        killer->had_reply = event->reply != NULL;
        sim_network_crash(killer->w->link);
        if (killer->cancels)
                transport_cancel(killer->w->transport, killer->w->call);
}

/* Killed before the effect there is none; killed after it, it stays. */
static void test_kill_at_effect(void **state) {
        for (int i = 0; i < 4; i++) {
                enum network_hook when = i % 2 ? NETWORK_AFTER_EFFECT : NETWORK_BEFORE_EFFECT;
                struct killer killer = {.when = when, .cancels = i >= 2};
                struct world w;

                begin(&w, 5);
                killer.w = &w;
                network_set_hook(w.network, on_hook, &killer);
                send(&w, HTTP_PUT, DISKS "/new" V, NEW_DISK);
                sim_run_for(w.sim, 100 * NSEC_PER_SEC);
                assert_int_equal(w.done, 0);
                assert_int_equal(has_disk(&w, "new"), when == NETWORK_AFTER_EFFECT);
                assert_int_equal(killer.calls, when == NETWORK_AFTER_EFFECT ? 2 : 1);
                assert_int_equal(killer.had_reply, when == NETWORK_AFTER_EFFECT);
                end(&w);
        }
}

static void test_cut_link_and_suspend(void **state) {
        struct world w;

        begin(&w, 4);
        send(&w, HTTP_GET, DISKS V, NULL);
        network_link_cut(w.link, true);
        sim_run_for(w.sim, 0);
        assert_int_equal(w.outcome, TRANSPORT_LOST);
        send(&w, HTTP_GET, DISKS V, NULL);
        sim_run_for(w.sim, NSEC_PER_SEC);
        assert_int_equal(w.outcome, TRANSPORT_NOT_SENT);
        network_link_cut(w.link, false);
        send(&w, HTTP_PUT, DISKS "/new" V, NEW_DISK);
        sim_node_suspend(w.node);
        sim_run_for(w.sim, 50 * NSEC_PER_SEC);
        assert_int_equal(w.done, 2);
        assert_true(has_disk(&w, "new"));
        sim_node_resume(w.node);
        sim_run_for(w.sim, 0);
        assert_int_equal(w.done, 3);
        assert_int_equal(w.status, 202);
        end(&w);
}

/* Many requests of two kinds, with faults of every kind. *ret_faults is a hash of those that struck,
 * but for @except, which strikes only when @with_it. */
static uint64_t run_scenario(uint64_t seed, uint32_t rate, enum network_fault except, bool with_it,
                             uint64_t *ret_faults) {
        uint64_t faults = SIM_HASH_START, hash;
        struct world w;

        begin(&w, seed);
        for (unsigned i = 1; i < _NETWORK_FAULT_N; i++)
                network_set_fault(w.network, (enum network_fault)i,
                                  i == except && !with_it ? 0 : rate);
        for (int i = 0; i < 200; i++) {
                char url[256];

                snprintf(url, sizeof(url), DISKS "/d%d" V, i % 50);
                send(&w, i % 3 ? HTTP_PUT : HTTP_GET, url, i % 3 ? NEW_DISK : NULL);
                sim_run_for(w.sim, (i % 4) * 50 * NSEC_PER_MSEC);
        }
        sim_run_for(w.sim, 1000 * NSEC_PER_SEC);
        assert_int_equal(w.done, 200);
        for (size_t i = 0; i < network_faults(w.network); i++) {
                const struct network_event *event = network_fault_at(w.network, i);

                if (event->fault == except)
                        continue;
                faults = sim_mix(faults, event->number);
                faults = sim_mix(faults, event->fault);
        }
        hash = sim_trace_hash(w.trace);
        *ret_faults = faults;
        end(&w);
        return hash;
}

/* The pinned hash is the promise: every compiler and sanitizer runs this test. */
static void test_deterministic(void **state) {
        uint64_t faults, other;
        uint64_t hash = run_scenario(42, 20000, NETWORK_NO_FAULT, true, &faults);

        assert_true(hash == run_scenario(42, 20000, NETWORK_NO_FAULT, true, &other));
        assert_true(faults == other);
        assert_true(hash != run_scenario(43, 20000, NETWORK_NO_FAULT, true, &other));
        if (hash != UINT64_C(0x91c1d1e252946391))
                fail_msg("trace hash is %016" PRIx64, hash);
}

/* Each kind taken away leaves the others where they were. */
static void test_faults_do_not_shift(void **state) {
        for (unsigned kind = 1; kind < _NETWORK_FAULT_N; kind++) {
                uint64_t with, without;

                run_scenario(11, 3000, (enum network_fault)kind, true, &with);
                run_scenario(11, 3000, (enum network_fault)kind, false, &without);
                assert_true(with == without);
        }
}

/* Sparing one fault of a run leaves the others where they were. */
static void test_spare(void **state) {
        struct network_event first = {};
        size_t n[2];

        for (int spared = 0; spared < 2; spared++) {
                struct world w;

                begin(&w, 8);
                network_set_fault(w.network, NETWORK_LOST_BEFORE, 100000);
                if (spared)
                        network_spare(w.network, first.node, first.request, first.nth);
                for (int i = 0; i < 100; i++) {
                        send(&w, HTTP_GET, DISKS V, NULL);
                        sim_run_for(w.sim, NSEC_PER_SEC);
                }
                n[spared] = network_faults(w.network);
                assert_true(n[spared] > 3);
                if (!spared)
                        first = *network_fault_at(w.network, 0);
                else
                        assert_int_not_equal(network_fault_at(w.network, 0)->nth, first.nth);
                end(&w);
        }
        assert_int_equal(n[1], n[0] - 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_operations_of_faults),
                cmocka_unit_test(test_sinks),
                cmocka_unit_test(test_cancel_and_crash),
                cmocka_unit_test(test_kill_at_effect),
                cmocka_unit_test(test_cut_link_and_suspend),
                cmocka_unit_test(test_deterministic),
                cmocka_unit_test(test_faults_do_not_shift),
                cmocka_unit_test(test_spare),
                cmocka_unit_test(test_shapes_of_faults),
                cmocka_unit_test(test_deletions_of_faults),
        };

        return cmocka_run_group_tests_name("sim-network", tests, NULL, NULL);
}
