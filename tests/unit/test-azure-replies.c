/*
 * Replies: what must be there, what may be missing, what is believed.
 */
#include "azure/json.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define SUB "/subscriptions/00000000-0000-0000-0000-000000000001"
#define SNAP "\"id\":\"" SUB "/resourceGroups/rg/providers/Microsoft.Compute/snapshots/s1\","
#define DISK "\"id\":\"" SUB "/resourceGroups/rg/providers/Microsoft.Compute/disks/d1\","
#define LOC "\"location\":\"westeurope\""
#define GUID1 "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d4"

static void test_snapshot_members(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                const char *member;
        } rows[] = {
                {__LINE__, "{" SNAP LOC ",\"properties\":{}}", 0, NULL},
                {__LINE__, "{" LOC ",\"properties\":{}}", 0, NULL}, /* a 202 may lack the id */
                {__LINE__, "{" SNAP LOC ",\"tags\":null,\"unheard\":[1],\"properties\":{\"x\":{}}}",
                 0, NULL},
                {__LINE__,
                 "{" SNAP LOC ",\"properties\":{\"uniqueId\":null,\"timeCreated\":null,"
                 "\"incremental\":null,\"completionPercent\":null,\"creationData\":null,"
                 "\"copyCompletionError\":null,\"diskState\":null,"
                 "\"provisioningState\":null}}",
                 0, NULL},
                {__LINE__, "[]", JSON_E_SHAPE, NULL},
                {__LINE__, "\"text\"", JSON_E_SHAPE, NULL},
                {__LINE__, "", JSON_E_SYNTAX, NULL},
                {__LINE__, "{" SNAP LOC ",\"properties\":{}", JSON_E_SYNTAX, NULL},
                {__LINE__, "{}", REPLY_E_MEMBER, "location"},
                {__LINE__, "{" SNAP "\"location\":\"\",\"properties\":{}}", REPLY_E_MEMBER,
                 "location"},
                {__LINE__, "{" SNAP "\"location\":5,\"properties\":{}}", REPLY_E_MEMBER,
                 "location"},
                {__LINE__, "{" SNAP LOC "}", REPLY_E_MEMBER, "properties"},
                {__LINE__, "{" SNAP LOC ",\"Properties\":{}}", REPLY_E_MEMBER, "properties"},
                {__LINE__, "{" SNAP LOC ",\"properties\":[]}", REPLY_E_MEMBER, "properties"},
                {__LINE__, "{" DISK LOC ",\"properties\":{}}", REPLY_E_MEMBER, "id"}, /* a disk */
                {__LINE__, "{\"id\":\"s1\"," LOC ",\"properties\":{}}", REPLY_E_MEMBER, "id"},
                {__LINE__, "{\"id\":5," LOC ",\"properties\":{}}", REPLY_E_MEMBER, "id"},
                {__LINE__, "{" SNAP LOC ",\"tags\":[],\"properties\":{}}", REPLY_E_MEMBER, "tags"},
                {__LINE__, "{" SNAP LOC ",\"tags\":{\"a\":\"b\",\"c\":1},\"properties\":{}}",
                 REPLY_E_MEMBER, "tags"},
                {__LINE__, "{" SNAP LOC ",\"tags\":{\"a\":null},\"properties\":{}}", REPLY_E_MEMBER,
                 "tags"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"uniqueId\":\"x\"}}", REPLY_E_MEMBER,
                 "uniqueId"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"uniqueId\":7}}", REPLY_E_MEMBER,
                 "uniqueId"},
                {__LINE__,
                 "{" SNAP LOC ",\"properties\":{\"creationData\":{\"sourceUniqueId\":\"x\"}}}",
                 REPLY_E_MEMBER, "sourceUniqueId"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"creationData\":5}}", REPLY_E_MEMBER,
                 "creationData"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"creationData\":{\"createOption\":5}}}",
                 REPLY_E_MEMBER, "createOption"},
                {__LINE__,
                 "{" SNAP LOC ",\"properties\":{\"creationData\":{\"logicalSectorSize\":\"x\"}}}",
                 REPLY_E_MEMBER, "logicalSectorSize"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"timeCreated\":\"yesterday\"}}",
                 REPLY_E_MEMBER, "timeCreated"},
                {__LINE__,
                 "{" SNAP LOC ",\"properties\":{\"timeCreated\":\"2023-02-29T00:00:00Z\"}}",
                 REPLY_E_MEMBER, "timeCreated"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"timeCreated\":5}}", REPLY_E_MEMBER,
                 "timeCreated"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"incremental\":\"true\"}}",
                 REPLY_E_MEMBER, "incremental"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"incremental\":1}}", REPLY_E_MEMBER,
                 "incremental"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"completionPercent\":\"100\"}}",
                 REPLY_E_MEMBER, "completionPercent"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"completionPercent\":100.5}}",
                 REPLY_E_MEMBER, "completionPercent"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"completionPercent\":-1}}",
                 REPLY_E_MEMBER, "completionPercent"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"provisioningState\":true}}",
                 REPLY_E_MEMBER, "provisioningState"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{\"diskState\":5}}", REPLY_E_MEMBER,
                 "diskState"},
                /* The first that is wrong is named. */
                {__LINE__, "{\"id\":5,\"tags\":5}", REPLY_E_MEMBER, "id"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_reply snapshot = {.percent = 77};
                const char *member = NULL;
                int r = snapshot_reply_parse(rows[i].text, strlen(rows[i].text), &snapshot,
                                             &member);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0 && snapshot.percent != 77)
                        fail_msg("row at line %d: written", rows[i].line);
                if (rows[i].member && (!member || strcmp(member, rows[i].member) != 0))
                        fail_msg("row at line %d: %s", rows[i].line, member ? member : "NULL");
                if (r == 0)
                        snapshot_reply_deinit(&snapshot);
        }
}

