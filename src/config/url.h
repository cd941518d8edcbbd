/*
 * url: base URLs of endpoints, "https://management.azure.com".
 *
 * A base URL is scheme, host and perhaps a port: paths are ours to add, and user names, queries and
 * fragments would end up in requests and logs. Plain http carries tokens in the clear, so it goes
 * only where no wire is: to a loopback address and, for the identity service alone, to the
 * link-local 169.254.169.254 (DESIGN section 3).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
        URL_E_SCHEME = 1, /* neither https:// nor http:// */
        URL_E_USER,       /* user name or password */
        URL_E_HOST,       /* empty, or a character that no host has */
        URL_E_PORT,       /* not 1 to 65535 */
        URL_E_PATH,       /* something behind host and port, but for one slash */
        URL_E_PLAIN,      /* http to where it may not go */
};

/* @imds allows http to the identity service. Returns 0 or URL_E_*. */
int url_check_base(const char *url, bool imds);
/* Its length without a slash at the end. */
size_t url_base_len(const char *url);
/* A sentence part such as "has a path" for URL_E_*. */
const char *url_problem(int e);
