/*
 * What a daemon sent and heard: what it can know, and so what it must not do.
 */
#include "checks-internal.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "A GET of the victim, at most 10 s old" (DESIGN section 5). */
#define REREAD_NS (10 * NSEC_PER_SEC)
/* Survivors are read once a round, and a world older than half an hour is no ground to delete on. */
#define SURVIVORS_NS (2100 * NSEC_PER_SEC)
/* "More than a minute off", and the seconds that a Date and a way through the network leave open. */
#define OFF_NS (62 * NSEC_PER_SEC)
/* For so long after a Retry-After has passed requests count as some that it has let through. */
#define RETRY_WATCHED_NS (600 * NSEC_PER_SEC)
/* Doubt mass looks back a day, and a listing shows what went since the one before it. */
#define KNOWN_BACK_S (2 * SEC_PER_DAY)
/* A walk takes no longer. */
#define WALK_NS (1800 * NSEC_PER_SEC)
/* After the first answer that showed it; requests under way may still go out. */
#define OFF_SLACK_NS (30 * NSEC_PER_SEC)

static bool is_arm(const char *url) {
        return strstr(url, "/subscriptions/") != NULL;
}

/* What the node knows of the subscription that the URL names. */
static struct seen_place *place_of(struct checks *c, unsigned node, const char *url) {
        return &c->nodes[node - 1].places[url && strstr(url, CHECKS_OTHER_SUBSCRIPTION)];
}

static const char *header(const struct http_reply *reply, const char *name) {
        return http_headers_get(&reply->headers, name);
}

/* The snapshot that the URL names, if it lives. */
static struct seen_snapshot *snapshot_of(const struct checks *c, const char *url) {
        const char *path = strstr(url, "/subscriptions/");
        char id[1024];

        if (!path || !strstr(path, "/snapshots/"))
                return NULL;
        snprintf(id, sizeof(id), "%.*s", (int)strcspn(path, "?"), path);
        return checks_seen(c, service_find(c->service, id));
}

void checks_started(struct checks *c, unsigned node, struct mono now, struct utc utc) {
        struct seen_node *n = &c->nodes[node - 1];
        struct seen_node kept = *n;

        checks_asked_clear(n);
        *n = (struct seen_node){
                .alive = true,
                .life = kept.life + 1,
                .started = now,
                .started_utc = utc,
                .clock_error_ns = kept.clock_error_ns,
                .off_since = MONO_NEVER,
                .paused = kept.paused,
                .paused_all = kept.paused_all,
                .paused_until = kept.paused_until,
                .unread = kept.unread,
                .unread_at = kept.unread_at,
                .state_lost_at = kept.state_lost_at,
                .state_odd_at = kept.state_odd_at,
                .clock_odd_at = kept.clock_odd_at,
                .targets_acked = kept.targets_acked,
                .misled_until = kept.misled_until,
        };
        for (unsigned place = 0; place < CHECKS_PLACES; place++)
                n->places[place].largest = kept.places[place].largest;
}

void checks_died(struct checks *c, unsigned node) {
        c->nodes[node - 1].alive = false;
        /* What it had yet to say it cannot say any more. */
        for (size_t i = 0; i < c->n_explain; i++)
                if (c->explain[i].node == node)
                        c->explain[i--] = c->explain[--c->n_explain];
}

void checks_clock(struct checks *c, unsigned node, int64_t error_ns) {
        struct seen_node *n = &c->nodes[node - 1];

        n->clock_error_ns = error_ns;
        n->off_since = MONO_NEVER;
        /* A daemon that has asked for nothing since its start has no other clock to end a pause by. */
        if (error_ns > 0)
                n->paused_until.ticks -= MIN(error_ns / NSEC_PER_TICK, n->paused_until.ticks);
}

static bool is_off(const struct checks *c, const struct seen_node *n) {
        return llabs(n->clock_error_ns - service_clock_error(c->service)) > OFF_NS;
}

/* How far a listing may lie behind, in the worst phase of a run. */
#define LISTING_BEHIND_S 3600

/*
 * Whether the GET that was read showed the tags that the listing had. A change in the very instant of the
 * GET may have come after it; a listing that lags shows what was so some time before it.
 */
