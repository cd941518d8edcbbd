/*
 * A fetch of a token while memory runs out: each allocation fails once, alone and with all after it.
 * Nothing leaks, nobody gets half a token, and who waits is told. What is asked for and when is
 * test-engine-identity's.
 */
#include "alloc-fixture.h"
#include "base/macros.h"
#include "engine/token.h"

#include <string.h>

#define TOKEN "{\"access_token\":\"abc\",\"expires_in\":\"3599\"}"
#define ENDPOINTS                                                                                  \
        "{\"authentication\":{\"loginEndpoint\":\"https://login.microsoftonline.us/\","            \
        "\"audiences\":[\"https://aud.example/\"]}}"

static struct {
        struct http_request *request; /* under way; NULL: none */
        transport_done_fn done;
        void *data;
        struct token *token;
        bool source; /* the timer's */
        unsigned asked, changed;
} wire;

static int secret_read(struct secrets *secrets, enum secrets_kind kind, const char *name,
                       char **ret_text) {
        if (kind == SECRETS_VARIABLE)
                return -ENOENT;
        *ret_text = strdup("s3cret");
        return *ret_text ? 0 : -ENOMEM;
}

static struct mono mono_now(struct clock *clock) {
        return (struct mono){NSEC_PER_SEC};
}

static struct utc utc_now(struct clock *clock) {
        return utc_from_seconds(INT64_C(1793577600));
}

static uint64_t draw(struct random *random, enum random_purpose purpose) {
        return 7;
}

static int source_new(struct reactor *reactor, reactor_fn fn, void *data,
                      struct reactor_source **ret_source) {
        if (must_fail())
                return -ENOMEM;
        wire.source = true;
        *ret_source = (struct reactor_source *)&wire;
        return 0;
}

static void source_free(struct reactor *reactor, struct reactor_source *source) {
        wire.source = wire.source && !source;
}

static int arm_mono(struct reactor *reactor, struct reactor_source *source, struct mono deadline) {
        return 0;
}

static int wire_send(struct transport *transport, struct http_request *request,
                     transport_done_fn done, void *data, struct transport_call **ret_call) {
        if (must_fail())
                return -ENOMEM;
        wire.request = request;
        wire.done = done;
        wire.data = data;
        *ret_call = (struct transport_call *)&wire;
        return 0;
}

static void wire_cancel(struct transport *transport, struct transport_call *call) {
        fail_msg("a request is cancelled that was answered");
}

static void write_entry(struct log *log, const struct log_entry *entry) {
}

static const struct secrets_ops secrets_ops = {secret_read};
static const struct clock_ops clock_ops = {mono_now, utc_now};
static const struct random_ops random_ops = {draw};
static const struct reactor_ops reactor_ops = {
        .source_new = source_new, .source_free = source_free, .arm_mono = arm_mono};
static const struct transport_ops transport_ops = {wire_send, wire_cancel};
static const struct log_ops log_ops = {write_entry};
static struct secrets secrets = {&secrets_ops};
static struct clock wall = {.ops = &clock_ops};
static struct random dice = {.ops = &random_ops};
static struct reactor reactor = {.ops = &reactor_ops};
static struct transport transport = {.ops = &transport_ops};
static struct log journal = {.ops = &log_ops};
static const struct services services = {.clock = &wall,
                                         .reactor = &reactor,
                                         .transport = &transport,
                                         .random = &dice,
                                         .secrets = &secrets,
                                         .log = &journal};

static void changed(void *data) {
        wire.changed++;
}

/* The other side has all the memory it wants. */
static struct http_reply *reply_make(const struct http_request *request) {
        struct http_reply *reply;
        typeof(heap) before = heap;
        bool challenges = strstr(request->url, ":40342/") &&
                          !http_headers_get(&request->headers, "Authorization");

        heap.fail_at = 0;
        reply = calloc(1, sizeof(*reply));
        assert_non_null(reply);
        reply->outcome = TRANSPORT_REPLY;
        reply->status = challenges ? 401 : 200;
        if (challenges)
                assert_int_equal(http_headers_add_str(&reply->headers, "WWW-Authenticate",
                                                      "Basic realm=" SECRETS_ARC_DIRECTORY
                                                      "/1.key"),
                                 0);
        reply->body = strdup(challenges                                    ? ""
                             : strstr(request->url, "/metadata/endpoints") ? ENDPOINTS
                                                                           : TOKEN);
        reply->body_len = strlen(reply->body);
        before.alive = heap.alive;
        heap = before;
        return reply;
}

static struct policy_cloud cloud;
static struct policy_identity identity;

static int run_fetch(void) {
        const struct token_options options = {.cloud = &cloud,
                                              .identity = &identity,
                                              .user_agent = "snapkeep/1",
                                              .effect = "nothing can be done",
                                              .changed = changed};
        const struct arm_error *error = NULL;
        const char *bearer = NULL;
        struct mono retry;
        enum token_state state;
        int r;

        wire = (typeof(wire)){};
        r = token_new(&services, &options, &wire.token);
        if (r < 0) {
                assert_false(wire.source);
                return r;
        }
        state = token_get(wire.token, mono_now(&wall), &bearer, &error, &retry);
        while (wire.request) {
                struct http_request *request = wire.request;

                assert_int_equal(state, TOKEN_PENDING);
                wire.request = NULL;
                wire.asked++;
                wire.done((struct transport_call *)&wire, reply_make(request), wire.data);
                http_request_free(request);
        }
        state = token_get(wire.token, mono_now(&wall), &bearer, &error, &retry);
        if (state == TOKEN_READY)
                assert_string_equal(bearer, "abc");
        else
                assert_null(bearer);
        /* Who waited has been told, but where it could not even be begun. */
        if (wire.asked > 0 && state != TOKEN_PENDING)
                assert_int_equal(wire.changed, 1);
        if (state == TOKEN_FAILED && strcmp(error->code, "ENOMEM") != 0)
                assert_memory_equal(error->code, "Unreadable", strlen("Unreadable"));
        wire.token = token_free(wire.token);
        assert_false(wire.source);
        return state == TOKEN_READY ? 0 : -ENOMEM;
}

static char *text(const char *constant) {
        return (char *)(uintptr_t)constant;
}

/* A cloud that is asked for its login endpoint, a secret; then the Arc agent with its challenge. */
static void test_memory(void **state) {
        cloud = (struct policy_cloud){.arm = text("https://arm.example"),
                                      .imds = text("http://169.254.169.254")};
        identity = (struct policy_identity){.kind = IDENTITY_SECRET,
                                            .tenant = text("t"),
                                            .client_id = text("c"),
                                            .credential = text("sp")};
        sweep(run_fetch, 20);

        cloud.login = text("https://login.example");
        identity = (struct policy_identity){.kind = IDENTITY_ARC};
        sweep(run_fetch, 15);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
