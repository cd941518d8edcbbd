/*
 * Tags: those we set on snapshots, and those we look for on disks.
 */
#include "config/readers.h"

#include "config/scalar.h"
#include "config/text.h"
#include "config/tree.h"
#include "config/walk.h"

#include "base/str.h"
#include "core/policy.h"

#include <errno.h>
#include <string.h>

/* FACTS section 1, "Names and tags". */
#define TAG_NAME_MAX 512
#define TAG_VALUE_MAX 256
/* A resource has 50 tags at most, so more are never found. */
#define RESOURCE_TAGS_MAX 50

/* Of a tag that we set; one that we look for may have any name Azure allows. */
static const char *tag_name_problem(const char *name, bool ours) {
        static const char *const reserved[] = {"snapkeep-", "azure", "microsoft", "windows"};

        if (strpbrk(name, "<>%&\\?/"))
                return "has one of the characters < > % & \\ ? /, which tag names cannot have";
        if (text_utf16_len(name, strlen(name)) > TAG_NAME_MAX)
                return "is longer than the 512 characters of a tag name";
        for (size_t i = 0; ours && i < ARRAY_SIZE(reserved); i++)
                if (str_starts_with_nocase(name, reserved[i]))
                        return i == 0 ? "begins with snapkeep-, which is for Snapkeep's own tags"
                                      : "begins with azure, microsoft or windows, which Azure "
                                        "reserves";
        return NULL;
}

/* Sets the tag; one of the name that is there already has come from the defaults. */
static int set_tag(struct policy_tags *tags, const char *name, const char *value) {
        struct policy_tag tag = {strdup(name), strdup(value)};
        struct policy_tag *grown = NULL;
        size_t i;

        for (i = 0; i < tags->n; i++)
                if (str_equal_nocase(tags->items[i].name, name))
                        break;
        if (tag.name && tag.value)
                grown = i < tags->n ? tags->items
                                    : reallocarray(tags->items, tags->n + 1, sizeof(tag));
        if (!grown) {
                free(tag.name);
                free(tag.value);
                return -ENOMEM;
        }

        tags->items = grown;
        if (i < tags->n) {
                free(tags->items[i].name);
                free(tags->items[i].value);
        } else
                tags->n++;
        tags->items[i] = tag;
        return 0;
}

static int read_tag(struct reader *reader, const struct key *key, const struct entry *entry,
                    struct policy_tags *tags) {
        const char *problem, *surprise;
        const struct node *value = entry->value;

        problem = tag_name_problem(entry->key->text, key->type == KEY_TAGS);
        if (problem)
                return reader_complain(reader, entry->key, NULL, NULL, "the name %s", problem);
        if (entry->key->plain) {
                surprise = scalar_surprise(entry->key->text);
                if (surprise)
                        return reader_complain(reader, entry->key, "quotes around the name", NULL,
                                               "the name %s", surprise);
        }
        if (value->kind == NODE_BROKEN)
                return 0;
        if (value->kind != NODE_SCALAR || (value->plain && value->len == 0))
                return reader_complain(reader, value, "a text; \"\" is the empty one", NULL,
                                       value->kind == NODE_SCALAR ? "found no value"
                                       : value->kind == NODE_MAP  ? "found a mapping"
                                                                  : "found a list");
        if (value->plain) {
                surprise = scalar_surprise(value->text);
                if (surprise)
                        return reader_complain(reader, value, "a text: write it in quotes", NULL,
                                               "the value %s", surprise);
        }
        if (text_utf16_len(value->text, value->len) > TAG_VALUE_MAX)
                return reader_complain(reader, value, NULL, NULL,
                                       "the value is longer than the 256 characters of a tag");
        return set_tag(tags, entry->key->text, value->text);
}

int read_tags(struct reader *reader, const struct key *key, const struct node *node, void *object) {
        _cleanup_(entries_deinit) struct entries entries = {};
        struct policy_tags *tags = (struct policy_tags *)((char *)object + key->offset);
        size_t max = key->type == KEY_TAGS ? POLICY_TAGS_MAX : RESOURCE_TAGS_MAX;
        int r;

        if (node->kind != NODE_MAP)
                return reader_complain_kind(reader, key, node);
        r = entries_read(reader, node, /* nocase= */ true, &entries);
        if (r < 0)
                return r;
        if (key->type == KEY_SELECTOR && node->n == 0)
                return reader_complain(reader, node, "at least one tag, or no such key", NULL,
                                       "the mapping is empty");

        for (size_t i = 0; i < entries.n && node->n / 2 <= max; i++) {
                size_t mark = reader_enter(reader, entries.items[i].key->text);

                r = read_tag(reader, key, &entries.items[i], tags);
                if (r < 0)
                        return r;
                reader_leave(reader, mark);
        }
        if (MAX(tags->n, node->n / 2) > max)
                return reader_complain(reader, node, NULL, NULL, "%zu tags%s; at most %zu",
                                       MAX(tags->n, node->n / 2),
                                       tags->n > node->n / 2 ? ", those of defaults included" : "",
                                       max);
        return 0;
}
