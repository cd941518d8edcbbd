/*
 * What a new world says about the one before it, and what single GETs say about both: snapshots that
 * vanished, listings that lag, disks that are gone, survivors that are there (DESIGN section 5).
 */
#include "base/str.h"
#include "core/naming.h"
#include "core/series.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Chosen: a few GETs tell a lagging listing from a loss, and a lost right makes thousands vanish. */
#define SIGHT_VANISHED_MAX 10
/* Chosen: of hundreds of gone disks each is asked for twice within days, and GETs are cheap. */
#define SIGHT_ORPHANS_MAX 10
/* DESIGN section 5: "lagging until three listings agree". */
#define SIGHT_LAG_LISTINGS 3
/* DESIGN section 5: "until two listings 15 minutes apart agree". */
#define SIGHT_AGREE_NS (900 * NSEC_PER_SEC)
/* DESIGN section 5: "in two sweeps at least an hour apart". */
#define SIGHT_GONE_S 3600
/* Chosen: a disk whose absence could not be proven is asked for again with the next sweep but one. */
#define SIGHT_UNKNOWN_NS (1800 * NSEC_PER_SEC)
/* What survivors have said is believed for so long; then they are asked again. Chosen: a round that
 * deletes without a stop asks once; however slow the answers were, there is time to act on them. */
#define SIGHT_WITNESS_NS (60 * NSEC_PER_SEC)

void subscription_doubt(struct subscription *s, const char *format, ...) {
        char reason[sizeof(s->listing.reason)];
        va_list ap;

        va_start(ap, format);
        vsnprintf(reason, sizeof(reason), format, ap);
        va_end(ap);
        sweep_doubt_raise(s->engine, &s->listing, "%s", reason);
}

bool subscription_is_whole(const struct subscription *s) {
        return s->world && world_is_whole(s->world);
}

bool engine_is_whole(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (engine->subscriptions[i].world &&
                    !subscription_is_whole(&engine->subscriptions[i]))
                        return false;
        return true;
}

void subscription_doubt_unread(struct subscription *s, const struct world_unread *unread) {
        bool many = unread->n_disks + unread->n_snapshots == WORLD_UNREAD_MAX;
        bool stood = s->listing.stands, another;
        char reason[sizeof(s->listing.reason)];
        struct log_entry entry;

        snprintf(reason, sizeof(reason),
                 "%s%zu disk%s and %zu snapshot%s in the listing cannot be read, the first %s: the "
                 "member %s is missing or wrong%s",
                 many ? "at least " : "", unread->n_disks, unread->n_disks == 1 ? "" : "s",
                 unread->n_snapshots, unread->n_snapshots == 1 ? "" : "s", unread->id,
                 unread->member,
                 unread->n_disks > 0
                         ? "; such a disk is backed up as it was read last, or not at all"
                         : "");
        subscription_doubt(s, "%s", reason);
        another = strcmp(s->listing.reason, reason) != 0;
        strcpy(s->listing.reason, reason);
        /* A doubt that begins is told with its reason. */
        if (!stood || !another)
                return;
        log_begin(&entry, LOG_LEVEL_WARNING);
        log_event(&entry, LOG_EVENT_DOUBT_LISTING);
        log_field(&entry, LOG_STATE, "begun");
        log_field(&entry, LOG_REASON, doubt_name(DOUBT_LISTING));
        log_commit(s->engine->services.log, &entry, "nothing is deleted of subscription %s: %s",
                   s->id, reason);
}

void subscription_lags(struct subscription *s) {
        s->lagging = SIGHT_LAG_LISTINGS + 1; /* the listing that shows it does not count */
        s->agreeing_since.ns = 0;
}

/* Returns 0 or -ENOMEM. */
static int ask(struct subscription *s, const struct look_question *question, struct mono now) {
        struct operation *op;
        int r;

        r = look_new(s->engine, s, question, now, &op);
        if (r == 0)
                engine_queue(s->engine, op);
        return r;
}

