/*
 * readers: how the rows of keys.c that are not plain values are read. Each is a key_read_fn.
 */
#pragma once

#include "config/keys.h"

/* read-azure.c; @object is struct policy_file, below create and prune struct policy_identity */
int read_cloud(struct reader *reader, const struct key *key, const struct node *node, void *object);
int read_identity(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);
int read_role(struct reader *reader, const struct key *key, const struct node *node, void *object);
int read_managed(struct reader *reader, const struct key *key, const struct node *node,
                 void *object);
int read_service_principal(struct reader *reader, const struct key *key, const struct node *node,
                           void *object);

/* read-policies.c; @object is struct policy_file for the first two, then struct policy */
int read_template(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);
int read_policies(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);
int read_schedule(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);
int read_keep(struct reader *reader, const struct key *key, const struct node *node, void *object);
int read_network(struct reader *reader, const struct key *key, const struct node *node,
                 void *object);
int read_disk_access(struct reader *reader, const struct key *key, const struct node *node,
                     void *object);
int read_formerly(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);

/* read-targets.c; @object is struct policy_file, then struct target */
int read_targets(struct reader *reader, const struct key *key, const struct node *node,
                 void *object);
int read_disks(struct reader *reader, const struct key *key, const struct node *node, void *object);
int read_groups(struct reader *reader, const struct key *key, const struct node *node,
                void *object);

/* read-notify.c; @object is struct policy_file, then struct policy_heartbeat */
int read_heartbeat(struct reader *reader, const struct key *key, const struct node *node,
                   void *object);
int read_events(struct reader *reader, const struct key *key, const struct node *node,
                void *object);

/* read-tags.c; the row's field is struct policy_tags: KEY_TAGS adds to it, KEY_SELECTOR fills it */
int read_tags(struct reader *reader, const struct key *key, const struct node *node, void *object);

/* read-times.c; @object is struct policy for a zone, struct schedule_item for a calendar event */
int read_zone(struct reader *reader, const struct key *key, const struct node *node, void *object);
int read_calendar(struct reader *reader, const struct key *key, const struct node *node,
                  void *object);
