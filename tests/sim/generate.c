/*
 * From a seed to a story. Nothing here looks at a rig: what can be chosen only when it happens (which
 * snapshot a hand takes) is chosen then, by the event's own number.
 */
#include "story.h"

#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_STORY 200
#define STREAM_IDENTITY 201
#define STREAM_KINDS 202
#define STREAM_HANDS 203
#define STREAM_TAGS 204
#define STREAM_DAMAGE 205
#define STREAM_PLACES 206
#define STREAM_ZONES 207
#define STREAM_SHAPES 208
#define STREAM_RPO 209
#define MINUTE_S INT64_C(60)
#define HOUR_S SEC_PER_HOUR
#define DAY_S SEC_PER_DAY

/* How often each kind of event happens in a run, in tenths; how long it lasts. */
static const struct {
        const char *name;
        unsigned tenths;
        int64_t shortest_s, longest_s;
        uint32_t stream; /* of its own: runs are the same without it but for it; 0: all others' */
} kinds[_EVENT_N] = {
        [EVENT_NOISE] = {"noise", 20, HOUR_S, 30 * HOUR_S},
        [EVENT_CREATES_FAIL] = {"creates-fail", 13, 2 * HOUR_S, 60 * HOUR_S},
        [EVENT_CUT] = {"cut", 20, MINUTE_S, 4 * HOUR_S},
        [EVENT_LAG] = {"lag", 20, HOUR_S, 12 * HOUR_S},
        [EVENT_FLAPS] = {"flaps", 16, HOUR_S, 12 * HOUR_S, STREAM_SHAPES},
        [EVENT_UNLISTED] = {"unlisted", 16, 20 * MINUTE_S, 6 * HOUR_S},
        [EVENT_NO_RIGHTS] = {"no-rights", 14, 20 * MINUTE_S, 6 * HOUR_S},
        [EVENT_READ_ONLY] = {"read-only", 14, 20 * MINUTE_S, 8 * HOUR_S},
        [EVENT_FORBIDDEN] = {"forbidden", 14, 20 * MINUTE_S, 6 * HOUR_S},
        [EVENT_AWAY_500] = {"away-500", 14, 5 * MINUTE_S, 6 * HOUR_S},
        [EVENT_AWAY_503] = {"away-503", 14, 5 * MINUTE_S, 6 * HOUR_S},
        [EVENT_THROTTLED] = {"throttled", 16, 5 * MINUTE_S, 6 * HOUR_S},
        [EVENT_UNKNOWN] = {"unknown", 14, 5 * MINUTE_S, 3 * HOUR_S},
        [EVENT_DISABLED] = {"disabled", 14, 20 * MINUTE_S, 6 * HOUR_S},
        [EVENT_QUOTA] = {"quota", 14, HOUR_S, 18 * HOUR_S},
        [EVENT_KEY] = {"key", 14, HOUR_S, 18 * HOUR_S, STREAM_KINDS},
        [EVENT_STRANGERS_SPEND] = {"strangers-spend", 20, 10 * MINUTE_S, 8 * HOUR_S, STREAM_KINDS},
        [EVENT_TOKENS] = {"tokens", 16, 0, 0},
        [EVENT_SERVICE_CLOCK] = {"service-clock", 13, 5 * MINUTE_S, 2 * HOUR_S},
        [EVENT_CLOCK_FORWARD] = {"clock-forward", 16, 10 * MINUTE_S, 8 * HOUR_S},
        [EVENT_CLOCK_BACK] = {"clock-back", 16, 10 * MINUTE_S, 8 * HOUR_S},
        [EVENT_SUSPEND] = {"suspend", 20, 5, 8 * HOUR_S},
        [EVENT_KILL] = {"kill", 20, 1, 3 * HOUR_S},
        [EVENT_KILL_BEFORE] = {"kill-before", 20, 1, 10 * MINUTE_S},
        [EVENT_KILL_AFTER] = {"kill-after", 20, 1, 10 * MINUTE_S},
        [EVENT_STATE_LOST] = {"state-lost", 14, 0, 0},
        [EVENT_STATE_FAILS] = {"state-fails", 14, 10 * MINUTE_S, 2 * HOUR_S},
        [EVENT_STATE_TORN] = {"state-torn", 14, 10 * MINUTE_S, 2 * HOUR_S},
        [EVENT_STATE_DAMAGED] = {"state-damaged", 14, HOUR_S, 30 * HOUR_S, STREAM_DAMAGE},
        [EVENT_KEEP_CUT] = {"keep-cut", 13, 0, 0},
        [EVENT_KEEP_RELAXED] = {"keep-relaxed", 13, 0, 0},
        [EVENT_RENAMED] = {"renamed", 14, 0, 0},
        [EVENT_RENAMED_BARE] = {"renamed-bare", 13, 0, 0},
        [EVENT_RESCHEDULED] = {"rescheduled", 13, 0, 0},
        [EVENT_NARROWED] = {"narrowed", 13, 20 * MINUTE_S, 6 * HOUR_S},
        [EVENT_TWO_MINDS] = {"two-minds", 13, 4 * HOUR_S, 40 * HOUR_S},
        [EVENT_DISK_DELETED] = {"disk-deleted", 13, HOUR_S, 60 * HOUR_S},
        [EVENT_DISK_REMADE] = {"disk-remade", 13, 0, 0},
        [EVENT_DISK_RESIZED] = {"disk-resized", 16, 0, 0},
        [EVENT_DISK_MOVED] = {"disk-moved", 14, HOUR_S, 24 * HOUR_S},
        [EVENT_DISK_LOCKED] = {"disk-locked", 14, HOUR_S, 24 * HOUR_S},
        [EVENT_DISK_UNTAGGED] = {"disk-untagged", 14, 20 * MINUTE_S, 16 * HOUR_S},
        [EVENT_DISK_RETIRED] = {"disk-retired", 14, HOUR_S, 16 * HOUR_S, STREAM_HANDS},
        [EVENT_STRANGERS] = {"strangers", 20, 0, 0},
        [EVENT_HAND_DELETES] = {"hand-deletes", 80, 0, 0},
        [EVENT_HAND_HOLDS] = {"hand-holds", 25, HOUR_S, 60 * HOUR_S},
        [EVENT_HAND_HOLDS_AT_READ] = {"hand-holds-at-read", 20, 6 * HOUR_S, 40 * HOUR_S},
        [EVENT_HAND_RETAGS] = {"hand-retags", 20, 0, 0},
        [EVENT_HAND_LOCKS] = {"hand-locks", 18, HOUR_S, 40 * HOUR_S},
        [EVENT_HAND_READS] = {"hand-reads", 18, HOUR_S, 20 * HOUR_S},
        [EVENT_HAND_COPIES] = {"hand-copies", 40, 20 * MINUTE_S, 40 * HOUR_S, STREAM_HANDS},
        [EVENT_COPY_FAILS] = {"copy-fails", 40, 0, 0},
        [EVENT_ACK] = {"ack", 80, 0, 0},
        [EVENT_PAUSE] = {"pause", 5, HOUR_S, 20 * HOUR_S},
        [EVENT_PAUSE_ALL] = {"pause-all", 5, HOUR_S, 8 * HOUR_S},
        [EVENT_APPLY] = {"apply", 10, 0, 0},
        [EVENT_RETIRE] = {"retire", 10, 0, 0},
        [EVENT_ADOPT] = {"adopt", 10, 0, 0},
        [EVENT_INVARIANT] = {"invariant", 2, HOUR_S, 30 * HOUR_S},
        [EVENT_PRUNER_REFUSED] = {"pruner-refused", 20, HOUR_S, 30 * HOUR_S},
        [EVENT_ORDER_HOLD] = {"order-hold", 60, HOUR_S, 60 * HOUR_S},
        [EVENT_ORDER_ADOPT] = {"order-adopt", 10, HOUR_S, 6 * HOUR_S},
        [EVENT_ORDER_BACKUP] = {"order-backup", 60, 0, 0, STREAM_KINDS},
        [EVENT_ZONE_LOST] = {"zone-lost", 20, 4 * HOUR_S, 60 * HOUR_S, STREAM_ZONES},
        [EVENT_DISK_MOVED_AWAY] = {"disk-moved-away", 30, HOUR_S, 90 * HOUR_S, STREAM_PLACES},
};

