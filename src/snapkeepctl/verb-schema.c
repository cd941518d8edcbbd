#include "config/policy_reader.h"
#include "snapkeepctl/output.h"

static enum status run(const struct request *request) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};

        config_schema(&out);
        if (out.len > 0 && out.data[out.len - 1] != '\n')
                strbuf_append_char(&out, '\n');
        return write_out(&out);
}

const struct verb verb_schema = {
        .name = "schema",
        .usage = "",
        .summary = "print the JSON Schema of the policy",
        .help = "Prints the JSON Schema (draft 2020-12) of the policy file, for editors. It\n"
                "tells shapes, words and ranges; all that it cannot say is checked by\n"
                "\"snapkeepctl check\".\n",
        .run = run,
};
