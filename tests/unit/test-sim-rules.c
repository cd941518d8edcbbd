/*
 * The service model under what other hands and Azure itself do to a client: locks, rights, outages,
 * quotas, lag, moves, SAS, failing copies.
 */
#include "test-sim-rig.h"

#define GROUP_APP SUB "/resourceGroups/rg-app"
#define GROUP_SNAPS SUB "/resourceGroups/rg-snapshots"
#define LIST_DISKS SUB "/providers/Microsoft.Compute/disks" V
#define LIST_SNAPS SUB "/providers/Microsoft.Compute/snapshots" V
#define TAGS(id) id "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01"
#define READ "{\"access\":\"Read\",\"durationInSeconds\":600}"

/* Sends it and compares status and code; "" for none. */
static void expect(int line, enum http_method method, const char *url, const char *text, int status,
                   const char *code) {
        int got = ask(method, url, text);

        if (got != status || strcmp(text_at("error.code"), code) != 0)
                fail_msg("line %d: %d %s", line, got, text_at("error.code"));
}

#define EXPECT(method, url, text, status, code) expect(__LINE__, method, url, text, status, code)

static void put(const char *name) {
        char url[256];

        snprintf(url, sizeof(url), SNAPS "/%s" V, name);
        assert_int_equal(ask(HTTP_PUT, url, OF(DISK)), 202);
}

/* Elements of all pages; *ret_pages may be NULL. */
static unsigned listed(const char *url, unsigned *ret_pages) {
        _cleanup_(freep) char *next = strdup(url);
        unsigned n = 0, pages = 0;

        while (next) {
                assert_int_equal(ask(HTTP_GET, next, NULL), 200);
                n += (unsigned)cJSON_GetArraySize(at("value"));
                pages++;
                free(next);
                next = cJSON_IsString(at("nextLink")) ? strdup(text_at("nextLink")) : NULL;
        }
        if (ret_pages)
                *ret_pages = pages;
        return n;
}

/* The tag of the only listed snapshot. */
static const char *listed_tag(const char *name) {
        const cJSON *item;

        assert_int_equal(ask(HTTP_GET, SNAPS V, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(at("value")), 1);
        item = cJSON_GetArrayItem(at("value"), 0);
        item = cJSON_GetObjectItemCaseSensitive(item, "tags");
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, name)) ?: "";
}

static void test_locks(void **state) {
        static const char *const scopes[] = {SNAPS "/L", GROUP_SNAPS, SUB};
        char locked[512];

        put("l");
        put("other");
        for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
                assert_int_equal(service_lock(service, now, scopes[i], true), 0);
                assert_true(service_resource_is_locked(service_find(service, SNAPS "/l")));
                assert_int_equal(service_resource_is_locked(service_find(service, SNAPS "/other")),
                                 i > 0);
                EXPECT(HTTP_DELETE, SNAPS "/l" V, NULL, 409, "ScopeLocked");
                snprintf(locked, sizeof(locked), " locked: '%s'.", scopes[i]);
                assert_non_null(strcasestr(text_at("error.message"), locked));
                EXPECT(HTTP_PATCH, TAGS(SNAPS "/l"),
                       "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"a\":\"b\"}}}", 200,
                       "");
                assert_int_equal(service_delete(service, now, SNAPS "/l"), SERVICE_E_LOCKED);
                assert_int_equal(service_lock(service, now, scopes[i], false), 0);
                assert_false(service_resource_is_locked(service_find(service, SNAPS "/l")));
        }
        EXPECT(HTTP_DELETE, SNAPS "/l" V, NULL, 202, "");
        assert_int_equal(service_lock(service, now, SNAPS "/l", true), SERVICE_E_MISSING);
        assert_int_equal(service_lock(service, now, SUB "/resourceGroups/none", true),
                         SERVICE_E_MISSING);
        assert_int_equal(service_lock(service, now, "x", true), SERVICE_E_MISSING);
}

static int set_rights(const char *group, enum service_rights rights) {
        return service_set_rights(service, SERVICE_SUBSCRIPTION, group, rights);
}

