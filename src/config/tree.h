/*
 * tree: a YAML document as nodes that know their line and column, made from libyaml's events.
 *
 * It holds less than YAML has. One document; mappings, lists and scalars. Refused with their place:
 *
 * - aliases and anchors. DESIGN wants them bounded, and none is the simplest bound: nothing expands,
 *   so no bomb does; and an error is where the text is, not where it was pulled in. What they are
 *   used for, one value in many places, is what `defaults` is for.
 * - merge keys, for the same reason;
 * - tags (!!int, !secret), since the key decides the type of its value;
 * - directives and further documents.
 *
 * Nodes that were refused stay in the tree as NODE_BROKEN, so that the rest can be read on and no
 * second message is made of them. Duplicate keys stay too: the walk finds them, with their path.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diagnostics;

/* Chosen: the deepest key of DESIGN section 3, copies' keep, is at 6. */
#define TREE_DEPTH_MAX 16
/* Chosen: 10,000 disks by id and as many lines of anything else; 8 MiB of nodes at the most. */
#define TREE_NODES_MAX 100000

enum node_kind {
        NODE_SCALAR,
        NODE_MAP,
        NODE_LIST,
        NODE_BROKEN, /* refused, and already complained about */
};

struct node {
        enum node_kind kind;
        bool plain;            /* scalar without quotes, on which YAML 1.1 would have opinions */
        uint32_t line, column; /* from 1 */
        const char *text;      /* scalar: NUL ended, without NUL or control characters inside */
        size_t len;
        struct node *first, *last; /* list: its items; map: key, value, key, value, ... */
        struct node *next;         /* the next sibling */
        size_t n;                  /* children; of a map twice the entries */
};

struct tree {
        struct node *root;
        struct tree_block *blocks; /* memory of all nodes and texts */
        size_t n_nodes;
};

struct tree *tree_free(struct tree *tree);
DEFINE_CLEANUP(struct tree *, tree_free)

/*
 * Parses text that text_check() has passed. Where the YAML is broken beyond going on, *ret_tree is
 * NULL and the diagnostics say why.
 *
 * Returns 0 or -ENOMEM.
 */
int tree_parse(const char *bytes, size_t len, struct diagnostics *diagnostics,
               struct tree **ret_tree);
