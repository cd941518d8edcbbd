/*
 * token: the bearer token of one identity, fetched when somebody waits for it, one request at a
 * time, kept in memory alone until five minutes before its end.
 *
 * A fetch is a conversation: for a cloud without a login endpoint ARM is asked for it first, once; the
 * Arc agent answers the first question by a challenge. What fails and passes by itself (the identity
 * service that is not ready, is being updated, throttles, or is silent) is tried again within the
 * fetch, by that service's own rules (FACTS section 8, "IMDS errors").
 */
#pragma once

#include "azure/error.h"
#include "base/macros.h"
#include "core/policy.h"
#include "engine/services.h"

/* MSAL takes a token as expired this long before its end (FACTS section 8, "Refresh"); one that lives
 * less than twice that serves for half of its life. */
#define TOKEN_LAST_S 300
/* Without a word of the service it is renewed this long before it serves no more, or in the last
 * quarter of a short service. Chosen: so that nobody waits for it. */
#define TOKEN_EARLY_S 300
/* A machine's own token that lives longer is renewed at half of its life, as MSAL does. */
#define TOKEN_LONG_S (2 * SEC_PER_HOUR)

struct token;

/* Called from the reactor's turn when a fetch has ended, either way. */
typedef void (*token_changed_fn)(void *data);

/* @effect is what cannot be done without the token, for the log: "nothing can be deleted". */
struct token_options {
        const struct policy_cloud *cloud;
        const struct policy_identity *identity;
        const char *user_agent;
        const char *effect;
        token_changed_fn changed;
        void *data;
};

/* All is borrowed. Returns 0 or a negative errno. */
int token_new(const struct services *services, const struct token_options *options,
              struct token **ret_token);
struct token *token_free(struct token *token);

/* Until when the service of an identity is not to be asked, as it said itself, and what it said. */
struct token_closed {
        enum identity_kind kind;
        struct mono until; /* 0 ns: it said nothing of the kind */
        struct arm_error error;
};
void token_leave(const struct token *token, struct token_closed *ret_closed);
/* A token that was made anew goes by what was said to the one before it, if it asks the same service. */
void token_follow(struct token *token, const struct token_closed *closed);
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
