/*
 * The fleet: disks that the targets of a policy file select. Those named by id are made as they are
 * named; for a match there are a few, in groups that its globs match and with the tags that it asks
 * for. Which policies then select which disk is asked of core, as the engine asks it: a disk that is
 * made for one target may be selected by another.
 */
#include "base/array.h"
#include "base/intern.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/targets.h"
#include "snapkeepctl/verb-simulate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Kinds of disks in turn, with sizes in GiB. Of Premium SSD v2 and Ultra the snapshots are complete only
 * after a copy in the background, which is watched minute by minute: they are rare, as they are in life.
 */
static const struct kind {
        const char *sku;
        uint32_t size_gib;
} kinds[] =
        {
                {"Premium_LRS", 128},
                {"StandardSSD_LRS", 64},
                {"Standard_LRS", 1024},
                {"Premium_ZRS", 32},
},
  slow_kinds[] = {
          {"PremiumV2_LRS", 256},
          {"UltraSSD_LRS", 512},
};
#define SLOW_EVERY 16

static const struct kind *kind_of(size_t disk) {
        size_t slow = (disk + 1) / SLOW_EVERY;

        return (disk + 1) % SLOW_EVERY == 0 ? &slow_kinds[(slow - 1) % ARRAY_SIZE(slow_kinds)]
                                            : &kinds[disk % ARRAY_SIZE(kinds)];
}

/* What a '*' of a glob becomes. */
#define GLOB_WORD "sim"

static int add_group(struct simulate *simulate, const char *subscription, const char *group) {
        int r = service_add_group(simulate->service, subscription, group, SERVICE_REGION);

        if (r == SERVICE_E_EXISTS)
                return 0;
        return r > 0 ? -EINVAL : r;
}

/* A name that the glob matches. */
static void group_of_glob(const char *glob, char group[static RESOURCE_GROUP_SIZE]) {
        size_t len = 0;

        for (; *glob && len + strlen(GLOB_WORD) <= RESOURCE_GROUP_MAX; glob++)
                if (*glob != '*')
                        group[len++] = *glob;
                else if (glob[1] != '*')
                        len = (size_t)(stpcpy(group + len, GLOB_WORD) - group);
        group[len] = '\0';
}

/* A disk that is there already, made for another target, stays as it is. */
static int add_disk(struct simulate *simulate, const struct resource_id *id,
                    const struct policy_tags *tags) {
        const struct kind *kind = kind_of(simulate->n_disks);
        struct service_tag list[POLICY_TAGS_MAX];
        struct service_disk_spec spec = {
                .subscription = id->subscription,
                .group = id->group,
                .name = id->name,
                .sku = kind->sku,
                .size_gib = kind->size_gib,
                .tags = list,
        };
        const struct service_resource *made;
        struct simulate_disk *disk;
        int r;

        for (size_t i = 0; tags && i < tags->n && i < POLICY_TAGS_MAX; i++)
                list[spec.n_tags++] =
                        (struct service_tag){tags->items[i].name, tags->items[i].value};
        r = add_group(simulate, id->subscription, id->group);
        if (r < 0)
                return r;
        r = service_add_disk(simulate->service, sim_true_utc(simulate->sim), &spec, &made);
        if (r != 0)
                return r == SERVICE_E_EXISTS ? 0 : r > 0 ? -EINVAL : r;
        r = array_grow(&simulate->disks, simulate->n_disks, &simulate->disks_capacity,
                       sizeof(*simulate->disks), SIMULATE_SERIES_MAX);
        if (r < 0)
                return r;

        disk = &simulate->disks[simulate->n_disks++];
        *disk = (struct simulate_disk){.id = *id, .unique_id = made->unique_id, .sku = kind->sku};
        guid_format(&disk->unique_id, disk->generation);
        return 0;
}

static int add_named(struct simulate *simulate, const struct target *target) {
        int r = 0;

        for (size_t i = 0; i < target->n_disks && r == 0; i++)
                r = add_disk(simulate, &target->disks[i], NULL);
        return r;
}

static int add_matched(struct simulate *simulate, size_t index) {
        const struct target *target = &simulate->file->targets[index];
        size_t n = MAX(simulate->disks_per_match, (size_t)target->expect);
        struct resource_id id = {.type = RESOURCE_DISK};
        int r = 0;

        if (!target->subscription)
                return 0;
        stpcpy(id.subscription, target->subscription);
        for (size_t i = 0; i < n && r == 0; i++) {
                group_of_glob(target->n_groups > 0 ? target->groups[i % target->n_groups]
                                                   : "rg-" GLOB_WORD,
                              id.group);
                snprintf(id.name, sizeof(id.name), "disk-%zu-%zu", index + 1, i + 1);
                r = add_disk(simulate, &id, &target->tags);
        }
        return r;
}

/* Which policies select the disk. */

static int intern_text(struct intern *strings, const char *text, uint32_t *ret_number) {
        return intern_add(strings, text, strlen(text), ret_number);
}

static int tag_compare(const void *a, const void *b) {
        const struct service_tag *x = a, *y = b;

        return str_compare_nocase(x->name, y->name);
}

