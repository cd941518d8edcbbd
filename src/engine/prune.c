/*
 * One deletion: the victim is read again, and goes only if it is what the plan saw.
 *
 *         START -> REREAD -> DELETE -> DONE
 *         REREAD -> DONE when it is gone already
 *         REREAD, DELETE -> AGAIN -> REREAD when a reply is lost or slow, or the DELETE came too late
 *         any -> FAILED
 *
 * 202 is enough: the next listing shows whether it is gone (DESIGN section 6). Where the policy has two
 * identities, both requests are the pruner's, so that the other needs no right to delete.
 */
#include "azure/replies.h"
#include "azure/requests.h"
#include "base/str.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: a victim that cannot be read and deleted in ten minutes is planned anew. */
#define PRUNE_LIFE_NS (600 * NSEC_PER_SEC)
/* Chosen: Azure takes seconds to delete one, and shows it as Deleting meanwhile. */
#define PRUNE_UNDONE_NS (600 * NSEC_PER_SEC)
/* DESIGN section 5: the re-read is at most this old when the DELETE goes out. */
#define PRUNE_REREAD_NS (10 * NSEC_PER_SEC)

enum prune_state {
        PRUNE_AWAIT_START,
        PRUNE_AWAIT_REREAD, /* the snapshot */
        PRUNE_AWAIT_DELETE, /* the reply to the DELETE */
        PRUNE_AWAIT_AGAIN,  /* the moment to read it once more */
        PRUNE_DONE,
        PRUNE_FAILED,
};

struct prune {
        struct operation op;
        enum prune_state state;
        struct action action;
        bool told;          /* in the log, before its DELETE */
        bool sent;          /* a DELETE may have had its effect */
        bool gone;          /* a GET or a DELETE found nothing */
        uint64_t serial;    /* of the plan it is of */
        struct utc counted; /* among its policy's deletions; UTC_NONE: it is not */
        bool lost;          /* counted, and among those that its policy had gained */
        const char *
                accepted; /* the policy whose accepted ones it is of instead; NULL: it is of none */
};

static const char *prune_state_name(enum prune_state state) {
        switch (state) {
        case PRUNE_AWAIT_START:
                return "start";
        case PRUNE_AWAIT_REREAD:
                return "re-read";
        case PRUNE_AWAIT_DELETE:
                return "delete";
        case PRUNE_AWAIT_AGAIN:
                return "again";
        case PRUNE_DONE:
                return "done";
        case PRUNE_FAILED:
                return "failed";
        }
        return "?";
}

static void prune_enter(struct prune *prune, enum prune_state state) {
        struct log_entry entry;

        assert(prune->state != PRUNE_DONE && prune->state != PRUNE_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "prune");
        log_field(&entry, LOG_STATE, prune_state_name(state));
        log_commit(prune->op.engine->services.log, &entry, "prune %s: %s -> %s", prune->action.name,
                   prune_state_name(prune->state), prune_state_name(state));
        prune->state = state;
}

static enum op_verdict prune_send_reread(struct prune *prune, struct mono now) {
        struct resource_id id = action_snapshot_id(&prune->action);

        prune_enter(prune, PRUNE_AWAIT_REREAD);
        return operation_call(&prune->op, arm_get(&prune->op.engine->file->cloud, &id),
                              BUDGET_KIND_GET, BUDGET_RANK_PRUNE, MONO_NEVER, now);
}

static enum op_verdict prune_again(struct prune *prune, struct mono now) {
        prune_enter(prune, PRUNE_AWAIT_AGAIN);
        return operation_pause(&prune->op, now);
}

static void prune_too_slow(struct prune *prune) {
        struct arm_error *error = &prune->op.call.error;

        *error = (struct arm_error){.class = ARM_TRANSIENT, .retry_after_ns = -1};
        snprintf(error->code, sizeof(error->code), "SlowReread");
        snprintf(error->message, sizeof(error->message),
                 "the service took more than %d s to show it",
                 (int)(PRUNE_REREAD_NS / NSEC_PER_SEC));
}

/* Said before it goes out: a daemon that dies on the way has told of it. */
static void prune_tell(struct prune *prune) {
        const struct action *action = &prune->action;
        struct log_entry entry;

        log_begin(&entry, LOG_LEVEL_INFO);
        log_event(&entry, LOG_EVENT_DELETION_BEGINS);
        log_field(&entry, LOG_OPERATION, "prune");
        if (action->policy != ACTION_NO_POLICY)
                log_field(&entry, LOG_POLICY,
                          prune->op.engine->file->policies[action->policy].name);
        log_field(&entry, LOG_GENERATION, action->generation);
        log_fieldf(&entry, LOG_SNAPSHOT, "%s/%s/%s", action->subscription, action->group,
                   action->name);
        log_field(&entry, LOG_RULE, action->reason);
        log_commit(prune->op.engine->services.log, &entry, "snapshot %s is to go (%s)",
                   action->name, action->reason);
}

