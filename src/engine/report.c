/*
 * What the log says of the ends of operations, each thing once: a failure when it begins, and when it does
 * not pass by itself any more; its end with the count; a deletion with the rule that allowed it.
 */
#include "azure/remedy.h"
#include "base/duration.h"
#include "base/strbuf.h"
#include "core/targets.h"
#include "engine/engine-internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void entry_subject(struct log_entry *entry, const struct engine *engine,
                          const struct action *action) {
        char slot[UTC_SLOT_SIZE];

        if (action->policy != ACTION_NO_POLICY)
                log_field(entry, LOG_POLICY, engine->file->policies[action->policy].name);
        if (action->kind == ACTION_CREATE)
                log_fieldf(entry, LOG_DISK, "%s/%s/%s", action->disk.subscription,
                           action->disk.group, action->disk.name);
        log_field(entry, LOG_GENERATION, action->generation);
        log_fieldf(entry, LOG_SNAPSHOT, "%s/%s/%s", action->subscription, action->group,
                   action->name);
        log_field(entry, LOG_SLOT, utc_format_slot(action->slot, slot));
}

static void entry_action(struct log_entry *entry, const struct operation *op,
                         const struct action *action, struct mono now) {
        log_field(entry, LOG_OPERATION, op->ops->name);
        entry_subject(entry, op->engine, action);
        log_fieldf(entry, LOG_DURATION_MS, "%lld",
                   (long long)((now.ns - op->began.ns) / NSEC_PER_MSEC));
        if (op->call.request_id[0])
                log_field(entry, LOG_REQUEST_ID, op->call.request_id);
}

static void report_success(struct operation *op, const struct action *action, const char *success,
                           struct memory *memory, struct mono now) {
        struct log_entry entry;

        if (action->kind == ACTION_CREATE)
                op->engine->counts.created++;
        else
                op->engine->counts.deleted++;

        log_begin(&entry, LOG_LEVEL_INFO);
        log_event(&entry, action->kind == ACTION_CREATE ? LOG_EVENT_SNAPSHOT_TAKEN
                                                        : LOG_EVENT_SNAPSHOT_DELETED);
        entry_action(&entry, op, action, now);
        if (action->kind == ACTION_DELETE)
                log_field(&entry, LOG_RULE, action->reason);
        else
                log_field(&entry, LOG_REASON, action->reason);
        if (memory->told)
                log_commit(op->engine->services.log, &entry,
                           "snapshot %s %s after %u failures (%s)", action->name, success,
                           memory->backoff.failures, action->reason);
        else
                log_commit(op->engine->services.log, &entry, "snapshot %s %s (%s)", action->name,
                           success, action->reason);
}

void report_found(struct subscription *s, const struct action *action, unsigned failures,
                  struct mono began, struct mono now) {
        struct log_entry entry;

        s->engine->counts.created++;
        log_begin(&entry, LOG_LEVEL_INFO);
        log_event(&entry, LOG_EVENT_SNAPSHOT_TAKEN);
        log_field(&entry, LOG_OPERATION, "snapshot");
        entry_subject(&entry, s->engine, action);
        log_fieldf(&entry, LOG_DURATION_MS, "%lld",
                   (long long)((now.ns - began.ns) / NSEC_PER_MSEC));
        log_field(&entry, LOG_REASON, action->reason);
        if (failures > 0)
                log_commit(s->engine->services.log, &entry,
                           "snapshot %s is complete after %u failures (%s)", action->name, failures,
                           action->reason);
        else
                log_commit(s->engine->services.log, &entry,
                           "snapshot %s is complete, though it was given up (%s)", action->name,
                           action->reason);
}

/* Whether what was told to fail so fails now for something else that somebody must mend. */
static bool is_another(enum arm_class told, enum arm_class class) {
        return class != told && !arm_class_passes(class);
}

