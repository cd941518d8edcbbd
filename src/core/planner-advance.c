/*
 * Slots that come while a world is still the newest there is: only the series they are of are planned
 * again.
 */
#include "core/planner-internal.h"

#include "core/targets.h"

#include <errno.h>
#include <string.h>

/* Whether its create is to be worked out anew at p->now. */
static bool is_due(const struct planner *p, const struct series_state *state, bool waits) {
        return !state->gone && (waits || state->deferred || state->next.ticks <= p->now.ticks);
}

/*
 * Takes the creates of the series that are due out of the plan, so that each slot is planned once.
 * @ret_due tells for each series whether it is due.
 */
static void drop_creates(const struct planner *p, bool *ret_due) {
        struct plan *plan = p->plan;
        size_t kept = 0;

        for (size_t i = 0; i < plan->n_actions; i++)
                if (plan->actions[i].kind == ACTION_CREATE &&
                    plan->actions[i].blocked & BLOCK_BURST)
                        ret_due[plan->actions[i].series] = true;
        for (size_t i = 0; i < plan->n_series; i++)
                ret_due[i] = is_due(p, &plan->series[i], ret_due[i]);

        for (size_t i = 0; i < plan->n_actions; i++) {
                struct action *action = &plan->actions[i];

                if (action->kind == ACTION_CREATE && ret_due[action->series])
                        action_deinit(action);
                else
                        plan->actions[kept++] = *action;
        }
        plan->n_actions = kept;
}

/* Those of the same disk under other policies, which share its limits. */
static size_t count_creates(const struct plan *plan, const char *generation) {
        size_t n = 0;

        for (size_t i = 0; i < plan->n_actions; i++)
                n += plan->actions[i].kind == ACTION_CREATE && plan->actions[i].blocked == 0 &&
                     strcmp(plan->actions[i].generation, generation) == 0;
        return n;
}

static int advance_series(struct planner *p, struct series_state *state) {
        const struct disk_row *disk = view_find_disk(p->view, state->disk.group, state->disk.name);
        struct accepted accepted;
        struct series s;
        int64_t jitter_s;
        int r;

        r = series_read(p->file, p->view, state->policy, disk, &p->scratch, &s);
        if (r < 0)
                return r;
        r = schedule_jitter_below(s.key.generation, p->file->policies[state->policy].jitter_s,
                                  &jitter_s);
        if (r < 0)
                return r;

        planner_accepted(p, &s, &accepted);
        p->creates = count_creates(p->plan, state->generation);
        state->due = UTC_NONE;
        state->deferred = false;
        state->doubts &= ~DOUBT_BIT(DOUBT_STALE);
        return planner_create(p, &s, jitter_s, &accepted, state);
}

int planner_advance(const struct policy_file *file, const struct world_view *view,
                    const struct standing *standing, struct utc now, struct plan *plan) {
        struct planner p = {.file = file,
                            .view = view,
                            .standing = standing,
                            .now = now,
                            .plan = plan,
                            .again = true};
        _cleanup_(freep) bool *due = NULL;
        int r;

        due = calloc(plan->n_series + 1, sizeof(*due));
        if (!due)
                return -ENOMEM;
        r = planner_prepare(&p);
        if (r == 0) {
                drop_creates(&p, due);
                plan->next = UTC_NEVER;
        }
        for (size_t i = 0; i < plan->n_series && r == 0; i++)
                if (due[i])
                        r = advance_series(&p, &plan->series[i]);
                else
                        planner_wait_until(&p, plan->series[i].next);
        planner_deinit(&p);
        if (r < 0)
                return r;

        planner_sort(plan);
        return 0;
}
