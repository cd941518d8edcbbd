#include "snapkeepctl/remote.h"

#include "base/json_writer.h"
#include "snapkeepctl/output.h"
#include "snapkeepctl/show.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/* Chosen: a plan that changes while it is read is another after the next slot at the earliest. */
#define TRIES_MAX 5

/* ---- calls ---- */

static enum status say_no_daemon(const struct remote *remote, const char *what) {
        if (remote->problem)
                strbuf_append_str(remote->problem, what);
        say("%s%s\"systemctl status snapkeepd\" tells more. Without the daemon these work: check, "
            "schema, calendar, retain, simulate and history, and plan, list, chain and explain "
            "with --direct.",
            remote->problem ? "" : what, remote->problem ? "" : ". ");
        return STATUS_NO_DAEMON;
}

static enum status say_trouble(const struct remote *remote, const char *what, const char *why) {
        if (remote->problem)
                strbuf_appendf(remote->problem, "%s%s", what, why);
        else
                say("%s%s", what, why);
        return STATUS_TROUBLE;
}

static enum status say_outcome(const struct remote *remote, int r,
                               const struct bus_answer *answer) {
        switch (r) {
        case BUS_E_NO_BUS:
                return say_no_daemon(remote, "the system's D-Bus, on which snapkeepd takes orders, "
                                             "cannot be reached");
        case BUS_E_NO_SERVICE:
                return say_no_daemon(remote, "snapkeepd does not run, or has no bus: nobody has "
                                             "its name on the system's D-Bus");
        case BUS_E_SILENT:
                return say_no_daemon(remote, "snapkeepd does not answer");
        case BUS_E_DENIED:
                return say_trouble(remote,
                                   "the bus does not allow you that: only root and the members of "
                                   "the group snapkeep give orders to snapkeepd",
                                   "");
        case BUS_E_REFUSED:
                return say_trouble(remote, "snapkeepd refuses: ", answer->message ?: answer->error);
        }
        return say_errno("ask snapkeepd", r);
}

enum status remote_open(struct remote *remote) {
        int r;

        r = bus_client_open(&manager_interface, &remote->client);
        return r == 0 ? STATUS_DONE : say_outcome(remote, r, /* answer= */ NULL);
}

void remote_close(struct remote *remote) {
        remote->client = bus_client_free(remote->client);
}

enum status remote_call(struct remote *remote, enum manager_method method,
                        const union bus_value *in, struct bus_answer *ret_answer) {
        struct bus_answer answer = {};
        enum status status;
        int r;

        r = bus_client_call(remote->client, &manager_interface.methods[method], in, &answer);
        if (r == 0) {
                *ret_answer = answer;
                return STATUS_DONE;
        }
        status = say_outcome(remote, r, &answer);
        if (r == BUS_E_SILENT && manager_interface.methods[method].acts)
                say("the order may have been taken all the same: look what \"snapkeepctl status\" "
                    "and \"snapkeepctl history\" show before it is given again");
        bus_answer_deinit(&answer);
        return status;
}

enum status remote_json(struct remote *remote, enum manager_method method,
                        const union bus_value *in, cJSON **ret_json) {
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        enum status status;

        status = remote_call(remote, method, in, &answer);
        if (status != STATUS_DONE)
                return status;
        return json_read(answer.text ?: "", "the answer of snapkeepd", ret_json);
}

/* ---- pages ---- */

static bool is_same(const cJSON *a, const cJSON *b) {
        return json_number(a, "total") == json_number(b, "total") &&
               strcmp(json_text(a, "hash"), json_text(b, "hash")) == 0;
}

/* Moves the rows of @page behind those of @all. Returns how many. */
static size_t move_rows(cJSON *all, cJSON *page, const char *list) {
        cJSON *to = cJSON_GetObjectItemCaseSensitive(all, list);
        cJSON *from = cJSON_GetObjectItemCaseSensitive(page, list);
        size_t n = 0;

        while (from && from->child && cJSON_IsArray(to)) {
                cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, from->child));
                n++;
        }
        return n;
}