static bool shows_listed(const struct seen_place *n, const struct seen_snapshot *s,
                         const struct look *look) {
        uint64_t read = tags_at(s, (struct utc){look->heard_of.ticks - 1});
        struct utc since = utc_add_seconds(n->begun_utc, -LISTING_BEHIND_S);

        /* On which of its pages it was does not matter: there or not, in between it changed once. */
        if (tags_at(s, n->listed_utc) == read || tags_at(s, n->begun_utc) == read)
                return true;
        for (size_t i = 0; i < s->n_changes; i++)
                if (s->changes[i].at.ticks > since.ticks && s->changes[i].before == read)
                        return true;
        return false;
}

/* A DELETE goes out: what the daemon had read of it, and of those that stay. */
static void check_reread(struct checks *c, unsigned node, const struct seen_snapshot *s,
                         struct utc utc) {
        const struct look *look = &s->looks[node - 1];

        c->evaluated[PROMISE_REREAD]++;
        if (look->heard.ns == 0)
                checks_broken(c, PROMISE_REREAD, "DELETE of %s, which was never read", s->r->name);
        else if ((utc.ticks - look->heard_of.ticks) * NSEC_PER_TICK > REREAD_NS)
                checks_broken(c, PROMISE_REREAD, "DELETE of %s, which was so %lld ms before",
                              s->r->name,
                              (long long)((utc.ticks - look->heard_of.ticks) * NSEC_PER_TICK /
                                          NSEC_PER_MSEC));
        else if (s->tagged_at.ticks != 0 &&
                 !shows_listed(&c->nodes[node - 1].places[s->chain->place], s, look))
                checks_broken(c, PROMISE_REREAD,
                              "DELETE of %s, whose tags were changed after it was listed and "
                              "before it was read",
                              s->r->name);

        if (look->heard_changing)
                checks_broken(c, PROMISE_REREAD, "DELETE of %s, which was read as being changed",
                              s->r->name);

        c->evaluated[PROMISE_HELD]++;
        if (look->heard_held)
                checks_broken(c, PROMISE_HELD, "DELETE of %s, which was read as held", s->r->name);
}

static void check_survivors(struct checks *c, unsigned node, struct seen_snapshot *s,
                            struct mono now, struct utc utc) {
        static struct point points[POINTS_MAX];
        const struct intent *intent = checks_intent(c, node, s->owner, s->policy, utc);
        size_t n, read = 0;

        if (!intent || checks_is_failed(s->r, utc) ||
            checks_is_retired(c, node, s, s->r->created_at, utc))
                return;
        n = collect_unknown(c, s->chain, intent, utc, CHECKS_SIGHT_S + c->lag_s, node, points);
        if (n - 1 >= 2 * (size_t)intent->min_keep)
                return;

        c->evaluated[PROMISE_SURVIVORS]++;
        for (size_t i = 0; i < n; i++)
                read += points[i].who != s && points[i].looks[node - 1].heard.ns > 0 &&
                        now.ns - points[i].looks[node - 1].heard.ns <= SURVIVORS_NS;
        if (read < intent->min_keep)
                checks_broken(c, PROMISE_SURVIVORS,
                              "DELETE of %s leaves %zu, and %zu of %u survivors were read",
                              s->r->name, n - 1, read, intent->min_keep);
}

/* "The source of a pending copy" is a hold. Copies are a chain of their own, of the snapshot they are made
 * of; no GET of it tells of them, the listing that the daemon goes by does. */
static void check_copies(struct checks *c, unsigned node, const struct seen_snapshot *s,
                         struct utc utc) {
        const struct seen_place *n = &c->nodes[node - 1].places[s->chain->place];
        struct utc shown = utc_add_seconds(n->listed_utc, -LISTING_BEHIND_S);

        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next) {
                if (guid_compare(&chain->generation, &s->r->unique_id) != 0)
                        continue;
                for (size_t i = 0; i < chain->n; i++) {
                        const struct service_resource *copy = chain->items[i]->r;

                        if (service_resource_is_complete(copy, utc) ||
                            service_resource_copy_failed(copy, utc))
                                continue;
                        c->evaluated[PROMISE_HELD]++;
                        if (copy->created_at.ticks < shown.ticks && !n->filtered)
                                checks_broken(c, PROMISE_HELD,
                                              "DELETE of %s, of which %s is being made", s->r->name,
                                              copy->name);
                }
        }
}

