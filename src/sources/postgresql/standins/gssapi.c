// Stands in for the Kerberos library that Debian's static libpq refers to, so that the executable
// needs no shared library of it. Each call passes through to libgssapi_krb5.so.2, loaded at the
// first one; where that is missing the answer is GSS_S_UNAVAILABLE, which libpq takes as "no
// credentials here". Not for any caller but libpq. The types follow RFC 2744 and the layout of MIT
// Kerberos on Linux, whose header is not needed for the build. See docs/dependencies.md.

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t OM_uint32;
typedef OM_uint32 gss_qop_t;
typedef int gss_cred_usage_t;
typedef struct gss_name_struct *gss_name_t;
typedef struct gss_cred_id_struct *gss_cred_id_t;
typedef struct gss_ctx_id_struct *gss_ctx_id_t;
typedef struct gss_channel_bindings_struct *gss_channel_bindings_t;

typedef struct gss_OID_desc_struct {
    OM_uint32 length;
    void *elements;
} gss_OID_desc, *gss_OID;

typedef struct gss_OID_set_desc_struct {
    size_t count;
    gss_OID elements;
} * gss_OID_set;

typedef struct gss_buffer_desc_struct {
    size_t length;
    void *value;
} * gss_buffer_t;

#define GSS_S_COMPLETE 0u
#define GSS_S_UNAVAILABLE (16u << 16)
#define GSS_C_GSS_CODE 1

typedef OM_uint32 acquire_cred_fn(OM_uint32 *, gss_name_t, OM_uint32, gss_OID_set, gss_cred_usage_t,
                                  gss_cred_id_t *, gss_OID_set *, OM_uint32 *);
typedef OM_uint32 delete_sec_context_fn(OM_uint32 *, gss_ctx_id_t *, gss_buffer_t);
typedef OM_uint32 display_status_fn(OM_uint32 *, OM_uint32, int, gss_OID, OM_uint32 *,
                                    gss_buffer_t);
typedef OM_uint32 import_name_fn(OM_uint32 *, gss_buffer_t, gss_OID, gss_name_t *);
typedef OM_uint32 init_sec_context_fn(OM_uint32 *, gss_cred_id_t, gss_ctx_id_t *, gss_name_t,
                                      gss_OID, OM_uint32, OM_uint32, gss_channel_bindings_t,
                                      gss_buffer_t, gss_OID *, gss_buffer_t, OM_uint32 *,
                                      OM_uint32 *);
typedef OM_uint32 release_buffer_fn(OM_uint32 *, gss_buffer_t);
typedef OM_uint32 release_cred_fn(OM_uint32 *, gss_cred_id_t *);
typedef OM_uint32 release_name_fn(OM_uint32 *, gss_name_t *);
typedef OM_uint32 unwrap_fn(OM_uint32 *, gss_ctx_id_t, gss_buffer_t, gss_buffer_t, int *,
                            gss_qop_t *);
typedef OM_uint32 wrap_fn(OM_uint32 *, gss_ctx_id_t, int, gss_qop_t, gss_buffer_t, int *,
                          gss_buffer_t);
typedef OM_uint32 wrap_size_limit_fn(OM_uint32 *, gss_ctx_id_t, int, gss_qop_t, OM_uint32,
                                     OM_uint32 *);

// The functions that libpq calls; a prototype before each definition keeps the two the same.
extern gss_OID GSS_C_NT_HOSTBASED_SERVICE;
acquire_cred_fn gss_acquire_cred;
delete_sec_context_fn gss_delete_sec_context;
display_status_fn gss_display_status;
import_name_fn gss_import_name;
init_sec_context_fn gss_init_sec_context;
release_buffer_fn gss_release_buffer;
release_cred_fn gss_release_cred;
release_name_fn gss_release_name;
unwrap_fn gss_unwrap;
wrap_fn gss_wrap;
wrap_size_limit_fn gss_wrap_size_limit;

