/*
 * The service model's doors: what Entra, the identity service and the Arc agent ask of those who want a
 * token, and what each principal may.
 */
#include "test-sim-rig.h"

#define ENTRA "/" SERVICE_TENANT "/oauth2/v2.0/token"
#define CLIENT "55555555-5555-4555-8555-555555555555"
#define THUMBPRINT "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define FEDERATED "eyJ.federated.c2ln"
#define IMDS "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=r"
#define ARC "/metadata/identity/oauth2/token?api-version=2020-06-01&resource=r"

#define HEADER "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"" THUMBPRINT "\"}"
#define CLAIMS_OF(aud, iss, sub, jti, nbf, exp)                                                    \
        "{\"aud\":\"" aud "\",\"iss\":\"" iss "\",\"sub\":\"" sub "\",\"jti\":\"" jti              \
        "\",\"nbf\":" nbf ",\"iat\":1795392000,\"exp\":" exp "}"
#define JTI "00000000-0000-4000-8000-000000000001"
#define CLAIMS CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, JTI, "1795391940", "1795392540")
#define SIGNATURE_LEN 342 /* of 256 bytes */

static void append_base64url(struct strbuf *out, const char *text) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned group = 0, bits = 0;

        for (; *text; text++) {
                group = group << 8 | (unsigned char)*text;
                for (bits += 8; bits >= 6; bits -= 6)
                        strbuf_append_char(out, digits[group >> (bits - 6) & 63]);
        }
        if (bits > 0)
                strbuf_append_char(out, digits[group << (6 - bits) & 63]);
}

static void form_of(const char *head, const char *claims, unsigned signature_len,
                    struct strbuf *out) {
        strbuf_append_str(out, "grant_type=client_credentials&client_id=" CLIENT
                               "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
                               "client-assertion-type%3Ajwt-bearer&scope=x/.default"
                               "&client_assertion=");
        append_base64url(out, head);
        strbuf_append_char(out, '.');
        append_base64url(out, claims);
        strbuf_append_char(out, '.');
        for (unsigned i = 0; i < signature_len; i++)
                strbuf_append_char(out, 'x');
}

static void add_client(const char *secret, const char *thumbprint, const char *federated) {
        assert_int_equal(
                service_add_client(service,
                                   &(struct service_client_spec){SERVICE_TENANT, CLIENT, secret,
                                                                 thumbprint, federated, UTC_NEVER}),
                0);
}

/* Header and claims, one of them wrong a row. */
static void test_assertion(void **state) {
        static const struct {
                int line;
                const char *head, *claims;
                unsigned signature_len;
                int status;
                const char *number;
        } rows[] = {
                {__LINE__, HEADER, CLAIMS, SIGNATURE_LEN, 200, ""},
                {__LINE__, HEADER, CLAIMS, 0, 400, "AADSTS50027:"},
                {__LINE__, HEADER, CLAIMS, SIGNATURE_LEN - 2, 400, "AADSTS50027:"},
                {__LINE__, HEADER, CLAIMS, SIGNATURE_LEN + 3, 400, "AADSTS50027:"},
                {__LINE__, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t#S256\":\"" THUMBPRINT "\"}",
                 CLAIMS, SIGNATURE_LEN, 400, "AADSTS50027:"},
                {__LINE__, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t\":\"" THUMBPRINT "\"}", CLAIMS,
                 SIGNATURE_LEN, 401, "AADSTS700027:"},
                {__LINE__, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"other\"}", CLAIMS,
                 SIGNATURE_LEN, 401, "AADSTS700027:"},
                {__LINE__, "[]", CLAIMS, SIGNATURE_LEN, 400, "AADSTS50027:"},
                {__LINE__, HEADER, "17", SIGNATURE_LEN, 400, "AADSTS50027:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN "/x", CLIENT, CLIENT, JTI, "1795391940", "1795392540"),
                 SIGNATURE_LEN, 401, "AADSTS700023:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, "other", CLIENT, JTI, "1795391940", "1795392540"),
                 SIGNATURE_LEN, 401, "AADSTS700021:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, "other", JTI, "1795391940", "1795392540"),
                 SIGNATURE_LEN, 401, "AADSTS700021:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, "1", "1795391940", "1795392540"),
                 SIGNATURE_LEN, 400, "AADSTS50027:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, JTI, "1795392301", "1795392540"),
                 SIGNATURE_LEN, 401, "AADSTS700024:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, JTI, "1795391000", "1795391699"),
                 SIGNATURE_LEN, 401, "AADSTS700024:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, JTI, "1795391940", "1795491940"),
                 SIGNATURE_LEN, 401, "AADSTS700024:"},
                {__LINE__, HEADER,
                 CLAIMS_OF(ORIGIN ENTRA, CLIENT, CLIENT, JTI, "\"1\"", "1795392540"), SIGNATURE_LEN,
                 401, "AADSTS700024:"},
        };

        add_client(NULL, THUMBPRINT, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf form = {};
                int status;

                form_of(rows[i].head, rows[i].claims, rows[i].signature_len, &form);
                status = ask_as(HTTP_POST, ENTRA, strbuf_str(&form), "");
                if (status != rows[i].status ||
                    strncmp(text_at("error_description"), rows[i].number, strlen(rows[i].number)) !=
                            0)
                        fail_msg("row at line %d: %d %s", rows[i].line, status, reply->body);
        }
}

