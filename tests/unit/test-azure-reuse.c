/*
 * A world that takes over what its listing has in common with the one before is, number by number,
 * the world that is decoded anew: random listings, each some changes after the one before.
 */
#include "azure/page.h"
#include "azure/world.h"
#include "base/fingerprint.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SUB "00000000-0000-0000-0000-00000000000a"
#define ELEMENTS_MAX 60
#define DISKS_MAX 5
#define ROUNDS 400
#define WORLDS 6

static uint64_t random_state;

/* SplitMix64. */
static unsigned below(unsigned n) {
        uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return (unsigned)((z ^ z >> 31) % n);
}

#define ONE_OF(...) (((const char *const[]){__VA_ARGS__})[below(NARGS(__VA_ARGS__))])
#define NARGS(...) (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

struct listing {
        char *elements[ELEMENTS_MAX];
        size_t n;
        char *disks[DISKS_MAX];
        size_t n_disks;
};

static void listing_deinit(struct listing *listing) {
        for (size_t i = 0; i < listing->n; i++)
                free(listing->elements[i]);
        for (size_t i = 0; i < listing->n_disks; i++)
                free(listing->disks[i]);
}

/* One of few names, generations, policies and regions, so that much is met twice. */
static char *element_new(void) {
        char generation[GUID_TEXT_SIZE], name[SNAPSHOT_NAME_SIZE], prefix[NAMING_PREFIX_SIZE];
        char slot[UTC_SLOT_SIZE], source[256], tags[1024] = "\"backup\":\"gold\"";
        const char *policy = ONE_OF("gold", "silver"), *region = ONE_OF("westeurope", "eastus");
        struct series_key key = {"prod", policy, generation, region};
        struct utc at = utc_from_seconds(1795392000 + 3600 * (int64_t)below(30));
        struct strbuf s = {};
        char *text;

        snprintf(generation, sizeof(generation), "0217b3db-61cb-4bf6-bbfb-00000000000%u", below(4));
        utc_format_slot(at, slot);
        assert_int_equal(naming_prefix(ONE_OF("db", "DB"), &key, prefix), 0);
        naming_snapshot(prefix, at, 1 + below(2), name);
        if (below(8) == 0)
                snprintf(name, sizeof(name), "a-stranger-%u", below(20));
        if (below(6) != 0)
                snprintf(tags, sizeof(tags),
                         "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"%s\","
                         "\"snapkeep-policy\":\"%s\",\"snapkeep-slot\":\"%s\","
                         "\"snapkeep-disk\":\"" SUB "/rg-app/%s\",\"snapkeep-generation\":\"%s\","
                         "\"snapkeep-keep\":\"%s\"%s",
                         ONE_OF("prod", "prod", "prod", "other"), policy, slot,
                         ONE_OF("disk-1", "disk-2", "Disk-1"), generation,
                         ONE_OF("last=3", "last=4", "daily=7", ""),
                         ONE_OF("", ",\"snapkeep-hold\":\"audit\"", ",\"snapkeep-hold\":\"case\"",
                                ",\"x\":\"\\u00e9\""));

        snprintf(source, sizeof(source), "\"sourceUniqueId\":\"%s\"", generation);
        if (below(6) == 0)
                snprintf(source, sizeof(source),
                         "\"sourceUniqueId\":\"667d1d45-5740-4727-97bc-d42a55e7%04u\"", below(100));
        else if (below(6) == 0)
                snprintf(source, sizeof(source),
                         "\"sourceResourceId\":\"/subscriptions/" SUB
                         "/resourceGroups/rg-snapshots/providers/Microsoft.Compute/snapshots/"
                         "a-stranger-%u\"",
                         below(20));
        strbuf_appendf(&s,
                       "{\"id\":\"/subscriptions/" SUB "/resourceGroups/%s/providers/"
                       "Microsoft.Compute/snapshots/%s\",\"location\":\"%s\",\"tags\":{%s},"
                       "\"properties\":{\"creationData\":{\"createOption\":\"%s\","
                       "%s%s},\"incremental\":%s,"
                       "\"uniqueId\":\"667d1d45-5740-4727-97bc-d42a55e7%04u\","
                       "\"timeCreated\":\"2026-11-23T%02u:15:03.1234567+00:00\",%s}}",
                       ONE_OF("rg-snapshots", "RG-Snapshots", "rg-else"), name, region, tags,
                       ONE_OF("Copy", "Copy", "CopyStart"), source,
                       ONE_OF("", "", ",\"logicalSectorSize\":4096"), ONE_OF("true", "false"),
                       below(100), below(24),
                       ONE_OF("\"provisioningState\":\"Succeeded\"",
                              "\"provisioningState\":\"Succeeded\",\"completionPercent\":100.0",
                              "\"provisioningState\":\"Succeeded\",\"completionPercent\":40",
                              "\"provisioningState\":\"Creating\"",
                              "\"provisioningState\":\"Failed\"",
                              "\"diskState\":\"ActiveSAS\",\"provisioningState\":\"Deleting\""));
        assert_int_equal(strbuf_take(&s, &text), 0);
        return text;
}

