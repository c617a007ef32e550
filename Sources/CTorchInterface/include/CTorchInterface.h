// The border between Swift and libtorch: a table of C functions over opaque tensors. libTributaryTorch.so (Sources/CTorch)
// fills the table and Sources/Torch calls it, so that only a process that trains ever loads libtorch.
//
// A function that returns a tensor returns NULL on failure, one that returns int32_t returns non-zero; last_error() then
// says why (the text belongs to the calling thread and stands until its next failure). Every tensor returned is owned by
// the caller, who gives it to release() once. No function takes ownership of an argument. A table may be called from any
// thread; one tensor may not be used by two threads at once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Raised whenever the table below changes.
#define TRIBUTARY_TORCH_ABI 2u

typedef struct tributary_tensor tributary_tensor;

typedef enum tributary_dtype {
    TRIBUTARY_F32 = 0,
    TRIBUTARY_F16 = 1,
    TRIBUTARY_BF16 = 2,
    TRIBUTARY_I64 = 3,
} tributary_dtype;

// A device by number: the CPU, or a CUDA device from 0 on.
#define TRIBUTARY_CPU (-1)

typedef struct tributary_torch_api {
    // The library
    const char *(*version)(void);
    const char *(*last_error)(void);
    void (*release)(tributary_tensor *tensor);
    int32_t (*set_threads)(int32_t count);
    int32_t (*threads)(void);
    int32_t (*seed)(uint64_t seed);
    // CUDA devices that can be computed on: 0 where there are none, -1 where this libtorch was built without CUDA.
    int32_t (*cuda_devices)(void);

    // Data. `from_bytes` copies, to `device`; floating types become f32. `read_*` writes all values row-major and fails unless
    // `count` is their number. Operators want all of their tensors on one device.
    tributary_tensor *(*from_bytes)(
        tributary_dtype type, const void *bytes, int64_t byte_count, const int64_t *shape, int32_t rank, int32_t device);
    tributary_tensor *(*zeros)(const int64_t *shape, int32_t rank, int32_t device);
    // The same values in another floating type; the gradient comes back in the tensor's own.
    tributary_tensor *(*cast)(const tributary_tensor *tensor, tributary_dtype type);
    int32_t (*read_f32)(const tributary_tensor *tensor, float *values, int64_t count);
    int32_t (*read_i64)(const tributary_tensor *tensor, int64_t *values, int64_t count);
    int32_t (*rank)(const tributary_tensor *tensor);
    int64_t (*size)(const tributary_tensor *tensor, int32_t dimension);

    // Gradients. The mode belongs to the calling thread; `set_gradient_mode` returns what it was.
    bool (*set_gradient_mode)(bool enabled);
    int32_t (*require_gradient)(tributary_tensor *leaf);
    int32_t (*set_gradient)(tributary_tensor *leaf, const tributary_tensor *gradient);
    int32_t (*backward)(const tributary_tensor *loss);
    tributary_tensor *(*gradient)(const tributary_tensor *leaf);
    tributary_tensor *(*detach)(const tributary_tensor *tensor);

    // In place, outside the recorded graph
    int32_t (*fill)(tributary_tensor *tensor, double value);
    int32_t (*scale)(tributary_tensor *tensor, double factor);
    int32_t (*copy)(tributary_tensor *target, const tributary_tensor *source);
    int32_t (*norm)(const tributary_tensor *tensor, double *value);
    // One AdamW step (torch.optim.AdamW's rule, its fused kernel); `step` counts from 1.
    int32_t (*adamw)(
        tributary_tensor *values, const tributary_tensor *gradient, tributary_tensor *first_moment,
        tributary_tensor *second_moment, int64_t step, double learning_rate, double beta1, double beta2, double epsilon,
        double weight_decay);

    // Views
    tributary_tensor *(*reshape)(const tributary_tensor *tensor, const int64_t *shape, int32_t rank);
    tributary_tensor *(*transpose)(const tributary_tensor *tensor, int32_t first, int32_t second);
    tributary_tensor *(*narrow)(const tributary_tensor *tensor, int32_t dimension, int64_t start, int64_t length);
    int32_t (*split)(
        const tributary_tensor *tensor, const int64_t *sizes, int32_t count, int32_t dimension, tributary_tensor **parts);
    tributary_tensor *(*expand)(const tributary_tensor *tensor, const int64_t *shape, int32_t rank);

    // Arithmetic
    tributary_tensor *(*concatenate)(const tributary_tensor *const *tensors, int32_t count, int32_t dimension);
    tributary_tensor *(*index_select)(const tributary_tensor *tensor, int32_t dimension, const tributary_tensor *indices);
    tributary_tensor *(*add)(const tributary_tensor *left, const tributary_tensor *right);
    tributary_tensor *(*multiply)(const tributary_tensor *left, const tributary_tensor *right);
    tributary_tensor *(*argmax)(const tributary_tensor *tensor, int32_t dimension);

    // Layers compute in the type of `x`: f32 or bf16. A weight of another type is cast to it in passing, a normalisation's
    // mean is taken in f32, and an adapter's own products are made in the type of its factors.
    // `linear` is x [rows, in] times weight [out, in] transposed.
    tributary_tensor *(*linear)(const tributary_tensor *x, const tributary_tensor *weight);
    tributary_tensor *(*embedding)(const tributary_tensor *weight, const tributary_tensor *indices);
    // x [rows, width] * rsqrt(mean(x^2) + epsilon) * weight [width].
    tributary_tensor *(*rms_norm)(const tributary_tensor *x, const tributary_tensor *weight, double epsilon);
    // silu(gate) * up, where x [rows, 2 f] holds gate then up.
    tributary_tensor *(*swiglu)(const tributary_tensor *x);
    // Rotary embedding in Hugging Face's half-split form: x [rows, heads, width], cosine and sine [rows, width / 2].
    tributary_tensor *(*rotary)(const tributary_tensor *x, const tributary_tensor *cosine, const tributary_tensor *sine);
    // query, key, value [batch, heads, length, width]; `mask` may be NULL (added to the scores otherwise).
    tributary_tensor *(*attention)(
        const tributary_tensor *query, const tributary_tensor *key, const tributary_tensor *value,
        const tributary_tensor *mask, bool causal);
    // x W^T + scale * x A^T B^T, where W stacks the rows of `count` linears, A the rows of their down-projections (rank[i]
    // rows each, 0 where a linear has no adapter) and up[i] [out[i], rank[i]] is NULL where rank[i] is 0.
    tributary_tensor *(*adapted_linear)(
        const tributary_tensor *x, const tributary_tensor *weight, const tributary_tensor *down,
        const tributary_tensor *const *up, const int64_t *out, const int64_t *rank, int32_t count, double scale);
    // Mean over rows of -log softmax(logits [rows, classes])[target].
    tributary_tensor *(*cross_entropy)(const tributary_tensor *logits, const tributary_tensor *targets);
} tributary_torch_api;

// The table, or NULL if the library was built for another version of this header.
typedef const tributary_torch_api *(*tributary_torch_entry)(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
