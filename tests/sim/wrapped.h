/*
 * wrapped: what nobody in a simulation may call, by libc's names. tests/sim/meson.build has the same
 * list for the linker; wrapped-bites.c fails where the two differ.
 */
#pragma once

/* In their fortified forms, too, where libc's headers have such. localtime_r() is apart: the checks
 * may call it in a zone of their own. */
#define WRAPPED(X)                                                                                 \
        X(time)                                                                                    \
        X(clock_gettime)                                                                           \
        X(gettimeofday)                                                                            \
        X(timespec_get)                                                                            \
        X(localtime)                                                                               \
        X(mktime)                                                                                  \
        X(getenv)                                                                                  \
        X(secure_getenv)                                                                           \
        X(random)                                                                                  \
        X(rand)                                                                                    \
        X(rand_r)                                                                                  \
        X(drand48)                                                                                 \
        X(getrandom)                                                                               \
        X(getentropy)                                                                              \
        X(arc4random)                                                                              \
        X(arc4random_uniform)                                                                      \
        X(arc4random_buf)                                                                          \
        X(getpid)                                                                                  \
        X(getppid)                                                                                 \
        X(gethostname)                                                                             \
        X(setlocale)                                                                               \
        X(open)                                                                                    \
        X(open64)                                                                                  \
        X(__open_2)                                                                                \
        X(__open64_2)                                                                              \
        X(openat)                                                                                  \
        X(openat64)                                                                                \
        X(__openat_2)                                                                              \
        X(__openat64_2)                                                                            \
        X(fopen)                                                                                   \
        X(fopen64)
