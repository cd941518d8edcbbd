#include "config/values.h"

#include "config/diagnostics.h"
#include "config/readers.h"
#include "config/scalar.h"
#include "config/tree.h"
#include "config/url.h"
#include "config/walk.h"

#include "base/duration.h"
#include "base/guid.h"
#include "base/str.h"
#include "core/policy.h"
#include "core/resource_id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A domain name has 253 characters at most (RFC 1035 section 2.3.4). */
#define TENANT_MAX 253
/* systemd refuses longer credential names, as file names. */
#define CREDENTIAL_MAX 255
#define FILE_PATH_MAX 4095
#define RESOURCE_MAX 1024

static void *field_of(const struct key *key, void *object) {
        return (char *)object + key->offset;
}

/* Whether a value of the type could be a secret by somebody's mistake. */
static bool is_delicate(enum key_type type) {
        return type == KEY_CREDENTIAL || type == KEY_URL || type == KEY_URL_IMDS;
}

/* Whether no value of the type could be anything else in YAML, so that quotes are no remedy. */
static bool has_own_form(enum key_type type) {
        return is_delicate(type) || type == KEY_GUID || type == KEY_FILE || type == KEY_DISK ||
               type == KEY_RESOURCE;
}

int value_complain(struct reader *reader, const struct key *key, const struct node *node,
                   const char *near_miss, const char *problem) {
        _cleanup_(strbuf_deinit) struct strbuf message = {}, expected = {};

        if (is_delicate(key->type))
                strbuf_append_str(&message, "the value");
        else
                diagnostic_quote(node->text, node->len, &message);
        strbuf_appendf(&message, " %s", problem);
        key_expected(key, reader->demo, &expected);
        if (message.error || expected.error)
                return -ENOMEM;
        return reader_complain(reader, node, strbuf_str(&expected), near_miss, "%s",
                               strbuf_str(&message));
}

int value_complain_because(struct reader *reader, const struct key *key, const struct node *node,
                           const char *problem, const char *reason) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};

        strbuf_appendf(&text, "%s: %s", problem, reason);
        if (text.error)
                return -ENOMEM;
        return value_complain(reader, key, node, NULL, strbuf_str(&text));
}

int value_is_text(struct reader *reader, const struct key *key, const struct node *node,
                  bool *ret_is_text) {
        const char *surprise = NULL;

        *ret_is_text = false;
        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);
        if (node->len == 0)
                return value_complain(reader, key, node, NULL, "is empty");
        if (node->plain && !has_own_form(key->type))
                surprise = scalar_surprise(node->text);
        if (surprise)
                return value_complain_because(reader, key, node, surprise,
                                              "write it in quotes if it is meant as a text");
        *ret_is_text = true;
        return 0;
}

static int store_text(const struct key *key, const char *text, void *object) {
        char **field = field_of(key, object);
        char *copy;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

int read_word(struct reader *reader, const struct key *key, const struct node *node,
              int *ret_value) {
        struct near_miss near;

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);

        /* `off` without quotes is a boolean in YAML 1.1. Where off is one of the words there is no
         * other way to read it, so it is taken as the word, and true, no and 0 are not. */
        near = near_miss_begin(node->text);
        for (const struct key_word *word = key->words; word->name; word++) {
                if (strcmp(word->name, node->text) == 0) {
                        if (word->support == PLANNED)
                                return value_complain(reader, key, node, NULL,
                                                      "is not supported yet");
                        *ret_value = word->value;
                        return 0;
                }
                if (word->support == SUPPORTED)
                        near_miss_offer(&near, word->name);
        }
        return value_complain(reader, key, node, near.best, "is not one of the words");
}

static int read_word_field(struct reader *reader, const struct key *key, const struct node *node,
                           void *object) {
        static const int unset = -2;
        int value = unset, r;

        r = read_word(reader, key, node, &value);
        if (r < 0 || value == unset)
                return r;
        /* catch_up is a bool, the others are enums. */
        if (key->size == sizeof(bool))
                *(bool *)field_of(key, object) = value != 0;
        else
                memcpy(field_of(key, object), &value, sizeof(value));
        return 0;
}

