/*
 * The table: DESIGN section 3, key by key, in its order. Every default and range is chosen there or
 * here; where one follows from a limit of Azure, the row says so.
 *
 * It is one file, however long, since it is one table and no code but key_find(): who looks for a key goes
 * down the sections as down the policy file, and rows borrow each other's tables (a copy's keep is a policy's).
 */
#include "config/keys.h"

#include "config/readers.h"

#include "base/macros.h"
#include "base/time.h"
#include "core/policy.h"
#include "core/retention.h"
#include "core/schedule.h"

#include <string.h>

#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define KEYS(array)                                                                                \
        { array, ARRAY_SIZE(array) }

#define MINUTES(n) ((n)*SEC_PER_MINUTE)
#define DAYS(n) ((n)*SEC_PER_DAY)

/* azure */

static const struct key_word cloud_words[] = {
        {"public", CLOUD_PUBLIC, SUPPORTED, "Azure's public cloud"},
        {"usgov", CLOUD_USGOV, SUPPORTED, "Azure Government"},
        {"china", CLOUD_CHINA, SUPPORTED, "Azure operated by 21Vianet"},
        {},
};

static const struct key cloud_keys[] = {
        {.name = "arm",
         .support = SUPPORTED,
         .type = KEY_URL,
         .required = true,
         FIELD(struct policy_cloud, arm),
         .description = "the Azure Resource Manager endpoint"},
        {.name = "login",
         .support = SUPPORTED,
         .type = KEY_URL,
         FIELD(struct policy_cloud, login),
         .description = "the Microsoft Entra endpoint that hands out tokens; absent, what arm "
                        "tells of it"},
        {.name = "imds",
         .support = SUPPORTED,
         .type = KEY_URL_IMDS,
         .value = "http://169.254.169.254",
         FIELD(struct policy_cloud, imds),
         .description = "the identity service of the virtual machine"},
        {.name = "ca",
         .support = SUPPORTED,
         .type = KEY_FILE,
         FIELD(struct policy_cloud, ca),
         .description =
                 "PEM file of the certificate authorities to trust in place of the system's"},
};

static const struct key_word identity_words[] = {
        {"managed", IDENTITY_MANAGED, SUPPORTED, "the virtual machine's own managed identity"},
        {"arc", IDENTITY_ARC, SUPPORTED, "the identity of an Azure Arc machine"},
        {"workload", IDENTITY_WORKLOAD, SUPPORTED,
         "the application and federated token that the AZURE_ variables name"},
        {"environment", IDENTITY_ENVIRONMENT, SUPPORTED,
         "whatever the AZURE_ variables of the environment say"},
        {},
};

static const struct key managed_keys[] = {
        {.name = "client_id",
         .support = SUPPORTED,
         .type = KEY_GUID,
         FIELD(struct policy_identity, client_id),
         .description = "which user-assigned identity, where the machine has several"},
        {.name = "object_id",
         .support = SUPPORTED,
         .type = KEY_GUID,
         FIELD(struct policy_identity, object_id),
         .description = "the same by its object (principal) id"},
        {.name = "resource_id",
         .support = SUPPORTED,
         .type = KEY_RESOURCE,
         FIELD(struct policy_identity, resource_id),
         .description = "the same by its resource id"},
};

static const struct key service_principal_keys[] = {
        {.name = "tenant",
         .support = SUPPORTED,
         .type = KEY_TENANT,
         .required = true,
         FIELD(struct policy_identity, tenant),
         .description = "the directory's GUID or domain"},
        {.name = "client",
         .support = SUPPORTED,
         .type = KEY_GUID,
         .required = true,
         FIELD(struct policy_identity, client_id),
         .description = "the application's (client) id"},
        {.name = "secret",
         .support = SUPPORTED,
         .type = KEY_CREDENTIAL,
         FIELD(struct policy_identity, credential),
         .description = "name of the systemd credential that holds the client secret"},
        {.name = "certificate",
         .support = SUPPORTED,
         .type = KEY_CREDENTIAL,
         FIELD(struct policy_identity, credential),
         .description = "name of the systemd credential that holds certificate and key, in PEM"},
};

