/*
 * A creation by us: of a slot that is due, once, in its group, and no more than Azure bears.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From a plan to its last PUT on the wire, where looks come first and answers are slow. */
#define PLANNED_S 180
/* An order's minute, and what clocks may differ by. */
#define ORDERED_S 180

/* Deleting, of a DELETE that comes to nothing, or not seen to be back: whoever makes another cannot know that it stays. */
static bool is_leaving(const struct checks *c, const struct service_resource *r, struct utc at) {
        return utc_is_set(r->leaving_at) && r->leaving_at.ticks <= at.ticks &&
               at.ticks < utc_add_seconds(r->stays_at, CHECKS_SIGHT_S + c->lag_s).ticks;
}

static void check_once(struct checks *c, const struct seen_snapshot *s, struct utc at) {
        size_t same = 0;

        c->evaluated[PROMISE_EXACTLY_ONCE]++;
        for (size_t i = 0; i < s->chain->n; i++) {
                const struct seen_snapshot *o = s->chain->items[i];

                /* Failed ones keep their name and are no second snapshot, nor are adopted ones that were
                 * made before the slot they stand for. */
                same += o->shaped && o->backup == s->backup &&
                        utc_seconds(o->r->time_created) >= o->slot_s - CHECKS_EARLY_S &&
                        !o->r->fails && !checks_is_failed(o->r, at) && !is_leaving(c, o->r, at) &&
                        o->slot_s == s->slot_s && strcmp(o->policy, s->policy) == 0 &&
                        strcmp(o->owner, s->owner) == 0 && strcmp(o->r->region, s->r->region) == 0;
        }
        /* A name begins with the disk's. One that has moved while listings do not show what was made
         * under its old name gets another snapshot under the new one: nothing at Azure could tell. */
        if (same > 1 && (c->rights_cut || c->lag_s > 0) &&
            utc_add_seconds(s->chain->disk_changed, SEC_PER_DAY).ticks > at.ticks)
                return;
        if (same > 1)
                checks_broken(c, PROMISE_EXACTLY_ONCE, "slot %lld of %s has %zu snapshots",
                              (long long)s->slot_s, s->r->source_id, same);
}

/* A backup is one that somebody ordered, of that minute and for that long, and not made again once it was
 * over. */
static void check_ordered(struct checks *c, const struct seen_snapshot *s, unsigned node,
                          struct utc at) {
        bool sure = c->nodes[node - 1].clock_error_ns == 0 &&
                    service_clock_error(c->service) == 0 &&
                    c->nodes[node - 1].misled_until.ticks < at.ticks;
        const struct seen_order *found = NULL;

        for (size_t i = 0; i < c->n_orders; i++)
                if (str_equal_nocase(c->orders[i].name, s->r->name) &&
                    c->orders[i].keep_s == s->until_s - s->slot_s)
                        found = &c->orders[i];
        if (!found)
                checks_broken(c, PROMISE_SLOT, "%s was created, and nobody ordered it for %lld s",
                              s->r->name, (long long)(s->until_s - s->slot_s));
        else if (found->over)
                checks_broken(c, PROMISE_EXACTLY_ONCE, "%s was made again once it was over",
                              s->r->name);
        else if (sure && llabs(utc_seconds(found->at) - s->slot_s) > ORDERED_S)
                checks_broken(c, PROMISE_SLOT, "%s is of another time than its order", s->r->name);
}

static void check_slot(struct checks *c, const struct seen_snapshot *s, unsigned node,
                       struct utc at) {
        /* A request waits on the wire for minutes at most. */
        const struct intent *now = checks_intent(c, node, s->owner, s->policy, at);
        const struct intent *sent =
                checks_intent(c, node, s->owner, s->policy, utc_add_seconds(at, -120));
        const struct intent *intent = now ?: sent;
        int64_t service_s = utc_seconds(at) + service_clock_error(c->service) / NSEC_PER_SEC;

        c->evaluated[PROMISE_SLOT]++;
        if (!intent) {
                checks_broken(c, PROMISE_SLOT, "%s was created for no policy", s->r->name);
                return;
        }
        if (strcmp(s->policy, intent->policy) != 0 &&
            (!sent || strcmp(s->policy, sent->policy) != 0))
                checks_broken(c, PROMISE_SLOT, "%s was created under the old name of its policy",
                              s->r->name);
        else if (!str_equal_nocase(s->r->group, intent->group))
                checks_broken(c, PROMISE_SLOT, "%s was created in another group", s->r->name);
        else if (s->backup)
                check_ordered(c, s, node, at);
        else if (!is_slot(intent, s->slot_s) && !(sent && is_slot(sent, s->slot_s)))
                checks_broken(c, PROMISE_SLOT, "%s was created, and there is no such slot",
                              s->r->name);
        else if (c->nodes[node - 1].clock_error_ns == 0 && service_clock_error(c->service) == 0 &&
                 c->hindered.ticks < at.ticks && c->nodes[node - 1].misled_until.ticks < at.ticks &&
                 s->slot_s > service_s + CHECKS_EARLY_S)
                checks_broken(c, PROMISE_SLOT, "%s was created before its slot", s->r->name);
}

