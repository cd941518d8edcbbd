/*
 * One request from the door to its reply: counting, tokens, places, budgets, headers.
 */
#include "sim/service-private.h"

#include "base/str.h"
#include "sim/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Microsoft.Compute's buckets as seen in recordings; HighCostGet's is about this. */
static const struct {
        const char *name;
        uint32_t max[2]; /* in 3 and in 30 minutes */
} buckets[_BUCKET_N] = {
        [BUCKET_SNAPSHOT_WRITE] = {"HighCostSnapshotCreateHydrate", {1000, 8000}},
        [BUCKET_DELETE] = {"DeleteDisks", {3000, 24000}},
        [BUCKET_DISK_WRITE] = {"CreateUpdateDisks", {3000, 25000}},
        [BUCKET_LOW_COST_GET] = {"LowCostGet", {15000, 120000}},
        [BUCKET_HIGH_COST_GET] = {"HighCostGet", {240, 1920}},
        [BUCKET_GET_OPERATION] = {"GetOperation", {50000, 400000}},
};

static const int64_t bucket_seconds[2] = {180, 1800};

/* "Azure Resource Manager throttling", Microsoft Learn: bucket size and refill a second. All
 * principals of a subscription together have 15 times that. */
#define LEFT "x-ms-ratelimit-remaining-subscription-"
static const struct {
        const char *name, *header, *global_header;
        int64_t max, refill;
} arm_buckets[_ARM_BUCKET_N] = {
        [ARM_READS] = {"reads", LEFT "reads", LEFT "global-reads", 250, 25},
        [ARM_WRITES] = {"writes", LEFT "writes", LEFT "global-writes", 200, 10},
        [ARM_DELETES] = {"deletes", LEFT "deletes", LEFT "global-deletes", 200, 10},
};

int answer_error(struct answer *answer, int status, const char *cause, const char *code,
                 const char *format, ...) {
        _cleanup_(strbuf_deinit) struct strbuf message = {};
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(&message, format, ap);
        va_end(ap);

        strbuf_clear(&answer->body);
        sim_json_error(&answer->body, code, strbuf_str(&message));
        answer->status = status;
        answer->failure_cause = cause;
        if (message.error)
                answer->body.error = message.error;
        return 0;
}

static void answer_deinit(struct answer *answer) {
        strbuf_deinit(&answer->body);
        free(answer->operation_url);
        free(answer->location);
        free(answer->www_authenticate);
}

static void bucket_roll(struct bucket_use *use, struct utc now) {
        for (int i = 0; i < 2; i++) {
                int64_t length = bucket_seconds[i] * TICKS_PER_SEC;

                if (use->used[i] > 0 && now.ticks < use->start[i].ticks + length)
                        continue;
                use->start[i] = now;
                use->used[i] = 0;
        }
}

static uint32_t rates_of(const struct service *service) {
        return service->options.rates > 0 ? service->options.rates : 1;
}

static void arm_refill(const struct service *service, struct subscription *subscription,
                       struct utc now) {
        int64_t elapsed = 0;

        if (utc_is_set(subscription->arm_at))
                elapsed = MIN(now.ticks - subscription->arm_at.ticks, 3600 * TICKS_PER_SEC);
        for (int i = 0; i < _ARM_BUCKET_N; i++)
                subscription->arm_missing[i] =
                        MAX(subscription->arm_missing[i] -
                                    elapsed * arm_buckets[i].refill * rates_of(service),
                            0);
        subscription->arm_at = now;
}

static int64_t arm_left(const struct service *service, const struct subscription *subscription,
                        int bucket, int64_t times) {
        int64_t missing = subscription->arm_missing[bucket];

        return MAX(arm_buckets[bucket].max * times * rates_of(service) -
                           (missing + TICKS_PER_SEC - 1) / TICKS_PER_SEC,
                   0);
}

static uint32_t bucket_max(const struct service *service, int bucket, int window) {
        return buckets[bucket].max[window] * rates_of(service);
}

static void answer_throttled_by_arm(struct answer *answer, int bucket) {
        answer->retry_after_s = 1;
        answer_error(answer, 429, "gateway", "SubscriptionRequestsThrottled",
                     "Number of '%s' requests for subscription '%s' exceeded the limit. Please "
                     "try again after '1' seconds after additional tokens are available.",
                     arm_buckets[bucket].name, answer->subscription->id);
}

