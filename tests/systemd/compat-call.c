/*
 * compat-call: getpid(2) by the 32 bit entry of the kernel, which a filter of 64 bit calls does not see.
 * Status 0 when the kernel answers.
 */
#include <unistd.h>

int main(void) {
        long r = 20; /* getpid, in the numbers of i386 */

        __asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
        return r == getpid() ? 0 : 1;
}
