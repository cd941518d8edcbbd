/*
 * What clients ask before they know anything: Entra's OpenID configuration, ARM's own endpoints, the
 * subscriptions and tenants there are.
 */
#include "sim/service-private.h"

#include <string.h>

/* The members that Microsoft's clients read, and the two that OpenID demands besides. */
static int answer_openid(const struct route *route, struct answer *answer) {
        struct strbuf *body = &answer->body;

        answer->status = 200;
        strbuf_appendf(body, "{\"issuer\":\"%s/", route->origin);
        strbuf_appendf(body, "%s/v2.0\",", route->tenant);
        strbuf_appendf(body, "\"token_endpoint\":\"%s/", route->origin);
        strbuf_appendf(body, "%s/oauth2/v2.0/token\",", route->tenant);
        strbuf_appendf(body, "\"authorization_endpoint\":\"%s/", route->origin);
        strbuf_appendf(body, "%s/oauth2/v2.0/authorize\",", route->tenant);
        strbuf_appendf(body, "\"jwks_uri\":\"%s/", route->origin);
        strbuf_appendf(body, "%s/discovery/v2.0/keys\",", route->tenant);
        strbuf_append_str(body, "\"token_endpoint_auth_methods_supported\":"
                                "[\"client_secret_post\",\"private_key_jwt\"],"
                                "\"response_types_supported\":[\"code\"],"
                                "\"subject_types_supported\":[\"pairwise\"],"
                                "\"id_token_signing_alg_values_supported\":[\"RS256\"]}");
        return 0;
}

/* As api-version 2022-09-01 has it: one cloud, which is this service. */
static int answer_endpoints(const struct route *route, struct answer *answer) {
        struct strbuf *body = &answer->body;
        const char *origin = route->origin;

        answer->status = 200;
        strbuf_appendf(body, "{\"name\":\"AzureSim\",\"resourceManager\":\"%s/\",", origin);
        strbuf_appendf(body, "\"authentication\":{\"loginEndpoint\":\"%s/\",", origin);
        strbuf_appendf(body, "\"audiences\":[\"%s/\"],\"tenant\":\"common\",", origin);
        strbuf_append_str(body, "\"identityProvider\":\"AAD\"},\"suffixes\":{}}");
        return 0;
}

int service_discover(const struct route *route, struct answer *answer) {
        return route->tenant ? answer_openid(route, answer) : answer_endpoints(route, answer);
}

void sim_json_subscription(struct strbuf *out, const struct subscription *subscription) {
        strbuf_appendf(out, "{\"id\":\"/subscriptions/%s\",", subscription->id);
        strbuf_appendf(out, "\"subscriptionId\":\"%s\",", subscription->id);
        strbuf_appendf(out, "\"tenantId\":\"" SERVICE_TENANT "\",\"displayName\":\"%s\",",
                       subscription->id);
        strbuf_append_str(out, "\"state\":\"Enabled\"}");
}

int service_list_subscriptions(const struct service *service, struct answer *answer) {
        const char *comma = "";

        answer->status = 200;
        strbuf_append_str(&answer->body, "{\"value\":[");
        for (const struct subscription *s = service->subscriptions; s; s = s->next) {
                if (s->forbidden || service_rights_in(s, NULL) == SERVICE_RIGHTS_NONE)
                        continue;
                strbuf_append_str(&answer->body, comma);
                sim_json_subscription(&answer->body, s);
                comma = ",";
        }
        strbuf_append_str(&answer->body, "]}");
        return 0;
}

int service_list_tenants(struct answer *answer) {
        answer->status = 200;
        strbuf_append_str(&answer->body, "{\"value\":[{\"id\":\"/tenants/" SERVICE_TENANT "\","
                                         "\"tenantId\":\"" SERVICE_TENANT "\"}]}");
        return 0;
}
