#include "config/tree.h"

#include "config/diagnostics.h"
#include "config/text.h"

#include "base/strbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* Chosen: a typical policy fits into one. */
#define BLOCK_BYTES 16384

struct tree_block {
        struct tree_block *next;
        size_t used, size;
        _Alignas(max_align_t) char bytes[];
};

/* The nodes that are open, from the root down. */
struct builder {
        struct tree *tree;
        struct diagnostics *diagnostics;
        struct node *open[TREE_DEPTH_MAX];
        struct node *key[TREE_DEPTH_MAX]; /* of an open map, its last key */
        size_t depth;
        bool started; /* a document was begun */
        bool fatal;   /* complained about something that ends the parsing */
};

struct tree *tree_free(struct tree *tree) {
        if (!tree)
                return NULL;
        while (tree->blocks) {
                struct tree_block *block = tree->blocks;

                tree->blocks = block->next;
                free(block);
        }
        free(tree);
        return NULL;
}

static void *tree_allocate(struct tree *tree, size_t size) {
        struct tree_block *block = tree->blocks;
        size_t rounded = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
        void *memory;

        if (!block || block->size - block->used < rounded) {
                size_t wanted = MAX((size_t)BLOCK_BYTES, rounded);

                block = malloc(sizeof(*block) + wanted);
                if (!block)
                        return NULL;
                block->next = tree->blocks;
                block->used = 0;
                block->size = wanted;
                tree->blocks = block;
        }
        memory = block->bytes + block->used;
        block->used += rounded;
        return memory;
}

static void append_key(const struct node *key, struct strbuf *out) {
        if (out->len > 0)
                strbuf_append_char(out, '.');
        diagnostic_cut(key->text, key->len, out);
}

/* Appends the path of the next child: the last key of each open map, the index in each list. */
static void append_path(const struct builder *builder, struct strbuf *out) {
        for (size_t i = 0; i < builder->depth; i++) {
                const struct node *node = builder->open[i], *key = builder->key[i];

                bool child_is_open = i + 1 < builder->depth; /* and counted already */

                if (node->kind == NODE_LIST)
                        strbuf_appendf(out, "[%zu]", node->n - child_is_open);
                else if ((node->n % 2 == 1 || child_is_open) && key->kind == NODE_SCALAR)
                        append_key(key, out);
        }
}

static int complain(struct builder *builder, yaml_mark_t mark, const char *message,
                    const char *expected) {
        _cleanup_(strbuf_deinit) struct strbuf path = {};

        append_path(builder, &path);
        if (path.error)
                return -ENOMEM;
        diagnostics_add(builder->diagnostics, SEVERITY_ERROR, (uint32_t)mark.line + 1,
                        (uint32_t)mark.column + 1, strbuf_str(&path), message, expected, NULL);
        return 0;
}

static int complain_fatal(struct builder *builder, yaml_mark_t mark, const char *message,
                          const char *expected) {
        builder->fatal = true;
        return complain(builder, mark, message, expected);
}

/* Makes a node and hangs it into the innermost open one. *ret_node is NULL when the ceiling was
 * met, which ends the parsing. */
static int add_node(struct builder *builder, enum node_kind kind, yaml_mark_t mark,
                    struct node **ret_node) {
        struct node *parent = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
        struct node *node;

        *ret_node = NULL;
        if (builder->tree->n_nodes == TREE_NODES_MAX)
                return complain_fatal(builder, mark,
                                      "the file has more than 100000 keys and values", NULL);

        node = tree_allocate(builder->tree, sizeof(*node));
        if (!node)
                return -ENOMEM;
        *node = (struct node){
                .kind = kind,
                .line = (uint32_t)mark.line + 1,
                .column = (uint32_t)mark.column + 1,
        };
        builder->tree->n_nodes++;

        if (!parent)
                builder->tree->root = node;
        else if (parent->last)
                parent->last->next = node;
        else
                parent->first = node;
        if (parent) {
                parent->last = node;
                if (parent->n % 2 == 0)
                        builder->key[builder->depth - 1] = node;
                parent->n++;
        }
        *ret_node = node;
        return 0;
}

static int check_properties(struct builder *builder, yaml_mark_t mark, const yaml_char_t *anchor,
                            const yaml_char_t *tag) {
        int r = 0;

        if (anchor)
                r = complain(builder, mark, "anchors (&name) are not allowed",
                             "the value alone; what several policies share goes into defaults");
        if (r == 0 && tag)
                r = complain(builder, mark, "tags (!name) are not allowed", "the value alone");
        return r;
}

static int on_scalar(struct builder *builder, const yaml_event_t *event) {
        const char *text = (const char *)event->data.scalar.value;
        size_t len = event->data.scalar.length;
        struct node *parent = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
        bool is_key = parent && parent->kind == NODE_MAP && parent->n % 2 == 0;
        bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        enum node_kind kind = NODE_SCALAR;
        struct node *node;
        char *copy;
        int r;

        r = check_properties(builder, event->start_mark, event->data.scalar.anchor,
                             event->data.scalar.tag);
        if (r == 0 && is_key && plain && len == 2 && memcmp(text, "<<", 2) == 0) {
                kind = NODE_BROKEN;
                r = complain(builder, event->start_mark, "merge keys (<<) are not allowed",
                             "the keys themselves; what several policies share goes into defaults");
        } else if (r == 0 && !text_is_plain(text, len)) {
                /* Made by an escape such as "\0", or a text of several lines. */
                kind = NODE_BROKEN;
                r = complain(builder, event->start_mark,
                             "the text has a line end or another control character", "one line");
        }
        r = r ?: add_node(builder, kind, event->start_mark, &node);
        if (r < 0 || !node)
                return r;

        copy = tree_allocate(builder->tree, len + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, len);
        copy[len] = '\0';
        node->text = copy;
        node->len = len;
        node->plain = plain;
        return 0;
}

