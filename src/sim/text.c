#include "sim/text.h"

static const char hex_digits[] = "0123456789abcdef";

void sim_append_number(struct strbuf *out, uint64_t value, size_t digits) {
        char text[20];
        size_t at = sizeof(text);

        do {
                text[--at] = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0 || sizeof(text) - at < digits);
        strbuf_append(out, text + at, sizeof(text) - at);
}

void sim_append_hex(struct strbuf *out, uint64_t value) {
        char text[16];

        for (size_t i = sizeof(text); i > 0; i--) {
                text[i - 1] = hex_digits[value & 15];
                value >>= 4;
        }
        strbuf_append(out, text, sizeof(text));
}

void sim_append_guid(struct strbuf *out, const struct guid *guid) {
        char text[GUID_TEXT_SIZE], *p = text;

        for (size_t i = 0; i < sizeof(guid->bytes); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                *p++ = hex_digits[guid->bytes[i] >> 4];
                *p++ = hex_digits[guid->bytes[i] & 15];
        }
        strbuf_append(out, text, (size_t)(p - text));
}
