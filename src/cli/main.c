/*
 * The executable's main: what has to hold for the whole process before anything else runs. All that
 * it does beyond that is in command.c.
 */
#include "cli/command.h"
#include "cli/process.h"

int main(int argc, char **argv)
{
    process_prepare();
    return command_main(argc, argv);
}
