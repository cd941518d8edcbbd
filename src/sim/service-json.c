/*
 * How the service writes: members in the order of recorded replies.
 */
#include "sim/service-private.h"

#include "base/str.h"
#include "sim/text.h"

#include <string.h>

void sim_json_time(struct strbuf *out, struct utc time) {
        int64_t seconds = utc_seconds(time);
        int64_t fraction = time.ticks - seconds * TICKS_PER_SEC;
        struct civil c = civil_from_seconds(seconds);
        const struct {
                char before;
                int value;
        } parts[] = {{'-', c.month}, {'-', c.day}, {'T', c.hour}, {':', c.minute}, {':', c.second}};

        strbuf_append_char(out, '"');
        sim_append_number(out, (uint64_t)MAX(c.year, INT64_C(0)), 4);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                strbuf_append_char(out, parts[i].before);
                sim_append_number(out, (uint64_t)parts[i].value, 2);
        }
        if (fraction > 0) {
                size_t digits = 7;

                for (; fraction % 10 == 0; digits--)
                        fraction /= 10;
                strbuf_append_char(out, '.');
                sim_append_number(out, (uint64_t)fraction, digits);
        }
        SIM_APPEND(out, "+00:00\"");
}

/* @before: the comma and the name of the member. */
static void sim_json_member(struct strbuf *out, const char *before, const char *value) {
        if (!value)
                return;
        strbuf_append_str(out, before);
        json_append_quoted(out, value);
}

static void sim_json_guid(struct strbuf *out, const char *before, const struct guid *guid) {
        strbuf_append_str(out, before);
        strbuf_append_char(out, '"');
        sim_append_guid(out, guid);
        strbuf_append_char(out, '"');
}

static void sim_json_tag_set(struct strbuf *out, const struct service_tag *tags, size_t n) {
        strbuf_append_char(out, '{');
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        strbuf_append_char(out, ',');
                json_append_quoted(out, tags[i].name);
                strbuf_append_char(out, ':');
                json_append_quoted(out, tags[i].value);
        }
        strbuf_append_char(out, '}');
}

void sim_json_tags(struct strbuf *out, const struct service_resource *resource) {
        sim_json_tag_set(out, resource->tags, resource->n_tags);
}

/* The set of an instant of the past, or NULL when it is today's. */
static const struct tag_set *tags_as_of(const struct service_resource *resource, struct utc as_of) {
        const struct tag_set *found = NULL;

        for (const struct tag_set *set = resource->past_tags; set && set->until.ticks > as_of.ticks;
             set = set->next)
                found = set;
        return found;
}

static void sim_json_names(struct strbuf *out, const struct service_resource *resource) {
        sim_json_member(out, "\"name\":", resource->name);
        sim_json_member(out, ",\"id\":", resource->id);
        if (resource->kind == SERVICE_DISK)
                SIM_APPEND(out, ",\"type\":\"Microsoft.Compute/disks\",");
        else
                SIM_APPEND(out, ",\"type\":\"Microsoft.Compute/snapshots\",");
}

/* Everything before "properties" and what of these comes first. @bare: without its names. */
static void sim_json_head(struct strbuf *out, const struct service_resource *resource,
                          const struct tag_set *past, bool tier, bool bare) {
        const char *end = strchr(resource->sku, '_');
        size_t len = end ? (size_t)(end - resource->sku) : strlen(resource->sku);

        strbuf_append_char(out, '{');
        if (!bare)
                sim_json_names(out, resource);
        sim_json_member(out, "\"location\":", resource->region);
        sim_json_member(out, ",\"managedBy\":", resource->managed_by);
        if (resource->deformed) {
                SIM_APPEND(out, ",\"tags\":{\"odd\":null}");
        } else if (past ? past->has_tags : resource->has_tags) {
                SIM_APPEND(out, ",\"tags\":");
                if (past)
                        sim_json_tag_set(out, past->tags, past->n_tags);
                else
                        sim_json_tags(out, resource);
        }
        sim_json_member(out, ",\"sku\":{\"name\":", resource->sku);
        if (tier) {
                /* "StandardSSD_LRS" is of the tier Standard, "UltraSSD_LRS" of Ultra. */
                if (len > 3 && memcmp(resource->sku + len - 3, "SSD", 3) == 0)
                        len -= 3;
                SIM_APPEND(out, ",\"tier\":\"");
                strbuf_append(out, resource->sku, len);
                strbuf_append_char(out, '"');
        }
        SIM_APPEND(out, "},\"properties\":{");
        if (resource->hyperv_generation) {
                sim_json_member(out, "\"hyperVGeneration\":", resource->hyperv_generation);
                strbuf_append_char(out, ',');
        }
}

