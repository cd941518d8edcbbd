#include "core/planner.h"

#include "base/array.h"
#include "base/str.h"
#include "core/naming.h"
#include "core/series.h"
#include "core/targets.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* What one run works with; the plan is what stays. */
struct planner {
        const struct policy_file *file;
        const struct world_view *view;
        struct utc now;
        struct plan *plan;
        int64_t *jitter_bounds; /* [n_policies], seconds */
        bool *claimed;          /* [n_snapshots]: in a series that was selected */
        struct series_scratch scratch;
};

void action_deinit(struct action *action) {
        free(action->reason);
        free(action->location);
        action->reason = action->location = NULL;
}

struct resource_id action_snapshot_id(const struct action *action) {
        struct resource_id id = {.type = RESOURCE_SNAPSHOT};

        stpcpy(id.subscription, action->subscription);
        stpcpy(id.group, action->group);
        stpcpy(id.name, action->name);
        return id;
}

int action_copy(const struct action *action, struct action *ret_copy) {
        struct action copy = *action;

        copy.reason = strdup(action->reason);
        copy.location = action->location ? strdup(action->location) : NULL;
        if (!copy.reason || (action->location && !copy.location)) {
                action_deinit(&copy);
                return -ENOMEM;
        }
        *ret_copy = copy;
        return 0;
}

struct plan *plan_free(struct plan *plan) {
        if (!plan)
                return NULL;

        for (size_t i = 0; i < plan->n_actions; i++)
                action_deinit(&plan->actions[i]);
        for (size_t i = 0; i < plan->n_findings; i++)
                free(plan->findings[i].subject);
        free(plan->actions);
        free(plan->findings);
        free(plan->series);
        free(plan);
        return NULL;
}

