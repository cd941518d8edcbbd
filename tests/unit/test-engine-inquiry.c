/*
 * Questions beside the engine's own work: what is asked as whom, what is tried again, and to whom the
 * token does not go.
 */
#include "engine-fixture.h"

#include "azure/requests.h"
#include "engine/inquiry.h"

#define RIGHTS "/providers/Microsoft.Authorization/permissions?"
#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"

/* What has been answered. */
static struct asked {
        const char *next; /* what to ask for after the next page; taken once */
        bool circle;      /* again and again */
        unsigned pages, failures;
        bool no_token;
        enum arm_class class;
        char code[64], body[100];
} asked;

static const char *answered(const struct inquiry_answer *answer, void *data) {
        struct asked *a = data;
        const char *next = a->next;

        assert_int_equal(a->failures, 0);
        a->class = answer->error->class;
        if (answer->error->class != ARM_OK) {
                a->failures++;
                a->no_token = answer->no_token;
                snprintf(a->code, sizeof(a->code), "%s", answer->error->code);
                return NULL;
        }
        a->pages++;
        snprintf(a->body, sizeof(a->body), "%s", answer->reply->body);
        a->next = a->circle ? next : NULL;
        return next;
}

static void rule(const char *url, int times, int status, const char *header, const char *body) {
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                             .url = url,
                                             .times = times,
                                             .status = status,
                                             .header = header,
                                             .body = body};
}

/* An engine that has read all, and what it asks for from here on is written down. */
static void begin(void) {
        fixture_init();
        f.policy.has_keep = false;
        asked = (struct asked){};
        engine_begin();
        engine_pass(60);
        f.trace = true;
}

static void inquire(bool as_pruner) {
        assert_int_equal(engine_inquire(f.engine, 0, as_pruner,
                                        arm_get_permissions(&f.file.cloud, SUB, "rg-app"), answered,
                                        &asked),
                         0);
}

static size_t sent(const char *part) {
        size_t n = 0;

        for (const char *at = strbuf_str(&f.sent); (at = strstr(at, part)); at++)
                n++;
        return n;
}

static void test_pages(void **state) {
        begin();
        assert_string_equal(engine_subscription(f.engine, 0), SUB);
        rule(RIGHTS, 1, 200, NULL, "{\"first\":1}");
        rule("/more?page=2", 0, 200, NULL, "{\"second\":2}");
        asked.next = ARM "/more?page=2";
        inquire(false);
        assert_int_equal(asked.pages, 0); /* not from inside */
        engine_pass(10);
        assert_int_equal(asked.pages, 2);
        assert_int_equal(asked.failures, 0);
        assert_string_equal(asked.body, "{\"second\":2}");
        assert_int_equal(sent("GET " ARM "/subscriptions/" SUB "/resourceGroups/rg-app" RIGHTS
                              "api-version=2022-04-01 | Authorization: Bearer abc\n"),
                         1);
        assert_int_equal(sent("GET " ARM "/more?page=2 | Authorization: Bearer abc\n"), 1);
        assert_int_equal(f.requests[HTTP_PUT] + f.requests[HTTP_DELETE] + f.requests[HTTP_PATCH],
                         1); /* the engine's own snapshot */
        engine_end();
}

/* No token goes to another host, nor for ever in a circle. */
static void test_links(void **state) {
        static const char *const foreign[] = {"https://evil.example/more",
                                              "http://arm.example/more",
                                              "https://arm.example:444/more",
                                              "/more",
                                              "more",
                                              "https://arm.example@evil.example/more"};

        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
                begin();
                rule(RIGHTS, 0, 200, NULL, "{}");
                asked.next = foreign[i];
                inquire(false);
                engine_pass(100);
                if (asked.pages != 1 || asked.failures != 1 ||
                    strcmp(asked.code, "ForeignLink") != 0)
                        fail_msg("%s: %s", foreign[i], asked.code);
                assert_int_equal(sent("/more"), 0);
                engine_end();
        }

        begin();
        rule(ARM "/subscriptions", 0, 200, NULL, "{}");
        asked.next = ARM "/subscriptions/x";
        asked.circle = true;
        inquire(false);
        engine_pass(1000);
        assert_int_equal(asked.pages, INQUIRY_PAGES_MAX);
        assert_string_equal(asked.code, "EndlessListing");
        engine_end();
}

