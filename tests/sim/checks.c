#include "checks.h"

#include "base/macros.h"
#include "base/sha256.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *promise_name(enum promise promise) {
        switch (promise) {
        case PROMISE_ONLY_OURS:
                return "only-ours";
        case PROMISE_NEVER_LAST:
                return "never-the-last";
        case PROMISE_EXACTLY_ONCE:
                return "exactly-once";
        case PROMISE_IT_ENDS:
                return "it-ends";
        case _PROMISE_N:
                break;
        }
        return "?";
}

_printf_(3, 4) static void broken(struct checks *c, enum promise promise, const char *format, ...) {
        va_list ap;
        int n;

        if (c->broken)
                return;

        c->broken = true;
        n = snprintf(c->what, sizeof(c->what), "%s: ", promise_name(promise));
        va_start(ap, format);
        vsnprintf(c->what + n, sizeof(c->what) - (size_t)n, format, ap);
        va_end(ap);
}

static const char *tag(const struct service_resource *r, const char *name) {
        return service_tag_get(r, name) ?: "";
}

static const struct intent *intent_of(const struct checks *c, const struct service_resource *r) {
        for (size_t i = 0; i < c->n_intents; i++)
                if (strcmp(tag(r, "snapkeep-owner"), c->intents[i].owner) == 0 &&
                    strcmp(tag(r, "snapkeep-policy"), c->intents[i].policy) == 0)
                        return &c->intents[i];
        return NULL;
}

/* The name's end that owner, generation, policy, region and slot demand: "-<16 hex>-<slot>". */
static void derived_end(const struct service_resource *r, char *out, size_t size) {
        char generation[GUID_TEXT_SIZE];
        const char *fields[4] = {tag(r, "snapkeep-owner"),
                                 guid_format(&r->source_unique_id, generation),
                                 tag(r, "snapkeep-policy"), r->region};
        uint8_t digest[SHA256_SIZE];
        size_t n = 0;

        if (sha256_fields(fields, 4, digest) < 0)
                abort();
        n += (size_t)snprintf(out + n, size - n, "-");
        for (int i = 0; i < 8; i++)
                n += (size_t)snprintf(out + n, size - n, "%02x", digest[i]);
        snprintf(out + n, size - n, "-%s", tag(r, "snapkeep-slot"));
}

/* DESIGN section 4, "Ours", word by word. */
static bool is_ours(const struct checks *c, const struct service_resource *r) {
        const struct intent *intent = intent_of(c, r);
        char end[64], name[128];
        size_t len, end_len;

        if (!intent || !r->incremental || !str_equal_nocase(r->group, intent->group))
                return false;

        derived_end(r, end, sizeof(end));
        snprintf(name, sizeof(name), "%s", r->name);
        len = strlen(name);
        if (len > 2 && name[len - 2] == '-' && name[len - 1] >= '2' && name[len - 1] <= '9')
                name[len -= 2] = '\0';
        end_len = strlen(end);
        return len > end_len && len - end_len <= 40 && str_equal_nocase(name + len - end_len, end);
}

/* Whether two snapshots belong to one series: same policy of one owner, generation and region. */
static bool same_series(const struct service_resource *a, const struct service_resource *b) {
        return guid_compare(&a->source_unique_id, &b->source_unique_id) == 0 &&
               strcmp(a->region, b->region) == 0 &&
               strcmp(tag(a, "snapkeep-owner"), tag(b, "snapkeep-owner")) == 0 &&
               strcmp(tag(a, "snapkeep-policy"), tag(b, "snapkeep-policy")) == 0;
}

static bool is_snapshot(const struct service_resource *r) {
        return r->kind == SERVICE_SNAPSHOT;
}

/* How many complete ones of ours in the series of @r lived just before @at, @r left out; and how
 * many of those have a newer slot. */
static void count_others(const struct checks *c, const struct service *service,
                         const struct service_resource *r, struct utc at, size_t *ret_all,
                         size_t *ret_newer) {
        *ret_all = *ret_newer = 0;
        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *o = service_resource_at(service, i);

                if (o == r || !is_snapshot(o) || utc_is_set(o->deleted_at) || !is_ours(c, o) ||
                    !same_series(o, r) || !service_resource_is_complete(o, at))
                        continue;
                (*ret_all)++;
                /* The slots' text form sorts as their time does. */
                *ret_newer += strcmp(tag(o, "snapkeep-slot"), tag(r, "snapkeep-slot")) > 0;
        }
}

