/*
 * snapkeepctl hold, release, adopt: orders to the running daemon that take requests to Azure. They are given,
 * and then their end is waited for.
 */
#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/order.h"
#include "snapkeepctl/output.h"

static enum status run_hold(const struct request *request) {
        const union bus_value in[] = {{.string = request->argument}, {.string = request->reason}};

        if (!request->reason) {
                say("hold needs --reason TEXT: whoever finds the hold later is to know why");
                return STATUS_USAGE;
        }
        return order_and_wait(request, MANAGER_HOLD, in);
}

const struct verb verb_hold = {
        .name = "hold",
        .usage = "SNAPSHOT --reason TEXT",
        .summary = "keep a snapshot until it is released",
        .help = "Sets the tag snapkeep-hold with the reason on a snapshot of ours: it is not\n"
                "deleted until it is released, whatever the rule says. SNAPSHOT is a name,\n"
                "GROUP/NAME or a whole ARM id. Returns when Azure shows the hold, and half a\n"
                "minute later still: by then what had looked before has deleted it or not. A\n"
                "snapshot whose deletion is on its way is refused. A hold is a convention\n"
                "between people and Snapkeep; a resource lock is a guarantee.\n",
        .options = OPTION_REASON,
        .argument = "SNAPSHOT",
        .argument_required = true,
        .orders = true,
        .run = run_hold,
};

static enum status run_release(const struct request *request) {
        const union bus_value in[] = {{.string = request->argument}};

        return order_and_wait(request, MANAGER_RELEASE, in);
}

const struct verb verb_release = {
        .name = "release",
        .usage = "SNAPSHOT",
        .summary = "end the hold of a snapshot",
        .help = "Takes the tag snapkeep-hold from a snapshot of ours, whoever set it, and\n"
                "returns when Azure shows it without. It goes when the rule no longer keeps\n"
                "it. Locks and open exports are not ended by it.\n",
        .argument = "SNAPSHOT",
        .argument_required = true,
        .orders = true,
        .run = run_release,
};

static enum status run_adopt(const struct request *request) {
        return orders_and_wait(request, MANAGER_ADOPT, request->under ?: "",
                               "The rule decides from now on, and may let an old one go within "
                               "minutes; \"snapkeepctl hold\" keeps it.\n");
}

const struct verb verb_adopt = {
        .name = "adopt",
        .usage = "SNAPSHOT... [--under POLICY]",
        .summary = "make snapshots of others ours",
        .help = "Gives each snapshot our tags, so that it counts among ours of its disk under\n"
                "the policy that selects the disk: for the instant at which it was taken.\n"
                "From then on the rule decides about it, and an old one may be deleted within\n"
                "minutes; \"snapkeepctl hold\" keeps it. With \"snapkeepctl pause --prune\"\n"
                "before there is time for that. SNAPSHOT is a name, GROUP/NAME or a whole ARM\n"
                "id. Refused is what cannot be ours: a full snapshot, one that is not\n"
                "complete, one of another generation or of a disk that nothing selects, one\n"
                "outside of the policy's snapshot_group, one with another's owner tag, and\n"
                "what is ours already. Tags that it has stay.\n",
        .options = OPTION_UNDER,
        .argument = "SNAPSHOT",
        .argument_required = true,
        .arguments_many = true,
        .orders = true,
        .run = run_adopt,
};
