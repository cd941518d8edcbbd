/*
 * ARM ids: what is taken, what is refused and why, and the order without case.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/policy.h"
#include "core/resource_id.h"
#include "core/wanted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SUB "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
#define ID(sub, group, type, name)                                                                 \
        "/subscriptions/" sub "/resourceGroups/" group "/providers/Microsoft.Compute/" type "/" name
#define X10 "xxxxxxxxxx"
#define X80 X10 X10 X10 X10 X10 X10 X10 X10
/* 90 characters of two and of three bytes. */
#define U30                                                                                        \
        "\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436"     \
        "\u0436"                                                                                   \
        "\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436"     \
        "\u0436"
#define U90 U30 U30 U30
#define W10 "\u958b\u958b\u958b\u958b\u958b\u958b\u958b\u958b\u958b\u958b"
#define W90 W10 W10 W10 W10 W10 W10 W10 W10 W10

static void test_parse(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
        } rows[] = {
                {__LINE__, ID(SUB, "rg-prod", "disks", "db01-data"), 0},
                {__LINE__, ID(SUB, "RG_(a).b-c", "snapshots", "a.b_"), 0},
                {__LINE__, ID(SUB, "g", "DISKS", "d"), 0},
                {__LINE__, ID(SUB, "g", "diskAccesses", "d"), 0},
                {__LINE__, ID("0B1F6471-1BF0-4DDA-AEC3-CB9272F09590", "g", "disks", "d"), 0},
                {__LINE__, ID(SUB, "gr\xc3\xbcn", "disks", "d"), 0},
                {__LINE__, ID(SUB, X80 X10, "disks", X80), 0},
                {__LINE__, ID(SUB, X80 X10 "x", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, U90, "disks", X80), 0},
                {__LINE__, ID(SUB, W90, "snapshots", X80), 0},
                {__LINE__, ID(SUB, U90 "x", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, W90 "x", "disks", "d"), RESOURCE_ID_E_GROUP},
                /* no UTF-8, of which no byte begins a character */
                {__LINE__,
                 ID(SUB, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80" X80 X80 X80, "disks", "d"),
                 RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, "g", "disks", X80 "x"), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, "g.", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, "g g", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, "g*", "disks", "d"), RESOURCE_ID_E_GROUP},
                {__LINE__, ID(SUB, "g", "disks", ""), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "g", "disks", "-d"), 0},
                {__LINE__, ID(SUB, "g", "disks", "_d-"), 0},
                {__LINE__, ID(SUB, "g", "snapshots", "d-"), 0},
                {__LINE__, ID(SUB, "g", "disks", ".d"), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "g", "disks", ".."), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "g", "disks", "d."), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "g", "disks", "d?x"), RESOURCE_ID_E_NAME},
                {__LINE__, ID(SUB, "g", "disks", "d\xc3\xbc"), RESOURCE_ID_E_NAME},
                {__LINE__, ID("0b1f6471", "g", "disks", "d"), RESOURCE_ID_E_SUBSCRIPTION},
                {__LINE__, ID("", "g", "disks", "d"), RESOURCE_ID_E_SUBSCRIPTION},
                {__LINE__, ID(SUB, "g", "virtualMachines", "d"), RESOURCE_ID_E_SHAPE},
                {__LINE__, ID(SUB, "g", "disks", "d/"), RESOURCE_ID_E_SHAPE},
                {__LINE__, ID(SUB, "g", "disks", "d/x"), RESOURCE_ID_E_SHAPE},
                {__LINE__, "x" ID(SUB, "g", "disks", "d"), RESOURCE_ID_E_SHAPE},
                {__LINE__, "/" ID(SUB, "g", "disks", "d"), RESOURCE_ID_E_SHAPE},
                {__LINE__, "/subscriptions/" SUB "/resourceGroups/g", RESOURCE_ID_E_SHAPE},
                /* words as long as ours, and others */
                {__LINE__,
                 "/subscriptionz/" SUB "/resourceGroups/g/providers/Microsoft.Compute/disks/d",
                 RESOURCE_ID_E_SHAPE},
                {__LINE__,
                 "/subscriptions/" SUB "/resourceGroupz/g/providers/Microsoft.Compute/disks/d",
                 RESOURCE_ID_E_SHAPE},
                {__LINE__,
                 "/subscriptions/" SUB "/resourceGroups/g/providerz/Microsoft.Compute/disks/d",
                 RESOURCE_ID_E_SHAPE},
                {__LINE__,
                 "/subscriptions/" SUB "/resourceGroups/g/providers/Microsoft.Storage/disks/d",
                 RESOURCE_ID_E_SHAPE},
                {__LINE__, ID(SUB, "g", "disk1", "d"), RESOURCE_ID_E_SHAPE},
                {__LINE__, "/", RESOURCE_ID_E_SHAPE},
                {__LINE__, "", RESOURCE_ID_E_SHAPE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct resource_id id = {.type = 77};
                int r = resource_id_parse(rows[i].text, strlen(rows[i].text), &id);

                if (r != rows[i].r || (r != 0 && id.type != 77))
                        fail_msg("row at line %d: r %d", rows[i].line, r);
                assert_non_null(resource_id_problem(r));
        }
}

