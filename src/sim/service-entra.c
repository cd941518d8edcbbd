/*
 * Microsoft Entra: client credentials by secret, by certificate and by a federated token.
 *
 * An assertion is read by this file's own means. Its signature is not verified, since the model knows
 * no cryptography: that ours are good is shown where a public key is at hand (tests/unit).
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* RSA of 2048 bits, the least that PS256 is made with, and in base64url. */
#define SIGNATURE_MIN 256
/* Entra forgives clocks that much. */
#define SKEW_S 300
/* "Certificate credentials", Microsoft Learn: 5 to 10 minutes; a day is refused. */
#define LIFE_MAX_S SEC_PER_DAY
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static int entra_error(struct service *service, struct utc now, struct answer *answer, int status,
                       const char *error, int number, const char *text) {
        struct guid trace = service_draw_guid(service), correlation = service_draw_guid(service);
        struct civil c = civil_from_seconds(utc_seconds(service_written(service, now)));
        char trace_text[GUID_TEXT_SIZE], correlation_text[GUID_TEXT_SIZE];

        answer->status = status;
        strbuf_appendf(&answer->body,
                       "{\"error\":\"%s\",\"error_description\":\"AADSTS%d: %s Trace ID: %s\","
                       "\"error_codes\":[%d],"
                       "\"timestamp\":\"%04" PRId64 "-%02d-%02d %02d:%02d:%02dZ\","
                       "\"trace_id\":\"%s\",\"correlation_id\":\"%s\"}",
                       error, number, text, guid_format(&trace, trace_text), number, c.year,
                       c.month, c.day, c.hour, c.minute, c.second, trace_text,
                       guid_format(&correlation, correlation_text));
        return 0;
}

static const struct client *find_client(const struct service *service, const char *tenant,
                                        const char *client, bool *ret_tenant) {
        *ret_tenant = false;
        for (size_t i = 0; i < service->n_clients; i++) {
                if (!str_equal_nocase(service->clients[i].tenant, tenant))
                        continue;
                *ret_tenant = true;
                if (client && str_equal_nocase(service->clients[i].client, client))
                        return &service->clients[i];
        }
        return NULL;
}

static bool ends_with(const char *text, const char *end) {
        size_t len = strlen(text), len_end = strlen(end);

        return len >= len_end && strcmp(text + len - len_end, end) == 0;
}

static int base64url_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (ascii_is_digit(c))
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Decodes without padding, as JWTs are written. Returns the length, or -1 for what is none. */
static int64_t base64url_decode(const char *text, size_t len, char *out) {
        unsigned group = 0, bits = 0;
        int64_t n = 0;

        for (size_t i = 0; i < len; i++) {
                int digit = base64url_digit(text[i]);

                if (digit < 0)
                        return -1;
                group = group << 6 | (unsigned)digit;
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        out[n++] = (char)(group >> bits & 0xff);
                }
        }
        return len % 4 == 1 ? -1 : n;
}

/* One part of a JWT as JSON, or NULL. */
static cJSON *part_parse(const char *text, size_t len) {
        _cleanup_(freep) char *bytes = malloc(len + 1);
        int64_t n = bytes ? base64url_decode(text, len, bytes) : -1;

        return n < 0 ? NULL : cJSON_ParseWithLength(bytes, (size_t)n);
}

static bool text_is(const cJSON *json, const char *name, const char *value) {
        const char *text = json_get_string(json, name);

        return text && strcmp(text, value) == 0;
}

/* Seconds since 1970, or -1. */
static int64_t claim_seconds(const cJSON *json, const char *name) {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);

        if (!cJSON_IsNumber(number) || !(number->valuedouble > 0 && number->valuedouble < 1e12))
                return -1;
        return (int64_t)number->valuedouble;
}

struct refusal {
        int status, number;
        const char *error, *text;
};

static const struct refusal malformed = {400, 50027, "invalid_request",
                                         "JWT token is invalid or malformed."};
static const struct refusal foreign_key = {
        401, 700027, "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on "
        "application."};
static const struct refusal out_of_time = {401, 700024, "invalid_client",
                                           "Client assertion is not within its valid time range."};
static const struct refusal other_audience = {
        401, 700023, "invalid_client",
        "Client assertion audience claim does not match Realm issuer."};
static const struct refusal other_client = {
        401, 700021, "invalid_client",
        "Client assertion application identifier doesn't match 'client_id' parameter."};
static const struct refusal no_federation = {
        401, 700213, "invalid_client",
        "No matching federated identity record found for presented assertion subject."};

/* The header and the claims that Entra documents; NULL when all is well. */
static const struct refusal *claims_refusal(const cJSON *header, const cJSON *claims,
                                            const struct client *client, const char *endpoint,
                                            int64_t now_s) {
        const char *id = json_get_string(claims, "jti");
        int64_t from = claim_seconds(claims, "nbf"), until = claim_seconds(claims, "exp"),
                issued = claim_seconds(claims, "iat");
        struct guid guid;

        if (!text_is(header, "alg", "PS256") || !text_is(header, "typ", "JWT"))
                return &malformed;
        if (!client->thumbprint || !text_is(header, "x5t#S256", client->thumbprint))
                return &foreign_key;
        if (!text_is(claims, "aud", endpoint))
                return &other_audience;
        if (!text_is(claims, "iss", client->client) || !text_is(claims, "sub", client->client))
                return &other_client;
        if (!id || guid_parse(id, strlen(id), &guid) < 0 || guid_is_nil(&guid))
                return &malformed;
        if (from < 0 || until < 0 || issued < 0 || from > now_s + SKEW_S ||
            issued > now_s + SKEW_S || until < now_s - SKEW_S || until - from > LIFE_MAX_S)
                return &out_of_time;
        return NULL;
}

