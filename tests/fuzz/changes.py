"""Changes that a file may suffer: of its bytes, of a tree of values, of cells."""

import copy

NUMBERS = (
    0,
    1,
    -1,
    2,
    7,
    127,
    255,
    256,
    2**15,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**64,
)
FLOATS = (0.0, -0.0, 0.5, 1.5, -2.0, 1e-320, 1e38, 1e308, float("nan"), float("inf"), -float("inf"))
TEXTS = (
    *("", " ", "x", "nan", "-1", "0", "1e400", "é", "\ufeff", "\x00", "\x1b[31m", "a\nb", "\u2028"),
    *("F32", "F64", "I8", "BF16", "F8_E4M3", "dense", "dropout", "relu", "softmax", "a" * 5000),
    *("../../etc/passwd", "__class__", "os.system", "cos\nsystem\n(S'id'\ntR."),
)
VALUES = (None, True, False, [], {}, [[]], {"a": None}, [1, "a", None], *NUMBERS, *FLOATS, *TEXTS)


def spans(data, draw):
    """Bytes with one to four kinds of damage."""
    data = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        damage(data, draw)
    return bytes(data)


def damage(data, draw):
    size = max(len(data), 1)
    at, length = draw.randrange(size), draw.choice((1, 2, 4, 8, draw.randint(1, 64)))
    kind = draw.randrange(9)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << draw.randrange(8)
    elif kind == 1:
        data[at : at + length] = draw.randbytes(length)
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = draw.randbytes(length)
    elif kind == 5:
        data[at:at] = data[at : at + draw.randint(1, 200)]
    elif kind == 6:
        width, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
        number = draw.choice(NUMBERS) % (1 << 8 * width)
        data[at : at + width] = number.to_bytes(width, order)
    elif kind == 7:
        data[at : at + length] = bytes([draw.choice((0, 255, 32, 34, 91, 123))]) * length
    else:
        other = draw.randrange(size)
        first, second = data[at : at + length], data[other : other + length]
        data[at : at + len(first)], data[other : other + len(second)] = second, first


def tree(value, draw, values=VALUES):
    """A copy of nested dicts and lists with one to three nodes changed."""
    root = [copy.deepcopy(value)]
    for _ in range(draw.randint(1, 3)):
        node(root, draw, values)
    return root[0]


def node(root, draw, values):
    places = [(root, 0), *below(root[0])]
    holder, key = draw.choice(places)
    kind = draw.randrange(5)
    if kind == 0 and holder is not root:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice(TEXTS)] = draw.choice(values)
    elif kind == 2 and isinstance(holder, list) and holder is not root:
        holder.insert(key, copy.deepcopy(draw.choice([*holder, *values])))
    elif kind == 3:
        other, name = draw.choice(places)
        holder[key] = copy.deepcopy(other[name])
    else:
        holder[key] = copy.deepcopy(draw.choice(values))


def below(value):
    """Each (holder, key) of a tree."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from below(value[key])