/* As Compute writes it: without the "error" around it. */
static void answer_throttled_by_compute(const struct service *service, struct answer *answer,
                                        int window, struct utc now) {
        const struct bucket_use *use = answer->use;
        int64_t end = use->start[window].ticks + bucket_seconds[window] * TICKS_PER_SEC;
        const char *name = buckets[answer->bucket].name;

        answer->status = 429;
        answer->failure_cause = "service";
        answer->retry_after_s = (end - now.ticks + TICKS_PER_SEC - 1) / TICKS_PER_SEC;
        strbuf_appendf(&answer->body,
                       "{\"code\":\"OperationNotAllowed\",\"message\":\"The server rejected the "
                       "request because too many requests have been received for this "
                       "subscription.\",\"details\":[{\"code\":\"TooManyRequests\",\"target\":"
                       "\"%s%sMin\",\"message\":\"{\\\"operationGroup\\\":\\\"%s%sMin\\\","
                       "\\\"allowedRequestCount\\\":%" PRIu32
                       ",\\\"measuredRequestCount\\\":%" PRIu32 "}\"}]}",
                       name, window == 0 ? "3" : "30", name, window == 0 ? "3" : "30",
                       bucket_max(service, answer->bucket, window), use->used[window] + 1);
}

/* Takes the request out of its buckets. Returns whether it may go on; 429 is answered otherwise. */
static bool budget_take(struct service *service, struct utc now, struct answer *answer) {
        struct subscription *subscription = answer->subscription;

        if (answer->arm_bucket >= 0) {
                arm_refill(service, subscription, now);
                if (service->options.rates > 0 &&
                    arm_left(service, subscription, answer->arm_bucket, 1) == 0) {
                        answer_throttled_by_arm(answer, answer->arm_bucket);
                        service->counts.exhausted++;
                        return false;
                }
                subscription->arm_missing[answer->arm_bucket] += TICKS_PER_SEC;
        }
        if (!answer->use)
                return true;

        bucket_roll(answer->use, now);
        for (int i = 0; i < 2 && service->options.rates > 0; i++)
                if (answer->use->used[i] >= bucket_max(service, answer->bucket, i)) {
                        answer_throttled_by_compute(service, answer, i, now);
                        service->counts.exhausted++;
                        return false;
                }
        answer->use->used[0]++;
        answer->use->used[1]++;
        return true;
}

static void answer_buckets(struct answer *answer, enum service_request_kind kind) {
        answer->bucket = -1;
        answer->arm_bucket = ARM_READS;
        switch (kind) {
        case SERVICE_REQUEST_LIST_DISKS:
        case SERVICE_REQUEST_LIST_SNAPSHOTS:
                answer->bucket = BUCKET_HIGH_COST_GET;
                break;
        case SERVICE_REQUEST_GET_DISK:
        case SERVICE_REQUEST_GET_SNAPSHOT:
        case SERVICE_REQUEST_GET_ENCRYPTION_SET:
                answer->bucket = BUCKET_LOW_COST_GET;
                break;
        case SERVICE_REQUEST_GET_OPERATION:
                answer->bucket = BUCKET_GET_OPERATION;
                break;
        case SERVICE_REQUEST_PUT_DISK:
        case SERVICE_REQUEST_PATCH_DISK:
                answer->bucket = BUCKET_DISK_WRITE;
                answer->arm_bucket = ARM_WRITES;
                break;
        case SERVICE_REQUEST_PUT_SNAPSHOT:
        case SERVICE_REQUEST_PATCH_SNAPSHOT:
        case SERVICE_REQUEST_BEGIN_ACCESS:
        case SERVICE_REQUEST_END_ACCESS:
                answer->bucket = BUCKET_SNAPSHOT_WRITE;
                answer->arm_bucket = ARM_WRITES;
                break;
        case SERVICE_REQUEST_PATCH_TAGS:
                answer->arm_bucket = ARM_WRITES;
                break;
        case SERVICE_REQUEST_DELETE_DISK:
        case SERVICE_REQUEST_DELETE_SNAPSHOT:
                answer->bucket = BUCKET_DELETE;
                answer->arm_bucket = ARM_DELETES;
                break;
        case SERVICE_REQUEST_TOKEN:
        case SERVICE_REQUEST_DISCOVER:
        case SERVICE_REQUEST_LIST_SUBSCRIPTIONS:
        case SERVICE_REQUEST_LIST_TENANTS:
        case SERVICE_REQUEST_GET_TAGS:
        case SERVICE_REQUEST_LIST_VMS:
        case SERVICE_REQUEST_GET_VM:
        case SERVICE_REQUEST_GET_GROUP:
        case SERVICE_REQUEST_GET_SUBSCRIPTION:
        case SERVICE_REQUEST_GET_PERMISSIONS:
        case SERVICE_REQUEST_OTHER:
        case _SERVICE_REQUEST_KIND_N:
                break;
        }
}

