/*
 * entropy: unpredictable numbers from the kernel (getrandom(2)). The purposes are one stream here,
 * since nobody repeats a run.
 */
#pragma once

#include "base/random.h"

/* Waits, at early boot, until the kernel has gathered enough. *ret_random is static and never
 * freed. Returns 0, or a negative errno when the kernel or a system call filter refuses. */
int entropy_open(struct random **ret_random);
