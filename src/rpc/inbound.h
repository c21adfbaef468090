/*
 * Looks at what gRPC reads from its sockets before gRPC does (rpc/frames.h says why). The library
 * has no place for that; it is linked statically, and the linker puts ours in the place of its
 * recvmsg and of close (cmake/libraries.cmake). Not for: what is sent.
 *
 * Threads: any; a lock of its own.
 */
#ifndef PS_RPC_INBOUND_H
#define PS_RPC_INBOUND_H

#include "rpc/frames.h"

/* All that clients have sent of messages that are not whole; beyond it the connection with the most
 * of it is cut off. */
#define INBOUND_UNFINISHED_MAX (UINT64_C(512) << 20)

/* The last fault in what servers sent to this process, and how many have been: whose it was is for
 * the caller to know, by having one connection. */
struct frames_fault inbound_fault(void);

#endif
