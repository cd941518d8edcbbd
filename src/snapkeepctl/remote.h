/*
 * remote: asking the running daemon, by the methods of snapkeepd/manager.h. What is wrong has been
 * said, what works without the daemon too.
 */
#pragma once

#include "azure/json.h"
#include "base/strbuf.h"
#include "runtime/bus_client.h"
#include "snapkeepctl/ctl.h"
#include "snapkeepd/manager.h"

struct cJSON;
struct json_writer;

struct remote {
        struct bus_client *client;
        struct strbuf *problem; /* of a verb that shows on stdout what is wrong: takes the one
                                   sentence of it; else NULL, and it is said */
};

enum status remote_open(struct remote *remote);
void remote_close(struct remote *remote);

/* Returns STATUS_DONE, STATUS_TROUBLE when the daemon or the bus refused, or STATUS_NO_DAEMON. */
enum status remote_call(struct remote *remote, enum manager_method method,
                        const union bus_value *in, struct bus_answer *ret_answer);
/* A call whose answer is one JSON object. */
enum status remote_json(struct remote *remote, enum manager_method method,
                        const union bus_value *in, struct cJSON **ret_json);

/* Gives the page of a list that begins at @offset, in JSON. Returns a status other than DONE after it
 * has said why. */
typedef enum status (*page_fn)(size_t offset, struct cJSON **ret_page, void *data);
/* All pages as one object: the first one, its array @list with the rows of all of them. Rows of pages
 * from before and behind a change do not mix: it then begins anew. */
enum status pages_read(const char *list, page_fn fn, void *data, struct cJSON **ret_json);
/* The same of a method of the daemon. */
enum status remote_list(struct remote *remote, enum manager_method method, const char *list,
                        struct cJSON **ret_json);

/* Parses what this program or the daemon wrote; @what names it in the complaint. */
enum status json_read(const char *text, const char *what, struct cJSON **ret_json);

/* The string of that name, or "". */
const char *json_text(const struct cJSON *json, const char *name);
/* A value that is a string, or "". */
const char *json_value_text(const struct cJSON *value);
/* The number of that name, or 0. */
int64_t json_number(const struct cJSON *json, const char *name);
/* Appends the strings of the array of that name, joined by ", ". */
void json_joined(const struct cJSON *json, const char *name, struct strbuf *out);
/* The instant of that name as output.h shows it, or "-". Writes and returns @buffer, of
 * TIME_TEXT_SIZE. */
const char *json_time_text(const struct cJSON *json, const char *name, bool in_utc, char *buffer);
/* Writes the value again, its strings cleaned; and all members of an object but those named in
 * @without, a list ended by NULL. */
void json_copy(struct json_writer *w, const char *name, const struct cJSON *value);
void json_copy_members(struct json_writer *w, const struct cJSON *object,
                       const char *const *without);
