#include "core/resource_id.h"

#include "base/macros.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Takes the next "/part" off the front of the text. False when there is none. */
static bool next_part(const char **text, const char *end, const char **ret_part, size_t *ret_len) {
        const char *slash;

        if (*text == end || **text != '/')
                return false;

        (*text)++;
        slash = memchr(*text, '/', (size_t)(end - *text));
        *ret_part = *text;
        *ret_len = (size_t)((slash ? slash : end) - *text);
        *text += *ret_len;
        return true;
}

static bool part_is(const char *part, size_t len, const char *word) {
        if (len != strlen(word))
                return false;
        for (size_t i = 0; i < len; i++)
                if (ascii_lower(part[i]) != ascii_lower(word[i]))
                        return false;
        return true;
}

/* "Naming rules and restrictions for Azure resources": letters, digits, '_', '-', '.', '(' and ')',
 * no dot at the end. Azure also allows other Unicode letters; they come as UTF-8 bytes, which are
 * let through whole, and of which the first alone counts. */
static bool group_is_valid(const char *group, size_t len) {
        size_t n = 0;

        if (len == 0 || len >= RESOURCE_GROUP_SIZE || group[len - 1] == '.')
                return false;
        for (size_t i = 0; i < len; i++) {
                if (!ascii_is_alnum(group[i]) && (unsigned char)group[i] < 0x80 &&
                    (group[i] == '\0' || !strchr("_-.()", group[i])))
                        return false;
                n += ((unsigned char)group[i] & 0xc0) != 0x80;
        }
        return n <= RESOURCE_GROUP_MAX;
}

/*
 * FACTS section 1, "Names and tags". Dots too, since snapshots of other makers have them. With what a name
 * begins and ends, Microsoft says of snapshots alone, and one disk of a stranger whose id were none would
 * hide its whole subscription. A dot at either end is none of any resource, and in a URL a step up.
 */
static bool name_is_valid(const char *name, size_t len) {
        if (len == 0 || len > RESOURCE_NAME_MAX || name[0] == '.' || name[len - 1] == '.')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!ascii_is_alnum(name[i]) && (name[i] == '\0' || !strchr("_-.", name[i])))
                        return false;
        return true;
}

int resource_id_parse(const char *text, size_t len, struct resource_id *ret_id) {
        static const char *const words[] = {"subscriptions", "resourceGroups", "providers",
                                            "Microsoft.Compute"};
        /* The parts in their order: 0, 2, 4 and 5 are fixed words, 1 and 3 are values, 6 is the
         * type and 7 the name. */
        const char *part[8], *end = text + len;
        struct resource_id id = {};
        size_t part_len[8];
        struct guid guid;

        for (size_t i = 0; i < ARRAY_SIZE(part); i++)
                if (!next_part(&text, end, &part[i], &part_len[i]))
                        return RESOURCE_ID_E_SHAPE;

        if (text != end || !part_is(part[0], part_len[0], words[0]) ||
            !part_is(part[2], part_len[2], words[1]) || !part_is(part[4], part_len[4], words[2]) ||
            !part_is(part[5], part_len[5], words[3]))
                return RESOURCE_ID_E_SHAPE;

        if (part_is(part[6], part_len[6], "disks"))
                id.type = RESOURCE_DISK;
        else if (part_is(part[6], part_len[6], "snapshots"))
                id.type = RESOURCE_SNAPSHOT;
        else if (part_is(part[6], part_len[6], "diskAccesses"))
                id.type = RESOURCE_DISK_ACCESS;
        else
                return RESOURCE_ID_E_SHAPE;

        if (guid_parse(part[1], part_len[1], &guid) < 0)
                return RESOURCE_ID_E_SUBSCRIPTION;

        if (!group_is_valid(part[3], part_len[3]))
                return RESOURCE_ID_E_GROUP;

        if (!name_is_valid(part[7], part_len[7]))
                return RESOURCE_ID_E_NAME;

        guid_format(&guid, id.subscription);
        memcpy(id.group, part[3], part_len[3]);
        memcpy(id.name, part[7], part_len[7]);
        *ret_id = id;
        return 0;
}

const char *resource_id_problem(int e) {
        switch (e) {
        case RESOURCE_ID_E_SUBSCRIPTION:
                return "the subscription is not a GUID";
        case RESOURCE_ID_E_GROUP:
                return "the resource group is not one Azure allows";
        case RESOURCE_ID_E_NAME:
                return "the name is not one Azure allows";
        default:
                return "it is not /subscriptions/GUID/resourceGroups/GROUP/providers/"
                       "Microsoft.Compute/disks/NAME";
        }
}

int resource_id_compare(const struct resource_id *a, const struct resource_id *b) {
        int c;

        c = CMP(a->type, b->type);
        if (c == 0)
                c = str_compare_nocase(a->subscription, b->subscription);
        if (c == 0)
                c = str_compare_nocase(a->group, b->group);
        if (c == 0)
                c = str_compare_nocase(a->name, b->name);
        return c;
}

static const char *resource_type_name(enum resource_type type) {
        switch (type) {
        case RESOURCE_DISK:
                return "disks";
        case RESOURCE_SNAPSHOT:
                return "snapshots";
        case RESOURCE_DISK_ACCESS:
                return "diskAccesses";
        }
        return "?";
}

const char *resource_id_format(const struct resource_id *id,
                               char buffer[static RESOURCE_ID_TEXT_SIZE]) {
        int n = snprintf(buffer, RESOURCE_ID_TEXT_SIZE,
                         "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/%s/%s",
                         id->subscription, id->group, resource_type_name(id->type), id->name);

        assert(n > 0 && n < RESOURCE_ID_TEXT_SIZE);
        return buffer;
}

bool resource_group_is_valid(const char *group) {
        return group_is_valid(group, strlen(group));
}