/* The age of the re-read counts from @asked, when its request went out: nobody knows when on the way of a
 * slow answer it was so. */
static enum op_verdict prune_send_delete(struct prune *prune, struct mono asked, struct mono now) {
        struct resource_id id = action_snapshot_id(&prune->action);
        struct mono until = mono_add_ns(asked, PRUNE_REREAD_NS);

        if (now.ns >= until.ns) {
                prune_too_slow(prune);
                return prune_again(prune, now);
        }
        if (!prune->told)
                prune_tell(prune);
        prune->told = true;
        prune_enter(prune, PRUNE_AWAIT_DELETE);
        return operation_call(&prune->op, arm_delete(&prune->op.engine->file->cloud, &id),
                              BUDGET_KIND_DELETE, BUDGET_RANK_PRUNE, until, now);
}

/* What differs between the plan and the re-read, or NULL. */
static const char *prune_difference(const struct action *action,
                                    const struct snapshot_reply *reply) {
        char source[GUID_TEXT_SIZE] = "";

        if (!reply->has_id || !str_equal_nocase(reply->id.name, action->name) ||
            !str_equal_nocase(reply->id.group, action->group) ||
            strcmp(reply->id.subscription, action->subscription) != 0)
                return "id";
        if (!reply->has_unique_id || guid_compare(&reply->unique_id, &action->unique_id) != 0)
                return "uniqueId";
        if (reply->has_source_unique_id)
                guid_format(&reply->source_unique_id, source);
        if (strcmp(source, action->generation) != 0)
                return "sourceUniqueId";
        if (reply->time_created.ticks != action->time_created.ticks)
                return "timeCreated";
        if (tags_hash(reply->tags) != action->tag_hash)
                return "tags";
        /* Somebody changes it at this moment. Of tags that is an operation too, and until it ends a GET has
         * those of before: it may be a hold that is on its way. */
        if (action->complete && reply->provisioning == PROVISIONING_RUNNING)
                return "state";
        /* No rule lets a failed one go but that it has failed: complete after all it may be the newest.
         * One that is on its way out asks for no DELETE. */
        if (action->failed && !snapshot_reply_has_failed(reply) &&
            reply->provisioning != PROVISIONING_DELETING)
                return "state";
        return NULL;
}

/* Whether the reply cannot be the listing's snapshot as it was changed since: another one of the name,
 * older than the listing, which should have had it. */
static bool prune_contradicts(const struct prune *prune, const struct snapshot_reply *reply) {
        const struct action *action = &prune->action;
        struct world_view view;

        view = world_view(prune->op.subscription->world);
        return (!reply->has_unique_id || guid_compare(&reply->unique_id, &action->unique_id) != 0 ||
                reply->time_created.ticks != action->time_created.ticks) &&
               reply->time_created.ticks < view.begin.ticks;
}

/* What was asked, or came to stand, while it was read again holds it back as well. */
static enum op_verdict prune_if_blocked(struct prune *prune) {
        uint32_t blocked =
                subscription_blocks(prune->op.subscription, &prune->action, prune->serial);
        _cleanup_(strbuf_deinit) struct strbuf names = {};

        if (blocked == 0)
                return OP_CONTINUE;
        blocks_append(blocked, &names);
        return operation_fail_with(&prune->op, ARM_CONFLICT, "HeldBack",
                                   "its deletion is held back (%s)", strbuf_str(&names));
}

/* It is as it was, and long ago Azure had accepted a DELETE of it: that has come to nothing, without a word. The
 * next try asks for it anew. */
static enum op_verdict prune_if_undone(struct prune *prune, struct mono now) {
        struct memory *memory = subscription_memory(prune->op.subscription, &prune->action);

        if (!memory || memory->accepted_at.ns == 0 ||
            guid_compare(&memory->accepted, &prune->action.unique_id) != 0 ||
            now.ns - memory->accepted_at.ns < PRUNE_UNDONE_NS)
                return OP_CONTINUE;
        memory->accepted_at.ns = 0;
        memory->undone = true;
        return operation_fail_with(&prune->op, ARM_TRANSIENT, "NotDeleted",
                                   "Azure had accepted that, and it is still there");
}

