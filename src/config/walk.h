/*
 * walk: a tree read by the table of keys.
 *
 * The reader goes on after every error, so that one run shows all of them. What it has filled in
 * when there were errors is incomplete, and is thrown away. Functions return 0 or -ENOMEM; whether
 * the policy is good is in the diagnostics.
 */
#pragma once

#include "config/keys.h"

#include "base/macros.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct diagnostics;
struct node;
struct policy;
struct policy_file;
struct zones;

/* Where a policy stands in the file. Nodes are borrowed from the tree. */
struct policy_origin {
        const struct node *name;
        bool has_target;
};

struct reader {
        struct policy_file *file;
        struct policy_file *template;  /* one policy of it: what defaults and safety give to all */
        struct policy_origin *origins; /* owned; one for each of the file's policies */
        struct zones *zones;
        struct diagnostics *diagnostics;
        struct strbuf path; /* of the key that is being read */
        bool demo;          /* limits.demo, known before anything else is read */
        bool group_given;   /* defaults.snapshot_group is there, good or bad */
};

/* The path, a step deeper; reader_leave() takes what they returned. */
size_t reader_enter(struct reader *reader, const char *name);
size_t reader_enter_item(struct reader *reader, size_t index);
void reader_leave(struct reader *reader, size_t mark);

/* An error or a warning at @node under the current path. @expected and @near_miss may be NULL. */
_printf_(5, 6) int reader_complain(struct reader *reader, const struct node *node,
                                   const char *expected, const char *near_miss, const char *format,
                                   ...);
_printf_(3, 4) int reader_warn(struct reader *reader, const struct node *node, const char *format,
                               ...);
/* The value is of another kind than @key takes: a list, a mapping, none. */
int reader_complain_kind(struct reader *reader, const struct key *key, const struct node *node);

/* The entries of a mapping, in the file's order, keys that are broken or there twice left out. */
struct entry {
        const struct node *key;
        const struct node *value;
};

struct entries {
        struct entry *items; /* owned */
        size_t n;
};

void entries_deinit(struct entries *entries);
/* Complains about keys that are no plain texts and about duplicates. Names are compared without
 * case when @nocase. */
int entries_read(struct reader *reader, const struct node *map, bool nocase,
                 struct entries *ret_entries);
/* The value of the key among a mapping's children, or NULL. */
const struct node *node_get(const struct node *map, const char *name);

/* Reads one row's value, or its default when @node is NULL. */
int read_key(struct reader *reader, const struct key *key, const struct node *node,
             const struct node *map, void *object);
/* Reads a mapping by the row's keys into @object. @node NULL is an empty one. */
int read_map(struct reader *reader, const struct key *key, const struct node *node, void *object);

/* The likeliest meant of the candidates offered one by one. */
struct near_miss {
        const char *text;
        const char *best; /* NULL while none is near enough */
        unsigned distance;
};

struct near_miss near_miss_begin(const char *text);
void near_miss_offer(struct near_miss *near, const char *candidate);