/* Whether it is among the rows, and stays: one that is being deleted is as good as gone. */
static bool is_listed(const struct snapshot_row *rows, size_t n, size_t near,
                      const struct guid *unique_id) {
        size_t i = near < n && guid_compare(&rows[near].unique_id, unique_id) == 0 ? near : 0;

        while (i < n && guid_compare(&rows[i].unique_id, unique_id) != 0)
                i++;
        return i < n && !(rows[i].flags & ROW_LEAVING);
}

/*
 * Whether the rule drops it beside what the new world has: a daemon of the same mind that saw a new
 * snapshot complete before us has deleted what that one superseded.
 */
static int is_superseded(struct subscription *s, const struct world_view *before,
                         const struct snapshot_row *row, const struct world_view *after,
                         bool *ret_superseded) {
        const struct policy_file *file = s->engine->file;
        uint32_t generation = intern_find(after->strings, view_str(before, row->generation));
        uint32_t region = intern_find(after->strings, view_str(before, row->region));
        struct series_scratch scratch = {};
        bool superseded = false;
        int r = 0;

        for (size_t p = 0; p < file->n_policies && generation != 0 && region != 0; p++) {
                const struct policy *policy = &file->policies[p];
                struct retention_floors floors = {policy->min_keep, policy->min_age_s};
                _cleanup_(freep) struct retention_point *points = NULL;
                _cleanup_(freep) struct verdict *verdicts = NULL;
                struct series series;

                if (!policy->has_keep || policy->prune == PRUNE_OFF ||
                    !policy_claims(policy, view_str(before, row->policy)))
                        continue;
                r = series_read_orphan(file, after, p, generation, region, &scratch, &series);
                if (r < 0)
                        break;

                points = calloc(series.n_members + 1, sizeof(*points));
                verdicts = calloc(series.n_members + 1, sizeof(*verdicts));
                r = points && verdicts ? 0 : -ENOMEM;
                if (r < 0)
                        break;
                for (size_t i = 0; i < series.n_members; i++)
                        points[i] = series.points[i];
                points[series.n_members] = (struct retention_point){
                        .slot = row->slot,
                        .instant = row->time_created,
                        .state = row->flags & ROW_COMPLETE ? POINT_COMPLETE : 0,
                };
                r = retention_judge(points, series.n_members + 1, &policy->keep, policy->zone,
                                    &floors, engine_now(s->engine), verdicts);
                if (r < 0)
                        break;
                superseded |= verdicts[series.n_members].kept_by == 0;
        }
        series_scratch_deinit(&scratch);
        *ret_superseded = superseded;
        return r;
}

/* Whether it is a backup whose date has passed. */
static bool is_over(const struct subscription *s, const struct world_view *view,
                    const struct snapshot_row *row) {
        struct utc until;

        return snapshot_row_until(view, row, &until) && until.ticks <= engine_now(s->engine).ticks;
}

/* Whether the plan, ours or that of a daemon of the same mind, would have deleted it. */
static bool is_planned_away(const struct subscription *s, const struct snapshot_row *row) {
        for (size_t i = 0; s->plan && i < s->plan->n_actions; i++) {
                const struct action *action = &s->plan->actions[i];

                if (action->kind == ACTION_DELETE &&
                    guid_compare(&action->unique_id, &row->unique_id) == 0)
                        return true;
        }
        return false;
}

/* It is told, whether or not anybody can say what became of it: the next world does not miss it any
 * more. */
static void say_vanished(struct subscription *s, const struct look_question *question,
                         enum log_level level, const char *reason, const char *what) {
        struct log_entry entry;

        log_begin(&entry, level);
        entry.event = event_find(reason);
        log_field(&entry, LOG_POLICY, question->policy);
        log_field(&entry, LOG_GENERATION, question->generation);
        log_fieldf(&entry, LOG_SNAPSHOT, "%s/%s/%s", s->id, question->id.group, question->id.name);
        log_field(&entry, LOG_REASON, reason);
        log_commit(s->engine->services.log, &entry, "snapshot %s of ours is %s", question->id.name,
                   what);
}

static void say_unexplained(struct subscription *s, const struct look_question *question) {
        say_vanished(s, question, LOG_LEVEL_WARNING, "unlisted",
                     "no longer listed, and no look at it has shown why");
}

