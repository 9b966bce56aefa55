/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/libxml.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The structures of the headers and the library must be of one age: its name says so. */
#if LIBXML_VERSION >= 21400
#    define LIBXML_FILE "libxml2.so.16"
#else
#    define LIBXML_FILE "libxml2.so.2"
#endif

/* POSIX has functions in object pointers, C has not: hence the copy. */
static int find(void *library, const char *name, void *place)
{
    void *symbol = dlsym(library, name);
    memcpy(place, &symbol, sizeof symbol);
    return symbol != NULL ? 0 : -ENOPKG;
}

int libxml_load_from(const char *file, struct libxml *ret_libxml, struct err *err)
{
    struct libxml found = {0};
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread at a time, says the header */
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    int rc = library != NULL ? 0 : -ENOPKG;
    rc = rc == 0 ? find(library, "xmlCreateIOParserCtxt", &found.create_parser) : rc;
    rc = rc == 0 ? find(library, "xmlCtxtUseOptions", &found.use_options) : rc;
    rc = rc == 0 ? find(library, "xmlParseDocument", &found.parse_document) : rc;
    rc = rc == 0 ? find(library, "xmlByteConsumed", &found.byte_consumed) : rc;
    rc = rc == 0 ? find(library, "xmlSAX2GetLineNumber", &found.line_number) : rc;
    rc = rc == 0 ? find(library, "xmlFreeParserCtxt", &found.free_parser) : rc;
    rc = rc == 0 ? find(library, "xmlFreeDoc", &found.free_doc) : rc;
    if (rc < 0) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
        const char *why = dlerror();
        (void)err_set(err,
                      rc,
                      "XML reports are read by libxml2, which cannot be loaded (%s): install it "
                      "(Debian: apt-get install libxml2; Fedora: dnf install libxml2)",
                      why != NULL ? why : file);
        if (library != NULL) {
            (void)dlclose(library);
        }
        return rc;
    }
    *ret_libxml = found; /* it stays loaded as long as the process lives */
    return 0;
}

int libxml_load(const struct libxml **ret_libxml, struct err *err)
{
    static struct libxml libxml;
    static bool loaded;
    int rc = loaded ? 0 : libxml_load_from(LIBXML_FILE, &libxml, err);
    loaded = rc == 0;
    if (rc == 0) {
        *ret_libxml = &libxml;
    }
    return rc;
}
