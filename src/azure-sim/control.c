/*
 * The endpoints below /sim/: what tests and demos ask and order.
 */
#include "azure-sim/server.h"

#include "base/strbuf.h"
#include "sim/args.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int control_reply(int status, struct strbuf *body, struct http_reply **ret_reply) {
        _cleanup_(http_reply_freep) struct http_reply *reply = NULL;
        int r;

        reply = calloc(1, sizeof(*reply));
        if (!reply)
                return -ENOMEM;

        reply->outcome = TRANSPORT_REPLY;
        reply->status = status;
        reply->body_len = body->len;
        r = strbuf_take(body, &reply->body);
        if (r < 0)
                return r;
        r = http_headers_add_str(&reply->headers, "Content-Type",
                                 "application/json; charset=utf-8");
        if (r < 0)
                return r;

        *ret_reply = take_ptr(reply);
        return 0;
}

/* @text must need no escaping in JSON but for quotes, which become apostrophes. */
static int control_say(int status, const char *member, const char *text,
                       struct http_reply **ret_reply) {
        _cleanup_(strbuf_deinit) struct strbuf body = {};

        strbuf_appendf(&body, "{\"%s\":\"", member);
        for (const char *p = text; *p; p++)
                strbuf_append_char(&body, *p == '"' || *p == '\\' ? '\'' : *p);
        strbuf_append_str(&body, "\"}\n");
        return control_reply(status, &body, ret_reply);
}

static int control_done(int r, struct http_reply **ret_reply) {
        if (r < 0)
                return r;
        if (r == SERVICE_E_MISSING)
                return control_say(404, "error", "there is no such thing", ret_reply);
        if (r == SERVICE_E_LOCKED)
                return control_say(409, "error", "it is locked", ret_reply);
        if (r > 0)
                return control_say(400, "error", "not possible", ret_reply);
        return control_say(200, "done", "yes", ret_reply);
}

static int control_stats(struct server *server, struct http_reply **ret_reply) {
        static const enum http_method methods[] = {HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_PATCH,
                                                   HTTP_DELETE};
        struct service_counts counts = service_counts(server->service);
        _cleanup_(strbuf_deinit) struct strbuf body = {};

        strbuf_appendf(&body, "{\"requests\":%" PRIu64 ",\n\"by_method\":{", counts.requests);
        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                strbuf_appendf(&body, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
                               http_method_name(methods[i]), counts.by_method[methods[i]]);
        strbuf_append_str(&body, "},\n\"by_kind\":{");
        for (unsigned i = 0; i < _SERVICE_REQUEST_KIND_N; i++)
                strbuf_appendf(&body, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
                               service_request_kind_name((enum service_request_kind)i),
                               counts.by_kind[i]);
        strbuf_append_str(&body, "},\n\"by_status\":{");
        for (unsigned i = 2; i < ARRAY_SIZE(counts.by_status); i++)
                strbuf_appendf(&body, "%s\"%uxx\":%" PRIu64, i > 2 ? "," : "", i,
                               counts.by_status[i]);
        strbuf_appendf(&body,
                       "},\n\"throttled\":%" PRIu64 ",\n\"effects\":{\"created\":%" PRIu64
                       ",\"deleted\":%" PRIu64 ",\"alive\":%" PRIu64 ",\"repeated\":%" PRIu64
                       "},\n\"disks\":{\"created\":%" PRIu64 ",\"deleted\":%" PRIu64
                       ",\"alive\":%" PRIu64 "},\n",
                       counts.throttled, counts.created[SERVICE_SNAPSHOT],
                       counts.deleted[SERVICE_SNAPSHOT], counts.alive[SERVICE_SNAPSHOT],
                       counts.repeated, counts.created[SERVICE_DISK], counts.deleted[SERVICE_DISK],
                       counts.alive[SERVICE_DISK]);
        strbuf_appendf(&body, "\"faults\":%" PRIu64 ",\n", faults_struck(server->faults));
        strbuf_appendf(&body, "\"hold_armed\":%s,\"held\":%s}\n",
                       server->hold.when != HOLD_NONE ? "true" : "false",
                       server->hold.held ? "true" : "false");
        return control_reply(200, &body, ret_reply);
}

