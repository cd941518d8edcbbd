/*
 * Worlds: whose a listing's elements are, what their names and tags say, and which state they are in.
 */
#include "world-fixture.h"

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
        };

        return cmocka_run_group_tests_name("azure-world", tests, NULL, NULL);
}
