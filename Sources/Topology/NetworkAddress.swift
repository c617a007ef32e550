internal import Glibc

/// Checks of addresses as users write them.
package enum NetworkAddress {
    /// What is wrong with an address to bind; nil when nothing is.
    static func refusalToBind(_ text: String) -> String? {
        if isLiteral(text) { return nil }
        return refusalOfForm(text)
            ?? "expected an IPv4 or IPv6 address of this host (0.0.0.0 for all), found \"\(text.prefix(80))\""
    }

    /// What is wrong with an address to dial; nil when nothing is.
    static func refusalToDial(_ text: String) -> String? {
        if isWildcard(text) { return "nobody can dial \(text): write the address that the other clouds reach" }
        if isLiteral(text) || isHostName(text) { return nil }
        return refusalOfForm(text) ?? "expected an IPv4 or IPv6 address or a host name, found \"\(text.prefix(80))\""
    }

    static func isWildcard(_ text: String) -> Bool { text == "0.0.0.0" || text == "::" }

    static func isLoopback(_ text: String) -> Bool { text.hasPrefix("127.") || text == "::1" || text == "localhost" }

    /// An IPv4 or IPv6 address by inet_pton(3), rather than a name that must be asked for.
    package static func isLiteral(_ text: String) -> Bool {
        var room = in6_addr()
        return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1
    }

    /// RFC 1123, section 2.1: the last label of a name is not a number.
    private static func isHostName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last, !last.allSatisfy(\.isNumber) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
    }

    private static func refusalOfForm(_ text: String) -> String? {
        if text.contains("://") {
            return "write the address alone: tcp is understood, ports go under `work` and `news`"
        }
        if text.filter({ $0 == ":" }).count == 1 { return "write the address alone: ports go under `work` and `news`" }
        return nil
    }
}
