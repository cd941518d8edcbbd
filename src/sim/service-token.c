/*
 * Tokens: who there is, the identity service of the machine, its Arc agent, and who may enter. Entra is in
 * service-entra.c.
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
static void client_deinit(struct client *client) {
        free(client->tenant);
        free(client->client);
        str_wipe_free(client->secret);
        free(client->thumbprint);
        str_wipe_free(client->federated);
}

static void token_deinit(struct token *token) {
        str_wipe_free(token->value);
        free(token->client);
}

static void identity_free(struct identity *identity) {
        free(identity->client_id);
        free(identity->object_id);
        free(identity->resource_id);
        free(identity);
}

void service_free_tokens(struct service *service) {
        for (size_t i = 0; i < service->n_tokens; i++)
                token_deinit(&service->tokens[i]);
        for (size_t i = 0; i < service->n_clients; i++)
                client_deinit(&service->clients[i]);
        while (service->identities) {
                struct identity *next = service->identities->next;

                identity_free(service->identities);
                service->identities = next;
        }
        while (service->roles) {
                struct role *next = service->roles->next;

                free(service->roles->client);
                free(service->roles);
                service->roles = next;
        }
        free(service->tokens);
        free(service->clients);
        free(service->arc_path);
        str_wipe_free(service->arc_key);
}

/* Who there is. */

int service_add_client(struct service *service, const struct service_client_spec *spec) {
        struct client item = {.expires = spec->expires};
        int r;

        for (size_t i = 0; i < service->n_clients; i++)
                if (str_equal_nocase(service->clients[i].tenant, spec->tenant) &&
                    str_equal_nocase(service->clients[i].client, spec->client))
                        return SERVICE_E_EXISTS;
        r = array_grow(&service->clients, service->n_clients, &service->clients_capacity,
                       sizeof(*service->clients), SERVICE_CLIENTS_MAX);
        if (r < 0)
                return -ENOMEM;

        r = service_set_string(&item.tenant, spec->tenant);
        r = r ?: service_set_string(&item.client, spec->client);
        r = r ?: service_set_string(&item.secret, spec->secret);
        r = r ?: service_set_string(&item.thumbprint, spec->thumbprint);
        r = r ?: service_set_string(&item.federated, spec->federated);
        if (r < 0) {
                client_deinit(&item);
                return r;
        }
        service->clients[service->n_clients++] = item;
        return 0;
}

int service_forget_client(struct service *service, const char *tenant, const char *client) {
        for (size_t i = 0; i < service->n_clients; i++) {
                struct client *one = &service->clients[i];

                if (!str_equal_nocase(one->tenant, tenant) ||
                    !str_equal_nocase(one->client, client))
                        continue;
                client_deinit(one);
                *one = service->clients[--service->n_clients];
                return 0;
        }
        return SERVICE_E_MISSING;
}

int service_add_identity(struct service *service, const char *client_id, const char *object_id,
                         const char *resource_id) {
        struct identity *identity = calloc(1, sizeof(*identity));
        int r;

        if (!identity)
                return -ENOMEM;
        r = service_set_string(&identity->client_id, client_id);
        r = r ?: service_set_string(&identity->object_id, object_id);
        r = r ?: service_set_string(&identity->resource_id, resource_id);
        if (r < 0) {
                identity_free(identity);
                return r;
        }
        identity->next = service->identities;
        service->identities = identity;
        return 0;
}

int service_set_arc_key(struct service *service, const char *path, const char *key) {
        int r = service_set_string(&service->arc_path, path);

        return r ?: service_set_string(&service->arc_key, key);
}

static struct role *find_role(const struct service *service, const char *client) {
        struct role *role = service->roles;

        while (role && !str_equal_nocase(role->client, client))
                role = role->next;
        return role;
}

int service_set_role(struct service *service, const char *client, enum service_role value) {
        struct role *role = find_role(service, client);

        if (!role) {
                role = calloc(1, sizeof(*role));
                if (!role || service_set_string(&role->client, client) < 0) {
                        free(role);
                        return -ENOMEM;
                }
                role->next = service->roles;
                service->roles = role;
        }
        role->role = value;
        return 0;
}

/* Tokens. */

/* Tokens that were refused as expired for an hour are then refused as unknown. */
static void tokens_drop_old(struct service *service, struct utc now) {
        size_t kept = 0;

        for (size_t i = 0; i < service->n_tokens; i++) {
                struct token *token = &service->tokens[i];

                if (token->expires.ticks < now.ticks - SEC_PER_HOUR * TICKS_PER_SEC)
                        token_deinit(token);
                else
                        service->tokens[kept++] = *token;
        }
        service->n_tokens = kept;
}

