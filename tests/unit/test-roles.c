/*
 * The table of rights (azure/rights.h) against the requests, and the custom roles of conf/roles against
 * the table: what Azure asks a right for is in all three, and nothing else is.
 *
 * A request's right follows from its method and the type in its URL (FACTS section 8, "least rights");
 * a snapshot's PUT is also asked for beginGetAccess of the disk that it names.
 */
#include "azure/encryption_set.h"
#include "azure/requests.h"
#include "azure/rights.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SUB "11111111-1111-4111-8111-111111111111"
#define COMPUTE "Microsoft.Compute/"
#define RIGHTS_MAX 16

struct rights {
        char *items[RIGHTS_MAX];
        size_t n;
};

static void rights_add(struct rights *rights, const char *right) {
        for (size_t i = 0; i < rights->n; i++)
                if (strcmp(rights->items[i], right) == 0)
                        return;
        assert_true(rights->n < RIGHTS_MAX);
        rights->items[rights->n++] = strdup(right);
}

static bool rights_have(const struct rights *rights, const char *right) {
        for (size_t i = 0; i < rights->n; i++)
                if (strcmp(rights->items[i], right) == 0)
                        return true;
        return false;
}

static void rights_deinit(struct rights *rights) {
        for (size_t i = 0; i < rights->n; i++)
                free(rights->items[i]);
}

static const char *verb_of(const struct http_request *request) {
        switch (request->method) {
        case HTTP_GET:
                return "read";
        case HTTP_DELETE:
                return "delete";
        case HTTP_PUT:
        case HTTP_PATCH: /* of tags: "or write on the resource" (FACTS section 2) */
                return "write";
        case HTTP_POST:
                break;
        }
        return "action";
}

/* Takes the request over. */
static void need(struct rights *rights, struct http_request *request) {
        _cleanup_(strbuf_deinit) struct strbuf right = {};
        const char *type;

        assert_non_null(request);
        type = strstr(request->url, "/providers/");
        assert_non_null(type);
        type += strlen("/providers/");
        if (strstr(type, "/DiskOperations/"))
                strbuf_append_str(&right, COMPUTE "locations/diskOperations/");
        else {
                size_t provider = strcspn(type, "/") + 1;

                strbuf_appendf(&right, "%.*s/", (int)(provider + strcspn(type + provider, "/?")),
                               type);
        }
        strbuf_append_str(&right, verb_of(request));
        rights_add(rights, strbuf_str(&right));
        if (request->method == HTTP_PUT && strstr(request->body, "/disks/"))
                rights_add(rights, COMPUTE "disks/beginGetAccess/action");
        http_request_free(request);
}

static struct resource_id id_of(const char *type) {
        char text[256];
        struct resource_id id;

        snprintf(text, sizeof(text),
                 "/subscriptions/" SUB "/resourceGroups/rg/providers/" COMPUTE "%s/one", type);
        assert_int_equal(resource_id_parse(text, strlen(text), &id), 0);
        return id;
}

/* Every request of requests.h that goes to ARM; test_all_requests_are_here() counts them. */
static const char *const asked[] = {
        "arm_list_disks",
        "arm_list_snapshots",
        "arm_follow",
        "arm_poll",
        "arm_get",
        "arm_delete",
        "arm_patch_tags",
        "arm_put_snapshot",
        "arm_get_permissions",
        "arm_get_encryption_set",
};

static void ask_all(struct rights *creator, struct rights *pruner, struct rights *beside) {
        static char arm[] = "https://management.azure.com";
        static const char tags[] = "name\0value";
        const struct policy_cloud cloud = {.arm = arm};
        struct resource_id disk = id_of("disks"), snapshot = id_of("snapshots");
        const struct encryption_set_id set = {.subscription = SUB, .group = "rg", .name = "des"};
        const struct snapshot_spec spec = {
                .id = snapshot,
                .disk = disk,
                .location = "westeurope",
                .tags = tags,
                .tags_len = sizeof(tags),
        };

        need(creator, arm_list_disks(&cloud, SUB));
        need(creator, arm_list_snapshots(&cloud, SUB));
        need(creator, arm_follow("https://management.azure.com/subscriptions/" SUB
                                 "/providers/" COMPUTE "snapshots?$skiptoken=x"));
        need(creator,
             arm_poll("https://management.azure.com/subscriptions/" SUB "/providers/" COMPUTE
                      "locations/westeurope/DiskOperations/x?api-version=1"));
        need(creator, arm_get(&cloud, &disk));
        need(creator, arm_get(&cloud, &snapshot));
        need(creator, arm_patch_tags(&cloud, &snapshot, TAGS_MERGE, tags, sizeof(tags)));
        need(creator, arm_put_snapshot(&cloud, &spec));
        need(creator, arm_get_permissions(&cloud, SUB, "rg"));
        need(beside, arm_get_encryption_set(&cloud, &set));
        need(pruner, arm_get_permissions(&cloud, SUB, "rg"));
        /* An identity of its own reads what it is about to delete. */
        need(pruner, arm_get(&cloud, &snapshot));
        need(pruner, arm_delete(&cloud, &snapshot));
}

