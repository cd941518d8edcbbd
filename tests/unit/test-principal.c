/*
 * Principals: how each is told, what mends it, what is wrong with an environment, and that memory that
 * runs out is told from a secret that is missing. That they ask the right question is
 * test-engine-identity's.
 */
#include "alloc-fixture.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "certificate-fixture.h"
#include "engine/principal.h"

#include <string.h>

#define LOGIN "https://login.example"
#define IMDS "http://169.254.169.254"
#define NOW_S INT64_C(1793577600)

static struct secret {
        enum secrets_kind kind;
        const char *name, *text; /* NULL: none */
} planted[8];
static char *pem;

static char *text(const char *constant) {
        return (char *)(uintptr_t)constant;
}

static int secret_read(struct secrets *secrets, enum secrets_kind kind, const char *name,
                       char **ret_text) {
        for (size_t i = 0; i < ARRAY_SIZE(planted) && planted[i].name; i++) {
                if (planted[i].kind != kind || strcmp(planted[i].name, name) != 0)
                        continue;
                *ret_text = strdup(planted[i].text);
                return *ret_text ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

static struct mono clock_mono_now(struct clock *clock) {
        return (struct mono){1};
}

static struct utc clock_utc_now(struct clock *clock) {
        return utc_from_seconds(NOW_S);
}

static uint64_t draw(struct random *random, enum random_purpose purpose) {
        return 7;
}

static const struct secrets_ops secrets_ops = {secret_read};
static const struct clock_ops clock_ops = {clock_mono_now, clock_utc_now};
static const struct random_ops random_ops = {draw};
static struct secrets secrets = {&secrets_ops};
static struct clock clock_of_tests = {.ops = &clock_ops};
static struct random random_of_tests = {.ops = &random_ops};
static const struct services services = {
        .clock = &clock_of_tests, .random = &random_of_tests, .secrets = &secrets};
static char login[] = LOGIN, imds[] = IMDS, arm[] = "https://arm.example";
static const struct policy_cloud cloud = {.arm = arm, .login = login, .imds = imds};

#define VARIABLE(name, value)                                                                      \
        { SECRETS_VARIABLE, name, value }
#define APPLICATION VARIABLE("AZURE_TENANT_ID", "t"), VARIABLE("AZURE_CLIENT_ID", "c")
#define NAMED(of_kind)                                                                             \
        { .kind = (of_kind), .tenant = text("t"), .client_id = text("c"), .credential = text("sp") }

struct row {
        int line;
        struct policy_identity identity;
        struct secret secrets[6];
        const char *described, *advice; /* or NULL: it is refused, and */
        const char *code, *message;     /* part of the message */
};

static void plant(const struct row *row) {
        memset(planted, 0, sizeof(planted));
        memcpy(planted, row->secrets, sizeof(row->secrets));
}

/* Every principal there is, as a log tells it and what it asks of the reader. */
static void test_words(void **state) {
        const struct row rows[] = {
                {__LINE__,
                 {.kind = IDENTITY_MANAGED},
                 {},
                 "the identity service at " IMDS,
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .client_id = text("c")},
                 {},
                 "the identity service at " IMDS " for c",
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .object_id = text("o")},
                 {},
                 "the identity service at " IMDS " for o",
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .resource_id = text("/r")},
                 {},
                 "the identity service at " IMDS " for /r",
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {},
                 "the Arc agent at http://127.0.0.1:40342/metadata/identity/oauth2/token",
                 "; is this machine connected to Azure Arc?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {VARIABLE("IMDS_ENDPOINT", "http://localhost:2")},
                 "the Arc agent at http://localhost:2/metadata/identity/oauth2/token",
                 "; is this machine connected to Azure Arc?",
                 NULL,
                 NULL},
                {__LINE__,
                 NAMED(IDENTITY_SECRET),
                 {},
                 "the client c of tenant t",
                 "; is the secret in the systemd credential \"sp\" right and not expired?",
                 NULL,
                 NULL},
                {__LINE__,
                 NAMED(IDENTITY_CERTIFICATE),
                 {},
                 "the client c of tenant t",
                 "; does the application have the certificate in the systemd credential \"sp\"?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 {APPLICATION, VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token")},
                 "the client c of tenant t",
                 "; does the application trust issuer, subject and audience of the token in the "
                 "file /run/token?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION, VARIABLE("AZURE_CLIENT_SECRET", "s"),
                  VARIABLE("AZURE_AUTHORITY_HOST", LOGIN "/")},
                 "the client c of tenant t",
                 "; is the secret in the variable AZURE_CLIENT_SECRET right and not expired?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION, VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem")},
                 "the client c of tenant t",
                 "; does the application have the certificate in the file /etc/sp.pem?",
                 NULL,
                 NULL},
                /* one variable of the agent's two is not enough */
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {VARIABLE("IDENTITY_ENDPOINT", "http://localhost:1/x")},
                 "the identity service at " IMDS,
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {VARIABLE("IMDS_ENDPOINT", "http://localhost:1")},
                 "the identity service at " IMDS,
                 "; does this machine have the identity of azure.identity?",
                 NULL,
                 NULL},

                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {VARIABLE("IMDS_ENDPOINT", "http://evil.example/")},
                 NULL,
                 NULL,
                 "OtherAgent",
                 "the variable IMDS_ENDPOINT does not name the Arc agent"},
                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {VARIABLE("IMDS_ENDPOINT", "")},
                 NULL,
                 NULL,
                 "OtherAgent",
                 "the variable IMDS_ENDPOINT does not name the Arc agent"},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION, VARIABLE("AZURE_CLIENT_SECRET", "s"),
                  VARIABLE("AZURE_AUTHORITY_HOST", "login.example")},
                 NULL,
                 NULL,
                 "OtherAuthority",
                 "AZURE_AUTHORITY_HOST names another host than " LOGIN},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {VARIABLE("AZURE_CLIENT_ID", "c"), VARIABLE("AZURE_CLIENT_SECRET", "s")},
                 NULL,
                 NULL,
                 "NoVariable",
                 "AZURE_CLIENT_SECRET needs the variable AZURE_TENANT_ID"},
        };
        struct authority authority;

        assert_int_equal(authority_of_cloud(&cloud, &authority), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf described = {}, advice = {};
                struct arm_error error = {};
                struct principal p;
                int r;

                plant(&rows[i]);
                r = principal_init(&services, &rows[i].identity, &authority, &p, &error);
                if (!rows[i].described) {
                        if (r != -EINVAL || error.class != ARM_INVALID ||
                            strcmp(error.code, rows[i].code) != 0 ||
                            !strstr(error.message, rows[i].message))
                                fail_msg("row at line %d: %d, %s: %s", rows[i].line, r, error.code,
                                         error.message);
                        continue;
                }
                assert_int_equal(r, 0);
                principal_describe(&p, &cloud, &described);
                principal_advise(&p, &advice);
                if (strcmp(strbuf_str(&described), rows[i].described) != 0 ||
                    strcmp(strbuf_str(&advice), rows[i].advice) != 0)
                        fail_msg("row at line %d: %s%s", rows[i].line, strbuf_str(&described),
                                 strbuf_str(&advice));
                principal_deinit(&p);
        }
        authority_deinit(&authority);
}

