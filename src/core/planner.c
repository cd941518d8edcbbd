/*
 * One run: which targets select which disks, and each selected series in turn.
 */
#include "core/planner-internal.h"

#include "base/array.h"
#include "base/str.h"
#include "core/targets.h"

#include <errno.h>
#include <string.h>

/* The series' members by the time of their creation, for doubt_peer_stands(). */
static int seen_compare(const void *a, const void *b) {
        const struct rule_seen *x = a, *y = b;

        return CMP(x->at.ticks, y->at.ticks) ?: CMP(x->rule, y->rule);
}

/* An adopted one was created by others long before a daemon wrote its rule on it. */
static uint16_t rule_of_daemon(const struct snapshot_row *row) {
        return row->flags & ROW_ADOPTED ? 0 : row->keep;
}

static int peer_doubt(const struct planner *p, const struct series *s, uint32_t *doubts) {
        _cleanup_(freep) struct rule_seen *seen = NULL;
        bool differ = false;
        uint16_t first = 0;
        size_t n = 0;

        /* Nearly always there is one rule, and nothing to be put in order. */
        for (size_t i = 0; i < s->n_members; i++) {
                uint16_t keep = rule_of_daemon(series_row(s, i));

                differ |= keep != 0 && first != 0 && keep != first;
                first = first ?: keep;
        }
        if (!differ)
                return 0;

        seen = calloc(s->n_members, sizeof(*seen));
        if (!seen)
                return -ENOMEM;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);

                if (rule_of_daemon(row) != 0 && utc_is_set(row->time_created) &&
                    !snapshot_row_is_future(row, p->now))
                        seen[n++] = (struct rule_seen){row->time_created, row->keep};
        }
        qsort(seen, n, sizeof(*seen), seen_compare);
        if (doubt_peer_stands(seen, n, p->now))
                *doubts |= DOUBT_BIT(DOUBT_PEER);
        return 0;
}

