/*
 * From a decoded reply to a row: strings to numbers, tags to what they claim.
 */
#include "azure/json.h"
#include "azure/world-private.h"
#include "base/array.h"
#include "base/str.h"
#include "core/naming.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int world_add_string(struct world *world, const char *text, size_t len, uint32_t *ret_number) {
        int r;

        r = intern_add(world->strings, text, len, ret_number);
        if (r < 0)
                return r;
        world->n_strings = MAX(world->n_strings, *ret_number);
        return 0;
}

static int add_text(struct world *world, const char *text, uint32_t *ret_number) {
        return world_add_string(world, text, strlen(text), ret_number);
}

static int add_guid(struct world *world, const struct guid *guid, uint32_t *ret_number) {
        char text[GUID_TEXT_SIZE];

        return add_text(world, guid_format(guid, text), ret_number);
}

/* The canonical name of @location. */
static int add_region(struct world *world, const char *location, uint32_t *ret_number) {
        struct strbuf *scratch = &world->scratch;

        strbuf_clear(scratch);
        strbuf_append_str(scratch, location); /* makes the room; the result is no longer than it */
        if (scratch->error)
                return scratch->error;

        naming_region(location, scratch->data);
        return add_text(world, scratch->data, ret_number);
}

static int compare_tags(const void *a, const void *b) {
        const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
        int c = str_compare_nocase(x->string, y->string);

        return c != 0 ? c : strcmp(x->string, y->string);
}

/* A line end inside a name or value would read as the end of it. */
static void append_line(struct strbuf *out, const char *text, bool lower) {
        for (; *text; text++)
                strbuf_append_char(out, *text == '\n' ? ' ' : lower ? ascii_lower(*text) : *text);
        strbuf_append_char(out, '\n');
}