/* ---- memory ---- */

static const struct policy_identity *identity;
static const char *arc_key;

/* Works out who asks, and asks. */
static int run_request(void) {
        struct arm_error error = {.class = ARM_OK};
        struct http_request *request = NULL;
        struct authority authority;
        struct principal p;
        int r;

        r = authority_of_cloud(&cloud, &authority);
        if (r < 0)
                return r;
        r = principal_init(&services, identity, &authority, &p, &error);
        if (r == 0) {
                r = principal_request(&p, &services, &cloud, &authority, arc_key, &request, &error);
                assert_int_equal(request != NULL, r == 0);
                http_request_free(request);
                principal_deinit(&p);
        }
        assert_int_equal(error.class, ARM_OK); /* nobody is told to mend what is right */
        authority_deinit(&authority);
        return r;
}

static void test_memory(void **state) {
        const struct row rows[] = {
                {.identity = {.kind = IDENTITY_MANAGED, .client_id = text("c")}},
                {.identity = {.kind = IDENTITY_MANAGED, .object_id = text("o")}},
                {.identity = {.kind = IDENTITY_MANAGED, .resource_id = text("/r")}},
                {.identity = NAMED(IDENTITY_SECRET),
                 .secrets = {{SECRETS_CREDENTIAL, "sp", "s3cret"}}},
                {.identity = NAMED(IDENTITY_CERTIFICATE),
                 .secrets = {{SECRETS_CREDENTIAL, "sp", pem}}},
                {.identity = {.kind = IDENTITY_ARC}},
                {.identity = {.kind = IDENTITY_ARC},
                 .secrets = {VARIABLE("IMDS_ENDPOINT", "http://localhost:2/"),
                             {SECRETS_ARC_KEY, "1.key", "arc-key"}}},
                {.identity = {.kind = IDENTITY_WORKLOAD},
                 .secrets = {APPLICATION,
                             VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
                             VARIABLE("AZURE_AUTHORITY_HOST", LOGIN),
                             {SECRETS_FILE, "/run/token", "eyJ.federated.x"}}},
                {.identity = {.kind = IDENTITY_ENVIRONMENT},
                 .secrets = {APPLICATION, VARIABLE("AZURE_CLIENT_SECRET", "s3cret")}},
                {.identity = {.kind = IDENTITY_ENVIRONMENT},
                 .secrets = {APPLICATION,
                             VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem"),
                             VARIABLE("AZURE_CLIENT_CERTIFICATE_PASSWORD", "not needed"),
                             {SECRETS_FILE, "/etc/sp.pem", pem}}},
                {.identity = {.kind = IDENTITY_ENVIRONMENT},
                 .secrets = {VARIABLE("AZURE_CLIENT_ID", "c")}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                plant(&rows[i]);
                identity = &rows[i].identity;
                arc_key = rows[i].secrets[1].kind == SECRETS_ARC_KEY ? "1.key" : NULL;
                sweep(run_request, 3);
        }
}

static int make_pem(void **state) {
        pem = pem_new(NOW_S - SEC_PER_DAY, NOW_S + 30 * SEC_PER_DAY);
        return 0;
}

static int free_pem(void **state) {
        free(pem);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests_name("principal", tests, make_pem, free_pem);
}
