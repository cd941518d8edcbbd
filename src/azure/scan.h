/*
 * scan: checks JSON byte by byte, in whatever pieces it comes, and says where values lie.
 *
 * It is the one judge of what is JSON here (json.h names the rules): json_scan() runs it over a
 * document, page.c over a body that is still arriving. It keeps no text but the keys of the objects
 * that are open, unescaped, since a key twice in one object is an error however it is written.
 *
 * A UTF-8 byte order mark before the text is skipped (RFC 8259 section 8.1 allows that).
 */
#pragma once

#include "azure/json.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_event {
        SCAN_MORE,  /* all bytes are taken */
        SCAN_KEY,   /* a key has ended: scan_key() */
        SCAN_BEGIN, /* the byte at *pos begins a value; it is not taken yet */
        SCAN_END,   /* the value begun last in this depth has ended before *pos */
};

/* Those up to SCAN_AFTER lie between tokens, where space is skipped. */
enum scan_state {
        SCAN_BOM, /* the mark's rest, or the first value */
        SCAN_VALUE,
        SCAN_VALUE_OR_CLOSE, /* after '[' */
        SCAN_KEY_OR_CLOSE,   /* after '{' */
        SCAN_NAME,           /* after ',' in an object */
        SCAN_COLON,
        SCAN_AFTER, /* after a value: ',' or the closing bracket, or the end */
        SCAN_STRING,
        SCAN_ESCAPE,
        SCAN_HEX,
        SCAN_UTF8,
        SCAN_LITERAL,
        SCAN_MINUS,
        SCAN_ZERO,
        SCAN_DIGITS,
        SCAN_POINT,
        SCAN_FRACTION,
        SCAN_E,
        SCAN_E_SIGN,
        SCAN_E_DIGITS,
};

#define SCAN_BUCKETS 256

struct scan_name {
        uint32_t start, len; /* in @text */
        uint32_t hash;
        uint32_t next; /* older entry of the same bucket, counted from 1; 0 is none */
};

struct scan {
        enum scan_state state;
        unsigned depth;                  /* objects and arrays that are open */
        int watch;                       /* events are given with at most so many open; -1: none */
        bool begun;                      /* SCAN_BEGIN was given for the value that follows */
        bool in_name;                    /* the string is a key */
        uint8_t bracket[JSON_DEPTH_MAX]; /* '{' or '[' */
        uint32_t first[JSON_DEPTH_MAX];  /* of an object: keys that were there before it */
        const char *literal;             /* what is still to come of true, false, null */
        unsigned number_len, exponent;
        unsigned mark;                           /* bytes of the byte order mark that were seen */
        unsigned utf8_more, utf8_low, utf8_high; /* continuation bytes, bounds of the next one */
        unsigned hex_len, hex, surrogate; /* \u escape; its first half when it is one of a pair */

        struct strbuf text; /* unescaped keys, those of the innermost object last */
        uint32_t name_start;
        struct scan_name *names;
        size_t n_names, names_capacity;
        uint32_t bucket[SCAN_BUCKETS]; /* newest entry, counted from 1 */
};

/* @watch 0 gives events for the document alone, 1 for the members of the root too, and so on; -1
 * for none. */
void scan_init(struct scan *scan, int watch);
void scan_deinit(struct scan *scan);

/* Goes on at bytes[*pos] up to the next event. Returns 0, JSON_E_*, or -ENOMEM; *pos is then at the
 * byte that is wrong. */
int scan_run(struct scan *scan, const char *bytes, size_t len, size_t *pos,
             enum scan_event *ret_event);
/* After SCAN_BEGIN: the value was passed by its caller, who knows that it is whole and right. No
 * SCAN_END tells of it. */
void scan_pass(struct scan *scan);
/* The end of the text: was it one whole document? Returns 0 or JSON_E_SYNTAX. */
int scan_finish(struct scan *scan);
/* The key that SCAN_KEY told of; valid until the next run. */
const char *scan_key(const struct scan *scan);
