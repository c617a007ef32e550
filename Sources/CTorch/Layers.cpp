#include "Layers.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/add.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace tributary {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Rows that one thread takes at a time: about 32 KiB of work.
int64_t grain(int64_t width) { return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, width)); }

void require_matrix(const Tensor &x, const char *what) {
    TORCH_CHECK(x.dim() == 2 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16), what,
        " must be a matrix of f32 or bf16");
}

// What the loops below read: f32 in this process's own memory.
bool is_plain(const Tensor &x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat; }

// As transformers has it: the mean and the scaling in f32, then rounded, then the weight.
Tensor composed_rms_norm(const Tensor &x, const Tensor &weight, double epsilon) {
    const Tensor wide = x.to(at::kFloat);
    const Tensor scale = at::rsqrt(at::add(at::mean(at::mul(wide, wide), {1}, true), epsilon));
    return at::mul(weight.to(x.scalar_type()), at::mul(wide, scale).to(x.scalar_type()));
}

// As transformers has it: angles are made in f32 and rounded to the type of x.
Tensor composed_rotary(const Tensor &x, const Tensor &cosine, const Tensor &sine) {
    const int64_t half = x.size(2) / 2;
    const Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    const Tensor c = cosine.to(x.scalar_type()).unsqueeze(1), s = sine.to(x.scalar_type()).unsqueeze(1);
    return at::cat({at::sub(at::mul(a, c), at::mul(b, s)), at::add(at::mul(b, c), at::mul(a, s))}, 2);
}

// Sums of products over a row. Reassociation lets the compiler use vector registers; the order is fixed at compile time.
float dot(const float *left, const float *right, int64_t count) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += left[i] * right[i];
    return sum;
}

float dot(const float *first, const float *second, const float *third, int64_t count) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += first[i] * second[i] * third[i];
    return sum;
}

struct RMSNorm : Function<RMSNorm> {
    static Tensor forward(AutogradContext *context, const Tensor &input, const Tensor &weight, double epsilon) {
        const Tensor x = input.contiguous();
        const Tensor w = weight.contiguous();
        const int64_t rows = x.size(0), width = x.size(1);
        Tensor y = at::empty_like(x), inverse = at::empty({rows}, x.options());
        const float *in = x.const_data_ptr<float>(), *by = w.const_data_ptr<float>();
        float *out = y.mutable_data_ptr<float>(), *scales = inverse.mutable_data_ptr<float>();
        at::parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                const float *from = in + row * width;
                const float scale =
                    1.0f / std::sqrt(dot(from, from, width) / float(width) + float(epsilon));
                scales[row] = scale;
                float *to = out + row * width;
                for (int64_t i = 0; i < width; ++i) to[i] = from[i] * scale * by[i];
            }
        });
        context->save_for_backward({x, w, inverse});
        return y;
    }

    // With r = rsqrt(mean(x^2) + epsilon): dx = r (g w - x r^2 mean(g w x)), dw = sum over rows of g x r.
    static variable_list backward(AutogradContext *context, const variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        const Tensor &x = saved[0], &w = saved[1];
        const Tensor g = gradients[0].contiguous();
        const int64_t rows = x.size(0), width = x.size(1);
        const float *in = x.const_data_ptr<float>(), *by = w.const_data_ptr<float>();
        const float *scales = saved[2].const_data_ptr<float>(), *from = g.const_data_ptr<float>();
        Tensor dx, dw;
        if (context->needs_input_grad(0)) {
            dx = at::empty_like(x);
            float *out = dx.mutable_data_ptr<float>();
            at::parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) {
                    const float *xs = in + row * width, *gs = from + row * width;
                    const float r = scales[row];
                    const float along = dot(gs, by, xs, width) * r * r / float(width);
                    float *to = out + row * width;
                    for (int64_t i = 0; i < width; ++i) to[i] = r * (gs[i] * by[i] - xs[i] * along);
                }
            });
        }
        if (context->needs_input_grad(1)) {
            dw = at::zeros({width}, x.options());
            float *out = dw.mutable_data_ptr<float>();
            for (int64_t row = 0; row < rows; ++row) {
                const float *xs = in + row * width, *gs = from + row * width;
                for (int64_t i = 0; i < width; ++i) out[i] += gs[i] * xs[i] * scales[row];
            }
        }
        return {dx, dw, Tensor()};
    }
};

