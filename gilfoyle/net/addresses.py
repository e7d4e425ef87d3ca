"""Which addresses are public. Pure.

An explicit table: what Python's `ipaddress.is_global` says changes with its releases. 3.11 takes 2002:7f00:1::
(127.0.0.1 by 6to4), 64:ff9b::a9fe:a9fe (169.254.169.254 by NAT64), ::127.0.0.1 and fec0::1 for public.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# IANA's IPv4 Special-Purpose Address Registry, without what is reached from everywhere (AS112).
_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # between a provider and its customers; a metadata service at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # public by its number, but a metadata service (Azure)
        "169.254.0.0/16",  # link-local; metadata services at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a metadata service at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
# Of IPv6 only this is given out for use everywhere (RFC 4291, 2.4). So loopback, link-local, site-local, private and
# multicast addresses are none, nor those that hold an IPv4 address: ::/96, ::ffff:0:0/96.
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address
        "3fff::/20",  # documentation
    )
]
# Where there is only IPv6, every IPv4 host has such an address (RFC 6052): it is as public as the one that it holds.
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)


class Allowed:
    """What an operator allows besides: networks, and names of hosts."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        for entry in entries:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._names.add(plain_name(entry))

    def has_name(self, host: str) -> bool:
        """Whether a host is allowed by its name, wherever that leads."""
        return plain_name(host) in self._names

    def has_address(self, address: Address) -> bool:
        """Whether an address may be connected to: it is public, or in a network that is allowed."""
        return is_public(address) or any(address in network for network in self._networks)


def plain_name(host: str) -> str:
    """A host's name in small letters, without the dot that may end it."""
    return host.lower().removesuffix(".")


def literal(host: str) -> Address | None:
    """The address that a host is written as, if it is one in its usual form."""
    try:
        return ip_address(host)
    except ValueError:
        return None