static void report_failure(struct operation *op, const struct action *action, struct memory *memory,
                           struct mono now) {
        const char *verb = action->kind == ACTION_CREATE ? "taken" : "deleted";
        struct services *services = &op->engine->services;
        struct log_entry entry;
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        char at[UTC_TEXT_SIZE] = "";
        struct utc retry;

        if (action->kind == ACTION_CREATE)
                op->engine->counts.create_failures++;
        else
                op->engine->counts.delete_failures++;
        if (memory->told && !is_another(memory->told_class, op->error.class))
                return;
        subscription_tell(op->subscription, memory, true);
        memory->told_class = op->error.class;

        retry = (struct utc){engine_now(op->engine).ticks +
                             (memory->not_before.ns - now.ns) / NSEC_PER_TICK};
        retry = utc_from_seconds(utc_seconds(retry));
        log_begin(&entry, LOG_LEVEL_WARNING);
        log_event(&entry, action->kind == ACTION_CREATE ? LOG_EVENT_SNAPSHOT_FAILED
                                                        : LOG_EVENT_DELETION_FAILED);
        entry_action(&entry, op, action, now);
        log_field(&entry, LOG_REASON, arm_class_name(op->error.class));
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_RETRY_AT, utc_format(retry, at));
        arm_error_append(&op->error, &why);
        arm_remedy_append(&op->error, &why);
        log_commit(services->log, &entry, "snapshot %s could not be %s, will try again at %s%s",
                   action->name, verb, at, strbuf_str(&why));
}

/* @key begins with what it is; the rest makes it this one. */
static void raise_keyed(struct subscription *s, enum log_level level, int doubt, const char *reason,
                        const struct strbuf *key, const char *policy,
                        const struct resource_id *disk, const char *generation, const char *over,
                        const char *text) {
        _cleanup_(strbuf_deinit) struct strbuf path = {};

        if (disk)
                strbuf_appendf(&path, "%s/%s/%s", disk->subscription, disk->group, disk->name);
        if (key->error || path.error)
                return;
        condition_raise(&s->conditions,
                        &(struct condition_sight){
                                .key = key->data,
                                .level = level,
                                .doubt = doubt,
                                .reason = reason,
                                .policy = policy,
                                .disk = disk ? path.data : NULL,
                                .generation = generation,
                                .text = text,
                                .over = over,
                        },
                        engine_now(s->engine));
}

/* Of a series, or of the subscription when that is NULL. */
static void raise(struct subscription *s, enum log_level level, int doubt, const char *reason,
                  const struct series_state *series, const char *over, const char *text) {
        _cleanup_(strbuf_deinit) struct strbuf key = {};

        if (series) {
                series_key(s, series, reason, &key);
                raise_keyed(s, level, doubt, reason, &key,
                            s->engine->file->policies[series->policy].name, &series->disk,
                            series->generation, over, text);
                return;
        }
        strbuf_append_str(&key, reason);
        raise_keyed(s, level, doubt, reason, &key, NULL, NULL, NULL, over, text);
}

/*
 * The alarm is of the encryption set, which many disks may have in common: told with the first of them,
 * and over when a snapshot of each has come out. @error NULL: as it was told before.
 */
static void report_key(struct subscription *s, const struct resource_id *id, const char *generation,
                       const struct arm_error *error) {
        _cleanup_(strbuf_deinit) struct strbuf key = {}, set = {}, text = {}, over = {};
        struct world_view view = world_view(s->world);
        const struct disk_row *disk = view_find_disk(&view, id->group, id->name);

        if (disk && disk->encryption_set != 0)
                strbuf_append_str(&set, view_str(&view, disk->encryption_set));
        else
                strbuf_appendf(&set, "of disk %s", id->name);
        strbuf_appendf(&key, "key %s", strbuf_str(&set));
        strbuf_appendf(&text,
                       "the disk encryption set %s cannot use its key, no snapshot of disk %s and "
                       "the others that it encrypts is taken until it can",
                       strbuf_str(&set), id->name);
        if (error) {
                arm_error_append(error, &text);
                arm_remedy_append(error, &text);
        }
        strbuf_appendf(&over,
                       "no snapshot fails any more for the key of the disk encryption set %s",
                       strbuf_str(&set));
        if (set.error || text.error || over.error)
                return;
        raise_keyed(s, LOG_LEVEL_ERR, CONDITION_NO_DOUBT, "key", &key, NULL, id, generation,
                    over.data, text.data);
}

