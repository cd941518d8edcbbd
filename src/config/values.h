/*
 * values: single values of the policy, read and checked by type.
 */
#pragma once

#include "config/keys.h"

#include <stdbool.h>

/* The reader of values of the type, or NULL where no feature uses the type yet. */
key_read_fn value_reader(enum key_type type);

/* Writes the value of the word that @node is. Complains and leaves *ret_value when it is none. */
int read_word(struct reader *reader, const struct key *key, const struct node *node,
              int *ret_value);
/* Complains that the value "..." @problem; the value itself is left out where it could be secret. */
int value_complain(struct reader *reader, const struct key *key, const struct node *node,
                   const char *near_miss, const char *problem);
/* The same with a reason behind a colon. */
int value_complain_because(struct reader *reader, const struct key *key, const struct node *node,
                           const char *problem, const char *reason);
/* Whether @node is a text, and one that YAML 1.1 takes for one; complains otherwise. */
int value_is_text(struct reader *reader, const struct key *key, const struct node *node,
                  bool *ret_is_text);
/* Whether @node is a list that holds something; complains otherwise. */
int value_is_list(struct reader *reader, const struct key *key, const struct node *node,
                  bool *ret_is_list);
/* A list of texts of the row's type into *items, which the caller owns also after a failure; NULL
 * where one could not be read. */
int read_texts(struct reader *reader, const struct key *key, const struct node *node, char ***items,
               size_t *n);
/* Complains when the key @node is no name for a policy. */
int name_check(struct reader *reader, const struct node *node);
