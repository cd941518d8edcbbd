#include "azure/requests.h"

#include "azure/encryption_set.h"
#include "azure/request.h"
#include "azure/url.h"
#include "base/json_writer.h"
#include "base/strbuf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PROVIDER_PATH "/providers/Microsoft.Compute/"
#define QUERY_VERSION "?api-version=" ARM_COMPUTE_VERSION

static struct http_request *list_request(const struct policy_cloud *cloud, const char *subscription,
                                         const char *type) {
        struct strbuf url = {};

        strbuf_append_str(&url, cloud->arm);
        strbuf_append_str(&url, "/subscriptions/");
        url_append_encoded(&url, subscription, /* path= */ false);
        strbuf_appendf(&url, PROVIDER_PATH "%s" QUERY_VERSION, type);
        return request_new(HTTP_GET, &url, REQUEST_LISTING);
}

struct http_request *arm_list_disks(const struct policy_cloud *cloud, const char *subscription) {
        return list_request(cloud, subscription, "disks");
}

struct http_request *arm_list_snapshots(const struct policy_cloud *cloud,
                                        const char *subscription) {
        return list_request(cloud, subscription, "snapshots");
}

static struct http_request *follow_request(const char *text, enum request_size size) {
        struct strbuf url = {};

        strbuf_append_str(&url, text);
        return request_new(HTTP_GET, &url, size);
}

struct http_request *arm_follow(const char *url) {
        return follow_request(url, REQUEST_LISTING);
}

struct http_request *arm_poll(const char *url) {
        return follow_request(url, REQUEST_SINGLE);
}

/* @tail is what follows the resource's own path, query included. */
static struct http_request *resource_request(enum http_method method,
                                             const struct policy_cloud *cloud,
                                             const struct resource_id *id, const char *tail) {
        char text[RESOURCE_ID_TEXT_SIZE];
        struct strbuf url = {};

        strbuf_append_str(&url, cloud->arm);
        url_append_encoded(&url, resource_id_format(id, text), /* path= */ true);
        strbuf_append_str(&url, tail);
        return request_new(method, &url, REQUEST_SINGLE);
}

struct http_request *arm_get(const struct policy_cloud *cloud, const struct resource_id *id) {
        return resource_request(HTTP_GET, cloud, id, QUERY_VERSION);
}

struct http_request *arm_delete(const struct policy_cloud *cloud, const struct resource_id *id) {
        return resource_request(HTTP_DELETE, cloud, id, QUERY_VERSION);
}

/* A thing in the group: @tail leads from the group to its name. */
static struct http_request *group_request(const struct policy_cloud *cloud,
                                          const char *subscription, const char *group,
                                          const char *tail, const char *name, const char *query) {
        struct strbuf url = {};

        strbuf_append_str(&url, cloud->arm);
        strbuf_append_str(&url, "/subscriptions/");
        url_append_encoded(&url, subscription, /* path= */ false);
        strbuf_append_str(&url, "/resourceGroups/");
        url_append_encoded(&url, group, /* path= */ true);
        strbuf_append_str(&url, tail);
        url_append_encoded(&url, name, /* path= */ false);
        strbuf_append_str(&url, query);
        return request_new(HTTP_GET, &url, REQUEST_SINGLE);
}

struct http_request *arm_get_permissions(const struct policy_cloud *cloud, const char *subscription,
                                         const char *group) {
        return group_request(cloud, subscription, group, "/providers/Microsoft.Authorization/",
                             "permissions", "?api-version=" ARM_PERMISSIONS_VERSION);
}

struct http_request *arm_get_encryption_set(const struct policy_cloud *cloud,
                                            const struct encryption_set_id *id) {
        return group_request(cloud, id->subscription, id->group,
                             PROVIDER_PATH "diskEncryptionSets/", id->name, QUERY_VERSION);
}

/* Takes @body over into the request, with its type. Returns 0 or a negative errno. */
static int request_set_body(struct http_request *request, struct strbuf *body, const char *type) {
        size_t len = body->len;
        int r;

        r = strbuf_take(body, &request->body);
        if (r < 0)
                return r;
        request->body_len = len;
        return http_headers_add_str(&request->headers, "Content-Type", type);
}

