/*
 * daemon: one engine on one policy, from start to stop.
 */
#pragma once

#include "snapkeepd/host.h"

struct daemon_options {
        const char *policy_path;
        bool once; /* one round, then the end */
};

/*
 * Runs until a signal, or with once until the round has ended. Returns an exit status: 0, EX_TEMPFAIL
 * when the one round could not do all that was due, EX_CONFIG for a policy that cannot be used,
 * EX_OSERR.
 */
int daemon_run(struct host *host, const struct daemon_options *options);
