#include "sim/faults.h"

#include "base/array.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/* Chosen: more rules than anybody would write by hand. */
#define RULES_MAX 1000

struct fault_kind {
        const char *name;
        enum fault_effect effect;
        int status;
        const char *code;
        int64_t retry_after_s; /* below 0 for none */
        const char *body;      /* of odd shapes; NULL: as the service writes errors */
};

#define HTML                                                                                       \
        "<!DOCTYPE html><html><body><h2>Our services aren't available right "                      \
        "now</h2></body></html>"
#define BARE_429                                                                                   \
        "{\"code\":\"OperationNotAllowed\",\"message\":\"The server rejected the request because " \
        "too many requests have been received for this subscription.\",\"details\":[{\"code\":"    \
        "\"TooManyRequests\",\"target\":\"HighCostGet3Min\",\"message\":\"{\\\"operationGroup\\\"" \
        ":\\\"HighCostGet3Min\\\"}\"}]}"

/* FACTS section 3: every row of "Classification", and the shapes of "Error shape". What is said of a
 * customer's key is by people's reports. */
static const struct fault_kind kinds[] = {
        {"unauthorized", FAULT_REPLY, 401, "InvalidAuthenticationToken", -1, NULL},
        {"token-expired", FAULT_REPLY, 401, "ExpiredAuthenticationToken", -1, NULL},
        {"forbidden", FAULT_REPLY, 403, "AuthorizationFailed", -1, NULL},
        {"linked-forbidden", FAULT_REPLY, 403, "LinkedAuthorizationFailed", -1, NULL},
        {"key-disabled", FAULT_REPLY, 400, "KeyVaultKeyNotEnabled", -1, NULL},
        {"key-forbidden", FAULT_REPLY, 400, "KeyVaultAccessForbidden", -1, NULL},
        {"policy", FAULT_REPLY, 403, "RequestDisallowedByPolicy", -1, NULL},
        {"not-found", FAULT_REPLY, 404, "ResourceNotFound", -1, NULL},
        {"group-not-found", FAULT_REPLY, 404, "ResourceGroupNotFound", -1, NULL},
        {"disk-not-found", FAULT_REPLY, 404, "DiskNotFound", -1, NULL},
        {"subscription-not-found", FAULT_REPLY, 404, "SubscriptionNotFound", -1, NULL},
        {"bad-request", FAULT_REPLY, 400, "BadRequest", -1, NULL},
        {"invalid-parameter", FAULT_REPLY, 400, "InvalidParameter", -1, NULL},
        {"invalid-content", FAULT_REPLY, 400, "InvalidRequestContent", -1, NULL},
        {"no-location", FAULT_REPLY, 400, "LocationRequired", -1, NULL},
        {"no-provider", FAULT_REPLY, 400, "NoRegisteredProviderFound", -1, NULL},
        {"linked-id", FAULT_REPLY, 400, "LinkedInvalidPropertyId", -1, NULL},
        {"not-registered", FAULT_REPLY, 409, "MissingSubscriptionRegistration", -1, NULL},
        {"locked", FAULT_REPLY, 409, "ScopeLocked", -1, NULL},
        {"conflict", FAULT_REPLY, 409, "Conflict", -1, NULL},
        {"busy", FAULT_REPLY, 409, "AnotherOperationInProgress", -1, NULL},
        {"group-going", FAULT_REPLY, 409, "ResourceGroupBeingDeleted", -1, NULL},
        {"user-input", FAULT_REPLY, 409, "ConflictingUserInput", -1, NULL},
        {"not-allowed", FAULT_REPLY, 409, "OperationNotAllowed", -1, NULL},
        {"full", FAULT_REPLY, 409, "SnapshotsLimitReached", -1, NULL},
        {"quota", FAULT_REPLY, 409, "QuotaExceeded", -1, NULL},
        {"resource-quota", FAULT_REPLY, 409, "ResourceQuotaExceeded", -1, NULL},
        {"throttled", FAULT_REPLY, 429, "TooManyRequests", 2, NULL},
        {"throttled-by-arm", FAULT_REPLY, 429, "SubscriptionRequestsThrottled", 2, NULL},
        {"throttled-resource", FAULT_REPLY, 429, "ResourceRequestsThrottled", 2, NULL},
        {"throttled-silently", FAULT_REPLY, 429, "TooManyRequests", -1, NULL},
        {"retryable", FAULT_REPLY, 429, "RetryableError", 2, NULL},
        {"retryable-other", FAULT_REPLY, 429, "RetryableErrorDueToAnotherOperation", 2, NULL},
        {"timeout", FAULT_REPLY, 408, "RequestTimeout", -1, NULL},
        {"internal", FAULT_REPLY, 500, "InternalServerError", -1, NULL},
        {"internal-after", FAULT_REPLY_AFTER, 500, "InternalServerError", -1, NULL},
        {"bad-gateway", FAULT_REPLY, 502, "BadGatewayConnection", -1, NULL},
        {"unavailable", FAULT_REPLY, 503, "ServiceUnavailable", 2, NULL},
        {"server-timeout", FAULT_REPLY, 503, "ServerTimeout", -1, NULL},
        {"gateway-timeout", FAULT_REPLY, 504, "GatewayTimeout", -1, NULL},
        /* Shapes that nobody documents and somebody has seen. */
        {"bare-429", FAULT_REPLY, 429, "", 2, BARE_429},
        {"capitals", FAULT_REPLY, 400, "", -1, "{\"Code\":\"BadRequest\",\"Message\":\"no\"}"},
        {"error-code", FAULT_REPLY, 400, "", -1,
         "{\"ErrorCode\":\"BadRequest\",\"Message\":\"no\"}"},
        {"numeric-code", FAULT_REPLY, 429, "", 2,
         "{\"error\":{\"code\":\"429\",\"message\":\"no\"}}"},
        {"no-message", FAULT_REPLY, 500, "", -1, "{\"error\":{\"code\":\"InternalServerError\"}}"},
        {"html", FAULT_REPLY, 503, "", -1, HTML},
        {"html-404", FAULT_REPLY, 404, "", -1, HTML},
        {"empty", FAULT_REPLY, 503, "", -1, ""},
        {"odd-empty", FAULT_ODD_BODY, 0, "", -1, ""},
        {"odd-null", FAULT_ODD_BODY, 0, "", -1, "null"},
        {"odd-html", FAULT_ODD_BODY, 0, "", -1, HTML},
        {"odd-twice", FAULT_ODD_BODY, 0, "", -1, "{\"value\":[],\"value\":[]}"},
        {"lost-before", FAULT_LOST_BEFORE, 0, "", -1, NULL},
        {"lost-after", FAULT_LOST_AFTER, 0, "", -1, NULL},
        {"failed-operation", FAULT_OPERATION, 0, "", -1, NULL},
};

