/*
 * sim/service: a model of Azure as its clients see it: subscriptions, resource groups, managed
 * disks, snapshots, long-running operations, tags, and the two token endpoints.
 *
 * The model is a value that requests change: no clock, no randomness but its seed, no input or
 * output. Each call brings the instant it happens at, and these must not go backwards. A request's
 * effect is applied and its reply made by one call, service_handle(); a reply lost after the effect
 * is one that the caller frees, and one lost before it is a call that was never made.
 *
 * It is written from the notes on Azure's behaviour and recorded traffic and uses nothing of
 * azure/, so that a misreading there is not shared here. What it does not know (copies to other
 * regions, changes of virtual machines) it refuses as Azure refuses the unknown.
 *
 * Beside the requests there are two doors: verbs, by which a scenario changes the world as other
 * people's hands do, and truth, by which checks read what is so. Neither goes through HTTP.
 */
#pragma once

#include "base/guid.h"
#include "base/macros.h"
#include "base/time.h"
#include "base/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Service limits: "Create an incremental snapshot for managed disks", Microsoft Learn. */
#define SERVICE_CHAIN_MAX 500
#define SERVICE_BURST_MAX 7
#define SERVICE_BURST_SECONDS 300
/* Ultra and Premium SSD v2: background copies of one disk under way. */
#define SERVICE_PENDING_MAX 3
/* Snapshots of one family with an open SAS. */
#define SERVICE_ACCESS_MAX 5
#define SERVICE_TAGS_MAX 50
/* "Sizes for virtual machines in Azure", Microsoft Learn: the largest take 64 data disks. */
#define SERVICE_VM_DISKS_MAX 64
/* "Share an Azure managed disk", Microsoft Learn: the largest Ultra Disks; smaller ones share less. */
#define SERVICE_SHARES_MAX 15
/* Azure does not say what a page holds; chosen, near what clients report. */
#define SERVICE_PAGE_SIZE 1000
/* A request above it is refused, as is JSON in it deeper than cJSON's own ceiling. */
#define SERVICE_BODY_MAX (1U << 20)

/* What azure-sim --disks and tests use when they have no reason for others. */
#define SERVICE_SUBSCRIPTION "11111111-1111-4111-8111-111111111111"
#define SERVICE_TENANT "22222222-2222-4222-8222-222222222222"
#define SERVICE_CLIENT "33333333-3333-4333-8333-333333333333"
#define SERVICE_SECRET "sim-secret"
#define SERVICE_REGION "westeurope"

enum {
        SERVICE_E_EXISTS = 1, /* the name is taken */
        SERVICE_E_MISSING,    /* no such group, disk or snapshot */
        SERVICE_E_INVALID,    /* the world's JSON, an id or a name is not as it must be */
        SERVICE_E_LOCKED,     /* a lock forbids it to hands, too */
        SERVICE_E_BUSY,       /* a change of its tags runs */
};

struct service;

struct service_options {
        uint64_t seed;        /* of GUIDs and tokens */
        bool bare_accepted;   /* the 202 of a PUT has no id, name and type (recorded in 2021) */
        size_t page_size;     /* elements of a listing's page */
        int64_t operation_ns; /* from a PUT or DELETE to the end of its operation */
        int64_t linger_ns;    /* from the 202 of a DELETE until a GET answers 404 */
        int64_t tagging_ns; /* of a change by the tags resource; 0: it is answered 200, and done */
        int64_t copy_ns;    /* of an Ultra or Premium SSD v2 snapshot from 0 to 100 percent */
        int64_t listing_lag_ns; /* listings show the world of so long ago; single GETs do not */
        uint32_t empty_pages;   /* in 100 pages, so many are empty and come before the real one */
        int64_t token_life_s;   /* of tokens of either endpoint */
        uint32_t rates; /* answer 429 when a bucket is empty that holds, and fills at, so many
                                   times what Azure's does; 0: never, and headers as for 1 */
        bool no_zones;  /* regions refuse zone-redundant storage, their own choice too */
        bool no_limits; /* no 500, no 7 in 5 minutes: for benchmarks */
        bool no_operation_urls; /* a 202 has neither Azure-AsyncOperation nor Location */
        bool repeated_is_200;   /* a PUT on an existing name answers 200 with the whole resource */
};

