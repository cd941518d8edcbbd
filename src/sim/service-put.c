/*
 * Creating disks and snapshots: what a body may say, the limits, and what an existing name does.
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Chosen: those of the regions with availability zones that tests speak of. There a snapshot whose
 * request names no sku becomes zone-redundant. */
static bool region_has_zones(const char *region) {
        static const char *const regions[] = {"westeurope", "northeurope",   "eastus",
                                              "eastus2",    "westus2",       "westus3",
                                              "uksouth",    "swedencentral", "francecentral"};

        for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
                if (str_equal_nocase(regions[i], region))
                        return true;
        return false;
}

/* Bodies of requests. */

int answer_bad_content(struct answer *answer) {
        return answer_error(answer, 400, "gateway", "InvalidRequestContent",
                            "The request content was invalid and could not be deserialized.");
}

/* "Use tags to organize your Azure resources", Microsoft Learn. */
static bool tag_is_valid(const cJSON *tag) {
        const char *value = cJSON_GetStringValue(tag);
        size_t len = strlen(tag->string);

        return value && len > 0 && len <= 512 && strlen(value) <= 256 &&
               strcspn(tag->string, "<>%&\\?/") == len &&
               !str_starts_with_nocase(tag->string, "azure") &&
               !str_starts_with_nocase(tag->string, "microsoft") &&
               !str_starts_with_nocase(tag->string, "windows");
}

