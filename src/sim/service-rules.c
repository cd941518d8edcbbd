/*
 * What stands between a request and what it wants: outages, rights, locks, quotas, lag.
 */
#include "sim/service-private.h"

#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define REPLICA_KEY UINT64_C(0xd1342543de82ef95)

/* Settings. */

int service_set_rights(struct service *service, const char *subscription_id, const char *group_name,
                       enum service_rights rights) {
        struct subscription *subscription = service_find_subscription(service, subscription_id);
        struct group *group;

        if (!subscription)
                return SERVICE_E_MISSING;
        if (!group_name) {
                subscription->rights = rights;
                return 0;
        }
        group = service_find_group(service, subscription_id, group_name);
        if (!group)
                return SERVICE_E_MISSING;

        group->rights = rights;
        return 0;
}

int service_set_away(struct service *service, const char *subscription_id, enum service_away away,
                     int64_t retry_after_s, struct utc until) {
        struct outage *outage = &service->outage;

        if (subscription_id) {
                struct subscription *subscription;

                subscription = service_find_subscription(service, subscription_id);
                if (!subscription)
                        return SERVICE_E_MISSING;
                outage = &subscription->outage;
        } else if (away == SERVICE_UNKNOWN || away == SERVICE_DISABLED)
                return SERVICE_E_INVALID;

        *outage = (struct outage){away, retry_after_s, until};
        return 0;
}

int service_set_listing_lag(struct service *service, struct utc now, const char *subscription_id,
                            int64_t ns) {
        struct subscription *subscription = service_find_subscription(service, subscription_id);

        if (!subscription)
                return SERVICE_E_MISSING;

        /* What the listings showed until here they do not unlearn. */
        subscription->lag_since = service_listed_instant(service, subscription, now);
        subscription->lag_ns = ns;
        subscription->flaps = false;
        service->purge_at = INT64_MIN;
        return 0;
}

int service_set_listing_flaps(struct service *service, struct utc now, const char *subscription_id,
                              int64_t ns) {
        int r;

        r = service_set_listing_lag(service, now, subscription_id, ns);
        if (r == 0)
                service_find_subscription(service, subscription_id)->flaps = true;
        return r;
}

int service_set_quota(struct service *service, const char *subscription_id, uint32_t max) {
        struct subscription *subscription = service_find_subscription(service, subscription_id);

        if (!subscription)
                return SERVICE_E_MISSING;

        subscription->quota = max;
        return 0;
}

/* "/subscriptions/S" or "/subscriptions/S/resourceGroups/G". Returns the lock of the place, or NULL
 * when there is no such place. */
static int lock_of_place(const struct service *service, const char *id, bool **ret_lock) {
        static const char head[] = "/subscriptions/", middle[] = "/resourceGroups/";
        _cleanup_(freep) char *subscription_id = NULL;
        struct subscription *subscription;
        struct group *group;
        size_t len;

        if (!str_starts_with_nocase(id, head))
                return SERVICE_E_MISSING;
        id += strlen(head);
        len = strcspn(id, "/");
        subscription_id = strndup(id, len);
        if (!subscription_id)
                return -ENOMEM;
        subscription = service_find_subscription(service, subscription_id);
        if (!subscription)
                return SERVICE_E_MISSING;
        if (id[len] == '\0') {
                *ret_lock = &subscription->locked;
                return 0;
        }
        if (!str_starts_with_nocase(id + len, middle))
                return SERVICE_E_MISSING;
        group = service_find_group(service, subscription_id, id + len + strlen(middle));
        if (!group)
                return SERVICE_E_MISSING;

        *ret_lock = &group->locked;
        return 0;
}

int service_lock(struct service *service, struct utc now, const char *id, bool locked) {
        struct service_resource *resource = service_find_living(service, id);
        bool *lock;
        int r;

        if (resource)
                lock = &resource->locked;
        else {
                r = lock_of_place(service, id, &lock);
                if (r != 0)
                        return r;
        }
        *lock = locked;
        return 0;
}

/* Questions. */

int64_t service_lag(const struct service *service, const struct subscription *subscription) {
        return (subscription->lag_ns < 0 ? service->options.listing_lag_ns : subscription->lag_ns) /
               NSEC_PER_TICK;
}

