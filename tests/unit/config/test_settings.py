"""Where settings come from, and the sentences for what is wrong with them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gilfoyle.config import Settings, find, http_url, load
from gilfoyle.errors import ConfigError


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """The sentences for a config file, without the file's name."""
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    return [line.removeprefix(f"{file}: ") for line in caught.value.message.splitlines()]


def test_nothing_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(environ={}) is None
    assert load(environ={}) == Settings()


def test_the_file_is_the_option_else_the_variable_else_config_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for port, name in enumerate(["option.yaml", "variable.yaml", "config.yaml"], start=1):
        (tmp_path / name).write_text(f"server: {{port: {port}}}")
    variable = {"GILFOYLE_CONFIG": "variable.yaml"}
    assert load(Path("option.yaml"), variable).server.port == 1
    assert load(None, variable).server.port == 2
    assert load(None, {}).server.port == 3


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "server: {port: 1, host: 0.0.0.0}\nencoding: {video: [{height: 240, max_kbps: 300}]}"
    )
    environ = {
        "GILFOYLE_SERVER__PORT": "2",
        "GILFOYLE_ENCODING__AUDIO": "[{kbps: 96}]",
        "GILFOYLE_TEMPORAL__TLS": "true",
        "GILFOYLE_TEMPORAL__API_KEY": "0123",
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": "/srv/media",
        "GILFOYLE_URL": "http://elsewhere",
        "PATH": "/bin",
    }
    settings = load(tmp_path / "c.yaml", environ)
    assert (settings.server.port, settings.server.host) == (2, "0.0.0.0")
    assert settings.encoding.audio[0].kbps == 96
    assert settings.encoding.video[0].height == 240
    assert settings.temporal.tls is True
    assert settings.temporal.api_key.get_secret_value() == "0123"
    assert settings.storage.filesystem.path == Path("/srv/media")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "server:\n  # port: 80\nworkers:\n", "{}"])
def test_a_file_may_leave_out_everything(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    assert load(tmp_path / "c.yaml", {}) == Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("server: {prot: 1}", "there is no setting server.prot; did you mean server.port?"),
        ("storrage: {}", "there is no setting storrage; did you mean storage?"),
        ("zzz: 1", "there is no setting zzz. `gilfoyle config show` lists them all."),
        ("encoding: {presett: fast}", "there is no setting encoding.presett; did you mean encoding.preset?"),
        (
            "encoding: {video: [{height: 720, max_kbps: 900, crff: 2}]}",
            "there is no setting encoding.video.0.crff; did you mean encoding.video.0.crf?",
        ),
        ("encoding: {video: [{height: 720}]}", "encoding.video.0.max_kbps is missing."),
        ("encoding: {video: []}", "encoding.video should have at least 1 item."),
        ("encoding: {encoders: {h265: nvenc}}", "a name in encoding.encoders should be 'h264', "),
        ("encoding: {encoders: {h264: cuda}}", "encoding.encoders.h264 should be 'nvenc', "),
        (
            "encoding: {encoders: {vp9: nvenc}}",
            "encoding.encoders: names nvenc for vp9, and it encodes h264, hevc, av1.",
        ),
        (
            "encoding: {audio: [{kbps: 384, channels: 6}]}",
            "encoding.audio: needs a rung of 2 channels: of most sources there is no 5.1.",
        ),
        ("encoding: {preset: best}", "encoding.preset should be 'ultrafast', "),
        ("server: {port: abc}", "server.port should be a whole number, not 'abc'."),
        ("server: {port: 1.5}", "server.port should be a whole number, not 1.5."),
        ("server: {port: [1]}", "server.port should be a whole number, not [1]."),
        ("server: {port: 65536}", "server.port should be at most 65535, not 65536."),
        ("server: {port: -1}", "server.port should be at least 0, not -1."),
        ("server: {host: 5}", "server.host should be text (put it in quotes), not 5."),
        ("server: {cors_origins: http://a}", "server.cors_origins should be a list, such as [a, b], not 'http://a'."),
        ("server: {cors_origins: ['https://a/']}", "server.cors_origins.0 should be an origin such as https://example.org"),
        ("server: {app_origins: ['*', a.example]}", "server.app_origins.1 should be an origin such as https://example.org"),
        ("limits: {duration_s: 0}", "limits.duration_s should be more than 0, not 0."),
        ("limits: {probe_s: soon}", "limits.probe_s should be a number, not 'soon'."),
        ("temporal: {tls: maybe}", "temporal.tls should be true or false, not 'maybe'."),
        ("temporal: {queue_prefix: A}", "temporal.queue_prefix should be 1 to 40 small letters, digits and hyphens, "),
        ("database: {url: mysql://u:p@h}", "database.url should be a URL such as postgresql://user@host/name."),
        ("storage: {s3: {serve: tape}}", "storage.s3.serve should be 'proxy' or 'redirect', not 'tape'."),
        ("storage: {driver: A tape}", "storage.driver should be 1 to 20 small letters, digits, hyphens"),
        ("storage: {s3: {endpoint: minio:9000}}", "storage.s3.endpoint should be a URL such as https://host:9000"),
        ("tools: ffmpeg", "tools should be a section of settings, not 'ffmpeg'."),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_that_names_the_setting(tmp_path: Path, text: str, sentence: str) -> None:
    [found] = faults(tmp_path, text)
    assert found.startswith(sentence)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "server: {port: a, prot: 1}\nlimits: {streams: 0}")) == 3