static void test_rights(void **state) {
        put("s");
        assert_int_equal(listed(LIST_DISKS, NULL), 4);

        /* No role at all. */
        assert_int_equal(set_rights(NULL, SERVICE_RIGHTS_NONE), 0);
        assert_int_equal(listed(LIST_DISKS, NULL), 0);
        assert_int_equal(listed(SNAPS V, NULL), 0);
        EXPECT(HTTP_GET, DISK V, NULL, 403, "AuthorizationFailed");
        assert_non_null(strstr(text_at("error.message"), "'Microsoft.Compute/disks/read'"));
        EXPECT(HTTP_PUT, SNAPS "/t" V, OF(DISK), 403, "AuthorizationFailed");
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 403, "AuthorizationFailed");
        assert_non_null(strstr(text_at("error.message"), "'Microsoft.Compute/snapshots/delete'"));
        EXPECT(HTTP_GET, GROUP_APP V, NULL, 403, "AuthorizationFailed");
        EXPECT(HTTP_GET, SUB V, NULL, 403, "AuthorizationFailed");
        EXPECT(HTTP_GET, SUB "/resourceGroups/none" V, NULL, 403, "AuthorizationFailed");

        /* Only on one group. */
        assert_int_equal(set_rights("RG-APP", SERVICE_RIGHTS_ALL), 0);
        assert_int_equal(listed(LIST_DISKS, NULL), 4);
        assert_int_equal(listed(LIST_SNAPS, NULL), 0);
        EXPECT(HTTP_GET, DISK V, NULL, 200, "");
        EXPECT(HTTP_GET, SNAPS "/s" V, NULL, 403, "AuthorizationFailed");

        /* Back, but for the disks' group: the snapshot is refused for its source. */
        assert_int_equal(set_rights(NULL, SERVICE_RIGHTS_INHERITED), 0);
        assert_int_equal(set_rights("rg-app", SERVICE_RIGHTS_NONE), 0);
        assert_int_equal(listed(LIST_DISKS, NULL), 0);
        assert_int_equal(listed(LIST_SNAPS, NULL), 1);
        EXPECT(HTTP_PUT, SNAPS "/t" V, OF(DISK), 403, "LinkedAuthorizationFailed");

        /* Missing from listings, and there. */
        assert_int_equal(set_rights("rg-app", SERVICE_RIGHTS_UNLISTED), 0);
        assert_int_equal(listed(LIST_DISKS, NULL), 0);
        EXPECT(HTTP_GET, DISK V, NULL, 200, "");
        EXPECT(HTTP_PUT, SNAPS "/t" V, OF(DISK), 202, "");

        /* A reader. */
        assert_int_equal(set_rights("rg-app", SERVICE_RIGHTS_INHERITED), 0);
        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_READ), 0);
        assert_int_equal(listed(LIST_SNAPS, NULL), 2);
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 403, "AuthorizationFailed");
        EXPECT(HTTP_GET, SNAPS "/s" V, NULL, 200, "");
        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_INHERITED), 0);
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 202, "");
        assert_int_equal(set_rights("none", SERVICE_RIGHTS_ALL), SERVICE_E_MISSING);
}

#define PERMISSIONS(group)                                                                         \
        group "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"

/* The patterns of the first element of the last reply. */
static const char *first_pattern(const char *name) {
        const cJSON *list =
                cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(at("value"), 0), name);

        return cJSON_GetStringValue(cJSON_GetArrayItem(list, 0)) ?: "";
}

/* What may be asked about is what may be done. */
static void test_permissions(void **state) {
        unsigned pages;

        EXPECT(HTTP_GET, PERMISSIONS(GROUP_SNAPS), NULL, 200, "");
        assert_string_equal(first_pattern("actions"), "*");
        assert_string_equal(first_pattern("notActions"), "");
        assert_true(cJSON_IsNull(at("nextLink")));
        EXPECT(HTTP_GET, SUB "/resourceGroups/none/providers/Microsoft.Authorization/permissions" V,
               NULL, 404, "ResourceGroupNotFound");
        EXPECT(HTTP_PUT, PERMISSIONS(GROUP_SNAPS), "{}", 405, "HttpMethodNotAllowed");

        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_READ), 0);
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_SNAPS), NULL, 200, "");
        assert_string_equal(first_pattern("actions"), "*/read");
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_APP), NULL, 200, "");
        assert_string_equal(first_pattern("actions"), "*");
        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_NONE), 0);
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_SNAPS), NULL, 403, "AuthorizationFailed");
        assert_non_null(strstr(text_at("error.message"),
                               "'Microsoft.Authorization/permissions/read' over scope '" GROUP_SNAPS
                               "'"));
        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_INHERITED), 0);

        /* Two roles, on one page or on two. */
        assert_int_equal(service_set_role(service, SERVICE_CLIENT, SERVICE_ROLE_CREATOR), 0);
        assert_int_equal(listed(PERMISSIONS(GROUP_APP), &pages), 2);
        assert_int_equal(pages, 1);
        service_options(service)->page_size = 1;
        assert_int_equal(listed(PERMISSIONS(GROUP_APP), &pages), 2);
        assert_int_equal(pages, 2);
        assert_string_equal(first_pattern("actions"), "*/read");
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_APP), NULL, 200, "");
        assert_string_equal(first_pattern("notActions"), "*/delete");
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_APP) "&$skiptoken=2", NULL, 400, "InvalidSkipToken");
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_APP) "&$skiptoken=0", NULL, 400, "InvalidSkipToken");
        assert_int_equal(service_set_role(service, SERVICE_CLIENT, SERVICE_ROLE_PRUNER), 0);
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_SNAPS), NULL, 200, "");
        assert_string_equal(first_pattern("actions"), "Microsoft.Compute/snapshots/delete");
        assert_int_equal(service_set_role(service, SERVICE_CLIENT, SERVICE_ROLE_NONE), 0);
        EXPECT(HTTP_GET, PERMISSIONS(GROUP_SNAPS), NULL, 403, "AuthorizationFailed");
}

