/*
 * The JSON Schema of the policy, made from the table of keys.
 */
#include "config/policy_reader.h"

#include "config/keys.h"

#include "base/json_writer.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/policy.h"

#include <string.h>

#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
#define GUID_PATTERN "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
#define NUMBER "(0|[1-9][0-9]*)"
#define DURATION_PATTERN                                                                           \
        "^(?=.)(" NUMBER "w)?(" NUMBER "d)?(" NUMBER "h)?(" NUMBER "m)?(" NUMBER "s)?$"
#define DISK_PATTERN                                                                               \
        "^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Compute/disks/[^/]+$"

static void write_pattern(struct json_writer *w, const char *pattern) {
        json_write_string(w, "type", "string");
        json_write_string(w, "pattern", pattern);
}

static void write_words(struct json_writer *w, const struct key_word *words) {
        json_open(w, "enum", '[');
        for (const struct key_word *word = words; word->name; word++)
                if (word->support == SUPPORTED) {
                        json_write_string(w, NULL, word->name);
                }
        json_close(w);
}

static void write_key(struct json_writer *w, const struct key *key, bool with_default);

static void write_properties(struct json_writer *w, const struct key *key) {
        bool required = false;

        json_write_string(w, "type", "object");
        json_open(w, "properties", '{');
        for (size_t i = 0; i < key->keys.n; i++) {
                write_key(w, &key->keys.items[i], true);
                required = required || key->keys.items[i].required;
        }
        /* Without their defaults: those are what the section defaults says. */
        for (size_t i = 0; i < key->inherited.n; i++) {
                write_key(w, &key->inherited.items[i], false);
        }
        json_close(w);

        if (required) {
                json_open(w, "required", '[');
                for (size_t i = 0; i < key->keys.n; i++)
                        if (key->keys.items[i].required) {
                                json_write_string(w, NULL, key->keys.items[i].name);
                        }
                json_close(w);
        }
        json_write_bool(w, "additionalProperties", false);
}

/* A mapping, or one of the words in place of it. */
static void write_map(struct json_writer *w, const struct key *key) {
        if (!key->words) {
                write_properties(w, key);
                return;
        }
        json_open(w, "anyOf", '[');
        json_open(w, NULL, '{');
        write_words(w, key->words);
        json_close(w);
        json_open(w, NULL, '{');
        write_properties(w, key);
        json_close(w);
        json_close(w);
}

static void write_tags(struct json_writer *w) {
        json_write_string(w, "type", "object");
        json_write_int(w, "maxProperties", POLICY_TAGS_MAX);
        json_open(w, "propertyNames", '{');
        json_write_string(w, "pattern", "^[^<>%&\\\\?/]{1,512}$");
        json_close(w);
        json_open(w, "additionalProperties", '{');
        json_write_string(w, "type", "string");
        json_write_int(w, "maxLength", 256);
        json_close(w);
}

/* The members that say what one value of the row is. */
static void write_type(struct json_writer *w, const struct key *key) {
        switch (key->type) {
        case KEY_MAP:
                write_map(w, key);
                return;
        case KEY_WORD:
                write_words(w, key->words);
                return;
        case KEY_COUNT:
                json_write_string(w, "type", "integer");
                json_write_int(w, "minimum", key->min);
                json_write_int(w, "maximum", key->max);
                return;
        case KEY_FRACTION:
                json_write_string(w, "type", "number");
                json_write_int(w, "exclusiveMinimum", 0);
                json_write_int(w, "maximum", 1);
                return;
        case KEY_SWITCH:
                json_write_string(w, "type", "boolean");
                return;
        case KEY_DURATION:
                write_pattern(w, DURATION_PATTERN);
                return;
        case KEY_NAME:
        case KEY_POLICY:
                write_pattern(w, NAME_PATTERN);
                return;
        case KEY_GUID:
                write_pattern(w, GUID_PATTERN);
                return;
        case KEY_GROUP:
        case KEY_GROUP_GLOB:
                json_write_string(w, "type", "string");
                json_write_int(w, "minLength", 1);
                json_write_int(w, "maxLength", RESOURCE_GROUP_MAX);
                return;
        case KEY_CREDENTIAL:
                write_pattern(w, "^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$");
                return;
        case KEY_FILE:
                write_pattern(w, "^/");
                return;
        case KEY_URL:
        case KEY_URL_IMDS:
                write_pattern(w, "^https?://[^/?#@]+/?$");
                return;
        case KEY_DISK:
                write_pattern(w, DISK_PATTERN);
                return;
        case KEY_RESOURCE:
                write_pattern(w, "^/subscriptions/");
                return;
        case KEY_BOUND:
                write_pattern(w, "^>=(0|[1-9][0-9]*)$");
                return;
        case KEY_REGION:
        case KEY_TENANT:
        case KEY_ZONE:
        case KEY_CALENDAR:
                json_write_string(w, "type", "string");
                json_write_int(w, "minLength", 1);
                return;
        case KEY_TAGS:
        case KEY_SELECTOR:
                write_tags(w);
                return;
        }
}