int service_token_issue(struct service *service, struct utc now, const char *client,
                        const char **ret_value) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        _cleanup_(freep) char *owner = strdup(client);
        uint64_t serial = ++service->token_serial;
        char *value;
        int r;

        if (!owner)
                return -ENOMEM;

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
                .client = take_ptr(owner),
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
                const struct role *role = find_role(service, service->tokens[i].client);

                if (strcmp(service->tokens[i].value, value) != 0)
                        continue;
                answer->client = service->tokens[i].client;
                answer->role = role ? role->role : SERVICE_ROLE_ALL;
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

/* Which of the machine's identities the parameters name: its client id, or NULL when it has none such. */
static int find_identity(const struct service *service, const char *parameters, bool form,
                         const char **ret_client) {
        _cleanup_(freep) char *client_id = NULL, *object_id = NULL, *resource_id = NULL;
        const struct identity *identity = service->identities;
        int r;

        r = query_get(parameters, "client_id", form, &client_id);
        r = r ?: query_get(parameters, "object_id", form, &object_id);
        r = r ?: query_get(parameters, "msi_res_id", form, &resource_id);
        if (r < 0)
                return r;

        *ret_client = SERVICE_CLIENT;
        if (!client_id && !object_id && !resource_id)
                return 0;
        while (identity &&
               !(client_id && identity->client_id &&
                 str_equal_nocase(client_id, identity->client_id)) &&
               !(object_id && identity->object_id &&
                 str_equal_nocase(object_id, identity->object_id)) &&
               !(resource_id && identity->resource_id &&
                 str_equal_nocase(resource_id, identity->resource_id)))
                identity = identity->next;
        if (identity)
                *ret_client = identity->client_id ?: SERVICE_CLIENT;
        else if (!client_id || !str_equal_nocase(client_id, SERVICE_CLIENT))
                *ret_client = NULL;
        return 0;
}

/* The Arc agent has api-versions of its own. */
static bool is_for_arc(const struct service *service, const char *version) {
        return service->arc_key &&
               (strcmp(version, "2019-11-01") == 0 || strcmp(version, "2020-06-01") == 0);
}

/* Whether it was shown the key of its challenge; 401 is answered otherwise. */
static int arc_admits(struct service *service, const struct service_call *call,
                      struct answer *answer, bool *ret_admits) {
        const char *value = http_headers_get(call->headers, "Authorization");
        _cleanup_(strbuf_deinit) struct strbuf challenge = {};

        *ret_admits = value && str_starts_with(value, "Basic ") &&
                      strcmp(value + strlen("Basic "), service->arc_key) == 0;
        if (*ret_admits)
                return 0;
        answer->status = 401;
        strbuf_appendf(&challenge, "Basic realm=%s", service->arc_path);
        return strbuf_take(&challenge, &answer->www_authenticate);
}

int service_token_imds(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct answer *answer) {
        _cleanup_(freep) char *version = NULL, *resource = NULL, *form = NULL;
        bool posted = call->method == HTTP_POST;
        int64_t life = service->options.token_life_s, written;
        const char *metadata = NULL, *token, *client;
        bool admits = true;
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

        if (version && is_for_arc(service, version)) {
                r = arc_admits(service, call, answer, &admits);
                if (r < 0 || !admits)
                        return r;
        }
        r = find_identity(service, posted ? form : route->query, posted, &client);
        if (r < 0)
                return r;
        if (!client)
                return imds_error(answer, "invalid_request", "Identity not found");
        r = service_token_issue(service, now, client, &token);
        if (r < 0)
                return r;

        /* Numbers are strings here. */
        written = utc_seconds(service_written(service, now));
        answer->status = 200;
        strbuf_appendf(&answer->body,
                       "{\"access_token\":\"%s\",\"client_id\":\"%s\","
                       "\"expires_in\":\"%" PRId64 "\",\"expires_on\":\"%" PRId64 "\","
                       "\"ext_expires_in\":\"%" PRId64 "\",\"not_before\":\"%" PRId64 "\","
                       "\"resource\":",
                       token, client, life, written + life, life, written - 300);
        json_append_quoted(&answer->body, resource);
        strbuf_append_str(&answer->body, ",\"token_type\":\"Bearer\"}");
        return 0;
}
