/*
 * host: the real world put together: loop, transport, randomness, zones, credentials, log. What
 * snapkeepd runs the engine on, and snapkeepctl for the verbs that speak with Azure themselves.
 */
#pragma once

#include "base/macros.h"
#include "base/strbuf.h"
#include "base/zones.h"
#include "config/diagnostics.h"
#include "core/policy.h"
#include "engine/services.h"
#include "runtime/loop.h"

struct host {
        struct loop *loop;
        struct transport *transport; /* NULL until host_connect() */
        struct random *random;
        struct zones *zones;
        struct secrets *secrets;
        struct store *store; /* NULL until host_open_state(), and where there is no directory */
        struct log *log;
};

/* Reads the environment that systemd gives: JOURNAL_STREAM, CREDENTIALS_DIRECTORY, NO_COLOR. Makes
 * the process undumpable, since its memory will hold tokens. Failures are told on stderr. Returns 0
 * or a negative errno. */
int host_open(const char *identifier, struct host *ret_host);
void host_close(struct host *host);

/* Opens the state directory, the first of $STATE_DIRECTORY, for what is remembered across restarts.
 * Without one that is logged, and the host goes on without; of one that is there and cannot be opened, nothing can
 * be read or written. Returns 0 or -ENOMEM. */
int host_open_state(struct host *host);

/* Makes the transport that the policy asks for; an earlier one must have no calls. Failures are
 * logged. Returns 0 or a negative errno. */
int host_connect(struct host *host, const struct policy_file *file);

struct services host_services(const struct host *host);

/*
 * Reads and checks the policy file, the proofs of core/proofs.h included. All that is to be told is
 * in @diagnostics, which the caller has zeroed and deinits. Returns 0, CONFIG_E_INVALID, or -ENOMEM.
 */
int policy_load(const char *path, struct zones *zones, struct utc now,
                struct policy_file **ret_file, struct diagnostics *diagnostics);

/* The same, and tells the diagnostics, one log entry each. Appends the first error to @why, which may
 * be NULL. */
int host_load_policy(struct host *host, const char *path, struct policy_file **ret_file,
                     struct strbuf *why);
