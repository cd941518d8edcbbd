/*
 * The world as JSON, in and out, and the plain world of azure-sim --disks.
 */
#include "sim/service-private.h"

#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int get_guid(const cJSON *object, const char *name, struct guid *ret_guid) {
        const char *text = json_get_string(object, name);

        *ret_guid = (struct guid){};
        if (!text)
                return 0;
        return guid_parse(text, strlen(text), ret_guid) < 0 ? SERVICE_E_INVALID : 0;
}

static int get_time(const cJSON *object, const char *name, struct utc *ret_time) {
        const char *text = json_get_string(object, name);

        *ret_time = UTC_NONE;
        if (!text)
                return 0;
        return utc_parse(text, strlen(text), ret_time) < 0 ? SERVICE_E_INVALID : 0;
}

/* A number of GiB, 0 when it is absent. */
/* From 1 to @max; 0 when it is absent or something else. */
static uint32_t get_number(const cJSON *object, const char *name, double max) {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);

        if (!cJSON_IsNumber(number) || !(number->valuedouble >= 1 && number->valuedouble <= max))
                return 0;
        return (uint32_t)number->valuedouble;
}

static uint32_t get_size(const cJSON *object) {
        return get_number(object, "sizeGB", 65536);
}

struct tag_list {
        struct service_tag tags[SERVICE_TAGS_MAX]; /* borrowed texts */
        size_t n;
};

static int get_tags(const cJSON *object, struct tag_list *list) {
        const cJSON *tags = cJSON_GetObjectItemCaseSensitive(object, "tags"), *tag;

        list->n = 0;
        if (!tags)
                return 0;
        if (!cJSON_IsObject(tags))
                return SERVICE_E_INVALID;
        cJSON_ArrayForEach(tag, tags) {
                if (list->n == SERVICE_TAGS_MAX || !cJSON_IsString(tag))
                        return SERVICE_E_INVALID;
                list->tags[list->n++] = (struct service_tag){tag->string, tag->valuestring};
        }
        return 0;
}

/* The parts of "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/TYPE/NAME". */
struct id_parts {
        char *buffer;
        const char *subscription, *group, *name;
};

static void id_parts_deinit(struct id_parts *parts) {
        free(parts->buffer);
}

static int id_split(const char *id, const char *type, struct id_parts *parts) {
        const char *const words[9] = {"",
                                      "subscriptions",
                                      NULL,
                                      "resourceGroups",
                                      NULL,
                                      "providers",
                                      "Microsoft.Compute",
                                      type,
                                      NULL};
        const char *found[9] = {};
        char *next;
        size_t i = 0;

        if (!id)
                return SERVICE_E_INVALID;
        parts->buffer = strdup(id);
        if (!parts->buffer)
                return -ENOMEM;

        for (char *part = parts->buffer; part; part = next, i++) {
                next = strchr(part, '/');
                if (next)
                        *next++ = '\0';
                if (i == ARRAY_SIZE(words) || (words[i] && !str_equal_nocase(words[i], part)))
                        return SERVICE_E_INVALID;
                found[i] = part;
        }
        if (i < ARRAY_SIZE(words))
                return SERVICE_E_INVALID;
        parts->subscription = found[2];
        parts->group = found[4];
        parts->name = found[8];
        return 0;
}

static int load_group(struct service *service, struct utc now, const cJSON *item) {
        const char *subscription = json_get_string(item, "subscription");
        const char *name = json_get_string(item, "name"),
                   *location = json_get_string(item, "location");

        if (!subscription || !name || !location)
                return SERVICE_E_INVALID;
        return service_add_group(service, subscription, name, location);
}

static int load_role(struct service *service, const cJSON *item, const char *client) {
        static const char *const names[] = {
                [SERVICE_ROLE_ALL] = "all",
                [SERVICE_ROLE_CREATOR] = "creator",
                [SERVICE_ROLE_PRUNER] = "pruner",
                [SERVICE_ROLE_NONE] = "none",
        };
        const char *name = json_get_string(item, "role");

        if (!name)
                return 0;
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return service_set_role(service, client, (enum service_role)i);
        return SERVICE_E_INVALID;
}