/* 1 s operations, 0.5 s to linger, 6 minutes to copy, no lag, hour-long tokens, seed 1. */
struct service_options service_options_default(void);

enum service_kind {
        SERVICE_DISK,
        SERVICE_SNAPSHOT,
};

enum service_state {
        SERVICE_UPDATING,
        SERVICE_SUCCEEDED,
        SERVICE_FAILED,
        SERVICE_DELETING, /* the DELETE was accepted, and a GET still finds it */
};

struct service_tag {
        char *name; /* owned, as is the value */
        char *value;
};

/* A disk or a snapshot. Read only outside; valid until service_forget() or service_free(). */
struct service_resource {
        enum service_kind kind;
        uint64_t serial;          /* counts from 1 in the order of creation, both kinds together */
        const char *subscription; /* lower case */
        const char *group;        /* as the group was written when it was made */
        char *name;               /* as it was created */
        char *id;                 /* the whole ARM id */
        char *region;
        char *sku;           /* "Premium_LRS" */
        char *create_option; /* "Empty", "Copy" */
        char *managed_by; /* id of the virtual machine that a disk is attached to; NULL for none */
        char *source_id;  /* sourceResourceId as the creator wrote it; NULL for none */
        char *encryption_set; /* id of the disk encryption set; NULL: a platform's key */
        uint32_t max_shares; /* of a disk: virtual machines that may share it; 0: it was not said */
        bool uploading;      /* a disk that waits for its data: no snapshot is taken of it */
        struct guid unique_id;
        struct guid source_unique_id; /* nil for none */
        struct guid family_id;        /* incrementalSnapshotFamilyId; nil for none */
        bool incremental;
        bool fails;  /* ends Failed instead of Succeeded */
        bool locked; /* by a lock of its own: ask service_resource_is_locked() */
        uint32_t size_gib;
        char *network_access;      /* "AllowAll" */
        char *public_access;       /* "Enabled" */
        struct utc time_created;   /* as the service writes it: by its own, settable clock */
        struct utc created_at;     /* when in true time; the instant of the effect */
        struct utc done_at;        /* Updating before */
        struct utc copied_at;      /* completionPercent reaches 100; UTC_NONE when it has none */
        struct utc copy_failed_at; /* it stands still from here; UTC_NONE while it does not */
        struct utc access_at;      /* a SAS was opened; UTC_NONE for never */
        struct utc access_until;   /* it is closed or runs out */
        struct utc tagging_at;     /* a change of its tags was accepted; UTC_NONE for never */
        struct utc tagged_at;      /* and is done: Updating, with the tags of before, till then */
        struct utc leaving_at;     /* a DELETE was accepted that fails; UTC_NONE for never */
        struct utc stays_at;       /* and has failed: Deleting till then, and as before from here */
        struct utc deleted_at;     /* the DELETE was accepted; UTC_NONE while it lives */
        struct utc gone_at;        /* a GET answers 404 from here; UTC_NONE while it lives */
        uint64_t created_by;       /* number of the request; 0 for a verb */
        uint64_t deleted_by;       /* number of the request; 0 for a verb or while it lives */
        unsigned created_by_client; /* service_call's client */
        unsigned deleted_by_client;
        struct service_tag *tags; /* in the order they were set */
        size_t n_tags, tags_capacity;
        /* The rest is the model's. */
        char *hyperv_generation;   /* as the creator wrote it; NULL for none */
        bool has_tags;             /* a set of tags was given, were it empty */
        bool deformed;             /* service_deform() */
        struct tag_set *past_tags; /* what lagging listings may still show, newest first */
        struct tagging *tagging;   /* a change of tags that runs; NULL for none */
        uint64_t id_hash;
        struct service_resource *next_same_hash;
        void *group_object, *chain_object, *region_object;
        char *listed; /* what listings write of it while it does not change; NULL when not known */
        size_t listed_len;
};

