/*
 * Requests: what goes out, byte for byte, and whose a URL is.
 */
#include "azure/encryption_set.h"
#include "azure/json.h"
#include "azure/requests.h"
#include "azure/url.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SUB "00000000-0000-0000-0000-000000000001"
#define SUB_PATH "/subscriptions/" SUB
#define GUID "667d1d45-5740-4727-97bc-d42a55e76ee8"

static char arm[] = "https://management.azure.com";
static char login[] = "https://login.microsoftonline.com";
static char imds[] = "http://169.254.169.254";
static const struct policy_cloud cloud = {.arm = arm, .login = login, .imds = imds};

static struct resource_id id_of(const char *text) {
        struct resource_id id;

        assert_int_equal(resource_id_parse(text, strlen(text), &id), 0);
        return id;
}

static void check(struct http_request *request, enum http_method method, const char *url) {
        assert_non_null(request);
        assert_int_equal(request->method, method);
        assert_string_equal(request->url, url);
        assert_string_equal(http_headers_get(&request->headers, "Accept"), "application/json");
        assert_null(http_headers_get(&request->headers, "Authorization"));
        assert_int_equal(request->connect_timeout_ns, 10 * NSEC_PER_SEC);
        assert_int_equal(request->silence_timeout_ns, 30 * NSEC_PER_SEC);
}

static void check_single(struct http_request *request) {
        assert_int_equal(request->total_timeout_ns, 120 * NSEC_PER_SEC);
        assert_int_equal(request->body_max, JSON_DOCUMENT_MAX);
        assert_false(request->direct);
}

static void check_listing(struct http_request *request) {
        assert_int_equal(request->total_timeout_ns, 600 * NSEC_PER_SEC);
        assert_int_equal(request->body_max, 64 << 20);
        assert_false(request->direct);
        assert_null(request->body);
}

static void test_reads(void **state) {
        struct resource_id id =
                id_of(SUB_PATH "/resourceGroups/rg-(x).y/providers/Microsoft.Compute/"
                               "snapshots/s_1");
        struct resource_id odd = id_of(SUB_PATH "/resourceGroups/r\xc3\xa5g/providers/"
                                                "Microsoft.Compute/disks/d1");
        const struct encryption_set_id set = {
                .subscription = SUB, .group = "rg-keys", .name = "des_1"};
        struct http_request *request;

        request = arm_list_disks(&cloud, SUB);
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/providers/Microsoft.Compute/disks?api-version=2024-03-02");
        check_listing(request);
        http_request_free(request);

        request = arm_list_snapshots(&cloud, SUB);
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/providers/Microsoft.Compute/snapshots?api-version=2024-03-02");
        check_listing(request);
        http_request_free(request);

        request = arm_get_permissions(&cloud, SUB, "rg-(x).y");
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/resourceGroups/rg-(x).y/providers/Microsoft.Authorization/permissions"
              "?api-version=2022-04-01");
        check_single(request);
        http_request_free(request);

        request = arm_get_permissions(&cloud, SUB, "r\xc3\xa5g?x=y");
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/resourceGroups/r%C3%A5g%3Fx%3Dy/providers/Microsoft.Authorization/permissions"
              "?api-version=2022-04-01");
        http_request_free(request);

        request = arm_get_encryption_set(&cloud, &set);
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/resourceGroups/rg-keys/providers/Microsoft.Compute/diskEncryptionSets/des_1"
              "?api-version=2024-03-02");
        check_single(request);
        http_request_free(request);

        request = arm_follow("https://management.azure.com/x?$skiptoken=%7Ba%7D&b=c");
        check(request, HTTP_GET, "https://management.azure.com/x?$skiptoken=%7Ba%7D&b=c");
        check_listing(request);
        http_request_free(request);

        request = arm_poll("https://management.azure.com/op?p=1&t=2");
        check(request, HTTP_GET, "https://management.azure.com/op?p=1&t=2");
        check_single(request);
        http_request_free(request);

        request = arm_get(&cloud, &id);
        check(request, HTTP_GET,
              "https://management.azure.com" SUB_PATH
              "/resourceGroups/rg-(x).y/providers/Microsoft.Compute/snapshots/s_1"
              "?api-version=2024-03-02");
        check_single(request);
        assert_null(request->body);
        http_request_free(request);

        request = arm_delete(&cloud, &odd);
        check(request, HTTP_DELETE,
              "https://management.azure.com" SUB_PATH
              "/resourceGroups/r%C3%A5g/providers/Microsoft.Compute/disks/d1"
              "?api-version=2024-03-02");
        check_single(request);
        assert_null(request->body);
        assert_null(http_headers_get(&request->headers, "Content-Type"));
        http_request_free(request);
}

