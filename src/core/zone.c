#include "core/zone.h"

#include "base/array.h"
#include "base/time.h"
#include "core/zone-rule.h"

#include <errno.h>
#include <string.h>

/* RFC 8536 section 3.1. */
#define TZIF_HEADER_SIZE 44
#define TZIF_TYPE_SIZE 6
#define TZIF_TIME_SIZE 8 /* of a transition in the second data block; 4 in the first */
#define TZIF_TYPES_MAX 256

/* Up to here the changes of the footer's rule are written out in the table when a zone is read,
 * as "fat" files do up to 2037: calendar events end with the year 2199, and a search in a table is
 * many times quicker than the rule. 1900-01-01T00:00:00Z and 2201-01-01T00:00:00Z. */
#define ZONE_TABLE_SINCE INT64_C(-2208988800)
#define ZONE_TABLE_UNTIL INT64_C(7289654400)

/* Chosen: a file of 64 KiB (base/zones.h) holds 7,000 transitions, the rule adds two a year. */
#define ZONE_CHANGES_MAX 65536

struct table_row {
        int64_t at;     /* the first instant with this offset */
        int32_t offset; /* seconds east of UTC; differs from the row before */
};

struct zone {
        char *name;
        struct table_row *rows; /* ascending; owned */
        size_t n_rows, rows_capacity;
        int32_t first;     /* offset before rows[0] */
        int64_t rule_from; /* the rule decides from this instant on */
        struct zone_rule rule;
};

struct header {
        char version;
        uint32_t n_isut, n_isstd, n_leap, n_times, n_types, n_chars;
};

/* The parts of the second data block, where they lie in the file. */
struct block {
        const unsigned char *times, *indices, *types, *chars, *isstd, *isut;
};

struct reader {
        const unsigned char *p;
        size_t left;
};

static int64_t read_be(const unsigned char *p, size_t size) {
        uint64_t value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | p[i];
        if (size == 4)
                return (int32_t)(uint32_t)value;
        return (int64_t)value;
}

static const unsigned char *reader_take(struct reader *r, uint64_t size) {
        const unsigned char *start = r->p;

        if (size > r->left)
                return NULL;

        r->p += size;
        r->left -= size;
        return start;
}

static int read_header(struct reader *r, struct header *ret_header) {
        const unsigned char *p = reader_take(r, TZIF_HEADER_SIZE);
        struct header h;

        if (!p || memcmp(p, "TZif", 4) != 0)
                return ZONE_E_DAMAGED;

        h = (struct header){
                .version = (char)p[4],
                .n_isut = (uint32_t)read_be(p + 20, 4),
                .n_isstd = (uint32_t)read_be(p + 24, 4),
                .n_leap = (uint32_t)read_be(p + 28, 4),
                .n_times = (uint32_t)read_be(p + 32, 4),
                .n_types = (uint32_t)read_be(p + 36, 4),
                .n_chars = (uint32_t)read_be(p + 40, 4),
        };
        if (h.n_types == 0 || h.n_types > TZIF_TYPES_MAX || h.n_chars == 0 ||
            (h.n_isut != 0 && h.n_isut != h.n_types) || (h.n_isstd != 0 && h.n_isstd != h.n_types))
                return ZONE_E_DAMAGED;

        *ret_header = h;
        return 0;
}

/* Finds the second data block and leaves @r at the footer. */
static int read_frame(struct reader *r, struct header *ret_header, struct block *ret_block) {
        struct header h;
        struct block b;
        int r_header;

        r_header = read_header(r, &h);
        if (r_header != 0)
                return r_header;
        if (h.version == 0)
                return ZONE_E_VERSION;
        /* Later versions are to be read as the latest one known (RFC 8536 section 3.1). */
        if (h.version < '2' || h.version > '9')
                return ZONE_E_DAMAGED;

        /* The first block repeats the second in 32 bits; its counts say where it ends. */
        if (!reader_take(r, (uint64_t)h.n_times * 5 + (uint64_t)h.n_types * TZIF_TYPE_SIZE +
                                    h.n_chars + (uint64_t)h.n_leap * 8 + h.n_isstd + h.n_isut))
                return ZONE_E_DAMAGED;

        r_header = read_header(r, &h);
        if (r_header != 0)
                return r_header;
        if (h.n_leap != 0)
                return ZONE_E_LEAP_SECONDS;

        b.times = reader_take(r, (uint64_t)h.n_times * TZIF_TIME_SIZE);
        b.indices = b.times ? reader_take(r, h.n_times) : NULL;
        b.types = b.indices ? reader_take(r, (uint64_t)h.n_types * TZIF_TYPE_SIZE) : NULL;
        b.chars = b.types ? reader_take(r, h.n_chars) : NULL;
        b.isstd = b.chars ? reader_take(r, h.n_isstd) : NULL;
        b.isut = b.isstd ? reader_take(r, h.n_isut) : NULL;
        if (!b.isut)
                return ZONE_E_DAMAGED;

        *ret_header = h;
        *ret_block = b;
        return 0;
}

