/*
 * The scan watches the root's members and what lies directly inside them: its events tell where an
 * element of value begins and ends. Only the element under way is kept, and handed on when it is
 * whole.
 *
 * Where an element begins whose length is guessed, so many bytes are looked at before the scan sees
 * them. When they are not what was expected, the scan runs over them after all: the guess changes
 * when an error is found, by an element at most, and never which.
 */
#include "azure/page.h"

#include "azure/json.h"
#include "azure/scan.h"
#include "base/strbuf.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/* The root is around members, the array around elements. */
#define MEMBER_DEPTH 1
#define ELEMENT_DEPTH 2

enum page_member {
        PAGE_OTHER,
        PAGE_VALUE,
        PAGE_NEXT_LINK,
};

struct page {
        page_element_fn fn;
        void *data;
        struct scan scan;
        enum page_member member; /* of the root, the one under way */
        bool keep;               /* the bytes go into @kept */
        bool has_value;
        struct strbuf kept;             /* of the element or link under way */
        const struct page_guess *guess; /* or NULL */
        size_t awaited;                 /* bytes of the guessed element; 0: none is awaited */
        struct strbuf ahead;            /* those of them that are here */
        cJSON *next_link;               /* string, or NULL */
        int error;
};

int page_new(page_element_fn fn, void *data, struct page **ret_page) {
        struct page *page = calloc(1, sizeof(*page));

        if (!page)
                return -ENOMEM;

        page->fn = fn;
        page->data = data;
        scan_init(&page->scan, ELEMENT_DEPTH);
        *ret_page = page;
        return 0;
}

struct page *page_free(struct page *page) {
        if (!page)
                return NULL;

        scan_deinit(&page->scan);
        strbuf_deinit(&page->kept);
        strbuf_deinit(&page->ahead);
        cJSON_Delete(page->next_link);
        free(page);
        return NULL;
}

void page_expect(struct page *page, const struct page_guess *guess) {
        page->guess = guess;
}

static void member_named(struct page *page) {
        const char *name = scan_key(&page->scan);

        page->member = PAGE_OTHER;
        if (strcmp(name, "value") == 0)
                page->member = PAGE_VALUE;
        else if (strcmp(name, "nextLink") == 0)
                page->member = PAGE_NEXT_LINK;
}

static void keep_from_here(struct page *page, size_t max) {
        page->kept.max = max;
        strbuf_clear(&page->kept);
        page->keep = true;
}

/* What begins with @c is no JSON at all, which the scan will say, or not what it must be. */
static int check_begin(char c, char expected) {
        return c == expected || !strchr("{[\"-0123456789tfn", c) ? 0 : JSON_E_SHAPE;
}

/* A value begins with @c. Those that are to be read have the type they must have. */
static int value_begins(struct page *page, char c) {
        if (page->scan.depth == 0)
                return check_begin(c, '{');

        if (page->scan.depth == MEMBER_DEPTH && page->member == PAGE_VALUE) {
                page->has_value = true;
                return check_begin(c, '[');
        }
        if (page->scan.depth == MEMBER_DEPTH && page->member == PAGE_NEXT_LINK) {
                if (c == 'n')
                        return 0; /* null: the last page */
                keep_from_here(page, PAGE_LINK_MAX);
                return check_begin(c, '"');
        }
        if (page->scan.depth == ELEMENT_DEPTH && page->member == PAGE_VALUE) {
                keep_from_here(page, PAGE_ELEMENT_MAX);
                return check_begin(c, '{');
        }
        return 0;
}

/* The element or link in @kept is whole. */
static int value_kept(struct page *page) {
        const char *bytes = strbuf_str(&page->kept);

        page->keep = false;
        if (page->member != PAGE_NEXT_LINK)
                return page->fn(bytes, page->kept.len, page->data);
        page->next_link = json_parse_scanned(bytes, page->kept.len);
        return page->next_link ? 0 : -ENOMEM;
}

static bool is_element(const struct page *page) {
        return page->scan.depth == ELEMENT_DEPTH && page->member == PAGE_VALUE;
}