static void check_sight(struct checks *c, unsigned node, const struct seen_snapshot *s,
                        struct mono now) {
        const struct seen_node *n = &c->nodes[node - 1];
        const struct seen_place *p = &n->places[s->chain->place];

        c->evaluated[PROMISE_LISTING]++;
        if (p->swept_utc.ticks == 0)
                checks_broken(c, PROMISE_LISTING, "DELETE of %s before anything was listed",
                              s->r->name);
        else if (p->is_dirty && p->clean < 2)
                checks_broken(c, PROMISE_LISTING,
                              "DELETE of %s after a page failed, with %u clean sweeps since",
                              s->r->name, p->clean);
        else if (p->walk_failed && p->walk_open && now.ns - p->dirty.ns > WALK_NS)
                checks_broken(c, PROMISE_LISTING, "DELETE of %s %lld s after a page failed",
                              s->r->name, (long long)((now.ns - p->dirty.ns) / NSEC_PER_SEC));

        c->evaluated[PROMISE_CLOCK]++;
        if (n->off_since.ns != MONO_NEVER.ns && is_off(c, n) &&
            now.ns > n->off_since.ns + OFF_SLACK_NS)
                checks_broken(c, PROMISE_CLOCK, "DELETE of %s with the clock %lld s off",
                              s->r->name,
                              (long long)((n->clock_error_ns - service_clock_error(c->service)) /
                                          NSEC_PER_SEC));
}

/* Whether it came to its end or was given up. */
static void end_failed_walk(struct seen_place *n) {
        n->walk_failed = false;
        n->is_dirty = true;
        n->clean = 0;
}

static void check_retry_after(struct checks *c, struct mono *not_before, enum http_method method,
                              const char *url, struct mono now) {
        if (not_before->ns == 0)
                return;
        c->evaluated[PROMISE_RETRY_AFTER]++;
        if (now.ns < not_before->ns)
                checks_broken(c, PROMISE_RETRY_AFTER,
                              "%s %s was sent %lld ms before Retry-After had passed",
                              http_method_name(method), url,
                              (long long)((not_before->ns - now.ns) / NSEC_PER_MSEC));
        else if (now.ns > not_before->ns + RETRY_WATCHED_NS)
                not_before->ns = 0;
}

/* A 429 closes all that the daemon asks, but for one that shows its bucket of calls empty. */
static void hear_throttled(struct seen_place *n, enum service_request_kind kind,
                           const struct http_reply *reply, struct mono now) {
        const char *after = header(reply, "Retry-After");
        const char *left = header(reply, "x-ms-ratelimit-remaining-resource");
        bool empty = false;
        struct mono until;

        if (!after)
                return;
        while (left && (left = strstr(left, "Min;0"))) {
                left += strlen("Min;0");
                empty |= *left == ',' || *left == '\0';
        }
        until = mono_add_ns(now, strtoll(after, NULL, 10) * NSEC_PER_SEC);
        if (empty)
                n->kind_not_before[kind] = until;
        else
                n->not_before = until;
}

void checks_sent(struct checks *c, unsigned node, enum http_method method, const char *url,
                 struct mono now, struct utc utc) {
        const struct seen_node *n = &c->nodes[node - 1];
        struct seen_place *p = place_of(c, node, url);
        enum service_request_kind kind = service_request_kind_of(method, url);
        struct seen_snapshot *s;

        if (!is_arm(url))
                return;
        checks_asked(c, p, kind, now);
        check_retry_after(c, &p->not_before, method, url, now);
        check_retry_after(c, &p->kind_not_before[kind], method, url, now);
        if (kind == SERVICE_REQUEST_LIST_DISKS && !strstr(url, "skip")) {
                if (p->walk_failed)
                        end_failed_walk(p);
                p->walk_open = true;
                p->walk_begin = now;
                p->walk_begin_utc = utc;
        }
        if (kind == SERVICE_REQUEST_PUT_SNAPSHOT && n->paused_all &&
            utc.ticks < n->paused_until.ticks - 60 * TICKS_PER_SEC)
                checks_broken(c, PROMISE_ASKED, "PUT %s while all was paused", url);
        if (kind != SERVICE_REQUEST_DELETE_SNAPSHOT)
                return;

        s = snapshot_of(c, url);
        if (!s)
                return;
        s->delete_sent[node - 1] = now;
        s->delete_sent_utc[node - 1] = utc;
        check_reread(c, node, s, utc);
        check_survivors(c, node, s, now, utc);
        check_copies(c, node, s, utc);
        check_sight(c, node, s, now);
}

