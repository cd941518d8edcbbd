/*
 * wanted: how a person names a disk or a snapshot: NAME, GROUP/NAME or its whole ARM id, without regard
 * to case.
 */
#pragma once

#include "core/resource_id.h"

/* Parts that were not given are empty. */
struct wanted {
        char subscription[GUID_TEXT_SIZE];
        char group[RESOURCE_GROUP_SIZE];
        char name[RESOURCE_NAME_MAX + 1];
};

enum {
        WANTED_E_SHAPE = 1, /* neither of the three, or longer than any */
        WANTED_E_ID,        /* begins like an id, and is none of these */
        WANTED_E_TYPE,      /* an id of another type */
};

/* Returns 0 or WANTED_E_*. */
int wanted_parse(const char *text, enum resource_type type, struct wanted *ret_wanted);

/* Whether it names the one of that place. @subscription is in lower case. */
bool wanted_is(const struct wanted *wanted, const char *subscription, const char *group,
               const char *name);
