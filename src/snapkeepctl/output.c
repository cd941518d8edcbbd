#include "snapkeepctl/output.h"

#include "base/json_writer.h"
#include "base/str.h"
#include "config/diagnostics.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

/* Chosen: large enough that writes are few, small beside what a listing takes. */
#define WRITE_SOME_BYTES (256U << 10)
/* Chosen: what of a long text is shown before and behind the place it is about. */
#define SHOWN_BEFORE 50
#define SHOWN_BEHIND 25

void append_clean(struct strbuf *out, const char *text, size_t len) {
        for (size_t i = 0; i < len;) {
                size_t n = str_shown_bytes(text + i, len - i);

                if (n > 0)
                        strbuf_append(out, text + i, n);
                else
                        strbuf_append_char(out, '?');
                i += MAX(n, (size_t)1);
        }
}

static size_t count_characters(const char *text, size_t len) {
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
                n += ((unsigned char)text[i] & 0xc0) != 0x80;
        return n;
}

/* libc knows widths by a locale of UTF-8 alone. The program's stays "C", by which all else is written, and
 * whatever the environment says: C.UTF-8 comes with Debian's libc-bin, and where it lacks each character
 * counts as one column. */
static int character_width(wchar_t character) {
        static locale_t utf8;
        locale_t before;
        int width;

        if (character < 0x300)
                return 1;
        if (!utf8)
                utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        if (!utf8)
                return 1;
        before = uselocale(utf8);
        width = wcwidth(character);
        uselocale(before);
        return width < 0 ? 1 : width;
}

size_t clean_width(const char *text, size_t len) {
        size_t width = 0;

        for (size_t i = 0; i < len;) {
                unsigned char first = (unsigned char)text[i++];
                wchar_t character =
                        first < 0xc0 ? first : first & (0x3f >> (first >= 0xe0) >> (first >= 0xf0));

                while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
                        character = character << 6 | ((unsigned char)text[i++] & 0x3f);
                width += (size_t)character_width(character);
        }
        return width;
}

void say(const char *format, ...) {
        _cleanup_(strbuf_deinit) struct strbuf raw = {}, clean = {};
        va_list ap;

        va_start(ap, format);
        strbuf_vappendf(&raw, format, ap);
        va_end(ap);
        append_clean(&clean, strbuf_str(&raw), raw.len);
        fprintf(stderr, "snapkeepctl: %s\n", clean.error ? "out of memory" : strbuf_str(&clean));
}

enum status say_errno(const char *what, int r) {
        say("cannot %s: %s", what, strerrordesc_np(r < 0 ? -r : r) ?: "unknown error");
        return STATUS_TROUBLE;
}

void say_diagnostics(const struct diagnostics *diagnostics) {
        _cleanup_(strbuf_deinit) struct strbuf text = {}, clean = {};

        diagnostics_format(diagnostics, &text);
        for (const char *line = strbuf_str(&text); *line;) {
                size_t len = strcspn(line, "\n");

                append_clean(&clean, line, len);
                strbuf_append_char(&clean, '\n');
                line += len + (line[len] == '\n');
        }
        if (text.error || clean.error)
                say("out of memory");
        fputs(strbuf_str(&clean), stderr);
}

void say_at(const char *what, const char *text, size_t position, const char *message) {
        _cleanup_(strbuf_deinit) struct strbuf shown = {};
        size_t len = strlen(text), begin = position > SHOWN_BEFORE ? position - SHOWN_BEFORE : 0;
        size_t end = MIN(len, position + SHOWN_BEHIND), before;

        /* Not in the middle of a character. */
        while (begin > 0 && ((unsigned char)text[begin] & 0xc0) == 0x80)
                begin--;
        while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
                end++;

        if (begin > 0)
                strbuf_append_str(&shown, "...");
        append_clean(&shown, text + begin, position - begin);
        before = clean_width(strbuf_str(&shown), shown.len);
        append_clean(&shown, text + position, end - position);
        if (end < len)
                strbuf_append_str(&shown, "...");

        say("%s, character %zu: %s", what, count_characters(text, position) + 1, message);
        if (!shown.error)
                fprintf(stderr, "    %s\n    %*s^\n", strbuf_str(&shown), (int)before, "");
}