/* The chain of the living disk that the refusal speaks of, or NULL. */
static const struct seen_chain *refused_chain(const struct checks *c, unsigned place,
                                              const char *body) {
        static const char before[] = "of disk '";
        const char *name = strstr(body, before);
        size_t len;

        if (!name)
                return NULL;
        name += strlen(before);
        len = strcspn(name, "'");
        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                if (chain->disk && chain->place == place && strlen(chain->disk->name) == len &&
                    str_starts_with_nocase(name, chain->disk->name))
                        return chain;
        return NULL;
}

/* Of when the last listing was that was read before @then. */
static struct utc shown_before(const struct seen_place *p, struct utc then, int64_t lag_s) {
        size_t oldest = p->n_listings > CHECKS_LISTINGS ? p->n_listings - CHECKS_LISTINGS : 0;

        for (size_t i = p->n_listings; i-- > oldest;)
                if (p->listings[i % CHECKS_LISTINGS].heard.ticks <= then.ticks)
                        return utc_add_seconds(p->listings[i % CHECKS_LISTINGS].begun, -lag_s);
        return UTC_NONE;
}

/* Azure lets no 501st come out, no eighth in five minutes, and no fourth that is copied: what a daemon must not do
 * is to ask for one when what it has listed said so. */
void check_refusal(struct checks *c, unsigned node, unsigned place, const char *body,
                   struct utc at) {
        const struct seen_node *n = &c->nodes[node - 1];
        const struct seen_place *p = &n->places[place];
        struct utc shown = shown_before(p, utc_add_seconds(at, -PLANNED_S), c->lag_s);
        const struct seen_chain *chain = refused_chain(c, place, body);
        size_t alive = 0, recent = 0, pending = 0;

        if (!chain || p->filtered || c->rights_cut || service_clock_error(c->service) != 0 ||
            at.ticks < n->misled_until.ticks || shown.ticks < n->started_utc.ticks)
                return;
        c->evaluated[PROMISE_BURST]++;
        for (size_t i = 0; i < chain->n; i++) {
                const struct service_resource *r = chain->items[i]->r;

                if (r->created_at.ticks >= shown.ticks)
                        continue;
                alive++;
                recent += r->created_at.ticks > utc_add_seconds(at, -SERVICE_BURST_SECONDS).ticks;
                pending += utc_is_set(r->copied_at) && r->copied_at.ticks > at.ticks && !r->fails &&
                           !utc_is_set(r->copy_failed_at);
        }
        if (alive >= SERVICE_CHAIN_MAX)
                checks_broken(c, PROMISE_BURST, "one more of %s was asked for, with %zu listed",
                              chain->disk->name, alive);
        else if (recent >= SERVICE_BURST_MAX)
                checks_broken(c, PROMISE_BURST,
                              "one more of %s was asked for, with %zu of five minutes listed",
                              chain->disk->name, recent);
        else if (pending >= SERVICE_PENDING_MAX)
                checks_broken(c, PROMISE_BURST,
                              "one more of %s was asked for, with %zu pending ones listed",
                              chain->disk->name, pending);
}

/* Whether one of the chain was made while daemons had different rules. They write over each other, and
 * which of them one remembers that sees no snapshot any more nobody can say. */
static bool peers_differed(const struct checks *c, const struct seen_snapshot *s) {
        for (size_t i = 0; i < s->chain->n; i++) {
                struct utc made = s->chain->items[i]->r->time_created;
                char first[TAG_TEXT_MAX] = "", rule[TAG_TEXT_MAX];

                for (unsigned node = 1; node <= CHECKS_NODES_MAX; node++) {
                        const struct intent *intent =
                                checks_intent(c, node, s->owner, s->policy, made);

                        if (!intent)
                                continue;
                        intent_rule(intent, rule);
                        if (first[0] && strcmp(first, rule) != 0)
                                return true;
                        snprintf(first, sizeof(first), "%s", rule);
                }
        }
        return false;
}

/* Whether another snapshot of the policy carries the rule of this one. Who sees none of them goes by what
 * it remembers of the policy, of whatever disk. */
