/*
 * The questions, one phase after the other, each until the engine has settled:
 *
 *   1. a token of the first identity, and a sweep of each subscription, as --direct does it;
 *   2. for each group that snapshots go to whether it is there, for it and for the groups of selected
 *      disks what the identity may do there, and the encryption sets of selected disks;
 *   3. with a second identity, a token of it and what that one may do where it deletes.
 *
 * Where a subscription did not answer nothing more is asked, but for a refusal: then the rights say what
 * is missing. And a second identity is asked about though the first has no token.
 */
#include "snapkeepctl/verb-check-online.h"

#include "azure/error.h"
#include "azure/replies.h"
#include "azure/requests.h"
#include "engine/inquiry.h"
#include "engine/principal.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <string.h>

/* A snapshot's name under which nothing is: the GET answers whether its group is there, and needs no
 * right that the daemon does not need. */
#define NOTHING "snapkeep-check"

/* What is behind "will go on trying" alone. */
static const char *reason_of(const char *message) {
        size_t what;
        const char *why = direct_split(message, &what);

        return strncmp(why, ": ", 2) == 0 ? why + 2 : why;
}

static void note_unread(struct online_subscription *s, const char *id,
                        const struct log_entry *entry) {
        const char *reason = entry->fields[LOG_REASON] ?: "";

        if (s->problem.len > 0 || !strstr(entry->message, id))
                return;
        strbuf_append_str(&s->problem, reason_of(entry->message));
        for (int class = ARM_OK; class <= ARM_PROTOCOL; class ++)
                if (strcmp(reason, arm_class_name((enum arm_class) class)) == 0)
                        s->class = arm_class_name((enum arm_class) class);
}

static void online_log(struct log *log, const struct log_entry *entry) {
        struct direct *direct = container_of(log, struct direct, log);
        struct online *online = container_of(direct, struct online, direct);
        const char *operation = entry->fields[LOG_OPERATION] ?: "";

        if (strcmp(operation, "token") == 0 && entry->level <= LOG_LEVEL_WARNING) {
                /* The first identity's comes before anything is asked with the second. */
                struct online_identity *identity =
                        &online->identities[online->identities[ONLINE_PRUNER].asked
                                                    ? ONLINE_PRUNER
                                                    : ONLINE_CREATOR];

                if (identity->problem.len == 0)
                        strbuf_append_str(&identity->problem, reason_of(entry->message));
        } else if (entry->event == event_entry(LOG_EVENT_SUBSCRIPTION_UNREADABLE)) {
                for (size_t i = 0; i < engine_n_subscriptions(direct->engine); i++)
                        note_unread(&online->subscriptions[i],
                                    engine_subscription(direct->engine, i), entry);
        }
}

static const struct log_ops log_ops = {
        .write = online_log,
};

/* Who it is, and of the environment by which of its variables. */
static int describe(struct online *online, struct online_identity *identity) {
        const struct policy_cloud *cloud = &online->file->cloud;
        struct services services = host_services(&online->direct.host);
        char none[] = "";
        struct authority authority = {.login = cloud->login ?: none};
        struct principal principal;
        struct arm_error error;
        int r;

        if (identity->identity->kind != IDENTITY_ENVIRONMENT) {
                policy_identity_append(identity->identity, &identity->as);
                return identity->as.error;
        }
        r = principal_init(&services, identity->identity, &authority, &principal, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) { /* the token's failure says what is wrong with them */
                policy_identity_append(identity->identity, &identity->as);
                return identity->as.error;
        }
        principal_describe(&principal, cloud, &identity->as);
        if (principal.where)
                strbuf_appendf(&identity->as, ", by the %s %s", identity_kind_name(principal.kind),
                               principal.source == SECRETS_VARIABLE ? "in the variable "
                                                                    : "in the file ");
        strbuf_append_str(&identity->as, principal.where ?: "");
        strbuf_append_str(&identity->as, ", as the environment says");
        principal_deinit(&principal);
        return identity->as.error;
}

/* Answers. */

static void note_problem(const struct inquiry_answer *answer, struct strbuf *problem) {
        if (problem->len == 0)
                arm_error_append(answer->error, problem);
}

static void note_unreadable(const struct inquiry_answer *answer, int r, const char *member,
                            struct strbuf *problem) {
        struct arm_error error;

        arm_error_unreadable(answer->reply, "UnreadableReply", r, member, &error);
        arm_error_append(&error, problem);
}