static int read_switch(struct reader *reader, const struct key *key, const struct node *node,
                       void *object) {
        bool *field = field_of(key, object);

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);
        if (!node->plain)
                return value_complain(reader, key, node, NULL, "is a text, as it has quotes");
        if (strcmp(node->text, "true") == 0)
                *field = true;
        else if (strcmp(node->text, "false") == 0)
                *field = false;
        else
                return value_complain(reader, key, node, NULL, "is not a boolean of YAML 1.2");
        return 0;
}

static int read_count(struct reader *reader, const struct key *key, const struct node *node,
                      void *object) {
        const char *surprise;
        uint64_t value;
        uint32_t narrow;

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);
        if (!node->plain)
                return value_complain(reader, key, node, NULL, "is a text, as it has quotes");

        switch (str_parse_u64(node->text, node->len, (uint64_t)key->max, &value)) {
        case 0:
                break;
        case -ERANGE:
                return value_complain(reader, key, node, NULL, "is too large");
        default:
                if (node->text[0] == '-' &&
                    str_parse_u64(node->text + 1, node->len - 1, UINT64_MAX, &value) == 0)
                        return value_complain(reader, key, node, NULL, "is too small");
                surprise = scalar_surprise(node->text);
                return value_complain(reader, key, node, NULL, surprise ?: "is not a whole number");
        }
        if (value < (uint64_t)key->min)
                return value_complain(reader, key, node, NULL, "is too small");
        narrow = (uint32_t)value;
        if (key->size > 0) /* version has no field */
                memcpy(field_of(key, object), &narrow, sizeof(narrow));
        return 0;
}

static int read_duration(struct reader *reader, const struct key *key, const struct node *node,
                         void *object) {
        int64_t min = reader->demo && key->demo_min > 0 ? key->demo_min : key->min;
        int64_t *field = field_of(key, object), seconds = 0;
        const char *surprise;
        int e;

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);

        e = duration_parse(node->text, node->len, &seconds);
        if (e == DURATION_E_SHAPE && node->plain) {
                surprise = scalar_surprise(node->text);
                if (surprise)
                        return value_complain(reader, key, node, NULL, surprise);
        }
        if (e)
                return value_complain(reader, key, node, NULL, duration_problem(e));
        if (seconds < min)
                return value_complain(reader, key, node, NULL,
                                      min == key->demo_min || key->demo_min == 0
                                              ? "is too short"
                                              : "is too short without limits.demo");
        if (seconds > key->max)
                return value_complain(reader, key, node, NULL, "is too long");
        *field = seconds;
        return 0;
}

static bool name_is_valid(const char *text) {
        size_t len = strlen(text);

        if (len == 0 || len > POLICY_NAME_MAX || !ascii_is_alnum(text[0]))
                return false;
        for (size_t i = 1; i < len; i++)
                if (!ascii_is_alnum(text[i]) && !strchr("-_.", text[i]))
                        return false;
        return true;
}

int name_check(struct reader *reader, const struct node *node) {
        const char *problem = NULL;

        if (node->plain)
                problem = scalar_surprise(node->text);
        if (!problem && !name_is_valid(node->text))
                problem = "is not a name";
        if (!problem)
                return 0;
        return reader_complain(
                reader, node,
                "letters, digits, '-', '_' and '.', a letter or digit first, at most "
                "64; in quotes if YAML reads it otherwise",
                NULL, "the name %s", problem);
}

static const char *guid_problem(const char *text) {
        struct guid guid;

        return guid_parse(text, strlen(text), &guid) < 0 ? "is not a GUID" : NULL;
}

static const char *tenant_problem(const char *text) {
        size_t len = strlen(text);

        if (!guid_problem(text))
                return NULL;
        /* Entra's "common" and "organizations" have no dot, and hand out no tokens to daemons. */
        if (len > TENANT_MAX || !strchr(text, '.') || strstr(text, "..") || text[0] == '.' ||
            text[len - 1] == '.')
                return "is neither a GUID nor a domain";
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(text[i]) && text[i] != '.' && text[i] != '-')
                        return "is neither a GUID nor a domain";
        return NULL;
}

static const char *credential_problem(const char *text) {
        bool ok = strlen(text) <= CREDENTIAL_MAX && ascii_is_alnum(text[0]);

        for (size_t i = 0; ok && text[i]; i++)
                ok = ascii_is_alnum(text[i]) || strchr("-_.", text[i]);
        return ok ? NULL : "is not the name of a credential";
}

static const char *file_problem(const char *text) {
        if (text[0] != '/')
                return "is not an absolute path";
        return strlen(text) > FILE_PATH_MAX ? "is too long" : NULL;
}

