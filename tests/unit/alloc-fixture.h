/*
 * Memory that runs out for the functions of one test program: every allocation fails once, alone and
 * with all after it. The linker puts our functions in place of the allocator's for all objects of the
 * program (--wrap).
 *
 * Included by one test program each, which is in `alloc_tests` of the folder's meson.build.
 */
#pragma once

#include "base/macros.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct {
        bool armed;
        bool go_on;       /* after the first failure all fail */
        unsigned fail_at; /* counted from 1; 0 for never */
        unsigned n;       /* allocations tried */
        long alive;       /* allocated and not freed */
} heap;

static bool must_fail(void) {
        if (!heap.armed)
                return false;
        heap.n++;
        return heap.fail_at > 0 &&
               (heap.n == heap.fail_at || (heap.go_on && heap.n > heap.fail_at));
}

static void *count(void *memory) {
        if (heap.armed && memory)
                heap.alive++;
        return memory;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
        return must_fail() ? NULL : count(__real_malloc(size));
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        return must_fail() ? NULL : count(__real_calloc(n, size));
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size) {
        if (must_fail())
                return NULL;
        return memory ? __real_realloc(memory, size) : count(__real_realloc(NULL, size));
}

void *__real_reallocarray(void *memory, size_t n, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size) {
        if (must_fail())
                return NULL;
        return memory ? __real_reallocarray(memory, n, size)
                      : count(__real_reallocarray(NULL, n, size));
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text) {
        return must_fail() ? NULL : count(__real_strdup(text));
}

char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len) {
        return must_fail() ? NULL : count(__real_strndup(text, len));
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory) {
        if (heap.armed && memory)
                heap.alive--;
        __real_free(memory);
}

/* What a failed one leaves in *ret_text is undefined: nobody may free it. */
static _printf_(2, 0) int print(char **ret_text, const char *format, va_list ap) {
        int r;

        if (must_fail()) {
                *ret_text = (char *)(uintptr_t)16;
                return -1;
        }
        r = vasprintf(ret_text, format, ap);
        (void)count(r < 0 ? NULL : *ret_text);
        return r;
}

_printf_(2, 3) int __wrap_asprintf(char **ret_text, const char *format, ...);
int __wrap_asprintf(char **ret_text, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = print(ret_text, format, ap);
        va_end(ap);
        return r;
}

/* The same where the compiler fortifies. */
_printf_(3, 4) int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = print(ret_text, format, ap);
        va_end(ap);
        return r;
}

/* Of a hash. Freed by libcrypto, and not counted here. */
EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void) {
        return must_fail() ? NULL : __real_EVP_MD_CTX_new();
}

/* Runs @fn, which returns 0 or -ENOMEM and keeps nothing, with each of its allocations failing. */
static inline void sweep(int (*fn)(void), unsigned least) {
        unsigned all;

        heap = (typeof(heap)){.armed = true};
        assert_int_equal(fn(), 0);
        assert_int_equal(heap.alive, 0);
        all = heap.n;
        assert_true(all >= least);
        for (unsigned at = 1; at <= all; at++)
                for (int go_on = 0; go_on < 2; go_on++) {
                        int r;

                        heap = (typeof(heap)){.armed = true, .go_on = go_on, .fail_at = at};
                        r = fn();
                        heap.armed = false;
                        if (r != -ENOMEM || heap.alive != 0)
                                fail_msg("allocation %u of %u: r %d, %ld alive", at, all, r,
                                         heap.alive);
                }
        heap.armed = false;
}
