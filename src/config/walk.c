#include "config/walk.h"

#include "config/diagnostics.h"
#include "config/tree.h"
#include "config/values.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

size_t reader_enter(struct reader *reader, const char *name) {
        size_t mark = reader->path.len;

        if (mark > 0 && name[0])
                strbuf_append_char(&reader->path, '.');
        diagnostic_cut(name, strlen(name), &reader->path);
        return mark;
}

size_t reader_enter_item(struct reader *reader, size_t index) {
        size_t mark = reader->path.len;

        strbuf_appendf(&reader->path, "[%zu]", index);
        return mark;
}

void reader_leave(struct reader *reader, size_t mark) {
        if (reader->path.error)
                return;
        reader->path.len = mark;
        if (reader->path.data)
                reader->path.data[mark] = '\0';
}

_printf_(6, 0) static int say(struct reader *reader, enum severity severity,
                              const struct node *node, const char *expected, const char *near_miss,
                              const char *format, va_list ap) {
        _cleanup_(strbuf_deinit) struct strbuf message = {};

        strbuf_vappendf(&message, format, ap);
        if (message.error || reader->path.error)
                return -ENOMEM;
        diagnostics_add(reader->diagnostics, severity, node->line, node->column,
                        strbuf_str(&reader->path), strbuf_str(&message), expected, near_miss);
        return reader->diagnostics->error;
}

int reader_complain(struct reader *reader, const struct node *node, const char *expected,
                    const char *near_miss, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = say(reader, SEVERITY_ERROR, node, expected, near_miss, format, ap);
        va_end(ap);
        return r;
}

int reader_warn(struct reader *reader, const struct node *node, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = say(reader, SEVERITY_WARNING, node, NULL, NULL, format, ap);
        va_end(ap);
        return r;
}

int reader_complain_kind(struct reader *reader, const struct key *key, const struct node *node) {
        _cleanup_(strbuf_deinit) struct strbuf expected = {};
        const char *found = "a text";

        switch (node->kind) {
        case NODE_BROKEN:
                return 0;
        case NODE_MAP:
                found = "a mapping";
                break;
        case NODE_LIST:
                found = "a list";
                break;
        case NODE_SCALAR:
                if (node->plain && node->len == 0)
                        found = "no value";
                break;
        }
        key_expected(key, reader->demo, &expected);
        if (expected.error)
                return -ENOMEM;
        return reader_complain(reader, node, strbuf_str(&expected), NULL, "found %s", found);
}

void entries_deinit(struct entries *entries) {
        free(entries->items);
        *entries = (struct entries){};
}

/* A total order: by key, then by place in the file. */
static int compare_entries(const void *va, const void *vb) {
        const struct entry *const *a = va, *const *b = vb;

        return strcmp((*a)->key->text, (*b)->key->text) ?: CMP(*a, *b);
}

static int compare_entries_nocase(const void *va, const void *vb) {
        const struct entry *const *a = va, *const *b = vb;

        return str_compare_nocase((*a)->key->text, (*b)->key->text) ?: CMP(*a, *b);
}

/* Complains about each entry whose key was there before, and takes its value away. */
static int drop_duplicates(struct reader *reader, struct entries *entries, bool nocase) {
        _cleanup_(freep) struct entry **sorted = NULL;
        size_t kept = 0;

        if (entries->n < 2)
                return 0;
        sorted = calloc(entries->n, sizeof(struct entry *));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < entries->n; i++)
                sorted[i] = &entries->items[i];
        qsort(sorted, entries->n, sizeof(struct entry *),
              nocase ? compare_entries_nocase : compare_entries);

        for (size_t i = 1; i < entries->n; i++) {
                const struct node *first = sorted[kept]->key, *key = sorted[i]->key;
                size_t mark;
                int r;

                if (nocase ? !str_equal_nocase(first->text, key->text)
                           : strcmp(first->text, key->text) != 0) {
                        kept = i;
                        continue;
                }
                mark = reader_enter(reader, key->text);
                r = reader_complain(reader, key, NULL, NULL, "duplicate key; first on line %u%s",
                                    first->line, nocase ? " (case does not count)" : "");
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
                sorted[i]->value = NULL;
        }

        kept = 0;
        for (size_t i = 0; i < entries->n; i++)
                if (entries->items[i].value)
                        entries->items[kept++] = entries->items[i];
        entries->n = kept;
        return 0;
}

int entries_read(struct reader *reader, const struct node *map, bool nocase,
                 struct entries *ret_entries) {
        _cleanup_(entries_deinit) struct entries entries = {};
        int r;

        if (map->n > 0) {
                entries.items = calloc(map->n / 2, sizeof(*entries.items));
                if (!entries.items)
                        return -ENOMEM;
        }

        for (const struct node *key = map->first; key; key = key->next->next) {
                const char *problem = NULL;

                if (key->kind == NODE_SCALAR)
                        problem = key->len == 0 ? "an empty key" : NULL;
                else if (key->kind != NODE_BROKEN)
                        problem = "a list or a mapping stands where a key is due";
                if (problem) {
                        r = reader_complain(reader, key, NULL, NULL, "%s", problem);
                        if (r < 0)
                                return r;
                } else if (key->kind == NODE_SCALAR)
                        entries.items[entries.n++] = (struct entry){key, key->next};
        }

        r = drop_duplicates(reader, &entries, nocase);
        if (r < 0)
                return r;
        *ret_entries = entries;
        entries = (struct entries){};
        return 0;
}

