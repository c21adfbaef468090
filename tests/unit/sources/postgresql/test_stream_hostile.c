/*
 * The fuzz target of binary COPY on its corpus, and on what a seeded generator makes of it: bits
 * that flip, lengths that lie, ends that are missing. Under the sanitizers, a read past a field
 * ends the program.
 */
#include "support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz_copy.c"

#define CORPUS "tests/fuzz/corpus/fuzz_copy"
#define FILES_MAX 64
#define FILE_MAX 8192
#define CHANGED_EACH 1500

struct file {
    uint8_t bytes[FILE_MAX];
    size_t size;
};

static struct file files[FILES_MAX];
static size_t files_count;

static int read_corpus(void **state)
{
    (void)state;
    DIR *folder = opendir(CORPUS);
    if (folder == NULL) {
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && files_count < FILES_MAX;) {
        char path[512];
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", CORPUS, entry->d_name);
        FILE *stream = fopen(path, "rb");
        if (stream == NULL) {
            break;
        }
        files[files_count].size = fread(files[files_count].bytes, 1, FILE_MAX, stream);
        files_count++;
        (void)fclose(stream);
    }
    (void)closedir(folder);
    return files_count > 0 ? 0 : -1;
}

/* The bytes lie in memory of just their size. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(LLVMFuzzerTestOneInput(exact, size), 0);
    free(exact);
}

static void test_corpus_is_read(void **state)
{
    (void)state;
    assert_true(files_count >= 10);
    for (size_t i = 0; i < files_count; i++) {
        run(files[i].bytes, files[i].size);
    }
}

static void test_corpus_cut_anywhere_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < files_count; i++) {
        for (size_t size = 0; size < files[i].size; size++) {
            run(files[i].bytes, size);
        }
    }
}

static uint32_t next_number(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void change(struct file *file, uint64_t *seed)
{
    static const uint8_t edges[] = {0, 1, 4, 127, 128, 255};
    for (uint32_t left = next_number(seed) % 4 + 1; left > 0; left--) {
        size_t at = next_number(seed) % file->size;
        switch (next_number(seed) % 4) {
        case 0:
            file->bytes[at] ^= (uint8_t)(1u << next_number(seed) % 8);
            break;
        case 1:
            file->bytes[at] = edges[next_number(seed) % sizeof edges];
            break;
        case 2: /* a length, or a size, of any value */
            for (size_t i = at; i < at + 4 && i < file->size; i++) {
                file->bytes[i] = edges[next_number(seed) % sizeof edges];
            }
            break;
        default:
            file->size -= next_number(seed) % 5;
            file->size = file->size < 4 || file->size > FILE_MAX ? 4 : file->size;
        }
    }
}

static void test_corpus_with_changes_by_chance_is_read(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    for (size_t i = 0; i < files_count; i++) {
        for (int changed = 0; changed < CHANGED_EACH; changed++) {
            static struct file copy;
            copy = files[i];
            change(&copy, &seed);
            run(copy.bytes, copy.size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_is_read),
        cmocka_unit_test(test_corpus_cut_anywhere_is_read),
        cmocka_unit_test(test_corpus_with_changes_by_chance_is_read),
    };
    return cmocka_run_group_tests(tests, read_corpus, NULL);
}
