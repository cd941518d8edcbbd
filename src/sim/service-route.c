/*
 * URLs: what a request asks for.
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

/* The longest route has 13 segments. */
#define SEGMENTS_MAX 16

static int hex_digit(char c) {
        if (ascii_is_digit(c))
                return c - '0';
        c = ascii_lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place. Returns 0 or -EINVAL. */
static int percent_decode(char *text, bool form) {
        char *out = text;

        for (const char *p = text; *p; p++) {
                if (*p == '%') {
                        int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);

                        if (low < 0 || (high == 0 && low == 0))
                                return -EINVAL;
                        *out++ = (char)(high * 16 + low);
                        p += 2;
                } else
                        *out++ = form && *p == '+' ? ' ' : *p;
        }
        *out = '\0';
        return 0;
}

int query_get(const char *query, const char *name, bool form, char **ret_value) {
        while (*query) {
                size_t len = strcspn(query, "&");
                _cleanup_(freep) char *pair = strndup(query, len);
                char *value;

                if (!pair)
                        return -ENOMEM;

                value = strchr(pair, '=');
                if (value)
                        *value++ = '\0';
                if (percent_decode(pair, form) == 0 && strcmp(pair, name) == 0) {
                        char *copy = strdup(value ?: "");

                        if (!copy)
                                return -ENOMEM;
                        if (percent_decode(copy, form) < 0) {
                                free(copy);
                                copy = NULL;
                        }
                        *ret_value = copy;
                        return 0;
                }
                query += len;
                if (*query == '&')
                        query++;
        }
        *ret_value = NULL;
        return 0;
}

/* Segments against a pattern of words; "*" takes any. */
static bool matches(char *const *segments, size_t n, const char *const *pattern, size_t n_pattern) {
        if (n != n_pattern)
                return false;
        for (size_t i = 0; i < n; i++)
                if (strcmp(pattern[i], "*") != 0 && !str_equal_nocase(pattern[i], segments[i]))
                        return false;
        return true;
}

#define MATCHES(segments, n, ...)                                                                  \
        ({                                                                                         \
                static const char *const _pattern[] = {__VA_ARGS__};                               \
                matches(segments, n, _pattern, ARRAY_SIZE(_pattern));                              \
        })

static enum service_request_kind kind_of_one(enum http_method method, enum service_kind kind) {
        bool disk = kind == SERVICE_DISK;

        switch (method) {
        case HTTP_GET:
                return disk ? SERVICE_REQUEST_GET_DISK : SERVICE_REQUEST_GET_SNAPSHOT;
        case HTTP_PUT:
                return disk ? SERVICE_REQUEST_PUT_DISK : SERVICE_REQUEST_PUT_SNAPSHOT;
        case HTTP_DELETE:
                return disk ? SERVICE_REQUEST_DELETE_DISK : SERVICE_REQUEST_DELETE_SNAPSHOT;
        case HTTP_PATCH:
                return disk ? SERVICE_REQUEST_PATCH_DISK : SERVICE_REQUEST_PATCH_SNAPSHOT;
        case HTTP_POST:
                break;
        }
        return SERVICE_REQUEST_OTHER;
}

static bool route_resource_kind(struct route *route, const char *type) {
        if (str_equal_nocase(type, "disks"))
                route->resource_kind = SERVICE_DISK;
        else if (str_equal_nocase(type, "snapshots"))
                route->resource_kind = SERVICE_SNAPSHOT;
        else
                return false;
        return true;
}

