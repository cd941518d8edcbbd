#include "sim/store.h"

#include "base/array.h"
#include "base/str.h"
#include "sim/random.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Chosen: the program has a handful. */
#define STORE_FILES_MAX 4096

struct file {
        char *name;
        char *bytes; /* NULL: there is no such file */
        size_t len;
        char *removed; /* what a crash may bring back; NULL for none */
        size_t removed_len;
};

struct sim_store {
        struct store store;
        struct sim_stream stream;
        struct file *files; /* in the order of first writing */
        size_t n_files, capacity;
        uint64_t changes;
        unsigned fail_n, fail_reads_n;
        int fail_error, fail_reads_error;
        bool tear_next;
};

static bool name_is_valid(const char *name) {
        if (name[0] == '\0' || name[0] == '.')
                return false;
        for (const char *p = name; *p; p++)
                if (!ascii_is_alnum(*p) && *p != '-' && *p != '.')
                        return false;
        return true;
}

static struct file *store_find(struct sim_store *store, const char *name) {
        for (size_t i = 0; i < store->n_files; i++)
                if (strcmp(store->files[i].name, name) == 0)
                        return &store->files[i];
        return NULL;
}

static int store_copy(const char *bytes, size_t len, char **ret_copy) {
        char *copy;

        copy = malloc(len + 1);
        if (!copy)
                return -ENOMEM;

        if (len > 0)
                memcpy(copy, bytes, len);
        copy[len] = '\0';
        *ret_copy = copy;
        return 0;
}

static int sim_store_read(struct store *interface, const char *name, char **ret_bytes,
                          size_t *ret_len) {
        struct sim_store *store = container_of(interface, struct sim_store, store);
        struct file *file;
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        if (store->fail_reads_n > 0) {
                store->fail_reads_n--;
                return store->fail_reads_error;
        }
        file = store_find(store, name);
        if (!file || !file->bytes)
                return -ENOENT;

        r = store_copy(file->bytes, file->len, ret_bytes);
        if (r < 0)
                return r;

        *ret_len = file->len;
        return 0;
}

/* An error that was ordered, or 0. */
static int store_ordered_error(struct sim_store *store) {
        if (store->fail_n == 0)
                return 0;
        store->fail_n--;
        return store->fail_error;
}

static int store_file(struct sim_store *store, const char *name, struct file **ret_file) {
        struct file *file;
        char *copy;
        int r;

        file = store_find(store, name);
        if (file) {
                *ret_file = file;
                return 0;
        }

        r = array_grow(&store->files, store->n_files, &store->capacity, sizeof(*store->files),
                       STORE_FILES_MAX);
        if (r < 0)
                return r;

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;

        file = &store->files[store->n_files++];
        *file = (struct file){.name = copy};
        *ret_file = file;
        return 0;
}

static int sim_store_write(struct store *interface, const char *name, const char *bytes,
                           size_t len) {
        struct sim_store *store = container_of(interface, struct sim_store, store);
        bool torn = store->tear_next;
        struct file *file;
        char *copy;
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        if (len > STORE_FILE_MAX)
                return -E2BIG;
        r = store_ordered_error(store);
        if (r < 0)
                return r;

        store->tear_next = false;
        if (torn && sim_stream_below(&store->stream, 2) == 0)
                return -EIO;

        r = store_file(store, name, &file);
        if (r < 0)
                return r;
        r = store_copy(bytes, len, &copy);
        if (r < 0)
                return r;

        free(file->bytes);
        free(file->removed);
        file->bytes = copy;
        file->len = len;
        file->removed = NULL;
        if (torn)
                return -EIO;
        store->changes++;
        return 0;
}

static int sim_store_remove(struct store *interface, const char *name) {
        struct sim_store *store = container_of(interface, struct sim_store, store);
        struct file *file;
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        r = store_ordered_error(store);
        if (r < 0)
                return r;

        file = store_find(store, name);
        if (!file || !file->bytes)
                return 0;

        free(file->removed);
        file->removed = take_ptr(file->bytes);
        file->removed_len = file->len;
        file->len = 0;
        store->changes++;
        return 0;
}

static int sim_store_rename(struct store *interface, const char *name, const char *other) {
        struct sim_store *store = container_of(interface, struct sim_store, store);
        struct file *file, *to;
        int r;

        if (!name_is_valid(name) || !name_is_valid(other))
                return -EINVAL;
        r = store_ordered_error(store);
        if (r < 0)
                return r;
        r = store_file(store, other, &to);
        if (r < 0)
                return r;
        file = store_find(store, name);
        if (to->bytes)
                return -EEXIST;
        if (!file || !file->bytes)
                return -ENOENT;

        free(to->removed);
        to->removed = NULL;
        to->bytes = take_ptr(file->bytes);
        to->len = file->len;
        file->len = 0;
        store->changes++;
        return 0;
}

int sim_store_new(uint64_t seed, unsigned node, struct sim_store **ret_store) {
        static const struct store_ops ops = {
                .read = sim_store_read,
                .write = sim_store_write,
                .remove = sim_store_remove,
                .rename = sim_store_rename,
        };
        struct sim_store *store;

        store = calloc(1, sizeof(*store));
        if (!store)
                return -ENOMEM;

        store->store.ops = &ops;
        store->stream = sim_stream_init(seed, node, sim_hash_str(SIM_HASH_START, "store"));
        *ret_store = store;
        return 0;
}

static void file_clear(struct file *file) {
        free(file->bytes);
        free(file->removed);
        file->bytes = NULL;
        file->removed = NULL;
        file->len = 0;
}

struct sim_store *sim_store_free(struct sim_store *store) {
        if (!store)
                return NULL;

        for (size_t i = 0; i < store->n_files; i++) {
                file_clear(&store->files[i]);
                free(store->files[i].name);
        }
        free(store->files);
        free(store);
        return NULL;
}

struct store *sim_store_interface(struct sim_store *store) {
        return &store->store;
}

void sim_store_crash(struct sim_store *store) {
        for (size_t i = 0; i < store->n_files; i++) {
                struct file *file = &store->files[i];

                if (!file->removed)
                        continue;
                if (sim_stream_below(&store->stream, 2) == 0) {
                        file->bytes = take_ptr(file->removed);
                        file->len = file->removed_len;
                } else
                        file_clear(file);
        }
        store->fail_n = 0;
        store->tear_next = false;
}

void sim_store_lose(struct sim_store *store) {
        for (size_t i = 0; i < store->n_files; i++)
                file_clear(&store->files[i]);
}

bool sim_store_damage(struct sim_store *store, uint64_t how) {
        bool any = false;

        for (size_t i = 0; i < store->n_files; i++) {
                struct file *file = &store->files[i];

                if (!file->bytes || file->len == 0)
                        continue;
                file->len = how % file->len;
                file->bytes[file->len] = '\0';
                any = true;
        }
        return any;
}

void sim_store_fail(struct sim_store *store, unsigned n, int error) {
        store->fail_n = n;
        store->fail_error = error;
}

void sim_store_fail_reads(struct sim_store *store, unsigned n, int error) {
        store->fail_reads_n = n;
        store->fail_reads_error = error;
}

void sim_store_tear_next(struct sim_store *store) {
        store->tear_next = true;
}

size_t sim_store_files(const struct sim_store *store) {
        size_t n = 0;

        for (size_t i = 0; i < store->n_files; i++)
                n += store->files[i].bytes != NULL;
        return n;
}

uint64_t sim_store_changes(const struct sim_store *store) {
        return store->changes;
}