/* @tags is name NUL value NUL and so on. */
static void write_tags(struct json_writer *w, const char *tags, size_t tags_len) {
        const char *end;

        if (tags_len == 0)
                return;

        end = tags + tags_len;
        assert(end[-1] == '\0');
        json_open(w, "tags", '{');
        for (const char *name = tags; name < end;) {
                const char *value = name + strlen(name) + 1;

                assert(value < end);
                json_write_string(w, name, value);
                name = value + strlen(value) + 1;
        }
        json_close(w);
}

static const char *tags_operation_name(enum tags_operation operation) {
        switch (operation) {
        case TAGS_MERGE:
                return "Merge";
        case TAGS_DELETE:
                return "Delete";
        }
        assert(!"an operation beyond the enum");
        return NULL;
}

struct http_request *arm_patch_tags(const struct policy_cloud *cloud, const struct resource_id *id,
                                    enum tags_operation operation, const char *tags,
                                    size_t tags_len) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        struct strbuf body = {};
        struct json_writer w = {.out = &body};
        int r;

        assert(tags_len > 0);

        request = resource_request(HTTP_PATCH, cloud, id,
                                   "/providers/Microsoft.Resources/tags/default"
                                   "?api-version=" ARM_TAGS_VERSION);
        if (!request)
                return NULL;

        json_open(&w, NULL, '{');
        json_write_string(&w, "operation", tags_operation_name(operation));
        json_open(&w, "properties", '{');
        write_tags(&w, tags, tags_len);
        json_close(&w);
        json_close(&w);
        r = request_set_body(request, &body, "application/json");
        if (r < 0)
                return NULL;
        return take_ptr(request);
}

static void write_sku(struct json_writer *w, const char *name) {
        json_open(w, "sku", '{');
        json_write_string(w, "name", name);
        json_close(w);
}

/* FACTS section 1, "Smallest incremental body". No sku lets the service choose; what Azure does by
 * default is left out. */
static void write_snapshot(struct json_writer *w, const struct snapshot_spec *spec) {
        char source[RESOURCE_ID_TEXT_SIZE];

        json_open(w, NULL, '{');
        json_write_string(w, "location", spec->location);
        switch (spec->redundancy) {
        case REDUNDANCY_AUTO:
                break;
        case REDUNDANCY_ZRS:
                write_sku(w, "Standard_ZRS");
                break;
        case REDUNDANCY_LRS:
                write_sku(w, "Standard_LRS");
                break;
        }
        write_tags(w, spec->tags, spec->tags_len);

        json_open(w, "properties", '{');
        json_open(w, "creationData", '{');
        json_write_string(w, "createOption", "Copy");
        json_write_string(w, "sourceResourceId", resource_id_format(&spec->disk, source));
        json_close(w);
        json_write_bool(w, "incremental", true);
        switch (spec->network_access) {
        case NETWORK_DENY:
                json_write_string(w, "networkAccessPolicy", "DenyAll");
                json_write_string(w, "publicNetworkAccess", "Disabled");
                break;
        case NETWORK_ALLOW:
                break;
        case NETWORK_PRIVATE:
                json_write_string(w, "networkAccessPolicy", "AllowPrivate");
                json_write_string(w, "diskAccessId", spec->disk_access);
                json_write_string(w, "publicNetworkAccess", "Disabled");
                break;
        }
        json_close(w);
        json_close(w);
}

struct http_request *arm_put_snapshot(const struct policy_cloud *cloud,
                                      const struct snapshot_spec *spec) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        struct strbuf body = {};
        struct json_writer w = {.out = &body};
        int r;

        request = resource_request(HTTP_PUT, cloud, &spec->id, QUERY_VERSION);
        if (!request)
                return NULL;

        write_snapshot(&w, spec);
        r = request_set_body(request, &body, "application/json");
        if (r < 0)
                return NULL;
        return take_ptr(request);
}

bool endpoint_owns(const struct policy_cloud *cloud, const char *url) {
        struct url_origin arm, other;

        return url_origin_parse(cloud->arm, &arm) && url_origin_parse(url, &other) &&
               url_origin_equal(&arm, &other);
}