static enum op_verdict prune_compare(struct prune *prune, const struct snapshot_reply *reply,
                                     struct mono now) {
        const char *difference = prune_difference(&prune->action, reply);
        enum op_verdict verdict;

        if (difference && prune_contradicts(prune, reply))
                subscription_doubt(prune->op.subscription,
                                   "a GET of %s shows another %s than the listing",
                                   prune->action.name, difference);
        if (difference)
                return operation_fail_with(&prune->op, ARM_PRECONDITION, "Changed",
                                           "its %s is no longer what the plan saw, it stays",
                                           difference);
        if (str_starts_with_nocase(reply->state, "ActiveSAS"))
                return operation_fail_with(
                        &prune->op, ARM_LOCKED, "ActiveSAS",
                        "somebody has a SAS open on it, it stays until that is revoked");
        /* Our own DELETE, its reply lost, may be under way: nothing is left to ask for. */
        if (reply->provisioning == PROVISIONING_DELETING)
                return operation_succeed(&prune->op);
        verdict = prune_if_blocked(prune);
        if (verdict == OP_CONTINUE)
                verdict = prune_if_undone(prune, now);
        return verdict == OP_CONTINUE ? prune_send_delete(prune, prune->op.call.sent, now)
                                      : verdict;
}

static enum op_verdict prune_after_reread(struct prune *prune, struct mono now) {
        struct call *call = &prune->op.call;
        struct snapshot_reply reply;
        enum op_verdict verdict;
        const char *member = NULL;
        int r;

        switch (call->error.class) {
        case ARM_OK:
                break;
        case ARM_NOT_FOUND:
                prune->gone = true;
                return operation_succeed(&prune->op);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return prune_again(prune, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                return operation_fail(&prune->op);
        }

        r = snapshot_reply_parse(call->reply->body ?: "", call->reply->body_len, &reply, &member);
        if (r != 0) {
                arm_error_unreadable(call->reply, "UnreadableReply", r, member, &call->error);
                return prune_again(prune, now);
        }
        verdict = prune_compare(prune, &reply, now);
        snapshot_reply_deinit(&reply);
        return verdict;
}

static enum op_verdict prune_after_delete(struct prune *prune, struct mono now) {
        switch (prune->op.call.error.class) {
        case ARM_OK:
                prune->sent = true;
                return operation_succeed(&prune->op);
        case ARM_NOT_FOUND:
                prune->gone = true;
                return operation_succeed(&prune->op);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                /* Never a second DELETE on an old look: the name could be another's by then. */
                prune->sent |= prune->op.call.error.maybe_done;
                return prune_again(prune, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                break;
        }
        return operation_fail(&prune->op);
}

/* The name of the policy, or one that it had, under which an operator accepted deletions, one of which is
 * now spent; NULL: none is left. */
static const char *spend_allowance(struct state *state, const struct policy *policy,
                                   struct utc now) {
        if (state_spend_allowance(state, policy->name, now))
                return policy->name;
        for (size_t i = 0; i < policy->n_formerly; i++)
                if (state_spend_allowance(state, policy->formerly[i], now))
                        return policy->formerly[i];
        return NULL;
}

/* Of its policy's deletions since the world was read. */
static uint64_t *prune_counter(const struct prune *prune) {
        const struct action *action = &prune->action;
        struct subscription *s = prune->op.subscription;

        return &(action->retired ? s->retired : s->spent)[action->policy];
}

/* Whether the plan's tally counts it as gained. It is that no more from now on, and not from the next listing on: other
 * subscriptions go by the tally before. */
static bool is_gained(const struct prune *prune) {
        struct utc now = prune->op.subscription->plan_now;

        return prune->action.complete && prune->action.time_created.ticks <= now.ticks &&
               prune->action.time_created.ticks > utc_add_seconds(now, -DOUBT_MASS_GAIN_S).ticks;
}

/*
 * A deletion counts towards the day's, or is one of those that were accepted, whoever made it in the end.
 * It counts from the beginning, and the state is written before its DELETE goes out: a daemon that dies
 * then finds it counted. What is retired counts towards no day; but listings will not have it any more.
 */
static int prune_count(struct prune *prune) {
        struct engine *engine = prune->op.engine;
        const struct action *action = &prune->action;
        const struct policy *policy;
        struct utc now = engine_now(engine);
        int r;

        prune->counted = UTC_NONE;
        if (action->policy == ACTION_NO_POLICY || action->failed ||
            (action->retired && !action->complete))
                return 0;
        policy = &engine->file->policies[action->policy];
        if (!action->retired)
                prune->accepted = spend_allowance(&engine->state, policy, now);
        if (!action->retired && !prune->accepted) {
                r = state_count_deletions(&engine->state, policy->name, action->time_created, 1,
                                          now);
                if (r < 0)
                        return r;
        }
        state_rule_uncount(&engine->state, policy->name);
        prune->counted = now;
        prune->lost = is_gained(prune);
        prune->op.subscription->lost[action->policy] += prune->lost;
        ++*prune_counter(prune);
        return 0;
}

/* Of the day's, or of those that were accepted. */
static void prune_uncount_day(struct prune *prune) {
        struct engine *engine = prune->op.engine;
        const struct action *action = &prune->action;

        if (prune->accepted)
                state_return_allowance(&engine->state, prune->accepted, prune->counted);
        else if (!action->retired)
                state_uncount_deletion(&engine->state, engine->file->policies[action->policy].name,
                                       action->time_created, prune->counted);
}

static void prune_uncount(struct prune *prune) {
        if (!utc_is_set(prune->counted))
                return;
        prune_uncount_day(prune);
        if (prune->serial != prune->op.subscription->serial)
                return;
        --*prune_counter(prune);
        prune->op.subscription->lost[prune->action.policy] -= prune->lost;
}

/* It is gone by a DELETE that was accepted before, and counted then: a listing that lags has shown it once more. */
static bool prune_is_counted(const struct prune *prune) {
        const struct memory *memory = subscription_memory(prune->op.subscription, &prune->action);

        return prune->gone && utc_is_set(prune->counted) && memory &&
               !guid_is_nil(&memory->accepted) &&
               guid_compare(&memory->accepted, &prune->action.unique_id) == 0;
}

static enum op_verdict prune_step(struct operation *op, struct mono now) {
        struct prune *prune = container_of(op, struct prune, op);
        enum op_verdict verdict;

