"""How gdb shows quarry's pools, magazines, segments and chains. In gdb, or in ~/.gdbinit:

    source PREFIX/share/quarry/quarry_printers.py

Nothing is called in the program, so it works on core files as well. A pool shows bytes, and by class the
blocks that callers have, that lie in magazines and depots and that are free in slabs; while other threads are
inside calls on it, these may be a few blocks apart. The library must have its debug information."""

import os
import sys

import gdb
import gdb.printing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from quarry_gdb import pools, segments  # beside this file


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("quarry")
    for name, printer in (
        ("unsynchronized_pool_resource", pools.UnsynchronizedPool),
        ("synchronized_pool_resource", pools.SharedPool),
        ("segment_pool", pools.SegmentPool),
        ("segment", segments.Segment),
        ("shared_segment", segments.SharedSegment),
        ("segment_chain", segments.Chain),
        ("detail::magazine_set", pools.MagazineSet),
        ("detail::thread_cache", pools.MagazineSet),
        ("detail::slab", pools.Slab),
    ):
        collection.add_printer(name, "^quarry::%s$" % name, printer)
    return collection


gdb.printing.register_pretty_printer(None, printers(), replace=True)