/* A quota is no missed slot (DESIGN section 5, doubt stale): known until a create comes out, or fails for
 * something else that does not pass by itself. That a key
 * is of no use is known until one of the disk succeeds, whatever else fails in between. */
static void learn_refusal(struct operation *op, const struct action *action) {
        bool refused = op->outcome == OP_FAILED && op->error.class == ARM_QUOTA;
        bool keyless = op->outcome == OP_FAILED && arm_error_blames_key(&op->error);
        struct subscription *s = op->subscription;
        struct known *known;

        HASH_FIND_STR(op->engine->known, action->generation, known);
        if (!known && (refused || keyless))
                known = engine_known(op->engine, action->generation);
        if (!known)
                return;
        if (refused || op->outcome == OP_SUCCEEDED || !arm_class_passes(op->error.class))
                known->refused = refused;
        if (keyless) {
                known->keyless = true;
                report_key(s, &action->disk, action->generation, &op->error);
        } else if (known->keyless && op->outcome == OP_SUCCEEDED) {
                known->keyless = false;
                if (s->plan)
                        report_plan(s);
        }
}

/* A create that waits for room in the chain goes by a listing that shows it. */
static bool makes_room(const struct subscription *s, const struct action *action) {
        for (size_t i = 0; s->plan && i < s->plan->n_actions; i++) {
                const struct action *create = &s->plan->actions[i];

                if (create->kind != ACTION_CREATE)
                        break; /* creates come first */
                if ((create->blocked & BLOCK_FULL) &&
                    strcmp(create->generation, action->generation) == 0)
                        return true;
        }
        return false;
}

/* When it is tried again, and that it is told. */
static void action_failed(struct operation *op, const struct action *action, struct memory *memory,
                          struct mono now) {
        struct subscription *s = op->subscription;

        memory->not_before = backoff_next(
                &memory->backoff, BACKOFF_ITEM_FIRST_NS,
                op->error.class == ARM_LOCKED ? BACKOFF_HOLD_CAP_NS : BACKOFF_ITEM_CAP_NS,
                op->error.retry_after_ns, op->engine->services.random, now);
        if (action->kind == ACTION_DELETE) {
                /* Tried again from a new look at the series alone: its survivors were read for this
                 * round. */
                memory->failed_in = s->serial;
                s->next_sweep.ns =
                        MIN(s->next_sweep.ns,
                            MAX(memory->not_before.ns,
                                mono_add_ns(now, ENGINE_SWEEP_SOON_S * NSEC_PER_SEC).ns));
                memory->not_before.ns = MAX(memory->not_before.ns, s->next_sweep.ns);
        }
        report_failure(op, action, memory, now);
}

void report_action(struct operation *op, const struct action *action, const char *success,
                   bool known, struct mono now) {
        struct subscription *s = op->subscription;
        struct memory *memory = subscription_memory(s, action);

        assert(memory); /* there since the action was admitted, and not forgotten while it runs */
        memory->running = false;
        if (action->kind == ACTION_DELETE)
                s->deleting--;
        else
                learn_refusal(op, action);

        if (op->outcome == OP_SUCCEEDED) {
                if (action->kind == ACTION_DELETE && makes_room(s, action))
                        subscription_touch(s, now);
                report_success(op, action, success, memory, now);
                if (action->kind == ACTION_DELETE && !known)
                        memory_note_accepted(memory, action, now);
                else
                        memory->undone = false;
                /* What was accepted before and not done is believed when it is gone. */
                if (!memory->undone)
                        subscription_tell(s, memory, false);
                given_up_end(op->engine, memory, action);
                memory->done = true;
                memory->maybe_done = known;
                if (known)
                        memory->known_at = now;
                if (!memory->undone)
                        backoff_reset(&memory->backoff);
                /* The plan that asked for it may have much left to do, and names it until a listing
                 * confirms it: done once, however long that takes. */
                memory->not_before = mono_add_ns(now, BACKOFF_ITEM_FIRST_NS);
                return;
        }

        if (op->error.class == ARM_PRECONDITION) {
                /* What was found is not what was planned from: it is read again. */
                subscription_touch(s, now);
                if (action->kind == ACTION_DELETE)
                        s->may_delete = false;
        }
        /* The disk may be gone, or another one by now. */
        if (action->kind == ACTION_CREATE) {
                s->disks_at.ns = 0;
                memory->astray = op->error.class == ARM_PRECONDITION;
        }
        memory->maybe_done |= op->maybe_done;
        if (action->kind == ACTION_CREATE && op->maybe_done)
                given_up_note(memory, op, action);
        action_failed(op, action, memory, now);
}

