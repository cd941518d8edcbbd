/*
 * One snapshot's tags changed at an operator's word, and read back.
 *
 *         START -> LOOK -> DONE when it is as it was asked for
 *         LOOK -> CHANGE -> LOOK
 *         LOOK -> CALM -> LOOK when a hold is seen: DONE when it is seen again
 *         LOOK, CHANGE -> AGAIN -> LOOK when a reply is lost, does not show what was changed, or says when to
 *         ask again
 *         any -> FAILED
 *
 * Only a GET that shows it ends it well. By the tags resource, since a PATCH of the snapshot replaces
 * the whole set (DESIGN section 4, "Tags"). Of a disk it was seen to answer 202 (azure-rest-api-specs, issue
 * 20267): Compute changes it by an operation, and a snapshot is Updating, with the tags of before, until that
 * ends. No second change is sent on top of one.
 *
 * A hold must outlive the deletions that did not see it. One of this daemon is held back as soon as the
 * order is given, and where its DELETE has gone out the order is refused (orders.c). That of another
 * daemon, or of an earlier life of this one, may have read the snapshot before the change: its DELETE
 * follows within 10 seconds (prune.c) and then is in Azure's hands. So the hold is believed when it is
 * seen again after some time.
 */
#include "azure/remedy.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "core/naming.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Chosen: what is not done by then is asked for again by whoever wants it. */
#define TAGGING_LIFE_NS (600 * NSEC_PER_SEC)
/* Chosen: three times the age of a re-read. */
#define TAGGING_CALM_NS (30 * NSEC_PER_SEC)
#define TAGGING_CALM_DEMO_NS (1 * NSEC_PER_SEC)

enum tagging_state {
        TAGGING_AWAIT_START,
        TAGGING_AWAIT_LOOK,   /* the snapshot */
        TAGGING_AWAIT_CHANGE, /* the reply to the PATCH */
        TAGGING_AWAIT_AGAIN,  /* the moment to look once more */
        TAGGING_AWAIT_CALM,   /* the moment to look once more at a hold */
        TAGGING_DONE,
        TAGGING_FAILED,
};

struct tagging {
        struct operation op;
        enum tagging_state state;
        struct order *order; /* the engine's, which keeps it while it runs */
        struct mono shown;   /* since then it is as asked for; 0 ns: it is not */
        bool changed;        /* a PATCH may have had its effect */
        bool answered;       /* the last PATCH was taken, and nothing has shown it yet */
};

static const char *tagging_state_name(enum tagging_state state) {
        switch (state) {
        case TAGGING_AWAIT_START:
                return "start";
        case TAGGING_AWAIT_LOOK:
                return "look";
        case TAGGING_AWAIT_CHANGE:
                return "change";
        case TAGGING_AWAIT_AGAIN:
                return "again";
        case TAGGING_AWAIT_CALM:
                return "calm";
        case TAGGING_DONE:
                return "done";
        case TAGGING_FAILED:
                return "failed";
        }
        return "?";
}

static void tagging_enter(struct tagging *tagging, enum tagging_state state) {
        struct log_entry entry;

        assert(tagging->state != TAGGING_DONE && tagging->state != TAGGING_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "tagging");
        log_field(&entry, LOG_STATE, tagging_state_name(state));
        log_commit(tagging->op.engine->services.log, &entry, "tagging %s: %s -> %s",
                   tagging->order->snapshot.name, tagging_state_name(tagging->state),
                   tagging_state_name(state));
        tagging->state = state;
}

static enum op_verdict tagging_look(struct tagging *tagging, struct mono now) {
        tagging_enter(tagging, TAGGING_AWAIT_LOOK);
        return operation_call(&tagging->op,
                              arm_get(&tagging->op.engine->file->cloud, &tagging->order->snapshot),
                              BUDGET_KIND_GET, BUDGET_RANK_CREATE, MONO_NEVER, now);
}

static enum op_verdict tagging_again(struct tagging *tagging, struct mono now) {
        tagging_enter(tagging, TAGGING_AWAIT_AGAIN);
        return operation_pause(&tagging->op, now);
}

