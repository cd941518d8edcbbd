/*
 * token: the bearer token of one identity, fetched when somebody waits for it, one request at a
 * time, kept in memory alone until shortly before its end.
 */
#pragma once

#include "azure/error.h"
#include "base/macros.h"
#include "core/policy.h"
#include "engine/services.h"

/* A token is renewed this long before its end, as MSAL does (FACTS section 8), or in the second
 * half of a life shorter than twice that. */
#define TOKEN_EARLY_S 300
/* A token is not sent in the last minute of its life, which began when it was asked for: a request takes
 * time, and clocks differ. Chosen. */
#define TOKEN_LAST_S 60

struct token;

/* Called from the reactor's turn when a fetch has ended, either way. */
typedef void (*token_changed_fn)(void *data);

int token_new(const struct services *services, const struct policy_cloud *cloud,
              const struct policy_identity *identity, const char *user_agent,
              token_changed_fn changed, void *data, struct token **ret_token);
struct token *token_free(struct token *token);
DEFINE_CLEANUP(struct token *, token_free)

enum token_state {
        TOKEN_READY,   /* *ret_bearer is valid until the reactor's next turn */
        TOKEN_PENDING, /* being fetched: @changed will be called */
        TOKEN_FAILED,  /* the last fetch failed: *ret_error, again from *ret_retry on */
};

/* Asks for the token, and begins to fetch it where that is due. */
enum token_state token_get(struct token *token, struct mono now, const char **ret_bearer,
                           const struct arm_error **ret_error, struct mono *ret_retry);

/* The service refused @bearer: forget it, unless another has been fetched since. */
void token_refuse(struct token *token, const char *bearer);
