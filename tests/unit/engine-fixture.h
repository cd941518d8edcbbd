/*
 * An engine on a wire that a test answers: one disk, one policy, a small Azure that behaves, and rules
 * by which single requests get another answer. Time passes only in engine_pass().
 *
 * Included by one test program each.
 */
#pragma once

#include "base/strbuf.h"
#include "core/naming.h"
#include "engine/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SUB "11111111-1111-4111-8111-111111111111"
#define GENERATION "6fd33d6a-a035-4cac-a58d-314436223718"
#define OTHER_GENERATION "6fd33d6a-a035-4cac-a58d-314436223719"
#define ARM "https://arm.example"
#define COMPUTE "/providers/Microsoft.Compute"
#define DISK_ID "/subscriptions/" SUB "/resourceGroups/rg-app" COMPUTE "/disks/db01"
#define SNAPSHOTS_ID "/subscriptions/" SUB "/resourceGroups/rg-snapshots" COMPUTE "/snapshots"
#define START_S INT64_C(1793577600) /* 2026-11-02T00:00:00Z, a multiple of 300 */
#define EVERY_S 300
#define SNAPSHOTS_MAX 40
#define RULES_MAX 10
#define SOURCES_MAX 4
#define SECRETS_PLANTED 10
/* Bodies may have the name of what is asked for. */
#define NAME "$NAME"

/* An answer to the requests whose method is this and whose URL has this part; @times 0: always. */
struct rule {
        enum http_method method;
        const char *url;
        int times;
        int status; /* 0: no reply, but @outcome */
        enum transport_outcome outcome;
        const char *header; /* "Name: value", others behind newlines */
        const char *body;
        bool kept_from; /* the request has no effect; without a status: the good answer otherwise */
};

struct snap {
        char name[SNAPSHOT_NAME_SIZE];
        unsigned serial; /* of its uniqueId */
        int64_t slot_s;
        const char *state; /* provisioningState */
        const char *hold;
        bool adopted; /* by its tags, whatever its name: of the second in which it was created */
        char until[UTC_SLOT_SIZE]; /* of a backup, and "" otherwise */
        const char *policy, *keep; /* of its tags; NULL: gold, and f.keep_text */
};

struct flight {
        struct http_request *request;
        transport_done_fn done;
        void *data;
};

static struct fixture {
        struct clock clock;
        struct reactor reactor;
        struct transport transport;
        struct random random;
        struct secrets secrets;
        struct log log;

        struct policy_file file;
        struct policy policy;
        struct target target;
        struct schedule_item item;

        int64_t now_ns;
        uint64_t draws;
        struct source {
                reactor_fn fn; /* NULL: free */
                void *data;
                bool scheduled;
                int64_t deadline_ns;
        } sources[SOURCES_MAX];
        struct flight *flights[64];
        size_t n_flights;

        struct snap snaps[SNAPSHOTS_MAX];
        size_t n_snaps;
        unsigned serial;
        const char *keep_text;               /* the rule that all of ours carry; NULL: last=2 */
        bool no_disk;                        /* the listing lacks it */
        const char *odd_disk, *odd_snapshot; /* an element that the listing has beside; or NULL */
        const char *new_state;               /* of what is PUT */
        const char *get_part;                /* single GETs of names with this part show */
        const char *get_state;               /* this state; NULL: what is so */
        const char *silent;            /* requests for URLs with this part get no answer; or NULL */
        void (*at_get)(void);          /* and this happens while they are answered */
        void (*at_delete)(void);       /* and this while a DELETE is */
        void (*at_put)(void);          /* and this while a PUT is */
        void (*at_list)(void);         /* and this while a page of a listing is */
        char holds[SNAPSHOTS_MAX][64]; /* that were PATCHed, one after the other */
        size_t n_holds;
        int64_t date_off_s;           /* how far ARM's Date is off */
        bool no_date;                 /* no reply has one */
        struct store *store;          /* NULL: nothing is remembered */
        struct engine_estate *estate; /* of the engine before */
        struct secret {
                enum secrets_kind kind;
                const char *name, *text; /* NULL: there is none */
        } secrets_planted[SECRETS_PLANTED];
        struct rule rules[RULES_MAX];
        size_t n_rules;
        int met[RULES_MAX]; /* how often each was */

