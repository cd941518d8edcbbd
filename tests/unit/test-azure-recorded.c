/*
 * Real traffic through the decoders: every pair of the public recordings. The folder is not part of
 * the source; SNAPKEEP_RECORDED names it, else it is looked for beside the source tree.
 */
#include "azure/error.h"
#include "azure/json.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static struct {
        unsigned pairs, snapshots, disks, percents, operations, outputs, pages, elements, errors,
                times, urls, dates, waits;
} seen;

static const char *current; /* file and number, for messages */

static char *read_file(const char *path, size_t *ret_len) {
        FILE *file = fopen(path, "re");
        struct strbuf s = {};
        char bytes[65536];
        char *text;
        size_t n;

        assert_non_null(file);
        while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
                strbuf_append(&s, bytes, n);
        assert_false(ferror(file));
        fclose(file);
        *ret_len = s.len;
        assert_int_equal(strbuf_take(&s, &text), 0);
        return text;
}

/* The time as the text has it, digit for digit; all that were recorded with an offset of zero. */
static void check_time(const cJSON *properties, struct utc time) {
        const char *text = json_string(properties, "timeCreated"), *point;
        char expected[64], formatted[UTC_TEXT_SIZE], fraction[8] = "0000000";

        assert_int_equal(utc_is_set(time), text != NULL);
        if (!text)
                return;
        point = strchr(text, '.');
        assert_non_null(point);
        memcpy(fraction, point + 1, MIN(strspn(point + 1, "0123456789"), (size_t)7));
        assert_int_equal(((time.ticks % TICKS_PER_SEC) + TICKS_PER_SEC) % TICKS_PER_SEC,
                         atoi(fraction));
        seen.times++;
        if (!strstr(text, "+00:00"))
                return;
        snprintf(expected, sizeof(expected), "%.19s.%sZ", text, fraction);
        assert_string_equal(utc_format(time, formatted), expected);
}

static void check_provisioning(const cJSON *properties, enum provisioning_state state) {
        const char *text = json_string(properties, "provisioningState");

        assert_int_equal(state, !text || strcmp(text, "Succeeded") == 0 ? PROVISIONING_SUCCEEDED
                                                                        : PROVISIONING_RUNNING);
}

static void check_snapshot(const cJSON *json) {
        const cJSON *properties = json_object(json, "properties");
        const char *member = "", *text;
        struct snapshot_reply snapshot;
        char guid[GUID_TEXT_SIZE];
        bool incremental = false;

        if (snapshot_reply_decode(json, &snapshot, &member) != 0)
                fail_msg("%s: %s", current, member);
        seen.snapshots++;
        assert_int_equal(snapshot.has_id, json_string(json, "id") != NULL);
        if (snapshot.has_id)
                assert_string_equal(snapshot.id.name, json_string(json, "name"));
        text = json_string(properties, "uniqueId");
        assert_int_equal(snapshot.has_unique_id, text != NULL);
        if (text)
                assert_string_equal(guid_format(&snapshot.unique_id, guid), text);
        text = json_string(json_object(properties, "creationData"), "sourceUniqueId");
        assert_int_equal(snapshot.has_source_unique_id, text != NULL);
        if (text)
                assert_string_equal(guid_format(&snapshot.source_unique_id, guid), text);
        json_bool(properties, "incremental", &incremental);
        assert_int_equal(snapshot.incremental, incremental);
        check_time(properties, snapshot.time_created);
        check_provisioning(properties, snapshot.provisioning);

        /* The one recorded trap: Succeeded, and not a byte copied yet. */
        if (snapshot.has_percent) {
                seen.percents++;
                assert_int_equal(snapshot.percent, 0);
                assert_false(snapshot_reply_is_complete(&snapshot, false));
        } else if (strcmp(snapshot.create_option, "Copy") == 0)
                assert_int_equal(snapshot_reply_is_complete(&snapshot, false),
                                 snapshot.provisioning == PROVISIONING_SUCCEEDED);
}

static void check_disk(const cJSON *json) {
        const cJSON *properties = json_object(json, "properties");
        struct disk_reply disk;
        const char *member = "";

        /* The answer to a PUT may lack what a listing has. */
        if (!json_string(json, "id"))
                return;
        if (disk_reply_decode(json, &disk, &member) != 0)
                fail_msg("%s: %s", current, member);
        seen.disks++;
        assert_string_equal(disk.id.name, json_string(json, "name"));
        assert_int_equal(disk.has_unique_id, json_string(properties, "uniqueId") != NULL);
        check_time(properties, disk.time_created);
        check_provisioning(properties, disk.provisioning);
}

