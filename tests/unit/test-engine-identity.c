/*
 * Identities: for each the exact requests by which it comes to its token, and what follows from every
 * answer it can get: when it asks again, and what it says.
 */
#include "engine-fixture.h"

#include "azure/token_requests.h"
#include "base/str.h"
#include "certificate-fixture.h"

#define TENANT "22222222-2222-4222-8222-222222222222"
#define CLIENT "33333333-3333-4333-8333-333333333333"
#define LOGIN "https://login.example"
#define TOKEN_PATH "/metadata/identity/oauth2/token"
#define RESOURCE "&resource=https%3A%2F%2Farm.example%2F"
#define IMDS "GET http://169.254.169.254" TOKEN_PATH "?api-version=2018-02-01" RESOURCE
#define META " | Metadata: true | direct\n"
#define ARC_AT(base) "GET " base TOKEN_PATH "?api-version=2020-06-01" RESOURCE
#define ARC ARC_AT("http://127.0.0.1:40342")
#define ENTRA                                                                                      \
        "POST " LOGIN "/" TENANT                                                                   \
        "/oauth2/v2.0/token | grant_type=client_credentials&client_id=" CLIENT
#define ASSERTION                                                                                  \
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"  \
        "&client_assertion="
#define SCOPE "&scope=https%3A%2F%2Farm.example%2F.default\n"
#define CHALLENGE(path) "WWW-Authenticate: Basic realm=" path
#define KEY_PATH SECRETS_ARC_DIRECTORY "/1.key"
#define OAUTH(code) "{\"error\":\"" code "\",\"error_description\":\"d\"}"

static char *pem;    /* a key and its certificate */
static char *locked; /* the same with a passphrase */

/* cmocka cuts a message at 1024 bytes, and the verdict behind it would not begin a line: what is printed
 * of a log has its ceiling. */

/* What the test is about: the requests for tokens, and the first that a token is used for. */
static bool is_of_interest(const char *line) {
        return strstr(line, "oauth2") || strstr(line, "/metadata/") || strstr(line, "Metadata:");
}

/* The time is cut off, and an assertion masked: what is in it, test-azure-tokens says. */
static void append_line(const char *line, size_t len, bool with_time, struct strbuf *out) {
        const char *space = memchr(line, ' ', len), *jwt, *end;

        if (!with_time) {
                len -= (size_t)(space + 1 - line);
                line = space + 1;
        }
        jwt = memmem(line, len, "client_assertion=eyJhbGciOiJQUzI1NiIs", 37);
        if (jwt) {
                jwt += strlen("client_assertion=");
                end = memchr(jwt, '&', len - (size_t)(jwt - line));
                strbuf_append(out, line, (size_t)(jwt - line));
                strbuf_append_str(out, "PS256");
                len -= (size_t)(end - line);
                line = end;
        }
        strbuf_append(out, line, len);
}

static void asked(bool with_time, struct strbuf *out) {
        const char *line = strbuf_str(&f.sent), *end;

        for (; (end = strchr(line, '\n')); line = end + 1) {
                _cleanup_(freep) char *copy = strndup(line, (size_t)(end - line));

                assert_non_null(copy);
                if (is_of_interest(copy))
                        append_line(line, (size_t)(end + 1 - line), with_time, out);
        }
}

struct row {
        int line;
        struct policy_identity identity;
        struct secret secrets[6];
        struct rule rules[3];
        const char *sent; /* the requests for its token */
        const char *said; /* or NULL: it works */
};

static void begin(const struct row *row) {
        fixture_init();
        f.trace = true;
        f.file.identity = row->identity;
        for (size_t i = 0; i < ARRAY_SIZE(row->secrets) && row->secrets[i].text; i++)
                f.secrets_planted[i] = row->secrets[i];
        for (; f.n_rules < ARRAY_SIZE(row->rules) && row->rules[f.n_rules].url; f.n_rules++)
                f.rules[f.n_rules] = row->rules[f.n_rules];
        engine_begin();
}