        struct strbuf said; /* every message, a line each, with its code */
        bool trace;         /* writes down every request, with when it was sent */
        struct strbuf sent; /* "+0.1 GET https://… | Header: value | body", a line each */
        size_t requests[HTTP_DELETE + 1];
        size_t settled;                          /* how often it had nothing to do */
        int64_t send_within_ns[HTTP_DELETE + 1]; /* of the last one */
        struct engine *engine;
} f;

static inline char *text(const char *constant) {
        return (char *)(uintptr_t)constant;
}

static struct utc fixture_utc(void) {
        return (struct utc){START_S * TICKS_PER_SEC + f.now_ns / NSEC_PER_TICK};
}

static struct mono clock_now_mono(struct clock *clock) {
        return (struct mono){f.now_ns + NSEC_PER_SEC};
}

static struct utc clock_now_utc(struct clock *clock) {
        return fixture_utc();
}

static int fixture_source_new(struct reactor *reactor, reactor_fn fn, void *data,
                              struct reactor_source **ret_source) {
        for (size_t i = 0; i < SOURCES_MAX; i++)
                if (!f.sources[i].fn) {
                        f.sources[i] = (struct source){fn, data, false, INT64_MAX};
                        *ret_source = (struct reactor_source *)&f.sources[i];
                        return 0;
                }
        return -ENOMEM;
}

static void fixture_source_free(struct reactor *reactor, struct reactor_source *source) {
        *(struct source *)source = (struct source){};
}

static void fixture_schedule(struct reactor *reactor, struct reactor_source *source) {
        ((struct source *)source)->scheduled = true;
}

static int fixture_arm_mono(struct reactor *reactor, struct reactor_source *source,
                            struct mono deadline) {
        ((struct source *)source)->deadline_ns =
                deadline.ns == MONO_NEVER.ns ? INT64_MAX : deadline.ns - NSEC_PER_SEC;
        return 0;
}

static uint64_t fixture_u64(struct random *random, enum random_purpose purpose) {
        return f.draws++ * UINT64_C(0x9e3779b97f4a7c15);
}

