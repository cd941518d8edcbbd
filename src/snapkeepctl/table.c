#include "snapkeepctl/table.h"

#include "snapkeepctl/output.h"

#include <assert.h>
#include <string.h>

/* Chosen: half a million snapshots with all that is shown of them. */
#define TABLE_BYTES_MAX (1U << 30)
#define GAP 2
#define BELOW_INDENT 4 /* beyond the table's */

void table_init(struct table *table, const struct column *columns, size_t n_columns,
                const char *indent) {
        assert(n_columns <= TABLE_COLUMNS_MAX);

        *table = (struct table){
                .columns = columns,
                .n_columns = n_columns,
                .indent = indent,
                .cells = {.max = TABLE_BYTES_MAX},
        };
        for (size_t i = 0; i < n_columns; i++)
                table->width[i] = strlen(columns[i].title);
}

void table_deinit(struct table *table) {
        strbuf_deinit(&table->cells);
}

void table_cell(struct table *table, const char *format, ...) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        size_t begin = table->cells.len, column = table->n_cells++ % table->n_columns, width;
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(&text, format, ap);
        va_end(ap);

        append_clean(&table->cells, strbuf_str(&text), text.len);
        if (text.error)
                table->cells.error = text.error;
        if (table->cells.error)
                return;
        width = clean_width(strbuf_str(&table->cells) + begin, table->cells.len - begin);
        table->width[column] = MAX(table->width[column], width);
        strbuf_append_char(&table->cells, '\0');
}

/* What a column of @width is cut to when room is wanted for one of this rank of drop. */
static size_t least_width(const struct column *column, size_t width, unsigned drop) {
        if (column->names && drop > column->whole)
                return MIN(width, (size_t)COLUMN_NAMES_LEAST);
        return column->may_cut ? MIN(width, (size_t)COLUMN_LEAST) : width;
}

/* A column of width 0 is left out, or below. */
static size_t total_width(const struct table *table, const size_t *width) {
        size_t total = strlen(table->indent);

        for (size_t i = 0; i < table->n_columns; i++)
                total += width[i] > 0 ? GAP + width[i] : 0;
        return total - GAP;
}

static size_t total_least(const struct table *table, const size_t *width, unsigned drop) {
        size_t least[TABLE_COLUMNS_MAX];

        for (size_t i = 0; i < table->n_columns; i++)
                least[i] = least_width(&table->columns[i], width[i], drop);
        return total_width(table, least);
}

/* Leaves out of the line what has a line of its own, unless there is room for both once the columns have
 * gone that may go before. */
static void put_below(const struct table *table, size_t room, size_t *width) {
        const struct column *last = &table->columns[table->n_columns - 1];
        size_t least[TABLE_COLUMNS_MAX];

        if (!last->below)
                return;
        for (size_t i = 0; i < table->n_columns; i++) {
                const struct column *column = &table->columns[i];

                least[i] = column->drop > 0 && column->drop <= last->whole
                                   ? 0
                                   : least_width(column, width[i], last->whole);
        }
        if (total_width(table, least) > room)
                width[table->n_columns - 1] = 0;
}

/* Leaves columns out until the rest, cut to the least, has room. */
static void drop_columns(const struct table *table, size_t room, size_t *width) {
        for (unsigned drop = 1; drop <= table->n_columns; drop++)
                for (size_t i = 0; i < table->n_columns; i++)
                        if (table->columns[i].drop == drop &&
                            total_least(table, width, drop) > room)
                                width[i] = 0;
}

/* Makes the widest of those that name the row narrower, or of the others, until there is room or none
 * of them can be cut further. */
static void cut_columns(const struct table *table, size_t room, bool names, size_t *width) {
        size_t least = names ? COLUMN_NAMES_LEAST : COLUMN_LEAST;

        while (total_width(table, width) > room) {
                size_t widest = table->n_columns;

                for (size_t i = 0; i < table->n_columns; i++)
                        if ((names ? table->columns[i].names : table->columns[i].may_cut) &&
                            width[i] > least &&
                            (widest == table->n_columns || width[i] > width[widest]))
                                widest = i;
                if (widest == table->n_columns)
                        return;
                width[widest]--;
        }
}

