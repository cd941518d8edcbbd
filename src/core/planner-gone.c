/*
 * Generations whose disk is not to be had any more: frozen, kept, or run on by the rule when it is
 * gone; deleted, as far as they were there then, when an operator retires them.
 */
#include "core/planner-internal.h"

#include "base/array.h"
#include "base/str.h"
#include "core/targets.h"

#include <errno.h>
#include <string.h>

/* The targets whose doubt holds what is left of the disk. */
static int add_selectors(struct planner *p, size_t policy, const struct resource_id *id,
                         struct series_state *state) {
        for (size_t i = 0; i < p->file->n_targets; i++) {
                int r;

                if (p->file->targets[i].policy != policy ||
                    !target_selects_gone(&p->file->targets[i], id))
                        continue;
                r = planner_add_selector(p, state, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether nothing of the series may be deleted at @now. The end of a freeze is a time to plan at. */
static bool is_frozen(struct planner *p, const struct policy *policy, struct utc since) {
        struct utc end = utc_add_seconds(since, policy->freeze_s);

        switch (policy->gone) {
        case GONE_KEEP:
                return true;
        case GONE_APPLY:
                break;
        }
        if (p->now.ticks >= end.ticks)
                return false;
        planner_wait_until(p, end);
        return true;
}

static int find_frozen(struct planner *p, const struct series *s, struct series_state *state) {
        state->doubts |= BLOCK_GONE;
        for (size_t i = 0; i < s->n_members; i++) {
                int r = planner_find_row(p, FINDING_GONE, series_row(s, i));
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < s->n_rows; i++) {
                int r = series_has_backup(s, &s->rows[i])
                                ? planner_find_row(p, FINDING_GONE, &s->rows[i])
                                : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_gone_series(struct planner *p, size_t policy, const struct resource_id *id,
                            uint32_t generation, uint32_t region, struct utc since) {
        struct series_state *state;
        struct accepted accepted;
        struct series s;
        bool again;
        int r;

        r = series_read_orphan(p->file, p->view, policy, generation, region, &p->scratch, &s);
        if (r < 0)
                return r;
        r = planner_begin_series(p, &s, &state, &again);
        if (r < 0)
                return r;
        state->disk = *id;
        state->gone = true;
        r = add_selectors(p, policy, id, state);
        if (r < 0 || again)
                return r;

        if (is_frozen(p, s.policy, since))
                return find_frozen(p, &s, state);

        planner_accepted(p, &s, &accepted);
        return planner_tally(p, &s, /* jitter_s= */ 0, &accepted, state)
                       ?: planner_prune(p, &s, state);
}

/* One series for each region that has snapshots of the policy, and none of them retired. */
static int plan_gone_disk(struct planner *p, size_t policy, const struct resource_id *id,
                          uint32_t generation, const struct generation_standing *known) {
        const struct policy *rule = &p->file->policies[policy];
        const struct snapshot_row *rows;
        size_t n;

        view_generation(p->view, generation, &rows, &n);
        for (size_t i = 0; i < n; i++) {
                bool seen = false;
                int r;

                if (!policy_goes_on(rule, p->view, &rows[i]))
                        continue;
                for (size_t j = 0; j < i && !seen; j++)
                        seen = rows[j].region == rows[i].region &&
                               policy_goes_on(rule, p->view, &rows[j]);
                if (seen || policy_is_retired(rule, p->view, generation, rows[i].region, known))
                        continue;
                r = plan_gone_series(p, policy, id, generation, rows[i].region, known->gone_since);
                if (r < 0)
                        return r;
        }
        return 0;
}

int planner_gone(struct planner *p) {
        for (size_t i = 0; i < p->view->n_orphans; i++) {
                const struct orphan *orphan = &p->view->orphans[i];
                const struct generation_standing *known =
                        standing_generation(p->standing, view_str(p->view, orphan->generation));
                struct resource_id id;

                if (!known || !utc_is_set(known->gone_since) ||
                    !orphan_disk_id(p->view, orphan, &id))
                        continue;
                for (size_t policy = 0; policy < p->file->n_policies; policy++) {
                        int r;

                        if (!policy_selects_gone(p->file, policy, &id) ||
                            standing_is_unselected(p->standing, known->generation,
                                                   &p->file->policies[policy]))
                                continue;
                        r = plan_gone_disk(p, policy, &id, orphan->generation, known);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static size_t policy_of_tag(const struct policy_file *file, const char *name) {
        for (size_t i = 0; i < file->n_policies; i++)
                if (policy_claims(&file->policies[i], name))
                        return i;
        return ACTION_NO_POLICY;
}

/* What the operator saw when the hash was given, and nothing that came since or is in a series that goes on. */
static int retire_generation(struct planner *p, uint32_t generation,
                             const struct generation_standing *known) {
        const struct snapshot_row *rows;
        size_t n;

        view_generation(p->view, generation, &rows, &n);
        for (size_t i = 0; i < n; i++) {
                struct strbuf reason = {};
                struct action *action;
                int r;

                if (!snapshot_row_is_ours(&rows[i]) || rows[i].flags & (ROW_HELD | ROW_LEAVING) ||
                    guid_is_nil(&rows[i].unique_id) ||
                    p->plan->claimed[&rows[i] - p->view->snapshots] ||
                    !guids_have(known->retired, known->n_retired, &rows[i].unique_id))
                        continue;

                strbuf_append_str(&reason, "retired by the operator");
                r = planner_delete(p, &rows[i], &reason, &action);
                if (r < 0)
                        return r;
                action->policy = policy_of_tag(p->file, view_str(p->view, rows[i].policy));
                action->retired = true;
                p->claimed[&rows[i] - p->view->snapshots] = true;
        }
        return 0;
}

int planner_retired(struct planner *p) {
        size_t n = p->standing ? p->standing->n_generations : 0;

        for (size_t i = 0; i < n; i++) {
                const struct generation_standing *known = &p->standing->generations[i];
                uint32_t generation;
                int r;

                if (known->n_retired == 0 || known->internal)
                        continue;
                generation = intern_find(p->view->strings, known->generation);
                r = generation != 0 ? retire_generation(p, generation, known) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One more, unless it is among those of the generation, which are the last ones. */
static int add_unselected(struct planner *p, uint32_t generation, size_t policy) {
        struct plan *plan = p->plan;
        int r;

        for (size_t i = plan->n_unselected;
             i-- > 0 && plan->unselected[i].generation == generation;)
                if (plan->unselected[i].policy == policy)
                        return 0;
        r = array_grow(&plan->unselected, plan->n_unselected, &plan->unselected_capacity,
                       sizeof(*plan->unselected), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        plan->unselected[plan->n_unselected++] =
                (struct plan_unselected){generation, (uint32_t)policy};
        return 0;
}

static int unselected_compare(const void *a, const void *b) {
        const struct plan_unselected *x = a, *y = b;

        return CMP(x->generation, y->generation) ?: CMP(x->policy, y->policy);
}

/* Takes those out that are selected, and have snapshots of ours that are in no series for another reason:
 * they are in another region than the disk, or in a name's second listing. */
static int drop_selected(struct planner *p) {
        _cleanup_(freep) struct plan_unselected *selected = NULL;
        struct plan *plan = p->plan;
        size_t n = 0;

        if (plan->n_unselected == 0 || p->n_selections == 0)
                return 0;
        selected = calloc(p->n_selections, sizeof(*selected));
        if (!selected)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_selections; i++)
                selected[i] = (struct plan_unselected){
                        p->view->disks[p->selections[i].disk].generation, p->selections[i].policy};
        qsort(selected, p->n_selections, sizeof(*selected), unselected_compare);
        for (size_t i = 0; i < plan->n_unselected; i++)
                if (!bsearch(&plan->unselected[i], selected, p->n_selections, sizeof(*selected),
                             unselected_compare))
                        plan->unselected[n++] = plan->unselected[i];
        plan->n_unselected = n;
        return 0;
}

int planner_unselected(struct planner *p) {
        for (size_t i = 0; i < p->view->n_snapshots; i++) {
                const struct snapshot_row *row = &p->view->snapshots[i];

                if (p->claimed[i] || row->generation == 0 || !snapshot_row_is_ours(row) ||
                    view_find_orphan(p->view, row->generation))
                        continue;
                for (size_t policy = 0; policy < p->file->n_policies; policy++) {
                        int r = policy_goes_on(&p->file->policies[policy], p->view, row)
                                        ? add_unselected(p, row->generation, policy)
                                        : 0;
                        if (r < 0)
                                return r;
                }
        }
        return drop_selected(p);
}
