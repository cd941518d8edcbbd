/*
 * Which disks are gone: where each was last, by listings and tags, and what a GET of that place says (DESIGN
 * section 5).
 */
#include "core/rows.h"
#include "engine/engine-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chosen: of hundreds of gone disks each is asked for twice within days, and GETs are cheap. */
#define GONE_ASKED_MAX 10
/* DESIGN section 5: "in two sweeps at least an hour apart". */
#define GONE_PROOF_S 3600
/* Chosen: a disk whose absence could not be proven is asked for again with the next sweep but one. */
#define GONE_UNKNOWN_NS (1800 * NSEC_PER_SEC)

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

/* Its absence is over: what plans let go of it as of a gone disk stays. */
static void end_absence(struct engine *engine, const char *generation) {
        const struct state_gone *gone = state_gone_find(&engine->state, generation);
        bool proven = gone && utc_is_set(gone->since);

        state_gone_end(&engine->state, generation);
        for (size_t i = 0; i < engine->n_subscriptions && proven; i++)
                subscription_settle(&engine->subscriptions[i]);
}

/* Those that came back: their absence is over. */
static void end_returned(struct engine *engine) {
        for (size_t i = 0; i < engine->state.n_gone; i++) {
                char generation[GUID_TEXT_SIZE];
                struct place place;

                stpcpy(generation, engine->state.gone[i].generation);
                if (!place_listed(engine, generation, &place))
                        continue;
                end_absence(engine, generation);
                (void)state_gone_see(&engine->state, generation, place.disk, place.seen);
        }
}

/* NULL when it is none of the view. */
static const struct orphan *find_orphan(const struct world_view *view, const char *generation) {
        return view_find_orphan(view, intern_find(view->strings, generation));
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

/* A tag may be longer than any id. It is remembered as text, so it is not cut within a letter. */
static void place_set(struct place *place, const char *disk) {
        size_t len = MIN(strlen(disk), sizeof(place->disk) - 1);

        while (len > 0 && (disk[len] & 0xc0) == 0x80)
                len--;
        *(char *)mempcpy(place->disk, disk, len) = '\0';
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
                place_set(ret_place, view_str(&view, orphan->disk));
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
        memory->running = subscription_ask(s, &question, now) == 0;
        return true;
}

void subscription_seek_orphans(struct subscription *s, struct mono now) {
        struct world_view view = world_view(s->world);
        _cleanup_(freep) struct turn *turns = NULL;
        size_t n, asked = 0;

        end_returned(s->engine);
        if (!engine_reads_all(s->engine))
                return;
        forget_without_snapshots(s->engine);
        note_places(s);
        turns = calloc(view.n_orphans + s->engine->state.n_gone + 1, sizeof(*turns));
        if (!turns)
                return; /* with the next world */
        n = orphans_in_turn(s, &view, now, turns);
        for (size_t i = 0; i < n && asked < GONE_ASKED_MAX; i++)
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

        if (!engine_reads_all(engine) || !last_place(engine, question->generation, &place) ||
            !parse_disk(place.disk, &id) || resource_id_compare(&id, &question->id) != 0 ||
            state_gone_see(&engine->state, question->generation, place.disk, place.seen) < 0 ||
            state_gone_get(&engine->state, question->generation, &gone) < 0)
                return NULL;
        return gone;
}

void subscription_disk_looked(struct subscription *s, const struct look_question *question,
                              enum look_answer answer, struct mono now) {
        struct memory *memory = subscription_memory_of(s, "orphan", question->generation, "");
        struct utc utc = engine_now(s->engine);
        struct state_gone *gone;

        if (memory) {
                memory->running = false;
                memory->not_before =
                        mono_add_ns(now, answer == LOOK_UNKNOWN ? GONE_UNKNOWN_NS
                                                                : GONE_PROOF_S * NSEC_PER_SEC);
        }

        switch (answer) {
        case LOOK_THERE:
                subscription_lags(s);
                subscription_doubt(s, "a GET shows disk %s, which the listing lacks",
                                   question->id.name);
                end_absence(s->engine, question->generation);
                break;
        case LOOK_OTHER:
                /* Another disk has the name: that says nothing of where this one is. */
                end_absence(s->engine, question->generation);
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
                         utc.ticks >= utc_add_seconds(gone->first, GONE_PROOF_S).ticks) {
                        gone->since = utc;
                        say_disk_gone(s, question);
                }
                break;
        case LOOK_UNKNOWN:
                break;
        }
}
