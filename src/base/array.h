/*
 * Growth of arrays that live as pointer, length and capacity in their owner's struct.
 */
#pragma once

#include <stddef.h>

/*
 * Makes room for one element more in the array behind @items (a pointer to the array pointer), of
 * @len used and *@capacity allocated elements of @size bytes each. @max is the ceiling that every
 * array has where it is created.
 *
 * Returns 0, -ENOMEM, or -E2BIG at the ceiling; the array is untouched on failure.
 */
int array_grow(void *items, size_t len, size_t *capacity, size_t size, size_t max);