static void run_rows(const struct row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const struct row *row = &rows[i];
                _cleanup_(strbuf_deinit) struct strbuf sent = {};

                begin(row);
                engine_pass(1);
                asked(false, &sent);
                if (strcmp(strbuf_str(&sent), row->sent) != 0)
                        fail_msg("row at line %d: asked\n%.300swanted\n%.300s\n%.200s\n", row->line,
                                 strbuf_str(&sent), row->sent, strbuf_str(&f.said));
                if (row->said ? !said(row->said) : said("no token"))
                        fail_msg("row at line %d: said\n%.800s\n", row->line, strbuf_str(&f.said));
                if (!row->said && !strstr(strbuf_str(&f.sent), "| Authorization: Bearer abc"))
                        fail_msg("row at line %d: the token is not used", row->line);
                for (size_t k = 0; k < ARRAY_SIZE(row->secrets) && row->secrets[k].text; k++)
                        if (strstr(row->secrets[k].name, "SECRET") && said(row->secrets[k].text))
                                fail_msg("row at line %d: a secret is told", row->line);
                engine_end();
        }
}

#define VARIABLE(name, value)                                                                      \
        { SECRETS_VARIABLE, name, value }
#define APPLICATION VARIABLE("AZURE_TENANT_ID", TENANT), VARIABLE("AZURE_CLIENT_ID", CLIENT)
#define PRINCIPAL(of_kind, name)                                                                   \
        {                                                                                          \
                .kind = (of_kind), .tenant = text(TENANT), .client_id = text(CLIENT),              \
                .credential = text(name)                                                           \
        }
#define CHALLENGED                                                                                 \
        { HTTP_GET, TOKEN_PATH, 1, 401, 0, CHALLENGE(KEY_PATH), "", false }

/* Every identity to its exact requests. */
static void test_requests(void **state) {
        const struct row rows[] = {
                {__LINE__, {.kind = IDENTITY_MANAGED}, {}, {}, IMDS META, NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .client_id = text(CLIENT)},
                 {VARIABLE("AZURE_CLIENT_ID", "not asked")},
                 {},
                 IMDS "&client_id=" CLIENT META,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .object_id = text(TENANT)},
                 {},
                 {},
                 IMDS "&object_id=" TENANT META,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .resource_id = text("/subscriptions/a/b")},
                 {},
                 {},
                 IMDS "&msi_res_id=%2Fsubscriptions%2Fa%2Fb" META,
                 NULL},

                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"}},
                 {CHALLENGED},
                 ARC META ARC " | Metadata: true | Authorization: Basic arc-key | direct\n",
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"},
                  VARIABLE("IDENTITY_ENDPOINT", "http://localhost:1/x/token"),
                  VARIABLE("IMDS_ENDPOINT", "http://localhost:2")},
                 {{HTTP_GET, "/x/token", 1, 401, 0, CHALLENGE(KEY_PATH), "", false},
                  {HTTP_GET, "/x/token", 0, 200, 0, NULL,
                   "{\"access_token\":\"abc\",\"expires_in\":\"3599\"}", false}},
                 "GET http://localhost:1/x/token?api-version=2020-06-01" RESOURCE META
                 "GET http://localhost:1/x/token?api-version=2020-06-01" RESOURCE
                 " | Metadata: true | Authorization: Basic arc-key | direct\n",
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ARC},
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"},
                  VARIABLE("IMDS_ENDPOINT", "http://localhost:2/")},
                 {CHALLENGED},
                 ARC_AT("http://localhost:2")
                         META ARC_AT("http://localhost:2") " | Metadata: true | Authorization: "
                                                           "Basic arc-key | direct\n",
                 NULL},

                {__LINE__,
                 PRINCIPAL(IDENTITY_SECRET, "sp"),
                 {{SECRETS_CREDENTIAL, "sp", "s&cret"}},
                 {},
                 ENTRA "&client_secret=s%26cret" SCOPE,
                 NULL},
                {__LINE__,
                 PRINCIPAL(IDENTITY_CERTIFICATE, "sp"),
                 {{SECRETS_CREDENTIAL, "sp", pem}},
                 {},
                 ENTRA ASSERTION "PS256" SCOPE,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 {APPLICATION,
                  VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
                  VARIABLE("AZURE_AUTHORITY_HOST", LOGIN "/"),
                  {SECRETS_FILE, "/run/token", "eyJ.federated.x"}},
                 {},
                 ENTRA ASSERTION "eyJ.federated.x" SCOPE,
                 NULL},

                {__LINE__, {.kind = IDENTITY_ENVIRONMENT}, {}, {}, IMDS META, NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {VARIABLE("AZURE_CLIENT_ID", CLIENT)},
                 {},
                 IMDS "&client_id=" CLIENT META,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION, VARIABLE("AZURE_CLIENT_SECRET", "s3cret"),
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem"),
                  VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token")},
                 {},
                 ENTRA "&client_secret=s3cret" SCOPE,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION,
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem"),
                  VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
                  {SECRETS_FILE, "/etc/sp.pem", pem}},
                 {},
                 ENTRA ASSERTION "PS256" SCOPE,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION,
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem"),
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PASSWORD", "open sesame"),
                  {SECRETS_FILE, "/etc/sp.pem", locked}},
                 {},
                 ENTRA ASSERTION "PS256" SCOPE,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION,
                  VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
                  {SECRETS_FILE, "/run/token", "eyJ.federated.x"},
                  VARIABLE("IDENTITY_ENDPOINT", "http://localhost:1/x"),
                  VARIABLE("IMDS_ENDPOINT", "http://localhost:2")},
                 {},
                 ENTRA ASSERTION "eyJ.federated.x" SCOPE,
                 NULL},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"},
                  VARIABLE("IDENTITY_ENDPOINT", "http://127.0.0.1:40342" TOKEN_PATH),
                  VARIABLE("IMDS_ENDPOINT", "http://127.0.0.1:40342")},
                 {CHALLENGED},
                 ARC META ARC " | Metadata: true | Authorization: Basic arc-key | direct\n",
                 NULL},
        };

        run_rows(rows, ARRAY_SIZE(rows));
}

