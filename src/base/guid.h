/*
 * GUIDs as Azure writes them, 8-4-4-4-12 hexadecimal digits, either case. uniqueId and
 * sourceUniqueId are GUIDs; they are compared as the 16 bytes, so that case cannot matter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUID_TEXT_SIZE 37

struct guid {
        uint8_t bytes[16];
};

/* Parses exactly @len bytes. Returns 0 or -EINVAL. */
int guid_parse(const char *text, size_t len, struct guid *ret_guid);
/* Writes lower case and returns @buffer. */
const char *guid_format(const struct guid *guid, char buffer[static GUID_TEXT_SIZE]);
/* A total order by bytes. */
int guid_compare(const struct guid *a, const struct guid *b);
/* Puts @n of them in that order; none may be NULL. */
void guids_sort(struct guid *guids, size_t n);
/* Whether @guid is among @n that are in that order. */
bool guids_have(const struct guid *guids, size_t n, const struct guid *guid);
/* The nil GUID stands for "not known"; Azure does not hand it out. */
bool guid_is_nil(const struct guid *guid);
/* Makes a version 4 GUID (RFC 9562 section 5.4) of 128 random bits. */
struct guid guid_from_random(uint64_t high, uint64_t low);