const char *event_name(enum event_kind kind) {
        return kind < _EVENT_N ? kinds[kind].name : "?";
}

const char *shape_name(enum story_shape shape) {
        static const char *const names[_SHAPE_N] = {
                [SHAPE_PAGES] = "pages",
                [SHAPE_EMPTY_PAGES] = "empty-pages",
                [SHAPE_BARE_ACCEPTED] = "bare-accepted",
                [SHAPE_NO_OPERATION_URLS] = "no-operation-urls",
                [SHAPE_REPEATED_200] = "repeated-200",
        };

        return shape < _SHAPE_N ? names[shape] : "?";
}

bool story_has_shape(const struct story *story, enum story_shape shape) {
        switch (shape) {
        case SHAPE_PAGES:
                return story->page_size > 0;
        case SHAPE_EMPTY_PAGES:
                return story->empty_pages > 0;
        case SHAPE_BARE_ACCEPTED:
                return story->bare_accepted;
        case SHAPE_NO_OPERATION_URLS:
                return story->no_operation_urls;
        case SHAPE_REPEATED_200:
                return story->repeated_is_200;
        case _SHAPE_N:
                break;
        }
        return false;
}

static int64_t between(struct sim_stream *s, int64_t low, int64_t high) {
        return low + (int64_t)sim_stream_below(s, (uint64_t)(high - low + 1));
}

