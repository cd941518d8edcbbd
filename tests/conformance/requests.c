/*
 * Prints every request to ARM that azure/requests.h can make, a line of JSON each: {"function",
 * "request": {"method", "url", "headers", "body"}}. openapi.py holds them against Microsoft's
 * specification, and this list against the header.
 *
 *     requests ORIGIN SUBSCRIPTION DISK SNAPSHOT
 */
#include "azure/requests.h"
#include "azure/encryption_set.h"
#include "base/json_writer.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define DISK_ACCESS                                                                                \
        "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-net/providers/"     \
        "Microsoft.Compute/diskAccesses/da"

static struct policy_cloud cloud;
static bool failed;

/* Takes @request over. */
static void print(const char *function, struct http_request *request) {
        _cleanup_(strbuf_deinit) struct strbuf line = {};
        struct json_writer w = {.out = &line};

        if (!request) {
                failed = true;
                return;
        }
        json_open(&w, NULL, '{');
        json_write_string(&w, "function", function);
        json_open(&w, "request", '{');
        json_write_string(&w, "method", http_method_name(request->method));
        json_write_string(&w, "url", request->url);
        json_open(&w, "headers", '{');
        for (size_t i = 0; i < request->headers.n; i++)
                json_write_string(&w, request->headers.items[i].name,
                                  request->headers.items[i].value);
        json_close(&w);
        if (request->body)
                json_write_string(&w, "body", request->body);
        else
                json_write_null(&w, "body");
        json_close(&w);
        json_close(&w);
        failed |= line.error != 0 || puts(strbuf_str(&line)) < 0;
        http_request_free(request);
}

/* Every choice that a policy leaves to the body. */
static void print_snapshots(struct snapshot_spec spec) {
        static const char tags[] = "snapkeep-version\0"
                                   "1\0owner-team\0plat\"form\0leer\0";
        static const enum redundancy redundancies[] = {REDUNDANCY_AUTO, REDUNDANCY_ZRS,
                                                       REDUNDANCY_LRS};
        static const enum network_access accesses[] = {NETWORK_DENY, NETWORK_ALLOW,
                                                       NETWORK_PRIVATE};

        for (size_t i = 0; i < ARRAY_SIZE(redundancies); i++)
                for (size_t j = 0; j < ARRAY_SIZE(accesses); j++)
                        for (size_t tagged = 0; tagged < 2; tagged++) {
                                spec.redundancy = redundancies[i];
                                spec.network_access = accesses[j];
                                spec.disk_access =
                                        accesses[j] == NETWORK_PRIVATE ? DISK_ACCESS : NULL;
                                spec.tags = tags;
                                spec.tags_len = tagged ? sizeof(tags) : 0;
                                print("arm_put_snapshot", arm_put_snapshot(&cloud, &spec));
                        }
}

int main(int argc, char **argv) {
        static const char tag[] = "snapkeep-hold\0audit";
        static const struct encryption_set_id set = {
                .subscription = "11111111-1111-4111-8111-111111111111",
                .group = "rg-keys",
                .name = "des",
        };
        struct snapshot_spec spec = {.location = "westeurope"};
        _cleanup_(strbuf_deinit) struct strbuf link = {}, operation = {};

        if (argc != 5 || resource_id_parse(argv[3], strlen(argv[3]), &spec.disk) != 0 ||
            resource_id_parse(argv[4], strlen(argv[4]), &spec.id) != 0) {
                fputs("usage: requests ORIGIN SUBSCRIPTION DISK SNAPSHOT\n", stderr);
                return 2;
        }
        cloud.arm = argv[1];
        strbuf_appendf(&link,
                       "%s/subscriptions/%s/providers/Microsoft.Compute/"
                       "snapshots?api-version=" ARM_COMPUTE_VERSION "&$skiptoken=x",
                       argv[1], argv[2]);
        strbuf_appendf(&operation,
                       "%s/subscriptions/%s/providers/Microsoft.Compute/locations/"
                       "westeurope/DiskOperations/%s?api-version=" ARM_COMPUTE_VERSION,
                       argv[1], argv[2], argv[2]);

        print("arm_list_disks", arm_list_disks(&cloud, argv[2]));
        print("arm_list_snapshots", arm_list_snapshots(&cloud, argv[2]));
        print("arm_follow", arm_follow(strbuf_str(&link)));
        print("arm_poll", arm_poll(strbuf_str(&operation)));
        print("arm_get", arm_get(&cloud, &spec.disk));
        print("arm_get", arm_get(&cloud, &spec.id));
        print("arm_delete", arm_delete(&cloud, &spec.id));
        print("arm_get_permissions", arm_get_permissions(&cloud, argv[2], "rg-(app)"));
        print("arm_get_encryption_set", arm_get_encryption_set(&cloud, &set));
        print("arm_patch_tags", arm_patch_tags(&cloud, &spec.id, TAGS_MERGE, tag, sizeof(tag)));
        print("arm_patch_tags", arm_patch_tags(&cloud, &spec.id, TAGS_DELETE, tag, sizeof(tag)));
        print_snapshots(spec);
        return failed ? 1 : 0;
}
