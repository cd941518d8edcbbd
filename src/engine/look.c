/*
 * One question to Azure by a single GET: is this snapshot, or this disk, there?
 *
 *         START -> ANSWER -> DONE
 *         ANSWER -> AGAIN -> ANSWER when the reply is no answer
 *         any -> FAILED
 *
 * Only 404 ResourceNotFound says that something is gone. A group or subscription that is not found, a
 * missing right, and silence say nothing (DESIGN section 5).
 */
#include "azure/replies.h"
#include "azure/requests.h"
#include "base/str.h"
#include "core/naming.h"
#include "engine/engine-internal.h"

#include <errno.h>
#include <string.h>

/* Chosen: a question that has no answer by then is asked again after the next sweep. */
#define LOOK_LIFE_NS (300 * NSEC_PER_SEC)

enum look_state {
        LOOK_AWAIT_START,
        LOOK_AWAIT_ANSWER,
        LOOK_AWAIT_AGAIN,
        LOOK_DONE,
        LOOK_FAILED,
};

struct look {
        struct operation op;
        enum look_state state;
        struct look_question question;
        enum look_answer answer;
};

static const char *look_state_name(enum look_state state) {
        switch (state) {
        case LOOK_AWAIT_START:
                return "start";
        case LOOK_AWAIT_ANSWER:
                return "answer";
        case LOOK_AWAIT_AGAIN:
                return "again";
        case LOOK_DONE:
                return "done";
        case LOOK_FAILED:
                return "failed";
        }
        return "?";
}

static void look_enter(struct look *look, enum look_state state) {
        struct log_entry entry;

        assert(look->state != LOOK_DONE && look->state != LOOK_FAILED);

        log_begin(&entry, LOG_LEVEL_DEBUG);
        log_field(&entry, LOG_OPERATION, "look");
        log_field(&entry, LOG_STATE, look_state_name(state));
        log_commit(look->op.engine->services.log, &entry, "look at %s: %s -> %s",
                   look->question.id.name, look_state_name(look->state), look_state_name(state));
        look->state = state;
}

static enum op_verdict look_send(struct look *look, struct mono now) {
        look_enter(look, LOOK_AWAIT_ANSWER);
        return operation_call(&look->op, arm_get(&look->op.engine->file->cloud, &look->question.id),
                              BUDGET_KIND_GET, BUDGET_RANK_POLL, MONO_NEVER, now);
}

static enum op_verdict look_again(struct look *look, struct mono now) {
        look_enter(look, LOOK_AWAIT_AGAIN);
        return operation_pause(&look->op, now);
}

static enum op_verdict look_answer(struct look *look, enum look_answer answer) {
        look->answer = answer;
        return operation_succeed(&look->op);
}

/* What a listing lacks is there in whatever state it is. */
static enum look_answer vanished_answer(const struct look_question *question,
                                        const struct snapshot_reply *reply) {
        if (!reply->has_unique_id)
                return LOOK_OTHER;
        /* Its name is another's by now, as a rule of our own next one for the same slot. */
        if (guid_compare(&reply->unique_id, &question->unique_id) != 0)
                return LOOK_GONE;
        return reply->provisioning == PROVISIONING_DELETING ? LOOK_GONE : LOOK_THERE;
}

static bool tag_is(const struct snapshot_reply *reply, const char *name, const char *value) {
        const char *tag = tags_get(reply->tags, name);

        return tag && strcmp(tag, value) == 0;
}

/* Whether the tag that adopts says so of this one: in whatever case, as the listing reads it. */
static bool is_still_adopted(const struct look *look, const struct snapshot_reply *reply) {
        const char *adopted = tags_get(reply->tags, TAG_ADOPTED);
        struct guid itself;

        return adopted && guid_parse(adopted, strlen(adopted), &itself) == 0 &&
               guid_compare(&itself, &look->question.unique_id) == 0;
}

/* Whether it is a member of its series by its tags, as the listing had it: a backup is none. */
static bool is_still_ours(const struct look *look, const struct snapshot_reply *reply) {
        const struct look_question *question = &look->question;
        const char *generation = tags_get(reply->tags, TAG_GENERATION);
        char slot[UTC_SLOT_SIZE];

        if (!tags_get(reply->tags, TAG_DISK) || !tags_get(reply->tags, TAG_KEEP))
                return false;
        /* What was adopted is of its series, whatever it was before. */
        if (question->adopted ? !is_still_adopted(look, reply)
                              : tags_get(reply->tags, TAG_UNTIL) != NULL)
                return false;
        return tag_is(reply, TAG_VERSION, TAG_VERSION_VALUE) &&
               tag_is(reply, TAG_OWNER, look->op.engine->file->owner) &&
               tag_is(reply, TAG_POLICY, question->policy) &&
               tag_is(reply, TAG_SLOT, utc_format_slot(question->slot, slot)) && generation &&
               str_equal_nocase(generation, question->generation);
}

