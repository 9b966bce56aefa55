/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Length that stands for a NULL text. */
#define TEXT_NULL UINT64_MAX

void wire_begin(struct str *out, enum wire_type type)
{
    struct wire_header header = {.type = (uint32_t)type};
    str_clear(out);
    (void)str_append_n(out, &header, sizeof header);
}

int wire_end(struct str *out)
{
    int rc = str_error(out);
    if (rc < 0) {
        return rc;
    }
    assert(out->len >= sizeof(struct wire_header));
    uint32_t length = (uint32_t)(out->len - sizeof(struct wire_header));
    memcpy(out->data + offsetof(struct wire_header, length), &length, sizeof length);
    return 0;
}

void wire_put_u64(struct str *out, uint64_t value)
{
    (void)str_append_n(out, &value, sizeof value);
}

void wire_put_text(struct str *out, const char *text)
{
    if (text == NULL) {
        wire_put_u64(out, TEXT_NULL);
        return;
    }
    size_t len = strlen(text);
    wire_put_u64(out, len);
    (void)str_append_n(out, text, len);
}

void wire_put_texts(struct str *out, const struct text_list *list)
{
    wire_put_u64(out, list->count);
    for (size_t i = 0; i < list->count; i++) {
        wire_put_text(out, list->items[i]);
    }
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    uint64_t value = 0;
    if (reader->broken || reader->len - reader->at < sizeof value) {
        reader->broken = true;
        return 0;
    }
    memcpy(&value, reader->data + reader->at, sizeof value);
    reader->at += sizeof value;
    return value;
}

const char *wire_get_text(struct wire_reader *reader)
{
    uint64_t len = wire_get_u64(reader);
    if (reader->broken || len == TEXT_NULL) {
        return NULL;
    }
    if (len > reader->len - reader->at) {
        reader->broken = true;
        return NULL;
    }
    const char *text = arena_strndup(reader->arena, reader->data + reader->at, (size_t)len);
    reader->at += (size_t)len;
    reader->broken = text == NULL;
    return text;
}

struct text_list wire_get_texts(struct wire_reader *reader)
{
    struct text_list list = {0};
    uint64_t count = wire_get_u64(reader);
    if (reader->broken || count > reader->len) {
        reader->broken = true;
        return list;
    }
    const char **items = arena_calloc(reader->arena, (size_t)count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i] = wire_get_text(reader);
    }
    reader->broken = reader->broken || items == NULL;
    if (!reader->broken) {
        list = (struct text_list){items, (size_t)count};
    }
    return list;
}

/* Reads exactly len bytes behind what the buffer holds. 1 = read, 0 = peer closed before the first
 * byte. */
static int read_exactly(int fd, struct str *buffer, size_t len, struct err *err)
{
    if (str_reserve(buffer, len) < 0) {
        return err_set(err, -ENOMEM, "out of memory for a message of %zu bytes", len);
    }
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, buffer->data + buffer->len, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(err, "reading a message");
        }
        if (n == 0) {
            return got == 0 ? 0
                            : err_set(err, -EPIPE, "the peer closed in the middle of a message");
        }
        got += (size_t)n;
        buffer->len += (size_t)n;
    }
    return 1;
}

int wire_receive(int fd, struct str *buffer, enum wire_type *ret_type, struct err *err)
{
    struct wire_header header;
    str_clear(buffer);
    int rc = read_exactly(fd, buffer, sizeof header, err);
    if (rc <= 0) {
        return rc;
    }
    memcpy(&header, buffer->data, sizeof header);
    if (header.length > WIRE_MESSAGE_MAX) {
        return err_set(err, -EBADMSG, "message of %u bytes", header.length);
    }
    rc = header.length > 0 ? read_exactly(fd, buffer, header.length, err) : 1;
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(err, -EPIPE, "the peer closed in the middle of a message");
    }
    *ret_type = (enum wire_type)header.type;
    return 1;
}

int wire_complete(const struct str *buffer, enum wire_type *ret_type, size_t *ret_size)
{
    struct wire_header header;
    if (buffer->len < sizeof header) {
        return 0;
    }
    memcpy(&header, buffer->data, sizeof header);
    if (header.length > WIRE_MESSAGE_MAX) {
        return -EBADMSG;
    }
    if (buffer->len < sizeof header + header.length) {
        return 0;
    }
    *ret_type = (enum wire_type)header.type;
    *ret_size = sizeof header + header.length;
    return 1;
}
