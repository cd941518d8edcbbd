#include "config/policy_reader.h"

#include "config/keys.h"
#include "config/text.h"
#include "config/tree.h"
#include "config/walk.h"

#include "core/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void reader_deinit(struct reader *reader) {
        policy_file_free(reader->file);
        policy_file_free(reader->template);
        free(reader->origins);
        strbuf_deinit(&reader->path);
}

/* Half-made policies are freed as parts of a file, so the template lives in one. */
static int template_new(struct policy_file **ret_template) {
        _cleanup_(policy_file_freep) struct policy_file *template = NULL;

        template = calloc(1, sizeof(*template));
        if (!template)
                return -ENOMEM;
        template->policies = calloc(1, sizeof(*template->policies));
        if (!template->policies)
                return -ENOMEM;
        template->n_policies = 1;
        *ret_template = take_ptr(template);
        return 0;
}

/* The least an interval may be depends on limits.demo, wherever in the file that is. */
static bool demo_is_set(const struct node *root) {
        const struct node *demo = node_get(node_get(root, "limits"), "demo");

        return demo && demo->kind == NODE_SCALAR && demo->plain && strcmp(demo->text, "true") == 0;
}

static int warn_of_idle_policies(struct reader *reader) {
        size_t mark = reader_enter(reader, "policies");

        for (size_t i = 0; i < reader->file->n_policies; i++) {
                const struct policy_origin *origin = &reader->origins[i];
                size_t inner;
                int r;

                if (origin->has_target)
                        continue;
                inner = reader_enter(reader, origin->name->text);
                r = reader_warn(reader, origin->name,
                                "no target names this policy, so it does "
                                "nothing");
                if (r < 0)
                        return r;
                reader_leave(reader, inner);
        }
        reader_leave(reader, mark);
        return 0;
}

static int read_tree(const struct tree *tree, struct reader *reader) {
        int r;

        reader->file = calloc(1, sizeof(*reader->file));
        if (!reader->file)
                return -ENOMEM;
        r = template_new(&reader->template);
        if (r < 0)
                return r;

        reader->demo = demo_is_set(tree->root);
        if (tree->root->kind == NODE_BROKEN)
                return 0;
        r = read_map(reader, &policy_key, tree->root, reader->file);
        /* After an error in a target this would be a second message about the same place. */
        if (r == 0 && reader->diagnostics->n_errors == 0)
                r = warn_of_idle_policies(reader);
        return r;
}

int config_load(const char *bytes, size_t len, const char *file_name, struct zones *zones,
                struct policy_file **ret_file, struct diagnostics *diagnostics) {
        _cleanup_(tree_freep) struct tree *tree = NULL;
        _cleanup_(reader_deinit) struct reader reader = {
                .zones = zones,
                .diagnostics = diagnostics,
        };
        int r;

        diagnostics_deinit(diagnostics);
        diagnostics->file_name = strdup(file_name);
        if (!diagnostics->file_name)
                return -ENOMEM;

        if (len > CONFIG_FILE_MAX)
                diagnostics_add(diagnostics, SEVERITY_ERROR, 0, 0, "",
                                "the file is larger than 1 MiB, the most a policy may have", NULL,
                                NULL);
        else if (text_check(bytes, len, diagnostics)) {
                r = tree_parse(bytes, len, diagnostics, &tree);
                if (r == 0 && tree)
                        r = read_tree(tree, &reader);
                if (r < 0)
                        return r;
        }
        diagnostics_sort(diagnostics);
        if (diagnostics->error < 0)
                return diagnostics->error;
        if (diagnostics->n_errors > 0)
                return CONFIG_E_INVALID;
        *ret_file = take_ptr(reader.file);
        return 0;
}
