/*
 * Worlds: what a listing's elements become, whose they are, and in what order they stand.
 */
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
static void derive_name(const struct fixture *f, unsigned attempt, char name[SNAPSHOT_NAME_SIZE]) {
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

static void append_snapshot(const struct fixture *f, struct strbuf *s) {
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

static int add_text(struct world *world, const char *text, page_element_fn add) {
        size_t offset;

        assert_int_equal(json_scan(text, strlen(text), &offset), 0);
        return add(text, strlen(text), world);
}

static int add_snapshot(struct world *world, const struct fixture *f) {
        struct strbuf s = {};
        int r;

        append_snapshot(f, &s);
        r = add_text(world, strbuf_str(&s), world_add_snapshot);
        strbuf_deinit(&s);
        return r;
}

static int add_disk(struct world *world, const char *group, const char *name, const char *members,
                    const char *properties) {
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

static struct world *world_make(void) {
        struct world *world;

        assert_int_equal(world_new(SUB, OWNER, utc_from_seconds(1795400000), &world), 0);
        return world;
}

#define OURS (ROW_INCREMENTAL | ROW_TAGGED | ROW_NAMED | ROW_CLAIMS)

static void test_ours(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        char name[SNAPSHOT_NAME_SIZE], expected[SNAPSHOT_NAME_SIZE], guid[GUID_TEXT_SIZE];
        const struct snapshot_row *row;
        struct world_view view;

        assert_int_equal(add_snapshot(world, &good), 0);
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_string_equal(view.subscription, SUB);
        assert_int_equal(utc_seconds(view.begin), 1795400000);
        assert_int_equal(view.n_snapshots, 1);
        row = &view.snapshots[0];
        assert_int_equal(row->flags, OURS | ROW_COMPLETE);
        assert_int_equal(utc_seconds(row->slot), 1795400100);
        assert_int_equal(row->time_created.ticks, 1795400103 * TICKS_PER_SEC + 1234567);
        assert_string_equal(view_str(&view, row->group), "rg-snapshots");
        assert_string_equal(view_str(&view, row->generation), GEN);
        assert_string_equal(view_str(&view, row->policy), "gold");
        assert_string_equal(view_str(&view, row->region), "westeurope");
        assert_int_equal(row->attempt, 1);
        assert_int_equal(row->percent, 100);
        assert_string_equal(guid_format(&row->unique_id, guid), good.unique_id);
        derive_name(&good, 1, expected);
        assert_string_equal(snapshot_row_name(&view, row, name), expected);
}

static void test_flags(void **state) {
        static const struct {
                int line;
                struct fixture change; /* members that are set replace the good ones */
                uint32_t flags;        /* but the state */
        } rows[] = {
                {__LINE__, {.name = NULL}, OURS},
                {__LINE__, {.full = true}, OURS & ~ROW_INCREMENTAL},
                {__LINE__, {.location = "West Europe"}, OURS},
                {__LINE__, {.generation = "0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D4"}, OURS},
                {__LINE__, {.source = "0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D4"}, OURS},
                {__LINE__, {.extra_tags = ",\"snapkeep-hold\":\"audit\""}, OURS | ROW_HELD},
                {__LINE__, {.extra_tags = ",\"SnapKeep-Hold\":\"\""}, OURS | ROW_HELD},
                {__LINE__, {.extra_tags = ",\"snapkeep-holder\":\"x\",\"team\":\"x\""}, OURS},
                {__LINE__, {.properties = ",\"diskState\":\"ActiveSAS\""}, OURS | ROW_HELD},
                {__LINE__, {.properties = ",\"diskState\":\"ActiveSASFrozen\""}, OURS | ROW_HELD},
                {__LINE__, {.properties = ",\"diskState\":\"Unattached\""}, OURS},

                /* Not ours at all. */
                {__LINE__, {.tags = ""}, ROW_INCREMENTAL},
                {__LINE__, {.owner = "other"}, ROW_INCREMENTAL},
                {__LINE__, {.owner = "Prod-Backup"}, ROW_INCREMENTAL}, /* values have a case */
                {__LINE__,
                 {.owner = "other", .extra_tags = ",\"snapkeep-hold\":\"x\""},
                 ROW_INCREMENTAL | ROW_HELD},

                /* Ours by tags, but mistaken. */
                {__LINE__, {.name = "copy-of-it"}, OURS & ~ROW_NAMED},
                {__LINE__, {.source = GEN2}, ROW_INCREMENTAL | ROW_CLAIMS},
                {__LINE__, {.source = ""}, ROW_INCREMENTAL | ROW_CLAIMS},
                {__LINE__,
                 {.extra_tags = ",\"Snapkeep-Slot\":\"20261123T031500Z\""},
                 ROW_INCREMENTAL | ROW_CLAIMS},
                {__LINE__,
                 {.extra_tags = ",\"SNAPKEEP-OWNER\":\"prod-backup\""},
                 ROW_INCREMENTAL | ROW_CLAIMS},

                /* A copy's source is another snapshot. */
                {__LINE__,
                 {.option = "CopyStart",
                  .source = GEN2,
                  .properties = ",\"completionPercent\":100"},
                 OURS},
                {__LINE__,
                 {.option = "CopyStart", .source = "", .properties = ",\"completionPercent\":100"},
                 OURS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                const struct fixture *c = &rows[i].change;
                struct fixture f = good;
                struct world_view view;
                uint32_t flags;

                f.name = c->name;
                f.full = c->full;
                f.tags = c->tags;
                f.owner = c->owner ? c->owner : f.owner;
                f.location = c->location ? c->location : f.location;
                f.generation = c->generation ? c->generation : f.generation;
                f.source = c->source ? c->source : f.source;
                f.extra_tags = c->extra_tags ? c->extra_tags : f.extra_tags;
                f.option = c->option ? c->option : f.option;
                f.properties = c->properties ? c->properties : f.properties;

                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                flags = view.snapshots[0].flags;
                if (flags != (rows[i].flags | ROW_COMPLETE))
                        fail_msg("row at line %d: flags %x", rows[i].line, flags);
                if (!(flags & ROW_TAGGED) != !utc_is_set(view.snapshots[0].slot) ||
                    !(flags & ROW_TAGGED) != (view.snapshots[0].policy == 0))
                        fail_msg("row at line %d: slot or policy", rows[i].line);
        }
}

/* Each keeps its reason, in whatever order they come, and where a page shows one again in place of the
 * one that was dropped. */
static void test_holds(void **state) {
        static const struct {
                const char *slot, *hold;
        } came[] = {
                {"20261123T051500Z", "audit"}, {"20261123T021500Z", "case 7"},
                {"20261123T041500Z", NULL},    {"20261123T031500Z", "dropped"},
                {"20261123T061500Z", ""},      {"20261123T031500Z", "audit"},
                {"20261123T021500Z", NULL},
        };
        static const struct {
                const char *slot, *hold;
        } wanted[] = {
                {"20261123T021500Z", NULL}, {"20261123T031500Z", "audit"},
                {"20261123T041500Z", NULL}, {"20261123T051500Z", "audit"},
                {"20261123T061500Z", ""},
        };
        _cleanup_(world_freep) struct world *world = world_make();
        struct world_view view;

        for (size_t i = 0; i < ARRAY_SIZE(came); i++) {
                struct fixture f = good;
                char tags[64] = "";

                if (came[i].hold)
                        snprintf(tags, sizeof(tags), ",\"snapkeep-hold\":\"%s\"", came[i].hold);
                f.slot = came[i].slot;
                f.extra_tags = tags;
                assert_int_equal(add_snapshot(world, &f), 0);
        }
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_snapshots, ARRAY_SIZE(wanted));
        assert_int_equal(view.n_holds, 3);
        for (size_t i = 0; i < view.n_snapshots; i++) {
                const char *hold = view_hold(&view, &view.snapshots[i]);
                char slot[UTC_SLOT_SIZE];

                assert_string_equal(utc_format_slot(view.snapshots[i].slot, slot), wanted[i].slot);
                assert_int_equal(!hold, !wanted[i].hold);
                assert_int_equal(!(view.snapshots[i].flags & ROW_HELD), !hold);
                if (hold)
                        assert_string_equal(hold, wanted[i].hold);
        }
}

/* Each tag in turn is missing, or wrong. */
static void test_tags_needed(void **state) {
        static const struct {
                int line;
                const char *version, *owner, *policy, *slot, *disk, *generation, *keep;
                uint32_t flags;
        } rows[] = {
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", "d", GEN, "k",
                 ROW_TAGGED | ROW_CLAIMS},
                {__LINE__, NULL, OWNER, "gold", "20261123T021500Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "2", OWNER, "gold", "20261123T021500Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", NULL, "gold", "20261123T021500Z", "d", GEN, "k", 0},
                {__LINE__, "1", "", "gold", "20261123T021500Z", "d", GEN, "k", 0},
                {__LINE__, "1", OWNER, NULL, "20261123T021500Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "", "20261123T021500Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", NULL, "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "2026-11-23T02:15:00Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261323T021500Z", "d", GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", NULL, GEN, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", "d", NULL, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", "d", "x", "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", "d", GEN2, "k", ROW_CLAIMS},
                {__LINE__, "1", OWNER, "gold", "20261123T021500Z", "d", GEN, NULL, ROW_CLAIMS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *const names[] = {TAG_VERSION, TAG_OWNER,      TAG_POLICY, TAG_SLOT,
                                             TAG_DISK,    TAG_GENERATION, TAG_KEEP};
                const char *const values[] = {rows[i].version, rows[i].owner, rows[i].policy,
                                              rows[i].slot,    rows[i].disk,  rows[i].generation,
                                              rows[i].keep};
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct strbuf tags = {};
                struct world_view view;

                for (size_t j = 0; j < ARRAY_SIZE(names); j++)
                        if (values[j])
                                strbuf_appendf(&tags, "%s\"%s\":\"%s\"", tags.len ? "," : "",
                                               names[j], values[j]);
                f.tags = strbuf_str(&tags);
                f.name = "other";
                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                if (view.snapshots[0].flags != (rows[i].flags | ROW_INCREMENTAL | ROW_COMPLETE))
                        fail_msg("row at line %d: %x", rows[i].line, view.snapshots[0].flags);
                strbuf_deinit(&tags);
        }
}

static void test_names(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        char names[3][SNAPSHOT_NAME_SIZE], name[SNAPSHOT_NAME_SIZE];
        struct fixture f = good;
        struct world_view view;

        /* Another case, a later attempt, a disk that was called otherwise. */
        derive_name(&good, 1, names[0]);
        for (char *c = names[0]; *c; c++)
                *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        derive_name(&good, 9, names[1]);
        derive_name(&good, 2, names[2]);
        memcpy(names[2], "xy99", 4);
        for (size_t i = 0; i < 3; i++) {
                f.name = names[i];
                f.time = i == 0   ? good.time
                         : i == 1 ? "2026-11-23T02:15:04Z"
                                  : "2026-11-23T02:15:05Z";
                assert_int_equal(add_snapshot(world, &f), 0);
        }
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_snapshots, 3);
        for (size_t i = 0; i < 3; i++) {
                assert_true(view.snapshots[i].flags & ROW_NAMED);
                snapshot_row_name(&view, &view.snapshots[i], name);
                assert_true(str_equal_nocase(name, names[i]));
        }
        assert_int_equal(view.snapshots[1].attempt, 9);
        assert_int_equal(view.snapshots[2].attempt, 2);
}

/* After names that fitted, one that does not: each is judged by its own tags. */
static void test_names_after(void **state) {
        static const struct {
                int line;
                const char *change; /* what is appended to the name of the next slot */
                const char *slot, *policy, *location, *source;
                bool named;
        } rows[] = {
                {__LINE__, "", NULL, NULL, NULL, NULL, true},
                {__LINE__, "-2", NULL, NULL, NULL, NULL, true},
                {__LINE__, "-9", NULL, NULL, NULL, NULL, true},
                {__LINE__, "-1", NULL, NULL, NULL, NULL, false},
                {__LINE__, "-10", NULL, NULL, NULL, NULL, false},
                {__LINE__, "-", NULL, NULL, NULL, NULL, false},
                {__LINE__, "x", NULL, NULL, NULL, NULL, false},
                {__LINE__, "", "20261123T041500Z", NULL, NULL, NULL, false},
                {__LINE__, "", NULL, "silver", NULL, NULL, false},
                {__LINE__, "", NULL, NULL, "northeurope", NULL, false},
                {__LINE__, "", NULL, NULL, NULL, GEN2, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct world_view view;
                char name[SNAPSHOT_NAME_SIZE + 3];
                int n_named = 0, n_back = 0;

                assert_int_equal(add_snapshot(world, &good), 0);
                f.slot = "20261123T031500Z";
                f.time = "2026-11-23T03:15:03Z";
                derive_name(&f, 1, name);
                strcat(name, rows[i].change);
                f.name = name;
                f.slot = rows[i].slot ? rows[i].slot : f.slot;
                f.policy = rows[i].policy ? rows[i].policy : f.policy;
                f.location = rows[i].location ? rows[i].location : f.location;
                if (rows[i].source)
                        f.generation = f.source = rows[i].source;
                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                assert_int_equal(view.n_snapshots, 2);
                for (size_t j = 0; j < 2; j++) {
                        char back[SNAPSHOT_NAME_SIZE];

                        n_named += !!(view.snapshots[j].flags & ROW_NAMED);
                        snapshot_row_name(&view, &view.snapshots[j], back);
                        n_back += strcmp(back, name) == 0;
                }
                if (n_named != 1 + rows[i].named || n_back != 1)
                        fail_msg("row at line %d: %s", rows[i].line, name);
        }
}

/* A copy's tags name the disk's generation, its source is a snapshot: what was learned from the
 * one says nothing of the other. */
static void test_name_of_a_copy(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture copy = good, other = good;
        char name[SNAPSHOT_NAME_SIZE];
        struct world_view view;

        copy.option = "CopyStart";
        copy.source = GEN2;
        assert_int_equal(add_snapshot(world, &copy), 0);

        other.slot = "20261123T031500Z";
        derive_name(&other, 1, name); /* that of GEN */
        other.name = name;
        other.generation = other.source = GEN2;
        assert_int_equal(add_snapshot(world, &other), 0);

        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_snapshots, 2);
        assert_true(view.snapshots[0].flags & ROW_NAMED);
        assert_true(view.snapshots[1].flags & ROW_TAGGED);
        assert_false(view.snapshots[1].flags & ROW_NAMED);
}

#define STATES (ROW_COMPLETE | ROW_FAILED | ROW_UNDERWAY | ROW_LEAVING)

static void test_states(void **state) {
        static const struct {
                int line;
                const char *sku; /* of the disk; NULL: in no listing */
                const char *option, *creation, *properties;
                uint32_t state;
                unsigned percent;
        } rows[] = {
                {__LINE__, "Premium_LRS", "Copy", "", "", ROW_COMPLETE, 100},
                {__LINE__, "Premium_LRS", "Copy", ",\"logicalSectorSize\":512", "", ROW_COMPLETE,
                 100},
                {__LINE__, "UltraSSD_LRS", "Copy", "", "", ROW_UNDERWAY, 0},
                {__LINE__, "premiumv2_lrs", "Copy", "", "", ROW_UNDERWAY, 0},
                {__LINE__, NULL, "Copy", "", "", ROW_COMPLETE, 100},
                {__LINE__, NULL, "Copy", ",\"logicalSectorSize\":4096", "", ROW_UNDERWAY, 0},
                {__LINE__, "UltraSSD_LRS", "Copy", "", ",\"completionPercent\":100.0", ROW_COMPLETE,
                 100},
                {__LINE__, "UltraSSD_LRS", "Copy", "", ",\"completionPercent\":99.9", ROW_UNDERWAY,
                 99},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"completionPercent\":0.0", ROW_UNDERWAY,
                 0},
                {__LINE__, "Premium_LRS", "CopyStart", "", "", ROW_UNDERWAY, 0},
                {__LINE__, NULL, "CopyStart", "", "", ROW_UNDERWAY, 0},
                {__LINE__, "Premium_LRS", "Import", "", "", ROW_UNDERWAY, 0},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"provisioningState\":\"Updating\"",
                 ROW_UNDERWAY, 0},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"provisioningState\":\"Failed\"",
                 ROW_FAILED, 0},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"provisioningState\":\"Canceled\"",
                 ROW_FAILED, 0},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"provisioningState\":\"Deleting\"",
                 ROW_LEAVING, 0},
                {__LINE__, "Premium_LRS", "Copy", "",
                 ",\"completionPercent\":100,\"copyCompletionError\":{\"errorCode\":"
                 "\"CopySourceNotFound\"}",
                 ROW_FAILED, 100},
                {__LINE__, "Premium_LRS", "Copy", "", ",\"copyCompletionError\":{}", ROW_FAILED, 0},
                {__LINE__, "Premium_LRS", "Copy", "",
                 ",\"copyCompletionError\":{},\"provisioningState\":\"Deleting\"", ROW_LEAVING, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct world_view view;
                char members[128];
                uint32_t flags;

                f.option = rows[i].option;
                f.creation = rows[i].creation;
                f.properties = rows[i].properties;
                assert_int_equal(add_snapshot(world, &f), 0);
                if (rows[i].sku) {
                        snprintf(members, sizeof(members),
                                 ",\"location\":\"westeurope\",\"sku\":{\"name\":\"%s\"}",
                                 rows[i].sku);
                        assert_int_equal(add_disk(world, "rg", "db01-data", members,
                                                  "\"uniqueId\":\"" GEN "\""),
                                         0);
                }
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                flags = view.snapshots[0].flags;
                if ((flags & STATES) != rows[i].state || flags & ~(uint32_t)(OURS | STATES) ||
                    view.snapshots[0].percent != rows[i].percent)
                        fail_msg("row at line %d: %x, %u", rows[i].line, flags,
                                 view.snapshots[0].percent);
        }
}

