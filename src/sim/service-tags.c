/*
 * The tags resource. Of Compute's resources a change was seen to be an operation (azure-rest-api-specs,
 * issue 20267: 202 for a disk; azure-cli, issue 29566: the tags of before for some seconds), and to be
 * done at once of others: options' tagging_ns chooses. What it does it does at its end, to the tags of
 * then, so that a Merge loses nothing that others set meanwhile.
 *
 * Chosen, since no source says it: while it runs a second change is 409 Conflict, as for anything that
 * Compute is busy with; a DELETE is accepted, as it is of a snapshot that is still made, and ends it.
 */
#include "sim/service-private.h"

#include "base/array.h"

#include <errno.h>
#include <string.h>

int service_tags_answer(const struct service_resource *resource, struct answer *answer) {
        struct strbuf *body = &answer->body;

        answer->status = 200;
        strbuf_appendf(body, "{\"id\":\"%s/providers/Microsoft.Resources/tags/default\",",
                       resource->id);
        strbuf_append_str(body, "\"name\":\"default\",\"type\":\"Microsoft.Resources/tags\","
                                "\"properties\":{\"tags\":");
        sim_json_tags(body, resource);
        strbuf_append_str(body, "}}");
        return 0;
}

/* Applies the operation to @resource. Returns 0, 1 after answering, or -ENOMEM. */
static int tags_apply(const char *operation, const cJSON *tags, struct service_resource *resource,
                      struct answer *answer) {
        const cJSON *tag;

        if (strcmp(operation, "Delete") == 0) {
                cJSON_ArrayForEach(tag, tags) {
                        const char *value = service_tag_get(resource, tag->string);

                        /* Name and value must both be as they are. */
                        if (value && cJSON_IsString(tag) && strcmp(value, tag->valuestring) == 0)
                                service_tag_unset(resource, tag->string);
                }
                return 0;
        }
        if (strcmp(operation, "Replace") == 0)
                service_tags_clear(resource);
        return service_tags_read(tags, resource, answer);
}

static const cJSON *body_tags(const cJSON *body) {
        return cJSON_GetObjectItemCaseSensitive(
                cJSON_GetObjectItemCaseSensitive(body, "properties"), "tags");
}

/* All or nothing: the change is made on a copy. Returns 0, 1 after answering, or -ENOMEM. */
static int tags_change(const struct service_resource *resource, const cJSON *body,
                       struct answer *answer, struct service_resource **ret_scratch) {
        _cleanup_(service_resource_freep) struct service_resource *scratch = NULL;
        int r;

        scratch = calloc(1, sizeof(*scratch));
        if (!scratch)
                return -ENOMEM;
        r = service_tags_copy(scratch, resource->tags, resource->n_tags);
        r = r ?: tags_apply(json_get_string(body, "operation"), body_tags(body), scratch, answer);
        if (r != 0)
                return r;
        *ret_scratch = take_ptr(scratch);
        return 0;
}

int service_tags_take(struct service *service, struct utc now, struct service_resource *resource,
                      struct service_resource *scratch) {
        int r;

        r = service_tags_keep(service, now, resource);
        if (r < 0)
                return r;
        r = service_note(service, now, SERVICE_EFFECT_TAGGED, resource);
        if (r < 0)
                return r;

        service_tags_clear(resource);
        free(resource->tags);
        resource->tags = take_ptr(scratch->tags);
        resource->n_tags = scratch->n_tags;
        resource->tags_capacity = scratch->tags_capacity;
        resource->has_tags = true;
        scratch->n_tags = 0;
        return 0;
}

