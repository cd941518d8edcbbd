/*
 * The service model: what each request answers and does, limits, time, and the shapes of bodies
 * beside those of recorded traffic.
 */
#include "test-sim-rig.h"

static void test_answers(void **state) {
        static const char dup[] = OF(DISK);
        static const struct {
                int line;
                enum http_method method;
                const char *url, *text, *authorization;
                int status;
                const char *code;
        } rows[] = {
                /* The door. */
                {__LINE__, HTTP_GET, DISK V, NULL, "", 401, "InvalidAuthenticationToken"},
                {__LINE__, HTTP_GET, DISK V, NULL, "Bearer x", 401, "InvalidAuthenticationToken"},
                {__LINE__, HTTP_GET, DISK V, NULL, "Basic x", 401, "InvalidAuthenticationToken"},
                {__LINE__, HTTP_GET, DISK, NULL, NULL, 400, "MissingApiVersionParameter"},
                {__LINE__, HTTP_GET, DISK "?api-version=a\"b", NULL, NULL, 400,
                 "InvalidApiVersionParameter"},
                {__LINE__, HTTP_GET, "/nothing" V, NULL, NULL, 404, "InvalidResourceType"},
                {__LINE__, HTTP_GET, "/%zz" V, NULL, NULL, 400, "InvalidRequestUri"},
                {__LINE__, HTTP_GET, "/%00" V, NULL, NULL, 400, "InvalidRequestUri"},
                {__LINE__, HTTP_GET,
                 "/subscriptions/99999999-1111-4111-8111-111111111111/providers/"
                 "Microsoft.Compute/disks" V,
                 NULL, NULL, 404, "SubscriptionNotFound"},
                {__LINE__, HTTP_POST, DISK V, "{}", NULL, 405, "HttpMethodNotAllowed"},
                /* Reading. */
                {__LINE__, HTTP_GET, DISK V, NULL, NULL, 200, NULL},
                {__LINE__, HTTP_GET,
                 SUB "/RESOURCEGROUPS/RG-APP/Providers/microsoft.compute/DISKS/Disk-0001" V, NULL,
                 NULL, 200, NULL},
                {__LINE__, HTTP_GET, APP "disks/none" V, NULL, NULL, 404, "ResourceNotFound"},
                {__LINE__, HTTP_GET, SNAPS "/none" V, NULL, NULL, 404, "ResourceNotFound"},
                {__LINE__, HTTP_GET, SUB "/resourceGroups/none" V, NULL, NULL, 404,
                 "ResourceGroupNotFound"},
                {__LINE__, HTTP_GET, SUB "/resourceGroups/rg-app" V, NULL, NULL, 200, NULL},
                {__LINE__, HTTP_GET, SUB V, NULL, NULL, 200, NULL},
                {__LINE__, HTTP_GET, SNAPS V "&$skiptoken=zz", NULL, NULL, 400, "InvalidParameter"},
                /* Snapshots that cannot be. */
                {__LINE__, HTTP_PUT,
                 SUB "/resourceGroups/none/providers/Microsoft.Compute/"
                     "snapshots/s" V,
                 dup, NULL, 404, "ResourceGroupNotFound"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V, OF(APP "disks/none"), NULL, 404,
                 "ResourceNotFound"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V, "not json", NULL, 400, "InvalidRequestContent"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V, NULL, NULL, 400, "InvalidRequestContent"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V, "{}", NULL, 400, "LocationRequired"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V, "{\"location\":\"westeurope\"}", NULL, 400,
                 "InvalidParameter"},
                {__LINE__, HTTP_PUT, SNAPS "/s-" V, dup, NULL, 400, "InvalidParameter"},
                /* The wrong region speaks of the disk, as Azure does. */
                {__LINE__, HTTP_PUT, SNAPS "/s" V,
                 "{\"location\":\"northeurope\",\"properties\":{\"creationData\":{\"createOption\":"
                 "\"Copy\",\"sourceResourceId\":\"" DISK "\"}}}",
                 NULL, 404, "ResourceNotFound"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V,
                 "{\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"
                 "\"Copy\",\"sourceResourceId\":\"" APP "disks/ultra\"}}}",
                 NULL, 400, "BadRequest"},
                {__LINE__, HTTP_PUT, SNAPS "/s" V,
                 "{\"location\":\"westeurope\",\"tags\":{\"a?\":\"b\"},\"properties\":"
                 "{\"creationData\":{\"createOption\":\"Copy\",\"sourceResourceId\":\"" DISK
                 "\"}}}",
                 NULL, 400, "InvalidTagNameOrValue"},
                {__LINE__, HTTP_DELETE, SNAPS "/s" V, NULL, NULL, 204, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int status =
                        ask_as(rows[i].method, rows[i].url, rows[i].text, rows[i].authorization);
                const char *code = text_at("error.code");

                if (status != rows[i].status || strcmp(code, rows[i].code ?: "") != 0)
                        fail_msg("row at line %d: %d %s", rows[i].line, status, code);
                if (status == 401)
                        assert_non_null(header("WWW-Authenticate"));
        }
        assert_int_equal(service_counts(service).created[SERVICE_SNAPSHOT], 0);
        assert_int_equal(service_effects(service), 4); /* the disks of the fixture */
}

static void test_life(void **state) {
        _cleanup_(freep) char *operation = NULL, *location = NULL;
        const struct service_resource *snapshot;
        const struct service_effect *effect;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 202);
        assert_string_equal(text_at("properties.provisioningState"), "Updating");
        assert_null(at("properties.uniqueId"));
        assert_null(at("properties.creationData.sourceUniqueId"));
        assert_string_equal(text_at("sku.name"), "Standard_ZRS");
        assert_string_equal(header("Retry-After"), "1");
        assert_string_equal(header("Date"), "Mon, 23 Nov 2026 00:00:00 GMT");
        assert_string_equal(header("x-ms-ratelimit-remaining-subscription-writes"), "199");
        assert_string_equal(header("x-ms-ratelimit-remaining-resource"),
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;999,"
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate30Min;7999");
        operation = strdup(header("Azure-AsyncOperation"));
        location = strdup(header("Location"));
        assert_int_equal(strncmp(operation, ORIGIN "/subscriptions/", 34), 0);

        pass(999);
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
        assert_string_equal(text_at("status"), "InProgress");
        assert_non_null(header("Retry-After"));
        assert_int_equal(ask(HTTP_GET, location, NULL), 202);
        assert_int_equal(reply->body_len, 0);
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200);
        assert_string_equal(text_at("properties.provisioningState"), "Updating");
        snapshot = service_find(service, SNAPS "/S1");
        assert_non_null(snapshot);
        assert_false(service_resource_is_complete(snapshot, now));

        pass(1);
        assert_true(service_resource_is_complete(snapshot, now));
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
        assert_string_equal(text_at("status"), "Succeeded");
        assert_string_equal(text_at("properties.output.properties.provisioningState"), "Succeeded");
        assert_string_equal(text_at("endTime"), "2026-11-23T00:00:01+00:00");
        assert_int_equal(ask(HTTP_GET, location, NULL), 200);
        assert_string_equal(text_at("name"), "s1");
        assert_string_equal(text_at("properties.timeCreated"), "2026-11-23T00:00:00+00:00");
        assert_null(at("properties.completionPercent"));

        assert_int_equal(ask(HTTP_DELETE, SNAPS "/S1" V, NULL), 202);
        assert_int_equal(reply->body_len, 0);
        free(operation);
        operation = strdup(header("Azure-AsyncOperation"));
        assert_null(service_find(service, SNAPS "/s1"));
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200); /* it lingers */
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 409);
        pass(500);
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 404);
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/s1" V, NULL), 204);
        pass(500);
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
        assert_string_equal(text_at("status"), "Succeeded");
        assert_null(at("properties"));

        assert_int_equal(service_effects(service), 6);
        effect = service_effect_at(service, 5);
        assert_int_equal(effect->kind, SERVICE_EFFECT_DELETED);
        assert_ptr_equal(effect->resource, snapshot);
        assert_int_equal(effect->client, 7);
        assert_int_equal(effect->request, snapshot->deleted_by);
        assert_true(snapshot->created_by > 0 && snapshot->deleted_by > snapshot->created_by);
        service_forget(service, now);
        assert_int_equal(service_effects(service), 0);
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
}

