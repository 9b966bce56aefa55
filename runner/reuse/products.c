/* SPDX-License-Identifier: Apache-2.0 */
/* Products: folders into manifests, manifests into bytes and back into folders.
 * As bytes: "sluice-manifest 1\n", then for each product "MODE SIZE DIGEST PATH" and a NUL, sorted
 * by path. Paths are bytes, so JSON would not do. A link's digest is that of its target, which is
 * kept as a blob like a file's content. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Products of one unit; the largest known build output (a Chromium checkout's) has 400,000 files.
 * Beyond: it is not stored. */
#define PRODUCTS_MAX (1u << 20)

#define MANIFEST_HEAD "sluice-manifest 1\n"

/* ---- bytes ---- */

int manifest_encode(const struct manifest *manifest, struct str *out)
{
    char hex[HASH_HEX_SIZE];
    (void)str_append(out, MANIFEST_HEAD);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct product *product = &manifest->items[i];
        (void)str_appendf(out,
                          "%o %" PRIu64 " %s ",
                          product->mode,
                          product->size,
                          hash_hex(&product->digest, hex));
        (void)str_append_n(out, product->path, strlen(product->path) + 1);
    }
    return str_error(out);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_digest(const char *hex, struct hash *digest)
{
    for (size_t i = 0; i < HASH_SIZE; i++) {
        int high = digit(hex[2 * i]);
        int low = high >= 0 ? digit(hex[2 * i + 1]) : -1;
        if (low < 0) {
            return false;
        }
        digest->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool is_product_mode(uint32_t mode)
{
    return mode == (S_IFREG | 0644u) || mode == (S_IFREG | 0755u) || mode == (S_IFLNK | 0777u)
           || mode == (S_IFDIR | 0755u);
}

/* One record, terminated. The path is borrowed. */
static bool parse_record(const char *text, struct product *product)
{
    char *end = NULL;
    unsigned long mode = strtoul(text, &end, 8);
    if (*end != ' ' || !is_product_mode((uint32_t)mode) || mode > UINT32_MAX) {
        return false;
    }
    product->mode = (uint32_t)mode;
    product->size = strtoull(end + 1, &end, 10);
    if (*end != ' ' || strlen(end + 1) < 2 * HASH_SIZE + 2) {
        return false;
    }
    if (!parse_digest(end + 1, &product->digest) || end[1 + 2 * HASH_SIZE] != ' ') {
        return false;
    }
    product->path = end + 2 + (size_t)2 * HASH_SIZE;
    return path_is_inside(product->path);
}

static size_t count_records(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\0' ? 1 : 0;
    }
    return count;
}

static int damaged(struct err *err)
{
    return err_set(err, -EBADMSG, "a stored list of products is damaged");
}

int manifest_decode(const char *text,
                    size_t len,
                    struct arena *arena,
                    struct manifest *ret_manifest,
                    struct err *err)
{
    const size_t head = strlen(MANIFEST_HEAD);
    if (len < head || memcmp(text, MANIFEST_HEAD, head) != 0
        || (len > head && text[len - 1] != '\0')) {
        return damaged(err);
    }
    size_t count = count_records(text + head, len - head);
    struct product *items =
        count <= PRODUCTS_MAX ? arena_calloc(arena, count + 1, sizeof *items) : NULL;
    char *copy = arena_alloc(arena, len - head + 1);
    if (items == NULL || copy == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a list of products");
    }
    memcpy(copy, text + head, len - head);
    for (size_t i = 0; i < count; i++) {
        size_t record = strlen(copy);
        if (!parse_record(copy, &items[i])
            || (i > 0 && strcmp(items[i - 1].path, items[i].path) >= 0)) {
            return damaged(err);
        }
        copy += record + 1;
    }
    *ret_manifest = (struct manifest){.items = items, .count = count};
    return 0;
}

/* ---- reading a folder ---- */

struct reading {
    struct reuse *reuse;
    bool keep;
    struct arena *arena;
    const char *folder;

    struct {
        VEC_FIELDS(struct product);
    } found;

    size_t next; /* the found ones before it were looked into */
};

static void reading_fini(struct reading *reading)
{
    vec_fini(&reading->found);
}

/* Content of a file or target of a link: into the store, or only hashed. */
static int take_bytes(
    struct reading *reading, const char *bytes, size_t len, struct hash *digest, struct err *err)
{
    if (reading->keep) {
        return blobs_put(reading->reuse->blobs, bytes, len, digest, err);
    }
    *digest = hash_bytes(bytes, len);
    return 0;
}

static int take_file(
    struct reading *reading, int dir, const char *name, struct product *product, struct err *err)
{
    CLEANUP(cleanup_fd)
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot read the product %s", product->path);
    }
    if (reading->keep) {
        return blobs_put_file(reading->reuse->blobs, fd, &product->digest, &product->size, err);
    }
    int rc = hasher_add_fd(reading->reuse->hasher, fd, &product->size);
    if (rc != 0) {
        return err_set(
            err, rc, "cannot read the product %s: %s", product->path, strerrordesc_np(-rc));
    }
    product->digest = hasher_end(reading->reuse->hasher);
    return 0;
}