/* /subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/... */
static void route_group(struct route *route, enum http_method method, char **segments, size_t n) {
        bool get = method == HTTP_GET;

        route->group = segments[3];
        if (n == 4) {
                route->kind = get ? SERVICE_REQUEST_GET_GROUP : SERVICE_REQUEST_OTHER;
                return;
        }
        if (get &&
            MATCHES(segments + 4, n - 4, "providers", "Microsoft.Authorization", "permissions")) {
                route->kind = SERVICE_REQUEST_GET_PERMISSIONS;
                return;
        }
        if (n < 7 || !MATCHES(segments + 4, 2, "providers", "Microsoft.Compute"))
                return;
        if (get && n == 8 && str_equal_nocase(segments[6], "diskEncryptionSets")) {
                route->kind = SERVICE_REQUEST_GET_ENCRYPTION_SET;
                route->name = segments[7];
                return;
        }
        if (get && n <= 8 && str_equal_nocase(segments[6], "virtualMachines")) {
                route->kind = n == 7 ? SERVICE_REQUEST_LIST_VMS : SERVICE_REQUEST_GET_VM;
                route->name = n == 8 ? segments[7] : NULL;
                return;
        }
        if (!route_resource_kind(route, segments[6]))
                return;
        if (n == 7 && get) {
                route->kind = route->resource_kind == SERVICE_DISK ? SERVICE_REQUEST_LIST_DISKS
                                                                   : SERVICE_REQUEST_LIST_SNAPSHOTS;
                return;
        }
        if (n < 8)
                return;
        route->name = segments[7];
        if (n == 8)
                route->kind = kind_of_one(method, route->resource_kind);
        else if (n == 9 && method == HTTP_POST) {
                if (str_equal_nocase(segments[8], "beginGetAccess"))
                        route->kind = SERVICE_REQUEST_BEGIN_ACCESS;
                if (str_equal_nocase(segments[8], "endGetAccess"))
                        route->kind = SERVICE_REQUEST_END_ACCESS;
        } else if (MATCHES(segments + 8, n - 8, "providers", "Microsoft.Resources", "tags",
                           "default")) {
                if (get)
                        route->kind = SERVICE_REQUEST_GET_TAGS;
                if (method == HTTP_PATCH)
                        route->kind = SERVICE_REQUEST_PATCH_TAGS;
        }
}

/* It is written into replies as it is. */
static bool tenant_is_plain(const char *tenant) {
        for (const char *p = tenant; *p; p++)
                if (!ascii_is_alnum(*p) && *p != '-' && *p != '.')
                        return false;
        return true;
}

/* What is asked before a subscription is known. Returns whether it was that. */
static bool route_discovery(struct route *route, char **segments, size_t n) {
        if (MATCHES(segments, n, "metadata", "endpoints"))
                route->kind = SERVICE_REQUEST_DISCOVER;
        else if ((MATCHES(segments, n, "*", ".well-known", "openid-configuration") ||
                  MATCHES(segments, n, "*", "v2.0", ".well-known", "openid-configuration")) &&
                 tenant_is_plain(segments[0])) {
                route->kind = SERVICE_REQUEST_DISCOVER;
                route->tenant = segments[0];
        } else if (MATCHES(segments, n, "subscriptions"))
                route->kind = SERVICE_REQUEST_LIST_SUBSCRIPTIONS;
        else if (MATCHES(segments, n, "tenants"))
                route->kind = SERVICE_REQUEST_LIST_TENANTS;
        else
                return false;
        return true;
}

static void route_match(struct route *route, enum http_method method, char **segments, size_t n) {
        bool get = method == HTTP_GET;

        if (get && MATCHES(segments, n, "metadata", "identity", "oauth2", "token")) {
                route->kind = SERVICE_REQUEST_TOKEN;
                return;
        }
        /* Of the extension that came before the identity service; azure-cli still speaks to it. */
        if (method == HTTP_POST && MATCHES(segments, n, "oauth2", "token")) {
                route->kind = SERVICE_REQUEST_TOKEN;
                return;
        }
        if (method == HTTP_POST && MATCHES(segments, n, "*", "oauth2", "v2.0", "token")) {
                route->kind = SERVICE_REQUEST_TOKEN;
                route->tenant = segments[0];
                return;
        }
        if (get && route_discovery(route, segments, n))
                return;
        if (n < 2 || !str_equal_nocase(segments[0], "subscriptions"))
                return;

        route->subscription = segments[1];
        if (n >= 4 && str_equal_nocase(segments[2], "resourceGroups"))
                route_group(route, method, segments, n);
        else if (n == 2 && get)
                route->kind = SERVICE_REQUEST_GET_SUBSCRIPTION;
        else if (get &&
                 MATCHES(segments + 2, n - 2, "providers", "Microsoft.Compute", "virtualMachines"))
                route->kind = SERVICE_REQUEST_LIST_VMS;
        else if (get && n == 5 &&
                 MATCHES(segments + 2, n - 2, "providers", "Microsoft.Compute", "*") &&
                 route_resource_kind(route, segments[4]))
                route->kind = route->resource_kind == SERVICE_DISK ? SERVICE_REQUEST_LIST_DISKS
                                                                   : SERVICE_REQUEST_LIST_SNAPSHOTS;
        else if (get && MATCHES(segments + 2, n - 2, "providers", "Microsoft.Compute", "locations",
                                "*", "DiskOperations", "*")) {
                route->kind = SERVICE_REQUEST_GET_OPERATION;
                route->region = segments[5];
                route->operation = segments[7];
        }
}

