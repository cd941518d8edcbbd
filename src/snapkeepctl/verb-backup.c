/*
 * snapkeepctl backup: an order to the running daemon for one snapshot now, whose end is waited for.
 */
#include "base/duration.h"
#include "base/macros.h"
#include "snapkeepctl/order.h"
#include "snapkeepctl/output.h"

#include <string.h>

/* DESIGN section 7. */
#define KEEP_DEFAULT "30d"

static enum status run_backup(const struct request *request) {
        const char *keep = request->keep ?: KEEP_DEFAULT;
        union bus_value in[] = {{.string = request->argument},
                                {.number = 0},
                                {.string = request->reason ?: "no reason was given"},
                                {.string = request->under ?: ""}};
        int64_t keep_s;
        int r;

        r = duration_parse(keep, strlen(keep), &keep_s);
        if (r != 0) {
                say("--keep %s: this %s; expected is a time as 12h or 30d", keep,
                    duration_problem(r));
                return STATUS_USAGE;
        }
        in[1].number = (uint64_t)keep_s;
        return order_and_wait(request, MANAGER_BACKUP, in);
}

const struct verb verb_backup = {
        .name = "backup",
        .usage = "DISK [--keep TIME] [--reason TEXT] [--under POLICY]",
        .summary = "take a snapshot of a disk now",
        .help = "Takes one snapshot beside the schedule, and returns when it is complete;\n"
                "until then it says how it gets on. It fills no slot, counts for nothing in\n"
                "the rule, and goes by its own date: after TIME, from an hour to ten years,\n"
                "as 12h, 30d or 4w (30d otherwise). Floors, holds, doubts and pauses hold\n"
                "back its deletion like any other. DISK is a name, GROUP/NAME or a whole ARM\n"
                "id, of a disk that the policy selects. Refused is what would leave the\n"
                "schedule no room: the disk's fifth in five minutes, or the 501st of its\n"
                "chain. Interrupted, it goes on in the daemon.\n",
        .options = OPTION_KEEP | OPTION_REASON | OPTION_UNDER,
        .argument = "DISK",
        .argument_required = true,
        .orders = true,
        .run = run_backup,
};