#define FORM(client, more) "grant_type=client_credentials&scope=x/.default&client_id=" client more
#define TYPE                                                                                       \
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"

/* A federated token is good as it is; one way to prove oneself does not stand for another. */
static void test_federated(void **state) {
        static const struct {
                int line;
                const char *form;
                int status;
                const char *number;
        } rows[] = {
                {__LINE__, FORM(CLIENT, TYPE "&client_assertion=" FEDERATED), 200, ""},
                {__LINE__, FORM(CLIENT, TYPE "&client_assertion=e30.e30.eHh4"), 401,
                 "AADSTS700213:"},
                {__LINE__, FORM(CLIENT, "&client_assertion=" FEDERATED), 400, "AADSTS50027:"},
                {__LINE__, FORM(CLIENT, "&client_secret=" FEDERATED), 401, "AADSTS7000215:"},
                {__LINE__, FORM(CLIENT, ""), 401, "AADSTS7000218:"},
                {__LINE__, FORM(SERVICE_CLIENT, TYPE "&client_assertion=" FEDERATED), 400,
                 "AADSTS50027:"},
        };

        add_client(NULL, NULL, FEDERATED);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int status = ask_as(HTTP_POST, ENTRA, rows[i].form, "");

                if (status != rows[i].status ||
                    strncmp(text_at("error_description"), rows[i].number, strlen(rows[i].number)) !=
                            0)
                        fail_msg("row at line %d: %d %s", rows[i].line, status, reply->body);
        }
        assert_int_equal(service_forget_client(service, SERVICE_TENANT, CLIENT), 0);
        assert_int_equal(service_forget_client(service, SERVICE_TENANT, CLIENT), SERVICE_E_MISSING);
        assert_int_equal(ask_as(HTTP_POST, ENTRA, rows[0].form, ""), 400);
}

static void test_identities(void **state) {
        static const struct {
                int line;
                const char *url;
                int status;
                const char *client;
        } rows[] = {
                {__LINE__, IMDS, 200, SERVICE_CLIENT},
                {__LINE__, IMDS "&client_id=" CLIENT, 200, CLIENT},
                {__LINE__, IMDS "&object_id=object-1", 200, CLIENT},
                {__LINE__, IMDS "&msi_res_id=%2Fsubscriptions%2Fs%2Fid", 200, CLIENT},
                {__LINE__, IMDS "&client_id=" SERVICE_CLIENT, 200, SERVICE_CLIENT},
                {__LINE__, IMDS "&client_id=" SERVICE_TENANT, 400, NULL},
                {__LINE__, IMDS "&object_id=object-2", 400, NULL},
                {__LINE__, IMDS "&msi_res_id=x", 400, NULL},
        };

        assert_int_equal(service_add_identity(service, CLIENT, "object-1", "/subscriptions/s/id"),
                         0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int status = ask_as(HTTP_GET, rows[i].url, NULL, "");

                if (status != rows[i].status ||
                    (rows[i].client && strcmp(text_at("client_id"), rows[i].client) != 0))
                        fail_msg("row at line %d: %d %s", rows[i].line, status, reply->body);
        }
}

