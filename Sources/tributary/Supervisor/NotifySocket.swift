internal import Glibc
internal import Launching

/// The launcher's end of sd_notify(3): a datagram socket on which stages say that they are ready. The kernel tells who sent
/// each (SO_PASSCRED, unix(7)), so that a stage cannot speak for another.
final class NotifySocket {
    let path: String
    let descriptor: Descriptor

    /// Binds `path`, in a folder that is this user's alone; what an earlier launcher left there is removed.
    init(path: String) throws {
        self.path = path
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw LauncherError.system("socket") }
        descriptor = Descriptor(owning: number)
        var on: Int32 = 1
        guard setsockopt(number, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw LauncherError.system("setsockopt SO_PASSCRED")
        }
        unlink(path)
        guard try UnixAddress.with(path, { bind(number, $0, $1) }) == 0 else {
            throw LauncherError.system("bind \(path)")
        }
    }

    deinit { unlink(path) }

    /// Everything that has come since; what is not of this user is left out.
    func take() throws -> [NotifyMessage] {
        var messages: [NotifyMessage] = []
        while let message = try receive() {
            if let message = message { messages.append(message) }
        }
        return messages
    }

    /// Nil when nothing waits; `.some(nil)` for a datagram that nobody vouches for.
    private func receive() throws -> NotifyMessage?? {
        var text = [UInt8](repeating: 0, count: 4096)
        // One cmsghdr (16 bytes: length, level, type) and one ucred (pid, uid, gid), aligned as cmsg(3) asks.
        var control = [UInt64](repeating: 0, count: 8)
        var length = 0
        var count = 0
        repeat {
            count = text.withUnsafeMutableBytes { text in
                control.withUnsafeMutableBytes { control in
                    var part = iovec(iov_base: text.baseAddress, iov_len: text.count)
                    return withUnsafeMutablePointer(to: &part) { part in
                        var header = msghdr()
                        header.msg_iov = part
                        header.msg_iovlen = 1
                        header.msg_control = control.baseAddress
                        header.msg_controllen = control.count
                        let count = recvmsg(descriptor.number, &header, Int32(MSG_CMSG_CLOEXEC))
                        length = header.msg_controllen
                        return count
                    }
                }
            }
        } while count < 0 && errno == EINTR
        if count < 0 {
            guard errno == EAGAIN else { throw LauncherError.system("recvmsg") }
            return nil
        }
        let sender = control.withUnsafeBytes { control -> (pid: Int32, user: UInt32)? in
            guard length >= 28, control.loadUnaligned(fromByteOffset: 8, as: Int32.self) == SOL_SOCKET,
                control.loadUnaligned(fromByteOffset: 12, as: Int32.self) == NotifySocket.credentials
            else { return nil }
            return (
                control.loadUnaligned(fromByteOffset: 16, as: Int32.self),
                control.loadUnaligned(fromByteOffset: 20, as: UInt32.self)
            )
        }
        guard let sender, sender.user == geteuid() else { return .some(nil) }
        return NotifyMessage(text[..<count], from: sender.pid)
    }

    /// SCM_CREDENTIALS, which <sys/socket.h> gives only under _GNU_SOURCE.
    private static let credentials: Int32 = 2

    /// Tells the launcher's own supervisor, where it has one (`Type=notify`); nothing where it has none.
    static func announce(_ text: String) {
        guard let address = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), address.utf8.count > 1 else { return }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        let descriptor = Descriptor(owning: number)
        let bytes = Array(text.utf8)
        do {
            let sent = try UnixAddress.with(address) { sendto(descriptor.number, bytes, bytes.count, 0, $0, $1) }
            if sent < 0 {
                Terminal.warn("cannot tell the supervisor at \(address): \(String(cString: strerror(errno)))")
            }
        } catch { Terminal.warn("\(error)") }
    }
}