#define ARC_IDENTITY                                                                               \
        { .kind = IDENTITY_ARC }

/* What cannot be asked, or is asked of us and not done. */
static void test_refusals(void **state) {
        const struct row rows[] = {
                {__LINE__,
                 PRINCIPAL(IDENTITY_SECRET, "sp"),
                 {},
                 {},
                 "",
                 "no token for the client " CLIENT " of tenant " TENANT " from " LOGIN
                 " (ENOENT): the systemd credential \"sp\" cannot be read: No such file or "
                 "directory; see LoadCredential="},
                {__LINE__,
                 PRINCIPAL(IDENTITY_CERTIFICATE, "sp"),
                 {{SECRETS_CREDENTIAL, "sp", "no PEM"}},
                 {},
                 "",
                 "(NoAssertion): the systemd credential \"sp\" holds no private key in PEM"},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION,
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/sp.pem"),
                  VARIABLE("AZURE_CLIENT_CERTIFICATE_PASSWORD", "open SECRET"),
                  {SECRETS_FILE, "/etc/sp.pem", locked}},
                 {},
                 "",
                 "(NoAssertion): the file /etc/sp.pem holds no private key in PEM"},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 {APPLICATION},
                 {},
                 "",
                 "(NoVariable): workload identity needs the variable AZURE_FEDERATED_TOKEN_FILE"},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 {APPLICATION, VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token")},
                 {},
                 "",
                 "(ENOENT): the file /run/token cannot be read"},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 {APPLICATION,
                  VARIABLE("AZURE_FEDERATED_TOKEN_FILE", "/run/token"),
                  {SECRETS_FILE, "/run/token", "a\nb"}},
                 {},
                 "",
                 "(NoToken): the file /run/token holds no token"},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {VARIABLE("AZURE_TENANT_ID", TENANT), VARIABLE("AZURE_CLIENT_SECRET", "s3cret")},
                 {},
                 "",
                 "(NoVariable): AZURE_CLIENT_SECRET needs the variable AZURE_CLIENT_ID"},
                /* the environment names no host that the policy does not */
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 {APPLICATION, VARIABLE("AZURE_CLIENT_SECRET", "s3cret"),
                  VARIABLE("AZURE_AUTHORITY_HOST", "https://evil.example/")},
                 {},
                 "",
                 "(OtherAuthority): AZURE_AUTHORITY_HOST names another host than " LOGIN},
                {__LINE__,
                 ARC_IDENTITY,
                 {VARIABLE("IDENTITY_ENDPOINT", "http://evil.example/token")},
                 {},
                 "",
                 "(OtherAgent): the variable IDENTITY_ENDPOINT does not name the Arc agent"},

                /* an agent that lies */
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"}},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0, CHALLENGE("/etc/ssl/private/1.key"), "",
                   false}},
                 ARC META,
                 "(code ForeignKey, status 401): it asks for a file that is none of its keys"},
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"}},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0,
                   CHALLENGE(SECRETS_ARC_DIRECTORY "/../tokens/1.key"), "", false}},
                 ARC META,
                 "ForeignKey"},
                {__LINE__,
                 ARC_IDENTITY,
                 {},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0, CHALLENGE(KEY_PATH), "", false}},
                 ARC META,
                 "(ENOENT): the Arc agent's key " KEY_PATH " cannot be read"},
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc\r\nX: y"}},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0, CHALLENGE(KEY_PATH), "", false}},
                 ARC META,
                 "(NoKey): " KEY_PATH " holds no key"},
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"}},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0, NULL, "", false}},
                 ARC META,
                 "(code NoChallenge, status 401)"},
                /* a token without a challenge: it is not the agent that speaks */
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc-key"}},
                 {},
                 ARC META,
                 "(code NoChallenge, status 200)"},
                /* its key is shown once, whatever it asks */
                {__LINE__,
                 ARC_IDENTITY,
                 {{SECRETS_ARC_KEY, "1.key", "arc-key-SECRET"}},
                 {{HTTP_GET, TOKEN_PATH, 0, 401, 0, CHALLENGE(KEY_PATH),
                   "{\"error\":\"arc-key-SECRET\"}", false}},
                 ARC META ARC " | Metadata: true | Authorization: Basic arc-key-SECRET | direct\n",
                 "(code Withheld, status 401)"},
        };

        run_rows(rows, ARRAY_SIZE(rows));
}

