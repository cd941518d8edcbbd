/*
 * Listings that a test writes, and the world that comes of them.
 *
 * Included by one test program each.
 */
#pragma once

#include "azure/json.h"
#include "azure/page.h"
#include "azure/world.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/naming.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define SUB "00000000-0000-0000-0000-00000000000a"
#define GEN "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d4"
#define GEN2 "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d5"
#define OWNER "prod-backup"

/* A snapshot of ours with everything right; rows of the tests change a member each. */
struct fixture {
        const char *subscription, *group, *name, *location;
        const char *tags; /* members of tags; NULL: all of ours */
        const char *owner, *policy, *slot, *generation, *disk, *keep;
        const char *extra_tags; /* ",\"a\":\"b\"" */
        const char *source;     /* sourceUniqueId; "" for none */
        const char *option;     /* createOption */
        const char *creation;   /* further members of creationData */
        const char *properties; /* further members of properties */
        const char *unique_id, *time;
        bool full; /* not incremental */
};

static const struct fixture good = {
        .subscription = SUB,
        .group = "rg-snapshots",
        .location = "westeurope",
        .owner = OWNER,
        .policy = "gold",
        .slot = "20261123T021500Z",
        .generation = GEN,
        .disk = SUB "/rg/db01-data",
        .keep = "last=3",
        .extra_tags = "",
        .source = GEN,
        .option = "Copy",
        .creation = "",
        .properties = ",\"provisioningState\":\"Succeeded\"",
        .unique_id = "667d1d45-5740-4727-97bc-d42a55e76ee8",
        .time = "2026-11-23T02:15:03.1234567+00:00",
};

/* The name that follows from owner, policy, generation, region and slot. */
static inline void derive_name(const struct fixture *f, unsigned attempt,
                               char name[SNAPSHOT_NAME_SIZE]) {
        char region[64], generation[64], prefix[NAMING_PREFIX_SIZE];
        struct series_key key = {f->owner, f->policy, generation, region};
        struct utc slot;

        naming_region(f->location, region);
        snprintf(generation, sizeof(generation), "%s", f->generation);
        str_lower(generation);
        assert_int_equal(naming_prefix("db01-data", &key, prefix), 0);
        assert_int_equal(utc_parse_slot(f->slot, strlen(f->slot), &slot), 0);
        naming_snapshot(prefix, slot, attempt, name);
}

static inline void append_snapshot(const struct fixture *f, struct strbuf *s) {
        char name[SNAPSHOT_NAME_SIZE];

        if (!f->name)
                derive_name(f, 1, name);
        strbuf_appendf(s,
                       "{\"id\":\"/subscriptions/%s/resourceGroups/%s/providers/"
                       "Microsoft.Compute/snapshots/%s\",\"location\":\"%s\",\"tags\":{",
                       f->subscription, f->group, f->name ? f->name : name, f->location);
        if (f->tags)
                strbuf_append_str(s, f->tags);
        else
                strbuf_appendf(s,
                               "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"%s\","
                               "\"snapkeep-policy\":\"%s\",\"snapkeep-slot\":\"%s\","
                               "\"snapkeep-disk\":\"%s\","
                               "\"snapkeep-generation\":\"%s\",\"snapkeep-keep\":\"%s\"%s",
                               f->owner, f->policy, f->slot, f->disk, f->generation, f->keep,
                               f->extra_tags);
        strbuf_appendf(s, "},\"properties\":{\"creationData\":{\"createOption\":\"%s\"", f->option);
        if (f->source[0] != '\0')
                strbuf_appendf(s, ",\"sourceUniqueId\":\"%s\"", f->source);
        strbuf_appendf(s, "%s},\"incremental\":%s,\"uniqueId\":\"%s\",\"timeCreated\":\"%s\"%s}}",
                       f->creation, f->full ? "false" : "true", f->unique_id, f->time,
                       f->properties);
}

static inline int add_text(struct world *world, const char *text, page_element_fn add) {
        size_t offset;

        assert_int_equal(json_scan(text, strlen(text), &offset), 0);
        return add(text, strlen(text), world);
}

static inline int add_snapshot(struct world *world, const struct fixture *f) {
        struct strbuf s = {};
        int r;

        append_snapshot(f, &s);
        r = add_text(world, strbuf_str(&s), world_add_snapshot);
        strbuf_deinit(&s);
        return r;
}

static inline int add_disk(struct world *world, const char *group, const char *name,
                           const char *members, const char *properties) {
        struct strbuf s = {};
        int r;

        strbuf_appendf(&s,
                       "{\"id\":\"/subscriptions/" SUB "/resourceGroups/%s/providers/"
                       "Microsoft.Compute/disks/%s\"%s,\"properties\":{%s}}",
                       group, name, members, properties);
        r = add_text(world, strbuf_str(&s), world_add_disk);
        strbuf_deinit(&s);
        return r;
}

static inline struct world *world_make(void) {
        struct world *world;

        assert_int_equal(world_new(SUB, OWNER, utc_from_seconds(1795400000), &world), 0);
        return world;
}

#define OURS (ROW_INCREMENTAL | ROW_TAGGED | ROW_NAMED | ROW_CLAIMS)

#define STATES (ROW_COMPLETE | ROW_FAILED | ROW_UNDERWAY | ROW_LEAVING)

#define EMPTY "00000000-0000-0000-0000-000000000000"

static inline void slot_of(unsigned n, char slot[UTC_SLOT_SIZE]) {
        utc_format_slot(utc_from_seconds(1795400100 + 60 * (int64_t)n), slot);
}

/* Adds the @n-th of a series that carries @keep; 65,536 of them have slots and names of their own. */
static inline int add_keep(struct world *world, unsigned n, const char *generation,
                           const char *keep) {
        struct fixture f = good;
        char slot[UTC_SLOT_SIZE];

        slot_of(n, slot);
        f.slot = slot;
        f.generation = f.source = generation;
        f.keep = keep;
        return add_snapshot(world, &f);
}
