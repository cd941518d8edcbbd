/*
 * Words are read as the machine has them: a fingerprint is never stored or sent.
 */
#include "base/fingerprint.h"

#include <string.h>

/* The first digits of pi behind the point, 64 bits each, made odd: no structure of ours. */
#define SECRET_A UINT64_C(0x243f6a8885a308d3)
#define SECRET_B UINT64_C(0x13198a2e03707345)
#define SECRET_C UINT64_C(0xa4093822299f31d1)
#define SECRET_D UINT64_C(0x082efa98ec4e6c89)

static uint64_t fold(uint64_t x, uint64_t y) {
        unsigned __int128 product = (unsigned __int128)x * y;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void mix(struct fingerprint *print, uint64_t first, uint64_t second) {
        print->a = fold(first ^ SECRET_A, second ^ print->a);
        print->b = fold(second ^ SECRET_B, first ^ print->b);
}

struct fingerprint fingerprint_of(const void *bytes, size_t len, uint64_t key) {
        struct fingerprint print = {key ^ SECRET_C, fold(key ^ SECRET_D, len ^ SECRET_C)};
        struct fingerprint other = {print.b ^ SECRET_D, print.a ^ SECRET_B};
        const unsigned char *at = bytes;
        uint64_t words[4];
        size_t left = len;

        /* A multiplication waits for the one before it in its chain: twice as many chains take half as
         * long. */
        for (; left >= sizeof(words); left -= sizeof(words), at += sizeof(words)) {
                memcpy(words, at, sizeof(words));
                mix(&print, words[0], words[1]);
                mix(&other, words[2], words[3]);
        }
        if (left > 0) {
                memset(words, 0, sizeof(words));
                memcpy(words, at, left);
                mix(&print, words[0], words[1]);
                mix(&other, words[2], words[3]);
        }
        mix(&print, other.a, other.b);
        mix(&print, len, key); /* zeroes at the end are not the end */
        return print;
}
