/*
 * policy: the policy file as typed values (DESIGN section 3). config makes it from YAML; planner
 * and engine read it and never change it.
 *
 * Every value has been checked: names are non-empty and fit their tags, durations are positive,
 * references between parts are resolved to indices, ids are well formed. Defaults are filled in,
 * so that nobody below config knows one.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"
#include "core/resource_id.h"
#include "core/retention.h"
#include "core/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An owner or policy name goes into a tag (256) and into journal fields. Chosen: short enough for
 * every table an operator reads. Letters, digits, '-', '_' and '.'. */
#define POLICY_NAME_MAX 64
/* A resource has 50 tags at most (FACTS section 1), ours are at most 12. */
#define POLICY_TAGS_MAX 38

struct policy_tag {
        char *name;
        char *value;
};

struct policy_tags {
        struct policy_tag *items; /* owned; names differ without case */
        size_t n;
};

enum cloud_kind {
        CLOUD_PUBLIC,
        CLOUD_USGOV,
        CLOUD_CHINA,
        CLOUD_CUSTOM, /* arm and imds are given, login perhaps */
};

struct policy_cloud {
        enum cloud_kind kind;
        /* Base URLs without a slash at the end. For the known clouds config fills them from FACTS
         * section 8, so that nobody else looks at @kind to find a host. */
        char *arm;
        char *login; /* NULL: ARM is asked for it (azure/authority.h) */
        char *imds;
        char *ca; /* path of a PEM file, or NULL for the system's store */
};

enum identity_kind {
        IDENTITY_MANAGED,     /* of the virtual machine, by its identity service */
        IDENTITY_ARC,         /* of an Azure Arc machine, by its agent */
        IDENTITY_WORKLOAD,    /* a federated token; the AZURE_ variables say whose and where */
        IDENTITY_SECRET,      /* service principal, by a client secret */
        IDENTITY_CERTIFICATE, /* service principal, by a certificate and its key */
        IDENTITY_ENVIRONMENT, /* one of the above, as the AZURE_ variables say */
};

/* Strings are NULL where the kind has none. */
struct policy_identity {
        enum identity_kind kind;
        /* managed: which user-assigned one, by one of the three at most; client_id is the application
         * of a service principal too. */
        char *client_id;
        char *object_id;
        char *resource_id;
        char *tenant;     /* service principal */
        char *credential; /* service principal: name of the systemd credential with secret or PEM */
};

enum redundancy {
        REDUNDANCY_AUTO, /* the service chooses: zone-redundant where the region has it */
        REDUNDANCY_ZRS,
        REDUNDANCY_LRS,
};

enum network_access {
        NETWORK_DENY,
        NETWORK_ALLOW,
        NETWORK_PRIVATE, /* through the private links of disk_access alone */
};

enum prune_mode {
        PRUNE_OFF,
        PRUNE_AUTO,
        PRUNE_ASK, /* the first deletion of a policy waits for an operator's ack */
};

/* What becomes of a gone disk's series when the freeze is over. */
enum gone_mode {
        GONE_KEEP,  /* all of it stays */
        GONE_APPLY, /* the rule runs on, with min_keep */
};

struct policy {
        char *name;
        struct schedule schedule;
        int64_t jitter_s;        /* schedule_jitter_bound() of the file's; 0 for none */
        bool catch_up;           /* after downtime one snapshot, of the newest missed slot */
        bool has_keep;           /* false: nothing is ever deleted */
        struct keep keep;        /* valid when has_keep */
        char *zone_name;         /* IANA name, "UTC" by default */
        const struct zone *zone; /* borrowed from the policy file's zones; NULL is UTC */
        int64_t rpo_s;           /* 0 for none */
        char *snapshot_group;    /* resource group in the disk's subscription */
        enum redundancy redundancy;
        enum network_access network_access;
        char *disk_access;       /* id of a disk access; NULL unless network_access is private */
        struct policy_tags tags; /* the operator's own, on every snapshot */
        enum prune_mode prune;
        uint32_t min_keep;           /* complete ones a series never falls below; at least 1 */
        int64_t min_age_s;           /* none younger is deleted */
        unsigned max_delete_percent; /* of its snapshots, 1 to 100: doubts policy and mass */
        unsigned stale_stop; /* slots missed in a row that stop pruning of a series; 1 or more */
        int64_t freeze_s;    /* on_disk_gone: nothing is deleted for so long; 0 or more */
        enum gone_mode gone; /* on_disk_gone: then */
        char **formerly;     /* owned; old names whose series this policy claims */
        size_t n_formerly;
};

/* One entry of targets: either ids, or a match over one subscription. */
struct target {
        size_t policy;             /* index into policies */
        struct resource_id *disks; /* owned */
        size_t n_disks;
        char *subscription; /* match: lower case GUID, or NULL when the target has ids alone */
        char **groups;      /* match: globs; none is every group */
        size_t n_groups;
        struct policy_tags tags; /* match: all must be there; names without case, values with */
        struct policy_tags except_tags; /* match: one that is there excludes */
        uint32_t expect; /* fewer disks than this: alarm, and doubt targets; 0: none is expected */
        bool may_be_empty; /* expect says so; else one that has found no disk ever is a warning */
};

/* What the heartbeat tells, as bits. */
enum heartbeat_event {
        HEARTBEAT_START = 1 << 0, /* a round begins */
        HEARTBEAT_OK = 1 << 1,    /* it ended, and all is in order */
        HEARTBEAT_FAIL = 1 << 2,  /* it ended, and something is not */
};

struct policy_heartbeat {
        char *credential; /* name of the credential that holds the URL; NULL: there is none */
        unsigned events;  /* enum heartbeat_event */
};

struct policy_file {
        char *owner;
        struct policy_cloud cloud;
        struct policy_identity
                identity; /* all but deletions, and these too when it is the only one */
        bool two_identities;
        struct policy_identity pruner; /* with two: deletes, and reads what it is about to delete */
        struct policy *policies;
        size_t n_policies;
        struct target *targets;
        size_t n_targets;
        struct zone **zones; /* owned; the policies borrow from here */
        size_t n_zones;
        uint32_t parallel;           /* requests under way at once */
        uint32_t api_share_permille; /* of Azure's request budgets, 1 to 1000 */
        bool demo;                   /* limits of time are lifted: seconds are allowed */
        struct policy_heartbeat heartbeat;
        char *textfile; /* metrics for the node exporter's collector, or NULL */
};

/* "managed", "arc", "workload", "secret", "certificate", "environment". */
const char *identity_kind_name(enum identity_kind kind);
/* For people: "the managed identity 1111…", "the client 1111… of tenant a.example, by the certificate in
 * the credential \"sp\"". */
struct strbuf;
void policy_identity_append(const struct policy_identity *identity, struct strbuf *out);

/* Frees all it owns. Copes with NULL and half-built files, returns NULL. */
struct policy_file *policy_file_free(struct policy_file *file);
DEFINE_CLEANUP(struct policy_file *, policy_file_free)

void policy_tags_deinit(struct policy_tags *tags);
/* The value of the tag of that name, without case, or NULL. */
const char *policy_tags_get(const struct policy_tags *tags, const char *name);
