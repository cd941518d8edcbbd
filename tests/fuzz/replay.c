/*
 * Runs a fuzz target over its corpus, without libFuzzer: each file given, and each file of each
 * folder given. Says how many there were; an empty corpus is a failure, as it would test nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_run;

static int run_file(const char *path, size_t size) {
        uint8_t *data =
                malloc(size > 0 ? size : 1); /* of its size, so that a sanitizer sees its end */
        FILE *f = fopen(path, "re");
        int r = -1;

        if (data && f && fread(data, 1, size, f) == size) {
                r = LLVMFuzzerTestOneInput(data, size);
                n_run++;
        }
        if (f)
                fclose(f);
        free(data);
        if (r != 0)
                fprintf(stderr, "%s: failed\n", path);
        return r;
}

/* A file, or the files of a folder; folders inside are left out. */
static int run_path(const char *path, int depth) {
        struct stat st;
        struct dirent *entry;
        char inner[4096];
        DIR *dir;
        int r = 0;

        if (stat(path, &st) < 0) {
                perror(path);
                return -1;
        }
        if (!S_ISDIR(st.st_mode))
                return run_file(path, (size_t)st.st_size);
        if (depth > 0)
                return 0;
        dir = opendir(path);
        if (!dir) {
                perror(path);
                return -1;
        }
        while (r == 0 && (entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
                r = run_path(inner, depth + 1);
        }
        closedir(dir);
        return r;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (run_path(argv[i], 0) != 0)
                        return 1;
        printf("%u inputs\n", n_run);
        return n_run > 0 ? 0 : 1;
}
