/*
 * The service model as a whole, from its beginning to its end, and the truth about what is in it.
 */
#include "sim/service.h"

#include "sim/random.h"
#include "sim/service-private.h"

#include <assert.h>
#include <errno.h>
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

        if (utc_is_set(resource->leaving_at) && resource->leaving_at.ticks <= now.ticks &&
            now.ticks < resource->stays_at.ticks)
                return SERVICE_DELETING;
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
