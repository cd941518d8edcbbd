/*
 * Once all pages are there: each resource once, regions and states settled, rows in their order.
 */
#include "azure/world-private.h"
#include "base/array.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Which row has which id. */
struct id_ref {
        uint64_t hash;
        uint32_t index;
};

static int compare_refs(const void *a, const void *b) {
        const struct id_ref *x = a, *y = b;
        int c = CMP(x->hash, y->hash);

        return c != 0 ? c : CMP(x->index, y->index);
}

typedef bool (*same_id_fn)(const struct world *world, uint32_t a, uint32_t b);
typedef void (*drop_fn)(struct world *world, uint32_t index);

/* Drops each row that has a later one of the same id. The hash only finds candidates. */
static int drop_earlier(struct world *world, const struct origins *origins, same_id_fn same,
                        drop_fn drop) {
        _cleanup_(freep) struct id_ref *refs = reallocarray(NULL, origins->n + 1, sizeof(*refs));

        if (!refs)
                return -ENOMEM;
        for (size_t i = 0; i < origins->n; i++)
                refs[i] = (struct id_ref){origins->items[i].id_hash, origins->items[i].row};
        qsort(refs, origins->n, sizeof(*refs), compare_refs);

        for (size_t i = 0; i < origins->n; i++)
                for (size_t j = i + 1; j < origins->n && refs[j].hash == refs[i].hash; j++)
                        if (same(world, refs[i].index, refs[j].index)) {
                                drop(world, refs[i].index);
                                break;
                        }
        return 0;
}

static bool same_snapshot(const struct world *world, uint32_t a, uint32_t b) {
        const struct snapshot_row *x = &world->snapshots[a], *y = &world->snapshots[b];
        char x_name[SNAPSHOT_NAME_SIZE], y_name[SNAPSHOT_NAME_SIZE];
        struct world_view view = world_view(world);

        return str_equal_nocase(view_str(&view, x->group), view_str(&view, y->group)) &&
               str_equal_nocase(snapshot_row_name(&view, x, x_name),
                                snapshot_row_name(&view, y, y_name));
}

static void drop_snapshot(struct world *world, uint32_t index) {
        world->snapshots[index].flags |= ROW_DROPPED;
}

static bool same_disk(const struct world *world, uint32_t a, uint32_t b) {
        const struct disk_row *x = &world->disks[a], *y = &world->disks[b];
        struct world_view view = world_view(world);

        return str_equal_nocase(view_str(&view, x->group), view_str(&view, y->group)) &&
               str_equal_nocase(view_str(&view, x->name), view_str(&view, y->name));
}

static void drop_disk(struct world *world, uint32_t index) {
        world->disks[index].flags |= ROW_DROPPED;
}

/* The origin of row i stands at i here, and goes with it. */
static int drop_snapshots(struct world *world) {
        size_t n = 0, hold = 0, n_holds = 0;
        int r;

        r = drop_earlier(world, &world->origins, same_snapshot, drop_snapshot);
        if (r < 0)
                return r;
        for (size_t i = 0; i < world->n_snapshots; i++) {
                bool is_held = hold < world->n_holds && world->holds[hold].row == i;
                uint32_t reason = is_held ? world->holds[hold++].reason : 0;

                if (world->snapshots[i].flags & ROW_DROPPED)
                        continue;
                if (is_held)
                        world->holds[n_holds++] = (struct row_hold){(uint32_t)n, reason};
                world->origins.items[n] = world->origins.items[i];
                world->snapshots[n++] = world->snapshots[i];
        }
        world->n_snapshots = world->origins.n = n;
        world->n_holds = n_holds;
        return 0;
}

static int drop_disks(struct world *world) {
        size_t n = 0;
        int r;

        r = drop_earlier(world, &world->disk_origins, same_disk, drop_disk);
        if (r < 0)
                return r;
        for (size_t i = 0; i < world->n_disks; i++) {
                if (world->disks[i].flags & ROW_DROPPED)
                        continue;
                world->disk_origins.items[n] = world->disk_origins.items[i];
                world->disks[n++] = world->disks[i];
        }
        world->n_disks = world->disk_origins.n = n;
        return 0;
}

