"""A node's state folder: its configuration, its keys, and the household's first roster.

node.toml       what the node is and whom it dials (NodeConfig)
identity.key    its Ed25519 secret, mode 0600
tls.pem         its server key and certificate, mode 0600, if it listens
genesis.json    the op that began the household, signed by the brain
node.db         all that it holds        node.sock   where the command line finds it
node.lock       held by the process that runs the node
"""

import contextlib
import fcntl
import json
import os
import secrets
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from manyends.protocol.identity import Identity, b64, unb64
from manyends.protocol.ids import DeviceId
from manyends.protocol.ops import Op
from manyends.protocol.payloads import Genesis
from manyends.protocol.roster import Profile, Roster, RosterEntry

from .tls import make_certificate, pin_of

Address = Annotated[str, StringConstraints(pattern=r"^.+:\d{1,5}$", max_length=300)]


class ConfigError(Exception):
    """The folder can't be used as it is; the text says what is wrong and what to do."""


class NodeConfig(BaseModel):
    """What `node.toml` may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    device: DeviceId
    profile: Profile
    listen: Address | None = None
    model: str = "none"
    log: str = "info"
    peers: dict[DeviceId, Address] = {}


class StateFolder:
    """Reads and writes one node's folder."""

    def __init__(self, path: Path) -> None:
        """Take the folder's path; nothing is read yet."""
        self.path = path
        self.database = path / "node.db"
        self.socket = path / "node.sock"
        self.tls = path / "tls.pem"
        self._config = path / "node.toml"
        self._key = path / "identity.key"
        self._genesis = path / "genesis.json"

    def config(self) -> NodeConfig:
        """Return the configuration; `ConfigError` says which line or key is wrong."""
        try:
            content = tomllib.loads(self._config.read_text())
            return NodeConfig.model_validate(content)
        except FileNotFoundError:
            raise ConfigError(
                f"{self._config} is not there. `manyends up` makes a household."
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{self._config} is not TOML: {error}") from None
        except ValidationError as error:
            raise ConfigError(f"{self._config}: {_first(error)}") from None

    def identity(self) -> Identity:
        """Return the device's key pair; `ConfigError` if it is missing, damaged or readable."""
        try:
            if self._key.stat().st_mode & 0o077:
                raise ConfigError(
                    f"others may read {self._key}. Close it: chmod 600 {self._key}"
                ) from None
            return Identity(unb64(self._key.read_text().strip()))
        except (OSError, ValueError) as error:
            raise ConfigError(f"the key {self._key} can't be used: {error}") from None

    def genesis(self) -> Op:
        """Return the op that began the household; `ConfigError` if it can't be read."""
        try:
            return Op.model_validate_json(self._genesis.read_bytes())
        except OSError as error:
            raise ConfigError(f"{self._genesis} can't be used: {error}") from None
        except ValidationError as error:
            raise ConfigError(f"{self._genesis} can't be used: {_first(error)}") from None

    def roster(self) -> Roster:
        """Return the household's first roster; `ConfigError` if it can't be read."""
        try:
            return Genesis.model_validate(self.genesis().payload).roster
        except ValidationError as error:
            raise ConfigError(f"{self._genesis} can't be used: {_first(error)}") from None

    def entry(self, config: NodeConfig) -> RosterEntry:
        """Return this device's own line of the roster."""
        entry = self.roster().device(config.device)
        if entry is None:
            raise ConfigError(f"{config.name} is not in the roster of {self._genesis}")
        return entry

    def create(self, config: NodeConfig) -> tuple[str, str | None]:
        """Make the folder with new keys; return the device's public key and its TLS pin."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        secret = secrets.token_bytes(32)
        _write_private(self._key, b64(secret).encode())
        pin = None
        if config.listen is not None:
            pem, pin = make_certificate()
            _write_private(self.tls, pem)
        self.configure(config)
        return Identity(secret).public, pin

    def configure(self, config: NodeConfig) -> None:
        """Write the configuration."""
        lines = ["# What this node of a manyends household is."]
        content: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
        peers = content.pop("peers")
        lines += [f"{key} = {_quoted(value)}" for key, value in content.items()]
        lines += ["", "[peers]  # where a device was told to be found"]
        lines += [f"{device} = {_quoted(address)}" for device, address in peers.items()]
        self._config.write_text("\n".join(lines) + "\n")

    def found(self, genesis: Op) -> None:
        """Write the household's first op."""
        self._genesis.write_text(genesis.model_dump_json(exclude_none=True))

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the one process of this node while the context lasts.

        The system ends the claim with the process. Raises `ConfigError` if another one has it.
        """
        with (self.path / "node.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConfigError(
                    f"the node of {self.path} runs already. Stop that process first."
                ) from None
            yield

    def pin(self) -> str:
        """Return the pin of the node's own certificate; `ConfigError` if it is unusable."""
        try:
            return pin_of(self.tls)
        except (OSError, ValueError) as error:
            raise ConfigError(f"the certificate {self.tls} can't be used: {error}") from None


def split_address(address: Address) -> tuple[str, int]:
    """Return host and port of `host:port`; an IPv6 host may stand in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _quoted(value: str) -> str:
    """Write a TOML string: a JSON string is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def _first(error: ValidationError) -> str:
    """Say the first mistake in one line, a misspelt key before a missing one."""
    mistakes = error.errors(include_url=False, include_input=False)
    first = max(mistakes, key=lambda mistake: mistake["type"] == "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(NodeConfig.model_fields)
        return f"the key {where!r} is not known. Known are: {known}"
    return f"{where}: {first['msg']}"
