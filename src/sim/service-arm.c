/*
 * What is asked of a resource: reading, listing, deleting.
 */
#include "sim/service-private.h"

#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *type_name(enum service_kind kind) {
        return kind == SERVICE_DISK ? "disks" : "snapshots";
}

static int answer_not_found(struct answer *answer, const struct route *route) {
        return answer_error(answer, 404, "gateway", "ResourceNotFound",
                            "The Resource 'Microsoft.Compute/%s/%s' under resource group '%s' was "
                            "not found. For more details please go to "
                            "https://aka.ms/ARMResourceNotFoundFix",
                            type_name(route->resource_kind), route->name, route->group);
}

/* Listings. The token of the next page is the serial of the last element, disguised. */

#define SKIPTOKEN_KEY UINT64_C(0x9fb21c651e98df25)
/* In the token, beside the serial: the empty page that comes before this one was read. */
#define SKIPTOKEN_AFTER_EMPTY (UINT64_C(1) << 63)

static void list_next_link(struct strbuf *body, const struct route *route, const char *version,
                           uint64_t serial) {
        strbuf_append_str(body, ",\"nextLink\":\"");
        strbuf_appendf(body, "%s/subscriptions/%s", route->origin, route->subscription);
        if (route->group)
                strbuf_appendf(body, "/resourceGroups/%s", route->group);
        strbuf_appendf(body,
                       "/providers/Microsoft.Compute/%s?api-version=%s&%%24skiptoken=%016" PRIx64
                       "\"",
                       type_name(route->resource_kind), version, serial ^ SKIPTOKEN_KEY);
}

