/// Numbers as people read them. Always a point, never a locale's comma.
enum Figure {
    /// `decimals` digits after the point.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return value.description }
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return sign + String(scaled / scale) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// At most four digits after the point, without zeros at the end.
    static func short(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return value.description }
        var text = fixed(value, 4)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    /// Three significant digits: `0.0123`, `1e-05`, `101000`.
    static func significant(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return short(value) }
        var scale = 1.0
        while abs(value) * scale < 100 { scale *= 10 }
        while abs(value) * scale >= 1000 { scale /= 10 }
        let rounded = (value * scale).rounded() / scale
        return abs(rounded) >= 0.01 ? short(rounded) : rounded.description
    }

    static func bytes(_ count: Double) -> String {
        switch count {
        case ..<1024: "\(fixed(count, 0)) B"
        case ..<1_048_576: "\(fixed(count / 1024, 1)) KiB"
        case ..<1_073_741_824: "\(fixed(count / 1_048_576, 2)) MiB"
        default: "\(fixed(count / 1_073_741_824, 2)) GiB"
        }
    }

    static func seconds(_ value: Double) -> String {
        value < 10 ? "\(fixed(value, 2)) s" : value < 120 ? "\(fixed(value, 1)) s" : "\(fixed(value / 60, 1)) min"
    }

    /// `2026-01-31T08:00:00Z` from seconds since 1970, by the civil calendar.
    static func utc(secondsSince1970 seconds: Int) -> String {
        // Days since 0000-03-01, so that a leap day ends a year (H. Hinnant, "chrono-compatible low-level date algorithms").
        let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let time = seconds - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ value: Int, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month))-\(padded(dayOfMonth))"
            + "T\(padded(time / 3600)):\(padded(time / 60 % 60)):\(padded(time % 60))Z"
    }
}
