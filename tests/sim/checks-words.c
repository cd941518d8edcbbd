/*
 * What a daemon says: that it explains what it did, speaks of what is there, and keeps secrets.
 */
#include "checks-internal.h"

#include "base/macros.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* How long a daemon that lives may take to say what it did, or what it found. */
#define EXPLAIN_S INT64_C(7200)
#define VANISHED_S INT64_C(14400)
/* What it says it has seen before, by a slow network. */
#define LOOKED_S 60
/* A listing that was wanted when the rpo broke, and was slow. */
#define LATE_SAID_S 600

/* A rule is told before the DELETE goes out, and by who dies then too. */
static void note_told(struct checks *c, unsigned node, const char *name) {
        struct seen_explain *told;

        if (!c->told) {
                c->told = calloc(CHECKS_TOLD_MAX, sizeof(*c->told));
                if (!c->told)
                        abort();
        }
        told = &c->told[c->n_told++ % CHECKS_TOLD_MAX];
        *told = (struct seen_explain){.node = node};
        snprintf(told->name, sizeof(told->name), "%s", name);
}

static bool was_told(const struct checks *c, unsigned node, const char *name) {
        for (size_t i = 0; i < MIN(c->n_told, (size_t)CHECKS_TOLD_MAX); i++)
                if (c->told[i].node == node && str_equal_nocase(c->told[i].name, name))
                        return true;
        return false;
}

void expect_words(struct checks *c, unsigned node, const char *name, bool vanished, struct utc at) {
        if (!vanished && was_told(c, node, name)) {
                c->evaluated[PROMISE_EXPLAINED]++;
                return;
        }
        checks_grow(&c->explain, c->n_explain, &c->explain_capacity, sizeof(*c->explain));
        c->explain[c->n_explain] =
                (struct seen_explain){.node = node, .vanished = vanished, .at = at};
        snprintf(c->explain[c->n_explain++].name, sizeof(c->explain[0].name), "%s", name);
}

/* The first word that is late: entries stand in the order of their time, more or less. */
void check_words(struct checks *c, struct utc now) {
        for (size_t i = 0; i < c->n_explain; i++) {
                struct seen_explain *e = &c->explain[i];

                if (now.ticks < utc_add_seconds(e->at, e->vanished ? VANISHED_S : EXPLAIN_S).ticks)
                        continue;
                if (!e->vanished) {
                        if (now.ticks < c->hindered.ticks)
                                continue;
                        c->evaluated[PROMISE_EXPLAINED]++;
                        checks_broken(c, PROMISE_EXPLAINED, "%s was deleted and no rule was logged",
                                      e->name);
                } else if (c->words_due && e->at.ticks > c->hindered.ticks) {
                        checks_broken(c, PROMISE_VANISHED,
                                      "%s vanished by other hands and nobody was alarmed", e->name);
                }
                c->explain[i--] = c->explain[--c->n_explain];
        }
}

/* A secret as the service hands them out, or what goes before one in a header. */
static bool has_secret(const char *text) {
        return text && (strstr(text, SERVICE_SECRET) || strstr(text, "Bearer ") ||
                        strstr(text, "eyJ") || strstr(text, "sig="));
}

/* What an operator acts on can be looked up, and searched for by its fields. */
static void check_event(struct checks *c, const struct log_entry *entry) {
        const char *lacks = log_lacks(entry);

        if (entry->event || entry->level <= LOG_LEVEL_WARNING)
                c->evaluated[PROMISE_EXPLAINED]++;
        if (lacks)
                checks_broken(c, PROMISE_EXPLAINED, "an entry of event %s lacks %s",
                              entry->event->name, lacks);
        else if (!entry->event && entry->level <= LOG_LEVEL_WARNING)
                checks_broken(c, PROMISE_EXPLAINED, "no event: %s", entry->message);
}

/* A daemon says that it has held it, or released it: so it must be, but for what a hand did since it
 * looked. */
