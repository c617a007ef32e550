import Testing
import ZeroMQ

@Suite("Sockets")
struct SocketTests {
    /// Waits until `socket` has a message; the test fails by its time limit if none comes.
    private func next(_ socket: borrowing Socket) throws -> Message {
        while true {
            if let message = try socket.receive() { return message }
            var items = [PollItem(socket, forInput: true, forOutput: false)]
            try poll(&items, milliseconds: nil)
        }
    }

    @Test("Frames arrive as one message", .timeLimit(.minutes(1)))
    func frames() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        try pull.bind("inproc://frames")
        let push = try Socket(.push, in: context)
        try push.connect("inproc://frames")
        #expect(try push.send([[1], [], [2, 3]]))
        #expect(try next(pull).frames == [[1], [], [2, 3]])
        #expect(try pull.receive() == nil)
    }

    @Test("A push with nobody to take it says so")
    func noPeer() throws {
        let context = try Context()
        let push = try Socket(.push, in: context)
        try push.set(.lingerMilliseconds(0))
        #expect(try push.send([[1]]) == false)
    }

    @Test("A message of too many frames is marked", .timeLimit(.minutes(1)))
    func overlong() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        try pull.bind("inproc://overlong")
        let push = try Socket(.push, in: context)
        try push.connect("inproc://overlong")
        #expect(try push.send([[UInt8]](repeating: [1], count: 8)))
        #expect(try next(pull).isOverlong == false)
        #expect(try push.send([[UInt8]](repeating: [1], count: 9)))
        let message = try next(pull)
        #expect(message.isOverlong)
        #expect(message.frames.count == 8)
    }

    @Test("A bad endpoint is named")
    func badEndpoint() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        let error = #expect(throws: ZeroMQError.self) { try pull.bind("tcp://not an address") }
        #expect(error?.description.contains("tcp://not an address") == true)
    }
}
