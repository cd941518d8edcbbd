/*
 * text: what may be in a policy file before anybody asks whether it is YAML.
 *
 * UTF-8 without a byte order mark, of printable characters, tabs and line ends (LF or CRLF). YAML
 * would allow more: NEL and the line separators, which editors do not show as new lines, so that
 * our line numbers would be wrong; and the marks for writing from right to left, which make a line
 * read differently from what it says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diagnostics;

/* Decodes one character of @len > 0 bytes. Returns its length, or 0 when it is not UTF-8. */
size_t utf8_decode(const char *text, size_t len, uint32_t *ret_character);
/* Whether the character may stand in a value: printable, and not one of the marks above. */
bool character_is_plain(uint32_t character);
/* Whether all of a value may; false too when it is not UTF-8 or has a line end. */
bool text_is_plain(const char *text, size_t len);
/* The length of valid UTF-8 as Azure counts it, in UTF-16 units (the service runs on .NET). */
size_t text_utf16_len(const char *text, size_t len);

/* Checks a whole file. Returns whether it is text; otherwise the diagnostics say why not. */
bool text_check(const char *bytes, size_t len, struct diagnostics *diagnostics);