/* "name\nvalue\n" of each, in the order that rows.h wants. */
static int intern_tags(struct intern *strings, const struct service_resource *made,
                       uint32_t *ret_number) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        struct service_tag tags[SERVICE_TAGS_MAX];
        size_t n = MIN(made->n_tags, (size_t)SERVICE_TAGS_MAX);

        if (n > 0) {
                memcpy(tags, made->tags, n * sizeof(*tags));
                qsort(tags, n, sizeof(*tags), tag_compare);
        }
        for (size_t i = 0; i < n; i++) {
                size_t begin = text.len;

                strbuf_append_str(&text, tags[i].name);
                if (text.data)
                        str_lower(text.data + begin);
                strbuf_appendf(&text, "\n%s\n", tags[i].value);
        }
        if (text.error)
                return text.error;
        return intern_text(strings, strbuf_str(&text), ret_number);
}

static int make_row(struct intern *strings, const struct service_resource *made,
                    struct disk_row *ret_row) {
        struct disk_row row = {.time_created = made->time_created};
        int r;

        r = intern_text(strings, made->name, &row.name);
        r = r ?: intern_text(strings, made->group, &row.group);
        r = r ?: intern_tags(strings, made, &row.tags);
        *ret_row = row;
        return r;
}

static int add_series(struct simulate *simulate, size_t index, size_t policy, size_t *capacity) {
        struct simulate_disk *disk = &simulate->disks[index];
        const struct policy *of = &simulate->file->policies[policy];
        int64_t jitter_s;
        int r;

        r = add_group(simulate, disk->id.subscription, of->snapshot_group);
        r = r
                    ?: schedule_jitter(&of->schedule, of->zone, disk->generation, of->jitter_s,
                                       &jitter_s);
        r = r
                    ?: array_grow(&simulate->series, simulate->n_series, capacity,
                                  sizeof(*simulate->series), SIMULATE_SERIES_MAX);
        if (r < 0)
                return r;

        simulate->series[simulate->n_series++] = (struct simulate_series){
                .simulate = simulate,
                .disk = index,
                .policy = policy,
                .jitter_s = jitter_s,
                .slot = UTC_NONE,
                .previous = UTC_NONE,
                .next = UTC_NEVER,
        };
        disk->n_series++;
        simulate->policies[policy].disks++;
        return 0;
}

static int select_disk(struct simulate *simulate, size_t index, struct intern *strings,
                       size_t *capacity) {
        struct simulate_disk *disk = &simulate->disks[index];
        char text[RESOURCE_ID_TEXT_SIZE];
        struct disk_row row;
        struct world_view view = {
                .subscription = disk->id.subscription,
                .strings = strings,
                .disks = &row,
                .n_disks = 1,
        };
        int r;

        r = make_row(strings, service_find(simulate->service, resource_id_format(&disk->id, text)),
                     &row);
        disk->first_series = simulate->n_series;
        for (size_t policy = 0; policy < simulate->file->n_policies && r == 0; policy++)
                if (policy_selects(simulate->file, policy, &view, &row))
                        r = add_series(simulate, index, policy, capacity);
        return r;
}

/* The identity is one that the service knows: a machine's, or an application's by its secret, which is what
 * simulate_identity() makes of the others. */
static int add_identity(struct simulate *simulate, const struct policy_identity *identity) {
        int r;

        if (identity->kind == IDENTITY_MANAGED) {
                if (!identity->client_id && !identity->object_id && !identity->resource_id)
                        return 0;
                return service_add_identity(simulate->service, identity->client_id,
                                            identity->object_id, identity->resource_id);
        }
        r = service_add_client(simulate->service, &(struct service_client_spec){
                                                          .tenant = identity->tenant,
                                                          .client = identity->client_id,
                                                          .secret = SERVICE_SECRET,
                                                          .expires = UTC_NEVER,
                                                  });
        return r == SERVICE_E_EXISTS ? 0 : r > 0 ? -EINVAL : r;
}

/* What needs files and an environment is another machine's business: here every machine has a managed
 * identity, and every application a secret. */
static void simulate_identity(struct policy_identity *identity) {
        switch (identity->kind) {
        case IDENTITY_MANAGED:
        case IDENTITY_SECRET:
                return;
        case IDENTITY_CERTIFICATE:
                identity->kind = IDENTITY_SECRET;
                return;
        case IDENTITY_ARC:
        case IDENTITY_WORKLOAD:
        case IDENTITY_ENVIRONMENT:
                identity->kind = IDENTITY_MANAGED;
                return;
        }
}

static int add_identities(struct simulate *simulate) {
        struct policy_file *file = simulate->file;
        int r;

        simulate_identity(&file->identity);
        r = add_identity(simulate, &file->identity);
        if (r != 0 || !file->two_identities)
                return r;
        simulate_identity(&file->pruner);
        return add_identity(simulate, &file->pruner);
}

int simulate_make_fleet(struct simulate *simulate) {
        const struct policy_file *file = simulate->file;
        _cleanup_(intern_freep) struct intern *strings = NULL;
        size_t capacity = 0;
        int r;

        simulate->policies = calloc(file->n_policies + 1, sizeof(*simulate->policies));
        if (!simulate->policies)
                return -ENOMEM;
        r = add_identities(simulate);
        /* Those with names of their own first: a match then finds them there. */
        for (size_t i = 0; i < file->n_targets && r == 0; i++)
                r = add_named(simulate, &file->targets[i]);
        for (size_t i = 0; i < file->n_targets && r == 0; i++)
                r = add_matched(simulate, i);
        r = r ?: intern_new(&strings);
        for (size_t i = 0; i < simulate->n_disks && r == 0; i++)
                r = select_disk(simulate, i, strings, &capacity);
        return r;
}