static void insert(struct listing *listing, size_t at, char *element) {
        assert_true(listing->n < ELEMENTS_MAX);
        memmove(&listing->elements[at + 1], &listing->elements[at],
                (listing->n - at) * sizeof(listing->elements[0]));
        listing->elements[at] = element;
        listing->n++;
}

static void take_away(struct listing *listing, size_t at) {
        free(listing->elements[at]);
        listing->n--;
        memmove(&listing->elements[at], &listing->elements[at + 1],
                (listing->n - at) * sizeof(listing->elements[0]));
}

/* Adds one, which may have the id of another, or takes one away. */
static void change_disks(struct listing *listing) {
        struct strbuf s = {};
        size_t at;

        if (listing->n_disks == DISKS_MAX || (listing->n_disks > 0 && below(2) == 0)) {
                at = below((unsigned)listing->n_disks);
                free(listing->disks[at]);
                listing->disks[at] = listing->disks[--listing->n_disks];
                return;
        }
        strbuf_appendf(&s,
                       "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg-app/providers/"
                       "Microsoft.Compute/disks/%s\",\"location\":\"West Europe\","
                       "\"sku\":{\"name\":\"%s\"},\"properties\":{%s\"uniqueId\":"
                       "\"0217b3db-61cb-4bf6-bbfb-00000000000%u\"}}",
                       ONE_OF("disk-1", "disk-2", "DISK-2", "disk-3"),
                       ONE_OF("Premium_LRS", "UltraSSD_LRS"),
                       ONE_OF("", "\"encryption\":{\"diskEncryptionSetId\":\"/e/des-1\"},",
                              "\"encryption\":{\"diskEncryptionSetId\":\"/e/des-2\"},"),
                       below(4));
        assert_int_equal(strbuf_take(&s, &listing->disks[listing->n_disks]), 0);
        listing->n_disks++;
}

/* One of what happens between two listings. Few bytes may change, and with them the length or not. */
static void change(struct listing *listing) {
        size_t at = below((unsigned)listing->n + 1), other;
        char *swap;

        switch (below(listing->n == 0 ? 1 : 6)) {
        case 0:
                if (listing->n < ELEMENTS_MAX)
                        insert(listing, at, element_new());
                return;
        case 1:
                if (at < listing->n)
                        take_away(listing, at);
                return;
        case 2: /* another of the same length */
                swap = at < listing->n ? strstr(listing->elements[at], ":15:03") : NULL;
                if (swap)
                        swap[5] = (char)('0' + below(10));
                return;
        case 3: /* met twice, as when pages shift */
                if (at < listing->n && listing->n < ELEMENTS_MAX)
                        insert(listing, below((unsigned)listing->n), strdup(listing->elements[at]));
                return;
        case 4:
                if (at < listing->n) {
                        other = below((unsigned)listing->n);
                        swap = listing->elements[at];
                        listing->elements[at] = listing->elements[other];
                        listing->elements[other] = swap;
                }
                return;
        case 5:
                change_disks(listing);
                return;
        }
}

