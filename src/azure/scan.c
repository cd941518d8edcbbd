/*
 * A state machine over bytes, so that a body can be judged while it arrives. Strings are most of
 * what Azure sends; their plain runs are skipped in one loop.
 */
#include "azure/scan.h"

#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Chosen: no double overflows with JSON_NUMBER_MAX digits and this exponent. */
#define EXPONENT_MAX 250

/* Bytes that stand for themselves in a string. */
static const bool plain[256] = {
        [0x20 ... 0x21] = true,
        [0x23 ... 0x5b] = true,
        [0x5d ... 0x7f] = true,
};

void scan_init(struct scan *scan, int watch) {
        *scan = (struct scan){.state = SCAN_BOM, .watch = watch, .text.max = JSON_DOCUMENT_MAX};
}

void scan_deinit(struct scan *scan) {
        strbuf_deinit(&scan->text);
        free(scan->names);
        scan->names = NULL;
}

const char *scan_key(const struct scan *scan) {
        return strbuf_str(&scan->text) + scan->name_start;
}

static bool is_space(unsigned char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(unsigned char c) {
        return c >= '0' && c <= '9';
}

/* Bytes of an unescaped key. */
static int name_append(struct scan *scan, const char *bytes, size_t len) {
        if (scan->text.len - scan->name_start + len > JSON_KEY_MAX)
                return JSON_E_SIZE;

        strbuf_append(&scan->text, bytes, len);
        return scan->text.error == -E2BIG ? JSON_E_SIZE : scan->text.error;
}

static int name_append_rune(struct scan *scan, unsigned rune) {
        char bytes[4];
        size_t n = 0;

        if (rune < 0x80)
                bytes[n++] = (char)rune;
        else if (rune < 0x800) {
                bytes[n++] = (char)(0xc0 | rune >> 6);
                bytes[n++] = (char)(0x80 | (rune & 0x3f));
        } else if (rune < 0x10000) {
                bytes[n++] = (char)(0xe0 | rune >> 12);
                bytes[n++] = (char)(0x80 | (rune >> 6 & 0x3f));
                bytes[n++] = (char)(0x80 | (rune & 0x3f));
        } else {
                bytes[n++] = (char)(0xf0 | rune >> 18);
                bytes[n++] = (char)(0x80 | (rune >> 12 & 0x3f));
                bytes[n++] = (char)(0x80 | (rune >> 6 & 0x3f));
                bytes[n++] = (char)(0x80 | (rune & 0x3f));
        }
        return name_append(scan, bytes, n);
}

/*
 * Files the key that has ended. Entries leave in the reverse order of their coming, so a bucket's
 * chain has the keys of the innermost object in front, and looking stops at the first older one.
 */
static int name_end(struct scan *scan) {
        uint32_t first = scan->first[scan->depth - 1], hash = 2166136261U;
        const char *text = scan_key(scan);
        struct scan_name name;
        uint32_t *bucket;
        int r;

        name.start = scan->name_start;
        name.len = (uint32_t)scan->text.len - name.start;
        for (uint32_t i = 0; i < name.len; i++)
                hash = (hash ^ (unsigned char)text[i]) * 16777619U; /* FNV-1a */
        name.hash = hash;
        bucket = &scan->bucket[(hash ^ hash >> 16) % SCAN_BUCKETS];

        for (uint32_t i = *bucket; i > first; i = scan->names[i - 1].next) {
                const struct scan_name *other = &scan->names[i - 1];

                if (other->hash == hash && other->len == name.len &&
                    memcmp(strbuf_str(&scan->text) + other->start, text, name.len) == 0)
                        return JSON_E_DUPLICATE;
        }
        if (scan->n_names - first >= JSON_MEMBERS_MAX)
                return JSON_E_SIZE;

        r = array_grow(&scan->names, scan->n_names, &scan->names_capacity, sizeof(*scan->names),
                       JSON_DEPTH_MAX * JSON_MEMBERS_MAX);
        if (r < 0)
                return r;

        name.next = *bucket;
        scan->names[scan->n_names++] = name;
        *bucket = (uint32_t)scan->n_names;
        return 0;
}

/* Forgets the keys of the object that closes. */
static void names_pop(struct scan *scan, uint32_t first) {
        while (scan->n_names > first) {
                const struct scan_name *name = &scan->names[--scan->n_names];

                scan->bucket[(name->hash ^ name->hash >> 16) % SCAN_BUCKETS] = name->next;
                scan->text.len = name->start;
        }
}

static bool watched(const struct scan *scan) {
        return (int)scan->depth <= scan->watch;
}

/* A value has ended. */
static void value_end(struct scan *scan, enum scan_event *event) {
        scan->state = SCAN_AFTER;
        if (watched(scan))
                *event = SCAN_END;
}

static int bracket_open(struct scan *scan, unsigned char c) {
        if (scan->depth == JSON_DEPTH_MAX)
                return JSON_E_DEPTH;

        scan->bracket[scan->depth] = c;
        scan->first[scan->depth] = (uint32_t)scan->n_names;
        scan->depth++;
        scan->state = c == '{' ? SCAN_KEY_OR_CLOSE : SCAN_VALUE_OR_CLOSE;
        return 0;
}

static int bracket_close(struct scan *scan, unsigned char c, enum scan_event *event) {
        if (scan->depth == 0 || (c != '}' && c != ']') ||
            scan->bracket[scan->depth - 1] != (c == '}' ? '{' : '['))
                return JSON_E_SYNTAX;

        scan->depth--;
        names_pop(scan, scan->first[scan->depth]);
        value_end(scan, event);
        return 0;
}

static void string_begin(struct scan *scan, bool is_name) {
        scan->state = SCAN_STRING;
        scan->in_name = is_name;
        scan->surrogate = 0;
        if (!is_name)
                return;

        scan->name_start = (uint32_t)scan->text.len;
        if (scan->text.data)
                scan->text.data[scan->text.len] = '\0'; /* an older key may lie here */
}

/* The first byte of a value. */
static int value_begin(struct scan *scan, unsigned char c) {
        scan->begun = false;
        scan->number_len = 1;
        scan->exponent = 0;

        switch (c) {
        case '{':
        case '[':
                return bracket_open(scan, c);
        case '"':
                string_begin(scan, false);
                return 0;
        case 't':
                scan->literal = "rue";
                scan->state = SCAN_LITERAL;
                return 0;
        case 'f':
                scan->literal = "alse";
                scan->state = SCAN_LITERAL;
                return 0;
        case 'n':
                scan->literal = "ull";
                scan->state = SCAN_LITERAL;
                return 0;
        case '-':
                scan->state = SCAN_MINUS;
                return 0;
        case '0':
                scan->state = SCAN_ZERO;
                return 0;
        default:
                if (!is_digit(c))
                        return JSON_E_SYNTAX;
                scan->state = SCAN_DIGITS;
                return 0;
        }
}

/* The byte order mark, whole or not at all. */
static int step_mark(struct scan *scan, unsigned char c, bool *take) {
        if (c == (unsigned char)"\xef\xbb\xbf"[scan->mark]) {
                if (++scan->mark == 3)
                        scan->state = SCAN_VALUE;
                return 0;
        }
        if (scan->mark > 0)
                return JSON_E_SYNTAX;
        scan->state = SCAN_VALUE;
        *take = false;
        return 0;
}

/* The event comes before the byte is taken, so that what is taken between begin and end is the
 * value and nothing else. */
static int step_value(struct scan *scan, unsigned char c, bool *take, enum scan_event *event) {
        if (watched(scan) && !scan->begun) {
                scan->begun = true;
                *event = SCAN_BEGIN;
                *take = false;
                return 0;
        }
        return value_begin(scan, c);
}

static int step_after(struct scan *scan, unsigned char c, enum scan_event *event) {
        if (c != ',' || scan->depth == 0)
                return bracket_close(scan, c, event);
        scan->state = scan->bracket[scan->depth - 1] == '{' ? SCAN_NAME : SCAN_VALUE;
        return 0;
}

static int string_end(struct scan *scan, enum scan_event *event) {
        int r;

        if (!scan->in_name) {
                value_end(scan, event);
                return 0;
        }

        r = name_end(scan);
        if (r != 0)
                return r;
        scan->state = SCAN_COLON;
        if (watched(scan))
                *event = SCAN_KEY;
        return 0;
}

/* The first byte of a character of more than one, and what may follow (RFC 3629 section 4). */
static int utf8_begin(struct scan *scan, unsigned char c) {
        if (c < 0xc2 || c > 0xf4)
                return JSON_E_UTF8;

        scan->utf8_more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        scan->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        scan->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        scan->state = SCAN_UTF8;
        return 0;
}

static int step_escape(struct scan *scan, unsigned char c) {
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        const char *at;

        if (c == 'u') {
                scan->hex_len = 0;
                scan->hex = 0;
                scan->state = SCAN_HEX;
                return 0;
        }
        if (scan->surrogate)
                return JSON_E_UTF8;

        at = c ? strchr(names, c) : NULL;
        if (!at)
                return JSON_E_SYNTAX;
        scan->state = SCAN_STRING;
        return scan->in_name ? name_append(scan, &values[at - names], 1) : 0;
}

static int step_hex(struct scan *scan, unsigned char c) {
        unsigned digit, rune;

        if (is_digit(c))
                digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                digit = (c | 0x20) - 'a' + 10;
        else
                return JSON_E_SYNTAX;

        scan->hex = scan->hex << 4 | digit;
        if (++scan->hex_len < 4)
                return 0;

        rune = scan->hex;
        scan->state = SCAN_STRING;
        if (rune == 0)
                return JSON_E_NUL;
        if (rune >= 0xdc00 && rune <= 0xdfff) {
                if (!scan->surrogate)
                        return JSON_E_UTF8;
                rune = 0x10000 + ((scan->surrogate - 0xd800) << 10) + (rune - 0xdc00);
                scan->surrogate = 0;
        } else if (scan->surrogate)
                return JSON_E_UTF8;
        else if (rune >= 0xd800 && rune <= 0xdbff) {
                scan->surrogate = rune;
                return 0;
        }
        return scan->in_name ? name_append_rune(scan, rune) : 0;
}

static int step_utf8(struct scan *scan, unsigned char c) {
        if (c < scan->utf8_low || c > scan->utf8_high)
                return JSON_E_UTF8;

        scan->utf8_low = 0x80;
        scan->utf8_high = 0xbf;
        if (--scan->utf8_more == 0)
                scan->state = SCAN_STRING;
        return scan->in_name ? name_append(scan, (const char *)&c, 1) : 0;
}

/* A byte of a string that is not plain. */
static int step_string(struct scan *scan, unsigned char c, enum scan_event *event) {
        int r;

        if (scan->surrogate && c != '\\')
                return JSON_E_UTF8;
        if (c == '"')
                return string_end(scan, event);
        if (c == '\\') {
                scan->state = SCAN_ESCAPE;
                return 0;
        }
        if (c < 0x20)
                return JSON_E_SYNTAX;

        r = utf8_begin(scan, c);
        if (r == 0 && scan->in_name)
                r = name_append(scan, (const char *)&c, 1);
        return r;
}

/* The place of the first byte at or after @i that does not stand for itself. */
static size_t skip_plain(const char *bytes, size_t len, size_t i) {
        const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

        /* Eight at a time: a byte less than n has its high bit set in word - n * ones, and so may a
         * byte behind it, which the loop below looks at again. */
        for (; i + 8 <= len; i += 8) {
                uint64_t word, quotes, escapes;

                memcpy(&word, bytes + i, sizeof(word));
                quotes = word ^ ones * '"';
                escapes = word ^ ones * '\\';
                if ((word | (word - ones * 0x20) | (quotes - ones) | (escapes - ones)) & highs)
                        break;
        }
        while (i < len && plain[(unsigned char)bytes[i]])
                i++;
        return i;
}

/* Skips what stands for itself, then takes one byte that does not. */
static int run_string(struct scan *scan, const char *bytes, size_t len, size_t *pos,
                      enum scan_event *event) {
        size_t i = *pos;
        int r = 0;

        if (!scan->surrogate)
                i = skip_plain(bytes, len, i);
        if (scan->in_name && i > *pos)
                r = name_append(scan, bytes + *pos, i - *pos);
        *pos = i;
        if (r != 0 || i == len)
                return r;
        if (bytes[i] == '\0')
                return JSON_E_NUL;

        r = step_string(scan, (unsigned char)bytes[i], event);
        if (r == 0)
                (*pos)++;
        return r;
}

static int step_literal(struct scan *scan, unsigned char c, enum scan_event *event) {
        if (c != (unsigned char)*scan->literal)
                return JSON_E_SYNTAX;
        if (*++scan->literal == '\0')
                value_end(scan, event);
        return 0;
}

static bool number_is_whole(enum scan_state state) {
        return state == SCAN_ZERO || state == SCAN_DIGITS || state == SCAN_FRACTION ||
               state == SCAN_E_DIGITS;
}

/* The state after @c inside a number, or SCAN_AFTER when @c is none of its bytes. */
static enum scan_state number_next(enum scan_state state, unsigned char c) {
        if (is_digit(c)) {
                if (state == SCAN_MINUS)
                        return c == '0' ? SCAN_ZERO : SCAN_DIGITS;
                if (state == SCAN_ZERO)
                        return SCAN_AFTER;
                if (state == SCAN_DIGITS)
                        return SCAN_DIGITS;
                return state == SCAN_POINT || state == SCAN_FRACTION ? SCAN_FRACTION
                                                                     : SCAN_E_DIGITS;
        }
        if (c == '.')
                return state == SCAN_ZERO || state == SCAN_DIGITS ? SCAN_POINT : SCAN_AFTER;
        if (c == 'e' || c == 'E')
                return number_is_whole(state) && state != SCAN_E_DIGITS ? SCAN_E : SCAN_AFTER;
        if (c == '+' || c == '-')
                return state == SCAN_E ? SCAN_E_SIGN : SCAN_AFTER;
        return SCAN_AFTER;
}

static int step_number(struct scan *scan, unsigned char c, bool *take, enum scan_event *event) {
        enum scan_state next = number_next(scan->state, c);

        if (next == SCAN_AFTER) {
                if (!number_is_whole(scan->state))
                        return JSON_E_SYNTAX;
                value_end(scan, event);
                *take = false;
                return 0;
        }

        if (++scan->number_len > JSON_NUMBER_MAX)
                return JSON_E_SIZE;
        if (next == SCAN_E_DIGITS) {
                scan->exponent = scan->exponent * 10 + (c - '0');
                if (scan->exponent > EXPONENT_MAX)
                        return JSON_E_SIZE;
        }
        scan->state = next;
        return 0;
}

/* One byte outside of a string's plain run. *take is cleared when it must be seen again. */
static int step(struct scan *scan, unsigned char c, bool *take, enum scan_event *event) {
        if (c == '\0')
                return JSON_E_NUL;
        if (scan->state <= SCAN_AFTER && is_space(c) && scan->state != SCAN_BOM)
                return 0;

        switch (scan->state) {
        case SCAN_BOM:
                return step_mark(scan, c, take);
        case SCAN_VALUE_OR_CLOSE:
                if (c == ']')
                        return bracket_close(scan, c, event);
                __attribute__((fallthrough));
        case SCAN_VALUE:
                return step_value(scan, c, take, event);
        case SCAN_KEY_OR_CLOSE:
                if (c == '}')
                        return bracket_close(scan, c, event);
                __attribute__((fallthrough));
        case SCAN_NAME:
                if (c != '"')
                        return JSON_E_SYNTAX;
                string_begin(scan, true);
                return 0;
        case SCAN_COLON:
                if (c != ':')
                        return JSON_E_SYNTAX;
                scan->state = SCAN_VALUE;
                return 0;
        case SCAN_AFTER:
                return step_after(scan, c, event);
        case SCAN_ESCAPE:
                return step_escape(scan, c);
        case SCAN_HEX:
                return step_hex(scan, c);
        case SCAN_UTF8:
                return step_utf8(scan, c);
        case SCAN_LITERAL:
                return step_literal(scan, c, event);
        case SCAN_MINUS:
        case SCAN_ZERO:
        case SCAN_DIGITS:
        case SCAN_POINT:
        case SCAN_FRACTION:
        case SCAN_E:
        case SCAN_E_SIGN:
        case SCAN_E_DIGITS:
                return step_number(scan, c, take, event);
        case SCAN_STRING:
                break;
        }
        assert(!"strings are run, not stepped");
        return JSON_E_SYNTAX;
}

int scan_run(struct scan *scan, const char *bytes, size_t len, size_t *pos,
             enum scan_event *ret_event) {
        enum scan_event event = SCAN_MORE;
        int r;

        while (*pos < len && event == SCAN_MORE) {
                bool take = true;

                if (scan->state == SCAN_STRING) {
                        r = run_string(scan, bytes, len, pos, &event);
                        if (r != 0)
                                return r;
                        continue;
                }

                r = step(scan, (unsigned char)bytes[*pos], &take, &event);
                if (r != 0)
                        return r;
                *pos += take;
        }
        *ret_event = event;
        return 0;
}

void scan_pass(struct scan *scan) {
        assert(scan->begun);
        scan->begun = false;
        scan->state = SCAN_AFTER;
}

int scan_finish(struct scan *scan) {
        enum scan_event event;

        if (scan->depth == 0 && number_is_whole(scan->state))
                value_end(scan, &event);
        return scan->state == SCAN_AFTER && scan->depth == 0 ? 0 : JSON_E_SYNTAX;
}
