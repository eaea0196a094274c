"""How gdb shows quarry's pools, magazines, segments and chains. In gdb, or in ~/.gdbinit:

    source PREFIX/share/quarry/quarry_printers.py

Nothing is called in the program, so it works on core files as well. A pool shows bytes, and by class the
blocks that callers have, that lie in magazines and that are free in slabs; while other threads are inside
calls on it, these may be a few blocks apart. The library must have its debug information."""

import gdb
import gdb.printing

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


# ---- magazines


def cached_blocks(magazine_set):
    """By class."""
    tops = [number(m["top"]) for m in items(magazine_set["magazines"])]
    bases = [int(base) for base in items(magazine_set["base"])]
    return [top - base for top, base in zip(tops, bases)]


class MagazineSet:
    def __init__(self, value):
        self.set = value.cast(gdb.lookup_type("quarry::detail::magazine_set"))

    def to_string(self):
        cached = cached_blocks(self.set)
        total = sum(count * block_size(c) for c, count in enumerate(cached))
        owner = int(scalar(self.set["owner"]))
        return "magazines%s: %s, %s, room for %s%s" % (
            " of the pool at 0x%x" % owner if owner else "",
            counted(sum(cached), "block"),
            in_bytes(total),
            in_bytes(number(self.set["capacity_bytes"])),
            ", owner inside" if number(self.set["busy"]) else "",
        )

    def children(self):
        slots = (self.set.address + 1).cast(gdb.lookup_type("void").pointer().pointer())
        magazines = items(self.set["magazines"])
        bases = items(self.set["base"])
        for c, count in enumerate(cached_blocks(self.set)):
            room = int(magazines[c]["end"]) - int(bases[c])
            if room == 0:
                continue
            next_out = ", next out 0x%x" % int(slots[int(bases[c]) + count - 1]) if count else ""
            yield "[%s]" % in_bytes(block_size(c)), "%d of %d%s" % (count, room, next_out)


# ---- pools


class Core:
    """A pool_core and what lies in its magazines."""

    def __init__(self, core, sets):
        self.core = core
        self.cached = [0] * CLASSES
        self.sets = 0
        for magazine_set in sets:
            self.sets += 1
            for c, count in enumerate(cached_blocks(magazine_set)):
                self.cached[c] += count
        self.classes = [self.class_of(c, scalar(p)) for c, p in enumerate(items(core["pools_"]))]

    def class_of(self, c, pool):
        if int(pool) == 0:
            return None
        slabs, carved, free = (int(pool[member]) for member in ("slabs_", "carved_", "free_"))
        used = carved - free - self.cached[c]
        return {"slabs": slabs, "used": used, "cached": self.cached[c], "free": free}

    def bytes_of(self, what):
        return sum(row[what] * block_size(c) for c, row in enumerate(self.classes) if row)

    def to_string(self):
        large = int(self.core["oversized_"]["bytes_"])
        return "%s held, %s in use, %s cached, %s free; %s, %s" % (
            in_bytes(number(self.core["upstream_"]["held_"])),
            in_bytes(self.bytes_of("used") + large),
            in_bytes(self.bytes_of("cached")),
            in_bytes(self.bytes_of("free")),
            counted(number(self.core["source_"]["chunks_"]), "chunk"),
            counted(sum(row["slabs"] for row in self.classes if row), "slab"),
        )

    def children(self):
        for c, row in enumerate(self.classes):
            if row and row["slabs"]:
                yield "[%s]" % in_bytes(block_size(c)), "%d in use, %d cached, %d free; %s" % (
                    row["used"],
                    row["cached"],
                    row["free"],
                    counted(row["slabs"], "slab"),
                )
        blocks = int(self.core["oversized_"]["blocks_"])
        if blocks:
            large = int(self.core["oversized_"]["bytes_"])
            yield "[oversized]", "%s, %s" % (counted(blocks, "block"), in_bytes(large))
        dropped = number(self.core["dropped_"])
        if dropped:
            yield "[dropped]", counted(dropped, "bad free")


class Pool:
    """What the pools have in common. `read` makes the core of a pool."""

    def __init__(self, value):
        self.name = value.type.strip_typedefs().unqualified().name.split("::")[-1]
        self.core = None
        try:
            self.core = self.read(value)
            self.text = self.core.to_string()
        except gdb.MemoryError:
            self.core, self.text = None, "not readable; not constructed yet, or overwritten?"
        except gdb.error as error:
            self.core, self.text = None, "without the library's debug information (%s)" % error

    def to_string(self):
        return "%s: %s" % (self.name, self.text)

    def children(self):
        return self.core.children() if self.core else iter(())