/* One that carries this policy's name is gone. While the policy's rule or the mass of its deletions is in
 * doubt, only a look at it has shown so: the plan would have it gone, and is held back. */
static void count_deletion(struct subscription *s, const char *name, struct utc created,
                           bool looked) {
        struct engine *engine = s->engine;

        (void)state_count_deletions(&engine->state, name, created, 1, engine_now(engine));
        for (size_t p = 0; p < engine->file->n_policies; p++) {
                const struct policy *policy = &engine->file->policies[p];

                if (policy_claims(policy, name) &&
                    (looked || !(engine->policy_blocks[p] &
                                 (DOUBT_BIT(DOUBT_POLICY) | DOUBT_BIT(DOUBT_MASS)))))
                        state_rule_uncount(&engine->state, policy->name);
        }
}

static void leave_unasked(struct subscription *s, const char *name) {
        for (size_t p = 0; p < s->engine->file->n_policies; p++)
                s->unasked[p] += policy_claims(&s->engine->file->policies[p], name);
}

/* All looks have been answered. Where each has shown one gone, so are those that nobody looked at; when
 * they were created is not known any more, and they count in full. */
static void count_unasked(struct subscription *s) {
        for (size_t p = 0; p < s->engine->file->n_policies; p++) {
                for (size_t i = 0; i < s->unasked[p] && !s->some_stay; i++)
                        count_deletion(s, s->engine->file->policies[p].name, UTC_NONE,
                                       /* looked= */ true);
                s->unasked[p] = 0;
        }
        s->some_stay = false;
}

/* One of ours that the new world does not have. @whole: that world has all that is listed; else only a look
 * shows that anything is gone. Returns whether nobody can say why. */
static bool row_vanished(struct subscription *s, const struct world_view *view,
                         const struct snapshot_row *row, const struct world_view *after, bool whole,
                         size_t n_before, struct mono now) {
        bool superseded = false;
        char name[SNAPSHOT_NAME_SIZE];
        struct look_question question = {.kind = LOOK_VANISHED, .unique_id = row->unique_id};
        struct memory *memory;

        snapshot_row_name(view, row, name);
        memory = subscription_memory_of(s, "delete", view_str(view, row->group), name);
        if (memory && (memory->running || memory->done))
                return false;
        if (row->flags & ROW_BACKUP)
                superseded = is_over(s, view, row);
        else if (is_superseded(s, view, row, after, &superseded) < 0)
                superseded = false;
        superseded |= is_planned_away(s, row);
        if (superseded && whole) {
                count_deletion(s, view_str(view, row->policy), row->time_created,
                               /* looked= */ false);
                return false;
        }
        if (n_before >= SIGHT_VANISHED_MAX) {
                /* It may be what cannot be read. */
                if (whole)
                        leave_unasked(s, view_str(view, row->policy));
                return true;
        }

        question.id.type = RESOURCE_SNAPSHOT;
        stpcpy(question.id.subscription, s->id);
        stpcpy(question.id.group, view_str(view, row->group));
        stpcpy(question.id.name, name);
        stpcpy(question.generation, view_str(view, row->generation));
        question.created = row->time_created;
        question.superseded = superseded;
        question.region = view_str(view, row->region);
        snprintf(question.policy, sizeof(question.policy), "%s", view_str(view, row->policy));
        if (ask(s, &question, now) == 0) {
                s->vanishing++;
        } else {
                say_unexplained(s, &question);
                s->some_stay = true;
        }
        return true;
}

/* Ours of one generation that are in @rows and not among @others. */
static size_t compare_generation(struct subscription *s, const struct world_view *view,
                                 const struct snapshot_row *rows, size_t n,
                                 const struct world_view *after, const struct snapshot_row *others,
                                 size_t n_others, bool whole, size_t n_before, struct mono now) {
        size_t near = 0, vanished = 0;

        for (size_t i = 0; i < n; i++) {
                const struct snapshot_row *row = &rows[i];

                if (!snapshot_row_is_ours(row) || (row->flags & (ROW_LEAVING | ROW_FAILED)))
                        continue;
                if (is_listed(others, n_others, near, &row->unique_id))
                        near++;
                else
                        vanished +=
                                row_vanished(s, view, row, after, whole, n_before + vanished, now);
        }
        return vanished;
}

