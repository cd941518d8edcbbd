/*
 * Retirement: an operator has the snapshots of a generation that no policy and target select deleted to the
 * last: all of ours of a disk that is gone or that nothing selects, and of one that went from one policy to
 * another what the first has left. What is claimed is the plan's word.
 *
 * What goes are the snapshots that were listed when the hash was given, by their unique ids, and nothing
 * that comes later: a disk that is tagged again is backed up again, and what is taken of it then nobody
 * has retired.
 */
#include "base/array.h"
#include "core/series.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct retirement {
        struct guid *ids; /* owned; in the order of guid_compare() */
        size_t n, capacity;
};

static void retirement_deinit(struct retirement *retirement) {
        free(retirement->ids);
}

/* The series, of a policy that selects the disk where it is listed, which snapshots of this policy tag are in; or
 * NULL. */
static const struct series_state *plan_claims(const struct plan *plan,
                                              const struct policy_file *file,
                                              const char *generation, const char *policy) {
        for (size_t i = 0; i < plan->n_series; i++) {
                const struct series_state *series = &plan->series[i];

                if (!series->gone && strcmp(series->generation, generation) == 0 &&
                    policy_claims(&file->policies[series->policy], policy))
                        return series;
        }
        return NULL;
}

const struct series_state *engine_goes_on(const struct engine *engine, size_t i,
                                          const char *generation, const char *policy) {
        const struct series_state *series = NULL;

        for (size_t j = 0; j < engine->n_subscriptions && !series; j++) {
                const struct subscription *other = &engine->subscriptions[j];

                if (j != i && other->plan)
                        series = plan_claims(other->plan, engine->file, generation, policy);
        }
        return series;
}

/*
 * Whether the row, one of the subscription's, which has a plan, is in a series that goes on. Of a disk that
 * was moved to another subscription the generation goes on: what its policy has here is no other policy's
 * leftover, though the plan of this subscription alone cannot tell.
 */
static bool is_claimed(const struct subscription *s, const struct snapshot_row *row) {
        struct world_view view = world_view(s->world);

        return s->plan->claimed[row - view.snapshots] ||
               engine_goes_on(s->engine, (size_t)(s - s->engine->subscriptions),
                              view_str(&view, row->generation), view_str(&view, row->policy));
}

/* The generation's rows; none when the world has none. */
static void find_rows(const struct subscription *s, const char *generation,
                      const struct snapshot_row **ret_rows, size_t *ret_n) {
        struct world_view view = world_view(s->world);
        uint32_t number = intern_find(view.strings, generation);

        *ret_n = 0;
        if (number != 0)
                view_generation(&view, number, ret_rows, ret_n);
}

/* What retire would delete in this subscription. *reterr_claimed: some of ours is claimed. */
static int retirement_add(struct retirement *retirement, const struct subscription *s,
                          const char *generation, bool *reterr_claimed) {
        const struct snapshot_row *rows;
        size_t n;

        find_rows(s, generation, &rows, &n);
        for (size_t i = 0; i < n; i++) {
                int r;

                if (!snapshot_row_is_ours(&rows[i]))
                        continue;
                if (is_claimed(s, &rows[i])) {
                        *reterr_claimed = true;
                        continue;
                }
                if (rows[i].flags & (ROW_HELD | ROW_LEAVING) || guid_is_nil(&rows[i].unique_id))
                        continue;
                r = array_grow(&retirement->ids, retirement->n, &retirement->capacity,
                               sizeof(*retirement->ids), PLAN_ACTIONS_MAX);
                if (r < 0)
                        return r;
                retirement->ids[retirement->n++] = rows[i].unique_id;
        }
        return 0;
}

/* @retirement is empty, and to be deinited also after a failure. */
static int retirement_read(struct retirement *retirement, const struct engine *engine,
                           const char *generation) {
        bool claimed = false;

        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (!engine->subscriptions[i].world || !engine->subscriptions[i].plan)
                        return ENGINE_E_NOT_READ;
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                int r = retirement_add(retirement, &engine->subscriptions[i], generation, &claimed);
                if (r < 0)
                        return r;
        }
        if (retirement->n == 0)
                return claimed ? ENGINE_E_SELECTED : ENGINE_E_UNKNOWN;
        guids_sort(retirement->ids, retirement->n);
        return 0;
}

static int retirement_hash(const struct retirement *retirement, const struct engine *engine,
                           const char *generation, char ret_hash[static ENGINE_HASH_SIZE]) {
        _cleanup_(strbuf_deinit) struct strbuf ids = {};
        char id[GUID_TEXT_SIZE];

        for (size_t i = 0; i < retirement->n; i++)
                strbuf_append_str(&ids, guid_format(&retirement->ids[i], id));
        if (ids.error)
                return ids.error;
        return engine_question_hash(engine, "retire", generation, strbuf_str(&ids), ret_hash);
}