static bool chance(struct sim_stream *s, unsigned percent) {
        return sim_stream_below(s, 100) < percent;
}

/* Slots a day that the run's bound leaves to each series: one of those below it, mostly the most. */
static void choose_schedule(struct sim_stream *s, unsigned n_series, struct intent *ret_intent) {
        static const struct {
                unsigned tenths_a_day;
                int64_t every_s;
                struct intent_calendar calendar;
        } choices[] = {
                {160, 0, {0x7f, 0xffff00, 15}}, /* 08:15 to 23:15 */
                {138, 0, {0x0f, 0xffffff, 0}},  /* every hour, Monday to Thursday */
                {120, 7200, {}},
                {80, 10800, {}},
                {60, 14400, {}},
                {40, 21600, {}},
                {40, 0, {0x7f, 1 << 1 | 1 << 7 | 1 << 13 | 1 << 19, 30}},
                {30, 28800, {}},
                {20, 43200, {}},
                {20, 0, {0x7f, 1 << 3 | 1 << 15, 5}},
                {10, 86400, {}},
                {8, 0, {0x1f, 1 << 5, 45}},
        };
        unsigned most = STORY_CYCLES_MAX * 10 / STORY_DAYS / n_series, first = 0, choice;

        while (choices[first].tenths_a_day > most)
                first++;
        choice =
                first + (unsigned)(chance(s, 70) ? sim_stream_below(s, 2) : sim_stream_below(s, 4));
        choice = MIN(choice, (unsigned)ARRAY_SIZE(choices) - 1);
        ret_intent->every_s = choices[choice].every_s;
        ret_intent->calendar = choices[choice].calendar;
        ret_intent->jitter_s = chance(s, 40) ? 0 : between(s, 1, 30) * MINUTE_S;
}

static void choose_keep(struct sim_stream *s, struct intent *intent) {
        intent->last = (uint32_t)between(s, 1, 5);
        intent->hourly = chance(s, 25) ? (uint32_t)between(s, 2, 6) : 0;
        /* Some keep for longer than the 30 days that the doubt policy looks ahead. */
        intent->daily = chance(s, 10)   ? (uint32_t)between(s, 31, 60)
                        : chance(s, 30) ? (uint32_t)between(s, 2, 4)
                                        : 0;
        intent->weekly = chance(s, 35) ? (uint32_t)between(s, 4, 12) : 0;
        intent->monthly = chance(s, 25) ? (uint32_t)between(s, 2, 6) : 0;
        intent->yearly = chance(s, 5) ? 1 : 0;
        intent->within_s = chance(s, 20) ? between(s, 4, 20) * HOUR_S : 0;
        intent->pick_last = chance(s, 25);
}

static void choose_policies(struct sim_stream *s, struct story *story) {
        static const char *const names[] = {"gold", "silver"};
        struct intent safety = {
                .owner = "prod-backup",
                .group = "rg-snapshots",
                .min_keep = (uint32_t)between(s, 1, 3),
                .min_age_s = chance(s, 40) ? 0 : between(s, 1, 14) * HOUR_S,
                .stale_stop = chance(s, 70) ? 2 : (unsigned)between(s, 1, 4),
                .max_delete_percent = (unsigned)between(s, 5, 40),
                .freeze_s = between(s, 6, 120) * HOUR_S,
                .gone_apply = chance(s, 60),
                .ask = chance(s, 15),
                .selects = "gold",
                .expect = chance(s, 50) ? story->n_disks : 0,
        };

        if (chance(s, 40)) {
                safety.zone = RIG_ZONE;
                safety.zone_posix = RIG_ZONE_POSIX;
        }
        for (unsigned i = 0; i < story->n_policies; i++) {
                struct intent *intent = &story->wants[i];

                *intent = safety;
                intent->policy = names[i];
                choose_schedule(s, story->n_disks * story->n_policies, intent);
                choose_keep(s, intent);
        }
}

