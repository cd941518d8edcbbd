/*
 * What happens in a generated run: what an event is about, by its numbers, and the table that has how it
 * begins and ends.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#define YEAR_S (365 * SEC_PER_DAY)

struct utc play_now(const struct play *play) {
        return sim_true_utc(play->rig.sim);
}

struct rig_node *event_node(struct play *play, const struct story_event *event) {
        return &play->rig.nodes[event->pick % play->rig.n_nodes];
}

unsigned event_disk(const struct play *play, const struct story_event *event) {
        return (unsigned)(event->pick >> 8) % play->story->n_disks;
}

const char *event_subscription(const struct play *play, const struct story_event *event) {
        return play->story->wants[0].two_subscriptions && event_pick(event, 20) % 3 == 0
                       ? CHECKS_OTHER_SUBSCRIPTION
                       : SERVICE_SUBSCRIPTION;
}

bool event_is_everywhere(const struct story_event *event) {
        return event_pick(event, 1) % 3 == 0 &&
               (event->kind == EVENT_AWAY_500 || event->kind == EVENT_AWAY_503 ||
                event->kind == EVENT_THROTTLED);
}

char *event_subject(struct play *play, const struct story_event *event) {
        return play->subjects[event - play->story->events];
}

void event_take(struct play *play, const struct story_event *event, const char *id) {
        snprintf(event_subject(play, event), PLAY_ID_SIZE, "%s", id);
}

uint64_t event_pick(const struct story_event *event, unsigned question) {
        return sim_mix(event->pick, question);
}

int64_t event_step_ns(const struct story_event *event) {
        static const int64_t steps[] = {20,    50, 75, 600, 3600, 7200, 90000, 40 * SEC_PER_DAY,
                                        YEAR_S};

        return steps[event_pick(event, 1) % ARRAY_SIZE(steps)] * NSEC_PER_SEC;
}

/* The row of its kind, which is in one of the tables. */
static const struct event_script *script_of(enum event_kind kind) {
        static const struct event_script *const tables[] = {
                service_events, machine_events, policy_events,
                disk_events,    hand_events,    operator_events,
        };

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                if (tables[i][kind].begin)
                        return &tables[i][kind];
        abort();
}

bool event_begin(struct play *play, const struct story_event *event) {
        return script_of(event->kind)->begin(play, event);
}

void event_end(struct play *play, const struct story_event *event) {
        const struct event_script *script = script_of(event->kind);

        if (script->end)
                script->end(play, event);
}