// The name type "service@host", 1.2.840.113554.1.2.1.4; libraries compare it by value.
static char hostbased_service[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
static gss_OID_desc hostbased_service_oid = {sizeof(hostbased_service) - 1, hostbased_service};
gss_OID GSS_C_NT_HOSTBASED_SERVICE = &hostbased_service_oid;

// Written once by load_library, under pthread_once, and only read after that. Either every member
// is set or `loaded` is 0.
static struct {
    int loaded;
    acquire_cred_fn *acquire_cred;
    delete_sec_context_fn *delete_sec_context;
    display_status_fn *display_status;
    import_name_fn *import_name;
    init_sec_context_fn *init_sec_context;
    release_buffer_fn *release_buffer;
    release_cred_fn *release_cred;
    release_name_fn *release_name;
    unwrap_fn *unwrap;
    wrap_fn *wrap;
    wrap_size_limit_fn *wrap_size_limit;
} library;

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

// ISO C has no cast from an object pointer to a function pointer; POSIX gives both one size, so the
// address is copied.
static int find(void *handle, const char *name, void *ret_function)
{
    void *address = dlsym(handle, name);
    if (address == NULL) {
        return 0;
    }
    memcpy(ret_function, &address, sizeof(address));
    return 1;
}

static void load_library(void)
{
    // The handle is kept until the process ends: contexts of open connections live in the library.
    void *handle = dlopen("libgssapi_krb5.so.2", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return;
    }
    library.loaded = find(handle, "gss_acquire_cred", &library.acquire_cred) &&
                     find(handle, "gss_delete_sec_context", &library.delete_sec_context) &&
                     find(handle, "gss_display_status", &library.display_status) &&
                     find(handle, "gss_import_name", &library.import_name) &&
                     find(handle, "gss_init_sec_context", &library.init_sec_context) &&
                     find(handle, "gss_release_buffer", &library.release_buffer) &&
                     find(handle, "gss_release_cred", &library.release_cred) &&
                     find(handle, "gss_release_name", &library.release_name) &&
                     find(handle, "gss_unwrap", &library.unwrap) &&
                     find(handle, "gss_wrap", &library.wrap) &&
                     find(handle, "gss_wrap_size_limit", &library.wrap_size_limit);
}

static int is_available(void)
{
    pthread_once(&library_once, load_library);
    return library.loaded;
}

static OM_uint32 unavailable(OM_uint32 *ret_minor)
{
    *ret_minor = 0;
    return GSS_S_UNAVAILABLE;
}

OM_uint32 gss_acquire_cred(OM_uint32 *ret_minor, gss_name_t name, OM_uint32 seconds,
                           gss_OID_set mechanisms, gss_cred_usage_t usage, gss_cred_id_t *ret_cred,
                           gss_OID_set *ret_mechanisms, OM_uint32 *ret_seconds)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.acquire_cred(ret_minor, name, seconds, mechanisms, usage, ret_cred,
                                ret_mechanisms, ret_seconds);
}

OM_uint32 gss_delete_sec_context(OM_uint32 *ret_minor, gss_ctx_id_t *context, gss_buffer_t token)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.delete_sec_context(ret_minor, context, token);
}

OM_uint32 gss_display_status(OM_uint32 *ret_minor, OM_uint32 status, int type, gss_OID mechanism,
                             OM_uint32 *context, gss_buffer_t ret_text)
{
    static char text[] = "Kerberos needs libgssapi_krb5.so.2, which could not be loaded "
                         "(Debian: apt-get install libgssapi-krb5-2)";
    if (is_available()) {
        return library.display_status(ret_minor, status, type, mechanism, context, ret_text);
    }
    if (type != GSS_C_GSS_CODE) {
        return unavailable(ret_minor);
    }
    *ret_minor = 0;
    *context = 0;
    ret_text->value = text;
    ret_text->length = sizeof(text) - 1;
    return GSS_S_COMPLETE;
}

OM_uint32 gss_import_name(OM_uint32 *ret_minor, gss_buffer_t text, gss_OID type,
                          gss_name_t *ret_name)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.import_name(ret_minor, text, type, ret_name);
}

OM_uint32 gss_init_sec_context(OM_uint32 *ret_minor, gss_cred_id_t cred, gss_ctx_id_t *context,
                               gss_name_t target, gss_OID mechanism, OM_uint32 flags,
                               OM_uint32 seconds, gss_channel_bindings_t bindings,
                               gss_buffer_t input, gss_OID *ret_mechanism, gss_buffer_t ret_output,
                               OM_uint32 *ret_flags, OM_uint32 *ret_seconds)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.init_sec_context(ret_minor, cred, context, target, mechanism, flags, seconds,
                                    bindings, input, ret_mechanism, ret_output, ret_flags,
                                    ret_seconds);
}

OM_uint32 gss_release_buffer(OM_uint32 *ret_minor, gss_buffer_t buffer)
{
    if (is_available()) {
        return library.release_buffer(ret_minor, buffer);
    }
    // Without the library only gss_display_status above fills a buffer, and its text is static.
    *ret_minor = 0;
    buffer->value = NULL;
    buffer->length = 0;
    return GSS_S_COMPLETE;
}

OM_uint32 gss_release_cred(OM_uint32 *ret_minor, gss_cred_id_t *cred)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.release_cred(ret_minor, cred);
}

OM_uint32 gss_release_name(OM_uint32 *ret_minor, gss_name_t *name)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.release_name(ret_minor, name);
}

OM_uint32 gss_unwrap(OM_uint32 *ret_minor, gss_ctx_id_t context, gss_buffer_t input,
                     gss_buffer_t ret_output, int *ret_confidential, gss_qop_t *ret_qop)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.unwrap(ret_minor, context, input, ret_output, ret_confidential, ret_qop);
}

OM_uint32 gss_wrap(OM_uint32 *ret_minor, gss_ctx_id_t context, int confidential, gss_qop_t qop,
                   gss_buffer_t input, int *ret_confidential, gss_buffer_t ret_output)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.wrap(ret_minor, context, confidential, qop, input, ret_confidential, ret_output);
}

OM_uint32 gss_wrap_size_limit(OM_uint32 *ret_minor, gss_ctx_id_t context, int confidential,
                              gss_qop_t qop, OM_uint32 output_bytes_max, OM_uint32 *ret_input_bytes)
{
    if (!is_available()) {
        return unavailable(ret_minor);
    }
    return library.wrap_size_limit(ret_minor, context, confidential, qop, output_bytes_max,
                                   ret_input_bytes);
}
