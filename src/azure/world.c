/*
 * A world's life, and the elements of listings on their way in.
 */
#include "azure/world.h"

#include "azure/json.h"
#include "azure/text.h"
#include "azure/world-private.h"
#include "base/array.h"
#include "base/str.h"
#include "core/naming.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

int world_new(const char *subscription, const char *owner, struct utc begin,
              struct world **ret_world) {
        _cleanup_(world_freep) struct world *world = calloc(1, sizeof(*world));
        int r;

        if (!world)
                return -ENOMEM;

        assert(strlen(subscription) < sizeof(world->subscription));
        strcpy(world->subscription, subscription);
        str_lower(world->subscription);
        world->begin = begin;
        world->key = begin;
        world->owner = strdup(owner);
        if (!world->owner)
                return -ENOMEM;

        r = intern_new(&world->strings);
        if (r == 0)
                r = intern_new(&world->keep_texts);
        if (r < 0)
                return r;

        *ret_world = take_ptr(world);
        return 0;
}

struct world *world_free(struct world *world) {
        if (!world)
                return NULL;

        intern_free(world->strings);
        intern_free(world->keep_texts);
        strbuf_deinit(&world->scratch);
        free(world->owner);
        free(world->snapshots);
        free(world->origins.items);
        world_before_free(world);
        free(world->disks);
        free(world->disk_origins.items);
        free(world->regions);
        free(world->keeps);
        free(world->holds);
        free(world->orphans);
        free(world->sources.ids);
        free(world->sources.hashes);
        free(world->memo);
        free(world);
        return NULL;
}

const struct world_unread *world_unread(const struct world *world) {
        return &world->unread;
}

bool world_is_whole(const struct world *world) {
        return world->unread.n_disks + world->unread.n_snapshots == 0;
}

struct world_view world_view(const struct world *world) {
        return (struct world_view){
                .subscription = world->subscription,
                .strings = world->strings,
                .snapshots = world->snapshots,
                .n_snapshots = world->n_snapshots,
                .disks = world->disks,
                .n_disks = world->n_disks,
                .orphans = world->orphans,
                .n_orphans = world->n_orphans,
                .keeps = world->keeps,
                .n_keeps = world->n_keeps,
                .holds = world->holds,
                .n_holds = world->n_holds,
                .begin = world->begin,
        };
}

/* The place of a region among those seen, so that it fits into a row whatever its number is. */
static int region_index(struct world *world, uint32_t number, uint16_t *ret_index) {
        size_t i = 0;
        int r;

        while (i < world->n_regions && world->regions[i] != number)
                i++;
        if (i == world->n_regions) {
                r = array_grow(&world->regions, world->n_regions, &world->regions_capacity,
                               sizeof(*world->regions), WORLD_REGIONS_MAX);
                if (r < 0)
                        return r;
                world->regions[world->n_regions++] = number;
        }
        *ret_index = (uint16_t)i;
        return 0;
}

/* FNV-1a. */
uint64_t world_id_hash(const struct resource_id *id) {
        uint64_t hash = UINT64_C(14695981039346656037);

        for (const char *c = id->group; *c; c++)
                hash = (hash ^ (unsigned char)ascii_lower(*c)) * UINT64_C(1099511628211);
        hash = (hash ^ '/') * UINT64_C(1099511628211);
        for (const char *c = id->name; *c; c++)
                hash = (hash ^ (unsigned char)ascii_lower(*c)) * UINT64_C(1099511628211);
        return hash;
}

/* @row: the place of the row that is added with it. */
static int origins_add(struct origins *origins, const struct origin *origin, size_t row,
                       size_t max) {
        int r;

        r = array_grow(&origins->items, origins->n, &origins->capacity, sizeof(*origins->items),
                       max);
        if (r < 0)
                return r;
        origins->items[origins->n] = *origin;
        origins->items[origins->n++].row = (uint32_t)row;
        return 0;
}

/* The element has no row for that member. @n: those of its kind. What has no id is no resource, and its page is
 * no listing. Returns 0 or JSON_E_SHAPE. */
static int note_unread(struct world *world, const cJSON *element, const char *member,
                       const struct origin *origin, size_t *n) {
        struct world_unread *unread = &world->unread;
        size_t known = unread->n_disks + unread->n_snapshots;
        const char *id = json_string(element, "id") ?: "";

        if (id[0] == '\0')
                return JSON_E_SHAPE;
        for (size_t i = 0; i < known; i++)
                if (world->unread_prints[i] == origin->print.a)
                        return 0;
        if (known == WORLD_UNREAD_MAX)
                return 0;
        if (known == 0) {
                unread->member = member;
                text_sanitize(id, strlen(id), unread->id, sizeof(unread->id));
        }
        world->unread_prints[known] = origin->print.a;
        (*n)++;
        return 0;
}

/* A disk that was known goes on being backed up, as it was. */
static int unread_disk(struct world *world, const cJSON *element, const char *member,
                       const struct origin *origin) {
        const char *text = json_string(element, "id") ?: "";
        struct resource_id id;
        int r;

        r = note_unread(world, element, member, origin, &world->unread.n_disks);
        if (r != 0)
                return r;
        if (resource_id_parse(text, strlen(text), &id) == 0 && id.type == RESOURCE_DISK &&
            strcmp(id.subscription, world->subscription) == 0)
                r = world_keep_disk(world, &id);
        world->unread.lacks_disk |= r == 0;
        return MIN(r, 0);
}