/* What a request asks for, for counting and for holding it. */
enum service_request_kind {
        SERVICE_REQUEST_TOKEN,
        SERVICE_REQUEST_DISCOVER, /* before there is a token */
        SERVICE_REQUEST_LIST_SUBSCRIPTIONS,
        SERVICE_REQUEST_LIST_TENANTS,
        SERVICE_REQUEST_LIST_DISKS,
        SERVICE_REQUEST_GET_DISK,
        SERVICE_REQUEST_PUT_DISK,
        SERVICE_REQUEST_PATCH_DISK,
        SERVICE_REQUEST_DELETE_DISK,
        SERVICE_REQUEST_LIST_SNAPSHOTS,
        SERVICE_REQUEST_GET_SNAPSHOT,
        SERVICE_REQUEST_PUT_SNAPSHOT,
        SERVICE_REQUEST_PATCH_SNAPSHOT,
        SERVICE_REQUEST_DELETE_SNAPSHOT,
        SERVICE_REQUEST_GET_OPERATION,
        SERVICE_REQUEST_GET_TAGS,
        SERVICE_REQUEST_PATCH_TAGS,
        SERVICE_REQUEST_LIST_VMS,
        SERVICE_REQUEST_GET_VM,
        SERVICE_REQUEST_GET_GROUP,
        SERVICE_REQUEST_GET_SUBSCRIPTION,
        SERVICE_REQUEST_BEGIN_ACCESS,
        SERVICE_REQUEST_END_ACCESS,
        SERVICE_REQUEST_GET_PERMISSIONS,
        SERVICE_REQUEST_GET_ENCRYPTION_SET,
        SERVICE_REQUEST_OTHER,
        _SERVICE_REQUEST_KIND_N,
};

/* "put_snapshot" and so on: the names in azure-sim's statistics. */
const char *service_request_kind_name(enum service_request_kind kind);
enum service_request_kind service_request_kind_of(enum http_method method, const char *url);

/* A request as the service receives it. All is borrowed. */
struct service_call {
        enum http_method method;
        const char *url; /* absolute: nextLink and operation URLs get its scheme and host */
        const struct http_headers *headers;
        const char *body; /* NULL for none */
        size_t body_len;
        unsigned client;      /* who asks, for the journal; 0 when nobody cares */
        bool fail_operation;  /* a create or a DELETE that is begun by this call ends Failed */
        bool fail_copy;       /* the background copy it begins, if any, stops half way */
        int64_t operation_ns; /* how long its operation runs; 0 for the options' time */
};

/* Life. */

int service_new(const struct service_options *options, struct service **ret_service);
struct service *service_free(struct service *service);
DEFINE_CLEANUP(struct service *, service_free)

/*
 * Applies the request's effect and makes its reply, which the caller owns: outcome TRANSPORT_REPLY
 * with status, headers and body. Every fault of the request is a reply, too.
 *
 * Returns 0 or -ENOMEM; after -ENOMEM the effect may have happened.
 */
int service_handle(struct service *service, struct utc now, const struct service_call *call,
                   struct http_reply **ret_reply);
/* The number service_handle() gave the last request, counting from 1. */
uint64_t service_request_number(const struct service *service);

/* A reply as the service writes an error: for faults that others decide, such as a 429 or a 503.
 * @retry_after_s below 0: no Retry-After. Returns 0 or -ENOMEM. */
int service_error_reply(struct service *service, struct utc now, int status, const char *code,
                        const char *message, int64_t retry_after_s, struct http_reply **ret_reply);

/* "Mon, 23 Nov 2026 02:15:00 GMT", as Date has it. */
#define SERVICE_DATE_SIZE 64
void service_format_date(struct utc time, char text[SERVICE_DATE_SIZE]);

/* Settings that may change at any time. */

struct service_options *service_options(struct service *service);
/* The error of the service's own clock: what Date, timeCreated and expires_on are written by. */
void service_set_clock_error(struct service *service, int64_t ns);
int64_t service_clock_error(const struct service *service);
/* Every token handed out so far is refused as expired from here on. */
void service_expire_tokens(struct service *service);