void checks_arrived(struct checks *c, const struct network_event *event, struct mono now,
                    struct utc utc) {
        struct seen_node *n = &c->nodes[event->node - 1];
        const struct http_reply *reply = event->reply;
        bool readable = reply && reply->outcome == TRANSPORT_REPLY && reply->status == 200 &&
                        event->fault != NETWORK_ODD_BODY && event->fault != NETWORK_CUT_BODY;
        struct seen_snapshot *s;

        if (reply && (event->fault == NETWORK_ODD_DATE || service_clock_error(c->service) != 0)) {
                n->misled_until = utc_add_seconds(utc, CHECKS_SIGHT_S);
                /* By that Date the pause may be over. */
                n->paused = n->paused_all = false;
        }
        if (event->kind == SERVICE_REQUEST_LIST_DISKS ||
            event->kind == SERVICE_REQUEST_LIST_SNAPSHOTS) {
                struct seen_place *p = place_of(c, event->node, event->url);
                size_t tail = reply ? MIN(reply->body_len, (size_t)4096) : 0;

                p->page_ok = readable;
                p->page_utc = utc;
                if (!strstr(event->url, "skip"))
                        p->first_utc = utc;
                p->page_last =
                        readable && reply->body &&
                        !memmem(reply->body + reply->body_len - tail, tail, "\"nextLink\"", 10);
        }
        if (event->kind == SERVICE_REQUEST_PUT_SNAPSHOT && reply && reply->status == 409 &&
            event->url) {
                const char *disk = reply->body ? reply->body : "";

                check_refusal(c, event->node,
                              (unsigned)(place_of(c, event->node, event->url) - n->places), disk,
                              utc);
                if (strstr(disk, "Quota") || strstr(disk, "Limit") || strstr(disk, "imit") ||
                    strstr(disk, "aximum"))
                        for (struct seen_chain *chain = c->chains; chain; chain = chain->next)
                                chain->refused = utc;
        }
        /* What is refused takes back nothing that another reply has shown. */
        if (event->kind != SERVICE_REQUEST_GET_SNAPSHOT || !event->url || !reply ||
            reply->status != 200)
                return;
        s = snapshot_of(c, event->url);
        if (!s)
                return;
        s->looks[event->node - 1].arrived = utc;
        s->looks[event->node - 1].held =
                service_tag_get(s->r, "snapkeep-hold") || service_resource_has_access(s->r, utc);
        s->looks[event->node - 1].changing = service_resource_is_complete(s->r, utc) &&
                                             service_resource_state(s->r, utc) == SERVICE_UPDATING;
}

/* The node has listed the world as it was at @at. */
static void know_deletions(struct checks *c, size_t node, unsigned place, struct utc at) {
        unsigned life = c->nodes[node].life;

        for (size_t i = c->n_deletions_done; i-- > 0;) {
                struct seen_deletion *d = &c->deletions_done[i];

                if (d->at.ticks <= utc_add_seconds(at, -KNOWN_BACK_S).ticks)
                        break;
                if (d->place != place)
                        continue;
                d->known[node] |= d->at.ticks < at.ticks && d->listed_in[node] == life;
        }
        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                for (size_t i = 0; i < chain->n && chain->place == place; i++)
                        if (chain->items[i]->r->created_at.ticks < at.ticks)
                                chain->items[i]->listed_in[node] = life;
}

/* The node has listed the world as it was at @at: it remembers since when what has failed has. It does
 * not while a doubt about the clock may stand, and forgets what it is not shown; and what it had not
 * written when it was killed, so that only the second time is certain. */
static void know_failures(struct checks *c, size_t node, unsigned place, struct utc at,
                          struct utc now) {
        struct seen_node *n = &c->nodes[node];

        if (service_clock_error(c->service) != 0 || n->clock_error_ns != 0 ||
            now.ticks < n->misled_until.ticks)
                n->clock_odd_at = now;
        for (const struct seen_chain *chain = c->chains; chain; chain = chain->next)
                for (size_t i = 0; i < chain->n && chain->place == place; i++) {
                        struct seen_snapshot *s = chain->items[i];
                        bool failed = checks_is_failed(s->r, at) && !c->rights_cut;
                        struct utc *since = &s->failed[node].at;

                        /* While its tags are being changed it is Updating, and not failed. */
                        if (!failed || since->ticks <= n->state_odd_at.ticks ||
                            (utc_is_set(s->r->tagging_at) && since->ticks <= s->r->tagged_at.ticks))
                                *since = (struct utc){};
                        if (since->ticks == 0 && s->failed[node].once &&
                            n->places[place].clean >= 2 &&
                            now.ticks >= utc_add_seconds(n->clock_odd_at, 2 * CHECKS_SIGHT_S).ticks)
                                *since = now;
                        s->failed[node].once = failed;
                }
}

