#include "azure/replies.h"

#include "azure/json.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/*
 * Reads members one after another: the first that is wrong is noted, and the later ones are read to
 * no purpose, so that the decoders need no check at each.
 */
struct reader {
        const char *bad; /* NULL while all is well */
};

static void wrong(struct reader *reader, const char *member) {
        if (!reader->bad)
                reader->bad = member;
}

/* @label names the member for people; it is its name unless that says too little. */
static const char *read_string(struct reader *reader, const cJSON *json, const char *name,
                               const char *label) {
        const char *text = json_string(json, name);

        if (!text && !json_is_absent(json, name))
                wrong(reader, label);
        return text ? text : "";
}

static const char *read_needed_string(struct reader *reader, const cJSON *json, const char *name) {
        const char *text = read_string(reader, json, name, name);

        if (text[0] == '\0')
                wrong(reader, name);
        return text;
}

static const cJSON *read_object(struct reader *reader, const cJSON *json, const char *name) {
        const cJSON *object = json_object(json, name);

        if (!object && !json_is_absent(json, name))
                wrong(reader, name);
        return object;
}

/* An empty one is nobody's: two disks that have it would be one, and pruned as one. */
static bool read_guid(struct reader *reader, const cJSON *json, const char *name,
                      struct guid *ret_guid) {
        const char *text = read_string(reader, json, name, name);
        struct guid guid;

        if (text[0] == '\0')
                return false;
        if (guid_parse(text, strlen(text), &guid) < 0) {
                wrong(reader, name);
                return false;
        }
        if (guid_is_nil(&guid))
                return false;
        *ret_guid = guid;
        return true;
}

static struct utc read_time(struct reader *reader, const cJSON *json, const char *name) {
        const char *text = read_string(reader, json, name, name);
        struct utc time = UTC_NONE;

        if (text[0] != '\0' && utc_parse(text, strlen(text), &time) < 0)
                wrong(reader, name);
        return time;
}

static void read_id(struct reader *reader, const char *text, enum resource_type type,
                    struct resource_id *ret_id) {
        if (resource_id_parse(text, strlen(text), ret_id) != 0 || ret_id->type != type)
                wrong(reader, "id");
}

/* Tags are an object of strings; anything else in it could hide one of ours. */
static const cJSON *read_tags(struct reader *reader, const cJSON *json) {
        const cJSON *tags = read_object(reader, json, "tags");

        for (const cJSON *tag = tags ? tags->child : NULL; tag; tag = tag->next)
                if (!cJSON_IsString(tag))
                        wrong(reader, "tags");
        return tags;
}

static enum provisioning_state read_provisioning(struct reader *reader, const cJSON *properties) {
        static const struct {
                const char *text;
                enum provisioning_state state;
        } rows[] = {
                {"", PROVISIONING_SUCCEEDED},         {"Succeeded", PROVISIONING_SUCCEEDED},
                {"Failed", PROVISIONING_FAILED},      {"Canceled", PROVISIONING_CANCELED},
                {"Cancelled", PROVISIONING_CANCELED}, {"Deleting", PROVISIONING_DELETING},
        };
        const char *text =
                read_string(reader, properties, "provisioningState", "provisioningState");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_equal_nocase(text, rows[i].text))
                        return rows[i].state;
        return PROVISIONING_RUNNING;
}

static int reader_result(const struct reader *reader, const char **reterr_member) {
        if (!reader->bad)
                return 0;
        *reterr_member = reader->bad;
        return REPLY_E_MEMBER;
}

int disk_reply_decode(const cJSON *json, struct disk_reply *ret_disk, const char **reterr_member) {
        struct disk_reply disk = {};
        struct reader reader = {};
        const cJSON *properties, *encryption, *sku;
        int r;

        read_id(&reader, read_needed_string(&reader, json, "id"), RESOURCE_DISK, &disk.id);
        disk.location = read_needed_string(&reader, json, "location");
        disk.tags = read_tags(&reader, json);
        sku = read_object(&reader, json, "sku");
        disk.sku = read_string(&reader, sku, "name", "sku.name");

        properties = read_object(&reader, json, "properties");
        if (!properties)
                wrong(&reader, "properties");
        disk.state = read_string(&reader, properties, "diskState", "diskState");
        encryption = read_object(&reader, properties, "encryption");
        disk.encryption_set =
                read_string(&reader, encryption, "diskEncryptionSetId", "diskEncryptionSetId");
        disk.has_unique_id = read_guid(&reader, properties, "uniqueId", &disk.unique_id);
        disk.time_created = read_time(&reader, properties, "timeCreated");
        disk.provisioning = read_provisioning(&reader, properties);

        r = reader_result(&reader, reterr_member);
        if (r == 0)
                *ret_disk = disk;
        return r;
}

