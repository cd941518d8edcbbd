/*
 * Each allocation of the decoders, the encoders and the world fails once: the answer is -ENOMEM (or
 * NULL), nothing leaks, nothing is half written. Leaks show under the address sanitizer.
 *
 * Linked with --wrap for the functions below; cJSON, a shared library, gets them by its hooks.
 */
#include "azure/authority.h"
#include "azure/encryption_set.h"
#include "azure/error.h"
#include "azure/json.h"
#include "azure/jwt.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "azure/rights.h"
#include "azure/token_requests.h"
#include "azure/world.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/naming.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "certificate-fixture.h"

/* Allocations until one fails; negative: none does. */
static long countdown = -1;
static bool failed;

/* glibc's; its header is none that the tests may include. */
size_t malloc_usable_size(void *memory);

/* Freed memory must not hold this. */
static const char secret[] = "Secret-of-the-identity";
static bool secret_freed;

static void look_for_secret(void *memory) {
        if (memory && memmem(memory, malloc_usable_size(memory), secret, strlen(secret)))
                secret_freed = true;
}

static bool fails(void) {
        if (countdown < 0)
                return false;
        if (countdown-- > 0)
                return false;
        failed = true;
        return true; /* and none after it, so that the way out is seen alone */
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size) {
        look_for_secret(memory); /* what it grows from is freed out of our sight */
        return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size) {
        return fails() ? NULL : __real_reallocarray(memory, n, size);
}

char *__wrap_strdup(const char *text) {
        return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n) {
        return fails() ? NULL : __real_strndup(text, n);
}

void __wrap_free(void *memory) {
        look_for_secret(memory);
        __real_free(memory);
}

/* Runs @fn with the first, the second, ... allocation failing until none does. Returns how many;
 * *ret_survived is how many of those failures did no harm. */
static unsigned sweep(int (*fn)(void), unsigned *ret_survived) {
        *ret_survived = 0;
        for (unsigned n = 0;; n++) {
                int r;

                countdown = n;
                failed = false;
                r = fn();
                countdown = -1;
                if (!failed) {
                        assert_int_equal(r, 0);
                        return n;
                }
                if (r == 0)
                        (*ret_survived)++;
                else if (r != -ENOMEM)
                        fail_msg("allocation %u: %d", n, r);
        }
}

#define SUB "00000000-0000-0000-0000-00000000000a"
#define GEN "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d4"
#define OTHER_GEN "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d5"

static char snapshot[4096], page_text[16384];

static void make_texts(void) {
        struct series_key key = {"prod", "gold", GEN, "westeurope"};
        char prefix[NAMING_PREFIX_SIZE];
        size_t n;

        assert_int_equal(naming_prefix("d", &key, prefix), 0);
        snprintf(snapshot, sizeof(snapshot),
                 "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/"
                 "snapshots/%s-20261123T021500Z\",\"location\":\"West Europe\",\"tags\":{"
                 "\"snapkeep-version\":\"1\",\"snapkeep-owner\":\"prod\",\"snapkeep-policy\":"
                 "\"gold\","
                 "\"snapkeep-slot\":\"20261123T021500Z\",\"snapkeep-disk\":\"d\","
                 "\"snapkeep-generation\":\"" GEN "\",\"snapkeep-keep\":\"last=3\"},"
                 "\"properties\":{\"creationData\":{\"createOption\":\"Copy\",\"sourceUniqueId\":"
                 "\"" GEN "\"},\"incremental\":true,\"timeCreated\":\"2026-11-23T02:15:01Z\"}}",
                 prefix);
        n = (size_t)snprintf(page_text, sizeof(page_text), "{\"value\":[%s", snapshot);
        for (int i = 0; i < 9; i++) /* so that arrays grow */
                n += (size_t)snprintf(page_text + n, sizeof(page_text) - n,
                                      ",{\"id\":\"/subscriptions/" SUB
                                      "/resourceGroups/rg/providers/"
                                      "Microsoft.Compute/snapshots/s%d\",\"location\":\"x\","
                                      "\"properties\":{}}",
                                      i);
        snprintf(page_text + n, sizeof(page_text) - n, "],\"nextLink\":\"https://h/x\"}");
}