/* An application, and by what it may prove who it is. Strings are copied; NULL: not so. */
struct service_client_spec {
        const char *tenant, *client;
        const char *secret;
        const char *thumbprint; /* base64url of the SHA-256 of its certificate: x5t#S256 */
        const char *federated;  /* a federated token that it trusts, whole */
        struct utc expires;     /* of all three; UTC_NEVER */
};

/* Returns 0, -ENOMEM, SERVICE_E_EXISTS. */
int service_add_client(struct service *service, const struct service_client_spec *spec);
/* It is deleted in Entra; tokens it has stay good. Returns 0, SERVICE_E_MISSING. */
int service_forget_client(struct service *service, const char *tenant, const char *client);
/* A user-assigned identity of the machine whose identity service is asked, by any of its three ids; the
 * system-assigned one, SERVICE_CLIENT, is always there. NULL: it has no such id. Returns 0, -ENOMEM. */
int service_add_identity(struct service *service, const char *client_id, const char *object_id,
                         const char *resource_id);
/* There is an Arc agent, too: its challenge names the file @path, and it wants @key back, which that
 * holds. Its identity is SERVICE_CLIENT. Returns 0, -ENOMEM. */
int service_set_arc_key(struct service *service, const char *path, const char *key);

/* What an application or identity may, wherever it may anything. */
enum service_role {
        SERVICE_ROLE_ALL,
        SERVICE_ROLE_CREATOR, /* all but deleting */
        SERVICE_ROLE_PRUNER,  /* reading and deleting single snapshots, and asking what it may */
        SERVICE_ROLE_NONE,    /* 403 for everything */
};

/* @client: its client id. Counts from the next request on. Returns 0, -ENOMEM. */
int service_set_role(struct service *service, const char *client, enum service_role role);

/* Every request for the subscription answers 403 AuthorizationFailed, or does no longer. Returns 0
 * or SERVICE_E_MISSING. */
int service_forbid(struct service *service, const char *subscription, bool forbidden);

/* What all clients may alike. Rights of a group override those of its subscription. */
enum service_rights {
        SERVICE_RIGHTS_INHERITED, /* as above; for a subscription: all */
        SERVICE_RIGHTS_ALL,
        SERVICE_RIGHTS_UNLISTED, /* listings leave it out, though single requests succeed */
        SERVICE_RIGHTS_READ,     /* writing answers 403 */
        SERVICE_RIGHTS_NONE,     /* listings leave it out, single requests answer 403 */
};

/* @group NULL: of the subscription. Returns 0 or SERVICE_E_MISSING. */
int service_set_rights(struct service *service, const char *subscription, const char *group,
                       enum service_rights rights);

/* What stands between clients and a subscription. */
enum service_away {
        SERVICE_HERE,
        SERVICE_AWAY_500,  /* InternalServerError */
        SERVICE_AWAY_503,  /* ServerTimeout */
        SERVICE_THROTTLED, /* 429 with Retry-After, for every request */
        SERVICE_UNKNOWN,   /* 404 SubscriptionNotFound */
        SERVICE_DISABLED,  /* reading is allowed, all else 409 ReadOnlyDisabledSubscription */
};

/* Until @until (UTC_NEVER), or the next call. @subscription NULL: all of ARM, which can only be
 * away or throttled; the token endpoints stay. @retry_after_s is for THROTTLED; 0: no header.
 * Returns 0, SERVICE_E_MISSING or SERVICE_E_INVALID. */
int service_set_away(struct service *service, const char *subscription, enum service_away away,
                     int64_t retry_after_s, struct utc until);

/* Listings of the subscription show the world of @ns ago in place of the options' lag: creations,
 * deletions, tags and states. What had happened before this call stays visible, so that a listing
 * never shows an older world than one before it did. Below 0: the options' again. Returns 0 or
 * SERVICE_E_MISSING. */