static void test_snapshot_values(void **state) {
        static const char text[] =
                "{" SNAP "\"location\":\"West Europe\",\"tags\":{\"A\":\"b\"},\"properties\":{"
                "\"creationData\":{\"createOption\":\"CopyStart\",\"sourceUniqueId\":"
                "\"0217B3DB-61CB-4BF6-BBFB-E1BBDDADF4D4\",\"logicalSectorSize\":4096},"
                "\"uniqueId\":\"667d1d45-5740-4727-97bc-d42a55e76ee8\","
                "\"timeCreated\":\"2023-05-18T17:41:22.5261631+00:00\",\"diskState\":\"ActiveSAS\","
                "\"incremental\":true,\"completionPercent\":42.9,\"provisioningState\":"
                "\"Updating\","
                "\"copyCompletionError\":{\"errorCode\":\"CopySourceNotFound\"}}}";
        struct snapshot_reply s;
        char guid[GUID_TEXT_SIZE], time[UTC_TEXT_SIZE];
        const char *member;

        assert_int_equal(snapshot_reply_parse(text, strlen(text), &s, &member), 0);
        assert_true(s.has_id);
        assert_int_equal(s.id.type, RESOURCE_SNAPSHOT);
        assert_string_equal(s.id.name, "s1");
        assert_string_equal(s.location, "West Europe");
        assert_string_equal(s.create_option, "CopyStart");
        assert_string_equal(s.state, "ActiveSAS");
        assert_string_equal(tags_get(s.tags, "a"), "b");
        assert_true(s.has_unique_id);
        assert_string_equal(guid_format(&s.unique_id, guid),
                            "667d1d45-5740-4727-97bc-d42a55e76ee8");
        assert_true(s.has_source_unique_id);
        assert_string_equal(guid_format(&s.source_unique_id, guid), GUID1);
        assert_string_equal(utc_format(s.time_created, time), "2023-05-18T17:41:22.5261631Z");
        assert_int_equal(s.provisioning, PROVISIONING_RUNNING);
        assert_true(s.incremental);
        assert_true(s.has_percent);
        assert_int_equal(s.percent, 42);
        assert_true(s.has_copy_error);
        assert_true(s.has_sector_size);
        snapshot_reply_deinit(&s);
        assert_null(s.json);
}

