/*
 * Runs a fuzz target on the files named on the command line: for compilers without a fuzzer, and to
 * repeat a finding under a debugger.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *bytes = NULL;
    size_t size = 0, capacity = 0;
    int failed = 0;
    for (size_t got = 1; got > 0 && !failed; size += got) {
        if (size == capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            uint8_t *grown = capacity <= INPUT_MAX ? realloc(bytes, capacity) : NULL;
            if (grown == NULL) {
                fprintf(stderr, "%s: too large\n", path);
                failed = 1;
                break;
            }
            bytes = grown;
        }
        got = fread(bytes + size, 1, capacity - size, file);
    }
    if (!failed && ferror(file)) {
        perror(path);
        failed = 1;
    }
    fclose(file);
    if (!failed) {
        LLVMFuzzerTestOneInput(bytes, size);
    }
    free(bytes);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= replay(argv[i]);
    }
    return failed;
}
