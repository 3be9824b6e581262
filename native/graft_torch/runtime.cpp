#include "border.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <cstdlib>
#include <cstring>
#include <new>
#include <torch/cuda.h>
#include <torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace graft {

#ifdef __GLIBC__
namespace {

// A training step frees gigabytes at its end and wants them back at once. glibc would return large blocks to the system each time, and the
// page faults of the next step cost up to a quarter of it (docs/decisions/0005-allocator.md). Whoever set malloc's own variables is left alone.
const bool keeps_freed_memory = [] {
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") || std::getenv("MALLOC_TRIM_THRESHOLD_") || std::getenv("GLIBC_TUNABLES")) return false;
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  return true;
}();

}  // namespace
#endif

std::atomic<int64_t> live_tensors{0};

namespace {

thread_local std::string t_error;
thread_local std::string t_text;

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* word : words)
    if (text.find(word) != std::string::npos) return true;
  return false;
}

// libtorch has no type for a shape fault, so the words of its messages decide.
graft_status classify(const std::string& message) {
  if (mentions(message, {"out of memory", "can't allocate memory", "not enough memory"})) return GRAFT_MEMORY;
  if (mentions(message, {"Could not run '", "not implemented for"})) return GRAFT_UNSUPPORTED;
  if (mentions(message, {"must match the size", "shapes cannot be multiplied", "size mismatch", "Sizes of tensors must match",
                         "is invalid for input of size", "Dimension out of range", "size of tensor", "Expected size",
                         "must match the existing size", "shape", "stack expects each tensor to be equal size",
                         "Expected batch2_sizes", "view size is not compatible", "exceeds dimension size",
                         "number of dimensions", "must have same reduction dim", "mat1 and mat2", "vec1 and vec2"}))
    return GRAFT_SHAPE;
  return GRAFT_FAULT;
}

}  // namespace

graft_status fail(graft_status status, const char* message) noexcept {
  try {
    t_error = message;
  } catch (...) {
    t_error.clear();
  }
  return status;
}

graft_status fail_now() noexcept {
  try {
    try {
      throw;
    } catch (const c10::OutOfMemoryError& e) {
      return fail(GRAFT_MEMORY, e.what_without_backtrace());
    } catch (const c10::Error& e) {
      const std::string message = e.what_without_backtrace();
      return fail(classify(message), message.c_str());
    } catch (const std::bad_alloc&) {
      return fail(GRAFT_MEMORY, "the process ran out of memory");
    } catch (const std::exception& e) {
      const std::string message = e.what();
      return fail(classify(message), message.c_str());
    } catch (...) {
      return fail(GRAFT_FAULT, "an exception of unknown type");
    }
  } catch (...) {
    return fail(GRAFT_FAULT, "an error whose message could not be read");
  }
}

at::ScalarType dtype_of(int32_t dtype) {
  switch (dtype) {
    case GRAFT_FLOAT32: return at::kFloat;
    case GRAFT_FLOAT64: return at::kDouble;
    case GRAFT_BFLOAT16: return at::kBFloat16;
    case GRAFT_FLOAT16: return at::kHalf;
    case GRAFT_INT64: return at::kLong;
    case GRAFT_INT32: return at::kInt;
    case GRAFT_UINT8: return at::kByte;
    case GRAFT_BOOL: return at::kBool;
    default: TORCH_CHECK(false, "unknown dtype code ", dtype);
  }
}

int32_t dtype_code(at::ScalarType type) noexcept {
  switch (type) {
    case at::kFloat: return GRAFT_FLOAT32;
    case at::kDouble: return GRAFT_FLOAT64;
    case at::kBFloat16: return GRAFT_BFLOAT16;
    case at::kHalf: return GRAFT_FLOAT16;
    case at::kLong: return GRAFT_INT64;
    case at::kInt: return GRAFT_INT32;
    case at::kByte: return GRAFT_UINT8;
    case at::kBool: return GRAFT_BOOL;
    default: return GRAFT_OTHER_DTYPE;
  }
}

at::Device device_of(int32_t kind, int32_t index) {
  if (kind == GRAFT_CPU) return at::Device(at::kCPU);
  TORCH_CHECK(kind == GRAFT_CUDA, "unknown device code ", kind);
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace graft

graft_status graft_last_error(const char** message) {
  *message = graft::t_error.c_str();
  return GRAFT_OK;
}

graft_status graft_abi_version(int32_t* result) {
  *result = GRAFT_ABI_VERSION;
  return GRAFT_OK;
}

graft_status graft_version(const char** result) {
  *result = TORCH_VERSION;
  return GRAFT_OK;
}

graft_status graft_config(const char** result) {
  GRAFT_TRY(graft::t_text = at::show_config() + "\n" + at::get_parallel_info(); *result = graft::t_text.c_str();)
}

graft_status graft_threads(int32_t* result) { GRAFT_TRY(*result = at::get_num_threads();) }

graft_status graft_set_threads(int32_t count) { GRAFT_TRY(at::set_num_threads(count);) }

graft_status graft_interop_threads(int32_t* result) { GRAFT_TRY(*result = at::get_num_interop_threads();) }

graft_status graft_set_interop_threads(int32_t count) { GRAFT_TRY(at::set_num_interop_threads(count);) }

graft_status graft_cuda_devices(int32_t* result) {
  GRAFT_TRY(*result = torch::cuda::is_available() ? static_cast<int32_t>(torch::cuda::device_count()) : 0;)
}

graft_status graft_cuda_synchronize(int32_t device_index) { GRAFT_TRY(torch::cuda::synchronize(device_index);) }