/* The rows of one identity, whose offset is that of the struct in the mapping around them. */
#define IDENTITY_KEYS(at)                                                                          \
        {.name = "managed",                                                                        \
         .support = SUPPORTED,                                                                     \
         .type = KEY_MAP,                                                                          \
         .keys = KEYS(managed_keys),                                                               \
         .read = read_managed,                                                                     \
         .offset = (at),                                                                           \
         .description = "a managed identity of the virtual machine"},                              \
        {                                                                                          \
                .name = "service_principal", .support = SUPPORTED, .type = KEY_MAP,                \
                .keys = KEYS(service_principal_keys), .read = read_service_principal,              \
                .offset = (at), .description = "an application registered in Microsoft Entra"      \
        }

static const struct key role_keys[] = {
        IDENTITY_KEYS(0),
};

static const struct key identity_keys[] = {
        IDENTITY_KEYS(offsetof(struct policy_file, identity)),
        {.name = "create",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .words = identity_words,
         .keys = KEYS(role_keys),
         .read = read_role,
         FIELD(struct policy_file, identity),
         .description = "an identity for all but deletions, beside prune"},
        {.name = "prune",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .words = identity_words,
         .keys = KEYS(role_keys),
         .read = read_role,
         FIELD(struct policy_file, pruner),
         .description = "an identity for deletions alone, beside create"},
};

static const struct key azure_keys[] = {
        {.name = "cloud",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .value = "public",
         .words = cloud_words,
         .keys = KEYS(cloud_keys),
         .read = read_cloud,
         FIELD(struct policy_file, cloud),
         .description =
                 "which Azure; plain http goes only to loopback and to the identity service"},
        {.name = "identity",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .value = "managed",
         .words = identity_words,
         .keys = KEYS(identity_keys),
         .read = read_identity,
         FIELD(struct policy_file, identity),
         .description = "as whom the daemon speaks to Azure"},
};

/* defaults, and what a policy may override of them */

static const struct key_word redundancy_words[] = {
        {"auto", REDUNDANCY_AUTO, SUPPORTED, "zone-redundant where the region has it"},
        {"zrs", REDUNDANCY_ZRS, SUPPORTED, "zone-redundant"},
        {"lrs", REDUNDANCY_LRS, SUPPORTED, "locally redundant"},
        {},
};

static const struct key_word network_words[] = {
        {"deny", NETWORK_DENY, SUPPORTED, "no data access over any network"},
        {"allow", NETWORK_ALLOW, SUPPORTED,
         "data access by SAS from everywhere: Azure's own default"},
        {},
};

static const struct key network_keys[] = {
        {.name = "private",
         .support = SUPPORTED,
         .type = KEY_RESOURCE,
         .required = true,
         .read = read_disk_access,
         .description = "data access only through this disk access resource"},
};

static const struct key_word catch_up_words[] = {
        {"newest", true, SUPPORTED, "one snapshot, of the newest missed slot"},
        {"none", false, SUPPORTED, "no snapshot before the next slot"},
        {},
};

static const struct key defaults_keys[] = {
        {.name = "timezone",
         .support = SUPPORTED,
         .type = KEY_ZONE,
         .value = "UTC",
         FIELD(struct policy, zone_name),
         .description = "the zone of calendar schedules and of retention's periods; names and tags "
                        "are in UTC"},
        {.name = "snapshot_group",
         .support = SUPPORTED,
         .type = KEY_GROUP,
         FIELD(struct policy, snapshot_group),
         .description = "the resource group snapshots go to, in the disk's subscription; it must "
                        "exist"},
        {.name = "redundancy",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .value = "auto",
         .words = redundancy_words,
         FIELD(struct policy, redundancy),
         .description = "how the snapshots are stored"},
        {.name = "network_access",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .value = "deny",
         .words = network_words,
         .keys = KEYS(network_keys),
         .read = read_network,
         FIELD(struct policy, network_access),
         .description = "who may read a snapshot's data over the network"},
        {.name = "jitter",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .value = "0s",
         .min = 0,
         .max = DAYS(7),
         FIELD(struct policy, jitter_s),
         .description = "spreads the starts of a slot, stable per disk; shorter than the interval"},
        {.name = "catch_up",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .value = "newest",
         .words = catch_up_words,
         FIELD(struct policy, catch_up),
         .description = "what is done after downtime"},
        {.name = "tags",
         .support = SUPPORTED,
         .type = KEY_TAGS,
         FIELD(struct policy, tags),
         .description =
                 "tags for every snapshot, at most 38; a policy's are added to the defaults"},
};

/* safety */

static const struct key_word prune_words[] = {
        {"auto", PRUNE_AUTO, SUPPORTED, "snapshots that the policy no longer keeps are deleted"},
        {"ask", PRUNE_ASK, SUPPORTED, "the first deletion of a policy waits for ack"},
        {"off", PRUNE_OFF, SUPPORTED, "nothing is deleted"},
        {},
};