static int take_link(
    struct reading *reading, int dir, const char *name, struct product *product, struct err *err)
{
    char target[PATH_TEXT_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof target);
    if (n < 0) {
        return err_errno(err, "cannot read the product %s", product->path);
    }
    product->size = (uint64_t)n;
    return take_bytes(reading, target, (size_t)n, &product->digest, err);
}

/* Adds what is called `name` in the open folder. */
static int take_node(
    struct reading *reading, int dir, const char *prefix, const char *name, struct err *err)
{
    struct stat st;
    struct product product = {
        .path = arena_printf(reading->arena, "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", name),
    };
    int rc = 0;
    if (product.path == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a list of products");
    }
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return err_errno(err, "cannot look at the product %s", product.path);
    }
    if (S_ISREG(st.st_mode)) {
        product.mode = S_IFREG | ((st.st_mode & 0111) != 0 ? 0755u : 0644u);
        rc = take_file(reading, dir, name, &product, err);
    } else if (S_ISLNK(st.st_mode)) {
        product.mode = S_IFLNK | 0777u;
        rc = take_link(reading, dir, name, &product, err);
    } else if (S_ISDIR(st.st_mode)) {
        product.mode = S_IFDIR | 0755u;
    } else {
        return 0; /* pipes and sockets are no products */
    }
    if (rc == 0
        && (reading->found.count >= PRODUCTS_MAX || vec_push(&reading->found, product) != 0)) {
        rc = err_set(err, -E2BIG, "too many products: more than %u", PRODUCTS_MAX);
    }
    return rc;
}

static int read_folder(struct reading *reading, const char *prefix, struct err *err)
{
    char path[2 * PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", reading->folder, prefix);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        int rc = err_errno(err, "cannot read the folder of products %s", path);
        cleanup_fd(&fd);
        return rc;
    }
    int rc = 0;
    while (rc == 0) {
        errno = 0; /* a list that breaks off is not a short one */
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            rc = errno != 0 ? err_errno(err, "cannot read the folder of products %s", path) : 0;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            rc = take_node(reading, fd, prefix, entry->d_name, err);
        }
    }
    (void)closedir(stream);
    return rc;
}

static int compare_products(const void *a, const void *b)
{
    return strcmp(((const struct product *)a)->path, ((const struct product *)b)->path);
}

int reuse_read_products(struct reuse *reuse,
                        const char *folder,
                        bool keep,
                        struct arena *arena,
                        const struct manifest **ret_products,
                        struct err *err)
{
    CLEANUP(reading_fini)
    struct reading reading = {.reuse = reuse, .keep = keep, .arena = arena, .folder = folder};
    int rc = read_folder(&reading, "", err);
    for (; rc == 0 && reading.next < reading.found.count; reading.next++) {
        const struct product *product = &reading.found.items[reading.next];
        rc = S_ISDIR(product->mode) ? read_folder(&reading, product->path, err) : 0;
    }
    if (rc != 0) {
        return rc;
    }
    struct manifest *manifest = arena_calloc(arena, 1, sizeof *manifest);
    struct product *items = arena_calloc(arena, reading.found.count + 1, sizeof *items);
    if (manifest == NULL || items == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a list of products");
    }
    if (reading.found.count > 0) {
        memcpy(items, reading.found.items, reading.found.count * sizeof *items);
        qsort(items, reading.found.count, sizeof *items, compare_products);
    }
    *manifest = (struct manifest){.items = items, .count = reading.found.count};
    *ret_products = manifest;
    return 0;
}

/* ---- making a folder ---- */

/* Opens (makes) the folder that holds `path`, component by component: no link on the way is
 * followed, so a list that names one and something below it writes nowhere else. *ret_name: the
 * last component. */
static int open_parent(int top, const char *path, const char **ret_name)
{
    char name[PATH_TEXT_MAX];
    int dir = fcntl(top, F_DUPFD_CLOEXEC, 3);
    const char *at = path;
    const char *slash = NULL;
    while (dir >= 0 && (slash = strchr(at, '/')) != NULL) {
        size_t len = (size_t)(slash - at);
        assert(len < sizeof name);
        memcpy(name, at, len);
        name[len] = '\0';
        (void)mkdirat(dir, name, 0755);
        int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        (void)close(dir);
        errno = saved;
        dir = next;
        at = slash + 1;
    }
    *ret_name = at;
    return dir >= 0 ? dir : -errno;
}