static int fixture_secret(struct secrets *secrets, enum secrets_kind kind, const char *name,
                          char **ret_text) {
        for (size_t i = 0; i < SECRETS_PLANTED; i++) {
                const struct secret *secret = &f.secrets_planted[i];

                if (!secret->text || secret->kind != kind || strcmp(secret->name, name) != 0)
                        continue;
                *ret_text = strdup(secret->text);
                return *ret_text ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

static void fixture_write(struct log *log, const struct log_entry *entry) {
        assert_null(log_lacks(entry));
        strbuf_appendf(&f.said, "%s: %s [%s]\n", log_level_name(entry->level), entry->message,
                       entry->fields[LOG_ARM_CODE] ?: "");
}

/* ---- a small Azure ---- */

static struct snap *snap_find(const char *name) {
        for (size_t i = 0; i < f.n_snaps; i++)
                if (strcmp(f.snaps[i].name, name) == 0)
                        return &f.snaps[i];
        return NULL;
}

static void snap_drop(struct snap *snap) {
        *snap = f.snaps[--f.n_snaps];
}

static struct snap *snap_add(const char *name, int64_t slot_s) {
        struct snap *snap = &f.snaps[f.n_snaps++];

        assert_true(f.n_snaps < SNAPSHOTS_MAX);
        *snap = (struct snap){.serial = ++f.serial, .slot_s = slot_s, .state = "Succeeded"};
        strcpy(snap->name, name);
        return snap;
}

/* One of ours under that policy, made by an earlier daemon. */
static inline struct snap *snap_add_under(const char *policy, int64_t slot_s) {
        struct series_key key = {"prod-backup", policy, GENERATION, "westeurope"};
        char prefix[NAMING_PREFIX_SIZE], name[SNAPSHOT_NAME_SIZE];
        struct snap *snap;

        assert_int_equal(naming_prefix("db01", &key, prefix), 0);
        naming_snapshot(prefix, utc_from_seconds(slot_s), 1, name);
        snap = snap_add(name, slot_s);
        snap->policy = policy;
        return snap;
}

static inline struct snap *snap_add_ours(int64_t slot_s) {
        return snap_add_under("gold", slot_s);
}

/* @state: provisioningState, and more if it brings its own quotes. */
static void append_snap(const struct snap *snap, const char *state, struct strbuf *out) {
        char slot[UTC_SLOT_SIZE], created[UTC_TEXT_SIZE];

        char adopted[100] = "";

        utc_format_slot(utc_from_seconds(snap->slot_s + (snap->adopted ? 2 : 0)), slot);
        if (snap->adopted)
                snprintf(adopted, sizeof(adopted),
                         ",\"snapkeep-adopted\":\"00000000-0000-4000-8000-%012x\"", snap->serial);
        utc_format(utc_from_seconds(snap->slot_s + 2), created);
        strbuf_appendf(
                out,
                "{\"id\":\"" SNAPSHOTS_ID "/%s\",\"name\":\"%s\",\"location\":\"westeurope\","
                "\"tags\":{\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"prod-backup\","
                "\"snapkeep-policy\":\"%s\",\"snapkeep-slot\":\"%s\",\"snapkeep-disk\":\"" SUB
                "/rg-app/db01\",\"snapkeep-generation\":\"" GENERATION
                "\",\"snapkeep-keep\":\"%s\"%s%s%s%s%s%s%s},\"properties\":"
                "{"
                "\"creationData\":{\"createOption\":\"Copy\",\"sourceResourceId\":\"" DISK_ID
                "\",\"sourceUniqueId\":\"" GENERATION
                "\"},\"incremental\":true,\"timeCreated\":\"%s\",\"provisioningState\":\"%s\","
                "\"uniqueId\":\"00000000-0000-4000-8000-%012x\"}}",
                snap->name, snap->name, snap->policy ?: "gold", slot,
                snap->keep ?: f.keep_text ?: "last=2;pick=first;zone=UTC",
                snap->hold ? ",\"snapkeep-hold\":\"" : "", snap->hold ?: "", snap->hold ? "\"" : "",
                adopted, snap->until[0] ? ",\"snapkeep-until\":\"" : "", snap->until,
                snap->until[0] ? "\"" : "", created, state, snap->serial);
}

static void append_listing(const char *url, struct strbuf *out) {
        strbuf_append_str(out, "{\"value\":[");
        if (strstr(url, "/disks?")) {
                if (!f.no_disk)
                        strbuf_append_str(out, "{\"id\":\"" DISK_ID
                                               "\",\"name\":\"db01\",\"location\":\"westeurope\","
                                               "\"sku\":{\"name\":\"Premium_LRS\"},"
                                               "\"properties\":{\"uniqueId\":\"" GENERATION
                                               "\",\"diskState\":\"Attached\","
                                               "\"provisioningState\":\"Succeeded\"}}");
                if (f.odd_disk)
                        strbuf_appendf(out, "%s%s", f.no_disk ? "" : ",", f.odd_disk);
        } else
                for (size_t i = 0; i < f.n_snaps; i++) {
                        strbuf_append_str(out, i > 0 ? "," : "");
                        append_snap(&f.snaps[i], f.snaps[i].state, out);
                }
        if (f.odd_snapshot && !strstr(url, "/disks?"))
                strbuf_appendf(out, "%s%s", f.n_snaps > 0 ? "," : "", f.odd_snapshot);
        strbuf_append_str(out, "]}");
}

/* The last part of the path; of a tags resource, that of what has the tags. */
static void name_of(const char *url, char ret_name[static SNAPSHOT_NAME_SIZE]) {
        const char *path = strstr(url, COMPUTE);
        const char *tags = path ? strstr(path, "/providers/Microsoft.Resources/") : NULL;
        const char *end = tags ?: (path ? strchr(path, '?') : NULL), *begin = end;

        ret_name[0] = '\0';
        while (begin && begin > path && begin[-1] != '/')
                begin--;
        if (begin)
                snprintf(ret_name, SNAPSHOT_NAME_SIZE, "%.*s", (int)(end - begin), begin);
}

static int not_found(struct strbuf *out) {
        strbuf_append_str(out, "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"none\"}}");
        return 404;
}

/* Of tags, the hold and the adoption alone. */
static void patch_hold(struct snap *snap, const char *body) {
        static const char tag[] = "\"snapkeep-hold\":\"";
        const char *value = strstr(body, tag);

        if (strstr(body, "snapkeep-adopted"))
                snap->adopted = true;
        if (!value)
                return;
        value += strlen(tag);
        if (strstr(body, "Merge")) {
                char *hold = f.holds[f.n_holds++ % SNAPSHOTS_MAX];

                snprintf(hold, sizeof(f.holds[0]), "%.*s", (int)strcspn(value, "\""), value);
                snap->hold = hold;
        } else if (snap->hold && strncmp(snap->hold, value, strlen(snap->hold)) == 0)
                snap->hold = NULL;
}

/* What is a backup by its tags has the slot of its own minute. */
static void take_backup(struct snap *snap, const char *body) {
        const char *until = strstr(body, "\"snapkeep-until\":\"");
        const char *slot = strstr(body, "\"snapkeep-slot\":\"");
        struct utc time;

        if (!until)
                return;
        snprintf(snap->until, sizeof(snap->until), "%s", until + strlen("\"snapkeep-until\":\""));
        assert_non_null(slot);
        assert_int_equal(
                utc_parse_slot(slot + strlen("\"snapkeep-slot\":\""), UTC_SLOT_SIZE - 1, &time), 0);
        snap->slot_s = utc_seconds(time);
}

/* The good answer, with its effect. */
static int azure_answer(const struct http_request *request, bool effect, struct strbuf *out) {
        char name[SNAPSHOT_NAME_SIZE];
        struct snap *snap;

        name_of(request->url, name);
        snap = snap_find(name);
        if (strstr(request->url, "oauth2")) {
                strbuf_append_str(out, "{\"access_token\":\"abc\",\"expires_in\":\"3599\","
                                       "\"token_type\":\"Bearer\"}");
                return 200;
        }
        if (strstr(request->url, "/disks?") || strstr(request->url, "/snapshots?")) {
                if (f.at_list)
                        f.at_list();
                append_listing(request->url, out);
                return 200;
        }
        switch (request->method) {
        case HTTP_GET:
                if (f.at_get && strstr(name, f.get_part))
                        f.at_get();
                if (!snap)
                        return not_found(out);
                append_snap(snap,
                            f.get_state && strstr(name, f.get_part) ? f.get_state : snap->state,
                            out);
                return 200;
        case HTTP_PUT:
                if (f.at_put)
                        f.at_put();
                if (!snap && effect) {
                        snap = snap_add(name, utc_seconds(fixture_utc()) / EVERY_S * EVERY_S);
                        snap->state = f.new_state ?: "Succeeded";
                        if (strstr(request->body, "\"snapkeep-policy\":\"silver\""))
                                snap->policy = "silver";
                        take_backup(snap, request->body);
                }
                if (snap)
                        append_snap(snap, snap->state, out);
                return 202;
        case HTTP_DELETE:
                if (f.at_delete)
                        f.at_delete();
                if (snap && effect)
                        snap_drop(snap);
                return 202;
        case HTTP_PATCH:
                if (!snap)
                        return not_found(out);
                if (effect)
                        patch_hold(snap, request->body);
                strbuf_append_str(out, "{}");
                return 200;
        case HTTP_POST:
                break;
        }
        return not_found(out);
}

static void add_headers(struct http_headers *headers, const char *header) {
        char date[64], name[64];
        time_t now = (time_t)(utc_seconds(fixture_utc()) + f.date_off_s);
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (!f.no_date)
                assert_int_equal(http_headers_add_str(headers, "Date", date), 0);
        while (header) {
                const char *colon = strchr(header, ':'), *end = strchr(header, '\n');
                _cleanup_(freep) char *value = strndup(colon + 2, strcspn(colon + 2, "\n"));

                assert_non_null(value);
                snprintf(name, sizeof(name), "%.*s", (int)(colon - header), header);
                assert_int_equal(http_headers_add_str(headers, name, value), 0);
                header = end ? end + 1 : NULL;
        }
}

/* With every "$NAME" replaced. */
static void append_body(const char *body, const char *name, struct strbuf *out) {
        const char *at;

        for (; (at = strstr(body, NAME)); body = at + strlen(NAME)) {
                strbuf_append(out, body, (size_t)(at - body));
                strbuf_append_str(out, name);
        }
        strbuf_append_str(out, body);
}

static const struct rule *rule_find(const struct http_request *request) {
        for (size_t i = 0; i < f.n_rules; i++) {
                const struct rule *rule = &f.rules[i];

                if (rule->method != request->method || !strstr(request->url, rule->url) ||
                    (rule->times > 0 && f.met[i] >= rule->times))
                        continue;
                f.met[i]++;
                return rule;
        }
        return NULL;
}

static struct http_reply *fixture_answer(struct http_request *request) {
        const struct rule *rule = rule_find(request);
        struct http_reply *reply = calloc(1, sizeof(*reply));
        _cleanup_(strbuf_deinit) struct strbuf body = {};
        char name[SNAPSHOT_NAME_SIZE];

        assert_non_null(reply);
        name_of(request->url, name);
        reply->outcome = TRANSPORT_REPLY;
        reply->status = azure_answer(request, !rule || !rule->kept_from, &body);
        if (rule && rule->outcome != TRANSPORT_REPLY) {
                reply->outcome = rule->outcome;
                reply->status = 0;
                reply->detail = strdup("cut");
                return reply;
        }
        if (rule && rule->status != 0)
                reply->status = rule->status;
        if (rule && rule->body) {
                strbuf_clear(&body);
                append_body(rule->body, name, &body);
        }
        add_headers(&reply->headers, rule ? rule->header : NULL);
        if (request->sink && reply->status == 200) {
                if (request->sink(strbuf_str(&body), body.len, request->sink_data) != 0)
                        reply->outcome = TRANSPORT_BODY_REFUSED;
                return reply;
        }
        reply->body_len = body.len;
        assert_int_equal(strbuf_take(&body, &reply->body), 0);
        return reply;
}

/* Seconds since midnight, method, URL, the headers that say who asks, and a body of a form. */
static void trace_request(const struct http_request *request) {
        static const char *const names[] = {"Metadata", "Authorization"};

        strbuf_appendf(&f.sent, "%lld %s %s", (long long)(f.now_ns / NSEC_PER_SEC),
                       http_method_name(request->method), request->url);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (http_headers_get(&request->headers, names[i]))
                        strbuf_appendf(&f.sent, " | %s: %s", names[i],
                                       http_headers_get(&request->headers, names[i]));
        if (request->method == HTTP_POST)
                strbuf_appendf(&f.sent, " | %.*s", (int)request->body_len, request->body);
        strbuf_append_str(&f.sent, request->direct ? " | direct\n" : "\n");
}

static int fixture_send(struct transport *transport, struct http_request *request,
                        transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct flight *flight = calloc(1, sizeof(*flight));

        assert_non_null(flight);
        assert_true(f.n_flights < ARRAY_SIZE(f.flights));
        *flight = (struct flight){request, done, data};
        if (f.trace)
                trace_request(request);
        f.flights[f.n_flights++] = flight;
        f.requests[request->method]++;
        f.send_within_ns[request->method] = request->send_within_ns;
        *ret_call = (struct transport_call *)flight;
        return 0;
}

static void flight_take(size_t i) {
        f.n_flights--;
        memmove(&f.flights[i], &f.flights[i + 1], (f.n_flights - i) * sizeof(f.flights[0]));
}

static void fixture_cancel(struct transport *transport, struct transport_call *call) {
        for (size_t i = 0; i < f.n_flights; i++)
                if (f.flights[i] == (struct flight *)call) {
                        http_request_free(f.flights[i]->request);
                        free(f.flights[i]);
                        flight_take(i);
                        return;
                }
        fail_msg("a call is cancelled that is not under way");
}

/* ---- a test's hands ---- */

/* The one that is scheduled, or whose deadline is the first. */
static struct source *source_due(void) {
        struct source *due = &f.sources[0];

        for (size_t i = 0; i < SOURCES_MAX; i++) {
                struct source *source = &f.sources[i];

                if (!source->fn)
                        continue;
                if (source->scheduled)
                        return source;
                if (source->deadline_ns < due->deadline_ns)
                        due = source;
        }
        return due;
}

static inline void secret_plant(enum secrets_kind kind, const char *name, const char *secret) {
        size_t i = 0;

        while (f.secrets_planted[i].text)
                i++;
        assert_true(i < SECRETS_PLANTED);
        f.secrets_planted[i] = (struct secret){kind, name, secret};
}

/* The first that is to be answered, or as many as there are. */
static inline size_t flight_answered(void) {
        size_t i = 0;

        while (i < f.n_flights && f.silent && strstr(f.flights[i]->request->url, f.silent))
                i++;
        return i;
}

/* One turn of the loop, or one answer, which takes a tenth of a second. False: none is due by then. */
static inline bool engine_turn(int64_t until_ns) {
        struct source *due = source_due();
        size_t answered = flight_answered();

        if (due->scheduled) {
                due->scheduled = false;
                due->fn(REACTOR_SCHEDULED, due->data);
        } else if (answered < f.n_flights) {
                struct flight *flight = f.flights[answered];

                f.now_ns += NSEC_PER_SEC / 10;
                flight_take(answered);
                flight->done((struct transport_call *)flight, fixture_answer(flight->request),
                             flight->data);
                http_request_free(flight->request);
                free(flight);
        } else if (due->deadline_ns <= until_ns) {
                f.now_ns = MAX(f.now_ns, due->deadline_ns);
                due->deadline_ns = INT64_MAX;
                due->fn(REACTOR_ELAPSED, due->data);
        } else
                return false;
        return true;
}

/* Lets so many seconds pass. */
static inline void engine_pass(int64_t seconds) {
        int64_t until_ns = f.now_ns + seconds * NSEC_PER_SEC;

        while (engine_turn(until_ns))
                ;
        f.now_ns = MAX(f.now_ns, until_ns);
}

static inline bool said(const char *part) {
        return strstr(strbuf_str(&f.said), part) != NULL;
}

static void fixture_settled(void *data) {
        f.settled++;
}

/* Makes it and does not start it; returns what engine_new() says. */
static inline int engine_make(void) {
        static const struct clock_ops clock_ops = {clock_now_mono, clock_now_utc};
        static const struct reactor_ops reactor_ops = {.source_new = fixture_source_new,
                                                       .source_free = fixture_source_free,
                                                       .schedule = fixture_schedule,
                                                       .arm_mono = fixture_arm_mono};
        static const struct transport_ops transport_ops = {fixture_send, fixture_cancel};
        static const struct random_ops random_ops = {fixture_u64};
        static const struct secrets_ops secrets_ops = {fixture_secret};
        static const struct log_ops log_ops = {fixture_write};
        struct services services = {&f.clock,   &f.reactor, &f.transport, &f.random,
                                    &f.secrets, f.store,    &f.log};
        struct engine_options options = {
                .version = "1", .settled = fixture_settled, .estate = f.estate};

        f.clock.ops = &clock_ops;
        f.reactor.ops = &reactor_ops;
        f.transport.ops = &transport_ops;
        f.random.ops = &random_ops;
        f.secrets.ops = &secrets_ops;
        f.log = (struct log){&log_ops, LOG_LEVEL_DEBUG};
        return engine_new(&services, &f.file, &options, &f.engine);
}

static inline void engine_begin(void) {
        assert_int_equal(engine_make(), 0);
        engine_start(f.engine);
}

/* Another engine follows it in the same process, as after a reload. */
static inline void engine_reload(void) {
        f.estate = engine_leave(f.engine);
        f.engine = engine_free(f.engine);
        engine_begin();
        f.estate = engine_estate_free(f.estate);
}

static inline void engine_end(void) {
        f.engine = engine_free(f.engine);
        for (size_t i = 0; i < SOURCES_MAX; i++)
                assert_null(f.sources[i].fn);
        assert_int_equal(f.n_flights, 0);
        strbuf_deinit(&f.said);
        strbuf_deinit(&f.sent);
}

/* The first rule lists that many of the disk, which are nobody's. */
static inline void list_chain(int n, struct strbuf *out) {
        strbuf_clear(out);
        strbuf_append_str(out, "{\"value\":[");
        for (int i = 0; i < n; i++)
                strbuf_appendf(out,
                               "%s{\"id\":\"" SNAPSHOTS_ID "/s%03d\",\"name\":\"s%03d\","
                               "\"location\":\"westeurope\",\"properties\":{\"creationData\":{"
                               "\"createOption\":\"Copy\",\"sourceUniqueId\":\"" GENERATION
                               "\"},\"incremental\":true,\"timeCreated\":"
                               "\"2026-10-02T00:01:00Z\",\"provisioningState\":\"Succeeded\","
                               "\"uniqueId\":\"00000000-0000-4000-8000-%012x\"}}",
                               i > 0 ? "," : "", i, i, i + 1);
        strbuf_append_str(out, "]}");
        f.rules[0].body = strbuf_str(out);
}

/* A minute after midnight; nothing is there but the disk. */
static inline void fixture_init(void) {
        f = (struct fixture){.now_ns = 60 * NSEC_PER_SEC};
        f.item = (struct schedule_item){.kind = SCHEDULE_EVERY, .period_s = EVERY_S};
        f.policy = (struct policy){
                .name = text("gold"),
                .schedule = {&f.item, 1},
                .catch_up = true,
                .has_keep = true,
                .keep = {.count = {[KEEP_LAST] = 2}},
                .zone_name = text("UTC"),
                .snapshot_group = text("rg-snapshots"),
                .prune = PRUNE_AUTO,
                .min_keep = 1,
                .max_delete_percent = 20,
                .stale_stop = 2,
                .freeze_s = 30 * SEC_PER_DAY,
        };
        f.target = (struct target){.subscription = text(SUB)};
        f.file = (struct policy_file){
                .owner = text("prod-backup"),
                .cloud = {.arm = text(ARM),
                          .login = text("https://login.example"),
                          .imds = text("http://169.254.169.254")},
                .policies = &f.policy,
                .n_policies = 1,
                .targets = &f.target,
                .n_targets = 1,
                .parallel = 8,
                .api_share_permille = 500,
        };
}
