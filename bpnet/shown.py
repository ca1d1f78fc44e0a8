"""Text from files and names, escaped for a terminal or quoted for a shell."""

import os
import shlex
from pathlib import Path


def plain(text: object, keep: str = "") -> str:
    r"""Text with its unprintable characters escaped, except those in ``keep``.

    Names of files, columns and classes may hold anything: sequences that a terminal obeys, or bytes
    that are not UTF-8.

    Examples
    --------
    >>> print(plain("a\x1b[31mb"), plain("caf\udce9"), plain("Öl, 25 %"))
    a\x1b[31mb caf\udce9 Öl, 25 %
    """
    # ascii() returns the escape within quotes.
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in str(text))


def pasted(path: str | Path) -> str:
    """Path quoted for a shell, with ``./`` before a name that would be taken for an option.

    Examples
    --------
    >>> print(pasted("runs/a"), pasted("my runs"), pasted("-x"))
    runs/a 'my runs' ./-x
    """
    text = str(path)
    return quoted(f"./{text}" if text.startswith("-") else text)


def quoted(text: str) -> str:
    r"""Text quoted as one word of a shell, with ``$'...'`` of bash, zsh and ksh if unprintable.

    Examples
    --------
    >>> print(quoted("a"), quoted("a b"), quoted("caf\udce9"))
    a 'a b' $'caf\xe9'
    """
    if text.isprintable():
        return shlex.quote(text)
    # In a file's name Python has a surrogate for each byte that is not UTF-8.
    return f"$'{''.join(map(_escaped, os.fsencode(text).decode('utf-8', 'surrogateescape')))}'"


def _escaped(c: str) -> str:
    if c in "\\'":
        return f"\\{c}"
    if c.isprintable():
        return c
    return "".join(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape"))
