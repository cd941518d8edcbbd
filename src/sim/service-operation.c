/*
 * Long-running operations.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"
#include "sim/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Operations. Their GUIDs hold the serial, so that finding one is no search. */

#define OPERATION_KEY UINT64_C(0x2545f4914f6cdd1d)
#define OPERATION_SERIAL_MASK (UINT64_MAX >> 2)

static struct guid operation_guid(const struct service *service, uint64_t serial) {
        return guid_from_random(sim_mix(service->options.seed ^ OPERATION_KEY, serial),
                                serial ^ OPERATION_KEY);
}

/* Old ones go by the half, so that moving the rest is paid for by many. */
static void operations_drop_old(struct service *service, struct utc now) {
        int64_t oldest = now.ticks - SERVICE_OPERATION_KEPT_S * TICKS_PER_SEC;
        size_t n = 0;

        if (service->n_operations < 64 ||
            service->operations[service->n_operations / 2].end.ticks >= oldest)
                return;

        while (n < service->n_operations && service->operations[n].end.ticks < oldest)
                n++;
        memmove(service->operations, service->operations + n,
                (service->n_operations - n) * sizeof(*service->operations));
        service->n_operations -= n;
        service->first_operation += n;
}

static int64_t retry_after(int64_t operation_ns) {
        if (operation_ns < NSEC_PER_SEC / 2)
                return 0;
        return operation_ns <= NSEC_PER_SEC ? 1 : 2;
}

static void operation_url(struct strbuf *url, const char *origin, const char *subscription,
                          const char *region, const struct guid *guid, const char *version) {
        static const struct guid provider = {{0x42, 0x12, 0x8a, 0xf7, 0x4c, 0x72, 0x42, 0x22, 0x97,
                                              0x61, 0xfb, 0x0d, 0x8e, 0x6c, 0xeb, 0xdc}};

        strbuf_append_str(url, origin);
        SIM_APPEND(url, "/subscriptions/");
        strbuf_append_str(url, subscription);
        SIM_APPEND(url, "/providers/Microsoft.Compute/locations/");
        strbuf_append_str(url, region);
        SIM_APPEND(url, "/DiskOperations/");
        sim_append_guid(url, guid);
        SIM_APPEND(url, "?p=");
        sim_append_guid(url, &provider);
        SIM_APPEND(url, "&api-version=");
        strbuf_append_str(url, version);
}

