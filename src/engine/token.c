#include "engine/token.h"

#include "azure/replies.h"
#include "azure/requests.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "engine/backoff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* FACTS section 8 lists the identity service's delays as about 0, 2, 6, 14 and 30 s: doubling from
 * 2 s. The cap is for a service that stays away. */
#define TOKEN_RETRY_FIRST_NS (2 * NSEC_PER_SEC)
#define TOKEN_RETRY_CAP_NS (120 * NSEC_PER_SEC)

struct token {
        const struct services *services;
        const struct policy_cloud *cloud;
        const struct policy_identity *identity;
        const char *user_agent;
        token_changed_fn changed;
        void *data;

        char *bearer;        /* NULL when there is none; wiped */
        struct mono asked;   /* when the last fetch went out */
        struct mono renew;   /* asked for anew from here */
        struct mono expires; /* not sent any more */

        struct transport_call *flight; /* NULL when none is under way */
        struct backoff backoff;
        struct mono retry;      /* no fetch before it, after a failure */
        struct arm_error error; /* of the last fetch; class ARM_OK when it succeeded */
        bool told;              /* the failure is in the log */
};

int token_new(const struct services *services, const struct policy_cloud *cloud,
              const struct policy_identity *identity, const char *user_agent,
              token_changed_fn changed, void *data, struct token **ret_token) {
        struct token *token = calloc(1, sizeof(*token));

        if (!token)
                return -ENOMEM;

        *token = (struct token){
                .services = services,
                .cloud = cloud,
                .identity = identity,
                .user_agent = user_agent,
                .changed = changed,
                .data = data,
        };
        *ret_token = token;
        return 0;
}

struct token *token_free(struct token *token) {
        if (!token)
                return NULL;

        if (token->flight)
                transport_cancel(token->services->transport, token->flight);
        str_wipe_free(token->bearer);
        free(token);
        return NULL;
}

/* Who gave no token to whom, why, and what may mend it. */
static void token_describe_failure(const struct token *token, struct strbuf *out) {
        const struct policy_identity *identity = token->identity;
        bool refused = token->error.status >= 400 && token->error.status <= 499;

        switch (identity->kind) {
        case IDENTITY_MANAGED:
                strbuf_appendf(out, "no token from the identity service at %s", token->cloud->imds);
                arm_error_append(&token->error, out);
                if (refused)
                        strbuf_append_str(
                                out, "; does this machine have the identity of azure.identity?");
                return;
        case IDENTITY_SERVICE_PRINCIPAL_SECRET:
                strbuf_appendf(out, "no token for the client %s of tenant %s from %s",
                               identity->client_id, identity->tenant, token->cloud->login);
                arm_error_append(&token->error, out);
                if (refused)
                        strbuf_appendf(out,
                                       "; is the secret in the credential \"%s\" right and not "
                                       "expired?",
                                       identity->credential);
                return;
        }
}

/* The secret is nowhere but in its file: it is read again to be looked for in what came back. */
static void token_withhold(struct token *token) {
        char *secret;

        if (token->identity->kind != IDENTITY_SERVICE_PRINCIPAL_SECRET ||
            secrets_read(token->services->secrets, token->identity->credential, &secret) < 0)
                return;
        arm_error_withhold(&token->error, secret);
        str_wipe_free(secret);
}

static void token_failed(struct token *token, struct mono now) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct log_entry entry;

        token_withhold(token);
        token->retry = backoff_next(&token->backoff, TOKEN_RETRY_FIRST_NS, TOKEN_RETRY_CAP_NS,
                                    token->error.retry_after_ns, token->services->random, now);
        if (token->told)
                return;

        token->told = true;
        log_begin(&entry, LOG_LEVEL_WARNING);
        log_event(&entry, LOG_EVENT_TOKEN_FAILED);
        log_field(&entry, LOG_OPERATION, "token");
        log_field(&entry, LOG_ARM_CODE, token->error.code[0] ? token->error.code : NULL);
        token_describe_failure(token, &why);
        log_commit(token->services->log, &entry,
                   "nothing can be read or done in Azure, will go on trying: %s", strbuf_str(&why));
}