struct SwiGLU : Function<SwiGLU> {
    static Tensor forward(AutogradContext *context, const Tensor &x) {
        require_matrix(x, "the input of SwiGLU");
        TORCH_CHECK(x.size(1) % 2 == 0, "SwiGLU: expected an even width, found ", x.size(1));
        const int64_t half = x.size(1) / 2;
        Tensor active = at::silu(x.narrow(1, 0, half));
        context->save_for_backward({x, active});
        return at::mul(active, x.narrow(1, half, half));
    }

    static variable_list backward(AutogradContext *context, const variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        const Tensor &x = saved[0], &active = saved[1], &g = gradients[0];
        const int64_t half = x.size(1) / 2;
        Tensor dx = at::empty_like(x);
        Tensor up = dx.narrow(1, half, half), gate = dx.narrow(1, 0, half);
        at::mul_out(up, g, active);
        at::silu_backward_out(gate, at::mul(g, x.narrow(1, half, half)), x.narrow(1, 0, half));
        return {dx};
    }
};

// sign = 1 turns forward, -1 back: the rotation's transpose is its inverse.
Tensor rotate(const Tensor &x, const Tensor &cosine, const Tensor &sine, float sign) {
    const int64_t rows = x.size(0), heads = x.size(1), width = x.size(2), half = width / 2;
    const Tensor source = x.stride(2) == 1 ? x : x.contiguous();
    Tensor y = at::empty({rows, heads, width}, x.options());
    const int64_t row_stride = source.stride(0), head_stride = source.stride(1);
    const float *in = source.const_data_ptr<float>();
    const float *cosines = cosine.const_data_ptr<float>(), *sines = sine.const_data_ptr<float>();
    float *out = y.mutable_data_ptr<float>();
    at::parallel_for(0, rows, grain(heads * width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const float *c = cosines + row * half, *s = sines + row * half;
            for (int64_t head = 0; head < heads; ++head) {
                const float *from = in + row * row_stride + head * head_stride;
                float *to = out + (row * heads + head) * width;
                for (int64_t i = 0; i < half; ++i) {
                    const float a = from[i], b = from[half + i], turn = sign * s[i];
                    to[i] = a * c[i] - b * turn;
                    to[half + i] = b * c[i] + a * turn;
                }
            }
        }
    });
    return y;
}

struct Rotary : Function<Rotary> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &cosine, const Tensor &sine) {
        context->save_for_backward({cosine, sine});
        return rotate(x, cosine, sine, 1);
    }

    static variable_list backward(AutogradContext *context, const variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        return {rotate(gradients[0], saved[0], saved[1], -1), Tensor(), Tensor()};
    }
};

struct AdaptedLinear : Function<AdaptedLinear> {
    // `ups` holds only the B of linears that have an adapter, in order; `outs` and `ranks` describe every linear.
    static Tensor forward(
        AutogradContext *context, const Tensor &input, const Tensor &weight, const Tensor &down, at::TensorList ups,
        std::vector<int64_t> outs, std::vector<int64_t> ranks, double scale) {
        const Tensor x = input.contiguous();
        const Tensor wide = x.to(down.scalar_type());
        Tensor y = at::mm(x, weight.t());
        Tensor low = at::mm(wide, down.t());
        size_t next = 0;
        int64_t row = 0, column = 0;
        for (size_t i = 0; i < outs.size(); ++i) {
            if (ranks[i] > 0) {
                Tensor part = y.narrow(1, row, outs[i]);
                const Tensor into = low.narrow(1, column, ranks[i]), up = ups[next++].t();
                if (y.scalar_type() == low.scalar_type()) {
                    at::addmm_out(part, part, into, up, 1, scale);
                } else {
                    part.copy_(at::addmm(part.to(low.scalar_type()), into, up, 1, scale));
                }
                column += ranks[i];
            }
            row += outs[i];
        }
        variable_list kept = {weight, down, low, down.requires_grad() ? wide : Tensor()};
        kept.insert(kept.end(), ups.begin(), ups.end());
        context->save_for_backward(kept);
        context->saved_data["outs"] = outs;
        context->saved_data["ranks"] = ranks;
        context->saved_data["scale"] = scale;
        return y;
    }