/* A walk is over disks first, then snapshots; both whole make a sweep. */
static void hear_page(struct checks *c, unsigned node, struct seen_place *p,
                      enum service_request_kind kind, const struct http_reply *reply,
                      struct mono now, struct utc utc) {
        unsigned place = (unsigned)(p - c->nodes[node - 1].places);
        bool ok = p->page_ok && reply->outcome == TRANSPORT_REPLY && reply->status == 200;

        /* A token that had expired is renewed, a throttled page is asked for again: neither says
         * anything of the page. */
        if (reply->outcome == TRANSPORT_REPLY && (reply->status == 401 || reply->status == 429))
                return;
        p->page_ok = false;
        if (!ok) {
                p->walk_failed = true;
                p->dirty = now;
                return;
        }
        if (kind != SERVICE_REQUEST_LIST_SNAPSHOTS || !p->page_last)
                return;
        /* A round lists its snapshots alone. */
        p->listed_utc = p->page_utc;
        p->begun_utc = p->first_utc;
        p->listings[p->n_listings % CHECKS_LISTINGS].heard = utc;
        p->listings[p->n_listings++ % CHECKS_LISTINGS].begun = p->first_utc;
        p->filtered = c->rights_cut;
        know_failures(c, (size_t)node - 1, place, utc_add_seconds(p->first_utc, -c->lag_s),
                      p->page_utc);
        if (!c->rights_cut)
                know_deletions(c, (size_t)node - 1, place,
                               utc_add_seconds(p->first_utc, -c->lag_s));
        if (!p->walk_open)
                return;
        p->walk_open = false;
        p->swept_utc = p->walk_begin_utc;
        p->swept_lag_s = c->lag_s;
        if (p->walk_failed) {
                end_failed_walk(p);
                return;
        }
        p->clean++;
        if (!c->rights_cut)
                for (size_t i = 0; i < c->n_intents; i++)
                        if (intent_holds(&c->intents[i], node, p->walk_begin_utc) &&
                            c->fleet->changed.ticks <
                                    p->walk_begin_utc.ticks - c->lag_s * TICKS_PER_SEC)
                                p->largest = MAX(p->largest,
                                                 checks_count_fleet(c, &c->intents[i], place));
}

/* Whether the body is a whole one, of a snapshot; another GET of the same may be under way beside it. */
static bool shows_snapshot(const struct http_reply *reply) {
        return reply->body && reply->body_len > 0 && reply->body[reply->body_len - 1] == '}' &&
               memmem(reply->body, reply->body_len, "\"uniqueId\"", 10);
}

void checks_heard(struct checks *c, unsigned node, enum http_method method, const char *url,
                  const struct http_reply *reply, struct mono now, struct utc utc) {
        struct seen_node *n = &c->nodes[node - 1];
        struct seen_place *p = place_of(c, node, url);
        enum service_request_kind kind = service_request_kind_of(method, url);
        struct seen_snapshot *s;

        if (!is_arm(url))
                return;
        if (reply->outcome == TRANSPORT_REPLY && reply->status < 300 && header(reply, "Date") &&
            is_off(c, n) && n->off_since.ns == MONO_NEVER.ns)
                n->off_since = now;
        if (reply->outcome == TRANSPORT_REPLY && reply->status == 429)
                hear_throttled(p, kind, reply, now);
        if (kind == SERVICE_REQUEST_LIST_DISKS || kind == SERVICE_REQUEST_LIST_SNAPSHOTS)
                hear_page(c, node, p, kind, reply, now, utc);
        if (kind != SERVICE_REQUEST_GET_SNAPSHOT || reply->outcome != TRANSPORT_REPLY ||
            reply->status != 200)
                return;
        s = snapshot_of(c, url);
        if (!s || !shows_snapshot(reply))
                return;
        s->looks[node - 1].heard = now;
        s->looks[node - 1].heard_of = s->looks[node - 1].arrived;
        s->looks[node - 1].heard_held = s->looks[node - 1].held;
        s->looks[node - 1].heard_changing = s->looks[node - 1].changing;
}