int engine_retire_plan(const struct engine *engine, const char *generation, size_t *ret_n,
                       char ret_hash[static ENGINE_HASH_SIZE]) {
        _cleanup_(retirement_deinit) struct retirement retirement = {};
        int r;

        r = retirement_read(&retirement, engine, generation);
        r = r ?: retirement_hash(&retirement, engine, generation, ret_hash);
        if (r == 0)
                *ret_n = retirement.n;
        return r;
}

/* Takes the ids; NULL: nothing is retired any more. */
static void set_retired(struct engine *engine, struct known *known, struct guid *ids, size_t n) {
        engine->n_generations = 0; /* they borrow them, and are made anew for the next plan */
        free(known->retired);
        known->retired = ids;
        known->n_retired = n;
}

static void look_anew(struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                subscription_look_anew(&engine->subscriptions[i]);
}

/* Whether its disks were listed since it was said: one of them may have come back to its policy just then, and
 * a round's own listing is of snapshots alone. */
static bool is_looked_at(const struct subscription *s, const struct known *known) {
        return s->disks_listed.ns >= known->retired_at.ns;
}

/* Also where a listing was under way when it was said. */
static void look_at_disks(struct engine *engine, const struct known *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                struct subscription *s = &engine->subscriptions[i];

                if (is_looked_at(s, known))
                        continue;
                s->disks_at.ns = 0;
                subscription_look_anew(s);
        }
}

int engine_retire(struct engine *engine, const char *generation, const char *hash,
                  const char *who) {
        _cleanup_(retirement_deinit) struct retirement retirement = {};
        char present[ENGINE_HASH_SIZE];
        struct known *known;
        int r;

        r = retirement_read(&retirement, engine, generation);
        r = r ?: retirement_hash(&retirement, engine, generation, present);
        if (r != 0)
                return r;
        if (strcmp(present, hash) != 0)
                return ENGINE_E_CHANGED;
        known = engine_known(engine, generation);
        if (!known)
                return -ENOMEM;

        log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_ORDER,
                 "generation %s is retired, %zu snapshots are to go, says %s", generation,
                 retirement.n, who);
        set_retired(engine, known, take_ptr(retirement.ids), retirement.n);
        known->retired_at = clock_mono(engine->services.clock);
        look_anew(engine);
        look_at_disks(engine, known);
        return 0;
}

/* Whether that is so of each subscription, or it cannot be read: the disk may have gone to another just then. */
static bool all_are_looked_at(const struct engine *engine, const struct known *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (!is_looked_at(&engine->subscriptions[i], known) &&
                    !engine->subscriptions[i].failing)
                        return false;
        return true;
}

bool subscription_retires(const struct subscription *s, const struct action *action) {
        struct known *known;

        HASH_FIND_STR(s->engine->known, action->generation, known);
        return known && !known->internal && is_looked_at(s, known) &&
               all_are_looked_at(s->engine, known) &&
               guids_have(known->retired, known->n_retired, &action->unique_id);
}

/* Whether any of those that are retired is in a series that goes on. */
static bool is_selected(const struct engine *engine, const struct known *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];
                const struct snapshot_row *rows;
                size_t n;

                if (!s->world || !s->plan)
                        continue; /* nothing is deleted there before it is planned */
                find_rows(s, known->generation, &rows, &n);
                for (size_t j = 0; j < n; j++)
                        if (guids_have(known->retired, known->n_retired, &rows[j].unique_id) &&
                            is_claimed(s, &rows[j]))
                                return true;
        }
        return false;
}

static bool is_listed(const struct engine *engine, const struct known *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];
                const struct snapshot_row *rows;
                size_t n;

                if (!subscription_is_whole(s))
                        return true; /* nobody knows */
                find_rows(s, known->generation, &rows, &n);
                for (size_t j = 0; j < n; j++)
                        if (guids_have(known->retired, known->n_retired, &rows[j].unique_id))
                                return true;
        }
        return false;
}

void engine_end_retirements(struct engine *engine) {
        struct known *known, *next;

        HASH_ITER (hh, engine->known, known, next) {
                bool selected = known->n_retired > 0 && is_selected(engine, known);

                if (known->n_retired == 0)
                        continue;
                if (!selected && is_listed(engine, known)) {
                        look_at_disks(engine, known);
                        continue;
                }
                set_retired(engine, known, NULL, 0);
                if (!selected)
                        continue;
                log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_RETIRE_OVER,
                         "a policy and target select what was retired of generation %s: its "
                         "retirement is over, and what is left of it stays",
                         known->generation);
                look_anew(engine);
        }
}

void engine_leave_retirements(const struct engine *engine, const char *why) {
        const struct known *known, *next;

        HASH_ITER (hh, engine->known, known, next)
                if (known->n_retired > 0)
                        log_tell(engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_RETIRE_OVER,
                                 "%s: the retirement of generation %s is over, and what was not "
                                 "deleted of it yet stays",
                                 why, known->generation);
}
