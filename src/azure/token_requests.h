/*
 * token_requests: every request we can send for a token (FACTS section 8), and what the Arc agent
 * asks back.
 *
 * Each function returns a whole request with time-outs and ceilings, or NULL when memory is out.
 * Bodies and headers with a secret are written once into memory of their size, and wiped with the
 * request. What is asked on this machine, of the identity service and of the Arc agent, goes past
 * every proxy.
 */
#pragma once

#include "azure/authority.h"
#include "base/secrets.h"
#include "base/transport.h"
#include "core/policy.h"

#define IMDS_TOKEN_VERSION "2018-02-01"
#define ARC_TOKEN_VERSION "2020-06-01"
/* Where the Arc agent listens when its variable does not say it. */
#define ARC_ENDPOINT_DEFAULT "http://127.0.0.1:40342/metadata/identity/oauth2/token"

/* Chosen: TOKEN_MAX and all that may stand beside the token. */
#define TOKEN_REPLY_MAX (256U << 10)

/* GET {arm}/metadata/endpoints, for authority_decode(). */
struct http_request *arm_get_endpoints(const struct policy_cloud *cloud);

/* Of the identity service. @identity says which of the machine's identities. */
struct http_request *token_request_managed(const struct policy_cloud *cloud,
                                           const struct authority *authority,
                                           const struct policy_identity *identity);

/* Of the Arc agent at @endpoint (arc_endpoint_is_valid()): with @key NULL the question that is
 * answered by 401 and a challenge, else the one that proves we could read its key file. */
struct http_request *token_request_arc(const char *endpoint, const struct authority *authority,
                                       const char *key);

/* Client credentials with a secret. */
struct http_request *token_request_secret(const struct authority *authority, const char *tenant,
                                          const char *client, const char *secret);
/* The same with an assertion: one that we signed (jwt.h), or a federated token. */
struct http_request *token_request_assertion(const struct authority *authority, const char *tenant,
                                             const char *client, const char *assertion);
/* The URL of both, which is an assertion's audience too. The caller owns *ret_url. 0 or -ENOMEM. */
int token_endpoint(const struct authority *authority, const char *tenant, char **ret_url);

enum {
        ARC_E_CHALLENGE = 1, /* no 401 with "WWW-Authenticate: Basic realm=FILE" */
        ARC_E_PATH,          /* the file is not in the agent's directory, or not named *.key */
};

/* The name, in SECRETS_ARC_DIRECTORY, of the key file that the reply asks us to read; the reply's own.
 * Whatever else it names is not opened. @ret_len: of the name. Returns 0 or ARC_E_*. */
int arc_challenge_parse(const struct http_reply *reply, const char **ret_name, size_t *ret_len);

/* Whether the agent's endpoint, which a variable names, is plain http to this machine itself. */
bool arc_endpoint_is_valid(const char *url);
/* Whether a key, federated token or secret is of characters that a header or form can have: printable
 * ASCII. */
bool token_text_is_valid(const char *text);
