/*
 * What the rig's own files share.
 */
#pragma once

#include "rig.h"

/* Aborts unless 0. */
void rig_must(int r);

/* rig-wire.c: puts the node's transport before its link's, so that the checks hear of requests when
 * they are sent and of replies when they are read. */
void rig_watch_wire(struct rig_node *node);

/* rig-operator.c: hands what the daemon shows of its series to the checks. */
void rig_compare_status(struct rig_node *node);
/* An invariant that broke unasked ends the simulation. */
void rig_check_invariants(const struct rig_node *node);
