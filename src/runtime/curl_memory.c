#include "runtime/curl_memory.h"

#include "base/macros.h"
#include "base/str.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wiping_free(void *memory) {
        memory_wipe(memory, malloc_usable_size(memory)); /* 0 of NULL */
        free(memory);
}

/* The copy is made here, since realloc(3) gives the old memory back as it is. */
static void *wiping_realloc(void *memory, size_t size) {
        size_t before = malloc_usable_size(memory);
        void *copy = malloc(size);

        if (!copy)
                return NULL;
        if (memory)
                memcpy(copy, memory, MIN(before, size));
        wiping_free(memory);
        return copy;
}

int curl_memory_init(void) {
        return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc,
                                    strdup, calloc) == CURLE_OK
                       ? 0
                       : -ENOMEM;
}
