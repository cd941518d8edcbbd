#include "azure-sim/record.h"

#include "base/json_writer.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

struct record {
        FILE *file;
};

int record_open(const char *path, struct record **ret_record) {
        struct record *record;

        record = calloc(1, sizeof(*record));
        if (!record)
                return -ENOMEM;
        record->file = fopen(path, "we");
        if (!record->file) {
                free(record);
                return -errno;
        }
        *ret_record = record;
        return 0;
}

struct record *record_free(struct record *record) {
        if (!record)
                return NULL;

        (void)fclose(record->file); /* every line was flushed */
        free(record);
        return NULL;
}

/* A header that comes twice is written twice; the last one counts for who reads it. */
static void write_headers(struct json_writer *w, const struct http_headers *headers) {
        json_open(w, "headers", '{');
        for (size_t i = 0; i < headers->n; i++)
                if (!str_equal_nocase(headers->items[i].name, "Authorization"))
                        json_write_string(w, headers->items[i].name, headers->items[i].value);
        json_close(w);
}

static void write_body(struct json_writer *w, const char *body, size_t len) {
        if (body && len > 0)
                json_write_string(w, "body", body);
        else
                json_write_null(w, "body");
}

int record_exchange(struct record *record, const struct service_call *call,
                    const struct http_reply *reply) {
        _cleanup_(strbuf_deinit) struct strbuf line = {.max = UINT32_MAX};
        struct json_writer w = {.out = &line};

        if (!record || service_request_kind_of(call->method, call->url) == SERVICE_REQUEST_TOKEN)
                return 0;

        json_open(&w, NULL, '{');
        json_open(&w, "request", '{');
        json_write_string(&w, "method", http_method_name(call->method));
        json_write_string(&w, "url", call->url);
        write_headers(&w, call->headers);
        write_body(&w, call->body, call->body_len);
        json_close(&w);
        json_open(&w, "response", '{');
        json_write_int(&w, "status", reply->status);
        write_headers(&w, &reply->headers);
        write_body(&w, reply->body, reply->body_len);
        json_close(&w);
        json_close(&w);
        strbuf_append_char(&line, '\n');
        if (line.error)
                return line.error;

        if (fwrite(strbuf_str(&line), 1, line.len, record->file) != line.len ||
            fflush(record->file) != 0)
                return -EIO;
        return 0;
}