static const struct key_word gone_words[] = {
        {"keep", GONE_KEEP, SUPPORTED, "all snapshots of the disk stay"},
        {"apply", GONE_APPLY, SUPPORTED, "the policy's rule goes on, above min_keep"},
        {},
};

static const struct key gone_keys[] = {
        {.name = "freeze",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .value = "30d",
         .min = 0,
         .max = DAYS(3650),
         FIELD(struct policy, freeze_s),
         .description = "how long nothing is deleted after a disk is gone"},
        {.name = "then",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .value = "keep",
         .words = gone_words,
         FIELD(struct policy, gone),
         .description = "what holds afterwards"},
};

static const struct key safety_keys[] = {
        {.name = "prune",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .value = "auto",
         .words = prune_words,
         FIELD(struct policy, prune),
         .description = "whether anything is deleted"},
        {.name = "min_keep",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         .value = "3",
         .min = 1,
         .max = 500,
         FIELD(struct policy, min_keep),
         .description = "complete snapshots that a series never falls below"},
        {.name = "min_age",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .value = "24h",
         .min = 0,
         .max = DAYS(3650),
         FIELD(struct policy, min_age_s),
         .description = "no younger snapshot is deleted"},
        {.name = "max_delete_percent",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         .value = "20",
         .min = 1,
         .max = 100,
         FIELD(struct policy, max_delete_percent),
         .description = "share of a policy's snapshots above which deletions wait for ack"},
        {.name = "stale_stop",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         .value = "2",
         .min = 1,
         .max = 1000,
         FIELD(struct policy, stale_stop),
         .description = "slots missed in a row that stop the pruning of a series"},
        {.name = "on_disk_gone",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .section = true,
         .keys = KEYS(gone_keys),
         .description = "what happens to the snapshots of a disk that was deleted"},
};

/* policies */

static const struct key schedule_keys[] = {
        {.name = "every",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .min = MINUTES(5),
         .demo_min = 1,
         .max = DAYS(366),
         FIELD(struct schedule_item, period_s),
         .description = "slots at the multiples of this since 1970-01-01T00:00:00Z"},
        {.name = "offset",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .value = "0s",
         .min = 0,
         .max = DAYS(366),
         FIELD(struct schedule_item, offset_s),
         .description = "moves the slots of every; shorter than it"},
        {.name = "calendar",
         .support = SUPPORTED,
         .type = KEY_CALENDAR,
         FIELD(struct schedule_item, calendar),
         .description = "slots at a calendar event of systemd.time(7)"},
};

static const struct key_word pick_words[] = {
        {"first", PICK_FIRST, SUPPORTED, "the first of a period; a choice never moves later"},
        {"last", PICK_LAST, SUPPORTED, "the last of a period, as restic and PBS do"},
        {},
};

#define COUNT_OF(rule) .min = 1, .max = KEEP_COUNT_MAX, FIELD(struct keep, count[rule])

static const struct key keep_keys[] = {
        {.name = "last",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_LAST),
         .description = "how many of the newest snapshots are kept"},
        {.name = "hourly",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_HOURLY),
         .description = "for how many hours that have snapshots one is kept"},
        {.name = "daily",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_DAILY),
         .description = "for how many days that have snapshots one is kept"},
        {.name = "weekly",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_WEEKLY),
         .description = "for how many ISO weeks that have snapshots one is kept"},
        {.name = "monthly",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_MONTHLY),
         .description = "for how many months that have snapshots one is kept"},
        {.name = "yearly",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         COUNT_OF(KEEP_YEARLY),
         .description = "for how many years that have snapshots one is kept"},
        {.name = "within",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .min = 1,
         .max = DAYS(36500),
         FIELD(struct keep, within_s),
         .description =
                 "all are kept whose age, back from the newest complete one, is at most this"},
        {.name = "pick",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .value = "first",
         .words = pick_words,
         FIELD(struct keep, pick),
         .description = "which snapshot stands for its period"},
};

static const struct key_word which_words[] = {
        {"all", -1, PLANNED, "every snapshot"},
        {"hourly", -1, PLANNED, "those that stand for an hour"},
        {"daily", -1, PLANNED, "those that stand for a day"},
        {"weekly", -1, PLANNED, "those that stand for an ISO week"},
        {"monthly", -1, PLANNED, "those that stand for a month"},
        {"yearly", -1, PLANNED, "those that stand for a year"},
        {},
};