static void test_existing_name(void **state) {
        const struct service_resource *snapshot, *disk;
        struct guid old;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 202);
        snapshot = service_find(service, SNAPS "/s1");
        old = service_find(service, DISK)->unique_id;
        pass(60000);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/S1" V,
                             OF(SUB "/resourcegroups/RG-APP/providers/"
                                    "Microsoft.Compute/disks/DISK-0001")),
                         202);
        assert_int_equal(ask(HTTP_GET, header("Azure-AsyncOperation"), NULL), 200);
        assert_string_equal(text_at("status"), "Succeeded");
        assert_string_equal(text_at("properties.output.properties.timeCreated"),
                            "2026-11-23T00:00:00+00:00");
        assert_int_equal(service_counts(service).created[SERVICE_SNAPSHOT], 1);
        assert_int_equal(service_counts(service).repeated, 1);

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(APP "disks/disk-0002")), 400);
        assert_string_equal(text_at("error.code"), "BadRequest");
        assert_string_equal(text_at("error.message"),
                            "Changing property 'sourceResourceId' is not allowed for existing disk "
                            "'s1'.");

        /* The trap: another disk under the old name changes nothing about that. */
        assert_int_equal(service_recreate_disk(service, now, DISK, &disk), 0);
        assert_true(guid_compare(&disk->unique_id, &old) != 0);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 202);
        assert_ptr_equal(service_find(service, SNAPS "/s1"), snapshot);
        assert_int_equal(guid_compare(&snapshot->source_unique_id, &old), 0);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s2" V, OF(DISK)), 202);
        snapshot = service_find(service, SNAPS "/s2");
        assert_int_equal(guid_compare(&snapshot->source_unique_id, &disk->unique_id), 0);
}

