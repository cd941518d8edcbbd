/*
 * Would --long-criteria tell? All that is counted is filled to its bound, then taken one below it, each
 * number by itself: kinds of faults, events, doubts and checks that somebody adds are in it by their enums.
 */
#include "story.h"

#include <stdio.h>
#include <string.h>

/* The bounds of a long run, once more: who changes one changes it here. */
static void fill(struct story_counts *counts) {
        *counts = (struct story_counts){.deletions = 1000000};
        for (int i = NETWORK_NO_FAULT + 1; i < _NETWORK_FAULT_N; i++)
                counts->faults[i] = 10000;
        for (int i = 0; i < _EVENT_N; i++)
                counts->events[i] = i < EVENT_ACK ? 10000 : 500;
        for (int i = 0; i < _SHAPE_N; i++)
                counts->shapes[i] = 1000;
        for (int i = 0; i < _DOUBT_N; i++)
                counts->doubts.begun[i] = counts->doubts.ended[i] = 500;
        for (int i = 0; i < _PROMISE_N; i++)
                counts->evaluated[i] = 100000;
}

/* One below its bound is too few of it, whichever it is. */
static bool bites(struct story_counts *counts, uint64_t *number, size_t n, size_t first) {
        for (size_t i = first; i < n; i++) {
                bool enough;

                number[i]--;
                enough = report_is_enough(counts, /* long_run= */ true);
                number[i]++;
                if (enough) {
                        printf("# number %zu is one too few, and that is enough\n", i);
                        return false;
                }
        }
        return true;
}

/* Every number of a run is in the sum. */
static bool adds_up(void) {
        struct story_counts one, sum = {};
        uint64_t numbers[sizeof(one) / sizeof(uint64_t)];

        _Static_assert(sizeof(one) == sizeof(numbers), "numbers alone");
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                numbers[i] = i + 1;
        memcpy(&one, numbers, sizeof(one));
        counts_add(&sum, &one);
        return memcmp(&sum, &one, sizeof(sum)) == 0;
}

static bool has_name(const char *name) {
        return name && strcmp(name, "?") != 0;
}

static bool all_have_names(void) {
        bool all = true;

        for (int i = NETWORK_NO_FAULT + 1; i < _NETWORK_FAULT_N; i++)
                all &= has_name(network_fault_name((enum network_fault)i));
        for (int i = 0; i < _EVENT_N; i++)
                all &= has_name(event_name((enum event_kind)i));
        for (int i = 0; i < _SHAPE_N; i++)
                all &= has_name(shape_name((enum story_shape)i));
        for (int i = 0; i < _PROMISE_N; i++)
                all &= has_name(promise_name((enum promise)i));
        return all;
}

int main(void) {
        struct story_counts counts;
        unsigned failed = 0, number = 0;

#define TELL(text, is_so)                                                                          \
        do {                                                                                       \
                bool ok_ = (is_so);                                                                \
                                                                                                   \
                failed += !ok_;                                                                    \
                printf("%sok %u - %s\n", ok_ ? "" : "not ", ++number, text);                       \
        } while (0)

        printf("1..10\n");
        fill(&counts);
        TELL("the bounds are enough", report_is_enough(&counts, /* long_run= */ true));
        TELL("a fault too few is not",
             bites(&counts, counts.faults, _NETWORK_FAULT_N, NETWORK_NO_FAULT + 1));
        TELL("nor an event", bites(&counts, counts.events, _EVENT_N, 0));
        TELL("nor a run of some shape", bites(&counts, counts.shapes, _SHAPE_N, 0));
        TELL("nor a doubt", bites(&counts, counts.doubts.begun, _DOUBT_N, 0));
        TELL("nor the end of one", bites(&counts, counts.doubts.ended, _DOUBT_N, 0));
        TELL("nor a check", bites(&counts, counts.evaluated, _PROMISE_N, 0));
        TELL("nor a deletion", bites(&counts, &counts.deletions, 1, 0));
        TELL("all of a run is in the sum of runs", adds_up());
        TELL("all that is counted has a name", all_have_names());
        return failed ? 1 : 0;
}