/* A client assertion: one that a certificate's key signed, or another's token as it is. */
static const struct refusal *assertion_refusal(const struct client *client, const char *assertion,
                                               const char *endpoint, int64_t now_s) {
        const char *dot = strchr(assertion, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
        _cleanup_(freep) char *signature = NULL;
        _cleanup_(cjson_deletep) cJSON *header = NULL, *claims = NULL;

        if (client->federated && strcmp(assertion, client->federated) == 0)
                return NULL;
        if (!second || strchr(second + 1, '.'))
                return &malformed;
        header = part_parse(assertion, (size_t)(dot - assertion));
        claims = part_parse(dot + 1, (size_t)(second - dot - 1));
        signature = malloc(strlen(second) + 1);
        if (!cJSON_IsObject(header) || !cJSON_IsObject(claims) || !signature)
                return &malformed;
        if (client->federated && !json_get_string(header, "x5t#S256"))
                return &no_federation;
        if (base64url_decode(second + 1, strlen(second + 1), signature) < SIGNATURE_MIN)
                return &malformed;
        return claims_refusal(header, claims, client, endpoint, now_s);
}

static const struct refusal *secret_refusal(const struct client *client, const char *secret) {
        static const struct refusal wrong = {401, 7000215, "invalid_client",
                                             "Invalid client secret provided."};

        return client->secret && strcmp(secret, client->secret) == 0 ? NULL : &wrong;
}

struct form {
        char *grant, *id, *scope, *secret, *assertion, *type;
};

static void form_deinit(struct form *form) {
        free(form->grant);
        free(form->id);
        free(form->scope);
        free(form->secret);
        free(form->assertion);
        free(form->type);
}

static int form_read(const struct service_call *call, struct form *form) {
        _cleanup_(freep) char *text = strndup(call->body ?: "", call->body_len);
        int r;

        if (!text)
                return -ENOMEM;
        r = query_get(text, "grant_type", true, &form->grant);
        r = r ?: query_get(text, "client_id", true, &form->id);
        r = r ?: query_get(text, "client_secret", true, &form->secret);
        r = r ?: query_get(text, "client_assertion", true, &form->assertion);
        r = r ?: query_get(text, "client_assertion_type", true, &form->type);
        return r ?: query_get(text, "scope", true, &form->scope);
}

/* Why there is no token, or NULL. */
static const struct refusal *form_refusal(const struct client *client, bool tenant,
                                          const struct form *form, const char *endpoint,
                                          struct utc now) {
        static const struct refusal no_tenant = {400, 90002, "invalid_request",
                                                 "Tenant not found."},
                                    no_grant = {400, 70003, "unsupported_grant_type",
                                                "The app requested an unsupported grant type."},
                                    no_client = {400, 700016, "unauthorized_client",
                                                 "Application was not found in the directory."},
                                    no_scope = {400, 70011, "invalid_scope",
                                                "The provided value for the input parameter "
                                                "'scope' is not valid."},
                                    nothing = {401, 7000218, "invalid_client",
                                               "The request body must contain 'client_assertion' "
                                               "or 'client_secret'."},
                                    expired = {401, 7000222, "invalid_client",
                                               "The provided client secret keys for app are "
                                               "expired."};
        const struct refusal *refusal;

        if (!tenant)
                return &no_tenant;
        if (!form->grant || strcmp(form->grant, "client_credentials") != 0)
                return &no_grant;
        if (!client)
                return &no_client;
        if (!form->scope || !ends_with(form->scope, "/.default"))
                return &no_scope;
        if (form->assertion && (!form->type || strcmp(form->type, ASSERTION_TYPE) != 0))
                return &malformed;
        if (!form->assertion && !form->secret)
                return &nothing;
        refusal = form->assertion
                          ? assertion_refusal(client, form->assertion, endpoint, utc_seconds(now))
                          : secret_refusal(client, form->secret);
        if (refusal)
                return refusal;
        return now.ticks >= client->expires.ticks ? &expired : NULL;
}

int service_token_entra(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct answer *answer) {
        _cleanup_(strbuf_deinit) struct strbuf endpoint = {};
        _cleanup_(form_deinit) struct form form = {};
        const struct refusal *refusal;
        const struct client *client;
        const char *token;
        bool tenant;
        int r;

        r = form_read(call, &form);
        if (r < 0)
                return r;
        strbuf_appendf(&endpoint, "%s/%s/oauth2/v2.0/token", route->origin, route->tenant);
        client = find_client(service, route->tenant, form.id, &tenant);
        refusal = form_refusal(client, tenant, &form, strbuf_str(&endpoint), now);
        if (refusal)
                return entra_error(service, now, answer, refusal->status, refusal->error,
                                   refusal->number, refusal->text);

        r = service_token_issue(service, now, client->client, &token);
        if (r < 0)
                return r;
        answer->status = 200;
        strbuf_appendf(&answer->body,
                       "{\"token_type\":\"Bearer\",\"expires_in\":%" PRId64
                       ",\"ext_expires_in\":%" PRId64 ",\"access_token\":\"%s\"}",
                       service->options.token_life_s, service->options.token_life_s, token);
        return 0;
}
