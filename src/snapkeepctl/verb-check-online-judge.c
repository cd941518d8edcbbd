/*
 * Findings: where, what, and how to mend it. An error is what keeps the daemon from doing what the policy
 * asks; a warning is what may, or what could not be told.
 */
#include "snapkeep-config.h"

#include "snapkeepctl/verb-check-online.h"

#include "azure/error.h"
#include "azure/world.h"
#include "base/str.h"
#include "core/targets.h"

#include <errno.h>
#include <string.h>

/* A text that did not fit into memory is no finding less: the sentence is cut. */
_printf_(4, 5) static void find(struct online *online, enum severity severity, const char *where,
                                const char *format, ...) {
        _cleanup_(strbuf_deinit) struct strbuf what = {};
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(&what, format, ap);
        va_end(ap);
        if (what.error)
                online->findings.error = -ENOMEM;
        diagnostics_add(&online->findings, severity, /* line= */ 0, /* column= */ 0, where,
                        strbuf_str(&what), /* expected= */ NULL, /* near_miss= */ NULL);
}

/* Where the custom roles are installed. */
#define ROLES SNAPKEEP_EXAMPLES "/roles"

static const char *which_word(const struct online *online, enum online_who who) {
        return !online->file->two_identities ? "" : who == ONLINE_PRUNER ? ".prune" : ".create";
}

static void judge_identities(struct online *online) {
        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                const struct online_identity *identity = &online->identities[i];
                _cleanup_(strbuf_deinit) struct strbuf where = {}, remedy = {};

                if (!identity->asked || identity->has_token)
                        continue;
                strbuf_appendf(&where, "azure.identity%s", which_word(online, (enum online_who)i));
                direct_append_remedy(&online->file->cloud, identity->identity, "", &remedy);
                find(online, SEVERITY_ERROR, strbuf_str(&where), "%s; %s",
                     strbuf_str(&identity->problem), strbuf_str(&remedy));
        }
        if (online->n_subscriptions == 0)
                find(online, SEVERITY_WARNING, "targets",
                     "no target names a subscription, and nothing could be asked; name disks or "
                     "a match");
}

/* What has no row shows in no count. */
static void judge_listing(struct online *online, size_t i) {
        const struct world_unread *unread = engine_unread(online->direct.engine, i);
        _cleanup_(strbuf_deinit) struct strbuf where = {};

        if (!unread || unread->n_disks + unread->n_snapshots == 0)
                return;
        strbuf_appendf(&where, "subscription %s", online->subscriptions[i].id);
        find(online, SEVERITY_WARNING, strbuf_str(&where),
             "%zu disk%s and %zu snapshot%s in its listing cannot be read, the first %s: the "
             "member "
             "%s is missing or wrong; nothing of it is deleted while that is so%s: look at it with "
             "Azure's own tools",
             unread->n_disks, unread->n_disks == 1 ? "" : "s", unread->n_snapshots,
             unread->n_snapshots == 1 ? "" : "s", unread->id, unread->member,
             unread->n_disks > 0 ? ", and such a disk is not backed up" : "");
}

static void judge_subscriptions(struct online *online) {
        if (!online->identities[ONLINE_CREATOR].has_token)
                return; /* which is why */
        for (size_t i = 0; i < online->n_subscriptions; i++) {
                const struct online_subscription *s = &online->subscriptions[i];
                _cleanup_(strbuf_deinit) struct strbuf where = {}, remedy = {};

                if (s->read) {
                        judge_listing(online, i);
                        continue;
                }
                strbuf_appendf(&where, "subscription %s", s->id);
                direct_append_remedy(&online->file->cloud, /* tokenless= */ NULL, s->class ?: "",
                                     &remedy);
                find(online, SEVERITY_ERROR, strbuf_str(&where), "cannot be read%s; %s",
                     strbuf_str(&s->problem), strbuf_str(&remedy));
        }
}

/* Disks that are named and not there. */
static void judge_names(struct online *online, size_t t) {
        const struct target *target = &online->file->targets[t];

        for (size_t i = 0; i < online->n_subscriptions; i++) {
                struct world_view view;

                if (!online_view(online, i, &view))
                        continue;
                for (size_t d = 0; d < target->n_disks; d++) {
                        const struct resource_id *id = &target->disks[d];
                        _cleanup_(strbuf_deinit) struct strbuf where = {};
                        char text[RESOURCE_ID_TEXT_SIZE];

                        if (strcmp(id->subscription, view.subscription) != 0 ||
                            view_find_disk(&view, id->group, id->name))
                                continue;
                        strbuf_appendf(&where, "targets[%zu].disks[%zu]", t, d);
                        find(online, SEVERITY_ERROR, strbuf_str(&where),
                             "Azure does not list the disk %s; mend its id, or let the identity "
                             "read its group",
                             resource_id_format(id, text));
                }
        }
}

