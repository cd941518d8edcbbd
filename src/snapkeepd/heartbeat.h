/*
 * heartbeat: tells a service such as healthchecks.io that rounds begin and end, so that silence is
 * noticed by somebody else.
 *
 * By that service's convention URL/start is called when a round begins, URL when it ended well, and
 * URL/fail when it did not. The URL is a secret: it is read from its credential for every call and
 * stands in no log. A call that fails warns, once until one comes through again, and does nothing
 * else: no backup waits for it, or fails with it. Calls go out one after the other, in their order; of
 * those that wait the latest end counts.
 */
#pragma once

#include "core/policy.h"
#include "snapkeepd/host.h"

struct heartbeat;

/* @config is borrowed for its life, as is @host; calls go through @transport. Returns NULL when memory
 * is out. */
struct heartbeat *heartbeat_new(const struct host *host, struct transport *transport,
                                const struct policy_heartbeat *config);
/* What is under way is forgotten. Copes with NULL, returns NULL. */
struct heartbeat *heartbeat_free(struct heartbeat *heartbeat);

/* Both cope with NULL. */
void heartbeat_begin(struct heartbeat *heartbeat);
void heartbeat_end(struct heartbeat *heartbeat, bool well);
