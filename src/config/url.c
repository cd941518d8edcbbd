#include "config/url.h"

#include "base/str.h"

#include <stdint.h>
#include <string.h>

/* "Azure Instance Metadata Service", Microsoft Learn: the one address of IMDS. */
#define IMDS_HOST "169.254.169.254"

struct authority {
        const char *host;
        size_t host_len;
        const char *port; /* NULL without one */
        size_t port_len;
};

static bool span_equals(const char *text, size_t len, const char *word) {
        return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* "127.0.0.1" to "127.255.255.255" in the four-part form alone: "127.1" and octal parts are read
 * differently by different libraries. */
static bool is_loopback_v4(const char *host, size_t len) {
        size_t at = 0;

        for (unsigned part = 0; part < 4; part++) {
                size_t digits = at;
                uint64_t value;

                while (at < len && ascii_is_digit(host[at]))
                        at++;
                if (str_parse_u64(host + digits, at - digits, 255, &value) != 0)
                        return false;
                if (part == 0 && value != 127)
                        return false;
                if (part < 3 && (at == len || host[at++] != '.'))
                        return false;
        }
        return at == len;
}

/* The name localhost counts, as libcurl since 7.78 resolves it to loopback without asking anybody
 * (RFC 6761 section 6.3). */
static bool is_loopback(const struct authority *a) {
        return span_equals(a->host, a->host_len, "localhost") ||
               span_equals(a->host, a->host_len, "[::1]") || is_loopback_v4(a->host, a->host_len);
}

static bool host_is_valid(const char *host, size_t len) {
        if (len == 0 || len > 253)
                return false;
        if (host[0] == '[') {
                if (len < 4 || host[len - 1] != ']')
                        return false;
                for (size_t i = 1; i < len - 1; i++)
                        if (!host[i] || !strchr("0123456789abcdefABCDEF:.", host[i]))
                                return false;
                return true;
        }
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(host[i]) && host[i] != '-' && host[i] != '.')
                        return false;
        return ascii_is_alnum(host[0]) && ascii_is_alnum(host[len - 1]);
}

static int parse_authority(const char *text, size_t len, struct authority *ret_authority) {
        struct authority a = {.host = text, .host_len = len};
        const char *colon, *after = text;
        uint64_t port;

        if (memchr(text, '@', len))
                return URL_E_USER;
        if (len > 0 && text[0] == '[') {
                after = memchr(text, ']', len);
                if (!after)
                        return URL_E_HOST;
        }
        colon = memchr(after, ':', len - (size_t)(after - text));
        if (colon) {
                a.host_len = (size_t)(colon - text);
                a.port = colon + 1;
                a.port_len = len - a.host_len - 1;
                if (str_parse_u64(a.port, a.port_len, 65535, &port) != 0 || port == 0)
                        return URL_E_PORT;
        }
        if (!host_is_valid(a.host, a.host_len))
                return URL_E_HOST;
        *ret_authority = a;
        return 0;
}

int url_check_base(const char *url, bool imds) {
        struct authority authority;
        bool plain = str_starts_with(url, "http://");
        const char *text, *rest;
        int e;

        if (!plain && !str_starts_with(url, "https://"))
                return URL_E_SCHEME;
        text = strchr(url, ':') + 3;
        if (strchr(text, '@'))
                return URL_E_USER;
        rest = text + strcspn(text, "/?#");
        e = parse_authority(text, (size_t)(rest - text), &authority);
        if (e)
                return e;
        if (rest[0] && strcmp(rest, "/") != 0)
                return URL_E_PATH;
        if (plain && !is_loopback(&authority) &&
            !(imds && span_equals(authority.host, authority.host_len, IMDS_HOST)))
                return URL_E_PLAIN;
        return 0;
}

size_t url_base_len(const char *url) {
        size_t len = strlen(url);

        return len > 0 && url[len - 1] == '/' ? len - 1 : len;
}

const char *url_problem(int e) {
        switch (e) {
        case URL_E_SCHEME:
                return "does not begin with https:// (or http://)";
        case URL_E_USER:
                return "has a user name, which does not belong there";
        case URL_E_HOST:
                return "has no valid host";
        case URL_E_PORT:
                return "has a port that is not 1 to 65535";
        case URL_E_PATH:
                return "has something behind host and port";
        case URL_E_PLAIN:
                return "is plain http to a host that is not this machine";
        default:
                return "is not a URL";
        }
}
