/*
 * Rows that are taken over from the world before, because their elements' bytes are the same.
 *
 * All that a row says follows from the bytes of its element and the owner; the joins of
 * world_finish() do not, and are undone here. Strings get their numbers in the order in which
 * world_fill_snapshot() gives them, so that a world is the same, number by number, as one that was
 * decoded anew.
 */
#include "azure/world-private.h"
#include "core/targets.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Of one listing of the world before. */
struct known {
        const struct origins *origins;
        size_t next; /* origin that probably comes next */
        /* From the first wrong guess on: places of origins and 1, by fingerprint, in open addressing;
         * 0 is free. At most half are taken. */
        uint32_t *table;
        size_t mask;
};

struct world_before {
        const struct world *world;
        struct known snapshots, disks;
        uint32_t *strings, *keeps; /* numbers and rules by those before; 0: not carried over yet */
};

static struct fingerprint print_of(const struct world *world, const char *bytes, size_t len) {
        return fingerprint_of(bytes, len, (uint64_t)world->key.ticks);
}

int world_expect(struct world *world, const struct world *before) {
        struct world_before *b;

        assert(!world->finished && world->n_snapshots == 0 && !world->before);
        assert(before->finished && strcmp(before->subscription, world->subscription) == 0);

        if (strcmp(before->owner, world->owner) != 0)
                return 0;
        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        world->before = b;
        b->world = before;
        b->snapshots.origins = &before->origins;
        b->disks.origins = &before->disk_origins;
        b->strings = calloc((size_t)before->n_strings + 1, sizeof(*b->strings));
        b->keeps = calloc(before->n_keeps + 1, sizeof(*b->keeps));
        if (!b->strings || !b->keeps)
                return -ENOMEM;
        world->key = before->key;
        return world_make_room(world, before->n_snapshots);
}

void world_before_free(struct world *world) {
        struct world_before *b = world->before;

        if (!b)
                return;
        free(b->snapshots.table);
        free(b->disks.table);
        free(b->strings);
        free(b->keeps);
        free(b);
        world->before = NULL;
}

size_t world_count_before(const struct world *world) {
        return world->before ? world->before->world->n_snapshots : 0;
}

static int table_fill(struct known *known) {
        size_t size = 8;

        while (size < 2 * known->origins->n)
                size *= 2;
        known->table = calloc(size, sizeof(*known->table));
        if (!known->table)
                return -ENOMEM;

        known->mask = size - 1;
        for (size_t i = 0; i < known->origins->n; i++) {
                size_t at = known->origins->items[i].print.a & known->mask;

                while (known->table[at] != 0)
                        at = (at + 1) & known->mask;
                known->table[at] = (uint32_t)i + 1;
        }
        return 0;
}

static bool is_of(const struct origin *origin, struct fingerprint print, size_t len) {
        return origin->len == len && fingerprint_equal(origin->print, print);
}

/* The place of the origin of these bytes, or that behind the last. */
static size_t table_find(const struct known *known, struct fingerprint print, size_t len) {
        for (size_t at = print.a & known->mask; known->table[at] != 0; at = (at + 1) & known->mask)
                if (is_of(&known->origins->items[known->table[at] - 1], print, len))
                        return known->table[at] - 1;
        return known->origins->n;
}

static int carry_string(struct world *world, uint32_t *number) {
        uint32_t *carried = &world->before->strings[*number];
        int r;

        if (*number != 0 && *carried == 0) {
                const char *text = intern_str(world->before->world->strings, *number);

                r = world_add_string(world, text, strlen(text), carried);
                if (r < 0)
                        return r;
        }
        *number = *carried;
        return 0;
}

static int carry_keep(struct world *world, uint16_t *keep) {
        const struct world *before = world->before->world;
        uint32_t *carried = &world->before->keeps[*keep];
        uint16_t index;
        int r;

        if (*keep != 0 && *carried == 0) {
                r = world_add_keep(world, intern_str(before->strings, before->keeps[*keep]),
                                   &index);
                if (r < 0)
                        return r;
                *carried = index;
        }
        *keep = (uint16_t)*carried;
        return 0;
}

static int carry_hold(struct world *world, const struct snapshot_row *was) {
        struct world_view before;
        const char *reason;

        if (!(was->flags & ROW_HELD))
                return 0;
        before = world_view(world->before->world);
        reason = view_hold(&before, was);
        return reason ? world_add_hold(world, reason) : 0;
}

/* The row as it was before it was settled. */
static struct snapshot_row unsettled(const struct world *before, const struct origin *origin) {
        struct snapshot_row row = before->snapshots[origin->row];