static void test_limits(void **state) {
        char url[256];

        for (int i = 0; i <= SERVICE_CHAIN_MAX; i++) {
                int expected = i < SERVICE_CHAIN_MAX ? 202 : 409;

                snprintf(url, sizeof(url), SNAPS "/s%d" V, i);
                if (i == 7) { /* the 8th within 5 minutes, and one tick before they are over */
                        assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), 409);
                        assert_string_equal(text_at("error.code"), "OperationNotAllowed");
                        pass(299999);
                        assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), 409);
                        pass(1);
                        assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), 202);
                        continue;
                }
                assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), expected);
                if (i >= 7)
                        pass(50000);
                if (i % 50 == 1) { /* tokens live an hour */
                        ask_as(HTTP_GET,
                               "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=r",
                               NULL, "");
                        snprintf(token, sizeof(token), "Bearer %s", text_at("access_token"));
                }
        }
        assert_string_equal(text_at("error.code"), "SnapshotsLimitReached");
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/s3" V, NULL), 202);
        assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), 202);
        assert_int_equal(service_counts(service).alive[SERVICE_SNAPSHOT], SERVICE_CHAIN_MAX);
}

static void test_background_copy(void **state) {
        const char *ultra = OF(APP "disks/ultra");

        for (int i = 0; i < SERVICE_PENDING_MAX; i++) {
                char url[256];

                snprintf(url, sizeof(url), SNAPS "/u%d" V, i);
                assert_int_equal(ask(HTTP_PUT, url, ultra), 202);
        }
        assert_int_equal(ask(HTTP_PUT, SNAPS "/u9" V, ultra), 409);
        pass(1000);
        assert_int_equal(ask(HTTP_GET, SNAPS "/u0" V, NULL), 200);
        assert_non_null(strstr(reply->body, "\"completionPercent\":0.0,"));
        assert_string_equal(text_at("properties.provisioningState"), "Succeeded");
        assert_false(service_resource_is_complete(service_find(service, SNAPS "/u0"), now));
        pass(90000);
        ask(HTTP_GET, SNAPS "/u0" V, NULL);
        assert_non_null(strstr(reply->body, "\"completionPercent\":25.0,"));
        pass(270000);
        ask(HTTP_GET, SNAPS "/u0" V, NULL);
        assert_non_null(strstr(reply->body, "\"completionPercent\":100.0,"));
        assert_true(service_resource_is_complete(service_find(service, SNAPS "/u0"), now));
        assert_int_equal(ask(HTTP_PUT, SNAPS "/u9" V, ultra), 202);
}

