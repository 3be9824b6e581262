#include "border.h"

#include <ATen/Context.h>
#include <ATen/core/Generator.h>

namespace {

at::Generator& generator_of(graft_generator handle) { return *reinterpret_cast<at::Generator*>(handle); }

}  // namespace

graft_status graft_generator_new(int32_t device, int32_t device_index, uint64_t seed, graft_generator* result) {
  GRAFT_TRY(
      const at::Device place = graft::device_of(device, device_index);
      // A copy of the device's default generator is independent of it and needs no header of that device.
      at::Generator origin = at::globalContext().defaultGenerator(place);
      at::Generator copy;
      {
        std::lock_guard<std::mutex> lock(origin.mutex());
        copy = origin.clone();
      }
      copy.set_current_seed(seed);
      *result = reinterpret_cast<graft_generator>(new at::Generator(std::move(copy)));)
}

graft_status graft_generator_free(graft_generator generator) {
  GRAFT_TRY(delete reinterpret_cast<at::Generator*>(generator);)
}

graft_status graft_generator_state(graft_generator generator, graft_tensor* result) {
  GRAFT_TRY(
      at::Generator& source = generator_of(generator);
      std::lock_guard<std::mutex> lock(source.mutex());
      *result = graft::give(source.get_state());)
}

graft_status graft_generator_set_state(graft_generator generator, graft_tensor state) {
  GRAFT_TRY(
      at::Generator& target = generator_of(generator);
      std::lock_guard<std::mutex> lock(target.mutex());
      target.set_state(graft::borrow(state));)
}
