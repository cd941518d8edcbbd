/*
 * Tokens: the identity service of the machine, Entra's client credentials, and who may enter.
 *
 * A token has the look of a JSON Web Token, of which some clients read the tenant; that it is good is
 * what the model remembers of it.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* {"typ":"JWT","alg":"RS256"}, {"tid":SERVICE_TENANT,"appid":SERVICE_CLIENT}, in base64url. */
#define TOKEN_HEAD "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"
#define TOKEN_CLAIMS                                                                               \
        "eyJ0aWQiOiIyMjIyMjIyMi0yMjIyLTQyMjItODIyMi0yMjIyMjIyMjIyMjIiLCJhcHBpZCI6IjMzMzMzMzMzLTMz" \
        "MzMtNDMzMy04MzMzLTMzMzMzMzMzMzMzMyJ9"

/* Tokens that were refused as expired for an hour are then refused as unknown. */
static void tokens_drop_old(struct service *service, struct utc now) {
        size_t kept = 0;

        for (size_t i = 0; i < service->n_tokens; i++) {
                struct token *token = &service->tokens[i];

                if (token->expires.ticks < now.ticks - SEC_PER_HOUR * TICKS_PER_SEC)
                        str_wipe_free(token->value);
                else
                        service->tokens[kept++] = *token;
        }
        service->n_tokens = kept;
}

static int token_issue(struct service *service, struct utc now, const char **ret_value) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        uint64_t serial = ++service->token_serial;
        char *value;
        int r;

        tokens_drop_old(service, now);
        r = array_grow(&service->tokens, service->n_tokens, &service->tokens_capacity,
                       sizeof(*service->tokens), SERVICE_TOKENS_MAX);
        if (r < 0)
                return -ENOMEM;

        /* Longer than a line of a log, as real ones are. */
        strbuf_append_str(&text, TOKEN_HEAD "." TOKEN_CLAIMS ".");
        strbuf_appendf(&text, "sim-%08" PRIx64, serial);
        for (uint64_t i = 0; i < 16; i++)
                strbuf_appendf(&text, "%016" PRIx64,
                               sim_mix(sim_mix(~service->options.seed, serial), i));
        r = strbuf_take(&text, &value);
        if (r < 0)
                return r;

        service->tokens[service->n_tokens++] = (struct token){
                .value = value,
                .expires = utc_add_seconds(now, service->options.token_life_s),
        };
        *ret_value = value;
        return 0;
}

void service_expire_tokens(struct service *service) {
        for (size_t i = 0; i < service->n_tokens; i++)
                if (service->tokens[i].expires.ticks > service->last.ticks)
                        service->tokens[i].expires = service->last;
}

static int answer_refusal(struct service *service, struct answer *answer, const char *code,
                          const char *message) {
        _cleanup_(strbuf_deinit) struct strbuf challenge = {};

        strbuf_appendf(&challenge,
                       "Bearer authorization_uri=\"https://login.microsoftonline.com/%s\", "
                       "error=\"invalid_token\", error_description=\"%s\"",
                       service->n_clients > 0 ? service->clients[0].tenant : SERVICE_TENANT,
                       message);
        answer_error(answer, 401, "gateway", code, "%s", message);
        return strbuf_take(&challenge, &answer->www_authenticate);
}

int service_check_token(struct service *service, struct utc now, const struct service_call *call,
                        struct answer *answer) {
        const char *value = NULL;
        int r;

        if (call->headers)
                value = http_headers_get(call->headers, "Authorization");
        if (!value || !str_starts_with_nocase(value, "Bearer ")) {
                r = answer_refusal(service, answer, "InvalidAuthenticationToken",
                                   "The access token is missing.");
                return r < 0 ? r : 1;
        }
        value += strlen("Bearer ");
        for (size_t i = 0; i < service->n_tokens; i++) {
                if (strcmp(service->tokens[i].value, value) != 0)
                        continue;
                if (now.ticks < service->tokens[i].expires.ticks)
                        return 0;
                r = answer_refusal(service, answer, "ExpiredAuthenticationToken",
                                   "The access token expiry UTC time is earlier than current UTC "
                                   "time.");
                return r < 0 ? r : 1;
        }
        r = answer_refusal(service, answer, "InvalidAuthenticationToken",
                           "The access token is invalid.");
        return r < 0 ? r : 1;
}

