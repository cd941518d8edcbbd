/*
 * What Microsoft's clients need of the service model beside what the daemon asks: discovery, the
 * subscriptions there are, updates of resources that exist, SAS of disks.
 */
#include "test-sim-rig.h"

#define TAGGED(tags)                                                                               \
        "{\"location\":\"westeurope\",\"tags\":" tags                                              \
        ",\"properties\":{\"creationData\":{\"createOption\":\"Copy\",\"sourceResourceId\":"       \
        "\"" DISK "\"},\"incremental\":true}}"

/* As was seen in 2021. */
static void test_bare_accepted(void **state) {
        service_options(service)->bare_accepted = true;
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, OF(DISK)), 202);
        assert_null(at("id"));
        assert_null(at("name"));
        assert_null(at("type"));
        assert_string_equal(text_at("location"), "westeurope");
        assert_int_equal(ask(HTTP_GET, SNAPS "/s" V, NULL), 200);
        assert_string_equal(text_at("name"), "s");
}

/* Nobody has a token yet who asks these. */
static void test_discovery(void **state) {
        assert_int_equal(ask_as(HTTP_GET,
                                "/" SERVICE_TENANT "/v2.0/.well-known/openid-configuration", NULL,
                                ""),
                         200);
        assert_string_equal(text_at("token_endpoint"),
                            ORIGIN "/" SERVICE_TENANT "/oauth2/v2.0/token");
        assert_string_equal(text_at("authorization_endpoint"),
                            ORIGIN "/" SERVICE_TENANT "/oauth2/v2.0/authorize");
        assert_string_equal(text_at("issuer"), ORIGIN "/" SERVICE_TENANT "/v2.0");

        assert_int_equal(ask_as(HTTP_GET, "/adfs/.well-known/openid-configuration", NULL, ""), 200);
        assert_string_equal(text_at("token_endpoint"), ORIGIN "/adfs/oauth2/v2.0/token");
        /* A name that JSON would not take is nobody's tenant. */
        assert_int_equal(ask_as(HTTP_GET, "/a%22b/.well-known/openid-configuration", NULL, ""),
                         401);

        assert_int_equal(ask_as(HTTP_GET, "/metadata/endpoints?api-version=2022-09-01", NULL, ""),
                         200);
        assert_string_equal(text_at("resourceManager"), ORIGIN "/");
        assert_string_equal(text_at("authentication.loginEndpoint"), ORIGIN "/");
        assert_string_equal(
                cJSON_GetStringValue(cJSON_GetArrayItem(at("authentication.audiences"), 0)),
                ORIGIN "/");
}

static void test_subscriptions(void **state) {
        assert_int_equal(ask_as(HTTP_GET, "/subscriptions" V, NULL, ""), 401);
        assert_int_equal(ask(HTTP_GET, "/subscriptions" V, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 1);
        assert_int_equal(ask(HTTP_GET, "/tenants" V, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 1);
        assert_int_equal(ask(HTTP_GET, SUB V, NULL), 200);
        assert_string_equal(text_at("tenantId"), SERVICE_TENANT);

        /* Who may not read it does not see it. */
        assert_int_equal(
                service_set_rights(service, SERVICE_SUBSCRIPTION, NULL, SERVICE_RIGHTS_NONE), 0);
        assert_int_equal(ask(HTTP_GET, "/subscriptions" V, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 0);
}

/* PUT and PATCH of a name that exists: the set of tags is replaced, the point in time stays. */
static void test_updates(void **state) {
        const struct service_resource *snapshot;
        struct utc created;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, TAGGED("{\"a\":\"1\",\"b\":\"2\"}")), 202);
        pass(60000);
        snapshot = service_find(service, SNAPS "/s");
        created = snapshot->time_created;

        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, TAGGED("{\"B\":\"3\"}")), 202);
        assert_int_equal(snapshot->n_tags, 1);
        assert_string_equal(service_tag_get(snapshot, "b"), "3");
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, OF(DISK)), 202);
        assert_int_equal(snapshot->n_tags, 1);
        assert_int_equal(ask(HTTP_PUT, SNAPS "/s" V, TAGGED("{\"a?\":\"1\"}")), 400);
        assert_int_equal(snapshot->n_tags, 1);

        assert_int_equal(ask(HTTP_PATCH, SNAPS "/s" V,
                             "{\"tags\":{\"c\":\"4\"},\"properties\":{\"networkAccessPolicy\":"
                             "\"DenyAll\",\"publicNetworkAccess\":\"Disabled\"}}"),
                         202);
        assert_non_null(header("Azure-AsyncOperation"));
        assert_int_equal(snapshot->n_tags, 1);
        assert_string_equal(service_tag_get(snapshot, "c"), "4");
        assert_int_equal(ask(HTTP_GET, SNAPS "/s" V, NULL), 200);
        assert_string_equal(text_at("properties.networkAccessPolicy"), "DenyAll");
        assert_string_equal(text_at("properties.publicNetworkAccess"), "Disabled");
        assert_int_equal(snapshot->time_created.ticks, created.ticks);

        assert_int_equal(ask(HTTP_PATCH, SNAPS "/s" V, "{}"), 202);
        assert_int_equal(snapshot->n_tags, 1);
        assert_int_equal(ask(HTTP_PATCH, SNAPS "/s" V, "[]"), 400);
        assert_int_equal(ask(HTTP_PATCH, SNAPS "/none" V, "{}"), 404);
        assert_int_equal(ask(HTTP_PATCH, DISK V, "{\"tags\":{}}"), 202);
        assert_int_equal(service_find(service, DISK)->n_tags, 0);
        assert_int_equal(ask(HTTP_DELETE, SNAPS "/s" V, NULL), 202);
        assert_int_equal(ask(HTTP_PATCH, SNAPS "/s" V, "{}"), 409);
}

