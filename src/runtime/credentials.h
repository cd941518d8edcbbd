/*
 * credentials: what systemd laid out for the service (systemd.exec(5), "CREDENTIALS"), the variables
 * of its environment, and the files that others renew.
 *
 * Each read goes to the file. systemd does not renew a credential while the service runs, so a
 * changed one is seen after a restart.
 */
#pragma once

#include "base/macros.h"
#include "base/secrets.h"

struct credentials_options {
        const char *directory; /* $CREDENTIALS_DIRECTORY as main found it; NULL: no credentials */
        const char *arc_directory; /* NULL: SECRETS_ARC_DIRECTORY */
};

/* Strings are copied; no directory is looked at before the first read. Returns 0 or -ENOMEM. */
int credentials_new(const struct credentials_options *options, struct secrets **ret_secrets);
struct secrets *credentials_free(struct secrets *secrets);
DEFINE_CLEANUP(struct secrets *, credentials_free)
