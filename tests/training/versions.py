"""Checkpoints as older versions of bpnet wrote them."""

OF_RUN = {"format", "version", "at", "asked", "backend", "machine", "columns"}


def as_version_4(numbers, tensors):
    """The form that a network alone had, with nothing around it."""
    own = numbers.pop("networks")["0"]
    for name in {*numbers} - OF_RUN:
        del numbers[name]
    del own["error"]
    numbers.update(own, version=4)
    for name in [*tensors]:
        tensors[name.removeprefix("0 ")] = tensors.pop(name)
