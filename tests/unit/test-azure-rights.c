/*
 * What a role's patterns allow, what Azure's answers about rights and encryption sets say, and what is
 * made of such answers when they are none.
 */
#include "azure/encryption_set.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "azure/rights.h"
#include "base/macros.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define READ_DISK "Microsoft.Compute/disks/read"

static void test_patterns(void **state) {
        static const struct {
                int line;
                const char *pattern, *action;
                bool matches;
        } rows[] = {
                {__LINE__, "*", READ_DISK, true},
                {__LINE__, "*/read", READ_DISK, true},
                {__LINE__, "*/write", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/*", READ_DISK, true},
                {__LINE__, "microsoft.compute/DISKS/read", READ_DISK, true},
                {__LINE__, "Microsoft.Compute/disks/*", READ_DISK, true},
                {__LINE__, "Microsoft.Compute/*/read", READ_DISK, true},
                /* The star goes over slashes. */
                {__LINE__, "Microsoft.Compute/*/action",
                 "Microsoft.Compute/disks/beginGetAccess/action", true},
                {__LINE__, "Microsoft.Compute/disks", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/disks/", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/disks/rea", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/disks/read/x", READ_DISK, false},
                {__LINE__, "icrosoft.Compute/disks/read", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/*disks*/*read*", READ_DISK, true},
                {__LINE__, "Microsoft.Compute/disks/*read*read", READ_DISK, false},
                /* No other wildcard, and a dot is a dot. */
                {__LINE__, "Microsoft.Compute/disk?/read", READ_DISK, false},
                {__LINE__, "Microsoft.Compute/[a-z]*/read", READ_DISK, false},
                {__LINE__, "Microsoft-Compute/disks/read", READ_DISK, false},
                {__LINE__, "", READ_DISK, false},
                {__LINE__, "**", READ_DISK, true},
                {__LINE__, "", "", true},
                {__LINE__, "*", "", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (action_matches(rows[i].pattern, rows[i].action) != rows[i].matches)
                        fail_msg("row at line %d", rows[i].line);
}

static uint64_t drawn = 1;

/* Of so small an alphabet that many fit; @stars: a third of the letters are. */
static void draw(char *text, size_t max, bool stars) {
        size_t len;

        drawn = drawn * UINT64_C(6364136223846793005) + 1442695040888963407;
        len = (drawn >> 33) % max;
        for (size_t i = 0; i < len; i++) {
                drawn = drawn * UINT64_C(6364136223846793005) + 1442695040888963407;
                text[i] = stars && (drawn >> 40) % 3 == 0 ? '*' : "aAb/."[(drawn >> 33) % 5];
        }
        text[len] = '\0';
}

/* libc's own matching, where a pattern has nothing but stars, is the oracle. */
static void test_patterns_as_libc(void **state) {
        size_t n_fit = 0;

        for (int i = 0; i < 200000; i++) {
                char pattern[9], action[13];
                bool fits;

                draw(pattern, sizeof(pattern), true);
                draw(action, sizeof(action), false);
                fits = fnmatch(pattern, action, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
                n_fit += fits;
                if (action_matches(pattern, action) != fits)
                        fail_msg("\"%s\" on \"%s\": fnmatch says %d", pattern, action, fits);
        }
        assert_in_range(n_fit, 20000, 180000);
}

#define ALL (RIGHT_BIT(_RIGHT_N) - 1)
#define DELETES RIGHT_BIT(RIGHT_DELETE_SNAPSHOT)
#define READS                                                                                      \
        (RIGHT_BIT(RIGHT_READ_RIGHTS) | RIGHT_BIT(RIGHT_READ_DISK) | RIGHT_BIT(RIGHT_POLL) |       \
         RIGHT_BIT(RIGHT_READ_SNAPSHOT))
#define ROLE(actions, not_actions)                                                                 \
        "{\"actions\":[" actions "],\"notActions\":[" not_actions                                  \
        "],\"dataActions\":[],\"notDataActions\":[]}"

static void test_permissions(void **state) {
        static const struct {
                int line;
                const char *body;
                uint32_t allowed;
                const char *next;
        } rows[] = {
                {__LINE__, "{\"value\":[],\"nextLink\":null}", 0, NULL},
                {__LINE__, "{\"value\":[" ROLE("\"*\"", "") "]}", ALL, NULL},
                {__LINE__, "{\"value\":[" ROLE("\"*/read\"", "") "],\"nextLink\":\"\"}", READS,
                 NULL},
                {__LINE__, "{\"value\":[" ROLE("\"*\"", "\"*/delete\"") "]}", ALL & ~DELETES, NULL},
                /* What one role leaves out another gives, whichever comes first. */
                {__LINE__,
                 "{\"value\":[" ROLE("\"*\"", "\"*/delete\"") "," ROLE(
                         "\"Microsoft.Compute/snapshots/delete\"", "") "]}",
                 ALL, NULL},
                {__LINE__,
                 "{\"value\":[" ROLE("\"Microsoft.Compute/snapshots/delete\"",
                                     "") "," ROLE("\"*\"", "\"*/delete\"") "]}",
                 ALL, NULL},
                /* And what it leaves out of nothing it takes from nobody. */
                {__LINE__, "{\"value\":[" ROLE("\"*/read\"", "") "," ROLE("", "\"*\"") "]}", READS,
                 NULL},
                /* Data actions are none. */
                {__LINE__, "{\"value\":[{\"actions\":[],\"dataActions\":[\"*\"]}]}", 0, NULL},
                {__LINE__, "{\"value\":[{\"actions\":[\"*\"],\"notActions\":null}]}", ALL, NULL},
                {__LINE__, "{\"value\":[{}]}", 0, NULL},
                {__LINE__, "{\"value\":[],\"nextLink\":\"https://x/y\"}", 0, "https://x/y"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct permissions_reply reply;
                const char *member = NULL;
                int r = permissions_reply_parse(rows[i].body, strlen(rows[i].body), &reply,
                                                &member);

                if (r != 0 || member || reply.allowed != rows[i].allowed ||
                    strcmp(reply.next_link ?: "", rows[i].next ?: "") != 0)
                        fail_msg("row at line %d: %d %x", rows[i].line, r, reply.allowed);
                permissions_reply_deinit(&reply);
        }
}

/* Half understood, an answer could promise rights that are not there. */
static void test_no_permissions(void **state) {
        static const struct {
                int line;
                const char *body;
                int result;
                const char *member;
        } rows[] = {
                {__LINE__, "", JSON_E_SYNTAX, NULL},
                {__LINE__, "[]", JSON_E_SHAPE, NULL},
                {__LINE__, "{}", REPLY_E_MEMBER, "value"},
                {__LINE__, "{\"value\":{}}", REPLY_E_MEMBER, "value"},
                {__LINE__, "{\"value\":[1]}", REPLY_E_MEMBER, "value"},
                {__LINE__, "{\"value\":[null]}", REPLY_E_MEMBER, "value"},
                {__LINE__, "{\"value\":[],\"nextLink\":1}", REPLY_E_MEMBER, "nextLink"},
                {__LINE__, "{\"value\":[{\"actions\":\"*\"}]}", REPLY_E_MEMBER, "actions"},
                {__LINE__, "{\"value\":[{\"actions\":[null]}]}", REPLY_E_MEMBER, "actions"},
                {__LINE__, "{\"value\":[{\"actions\":[\"*\"],\"notActions\":\"*\"}]}",
                 REPLY_E_MEMBER, "notActions"},
                {__LINE__, "{\"value\":[{\"actions\":[\"*\"],\"notActions\":[7]}]}", REPLY_E_MEMBER,
                 "notActions"},
                {__LINE__, "{\"value\":[],\"value\":[]}", JSON_E_DUPLICATE, NULL},
        };
        char longest[RIGHT_PATTERN_MAX + 100];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct permissions_reply reply = {};
                const char *member = NULL;
                int r = permissions_reply_parse(rows[i].body, strlen(rows[i].body), &reply,
                                                &member);

                if (r != rows[i].result || strcmp(member ?: "", rows[i].member ?: "") != 0 ||
                    reply.json)
                        fail_msg("row at line %d: %d %s", rows[i].line, r, member);
        }
        for (int over = 0; over < 2; over++) {
                struct permissions_reply reply;
                const char *member = NULL;

                snprintf(longest, sizeof(longest), "{\"value\":[{\"actions\":[\"%0*d\"]}]}",
                         RIGHT_PATTERN_MAX + over, 0);
                assert_int_equal(permissions_reply_parse(longest, strlen(longest), &reply, &member),
                                 over ? REPLY_E_MEMBER : 0);
                if (!over)
                        permissions_reply_deinit(&reply);
        }
}

#define SUB "/subscriptions/11111111-1111-4111-8111-111111111111"
#define SET SUB "/resourceGroups/rg-Keys/providers/Microsoft.Compute/diskEncryptionSets/"

static void test_set_ids(void **state) {
        static const struct {
                int line;
                const char *text;
                int result;
        } rows[] = {
                {__LINE__, SET "des_1", 0},
                {__LINE__,
                 SUB "/RESOURCEGROUPS/rg-Keys/providers/microsoft.compute/"
                     "DISKENCRYPTIONSETS/des_1",
                 0},
                {__LINE__, SET, RESOURCE_ID_E_NAME},
                {__LINE__, SET "a/b", RESOURCE_ID_E_NAME},
                {__LINE__, SET "../../x?y=", RESOURCE_ID_E_NAME},
                {__LINE__, "", RESOURCE_ID_E_SHAPE},
                {__LINE__, SUB "/resourceGroups/rg-Keys/providers/Microsoft.Compute/disks/des_1",
                 RESOURCE_ID_E_SHAPE},
                {__LINE__, "https://x/" SET "des_1", RESOURCE_ID_E_SHAPE},
                {__LINE__,
                 "/subscriptions/x/resourceGroups/g/providers/Microsoft.Compute/"
                 "diskEncryptionSets/d",
                 RESOURCE_ID_E_SUBSCRIPTION},
        };
        char longest[1000];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct encryption_set_id id = {};
                int r = encryption_set_id_parse(rows[i].text, &id);

                if (r != rows[i].result && (r == 0 || rows[i].result == 0))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0)
                        continue;
                assert_string_equal(id.subscription, &SUB[strlen("/subscriptions/")]);
                assert_string_equal(id.group, "rg-Keys");
                assert_string_equal(id.name, "des_1");
        }
        snprintf(longest, sizeof(longest), SET "%0700d", 0);
        assert_int_not_equal(encryption_set_id_parse(longest, &(struct encryption_set_id){}), 0);
}

static void test_sets(void **state) {
        static const struct {
                int line;
                const char *body;
                int result;
                const char *code, *message; /* NULL: no error of rotation */
        } rows[] = {
                {__LINE__, "{\"properties\":{}}", 0, NULL, NULL},
                {__LINE__, "{\"properties\":{\"autoKeyRotationError\":null}}", 0, NULL, NULL},
                {__LINE__,
                 "{\"properties\":{\"autoKeyRotationError\":{\"code\":\"KeyVaultAccessForbidden\","
                 "\"message\":\"m\"}}}",
                 0, "KeyVaultAccessForbidden", "m"},
                {__LINE__, "{\"properties\":{\"autoKeyRotationError\":{}}}", 0, "", ""},
                {__LINE__, "{\"properties\":{\"autoKeyRotationError\":\"x\"}}", REPLY_E_MEMBER,
                 NULL, NULL},
                {__LINE__, "{\"properties\":{\"autoKeyRotationError\":{\"code\":1}}}",
                 REPLY_E_MEMBER, NULL, NULL},
                {__LINE__, "{\"properties\":{\"autoKeyRotationError\":{\"message\":[]}}}",
                 REPLY_E_MEMBER, NULL, NULL},
                {__LINE__, "{}", REPLY_E_MEMBER, NULL, NULL},
                {__LINE__, "{\"properties\":[]}", REPLY_E_MEMBER, NULL, NULL},
                {__LINE__, "[]", JSON_E_SHAPE, NULL, NULL},
                {__LINE__, "<html>", JSON_E_SYNTAX, NULL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct encryption_set_reply set = {};
                const char *member = NULL;
                int r = encryption_set_reply_parse(rows[i].body, strlen(rows[i].body), &set,
                                                   &member);

                if (r != rows[i].result || (r == REPLY_E_MEMBER) != (member != NULL))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (r != 0)
                        continue;
                if (set.has_rotation_error != (rows[i].code != NULL))
                        fail_msg("row at line %d", rows[i].line);
                assert_string_equal(set.error_code, rows[i].code ?: "");
                assert_string_equal(set.error_message, rows[i].message ?: "");
                encryption_set_reply_deinit(&set);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_patterns),    cmocka_unit_test(test_patterns_as_libc),
                cmocka_unit_test(test_permissions), cmocka_unit_test(test_no_permissions),
                cmocka_unit_test(test_set_ids),     cmocka_unit_test(test_sets),
        };

        return cmocka_run_group_tests_name("azure-rights", tests, NULL, NULL);
}