/* What min_keep relies on is the complete one that was listed, and ours, or none. */
static enum look_answer survivor_answer(const struct look *look,
                                        const struct snapshot_reply *reply) {
        const struct look_question *question = &look->question;
        char source[GUID_TEXT_SIZE] = "";

        if (reply->has_source_unique_id)
                guid_format(&reply->source_unique_id, source);
        if (!reply->has_unique_id || guid_compare(&reply->unique_id, &question->unique_id) != 0 ||
            strcmp(source, question->generation) != 0 || !reply->incremental ||
            reply->provisioning != PROVISIONING_SUCCEEDED || reply->has_copy_error ||
            !is_still_ours(look, reply))
                return LOOK_OTHER;
        /* An ordinary disk's has no percentage; what counts one says so. Whether an absent one can be
         * trusted was settled by the listing, for the same snapshot. */
        return !reply->has_percent || reply->percent == 100 ? LOOK_THERE : LOOK_OTHER;
}

static enum op_verdict look_read(struct look *look, struct mono now) {
        struct call *call = &look->op.call;
        const struct look_question *question = &look->question;
        const char *member = NULL;
        int r;

        if (question->kind == LOOK_DISK) {
                struct disk_reply disk;
                enum look_answer answer = LOOK_OTHER;

                r = disk_reply_parse(call->reply->body ?: "", call->reply->body_len, &disk,
                                     &member);
                if (r == 0) {
                        if (disk.has_unique_id &&
                            guid_compare(&disk.unique_id, &question->unique_id) == 0)
                                answer = LOOK_THERE;
                        disk_reply_deinit(&disk);
                        return look_answer(look, answer);
                }
        } else {
                struct snapshot_reply snapshot;

                r = snapshot_reply_parse(call->reply->body ?: "", call->reply->body_len, &snapshot,
                                         &member);
                if (r == 0) {
                        enum look_answer answer = question->kind == LOOK_VANISHED
                                                          ? vanished_answer(question, &snapshot)
                                                          : survivor_answer(look, &snapshot);

                        snapshot_reply_deinit(&snapshot);
                        return look_answer(look, answer);
                }
        }

        arm_error_unreadable(call->reply, "UnreadableReply", r, member, &call->error);
        return look_again(look, now);
}

static enum op_verdict look_after_reply(struct look *look, struct mono now) {
        switch (look->op.call.error.class) {
        case ARM_OK:
                return look_read(look, now);
        case ARM_NOT_FOUND:
                return look_answer(look, LOOK_GONE);
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_CONFLICT:
        case ARM_PROTOCOL:
                return look_again(look, now);
        case ARM_AUTH:
        case ARM_FORBIDDEN:
        case ARM_PARENT_NOT_FOUND:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
                break;
        }
        return operation_fail(&look->op);
}

static enum op_verdict look_step(struct operation *op, struct mono now) {
        struct look *look = container_of(op, struct look, op);
        enum op_verdict verdict;

        verdict = operation_preflight(op, now);
        if (verdict != OP_CONTINUE)
                return verdict;

        switch (look->state) {
        case LOOK_AWAIT_START:
        case LOOK_AWAIT_AGAIN:
                return look_send(look, now);
        case LOOK_AWAIT_ANSWER:
                return look_after_reply(look, now);
        case LOOK_DONE:
        case LOOK_FAILED:
                break;
        }
        assert(!"stepped after the end");
        return OP_DONE;
}

static void look_ended(struct operation *op, struct mono now) {
        struct look *look = container_of(op, struct look, op);

        if (op->outcome != OP_SUCCEEDED)
                look->answer = LOOK_UNKNOWN;
        look_enter(look, op->outcome == OP_SUCCEEDED ? LOOK_DONE : LOOK_FAILED);
        if (look->question.kind == LOOK_SURVIVOR && look->answer == LOOK_UNKNOWN)
                report_unread_survivor(op, &look->question, now);
        subscription_looked(op->subscription, &look->question, look->answer, now);
}

static void look_free(struct operation *op) {
}

int look_new(struct engine *engine, struct subscription *subscription,
             const struct look_question *question, struct mono now, struct operation **ret_op) {
        static const struct operation_ops ops = {
                .name = "look",
                .step = look_step,
                .ended = look_ended,
                .free = look_free,
        };
        struct look *look = calloc(1, sizeof(*look));

        if (!look)
                return -ENOMEM;

        operation_init(&look->op, &ops, engine, subscription, now, LOOK_LIFE_NS);
        look->question = *question;
        look->question.region = NULL; /* borrowed no longer */
        if (question->region) {
                look->op.region = strdup(question->region);
                if (!look->op.region) {
                        operation_free(&look->op);
                        return -ENOMEM;
                }
        }
        *ret_op = &look->op;
        return 0;
}
