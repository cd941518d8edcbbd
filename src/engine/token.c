#include "engine/token.h"

#include "azure/replies.h"
#include "azure/token_requests.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "engine/backoff.h"
#include "engine/principal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Waits before the second to the sixth try of a fetch, and one more for 410, which passes within 70 s
 * (FACTS section 8, "IMDS errors"). Each is stretched by up to an eighth: machines that were started
 * together shall not ask together. */
static const int64_t waits_s[] = {0, 2, 6, 14, 30, 18};
#define WAITS_COMMON 5
/* Chosen. Between fetches: what answered nothing, or not for long enough; and what only a person can
 * mend, which is asked for slowly, since refused logins are counted against the application. */
#define TOKEN_RETRY_FIRST_NS (2 * NSEC_PER_SEC)
#define TOKEN_RETRY_CAP_NS (120 * NSEC_PER_SEC)
#define TOKEN_REFUSED_FIRST_NS (30 * NSEC_PER_SEC)
#define TOKEN_REFUSED_CAP_NS (900 * NSEC_PER_SEC)

/*
 *         IDLE -> ENDPOINTS -> TOKEN -> IDLE      of a cloud whose login endpoint is not known yet
 *         IDLE -> TOKEN -> IDLE                   where it is
 *         IDLE -> CHALLENGE -> TOKEN -> IDLE      of the Arc agent
 *         any but IDLE -> AGAIN -> as from IDLE   a failure that passes by itself
 *         any -> IDLE                             given up until token->retry
 */
enum fetch_state {
        FETCH_IDLE,
        FETCH_AWAIT_ENDPOINTS,
        FETCH_AWAIT_CHALLENGE,
        FETCH_AWAIT_TOKEN,
        FETCH_AWAIT_AGAIN, /* the moment of the next try */
};

/* What the log has said of a fetch that fails. */
enum told {
        TOLD_NOTHING,
        TOLD_RENEWAL, /* the one at hand still serves */
        TOLD_NO_TOKEN,
};

struct token {
        const struct services *services;
        struct token_options options;
        struct authority authority;
        bool knows_authority;
        struct reactor_source *again; /* its deadline ends FETCH_AWAIT_AGAIN */

        char *bearer;        /* NULL when there is none; wiped */
        struct mono asked;   /* when the last request for it went out */
        struct mono renew;   /* asked for anew from here */
        struct mono expires; /* not sent any more */

        enum fetch_state state;
        struct transport_call *flight; /* NULL when none is under way */
        struct principal principal;    /* while a fetch is under way; with has_principal */
        bool has_principal;
        char *arc_key;  /* name of the key file that was asked for; NULL before */
        unsigned tries; /* of this fetch that failed */

        struct backoff backoff;
        struct mono retry;      /* no fetch before it, after a failure */
        struct mono closed;     /* no request before it, as the service said; 0 ns: it did not */
        struct arm_error error; /* of the last fetch; class ARM_OK when it succeeded */
        enum told told;
};

static void token_begin(struct token *token, struct mono now);

static const char *fetch_state_name(enum fetch_state state) {
        switch (state) {
        case FETCH_IDLE:
                return "idle";
        case FETCH_AWAIT_ENDPOINTS:
                return "endpoints";
        case FETCH_AWAIT_CHALLENGE:
                return "challenge";
        case FETCH_AWAIT_TOKEN:
                return "token";
        case FETCH_AWAIT_AGAIN:
                return "again";
        }
        return "?";
}

static void token_enter(struct token *token, enum fetch_state state) {
        struct log_entry entry;

        assert(state != token->state);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "token");
        log_field(&entry, LOG_STATE, fetch_state_name(state));
        log_commit(token->services->log, &entry, "token: %s -> %s", fetch_state_name(token->state),
                   fetch_state_name(state));
        token->state = state;
}

static void token_again(enum reactor_reason reason, void *data) {
        struct token *token = data;

        assert(token->state == FETCH_AWAIT_AGAIN); /* which nothing else ends */
        token_begin(token, clock_mono(token->services->clock));
        if (token->state == FETCH_IDLE)
                token->options.changed(token->options.data);
}

int token_new(const struct services *services, const struct token_options *options,
              struct token **ret_token) {
        _cleanup_(token_freep) struct token *token = calloc(1, sizeof(*token));
        int r;

        if (!token)
                return -ENOMEM;

        token->services = services;
        token->options = *options;
        if (options->cloud->login) {
                r = authority_of_cloud(options->cloud, &token->authority);
                if (r < 0)
                        return r;
                token->knows_authority = true;
        }
        r = reactor_source_new(services->reactor, token_again, token, &token->again);
        if (r < 0)
                return r;

        *ret_token = take_ptr(token);
        return 0;
}