        row.flags = (uint16_t)((row.flags & ~(ROW_MOVED | ROW_HELD)) | origin->unsettled);
        if (origin->unsettled & ROW_OPEN) {
                row.flags = (uint16_t)((row.flags & ~ROW_COMPLETE) | ROW_UNDERWAY);
                row.percent = 0;
        }
        return row;
}

typedef int (*carry_fn)(struct world *world, const struct origin *was);

static int carry_snapshot(struct world *world, const struct origin *was) {
        struct snapshot_row row = unsettled(world->before->world, was);
        struct origin origin = *was;
        uint32_t region = row.region;
        int r;

        r = carry_string(world, &region);
        r = r ?: carry_string(world, &row.group);
        r = r ?: carry_string(world, &row.generation);
        r = r ?: carry_string(world, &row.policy);
        r = r ?: carry_keep(world, &row.keep);
        if (!(origin.unsettled & ROW_SOURCE))
                r = r ?: carry_string(world, &origin.disk_tag);
        r = r ?: carry_string(world, &row.name);
        if (origin.unsettled & ROW_SOURCE)
                r = r ?: carry_string(world, &origin.disk_tag);
        r = r ?: carry_hold(world, &world->before->world->snapshots[was->row]);
        return r ?: world_add_snapshot_row(world, &row, region, &origin);
}

static int carry_disk(struct world *world, const struct origin *was) {
        struct disk_row row = world->before->world->disks[was->row];
        int r;

        r = carry_string(world, &row.name);
        r = r ?: carry_string(world, &row.group);
        r = r ?: carry_string(world, &row.generation);
        r = r ?: carry_string(world, &row.region);
        r = r ?: carry_string(world, &row.location);
        r = r ?: carry_string(world, &row.tags);
        r = r ?: carry_string(world, &row.encryption_set);
        return r ?: world_add_disk_row(world, &row, was);
}

int world_keep_disk(struct world *world, const struct resource_id *id) {
        struct world_view before;
        const struct disk_row *row;
        struct origin origin = {.id_hash = world_id_hash(id)};

        if (!world->before)
                return 0;
        before = world_view(world->before->world);
        row = view_find_disk(&before, id->group, id->name);
        if (!row)
                return 0;
        /* Of no length: its bytes are others by now. */
        origin.row = (uint32_t)(row - before.disks);
        return carry_disk(world, &origin) ?: 1;
}

static size_t next_length(const struct known *known) {
        return known->next < known->origins->n ? known->origins->items[known->next].len : 0;
}

static size_t next_snapshot(void *data) {
        const struct world *world = data;

        return world->before ? next_length(&world->before->snapshots) : 0;
}

static size_t next_disk(void *data) {
        const struct world *world = data;

        return world->before ? next_length(&world->before->disks) : 0;
}

/* Takes over what is at the place, if there is one. Returns 1, 0 or an error. */
static int take_over(struct world *world, struct known *known, size_t place, carry_fn carry) {
        int r;

        if (place >= known->origins->n)
                return 0;
        r = carry(world, &known->origins->items[place]);
        if (r < 0)
                return r;
        known->next = place + 1;
        return 1;
}

static int take_next(struct world *world, struct known *known, const char *bytes, size_t len,
                     carry_fn carry) {
        if (!is_of(&known->origins->items[known->next], print_of(world, bytes, len), len))
                return 0;
        return take_over(world, known, known->next, carry);
}

static int take_known_snapshot(const char *bytes, size_t len, void *data) {
        struct world *world = data;

        return take_next(world, &world->before->snapshots, bytes, len, carry_snapshot);
}

static int take_known_disk(const char *bytes, size_t len, void *data) {
        struct world *world = data;

        return take_next(world, &world->before->disks, bytes, len, carry_disk);
}

const struct page_guess world_guess_snapshots = {next_snapshot, take_known_snapshot};
const struct page_guess world_guess_disks = {next_disk, take_known_disk};

static int find(struct world *world, struct known *known, struct fingerprint print, size_t len,
                carry_fn carry) {
        int r;

        if (!known->table) {
                r = table_fill(known);
                if (r < 0)
                        return r;
        }
        return take_over(world, known, table_find(known, print, len), carry);
}

int world_find_snapshot(struct world *world, const char *bytes, size_t len,
                        struct fingerprint *ret_print) {
        *ret_print = print_of(world, bytes, len);
        if (!world->before)
                return 0;
        return find(world, &world->before->snapshots, *ret_print, len, carry_snapshot);
}

int world_find_disk(struct world *world, const char *bytes, size_t len,
                    struct fingerprint *ret_print) {
        *ret_print = print_of(world, bytes, len);
        if (!world->before)
                return 0;
        return find(world, &world->before->disks, *ret_print, len, carry_disk);
}