/* ---- a cloud that is asked ---- */

#define ENDPOINTS "GET https://arm.example/metadata/endpoints?api-version=2022-09-01\n"
#define TOLD(login)                                                                                \
        "{\"authentication\":{\"loginEndpoint\":\"" login                                          \
        "\",\"audiences\":[\"https://aud.example/\"]}}"

static void test_discovery(void **state) {
        static const struct {
                int line;
                int status;
                const char *body;
                const char *sent, *said;
        } rows[] = {
                {__LINE__, 200, TOLD("https://login.microsoftonline.us/"),
                 ENDPOINTS "POST https://login.microsoftonline.us/" TENANT
                           "/oauth2/v2.0/token | grant_type=client_credentials&client_id=" CLIENT
                           "&client_secret=s3cret&scope=https%3A%2F%2Faud.example%2F%2F.default\n",
                 NULL},
                {__LINE__, 200, TOLD("https://evil.example/"), ENDPOINTS,
                 "no token, since https://arm.example does not tell its login endpoint (code "
                 "ForeignLogin, status 200): it names a host that a secret does not go to"},
                {__LINE__, 200, "{}", ENDPOINTS,
                 "(code UnreadableEndpoints, status 200): the member authentication.loginEndpoint "
                 "is missing"},
                {__LINE__, 200, "<html>", ENDPOINTS, "UnreadableEndpoints"},
                {__LINE__, 302, "", ENDPOINTS, "leads to another place"},
                {__LINE__, 400, OAUTH("x"), ENDPOINTS, "(code x, status 400)"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf sent = {};

                fixture_init();
                f.trace = true;
                f.file.identity = (struct policy_identity)PRINCIPAL(IDENTITY_SECRET, "sp");
                f.file.cloud.login = NULL;
                secret_plant(SECRETS_CREDENTIAL, "sp", "s3cret");
                f.rules[f.n_rules++] =
                        (struct rule){HTTP_GET, "/metadata/endpoints", 0,    rows[i].status, 0,
                                      NULL,     rows[i].body,          false};
                engine_begin();
                engine_pass(1);
                asked(false, &sent);
                if (strcmp(strbuf_str(&sent), rows[i].sent) != 0)
                        fail_msg("row at line %d: asked\n%.400s\n%.400s\n", rows[i].line,
                                 strbuf_str(&sent), strbuf_str(&f.said));
                if (rows[i].said ? !said(rows[i].said) : said("no token"))
                        fail_msg("row at line %d: said\n%.800s\n", rows[i].line,
                                 strbuf_str(&f.said));
                engine_end();
        }
}

/* ---- when it is asked again ---- */

/* The seconds after midnight at which it was asked for a token. */
static void times(struct strbuf *out) {
        _cleanup_(strbuf_deinit) struct strbuf lines = {};
        const char *line, *end;

        asked(true, &lines);
        for (line = strbuf_str(&lines); (end = strchr(line, '\n')); line = end + 1)
                strbuf_appendf(out, "%s%.*s", out->len > 0 ? " " : "", (int)strcspn(line, " "),
                               line);
}

/* The reaction to each error reply (FACTS section 8, "IMDS errors"): from second 60 on, a tenth of a
 * second each. Waits are stretched by up to an eighth. */
static void test_retries(void **state) {
        static const struct {
                int line;
                int status; /* 0: @outcome */
                enum transport_outcome outcome;
                const char *header, *body;
                unsigned tries;     /* within the fetch */
                unsigned at_most_s; /* after which the last of them goes out */
        } rows[] = {
                {__LINE__, 404, 0, NULL, OAUTH("not_found"), 6, 60},
                {__LINE__, 429, 0, NULL, "", 6, 60},
                {__LINE__, 500, 0, NULL, OAUTH("unknown"), 6, 60},
                {__LINE__, 502, 0, NULL, "<html>", 6, 60},
                {__LINE__, 503, 0, NULL, "", 6, 60},
                {__LINE__, 408, 0, NULL, "", 6, 60},
                {__LINE__, 0, TRANSPORT_TIMEOUT, NULL, NULL, 6, 60},
                {__LINE__, 0, TRANSPORT_LOST, NULL, NULL, 6, 60},
                {__LINE__, 410, 0, NULL, "", 7, 80},
                {__LINE__, 429, 0, "Retry-After: 20", "", 6, 120},
                {__LINE__, 429, 0, "Retry-After: 90", "", 1, 1},

                {__LINE__, 400, 0, NULL, OAUTH("invalid_request"), 1, 1},
                {__LINE__, 400, 0, NULL, OAUTH("bad_request_102"), 1, 1},
                {__LINE__, 401, 0, NULL, OAUTH("unknown_source"), 1, 1},
                {__LINE__, 403, 0, NULL, OAUTH("access_denied"), 1, 1},
                {__LINE__, 405, 0, NULL, "", 1, 1},
                {__LINE__, 302, 0, "Location: http://evil.example/", "", 1, 1},
                {__LINE__, 200, 0, NULL, "<html>", 1, 1},
                {__LINE__, 200, 0, NULL, "{}", 1, 1},
                {__LINE__, 0, TRANSPORT_NOT_SENT, NULL, NULL, 1, 1},
                {__LINE__, 0, TRANSPORT_TOO_LARGE, NULL, NULL, 1, 1},
        };
        static const unsigned least_s[] = {0, 2, 6, 14, 30, 18};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf at = {};
                unsigned n = 1, before, second;
                const char *p;

                fixture_init();
                f.trace = true;
                f.rules[f.n_rules++] = (struct rule){
                        HTTP_GET,       TOKEN_PATH,   0,    rows[i].status, rows[i].outcome,
                        rows[i].header, rows[i].body, false};
                engine_begin();
                while (!said("no token") && f.now_ns < 400 * NSEC_PER_SEC)
                        engine_pass(1);
                times(&at);
                p = strbuf_str(&at);
                before = (unsigned)atoi(p);
                for (; (p = strchr(p, ' ')); n++) {
                        second = (unsigned)atoi(++p);
                        if (n <= ARRAY_SIZE(least_s) && second - before + 1 < least_s[n - 1])
                                fail_msg("row at line %d: too early: %s", rows[i].line,
                                         strbuf_str(&at));
                        before = second;
                }
                if (n != rows[i].tries || before - 60 > rows[i].at_most_s || !said("no token"))
                        fail_msg("row at line %d: asked at %s\n%.800s\n", rows[i].line,
                                 strbuf_str(&at), strbuf_str(&f.said));
                if (rows[i].status == 410 && before - 60 < 70)
                        fail_msg("row at line %d: an update may take 70 s: %s", rows[i].line,
                                 strbuf_str(&at));
                engine_end();
        }
}

