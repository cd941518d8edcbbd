/*
 * The custom roles of conf/roles against the requests: what Azure asks a right for is in them, and
 * nothing else is.
 *
 * A request's right follows from its method and the type in its URL (FACTS section 8, "least rights");
 * a snapshot's PUT is also asked for beginGetAccess of the disk that it names.
 */
#include "azure/requests.h"
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
        type = strstr(request->url, "/providers/" COMPUTE);
        assert_non_null(type);
        type += strlen("/providers/");
        if (strstr(type, "/DiskOperations/"))
                strbuf_append_str(&right, COMPUTE "locations/diskOperations/");
        else
                strbuf_appendf(&right, "%.*s/",
                               (int)(strlen(COMPUTE) + strcspn(type + strlen(COMPUTE), "/?")),
                               type);
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
        "arm_list_disks", "arm_list_snapshots", "arm_follow",     "arm_poll",
        "arm_get",        "arm_delete",         "arm_patch_tags", "arm_put_snapshot",
};

static void ask_all(struct rights *creator, struct rights *pruner) {
        static char arm[] = "https://management.azure.com";
        static const char tags[] = "name\0value";
        const struct policy_cloud cloud = {.arm = arm};
        struct resource_id disk = id_of("disks"), snapshot = id_of("snapshots");
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
        fclose(file);
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

static void test_roles_are_what_requests_need(void **state) {
        struct rights creator = {}, pruner = {};

        ask_all(&creator, &pruner);
        check_role("conf/roles/creator.json", &creator);
        check_role("conf/roles/pruner.json", &pruner);
        rights_deinit(&creator);
        rights_deinit(&pruner);
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
                cmocka_unit_test(test_all_requests_are_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
