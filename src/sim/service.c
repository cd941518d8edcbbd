/*
 * The state of the service model: what there is, the verbs that change it and the truth about it.
 */
#include "sim/service.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"
#include "sim/service-private.h"
#include "sim/text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct service_options service_options_default(void) {
        return (struct service_options){
                .seed = 1,
                .page_size = SERVICE_PAGE_SIZE,
                .operation_ns = NSEC_PER_SEC,
                .linger_ns = NSEC_PER_SEC / 2,
                .copy_ns = 360 * NSEC_PER_SEC,
                .token_life_s = SEC_PER_HOUR,
        };
}

int service_new(const struct service_options *options, struct service **ret_service) {
        struct service *service;

        service = calloc(1, sizeof(*service));
        if (!service)
                return -ENOMEM;

        service->options = *options;
        service->first_operation = 1;
        service->last = UTC_NONE;
        service->purge_at = INT64_MAX;
        *ret_service = service;
        return 0;
}

static void tag_set_free(struct tag_set *set) {
        for (size_t i = 0; i < set->n_tags; i++) {
                free(set->tags[i].name);
                free(set->tags[i].value);
        }
        free(set->tags);
        free(set);
}

struct service_resource *service_resource_free(struct service_resource *resource) {
        if (!resource)
                return NULL;