static int control_world(struct server *server, struct http_reply **ret_reply) {
        _cleanup_(strbuf_deinit) struct strbuf body = {.max = UINT32_MAX};
        _cleanup_(freep) char *json = NULL;
        int r;

        r = service_dump(server->service, server_now(), &json);
        if (r < 0)
                return r;

        strbuf_append_str(&body, json);
        return control_reply(200, &body, ret_reply);
}

static int control_faults(struct server *server, const char *body, size_t body_len,
                          struct http_reply **ret_reply) {
        _cleanup_(freep) char *what = NULL;
        int r;

        r = faults_load(server->faults, body, body_len, &what);
        if (r < 0)
                return r;
        if (r > 0)
                return control_say(400, "error", what, ret_reply);
        return control_done(0, ret_reply);
}

static int control_add(struct server *server, const char *body, size_t body_len,
                       struct http_reply **ret_reply) {
        _cleanup_(freep) char *what = NULL;
        int r;

        r = service_load(server->service, server_now(), body, body_len, &what);
        if (r < 0)
                return r;
        if (r > 0)
                return control_say(400, "error", what, ret_reply);
        return control_done(0, ret_reply);
}

static int control_hold(struct server *server, const struct sim_args *args,
                        struct http_reply **ret_reply) {
        const char *when = sim_args_string(args, "when");
        int64_t request = sim_args_number(args, "request", 0);

        if (request < 1 || !when || (strcmp(when, "before") != 0 && strcmp(when, "after") != 0))
                return control_say(400, "error",
                                   "request (from 1) and when (before, after) are expected",
                                   ret_reply);
        if (server->hold.held)
                return control_say(409, "error", "a request is held", ret_reply);

        server->hold.when = strcmp(when, "before") == 0 ? HOLD_BEFORE : HOLD_AFTER;
        server->hold.left = (uint64_t)request;
        return control_done(0, ret_reply);
}

/* What other hands do to one disk, snapshot or group. Returns whether there is such a verb. */
static bool control_hands(struct server *server, const char *path, const struct sim_args *args,
                          int *ret_r) {
        const char *id = sim_args_string(args, "id") ?: "";
        struct service *service = server->service;
        struct utc now = server_now();

        if (strcmp(path, "/sim/world/recreate-disk") == 0)
                *ret_r = service_recreate_disk(service, now, id, NULL);
        else if (strcmp(path, "/sim/world/move-disk") == 0)
                *ret_r = service_move_disk(service, now, id, sim_args_string(args, "subscription"),
                                           sim_args_string(args, "group"),
                                           sim_args_string(args, "name"));
        else if (strcmp(path, "/sim/world/resize-disk") == 0)
                *ret_r = service_resize_disk(
                        service, now, id, (uint32_t)MIN(sim_args_number(args, "sizeGB", 1), 65536));
        else if (strcmp(path, "/sim/world/end-upload") == 0)
                *ret_r = service_end_upload(service, now, id);
        else if (strcmp(path, "/sim/world/delete") == 0)
                *ret_r = service_delete(service, now, id);
        else if (strcmp(path, "/sim/world/delete-group") == 0)
                *ret_r = service_delete_group(
                        service, now, sim_args_string(args, "subscription") ?: SERVICE_SUBSCRIPTION,
                        sim_args_string(args, "group") ?: "");
        else if (strcmp(path, "/sim/world/lock") == 0)
                *ret_r = service_lock(service, now, id, true);
        else if (strcmp(path, "/sim/world/unlock") == 0)
                *ret_r = service_lock(service, now, id, false);
        else if (strcmp(path, "/sim/world/grant") == 0)
                *ret_r = service_grant(service, now, id, sim_args_number(args, "seconds", 3600));
        else if (strcmp(path, "/sim/world/revoke") == 0)
                *ret_r = service_revoke(service, now, id);
        else
                return false;
        return true;
}

/* Returns the index of the word, or -1. */
static int word_index(const char *word, const char *const *words, size_t n) {
        for (size_t i = 0; word && i < n; i++)
                if (strcmp(words[i], word) == 0)
                        return (int)i;
        return -1;
}