/* Reads the pages behind the first, which is @all. *ret_changed: they are of another list. */
static enum status read_rest(cJSON *all, const char *list, page_fn fn, void *data,
                             bool *ret_changed) {
        size_t total = (size_t)MAX(json_number(all, "total"), INT64_C(0)), n;
        enum status status = STATUS_DONE;

        n = (size_t)cJSON_GetArraySize(json_array(all, list));
        *ret_changed = false;
        while (n < total && status == STATUS_DONE) {
                _cleanup_(json_freep) cJSON *page = NULL;
                size_t more;

                status = fn(n, &page, data);
                if (status != STATUS_DONE)
                        return status;
                more = is_same(all, page) ? move_rows(all, page, list) : 0;
                if (more == 0) {
                        *ret_changed = true;
                        return STATUS_DONE;
                }
                n += more;
        }
        return status;
}

enum status pages_read(const char *list, page_fn fn, void *data, cJSON **ret_json) {
        for (unsigned i = 0; i < TRIES_MAX; i++) {
                _cleanup_(json_freep) cJSON *all = NULL;
                enum status status;
                bool changed;

                status = fn(0, &all, data);
                if (status == STATUS_DONE)
                        status = read_rest(all, list, fn, data, &changed);
                if (status != STATUS_DONE)
                        return status;
                if (!changed) {
                        *ret_json = take_ptr(all);
                        return STATUS_DONE;
                }
        }
        say("it changes faster than it can be read; try again");
        return STATUS_TROUBLE;
}

struct remote_pages {
        struct remote *remote;
        enum manager_method method;
};

static enum status remote_page(size_t offset, cJSON **ret_page, void *data) {
        struct remote_pages *pages = data;
        const union bus_value in[] = {{.number = offset}, {.number = 0}};

        return remote_json(pages->remote, pages->method, in, ret_page);
}

enum status remote_list(struct remote *remote, enum manager_method method, const char *list,
                        cJSON **ret_json) {
        return pages_read(list, remote_page,
                          &(struct remote_pages){.remote = remote, .method = method}, ret_json);
}

/* ---- JSON ---- */

enum status json_read(const char *text, const char *what, cJSON **ret_json) {
        cJSON *json;
        size_t at;
        int r;

        r = json_parse(text, strlen(text), &json, &at);
        if (r < 0)
                return say_errno("read JSON", r);
        if (r > 0 || json_number(json, "version") != 1) {
                if (r == 0)
                        json_freep(&json);
                say("%s is not JSON of a version that is known here", what);
                return STATUS_TROUBLE;
        }
        *ret_json = json;
        return STATUS_DONE;
}

const char *json_text(const cJSON *json, const char *name) {
        return json_string(json, name) ?: "";
}

const char *json_value_text(const cJSON *value) {
        return cJSON_IsString(value) ? value->valuestring : "";
}

int64_t json_number(const cJSON *json, const char *name) {
        int64_t value;

        return json_integer(json, name, &value) ? value : 0;
}

void json_joined(const cJSON *json, const char *name, struct strbuf *out) {
        const char *separator = "";
        const cJSON *item;

        cJSON_ArrayForEach(item, json_array(json, name)) {
                strbuf_appendf(out, "%s%s", separator, json_value_text(item));
                separator = ", ";
        }
}

const char *json_time_text(const cJSON *json, const char *name, bool in_utc, char *buffer) {
        const char *text = json_text(json, name);
        struct utc time = UTC_NONE;

        if (utc_parse(text, strlen(text), &time) < 0)
                time = UTC_NONE;
        return maybe_time_text(time, in_utc, buffer);
}

void json_copy_members(struct json_writer *w, const cJSON *object, const char *const *without) {
        const cJSON *item;

        cJSON_ArrayForEach(item, object) {
                bool skip = false;

                for (size_t i = 0; without[i]; i++)
                        skip |= strcmp(without[i], item->string) == 0;
                if (!skip)
                        json_copy(w, item->string, item);
        }
}

void json_copy(struct json_writer *w, const char *name, const cJSON *value) {
        static const char *const nothing[] = {NULL};
        const cJSON *item;

        if (w->depth >= JSON_WRITER_DEPTH_MAX - 1 || cJSON_IsNull(value))
                json_write_null(w, name);
        else if (cJSON_IsString(value))
                json_write_clean(w, name, value->valuestring);
        else if (cJSON_IsBool(value))
                json_write_bool(w, name, cJSON_IsTrue(value));
        else if (cJSON_IsNumber(value))
                json_write_int(w, name, (int64_t)value->valuedouble);
        else if (cJSON_IsArray(value)) {
                json_open(w, name, '[');
                cJSON_ArrayForEach(item, value) {
                        json_copy(w, NULL, item);
                }
                json_close(w);
        } else {
                json_open(w, name, '{');
                json_copy_members(w, value, nothing);
                json_close(w);
        }
}