static int load_client(struct service *service, struct utc now, const cJSON *item) {
        const char *tenant = json_get_string(item, "tenant"),
                   *client = json_get_string(item, "client");
        struct service_client_spec spec = {
                .tenant = tenant,
                .client = client,
                .secret = json_get_string(item, "secret"),
                .thumbprint = json_get_string(item, "thumbprint"),
                .federated = json_get_string(item, "federated"),
        };
        struct utc expires;
        int r;

        if (!tenant || !client || (!spec.secret && !spec.thumbprint && !spec.federated) ||
            get_time(item, "expires", &expires) != 0)
                return SERVICE_E_INVALID;
        spec.expires = utc_is_set(expires) ? expires : UTC_NEVER;
        r = service_add_client(service, &spec);
        return r ?: load_role(service, item, client);
}

static int load_identity(struct service *service, struct utc now, const cJSON *item) {
        const char *client = json_get_string(item, "clientId");
        int r;

        if (!client)
                return SERVICE_E_INVALID;
        r = service_add_identity(service, client, json_get_string(item, "objectId"),
                                 json_get_string(item, "resourceId"));
        return r ?: load_role(service, item, client);
}

static int load_disk(struct service *service, struct utc now, const cJSON *item) {
        _cleanup_(id_parts_deinit) struct id_parts id = {};
        const struct service_resource *disk;
        struct service_disk_spec spec = {};
        struct utc time_created;
        struct tag_list tags;
        int r;

        r = id_split(json_get_string(item, "id"), "disks", &id);
        r = r ?: get_guid(item, "uniqueId", &spec.unique_id);
        r = r ?: get_time(item, "timeCreated", &time_created);
        r = r ?: get_tags(item, &tags);
        if (r != 0)
                return r;

        spec.subscription = id.subscription;
        spec.group = id.group;
        spec.name = id.name;
        spec.region = json_get_string(item, "location");
        spec.sku = json_get_string(item, "sku");
        spec.size_gib = get_size(item);
        spec.encryption_set = json_get_string(item, "diskEncryptionSetId");
        spec.max_shares = get_number(item, "maxShares", SERVICE_SHARES_MAX);
        spec.uploading = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "uploading"));
        spec.tags = tags.tags;
        spec.n_tags = tags.n;
        r = service_add_disk(service, now, &spec, &disk);
        if (r == 0 && utc_is_set(time_created))
                service_find_visible(service, disk->id, now)->time_created = time_created;
        return r;
}

static int load_vm(struct service *service, struct utc now, const cJSON *item) {
        const cJSON *disks = cJSON_GetObjectItemCaseSensitive(item, "dataDisks"), *disk;
        _cleanup_(id_parts_deinit) struct id_parts id = {};
        struct service_vm_spec spec = {};
        int r;

        r = id_split(json_get_string(item, "id"), "virtualMachines", &id);
        if (r != 0)
                return r;
        spec.subscription = id.subscription;
        spec.group = id.group;
        spec.name = id.name;
        spec.region = json_get_string(item, "location");
        spec.os_disk = json_get_string(item, "osDisk");
        cJSON_ArrayForEach(disk, disks) {
                if (!cJSON_IsString(disk) || spec.n_data_disks == SERVICE_VM_DISKS_MAX)
                        return SERVICE_E_INVALID;
                spec.data_disks[spec.n_data_disks++] = disk->valuestring;
        }
        return service_add_vm(service, &spec);
}

static void load_percent(struct service *service, struct utc now, const cJSON *item,
                         const char *id) {
        const cJSON *percent = cJSON_GetObjectItemCaseSensitive(item, "completionPercent");
        struct service_resource *snapshot = service_find_visible(service, id, now);

        if (!cJSON_IsNumber(percent))
                return;
        snapshot->copied_at = now;
        if (percent->valuedouble < 100)
                snapshot->copied_at.ticks += service->options.copy_ns / NSEC_PER_TICK;
}