/* A token that lives no longer than its journey is none: asked for again as after other failures. */
static void test_dead_token(void **state) {
        fixture_init();
        f.rules[f.n_rules++] = (struct rule){.method = HTTP_GET,
                                             .url = "oauth2",
                                             .status = 200,
                                             .body = "{\"access_token\":\"abc\",\"expires_in\":"
                                                     "\"0\",\"token_type\":\"Bearer\"}"};
        engine_begin();
        engine_pass(600);
        assert_true(f.met[0] > 1 && f.met[0] < 40);
        assert_true(said("what came lives 0 s and serves no more"));
        f.n_rules = 0;
        engine_pass(600);
        assert_true(said("gives tokens again"));
        assert_true(engine_counts(f.engine)->created > 0);
        engine_end();
}

/* When a token is renewed, and until when the old one is sent: the disks are listed every hour, a
 * snapshot is asked for every five minutes. */
static void test_renewal(void **state) {
        static const struct {
                int line;
                bool machine; /* else of a service principal */
                const char *body;
                int64_t from_s, to_s; /* of the first renewal, after the first request */
        } rows[] = {
                {__LINE__, true, "\"expires_in\":\"3600\"", 3000, 3300},
                {__LINE__, false, "\"expires_in\":3600", 3000, 3300},
                {__LINE__, true, "\"expires_in\":\"86400\"", 43200, 43500},
                {__LINE__, false, "\"expires_in\":86400", 85800, 86100},
                {__LINE__, true, "\"expires_in\":\"7200\"", 6600, 6900},
                {__LINE__, true, "\"expires_in\":\"86400\",\"refresh_in\":\"1800\"", 1800, 2100},
                {__LINE__, false, "\"expires_in\":3600,\"refresh_in\":1200", 1200, 1500},
                {__LINE__, true, "\"expires_in\":\"3600\",\"refresh_in\":\"3600\"", 3300, 3600},
                {__LINE__, false, "\"expires_in\":600", 225, 525},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char body[200];
                int64_t first = -1, second = -1;

                fixture_init();
                f.trace = true;
                if (!rows[i].machine)
                        f.file.identity = (struct policy_identity)PRINCIPAL(IDENTITY_SECRET, "sp");
                secret_plant(SECRETS_CREDENTIAL, "sp", "s3cret");
                snprintf(body, sizeof(body), "{\"access_token\":\"abc\",%s}", rows[i].body);
                f.rules[f.n_rules++] = (struct rule){rows[i].machine ? HTTP_GET : HTTP_POST,
                                                     "oauth2",
                                                     0,
                                                     200,
                                                     0,
                                                     NULL,
                                                     body,
                                                     false};
                engine_begin();
                while (second < 0 && f.now_ns < 100000 * NSEC_PER_SEC) {
                        _cleanup_(strbuf_deinit) struct strbuf at = {};

                        strbuf_clear(&f.sent);
                        strbuf_clear(&f.said);
                        engine_pass(1);
                        times(&at);
                        if (at.len > 0 && first < 0)
                                first = atoi(strbuf_str(&at));
                        else if (at.len > 0)
                                second = atoi(strbuf_str(&at));
                }
                second -= first;
                if (second < rows[i].from_s || second > rows[i].to_s + 5)
                        fail_msg("row at line %d: renewed after %lld s", rows[i].line,
                                 (long long)second);
                engine_end();
        }
}