const struct node *node_get(const struct node *map, const char *name) {
        if (!map || map->kind != NODE_MAP)
                return NULL;
        for (const struct node *key = map->first; key; key = key->next->next)
                if (key->kind == NODE_SCALAR && strcmp(key->text, name) == 0)
                        return key->next;
        return NULL;
}

struct near_miss near_miss_begin(const char *text) {
        size_t len = strlen(text);

        /* Chosen: up to two edits, which is also two letters swapped, but one in short words, which
         * are all near each other, and three in long ones. */
        return (struct near_miss){
                .text = text,
                .distance = len <= 3   ? 2
                            : len <= 7 ? 3
                                       : 4,
        };
}

void near_miss_offer(struct near_miss *near, const char *candidate) {
        unsigned distance;

        distance = str_equal_nocase(near->text, candidate)
                           ? 0
                           : str_distance(near->text, candidate, near->distance);
        if (distance < near->distance) {
                near->best = candidate;
                near->distance = distance;
        }
}

static void offer_keys(struct near_miss *near, const struct key_list *keys) {
        for (size_t i = 0; i < keys->n; i++)
                if (keys->items[i].support == SUPPORTED)
                        near_miss_offer(near, keys->items[i].name);
}

static int check_unknown(struct reader *reader, const struct key *map_key,
                         const struct entries *entries) {
        for (size_t i = 0; i < entries->n; i++) {
                const struct node *key = entries->items[i].key;
                struct near_miss near = near_miss_begin(key->text);
                size_t mark;
                int r;

                if (key_find(map_key, key->text))
                        continue;
                offer_keys(&near, &map_key->keys);
                offer_keys(&near, &map_key->inherited);

                mark = reader_enter(reader, key->text);
                r = reader_complain(reader, key, NULL, near.best, "unknown key");
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        return 0;
}

static int read_default(struct reader *reader, const struct key *key, void *object) {
        const struct node node = {
                .kind = NODE_SCALAR,
                .plain = true,
                .text = key->value,
                .len = strlen(key->value),
        };

        if (key->read)
                return key->read(reader, key, &node, object);
        if (key->type == KEY_MAP)
                return read_map(reader, key, &node, object);
        return value_reader(key->type)(reader, key, &node, object);
}

static int complain_missing(struct reader *reader, const struct key *key, const struct node *map) {
        _cleanup_(strbuf_deinit) struct strbuf expected = {};

        key_expected(key, reader->demo, &expected);
        if (expected.error)
                return -ENOMEM;
        return reader_complain(reader, map, strbuf_str(&expected), NULL, "is missing");
}

int read_key(struct reader *reader, const struct key *key, const struct node *node,
             const struct node *map, void *object) {
        size_t mark = reader_enter(reader, key->name);
        int r = 0;

        if (node && key->support == PLANNED)
                r = reader_complain(reader, node, NULL, NULL, "not supported yet: leave it out");
        else if (node && node->kind == NODE_BROKEN)
                ; /* has been complained about */
        else if (node || key->section) {
                if (key->read)
                        r = key->read(reader, key, node, object);
                else if (key->type == KEY_MAP)
                        r = read_map(reader, key, node, object);
                else
                        r = value_reader(key->type)(reader, key, node, object);
        } else if (key->required)
                r = complain_missing(reader, key, map);

        reader_leave(reader, mark);
        return r;
}

/* One of the words in place of a mapping, or what is neither. */
static int read_map_word(struct reader *reader, const struct key *key, const struct node *node,
                         void *object) {
        if (node->kind != NODE_SCALAR || !key->words)
                return reader_complain_kind(reader, key, node);
        return value_reader(KEY_WORD)(reader, key, node, object);
}

static int read_keys(struct reader *reader, const struct key_list *keys,
                     const struct entries *entries, const struct node *map, bool inherited,
                     void *object) {
        for (size_t i = 0; i < keys->n; i++) {
                const struct key *key = &keys->items[i];
                const struct node *value = NULL;
                int r;

                for (size_t at = 0; at < entries->n && !value; at++)
                        if (strcmp(entries->items[at].key->text, key->name) == 0)
                                value = entries->items[at].value;

                if (value)
                        r = read_key(reader, key, value, map, object);
                else if (key->value && key->size > 0 && !inherited)
                        r = read_default(reader, key, object);
                else
                        r = read_key(reader, key, NULL, map, object);
                if (r < 0)
                        return r;
        }
        return 0;
}

int read_map(struct reader *reader, const struct key *key, const struct node *node, void *object) {
        _cleanup_(entries_deinit) struct entries entries = {};
        int r;

        if (node && node->kind != NODE_MAP)
                return read_map_word(reader, key, node, object);

        if (node) {
                r = entries_read(reader, node, /* nocase= */ false, &entries);
                r = r ?: check_unknown(reader, key, &entries);
                if (r < 0)
                        return r;
        }
        r = read_keys(reader, &key->keys, &entries, node, /* inherited= */ false, object);
        return r
                       ?: read_keys(reader, &key->inherited, &entries, node, /* inherited= */ true,
                                    object);
}
