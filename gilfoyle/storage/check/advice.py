"""What a person can do about a failure, where the backend's own sentence doesn't say it."""

from __future__ import annotations

import errno
import json
import os
import pwd

import httpx

from gilfoyle.errors import GilfoyleError
from gilfoyle.storage.check.trial import Trial

_CORS = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["Content-Length", "Content-Range", "ETag"],
    "MaxAgeSeconds": 3600,
}


def for_error(error: GilfoyleError, trial: Trial) -> str:
    """A sentence on what to do besides; empty if the error's own says it."""
    cause = error.__cause__
    if trial.driver != "filesystem" or not isinstance(cause, OSError):
        return ""
    folder = trial.settings.filesystem.path.absolute()
    if cause.errno in (errno.EACCES, errno.EPERM):
        return f"Let the user {user()} read and write in {folder} (chown or chmod), or correct the path."
    if cause.errno == errno.EROFS:
        return f"Mount the disk of {folder} for writing, or set storage.filesystem.path to another folder."
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"Make room on the disk of {folder}, raise its quota, or set storage.filesystem.path to another."
    return f"Check the disk of {folder} and storage.filesystem.path."


def user() -> str:
    """Who this process is to files."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container
        return str(number)


def cors_rule(trial: Trial, place: str, origin: str, allowed: str) -> str:
    """What to set so that browsers let pages of another site read what they fetch."""
    page = "a page whose origin browsers hide (after a redirect)" if origin == "null" else f"a page at {origin}"
    fault = f"Browsers won't let {page} play from {place}: "
    fault += f"it allows {allowed} only. " if allowed else "it sends no Access-Control-Allow-Origin. "
    if trial.driver == "s3" and not trial.settings.s3.public_url:
        return f"{fault}{_put_cors(trial)} (or set storage.s3.serve to proxy)."
    return f"{fault}Let it add the header `Access-Control-Allow-Origin: *` to answers to GET and HEAD."


def cors_rule_for_parts(trial: Trial, place: str, origin: str, fault: str) -> str:
    """What to set so that pages of that origin can send parts of an upload straight to the bucket."""
    sentence = f"Browsers won't let a page at {origin} send parts of an upload to {place}: {fault}."
    return f"{sentence} Uploads by way of the API are not affected. {_put_cors(trial)}."


def _put_cors(trial: Trial) -> str:
    s3, rule = trial.settings.s3, json.dumps({"CORSRules": [_CORS]})
    where = f"--bucket {s3.bucket}" + (f" --endpoint-url {s3.endpoint}" if s3.endpoint else "")
    return f"Give the bucket this rule: aws s3api put-bucket-cors {where} --cors-configuration '{rule}'"


def fetch_advice(trial: Trial, place: str, answer: httpx.Response, who: str) -> str:
    """What to do about an answer with the wrong status."""
    status = answer.status_code
    fault = f"{place} answers {status} to {who}: "
    if who == "a player" and trial.driver == "s3" and trial.settings.s3.public_url:
        return f"{fault}it must serve what lies below storage.s3.prefix to anyone; check storage.s3.public_url."
    if status in (401, 403):
        return (
            f"{fault}the signed URL is refused. Check that the credentials may read (s3:GetObject), that no proxy"
            " changes the Host header, and this machine's clock."
        )
    if status == 404:
        return f"{fault}the object isn't there. Check that the address leads to the same storage."
    return f"{fault}check that it leads to the storage and serves its objects."


def storage_setting(trial: Trial) -> str:
    """Names the setting that says where the storage is."""
    return {"s3": "storage.s3.endpoint", "ipfs": "storage.ipfs.api"}.get(trial.driver, "the backend's settings")


def player_setting(trial: Trial) -> str:
    """Names the setting that decides where players are sent."""
    if trial.driver == "s3":
        given = [name for name in ("public_url", "player_endpoint") if getattr(trial.settings.s3, name)]
        return f"storage.s3.{(given or ['endpoint'])[0]}"
    if trial.driver == "ipfs":
        return "storage.ipfs.public_gateway (and that the node can be reached from there)"
    return "the backend's settings"