static void test_failures(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                int times; /* 0: for ever */
                enum arm_class class;
                size_t sent;
        } rows[] = {
                {__LINE__, 403, ERROR("AuthorizationFailed"), 0, ARM_FORBIDDEN, 1},
                {__LINE__, 404, ERROR("ResourceGroupNotFound"), 0, ARM_PARENT_NOT_FOUND, 1},
                {__LINE__, 404, ERROR("ResourceNotFound"), 0, ARM_NOT_FOUND, 1},
                {__LINE__, 400, ERROR("BadRequest"), 0, ARM_INVALID, 1},
                /* What passes is tried again. */
                {__LINE__, 503, ERROR("ServerTimeout"), 2, ARM_OK, 3},
                {__LINE__, 429, ERROR("TooManyRequests"), 1, ARM_OK, 2},
                {__LINE__, 200, "", 1, ARM_OK, 1},
                {__LINE__, 500, ERROR("InternalServerError"), 0, ARM_TRANSIENT, 6},
                /* Another token, once. */
                {__LINE__, 401, ERROR("ExpiredAuthenticationToken"), 1, ARM_OK, 2},
                {__LINE__, 401, ERROR("ExpiredAuthenticationToken"), 0, ARM_AUTH, 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin();
                rule(RIGHTS, rows[i].times, rows[i].status, NULL, rows[i].body);
                if (rows[i].times > 0)
                        rule(RIGHTS, 0, 200, NULL, "{}");
                inquire(false);
                engine_pass(400);
                if (asked.class != rows[i].class || sent(RIGHTS) != rows[i].sent ||
                    asked.pages != (rows[i].class == ARM_OK) ||
                    asked.failures != (rows[i].class != ARM_OK) || asked.no_token)
                        fail_msg("row at line %d: %d, %zu sent", rows[i].line, asked.class,
                                 sent(RIGHTS));
                engine_end();
        }
}

/* The second identity's own token; and none is told apart from a refusal by ARM. */
static void test_identities(void **state) {
        static char tenant[] = "contoso.example", client[] = "22222222-1111-4111-8111-111111111111",
                    credential[] = "secret";

        for (int known = 0; known < 2; known++) {
                fixture_init();
                f.policy.has_keep = false;
                f.file.two_identities = true;
                f.file.pruner = (struct policy_identity){.kind = IDENTITY_SECRET,
                                                         .tenant = tenant,
                                                         .client_id = client,
                                                         .credential = credential};
                if (known)
                        secret_plant(SECRETS_CREDENTIAL, credential, "s3cret");
                asked = (struct asked){};
                engine_begin();
                engine_pass(60);
                f.trace = true;
                rule(RIGHTS, 0, 200, NULL, "{}");
                inquire(true);
                engine_pass(10);
                assert_int_equal(asked.pages, known);
                assert_int_equal(asked.no_token, !known);
                assert_int_equal(sent(RIGHTS), known);
                assert_int_equal(sent("POST https://login.example/contoso.example/"), known);
                if (!known)
                        assert_int_equal(asked.class, ARM_AUTH);
                engine_end();
        }
}

/* Without memory for a request nothing is asked; and an engine that ends forgets what was. */
static void test_ends(void **state) {
        begin();
        assert_int_equal(engine_inquire(f.engine, 0, false, NULL, answered, &asked), -ENOMEM);
        inquire(false);
        engine_end();

        begin();
        inquire(false);
        while (sent(RIGHTS) == 0)
                assert_true(engine_turn(f.now_ns + NSEC_PER_SEC));
        engine_end();
        assert_int_equal(asked.pages + asked.failures, 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),    cmocka_unit_test(test_links),
                cmocka_unit_test(test_failures), cmocka_unit_test(test_identities),
                cmocka_unit_test(test_ends),
        };

        return cmocka_run_group_tests_name("engine-inquiry", tests, NULL, NULL);
}