static void read_creation(struct reader *reader, const cJSON *properties,
                          struct snapshot_reply *snapshot) {
        const cJSON *creation = read_object(reader, properties, "creationData");
        int64_t sector;

        snapshot->create_option = read_string(reader, creation, "createOption", "createOption");
        snapshot->has_source_unique_id =
                read_guid(reader, creation, "sourceUniqueId", &snapshot->source_unique_id);
        snapshot->source_id = read_string(reader, creation, "sourceResourceId", "sourceResourceId");
        snapshot->has_sector_size = !json_is_absent(creation, "logicalSectorSize");
        if (snapshot->has_sector_size && !json_integer(creation, "logicalSectorSize", &sector))
                wrong(reader, "logicalSectorSize");
}

int snapshot_reply_decode(const cJSON *json, struct snapshot_reply *ret_snapshot,
                          const char **reterr_member) {
        struct snapshot_reply snapshot = {};
        struct reader reader = {};
        const cJSON *properties;
        const char *id;
        int r;

        id = read_string(&reader, json, "id", "id");
        snapshot.has_id = id[0] != '\0';
        if (snapshot.has_id)
                read_id(&reader, id, RESOURCE_SNAPSHOT, &snapshot.id);
        snapshot.location = read_needed_string(&reader, json, "location");
        snapshot.tags = read_tags(&reader, json);

        properties = read_object(&reader, json, "properties");
        if (!properties)
                wrong(&reader, "properties");
        read_creation(&reader, properties, &snapshot);
        snapshot.state = read_string(&reader, properties, "diskState", "diskState");
        snapshot.has_unique_id = read_guid(&reader, properties, "uniqueId", &snapshot.unique_id);
        snapshot.time_created = read_time(&reader, properties, "timeCreated");
        snapshot.provisioning = read_provisioning(&reader, properties);

        if (!json_is_absent(properties, "incremental") &&
            !json_bool(properties, "incremental", &snapshot.incremental))
                wrong(&reader, "incremental");
        snapshot.has_percent = !json_is_absent(properties, "completionPercent");
        if (snapshot.has_percent &&
            !json_percent(properties, "completionPercent", &snapshot.percent))
                wrong(&reader, "completionPercent");
        snapshot.has_copy_error = !json_is_absent(properties, "copyCompletionError");

        r = reader_result(&reader, reterr_member);
        if (r == 0)
                *ret_snapshot = snapshot;
        return r;
}

bool snapshot_reply_has_failed(const struct snapshot_reply *snapshot) {
        return snapshot->provisioning != PROVISIONING_DELETING &&
               (snapshot->provisioning == PROVISIONING_FAILED ||
                snapshot->provisioning == PROVISIONING_CANCELED || snapshot->has_copy_error);
}

bool snapshot_reply_is_complete(const struct snapshot_reply *snapshot, bool counts_percent) {
        if (snapshot->provisioning != PROVISIONING_SUCCEEDED || snapshot->has_copy_error)
                return false;
        if (snapshot->has_percent)
                return snapshot->percent == 100;
        return !counts_percent && str_equal_nocase(snapshot->create_option, "Copy");
}

int disk_reply_parse(const char *bytes, size_t len, struct disk_reply *ret_disk,
                     const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        struct disk_reply disk;
        int r;

        r = json_parse_object(bytes, len, &json);
        if (r != 0)
                return r;
        r = disk_reply_decode(json, &disk, reterr_member);
        if (r != 0)
                return r;

        disk.json = take_ptr(json);
        *ret_disk = disk;
        return 0;
}

void disk_reply_deinit(struct disk_reply *disk) {
        cJSON_Delete(disk->json);
        *disk = (struct disk_reply){};
}

int snapshot_reply_parse(const char *bytes, size_t len, struct snapshot_reply *ret_snapshot,
                         const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        struct snapshot_reply snapshot;
        int r;

        r = json_parse_object(bytes, len, &json);
        if (r != 0)
                return r;
        r = snapshot_reply_decode(json, &snapshot, reterr_member);
        if (r != 0)
                return r;

        snapshot.json = take_ptr(json);
        *ret_snapshot = snapshot;
        return 0;
}

void snapshot_reply_deinit(struct snapshot_reply *snapshot) {
        cJSON_Delete(snapshot->json);
        *snapshot = (struct snapshot_reply){};
}

int arm_reply_date(const struct http_reply *reply, struct utc *ret_date) {
        const char *date = NULL;

        for (size_t i = 0; i < reply->headers.n; i++) {
                if (!str_equal_nocase(reply->headers.items[i].name, "Date"))
                        continue;
                if (date)
                        return -ENOENT;
                date = reply->headers.items[i].value;
        }
        return date && utc_parse_http_date(date, ret_date) == 0 ? 0 : -ENOENT;
}

