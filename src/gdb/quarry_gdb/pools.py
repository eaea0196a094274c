"""Magazines, pools and slabs."""

import gdb

from quarry_gdb.values import CLASSES, block_size, counted, in_bytes, in_state, items, list_of, number, scalar


# ---- magazines


def cached_blocks(magazine_set):
    """By class; of the magazine that is never open there are none."""
    magazines = items(magazine_set["magazines"])
    ahead = [int(count) for count in items(magazine_set["ahead"])]
    return [number(m["top"]) - int(m["base"]) + count for m, count in zip(magazines, ahead)]


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
        ahead = [int(count) for count in items(self.set["ahead"])]
        for c, count in enumerate(cached_blocks(self.set)):
            end = int(magazines[c]["end"])
            room = end - int(magazines[c]["base"])
            if room == 0:
                continue
            next_slot = end - ahead[c] if ahead[c] else number(magazines[c]["top"]) - 1
            next_out = ", next out 0x%x" % int(slots[next_slot]) if count else ""
            yield "[%s]" % in_bytes(block_size(c)), "%d of %d%s" % (count, room, next_out)


# ---- pools


def in_depot(pool):
    """Blocks of a class on their way from thread to thread."""
    depot = scalar(pool["depot_"])
    return 0 if int(depot) == 0 else number(depot["count_"])


def young_blocks(piece):
    """The classes of the blocks in use in a piece of a nursery, whose head has a byte for each unit."""
    units = int(piece["units_"])
    states = bytes(gdb.selected_inferior().read_memory(number(piece["first_"]) - units, units))
    return [state - 0x80 for state in states if state >= 0x80]


class Core:
    """A pool_core and what lies in its magazines and depots."""

    def __init__(self, core, sets):
        self.core = core
        self.cached = [0] * CLASSES
        self.sets = 0
        for magazine_set in sets:
            self.sets += 1
            for c, count in enumerate(cached_blocks(magazine_set)):
                self.cached[c] += count
        self.pieces = 0  # of the nursery
        self.young = [0] * CLASSES  # blocks in it, each a slab of its own
        for piece in items(core["nursery_"]["pieces_"]):
            if number(piece["first_"]):
                self.pieces += 1
                for c in young_blocks(piece):
                    self.young[c] += 1
        self.classes = [self.class_of(c, scalar(p)) for c, p in enumerate(items(core["pools_"]["pools_"].dereference()))]

    def class_of(self, c, pool):
        slabs = carved = free = depot = 0
        if int(pool) != 0:
            slabs, carved, free = (int(pool[member]) for member in ("slabs_", "carved_", "free_"))
            depot = in_depot(pool)
        cached, young = self.cached[c] + depot, self.young[c]
        return {"slabs": slabs + young, "used": carved + young - free - cached, "cached": cached, "free": free}

    def bytes_of(self, what):
        return sum(row[what] * block_size(c) for c, row in enumerate(self.classes))

    def to_string(self):
        large = int(self.core["oversized_"]["bytes_"])
        return "%s held, %s in use, %s cached, %s free; %s, %s" % (
            in_bytes(number(self.core["upstream_"]["held_"])),
            in_bytes(self.bytes_of("used") + large),
            in_bytes(self.bytes_of("cached")),
            in_bytes(self.bytes_of("free")),
            counted(number(self.core["source_"]["chunks_"]) + self.pieces, "chunk"),
            counted(sum(row["slabs"] for row in self.classes), "slab"),
        )

    def children(self):
        for c, row in enumerate(self.classes):
            if row["slabs"]:
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
        return Core(state["core"], list_of(state["magazines"]["first_"], "next"))

    def to_string(self):
        threads = "; magazines of " + counted(self.core.sets, "thread") if self.core else ""
        return Pool.to_string(self) + threads


class SegmentPool(SharedPool):
    def state_of(self, value):
        kind = gdb.lookup_type("quarry::detail::segment_core")
        core = value["front_"].cast(kind.pointer()).dereference()
        return {"core": core["core_"], "magazines": core["caches_"]}


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
