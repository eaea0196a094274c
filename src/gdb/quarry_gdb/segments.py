"""Segments, shared ones, and chains."""

import gdb

from quarry_gdb.values import MOST_ITEMS, counted, first_bytes, number, span_of


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