static void judge_targets(struct online *online) {
        for (size_t t = 0; t < online->file->n_targets; t++) {
                const struct target *target = &online->file->targets[t];
                _cleanup_(strbuf_deinit) struct strbuf where = {};

                judge_names(online, t);
                if (!online_target_is_read(online, t))
                        continue;
                strbuf_appendf(&where, "targets[%zu]", t);
                if (online->targets[t] < target->expect) {
                        strbuf_append_str(&where, ".expect");
                        find(online, SEVERITY_ERROR, strbuf_str(&where),
                             "of %u disks that policy %s expects it selects %zu, and nothing of it "
                             "is deleted while that is so; look at its match, or lower expect",
                             target->expect, online->file->policies[target->policy].name,
                             online->targets[t]);
                } else if (online->targets[t] == 0 && !target->may_be_empty)
                        find(online, SEVERITY_WARNING, strbuf_str(&where),
                             "it selects no disk for policy %s; look at the groups and tags of its "
                             "match, and whether the identity may read the disks, or allow it by "
                             "expect: \">=0\"",
                             online->file->policies[target->policy].name);
        }
}

static void append_place(const struct online *online, const struct online_group *group,
                         struct strbuf *out) {
        strbuf_appendf(out, "group %s of subscription %s", group->name,
                       online->subscriptions[group->subscription].id);
}

static void judge_group(struct online *online, const struct online_group *group) {
        const char *policy = online->file->policies[group->policy].name;
        _cleanup_(strbuf_deinit) struct strbuf where = {};
        bool gone = online_group_exists(group) == ONLINE_NO;

        append_place(online, group, &where);
        if (gone && (group->where & RIGHT_AT_SNAPSHOTS))
                find(online, SEVERITY_ERROR, strbuf_str(&where),
                     "it does not exist, and the snapshots of policy %s would go there; create it, "
                     "for the daemon makes none (az group create -n %s -l LOCATION --subscription "
                     "%s), or name another as snapshot_group",
                     policy, group->name, online->subscriptions[group->subscription].id);
        else if (gone)
                find(online, SEVERITY_ERROR, strbuf_str(&where),
                     "it does not exist, and a target names a disk in it; mend the disk's id");
        else if (group->forbidden)
                find(online, SEVERITY_ERROR, strbuf_str(&where),
                     "it does not exist, or azure.identity%s lacks the right %s there; create it "
                     "if need be, and assign the role in " ROLES "/creator.json in the "
                     "subscription",
                     which_word(online, ONLINE_CREATOR), right_rows[RIGHT_READ_SNAPSHOT].action);
        else if (group->problem.len > 0)
                find(online, SEVERITY_WARNING, strbuf_str(&where),
                     "whether it exists could not be told%s; try again",
                     strbuf_str(&group->problem));
}

static void append_actions(uint32_t rights, struct strbuf *out) {
        bool begun = false;

        for (int i = 0; i < _RIGHT_N; i++)
                if (rights & RIGHT_BIT(i)) {
                        strbuf_appendf(out, "%s%s", begun ? ", " : "", right_rows[i].action);
                        begun = true;
                }
}

static uint32_t doubtful_rights(void) {
        uint32_t rights = 0;

        for (int i = 0; i < _RIGHT_N; i++)
                rights |= right_rows[i].doubtful ? RIGHT_BIT(i) : 0;
        return rights;
}

/* What is lacking of one role, and where that role is written down. */
static void find_lacking(struct online *online, const struct online_group *group,
                         enum online_who who, uint32_t lacks, enum severity severity) {
        uint32_t of_pruner = rights_needed(RIGHT_PRUNER, RIGHT_AT_SNAPSHOTS) &
                             ~rights_needed(RIGHT_CREATOR, RIGHT_AT_SNAPSHOTS);
        bool as_pruner = who == ONLINE_PRUNER || (lacks & ~of_pruner) == 0;
        _cleanup_(strbuf_deinit) struct strbuf where = {}, actions = {};

        if (lacks == 0)
                return;
        append_place(online, group, &where);
        append_actions(lacks, &actions);
        find(online, severity, strbuf_str(&where),
             "azure.identity%s %s %s; assign it the role in " ROLES "/%s.json %s",
             which_word(online, who),
             severity == SEVERITY_ERROR ? "lacks the right" : "has not, and Azure may ask for,",
             strbuf_str(&actions), as_pruner ? "pruner" : "creator",
             as_pruner ? "there" : "in the subscription");
}