/* The region that the request is counted in: its resource's, or its operation's. A new one's is that of
 * its group, where its disk mostly is. */
static const char *request_region(const struct service *service, struct utc now,
                                  const struct route *route) {
        const struct service_resource *resource = NULL;
        _cleanup_(strbuf_deinit) struct strbuf id = {};
        const struct group *group;

        if (route->region)
                return route->region;
        if (!route->group || !route->name)
                return "";
        strbuf_appendf(&id, "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/%s/%s",
                       route->subscription, route->group,
                       route->resource_kind == SERVICE_DISK ? "disks" : "snapshots", route->name);
        if (id.error == 0)
                resource = service_find_visible(service, id.data, now);
        if (resource)
                return resource->region;
        group = service_find_group(service, route->subscription, route->group);
        return group ? group->region : "";
}

/* The buckets that the request draws from. Returns 0 or -ENOMEM. */
static int answer_find_buckets(struct service *service, struct utc now, const struct route *route,
                               struct answer *answer) {
        struct region *region;
        int r;

        answer_buckets(answer, route->kind);
        if (answer->bucket < 0)
                return 0;
        r = service_region(service, answer->subscription, request_region(service, now, route),
                           &region);
        if (r < 0)
                return r;
        answer->use = &region->buckets[answer->bucket];
        return 0;
}

int service_spend(struct service *service, struct utc now, const char *subscription_id,
                  const char *region_name, enum service_request_kind kind, uint32_t n) {
        struct answer answer = {.subscription =
                                        service_find_subscription(service, subscription_id)};
        struct region *region;
        int r;

        if (!answer.subscription)
                return SERVICE_E_MISSING;
        answer_buckets(&answer, kind);
        if (answer.bucket < 0)
                return SERVICE_E_INVALID;
        r = service_region(service, answer.subscription, region_name, &region);
        if (r < 0)
                return r;

        bucket_roll(&region->buckets[answer.bucket], now);
        for (int i = 0; i < 2; i++) {
                uint32_t *used = &region->buckets[answer.bucket].used[i];

                *used = MIN(*used + n, bucket_max(service, answer.bucket, i));
        }
        return 0;
}

/* Headers. */

static void header(struct http_reply *reply, int *r, const char *name, const char *value) {
        if (*r == 0 && value)
                *r = http_headers_add_str(&reply->headers, name, value);
}

/* The value is what the caller wrote into @text, which is emptied. */
static void header_text(struct http_reply *reply, int *r, const char *name, struct strbuf *text) {
        if (*r == 0)
                *r = text->error;
        header(reply, r, name, strbuf_str(text));
        strbuf_clear(text);
}

static void header_guid(struct http_reply *reply, int *r, const char *name, struct service *service,
                        struct strbuf *text) {
        struct guid guid = service_draw_guid(service);

        sim_append_guid(text, &guid);
        header_text(reply, r, name, text);
}

static void headers_budget(const struct service *service, struct http_reply *reply, int *r,
                           const struct answer *answer, struct strbuf *text) {
        static const char *const windows[] = {"3Min;", "30Min;"};
        const struct subscription *subscription = answer->subscription;

        if (!subscription)
                return;
        if (answer->use) {
                for (int i = 0; i < 2; i++) {
                        uint32_t max = bucket_max(service, answer->bucket, i);

                        if (i > 0)
                                strbuf_append_char(text, ',');
                        SIM_APPEND(text, "Microsoft.Compute/");
                        strbuf_append_str(text, buckets[answer->bucket].name);
                        strbuf_append_str(text, windows[i]);
                        sim_append_number(text, max - MIN(answer->use->used[i], max), 1);
                }
                header_text(reply, r, "x-ms-ratelimit-remaining-resource", text);
        }
        if (answer->arm_bucket >= 0) {
                int64_t left = arm_left(service, subscription, answer->arm_bucket, 1);

                sim_append_number(text, (uint64_t)left, 1);
                header_text(reply, r, arm_buckets[answer->arm_bucket].header, text);
                left = arm_left(service, subscription, answer->arm_bucket, 15);
                sim_append_number(text, (uint64_t)left, 1);
                header_text(reply, r, arm_buckets[answer->arm_bucket].global_header, text);
        }
}

