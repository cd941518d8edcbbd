/*
 * Doubts policy and mass, and prune: ask: what the policies want deleted, all subscriptions together, and
 * whether anybody has agreed to it (DESIGN section 5). The file is compared with the rule that the state
 * remembers of each policy, and the listings with how many it had.
 */
#include "core/retention.h"
#include "engine/engine-internal.h"

#include <string.h>

const struct state_rule *engine_known_rule(const struct engine *engine,
                                           const struct policy *policy) {
        const struct state_rule *rule = state_rule_find(&engine->state, policy->name);

        for (size_t i = 0; i < policy->n_formerly && !rule; i++)
                rule = state_rule_find(&engine->state, policy->formerly[i]);
        return rule;
}

/* The file's keep rule as new snapshots would carry it. */
static void append_rule(const struct policy *policy, struct strbuf *out) {
        keep_append(policy->has_keep ? &policy->keep : NULL, policy->zone_name, out);
}

/* Whether the worlds hold all of the policy that they should by what is remembered of it. */
static bool all_is_listed(const struct engine *engine, const struct policy_standing *standing,
                          const struct state_rule *known) {
        for (size_t i = 0; i < engine->n_subscriptions; i++)
                if (!engine->subscriptions[i].plan || engine->subscriptions[i].listing.stands)
                        return false;
        return !known || standing->tally.listed >= known->complete + standing->spent;
}

/* Whether it stood in the process before, under a name that the policy had then. */
static bool mass_stood(const struct engine *engine, const struct policy *policy) {
        bool stood = state_mass_stands(&engine->state, policy->name);

        for (size_t i = 0; i < policy->n_formerly && !stood; i++)
                stood = state_mass_stands(&engine->state, policy->formerly[i]);
        return stood;
}

void engine_end_mass(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];

        engine->policies[p].mass = false;
        state_mass_forget(&engine->state, policy->name);
        for (size_t i = 0; i < policy->n_formerly; i++)
                state_mass_forget(&engine->state, policy->formerly[i]);
}

/*
 * Once it stands it stands until an ack, or until nothing is asked for any more, and over restarts: that
 * other disks gain in the meantime does not make the deletions less of a surprise. By a part of the
 * listings alone nothing is over, though there be nothing to hold back: what a listing lacks comes back.
 */
static bool mass_stands(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];
        struct policy_standing *standing = &engine->policies[p];

        if (mass_stood(engine, policy) ||
            doubt_mass_stands(&standing->tally, standing->deleted, standing->allowance,
                              policy->max_delete_percent))
                standing->mass = true;
        if (standing->tally.deletes == 0) {
                if (all_is_listed(engine, standing, engine_known_rule(engine, policy)))
                        engine_end_mass(engine, p);
                return false; /* nothing is held back */
        }
        /* Unwritten, it stands as long as this process. */
        if (standing->mass)
                (void)state_mass_note(&engine->state, policy->name);
        return standing->mass;
}

/* Whether no target of the policy lacks disks: those that are not listed may carry another rule. */
static bool all_targets_stand(const struct engine *engine, const struct policy *policy) {
        for (size_t t = 0; t < engine->file->n_targets; t++)
                if (&engine->file->policies[engine->file->targets[t].policy] == policy &&
                    engine->target_blocks[t] != 0)
                        return false;
        return true;
}

/* With how many of the policy are listed, all of them; the next listing is to show as many. NULL: there is
 * no rule to remember. Unwritten, it only makes us ask. */
static void remember_rule(struct engine *engine, const struct policy *policy,
                          const struct policy_standing *standing, const char *rule) {
        if (rule)
                (void)state_rule_set(&engine->state, policy->name, rule,
                                     standing->tally.listed -
                                             MIN(standing->tally.listed, standing->spent));
}

/* Whether it was asked about in the process before, under a name that the policy had then. */
static bool keep_was_doubted(const struct engine *engine, const struct policy *policy,
                             const char *rule) {
        bool asked = state_is_acked(&engine->state, STATE_ASKED, policy->name, rule);

        for (size_t i = 0; i < policy->n_formerly && !asked; i++)
                asked = state_is_acked(&engine->state, STATE_ASKED, policy->formerly[i], rule);
        return asked;
}

static void end_keep_doubt(struct engine *engine, const struct policy *policy,
                           struct policy_standing *standing) {
        standing->doubted = false;
        state_ack_forget(&engine->state, STATE_ASKED, policy->name);
        for (size_t i = 0; i < policy->n_formerly; i++)
                state_ack_forget(&engine->state, STATE_ASKED, policy->formerly[i]);
}

