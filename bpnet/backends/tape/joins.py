"""Arrays that a step joins to one vector, made in their place in it.

The gradients of small layers are joined to the vector that an optimizer moves. A replay makes each
of them where it is in that vector, so that nothing is copied.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from bpnet.backends.tape.calls import Call, Ref, Tape, can_be_told, touched


@dataclass(frozen=True)
class Join:
    """A call that joins arrays to one vector.

    Parameters
    ----------
    call : Call
        What joins.
    parts : tuple of (int, int)
        Number of each array that is joined, and of the value whose memory it shows, which is made
        in its place; that is -1 where it must be copied there.
    """

    call: Call
    parts: tuple[tuple[int, int], ...]

    def places(self, tape: Tape) -> list[tuple[int, int]]:
        """First element of each part in the vector, and one behind its last."""
        ends = np.cumsum([math.prod(tape.values[n].shape) for n, _ in self.parts]).tolist()
        return list(zip([0, *ends], ends, strict=False))


def find(tape: Tape, handed: frozenset[int]) -> list[Join]:
    """Calls on a tape that join arrays.

    Parameters
    ----------
    tape : Tape
        Of a step.
    handed : set of int
        Values that the step is given, or hands on: their memory is not the vector's.
    """
    made = {call.result: (i, call) for i, call in enumerate(tape.calls) if not call.in_place}
    writes: dict[int, list[int]] = defaultdict(list)
    reads: dict[int, list[int]] = defaultdict(list)
    for i, call in enumerate(tape.calls):
        for n in touched(tape, call):
            reads[tape.values[n].root].append(i)
        if call.in_place:
            writes[tape.values[call.result].root].append(i)
    found, taken = [], set(handed)
    for at, call in enumerate(tape.calls):
        if not _is_join(tape, call) or call.result in handed:
            continue
        parts = []
        for n in call.args[0]:
            root = tape.values[n].root
            whole = math.prod(tape.values[root].shape) == math.prod(tape.values[n].shape)
            ours = root in made and root not in taken and whole
            # what is joined is read no more, or nobody writes to either copy
            later = any(i > at for i in reads[root]) and any(i > at for i in writes[call.result])
            alone = not later and not any(i > at for i in writes[root])
            in_place = ours and alone and can_be_told(tape, made[root][1])
            parts.append((int(n), root if in_place else -1))
            taken.add(root)
        found.append(Join(call, tuple(parts)))
    return found


def _is_join(tape: Tape, call: Call) -> bool:
    """Whether a call joins vectors of one dtype to a longer one."""
    if call.what is not np.concatenate or not isinstance(call.args[0], tuple):
        return False
    result = tape.values[call.result]
    parts = [tape.values[n] if isinstance(n, Ref) else None for n in call.args[0]]
    return len(result.shape) == 1 and all(
        v is not None and (len(v.shape), v.dtype, v.order) == (1, result.dtype, "C") for v in parts
    )
