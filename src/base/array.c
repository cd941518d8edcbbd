#include "base/array.h"

#include "base/macros.h"

#include <errno.h>
#include <stdint.h>

int array_grow(void *items, size_t len, size_t *capacity, size_t size, size_t max) {
        void **array = items;
        size_t wanted;
        void *grown;

        if (len < *capacity)
                return 0;
        if (len >= max)
                return -E2BIG;

        wanted = MIN(MAX(*capacity + *capacity / 2, (size_t)8), max);
        grown = reallocarray(*array, wanted, size);
        if (!grown)
                return -ENOMEM;
        *array = grown;
        *capacity = wanted;
        return 0;
}