static const struct key copy_keys[] = {
        {.name = "region",
         .support = PLANNED,
         .type = KEY_REGION,
         .required = true,
         .description = "the region to copy to"},
        {.name = "group",
         .support = PLANNED,
         .type = KEY_GROUP,
         .required = true,
         .description = "the resource group of the copies"},
        {.name = "which",
         .support = PLANNED,
         .type = KEY_WORD,
         .words = which_words,
         .value = "all",
         .description = "which snapshots are copied"},
        {.name = "keep",
         .support = PLANNED,
         .type = KEY_MAP,
         .keys = KEYS(keep_keys),
         .description = "which copies stay; absent, all"},
};

static const struct key prove_keys[] = {
        {.name = "every",
         .support = PLANNED,
         .type = KEY_DURATION,
         .required = true,
         .min = DAYS(1),
         .max = DAYS(366),
         .description = "how often a restore of each disk is tried"},
        {.name = "max_gib",
         .support = PLANNED,
         .type = KEY_COUNT,
         .min = 1,
         .max = 65536,
         .description = "larger disks are left out"},
};

static const struct key policy_keys[] = {
        {.name = "schedule",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .form = FORM_ONE_OR_LIST,
         .required = true,
         .keys = KEYS(schedule_keys),
         .read = read_schedule,
         FIELD(struct policy, schedule),
         .description = "when snapshots are taken; a list is one union of instants"},
        {.name = "rpo",
         .support = SUPPORTED,
         .type = KEY_DURATION,
         .min = 1,
         .max = DAYS(3650),
         FIELD(struct policy, rpo_s),
         .description = "the newest complete snapshot is never older, or it is reported"},
        {.name = "keep",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .keys = KEYS(keep_keys),
         .read = read_keep,
         FIELD(struct policy, keep),
         .description =
                 "which snapshots stay: what any of the rules keeps; absent, nothing is ever "
                 "deleted"},
        {.name = "copies",
         .support = PLANNED,
         .type = KEY_MAP,
         .form = FORM_LIST,
         .keys = KEYS(copy_keys),
         .description = "copies in other regions"},
        {.name = "prove",
         .support = PLANNED,
         .type = KEY_MAP,
         .keys = KEYS(prove_keys),
         .description = "restores that are tried to prove that they work"},
        {.name = "formerly",
         .support = SUPPORTED,
         .type = KEY_NAME,
         .form = FORM_LIST,
         .read = read_formerly,
         FIELD(struct policy, formerly),
         .description = "earlier names of this policy, whose series it takes over"},
};

/* targets */

static const struct key match_keys[] = {
        {.name = "subscription",
         .support = SUPPORTED,
         .type = KEY_GUID,
         .required = true,
         FIELD(struct target, subscription),
         .description = "the subscription whose disks are looked at"},
        {.name = "groups",
         .support = SUPPORTED,
         .type = KEY_GROUP_GLOB,
         .form = FORM_LIST,
         .read = read_groups,
         FIELD(struct target, groups),
         .description = "only disks of these resource groups; absent, of all"},
        {.name = "tags",
         .support = SUPPORTED,
         .type = KEY_SELECTOR,
         FIELD(struct target, tags),
         .description = "only disks with all of these tags"},
        {.name = "except_tags",
         .support = SUPPORTED,
         .type = KEY_SELECTOR,
         FIELD(struct target, except_tags),
         .description = "no disk with one of these tags"},
};

static const struct key_word together_words[] = {
        {"vm", -1, PLANNED, "the disks of one virtual machine"},
        {},
};

static const struct key target_keys[] = {
        {.name = "policy",
         .support = SUPPORTED,
         .type = KEY_POLICY,
         .required = true,
         FIELD(struct target, policy),
         .description = "the policy for these disks"},
        {.name = "disks",
         .support = SUPPORTED,
         .type = KEY_DISK,
         .form = FORM_LIST,
         .read = read_disks,
         FIELD(struct target, disks),
         .description = "disks by their ids"},
        {.name = "vms",
         .support = PLANNED,
         .type = KEY_RESOURCE,
         .form = FORM_LIST,
         .description = "all disks of virtual machines, by their ids"},
        {.name = "match",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .keys = KEYS(match_keys),
         .description = "disks by where they are and what tags they have"},
        {.name = "expect",
         .support = SUPPORTED,
         .type = KEY_BOUND,
         .max = 1000000,
         FIELD(struct target, expect),
         .description = "how many disks there are at least; fewer stop deletion, 0 allows none"},
        {.name = "together",
         .support = PLANNED,
         .type = KEY_WORD,
         .words = together_words,
         .description = "whose snapshots are taken in one burst"},
};