static int run_parse(void) {
        cJSON *json = NULL;
        size_t offset;
        int r;

        r = json_parse(snapshot, strlen(snapshot), &json, &offset);
        if (r != 0)
                assert_null(json);
        json_freep(&json);
        return r;
}

static int run_snapshot(void) {
        struct snapshot_reply reply = {};
        const char *member;
        int r;

        r = snapshot_reply_parse(snapshot, strlen(snapshot), &reply, &member);
        if (r != 0)
                assert_null(reply.json);
        snapshot_reply_deinit(&reply);
        return r;
}

/* Of another generation than the snapshot, whose own disk is in no listing. */
static const char disk[] =
        "{\"id\":\"/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/disks/d\","
        "\"location\":\"West "
        "Europe\",\"tags\":{\"b\":\"c\",\"a\":\"\"},\"properties\":{\"uniqueId\":\"" OTHER_GEN
        "\"}}";

static int run_disk(void) {
        struct disk_reply reply = {};
        const char *member;
        int r;

        r = disk_reply_parse(disk, strlen(disk), &reply, &member);
        if (r != 0)
                assert_null(reply.json);
        disk_reply_deinit(&reply);
        return r;
}

static int run_permissions(void) {
        static const char text[] =
                "{\"value\":[{\"actions\":[\"*\"],\"notActions\":[]}],\"nextLink\":null}";
        struct permissions_reply reply = {};
        const char *member;
        int r;

        r = permissions_reply_parse(text, strlen(text), &reply, &member);
        if (r != 0)
                assert_null(reply.json);
        permissions_reply_deinit(&reply);
        return r;
}

static int run_encryption_set(void) {
        static const char text[] =
                "{\"properties\":{\"autoKeyRotationError\":{\"code\":\"x\",\"message\":\"y\"}}}";
        struct encryption_set_reply reply = {};
        const char *member;
        int r;

        r = encryption_set_reply_parse(text, strlen(text), &reply, &member);
        if (r != 0)
                assert_null(reply.json);
        encryption_set_reply_deinit(&reply);
        return r;
}

static int run_operation(void) {
        static const char text[] =
                "{\"status\":\"Failed\",\"error\":{\"code\":\"x\",\"message\":\"y\"}}";
        struct operation_reply operation = {};
        const char *member;
        int r;

        r = operation_reply_parse(text, strlen(text), &operation, &member);
        operation_reply_deinit(&operation);
        return r;
}

static int run_token(void) {
        static const char text[] = "{\"access_token\":\"abc\",\"expires_in\":\"3599\"}";
        struct token_reply token = {};
        const char *member;
        int r;

        r = token_reply_decode(text, strlen(text), &token, &member);
        if (r != 0)
                assert_null(token.token);
        str_wipe_free(token.token);
        return r;
}

/* The same page once more, known or not. */
static int run_next_world(const struct world *before) {
        _cleanup_(world_freep) struct world *world = NULL;
        _cleanup_(page_freep) struct page *page = NULL;
        const char *link;
        int r;

        r = world_new(SUB, "prod", UTC_NONE, &world);
        r = r ?: world_expect(world, before);
        r = r ?: page_new(world_add_snapshot, world, &page);
        if (r != 0)
                return r;
        page_expect(page, &world_guess_snapshots);
        for (size_t i = 0; r == 0 && page_text[i]; i++)
                r = page_feed(page, page_text + i, 1);
        r = r ?: page_finish(page, &link);
        /* As after a page that failed: what was known is looked for. */
        r = r ?: world_add_snapshot(snapshot, strlen(snapshot), world);
        return r ?: world_finish(world);
}

/* A world from its listings to its re-read. */
static int run_world(void) {
        _cleanup_(world_freep) struct world *world = NULL;
        _cleanup_(page_freep) struct page *page = NULL;
        struct snapshot_reply reply;
        struct snapshot_row row;
        const char *link, *member;
        int r;

        r = world_new(SUB, "prod", UTC_NONE, &world);
        if (r != 0)
                return r;
        r = page_new(world_add_snapshot, world, &page);
        if (r != 0)
                return r;
        r = page_feed(page, page_text, strlen(page_text));
        if (r != 0)
                return r;
        r = page_finish(page, &link);
        if (r != 0)
                return r;
        r = world_add_disk(disk, strlen(disk), world);
        if (r != 0)
                return r;
        r = world_finish(world);
        if (r != 0)
                return r;
        assert_int_equal(world_view(world).n_orphans, 1);
        r = run_next_world(world);
        if (r != 0)
                return r;
        r = snapshot_reply_parse(snapshot, strlen(snapshot), &reply, &member);
        if (r != 0)
                return r;
        reply.location = "East US"; /* a string the world does not have yet */
        r = world_judge(world, &reply, false, &row);
        snapshot_reply_deinit(&reply);
        return r;
}

