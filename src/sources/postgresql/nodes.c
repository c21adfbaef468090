/* Asking every node of a cluster for its oldest transaction: see nodes.h. */
#include "sources/postgresql/nodes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "sources/postgresql/query.h"

#define NODES_MAX 64
#define NODE_NAME_SIZE 256
/* A node that is not within reach from here is to cost no more than that. */
#define NODE_CONNECT_S 10

/* The slack between the nodes' clocks is taken off before an instant becomes a local time. */
#define HORIZON_COLUMNS NODES_MICROS("t") ", " NODES_LOCAL("t - interval '2 seconds'")

struct node {
    char name[NODE_NAME_SIZE], port[8]; /* as yb_servers() gives them */
    struct link_settings settings;      /* the source's, but for target and timeout */
    struct link link;
};

static uint64_t own_token;

static void make_token(void)
{
    if (getrandom(&own_token, sizeof own_token, 0) != (ssize_t)sizeof own_token) {
        own_token = (uint64_t)ps_monotonic_ns();
    }
}

void nodes_own_name(const struct link_settings *settings, char ret_name[NODES_OWN_NAME_SIZE])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_token);
    /* The server cuts names at 63 bytes. */
    (void)snprintf(ret_name, NODES_OWN_NAME_SIZE, "%.40s %016llx", settings->application_name,
                   (unsigned long long)own_token);
}

void nodes_done(struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        link_close(&nodes->nodes[i].link);
    }
    ps_free(nodes->nodes);
    *nodes = (struct nodes){.nodes = NULL};
}

/* The node of that name and port; a place for it where it is new; NULL: there are too many. */
static struct node *find(struct nodes *nodes, const char *name, const char *port)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (strcmp(nodes->nodes[i].name, name) == 0 && strcmp(nodes->nodes[i].port, port) == 0) {
            return &nodes->nodes[i];
        }
    }
    if (nodes->count == NODES_MAX || strlen(name) >= NODE_NAME_SIZE) {
        return NULL;
    }
    struct node *node = &nodes->nodes[nodes->count++];
    *node = (struct node){.link = {.conn = NULL}};
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    (void)snprintf(node->port, sizeof node->port, "%s", port);
    return node;
}

/* By the address that the cluster uses itself, else by the one for outside. */
static enum ps_status reach(struct node *node, const struct link_settings *settings,
                            const char *outside, struct ps_error *err)
{
    const char *const names[] = {node->name, outside};
    enum ps_status status = PS_RETRY;
    if (node->link.conn != NULL && PQstatus(node->link.conn) == CONNECTION_OK) {
        return PS_OK;
    }
    link_close(&node->link);
    node->settings = *settings;
    if (node->settings.connect_timeout_s > NODE_CONNECT_S) {
        node->settings.connect_timeout_s = NODE_CONNECT_S;
    }
    for (size_t i = 0; i < 2 && status != PS_OK; i++) {
        struct link_host host = {.name = names[i], .port = node->port};
        if (*host.name != '\0' && (i == 0 || strcmp(outside, node->name) != 0)) {
            (void)snprintf(node->settings.target, sizeof node->settings.target, "%.180s:%s/%.60s",
                           host.name, host.port, settings->database);
            status = link_open_host(&node->link, &node->settings, &host, err);
        }
    }
    return status;
}

/* The cluster has no transactions that are prepared. */
static enum ps_status ask(struct node *node, struct nodes_answer *answer, struct ps_error *err)
{
    struct ps_buffer sql;
    PGresult *result = NULL;
    char own[NODES_OWN_NAME_SIZE];
    nodes_own_name(&node->settings, own);
    ps_buffer_init(&sql, 0);
    ps_buffer_puts(&sql, "SELECT " HORIZON_COLUMNS ", hidden, untimed FROM (SELECT"
                         " min(a.xact_start) AS t, " NODES_HIDDEN ", " NODES_UNTIMED
                         " FROM pg_catalog.pg_stat_activity a WHERE a.datname ="
                         " pg_catalog.current_database() AND COALESCE(a.backend_type, '') NOT IN"
                         " ('autovacuum worker', 'walsender') AND"
                         " a.pid <> pg_catalog.pg_backend_pid()"
                         " AND a.application_name IS DISTINCT FROM ");
    query_literal(&sql, own);
    ps_buffer_puts(&sql, " OFFSET 0) h");
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query_alone(&node->link, ps_buffer_text(&sql),
                                                   "reading the horizon", &result, err)
                                : ps_fail_nomem(err, "reading the horizon");
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        return status;
    }
    int64_t oldest_us = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    if (!PQgetisnull(result, 0, 0) && (!answer->open || oldest_us < answer->oldest_us)) {
        answer->open = true;
        answer->oldest_us = oldest_us;
        answer->oldest_local_us = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    }
    answer->hidden = answer->hidden || strcmp(PQgetvalue(result, 0, 2), "0") != 0;
    answer->untimed = answer->untimed || strcmp(PQgetvalue(result, 0, 3), "0") != 0;
    PQclear(result);
    return PS_OK;
}

/* PS_SCHEMA is what nodes_ask gives, whatever was the matter with the node. */
static enum ps_status fail_node(struct nodes *nodes, const char *place, const char *why,
                                struct ps_error *err)
{
    (void)ps_fail(&nodes->failed, PS_SCHEMA, PS_CLASS_NETWORK, "%.255s: %s", place, why);
    if (err != NULL) {
        *err = nodes->failed;
    }
    return PS_SCHEMA;
}

/* One row of yb_servers(). */
static enum ps_status ask_row(struct nodes *nodes, const struct link_settings *settings,
                              const PGresult *list, int row, struct nodes_answer *answer,
                              struct ps_error *err)
{
    struct ps_error own = {0};
    const char *name = PQgetvalue(list, row, 0), *port = PQgetvalue(list, row, 1);
    struct node *node = find(nodes, name, port);
    if (node == NULL) {
        return fail_node(nodes, name, "there are more nodes than can be asked", err);
    }
    if (reach(node, settings, PQgetvalue(list, row, 2), &own) != PS_OK ||
        ask(node, answer, &own) != PS_OK) {
        return fail_node(nodes, name, own.message, err);
    }
    return PS_OK;
}

enum ps_status nodes_ask(struct nodes *nodes, struct link *link, struct nodes_answer *ret_answer,
                         struct ps_error *err)
{
    struct nodes_answer answer = {.open = false};
    struct ps_error own = {0};
    PGresult *list = NULL;
    if (nodes->nodes == NULL) {
        nodes->nodes = ps_calloc(NODES_MAX, sizeof nodes->nodes[0]);
        if (nodes->nodes == NULL) {
            return ps_fail_nomem(err, "reading the horizon");
        }
    }
    enum ps_status status =
        link_query_alone(link, "SELECT host, port, COALESCE(public_ip, '') FROM yb_servers()",
                         "listing the nodes", &list, &own);
    if (status != PS_OK) {
        /* Of a statement that was refused the connection knows no harm. */
        if (*own.sqlstate != '\0' && status != PS_RETRY) {
            return fail_node(nodes, "yb_servers()", own.message, err);
        }
        if (err != NULL) {
            *err = own;
        }
        return status;
    }
    for (int i = 0; status == PS_OK && i < PQntuples(list); i++) {
        status = ask_row(nodes, link->settings, list, i, &answer, err);
    }
    if (status == PS_OK && PQntuples(list) == 0) {
        status = fail_node(nodes, "yb_servers()", "it names no node", err);
    }
    PQclear(list);
    if (status == PS_OK) {
        *ret_answer = answer;
    }
    return status;
}