static size_t compare_worlds(struct subscription *s, const struct world_view *before,
                             const struct world_view *after, bool whole, struct mono now) {
        size_t vanished = 0;

        for (size_t i = 0; i < before->n_snapshots;) {
                uint32_t generation = before->snapshots[i].generation;
                const struct snapshot_row *rows = &before->snapshots[i], *others = NULL;
                size_t n = 0, n_others = 0;
                uint32_t number;

                while (i < before->n_snapshots && before->snapshots[i].generation == generation) {
                        n++;
                        i++;
                }
                number = intern_find(after->strings, view_str(before, generation));
                if (number != 0)
                        view_generation(after, number, &others, &n_others);
                vanished += compare_generation(s, before, rows, n, after, others, n_others, whole,
                                               vanished, now);
        }
        return vanished;
}

void subscription_compare(struct subscription *s, struct world *world, struct mono begin,
                          struct mono now) {
        struct world_view before, after = world_view(world);
        size_t vanished = 0;

        if (s->world) {
                before = world_view(s->world);
                vanished = compare_worlds(s, &before, &after, world_is_whole(world), now);
        }
        if (vanished > SIGHT_VANISHED_MAX)
                subscription_doubt(s, "%zu snapshots of ours are no longer listed", vanished);

        if (s->lagging > 0 && vanished == 0)
                s->lagging--;
        if (vanished > 0 || s->agreeing_since.ns == 0)
                s->agreeing_since = begin;
        else if (begin.ns - s->agreeing_since.ns >= SIGHT_AGREE_NS)
                s->agreed = true;
}

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

/* Whether all that the policy file names were read, and each disk of them. Before that a disk that one lacks
 * may be in another. */
static bool all_are_read(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct world *world = engine->subscriptions[i].world;

                if (!world || world_unread(world)->n_disks > 0)
                        return false;
        }
        return true;
}

/* Where a disk was at an instant. */
struct place {
        char disk[RESOURCE_ID_TEXT_SIZE]; /* "subscription/group/name", as tags have it */
        struct utc seen;
};

/* When the disks of the world were listed, which may be some time before its snapshots were. */
static struct utc disks_seen(const struct subscription *s, const struct world_view *view) {
        int64_t before_ns = s->disks_at.ns > 0 ? s->begin.ns - s->disks_at.ns : 0;

        return (struct utc){view->begin.ticks - before_ns / NSEC_PER_TICK};
}

/* Where the newest listing that has it has it; false when none does. */
static bool place_listed(const struct engine *engine, const char *generation,
                         struct place *ret_place) {
        bool listed = false;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];
                struct world_view view;
                struct utc seen;
                uint32_t number;

                if (!s->world)
                        continue;
                view = world_view(s->world);
                number = intern_find(view.strings, generation);
                seen = disks_seen(s, &view);
                for (size_t d = 0; number != 0 && d < view.n_disks; d++) {
                        if (view.disks[d].generation != number ||
                            (listed && seen.ticks <= ret_place->seen.ticks))
                                continue;
                        listed = true;
                        ret_place->seen = seen;
                        snprintf(ret_place->disk, sizeof(ret_place->disk), "%s/%s/%s", s->id,
                                 view_str(&view, view.disks[d].group),
                                 view_str(&view, view.disks[d].name));
                }
        }
        return listed;
}

/* Those that came back: their absence is over. */
static void end_returned(struct engine *engine) {
        for (size_t i = 0; i < engine->state.n_gone; i++) {
                char generation[GUID_TEXT_SIZE];
                struct place place;

                stpcpy(generation, engine->state.gone[i].generation);
                if (!place_listed(engine, generation, &place))
                        continue;
                state_gone_end(&engine->state, generation);
                (void)state_gone_see(&engine->state, generation, place.disk, place.seen);
        }
}

static int orphan_compare(const void *a, const void *b) {
        const struct orphan *x = a, *y = b;

        return CMP(x->generation, y->generation);
}

