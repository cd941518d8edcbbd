#include "engine/principal.h"

#include "azure/jwt.h"
#include "azure/url.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The names of Microsoft's SDKs (FACTS section 8, "Env names" and "Arc"). */
#define TENANT "AZURE_TENANT_ID"
#define CLIENT "AZURE_CLIENT_ID"
#define SECRET "AZURE_CLIENT_SECRET"
#define CERTIFICATE "AZURE_CLIENT_CERTIFICATE_PATH"
#define PASSPHRASE "AZURE_CLIENT_CERTIFICATE_PASSWORD"
#define FEDERATED "AZURE_FEDERATED_TOKEN_FILE"
#define AUTHORITY "AZURE_AUTHORITY_HOST"
#define IDENTITY_ENDPOINT "IDENTITY_ENDPOINT"
#define IMDS_ENDPOINT "IMDS_ENDPOINT"
#define ARC_PATH "/metadata/identity/oauth2/token"

/* Describes what an operator must mend; always -EINVAL. */
_printf_(3, 4) static int wrong(struct arm_error *reterr, const char *code, const char *format,
                                ...) {
        va_list ap;

        *reterr = (struct arm_error){.class = ARM_INVALID, .retry_after_ns = -1};
        snprintf(reterr->code, sizeof(reterr->code), "%s", code);
        va_start(ap, format);
        vsnprintf(reterr->message, sizeof(reterr->message), format, ap);
        va_end(ap);
        return -EINVAL;
}

/* The variable's value, or NULL in *ret_value when it is not there. */
static int variable(const struct services *services, const char *name, char **ret_value) {
        int r = secrets_read(services->secrets, SECRETS_VARIABLE, name, ret_value);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                *ret_value = NULL;
        return 0;
}

/* Whether it is there, without keeping what may be a secret. */
static int has_variable(const struct services *services, const char *name, bool *ret_has) {
        char *value = NULL;
        int r = variable(services, name, &value);

        *ret_has = value != NULL;
        str_wipe_free(value);
        return r;
}

