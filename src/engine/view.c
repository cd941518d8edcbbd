/*
 * The engine as others see it: its worlds and plans, what it has done, and how it is, in a line.
 */
#include "engine/engine-internal.h"

#include <string.h>

void engine_stands(const struct engine *engine, struct standing *ret_standing) {
        *ret_standing = (struct standing){
                .generations = engine->generations,
                .n_generations = engine->n_generations,
                .unselected = engine->state.unselected,
                .n_unselected = engine->state.n_unselected,
                .failures = engine->state.failures,
                .n_failures = engine->state.n_failures,
        };
}

bool engine_is_forgetful(const struct engine *engine) {
        return engine->state_failing;
}

const struct engine_counts *engine_counts(const struct engine *engine) {
        return &engine->counts;
}

bool engine_is_well(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct subscription *s = &engine->subscriptions[i];

                if (!s->world || !s->plan || s->failing || s->n_told > 0 ||
                    world_unread(s->world)->lacks_disk)
                        return false;
        }
        return true;
}

/* One that the plan has no create for. */
static bool plan_leaves_due(const struct plan *plan) {
        for (size_t i = 0; i < plan->n_series; i++)
                if (plan->series[i].deferred)
                        return true;
        for (size_t i = 0; i < plan->n_findings; i++)
                if (plan->findings[i].kind == FINDING_NO_ATTEMPT)
                        return true;
        return false;
}

bool engine_leaves_due(const struct engine *engine) {
        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                for (size_t a = 0; plan && a < plan->n_actions; a++)
                        if (plan->actions[a].kind == ACTION_CREATE &&
                            (plan->actions[a].blocked & (BLOCK_FULL | BLOCK_BURST)))
                                return true;
                if (plan && plan_leaves_due(plan))
                        return true;
        }
        return false;
}

const struct policy *engine_lacks_group(const struct engine *engine,
                                        const char **ret_subscription) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                for (size_t p = 0; p < engine->file->n_policies; p++)
                        if (subscription_lacks_group(&engine->subscriptions[i],
                                                     &engine->file->policies[p])) {
                                *ret_subscription = engine->subscriptions[i].id;
                                return &engine->file->policies[p];
                        }
        return NULL;
}

/* "12 s", "12 min", "12 h", "12 d": rounded down, as ages are told. */
static void append_age(int64_t seconds, struct strbuf *out) {
        if (seconds < 120)
                strbuf_appendf(out, "%lld s", (long long)MAX(seconds, 0));
        else if (seconds < 2 * 3600)
                strbuf_appendf(out, "%lld min", (long long)seconds / 60);
        else if (seconds < 2 * SEC_PER_DAY)
                strbuf_appendf(out, "%lld h", (long long)seconds / 3600);
        else
                strbuf_appendf(out, "%lld d", (long long)(seconds / SEC_PER_DAY));
}

/* The time of day alone where it is within a day: "14:00Z". */
static void append_soon(struct utc at, struct utc now, struct strbuf *out) {
        char text[UTC_TEXT_SIZE];

        utc_format(utc_from_seconds(utc_seconds(at)), text);
        if (at.ticks < utc_add_seconds(now, SEC_PER_DAY).ticks)
                strbuf_appendf(out, "%.5sZ", strchr(text, 'T') + 1);
        else
                strbuf_append_str(out, text);
}

void engine_summary(const struct engine *engine, struct strbuf *out) {
        const struct series_state *soonest = NULL, *late = NULL, *before = NULL;
        struct utc now = engine_now(engine), newest = UTC_NONE;
        size_t n_disks = 0, n_gone = 0, n_late = 0, n_unread = 0;

        for (size_t i = 0; i < engine->n_subscriptions; i++) {
                const struct plan *plan = engine->subscriptions[i].plan;

                n_unread += !plan;
                for (size_t j = 0; plan && j < plan->n_series; j++) {
                        const struct series_state *series = &plan->series[j];

                        /* The series of a disk stand together. */
                        if (!before || strcmp(before->generation, series->generation) != 0) {
                                n_disks += !series->gone;
                                n_gone += series->gone;
                        }
                        before = series;
                        newest.ticks = MAX(newest.ticks, series->newest.ticks);
                        if (!soonest || series->next.ticks < soonest->next.ticks)
                                soonest = series;
                        n_late += series->late;
                        if (series->late && !late)
                                late = series;
                }
        }

        strbuf_appendf(out, "%zu disk%s", n_disks, n_disks == 1 ? "" : "s");
        if (n_gone > 0)
                strbuf_appendf(out, ", %zu gone", n_gone);
        if (n_unread > 0)
                strbuf_appendf(out, ", %zu of %zu subscription%s not read yet", n_unread,
                               engine->n_subscriptions, engine->n_subscriptions == 1 ? "" : "s");
        if (utc_is_set(newest)) {
                strbuf_append_str(out, ", newest ");
                append_age(utc_seconds(now) - utc_seconds(newest), out);
        }
        if (engine->state.paused)
                strbuf_append_str(out, ", everything is paused");
        else if (soonest && soonest->next.ticks != UTC_NEVER.ticks) {
                strbuf_appendf(out, ", next %s ", soonest->disk.name);
                append_soon(soonest->next, now, out);
        }
        if (late)
                strbuf_appendf(out, "; %zu late: %s%s", n_late, late->disk.name,
                               n_late > 1 ? ", …" : "");
}

size_t engine_n_subscriptions(const struct engine *engine) {
        return engine->n_subscriptions;
}

const struct plan *engine_plan(const struct engine *engine, size_t i) {
        return engine->subscriptions[i].plan;
}

bool engine_unreadable(const struct engine *engine, size_t i, const char **ret_id,
                       const char **ret_why) {
        const struct subscription *s = &engine->subscriptions[i];

        *ret_id = s->id;
        *ret_why = s->unreadable ?: "";
        return s->failing;
}

const struct world_unread *engine_unread(const struct engine *engine, size_t i) {
        const struct world *world = engine->subscriptions[i].world;

        return world ? world_unread(world) : NULL;
}

bool engine_has_deleted(const struct engine *engine, size_t i, const char *group,
                        const char *name) {
        const struct memory *memory =
                subscription_memory_find(&engine->subscriptions[i], "delete", group, name);

        return memory && memory->done;
}

bool engine_has_done(const struct engine *engine, size_t i, const struct action *action) {
        const struct memory *memory;

        if (action->kind == ACTION_DELETE)
                return engine_has_deleted(engine, i, action->group, action->name);
        memory = subscription_memory_find(&engine->subscriptions[i], "create", action->generation,
                                          engine->file->policies[action->policy].name);
        return memory && memory->done && memory->slot.ticks == action->slot.ticks;
}

bool engine_view(const struct engine *engine, size_t i, struct world_view *ret_view) {
        if (!engine->subscriptions[i].world)
                return false;
        *ret_view = world_view(engine->subscriptions[i].world);
        return true;
}