        service_tags_clear(resource);
        free(resource->tags);
        while (resource->past_tags) {
                struct tag_set *set = resource->past_tags;

                resource->past_tags = set->next;
                tag_set_free(set);
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

static void service_free_places(struct service *service) {
        while (service->groups) {
                struct group *group = service->groups;

                service->groups = group->next;
                free(group->name);
                free(group->region);
                free(group);
        }
        while (service->regions) {
                struct region *region = service->regions;

                service->regions = region->next;
                free(region->name);
                free(region);
        }
        while (service->subscriptions) {
                struct subscription *subscription = service->subscriptions;

                service->subscriptions = subscription->next;
                free(subscription->id);
                free(subscription);
        }
        for (size_t i = 0; i < service->chains_size; i++)
                while (service->chains[i]) {
                        struct chain *chain = service->chains[i];

                        service->chains[i] = chain->next_same_hash;
                        free(chain);
                }
        free(service->chains);
}

struct service *service_free(struct service *service) {
        if (!service)
                return NULL;

        for (size_t i = 0; i < service->n_rows; i++)
                service_resource_free(service->rows[i]);
        for (size_t i = 0; i < service->n_dead; i++)
                service_resource_free(service->dead[i]);
        service_free_tokens(service);
        service_vms_free(service);
        service_keys_free(service);
        service_free_places(service);
        free(service->rows);
        free(service->dead);
        free(service->lingering);
        free(service->tagging);
        free(service->table);
        free(service->operations);
        free(service->effects);
        free(service);
        return NULL;
}

struct service_options *service_options(struct service *service) {
        return &service->options;
}

void service_set_clock_error(struct service *service, int64_t ns) {
        service->clock_error_ns = ns;
}

int64_t service_clock_error(const struct service *service) {
        return service->clock_error_ns;
}

uint64_t service_request_number(const struct service *service) {
        return service->requests;
}

struct utc service_written(const struct service *service, struct utc now) {
        return (struct utc){now.ticks + service->clock_error_ns / NSEC_PER_TICK};
}

struct guid service_draw_guid(struct service *service) {
        uint64_t n = service->guids++;

        return guid_from_random(sim_mix(service->options.seed, n * 2),
                                sim_mix(service->options.seed, n * 2 + 1));
}

int service_set_string(char **field, const char *value) {
        char *copy = NULL;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*field);
        *field = copy;
        return 0;
}

/* The table of ids. */

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

/* Resources. */

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

/* Tags: names without case, values with. */

static size_t tag_index(const struct service_resource *resource, const char *name) {
        size_t i;

        for (i = 0; i < resource->n_tags; i++)
                if (str_equal_nocase(resource->tags[i].name, name))
                        break;
        return i;
}

const char *service_tag_get(const struct service_resource *resource, const char *name) {
        size_t i = tag_index(resource, name);

        return i < resource->n_tags ? resource->tags[i].value : NULL;
}

int service_tag_set(struct service_resource *resource, const char *name, const char *value) {
        size_t i = tag_index(resource, name);
        struct service_tag tag;
        int r;

        service_resource_changed(resource);
        resource->has_tags = true;
        if (i < resource->n_tags)
                return service_set_string(&resource->tags[i].value, value);

        r = array_grow(&resource->tags, resource->n_tags, &resource->tags_capacity,
                       sizeof(*resource->tags), SERVICE_TAGS_MAX);
        if (r < 0)
                return r;
        tag = (struct service_tag){strdup(name), strdup(value)};
        if (!tag.name || !tag.value) {
                free(tag.name);
                free(tag.value);
                return -ENOMEM;
        }
        resource->tags[resource->n_tags++] = tag;
        return 0;
}

void service_tag_unset(struct service_resource *resource, const char *name) {
        size_t i = tag_index(resource, name);

        if (i == resource->n_tags)
                return;

        service_resource_changed(resource);
        free(resource->tags[i].name);
        free(resource->tags[i].value);
        memmove(resource->tags + i, resource->tags + i + 1,
                (resource->n_tags - i - 1) * sizeof(*resource->tags));
        resource->n_tags--;
}

void service_tags_clear(struct service_resource *resource) {
        service_resource_changed(resource);
        for (size_t i = 0; i < resource->n_tags; i++) {
                free(resource->tags[i].name);
                free(resource->tags[i].value);
        }
        resource->n_tags = 0;
}

int service_tags_keep(struct service *service, struct utc now, struct service_resource *resource) {
        const struct group *group = resource->group_object;
        int64_t lag = service_lag(service, group->subscription);
        struct tag_set **p = &resource->past_tags, *set;

        while (*p && (*p)->until.ticks + lag > now.ticks)
                p = &(*p)->next;
        while (*p) {
                set = *p;
                *p = set->next;
                tag_set_free(set);
        }
        if (lag == 0)
                return 0;

        set = calloc(1, sizeof(*set));
        if (!set)
                return -ENOMEM;
        set->tags = calloc(MAX(resource->n_tags, (size_t)1), sizeof(*set->tags));
        if (!set->tags) {
                free(set);
                return -ENOMEM;
        }
        for (; set->n_tags < resource->n_tags; set->n_tags++) {
                const struct service_tag *tag = &resource->tags[set->n_tags];
                struct service_tag copy = {strdup(tag->name), strdup(tag->value)};

                if (!copy.name || !copy.value) {
                        free(copy.name);
                        free(copy.value);
                        tag_set_free(set);
                        return -ENOMEM;
                }
                set->tags[set->n_tags] = copy;
        }
        set->has_tags = resource->has_tags;
        set->until = now;
        set->next = resource->past_tags;
        resource->past_tags = set;
        return 0;
}

int service_tags_copy(struct service_resource *resource, const struct service_tag *tags, size_t n) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = service_tag_set(resource, tags[i].name, tags[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Truth. */

size_t service_resources(const struct service *service) {
        return service->n_rows;
}

const struct service_resource *service_resource_at(const struct service *service, size_t index) {
        assert(index < service->n_rows);
        return service->rows[index];
}

static enum service_state made_state(const struct service_resource *resource, struct utc now) {
        if (utc_is_set(resource->deleted_at) && resource->deleted_at.ticks <= now.ticks)
                return SERVICE_DELETING;
        if (now.ticks < resource->done_at.ticks)
                return SERVICE_UPDATING;
        return resource->fails ? SERVICE_FAILED : SERVICE_SUCCEEDED;
}

enum service_state service_resource_state(const struct service_resource *resource, struct utc now) {
        enum service_state state = made_state(resource, now);

        return state != SERVICE_DELETING && service_is_tagging(resource, now) ? SERVICE_UPDATING
                                                                              : state;
}

int service_resource_permille(const struct service_resource *resource, struct utc now) {
        int64_t whole, part;

        if (!utc_is_set(resource->copied_at))
                return -1;
        if (service_resource_copy_failed(resource, now))
                now = resource->copy_failed_at;
        if (now.ticks >= resource->copied_at.ticks)
                return 1000;
        if (now.ticks <= resource->done_at.ticks)
                return 0;
        whole = resource->copied_at.ticks - resource->done_at.ticks;
        part = now.ticks - resource->done_at.ticks;
        /* In seconds when the product would not fit. */
        if (whole > INT64_MAX / 1000)
                return (int)(part / (whole / 1000));
        return (int)(part * 1000 / whole);
}

bool service_resource_copy_failed(const struct service_resource *resource, struct utc now) {
        return utc_is_set(resource->copy_failed_at) && resource->copy_failed_at.ticks <= now.ticks;
}

bool service_resource_has_access(const struct service_resource *resource, struct utc now) {
        return utc_is_set(resource->access_at) && resource->access_at.ticks <= now.ticks &&
               now.ticks < resource->access_until.ticks;
}

bool service_resource_is_locked(const struct service_resource *resource) {
        const struct group *group = resource->group_object;

        return resource->locked || group->locked || group->subscription->locked;
}

bool service_resource_is_complete(const struct service_resource *resource, struct utc now) {
        int permille = service_resource_permille(resource, now);

        return made_state(resource, now) == SERVICE_SUCCEEDED && (permille < 0 || permille == 1000);
}

size_t service_effects(const struct service *service) {
        return service->n_effects;
}

const struct service_effect *service_effect_at(const struct service *service, size_t index) {
        assert(index < service->n_effects);
        return &service->effects[index];
}

void service_forget(struct service *service, struct utc now) {
        /* What cannot be buried for want of memory stays. */
        (void)service_purge(service, now);
        service->n_effects = 0;
        for (size_t i = 0; i < service->n_operations; i++) {
                const struct service_resource *resource = service->operations[i].resource;

                if (resource && utc_is_set(resource->deleted_at))
                        service->operations[i].resource = NULL;
        }
        for (size_t i = 0; i < service->n_dead; i++)
                service_resource_free(service->dead[i]);
        service->n_dead = 0;
}

struct service_counts service_counts(const struct service *service) {
        return service->counts;
}
