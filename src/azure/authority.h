/*
 * authority: where tokens for a cloud's ARM come from, and what they are asked for by.
 *
 * A cloud of our own knows its login endpoint from the policy, or ARM tells it (FACTS section 8,
 * "Clouds"): GET {arm}/metadata/endpoints, without a token. What ARM tells decides where a client
 * secret goes, so it is believed within bounds alone: the login endpoint is https, and on a host that
 * belongs to the operator's choice already (authority_may_be()).
 */
#pragma once

#include "base/macros.h"
#include "core/policy.h"

#define ARM_METADATA_VERSION "2022-09-01"

struct authority {
        char *login; /* base URL, without a slash at the end; owned as all here */
        char *resource; /* as the identity service calls the audience: "https://management.azure.com/" */
        char *scope; /* as Entra does: "https://management.azure.com/.default" */
};

void authority_deinit(struct authority *authority);

/* For a cloud with a login endpoint: its audience is ARM's own URL. Returns 0 or -ENOMEM. */
int authority_of_cloud(const struct policy_cloud *cloud, struct authority *ret_authority);

enum {
        AUTHORITY_E_HOST = 200, /* beyond JSON_E_* and REPLY_E_MEMBER: the login endpoint is none of
                                   those that a secret may go to */
};

/*
 * Reads what ARM told. Returns 0, JSON_E_*, REPLY_E_MEMBER, AUTHORITY_E_HOST, or -ENOMEM;
 * *reterr_member names what is missing or wrong. Of several audiences the one that is ARM's own URL
 * counts, else the first, as the Azure CLI takes it.
 */
int authority_decode(const struct policy_cloud *cloud, const char *bytes, size_t len,
                     struct authority *ret_authority, const char **reterr_member);

/*
 * Whether a secret may go to the login endpoint that @arm told, beside what the policy names: to the
 * login endpoints of the clouds that we know; to ARM's own host; to one beside it, which has the same
 * parent domain of three labels or more ("login.local.azurestack.external" beside
 * "management.local.azurestack.external").
 * Always with ARM's own scheme or https, and without a path.
 */
bool authority_may_be(const char *arm, const char *login);