def test_a_fault_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "",
        GILFOYLE_SERVER__PORT="x",
        GILFOYLE_ENCODING__VIDEO="[{height: 720}]",
        GILFOYLE_SERVER_PORT="1",
        GILFOYLE_LIMITS="5",
    )
    assert found == [
        "GILFOYLE_SERVER__PORT: server.port should be a whole number, not 'x'.",
        "GILFOYLE_LIMITS: limits should be a section of settings, not 5.",
        "GILFOYLE_ENCODING__VIDEO: encoding.video.0.max_kbps is missing.",
        "GILFOYLE_SERVER_PORT: there is no such setting; did you mean GILFOYLE_SERVER__PORT?",
    ]


# What a pod gets for the Services gilfoyle, gilfoyle-api, gilfoyle-server, … of its namespace.
SERVICE = {
    "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "8000", "SERVICE_PORT_HTTP": "8000", "PORT": "tcp://10.0.0.1:8000",
    "PORT_8000_TCP": "tcp://10.0.0.1:8000", "PORT_8000_TCP_PROTO": "tcp", "PORT_8000_TCP_PORT": "8000",
    "PORT_8000_TCP_ADDR": "10.0.0.1", "PORT_53_UDP": "udp://[fd00::1]:53", "PORT_53_UDP_ADDR": "fd00::1",
}  # fmt: skip


@pytest.mark.parametrize("service", ["", "API_", "SERVER_", "STORAGE_", "DATABASE_", "TEMPORAL_", "WORKERS_", "_X_"])
def test_what_kubernetes_says_of_services_is_no_setting(service: str, caplog: pytest.LogCaptureFixture) -> None:
    environ = {f"GILFOYLE_{service}{name}": value for name, value in SERVICE.items()}
    assert load(environ=environ | {"GILFOYLE_SERVER__PORT": "1"}).server.port == 1
    assert not caplog.records


@pytest.mark.parametrize(
    "name",
    ["NONSENSE", "HOME", "VERSION", "LOG_LEVEL", "IMAGE_TAG", "FOO__BAR", "DATABASE_HOST", "API_NAME", "API_ENV_X", ""],
)
def test_a_variable_that_no_setting_could_have_meant_is_named(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert load(environ={f"GILFOYLE_{name}": "tcp://x"}) == Settings()
    [record] = caplog.records
    assert record.getMessage().startswith(f"GILFOYLE_{name} is not a setting, and is left alone.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SERVER_PORT", "SERVER__PORT"),
        ("SERVR__PORT", "SERVER__PORT"),
        ("_SERVER__PORT", "SERVER__PORT"),
        ("PORT", "SERVER__PORT"),
        ("HOST", "SERVER__HOST"),
        ("STORRAGE__DRIVER", "STORAGE__DRIVER"),
        ("S3_BUCKET", "STORAGE__S3__BUCKET"),
        ("STORAGE_S3_SECRET_KEY", "STORAGE__S3__SECRET_ACCESS_KEY"),
        ("DATABASEURL", "DATABASE__URL"),
        ("LIMIT", "LIMITS"),
    ],
)
def test_a_near_miss_of_a_setting_is_a_fault(tmp_path: Path, name: str, meant: str) -> None:
    found = faults(tmp_path, "", **{f"GILFOYLE_{name}": "8080"})
    assert found == [f"GILFOYLE_{name}: there is no such setting; did you mean GILFOYLE_{meant}?"]