/* An operation belongs to the group of its resource: a role there is enough to follow it. */
static void test_rights_of_operations(void **state) {
        _cleanup_(freep) char *operation = NULL;

        put("s");
        operation = strdup(header("Azure-AsyncOperation"));
        pass(2000);
        assert_int_equal(set_rights(NULL, SERVICE_RIGHTS_NONE), 0);
        EXPECT(HTTP_GET, operation, NULL, 403, "AuthorizationFailed");
        assert_int_equal(set_rights("rg-snapshots", SERVICE_RIGHTS_ALL), 0);
        EXPECT(HTTP_GET, operation, NULL, 200, "");
}

static void test_away(void **state) {
        static const struct {
                int line;
                enum service_away away;
                int reading, writing;
                const char *code;
        } rows[] = {
                {__LINE__, SERVICE_HERE, 200, 202, ""},
                {__LINE__, SERVICE_AWAY_500, 500, 500, "InternalServerError"},
                {__LINE__, SERVICE_AWAY_503, 503, 503, "ServerTimeout"},
                {__LINE__, SERVICE_THROTTLED, 429, 429, "SubscriptionRequestsThrottled"},
                {__LINE__, SERVICE_UNKNOWN, 404, 404, "SubscriptionNotFound"},
                {__LINE__, SERVICE_DISABLED, 200, 409, "ReadOnlyDisabledSubscription"},
        };
        static const char *const places[] = {SERVICE_SUBSCRIPTION, NULL};

        for (size_t place = 0; place < ARRAY_SIZE(places); place++)
                for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                        struct utc until = utc_add_seconds(now, 60);
                        int r = service_set_away(service, places[place], rows[i].away, 30, until);

                        if (!places[place] &&
                            (rows[i].away == SERVICE_UNKNOWN || rows[i].away == SERVICE_DISABLED)) {
                                assert_int_equal(r, SERVICE_E_INVALID);
                                continue;
                        }
                        assert_int_equal(r, 0);
                        expect(rows[i].line, HTTP_GET, LIST_SNAPS, NULL, rows[i].reading,
                               rows[i].reading == 200 ? "" : rows[i].code);
                        pass(59999);
                        expect(rows[i].line, HTTP_PUT, SNAPS "/s" V, OF(DISK), rows[i].writing,
                               rows[i].code);
                        if (rows[i].writing == 429)
                                assert_string_equal(header("Retry-After"), "30");
                        assert_non_null(header("Date"));
                        pass(1);
                        expect(rows[i].line, HTTP_GET, LIST_SNAPS, NULL, 200, "");
                        assert_int_equal(service_set_away(service, places[place], SERVICE_HERE, 0,
                                                          UTC_NEVER),
                                         0);
                }
        assert_int_equal(service_counts(service).created[SERVICE_SNAPSHOT], 1);
        assert_int_equal(service_set_away(service, "x", SERVICE_HERE, 0, UTC_NEVER),
                         SERVICE_E_MISSING);
}

/* A lag that is set later: what listings showed they go on showing, and from there they lag, in
 * creations, deletions, states and tags. */
static void test_lag(void **state) {
        size_t rows;

        put("a");
        pass(10000);
        assert_int_equal(
                service_set_listing_lag(service, now, SERVICE_SUBSCRIPTION, 30 * NSEC_PER_SEC), 0);
        assert_int_equal(listed(SNAPS V, NULL), 1);

        pass(1);
        assert_int_equal(service_set_tag(service, now, SNAPS "/a", "t", "1"), 0);
        pass(10000);
        EXPECT(HTTP_PATCH, TAGS(SNAPS "/a"),
               "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"t\":\"2\"}}}", 200, "");
        assert_string_equal(listed_tag("t"), "");
        pass(20000);
        assert_string_equal(listed_tag("t"), "1");
        pass(9999);
        assert_string_equal(listed_tag("t"), "1");
        EXPECT(HTTP_GET, SNAPS "/a" V, NULL, 200, "");
        assert_string_equal(text_at("tags.t"), "2");
        pass(1);
        assert_string_equal(listed_tag("t"), "2");

        pass(1);
        put("b");
        assert_int_equal(service_delete(service, now, SNAPS "/a"), 0);
        pass(29999);
        assert_string_equal(listed_tag("t"), "2");
        pass(1);
        assert_int_equal(listed(SNAPS V, NULL), 1);
        EXPECT(HTTP_GET, SNAPS V, NULL, 200, "");
        assert_non_null(strstr(reply->body, "\"name\":\"b\""));
        assert_non_null(strstr(reply->body, "\"Updating\""));

        /* Without the lag all is there at once, and another subscription's stays its own. */
        put("c");
        assert_int_equal(service_delete(service, now, SNAPS "/b"), 0);
        assert_int_equal(listed(SNAPS V, NULL), 1);
        rows = service_resources(service);
        assert_int_equal(service_set_listing_lag(service, now, SERVICE_SUBSCRIPTION, -1), 0);
        assert_int_equal(listed(SNAPS V, NULL), 1);
        assert_non_null(strstr(reply->body, "\"name\":\"c\""));
        assert_int_equal(service_resources(service), rows - 1); /* "b" does not even linger */
        service_options(service)->listing_lag_ns = 30 * NSEC_PER_SEC;
        pass(30000);
        assert_int_equal(service_set_listing_lag(service, now, SERVICE_SUBSCRIPTION, 0), 0);
        put("d");
        assert_int_equal(listed(SNAPS V, NULL), 2);
        assert_int_equal(service_set_listing_lag(service, now, "x", 0), SERVICE_E_MISSING);
}