static const char *group_answered(const struct inquiry_answer *answer, void *data) {
        struct online_group *group = data;

        if (answer->error->class == ARM_OK || answer->error->class == ARM_NOT_FOUND)
                group->exists = ONLINE_YES;
        else if (answer->error->class == ARM_PARENT_NOT_FOUND)
                group->exists = ONLINE_NO;
        else if (answer->error->class == ARM_FORBIDDEN)
                group->forbidden = true;
        else
                note_problem(answer, &group->problem);
        return NULL;
}

static const char *rights_answered(const struct inquiry_answer *answer, void *data) {
        struct online_rights *rights = data;
        struct permissions_reply page;
        const char *member = NULL, *next;
        int r;

        if (answer->error->class != ARM_OK) {
                rights->known = false;
                rights->forbidden = answer->error->class == ARM_FORBIDDEN;
                rights->no_group = answer->error->class == ARM_PARENT_NOT_FOUND;
                note_problem(answer, &rights->problem);
                return NULL;
        }
        r = permissions_reply_parse(answer->reply->body ?: "", answer->reply->body_len, &page,
                                    &member);
        if (r != 0) {
                note_unreadable(answer, r, member, &rights->problem);
                return NULL;
        }
        rights->allowed |= page.allowed;
        rights->known = !page.next_link;
        strbuf_clear(&rights->next);
        if (page.next_link)
                strbuf_append_str(&rights->next, page.next_link);
        next = page.next_link ? strbuf_str(&rights->next) : NULL;
        permissions_reply_deinit(&page);
        return next;
}

static const char *set_answered(const struct inquiry_answer *answer, void *data) {
        struct encryption_set_reply reply;
        struct online_set *set = data;
        const char *member = NULL;
        int r;

        switch (answer->error->class) {
        case ARM_OK:
                break;
        case ARM_NOT_FOUND:
        case ARM_PARENT_NOT_FOUND:
                set->state = ONLINE_SET_MISSING;
                return NULL;
        case ARM_FORBIDDEN:
                set->state = ONLINE_SET_FORBIDDEN;
                note_problem(answer, &set->problem);
                return NULL;
        case ARM_THROTTLED:
        case ARM_TRANSIENT:
        case ARM_AUTH:
        case ARM_CONFLICT:
        case ARM_LOCKED:
        case ARM_PRECONDITION:
        case ARM_QUOTA:
        case ARM_INVALID:
        case ARM_PROTOCOL:
                note_problem(answer, &set->problem);
                return NULL;
        }
        r = encryption_set_reply_parse(answer->reply->body ?: "", answer->reply->body_len, &reply,
                                       &member);
        if (r != 0) {
                note_unreadable(answer, r, member, &set->problem);
                return NULL;
        }
        set->state = reply.has_rotation_error ? ONLINE_SET_FAILING : ONLINE_SET_OK;
        if (reply.has_rotation_error)
                strbuf_appendf(&set->problem, " (code %s): %s", reply.error_code,
                               reply.error_message);
        encryption_set_reply_deinit(&reply);
        return NULL;
}

/* Questions. */

static int inquire(struct online *online, size_t subscription, enum online_who who,
                   struct http_request *request, inquiry_fn fn, void *data) {
        online->n_asked++;
        return engine_inquire(online->direct.engine, subscription, who == ONLINE_PRUNER, request,
                              fn, data);
}

static int ask_rights(struct online *online, struct online_group *group, enum online_who who) {
        struct online_rights *rights = &group->rights[who];
        bool alone = !online->file->two_identities;

        rights->asked = true;
        if (who == ONLINE_CREATOR)
                rights->needed = rights_needed(RIGHT_CREATOR, group->where);
        if ((who == ONLINE_PRUNER || alone) && group->prunes)
                rights->needed |= rights_needed(RIGHT_PRUNER, group->where & RIGHT_AT_SNAPSHOTS);
        return inquire(online, group->subscription, who,
                       arm_get_permissions(&online->file->cloud,
                                           online->subscriptions[group->subscription].id,
                                           group->name),
                       rights_answered, rights);
}