static char *two_digits(char *p, int value) {
        *p++ = (char)('0' + value / 10 % 10);
        *p++ = (char)('0' + value % 10);
        return p;
}

/* RFC 9110 section 5.6.7. */
void service_format_date(struct utc time, char text[SERVICE_DATE_SIZE]) {
        static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        struct civil c = civil_from_seconds(utc_seconds(time));

        const struct {
                char before;
                int value;
        } parts[] = {{' ', c.hour}, {':', c.minute}, {':', c.second}};
        char *p = text;

        p = stpcpy(p, days[civil_weekday(civil_to_days(c.year, c.month, c.day))]);
        p = stpcpy(p, ", ");
        p = two_digits(p, c.day);
        *p++ = ' ';
        p = stpcpy(p, months[c.month - 1]);
        *p++ = ' ';
        p = two_digits(p, (int)(c.year / 100 % 100));
        p = two_digits(p, (int)(c.year % 100));
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                *p++ = parts[i].before;
                p = two_digits(p, parts[i].value);
        }
        strcpy(p, " GMT");
}

static int reply_headers(struct service *service, struct utc now, struct answer *answer,
                         struct http_reply *reply) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        char date[SERVICE_DATE_SIZE];
        int r = 0;

        if (answer->body.len > 0)
                header(reply, &r, "Content-Type", "application/json; charset=utf-8");
        header(reply, &r, "x-ms-failure-cause", answer->failure_cause);
        header(reply, &r, "WWW-Authenticate", answer->www_authenticate);
        if (answer->operation_url) {
                const char *version = strstr(answer->operation_url, "api-version=");

                strbuf_append(&text, answer->operation_url,
                              (size_t)(version - answer->operation_url));
                SIM_APPEND(&text, "monitor=true&");
                strbuf_append_str(&text, version);
                header_text(reply, &r, "Location", &text);
                header(reply, &r, "Azure-AsyncOperation", answer->operation_url);
        }
        header(reply, &r, "Location", answer->location);
        if (answer->retry_after_s >= 0) {
                sim_append_number(&text, (uint64_t)answer->retry_after_s, 1);
                header_text(reply, &r, "Retry-After", &text);
        }
        headers_budget(service, reply, &r, answer, &text);
        header_guid(reply, &r, "x-ms-request-id", service, &text);
        header_guid(reply, &r, "x-ms-correlation-request-id", service, &text);
        service_format_date(service_written(service, now), date);
        header(reply, &r, "Date", date);
        return r;
}

static int answer_reply(struct service *service, struct utc now, struct answer *answer,
                        struct http_reply **ret_reply) {
        _cleanup_(http_reply_freep) struct http_reply *reply = NULL;
        int r;

        reply = calloc(1, sizeof(*reply));
        if (!reply)
                return -ENOMEM;

        reply->outcome = TRANSPORT_REPLY;
        reply->status = answer->status;
        r = reply_headers(service, now, answer, reply);
        if (r < 0)
                return r;

        reply->body_len = answer->body.len;
        r = strbuf_take(&answer->body, &reply->body);
        if (r < 0)
                return r;

        *ret_reply = take_ptr(reply);
        return 0;
}

int service_error_reply(struct service *service, struct utc now, int status, const char *code,
                        const char *message, int64_t retry_after_s, struct http_reply **ret_reply) {
        _cleanup_(answer_deinit) struct answer answer = {
                .retry_after_s = retry_after_s, .bucket = -1, .arm_bucket = -1};

        answer_error(&answer, status, status == 401 ? "gateway" : "service", code, "%s", message);
        return answer_reply(service, now, &answer, ret_reply);
}

