/* The border between Graft and libtorch: one generic operator call and a few lifetime functions.
 *
 * Every function returns a graft_status; on anything but GRAFT_OK the calling thread's message is in graft_last_error
 * and no result was written. Handles passed in are borrowed, handles given out belong to the caller.
 * Functions may be called from any thread; two threads must not change one tensor or generator at the same time.
 */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRAFT_API __attribute__((visibility("default")))
/* Raised whenever a signature or layout in this header changes; the managed side refuses another number. */
#define GRAFT_ABI_VERSION 1

typedef int32_t graft_status;
enum { GRAFT_OK = 0, GRAFT_FAULT = 1, GRAFT_SHAPE = 2, GRAFT_MEMORY = 3, GRAFT_UNSUPPORTED = 4 };

enum {
  GRAFT_FLOAT32 = 0, GRAFT_FLOAT64 = 1, GRAFT_BFLOAT16 = 2, GRAFT_FLOAT16 = 3,
  GRAFT_INT64 = 4, GRAFT_INT32 = 5, GRAFT_UINT8 = 6, GRAFT_BOOL = 7, GRAFT_OTHER_DTYPE = -1
};

enum { GRAFT_CPU = 0, GRAFT_CUDA = 1, GRAFT_OTHER_DEVICE = -1 };

/* What graft_value holds. DEFAULT stands for the default of the operator's schema. */
enum {
  GRAFT_NONE = 0, GRAFT_DEFAULT = 1, GRAFT_TENSOR = 2, GRAFT_INTEGER = 3, GRAFT_REAL = 4, GRAFT_BOOLEAN = 5,
  GRAFT_INTEGERS = 6, GRAFT_REALS = 7, GRAFT_BOOLEANS = 8, GRAFT_TENSORS = 9, GRAFT_OPTIONAL_TENSORS = 10,
  GRAFT_STRING = 11, GRAFT_DTYPE = 12, GRAFT_DEVICE = 13, GRAFT_GENERATOR = 14
};

typedef struct graft_tensor_t* graft_tensor;
typedef struct graft_operator_t* graft_operator;
typedef struct graft_generator_t* graft_generator;

typedef struct graft_value {
  int32_t kind;
  int32_t length; /* of lists and strings; the device index of GRAFT_DEVICE */
  union {
    int64_t integer;
    double real;
    const void* pointer; /* int64_t*, double*, uint8_t* (booleans), graft_tensor*, char*, or a handle */
  } as;
} graft_value;

typedef struct graft_description {
  int32_t dtype;
  int32_t device;
  int32_t device_index;
  int32_t rank;
  int64_t count;
  const int64_t* sizes; /* valid while the tensor lives and keeps its shape */
  int32_t contiguous;
} graft_description;

typedef void (*graft_release)(void* context);

/* Errors of the calling thread: the message stays valid until this thread's next failing call. */
GRAFT_API graft_status graft_last_error(const char** message);

/* Operators: find once, call often. A name that this libtorch does not have gives a null handle, not a failure. */
GRAFT_API graft_status graft_operator_find(const char* name, const char* overload, graft_operator* result);
/* Missing trailing arguments take the schema's defaults. With capacity 0 results are dropped (in-place operators).
   A tensor-list result is a GRAFT_TENSORS value whose array the caller frees with graft_array_free. */
GRAFT_API graft_status graft_operator_call(graft_operator op, const graft_value* arguments, int32_t count,
                                           graft_value* results, int32_t capacity, int32_t* result_count);
GRAFT_API graft_status graft_array_free(const void* array);

/* Tensors. */
GRAFT_API graft_status graft_tensor_free(graft_tensor tensor);
GRAFT_API graft_status graft_tensor_live(int64_t* result);
GRAFT_API graft_status graft_tensor_describe(graft_tensor tensor, graft_description* result);
GRAFT_API graft_status graft_tensor_data(graft_tensor tensor, void** result);
/* Memory of the caller as a tensor; release(context) runs when the last tensor over it goes, also when this call fails. */
GRAFT_API graft_status graft_tensor_from_memory(void* data, const int64_t* sizes, int32_t rank, int32_t dtype,
                                                graft_release release, void* context, graft_tensor* result);

/* Autograd. */
GRAFT_API graft_status graft_tensor_requires_grad(graft_tensor tensor, int32_t* result);
GRAFT_API graft_status graft_tensor_set_requires_grad(graft_tensor tensor, int32_t value);
GRAFT_API graft_status graft_tensor_grad(graft_tensor tensor, graft_tensor* result);
GRAFT_API graft_status graft_tensor_set_grad(graft_tensor tensor, graft_tensor grad);
GRAFT_API graft_status graft_backward(graft_tensor tensor, graft_tensor gradient, int32_t keep_graph);
GRAFT_API graft_status graft_grad(graft_tensor output, graft_tensor gradient, const graft_tensor* inputs, int32_t count,
                                  int32_t keep_graph, int32_t create_graph, int32_t allow_unused, graft_tensor* results);
GRAFT_API graft_status graft_grad_mode(int32_t* result);
GRAFT_API graft_status graft_set_grad_mode(int32_t value);

/* Generators. */
GRAFT_API graft_status graft_generator_new(int32_t device, int32_t device_index, uint64_t seed, graft_generator* result);
GRAFT_API graft_status graft_generator_free(graft_generator generator);
GRAFT_API graft_status graft_generator_state(graft_generator generator, graft_tensor* result);
GRAFT_API graft_status graft_generator_set_state(graft_generator generator, graft_tensor state);

/* Runtime. Strings live until the calling thread asks for the next one. */
GRAFT_API graft_status graft_abi_version(int32_t* result);
GRAFT_API graft_status graft_version(const char** result);
GRAFT_API graft_status graft_config(const char** result);
GRAFT_API graft_status graft_threads(int32_t* result);
GRAFT_API graft_status graft_set_threads(int32_t count);
GRAFT_API graft_status graft_interop_threads(int32_t* result);
GRAFT_API graft_status graft_set_interop_threads(int32_t count);
GRAFT_API graft_status graft_cuda_devices(int32_t* result);
GRAFT_API graft_status graft_cuda_synchronize(int32_t device_index);

#ifdef __cplusplus
}
#endif
