#include "snapkeepctl/input.h"

#include "base/str.h"
#include "base/zones.h"
#include "runtime/zoneinfo.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <string.h>

static enum status zone_read(struct zones *zones, const char *name, struct zone **ret_zone,
                             const char **ret_problem) {
        _cleanup_(freep) char *bytes = NULL;
        size_t len;
        int r;

        r = zones_read(zones, name, &bytes, &len);
        if (r == -EINVAL || r == -ENOENT) {
                *ret_problem = r == -EINVAL
                                       ? "is not an IANA name such as Europe/Stockholm"
                                       : "is not installed here; \"timedatectl list-timezones\" "
                                         "lists those that are";
                return STATUS_USAGE;
        }
        if (r < 0)
                return say_errno("read the time zone's file", r);

        r = zone_parse(bytes, len, name, ret_zone);
        if (r < 0)
                return say_errno("read the time zone's file", r);
        if (r > 0) {
                *ret_problem = zone_problem(r);
                return STATUS_USAGE;
        }
        return STATUS_DONE;
}

enum status zone_load(const char *name, struct zone **ret_zone, const char **ret_problem) {
        struct zones *zones;
        enum status status;
        int r;

        *ret_zone = NULL;
        if (!name || strcmp(name, "UTC") == 0)
                return STATUS_DONE;

        r = zoneinfo_new(NULL, &zones);
        if (r < 0)
                return say_errno("read the time zone's file", r);
        status = zone_read(zones, name, ret_zone, ret_problem);
        zoneinfo_free(zones);
        return status;
}

enum status zone_option(const char *name, struct zone **ret_zone) {
        const char *problem = NULL;
        enum status status;

        status = zone_load(name, ret_zone, &problem);
        if (status == STATUS_USAGE)
                say("--timezone %s: the time zone %s", name, problem);
        return status;
}

size_t time_fault(const char *text, size_t len) {
        static const char form[] = "dddd-dd-ddTdd:dd:dd", offset[] = "dd:dd";
        size_t i = 0;

        for (; i < sizeof(form) - 1; i++) {
                bool good = i < len && (form[i] == 'd'   ? ascii_is_digit(text[i])
                                        : form[i] == 'T' ? text[i] == 'T' || text[i] == 't'
                                                         : text[i] == form[i]);

                if (!good)
                        return i;
        }
        if (i < len && text[i] == '.') {
                i++;
                if (i >= len || !ascii_is_digit(text[i]))
                        return i;
                while (i < len && ascii_is_digit(text[i]))
                        i++;
        }
        if (i < len && (text[i] == 'Z' || text[i] == 'z'))
                return i + 1;
        if (i >= len || (text[i] != '+' && text[i] != '-'))
                return i;
        i++;
        for (size_t j = 0; j < sizeof(offset) - 1; j++, i++)
                if (i >= len ||
                    (offset[j] == 'd' ? !ascii_is_digit(text[i]) : text[i] != offset[j]))
                        return i;
        return i;
}

enum status time_option(const char *option, const char *text, struct utc *ret_time) {
        size_t len, fault;

        if (!text) {
                *ret_time = clock_now();
                return STATUS_DONE;
        }

        len = strlen(text);
        if (utc_parse(text, len, ret_time) == 0)
                return STATUS_DONE;

        fault = time_fault(text, len);
        if (fault == len && len >= 20)
                say_at(option, text, 0, "there is no such instant within the years 1 to 9999");
        else
                say_at(option, text, fault, "not an RFC 3339 instant such as 2026-11-23T02:30:00Z");
        return STATUS_USAGE;
}
