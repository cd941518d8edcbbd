/*
 * Tokens: what goes out for one, byte for byte; the assertion that a certificate's key signs; the Arc
 * agent's challenge; and which login endpoint ARM may name.
 */
#include "azure/authority.h"
#include "azure/json.h"
#include "azure/jwt.h"
#include "azure/replies.h"
#include "azure/token_requests.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/rsa.h>

#include "certificate-fixture.h"

#define NOW_S INT64_C(1793577600) /* 2026-11-02T00:00:00Z */
#define DAY_S 86400

static char arm[] = "https://management.azure.com";
static char login[] = "https://login.microsoftonline.com";
static char imds[] = "http://169.254.169.254";
static const struct policy_cloud cloud = {.arm = arm, .login = login, .imds = imds};

static char *text(const char *constant) {
        return (char *)(uintptr_t)constant;
}

/* ---- requests ---- */

struct want {
        enum http_method method;
        const char *url;
        const char *metadata, *authorization, *type, *body; /* NULL: none */
        bool direct;
};

static void check(int line, struct http_request *request, const struct want *want) {
        const struct http_headers *headers;
        const struct {
                const char *name, *value;
        } fields[] = {
                {"Accept", "application/json"},
                {"Metadata", want->metadata},
                {"Authorization", want->authorization},
                {"Content-Type", want->type},
        };

        assert_non_null(request);
        headers = &request->headers;
        if (request->method != want->method || strcmp(request->url, want->url) != 0)
                fail_msg("row at line %d: %s", line, request->url);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                const char *value = http_headers_get(headers, fields[i].name);

                if (!value != !fields[i].value || (value && strcmp(value, fields[i].value) != 0))
                        fail_msg("row at line %d: %s: %s", line, fields[i].name, value ?: "(none)");
        }
        if (!request->body != !want->body ||
            (want->body && (request->body_len != strlen(want->body) ||
                            memcmp(request->body, want->body, request->body_len) != 0)))
                fail_msg("row at line %d: body %.*s", line, (int)request->body_len, request->body);
        if (request->direct != want->direct)
                fail_msg("row at line %d: direct is %d", line, request->direct);
        assert_true(request->connect_timeout_ns > 0 && request->silence_timeout_ns > 0);
        assert_true(request->body_max <= JSON_DOCUMENT_MAX);
        http_request_free(request);
}

#define IMDS_URL                                                                                   \
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"             \
        "&resource=https%3A%2F%2Fmanagement.azure.com%2F"
#define ARC_URL                                                                                    \
        "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01"             \
        "&resource=https%3A%2F%2Fmanagement.azure.com%2F"
#define ENTRA_URL "https://login.microsoftonline.com/contoso.com%2Fx/oauth2/v2.0/token"
#define FORM "application/x-www-form-urlencoded"
#define SCOPE "&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"