static void test_failed_create(void **state) {
        fail_operation = true;
        assert_int_equal(ask(HTTP_PUT, SNAPS "/f" V, OF(DISK)), 202);
        fail_operation = false;
        pass(1000);
        assert_int_equal(ask(HTTP_GET, header("Azure-AsyncOperation"), NULL), 200);
        assert_string_equal(text_at("status"), "Failed");
        assert_string_equal(text_at("error.code"), "InternalExecutionError");
        assert_int_equal(ask(HTTP_GET, SNAPS "/f" V, NULL), 200);
        assert_string_equal(text_at("properties.provisioningState"), "Failed");
        assert_false(service_resource_is_complete(service_find(service, SNAPS "/f"), now));
}

/* Walks all pages, deleting one element in the middle, and counts what was seen. */
static unsigned walk(const char *url, bool delete_one) {
        _cleanup_(freep) char *next = strdup(url);
        unsigned seen = 0;

        while (next) {
                assert_int_equal(ask(HTTP_GET, next, NULL), 200);
                seen += (unsigned)cJSON_GetArraySize(at("value"));
                free(next);
                next = at("nextLink") ? strdup(text_at("nextLink")) : NULL;
                assert_true(!next || strncmp(next, ORIGIN "/", strlen(ORIGIN "/")) == 0);
                if (delete_one) {
                        assert_int_equal(service_delete(service, now, SNAPS "/p03"), 0);
                        delete_one = false;
                }
        }
        return seen;
}

static void test_listings(void **state) {
        struct service_snapshot_spec spec = {.subscription = SERVICE_SUBSCRIPTION,
                                             .source_id = DISK};
        char name[16];

        service_options(service)->page_size = 4;
        spec.name = name;
        for (int i = 0; i < 10; i++) {
                spec.group = i < 9 ? "rg-snapshots" : "rg-app";
                snprintf(name, sizeof(name), "p%02d", i);
                assert_int_equal(service_add_snapshot(service, now, &spec, NULL), 0);
        }
        assert_int_equal(walk(SUB "/providers/Microsoft.Compute/snapshots" V, false), 10);
        assert_int_equal(walk(SNAPS V, false), 9);
        assert_int_equal(walk(APP "snapshots" V, false), 1);
        assert_int_equal(walk(SUB "/providers/Microsoft.Compute/disks" V, false), 4);
        /* Taken from a page that was read already: none of the others is skipped. */
        assert_int_equal(walk(SNAPS V, true), 9);
        assert_int_equal(walk(SNAPS V, false), 8);
        assert_string_equal(header("x-ms-ratelimit-remaining-subscription-global-reads") ? "y" : "",
                            "y");
        assert_int_equal(service_forbid(service, SERVICE_SUBSCRIPTION, true), 0);
        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 403);
        assert_string_equal(text_at("error.code"), "AuthorizationFailed");
}

static void test_lagging_listing(void **state) {
        service_options(service)->listing_lag_ns = 5 * NSEC_PER_SEC;
        pass(60000);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/l" V, OF(DISK)), 202);
        pass(4999);
        assert_int_equal(walk(SNAPS V, false), 0);
        assert_int_equal(ask(HTTP_GET, SNAPS "/l" V, NULL), 200);
        pass(1);
        assert_int_equal(walk(SNAPS V, false), 1);
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/l" V, NULL), 202);
        pass(500); /* gone for a GET from this instant on, and still listed */
        assert_int_equal(ask(HTTP_GET, SNAPS "/l" V, NULL), 404);
        pass(4500);
        assert_int_equal(ask(HTTP_GET, SNAPS "/l" V, NULL), 404);
        assert_int_equal(walk(SNAPS V, false), 1);
        pass(500);
        assert_int_equal(walk(SNAPS V, false), 0);
}

