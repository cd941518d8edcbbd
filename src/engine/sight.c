/*
 * What a new world says about the one before it, and what single GETs say about both: snapshots that
 * vanished, listings that lag, survivors that are there (DESIGN section 5).
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
/* DESIGN section 5: "lagging until three listings agree". */
#define SIGHT_LAG_LISTINGS 3
/* DESIGN section 5: "until two listings 15 minutes apart agree". */
#define SIGHT_AGREE_NS (900 * NSEC_PER_SEC)
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

bool engine_reads_all(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct world *world = engine->subscriptions[i].world;

                if (!world || engine->subscriptions[i].failing || world_unread(world)->n_disks > 0)
                        return false;
        }
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

int subscription_ask(struct subscription *s, const struct look_question *question,
                     struct mono now) {
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
        if (subscription_ask(s, &question, now) == 0) {
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
                s->engine->counts.vanished_at = engine_now(s->engine);
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
                subscription_disk_looked(s, question, answer, now);
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

        while (witness->asked < state->n_survivors && subscription_has_room(s, /* beside= */ 0)) {
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
                question.adopted = row->flags & ROW_ADOPTED;
                if (look_new(s->engine, s, &question, now, &op) < 0)
                        return false;
                engine_add(s->engine, op);
                witness->asked++;
        }
        return witness->answered == state->n_survivors;
}