static int imds_error(struct answer *answer, const char *error, const char *description) {
        answer->status = 400;
        strbuf_appendf(&answer->body, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error,
                       description);
        return 0;
}

int service_token_imds(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct answer *answer) {
        _cleanup_(freep) char *version = NULL, *resource = NULL, *form = NULL;
        bool posted = call->method == HTTP_POST;
        int64_t life = service->options.token_life_s, written;
        const char *metadata = NULL, *token;
        int r;

        if (call->headers)
                metadata = http_headers_get(call->headers, "Metadata");
        if (!metadata || !str_equal_nocase(metadata, "true"))
                return imds_error(answer, "bad_request_102",
                                  "Required metadata header not specified");
        form = strndup(call->body ?: "", call->body_len);
        if (!form)
                return -ENOMEM;
        r = query_get(route->query, "api-version", false, &version);
        r = r ?: query_get(posted ? form : route->query, "resource", posted, &resource);
        if (r < 0)
                return r;
        if (!version && !posted)
                return imds_error(answer, "bad_request", "Required api-version is missing");
        if (!resource || resource[0] == '\0')
                return imds_error(answer, "invalid_request",
                                  "Required audience parameter is missing");

        r = token_issue(service, now, &token);
        if (r < 0)
                return r;

        /* Numbers are strings here. */
        written = utc_seconds(service_written(service, now));
        answer->status = 200;
        strbuf_appendf(&answer->body,
                       "{\"access_token\":\"%s\",\"client_id\":\"" SERVICE_CLIENT "\","
                       "\"expires_in\":\"%" PRId64 "\",\"expires_on\":\"%" PRId64 "\","
                       "\"ext_expires_in\":\"%" PRId64 "\",\"not_before\":\"%" PRId64 "\","
                       "\"resource\":",
                       token, life, written + life, life, written - 300);
        json_append_quoted(&answer->body, resource);
        strbuf_append_str(&answer->body, ",\"token_type\":\"Bearer\"}");
        return 0;
}

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

int service_token_entra(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct answer *answer) {
        _cleanup_(freep) char *form = NULL, *grant = NULL, *id = NULL, *scope = NULL;
        _cleanup_(freep) char *secret = NULL;
        const struct client *client;
        const char *token;
        bool tenant;
        int r;

        form = strndup(call->body ?: "", call->body_len);
        if (!form)
                return -ENOMEM;
        r = query_get(form, "grant_type", true, &grant);
        r = r ?: query_get(form, "client_id", true, &id);
        r = r ?: query_get(form, "client_secret", true, &secret);
        r = r ?: query_get(form, "scope", true, &scope);
        if (r < 0)
                return r;

        client = find_client(service, route->tenant, id, &tenant);
        if (!tenant)
                return entra_error(service, now, answer, 400, "invalid_request", 90002,
                                   "Tenant not found.");
        if (!grant || strcmp(grant, "client_credentials") != 0)
                return entra_error(service, now, answer, 400, "unsupported_grant_type", 70003,
                                   "The app requested an unsupported grant type.");
        if (!client)
                return entra_error(service, now, answer, 400, "unauthorized_client", 700016,
                                   "Application was not found in the directory.");
        if (!scope || !ends_with(scope, "/.default"))
                return entra_error(service, now, answer, 400, "invalid_scope", 70011,
                                   "The provided value for the input parameter 'scope' is not "
                                   "valid.");
        if (!secret)
                return entra_error(service, now, answer, 401, "invalid_client", 7000218,
                                   "The request body must contain 'client_assertion' or "
                                   "'client_secret'.");
        if (strcmp(secret, client->secret) != 0)
                return entra_error(service, now, answer, 401, "invalid_client", 7000215,
                                   "Invalid client secret provided.");
        if (now.ticks >= client->expires.ticks)
                return entra_error(service, now, answer, 401, "invalid_client", 7000222,
                                   "The provided client secret keys for app are expired.");

        r = token_issue(service, now, &token);
        if (r < 0)
                return r;

        answer->status = 200;
        strbuf_appendf(&answer->body,
                       "{\"token_type\":\"Bearer\",\"expires_in\":%" PRId64
                       ",\"ext_expires_in\":%" PRId64 ",\"access_token\":\"%s\"}",
                       service->options.token_life_s, service->options.token_life_s, token);
        return 0;
}