static int check_element(const char *bytes, size_t len, void *data) {
        _cleanup_(json_freep) cJSON *json = json_parse_scanned(bytes, len);
        const char *type = json_string(json, "type");

        seen.elements++;
        assert_non_null(type);
        if (strcmp(type, "Microsoft.Compute/snapshots") == 0)
                check_snapshot(json);
        else if (strcmp(type, "Microsoft.Compute/disks") == 0)
                check_disk(json);
        else
                fail_msg("%s: %s", current, type);
        return 0;
}

static void check_page(const char *text) {
        _cleanup_(page_freep) struct page *page = NULL;
        const char *link;

        assert_int_equal(page_new(check_element, NULL, &page), 0);
        for (size_t i = 0; text[i]; i++)
                assert_int_equal(page_feed(page, text + i, 1), 0);
        assert_int_equal(page_finish(page, &link), 0);
        assert_null(link);
        seen.pages++;
}

static void check_operation(const cJSON *body, const char *text) {
        const char *status = json_string(body, "status"), *member;
        struct operation_reply operation;
        const cJSON *output;

        assert_int_equal(operation_reply_parse(text, strlen(text), &operation, &member), 0);
        assert_int_equal(operation.status, strcmp(status, "Succeeded") == 0 ? OPERATION_SUCCEEDED
                                           : strcmp(status, "Failed") == 0  ? OPERATION_FAILED
                                           : strcmp(status, "InProgress") == 0
                                                   ? OPERATION_RUNNING
                                                   : OPERATION_CANCELED);
        output = operation.output;
        assert_int_equal(output != NULL,
                         json_object(json_object(body, "properties"), "output") != NULL);
        if (output && json_string(output, "type")) {
                seen.outputs++;
                if (strcmp(json_string(output, "type"), "Microsoft.Compute/snapshots") == 0)
                        check_snapshot(output);
                else if (strcmp(json_string(output, "type"), "Microsoft.Compute/disks") == 0)
                        check_disk(output);
        }
        operation_reply_deinit(&operation);
        seen.operations++;
}

static void check_body(const char *url, const cJSON *body, const char *text) {
        const char *type = json_string(body, "type");

        if (strstr(url, "perations/") && json_string(body, "status"))
                check_operation(body, text);
        else if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(body, "value")))
                check_page(text);
        else if ((type && strcmp(type, "Microsoft.Compute/snapshots") == 0) ||
                 (!type && strstr(url, "/Microsoft.Compute/snapshots/") &&
                  json_object(body, "properties")))
                check_snapshot(body);
        else if (type && strcmp(type, "Microsoft.Compute/disks") == 0)
                check_disk(body);
}

static void check_error(const struct http_reply *reply, const cJSON *body) {
        static const struct {
                const char *code;
                enum arm_class class;
        } rows[] = {
                {"AuthorizationFailed", ARM_FORBIDDEN},
                {"ResourceNotFound", ARM_NOT_FOUND},
                {"ResourceGroupNotFound", ARM_PARENT_NOT_FOUND},
                {"ParentResourceNotFound", ARM_PARENT_NOT_FOUND},
                {"OperationNotAllowed", ARM_PRECONDITION},
                {"ScopeLocked", ARM_LOCKED},
        };
        const char *code = json_string(json_object(body, "error"), "code");
        const char *message = json_string(json_object(body, "error"), "message");
        struct arm_error error;

        arm_error_classify(reply, UTC_NONE, &error);
        seen.errors++;
        assert_int_equal(error.status, reply->status);
        if (code)
                assert_string_equal(error.code, code);
        if (message && strlen(message) <= ARM_MESSAGE_MAX && !strpbrk(message, "\r\n?"))
                assert_string_equal(error.message, message);
        if (reply->status >= 500) {
                assert_int_equal(error.class, ARM_TRANSIENT);
                assert_true(error.maybe_done);
                return;
        }
        assert_false(error.maybe_done);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (code && strcmp(code, rows[i].code) == 0) {
                        assert_int_equal(error.class, rows[i].class);
                        return;
                }
        if (error.class == ARM_OK || error.class == ARM_PROTOCOL)
                fail_msg("%s: %s", current, arm_class_name(error.class));
}