static int event_take(struct page *page, enum scan_event event, const char *bytes, size_t pos) {
        switch (event) {
        case SCAN_KEY:
                if (page->scan.depth == MEMBER_DEPTH)
                        member_named(page);
                return 0;
        case SCAN_BEGIN:
                if (page->guess && is_element(page))
                        page->awaited = page->guess->length(page->data);
                return value_begins(page, bytes[pos]);
        case SCAN_END:
                if (page->keep &&
                    page->scan.depth == (page->member == PAGE_VALUE ? ELEMENT_DEPTH : MEMBER_DEPTH))
                        return value_kept(page);
                return 0;
        case SCAN_MORE:
                return 0;
        }
        return 0;
}

/* Whether the bytes are the awaited element, which is passed then. Returns 1, 0 or an error. */
static int element_known(struct page *page, const char *bytes, size_t len) {
        int r;

        page->awaited = 0;
        r = page->guess->known(bytes, len, page->data);
        if (r == 1) {
                page->keep = false;
                scan_pass(&page->scan);
        }
        return r;
}

/* Scans up to the next event. */
static int scan_on(struct page *page, const char *bytes, size_t len, size_t *pos) {
        enum scan_event event = SCAN_MORE;
        size_t from = *pos;
        int r;

        r = scan_run(&page->scan, bytes, len, pos, &event);
        if (r == 0 && page->keep) {
                strbuf_append(&page->kept, bytes + from, *pos - from);
                r = page->kept.error == -E2BIG ? JSON_E_SIZE : page->kept.error;
        }
        return r == 0 ? event_take(page, event, bytes, *pos) : r;
}

/* Scans them all. Of what is awaited only that is known which they hold whole: they are in @ahead
 * themselves, or the last of the page. */
static int scan_all(struct page *page, const char *bytes, size_t len) {
        size_t pos = 0;
        int r = 0;

        while (r == 0 && pos < len) {
                r = scan_on(page, bytes, len, &pos);
                if (r == 0 && page->awaited > 0 && page->awaited <= len - pos) {
                        size_t n = page->awaited;

                        r = element_known(page, bytes + pos, n);
                        pos += r == 1 ? n : 0;
                        r = r == 1 ? 0 : r;
                }
                page->awaited = 0;
        }
        return r;
}

/* The bytes at *pos, up to what is awaited, and what becomes of them when they are enough. */
static int await_more(struct page *page, const char *bytes, size_t len, size_t *pos) {
        size_t n = page->awaited;
        bool whole = page->ahead.len == 0 && n <= len - *pos;
        int r;

        if (whole) {
                r = element_known(page, bytes + *pos, n);
                *pos += r == 1 ? n : 0;
                return r == 1 ? 0 : r;
        }

        n = MIN(n - page->ahead.len, len - *pos);
        strbuf_append(&page->ahead, bytes + *pos, n);
        *pos += n;
        if (page->ahead.error || page->ahead.len < page->awaited)
                return page->ahead.error;

        r = element_known(page, page->ahead.data, page->ahead.len);
        if (r == 0)
                r = scan_all(page, page->ahead.data, page->ahead.len);
        strbuf_clear(&page->ahead);
        return r == 1 ? 0 : r;
}

int page_feed(struct page *page, const char *bytes, size_t len) {
        size_t pos = 0;

        while (page->error == 0 && pos < len) {
                if (page->awaited > 0)
                        page->error = await_more(page, bytes, len, &pos);
                else
                        page->error = scan_on(page, bytes, len, &pos);
        }
        return page->error;
}

int page_finish(struct page *page, const char **ret_next_link) {
        const char *link;

        if (page->error == 0 && page->awaited > 0) {
                page->awaited = 0;
                page->error = scan_all(page, strbuf_str(&page->ahead), page->ahead.len);
        }
        if (page->error == 0)
                page->error = scan_finish(&page->scan);
        if (page->error == 0 && !page->has_value)
                page->error = JSON_E_SHAPE;
        if (page->error != 0)
                return page->error;

        link = cJSON_GetStringValue(page->next_link);
        *ret_next_link = link && link[0] != '\0' ? link : NULL;
        return 0;
}