/* What belongs to one fetch. */
static void fetch_clear(struct token *token) {
        principal_deinit(&token->principal);
        token->has_principal = false;
        free(token->arc_key);
        token->arc_key = NULL;
}

struct token *token_free(struct token *token) {
        if (!token)
                return NULL;

        if (token->flight)
                transport_cancel(token->services->transport, token->flight);
        reactor_source_free(token->services->reactor, token->again);
        fetch_clear(token);
        authority_deinit(&token->authority);
        str_wipe_free(token->bearer);
        free(token);
        return NULL;
}

void token_leave(const struct token *token, struct token_closed *ret_closed) {
        *ret_closed = (struct token_closed){
                .kind = token->options.identity->kind,
                .until = token->closed,
                .error = token->error,
        };
}

void token_follow(struct token *token, const struct token_closed *closed) {
        if (closed->kind != token->options.identity->kind)
                return;
        token->closed = token->retry = closed->until;
        token->error = closed->error;
}

static bool token_is_usable(const struct token *token, struct mono now) {
        return token->bearer && now.ns < token->expires.ns;
}

/* Who gave no token to whom, why, and what may mend it. */
static void token_describe_failure(const struct token *token, struct strbuf *out) {
        const struct arm_error *error = &token->error;

        strbuf_append_str(out, "no token");
        if (!token->knows_authority) {
                strbuf_appendf(out, ", since %s does not tell its login endpoint",
                               token->options.cloud->arm);
                arm_error_append(error, out);
                strbuf_append_str(out, "; azure.cloud.login of the policy can name it");
                return;
        }
        /* Where it cannot even be worked out who asks, the error says all. */
        if (token->has_principal) {
                const struct principal *principal = &token->principal;
                bool of_machine =
                        principal->kind == IDENTITY_MANAGED || principal->kind == IDENTITY_ARC;

                strbuf_append_str(out, of_machine ? " from " : " for ");
                principal_describe(principal, token->options.cloud, out);
                if (!of_machine)
                        strbuf_appendf(out, " from %s", token->authority.login);
        }
        arm_error_append(error, out);
        if (error->status >= 400 && error->status <= 499)
                principal_advise(&token->principal, out);
}

static void token_tell(struct token *token, struct mono now) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        bool usable = token_is_usable(token, now);
        struct log_entry entry;

        if (token->told >= (usable ? TOLD_RENEWAL : TOLD_NO_TOKEN))
                return;

        token->told = usable ? TOLD_RENEWAL : TOLD_NO_TOKEN;
        log_begin(&entry, LOG_LEVEL_WARNING);
        log_event(&entry, LOG_EVENT_TOKEN_FAILED);
        log_field(&entry, LOG_OPERATION, "token");
        log_field(&entry, LOG_ARM_CODE, token->error.code[0] ? token->error.code : NULL);
        token_describe_failure(token, &why);
        if (usable)
                log_commit(token->services->log, &entry,
                           "the token cannot be renewed and serves for %lld more seconds, will go "
                           "on trying: %s",
                           (long long)((token->expires.ns - now.ns) / NSEC_PER_SEC),
                           strbuf_str(&why));
        else
                log_commit(token->services->log, &entry, "%s, will go on trying: %s",
                           token->options.effect, strbuf_str(&why));
}

static void token_give_up(struct token *token, struct mono now) {
        bool refused = token->error.class != ARM_TRANSIENT && token->error.class != ARM_THROTTLED;

        token->retry = backoff_next(&token->backoff,
                                    refused ? TOKEN_REFUSED_FIRST_NS : TOKEN_RETRY_FIRST_NS,
                                    refused ? TOKEN_REFUSED_CAP_NS : TOKEN_RETRY_CAP_NS,
                                    token->error.retry_after_ns, token->services->random, now);
        token_tell(token, now);
        if (token->state != FETCH_IDLE)
                token_enter(token, FETCH_IDLE);
        fetch_clear(token);
        token->tries = 0;
}

/* How long to wait within this fetch, or -1 when it is given up: a reply or a silence that passes by
 * itself is waited for; a service that nothing reached, and a refusal, are not. */
static int64_t token_wait_ns(const struct token *token) {
        const struct arm_error *error = &token->error;
        size_t n = error->status == 410 ? ARRAY_SIZE(waits_s) : WAITS_COMMON;
        int64_t wait_ns;

        if (error->class != ARM_TRANSIENT && error->class != ARM_THROTTLED)
                return -1;
        if ((error->status == 0 && !error->maybe_done) || token->tries >= n)
                return -1;
        wait_ns = waits_s[token->tries] * NSEC_PER_SEC;
        wait_ns += (int64_t)random_below(token->services->random, RANDOM_BACKOFF,
                                         (uint64_t)(wait_ns / 8 + 1));
        return MAX(wait_ns, error->retry_after_ns);
}