static void check_headers(const struct http_reply *reply) {
        static char arm[] = "https://management.azure.com";
        const struct policy_cloud cloud = {.arm = arm};
        const char *names[] = {"Azure-AsyncOperation", "Location"};
        const char *wait = http_headers_get(&reply->headers, "Retry-After");
        const char *date = http_headers_get(&reply->headers, "Date");
        struct utc time;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *url = http_headers_get(&reply->headers, names[i]);

                /* Some recorders rewrite the host for playback on loopback. */
                if (!url || strstr(url, "localhost"))
                        continue;
                if (!endpoint_owns(&cloud, url))
                        fail_msg("%s: %s", current, url);
                seen.urls++;
        }
        if (wait) {
                assert_int_equal(arm_retry_after_ns(reply, UTC_NONE),
                                 MAX(atoi(wait), 1) * NSEC_PER_SEC);
                seen.waits++;
        }
        if (date) {
                assert_int_equal(utc_parse_http_date(date, &time), 0);
                seen.dates++;
        }
}

static void check_pair(const cJSON *pair) {
        const cJSON *response = json_object(pair, "response");
        const cJSON *body = cJSON_GetObjectItemCaseSensitive(response, "body");
        const char *url = json_string(json_object(pair, "request"), "url");
        struct http_reply *reply = calloc(1, sizeof(*reply));
        int64_t status;

        assert_non_null(reply);
        assert_non_null(url);
        assert_true(json_integer(response, "status", &status));
        reply->status = (int)status;
        for (const cJSON *h = json_object(response, "headers")->child; h; h = h->next)
                if (cJSON_IsString(h))
                        assert_int_equal(
                                http_headers_add_str(&reply->headers, h->string, h->valuestring),
                                0);
        if (cJSON_IsString(body))
                reply->body = strdup(body->valuestring);
        else if (body && !cJSON_IsNull(body))
                reply->body = cJSON_PrintUnformatted(body);
        reply->body_len = reply->body ? strlen(reply->body) : 0;

        seen.pairs++;
        check_headers(reply);
        if (status >= 400)
                check_error(reply, body);
        else if (reply->body)
                check_body(url, body, reply->body);
        http_reply_free(reply);
}

static void check_file(const char *folder, const char *name) {
        _cleanup_(json_freep) cJSON *pairs = NULL;
        char path[8192], where[1024];
        size_t len, offset = 0;
        unsigned n = 0;
        char *text;
        int r;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        text = read_file(path, &len);
        r = json_parse(text, len, &pairs, &offset);
        if (r != 0)
                fail_msg("%s: %s at %zu", name, json_problem(r), offset);
        free(text);
        assert_true(cJSON_IsArray(pairs));
        for (const cJSON *pair = pairs->child; pair; pair = pair->next) {
                snprintf(where, sizeof(where), "%s pair %u", name, n++);
                current = where;
                check_pair(pair);
        }
}

static void test_recorded(void **state) {
        const char *folder = getenv("SNAPKEEP_RECORDED"), *root = getenv("SNAPKEEP_SOURCE_ROOT");
        const struct dirent *entry;
        char beside[4096];
        DIR *dir;

        snprintf(beside, sizeof(beside), "%s/../shared/azure/recorded", root ? root : ".");
        dir = opendir(folder ? folder : beside);
        if (!dir) {
                print_message("# recorded traffic is not at %s: set SNAPKEEP_RECORDED\n",
                              folder ? folder : beside);
                skip();
        }
        while ((entry = readdir(dir))) {
                size_t len = strlen(entry->d_name);

                if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0)
                        check_file(folder ? folder : beside, entry->d_name);
        }
        closedir(dir);

        print_message("# %u pairs: %u snapshots (%u with a percentage), %u disks, %u operations "
                      "(%u with output), %u pages of %u, %u errors, %u times, %u urls, %u waits, "
                      "%u dates\n",
                      seen.pairs, seen.snapshots, seen.percents, seen.disks, seen.operations,
                      seen.outputs, seen.pages, seen.elements, seen.errors, seen.times, seen.urls,
                      seen.waits, seen.dates);
        assert_true(seen.pairs > 0);
        if (folder)
                return;
        /* The public set: none of these may silently stop being looked at. */
        assert_true(seen.snapshots >= 50 && seen.percents >= 1 && seen.disks >= 50);
        assert_true(seen.operations >= 50 && seen.outputs >= 30 && seen.errors >= 30);
        assert_true(seen.pages >= 2 && seen.elements >= 6 && seen.times >= 80);
        assert_true(seen.urls >= 50 && seen.waits >= 10 && seen.dates >= 150);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded)};

        return cmocka_run_group_tests_name("azure-recorded", tests, NULL, NULL);
}
