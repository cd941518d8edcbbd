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
/* Chosen: worlds of more rows than these keep no text of them, a KiB each. */
#define SERVICE_LISTED_MAX 50000
/* An operation URL of Azure's was recorded with 3,228 bytes. */
#define SERVICE_URL_MAX 65536
/* How long after its end an operation can still be asked for. Chosen. */
#define SERVICE_OPERATION_KEPT_S 3600

struct answer;
struct route;

/* The provider's buckets of calls, per subscription and region. */
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

/* What answers in place of the service, until an instant. */
struct outage {
        enum service_away away;
        int64_t retry_after_s;
        struct utc until;
};

struct subscription {
        char *id; /* lower case */
        bool forbidden;
        bool locked;
        enum service_rights rights;
        struct outage outage;
        int64_t lag_ns; /* below 0: the options' */
        struct utc lag_since;
        bool flaps;                         /* a page may lag or not */
        uint32_t quota;                     /* 0 for none */
        int64_t arm_missing[_ARM_BUCKET_N]; /* calls below full, times TICKS_PER_SEC */
        struct utc arm_at;                  /* as of */
        struct subscription *next;
};

struct group {
        struct subscription *subscription;
        char *name;
        char *region;
        bool locked;
        bool gone; /* deleted; resources of the journal still name it */
        enum service_rights rights;
        struct group *next;
};

/* What quota and buckets count in. Requests of no region, as listings are, count in that without a
 * name. */
struct region {
        const struct subscription *subscription;
        char *name;
        uint32_t snapshots; /* alive */
        struct bucket_use buckets[_BUCKET_N];
        struct region *next;
};

/* The tags that a resource had. */
struct tag_set {
        struct service_tag *tags;
        size_t n_tags;
        bool has_tags;
        struct utc until; /* others from here */
        struct tag_set *next;
};

