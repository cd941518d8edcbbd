#include "azure/url.h"

#include "base/str.h"
#include "base/strbuf.h"

#include <string.h>

static const char hex[] = "0123456789ABCDEF";

static bool is_unreserved(char c) {
        return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void url_append_encoded(struct strbuf *out, const char *text, bool path) {
        while (*text) {
                unsigned char c;
                size_t n = 0;

                while (is_unreserved(text[n]) || (path && text[n] && strchr("/()", text[n])))
                        n++;
                strbuf_append(out, text, n);
                text += n;
                if (*text == '\0')
                        break;
                c = (unsigned char)*text++;
                strbuf_append_char(out, '%');
                strbuf_append_char(out, hex[c >> 4]);
                strbuf_append_char(out, hex[c & 15]);
        }
}

size_t url_encode(const char *text, char *out) {
        size_t n = 0;

        for (; *text; text++) {
                unsigned char c = (unsigned char)*text;

                if (is_unreserved(*text)) {
                        out[n++] = *text;
                        continue;
                }
                out[n++] = '%';
                out[n++] = hex[c >> 4];
                out[n++] = hex[c & 15];
        }
        return n;
}

/* Letters, digits and '-' in labels parted by dots; '_' too, which names in the wild have. */
static bool name_is_valid(const char *host, size_t len) {
        char before = '.';

        if (len == 0 || len > 253)
                return false;
        for (size_t i = 0; i < len; i++) {
                if (!ascii_is_alnum(host[i]) && host[i] != '-' && host[i] != '_' && host[i] != '.')
                        return false;
                if (host[i] == '.' && before == '.')
                        return false;
                before = host[i];
        }
        return before != '.';
}

static bool literal_is_valid(const char *host, size_t len) {
        if (len < 4 || len > 47)
                return false;
        for (size_t i = 1; i < len - 1; i++) {
                char c = ascii_lower(host[i]);

                if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
                        return false;
        }
        return true;
}

/* What stands between "//" and the path: host and perhaps ":port". */
static bool authority_parse(const char *text, size_t len, struct url_origin *origin) {
        const char *end = text + len, *close;
        uint64_t port;

        origin->host = text;
        if (len > 0 && text[0] == '[') {
                close = memchr(text, ']', len);
                if (!close)
                        return false;
                origin->host_len = (size_t)(close + 1 - text);
                if (!literal_is_valid(text, origin->host_len))
                        return false;
        } else {
                const char *colon = memchr(text, ':', len);

                origin->host_len = (size_t)((colon ? colon : end) - text);
                if (!name_is_valid(text, origin->host_len))
                        return false;
        }

        text += origin->host_len;
        if (text == end)
                return true;
        if (*text != ':' || str_parse_u64(text + 1, (size_t)(end - text - 1), 65535, &port) < 0 ||
            port == 0)
                return false;
        origin->port = (unsigned)port;
        return true;
}

bool url_origin_parse(const char *url, struct url_origin *ret_origin) {
        struct url_origin origin = {};
        size_t len = strlen(url), n;

        if (len > URL_MAX)
                return false;
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f ||
                    url[i] == '\\' || url[i] == '#')
                        return false;

        if (str_starts_with_nocase(url, "https://")) {
                origin.https = true;
                origin.port = 443;
                url += strlen("https://");
        } else if (str_starts_with_nocase(url, "http://")) {
                origin.port = 80;
                url += strlen("http://");
        } else
                return false;

        n = strcspn(url, "/?");
        if (url[n] == '?' || !authority_parse(url, n, &origin))
                return false;
        *ret_origin = origin;
        return true;
}

bool url_origin_equal(const struct url_origin *a, const struct url_origin *b) {
        if (a->https != b->https || a->port != b->port || a->host_len != b->host_len)
                return false;
        for (size_t i = 0; i < a->host_len; i++)
                if (ascii_lower(a->host[i]) != ascii_lower(b->host[i]))
                        return false;
        return true;
}