/* By a stream of its own, so that runs of one identity are as they were without the question. */
static void choose_identities(struct story *story) {
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_IDENTITY);
        bool two = chance(&s, 40);

        for (unsigned i = 0; i < story->n_policies; i++)
                story->wants[i].two_identities = two;
}

/* Compute answers either way; the longer ones outlast what a daemon waits before it looks again. */
static void choose_tagging(struct story *story) {
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_TAGS);
        bool takes_time = chance(&s, 50);
        bool is_short = chance(&s, 60);

        if (takes_time)
                story->tagging_s = is_short ? between(&s, 1, 10) : between(&s, 10, 200);
}

static void choose_events(struct sim_stream *s, uint32_t stream, struct story *story) {
        int64_t end_s = (STORY_DAYS - STORY_CALM_DAYS) * DAY_S;

        for (int kind = 0; kind < _EVENT_N; kind++) {
                unsigned n = kinds[kind].tenths / 10;

                if (kinds[kind].stream != stream)
                        continue;
                n += sim_stream_below(s, 10) < kinds[kind].tenths % 10;
                /* Some runs have more of it, some less: what never comes together shows nothing. */
                if (n > 0 && chance(s, 30))
                        n += chance(s, 50) ? 1 : -1U;
                for (unsigned i = 0; i < n && story->n_events < STORY_EVENTS_MAX; i++) {
                        int64_t longest = kinds[kind].longest_s;
                        struct story_event *event = &story->events[story->n_events++];

                        /* Most things are over soon. */
                        if (chance(s, 60))
                                longest = MAX(kinds[kind].shortest_s, longest / 8);
                        event->kind = (enum event_kind)kind;
                        event->at_s = between(s, 3600, end_s - 3600);
                        event->length_s = between(s, kinds[kind].shortest_s, longest);
                        event->pick = sim_stream_u64(s);
                }
        }
}

/* A second subscription costs its listings: some runs have one. */
static void choose_places(struct story *story) {
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_PLACES);
        bool two = chance(&s, 20);

        for (unsigned i = 0; i < story->n_policies; i++)
                story->wants[i].two_subscriptions = two;
        if (two)
                choose_events(&s, STREAM_PLACES, story);
}

static int event_compare(const void *a, const void *b) {
        const struct story_event *x = a, *y = b;

        if (x->at_s != y->at_s)
                return CMP(x->at_s, y->at_s);
        if (x->kind != y->kind)
                return CMP(x->kind, y->kind);
        return CMP(x->pick, y->pick);
}

/* Keys and machines' shares of disks, and what happens to them. */
static void choose_kinds(struct story *story) {
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_KINDS);

        for (unsigned i = 0; i < STORY_DISKS_MAX; i++) {
                story->encrypted[i] = chance(&s, 60);
                story->shared[i] = chance(&s, 20);
        }
        choose_events(&s, STREAM_KINDS, story);
}

/* Most policies have one, and most of these can be kept while nothing is in the way. */
static void choose_rpos(struct story *story) {
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_RPO);

        for (unsigned i = 0; i < story->n_policies; i++) {
                struct intent *intent = &story->wants[i];
                int64_t every_s = intent->every_s > 0 ? intent->every_s : DAY_S;
                int64_t tenths = between(&s, 11, 40);

                intent->rpo_s = chance(&s, 70) ? every_s * tenths / 10 + intent->jitter_s : 0;
        }
}

/* How listings are cut into pages, and what Azure leaves open in its answers. */
static void choose_shapes(struct story *story) {
        static const size_t sizes[] = {5, 15, 40, 100};
        struct sim_stream s = sim_stream_init(story->seed, 0, STREAM_SHAPES);
        size_t size = sizes[sim_stream_below(&s, ARRAY_SIZE(sizes))];
        uint32_t empty = (uint32_t)between(&s, 1, 40);

        story->page_size = chance(&s, 20) ? size : 0;
        story->empty_pages = chance(&s, 30) ? empty : 0;
        story->bare_accepted = chance(&s, 30);
        story->no_operation_urls = chance(&s, 20);
        story->repeated_is_200 = chance(&s, 30);
        choose_events(&s, STREAM_SHAPES, story);
}

