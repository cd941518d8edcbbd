/*
 * sim/zones: struct zones of base over fixtures in memory, so that no simulation depends on the
 * machine's tzdata. "UTC" is there from the start.
 */
#pragma once

#include "base/macros.h"
#include "base/zones.h"

#include <stddef.h>

/* Chosen: far more fixtures than the tests have. */
#define SIM_ZONES_MAX 1024

struct sim_zones;

int sim_zones_new(struct sim_zones **ret_zones);
struct sim_zones *sim_zones_free(struct sim_zones *zones);
DEFINE_CLEANUP(struct sim_zones *, sim_zones_free)

/* Copies the bytes of a zone file (TZif); a later one of the same name replaces the earlier.
 * Returns 0, -ENOMEM, -EINVAL for a name zones_read() would refuse, -E2BIG above ZONES_FILE_MAX or
 * SIM_ZONES_MAX. */
int sim_zones_add(struct sim_zones *zones, const char *name, const void *bytes, size_t len);

/* The zone is not installed any more. Nothing when it is not. */
void sim_zones_remove(struct sim_zones *zones, const char *name);

/* Borrowed; lives as long as @zones. */
struct zones *sim_zones_interface(struct sim_zones *zones);
