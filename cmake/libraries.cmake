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