/* the rest */

static const struct key limits_keys[] = {
        {.name = "parallel",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         .value = "16",
         .min = 1,
         .max = 64,
         FIELD(struct policy_file, parallel),
         .description = "requests under way at once"},
        {.name = "api_share",
         .support = SUPPORTED,
         .type = KEY_FRACTION,
         .value = "0.5",
         FIELD(struct policy_file, api_share_permille),
         .description = "our share of each of Azure's request budgets; the rest is left to others"},
        {.name = "demo",
         .support = SUPPORTED,
         .type = KEY_SWITCH,
         .value = "false",
         FIELD(struct policy_file, demo),
         .description = "allows intervals of seconds; for a simulated Azure alone"},
};

static const struct key_word event_words[] = {
        {"start", HEARTBEAT_START, SUPPORTED, "a round begins"},
        {"ok", HEARTBEAT_OK, SUPPORTED, "a round ended, and all is in order"},
        {"fail", HEARTBEAT_FAIL, SUPPORTED, "a round ended, and something is not"},
        {},
};

static const struct key heartbeat_keys[] = {
        {.name = "url_credential",
         .support = SUPPORTED,
         .type = KEY_CREDENTIAL,
         .required = true,
         FIELD(struct policy_heartbeat, credential),
         .description = "name of the systemd credential that holds the URL"},
        {.name = "events",
         .support = SUPPORTED,
         .type = KEY_WORD,
         .form = FORM_LIST,
         .words = event_words,
         .read = read_events,
         .description = "what is told; absent, all"},
};

static const struct key notify_keys[] = {
        {.name = "heartbeat",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .keys = KEYS(heartbeat_keys),
         .read = read_heartbeat,
         .description = "a URL that is called, so that silence is noticed"},
};

static const struct key metrics_keys[] = {
        {.name = "textfile",
         .support = SUPPORTED,
         .type = KEY_FILE,
         FIELD(struct policy_file, textfile),
         .description = "file for the text file collector of the Prometheus node exporter"},
};

static const struct key file_keys[] = {
        {.name = "version",
         .support = SUPPORTED,
         .type = KEY_COUNT,
         .required = true,
         .min = 1,
         .max = 1,
         .description = "the version of this file's shape"},
        {.name = "owner",
         .support = SUPPORTED,
         .type = KEY_NAME,
         .required = true,
         FIELD(struct policy_file, owner),
         .description = "whose snapshots these are; the same on every machine that may take over"},
        {.name = "azure",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .section = true,
         .keys = KEYS(azure_keys),
         .description = "endpoints and identity"},
        {.name = "defaults",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .section = true,
         .keys = KEYS(defaults_keys),
         .read = read_template,
         .description = "what holds for every policy that does not say otherwise"},
        {.name = "safety",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .section = true,
         .keys = KEYS(safety_keys),
         .read = read_template,
         .description = "floors under every policy; they only ever keep more"},
        {.name = "policies",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .form = FORM_NAMED,
         .required = true,
         .keys = KEYS(policy_keys),
         .inherited = KEYS(defaults_keys),
         .read = read_policies,
         .description = "schedules and retention, by name"},
        {.name = "targets",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .form = FORM_LIST,
         .keys = KEYS(target_keys),
         .read = read_targets,
         .description = "which disks each policy is for"},
        {.name = "limits",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .section = true,
         .keys = KEYS(limits_keys),
         .description = "how much is done at once"},
        {.name = "notify",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .keys = KEYS(notify_keys),
         .description = "who is told"},
        {.name = "metrics",
         .support = SUPPORTED,
         .type = KEY_MAP,
         .keys = KEYS(metrics_keys),
         .description = "figures for monitoring"},
};

const struct key policy_key = {
        .name = "",
        .support = SUPPORTED,
        .type = KEY_MAP,
        .keys = KEYS(file_keys),
        .description = "the policy file of Snapkeep",
};

const struct key *key_find(const struct key *map, const char *name) {
        for (size_t i = 0; i < map->keys.n; i++)
                if (strcmp(map->keys.items[i].name, name) == 0)
                        return &map->keys.items[i];
        for (size_t i = 0; i < map->inherited.n; i++)
                if (strcmp(map->inherited.items[i].name, name) == 0)
                        return &map->inherited.items[i];
        return NULL;
}
