# The libraries that are linked into the executable, all of them statically: its NEEDED is the C
# library, the mathematics library and the loader alone (tests/integration/test_build.py reads it).
# What each is for, its licence and how it is linked: docs/dependencies.md.

# OpenSSL: TLS for libpq, digests for the DuckDB sink. The static archives, not the shared ones.
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL 3.0 REQUIRED)

# libpq. Its static archive comes with libpq-dev; the two it refers to (in the form that is meant to be
# linked into libraries of clients, "_shlib") with the development files of the server.
set(PENSTOCK_POSTGRESQL_HINTS /usr/lib/postgresql/15/lib)
find_path(LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(LIBPQ_ARCHIVE libpq.a REQUIRED)
find_library(LIBPGCOMMON_ARCHIVE libpgcommon_shlib.a HINTS ${PENSTOCK_POSTGRESQL_HINTS} REQUIRED)
find_library(LIBPGPORT_ARCHIVE libpgport_shlib.a HINTS ${PENSTOCK_POSTGRESQL_HINTS} REQUIRED)

# Debian's libpq.a refers to Kerberos and LDAP; ours stand in for them.
add_library(ps_libpq_standins STATIC
            ${CMAKE_SOURCE_DIR}/src/sources/postgresql/standins/gssapi.c
            ${CMAKE_SOURCE_DIR}/src/sources/postgresql/standins/ldap.c)
target_link_libraries(ps_libpq_standins PUBLIC Threads::Threads ${CMAKE_DL_LIBS})

# The order is the linker's: whoever refers comes before what is referred to.
add_library(ps_libpq INTERFACE)
target_include_directories(ps_libpq SYSTEM INTERFACE ${LIBPQ_INCLUDE})
target_link_libraries(ps_libpq INTERFACE ${LIBPQ_ARCHIVE} ${LIBPGCOMMON_ARCHIVE} ${LIBPGPORT_ARCHIVE}
                      ps_libpq_standins OpenSSL::SSL OpenSSL::Crypto Threads::Threads m)

# gRPC's C core without TLS: the platform speaks plaintext inside its container. pkg-config leaves out
# half of what the archive refers to, and the rest refers to each other, so it is one group. It is
# C++ inside: whoever links it is linked by the C++ compiler.
find_path(GRPC_INCLUDE grpc/grpc.h REQUIRED)
find_library(GRPC_ARCHIVE libgrpc_unsecure.a REQUIRED)
get_filename_component(grpc_folder ${GRPC_ARCHIVE} DIRECTORY)
set(grpc_archives)
foreach(name gpr cares re2 upb address_sorting z)
  find_library(GRPC_${name}_ARCHIVE lib${name}.a HINTS ${grpc_folder} REQUIRED)
  list(APPEND grpc_archives ${GRPC_${name}_ARCHIVE})
endforeach()
file(GLOB absl_archives ${grpc_folder}/libabsl_*.a)
add_library(ps_grpc_core STATIC IMPORTED)
set_target_properties(ps_grpc_core PROPERTIES IMPORTED_LOCATION ${GRPC_ARCHIVE}
                      IMPORTED_LINK_INTERFACE_LANGUAGES CXX)
add_library(ps_grpc INTERFACE)
target_include_directories(ps_grpc SYSTEM INTERFACE ${GRPC_INCLUDE})
list(JOIN grpc_archives "," grpc_archives)
list(JOIN absl_archives "," absl_archives)
target_link_libraries(ps_grpc INTERFACE
                      "$<LINK_GROUP:RESCAN,ps_grpc_core,${grpc_archives},${absl_archives}>"
                      Threads::Threads m ${CMAKE_DL_LIBS})
# What it reads from its sockets passes through src/rpc/inbound.c.
target_link_options(ps_grpc INTERFACE
                    LINKER:--wrap=recvmsg,--wrap=close
                    LINKER:--undefined=__wrap_recvmsg,--undefined=__wrap_close)
