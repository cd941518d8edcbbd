/*
 * When a deletion is forbidden though the rule wants it: each doubt of DESIGN section 5 that the
 * truth can tell, stated anew. Those that a daemon's wire tells are in checks-wire.c.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define HORIZON_S (30 * SEC_PER_DAY)
#define DAY_S SEC_PER_DAY
#define MASS_LEAST 10

const char *accepted_rule(struct checks *c, const struct seen_chain *chain,
                          const struct intent *intent, struct utc at,
                          const struct seen_snapshot *but) {
        static struct point points[POINTS_MAX + 1];
        size_t n = collect_points(c, chain, intent, at, 0, points);
        const struct point *newest = NULL;

        for (size_t i = 0; i < n; i++)
                if (points[i].who && points[i].who != but &&
                    !service_tag_get(points[i].who->r, "snapkeep-adopted") &&
                    (!newest || points[i].slot_s > newest->slot_s))
                        newest = &points[i];
        return newest ? newest->who->keep : NULL;
}

/* How many of the chain's the file's rule lets go within 30 days though the accepted one does not. */
static size_t count_beyond(struct checks *c, const struct seen_chain *chain,
                           const struct intent *intent, struct utc at, size_t *ret_complete) {
        static struct point points[POINTS_MAX + 1];
        size_t n = collect_points(c, chain, intent, at, 0, points), beyond = 0, present = n;
        const char *text = accepted_rule(c, chain, intent, at, NULL);
        struct utc end = utc_add_seconds(at, HORIZON_S);
        char file[TAG_TEXT_MAX];
        struct intent accepted;
        int64_t slot = 0;

        *ret_complete += n;
        intent_rule(intent, file);
        if (!text || strcmp(text, file) == 0 || !rule_parse(c, text, intent, at, &accepted))
                return 0;
        for (size_t i = 0; i < n; i++)
                slot = MAX(slot, points[i].slot_s);
        for (slot = next_slot(intent, MAX(slot, utc_seconds(at)));
             slot > 0 && slot < utc_seconds(end) && n < POINTS_MAX;
             slot = next_slot(intent, slot)) {
                points[n] = (struct point){.slot_s = slot, .instant = utc_from_seconds(slot)};
                civil_periods(intent->zone_posix, slot, points[n++].period);
        }
        for (size_t i = 0; i < present; i++)
                if (points[i].who && !service_tag_get(points[i].who->r, "snapkeep-hold") &&
                    !rule_keeps(intent, points, n, &points[i], end, /* floors= */ true) &&
                    rule_keeps(&accepted, points, n, &points[i], end, /* floors= */ true))
                        beyond++;
        return beyond;
}

bool rule_is_doubted(struct checks *c, unsigned node, const struct intent *intent, struct utc at,
                     size_t slack) {
        size_t beyond = 0, complete = 0;
        char file[TAG_TEXT_MAX];

        intent_rule(intent, file);
        if (checks_was_acked(c, node, CHECKS_ACK_RULE, intent->policy, file,
                             c->nodes[node - 1].state_lost_at))
                return false;
        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                if (chain->disk && intent_selects(intent, chain->disk))
                        beyond += count_beyond(c, chain, intent, at, &complete);
        /* What was deleted since its listing, by whomever, was in that. */
        for (size_t i = c->n_deletions_done;
             i-- > 0 &&
             c->deletions_done[i].at.ticks >
                     c->nodes[node - 1].places[c->deletions_done[i].place].begun_utc.ticks;)
                complete += !c->deletions_done[i].created && !c->deletions_done[i].adopted &&
                            intent_claims(intent, c->deletions_done[i].policy);
        return beyond > slack && (beyond - slack) * 100 > complete * intent->max_delete_percent;
}

/* The file wants it gone and the accepted rule does not; and the file is to wait for an ack. */
static const char *policy_forbids(struct checks *c, unsigned node, const struct seen_snapshot *s,
                                  const struct intent *intent, struct utc at) {
        static struct point points[POINTS_MAX + 1];
        struct utc before = {at.ticks - 1};
        const char *text;
        struct intent accepted;
        char file[TAG_TEXT_MAX];
        size_t n;

        if (intent->max_delete_percent == 0 ||
            checks_was_acked(c, node, CHECKS_ACK_APPLY, NULL, NULL, utc_add_seconds(at, -DAY_S)))
                return NULL;
        text = accepted_rule(c, s->chain, intent, before, s);
        intent_rule(intent, file);
        if (!text || strcmp(text, file) == 0 || !rule_parse(c, text, intent, at, &accepted))
                return NULL;
        c->tempted[PROMISE_POLICY]++;
        n = collect_points(c, s->chain, intent, before, 0, points);
        for (size_t i = 0; i < n; i++)
                if (points[i].who == s) {
                        if (!rule_keeps(&accepted, points, n, &points[i], at, true))
                                return NULL;
                        return rule_is_doubted(c, node, intent, before, 2)
                                       ? "only a rule that nobody has accepted wants that"
                                       : NULL;
                }
        return NULL;
}

/* When the day began by which doubt mass counts: with an ack of it, it begins anew, and what an apply
 * lets go goes whatever went before. */