static void test_complete(void **state) {
        static const struct {
                int line;
                const char *properties;
                bool complete, complete_counting; /* of an ordinary disk, of an Ultra one */
                enum provisioning_state state;
        } rows[] = {
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"provisioningState\":\"Succeeded\"",
                 true, false, PROVISIONING_SUCCEEDED},
                {__LINE__, "\"creationData\":{\"createOption\":\"Copy\"}", true, false,
                 PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100.0", true,
                 true, PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":99.99", false,
                 false, PROVISIONING_SUCCEEDED},
                {__LINE__, "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":0",
                 false, false, PROVISIONING_SUCCEEDED},
                {__LINE__, "\"creationData\":{\"createOption\":\"CopyStart\"}", false, false,
                 PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"CopyStart\"},\"completionPercent\":100",
                 true, true, PROVISIONING_SUCCEEDED},
                {__LINE__, "\"creationData\":{\"createOption\":\"Import\"}", false, false,
                 PROVISIONING_SUCCEEDED},
                {__LINE__, "\"provisioningState\":\"Succeeded\"", false, false,
                 PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"copyCompletionError\":{}", false,
                 false, PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"copyCompletionError\":{\"errorCode\":\"x\"}",
                 false, false, PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"provisioningState\":\"succeeded\"",
                 true, false, PROVISIONING_SUCCEEDED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Updating\"",
                 false, false, PROVISIONING_RUNNING},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Creating\"",
                 false, false, PROVISIONING_RUNNING},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Unheard\"",
                 false, false, PROVISIONING_RUNNING},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Failed\"",
                 false, false, PROVISIONING_FAILED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Canceled\"",
                 false, false, PROVISIONING_CANCELED},
                {__LINE__,
                 "\"creationData\":{\"createOption\":\"Copy\"},\"completionPercent\":100,"
                 "\"provisioningState\":\"Deleting\"",
                 false, false, PROVISIONING_DELETING},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct snapshot_reply s;
                const char *member;
                char text[1024];

                snprintf(text, sizeof(text), "{" SNAP LOC ",\"properties\":{%s}}",
                         rows[i].properties);
                assert_int_equal(snapshot_reply_parse(text, strlen(text), &s, &member), 0);
                if (snapshot_reply_is_complete(&s, false) != rows[i].complete ||
                    snapshot_reply_is_complete(&s, true) != rows[i].complete_counting ||
                    s.provisioning != rows[i].state)
                        fail_msg("row at line %d", rows[i].line);
                snapshot_reply_deinit(&s);
        }
}

static void test_disk(void **state) {
        static const struct {
                int line;
                const char *text;
                const char *member; /* NULL: it is good */
        } rows[] = {
                {__LINE__,
                 "{" DISK LOC ",\"sku\":{\"name\":\"UltraSSD_LRS\"},\"tags\":{},\"properties\":"
                 "{\"diskState\":\"Attached\",\"uniqueId\":\"" GUID1 "\",\"timeCreated\":"
                 "\"2025-07-23T18:24:23.586772+00:00\"}}",
                 NULL},
                {__LINE__, "{" DISK LOC ",\"properties\":{}}", NULL},
                {__LINE__,
                 "{" DISK LOC ",\"properties\":{\"encryption\":{\"type\":"
                 "\"EncryptionAtRestWithCustomerKey\",\"diskEncryptionSetId\":\"/e/des\"}}}",
                 NULL},
                {__LINE__, "{" DISK LOC ",\"properties\":{\"encryption\":5}}", "encryption"},
                {__LINE__,
                 "{" DISK LOC ",\"properties\":{\"encryption\":{\"diskEncryptionSetId\":5}}}",
                 "diskEncryptionSetId"},
                {__LINE__, "{" LOC ",\"properties\":{}}", "id"},
                {__LINE__, "{" SNAP LOC ",\"properties\":{}}", "id"},
                {__LINE__, "{" DISK "\"properties\":{}}", "location"},
                {__LINE__, "{" DISK LOC "}", "properties"},
                {__LINE__, "{" DISK LOC ",\"sku\":\"x\",\"properties\":{}}", "sku"},
                {__LINE__, "{" DISK LOC ",\"sku\":{\"name\":5},\"properties\":{}}", "sku.name"},
                {__LINE__, "{" DISK LOC ",\"properties\":{\"uniqueId\":\"short\"}}", "uniqueId"},
                {__LINE__, "{" DISK LOC ",\"tags\":{\"a\":{}},\"properties\":{}}", "tags"},
                {__LINE__, "{" DISK LOC ",\"properties\":{\"timeCreated\":\"\\u0032\"}}",
                 "timeCreated"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(json_freep) cJSON *json = NULL;
                struct disk_reply disk;
                const char *member = NULL;
                size_t offset;
                int r;

                assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), &json, &offset), 0);
                r = disk_reply_decode(json, &disk, &member);
                if (r != (rows[i].member ? REPLY_E_MEMBER : 0) ||
                    (member == NULL) != (rows[i].member == NULL) ||
                    (member && strcmp(member, rows[i].member) != 0))
                        fail_msg("row at line %d: %d %s", rows[i].line, r, member ? member : "");
                if (i == 0) {
                        assert_string_equal(disk.sku, "UltraSSD_LRS");
                        assert_string_equal(disk.state, "Attached");
                        assert_string_equal(disk.id.group, "rg");
                        assert_true(disk.has_unique_id);
                        assert_int_equal(disk.time_created.ticks % TICKS_PER_SEC, 5867720);
                } else if (i == 1) {
                        assert_string_equal(disk.sku, "");
                        assert_string_equal(disk.state, "");
                        assert_string_equal(disk.encryption_set, "");
                        assert_false(disk.has_unique_id);
                        assert_false(utc_is_set(disk.time_created));
                        assert_null(disk.tags);
                } else if (i == 2)
                        assert_string_equal(disk.encryption_set, "/e/des");
        }
}

