/*
 * Rows that are taken over from the world before, because their elements' bytes are the same.
 *
 * All that a row says follows from the bytes of its element and the owner; the joins of
 * world_finish() do not, and are undone here. Strings get their numbers in the order in which
 * world_fill_snapshot() gives them, so that a world is the same, number by number, as one that was
 * decoded anew.
 */
#include "azure/world-private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Open addressing: places of origins and 1, by fingerprint; 0 is free. At most half are taken. */
struct known_table {
        uint32_t *places;
        size_t mask;
};

struct world_before {
        const struct world *world;
        size_t next;               /* origin that probably comes next */
        struct known_table table;  /* from the first wrong guess on */
        uint32_t *strings, *keeps; /* numbers and rules by those before; 0: not carried over yet */
};

static uint64_t key_of(const struct world *world) {
        return (uint64_t)world->key.ticks;
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
        b->strings = calloc((size_t)before->n_strings + 1, sizeof(*b->strings));
        b->keeps = calloc(before->n_keeps + 1, sizeof(*b->keeps));
        if (!b->strings || !b->keeps)
                return -ENOMEM;
        world->key = before->key;
        return 0;
}

void world_before_free(struct world *world) {
        struct world_before *b = world->before;

        if (!b)
                return;
        free(b->table.places);
        free(b->strings);
        free(b->keeps);
        free(b);
        world->before = NULL;
}

static int table_fill(struct known_table *table, const struct world *world) {
        size_t size = 8;

        while (size < 2 * world->n_origins)
                size *= 2;
        table->places = calloc(size, sizeof(*table->places));
        if (!table->places)
                return -ENOMEM;

        table->mask = size - 1;
        for (size_t i = 0; i < world->n_origins; i++) {
                size_t at = world->origins[i].print.a & table->mask;

                while (table->places[at] != 0)
                        at = (at + 1) & table->mask;
                table->places[at] = (uint32_t)i + 1;
        }
        return 0;
}

/* The origin of the same bytes, or NULL. */
static const struct origin *table_find(const struct known_table *table, const struct world *world,
                                       struct fingerprint print, size_t len) {
        for (size_t at = print.a & table->mask; table->places[at] != 0;
             at = (at + 1) & table->mask) {
                const struct origin *origin = &world->origins[table->places[at] - 1];

                if (origin->len == len && fingerprint_equal(origin->print, print))
                        return origin;
        }
        return NULL;
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

/* The row as it was before it was settled. */
static struct snapshot_row unsettled(const struct world *before, const struct origin *origin) {
        struct snapshot_row row = before->snapshots[origin->row];

        row.flags = (uint16_t)((row.flags & ~ROW_MOVED) | origin->unsettled);
        if (origin->unsettled & ROW_OPEN) {
                row.flags = (uint16_t)((row.flags & ~ROW_COMPLETE) | ROW_UNDERWAY);
                row.percent = 0;
        }
        return row;
}

static int carry_row(struct world *world, const struct origin *was) {
        struct snapshot_row row = unsettled(world->before->world, was);
        struct origin origin = *was;
        uint32_t region = row.region;
        int r;

        r = carry_string(world, &region);
        r = r ?: carry_string(world, &row.group);
        r = r ?: carry_string(world, &row.generation);
        r = r ?: carry_string(world, &row.policy);
        r = r ?: carry_keep(world, &row.keep);
        r = r ?: carry_string(world, &origin.disk_tag);
        r = r ?: carry_string(world, &row.name);
        return r ?: world_add_row(world, &row, region, &origin);
}

size_t world_guess_length(void *data) {
        const struct world *world = data;
        const struct world_before *b = world->before;

        return b && b->next < b->world->n_origins ? b->world->origins[b->next].len : 0;
}

int world_known(const char *bytes, size_t len, void *data) {
        struct world *world = data;
        struct world_before *b = world->before;
        struct fingerprint print = fingerprint_of(bytes, len, key_of(world));
        const struct origin *origin = &b->world->origins[b->next];
        int r;

        if (origin->len != len || !fingerprint_equal(origin->print, print))
                return 0;

        r = carry_row(world, origin);
        if (r < 0)
                return r;
        b->next++;
        return 1;
}

int world_look_up(struct world *world, const char *bytes, size_t len,
                  struct fingerprint *ret_print) {
        struct world_before *b = world->before;
        const struct origin *origin;
        int r;

        *ret_print = fingerprint_of(bytes, len, key_of(world));
        if (!b)
                return 0;
        if (!b->table.places) {
                r = table_fill(&b->table, b->world);
                if (r < 0)
                        return r;
        }
        origin = table_find(&b->table, b->world, *ret_print, len);
        if (!origin)
                return 0;

        r = carry_row(world, origin);
        if (r < 0)
                return r;
        b->next = (size_t)(origin - b->world->origins) + 1;
        return 1;
}