/* The form of core/rows.h. */
static int add_tags(struct world *world, const cJSON *tags, uint32_t *ret_number) {
        _cleanup_(freep) const cJSON **sorted = NULL;
        size_t n = 0;

        if (!tags || !tags->child) {
                *ret_number = 0;
                return 0;
        }

        for (const cJSON *tag = tags->child; tag; tag = tag->next)
                n++;
        sorted = reallocarray(NULL, n, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        n = 0;
        for (const cJSON *tag = tags->child; tag; tag = tag->next)
                sorted[n++] = tag;
        qsort(sorted, n, sizeof(*sorted), compare_tags);

        strbuf_clear(&world->scratch);
        for (size_t i = 0; i < n; i++) {
                append_line(&world->scratch, sorted[i]->string, /* lower= */ true);
                append_line(&world->scratch, sorted[i]->valuestring, /* lower= */ false);
        }
        if (world->scratch.error)
                return world->scratch.error;
        return world_add_string(world, world->scratch.data, world->scratch.len, ret_number);
}

static uint32_t disk_flags(const struct disk_reply *disk) {
        uint32_t flags = 0;

        if (str_equal_nocase(disk->sku, "UltraSSD_LRS") ||
            str_equal_nocase(disk->sku, "PremiumV2_LRS"))
                flags |= DISK_COUNTS_PERCENT;
        if (str_equal_nocase(disk->state, "ReadyToUpload") ||
            str_equal_nocase(disk->state, "ActiveUpload"))
                flags |= DISK_NO_SNAPSHOT;
        return flags;
}

int world_fill_disk(struct world *world, const struct disk_reply *disk, struct disk_row *ret_row) {
        struct disk_row row = {.time_created = disk->time_created, .flags = disk_flags(disk)};
        int r;

        r = add_text(world, disk->id.name, &row.name);
        if (r == 0)
                r = add_text(world, disk->id.group, &row.group);
        if (r == 0 && disk->has_unique_id)
                r = add_guid(world, &disk->unique_id, &row.generation);
        if (r == 0)
                r = add_region(world, disk->location, &row.region);
        if (r == 0)
                r = add_text(world, disk->location, &row.location);
        if (r == 0)
                r = add_tags(world, disk->tags, &row.tags);
        if (r == 0 && disk->encryption_set[0])
                r = add_text(world, disk->encryption_set, &row.encryption_set);
        if (r == 0)
                *ret_row = row;
        return r;
}

enum our_tag {
        OUR_VERSION,
        OUR_OWNER,
        OUR_POLICY,
        OUR_SLOT,
        OUR_DISK,
        OUR_GENERATION,
        OUR_KEEP,
        OUR_HOLD,
        OUR_ADOPTED,
        OUR_UNTIL,
        _OUR_TAG_N,
};

struct our_tags {
        const char *value[_OUR_TAG_N]; /* NULL where it is not there */
        bool twice;                    /* names that differ in case alone: which one counts? */
};

static void our_tags_read(const cJSON *tags, struct our_tags *ours) {
        static const char *const names[_OUR_TAG_N] = {
                [OUR_VERSION] = TAG_VERSION, [OUR_OWNER] = TAG_OWNER,
                [OUR_POLICY] = TAG_POLICY,   [OUR_SLOT] = TAG_SLOT,
                [OUR_DISK] = TAG_DISK,       [OUR_GENERATION] = TAG_GENERATION,
                [OUR_KEEP] = TAG_KEEP,       [OUR_HOLD] = TAG_HOLD,
                [OUR_ADOPTED] = TAG_ADOPTED, [OUR_UNTIL] = TAG_UNTIL,
        };

        *ours = (struct our_tags){};
        for (const cJSON *tag = tags ? tags->child : NULL; tag; tag = tag->next) {
                if (!str_starts_with_nocase(tag->string, "snapkeep-"))
                        continue;
                for (size_t i = 0; i < _OUR_TAG_N; i++) {
                        if (!str_equal_nocase(tag->string, names[i]))
                                continue;
                        ours->twice |= ours->value[i] != NULL;
                        ours->value[i] = tag->valuestring;
                }
        }
}

/* Whether the tags are a whole set of ours that agrees with the snapshot's own source. */
static bool tags_agree(const struct our_tags *tags, const struct snapshot_reply *reply,
                       struct utc *ret_slot, struct guid *ret_generation) {
        const char *slot = tags->value[OUR_SLOT], *generation = tags->value[OUR_GENERATION];
        const char *version = tags->value[OUR_VERSION], *policy = tags->value[OUR_POLICY];
        const char *until = tags->value[OUR_UNTIL];
        struct utc date;

        if (tags->twice || !version || strcmp(version, TAG_VERSION_VALUE) != 0 || !policy ||
            policy[0] == '\0' || !tags->value[OUR_DISK] || !tags->value[OUR_KEEP])
                return false;
        if (!slot || utc_parse_slot(slot, strlen(slot), ret_slot) < 0)
                return false;
        if (until && utc_parse_slot(until, strlen(until), &date) < 0)
                return false;
        if (!generation || guid_parse(generation, strlen(generation), ret_generation) < 0)
                return false;
        /* A copy's source is a snapshot, not the disk: only its tags know the generation. */
        if (str_equal_nocase(reply->create_option, "Copy"))
                return reply->has_source_unique_id &&
                       guid_compare(ret_generation, &reply->source_unique_id) == 0;
        return true;
}

/* The attempt when @name is @prefix, the slot and perhaps an attempt, else 0. The prefix in another
 * case is another one, since a row must not depend on those before it. */
static unsigned name_attempt(const char *name, const char *prefix, const char *slot) {
        if (!str_starts_with(name, prefix))
                return 0;
        name += strlen(prefix);
        if (*name != '-' || !str_starts_with_nocase(name + 1, slot))
                return 0;
        name += 1 + strlen(slot);
        if (name[0] == '\0')
                return 1;
        if (name[0] != '-' || name[1] < '2' || name[1] > '0' + NAMING_ATTEMPT_MAX ||
            name[2] != '\0')
                return 0;
        return (unsigned)(name[1] - '0');
}

/* Derives the name and remembers the part before the slot if it is that. */
static int row_derive_name(struct world *world, const char *name, const struct series_key *key,
                           struct snapshot_row *row) {
        size_t prefix_len;
        unsigned attempt;
        int r;

        r = naming_parse(name, key, row->slot, &prefix_len, &attempt);
        if (r < 0)
                return r;
        if (r != 0)
                return add_text(world, name, &row->name);

        row->flags |= ROW_NAMED;
        row->attempt = (uint8_t)attempt;
        return world_add_string(world, name, prefix_len, &row->name);
}

/* The name, whole or as the part before the slot. @memo is that of the generation the tags name, or
 * NULL. */
static int row_name(struct world *world, const struct snapshot_reply *reply,
                    const struct our_tags *tags, const struct guid *generation, uint32_t region,
                    struct series_memo *memo, struct snapshot_row *row) {
        char generation_text[GUID_TEXT_SIZE];
        char backup[sizeof(NAMING_BACKUP_POLICY) + NAMING_TAG_VALUE_MAX];
        struct series_key key = {
                .owner = world->owner,
                .policy = row->flags & ROW_BACKUP ? backup : tags->value[OUR_POLICY],
                .generation = generation_text,
                .region = intern_str(world->strings, region),
        };
        int r;

        if (row->flags & ROW_BACKUP)
                snprintf(backup, sizeof(backup), NAMING_BACKUP_POLICY "%s",
                         tags->value[OUR_POLICY]);
        if (memo && memo->prefix != 0 && memo->policy == row->policy && memo->region == region) {
                row->attempt = (uint8_t)name_attempt(reply->id.name,
                                                     intern_str(world->strings, memo->prefix),
                                                     tags->value[OUR_SLOT]);
                if (row->attempt != 0) {
                        row->flags |= ROW_NAMED;
                        row->name = memo->prefix;
                        return 0;
                }
        }

        guid_format(generation, generation_text);
        r = row_derive_name(world, reply->id.name, &key, row);
        if (r == 0 && memo && row->flags & ROW_NAMED) {
                memo->policy = row->policy;
                memo->region = region;
                memo->prefix = row->name;
        }
        return r;
}

int world_add_keep(struct world *world, const char *text, uint16_t *ret_keep) {
        size_t len = strlen(text);
        uint32_t number = 0;
        int r;

        *ret_keep = 0;
        if (len == 0 || len > NAMING_TAG_VALUE_MAX)
                return 0;
        *ret_keep = (uint16_t)intern_find(world->keep_texts, text);
        if (*ret_keep != 0 || world->finished || world->n_keeps > UINT16_MAX)
                return 0;

        if (world->n_keeps == 0) {
                r = array_grow(&world->keeps, 0, &world->keeps_capacity, sizeof(*world->keeps),
                               UINT16_MAX + 1);
                if (r < 0)
                        return r;
                world->keeps[world->n_keeps++] = 0;
        }
        r = array_grow(&world->keeps, world->n_keeps, &world->keeps_capacity, sizeof(*world->keeps),
                       UINT16_MAX + 1);
        if (r == 0)
                r = world_add_string(world, text, len, &world->keeps[world->n_keeps]);
        if (r == 0)
                r = intern_add(world->keep_texts, text, len, &number);
        if (r < 0)
                return r;
        assert(number == world->n_keeps);
        *ret_keep = (uint16_t)world->n_keeps++;
        return 0;
}

int world_add_hold(struct world *world, const char *reason) {
        struct row_hold hold = {.row = (uint32_t)world->n_snapshots};
        int r;

        r = world_add_string(world, reason, strlen(reason), &hold.reason);
        r = r
                    ?: array_grow(&world->holds, world->n_holds, &world->holds_capacity,
                                  sizeof(*world->holds), WORLD_SNAPSHOTS_MAX);
        if (r < 0)
                return r;
        world->holds[world->n_holds++] = hold;
        return 0;
}

/* What a whole set of ours says beside the name. @memo is that of the generation the tags name, or
 * NULL. */
static int row_claims(struct world *world, const struct snapshot_reply *reply,
                      const struct our_tags *tags, const struct guid *generation,
                      struct series_memo *memo, struct snapshot_row *row, uint32_t *ret_disk_tag) {
        const char *keep = row->flags & ROW_BACKUP ? tags->value[OUR_UNTIL] : tags->value[OUR_KEEP];
        int r;

        if (memo && memo->keep != 0 && strcmp(intern_str(world->keep_texts, memo->keep), keep) == 0)
                row->keep = memo->keep;
        else {
                r = world_add_keep(world, keep, &row->keep);
                if (r < 0)
                        return r;
                if (memo)
                        memo->keep = row->keep;
        }

        if (!reply->has_source_unique_id || guid_compare(generation, &reply->source_unique_id) != 0)
                return 0;
        if (memo && memo->disk != 0 &&
            strcmp(intern_str(world->strings, memo->disk), tags->value[OUR_DISK]) == 0) {
                *ret_disk_tag = memo->disk;
                return 0;
        }
        r = add_text(world, tags->value[OUR_DISK], ret_disk_tag);
        if (r == 0 && memo)
                memo->disk = *ret_disk_tag;
        return r;
}

static bool is_adopted(const struct our_tags *tags, const struct snapshot_reply *reply) {
        const char *adopted = tags->value[OUR_ADOPTED];
        struct guid itself;

        return adopted && reply->has_unique_id &&
               guid_parse(adopted, strlen(adopted), &itself) == 0 &&
               guid_compare(&itself, &reply->unique_id) == 0;
}

static int row_ours(struct world *world, const struct snapshot_reply *reply, uint32_t region,
                    struct series_memo *memo, struct snapshot_row *row, uint32_t *ret_disk_tag) {
        struct guid generation;
        struct our_tags tags;
        const char *owner;
        int r;

        our_tags_read(reply->tags, &tags);
        owner = tags.value[OUR_OWNER];
        if (tags.value[OUR_HOLD] || str_starts_with_nocase(reply->state, "ActiveSAS"))
                row->flags |= ROW_HELD;
        if (owner && strcmp(owner, world->owner) == 0)
                row->flags |= ROW_CLAIMS;

        row->slot = UTC_NONE;
        if (!(row->flags & ROW_CLAIMS) || !tags_agree(&tags, reply, &row->slot, &generation)) {
                row->slot = UTC_NONE;
                return add_text(world, reply->id.name, &row->name);
        }

        row->flags |= ROW_TAGGED;
        r = add_text(world, tags.value[OUR_POLICY], &row->policy);
        if (r < 0)
                return r;
        if (is_adopted(&tags, reply))
                row->flags |= ROW_ADOPTED;
        /* It has a name and a date of its own, which are no other's. What was adopted is of a series,
         * whatever it was before. */
        else if (tags.value[OUR_UNTIL]) {
                row->flags |= ROW_BACKUP;
                memo = NULL;
        }
        /* A copy's tags name another generation than its source. */
        if (memo && guid_compare(&memo->source, &generation) != 0)
                memo = NULL;
        r = row_claims(world, reply, &tags, &generation, memo, row, ret_disk_tag);
        if (r < 0)
                return r;
        return row_name(world, reply, &tags, &generation, region, memo, row);
}

/* The place of the source, with its generation filled in. NULL once the world is finished. */
static int memo_find(struct world *world, const struct guid *source,
                     struct series_memo **ret_memo) {
        struct series_memo *memo = NULL;
        uint32_t hash = 2166136261U, generation;
        int r;

        if (world->memo) {
                for (size_t i = 0; i < sizeof(source->bytes); i++)
                        hash = (hash ^ source->bytes[i]) * 16777619U; /* FNV-1a */
                memo = &world->memo[(hash ^ hash >> 16) & (world->n_memo - 1)];
                if (memo->generation == 0 || guid_compare(&memo->source, source) != 0) {
                        r = add_guid(world, source, &generation);
                        if (r < 0)
                                return r;
                        *memo = (struct series_memo){.source = *source, .generation = generation};
                }
        }
        *ret_memo = memo;
        return 0;
}

/* The generation of the row, and the memo for its name. */
static int row_generation(struct world *world, const struct snapshot_reply *reply,
                          struct series_memo **ret_memo, struct snapshot_row *row) {
        int r;

        *ret_memo = NULL;
        if (!reply->has_source_unique_id)
                return 0;

        r = memo_find(world, &reply->source_unique_id, ret_memo);
        if (r < 0)
                return r;
        if (!*ret_memo)
                return add_guid(world, &reply->source_unique_id, &row->generation);
        row->generation = (*ret_memo)->generation;
        return 0;
}

void world_fill_state(const struct snapshot_reply *reply, bool counts_percent,
                      struct snapshot_row *row) {
        bool complete = snapshot_reply_is_complete(reply, counts_percent);

        if (reply->provisioning == PROVISIONING_DELETING)
                row->flags |= ROW_LEAVING;
        else if (snapshot_reply_has_failed(reply))
                row->flags |= ROW_FAILED;
        else
                row->flags |= complete ? ROW_COMPLETE : ROW_UNDERWAY;
        row->percent = (uint8_t)(reply->has_percent ? reply->percent : complete ? 100 : 0);
}

/* The next part of an id in the form of the disk tag; false when it is not @part. */
static bool skip_part(const char **text, const char *part) {
        if (!str_starts_with_nocase(*text, part))
                return false;
        *text += strlen(part);
        return true;
}

bool world_tag_names_disk(const struct world *world, uint32_t disk_tag,
                          const struct disk_row *disk) {
        const char *text = intern_str(world->strings, disk_tag);

        return skip_part(&text, world->subscription) && *text++ == '/' &&
               skip_part(&text, intern_str(world->strings, disk->group)) && *text++ == '/' &&
               skip_part(&text, intern_str(world->strings, disk->name)) && *text == '\0';
}

bool world_tag_is_id(const struct world *world, uint32_t disk_tag) {
        const char *text = intern_str(world->strings, disk_tag), *slash = strchr(text, '/');
        struct guid subscription;
        const char *name;

        if (!slash || guid_parse(text, (size_t)(slash - text), &subscription) < 0)
                return false;
        name = strchr(slash + 1, '/');
        return name && name != slash + 1 && name[1] != '\0' && !strchr(name + 1, '/');
}

int world_fill_snapshot(struct world *world, const struct snapshot_reply *reply,
                        struct snapshot_row *ret_row, uint32_t *ret_region,
                        uint32_t *ret_disk_tag) {
        struct snapshot_row row = {
                .unique_id = reply->unique_id,
                .time_created = reply->time_created,
                .tag_hash = tags_hash(reply->tags),
                .flags = reply->incremental ? ROW_INCREMENTAL : 0,
        };
        struct series_memo *memo;
        uint32_t region, disk_tag = 0;
        int r;

        r = add_region(world, reply->location, &region);
        if (r == 0)
                r = add_text(world, reply->id.group, &row.group);
        if (r == 0)
                r = row_generation(world, reply, &memo, &row);
        if (r == 0)
                r = row_ours(world, reply, region, memo, &row, &disk_tag);
        if (r < 0)
                return r;

        *ret_row = row;
        *ret_region = region;
        *ret_disk_tag = disk_tag;
        return 0;
}