/* The first row with a higher serial. */
static size_t rows_after(const struct service *service, uint64_t serial) {
        size_t low = 0, high = service->n_rows;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (service->rows[middle]->serial <= serial)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool group_is_listed(const struct group *group) {
        enum service_rights rights = service_rights_in(group->subscription, group);

        return rights != SERVICE_RIGHTS_UNLISTED && rights != SERVICE_RIGHTS_NONE;
}

static bool is_listed(const struct service_resource *resource, const struct answer *answer,
                      const struct route *route, const struct group *group, struct utc as_of) {
        return resource->kind == route->resource_kind &&
               resource->subscription == answer->subscription->id &&
               group_is_listed(resource->group_object) &&
               (!group || resource->group_object == group) &&
               resource->created_at.ticks <= as_of.ticks &&
               (!utc_is_set(resource->gone_at) || resource->gone_at.ticks > as_of.ticks);
}

static int skiptoken_read(const struct route *route, uint64_t *ret_serial) {
        _cleanup_(freep) char *token = NULL;
        uint64_t value = 0;
        int r;

        r = query_get(route->query, "$skiptoken", false, &token);
        if (r < 0)
                return r;
        if (!token) {
                *ret_serial = 0;
                return 0;
        }
        if (strlen(token) != 16)
                return -EINVAL;
        for (const char *p = token; *p; p++) {
                char c = ascii_lower(*p);

                if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
                        return -EINVAL;
                value = value << 4 | (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        *ret_serial = value ^ SKIPTOKEN_KEY;
        return 0;
}

static int list(struct service *service, struct utc now, const struct route *route,
                const struct group *group, struct answer *answer) {
        struct utc as_of = service_listed_instant(service, answer->subscription, now);
        _cleanup_(freep) char *version = NULL;
        size_t n = 0;
        uint64_t serial, last = 0;
        int r;

        r = query_get(route->query, "api-version", false, &version);
        if (r < 0)
                return r;
        r = skiptoken_read(route, &serial);
        if (r == -EINVAL)
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter $skiptoken is invalid.");
        if (r < 0)
                return r;

        answer->status = 200;
        (void)strbuf_reserve(&answer->body, service->listed_bytes[route->resource_kind]);
        strbuf_append_str(&answer->body, "{\"value\":[");
        if (!(serial & SKIPTOKEN_AFTER_EMPTY) &&
            sim_mix(service->options.seed ^ SKIPTOKEN_KEY, serial) % 100 <
                    service->options.empty_pages) {
                strbuf_append_char(&answer->body, ']');
                list_next_link(&answer->body, route, version, serial | SKIPTOKEN_AFTER_EMPTY);
                strbuf_append_char(&answer->body, '}');
                return 0;
        }
        serial &= ~SKIPTOKEN_AFTER_EMPTY;
        for (size_t i = rows_after(service, serial); i < service->n_rows; i++) {
                struct service_resource *resource = service->rows[i];

                if (!is_listed(resource, answer, route, group, as_of))
                        continue;
                if (n == MAX(service->options.page_size, (size_t)1)) {
                        strbuf_append_char(&answer->body, ']');
                        list_next_link(&answer->body, route, version, last);
                        strbuf_append_char(&answer->body, '}');
                        return 0;
                }
                if (n++ > 0)
                        strbuf_append_char(&answer->body, ',');
                sim_json_listed(&answer->body, resource, as_of,
                                service->n_rows <= SERVICE_LISTED_MAX);
                last = resource->serial;
        }
        strbuf_append_str(&answer->body, "]}");
        service->listed_bytes[route->resource_kind] = answer->body.len;
        return 0;
}

static int delete_one(struct service *service, struct utc now, const struct service_call *call,
                      const struct route *route, struct service_resource *resource,
                      struct answer *answer) {
        int64_t ns = call->operation_ns ?: service->options.operation_ns;
        int r;

        if (!resource) {
                answer->status = 204;
                return 0;
        }
        /* A second DELETE of one that lingers is accepted again and changes nothing. */
        if (!utc_is_set(resource->deleted_at)) {
                if (!service_is_deletable(now, resource, answer))
                        return 0;
                if (call->fail_operation) {
                        resource->leaving_at = now;
                        resource->stays_at = (struct utc){now.ticks + ns / NSEC_PER_TICK};
                        service_resource_changed(resource);
                        return service_operation_begin(service, now, call, route, resource,
                                                       OPERATION_DELETE, ns, answer);
                }
                /* One that is stuck is there, Deleting, until it ends. */
                r = service_remove(service, now, resource,
                                   MAX(call->operation_ns, service->options.linger_ns));
                if (r < 0)
                        return r;
        }
        return service_operation_begin(service, now, call, route, resource, OPERATION_DELETE, ns,
                                       answer);
}

/* Places. */

static int get_subscription(struct answer *answer) {
        answer->status = 200;
        sim_json_subscription(&answer->body, answer->subscription);
        return 0;
}

static int get_group(const struct group *group, struct answer *answer) {
        struct strbuf *body = &answer->body;

        answer->status = 200;
        strbuf_appendf(body, "{\"id\":\"/subscriptions/%s/resourceGroups/",
                       group->subscription->id);
        strbuf_appendf(body, "%s\",\"name\":", group->name);
        json_append_quoted(body, group->name);
        strbuf_append_str(body, ",\"type\":\"Microsoft.Resources/resourceGroups\",\"location\":");
        json_append_quoted(body, group->region);
        strbuf_append_str(body, ",\"properties\":{\"provisioningState\":\"Succeeded\"}}");
        return 0;
}

static int one_resource(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct group *group, struct answer *answer) {
        _cleanup_(service_resource_freep) struct service_resource *key = NULL;
        struct service_resource *resource;
        int r;

        if (call->method == HTTP_PUT)
                return service_put(service, now, call, route, group, answer);

        r = service_resource_new(service, route->resource_kind, group, route->name, &key);
        if (r < 0)
                return r;
        resource = service_find_visible(service, key->id, now);
        if (call->method == HTTP_DELETE)
                return delete_one(service, now, call, route, resource, answer);
        if (!resource)
                return answer_not_found(answer, route);
        if (route->kind == SERVICE_REQUEST_PATCH_TAGS)
                return service_tags_patch(service, now, call, route, resource, answer);
        if (call->method == HTTP_PATCH)
                return service_patch(service, now, call, route, resource, answer);
        if (route->kind == SERVICE_REQUEST_GET_TAGS)
                return service_tags_answer(resource, answer);
        if (call->method == HTTP_POST)
                return service_access(service, now, call, route, resource, answer);
        answer->status = 200;
        sim_json_resource(&answer->body, resource, now);
        return 0;
}

int service_arm(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct answer *answer) {
        bool is_list = route->kind == SERVICE_REQUEST_LIST_DISKS ||
                       route->kind == SERVICE_REQUEST_LIST_SNAPSHOTS ||
                       route->kind == SERVICE_REQUEST_LIST_VMS;
        struct group *group = NULL;

        if (route->group)
                group = service_find_group(service, route->subscription, route->group);
        if (is_list && !service_may_list(call, route, answer))
                return 0;
        /* Who may not read gets listings without what he may not read, and an operation belongs to
         * a resource of some group. */
        if (!is_list && route->kind != SERVICE_REQUEST_GET_OPERATION &&
            !service_may(call, route, group, answer))
                return 0;
        /* Its group is not told of by the disks that name it. */
        if (route->kind == SERVICE_REQUEST_GET_ENCRYPTION_SET)
                return service_encryption_get(service, route, answer);
        if (route->group) {
                if (!group)
                        return answer_error(answer, 404, "gateway", "ResourceGroupNotFound",
                                            "Resource group '%s' could not be found.",
                                            route->group);
        }

        switch (route->kind) {
        case SERVICE_REQUEST_LIST_DISKS:
        case SERVICE_REQUEST_LIST_SNAPSHOTS:
                return list(service, now, route, group, answer);
        case SERVICE_REQUEST_GET_DISK:
        case SERVICE_REQUEST_PUT_DISK:
        case SERVICE_REQUEST_PATCH_DISK:
        case SERVICE_REQUEST_DELETE_DISK:
        case SERVICE_REQUEST_GET_SNAPSHOT:
        case SERVICE_REQUEST_PUT_SNAPSHOT:
        case SERVICE_REQUEST_PATCH_SNAPSHOT:
        case SERVICE_REQUEST_DELETE_SNAPSHOT:
        case SERVICE_REQUEST_GET_TAGS:
        case SERVICE_REQUEST_PATCH_TAGS:
        case SERVICE_REQUEST_BEGIN_ACCESS:
        case SERVICE_REQUEST_END_ACCESS:
                return one_resource(service, now, call, route, group, answer);
        case SERVICE_REQUEST_GET_OPERATION:
                return service_operation_get(service, now, call, route, answer);
        case SERVICE_REQUEST_LIST_VMS:
                return service_vm_list(service, group, answer);
        case SERVICE_REQUEST_GET_VM:
                return service_vm_get(service, route, group, answer);
        case SERVICE_REQUEST_GET_GROUP:
                return get_group(group, answer);
        case SERVICE_REQUEST_GET_SUBSCRIPTION:
                return get_subscription(answer);
        case SERVICE_REQUEST_GET_PERMISSIONS:
                return service_permissions(service, route, group, answer);
        case SERVICE_REQUEST_GET_ENCRYPTION_SET: /* above */
        case SERVICE_REQUEST_TOKEN:
        case SERVICE_REQUEST_DISCOVER:
        case SERVICE_REQUEST_LIST_SUBSCRIPTIONS:
        case SERVICE_REQUEST_LIST_TENANTS:
        case SERVICE_REQUEST_OTHER:
        case _SERVICE_REQUEST_KIND_N:
                break;
        }
        return answer_error(answer, 405, "gateway", "HttpMethodNotAllowed",
                            "The http method '%s' is not supported for this resource.",
                            http_method_name(call->method));
}
