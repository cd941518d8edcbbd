/*
 * catalogue: prints the journal's message catalogue from the table of events, while Snapkeep is built.
 *
 *     catalogue           for /usr/lib/systemd/catalog, which `journalctl -x` reads
 *     catalogue --list    id, name, fields of each, parted by tabs, for tests
 */
#include "base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Chosen: of lines, below a terminal's 80 with what journalctl puts before them. */
#define COLUMNS 76

static void print_paragraph(const char *title, const char *text) {
        size_t column = strlen(title);

        fputs(title, stdout);
        while (*text) {
                size_t len = strcspn(text, " ");

                if (column + 1 + len > COLUMNS) {
                        putchar('\n');
                        column = 0;
                } else if (column > 0) {
                        putchar(' ');
                        column++;
                }
                (void)fwrite(text, 1, len, stdout); /* main() asks for errors at the end */
                column += len;
                text += len + strspn(text + len, " ");
        }
        fputs("\n\n", stdout);
}

static void print_entry(const struct event_entry *event) {
        printf("-- %s\nSubject: %s\nDefined-By: Snapkeep\nDocumentation: man:snapkeepd(8)\n\n",
               event->id, event->subject);
        print_paragraph("Cause:", event->cause);
        print_paragraph("Effect:", event->effect);
        print_paragraph("Remedy:", event->remedy);
}

static void print_row(const struct event_entry *event) {
        const char *separator = "";

        printf("%s\t%s\t", event->id, event->name);
        for (int i = 0; i < _LOG_FIELD_N; i++)
                if (event->fields & LOG_BIT(i)) {
                        printf("%s%s", separator, log_field_key((enum log_field_name)i));
                        separator = ",";
                }
        putchar('\n');
}

int main(int argc, char **argv) {
        bool list = argc == 2 && strcmp(argv[1], "--list") == 0;

        if (argc > 1 && !list) {
                fputs("Usage: catalogue [--list]\n", stderr);
                return 64;
        }
        for (int i = 0; i < _LOG_EVENT_N; i++)
                (list ? print_row : print_entry)(event_entry((enum log_event)i));
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 74;
}
