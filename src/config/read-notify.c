/*
 * Reading notify: the heartbeat, and what it tells.
 */
#include "config/readers.h"
#include "config/tree.h"
#include "config/values.h"
#include "config/walk.h"
#include "core/policy.h"

int read_events(struct reader *reader, const struct key *key, const struct node *node,
                void *object) {
        struct policy_heartbeat *heartbeat = object;
        size_t index = 0;
        bool is_list;
        int r;

        r = value_is_list(reader, key, node, &is_list);
        if (r < 0 || !is_list)
                return r;
        for (const struct node *item = node->first; item; item = item->next, index++) {
                size_t mark = reader_enter_item(reader, index);
                int event = 0;

                r = item->kind == NODE_BROKEN ? 0 : read_word(reader, key, item, &event);
                if (r < 0)
                        return r;
                heartbeat->events |= (unsigned)event;
                reader_leave(reader, mark);
        }
        return 0;
}

int read_heartbeat(struct reader *reader, const struct key *key, const struct node *node,
                   void *object) {
        struct policy_heartbeat *heartbeat = &((struct policy_file *)object)->heartbeat;
        int r;

        r = read_map(reader, key, node, heartbeat);
        if (r == 0 && !node_get(node, "events"))
                heartbeat->events = HEARTBEAT_START | HEARTBEAT_OK | HEARTBEAT_FAIL;
        return r;
}