/*
 * Whether the file's keep would delete too much, or was seen to and still asks for some of it. While it is
 * held back snapshots pile up, and with new disks there are more of them: what would be deleted comes to be
 * a smaller part, and no less of a surprise, also after a restart. By a part of the listings alone nothing
 * is seen, and nothing is over: what a listing lacks comes back.
 */
static bool keep_is_doubted(struct engine *engine, const struct policy *policy,
                            struct policy_standing *standing, const char *rule, bool listed) {
        bool stands = doubt_policy_stands(&standing->tally, policy->max_delete_percent);
        bool asked = state_is_acked(&engine->state, STATE_ASKED, policy->name, rule);

        standing->doubted |= asked || keep_was_doubted(engine, policy, rule) || (stands && listed);
        if (standing->tally.beyond == 0 && listed)
                end_keep_doubt(engine, policy, standing);
        else if (standing->doubted && !asked)
                /* Unwritten, it stands as long as this process. */
                (void)state_ack(&engine->state, STATE_ASKED, policy->name, rule, /* allowance= */ 0,
                                engine_now(engine));
        return stands || standing->doubted;
}

/*
 * Doubt policy. Without a listing of all that the policy had, the tally says nothing: then a rule that
 * is not the one remembered is as doubtful as one that would delete too much, unless all series carry
 * it. In the state, the rule gives way to the file's when nothing is in doubt, or on an ack; and the ack
 * of another rule is forgotten when nothing is in doubt.
 */
static bool policy_is_doubted(struct engine *engine, const struct policy *policy,
                              struct policy_standing *standing) {
        const struct state_rule *known = engine_known_rule(engine, policy);
        /* Another daemon has accepted it, or this one before it lost its memory: nobody else writes it. */
        bool whole = standing->tally.differing == 0 && all_targets_stand(engine, policy) &&
                     engine_is_whole(engine);
        bool carried = whole && standing->tally.agreeing > 0;
        bool listed = all_is_listed(engine, standing, known), acked, agreed;
        /* What was accepted before, also for a daemon that has lost its memory. */
        const char *kept = known ? known->rule : standing->tally.accepted;
        _cleanup_(strbuf_deinit) struct strbuf rule = {};

        /* Without memory what stood goes on standing. */
        append_rule(policy, &rule);
        if (rule.error)
                return standing->hidden || standing->doubted ||
                       doubt_policy_stands(&standing->tally, policy->max_delete_percent);
        standing->hidden = false;

        acked = state_is_acked(&engine->state, DOUBT_POLICY, policy->name, rule.data) &&
                state_acked_at(&engine->state, DOUBT_POLICY, policy->name).ticks >=
                        standing->tally.former.ticks;
        if (!acked && keep_is_doubted(engine, policy, standing, rule.data, listed)) {
                if (listed)
                        remember_rule(engine, policy, standing, kept);
                standing->hidden = standing->tally.beyond == 0;
                return true;
        }
        if (!acked && !carried && !listed && known && strcmp(known->rule, rule.data) != 0) {
                standing->hidden = true;
                return true;
        }
        end_keep_doubt(engine, policy, standing);
        /* What was acked is the step to another rule; to take it once more is to be asked again. */
        if (!acked)
                state_ack_forget(&engine->state, DOUBT_POLICY, policy->name);
        /* A rule that no snapshot carries yet may give way to another before one does, and what is
         * compared is what they carry. */
        agreed = acked || carried || (whole && !known);
        if (listed)
                remember_rule(engine, policy, standing, agreed ? rule.data : kept);
        else if ((acked || carried) && known)
                (void)state_rule_set(&engine->state, policy->name, rule.data, known->complete);
        return false;
}

uint32_t engine_policy_blocks(struct engine *engine, size_t p) {
        const struct policy *policy = &engine->file->policies[p];
        struct policy_standing *standing = &engine->policies[p];
        uint32_t blocks = 0;

        if (policy_is_doubted(engine, policy, standing))
                blocks |= DOUBT_BIT(DOUBT_POLICY);
        if (mass_stands(engine, p))
                blocks |= DOUBT_BIT(DOUBT_MASS);
        if (policy->prune == PRUNE_ASK && standing->tally.deletes + standing->tally.failures > 0 &&
            !state_is_acked(&engine->state, _DOUBT_N, policy->name, NULL))
                blocks |= BLOCK_ASK;
        return blocks;
}
