/*
 * table: columns of text. All rows are held until it is printed, since the widest cell decides.
 *
 * On a terminal it fits: columns that may go are left out, and those that may be cut are cut; what
 * names the row last, and in its middle. What other verbs take is neither cut nor left out: where it has no
 * room beside the others it is a line of its own under the row. In a pipe or a file all is printed whole.
 */
#pragma once

#include "base/strbuf.h"
#include "snapkeepctl/ctl.h"

#define TABLE_COLUMNS_MAX 8

struct column {
        const char *title;
        bool right;   /* numbers */
        bool may_cut; /* down to COLUMN_LEAST characters */
        bool names;   /* says which one the row is of: cut to COLUMN_NAMES_LEAST in its middle */
        bool below;   /* the last: goes under the row before it is cut, whatever its length */
        unsigned
                whole; /* of one that names or goes below: before that, columns of drop 1 to this go */
        unsigned drop; /* left out when there is no room, 1 first; 0 never */
};

/* Chosen: a word, or the date of a slot with something before it. */
#define COLUMN_LEAST 8
#define COLUMN_NAMES_LEAST 24

struct table {
        const struct column *columns;
        size_t n_columns;
        const char *indent;
        struct strbuf cells; /* NUL ended, one after the other */
        size_t n_cells;
        size_t width[TABLE_COLUMNS_MAX];
};

void table_init(struct table *table, const struct column *columns, size_t n_columns,
                const char *indent);
void table_deinit(struct table *table);

/* The next cell, row by row. */
_printf_(2, 3) void table_cell(struct table *table, const char *format, ...);

/* Appends heading and rows to @out, and writes it out where it grows large. */
enum status table_print(struct table *table, struct strbuf *out);
