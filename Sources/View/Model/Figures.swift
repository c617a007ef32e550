/// Numbers as people read them.
package enum Figures {
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return value.isNaN ? "-" : "\(value)" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(value) * scale).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        let digits = String(scaled % Int(scale))
        return "\(sign)\(scaled / Int(scale))." + String(repeating: "0", count: decimals - digits.count) + digits
    }

    /// About four digits.
    package static func short(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        if value == value.rounded(), abs(value) < 1e9 { return "\(Int(value))" }
        let size = abs(value)
        if size >= 1e9 { return "\(value)" }
        if size >= 100 { return fixed(value, 1) }
        if size >= 1 { return fixed(value, 3) }
        return size >= 0.0001 ? fixed(value, 4) : "\(value)"
    }

    /// `980`, `12.3k`, `4.56M`.
    package static func count(_ value: Double) -> String { scaled(value, 1000, ["", "k", "M", "G", "T"], "") }

    /// `980 B`, `12.3 KiB`.
    package static func bytes(_ value: Double) -> String {
        scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"], "")
    }

    private static func scaled(_ value: Double, _ base: Double, _ units: [String], _ sign: String) -> String {
        guard value.isFinite, value >= 0 else { return "-" }
        var (rest, unit) = (value, 0)
        while rest >= base, unit + 1 < units.count {
            rest /= base
            unit += 1
        }
        let decimals = unit == 0 ? (rest < 10 && rest != rest.rounded() ? 1 : 0) : rest < 10 ? 2 : rest < 100 ? 1 : 0
        return fixed(rest, decimals) + units[unit]
    }

    /// `4.2 ms`, `0.42 s`, `12.3 s`, `3m05s`, `2h10m`; of nanoseconds.
    package static func duration(_ nanoseconds: UInt64) -> String {
        let seconds = Double(nanoseconds) * 1e-9
        if seconds < 0.0995 { return "\(fixed(seconds * 1000, seconds < 0.00995 ? 1 : 0)) ms" }
        if seconds < 10 { return "\(fixed(seconds, 2)) s" }
        if seconds < 60 { return "\(fixed(seconds, 1)) s" }
        let whole = Int(min(seconds, 1e9).rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
        return "\(whole / 3600)h\(two(whole / 60 % 60))m"
    }

    /// For what grows while one looks at it: whole seconds.
    package static func age(_ nanoseconds: UInt64) -> String {
        let whole = Int(min(nanoseconds / 1_000_000_000, 1_000_000_000))
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m\(whole % 60 < 10 ? "0" : "")\(whole % 60)s" }
        return "\(whole / 3600)h\(whole / 60 % 60 < 10 ? "0" : "")\(whole / 60 % 60)m"
    }

    /// `08:15:02`, UTC.
    package static func clock(_ nanoseconds: UInt64) -> String {
        let second = Int(nanoseconds / 1_000_000_000 % 86_400)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }
}
