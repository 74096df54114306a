"""The seed that all noise follows from: a public number, or a secret that never prints."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final, final

from gsmooth.errors import ConfigurationError

PUBLIC_BITS: Final = 53
"""Of a public seed that is drawn: every reader of JSON keeps such an integer exactly."""
SECRET_BITS: Final = 256
LEAST_SECRET_BITS: Final = 96
"""A number of 128 random bits is shorter than this with probability 2^-32."""
_TEXT: Final = re.compile(r"(?:([0-9a-fA-F]{32})\s+)?([0-9a-fA-F]{32,})")


@final
@dataclass(frozen=True)
class SeedCommitment:
    """What may be published of a secret seed: it binds to one number and does not tell it.

    hash: sha256 (hex) of ``gsmooth-seed/SALT/NUMBER``, the number in hexadecimal digits.
    """

    salt: str
    hash: str

    def binds(self, seed: SecretSeed) -> bool:
        """Whether this is a commitment to that seed."""
        return self == seed.salted(self.salt).commitment


@final
class SecretSeed:
    """A seed that an attacker must not know (S2). It does not print, and no JSON can hold it.

    number: 128 random bits or more; by default 256 fresh ones. salt: 32 hexadecimal digits for the
    commitment; by default they follow from the number. Secret seeds are equal when their numbers
    are: noise does not depend on the salt.

    Raises:
        ConfigurationError: The number is so small that it can be guessed.

    Example:
        >>> SecretSeed()
        SecretSeed(...)
    """

    __slots__ = ("_number", "_salt")

    def __init__(self, number: int | None = None, salt: str | None = None) -> None:
        self._number = secrets.randbits(SECRET_BITS) if number is None else number
        if self._number < 2**LEAST_SECRET_BITS:
            # Without the number: errors are printed and logged.
            raise ConfigurationError(
                "seed: this number is small enough to be guessed, so it is no secret; draw one of"
                " at least 128 bits, with secrets.randbits(256) or 'openssl rand -hex 32'"
            )
        self._salt = salt or _sha256(f"gsmooth-salt/{self._number:x}")[:32]

    @staticmethod
    def drawn() -> SecretSeed:
        """A fresh secret with a fresh salt."""
        return SecretSeed(salt=secrets.token_hex(16))

    @staticmethod
    def parsed(text: str, source: str) -> SecretSeed:
        """The secret that :attr:`text` wrote down, or a number alone, in hexadecimal digits.

        source: where the text comes from, for the ConfigurationError that anything else raises.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ConfigurationError(
                f"{source} holds no secret seed: expected one line of at least 32 hexadecimal"
                " digits, as 'openssl rand -hex 32' prints it"
            )
        salt, number = found.groups()
        return SecretSeed(int(number, 16), salt and salt.lower())

    @property
    def text(self) -> str:
        """Salt and number: for the file that keeps the secret, and for nothing else."""
        return f"{self._salt} {self._number:064x}"

    @property
    def commitment(self) -> SeedCommitment:
        """What may be published of it."""
        return SeedCommitment(self._salt, _sha256(f"gsmooth-seed/{self._salt}/{self._number:x}"))

    def salted(self, salt: str) -> SecretSeed:
        """The same number under another salt."""
        return SecretSeed(self._number, salt)

    def derived(self, stream: str) -> SecretSeed:
        """Another secret that follows from this one, and does not tell it."""
        return SecretSeed(int(_sha256(f"{stream}/{self._number}"), 16) | 1 << SECRET_BITS - 1)

    def reveal(self) -> int:
        """The number itself, for the streams of noise that follow from it."""
        return self._number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretSeed) and other._number == self._number

    def __hash__(self) -> int:
        return hash(_sha256(f"gsmooth-hash/{self._number:x}"))

    def __repr__(self) -> str:
        return "SecretSeed(...)"


Seed = int | SecretSeed
"""A number that anyone may know, or a secret."""


def public_seed() -> int:
    """A fresh number for a run whose noise anyone may repeat."""
    return secrets.randbits(PUBLIC_BITS)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
