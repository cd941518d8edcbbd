/*
 * url: percent-encoding, and the one question we ask of a URL that came from outside: whose is it?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* Appends @text with all but letters, digits and "-._~" encoded (RFC 3986 section 2.3); with @path
 * also "/()" stay, which are legal in a path and in the names of resource groups. */
void url_append_encoded(struct strbuf *out, const char *text, bool path);
/* The same into memory of 3 * strlen(text) bytes and more; returns the length. Without a NUL. For
 * secrets, which must not lie about in the old memory of a string that grew. */
size_t url_encode(const char *text, char *out);

/* Chosen: as HTTP_HEADER_BYTES_MAX; the longest signed URL that was recorded has 3,228 bytes. */
#define URL_MAX 65536

struct url_origin {
        bool https;
        const char *host; /* borrowed, not NUL ended; an IPv6 literal with its brackets */
        size_t host_len;
        unsigned port;
};

/*
 * Takes scheme, host and port of an absolute http or https URL, and is stricter than the standards
 * where programs are known to differ: no user part, no backslash, no space or control character, no
 * byte above ASCII, no fragment, no percent sign or empty label in the host, no empty port, and a
 * '/' right after the authority, or the end.
 */
bool url_origin_parse(const char *url, struct url_origin *ret_origin);
bool url_origin_equal(const struct url_origin *a, const struct url_origin *b);
