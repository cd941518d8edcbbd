/*
 * encryption_set: a disk encryption set: whose key the disks that name it are encrypted with.
 *
 * We take no part in encryption: Azure gives a snapshot the set of its disk. Whoever asks for a set wants
 * to know whether its key will serve when that happens.
 */
#pragma once

#include "base/guid.h"
#include "core/resource_id.h"

struct cJSON;

struct encryption_set_id {
        char subscription[GUID_TEXT_SIZE]; /* lower case */
        char group[RESOURCE_GROUP_SIZE];
        char name[RESOURCE_NAME_MAX + 1];
};

/* Of a whole ARM id, as a disk has it. Returns 0 or RESOURCE_ID_E_*. */
int encryption_set_id_parse(const char *text, struct encryption_set_id *ret_id);

/* Strings are borrowed from the tree. */
struct encryption_set_reply {
        /* autoKeyRotationError: the set turns to each new version of its key by itself, and could not; both
         * "" where it could, or is not to. */
        bool has_rotation_error;
        const char *error_code;
        const char *error_message;
        struct cJSON *json; /* owned */
};

/* From the body of a GET. Returns 0, JSON_E_* (page.h), REPLY_E_MEMBER (replies.h) with *reterr_member,
 * or -ENOMEM. */
int encryption_set_reply_parse(const char *bytes, size_t len, struct encryption_set_reply *ret_set,
                               const char **reterr_member);
void encryption_set_reply_deinit(struct encryption_set_reply *set);
