internal import CTorchInterface

extension Tensor {
    /// `self` [rows, in] times `weight` [out, in] transposed.
    package func linear(_ weight: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, weight)) { library.api.pointee.linear(self.handle, weight.handle) }
        return try Tensor(library, handle, "linear")
    }

    /// Rows of `self` [vocabulary, width].
    package func embedding(_ indices: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, indices)) {
            library.api.pointee.embedding(self.handle, indices.handle)
        }
        return try Tensor(library, handle, "embedding")
    }

    /// `self` [rows, width] over its root mean square, times `weight` [width].
    package func rmsNorm(_ weight: Tensor, epsilon: Double) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, weight)) {
            library.api.pointee.rms_norm(self.handle, weight.handle, epsilon)
        }
        return try Tensor(library, handle, "rms_norm")
    }

    /// silu(gate) * up, where `self` [rows, 2 f] holds gate, then up.
    package func swiGLU() throws(TorchError) -> Tensor {
        try Tensor(library, extended { library.api.pointee.swiglu($0) }, "swiglu")
    }

    /// Turns `self` [rows, heads, width] by the angles whose `cosine` and `sine` are [rows, width / 2].
    package func rotary(cosine: Tensor, sine: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, cosine, sine)) {
            library.api.pointee.rotary(self.handle, cosine.handle, sine.handle)
        }
        return try Tensor(library, handle, "rotary")
    }

    /// Scaled dot-product attention; `self` is the query [batch, heads, length, width]. `mask` is added to the scores.
    package func attention(key: Tensor, value: Tensor, mask: Tensor?, causal: Bool) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, key, value, mask)) {
            library.api.pointee.attention(self.handle, key.handle, value.handle, mask?.handle, causal)
        }
        return try Tensor(library, handle, "scaled_dot_product_attention")
    }

    /// One linear of an adapted group: its height, and B [height, rank] where it has an adapter.
    package struct AdaptedRows {
        package let height: Int
        package let up: Tensor?
        package let rank: Int

        package init(height: Int, up: Tensor?, rank: Int) {
            self.height = height
            self.up = up
            self.rank = up == nil ? 0 : rank
        }
    }

    /// `self` W^T + scale * (`self` A^T) B^T for linears that read the same input: `weight` W stacks their rows, `down` A
    /// the rows of their down-projections, in order. W must be frozen.
    package func adaptedLinear(
        weight: Tensor, down: Tensor, rows: [AdaptedRows], scale: Double
    ) throws(TorchError) -> Tensor {
        let heights = rows.map { Int64($0.height) }
        let ranks = rows.map { Int64($0.rank) }
        let handle = withExtendedLifetime((self, weight, down, rows)) {
            library.api.pointee.adapted_linear(
                self.handle, weight.handle, down.handle, rows.map { $0.up?.handle }, heights, ranks, Int32(rows.count),
                scale)
        }
        return try Tensor(library, handle, "adapted_linear")
    }

    /// Mean over rows of -log softmax(`self` [rows, classes])[target].
    package func crossEntropy(_ targets: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, targets)) {
            library.api.pointee.cross_entropy(self.handle, targets.handle)
        }
        return try Tensor(library, handle, "cross_entropy_loss")
    }
}