static void test_disk_parsed(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
        } rows[] = {
                {__LINE__, "{" DISK LOC ",\"properties\":{\"uniqueId\":\"" GUID1 "\"}}", 0},
                {__LINE__, "{" SNAP LOC ",\"properties\":{}}", REPLY_E_MEMBER},
                {__LINE__, "{}", REPLY_E_MEMBER},
                {__LINE__, "[]", JSON_E_SHAPE},
                {__LINE__, "{", JSON_E_SYNTAX},
                {__LINE__, "", JSON_E_SYNTAX},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct disk_reply disk = {.location = "before"};
                const char *member = NULL;
                int r = disk_reply_parse(rows[i].text, strlen(rows[i].text), &disk, &member);

                if (r != rows[i].r || !member != (r != REPLY_E_MEMBER))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0) {
                        assert_string_equal(disk.location, "before");
                        continue;
                }
                assert_string_equal(disk.id.name, "d1");
                assert_true(disk.has_unique_id);
                assert_non_null(disk.json);
                disk_reply_deinit(&disk);
                assert_null(disk.json);
        }
}

static void test_date(void **state) {
#define GOOD "Fri, 26 May 2023 02:55:10 GMT"
        static const struct {
                int line;
                const char *names[3], *values[3];
                int64_t seconds; /* 0: none */
        } rows[] = {
                {__LINE__, {"Date"}, {GOOD}, 1685069710},
                {__LINE__, {"date"}, {GOOD}, 1685069710},
                {__LINE__, {"X-Date", "DATE", "Dates"}, {"x", GOOD, "y"}, 1685069710},
                {__LINE__, {NULL}, {NULL}, 0},
                {__LINE__, {"Last-Modified"}, {GOOD}, 0},
                {__LINE__, {"Date", "date"}, {GOOD, GOOD}, 0},
                {__LINE__, {"Date", "Date"}, {"x", GOOD}, 0},
                {__LINE__, {"Date"}, {""}, 0},
                {__LINE__, {"Date"}, {" " GOOD}, 0},
                {__LINE__, {"Date"}, {GOOD " "}, 0},
                {__LINE__, {"Date"}, {"Thu, 26 May 2023 02:55:10 GMT"}, 0},
                {__LINE__, {"Date"}, {"fri, 26 May 2023 02:55:10 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri, 26 may 2023 02:55:10 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri, 26 Mai 2023 02:55:10 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri, 26 May 2023 24:00:00 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri, 26 May 2023 02:55:60 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri, 26 May 2023 02:55:10 UTC"}, 0},
                {__LINE__, {"Date"}, {"Friday, 26-May-23 02:55:10 GMT"}, 0},
                {__LINE__, {"Date"}, {"Fri May 26 02:55:10 2023"}, 0},
                {__LINE__, {"Date"}, {"2023-05-26T02:55:10Z"}, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct http_reply reply = {.status = 503};
                struct utc date = UTC_NONE;
                int r;

                for (size_t j = 0; j < 3 && rows[i].names[j]; j++)
                        assert_int_equal(http_headers_add_str(&reply.headers, rows[i].names[j],
                                                              rows[i].values[j]),
                                         0);
                r = arm_reply_date(&reply, &date);
                if (r != (rows[i].seconds ? 0 : -ENOENT) ||
                    date.ticks !=
                            (rows[i].seconds ? utc_from_seconds(rows[i].seconds) : UTC_NONE).ticks)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                http_headers_deinit(&reply.headers);
        }
}

static uint64_t hash_of(const char *text) {
        _cleanup_(json_freep) cJSON *json = NULL;
        size_t offset;

        assert_int_equal(json_parse(text, strlen(text), &json, &offset), 0);
        return tags_hash(json);
}

static void test_tags(void **state) {
        static const char *const different[] = {
                "{}",
                "{\"a\":\"b\"}",
                "{\"a\":\"B\"}",
                "{\"b\":\"a\"}",
                "{\"ab\":\"\"}",
                "{\"\":\"ab\"}",
                "{\"a\":\"b\",\"c\":\"d\"}",
                "{\"a\":\"d\",\"c\":\"b\"}",
                "{\"a\":\"\",\"b\":\"\"}",
        };
        _cleanup_(json_freep) cJSON *json = NULL;
        size_t offset;

        assert_true(hash_of("{\"a\":\"b\",\"c\":\"d\"}") == hash_of("{\"C\":\"d\",\"A\":\"b\"}"));
        assert_true(tags_hash(NULL) == hash_of("{}"));
        for (size_t i = 0; i < ARRAY_SIZE(different); i++)
                for (size_t j = i + 1; j < ARRAY_SIZE(different); j++)
                        if (hash_of(different[i]) == hash_of(different[j]))
                                fail_msg("%s and %s", different[i], different[j]);

        assert_int_equal(json_parse("{\"Backup\":\"Gold\"}", 17, &json, &offset), 0);
        assert_string_equal(tags_get(json, "backup"), "Gold");
        assert_null(tags_get(json, "back"));
        assert_null(tags_get(NULL, "backup"));
}

static void test_operations(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                enum operation_status status;
                bool output, error;
        } rows[] = {
                {__LINE__, "{\"status\":\"InProgress\"}", 0, OPERATION_RUNNING, false, false},
                {__LINE__, "{\"status\":\"Unheard\"}", 0, OPERATION_RUNNING, false, false},
                {__LINE__, "{\"status\":\"Succeeded\",\"properties\":{\"output\":{}}}", 0,
                 OPERATION_SUCCEEDED, true, false},
                {__LINE__, "{\"status\":\"succeeded\",\"properties\":null}", 0, OPERATION_SUCCEEDED,
                 false, false},
                {__LINE__, "{\"status\":\"Failed\",\"error\":{\"code\":\"x\"}}", 0,
                 OPERATION_FAILED, false, true},
                {__LINE__, "{\"status\":\"Canceled\",\"error\":null}", 0, OPERATION_CANCELED, false,
                 false},
                {__LINE__, "{}", REPLY_E_MEMBER, 0, false, false},
                {__LINE__, "{\"Status\":\"Succeeded\"}", REPLY_E_MEMBER, 0, false, false},
                {__LINE__, "{\"status\":null}", REPLY_E_MEMBER, 0, false, false},
                {__LINE__, "{\"status\":\"\"}", REPLY_E_MEMBER, 0, false, false},
                {__LINE__, "{\"status\":5}", REPLY_E_MEMBER, 0, false, false},
                {__LINE__, "\"Succeeded\"", JSON_E_SHAPE, 0, false, false},
                {__LINE__, "", JSON_E_SYNTAX, 0, false, false},
                {__LINE__, "<html>", JSON_E_SYNTAX, 0, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct operation_reply operation;
                const char *member = NULL;
                int r = operation_reply_parse(rows[i].text, strlen(rows[i].text), &operation,
                                              &member);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r == REPLY_E_MEMBER)
                        assert_string_equal(member, "status");
                if (r != 0)
                        continue;
                if (operation.status != rows[i].status || !operation.output == rows[i].output ||
                    !operation.error == rows[i].error)
                        fail_msg("row at line %d", rows[i].line);
                operation_reply_deinit(&operation);
        }
}

