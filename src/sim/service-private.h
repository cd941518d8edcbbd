/*
 * What the files of the service model share. Nobody else includes this.
 */
#pragma once

#include "base/json_writer.h"
#include "base/strbuf.h"
#include "sim/service.h"

#include <cjson/cJSON.h>

/* Chosen: far above any world that is simulated; memory ends before. */
#define SERVICE_ROWS_MAX 20000000
#define SERVICE_GROUPS_MAX 100000
#define SERVICE_CLIENTS_MAX 1000
#define SERVICE_TOKENS_MAX 100000
/* An operation URL of Azure's was recorded with 3,228 bytes. */
#define SERVICE_URL_MAX 65536
/* How long after its end an operation can still be asked for. Chosen. */
#define SERVICE_OPERATION_KEPT_S 3600

/* The provider's buckets of calls, per subscription. */
enum service_bucket {
        BUCKET_SNAPSHOT_WRITE,
        BUCKET_DELETE,
        BUCKET_DISK_WRITE,
        BUCKET_LOW_COST_GET,
        BUCKET_HIGH_COST_GET,
        BUCKET_GET_OPERATION,
        _BUCKET_N,
};

/* Calls in the two windows that Microsoft.Compute counts in, from the first call of each. */
struct bucket_use {
        struct utc start[2];
        uint32_t used[2];
};

/* ARM's own buckets, which refill steadily. */
enum service_arm_bucket {
        ARM_READS,
        ARM_WRITES,
        ARM_DELETES,
        _ARM_BUCKET_N,
};

struct subscription {
        char *id; /* lower case */
        bool forbidden;
        struct bucket_use buckets[_BUCKET_N];
        int64_t arm_missing[_ARM_BUCKET_N]; /* calls below full, times TICKS_PER_SEC */
        struct utc arm_at;                  /* as of */
        struct subscription *next;
};

struct group {
        struct subscription *subscription;
        char *name;
        char *region;
        struct group *next;
};

/* The incremental snapshots of one disk's life: what the limits count. */
struct chain {
        struct guid source;
        struct guid family;
        uint32_t alive;
        struct utc recent[SERVICE_BURST_MAX];   /* instants of the last creations, a ring */
        struct utc copied[SERVICE_PENDING_MAX]; /* ends of the last background copies, a ring */
        uint32_t n_recent, n_copied;
        struct chain *next_same_hash;
};

struct operation {
        uint64_t serial;
        struct utc start, end; /* true time */
        struct utc start_written;
        bool fails;
        bool is_delete;
        const struct service_resource *resource; /* NULL once it is forgotten */
};

struct token {
        char *value;
        struct utc expires; /* true time */
};

struct client {
        char *tenant, *client, *secret;
        struct utc expires;
};

struct service {
        struct service_options options;
        int64_t clock_error_ns;
        uint64_t serial; /* of resources */
        uint64_t guids;  /* drawn so far */
        uint64_t requests;
        struct utc last; /* the instant of the last request */
        struct service_counts counts;
        struct subscription *subscriptions; /* in the order they came */
        struct group *groups;
        struct service_resource **rows; /* by serial; deleted ones while they can be seen */
        size_t n_rows, rows_capacity;
        struct service_resource **dead; /* seen no more, kept for the journal */
        size_t n_dead, dead_capacity;
        size_t n_lingering;              /* rows that are deleted */
        struct service_resource **table; /* by hash of the id, chained; only rows */
        size_t table_size, n_table;
        struct chain **chains;
        size_t chains_size, n_chains;
        struct operation *operations; /* by serial, without gaps, from first_operation */
        size_t n_operations, operations_capacity;
        uint64_t first_operation;
        struct service_effect *effects;
        size_t n_effects, effects_capacity;
        struct token *tokens;
        size_t n_tokens, tokens_capacity;
        struct client *clients;
        size_t n_clients, clients_capacity;
        uint64_t token_serial;
        unsigned client;  /* of the request being handled; 0 for a verb */
        uint64_t current; /* its number; 0 for a verb */
};

/* service-places.c */

struct subscription *service_find_subscription(const struct service *service, const char *id);
struct group *service_find_group(const struct service *service, const char *subscription,
                                 const char *group);
/* A valid name of a disk or snapshot. */
bool service_name_is_valid(const char *name);
/* A region as Azure normalizes it, letters and digits alone; and the name of a sku. */
bool service_region_is_valid(const char *region);
bool service_sku_is_valid(const char *sku);
bool service_sku_has_copies(const char *sku);
struct chain *service_find_chain(const struct service *service, const struct guid *source);
/* Finds the chain or makes it. */
int service_chain(struct service *service, const struct guid *source, struct chain **ret_chain);
void chain_add(struct chain *chain, const struct service_resource *resource);

/* service.c */

struct guid service_draw_guid(struct service *service);
/* Instant as the service's own clock shows it. */
struct utc service_written(const struct service *service, struct utc now);
/* What a GET would find: living or lingering. */
struct service_resource *service_find_visible(const struct service *service, const char *id,
                                              struct utc now);
