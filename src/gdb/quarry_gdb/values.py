"""Values read from the program's memory, and the words they are shown in."""

import gdb

CLASSES = 104
SHOWN_BYTES = 16
MOST_ITEMS = 1000000  # of a list; more than that is a loop, in memory that was overwritten


# ---- values


def scalar(value):
    """The number or pointer in a std::atomic, relaxed or atomic_word."""
    kind = value.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT:
        return value
    return value.address.cast(kind.template_argument(0).pointer()).dereference()


def number(value):
    return int(scalar(value))


def items(array):
    """The items of a std::array, whichever library's."""
    kind = array.type.strip_typedefs()
    first = array.address.cast(kind.template_argument(0).pointer())
    return [(first + i).dereference() for i in range(int(kind.template_argument(1)))]


def list_of(first, next_member):
    count = 0
    while int(first) != 0 and count < MOST_ITEMS:
        yield first.dereference()
        first = first[next_member]
        count += 1


def in_state(pool, name):
    kind = gdb.lookup_type("quarry::detail::" + name)
    return pool["state_"].address.cast(kind.pointer()).dereference()


def span_of(span):
    """Address and size of a std::span, whichever library's."""
    fields = span.type.strip_typedefs().fields()
    pointer = next(f for f in fields if f.type.strip_typedefs().code == gdb.TYPE_CODE_PTR)
    size = span[next(f for f in fields if f != pointer and hasattr(f, "bitpos"))]
    if size.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:  # libstdc++ wraps it
        size = size[size.type.strip_typedefs().fields()[0]]
    return int(span[pointer]), int(size)


# ---- words


def block_size(size_class):
    """As include/quarry/size_class.hpp has it."""
    if size_class < 16:
        return (size_class + 1) * 8
    return (9 + size_class % 8) << (size_class // 8 + 2)


def in_bytes(count):
    if count < 1024:
        return "%d B" % count
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024:
            break
    return ("%.0f %s" if value >= 100 or value == int(value) else "%.1f %s") % (value, unit)


def counted(count, what):
    return "%d %s%s" % (count, what, "" if count == 1 else "s")


def first_bytes(address, size):
    """The first bytes in hexadecimal, and as text."""
    if size == 0:
        return ""
    try:
        memory = gdb.selected_inferior().read_memory(address, min(size, SHOWN_BYTES)).tobytes()
    except gdb.MemoryError:
        return ": not readable"
    numbers = " ".join("%02x" % b for b in memory)
    text = "".join(chr(b) if 32 <= b < 127 else "." for b in memory)
    return (": %s ... |%s|..." if size > SHOWN_BYTES else ": %s |%s|") % (numbers, text)
