/*
 * principal: as whom we ask for a token, worked out from the policy's identity and this machine, and
 * the request that asks.
 *
 * It is worked out anew for every fetch and holds no secret: where one is needed it is read, put into
 * the request, and wiped.
 */
#pragma once

#include "azure/error.h"
#include "azure/token_requests.h"
#include "core/policy.h"
#include "engine/services.h"

struct strbuf;

struct principal {
        enum identity_kind kind; /* never IDENTITY_ENVIRONMENT */
        /* Which one; client_id is the application's for all but a managed identity. Owned. */
        struct policy_identity which;
        /* Where the secret, PEM text or federated token is; @where is NULL for none. Owned. */
        enum secrets_kind source;
        char *where;
        bool has_passphrase; /* of the key in the PEM text: AZURE_CLIENT_CERTIFICATE_PASSWORD */
        char *endpoint;      /* of the Arc agent; owned */
};

/*
 * IDENTITY_ENVIRONMENT is, as in Microsoft's SDKs ("Usual order", FACTS section 8): a client secret; a
 * certificate; a federated token; the Arc agent; the managed identity, which AZURE_CLIENT_ID chooses.
 * A set of variables that lacks one is an error that names it; nothing else is tried in its place.
 *
 * @authority's login endpoint is where secrets go. AZURE_AUTHORITY_HOST may say the same and nothing
 * else: the environment names no host that the policy does not.
 *
 * Returns 0, or -EINVAL, with class, code and message of what is wrong in *reterr; or -ENOMEM.
 */
int principal_init(const struct services *services, const struct policy_identity *identity,
                   const struct authority *authority, struct principal *ret_principal,
                   struct arm_error *reterr);
void principal_deinit(struct principal *principal);

/*
 * The request. @arc_key is the name of the agent's key file, or NULL for the first question. Returns
 * and fails as principal_init().
 */
int principal_request(const struct principal *principal, const struct services *services,
                      const struct policy_cloud *cloud, const struct authority *authority,
                      const char *arc_key, struct http_request **ret_request,
                      struct arm_error *reterr);

/* The reply may repeat the secret that it was sent: then a word of ours takes the place of both code and
 * message. @arc_key as above. */
void principal_withhold(const struct principal *principal, const struct services *services,
                        const char *arc_key, struct arm_error *error);

/* "the client 1111… of tenant a.example", "the identity service at http://169.254.169.254". */
void principal_describe(const struct principal *principal, const struct policy_cloud *cloud,
                        struct strbuf *out);
/* "; is the secret in … right and not expired?": where to look when the request was refused. */
void principal_advise(const struct principal *principal, struct strbuf *out);
