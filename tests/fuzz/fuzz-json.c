/*
 * JSON in any bytes: the scan says the same in one piece and byte by byte, and what it accepts cJSON
 * accepts too, and gives back as something that is accepted again.
 */
#include "azure/json.h"
#include "azure/scan.h"
#include "base/macros.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds) {
        if (!holds)
                abort();
}

static int scan_bytewise(const char *bytes, size_t len) {
        enum scan_event event;
        struct scan scan;
        int r = 0;

        scan_init(&scan, /* watch= */ 2);
        for (size_t i = 0; i < len && r == 0; i++) {
                size_t pos = 0;

                do {
                        r = scan_run(&scan, bytes + i, 1, &pos, &event);
                        demand(pos <= 1);
                } while (r == 0 && event != SCAN_MORE);
        }
        if (r == 0)
                r = scan_finish(&scan);
        scan_deinit(&scan);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(json_freep) cJSON *json = NULL;
        const char *bytes = (const char *)data;
        size_t offset = 0;
        char *text;
        int r;

        r = json_scan(bytes, size, &offset);
        demand(r >= 0 && r < JSON_E_SHAPE && offset <= size);
        demand(scan_bytewise(bytes, size) == r);
        demand(json_parse(bytes, size, &json, &offset) == r);
        if (r != 0)
                return 0;

        text = cJSON_PrintUnformatted(json);
        demand(text != NULL);
        /* A number may come back longer, and a byte order mark is not repeated. */
        r = json_scan(text, strlen(text), &offset);
        demand(r == 0 || r == JSON_E_SIZE);
        free(text);
        return 0;
}
