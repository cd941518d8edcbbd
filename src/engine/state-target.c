/*
 * A target's key: what it selects, whatever its place in the policy file.
 */
#include "engine/state.h"

#include "base/array.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A text for each thing that selects; sorted, they do not depend on their order in the file. */
struct selectors {
        char **items; /* owned */
        size_t n, capacity;
};

/* Chosen: beyond all that a policy file's size allows. */
#define SELECTORS_MAX (1U << 20)

static void selectors_deinit(struct selectors *selectors) {
        for (size_t i = 0; i < selectors->n; i++)
                free(selectors->items[i]);
        free(selectors->items);
}

/* @kind tells what was selected by, and the length where one text ends; @fold drops the case. */
static int selectors_add(struct selectors *selectors, const char *kind, const char *name,
                         const char *value, bool fold) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        int r;

        strbuf_appendf(&text, "%s %zu %s %s", kind, strlen(name), name, value);
        if (text.error)
                return text.error;
        if (fold)
                str_lower(text.data);
        r = array_grow(&selectors->items, selectors->n, &selectors->capacity, sizeof(char *),
                       SELECTORS_MAX);
        if (r < 0)
                return r;
        r = strbuf_take(&text, &selectors->items[selectors->n]);
        if (r == 0)
                selectors->n++;
        return r;
}

static int selectors_add_tags(struct selectors *selectors, const char *kind,
                              const struct policy_tags *tags) {
        for (size_t i = 0; i < tags->n; i++) {
                _cleanup_(freep) char *name = strdup(tags->items[i].name);
                int r;

                if (!name)
                        return -ENOMEM;
                str_lower(name);
                r = selectors_add(selectors, kind, name, tags->items[i].value, /* fold= */ false);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int selectors_of(const struct target *target, struct selectors *selectors) {
        char id[RESOURCE_ID_TEXT_SIZE];
        int r = 0;

        for (size_t i = 0; i < target->n_disks && r == 0; i++)
                r = selectors_add(selectors, "disk", resource_id_format(&target->disks[i], id), "",
                                  /* fold= */ true);
        if (r == 0 && target->subscription)
                r = selectors_add(selectors, "subscription", target->subscription, "",
                                  /* fold= */ true);
        for (size_t i = 0; i < target->n_groups && r == 0; i++)
                r = selectors_add(selectors, "group", target->groups[i], "", /* fold= */ true);
        if (r == 0)
                r = selectors_add_tags(selectors, "tag", &target->tags);
        if (r == 0)
                r = selectors_add_tags(selectors, "except", &target->except_tags);
        return r;
}

static int compare_texts(const void *a, const void *b) {
        const char *const *x = a, *const *y = b;

        return strcmp(*x, *y);
}

int target_key(const struct policy_file *file, size_t target, const char *policy,
               char ret_key[static 17]) {
        _cleanup_(selectors_deinit) struct selectors selectors = {};
        const struct target *one = &file->targets[target];
        uint8_t digest[SHA256_SIZE];
        int r;

        r = selectors_of(one, &selectors);
        if (r == 0)
                r = selectors_add(&selectors, "policy", policy, "", /* fold= */ false);
        if (r < 0)
                return r == -E2BIG ? -ENOMEM : r;
        qsort(selectors.items, selectors.n, sizeof(char *), compare_texts);
        r = sha256_fields((const char *const *)selectors.items, selectors.n, digest);
        if (r < 0)
                return r;

        for (size_t i = 0; i < 8; i++)
                snprintf(ret_key + 2 * i, 3, "%02x", digest[i]);
        return 0;
}