/* NULL when it is none of the view. */
static const struct orphan *find_orphan(const struct world_view *view, const char *generation) {
        struct orphan key = {.generation = intern_find(view->strings, generation)};

        if (key.generation == 0 || view->n_orphans == 0)
                return NULL;
        return bsearch(&key, view->orphans, view->n_orphans, sizeof(key), orphan_compare);
}

static bool has_moved(const struct world_view *view, const char *generation) {
        uint32_t number = intern_find(view->strings, generation);
        const struct snapshot_row *rows;
        size_t n = 0;

        if (number != 0)
                view_generation(view, number, &rows, &n);
        for (size_t i = 0; i < n; i++)
                if (rows[i].flags & ROW_MOVED)
                        return true;
        return false;
}

/* Whether there are snapshots of it that say that it is where no listing has it. */
static bool has_older_places(const struct engine *engine, const char *generation) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct world_view view = world_view(engine->subscriptions[i].world);

                if (find_orphan(&view, generation) || has_moved(&view, generation))
                        return true;
        }
        return false;
}

/* Where the newest tag of all subscriptions has it: a move leaves older ones behind. */
static bool place_tagged(const struct engine *engine, const char *generation,
                         struct place *ret_place) {
        bool tagged = false;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct world_view view = world_view(engine->subscriptions[i].world);
                const struct orphan *orphan = find_orphan(&view, generation);

                if (!orphan || (tagged && orphan->created.ticks <= ret_place->seen.ticks))
                        continue;
                tagged = true;
                ret_place->seen = orphan->created;
                snprintf(ret_place->disk, sizeof(ret_place->disk), "%s",
                         view_str(&view, orphan->disk));
        }
        return tagged;
}

/* Unwritten, it is tried again with the next world. */
static void note_place(struct engine *engine, const struct world_view *view, uint32_t number) {
        const char *generation = view_str(view, number);
        struct place place;

        if (place_listed(engine, generation, &place) ||
            (state_gone_find(&engine->state, generation) &&
             place_tagged(engine, generation, &place)))
                (void)state_gone_see(&engine->state, generation, place.disk, place.seen);
}

/* Where disks are that have moved since the newest snapshot that is listed here, or went to another subscription;
 * and where those that seemed gone were last, by what is listed now. */
static void note_places(struct subscription *s) {
        struct world_view own = world_view(s->world);
        uint32_t number = 0;

        for (size_t i = 0; i < own.n_snapshots; i++) {
                if (!(own.snapshots[i].flags & ROW_MOVED) || own.snapshots[i].generation == number)
                        continue;
                number = own.snapshots[i].generation;
                note_place(s->engine, &own, number);
        }
        for (size_t i = 0; i < s->engine->n_subscriptions; i++) {
                struct world_view view = world_view(s->engine->subscriptions[i].world);

                for (size_t j = 0; j < view.n_orphans; j++)
                        note_place(s->engine, &view, view.orphans[j].generation);
        }
}

/* Those of which no snapshot is left: nothing asks any more whether the disk is gone. Where they are only
 * not listed, the freeze begins anew. */
