# cmake -DINPUT=<file> -DOUTPUT=<file.c> -P embed.cmake: a file's bytes as the array that
# src/rpc/descriptor.h declares.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
# Lines that tools can show.
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT}.new "/* Made by cmake/embed.cmake from proto/. */
#include \"rpc/descriptor.h\"

const uint8_t descriptor_set[] = {
${bytes}
};
const size_t descriptor_set_size = sizeof(descriptor_set);
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
