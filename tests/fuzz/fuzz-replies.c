/*
 * Bodies of single replies in any bytes: what is decoded keeps its promises, and what is made for
 * people's eyes is text. The first byte chooses the status of an error.
 */
#include "azure/authority.h"
#include "azure/encryption_set.h"
#include "azure/error.h"
#include "azure/jwt.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "azure/rights.h"
#include "azure/token_requests.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds) {
        if (!holds)
                abort();
}

static void check_result(int r, const char *member) {
        demand(r == 0 || (r >= JSON_E_SYNTAX && r <= JSON_E_SHAPE) || r == REPLY_E_MEMBER);
        demand((r == REPLY_E_MEMBER) == (member != NULL));
}

static void check_text(const char *text, size_t max) {
        demand(strlen(text) <= max);
        for (const char *c = text; *c; c++)
                demand((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* What follows is left out, or there was no room for more. */
static void check_signatures(const char *text) {
        for (const char *at = strstr(text, "sig="); at; at = strstr(at + 1, "sig="))
                demand(at[4] == '\0' || strncmp(at + 4, "...", 3) == 0);
}

static void check_error(const struct arm_error *error) {
        demand(arm_class_name(error->class)[0] != '?');
        demand(error->retry_after_ns == -1 || (error->retry_after_ns >= ARM_RETRY_AFTER_MIN_NS &&
                                               error->retry_after_ns <= ARM_RETRY_AFTER_MAX_NS));
        check_text(error->code, ARM_CODE_MAX);
        check_text(error->message, ARM_MESSAGE_MAX);
        check_signatures(error->message);
}

static void try_error(const char *body, size_t len, int status) {
        struct http_reply reply = {.status = status, .body_len = len};
        struct arm_error error;
        struct strbuf out = {};

        reply.body = len > 0 ? strndup(body, len) : NULL;
        reply.body_len = reply.body ? strlen(reply.body) : 0;
        arm_error_classify(&reply, UTC_NONE, &error);
        check_error(&error);
        demand((error.class == ARM_OK) == (status >= 200 && status <= 299));
        arm_error_append(&error, &out);
        strbuf_deinit(&out);
        token_error_classify(&reply, UTC_NONE, &error);
        check_error(&error);
        free(reply.body);
}

static void try_url(const char *text, size_t len) {
        static char arm[] = "https://management.azure.com";
        const struct policy_cloud cloud = {.arm = arm};
        char *url = strndup(text, len);

        demand(url != NULL);
        if (endpoint_owns(&cloud, url)) {
                /* Only these two beginnings can be ours. */
                demand(str_starts_with_nocase(url, "https://management.azure.com"));
                demand(strchr("/", url[28]) || strncmp(url + 28, ":443", 4) == 0);
        }
        free(url);
}

/* What ARM tells of its login endpoint leads to nobody but those of azure/authority.h. */
static void try_authority(const char *body, size_t len) {
        static char arm[] = "https://management.local.azurestack.external";
        const struct policy_cloud cloud = {.arm = arm};
        struct authority authority;
        const char *member = NULL;
        int r = authority_decode(&cloud, body, len, &authority, &member);

        if (r == AUTHORITY_E_HOST)
                demand(member != NULL);
        else
                check_result(r, member);
        if (r != 0)
                return;
        demand(str_starts_with_nocase(authority.login, "https://"));
        demand(authority_may_be(arm, authority.login));
        demand(!strpbrk(authority.resource, " \r\n") && !strpbrk(authority.scope, " \r\n"));
        authority_deinit(&authority);
}

/* The Arc agent's challenge, and a credential with anything in place of PEM. */
static void try_secrets(const char *body, size_t len) {
        char *text = strndup(body, len), *jwt;
        struct http_reply reply = {.status = 401};
        const char *name;
        size_t name_len;

        demand(text && http_headers_add_str(&reply.headers, "WWW-Authenticate", text) == 0);
        if (arc_challenge_parse(&reply, &name, &name_len) == 0)
                demand(name_len > 4 && !memchr(name, '/', name_len) && name[0] != '.' &&
                       memcmp(name + name_len - 4, ".key", 4) == 0);
        http_headers_deinit(&reply.headers);
        demand(jwt_sign(text, NULL,
                        &(struct jwt_claims){.audience = "a", .client = "c", .now = UTC_NONE},
                        &jwt) > 0);
        (void)arc_endpoint_is_valid(text);
        free(text);
}

/* What "check --online" asks for. */
static void try_check(const char *body, size_t len) {
        struct permissions_reply permissions;
        struct encryption_set_reply set;
        struct encryption_set_id id;
        const char *member = NULL;
        char *text = strndup(body, len);
        int r = permissions_reply_parse(body, len, &permissions, &member);

        check_result(r, member);
        if (r == 0) {
                demand(permissions.allowed < RIGHT_BIT(_RIGHT_N));
                demand(!permissions.next_link || permissions.next_link[0] != '\0');
                permissions_reply_deinit(&permissions);
        }
        member = NULL;
        r = encryption_set_reply_parse(body, len, &set, &member);
        check_result(r, member);
        if (r == 0)
                encryption_set_reply_deinit(&set);

        demand(text != NULL);
        if (encryption_set_id_parse(text, &id) == 0)
                demand(id.group[0] != '\0' && id.name[0] != '\0' && !strpbrk(id.name, "/?#% "));
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const int statuses[] = {200, 202, 301, 400, 401, 403, 404, 409, 412, 429, 500, 503};
        const char *body = (const char *)data + 1, *member;
        struct snapshot_reply snapshot;
        struct operation_reply operation;
        struct token_reply token = {};
        struct disk_reply disk;
        int r;

        if (size < 1)
                return 0;
        size--;

        member = NULL;
        r = snapshot_reply_parse(body, size, &snapshot, &member);
        check_result(r, member);
        if (r == 0) {
                demand(snapshot.location[0] != '\0' && snapshot.percent <= 100);
                demand(!snapshot_reply_is_complete(&snapshot, true) || snapshot.percent == 100);
                (void)tags_hash(snapshot.tags);
                snapshot_reply_deinit(&snapshot);
        }

        member = NULL;
        r = disk_reply_parse(body, size, &disk, &member);
        check_result(r, member);
        if (r == 0) {
                demand(disk.location[0] != '\0' && disk.id.type == RESOURCE_DISK);
                disk_reply_deinit(&disk);
        }

        member = NULL;
        r = operation_reply_parse(body, size, &operation, &member);
        check_result(r, member);
        if (r == 0) {
                struct arm_error error;

                arm_error_from_json(operation.error, &error);
                check_error(&error);
                operation_reply_deinit(&operation);
        }

        member = NULL;
        r = token_reply_decode(body, size, &token, &member);
        check_result(r, member);
        if (r == 0) {
                demand(token.token[0] != '\0' && strlen(token.token) <= TOKEN_MAX);
                check_text(token.token, TOKEN_MAX);
                demand(token.refresh_s >= 0 && token.refresh_s <= token.lifetime_s &&
                       token.lifetime_s <= TOKEN_LIFETIME_MAX_S);
                str_wipe_free(token.token);
        }

        try_error(body, size, statuses[data[0] % ARRAY_SIZE(statuses)]);
        try_url(body, size);
        try_authority(body, size);
        try_check(body, size);
        try_secrets(body, size);
        return 0;
}