/* Merge of our tags, or Delete of the hold that was seen: of another, set meanwhile, it takes nothing. */
static enum op_verdict tagging_change(struct tagging *tagging, struct mono now) {
        const struct order *order = tagging->order;
        struct http_request *request = NULL;
        struct strbuf tags = {};

        if (order->kind == ORDER_ADOPT)
                strbuf_append(&tags, order->tags.data, order->tags.len);
        else {
                strbuf_append(&tags, TAG_HOLD, sizeof(TAG_HOLD));
                strbuf_append(&tags, order->detail, strlen(order->detail) + 1);
        }
        if (tags.error == 0)
                request = arm_patch_tags(&tagging->op.engine->file->cloud, &order->snapshot,
                                         order->kind == ORDER_RELEASE ? TAGS_DELETE : TAGS_MERGE,
                                         tags.data, tags.len);
        strbuf_deinit(&tags);
        tagging_enter(tagging, TAGGING_AWAIT_CHANGE);
        return operation_call(&tagging->op, request, BUDGET_KIND_TAG, BUDGET_RANK_CREATE,
                              MONO_NEVER, now);
}

/* It is as it was asked for. */
static enum op_verdict tagging_shown(struct tagging *tagging, struct mono now) {
        int64_t calm_ns = tagging->op.engine->file->demo ? TAGGING_CALM_DEMO_NS : TAGGING_CALM_NS;

        if (tagging->shown.ns == 0)
                tagging->shown = now;
        if (tagging->order->kind != ORDER_HOLD || now.ns - tagging->shown.ns >= calm_ns)
                return operation_succeed(&tagging->op);
        tagging_enter(tagging, TAGGING_AWAIT_CALM);
        return operation_sleep(&tagging->op, mono_add_ns(tagging->shown, calm_ns));
}

/* Whether the change itself may be what it is Updating for. */
static bool tagging_is_under_way(const struct tagging *tagging,
                                 const struct snapshot_reply *reply) {
        return tagging->changed && reply->provisioning == PROVISIONING_RUNNING;
}

static enum op_verdict tagging_not_shown(struct tagging *tagging,
                                         const struct snapshot_reply *reply, struct mono now) {
        tagging->shown.ns = 0;
        if (!tagging->answered && !tagging_is_under_way(tagging, reply))
                return tagging_change(tagging, now);
        tagging->answered = false;
        tagging->op.call.error = (struct arm_error){.class = ARM_PROTOCOL, .retry_after_ns = -1};
        snprintf(tagging->op.call.error.code, sizeof(tagging->op.call.error.code), "NotShown");
        snprintf(tagging->op.call.error.message, sizeof(tagging->op.call.error.message),
                 "Azure took the change, and does not show it");
        return tagging_again(tagging, now);
}

static enum op_verdict tagging_refuse(struct tagging *tagging, const char *text) {
        return operation_fail_with(&tagging->op, ARM_PRECONDITION, "Changed", "%s", text);
}

static enum op_verdict hold_compare(struct tagging *tagging, const struct snapshot_reply *reply,
                                    const char *hold, struct mono now) {
        if (hold && strcmp(hold, tagging->order->detail) == 0)
                return tagging_shown(tagging, now);
        if (hold)
                return operation_fail_with(&tagging->op, ARM_PRECONDITION, "Held",
                                           "it is held already, and for another reason: %s", hold);
        return tagging_not_shown(tagging, reply, now);
}

static enum op_verdict release_compare(struct tagging *tagging, const struct snapshot_reply *reply,
                                       const char *hold, struct mono now) {
        struct order *order = tagging->order;

        if (!hold)
                return order->detail ? tagging_shown(tagging, now)
                                     : tagging_refuse(tagging, "it has no hold tag");
        if (!order->detail) {
                order->detail = strdup(hold);
                if (!order->detail)
                        return operation_fail_with(&tagging->op, ARM_TRANSIENT, "ENOMEM",
                                                   "out of memory");
        }
        if (strcmp(order->detail, hold) != 0)
                return operation_fail_with(&tagging->op, ARM_PRECONDITION, "Held",
                                           "somebody has set another hold meanwhile: %s", hold);
        return tagging_not_shown(tagging, reply, now);
}

