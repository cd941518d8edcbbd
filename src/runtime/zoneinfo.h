/*
 * zoneinfo: zones from a directory of tzdata's files.
 *
 * A name is letters, digits, '_', '+' and '-' in parts joined by '/': no file of tzdata that is a
 * zone has others, and so no name leaves the directory. Links are followed, since tzdata's aliases
 * are links. A directory ("Europe") is a zone that is not installed.
 */
#pragma once

#include "base/macros.h"
#include "base/zones.h"

#define ZONEINFO_DIRECTORY "/usr/share/zoneinfo"
/* Chosen: the longest name of tzdata has 32. */
#define ZONEINFO_NAME_MAX 128

/* @directory NULL stands for ZONEINFO_DIRECTORY. It is not looked at before the first read. Returns
 * 0 or -ENOMEM. */
int zoneinfo_new(const char *directory, struct zones **ret_zones);
struct zones *zoneinfo_free(struct zones *zones);
DEFINE_CLEANUP(struct zones *, zoneinfo_free)
