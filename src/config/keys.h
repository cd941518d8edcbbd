/*
 * keys: the one table of the policy's keys (DESIGN section 3).
 *
 * Reader, defaults, messages, JSON Schema and manual are all made from it, so that they cannot
 * disagree. A row says what a key takes, where the value goes, and whether its feature is there
 * yet: turning a key on or off is one word, SUPPORTED or PLANNED, in keys.c. A key that is PLANNED
 * is refused by name; its default, if it has one, holds all the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct reader;
struct strbuf;

enum key_support {
        PLANNED, /* the shape is settled, the feature is not there: refused by name */
        SUPPORTED,
};

/* What one value is. */
enum key_type {
        KEY_MAP,        /* a mapping of the row's keys, or one of its words in place of it */
        KEY_WORD,       /* one of the row's words */
        KEY_COUNT,      /* a whole number within the row's range; uint32_t */
        KEY_FRACTION,   /* a decimal number above 0, at most 1; uint32_t, in thousandths */
        KEY_SWITCH,     /* true or false; bool */
        KEY_DURATION,   /* base/duration.h, within the row's range in seconds; int64_t */
        KEY_NAME,       /* an owner or a policy; char * as all below */
        KEY_POLICY,     /* the name of a policy of this file; size_t, its index */
        KEY_GROUP,      /* a resource group's name */
        KEY_GROUP_GLOB, /* the same, with '*' for any run of characters */
        KEY_REGION,     /* a region's short name, "northeurope" */
        KEY_GUID,
        KEY_TENANT,     /* a GUID or a domain */
        KEY_CREDENTIAL, /* a systemd credential's name; its value is never quoted */
        KEY_FILE,       /* an absolute path */
        KEY_URL,        /* https://host[:port], plain http only to loopback */
        KEY_URL_IMDS,   /* the same; plain http to the link-local identity service too */
        KEY_ZONE,       /* an installed time zone; fills zone_name and zone of struct policy */
        KEY_CALENDAR,   /* a calendar event of systemd.time(7); struct calendar * */
        KEY_DISK,       /* a managed disk's ARM id */
        KEY_RESOURCE,   /* another resource's ARM id */
        KEY_BOUND,      /* ">=12", the number within the row's range; uint32_t */
        KEY_TAGS,       /* the operator's tags for snapshots; struct policy_tags, added to */
        KEY_SELECTOR,   /* tags to look for on disks; struct policy_tags */
};

/* How values are arranged. */
enum key_form {
        FORM_ONE,
        FORM_LIST,
        FORM_ONE_OR_LIST,
        FORM_NAMED, /* a mapping from names the operator chooses */
};

struct key_word {
        const char *name;
        int value;
        enum key_support support;
        const char *description;
};

struct key;

/* Reads @node, which is NULL for a section that is absent, into @object. Complaints go into the
 * reader's diagnostics. Returns 0 or -ENOMEM. */
typedef int (*key_read_fn)(struct reader *reader, const struct key *key, const struct node *node,
                           void *object);

struct key_list {
        const struct key *items;
        size_t n;
};

struct key {
        const char *name;
        enum key_support support;
        enum key_type type;
        enum key_form form;
        bool required;
        bool section;      /* absent, it is read as if it were empty, so that its defaults hold */
        const char *value; /* the default as one would write it, or NULL */
        int64_t min, max;  /* counts, bounds, and durations in seconds; both 0 for no range */
        int64_t demo_min;  /* in place of @min under limits.demo; 0 for none */
        const struct key_word *words; /* ended by a NULL name; NULL for none */
        struct key_list keys;         /* KEY_MAP */
        struct key_list inherited;    /* KEY_MAP: keys that override those of defaults here */
        key_read_fn read;             /* NULL: by type and form */
        size_t offset, size;          /* of the field in the object of the mapping around it */
        const char *description;      /* one line, without a full stop */
};

/* The file itself: a mapping without a name. */
extern const struct key policy_key;

/* Appends what the key takes, as the end of "expected ...". */
void key_expected(const struct key *key, bool demo, struct strbuf *out);
/* The row of that name among the mapping's keys and inherited keys, or NULL. */
const struct key *key_find(const struct key *map, const char *name);