static int load_snapshot(struct service *service, struct utc now, const cJSON *item) {
        const cJSON *incremental = cJSON_GetObjectItemCaseSensitive(item, "incremental");
        const char *state = json_get_string(item, "provisioningState");
        _cleanup_(id_parts_deinit) struct id_parts id = {};
        const struct service_resource *snapshot;
        struct service_snapshot_spec spec = {};
        struct tag_list tags;
        int r;

        spec.source_id = json_get_string(item, "sourceResourceId");
        if (!spec.source_id)
                return SERVICE_E_INVALID;
        r = id_split(json_get_string(item, "id"), "snapshots", &id);
        r = r ?: get_guid(item, "uniqueId", &spec.unique_id);
        r = r ?: get_guid(item, "sourceUniqueId", &spec.source_unique_id);
        r = r ?: get_time(item, "timeCreated", &spec.time_created);
        r = r ?: get_tags(item, &tags);
        if (r != 0)
                return r;

        spec.subscription = id.subscription;
        spec.group = id.group;
        spec.name = id.name;
        spec.region = json_get_string(item, "location");
        spec.sku = json_get_string(item, "sku");
        spec.create_option = json_get_string(item, "createOption");
        spec.full = cJSON_IsFalse(incremental);
        spec.failed = state && strcmp(state, "Failed") == 0;
        spec.updating = state && strcmp(state, "Updating") == 0;
        spec.size_gib = get_size(item);
        spec.tags = tags.tags;
        spec.n_tags = tags.n;
        r = service_add_snapshot(service, now, &spec, &snapshot);
        if (r == 0)
                load_percent(service, now, item, snapshot->id);
        return r;
}

static const char *load_reason(int r) {
        switch (r) {
        case SERVICE_E_EXISTS:
                return "the name is taken";
        case SERVICE_E_MISSING:
                return "no such group or disk";
        default:
                return "a member is missing or wrong";
        }
}

static int load_complaint(char **reterr_what, const char *name, size_t index, const char *reason) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        int r;

        strbuf_appendf(&text, "%s[%zu]: %s", name, index, reason);
        r = strbuf_take(&text, reterr_what);
        return r < 0 ? r : SERVICE_E_INVALID;
}

int service_load(struct service *service, struct utc now, const char *json, size_t len,
                 char **reterr_what) {
        static const struct {
                const char *name;
                int (*load)(struct service *service, struct utc now, const cJSON *item);
        } lists[] = {
                {"groups", load_group}, {"clients", load_client}, {"identities", load_identity},
                {"disks", load_disk},   {"vms", load_vm},         {"snapshots", load_snapshot},
        };
        cJSON *world = cJSON_ParseWithLength(json, len);
        int r = 0;

        if (!cJSON_IsObject(world)) {
                cJSON_Delete(world);
                return load_complaint(reterr_what, "world", 0, "not a JSON object");
        }

        for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++) {
                const cJSON *item;
                size_t index = 0;

                cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(world, lists[i].name)) {
                        r = lists[i].load(service, now, item);
                        if (r > 0)
                                r = load_complaint(reterr_what, lists[i].name, index,
                                                   load_reason(r));
                        if (r != 0)
                                break;
                        index++;
                }
        }
        cJSON_Delete(world);
        return r;
}

static void dump_member(struct strbuf *out, const char *name, const char *value) {
        strbuf_appendf(out, "\"%s\":", name);
        json_append_quoted(out, value);
        strbuf_append_char(out, ',');
}

static void dump_guid(struct strbuf *out, const char *name, const struct guid *guid) {
        char text[GUID_TEXT_SIZE];

        if (!guid_is_nil(guid))
                strbuf_appendf(out, "\"%s\":\"%s\",", name, guid_format(guid, text));
}