void story_generate(uint64_t seed, struct story *ret_story) {
        static const char *const skus[] = {"Premium_LRS", "StandardSSD_LRS", "UltraSSD_LRS",
                                           "PremiumV2_LRS"};
        /* A Monday in November, and ten days before either change of clocks. */
        static const int64_t starts[] = {RIG_START, 1792022400, 1805155200};
        struct sim_stream s = sim_stream_init(seed, 0, STREAM_STORY);

        *ret_story = (struct story){
                .seed = seed,
                .days = STORY_DAYS,
                .start_s = starts[sim_stream_below(&s, ARRAY_SIZE(starts))],
                .n_disks = (unsigned)between(&s, 1, STORY_DISKS_MAX),
                .n_policies = chance(&s, 30) ? 2 : 1,
                .n_nodes = chance(&s, 30) ? 2 : 1,
                .noise = 1,
        };
        for (unsigned i = 0; i < ret_story->n_disks; i++)
                ret_story->skus[i] =
                        skus[chance(&s, 55) ? 0 : sim_stream_below(&s, ARRAY_SIZE(skus))];
        choose_policies(&s, ret_story);
        choose_identities(ret_story);
        choose_tagging(ret_story);
        choose_rpos(ret_story);
        choose_events(&s, 0, ret_story);
        choose_kinds(ret_story);
        s = sim_stream_init(seed, 0, STREAM_HANDS);
        choose_events(&s, STREAM_HANDS, ret_story);
        s = sim_stream_init(seed, 0, STREAM_DAMAGE);
        choose_events(&s, STREAM_DAMAGE, ret_story);
        choose_places(ret_story);
        s = sim_stream_init(seed, 0, STREAM_ZONES);
        choose_events(&s, STREAM_ZONES, ret_story);
        choose_shapes(ret_story);
        qsort(ret_story->events, ret_story->n_events, sizeof(ret_story->events[0]), event_compare);
}

static void write_schedule(const struct intent *intent, struct strbuf *out) {
        static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        const char *comma = "";

        if (intent->every_s > 0) {
                strbuf_appendf(out, "{every: %lldm}", (long long)intent->every_s / 60);
                return;
        }
        strbuf_append_str(out, "{calendar: \"");
        for (size_t i = 0; i < ARRAY_SIZE(days) && intent->calendar.days != 0x7f; i++)
                if (intent->calendar.days & 1U << i) {
                        strbuf_appendf(out, "%s%s", comma, days[i]);
                        comma = ",";
                }
        strbuf_append_str(out, intent->calendar.days != 0x7f ? " " : "");
        comma = "";
        if (intent->calendar.hours == 0xffffff)
                strbuf_append_char(out, '*');
        for (int hour = 0; hour < 24 && intent->calendar.hours != 0xffffff; hour++)
                if (intent->calendar.hours & 1U << hour) {
                        strbuf_appendf(out, "%s%02d", comma, hour);
                        comma = ",";
                }
        strbuf_appendf(out, ":%02d\"}", intent->calendar.minute);
}

static void write_keep(const struct intent *intent, struct strbuf *out) {
        const struct {
                const char *name;
                uint32_t count;
        } rules[] = {{"last", intent->last},       {"hourly", intent->hourly},
                     {"daily", intent->daily},     {"weekly", intent->weekly},
                     {"monthly", intent->monthly}, {"yearly", intent->yearly}};

        strbuf_append_char(out, '{');
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                if (rules[i].count > 0)
                        strbuf_appendf(out, "%s: %u, ", rules[i].name, rules[i].count);
        if (intent->within_s > 0)
                strbuf_appendf(out, "within: %lldh, ", (long long)(intent->within_s / HOUR_S));
        strbuf_appendf(out, "pick: %s}", intent->pick_last ? "last" : "first");
}

