"""No file of the repository holds a secret: what has the form that its issuer gives it, or is a private key.

Patterns are those that issuers publish for scanners, and our own. They say little about passwords, which have no form;
`detect-secrets`, which guesses at those, has had no release since 2024 (Yelp/detect-secrets#953).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 2 << 20
# Each with what it begins with, or always holds: looking for that first takes a tenth of the time.
FORMS = {
    "a private key": ("PRIVATE KEY-----", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}"),
    "an AWS access key": ("AKIA", r"\bAKIA[A-Z2-7]{16}\b"),
    "an AWS access key for a while": ("ASIA", r"\bASIA[A-Z2-7]{16}\b"),
    "a GitHub token": ("ghp_", r"\bghp_[A-Za-z0-9]{36}\b"),
    "a GitHub App's token": ("ghs_", r"\bghs_[A-Za-z0-9]{36}\b"),
    "a fine-grained GitHub token": ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{82}\b"),
    "a GitLab token": ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20}\b"),
    "a PyPI token": ("pypi-", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    "an npm token": ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a Slack token": ("xox", r"\bxox[abeoprs]-[0-9A-Za-z-]{20,}"),
    "a Google key": ("AIza", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a Stripe key": ("k_live_", r"\b[rs]k_live_[A-Za-z0-9]{24,}"),
    "an OpenAI key": ("sk-proj-", r"\bsk-proj-[A-Za-z0-9_-]{32,}"),
    "an Anthropic key": ("sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{32,}"),
    "a Docker Hub token": ("dckr_pat_", r"\bdckr_pat_[A-Za-z0-9_-]{27}\b"),
    "a JSON Web Token": ("eyJ", r"\beyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{22,}"),
    "an API key of ours": ("gf_", r"\bgf_[A-Za-z0-9_-]{43}\b"),
    "an upload token of ours": ("upload_", r"\bupload_[A-Za-z0-9_-]{32}\b"),
    "a webhook secret of ours": ("whsec_", r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    "a presigned address": ("X-Amz-Signature=", r"X-Amz-Signature=[0-9a-f]{64}"),
    "a package index of somebody's": ("/simple", r"https?://[^/\s:@'\"]+:[^/\s:@'\"]{8,}@[^/\s'\"]+/simple"),
}
KNOWN = {
    # The specification's own example: https://www.standardwebhooks.com.
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    # Made up, as examples of the API and in tests of its client.
    "gf_k3Jq8ZwTUo0mUqB6yyqJ8dG1hX5oQnVwT2sYbE4rLcA",
    "upload_Yb0T4mVQ2J9nXc1rZ8sWk5dLhQeU7aFg",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfFh1fDJlA",
    "whsec_AAFVsBQIhrscChlQIMV+b5sSYspob7oDazfFh1fDJlA",
}


def found_in(text: str) -> list[str]:
    """What kinds of secrets a text holds."""
    found = []
    for kind, (part, form) in FORMS.items():
        if part in text and any(match[0] not in KNOWN for match in re.finditer(form, text)):
            found.append(kind)
    return found


def tracked() -> list[Path]:
    """The files of the repository, or of the folder where it is none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    kept = ("gilfoyle", "tests", "docs", "deploy", "bench", "chaos", "corpus")
    return [path for name in kept for path in (ROOT / name).rglob("*")] + [*ROOT.glob("*.*")]


def test_no_file_holds_a_secret() -> None:
    files = (path for path in tracked() if path.is_file() and path.stat().st_size <= MOST_BYTES)
    kinds = {str(path.relative_to(ROOT)): found_in(path.read_bytes().decode(errors="ignore")) for path in files}
    assert {name: found for name, found in kinds.items() if found} == {}


def test_the_files_are_found() -> None:
    names = {path.name for path in tracked()}
    assert {"README.md", "settings.py", "test_no_secrets.py"} <= names


# Put together here, or this file would be one that holds them.
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a private key", "-----BEGIN " + "RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA"),
        ("an AWS access key", "AK" + "IA" + "J2345672ABCDEFGH"),
        ("a GitHub token", "gh" + "p_" + "a1" * 18),
        ("a PyPI token", "pypi-" + "AgEIcHlwaS5vcmc" + "x" * 60),
        ("a JSON Web Token", ".".join(["ey" + "JhbGciOiJIUzI1", "ey" + "JzdWIiOiIxMjM0", "s" * 43])),
        ("an API key of ours", "gf" + "_" + "aB3_-" * 8 + "xyz"),
        ("a webhook secret of ours", "whsec" + "_" + "A" * 32),
        ("a presigned address", "?X-Amz-Signature" + "=" + "0f" * 32),
        ("a package index of somebody's", "https://me:" + "hunter22hunter" + "@pypi.example/simple"),
    ],
)
def test_a_secret_is_found(kind: str, text: str) -> None:
    assert found_in(f'key = "{text}"\n') == [kind]
