/*
 * What the state is told of a new world, for nothing in the cloud says it: since when ours are listed failed,
 * and which disks have left their policies (DESIGN section 5).
 */
#include "core/series.h"
#include "core/targets.h"
#include "engine/engine-internal.h"

#include <stdlib.h>
#include <string.h>

static bool subscription_has_id(const struct subscription *s, const struct guid *id) {
        struct guid own;

        return guid_parse(s->id, strlen(s->id), &own) == 0 && guid_compare(&own, id) == 0;
}

static bool engine_reads(const struct engine *engine, const struct guid *id) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (subscription_has_id(&engine->subscriptions[i], id))
                        return true;
        return false;
}

/* Which of those that are remembered are listed: as failed or leaving, or with another state. */
enum {
        FAILURE_UNLISTED,
        FAILURE_STANDS,
        FAILURE_OVER
};

/* Forgets those that are over, and with @clean those that are not listed. */
static void forget_failures(struct subscription *s, const uint8_t *listed, bool clean) {
        struct state *state = &s->engine->state;

        for (size_t i = state->n_failures; i > 0; i--) {
                const struct guid *subscription = &state->failures[i - 1].subscription;
                bool unlisted = listed[i - 1] == FAILURE_UNLISTED;

                if (listed[i - 1] == FAILURE_OVER ||
                    (unlisted && clean && subscription_has_id(s, subscription)) ||
                    (unlisted && !engine_reads(s->engine, subscription)))
                        state_failure_forget(state, i - 1);
        }
}

void subscription_note_failures(struct subscription *s, bool clean) {
        struct state *state = &s->engine->state;
        struct world_view view = world_view(s->world);
        _cleanup_(freep) uint8_t *listed = calloc(state->n_failures + 1, 1);
        struct utc now = engine_now(s->engine);
        struct guid subscription;
        bool found;

        if (!listed || guid_parse(s->id, strlen(s->id), &subscription) < 0)
                return; /* with the next world */

        for (size_t i = 0; i < view.n_snapshots && state->n_failures > 0; i++) {
                const struct snapshot_row *row = &view.snapshots[i];
                size_t at =
                        failure_place(state->failures, state->n_failures, &row->unique_id, &found);

                if (found)
                        listed[at] = row->flags & (ROW_FAILED | ROW_LEAVING) ? FAILURE_STANDS
                                                                             : FAILURE_OVER;
        }
        forget_failures(s, listed, clean);

        /* By a clock that is behind it would have failed for long already. */
        if (s->engine->clock.stands)
                return;
        for (size_t i = 0; i < view.n_snapshots; i++) {
                const struct snapshot_row *row = &view.snapshots[i];

                /* What cannot be remembered does not go yet. */
                if ((row->flags & ROW_FAILED) && snapshot_row_is_ours(row) &&
                    !guid_is_nil(&row->unique_id) &&
                    state_failure_note(state, &row->unique_id, &subscription, now) < 0)
                        return;
        }
}

static bool has_snapshots(const struct engine *engine, const char *generation) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct world_view view = world_view(engine->subscriptions[i].world);
                uint32_t number = intern_find(view.strings, generation);
                const struct snapshot_row *rows;
                size_t n = 0;

                if (number != 0)
                        view_generation(&view, number, &rows, &n);
                /* Where a listing is in doubt, it may only not show them. */
                if (n > 0 || engine->subscriptions[i].listing.stands)
                        return true;
        }
        return false;
}

/* Whether the policy of that name selects the disk. */
static bool file_selects(const struct policy_file *file, const struct world_view *view,
                         const struct disk_row *disk, const char *policy) {
        for (size_t p = 0; p < file->n_policies; p++)
                if (policy_claims(&file->policies[p], policy) &&
                    policy_selects(file, p, view, disk))
                        return true;
        return false;
}

/* Whether a listing of the disk has just shown that the policy selects it, which has snapshots. */
static bool is_selected_again(const struct subscription *s, const struct unselected *one) {
        struct world_view view = world_view(s->world);
        uint32_t number = intern_find(view.strings, one->generation);
        const struct snapshot_row *rows;
        size_t n = 0;

        if (number != 0)
                view_generation(&view, number, &rows, &n);
        for (size_t d = 0; n > 0 && d < view.n_disks; d++)
                if (view.disks[d].generation == number &&
                    file_selects(s->engine->file, &view, &view.disks[d], one->policy))
                        return true;
        return false;
}

/* Whether the policy has snapshots of the generation there that would go on by its rule. */
static bool has_of_policy(const struct policy *policy, const struct world_view *view,
                          uint32_t generation) {
        const struct snapshot_row *rows;
        size_t n;

        view_generation(view, generation, &rows, &n);
        for (size_t i = 0; i < n; i++)
                if (policy_goes_on(policy, view, &rows[i]))
                        return true;
        return false;
}

/* Of one disk of another subscription, whose snapshots are here. Unwritten, it is tried again with the next plan. */
static void note_unselected_by(struct engine *engine, const struct world_view *here,
                               uint32_t generation, const struct world_view *there,
                               const struct disk_row *disk) {
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                const struct policy *policy = &engine->file->policies[p];

                if (!policy_selects(engine->file, p, there, disk) &&
                    has_of_policy(policy, here, generation))
                        (void)state_unselected_note(&engine->state, view_str(here, generation),
                                                    policy->name);
        }
}

/* Disks that went from one subscription to another, where a policy that has snapshots in the first does not select
 * them: no plan finds that, since each has the disk or the snapshots alone. */
static void note_unselected_elsewhere(struct engine *engine, const struct subscription *from,
                                      const struct subscription *to) {
        struct world_view here = world_view(from->world), there = world_view(to->world);

        for (size_t i = 0; i < here.n_orphans; i++) {
                uint32_t generation = here.orphans[i].generation;
                uint32_t number = intern_find(there.strings, view_str(&here, generation));

                for (size_t d = 0; number != 0 && d < there.n_disks; d++)
                        if (there.disks[d].generation == number)
                                note_unselected_by(engine, &here, generation, &there,
                                                   &there.disks[d]);
        }
}

void subscription_note_unselected(struct subscription *s) {
        struct world_view view = world_view(s->world);
        struct state *state = &s->engine->state;

        for (size_t i = 0; i < s->plan->n_unselected; i++) {
                const struct plan_unselected *one = &s->plan->unselected[i];

                /* Unwritten, it is tried again with the next plan. */
                (void)state_unselected_note(state, view_str(&view, one->generation),
                                            s->engine->file->policies[one->policy].name);
        }
        for (size_t i = 0; i < s->engine->n_subscriptions; i++) {
                const struct subscription *other = &s->engine->subscriptions[i];

                if (other == s || !other->world)
                        continue;
                note_unselected_elsewhere(s->engine, s, other);
                note_unselected_elsewhere(s->engine, other, s);
        }
        for (size_t i = state->n_unselected; i > 0; i--)
                if (is_selected_again(s, &state->unselected[i - 1]) ||
                    (engine_reads_all(s->engine) &&
                     !has_snapshots(s->engine, state->unselected[i - 1].generation)))
                        state_unselected_forget(state, i - 1);
}