static int on_alias(struct builder *builder, const yaml_event_t *event) {
        struct node *node;
        int r;

        r = complain(builder, event->start_mark, "aliases (*name) are not allowed",
                     "the value itself; a text that begins with * needs quotes");
        return r ?: add_node(builder, NODE_BROKEN, event->start_mark, &node);
}

static int on_begin(struct builder *builder, enum node_kind kind, const yaml_event_t *event,
                    const yaml_char_t *anchor, const yaml_char_t *tag) {
        struct node *node;
        int r;

        if (builder->depth == TREE_DEPTH_MAX)
                return complain_fatal(builder, event->start_mark,
                                      "nested deeper than any key of a policy", NULL);

        r = check_properties(builder, event->start_mark, anchor, tag);
        r = r ?: add_node(builder, kind, event->start_mark, &node);
        if (r < 0 || !node)
                return r;
        builder->key[builder->depth] = NULL;
        builder->open[builder->depth++] = node;
        return 0;
}

static int on_document(struct builder *builder, const yaml_event_t *event) {
        if (builder->started)
                return complain_fatal(builder, event->start_mark, "a second document begins here",
                                      "one document");
        builder->started = true;

        if (event->data.document_start.version_directive ||
            event->data.document_start.tag_directives.start !=
                    event->data.document_start.tag_directives.end)
                return complain(builder, event->start_mark,
                                "directives (%YAML, %TAG) are not allowed", NULL);
        return 0;
}

static int on_event(struct builder *builder, const yaml_event_t *event) {
        switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
                return on_document(builder, event);
        case YAML_SCALAR_EVENT:
                return on_scalar(builder, event);
        case YAML_ALIAS_EVENT:
                return on_alias(builder, event);
        case YAML_MAPPING_START_EVENT:
                return on_begin(builder, NODE_MAP, event, event->data.mapping_start.anchor,
                                event->data.mapping_start.tag);
        case YAML_SEQUENCE_START_EVENT:
                return on_begin(builder, NODE_LIST, event, event->data.sequence_start.anchor,
                                event->data.sequence_start.tag);
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
                builder->depth--;
                return 0;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                return 0;
        }
        return 0;
}

/* libyaml's marks count characters. */
static bool is_tab_at(const char *bytes, size_t len, size_t index) {
        size_t at = 0;

        for (; index > 0 && at < len; index--)
                do
                        at++;
                while (at < len && ((unsigned char)bytes[at] & 0xc0) == 0x80);
        return at < len && bytes[at] == '\t';
}

/* What libyaml stumbled over, in its words, with the mistakes people make most in ours. */
static int complain_syntax(struct builder *builder, const yaml_parser_t *parser, const char *bytes,
                           size_t len) {
        _cleanup_(strbuf_deinit) struct strbuf message = {};
        yaml_mark_t mark = parser->problem_mark;
        const char *context = parser->context ?: "", *expected = NULL;

        if (parser->error == YAML_MEMORY_ERROR)
                return -ENOMEM;

        strbuf_appendf(&message, "not YAML: %s", parser->problem ?: "unreadable");
        if (context[0])
                strbuf_appendf(&message, " (%s that begins on line %zu)", context,
                               parser->context_mark.line + 1);
        if (is_tab_at(bytes, len, mark.index))
                expected = "spaces: YAML does not allow tabs here";
        else if (strstr(context, "alias"))
                expected = "quotes around a text that begins with *";
        else if (strstr(context, "anchor"))
                expected = "quotes around a text that begins with &";

        if (message.error < 0)
                return -ENOMEM;
        /* Without a path: where the structure is broken, it says little. */
        builder->fatal = true;
        diagnostics_add(builder->diagnostics, SEVERITY_ERROR, (uint32_t)mark.line + 1,
                        (uint32_t)mark.column + 1, "", strbuf_str(&message), expected, NULL);
        return 0;
}

static int build(struct builder *builder, const char *bytes, size_t len) {
        _cleanup_(yaml_parser_delete) yaml_parser_t parser;
        bool done = false;
        int r = 0;

        if (!yaml_parser_initialize(&parser)) {
                memset(&parser, 0, sizeof(parser)); /* what its clean-up copes with */
                return -ENOMEM;
        }
        /* Else libyaml would guess UTF-16 from the first bytes. */
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);

        while (r == 0 && !done && !builder->fatal) {
                _cleanup_(yaml_event_delete) yaml_event_t event = {};

                if (!yaml_parser_parse(&parser, &event))
                        return complain_syntax(builder, &parser, bytes, len);
                done = event.type == YAML_STREAM_END_EVENT;
                r = on_event(builder, &event);
        }
        return r;
}

int tree_parse(const char *bytes, size_t len, struct diagnostics *diagnostics,
               struct tree **ret_tree) {
        _cleanup_(tree_freep) struct tree *tree = NULL;
        struct builder builder = {.diagnostics = diagnostics};
        int r;

        tree = calloc(1, sizeof(*tree));
        if (!tree)
                return -ENOMEM;
        builder.tree = tree;

        r = build(&builder, bytes, len);
        if (r < 0)
                return r;
        if (!builder.fatal && !tree->root) {
                builder.fatal = true;
                diagnostics_add(diagnostics, SEVERITY_ERROR, 0, 0, "", "the file holds no policy",
                                "version, owner, policies and targets", NULL);
        }
        *ret_tree = builder.fatal ? NULL : take_ptr(tree);
        return 0;
}
