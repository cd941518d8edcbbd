/*
 * The rows of the service model: each resource by its id, from when it is made until nobody can see it any
 * more, and beyond that for the journal.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"
#include "sim/text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct service_resource *service_resource_free(struct service_resource *resource) {
        if (!resource)
                return NULL;

        service_tags_clear(resource);
        free(resource->tags);
        while (resource->past_tags) {
                struct tag_set *set = resource->past_tags;

                resource->past_tags = set->next;
                service_tag_set_free(set);
        }
        free(resource->name);
        free(resource->id);
        free(resource->region);
        free(resource->sku);
        free(resource->create_option);
        free(resource->managed_by);
        free(resource->source_id);
        free(resource->encryption_set);
        free(resource->network_access);
        free(resource->public_access);
        free(resource->hyperv_generation);
        free(resource->listed);
        service_tagging_free(resource->tagging);
        free(resource);
        return NULL;
}

static uint64_t id_hash(const char *id) {
        return sim_hash_nocase(SIM_HASH_START, id, strlen(id));
}

static int table_grow(struct service *service) {
        size_t size = service->table_size ? service->table_size * 2 : 256;
        struct service_resource **table;

        if (service->n_table < service->table_size)
                return 0;

        table = calloc(size, sizeof(struct service_resource *));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < service->n_rows; i++) {
                struct service_resource *resource = service->rows[i];
                size_t slot = resource->id_hash & (size - 1);

                resource->next_same_hash = table[slot];
                table[slot] = resource;
        }
        free(service->table);
        service->table = table;
        service->table_size = size;
        return 0;
}

static void table_remove(struct service *service, struct service_resource *resource) {
        struct service_resource **p;

        p = &service->table[resource->id_hash & (service->table_size - 1)];
        while (*p != resource)
                p = &(*p)->next_same_hash;
        *p = resource->next_same_hash;
        resource->next_same_hash = NULL;
        service->n_table--;
}

struct service_resource *service_find_visible(const struct service *service, const char *id,
                                              struct utc now) {
        struct service_resource *resource;
        uint64_t hash = id_hash(id);

        if (service->table_size == 0)
                return NULL;
        resource = service->table[hash & (service->table_size - 1)];
        for (; resource; resource = resource->next_same_hash)
                if (resource->id_hash == hash && str_equal_nocase(resource->id, id) &&
                    (!utc_is_set(resource->gone_at) || resource->gone_at.ticks > now.ticks))
                        return resource;
        return NULL;
}

struct service_resource *service_find_living(const struct service *service, const char *id) {
        struct service_resource *resource;

        resource = service_find_visible(service, id, UTC_NEVER);
        return resource && utc_is_set(resource->deleted_at) ? NULL : resource;
}

const struct service_resource *service_find(const struct service *service, const char *id) {
        return service_find_living(service, id);
}

/* The index of the row, which there is. */
static size_t row_index(const struct service *service, const struct service_resource *resource) {
        size_t low = 0, high = service->n_rows;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (service->rows[middle]->serial < resource->serial)
                        low = middle + 1;
                else
                        high = middle;
        }
        assert(low < service->n_rows && service->rows[low] == resource);
        return low;
}