static unsigned guesses, hits;

static size_t guess_length(void *world) {
        size_t n = world_guess_snapshots.length(world);

        guesses += n > 0;
        return n;
}

static int count_known(const char *bytes, size_t len, void *world) {
        int r = world_guess_snapshots.known(bytes, len, world);

        hits += r == 1;
        return r;
}

static const struct page_guess counted_guess = {guess_length, count_known};

static void feed(struct world *world, page_element_fn add, const struct page_guess *guess,
                 char *const *elements, size_t n) {
        _cleanup_(page_freep) struct page *page = NULL;
        struct strbuf s = {};
        const char *link;

        strbuf_append_str(&s, "{\"value\":[");
        for (size_t i = 0; i < n; i++) {
                strbuf_append_str(&s, i > 0 ? ", " : "");
                strbuf_append_str(&s, elements[i]);
        }
        strbuf_append_str(&s, "]}");

        assert_int_equal(page_new(add, world, &page), 0);
        page_expect(page, guess);
        for (size_t at = 0; at < s.len;) {
                size_t piece = 1 + below(3000);

                piece = MIN(piece, s.len - at);
                assert_int_equal(page_feed(page, s.data + at, piece), 0);
                at += piece;
        }
        assert_int_equal(page_finish(page, &link), 0);
        strbuf_deinit(&s);
}

/* @copied: the world whose disks are taken instead of a listing of them, or NULL. */
static struct world *build(const struct listing *listing, const char *owner,
                           const struct world *before, const struct world *copied) {
        struct world *world;

        assert_int_equal(world_new(SUB, owner, utc_from_seconds(1795400000 + below(1000)), &world),
                         0);
        if (before)
                assert_int_equal(world_expect(world, before), 0);
        if (copied)
                assert_int_equal(world_copy_disks(world, copied), 0);
        else
                feed(world, world_add_disk, &world_guess_disks, listing->disks, listing->n_disks);
        feed(world, world_add_snapshot, &counted_guess, listing->elements, listing->n);
        assert_int_equal(world_finish(world), 0);
        return world;
}

static void check_equal(const struct world *x, const struct world *y) {
        struct world_view a = world_view(x), b = world_view(y);
        uint32_t most = 0;

        assert_int_equal(a.n_snapshots, b.n_snapshots);
        for (size_t i = 0; i < a.n_snapshots; i++) {
                const struct snapshot_row *row = &a.snapshots[i];

                assert_memory_equal(row, &b.snapshots[i], sizeof(*row));
                most = MAX(most, MAX(MAX(row->name, row->group), row->generation));
                most = MAX(most, MAX(row->policy, (uint32_t)row->region));
        }
        assert_int_equal(a.n_disks, b.n_disks);
        for (size_t i = 0; i < a.n_disks; i++)
                assert_memory_equal(&a.disks[i], &b.disks[i], sizeof(a.disks[i]));
        assert_int_equal(a.n_orphans, b.n_orphans);
        for (size_t i = 0; i < a.n_orphans; i++) {
                assert_memory_equal(&a.orphans[i], &b.orphans[i], sizeof(a.orphans[i]));
                most = MAX(most, a.orphans[i].disk);
        }
        assert_int_equal(a.n_keeps, b.n_keeps);
        for (size_t i = 1; i < a.n_keeps; i++) {
                assert_int_equal(a.keeps[i], b.keeps[i]);
                most = MAX(most, a.keeps[i]);
        }
        assert_int_equal(a.n_holds, b.n_holds);
        for (size_t i = 0; i < a.n_holds; i++) {
                assert_int_equal(a.holds[i].row, b.holds[i].row);
                assert_int_equal(a.holds[i].reason, b.holds[i].reason);
                most = MAX(most, a.holds[i].reason);
        }
        for (uint32_t i = 1; i <= most; i++)
                assert_string_equal(view_str(&a, i), view_str(&b, i));
}