static void test_tokens(void **state) {
        static const char url[] = "/" SERVICE_TENANT "/oauth2/v2.0/token";
        static const struct {
                int line;
                const char *url, *form;
                int status;
                const char *error, *number;
        } rows[] = {
                {__LINE__, url,
                 "grant_type=client_credentials&client_id=" SERVICE_CLIENT
                 "&client_secret=sim%2Dsecret&scope=https%3A%2F%2Fx%2F.default",
                 200, "", ""},
                {__LINE__, url,
                 "grant_type=client_credentials&client_id=" SERVICE_CLIENT
                 "&client_secret=no&scope=x/.default",
                 401, "invalid_client", "AADSTS7000215:"},
                {__LINE__, url,
                 "grant_type=client_credentials&client_id=old&client_secret=o+d&scope=x/.default",
                 401, "invalid_client", "AADSTS7000222:"},
                {__LINE__, url,
                 "grant_type=client_credentials&client_id=none&client_secret=x&scope=x/.default",
                 400, "unauthorized_client", "AADSTS700016:"},
                {__LINE__, url, "grant_type=password", 400, "unsupported_grant_type",
                 "AADSTS70003:"},
                {__LINE__, "/other/oauth2/v2.0/token", "grant_type=client_credentials", 400,
                 "invalid_request", "AADSTS90002:"},
                {__LINE__, url, NULL, 400, "unsupported_grant_type", "AADSTS70003:"},
        };

        assert_int_equal(
                service_add_client(service, &(struct service_client_spec){SERVICE_TENANT, "old",
                                                                          "o d", NULL, NULL, now}),
                0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int status = ask_as(HTTP_POST, rows[i].url, rows[i].form, "");

                if (status != rows[i].status || strcmp(text_at("error"), rows[i].error) != 0 ||
                    strncmp(text_at("error_description"), rows[i].number, strlen(rows[i].number)) !=
                            0)
                        fail_msg("row at line %d: %d %s", rows[i].line, status, reply->body);
                if (status == 200)
                        assert_true(cJSON_IsNumber(at("expires_in")));
        }

        pass(3599999);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        pass(1);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 401);
        assert_string_equal(text_at("error.code"), "ExpiredAuthenticationToken");
        ask_as(HTTP_GET, "/metadata/identity/oauth2/token?api-version=1&resource=r", NULL, "");
        snprintf(token, sizeof(token), "Bearer %s", text_at("access_token"));
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        service_expire_tokens(service);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 401);
}

static void test_tags(void **state) {
        static const char url[] =
                DISK "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01";
        const struct service_resource *disk = service_find(service, DISK);

        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"BACKUP\":"
                             "\"silver\",\"x\":\"\\u00e9\\\"\"}}}"),
                         200);
        assert_string_equal(text_at("properties.tags.backup"), "silver");
        assert_string_equal(service_tag_get(disk, "X"), "\xc3\xa9\"");
        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Delete\",\"properties\":{\"tags\":{\"backup\":"
                             "\"gold\"}}}"),
                         200);
        assert_string_equal(service_tag_get(disk, "backup"), "silver");
        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Delete\",\"properties\":{\"tags\":{\"backup\":"
                             "\"silver\"}}}"),
                         200);
        assert_null(service_tag_get(disk, "backup"));
        /* All or nothing. */
        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Replace\",\"properties\":{\"tags\":{\"a\":\"b\","
                             "\"c%\":\"d\"}}}"),
                         400);
        assert_int_equal(disk->n_tags, 1);
        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Replace\",\"properties\":{\"tags\":{\"a\":\"b\"}}}"),
                         200);
        assert_int_equal(disk->n_tags, 1);
        assert_string_equal(service_tag_get(disk, "a"), "b");
        assert_int_equal(ask(HTTP_PATCH, url, "{\"operation\":\"Eat\"}"), 400);
        assert_int_equal(ask(HTTP_GET, url, NULL), 200);
        assert_string_equal(text_at("properties.tags.a"), "b");
}