/* Listings say of each row what a GET says, before and after whatever changes it. */
static void compare_listing(int line, const char *list, const char *id) {
        char url[512];
        char *listing;

        assert_int_equal(ask(HTTP_GET, list, NULL), 200);
        listing = strdup(reply->body);
        snprintf(url, sizeof(url), "%s" V, id);
        assert_int_equal(ask(HTTP_GET, url, NULL), 200);
        if (!strstr(listing, reply->body))
                fail_msg("line %d: %s", line, listing);
        free(listing);
}

#define COMPARE(id)                                                                                \
        do {                                                                                       \
                compare_listing(__LINE__, LIST_SNAPS, id);                                         \
                compare_listing(__LINE__, LIST_SNAPS, id);                                         \
        } while (0)

static void test_listing_is_as_gets(void **state) {
        put("s");
        EXPECT(HTTP_PUT, SNAPS "/u" V, OF(APP "disks/ultra"), 202, "");
        COMPARE(SNAPS "/s");
        pass(1000);
        COMPARE(SNAPS "/s");
        COMPARE(SNAPS "/u");
        pass(90000);
        COMPARE(SNAPS "/u");
        pass(270000);
        COMPARE(SNAPS "/u");
        EXPECT(HTTP_PATCH, TAGS(SNAPS "/s"),
               "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"a\":\"b\"}}}", 200, "");
        COMPARE(SNAPS "/s");
        assert_int_equal(service_set_tag(service, now, SNAPS "/s", "a", "c"), 0);
        COMPARE(SNAPS "/s");
        assert_int_equal(service_set_tag(service, now, SNAPS "/s", "a", NULL), 0);
        COMPARE(SNAPS "/s");
        assert_int_equal(service_retag(service, now, SNAPS "/s", NULL, 0), 0);
        COMPARE(SNAPS "/s");
        assert_int_equal(service_grant(service, now, SNAPS "/s", 10), 0);
        COMPARE(SNAPS "/s");
        pass(10000);
        COMPARE(SNAPS "/s");
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 202, "");
        COMPARE(SNAPS "/s");

        compare_listing(__LINE__, LIST_DISKS, DISK);
        assert_int_equal(service_resize_disk(service, now, DISK, 4096), 0);
        compare_listing(__LINE__, LIST_DISKS, DISK);
}

static void test_empty_pages(void **state) {
        unsigned pages;

        for (int i = 0; i < 7; i++) {
                char name[8];

                snprintf(name, sizeof(name), "s%d", i);
                put(name);
        }
        service_options(service)->page_size = 2;
        assert_int_equal(listed(SNAPS V, &pages), 7);
        assert_int_equal(pages, 4);
        service_options(service)->empty_pages = 100;
        assert_int_equal(listed(SNAPS V, &pages), 7);
        assert_int_equal(pages, 8);
        EXPECT(HTTP_GET, SNAPS V, NULL, 200, "");
        assert_int_equal(cJSON_GetArraySize(at("value")), 0);
        assert_non_null(at("nextLink"));
}

static void test_move(void **state) {
        const struct service_resource *disk = service_find(service, DISK);
        struct guid unique_id = disk->unique_id;
        struct utc created = disk->time_created;

        put("before");
        pass(60000);
        assert_int_equal(service_move_disk(service, now, DISK, NULL, "rg-snapshots", "moved"), 0);
        assert_null(service_find(service, DISK));
        EXPECT(HTTP_GET, DISK V, NULL, 404, "ResourceNotFound");
        disk = service_find(service, GROUP_SNAPS "/providers/Microsoft.Compute/disks/moved");
        assert_non_null(disk);
        assert_int_equal(guid_compare(&disk->unique_id, &unique_id), 0);
        assert_int_equal(disk->time_created.ticks, created.ticks);
        assert_string_equal(service_tag_get(disk, "backup"), "gold");
        assert_int_equal(listed(LIST_DISKS, NULL), 4);

        /* The chain goes on: seven in five minutes are of both ids together. */
        for (int i = 0; i < 7; i++) {
                char url[256];

                snprintf(url, sizeof(url), SNAPS "/m%d" V, i);
                expect(__LINE__, HTTP_PUT, url,
                       OF(SUB "/resourceGroups/rg-snapshots/providers/Microsoft.Compute/disks/"
                              "moved"),
                       i < 6 ? 202 : 409, i < 6 ? "" : "OperationNotAllowed");
        }
}

static void test_move_refused(void **state) {
        assert_int_equal(service_move_disk(service, now, DISK, NULL, NULL, "disk-0002"),
                         SERVICE_E_EXISTS);
        assert_int_equal(service_move_disk(service, now, DISK, NULL, "none", NULL),
                         SERVICE_E_MISSING);
        assert_int_equal(service_move_disk(service, now, DISK, NULL, NULL, "a/b"),
                         SERVICE_E_INVALID);
        assert_int_equal(service_move_disk(service, now, APP "disks/none", NULL, NULL, "x"),
                         SERVICE_E_MISSING);
        assert_int_equal(service_move_disk(service, now, DISK,
                                           "22222222-1111-4111-8111-111111111111", NULL, NULL),
                         SERVICE_E_MISSING);
        assert_int_equal(service_lock(service, now, DISK, true), 0);
        assert_int_equal(service_move_disk(service, now, DISK, NULL, NULL, "x"), SERVICE_E_LOCKED);
        assert_non_null(service_find(service, DISK));
}

