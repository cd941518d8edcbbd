#include "azure/authority.h"

#include "azure/json.h"
#include "azure/replies.h"
#include "azure/url.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: of an audience, which is a URL with perhaps a GUID behind it. */
#define AUDIENCE_MAX 512

/* FACTS section 8, "Clouds"; the last is 21Vianet's by its other name. */
static const char *const known_logins[] = {
        "https://login.microsoftonline.com",
        "https://login.microsoftonline.us",
        "https://login.chinacloudapi.cn",
        "https://login.partner.microsoftonline.cn",
};

void authority_deinit(struct authority *authority) {
        free(authority->login);
        free(authority->resource);
        free(authority->scope);
        *authority = (struct authority){};
}

/* @audience may have a slash at its end. Entra takes ARM's own URL with one slash before ".default",
 * and any other audience as it is, behind which the slash of "/.default" comes once more. */
static int authority_set(const struct policy_cloud *cloud, const char *login, size_t login_len,
                         const char *audience, struct authority *ret_authority) {
        struct authority authority = {};
        size_t arm_len = strlen(cloud->arm);
        bool own = str_starts_with_nocase(audience, cloud->arm) &&
                   (audience[arm_len] == '\0' || strcmp(audience + arm_len, "/") == 0);

        authority.login = strndup(login, login_len);
        if (asprintf(&authority.resource, "%s%s", own ? cloud->arm : audience, own ? "/" : "") < 0)
                authority.resource = NULL;
        if (asprintf(&authority.scope, "%s/.default", own ? cloud->arm : audience) < 0)
                authority.scope = NULL;
        if (!authority.login || !authority.resource || !authority.scope) {
                authority_deinit(&authority);
                return -ENOMEM;
        }
        *ret_authority = authority;
        return 0;
}

int authority_of_cloud(const struct policy_cloud *cloud, struct authority *ret_authority) {
        return authority_set(cloud, cloud->login, strlen(cloud->login), cloud->arm, ret_authority);
}

static bool host_is(const struct url_origin *origin, const char *host, size_t len) {
        if (origin->host_len != len)
                return false;
        for (size_t i = 0; i < len; i++)
                if (ascii_lower(origin->host[i]) != ascii_lower(host[i]))
                        return false;
        return true;
}

/* What is behind the first label of a name with four labels and more; NULL for others, and for an
 * address: whoever buys a name below "co.uk" or "com" is nobody's neighbour. */
static const char *parent_domain(const struct url_origin *origin, size_t *ret_len) {
        const char *parent = NULL;
        unsigned dots = 0;

        for (size_t i = 0; i < origin->host_len; i++)
                if (origin->host[i] == '.' && dots++ == 0)
                        parent = &origin->host[i];
        if (dots < 3 || ascii_is_digit(origin->host[origin->host_len - 1]))
                return NULL;
        *ret_len = (size_t)(origin->host + origin->host_len - parent);
        return parent;
}

static bool are_neighbours(const struct url_origin *a, const struct url_origin *b) {
        size_t len_a, len_b;
        const char *parent_a = parent_domain(a, &len_a), *parent_b = parent_domain(b, &len_b);
        struct url_origin rest = *b;

        if (!parent_a || !parent_b)
                return false;
        rest.host = parent_b;
        rest.host_len = len_b;
        return host_is(&rest, parent_a, len_a);
}

bool authority_may_be(const char *arm, const char *login) {
        struct url_origin ours, theirs, known;
        const char *path = strstr(login, "://");

        if (!path || !url_origin_parse(arm, &ours) || !url_origin_parse(login, &theirs))
                return false;
        path += 3 + strcspn(path + 3, "/");
        if (path[0] != '\0' && strcmp(path, "/") != 0)
                return false;
        if (!theirs.https && ours.https)
                return false;

        for (size_t i = 0; i < ARRAY_SIZE(known_logins); i++)
                if (url_origin_parse(known_logins[i], &known) && url_origin_equal(&theirs, &known))
                        return true;
        return host_is(&theirs, ours.host, ours.host_len) ||
               (theirs.https && are_neighbours(&ours, &theirs));
}

static bool audience_is_valid(const char *text) {
        size_t len = strlen(text);

        if (len == 0 || len > AUDIENCE_MAX)
                return false;
        for (size_t i = 0; i < len; i++)
                if (text[i] <= ' ' || text[i] > '~')
                        return false;
        return true;
}

static const char *choose_audience(const struct policy_cloud *cloud, const cJSON *audiences) {
        const char *first = NULL;

        for (const cJSON *one = json_first(audiences); one; one = json_next(one)) {
                const char *text = cJSON_GetStringValue(one);
                size_t len = strlen(cloud->arm);

                if (!text || !audience_is_valid(text))
                        return NULL;
                if (str_starts_with_nocase(text, cloud->arm) &&
                    (text[len] == '\0' || strcmp(text + len, "/") == 0))
                        return text;
                first = first ?: text;
        }
        return first;
}

static int decode(const struct policy_cloud *cloud, const cJSON *json,
                  struct authority *ret_authority, const char **reterr_member) {
        const cJSON *authentication = json_object(json, "authentication");
        const char *login = json_string(authentication, "loginEndpoint"), *audience;
        size_t len;

        if (!login) {
                *reterr_member = "authentication.loginEndpoint";
                return REPLY_E_MEMBER;
        }
        audience = choose_audience(cloud, json_array(authentication, "audiences"));
        if (!audience) {
                *reterr_member = "authentication.audiences";
                return REPLY_E_MEMBER;
        }
        if (!authority_may_be(cloud->arm, login)) {
                *reterr_member = "authentication.loginEndpoint";
                return AUTHORITY_E_HOST;
        }
        len = strlen(login);
        return authority_set(cloud, login, login[len - 1] == '/' ? len - 1 : len, audience,
                             ret_authority);
}

int authority_decode(const struct policy_cloud *cloud, const char *bytes, size_t len,
                     struct authority *ret_authority, const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        size_t offset;
        int r;

        r = json_parse(bytes, len, &json, &offset);
        if (r != 0)
                return r;
        /* Under api-versions of its past it was an array of clouds. */
        return cJSON_IsObject(json) ? decode(cloud, json, ret_authority, reterr_member)
                                    : JSON_E_SHAPE;
}