static void test_put(void **state) {
        static const char tags[] = "snapkeep-version\0"
                                   "1\0"
                                   "owner \"team\"\0"
                                   "a\\b\n\0"
                                   "empty\0";
#define HEAD "{\"location\":\"westeurope\""
#define TAGS                                                                                       \
        ",\"tags\":{\"snapkeep-version\":\"1\",\"owner "                                           \
        "\\\"team\\\"\":\"a\\\\b\\u000a\",\"empty\":\"\"}"
#define SOURCE                                                                                     \
        ",\"properties\":{\"creationData\":{\"createOption\":\"Copy\",\"sourceResourceId\":"       \
        "\"" SUB_PATH                                                                              \
        "/resourceGroups/rg/providers/Microsoft.Compute/disks/d1\"},\"incremental\":true"
#define DENY ",\"networkAccessPolicy\":\"DenyAll\",\"publicNetworkAccess\":\"Disabled\""
        static const struct {
                int line;
                enum redundancy redundancy;
                enum network_access access;
                bool tags;
                const char *body;
        } rows[] = {
                {__LINE__, REDUNDANCY_AUTO, NETWORK_DENY, true, HEAD TAGS SOURCE DENY "}}"},
                {__LINE__, REDUNDANCY_AUTO, NETWORK_ALLOW, true, HEAD TAGS SOURCE "}}"},
                {__LINE__, REDUNDANCY_ZRS, NETWORK_DENY, false,
                 HEAD ",\"sku\":{\"name\":\"Standard_ZRS\"}" SOURCE DENY "}}"},
                {__LINE__, REDUNDANCY_LRS, NETWORK_ALLOW, false,
                 HEAD ",\"sku\":{\"name\":\"Standard_LRS\"}" SOURCE "}}"},
                {__LINE__, REDUNDANCY_AUTO, NETWORK_PRIVATE, false,
                 HEAD SOURCE
                 ",\"networkAccessPolicy\":\"AllowPrivate\",\"diskAccessId\":\"" SUB_PATH
                 "/x\",\"publicNetworkAccess\":\"Disabled\"}}"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_spec spec = {
                        .id = id_of(SUB_PATH "/resourceGroups/rg-s/providers/Microsoft.Compute/"
                                             "snapshots/s1"),
                        .disk = id_of(SUB_PATH "/resourceGroups/rg/providers/Microsoft.Compute/"
                                               "disks/d1"),
                        .location = "westeurope",
                        .redundancy = rows[i].redundancy,
                        .network_access = rows[i].access,
                        .disk_access = SUB_PATH "/x",
                        .tags = rows[i].tags ? tags : NULL,
                        .tags_len = rows[i].tags ? sizeof(tags) : 0,
                };
                struct http_request *request = arm_put_snapshot(&cloud, &spec);
                size_t offset;

                check(request, HTTP_PUT,
                      "https://management.azure.com" SUB_PATH
                      "/resourceGroups/rg-s/providers/Microsoft.Compute/snapshots/s1"
                      "?api-version=2024-03-02");
                check_single(request);
                assert_string_equal(http_headers_get(&request->headers, "Content-Type"),
                                    "application/json");
                if (request->body_len != strlen(rows[i].body) ||
                    memcmp(request->body, rows[i].body, request->body_len) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, request->body);
                assert_int_equal(json_scan(request->body, request->body_len, &offset), 0);
                http_request_free(request);
        }
}

static void test_patch_tags(void **state) {
        static const char one[] = "snapkeep-hold\0"
                                  "audit \"x\"\n",
                          two[] = "snapkeep-hold\0\0snapkeep-adopted\0" GUID;
        static const struct {
                int line;
                enum tags_operation operation;
                const char *tags;
                size_t tags_len;
                const char *body;
        } rows[] = {
                {__LINE__, TAGS_MERGE, one, sizeof(one),
                 "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"snapkeep-hold\":"
                 "\"audit \\\"x\\\"\\u000a\"}}}"},
                {__LINE__, TAGS_DELETE, two, sizeof(two),
                 "{\"operation\":\"Delete\",\"properties\":{\"tags\":{\"snapkeep-hold\":\"\","
                 "\"snapkeep-adopted\":\"" GUID "\"}}}"},
        };
        struct resource_id id = id_of(SUB_PATH "/resourceGroups/r\xc3\xa5g/providers/"
                                               "Microsoft.Compute/snapshots/s1");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_request *request = arm_patch_tags(&cloud, &id, rows[i].operation,
                                                              rows[i].tags, rows[i].tags_len);
                size_t offset;

                check(request, HTTP_PATCH,
                      "https://management.azure.com" SUB_PATH
                      "/resourceGroups/r%C3%A5g/providers/Microsoft.Compute/snapshots/s1"
                      "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01");
                check_single(request);
                assert_string_equal(http_headers_get(&request->headers, "Content-Type"),
                                    "application/json");
                if (request->body_len != strlen(rows[i].body) ||
                    memcmp(request->body, rows[i].body, request->body_len) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, request->body);
                assert_int_equal(json_scan(request->body, request->body_len, &offset), 0);
                http_request_free(request);
        }
}