/* Begins an operation on the resource and answers 202 with its URLs. */
int service_operation_begin(struct service *service, struct utc now,
                            const struct service_call *call, const struct route *route,
                            const struct service_resource *resource, enum operation_kind kind,
                            int64_t ns, struct answer *answer) {
        _cleanup_(freep) char *version = NULL;
        _cleanup_(strbuf_deinit) struct strbuf url = {};
        struct operation *operation;
        struct guid guid;
        int r;

        operations_drop_old(service, now);
        r = query_get(route->query, "api-version", false, &version);
        if (r < 0)
                return r;
        r = array_grow(&service->operations, service->n_operations, &service->operations_capacity,
                       sizeof(*service->operations), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;

        operation = &service->operations[service->n_operations];
        *operation = (struct operation){
                .serial = service->first_operation + service->n_operations,
                .start = now,
                .end = {now.ticks + ns / NSEC_PER_TICK},
                .start_written = service_written(service, now),
                .fails = (kind == OPERATION_PUT && resource->fails) ||
                         (kind == OPERATION_DELETE && call->fail_operation),
                .kind = kind,
                .resource = resource,
        };
        service->n_operations++;

        guid = operation_guid(service, operation->serial);
        operation_url(&url, route->origin, resource->subscription, resource->region, &guid,
                      version);
        answer->status = 202;
        answer->retry_after_s = retry_after(ns);
        if (service->options.no_operation_urls)
                return 0;
        return strbuf_take(&url, &answer->operation_url);
}

static struct operation *operation_find(struct service *service, const char *text) {
        struct operation *operation;
        struct guid guid, expected;
        uint64_t serial = 0;

        if (guid_parse(text, strlen(text), &guid) < 0)
                return NULL;
        for (int i = 8; i < 16; i++)
                serial = serial << 8 | guid.bytes[i];
        serial = (serial ^ OPERATION_KEY) & OPERATION_SERIAL_MASK;
        if (serial < service->first_operation ||
            serial - service->first_operation >= service->n_operations)
                return NULL;

        operation = &service->operations[serial - service->first_operation];
        expected = operation_guid(service, serial);
        return guid_compare(&guid, &expected) == 0 ? operation : NULL;
}

static bool operation_has_output(const struct operation *operation) {
        return operation->kind == OPERATION_BEGIN_ACCESS ||
               (operation->kind == OPERATION_PUT && operation->resource);
}

static void operation_output(const struct service *service, struct utc now,
                             const struct operation *operation, struct strbuf *body) {
        if (!operation_has_output(operation))
                return;
        if (operation->kind == OPERATION_BEGIN_ACCESS)
                sim_json_access(body, service, operation->serial);
        else
                sim_json_resource(body, operation->resource, now);
}

static int get_operation_result(const struct service *service, struct utc now,
                                const struct service_call *call, const struct operation *operation,
                                struct answer *answer) {
        if (now.ticks < operation->end.ticks) {
                answer->status = 202;
                answer->retry_after_s =
                        retry_after((operation->end.ticks - now.ticks) * NSEC_PER_TICK);
                return service_set_string(&answer->location, call->url);
        }
        if (operation->fails)
                return answer_error(answer, 500, "service", "InternalExecutionError",
                                    "An internal execution error occurred.");
        answer->status = 200;
        operation_output(service, now, operation, &answer->body);
        return 0;
}

int service_operation_get(struct service *service, struct utc now, const struct service_call *call,
                          const struct route *route, struct answer *answer) {
        _cleanup_(freep) char *monitor = NULL;
        struct strbuf *body = &answer->body;
        struct operation *operation;
        char text[GUID_TEXT_SIZE];
        struct guid guid;
        bool running;
        int64_t ticks;
        int r;

        operation = operation_find(service, route->operation);
        if (!operation)
                return answer_error(answer, 404, "service", "NotFound",
                                    "The entity was not found.");
        if (!service_may(call, route,
                         operation->resource ? operation->resource->group_object : NULL, answer))
                return 0;
        r = query_get(route->query, "monitor", false, &monitor);
        if (r < 0)
                return r;
        if (monitor && str_equal_nocase(monitor, "true"))
                return get_operation_result(service, now, call, operation, answer);

        running = now.ticks < operation->end.ticks;
        ticks = operation->end.ticks - operation->start.ticks;
        answer->status = 200;
        strbuf_append_str(body, "{\"startTime\":");
        sim_json_time(body, operation->start_written);
        if (!running) {
                strbuf_append_str(body, ",\"endTime\":");
                sim_json_time(body, (struct utc){operation->start_written.ticks + ticks});
        } else
                answer->retry_after_s =
                        retry_after((operation->end.ticks - now.ticks) * NSEC_PER_TICK);
        strbuf_appendf(body, ",\"status\":\"%s\"",
                       running            ? "InProgress"
                       : operation->fails ? "Failed"
                                          : "Succeeded");
        if (!running && operation->fails)
                strbuf_append_str(body, ",\"error\":{\"code\":\"InternalExecutionError\","
                                        "\"message\":\"An internal execution error occurred.\"}");
        else if (!running && operation_has_output(operation)) {
                strbuf_append_str(body, ",\"properties\":{\"output\":");
                operation_output(service, now, operation, body);
                strbuf_append_char(body, '}');
        }
        guid = operation_guid(service, operation->serial);
        strbuf_appendf(body, ",\"name\":\"%s\"}", guid_format(&guid, text));
        return 0;
}