/* FNV-1a, then the finalizer of MurmurHash3, so that sums of hashes spread over all bits. */
static uint64_t hash_more(uint64_t hash, const char *text, bool fold) {
        for (; *text; text++)
                hash = (hash ^ (unsigned char)(fold ? ascii_lower(*text) : *text)) *
                       UINT64_C(1099511628211);
        return (hash ^ 0xff) * UINT64_C(1099511628211); /* no byte of UTF-8: the end of the text */
}

static uint64_t hash_mix(uint64_t hash) {
        hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
        hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return hash ^ hash >> 33;
}

uint64_t tags_hash(const cJSON *tags) {
        uint64_t sum = 0;

        for (const cJSON *tag = tags ? tags->child : NULL; tag; tag = tag->next) {
                uint64_t hash = hash_more(UINT64_C(14695981039346656037), tag->string, true);

                hash = hash_more(hash, cJSON_GetStringValue(tag) ?: "", false);
                sum += hash_mix(hash);
        }
        return sum;
}

const char *tags_get(const cJSON *tags, const char *name) {
        for (const cJSON *tag = tags ? tags->child : NULL; tag; tag = tag->next)
                if (str_equal_nocase(tag->string, name))
                        return cJSON_GetStringValue(tag);
        return NULL;
}

int operation_reply_parse(const char *bytes, size_t len, struct operation_reply *ret_operation,
                          const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        struct operation_reply operation = {};
        const char *status;
        int r;

        r = json_parse_object(bytes, len, &json);
        if (r != 0)
                return r;

        status = json_string(json, "status");
        if (!status || status[0] == '\0') {
                *reterr_member = "status";
                return REPLY_E_MEMBER;
        }
        if (str_equal_nocase(status, "Succeeded"))
                operation.status = OPERATION_SUCCEEDED;
        else if (str_equal_nocase(status, "Failed"))
                operation.status = OPERATION_FAILED;
        else if (str_equal_nocase(status, "Canceled") || str_equal_nocase(status, "Cancelled"))
                operation.status = OPERATION_CANCELED;
        else
                operation.status = OPERATION_RUNNING;

        operation.output = json_object(json_object(json, "properties"), "output");
        operation.error = json_object(json, "error");
        operation.json = take_ptr(json);
        *ret_operation = operation;
        return 0;
}

int location_reply_parse(const struct http_reply *reply, struct operation_reply *ret_operation) {
        struct operation_reply operation = {.status = OPERATION_SUCCEEDED};
        int r = 0;

        if (reply->status == 202)
                operation.status = OPERATION_RUNNING;
        else
                r = json_parse_object(reply->body ?: "", reply->body_len, &operation.json);
        if (r == -ENOMEM)
                return r;
        operation.output = operation.json; /* no object: there is none, and the resource is asked */
        *ret_operation = operation;
        return 0;
}

void operation_reply_deinit(struct operation_reply *operation) {
        /* The output of a granted access is a signed URL. */
        json_wipe_free(operation->json);
        *operation = (struct operation_reply){};
}

static bool token_is_valid(const char *token) {
        size_t n = strlen(token);

        if (n == 0 || n > TOKEN_MAX)
                return false;
        for (; *token; token++)
                if (*token <= ' ' || *token > '~')
                        return false;
        return true;
}

/* Beside the tree, so that there is one way out on which the tree is wiped. */
static int token_decode(const cJSON *json, struct token_reply *ret_token,
                        const char **reterr_member) {
        const char *token = json_string(json, "access_token"),
                   *type = json_string(json, "token_type");
        struct token_reply reply = {};

        if (!token || !token_is_valid(token)) {
                *reterr_member = "access_token";
                return REPLY_E_MEMBER;
        }
        if (!json_is_absent(json, "token_type") && (!type || !str_equal_nocase(type, "Bearer"))) {
                *reterr_member = "token_type";
                return REPLY_E_MEMBER;
        }
        if (!json_integer(json, "expires_in", &reply.lifetime_s) || reply.lifetime_s < 0) {
                *reterr_member = "expires_in";
                return REPLY_E_MEMBER;
        }
        if (!json_is_absent(json, "refresh_in") &&
            (!json_integer(json, "refresh_in", &reply.refresh_s) || reply.refresh_s < 0)) {
                *reterr_member = "refresh_in";
                return REPLY_E_MEMBER;
        }
        reply.lifetime_s = MIN(reply.lifetime_s, TOKEN_LIFETIME_MAX_S);
        reply.refresh_s = MIN(reply.refresh_s, reply.lifetime_s);

        reply.token = strdup(token);
        if (!reply.token)
                return -ENOMEM;
        *ret_token = reply;
        return 0;
}

int token_reply_decode(const char *bytes, size_t len, struct token_reply *ret_token,
                       const char **reterr_member) {
        cJSON *json;
        size_t offset;
        int r;

        r = json_parse(bytes, len, &json, &offset);
        if (r != 0)
                return r;

        r = cJSON_IsObject(json) ? token_decode(json, ret_token, reterr_member) : JSON_E_SHAPE;
        json_wipe_free(json);
        return r;
}