/* Counts one more of @kind; the first gives the subject. */
static int find(struct planner *p, enum finding_kind kind, const char *group, const char *name) {
        struct plan *plan = p->plan;
        struct strbuf subject = {};
        struct finding *finding;
        int r;

        for (size_t i = 0; i < plan->n_findings; i++)
                if (plan->findings[i].kind == kind) {
                        plan->findings[i].count++;
                        return 0;
                }

        r = array_grow(&plan->findings, plan->n_findings, &plan->findings_capacity,
                       sizeof(*plan->findings), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;

        finding = &plan->findings[plan->n_findings];
        *finding = (struct finding){.kind = kind, .count = 1};
        strbuf_appendf(&subject, "%s/%s/%s", p->view->subscription, group, name);
        r = strbuf_take(&subject, &finding->subject);
        if (r < 0)
                return r;

        plan->n_findings++;
        return 0;
}

static int find_row(struct planner *p, enum finding_kind kind, const struct snapshot_row *row) {
        char name[SNAPSHOT_NAME_SIZE];

        return find(p, kind, view_str(p->view, row->group), snapshot_row_name(p->view, row, name));
}

static int find_disk(struct planner *p, enum finding_kind kind, const struct disk_row *disk) {
        return find(p, kind, view_str(p->view, disk->group), view_str(p->view, disk->name));
}

static int add_action(struct plan *plan, struct action **ret_action) {
        int r;

        r = array_grow(&plan->actions, plan->n_actions, &plan->actions_capacity,
                       sizeof(*plan->actions), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;

        *ret_action = &plan->actions[plan->n_actions++];
        **ret_action = (struct action){};
        return 0;
}

/* Fills what both kinds of action share. The sizes are those of the parts' own ceilings. */
static void action_init(struct action *action, enum action_kind kind, const struct planner *p,
                        const struct series *s) {
        action->kind = kind;
        action->policy = s->policy_index;
        stpcpy(action->subscription, p->view->subscription);
        stpcpy(action->generation, s->key.generation);
}

static int plan_create(struct planner *p, const struct series *s, struct utc slot) {
        struct action *action;
        unsigned attempt;
        char text[UTC_TEXT_SIZE];
        struct strbuf reason = {};
        int r;

        attempt = series_free_attempt(s, slot);
        if (attempt == 0)
                return find_disk(p, FINDING_NO_ATTEMPT, s->disk);

        r = add_action(p->plan, &action);
        if (r < 0)
                return r;

        action_init(action, ACTION_CREATE, p, s);
        stpcpy(action->group, s->policy->snapshot_group);
        naming_snapshot(s->prefix, slot, attempt, action->name);
        action->slot = slot;
        action->attempt = attempt;
        action->disk.type = RESOURCE_DISK;
        stpcpy(action->disk.subscription, p->view->subscription);
        stpcpy(action->disk.group, view_str(p->view, s->disk->group));
        stpcpy(action->disk.name, view_str(p->view, s->disk->name));
        action->location = strdup(view_str(p->view, s->disk->location));
        if (!action->location)
                return -ENOMEM;

        strbuf_appendf(&reason, "slot %s is due", utc_format(slot, text));
        if (attempt > 1)
                strbuf_appendf(&reason, ", attempt %u", attempt);
        return strbuf_take(&reason, &action->reason);
}

static int plan_delete(struct planner *p, const struct series *s, const struct snapshot_row *row,
                       struct strbuf *reason) {
        struct action *action;
        int r;

        r = add_action(p->plan, &action);
        if (r < 0) {
                strbuf_deinit(reason);
                return r;
        }

        action_init(action, ACTION_DELETE, p, s);
        stpcpy(action->group, view_str(p->view, row->group));
        snapshot_row_name(p->view, row, action->name);
        action->slot = row->slot;
        action->attempt = row->attempt;
        action->unique_id = row->unique_id;
        action->time_created = row->time_created;
        action->tag_hash = row->tag_hash;
        return strbuf_take(reason, &action->reason);
}

/* Whether an unsuccessful one has been there long enough for people to look at. */
static bool failed_is_old(const struct snapshot_row *row, struct utc now) {
        return (row->flags & ROW_FAILED) && !(row->flags & ROW_HELD) &&
               utc_is_set(row->time_created) &&
               utc_add_seconds(row->time_created, PLANNER_FAILED_LIFE_S).ticks <= now.ticks;
}

static int plan_deletes(struct planner *p, const struct series *s) {
        const struct policy *policy = s->policy;
        int r;

        if (policy->prune == PRUNE_OFF || !policy->has_keep)
                return 0;

        r = series_judge(s, p->now, &p->scratch);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);
                struct strbuf reason = {};

                /* Without a uniqueId the re-read could not tell it from another. */
                if (guid_is_nil(&row->unique_id))
                        continue;

                if (p->scratch.verdicts[i].kept_by == 0) {
                        strbuf_append_str(&reason, "superseded under ");
                        keep_append(&policy->keep, policy->zone_name, &reason);
                } else if (failed_is_old(row, p->now))
                        strbuf_append_str(&reason, "failed more than 7 days ago");
                else
                        continue;

                r = plan_delete(p, s, row, &reason);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_slots(struct planner *p, const struct series *s, struct series_state *state) {
        const struct policy *policy = s->policy;
        int64_t jitter_s;
        struct utc due;
        int r;

        r = schedule_jitter_below(s->key.generation, p->jitter_bounds[s->policy_index], &jitter_s);
        if (r < 0)
                return r;

        if (!schedule_next_start(&policy->schedule, policy->zone, jitter_s, p->now, &state->next))
                state->next = UTC_NEVER;
        if (state->next.ticks < p->plan->next.ticks)
                p->plan->next = state->next;

        if (!schedule_due(&policy->schedule, policy->zone, jitter_s, policy->catch_up,
                          series_newest_filled(s, p->now), p->now, &due))
                return 0;

        state->due = due;
        return plan_create(p, s, due);
}

/* Marks the members, and finds those of them that are dated in the future. */
static int claim(struct planner *p, const struct series *s) {
        for (size_t i = 0; i < s->n_members; i++) {
                const struct snapshot_row *row = series_row(s, i);
                int r;

                p->claimed[row - p->view->snapshots] = true;
                if (!snapshot_row_is_future(row, p->now))
                        continue;
                r = find_row(p, FINDING_FUTURE, row);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_series(struct planner *p, size_t policy_index, const struct disk_row *disk) {
        struct series_state *state;
        struct series s;
        int r;

        if (disk->generation == 0)
                return find_disk(p, FINDING_NO_GENERATION, disk);

        r = series_read(p->file, p->view, policy_index, disk, &p->scratch, &s);
        if (r < 0)
                return r;
        r = array_grow(&p->plan->series, p->plan->n_series, &p->plan->series_capacity,
                       sizeof(*p->plan->series), PLAN_ACTIONS_MAX);
        if (r < 0)
                return r;
        state = &p->plan->series[p->plan->n_series++];
        series_sum_up(&s, state);

        r = claim(p, &s);
        r = r ?: plan_deletes(p, &s);
        if (r < 0)
                return r;
        if (disk->flags & DISK_NO_SNAPSHOT)
                return find_disk(p, FINDING_NO_SNAPSHOT, disk);
        return plan_slots(p, &s, state);
}

/* What carries our owner tag and belongs to no selected series. */
static int find_strays(struct planner *p) {
        for (size_t i = 0; i < p->view->n_snapshots; i++) {
                const struct snapshot_row *row = &p->view->snapshots[i];
                int r;

                if (!(row->flags & ROW_CLAIMS) || p->claimed[i])
                        continue;
                r = find_row(p, snapshot_row_is_ours(row) ? FINDING_UNCLAIMED : FINDING_MISTAKEN,
                             row);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Ids that a target names and the listing of their subscription does not have. */
static int find_missing(struct planner *p) {
        for (size_t t = 0; t < p->file->n_targets; t++) {
                const struct target *target = &p->file->targets[t];

                for (size_t i = 0; i < target->n_disks; i++) {
                        const struct resource_id *id = &target->disks[i];
                        int r;

                        if (strcmp(id->subscription, p->view->subscription) != 0 ||
                            view_find_disk(p->view, id->group, id->name))
                                continue;
                        r = find(p, FINDING_DISK_MISSING, id->group, id->name);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int action_compare(const void *a, const void *b) {
        const struct action *x = a, *y = b;

        return CMP((int)x->kind, (int)y->kind)
                       ?: CMP(x->slot.ticks, y->slot.ticks)
                       ?: str_compare_nocase(x->group, y->group)
                       ?: str_compare_nocase(x->name, y->name);
}

int planner_run(const struct policy_file *file, const struct world_view *view, struct utc now,
                struct plan **ret_plan) {
        _cleanup_(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
        struct planner p = {.file = file, .view = view, .now = now, .plan = plan};
        int r = 0;

        if (!plan)
                return -ENOMEM;
        plan->next = UTC_NEVER;

        p.claimed = calloc(view->n_snapshots + 1, sizeof(*p.claimed));
        p.jitter_bounds = calloc(file->n_policies + 1, sizeof(*p.jitter_bounds));
        if (!p.claimed || !p.jitter_bounds)
                r = -ENOMEM;

        for (size_t i = 0; i < file->n_policies && r == 0; i++)
                p.jitter_bounds[i] =
                        schedule_jitter_bound(&file->policies[i].schedule, file->policies[i].zone,
                                              file->policies[i].jitter_s);
        for (size_t d = 0; d < view->n_disks && r == 0; d++)
                for (size_t i = 0; i < file->n_policies && r == 0; i++)
                        if (policy_selects(file, i, view, &view->disks[d]))
                                r = plan_series(&p, i, &view->disks[d]);
        r = r ?: find_strays(&p);
        r = r ?: find_missing(&p);

        free(p.claimed);
        free(p.jitter_bounds);
        series_scratch_deinit(&p.scratch);
        if (r < 0)
                return r;

        if (plan->n_actions > 0)
                qsort(plan->actions, plan->n_actions, sizeof(*plan->actions), action_compare);
        *ret_plan = take_ptr(plan);
        return 0;
}

static void append_tag(struct strbuf *out, const char *name, const char *value) {
        strbuf_append(out, name, strlen(name) + 1);
        strbuf_append(out, value, strlen(value) + 1);
}

void action_tags(const struct policy_file *file, const struct action *action, struct strbuf *out) {
        const struct policy *policy = &file->policies[action->policy];
        char slot[UTC_SLOT_SIZE];

        assert(action->kind == ACTION_CREATE);

        append_tag(out, TAG_VERSION, TAG_VERSION_VALUE);
        append_tag(out, TAG_OWNER, file->owner);
        append_tag(out, TAG_POLICY, policy->name);
        append_tag(out, TAG_SLOT, utc_format_slot(action->slot, slot));
        append_tag(out, TAG_GENERATION, action->generation);

        strbuf_append(out, TAG_DISK, sizeof(TAG_DISK));
        strbuf_appendf(out, "%s/%s/%s", action->disk.subscription, action->disk.group,
                       action->disk.name);
        strbuf_append_char(out, '\0');

        strbuf_append(out, TAG_KEEP, sizeof(TAG_KEEP));
        keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, out);
        strbuf_append_char(out, '\0');

        for (size_t i = 0; i < policy->tags.n; i++)
                append_tag(out, policy->tags.items[i].name, policy->tags.items[i].value);
}

void finding_append(const struct finding *finding, struct strbuf *out) {
        const char *many = finding->count == 1 ? "" : "s";

        strbuf_appendf(out, "%zu ", finding->count);
        switch (finding->kind) {
        case FINDING_MISTAKEN:
                strbuf_appendf(out,
                               "snapshot%s with our owner tag but not our name, source or group, "
                               "left alone",
                               many);
                break;
        case FINDING_UNCLAIMED:
                strbuf_appendf(out, "snapshot%s of ours that no policy and target select, kept",
                               many);
                break;
        case FINDING_FUTURE:
                strbuf_appendf(
                        out,
                        "snapshot%s of ours dated in the future, ignored for due slots and kept",
                        many);
                break;
        case FINDING_DISK_MISSING:
                strbuf_appendf(out, "disk%s named by a target and not listed by Azure", many);
                break;
        case FINDING_NO_ATTEMPT:
                strbuf_appendf(out, "disk%s whose due slot has all its names taken", many);
                break;
        case FINDING_NO_GENERATION:
                strbuf_appendf(out, "disk%s listed without a uniqueId", many);
                break;
        case FINDING_NO_SNAPSHOT:
                strbuf_appendf(out, "disk%s being uploaded, which cannot be snapshotted yet", many);
                break;
        }
        strbuf_appendf(out, ": %s%s", finding->subject, finding->count == 1 ? "" : " and others");
}
