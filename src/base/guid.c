#include "base/guid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int guid_parse(const char *text, size_t len, struct guid *ret_guid) {
        struct guid guid;
        size_t n = 0;

        if (len != GUID_TEXT_SIZE - 1)
                return -EINVAL;

        for (size_t i = 0; i < len;) {
                int high, low;

                if (i == 8 || i == 13 || i == 18 || i == 23) {
                        if (text[i++] != '-')
                                return -EINVAL;
                        continue;
                }
                high = hex_value(text[i]);
                low = hex_value(text[i + 1]);
                if (high < 0 || low < 0)
                        return -EINVAL;
                guid.bytes[n++] = (uint8_t)(high << 4 | low);
                i += 2;
        }

        *ret_guid = guid;
        return 0;
}

/* By hand, since listings format one for each snapshot and printf costs ten times as much. */
const char *guid_format(const struct guid *guid, char buffer[static GUID_TEXT_SIZE]) {
        static const char digits[] = "0123456789abcdef";
        char *at = buffer;

        for (size_t i = 0; i < sizeof(guid->bytes); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = digits[guid->bytes[i] >> 4];
                *at++ = digits[guid->bytes[i] & 0xf];
        }
        *at = '\0';
        return buffer;
}

int guid_compare(const struct guid *a, const struct guid *b) {
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int order(const void *a, const void *b) {
        return guid_compare(a, b);
}

void guids_sort(struct guid *guids, size_t n) {
        if (n > 0)
                qsort(guids, n, sizeof(*guids), order);
}

bool guids_have(const struct guid *guids, size_t n, const struct guid *guid) {
        return n > 0 && bsearch(guid, guids, n, sizeof(*guids), order);
}

bool guid_is_nil(const struct guid *guid) {
        static const struct guid nil;

        return guid_compare(guid, &nil) == 0;
}

struct guid guid_from_random(uint64_t high, uint64_t low) {
        struct guid guid;

        for (int i = 0; i < 8; i++) {
                guid.bytes[i] = (uint8_t)(high >> (56 - 8 * i));
                guid.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
        }
        guid.bytes[6] = (uint8_t)((guid.bytes[6] & 0x0f) | 0x40);
        guid.bytes[8] = (uint8_t)((guid.bytes[8] & 0x3f) | 0x80);
        return guid;
}