static void check_order(struct checks *c, const struct log_entry *entry, struct utc utc) {
        bool held = entry->event == event_entry(LOG_EVENT_SNAPSHOT_HELD);
        struct utc before = utc_add_seconds(utc, -LOOKED_S);

        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                for (size_t i = 0; i < chain->n; i++) {
                        struct seen_snapshot *s = chain->items[i];
                        bool is_held = service_tag_get(s->r, "snapkeep-hold") != NULL;
                        char path[300];

                        snprintf(path, sizeof(path), "%s/%s/%s", s->r->subscription, s->r->group,
                                 s->r->name);
                        if (!str_equal_nocase(path, entry->fields[LOG_SNAPSHOT]) ||
                            utc_is_set(s->r->deleted_at))
                                continue;
                        c->evaluated[PROMISE_HELD]++;
                        if (is_held != held && s->tagged_at.ticks < before.ticks)
                                checks_broken(c, PROMISE_HELD, "%s is said to be %s, and is not",
                                              s->r->name, held ? "held" : "released");
                        s->told_held = held && is_held;
                }
}

void checks_logged(struct checks *c, unsigned node, const struct log_entry *entry, struct utc utc) {
        const char *snapshot = entry->fields[LOG_SNAPSHOT];
        const char *name = snapshot ? strrchr(snapshot, '/') : NULL;

        c->evaluated[PROMISE_SILENT]++;
        for (size_t i = 0; i < _LOG_FIELD_N; i++)
                if (has_secret(entry->fields[i]))
                        checks_broken(c, PROMISE_SILENT, "field %s holds a secret",
                                      log_field_key((enum log_field_name)i));
        if (has_secret(entry->message))
                checks_broken(c, PROMISE_SILENT, "a message holds a secret");
        check_event(c, entry);
        if (entry->event == event_entry(LOG_EVENT_SNAPSHOT_HELD) ||
            entry->event == event_entry(LOG_EVENT_SNAPSHOT_RELEASED))
                check_order(c, entry, utc);

        if (name && entry->fields[LOG_RULE] && entry->fields[LOG_RULE][0])
                note_told(c, node, name + 1);
        if (c->n_explain == 0)
                return;
        for (size_t i = 0; i < c->n_explain; i++) {
                struct seen_explain *e = &c->explain[i];
                bool named = name && str_equal_nocase(name + 1, e->name);

                if (e->vanished && entry->level <= LOG_LEVEL_WARNING &&
                    (named || (entry->message && strstr(entry->message, e->name)))) {
                        c->evaluated[PROMISE_VANISHED]++;
                } else if (!e->vanished && e->node == node && named && entry->fields[LOG_RULE] &&
                           entry->fields[LOG_RULE][0]) {
                        c->evaluated[PROMISE_EXPLAINED]++;
                } else {
                        continue;
                }
                c->explain[i--] = c->explain[--c->n_explain];
        }
}

/* Nobody has changed its tags since: while that runs it is Updating, which is not complete. Nor was it Deleting
 * by a DELETE that failed. */
static bool is_as_then(const struct seen_snapshot *s, struct utc seen) {
        return s->tagged_at.ticks < seen.ticks &&
               (!utc_is_set(s->r->leaving_at) || s->r->stays_at.ticks < seen.ticks) &&
               (!utc_is_set(s->r->tagging_at) || s->r->tagged_at.ticks < seen.ticks);
}

/* Whether the rpo is broken, by what it says is newest, or by the disk's age when it has found none: it has until
 * the next listing would be over to say so. The disk's own listing may be older. */
