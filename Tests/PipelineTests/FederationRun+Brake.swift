import Federation
import Foundation
import Glibc

extension FederationRun {
    /// Lets a stage run for a quarter of the time until the task is cancelled.
    func slowDown(_ stage: StageName) -> Task<Void, Never> {
        Task.detached { [self] in
            // A sleep throws when the task is cancelled alone, which the loop asks for itself: a stopped stage must be let go first.
            while !Task.isCancelled {
                signal(SIGSTOP, to: stage)
                do { try await Task.sleep(for: .milliseconds(60)) } catch {}
                signal(SIGCONT, to: stage)
                do { try await Task.sleep(for: .milliseconds(20)) } catch {}
            }
            signal(SIGCONT, to: stage)
        }
    }
}