/* Gives all strings new numbers, regions first. */
static int renumber(struct world *world) {
        _cleanup_(intern_freep) struct intern *strings = NULL;
        _cleanup_(freep) uint32_t *number = NULL;
        int r;

        number = calloc((size_t)world->n_strings + 1, sizeof(*number));
        if (!number)
                return -ENOMEM;
        r = intern_new(&strings);
        if (r < 0)
                return r;

        for (size_t i = 0; i < world->n_regions + world->n_strings; i++) {
                uint32_t old = (uint32_t)(i < world->n_regions ? world->regions[i]
                                                               : i - world->n_regions + 1);
                const char *text = intern_str(world->strings, old);

                r = intern_add(strings, text, strlen(text), &number[old]);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < world->n_regions; i++)
                world->regions[i] = number[world->regions[i]];
        for (size_t i = 0; i < world->n_snapshots; i++) {
                struct snapshot_row *row = &world->snapshots[i];

                row->name = number[row->name];
                row->group = number[row->group];
                row->generation = number[row->generation];
                row->policy = number[row->policy];
                world->origins.items[i].disk_tag = number[world->origins.items[i].disk_tag];
        }
        for (size_t i = 0; i < world->n_keeps; i++)
                world->keeps[i] = number[world->keeps[i]];
        for (size_t i = 0; i < world->n_holds; i++)
                world->holds[i].reason = number[world->holds[i].reason];
        for (size_t i = 0; i < world->n_disks; i++) {
                struct disk_row *row = &world->disks[i];

                row->name = number[row->name];
                row->group = number[row->group];
                row->generation = number[row->generation];
                row->region = number[row->region];
                row->location = number[row->location];
                row->tags = number[row->tags];
                row->encryption_set = number[row->encryption_set];
        }
        intern_free(world->strings);
        world->strings = take_ptr(strings);
        return 0;
}

/* A row has sixteen bits for its region, and strings may have had larger numbers before one was
 * first seen. */
static int settle_regions(struct world *world) {
        int r;

        for (size_t i = 0; i < world->n_regions; i++)
                if (world->regions[i] > UINT16_MAX) {
                        r = renumber(world);
                        if (r < 0)
                                return r;
                        break;
                }

        for (size_t i = 0; i < world->n_snapshots; i++)
                world->snapshots[i].region = (uint16_t)world->regions[world->snapshots[i].region];
        return 0;
}

enum disk_kind {
        KIND_UNKNOWN, /* in no listing */
        KIND_ORDINARY,
        KIND_COUNTS_PERCENT,
};

static int settle_states(struct world *world) {
        _cleanup_(freep) uint8_t *kinds = calloc((size_t)world->n_strings + 1, 1);

        if (!kinds)
                return -ENOMEM;

        for (size_t i = 0; i < world->n_disks; i++) {
                const struct disk_row *disk = &world->disks[i];
                uint8_t kind =
                        disk->flags & DISK_COUNTS_PERCENT ? KIND_COUNTS_PERCENT : KIND_ORDINARY;

                kinds[disk->generation] = MAX(kinds[disk->generation], kind);
        }
        kinds[0] = KIND_UNKNOWN; /* no generation is nobody's */

        for (size_t i = 0; i < world->n_snapshots; i++) {
                struct snapshot_row *row = &world->snapshots[i];
                uint8_t kind = kinds[row->generation];

                if (row->flags & ROW_OPEN &&
                    (kind == KIND_ORDINARY ||
                     (kind == KIND_UNKNOWN && !(row->flags & ROW_SECTOR)))) {
                        row->flags = (uint16_t)((row->flags & ~ROW_UNDERWAY) | ROW_COMPLETE);
                        row->percent = 100;
                }
                row->flags &= (uint16_t) ~(ROW_OPEN | ROW_SECTOR);
        }
        return 0;
}

/* @hash: that of its group and name, world_id_hash(). */
static uint64_t source_hash(uint64_t hash, const char *subscription) {
        for (const char *c = subscription; *c; c++)
                hash = (hash ^ (unsigned char)ascii_lower(*c)) * UINT64_C(1099511628211);
        return hash;
}

int world_add_source(struct world *world, const char *unique_id, const char *id) {
        struct sources *sources = &world->sources;
        struct resource_id source;
        struct guid guid;
        int r = 0;

        if (guid_parse(unique_id, strlen(unique_id), &guid) == 0 && !guid_is_nil(&guid)) {
                r = array_grow(&sources->ids, sources->n_ids, &sources->ids_capacity,
                               sizeof(*sources->ids), WORLD_SNAPSHOTS_MAX);
                if (r == 0)
                        sources->ids[sources->n_ids++] = guid;
        } else if (resource_id_parse(id, strlen(id), &source) == 0) {
                r = array_grow(&sources->hashes, sources->n_hashes, &sources->hashes_capacity,
                               sizeof(*sources->hashes), WORLD_SNAPSHOTS_MAX);
                if (r == 0)
                        sources->hashes[sources->n_hashes++] =
                                source_hash(world_id_hash(&source), source.subscription);
        }
        return r;
}

/* @id_hash: world_id_hash(). */
static bool sources_have(const struct sources *sources, const struct guid *unique_id,
                         uint64_t id_hash, const char *subscription) {
        uint64_t hash = sources->n_hashes > 0 ? source_hash(id_hash, subscription) : 0;

        for (size_t i = 0; i < sources->n_hashes; i++)
                if (sources->hashes[i] == hash)
                        return true;
        return !guid_is_nil(unique_id) && guids_have(sources->ids, sources->n_ids, unique_id);
}