/* A change that takes its time: what a GET and a listing show meanwhile, and what others do to it. */
static void test_tags_by_operation(void **state) {
        static const char url[] =
                SNAPS "/s1/providers/Microsoft.Resources/tags/default?api-version=2021-04-01";
        static const char hold[] =
                "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"hold\":\"audit\"}}}";
        const struct service_resource *snapshot;
        char operation[1024];
        size_t n;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 202);
        snapshot = service_find(service, SNAPS "/s1");
        pass(2000);
        service_options(service)->tagging_ns = 10 * NSEC_PER_SEC;
        assert_int_equal(ask(HTTP_PATCH, url, "{\"operation\":\"Eat\"}"), 400);
        assert_int_equal(ask(HTTP_PATCH, url, hold), 202);
        assert_string_equal(header("Retry-After"), "2");
        assert_non_null(header("Location"));
        snprintf(operation, sizeof(operation), "%s",
                 header("Azure-AsyncOperation") + strlen(ORIGIN));
        n = service_effects(service);

        pass(1000);
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
        assert_string_equal(text_at("status"), "InProgress");
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200);
        assert_string_equal(text_at("properties.provisioningState"), "Updating");
        assert_null(at("tags.hold"));
        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
        assert_string_equal(text_at("value.0.properties.provisioningState"), "Updating");
        assert_null(at("value.0.tags.hold"));
        assert_int_equal(ask(HTTP_GET, url, NULL), 200);
        assert_null(at("properties.tags.hold"));
        /* Its data is what it was. */
        assert_true(service_resource_is_complete(snapshot, now));
        /* One change at a time, of hands too, whose other tags are not lost. */
        assert_int_equal(ask(HTTP_PATCH, url, hold), 409);
        assert_string_equal(text_at("error.code"), "Conflict");
        assert_int_equal(ask(HTTP_PATCH, SNAPS "/s1" V, "{\"tags\":{}}"), 409);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s1" V, OF(DISK)), 409);
        assert_int_equal(service_merge_tag(service, now, snapshot->id, "hold", "hand"),
                         SERVICE_E_BUSY);
        assert_int_equal(service_set_tag(service, now, snapshot->id, "other", "hand"), 0);

        pass(9000);
        assert_int_equal(ask(HTTP_GET, operation, NULL), 200);
        assert_string_equal(text_at("status"), "Succeeded");
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200);
        assert_string_equal(text_at("properties.provisioningState"), "Succeeded");
        assert_string_equal(text_at("tags.hold"), "audit");
        assert_string_equal(text_at("tags.other"), "hand");
        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
        assert_string_equal(text_at("value.0.properties.provisioningState"), "Succeeded");
        assert_string_equal(text_at("value.0.tags.hold"), "audit");
        /* In the journal: the hand's, and then the request's, when it was done. */
        assert_int_equal(service_effects(service), n + 2);
        assert_int_equal(service_effect_at(service, n)->request, 0);
        assert_true(service_effect_at(service, n + 1)->request > 0);
        assert_int_equal(service_effect_at(service, n + 1)->at.ticks, snapshot->tagged_at.ticks);

        /* A lagging listing shows it as it was: before, meanwhile, and after. */
        service_options(service)->listing_lag_ns = 20 * NSEC_PER_SEC;
        pass(60000);
        assert_int_equal(ask(HTTP_PATCH, url,
                             "{\"operation\":\"Delete\",\"properties\":{\"tags\":{\"hold\":"
                             "\"audit\"}}}"),
                         202);
        for (int i = 0; i < 3; i++) {
                pass(15000 - i * 5000); /* 5 s before it, 5 s and 10 s after */
                assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
                assert_string_equal(text_at("value.0.properties.provisioningState"),
                                    i == 1 ? "Updating" : "Succeeded");
                assert_string_equal(text_at("value.0.tags.hold"), i < 2 ? "audit" : "");
        }

        /* A hand's takes its time, too. */
        assert_int_equal(service_merge_tag(service, now, SNAPS "/s2", "hold", "hand"),
                         SERVICE_E_MISSING);
        assert_int_equal(service_merge_tag(service, now, snapshot->id, "hold", "hand"), 0);
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200);
        assert_string_equal(text_at("properties.provisioningState"), "Updating");
        assert_null(service_tag_get(snapshot, "hold"));
        pass(10000);
        assert_int_equal(service_set_tag(service, now, snapshot->id, "hold", NULL), 0);
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 200);
        assert_null(at("tags.hold"));

        /* Deleted meanwhile, it is changed no more. */
        n = service_effects(service);
        assert_int_equal(ask(HTTP_PATCH, url, hold), 202);
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/s1" V, NULL), 202);
        pass(60000);
        assert_int_equal(ask(HTTP_GET, SNAPS "/s1" V, NULL), 404);
        assert_int_equal(service_effects(service), n + 1);
        assert_int_equal(service_effect_at(service, n)->kind, SERVICE_EFFECT_DELETED);
}

static void test_budgets(void **state) {
        service_options(service)->rates = 1;
        for (int i = 0; i < 240; i++)
                assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
        assert_string_equal(header("x-ms-ratelimit-remaining-resource"),
                            "Microsoft.Compute/HighCostGet3Min;0,Microsoft.Compute/"
                            "HighCostGet30Min;1680");
        pass(1000);
        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 429);
        assert_string_equal(text_at("code"), "OperationNotAllowed"); /* no "error" around it */
        assert_string_equal(header("Retry-After"), "179");
        pass(179000);
        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
        /* ARM's own bucket: 250 reads, 25 a second. */
        for (int i = 0; i < 249; i++)
                assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 429);
        assert_string_equal(text_at("error.code"), "SubscriptionRequestsThrottled");
        pass(40);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 429);
        assert_int_equal(service_counts(service).throttled, 3);
        assert_int_equal(service_counts(service).exhausted, 3);
}