static void test_arc(void **state) {
        assert_int_equal(ask_as(HTTP_GET, ARC, NULL, ""),
                         200); /* without an agent: the machine's */
        assert_int_equal(service_set_arc_key(service, "/var/opt/azcmagent/tokens/1.key", "k"), 0);
        assert_int_equal(ask_as(HTTP_GET, ARC, NULL, ""), 401);
        assert_string_equal(header("WWW-Authenticate"),
                            "Basic realm=/var/opt/azcmagent/tokens/1.key");
        assert_int_equal(ask_as(HTTP_GET, ARC, NULL, "Basic other"), 401);
        assert_int_equal(ask_as(HTTP_GET, ARC, NULL, "Bearer k"), 401);
        assert_int_equal(ask_as(HTTP_GET, ARC, NULL, "Basic k"), 200);
        assert_string_equal(text_at("client_id"), SERVICE_CLIENT);
        assert_int_equal(ask_as(HTTP_GET, IMDS, NULL, ""), 200);
}

#define PERMISSIONS                                                                                \
        SUB "/resourceGroups/rg-snapshots/providers/Microsoft.Authorization/permissions"           \
            "?api-version=2022-04-01"

/* Each role to what it may do; a 403 names the client. */
static void test_roles(void **state) {
        static const struct {
                int line;
                enum http_method method;
                const char *url, *text;
                int creator, pruner; /* status */
        } rows[] = {
                {__LINE__, HTTP_GET, SNAPS V, NULL, 200, 403},
                {__LINE__, HTTP_GET, SUB "/providers/Microsoft.Compute/disks" V, NULL, 200, 403},
                {__LINE__, HTTP_GET, DISK V, NULL, 200, 403},
                {__LINE__, HTTP_GET, SUB "/resourceGroups/rg-app" V, NULL, 200, 403},
                {__LINE__, HTTP_GET, SNAPS "/s" V, NULL, 200, 200},
                {__LINE__, HTTP_PUT, SNAPS "/t" V, OF(DISK), 202, 403},
                {__LINE__, HTTP_DELETE, SNAPS "/s" V, NULL, 403, 202},
                {__LINE__, HTTP_DELETE, DISK V, NULL, 403, 403},
                {__LINE__, HTTP_GET, PERMISSIONS, NULL, 200, 200},
        };

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, OF(DISK)), 202);
        pass(5000);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                static const enum service_role roles[] = {SERVICE_ROLE_CREATOR, SERVICE_ROLE_PRUNER,
                                                          SERVICE_ROLE_NONE};
                const int wanted[] = {rows[i].creator, rows[i].pruner, 403};

                for (size_t k = 0; k < ARRAY_SIZE(roles); k++) {
                        int status;

                        assert_int_equal(service_set_role(service, SERVICE_CLIENT, roles[k]), 0);
                        status = ask(rows[i].method, rows[i].url, rows[i].text);
                        if (status != wanted[k])
                                fail_msg("row at line %d, role %zu: %d", rows[i].line, k, status);
                        if (status == 403)
                                assert_non_null(strstr(text_at("error.message"), SERVICE_CLIENT));
                }
        }
        assert_int_equal(service_set_role(service, SERVICE_CLIENT, SERVICE_ROLE_ALL), 0);
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/t" V, NULL), 202);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                CASE(test_assertion), CASE(test_federated), CASE(test_identities),
                CASE(test_arc),       CASE(test_roles),
        };

        return cmocka_run_group_tests_name("sim-identity", tests, NULL, NULL);
}