static void test_same_as_anew(void **state) {
        guesses = hits = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
                _cleanup_(world_freep) struct world *before = NULL;
                struct listing listing = {};

                random_state = round;
                while (listing.n < 25)
                        insert(&listing, listing.n, element_new());
                for (unsigned i = 0; i < WORLDS; i++) {
                        _cleanup_(world_freep) struct world *anew = NULL, *reused = NULL;
                        const struct world *copied;

                        copied = below(3) == 0 ? before : NULL;
                        reused = build(&listing, "prod", before, copied);
                        anew = build(&listing, "prod", NULL, copied);
                        check_equal(reused, anew);
                        world_free(before);
                        before = take_ptr(reused);
                        for (unsigned n = below(6); n > 0; n--)
                                change(&listing);
                }
                listing_deinit(&listing);
        }
        /* What is known again is most of it, without a scan. */
        assert_true(hits > 10000);
        assert_true(hits > guesses / 2 && hits < guesses);
}

/* A listing that did not change is known whole; one of another owner says nothing. */
static void test_owners(void **state) {
        _cleanup_(world_freep) struct world *prod = NULL, *again = NULL, *other = NULL,
                                            *anew = NULL;
        struct listing listing = {};

        random_state = 1;
        while (listing.n < 30)
                insert(&listing, listing.n, element_new());
        prod = build(&listing, "prod", NULL, NULL);
        hits = 0;
        again = build(&listing, "prod", prod, NULL);
        check_equal(again, prod);
        assert_true(hits >= 20); /* but those whose rule is none */

        hits = 0;
        other = build(&listing, "other", prod, NULL);
        anew = build(&listing, "other", NULL, NULL);
        check_equal(other, anew);
        assert_int_equal(hits, 0);
        listing_deinit(&listing);
}

/* The prefix of a name is that of its own bytes, whoever is listed before it. */
static void test_case_of_names(void **state) {
        _cleanup_(world_freep) struct world *before = NULL, *reused = NULL, *anew = NULL;
        struct listing listing = {};
        char *lower = NULL, *upper;

        for (random_state = 1; !lower; random_state++) {
                char *element = element_new();

                if (strstr(element, "/snapshots/db-") && strstr(element, "owner\":\"prod\"") &&
                    !strstr(element, "keep\":\"\""))
                        lower = element;
                else
                        free(element);
        }
        upper = strdup(lower);
        assert_non_null(upper);
        memcpy(strstr(upper, "/snapshots/db-"), "/snapshots/DB-", 14);

        insert(&listing, 0, lower);
        before = build(&listing, "prod", NULL, NULL);
        insert(&listing, 0, upper);
        reused = build(&listing, "prod", before, NULL);
        anew = build(&listing, "prod", NULL, NULL);
        check_equal(reused, anew);
        listing_deinit(&listing);
}

/* Each bit of the bytes, their number and the key count. */
static void test_fingerprint(void **state) {
        unsigned char bytes[100] = {};
        struct fingerprint plain = fingerprint_of(bytes, sizeof(bytes), 7);

        for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
                struct fingerprint other;
                uint64_t differs;

                bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
                other = fingerprint_of(bytes, sizeof(bytes), 7);
                bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
                assert_false(fingerprint_equal(plain, other));
                differs = plain.a ^ other.a;
                assert_in_range(__builtin_popcountll(differs), 10, 54);
                differs = plain.b ^ other.b;
                assert_in_range(__builtin_popcountll(differs), 10, 54);
        }
        for (size_t len = 0; len < sizeof(bytes); len++)
                assert_false(fingerprint_equal(plain, fingerprint_of(bytes, len, 7)));
        assert_false(fingerprint_equal(plain, fingerprint_of(bytes, sizeof(bytes), 8)));
        assert_true(fingerprint_equal(plain, fingerprint_of(bytes, sizeof(bytes), 7)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fingerprint),
                cmocka_unit_test(test_same_as_anew),
                cmocka_unit_test(test_owners),
                cmocka_unit_test(test_case_of_names),
        };

        return cmocka_run_group_tests_name("azure-reuse", tests, NULL, NULL);
}