static void test_disk_access(void **state) {
        static const char grant[] = "{\"access\":\"Read\",\"durationInSeconds\":60}";

        assert_int_equal(ask(HTTP_POST, DISK "/beginGetAccess" V, grant), 202);
        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        assert_string_equal(text_at("properties.diskState"), "ActiveSAS");
        assert_int_equal(ask(HTTP_DELETE, DISK V, NULL), 409);
        assert_int_equal(ask(HTTP_POST, DISK "/endGetAccess" V, NULL), 202);
        assert_int_equal(ask(HTTP_DELETE, DISK V, NULL), 202);
}

/* Some clients read the tenant out of it. */
static void test_token_claims(void **state) {
        assert_non_null(strstr(token, "Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9."
                                      "eyJ0aWQiOiIyMjIyMjIyMi0yMjIyLTQyMjItODIyMi0y"));
        assert_null(strpbrk(token + 7, " +/="));
        /* The signature is base64url: one digit more than a whole group has no meaning. */
        assert_int_not_equal(strlen(strrchr(token, '.') + 1) % 4, 1);
}

/* The way of the machine's extension: a form, and no version. */
static void test_posted_token(void **state) {
        static const char form[] = "resource=https%3A%2F%2Farm.sim%2F";

        assert_int_equal(ask_as(HTTP_POST, "/oauth2/token", form, ""), 200);
        assert_string_equal(text_at("resource"), "https://arm.sim/");
        assert_int_equal(ask_as(HTTP_POST, "/oauth2/token", "", ""), 400);
        assert_int_equal(ask_as(HTTP_GET, "/metadata/identity/oauth2/token?resource=x", NULL, ""),
                         400);
}

static void test_vms(void **state) {
        const struct service_vm_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "db01",
                .os_disk = DISK,
                .data_disks = {APP "disks/disk-0002", APP "disks/disk-0003"},
                .n_data_disks = 2,
        };
        struct service_vm_spec other = spec;
        _cleanup_(freep) char *dump = NULL, *what = NULL;
        const cJSON *disk;

        assert_int_equal(service_add_vm(service, &spec), 0);
        assert_int_equal(service_add_vm(service, &spec), SERVICE_E_EXISTS);
        /* A disk of another: nothing of the VM stays, its other disk is free. */
        other.name = "db02";
        other.os_disk = APP "disks/ultra";
        assert_int_equal(service_add_vm(service, &other), SERVICE_E_EXISTS);
        assert_null(service_find(service, APP "disks/ultra")->managed_by);
        other.os_disk = APP "disks/none";
        assert_int_equal(service_add_vm(service, &other), SERVICE_E_MISSING);

        assert_int_equal(ask(HTTP_GET, APP "virtualMachines/DB01" V, NULL), 200);
        assert_string_equal(text_at("properties.storageProfile.osDisk.managedDisk.id"), DISK);
        disk = cJSON_GetArrayItem(at("properties.storageProfile.dataDisks"), 1);
        assert_int_equal(cJSON_GetObjectItem(disk, "lun")->valueint, 1);
        assert_int_equal(ask(HTTP_GET, APP "virtualMachines/none" V, NULL), 404);
        assert_int_equal(ask(HTTP_GET, APP "virtualMachines" V, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 1);
        assert_int_equal(ask(HTTP_GET, SUB "/providers/Microsoft.Compute/virtualMachines" V, NULL),
                         200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 1);

        assert_int_equal(ask(HTTP_GET, DISK V, NULL), 200);
        assert_string_equal(text_at("managedBy"), APP "virtualMachines/db01");
        assert_string_equal(text_at("properties.diskState"), "Attached");
        assert_int_equal(ask(HTTP_DELETE, DISK V, NULL), 409);
        assert_string_equal(text_at("error.code"), "OperationNotAllowed");

        assert_int_equal(service_dump(service, now, &dump), 0);
        service_free(service);
        assert_int_equal(service_new(&(struct service_options){.page_size = 10}, &service), 0);
        assert_int_equal(service_load(service, now, dump, strlen(dump), &what), 0);
        assert_string_equal(service_find(service, DISK)->managed_by, APP "virtualMachines/db01");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                CASE(test_discovery),   CASE(test_subscriptions), CASE(test_updates),
                CASE(test_disk_access), CASE(test_token_claims),  CASE(test_posted_token),
                CASE(test_vms),         CASE(test_bare_accepted),
        };

        return cmocka_run_group_tests_name("sim-clients", tests, NULL, NULL);
}
