"""The seed that determines all noise: a public number, or a secret that is never printed."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final, final

from gsmooth.errors import ConfigurationError

PUBLIC_BITS: Final = 53
"""Bits of a public seed that is drawn: every reader of JSON keeps such an integer exactly."""
SECRET_BITS: Final = 256
LEAST_SECRET_BITS: Final = 96
"""A number of 128 random bits is shorter than this with probability 2^-32."""
_TEXT: Final = re.compile(r"(?:([0-9a-fA-F]{32})\s+)?([0-9a-fA-F]{32,})")


@final
@dataclass(frozen=True)
class SeedCommitment:
    """The public part of a secret seed: it belongs to one number and does not tell it.

    Args:
        salt: 32 hexadecimal digits.
        hash: sha256 (hex) of ``gsmooth-seed/SALT/NUMBER``, the number in hexadecimal digits.

    Example:
        >>> secret = SecretSeed()
        >>> secret.commitment.binds(secret), secret.commitment.binds(SecretSeed())
        (True, False)
    """

    salt: str
    hash: str

    def binds(self, seed: SecretSeed) -> bool:
        """Whether this is a commitment to a seed.

        Args:
            seed: The secret seed.

        Returns:
            Whether the hash of its number with this salt is the same.
        """
        return self == seed.salted(self.salt).commitment


@final
class SecretSeed:
    """A seed that an adversary must not know (S2). It does not print, and no JSON can hold it.

    S2: the probability alpha of an error is over votes that are drawn independently of the image;
    an adversary who knows the seed can make an image for it. Secret seeds are equal when their
    numbers are, because noise does not depend on the salt.

    Args:
        number: 128 random bits or more. None: 256 fresh ones.
        salt: 32 hexadecimal digits for the commitment. None: they follow from the number.

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

        Args:
            text: The line.
            source: Where the text comes from, for the error.

        Returns:
            The secret seed.

        Raises:
            ConfigurationError: The text is anything else.
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
        """The part that may be published."""
        return SeedCommitment(self._salt, _sha256(f"gsmooth-seed/{self._salt}/{self._number:x}"))

    def salted(self, salt: str) -> SecretSeed:
        """The same number with another salt.

        Args:
            salt: 32 hexadecimal digits.

        Returns:
            A seed that is equal to this one.
        """
        return SecretSeed(self._number, salt)

    def derived(self, stream: str) -> SecretSeed:
        """Another secret that follows from this one and does not tell it.

        Args:
            stream: What the other secret is for.

        Returns:
            The same secret for the same stream.
        """
        return SecretSeed(int(_sha256(f"{stream}/{self._number}"), 16) | 1 << SECRET_BITS - 1)

    def reveal(self) -> int:
        """The number itself, from which the streams of noise follow."""
        return self._number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretSeed) and other._number == self._number

    def __hash__(self) -> int:
        return hash(_sha256(f"gsmooth-hash/{self._number:x}"))

    def __repr__(self) -> str:
        return "SecretSeed(...)"


Seed = int | SecretSeed
"""A public number, or a secret."""


def public_seed() -> int:
    """A fresh number for a run whose noise anyone may repeat.

    Returns:
        An integer of at most 53 bits, which every reader of JSON keeps exactly.

    Example:
        >>> 0 <= public_seed() < 2**53
        True
    """
    return secrets.randbits(PUBLIC_BITS)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