/* A disk without a uniqueId says nothing of a snapshot without a source: none of both is the other's. */
static void test_states_of_nobody(void **state) {
        static const struct {
                int line;
                const char *sku, *creation;
                uint32_t state;
        } rows[] = {
                {__LINE__, "Premium_LRS", ",\"logicalSectorSize\":4096", ROW_UNDERWAY},
                {__LINE__, "UltraSSD_LRS", "", ROW_COMPLETE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct world_view view;
                char members[128];

                f.source = "";
                f.creation = rows[i].creation;
                assert_int_equal(add_snapshot(world, &f), 0);
                snprintf(members, sizeof(members),
                         ",\"location\":\"westeurope\",\"sku\":{\"name\":\"%s\"}", rows[i].sku);
                assert_int_equal(add_disk(world, "rg", "d", members, "\"diskState\":\"Attached\""),
                                 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                assert_int_equal(view.snapshots[0].generation, 0);
                if ((view.snapshots[0].flags & STATES) != rows[i].state)
                        fail_msg("row at line %d: %x", rows[i].line, view.snapshots[0].flags);
        }
}

#define EMPTY "00000000-0000-0000-0000-000000000000"

/* An empty id is nobody's: disks that have it are not one, and share no snapshots. */
static void test_empty_ids(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture f = good;
        struct world_view view;

        f.source = EMPTY;
        assert_int_equal(add_snapshot(world, &f), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(add_disk(world, "rg", i == 0 ? "d" : "e",
                                          ",\"location\":\"westeurope\"",
                                          "\"uniqueId\":\"" EMPTY "\""),
                                 0);
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_disks, 2);
        assert_int_equal(view.disks[0].generation, 0);
        assert_int_equal(view.disks[1].generation, 0);
        assert_int_equal(view.snapshots[0].generation, 0);
}

static void test_adopted(void **state) {
#define UNIQUE "667d1d45-5740-4727-97bc-d42a55e76ee8"
#define ADOPTED(value) ",\"snapkeep-adopted\":\"" value "\""
        static const struct {
                int line;
                const char *extra_tags, *name, *owner, *source;
                uint32_t flags;
        } rows[] = {
                {__LINE__, ADOPTED(UNIQUE), "by-hand", OWNER, GEN,
                 (OURS & ~ROW_NAMED) | ROW_ADOPTED},
                {__LINE__, ADOPTED("667D1D45-5740-4727-97BC-D42A55E76EE8"), "by-hand", OWNER, GEN,
                 (OURS & ~ROW_NAMED) | ROW_ADOPTED},
                {__LINE__, ",\"SnapKeep-Adopted\":\"" UNIQUE "\"", "by-hand", OWNER, GEN,
                 (OURS & ~ROW_NAMED) | ROW_ADOPTED},
                {__LINE__, ADOPTED(UNIQUE), NULL, OWNER, GEN, OURS | ROW_ADOPTED},
                /* Tags copied to another snapshot; what is no GUID; twice, in two cases. */
                {__LINE__, ADOPTED(GEN), "by-hand", OWNER, GEN, OURS & ~ROW_NAMED},
                {__LINE__, ADOPTED("yes"), "by-hand", OWNER, GEN, OURS & ~ROW_NAMED},
                {__LINE__, ADOPTED(""), "by-hand", OWNER, GEN, OURS & ~ROW_NAMED},
                {__LINE__, ADOPTED(UNIQUE) ",\"Snapkeep-Adopted\":\"" UNIQUE "\"", "by-hand", OWNER,
                 GEN, ROW_INCREMENTAL | ROW_CLAIMS},
                /* Adopted by somebody else, or with tags that lie about the source. */
                {__LINE__, ADOPTED(UNIQUE), "by-hand", "other", GEN, ROW_INCREMENTAL},
                {__LINE__, ADOPTED(UNIQUE), "by-hand", OWNER, GEN2, ROW_INCREMENTAL | ROW_CLAIMS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                uint32_t flags;

                f.extra_tags = rows[i].extra_tags;
                f.name = rows[i].name;
                f.owner = rows[i].owner;
                f.source = rows[i].source;
                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                flags = world_view(world).snapshots[0].flags;
                if (flags != (rows[i].flags | ROW_COMPLETE))
                        fail_msg("row at line %d: flags %x", rows[i].line, flags);
        }
}

/* A snapshot without a uniqueId is nobody's to adopt. */
static void test_adopted_without_id(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture f = good;

        f.unique_id = "";
        f.extra_tags = ADOPTED("00000000-0000-0000-0000-000000000000");
        assert_int_equal(add_snapshot(world, &f), 0);
        assert_int_equal(world_finish(world), 0);
        assert_false(world_view(world).snapshots[0].flags & ROW_ADOPTED);
}

/* A backup has a name of its own, and its date; with another name it is nobody's. */
static void test_backup(void **state) {
#define UNTIL(value) ",\"snapkeep-until\":\"" value "\""
        static const struct {
                int line;
                const char *extra_tags, *policy; /* of the name */
                uint32_t flags;
        } rows[] = {
                {__LINE__, UNTIL("20261223T021500Z"), "backup of gold", OURS | ROW_BACKUP},
                {__LINE__, UNTIL("20261223T021500Z"), "gold", (OURS & ~ROW_NAMED) | ROW_BACKUP},
                {__LINE__, "", "backup of gold", OURS & ~ROW_NAMED},
                {__LINE__, UNTIL("tomorrow"), "backup of gold", ROW_INCREMENTAL | ROW_CLAIMS},
                {__LINE__, UNTIL(""), "backup of gold", ROW_INCREMENTAL | ROW_CLAIMS},
                {__LINE__, UNTIL("20261223T021500Z") ",\"Snapkeep-Until\":\"20261123T021500Z\"",
                 "backup of gold", ROW_INCREMENTAL | ROW_CLAIMS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct series_key key = {OWNER, rows[i].policy, GEN, "westeurope"};
                char prefix[NAMING_PREFIX_SIZE], name[SNAPSHOT_NAME_SIZE];
                struct fixture f = good;
                struct world_view view;
                struct utc until;

                /* One of the series before it: what is remembered of that is not the backup's. */
                assert_int_equal(add_snapshot(world, &good), 0);
                assert_int_equal(naming_prefix("db01-data", &key, prefix), 0);
                naming_snapshot(prefix, utc_from_seconds(1795400100), 1, name);
                f.name = name;
                f.extra_tags = rows[i].extra_tags;
                assert_int_equal(add_snapshot(world, &f), 0);
                f.name = NULL;
                f.extra_tags = "";
                f.slot = "20261123T022000Z";
                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                for (size_t k = 0; k < view.n_snapshots; k++) {
                        const struct snapshot_row *row = &view.snapshots[k];
                        char own[SNAPSHOT_NAME_SIZE];

                        if (strcmp(snapshot_row_name(&view, row, own), name) != 0) {
                                assert_int_equal(row->flags, OURS | ROW_COMPLETE);
                                assert_string_equal(view_keep(&view, row), "last=3");
                                continue;
                        }
                        if (row->flags != (rows[i].flags | ROW_COMPLETE))
                                fail_msg("row at line %d: flags %x", rows[i].line, row->flags);
                        if (row->flags & ROW_BACKUP) {
                                assert_true(snapshot_row_until(&view, row, &until));
                                assert_int_equal(utc_seconds(until), 1795400100 + 30 * SEC_PER_DAY);
                        }
                }
        }
}

static void test_keep_of(void **state) {
        char longest[NAMING_TAG_VALUE_MAX + 1], longer[NAMING_TAG_VALUE_MAX + 2];
        const struct {
                int line;
                const char *keep, *owner;
                const char *expected; /* NULL: none */
        } rows[] = {
                {__LINE__, "last=3", OWNER, "last=3"},
                {__LINE__, " Daily=3, zone=Europe/Oslo ", OWNER, " Daily=3, zone=Europe/Oslo "},
                {__LINE__, "none", OWNER, "none"},
                {__LINE__, longest, OWNER, longest},
                {__LINE__, longer, OWNER, NULL},
                {__LINE__, "", OWNER, NULL},
                {__LINE__, "last=3", "other", NULL},
        };

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct world_view view;
                const char *keep;

                f.keep = rows[i].keep;
                f.owner = rows[i].owner;
                assert_int_equal(add_snapshot(world, &f), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                keep = view_keep(&view, &view.snapshots[0]);
                if (!keep != !rows[i].expected || (keep && strcmp(keep, rows[i].expected) != 0))
                        fail_msg("row at line %d: %s", rows[i].line, keep ?: "none");
                assert_int_equal(view.n_keeps, keep ? 2 : 0);
        }
}

static void slot_of(unsigned n, char slot[UTC_SLOT_SIZE]) {
        utc_format_slot(utc_from_seconds(1795400100 + 60 * (int64_t)n), slot);
}

/* Adds the @n-th of a series that carries @keep; 65,536 of them have slots and names of their own. */
static int add_keep(struct world *world, unsigned n, const char *generation, const char *keep) {
        struct fixture f = good;
        char slot[UTC_SLOT_SIZE];

        slot_of(n, slot);
        f.slot = slot;
        f.generation = f.source = generation;
        f.keep = keep;
        return add_snapshot(world, &f);
}

/* Rules that come and go over two series: equal texts have equal numbers, others others. */
static void test_keeps_shared(void **state) {
        static const char *const keeps[] = {"last=1", "last=2", "last=1",
                                            "last=3", "last=2", "last=2"};
        _cleanup_(world_freep) struct world *world = world_make();
        struct world_view view;

        for (unsigned i = 0; i < ARRAY_SIZE(keeps); i++) {
                assert_int_equal(add_keep(world, i, GEN, keeps[i]), 0);
                assert_int_equal(add_keep(world, i, GEN2, keeps[ARRAY_SIZE(keeps) - 1 - i]), 0);
        }
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_keeps, 4);
        for (unsigned g = 0; g < 2; g++) {
                const struct snapshot_row *rows;
                size_t n;

                view_generation(&view, intern_find(view.strings, g == 0 ? GEN : GEN2), &rows, &n);
                assert_int_equal(n, ARRAY_SIZE(keeps));
                for (size_t i = 0; i < n; i++)
                        assert_string_equal(view_keep(&view, &rows[i]),
                                            keeps[g == 0 ? i : n - 1 - i]);
        }
}

/* More different rules than a row can tell apart: those beyond are none, not others'. Strings have
 * got other numbers by then, for the sake of a late region. */
static void test_keeps_too_many(void **state) {
        _cleanup_(world_freep) struct world *world = world_make(), *next = world_make();
        struct fixture late = good;
        struct world_view view;
        char keep[32];
        size_t without = 0;

        for (unsigned i = 0; i < UINT16_MAX + 3; i++) {
                snprintf(keep, sizeof(keep), "last=%u", i);
                assert_int_equal(add_keep(world, i, GEN, keep), 0);
        }
        assert_int_equal(add_keep(world, UINT16_MAX + 3, GEN, "last=5"), 0);
        late.location = "late";
        assert_int_equal(add_snapshot(world, &late), 0);
        assert_int_equal(world_finish(world), 0);

        view = world_view(world);
        assert_int_equal(view.n_keeps, UINT16_MAX + 1);
        for (size_t i = 0; i < view.n_snapshots; i++) {
                const struct snapshot_row *row = &view.snapshots[i];
                int64_t n = (utc_seconds(row->slot) - 1795400100) / 60;
                const char *text = view_keep(&view, row);

                snprintf(keep, sizeof(keep), "last=%lld", (long long)n);
                if (n >= UINT16_MAX && n < UINT16_MAX + 3) {
                        assert_null(text);
                        without++;
                } else if (n == UINT16_MAX + 3)
                        assert_string_equal(text, "last=5");
                else if (strcmp(view_str(&view, row->region), "late") == 0)
                        assert_string_equal(text, "last=3");
                else
                        assert_string_equal(text, keep);
        }
        assert_int_equal(without, 3);

        /* One that found no room finds it in the next world, which has seen less. */
        assert_int_equal(world_expect(next, world), 0);
        snprintf(keep, sizeof(keep), "last=%u", UINT16_MAX);
        assert_int_equal(add_keep(next, UINT16_MAX, GEN, keep), 0);
        assert_int_equal(world_finish(next), 0);
        view = world_view(next);
        assert_string_equal(view_keep(&view, &view.snapshots[0]), keep);
}

#define LOCATION ",\"location\":\"westeurope\""

static void test_moved(void **state) {
        static const struct {
                int line;
                const char *tag;          /* of the disk */
                const char *group, *name; /* of the disk that is listed with GEN; NULL: none is */
                const char *option, *source;
                bool moved;
        } rows[] = {
                {__LINE__, SUB "/rg/db01-data", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, "00000000-0000-0000-0000-00000000000A/RG/DB01-Data", "rg", "db01-data",
                 "Copy", GEN, false},
                {__LINE__, SUB "/rg/db01-data", "Rg", "DB01-DATA", "Copy", GEN, false},
                {__LINE__, SUB "/rg/db01-data", "rg2", "db01-data", "Copy", GEN, true},
                {__LINE__, SUB "/rg/db01-data", "rg", "db01-dat", "Copy", GEN, true},
                {__LINE__, SUB "/rg/db01-data", "rg", "db01-data2", "Copy", GEN, true},
                {__LINE__, "00000000-0000-0000-0000-00000000000b/rg/db01-data", "rg", "db01-data",
                 "Copy", GEN, true},
                {__LINE__, SUB "/rg/db01-data", NULL, NULL, "Copy", GEN, false},
                /* What a hand has mangled says nothing. */
                {__LINE__, "db01-data", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, "x/rg/db01-data", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, SUB "/rg", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, SUB "/rg/", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, SUB "//d", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, SUB "/rg/a/b", "rg", "db01-data", "Copy", GEN, false},
                {__LINE__, "", "rg", "db01-data", "Copy", GEN, false},
                /* A copy's source is no disk. */
                {__LINE__, SUB "/rg/other", "rg", "db01-data", "CopyStart", GEN2, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct fixture f = good;
                struct snapshot_reply reply;
                struct snapshot_row judged;
                struct world_view view;
                struct strbuf s = {};
                const char *member;

                f.disk = rows[i].tag;
                f.option = rows[i].option;
                f.source = rows[i].source;
                f.properties = ",\"completionPercent\":100";
                assert_int_equal(add_snapshot(world, &f), 0);
                if (rows[i].name)
                        assert_int_equal(add_disk(world, rows[i].group, rows[i].name, LOCATION,
                                                  "\"uniqueId\":\"" GEN "\""),
                                         0);
                /* Others under the tag's id, of another generation or of none. */
                assert_int_equal(add_disk(world, "rg", "decoy", LOCATION, ""), 0);
                assert_int_equal(add_disk(world, "rg", "other", LOCATION,
                                          "\"uniqueId\":\"0217b3db-61cb-4bf6-bbfb-e1bbddadf4d6\""),
                                 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                if (view.snapshots[0].flags !=
                    (OURS | ROW_COMPLETE | (rows[i].moved ? ROW_MOVED : 0)))
                        fail_msg("row at line %d: %x", rows[i].line, view.snapshots[0].flags);

                append_snapshot(&f, &s);
                assert_int_equal(snapshot_reply_parse(s.data, s.len, &reply, &member), 0);
                memset(&judged, 0xff, sizeof(judged));
                assert_int_equal(world_judge(world, &reply, false, &judged), 0);
                assert_memory_equal(&judged, &view.snapshots[0], sizeof(judged));
                snapshot_reply_deinit(&reply);
                strbuf_deinit(&s);
        }
}

/* A disk that was moved while its pages were read is there twice: either id will do. */
static void test_moved_meanwhile(void **state) {
        for (unsigned round = 0; round < 2; round++) {
                _cleanup_(world_freep) struct world *world = world_make();

                assert_int_equal(add_snapshot(world, &good), 0);
                for (unsigned i = 0; i < 2; i++)
                        assert_int_equal(add_disk(world, i == round ? "rg" : "rg-else", "db01-data",
                                                  LOCATION, "\"uniqueId\":\"" GEN "\""),
                                         0);
                assert_int_equal(world_finish(world), 0);
                assert_false(world_view(world).snapshots[0].flags & ROW_MOVED);
        }
}

static void feed_page(struct world *world, page_element_fn add, const char *elements) {
        _cleanup_(page_freep) struct page *page = NULL;
        struct strbuf s = {};
        const char *link;

        strbuf_appendf(&s, "{\"value\":[%s]}", elements);
        assert_int_equal(page_new(add, world, &page), 0);
        assert_int_equal(page_feed(page, s.data, s.len), 0);
        assert_int_equal(page_finish(page, &link), 0);
        strbuf_deinit(&s);
}

/* Over two pages, the newest on either, and one of them shifted into both. */
static void test_orphans(void **state) {
        static const char *const generations[] = {
                "0217b3db-61cb-4bf6-bbfb-000000000000", /* its disk is listed */
                "0217b3db-61cb-4bf6-bbfb-000000000001", /* renamed: the newest knows */
                "0217b3db-61cb-4bf6-bbfb-000000000002", /* of strangers alone */
                "0217B3DB-61CB-4BF6-BBFB-00000000000A",
                "0217b3db-61cb-4bf6-bbfb-000000000004", /* its tag was lost between the pages */
                "0217b3db-61cb-4bf6-bbfb-000000000005", /* mistaken names are ours all the same */
        };

        for (unsigned swap = 0; swap < 2; swap++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct strbuf pages[2] = {};
                struct world_view view;

                for (unsigned i = 0; i < 2 * ARRAY_SIZE(generations); i++) {
                        unsigned g = i / 2, page = i % 2;
                        struct strbuf *out = &pages[page ^ swap];
                        struct fixture f = good;
                        char disk[64], name[32], slot[UTC_SLOT_SIZE];

                        slot_of(i, slot);
                        snprintf(disk, sizeof(disk), SUB "/rg/d%u%s", g, page ? "-new" : "");
                        snprintf(name, sizeof(name), "s%u", i);
                        f.slot = slot;
                        f.disk = disk;
                        f.generation = f.source = generations[g];
                        f.time = "2026-11-23T02:15:03Z"; /* the slot decides */
                        if (g == 2)
                                f.owner = "other";
                        if (g == 5)
                                f.name = name;
                        strbuf_append_str(out, out->len ? "," : "");
                        append_snapshot(&f, out);
                        if (g == 4) {
                                char derived[SNAPSHOT_NAME_SIZE];

                                derive_name(&f, 1, derived);
                                f.name = derived;
                                f.tags = "";
                                strbuf_append_str(out, ",");
                                append_snapshot(&f, out);
                        }
                }
                feed_page(world, world_add_snapshot, pages[0].data);
                feed_page(world, world_add_snapshot, pages[1].data);
                feed_page(world, world_add_snapshot, pages[0].data);
                assert_int_equal(add_disk(world, "RG", "D0", LOCATION,
                                          "\"uniqueId\":\"0217B3DB-61CB-4BF6-BBFB-"
                                          "000000000000\""),
                                 0);
                assert_int_equal(world_finish(world), 0);

                view = world_view(world);
                assert_int_equal(view.n_snapshots, 2 * ARRAY_SIZE(generations));
                assert_int_equal(view.n_orphans, 3);
                for (size_t i = 0; i < view.n_orphans; i++) {
                        static const unsigned found[] = {1, 3, 5};
                        char disk[64], generation[GUID_TEXT_SIZE];

                        strcpy(generation, generations[found[i]]);
                        str_lower(generation);
                        snprintf(disk, sizeof(disk), SUB "/rg/d%u-new", found[i]);
                        assert_string_equal(view_str(&view, view.orphans[i].generation),
                                            generation);
                        assert_string_equal(view_str(&view, view.orphans[i].disk), disk);
                        if (i > 0)
                                assert_true(view.orphans[i - 1].generation <
                                            view.orphans[i].generation);
                }
                strbuf_deinit(&pages[0]);
                strbuf_deinit(&pages[1]);
        }
}

/* The source of a copy is a snapshot, which is no disk that could be gone; and a snapshot without a
 * source is of no generation. */
static void test_orphans_none(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture copy = good;

        copy.option = "CopyStart";
        copy.source = GEN2;
        assert_int_equal(add_snapshot(world, &copy), 0);
        copy.slot = "20261123T031500Z";
        copy.source = "";
        assert_int_equal(add_snapshot(world, &copy), 0);
        assert_int_equal(world_finish(world), 0);
        assert_int_equal(world_view(world).n_snapshots, 2);
        assert_int_equal(world_view(world).n_orphans, 0);
}

#define SOURCE_ID                                                                                  \
        ",\"sourceResourceId\":\"/subscriptions/" SUB                                              \
        "/resourceGroups/RG-snapshots/providers/Microsoft.Compute/snapshots/"

/* What a copy under way is made of is held: by its uniqueId, or by its id while Azure does not say that. */
static void test_copy_source(void **state) {
        static const char ours[] = "667d1d45-5740-4727-97bc-0000000000aa";
        static const struct {
                int line;
                const char *source, *creation, *properties; /* of the copy */
                bool held;
        } rows[] = {
                {__LINE__, ours, "", ",\"completionPercent\":0.0", true},
                {__LINE__, ours, "", ",\"completionPercent\":99.9", true},
                {__LINE__, ours, "", "", true},
                {__LINE__, "667D1D45-5740-4727-97BC-0000000000AA", "",
                 ",\"provisioningState\":\"Updating\"", true},
                {__LINE__, ours, "", ",\"completionPercent\":100", false},
                {__LINE__, ours, "", ",\"completionPercent\":10,\"provisioningState\":\"Failed\"",
                 false},
                {__LINE__, ours, "",
                 ",\"completionPercent\":10,\"copyCompletionError\":{\"errorCode\":\"x\"}", false},
                {__LINE__, ours, "", ",\"completionPercent\":10,\"provisioningState\":\"Deleting\"",
                 false},
                {__LINE__, GEN2, "", ",\"completionPercent\":10", false},
                {__LINE__, "", SOURCE_ID "SOURCE\"", ",\"provisioningState\":\"Updating\"", true},
                {__LINE__, EMPTY, SOURCE_ID "SOURCE\"", ",\"completionPercent\":0.0", true},
                {__LINE__, "", SOURCE_ID "other\"", ",\"provisioningState\":\"Updating\"", false},
                {__LINE__, "", SOURCE_ID "source\"", ",\"completionPercent\":100", false},
                /* Its name is another's by now. */
                {__LINE__, GEN2, SOURCE_ID "source\"", ",\"completionPercent\":10", false},
                {__LINE__, "", "", ",\"provisioningState\":\"Updating\"", false},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make(), *next = world_make();
                struct fixture source = good, copy = good;
                struct world_view view;

                source.name = "source";
                source.unique_id = ours;
                copy.name = "copy";
                copy.tags = "";
                copy.group = "rg-dr";
                copy.option = "CopyStart";
                copy.source = rows[i / 2].source;
                copy.creation = rows[i / 2].creation;
                copy.properties = rows[i / 2].properties;
                assert_int_equal(add_snapshot(world, i % 2 ? &source : &copy), 0);
                assert_int_equal(add_snapshot(world, i % 2 ? &copy : &source), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                assert_int_equal(view.n_snapshots, 2);
                for (size_t k = 0; k < 2; k++) {
                        const struct snapshot_row *row = &view.snapshots[k];
                        bool is_source = row->flags & ROW_CLAIMS;

                        if (!(row->flags & ROW_HELD) != !(is_source && rows[i / 2].held))
                                fail_msg("row at line %d", rows[i / 2].line);
                        assert_int_equal(row->flags & ~(ROW_MOVED * 2 - 1), 0);
                }
                assert_int_equal(view.n_orphans, 1); /* the source's */

                /* The copy is over, and the source's element is the same as before. */
                assert_int_equal(world_expect(next, world), 0);
                assert_int_equal(add_snapshot(next, &source), 0);
                assert_int_equal(world_finish(next), 0);
                assert_int_equal(world_view(next).snapshots[0].flags & ROW_HELD, 0);
        }
}

/* The re-read cannot add a rule, since views hold those of the listing. */
static void test_judge_keep(void **state) {
        static const struct {
                const char *keep, *expected;
        } rows[] = {{"last=3", "last=3"}, {"last=4", NULL}, {"last=5", "last=5"}};
        _cleanup_(world_freep) struct world *world = world_make();
        struct world_view view;

        assert_int_equal(add_keep(world, 0, GEN, "last=3"), 0);
        assert_int_equal(add_keep(world, 1, GEN, "last=5"), 0);
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_reply reply;
                struct fixture f = good;
                struct snapshot_row row;
                struct strbuf s = {};
                const char *member, *keep;

                f.keep = rows[i].keep;
                append_snapshot(&f, &s);
                assert_int_equal(snapshot_reply_parse(s.data, s.len, &reply, &member), 0);
                assert_int_equal(world_judge(world, &reply, false, &row), 0);
                keep = view_keep(&view, &row);
                assert_true(!keep == !rows[i].expected);
                if (keep)
                        assert_string_equal(keep, rows[i].expected);
                assert_int_equal(world_view(world).n_keeps, view.n_keeps);
                snapshot_reply_deinit(&reply);
                strbuf_deinit(&s);
        }
}

/* The re-read of one snapshot gives the row of the listing. */
static void test_judge(void **state) {
        static const struct fixture stranger = {
                .subscription = SUB,
                .group = "RG",
                .name = "foreign",
                .location = "East US",
                .tags = "\"a\":\"b\"",
                .source = "",
                .option = "Import",
                .creation = "",
                .properties = "",
                .unique_id = "667d1d45-5740-4727-97bc-d42a55e76ee9",
                .time = "2026-11-23T02:15:04Z",
        };
        const struct fixture *const fixtures[] = {&good, &stranger};

        for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct snapshot_reply reply;
                struct snapshot_row row;
                struct world_view view;
                struct strbuf s = {};
                const char *member;

                assert_int_equal(add_snapshot(world, fixtures[i]), 0);
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);

                append_snapshot(fixtures[i], &s);
                assert_int_equal(snapshot_reply_parse(s.data, s.len, &reply, &member), 0);
                memset(&row, 0xff, sizeof(row));
                assert_int_equal(world_judge(world, &reply, false, &row), 0);
                assert_memory_equal(&row, &view.snapshots[0], sizeof(row));
                if (i == 0) {
                        assert_int_equal(world_judge(world, &reply, true, &row), 0);
                        assert_int_equal(row.flags & STATES, ROW_UNDERWAY);
                }

                reply.has_id = false;
                assert_int_equal(world_judge(world, &reply, false, &row), JSON_E_SHAPE);
                reply.has_id = true;
                reply.id.subscription[0] = '1';
                assert_int_equal(world_judge(world, &reply, false, &row), JSON_E_SHAPE);
                snapshot_reply_deinit(&reply);
                strbuf_deinit(&s);
        }
}

/* One that cannot be decoded has no row, and is remembered with what is wrong with it; but
 * what has no id is no resource. */
static void test_unread(void **state) {
        static const struct {
                int line;
                const char *text;
                page_element_fn add;
                const char *member;
        } rows[] = {
                {__LINE__, "{}", world_add_snapshot, NULL},
                {__LINE__, "{\"location\":\"x\",\"properties\":{}}", world_add_snapshot, NULL},
                {__LINE__, "{\"id\":null,\"location\":\"x\",\"properties\":{}}", world_add_snapshot,
                 NULL},
                {__LINE__, "{\"id\":\"/s\"}", world_add_snapshot, "id"},
                {__LINE__,
                 "{\"id\":\"/subscriptions/00000000-0000-0000-0000-00000000000b/resourceGroups/"
                 "rg/providers/Microsoft.Compute/snapshots/"
                 "s\",\"location\":\"x\",\"properties\":{}}",
                 world_add_snapshot, "id"}, /* of another subscription */
                {__LINE__,
                 "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/"
                 "snapshots/s\",\"location\":\"x\",\"properties\":{\"timeCreated\":\"x\"}}",
                 world_add_snapshot, "timeCreated"},
                {__LINE__, "{}", world_add_disk, NULL},
                {__LINE__, "{\"id\":7}", world_add_disk, NULL},
                {__LINE__,
                 "{\"id\":\"/subscriptions/00000000-0000-0000-0000-00000000000b/resourceGroups/"
                 "rg/providers/Microsoft.Compute/disks/d\",\"location\":\"x\",\"properties\":{}}",
                 world_add_disk, "id"},
                {__LINE__,
                 "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/"
                 "snapshots/s\",\"location\":\"x\",\"properties\":{}}",
                 world_add_disk, "id"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(world_freep) struct world *world = world_make();
                const struct world_unread *unread = world_unread(world);
                bool disk = rows[i].add == world_add_disk;
                int r;

                assert_true(world_is_whole(world));
                r = add_text(world, rows[i].text, rows[i].add);
                if (!rows[i].member) {
                        if (r != JSON_E_SHAPE || !world_is_whole(world))
                                fail_msg("row at line %d: %d", rows[i].line, r);
                        continue;
                }
                r = r ?: add_text(world, rows[i].text, rows[i].add); /* its page came twice */
                if (r != 0 || world_is_whole(world) || unread->n_disks != disk ||
                    unread->n_snapshots != !disk || strcmp(unread->member, rows[i].member) != 0)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                assert_int_equal(world_finish(world), 0);
                assert_int_equal(world_view(world).n_snapshots + world_view(world).n_disks, 0);
        }
}

#define ODD(kind, name)                                                                            \
        "{\"id\":\"/subscriptions/" SUB "/resourceGroups/RG/providers/Microsoft.Compute/" kind     \
        "/" name "\",\"location\":\"x\",\"tags\":{\"a\":null},\"properties\":{}}"

/* The first is named, fit for a log, and so many are counted. */
static void test_unread_first(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        const struct world_unread *unread = world_unread(world);
        char text[400];

        assert_int_equal(add_text(world, ODD("snapshots", "s\\u001b"), world_add_snapshot), 0);
        assert_string_equal(unread->id, "/subscriptions/" SUB "/resourceGroups/RG/providers/"
                                        "Microsoft.Compute/snapshots/s ");
        assert_string_equal(unread->member, "id");
        for (int i = 0; i < 2 * WORLD_UNREAD_MAX; i++) {
                snprintf(text, sizeof(text), "{\"id\":\"%d\"}", i);
                assert_int_equal(add_text(world, text, world_add_disk), 0);
        }
        assert_int_equal(unread->n_disks + unread->n_snapshots, WORLD_UNREAD_MAX);
        assert_int_equal(unread->n_snapshots, 1);
        assert_string_equal(unread->member, "id");
}

/* A disk that was known stays, as it was, from world to world; one that was not, or is not listed, is none. */
static void test_unread_disk(void **state) {
        struct world *before = world_make();

        assert_int_equal(add_disk(before, "RG", "d1", ",\"location\":\"West Europe\"",
                                  "\"uniqueId\":\"0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D4\""),
                         0);
        assert_int_equal(add_disk(before, "RG", "d2", ",\"location\":\"x\"",
                                  "\"uniqueId\":\"0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D5\""),
                         0);
        assert_int_equal(world_finish(before), 0);
        for (int i = 0; i < 2; i++) {
                struct world *world = world_make();
                struct world_view view;

                assert_int_equal(world_expect(world, before), 0);
                assert_int_equal(add_text(world, ODD("disks", "D1"), world_add_disk), 0);
                assert_int_equal(add_text(world, ODD("disks", "d3"), world_add_disk), 0);
                assert_int_equal(world_finish(world), 0);
                world_free(before);
                before = world;
                view = world_view(world);
                assert_int_equal(view.n_disks, 1);
                assert_string_equal(view_str(&view, view.disks[0].name), "d1");
                assert_string_equal(view_str(&view, view.disks[0].generation),
                                    "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d4");
                assert_int_equal(world_unread(world)->n_disks, 2);
        }
        world_free(before);
}

static void test_disks(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        const struct disk_row *rows;
        struct world_view view;

        assert_int_equal(add_disk(world, "rgB", "d1",
                                  ",\"location\":\"West Europe\",\"tags\":{"
                                  "\"zeta\":\"Z\",\"Backup\":\"Gold\\nx\",\"alpha\":\"\"}",
                                  "\"uniqueId\":\"0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D4\","
                                  "\"timeCreated\":\"2026-01-01T00:00:00Z\""),
                         0);
        assert_int_equal(add_disk(world, "RGa", "d2", ",\"location\":\"x\",\"tags\":{}",
                                  "\"diskState\":\"ActiveUpload\",\"encryption\":{"
                                  "\"diskEncryptionSetId\":\"/e/Des\"}"),
                         0);
        assert_int_equal(add_disk(world, "rga", "D1",
                                  ",\"location\":\"x\",\"sku\":{\"name\":"
                                  "\"UltraSSD_LRS\"}",
                                  "\"diskState\":\"ReadyToUpload\""),
                         0);
        assert_int_equal(add_disk(world, "rgc", "d",
                                  ",\"location\":\"x\",\"sku\":{\"name\":"
                                  "\"PremiumV2_LRS\"}",
                                  "\"diskState\":\"Attached\""),
                         0);
        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        rows = view.disks;
        assert_int_equal(view.n_disks, 4);

        assert_string_equal(view_str(&view, rows[0].name), "D1");
        assert_int_equal(rows[0].flags, DISK_COUNTS_PERCENT | DISK_NO_SNAPSHOT);
        assert_int_equal(rows[0].generation, 0);
        assert_false(utc_is_set(rows[0].time_created));
        assert_string_equal(view_str(&view, rows[1].name), "d2");
        assert_string_equal(view_str(&view, rows[1].tags), "");
        assert_int_equal(rows[1].flags, DISK_NO_SNAPSHOT);
        assert_string_equal(view_str(&view, rows[1].encryption_set), "/e/Des");
        assert_int_equal(rows[0].encryption_set, 0);
        assert_string_equal(view_str(&view, rows[2].group), "rgB");
        assert_string_equal(view_str(&view, rows[2].region), "westeurope");
        assert_string_equal(view_str(&view, rows[2].location), "West Europe");
        assert_string_equal(view_str(&view, rows[2].generation), GEN);
        assert_string_equal(view_str(&view, rows[2].tags), "alpha\n\nbackup\nGold x\nzeta\nZ\n");
        assert_int_equal(utc_seconds(rows[2].time_created), 1767225600);
        assert_int_equal(rows[2].flags, 0);
        assert_int_equal(rows[3].flags, DISK_COUNTS_PERCENT);
}

/* Pages shift while they are read: the same resource twice is one, the later. */
static void test_duplicates(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture f = good, other = good;
        char name[SNAPSHOT_NAME_SIZE];
        struct world_view view;

        f.properties = ",\"provisioningState\":\"Updating\"";
        assert_int_equal(add_snapshot(world, &f), 0);
        other.name = "other";
        other.group = "RG-other";
        assert_int_equal(add_snapshot(world, &other), 0);
        /* Re-tagged in between, so that it is stored in another form. */
        derive_name(&good, 1, name);
        f = good;
        f.name = name;
        f.group = "RG-Snapshots";
        f.tags = "\"a\":\"b\"";
        assert_int_equal(add_snapshot(world, &f), 0);
        other.group = "rg-OTHER";
        other.properties = ",\"provisioningState\":\"Deleting\"";
        assert_int_equal(add_snapshot(world, &other), 0);
        other.group = "rg-third"; /* the same name in another group is another */
        assert_int_equal(add_snapshot(world, &other), 0);
        assert_int_equal(add_disk(world, "rg", "d", ",\"location\":\"old\"", ""), 0);
        assert_int_equal(add_disk(world, "RG", "D", ",\"location\":\"new\"", ""), 0);

        assert_int_equal(world_finish(world), 0);
        view = world_view(world);
        assert_int_equal(view.n_snapshots, 3);
        assert_int_equal(view.n_disks, 1);
        assert_string_equal(view_str(&view, view.disks[0].region), "new");
        for (size_t i = 0; i < view.n_snapshots; i++) {
                const struct snapshot_row *row = &view.snapshots[i];
                const char *group = view_str(&view, row->group);

                if (str_equal_nocase(group, "rg-snapshots"))
                        assert_int_equal(row->flags, ROW_INCREMENTAL | ROW_COMPLETE);
                else
                        assert_int_equal(row->flags & STATES, ROW_LEAVING);
                if (str_equal_nocase(group, "rg-other"))
                        assert_string_equal(group, "rg-OTHER");
        }
}

static int compare_rows(const struct snapshot_row *a, const struct snapshot_row *b) {
        int c = CMP(a->generation, b->generation);

        c = c ? c : CMP(a->slot.ticks, b->slot.ticks);
        c = c ? c : CMP(a->time_created.ticks, b->time_created.ticks);
        return c ? c : guid_compare(&a->unique_id, &b->unique_id);
}

#define MANY 500

/* In whatever order and pieces the listing comes, the world is the same. */
static void test_order(void **state) {
        /* Steps that reach every place: they share no factor with MANY - 5. */
        static const unsigned steps[] = {1, 7, 13, MANY - 6};
        struct strbuf first = {}, text = {};

        for (unsigned round = 0; round < ARRAY_SIZE(steps); round++) {
                _cleanup_(world_freep) struct world *world = world_make();
                struct world_view view;
                char name[SNAPSHOT_NAME_SIZE];

                /* One for each generation, so that their numbers are the same in each round. */
                for (unsigned i = 0; i < MANY; i++) {
                        unsigned n = i < 5 ? i : 5 + (i - 5) * steps[round] % (MANY - 5);
                        char generation[GUID_TEXT_SIZE], slot[UTC_SLOT_SIZE],
                                unique[GUID_TEXT_SIZE];
                        struct fixture f = good;

                        snprintf(generation, sizeof(generation),
                                 "0217b3db-61cb-4bf6-bbfb-00000000000%u", n % 5);
                        snprintf(slot, sizeof(slot), "20261123T%02u%02u00Z", n / 60 % 24, n % 60);
                        snprintf(unique, sizeof(unique), "667d1d45-5740-4727-97bc-%012u", n);
                        f.generation = f.source = generation;
                        f.slot = slot;
                        f.unique_id = unique;
                        if (n % 7 == 6) { /* strangers, which have no slot */
                                snprintf(name, sizeof(name), "foreign-%u", n);
                                f.name = name;
                                f.tags = "";
                        }
                        assert_int_equal(add_snapshot(world, &f), 0);
                }
                assert_int_equal(world_finish(world), 0);
                view = world_view(world);
                assert_int_equal(view.n_snapshots, MANY);
                strbuf_clear(&text);
                for (size_t i = 0; i < view.n_snapshots; i++) {
                        strbuf_appendf(&text, "%s\n",
                                       snapshot_row_name(&view, &view.snapshots[i], name));
                        if (i > 0)
                                assert_true(compare_rows(&view.snapshots[i - 1],
                                                         &view.snapshots[i]) < 0);
                }
                for (unsigned g = 0; g < 5; g++) {
                        char generation[GUID_TEXT_SIZE];
                        const struct snapshot_row *rows;
                        size_t n;

                        snprintf(generation, sizeof(generation),
                                 "0217b3db-61cb-4bf6-bbfb-00000000000%u", g);
                        view_generation(&view, intern_find(view.strings, generation), &rows, &n);
                        assert_int_equal(n, MANY / 5);
                }
                if (round == 0)
                        strbuf_append_str(&first, strbuf_str(&text));
                else
                        assert_string_equal(strbuf_str(&first), strbuf_str(&text));
        }
        strbuf_deinit(&first);
        strbuf_deinit(&text);
}

/* A region that is first seen after 65,535 other strings still fits into a row. */
static void test_late_region(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture f = good;
        struct snapshot_reply reply;
        struct snapshot_row judged;
        struct world_view view;
        struct strbuf s = {};
        char name[SNAPSHOT_NAME_SIZE];
        const char *member;
        char generation[GUID_TEXT_SIZE];
        unsigned late = 0;

        assert_int_equal(add_disk(world, "rg", "early",
                                  ",\"location\":\"East US\",\"tags\":{\"x\":"
                                  "\"y\"}",
                                  "\"uniqueId\":\"" GEN2 "\",\"encryption\":{"
                                  "\"diskEncryptionSetId\":\"/e/early\"}"),
                         0);
        assert_int_equal(add_snapshot(world, &good), 0);
        f.tags = "";
        f.source = generation;
        for (unsigned i = 0; i <= UINT16_MAX; i++) {
                snprintf(generation, sizeof(generation), "0217b3db-61cb-4bf6-bbfb-%012u", i);
                snprintf(name, sizeof(name), "foreign-%u", i);
                f.name = name;
                assert_int_equal(add_snapshot(world, &f), 0);
        }
        f = good;
        f.location = "Late Region";
        assert_int_equal(add_snapshot(world, &f), 0);
        assert_int_equal(add_disk(world, "rg", "d",
                                  ",\"location\":\"Later Region\",\"tags\":{\"a\":"
                                  "\"b\"}",
                                  "\"uniqueId\":\"" GEN "\""),
                         0);
        assert_int_equal(world_finish(world), 0);

        view = world_view(world);
        for (size_t i = 0; i < view.n_snapshots; i++) {
                const struct snapshot_row *row = &view.snapshots[i];
                const char *region = view_str(&view, row->region);

                assert_string_equal(view_str(&view, row->group), "rg-snapshots");
                if (!(row->flags & ROW_NAMED)) {
                        /* Each has a source of its own, of the number of its name. */
                        snprintf(generation, sizeof(generation), "0217b3db-61cb-4bf6-bbfb-%012u",
                                 (unsigned)atoi(view_str(&view, row->name) + strlen("foreign-")));
                        assert_string_equal(view_str(&view, row->generation), generation);
                        assert_string_equal(region, "westeurope");
                        assert_true(str_starts_with(view_str(&view, row->name), "foreign-"));
                        continue;
                }
                assert_string_equal(view_str(&view, row->generation), GEN);
                assert_string_equal(view_str(&view, row->policy), "gold");
                assert_true(row->flags & ROW_MOVED); /* "d" has its generation */
                late += strcmp(region, "lateregion") == 0;
        }
        assert_int_equal(late, 1);
        assert_string_equal(view_str(&view, view.disks[0].region), "laterregion");
        assert_string_equal(view_str(&view, view.disks[0].location), "Later Region");
        assert_string_equal(view_str(&view, view.disks[0].tags), "a\nb\n");
        assert_string_equal(view_str(&view, view.disks[0].generation), GEN);
        assert_int_equal(view.disks[0].encryption_set, 0);
        assert_string_equal(view_str(&view, view.disks[1].encryption_set), "/e/early");
        assert_string_equal(view_str(&view, view.disks[1].name), "early");
        assert_string_equal(view_str(&view, view.disks[1].group), "rg");
        assert_string_equal(view_str(&view, view.disks[1].region), "eastus");
        assert_string_equal(view_str(&view, view.disks[1].location), "East US");
        assert_string_equal(view_str(&view, view.disks[1].tags), "x\ny\n");
        assert_string_equal(view_str(&view, view.disks[1].generation), GEN2);

        /* The re-read finds the same numbers; a region that nothing listed has is refused. */
        append_snapshot(&f, &s);
        assert_int_equal(snapshot_reply_parse(s.data, s.len, &reply, &member), 0);
        assert_int_equal(world_judge(world, &reply, false, &judged), 0);
        assert_string_equal(intern_str(view.strings, judged.region), "lateregion");
        reply.location = "never seen";
        assert_int_equal(world_judge(world, &reply, false, &judged), -E2BIG);
        snapshot_reply_deinit(&reply);
        strbuf_deinit(&s);
}

static void test_too_many_regions(void **state) {
        _cleanup_(world_freep) struct world *world = world_make();
        struct fixture f = good;
        char location[32], name[32];

        f.tags = "";
        f.name = name;
        f.location = location;
        for (unsigned i = 0; i <= WORLD_REGIONS_MAX; i++) {
                snprintf(location, sizeof(location), "region%u", i);
                snprintf(name, sizeof(name), "s%u", i);
                assert_int_equal(add_snapshot(world, &f), i < WORLD_REGIONS_MAX ? 0 : -E2BIG);
        }
}

/* A whole page through the cutter, in pieces of every size. */
static void test_page(void **state) {
        struct strbuf s = {};

        strbuf_append_str(&s, "{\"value\":[");
        append_snapshot(&good, &s);
        strbuf_append_str(&s, ",");
        struct fixture other = good;
        other.name = "other";
        append_snapshot(&other, &s);
        strbuf_append_str(&s, "]}");

        for (size_t piece = 1; piece <= 97; piece += 3) {
                _cleanup_(world_freep) struct world *world = world_make();
                _cleanup_(page_freep) struct page *page = NULL;
                const char *link;

                assert_int_equal(page_new(world_add_snapshot, world, &page), 0);
                for (size_t at = 0; at < s.len; at += piece)
                        assert_int_equal(page_feed(page, s.data + at, MIN(piece, s.len - at)), 0);
                assert_int_equal(page_finish(page, &link), 0);
                assert_int_equal(world_finish(world), 0);
                assert_int_equal(world_view(world).n_snapshots, 2);
        }
        strbuf_deinit(&s);
}

static void test_empty(void **state) {
        _cleanup_(world_freep) struct world *world = NULL;

        assert_int_equal(world_new("00000000-0000-0000-0000-00000000000A", OWNER, UTC_NONE, &world),
                         0);
        assert_int_equal(world_finish(world), 0);
        assert_string_equal(world_view(world).subscription, SUB);
        assert_int_equal(world_view(world).n_snapshots, 0);
        assert_int_equal(world_view(world).n_disks, 0);
        assert_null(world_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ours),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_holds),
                cmocka_unit_test(test_tags_needed),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_names_after),
                cmocka_unit_test(test_name_of_a_copy),
                cmocka_unit_test(test_states),
                cmocka_unit_test(test_states_of_nobody),
                cmocka_unit_test(test_empty_ids),
                cmocka_unit_test(test_judge),
                cmocka_unit_test(test_unread),
                cmocka_unit_test(test_unread_first),
                cmocka_unit_test(test_unread_disk),
                cmocka_unit_test(test_disks),
                cmocka_unit_test(test_duplicates),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_late_region),
                cmocka_unit_test(test_too_many_regions),
                cmocka_unit_test(test_page),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_adopted),
                cmocka_unit_test(test_adopted_without_id),
                cmocka_unit_test(test_backup),
                cmocka_unit_test(test_keep_of),
                cmocka_unit_test(test_keeps_shared),
                cmocka_unit_test(test_keeps_too_many),
                cmocka_unit_test(test_moved),
                cmocka_unit_test(test_moved_meanwhile),
                cmocka_unit_test(test_orphans),
                cmocka_unit_test(test_orphans_none),
                cmocka_unit_test(test_copy_source),
                cmocka_unit_test(test_judge_keep),
        };

        return cmocka_run_group_tests_name("azure-world", tests, NULL, NULL);
}