/* In the last five minutes of its life a token is not sent, even if no other is to be had; and it is
 * said twice: that it cannot be renewed, and that there is none. */
static void test_last_minutes(void **state) {
        fixture_init();
        f.trace = true;
        f.rules[f.n_rules++] = (struct rule){HTTP_GET,
                                             "oauth2",
                                             1,
                                             200,
                                             0,
                                             NULL,
                                             "{\"access_token\":\"old\",\"expires_in\":\"3600\"}",
                                             false};
        f.rules[f.n_rules++] =
                (struct rule){HTTP_GET, "oauth2", 0, 400, 0, NULL, OAUTH("invalid_request"), false};
        engine_begin();
        engine_pass(3250); /* the slot of 00:55 asks for a token that serves until 00:56 */
        assert_true(said("warning: the token cannot be renewed and serves for "));
        assert_false(said("nothing can be read or done"));
        engine_pass(100);
        strbuf_clear(&f.sent);
        engine_pass(3600);
        assert_true(said("warning: nothing can be read or done in Azure, will go on trying: no "
                         "token from the identity service"));
        assert_false(strstr(strbuf_str(&f.sent), "Bearer old") != NULL);
        engine_end();
}

/* A refused token is dropped once; a service that gives the same again is not asked in a circle. */
static void test_refused(void **state) {
        _cleanup_(strbuf_deinit) struct strbuf at = {};
        const char *p;
        size_t n = 1;

        fixture_init();
        f.trace = true;
        f.rules[f.n_rules++] =
                (struct rule){HTTP_GET,
                              "/disks?",
                              0,
                              401,
                              0,
                              NULL,
                              "{\"error\":{\"code\":\"ExpiredAuthenticationToken\"}}",
                              false};
        engine_begin();
        engine_pass(5);
        times(&at);
        for (p = strbuf_str(&at); (p = strchr(p, ' ')); p++)
                n++;
        assert_int_equal(n, 2);
        assert_true(said("[ExpiredAuthenticationToken]"));
        engine_end();
}