void story_policy(const struct intent *wants, size_t n, struct strbuf *out) {
        strbuf_appendf(
                out,
                "version: 1\n"
                "owner: %s\n"
                "azure:\n"
                "  cloud: {arm: https://arm.example, login: https://login.example, imds: "
                "http://169.254.169.254}\n"
                "  identity: %s\n"
                "defaults: {snapshot_group: %s, timezone: %s%s%s%s}\n"
                "safety: {prune: %s, min_keep: %u, min_age: %lldm, max_delete_percent: %u, "
                "stale_stop: %u, on_disk_gone: {freeze: %lldh, then: %s}}\n"
                "policies:\n",
                wants->owner,
                wants->two_identities
                        ? "{create: managed, prune: {service_principal: {tenant: " SERVICE_TENANT
                          ", client: " RIG_PRUNER ", secret: arm-secret}}}"
                        : "managed",
                wants->group, wants->zone ?: "UTC",
                wants->disk_access ? ", network_access: {private: " : "", wants->disk_access ?: "",
                wants->disk_access ? "}" : "",
                wants->off   ? "off"
                : wants->ask ? "ask"
                             : "auto",
                wants->min_keep, (long long)(wants->min_age_s / 60), wants->max_delete_percent,
                wants->stale_stop, (long long)(wants->freeze_s / HOUR_S),
                wants->gone_apply ? "apply" : "keep");
        for (size_t i = 0; i < n; i++) {
                strbuf_appendf(out, "  %s: {schedule: ", wants[i].policy);
                write_schedule(&wants[i], out);
                strbuf_appendf(out, ", jitter: %llds", (long long)wants[i].jitter_s);
                if (wants[i].rpo_s > 0)
                        strbuf_appendf(out, ", rpo: %llds", (long long)wants[i].rpo_s);
                strbuf_append_str(out, ", keep: ");
                write_keep(&wants[i], out);
                if (wants[i].formerly[0])
                        strbuf_appendf(out, ", formerly: [%s%s%s]", wants[i].formerly[0],
                                       wants[i].formerly[1] ? ", " : "",
                                       wants[i].formerly[1] ?: "");
                strbuf_append_str(out, "}\n");
        }
        strbuf_append_str(out, "targets:\n");
        for (size_t i = 0; i < n; i++) {
                strbuf_appendf(out,
                               "  - {policy: %s, match: {subscription: " SERVICE_SUBSCRIPTION
                               ", groups: [rg-app], tags: {backup: %s}}",
                               wants[i].policy, wants[i].selects);
                if (wants[i].expect > 0)
                        strbuf_appendf(out, ", expect: \">=%u\"", wants[i].expect);
                strbuf_append_str(out, "}\n");
                if (wants[i].two_subscriptions)
                        strbuf_appendf(
                                out,
                                "  - {policy: %s, match: {subscription: " CHECKS_OTHER_SUBSCRIPTION
                                ", groups: [rg-app], tags: "
                                "{backup: %s}}}\n",
                                wants[i].policy, wants[i].selects);
        }
        if (wants->share_permille > 0)
                strbuf_appendf(out, "limits: {api_share: 0.%03u}\n", wants->share_permille);
}

void story_print(const struct story *story) {
        struct strbuf text = {};

        story_policy(story->wants, story->n_policies, &text);
        printf("# %u disks (", story->n_disks);
        for (unsigned i = 0; i < story->n_disks; i++)
                printf("%s%s%s%s", i > 0 ? ", " : "", story->skus[i],
                       story->encrypted[i] ? " encrypted" : "", story->shared[i] ? " shared" : "");
        printf("), %u daemons, %d days, tags take %lld s, noise %u, %zu faults spared\n",
               story->n_nodes, story->days, (long long)story->tagging_s, story->noise,
               story->n_spared);
        printf("# pages of %zu, %u in 100 empty before them:",
               story->page_size ?: SERVICE_PAGE_SIZE, story->empty_pages);
        for (int i = 0; i < _SHAPE_N; i++)
                if (story_has_shape(story, (enum story_shape)i))
                        printf(" %s", shape_name((enum story_shape)i));
        printf("\n");
        for (const char *p = strbuf_str(&text); *p;) {
                int len = (int)strcspn(p, "\n");

                printf("#   | %.*s\n", len, p);
                p += len + (p[len] == '\n');
        }
        strbuf_deinit(&text);
        for (size_t i = 0; i < story->n_events; i++) {
                const struct story_event *e = &story->events[i];

                printf("#   day %lld %02lld:%02lld  %s for %lld s (%016llx)\n",
                       (long long)(e->at_s / DAY_S), (long long)(e->at_s % DAY_S / 3600),
                       (long long)(e->at_s % 3600 / 60), event_name(e->kind),
                       (long long)e->length_s, (unsigned long long)e->pick);
        }
}