/* It may be a copy: what it says that it is made of is held, unless it says that it is complete. */
static int note_unread_source(struct world *world, const cJSON *element) {
        const cJSON *properties = json_object(element, "properties");
        const cJSON *creation = json_object(properties, "creationData");
        const char *state = json_string(properties, "provisioningState") ?: "";
        unsigned percent = 0;

        if (str_equal_nocase(state, "Succeeded") &&
            json_percent(properties, "completionPercent", &percent) && percent == 100)
                return 0;
        return world_add_source(world, json_string(creation, "sourceUniqueId") ?: "",
                                json_string(creation, "sourceResourceId") ?: "");
}

static int unread_snapshot(struct world *world, const cJSON *element, const char *member,
                           const struct origin *origin) {
        int r;

        r = note_unread(world, element, member, origin, &world->unread.n_snapshots);
        return r ?: note_unread_source(world, element);
}

int world_add_disk_row(struct world *world, const struct disk_row *row,
                       const struct origin *origin) {
        int r;

        r = array_grow(&world->disks, world->n_disks, &world->disks_capacity, sizeof(*world->disks),
                       WORLD_DISKS_MAX);
        r = r ?: origins_add(&world->disk_origins, origin, world->n_disks, WORLD_DISKS_MAX);
        if (r < 0)
                return r;
        world->disks[world->n_disks++] = *row;
        return 0;
}

static int add_disk(struct world *world, const cJSON *element, struct origin *origin) {
        struct disk_reply disk;
        struct disk_row row;
        const char *member;
        int r;

        r = disk_reply_decode(element, &disk, &member);
        if (r != 0)
                return unread_disk(world, element, member, origin);
        if (strcmp(disk.id.subscription, world->subscription) != 0)
                return unread_disk(world, element, "id", origin);

        r = world_fill_disk(world, &disk, &row);
        if (r < 0)
                return r;
        origin->id_hash = world_id_hash(&disk.id);
        return world_add_disk_row(world, &row, origin);
}

int world_add_disk(const char *bytes, size_t len, void *data) {
        _cleanup_(json_freep) cJSON *element = NULL;
        struct origin origin = {.len = (uint32_t)len};
        struct world *world = data;
        int r;

        assert(!world->finished);

        r = world_find_disk(world, bytes, len, &origin.print);
        if (r != 0)
                return r < 0 ? r : 0;
        element = json_parse_scanned(bytes, len);
        return element ? add_disk(world, element, &origin) : -ENOMEM;
}

static int copy_string(struct world *world, const struct world *before, uint32_t *number) {
        const char *text = intern_str(before->strings, *number);

        if (*number == 0)
                return 0;
        return world_add_string(world, text, strlen(text), number);
}

static int copy_disk(struct world *world, const struct world *before, size_t index,
                     struct disk_row *ret_row) {
        struct disk_row row = before->disks[index];
        int r;

        r = copy_string(world, before, &row.name);
        r = r ?: copy_string(world, before, &row.group);
        r = r ?: copy_string(world, before, &row.generation);
        r = r ?: copy_string(world, before, &row.region);
        r = r ?: copy_string(world, before, &row.location);
        r = r ?: copy_string(world, before, &row.tags);
        r = r ?: copy_string(world, before, &row.encryption_set);
        *ret_row = row;
        return r;
}

int world_copy_disks(struct world *world, const struct world *before) {
        const struct origins *origins = &before->disk_origins;
        struct disk_row row;
        int r = 0;

        assert(!world->finished && before->finished);

        /* Strings in the order of the rows, rows in that of the listing, which the next may have. */
        for (size_t i = 0; r == 0 && i < before->n_disks; i++)
                r = copy_disk(world, before, i, &row);
        for (size_t i = 0; r == 0 && i < origins->n; i++) {
                r = copy_disk(world, before, origins->items[i].row, &row);
                r = r ?: world_add_disk_row(world, &row, &origins->items[i]);
        }
        return r;
}

static bool belongs(const struct world *world, const struct snapshot_reply *reply) {
        return reply->has_id && strcmp(reply->id.subscription, world->subscription) == 0;
}

int world_make_room(struct world *world, size_t n_snapshots) {
        size_t n = MIN(n_snapshots + n_snapshots / 16 + 8, (size_t)WORLD_SNAPSHOTS_MAX);

        world->snapshots = reallocarray(NULL, n, sizeof(*world->snapshots));
        world->origins.items = reallocarray(NULL, n, sizeof(*world->origins.items));
        if (!world->snapshots || !world->origins.items)
                return -ENOMEM;
        world->snapshots_capacity = world->origins.capacity = n;
        return 0;
}

