// Tells the service manager how this service goes, by the protocol of sd_notify(3): datagrams of lines like `READY=1`.
//
// Here, since Node has no datagram sockets of the family AF_UNIX.
#ifndef MMPY_SERVICE_NOTIFY_H
#define MMPY_SERVICE_NOTIFY_H

#include <string>

namespace mmpy {

// Sends one datagram to a socket: a path, or a name of the abstract kind with a leading `@`. Never waits. Returns what
// went wrong; empty if nothing did. From any thread.
std::string NotifyService(const std::string &socket, const std::string &text);

}  // namespace mmpy

#endif
