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

        if (!service_name_is_valid(SERVICE_DISK, spec->name) ||
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
        disk->max_shares = spec->max_shares;
        disk->uploading = spec->uploading;
        disk->time_created = service_written(service, now);
        disk->created_at = disk->done_at = now;
        r = service_set_string(&disk->region, spec->region ?: group->region);
        r = r ?: service_set_string(&disk->sku, spec->sku ?: "Premium_LRS");
        r = r ?: service_set_string(&disk->create_option, spec->uploading ? "Upload" : "Empty");
        r = r ?: service_set_string(&disk->encryption_set, spec->encryption_set);
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
        if (disk)
                r = r ?: service_set_string(&snapshot->encryption_set, disk->encryption_set);
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

        if (!service_name_is_valid(SERVICE_SNAPSHOT, spec->name) ||
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
        if (spec->copy_ns > 0)
                snapshot->copied_at.ticks = now.ticks + spec->copy_ns / NSEC_PER_TICK;
        r = snapshot_fill(service, spec, group, snapshot);
        if (r == -E2BIG)
                return SERVICE_E_INVALID;
        r = r ?: service_insert(service, now, snapshot);
        if (r < 0)
                return r;

        service->n_started += strcmp(snapshot->create_option, "CopyStart") == 0;
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

        if (service_resource_is_locked(resource))
                return SERVICE_E_LOCKED;

        r = service_tags_settle(service, now);
        r = r ?: service_remove(service, now, resource, 0);
        return r < 0 ? r : service_purge(service, now);
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
                .encryption_set = old->encryption_set,
                .max_shares = old->max_shares,
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

        r = service_tags_settle(service, now);
        r = r ?: service_tags_keep(service, now, resource);
        if (r < 0)
                return r;
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

        r = service_tags_settle(service, now);
        r = r ?: service_tags_keep(service, now, resource);
        if (r < 0)
                return r;
        if (value) {
                r = service_tag_set(resource, name, value);
                if (r < 0)
                        return r == -E2BIG ? SERVICE_E_INVALID : r;
        } else
                service_tag_unset(resource, name);
        return service_note(service, now, SERVICE_EFFECT_TAGGED, resource);
}

int service_deform(struct service *service, const char *id, bool deformed) {
        struct service_resource *resource = service_find_living(service, id);

        if (!resource)
                return SERVICE_E_MISSING;
        resource->deformed = deformed;
        service_resource_changed(resource);
        return 0;
}

int service_move_disk(struct service *service, struct utc now, const char *id,
                      const char *new_subscription, const char *new_group, const char *new_name) {
        _cleanup_(service_resource_freep) struct service_resource *disk = NULL;
        struct service_resource *old = service_find_living(service, id);
        const char *name;
        struct group *group;
        int r;

        if (!old || old->kind != SERVICE_DISK)
                return SERVICE_E_MISSING;
        if (service_resource_is_locked(old))
                return SERVICE_E_LOCKED;
        name = new_name ?: old->name;
        if (!service_name_is_valid(SERVICE_DISK, name))
                return SERVICE_E_INVALID;
        group = service_find_group(service, new_subscription ?: old->subscription,
                                   new_group ?: old->group);
        if (!group)
                return SERVICE_E_MISSING;

        r = service_resource_new(service, SERVICE_DISK, group, name, &disk);
        if (r < 0)
                return r;
        if (service_find_visible(service, disk->id, now))
                return SERVICE_E_EXISTS;

        disk->unique_id = old->unique_id;
        disk->size_gib = old->size_gib;
        disk->time_created = old->time_created;
        disk->created_at = now;
        disk->done_at = old->done_at;
        disk->fails = old->fails;
        disk->max_shares = old->max_shares;
        disk->uploading = old->uploading;
        r = service_set_string(&disk->region, old->region);
        r = r ?: service_set_string(&disk->sku, old->sku);
        r = r ?: service_set_string(&disk->create_option, old->create_option);
        r = r ?: service_set_string(&disk->managed_by, old->managed_by);
        r = r ?: service_set_string(&disk->source_id, old->source_id);
        r = r ?: service_set_string(&disk->encryption_set, old->encryption_set);
        r = r ?: service_set_string(&disk->network_access, old->network_access);
        r = r ?: service_set_string(&disk->public_access, old->public_access);
        r = r ?: service_set_string(&disk->hyperv_generation, old->hyperv_generation);
        r = r ?: service_tags_copy(disk, old->tags, old->n_tags);
        r = r ?: service_insert(service, now, disk);
        if (r < 0)
                return r;
        disk = NULL; /* consumed */
        return service_delete(service, now, id);
}

int service_end_upload(struct service *service, struct utc now, const char *id) {
        struct service_resource *disk = service_find_living(service, id);

        if (!disk || !disk->uploading)
                return SERVICE_E_MISSING;
        disk->uploading = false;
        service_resource_changed(disk);
        return 0;
}

/* The chain's count of copies under way lets it go. */
static void copy_fail(struct service_resource *snapshot, struct utc now) {
        struct chain *chain = snapshot->chain_object;

        snapshot->copy_failed_at = now;
        for (uint32_t i = 0; chain && i < MIN(chain->n_copied, SERVICE_PENDING_MAX); i++)
                if (chain->copied[i].ticks == snapshot->copied_at.ticks) {
                        chain->copied[i] = now;
                        break;
                }
}

static bool is_copying(const struct service_resource *snapshot, struct utc now) {
        return utc_is_set(snapshot->copied_at) && now.ticks < snapshot->copied_at.ticks &&
               !utc_is_set(snapshot->deleted_at) && !service_resource_copy_failed(snapshot, now);
}

void service_fail_copies_of(struct service *service, struct utc now,
                            const struct service_resource *source) {
        for (size_t i = 0; i < service->n_rows; i++) {
                struct service_resource *snapshot = service->rows[i];

                if (snapshot->kind == SERVICE_SNAPSHOT && is_copying(snapshot, now) &&
                    guid_compare(&snapshot->source_unique_id, &source->unique_id) == 0)
                        copy_fail(snapshot, now);
        }
}

int service_resize_disk(struct service *service, struct utc now, const char *id,
                        uint32_t size_gib) {
        struct service_resource *disk = service_find_living(service, id);
        bool grows;

        if (!disk || disk->kind != SERVICE_DISK)
                return SERVICE_E_MISSING;

        grows = size_gib > disk->size_gib;
        disk->size_gib = size_gib;
        service_resource_changed(disk);
        if (grows)
                service_fail_copies_of(service, now, disk);
        return 0;
}

int service_fail_copy(struct service *service, struct utc now, const char *id) {
        struct service_resource *snapshot = service_find_living(service, id);

        if (!snapshot || !is_copying(snapshot, now))
                return SERVICE_E_MISSING;

        copy_fail(snapshot, now);
        return 0;
}

int service_fail_update(struct service *service, struct utc now, const char *id) {
        struct service_resource *resource = service_find_living(service, id);

        if (!resource)
                return SERVICE_E_MISSING;
        resource->fails = true;
        resource->done_at = now;
        service_resource_changed(resource);
        return 0;
}

int service_delete_group(struct service *service, struct utc now, const char *subscription,
                         const char *name) {
        struct group *group = service_find_group(service, subscription, name);
        int r;

        if (!group)
                return SERVICE_E_MISSING;
        for (size_t i = 0; i < service->n_rows; i++)
                if (service->rows[i]->group_object == group &&
                    !utc_is_set(service->rows[i]->deleted_at) &&
                    service_resource_is_locked(service->rows[i]))
                        return SERVICE_E_LOCKED;

        r = service_tags_settle(service, now);
        if (r < 0)
                return r;
        for (size_t i = service->n_rows; i > 0; i--) {
                struct service_resource *resource = service->rows[i - 1];

                if (resource->group_object != group || utc_is_set(resource->deleted_at))
                        continue;
                r = service_remove(service, now, resource, 0);
                if (r < 0)
                        return r;
        }
        group->gone = true;
        return service_purge(service, now);
}
