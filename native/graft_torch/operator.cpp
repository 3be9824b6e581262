#include "border.h"

#include <ATen/Parallel.h>
#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

// An operator with what a call needs from its schema, read once.
struct Operator {
  c10::OperatorHandle handle;
  std::vector<c10::TypeKind> kinds;            // of each argument, an optional's inner kind
  std::vector<c10::optional<c10::IValue>> defaults;
};

c10::TypeKind kind_of(const c10::TypePtr& type) {
  if (const auto optional = type->cast<c10::OptionalType>()) return optional->getElementType()->kind();
  return type->kind();
}

template <typename T>
c10::List<T> list_of(const T* items, int32_t length) {
  c10::List<T> list;
  list.reserve(static_cast<size_t>(length));
  for (int32_t i = 0; i < length; i++) list.push_back(items[i]);
  return list;
}

c10::IValue tensors_of(const graft_value& value) {
  const auto* handles = static_cast<const graft_tensor*>(value.as.pointer);
  c10::List<at::Tensor> list;
  list.reserve(static_cast<size_t>(value.length));
  for (int32_t i = 0; i < value.length; i++) list.push_back(graft::borrow(handles[i]));
  return list;
}

c10::IValue optional_tensors_of(const graft_value& value) {
  const auto* handles = static_cast<const graft_tensor*>(value.as.pointer);
  c10::List<c10::optional<at::Tensor>> list;
  list.reserve(static_cast<size_t>(value.length));
  for (int32_t i = 0; i < value.length; i++) {
    if (handles[i] == nullptr) list.push_back(c10::optional<at::Tensor>());
    else list.push_back(c10::optional<at::Tensor>(graft::borrow(handles[i])));
  }
  return list;
}

c10::IValue booleans_of(const graft_value& value) {
  const auto* items = static_cast<const uint8_t*>(value.as.pointer);
  c10::List<bool> list;
  for (int32_t i = 0; i < value.length; i++) list.push_back(items[i] != 0);
  return list;
}

c10::IValue argument_of(const Operator& op, size_t position, const graft_value& value) {
  switch (value.kind) {
    case GRAFT_NONE: return c10::IValue();
    case GRAFT_DEFAULT:
      TORCH_CHECK(op.defaults[position].has_value(), "argument ", position, " has no default");
      return *op.defaults[position];
    case GRAFT_TENSOR: return graft::borrow(static_cast<graft_tensor>(const_cast<void*>(value.as.pointer)));
    case GRAFT_INTEGER:
      // Where the schema asks for a real number an integer is one.
      if (op.kinds[position] == c10::TypeKind::FloatType) return static_cast<double>(value.as.integer);
      return value.as.integer;
    case GRAFT_REAL: return value.as.real;
    case GRAFT_BOOLEAN: return value.as.integer != 0;
    case GRAFT_INTEGERS: return list_of(static_cast<const int64_t*>(value.as.pointer), value.length);
    case GRAFT_REALS: return list_of(static_cast<const double*>(value.as.pointer), value.length);
    case GRAFT_BOOLEANS: return booleans_of(value);
    case GRAFT_TENSORS: return tensors_of(value);
    case GRAFT_OPTIONAL_TENSORS: return optional_tensors_of(value);
    case GRAFT_STRING: return std::string(static_cast<const char*>(value.as.pointer), static_cast<size_t>(value.length));
    case GRAFT_DTYPE: return static_cast<int64_t>(graft::dtype_of(static_cast<int32_t>(value.as.integer)));
    case GRAFT_DEVICE: return graft::device_of(static_cast<int32_t>(value.as.integer), value.length);
    case GRAFT_GENERATOR: return *static_cast<const at::Generator*>(value.as.pointer);
    default: TORCH_CHECK(false, "argument ", position, " has the unknown kind ", value.kind);
  }
}

void give_list(c10::List<at::Tensor>&& list, graft_value& result) {
  const size_t length = list.size();
  auto* handles = static_cast<graft_tensor*>(std::calloc(length == 0 ? 1 : length, sizeof(graft_tensor)));
  if (handles == nullptr) throw std::bad_alloc();
  for (size_t i = 0; i < length; i++) handles[i] = graft::give(list.extract(i));
  result.kind = GRAFT_TENSORS;
  result.length = static_cast<int32_t>(length);
  result.as.pointer = handles;
}