static void test_groups(void **state) {
        put("s");
        assert_int_equal(service_lock(service, now, SNAPS "/s", true), 0);
        assert_int_equal(service_delete_group(service, now, SERVICE_SUBSCRIPTION, "rg-snapshots"),
                         SERVICE_E_LOCKED);
        assert_int_equal(service_lock(service, now, SNAPS "/s", false), 0);
        assert_int_equal(service_delete_group(service, now, SERVICE_SUBSCRIPTION, "RG-snapshots"),
                         0);
        assert_int_equal(service_delete_group(service, now, SERVICE_SUBSCRIPTION, "rg-snapshots"),
                         SERVICE_E_MISSING);
        assert_int_equal(service_counts(service).alive[SERVICE_SNAPSHOT], 0);
        EXPECT(HTTP_PUT, SNAPS "/t" V, OF(DISK), 404, "ResourceGroupNotFound");
        EXPECT(HTTP_GET, GROUP_SNAPS V, NULL, 404, "ResourceGroupNotFound");
        EXPECT(HTTP_GET, SNAPS V, NULL, 404, "ResourceGroupNotFound");
        assert_int_equal(listed(LIST_SNAPS, NULL), 0);
        assert_int_equal(listed(LIST_DISKS, NULL), 4);

        assert_int_equal(
                service_add_group(service, SERVICE_SUBSCRIPTION, "rg-snapshots", SERVICE_REGION),
                0);
        EXPECT(HTTP_GET, SNAPS "/s" V, NULL, 404, "ResourceNotFound");
        EXPECT(HTTP_PUT, SNAPS "/s" V, OF(DISK), 202, "");
        assert_int_equal(listed(SNAPS V, NULL), 1);
}

static void test_access(void **state) {
        static const char *const bad[] = {
                "{\"access\":\"Write\",\"durationInSeconds\":600}",
                "{\"access\":\"Read\",\"durationInSeconds\":0}",
                "{\"access\":\"Read\"}",
        };
        _cleanup_(freep) char *operation = NULL;

        put("s");
        EXPECT(HTTP_POST, SNAPS "/s/beginGetAccess" V, READ, 409, "OperationNotAllowed");
        pass(1000);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                EXPECT(HTTP_POST, SNAPS "/s/beginGetAccess" V, bad[i], 400, "InvalidParameter");
        EXPECT(HTTP_POST, SNAPS "/none/beginGetAccess" V, READ, 404, "ResourceNotFound");

        EXPECT(HTTP_POST, SNAPS "/s/beginGetAccess" V, READ, 202, "");
        operation = strdup(header("Azure-AsyncOperation"));
        assert_true(service_resource_has_access(service_find(service, SNAPS "/s"), now));
        pass(1000);
        EXPECT(HTTP_GET, operation, NULL, 200, "");
        assert_int_equal(strncmp(text_at("properties.output.accessSAS"), "https://md-", 11), 0);
        EXPECT(HTTP_GET, SNAPS "/s" V, NULL, 200, "");
        assert_string_equal(text_at("properties.diskState"), "ActiveSAS");
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 409, "OperationNotAllowed");

        EXPECT(HTTP_POST, SNAPS "/s/endGetAccess" V, NULL, 202, "");
        EXPECT(HTTP_GET, header("Azure-AsyncOperation"), NULL, 200, "");
        assert_null(at("properties"));
        EXPECT(HTTP_GET, SNAPS "/s" V, NULL, 200, "");
        assert_string_equal(text_at("properties.diskState"), "Unattached");

        /* It runs out by itself, too. */
        EXPECT(HTTP_POST, SNAPS "/s/beginGetAccess" V, READ, 202, "");
        pass(599999);
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 409, "OperationNotAllowed");
        pass(1);
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 202, "");
        EXPECT(HTTP_POST, SNAPS "/s/beginGetAccess" V, READ, 409, "Conflict");
}

static void test_access_by_hand(void **state) {
        char id[256];

        for (int i = 0; i <= SERVICE_ACCESS_MAX; i++) {
                snprintf(id, sizeof(id), "h%d", i);
                put(id);
        }
        pass(1000);
        for (int i = 0; i <= SERVICE_ACCESS_MAX; i++) {
                snprintf(id, sizeof(id), SNAPS "/h%d", i);
                assert_int_equal(service_grant(service, now, id, 600),
                                 i < SERVICE_ACCESS_MAX ? 0 : SERVICE_E_INVALID);
        }
        EXPECT(HTTP_POST, SNAPS "/h5/beginGetAccess" V, READ, 409, "OperationNotAllowed");
        EXPECT(HTTP_POST, SNAPS "/h4/beginGetAccess" V, READ, 202, ""); /* its own is no sixth */
        assert_int_equal(service_revoke(service, now, SNAPS "/h0"), 0);
        EXPECT(HTTP_POST, SNAPS "/h5/beginGetAccess" V, READ, 202, "");
        EXPECT(HTTP_DELETE, SNAPS "/h0" V, NULL, 202, "");
        assert_int_equal(service_grant(service, now, DISK, 600), SERVICE_E_INVALID);
        assert_int_equal(service_revoke(service, now, SNAPS "/none"), SERVICE_E_MISSING);
}