static int restore_file(
    struct reuse *reuse, int dir, const char *name, const struct product *product, struct err *err)
{
    const mode_t mode = (product->mode & 0111) != 0 ? 0755 : 0644;
    CLEANUP(cleanup_fd)
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 || fchmod(fd, mode) != 0) {
        return err_errno(err, "cannot make the product %s", product->path);
    }
    int rc = blobs_get_file(reuse->blobs, &product->digest, fd, err);
    return rc == 0 ? 0 : err_wrap(err, "the product %s", product->path);
}

static int restore_link(
    struct reuse *reuse, int dir, const char *name, const struct product *product, struct err *err)
{
    CLEANUP(str_fini) struct str target = STR_INIT(PATH_TEXT_MAX);
    int rc = blobs_get(reuse->blobs, &product->digest, &target, err);
    if (rc != 0) {
        return err_wrap(err, "the product %s", product->path);
    }
    return symlinkat(str_text(&target), dir, name) == 0
               ? 0
               : err_errno(err, "cannot make the product %s", product->path);
}

/* Does each link stay inside? Nothing else was ever kept of an artifact: another one was not put
 * there by a unit. */
static int check_links(struct reuse *reuse, const struct manifest *artifacts, struct err *err)
{
    for (size_t i = 0; i < artifacts->count; i++) {
        const struct product *item = &artifacts->items[i];
        if (!S_ISLNK(item->mode)) {
            continue;
        }
        CLEANUP(str_fini) struct str target = STR_INIT(PATH_TEXT_MAX);
        int rc = blobs_get(reuse->blobs, &item->digest, &target, err);
        if (rc != 0) {
            return err_wrap(err, "the artifact %s", item->path);
        }
        if (strlen(str_text(&target)) != target.len
            || !link_is_inside(item->path, str_text(&target))) {
            return err_set(err, -EBADMSG, "the artifact %s is a link that leads out", item->path);
        }
    }
    return 0;
}

static void settle(int dir, const char *name)
{
    const struct timespec times[2] = {{.tv_sec = GIT_MTIME}, {.tv_sec = GIT_MTIME}};
    (void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static int restore_one(struct reuse *reuse, int top, const struct product *product, struct err *err)
{
    const char *name = NULL;
    int rc = 0;
    if (!path_is_inside(product->path) || strlen(product->path) >= PATH_TEXT_MAX) {
        return err_set(err, -EINVAL, "%s is no path inside the tree", product->path);
    }
    CLEANUP(cleanup_fd) int dir = open_parent(top, product->path, &name);
    if (dir < 0) {
        return err_set(
            err, dir, "cannot make the folder of %s: %s", product->path, strerrordesc_np(-dir));
    }
    if (S_ISDIR(product->mode)) {
        if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST) {
            rc = err_errno(err, "cannot make the folder %s", product->path);
        }
        return rc;
    }
    rc = S_ISLNK(product->mode) ? restore_link(reuse, dir, name, product, err)
                                : restore_file(reuse, dir, name, product, err);
    if (rc == 0) {
        settle(dir, name);
    }
    return rc;
}

/* Folders last, and those below before those above: making something in one changes its time. */
static void settle_folders(int top, const struct manifest *products)
{
    char path[PATH_TEXT_MAX];
    for (size_t i = products->count; i-- > 0;) {
        (void)snprintf(path, sizeof path, "%s", products->items[i].path);
        char *slash = S_ISDIR(products->items[i].mode) ? path + strlen(path) : strrchr(path, '/');
        while (slash != NULL) {
            *slash = '\0';
            settle(top, path);
            slash = strrchr(path, '/');
        }
    }
    settle(top, ".");
}

int reuse_restore(struct reuse *reuse,
                  const struct manifest *products,
                  const char *folder,
                  struct err *err)
{
    int rc = dir_make(folder, 0755, err);
    if (rc != 0) {
        return rc;
    }
    CLEANUP(cleanup_fd) int top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) {
        return err_errno(err, "cannot open %s", folder);
    }
    for (size_t i = 0; rc == 0 && i < products->count; i++) {
        rc = restore_one(reuse, top, &products->items[i], err);
    }
    if (rc == 0) {
        settle_folders(top, products);
    }
    return rc;
}

int reuse_restore_artifacts(struct reuse *reuse,
                            const struct manifest *artifacts,
                            const char *folder,
                            struct err *err)
{
    int rc = check_links(reuse, artifacts, err);
    return rc == 0 ? reuse_restore(reuse, artifacts, folder, err) : rc;
}