void report_unread_survivor(struct operation *op, const struct look_question *question,
                            struct mono now) {
        struct subscription *s = op->subscription;
        struct arm_error *error = &op->error;

        if (question->serial != s->serial || !s->plan)
                return;
        for (size_t i = 0; i < s->plan->n_actions; i++) {
                const struct action *action = &s->plan->actions[i];
                char why[sizeof(error->message)];
                struct memory *memory;

                if (action->kind != ACTION_DELETE || action->series != question->series)
                        continue;
                memory = subscription_memory(s, action);
                if (!memory || memory->running || memory->done || action->blocked != 0)
                        continue;
                strcpy(why, error->message);
                snprintf(error->message, sizeof(error->message),
                         "%s, which min_keep relies on, cannot be read: %.*s", question->id.name,
                         (int)(sizeof(why) - 128), why);
                action_failed(op, action, memory, now);
                return;
        }
}

void report_sweep_failure(struct operation *op, struct mono now) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct log_entry entry;

        arm_error_append(&op->error, &why);
        arm_remedy_append(&op->error, &why);
        op->engine->counts.sweep_failures++;
        free(op->subscription->unreadable);
        op->subscription->unreadable = why.error ? NULL : strdup(strbuf_str(&why));
        if (op->subscription->failing && !is_another(op->subscription->told_class, op->error.class))
                return;
        op->subscription->told_class = op->error.class;

        log_begin(&entry, LOG_LEVEL_WARNING);
        log_event(&entry, LOG_EVENT_SUBSCRIPTION_UNREADABLE);
        log_field(&entry, LOG_OPERATION, op->ops->name);
        log_field(&entry, LOG_REASON, arm_class_name(op->error.class));
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_REQUEST_ID, op->call.request_id[0] ? op->call.request_id : NULL);
        log_fieldf(&entry, LOG_DURATION_MS, "%lld",
                   (long long)((now.ns - op->began.ns) / NSEC_PER_MSEC));
        log_commit(op->engine->services.log, &entry,
                   "subscription %s cannot be read, nothing is deleted in it until it can, will go "
                   "on trying%s",
                   op->subscription->id, strbuf_str(&why));
}

static void report_late(struct subscription *s, const struct series_state *series) {
        const struct policy *policy = &s->engine->file->policies[series->policy];
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        char over[200], newest[UTC_TEXT_SIZE];

        strbuf_appendf(&text, "disk %s under %s has no backup as young as its rpo of ",
                       series->disk.name, policy->name);
        duration_append(policy->rpo_s, &text);
        if (utc_is_set(series->newest))
                strbuf_appendf(&text, ": the newest complete one is of %s",
                               utc_format(utc_from_seconds(utc_seconds(series->newest)), newest));
        else
                strbuf_append_str(&text, ": there is none");
        snprintf(over, sizeof(over), "disk %s under %s is within its rpo again", series->disk.name,
                 policy->name);
        raise(s, LOG_LEVEL_ERR, CONDITION_NO_DOUBT, "late", series, over, strbuf_str(&text));
}

/* One that was long and is critical is long all the same: that it is not any more is told when it is
 * shorter. One that is first seen critical is told once. */