/* Adds the tags to the resource. Returns 0, 1 after answering, or -ENOMEM. */
int service_tags_read(const cJSON *tags, struct service_resource *resource, struct answer *answer) {
        const cJSON *tag;
        int r;

        if (!tags || cJSON_IsNull(tags))
                return 0;
        if (!cJSON_IsObject(tags)) {
                answer_bad_content(answer);
                return 1;
        }
        resource->has_tags = true;
        cJSON_ArrayForEach(tag, tags) {
                if (!tag_is_valid(tag)) {
                        answer_error(answer, 400, "gateway", "InvalidTagNameOrValue",
                                     "A tag name or value is invalid.");
                        return 1;
                }
                r = service_tag_set(resource, tag->string, cJSON_GetStringValue(tag));
                if (r == -E2BIG) {
                        answer_error(answer, 400, "gateway", "TooManyTags",
                                     "The maximum number of tags is %d.", SERVICE_TAGS_MAX);
                        return 1;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the body says of its sku: one that there is, NULL when it says nothing. Returns whether. */
static bool sku_read(const cJSON *body, enum service_kind kind, const char **ret_sku,
                     struct answer *answer) {
        static const char *const skus[] = {"Standard_LRS",    "Premium_LRS",     "Standard_ZRS",
                                           "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_ZRS",
                                           "UltraSSD_LRS",    "PremiumV2_LRS"};
        size_t n = kind == SERVICE_SNAPSHOT ? 3 : ARRAY_SIZE(skus);
        const char *sku;

        sku = json_get_string(cJSON_GetObjectItemCaseSensitive(body, "sku"), "name");
        *ret_sku = NULL;
        if (!sku)
                return true;
        for (size_t i = 0; i < n; i++)
                if (str_equal_nocase(skus[i], sku)) {
                        *ret_sku = skus[i];
                        return true;
                }
        answer_error(answer, 400, "service", "InvalidParameter",
                     "The value '%s' of parameter sku.name is invalid.", sku);
        return false;
}

static bool has_tags(const struct service_resource *resource,
                     const struct service_resource *other) {
        for (size_t i = 0; i < other->n_tags; i++) {
                const char *value = service_tag_get(resource, other->tags[i].name);

                if (!value || strcmp(value, other->tags[i].value) != 0)
                        return false;
        }
        return resource->n_tags == other->n_tags;
}

/* What can be changed of a resource that exists: its whole set of tags, if the body has one, and who
 * may reach it. Returns 0, 1 after answering, or -ENOMEM. */
static int update(struct service *service, struct utc now, const cJSON *body,
                  struct service_resource *resource, struct answer *answer) {
        const cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");
        const cJSON *tags = cJSON_GetObjectItemCaseSensitive(body, "tags");
        const char *network = json_get_string(properties, "networkAccessPolicy");
        const char *public = json_get_string(properties, "publicNetworkAccess");
        _cleanup_(service_resource_freep) struct service_resource *scratch = NULL;
        int r;

        scratch = calloc(1, sizeof(*scratch));
        if (!scratch)
                return -ENOMEM;
        r = service_tags_read(tags, scratch, answer);
        if (r != 0)
                return r;
        if (scratch->has_tags && !has_tags(resource, scratch))
                r = service_tags_take(service, now, resource, scratch);
        if (network && r == 0)
                r = service_set_string(&resource->network_access, network);
        if (public && r == 0)
                r = service_set_string(&resource->public_access, public);
        service_resource_changed(resource);
        return r;
}

static int answer_updated(struct service *service, struct utc now, const struct service_call *call,
                          const struct route *route, const struct service_resource *resource,
                          struct answer *answer) {
        if (service->options.repeated_is_200) {
                answer->status = 200;
                sim_json_resource(&answer->body, resource, now);
                return 0;
        }
        sim_json_accepted(&answer->body, resource, service->options.bare_accepted);
        return service_operation_begin(service, now, call, route, resource, OPERATION_PUT, 0,
                                       answer);
}

int answer_busy(const struct service_resource *resource, struct answer *answer) {
        return answer_error(answer, 409, "service", "Conflict",
                            "Another operation on '%s' is in progress.", resource->name);
}

/* A name that exists: a PUT of the same source is an update at most, and above all takes no new point
 * in time. */
static int put_again(struct service *service, struct utc now, const struct service_call *call,
                     const struct route *route, struct service_resource *resource,
                     const cJSON *body, const char *source, struct answer *answer) {
        int r;

        if (utc_is_set(resource->deleted_at) || resource->tagging)
                return answer_busy(resource, answer);
        if (!source != !resource->source_id ||
            (source && !str_equal_nocase(source, resource->source_id)))
                return answer_error(answer, 400, "service", "BadRequest",
                                    "Changing property 'sourceResourceId' is not allowed for "
                                    "existing disk '%s'.",
                                    resource->name);

        r = update(service, now, body, resource, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        r = answer_updated(service, now, call, route, resource, answer);
        if (r < 0)
                return r;
        service->counts.repeated++;
        return service_note(service, now, SERVICE_EFFECT_REPEATED, resource);
}

int service_patch(struct service *service, struct utc now, const struct service_call *call,
                  const struct route *route, struct service_resource *resource,
                  struct answer *answer) {
        _cleanup_(cjson_deletep) cJSON *body = NULL;
        int r;

        if (call->body)
                body = cJSON_ParseWithLength(call->body, call->body_len);
        if (!cJSON_IsObject(body))
                return answer_bad_content(answer);
        if (utc_is_set(resource->deleted_at) || resource->tagging)
                return answer_busy(resource, answer);

        r = update(service, now, body, resource, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        return answer_updated(service, now, call, route, resource, answer);
}

/* The values that both kinds take from the body. Returns 0, 1 after answering, or -ENOMEM. */
static int put_common(struct service *service, struct utc now, const struct service_call *call,
                      const cJSON *body, struct service_resource *resource, struct answer *answer) {
        const cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");
        int64_t ns = call->operation_ns ?: service->options.operation_ns;
        int r;

        if (str_equal_nocase(json_get_string(properties, "networkAccessPolicy") ?: "",
                             "AllowPrivate") &&
            !json_get_string(properties, "diskAccessId")) {
                answer_error(answer, 400, "service", "InvalidParameter",
                             "Required parameter 'diskAccessId' is missing (null).");
                return 1;
        }
        resource->unique_id = service_draw_guid(service);
        resource->time_created = service_written(service, now);
        resource->created_at = now;
        resource->done_at = (struct utc){now.ticks + ns / NSEC_PER_TICK};
        resource->fails = call->fail_operation;
        r = service_set_string(&resource->network_access,
                               json_get_string(properties, "networkAccessPolicy") ?: "AllowAll");
        r = r
                    ?: service_set_string(&resource->public_access,
                                          json_get_string(properties, "publicNetworkAccess")
                                                  ?: "Enabled");
        r = r
                    ?: service_set_string(&resource->hyperv_generation,
                                          json_get_string(properties, "hyperVGeneration"));
        r = r
                    ?: service_tags_read(cJSON_GetObjectItemCaseSensitive(body, "tags"), resource,
                                         answer);
        return r;
}

static int put_finish(struct service *service, struct utc now, const struct service_call *call,
                      const struct route *route, struct service_resource **resource,
                      struct answer *answer) {
        int64_t ns = call->operation_ns ?: service->options.operation_ns;
        const struct service_resource *inserted = *resource;
        int r;

        r = service_insert(service, now, *resource);
        if (r < 0)
                return r;
        *resource = NULL; /* consumed */

        sim_json_accepted(&answer->body, inserted, service->options.bare_accepted);
        return service_operation_begin(service, now, call, route, inserted, OPERATION_PUT, ns,
                                       answer);
}

/* Returns whether it is none, or a number of machines. */
static bool shares_read(const cJSON *properties, struct service_resource *disk,
                        struct answer *answer) {
        const cJSON *shares = cJSON_GetObjectItemCaseSensitive(properties, "maxShares");

        if (!shares)
                return true;
        if (!cJSON_IsNumber(shares) ||
            !(shares->valuedouble >= 1 && shares->valuedouble <= SERVICE_SHARES_MAX)) {
                answer_error(answer, 400, "service", "InvalidParameter",
                             "The value of parameter disk.maxShares is invalid.");
                return false;
        }
        disk->max_shares = (uint32_t)shares->valuedouble;
        return true;
}

static int put_disk(struct service *service, struct utc now, const struct service_call *call,
                    const struct route *route, struct group *group, const cJSON *body,
                    struct answer *answer) {
        _cleanup_(service_resource_freep) struct service_resource *disk = NULL;
        const cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");
        const cJSON *creation = cJSON_GetObjectItemCaseSensitive(properties, "creationData");
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(properties, "diskSizeGB");
        const char *location = json_get_string(body, "location");
        const char *option = json_get_string(creation, "createOption");
        struct service_resource *old;
        const char *sku;
        int r;

        if (!option || !str_equal_nocase(option, "Empty"))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter creationData.createOption is invalid.");
        r = service_resource_new(service, SERVICE_DISK, group, route->name, &disk);
        if (r < 0)
                return r;
        old = service_find_visible(service, disk->id, now);
        if (old)
                return put_again(service, now, call, route, old, body, NULL, answer);
        if (!cJSON_IsNumber(size) || !(size->valuedouble >= 1 && size->valuedouble <= 65536))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter disk.diskSizeGB is invalid.");

        disk->size_gib = (uint32_t)size->valuedouble;
        if (!sku_read(body, SERVICE_DISK, &sku, answer) || !shares_read(properties, disk, answer))
                return 0;
        r = service_encryption_read(properties, disk, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        r = service_set_string(&disk->region, location);
        r = r ?: service_set_string(&disk->create_option, "Empty");
        r = r ?: service_set_string(&disk->sku, sku ?: "Standard_LRS");
        r = r ?: put_common(service, now, call, body, disk, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        return put_finish(service, now, call, route, &disk, answer);
}

/* Limits of incremental snapshots of one disk. Returns whether one more is allowed. */
static bool chain_has_room(struct service *service, struct utc now,
                           const struct service_resource *disk, struct answer *answer) {
        const struct chain *chain = service_find_chain(service, &disk->unique_id);
        unsigned recent = 0, pending = 0;

        if (!chain || service->options.no_limits)
                return true;

        for (uint32_t i = 0; i < MIN(chain->n_recent, SERVICE_BURST_MAX); i++)
                recent +=
                        now.ticks - chain->recent[i].ticks < SERVICE_BURST_SECONDS * TICKS_PER_SEC;
        for (uint32_t i = 0; i < MIN(chain->n_copied, SERVICE_PENDING_MAX); i++)
                pending += now.ticks < chain->copied[i].ticks;

        if (chain->alive >= SERVICE_CHAIN_MAX)
                answer_error(answer, 409, "service", "SnapshotsLimitReached",
                             "The maximum number of incremental snapshots (%d) of disk '%s' is "
                             "reached.",
                             SERVICE_CHAIN_MAX, disk->name);
        else if (recent >= SERVICE_BURST_MAX)
                answer_error(answer, 409, "service", "OperationNotAllowed",
                             "At most %d incremental snapshots of disk '%s' can be created in %d "
                             "minutes.",
                             SERVICE_BURST_MAX, disk->name, SERVICE_BURST_SECONDS / 60);
        else if (pending >= SERVICE_PENDING_MAX)
                answer_error(answer, 409, "service", "OperationNotAllowed",
                             "%d background copies of disk '%s' are under way.",
                             SERVICE_PENDING_MAX, disk->name);
        else
                return true;
        return false;
}

/* The disk a snapshot is to be made of, or NULL after answering. */
static const struct service_resource *put_source(struct service *service, struct utc now,
                                                 const char *location, const char *source,
                                                 bool incremental, struct answer *answer) {
        const struct service_resource *disk = service_find_visible(service, source, now);

        /* A wrong region gets the words of a missing disk, as Azure's misleading answer has it. */
        if (!disk || disk->kind != SERVICE_DISK || utc_is_set(disk->deleted_at) ||
            !str_equal_nocase(disk->region, location)) {
                answer_error(answer, 404, "service", "ResourceNotFound",
                             "The source disk '%s' can't be found.", source);
                return NULL;
        }
        if (disk->subscription != answer->subscription->id) {
                answer_error(answer, 400, "service", "InvalidParameter",
                             "The source disk must be in the same subscription.");
                return NULL;
        }
        if (service_rights_in(answer->subscription, disk->group_object) > SERVICE_RIGHTS_UNLISTED) {
                answer_error(answer, 403, "gateway", "LinkedAuthorizationFailed",
                             "The client '%s' has permission to perform action "
                             "'Microsoft.Compute/snapshots/write'; however, it does not have "
                             "permission to perform action 'Microsoft.Compute/disks/"
                             "beginGetAccess/action' on the linked scope '%s'.",
                             answer->client, disk->id);
                return NULL;
        }
        if (!incremental && service_sku_has_copies(disk->sku)) {
                answer_error(answer, 400, "service", "BadRequest",
                             "Only incremental snapshots of a disk of sku '%s' are supported.",
                             disk->sku);
                return NULL;
        }
        if (disk->uploading) {
                answer_error(answer, 409, "service", "OperationNotAllowed",
                             "The operation is not allowed on disk '%s' in state 'ReadyToUpload'.",
                             disk->name);
                return NULL;
        }
        if (!service_has_key(service, disk, answer) || !service_has_quota(service, disk, answer))
                return NULL;
        if (!incremental)
                return disk;
        return chain_has_room(service, now, disk, answer) ? disk : NULL;
}

static int put_snapshot(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct group *group, const cJSON *body,
                        struct answer *answer) {
        _cleanup_(service_resource_freep) struct service_resource *snapshot = NULL;
        const cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");
        const cJSON *creation = cJSON_GetObjectItemCaseSensitive(properties, "creationData");
        const char *location = json_get_string(body, "location");
        const char *option = json_get_string(creation, "createOption");
        const char *source = json_get_string(creation, "sourceResourceId");
        const struct service_resource *disk;
        struct service_resource *old;
        const char *sku;
        int r;

        if (!option || !source || !str_equal_nocase(option, "Copy"))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value of parameter creationData is invalid.");
        r = service_resource_new(service, SERVICE_SNAPSHOT, group, route->name, &snapshot);
        if (r < 0)
                return r;
        old = service_find_visible(service, snapshot->id, now);
        if (old)
                return put_again(service, now, call, route, old, body, source, answer);

        if (!sku_read(body, SERVICE_SNAPSHOT, &sku, answer))
                return 0;
        snapshot->incremental =
                cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(properties, "incremental"));
        disk = put_source(service, now, location, source, snapshot->incremental, answer);
        if (!disk)
                return 0;
        if (!sku)
                sku = region_has_zones(disk->region) ? "Standard_ZRS" : "Standard_LRS";
        if (strcmp(sku, "Standard_ZRS") == 0 &&
            (service->options.no_zones || !region_has_zones(disk->region)))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The value 'Standard_ZRS' of parameter sku.name is not "
                                    "available in location '%s'.",
                                    disk->region);

        snapshot->size_gib = disk->size_gib;
        r = service_set_string(&snapshot->encryption_set, disk->encryption_set);
        if (r < 0)
                return r;
        snapshot->source_unique_id = disk->unique_id;
        r = service_set_string(&snapshot->region, disk->region);
        r = r ?: service_set_string(&snapshot->create_option, "Copy");
        r = r ?: service_set_string(&snapshot->source_id, source);
        r = r ?: service_set_string(&snapshot->sku, sku);
        r = r ?: put_common(service, now, call, body, snapshot, answer);
        if (r != 0)
                return r < 0 ? r : 0;
        if (service_sku_has_copies(disk->sku))
                snapshot->copied_at = (struct utc){snapshot->done_at.ticks +
                                                   service->options.copy_ns / NSEC_PER_TICK};
        if (call->fail_copy && utc_is_set(snapshot->copied_at))
                snapshot->copy_failed_at.ticks =
                        snapshot->done_at.ticks + service->options.copy_ns / NSEC_PER_TICK / 2;
        return put_finish(service, now, call, route, &snapshot, answer);
}

int service_put(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct group *group, struct answer *answer) {
        _cleanup_(cjson_deletep) cJSON *body = NULL;
        const char *location;

        if (!service_name_is_valid(route->resource_kind, route->name))
                return answer_error(answer, 400, "service", "InvalidParameter",
                                    "The entity name '%s' is invalid.", route->name);
        if (call->body)
                body = cJSON_ParseWithLength(call->body, call->body_len);
        if (!cJSON_IsObject(body))
                return answer_bad_content(answer);
        location = json_get_string(body, "location");
        if (!location || location[0] == '\0')
                return answer_error(answer, 400, "gateway", "LocationRequired",
                                    "The location property is required for this definition.");
        if (!service_region_is_valid(location))
                return answer_error(answer, 400, "gateway", "LocationNotAvailableForResourceType",
                                    "The provided location '%s' is not available.", location);
        return route->resource_kind == SERVICE_DISK
                       ? put_disk(service, now, call, route, group, body, answer)
                       : put_snapshot(service, now, call, route, group, body, answer);
}
