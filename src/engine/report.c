/*
 * What the log says of the ends of operations, each thing once: a failure when it begins, its end
 * with the count, a deletion with the rule that allowed it.
 */
#include "base/strbuf.h"
#include "engine/engine-internal.h"

#include <string.h>

static void entry_action(struct log_entry *entry, const struct operation *op,
                         const struct action *action, struct mono now) {
        const struct policy *policy = &op->engine->file->policies[action->policy];
        char slot[UTC_SLOT_SIZE];

        log_field(entry, LOG_OPERATION, op->ops->name);
        log_field(entry, LOG_POLICY, policy->name);
        if (action->kind == ACTION_CREATE)
                log_fieldf(entry, LOG_DISK, "%s/%s/%s", action->disk.subscription,
                           action->disk.group, action->disk.name);
        log_field(entry, LOG_GENERATION, action->generation);
        log_fieldf(entry, LOG_SNAPSHOT, "%s/%s/%s", action->subscription, action->group,
                   action->name);
        log_field(entry, LOG_SLOT, utc_format_slot(action->slot, slot));
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
        entry_action(&entry, op, action, now);
        if (action->kind == ACTION_DELETE)
                log_field(&entry, LOG_RULE, action->reason);
        else
                log_field(&entry, LOG_REASON, action->reason);
        if (memory && memory->told)
                log_commit(op->engine->services.log, &entry,
                           "snapshot %s %s after %u failures (%s)", action->name, success,
                           memory->backoff.failures, action->reason);
        else
                log_commit(op->engine->services.log, &entry, "snapshot %s %s (%s)", action->name,
                           success, action->reason);
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
        if (!memory || memory->told)
                return;
        memory->told = true;

        retry = (struct utc){clock_utc(services->clock).ticks +
                             (memory->not_before.ns - now.ns) / NSEC_PER_TICK};
        retry = utc_from_seconds(utc_seconds(retry));
        log_begin(&entry, LOG_LEVEL_WARNING);
        entry_action(&entry, op, action, now);
        log_field(&entry, LOG_REASON, arm_class_name(op->error.class));
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_RETRY_AT, utc_format(retry, at));
        arm_error_append(&op->error, &why);
        log_commit(services->log, &entry, "snapshot %s could not be %s, will try again at %s%s",
                   action->name, verb, at, strbuf_str(&why));
}

void report_action(struct operation *op, const struct action *action, const char *success,
                   struct mono now) {
        struct subscription *s = op->subscription;
        struct memory *memory = subscription_memory(s, action);

        s->running--;
        if (memory)
                memory->running = false;

        if (op->outcome == OP_SUCCEEDED) {
                report_success(op, action, success, memory, now);
                if (!memory)
                        return;
                memory->told = false;
                memory->done = true;
                backoff_reset(&memory->backoff);
                /* The plan that asked for it may have much left to do, and names it until a listing
                 * confirms it: done once, however long that takes. A listing may lag for a while. */
                memory->not_before = mono_add_ns(now, BACKOFF_ITEM_FIRST_NS);
                return;
        }

        /* What was found is not what was planned from: read again before anything else is done. */
        if (op->error.class == ARM_PRECONDITION || op->error.class == ARM_LOCKED)
                s->touched = true;
        if (memory)
                memory->not_before =
                        backoff_next(&memory->backoff, BACKOFF_ITEM_FIRST_NS, BACKOFF_ITEM_CAP_NS,
                                     op->error.retry_after_ns, op->engine->services.random, now);
        report_failure(op, action, memory, now);
}

void report_sweep_failure(struct operation *op, struct mono now) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct log_entry entry;

        op->engine->counts.sweep_failures++;
        if (op->subscription->failing)
                return;

        log_begin(&entry, LOG_LEVEL_WARNING);
        log_field(&entry, LOG_OPERATION, op->ops->name);
        log_field(&entry, LOG_REASON, arm_class_name(op->error.class));
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_REQUEST_ID, op->call.request_id[0] ? op->call.request_id : NULL);
        log_fieldf(&entry, LOG_DURATION_MS, "%lld",
                   (long long)((now.ns - op->began.ns) / NSEC_PER_MSEC));
        arm_error_append(&op->error, &why);
        log_commit(op->engine->services.log, &entry,
                   "subscription %s cannot be read, nothing is deleted in it until it can, will go "
                   "on trying%s",
                   op->subscription->id, strbuf_str(&why));
}

void report_findings(struct subscription *s) {
        struct strbuf all = {};

        for (size_t i = 0; i < s->plan->n_findings; i++) {
                finding_append(&s->plan->findings[i], &all);
                strbuf_append_char(&all, '\n');
        }
        if (all.error || strcmp(strbuf_str(&all), s->findings_told ?: "") == 0) {
                strbuf_deinit(&all);
                return;
        }

        for (size_t i = 0; i < s->plan->n_findings; i++) {
                struct strbuf one = {};

                finding_append(&s->plan->findings[i], &one);
                if (one.error == 0)
                        log_say(s->engine->services.log, LOG_LEVEL_WARNING, "%s", one.data);
                strbuf_deinit(&one);
        }
        if (s->plan->n_findings == 0)
                log_say(s->engine->services.log, LOG_LEVEL_NOTICE,
                        "nothing is out of order any more in subscription %s", s->id);

        free(s->findings_told);
        s->findings_told = NULL;
        if (strbuf_take(&all, &s->findings_told) < 0)
                s->findings_told = NULL; /* told again at worst */
}
