/*
 * The tags of a resource, and those that it had, which lagging listings go on showing. Names are compared
 * without case, values with.
 */
#include "sim/service-private.h"

#include "base/array.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

void service_tag_set_free(struct tag_set *set) {
        for (size_t i = 0; i < set->n_tags; i++) {
                free(set->tags[i].name);
                free(set->tags[i].value);
        }
        free(set->tags);
        free(set);
}

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
                service_tag_set_free(set);
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
                        service_tag_set_free(set);
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