/* What RFC 8536 section 3.2 says of every field that we do not otherwise use. A file that breaks
 * it has been damaged, and then the fields we do use may be as well. */
static int check_types(const struct header *h, const struct block *b) {
        for (uint32_t i = 0; i < h->n_types; i++) {
                const unsigned char *type = b->types + i * TZIF_TYPE_SIZE;
                int64_t offset = read_be(type, 4);

                if (offset < ZONE_OFFSET_MIN || offset > ZONE_OFFSET_MAX || type[4] > 1 ||
                    type[5] >= h->n_chars || !memchr(b->chars + type[5], 0, h->n_chars - type[5]))
                        return ZONE_E_DAMAGED;
        }
        for (uint32_t i = 0; i < h->n_isstd; i++)
                if (b->isstd[i] > 1)
                        return ZONE_E_DAMAGED;
        for (uint32_t i = 0; i < h->n_isut; i++)
                if (b->isut[i] > 1 || (b->isut[i] == 1 && (h->n_isstd == 0 || b->isstd[i] == 0)))
                        return ZONE_E_DAMAGED;
        return 0;
}

static int32_t type_offset(const struct block *b, unsigned type) {
        return (int32_t)read_be(b->types + type * TZIF_TYPE_SIZE, 4);
}

static int read_footer(struct reader *r, struct zone_rule *ret_rule) {
        const char *text = (const char *)r->p;

        if (r->left < 2 || text[0] != '\n' || text[r->left - 1] != '\n')
                return ZONE_E_DAMAGED;
        if (r->left == 2)
                return ZONE_E_NO_RULE;
        return zone_rule_parse(text + 1, r->left - 2, ret_rule);
}

static int zone_append(struct zone *zone, int64_t at, int32_t offset) {
        int32_t before = zone->n_rows > 0 ? zone->rows[zone->n_rows - 1].offset : zone->first;
        int r;

        if (offset == before)
                return 0;

        r = array_grow(&zone->rows, zone->n_rows, &zone->rows_capacity, sizeof(*zone->rows),
                       ZONE_CHANGES_MAX);
        if (r == -E2BIG)
                return ZONE_E_DAMAGED;
        if (r < 0)
                return r;

        zone->rows[zone->n_rows++] = (struct table_row){.at = at, .offset = offset};
        return 0;
}

static int fill_table(struct zone *zone, const struct header *h, const struct block *b) {
        int32_t offset;
        int64_t at;
        int r;

        zone->first = type_offset(b, 0);
        zone->rule_from = INT64_MIN;
        for (uint32_t i = 0; i < h->n_times; i++) {
                at = read_be(b->times + (size_t)i * TZIF_TIME_SIZE, TZIF_TIME_SIZE);
                if ((i > 0 && at <= zone->rule_from) || b->indices[i] >= h->n_types)
                        return ZONE_E_DAMAGED;

                offset = type_offset(b, b->indices[i]);
                r = zone_append(zone, at, offset);
                if (r != 0)
                        return r;
                zone->rule_from = at;

                /* Table and rule must agree where one hands over to the other (RFC 8536 3.3). */
                if (i == h->n_times - 1 && zone_rule_offset(&zone->rule, at) != offset)
                        return ZONE_E_DAMAGED;
        }
        return 0;
}

/* Writes the rule's changes out. Without a table it holds for ever, and with one that ends long
 * ago there would be too many: then it is asked each time. */
static int extend_table(struct zone *zone) {
        struct zone_change change;
        int r;

        if (zone->rule_from < ZONE_TABLE_SINCE)
                return 0;

        while (zone_rule_next_change(&zone->rule, zone->rule_from, &change) &&
               change.at <= ZONE_TABLE_UNTIL) {
                r = zone_append(zone, change.at, change.after);
                if (r != 0)
                        return r;
                zone->rule_from = change.at;
        }
        return 0;
}

int zone_parse(const char *bytes, size_t len, const char *name, struct zone **ret_zone) {
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct reader reader = {.p = (const unsigned char *)bytes, .left = len};
        struct zone_rule rule;
        struct header h;
        struct block b;
        int r;

        r = read_frame(&reader, &h, &b);
        if (r != 0)
                return r;

        r = check_types(&h, &b);
        if (r != 0)
                return r;

        r = read_footer(&reader, &rule);
        if (r != 0)
                return r;

        zone = calloc(1, sizeof(*zone));
        if (!zone)
                return -ENOMEM;

        zone->rule = rule;
        zone->name = strdup(name);
        if (!zone->name)
                return -ENOMEM;

        r = fill_table(zone, &h, &b);
        if (r != 0)
                return r;

        r = extend_table(zone);
        if (r != 0)
                return r;

        *ret_zone = take_ptr(zone);
        return 0;
}