static void test_requests(void **state) {
        struct authority authority;

        assert_int_equal(authority_of_cloud(&cloud, &authority), 0);
        assert_string_equal(authority.login, login);
        assert_string_equal(authority.resource, "https://management.azure.com/");
        assert_string_equal(authority.scope, "https://management.azure.com/.default");

        const struct {
                int line;
                struct http_request *request;
                struct want want;
        } rows[] = {
                {__LINE__,
                 arm_get_endpoints(&cloud),
                 {HTTP_GET,
                  "https://management.azure.com/metadata/endpoints?api-version=2022-09-01", NULL,
                  NULL, NULL, NULL, false}},
                {__LINE__,
                 token_request_managed(&cloud, &authority, &(struct policy_identity){}),
                 {HTTP_GET, IMDS_URL, "true", NULL, NULL, NULL, true}},
                {__LINE__,
                 token_request_managed(&cloud, &authority,
                                       &(struct policy_identity){.client_id = text("a&b")}),
                 {HTTP_GET, IMDS_URL "&client_id=a%26b", "true", NULL, NULL, NULL, true}},
                {__LINE__,
                 token_request_managed(&cloud, &authority,
                                       &(struct policy_identity){.object_id = text("o-1")}),
                 {HTTP_GET, IMDS_URL "&object_id=o-1", "true", NULL, NULL, NULL, true}},
                {__LINE__,
                 token_request_managed(
                         &cloud, &authority,
                         &(struct policy_identity){.resource_id = text("/subscriptions/s/x")}),
                 {HTTP_GET, IMDS_URL "&msi_res_id=%2Fsubscriptions%2Fs%2Fx", "true", NULL, NULL,
                  NULL, true}},
                {__LINE__,
                 token_request_arc(ARC_ENDPOINT_DEFAULT, &authority, NULL),
                 {HTTP_GET, ARC_URL, "true", NULL, NULL, NULL, true}},
                {__LINE__,
                 token_request_arc(ARC_ENDPOINT_DEFAULT, &authority, "the-key"),
                 {HTTP_GET, ARC_URL, "true", "Basic the-key", NULL, NULL, true}},
                {__LINE__,
                 token_request_secret(&authority, "contoso.com/x", "app id", "p&=+%~\xc3\xa5"),
                 {HTTP_POST, ENTRA_URL, NULL, NULL, FORM,
                  "grant_type=client_credentials&client_id=app%20id&client_secret="
                  "p%26%3D%2B%25~%C3%A5" SCOPE,
                  false}},
                {__LINE__,
                 token_request_assertion(&authority, "contoso.com/x", "app", "eyJ.eyJ.x_-"),
                 {HTTP_POST, ENTRA_URL, NULL, NULL, FORM,
                  "grant_type=client_credentials&client_id=app&client_assertion_type="
                  "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                  "&client_assertion=eyJ.eyJ.x_-" SCOPE,
                  false}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check(rows[i].line, rows[i].request, &rows[i].want);
        authority_deinit(&authority);
}

/* ---- the Arc agent ---- */

static void test_challenge(void **state) {
        static const struct {
                int line;
                int status;
                const char *header;
                int r;
                const char *name;
        } rows[] = {
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/1a-b.key", 0, "1a-b.key"},
                {__LINE__, 401, "basic REALM=/var/opt/azcmagent/tokens/1.key", 0, "1.key"},
                {__LINE__, 401, "Basic realm=\"/var/opt/azcmagent/tokens/1.key\"", 0, "1.key"},

                {__LINE__, 200, "Basic realm=/var/opt/azcmagent/tokens/1.key", ARC_E_CHALLENGE,
                 NULL},
                {__LINE__, 401, NULL, ARC_E_CHALLENGE, NULL},
                {__LINE__, 401, "", ARC_E_CHALLENGE, NULL},
                {__LINE__, 401, "Bearer realm=/var/opt/azcmagent/tokens/1.key", ARC_E_CHALLENGE,
                 NULL},
                {__LINE__, 401, "Basic", ARC_E_CHALLENGE, NULL},

                {__LINE__, 401, "Basic realm=", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=\"", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/etc/shadow", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/etc/ssl/private/server.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/1.pem", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/1.key/", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/1.KEY", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/../../etc/x.key", ARC_E_PATH,
                 NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/a/x.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens/..x.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokens.d/x.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/var/opt/azcmagent/tokensx.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=/VAR/opt/azcmagent/tokens/x.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm=var/opt/azcmagent/tokens/x.key", ARC_E_PATH, NULL},
                {__LINE__, 401, "Basic realm= /var/opt/azcmagent/tokens/x.key", ARC_E_PATH, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply reply = {.status = rows[i].status};
                const char *name = NULL;
                size_t len = 0;
                int r;

                if (rows[i].header)
                        assert_int_equal(http_headers_add_str(&reply.headers, "www-authenticate",
                                                              rows[i].header),
                                         0);
                r = arc_challenge_parse(&reply, &name, &len);
                if (r != rows[i].r || (r == 0 && (len != strlen(rows[i].name) ||
                                                  memcmp(name, rows[i].name, len) != 0)))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                http_headers_deinit(&reply.headers);
        }
}

static void test_arc_endpoint(void **state) {
        static const struct {
                int line;
                const char *url;
                bool valid;
        } rows[] = {
                {__LINE__, ARC_ENDPOINT_DEFAULT, true},
                {__LINE__, "http://localhost:40342/metadata/identity/oauth2/token", true},
                {__LINE__, "http://[::1]:40342/x", true},
                {__LINE__, "http://169.254.169.254/metadata/identity/oauth2/token", false},
                {__LINE__, "https://127.0.0.1:40342/x", false},
                {__LINE__, "http://127.0.0.1.evil.example:40342/x", false},
                {__LINE__, "http://evil.example/x", false},
                {__LINE__, "http://localhost@evil.example/x", false},
                {__LINE__, "http://127.0.0.1:40342/x?y=", false},
                {__LINE__, "127.0.0.1:40342", false},
                {__LINE__, "", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (arc_endpoint_is_valid(rows[i].url) != rows[i].valid)
                        fail_msg("row at line %d", rows[i].line);
        assert_true(token_text_is_valid("a b~"));
        assert_false(token_text_is_valid(""));
        assert_false(token_text_is_valid("a\r\nX: y"));
        assert_false(token_text_is_valid("\xc3\xa5"));
        assert_false(token_text_is_valid("a\x7f"));
}

/* ---- where tokens come from ---- */

static void test_may_be(void **state) {
        static const char public[] = "https://management.azure.com",
                          stack[] = "https://management.local.azurestack.external";
        static const struct {
                int line;
                const char *arm, *login;
                bool may;
        } rows[] = {
                {__LINE__, public, "https://login.microsoftonline.com/", true},
                {__LINE__, public, "https://login.microsoftonline.com", true},
                {__LINE__, stack, "https://login.microsoftonline.us", true},
                {__LINE__, stack, "https://login.chinacloudapi.cn/", true},
                {__LINE__, stack, "https://login.partner.microsoftonline.cn/", true},
                {__LINE__, stack, "https://management.local.azurestack.external:8443/", true},
                {__LINE__, stack, "https://login.local.azurestack.external/", true},
                {__LINE__, stack, "https://LOGIN.Local.AzureStack.External/", true},
                {__LINE__, "http://127.0.0.1:8080", "http://127.0.0.1:8080/", true},
                {__LINE__, "http://127.0.0.1:8080", "http://127.0.0.1:8081/", true},
                {__LINE__, "http://127.0.0.1:8080", "https://127.0.0.1:8081/", true},
                {__LINE__, "https://[::1]:8080", "https://[::1]:8081/", true},

                {__LINE__, public, "http://login.microsoftonline.com/", false},
                {__LINE__, public, "https://login.microsoftonline.com.evil.example/", false},
                {__LINE__, public, "https://login.microsoftonline.com:8443/", false},
                {__LINE__, public, "https://evil.example/", false},
                {__LINE__, public, "https://evil.azure.com/", false},
                {__LINE__, public, "https://evil.example@login.microsoftonline.com/", false},
                {__LINE__, public, "https://login.microsoftonline.com@evil.example/", false},
                {__LINE__, public, "https://login.microsoftonline.com/common", false},
                {__LINE__, public, "https://login.microsoftonline.com/?x=y", false},
                {__LINE__, public, "https://login.microsoftonline.com//", false},
                {__LINE__, public, "login.microsoftonline.com", false},
                {__LINE__, public, "ftp://login.microsoftonline.com/", false},
                {__LINE__, public, "", false},
                {__LINE__, stack, "http://login.local.azurestack.external/", false},
                {__LINE__, stack, "https://adfs.local.azurestack.external/adfs", false},
                {__LINE__, stack, "https://a.login.local.azurestack.external/", false},
                {__LINE__, stack, "https://local.azurestack.external/", false},
                {__LINE__, stack, "https://login.other.azurestack.external/", false},
                {__LINE__, stack, "https://login.xlocal.azurestack.external/", false},
                {__LINE__, "https://arm.co.uk", "https://evil.co.uk/", false},
                {__LINE__, "https://arm.shop.co.uk", "https://login.shop.co.uk/", true},
                {__LINE__, "http://127.0.0.1:8080", "http://127.0.0.2:8080/", false},
                {__LINE__, "https://10.0.0.1", "https://11.0.0.1/", false},
                {__LINE__, "http://127.0.0.1:8080", "http://evil.example/", false},
                {__LINE__, "http://localhost:8080", "https://evil.example/", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (authority_may_be(rows[i].arm, rows[i].login) != rows[i].may)
                        fail_msg("row at line %d: %s", rows[i].line, rows[i].login);
}

#define AUTH(login, audiences)                                                                     \
        "{\"name\":\"Custom\",\"authentication\":{\"loginEndpoint\":" login                        \
        ",\"audiences\":" audiences ",\"tenant\":\"common\"},\"suffixes\":{}}"
#define STACK_LOGIN "\"https://login.local.azurestack.external/\""

static void test_decode(void **state) {
        static const char stack[] = "https://management.local.azurestack.external";
        static const struct {
                int line;
                const char *body;
                int r;
                const char *login, *resource, *scope; /* or the member that is wrong */
        } rows[] = {
                {__LINE__, AUTH(STACK_LOGIN, "[\"https://management.stack.example/9f\"]"), 0,
                 "https://login.local.azurestack.external", "https://management.stack.example/9f",
                 "https://management.stack.example/9f/.default"},
                {__LINE__, AUTH(STACK_LOGIN, "[\"https://one.example/\",\"https://two.example\"]"),
                 0, "https://login.local.azurestack.external", "https://one.example/",
                 "https://one.example//.default"},
                /* its own URL counts before others */
                {__LINE__,
                 AUTH("\"https://login.microsoftonline.com\"",
                      "[\"https://one.example/\","
                      "\"https://Management.local.azurestack.external/\"]"),
                 0, "https://login.microsoftonline.com",
                 "https://management.local.azurestack.external/",
                 "https://management.local.azurestack.external/.default"},
                {__LINE__,
                 AUTH("\"https://login.microsoftonline.com\"",
                      "[\"https://management.local.azurestack.external\"]"),
                 0, "https://login.microsoftonline.com",
                 "https://management.local.azurestack.external/",
                 "https://management.local.azurestack.external/.default"},

                {__LINE__, AUTH("\"https://evil.example/\"", "[\"https://a.example/\"]"),
                 AUTHORITY_E_HOST, "authentication.loginEndpoint", NULL, NULL},
                {__LINE__, AUTH("null", "[\"https://a.example/\"]"), REPLY_E_MEMBER,
                 "authentication.loginEndpoint", NULL, NULL},
                {__LINE__, AUTH("17", "[\"https://a.example/\"]"), REPLY_E_MEMBER,
                 "authentication.loginEndpoint", NULL, NULL},
                {__LINE__, AUTH(STACK_LOGIN, "[]"), REPLY_E_MEMBER, "authentication.audiences",
                 NULL, NULL},
                {__LINE__, AUTH(STACK_LOGIN, "\"https://a.example/\""), REPLY_E_MEMBER,
                 "authentication.audiences", NULL, NULL},
                {__LINE__, AUTH(STACK_LOGIN, "[17]"), REPLY_E_MEMBER, "authentication.audiences",
                 NULL, NULL},
                {__LINE__, AUTH(STACK_LOGIN, "[\"https://a.example/ x\"]"), REPLY_E_MEMBER,
                 "authentication.audiences", NULL, NULL},
                {__LINE__, AUTH(STACK_LOGIN, "[\"\"]"), REPLY_E_MEMBER, "authentication.audiences",
                 NULL, NULL},
                {__LINE__, "{}", REPLY_E_MEMBER, "authentication.loginEndpoint", NULL, NULL},
                {__LINE__, "[]", JSON_E_SHAPE, NULL, NULL, NULL},
                {__LINE__, "<html>", JSON_E_SYNTAX, NULL, NULL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy_cloud custom = {.arm = text(stack)};
                struct authority authority = {};
                const char *member = NULL;
                int r = authority_decode(&custom, rows[i].body, strlen(rows[i].body), &authority,
                                         &member);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0 && rows[i].login)
                        assert_string_equal(member, rows[i].login);
                if (r != 0)
                        continue;
                if (strcmp(authority.login, rows[i].login) != 0 ||
                    strcmp(authority.resource, rows[i].resource) != 0 ||
                    strcmp(authority.scope, rows[i].scope) != 0)
                        fail_msg("row at line %d: %s, %s, %s", rows[i].line, authority.login,
                                 authority.resource, authority.scope);
                authority_deinit(&authority);
        }
}

/* ---- the assertion ---- */

static unsigned char *base64url_decode(const char *from, size_t len, size_t *ret_len) {
        char *padded = calloc(1, len + 4);
        unsigned char *bytes = malloc(len + 4);
        int n;

        assert_true(padded && bytes);
        for (size_t i = 0; i < len; i++)
                padded[i] = from[i] == '-' ? '+' : from[i] == '_' ? '/' : from[i];
        for (n = (int)len; n % 4; n++)
                padded[n] = '=';
        n = EVP_DecodeBlock(bytes, (const unsigned char *)padded, n);
        assert_true(n >= 0);
        *ret_len = (size_t)n - (4 - len % 4) % 4;
        bytes[*ret_len] = '\0';
        free(padded);
        return bytes;
}

static cJSON *part_decode(const char *from, const char *end) {
        size_t len, offset;
        char *bytes = (char *)base64url_decode(from, (size_t)(end - from), &len);
        cJSON *json;

        assert_int_equal(json_parse(bytes, len, &json, &offset), 0);
        free(bytes);
        return json;
}

/* As Entra does it: with the certificate's public key, and no code of ours. */
static bool signature_holds(X509 *certificate, const char *jwt) {
        const char *dot = strrchr(jwt, '.');
        size_t len;
        unsigned char *signature = base64url_decode(dot + 1, strlen(dot + 1), &len);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *padding;
        int ok;

        assert_int_equal(EVP_DigestVerifyInit(context, &padding, EVP_sha256(), NULL,
                                              X509_get0_pubkey(certificate)),
                         1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST), 1);
        ok = EVP_DigestVerify(context, signature, len, (const unsigned char *)jwt,
                              (size_t)(dot - jwt));
        EVP_MD_CTX_free(context);
        free(signature);
        return ok == 1;
}

static const struct jwt_claims claims = {
        .audience = "https://login.microsoftonline.com/t/oauth2/v2.0/token",
        .client = "33333333-3333-4333-8333-333333333333",
        .id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
        .now = {NOW_S * TICKS_PER_SEC},
};

static void check_members(const cJSON *json, const char *const *wanted) {
        int n = 0;

        for (; *wanted; wanted += 2, n++) {
                const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, wanted[0]);
                char *value = cJSON_PrintUnformatted(member);

                assert_non_null(value);
                assert_string_equal(value, wanted[1]);
                free(value);
        }
        assert_int_equal(cJSON_GetArraySize(json), n);
}

static void check_jwt(const char *jwt, X509 *certificate) {
        const char *dot = strchr(jwt, '.'), *second = strchr(dot + 1, '.'), *thumbprint;
        cJSON *header = part_decode(jwt, dot), *payload = part_decode(dot + 1, second);
        unsigned char digest[EVP_MAX_MD_SIZE], *said;
        unsigned digest_len;
        size_t len;

        assert_int_equal(cJSON_GetArraySize(header), 3);
        assert_string_equal(json_string(header, "alg"), "PS256");
        assert_string_equal(json_string(header, "typ"), "JWT");
        thumbprint = json_string(header, "x5t#S256");
        said = base64url_decode(thumbprint, strlen(thumbprint), &len);
        assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &digest_len), 1);
        assert_int_equal(len, digest_len);
        assert_memory_equal(said, digest, len);
        free(said);

        check_members(payload,
                      (const char *const[]){
                              "aud", "\"https://login.microsoftonline.com/t/oauth2/v2.0/token\"",
                              "iss", "\"33333333-3333-4333-8333-333333333333\"", "sub",
                              "\"33333333-3333-4333-8333-333333333333\"", "jti",
                              "\"01020304-0506-0708-090a-0b0c0d0e0f10\"", "nbf", "1793577540",
                              "iat", "1793577600", "exp", "1793578140", NULL});
        assert_true(signature_holds(certificate, jwt));
        cJSON_Delete(header);
        cJSON_Delete(payload);
}

/* A key, its certificate, another's, and all that can be wrong with them. */
static void test_jwt(void **state) {
        EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(1024),
                 *curve = EVP_EC_gen("P-256");
        X509 *good = certificate_new(key, NOW_S - DAY_S, NOW_S + DAY_S),
             *foreign = certificate_new(other, NOW_S - DAY_S, NOW_S + DAY_S),
             *old = certificate_new(key, NOW_S - DAY_S, NOW_S - 1),
             *early = certificate_new(key, NOW_S + 1, NOW_S + DAY_S);
        char *key_text = key_pem(key, NULL), *locked = key_pem(key, "open sesame"),
             *weak_text = key_pem(weak, NULL), *curve_text = key_pem(curve, NULL),
             *good_text = certificate_pem(good), *foreign_text = certificate_pem(foreign),
             *old_text = certificate_pem(old), *early_text = certificate_pem(early);
        const struct {
                int line;
                const char *a, *b, *passphrase;
                int r;
        } rows[] = {
                {__LINE__, key_text, good_text, NULL, 0},
                {__LINE__, good_text, key_text, NULL, 0},
                {__LINE__, key_text, good_text, "for nothing", 0},
                {__LINE__, locked, good_text, "open sesame", 0},
                {__LINE__, locked, good_text, "open", JWT_E_KEY},
                {__LINE__, locked, good_text, "", JWT_E_KEY},
                {__LINE__, locked, good_text, NULL, JWT_E_KEY},
                {__LINE__, key_text, "", NULL, JWT_E_CERTIFICATE},
                {__LINE__, key_text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                 NULL, JWT_E_CERTIFICATE},
                {__LINE__, "", good_text, NULL, JWT_E_KEY},
                {__LINE__, "", "", NULL, JWT_E_KEY},
                {__LINE__, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                 good_text, NULL, JWT_E_KEY},
                {__LINE__, key_text, foreign_text, NULL, JWT_E_PAIR},
                {__LINE__, weak_text, good_text, NULL, JWT_E_KIND},
                {__LINE__, curve_text, good_text, NULL, JWT_E_KIND},
                {__LINE__, key_text, old_text, NULL, JWT_E_EXPIRED},
                {__LINE__, key_text, early_text, NULL, JWT_E_EXPIRED},
        };
        char *chain = pem_join(foreign_text, good_text), *again = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *pem = pem_join(rows[i].a, rows[i].b), *jwt = NULL;
                int r = jwt_sign(pem, rows[i].passphrase, &claims, &jwt);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r == 0)
                        check_jwt(jwt, good);
                assert_true(strlen(jwt_problem(r)) > 0);
                free(str_wipe_free(jwt));
                free(pem);
        }

        /* Its own among others; no two are equal, since the padding is salted. */
        for (int i = 0; i < 2; i++) {
                char *pem = pem_join(chain, key_text), *jwt;

                assert_int_equal(jwt_sign(pem, NULL, &claims, &jwt), 0);
                check_jwt(jwt, good);
                assert_true(!again || strcmp(again, jwt) != 0);
                assert_false(signature_holds(foreign, jwt));
                jwt[3] ^= 1;
                assert_false(signature_holds(good, jwt));
                free(again);
                again = jwt;
                free(pem);
        }

        free(again);
        free(chain);
        for (size_t i = 0; i < 4; i++) {
                free((char *[]){key_text, locked, weak_text, curve_text}[i]);
                free((char *[]){good_text, foreign_text, old_text, early_text}[i]);
                X509_free((X509 *[]){good, foreign, old, early}[i]);
                EVP_PKEY_free((EVP_PKEY *[]){key, other, weak, curve}[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),     cmocka_unit_test(test_challenge),
                cmocka_unit_test(test_arc_endpoint), cmocka_unit_test(test_may_be),
                cmocka_unit_test(test_decode),       cmocka_unit_test(test_jwt),
        };

        return cmocka_run_group_tests_name("azure-tokens", tests, NULL, NULL);
}