static struct utc day_began(const struct checks *c, unsigned node, const struct intent *intent,
                            struct utc at) {
        struct utc began = utc_add_seconds(at, -DAY_S);

        began.ticks = MAX(began.ticks, c->nodes[node - 1].state_odd_at.ticks);
        for (size_t i = 0; i < c->acks->n; i++)
                if (c->acks->items[i].node == node &&
                    (c->acks->items[i].ack == CHECKS_ACK_APPLY ||
                     (c->acks->items[i].ack == CHECKS_ACK_MASS &&
                      intent_claims(intent, c->acks->items[i].what))))
                        began.ticks = MAX(began.ticks, c->acks->items[i].at.ticks);
        return began;
}

/* What was created and deleted within a day, as the node can know it. */
static void count_day(const struct checks *c, unsigned node, const struct intent *intent,
                      struct utc at, int64_t gain_s, size_t *ret_deleted, size_t *ret_gained) {
        struct utc began = day_began(c, node, intent, at);
        size_t deleted = 0, gained = 0;

        for (size_t i = c->n_deletions_done; i-- > 0;) {
                const struct seen_deletion *d = &c->deletions_done[i];

                if (!intent_claims(intent, d->policy))
                        continue;
                /* By a clock that was ahead, what was made before is gained in this day, too. */
                if (d->created)
                        gained += MAX(d->at.ticks, d->stamped.ticks) >
                                          utc_add_seconds(at, -gain_s).ticks &&
                                  MIN(d->at.ticks, d->stamped.ticks) <= at.ticks;
                else if (d->adopted)
                        gained += d->stamped.ticks > utc_add_seconds(at, -gain_s).ticks;
                else if (d->at.ticks > began.ticks)
                        deleted += d->node == node || d->known[node - 1];
        }
        *ret_deleted = deleted;
        *ret_gained = gained;
}

/* What may go beyond the gains without a doubt, after @deleted ones. */
static size_t free_of_doubt(struct checks *c, const struct intent *intent, size_t deleted,
                            struct utc at) {
        static struct point points[POINTS_MAX + 1];
        size_t complete = 0;

        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                complete += collect_points(c, chain, intent, at, 0, points);
        return MAX(MASS_LEAST, (complete + deleted) * intent->max_delete_percent / 100);
}

static const char *mass_forbids(struct checks *c, unsigned node, const struct intent *intent,
                                struct utc at) {
        static char text[160];
        size_t deleted, gained, accepted = 0, least;

        if (intent->max_delete_percent == 0)
                return NULL;
        /* A round goes by the gains at its listing. */
        count_day(c, node, intent, at, DAY_S + 3600 + ROUND_S, &deleted, &gained);
        if (deleted <= MASS_LEAST)
                return NULL;
        /* An ack holds for a day, and what went by it within the day before is counted. */
        for (size_t i = 0; i < c->acks->n; i++)
                if ((c->acks->items[i].ack == CHECKS_ACK_MASS ||
                     c->acks->items[i].ack == CHECKS_ACK_APPLY) &&
                    c->acks->items[i].at.ticks > utc_add_seconds(at, -2 * DAY_S - 3600).ticks)
                        accepted += c->acks->items[i].n;
        least = free_of_doubt(c, intent, deleted, at);
        if (deleted <= gained + least + accepted)
                return NULL;
        snprintf(text, sizeof(text),
                 "%zu of its policy were within a day, with %zu gained, %zu allowed and %zu "
                 "accepted",
                 deleted, gained, least, accepted);
        return text;
}

/* Slots in a row without a snapshot, as a daemon can know. */
static const char *stale_forbids(struct checks *c, const struct seen_snapshot *s,
                                 const struct intent *intent, struct utc at) {
        struct utc known = utc_add_seconds(at, -(CHECKS_SIGHT_S + c->lag_s));
        int64_t newest = 0, slot;
        unsigned missed = 0;

        /* The limit of the chain refuses slots without a request, and pruning is what makes room. */
        if (s->chain->n + 1 >= SERVICE_CHAIN_MAX)
                s->chain->refused = at;
        if (intent->stale_stop == 0 || !s->chain->disk ||
            s->chain->refused.ticks > utc_add_seconds(at, -DAY_S).ticks)
                return NULL;
        for (size_t i = 0; i < s->chain->n; i++) {
                const struct seen_snapshot *o = s->chain->items[i];

                if (o->shaped && !o->backup && strcmp(o->owner, intent->owner) == 0 &&
                    intent_claims(intent, o->policy) && !checks_is_failed(o->r, at))
                        newest = MAX(newest, o->slot_s);
        }
        for (size_t i = 0; i < c->n_gone; i++)
                if (c->gone[i].place == s->chain->place &&
                    guid_compare(&c->gone[i].generation, &s->chain->generation) == 0 &&
                    strcmp(c->gone[i].owner, intent->owner) == 0 &&
                    intent_claims(intent, c->gone[i].policy))
                        newest = MAX(newest, c->gone[i].slot_s);
        if (newest == 0)
                return NULL;
        /* The slot is missed when the start of the one after it has come. */
        slot = next_slot(intent, newest);
        while (slot > 0 && missed < intent->stale_stop) {
                slot = next_slot(intent, slot);
                if (slot + intent->jitter_s >= utc_seconds(known))
                        break;
                missed++;
        }
        return missed >= intent->stale_stop ? "slots of its series were missed in a row" : NULL;
}

