// Notifies the service manager of this service's state, by the protocol of sd_notify(3): datagrams of lines like
// `READY=1`.
//
// Native, since Node has no datagram sockets of the family AF_UNIX.
#ifndef MMPY_SERVICE_NOTIFY_H
#define MMPY_SERVICE_NOTIFY_H

#include <string>

namespace mmpy {

// Sends one datagram to a socket: a path, or an abstract name with a leading `@`. Never blocks. Returns an error text,
// or an empty string. May be called from any thread.
std::string NotifyService(const std::string &socket, const std::string &text);

}  // namespace mmpy

#endif
