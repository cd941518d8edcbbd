/*
 * hash_table: uthash, set up once for the whole house: running out of memory is an error that the
 * caller sees (the entry's hh.tbl stays NULL) and not the end of the process, and the hash is FNV-1,
 * fixed, whose order is never visible.
 */
#pragma once

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION HASH_FNV
#include <uthash.h>
