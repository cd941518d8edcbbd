/*
 * Worlds: what was adopted, backups, carried rules, moves, orphans and the sources of copies.
 */
#include "world-fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_adopted),      cmocka_unit_test(test_adopted_without_id),
                cmocka_unit_test(test_backup),       cmocka_unit_test(test_keep_of),
                cmocka_unit_test(test_keeps_shared), cmocka_unit_test(test_keeps_too_many),
                cmocka_unit_test(test_moved),        cmocka_unit_test(test_moved_meanwhile),
                cmocka_unit_test(test_orphans),      cmocka_unit_test(test_orphans_none),
                cmocka_unit_test(test_copy_source),
        };

        return cmocka_run_group_tests_name("azure-world-tags", tests, NULL, NULL);
}
