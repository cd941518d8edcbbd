/*
 * What befalls the machines of the daemons in a generated run: their clocks, processes and states.
 */
#include "play.h"

#include <errno.h>

#define FAILED_WRITES 1000

static bool step_clock(struct play *play, const struct story_event *event) {
        rig_step_clock(event_node(play, event), event->kind == EVENT_CLOCK_FORWARD
                                                        ? event_step_ns(event)
                                                        : -event_step_ns(event));
        return true;
}

static void right_clock(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        rig_step_clock(node, -sim_node_clock_error_ns(node->machine));
}

static bool suspend(struct play *play, const struct story_event *event) {
        rig_suspend(event_node(play, event));
        return true;
}

static void resume(struct play *play, const struct story_event *event) {
        rig_resume(event_node(play, event));
}

static bool kill_now(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        if (!node->engine)
                return false;
        rig_kill(node, event->length_s * NSEC_PER_SEC);
        return true;
}

static bool kill_at_request(struct play *play, const struct story_event *event) {
        struct rig *rig = &play->rig;

        rig->kill_at = network_requests(rig->network) + 1 + event_pick(event, 1) % 40;
        rig->kill_when =
                event->kind == EVENT_KILL_BEFORE ? NETWORK_BEFORE_EFFECT : NETWORK_AFTER_EFFECT;
        rig->kill_down_ns = event->length_s * NSEC_PER_SEC;
        return true;
}

static bool begin_state(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        if (event->kind == EVENT_STATE_LOST) {
                rig_lose_state(node);
                return true;
        }
        if (event->kind == EVENT_STATE_DAMAGED)
                return rig_damage_state(node, event_pick(event, 1));
        checks_state_lost(&play->rig.checks, node->number, /* certain= */ false, play_now(play));
        if (event->kind == EVENT_STATE_FAILS)
                sim_store_fail(node->store, FAILED_WRITES, -ENOSPC);
        else
                sim_store_tear_next(node->store);
        return true;
}

static void write_again(struct play *play, const struct story_event *event) {
        struct rig_node *node = event_node(play, event);

        sim_store_fail(node->store, 0, 0);
        checks_state_lost(&play->rig.checks, node->number, /* certain= */ false, play_now(play));
}

/* Deletions are paused without a state that could be read. */
static void resume_deletions(struct play *play, const struct story_event *event) {
        rig_unpause(event_node(play, event));
}

const struct event_script machine_events[_EVENT_N] = {
        [EVENT_CLOCK_FORWARD] = {step_clock, right_clock},
        [EVENT_CLOCK_BACK] = {step_clock, right_clock},
        [EVENT_SUSPEND] = {suspend, resume},
        [EVENT_KILL] = {.begin = kill_now},
        [EVENT_KILL_BEFORE] = {.begin = kill_at_request},
        [EVENT_KILL_AFTER] = {.begin = kill_at_request},
        [EVENT_STATE_LOST] = {.begin = begin_state},
        [EVENT_STATE_FAILS] = {begin_state, write_again},
        [EVENT_STATE_TORN] = {begin_state, write_again},
        [EVENT_STATE_DAMAGED] = {begin_state, resume_deletions},
};