bool world_copies(const struct world *world, const struct guid *unique_id,
                  const struct resource_id *id) {
        uint64_t hash = world->sources.n_hashes > 0 ? world_id_hash(id) : 0;

        return sources_have(&world->sources, unique_id, hash, id->subscription);
}

/* Holds what a copy under way is made of. Of any row under way: of one that is taken of a disk, no snapshot has
 * the uniqueId. */
static int settle_sources(struct world *world) {
        struct sources *sources = &world->sources;
        int r;

        for (size_t i = 0; i < world->n_snapshots; i++) {
                const struct snapshot_row *row = &world->snapshots[i];
                bool by_id = row->flags & ROW_SOURCE;
                const char *text;

                if (!(row->flags & ROW_UNDERWAY))
                        continue;
                text = intern_str(world->strings,
                                  by_id ? world->origins.items[i].disk_tag : row->generation);
                r = world_add_source(world, by_id ? "" : text, by_id ? text : "");
                if (r < 0)
                        return r;
        }
        if (sources->n_ids + sources->n_hashes == 0)
                return 0;
        guids_sort(sources->ids, sources->n_ids);
        for (size_t i = 0; i < world->n_snapshots; i++)
                if (sources_have(sources, &world->snapshots[i].unique_id,
                                 world->origins.items[i].id_hash, world->subscription))
                        world->snapshots[i].flags |= ROW_HELD;
        return 0;
}

/* The disks of generations, by the number of the generation's string. */
struct generations {
        uint32_t *first_disk; /* index and 1; 0: no disk is listed */
        uint32_t *newest;     /* of those without a disk: index of a snapshot and 1 */
        uint32_t *same_disk;  /* index of the next disk of the same generation and 1 */
};

static void generations_deinit(struct generations *generations) {
        free(generations->first_disk);
        free(generations->newest);
        free(generations->same_disk);
}

static int generations_read(const struct world *world, struct generations *generations) {
        generations->first_disk = calloc((size_t)world->n_strings + 1, sizeof(uint32_t));
        generations->newest = calloc((size_t)world->n_strings + 1, sizeof(uint32_t));
        generations->same_disk = calloc(world->n_disks + 1, sizeof(uint32_t));
        if (!generations->first_disk || !generations->newest || !generations->same_disk)
                return -ENOMEM;

        for (size_t i = 0; i < world->n_disks; i++) {
                uint32_t *first = &generations->first_disk[world->disks[i].generation];

                generations->same_disk[i] = *first;
                *first = (uint32_t)i + 1;
        }
        return 0;
}

/* Whether one of the listed disks has the id. Two have one generation only for a moment, when a disk
 * was moved while the listing was read. */
static bool tag_is_current(const struct world *world, const struct generations *generations,
                           uint32_t generation, uint32_t disk_tag) {
        for (uint32_t i = generations->first_disk[generation]; i > 0;
             i = generations->same_disk[i - 1])
                if (world_tag_names_disk(world, disk_tag, &world->disks[i - 1]))
                        return true;
        return false;
}

static bool is_newer(const struct snapshot_row *a, const struct snapshot_row *b) {
        int c = CMP(a->slot.ticks, b->slot.ticks);

        c = c != 0 ? c : CMP(a->time_created.ticks, b->time_created.ticks);
        return (c != 0 ? c : guid_compare(&a->unique_id, &b->unique_id)) > 0;
}

/* Marks what was moved, and finds the generations whose disk is in no listing. */
static int settle_disks(struct world *world) {
        _cleanup_(generations_deinit) struct generations generations = {};
        uint32_t current_tag = 0, current_of = 0;
        bool current = false; /* of the last two */
        int r;

        r = generations_read(world, &generations);
        if (r < 0)
                return r;

        for (size_t i = 0; i < world->n_snapshots; i++) {
                struct snapshot_row *row = &world->snapshots[i];
                uint32_t *newest = &generations.newest[row->generation],
                         tag = row->flags & ROW_SOURCE ? 0 : world->origins.items[i].disk_tag;

                row->flags &= (uint16_t)~ROW_SOURCE;

                /* Snapshots of a series come one after another, and say the same. */
                if (tag != current_tag || row->generation != current_of) {
                        current_tag = tag;
                        current_of = row->generation;
                        current = tag_is_current(world, &generations, current_of, tag);
                }
                if (tag == 0)
                        continue;
                if (generations.first_disk[row->generation] == 0) {
                        if (*newest == 0 || is_newer(row, &world->snapshots[*newest - 1]))
                                *newest = (uint32_t)i + 1;
                } else if (!current && world_tag_is_id(world, tag))
                        row->flags |= ROW_MOVED;
        }

        for (uint32_t i = 1; i <= world->n_strings; i++) {
                if (generations.newest[i] == 0)
                        continue;
                r = array_grow(&world->orphans, world->n_orphans, &world->orphans_capacity,
                               sizeof(*world->orphans), WORLD_SNAPSHOTS_MAX);
                if (r < 0)
                        return r;
                world->orphans[world->n_orphans++] = (struct orphan){
                        .generation = i,
                        .disk = world->origins.items[generations.newest[i] - 1].disk_tag,
                        .created = world->snapshots[generations.newest[i] - 1].time_created,
                };
        }
        return 0;
}