    static variable_list backward(AutogradContext *context, const variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        const auto outs = context->saved_data["outs"].toIntVector();
        const auto ranks = context->saved_data["ranks"].toIntVector();
        const double scale = context->saved_data["scale"].toDouble();
        const Tensor &weight = saved[0], &down = saved[1], &low = saved[2], &x = saved[3];
        const Tensor g = gradients[0].contiguous(), wide = g.to(low.scalar_type());
        Tensor dlow = at::empty_like(low);
        variable_list result(3);
        int64_t row = 0, column = 0;
        size_t next = 4;
        for (size_t i = 0; i < outs.size(); ++i) {
            if (ranks[i] > 0) {
                const Tensor gradient = wide.narrow(1, row, outs[i]);
                Tensor part = dlow.narrow(1, column, ranks[i]);
                at::addmm_out(part, part, gradient, saved[next++], 0, scale);
                Tensor dup = at::empty({outs[i], ranks[i]}, low.options());
                at::addmm_out(dup, dup, gradient.t(), low.narrow(1, column, ranks[i]), 0, scale);
                result.push_back(dup);
                column += ranks[i];
            }
            row += outs[i];
        }
        if (context->needs_input_grad(0)) {
            Tensor dx = at::mm(g, weight);
            if (dx.scalar_type() == dlow.scalar_type()) {
                at::addmm_out(dx, dx, dlow, down);
                result[0] = dx;
            } else {
                result[0] = at::addmm(dx.to(dlow.scalar_type()), dlow, down).to(dx.scalar_type());
            }
        }
        if (context->needs_input_grad(2)) result[2] = at::mm(dlow.t(), x);
        result.resize(result.size() + 3);  // outs, ranks, scale
        return result;
    }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    require_matrix(x, "the input of RMSNorm");
    TORCH_CHECK(weight.dim() == 1 && weight.size(0) == x.size(1), "RMSNorm: weight and input differ in width");
    if (!is_plain(x) || !is_plain(weight)) return composed_rms_norm(x, weight, epsilon);
    return RMSNorm::apply(x, weight, epsilon);
}

at::Tensor swiglu(const at::Tensor &x) { return SwiGLU::apply(x); }

at::Tensor rotary(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine) {
    TORCH_CHECK(x.dim() == 3 && x.size(2) % 2 == 0 && x.is_floating_point(),
        "rotary: expected numbers [rows, heads, even width]");
    TORCH_CHECK(cosine.dim() == 2 && cosine.size(0) == x.size(0) && cosine.size(1) * 2 == x.size(2)
            && sine.sizes() == cosine.sizes() && cosine.is_contiguous() && sine.is_contiguous(),
        "rotary: cosine and sine must be [rows, width / 2]");
    if (!is_plain(x)) return composed_rotary(x, cosine, sine);
    return Rotary::apply(x, cosine, sine);
}

at::Tensor adapted_linear(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &down, const std::vector<AdaptedRows> &rows,
    double scale) {
    require_matrix(x, "the input of a linear");
    TORCH_CHECK(!weight.requires_grad(), "an adapted linear's own weight must be frozen");
    TORCH_CHECK(weight.scalar_type() == x.scalar_type(), "an adapted linear's weight and input differ in type");
    std::vector<at::Tensor> ups;
    std::vector<int64_t> outs, ranks;
    int64_t height = 0, rank = 0;
    for (const auto &linear : rows) {
        TORCH_CHECK((linear.rank > 0) == linear.up.defined(), "a rank needs its matrix");
        if (linear.rank > 0) {
            TORCH_CHECK(linear.up.dim() == 2 && linear.up.size(0) == linear.out && linear.up.size(1) == linear.rank,
                "expected an up-projection [", linear.out, ", ", linear.rank, "], found ", linear.up.sizes());
            ups.push_back(linear.up);
        }
        outs.push_back(linear.out);
        ranks.push_back(linear.rank);
        height += linear.out;
        rank += linear.rank;
    }
    TORCH_CHECK(weight.dim() == 2 && weight.size(0) == height && weight.size(1) == x.size(1),
        "expected a weight [", height, ", ", x.size(1), "], found ", weight.sizes());
    TORCH_CHECK(down.dim() == 2 && down.size(0) == rank && down.size(1) == x.size(1),
        "expected a down-projection [", rank, ", ", x.size(1), "], found ", down.sizes());
    return AdaptedLinear::apply(x, weight, down, at::TensorList(ups), outs, ranks, scale);
}

}  // namespace tributary