/* Cuts "scheme://host/path?query" into its parts, in place. */
static int route_split(struct route *route, char **ret_path) {
        char *host, *path, *query;

        host = strstr(route->buffer, "://");
        if (!host)
                return -EINVAL;
        path = strchr(host + 3, '/');
        if (!path || path == host + 3)
                return -EINVAL;

        for (const char *p = route->buffer; p < path; p++)
                if (!ascii_is_alnum(*p) && !strchr("-._:/[]", *p))
                        return -EINVAL;

        route->origin = strndup(route->buffer, (size_t)(path - route->buffer));
        if (!route->origin)
                return -ENOMEM;
        query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        route->query = query ?: "";
        *ret_path = path + 1;
        return 0;
}

int route_init(struct route *route, enum http_method method, const char *url) {
        char *segments[SEGMENTS_MAX], *path, *next;
        size_t n = 0;
        int r;

        *route = (struct route){.kind = SERVICE_REQUEST_OTHER, .query = ""};
        if (strlen(url) > SERVICE_URL_MAX)
                return -EINVAL;

        route->buffer = strdup(url);
        if (!route->buffer)
                return -ENOMEM;
        r = route_split(route, &path);
        if (r < 0)
                return r;

        for (; path; path = next) {
                next = strchr(path, '/');
                if (next)
                        *next++ = '\0';
                /* One slash at the end is forgiven. */
                if (!next && *path == '\0')
                        break;
                if (n == SEGMENTS_MAX || percent_decode(path, false) < 0)
                        return -EINVAL;
                segments[n++] = path;
        }
        route_match(route, method, segments, n);
        return 0;
}

void route_deinit(struct route *route) {
        free(route->buffer);
        free(route->origin);
        *route = (struct route){};
}

const char *service_request_kind_name(enum service_request_kind kind) {
        static const char *const names[_SERVICE_REQUEST_KIND_N] = {
                [SERVICE_REQUEST_TOKEN] = "token",
                [SERVICE_REQUEST_DISCOVER] = "discover",
                [SERVICE_REQUEST_LIST_SUBSCRIPTIONS] = "list_subscriptions",
                [SERVICE_REQUEST_LIST_TENANTS] = "list_tenants",
                [SERVICE_REQUEST_LIST_DISKS] = "list_disks",
                [SERVICE_REQUEST_GET_DISK] = "get_disk",
                [SERVICE_REQUEST_PUT_DISK] = "put_disk",
                [SERVICE_REQUEST_PATCH_DISK] = "patch_disk",
                [SERVICE_REQUEST_DELETE_DISK] = "delete_disk",
                [SERVICE_REQUEST_LIST_SNAPSHOTS] = "list_snapshots",
                [SERVICE_REQUEST_GET_SNAPSHOT] = "get_snapshot",
                [SERVICE_REQUEST_PUT_SNAPSHOT] = "put_snapshot",
                [SERVICE_REQUEST_PATCH_SNAPSHOT] = "patch_snapshot",
                [SERVICE_REQUEST_DELETE_SNAPSHOT] = "delete_snapshot",
                [SERVICE_REQUEST_GET_OPERATION] = "get_operation",
                [SERVICE_REQUEST_GET_TAGS] = "get_tags",
                [SERVICE_REQUEST_PATCH_TAGS] = "patch_tags",
                [SERVICE_REQUEST_LIST_VMS] = "list_vms",
                [SERVICE_REQUEST_GET_VM] = "get_vm",
                [SERVICE_REQUEST_GET_GROUP] = "get_group",
                [SERVICE_REQUEST_GET_SUBSCRIPTION] = "get_subscription",
                [SERVICE_REQUEST_BEGIN_ACCESS] = "begin_access",
                [SERVICE_REQUEST_END_ACCESS] = "end_access",
                [SERVICE_REQUEST_GET_PERMISSIONS] = "get_permissions",
                [SERVICE_REQUEST_GET_ENCRYPTION_SET] = "get_encryption_set",
                [SERVICE_REQUEST_OTHER] = "other",
        };

        return kind < _SERVICE_REQUEST_KIND_N ? names[kind] : "?";
}

enum service_request_kind service_request_kind_of(enum http_method method, const char *url) {
        _cleanup_(route_deinit) struct route route = {};

        return route_init(&route, method, url) < 0 ? SERVICE_REQUEST_OTHER : route.kind;
}