static void sim_json_creation(struct strbuf *out, const struct service_resource *resource,
                              bool complete) {
        sim_json_member(out, "\"creationData\":{\"createOption\":", resource->create_option);
        sim_json_member(out, ",\"sourceResourceId\":", resource->source_id);
        if (complete && !guid_is_nil(&resource->source_unique_id))
                sim_json_guid(out, ",\"sourceUniqueId\":", &resource->source_unique_id);
        strbuf_append_char(out, '}');
}

/* Performance tiers of Premium SSD by size: "Azure managed disk types", Microsoft Learn. */
static const char *premium_tier(uint32_t size_gib) {
        static const struct {
                uint32_t gib;
                const char *tier;
        } tiers[] = {
                {4, "P1"},     {8, "P2"},     {16, "P3"},     {32, "P4"},    {64, "P6"},
                {128, "P10"},  {256, "P15"},  {512, "P20"},   {1024, "P30"}, {2048, "P40"},
                {4096, "P50"}, {8192, "P60"}, {16384, "P70"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(tiers); i++)
                if (size_gib <= tiers[i].gib)
                        return tiers[i].tier;
        return "P80";
}

static const char *state_name(enum service_state state) {
        switch (state) {
        case SERVICE_UPDATING:
                return "Updating";
        case SERVICE_SUCCEEDED:
                return "Succeeded";
        case SERVICE_FAILED:
                return "Failed";
        case SERVICE_DELETING:
                return "Deleting";
        }
        return "?";
}

static void sim_json_encryption(struct strbuf *out, const struct service_resource *resource) {
        if (!resource->encryption_set) {
                SIM_APPEND(out, ",\"encryption\":{\"type\":\"EncryptionAtRestWithPlatformKey\"}");
                return;
        }
        SIM_APPEND(out, ",\"encryption\":{\"type\":\"EncryptionAtRestWithCustomerKey\"");
        sim_json_member(out, ",\"diskEncryptionSetId\":", resource->encryption_set);
        strbuf_append_char(out, '}');
}

static void sim_json_incremental(struct strbuf *out, const struct service_resource *resource) {
        if (resource->incremental)
                SIM_APPEND(out, ",\"incremental\":true");
        else
                SIM_APPEND(out, ",\"incremental\":false");
}

static void sim_json_whole(struct strbuf *out, const struct service_resource *resource,
                           const struct tag_set *past, struct utc now) {
        bool disk = resource->kind == SERVICE_DISK;
        int permille = service_resource_permille(resource, now);

        sim_json_head(out, resource, past, true, false);
        sim_json_creation(out, resource, true);
        SIM_APPEND(out, ",\"diskSizeGB\":");
        sim_append_number(out, resource->size_gib, 1);
        if (disk)
                SIM_APPEND(out, ",\"diskIOPSReadWrite\":500,\"diskMBpsReadWrite\":60");
        if (disk && resource->max_shares > 0) {
                SIM_APPEND(out, ",\"maxShares\":");
                sim_append_number(out, resource->max_shares, 1);
        }
        sim_json_encryption(out, resource);
        if (!disk)
                sim_json_incremental(out, resource);
        sim_json_member(out, ",\"networkAccessPolicy\":", resource->network_access);
        sim_json_member(out, ",\"publicNetworkAccess\":", resource->public_access);
        SIM_APPEND(out, ",\"timeCreated\":");
        sim_json_time(out, resource->time_created);
        sim_json_member(
                out, ",\"provisioningState\":", state_name(service_resource_state(resource, now)));
        sim_json_member(out, ",\"diskState\":",
                        service_resource_has_access(resource, now) ? "ActiveSAS"
                        : resource->uploading                      ? "ReadyToUpload"
                        : resource->managed_by                     ? "Attached"
                                                                   : "Unattached");
        SIM_APPEND(out, ",\"diskSizeBytes\":");
        sim_append_number(out, (uint64_t)resource->size_gib << 30, 1);
        sim_json_guid(out, ",\"uniqueId\":", &resource->unique_id);
        if (permille >= 0) {
                SIM_APPEND(out, ",\"completionPercent\":");
                sim_append_number(out, (uint64_t)permille / 10, 1);
                strbuf_append_char(out, '.');
                sim_append_number(out, (uint64_t)permille % 10, 1);
        }
        if (service_resource_copy_failed(resource, now))
                SIM_APPEND(out, ",\"copyCompletionError\":{\"errorCode\":\"CopySourceNotFound\","
                                "\"errorMessage\":\"The background copy failed.\"}");
        if (!guid_is_nil(&resource->family_id))
                sim_json_guid(out, ",\"incrementalSnapshotFamilyId\":", &resource->family_id);
        if (disk && str_starts_with_nocase(resource->sku, "Premium_"))
                sim_json_member(out, ",\"tier\":", premium_tier(resource->size_gib));
        SIM_APPEND(out, "}}");
}

void sim_json_resource(struct strbuf *out, const struct service_resource *resource,
                       struct utc now) {
        sim_json_whole(out, resource, NULL, now);
}

/* Nothing that time alone changes. */
static bool is_settled(const struct service_resource *resource, struct utc now) {
        int permille = service_resource_permille(resource, now);
        enum service_state state = service_resource_state(resource, now);

        return (state == SERVICE_SUCCEEDED || state == SERVICE_FAILED) &&
               (permille < 0 || permille == 1000) && !service_resource_has_access(resource, now);
}

/* Settled rows are most of every listing, and their text is made once. */
void sim_json_listed(struct strbuf *out, struct service_resource *resource, struct utc as_of,
                     bool remember) {
        const struct tag_set *past = tags_as_of(resource, as_of);
        size_t before = out->len;

        if (past || !is_settled(resource, as_of)) {
                sim_json_whole(out, resource, past, as_of);
                return;
        }
        if (resource->listed) {
                strbuf_append(out, resource->listed, resource->listed_len);
                return;
        }
        sim_json_whole(out, resource, NULL, as_of);
        if (!remember || out->error)
                return;
        resource->listed_len = out->len - before;
        resource->listed = malloc(resource->listed_len);
        if (resource->listed)
                memcpy(resource->listed, out->data + before, resource->listed_len);
}

void sim_json_accepted(struct strbuf *out, const struct service_resource *resource, bool bare) {
        sim_json_head(out, resource, NULL, false, bare);
        sim_json_creation(out, resource, false);
        if (resource->kind == SERVICE_DISK) {
                SIM_APPEND(out, ",\"diskSizeGB\":");
                sim_append_number(out, resource->size_gib, 1);
        } else
                sim_json_incremental(out, resource);
        SIM_APPEND(out, ",\"provisioningState\":\"Updating\"}}");
}

void sim_json_error(struct strbuf *out, const char *code, const char *message) {
        strbuf_append_str(out, "{\"error\":{\"code\":");
        json_append_quoted(out, code);
        strbuf_append_str(out, ",\"message\":");
        json_append_quoted(out, message);
        strbuf_append_str(out, "}}");
}