static const char *targets_forbid(struct checks *c, unsigned node, const struct seen_snapshot *s,
                                  const struct intent *intent, struct utc at) {
        const struct seen_node *n = &c->nodes[node - 1];
        const struct seen_place *p = &n->places[s->chain->place];
        unsigned count;

        if (!s->chain->disk || !intent_selects(intent, s->chain->disk) ||
            c->fleet->changed.ticks > utc_add_seconds(at, -(CHECKS_SIGHT_S + c->lag_s)).ticks ||
            n->targets_acked.ticks > c->fleet->changed.ticks)
                return NULL;
        count = checks_count_fleet(c, intent, s->chain->place);
        if (s->chain->place == 0 && count < intent->expect &&
            !checks_was_acked(c, node, CHECKS_ACK_TARGETS, NULL, NULL, n->state_lost_at))
                return "its target has fewer disks than expected";
        if (4 * count <= 3 * p->largest && count < p->largest)
                return "a quarter of its target is gone";
        return NULL;
}

/* One rule, another, the first again, all within a day, and known to the daemon. */
static const char *peer_forbids(struct checks *c, const struct seen_snapshot *s,
                                const struct intent *intent, struct utc at) {
        const struct seen_snapshot *seen[64];
        struct utc from = utc_add_seconds(at, -DAY_S + 600);
        struct utc to = utc_add_seconds(at, -(CHECKS_SIGHT_S + c->lag_s));
        size_t n = 0;

        for (size_t i = 0; i < s->chain->n && n < ARRAY_SIZE(seen); i++) {
                const struct seen_snapshot *o = s->chain->items[i];

                /* In the order of creation, as the journal has them. */
                if (o->shaped && !o->backup && strcmp(o->owner, intent->owner) == 0 &&
                    !service_tag_get(o->r, "snapkeep-adopted") &&
                    intent_claims(intent, o->policy) && service_resource_is_complete(o->r, at) &&
                    o->r->created_at.ticks > from.ticks && o->r->created_at.ticks < to.ticks &&
                    o->r->time_created.ticks == o->r->created_at.ticks)
                        seen[n++] = o;
        }
        if (n >= 3)
                c->tempted[PROMISE_PEER]++;
        for (size_t i = 0; i + 2 < n; i++)
                for (size_t j = i + 1; j + 1 < n; j++) {
                        if (strcmp(seen[i]->keep, seen[j]->keep) == 0)
                                continue;
                        for (size_t k = j + 1; k < n; k++)
                                if (strcmp(seen[i]->keep, seen[k]->keep) == 0)
                                        return "two rules alternate in its series";
                }
        return NULL;
}

const char *doubt_forbids(struct checks *c, unsigned node, const struct seen_snapshot *s,
                          const struct intent *intent, struct utc sent, struct utc at,
                          enum promise *ret_promise) {
        const struct seen_node *n = &c->nodes[node - 1];
        const char *why;

        *ret_promise = PROMISE_ASKED;
        c->evaluated[PROMISE_ASKED]++;
        if (n->paused && sent.ticks < n->paused_until.ticks - 60 * TICKS_PER_SEC)
                return "the operator had paused that";
        if (intent->ask &&
            !checks_was_acked(c, node, CHECKS_ACK_ASK, intent->policy, NULL, n->state_lost_at) &&
            !checks_was_acked(c, node, CHECKS_ACK_APPLY, NULL, NULL, n->state_lost_at))
                return "nobody had answered the question of prune: ask";

        *ret_promise = PROMISE_INTERNAL;
        c->evaluated[PROMISE_INTERNAL]++;
        if (!guid_is_nil(&n->internal) && guid_compare(&n->internal, &s->chain->generation) == 0 &&
            sent.ticks > n->started_utc.ticks)
                return "an invariant about its disk is broken";

        *ret_promise = PROMISE_TARGETS;
        c->evaluated[PROMISE_TARGETS]++;
        why = targets_forbid(c, node, s, intent, sent);
        if (why)
                return why;

        /* Failed ones go whatever the rule says, and are no loss. */
        if (checks_is_failed(s->r, (struct utc){at.ticks - 1}))
                return NULL;

        *ret_promise = PROMISE_MASS;
        c->evaluated[PROMISE_MASS]++;
        why = mass_forbids(c, node, intent, at);
        if (why)
                return why;

        *ret_promise = PROMISE_STALE;
        c->evaluated[PROMISE_STALE]++;
        why = stale_forbids(c, s, intent, sent);
        if (why)
                return why;

        *ret_promise = PROMISE_PEER;
        c->evaluated[PROMISE_PEER]++;
        why = peer_forbids(c, s, intent, sent);
        if (why)
                return why;

        *ret_promise = PROMISE_POLICY;
        c->evaluated[PROMISE_POLICY]++;
        return policy_forbids(c, node, s, intent, at);
}
