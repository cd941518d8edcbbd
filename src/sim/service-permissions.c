/*
 * What a caller may do in a group, as Microsoft.Authorization tells it: an element for each role that
 * reaches the group ("Permissions - List For Resource Group", Azure REST reference, read 2026-11). It
 * says the same as service_may() does by answering.
 */
#include "sim/service-private.h"

#include <errno.h>
#include <string.h>

#define READS                                                                                      \
        "{\"actions\":[\"*/read\"],\"notActions\":[],\"dataActions\":[],\"notDataActions\":[]}"
#define ELEMENTS_MAX 2

/* The roles of an identity that may anything, may all but delete, or deletes snapshots. A creator is made
 * of two, one of which leaves out what the other never had. */
static size_t elements_of(enum service_role role, enum service_rights rights,
                          const char *ret_elements[static ELEMENTS_MAX]) {
        bool reads = rights == SERVICE_RIGHTS_READ;

        switch (role) {
        case SERVICE_ROLE_ALL:
                ret_elements[0] = reads ? READS
                                        : "{\"actions\":[\"*\"],\"notActions\":[],\"dataActions\":"
                                          "[],\"notDataActions\":[]}";
                return 1;
        case SERVICE_ROLE_CREATOR:
                ret_elements[reads ? 1 : 0] = "{\"actions\":[\"*\"],\"notActions\":[\"*/delete\"],"
                                              "\"dataActions\":[],\"notDataActions\":[]}";
                ret_elements[reads ? 0 : 1] = READS;
                return reads ? 1 : 2;
        case SERVICE_ROLE_PRUNER:
                ret_elements[0] = reads ? "{\"actions\":[\"Microsoft.Compute/snapshots/read\","
                                          "\"Microsoft.Authorization/permissions/read\"],"
                                          "\"notActions\":[]}"
                                        : "{\"actions\":[\"Microsoft.Compute/snapshots/delete\","
                                          "\"Microsoft.Compute/snapshots/read\","
                                          "\"Microsoft.Authorization/permissions/read\"],"
                                          "\"notActions\":[]}";
                return 1;
        case SERVICE_ROLE_NONE:
                break;
        }
        return 0;
}

int service_permissions(const struct service *service, const struct route *route,
                        const struct group *group, struct answer *answer) {
        const char *elements[ELEMENTS_MAX];
        size_t n = elements_of(answer->role, service_rights_in(answer->subscription, group),
                               elements),
               page = MAX(service->options.page_size, (size_t)1), first = 0;
        _cleanup_(freep) char *version = NULL, *token = NULL;
        int r;

        r = query_get(route->query, "api-version", false, &version);
        r = r ?: query_get(route->query, "$skiptoken", false, &token);
        if (r < 0)
                return r;
        if (token && (strlen(token) != 1 || token[0] < '1' || token[0] >= (char)('0' + n)))
                return answer_error(answer, 400, "gateway", "InvalidSkipToken",
                                    "The skip token is invalid.");
        if (token)
                first = (size_t)(token[0] - '0');

        answer->status = 200;
        strbuf_append_str(&answer->body, "{\"value\":[");
        for (size_t i = first; i < n && i < first + page; i++) {
                if (i > first)
                        strbuf_append_char(&answer->body, ',');
                strbuf_append_str(&answer->body, elements[i]);
        }
        strbuf_append_str(&answer->body, "],\"nextLink\":");
        if (first + page < n)
                strbuf_appendf(&answer->body,
                               "\"%s/subscriptions/%s/resourcegroups/%s/providers/"
                               "Microsoft.Authorization/permissions?api-version=%s&%%24skiptoken="
                               "%zu\"}",
                               route->origin, answer->subscription->id, route->group, version,
                               first + page);
        else
                strbuf_append_str(&answer->body, "null}");
        return 0;
}