static const char *dump_state(const struct service_resource *resource, struct utc now) {
        switch (service_resource_state(resource, now)) {
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

static void dump_resource(struct strbuf *out, const struct service_resource *resource,
                          struct utc now) {
        int permille = service_resource_permille(resource, now);

        strbuf_append_char(out, '{');
        dump_member(out, "id", resource->id);
        dump_member(out, "location", resource->region);
        dump_member(out, "sku", resource->sku);
        strbuf_appendf(out, "\"sizeGB\":%" PRIu32 ",", resource->size_gib);
        if (resource->encryption_set)
                dump_member(out, "diskEncryptionSetId", resource->encryption_set);
        if (resource->max_shares > 0)
                strbuf_appendf(out, "\"maxShares\":%" PRIu32 ",", resource->max_shares);
        if (resource->uploading)
                strbuf_append_str(out, "\"uploading\":true,");
        dump_guid(out, "uniqueId", &resource->unique_id);
        if (resource->kind == SERVICE_SNAPSHOT) {
                dump_member(out, "createOption", resource->create_option);
                dump_member(out, "sourceResourceId", resource->source_id);
                dump_guid(out, "sourceUniqueId", &resource->source_unique_id);
                strbuf_appendf(out, "\"incremental\":%s,",
                               resource->incremental ? "true" : "false");
                if (permille >= 0)
                        strbuf_appendf(out, "\"completionPercent\":%d.%d,", permille / 10,
                                       permille % 10);
        }
        strbuf_append_str(out, "\"timeCreated\":");
        sim_json_time(out, resource->time_created);
        strbuf_appendf(out,
                       ",\"provisioningState\":\"%s\",\"createdByRequest\":%" PRIu64 ",\"tags\":",
                       dump_state(resource, now), resource->created_by);
        sim_json_tags(out, resource);
        strbuf_append_char(out, '}');
}

static void dump_resources(struct strbuf *out, const struct service *service, struct utc now,
                           enum service_kind kind) {
        const char *comma = "";

        for (size_t i = 0; i < service->n_rows; i++) {
                const struct service_resource *resource = service->rows[i];

                if (resource->kind != kind ||
                    (utc_is_set(resource->gone_at) && resource->gone_at.ticks <= now.ticks))
                        continue;
                strbuf_append_str(out, comma);
                strbuf_append_char(out, '\n');
                dump_resource(out, resource, now);
                comma = ",";
        }
}

int service_dump(struct service *service, struct utc now, char **ret_json) {
        _cleanup_(strbuf_deinit) struct strbuf out = {.max = UINT32_MAX};
        const char *comma = "";
        int r;

        r = service_tags_settle(service, now);
        if (r < 0)
                return r;
        strbuf_append_str(&out, "{\"groups\":[");
        for (const struct group *group = service->groups; group; group = group->next) {
                if (group->gone)
                        continue;
                strbuf_appendf(&out, "%s\n{", comma);
                dump_member(&out, "subscription", group->subscription->id);
                dump_member(&out, "name", group->name);
                strbuf_append_str(&out, "\"location\":");
                json_append_quoted(&out, group->region);
                strbuf_append_char(&out, '}');
                comma = ",";
        }
        strbuf_append_str(&out, "],\n\"disks\":[");
        dump_resources(&out, service, now, SERVICE_DISK);
        strbuf_append_str(&out, "],\n\"vms\":[");
        service_vms_dump(service, &out);
        strbuf_append_str(&out, "],\n\"snapshots\":[");
        dump_resources(&out, service, now, SERVICE_SNAPSHOT);
        strbuf_append_str(&out, "]}\n");
        return strbuf_take(&out, ret_json);
}

int service_populate(struct service *service, struct utc now, size_t n) {
        static char backup[] = "backup", gold[] = "gold";
        const struct service_tag tag = {backup, gold};
        int r;

        r = service_add_group(service, SERVICE_SUBSCRIPTION, "rg-app", SERVICE_REGION);
        r = r ?: service_add_group(service, SERVICE_SUBSCRIPTION, "rg-snapshots", SERVICE_REGION);
        r = r
                    ?: service_add_client(service, &(struct service_client_spec){
                                                           .tenant = SERVICE_TENANT,
                                                           .client = SERVICE_CLIENT,
                                                           .secret = SERVICE_SECRET,
                                                           .expires = UTC_NEVER,
                                                   });
        for (size_t i = 1; i <= n && r == 0; i++) {
                struct service_disk_spec spec = {
                        .subscription = SERVICE_SUBSCRIPTION,
                        .group = "rg-app",
                        /* Of the number alone, so that they are the same whatever was drawn. */
                        .unique_id = guid_from_random(sim_mix(service->options.seed, i),
                                                      sim_mix(~service->options.seed, i)),
                        .tags = &tag,
                        .n_tags = 1,
                };
                char name[32];

                snprintf(name, sizeof(name), "disk-%04zu", i);
                spec.name = name;
                r = service_add_disk(service, now, &spec, NULL);
        }
        return r;
}
