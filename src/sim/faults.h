/*
 * sim/faults: which request meets which fault, on demand, by rules that somebody writes down. (What
 * strikes by chance, and the same way for the same seed, is network.h's.)
 *
 *     {"faults": [{"fault": "throttled", "request": "put_snapshot", "method": "PUT", "url": "*rg-a*",
 *                  "after": 2, "every": 3, "times": 5, "retry_after": 7}]}
 *
 * A rule looks at the requests that fit all of "request" (a kind, service_request_kind_name()),
 * "method" and "url" (a pattern of the whole, without case); what is absent fits all. It lets the
 * first "after" of them pass (0), strikes at every "every"-th from there (1), and "times" times in all
 * (for ever). The first rule that strikes decides; those before it have counted the request, too.
 */
#pragma once

#include "sim/service.h"

enum {
        FAULTS_E_INVALID = 1, /* the text is not as above */
};

enum fault_effect {
        FAULT_NONE,
        FAULT_REPLY,       /* an answer in place of the service's: no effect */
        FAULT_REPLY_AFTER, /* the same, and the effect has happened */
        FAULT_ODD_BODY,    /* the status of the service's answer with another body */
        FAULT_LOST_BEFORE, /* the connection breaks: no effect */
        FAULT_LOST_AFTER,  /* the connection breaks: the effect has happened */
        FAULT_OPERATION,   /* the operation that a create begins ends Failed */
};

/* What struck. */
struct fault {
        enum fault_effect effect; /* FAULT_NONE: nothing did */
        const struct fault_kind *kind;
        int64_t retry_after_s; /* below 0 for the kind's own */
};

struct faults;

int faults_new(struct faults **ret_faults);
struct faults *faults_free(struct faults *faults);
DEFINE_CLEANUP(struct faults *, faults_free)

/* Rules in place of those before. After an error these stand; *reterr_what, owned by the caller, says
 * what is wrong and where. Returns 0, -ENOMEM or FAULTS_E_INVALID. */
int faults_load(struct faults *faults, const char *json, size_t len, char **reterr_what);

/* Counts the request in every rule and says what strikes it. */
struct fault faults_strike(struct faults *faults, enum http_method method, const char *url);
/* How often a rule has struck since the start. */
uint64_t faults_struck(const struct faults *faults);

/* The reply of FAULT_REPLY and FAULT_REPLY_AFTER. Returns 0 or -ENOMEM. */
int fault_reply(const struct fault *fault, struct service *service, struct utc now,
                struct http_reply **ret_reply);
/* FAULT_ODD_BODY: puts the fault's body in place of the reply's. Returns 0 or -ENOMEM. */
int fault_spoil(const struct fault *fault, struct http_reply *reply);

/* The names of all faults, for help and tests; NULL beyond the last. */
const char *fault_name(size_t index);
