/*
 * Worlds: what a re-read is judged to be, elements that cannot be read, disks, what comes twice, and in what
 * order all stand.
 */
#include "world-fixture.h"

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
                cmocka_unit_test(test_judge_keep),
        };

        return cmocka_run_group_tests_name("azure-world-order", tests, NULL, NULL);
}
