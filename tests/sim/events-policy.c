/*
 * What is done to the policy files in a generated run, and to the zone that they name.
 */
#include "play.h"

#include "base/strbuf.h"

void play_reload(struct play *play, unsigned node, const char *const old[STORY_POLICIES_MAX]) {
        struct strbuf text = {};

        for (unsigned i = 0; i < play->story->n_policies; i++) {
                struct intent intent = play->wants[node][i];

                intent.nodes = 1U << node;
                checks_intend(&play->rig.checks, &intent, old ? old[i] : NULL, play_now(play));
        }
        story_policy(play->wants[node], play->story->n_policies, &text);
        rig_reload(&play->rig.nodes[node], strbuf_str(&text));
        strbuf_deinit(&text);
}

static void reload_all(struct play *play, const char *const old[STORY_POLICIES_MAX]) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                play_reload(play, k, old);
}

static void scale(uint32_t *count, uint64_t by_tenths) {
        if (*count > 0)
                *count = (uint32_t)MAX(UINT64_C(1), *count * by_tenths / 10);
}

static bool change_keep(struct play *play, const struct story_event *event) {
        bool cut = event->kind == EVENT_KEEP_CUT;
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        uint64_t tenths = cut ? 1 + event_pick(event, 2) % 8 : 13 + event_pick(event, 2) % 20;

        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                /* Small enough to stay within chains that are quick to list. */
                if (!cut && want->last + want->hourly + want->daily > 24)
                        return false;
                scale(&want->last, tenths);
                scale(&want->hourly, tenths);
                scale(&want->daily, tenths);
                if (!cut) {
                        want->last++;
                        continue;
                }
                want->within_s =
                        want->within_s > 0 && event_pick(event, 3) % 2 ? 0 : want->within_s;
                if (event_pick(event, 4) % 2 == 0)
                        want->weekly = want->monthly = want->yearly = 0;
        }
        reload_all(play, NULL);
        return true;
}

static bool rename_policy(struct play *play, const struct story_event *event) {
        static const char *const names[STORY_POLICIES_MAX][8] = {
                {"gold", "gold-2", "gold-3", "gold-4", "gold-5", "gold-6", "gold-7", "gold-8"},
                {"silver", "silver-2", "silver-3", "silver-4", "silver-5", "silver-6", "silver-7",
                 "silver-8"},
        };
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        bool formerly = event->kind == EVENT_RENAMED;
        const char *old[STORY_POLICIES_MAX] = {};
        const char *name;

        if (play->turns[policy] + 1 == ARRAY_SIZE(names[0]))
                return false;
        old[policy] = play->wants[0][policy].policy;
        name = names[policy][++play->turns[policy]];
        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                want->formerly[1] = formerly ? want->formerly[0] : NULL;
                want->formerly[0] = formerly ? old[policy] : NULL;
                want->policy = name;
        }
        reload_all(play, old);
        return true;
}

/* Never more slots than before: the run has its bound. */
static bool reschedule(struct play *play, const struct story_event *event) {
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);

        for (unsigned k = 0; k < play->rig.n_nodes; k++) {
                struct intent *want = &play->wants[k][policy];

                if (want->every_s > 0 && want->every_s < 43200)
                        want->every_s = 43200;
                else if (want->every_s > 0)
                        want->every_s = play->story->wants[policy].every_s ?: 86400;
                else
                        want->calendar.minute = (want->calendar.minute + 10) % 60;
        }
        reload_all(play, NULL);
        return true;
}

static void set_zone(struct play *play, const char *zone, const char *posix) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                for (unsigned i = 0; i < play->story->n_policies; i++) {
                        play->wants[k][i].zone = zone;
                        play->wants[k][i].zone_posix = posix;
                }
        reload_all(play, NULL);
}

static bool lose_zone(struct play *play, const struct story_event *event) {
        if (!play->wants[0][0].zone)
                return false;
        rig_lose_zone(&play->rig);
        set_zone(play, NULL, NULL);
        return true;
}

static void find_zone(struct play *play, const struct story_event *event) {
        rig_restore_zone(&play->rig);
        set_zone(play, RIG_ZONE, RIG_ZONE_POSIX);
}

static void set_selects(struct play *play, const char *selects) {
        for (unsigned k = 0; k < play->rig.n_nodes; k++)
                for (unsigned i = 0; i < play->story->n_policies; i++)
                        play->wants[k][i].selects = selects;
        reload_all(play, NULL);
}

static bool narrow(struct play *play, const struct story_event *event) {
        set_selects(play, "none-such");
        return true;
}

static void widen(struct play *play, const struct story_event *event) {
        set_selects(play, "gold");
}

static void change_mind(struct play *play, const struct story_event *event, bool begin) {
        unsigned policy = (unsigned)(event_pick(event, 1) % play->story->n_policies);
        unsigned node = play->rig.n_nodes - 1;
        struct intent *want = &play->wants[node][policy];

        want->last = begin ? want->last + 1 : MAX(want->last, 2U) - 1;
        play_reload(play, node, NULL);
}

static bool begin_two_minds(struct play *play, const struct story_event *event) {
        change_mind(play, event, /* begin= */ true);
        return true;
}

static void end_two_minds(struct play *play, const struct story_event *event) {
        change_mind(play, event, /* begin= */ false);
}

const struct event_script policy_events[_EVENT_N] = {
        [EVENT_KEEP_CUT] = {.begin = change_keep},
        [EVENT_KEEP_RELAXED] = {.begin = change_keep},
        [EVENT_RENAMED] = {.begin = rename_policy},
        [EVENT_RENAMED_BARE] = {.begin = rename_policy},
        [EVENT_RESCHEDULED] = {.begin = reschedule},
        [EVENT_NARROWED] = {narrow, widen},
        [EVENT_TWO_MINDS] = {begin_two_minds, end_two_minds},
        [EVENT_ZONE_LOST] = {lose_zone, find_zone},
};
