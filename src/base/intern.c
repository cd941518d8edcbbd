/*
 * uthash with a fixed hash function: the order of its buckets is never visible, numbers are given
 * by first sight, so that a run does not depend on it.
 */
#include "base/intern.h"
#include "base/hash_table.h"

#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct interned {
        UT_hash_handle hh;
        uint32_t number;
        char text[];
};

struct intern {
        struct interned *table;
        struct interned **by_number; /* [number - 1]; owns the entries */
        size_t n, capacity;
};

int intern_new(struct intern **ret_intern) {
        struct intern *intern = calloc(1, sizeof(*intern));

        if (!intern)
                return -ENOMEM;
        *ret_intern = intern;
        return 0;
}

struct intern *intern_free(struct intern *intern) {
        if (!intern)
                return NULL;

        HASH_CLEAR(hh, intern->table);
        for (size_t i = 0; i < intern->n; i++)
                free(intern->by_number[i]);
        free(intern->by_number);
        free(intern);
        return NULL;
}

int intern_add(struct intern *intern, const char *text, size_t len, uint32_t *ret_number) {
        struct interned *entry;
        int r;

        HASH_FIND(hh, intern->table, text, len, entry);
        if (!entry) {
                r = array_grow(&intern->by_number, intern->n, &intern->capacity,
                               sizeof(*intern->by_number), UINT32_MAX - 1);
                if (r < 0)
                        return r;

                entry = calloc(1, sizeof(*entry) + len + 1);
                if (!entry)
                        return -ENOMEM;
                memcpy(entry->text, text, len);
                entry->number = (uint32_t)intern->n + 1;
                HASH_ADD_KEYPTR(hh, intern->table, entry->text, len, entry);
                if (!entry->hh.tbl) { /* uthash ran out of memory: see HASH_NONFATAL_OOM */
                        free(entry);
                        return -ENOMEM;
                }
                intern->by_number[intern->n++] = entry;
        }

        *ret_number = entry->number;
        return 0;
}

uint32_t intern_find(const struct intern *intern, const char *text) {
        struct interned *entry;

        HASH_FIND(hh, intern->table, text, strlen(text), entry);
        return entry ? entry->number : 0;
}

const char *intern_str(const struct intern *intern, uint32_t number) {
        assert(number <= intern->n);
        return number == 0 ? "" : intern->by_number[number - 1]->text;
}
