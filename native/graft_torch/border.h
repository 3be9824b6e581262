// What every file of the border shares: the catch-all, and conversion between handles and libtorch's types.
#pragma once
#include "graft_torch.h"

#include <ATen/ATen.h>
#include <atomic>
#include <exception>
#include <string>

namespace graft {

graft_status fail(graft_status status, const char* message) noexcept;
graft_status fail_now() noexcept;  // inside a catch block: classifies the exception in flight

extern std::atomic<int64_t> live_tensors;

// A handle is the tensor's own reference-counted implementation: no wrapper is allocated.
inline graft_tensor give(at::Tensor&& tensor) {
  if (!tensor.defined()) return nullptr;
  live_tensors.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<graft_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::Tensor borrow(graft_tensor handle) {
  if (handle == nullptr) return at::Tensor();
  return at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim_copy(
      reinterpret_cast<at::TensorImpl*>(handle)));
}

at::ScalarType dtype_of(int32_t dtype);
int32_t dtype_code(at::ScalarType type) noexcept;
at::Device device_of(int32_t kind, int32_t index);

}  // namespace graft

// Runs a body and turns whatever it throws into a status.
#define GRAFT_TRY(...)              \
  try {                             \
    __VA_ARGS__                     \
    return GRAFT_OK;                \
  } catch (...) {                   \
    return graft::fail_now();       \
  }
