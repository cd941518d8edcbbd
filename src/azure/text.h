/*
 * text: what others wrote, made fit for a log, a status and a terminal.
 */
#pragma once

#include <stddef.h>

/*
 * Copies @len bytes of @text into @out of @size bytes, NUL ended, cut between two characters where
 * it does not fit. Control characters, those of Unicode and those that turn the direction of
 * writing included, become spaces; bytes that are not UTF-8 become '?'. A query with values ("?a=b",
 * the signature of a SAS is one) and what follows "sig=" are left out, and so is what looks like a
 * token: "eyJ" and more, or the word after "Bearer".
 */
void text_sanitize(const char *text, size_t len, char *out, size_t size);

/* Copies a code such as "ScopeLocked": letters, digits, '.', '_' and '-'; others become '_'. */
void text_sanitize_code(const char *text, char *out, size_t size);
