/*
 * SHA-256 over a list of fields, or over bytes, by libcrypto.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

/* Hashes the @n strings of @fields, each followed by its NUL, so that no two lists of fields give
 * the same bytes. Returns 0 or -ENOMEM. */
int sha256_fields(const char *const *fields, size_t n, uint8_t ret_digest[static SHA256_SIZE]);
/* The same of what may hold NULs. */
int sha256_bytes(const void *bytes, size_t len, uint8_t ret_digest[static SHA256_SIZE]);