/* The living one of the id, or NULL. */
struct service_resource *service_find_living(const struct service *service, const char *id);
/* Takes a deleted one out of sight. */
int service_bury(struct service *service, struct service_resource *resource);
/* Moves what can be seen no more to the dead. */
int service_purge(struct service *service, struct utc now);
int service_note(struct service *service, struct utc now, enum service_effect_kind kind,
                 const struct service_resource *resource);
struct service_resource *service_resource_free(struct service_resource *resource);
DEFINE_CLEANUP(struct service_resource *, service_resource_free)
/* A resource of the group, not yet inserted, with id and name. */
int service_resource_new(struct service *service, enum service_kind kind, struct group *group,
                         const char *name, struct service_resource **ret_resource);
/* Takes the resource over on success, and counts it in its chain. */
int service_insert(struct service *service, struct utc now, struct service_resource *resource);
/* Marks it deleted at @now and gone @linger_ns later. */
int service_remove(struct service *service, struct utc now, struct service_resource *resource,
                   int64_t linger_ns);
int service_tag_set(struct service_resource *resource, const char *name, const char *value);
void service_tag_unset(struct service_resource *resource, const char *name);
void service_tags_clear(struct service_resource *resource);
int service_tags_copy(struct service_resource *resource, const struct service_tag *tags, size_t n);
/* Replaces a string the resource owns. NULL is copied as NULL. */
int service_set_string(char **field, const char *value);

/* service-json.c */

/* "2023-05-26T02:55:15.7249065+00:00", as .NET writes it: without trailing zeros. */
void sim_json_time(struct strbuf *out, struct utc time);
void sim_json_tags(struct strbuf *out, const struct service_resource *resource);
void sim_json_resource(struct strbuf *out, const struct service_resource *resource, struct utc now);
/* The body of the 202 of a PUT. */
void sim_json_accepted(struct strbuf *out, const struct service_resource *resource);
void sim_json_error(struct strbuf *out, const char *code, const char *message);

/* A member that is a string, or NULL; copes with @object NULL. */
static inline const char *json_get_string(const cJSON *object, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static inline void cjson_deletep(cJSON **p) {
        cJSON_Delete(*p);
}

/* service-route.c */

struct route {
        enum service_request_kind kind;
        enum service_kind resource_kind;
        char *buffer;       /* owns what follows */
        char *origin;       /* "https://host:port" */
        const char *query;  /* "" for none; encoded */
        const char *tenant; /* NULL for the identity service */
        const char *subscription, *group, *name, *region, *operation; /* NULL where absent */
};

/* Returns 0, -ENOMEM or -EINVAL for a URL that cannot be read. */
int route_init(struct route *route, enum http_method method, const char *url);
void route_deinit(struct route *route);
/* The decoded value of a parameter of "a=b&c=d", or NULL in *ret_value. @form: '+' is a space. */
int query_get(const char *query, const char *name, bool form, char **ret_value);

/* service-request.c */

/* A reply in the making. */
struct answer {
        int status;
        struct strbuf body;
        const char *failure_cause; /* "gateway", "service" or NULL */
        int64_t retry_after_s;     /* below 0 for none */
        char *operation_url;       /* Azure-AsyncOperation; Location adds monitor */
        char *location;            /* Location alone */
        char *www_authenticate;
        int bucket;                        /* enum service_bucket; below 0 for none */
        int arm_bucket;                    /* enum service_arm_bucket; below 0 for none */
        struct subscription *subscription; /* NULL when the request did not come that far */
};

/* Sets status and body; always returns 0, so that a handler ends with it. */
_printf_(5, 6) int answer_error(struct answer *answer, int status, const char *cause,
                                const char *code, const char *format, ...);

/* service-token.c */

int service_token_imds(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct answer *answer);
int service_token_entra(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct answer *answer);
/* Returns 0 when the request's token is good, 1 after answering 401. */
int service_check_token(struct service *service, struct utc now, const struct service_call *call,
                        struct answer *answer);

/* service-arm.c: a request whose token, subscription and group are good. */
int service_arm(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct answer *answer);

/* service-operation.c */

/* Begins an operation on the resource and answers 202 with its URLs. */
int service_operation_begin(struct service *service, struct utc now,
                            const struct service_call *call, const struct route *route,
                            const struct service_resource *resource, bool is_delete, int64_t ns,
                            struct answer *answer);
int service_operation_get(struct service *service, struct utc now, const struct service_call *call,
                          const struct route *route, struct answer *answer);

/* service-put.c */

int answer_bad_content(struct answer *answer);
/* Adds the tags to the resource. Returns 0, 1 after answering, or -ENOMEM. */
int service_tags_read(const cJSON *tags, struct service_resource *resource, struct answer *answer);
int service_put(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct group *group, struct answer *answer);