static int row_bury(struct service *service, size_t index) {
        struct service_resource *resource = service->rows[index];
        int r;

        r = array_grow(&service->dead, service->n_dead, &service->dead_capacity,
                       sizeof(*service->dead), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;

        table_remove(service, resource);
        memmove(service->rows + index, service->rows + index + 1,
                (service->n_rows - index - 1) * sizeof(*service->rows));
        service->n_rows--;
        service->dead[service->n_dead++] = resource;
        return 0;
}

/* When neither a GET nor a listing can find it any more. */
static int64_t buried_at(const struct service *service, const struct service_resource *resource) {
        const struct group *group = resource->group_object;

        return resource->gone_at.ticks + service_lag(service, group->subscription);
}

int service_purge(struct service *service, struct utc now) {
        int64_t next = INT64_MAX;
        size_t kept = 0;
        int r = 0;

        if (now.ticks < service->purge_at)
                return 0;

        for (size_t i = 0; i < service->n_lingering; i++) {
                struct service_resource *resource = service->lingering[i];
                int64_t at = buried_at(service, resource);

                if (r == 0 && at <= now.ticks) {
                        r = row_bury(service, row_index(service, resource));
                        if (r == 0)
                                continue;
                }
                next = MIN(next, at);
                service->lingering[kept++] = resource;
        }
        service->n_lingering = kept;
        service->purge_at = next;
        return r;
}

int service_note(struct service *service, struct utc now, enum service_effect_kind kind,
                 const struct service_resource *resource) {
        int r;

        r = array_grow(&service->effects, service->n_effects, &service->effects_capacity,
                       sizeof(*service->effects), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;

        service->effects[service->n_effects++] = (struct service_effect){
                .kind = kind,
                .at = now,
                .request = service->current,
                .client = service->client,
                .resource = resource,
        };
        return 0;
}

int service_resource_new(struct service *service, enum service_kind kind, struct group *group,
                         const char *name, struct service_resource **ret_resource) {
        _cleanup_(service_resource_freep) struct service_resource *resource = NULL;
        _cleanup_(strbuf_deinit) struct strbuf id = {};
        int r;

        resource = calloc(1, sizeof(*resource));
        if (!resource)
                return -ENOMEM;

        resource->kind = kind;
        resource->group_object = group;
        resource->subscription = group->subscription->id;
        resource->group = group->name;
        resource->copied_at = resource->deleted_at = resource->gone_at = UTC_NONE;
        resource->copy_failed_at = resource->access_at = resource->access_until = UTC_NONE;
        resource->tagging_at = resource->tagged_at = UTC_NONE;
        resource->leaving_at = resource->stays_at = UTC_NONE;
        SIM_APPEND(&id, "/subscriptions/");
        strbuf_append_str(&id, resource->subscription);
        SIM_APPEND(&id, "/resourceGroups/");
        strbuf_append_str(&id, resource->group);
        SIM_APPEND(&id, "/providers/Microsoft.Compute/");
        strbuf_append_str(&id, kind == SERVICE_DISK ? "disks/" : "snapshots/");
        strbuf_append_str(&id, name);
        r = strbuf_take(&id, &resource->id);
        if (r < 0)
                return r;
        r = service_set_string(&resource->name, name);
        if (r < 0)
                return r;

        *ret_resource = take_ptr(resource);
        return 0;
}

int service_insert(struct service *service, struct utc now, struct service_resource *resource) {
        const struct group *group = resource->group_object;
        struct region *region = NULL;
        struct chain *chain = NULL;
        size_t slot;
        int r;

        if (resource->kind == SERVICE_SNAPSHOT) {
                r = service_region(service, group->subscription, resource->region, &region);
                if (r < 0)
                        return r;
        }
        if (resource->incremental) {
                r = service_chain(service, &resource->source_unique_id, &chain);
                if (r < 0)
                        return r;
                resource->family_id = chain->family;
        }
        r = array_grow(&service->rows, service->n_rows, &service->rows_capacity,
                       sizeof(*service->rows), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;
        r = table_grow(service);
        if (r < 0)
                return r;
        r = service_note(service, now, SERVICE_EFFECT_CREATED, resource);
        if (r < 0)
                return r;

        resource->serial = ++service->serial;
        resource->created_by = service->current;
        resource->created_by_client = service->client;
        resource->id_hash = id_hash(resource->id);
        slot = resource->id_hash & (service->table_size - 1);
        resource->next_same_hash = service->table[slot];
        service->table[slot] = resource;
        service->n_table++;
        service->rows[service->n_rows++] = resource;
        service->counts.alive[resource->kind]++;
        if (service->current > 0)
                service->counts.created[resource->kind]++;
        if (region) {
                resource->region_object = region;
                region->snapshots++;
        }
        if (chain) {
                resource->chain_object = chain;
                chain_add(chain, resource);
        }
        return 0;
}

int service_remove(struct service *service, struct utc now, struct service_resource *resource,
                   int64_t linger_ns) {
        struct region *region = resource->region_object;
        struct chain *chain = resource->chain_object;
        int r;

        r = array_grow(&service->lingering, service->n_lingering, &service->lingering_capacity,
                       sizeof(*service->lingering), SERVICE_ROWS_MAX);
        if (r < 0)
                return -ENOMEM;
        r = service_note(service, now, SERVICE_EFFECT_DELETED, resource);
        if (r < 0)
                return r;

        service_tags_drop(service, resource);
        resource->deleted_at = now;
        resource->gone_at = (struct utc){now.ticks + linger_ns / NSEC_PER_TICK};
        resource->deleted_by = service->current;
        resource->deleted_by_client = service->client;
        service->counts.alive[resource->kind]--;
        if (service->current > 0)
                service->counts.deleted[resource->kind]++;
        service->lingering[service->n_lingering++] = resource;
        service->purge_at = MIN(service->purge_at, buried_at(service, resource));
        if (region)
                region->snapshots--;
        if (chain)
                chain->alive--;
        if (resource->kind == SERVICE_SNAPSHOT && service->n_started > 0)
                service_fail_copies_of(service, now, resource);
        return 0;
}

void service_resource_changed(struct service_resource *resource) {
        free(resource->listed);
        resource->listed = NULL;
}