int planner_add_action(struct planner *p, enum action_kind kind, const char *generation,
                       struct action **ret_action) {
        struct plan *plan = p->plan;
        struct action *action;
        int r;

        r = array_grow(&plan->actions, plan->n_actions, &plan->actions_capacity,
                       sizeof(*plan->actions), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;

        /* The sizes of texts are those of the parts' own ceilings. */
        action = &plan->actions[plan->n_actions++];
        *action = (struct action){
                .kind = kind,
                .policy = ACTION_NO_POLICY,
                .series = ACTION_NO_SERIES,
        };
        stpcpy(action->subscription, p->view->subscription);
        stpcpy(action->generation, generation);
        *ret_action = action;
        return 0;
}

void planner_wait_until(struct planner *p, struct utc when) {
        p->plan->next.ticks = MIN(p->plan->next.ticks, when.ticks);
}

static int claim_row(struct planner *p, const struct snapshot_row *row, bool *again) {
        bool *claimed = &p->claimed[row - p->view->snapshots];

        if (*claimed) {
                *again = true;
                return 0;
        }
        *claimed = true;
        return snapshot_row_is_future(row, p->now) ? planner_find_row(p, FINDING_FUTURE, row) : 0;
}

/* Marks the members and the backups, and finds those of them that are dated in the future. */
static int claim(struct planner *p, const struct series *s, bool *ret_again) {
        int r = 0;

        *ret_again = false;
        for (size_t i = 0; i < s->n_members && r == 0; i++)
                r = claim_row(p, series_row(s, i), ret_again);
        for (size_t i = 0; i < s->n_rows && r == 0; i++)
                if (series_has_backup(s, &s->rows[i]))
                        r = claim_row(p, &s->rows[i], ret_again);
        return r;
}

int planner_begin_series(struct planner *p, const struct series *s, struct series_state **ret_state,
                         bool *ret_again) {
        const struct generation_standing *known =
                standing_generation(p->standing, s->key.generation);
        struct series_state *state;
        int r;

        r = array_grow(&p->plan->series, p->plan->n_series, &p->plan->series_capacity,
                       sizeof(*p->plan->series), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        state = &p->plan->series[p->plan->n_series++];
        series_sum_up(s, p->now, state);

        if (known && known->internal)
                state->doubts |= DOUBT_BIT(DOUBT_INTERNAL);
        r = peer_doubt(p, s, &state->doubts);
        r = r ?: claim(p, s, ret_again);
        *ret_state = state;
        return r;
}

int planner_add_selector(struct planner *p, struct series_state *state, size_t target) {
        struct plan *plan = p->plan;
        int r;

        r = array_grow(&plan->selectors, plan->n_selectors, &plan->selectors_capacity,
                       sizeof(*plan->selectors), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        if (state->n_targets++ == 0)
                state->first_target = plan->n_selectors;
        plan->selectors[plan->n_selectors++] = (uint32_t)target;
        return 0;
}

/* Whether the newest one's tag has another id than the disk has. */
static bool has_moved(const struct planner *p, const struct series *s) {
        for (size_t i = s->n_members; i-- > 0;)
                if (!snapshot_row_is_future(series_row(s, i), p->now))
                        return series_row(s, i)->flags & ROW_MOVED;
        return false;
}

/* A disk under one policy, which @n targets select. */
static int plan_series(struct planner *p, const struct selection *selections, size_t n) {
        const struct disk_row *disk = &p->view->disks[selections->disk];
        size_t policy = selections->policy;
        struct series_state *state;
        struct accepted accepted;
        struct series s;
        int64_t jitter_s;
        bool again;
        int r;

        r = series_read(p->file, p->view, policy, disk, &p->scratch, &s);
        if (r < 0)
                return r;
        r = schedule_jitter_below(s.key.generation, p->file->policies[policy].jitter_s, &jitter_s);
        if (r < 0)
                return r;
        r = planner_begin_series(p, &s, &state, &again);
        if (r < 0)
                return r;

        planner_accepted(p, &s, &accepted);
        for (size_t i = 0; i < n && r == 0; i++)
                r = planner_add_selector(p, state, selections[i].target);
        r = r ?: planner_create(p, &s, jitter_s, &accepted, state);
        if (r == 0 && has_moved(p, &s))
                r = planner_find_disk(p, FINDING_MOVED, disk);
        /* A disk that was moved may be listed under both ids for a while. */
        if (r < 0 || again)
                return r;
        return planner_tally(p, &s, jitter_s, &accepted, state) ?: planner_prune(p, &s, state);
}

/* All series of a disk; its selections begin at @first. */
static int plan_disk(struct planner *p, size_t first, size_t end) {
        const struct disk_row *disk = &p->view->disks[p->selections[first].disk];

        p->found = 0;
        p->creates = 0;
        if (disk->generation == 0)
                return planner_find_disk(p, FINDING_NO_GENERATION, disk);

        for (size_t i = first, n; i < end; i += n) {
                int r;

                n = 1;
                while (i + n < end && p->selections[i + n].policy == p->selections[i].policy)
                        n++;
                r = plan_series(p, &p->selections[i], n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_disks(struct planner *p) {
        for (size_t i = 0, end; i < p->n_selections; i = end) {
                int r;

                end = i + 1;
                while (end < p->n_selections && p->selections[end].disk == p->selections[i].disk)
                        end++;
                r = plan_disk(p, i, end);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the series of listed disks have, before those of gone ones and what is retired are claimed too. */
static void keep_claims(struct planner *p) {
        memcpy(p->plan->claimed, p->claimed, p->view->n_snapshots * sizeof(*p->claimed));
}

static int select_disk(struct planner *p, size_t target, const struct disk_row *disk) {
        int r;

        r = array_grow(&p->selections, p->n_selections, &p->selections_capacity,
                       sizeof(*p->selections), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        p->selections[p->n_selections++] = (struct selection){
                .disk = (uint32_t)(disk - p->view->disks),
                .policy = (uint32_t)p->file->targets[target].policy,
                .target = (uint32_t)target,
        };
        return 0;
}

static int select_by_target(struct planner *p, size_t t) {
        const struct target *target = &p->file->targets[t];

        for (size_t i = 0; i < target->n_disks; i++) {
                const struct resource_id *id = &target->disks[i];
                const struct disk_row *disk;
                int r;

                if (strcmp(id->subscription, p->view->subscription) != 0)
                        continue;
                disk = view_find_disk(p->view, id->group, id->name);
                if (!disk)
                        continue;
                r = select_disk(p, t, disk);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < p->view->n_disks; i++)
                if (target_matches(target, p->view, &p->view->disks[i])) {
                        int r = select_disk(p, t, &p->view->disks[i]);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int selection_compare(const void *a, const void *b) {
        const struct selection *x = a, *y = b;

        return CMP(x->disk, y->disk) ?: CMP(x->policy, y->policy) ?: CMP(x->target, y->target);
}

/* Ids are looked up and not compared with every disk: ten thousand of them may be written down. */
static int select_disks(struct planner *p) {
        size_t n = 0;

        for (size_t t = 0; t < p->file->n_targets; t++) {
                int r = select_by_target(p, t);
                if (r < 0)
                        return r;
        }
        if (p->n_selections == 0)
                return 0;

        qsort(p->selections, p->n_selections, sizeof(*p->selections), selection_compare);
        for (size_t i = 0; i < p->n_selections; i++) {
                if (i > 0 && selection_compare(&p->selections[i - 1], &p->selections[i]) == 0)
                        continue;
                p->selections[n++] = p->selections[i];
                p->plan->found[p->selections[n - 1].target]++;
        }
        p->n_selections = n;
        return 0;
}

static int action_compare(const void *a, const void *b) {
        const struct action *x = a, *y = b;

        return CMP((int)x->kind, (int)y->kind)
                       ?: CMP(x->slot.ticks, y->slot.ticks)
                       ?: str_compare_nocase(x->group, y->group)
                       ?: str_compare_nocase(x->name, y->name)
                       ?: CMP(x->series, y->series);
}

/* What is the same for all series of a policy. */
int planner_prepare(struct planner *p) {
        const struct policy_file *file = p->file;

        /* One more of each, so that none is not a request for no memory. */
        p->rules = calloc(file->n_policies + 1, sizeof(*p->rules));
        if (!p->rules)
                return -ENOMEM;

        for (size_t i = 0; i < file->n_policies; i++) {
                const struct policy *policy = &file->policies[i];
                struct strbuf rule = {};
                int r;

                keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, &rule);
                r = strbuf_take(&rule, &p->rules[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

void planner_deinit(struct planner *p) {
        for (size_t i = 0; i < p->file->n_policies && p->rules; i++)
                free(p->rules[i]);
        free(p->rules);
        free(p->claimed);
        free(p->selections);
        series_scratch_deinit(&p->scratch);
}

/* Room in the plan itself. */
static int prepare_plan(struct planner *p) {
        p->claimed = calloc(p->view->n_snapshots + 1, sizeof(*p->claimed));
        p->plan->claimed = calloc(p->view->n_snapshots + 1, sizeof(*p->plan->claimed));
        p->plan->policies = calloc(p->file->n_policies + 1, sizeof(*p->plan->policies));
        p->plan->found = calloc(p->file->n_targets + 1, sizeof(*p->plan->found));
        if (!p->claimed || !p->plan->claimed || !p->plan->policies || !p->plan->found)
                return -ENOMEM;
        p->plan->n_policies = p->file->n_policies;
        p->plan->n_found = p->file->n_targets;
        return 0;
}

void planner_sort(struct plan *plan) {
        if (plan->n_actions > 0)
                qsort(plan->actions, plan->n_actions, sizeof(*plan->actions), action_compare);
}

int planner_run(const struct policy_file *file, const struct world_view *view,
                const struct standing *standing, struct utc now, struct plan **ret_plan) {
        _cleanup_(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
        struct planner p = {
                .file = file, .view = view, .standing = standing, .now = now, .plan = plan};
        int r;

        if (!plan)
                return -ENOMEM;
        plan->next = UTC_NEVER;

        r = planner_prepare(&p);
        r = r ?: prepare_plan(&p);
        if (r == 0)
                planner_count_listed(&p);
        r = r ?: select_disks(&p);
        r = r ?: plan_disks(&p);
        if (r == 0)
                keep_claims(&p);
        r = r ?: planner_unselected(&p);
        r = r ?: planner_retired(&p);
        r = r ?: planner_gone(&p);
        r = r ?: planner_find_rest(&p);
        planner_deinit(&p);
        if (r < 0)
                return r;

        planner_sort(plan);
        plan_settle(plan, /* standing= */ NULL);
        *ret_plan = take_ptr(plan);
        return 0;
}
