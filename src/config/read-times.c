/*
 * Zones and calendar events. Zone files are read once for a policy file, whoever names them.
 */
#include "config/readers.h"

#include "config/tree.h"
#include "config/values.h"
#include "config/walk.h"

#include "base/str.h"
#include "base/zones.h"
#include "core/calendar.h"
#include "core/policy.h"
#include "core/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The zone of the name among those read already, or NULL. */
static const struct zone *find_zone(const struct policy_file *file, const char *name) {
        for (size_t i = 0; i < file->n_zones; i++)
                if (strcmp(zone_name(file->zones[i]), name) == 0)
                        return file->zones[i];
        return NULL;
}

/* Returns 0 with *ret_problem a sentence part when there is no such zone. */
static int load_zone(struct reader *reader, const char *name, const struct zone **ret_zone,
                     const char **ret_problem) {
        _cleanup_(freep) char *bytes = NULL;
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct policy_file *file = reader->file;
        struct zone **grown;
        size_t len = 0;
        int r;

        *ret_problem = NULL;
        *ret_zone = find_zone(file, name);
        if (*ret_zone)
                return 0;

        r = zones_read(reader->zones, name, &bytes, &len);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                *ret_problem = r == -EINVAL   ? "is not a time zone's name"
                               : r == -ENOENT ? "is not installed here"
                                              : "has a file that cannot be read";
                return 0;
        }
        r = zone_parse(bytes, len, name, &zone);
        if (r < 0)
                return r;
        if (r > 0) {
                *ret_problem = "has a file that is not a usable time zone";
                return 0;
        }

        grown = reallocarray(file->zones, file->n_zones + 1, sizeof(struct zone *));
        if (!grown)
                return -ENOMEM;
        file->zones = grown;
        file->zones[file->n_zones++] = zone;
        *ret_zone = take_ptr(zone);
        return 0;
}

int read_zone(struct reader *reader, const struct key *key, const struct node *node, void *object) {
        struct policy *policy = object;
        const struct zone *zone = NULL;
        char *name;
        const char *problem = NULL;
        bool is_text;
        int r;

        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;

        if (strcmp(node->text, "UTC") != 0) {
                r = load_zone(reader, node->text, &zone, &problem);
                if (r < 0)
                        return r;
                if (problem)
                        return value_complain(reader, key, node,
                                              str_equal_nocase(node->text, "UTC") ? "UTC" : NULL,
                                              problem);
        }
        name = strdup(node->text);
        if (!name)
                return -ENOMEM;
        free(policy->zone_name);
        policy->zone_name = name;
        policy->zone = zone;
        return 0;
}

/* Gives the calendar the zone its text ends with. Returns 0 with a problem when there is none. */
static int bind_zone(struct reader *reader, struct calendar *calendar, const char **ret_problem) {
        const char *name = calendar_zone_name(calendar);
        const struct zone *zone = NULL;
        int r;

        *ret_problem = NULL;
        if (!name || strcmp(name, "UTC") == 0)
                return 0;
        r = load_zone(reader, name, &zone, ret_problem);
        if (r == 0 && !*ret_problem)
                calendar_bind_zone(calendar, zone);
        return r;
}

int read_calendar(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        _cleanup_(calendar_freep) struct calendar *calendar = NULL;
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        struct schedule_item *item = object;
        const char *problem = NULL;
        bool is_text;
        int r;

        r = value_is_text(reader, key, node, &is_text);
        if (r < 0 || !is_text)
                return r;

        r = calendar_parse(node->text, node->len, &calendar, NULL, &problem);
        if (r < 0)
                return r;
        if (r > 0)
                return value_complain_because(reader, key, node, "is not a calendar event",
                                              problem);
        r = bind_zone(reader, calendar, &problem);
        if (r < 0)
                return r;
        if (problem) {
                strbuf_appendf(&text, "has a time zone that %s", problem);
                if (text.error)
                        return -ENOMEM;
                return value_complain(reader, key, node, NULL, strbuf_str(&text));
        }
        if (!calendar_elapses(calendar))
                return value_complain(reader, key, node, NULL,
                                      "never comes: there is no such date");
        item->calendar = take_ptr(calendar);
        return 0;
}