/* Bytes of the longest beginning that takes no more than @n columns. */
static size_t prefix_bytes(const char *text, size_t n) {
        size_t len = strlen(text), i = 0, next;

        for (; i < len; i = next) {
                next = i + 1;
                while (next < len && ((unsigned char)text[next] & 0xc0) == 0x80)
                        next++;
                if (clean_width(text, next) > n)
                        break;
        }
        return i;
}

/* The longest end that takes no more than @n columns. */
static const char *suffix(const char *text, size_t n) {
        const char *end = strchr(text, '\0'), *begin = end;

        for (const char *p = end; p > text;) {
                do
                        p--;
                while (p > text && ((unsigned char)*p & 0xc0) == 0x80);
                if (clean_width(p, (size_t)(end - p)) > n)
                        break;
                begin = p;
        }
        return begin;
}

/* Names of snapshots end in their slot, and begin alike. */
static void append_cut(struct strbuf *out, const char *text, size_t width, bool names) {
        size_t tail = names ? (width - 3) * 3 / 4 : 0;

        strbuf_append(out, text, prefix_bytes(text, width - 3 - tail));
        strbuf_append_str(out, "...");
        strbuf_append_str(out, suffix(text, tail));
}

static void append_cell(struct strbuf *out, const char *text, size_t width,
                        const struct column *column, bool last) {
        _cleanup_(strbuf_deinit) struct strbuf cut = {};
        size_t has = clean_width(text, strlen(text)), pad;

        if (has > width) {
                append_cut(&cut, text, width, column->names);
                if (cut.error)
                        out->error = cut.error;
                text = strbuf_str(&cut);
                has = clean_width(text, cut.len);
        }
        pad = has < width ? width - has
                          : 0; /* a wide character may not fit the last column of a cut */
        if (column->right)
                strbuf_appendf(out, "%*s", (int)pad, "");
        strbuf_append_str(out, text);
        if (!column->right && !last)
                strbuf_appendf(out, "%*s", (int)pad, "");
}

/* One line, and what goes below it; @cells gives the cells one after the other. */
static const char *append_line(const struct table *table, struct strbuf *out, const size_t *width,
                               const char *cells) {
        const char *below = NULL;
        bool begun = false;

        strbuf_append_str(out, table->indent);
        for (size_t i = 0; i < table->n_columns; i++) {
                const char *text = cells ?: table->columns[i].title;
                bool last = true;

                if (cells)
                        cells += strlen(cells) + 1;
                if (width[i] == 0 && table->columns[i].below)
                        below = text;
                if (width[i] == 0)
                        continue;
                for (size_t j = i + 1; j < table->n_columns; j++)
                        last = last && width[j] == 0;
                if (begun)
                        strbuf_appendf(out, "%*s", GAP, "");
                begun = true;
                append_cell(out, text, width[i], &table->columns[i], last);
        }
        strbuf_append_char(out, '\n');
        if (below && *below)
                strbuf_appendf(out, "%s%*s%s\n", table->indent, BELOW_INDENT, "", below);
        return cells;
}

enum status table_print(struct table *table, struct strbuf *out) {
        size_t room = terminal_width(), width[TABLE_COLUMNS_MAX];
        const char *cells = strbuf_str(&table->cells);
        bool fancy = terminal_is_fancy();

        assert(table->n_cells % table->n_columns == 0);

        if (table->cells.error)
                return say_errno("make the table", table->cells.error);
        memcpy(width, table->width, sizeof(width));
        if (room > 0) {
                put_below(table, room, width);
                drop_columns(table, room, width);
                cut_columns(table, room, /* names= */ false, width);
                cut_columns(table, room, /* names= */ true, width);
        }

        strbuf_append_str(out, fancy ? "\033[1m" : "");
        append_line(table, out, width, NULL);
        strbuf_append_str(out, fancy ? "\033[0m" : "");
        for (size_t i = 0; i < table->n_cells; i += table->n_columns) {
                enum status status;

                cells = append_line(table, out, width, cells);
                status = write_some(out);
                if (status != STATUS_DONE)
                        return status;
        }
        return STATUS_DONE;
}