def test_an_unknown_name_in_a_section_is_a_fault(tmp_path: Path) -> None:
    found = faults(tmp_path, "", GILFOYLE_SERVER__PROT="1", GILFOYLE_SERVER__PORT="tcp://10.0.0.1:8000")
    assert found == [
        "GILFOYLE_SERVER__PORT: server.port should be a whole number, not 'tcp://10.0.0.1:8000'.",
        "GILFOYLE_SERVER__PROT: there is no setting server.prot; did you mean server.port?",
    ]


@pytest.mark.parametrize("host", ["::1", "[::1]", "fd00::5"])
def test_an_ipv6_address_may_stand_as_in_a_url(host: str) -> None:
    server = load(environ={"GILFOYLE_SERVER__HOST": host}).server
    assert http_url(server.host, 8000) == f"http://[{host.strip('[]')}]:8000"


def test_a_secret_is_not_repeated_in_its_fault(tmp_path: Path) -> None:
    [found] = faults(tmp_path, "temporal: {api_key: 271828}")
    assert found == "temporal.api_key should be text (put it in quotes)."


KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize("text", [f"2026:{KEY}", f"[2026:{KEY}]"])
def test_an_encryption_key_comes_from_the_environment(text: str) -> None:
    [key] = load(environ={"GILFOYLE_TEMPORAL__ENCRYPTION_KEYS": text}).temporal.key_ring()
    assert (key.id, key.secret) == ("2026", bytes(range(32)))


def test_encryption_keys_keep_their_order() -> None:
    env = {"GILFOYLE_TEMPORAL__ENCRYPTION_KEYS": f"new:{KEY} old:{KEY}"}
    assert [key.id for key in load(environ=env).temporal.key_ring()] == ["new", "old"]


@pytest.mark.parametrize("key", ["271828", "a:271828", f":{KEY}", f"a b:{KEY}", f"2026:{KEY[:-4]}", f"2026:{KEY}!"])
def test_what_is_no_encryption_key_is_a_sentence_without_it(tmp_path: Path, key: str) -> None:
    [found] = faults(tmp_path, f"temporal: {{encryption_keys: [{key!r}]}}")
    assert (
        found.startswith("temporal.encryption_keys.0: must be an id, a colon and 32 bytes")
        and "openssl rand -base64 32" in found
    )
    assert key not in found and KEY[:-4] not in found


def test_an_id_of_an_encryption_key_stands_once(tmp_path: Path) -> None:
    [found] = faults(tmp_path, f"temporal: {{encryption_keys: ['a:{KEY}', 'a:{KEY}']}}")
    assert found == "temporal.encryption_keys: must not have the same id twice."


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    [found] = faults(tmp_path, f"server: {{port: {'x' * 5000}}}")
    assert len(found) < 150


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"server: [", "is not valid YAML"),
        (b"\xff\xfe\xff", "is not valid YAML"),
        (b"server: {port: 1}\nserver: {host: a}", "'server' stands there twice"),
        (b"server: {port: 1, port: 2}", "'port' stands there twice"),
        (b"- a\n- b", "must hold sections such as `server:`, not a list"),
        (b"hello", "must hold sections such as `server:`, not a str"),
    ],
)
def test_a_file_that_is_no_config_is_one_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yaml", {})
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml can't be read: No such file"):
        load(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(None, {"GILFOYLE_CONFIG": str(tmp_path)})
