/*
 * Small language helpers that every folder uses: ownership by scope, containers, array sizes.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* Runs @fn on the variable's address when it leaves scope. A lost attribute is a leak, so the
 * build treats unknown attributes as errors. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(ptr, type, member)                                                            \
        ({                                                                                         \
                const __typeof__(((type *)0)->member) *_member = (ptr);                            \
                (type *)((char *)(uintptr_t)_member - offsetof(type, member));                     \
        })

/* Hands the pointer out of a cleanup variable: returns it and leaves NULL behind. */
#define take_ptr(ptr)                                                                              \
        ({                                                                                         \
                __typeof__(ptr) _taken = (ptr);                                                    \
                (ptr) = NULL;                                                                      \
                _taken;                                                                            \
        })

/* These evaluate their arguments twice, so that they nest without shadowing. CMP is the three-way
 * comparison of two numbers, for comparison functions that must be total orders. */
#define CMP(a, b) (((a) > (b)) - ((a) < (b)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Defines the destructor that _cleanup_() wants from one that takes and returns the object. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type *p) {                                                        \
                *p = fn(*p);                                                                       \
        }

static inline void freep(void *p) {
        free(*(void **)p);
}
