internal import CSodium

/// libsodium's one-time start; safe to ask for from any thread, any number of times.
enum Library {
    private static let started: Bool = sodium_init() >= 0

    static func start() throws(SodiumError) {
        guard started else { throw .unavailable }
    }
}
