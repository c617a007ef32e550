package import MessagePack

/// What an opening says where not all of an update is encrypted (docs/protocol.md, "Selective encryption").
package enum PartialEncryption: Hashable, Sendable {
    /// The values of the mask are encrypted. The others go in clear, each with Gaussian noise of its cloud's, of standard
    /// deviation noise * (clip norm) / sqrt(number of values).
    case selective(ValueMask, noise: Double)
    /// Equation 4 of arXiv 2503.12226 to the letter: each cloud sends its update times omega encrypted, and its update times
    /// 1 - omega in clear. Hides nothing.
    case literal(omega: Double)

    package static let noises = 0x1p-20...0x1p20
    package static let omegas = 0x1p-20...(1 - 0x1p-20)

    /// Formulas by the names that configurations, openings and manifests use.
    package enum Formula: String, Sendable, CaseIterable {
        case selective
        case literal = "literal-eq4"
    }

    package var formula: Formula {
        switch self {
        case .selective: .selective
        case .literal: .literal
        }
    }

    /// Why the literal formula hides nothing: said wherever it is in use.
    package static let leak =
        "literal-eq4 hides nothing: the part in clear is the cloud's update times a factor that everybody knows (1 - omega), so dividing by it gives the update; and omega cancels in the sum, which is plain averaging"
}

extension PartialEncryption {
    package var value: Value {
        switch self {
        case .selective(let mask, let noise):
            .map([
                ("formula", .text(formula.rawValue)), ("mask", .bytes(mask.bytes)), ("noise", .double(noise)),
                ("omega", .none),
            ])
        case .literal(let omega):
            .map([
                ("formula", .text(formula.rawValue)), ("mask", .none), ("noise", .none), ("omega", .double(omega)),
            ])
        }
    }

    /// - Parameter values: how many the opening's layout has.
    package init(_ value: Value, values: Int) throws {
        var fields = try Fields(value, at: "encryption")
        let formula: Formula = try fields.choice("formula")
        switch formula {
        case .selective:
            let mask = try ValueMask(bytes: fields.bytes("mask", limit: ValueMask.maximumBytes), values: values)
            self = .selective(mask, noise: try fields.real("noise", in: PartialEncryption.noises))
            try fields.empty("omega")
        case .literal:
            self = .literal(omega: try fields.real("omega", in: PartialEncryption.omegas))
            try fields.empty("mask")
            try fields.empty("noise")
        }
        try fields.finish()
    }
}