/* Parses exactly the bytes given, and no NUL inside is taken for an end. */
static void test_length(void **state) {
        static const char text[] = ID(SUB, "g", "disks", "disk");
        struct resource_id id;
        char with_nul[sizeof(text)];

        assert_int_equal(resource_id_parse(text, strlen(text) - 3, &id), 0);
        assert_string_equal(id.name, "d");
        memcpy(with_nul, text, sizeof(text));
        with_nul[strlen(text) - 2] = '\0';
        assert_int_equal(resource_id_parse(with_nul, strlen(text), &id), RESOURCE_ID_E_NAME);
}

/* The longest there is comes back whole. */
static void test_longest(void **state) {
        static const char text[] = ID(SUB, W90, "diskAccesses", X80);
        char buffer[RESOURCE_ID_TEXT_SIZE];
        struct resource_id id;

        assert_int_equal(resource_id_parse(text, strlen(text), &id), 0);
        assert_string_equal(resource_id_format(&id, buffer), text);
}

static void test_format(void **state) {
        static const char upper[] = "/SUBSCRIPTIONS/0B1F6471-1BF0-4DDA-AEC3-CB9272F09590/"
                                    "resourcegroups/RG-Prod/Providers/microsoft.compute/"
                                    "Snapshots/Name";
        char buffer[RESOURCE_ID_TEXT_SIZE];
        struct resource_id id;

        assert_int_equal(resource_id_parse(upper, strlen(upper), &id), 0);
        assert_string_equal(resource_id_format(&id, buffer),
                            ID(SUB, "RG-Prod", "snapshots", "Name"));

        assert_int_equal(resource_id_parse(ID(SUB, "g", "DISKACCESSES", "d"),
                                           strlen(ID(SUB, "g", "DISKACCESSES", "d")), &id),
                         0);
        assert_int_equal(id.type, RESOURCE_DISK_ACCESS);
        assert_string_equal(resource_id_format(&id, buffer), ID(SUB, "g", "diskAccesses", "d"));

        /* The longest there is. */
        assert_int_equal(resource_id_parse(ID(SUB, X80 X10, "snapshots", X80),
                                           strlen(ID(SUB, X80 X10, "snapshots", X80)), &id),
                         0);
        assert_string_equal(resource_id_format(&id, buffer), ID(SUB, X80 X10, "snapshots", X80));
}

