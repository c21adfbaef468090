/*
 * The fake source's counter, and transactions that stay open for a while: what they write is seen
 * once they are committed, with the number that they took when they began.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_database.h"

/* What stands in a row's text for the number of the transaction that writes it. */
static const char token[] = "\\count";

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

uint64_t fake_number(struct fake_database *database)
{
    return ++database->counter;
}

char *fake_counted(const struct fake_database *database, const char *values, uint64_t number)
{
    char *out = NULL, text[PS_VALUE_TEXT_SIZE];
    size_t size = 0;
    struct ps_scalar value = {
        .type = database->counter_type, .present = true, .integer = (ps_int128)number};
    FILE *stream = must(open_memstream(&out, &size));
    for (const char *at = values; *at != '\0';) {
        if (strncmp(at, token, sizeof token - 1) == 0) {
            (void)ps_scalar_format(&value, text);
            fputs(text, stream);
            at += sizeof token - 1;
        } else {
            fputc(*at++, stream);
        }
    }
    fclose(stream);
    return must(out);
}

struct ps_scalar fake_counter(const struct fake_database *database)
{
    uint64_t lowest = database->counter + 1;
    for (size_t i = 0; i < FAKE_TRANSACTIONS_MAX; i++) {
        uint64_t number = database->numbers[i];
        lowest = number != 0 && number < lowest ? number : lowest;
    }
    return (struct ps_scalar){.type = database->counter_type,
                              .present = database->counter_type != PS_TYPE_UNSPECIFIED,
                              .integer = (ps_int128)lowest};
}

size_t fake_begin(struct fake_database *database)
{
    size_t transaction = 0;
    ps_mutex_lock(&database->lock);
    while (transaction < FAKE_TRANSACTIONS_MAX && database->numbers[transaction] != 0) {
        transaction++;
    }
    assert(transaction < FAKE_TRANSACTIONS_MAX);
    database->numbers[transaction] = fake_number(database);
    ps_mutex_unlock(&database->lock);
    return transaction;
}

void fake_write(struct fake_database *database, size_t transaction, const char *table,
                const char *key, const char *values)
{
    ps_mutex_lock(&database->lock);
    assert(transaction < FAKE_TRANSACTIONS_MAX && database->numbers[transaction] != 0);
    database->writes =
        must(realloc(database->writes, (database->writes_count + 1) * sizeof database->writes[0]));
    database->writes[database->writes_count++] = (struct fake_write){
        .transaction = transaction,
        .table = must(strdup(table)),
        .key = key == NULL ? NULL : must(strdup(key)),
        .values =
            values == NULL ? NULL : fake_counted(database, values, database->numbers[transaction]),
    };
    ps_mutex_unlock(&database->lock);
}

static void free_write(struct fake_write *write)
{
    free(write->table);
    free(write->key);
    free(write->values);
}

void fake_commit(struct fake_database *database, size_t transaction)
{
    size_t kept = 0;
    ps_mutex_lock(&database->lock);
    assert(transaction < FAKE_TRANSACTIONS_MAX && database->numbers[transaction] != 0);
    uint64_t before = database->time++;
    for (size_t i = 0; i < database->writes_count; i++) {
        struct fake_write *write = &database->writes[i];
        if (write->transaction != transaction) {
            database->writes[kept++] = *write;
            continue;
        }
        struct fake_table *table = fake_table_get(database, write->table);
        assert(table != NULL);
        fake_row_put(database, table, write->key, before, write->values);
        write->values = NULL; /* taken */
        free_write(write);
    }
    database->writes_count = kept;
    database->numbers[transaction] = 0;
    ps_mutex_unlock(&database->lock);
}

void fake_transactions_free(struct fake_database *database)
{
    for (size_t i = 0; i < database->writes_count; i++) {
        free_write(&database->writes[i]);
    }
    free(database->writes);
}
