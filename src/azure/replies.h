/*
 * replies: what ARM and the identity service answer, decoded.
 *
 * Unknown members are ignored; a member that must be there and is not, or is of another type, is an
 * error with the member's name. Strings are borrowed from the JSON they were decoded from, which a
 * reply that was parsed from bytes owns.
 */
#pragma once

#include "base/guid.h"
#include "base/time.h"
#include "base/transport.h"
#include "core/resource_id.h"

#include <stdbool.h>
#include <stdint.h>

struct cJSON;

enum {
        REPLY_E_MEMBER = 100, /* beyond JSON_E_*: a member is missing or of a wrong type or form;
                                 *reterr_member names it, a static string */
};

/* Chosen: an access token of Entra has one to a few kilobytes. */
#define TOKEN_MAX (64U << 10)
/* Chosen: tokens live a day at most; what says more is not believed beyond it. */
#define TOKEN_LIFETIME_MAX_S (7 * SEC_PER_DAY)

enum provisioning_state {
        PROVISIONING_SUCCEEDED, /* or absent: finished and succeeded (FACTS section 3) */
        PROVISIONING_FAILED,
        PROVISIONING_CANCELED,
        PROVISIONING_DELETING,
        PROVISIONING_RUNNING, /* Updating, Creating, anything else */
};

struct disk_reply {
        struct resource_id id;
        const char *location;
        const char *sku;   /* "" when absent */
        const char *state; /* diskState, "" when absent */
        const char *
                encryption_set; /* its id as the service wrote it; "" with a platform's key alone */
        const struct cJSON *tags; /* object of strings, or NULL */
        bool has_unique_id;
        struct guid unique_id;
        struct utc time_created; /* UTC_NONE when absent */
        enum provisioning_state provisioning;
        struct cJSON *json; /* owned; NULL when decoded from a tree of somebody else */
};

struct snapshot_reply {
        struct resource_id id; /* has_id */
        bool has_id;           /* a 202 may lack it */
        const char *location;
        const char *create_option; /* "" when absent */
        const char *state;         /* diskState, "" when absent */
        const struct cJSON *tags;
        bool has_unique_id;
        struct guid unique_id;
        bool has_source_unique_id;
        struct guid source_unique_id;
        const char *source_id;   /* sourceResourceId as it was written; "" when absent */
        struct utc time_created; /* UTC_NONE when absent */
        enum provisioning_state provisioning;
        bool incremental;
        bool has_percent;
        unsigned percent;
        bool has_copy_error;
        bool has_sector_size; /* logicalSectorSize: of an Ultra or Premium SSD v2 disk */
        struct cJSON *json;   /* owned; NULL when decoded from a tree of somebody else */
};

/* From an element of a page, or from a member of another reply. Return 0 or REPLY_E_MEMBER. */
int disk_reply_decode(const struct cJSON *json, struct disk_reply *ret_disk,
                      const char **reterr_member);
int snapshot_reply_decode(const struct cJSON *json, struct snapshot_reply *ret_snapshot,
                          const char **reterr_member);

/* What completionPercent and createOption say together, with @counts_percent as in
 * DISK_COUNTS_PERCENT (core/rows.h): is all of its data there? True of Succeeded snapshots alone. */
bool snapshot_reply_is_complete(const struct snapshot_reply *snapshot, bool counts_percent);
/* Failed, Canceled, or a copyCompletionError, and not being deleted. */
bool snapshot_reply_has_failed(const struct snapshot_reply *snapshot);

/* From the body of a single GET or PUT. @ret_snapshot owns what it borrows from: deinit it. Returns
 * 0, JSON_E_* (page.h), REPLY_E_MEMBER, or -ENOMEM. */
int snapshot_reply_parse(const char *bytes, size_t len, struct snapshot_reply *ret_snapshot,
                         const char **reterr_member);
void snapshot_reply_deinit(struct snapshot_reply *snapshot);
/* The same of a disk. */
int disk_reply_parse(const char *bytes, size_t len, struct disk_reply *ret_disk,
                     const char **reterr_member);
void disk_reply_deinit(struct disk_reply *disk);

/*
 * ARM's clock: the reply's Date header, whatever its status. Only the preferred form of RFC 9110
 * section 5.6.7 counts, and one Date alone: of two, nobody knows which is ARM's. Returns 0 or -ENOENT
 * when there is none to believe.
 */
int arm_reply_date(const struct http_reply *reply, struct utc *ret_date);

/* A hash of the tags that does not depend on their order; names without case, values with. */
uint64_t tags_hash(const struct cJSON *tags);
/* The value of the tag, name without case, or NULL. */
const char *tags_get(const struct cJSON *tags, const char *name);

enum operation_status {
        OPERATION_RUNNING,
        OPERATION_SUCCEEDED,
        OPERATION_FAILED,
        OPERATION_CANCELED,
};

/* The body behind Azure-AsyncOperation. */
struct operation_reply {
        enum operation_status status;
        const struct cJSON *output; /* properties.output, or NULL */
        const struct cJSON *error;  /* or NULL */
        struct cJSON *json;         /* owned */
};

/* Returns as snapshot_reply_parse(). */
int operation_reply_parse(const char *bytes, size_t len, struct operation_reply *ret_operation,
                          const char **reterr_member);
/* The reply behind Location (FACTS section 3): 202 while it runs, then the final answer, which is the
 * resource itself or nothing. Returns 0, or -ENOMEM. */
int location_reply_parse(const struct http_reply *reply, struct operation_reply *ret_operation);
void operation_reply_deinit(struct operation_reply *operation);

/* A token of either token endpoint: printable ASCII without spaces. */
struct token_reply {
        char *token; /* owned by the caller, to be wiped */
        int64_t lifetime_s;
        int64_t refresh_s; /* refresh_in, or 0 */
};

/* Returns 0, JSON_E_*, REPLY_E_MEMBER or -ENOMEM. The caller frees token with str_wipe_free(). */
int token_reply_decode(const char *bytes, size_t len, struct token_reply *ret_token,
                       const char **reterr_member);
