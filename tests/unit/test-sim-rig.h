/*
 * What the tests of the service model share: a service of three disks and one Ultra disk, a client
 * with a good token, and ways to look into its last reply. Included by one test program each.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "sim/service.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "https://arm.sim:443"
#define SUB "/subscriptions/" SERVICE_SUBSCRIPTION
#define APP SUB "/resourceGroups/rg-app/providers/Microsoft.Compute/"
#define SNAPS SUB "/resourceGroups/rg-snapshots/providers/Microsoft.Compute/snapshots"
#define DISK APP "disks/disk-0001"
#define V "?api-version=2024-03-02"
#define OF(disk)                                                                                   \
        "{\"location\":\"westeurope\",\"properties\":{\"creationData\":{\"createOption\":"         \
        "\"Copy\",\"sourceResourceId\":\"" disk "\"},\"incremental\":true}}"

static struct service *service;
static struct utc now;
static char token[2048];
static struct http_reply *reply; /* of the last request */
static cJSON *body;
static bool fail_operation;

static void pass(int64_t ms) {
        now.ticks += ms * (TICKS_PER_SEC / 1000);
}

/* Sends a request; @authorization NULL stands for the good token. Returns the status. */
static int ask_as(enum http_method method, const char *url, const char *text,
                  const char *authorization) {
        _cleanup_(strbuf_deinit) struct strbuf whole = {};
        struct http_headers headers = {};
        struct service_call call = {
                .method = method,
                .headers = &headers,
                .body = text,
                .body_len = text ? strlen(text) : 0,
                .client = 7,
                .fail_operation = fail_operation,
        };

        if (url[0] == '/')
                strbuf_append_str(&whole, ORIGIN);
        strbuf_append_str(&whole, url);
        call.url = strbuf_str(&whole);
        if (!authorization || authorization[0] != '\0')
                assert_int_equal(
                        http_headers_add_str(&headers, "Authorization", authorization ?: token), 0);
        assert_int_equal(http_headers_add_str(&headers, "Metadata", "true"), 0);
        reply = http_reply_free(reply);
        cJSON_Delete(body);
        body = NULL;
        assert_int_equal(service_handle(service, now, &call, &reply), 0);
        http_headers_deinit(&headers);
        if (reply->body_len > 0) {
                body = cJSON_ParseWithLength(reply->body, reply->body_len);
                assert_non_null(body);
        }
        return reply->status;
}

static int ask(enum http_method method, const char *url, const char *text) {
        return ask_as(method, url, text, NULL);
}

static const char *header(const char *name) {
        return http_headers_get(&reply->headers, name);
}

/* "properties.output.name" of the last body, "value.0.name" of a listing's first, or NULL. */
static const cJSON *at(const char *path) {
        const cJSON *item = body;

        while (item && *path) {
                size_t len = strcspn(path, ".");
                char name[64];

                assert_true(len < sizeof(name));
                memcpy(name, path, len);
                name[len] = '\0';
                item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, atoi(name))
                                           : cJSON_GetObjectItemCaseSensitive(item, name);
                path += len + (path[len] == '.');
        }
        return item;
}

static const char *text_at(const char *path) {
        return cJSON_GetStringValue(at(path)) ?: "";
}

static void begin(struct service_options options) {
        struct service_disk_spec ultra = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-app",
                .name = "ultra",
                .sku = "UltraSSD_LRS",
        };

        now = utc_from_seconds(1795392000);
        assert_int_equal(service_new(&options, &service), 0);
        assert_int_equal(service_populate(service, now, 3), 0);
        assert_int_equal(service_add_disk(service, now, &ultra, NULL), 0);
        assert_int_equal(ask_as(HTTP_GET,
                                "/metadata/identity/oauth2/token?api-version=2018-02-01"
                                "&resource=https%3A%2F%2Fmanagement.azure.com%2F",
                                NULL, ""),
                         200);
        assert_true(cJSON_IsString(at("expires_in"))); /* numbers are strings here */
        assert_string_equal(text_at("expires_on"), "1795395600");
        assert_string_equal(text_at("resource"), "https://management.azure.com/");
        snprintf(token, sizeof(token), "Bearer %s", text_at("access_token"));
}

static int setup(void **state) {
        begin(service_options_default());
        return 0;
}

static int teardown(void **state) {
        fail_operation = false;
        service = service_free(service);
        reply = http_reply_free(reply);
        cJSON_Delete(body);
        body = NULL;
        return 0;
}