static void write_list(struct json_writer *w, const struct key *key) {
        json_write_string(w, "type", "array");
        json_write_int(w, "minItems", 1);
        json_open(w, "items", '{');
        write_type(w, key);
        json_close(w);
}

static void write_form(struct json_writer *w, const struct key *key) {
        switch (key->form) {
        case FORM_ONE:
                write_type(w, key);
                return;
        case FORM_LIST:
                write_list(w, key);
                return;
        case FORM_ONE_OR_LIST:
                json_open(w, "anyOf", '[');
                json_open(w, NULL, '{');
                write_type(w, key);
                json_close(w);
                json_open(w, NULL, '{');
                write_list(w, key);
                json_close(w);
                json_close(w);
                return;
        case FORM_NAMED:
                json_write_string(w, "type", "object");
                json_write_int(w, "minProperties", 1);
                json_open(w, "propertyNames", '{');
                json_write_string(w, "pattern", NAME_PATTERN);
                json_close(w);
                json_open(w, "additionalProperties", '{');
                write_type(w, key);
                json_close(w);
                return;
        }
}

/* Names the words' meanings, what is planned and, for durations, the range, which no pattern can
 * say. */
static void write_description(struct json_writer *w, const struct key *key) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        strbuf_append_str(&text, key->description);
        if (key->type == KEY_DURATION) {
                strbuf_append_str(&text, "; ");
                key_expected(key, /* demo= */ false, &text);
        }
        for (const struct key_word *word = key->words; word && word->name; word++)
                strbuf_appendf(&text, "; %s: %s%s", word->name, word->description,
                               word->support == PLANNED ? " (not supported yet)" : "");
        if (key->support == PLANNED)
                strbuf_append_str(&text, "; not supported yet");
        if (text.error && !w->out->error)
                w->out->error = text.error;
        json_write_string(w, "description", strbuf_str(&text));
}

static void write_default(struct json_writer *w, const struct key *key) {
        uint64_t number;

        if (key->type == KEY_COUNT &&
            str_parse_u64(key->value, strlen(key->value), INT64_MAX, &number) == 0)
                json_write_int(w, "default", (int64_t)number);
        else if (key->type == KEY_SWITCH)
                json_write_bool(w, "default", strcmp(key->value, "true") == 0);
        else if (key->type != KEY_FRACTION) /* which JSON writers of whole numbers cannot say */
                json_write_string(w, "default", key->value);
}

/* A key that is not supported yet is there with its shape, and nothing fits it. */
static void write_members(struct json_writer *w, const struct key *key, bool with_default) {
        write_description(w, key);
        write_form(w, key);
        if (key->value && with_default)
                write_default(w, key);
        if (key->support == PLANNED) {
                json_open(w, "not", '{');
                json_close(w);
        }
}

static void write_key(struct json_writer *w, const struct key *key, bool with_default) {
        json_open(w, key->name, '{');
        write_members(w, key, with_default);
        json_close(w);
}

void config_schema(struct strbuf *out) {
        struct json_writer w = {.out = out, .pretty = true};

        json_open(&w, NULL, '{');
        json_write_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
        json_write_string(&w, "title", "Snapkeep policy");
        write_members(&w, &policy_key, /* with_default= */ true);
        json_close(&w);
}