static int request_result(struct http_request *request) {
        if (!request)
                return -ENOMEM;
        http_request_free(request);
        return 0;
}

static char arm[] = "https://management.azure.com", login[] = "https://login",
            imds[] = "http://imds";
static const struct policy_cloud cloud = {.arm = arm, .login = login, .imds = imds};
static const struct authority authority = {.login = login, .resource = arm, .scope = arm};

static struct snapshot_spec spec_of(void) {
        struct snapshot_spec spec = {.location = "x", .tags = "a\0b", .tags_len = 4};

        spec.id = (struct resource_id){RESOURCE_SNAPSHOT, SUB, "rg", "s"};
        spec.disk = (struct resource_id){RESOURCE_DISK, SUB, "rg", "d"};
        return spec;
}

static int run_put(void) {
        struct snapshot_spec spec = spec_of();

        return request_result(arm_put_snapshot(&cloud, &spec));
}

static int run_get(void) {
        struct snapshot_spec spec = spec_of();

        return request_result(arm_get(&cloud, &spec.id));
}

static int run_patch(void) {
        struct snapshot_spec spec = spec_of();

        return request_result(arm_patch_tags(&cloud, &spec.id, TAGS_MERGE, "a\0b", 4));
}

static int run_list(void) {
        return request_result(arm_list_snapshots(&cloud, SUB));
}

static int run_get_permissions(void) {
        return request_result(arm_get_permissions(&cloud, SUB, "rg"));
}

static int run_get_encryption_set(void) {
        const struct encryption_set_id id = {.subscription = SUB, .group = "rg", .name = "des"};

        return request_result(arm_get_encryption_set(&cloud, &id));
}

static int run_follow(void) {
        return request_result(arm_follow("https://management.azure.com/x"));
}

static int run_managed(void) {
        return request_result(token_request_managed(&cloud, &authority,
                                                    &(struct policy_identity){.object_id = login}));
}

static int run_arc(void) {
        return request_result(token_request_arc("http://127.0.0.1/x", &authority, "key"));
}

static int run_secret(void) {
        return request_result(token_request_secret(&authority, "tenant", "client", "secret"));
}

static int run_assertion(void) {
        return request_result(token_request_assertion(&authority, "tenant", "client", "eyJ"));
}

static int run_authority(void) {
        static const char body[] =
                "{\"authentication\":{\"loginEndpoint\":\"https://login.microsoftonline.com/\","
                "\"audiences\":[\"https://a.example/\"]}}";
        struct authority found;
        const char *member;
        int r = authority_decode(&cloud, body, sizeof(body) - 1, &found, &member);

        if (r == 0)
                authority_deinit(&found);
        return r;
}

static const char *pem;

/* libcrypto's own memory is not ours to refuse. */
static int run_jwt(void) {
        char *jwt;
        int r = jwt_sign(pem, NULL,
                         &(struct jwt_claims){.audience = "https://l.example/t",
                                              .client = "c",
                                              .now = utc_from_seconds(1793577600)},
                         &jwt);

        if (r == 0)
                str_wipe_free(jwt);
        return r;
}