/* Regions have buckets of their own, others draw from them, and they may be larger than Azure's. */
static void test_budgets_of_regions(void **state) {
        service_options(service)->rates = 2;
        assert_int_equal(service_spend(service, now, SERVICE_SUBSCRIPTION, "westeurope",
                                       SERVICE_REQUEST_PUT_SNAPSHOT, 1999),
                         0);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/a" V, OF(DISK)), 202);
        assert_string_equal(header("x-ms-ratelimit-remaining-resource"),
                            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;0,Microsoft."
                            "Compute/HighCostSnapshotCreateHydrate30Min;14000");
        assert_string_equal(header("x-ms-ratelimit-remaining-subscription-writes"), "399");
        assert_int_equal(ask(HTTP_PUT, SNAPS "/b" V, OF(DISK)), 429);
        assert_string_equal(header("Retry-After"), "180");
        assert_int_equal(service_spend(service, now, SERVICE_SUBSCRIPTION, "northeurope",
                                       SERVICE_REQUEST_GET_DISK, 100000),
                         0);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        assert_int_equal(service_spend(service, now, SERVICE_SUBSCRIPTION, "westeurope",
                                       SERVICE_REQUEST_GET_DISK, 100000),
                         0);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 429);
        assert_int_equal(service_spend(service, now, SERVICE_SUBSCRIPTION, "westeurope",
                                       SERVICE_REQUEST_PATCH_TAGS, 1),
                         SERVICE_E_INVALID);
        assert_int_equal(
                service_spend(service, now, "x", "westeurope", SERVICE_REQUEST_GET_DISK, 1),
                SERVICE_E_MISSING);
        pass(180000);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/b" V, OF(DISK)), 202);
}

static void test_service_clock(void **state) {
        service_set_clock_error(service, -90 * NSEC_PER_SEC + 120 * NSEC_PER_MSEC);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/c" V, OF(DISK)), 202);
        assert_string_equal(header("Date"), "Sun, 22 Nov 2026 23:58:30 GMT");
        pass(1234);
        assert_int_equal(ask(HTTP_GET, header("Azure-AsyncOperation"), NULL), 200);
        assert_string_equal(text_at("status"), "Succeeded");
        assert_string_equal(text_at("properties.output.properties.timeCreated"),
                            "2026-11-22T23:58:30.12+00:00");
}

static void test_world_round_trip(void **state) {
        _cleanup_(freep) char *first = NULL, *second = NULL, *what = NULL;
        struct service_options options = service_options_default();
        struct service *other;

        fail_operation = true;
        assert_int_equal(ask(HTTP_PUT, SNAPS "/f" V, OF(DISK)), 202);
        pass(1234567);
        assert_int_equal(service_set_tag(service, now, SNAPS "/f", "q", "\"\\\n"), 0);
        assert_int_equal(service_dump(service, now, &first), 0);
        assert_int_equal(service_new(&options, &other), 0);
        assert_int_equal(service_load(other, now, first, strlen(first), &what), 0);
        assert_int_equal(service_dump(other, now, &second), 0);
        /* All but the number of the request that made it. */
        assert_non_null(strstr(first, "\"createdByRequest\":2,"));
        memcpy(strstr(first, "\"createdByRequest\":2,"), "\"createdByRequest\":0,", 21);
        assert_string_equal(first, second);
        assert_int_equal(service_load(other, now, first, strlen(first), &what), SERVICE_E_INVALID);
        assert_string_equal(what, "groups[0]: the name is taken");
        service_free(other);
}

/* The same requests give the same bytes: nothing hangs on addresses or earlier runs. */
static void test_deterministic(void **state) {
        _cleanup_(freep) char *first = NULL, *second = NULL;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/d" V, OF(DISK)), 202);
        first = strdup(header("Azure-AsyncOperation"));
        teardown(NULL);
        setup(NULL);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/d" V, OF(DISK)), 202);
        second = strdup(header("Azure-AsyncOperation"));
        assert_string_equal(first, second);
}

/* Shapes: the members and their order as in recorded traffic. */

