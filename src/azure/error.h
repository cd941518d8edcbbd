/*
 * error: what the remote said no with, and what that means for whoever asked.
 *
 * One table turns status and code into a class (FACTS section 3, "Classification"). Operations
 * switch on the class; nobody else reads a status number.
 */
#pragma once

#include "base/time.h"
#include "base/transport.h"

#include <stdbool.h>
#include <stdint.h>

enum arm_class {
        ARM_OK,        /* 2xx, and no error */
        ARM_THROTTLED, /* wait retry_after, then again; the scope is closed till then */
        ARM_TRANSIENT, /* try again with backoff; after a write look first (maybe_done) */
        ARM_AUTH,      /* the token was refused: a new one, once */
        ARM_FORBIDDEN, /* a right or key is missing or a policy forbids: try slowly, tell the operator */
        ARM_NOT_FOUND,        /* ResourceNotFound alone: it is not there; success of a delete */
        ARM_PARENT_NOT_FOUND, /* group or subscription is not there: proves nothing of the resource */
        ARM_CONFLICT,         /* another operation is under way: try again later */
        ARM_LOCKED,           /* ScopeLocked: a hold */
        ARM_PRECONDITION,     /* the state forbids it */
        ARM_QUOTA,            /* a count or quota is met: prune first */
        ARM_INVALID,  /* the request or the configuration is wrong: the same again fails again */
        ARM_PROTOCOL, /* the reply is none that ARM gives: HTML, cut, not JSON */
};

const char *arm_class_name(enum arm_class class);
/* Whether what failed so may go well later although nobody does anything. */
bool arm_class_passes(enum arm_class class);

/* The header x-ms-failure-cause (FACTS section 3, "Error shape"). */
enum arm_cause {
        ARM_CAUSE_UNKNOWN,
        ARM_CAUSE_GATEWAY, /* ARM itself said no */
        ARM_CAUSE_SERVICE, /* the provider behind it did */
};

#define ARM_CODE_MAX 63
#define ARM_MESSAGE_MAX 511

struct arm_error {
        enum arm_class class;
        enum arm_cause cause;
        int status;                  /* 0 when none came */
        bool maybe_done;             /* the request may have had its effect */
        int64_t retry_after_ns;      /* as the service asked, clamped; -1 when it did not */
        char code[ARM_CODE_MAX + 1]; /* "ScopeLocked"; the transport's outcome when no reply came */
        char message[ARM_MESSAGE_MAX +
                     1]; /* for people; control characters replaced; no URL queries */
};

/* Retry-After is believed between these (FACTS section 3; chosen ceiling: an hour). */
#define ARM_RETRY_AFTER_MIN_NS NSEC_PER_SEC
#define ARM_RETRY_AFTER_MAX_NS (3600 * NSEC_PER_SEC)

/*
 * Reads any reply of ARM, also none. @now is for a Retry-After in date form (arm_retry_after_ns).
 * Never fails: where memory is out, the body goes unread and the status alone decides.
 *
 * A 2xx is ARM_OK without a look at its body. A body that is not JSON (a proxy's or a firewall's
 * page) proves nothing: with 403, 404 and the like it is ARM_PROTOCOL. So is a 404 without a code,
 * since ARM names what is missing.
 */
void arm_error_classify(const struct http_reply *reply, struct utc now,
                        struct arm_error *ret_error);

/* The same for a token endpoint: {"error":"invalid_client","error_description"}, and the identity
 * service's 404 and 410, which pass (FACTS section 8). */
void token_error_classify(const struct http_reply *reply, struct utc now,
                          struct arm_error *ret_error);

/* The same for an error object inside an operation's 200: {"code","message"}. @error may be NULL.
 * A code that the table does not have is ARM_TRANSIENT. */
struct cJSON;
void arm_error_from_json(const struct cJSON *error, struct arm_error *ret_error);

/* A 2xx whose body turned out to be of no use: @problem is JSON_E_* (page.h), REPLY_E_MEMBER
 * (replies.h) with @member, else ignored, or a negative errno. @code is a word of ours. The class is
 * ARM_PROTOCOL. */
void arm_error_unreadable(const struct http_reply *reply, const char *code, int problem,
                          const char *member, struct arm_error *ret_error);

/* What the remote said may repeat what it was sent. When code or message hold the beginning of
 * @secret, as it is or percent-encoded, a word of ours takes the place of both. NULL is no secret. */
void arm_error_withhold(struct arm_error *error, const char *secret);

/* Retry-After of a reply, in seconds or as a date, clamped; -1 when absent or unreadable. A date counts from
 * the reply's own Date, and from @now where it has none. */
int64_t arm_retry_after_ns(const struct http_reply *reply, struct utc now);

/* Whether a PUT of a snapshot was refused for where its data would be stored: zone-redundant, in a region
 * that has none. */
bool arm_error_refuses_zones(const struct arm_error *error);

/* Whether the key of a customer was not to be used: disabled, expired, gone, or out of the reach of the
 * disk's encryption set (KeyVaultKeyNotEnabled, KeyVaultAccessForbidden). */
bool arm_error_blames_key(const struct arm_error *error);

/* Appends " (code X, status N): message" for people. */
struct strbuf;
void arm_error_append(const struct arm_error *error, struct strbuf *out);