int service_set_listing_lag(struct service *service, struct utc now, const char *subscription,
                            int64_t ns);
/* The same, and each page shows that world or the one of this moment, as two replicas would of which one is
 * behind: what one listing has shown the next one may not. */
int service_set_listing_flaps(struct service *service, struct utc now, const char *subscription,
                              int64_t ns);
/* How many snapshots each region of the subscription may hold, 0 for no limit: above it a PUT
 * answers 409 QuotaExceeded. Returns 0 or SERVICE_E_MISSING. */
int service_set_quota(struct service *service, const char *subscription, uint32_t max);

/* How a disk encryption set stands, which is there as soon as a disk names it. */
enum service_key {
        SERVICE_KEY_USABLE,
        SERVICE_KEY_DISABLED,   /* a PUT of a snapshot answers 400 KeyVaultKeyNotEnabled */
        SERVICE_KEY_FORBIDDEN,  /* the set's identity may not use it: 400 KeyVaultAccessForbidden */
        SERVICE_KEY_UNREADABLE, /* no client may read the set: 403 LinkedAuthorizationFailed */
        SERVICE_KEY_GONE,       /* there is no such set: 404 DiskEncryptionSetNotFound */
};

/* @set: its id. Returns 0, -ENOMEM. */
int service_set_key(struct service *service, const char *set, enum service_key key);

/* Others in the subscription make @n requests of that kind, which count in Compute's bucket of the
 * region and nowhere else. A bucket does not go below empty. Returns 0, -ENOMEM, SERVICE_E_MISSING, or
 * SERVICE_E_INVALID for a kind that Compute does not count. */
int service_spend(struct service *service, struct utc now, const char *subscription,
                  const char *region, enum service_request_kind kind, uint32_t n);

/* Verbs: the world as other hands change it. Each needs its instant; none counts as a request. */

/* Makes the subscription when it is new. Returns 0, -ENOMEM, SERVICE_E_EXISTS, SERVICE_E_INVALID. */
int service_add_group(struct service *service, const char *subscription, const char *group,
                      const char *region);

struct service_disk_spec {
        const char *subscription, *group, *name;
        const char *region;         /* NULL: the group's */
        const char *sku;            /* NULL: Premium_LRS */
        uint32_t size_gib;          /* 0: 64 */
        struct guid unique_id;      /* nil: made from the seed */
        const char *encryption_set; /* an id; NULL: a platform's key */
        uint32_t max_shares;        /* 0: none is told */
        bool uploading;
        const struct service_tag *tags;
        size_t n_tags;
};

/* Returns 0, -ENOMEM, SERVICE_E_EXISTS, SERVICE_E_MISSING (group), SERVICE_E_INVALID. */
int service_add_disk(struct service *service, struct utc now, const struct service_disk_spec *spec,
                     const struct service_resource **ret_disk);

struct service_vm_spec {
        const char *subscription, *group, *name;
        const char *region; /* NULL: the group's */
        const char
                *os_disk; /* ids of disks that are there and attached to nothing; NULL for none */
        const char *data_disks[SERVICE_VM_DISKS_MAX]; /* by lun */
        size_t n_data_disks;
};

/* A disk that is attached says so, and a DELETE of it is refused. Returns 0, -ENOMEM, SERVICE_E_EXISTS
 * (the name, or a disk is attached), SERVICE_E_MISSING (group, disk), SERVICE_E_INVALID. */
int service_add_vm(struct service *service, const struct service_vm_spec *spec);

struct service_snapshot_spec {
        const char *subscription, *group, *name;
        const char *source_id;        /* ARM id of its disk, which need not exist any more; of a
                                         copy (CopyStart) its source snapshot's */
        const char *region;           /* NULL: the disk's, or else the group's */
        const char *sku;              /* NULL: Standard_LRS */
        const char *create_option;    /* NULL: Copy */
        struct guid unique_id;        /* nil: made from the seed */
        struct guid source_unique_id; /* nil: the disk's */
        bool full;                    /* not incremental */
        bool failed;                  /* provisioningState Failed */
        bool updating;                /* stays Updating for ever */
        int64_t copy_ns;   /* its completionPercent reaches 100 so long after; 0: it has none */
        uint32_t size_gib; /* 0: the disk's, or else 64 */
        struct utc time_created; /* UTC_NONE: now */
        const struct service_tag *tags;
        size_t n_tags;
};