struct rule {
        const struct fault_kind *kind;
        enum service_request_kind request; /* _SERVICE_REQUEST_KIND_N for all */
        int method;                        /* enum http_method; below 0 for all */
        char *url;                         /* owned; NULL for all */
        uint64_t after, every, times;      /* times 0: for ever */
        int64_t retry_after_s;             /* below 0: the kind's */
        uint64_t seen, struck;
};

struct faults {
        struct rule *rules;
        size_t n, capacity;
        uint64_t struck;
};

int faults_new(struct faults **ret_faults) {
        struct faults *faults = calloc(1, sizeof(*faults));

        if (!faults)
                return -ENOMEM;
        *ret_faults = faults;
        return 0;
}

static void rules_free(struct rule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(rules[i].url);
        free(rules);
}

struct faults *faults_free(struct faults *faults) {
        if (!faults)
                return NULL;

        rules_free(faults->rules, faults->n);
        free(faults);
        return NULL;
}

const char *fault_name(size_t index) {
        return index < ARRAY_SIZE(kinds) ? kinds[index].name : NULL;
}

/* Reading. Each returns NULL, or what was expected. */

static const char *read_fault(const cJSON *item, struct rule *rule) {
        const char *name = cJSON_GetStringValue(item);

        for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i].name, name) == 0)
                        rule->kind = &kinds[i];
        return rule->kind ? NULL : "the name of a fault";
}

static const char *read_request(const cJSON *item, struct rule *rule) {
        const char *name = cJSON_GetStringValue(item);

        for (unsigned i = 0; name && i < _SERVICE_REQUEST_KIND_N; i++)
                if (strcmp(service_request_kind_name((enum service_request_kind)i), name) == 0)
                        rule->request = (enum service_request_kind)i;
        return rule->request == _SERVICE_REQUEST_KIND_N ? "a kind of request as in /sim/stats"
                                                        : NULL;
}

static const char *read_method(const cJSON *item, struct rule *rule) {
        static const enum http_method methods[] = {HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_PATCH,
                                                   HTTP_DELETE};
        const char *name = cJSON_GetStringValue(item);

        for (size_t i = 0; name && i < ARRAY_SIZE(methods); i++)
                if (strcmp(http_method_name(methods[i]), name) == 0)
                        rule->method = (int)methods[i];
        return rule->method < 0 ? "a method" : NULL;
}

static const char *read_url(const cJSON *item, struct rule *rule) {
        if (!cJSON_IsString(item) || rule->url)
                return "a pattern of URLs";
        rule->url = strdup(item->valuestring);
        return rule->url ? NULL : "more memory";
}

static const char *read_count(const cJSON *item, uint64_t min, uint64_t *ret_count) {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)min) ||
            !(item->valuedouble <= 1e9) || (double)(uint64_t)item->valuedouble != item->valuedouble)
                return min > 0 ? "a whole number from 1" : "a whole number from 0";
        *ret_count = (uint64_t)item->valuedouble;
        return NULL;
}