        /* A DELETE that waits for its turn is held back by what came to stand meanwhile. */
        if (prune->state == PRUNE_AWAIT_DELETE && op->call.state == CALL_WAITING) {
                verdict = prune_if_blocked(prune);
                if (verdict != OP_CONTINUE)
                        return verdict;
        }
        verdict = operation_preflight(op, now);
        /* Overdue, as after a suspend: what is on its way has its effect all the same, and is counted. */
        prune->sent |= verdict == OP_DONE && prune->state == PRUNE_AWAIT_DELETE &&
                       op->call.state == CALL_IN_FLIGHT;
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (prune->state) {
        case PRUNE_AWAIT_START:
                if (prune_count(prune) < 0)
                        return operation_fail_with(op, ARM_TRANSIENT, "Uncounted",
                                                   "the deletions of the day cannot be counted");
                return prune_send_reread(prune, now);
        case PRUNE_AWAIT_AGAIN:
                return prune_send_reread(prune, now);
        case PRUNE_AWAIT_REREAD:
                return prune_after_reread(prune, now);
        case PRUNE_AWAIT_DELETE:
                return prune_after_delete(prune, now);
        case PRUNE_DONE:
        case PRUNE_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void prune_ended(struct operation *op, struct mono now) {
        struct prune *prune = container_of(op, struct prune, op);

        prune_enter(prune, op->outcome == OP_SUCCEEDED ? PRUNE_DONE : PRUNE_FAILED);
        if (op->outcome != OP_SUCCEEDED && !prune->sent)
                prune_uncount(prune);
        else if (op->outcome == OP_SUCCEEDED && prune_is_counted(prune))
                prune_uncount_day(prune);
        report_action(op, &prune->action, prune->sent ? "is deleted" : "was gone already",
                      prune->gone, now);
}

static void prune_free(struct operation *op) {
        action_deinit(&container_of(op, struct prune, op)->action);
}

static const struct operation_ops prune_ops = {
        .name = "prune",
        .step = prune_step,
        .ended = prune_ended,
        .free = prune_free,
};

bool prune_has_sent(const struct operation *op, const struct guid *unique_id) {
        const struct prune *prune;

        if (op->ops != &prune_ops)
                return false;
        prune = container_of(op, struct prune, op);
        return guid_compare(&prune->action.unique_id, unique_id) == 0 &&
               (prune->sent ||
                (prune->state == PRUNE_AWAIT_DELETE && op->call.state != CALL_WAITING));
}

int prune_new(struct engine *engine, struct subscription *subscription, const struct action *action,
              struct mono now, struct operation **ret_op) {
        struct prune *prune = calloc(1, sizeof(*prune));
        int r;

        if (!prune)
                return -ENOMEM;

        operation_init(&prune->op, &prune_ops, engine, subscription, now, PRUNE_LIFE_NS);
        prune->op.token = engine->pruner;
        r = action_copy(action, &prune->action);
        if (r < 0) {
                free(prune);
                return r;
        }
        prune->serial = subscription->serial;
        prune->counted = UTC_NONE;
        *ret_op = &prune->op;
        return 0;
}
