// Addresses of UDP peers, from text and to text, for a socket of either family.
#ifndef MMPY_UDP_ADDRESS_H
#define MMPY_UDP_ADDRESS_H

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace mmpy {

// A sockaddr of IPv4 or IPv6.
class UdpAddress {
 public:
  UdpAddress() { std::memset(&storage_, 0, sizeof storage_); }

  // From a number as in `10.0.0.1` or `fe80::1%eth0`. Returns 0 or a libuv error.
  int Parse(const std::string &text, uint16_t port) {
    if (text.find(':') == std::string::npos) return uv_ip4_addr(text.c_str(), port, &storage_.four);
    return uv_ip6_addr(text.c_str(), port, &storage_.six);
  }

  // An address of IPv4, as a number, as a socket of this family takes it.
  static UdpAddress OfIPv4(int family, uint32_t address, uint16_t port) {
    UdpAddress result;
    if (family == AF_INET6) {
      sockaddr_in6 &six = result.storage_.six;
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(port);
      six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
      const uint32_t bytes = htonl(address);
      std::memcpy(six.sin6_addr.s6_addr + 12, &bytes, sizeof bytes);
    } else {
      sockaddr_in &four = result.storage_.four;
      four.sin_family = AF_INET;
      four.sin_port = htons(port);
      four.sin_addr.s_addr = htonl(address);
    }
    return result;
  }

  // Without the form that a socket of both families gives addresses of IPv4.
  std::string Text() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
      inet_ntop(AF_INET, &storage_.four.sin_addr, text, sizeof text);
      return text;
    }
    const in6_addr &six = storage_.six.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
      inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text);
      return text;
    }
    inet_ntop(AF_INET6, &six, text, sizeof text);
    char name[IF_NAMESIZE] = {};
    const bool is_local = IN6_IS_ADDR_LINKLOCAL(&six) && if_indextoname(storage_.six.sin6_scope_id, name) != nullptr;
    return is_local ? std::string(text) + "%" + name : text;
  }

  int family() const { return storage_.any.sa_family; }
  uint16_t port() const { return ntohs(family() == AF_INET ? storage_.four.sin_port : storage_.six.sin6_port); }
  const sockaddr_in &four() const { return storage_.four; }
  const sockaddr_in6 &six() const { return storage_.six; }
  sockaddr *any() { return &storage_.any; }
  const sockaddr *any() const { return &storage_.any; }
  socklen_t size() const { return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  static constexpr socklen_t capacity() { return sizeof(Storage); }

 private:
  union Storage {
    sockaddr any;
    sockaddr_in four;
    sockaddr_in6 six;
  };
  Storage storage_;
};

}  // namespace mmpy

#endif
