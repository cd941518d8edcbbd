#include "runtime/notify.h"

#include "base/strbuf.h"
#include "base/time.h"

#include <stdarg.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* A newline would end the assignment and begin another. Works on bytes: UTF-8's are all above. */
static void flatten(struct strbuf *s, size_t from) {
        for (size_t i = from; i < s->len; i++)
                if ((unsigned char)s->data[i] < ' ' || s->data[i] == 0x7f)
                        s->data[i] = ' ';
}

static void append_status(struct strbuf *s, const char *status) {
        size_t from;

        if (!status)
                return;
        strbuf_append_str(s, "\nSTATUS=");
        from = s->len;
        strbuf_append_str(s, status);
        flatten(s, from);
}

/* sd_notify() says 1 for sent and 0 for nobody to send to. */
static int send_and_free(struct strbuf *s) {
        int r = s->error;

        if (r == 0)
                r = sd_notify(/* unset_environment= */ 0, strbuf_str(s));
        strbuf_deinit(s);
        return r < 0 ? r : 0;
}

int notify_ready(const char *status) {
        struct strbuf s = {};

        strbuf_append_str(&s, "READY=1");
        append_status(&s, status);
        return send_and_free(&s);
}

int notify_reloading(void) {
        struct strbuf s = {};
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        strbuf_appendf(&s, "RELOADING=1\nMONOTONIC_USEC=%lld",
                       (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
        return send_and_free(&s);
}

int notify_stopping(const char *status) {
        struct strbuf s = {};

        strbuf_append_str(&s, "STOPPING=1");
        append_status(&s, status);
        return send_and_free(&s);
}

int notify_status(const char *format, ...) {
        struct strbuf s = {};
        va_list ap;
        size_t from;

        strbuf_append_str(&s, "STATUS=");
        from = s.len;
        va_start(ap, format);
        strbuf_vappendf(&s, format, ap);
        va_end(ap);
        flatten(&s, from);
        return send_and_free(&s);
}

int notify_watchdog(void) {
        int r = sd_notify(/* unset_environment= */ 0, "WATCHDOG=1");

        return r < 0 ? r : 0;
}

int64_t notify_watchdog_interval_ns(void) {
        uint64_t usec;

        if (sd_watchdog_enabled(/* unset_environment= */ 0, &usec) <= 0)
                return 0;
        if (usec > (uint64_t)(INT64_MAX / 1000))
                return 0;
        return (int64_t)usec * 1000;
}
