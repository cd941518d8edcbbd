/*
 * What the daemon says of orders that it was given.
 */
#include "snapkeepd/answers.h"

bool answer_order(const struct answer_source *source, const char *id, struct strbuf *out) {
        struct json_writer w = {.out = out};
        char text[RESOURCE_ID_TEXT_SIZE];
        struct engine_order order;

        if (!engine_order(source->engine, id, &order))
                return false;
        json_open(&w, NULL, '{');
        json_write_int(&w, "version", 1);
        json_write_string(&w, "order", order.id);
        json_write_string(&w, "kind", order_kind_name(order.kind));
        json_write_string(&w, "state", order_state_name(order.state));
        json_write_string(&w, "snapshot", resource_id_format(&order.snapshot, text));
        json_write_string(&w, "text", order.text);
        json_write_utc(&w, "since", order.since);
        json_close(&w);
        return true;
}