/* Any resource's, as ARM writes it; RESOURCE_MAX is chosen. */
static const char *resource_problem(const char *text) {
        static const char prefix[] = "/subscriptions/";
        size_t len = strlen(text);

        if (!str_starts_with_nocase(text, prefix) || text[len - 1] == '/' || strstr(text, "//"))
                return "is not a resource id";
        if (len > RESOURCE_MAX)
                return "is too long";
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(text[i]) && !strchr("/-_.()", text[i]))
                        return "is not a resource id";
        return NULL;
}

static const char *glob_problem(const char *text) {
        char probe[RESOURCE_GROUP_SIZE];
        size_t len = strlen(text);

        if (len >= sizeof(probe))
                return "is too long for a resource group";
        for (size_t i = 0; i <= len; i++)
                probe[i] = text[i] == '*' ? 'x' : text[i];
        return resource_group_is_valid(probe) ? NULL : "cannot match a resource group's name";
}

/* What is wrong with a text of the type, or NULL. */
static const char *text_problem(enum key_type type, const char *text) {
        if (type == KEY_NAME)
                return name_is_valid(text) ? NULL : "is not a name";
        if (type == KEY_GROUP)
                return resource_group_is_valid(text) ? NULL : "is not a resource group's name";
        if (type == KEY_GROUP_GLOB)
                return glob_problem(text);
        if (type == KEY_GUID)
                return guid_problem(text);
        if (type == KEY_TENANT)
                return tenant_problem(text);
        if (type == KEY_CREDENTIAL)
                return credential_problem(text);
        if (type == KEY_FILE)
                return file_problem(text);
        if (type == KEY_RESOURCE)
                return resource_problem(text);
        return NULL;
}

static int read_text(struct reader *reader, const struct key *key, const struct node *node,
                     void *object) {
        char **field = field_of(key, object);
        const char *problem;
        bool is_text;
        int r;

        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;
        problem = text_problem(key->type, node->text);
        if (problem)
                return value_complain(reader, key, node, NULL, problem);

        r = store_text(key, node->text, object);
        if (r == 0 && key->type == KEY_GUID)
                str_lower(*field);
        return r;
}

int value_is_list(struct reader *reader, const struct key *key, const struct node *node,
                  bool *ret_is_list) {
        *ret_is_list = node->kind == NODE_LIST && node->n > 0;
        if (*ret_is_list)
                return 0;
        if (node->kind == NODE_LIST)
                return reader_complain(reader, node, "at least one item, or no such key", NULL,
                                       "the list is empty");
        return reader_complain_kind(reader, key, node);
}

int read_texts(struct reader *reader, const struct key *key, const struct node *node, char ***items,
               size_t *n) {
        struct key one = *key;
        bool is_list;
        int r;

        r = value_is_list(reader, key, node, &is_list);
        if (r < 0 || !is_list)
                return r;
        *items = calloc(node->n, sizeof(char *));
        if (!*items)
                return -ENOMEM;

        /* Each item is a value of the row's type, with the array's element as its field. */
        one.form = FORM_ONE;
        one.offset = 0;
        for (const struct node *item = node->first; item; item = item->next) {
                size_t mark = reader_enter_item(reader, *n);

                if (item->kind != NODE_BROKEN) {
                        r = read_text(reader, &one, item, &(*items)[*n]);
                        if (r < 0)
                                return r;
                }
                (*n)++;
                reader_leave(reader, mark);
        }
        return 0;
}

/* A bare number, or the wrong sign before one, is most likely meant as the bound. */
static int complain_bound(struct reader *reader, const struct key *key, const struct node *node) {
        const char *digits = node->text + strspn(node->text, "=> ");
        char meant[16] = "";
        uint64_t value;

        if (str_parse_u64(digits, strlen(digits), (uint64_t)key->max, &value) == 0)
                snprintf(meant, sizeof(meant), ">=%u", (unsigned)value);
        return value_complain(reader, key, node, meant[0] ? meant : NULL, "is not a bound");
}

