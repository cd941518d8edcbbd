#include "runtime/head.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

void head_deinit(struct head *head) {
        http_headers_deinit(&head->headers);
        *head = (struct head){};
}

void head_restart(struct head *head) {
        http_headers_deinit(&head->headers);
        head->state = HEAD_AWAIT_STATUS;
        head->status = 0;
}

int head_status(const struct head *head) {
        return head->status >= 200 ? head->status : 0;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *len) {
        while (*len > 0 && is_blank(**text)) {
                (*text)++;
                (*len)--;
        }
        while (*len > 0 && is_blank((*text)[*len - 1]))
                (*len)--;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200 ". Returns 0 for what is none. */
static int parse_status(const char *line, size_t len) {
        const char *end = line + len, *p;
        int status = 0;

        if (len < 5 || memcmp(line, "HTTP/", 5) != 0)
                return 0;
        p = memchr(line, ' ', len);
        if (!p || end - p < 4)
                return 0;
        for (int i = 1; i <= 3; i++) {
                if (!ascii_is_digit(p[i]))
                        return 0;
                status = status * 10 + (p[i] - '0');
        }
        if (status < 100 || (end - p > 4 && p[4] != ' '))
                return 0;
        return status;
}

/* Joins a continuation to the last header. */
static int head_fold(struct head *head, const char *text, size_t len) {
        struct http_header *last;
        size_t old;
        char *value;

        if (head->headers.n == 0 || len == 0)
                return 0;

        last = &head->headers.items[head->headers.n - 1];
        old = strlen(last->value);
        value = malloc(old + 1 + len + 1);
        if (!value)
                return -ENOMEM;
        memcpy(value, last->value, old);
        if (old > 0)
                value[old++] = ' ';
        memcpy(value + old, text, len);
        value[old + len] = '\0';

        str_wipe_free(last->value);
        last->value = value;
        return 0;
}

static int head_field(struct head *head, const char *line, size_t len) {
        const char *colon = memchr(line, ':', len), *value;
        size_t name_len, value_len;
        int r;

        if (!colon || colon == line)
                return 0;
        name_len = (size_t)(colon - line);
        for (size_t i = 0; i < name_len; i++)
                if ((unsigned char)line[i] <= ' ' || line[i] == 0x7f)
                        return 0;

        value = colon + 1;
        value_len = len - name_len - 1;
        trim(&value, &value_len);
        r = http_headers_add(&head->headers, line, name_len, value, value_len);
        return r == -E2BIG ? HEAD_E_TOO_LARGE : r;
}

int head_line(struct head *head, const char *line, size_t len) {
        bool folded;

        if (len > HTTP_HEADER_BYTES_MAX - head->bytes)
                return HEAD_E_TOO_LARGE;
        head->bytes += len;

        if (len > 0 && line[len - 1] == '\n')
                len--;
        if (len > 0 && line[len - 1] == '\r')
                len--;

        switch (head->state) {
        case HEAD_AWAIT_STATUS:
                head->status = parse_status(line, len);
                if (head->status != 0)
                        head->state = HEAD_AWAIT_FIELD;
                return 0;
        case HEAD_AWAIT_FIELD:
                if (len == 0) {
                        if (head_status(head) == 0)
                                head_restart(head);
                        else
                                head->state = HEAD_DONE;
                        return 0;
                }
                folded = is_blank(line[0]);
                if (!folded)
                        return head_field(head, line, len);
                trim(&line, &len);
                return head_fold(head, line, len);
        case HEAD_DONE:
                break;
        }
        return 0;
}