static int copy(const char *text, char **ret_copy) {
        if (!text)
                return 0;
        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

static int need(const struct services *services, const char *name, const char *for_what,
                char **ret_value, struct arm_error *reterr) {
        int r = variable(services, name, ret_value);

        if (r < 0 || *ret_value)
                return r;
        return wrong(reterr, "NoVariable",
                     "%s needs the variable %s in the environment of the service, which is not "
                     "there; see Environment= in systemd.exec(5)",
                     for_what, name);
}

/* The environment may say where tokens come from, but not to whom secrets go. */
static int check_authority(const struct services *services, const struct authority *authority,
                           struct arm_error *reterr) {
        _cleanup_(freep) char *host = NULL;
        struct url_origin ours, theirs;
        int r = variable(services, AUTHORITY, &host);

        if (r < 0 || !host)
                return r;
        if (url_origin_parse(authority->login, &ours) && url_origin_parse(host, &theirs) &&
            url_origin_equal(&ours, &theirs))
                return 0;
        return wrong(reterr, "OtherAuthority",
                     AUTHORITY " names another host than %s, to which secrets go by azure.cloud of "
                               "the policy; take it out of the environment, or set azure.cloud",
                     authority->login);
}

static int init_arc(const struct services *services, struct principal *p,
                    struct arm_error *reterr) {
        _cleanup_(freep) char *base = NULL;
        int r;

        r = variable(services, IDENTITY_ENDPOINT, &p->endpoint);
        if (r == 0 && !p->endpoint)
                r = variable(services, IMDS_ENDPOINT, &base);
        if (r < 0)
                return r;
        if (base) {
                size_t len = strlen(base);

                if (len > 0 && base[len - 1] == '/')
                        base[len - 1] = '\0';
                if (asprintf(&p->endpoint, "%s" ARC_PATH, base) < 0)
                        p->endpoint = NULL;
        } else if (!p->endpoint)
                p->endpoint = strdup(ARC_ENDPOINT_DEFAULT);
        if (!p->endpoint)
                return -ENOMEM;
        if (!arc_endpoint_is_valid(p->endpoint))
                return wrong(reterr, "OtherAgent",
                             "the variable %s does not name the Arc agent of this machine, which "
                             "listens on http:// and a loopback address",
                             base ? IMDS_ENDPOINT : IDENTITY_ENDPOINT);
        return 0;
}

/* What an application of the environment needs beside its secret. */
static int init_application(const struct services *services, const struct authority *authority,
                            const char *for_what, struct principal *p, struct arm_error *reterr) {
        int r;

        r = need(services, TENANT, for_what, &p->which.tenant, reterr);
        r = r ?: need(services, CLIENT, for_what, &p->which.client_id, reterr);
        return r ?: check_authority(services, authority, reterr);
}

static int init_workload(const struct services *services, const struct authority *authority,
                         struct principal *p, struct arm_error *reterr) {
        int r;

        p->kind = IDENTITY_WORKLOAD;
        p->source = SECRETS_FILE;
        r = need(services, FEDERATED, "workload identity", &p->where, reterr);
        return r ?: init_application(services, authority, "workload identity", p, reterr);
}

static int init_environment(const struct services *services, const struct authority *authority,
                            struct principal *p, struct arm_error *reterr) {
        bool secret, certificate, federated, arc, imds;
        int r;

        r = has_variable(services, SECRET, &secret);
        r = r ?: has_variable(services, CERTIFICATE, &certificate);
        r = r ?: has_variable(services, FEDERATED, &federated);
        r = r ?: has_variable(services, IDENTITY_ENDPOINT, &arc);
        r = r ?: has_variable(services, IMDS_ENDPOINT, &imds);
        if (r < 0)
                return r;

        if (secret) {
                p->kind = IDENTITY_SECRET;
                p->source = SECRETS_VARIABLE;
                r = copy(SECRET, &p->where);
                return r ?: init_application(services, authority, SECRET, p, reterr);
        }
        if (certificate) {
                p->kind = IDENTITY_CERTIFICATE;
                p->source = SECRETS_FILE;
                r = has_variable(services, PASSPHRASE, &p->has_passphrase);
                r = r ?: variable(services, CERTIFICATE, &p->where);
                return r ?: init_application(services, authority, CERTIFICATE, p, reterr);
        }
        if (federated)
                return init_workload(services, authority, p, reterr);
        if (arc && imds) {
                p->kind = IDENTITY_ARC;
                return init_arc(services, p, reterr);
        }
        p->kind = IDENTITY_MANAGED;
        return variable(services, CLIENT, &p->which.client_id);
}

static int init_named(const struct policy_identity *identity, struct principal *p) {
        int r;

        p->source = SECRETS_CREDENTIAL;
        r = copy(identity->client_id, &p->which.client_id);
        r = r ?: copy(identity->object_id, &p->which.object_id);
        r = r ?: copy(identity->resource_id, &p->which.resource_id);
        r = r ?: copy(identity->tenant, &p->which.tenant);
        return r ?: copy(identity->credential, &p->where);
}

static int init(const struct services *services, const struct policy_identity *identity,
                const struct authority *authority, struct principal *p, struct arm_error *reterr) {
        p->kind = identity->kind;
        switch (identity->kind) {
        case IDENTITY_MANAGED:
        case IDENTITY_SECRET:
        case IDENTITY_CERTIFICATE:
                return init_named(identity, p);
        case IDENTITY_ARC:
                return init_arc(services, p, reterr);
        case IDENTITY_WORKLOAD:
                return init_workload(services, authority, p, reterr);
        case IDENTITY_ENVIRONMENT:
                return init_environment(services, authority, p, reterr);
        }
        assert(!"an identity beyond the enum");
        return -EINVAL;
}

int principal_init(const struct services *services, const struct policy_identity *identity,
                   const struct authority *authority, struct principal *ret_principal,
                   struct arm_error *reterr) {
        struct principal p = {};
        int r = init(services, identity, authority, &p, reterr);

        if (r < 0) {
                principal_deinit(&p);
                return r;
        }
        *ret_principal = p;
        return 0;
}

void principal_deinit(struct principal *principal) {
        free(principal->which.client_id);
        free(principal->which.object_id);
        free(principal->which.resource_id);
        free(principal->which.tenant);
        free(principal->where);
        free(principal->endpoint);
        *principal = (struct principal){};
}

/* "the systemd credential \"azure-secret\"" */
static void append_source(const struct principal *p, struct strbuf *out) {
        switch (p->source) {
        case SECRETS_CREDENTIAL:
                strbuf_appendf(out, "the systemd credential \"%s\"", p->where);
                return;
        case SECRETS_VARIABLE:
                strbuf_appendf(out, "the variable %s", p->where);
                return;
        case SECRETS_FILE:
                strbuf_appendf(out, "the file %s", p->where);
                return;
        case SECRETS_ARC_KEY:
                break;
        }
        assert(!"the agent's keys are asked for by the agent");
}

/* Reads the secret. What is wrong with it is said without it. */
static int read_source(const struct principal *p, const struct services *services, char **ret_text,
                       struct arm_error *reterr) {
        _cleanup_(strbuf_deinit) struct strbuf name = {};
        int r = secrets_read(services->secrets, p->source, p->where, ret_text);

        if (r == 0 || r == -ENOMEM)
                return r;
        append_source(p, &name);
        return wrong(reterr, strerrorname_np(-r) ?: "Error", "%s cannot be read: %s%s",
                     strbuf_str(&name), strerrordesc_np(-r),
                     p->source == SECRETS_CREDENTIAL ? "; see LoadCredential= in systemd.exec(5)"
                                                     : "");
}

static int request_by_text(const struct principal *p, const struct services *services,
                           const struct authority *authority, struct http_request **ret_request,
                           struct arm_error *reterr) {
        _cleanup_(strbuf_deinit) struct strbuf name = {};
        char *text;
        int r = read_source(p, services, &text, reterr);

        if (r < 0)
                return r;
        if (p->kind == IDENTITY_WORKLOAD && !token_text_is_valid(text)) {
                append_source(p, &name);
                r = wrong(reterr, "NoToken", "%s holds no token", strbuf_str(&name));
        } else if (p->kind == IDENTITY_WORKLOAD)
                *ret_request = token_request_assertion(authority, p->which.tenant,
                                                       p->which.client_id, text);
        else
                *ret_request =
                        token_request_secret(authority, p->which.tenant, p->which.client_id, text);
        str_wipe_free(text);
        return r;
}

static int make_assertion(const struct principal *p, const struct services *services,
                          const char *audience, char **ret_jwt, struct arm_error *reterr) {
        _cleanup_(strbuf_deinit) struct strbuf name = {};
        char *pem = NULL, *passphrase = NULL;
        struct jwt_claims claims = {
                .audience = audience,
                .client = p->which.client_id,
                .now = clock_utc(services->clock),
        };
        uint64_t high, low;
        int r;

        r = read_source(p, services, &pem, reterr);
        if (r == 0 && p->has_passphrase)
                r = variable(services, PASSPHRASE, &passphrase);
        if (r == 0) {
                /* In two statements: the order in which arguments are worked out is the compiler's. */
                high = random_u64(services->random, RANDOM_JWT_ID);
                low = random_u64(services->random, RANDOM_JWT_ID);
                claims.id = guid_from_random(high, low);
                r = jwt_sign(pem, passphrase, &claims, ret_jwt);
        }
        str_wipe_free(pem);
        str_wipe_free(passphrase);
        if (r <= 0)
                return r;
        append_source(p, &name);
        return wrong(reterr, "NoAssertion", "%s %s", strbuf_str(&name), jwt_problem(r));
}

static int request_by_certificate(const struct principal *p, const struct services *services,
                                  const struct authority *authority,
                                  struct http_request **ret_request, struct arm_error *reterr) {
        _cleanup_(freep) char *audience = NULL;
        char *jwt = NULL;
        int r;

        r = token_endpoint(authority, p->which.tenant, &audience);
        r = r ?: make_assertion(p, services, audience, &jwt, reterr);
        if (r < 0)
                return r;
        *ret_request = token_request_assertion(authority, p->which.tenant, p->which.client_id, jwt);
        str_wipe_free(jwt);
        return 0;
}

static int request_of_arc(const struct principal *p, const struct services *services,
                          const struct authority *authority, const char *arc_key,
                          struct http_request **ret_request, struct arm_error *reterr) {
        char *key = NULL;
        int r = 0;

        if (arc_key)
                r = secrets_read(services->secrets, SECRETS_ARC_KEY, arc_key, &key);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return wrong(reterr, strerrorname_np(-r) ?: "Error",
                             "the Arc agent's key " SECRETS_ARC_DIRECTORY "/%s cannot be read: %s; "
                             "the service must be in the group himds",
                             arc_key, strerrordesc_np(-r));
        if (key && !token_text_is_valid(key))
                r = wrong(reterr, "NoKey", SECRETS_ARC_DIRECTORY "/%s holds no key", arc_key);
        else
                *ret_request = token_request_arc(p->endpoint, authority, key);
        str_wipe_free(key);
        return r;
}

int principal_request(const struct principal *principal, const struct services *services,
                      const struct policy_cloud *cloud, const struct authority *authority,
                      const char *arc_key, struct http_request **ret_request,
                      struct arm_error *reterr) {
        struct http_request *request = NULL;
        int r = 0;

        switch (principal->kind) {
        case IDENTITY_MANAGED:
                request = token_request_managed(cloud, authority, &principal->which);
                break;
        case IDENTITY_ARC:
                r = request_of_arc(principal, services, authority, arc_key, &request, reterr);
                break;
        case IDENTITY_WORKLOAD:
        case IDENTITY_SECRET:
                r = request_by_text(principal, services, authority, &request, reterr);
                break;
        case IDENTITY_CERTIFICATE:
                r = request_by_certificate(principal, services, authority, &request, reterr);
                break;
        case IDENTITY_ENVIRONMENT:
                assert(!"the environment is worked out before");
                return -EINVAL;
        }
        if (r < 0)
                return r;
        if (!request)
                return -ENOMEM;
        *ret_request = request;
        return 0;
}

/* An assertion of ours is not kept, and looks like a token, which no error's text may hold anyway
 * (azure/text.h); so does a federated token, and is looked for all the same. */
void principal_withhold(const struct principal *principal, const struct services *services,
                        const char *arc_key, struct arm_error *error) {
        enum secrets_kind source = principal->source;
        const char *where = principal->where;
        char *secret = NULL;

        if (principal->kind == IDENTITY_ARC) {
                source = SECRETS_ARC_KEY;
                where = arc_key;
        }
        if (!where || principal->kind == IDENTITY_CERTIFICATE ||
            secrets_read(services->secrets, source, where, &secret) < 0)
                return;
        arm_error_withhold(error, secret);
        str_wipe_free(secret);
}

void principal_describe(const struct principal *p, const struct policy_cloud *cloud,
                        struct strbuf *out) {
        switch (p->kind) {
        case IDENTITY_MANAGED:
                strbuf_appendf(out, "the identity service at %s", cloud->imds);
                if (p->which.client_id || p->which.object_id || p->which.resource_id)
                        strbuf_appendf(out, " for %s",
                                       p->which.client_id   ?: p->which.object_id
                                                            ?: p->which.resource_id);
                return;
        case IDENTITY_ARC:
                strbuf_appendf(out, "the Arc agent at %s", p->endpoint);
                return;
        case IDENTITY_WORKLOAD:
        case IDENTITY_SECRET:
        case IDENTITY_CERTIFICATE:
        case IDENTITY_ENVIRONMENT:
                break;
        }
        strbuf_appendf(out, "the client %s of tenant %s", p->which.client_id, p->which.tenant);
}

void principal_advise(const struct principal *p, struct strbuf *out) {
        switch (p->kind) {
        case IDENTITY_MANAGED:
                strbuf_append_str(out, "; does this machine have the identity of azure.identity?");
                return;
        case IDENTITY_ARC:
                strbuf_append_str(out, "; is this machine connected to Azure Arc?");
                return;
        case IDENTITY_WORKLOAD:
                strbuf_append_str(out, "; does the application trust issuer, subject and audience "
                                       "of the token in ");
                append_source(p, out);
                strbuf_append_char(out, '?');
                return;
        case IDENTITY_SECRET:
                strbuf_append_str(out, "; is the secret in ");
                append_source(p, out);
                strbuf_append_str(out, " right and not expired?");
                return;
        case IDENTITY_CERTIFICATE:
                strbuf_append_str(out, "; does the application have the certificate in ");
                append_source(p, out);
                strbuf_append_char(out, '?');
                return;
        case IDENTITY_ENVIRONMENT:
                break;
        }
        assert(!"the environment is worked out before");
}
