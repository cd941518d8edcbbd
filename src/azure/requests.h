/*
 * requests: every request we can send to ARM, without its token. Those for tokens are in
 * token_requests.h.
 *
 * Each function returns a whole request with time-outs and ceilings, or NULL when memory is out.
 * URLs are built from checked parts (resource_id.h) and percent-encoded where a part could need it.
 */
#pragma once

#include "base/transport.h"
#include "core/policy.h"
#include "core/resource_id.h"

/* FACTS section 1: nothing for snapshots changed since; the newest swagger we hold. */
#define ARM_COMPUTE_VERSION "2024-03-02"
/* Of the tags resource, which is Microsoft.Resources' (DESIGN section 4). */
#define ARM_TAGS_VERSION "2021-04-01"
/* Of Microsoft.Authorization's permissions, the newest stable one that has them. */
#define ARM_PERMISSIONS_VERSION "2022-04-01"
/* Chosen. A page may be large and its line slow, and the silence bounds that too. */
#define REQUEST_CONNECT_NS (10 * NSEC_PER_SEC)
#define REQUEST_SILENCE_NS (30 * NSEC_PER_SEC)
#define REQUEST_SINGLE_NS (120 * NSEC_PER_SEC)
#define REQUEST_LISTING_NS (600 * NSEC_PER_SEC)
/* Chosen: "ARM drops provider answers above 8 MB" (FACTS section 5), eight times. */
#define REQUEST_LISTING_MAX (64U << 20)

struct http_request *arm_list_disks(const struct policy_cloud *cloud, const char *subscription);
struct http_request *arm_list_snapshots(const struct policy_cloud *cloud, const char *subscription);
/* A next link, verbatim; the caller has checked it with endpoint_owns(). */
struct http_request *arm_follow(const char *url);
/* An operation's URL, likewise; with the time-outs and ceilings of a single request. */
struct http_request *arm_poll(const char *url);
struct http_request *arm_get(const struct policy_cloud *cloud, const struct resource_id *id);
struct http_request *arm_delete(const struct policy_cloud *cloud, const struct resource_id *id);

/* What the caller may do in the group, by all roles that reach it (rights.h). */
struct http_request *arm_get_permissions(const struct policy_cloud *cloud, const char *subscription,
                                         const char *group);
struct encryption_set_id;
struct http_request *arm_get_encryption_set(const struct policy_cloud *cloud,
                                            const struct encryption_set_id *id);

/* What a tags request does to the set that is there; tags it does not name stay. */
enum tags_operation {
        TAGS_MERGE,  /* adds, and replaces values */
        TAGS_DELETE, /* takes those away that have the name and the value */
};

/*
 * PATCH of the tags resource (DESIGN section 4, "Tags"): a PATCH of the snapshot itself would replace
 * the whole set, and with it a hold that somebody has just set. @tags is name NUL value NUL ...,
 * @tags_len bytes, at least one tag.
 */
struct http_request *arm_patch_tags(const struct policy_cloud *cloud, const struct resource_id *id,
                                    enum tags_operation operation, const char *tags,
                                    size_t tags_len);

struct snapshot_spec {
        struct resource_id id;   /* of the snapshot */
        struct resource_id disk; /* its source */
        const char *location;    /* the disk's, as its listing has it */
        enum redundancy redundancy;
        enum network_access network_access;
        const char *disk_access; /* NETWORK_PRIVATE: its id */
        const char *tags;        /* name NUL value NUL …, tags_len bytes (action_tags) */
        size_t tags_len;
};

struct http_request *arm_put_snapshot(const struct policy_cloud *cloud,
                                      const struct snapshot_spec *spec);

/* Whether a token for this cloud may be sent to @url: same scheme, host and port as arm, no user
 * part, no other tricks. */
bool endpoint_owns(const struct policy_cloud *cloud, const char *url);
