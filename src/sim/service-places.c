/*
 * Where resources are and what counts them: subscriptions, groups, names, chains.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <string.h>

/* Names: "Naming rules and restrictions for Azure resources", Microsoft Learn. It says with what those of
 * snapshots begin and end, and nothing of the kind of disks. */
bool service_name_is_valid(enum service_kind kind, const char *name) {
        size_t len = strlen(name);

        if (len < 1 || len > 80 || name[0] == '.')
                return false;
        if (kind == SERVICE_SNAPSHOT &&
            (!ascii_is_alnum(name[0]) || !(ascii_is_alnum(name[len - 1]) || name[len - 1] == '_')))
                return false;
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(name[i]) && !strchr("_-.", name[i]))
                        return false;
        return true;
}

/* Everything that is written into replies and URLs as it is has a narrow alphabet. */
static bool has_only(const char *text, size_t max, const char *others) {
        size_t len = strlen(text);

        if (len < 1 || len > max)
                return false;
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(text[i]) && !strchr(others, text[i]))
                        return false;
        return true;
}

bool service_region_is_valid(const char *region) {
        return has_only(region, 60, "");
}

bool service_sku_is_valid(const char *sku) {
        return has_only(sku, 60, "_");
}

bool service_sku_has_copies(const char *sku) {
        return str_equal_nocase(sku, "UltraSSD_LRS") || str_equal_nocase(sku, "PremiumV2_LRS");
}

struct subscription *service_find_subscription(const struct service *service, const char *id) {
        for (struct subscription *s = service->subscriptions; s; s = s->next)
                if (str_equal_nocase(s->id, id))
                        return s;
        return NULL;
}

struct group *service_find_group(const struct service *service, const char *subscription,
                                 const char *group) {
        for (struct group *g = service->groups; g; g = g->next)
                if (!g->gone && str_equal_nocase(g->name, group) &&
                    str_equal_nocase(g->subscription->id, subscription))
                        return g;
        return NULL;
}

static int subscription_add(struct service *service, const char *id,
                            struct subscription **ret_subscription) {
        struct subscription *subscription, **end;
        struct guid guid;

        if (guid_parse(id, strlen(id), &guid) < 0)
                return SERVICE_E_INVALID;

        subscription = calloc(1, sizeof(*subscription));
        if (!subscription)
                return -ENOMEM;
        subscription->id = strdup(id);
        if (!subscription->id) {
                free(subscription);
                return -ENOMEM;
        }
        str_lower(subscription->id);
        subscription->arm_at = subscription->lag_since = UTC_NONE;
        subscription->lag_ns = -1;

        for (end = &service->subscriptions; *end; end = &(*end)->next)
                ;
        *end = subscription;
        *ret_subscription = subscription;
        return 0;
}

int service_add_group(struct service *service, const char *subscription_id, const char *name,
                      const char *region) {
        struct subscription *subscription;
        struct group *group, **end;
        int r;

        if (!has_only(name, 90, "_-.()") || !service_region_is_valid(region))
                return SERVICE_E_INVALID;
        if (service_find_group(service, subscription_id, name))
                return SERVICE_E_EXISTS;

        subscription = service_find_subscription(service, subscription_id);
        if (!subscription) {
                r = subscription_add(service, subscription_id, &subscription);
                if (r != 0)
                        return r;
        }

        group = calloc(1, sizeof(*group));
        if (!group)
                return -ENOMEM;
        group->subscription = subscription;
        group->name = strdup(name);
        group->region = strdup(region);
        if (!group->name || !group->region) {
                free(group->name);
                free(group->region);
                free(group);
                return -ENOMEM;
        }

        for (end = &service->groups; *end; end = &(*end)->next)
                ;
        *end = group;
        return 0;
}

int service_forbid(struct service *service, const char *id, bool forbidden) {
        struct subscription *subscription;

        subscription = service_find_subscription(service, id);
        if (!subscription)
                return SERVICE_E_MISSING;

        subscription->forbidden = forbidden;
        return 0;
}

int service_region(struct service *service, const struct subscription *subscription,
                   const char *name, struct region **ret_region) {
        struct region *region, **p;

        for (p = &service->regions; *p; p = &(*p)->next)
                if ((*p)->subscription == subscription && str_equal_nocase((*p)->name, name)) {
                        *ret_region = *p;
                        return 0;
                }

        region = calloc(1, sizeof(*region));
        if (!region)
                return -ENOMEM;
        region->name = strdup(name);
        if (!region->name) {
                free(region);
                return -ENOMEM;
        }
        region->subscription = subscription;
        *p = region;
        *ret_region = region;
        return 0;
}

/* Chains. */

static uint64_t guid_hash(const struct guid *guid) {
        return sim_hash(SIM_HASH_START, guid->bytes, sizeof(guid->bytes));
}

struct chain *service_find_chain(const struct service *service, const struct guid *source) {
        struct chain *chain;

        if (service->chains_size == 0)
                return NULL;
        chain = service->chains[guid_hash(source) & (service->chains_size - 1)];
        while (chain && guid_compare(&chain->source, source) != 0)
                chain = chain->next_same_hash;
        return chain;
}

static int chains_grow(struct service *service) {
        size_t size = service->chains_size ? service->chains_size * 2 : 64;
        struct chain **chains;

        if (service->n_chains < service->chains_size)
                return 0;

        chains = calloc(size, sizeof(struct chain *));
        if (!chains)
                return -ENOMEM;

        for (size_t i = 0; i < service->chains_size; i++)
                while (service->chains[i]) {
                        struct chain *chain = service->chains[i];
                        size_t slot = guid_hash(&chain->source) & (size - 1);

                        service->chains[i] = chain->next_same_hash;
                        chain->next_same_hash = chains[slot];
                        chains[slot] = chain;
                }
        free(service->chains);
        service->chains = chains;
        service->chains_size = size;
        return 0;
}

int service_chain(struct service *service, const struct guid *source, struct chain **ret_chain) {
        struct chain *chain;
        size_t slot;
        int r;

        chain = service_find_chain(service, source);
        if (chain) {
                *ret_chain = chain;
                return 0;
        }

        r = chains_grow(service);
        if (r < 0)
                return r;
        chain = calloc(1, sizeof(*chain));
        if (!chain)
                return -ENOMEM;

        chain->source = *source;
        chain->family = service_draw_guid(service);
        slot = guid_hash(source) & (service->chains_size - 1);
        chain->next_same_hash = service->chains[slot];
        service->chains[slot] = chain;
        service->n_chains++;
        *ret_chain = chain;
        return 0;
}

void chain_add(struct chain *chain, const struct service_resource *resource) {
        chain->alive++;
        /* What a scenario puts into the past has no part in today's burst. */
        chain->recent[chain->n_recent++ % SERVICE_BURST_MAX] =
                resource->created_by > 0 ? resource->created_at : resource->time_created;
        if (utc_is_set(resource->copied_at))
                chain->copied[chain->n_copied++ % SERVICE_PENDING_MAX] =
                        utc_is_set(resource->copy_failed_at) ? resource->copy_failed_at
                                                             : resource->copied_at;
}
