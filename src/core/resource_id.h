/*
 * resource_id: the ARM id of a managed disk, a snapshot or a disk access, taken apart.
 *
 *         /subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{name}
 *
 * Ids are compared without case: Azure returns groups in whatever case a caller once used (FACTS
 * section 1, recorded). The parts keep the case they came in, for people to read.
 */
#pragma once

#include "base/guid.h"

#include <stdbool.h>
#include <stddef.h>

/* "Naming rules and restrictions for Azure resources": a group has 1 to 90 characters, a disk or
 * snapshot 1 to 80. */
#define RESOURCE_GROUP_MAX 90
#define RESOURCE_NAME_MAX 80
/* Of a group, its NUL too: a character has three bytes at most, since Azure takes letters of Unicode's basic
 * plane alone (the \w of .NET). */
#define RESOURCE_GROUP_SIZE (3 * RESOURCE_GROUP_MAX + 1)

enum resource_type {
        RESOURCE_DISK,
        RESOURCE_SNAPSHOT,
        RESOURCE_DISK_ACCESS, /* of private links */
};

struct resource_id {
        enum resource_type type;
        char subscription[GUID_TEXT_SIZE]; /* lower case */
        char group[RESOURCE_GROUP_SIZE];
        char name[RESOURCE_NAME_MAX + 1];
};

enum {
        RESOURCE_ID_E_SHAPE = 1,    /* not the shape above, or of another provider or type */
        RESOURCE_ID_E_SUBSCRIPTION, /* the subscription is no GUID */
        RESOURCE_ID_E_GROUP, /* empty, too long, a character Azure does not allow, a dot at the end */
        RESOURCE_ID_E_NAME, /* empty, too long, a character Azure does not allow */
};

/* Parses exactly @len bytes. Returns 0 or RESOURCE_ID_E_*. */
int resource_id_parse(const char *text, size_t len, struct resource_id *ret_id);
/* A sentence part such as "the subscription is not a GUID" for RESOURCE_ID_E_*. */
const char *resource_id_problem(int e);
/* A total order: type, subscription, group, name, without case. */
int resource_id_compare(const struct resource_id *a, const struct resource_id *b);

/* "/subscriptions/…/disks/name" and its NUL fit: 36 + 270 + 80 and the words between. */
#define RESOURCE_ID_TEXT_SIZE 512
const char *resource_id_format(const struct resource_id *id,
                               char buffer[static RESOURCE_ID_TEXT_SIZE]);

/* Whether @group could be a resource group's name. */
bool resource_group_is_valid(const char *group);