/* A secret that is gone when it is asked for again is told at once, and not waited for. */
static void test_lost_between(void **state) {
        fixture_init();
        f.file.identity = (struct policy_identity)PRINCIPAL(IDENTITY_SECRET, "sp");
        secret_plant(SECRETS_CREDENTIAL, "sp", "s3cret");
        f.rules[f.n_rules++] = (struct rule){HTTP_POST, "oauth2", 0, 503, 0, NULL, "", false};
        engine_begin();
        while (f.met[0] == 0)
                assert_true(engine_turn(INT64_MAX - 1));
        assert_false(said("no token"));
        f.secrets_planted[0].text = NULL;
        engine_pass(5);
        assert_int_equal(f.requests[HTTP_POST], 1);
        assert_true(said("(ENOENT): the systemd credential \"sp\" cannot be read"));
        engine_end();
}

/* ---- two identities ---- */

static void two_identities(void) {
        fixture_init();
        f.trace = true;
        f.file.two_identities = true;
        f.file.identity = (struct policy_identity){.kind = IDENTITY_MANAGED};
        f.file.pruner = (struct policy_identity)PRINCIPAL(IDENTITY_SECRET, "sp");
        secret_plant(SECRETS_CREDENTIAL, "sp", "s3cret");
        f.rules[f.n_rules++] = (struct rule){HTTP_POST,
                                             "oauth2",
                                             0,
                                             200,
                                             0,
                                             NULL,
                                             "{\"access_token\":\"pruner\",\"expires_in\":3599}",
                                             false};
}

static void old_ones(void) {
        for (int64_t n = 1; n <= 4; n++)
                snap_add_ours(START_S - n * EVERY_S);
}

/* Who sent what: every line with a token. */
static void check_bearers(void) {
        const char *line = strbuf_str(&f.sent), *end;
        size_t deletes = 0, puts = 0, lists = 0, rereads = 0;

        for (; (end = strchr(line, '\n')); line = end + 1) {
                _cleanup_(freep) char *copy = strndup(line, (size_t)(end - line));
                bool pruner, of_delete;

                assert_non_null(copy);
                if (!strstr(copy, "Bearer "))
                        continue;
                pruner = strstr(copy, "Bearer pruner") != NULL;
                of_delete = strstr(copy, " DELETE ") != NULL;
                deletes += of_delete;
                puts += strstr(copy, " PUT ") != NULL;
                lists += strstr(copy, "s?api-version") != NULL;
                rereads += pruner && !of_delete;
                if (of_delete && !pruner)
                        fail_msg("the creator deletes: %s", copy);
                if (pruner && !of_delete &&
                    (!strstr(copy, " GET ") || !strstr(copy, "/snapshots/")))
                        fail_msg("the pruner does more: %s", copy);
        }
        assert_true(deletes > 0 && puts > 0 && lists > 0);
        assert_int_equal(rereads, deletes);
}