static void report_chain(struct subscription *s, const struct series_state *series) {
        _cleanup_(strbuf_deinit) struct strbuf text = {}, key = {};
        bool critical = series->chain >= CHAIN_CRITICAL;
        char over[200];

        series_key(s, series, "chain-long", &key);
        strbuf_appendf(&text, "disk %s has %zu of %d snapshots in its chain", series->disk.name,
                       series->chain, CHAIN_MAX);
        snprintf(over, sizeof(over), "the chain of disk %s is shorter again", series->disk.name);
        if (!critical || utc_is_set(condition_since(&s->conditions, strbuf_str(&key))))
                raise(s, LOG_LEVEL_WARNING, CONDITION_NO_DOUBT, "chain-long", series, over,
                      strbuf_str(&text));
        if (!critical)
                return;
        if (series->blocked) {
                strbuf_append_str(&text, ", and what could be deleted is held back: ");
                blocks_append(series->blocked, &text);
        }
        snprintf(over, sizeof(over), "the chain of disk %s is not critical any more",
                 series->disk.name);
        raise(s, LOG_LEVEL_ERR, CONDITION_NO_DOUBT, "chain-critical", series, over,
              strbuf_str(&text));
}

struct series_teller {
        struct subscription *s;
        const struct series_state *series;
};

static void tell_series_doubt(const struct engine_doubt *doubt, void *data) {
        const struct series_teller *teller = data;
        _cleanup_(strbuf_deinit) struct strbuf text = {}, over = {};
        enum doubt kind = (enum doubt)__builtin_ctz(doubt->bit);

        strbuf_appendf(&text, "nothing is deleted of %s (%s): %s; %s", doubt->scope,
                       doubt_name(kind), doubt->reason, doubt->end);
        strbuf_appendf(&over, "deletions of %s are no longer held back (%s)", doubt->scope,
                       doubt_name(kind));
        if (text.error || over.error)
                return;
        raise(teller->s, LOG_LEVEL_WARNING, (int)kind, doubt_name(kind), teller->series, over.data,
              text.data);
}

/* Each by its name, and once in however many policies it is. */
static void report_no_snapshot(struct subscription *s, const struct series_state *series) {
        _cleanup_(strbuf_deinit) struct strbuf key = {};
        char text[RESOURCE_NAME_MAX + 100], over[RESOURCE_NAME_MAX + 100];

        strbuf_appendf(&key, "no-snapshot %s", series->generation);
        snprintf(text, sizeof(text), "disk %s is being uploaded and cannot be snapshotted yet",
                 series->disk.name);
        snprintf(over, sizeof(over), "disk %s can be snapshotted", series->disk.name);
        raise_keyed(s, LOG_LEVEL_WARNING, CONDITION_NO_DOUBT, "no-snapshot", &key, NULL,
                    &series->disk, series->generation, over, text);
}

static bool is_keyless(const struct engine *engine, const char *generation) {
        const struct known *known;

        HASH_FIND_STR(engine->known, generation, known);
        return known && known->keyless;
}

static void report_series(struct subscription *s, const struct series_state *series) {
        if (series->no_snapshot)
                report_no_snapshot(s, series);
        if (!series->gone && is_keyless(s->engine, series->generation))
                report_key(s, &series->disk, series->generation, /* error= */ NULL);
        /* The first snapshot of a disk that was just selected is about to be made. */
        if (series->late && (utc_is_set(series->newest) || s->agreed))
                report_late(s, series);
        if (series->chain >= CHAIN_WARNING)
                report_chain(s, series);
        if (series->doubts)
                series_doubts(s, series, tell_series_doubt, &(struct series_teller){s, series});
}

void report_plan(struct subscription *s) {
        conditions_begin(&s->conditions);
        for (size_t i = 0; i < s->plan->n_findings; i++) {
                const struct finding *finding = &s->plan->findings[i];
                _cleanup_(strbuf_deinit) struct strbuf text = {}, over = {};

                finding_append(finding, &text);
                if (text.error || finding->kind == FINDING_NO_SNAPSHOT) /* told of each disk */
                        continue;
                strbuf_appendf(&over, "it is over: %s", text.data);
                raise(s, LOG_LEVEL_WARNING, CONDITION_NO_DOUBT, finding_name(finding->kind), NULL,
                      strbuf_str(&over), text.data);
        }
        for (size_t i = 0; i < s->plan->n_series; i++)
                report_series(s, &s->plan->series[i]);
        conditions_finish(&s->conditions);
}
