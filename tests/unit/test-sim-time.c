/*
 * Virtual time: what runs when, and what a node hears of its clock.
 */
#include "base/macros.h"
#include "sim/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define START_SECONDS INT64_C(1795392000)

static char trail[256]; /* what ran, a letter each */

static void note(const char *text) {
        strncat(trail, text, sizeof(trail) - strlen(trail) - 1);
}

struct probe {
        const char *name;
        struct reactor *reactor;
        struct reactor_source *source;
        enum reactor_reason last;
        unsigned runs;
        bool frees_itself;
};

static void on_probe(enum reactor_reason reason, void *data) {
        struct probe *probe = data;

        probe->last = reason;
        probe->runs++;
        note(probe->name);
        if (probe->frees_itself)
                probe->source = reactor_source_free(probe->reactor, probe->source);
}

struct fixture {
        struct sim *sim;
        struct sim_node *node;
        struct reactor *reactor;
        struct clock *clock;
        struct probe a, b;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){.a.name = "a", .b.name = "b"};
        trail[0] = '\0';
        assert_int_equal(sim_new(utc_from_seconds(START_SECONDS), &f.sim), 0);
        assert_int_equal(sim_node_new(f.sim, 1, 0, &f.node), 0);
        f.reactor = sim_node_reactor(f.node);
        f.clock = sim_node_clock(f.node);
        f.a.reactor = f.b.reactor = f.reactor;
        assert_int_equal(reactor_source_new(f.reactor, on_probe, &f.a, &f.a.source), 0);
        assert_int_equal(reactor_source_new(f.reactor, on_probe, &f.b, &f.b.source), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        f->a.source = reactor_source_free(f->reactor, f->a.source);
        f->b.source = reactor_source_free(f->reactor, f->b.source);
        assert_int_equal(sim_node_sources(f->node), 0);
        sim_node_free(f->node);
        sim_free(f->sim);
        return 0;
}

static struct mono at_s(int64_t seconds) {
        return (struct mono){seconds * NSEC_PER_SEC};
}

static void test_order(void **state) {
        struct fixture *f = *state;

        assert_int_equal(reactor_arm_mono(f->reactor, f->a.source, at_s(20)), 0);
        assert_int_equal(reactor_arm_mono(f->reactor, f->b.source, at_s(10)), 0);
        assert_int_equal(sim_next(f->sim).ns, at_s(10).ns);
        assert_int_equal(sim_run_until(f->sim, at_s(15)), 0);
        assert_string_equal(trail, "b");
        assert_int_equal(clock_mono(f->clock).ns, at_s(15).ns);
        assert_int_equal(sim_run_until(f->sim, at_s(30)), 0);
        assert_string_equal(trail, "ba");
        assert_int_equal(sim_next(f->sim).ns, MONO_NEVER.ns);
        assert_false(sim_step(f->sim));
}

/* In one instant, what was armed first runs first, whatever the addresses. */
static void test_same_instant(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 3; i++) {
                reactor_arm_mono(f->reactor, f->b.source, at_s(i));
                reactor_arm_mono(f->reactor, f->a.source, at_s(i));
                sim_run_until(f->sim, at_s(i));
        }
        reactor_arm_mono(f->reactor, f->b.source, at_s(9));
        reactor_arm_mono(f->reactor, f->a.source, at_s(9));
        reactor_arm_mono(f->reactor, f->b.source, at_s(9)); /* armed again: behind */
        sim_run_until(f->sim, at_s(9));
        assert_string_equal(trail, "bababaab");
}

static void test_schedule_counts_once(void **state) {
        struct fixture *f = *state;

        reactor_schedule(f->reactor, f->a.source);
        reactor_schedule(f->reactor, f->a.source);
        assert_int_equal(f->a.runs, 0); /* never from inside the call */
        assert_int_equal(sim_run_for(f->sim, 0), 0);
        assert_int_equal(f->a.runs, 1);
        assert_int_equal(f->a.last, REACTOR_SCHEDULED);
        reactor_arm_mono(f->reactor, f->a.source, (struct mono){-5}); /* passed: next turn */
        assert_int_equal(sim_run_for(f->sim, 0), 0);
        assert_int_equal(f->a.runs, 2);
        assert_int_equal(f->a.last, REACTOR_ELAPSED);
}

static void test_disarm_and_free(void **state) {
        struct fixture *f = *state;

        reactor_arm_mono(f->reactor, f->a.source, at_s(1));
        reactor_arm_mono(f->reactor, f->a.source, MONO_NEVER);
        f->b.frees_itself = true;
        reactor_arm_mono(f->reactor, f->b.source, at_s(1));
        reactor_arm_utc(f->reactor, f->b.source, utc_from_seconds(START_SECONDS + 2));
        sim_run_until(f->sim, at_s(5));
        assert_string_equal(trail, "b");
}

