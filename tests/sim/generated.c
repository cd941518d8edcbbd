/*
 * Generated runs in numbers: over several processes, one seed after the other in each, their counts
 * added up. A broken promise is told, shrunk and told again.
 */
#include "generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
/* Chosen: a few minutes at most, since a failure is to be read today. */
#define SHRINK_TRIES 400

static void tell(const struct story *story, const struct story_result *result) {
        printf("# generated run, seed %llu: broken on day %lld at %02lld:%02lld:%02lld: %s\n",
               (unsigned long long)story->seed, (long long)(result->at_s / SEC_PER_DAY),
               (long long)(result->at_s % SEC_PER_DAY / 3600),
               (long long)(result->at_s % 3600 / 60), (long long)(result->at_s % 60), result->what);
}

bool generated_one(uint64_t seed, bool echo, bool shrink, struct story_counts *counts,
                   uint64_t *ret_hash) {
        static struct story story;
        struct story_counts ignored = {};
        struct story_result result;
        bool kept;

        story_generate(seed, &story);
        story_play(&story, echo, /* tail= */ true, counts, &result);
        *ret_hash = result.hash;
        kept = !result.broken;
        if (!kept) {
                tell(&story, &result);
                printf("# replay: simulation --scenario generated --seed %llu --trace\n",
                       (unsigned long long)seed);
                fflush(stdout);
        }
        if (!kept && shrink) {
                story_shrink(&story, &result, SHRINK_TRIES);
                story_result_deinit(&result);
                printf("# what is left of it:\n");
                story_print(&story);
                story_play(&story, false, /* tail= */ true, &ignored, &result);
                tell(&story, &result);
                fflush(stdout);
                free(story.spared);
                story.spared = NULL;
        }
        story_result_deinit(&result);
        return kept;
}

/* Every @of-th run, from the @shard-th on. Returns how many failed. */
static uint64_t play_shard(const struct generated *g, uint64_t shard, uint64_t of,
                           struct story_counts *counts) {
        uint64_t failed = 0, hash;

        for (uint64_t i = shard; i < g->runs && failed < g->failures_max; i += of)
                failed += !generated_one(g->first_seed + i, false, g->shrink && failed == 0, counts,
                                         &hash);
        return failed;
}

struct shard_result {
        uint64_t failed;
        struct story_counts counts;
};

/* One process a job, each writes its result into a pipe of its own. */
static uint64_t play_jobs(const struct generated *g, struct story_counts *counts) {
        int pipes[JOBS_MAX][2];
        pid_t children[JOBS_MAX];
        uint64_t failed = 0, jobs = MIN(g->jobs, (uint64_t)JOBS_MAX);

        for (uint64_t j = 0; j < jobs; j++) {
                fflush(stdout);
                if (pipe(pipes[j]) < 0 || (children[j] = fork()) < 0)
                        abort();
                if (children[j] == 0) {
                        struct shard_result result = {};

                        result.failed = play_shard(g, g->shard + j * g->shards, g->shards * jobs,
                                                   &result.counts);
                        fflush(stdout);
                        if (write(pipes[j][1], &result, sizeof(result)) != (ssize_t)sizeof(result))
                                abort();
                        _exit(0);
                }
                close(pipes[j][1]);
        }
        for (uint64_t j = 0; j < jobs; j++) {
                struct shard_result result = {};
                size_t got = 0;
                ssize_t n;

                while (got < sizeof(result) &&
                       (n = read(pipes[j][0], (char *)&result + got, sizeof(result) - got)) > 0)
                        got += (size_t)n;
                close(pipes[j][0]);
                waitpid(children[j], NULL, 0);
                /* One that died has told why on standard error. */
                if (got < sizeof(result))
                        result = (struct shard_result){.failed = 1};
                failed += result.failed;
                counts_add(counts, &result.counts);
        }
        return failed;
}

uint64_t generated_run(const struct generated *g, struct story_counts *counts) {
        return g->jobs > 1 ? play_jobs(g, counts) : play_shard(g, g->shard, g->shards, counts);
}