/* Keeps what the reply holds. A reply that is none is an error of class ARM_PROTOCOL. */
static void token_take(struct token *token, const struct http_reply *reply, struct mono now) {
        struct token_reply parsed = {};
        const char *member = NULL;
        int64_t early_s, last_s;
        int r;

        r = token_reply_decode(reply->body ?: "", reply->body_len, &parsed, &member);
        if (r != 0) {
                arm_error_unreadable(reply, "UnreadableToken", r, member, &token->error);
                token_failed(token, now);
                return;
        }

        str_wipe_free(token->bearer);
        token->bearer = parsed.token;
        early_s = MIN((int64_t)TOKEN_EARLY_S, parsed.lifetime_s / 2);
        last_s = MIN((int64_t)TOKEN_LAST_S, parsed.lifetime_s / 4);
        token->expires = mono_add_ns(token->asked, (parsed.lifetime_s - last_s) * NSEC_PER_SEC);
        token->renew = mono_add_ns(token->asked, (parsed.lifetime_s - early_s) * NSEC_PER_SEC);
        backoff_reset(&token->backoff);
        if (token->told)
                log_tell(token->services->log, LOG_LEVEL_NOTICE, LOG_EVENT_TOKEN_AGAIN,
                         "the identity service gives tokens again");
        token->told = false;
}

static void token_done(struct transport_call *call, struct http_reply *reply, void *data) {
        _cleanup_(http_reply_freep) struct http_reply *owned = reply;
        struct token *token = data;
        struct mono now = clock_mono(token->services->clock);

        token->flight = NULL;
        token_error_classify(owned, clock_utc(token->services->clock), &token->error);
        if (token->error.class == ARM_OK)
                token_take(token, owned, now);
        else
                token_failed(token, now);
        token->changed(token->data);
}

/* Builds the request of the identity. Returns 0 or a negative errno; a credential that cannot be
 * read is told in @token->error too. */
static int token_request(struct token *token, struct http_request **ret_request) {
        const struct policy_identity *identity = token->identity;
        struct http_request *request = NULL;
        char *secret = NULL;
        int r;

        switch (identity->kind) {
        case IDENTITY_MANAGED:
                request = token_request_managed(token->cloud, identity->client_id);
                break;
        case IDENTITY_SERVICE_PRINCIPAL_SECRET:
                r = secrets_read(token->services->secrets, identity->credential, &secret);
                if (r < 0) {
                        snprintf(token->error.message, sizeof(token->error.message),
                                 "the systemd credential \"%s\" cannot be read: %s; see "
                                 "LoadCredential= in systemd.exec(5)",
                                 identity->credential, strerrordesc_np(-r));
                        return r;
                }
                request = token_request_secret(token->cloud, identity->tenant, identity->client_id,
                                               secret);
                str_wipe_free(secret);
                break;
        }
        if (!request)
                return -ENOMEM;
        *ret_request = request;
        return 0;
}

static void token_fetch(struct token *token, struct mono now) {
        _cleanup_(http_request_freep) struct http_request *request = NULL;
        int r;

        token->error = (struct arm_error){.class = ARM_TRANSIENT, .retry_after_ns = -1};
        r = token_request(token, &request);
        r = r ?: http_headers_add_str(&request->headers, "User-Agent", token->user_agent);
        r = r
                    ?: transport_send(token->services->transport, request, token_done, token,
                                      &token->flight);
        if (r == 0) {
                request = NULL; /* consumed */
                token->asked = now;
                return;
        }

        snprintf(token->error.code, sizeof(token->error.code), "%s",
                 strerrorname_np(-r) ?: "Error");
        if (token->error.message[0] == '\0')
                snprintf(token->error.message, sizeof(token->error.message), "%s",
                         strerrordesc_np(-r));
        token_failed(token, now);
}

enum token_state token_get(struct token *token, struct mono now, const char **ret_bearer,
                           const struct arm_error **ret_error, struct mono *ret_retry) {
        bool usable = token->bearer && now.ns < token->expires.ns;
        bool wanted = !token->bearer || now.ns >= token->renew.ns;

        if (wanted && !token->flight && now.ns >= token->retry.ns)
                token_fetch(token, now);

        /* While a renewal is under way, or fails, the old one serves as long as it lives. */
        if (usable) {
                *ret_bearer = token->bearer;
                return TOKEN_READY;
        }
        if (token->flight)
                return TOKEN_PENDING;
        *ret_error = &token->error;
        *ret_retry = token->retry;
        return TOKEN_FAILED;
}

void token_refuse(struct token *token, const char *bearer) {
        if (token->bearer && strcmp(token->bearer, bearer) == 0)
                token->bearer = str_wipe_free(token->bearer);
}