static void test_tokens(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                const char *member;
                int64_t lifetime, refresh;
        } rows[] = {
                {__LINE__,
                 "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"abc\"}", 0,
                 NULL, 3599, 0},
                /* The identity service writes numbers as strings. */
                {__LINE__,
                 "{\"access_token\":\"abc\",\"expires_in\":\"86399\",\"expires_on\":\"1506484173\","
                 "\"token_type\":\"Bearer\"}",
                 0, NULL, 86399, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":7200,\"refresh_in\":\"3600\"}",
                 0, NULL, 7200, 3600},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":7200,\"refresh_in\":99999}", 0,
                 NULL, 7200, 7200},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":9007199254740991}", 0, NULL,
                 TOKEN_LIFETIME_MAX_S, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":0}", 0, NULL, 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":1}",
                 0, NULL, 1, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_on\":\"1506484173\"}",
                 REPLY_E_MEMBER, "expires_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":-1}", REPLY_E_MEMBER,
                 "expires_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":\"-1\"}", REPLY_E_MEMBER,
                 "expires_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":\"1h\"}", REPLY_E_MEMBER,
                 "expires_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":1e200}", REPLY_E_MEMBER,
                 "expires_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":1,\"refresh_in\":\"x\"}",
                 REPLY_E_MEMBER, "refresh_in", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":1,\"token_type\":\"pop\"}",
                 REPLY_E_MEMBER, "token_type", 0, 0},
                {__LINE__, "{\"access_token\":\"abc\",\"expires_in\":1,\"token_type\":5}",
                 REPLY_E_MEMBER, "token_type", 0, 0},
                {__LINE__, "{\"access_token\":\"\",\"expires_in\":1}", REPLY_E_MEMBER,
                 "access_token", 0, 0},
                {__LINE__, "{\"access_token\":\"a b\",\"expires_in\":1}", REPLY_E_MEMBER,
                 "access_token", 0, 0},
                {__LINE__, "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":1}", REPLY_E_MEMBER,
                 "access_token", 0, 0},
                {__LINE__, "{\"access_token\":\"\xc3\xa5\",\"expires_in\":1}", REPLY_E_MEMBER,
                 "access_token", 0, 0},
                {__LINE__, "{\"access_token\":\"a\\u007f\",\"expires_in\":1}", REPLY_E_MEMBER,
                 "access_token", 0, 0},
                {__LINE__, "{\"access_token\":5,\"expires_in\":1}", REPLY_E_MEMBER, "access_token",
                 0, 0},
                {__LINE__, "{\"expires_in\":1}", REPLY_E_MEMBER, "access_token", 0, 0},
                {__LINE__, "{\"access_token\":\"a\",\"access_token\":\"b\",\"expires_in\":1}",
                 JSON_E_DUPLICATE, NULL, 0, 0},
                {__LINE__, "[]", JSON_E_SHAPE, NULL, 0, 0},
                {__LINE__, "<html>", JSON_E_SYNTAX, NULL, 0, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct token_reply token = {};
                const char *member = NULL;
                int r = token_reply_decode(rows[i].text, strlen(rows[i].text), &token, &member);

                if (r != rows[i].r ||
                    (rows[i].member && (!member || strcmp(member, rows[i].member) != 0)))
                        fail_msg("row at line %d: %d %s", rows[i].line, r, member ? member : "");
                if (r != 0) {
                        assert_null(token.token);
                        continue;
                }
                if (token.lifetime_s != rows[i].lifetime || token.refresh_s != rows[i].refresh)
                        fail_msg("row at line %d: %lld %lld", rows[i].line,
                                 (long long)token.lifetime_s, (long long)token.refresh_s);
                assert_string_equal(token.token, "abc");
                token.token = str_wipe_free(token.token);
        }
}

static void test_token_size(void **state) {
        for (size_t n = TOKEN_MAX; n <= TOKEN_MAX + 1; n++) {
                struct token_reply token = {};
                struct strbuf s = {};
                const char *member;

                strbuf_append_str(&s, "{\"expires_in\":1,\"access_token\":\"");
                for (size_t i = 0; i < n; i++)
                        strbuf_append_char(&s, 'x');
                strbuf_append_str(&s, "\"}");
                assert_int_equal(token_reply_decode(s.data, s.len, &token, &member),
                                 n == TOKEN_MAX ? 0 : REPLY_E_MEMBER);
                str_wipe_free(token.token);
                strbuf_deinit(&s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_snapshot_members),
                cmocka_unit_test(test_snapshot_values),
                cmocka_unit_test(test_complete),
                cmocka_unit_test(test_disk),
                cmocka_unit_test(test_disk_parsed),
                cmocka_unit_test(test_date),
                cmocka_unit_test(test_tags),
                cmocka_unit_test(test_operations),
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_token_size),
        };

        return cmocka_run_group_tests_name("azure-replies", tests, NULL, NULL);
}
