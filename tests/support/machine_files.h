/*
 * A folder that stands for the machine's root: the kernel's files as a test wants them.
 */
#ifndef TESTS_SUPPORT_MACHINE_FILES_H
#define TESTS_SUPPORT_MACHINE_FILES_H

/* Makes an empty one and gives its path, which lives until machine_files_done. One at a time. */
const char *machine_files_new(void);
void machine_files_done(void);
/* Writes a file, path from the root on, and the folders above it. */
void machine_files_put(const char *path, const char *text);
/* A machine of 1000 kB, of which that much is available, and two processors with that many busy
 * ticks. */
void machine_files_plain(long available_kb, long busy_ticks);
/* The process is in the group of that path, below the mount of version 2, or 1 (memory, cpu and
 * cpuacct in one hierarchy). */
void machine_files_group(int version, const char *path);

#endif
