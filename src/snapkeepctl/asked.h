/*
 * asked: what can be asked of the running daemon, or with --direct of an engine in this process: the
 * same answers either way, by the reading methods of snapkeepd/manager.h.
 */
#pragma once

#include "snapkeepctl/direct.h"
#include "snapkeepctl/remote.h"

struct asked {
        bool is_direct, in_utc;
        struct direct direct; /* or */
        struct remote remote;
};

/* With --direct reads Azure. What is wrong has been said. */
enum status asked_open(const struct request *request, struct asked *asked);
void asked_close(struct asked *asked);

/* Status, Plan, ListSeries, ListSnapshots or ListChains, with the method's arguments. */
enum status asked_json(struct asked *asked, enum manager_method method, const union bus_value *in,
                       struct cJSON **ret_json);
/* All pages of one of the lists without other arguments (remote.h, pages_read). */
enum status asked_list(struct asked *asked, enum manager_method method, const char *list,
                       struct cJSON **ret_json);

/* Whether nothing was read, so that there is no answer. @answer is Status' or Plan's, which have the
 * subscriptions. */
bool asked_is_blind(const struct cJSON *answer);
/* Once the answer is written: says what is not in it, and what of it is of long ago. */
enum status asked_end(const struct asked *asked, const struct cJSON *answer);