/* What must be so before a request reaches its resource. Returns 0 to go on, 1 when answered. */
static int request_enter(struct service *service, struct utc now, const struct service_call *call,
                         const struct route *route, struct answer *answer) {
        _cleanup_(freep) char *version = NULL;
        int r;

        if (!service_is_here(now, call, &service->outage, answer))
                return 1;
        r = service_check_token(service, now, call, answer);
        if (r != 0)
                return r;
        r = query_get(route->query, "api-version", false, &version);
        if (r < 0)
                return r;
        if (!version || version[0] == '\0') {
                answer_error(answer, 400, "gateway", "MissingApiVersionParameter",
                             "The api-version query parameter (?api-version=) is required for all "
                             "requests.");
                return 1;
        }
        for (const char *p = version; *p; p++)
                if (!ascii_is_alnum(*p) && *p != '-') {
                        answer_error(answer, 400, "gateway", "InvalidApiVersionParameter",
                                     "The api-version '%s' is invalid.", version);
                        return 1;
                }
        if (route->kind == SERVICE_REQUEST_LIST_SUBSCRIPTIONS ||
            route->kind == SERVICE_REQUEST_LIST_TENANTS)
                return 0;
        if (!route->subscription) {
                answer_error(answer, 404, "gateway", "InvalidResourceType",
                             "The resource type could not be found.");
                return 1;
        }
        answer->subscription = service_find_subscription(service, route->subscription);
        if (!answer->subscription) {
                answer_error(answer, 404, "gateway", "SubscriptionNotFound",
                             "The subscription '%s' could not be found.", route->subscription);
                return 1;
        }
        if (!service_is_here(now, call, &answer->subscription->outage, answer))
                return 1;
        if (answer->subscription->forbidden) {
                answer_error(answer, 403, "gateway", "AuthorizationFailed",
                             "The client '%s' with object id '%s' does not have authorization to "
                             "perform action 'Microsoft.Compute/%s' over scope "
                             "'/subscriptions/%s' or the scope is invalid. If access was recently "
                             "granted, please refresh your credentials.",
                             answer->client, answer->client,
                             call->method == HTTP_GET ? "snapshots/read" : "snapshots/write",
                             answer->subscription->id);
                return 1;
        }
        r = answer_find_buckets(service, now, route, answer);
        if (r < 0)
                return r;
        return budget_take(service, now, answer) ? 0 : 1;
}

static int request_dispatch(struct service *service, struct utc now,
                            const struct service_call *call, const struct route *route,
                            struct answer *answer) {
        int r;

        if (call->body_len > SERVICE_BODY_MAX)
                return answer_error(answer, 413, "gateway", "RequestContentTooLarge",
                                    "The request content size exceeds the maximum.");
        if (route->kind == SERVICE_REQUEST_TOKEN)
                return route->tenant ? service_token_entra(service, now, call, route, answer)
                                     : service_token_imds(service, now, call, route, answer);

        if (route->kind == SERVICE_REQUEST_DISCOVER)
                return service_discover(route, answer);

        r = request_enter(service, now, call, route, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        if (route->kind == SERVICE_REQUEST_LIST_SUBSCRIPTIONS)
                return service_list_subscriptions(service, answer);
        if (route->kind == SERVICE_REQUEST_LIST_TENANTS)
                return service_list_tenants(answer);
        return service_arm(service, now, call, route, answer);
}

static void count_answer(struct service_counts *counts, int status) {
        if (status / 100 < (int)ARRAY_SIZE(counts->by_status))
                counts->by_status[status / 100]++;
        if (status == 429)
                counts->throttled++;
}

int service_handle(struct service *service, struct utc now, const struct service_call *call,
                   struct http_reply **ret_reply) {
        _cleanup_(answer_deinit) struct answer answer = {
                .retry_after_s = -1, .bucket = -1, .arm_bucket = -1};
        _cleanup_(route_deinit) struct route route = {};
        int r;

        /* A machine's clock may step back; the model's time does not. */
        now.ticks = MAX(now.ticks, service->last.ticks);
        service->last = now;
        r = service_tags_settle(service, now);
        r = r ?: service_purge(service, now);
        if (r < 0)
                return r;
        r = route_init(&route, call->method, call->url);
        if (r == -ENOMEM)
                return r;

        service->current = ++service->requests;
        service->client = call->client;
        service->counts.requests++;
        service->counts.by_kind[route.kind]++;
        service->counts.by_method[call->method]++;
        if (r == 0)
                r = request_dispatch(service, now, call, &route, &answer);
        else
                r = answer_error(&answer, 400, "gateway", "InvalidRequestUri",
                                 "The request URI is invalid.");
        service->current = 0;
        service->client = 0;
        if (r < 0)
                return r;

        count_answer(&service->counts, answer.status);
        return answer_reply(service, now, &answer, ret_reply);
}
