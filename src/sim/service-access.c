/*
 * Shared access signatures of snapshots: opening and closing, by requests and by hands. Nobody
 * reads through them here; they count for what they forbid.
 */
#include "sim/service-private.h"

#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ACCESS_KEY UINT64_C(0xd1b54a32d192ed03)

/* Snapshots of the family that are open, without this one. */
static unsigned others_open(const struct service *service, const struct service_resource *resource,
                            struct utc now) {
        unsigned n = 0;

        if (!resource->chain_object)
                return 0;
        for (size_t i = 0; i < service->n_rows; i++) {
                const struct service_resource *other = service->rows[i];

                n += other != resource && other->chain_object == resource->chain_object &&
                     !utc_is_set(other->deleted_at) && service_resource_has_access(other, now);
        }
        return n;
}

static void open_until(struct service_resource *resource, struct utc now, int64_t seconds) {
        resource->access_at = now;
        resource->access_until = utc_add_seconds(now, seconds);
}

static int begin_access(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct service_resource *resource,
                        struct answer *answer) {
        _cleanup_(cjson_deletep) cJSON *body = NULL;
        const cJSON *seconds;
        const char *access;

        if (call->body)
                body = cJSON_ParseWithLength(call->body, call->body_len);
        access = json_get_string(body, "access");
        seconds = cJSON_GetObjectItemCaseSensitive(body, "durationInSeconds");
        if (!cJSON_IsObject(body))
                return answer_bad_content(answer);
        if (!access || strcmp(access, "Read") != 0)
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter access is invalid.");
        if (!cJSON_IsNumber(seconds) ||
            !(seconds->valuedouble >= 1 && seconds->valuedouble <= INT32_MAX))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter durationInSeconds is invalid.");
        if (!service_resource_is_complete(resource, now))
                return answer_error(answer, 409, "service", "OperationNotAllowed",
                                    "Snapshot '%s' is not complete.", resource->name);
        if (others_open(service, resource, now) >= SERVICE_ACCESS_MAX)
                return answer_error(answer, 409, "service", "OperationNotAllowed",
                                    "Access to at most %d snapshots of a family can be granted.",
                                    SERVICE_ACCESS_MAX);

        open_until(resource, now, (int64_t)seconds->valuedouble);
        return service_operation_begin(service, now, call, route, resource, OPERATION_BEGIN_ACCESS,
                                       service->options.operation_ns, answer);
}

int service_access(struct service *service, struct utc now, const struct service_call *call,
                   const struct route *route, struct service_resource *resource,
                   struct answer *answer) {
        if (utc_is_set(resource->deleted_at))
                return answer_error(answer, 409, "service", "Conflict",
                                    "Another operation on '%s' is in progress.", resource->name);
        if (route->kind == SERVICE_REQUEST_BEGIN_ACCESS)
                return begin_access(service, now, call, route, resource, answer);

        if (service_resource_has_access(resource, now))
                resource->access_until = now;
        return service_operation_begin(service, now, call, route, resource, OPERATION_END_ACCESS,
                                       service->options.operation_ns, answer);
}

void sim_json_access(struct strbuf *out, const struct service *service, uint64_t serial) {
        uint64_t draw = sim_mix(service->options.seed ^ ACCESS_KEY, serial);

        strbuf_appendf(out,
                       "{\"accessSAS\":\"https://md-%012" PRIx64
                       ".z1.blob.storage.azure.net/%012" PRIx64
                       "/abcd?sv=2018-03-28&sr=b&si=sim&sig=%016" PRIx64 "%016" PRIx64 "\"}",
                       draw >> 16, sim_mix(draw, 1) >> 16, sim_mix(draw, 2), sim_mix(draw, 3));
}

int service_grant(struct service *service, struct utc now, const char *id, int64_t seconds) {
        struct service_resource *resource = service_find_living(service, id);

        if (!resource)
                return SERVICE_E_MISSING;
        if (resource->kind != SERVICE_SNAPSHOT || seconds < 1 ||
            !service_resource_is_complete(resource, now) ||
            others_open(service, resource, now) >= SERVICE_ACCESS_MAX)
                return SERVICE_E_INVALID;

        open_until(resource, now, seconds);
        return 0;
}

int service_revoke(struct service *service, struct utc now, const char *id) {
        struct service_resource *resource = service_find_living(service, id);

        if (!resource)
                return SERVICE_E_MISSING;

        if (service_resource_has_access(resource, now))
                resource->access_until = now;
        return 0;
}
