// Layers whose derivative we write ourselves: composed of torch's operators, each would pass over memory several times
// more, forward and backward. Everything else is torch's own. RMSNorm and rotary are ours for f32 on the CPU; in bf16, and on
// another device, they are composed of torch's operators, in the order in which transformers rounds.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace tributary {

// x [rows, width] * rsqrt(mean(x^2) + epsilon) * weight [width] (Zhang and Sennrich 2019, arXiv 1910.07467).
at::Tensor rms_norm(const at::Tensor &x, const at::Tensor &weight, double epsilon);

// silu(gate) * up for x = [gate, up] [rows, 2 f] (Shazeer 2020, arXiv 2002.05202).
at::Tensor swiglu(const at::Tensor &x);

// Rotary embedding (Su et al. 2021, arXiv 2104.09864), half-split: (a, b) -> (a cos - b sin, b cos + a sin).
at::Tensor rotary(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine);

// One linear of an adapted group: its rows in the stacked weight, the rank of its adapter (0: none) and B [out, rank].
struct AdaptedRows {
    int64_t out;
    int64_t rank;
    at::Tensor up;
};

// x W^T + scale * (x A^T) B^T (Hu et al. 2021, arXiv 2106.09685) for linears that read the same x. Where x and W are bf16 and
// A and B f32, the second product is made in f32 and the sum is rounded once, as PEFT does with autocast_adapter_dtype.
at::Tensor adapted_linear(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &down, const std::vector<AdaptedRows> &rows,
    double scale);

}  // namespace tributary
