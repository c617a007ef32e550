#include "CTorch.h"

#include "Layers.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/add.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/api/include/torch/version.h>

#include <dlfcn.h>

#include <cstring>
#include <exception>
#include <string>
#include <vector>

// The handle that Swift sees is a heap-allocated at::Tensor, itself a counted reference.
struct tributary_tensor {
    at::Tensor value;
};

namespace {

using Handle = tributary_tensor *;
using Borrowed = const tributary_tensor *;

thread_local std::string failure;

// No C++ exception may reach Swift: it would end the process. The text is kept for last_error().
template <typename Body>
auto guarded(decltype(std::declval<Body>()()) otherwise, Body body) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const c10::Error &error) {
        failure = error.what_without_backtrace();
    } catch (const std::exception &error) {
        failure = error.what();
    } catch (...) {
        failure = "unknown C++ exception";
    }
    return otherwise;
}

template <typename Body>
Handle tensor(Body body) noexcept {
    return guarded(Handle(nullptr), [&]() -> Handle { return new tributary_tensor{body()}; });
}

template <typename Body>
int32_t act(Body body) noexcept {
    return guarded(int32_t(1), [&]() -> int32_t {
        body();
        return 0;
    });
}

at::IntArrayRef list(const int64_t *values, int32_t count) { return {values, size_t(count)}; }

at::ScalarType scalar_type(tributary_dtype type) {
    switch (type) {
        case TRIBUTARY_F32: return at::kFloat;
        case TRIBUTARY_F16: return at::kHalf;
        case TRIBUTARY_BF16: return at::kBFloat16;
        case TRIBUTARY_I64: return at::kLong;
    }
    TORCH_CHECK(false, "unknown element type ", int(type));
}

// The one place that says what a device's number means.
at::Device place(int32_t device) {
    return device == TRIBUTARY_CPU ? at::Device(at::kCPU) : at::Device(at::kCUDA, c10::DeviceIndex(device));
}

const char *version() { return TORCH_VERSION; }
const char *last_error() { return failure.c_str(); }
void release(Handle tensor) { delete tensor; }

int32_t set_threads(int32_t count) {
    return act([&] { at::set_num_threads(count); });
}
int32_t threads() { return at::get_num_threads(); }
int32_t seed(uint64_t seed) {
    return act([&] { at::manual_seed(seed); });
}
int32_t cuda_devices() {
    return guarded(int32_t(-1), [&]() -> int32_t {
        // CUDA lies in a library of its own, which registers itself as it is loaded, and must be before libtorch looks for it.
        static void *const cuda = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
        if (cuda == nullptr || !at::globalContext().hasCUDA()) return -1;
        return int32_t(at::detail::getCUDAHooks().deviceCount());
    });
}

Handle from_bytes(
    tributary_dtype type, const void *bytes, int64_t byte_count, const int64_t *shape, int32_t rank, int32_t device) {
    return tensor([&] {
        const at::ScalarType scalar = scalar_type(type);
        int64_t count = 1;
        for (int64_t extent : list(shape, rank)) {
            TORCH_CHECK(extent >= 0, "negative extent ", extent);
            TORCH_CHECK(!__builtin_mul_overflow(count, extent, &count), "a shape of too many elements");
        }
        const int64_t width = int64_t(c10::elementSize(scalar));
        TORCH_CHECK(byte_count % width == 0 && byte_count / width == count, "expected ", count, " elements of ", width,
            " bytes, found ", byte_count, " bytes");
        // The source may lie anywhere in a mapped file, at any alignment: copy bytes, then convert.
        at::Tensor stored = at::empty(list(shape, rank), at::TensorOptions().dtype(scalar));
        if (byte_count > 0) std::memcpy(stored.mutable_data_ptr(), bytes, size_t(byte_count));
        return (type == TRIBUTARY_I64 ? stored : stored.to(at::kFloat)).to(place(device));
    });
}

Handle zeros(const int64_t *shape, int32_t rank, int32_t device) {
    return tensor([&] {
        return at::zeros(list(shape, rank), at::TensorOptions().dtype(at::kFloat).device(place(device)));
    });
}
Handle cast(Borrowed x, tributary_dtype type) {
    return tensor([&] {
        TORCH_CHECK(type != TRIBUTARY_I64 && x->value.is_floating_point(), "only floating types are cast");
        return x->value.to(scalar_type(type));
    });
}

