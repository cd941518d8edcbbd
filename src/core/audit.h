/*
 * audit: whether a plan deletes what no plan may, counted anew from the rows.
 *
 * The planner has judged all of this. The audit shares none of its code, neither series nor retention nor
 * floors, and knows no more than DESIGN section 5 says in a sentence each: what goes is ours, of the policy, in
 * its group, complete or failed, held by nobody, old enough; min_keep complete ones stay, and the newest among
 * them. So a fault of ours becomes doubt internal, and no deletion.
 */
#pragma once

#include "core/planner.h"

/* Told of a generation that the plan deletes of and must not, once for each of its series. @rule: what is broken,
 * for a log: "fewer than min_keep would stay". */
typedef void (*audit_fn)(const char *generation, const char *rule, void *data);

/*
 * @now: that of planner_run(). A series of which doubt internal holds everything back is left out. Linear in the
 * actions and in the rows of those generations of which anything goes, but for the sorting of their ids. Returns
 * 0 or -ENOMEM, and then nothing may be believed of the plan.
 */
int audit_plan(const struct policy_file *file, const struct world_view *view,
               const struct plan *plan, struct utc now, audit_fn fn, void *data);