/* Limits do not hold for it. Returns 0, -ENOMEM, SERVICE_E_EXISTS, SERVICE_E_MISSING (group),
 * SERVICE_E_INVALID. @ret_snapshot may be NULL. */
int service_add_snapshot(struct service *service, struct utc now,
                         const struct service_snapshot_spec *spec,
                         const struct service_resource **ret_snapshot);

/* Deletes the disk and makes it again under its name: another uniqueId, another timeCreated, the
 * same tags, size and sku. Returns 0, -ENOMEM, SERVICE_E_MISSING, SERVICE_E_LOCKED. */
int service_recreate_disk(struct service *service, struct utc now, const char *id,
                          const struct service_resource **ret_disk);
/* Moves the disk to another subscription, group or name (NULL: as it is), and none of its snapshots: its
 * uniqueId, timeCreated and tags stay, and its chain goes on. In the journal it is a creation and a
 * deletion by nobody. Returns 0, -ENOMEM, SERVICE_E_MISSING (disk, group), SERVICE_E_EXISTS,
 * SERVICE_E_INVALID, SERVICE_E_LOCKED. */
int service_move_disk(struct service *service, struct utc now, const char *id,
                      const char *new_subscription, const char *new_group, const char *new_name);
/* Background copies of an Ultra or Premium SSD v2 disk that is grown fail. Returns 0,
 * SERVICE_E_MISSING. */
int service_resize_disk(struct service *service, struct utc now, const char *id, uint32_t size_gib);
/* The data of a disk that was being uploaded is there. Returns 0, SERVICE_E_MISSING (also when it was
 * not). */
int service_end_upload(struct service *service, struct utc now, const char *id);
/* A background copy that is under way stops with copyCompletionError. Returns 0, SERVICE_E_MISSING
 * (also when none is under way). */
int service_fail_copy(struct service *service, struct utc now, const char *id);
/* An update of the resource, as of its tags, ends Failed at @now: its data is whole, and its
 * provisioningState says Failed. Returns 0, SERVICE_E_MISSING. */
int service_fail_update(struct service *service, struct utc now, const char *id);
/* Deletes the group with all that is in it; service_add_group() gives an empty one back. Returns 0,
 * -ENOMEM, SERVICE_E_MISSING, SERVICE_E_LOCKED. */
int service_delete_group(struct service *service, struct utc now, const char *subscription,
                         const char *group);
/* Sets or removes the CanNotDelete lock of a disk or snapshot, of "/subscriptions/S" or of
 * "/subscriptions/S/resourceGroups/G" with all in it. A lock goes with what it is on. Returns 0,
 * SERVICE_E_MISSING. */
int service_lock(struct service *service, struct utc now, const char *id, bool locked);
/* Opens a SAS of the snapshot for so long. Returns 0, SERVICE_E_MISSING, SERVICE_E_INVALID (a disk,
 * not complete, or SERVICE_ACCESS_MAX are open). */
int service_grant(struct service *service, struct utc now, const char *id, int64_t seconds);
/* Closes it. Returns 0, SERVICE_E_MISSING. */
int service_revoke(struct service *service, struct utc now, const char *id);
/* Deletes a disk or snapshot at once, without lingering. Returns 0, -ENOMEM, SERVICE_E_MISSING,
 * SERVICE_E_LOCKED. */
int service_delete(struct service *service, struct utc now, const char *id);
/* Replaces all its tags. Returns 0, -ENOMEM, SERVICE_E_MISSING. */
int service_retag(struct service *service, struct utc now, const char *id,
                  const struct service_tag *tags, size_t n_tags);
/* Sets one tag, or removes it when @value is NULL. Returns 0, -ENOMEM, SERVICE_E_MISSING. */
int service_set_tag(struct service *service, struct utc now, const char *id, const char *name,
                    const char *value);
