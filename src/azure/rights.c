#include "azure/rights.h"

#include "azure/json.h"
#include "azure/replies.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <string.h>

#define COMPUTE "Microsoft.Compute/"

/* FACTS section 10, "Custom role, least rights". */
const struct right_row right_rows[_RIGHT_N] = {
        [RIGHT_READ_RIGHTS] = {"Microsoft.Authorization/permissions/read",
                               RIGHT_CREATOR | RIGHT_PRUNER, 0, false},
        [RIGHT_COPY_DISK] = {COMPUTE "disks/beginGetAccess/action", RIGHT_CREATOR, RIGHT_AT_DISKS,
                             false},
        [RIGHT_READ_DISK] = {COMPUTE "disks/read", RIGHT_CREATOR, RIGHT_AT_DISKS, false},
        /* It is of the subscription, and roles given there reach each of its groups. That Azure asks for it
         * is UNCONFIRMED, and roles without it are in use. */
        [RIGHT_POLL] = {COMPUTE "locations/diskOperations/read", RIGHT_CREATOR, RIGHT_AT_SNAPSHOTS,
                        true},
        [RIGHT_DELETE_SNAPSHOT] = {COMPUTE "snapshots/delete", RIGHT_PRUNER, RIGHT_AT_SNAPSHOTS,
                                   false},
        [RIGHT_READ_SNAPSHOT] = {COMPUTE "snapshots/read", RIGHT_CREATOR | RIGHT_PRUNER,
                                 RIGHT_AT_SNAPSHOTS, false},
        [RIGHT_WRITE_SNAPSHOT] = {COMPUTE "snapshots/write", RIGHT_CREATOR, RIGHT_AT_SNAPSHOTS,
                                  false},
};

uint32_t rights_needed(unsigned who, unsigned where) {
        uint32_t needed = 0;

        for (int right = 0; right < _RIGHT_N; right++)
                if ((right_rows[right].who & who) && (right_rows[right].where & where))
                        needed |= RIGHT_BIT(right);
        return needed;
}

bool action_matches(const char *pattern, const char *action) {
        return str_matches_glob_nocase(pattern, action);
}

/* What the patterns fit, as bits. False: it is no list of patterns, and nobody knows what it says. */
static bool read_patterns(const cJSON *element, const char *name, uint32_t *ret_bits) {
        const cJSON *patterns = json_array(element, name);

        *ret_bits = 0;
        if (!patterns)
                return json_is_absent(element, name);
        for (const cJSON *pattern = json_first(patterns); pattern; pattern = json_next(pattern)) {
                const char *text = cJSON_GetStringValue(pattern);

                if (!text || strlen(text) > RIGHT_PATTERN_MAX)
                        return false;
                for (int right = 0; right < _RIGHT_N; right++)
                        if (action_matches(text, right_rows[right].action))
                                *ret_bits |= RIGHT_BIT(right);
        }
        return true;
}

static int bad_member(const char *member, const char **reterr_member) {
        *reterr_member = member;
        return REPLY_E_MEMBER;
}

/* What one role adds. */
static int read_element(const cJSON *element, uint32_t *allowed, const char **reterr_member) {
        uint32_t actions, excepted;

        if (!cJSON_IsObject(element))
                return bad_member("value", reterr_member);
        if (!read_patterns(element, "actions", &actions))
                return bad_member("actions", reterr_member);
        if (!read_patterns(element, "notActions", &excepted))
                return bad_member("notActions", reterr_member);
        *allowed |= actions & ~excepted;
        return 0;
}

static int decode(const cJSON *json, struct permissions_reply *ret_reply,
                  const char **reterr_member) {
        const cJSON *value = json_array(json, "value");
        struct permissions_reply reply = {.next_link = json_string(json, "nextLink")};

        if (!value)
                return bad_member("value", reterr_member);
        if (!reply.next_link && !json_is_absent(json, "nextLink"))
                return bad_member("nextLink", reterr_member);
        if (reply.next_link && reply.next_link[0] == '\0')
                reply.next_link = NULL;
        for (const cJSON *element = json_first(value); element; element = json_next(element)) {
                int r = read_element(element, &reply.allowed, reterr_member);

                if (r != 0)
                        return r;
        }
        *ret_reply = reply;
        return 0;
}

int permissions_reply_parse(const char *bytes, size_t len, struct permissions_reply *ret_reply,
                            const char **reterr_member) {
        _cleanup_(json_freep) cJSON *json = NULL;
        struct permissions_reply reply;
        int r;

        r = json_parse_object(bytes, len, &json);
        if (r != 0)
                return r;
        r = decode(json, &reply, reterr_member);
        if (r != 0)
                return r;

        reply.json = take_ptr(json);
        *ret_reply = reply;
        return 0;
}

void permissions_reply_deinit(struct permissions_reply *reply) {
        cJSON_Delete(reply->json);
        *reply = (struct permissions_reply){};
}
