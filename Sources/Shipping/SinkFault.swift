internal import Glibc

/// Why a sink cannot be used, or not now.
package struct SinkFault: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    init(_ what: String, errno code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
}