static void forget_without_snapshots(struct engine *engine) {
        if (!engine_is_whole(engine))
                return; /* it may have some of those that cannot be read */
        for (size_t i = engine->state.n_gone; i > 0; i--) {
                char generation[GUID_TEXT_SIZE];

                stpcpy(generation, engine->state.gone[i - 1].generation);
                if (!has_older_places(engine, generation))
                        state_gone_forget(&engine->state, generation);
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

static bool plan_has_unselected(const struct plan *plan, const struct policy_file *file,
                                uint32_t generation, const char *policy) {
        for (size_t i = 0; i < plan->n_unselected; i++)
                if (plan->unselected[i].generation == generation &&
                    policy_claims(&file->policies[plan->unselected[i].policy], policy))
                        return true;
        return false;
}

static bool file_claims(const struct policy_file *file, const char *policy) {
        for (size_t i = 0; i < file->n_policies; i++)
                if (policy_claims(&file->policies[i], policy))
                        return true;
        return false;
}

/* Whether a listing of the disk has just shown that the policy selects it, which has snapshots. */
static bool is_selected_again(const struct subscription *s, const struct unselected *one) {
        struct world_view view = world_view(s->world);
        uint32_t number = intern_find(view.strings, one->generation);
        struct orphan orphan = {.generation = number};
        const struct snapshot_row *rows;
        size_t n;

        if (number == 0 || !file_claims(s->engine->file, one->policy) ||
            plan_has_unselected(s->plan, s->engine->file, number, one->policy))
                return false;
        view_generation(&view, number, &rows, &n);
        return n > 0 && !(view.n_orphans > 0 && bsearch(&orphan, view.orphans, view.n_orphans,
                                                        sizeof(orphan), orphan_compare));
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
        for (size_t i = state->n_unselected; i > 0; i--)
                if (is_selected_again(s, &state->unselected[i - 1]) ||
                    (all_are_read(s->engine) &&
                     !has_snapshots(s->engine, state->unselected[i - 1].generation)))
                        state_unselected_forget(state, i - 1);
}

/* "subscription/group/name" of a tag. */
static bool parse_disk(const char *text, struct resource_id *ret_id) {
        char id[RESOURCE_ID_TEXT_SIZE];
        const char *group = strchr(text, '/'), *name = group ? strchr(group + 1, '/') : NULL;
        int len;

        if (!name)
                return false;
        len = snprintf(id, sizeof(id),
                       "/subscriptions/%.*s/resourceGroups/%.*s/providers/Microsoft.Compute/"
                       "disks/%s",
                       (int)(group - text), text, (int)(name - group - 1), group + 1, name + 1);
        return len > 0 && (size_t)len < sizeof(id) &&
               resource_id_parse(id, (size_t)len, ret_id) == 0;
}

/* An orphan that may be asked for. */
struct turn {
        bool proven;            /* gone since, and asked for to see whether it is back */
        struct mono not_before; /* follows when it was asked for last; 0 ns: never */
        size_t number;          /* of the orphans of the view, and then of what is remembered */
        char generation[GUID_TEXT_SIZE];
};

static int compare_turns(const void *a, const void *b) {
        const struct turn *x = a, *y = b;

        return CMP(x->proven, y->proven)
                       ?: CMP(x->not_before.ns, y->not_before.ns) ?: CMP(x->number, y->number);
}

static void add_turn(const struct subscription *s, const char *generation, size_t number,
                     struct mono now, struct turn *turns, size_t *n) {
        const struct memory *memory = subscription_memory_find(s, "orphan", generation, "");
        const struct state_gone *gone = state_gone_find(&s->engine->state, generation);

        if (memory && (memory->running || now.ns < memory->not_before.ns))
                return;
        turns[*n] = (struct turn){
                .proven = gone && utc_is_set(gone->since),
                .not_before = memory ? memory->not_before : (struct mono){},
                .number = number,
        };
        stpcpy(turns[*n].generation, generation);
        (*n)++;
}

/* All whose time has come, in the order of their turns: nobody is asked for again for ever before others
 * were once. What was here last may have its snapshots elsewhere. */
static size_t orphans_in_turn(const struct subscription *s, const struct world_view *view,
                              struct mono now, struct turn *turns) {
        const struct state *state = &s->engine->state;
        size_t n = 0;

        for (size_t i = 0; i < view->n_orphans; i++)
                add_turn(s, view_str(view, view->orphans[i].generation), i, now, turns, &n);
        for (size_t i = 0; i < state->n_gone; i++)
                if (!find_orphan(view, state->gone[i].generation))
                        add_turn(s, state->gone[i].generation, view->n_orphans + i, now, turns, &n);
        if (n > 0)
                qsort(turns, n, sizeof(*turns), compare_turns);
        return n;
}

/* The one place of which 404 says that the disk is gone. */
static bool last_place(const struct engine *engine, const char *generation,
                       struct place *ret_place) {
        const struct state_gone *gone = state_gone_find(&engine->state, generation);

        if (!gone || !gone->disk)
                return place_tagged(engine, generation, ret_place);
        snprintf(ret_place->disk, sizeof(ret_place->disk), "%s", gone->disk);
        ret_place->seen = gone->seen;
        return true;
}

/* Returns whether it is asked for. */
static bool seek_orphan(struct subscription *s, const char *generation, struct mono now) {
        struct look_question question = {.kind = LOOK_DISK};
        struct memory *memory;
        struct place place;

        if (!last_place(s->engine, generation, &place) || !parse_disk(place.disk, &question.id) ||
            strcmp(question.id.subscription, s->id) != 0 ||
            place_listed(s->engine, generation, &place) ||
            guid_parse(generation, strlen(generation), &question.unique_id) < 0)
                return false;
        memory = subscription_memory_of(s, "orphan", generation, "");
        if (!memory)
                return false;
        stpcpy(question.generation, generation);
        memory->asked = true;
        memory->running = ask(s, &question, now) == 0;
        return true;
}

void subscription_seek_orphans(struct subscription *s, struct mono now) {
        struct world_view view = world_view(s->world);
        _cleanup_(freep) struct turn *turns = NULL;
        size_t n, asked = 0;

        end_returned(s->engine);
        if (!all_are_read(s->engine))
                return;
        forget_without_snapshots(s->engine);
        note_places(s);
        turns = calloc(view.n_orphans + s->engine->state.n_gone + 1, sizeof(*turns));
        if (!turns)
                return; /* with the next world */
        n = orphans_in_turn(s, &view, now, turns);
        for (size_t i = 0; i < n && asked < SIGHT_ORPHANS_MAX; i++)
                asked += seek_orphan(s, turns[i].generation, now);
}

/* By the disk and generation, by which its history is found. */
static void say_disk_gone(const struct subscription *s, const struct look_question *question) {
        struct log_entry entry;

        log_begin(&entry, LOG_LEVEL_NOTICE);
        log_event(&entry, LOG_EVENT_DISK_GONE);
        log_field(&entry, LOG_GENERATION, question->generation);
        log_fieldf(&entry, LOG_DISK, "%s/%s/%s", question->id.subscription, question->id.group,
                   question->id.name);
        log_commit(s->engine->services.log, &entry,
                   "disk %s (%s) is gone, its snapshots are frozen", question->id.name,
                   question->generation);
}

/* What is remembered of the disk's absence from where it was last; NULL when that is not where it was asked for,
 * or nothing can be remembered. */
static struct state_gone *absence(struct engine *engine, const struct look_question *question) {
        struct state_gone *gone;
        struct resource_id id;
        struct place place;

        if (!all_are_read(engine) || !last_place(engine, question->generation, &place) ||
            !parse_disk(place.disk, &id) || resource_id_compare(&id, &question->id) != 0 ||
            state_gone_see(&engine->state, question->generation, place.disk, place.seen) < 0 ||
            state_gone_get(&engine->state, question->generation, &gone) < 0)
                return NULL;
        return gone;
}

static void disk_looked(struct subscription *s, const struct look_question *question,
                        enum look_answer answer, struct mono now) {
        struct memory *memory = subscription_memory_of(s, "orphan", question->generation, "");
        struct utc utc = engine_now(s->engine);
        struct state_gone *gone;

        if (memory) {
                memory->running = false;
                memory->not_before =
                        mono_add_ns(now, answer == LOOK_UNKNOWN ? SIGHT_UNKNOWN_NS
                                                                : SIGHT_GONE_S * NSEC_PER_SEC);
        }

        switch (answer) {
        case LOOK_THERE:
                subscription_lags(s);
                subscription_doubt(s, "a GET shows disk %s, which the listing lacks",
                                   question->id.name);
                state_gone_end(&s->engine->state, question->generation);
                break;
        case LOOK_OTHER:
                /* Another disk has the name: that says nothing of where this one is. */
                state_gone_end(&s->engine->state, question->generation);
                break;
        case LOOK_GONE:
                /* By a clock that is behind it would be gone for long already. */
                if (s->engine->clock.stands)
                        break;
                gone = absence(s->engine, question);
                if (!gone)
                        break;
                s->engine->state.changed = true;
                if (!utc_is_set(gone->first))
                        gone->first = utc;
                else if (!utc_is_set(gone->since) &&
                         utc.ticks >= utc_add_seconds(gone->first, SIGHT_GONE_S).ticks) {
                        gone->since = utc;
                        say_disk_gone(s, question);
                }
                break;
        case LOOK_UNKNOWN:
                break;
        }
}

static void vanished_looked(struct subscription *s, const struct look_question *question,
                            enum look_answer answer) {
        switch (answer) {
        case LOOK_THERE:
                subscription_lags(s);
                subscription_doubt(s, "a GET shows %s, which the listing lacks", question->id.name);
                break;
        case LOOK_GONE:
                count_deletion(s, question->policy, question->created, /* looked= */ true);
                if (question->superseded)
                        break;
                say_vanished(s, question, LOG_LEVEL_ERR, "vanished",
                             "gone, and it was not us who deleted it");
                s->engine->counts.vanished++;
                break;
        case LOOK_OTHER: /* of the name, and Azure does not say whether it is the one */
        case LOOK_UNKNOWN:
                say_unexplained(s, question);
                break;
        }
}

static void survivor_looked(struct subscription *s, const struct look_question *question,
                            enum look_answer answer, struct mono now) {
        struct witness *witness;

        if (question->serial != s->serial || !s->witnesses)
                return;

        witness = &s->witnesses[question->series];
        witness->answered++;
        witness->at = now;
        if (answer == LOOK_THERE)
                return;
        witness->failed = true;
        if (answer == LOOK_UNKNOWN)
                return;
        subscription_doubt(s, "a GET of %s, which min_keep relies on, shows that it is %s",
                           question->id.name,
                           answer == LOOK_GONE ? "gone" : "not the complete one that was listed");
        engine_settle(s->engine);
        subscription_touch(s, now);
        s->may_delete = false;
}

void subscription_looked(struct subscription *s, const struct look_question *question,
                         enum look_answer answer, struct mono now) {
        switch (question->kind) {
        case LOOK_SURVIVOR:
                survivor_looked(s, question, answer, now);
                break;
        case LOOK_VANISHED:
                vanished_looked(s, question, answer);
                s->some_stay |= answer != LOOK_GONE;
                s->vanishing--;
                if (s->vanishing == 0) {
                        /* What others deleted counts in what may be deleted. */
                        count_unasked(s);
                        engine_settle(s->engine);
                }
                break;
        case LOOK_DISK:
                disk_looked(s, question, answer, now);
                break;
        }
}

bool subscription_survivors_stand(struct subscription *s, size_t series, struct mono now) {
        const struct series_state *state = &s->plan->series[series];
        struct witness *witness = &s->witnesses[series];
        struct world_view view = world_view(s->world);
        size_t min_keep = s->engine->file->policies[state->policy].min_keep;

        if (s->lagging == 0 && s->agreed && state->complete >= state->deletes + 2 * min_keep)
                return true;
        if (witness->failed || state->n_survivors < MIN(min_keep, state->complete))
                return false;
        if (witness->answered == state->n_survivors && now.ns - witness->at.ns > SIGHT_WITNESS_NS)
                witness->asked = witness->answered = 0;

        while (witness->asked < state->n_survivors && subscription_has_room(s)) {
                const struct snapshot_row *row =
                        &view.snapshots[s->plan->survivors[state->first_survivor + witness->asked]];
                struct look_question question = {
                        .kind = LOOK_SURVIVOR,
                        .unique_id = row->unique_id,
                        .series = series,
                        .serial = s->serial,
                        .id = {.type = RESOURCE_SNAPSHOT},
                        .region = view_str(&view, row->region),
                };
                struct operation *op;

                stpcpy(question.id.subscription, s->id);
                stpcpy(question.id.group, view_str(&view, row->group));
                snapshot_row_name(&view, row, question.id.name);
                stpcpy(question.generation, view_str(&view, row->generation));
                snprintf(question.policy, sizeof(question.policy), "%s",
                         view_str(&view, row->policy));
                question.slot = row->slot;
                if (look_new(s->engine, s, &question, now, &op) < 0)
                        return false;
                engine_add(s->engine, op);
                witness->asked++;
        }
        return witness->answered == state->n_survivors;
}
