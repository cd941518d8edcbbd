#include "config/scalar.h"

#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_among(const char *text, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, words[i]) == 0)
                        return true;
        return false;
}

/* Whether @text is one or more characters of @set. */
static bool is_made_of(const char *text, const char *set) {
        return *text && text[strspn(text, set)] == '\0';
}

/* "2026-01-01", with or without a time behind it. */
static bool is_date(const char *text) {
        for (size_t i = 0; i < 4; i++)
                if (!ascii_is_digit(*text++))
                        return false;
        for (size_t part = 0; part < 2; part++) {
                if (*text++ != '-' || !ascii_is_digit(*text++))
                        return false;
                if (ascii_is_digit(*text))
                        text++;
        }
        return *text == '\0' || *text == 't' || *text == 'T' || *text == ' ' || *text == '\t';
}

static const char *number_surprise(const char *text) {
        const char *digits = text + (*text == '+' || *text == '-');

        if (!ascii_is_digit(*digits) && *digits != '.')
                return NULL;
        if (digits[0] == '0' && digits[1] == 'x' &&
            is_made_of(digits + 2, "0123456789abcdefABCDEF_"))
                return "is a hexadecimal number in YAML";
        if (digits[0] == '0' && digits[1] == 'b' && is_made_of(digits + 2, "01_"))
                return "is a binary number in YAML 1.1";
        if (digits[0] == '0' && digits[1] == 'o' && is_made_of(digits + 2, "01234567"))
                return "is an octal number in YAML 1.2";
        if (digits[0] == '0' && is_made_of(digits + 1, "01234567_"))
                return "is an octal number in YAML 1.1";
        if (strchr(digits, ':') && is_made_of(digits, "0123456789_:."))
                return "is a number to the base of 60 in YAML 1.1";
        /* More than the grammar of floats has, since readers differ on 1e3, 1.2.3 and 08. */
        if (is_made_of(digits, "0123456789_.eE+-") && strcmp(digits, ".") != 0 &&
            !strpbrk(digits, "-+"))
                return strpbrk(digits, "_") ? "is a number with underscores in YAML 1.1"
                                            : "is a number in YAML";
        /* With an exponent's sign; "1-2" is a text. */
        digits += strcspn(digits, "eE");
        if (*digits && (digits[1] == '-' || digits[1] == '+') &&
            is_made_of(digits + 2, "0123456789"))
                return "is a number in YAML";
        return NULL;
}

const char *scalar_surprise(const char *text) {
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
        static const char *const booleans[] = {
                "y",    "Y",    "yes",   "Yes",   "YES",   "n",  "N",  "no", "No",  "NO",  "true",
                "True", "TRUE", "false", "False", "FALSE", "on", "On", "ON", "off", "Off", "OFF",
        };
        static const char *const floats[] = {
                ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN",
        };

        if (is_among(text, nulls, ARRAY_SIZE(nulls)))
                return "is no value (null) in YAML";
        if (is_among(text, booleans, ARRAY_SIZE(booleans)))
                return "is a boolean in YAML 1.1";
        if (is_among(text, floats, ARRAY_SIZE(floats)))
                return "is a number in YAML";
        if (strcmp(text, "=") == 0 || strcmp(text, "<<") == 0)
                return "has a meaning of its own in YAML 1.1";
        if (is_date(text))
                return "is a date in YAML 1.1";
        return number_surprise(text);
}