static bool rule_is_remembered(const struct checks *c, const struct seen_snapshot *s,
                               const struct intent *intent) {
        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                for (size_t i = 0; i < chain->n; i++) {
                        const struct seen_snapshot *o = chain->items[i];

                        if (o != s && o->shaped && strcmp(o->owner, s->owner) == 0 &&
                            intent_claims(intent, o->policy) && strcmp(o->keep, s->keep) == 0)
                                return true;
                }
        return false;
}

/* Whether it carries what its daemon could take for accepted: what a peer has written since the last listing it does
 * not know, nor, where its PUT was on its way when that came, what is in it and was not in the one before. */
static bool rule_was_shown(struct checks *c, const struct seen_snapshot *s, unsigned node,
                           const struct intent *intent, struct utc at) {
        const struct seen_place *p = &c->nodes[node - 1].places[s->chain->place];
        const struct utc seen[] = {p->swept_utc,
                                   shown_before(p, utc_add_seconds(at, -PLANNED_S), 0)};
        bool unseen = p->filtered;

        for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
                const char *listed = accepted_rule(c, s->chain, intent, seen[i], s);

                if (listed && strcmp(s->keep, listed) == 0)
                        return true;
                unseen |= !listed;
        }
        return unseen && rule_is_remembered(c, s, intent);
}

/* New snapshots carry the rule that was accepted, until the file's is. */
static void check_rule(struct checks *c, const struct seen_snapshot *s, unsigned node,
                       struct utc at) {
        const struct intent *intent = checks_intent(c, node, s->owner, s->policy, at);
        struct utc before = utc_add_seconds(at, -600);
        char file[TAG_TEXT_MAX];
        const char *accepted;

        if (!intent || intent->max_delete_percent == 0 || intent->since.ticks > before.ticks)
                return;
        accepted = accepted_rule(c, s->chain, intent, at, s);
        intent_rule(intent, file);
        if (strcmp(s->keep, file) != 0) {
                if (rule_was_shown(c, s, node, intent, at))
                        return;
                if (accepted && strcmp(s->keep, accepted) != 0 && c->n_gone == 0 && c->lag_s == 0 &&
                    !peers_differed(c, s))
                        checks_broken(c, PROMISE_POLICY,
                                      "%s carries \"%s\"; accepted is \"%s\", the file says \"%s\"",
                                      s->r->name, s->keep, accepted, file);
                return;
        }
        if (!accepted || strcmp(accepted, file) == 0)
                return;
        if (rule_is_doubted(c, node, intent, before, 2) &&
            rule_is_doubted(c, node, intent, at, 2) &&
            !checks_was_acked(c, node, CHECKS_ACK_APPLY, NULL, NULL, UTC_NONE))
                checks_broken(c, PROMISE_POLICY, "%s carries a rule that nobody has accepted",
                              s->r->name);
}

void checks_gain(struct checks *c, const struct seen_snapshot *s, unsigned node, struct utc at) {
        struct seen_deletion *d;

        checks_grow(&c->deletions_done, c->n_deletions_done, &c->deletions_done_capacity,
                    sizeof(*c->deletions_done));
        d = &c->deletions_done[c->n_deletions_done++];
        *d = (struct seen_deletion){
                .at = at,
                .stamped = s->r->time_created,
                .node = node,
                .place = s->chain->place,
                .created = s->r->created_by_client != 0,
                .adopted = s->r->created_by_client == 0,
        };
        snprintf(d->policy, sizeof(d->policy), "%s", s->policy);
}

void check_creation(struct checks *c, const struct service_effect *effect,
                    struct seen_snapshot *s) {
        const struct service_resource *r = effect->resource;

        c->creations++;

        /* A PUT names the disk, not its generation: when the disk was made again since it was listed,
         * the snapshot is of the new one under the old one's tags. It is nobody's (mistaken), and
         * nothing but that may make us create what is not ours. */
        c->evaluated[PROMISE_ONLY_OURS]++;
        if (!s->shaped && !s->early) {
                char source[GUID_TEXT_SIZE];

                if (str_equal_nocase(checks_tag(r, "snapkeep-generation"),
                                     guid_format(&r->source_unique_id, source)))
                        checks_broken(c, PROMISE_ONLY_OURS, "%s was created by us and is not ours",
                                      r->id);
                return;
        }
        check_once(c, s, effect->at);
        check_slot(c, s, effect->client, effect->at);
        c->evaluated[PROMISE_BURST]++; /* it could have been refused */
        /* One that is deleted within the day in which it was made is no loss, a backup neither. */
        checks_gain(c, s, effect->client, effect->at);
        /* It carries no rule that anybody reads. */
        if (!s->backup)
                check_rule(c, s, effect->client, effect->at);
}
