/*
 * Virtual time: a binary heap of events, and per node a clock and a reactor over it.
 */
#include "sim/time.h"

#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* The keys are beside the pointer, so that ordering the heap touches no event. */
struct heap_item {
        int64_t at_ns;
        uint64_t sequence;
        struct sim_event *event;
};

struct sim {
        struct utc true_start;
        int64_t now_ns;
        uint64_t sequence, events;
        struct heap_item *heap;
        size_t n_heap, heap_capacity;
};

/* Chosen: ten sources for each of a million disks. */
#define SIM_HEAP_MAX 10000000

struct reactor_source {
        struct sim_node *node;
        reactor_fn fn;
        void *data;
        struct sim_event scheduled, mono, utc;
        bool utc_armed;     /* also while it waits for steps alone */
        bool clock_changed; /* the armed utc event tells of a step */
        struct reactor_source *previous, *next;
};

struct sim_node {
        struct clock clock;
        struct reactor reactor;
        struct sim *sim;
        unsigned number;
        int64_t wall_offset_ns;
        bool suspended;
        struct sim_event **parked; /* in the order they came due */
        size_t n_parked, parked_capacity;
        struct reactor_source *sources; /* in the order of creation */
        struct reactor_source *last_source;
        size_t n_sources;
};

static bool item_before(const struct heap_item *a, const struct heap_item *b) {
        return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void heap_put(struct sim *sim, size_t index, struct heap_item item) {
        sim->heap[index] = item;
        item.event->slot = index + 1;
}

static void heap_up(struct sim *sim, size_t index) {
        struct heap_item item = sim->heap[index];

        while (index > 0) {
                size_t parent = (index - 1) / 2;

                if (!item_before(&item, &sim->heap[parent]))
                        break;
                heap_put(sim, index, sim->heap[parent]);
                index = parent;
        }
        heap_put(sim, index, item);
}

static void heap_down(struct sim *sim, size_t index) {
        struct heap_item item = sim->heap[index];

        for (;;) {
                size_t child = index * 2 + 1;

                if (child >= sim->n_heap)
                        break;
                if (child + 1 < sim->n_heap &&
                    item_before(&sim->heap[child + 1], &sim->heap[child]))
                        child++;
                if (!item_before(&sim->heap[child], &item))
                        break;
                heap_put(sim, index, sim->heap[child]);
                index = child;
        }
        heap_put(sim, index, item);
}

static void heap_remove(struct sim *sim, struct sim_event *event) {
        size_t index = event->slot - 1;

        event->slot = 0;
        sim->n_heap--;
        if (index == sim->n_heap)
                return;

        heap_put(sim, index, sim->heap[sim->n_heap]);
        heap_up(sim, index);
        heap_down(sim, sim->heap[index].event->slot - 1);
}

static void event_unpark(struct sim_event *event) {
        struct sim_node *node = event->node;

        for (size_t i = 0; i < node->n_parked; i++) {
                if (node->parked[i] != event)
                        continue;
                memmove(node->parked + i, node->parked + i + 1,
                        (node->n_parked - i - 1) * sizeof(*node->parked));
                node->n_parked--;
                break;
        }
        event->parked = false;
}

int sim_new(struct utc true_start, struct sim **ret_sim) {
        struct sim *sim;

        sim = calloc(1, sizeof(*sim));
        if (!sim)
                return -ENOMEM;

        sim->true_start = true_start;
        *ret_sim = sim;
        return 0;
}

struct sim *sim_free(struct sim *sim) {
        if (!sim)
                return NULL;

        free(sim->heap);
        free(sim);
        return NULL;
}

struct mono sim_mono(const struct sim *sim) {
        return (struct mono){sim->now_ns};
}

struct utc sim_true_utc(const struct sim *sim) {
        return (struct utc){sim->true_start.ticks + sim->now_ns / NSEC_PER_TICK};
}

struct mono sim_next(const struct sim *sim) {
        return sim->n_heap > 0 ? (struct mono){sim->heap[0].at_ns} : MONO_NEVER;
}

uint64_t sim_events(const struct sim *sim) {
        return sim->events;
}

/* An event of a suspended node waits. Without memory to note that, it runs: a simulation that is
 * short of memory is over anyway, and losing the event would look like an engine that hangs. */
static bool event_park(struct sim_event *event) {
        struct sim_node *node = event->node;
        int r;

        if (!node || !node->suspended)
                return false;

        r = array_grow(&node->parked, node->n_parked, &node->parked_capacity, sizeof(*node->parked),
                       SIM_HEAP_MAX);
        if (r < 0)
                return false;

        node->parked[node->n_parked++] = event;
        event->parked = true;
        return true;
}

bool sim_step(struct sim *sim) {
        struct sim_event *event;

        if (sim->n_heap == 0)
                return false;

        event = sim->heap[0].event;
        sim->now_ns = sim->heap[0].at_ns;
        sim->events++;
        heap_remove(sim, event);
        if (!event_park(event))
                event->fn(event->data);
        return true;
}

int sim_run_until(struct sim *sim, struct mono until) {
        unsigned at_once = 0;

        while (sim->n_heap > 0 && sim->heap[0].at_ns <= until.ns) {
                int64_t before_ns = sim->now_ns;

                sim_step(sim);
                at_once = sim->now_ns == before_ns ? at_once + 1 : 0;
                if (at_once > SIM_EVENTS_AT_ONCE_MAX)
                        return SIM_E_LIVELOCK;
        }
        if (until.ns != MONO_NEVER.ns)
                sim->now_ns = MAX(sim->now_ns, until.ns);
        return 0;
}

int sim_run_for(struct sim *sim, int64_t ns) {
        return sim_run_until(sim, mono_add_ns(sim_mono(sim), ns));
}

void sim_event_init(struct sim_event *event, struct sim_node *node, sim_event_fn fn, void *data) {
        *event = (struct sim_event){.fn = fn, .data = data, .node = node};
}

int sim_event_arm(struct sim *sim, struct sim_event *event, struct mono at) {
        int r;

        sim_event_disarm(sim, event);
        if (at.ns == MONO_NEVER.ns)
                return 0;

        r = array_grow(&sim->heap, sim->n_heap, &sim->heap_capacity, sizeof(*sim->heap),
                       SIM_HEAP_MAX);
        if (r < 0)
                return r;

        event->at_ns = MAX(at.ns, sim->now_ns);
        event->sequence = sim->sequence++;
        sim->n_heap++;
        heap_put(sim, sim->n_heap - 1, (struct heap_item){event->at_ns, event->sequence, event});
        heap_up(sim, sim->n_heap - 1);
        return 0;
}

void sim_event_disarm(struct sim *sim, struct sim_event *event) {
        if (event->slot > 0)
                heap_remove(sim, event);
        if (event->parked)
                event_unpark(event);
}

bool sim_event_is_armed(const struct sim_event *event) {
        return event->slot > 0 || event->parked;
}

/* The node's clock. */

static struct mono node_mono(struct clock *clock) {
        struct sim_node *node = container_of(clock, struct sim_node, clock);

        return sim_mono(node->sim);
}

static struct utc node_utc(struct clock *clock) {
        struct sim_node *node = container_of(clock, struct sim_node, clock);
        int64_t ns = node->sim->now_ns + node->wall_offset_ns;
        int64_t ticks = ns / NSEC_PER_TICK;

        if (ns % NSEC_PER_TICK < 0)
                ticks--;
        return (struct utc){node->sim->true_start.ticks + ticks};
}

/* The instant at which the node's wall clock will show @deadline. */
static struct mono node_mono_of(const struct sim_node *node, struct utc deadline) {
        int64_t ticks, ns;

        if (__builtin_sub_overflow(deadline.ticks, node->sim->true_start.ticks, &ticks))
                return MONO_NEVER;
        if (__builtin_mul_overflow(ticks, NSEC_PER_TICK, &ns) ||
            __builtin_sub_overflow(ns, node->wall_offset_ns, &ns))
                return ticks < 0 ? (struct mono){0} : MONO_NEVER;
        return (struct mono){ns};
}

/* The node's reactor. */

static void source_run_scheduled(void *data) {
        struct reactor_source *source = data;

        source->fn(REACTOR_SCHEDULED, source->data);
}

static void source_run_mono(void *data) {
        struct reactor_source *source = data;

        source->fn(REACTOR_ELAPSED, source->data);
}

static void source_run_utc(void *data) {
        struct reactor_source *source = data;
        enum reactor_reason reason;

        reason = source->clock_changed ? REACTOR_CLOCK_CHANGED : REACTOR_ELAPSED;
        source->utc_armed = false;
        source->clock_changed = false;
        source->fn(reason, source->data);
}

static int source_new(struct reactor *reactor, reactor_fn fn, void *data,
                      struct reactor_source **ret_source) {
        struct sim_node *node = container_of(reactor, struct sim_node, reactor);
        struct reactor_source *source;

        source = calloc(1, sizeof(*source));
        if (!source)
                return -ENOMEM;

        *source = (struct reactor_source){.node = node, .fn = fn, .data = data};
        sim_event_init(&source->scheduled, node, source_run_scheduled, source);
        sim_event_init(&source->mono, node, source_run_mono, source);
        sim_event_init(&source->utc, node, source_run_utc, source);
        source->previous = node->last_source;
        if (source->previous)
                source->previous->next = source;
        else
                node->sources = source;
        node->last_source = source;
        node->n_sources++;

        *ret_source = source;
        return 0;
}

static void source_free(struct reactor *reactor, struct reactor_source *source) {
        struct sim_node *node = source->node;

        assert(reactor == &node->reactor);
        sim_event_disarm(node->sim, &source->scheduled);
        sim_event_disarm(node->sim, &source->mono);
        sim_event_disarm(node->sim, &source->utc);
        if (source->previous)
                source->previous->next = source->next;
        else
                node->sources = source->next;
        if (source->next)
                source->next->previous = source->previous;
        else
                node->last_source = source->previous;
        node->n_sources--;
        free(source);
}

static void source_schedule(struct reactor *reactor, struct reactor_source *source) {
        struct sim *sim = source->node->sim;

        if (sim_event_is_armed(&source->scheduled))
                return;

        /* The interface has no failure here, as a loop's own queue has none. */
        if (sim_event_arm(sim, &source->scheduled, sim_mono(sim)) < 0)
                abort();
}

static int source_arm_mono(struct reactor *reactor, struct reactor_source *source,
                           struct mono deadline) {
        return sim_event_arm(source->node->sim, &source->mono, deadline);
}

static int source_arm_utc(struct reactor *reactor, struct reactor_source *source,
                          struct utc deadline) {
        struct sim_node *node = source->node;

        source->clock_changed = false;
        source->utc_armed = utc_is_set(deadline);
        if (!source->utc_armed || deadline.ticks == UTC_NEVER.ticks) {
                sim_event_disarm(node->sim, &source->utc);
                return 0;
        }
        return sim_event_arm(node->sim, &source->utc, node_mono_of(node, deadline));
}

int sim_node_new(struct sim *sim, unsigned number, int64_t wall_offset_ns,
                 struct sim_node **ret_node) {
        static const struct clock_ops clock_ops = {.mono = node_mono, .utc = node_utc};
        static const struct reactor_ops reactor_ops = {
                .source_new = source_new,
                .source_free = source_free,
                .schedule = source_schedule,
                .arm_mono = source_arm_mono,
                .arm_utc = source_arm_utc,
        };
        struct sim_node *node;

        node = calloc(1, sizeof(*node));
        if (!node)
                return -ENOMEM;

        node->clock.ops = &clock_ops;
        node->reactor.ops = &reactor_ops;
        node->sim = sim;
        node->number = number;
        node->wall_offset_ns = wall_offset_ns;
        *ret_node = node;
        return 0;
}

struct sim_node *sim_node_free(struct sim_node *node) {
        if (!node)
                return NULL;

        while (node->sources)
                source_free(&node->reactor, node->sources);
        assert(node->n_parked == 0);
        free(node->parked);
        free(node);
        return NULL;
}

struct clock *sim_node_clock(struct sim_node *node) {
        return &node->clock;
}

struct reactor *sim_node_reactor(struct sim_node *node) {
        return &node->reactor;
}

struct sim *sim_node_sim(const struct sim_node *node) {
        return node->sim;
}

unsigned sim_node_number(const struct sim_node *node) {
        return node->number;
}

static void node_tell_clock_changed(struct sim_node *node) {
        struct sim *sim = node->sim;

        for (struct reactor_source *source = node->sources; source; source = source->next) {
                if (!source->utc_armed)
                        continue;
                source->clock_changed = true;
                if (sim_event_arm(sim, &source->utc, sim_mono(sim)) < 0)
                        abort();
        }
}

void sim_node_step_clock(struct sim_node *node, int64_t ns) {
        node->wall_offset_ns += ns;
        node_tell_clock_changed(node);
}

int64_t sim_node_clock_error_ns(const struct sim_node *node) {
        return node->wall_offset_ns;
}

void sim_node_suspend(struct sim_node *node) {
        node->suspended = true;
}

void sim_node_resume(struct sim_node *node) {
        struct sim *sim = node->sim;

        if (!node->suspended)
                return;

        node->suspended = false;
        node_tell_clock_changed(node);
        while (node->n_parked > 0) {
                struct sim_event *event = node->parked[0];

                if (sim_event_arm(sim, event, sim_mono(sim)) < 0)
                        abort();
        }
}

bool sim_node_is_suspended(const struct sim_node *node) {
        return node->suspended;
}

size_t sim_node_sources(const struct sim_node *node) {
        return node->n_sources;
}