static void test_sweep(void **state) {
        static const struct {
                int line;
                int (*fn)(void);
                unsigned least;    /* allocations: a sweep over none proves nothing */
                unsigned survived; /* worlds trim their arrays, or let it be */
        } rows[] = {
                {__LINE__, run_parse, 30, 0},
                {__LINE__, run_snapshot, 30, 0},
                {__LINE__, run_operation, 8, 0},
                {__LINE__, run_token, 6, 0},
                {__LINE__, run_world, 100, 3},
                {__LINE__, run_put, 6, 0},
                {__LINE__, run_get, 4, 0},
                {__LINE__, run_list, 4, 0},
                {__LINE__, run_follow, 4, 0},
                {__LINE__, run_managed, 5, 0},
                {__LINE__, run_secret, 6, 0},
                {__LINE__, run_disk, 15, 0},
                {__LINE__, run_patch, 6, 0},
                {__LINE__, run_arc, 6, 0},
                {__LINE__, run_assertion, 6, 0},
                {__LINE__, run_authority, 12, 0},
                {__LINE__, run_jwt, 6, 0},
                {__LINE__, run_permissions, 10, 0},
                {__LINE__, run_encryption_set, 8, 0},
                {__LINE__, run_get_permissions, 4, 0},
                {__LINE__, run_get_encryption_set, 4, 0},
        };

        make_texts();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned survived, n = sweep(rows[i].fn, &survived);

                if (n < rows[i].least || survived != rows[i].survived)
                        fail_msg("row at line %d: %u, %u", rows[i].line, n, survived);
        }
}

/* An error is classified even then: by its status alone. */
static void test_error(void **state) {
        static char body[] = "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"m\"}}";
        struct http_reply reply = {.status = 404, .body = body, .body_len = sizeof(body) - 1};
        struct arm_error error;
        unsigned n = 0;

        for (;; n++) {
                countdown = n;
                failed = false;
                arm_error_classify(&reply, UTC_NONE, &error);
                countdown = -1;
                if (!failed)
                        break;
                /* Never what only the body can say: that would let a deletion pass for done. */
                assert_int_equal(error.class, ARM_PROTOCOL);
                assert_string_equal(error.code, "");
        }
        assert_int_equal(error.class, ARM_NOT_FOUND);
        assert_true(n >= 8);
}

static int run_secret_token(void) {
        struct token_reply token = {};
        const char *member;
        char text[256];
        int r;

        snprintf(text, sizeof(text), "{\"access_token\":\"%s\",\"expires_in\":\"3599\"}", secret);
        r = token_reply_decode(text, strlen(text), &token, &member);
        str_wipe_free(token.token);
        return r;
}

static int run_secret_refused(void) {
        struct token_reply token = {};
        const char *member;
        char text[256];

        snprintf(text, sizeof(text), "{\"access_token\":\"a b\",\"x\":[{\"y\":\"%s\"}]}", secret);
        assert_int_not_equal(token_reply_decode(text, strlen(text), &token, &member), 0);
        return 0;
}

static int run_secret_url(void) {
        struct operation_reply operation = {};
        const char *member;
        char text[256];
        int r;

        snprintf(text, sizeof(text),
                 "{\"status\":\"Succeeded\",\"properties\":{\"output\":{\"accessSAS\":\"%s\"}}}",
                 secret);
        r = operation_reply_parse(text, strlen(text), &operation, &member);
        operation_reply_deinit(&operation);
        return r;
}

static int run_secret_request(void) {
        return request_result(token_request_secret(&authority, "tenant", "client", secret));
}

static int run_secret_assertion(void) {
        return request_result(token_request_assertion(&authority, "tenant", "client", secret));
}

static int run_secret_key(void) {
        return request_result(token_request_arc("http://127.0.0.1/x", &authority, secret));
}

/* No token or secret is in memory that was given back. */
static void test_wiped(void **state) {
        static const struct {
                int line;
                int (*fn)(void);
        } rows[] = {
                {__LINE__, run_secret_token},     {__LINE__, run_secret_refused},
                {__LINE__, run_secret_url},       {__LINE__, run_secret_request},
                {__LINE__, run_secret_assertion}, {__LINE__, run_secret_key},
        };
        char *probe = __real_strdup(secret);

        look_for_secret(probe); /* it would be seen */
        assert_true(secret_freed);
        str_wipe_free(probe);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                secret_freed = false;
                assert_int_equal(rows[i].fn(), 0);
                if (secret_freed)
                        fail_msg("row at line %d", rows[i].line);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sweep),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_wiped),
        };
        cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = __wrap_free};

        cJSON_InitHooks(&hooks);
        pem = pem_new(1793577600 - SEC_PER_DAY, 1793577600 + SEC_PER_DAY);
        return cmocka_run_group_tests_name("azure-alloc", tests, NULL, NULL);
}