/* A change of tags that is not done yet, and who asked for it. */
struct tagging {
        cJSON *body;
        uint64_t request;
        unsigned client;
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

enum operation_kind {
        OPERATION_PUT,
        OPERATION_DELETE,
        OPERATION_BEGIN_ACCESS,
        OPERATION_END_ACCESS,
        OPERATION_TAGS,
};

struct operation {
        uint64_t serial;
        struct utc start, end; /* true time */
        struct utc start_written;
        bool fails;
        enum operation_kind kind;
        const struct service_resource *resource; /* NULL once it is forgotten */
};

struct token {
        char *value;
        char *client;       /* whose it is */
        struct utc expires; /* true time */
};

struct client {
        char *tenant, *client, *secret, *thumbprint,
                *federated; /* but for the first two: or NULL */
        struct utc expires;
};

struct vm;

/* A user-assigned identity of the machine. */
struct identity {
        char *client_id, *object_id, *resource_id; /* or NULL */
        struct identity *next;
};

/* A disk encryption set that does not stand as the others do. */
struct encryption_set {
        char *id;
        enum service_key key;
        struct encryption_set *next;
};

struct role {
        char *client;
        enum service_role role;
        struct role *next;
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
        struct region *regions;
        struct outage outage;           /* of all of ARM */
        struct service_resource **rows; /* by serial; deleted ones while they can be seen */
        size_t n_rows, rows_capacity;
        size_t listed_bytes[2];         /* by kind: of the last page, to make room for the next */
        struct service_resource **dead; /* seen no more, kept for the journal */
        size_t n_dead, dead_capacity;
        struct service_resource **lingering; /* rows that are deleted, in the order of that */
        size_t n_lingering, lingering_capacity;
        struct service_resource **tagging; /* whose tags are being changed, in the order of that */
        size_t n_tagging, tagging_capacity;
        size_t n_started;                /* copies of snapshots that were ever made (CopyStart) */
        int64_t purge_at;                /* ticks: nothing can be buried before */
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
        struct vm **vms;
        size_t n_vms, vms_capacity;
        struct identity *identities;
        struct role *roles;
        struct encryption_set *encryption_sets;
        char *arc_path, *arc_key; /* NULL: there is no Arc agent */
        uint64_t token_serial;
        unsigned client;  /* of the request being handled; 0 for a verb */
        uint64_t current; /* its number; 0 for a verb */
};

/* service-places.c */

struct subscription *service_find_subscription(const struct service *service, const char *id);
struct group *service_find_group(const struct service *service, const char *subscription,
                                 const char *group);
/* A valid name of a disk or snapshot. */
bool service_name_is_valid(enum service_kind kind, const char *name);
/* A region as Azure normalizes it, letters and digits alone; and the name of a sku. */
bool service_region_is_valid(const char *region);
bool service_sku_is_valid(const char *sku);
bool service_sku_has_copies(const char *sku);
struct chain *service_find_chain(const struct service *service, const struct guid *source);
/* Finds the chain or makes it. */
int service_chain(struct service *service, const struct guid *source, struct chain **ret_chain);
void chain_add(struct chain *chain, const struct service_resource *resource);
/* The region of the subscription, made when it is new. */
int service_region(struct service *service, const struct subscription *subscription,
                   const char *name, struct region **ret_region);

/* service-rules.c: what stands between a request and what it wants. Each returns whether the
 * request may go on; the refusal is answered otherwise. */

bool service_is_here(struct utc now, const struct service_call *call, const struct outage *outage,
                     struct answer *answer);
bool service_may(const struct service_call *call, const struct route *route,
                 const struct group *group, struct answer *answer);
/* Of a listing, the role alone is asked: what nobody may read is left out of it. */
bool service_may_list(const struct service_call *call, const struct route *route,
                      struct answer *answer);
/* The rights in the group, or in the subscription when @group is NULL. */
enum service_rights service_rights_in(const struct subscription *subscription,
                                      const struct group *group);
bool service_is_deletable(struct utc now, const struct service_resource *resource,
                          struct answer *answer);
bool service_has_quota(struct service *service, const struct service_resource *disk,
                       struct answer *answer);
/* How far the subscription's listings lag, in ticks, and the instant they show. */
int64_t service_lag(const struct service *service, const struct subscription *subscription);
struct utc service_listed_instant(const struct service *service,
                                  const struct subscription *subscription, struct utc now);

/* service-encryption.c */

bool service_has_key(const struct service *service, const struct service_resource *disk,
                     struct answer *answer);
/* "encryption" of a body, if there is one. Returns 0, 1 after answering, or -ENOMEM. */
int service_encryption_read(const cJSON *properties, struct service_resource *resource,
                            struct answer *answer);
void service_keys_free(struct service *service);
int service_encryption_get(const struct service *service, const struct route *route,
                           struct answer *answer);

/* service-permissions.c */

int service_permissions(const struct service *service, const struct route *route,
                        const struct group *group, struct answer *answer);

/* service-access.c */

int service_access(struct service *service, struct utc now, const struct service_call *call,
                   const struct route *route, struct service_resource *resource,
                   struct answer *answer);
/* The URL that the operation found. */
void sim_json_access(struct strbuf *out, const struct service *service, uint64_t serial);

/* service.c */

struct guid service_draw_guid(struct service *service);
/* Instant as the service's own clock shows it. */
struct utc service_written(const struct service *service, struct utc now);
/* Replaces a string the resource owns. NULL is copied as NULL. */
int service_set_string(char **field, const char *value);

/* service-rows.c */

/* What a GET would find: living or lingering. */
struct service_resource *service_find_visible(const struct service *service, const char *id,
                                              struct utc now);
/* The living one of the id, or NULL. */
struct service_resource *service_find_living(const struct service *service, const char *id);
/* Moves what can be seen no more to the dead. */
int service_purge(struct service *service, struct utc now);
/* An entry of the journal. */
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
/* What a listing says of it has changed: its size, or its tags, whose verbs below see to it. */
void service_resource_changed(struct service_resource *resource);

/* service-tag-set.c */

void service_tag_set_free(struct tag_set *set);
int service_tag_set(struct service_resource *resource, const char *name, const char *value);
void service_tag_unset(struct service_resource *resource, const char *name);
void service_tags_clear(struct service_resource *resource);
/* Before the tags change: what lagging listings go on showing. */
int service_tags_keep(struct service *service, struct utc now, struct service_resource *resource);
int service_tags_copy(struct service_resource *resource, const struct service_tag *tags, size_t n);

/* service-verbs.c: those whose source, a disk or a snapshot, this is, and that are under way, fail. */
void service_fail_copies_of(struct service *service, struct utc now,
                            const struct service_resource *source);

/* service-json.c */

/* "2023-05-26T02:55:15.7249065+00:00", as .NET writes it: without trailing zeros. */
void sim_json_time(struct strbuf *out, struct utc time);
void sim_json_tags(struct strbuf *out, const struct service_resource *resource);
void sim_json_resource(struct strbuf *out, const struct service_resource *resource, struct utc now);
/* As it was at an instant of the past. */
void sim_json_listed(struct strbuf *out, struct service_resource *resource, struct utc as_of,
                     bool remember);
/* The body of the 202 of a PUT. */
void sim_json_accepted(struct strbuf *out, const struct service_resource *resource, bool bare);
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
        const char *client; /* whose token came; NULL before it was looked at */
        enum service_role role;
        int bucket;                        /* enum service_bucket; below 0 for none */
        struct bucket_use *use;            /* of it; NULL for none */
        int arm_bucket;                    /* enum service_arm_bucket; below 0 for none */
        struct subscription *subscription; /* NULL when the request did not come that far */
};

