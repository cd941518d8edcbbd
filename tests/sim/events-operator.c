/*
 * What an operator says to the daemons in a generated run, but for orders about snapshots (hands.c), and
 * what befalls what they are to go by.
 */
#include "play.h"

/* A generation that no target selects, of which there are some of ours. */
static bool retire(struct play *play, const struct story_event *event) {
        for (struct seen_chain *chain = play->rig.checks.chains; chain; chain = chain->next)
                if (chain->n > 0 &&
                    (!chain->disk || !intent_selects(&play->wants[0][0], chain->disk)) &&
                    rig_retire(event_node(play, event), &chain->generation))
                        return true;
        return false;
}

static bool break_invariant(struct play *play, const struct story_event *event) {
        const struct service_resource *disk =
                service_find(play->rig.service, play->disks[event_disk(play, event)]);

        if (!disk || !event_node(play, event)->engine)
                return false;
        rig_break_invariant(event_node(play, event), &disk->unique_id);
        return true;
}

static void restart(struct play *play, const struct story_event *event) {
        rig_kill(event_node(play, event), 5 * NSEC_PER_SEC);
}

static bool ack(struct play *play, const struct story_event *event) {
        return rig_ack_all(event_node(play, event)) > 0;
}

static bool pause_for(struct play *play, const struct story_event *event) {
        rig_pause(event_node(play, event), event->kind == EVENT_PAUSE_ALL,
                  event->length_s * NSEC_PER_SEC);
        return true;
}

static void unpause(struct play *play, const struct story_event *event) {
        rig_unpause(event_node(play, event));
}

static bool apply(struct play *play, const struct story_event *event) {
        return rig_apply(event_node(play, event));
}

static bool refuse_pruner(struct play *play, const struct story_event *event) {
        return play->story->wants[0].two_identities &&
               service_set_role(play->rig.service, RIG_PRUNER, SERVICE_ROLE_NONE) == 0;
}

static void allow_pruner(struct play *play, const struct story_event *event) {
        rig_must(service_set_role(play->rig.service, RIG_PRUNER, SERVICE_ROLE_PRUNER));
}

const struct event_script operator_events[_EVENT_N] = {
        [EVENT_ACK] = {.begin = ack},
        [EVENT_PAUSE] = {pause_for, unpause},
        [EVENT_PAUSE_ALL] = {pause_for, unpause},
        [EVENT_APPLY] = {.begin = apply},
        [EVENT_RETIRE] = {.begin = retire},
        [EVENT_INVARIANT] = {break_invariant, restart},
        [EVENT_PRUNER_REFUSED] = {refuse_pruner, allow_pruner},
};