static char *read_source(const char *name) {
        const char *root = getenv("SNAPKEEP_SOURCE_ROOT");
        char path[512], *text;
        FILE *file;
        size_t n;

        assert_non_null(root);
        snprintf(path, sizeof(path), "%s/%s", root, name);
        file = fopen(path, "re");
        if (!file)
                fail_msg("%s cannot be read", path);
        text = calloc(1, 65536);
        assert_non_null(text);
        n = fread(text, 1, 65535, file);
        assert_true(n > 0);
        (void)fclose(file);
        return text;
}

static void check_role(const char *name, const struct rights *needed) {
        char *text = read_source(name);
        cJSON *role = cJSON_Parse(text);
        const cJSON *actions = cJSON_GetObjectItemCaseSensitive(role, "Actions"), *action;
        size_t n = 0;

        assert_true(cJSON_IsArray(actions));
        cJSON_ArrayForEach(action, actions) {
                if (!rights_have(needed, action->valuestring))
                        fail_msg("%s allows %s, which no request needs", name, action->valuestring);
                n++;
        }
        if (n != needed->n)
                for (size_t i = 0; i < needed->n; i++)
                        if (!strstr(text, needed->items[i]))
                                fail_msg("%s lacks %s", name, needed->items[i]);
        assert_int_equal(n, needed->n);
        cJSON_Delete(role);
        free(text);
}

/* What the table says of one identity, which must be what the requests need. */
static void check_table(unsigned who, const struct rights *needed) {
        size_t n = 0;

        for (int i = 0; i < _RIGHT_N; i++) {
                if (!(right_rows[i].who & who))
                        continue;
                if (!rights_have(needed, right_rows[i].action))
                        fail_msg("the table has %s, which no request needs", right_rows[i].action);
                n++;
        }
        assert_int_equal(n, needed->n);
}

static void test_roles_are_what_requests_need(void **state) {
        struct rights creator = {}, pruner = {}, beside = {};

        ask_all(&creator, &pruner, &beside);
        check_table(RIGHT_CREATOR, &creator);
        check_table(RIGHT_PRUNER, &pruner);
        check_role("conf/roles/creator.json", &creator);
        check_role("conf/roles/pruner.json", &pruner);
        assert_int_equal(beside.n, 1);
        assert_string_equal(beside.items[0], ENCRYPTION_SET_READ_ACTION);
        rights_deinit(&creator);
        rights_deinit(&pruner);
        rights_deinit(&beside);
}

/* Where each is needed: all of a role but the right to ask, which nothing is done by. */
static void test_places(void **state) {
        unsigned everywhere = RIGHT_AT_DISKS | RIGHT_AT_SNAPSHOTS;

        assert_int_equal(rights_needed(RIGHT_CREATOR, RIGHT_AT_DISKS),
                         RIGHT_BIT(RIGHT_COPY_DISK) | RIGHT_BIT(RIGHT_READ_DISK));
        assert_int_equal(rights_needed(RIGHT_CREATOR, RIGHT_AT_SNAPSHOTS),
                         RIGHT_BIT(RIGHT_POLL) | RIGHT_BIT(RIGHT_READ_SNAPSHOT) |
                                 RIGHT_BIT(RIGHT_WRITE_SNAPSHOT));
        assert_int_equal(rights_needed(RIGHT_PRUNER, everywhere),
                         RIGHT_BIT(RIGHT_DELETE_SNAPSHOT) | RIGHT_BIT(RIGHT_READ_SNAPSHOT));
        assert_int_equal(rights_needed(RIGHT_PRUNER, RIGHT_AT_DISKS), 0);
        assert_int_equal(rights_needed(RIGHT_CREATOR | RIGHT_PRUNER, everywhere) |
                                 RIGHT_BIT(RIGHT_READ_RIGHTS),
                         RIGHT_BIT(_RIGHT_N) - 1);
}

/* A request that is new is asked here, too. */
static void test_all_requests_are_here(void **state) {
        char *text = read_source("src/azure/requests.h");
        size_t n = 0;

        for (const char *at = text; (at = strstr(at, "struct http_request *arm_"));) {
                size_t len;
                bool known = false;

                at += strlen("struct http_request *");
                len = strcspn(at, "(");
                for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
                        known |= strlen(asked[i]) == len && strncmp(asked[i], at, len) == 0;
                if (!known)
                        fail_msg("%.*s is in no role's test", (int)len, at);
                n++;
        }
        assert_int_equal(n, ARRAY_SIZE(asked));
        free(text);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_roles_are_what_requests_need),
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_all_requests_are_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
