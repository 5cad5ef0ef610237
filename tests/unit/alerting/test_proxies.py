"""The proxies of the environment, read as curl and Go read them."""

import pytest

from alerting import proxies

PROXY = {"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "http://proxy:3129"}


def where(
    environ: dict[str, str], scheme: str = "https", host: str = "example.com", port: int = 443
) -> str | None:
    proxy = proxies.read(environ).of(scheme, host, port)
    return proxy.where if proxy else None


def test_each_scheme_has_its_proxy() -> None:
    assert where(PROXY, "http", port=80) == "proxy:3128"
    assert where(PROXY, "https") == "proxy:3129"
    assert where({"ALL_PROXY": "all:1"}, "http") == where({"ALL_PROXY": "all:1"}) == "all:1"
    assert where(PROXY | {"ALL_PROXY": "all:1"}) == "proxy:3129"
    assert where({}) is None


def test_small_letters_come_first_and_an_empty_variable_is_unset() -> None:
    assert where({"https_proxy": "small:1", "HTTPS_PROXY": "large:2"}) == "small:1"
    assert where({"https_proxy": " ", "HTTPS_PROXY": "large:2"}) == "large:2"
    assert where({"HTTPS_PROXY": "", "ALL_PROXY": ""}) is None


@pytest.mark.parametrize(
    ("text", "url", "where"),
    [
        ("proxy", "http://proxy:80", "proxy:80"),
        ("proxy:3128", "http://proxy:3128", "proxy:3128"),
        (" http://proxy:3128/ ", "http://proxy:3128", "proxy:3128"),
        ("https://proxy", "https://proxy:443", "proxy:443"),
        ("http://anna:5ecret@proxy:3128", "http://anna:5ecret@proxy:3128", "proxy:3128"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128", "[2001:db8::1]:3128"),
        ("socks5://proxy", "socks5://proxy:1080", "proxy:1080"),
        ("socks5h://proxy:9050", "socks5h://proxy:9050", "proxy:9050"),
    ],
)
def test_a_proxy_has_a_port_and_shows_no_password(text: str, url: str, where: str) -> None:
    proxy = proxies.read({"HTTPS_PROXY": text}).of("https", "example.com", 443)
    assert proxy is not None
    assert (proxy.url, proxy.where, proxy.is_socks) == (url, where, url.startswith("socks"))
    assert "5ecret" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://proxy",
        "socks4://proxy:1080",
        "http://",
        "http://proxy:port",
        "http://proxy/path",
        "http://[",
        "http://a b",
    ],
)
def test_what_is_not_a_proxy_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^all_proxy must be the address of a proxy, such as http://"
    ) as refusal:
        proxies.read({"all_proxy": text})
    assert "proxy:" not in str(refusal.value)


def test_a_socks_proxy_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)
    with pytest.raises(
        ValueError, match=r"^ALL_PROXY names a SOCKS proxy, which needs the extra socks: install"
    ):
        proxies.read({"ALL_PROXY": "socks5://proxy"})


@pytest.mark.parametrize(
    ("entry", "host", "port", "direct"),
    [
        ("*", "example.com", 443, True),
        ("example.com", "example.com", 443, True),
        ("example.com", "EXAMPLE.com.", 443, True),
        ("example.com", "hooks.example.com", 443, True),
        ("example.com", "badexample.com", 443, False),
        (".example.com", "hooks.example.com", 443, True),
        ("*.example.com", "hooks.example.com", 443, True),
        ("example.com:8443", "hooks.example.com", 8443, True),
        ("example.com:8443", "hooks.example.com", 443, False),
        ("10.0.0.7", "10.0.0.7", 443, True),
        ("10.0.0.7:8080", "10.0.0.7", 8080, True),
        ("10.0.0.7:8080", "10.0.0.7", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3/8", "10.9.9.9", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "fd00::1", 443, False),
        ("10.0.0.0/8", "host10.example.com", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("fd00::1", "fd00::1", 443, True),
        ("[fd00::1]", "fd00::1", 443, True),
        ("[fd00::1]:8080", "fd00::1", 8080, True),
        ("[fd00::1]:8080", "fd00::1", 443, False),
        ("localhost", "127.0.0.1", 80, False),
        ("other.org, ,10.0.0.0/8 example.com", "example.com", 443, True),
        (",", "example.com", 443, False),
    ],
)
def test_no_proxy_knows_names_suffixes_networks_and_ports(
    entry: str, host: str, port: int, direct: bool
) -> None:
    assert (where(PROXY | {"NO_PROXY": entry}, host=host, port=port) is None) == direct
