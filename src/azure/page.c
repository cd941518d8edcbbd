/*
 * The scan watches the root's members and what lies directly inside them: its events tell where an
 * element of value begins and ends. Only the element under way is kept, and given to cJSON when it
 * is whole.
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
        struct strbuf kept; /* of the element or link under way */
        cJSON *next_link;   /* string, or NULL */
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
        cJSON_Delete(page->next_link);
        free(page);
        return NULL;
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
        cJSON *json;
        int r = 0;

        page->keep = false;
        json = cJSON_ParseWithLength(strbuf_str(&page->kept), page->kept.len);
        if (!json)
                return -ENOMEM;

        if (page->member == PAGE_NEXT_LINK)
                page->next_link = json;
        else {
                r = page->fn(json, page->data);
                cJSON_Delete(json);
        }
        return r;
}

static int event_take(struct page *page, enum scan_event event, const char *bytes, size_t pos) {
        switch (event) {
        case SCAN_KEY:
                if (page->scan.depth == MEMBER_DEPTH)
                        member_named(page);
                return 0;
        case SCAN_BEGIN:
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

int page_feed(struct page *page, const char *bytes, size_t len) {
        size_t pos = 0;

        while (page->error == 0 && pos < len) {
                enum scan_event event = SCAN_MORE;
                size_t from = pos;
                int r;

                r = scan_run(&page->scan, bytes, len, &pos, &event);
                if (r == 0 && page->keep) {
                        strbuf_append(&page->kept, bytes + from, pos - from);
                        r = page->kept.error == -E2BIG ? JSON_E_SIZE : page->kept.error;
                }
                if (r == 0)
                        r = event_take(page, event, bytes, pos);
                page->error = r;
        }
        return page->error;
}

int page_finish(struct page *page, const char **ret_next_link) {
        const char *link;

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