/* "0.5", "0.125", "1": in thousandths, without a float. Returns 0 or -EINVAL, also for more digits. */
static int parse_fraction(const char *text, size_t len, uint32_t *ret_permille) {
        const char *point = memchr(text, '.', len);
        size_t whole = point ? (size_t)(point - text) : len;
        size_t digits = point ? len - whole - 1 : 0;
        uint64_t value = 0, permille = 0;

        if (str_parse_u64(text, whole, 1, &value) < 0 || digits > 3 || (point && digits == 0))
                return -EINVAL;
        for (size_t i = 0; i < 3; i++) {
                char c = i < digits ? point[1 + i] : '0';

                if (!ascii_is_digit(c))
                        return -EINVAL;
                permille = permille * 10 + (uint64_t)(c - '0');
        }
        *ret_permille = (uint32_t)(value * 1000 + permille);
        return 0;
}

static int read_fraction(struct reader *reader, const struct key *key, const struct node *node,
                         void *object) {
        uint32_t permille;

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);
        if (!node->plain)
                return value_complain(reader, key, node, NULL, "is a text, as it has quotes");
        if (parse_fraction(node->text, node->len, &permille) < 0)
                return value_complain(reader, key, node, NULL, "is no such number");
        if (permille == 0)
                return value_complain(reader, key, node, NULL, "is too small");
        if (permille > 1000)
                return value_complain(reader, key, node, NULL, "is too large");

        memcpy(field_of(key, object), &permille, sizeof(permille));
        return 0;
}

static int read_bound(struct reader *reader, const struct key *key, const struct node *node,
                      void *object) {
        uint32_t *field = field_of(key, object);
        uint64_t value;

        if (node->kind != NODE_SCALAR || (node->plain && node->len == 0))
                return reader_complain_kind(reader, key, node);
        if (!str_starts_with(node->text, ">="))
                return complain_bound(reader, key, node);

        switch (str_parse_u64(node->text + 2, node->len - 2, (uint64_t)key->max, &value)) {
        case 0:
                break;
        case -ERANGE:
                return value_complain(reader, key, node, NULL, "is too large");
        default:
                return complain_bound(reader, key, node);
        }
        if (value < (uint64_t)key->min)
                return value_complain(reader, key, node, NULL, "is too small");
        *field = (uint32_t)value;
        return 0;
}

static int read_url(struct reader *reader, const struct key *key, const struct node *node,
                    void *object) {
        char **field = field_of(key, object);
        bool is_text;
        int r, e;

        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;
        e = url_check_base(node->text, key->type == KEY_URL_IMDS);
        if (e)
                return value_complain(reader, key, node, NULL, url_problem(e));

        r = store_text(key, node->text, object);
        if (r == 0)
                (*field)[url_base_len(*field)] = '\0';
        return r;
}

static int read_policy_name(struct reader *reader, const struct key *key, const struct node *node,
                            void *object) {
        struct near_miss near;
        bool is_text;
        int r;

        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;

        near = near_miss_begin(node->text);
        for (size_t i = 0; i < reader->file->n_policies; i++) {
                const char *name = reader->origins[i].name->text;

                if (strcmp(name, node->text) == 0) {
                        *(size_t *)field_of(key, object) = i;
                        return 0;
                }
                /* Beyond the ceiling nobody sees it, and the search costs the most here. */
                if (reader->diagnostics->n < DIAGNOSTICS_MAX)
                        near_miss_offer(&near, name);
        }
        return value_complain(reader, key, node, near.best, "is not a policy of this file");
}

key_read_fn value_reader(enum key_type type) {
        switch (type) {
        case KEY_WORD:
                return read_word_field;
        case KEY_COUNT:
                return read_count;
        case KEY_FRACTION:
                return read_fraction;
        case KEY_SWITCH:
                return read_switch;
        case KEY_DURATION:
                return read_duration;
        case KEY_NAME:
        case KEY_GROUP:
        case KEY_GROUP_GLOB:
        case KEY_GUID:
        case KEY_TENANT:
        case KEY_CREDENTIAL:
        case KEY_FILE:
        case KEY_RESOURCE:
                return read_text;
        case KEY_BOUND:
                return read_bound;
        case KEY_POLICY:
                return read_policy_name;
        case KEY_URL:
        case KEY_URL_IMDS:
                return read_url;
        case KEY_ZONE:
                return read_zone;
        case KEY_CALENDAR:
                return read_calendar;
        case KEY_TAGS:
        case KEY_SELECTOR:
                return read_tags;
        case KEY_MAP: /* walk.h's */
        case KEY_DISK:
        case KEY_REGION:
                return NULL;
        }
        return NULL;
}