static void test_endpoint(void **state) {
        static const struct {
                int line;
                const char *arm, *url;
                bool owns;
        } rows[] = {
                {__LINE__, "https://management.azure.com", "https://management.azure.com/", true},
                {__LINE__, "https://management.azure.com", "https://management.azure.com", true},
                {__LINE__, "https://management.azure.com", "HTTPS://Management.Azure.COM/x?y=z",
                 true},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:443/x",
                 true},
                {__LINE__, "https://management.azure.com:443", "https://management.azure.com/x",
                 true},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/a@b",
                 true},
                {__LINE__, "https://management.azure.com",
                 "https://management.azure.com/?u=http://h/", true},
                {__LINE__, "http://127.0.0.1:8080", "http://127.0.0.1:8080/x", true},
                {__LINE__, "http://[::1]:8080", "http://[::1]:8080/x", true},
                {__LINE__, "https://[FE80::1]", "https://[fe80::1]:443/x", true},

                {__LINE__, "https://management.azure.com", "http://management.azure.com/", false},
                {__LINE__, "http://127.0.0.1", "https://127.0.0.1/", false},
                {__LINE__, "https://management.azure.com", "http://management.azure.com:443/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:8443/",
                 false},
                {__LINE__, "http://127.0.0.1:8080", "http://127.0.0.1/x", false},
                {__LINE__, "https://management.azure.com", "https://evil.com/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com.evil.com/",
                 false},
                {__LINE__, "https://management.azure.com", "https://evilmanagement.azure.com/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.co/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com./", false},
                {__LINE__, "https://management.azure.com", "https://.management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https://management..azure.com/", false},
                {__LINE__, "https://management.azure.com", "https://user@management.azure.com/",
                 false},
                {__LINE__, "https://management.azure.com",
                 "https://user:pass@management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com@evil.com/",
                 false},
                {__LINE__, "https://management.azure.com",
                 "https://management.azure.com:443@evil.com/", false},
                {__LINE__, "https://management.azure.com", "https://@management.azure.com/", false},
                {__LINE__, "https://management.azure.com",
                 "https://evil.com\\@management.azure.com/", false},
                {__LINE__, "https://management.azure.com",
                 "https://management.azure.com\\.evil.com/", false},
                {__LINE__, "https://management.azure.com", "https:\\\\management.azure.com/",
                 false},
                {__LINE__, "https://management.azure.com", "https:/management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https:management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https:///management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "//management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "/x", false},
                {__LINE__, "https://management.azure.com", "", false},
                {__LINE__, "https://management.azure.com", "https://", false},
                {__LINE__, "https://management.azure.com", "ftp://management.azure.com/", false},
                {__LINE__, "https://management.azure.com", " https://management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com /", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/a b",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/a\r\nX: y",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/\x01",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/\x7f",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/\xc3\xa5",
                 false},
                {__LINE__, "https://management.azure.com", "https://m\xc3\xa5nagement.azure.com/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management%2eazure.com/",
                 false},
                {__LINE__, "https://management.azure.com",
                 "https://management.azure.com%00.evil.com/", false},
                {__LINE__, "https://management.azure.com",
                 "https://management.azure.com#@evil.com/", false},
                {__LINE__, "https://management.azure.com",
                 "https://evil.com#@management.azure.com/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com?x", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:0443/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:+443/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:65979/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:0/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com:443:443/",
                 false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com;x/",
                 false},
                {__LINE__, "http://127.0.0.1", "http://2130706433/", false},
                {__LINE__, "http://127.0.0.1", "http://0x7f.1/", false},
                {__LINE__, "http://[::1]", "http://[0::1]/", false}, /* the same, but not said so */
                {__LINE__, "http://[::1]", "http://[::1/", false},
                {__LINE__, "http://[::1]", "http://[::1]x/", false},
                {__LINE__, "http://[::1]", "http://[::1%25eth0]/", false},
                {__LINE__, "http://[::1]", "http://::1/", false},
                {__LINE__, "https://management.azure.com", "https://management.azure.com/a\\b",
                 false},
                {__LINE__, "http://h:0", "http://h:0/", false},
                {__LINE__, "not a url", "not a url", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(freep) char *base = strdup(rows[i].arm);
                struct policy_cloud other = {.arm = base};

                if (endpoint_owns(&other, rows[i].url) != rows[i].owns)
                        fail_msg("row at line %d: %s", rows[i].line, rows[i].url);
        }
}

static void test_endpoint_long(void **state) {
        char *url = malloc(URL_MAX + 2);

        assert_non_null(url);
        memset(url, 'x', URL_MAX + 1);
        memcpy(url, "https://management.azure.com/", 29);
        url[URL_MAX + 1] = '\0';
        assert_false(endpoint_owns(&cloud, url));
        url[URL_MAX] = '\0';
        assert_true(endpoint_owns(&cloud, url));
        free(url);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads),      cmocka_unit_test(test_put),
                cmocka_unit_test(test_endpoint),   cmocka_unit_test(test_endpoint_long),
                cmocka_unit_test(test_patch_tags),
        };

        return cmocka_run_group_tests_name("azure-requests", tests, NULL, NULL);
}