struct zone *zone_free(struct zone *zone) {
        if (!zone)
                return NULL;

        free(zone->name);
        free(zone->rows);
        free(zone);
        return NULL;
}

const char *zone_problem(int e) {
        switch (e) {
        case ZONE_E_DAMAGED:
                return "the zone file is damaged";
        case ZONE_E_VERSION:
                return "the zone file is of version 1, which has no rule for the future";
        case ZONE_E_LEAP_SECONDS:
                return "the zone file counts leap seconds";
        case ZONE_E_NO_RULE:
                return "the zone file does not say what holds after its table";
        default:
                return "the zone file cannot be read";
        }
}

const char *zone_name(const struct zone *zone) {
        return zone ? zone->name : "UTC";
}

/* The number of changes at or before the instant. */
static size_t table_find(const struct zone *zone, int64_t seconds) {
        size_t low = 0, high = zone->n_rows;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (zone->rows[middle].at <= seconds)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int32_t table_offset(const struct zone *zone, size_t n) {
        return n > 0 ? zone->rows[n - 1].offset : zone->first;
}

int32_t zone_offset(const struct zone *zone, int64_t seconds) {
        if (!zone)
                return 0;
        if (seconds >= zone->rule_from)
                return zone_rule_offset(&zone->rule, seconds);
        return table_offset(zone, table_find(zone, seconds));
}

static void table_change(const struct zone *zone, size_t i, struct zone_change *ret_change) {
        *ret_change = (struct zone_change){
                .at = zone->rows[i].at,
                .before = table_offset(zone, i),
                .after = zone->rows[i].offset,
        };
}

bool zone_next_change(const struct zone *zone, int64_t after, struct zone_change *ret_change) {
        size_t i;

        if (!zone)
                return false;

        i = table_find(zone, MAX(after, ZONE_CHANGES_FROM - 1));
        if (i < zone->n_rows) {
                if (zone->rows[i].at > ZONE_CHANGES_UNTIL)
                        return false;
                table_change(zone, i, ret_change);
                return true;
        }
        return zone_rule_next_change(&zone->rule, MAX(after, zone->rule_from), ret_change);
}

bool zone_previous_change(const struct zone *zone, int64_t at, struct zone_change *ret_change) {
        struct zone_change change;
        size_t i;

        if (!zone)
                return false;

        if (at > zone->rule_from && zone_rule_previous_change(&zone->rule, at, &change) &&
            change.at > zone->rule_from) {
                *ret_change = change;
                return true;
        }

        i = table_find(zone, MIN(at, ZONE_CHANGES_UNTIL));
        if (i == 0 || zone->rows[i - 1].at < ZONE_CHANGES_FROM)
                return false;
        table_change(zone, i - 1, ret_change);
        return true;
}

int64_t zone_first_instant(const struct zone *zone, int64_t local) {
        struct zone_change change;
        int32_t offset;
        int64_t at;

        if (!zone)
                return local;

        /* Here clocks show @local at the latest; the answer lies not before. Then forward, one
         * stretch of constant offset after the other, to the first that reaches @local. */
        at = local - ZONE_OFFSET_MAX;
        offset = zone_offset(zone, at);
        while (at + offset < local) {
                if (!zone_next_change(zone, at, &change) || local - offset < change.at)
                        return local - offset;
                at = change.at;
                offset = change.after;
        }
        return at;
}

int64_t zone_latest_local(const struct zone *zone, int64_t at) {
        struct zone_change change;
        int64_t best = at + zone_offset(zone, at), seen = at;

        /* A change long ago cannot have shown a later time than is shown at @at. */
        while (zone_previous_change(zone, seen, &change) && change.at > at - ZONE_SPAN_MAX) {
                best = MAX(best, change.at - 1 + change.before);
                seen = change.at - 1;
        }
        return best;
}

enum zone_local zone_local_to_instants(const struct zone *zone, int64_t local, int64_t *ret_first,
                                       int64_t *ret_last) {
        int64_t first = zone_first_instant(zone, local), last = first;
        enum zone_local kind = ZONE_LOCAL_ONCE;
        int64_t at = local - ZONE_OFFSET_MIN;
        struct zone_change change;

        if (first + zone_offset(zone, first) != local)
                kind = ZONE_LOCAL_GAP;

        /* The latest instant that may show @local lies not after @at: backward from there. */
        for (;;) {
                int64_t candidate = local - zone_offset(zone, at);
                bool more = zone_previous_change(zone, at, &change);

                if (candidate <= at && (!more || candidate >= change.at) && candidate > first) {
                        last = candidate;
                        kind = ZONE_LOCAL_REPEATED;
                        break;
                }
                if (!more || change.at <= first)
                        break;
                at = change.at - 1;
        }

        if (ret_first)
                *ret_first = first;
        if (ret_last)
                *ret_last = last;
        return kind;
}
