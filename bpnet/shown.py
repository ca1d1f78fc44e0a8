"""What names and other text of files may do on a screen and in a shell: be read, and no more."""

import os
import shlex
from pathlib import Path


def plain(text: object, keep: str = "") -> str:
    r"""Text in which control characters, and what is no text at all, are escaped.

    Names of files, of columns and of classes may hold anything: sequences that a terminal obeys,
    bytes that are not UTF-8.

    Parameters
    ----------
    text : object
        As ``str`` has it.
    keep : str
        Characters that stay as they are although they are not printable.

    Examples
    --------
    >>> print(plain("a\x1b[31mb"), plain("caf\udce9"), plain("Öl, 25 %"))
    a\x1b[31mb caf\udce9 Öl, 25 %
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in str(text))


def pasted(path: str | Path) -> str:
    """A path as a word that a shell takes for it, and a command for no option.

    Examples
    --------
    >>> print(pasted("runs/a"), pasted("my runs"), pasted("-x"))
    runs/a 'my runs' ./-x
    """
    text = str(path)
    return quoted(f"./{text}" if text.startswith("-") else text)


def quoted(text: str) -> str:
    r"""Text as one word of a shell.

    What a screen would not show is written with ``$'...'``, as bash, zsh and ksh read it.

    Examples
    --------
    >>> print(quoted("a"), quoted("a b"), quoted("caf\udce9"))
    a 'a b' $'caf\xe9'
    """
    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, os.fsencode(text).decode('utf-8', 'surrogateescape')))}'"


def _escaped(c: str) -> str:
    if c in "\\'":
        return f"\\{c}"
    if c.isprintable():
        return c
    return "".join(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape"))
