/*
 * What a key takes, in words: the end of "expected ...", and the types of the manual.
 */
#include "config/keys.h"

#include "base/duration.h"
#include "base/strbuf.h"

/* "a, b or c" of what is supported, or "a, b, c or " with more to come. */
static void append_words(const struct key_word *words, bool more, struct strbuf *out) {
        size_t n = 0, at = 0;

        for (const struct key_word *word = words; word && word->name; word++)
                n += word->support == SUPPORTED;
        for (const struct key_word *word = words; word && word->name; word++) {
                if (word->support == PLANNED)
                        continue;
                at++;
                strbuf_append_str(out, word->name);
                if (at < n)
                        strbuf_append_str(out, at + 1 == n && !more ? " or " : ", ");
        }
        if (more && n > 0)
                strbuf_append_str(out, " or ");
}

static void append_keys(const struct key_list *keys, struct strbuf *out) {
        size_t n = 0, at = 0;

        for (size_t i = 0; i < keys->n; i++)
                n += keys->items[i].support == SUPPORTED;
        for (size_t i = 0; i < keys->n; i++) {
                if (keys->items[i].support == PLANNED)
                        continue;
                strbuf_append_str(out, at == 0 ? " of " : at + 1 == n ? " and " : ", ");
                strbuf_append_str(out, keys->items[i].name);
                at++;
        }
}

static void append_map(const struct key *key, struct strbuf *out) {
        append_words(key->words, /* more= */ true, out);
        strbuf_append_str(out, "a mapping");
        append_keys(&key->keys, out);
}

static void append_duration(const struct key *key, bool demo, struct strbuf *out) {
        strbuf_append_str(out, "a duration such as 90m or 2d, from ");
        duration_append(demo && key->demo_min > 0 ? key->demo_min : key->min, out);
        strbuf_append_str(out, " to ");
        duration_append(key->max, out);
}

static void append_one(const struct key *key, bool demo, struct strbuf *out) {
        switch (key->type) {
        case KEY_MAP:
                append_map(key, out);
                return;
        case KEY_WORD:
                append_words(key->words, /* more= */ false, out);
                return;
        case KEY_COUNT:
                if (key->min == key->max)
                        strbuf_appendf(out, "%lld", (long long)key->min);
                else
                        strbuf_appendf(out, "a whole number from %lld to %lld", (long long)key->min,
                                       (long long)key->max);
                return;
        case KEY_FRACTION:
                strbuf_append_str(out, "a decimal number above 0, at most 1, with at most three "
                                       "digits after the point");
                return;
        case KEY_SWITCH:
                strbuf_append_str(out, "true or false");
                return;
        case KEY_DURATION:
                append_duration(key, demo, out);
                return;
        case KEY_NAME:
                strbuf_append_str(out,
                                  "letters, digits, '-', '_' and '.', a letter or digit first, "
                                  "at most 64");
                return;
        case KEY_POLICY:
                strbuf_append_str(out, "the name of one of the policies");
                return;
        case KEY_GROUP:
                strbuf_append_str(out, "the name of a resource group");
                return;
        case KEY_GROUP_GLOB:
                strbuf_append_str(out, "the name of a resource group, * standing for any text");
                return;
        case KEY_REGION:
                strbuf_append_str(out, "a region's short name such as northeurope");
                return;
        case KEY_GUID:
                strbuf_append_str(out, "a GUID such as 01234567-89ab-cdef-0123-456789abcdef");
                return;
        case KEY_TENANT:
                strbuf_append_str(out, "a directory's GUID or domain");
                return;
        case KEY_CREDENTIAL:
                strbuf_append_str(out, "the name of a systemd credential; the secret itself never "
                                       "stands in a policy");
                return;
        case KEY_FILE:
                strbuf_append_str(out, "an absolute path");
                return;
        case KEY_URL:
                strbuf_append_str(out, "https://HOST[:PORT], or http:// to a loopback address");
                return;
        case KEY_URL_IMDS:
                strbuf_append_str(out, "http://169.254.169.254, https://HOST[:PORT], or http:// to "
                                       "a loopback address");
                return;
        case KEY_ZONE:
                strbuf_append_str(out, "an installed time zone such as Europe/Stockholm, or UTC");
                return;
        case KEY_CALENDAR:
                strbuf_append_str(out, "a calendar event such as \"Mon..Fri 02:30\"");
                return;
        case KEY_DISK:
                strbuf_append_str(out, "/subscriptions/GUID/resourceGroups/GROUP/providers/"
                                       "Microsoft.Compute/disks/NAME");
                return;
        case KEY_RESOURCE:
                strbuf_append_str(out, "a resource id that begins with /subscriptions/");
                return;
        case KEY_BOUND:
                strbuf_append_str(out, "a bound in quotes such as \">=12\"");
                return;
        case KEY_TAGS:
        case KEY_SELECTOR:
                strbuf_append_str(out, "a mapping of tag names to texts");
                return;
        }
}

void key_expected(const struct key *key, bool demo, struct strbuf *out) {
        switch (key->form) {
        case FORM_ONE:
                append_one(key, demo, out);
                return;
        case FORM_LIST:
                strbuf_append_str(out, "a list, each ");
                append_one(key, demo, out);
                return;
        case FORM_ONE_OR_LIST:
                append_one(key, demo, out);
                strbuf_append_str(out, ", or a list of them");
                return;
        case FORM_NAMED:
                strbuf_append_str(out, "a mapping of names to ");
                append_one(key, demo, out);
                return;
        }
}