/* A step of the fetch has failed, as token->error says. */
static void token_failed(struct token *token, struct mono now) {
        int64_t wait_ns;

        principal_withhold(&token->principal, token->services, token->arc_key, &token->error);
        if (token->error.retry_after_ns >= 0)
                token->closed = mono_add_ns(now, token->error.retry_after_ns);
        wait_ns = token_wait_ns(token);
        /* Whoever is told to come back in minutes does not keep others waiting for that. */
        if (wait_ns < 0 || wait_ns > 60 * NSEC_PER_SEC ||
            reactor_arm_mono(token->services->reactor, token->again, mono_add_ns(now, wait_ns)) <
                    0) {
                token_give_up(token, now);
                return;
        }
        token->tries++;
        fetch_clear(token);
        token_enter(token, FETCH_AWAIT_AGAIN);
}

/* A step could not even be begun. @r: -EINVAL with token->error filled, or another errno. */
static void token_not_begun(struct token *token, int r, struct mono now) {
        struct arm_error *error = &token->error;

        if (r != -EINVAL || error->code[0] == '\0') {
                *error = (struct arm_error){.class = ARM_TRANSIENT, .retry_after_ns = -1};
                snprintf(error->code, sizeof(error->code), "%s", strerrorname_np(-r) ?: "Error");
                snprintf(error->message, sizeof(error->message), "%s", strerrordesc_np(-r));
        }
        token_give_up(token, now);
}

/* How long it serves after its asking. */
static int64_t token_serves_s(const struct token_reply *reply) {
        return reply->lifetime_s - MIN((int64_t)TOKEN_LAST_S, reply->lifetime_s / 2);
}

/* When it is to be renewed, and when it serves no more. */
static void token_plan(struct token *token, const struct token_reply *reply) {
        bool of_machine =
                token->principal.kind == IDENTITY_MANAGED || token->principal.kind == IDENTITY_ARC;
        int64_t serves_s = token_serves_s(reply);
        int64_t renew_s = serves_s - MIN((int64_t)TOKEN_EARLY_S, serves_s / 4);

        if (reply->refresh_s > 0)
                renew_s = MIN(reply->refresh_s, serves_s);
        else if (of_machine && reply->lifetime_s > TOKEN_LONG_S)
                renew_s = reply->lifetime_s / 2;
        token->expires = mono_add_ns(token->asked, serves_s * NSEC_PER_SEC);
        token->renew = mono_add_ns(token->asked, renew_s * NSEC_PER_SEC);
}

/* Keeps what the reply holds. A reply that is none is an error of class ARM_PROTOCOL. */
static void token_take(struct token *token, const struct http_reply *reply, struct mono now) {
        struct token_reply parsed = {};
        const char *member = NULL;
        int r;

        r = token_reply_decode(reply->body ?: "", reply->body_len, &parsed, &member);
        if (r != 0) {
                arm_error_unreadable(reply, "UnreadableToken", r, member, &token->error);
                token_failed(token, now);
                return;
        }

        if (mono_add_ns(token->asked, token_serves_s(&parsed) * NSEC_PER_SEC).ns <= now.ns) {
                str_wipe_free(parsed.token);
                token->error = (struct arm_error){
                        .class = ARM_TRANSIENT, .status = reply->status, .retry_after_ns = -1};
                snprintf(token->error.code, sizeof(token->error.code), "ExpiredToken");
                snprintf(token->error.message, sizeof(token->error.message),
                         "what came lives %lld s and serves no more", (long long)parsed.lifetime_s);
                token_failed(token, now);
                return;
        }

        str_wipe_free(token->bearer);
        token->bearer = parsed.token;
        token_plan(token, &parsed);
        backoff_reset(&token->backoff);
        if (token->told != TOLD_NOTHING)
                log_tell(token->services->log, LOG_LEVEL_NOTICE, LOG_EVENT_TOKEN_AGAIN,
                         "the identity service gives tokens again");
        token->told = TOLD_NOTHING;
        token->tries = 0;
        token_enter(token, FETCH_IDLE);
        fetch_clear(token);
}

static void token_send(struct token *token, struct http_request *request, enum fetch_state state,
                       struct mono now);

/* Asks as the principal, which is worked out when a fetch begins. */
static void token_ask(struct token *token, struct mono now) {
        struct http_request *request;
        bool challenge = token->principal.kind == IDENTITY_ARC && !token->arc_key;
        int r;

        r = principal_request(&token->principal, token->services, token->options.cloud,
                              &token->authority, token->arc_key, &request, &token->error);
        if (r < 0)
                token_not_begun(token, r, now);
        else
                token_send(token, request, challenge ? FETCH_AWAIT_CHALLENGE : FETCH_AWAIT_TOKEN,
                           now);
}