static const char *read_member(const cJSON *item, struct rule *rule) {
        const char *problem;
        uint64_t count = 0;

        if (strcmp(item->string, "fault") == 0)
                return read_fault(item, rule);
        if (strcmp(item->string, "request") == 0)
                return read_request(item, rule);
        if (strcmp(item->string, "method") == 0)
                return read_method(item, rule);
        if (strcmp(item->string, "url") == 0)
                return read_url(item, rule);
        if (strcmp(item->string, "after") == 0)
                return read_count(item, 0, &rule->after);
        if (strcmp(item->string, "every") == 0)
                return read_count(item, 1, &rule->every);
        if (strcmp(item->string, "times") == 0)
                return read_count(item, 1, &rule->times);
        if (strcmp(item->string, "retry_after") == 0) {
                problem = read_count(item, 0, &count);
                rule->retry_after_s = (int64_t)count;
                return problem;
        }
        return "fault, request, method, url, after, every, times or retry_after";
}

/* Returns 0, -ENOMEM or FAULTS_E_INVALID. */
static int complain(size_t index, const char *member, const char *expected, char **reterr_what) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        int r;

        strbuf_appendf(&text, "faults[%zu]", index);
        if (member)
                strbuf_appendf(&text, ".%s", member);
        strbuf_appendf(&text, ": %s is expected", expected);
        r = strbuf_take(&text, reterr_what);
        return r < 0 ? r : FAULTS_E_INVALID;
}

static int read_rule(const cJSON *json, size_t index, struct rule *rule, char **reterr_what) {
        const cJSON *item;

        *rule = (struct rule){
                .request = _SERVICE_REQUEST_KIND_N, .method = -1, .every = 1, .retry_after_s = -1};
        if (!cJSON_IsObject(json))
                return complain(index, NULL, "an object", reterr_what);
        cJSON_ArrayForEach(item, json) {
                const char *expected = read_member(item, rule);

                if (expected)
                        return complain(index, item->string, expected, reterr_what);
        }
        return rule->kind ? 0 : complain(index, "fault", "the name of a fault", reterr_what);
}

int faults_load(struct faults *faults, const char *json, size_t len, char **reterr_what) {
        cJSON *document = cJSON_ParseWithLength(json, len);
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "faults"), *item;
        struct rule *rules = NULL;
        size_t n = 0, capacity = 0;
        int r = 0;

        if (!cJSON_IsArray(list))
                r = complain(0, NULL, "an object with the list \"faults\"", reterr_what);
        cJSON_ArrayForEach(item, list) {
                r = array_grow(&rules, n, &capacity, sizeof(*rules), RULES_MAX);
                if (r < 0)
                        break;
                r = read_rule(item, n, &rules[n], reterr_what);
                n++;
                if (r != 0)
                        break;
        }
        cJSON_Delete(document);
        if (r != 0) {
                rules_free(rules, n);
                return r == -E2BIG ? complain(n, NULL, "no more than a thousand", reterr_what) : r;
        }

        rules_free(faults->rules, faults->n);
        faults->rules = rules;
        faults->n = n;
        faults->capacity = capacity;
        return 0;
}

static bool rule_fits(const struct rule *rule, enum service_request_kind kind,
                      enum http_method method, const char *url) {
        return (rule->request == _SERVICE_REQUEST_KIND_N || rule->request == kind) &&
               (rule->method < 0 || rule->method == (int)method) &&
               (!rule->url || str_matches_glob_nocase(rule->url, url));
}

struct fault faults_strike(struct faults *faults, enum http_method method, const char *url) {
        enum service_request_kind kind = service_request_kind_of(method, url);

        for (size_t i = 0; i < faults->n; i++) {
                struct rule *rule = &faults->rules[i];

                if (!rule_fits(rule, kind, method, url))
                        continue;
                rule->seen++;
                if (rule->seen <= rule->after || (rule->seen - rule->after) % rule->every != 0 ||
                    (rule->times > 0 && rule->struck == rule->times))
                        continue;
                rule->struck++;
                faults->struck++;
                return (struct fault){rule->kind->effect, rule->kind, rule->retry_after_s};
        }
        return (struct fault){FAULT_NONE, NULL, -1};
}

uint64_t faults_struck(const struct faults *faults) {
        return faults->struck;
}

static int reply_set_body(struct http_reply *reply, const char *body) {
        char *copy = strdup(body);

        if (!copy)
                return -ENOMEM;
        free(reply->body);
        reply->body = copy;
        reply->body_len = strlen(copy);
        return 0;
}

int fault_reply(const struct fault *fault, struct service *service, struct utc now,
                struct http_reply **ret_reply) {
        _cleanup_(http_reply_freep) struct http_reply *reply = NULL;
        const struct fault_kind *kind = fault->kind;
        int64_t wait = fault->retry_after_s < 0 ? kind->retry_after_s : fault->retry_after_s;
        int r;

        r = service_error_reply(service, now, kind->status, kind->code, "A fault on demand.", wait,
                                &reply);
        if (r < 0)
                return r;
        if (kind->body) {
                r = reply_set_body(reply, kind->body);
                if (r < 0)
                        return r;
        }
        *ret_reply = take_ptr(reply);
        return 0;
}

int fault_spoil(const struct fault *fault, struct http_reply *reply) {
        return reply_set_body(reply, fault->kind->body);
}