static void test_tag_rules(void **state) {
        static const struct {
                int line;
                const char *text;
                int status;
                const char *code;
        } rows[] = {
                {__LINE__, "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"azure-x\":\"\"}}}",
                 400, "InvalidTagNameOrValue"},
                {__LINE__, "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"a\":1}}}", 400,
                 "InvalidTagNameOrValue"},
                {__LINE__, "{\"operation\":\"Merge\",\"properties\":{}}", 400,
                 "InvalidRequestContent"},
                {__LINE__, "{\"operation\":\"Delete\",\"properties\":{\"tags\":{\"no\":\"\"}}}",
                 200, ""},
        };

        put("s");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                expect(rows[i].line, HTTP_PATCH, TAGS(SNAPS "/s"), rows[i].text, rows[i].status,
                       rows[i].code);
        for (int i = 0; i <= SERVICE_TAGS_MAX; i++) {
                char text[128];

                snprintf(text, sizeof(text),
                         "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"t%d\":\"\"}}}", i);
                expect(__LINE__, HTTP_PATCH, TAGS(SNAPS "/s"), text,
                       i < SERVICE_TAGS_MAX ? 200 : 400, i < SERVICE_TAGS_MAX ? "" : "TooManyTags");
        }
        EXPECT(HTTP_DELETE, SNAPS "/s" V, NULL, 202, "");
        EXPECT(HTTP_PATCH, TAGS(SNAPS "/s"),
               "{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"t0\":\"x\"}}}", 409,
               "Conflict");
}

static void test_quota(void **state) {
        struct service_disk_spec north = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "north",
                .region = "northeurope",
        };

        assert_int_equal(service_add_disk(service, now, &north, NULL), 0);
        put("a");
        put("b");
        assert_int_equal(service_set_quota(service, SERVICE_SUBSCRIPTION, 2), 0);
        EXPECT(HTTP_PUT, SNAPS "/c" V, OF(APP "disks/disk-0002"), 409, "QuotaExceeded");
        EXPECT(HTTP_PUT, SNAPS "/n" V,
               "{\"location\":\"northeurope\",\"properties\":{\"creationData\":{\"createOption\":"
               "\"Copy\",\"sourceResourceId\":\"" APP "disks/north\"},\"incremental\":true}}",
               202, "");
        EXPECT(HTTP_PUT, SNAPS "/a" V, OF(DISK), 202, ""); /* again, which takes no room */
        EXPECT(HTTP_DELETE, SNAPS "/a" V, NULL, 202, "");
        EXPECT(HTTP_PUT, SNAPS "/c" V, OF(DISK), 202, "");
        EXPECT(HTTP_PUT, SNAPS "/d" V, OF(DISK), 409, "QuotaExceeded");
        assert_int_equal(service_set_quota(service, SERVICE_SUBSCRIPTION, 0), 0);
        EXPECT(HTTP_PUT, SNAPS "/d" V, OF(DISK), 202, "");
        assert_int_equal(service_set_quota(service, "x", 0), SERVICE_E_MISSING);
}