static void test_two(void **state) {
        two_identities();
        old_ones();
        engine_begin();
        engine_pass(1200);
        assert_true(engine_counts(f.engine)->deleted > 0);
        check_bearers();
        engine_end();
}

/* One gets no answer: what waits for its token takes no room from what needs none. */
static void test_two_unanswered(void **state) {
        two_identities();
        old_ones();
        f.file.parallel = 2;
        f.silent = "login.example";
        engine_begin();
        engine_pass(12 * EVERY_S);
        assert_int_equal(f.requests[HTTP_DELETE], 0);
        assert_true(f.requests[HTTP_POST] > 0);
        assert_int_equal(f.requests[HTTP_PUT], 13);
        f.silent = NULL;
        engine_pass(1200);
        assert_true(engine_counts(f.engine)->deleted > 0);
        engine_end();
}

/* One is refused: the other goes on with its own. */
static void test_two_refused(void **state) {
        static const struct {
                int line;
                struct rule rule;
                const char *said;
                bool creates, deletes;
        } rows[] = {
                {__LINE__,
                 {HTTP_POST, "oauth2", 0, 401, 0, NULL, OAUTH("invalid_client"), false},
                 "warning: nothing can be deleted, will go on trying: no token for the "
                 "client " CLIENT,
                 true,
                 false},
                {__LINE__,
                 {HTTP_DELETE, "/snapshots/", 0, 403, 0, NULL,
                  "{\"error\":{\"code\":\"AuthorizationFailed\"}}", true},
                 "[AuthorizationFailed]",
                 true,
                 false},
                {__LINE__,
                 {HTTP_GET, TOKEN_PATH, 0, 400, 0, NULL, OAUTH("invalid_request"), false},
                 "warning: nothing can be read or created in Azure, will go on trying: no token "
                 "from the identity service",
                 false,
                 false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct engine_counts *counts;

                two_identities();
                old_ones();
                if (rows[i].rule.method == HTTP_POST)
                        f.n_rules = 0;
                f.rules[f.n_rules++] = rows[i].rule;
                engine_begin();
                engine_pass(1200);
                counts = engine_counts(f.engine);
                if (!said(rows[i].said) || (counts->created > 0) != rows[i].creates ||
                    (counts->deleted > 0) != rows[i].deletes)
                        fail_msg("row at line %d: created %d, deleted %d\n%.800s\n", rows[i].line,
                                 (int)counts->created, (int)counts->deleted, strbuf_str(&f.said));
                engine_end();
        }
}

static int make_pem(void **state) {
        EVP_PKEY *key = EVP_RSA_gen(2048);
        X509 *certificate = certificate_new(key, START_S - SEC_PER_DAY, START_S + 30 * SEC_PER_DAY);
        char *certificate_text = certificate_pem(certificate), *key_text = key_pem(key, NULL);
        char *locked_text = key_pem(key, "open sesame");

        pem = pem_join(certificate_text, key_text);
        locked = pem_join(locked_text, certificate_text);
        free(certificate_text);
        free(key_text);
        free(locked_text);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return 0;
}

static int free_pem(void **state) {
        free(pem);
        free(locked);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_discovery),
                cmocka_unit_test(test_retries),
                cmocka_unit_test(test_dead_token),
                cmocka_unit_test(test_renewal),
                cmocka_unit_test(test_last_minutes),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_two),
                cmocka_unit_test(test_two_refused),
                cmocka_unit_test(test_two_unanswered),
                cmocka_unit_test(test_lost_between),
        };

        return cmocka_run_group_tests_name("engine-identity", tests, make_pem, free_pem);
}
