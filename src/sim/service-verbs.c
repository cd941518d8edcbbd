/*
 * The verbs: the world as other people's hands change it.
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

int service_add_disk(struct service *service, struct utc now, const struct service_disk_spec *spec,
                     const struct service_resource **ret_disk) {
        _cleanup_(service_resource_freep) struct service_resource *disk = NULL;
        struct group *group;
        int r;

        if (!service_name_is_valid(spec->name) ||
            (spec->region && !service_region_is_valid(spec->region)) ||
            (spec->sku && !service_sku_is_valid(spec->sku)))
                return SERVICE_E_INVALID;
        group = service_find_group(service, spec->subscription, spec->group);
        if (!group)
                return SERVICE_E_MISSING;

        r = service_resource_new(service, SERVICE_DISK, group, spec->name, &disk);
        if (r < 0)
                return r;
        if (service_find_visible(service, disk->id, now))
                return SERVICE_E_EXISTS;

        disk->unique_id =
                guid_is_nil(&spec->unique_id) ? service_draw_guid(service) : spec->unique_id;
        disk->size_gib = spec->size_gib ?: 64;
        disk->time_created = service_written(service, now);
        disk->created_at = disk->done_at = now;
        r = service_set_string(&disk->region, spec->region ?: group->region);
        r = r ?: service_set_string(&disk->sku, spec->sku ?: "Premium_LRS");
        r = r ?: service_set_string(&disk->create_option, "Empty");
        r = r ?: service_set_string(&disk->network_access, "AllowAll");
        r = r ?: service_set_string(&disk->public_access, "Enabled");
        r = r ?: service_tags_copy(disk, spec->tags, spec->n_tags);
        if (r == -E2BIG)
                return SERVICE_E_INVALID;
        r = r ?: service_insert(service, now, disk);
        if (r < 0)
                return r;

        if (ret_disk)
                *ret_disk = disk;
        disk = NULL; /* consumed */
        return 0;
}

/* The values of a snapshot that its disk decides when the spec does not. */
static int snapshot_fill(struct service *service, const struct service_snapshot_spec *spec,
                         struct group *group, struct service_resource *snapshot) {
        const struct service_resource *disk = service_find_living(service, spec->source_id);
        const char *region = spec->region;
        int r;

        if (!region)
                region = disk ? disk->region : group->region;
        snapshot->size_gib = spec->size_gib ?: (disk ? disk->size_gib : 64);
        snapshot->source_unique_id = spec->source_unique_id;
        if (guid_is_nil(&spec->source_unique_id))
                snapshot->source_unique_id = disk ? disk->unique_id : service_draw_guid(service);
        r = service_set_string(&snapshot->region, region);
        r = r ?: service_set_string(&snapshot->sku, spec->sku ?: "Standard_LRS");
        r = r ?: service_set_string(&snapshot->create_option, spec->create_option ?: "Copy");
        r = r ?: service_set_string(&snapshot->source_id, spec->source_id);
        r = r ?: service_set_string(&snapshot->network_access, "AllowAll");
        r = r ?: service_set_string(&snapshot->public_access, "Enabled");
        r = r ?: service_tags_copy(snapshot, spec->tags, spec->n_tags);
        return r;
}

int service_add_snapshot(struct service *service, struct utc now,
                         const struct service_snapshot_spec *spec,
                         const struct service_resource **ret_snapshot) {
        _cleanup_(service_resource_freep) struct service_resource *snapshot = NULL;
        struct group *group;
        int r;

        if (!service_name_is_valid(spec->name) ||
            (spec->region && !service_region_is_valid(spec->region)) ||
            (spec->sku && !service_sku_is_valid(spec->sku)))
                return SERVICE_E_INVALID;
        group = service_find_group(service, spec->subscription, spec->group);
        if (!group)
                return SERVICE_E_MISSING;

        r = service_resource_new(service, SERVICE_SNAPSHOT, group, spec->name, &snapshot);
        if (r < 0)
                return r;
        if (service_find_visible(service, snapshot->id, now))
                return SERVICE_E_EXISTS;

        snapshot->unique_id =
                guid_is_nil(&spec->unique_id) ? service_draw_guid(service) : spec->unique_id;
        snapshot->incremental = !spec->full;
        snapshot->fails = spec->failed;
        snapshot->time_created =
                utc_is_set(spec->time_created) ? spec->time_created : service_written(service, now);
        snapshot->created_at = now;
        snapshot->done_at = spec->updating ? UTC_NEVER : now;
        r = snapshot_fill(service, spec, group, snapshot);
        if (r == -E2BIG)
                return SERVICE_E_INVALID;
        r = r ?: service_insert(service, now, snapshot);
        if (r < 0)
                return r;

        if (ret_snapshot)
                *ret_snapshot = snapshot;
        snapshot = NULL; /* consumed */
        return 0;
}

int service_delete(struct service *service, struct utc now, const char *id) {
        struct service_resource *resource = service_find_living(service, id);
        int r;

        if (!resource)
                return SERVICE_E_MISSING;

        r = service_remove(service, now, resource, 0);
        if (r < 0)
                return r;
        return service->options.listing_lag_ns > 0 ? 0 : service_bury(service, resource);
}

int service_recreate_disk(struct service *service, struct utc now, const char *id,
                          const struct service_resource **ret_disk) {
        struct service_resource *old = service_find_living(service, id);
        struct service_disk_spec spec;
        int r;

        if (!old || old->kind != SERVICE_DISK)
                return SERVICE_E_MISSING;

        /* The old one stays allocated, for the journal. */
        r = service_delete(service, now, id);
        if (r != 0)
                return r;

        spec = (struct service_disk_spec){
                .subscription = old->subscription,
                .group = old->group,
                .name = old->name,
                .region = old->region,
                .sku = old->sku,
                .size_gib = old->size_gib,
                .tags = old->tags,
                .n_tags = old->n_tags,
        };
        return service_add_disk(service, now, &spec, ret_disk);
}

int service_retag(struct service *service, struct utc now, const char *id,
                  const struct service_tag *tags, size_t n_tags) {
        struct service_resource *resource = service_find_living(service, id);
        int r;

        if (!resource)
                return SERVICE_E_MISSING;

        service_tags_clear(resource);
        r = service_tags_copy(resource, tags, n_tags);
        if (r < 0)
                return r == -E2BIG ? SERVICE_E_INVALID : r;
        return service_note(service, now, SERVICE_EFFECT_TAGGED, resource);
}

int service_set_tag(struct service *service, struct utc now, const char *id, const char *name,
                    const char *value) {
        struct service_resource *resource = service_find_living(service, id);
        int r;

        if (!resource)
                return SERVICE_E_MISSING;

        if (value) {
                r = service_tag_set(resource, name, value);
                if (r < 0)
                        return r == -E2BIG ? SERVICE_E_INVALID : r;
        } else
                service_tag_unset(resource, name);
        return service_note(service, now, SERVICE_EFFECT_TAGGED, resource);
}