static enum status write_all(const char *bytes, size_t len) {
        while (len > 0) {
                ssize_t n = write(STDOUT_FILENO, bytes, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        if (errno != EPIPE)
                                say_errno("write to standard output", -errno);
                        return STATUS_TROUBLE;
                }
                bytes += n;
                len -= (size_t)n;
        }
        return STATUS_DONE;
}

enum status write_out(struct strbuf *text) {
        enum status status;

        if (text->error)
                return say_errno("write the answer", text->error);
        status = write_all(strbuf_str(text), text->len);
        strbuf_clear(text);
        return status;
}

enum status write_some(struct strbuf *text) {
        return text->error || text->len >= WRITE_SOME_BYTES ? write_out(text) : STATUS_DONE;
}

enum status close_out(void) {
        if (close(STDOUT_FILENO) < 0 && errno != EINTR)
                return say_errno("write to standard output", -errno);
        return STATUS_DONE;
}

size_t terminal_width(void) {
        struct winsize size;

        if (!isatty(STDOUT_FILENO))
                return 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return 80;
        return size.ws_col;
}

bool terminal_is_fancy(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
               strcmp(term, "dumb") != 0;
}

struct utc clock_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (struct utc){(int64_t)now.tv_sec * TICKS_PER_SEC + now.tv_nsec / NSEC_PER_TICK};
}

const char *time_text(struct utc time, bool in_utc, char buffer[static TIME_TEXT_SIZE]) {
        time_t seconds = (time_t)utc_seconds(time);
        struct tm local;
        int offset;

        if (in_utc || !localtime_r(&seconds, &local) || local.tm_year > 9999 - 1900) {
                char text[UTC_TEXT_SIZE];

                snprintf(buffer, TIME_TEXT_SIZE, "%s",
                         utc_format(utc_from_seconds(utc_seconds(time)), text));
                return buffer;
        }

        offset = (int)(local.tm_gmtoff / 60) % 6000; /* no zone is near 100 hours off */
        snprintf(buffer, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                 local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
                 local.tm_sec, offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
        return buffer;
}

void json_write_decimal(struct json_writer *w, const char *name, double value) {
        /* Counts and rates: never negative, and far from the end of the integers. */
        int64_t thousandths = (int64_t)(MIN(value, 1e15) * 1000 + 0.5);

        json_write_int(w, name, thousandths / 1000);
        strbuf_appendf(w->out, ".%03d", (int)(thousandths % 1000));
}

void json_write_clean(struct json_writer *w, const char *name, const char *value) {
        _cleanup_(strbuf_deinit) struct strbuf clean = {};

        append_clean(&clean, value, strlen(value));
        if (clean.error)
                w->out->error = clean.error;
        json_write_string(w, name, strbuf_str(&clean));
}

void json_begin(struct json_writer *w, struct strbuf *out) {
        *w = (struct json_writer){.out = out, .pretty = terminal_width() > 0};
        json_open(w, NULL, '{');
        json_write_int(w, "version", 1);
}

void json_write_parts(struct json_writer *w, const struct strbuf *reasons) {
        _cleanup_(strbuf_deinit) struct strbuf one = {};
        const char *text = strbuf_str(reasons);

        if (reasons->error)
                w->out->error = reasons->error;
        while (*text) {
                const char *end = strstr(text, ", ") ?: strchr(text, '\0');

                strbuf_clear(&one);
                append_clean(&one, text, (size_t)(end - text));
                if (one.error)
                        w->out->error = one.error;
                json_write_string(w, NULL, strbuf_str(&one));
                text = *end ? end + 2 : end;
        }
}

void json_end(struct json_writer *w) {
        json_close(w);
        if (!w->pretty)
                strbuf_append_char(w->out, '\n');
}
