/*
 * credentials: the secrets that systemd laid out for the service (systemd.exec(5), "CREDENTIALS").
 *
 * Each read goes to the file. systemd does not renew it while the service runs, so a changed
 * credential is seen after a restart.
 */
#pragma once

#include "base/macros.h"
#include "base/secrets.h"

/* @directory is $CREDENTIALS_DIRECTORY as main found it, or NULL: then there is no credential at
 * all. It is not looked at before the first read. Returns 0 or -ENOMEM. */
int credentials_new(const char *directory, struct secrets **ret_secrets);
struct secrets *credentials_free(struct secrets *secrets);
DEFINE_CLEANUP(struct secrets *, credentials_free)