class UnsynchronizedPool(Pool):
    def read(self, value):
        return Core(in_state(value, "unsynchronized_state")["core"], [value["magazines_"].dereference()])


class SharedPool(Pool):
    """Threads have magazines of it."""

    def state_of(self, value):
        return in_state(value, "synchronized_state")

    def read(self, value):
        state = self.state_of(value)
        return Core(state["core"], list_of(state["caches"]["first_"], "next"))

    def to_string(self):
        threads = "; magazines of " + counted(self.core.sets, "thread") if self.core else ""
        return Pool.to_string(self) + threads


class SegmentPool(SharedPool):
    def state_of(self, value):
        kind = gdb.lookup_type("quarry::detail::segment_core")
        core = value["front_"].cast(kind.pointer()).dereference()
        return {"core": core["core_"], "caches": core["caches_"]}


# ---- slabs


class Slab:
    def __init__(self, value):
        self.slab = value

    def to_string(self):
        c = number(self.slab["class_index"])
        if c >= CLASSES:
            return "slab: of no class"
        blocks, free = number(self.slab["blocks"]), int(self.slab["free_count"])
        return "slab of %s at 0x%x: %d taken, %d free, %d of these untouched" % (
            in_bytes(block_size(c)) + " blocks",
            int(scalar(self.slab["base"])),
            blocks - free,
            free,
            blocks - int(self.slab["touched"]),
        )


# ---- segments


class Segment:
    def __init__(self, value):
        self.segment = value

    def to_string(self):
        block = self.segment["block_"]
        data, size = int(block["data"]), int(self.segment["size_"])
        if data == 0:
            return "segment: none"
        return "segment of %d bytes, capacity %d, at 0x%x%s" % (
            size,
            int(block["capacity"]),
            data,
            first_bytes(data, size),
        )


class SharedSegment:
    def __init__(self, value):
        self.segment = value

    def owners(self):
        record = self.segment["block_"]["record"]
        if int(record) == 0:
            return ""
        try:
            complete = record.cast(gdb.lookup_type("quarry::detail::block_record").pointer())
            return ", " + counted(number(complete["shares"]), "owner")
        except gdb.error:
            return ""

    def to_string(self):
        data, size = span_of(self.segment["bytes_"])
        if data == 0:
            return "shared_segment: none"
        return "shared_segment of %d bytes%s, at 0x%x%s" % (size, self.owners(), data, first_bytes(data, size))


def span_of(span):
    """Address and size of a std::span, whichever library's."""
    fields = span.type.strip_typedefs().fields()
    pointer = next(f for f in fields if f.type.strip_typedefs().code == gdb.TYPE_CODE_PTR)
    size = span[next(f for f in fields if f != pointer and hasattr(f, "bitpos"))]
    if size.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:  # libstdc++ wraps it
        size = size[size.type.strip_typedefs().fields()[0]]
    return int(span[pointer]), int(size)


class Chain:
    def __init__(self, value):
        table = value["pieces_"]
        first, last = int(table["first_"]), int(table["last_"])
        views = [table["views_"][i] for i in range(first, min(last, first + MOST_ITEMS))]
        self.pieces = [(int(view["iov_base"]), int(view["iov_len"])) for view in views]

    def to_string(self):
        size = sum(length for _, length in self.pieces)
        return "segment_chain of %s in %s" % (counted(size, "byte"), counted(len(self.pieces), "piece"))

    def children(self):
        for i, (address, size) in enumerate(self.pieces):
            yield "[%d]" % i, "%s at 0x%x%s" % (counted(size, "byte"), address, first_bytes(address, size))


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("quarry")
    for name, printer in (
        ("unsynchronized_pool_resource", UnsynchronizedPool),
        ("synchronized_pool_resource", SharedPool),
        ("segment_pool", SegmentPool),
        ("segment", Segment),
        ("shared_segment", SharedSegment),
        ("segment_chain", Chain),
        ("detail::magazine_set", MagazineSet),
        ("detail::thread_cache", MagazineSet),
        ("detail::slab", Slab),
    ):
        collection.add_printer(name, "^quarry::%s$" % name, printer)
    return collection


gdb.printing.register_pretty_printer(None, printers(), replace=True)