static void token_identify(struct token *token, struct mono now) {
        int r;

        r = principal_init(token->services, token->options.identity, &token->authority,
                           &token->principal, &token->error);
        if (r < 0) {
                token_not_begun(token, r, now);
                return;
        }
        token->has_principal = true;
        token_ask(token, now);
}

static void token_begin(struct token *token, struct mono now) {
        struct http_request *request;

        token->error = (struct arm_error){.class = ARM_TRANSIENT, .retry_after_ns = -1};
        if (token->knows_authority) {
                token_identify(token, now);
                return;
        }
        request = arm_get_endpoints(token->options.cloud);
        if (!request)
                token_not_begun(token, -ENOMEM, now);
        else
                token_send(token, request, FETCH_AWAIT_ENDPOINTS, now);
}

/* What ARM told of the login endpoint; the answer is kept as long as the engine lives. */
static void token_learn(struct token *token, const struct http_reply *reply, struct mono now) {
        const char *member = NULL;
        int r;

        r = authority_decode(token->options.cloud, reply->body ?: "", reply->body_len,
                             &token->authority, &member);
        if (r == 0) {
                token->knows_authority = true;
                token_identify(token, now);
                return;
        }
        arm_error_unreadable(reply, r == AUTHORITY_E_HOST ? "ForeignLogin" : "UnreadableEndpoints",
                             r, member, &token->error);
        if (r == AUTHORITY_E_HOST)
                snprintf(token->error.message, sizeof(token->error.message),
                         "it names a host that a secret does not go to unless the policy says so");
        token_failed(token, now);
}

/* The Arc agent wants to know whether we can read its key. */
static void token_answer(struct token *token, const struct http_reply *reply, struct mono now) {
        const char *name;
        size_t len;
        int r = arc_challenge_parse(reply, &name, &len);

        if (r == 0) {
                token->arc_key = strndup(name, len);
                if (token->arc_key)
                        token_ask(token, now);
                else
                        token_not_begun(token, -ENOMEM, now);
                return;
        }
        /* A reply that is no challenge, but for what passes: not ready, throttled. */
        if (r == ARC_E_PATH || token->error.class == ARM_OK || token->error.status == 401) {
                token->error.class = ARM_PROTOCOL;
                snprintf(token->error.code, sizeof(token->error.code), "%s",
                         r == ARC_E_PATH ? "ForeignKey" : "NoChallenge");
                snprintf(token->error.message, sizeof(token->error.message), "%s",
                         r == ARC_E_PATH ? "it asks for a file that is none of its keys, which are "
                                           "in " SECRETS_ARC_DIRECTORY
                                         : "it does not ask for one of its keys");
        }
        token_failed(token, now);
}

static void token_done(struct transport_call *call, struct http_reply *reply, void *data) {
        _cleanup_(http_reply_freep) struct http_reply *owned = reply;
        struct token *token = data;
        struct mono now = clock_mono(token->services->clock);

        token->flight = NULL;
        token_error_classify(owned, clock_utc(token->services->clock), &token->error);
        if (token->state == FETCH_AWAIT_CHALLENGE && owned->outcome == TRANSPORT_REPLY)
                token_answer(token, owned, now);
        else if (token->error.class != ARM_OK)
                token_failed(token, now);
        else if (token->state == FETCH_AWAIT_ENDPOINTS)
                token_learn(token, owned, now);
        else
                token_take(token, owned, now);
        if (token->state == FETCH_IDLE)
                token->options.changed(token->options.data);
}

/* Takes @request over. */
static void token_send(struct token *token, struct http_request *request, enum fetch_state state,
                       struct mono now) {
        int r;

        r = http_headers_add_str(&request->headers, "User-Agent", token->options.user_agent);
        r = r
                    ?: transport_send(token->services->transport, request, token_done, token,
                                      &token->flight);
        if (r < 0) {
                http_request_free(request);
                token_not_begun(token, r, now);
                return;
        }
        token->asked = now;
        if (state != token->state)
                token_enter(token, state);
}

enum token_state token_get(struct token *token, struct mono now, const char **ret_bearer,
                           const struct arm_error **ret_error, struct mono *ret_retry) {
        bool wanted = !token->bearer || now.ns >= token->renew.ns;

        if (wanted && token->state == FETCH_IDLE && now.ns >= token->retry.ns)
                token_begin(token, now);

        /* While a renewal is under way, or fails, the old one serves as long as it may. */
        if (token_is_usable(token, now)) {
                *ret_bearer = token->bearer;
                return TOKEN_READY;
        }
        if (token->state != FETCH_IDLE)
                return TOKEN_PENDING;
        *ret_error = &token->error;
        *ret_retry = token->retry;
        return TOKEN_FAILED;
}

void token_refuse(struct token *token, const char *bearer) {
        if (token->bearer && strcmp(token->bearer, bearer) == 0)
                token->bearer = str_wipe_free(token->bearer);
}
