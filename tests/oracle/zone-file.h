/*
 * zone-file: installed zones for the oracle programs, read the plain way. The product's own reader
 * of files is runtime's, which tests of core must not link.
 */
#pragma once

#include "core/zone.h"

#define ZONE_FILE_ROOT "/usr/share/zoneinfo"

/* Returns 0, ZONE_E_*, or a negative errno. "UTC" is read from its file like the others. */
int zone_file_read(const char *name, struct zone **ret_zone);
