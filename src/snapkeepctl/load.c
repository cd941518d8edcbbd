#include "snapkeepctl/load.h"

#include "base/strbuf.h"
#include "snapkeepctl/output.h"

#include <string.h>

#define BAR_WIDTH 40

struct utc load_hour(const struct load *load, size_t hour) {
        return utc_add_seconds(load->begin, (int64_t)hour * SEC_PER_HOUR);
}

static uint64_t count_disks(const struct policy_file *file, const struct proofs *proofs,
                            size_t policy) {
        uint64_t n = proofs->policies[policy].disks;

        for (size_t i = 0; i < file->n_targets; i++)
                n += file->targets[i].policy == policy && file->targets[i].subscription;
        return n;
}

void load_make(const struct policy_file *file, const struct proofs *proofs, struct utc now,
               struct load *ret_load) {
        int64_t seconds = utc_seconds(now),
                since = ((seconds % SEC_PER_HOUR) + SEC_PER_HOUR) % SEC_PER_HOUR;
        struct load load = {.begin = utc_from_seconds(seconds - since)};
        struct utc end = load_hour(&load, LOAD_HOURS);

        for (size_t i = 0; i < file->n_policies; i++) {
                const struct policy *policy = &file->policies[i];
                uint64_t disks = count_disks(file, proofs, i);
                struct utc slot = utc_add_seconds(load.begin, -1);

                while (disks > 0 && schedule_next(&policy->schedule, policy->zone, slot, &slot) &&
                       slot.ticks < end.ticks)
                        load.creates[(utc_seconds(slot) - utc_seconds(load.begin)) /
                                     SEC_PER_HOUR] += disks;
        }
        *ret_load = load;
}

/* "14:00" of the hour's beginning. */
static const char *clock_text(struct utc time, bool in_utc, char buffer[static TIME_TEXT_SIZE]) {
        time_text(time, in_utc, buffer);
        memmove(buffer, buffer + sizeof("2026-11-23T") - 1, 5);
        buffer[5] = '\0';
        return buffer;
}

void load_chart(const struct load *load, bool in_utc, struct strbuf *out) {
        char begin[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE], first[TIME_TEXT_SIZE];
        uint64_t most = 1;

        for (size_t i = 0; i < LOAD_HOURS; i++)
                most = MAX(most, load->creates[i]);

        strbuf_appendf(out, "Creations in each hour from %s on, a match taken for one disk:\n",
                       time_text(load->begin, in_utc, first));
        for (size_t i = 0; i < LOAD_HOURS;) {
                uint64_t creates = load->creates[i];
                size_t next = i + 1;
                int bar = (int)((creates * BAR_WIDTH + most - 1) / most);

                while (next < LOAD_HOURS && load->creates[next] == creates)
                        next++;
                strbuf_appendf(out, "  %s-%s  %-*.*s  %llu\n",
                               clock_text(load_hour(load, i), in_utc, begin),
                               clock_text(load_hour(load, next), in_utc, end), BAR_WIDTH, bar,
                               "########################################",
                               (unsigned long long)creates);
                i = next;
        }
}