static int ask_group(struct online *online, struct online_group *group) {
        struct resource_id id = {.type = RESOURCE_SNAPSHOT, .name = NOTHING};

        if (!(group->where & RIGHT_AT_SNAPSHOTS))
                return 0;
        strcpy(id.subscription, online->subscriptions[group->subscription].id);
        stpncpy(id.group, group->name, sizeof(id.group) - 1);
        return inquire(online, group->subscription, ONLINE_CREATOR,
                       arm_get(&online->file->cloud, &id), group_answered, group);
}

static int ask_set(struct online *online, struct online_set *set) {
        if (set->problem.len > 0)
                return 0; /* its id is none */
        return inquire(online, set->subscription, ONLINE_CREATOR,
                       arm_get_encryption_set(&online->file->cloud, &set->id), set_answered, set);
}

static int ask_as_creator(struct online *online) {
        int r = 0;

        for (size_t i = 0; i < online->n_groups && r == 0; i++) {
                struct online_group *group = online->groups[i];

                if (!online->subscriptions[group->subscription].answers)
                        continue;
                r = ask_group(online, group);
                r = r ?: ask_rights(online, group, ONLINE_CREATOR);
        }
        for (size_t i = 0; i < online->n_sets && r == 0; i++)
                r = ask_set(online, online->sets[i]);
        return r;
}

static int ask_as_pruner(struct online *online) {
        bool all = !online->identities[ONLINE_CREATOR].has_token;
        int r = 0;

        for (size_t i = 0; i < online->n_groups && r == 0; i++) {
                struct online_group *group = online->groups[i];

                if (group->prunes && (all || online->subscriptions[group->subscription].answers))
                        r = ask_rights(online, group, ONLINE_PRUNER);
        }
        return r;
}

/* Returns once all of it is answered. */
static enum status ask_more(struct online *online, enum online_who who) {
        size_t before = online->n_asked;
        int r = who == ONLINE_PRUNER ? ask_as_pruner(online) : ask_as_creator(online);

        if (r < 0)
                return say_errno("ask Azure", r);
        return online->n_asked == before ? STATUS_DONE : direct_run(&online->direct);
}

/* What the sweeps have shown. */
static int take_worlds(struct online *online) {
        struct online_identity *creator = &online->identities[ONLINE_CREATOR];
        int r = 0;

        creator->asked = online->n_subscriptions > 0;
        creator->has_token = creator->asked && creator->problem.len == 0;
        for (size_t i = 0; i < online->n_subscriptions && r == 0; i++) {
                struct online_subscription *s = &online->subscriptions[i];
                struct world_view view;

                s->id = engine_subscription(online->direct.engine, i);
                s->read = online_view(online, i, &view);
                if (s->read) {
                        s->n_disks = view.n_disks;
                        s->n_snapshots = view.n_snapshots;
                }
                s->answers = s->read ||
                             (s->class && strcmp(s->class, arm_class_name(ARM_FORBIDDEN)) == 0);
                r = online_gather(online, i);
        }
        return r;
}

static enum status look(struct online *online) {
        /* As many as the engine will have, at most: each is named by a disk or a match. */
        size_t n = online->file->n_targets;
        enum status status;

        for (size_t t = 0; t < online->file->n_targets; t++)
                n += online->file->targets[t].n_disks;
        online->subscriptions = calloc(n + 1, sizeof(*online->subscriptions));
        if (!online->subscriptions)
                return say_errno("ask Azure", -ENOMEM);
        status = direct_look(&online->direct, &log_ops);
        if (online->direct.engine)
                online->n_subscriptions = engine_n_subscriptions(online->direct.engine);
        return status;
}

enum status online_ask(struct online *online) {
        struct online_identity *pruner = &online->identities[ONLINE_PRUNER];
        enum status status = look(online);
        size_t before;
        int r;

        if (status != STATUS_DONE)
                return status;
        r = take_worlds(online);
        for (size_t i = 0; i < _ONLINE_WHO_N && r == 0; i++)
                if (online->identities[i].identity)
                        r = describe(online, &online->identities[i]);
        if (r < 0)
                return say_errno("ask Azure", r);

        if (online->identities[ONLINE_CREATOR].has_token)
                status = ask_more(online, ONLINE_CREATOR);
        if (status != STATUS_DONE || !pruner->identity)
                return status;
        pruner->asked = true; /* what the log says of tokens is of this one */
        before = online->n_asked;
        status = ask_more(online, ONLINE_PRUNER);
        pruner->asked = online->n_asked > before;
        pruner->has_token = pruner->asked && pruner->problem.len == 0;
        return status;
}