struct utc service_listed_instant(const struct service *service,
                                  const struct subscription *subscription, struct utc now) {
        struct utc as_of = {now.ticks - service_lag(service, subscription)};

        if (utc_is_set(subscription->lag_since) &&
            as_of.ticks < MIN(subscription->lag_since.ticks, now.ticks))
                as_of.ticks = MIN(subscription->lag_since.ticks, now.ticks);
        if (subscription->flaps &&
            sim_mix(service->options.seed ^ REPLICA_KEY, service->requests) % 2 == 0)
                return now;
        return as_of;
}

enum service_rights service_rights_in(const struct subscription *subscription,
                                      const struct group *group) {
        if (group && group->rights != SERVICE_RIGHTS_INHERITED)
                return group->rights;
        return subscription->rights == SERVICE_RIGHTS_INHERITED ? SERVICE_RIGHTS_ALL
                                                                : subscription->rights;
}

/* Outages. */

bool service_is_here(struct utc now, const struct service_call *call, const struct outage *outage,
                     struct answer *answer) {
        const char *id = answer->subscription ? answer->subscription->id : "";

        if (outage->away == SERVICE_HERE || now.ticks >= outage->until.ticks)
                return true;

        switch (outage->away) {
        case SERVICE_HERE:
                return true;
        case SERVICE_AWAY_500:
                answer_error(answer, 500, "gateway", "InternalServerError",
                             "Encountered internal server error.");
                return false;
        case SERVICE_AWAY_503:
                answer_error(answer, 503, "gateway", "ServerTimeout",
                             "The request timed out. Diagnostic information is not available.");
                return false;
        case SERVICE_THROTTLED:
                answer->retry_after_s = outage->retry_after_s > 0 ? outage->retry_after_s : -1;
                answer_error(answer, 429, "gateway", "SubscriptionRequestsThrottled",
                             "The request was throttled.");
                return false;
        case SERVICE_UNKNOWN:
                answer_error(answer, 404, "gateway", "SubscriptionNotFound",
                             "The subscription '%s' could not be found.", id);
                return false;
        case SERVICE_DISABLED:
                if (call->method == HTTP_GET)
                        return true;
                answer_error(answer, 409, "gateway", "ReadOnlyDisabledSubscription",
                             "The subscription '%s' is disabled and can only be read.", id);
                return false;
        }
        return true;
}

/* Rights. */

static const char *type_of(const struct route *route) {
        return route->resource_kind == SERVICE_DISK ? "Microsoft.Compute/disks"
                                                    : "Microsoft.Compute/snapshots";
}

static void answer_unauthorized(const struct service_call *call, const struct route *route,
                                struct answer *answer) {
        _cleanup_(strbuf_deinit) struct strbuf action = {}, scope = {};

        strbuf_appendf(&scope, "/subscriptions/%s", answer->subscription->id);
        if (route->group)
                strbuf_appendf(&scope, "/resourceGroups/%s", route->group);
        if (route->kind == SERVICE_REQUEST_GET_ENCRYPTION_SET)
                strbuf_appendf(&scope, "/providers/Microsoft.Compute/diskEncryptionSets/%s",
                               route->name);
        else if (route->name)
                strbuf_appendf(&scope, "/providers/%s/%s", type_of(route), route->name);

        if (route->kind == SERVICE_REQUEST_GET_SUBSCRIPTION)
                strbuf_append_str(&action, "Microsoft.Resources/subscriptions/read");
        else if (route->kind == SERVICE_REQUEST_GET_GROUP)
                strbuf_append_str(&action, "Microsoft.Resources/subscriptions/resourceGroups/read");
        else if (route->kind == SERVICE_REQUEST_GET_VM)
                strbuf_append_str(&action, "Microsoft.Compute/virtualMachines/read");
        else if (route->kind == SERVICE_REQUEST_GET_PERMISSIONS)
                strbuf_append_str(&action, "Microsoft.Authorization/permissions/read");
        else if (route->kind == SERVICE_REQUEST_GET_ENCRYPTION_SET)
                strbuf_append_str(&action, "Microsoft.Compute/diskEncryptionSets/read");
        else if (route->kind == SERVICE_REQUEST_GET_OPERATION)
                strbuf_append_str(&action, "Microsoft.Compute/locations/diskOperations/read");
        else if (route->kind == SERVICE_REQUEST_GET_TAGS ||
                 route->kind == SERVICE_REQUEST_PATCH_TAGS)
                strbuf_appendf(&action, "Microsoft.Resources/tags/%s",
                               call->method == HTTP_GET ? "read" : "write");
        else if (route->kind == SERVICE_REQUEST_BEGIN_ACCESS)
                strbuf_appendf(&action, "%s/beginGetAccess/action", type_of(route));
        else if (route->kind == SERVICE_REQUEST_END_ACCESS)
                strbuf_appendf(&action, "%s/endGetAccess/action", type_of(route));
        else
                strbuf_appendf(&action, "%s/%s", type_of(route),
                               call->method == HTTP_GET      ? "read"
                               : call->method == HTTP_DELETE ? "delete"
                                                             : "write");
        answer_error(answer, 403, "gateway", "AuthorizationFailed",
                     "The client '%s' with object id '%s' does not have authorization to perform "
                     "action '%s' over scope '%s' or the scope is invalid. If access was recently "
                     "granted, please refresh your credentials.",
                     answer->client, answer->client, strbuf_str(&action), strbuf_str(&scope));
}

