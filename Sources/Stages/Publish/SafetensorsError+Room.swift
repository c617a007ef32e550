internal import Safetensors
internal import StageKit

extension SafetensorsError: RoomFault {
    /// Of a release's files, which take room only for as long as they are being written.
    var isForWantOfRoom: Bool {
        guard case .system(_, _, let code) = self else { return false }
        return StageKit.isForWantOfRoom(code)
    }
}
