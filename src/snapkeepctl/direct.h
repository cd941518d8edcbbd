/*
 * direct: the verbs on Azure without the daemon: the engine in this process, which looks and plans and
 * does nothing, for one sweep of each subscription.
 */
#pragma once

#include "base/log.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "snapkeepctl/ctl.h"
#include "snapkeepd/host.h"

struct direct {
        struct host host;
        struct policy_file *file;
        struct engine *engine;
        struct log log;   /* the engine's: to people on stderr, and what to do goes by it */
        struct utc now;   /* when all was read */
        char problem[32]; /* class of the first failure, "" for none */
        bool no_token;
};

/*
 * Reads the policy of the request and then Azure. What is wrong has been said. Returns STATUS_DONE
 * also when a subscription could not be read: direct_end() is for that.
 */
enum status direct_open(const struct request *request, struct direct *direct);
void direct_close(struct direct *direct);

/*
 * The parts of it, for who reads the policy himself: @direct is zeroed, and file and host are there. The
 * engine logs to @ops, in place of stderr, and looks; then it may be asked more (engine/inquiry.h), and
 * direct_run() runs it until it has settled again.
 */
enum status direct_look(struct direct *direct, const struct log_ops *ops);
enum status direct_run(struct direct *direct);

/* Parts a message of the engine that says ", will go on trying", which this program does not: *ret_what
 * is how long that is which comes before, and returned what comes behind, ": WHY" or " (WHY)". Of
 * another message 0, and all of it. */
const char *direct_split(const char *message, size_t *ret_what);

/* Appends what to do where a subscription could not be read, @problem being the class of the failure as the
 * log has it; or where @tokenless got no token, if it is not NULL. */
void direct_append_remedy(const struct policy_cloud *cloud, const struct policy_identity *tokenless,
                          const char *problem, struct strbuf *out);

/* How many subscriptions could not be read; and whether none could, so that there is no answer. */
size_t direct_n_unread(const struct direct *direct);
bool direct_is_blind(const struct direct *direct);

/* Once the answer is written: says which subscriptions are not in it, and what to do. */
enum status direct_end(const struct direct *direct);