static void test_clock_steps(void **state) {
        struct fixture *f = *state;
        struct utc noon = utc_from_seconds(START_SECONDS + 100);

        assert_int_equal(utc_seconds(clock_utc(f->clock)), START_SECONDS);
        reactor_arm_utc(f->reactor, f->a.source, noon);
        reactor_arm_utc(f->reactor, f->b.source, UTC_NEVER);
        sim_run_until(f->sim, at_s(10));
        sim_node_step_clock(f->node, -50 * NSEC_PER_SEC);
        assert_string_equal(trail, "");
        sim_run_for(f->sim, 0);
        assert_string_equal(trail, "ab");
        assert_int_equal(f->a.last, REACTOR_CLOCK_CHANGED);
        assert_int_equal(f->b.last, REACTOR_CLOCK_CHANGED);
        assert_int_equal(utc_seconds(clock_utc(f->clock)), START_SECONDS - 40);
        assert_int_equal(utc_seconds(sim_true_utc(f->sim)), START_SECONDS + 10);

        /* Disarmed before the call: another step is not heard. */
        sim_node_step_clock(f->node, NSEC_PER_SEC);
        sim_run_for(f->sim, 0);
        assert_string_equal(trail, "ab");

        reactor_arm_utc(f->reactor, f->a.source, noon);
        sim_run_until(f->sim, at_s(148));
        assert_string_equal(trail, "ab");
        sim_run_until(f->sim, at_s(149));
        assert_string_equal(trail, "aba");
        assert_int_equal(f->a.last, REACTOR_ELAPSED);
        assert_int_equal(clock_utc(f->clock).ticks, noon.ticks);

        reactor_arm_utc(f->reactor, f->a.source, utc_from_seconds(UTC_MAX_SECONDS));
        reactor_arm_utc(f->reactor, f->b.source, UTC_NONE);
        sim_node_step_clock(f->node, NSEC_PER_SEC);
        sim_run_for(f->sim, 0);
        assert_string_equal(trail, "abaa");
}

static void test_suspend(void **state) {
        struct fixture *f = *state;

        reactor_arm_mono(f->reactor, f->a.source, at_s(10));
        reactor_arm_utc(f->reactor, f->b.source, UTC_NEVER);
        sim_node_suspend(f->node);
        sim_run_until(f->sim, at_s(60));
        assert_string_equal(trail, "");
        sim_node_resume(f->node);
        sim_run_for(f->sim, 0);
        assert_string_equal(trail, "ba");
        assert_int_equal(f->b.last, REACTOR_CLOCK_CHANGED);
        assert_int_equal(clock_mono(f->clock).ns, at_s(60).ns); /* boot time goes on */

        /* Parked and then freed: nothing runs. */
        reactor_arm_mono(f->reactor, f->a.source, at_s(61));
        sim_node_suspend(f->node);
        sim_run_until(f->sim, at_s(62));
        f->a.source = reactor_source_free(f->reactor, f->a.source);
        sim_node_resume(f->node);
        sim_run_for(f->sim, 0);
        assert_string_equal(trail, "ba");
}

static void on_forever(enum reactor_reason reason, void *data) {
        struct probe *probe = data;

        reactor_schedule(probe->reactor, probe->source);
}

static void test_livelock(void **state) {
        struct fixture *f = *state;
        struct probe forever = {.reactor = f->reactor};

        assert_int_equal(reactor_source_new(f->reactor, on_forever, &forever, &forever.source), 0);
        reactor_schedule(f->reactor, forever.source);
        assert_int_equal(sim_run_for(f->sim, NSEC_PER_SEC), SIM_E_LIVELOCK);
        reactor_source_free(f->reactor, forever.source);
}

struct many {
        struct sim_event event;
        int64_t due_ns;
        struct sim *sim;
        int64_t *last_ns;
};

static void on_many(void *data) {
        struct many *many = data;

        assert_int_equal(sim_mono(many->sim).ns, many->due_ns);
        assert_true(*many->last_ns <= many->due_ns);
        *many->last_ns = many->due_ns;
        many->due_ns = -1;
}

/* The heap against its own law, with every third event taken out again. */
static void test_heap(void **state) {
        enum {
                N = 3000
        };
        static struct many many[N];
        struct fixture *f = *state;
        int64_t last_ns = 0;
        uint32_t x = 12345;

        for (int i = 0; i < N; i++) {
                x = x * 1664525 + 1013904223;
                many[i].due_ns = x >> 12;
                many[i].sim = f->sim;
                many[i].last_ns = &last_ns;
                sim_event_init(&many[i].event, NULL, on_many, &many[i]);
                assert_int_equal(
                        sim_event_arm(f->sim, &many[i].event, (struct mono){many[i].due_ns}), 0);
        }
        for (int i = 0; i < N; i += 3)
                sim_event_disarm(f->sim, &many[i].event);
        assert_int_equal(sim_run_until(f->sim, at_s(1)), 0);
        for (int i = 0; i < N; i++)
                assert_int_equal(many[i].due_ns == -1, i % 3 != 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_same_instant, setup, teardown),
                cmocka_unit_test_setup_teardown(test_schedule_counts_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_disarm_and_free, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock_steps, setup, teardown),
                cmocka_unit_test_setup_teardown(test_suspend, setup, teardown),
                cmocka_unit_test_setup_teardown(test_livelock, setup, teardown),
                cmocka_unit_test_setup_teardown(test_heap, setup, teardown),
        };

        return cmocka_run_group_tests_name("sim-time", tests, NULL, NULL);
}