template <typename Element>
int32_t read(Borrowed tensor, Element *values, int64_t count, at::ScalarType type) {
    return act([&] {
        TORCH_CHECK(tensor->value.scalar_type() == type, "the tensor holds ", tensor->value.scalar_type());
        TORCH_CHECK(tensor->value.numel() == count, "expected ", count, " values, found ", tensor->value.numel());
        const at::Tensor dense = tensor->value.detach().cpu().contiguous();
        if (count > 0) std::memcpy(values, dense.const_data_ptr(), size_t(count) * sizeof(Element));
    });
}
int32_t read_f32(Borrowed tensor, float *values, int64_t count) { return read(tensor, values, count, at::kFloat); }
int32_t read_i64(Borrowed tensor, int64_t *values, int64_t count) { return read(tensor, values, count, at::kLong); }
int32_t rank(Borrowed tensor) { return int32_t(tensor->value.dim()); }
int64_t size(Borrowed tensor, int32_t dimension) {
    return guarded(int64_t(-1), [&]() -> int64_t { return tensor->value.size(dimension); });
}

bool set_gradient_mode(bool enabled) {
    const bool before = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return before;
}
int32_t require_gradient(Handle leaf) {
    return act([&] { leaf->value.requires_grad_(true); });
}
int32_t set_gradient(Handle leaf, Borrowed gradient) {
    return act([&] {
        TORCH_CHECK(gradient->value.sizes() == leaf->value.sizes(), "a gradient of another shape");
        leaf->value.mutable_grad() = gradient->value;
    });
}
int32_t backward(Borrowed loss) {
    return act([&] { loss->value.backward(); });
}
Handle gradient(Borrowed leaf) {
    return tensor([&] {
        TORCH_CHECK(leaf->value.grad().defined(), "the tensor has no gradient");
        return leaf->value.grad();
    });
}
Handle detach(Borrowed x) {
    return tensor([&] { return x->value.detach(); });
}

int32_t fill(Handle target, double value) {
    return act([&] {
        at::NoGradGuard unrecorded;
        target->value.fill_(value);
    });
}
int32_t scale(Handle target, double factor) {
    return act([&] {
        at::NoGradGuard unrecorded;
        target->value.mul_(factor);
    });
}
int32_t copy(Handle target, Borrowed source) {
    return act([&] {
        at::NoGradGuard unrecorded;
        TORCH_CHECK(target->value.sizes() == source->value.sizes(), "expected shape ", target->value.sizes(), ", found ",
            source->value.sizes());
        target->value.copy_(source->value);
    });
}
int32_t norm(Borrowed x, double *value) {
    return act([&] {
        at::NoGradGuard unrecorded;
        *value = at::linalg_vector_norm(x->value).item<double>();
    });
}
int32_t adamw(
    Handle values, Borrowed gradient, Handle first_moment, Handle second_moment, int64_t step, double learning_rate,
    double beta1, double beta2, double epsilon, double weight_decay) {
    return act([&] {
        at::NoGradGuard unrecorded;
        // The kernel takes the count of this step, as torch.optim hands it over: already raised.
        at::_fused_adamw_({values->value}, {gradient->value}, {first_moment->value}, {second_moment->value}, {},
            {at::full({}, double(step), values->value.options().dtype(at::kFloat))}, learning_rate, beta1, beta2, weight_decay, epsilon, false, false);
    });
}

Handle reshape(Borrowed x, const int64_t *shape, int32_t rank) {
    return tensor([&] { return x->value.reshape(list(shape, rank)); });
}
Handle transpose(Borrowed x, int32_t first, int32_t second) {
    return tensor([&] { return x->value.transpose(first, second); });
}
Handle narrow(Borrowed x, int32_t dimension, int64_t start, int64_t length) {
    return tensor([&] { return x->value.narrow(dimension, start, length); });
}
int32_t split(Borrowed x, const int64_t *sizes, int32_t count, int32_t dimension, Handle *parts) {
    return act([&] {
        auto pieces = x->value.split_with_sizes(list(sizes, count), dimension);
        for (size_t i = 0; i < pieces.size(); ++i) parts[i] = new tributary_tensor{std::move(pieces[i])};
    });
}
Handle expand(Borrowed x, const int64_t *shape, int32_t rank) {
    return tensor([&] { return x->value.expand(list(shape, rank)); });
}