static void test_keys(void **state) {
        static const char set[] = APP "diskEncryptionSets/des";
        struct service_disk_spec secret = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "secret",
                .encryption_set = set,
        };

        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 404, "ResourceNotFound");
        assert_int_equal(service_add_disk(service, now, &secret, NULL), 0);
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 200, "");
        EXPECT(HTTP_PUT, SNAPS "/s1" V, OF(APP "disks/secret"), 202, "");
        EXPECT(HTTP_GET, SNAPS "/s1" V, NULL, 200, "");
        assert_string_equal(text_at("properties.encryption.type"),
                            "EncryptionAtRestWithCustomerKey");
        assert_string_equal(text_at("properties.encryption.diskEncryptionSetId"), set);
        EXPECT(HTTP_GET, DISK V, NULL, 200, "");
        assert_string_equal(text_at("properties.encryption.type"),
                            "EncryptionAtRestWithPlatformKey");
        assert_null(at("properties.encryption.diskEncryptionSetId"));

        assert_int_equal(
                service_set_key(service, APP "DISKENCRYPTIONSETS/DES", SERVICE_KEY_DISABLED), 0);
        EXPECT(HTTP_PUT, SNAPS "/s2" V, OF(APP "disks/secret"), 400, "KeyVaultKeyNotEnabled");
        EXPECT(HTTP_PUT, SNAPS "/s2" V, OF(DISK), 202, "");
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 200, "");
        assert_string_equal(text_at("properties.autoKeyRotationError.code"),
                            "KeyVaultKeyNotEnabled");
        assert_int_equal(service_set_key(service, set, SERVICE_KEY_FORBIDDEN), 0);
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 200, "");
        assert_string_equal(text_at("properties.autoKeyRotationError.code"),
                            "KeyVaultAccessForbidden");
        EXPECT(HTTP_PUT, SNAPS "/s3" V, OF(APP "disks/secret"), 400, "KeyVaultAccessForbidden");
        assert_int_equal(service_set_key(service, set, SERVICE_KEY_UNREADABLE), 0);
        EXPECT(HTTP_PUT, SNAPS "/s3" V, OF(APP "disks/secret"), 403, "LinkedAuthorizationFailed");
        assert_non_null(strstr(text_at("error.message"),
                               "'Microsoft.Compute/diskEncryptionSets/read' on the linked scope "
                               "'" APP "diskEncryptionSets/des'"));
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 403, "AuthorizationFailed");
        assert_non_null(strstr(text_at("error.message"),
                               "'Microsoft.Compute/diskEncryptionSets/read' over scope '" APP
                               "diskEncryptionSets/des'"));
        assert_int_equal(service_set_key(service, set, SERVICE_KEY_GONE), 0);
        EXPECT(HTTP_PUT, SNAPS "/s3" V, OF(APP "disks/secret"), 404, "DiskEncryptionSetNotFound");
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 404, "ResourceNotFound");
        EXPECT(HTTP_GET, APP "diskEncryptionSets/other" V, NULL, 404, "ResourceNotFound");
        assert_int_equal(service_set_key(service, set, SERVICE_KEY_USABLE), 0);
        EXPECT(HTTP_GET, APP "diskEncryptionSets/des" V, NULL, 200, "");
        assert_string_equal(text_at("id"), set);
        assert_null(at("properties.autoKeyRotationError"));
        EXPECT(HTTP_PUT, SNAPS "/s3" V, OF(APP "disks/secret"), 202, "");
        /* It moves with its key and is made again with it. */
        assert_int_equal(service_move_disk(service, now, APP "disks/secret", NULL, NULL, "moved"),
                         0);
        EXPECT(HTTP_GET, APP "disks/moved" V, NULL, 200, "");
        assert_string_equal(text_at("properties.encryption.diskEncryptionSetId"), set);
        assert_int_equal(service_recreate_disk(service, now, APP "disks/moved", NULL), 0);
        EXPECT(HTTP_GET, APP "disks/moved" V, NULL, 200, "");
        assert_string_equal(text_at("properties.encryption.diskEncryptionSetId"), set);
}

/* A PUT of a disk with what clients may say of its key and its machines. */
static void test_kinds_of_disks(void **state) {
#define EMPTY(more)                                                                                \
        "{\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"         \
        "\"Empty\"},\"diskSizeGB\":8" more "}}"
#define SET "\"diskEncryptionSetId\":\"" APP "diskEncryptionSets/des\""
        static const struct {
                int line;
                const char *text;
                int status;
                const char *set;
                int shares; /* 0: none is told */
        } rows[] = {
                {__LINE__, EMPTY(""), 202, "", 0},
                {__LINE__, EMPTY(",\"encryption\":{\"type\":\"EncryptionAtRestWithPlatformKey\"}"),
                 202, "", 0},
                {__LINE__,
                 EMPTY(",\"encryption\":{\"type\":\"EncryptionAtRestWithCustomerKey\"," SET "}"),
                 202, APP "diskEncryptionSets/des", 0},
                {__LINE__, EMPTY(",\"encryption\":{\"type\":\"EncryptionAtRestWithCustomerKey\"}"),
                 400, "", 0},
                {__LINE__, EMPTY(",\"encryption\":{" SET "}"), 400, "", 0},
                {__LINE__, EMPTY(",\"maxShares\":1"), 202, "", 1},
                {__LINE__, EMPTY(",\"maxShares\":15"), 202, "", 15},
                {__LINE__, EMPTY(",\"maxShares\":0"), 400, "", 0},
                {__LINE__, EMPTY(",\"maxShares\":16"), 400, "", 0},
                {__LINE__, EMPTY(",\"maxShares\":\"2\""), 400, "", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char url[256];

                snprintf(url, sizeof(url), APP "disks/d%zu" V, i);
                expect(rows[i].line, HTTP_PUT, url, rows[i].text, rows[i].status,
                       rows[i].status == 202 ? "" : "InvalidParameter");
                if (rows[i].status != 202)
                        continue;
                expect(rows[i].line, HTTP_GET, url, NULL, 200, "");
                if (strcmp(text_at("properties.encryption.diskEncryptionSetId"), rows[i].set) != 0)
                        fail_msg("row at line %d", rows[i].line);
                if ((at("properties.maxShares") ? at("properties.maxShares")->valueint : 0) !=
                    rows[i].shares)
                        fail_msg("row at line %d", rows[i].line);
        }
}

static void test_uploads(void **state) {
        static const char id[] = APP "disks/new";
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "new",
                .uploading = true,
        };

        assert_int_equal(service_add_disk(service, now, &spec, NULL), 0);
        EXPECT(HTTP_GET, APP "disks/new" V, NULL, 200, "");
        assert_string_equal(text_at("properties.diskState"), "ReadyToUpload");
        assert_string_equal(text_at("properties.creationData.createOption"), "Upload");
        EXPECT(HTTP_PUT, SNAPS "/n1" V, OF(APP "disks/new"), 409, "OperationNotAllowed");
        assert_int_equal(service_end_upload(service, now, id), 0);
        EXPECT(HTTP_GET, APP "disks/new" V, NULL, 200, "");
        assert_string_equal(text_at("properties.diskState"), "Unattached");
        EXPECT(HTTP_PUT, SNAPS "/n1" V, OF(APP "disks/new"), 202, "");
        assert_int_equal(service_end_upload(service, now, id), SERVICE_E_MISSING);
        assert_int_equal(service_end_upload(service, now, APP "disks/none"), SERVICE_E_MISSING);
}