/* Whether the role has the right at all, wherever it is. */
static bool role_may(enum service_role role, const struct service_call *call,
                     const struct route *route) {
        switch (role) {
        case SERVICE_ROLE_ALL:
                return true;
        case SERVICE_ROLE_CREATOR:
                return call->method != HTTP_DELETE;
        case SERVICE_ROLE_PRUNER:
                return route->kind == SERVICE_REQUEST_GET_SNAPSHOT ||
                       route->kind == SERVICE_REQUEST_DELETE_SNAPSHOT ||
                       route->kind == SERVICE_REQUEST_GET_PERMISSIONS;
        case SERVICE_ROLE_NONE:
                return false;
        }
        return false;
}

bool service_may_list(const struct service_call *call, const struct route *route,
                      struct answer *answer) {
        if (role_may(answer->role, call, route))
                return true;
        answer_unauthorized(call, route, answer);
        return false;
}

bool service_may(const struct service_call *call, const struct route *route,
                 const struct group *group, struct answer *answer) {
        if (!role_may(answer->role, call, route)) {
                answer_unauthorized(call, route, answer);
                return false;
        }
        switch (service_rights_in(answer->subscription, group)) {
        case SERVICE_RIGHTS_INHERITED:
        case SERVICE_RIGHTS_ALL:
        case SERVICE_RIGHTS_UNLISTED:
                return true;
        case SERVICE_RIGHTS_READ:
                if (call->method == HTTP_GET)
                        return true;
                break;
        case SERVICE_RIGHTS_NONE:
                break;
        }
        answer_unauthorized(call, route, answer);
        return false;
}

/* Locks and quotas. */

bool service_is_deletable(struct utc now, const struct service_resource *resource,
                          struct answer *answer) {
        const struct group *group = resource->group_object;
        _cleanup_(strbuf_deinit) struct strbuf scope = {};

        if (service_resource_is_locked(resource)) {
                if (resource->locked)
                        strbuf_append_str(&scope, resource->id);
                else {
                        strbuf_appendf(&scope, "/subscriptions/%s", group->subscription->id);
                        if (group->locked)
                                strbuf_appendf(&scope, "/resourceGroups/%s", group->name);
                }
                answer_error(answer, 409, "gateway", "ScopeLocked",
                             "The scope '%s' cannot perform delete operation because following "
                             "scope(s) are locked: '%s'. Please remove the lock and try again.",
                             resource->id, strbuf_str(&scope));
                return false;
        }
        if (resource->managed_by) {
                answer_error(answer, 409, "service", "OperationNotAllowed",
                             "Disk '%s' is attached to VM '%s'.", resource->name,
                             resource->managed_by);
                return false;
        }
        if (service_resource_has_access(resource, now)) {
                answer_error(answer, 409, "service", "OperationNotAllowed",
                             "Access to '%s' was granted and is not revoked: call EndGetAccess "
                             "first.",
                             resource->name);
                return false;
        }
        return true;
}

bool service_has_quota(struct service *service, const struct service_resource *disk,
                       struct answer *answer) {
        uint32_t quota = answer->subscription->quota;

        if (quota == 0)
                return true;
        for (const struct region *region = service->regions; region; region = region->next)
                if (region->subscription == answer->subscription &&
                    str_equal_nocase(region->name, disk->region) && region->snapshots >= quota) {
                        answer_error(answer, 409, "service", "QuotaExceeded",
                                     "The quota of %" PRIu32 " snapshots of subscription '%s' in "
                                     "region '%s' is reached.",
                                     quota, answer->subscription->id, disk->region);
                        return false;
                }
        return true;
}