static void compare_shape(const cJSON *ours, const cJSON *theirs, const char *where, int entry) {
        const cJSON *a, *b;

        if (cJSON_IsNull(theirs) && !ours)
                return;
        if (!ours || ours->type != theirs->type)
                fail_msg("entry %d: %s has another type", entry, where);
        if (!cJSON_IsObject(theirs))
                return;
        for (a = ours->child, b = theirs->child; a && b; a = a->next, b = b->next) {
                if (strcmp(a->string, b->string) != 0)
                        fail_msg("entry %d: in %s, %s stands where %s was recorded", entry, where,
                                 a->string, b->string);
                compare_shape(a, b, b->string, entry);
        }
        if (a || b)
                fail_msg("entry %d: in %s, %s is %s", entry, where, (a ?: b)->string,
                         a ? "too much" : "missing");
}

static char *read_recorded(const char *name) {
        const char *given = getenv("SNAPKEEP_RECORDED"), *root = getenv("SNAPKEEP_SOURCE_ROOT");
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        FILE *file;
        char path[4096], *all;
        int c;

        if (given)
                snprintf(path, sizeof(path), "%s/%s", given, name);
        else
                snprintf(path, sizeof(path), "%s/../shared/azure/recorded/%s", root ?: "..", name);
        file = fopen(path, "re");
        if (!file)
                return NULL;
        while ((c = fgetc(file)) != EOF)
                strbuf_append_char(&text, (char)c);
        fclose(file);
        assert_int_equal(strbuf_take(&text, &all), 0);
        return all;
}

static bool is_copy_start(const cJSON *request) {
        _cleanup_(freep) char *text = cJSON_PrintUnformatted(request);

        return strstr(text, "CopyStart") != NULL;
}

static enum http_method method_of(const char *name) {
        if (strcmp(name, "PUT") == 0)
                return HTTP_PUT;
        return strcmp(name, "DELETE") == 0 ? HTTP_DELETE : HTTP_GET;
}

/* Replays the recording up to its first CopyStart, which the model does not do. */
static void test_recorded_shapes(void **state) {
        _cleanup_(freep) char *text = read_recorded("cli-snapshot-incremental-2023.json");
        _cleanup_(freep) char *operation = NULL;
        cJSON *recording;
        const cJSON *entry;
        int n = 0;

        if (!text) {
                print_message("# recorded traffic is not there: set SNAPKEEP_RECORDED\n");
                skip();
        }
        recording = cJSON_Parse(text);
        assert_non_null(recording);
        assert_int_equal(service_add_group(service, "00000000-0000-0000-0000-000000000000",
                                           "cli_test_completion_percent1_000001", "westus"),
                         0);
        cJSON_ArrayForEach(entry, recording) {
                const cJSON *request = cJSON_GetObjectItem(entry, "request");
                const cJSON *response = cJSON_GetObjectItem(entry, "response");
                const char *url = cJSON_GetObjectItem(request, "url")->valuestring;
                _cleanup_(freep) char *content = NULL;
                int status;

                if (is_copy_start(request))
                        break;
                content = cJSON_PrintUnformatted(cJSON_GetObjectItem(request, "body"));
                if (strstr(url, "/DiskOperations/")) {
                        pass(2000);
                        url = operation;
                }
                status = ask(method_of(cJSON_GetObjectItem(request, "method")->valuestring), url,
                             content);
                assert_int_equal(status, cJSON_GetObjectItem(response, "status")->valueint);
                compare_shape(body, cJSON_GetObjectItem(response, "body"), "body", n);
                if (status == 202) {
                        free(operation);
                        operation = strdup(header("Azure-AsyncOperation"));
                }
                n++;
        }
        cJSON_Delete(recording);
        assert_true(n >= 9);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                CASE(test_answers),
                CASE(test_life),
                CASE(test_existing_name),
                CASE(test_limits),
                CASE(test_background_copy),
                CASE(test_failed_create),
                CASE(test_listings),
                CASE(test_lagging_listing),
                CASE(test_tokens),
                CASE(test_tags),
                CASE(test_tags_by_operation),
                CASE(test_budgets),
                CASE(test_budgets_of_regions),
                CASE(test_service_clock),
                CASE(test_world_round_trip),
                CASE(test_deterministic),
                CASE(test_recorded_shapes),
        };

        return cmocka_run_group_tests_name("sim-service", tests, NULL, NULL);
}
