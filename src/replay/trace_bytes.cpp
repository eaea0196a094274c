// From a file to the bytes of a trace, through liblzma when the file is packed.
#include "trace.hpp"

#include <lzma.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace quarry_replay {
namespace {

constexpr std::array<std::uint8_t, 6> xz_magic{0xfd, '7', 'z', 'X', 'Z', 0};
constexpr std::uint64_t decoder_memory_limit = std::uint64_t{256} << 20;
constexpr std::size_t unpacked_limit = std::size_t{1} << 30; // a small corrupt file must not fill the memory
constexpr std::size_t step = std::size_t{1} << 20;

bool is_xz(const std::vector<std::uint8_t>& bytes) {
  return bytes.size() >= xz_magic.size() && std::equal(xz_magic.begin(), xz_magic.end(), bytes.begin());
}

// Called after every step, the first one too.
void refuse_what_is_no_trace(const std::vector<std::uint8_t>& bytes) {
  if (!begins_as_trace(bytes)) throw trace_error("not a QTRACE1 trace");
  if (bytes.size() > unpacked_limit) throw trace_error("more than 1 GiB, which no trace may have");
}

// The rest of a file of another kind is not read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) throw trace_error("cannot be read");
  std::vector<std::uint8_t> bytes;
  while (in) {
    const auto done = bytes.size();
    bytes.resize(done + step);
    in.read(reinterpret_cast<char*>(bytes.data() + done), step);
    bytes.resize(done + static_cast<std::size_t>(in.gcount()));
    if (!is_xz(bytes) || bytes.size() > unpacked_limit) refuse_what_is_no_trace(bytes);
  }
  if (in.bad()) throw trace_error("cannot be read");
  return bytes;
}

struct decoder {
  lzma_stream stream = LZMA_STREAM_INIT;
  decoder() {
    if (lzma_stream_decoder(&stream, decoder_memory_limit, LZMA_CONCATENATED) != LZMA_OK)
      throw trace_error("liblzma cannot be started");
  }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;
  ~decoder() { lzma_end(&stream); }
};

const char* explain(lzma_ret code) {
  switch (code) {
  case LZMA_FORMAT_ERROR:
    return "not an xz stream";
  case LZMA_DATA_ERROR:
    return "the xz stream is corrupt";
  case LZMA_BUF_ERROR:
    return "the xz stream is cut short";
  case LZMA_MEM_ERROR:
  case LZMA_MEMLIMIT_ERROR:
    return "the xz stream needs too much memory";
  default:
    return "the xz stream cannot be unpacked";
  }
}

std::vector<std::uint8_t> unpack(const std::vector<std::uint8_t>& packed) {
  decoder xz;
  xz.stream.next_in = packed.data();
  xz.stream.avail_in = packed.size();
  std::vector<std::uint8_t> bytes;
  for (;;) {
    const auto done = bytes.size();
    bytes.resize(done + step);
    xz.stream.next_out = bytes.data() + done;
    xz.stream.avail_out = step;
    const lzma_ret code = lzma_code(&xz.stream, LZMA_FINISH);
    bytes.resize(done + step - xz.stream.avail_out);
    if (code != LZMA_OK && code != LZMA_STREAM_END) throw trace_error(explain(code));
    refuse_what_is_no_trace(bytes);
    if (code == LZMA_STREAM_END) return bytes;
  }
}

} // namespace

std::vector<std::uint8_t> read_trace_bytes(const std::filesystem::path& file) {
  try {
    auto bytes = read_file(file);
    return is_xz(bytes) ? unpack(bytes) : bytes;
  } catch (const trace_error& error) {
    throw trace_error(file.string() + ": " + error.what());
  }
}

} // namespace quarry_replay