static bool has_tags(const struct snapshot_reply *reply, const struct strbuf *tags) {
        const char *name = tags->data, *end = tags->data + tags->len;

        while (name < end) {
                const char *value = name + strlen(name) + 1, *found = tags_get(reply->tags, name);

                if (!found || strcmp(found, value) != 0)
                        return false;
                name = value + strlen(value) + 1;
        }
        return true;
}

/* What the listing showed may be another by now. */
static enum op_verdict adopt_compare(struct tagging *tagging, const struct snapshot_reply *reply,
                                     struct mono now) {
        const char *owner = tags_get(reply->tags, TAG_OWNER);
        char source[GUID_TEXT_SIZE] = "";

        if (reply->has_source_unique_id)
                guid_format(&reply->source_unique_id, source);
        if (strcmp(source, tagging->order->generation) != 0 || !reply->incremental ||
            (reply->provisioning != PROVISIONING_SUCCEEDED &&
             !tagging_is_under_way(tagging, reply)) ||
            reply->has_copy_error)
                return tagging_refuse(tagging, "it is not the complete one that was listed");
        if (owner && strcmp(owner, tagging->op.engine->file->owner) != 0)
                return operation_fail_with(&tagging->op, ARM_PRECONDITION, "OtherOwner",
                                           "its owner tag says that it belongs to %s", owner);
        return has_tags(reply, &tagging->order->tags) ? tagging_shown(tagging, now)
                                                      : tagging_not_shown(tagging, reply, now);
}

static enum op_verdict tagging_compare(struct tagging *tagging, const struct snapshot_reply *reply,
                                       struct mono now) {
        const struct order *order = tagging->order;
        const char *owner = tags_get(reply->tags, TAG_OWNER);
        const char *hold = tags_get(reply->tags, TAG_HOLD);

        if (!reply->has_unique_id || guid_compare(&reply->unique_id, &order->unique_id) != 0)
                return tagging_refuse(tagging, "another snapshot has its name");
        if (reply->provisioning == PROVISIONING_DELETING)
                return tagging_refuse(tagging, "it is being deleted");
        if (order->kind == ORDER_ADOPT)
                return adopt_compare(tagging, reply, now);
        if (!owner || strcmp(owner, tagging->op.engine->file->owner) != 0)
                return tagging_refuse(tagging, "its owner tag is not ours any more");

        return order->kind == ORDER_HOLD ? hold_compare(tagging, reply, hold, now)
                                         : release_compare(tagging, reply, hold, now);
}

static enum op_verdict tagging_after_look(struct tagging *tagging, struct mono now) {
        struct call *call = &tagging->op.call;
        struct snapshot_reply reply;
        enum op_verdict verdict;
        const char *member = NULL;
        int r;

        switch (call->error.class) {
        case ARM_OK:
                break;
        case ARM_NOT_FOUND:
                return tagging_refuse(tagging, "it is not there any more");
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return tagging_again(tagging, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                return operation_fail(&tagging->op);
        }

        r = snapshot_reply_parse(call->reply->body ?: "", call->reply->body_len, &reply, &member);
        if (r != 0) {
                arm_error_unreadable(call->reply, "UnreadableReply", r, member, &call->error);
                return tagging_again(tagging, now);
        }
        verdict = tagging_compare(tagging, &reply, now);
        snapshot_reply_deinit(&reply);
        return verdict;
}

static enum op_verdict tagging_after_change(struct tagging *tagging, struct mono now) {
        int64_t wait_ns;