/* Takes the body over on success. */
static int tags_begin(struct service *service, struct utc now, struct service_resource *resource,
                      cJSON **body, int64_t ns) {
        int r;

        r = array_grow(&service->tagging, service->n_tagging, &service->tagging_capacity,
                       sizeof(struct service_resource *), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;
        resource->tagging = calloc(1, sizeof(*resource->tagging));
        if (!resource->tagging)
                return -ENOMEM;
        resource->tagging->body = take_ptr(*body);
        resource->tagging->request = service->current;
        resource->tagging->client = service->client;
        resource->tagging_at = now;
        resource->tagged_at = (struct utc){now.ticks + ns / NSEC_PER_TICK};
        service->tagging[service->n_tagging++] = resource;
        return 0;
}

int service_tags_patch(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct service_resource *resource,
                       struct answer *answer) {
        _cleanup_(service_resource_freep) struct service_resource *scratch = NULL;
        _cleanup_(cjson_deletep) cJSON *body = NULL;
        int64_t ns = call->operation_ns ?: service->options.tagging_ns;
        const char *operation;
        int r;

        if (call->body)
                body = cJSON_ParseWithLength(call->body, call->body_len);
        operation = json_get_string(body, "operation");
        if (!operation || !cJSON_IsObject(body_tags(body)) ||
            (strcmp(operation, "Merge") != 0 && strcmp(operation, "Replace") != 0 &&
             strcmp(operation, "Delete") != 0))
                return answer_bad_content(answer);

        if (utc_is_set(resource->deleted_at) || resource->tagging)
                return answer_busy(resource, answer);

        r = tags_change(resource, body, answer, &scratch);
        if (r != 0)
                return r < 0 ? r : 0;
        if (service->options.tagging_ns > 0) {
                r = tags_begin(service, now, resource, &body, ns);
                return r
                               ?: service_operation_begin(service, now, call, route, resource,
                                                          OPERATION_TAGS, ns, answer);
        }
        r = service_tags_take(service, now, resource, scratch);
        return r < 0 ? r : service_tags_answer(resource, answer);
}

int service_merge_tag(struct service *service, struct utc now, const char *id, const char *name,
                      const char *value) {
        struct service_resource *resource = service_find_living(service, id);
        _cleanup_(cjson_deletep) cJSON *body = NULL;
        cJSON *tags;
        int r;

        r = service_tags_settle(service, now);
        if (r < 0)
                return r;
        if (!resource)
                return SERVICE_E_MISSING;
        if (resource->tagging)
                return SERVICE_E_BUSY;
        if (service->options.tagging_ns == 0)
                return service_set_tag(service, now, id, name, value);

        body = cJSON_CreateObject();
        tags = cJSON_AddObjectToObject(cJSON_AddObjectToObject(body, "properties"), "tags");
        if (!cJSON_AddStringToObject(body, "operation", "Merge") ||
            !cJSON_AddStringToObject(tags, name, value))
                return -ENOMEM;
        return tags_begin(service, now, resource, &body, service->options.tagging_ns);
}

struct tagging *service_tagging_free(struct tagging *tagging) {
        if (!tagging)
                return NULL;
        cJSON_Delete(tagging->body);
        free(tagging);
        return NULL;
}

/* Of the request that asked for it, in the journal. What others set meanwhile may leave it no room: then
 * it does nothing. */
static int tags_end(struct service *service, struct service_resource *resource) {
        _cleanup_(service_resource_freep) struct service_resource *scratch = NULL;
        uint64_t current = service->current;
        unsigned client = service->client;
        struct answer unheard = {};
        int r;

        service->current = resource->tagging->request;
        service->client = resource->tagging->client;
        r = tags_change(resource, resource->tagging->body, &unheard, &scratch);
        if (r == 0)
                r = service_tags_take(service, resource->tagged_at, resource, scratch);
        service->current = current;
        service->client = client;
        strbuf_deinit(&unheard.body);
        return MIN(r, 0);
}

int service_tags_settle(struct service *service, struct utc now) {
        size_t kept = 0;
        int r = 0;

        for (size_t i = 0; i < service->n_tagging; i++) {
                struct service_resource *resource = service->tagging[i];

                if (r == 0 && resource->tagged_at.ticks <= now.ticks) {
                        r = tags_end(service, resource);
                        if (r == 0) {
                                resource->tagging = service_tagging_free(resource->tagging);
                                continue;
                        }
                }
                service->tagging[kept++] = resource;
        }
        service->n_tagging = kept;
        return r;
}

void service_tags_drop(struct service *service, struct service_resource *resource) {
        size_t kept = 0;

        for (size_t i = 0; i < service->n_tagging; i++)
                if (service->tagging[i] != resource)
                        service->tagging[kept++] = service->tagging[i];
        service->n_tagging = kept;
        resource->tagging = service_tagging_free(resource->tagging);
}

bool service_is_tagging(const struct service_resource *resource, struct utc at) {
        return utc_is_set(resource->tagging_at) && resource->tagging_at.ticks <= at.ticks &&
               at.ticks < resource->tagged_at.ticks;
}
