#include "azure/token_requests.h"

#include "azure/json.h"
#include "azure/request.h"
#include "azure/url.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <string.h>

struct http_request *arm_get_endpoints(const struct policy_cloud *cloud) {
        struct strbuf url = {};

        strbuf_append_str(&url, cloud->arm);
        strbuf_append_str(&url, "/metadata/endpoints?api-version=" ARM_METADATA_VERSION);
        return request_new(HTTP_GET, &url, REQUEST_SINGLE);
}

/* To this machine, or to the link-local address that only its host answers. */
static struct http_request *local_request(struct strbuf *url) {
        _cleanup_(http_request_freep) struct http_request *request =
                request_new(HTTP_GET, url, REQUEST_SINGLE);

        if (!request)
                return NULL;
        request->direct = true;
        request->body_max = TOKEN_REPLY_MAX;
        if (http_headers_add_str(&request->headers, "Metadata", "true") < 0)
                return NULL;
        return take_ptr(request);
}

/* One of them is needed where the machine has several (FACTS section 8, "IMDS"). */
static void append_which(struct strbuf *url, const struct policy_identity *identity) {
        const struct {
                const char *name, *value;
        } parameters[] = {
                {"client_id", identity->client_id},
                {"object_id", identity->object_id},
                {"msi_res_id", identity->resource_id},
        };

        for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
                if (!parameters[i].value)
                        continue;
                strbuf_appendf(url, "&%s=", parameters[i].name);
                url_append_encoded(url, parameters[i].value, /* path= */ false);
        }
}

struct http_request *token_request_managed(const struct policy_cloud *cloud,
                                           const struct authority *authority,
                                           const struct policy_identity *identity) {
        struct strbuf url = {};

        strbuf_append_str(&url, cloud->imds);
        strbuf_append_str(&url, "/metadata/identity/oauth2/token?api-version=" IMDS_TOKEN_VERSION
                                "&resource=");
        url_append_encoded(&url, authority->resource, /* path= */ false);
        append_which(&url, identity);
        return local_request(&url);
}

/* "Basic KEY", in memory that is wiped. */
static int add_key(struct http_headers *headers, const char *key) {
        char *value;
        int r;

        value = malloc(strlen("Basic ") + strlen(key) + 1);
        if (!value)
                return -ENOMEM;
        strcpy(stpcpy(value, "Basic "), key);
        r = http_headers_add_str(headers, "Authorization", value);
        str_wipe_free(value);
        return r;
}

struct http_request *token_request_arc(const char *endpoint, const struct authority *authority,
                                       const char *key) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        struct strbuf url = {};

        strbuf_append_str(&url, endpoint);
        strbuf_append_str(&url, "?api-version=" ARC_TOKEN_VERSION "&resource=");
        url_append_encoded(&url, authority->resource, /* path= */ false);
        request = local_request(&url);
        if (!request || (key && add_key(&request->headers, key) < 0))
                return NULL;
        return take_ptr(request);
}

/* Names and values of a form one after another, values to be encoded; a NULL name ends it. Written
 * once into memory of its final size: a string that grows leaves copies behind. */
static int set_form(struct http_request *request, const char *const *fields) {
        size_t size = 1;
        char *body, *at;

        for (size_t i = 0; fields[i]; i += 2)
                size += strlen(fields[i]) + 2 + 3 * strlen(fields[i + 1]);
        at = body = malloc(size);
        if (!body)
                return -ENOMEM;

        for (size_t i = 0; fields[i]; i += 2) {
                if (i > 0)
                        *at++ = '&';
                at = stpcpy(at, fields[i]);
                *at++ = '=';
                at += url_encode(fields[i + 1], at);
        }
        request->body = body;
        request->body_len = (size_t)(at - body);
        return http_headers_add_str(&request->headers, "Content-Type",
                                    "application/x-www-form-urlencoded");
}

static void append_endpoint(struct strbuf *url, const struct authority *authority,
                            const char *tenant) {
        strbuf_append_str(url, authority->login);
        strbuf_append_char(url, '/');
        url_append_encoded(url, tenant, /* path= */ false);
        strbuf_append_str(url, "/oauth2/v2.0/token");
}

int token_endpoint(const struct authority *authority, const char *tenant, char **ret_url) {
        struct strbuf url = {};

        append_endpoint(&url, authority, tenant);
        return strbuf_take(&url, ret_url);
}

static struct http_request *form_request(const struct authority *authority, const char *tenant,
                                         const char *const *fields) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        struct strbuf url = {};

        append_endpoint(&url, authority, tenant);
        request = request_new(HTTP_POST, &url, REQUEST_SINGLE);
        if (!request)
                return NULL;
        request->body_max = TOKEN_REPLY_MAX;
        if (set_form(request, fields) < 0)
                return NULL;
        return take_ptr(request);
}

struct http_request *token_request_secret(const struct authority *authority, const char *tenant,
                                          const char *client, const char *secret) {
        const char *fields[] = {
                "grant_type", "client_credentials", "client_id", client, "client_secret", secret,
                "scope",      authority->scope,     NULL,
        };

        return form_request(authority, tenant, fields);
}

struct http_request *token_request_assertion(const struct authority *authority, const char *tenant,
                                             const char *client, const char *assertion) {
        const char *fields[] = {
                "grant_type",
                "client_credentials",
                "client_id",
                client,
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion",
                assertion,
                "scope",
                authority->scope,
                NULL,
        };

        return form_request(authority, tenant, fields);
}

int arc_challenge_parse(const struct http_reply *reply, const char **ret_name, size_t *ret_len) {
        static const char basic[] = "Basic realm=", directory[] = SECRETS_ARC_DIRECTORY "/";
        const char *value = http_headers_get(&reply->headers, "WWW-Authenticate"), *name;
        size_t len, len_ending = strlen(SECRETS_ARC_ENDING);

        if (reply->status != 401 || !value || !str_starts_with_nocase(value, basic))
                return ARC_E_CHALLENGE;
        value += strlen(basic);
        len = strlen(value);
        if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
                value++;
                len -= 2;
        }

        if (len < strlen(directory) || memcmp(value, directory, strlen(directory)) != 0)
                return ARC_E_PATH;
        name = value + strlen(directory);
        len -= strlen(directory);
        if (len <= len_ending || name[0] == '.' || memchr(name, '/', len) ||
            memcmp(name + len - len_ending, SECRETS_ARC_ENDING, len_ending) != 0)
                return ARC_E_PATH;
        *ret_name = name;
        *ret_len = len;
        return 0;
}

bool arc_endpoint_is_valid(const char *url) {
        static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
        struct url_origin origin;

        if (!url_origin_parse(url, &origin) || origin.https || strpbrk(url, "?#"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
                if (origin.host_len == strlen(hosts[i]) &&
                    memcmp(origin.host, hosts[i], origin.host_len) == 0)
                        return true;
        return false;
}

bool token_text_is_valid(const char *text) {
        if (text[0] == '\0')
                return false;
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}