static void judge_rights(struct online *online, const struct online_group *group,
                         enum online_who who) {
        const struct online_rights *rights = &group->rights[who];
        uint32_t deletes = RIGHT_BIT(RIGHT_DELETE_SNAPSHOT), lacks = online_lacks(rights),
                 doubtful = doubtful_rights();
        _cleanup_(strbuf_deinit) struct strbuf where = {};

        find_lacking(online, group, who, lacks & ~doubtful & ~deletes, SEVERITY_ERROR);
        find_lacking(online, group, who, lacks & deletes, SEVERITY_ERROR);
        find_lacking(online, group, who, lacks & doubtful, SEVERITY_WARNING);
        append_place(online, group, &where);
        if (who == ONLINE_CREATOR && online->file->two_identities && group->prunes &&
            rights->known && (rights->allowed & deletes))
                find(online, SEVERITY_WARNING, strbuf_str(&where),
                     "azure.identity.create has the right %s, which a second identity is to keep "
                     "from it; take away the role that gives it",
                     right_rows[RIGHT_DELETE_SNAPSHOT].action);
        if (rights->asked && !rights->known && !rights->forbidden && !rights->no_group &&
            rights->problem.len > 0)
                find(online, SEVERITY_WARNING, strbuf_str(&where),
                     "the rights of azure.identity%s could not be read%s; try again",
                     which_word(online, who), strbuf_str(&rights->problem));
}

/* Of a subscription's groups together: it is one right that lacks, mostly in all. */
static void judge_forbidden(struct online *online, size_t subscription, enum online_who who) {
        const struct online_group *first = NULL;
        _cleanup_(strbuf_deinit) struct strbuf where = {};
        size_t n = 0;

        for (size_t i = 0; i < online->n_groups; i++) {
                const struct online_group *group = online->groups[i];

                if (group->subscription != subscription || !group->rights[who].forbidden)
                        continue;
                first = first ?: group;
                n++;
        }
        if (!first)
                return;
        append_place(online, first, &where);
        if (n > 1)
                strbuf_appendf(&where, " and %zu other%s", n - 1, n == 2 ? "" : "s");
        find(online, SEVERITY_WARNING, strbuf_str(&where),
             "the rights of azure.identity%s could not be read, and may be enough or not; to have "
             "them checked it needs the right %s, which the roles in " ROLES " have",
             which_word(online, who), right_rows[RIGHT_READ_RIGHTS].action);
}

static void judge_set(struct online *online, const struct online_set *set) {
        const char *many = set->n_disks == 1 ? "" : "s";
        _cleanup_(strbuf_deinit) struct strbuf where = {};

        strbuf_appendf(&where, "encryption set %s", set->text);
        switch (set->state) {
        case ONLINE_SET_OK:
                return;
        case ONLINE_SET_UNKNOWN:
                if (set->problem.len > 0)
                        find(online, SEVERITY_WARNING, strbuf_str(&where),
                             "of %u disk%s; it could not be read%s; try again", set->n_disks, many,
                             strbuf_str(&set->problem));
                return;
        case ONLINE_SET_MISSING:
                find(online, SEVERITY_ERROR, strbuf_str(&where),
                     "it does not exist, and %u selected disk%s name%s it; give the disk%s another "
                     "set, or make this one again with the same key",
                     set->n_disks, many, set->n_disks == 1 ? "s" : "", many);
                return;
        case ONLINE_SET_FORBIDDEN:
                find(online, SEVERITY_WARNING, strbuf_str(&where),
                     "it may not be read, and then no snapshot of its %u selected disk%s may be "
                     "taken; give azure.identity%s the right %s on it, which the role Reader has",
                     set->n_disks, many, which_word(online, ONLINE_CREATOR),
                     ENCRYPTION_SET_READ_ACTION);
                return;
        case ONLINE_SET_FAILING:
                find(online, SEVERITY_ERROR, strbuf_str(&where),
                     "it cannot turn to the newest version of its key%s; enable the key, and let "
                     "the set's identity get, wrap and unwrap it",
                     strbuf_str(&set->problem));
                return;
        }
}

int online_judge(struct online *online) {
        judge_identities(online);
        judge_subscriptions(online);
        judge_targets(online);
        for (size_t i = 0; i < online->n_groups; i++) {
                judge_group(online, online->groups[i]);
                for (int who = 0; who < _ONLINE_WHO_N; who++)
                        judge_rights(online, online->groups[i], (enum online_who)who);
        }
        for (size_t i = 0; i < online->n_subscriptions; i++)
                for (int who = 0; who < _ONLINE_WHO_N; who++)
                        judge_forbidden(online, i, (enum online_who)who);
        for (size_t i = 0; i < online->n_sets; i++)
                judge_set(online, online->sets[i]);
        return online->findings.error;
}