static void check_rpo(struct checks *c, const struct seen_chain *chain, const struct seen_node *n,
                      const struct checks_status *status, const struct intent *intent,
                      struct utc utc) {
        const struct service_resource *disk = chain->disk;
        struct utc since, looked = utc_add_seconds(utc, -(CHECKS_SIGHT_S + c->lag_s));

        if (intent->rpo_s == 0 || !disk || disk->uploading || !intent_selects(intent, disk) ||
            chain->disk_changed.ticks > looked.ticks || intent->since.ticks > looked.ticks ||
            n->clock_error_ns != 0)
                return;
        since = utc_is_set(status->newest) ? status->newest : disk->time_created;
        c->evaluated[PROMISE_RPO]++;
        if (!status->late && utc_add_seconds(since, intent->rpo_s + LATE_SAID_S).ticks < utc.ticks)
                checks_broken(
                        c, PROMISE_RPO,
                        "%s has nothing younger than its rpo under %s for %lld s, and that is "
                        "not said",
                        disk->name, intent->policy,
                        (long long)(utc_seconds(utc) - utc_seconds(since) - intent->rpo_s));
        else if (status->late && utc_add_seconds(since, intent->rpo_s - LOOKED_S).ticks > utc.ticks)
                checks_broken(c, PROMISE_RPO,
                              "%s is within its rpo under %s, and is said not to be", disk->name,
                              intent->policy);
}

/* What it says is newest must have been there when it looked, and nothing newer may have been. */
void checks_status(struct checks *c, unsigned node, const struct checks_status *status,
                   struct utc utc) {
        unsigned place = checks_place(status->subscription);
        const struct seen_chain *chain = checks_chain(c, &status->generation, place);
        const struct seen_node *n = &c->nodes[node - 1];
        const struct seen_place *p = &n->places[place];
        struct utc seen = utc_add_seconds(p->swept_utc, -MAX(c->lag_s, p->swept_lag_s));
        const struct intent *intent = NULL;
        bool found = !utc_is_set(status->newest);

        for (size_t i = 0; i < c->n_intents; i++)
                if (intent_holds(&c->intents[i], node, utc) &&
                    strcmp(c->intents[i].policy, status->policy) == 0)
                        intent = &c->intents[i];
        /* By a Date that is off, some are of the future and do not count. */
        if (!chain || !intent || c->rights_cut || p->filtered || p->swept_utc.ticks == 0 ||
            utc.ticks < n->misled_until.ticks || service_clock_error(c->service) != 0 ||
            p->swept_utc.ticks <= utc_add_seconds(n->misled_until, -CHECKS_SIGHT_S).ticks)
                return;

        check_rpo(c, chain, n, status, intent, utc);
        c->evaluated[PROMISE_TRUTH]++;
        for (size_t i = 0; i < chain->n; i++) {
                const struct seen_snapshot *s = chain->items[i];

                if (!s->shaped || s->backup || !intent_claims(intent, s->policy) ||
                    strcmp(s->owner, intent->owner) != 0 ||
                    !str_equal_nocase(s->r->group, intent->group) ||
                    !service_resource_is_complete(s->r, utc))
                        continue;
                found |= s->r->time_created.ticks == status->newest.ticks;
                /* Two sights: it was complete well before the listing began. */
                if (service_resource_is_complete(s->r, (struct utc){seen.ticks - TICKS_PER_SEC}) &&
                    is_as_then(s, seen) && s->r->created_at.ticks < seen.ticks &&
                    s->r->time_created.ticks <= seen.ticks && s->slot_s <= utc_seconds(seen) &&
                    (!utc_is_set(status->newest) ||
                     s->r->time_created.ticks > status->newest.ticks)) {
                        checks_broken(c, PROMISE_TRUTH,
                                      "status has not %s, which was complete when it looked",
                                      s->r->name);
                        return;
                }
        }
        for (size_t i = 0; i < c->n_gone && !found; i++)
                found = c->gone[i].instant.ticks == status->newest.ticks &&
                        c->gone[i].at.ticks > seen.ticks;
        if (!found)
                checks_broken(c, PROMISE_TRUTH,
                              "status of %s has a newest snapshot that was not there",
                              status->policy);
}