static void test_compare(void **state) {
        /* In their order. */
        static const char *const texts[] = {
                ID(SUB, "RG", "disks", "a"),
                ID(SUB, "rg", "disks", "B"),
                ID(SUB, "rg2", "disks", "a"),
                ID("1b1f6471-1bf0-4dda-aec3-cb9272f09590", "a", "disks", "a"),
                ID(SUB, "rg", "snapshots", "a"),
        };
        struct resource_id ids[ARRAY_SIZE(texts)], same;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(resource_id_parse(texts[i], strlen(texts[i]), &ids[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
                        assert_int_equal(CMP(resource_id_compare(&ids[i], &ids[j]), 0), CMP(i, j));

        same = ids[0];
        strcpy(same.group, "rG");
        strcpy(same.name, "A");
        assert_int_equal(resource_id_compare(&same, &ids[0]), 0);
}

/* How a person may name a disk or a snapshot. */
static void test_wanted(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                bool a, b; /* whether it is this one (below) */
        } rows[] = {
                {__LINE__, "db01", 0, true, true},
                {__LINE__, "DB01", 0, true, true},
                {__LINE__, "db02", 0, false, false},
                {__LINE__, "rg-a/db01", 0, true, false},
                {__LINE__, "RG-B/db01", 0, false, true},
                {__LINE__, ID(SUB, "rg-a", "disks", "db01"), 0, true, false},
                {__LINE__, ID(SUB, "rg-b", "disks", "db01"), 0, false, false},
                {__LINE__, ID(SUB, "rg-a", "snapshots", "db01"), WANTED_E_TYPE, false, false},
                {__LINE__, "/subscriptions/" SUB, WANTED_E_ID, false, false},
                {__LINE__, "/", WANTED_E_ID, false, false},
                {__LINE__, "", WANTED_E_SHAPE, false, false},
                {__LINE__, "rg-a/", WANTED_E_SHAPE, false, false},
                {__LINE__, "rg-a/db01/x", WANTED_E_SHAPE, false, false},
                {__LINE__, X80 "x", WANTED_E_SHAPE, false, false},
                {__LINE__, X80 X80 X80 X10 X10 X10 "x/db01", WANTED_E_SHAPE, false, false},
                {__LINE__, W90 "/db01", 0, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct wanted wanted = {.name = "untouched"};
                int r = wanted_parse(rows[i].text, RESOURCE_DISK, &wanted);

                if (r != rows[i].r || (r != 0 && strcmp(wanted.name, "untouched") != 0) ||
                    (r == 0 && (wanted_is(&wanted, SUB, "rg-a", "db01") != rows[i].a ||
                                wanted_is(&wanted, "1b1f6471-1bf0-4dda-aec3-cb9272f09590", "rg-b",
                                          "db01") != rows[i].b)))
                        fail_msg("row at line %d: %d", rows[i].line, r);
        }
}

static void test_group(void **state) {
        assert_true(resource_group_is_valid("rg-snapshots"));
        assert_false(resource_group_is_valid(""));
        assert_false(resource_group_is_valid("a/b"));
        assert_false(resource_group_is_valid("a."));
}

static void test_policy_tags(void **state) {
        struct policy_tags tags = {.items = calloc(2, sizeof(struct policy_tag)), .n = 2};

        tags.items[0] = (struct policy_tag){strdup("Owner-Team"), strdup("platform")};
        tags.items[1] = (struct policy_tag){strdup("cost"), strdup("7")};
        assert_string_equal(policy_tags_get(&tags, "owner-TEAM"), "platform");
        assert_string_equal(policy_tags_get(&tags, "cost"), "7");
        assert_null(policy_tags_get(&tags, "cos"));
        policy_tags_deinit(&tags);
        assert_int_equal(tags.n, 0);
        assert_null(policy_tags_get(&tags, "cost"));
        assert_null(policy_file_free(NULL));
}

/* Whom a policy file names, as `check` tells it. */
static void test_policy_identity(void **state) {
        static char id[] = "client-1", object[] = "object-1", resource[] = "resource-1";
        static char tenant[] = "tenant-1", credential[] = "sp";
        static const struct {
                int line;
                struct policy_identity identity;
                const char *name, *text;
        } rows[] = {
                {__LINE__,
                 {.kind = IDENTITY_MANAGED},
                 "managed",
                 "the managed identity of the virtual machine"},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .client_id = id},
                 "managed",
                 "the managed identity client-1 of the virtual machine"},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .object_id = object},
                 "managed",
                 "the managed identity object-1 of the virtual machine"},
                {__LINE__,
                 {.kind = IDENTITY_MANAGED, .resource_id = resource},
                 "managed",
                 "the managed identity resource-1 of the virtual machine"},
                {__LINE__, {.kind = IDENTITY_ARC}, "arc", "the identity of the Azure Arc machine"},
                {__LINE__,
                 {.kind = IDENTITY_WORKLOAD},
                 "workload",
                 "the workload identity of the environment"},
                {__LINE__,
                 {.kind = IDENTITY_ENVIRONMENT},
                 "environment",
                 "whom the AZURE_ variables of the environment name"},
                {__LINE__,
                 {IDENTITY_SECRET, id, NULL, NULL, tenant, credential},
                 "secret",
                 "the client client-1 of tenant tenant-1, by the secret in the credential \"sp\""},
                {__LINE__,
                 {IDENTITY_CERTIFICATE, id, NULL, NULL, tenant, credential},
                 "certificate",
                 "the client client-1 of tenant tenant-1, by the certificate in the credential "
                 "\"sp\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(strbuf_deinit) struct strbuf out = {};

                policy_identity_append(&rows[i].identity, &out);
                if (strcmp(strbuf_str(&out), rows[i].text) != 0 ||
                    strcmp(identity_kind_name(rows[i].identity.kind), rows[i].name) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, strbuf_str(&out));
        }
}

/* Leaks and bad frees of a whole and of a half-built file are the sanitizers' to find. */
static void test_policy_free(void **state) {
        struct policy_file *file = calloc(1, sizeof(*file));

        file->owner = strdup("o");
        file->policies = calloc(2, sizeof(*file->policies));
        file->n_policies = 2;
        file->policies[0].name = strdup("p");
        file->policies[0].zone_name = strdup("UTC");
        file->policies[0].schedule.items = calloc(1, sizeof(struct schedule_item));
        file->policies[0].schedule.n = 1;
        file->targets = calloc(1, sizeof(*file->targets));
        file->n_targets = 1;
        file->targets[0].groups = calloc(3, sizeof(char *));
        file->targets[0].n_groups = 3;
        file->targets[0].groups[1] = strdup("g");
        file->targets[0].disks = calloc(1, sizeof(struct resource_id));
        file->cloud.arm = strdup("https://example.com");
        assert_null(policy_file_free(file));
        assert_null(policy_file_free(calloc(1, sizeof(*file))));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),           cmocka_unit_test(test_longest),
                cmocka_unit_test(test_length),          cmocka_unit_test(test_format),
                cmocka_unit_test(test_compare),         cmocka_unit_test(test_group),
                cmocka_unit_test(test_policy_tags),     cmocka_unit_test(test_policy_free),
                cmocka_unit_test(test_policy_identity), cmocka_unit_test(test_wanted),
        };

        return cmocka_run_group_tests_name("resource-id", tests, NULL, NULL);
}