        switch (tagging->op.call.error.class) {
        case ARM_OK:
                tagging->changed = tagging->answered = true;
                wait_ns =
                        arm_retry_after_ns(tagging->op.call.reply, engine_now(tagging->op.engine));
                if (wait_ns < 0)
                        return tagging_look(tagging, now);
                tagging_enter(tagging, TAGGING_AWAIT_AGAIN);
                return operation_sleep(&tagging->op, mono_add_ns(now, wait_ns));
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                tagging->changed |= tagging->op.call.error.maybe_done;
                return tagging_again(tagging, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_NOT_FOUND:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                break;
        }
        return operation_fail(&tagging->op);
}

static enum op_verdict tagging_step(struct operation *op, struct mono now) {
        struct tagging *tagging = container_of(op, struct tagging, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        /* Overdue: what is on its way has its effect all the same. */
        tagging->changed |= verdict == OP_DONE && tagging->state == TAGGING_AWAIT_CHANGE &&
                            op->call.state == CALL_IN_FLIGHT;
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (tagging->state) {
        case TAGGING_AWAIT_START:
        case TAGGING_AWAIT_AGAIN:
        case TAGGING_AWAIT_CALM:
                return tagging_look(tagging, now);
        case TAGGING_AWAIT_LOOK:
                return tagging_after_look(tagging, now);
        case TAGGING_AWAIT_CHANGE:
                return tagging_after_change(tagging, now);
        case TAGGING_DONE:
        case TAGGING_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

/* What an order of each kind is told as. */
static const struct {
        const char *done;   /* "snapshot %s …" and the order's detail */
        const char *failed; /* "… could not be …" */
        enum log_event event;
} words[] = {
        [ORDER_HOLD] = {"is held: ", "held", LOG_EVENT_SNAPSHOT_HELD},
        [ORDER_RELEASE] = {"is released, its hold was: ", "released", LOG_EVENT_SNAPSHOT_RELEASED},
        [ORDER_ADOPT] = {"is ours from here on, under ", "adopted", LOG_EVENT_SNAPSHOT_ADOPTED},
};

static void tagging_tell_done(const struct tagging *tagging) {
        struct order *order = tagging->order;
        struct log_entry entry;

        strbuf_appendf(&order->text, "snapshot %s %s%s", order->snapshot.name,
                       words[order->kind].done, order->detail);
        order_log(order, LOG_LEVEL_NOTICE, words[order->kind].event, &entry);
        log_field(&entry, LOG_REASON, order->detail);
        log_commit(tagging->op.engine->services.log, &entry, "%s", strbuf_str(&order->text));
}

static void tagging_tell_failure(const struct tagging *tagging) {
        const struct operation *op = &tagging->op;
        struct order *order = tagging->order;
        struct log_entry entry;

        strbuf_appendf(&order->text, "snapshot %s could not be %s%s", order->snapshot.name,
                       words[order->kind].failed,
                       tagging->changed ? ", or nobody saw that it was" : "");
        arm_error_append(&op->error, &order->text);
        arm_remedy_append(&op->error, &order->text);
        order_log(order, LOG_LEVEL_WARNING, LOG_EVENT_ORDER_FAILED, &entry);
        log_field(&entry, LOG_REASON, arm_class_name(op->error.class));
        log_field(&entry, LOG_ARM_CODE, op->error.code[0] ? op->error.code : NULL);
        log_field(&entry, LOG_REQUEST_ID, op->call.request_id[0] ? op->call.request_id : NULL);
        log_commit(op->engine->services.log, &entry, "%s", strbuf_str(&order->text));
}

static void tagging_ended(struct operation *op, struct mono now) {
        struct tagging *tagging = container_of(op, struct tagging, op);
        bool done = op->outcome == OP_SUCCEEDED;

        tagging_enter(tagging, done ? TAGGING_DONE : TAGGING_FAILED);
        if (done)
                tagging_tell_done(tagging);
        else
                tagging_tell_failure(tagging);
        order_end(tagging->order, done ? ORDER_DONE : ORDER_FAILED, now);
}

static void tagging_free(struct operation *op) {
}

int tagging_new(struct engine *engine, struct subscription *subscription, struct order *order,
                struct mono now, struct operation **ret_op) {
        static const struct operation_ops ops = {
                .name = "tagging",
                .step = tagging_step,
                .ended = tagging_ended,
                .free = tagging_free,
        };
        struct tagging *tagging = calloc(1, sizeof(*tagging));

        if (!tagging)
                return -ENOMEM;

        operation_init(&tagging->op, &ops, engine, subscription, now, TAGGING_LIFE_NS);
        tagging->op.apart = true;
        tagging->order = order;
        *ret_op = &tagging->op;
        return 0;
}