/* Sets status and body; always returns 0, so that a handler ends with it. */
_printf_(5, 6) int answer_error(struct answer *answer, int status, const char *cause,
                                const char *code, const char *format, ...);

/* service-token.c */

int service_token_imds(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct answer *answer);
/* A new token of that client; the text is the service's. */
int service_token_issue(struct service *service, struct utc now, const char *client,
                        const char **ret_value);
void service_free_tokens(struct service *service);
/* Returns 0 when the request's token is good, 1 after answering 401. */
int service_check_token(struct service *service, struct utc now, const struct service_call *call,
                        struct answer *answer);

/* service-entra.c */

int service_token_entra(struct service *service, struct utc now, const struct service_call *call,
                        const struct route *route, struct answer *answer);

/* service-tags.c */

int service_tags_answer(const struct service_resource *resource, struct answer *answer);
int service_tags_patch(struct service *service, struct utc now, const struct service_call *call,
                       const struct route *route, struct service_resource *resource,
                       struct answer *answer);
/* Ends the changes whose time has come. Returns 0 or -ENOMEM. */
int service_tags_settle(struct service *service, struct utc now);
/* The change that runs, if any, will never be done. */
void service_tags_drop(struct service *service, struct service_resource *resource);
struct tagging *service_tagging_free(struct tagging *tagging);
bool service_is_tagging(const struct service_resource *resource, struct utc at);
/* The tags of @scratch in place of the resource's, and that in the journal. */
int service_tags_take(struct service *service, struct utc now, struct service_resource *resource,
                      struct service_resource *scratch);

/* service-arm.c: a request whose token, subscription and group are good. */

int service_arm(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct answer *answer);

/* service-vm.c */

int service_vm_get(const struct service *service, const struct route *route,
                   const struct group *group, struct answer *answer);
/* @group NULL: of the subscription. */
int service_vm_list(const struct service *service, const struct group *group,
                    struct answer *answer);
void service_vms_dump(const struct service *service, struct strbuf *out);
void service_vms_free(struct service *service);

/* service-discovery.c */

int service_discover(const struct route *route, struct answer *answer);
int service_list_subscriptions(const struct service *service, struct answer *answer);
int service_list_tenants(struct answer *answer);
void sim_json_subscription(struct strbuf *out, const struct subscription *subscription);

/* service-operation.c */

/* Begins an operation on the resource and answers 202 with its URLs. */
int service_operation_begin(struct service *service, struct utc now,
                            const struct service_call *call, const struct route *route,
                            const struct service_resource *resource, enum operation_kind kind,
                            int64_t ns, struct answer *answer);
int service_operation_get(struct service *service, struct utc now, const struct service_call *call,
                          const struct route *route, struct answer *answer);

/* service-put.c */

int answer_bad_content(struct answer *answer);
int answer_busy(const struct service_resource *resource, struct answer *answer);
/* Adds the tags to the resource. Returns 0, 1 after answering, or -ENOMEM. */
int service_tags_read(const cJSON *tags, struct service_resource *resource, struct answer *answer);
int service_patch(struct service *service, struct utc now, const struct service_call *call,
                  const struct route *route, struct service_resource *resource,
                  struct answer *answer);
int service_put(struct service *service, struct utc now, const struct service_call *call,
                const struct route *route, struct group *group, struct answer *answer);
