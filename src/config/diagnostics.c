#include "config/diagnostics.h"

#include "base/array.h"
#include "base/macros.h"
#include "base/strbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void diagnostics_deinit(struct diagnostics *diagnostics) {
        for (size_t i = 0; i < diagnostics->n; i++) {
                free(diagnostics->items[i].path);
                free(diagnostics->items[i].message);
                free(diagnostics->items[i].expected);
                free(diagnostics->items[i].near_miss);
        }
        free(diagnostics->items);
        free(diagnostics->file_name);
        *diagnostics = (struct diagnostics){};
}

/* Appends @text with what a terminal could obey escaped. The text is valid UTF-8 but for what an
 * escape inside a quoted scalar made, and bytes above ASCII pass. */
static void append_printable(const char *text, size_t len, struct strbuf *out) {
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];
                unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

                if (c < 0x20 || c == 0x7f) {
                        strbuf_appendf(out, "\\x%02x", c);
                } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) { /* C1: U+0080 to U+009F */
                        strbuf_appendf(out, "\\x%02x", next);
                        i++;
                } else
                        strbuf_append_char(out, (char)c);
        }
}

void diagnostic_cut(const char *text, size_t len, struct strbuf *out) {
        size_t cut = len;

        if (len > DIAGNOSTIC_QUOTE_MAX) {
                cut = DIAGNOSTIC_QUOTE_MAX;
                while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
                        cut--;
        }
        append_printable(text, cut, out);
        if (cut < len)
                strbuf_append_str(out, "...");
}

void diagnostic_quote(const char *text, size_t len, struct strbuf *out) {
        strbuf_append_char(out, '"');
        diagnostic_cut(text, len, out);
        strbuf_append_char(out, '"');
}

static int copy_printable(const char *text, char **ret_copy) {
        _cleanup_(strbuf_deinit) struct strbuf copy = {};

        if (!text)
                return 0;
        append_printable(text, strlen(text), &copy);
        return strbuf_take(&copy, ret_copy);
}

void diagnostics_add(struct diagnostics *diagnostics, enum severity severity, uint32_t line,
                     uint32_t column, const char *path, const char *message, const char *expected,
                     const char *near_miss) {
        struct diagnostic item = {.severity = severity, .line = line, .column = column};
        int r;

        if (severity == SEVERITY_ERROR)
                diagnostics->n_errors++;
        else
                diagnostics->n_warnings++;

        r = array_grow(&diagnostics->items, diagnostics->n, &diagnostics->capacity,
                       sizeof(*diagnostics->items), DIAGNOSTICS_MAX);
        if (r == -E2BIG) {
                diagnostics->n_left_out++;
                return;
        }

        r = r ?: copy_printable(path, &item.path);
        r = r ?: copy_printable(message, &item.message);
        r = r ?: copy_printable(expected, &item.expected);
        r = r ?: copy_printable(near_miss, &item.near_miss);
        if (r < 0) {
                free(item.path);
                free(item.message);
                free(item.expected);
                free(item.near_miss);
                diagnostics->n_left_out++;
                diagnostics->error = -ENOMEM;
                return;
        }
        diagnostics->items[diagnostics->n++] = item;
}

/* Merge sort from runs of one, upwards: stable, and without qsort's hidden allocation. */
static void merge(struct diagnostic *from, struct diagnostic *to, size_t begin, size_t middle,
                  size_t end) {
        size_t left = begin, right = middle;

        for (size_t i = begin; i < end; i++) {
                bool take_left = left < middle &&
                                 (right >= end ||
                                  (CMP(from[left].line, from[right].line)
                                           ?: CMP(from[left].column, from[right].column)) <= 0);

                to[i] = take_left ? from[left++] : from[right++];
        }
}

void diagnostics_sort(struct diagnostics *diagnostics) {
        size_t n = diagnostics->n;
        struct diagnostic *spare, *from = diagnostics->items, *to;

        if (n < 2)
                return;
        spare = calloc(diagnostics->capacity, sizeof(*spare));
        if (!spare) {
                diagnostics->error = -ENOMEM;
                return;
        }

        to = spare;
        for (size_t width = 1; width < n; width *= 2) {
                struct diagnostic *swap = from;

                for (size_t begin = 0; begin < n; begin += 2 * width)
                        merge(from, to, begin, MIN(begin + width, n), MIN(begin + 2 * width, n));
                from = to;
                to = swap;
        }
        diagnostics->items = from;
        free(to);
}

void diagnostic_format(const struct diagnostic *diagnostic, const char *file_name,
                       struct strbuf *out) {
        append_printable(file_name, strlen(file_name), out);
        if (diagnostic->line > 0)
                strbuf_appendf(out, ":%u:%u", diagnostic->line, diagnostic->column);
        strbuf_append_str(out,
                          diagnostic->severity == SEVERITY_ERROR ? ": error: " : ": warning: ");
        if (diagnostic->path && diagnostic->path[0])
                strbuf_appendf(out, "%s: ", diagnostic->path);
        strbuf_append_str(out, diagnostic->message);
        if (diagnostic->expected)
                strbuf_appendf(out, "; expected %s", diagnostic->expected);
        if (diagnostic->near_miss)
                strbuf_appendf(out, "; did you mean \"%s\"?", diagnostic->near_miss);
}

void diagnostics_format(const struct diagnostics *diagnostics, struct strbuf *out) {
        const char *file_name = diagnostics->file_name ?: "";
        size_t errors = diagnostics->n_errors, warnings = diagnostics->n_warnings;

        for (size_t i = 0; i < diagnostics->n; i++) {
                diagnostic_format(&diagnostics->items[i], file_name, out);
                strbuf_append_char(out, '\n');
                if (diagnostics->items[i].severity == SEVERITY_ERROR)
                        errors--;
                else
                        warnings--;
        }

        if (errors + warnings == 0)
                return;
        append_printable(file_name, strlen(file_name), out);
        strbuf_append_str(out, ": and ");
        if (errors > 0)
                strbuf_appendf(out, "%zu more error%s", errors, errors == 1 ? "" : "s");
        if (warnings > 0)
                strbuf_appendf(out, "%s%zu more warning%s", errors > 0 ? " and " : "", warnings,
                               warnings == 1 ? "" : "s");
        strbuf_append_char(out, '\n');
}
