/*
 * Pages from standard input, a line each, through the cutter and the decoders; what they saw of each
 * element on standard output, a line of JSON each, for generated.py to compare with what it wrote.
 */
#include "azure/json.h"
#include "azure/page.h"
#include "azure/replies.h"
#include "base/json_writer.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

static const char *provisioning_name(enum provisioning_state state) {
        switch (state) {
        case PROVISIONING_SUCCEEDED:
                return "Succeeded";
        case PROVISIONING_FAILED:
                return "Failed";
        case PROVISIONING_CANCELED:
                return "Canceled";
        case PROVISIONING_DELETING:
                return "Deleting";
        case PROVISIONING_RUNNING:
                return "Running";
        }
        return "?";
}

static void write_guid(struct json_writer *w, const char *name, bool has, const struct guid *guid) {
        char text[GUID_TEXT_SIZE];

        if (has)
                json_write_string(w, name, guid_format(guid, text));
        else
                json_write_null(w, name);
}

/* Names and values in the order they came. */
static void write_tags(struct json_writer *w, const cJSON *tags) {
        const cJSON *tag;

        if (!tags) {
                json_write_null(w, "tags");
                return;
        }
        json_open(w, "tags", '{');
        cJSON_ArrayForEach(tag, tags) json_write_string(w, tag->string, tag->valuestring);
        json_close(w);
}

static void write_snapshot(struct json_writer *w, const struct snapshot_reply *snapshot) {
        char id[RESOURCE_ID_TEXT_SIZE];

        json_write_string(w, "id", resource_id_format(&snapshot->id, id));
        json_write_string(w, "location", snapshot->location);
        json_write_string(w, "createOption", snapshot->create_option);
        json_write_string(w, "diskState", snapshot->state);
        write_tags(w, snapshot->tags);
        write_guid(w, "uniqueId", snapshot->has_unique_id, &snapshot->unique_id);
        write_guid(w, "sourceUniqueId", snapshot->has_source_unique_id,
                   &snapshot->source_unique_id);
        json_write_utc(w, "timeCreated", snapshot->time_created);
        json_write_string(w, "provisioningState", provisioning_name(snapshot->provisioning));
        json_write_bool(w, "incremental", snapshot->incremental);
        json_write_int(w, "completionPercent",
                       snapshot->has_percent ? (int64_t)snapshot->percent : -1);
        json_write_bool(w, "copyCompletionError", snapshot->has_copy_error);
        json_write_bool(w, "logicalSectorSize", snapshot->has_sector_size);
}

static void write_disk(struct json_writer *w, const struct disk_reply *disk) {
        char id[RESOURCE_ID_TEXT_SIZE];

        json_write_string(w, "id", resource_id_format(&disk->id, id));
        json_write_string(w, "location", disk->location);
        json_write_string(w, "sku", disk->sku);
        json_write_string(w, "diskState", disk->state);
        write_tags(w, disk->tags);
        write_guid(w, "uniqueId", disk->has_unique_id, &disk->unique_id);
        json_write_utc(w, "timeCreated", disk->time_created);
        json_write_string(w, "provisioningState", provisioning_name(disk->provisioning));
}

static int decode(const char *bytes, size_t len, void *data) {
        _cleanup_(json_freep) cJSON *json = json_parse_scanned(bytes, len);
        _cleanup_(strbuf_deinit) struct strbuf line = {};
        struct json_writer w = {.out = &line};
        struct snapshot_reply snapshot;
        struct disk_reply disk;
        const char *type, *member = "";
        int r;

        if (!json)
                return -ENOMEM;
        type = json_string(json, "type") ?: "";
        json_open(&w, NULL, '{');
        if (strcmp(type, "Microsoft.Compute/disks") == 0) {
                r = disk_reply_decode(json, &disk, &member);
                if (r == 0)
                        write_disk(&w, &disk);
        } else {
                r = snapshot_reply_decode(json, &snapshot, &member);
                if (r == 0)
                        write_snapshot(&w, &snapshot);
        }
        if (r != 0)
                json_write_string(&w, "refused", member);
        json_close(&w);
        if (line.error)
                return line.error;
        return puts(strbuf_str(&line)) < 0 ? -EIO : 0;
}

/* In pieces of @piece bytes, as a network might bring them. */
static int decode_page(const char *text, size_t len, size_t piece) {
        _cleanup_(page_freep) struct page *page = NULL;
        const char *link;
        int r;

        r = page_new(decode, NULL, &page);
        for (size_t at = 0; at < len && r == 0; at += piece)
                r = page_feed(page, text + at, MIN(piece, len - at));
        return r ?: page_finish(page, &link);
}

int main(void) {
        _cleanup_(freep) char *line = NULL;
        size_t size = 0, number = 0;
        ssize_t len;

        while ((len = getline(&line, &size, stdin)) > 0) {
                int r = decode_page(line, (size_t)len, ++number % 61 * 7 + 1);

                if (r != 0) {
                        fprintf(stderr, "page %zu: %d\n", number, r);
                        return 1;
                }
        }
        return 0;
}
