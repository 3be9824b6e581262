#include "border.h"

#include <ATen/core/grad_mode.h>
#include <memory>
#include <torch/csrc/autograd/autograd.h>

using graft::borrow;
using graft::give;

graft_status graft_tensor_free(graft_tensor tensor) {
  GRAFT_TRY(
      if (tensor == nullptr) return GRAFT_OK;
      graft::live_tensors.fetch_sub(1, std::memory_order_relaxed);
      c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(reinterpret_cast<at::TensorImpl*>(tensor));)
}

graft_status graft_tensor_live(int64_t* result) {
  *result = graft::live_tensors.load(std::memory_order_relaxed);
  return GRAFT_OK;
}

graft_status graft_tensor_describe(graft_tensor tensor, graft_description* result) {
  GRAFT_TRY(
      const auto* impl = reinterpret_cast<const at::TensorImpl*>(tensor);
      const at::Device device = impl->device();
      result->dtype = graft::dtype_code(c10::typeMetaToScalarType(impl->dtype()));
      result->device = device.is_cpu() ? GRAFT_CPU : device.is_cuda() ? GRAFT_CUDA : GRAFT_OTHER_DEVICE;
      result->device_index = device.has_index() ? device.index() : 0;
      const auto sizes = impl->sizes();
      result->rank = static_cast<int32_t>(sizes.size());
      result->count = impl->numel();
      result->sizes = sizes.data();
      result->contiguous = impl->is_contiguous() ? 1 : 0;)
}

graft_status graft_tensor_data(graft_tensor tensor, void** result) { GRAFT_TRY(*result = borrow(tensor).data_ptr();) }

graft_status graft_tensor_from_memory(void* data, const int64_t* sizes, int32_t rank, int32_t dtype, graft_release release,
                                      void* context, graft_tensor* result) {
  // The guard owns the memory until libtorch does, so that a failure releases it too.
  std::shared_ptr<void> guard;
  GRAFT_TRY(
      guard = std::shared_ptr<void>(data, [release, context](void*) { if (release != nullptr) release(context); });
      *result = give(at::from_blob(data, at::IntArrayRef(sizes, static_cast<size_t>(rank)), [guard](void*) {},
                                   at::TensorOptions().dtype(graft::dtype_of(dtype)).device(at::kCPU)));)
}

graft_status graft_tensor_requires_grad(graft_tensor tensor, int32_t* result) {
  GRAFT_TRY(*result = borrow(tensor).requires_grad() ? 1 : 0;)
}

graft_status graft_tensor_set_requires_grad(graft_tensor tensor, int32_t value) {
  GRAFT_TRY(borrow(tensor).requires_grad_(value != 0);)
}

graft_status graft_tensor_grad(graft_tensor tensor, graft_tensor* result) {
  GRAFT_TRY(at::Tensor grad = borrow(tensor).grad(); *result = give(std::move(grad));)
}

graft_status graft_tensor_set_grad(graft_tensor tensor, graft_tensor grad) {
  GRAFT_TRY(borrow(tensor).mutable_grad() = borrow(grad);)
}

graft_status graft_backward(graft_tensor tensor, graft_tensor gradient, int32_t keep_graph) {
  GRAFT_TRY(
      torch::autograd::variable_list seeds;
      if (gradient != nullptr) seeds.push_back(borrow(gradient));
      torch::autograd::backward({borrow(tensor)}, seeds, keep_graph != 0);)
}

graft_status graft_grad(graft_tensor output, graft_tensor gradient, const graft_tensor* inputs, int32_t count,
                        int32_t keep_graph, int32_t create_graph, int32_t allow_unused, graft_tensor* results) {
  GRAFT_TRY(
      torch::autograd::variable_list seeds;
      if (gradient != nullptr) seeds.push_back(borrow(gradient));
      torch::autograd::variable_list leaves;
      leaves.reserve(static_cast<size_t>(count));
      for (int32_t i = 0; i < count; i++) leaves.push_back(borrow(inputs[i]));
      auto grads = torch::autograd::grad({borrow(output)}, leaves, seeds, keep_graph != 0, create_graph != 0, allow_unused != 0);
      for (int32_t i = 0; i < count; i++) results[i] = give(std::move(grads[static_cast<size_t>(i)]));)
}

graft_status graft_grad_mode(int32_t* result) { GRAFT_TRY(*result = at::GradMode::is_enabled() ? 1 : 0;) }

graft_status graft_set_grad_mode(int32_t value) { GRAFT_TRY(at::GradMode::set_enabled(value != 0);) }
