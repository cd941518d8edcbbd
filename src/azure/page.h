/*
 * page: a page of a listing, {"value":[...],"nextLink":"..."}, cut into the elements of value as its
 * bytes arrive, so that neither the page nor its tree is ever held whole.
 *
 * Most elements of a listing are byte for byte those of the listing before. Who knows them again
 * (page_expect) spares the scan, which looks at every byte for itself.
 */
#pragma once

#include "base/macros.h"

#include <stddef.h>

/* Chosen: an element of a listing is a disk or a snapshot; 50 tags of 256 characters and all the
 * rest stay far below. Memory of a page is one element. */
#define PAGE_ELEMENT_MAX (1U << 20)
/* As HTTP_HEADER_BYTES_MAX: the longest signed URL that was recorded has 3,228 bytes. */
#define PAGE_LINK_MAX (64U << 10)

enum {
        JSON_E_SYNTAX = 1, /* not JSON */
        JSON_E_UTF8,       /* not UTF-8, or a lone surrogate escape */
        JSON_E_NUL,        /* NUL, raw or as an escape */
        JSON_E_DEPTH,      /* deeper than JSON_DEPTH_MAX */
        JSON_E_SIZE,       /* larger than its ceiling, of a document, an object or a number */
        JSON_E_DUPLICATE,  /* a key twice in one object */
        JSON_E_SHAPE,      /* JSON, but not an object, or not the members it must have */
};

/* "the JSON is nested too deep" and so on, for JSON_E_*. */
const char *json_problem(int e);

struct page;

/* Takes one element, an object, scanned: json_parse_scanned(). Not 0 ends the page with that error.
 * @bytes are gone when it returns. */
typedef int (*page_element_fn)(const char *bytes, size_t len, void *data);

/* Guesses at what comes next. Both get the page's data. */
struct page_guess {
        /* The length of the element that probably comes next; 0: no idea. */
        size_t (*length)(void *data);
        /* Whether these bytes, which nobody has scanned and of which an element begins at the first, are
         * an element that was taken before. If so it is taken again, and the answer is 1; 0 if not,
         * and they are scanned. Else an error, which ends the page. */
        int (*known)(const char *bytes, size_t len, void *data);
};

int page_new(page_element_fn fn, void *data, struct page **ret_page);
/* @guess is borrowed, and lives as long as the page. What the page says of its bytes does not depend
 * on it. */
void page_expect(struct page *page, const struct page_guess *guess);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page *, page_free)

/* Returns 0, JSON_E_*, a negative errno, or what the element function returned. After an error the
 * page stays in it. */
int page_feed(struct page *page, const char *bytes, size_t len);
/* The end of the body: was it a whole page, with a value? *ret_next_link is NULL on the last page
 * (nextLink absent, null or empty), else borrowed from @page. Returns as page_feed(). */
int page_finish(struct page *page, const char **ret_next_link);