static int64_t period_of(const struct service_resource *r, int64_t length_s) {
        struct utc slot;

        if (utc_parse_slot(tag(r, "snapkeep-slot"), UTC_SLOT_SIZE - 1, &slot) < 0)
                abort();
        return utc_seconds(slot) / length_s;
}

/* Whether @r, the first complete one of its period, is among the newest @count periods that have
 * one: then it stands for its period, and must not have been deleted at @at. */
static bool stands_for_period(const struct checks *c, const struct service *service,
                              const struct service_resource *r, struct utc at, int64_t length_s,
                              uint32_t count) {
        int64_t mine = period_of(r, length_s), newer[128];
        size_t n = 0;

        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *o = service_resource_at(service, i);
                int64_t period;
                bool known = false;

                if (o == r || !is_snapshot(o) || utc_is_set(o->deleted_at) || !is_ours(c, o) ||
                    !same_series(o, r) || !service_resource_is_complete(o, at))
                        continue;
                period = period_of(o, length_s);
                if (period == mine && strcmp(tag(o, "snapkeep-slot"), tag(r, "snapkeep-slot")) < 0)
                        return false;
                for (size_t k = 0; k < n; k++)
                        known |= newer[k] == period;
                if (period > mine && !known && n < ARRAY_SIZE(newer))
                        newer[n++] = period;
        }
        return n < count;
}

static void check_deletion(struct checks *c, const struct service *service,
                           const struct service_effect *effect) {
        const struct service_resource *r = effect->resource;
        const struct intent *intent = intent_of(c, r);
        size_t others, newer;

        c->deletions++;
        c->evaluated[PROMISE_ONLY_OURS]++;
        if (r->kind != SERVICE_SNAPSHOT || !is_ours(c, r)) {
                broken(c, PROMISE_ONLY_OURS, "%s was deleted and is not ours", r->id);
                return;
        }
        if (service_tag_get(r, "snapkeep-hold")) {
                broken(c, PROMISE_NEVER_LAST, "%s was deleted under a hold", r->id);
                return;
        }
        if (r->fails) {
                if (effect->at.ticks < utc_add_seconds(r->time_created, 7 * SEC_PER_DAY).ticks)
                        broken(c, PROMISE_NEVER_LAST, "%s had failed and was deleted before 7 days",
                               r->name);
                return;
        }

        c->evaluated[PROMISE_NEVER_LAST]++;
        count_others(c, service, r, effect->at, &others, &newer);
        if (intent->last == 0 && intent->hourly == 0 && intent->daily == 0)
                broken(c, PROMISE_NEVER_LAST, "%s was deleted and its policy keeps all", r->name);
        else if (newer < intent->last)
                broken(c, PROMISE_NEVER_LAST, "%s was deleted, with %zu newer ones and last: %u",
                       r->name, newer, intent->last);
        else if (stands_for_period(c, service, r, effect->at, SEC_PER_HOUR, intent->hourly))
                broken(c, PROMISE_NEVER_LAST, "%s was deleted and stands for its hour, hourly: %u",
                       r->name, intent->hourly);
        else if (stands_for_period(c, service, r, effect->at, SEC_PER_DAY, intent->daily))
                broken(c, PROMISE_NEVER_LAST, "%s was deleted and stands for its day, daily: %u",
                       r->name, intent->daily);
        else if (others < intent->min_keep)
                broken(c, PROMISE_NEVER_LAST, "%s was deleted, %zu are left of min_keep: %u",
                       r->name, others, intent->min_keep);
        else if (effect->at.ticks < utc_add_seconds(r->time_created, intent->min_age_s).ticks)
                broken(c, PROMISE_NEVER_LAST, "%s was deleted younger than min_age", r->name);
}