/* Sets one by the tags resource, which takes the options' time. Returns the same, SERVICE_E_BUSY. */
int service_merge_tag(struct service *service, struct utc now, const char *id, const char *name,
                      const char *value);

/* From now on, or not any more, a tag of the resource has the value null wherever it is shown, as no client can
 * write it. Returns 0, SERVICE_E_MISSING. */
int service_deform(struct service *service, const char *id, bool deformed);

/* Truth. */

/* All that lives and all that still lingers, in the order of creation: ask deleted_at. */
size_t service_resources(const struct service *service);
const struct service_resource *service_resource_at(const struct service *service, size_t index);
/* The living one of the id (any case), or NULL. */
const struct service_resource *service_find(const struct service *service, const char *id);
/* The value of a tag, the name without case, or NULL. */
const char *service_tag_get(const struct service_resource *resource, const char *name);
enum service_state service_resource_state(const struct service_resource *resource, struct utc now);
/* 0 to 1000, in tenths of a percent; -1 when it has no percentage. */
int service_resource_permille(const struct service_resource *resource, struct utc now);
/* Succeeded, and its percentage is 100 or none, and it was not deleted. That its tags are being changed takes
 * nothing from it, though meanwhile it is Updating. */
bool service_resource_is_complete(const struct service_resource *resource, struct utc now);
/* Its background copy failed: completionPercent stands below 100 for ever. */
bool service_resource_copy_failed(const struct service_resource *resource, struct utc now);
/* By a lock of its own, of its group or of its subscription. */
bool service_resource_is_locked(const struct service_resource *resource);
/* A SAS of it is open. */
bool service_resource_has_access(const struct service_resource *resource, struct utc now);

enum service_effect_kind {
        SERVICE_EFFECT_CREATED,
        SERVICE_EFFECT_REPEATED, /* a PUT on an existing name with the same source: nothing */
        SERVICE_EFFECT_DELETED,
        SERVICE_EFFECT_TAGGED,
};

struct service_effect {
        enum service_effect_kind kind;
        struct utc at;    /* true time */
        uint64_t request; /* its number; 0 for a verb */
        unsigned client;
        const struct service_resource *resource;
};

/* The journal: every effect since the start or the last service_forget(), oldest first. */
size_t service_effects(const struct service *service);
const struct service_effect *service_effect_at(const struct service *service, size_t index);

/* Frees the journal, and all that is deleted and does not linger. Pointers to these are void. */
void service_forget(struct service *service, struct utc now);

struct service_counts {
        uint64_t requests;
        uint64_t by_kind[_SERVICE_REQUEST_KIND_N];
        uint64_t by_method[HTTP_DELETE + 1];
        uint64_t by_status[6];           /* index 2 for 2xx, and so on; 429 also in throttled */
        uint64_t throttled;              /* outages included */
        uint64_t exhausted;              /* of these, by an empty bucket */
        uint64_t created[2], deleted[2]; /* by enum service_kind, by requests alone */
        uint64_t repeated;
        uint64_t alive[2]; /* not deleted */
};

struct service_counts service_counts(const struct service *service);

/* The world as JSON. */

/* Adds what the text describes, in the form service_dump() writes ("azure-sim --help" shows it).
 * On SERVICE_E_INVALID *reterr_what (owned by the caller) names the place. Returns 0, -ENOMEM,
 * SERVICE_E_INVALID. */
int service_load(struct service *service, struct utc now, const char *json, size_t len,
                 char **reterr_what);
/* Groups, disks, virtual machines and snapshots that a GET would find, in the order of creation. */
int service_dump(struct service *service, struct utc now, char **ret_json);
/* @n disks "disk-0001" and on in group rg-app of SERVICE_SUBSCRIPTION, tagged backup=gold, beside
 * an empty rg-snapshots, and the client of the secret flow. Returns 0, -ENOMEM, SERVICE_E_EXISTS. */
int service_populate(struct service *service, struct utc now, size_t n);
