/*
 * What is remembered of each action beyond its plan: how its tries went, what a single GET has shown of it,
 * and whether the log has its failure.
 */
#include "base/str.h"
#include "engine/engine-internal.h"

#include <stdio.h>
#include <string.h>

/* What a single GET has shown is believed for so long against listings that do not show it. */
#define MEMORY_KNOWN_NS (3600 * NSEC_PER_SEC)
/* The name of a slot that no listing shows is looked at before it is written, for so long. Chosen: until
 * the next slot of a monthly schedule. As long, others have their turn before an orphan that had its. */
#define MEMORY_HIDDEN_NS (32 * SEC_PER_DAY * NSEC_PER_SEC)

/* Of a deletion that was accepted: the first listing may have begun before it, by the next one it is asked for
 * again. */
#define MEMORY_LISTINGS 2

/* The longest key and its NUL. */
#define MEMORY_KEY_SIZE (16 + GUID_TEXT_SIZE + RESOURCE_GROUP_SIZE + SNAPSHOT_NAME_SIZE + 3)
_Static_assert(POLICY_NAME_MAX < SNAPSHOT_NAME_SIZE, "both kinds of key fit");

static struct memory *memory_find(const struct subscription *s, const char *verb, const char *a,
                                  const char *b, char key[static MEMORY_KEY_SIZE]) {
        size_t len = (size_t)snprintf(key, MEMORY_KEY_SIZE, "%s %s/%s", verb, a, b);
        struct memory *memory;

        HASH_FIND(hh, s->memories, key, len, memory);
        return memory;
}

const struct memory *subscription_memory_find(const struct subscription *s, const char *verb,
                                              const char *a, const char *b) {
        char key[MEMORY_KEY_SIZE];

        return memory_find(s, verb, a, b, key);
}

struct memory *subscription_memory_of(struct subscription *s, const char *verb, const char *a,
                                      const char *b) {
        char key[MEMORY_KEY_SIZE];
        struct memory *memory = memory_find(s, verb, a, b, key);
        size_t len = strlen(key);

        if (memory)
                return memory;

        memory = calloc(1, sizeof(*memory) + len + 1);
        if (!memory)
                return NULL;
        memcpy(memory->key, key, len + 1);
        HASH_ADD_KEYPTR(hh, s->memories, memory->key, len, memory);
        if (!memory->hh.tbl) {
                free(memory);
                return NULL;
        }
        return memory;
}

void subscription_tell(struct subscription *s, struct memory *memory, bool told) {
        if (told && !memory->told)
                s->n_told++;
        else if (!told && memory->told)
                s->n_told--;
        memory->told = told;
}

struct memory *subscription_memory(struct subscription *s, const struct action *action) {
        struct memory *memory;

        if (action->kind == ACTION_DELETE)
                return subscription_memory_of(s, "delete", action->group, action->name);

        memory = subscription_memory_of(s, "create", action->generation,
                                        s->engine->file->policies[action->policy].name);
        if (memory && !memory->running && memory->slot.ticks != action->slot.ticks) {
                memory->slot = action->slot;
                memory->done = false;
                memory->maybe_done = false;
                memory->known_at.ns = 0;
                memory->not_before.ns = 0;
                memory->astray = false;
        }
        return memory;
}

void memory_note_accepted(struct memory *memory, const struct action *action, struct mono now) {
        if (memory->accepted_at.ns == 0 ||
            guid_compare(&memory->accepted, &action->unique_id) != 0) {
                memory->accepted = action->unique_id;
                memory->accepted_at = now;
        }
        memory->listings = MEMORY_LISTINGS;
}

/* Forgets what is neither running nor waiting: the world speaks for it. */
static void subscription_forget_old(struct subscription *s, struct mono now) {
        struct memory *memory, *next;

        HASH_ITER (hh, s->memories, memory, next) {
                if (memory->running || memory->done || memory->told || memory->given_up ||
                    memory->listings > 0 || now.ns < memory->not_before.ns ||
                    ((memory->maybe_done || memory->asked) &&
                     now.ns - memory->not_before.ns < MEMORY_HIDDEN_NS))
                        continue;
                HASH_DEL(s->memories, memory);
                free(memory);
        }
}

void subscription_check_deletions(struct subscription *s) {
        struct memory *memory, *next;

        HASH_ITER (hh, s->memories, memory, next) {
                if (memory->known_at.ns == 0 || memory->known_at.ns >= s->begin.ns)
                        continue;
                for (size_t i = 0; i < s->plan->n_actions; i++) {
                        const struct action *action = &s->plan->actions[i];

                        if (action->kind == ACTION_DELETE &&
                            subscription_memory(s, action) == memory)
                                subscription_lags(s);
                }
        }
}

bool subscription_lacks_group(const struct subscription *s, const struct policy *policy) {
        for (const struct memory *memory = s->n_told > 0 ? s->memories : NULL; memory;
             memory = memory->hh.next)
                if (memory->told && memory->told_class == ARM_PARENT_NOT_FOUND &&
                    str_starts_with(memory->key, "create ") &&
                    strcmp(strchr(memory->key, '/') + 1, policy->name) == 0)
                        return true;
        return false;
}

/* A slot that is due is asked for, also where the plan has no create: it waits for pending ones, or all of its names
 * are taken. */
static void subscription_ask_left(struct subscription *s) {
        for (size_t i = 0; i < s->plan->n_series; i++) {
                const struct series_state *series = &s->plan->series[i];
                char key[MEMORY_KEY_SIZE];
                struct memory *memory;

                if (!utc_is_set(series->due))
                        continue;
                memory = memory_find(s, "create", series->generation,
                                     s->engine->file->policies[series->policy].name, key);
                if (memory)
                        memory->serial = s->serial;
        }
}

/* Of a deletion that was accepted and came to nothing: while the next try runs it is Deleting, and no plan has it. */
static bool is_still_listed(const struct subscription *s, const struct memory *memory) {
        struct world_view view = world_view(s->world);

        for (size_t i = 0; memory->undone && i < view.n_snapshots; i++)
                if (guid_compare(&view.snapshots[i].unique_id, &memory->accepted) == 0)
                        return true;
        return false;
}

void subscription_end_failures(struct subscription *s) {
        struct memory *memory, *next;

        /* What cannot be read may have left the plan for that. */
        if (s->n_told == 0 || !subscription_is_whole(s))
                return;

        for (size_t i = 0; i < s->plan->n_actions; i++) {
                memory = subscription_memory(s, &s->plan->actions[i]);
                if (memory)
                        memory->serial = s->serial;
        }
        subscription_ask_left(s);
        HASH_ITER (hh, s->memories, memory, next) {
                if (!memory->told || memory->running || memory->serial == s->serial ||
                    given_up_is_underway(memory) || is_still_listed(s, memory))
                        continue;
                log_tell(s->engine->services.log, LOG_LEVEL_NOTICE, LOG_EVENT_FAILURE_OVER,
                         "%s: nothing is left to do of it, after %u failures", memory->key,
                         memory->backoff.failures);
                subscription_tell(s, memory, false);
                backoff_reset(&memory->backoff);
                memory->undone = false;
        }
}

void subscription_clear_done(struct subscription *s, struct mono now) {
        struct memory *memory, *next;

        HASH_ITER (hh, s->memories, memory, next) {
                if (memory->known_at.ns == 0 || now.ns - memory->known_at.ns > MEMORY_KNOWN_NS) {
                        memory->done = false;
                        memory->known_at.ns = 0;
                }
                memory->listings -= memory->listings > 0;
        }
        subscription_forget_old(s, now);
}