static void test_failing_copies(void **state) {
        static const char ultra[] = APP "disks/ultra";
        const struct service_resource *u0;

        EXPECT(HTTP_PUT, SNAPS "/u0" V, OF(APP "disks/ultra"), 202, "");
        EXPECT(HTTP_PUT, SNAPS "/u1" V, OF(APP "disks/ultra"), 202, "");
        EXPECT(HTTP_PUT, SNAPS "/u2" V, OF(APP "disks/ultra"), 202, "");
        u0 = service_find(service, SNAPS "/u0");
        pass(91000);
        assert_int_equal(service_fail_copy(service, now, SNAPS "/U0"), 0);
        pass(90000);
        assert_true(service_resource_copy_failed(u0, now));
        assert_false(service_resource_is_complete(u0, now));
        EXPECT(HTTP_GET, SNAPS "/u0" V, NULL, 200, "");
        assert_non_null(strstr(reply->body, "\"completionPercent\":25.0,"));
        assert_string_equal(text_at("properties.copyCompletionError.errorCode"),
                            "CopySourceNotFound");
        assert_string_equal(text_at("properties.provisioningState"), "Succeeded");
        /* It is pending no more. */
        EXPECT(HTTP_PUT, SNAPS "/u3" V, OF(APP "disks/ultra"), 202, "");
        EXPECT(HTTP_PUT, SNAPS "/u4" V, OF(APP "disks/ultra"), 409, "OperationNotAllowed");

        /* Growing the disk fails the others; shrinking, which Azure refuses, is no matter here. */
        assert_int_equal(service_resize_disk(service, now, ultra, 64), 0);
        assert_false(service_resource_copy_failed(service_find(service, SNAPS "/u1"), now));
        assert_int_equal(service_resize_disk(service, now, ultra, 128), 0);
        assert_true(service_resource_copy_failed(service_find(service, SNAPS "/u1"), now));
        assert_true(service_resource_copy_failed(service_find(service, SNAPS "/u3"), now));
        EXPECT(HTTP_GET, APP "disks/ultra" V, NULL, 200, "");
        assert_int_equal(at("properties.diskSizeGB")->valueint, 128);
        assert_int_equal(service_fail_copy(service, now, SNAPS "/u1"), SERVICE_E_MISSING);
        pass(SEC_PER_HOUR * 500);
        assert_int_equal(service_resource_permille(u0, now), 250);
}

/* One to another region: Succeeded from the beginning, with its data to come, and of the snapshot. */
static void test_copies_of_snapshots(void **state) {
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = "copy",
                .region = "northeurope",
                .source_id = SNAPS "/s0",
                .create_option = "CopyStart",
                .copy_ns = 100 * NSEC_PER_SEC,
        };
        const struct service_resource *copy, *done;

        put("s0");
        spec.source_unique_id = service_find(service, SNAPS "/s0")->unique_id;
        assert_int_equal(service_add_snapshot(service, now, &spec, &copy), 0);
        spec.name = "done";
        spec.copy_ns = NSEC_PER_SEC;
        assert_int_equal(service_add_snapshot(service, now, &spec, &done), 0);
        pass(50000);
        assert_int_equal(service_resource_permille(copy, now), 500);
        EXPECT(HTTP_GET, SNAPS "/copy" V, NULL, 200, "");
        assert_string_equal(text_at("properties.provisioningState"), "Succeeded");
        assert_string_equal(text_at("properties.creationData.createOption"), "CopyStart");
        assert_string_equal(text_at("location"), "northeurope");

        /* Without its source it stands still; one that has all its data needs none. */
        assert_int_equal(service_delete(service, now, SNAPS "/s0"), 0);
        pass(100000);
        assert_true(service_resource_copy_failed(copy, now));
        assert_int_equal(service_resource_permille(copy, now), 500);
        assert_true(service_resource_is_complete(done, now));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                CASE(test_locks),
                CASE(test_rights),
                CASE(test_copies_of_snapshots),
                CASE(test_permissions),
                CASE(test_rights_of_operations),
                CASE(test_away),
                CASE(test_lag),
                CASE(test_empty_pages),
                CASE(test_listing_is_as_gets),
                CASE(test_move),
                CASE(test_move_refused),
                CASE(test_groups),
                CASE(test_access),
                CASE(test_access_by_hand),
                CASE(test_tag_rules),
                CASE(test_quota),
                CASE(test_keys),
                CASE(test_kinds_of_disks),
                CASE(test_uploads),
                CASE(test_failing_copies),
        };

        return cmocka_run_group_tests_name("sim-rules", tests, NULL, NULL);
}