void give_result(c10::IValue&& value, graft_value& result) {
  result.length = 0;
  result.as.integer = 0;
  if (value.isTensor()) {
    result.kind = GRAFT_TENSOR;
    result.as.pointer = graft::give(std::move(value).toTensor());
    if (result.as.pointer == nullptr) result.kind = GRAFT_NONE;
  } else if (value.isInt()) {
    result.kind = GRAFT_INTEGER;
    result.as.integer = value.toInt();
  } else if (value.isDouble()) {
    result.kind = GRAFT_REAL;
    result.as.real = value.toDouble();
  } else if (value.isBool()) {
    result.kind = GRAFT_BOOLEAN;
    result.as.integer = value.toBool() ? 1 : 0;
  } else if (value.isTensorList()) {
    give_list(std::move(value).toTensorList(), result);
  } else {
    TORCH_CHECK(value.isNone(), "a result of type ", value.tagKind(), " cannot cross the border");
    result.kind = GRAFT_NONE;
  }
}

// A thread keeps one stack; a call made while another is under way on it (a hook) uses its own.
struct Stack {
  torch::jit::Stack values;
  bool busy = false;
};
thread_local Stack t_stack;

class BorrowedStack {
 public:
  BorrowedStack() : shared_(!t_stack.busy) {
    if (shared_) t_stack.busy = true;
  }
  ~BorrowedStack() {
    get().clear();
    if (shared_) t_stack.busy = false;
  }
  BorrowedStack(const BorrowedStack&) = delete;
  BorrowedStack& operator=(const BorrowedStack&) = delete;
  torch::jit::Stack& get() { return shared_ ? t_stack.values : own_; }

 private:
  bool shared_;
  torch::jit::Stack own_;
};

void call(const Operator& op, const graft_value* arguments, size_t count, graft_value* results, size_t capacity,
          int32_t* result_count) {
  // OpenMP counts threads for each calling thread: a new one takes over the process's number, for the BLAS too.
  static thread_local const bool threads_set = (at::init_num_threads(), true);
  (void)threads_set;
  TORCH_CHECK(count <= op.kinds.size(), "takes ", op.kinds.size(), " arguments, got ", count);
  BorrowedStack borrowed;
  torch::jit::Stack& stack = borrowed.get();
  for (size_t i = 0; i < count; i++) stack.push_back(argument_of(op, i, arguments[i]));
  for (size_t i = count; i < op.kinds.size(); i++) {
    TORCH_CHECK(op.defaults[i].has_value(), "argument ", i, " is required");
    stack.push_back(*op.defaults[i]);
  }
  op.handle.callBoxed(&stack);
  *result_count = 0;
  if (capacity == 0) return;
  TORCH_CHECK(stack.size() <= capacity, "gives ", stack.size(), " results, room for ", capacity);
  for (size_t i = 0; i < stack.size(); i++) {
    give_result(std::move(stack[i]), results[i]);
    *result_count = static_cast<int32_t>(i + 1);
  }
}

}  // namespace

graft_status graft_operator_find(const char* name, const char* overload, graft_operator* result) {
  GRAFT_TRY(
      *result = nullptr;
      const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
      if (!found.has_value()) return GRAFT_OK;
      auto op = std::make_unique<Operator>(Operator{*found, {}, {}});
      for (const auto& argument : found->schema().arguments()) {
        op->kinds.push_back(kind_of(argument.type()));
        op->defaults.push_back(argument.default_value());
      }
      *result = reinterpret_cast<graft_operator>(op.release());)
}

graft_status graft_operator_call(graft_operator op, const graft_value* arguments, int32_t count, graft_value* results,
                                 int32_t capacity, int32_t* result_count) {
  GRAFT_TRY(call(*reinterpret_cast<const Operator*>(op), arguments, static_cast<size_t>(count), results,
                 static_cast<size_t>(capacity), result_count);)
}

graft_status graft_array_free(const void* array) { GRAFT_TRY(std::free(const_cast<void*>(array));) }