/* What stands between clients and a subscription. Returns whether there is such a verb. */
static bool control_rules(struct server *server, const char *path, const struct sim_args *args,
                          int *ret_r) {
        /* In the orders of enum service_rights without INHERITED, service_key and service_away. */
        static const char *const rights[] = {"all", "unlisted", "read", "none"};
        static const char *const keys[] = {"usable", "disabled", "forbidden", "unreadable", "gone"};
        static const char *const aways[] = {"here",      "500",     "503",
                                            "throttled", "unknown", "disabled"};
        const char *subscription = sim_args_string(args, "subscription") ?: SERVICE_SUBSCRIPTION;
        int64_t seconds = sim_args_number(args, "seconds", 0);
        struct utc now = server_now();
        int word;

        *ret_r = SERVICE_E_INVALID;
        if (strcmp(path, "/sim/world/rights") == 0) {
                word = word_index(sim_args_string(args, "rights"), rights, ARRAY_SIZE(rights));
                if (word >= 0)
                        *ret_r = service_set_rights(
                                server->service, subscription, sim_args_string(args, "group"),
                                (enum service_rights)(SERVICE_RIGHTS_ALL + word));
        } else if (strcmp(path, "/sim/world/key") == 0) {
                word = word_index(sim_args_string(args, "key"), keys, ARRAY_SIZE(keys));
                if (word >= 0 && sim_args_string(args, "id"))
                        *ret_r = service_set_key(server->service, sim_args_string(args, "id"),
                                                 (enum service_key)word);
        } else if (strcmp(path, "/sim/world/away") == 0) {
                word = word_index(sim_args_string(args, "away"), aways, ARRAY_SIZE(aways));
                if (word >= 0)
                        *ret_r = service_set_away(
                                server->service, subscription, (enum service_away)word,
                                sim_args_number(args, "retry_after", 0),
                                seconds > 0 ? utc_add_seconds(now, seconds) : UTC_NEVER);
        } else if (strcmp(path, "/sim/world/lag") == 0)
                *ret_r = service_set_listing_lag(server->service, now, subscription,
                                                 MIN(sim_args_number(args, "ms", 0), 86400000) *
                                                         NSEC_PER_MSEC);
        else if (strcmp(path, "/sim/world/quota") == 0)
                *ret_r = service_set_quota(
                        server->service, subscription,
                        (uint32_t)MIN(sim_args_number(args, "max", 0), INT32_MAX));
        else
                return false;
        return true;
}

static int control_post(struct server *server, const char *path, const char *body, size_t body_len,
                        struct http_reply **ret_reply) {
        _cleanup_(sim_args_freep) struct sim_args *args = NULL;
        const char *id, *name;
        int r;

        if (strcmp(path, "/sim/world/add") == 0)
                return control_add(server, body, body_len, ret_reply);
        if (strcmp(path, "/sim/faults") == 0)
                return control_faults(server, body, body_len, ret_reply);
        if (strcmp(path, "/sim/release") == 0) {
                server_release(server);
                return control_done(0, ret_reply);
        }
        if (strcmp(path, "/sim/world/expire-tokens") == 0) {
                service_expire_tokens(server->service);
                return control_done(0, ret_reply);
        }

        r = sim_args_new(body, body_len, &args);
        if (r == -EINVAL)
                return control_say(400, "error", "a JSON object is expected", ret_reply);
        if (r < 0)
                return r;
        if (strcmp(path, "/sim/hold") == 0)
                return control_hold(server, args, ret_reply);

        id = sim_args_string(args, "id") ?: "";
        name = sim_args_string(args, "name") ?: "";
        if (control_hands(server, path, args, &r) || control_rules(server, path, args, &r))
                return control_done(r, ret_reply);
        if (strcmp(path, "/sim/world/tag") == 0 && name[0] != '\0')
                return control_done(service_set_tag(server->service, server_now(), id, name,
                                                    sim_args_string(args, "value")),
                                    ret_reply);
        return control_say(404, "error", "no such verb; see azure-sim --help", ret_reply);
}

int control_handle(struct server *server, const char *method, const char *path, const char *body,
                   size_t body_len, struct http_reply **ret_reply) {
        if (strcmp(method, "POST") == 0)
                return control_post(server, path, body, body_len, ret_reply);
        if (strcmp(method, "GET") == 0 && strcmp(path, "/sim/stats") == 0)
                return control_stats(server, ret_reply);
        if (strcmp(method, "GET") == 0 && strcmp(path, "/sim/world") == 0)
                return control_world(server, ret_reply);
        return control_say(404, "error", "no such page; see azure-sim --help", ret_reply);
}
