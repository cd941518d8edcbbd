/*
 * How the service writes: members in the order of recorded replies.
 */
#include "sim/service-private.h"

#include "base/str.h"

#include <inttypes.h>
#include <string.h>

void sim_json_time(struct strbuf *out, struct utc time) {
        int64_t seconds = utc_seconds(time);
        int64_t fraction = time.ticks - seconds * TICKS_PER_SEC;
        struct civil c = civil_from_seconds(seconds);

        strbuf_appendf(out, "\"%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
                       c.hour, c.minute, c.second);
        if (fraction > 0) {
                int digits = 7;

                for (; fraction % 10 == 0; digits--)
                        fraction /= 10;
                strbuf_appendf(out, ".%0*" PRId64, digits, fraction);
        }
        strbuf_append_str(out, "+00:00\"");
}

static void sim_json_member(struct strbuf *out, const char *name, const char *value) {
        if (!value)
                return;
        strbuf_appendf(out, "\"%s\":", name);
        json_append_quoted(out, value);
        strbuf_append_char(out, ',');
}

static void sim_json_guid(struct strbuf *out, const char *name, const struct guid *guid) {
        char text[GUID_TEXT_SIZE];

        strbuf_appendf(out, "\"%s\":\"%s\"", name, guid_format(guid, text));
}

void sim_json_tags(struct strbuf *out, const struct service_resource *resource) {
        strbuf_append_char(out, '{');
        for (size_t i = 0; i < resource->n_tags; i++) {
                if (i > 0)
                        strbuf_append_char(out, ',');
                json_append_quoted(out, resource->tags[i].name);
                strbuf_append_char(out, ':');
                json_append_quoted(out, resource->tags[i].value);
        }
        strbuf_append_char(out, '}');
}

/* Everything before "properties". */
static void sim_json_head(struct strbuf *out, const struct service_resource *resource, bool tier) {
        const char *end = strchr(resource->sku, '_');
        size_t len = end ? (size_t)(end - resource->sku) : strlen(resource->sku);

        strbuf_append_char(out, '{');
        sim_json_member(out, "name", resource->name);
        sim_json_member(out, "id", resource->id);
        sim_json_member(out, "type",
                        resource->kind == SERVICE_DISK ? "Microsoft.Compute/disks"
                                                       : "Microsoft.Compute/snapshots");
        sim_json_member(out, "location", resource->region);
        if (resource->has_tags) {
                strbuf_append_str(out, "\"tags\":");
                sim_json_tags(out, resource);
                strbuf_append_char(out, ',');
        }
        strbuf_append_str(out, "\"sku\":{\"name\":");
        json_append_quoted(out, resource->sku);
        if (tier) {
                /* "StandardSSD_LRS" is of the tier Standard, "UltraSSD_LRS" of Ultra. */
                if (len > 3 && memcmp(resource->sku + len - 3, "SSD", 3) == 0)
                        len -= 3;
                strbuf_appendf(out, ",\"tier\":\"%.*s\"", (int)len, resource->sku);
        }
        strbuf_append_str(out, "},\"properties\":{");
        sim_json_member(out, "hyperVGeneration", resource->hyperv_generation);
}

static void sim_json_creation(struct strbuf *out, const struct service_resource *resource,
                              bool complete) {
        strbuf_append_str(out, "\"creationData\":{\"createOption\":");
        json_append_quoted(out, resource->create_option);
        if (resource->source_id) {
                strbuf_append_str(out, ",\"sourceResourceId\":");
                json_append_quoted(out, resource->source_id);
        }
        if (complete && !guid_is_nil(&resource->source_unique_id)) {
                strbuf_append_char(out, ',');
                sim_json_guid(out, "sourceUniqueId", &resource->source_unique_id);
        }
        strbuf_append_str(out, "},");
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

void sim_json_resource(struct strbuf *out, const struct service_resource *resource,
                       struct utc now) {
        bool disk = resource->kind == SERVICE_DISK;
        int permille = service_resource_permille(resource, now);

        sim_json_head(out, resource, true);
        sim_json_creation(out, resource, true);
        strbuf_appendf(out, "\"diskSizeGB\":%" PRIu32 ",", resource->size_gib);
        if (disk)
                strbuf_append_str(out, "\"diskIOPSReadWrite\":500,\"diskMBpsReadWrite\":60,");
        strbuf_append_str(out, "\"encryption\":{\"type\":\"EncryptionAtRestWithPlatformKey\"},");
        if (!disk)
                strbuf_appendf(out, "\"incremental\":%s,",
                               resource->incremental ? "true" : "false");
        sim_json_member(out, "networkAccessPolicy", resource->network_access);
        sim_json_member(out, "publicNetworkAccess", resource->public_access);
        strbuf_append_str(out, "\"timeCreated\":");
        sim_json_time(out, resource->time_created);
        strbuf_appendf(out, ",\"provisioningState\":\"%s\",\"diskState\":\"Unattached\",",
                       state_name(service_resource_state(resource, now)));
        strbuf_appendf(out, "\"diskSizeBytes\":%" PRIu64 ",", (uint64_t)resource->size_gib << 30);
        sim_json_guid(out, "uniqueId", &resource->unique_id);
        if (permille >= 0)
                strbuf_appendf(out, ",\"completionPercent\":%d.%d", permille / 10, permille % 10);
        if (!guid_is_nil(&resource->family_id)) {
                strbuf_append_char(out, ',');
                sim_json_guid(out, "incrementalSnapshotFamilyId", &resource->family_id);
        }
        if (disk && str_starts_with_nocase(resource->sku, "Premium_"))
                strbuf_appendf(out, ",\"tier\":\"%s\"", premium_tier(resource->size_gib));
        strbuf_append_str(out, "}}");
}

void sim_json_accepted(struct strbuf *out, const struct service_resource *resource) {
        sim_json_head(out, resource, false);
        sim_json_creation(out, resource, false);
        if (resource->kind == SERVICE_DISK)
                strbuf_appendf(out, "\"diskSizeGB\":%" PRIu32 ",", resource->size_gib);
        else
                strbuf_appendf(out, "\"incremental\":%s,",
                               resource->incremental ? "true" : "false");
        strbuf_append_str(out, "\"provisioningState\":\"Updating\"}}");
}

void sim_json_error(struct strbuf *out, const char *code, const char *message) {
        strbuf_append_str(out, "{\"error\":{\"code\":");
        json_append_quoted(out, code);
        strbuf_append_str(out, ",\"message\":");
        json_append_quoted(out, message);
        strbuf_append_str(out, "}}");
}