int world_add_snapshot_row(struct world *world, const struct snapshot_row *row, uint32_t region,
                           const struct origin *origin) {
        size_t n = world->n_snapshots;
        uint16_t index;
        int r;

        r = region_index(world, region, &index);
        if (r < 0)
                return r;
        r = array_grow(&world->snapshots, n, &world->snapshots_capacity, sizeof(*world->snapshots),
                       WORLD_SNAPSHOTS_MAX);
        r = r ?: origins_add(&world->origins, origin, n, WORLD_SNAPSHOTS_MAX);
        if (r < 0)
                return r;
        world->snapshots[n] = *row;
        world->snapshots[n].region = index;
        world->n_snapshots++;
        return 0;
}

/* In a small world most rows are known, and clearing a large memo would cost more than it spares. */
static int memo_new(struct world *world) {
        size_t n = world->before ? SERIES_MEMO_LEAST : SERIES_MEMO_N;

        if (world->memo)
                return 0;
        while (n < SERIES_MEMO_N && n < world_count_before(world))
                n *= 2;
        world->memo = calloc(n, sizeof(*world->memo));
        if (!world->memo)
                return -ENOMEM;
        world->n_memo = n;
        return 0;
}

/* A copy under way of which Azure does not tell the source's uniqueId yet, as in its first seconds
 * (recorded: cli-snapshot-incremental-2023). */
static int note_source(struct world *world, const struct snapshot_reply *reply,
                       struct snapshot_row *row, struct origin *origin) {
        struct resource_id source;

        if (!(row->flags & ROW_UNDERWAY) || reply->has_source_unique_id ||
            resource_id_parse(reply->source_id, strlen(reply->source_id), &source) != 0 ||
            source.type != RESOURCE_SNAPSHOT)
                return 0;
        row->flags |= ROW_SOURCE;
        return world_add_string(world, reply->source_id, strlen(reply->source_id),
                                &origin->disk_tag);
}

static int note_hold(struct world *world, const struct snapshot_reply *reply) {
        const char *reason = tags_get(reply->tags, TAG_HOLD);

        return reason ? world_add_hold(world, reason) : 0;
}

static int add_snapshot(struct world *world, const cJSON *element, struct origin *origin) {
        struct snapshot_reply reply;
        struct snapshot_row row;
        const char *member;
        uint32_t region;
        int r;

        r = snapshot_reply_decode(element, &reply, &member);
        if (r != 0)
                return unread_snapshot(world, element, member, origin);
        if (!belongs(world, &reply))
                return unread_snapshot(world, element, "id", origin);

        r = memo_new(world);
        if (r < 0)
                return r;

        r = world_fill_snapshot(world, &reply, &row, &region, &origin->disk_tag);
        if (r < 0)
                return r;
        world_fill_state(&reply, /* counts_percent= */ true, &row);
        if (!(row.flags & ROW_COMPLETE) && snapshot_reply_is_complete(&reply, false))
                row.flags |= ROW_OPEN;
        if (reply.has_sector_size)
                row.flags |= ROW_SECTOR;
        r = note_source(world, &reply, &row, origin);
        r = r ?: note_hold(world, &reply);
        if (r < 0)
                return r;

        origin->id_hash = world_id_hash(&reply.id);
        origin->unsettled = row.flags & (ROW_OPEN | ROW_SECTOR | ROW_SOURCE | ROW_HELD);
        if (row.flags & ROW_TAGGED && row.keep == 0)
                origin->len = 0; /* another world may have room for its rule */
        return world_add_snapshot_row(world, &row, region, origin);
}

int world_add_snapshot(const char *bytes, size_t len, void *data) {
        _cleanup_(json_freep) cJSON *element = NULL;
        struct origin origin = {.len = (uint32_t)len};
        struct world *world = data;
        int r;

        assert(!world->finished);

        r = world_find_snapshot(world, bytes, len, &origin.print);
        if (r != 0)
                return r < 0 ? r : 0;
        element = json_parse_scanned(bytes, len);
        return element ? add_snapshot(world, element, &origin) : -ENOMEM;
}

/* What world_finish() settles for all rows at once. */
static bool row_moved(const struct world *world, const struct snapshot_row *row,
                      uint32_t disk_tag) {
        bool listed = false;

        if (disk_tag == 0 || !world_tag_is_id(world, disk_tag))
                return false;
        for (size_t i = 0; i < world->n_disks; i++) {
                if (world->disks[i].generation != row->generation)
                        continue;
                if (world_tag_names_disk(world, disk_tag, &world->disks[i]))
                        return false;
                listed = true;
        }
        return listed;
}

int world_judge(struct world *world, const struct snapshot_reply *reply, bool counts_percent,
                struct snapshot_row *ret_row) {
        struct snapshot_row row;
        uint32_t region, disk_tag;
        int r;

        assert(world->finished);

        if (!belongs(world, reply))
                return JSON_E_SHAPE;

        r = world_fill_snapshot(world, reply, &row, &region, &disk_tag);
        if (r < 0)
                return r;
        if (region > UINT16_MAX)
                return -E2BIG;
        row.region = (uint16_t)region;
        world_fill_state(reply, counts_percent, &row);
        if (row_moved(world, &row, disk_tag))
                row.flags |= ROW_MOVED;
        *ret_row = row;
        return 0;
}
