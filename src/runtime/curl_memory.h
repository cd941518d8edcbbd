/*
 * curl_memory: the allocator libcurl is given, malloc(3)'s but that all memory is wiped before it is
 * given back.
 *
 * libcurl copies each request into buffers of its own, the authorization header and the body with
 * the client secret too, and frees them as they are: the secret would then lie in the heap for as
 * long as nobody happens to write over it. What TLS and HTTP/2 libraries copy is not reached.
 */
#pragma once

/* curl_global_init() with that allocator; before any other use of libcurl. Returns 0 or -ENOMEM. */
int curl_memory_init(void);
