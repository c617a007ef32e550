extension StageError {
    /// Reads a base model's folder; what is wrong with that is told with the folder and with what to do about it.
    package static func reading<Output>(baseModel folder: String, _ body: () throws -> Output) throws -> Output {
        do {
            return try body()
        } catch let error as StageError {
            throw error
        } catch let error as any RoomFault where error.isForWantOfRoom {
            throw error
        } catch {
            throw StageError.configuration("\(folder): \(error); copy the federation's base model there again, whole")
        }
    }
}
