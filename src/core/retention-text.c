/*
 * Rules and verdicts as text, and a rule from text.
 */
#include "base/duration.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/retention.h"

#include <inttypes.h>
#include <string.h>

static void separate(struct strbuf *out, bool *first, const char *separator) {
        if (!*first)
                strbuf_append_str(out, separator);
        *first = false;
}

void verdict_append(const struct verdict *verdict, const struct keep *keep, struct strbuf *out) {
        static const struct {
                unsigned bit;
                const char *text;
        } reasons[] = {
                {VERDICT_MIN_KEEP, "min_keep"},
                {VERDICT_MIN_AGE, "too young"},
                {VERDICT_HELD, "held"},
                {VERDICT_NOT_COMPLETE, "not complete"},
                {VERDICT_NO_RULE, "no keep rule"},
                {VERDICT_FUTURE, "dated in the future"},
        };
        bool first = true;

        if (verdict->kept_by == 0) {
                strbuf_append_str(out, "superseded");
                return;
        }

        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++) {
                if (!(verdict->kept_by & VERDICT_RULE(rule)))
                        continue;

                separate(out, &first, ", ");
                strbuf_appendf(out, "%s %" PRIu32, keep_rule_name(rule), verdict->place[rule]);
                if (keep)
                        strbuf_appendf(out, "/%" PRIu32, keep->count[rule]);
        }
        if (verdict->kept_by & VERDICT_WITHIN) {
                separate(out, &first, ", ");
                strbuf_append_str(out, "within");
                if (keep) {
                        strbuf_append_char(out, ' ');
                        duration_append(keep->within_s, out);
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
                if (verdict->kept_by & reasons[i].bit) {
                        separate(out, &first, ", ");
                        strbuf_append_str(out, reasons[i].text);
                }
}

void keep_append(const struct keep *keep, const char *zone_name, struct strbuf *out) {
        bool first = true;

        if (!keep || keep_is_empty(keep)) {
                strbuf_append_str(out, "none");
                keep = NULL;
        }
        for (enum keep_rule rule = 0; keep && rule < _KEEP_RULE_N; rule++)
                if (keep->count[rule] > 0) {
                        separate(out, &first, ",");
                        strbuf_appendf(out, "%s=%" PRIu32, keep_rule_name(rule), keep->count[rule]);
                }
        if (keep && keep->within_s > 0) {
                separate(out, &first, ",");
                strbuf_appendf(out, "within=%" PRId64 "s", keep->within_s);
        }

        /* Without a rule there is nothing to pick, but the zone stays, so that the form is one. */
        strbuf_appendf(out, ";pick=%s;zone=%s", keep && keep->pick == PICK_LAST ? "last" : "first",
                       zone_name ? zone_name : "UTC");
}

const char *keep_problem(int e) {
        switch (e) {
        case KEEP_E_EMPTY:
                return "there is no rule, such as daily=30";
        case KEEP_E_RULE:
                return "a rule is one of last, hourly, daily, weekly, monthly, yearly, within";
        case KEEP_E_TWICE:
                return "this rule is there already";
        case KEEP_E_VALUE:
                return "a rule has '=' and a value after its name";
        case KEEP_E_COUNT:
                return "a count is a whole number from 1 to 100000";
        default:
                return "a duration is such as 36h, 2d or 1d12h, of 1s to 36500d";
        }
}

/* One rule of the text, without its comma. *reterr_at is relative to it. */
static int parse_rule(const char *text, size_t len, struct keep *keep, size_t *reterr_at) {
        const char *equals = len > 0 ? memchr(text, '=', len) : NULL, *value;
        size_t name_len = equals ? (size_t)(equals - text) : len, value_len;
        enum keep_rule rule = 0;
        bool within;
        uint64_t count;

        *reterr_at = 0;
        while (rule < _KEEP_RULE_N && (strlen(keep_rule_name(rule)) != name_len ||
                                       memcmp(keep_rule_name(rule), text, name_len) != 0))
                rule++;
        within = rule == _KEEP_RULE_N && name_len == 6 && memcmp(text, "within", 6) == 0;
        if (rule == _KEEP_RULE_N && !within)
                return KEEP_E_RULE;

        if (within ? keep->within_s > 0 : keep->count[rule] > 0)
                return KEEP_E_TWICE;

        *reterr_at = name_len;
        if (!equals)
                return KEEP_E_VALUE;

        value = equals + 1;
        value_len = len - name_len - 1;
        *reterr_at = name_len + 1;
        if (value_len == 0)
                return KEEP_E_VALUE;

        if (within)
                return duration_parse(value, value_len, &keep->within_s) != 0 || keep->within_s == 0
                               ? KEEP_E_DURATION
                               : 0;

        if (str_parse_u64(value, value_len, KEEP_COUNT_MAX, &count) < 0 || count == 0)
                return KEEP_E_COUNT;

        keep->count[rule] = (uint32_t)count;
        return 0;
}

int keep_parse(const char *text, size_t len, struct keep *ret_keep, size_t *reterr_at) {
        struct keep keep = {.pick = PICK_FIRST};
        size_t begin = 0, at;
        int r;

        if (len == 0) {
                *reterr_at = 0;
                return KEEP_E_EMPTY;
        }

        for (;;) {
                const char *comma = begin < len ? memchr(text + begin, ',', len - begin) : NULL;
                size_t end = comma ? (size_t)(comma - text) : len;

                r = parse_rule(text + begin, end - begin, &keep, &at);
                if (r != 0) {
                        *reterr_at = begin + at;
                        return r;
                }
                if (!comma)
                        break;

                begin = end + 1;
        }

        *ret_keep = keep;
        return 0;
}

/* Takes @word from the text's front. */
static bool take(const char **text, size_t *len, const char *word) {
        size_t n = strlen(word);

        if (*len < n || memcmp(*text, word, n) != 0)
                return false;
        *text += n;
        *len -= n;
        return true;
}

/* Takes a whole number from 1 to @max, written as a number is written. */
static bool take_number(const char **text, size_t *len, uint64_t max, uint64_t *ret_value) {
        size_t n = 0;

        while (n < *len && ascii_is_digit((*text)[n]))
                n++;
        if (str_parse_u64(*text, n, max, ret_value) < 0 || *ret_value == 0)
                return false;
        *text += n;
        *len -= n;
        return true;
}

/* Takes "name=" after what separates it from the rule before. */
static bool take_name(const char **text, size_t *len, const char *separator, const char *name) {
        const char *at = *text;
        size_t left = *len;

        if (!take(&at, &left, separator) || !take(&at, &left, name) || !take(&at, &left, "="))
                return false;
        *text = at;
        *len = left;
        return true;
}

/* Takes the rules in their one order, with commas between. What follows is left to the caller. */
static int take_rules(const char **text, size_t *len, struct keep *keep) {
        const char *separator = "";
        uint64_t value;

        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++) {
                if (!take_name(text, len, separator, keep_rule_name(rule)))
                        continue;
                if (!take_number(text, len, KEEP_COUNT_MAX, &value))
                        return KEEP_E_COUNT;
                keep->count[rule] = (uint32_t)value;
                separator = ",";
        }
        if (take_name(text, len, separator, "within")) {
                if (!take_number(text, len, DURATION_MAX_S, &value) || !take(text, len, "s"))
                        return KEEP_E_DURATION;
                keep->within_s = (int64_t)value;
        }
        return 0;
}

/* The characters of the names in the zone database, and at least one. */
static bool is_zone_name(const char *text, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(text[i]) && !memchr("/_+-", text[i], 4))
                        return false;
        return len > 0;
}

int keep_tag_parse(const char *text, size_t len, bool *ret_has_keep, struct keep *ret_keep,
                   const char **ret_zone, size_t *ret_zone_len) {
        struct keep keep = {.pick = PICK_FIRST};
        bool none = take(&text, &len, "none");
        int r;

        if (!none) {
                r = take_rules(&text, &len, &keep);
                if (r != 0)
                        return r;
                if (keep_is_empty(&keep))
                        return KEEP_E_EMPTY;
        }

        if (!take(&text, &len, ";pick="))
                return KEEP_E_RULE;
        if (!none && take(&text, &len, "last"))
                keep.pick = PICK_LAST;
        else if (!take(&text, &len, "first"))
                return KEEP_E_VALUE;
        if (!take(&text, &len, ";zone=") || !is_zone_name(text, len))
                return KEEP_E_VALUE;

        *ret_has_keep = !none;
        *ret_keep = keep;
        *ret_zone = text;
        *ret_zone_len = len;
        return 0;
}
