#include "snapkeepctl/rows-show.h"

#include "snapkeepctl/output.h"
#include "snapkeepctl/remote.h"

#include <string.h>

const char *row_goes_text(const struct cJSON *row, const struct cJSON *answer, bool in_utc,
                          char *buffer) {
        const char *goes = json_text(row, "goes"), *now = json_text(answer, "now");
        struct utc goes_at, now_at;

        if (strcmp(json_text(row, "state"), "leaving") == 0)
                return strcpy(buffer, "now");
        if (!*goes)
                return strcpy(buffer,
                              strcmp(json_text(row, "state"), "underway") == 0 ? "-" : "never");
        if (utc_parse(goes, strlen(goes), &goes_at) == 0 &&
            utc_parse(now, strlen(now), &now_at) == 0 && goes_at.ticks <= now_at.ticks)
                return strcpy(buffer, "now");
        return json_time_text(row, "goes", in_utc, buffer);
}

void append_kept_by(struct strbuf *out, const struct cJSON *row) {
        const struct cJSON *parts = json_array(row, "kept_by"), *part;
        const char *hold = json_text(row, "hold"), *separator = "";

        if (*hold) {
                strbuf_appendf(out, "held: %s", hold);
                separator = ", ";
        }
        for (part = json_first(parts); part; part = json_next(part)) {
                const char *text = json_value_text(part);

                if (*hold && strcmp(text, "held") == 0)
                        continue;
                strbuf_appendf(out, "%s%s", separator, text);
                separator = ", ";
        }
}

void append_short_id(struct strbuf *out, const char *id) {
        static const char groups[] = "/resourceGroups/";
        const char *group = strstr(id, groups), *slash = strrchr(id, '/');

        if (group) {
                group += strlen(groups);
                append_clean(out, group, strcspn(group, "/"));
                strbuf_append_char(out, '/');
        }
        id = slash ? slash + 1 : id;
        append_clean(out, id, strlen(id));
}

void append_findings(struct strbuf *out, const struct cJSON *answer_status) {
        const struct cJSON *finding = json_first(json_array(answer_status, "findings"));

        for (; finding; finding = json_next(finding)) {
                const char *text = json_text(finding, "text");

                strbuf_append_str(out, "Notice: ");
                append_clean(out, text, strlen(text));
                strbuf_append_char(out, '\n');
        }
}