Handle concatenate(Borrowed const *tensors, int32_t count, int32_t dimension) {
    return tensor([&] {
        std::vector<at::Tensor> values;
        for (int32_t i = 0; i < count; ++i) values.push_back(tensors[i]->value);
        return at::cat(values, dimension);
    });
}
Handle index_select(Borrowed x, int32_t dimension, Borrowed indices) {
    return tensor([&] { return at::index_select(x->value, dimension, indices->value); });
}
Handle add(Borrowed left, Borrowed right) {
    return tensor([&] { return at::add(left->value, right->value); });
}
Handle multiply(Borrowed left, Borrowed right) {
    return tensor([&] { return at::mul(left->value, right->value); });
}
Handle argmax(Borrowed x, int32_t dimension) {
    return tensor([&] { return at::argmax(x->value, dimension); });
}

Handle linear(Borrowed x, Borrowed weight) {
    return tensor([&] { return at::linear(x->value, weight->value.to(x->value.scalar_type())); });
}
Handle embedding(Borrowed weight, Borrowed indices) {
    return tensor([&] { return at::embedding(weight->value, indices->value); });
}
Handle rms_norm(Borrowed x, Borrowed weight, double epsilon) {
    return tensor([&] { return tributary::rms_norm(x->value, weight->value, epsilon); });
}
Handle swiglu(Borrowed x) {
    return tensor([&] { return tributary::swiglu(x->value); });
}
Handle rotary(Borrowed x, Borrowed cosine, Borrowed sine) {
    return tensor([&] { return tributary::rotary(x->value, cosine->value, sine->value); });
}
Handle attention(Borrowed query, Borrowed key, Borrowed value, Borrowed mask, bool causal) {
    return tensor([&] {
        std::optional<at::Tensor> bias;
        if (mask != nullptr) bias = mask->value.to(query->value.scalar_type());
        return at::scaled_dot_product_attention(query->value, key->value, value->value, bias, 0.0, causal);
    });
}
Handle adapted_linear(
    Borrowed x, Borrowed weight, Borrowed down, Borrowed const *up, const int64_t *out, const int64_t *rank, int32_t count,
    double scale) {
    return tensor([&] {
        std::vector<tributary::AdaptedRows> rows;
        for (int32_t i = 0; i < count; ++i) {
            rows.push_back({out[i], rank[i], up[i] == nullptr ? at::Tensor() : up[i]->value});
        }
        return tributary::adapted_linear(x->value, weight->value, down->value, rows, scale);
    });
}
Handle cross_entropy(Borrowed logits, Borrowed targets) {
    return tensor([&] { return at::cross_entropy_loss(logits->value, targets->value); });
}

const tributary_torch_api table = {
    .version = version,
    .last_error = last_error,
    .release = release,
    .set_threads = set_threads,
    .threads = threads,
    .seed = seed,
    .cuda_devices = cuda_devices,
    .from_bytes = from_bytes,
    .zeros = zeros,
    .cast = cast,
    .read_f32 = read_f32,
    .read_i64 = read_i64,
    .rank = rank,
    .size = size,
    .set_gradient_mode = set_gradient_mode,
    .require_gradient = require_gradient,
    .set_gradient = set_gradient,
    .backward = backward,
    .gradient = gradient,
    .detach = detach,
    .fill = fill,
    .scale = scale,
    .copy = copy,
    .norm = norm,
    .adamw = adamw,
    .reshape = reshape,
    .transpose = transpose,
    .narrow = narrow,
    .split = split,
    .expand = expand,
    .concatenate = concatenate,
    .index_select = index_select,
    .add = add,
    .multiply = multiply,
    .argmax = argmax,
    .linear = linear,
    .embedding = embedding,
    .rms_norm = rms_norm,
    .swiglu = swiglu,
    .rotary = rotary,
    .attention = attention,
    .adapted_linear = adapted_linear,
    .cross_entropy = cross_entropy,
};

}  // namespace

const tributary_torch_api *tributary_torch(uint32_t abi_version) {
    return abi_version == TRIBUTARY_TORCH_ABI ? &table : nullptr;
}