/* Names differ once duplicates are gone, so this is total. */
static int compare_snapshots(const void *a, const void *b, void *data) {
        const struct world *world = data;
        const struct snapshot_row *x = &world->snapshots[*(const uint32_t *)a];
        const struct snapshot_row *y = &world->snapshots[*(const uint32_t *)b];
        int c;

        c = CMP(x->generation, y->generation);
        if (c == 0)
                c = CMP(x->slot.ticks, y->slot.ticks);
        if (c == 0)
                c = CMP(x->time_created.ticks, y->time_created.ticks);
        if (c == 0)
                c = guid_compare(&x->unique_id, &y->unique_id);
        if (c == 0)
                c = str_compare_nocase(intern_str(world->strings, x->group),
                                       intern_str(world->strings, y->group));
        if (c == 0)
                c = str_compare_nocase(intern_str(world->strings, x->name),
                                       intern_str(world->strings, y->name));
        if (c == 0)
                c = CMP(x->attempt, y->attempt);
        return c;
}

static int compare_disks(const void *a, const void *b, void *data) {
        const struct world *world = data;
        const struct disk_row *x = &world->disks[*(const uint32_t *)a];
        const struct disk_row *y = &world->disks[*(const uint32_t *)b];
        int c;

        c = str_compare_nocase(intern_str(world->strings, x->group),
                               intern_str(world->strings, y->group));
        if (c == 0)
                c = str_compare_nocase(intern_str(world->strings, x->name),
                                       intern_str(world->strings, y->name));
        return c;
}

/* Puts the rows, of which @compare gets two places, into their order, in an array that is no larger
 * than they are. */
static int sort_rows(struct world *world, void *rows, size_t n, size_t size,
                     int (*compare)(const void *a, const void *b, void *data),
                     struct origins *origins) {
        _cleanup_(freep) uint32_t *order = reallocarray(NULL, n + 1, sizeof(*order));
        char **array = rows, *sorted = reallocarray(NULL, n + 1, size);

        if (!order || !sorted) {
                free(sorted);
                return -ENOMEM;
        }

        for (size_t i = 0; i < n; i++)
                order[i] = (uint32_t)i;
        qsort_r(order, n, sizeof(*order), compare, world);
        for (size_t i = 0; i < n; i++) {
                memcpy(sorted + i * size, *array + order[i] * size, size);
                origins->items[order[i]].row = (uint32_t)i;
        }
        free(*array);
        *array = sorted;
        return 0;
}

static int compare_holds(const void *a, const void *b) {
        return CMP(((const struct row_hold *)a)->row, ((const struct row_hold *)b)->row);
}

/* By the places that the rows have come to. */
static void settle_holds(struct world *world) {
        for (size_t i = 0; i < world->n_holds; i++)
                world->holds[i].row = world->origins.items[world->holds[i].row].row;
        if (world->n_holds > 0)
                qsort(world->holds, world->n_holds, sizeof(*world->holds), compare_holds);
}

/* Gives back what the array grew beyond its items. */
static void trim(struct origins *origins) {
        void *trimmed = NULL;

        if (origins->n > 0)
                trimmed = reallocarray(origins->items, origins->n, sizeof(*origins->items));
        if (!trimmed)
                return;
        origins->items = trimmed;
        origins->capacity = origins->n;
}

int world_finish(struct world *world) {
        int r;

        assert(!world->finished);

        free(world->memo); /* its numbers may change, and nothing is added any more */
        world->memo = NULL;
        world_before_free(world);
        r = drop_snapshots(world);
        r = r ?: drop_disks(world);
        r = r ?: settle_regions(world);
        r = r ?: settle_states(world);
        r = r ?: settle_sources(world);
        r = r ?: settle_disks(world);
        r = r
                    ?: sort_rows(world, &world->snapshots, world->n_snapshots,
                                 sizeof(*world->snapshots), compare_snapshots, &world->origins);
        r = r
                    ?: sort_rows(world, &world->disks, world->n_disks, sizeof(*world->disks),
                                 compare_disks, &world->disk_origins);
        if (r < 0)
                return r;

        settle_holds(world);
        trim(&world->origins);
        trim(&world->disk_origins);
        world->finished = true;
        return 0;
}
