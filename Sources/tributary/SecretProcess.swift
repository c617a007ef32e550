internal import BigInteger
internal import CLinux

/// A command that makes keys.
enum SecretProcess {
    /// As stages do: no core dump, and no debugger of the same user. Numbers, the primes among them, lie in guarded memory. Before the
    /// first number.
    static func begin() throws {
        guard tributary_forbid_dumps() == 0 else { throw LauncherError.system("prctl(PR_SET_DUMPABLE)") }
        NumberMemory.guardAll()
    }
}
