from __future__ import annotations

from ipaddress import ip_address

import pytest

from gilfoyle.net.addresses import Allowed, is_public


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.31.196.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "64:ff9b::808:808",
    ],
)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


def test_what_an_operator_allows() -> None:
    allowed = Allowed(["10.0.0.0/8", "192.168.1.7", "fd00::/8", "Hooks.Internal."])
    for address in ("10.1.2.3", "192.168.1.7", "fd12::1", "8.8.8.8"):
        assert allowed.has_address(ip_address(address))
    for address in ("11.0.0.1", "127.0.0.1", "192.168.1.8", "::ffff:10.1.2.3"):
        assert allowed.has_address(ip_address(address)) is (address == "11.0.0.1")
    assert allowed.has_name("hooks.internal") and allowed.has_name("HOOKS.internal.")
    assert not allowed.has_name("other.hooks.internal")