static void check_creation(struct checks *c, const struct service *service,
                           const struct service_effect *effect) {
        const struct service_resource *r = effect->resource;
        size_t same = 0;

        c->creations++;

        /* A PUT names the disk, not its generation: when the disk was made again since it was listed,
         * the snapshot is of the new one under the old one's tags. It is nobody's (mistaken), and
         * nothing but that may make us create what is not ours. */
        c->evaluated[PROMISE_ONLY_OURS]++;
        if (!is_ours(c, r)) {
                char source[GUID_TEXT_SIZE];

                if (str_equal_nocase(tag(r, "snapkeep-generation"),
                                     guid_format(&r->source_unique_id, source)))
                        broken(c, PROMISE_ONLY_OURS, "%s was created by us and is not ours", r->id);
                return;
        }

        c->evaluated[PROMISE_EXACTLY_ONCE]++;
        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *o = service_resource_at(service, i);

                /* Failed ones keep their name and are no second snapshot. */
                if (is_snapshot(o) && !o->fails && !utc_is_set(o->deleted_at) && is_ours(c, o) &&
                    same_series(o, r) &&
                    strcmp(tag(o, "snapkeep-slot"), tag(r, "snapkeep-slot")) == 0)
                        same++;
        }
        if (same > 1)
                broken(c, PROMISE_EXACTLY_ONCE, "slot %s of %s has %zu snapshots",
                       tag(r, "snapkeep-slot"), r->source_id, same);
}

void checks_step(struct checks *c, const struct service *service, struct utc now) {
        for (; c->seen < service_effects(service); c->seen++) {
                const struct service_effect *effect = service_effect_at(service, c->seen);

                if (effect->client == 0)
                        continue; /* other hands */
                switch (effect->kind) {
                case SERVICE_EFFECT_CREATED:
                        check_creation(c, service, effect);
                        break;
                case SERVICE_EFFECT_DELETED:
                        check_deletion(c, service, effect);
                        break;
                case SERVICE_EFFECT_TAGGED:
                        if (!is_ours(c, effect->resource))
                                broken(c, PROMISE_ONLY_OURS, "%s was re-tagged and is not ours",
                                       effect->resource->id);
                        break;
                case SERVICE_EFFECT_REPEATED:
                        break;
                }
        }
}

/* The complete ones of one disk's series, and whether the slot @slot_s is among them. */
static size_t series_of(const struct checks *c, const struct service *service,
                        const struct service_resource *disk, const struct intent *intent,
                        struct utc now, int64_t slot_s, bool *ret_has_slot) {
        char slot[UTC_SLOT_SIZE];
        size_t n = 0;

        utc_format_slot(utc_from_seconds(slot_s), slot);
        *ret_has_slot = false;
        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *r = service_resource_at(service, i);

                if (!is_snapshot(r) || utc_is_set(r->deleted_at) || intent_of(c, r) != intent ||
                    !is_ours(c, r) || guid_compare(&r->source_unique_id, &disk->unique_id) != 0 ||
                    !service_resource_is_complete(r, now))
                        continue;
                n++;
                *ret_has_slot |= strcmp(tag(r, "snapkeep-slot"), slot) == 0;
        }
        return n;
}

void checks_settled(struct checks *c, const struct service *service, struct utc now) {
        for (size_t i = 0; i < service_resources(service); i++) {
                const struct service_resource *disk = service_resource_at(service, i);

                if (disk->kind != SERVICE_DISK || utc_is_set(disk->deleted_at))
                        continue;
                for (size_t j = 0; j < c->n_intents; j++) {
                        const struct intent *intent = &c->intents[j];
                        int64_t slot_s = utc_seconds(now) / intent->every_s * intent->every_s;
                        bool has_slot;
                        size_t n = series_of(c, service, disk, intent, now, slot_s, &has_slot);
                        /* Those too young, and one that became old enough after the last round. */
                        size_t most = MAX(MAX(intent->last, intent->min_keep),
                                          (size_t)(intent->min_age_s / intent->every_s) + 2) +
                                      intent->hourly + intent->daily;

                        c->evaluated[PROMISE_IT_ENDS]++;
                        if (!has_slot)
                                broken(c, PROMISE_IT_ENDS,
                                       "%s has no snapshot of its newest slot under %s", disk->name,
                                       intent->policy);
                        else if (intent->last > 0 && n > most)
                                broken(c, PROMISE_IT_ENDS,
                                       "%s has %zu snapshots under %s, %zu at most", disk->name, n,
                                       intent->policy, most);
                }
        }
}
